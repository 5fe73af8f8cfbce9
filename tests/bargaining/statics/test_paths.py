"""How ends of Raiffa's paths answer where they start, against paths followed in many digits that share no code."""

from collections.abc import Callable
from itertools import product
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import (
    Frontier,
    Polytope,
    Problem,
    TransferableSurplus,
    continuous_raiffa,
    raiffa,
    sensitivity,
)
from bargaining.statics.sensitivity import _bent

ROWS = [[1, 1, 1], [1, 2, 0], [0, 1, 3]]
LIMITS = [3, 3, 4]
SOLID = Polytope.from_inequalities([*ROWS, *-np.eye(3)], [*LIMITS, 0, 0, 0])
FLAT = Polytope([[0, 3], [1, 2.5], [2, 1], [2.5, 0], [0, 0]])
FLAT_ROWS, FLAT_LIMITS = [[0.5, 1], [1.5, 1], [2, 1]], [3, 4, 5]
ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
BARE = Frontier(lambda x: 4 - x**2, 0, 2)


def gains(rows: Any, limits: Any, x: Any) -> tuple[list[Any], list[int]]:
    """Return what is left to each player, and the facet that holds it."""
    slack = [
        mp.mpf(c) - sum(mp.mpf(a) * v for a, v in zip(row, x, strict=True))
        for row, c in zip(rows, limits, strict=True)
    ]
    found = [
        min((slack[k] / mp.mpf(row[i]), k) for k, row in enumerate(rows) if row[i] > 0) for i in range(len(x))
    ]
    return [g for g, _ in found], [k for _, k in found]


def discrete(rows: Any, limits: Any, d: Any) -> list[Any]:
    x = list(d)
    for _ in range(400):
        x = [v + g / len(x) for v, g in zip(x, gains(rows, limits, x)[0], strict=True)]
    return x


def continuous(rows: Any, limits: Any, d: Any) -> list[Any]:
    """Follow the linear pieces; where another facet comes to hold somebody is found by halving."""
    x, n = list(d), len(d)
    for _ in range(300):
        g, held = gains(rows, limits, x)
        jump = [v + w / n for v, w in zip(x, g, strict=True)]
        if len(set(held)) == 1 and max(map(abs, gains(rows, limits, jump)[0])) < mp.mpf("1e-40"):
            return jump
        matrix = -mp.matrix([[mp.mpf(a) / mp.mpf(rows[held[i]][i]) for a in rows[held[i]]] for i in range(n)])

        def at(t: Any, x: Any = x, g: Any = g, matrix: Any = matrix) -> list[Any]:
            system = mp.zeros(n + 1)
            for i in range(n):
                system[i, n] = g[i]
                for j in range(n):
                    system[i, j] = matrix[i, j]
            moved = mp.expm(system * t)
            return [x[i] + moved[i, n] for i in range(n)]

        step = mp.mpf(1) / 8
        if gains(rows, limits, at(step))[1] != held:
            low, high = mp.mpf(0), step
            while high - low > mp.mpf("1e-40"):
                mid = (low + high) / 2
                low, high = (mid, high) if gains(rows, limits, at(mid))[1] == held else (low, mid)
            step = high
        x = at(step)
    raise AssertionError("the path does not end")


def slopes(end: Callable[[Any], list[Any]], d: Any) -> Any:
    h, columns = mp.mpf("1e-14"), []
    for k in range(len(d)):
        ends = []
        for sign in (1, -1):
            moved = [mp.mpf(v) for v in d]
            moved[k] += sign * h
            ends.append(end(moved))
        columns.append([float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)])
    return np.array(columns).T


CASES = {
    "discrete": (raiffa, SOLID, [0.1, 0.3, 0.2], lambda d: discrete(ROWS, LIMITS, d)),
    "continuous": (continuous_raiffa, SOLID, [0.1, 0.3, 0.2], lambda d: continuous(ROWS, LIMITS, d)),
    "below sides": (continuous_raiffa, FLAT, [0.3, 0.2], lambda d: continuous(FLAT_ROWS, FLAT_LIMITS, d)),
    "past a corner": (continuous_raiffa, FLAT, [0.9, 0.2], lambda d: continuous(FLAT_ROWS, FLAT_LIMITS, d)),
}


