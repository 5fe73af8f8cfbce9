"""The first four concepts on problems whose answers were computed by other means, and in closed form."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from bargaining import (
    Division,
    Frontier,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    egalitarian,
    kalai_smorodinsky,
    nash,
    utilitarian,
)

PARABOLA = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
NO_SLOPE = Frontier(lambda x: 4 - x**2, 0, 2)
TRIANGLE = Polytope([[0, 0], [4, 0], [0, 1]])


def nash_quarter(problem: Problem) -> Division:
    return nash(problem, weights=[0.25, 0.75])


@dataclass(frozen=True)
class Case:
    method: Callable[[Problem], Division]
    parabola: tuple[float, float]
    triangle: tuple[float, float]


CASES = [
    Case(nash, (2 / np.sqrt(3), 8 / 3), (2, 0.5)),
    Case(nash_quarter, (np.sqrt(4 / 7), 4 - 4 / 7), (1, 0.75)),
    Case(kalai_smorodinsky, (np.sqrt(5) - 1, 2 * np.sqrt(5) - 2), (2, 0.5)),
    Case(egalitarian, ((np.sqrt(17) - 1) / 2,) * 2, (0.8, 0.8)),
    Case(utilitarian, (0.5, 3.75), (4, 0)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method.__name__)
@pytest.mark.parametrize("frontier", [PARABOLA, NO_SLOPE], ids=["slope", "differences"])
def test_parabola(case: Case, frontier: Frontier) -> None:
    division = case.method(Problem(frontier, [0, 0])).raise_if_failed()
    assert division.status == Status.OK
    np.testing.assert_allclose(division.payoffs, case.parabola, rtol=1e-12)
    assert division.residual <= 1e-12


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.method.__name__)
def test_triangle(case: Case) -> None:
    division = case.method(Problem(TRIANGLE, [0, 0]))
    np.testing.assert_allclose(division.payoffs, case.triangle, rtol=1e-14)


@pytest.mark.parametrize("players", [2, 3, 7])
def test_surplus_of_many_players(players: int) -> None:
    weights = np.arange(1, players + 1) / np.arange(1, players + 1).sum()
    d = np.linspace(-1, 1, players)
    problem = Problem(TransferableSurplus(10.0, players=players), d)
    np.testing.assert_allclose(
        nash(problem, weights=weights).payoffs, d + weights * (10 - d.sum()), rtol=1e-14
    )
    for method in (nash, kalai_smorodinsky, egalitarian):
        np.testing.assert_allclose(method(problem).payoffs, d + (10 - d.sum()) / players, rtol=1e-13)


@dataclass(frozen=True)
class Edge:
    disagreement: tuple[float, float]
    status: Status
    payoffs: tuple[float, float] | None


EDGES = [
    Edge((5, 5), Status.EMPTY, None),
    Edge((2, 0.5), Status.DEGENERATE, (2, 0.5)),
    Edge((4, 0), Status.DEGENERATE, (4, 0)),
    Edge((0, 1), Status.DEGENERATE, (0, 1)),
    Edge((2, 0.5 + 1e-17), Status.DEGENERATE, (2, 0.5)),
]


@pytest.mark.parametrize("edge", EDGES, ids=str)
@pytest.mark.parametrize("method", [nash, kalai_smorodinsky, egalitarian])
@pytest.mark.parametrize(
    "feasible", [TRIANGLE, Frontier(lambda x: 1 - x / 4, 0, 4)], ids=["polytope", "frontier"]
)
def test_disagreement_on_the_frontier_or_beyond(edge: Edge, method: Callable, feasible: object) -> None:
    division = method(Problem(feasible, edge.disagreement))
    assert division.status == edge.status
    if edge.payoffs is None:
        assert np.isnan(division.payoffs).all()
    else:
        np.testing.assert_allclose(division.payoffs, edge.payoffs, rtol=1e-12)


def test_utilitarian_of_unequal_weights_has_no_bound_on_a_surplus() -> None:
    division = utilitarian(Problem(TransferableSurplus(1.0), [0, 0]), weights=[0.4, 0.6])
    assert division.status == Status.UNBOUNDED
    np.testing.assert_allclose(utilitarian(Problem(TransferableSurplus(1.0), [0, 0])).payoffs, [0.5, 0.5])


def test_player_without_weight_gets_what_the_best_for_the_other_leaves() -> None:
    np.testing.assert_allclose(nash(Problem(TRIANGLE, [0, 0]), weights=[1, 0]).payoffs, [4, 0], atol=1e-14)
    np.testing.assert_allclose(
        nash(Problem(TransferableSurplus(1.0), [0, 0]), weights=[0, 1]).payoffs, [0, 1]
    )
    division = nash(Problem(PARABOLA, [0, 0]), weights=[1, 0]).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, [2, 0], atol=1e-12)
    assert division.residual == 0


def test_a_frontier_that_ends_in_a_wall_needs_no_slope() -> None:
    wall = Problem(Frontier(lambda x: np.sqrt(100 - x), 0, 100), [0, 0])
    np.testing.assert_allclose(utilitarian(wall).raise_if_failed().payoffs, [99.75, 0.5], rtol=1e-11)
    np.testing.assert_allclose(nash(wall).raise_if_failed().payoffs, [200 / 3, np.sqrt(100 / 3)], rtol=1e-11)


def test_a_kink_with_and_without_its_slope() -> None:
    kinked = lambda x: np.minimum(4 - x / 2, 7 - 2 * x)  # noqa: E731
    blind = Problem(Frontier(kinked, 0, 3), [0, 0])
    seeing = Problem(Frontier(kinked, 0, 3, derivative=lambda x: np.where(x < 2, -0.5, -2)), [0, 0])
    for method in (nash, utilitarian):
        for problem in (blind, seeing):
            np.testing.assert_allclose(method(problem).raise_if_failed().payoffs, [2, 3], rtol=1e-14)


def test_a_ray_that_meets_the_set_only_behind_its_origin() -> None:
    feasible = Polytope([[-3, 2], [-4, -4], [2, -1], [3, 3], [4, -3]])
    assert egalitarian(Problem(feasible, [-1, 3])).status == Status.EMPTY
