"""Equal loss: closed forms, and what it may do that others do not."""

import numpy as np
import pytest

from bargaining import Frontier, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.equal_loss import equal_loss
from bargaining.feasible.points import FreeDisposalHull


def test_parabola_and_triangle() -> None:
    # a = (2, 4): 4 - (2 - t)^2 = 4 - t at t = 1. a = (4, 1): (4 - t)/4 + 1 - t = 1 at t = 4/5.
    parabola = Frontier(lambda x: 4 - x**2, 0, 2)
    np.testing.assert_allclose(equal_loss(Problem(parabola, [0, 0])).payoffs, [1, 3], rtol=1e-14)
    triangle = Polytope([[0, 0], [4, 0], [0, 1]])
    np.testing.assert_allclose(equal_loss(Problem(triangle, [0, 0])).payoffs, [3.2, 0.2], rtol=1e-14)


@pytest.mark.parametrize("players", [2, 3, 6])
def test_surplus(players: int) -> None:
    d = np.arange(players) / 4
    division = equal_loss(Problem(TransferableSurplus(20, players=players), d))
    np.testing.assert_allclose(division.payoffs, d + (20 - d.sum()) / players, rtol=1e-14)
    assert np.ptp(division.problem.ideal - division.payoffs) < 1e-13


def test_three_players_may_lose_more_than_the_talks_can_give() -> None:
    # a = (1, 1, 1/10). Once t > 1/10 only the first two count: (1 - t) + (1 - t) = 1.
    problem = Problem(Polytope([[1, 0, 0], [0, 1, 0], [0, 0, 0.1]], free_disposal=True), [0, 0, 0])
    division = equal_loss(problem)
    np.testing.assert_allclose(division.payoffs, [0.5, 0.5, -0.4], rtol=1e-13)
    assert division.status == Status.OK
    assert division.payoffs[2] < problem.disagreement[2]


@pytest.mark.parametrize("players", [3, 5, 6])
@pytest.mark.parametrize("little", [1e-3, 1e-6, 1e-8, 1e-10, 1e-12])
def test_a_player_who_can_gain_next_to_nothing_loses_as_much_as_the_others(players, little) -> None:
    # The last gets less than d, and the others divide: with a the ideal point, sum((a_i - t) / a_i) = 1 over them.
    best = np.append(1 + np.arange(players - 1) / 16, little)
    division = equal_loss(Problem(Polytope(np.diag(best), free_disposal=True), np.zeros(players)))
    loss = (players - 2) / (1 / best[:-1]).sum()
    np.testing.assert_allclose(division.payoffs, best - loss, atol=1e-14)
    assert division.status == Status.OK


def test_the_first_feasible_point_also_without_convexity() -> None:
    steps = FreeDisposalHull([[4, 1], [1, 3]])
    division = equal_loss(Problem(steps, [0, 0]))
    np.testing.assert_allclose(division.payoffs, [2, 1])  # a = (4, 3)


def test_a_line_that_misses_the_set() -> None:
    thin = Polytope([[0, 0], [1, 0], [0.1, 10]])
    ideal = Problem(thin, [0, 0]).ideal
    assert not thin.contains(ideal - 0.95)
    needle = Polytope([[0, 0], [0.2, 3.0], [4.0, 0.1]])
    division = equal_loss(Problem(needle, [0, 0]))
    expected = needle.ray(np.array([4.0, 3.0]), np.ones(2))
    assert (division.status == Status.OK) == bool(np.isfinite(expected))
    segment = Polytope([[0, 5], [1, 5]])
    assert equal_loss(Problem(segment, [0, 0])).status == Status.OK
    point_and_line = Polytope([[2, 2, 0], [0, 0, 2]])
    assert equal_loss(Problem(point_and_line, [0, 0, 0])).status == Status.OK
    skew = Polytope([[2, 1, 0], [0, 0, 2]])
    assert equal_loss(Problem(skew, [0, 0, 0])).status == Status.EMPTY