@pytest.mark.parametrize(
    "key", ["discrete", *(pytest.param(k, marks=pytest.mark.slow) for k in [*CASES][1:])]
)
def test_ends_of_paths_below_facets_answer_their_start(key: str) -> None:
    concept, feasible, d, end = CASES[key]
    with mp.workdps(50):
        division = concept(Problem(feasible, d))
        np.testing.assert_allclose(
            division.payoffs, [float(v) for v in end([mp.mpf(v) for v in d])], atol=1e-11
        )
        found, exact = sensitivity(division, wrt="disagreement"), slopes(end, d)
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10)
    assert float(found.error.max()) < 1e-9
    if key == "discrete":  # linear from one end of a facet to the other
        assert not sensitivity(division, wrt="disagreement", order=2).values.any()
        return
    bent = sensitivity(division, wrt="disagreement", order=2)
    with mp.workdps(50):
        h = mp.mpf("1e-9")
        for j, k in ((0, 0), (0, len(d) - 1)):  # four paths in fifty digits each
            at = {}
            for one, two in product((1, -1), repeat=2):
                start = [mp.mpf(v) for v in d]
                start[j] += one * h
                start[k] += two * h
                at[one, two] = end(start)
            ends = zip(at[1, 1], at[1, -1], at[-1, 1], at[-1, -1], strict=True)
            exact = [float((a - b - c + e) / (4 * h**2)) for a, b, c, e in ends]
            np.testing.assert_allclose(bent[:, j, k], exact, rtol=0, atol=1e-9)
            assert (np.abs(bent.values[:, j, k] - exact) <= bent.error.values[:, j, k]).all()


def test_second_derivatives_are_none_where_a_path_comes_to_a_corner() -> None:
    """By hand: the square's diagonal meets its corner; beside, the side that is met first decides."""
    square = Polytope([[0, 1], [1, 1], [1, 0], [0, 0]], free_disposal=True)
    house = Polytope([[0, 2], [1.5, 1.5], [2, 0], [0, 0]])
    assert not sensitivity(continuous_raiffa(Problem(square, [0.2, 0.1])), wrt="disagreement", order=2).any()
    at = continuous_raiffa(Problem(house, [[0.2, 0.2], [0.2, 0.3]]))
    bent = sensitivity(at, wrt="disagreement", order=2)
    assert bent.dims == ("cell", "player", "disagreement", "disagreement_2")
    assert np.isnan(bent[0]).all()
    assert float(bent[1].error.max()) < 1e-8


@pytest.mark.parametrize("power", [1, 2])
def test_differences_of_mirror_images_are_no_derivatives(power: int) -> None:
    """The first derivative |t|^power: its second one at 0 is none, or 0."""

    def slopes(j: int, moves: Any) -> Any:
        return np.stack([np.abs(moves) ** power, np.zeros_like(moves)])[:, :, None, None]

    second, error = _bent(slopes, np.ones((1, 1)))
    if power == 1:
        assert np.isnan(second).all()
    else:
        assert abs(second[0, 0, 0, 0]) <= error[0, 0, 0, 0] < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("frontier", [ARC, BARE], ids=["with its slope", "by values"])
def test_ends_of_paths_below_a_frontier_answer_their_start(frontier: Frontier) -> None:
    """Taylor series of the path in 25 digits."""

    def end(d: Any) -> list[Any]:
        def rate(t: Any, y: Any) -> list[Any]:
            return [mp.sqrt(4 - y[1]) - y[0], 4 - y[0] ** 2 - y[1]]

        y = mp.odefun(rate, 0, list(d), tol=mp.mpf("1e-22"))(mp.mpf(13))
        left = rate(0, y)
        return [y[0] + left[0] / 2, y[1] + left[1] / 2]

    with mp.workdps(25):
        h, d = mp.mpf("1e-7"), [mp.mpf(0.1), mp.mpf(0.3)]
        ends = [end([d[0] + sign * h, d[1]]) for sign in (1, -1)]
        exact = [float((a - b) / (2 * h)) for a, b in zip(*ends, strict=True)]
    found = sensitivity(continuous_raiffa(Problem(frontier, [0.1, 0.3])), wrt="disagreement")
    np.testing.assert_allclose(found[:, 0], exact, rtol=0, atol=1e-9)
    together = sensitivity(continuous_raiffa(Problem(frontier, [[0.5, 0.1], [0.1, 0.3]])), wrt="disagreement")
    np.testing.assert_allclose(together[1], found, rtol=0, atol=1e-10)
    if frontier is ARC:
        with mp.workdps(25):
            h = mp.mpf("1e-5")
            three = [end([d[0] + k * h, d[1]]) for k in (1, 0, -1)]
            exact = [float((a - 2 * b + c) / h**2) for a, b, c in zip(*three, strict=True)]
        bent = sensitivity(continuous_raiffa(Problem(frontier, [0.1, 0.3])), wrt="disagreement", order=2)
        np.testing.assert_allclose(bent[:, 0, 0], exact, rtol=0, atol=1e-9)


def test_a_pie_is_shared_equally_by_paths_too() -> None:
    pie = continuous_raiffa(Problem(TransferableSurplus(3.0, players=3), [0.1, 0.2, 0.3]))
    np.testing.assert_allclose(sensitivity(pie, wrt="disagreement"), np.eye(3) - 1 / 3, atol=1e-14)
    np.testing.assert_allclose(sensitivity(pie, wrt="total"), [1 / 3] * 3, atol=1e-14)
    assert not sensitivity(pie, wrt="total", order=2).any()


