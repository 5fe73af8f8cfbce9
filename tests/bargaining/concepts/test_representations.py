"""Every concept on sets that are neither polygons nor functions: programs, wrapped sets, one player."""

from functools import partial

import numpy as np
import pytest

from bargaining import (
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    conley_wilkie,
    equal_loss,
    gupta_livne,
    lexicographic_egalitarian,
    perles_maschler,
    yu,
)
from every_concept import Method, but
from known_sets import VALUES, two_issues

METHODS = [
    *but("nash", "kalai_smorodinsky", "egalitarian", "utilitarian", "gupta_livne"),
    partial(gupta_livne, reference=[0.5, 0.5]),
]
each = pytest.mark.parametrize("method", METHODS, ids=lambda m: str(getattr(m, "func", m).__name__))


class Disc:
    """The quarter disc x0^2 + x1^2 <= 9 and everything below it, by its answers alone."""

    players, batch_shape = 2, ()

    def support(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = np.linalg.norm(weights, axis=-1)
        bounded = (weights >= 0).all(axis=-1)
        where = np.where(bounded[..., None], 3 * weights / size[..., None], np.nan)
        return np.where(bounded, 3 * size, np.inf), where

    def ideal(self, floor: np.ndarray) -> np.ndarray:
        best = np.sqrt(np.maximum(9 - np.maximum(floor[..., ::-1], 0) ** 2, 0))
        empty = (np.maximum(floor, 0) ** 2).sum(axis=-1, keepdims=True) > 9 * (1 + 1e-14)
        return np.where(empty, -np.inf, np.maximum(best, floor))

    def ray(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        o0, o1 = np.moveaxis(origin, -1, 0)
        p0, p1 = np.moveaxis(direction, -1, 0)
        a, b, c = p0**2 + p1**2, o0 * p0 + o1 * p1, o0**2 + o1**2 - 9
        with np.errstate(invalid="ignore"):
            return np.where(b * b >= a * c, (-b + np.sqrt(np.maximum(b * b - a * c, 0))) / a, -np.inf)

    def contains(self, x: np.ndarray, *, tol: float = 1e-12) -> np.ndarray:
        return np.asarray((np.maximum(x, 0) ** 2).sum(axis=-1) <= 9 * (1 + tol))


ARC = Frontier(
    lambda x: np.sqrt(np.maximum(9 - x**2, 0)),
    0,
    3,
    derivative=lambda x: -x / np.sqrt(np.maximum(9 - x**2, 0)),
)


@pytest.mark.dear("d1-continuous_raiffa", "d0-continuous_raiffa")
@each
@pytest.mark.parametrize("d", [(0, 0), (0.25, 0.5)])
def test_a_disc_is_the_frontier_it_has(method: Method, d: tuple[float, float]) -> None:
    if method is conley_wilkie:
        pytest.skip("it needs a product of gains, which other tests ask of such sets")
    with np.errstate(divide="ignore", invalid="ignore"):
        asked, known = method(Problem(Disc(), d)), method(Problem(ARC, d))
    assert asked.status == known.status == Status.OK
    np.testing.assert_allclose(asked.payoffs, known.payoffs, atol=1e-11)


def point_at(rate: float) -> np.ndarray:
    """Return the best payoffs where one unit for player 1 counts as `rate` for player 0."""
    z = 1 / (1 + (rate * VALUES[1] / VALUES[0]) ** 2)
    return np.array([VALUES[0] @ np.sqrt(z), VALUES[1] @ np.sqrt(1 - z)])


@pytest.mark.slow
@each
def test_a_program_of_two_issues(method: Method) -> None:
    division = method(Problem(two_issues(), [0.0, 0.0])).raise_if_failed()
    name = getattr(method, "func", method).__name__
    expected = [4, 0] if name == "dictatorial" else point_at(1.0)  # it is symmetric
    np.testing.assert_allclose(division.payoffs, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.slow
def test_perles_maschler_of_a_program_by_quadrature_in_prices() -> None:
    from scipy.integrate import quad
    from scipy.optimize import brentq

    # Along the frontier dx0 = -rate dx1, so the integrand in the rate is |dx0/drate| / sqrt(rate).
    def density(t: float) -> float:
        rate = np.exp(t)
        ratio = (rate * VALUES[1] / VALUES[0]) ** 2
        speed = (VALUES[0] * (1 + ratio) ** -1.5 * ratio).sum()  # |dx0/dt|
        return float(speed / np.sqrt(rate))

    d = np.array([1.0, 0.5])
    low = brentq(lambda t: point_at(np.exp(t))[1] - d[1], -30, 30, xtol=1e-14)
    high = brentq(lambda t: point_at(np.exp(t))[0] - d[0], -30, 30, xtol=1e-14)
    whole = quad(density, low, high, epsabs=1e-13, epsrel=1e-13)[0]
    half = brentq(lambda t: quad(density, low, t, epsabs=1e-13, epsrel=1e-13)[0] - whole / 2, low, high)
    division = perles_maschler(Problem(two_issues(), d)).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, point_at(np.exp(half)), rtol=1e-10)


@pytest.mark.dear("continuous_raiffa")
@each
def test_wrapped_frontiers(method: Method) -> None:
    if getattr(method, "func", method) in (yu, gupta_livne, equal_loss, lexicographic_egalitarian):
        pytest.skip("not invariant to the units, or asked with a reference in other ones")
    parabola = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
    plain = Problem(parabola, [0.1, 0.2])
    moved = plain.rescale([3.0, 1e-3], [5.0, -2.0])
    expected = method(plain).payoffs * [3.0, 1e-3] + [5.0, -2.0]
    division = method(moved)
    assert division.status == Status.OK
    np.testing.assert_allclose(division.payoffs, expected, rtol=1e-11)


@each
def test_one_player_takes_the_best(method: Method) -> None:
    for feasible in (TransferableSurplus(5, players=1), Polytope([[1.0], [5.0]])):
        problem = Problem(feasible, [2])
        if method is perles_maschler:
            with pytest.raises(NotApplicable):
                method(problem)
            continue
        if isinstance(method, partial) and method.func is gupta_livne:
            method = partial(gupta_livne, reference=[3])
        division = method(problem)
        assert division.status == Status.OK
        np.testing.assert_allclose(division.payoffs, [5], rtol=1e-14)
