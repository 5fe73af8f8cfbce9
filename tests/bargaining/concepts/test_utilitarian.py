"""Utilitarian points where the players' units are far apart: a large payoff hides no small one."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from bargaining import (
    Division,
    FreeDisposalHull,
    Frontier,
    Polytope,
    Problem,
    TransferableSurplus,
    Union,
    continuous_raiffa,
    utilitarian,
    yu,
)
from bargaining.concepts.utilitarian import missed
from bargaining.feasible.base import FeasibleSet

CHAIN = np.array([[0, 3], [1, 2.8], [2, 2], [3, 0.5], [3, 0]])
CUBE = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0.9, 0.9], [0, 2, 2.0]])
ROWS = np.array([[1, 0, 0], [0, 1, 0.5], [0, 0.5, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1.0]])


def sets(big: float, small: float) -> dict[str, tuple[FeasibleSet, list[float]]]:
    two, three = np.array([big, small]), np.array([big, small, small])
    return {
        "points": (Polytope(CHAIN * two), [3, 0.5]),
        "points below": (Polytope(CHAIN * two, free_disposal=True), [3, 0.5]),
        "square": (Polytope(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * two), [1, 1]),
        "cliffs": (FreeDisposalHull(CHAIN * two), [3, 0.5]),
        "union": (Union([Polytope(CHAIN[:3] * two), Polytope(CHAIN[3:] * two)]), [3, 0.5]),
        "rescaled": (Problem(Polytope(CHAIN), [0, 0]).rescale(two).feasible, [3, 0.5]),
        "frontier": (Frontier(lambda x: small * (4 - (x / big) ** 2), 0, 2 * big), [2, 0]),
        "in space": (Polytope(CUBE * three), [1, 0.9, 0.9]),
        "in space, below": (Polytope(CUBE * three, free_disposal=True), [1, 0.9, 0.9]),
        "rows": (Polytope.from_inequalities(ROWS / three, [1, 1, 1, 0, 0, 0]), [1, 2 / 3, 2 / 3]),
    }


@pytest.mark.parametrize("small", [1.0, 1e-3, 1e-8])
@pytest.mark.parametrize("name", sets(1.0, 1.0))
def test_units_far_apart(name: str, small: float) -> None:
    feasible, expected = sets(1e10, small)[name]
    units = np.array([1e10, *[small] * (feasible.players - 1)])
    division = utilitarian(Problem(feasible, np.zeros(feasible.players))).raise_if_failed()
    np.testing.assert_allclose(division.payoffs / units, expected, rtol=1e-9, atol=1e-9)


def test_of_two_players_a_shortfall_is_measured_in_gains() -> None:
    """Each can gain 2 at most, so a sum that falls short by .06 misses .06 of 4; of three, it misses part of 5.94."""
    two = missed(Problem(TransferableSurplus(6), np.array([4.0, 0.0])), np.array([4.5, 1.44]))
    np.testing.assert_allclose(two, 0.06 / 4, rtol=1e-12)
    three = missed(Problem(TransferableSurplus(6, players=3), np.zeros(3)), np.array([2, 2, 1.94]))
    np.testing.assert_allclose(three, 0.06 / 5.94, rtol=1e-12)


@pytest.mark.parametrize("free_disposal", [False, True])
def test_points_that_are_mixtures_of_others_do_not_move_the_middle_of_ties(free_disposal: bool) -> None:
    corners, more = np.eye(3) * 0.3, np.array([[0.1, 0.2, 0.0], [0.1, 0.1, 0.1], [0.05, 0.0, 0.25]])
    for points in (corners, np.concatenate((more, corners)), np.concatenate((corners, more[::-1], more))):
        problem = Problem(Polytope(points, free_disposal=free_disposal), [[0, 0, 0], [-1, 0, 0]])
        found = utilitarian(problem, weights=[[1, 1, 1], [2, 2, 1]]).payoffs
        np.testing.assert_allclose(found, [[0.1, 0.1, 0.1], [0.15, 0.15, 0.0]], atol=1e-15)


@pytest.mark.parametrize("weights", [[1, 0, 0], [1, 0], [0, 1]])
def test_with_free_disposal_a_dominated_point_is_no_tie(weights: list[int]) -> None:
    order = sorted(range(len(weights)), key=lambda i: -weights[i])  # the player who counts comes first below
    below = np.array([[3, 1, 1], [3, 0, 1], [3, 0, 0.5], [0, 0, 4]])[:, order]
    problem = Problem(Polytope(below, free_disposal=True), np.zeros(len(weights)))
    assert utilitarian(problem, weights=weights).payoffs.tolist() == below[0].tolist()
    between = np.array([[3, 2, 0], [3, 0, 2], [3, 0.9, 0.9]])
    found = utilitarian(Problem(Polytope(between, free_disposal=True), np.zeros(3)), weights=[1, 0, 0])
    np.testing.assert_allclose(found.payoffs, [3, 1, 1], atol=1e-15)


@pytest.mark.parametrize("solve", [utilitarian, partial(yu, p=1), continuous_raiffa])
def test_flat_sets_of_inequalities_are_solved_as_those_of_points(
    solve: Callable[[Problem], Division],
) -> None:
    """An end of the edge that ties was returned, and the path of `continuous_raiffa` took fifteen seconds."""
    for players in (3, 5):
        ones, unit = np.ones((1, players)), np.eye(players)
        rows = np.concatenate((ones, -ones, -unit, unit[:1]))
        below = Polytope.from_inequalities(rows, [1, -1, *[0] * players, 0.5])
        points = Polytope([*((unit[0] + unit[1:]) / 2), *unit[1:]])
        found, expected = (solve(Problem(one, np.zeros(players))) for one in (below, points))
        assert found.ok
        np.testing.assert_allclose(found.payoffs, expected.payoffs, atol=1e-14)
    segment = Polytope.from_inequalities([[1, 1], [-1, -1], [-1, 0], [0, -1]], [1, -1, 0, 0])
    assert solve(Problem(segment, [0, 0])).payoffs == pytest.approx([0.5, 0.5], rel=1e-14)