def test_a_corner_that_a_path_runs_into_stays() -> None:
    """By hand: off the diagonal the path leaves it at last, but by the power 3/2 of how far off it started."""
    mirrored = Polytope.from_inequalities([[2, 1], [1, 2], [-1, 0], [0, -1]], [3, 3, 0, 0])
    division = continuous_raiffa(Problem(mirrored, [0.0, 0.0]))
    np.testing.assert_allclose(division.payoffs, [1, 1], atol=1e-9)
    np.testing.assert_allclose(sensitivity(division, wrt="disagreement"), np.zeros((2, 2)), atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("concept", [raiffa, continuous_raiffa])
def test_a_path_along_which_facets_stay_tied_has_a_kink(concept: Any) -> None:
    """x + y <= 2 and y + z <= 2 both hold y back: more for x at the start counts, and less does not."""
    facets = Polytope.from_inequalities([[1, 1, 0], [0, 1, 1], *-np.eye(3)], [2, 2, 0, 0, 0])
    kinked = sensitivity(concept(Problem(facets, [0.0, 0.0, 0.0])), wrt="disagreement")
    assert np.isnan(kinked[:, [0, 2]]).all()
    np.testing.assert_allclose(kinked.from_below[:, 0], [0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(kinked.from_above[:, 0], [0.5, -0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(
    "feasible", [FLAT, SOLID, ARC, BARE], ids=["sides", "facets", "curve", "values alone"]
)
def test_ends_agree_with_differences_of_solutions(feasible: Any) -> None:
    d, h = np.array([0.3, 0.2, 0.1])[: feasible.players], 1e-4
    found = sensitivity(continuous_raiffa(Problem(feasible, d)), wrt="disagreement")
    for k, step in enumerate(h * np.eye(d.size)):
        ends = [continuous_raiffa(Problem(feasible, d + sign * step)).payoffs for sign in (1, -1)]
        np.testing.assert_allclose(np.asarray(found)[:, k], (ends[0] - ends[1]) / (2 * h), rtol=0, atol=1e-6)


def test_ends_of_many_paths_below_polygons_agree_with_differences_of_solutions() -> None:
    rng, h = np.random.default_rng(8), 1e-5
    points = np.vstack([rng.uniform(0, 4, (12, 2)), [[0, 0], [4, 0], [0, 3]]])
    d = rng.uniform(0, 1.5, (40, 2))
    for feasible in (
        Polytope(points),
        Polytope(points, free_disposal=True),
        Polytope(np.stack([points] * 40)),
    ):
        found = sensitivity(continuous_raiffa(Problem(feasible, d)), wrt="disagreement")
        for k, step in enumerate(h * np.eye(2)):
            ends = [continuous_raiffa(Problem(feasible, d + sign * step)).payoffs for sign in (1, -1)]
            np.testing.assert_allclose(found[..., k], (ends[0] - ends[1]) / (2 * h), rtol=0, atol=1e-7)
        assert float(found.error.max()) < 1e-10


@pytest.mark.parametrize(
    ("concept", "points", "disposal", "d"),
    [
        (continuous_raiffa, [[2, 0, 0], [0, 2, 4], [2, 3, 3], [2, 3, 0]], True, [0, 1, 0]),
        (
            raiffa,
            [[1, 2, 0, 3], [3, 4, 2, 4], [3, 4, 3, 0], [3, 2, 1, 2], [3, 0, 3, 4]],
            True,
            [-1, -1, 0, 0],
        ),
        (
            raiffa,
            [
                [4, 1, 2, 2],
                [4, 3, 4, 3],
                [4, 0, 3, 1],
                [3, 3, 1, 2],
                [4, 2, 0, 3],
                [4, 0, 1, 4],
                [3, 2, 3, 0],
                [3, 0, 2, 4],
            ],
            False,
            [-0.875, 1, 1, 0],
        ),
    ],
)
def test_slopes_stay_small_where_endless_steps_keep_part_of_a_change(
    concept: Any, points: Any, disposal: bool, d: list[float]
) -> None:
    """Against differences: steps in vain multiply rounding until it is all that is left."""
    pie, step = Polytope(points, free_disposal=disposal), 1e-5
    found = sensitivity(concept(Problem(pie, d)), wrt="disagreement")
    moved = [
        [concept(Problem(pie, d + sign * row)).payoffs for sign in (1, -1)] for row in step * np.eye(len(d))
    ]
    np.testing.assert_allclose(found, (np.subtract(*np.moveaxis(moved, 1, 0)) / (2 * step)).T, atol=1e-6)
