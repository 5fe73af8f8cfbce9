"""Perles-Maschler: closed forms, exact lengths, superadditivity, and the doubt that is reported."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given

from bargaining import (
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    continuous_raiffa,
    raiffa,
)
from bargaining.concepts.perles_maschler import perles_maschler
from bargaining.feasible.points import FreeDisposalHull
from drawn_sets import chain, steps


def test_parabola_in_closed_form() -> None:
    x, t = sp.symbols("x t", positive=True)
    f = 4 - x**2
    length = sp.integrate(sp.sqrt(-sp.diff(f, x)), x)
    (half,) = sp.solve(sp.Eq(2 * length.subs(x, t), length.subs(x, 2)), t)
    assert sp.simplify(half - 2 ** sp.Rational(1, 3)) == 0
    for slope in (lambda x: -2 * x, None):
        division = perles_maschler(Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=slope), [0, 0]))
        expected = [2 ** (1 / 3), 4 - 2 ** (2 / 3)]
        np.testing.assert_allclose(division.payoffs, expected, rtol=0, atol=4 * division.residual)
        assert division.residual <= 1e-10
        assert division.status == Status.OK


@pytest.mark.parametrize("power", [1.5, 2, 3, 4, 6])
def test_slopes_that_are_infinite_at_the_end(power: float) -> None:
    frontier = Frontier(
        lambda x: np.maximum(1 - x**power, 0) ** (1 / power),
        0,
        1,
        derivative=lambda x: -(x ** (power - 1)) * np.maximum(1 - x**power, 0) ** (1 / power - 1),
    )
    with np.errstate(divide="ignore"):
        division = perles_maschler(Problem(frontier, [0, 0]))
    # It is symmetric.
    np.testing.assert_allclose(division.payoffs, 2 ** (-1 / power), rtol=0, atol=4 * division.residual)
    assert division.status == Status.OK


def test_a_kink_anywhere() -> None:
    for kink in (0.3, 0.5, 0.777, 1.0, 1.9):
        steep = 4 - kink**2
        frontier = Frontier(
            lambda x, k=kink, s=steep: np.where(x < k, 4 - x**2, s * (1 - (x - k) / (2 - k) * 0.9999)),
            0,
            2,
            derivative=lambda x, k=kink, s=steep: np.where(x < k, -2 * x, -s * 0.9999 / (2 - k)),
        )
        division = perles_maschler(Problem(frontier, [0, 0.0001 * steep])).raise_if_failed()
        rate = np.sqrt(steep * 0.9999 / (2 - kink))
        before = 2 / 3 * np.sqrt(2) * kink**1.5
        half = (before + rate * (2 - kink)) / 2
        x = kink + (half - before) / rate if half > before else (half * 3 / 2 / np.sqrt(2)) ** (2 / 3)
        assert division.payoffs[0] == pytest.approx(x, abs=4 * division.residual)


@given(steps)
def test_polygons_in_exact_radicals(pairs: list[tuple[int, int]]) -> None:
    corners = chain(pairs)
    x = perles_maschler(Problem(Polytope(corners, free_disposal=True), [0, 0])).payoffs
    lengths = [sp.sqrt(int(a * b)) for a, b in np.abs(np.diff(corners, axis=0))]
    half, exact = sum(lengths) / 2, None
    for k, length in enumerate(lengths):
        done = sum(lengths[:k], sp.Integer(0))
        if sp.N(done + length - half, 50) >= 0:
            share = (half - done) / length
            exact = [
                sp.N(int(a) + share * int(b - a), 30) for a, b in zip(corners[k], corners[k + 1], strict=True)
            ]
            break
    assert exact is not None
    np.testing.assert_allclose(x, np.array(exact, dtype=float), rtol=1e-14, atol=1e-14)


@given(steps, steps)
def test_superadditive(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    # The frontier of a sum of sets has the steps of both, in the order of their slopes.
    each, both = (
        [perles_maschler(Problem(Polytope(chain(s), free_disposal=True), [0, 0])).payoffs for s in sets]
        for sets in ((one, other), (one + other,))
    )
    assert (both[0] >= each[0] + each[1] - 1e-12).all()


def test_level_and_upright_pieces_count_for_nothing() -> None:
    cut = Polytope([[0, 2], [1, 2], [3, 1], [3, 0], [0, 0]])
    np.testing.assert_allclose(perles_maschler(Problem(cut, [0, 0])).payoffs, [2, 1.5])
    square = Polytope([[1, 1], [0, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(perles_maschler(Problem(square, [0, 0])).payoffs, [1, 1])
    np.testing.assert_allclose(perles_maschler(Problem(TransferableSurplus(6), [1, 3])).payoffs, [2, 4])


def test_a_half_plane_is_no_curve() -> None:
    # It has no list of vertices, and asked point by point it takes minutes.
    for method in (perles_maschler, raiffa, continuous_raiffa):
        half = method(Problem(Polytope.from_inequalities([[1, 2]], [6]), [1, 0]))
        assert half.status == Status.OK
        np.testing.assert_allclose(half.payoffs, [3.5, 1.25], rtol=1e-14)
    wedge = Polytope.from_inequalities([[1, 2], [2, 1]], [6, 6])
    batch = perles_maschler(Problem(wedge, [[0, 0], [-9, 0], [2, 2], [5, 5]]))
    assert batch.status.tolist() == [Status.OK, Status.OK, Status.DEGENERATE, Status.EMPTY]
    np.testing.assert_allclose(batch.payoffs[0], [2, 2], rtol=1e-14)
    bounded = Polytope.from_inequalities([[1, 2], [2, 1], [-1, 0], [0, -1]], [6, 6, 9, 9])
    np.testing.assert_allclose(
        batch.payoffs, perles_maschler(Problem(bounded, batch.problem.disagreement)).payoffs
    )


def test_a_circle_without_a_derivative() -> None:
    """Values alone follow a slope to infinity."""
    circle = Frontier(lambda x: np.sqrt(np.maximum(1 - x**2, 0)), 0, 1)
    division = perles_maschler(Problem(circle, [0, 0]))
    assert division.status == Status.OK
    np.testing.assert_allclose(division.payoffs, np.sqrt(0.5), rtol=0, atol=4 * division.residual)


def test_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="two players; got 3"):
        perles_maschler(Problem(TransferableSurplus(1, players=3), [0, 0, 0]))
    with pytest.raises(NotApplicable, match="needs a convex set"):
        perles_maschler(Problem(FreeDisposalHull([[1, 2], [2, 1]]), [0, 0]))
