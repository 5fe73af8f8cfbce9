"""The continuous Raiffa path below frontiers known by their values: against symmetry, polygons and many digits."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from bargaining import Frontier, Polytope, Problem, certify, continuous_raiffa
from bargaining.exact._concepts import raiffa_path_frontier
from bargaining.exact._concepts.bodies import body
from bargaining.exact._concepts.raiffa_path_frontier import Below
from bargaining.exact._concepts.raiffa_path_polytope import continuous_raiffa as boxed

F = Fraction
PARABOLA = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
CIRCLE = Frontier(lambda x: np.sqrt(1 - x**2), 0, 1)
CORNERS = [(0, F(7, 2)), (1, F(13, 4)), (2, F(9, 4)), (3, F(1, 4))]


def bent(x: np.ndarray) -> np.ndarray:
    """Return the chain through CORNERS."""
    return np.minimum(np.minimum(3.5 - x / 4, 4.25 - x), 6.25 - 2 * x)


def in_many_digits(
    above: Callable[[mpmath.mpf], mpmath.mpf], beside: Callable[[mpmath.mpf], mpmath.mpf], until: int
) -> list[mpmath.mpf]:
    """Follow the path by Taylor series until half of what is left leads to the frontier."""
    path = mpmath.odefun(lambda t, x: [beside(x[1]) - x[0], above(x[0]) - x[1]], 0, [mpmath.mpf(0)] * 2)
    x = path(until)
    return [x[0] + (beside(x[1]) - x[0]) / 2, x[1] + (above(x[0]) - x[1]) / 2]


def test_a_parabola_in_many_digits() -> None:
    with mpmath.workdps(18):
        end = in_many_digits(lambda x: 4 - x**2, lambda y: mpmath.sqrt(4 - y), 9)
    assert [float(v) for v in end] == pytest.approx([1.1765897, 2.6156366], abs=1e-7)
    for feasible in (PARABOLA, Frontier(PARABOLA.function, 0, 2)):
        division = replace(
            continuous_raiffa(Problem(feasible, [0, 0])), payoffs=np.array([float(v) for v in end])
        )
        proof = certify(division)
        assert proof.bound < (1e-12 if feasible is PARABOLA else 5e-12)
        assert proof.holds == (feasible is PARABOLA)
        assert "enclosed" in proof.statement


@pytest.mark.dear("<lambda>")
@pytest.mark.parametrize("derivative", [None, lambda x: -x / np.sqrt(1 - x**2)])
def test_symmetry_says_where_a_circle_ends(derivative: Callable[[np.ndarray], np.ndarray] | None) -> None:
    """Slopes are infinite where the path reads its first points."""
    with np.errstate(divide="ignore"):
        circle = Frontier(CIRCLE.function, 0, 1, derivative=derivative)
        division = continuous_raiffa(Problem(circle, [0, 0]))
        exact = replace(division, payoffs=np.full(2, np.sqrt(0.5)))
        assert certify(exact).bound < 5e-12
        assert certify(division).bound < 5e-12


def test_the_box_holds_what_a_polygon_says() -> None:
    """A chain of straight pieces as a function, and as a polygon, whose path other code encloses to 1e-30."""
    problem = Problem(Frontier(bent, 0, 3), [0, 0])
    exact = boxed(body(Polytope([*CORNERS, (3, 0), (0, 0)]), [0, 0]))
    assert exact.low is not None
    exactly = replace(continuous_raiffa(problem), payoffs=np.array([float(v) for v in exact.low]))
    assert certify(exactly).bound < 1e-9


@pytest.mark.parametrize("nodes", [2**9, 2**12])
def test_few_nodes_prove_less_but_nothing_false(nodes: int) -> None:
    """Boxes hold (1, 1)/sqrt 2 with any number of nodes, and widen as their square falls."""

    def function(x: np.ndarray) -> np.ndarray:
        return np.asarray(np.sqrt(1 - x**2))

    below = Below(
        function=function,
        inverse=lambda y: function(np.maximum(y, 0)),
        derivative=None,
        low=0.0,
        high=1.0,
        d=np.zeros(2),
        gains=np.ones(2),
        off=0.0,
        nodes=nodes,
    )
    box = raiffa_path_frontier.continuous_raiffa(below)
    assert box is not None
    assert all(x**2 <= F(1, 2) <= y**2 for x, y in zip(*box, strict=True))
    assert max(y - x for x, y in zip(*box, strict=True)) < 16 / nodes**2


def test_what_is_a_little_off_does_not_hold() -> None:
    problem = Problem(PARABOLA, [0.1, 0.2])
    division = continuous_raiffa(problem)
    assert certify(division).holds
    for shift in (1e-10, -1e-10):
        x = division.payoffs[0] + shift
        assert not certify(replace(division, payoffs=np.array([x, 4 - x * x]))).holds


def test_other_units_and_names_and_cells() -> None:
    problem = Problem(PARABOLA, [0.1, 0.2])
    division = continuous_raiffa(problem)
    other = problem.rescale([3, 0.7], [1, -2]).relabel([1, 0]).restrict()
    payoffs = (division.payoffs * [3, 0.7] + [1, -2])[::-1]
    assert certify(replace(division, problem=other, payoffs=payoffs)).holds
    slopes = np.array([1.0, 2.0])
    both = Frontier(
        lambda x: 4 - slopes * x**2, 0.0, np.array([2.0, 1.4]), derivative=lambda x: -2 * slopes * x
    )
    cells = continuous_raiffa(Problem(both, [0.1, 0.2]))
    assert all(certify(cells, cell=(k,)).bound < 1e-11 for k in range(2))


@pytest.mark.dear("1000000.0")
@pytest.mark.parametrize("origin", [1e4, 1e6])
def test_far_from_zero_rounding_is_all_that_is_lost(origin: float) -> None:
    far = Frontier(lambda x: origin + 4 - (x - origin) ** 2, origin, origin + 2)
    division = continuous_raiffa(Problem(far, [origin, origin]))
    assert certify(division).bound < 1e-12 * origin


def test_where_somebody_gains_nothing_and_where_nothing_is_feasible() -> None:
    on_it = continuous_raiffa(Problem(PARABOLA, [1, 3]))
    assert certify(on_it).bound < 1e-12
    beyond = continuous_raiffa(Problem(PARABOLA, [1, 3.5]))
    assert "EMPTY" in certify(beyond).statement
    floor = Problem(Problem(PARABOLA, [0.5, 0.5]).restrict().feasible, [0, 0])
    assert not certify(replace(on_it, problem=floor)).holds
