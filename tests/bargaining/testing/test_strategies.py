"""What the strategies draw is valid by construction, varied, and shrinks to small whole numbers."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from bargaining import (
    Frontier,
    Game,
    InvalidInput,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    kalai_smorodinsky,
    nash,
)
from bargaining.feasible.base import FeasibleSet
from bargaining.testing import discounts, frontiers, games, polytopes, problems, weights

SIZES = st.integers(1, 4)
POINTS = problems(players=2, kinds=["points"])


def everyone_gains(problem: Problem) -> bool:
    return int(problem.gains_status(problem.ideal)) == Status.OK


@pytest.mark.parametrize("scale", ["one", "common", "each"])
@pytest.mark.parametrize("comprehensive", [True, False])
@given(data=st.data())
def test_everyone_can_gain(scale: str, comprehensive: bool, data: st.DataObject) -> None:
    players = data.draw(st.integers(2, 4))
    problem = data.draw(problems(players=players, comprehensive=comprehensive, scale=scale))  # type: ignore[arg-type]
    assert problem.players == players
    assert everyone_gains(problem)


@given(problem=problems(players=2))
def test_a_comprehensive_set_holds_the_dictators(problem: Problem) -> None:
    for i in (0, 1):
        best = problem.disagreement.copy()
        best[i] = problem.ideal[i]
        assert problem.feasible.contains(best)


@given(problem=problems())
def test_everyone_can_gain_in_what_is_drawn_by_default(problem: Problem) -> None:
    assert problem.players in (2, 3)
    assert everyone_gains(problem)


def test_kinds_scales_and_numbers_that_do_not_exist_are_refused() -> None:
    with pytest.raises(
        InvalidInput, match="`kinds` must be among points, inequalities, frontier, surplus; got "
    ):
        problems(kinds=["polygon"])  # type: ignore[list-item]
    with pytest.raises(InvalidInput, match="`kinds` must be among points, for sets that are degenerate"):
        problems(kinds=["frontier"], degenerate=True)
    for strategy in (weights, discounts, games, polytopes, problems):
        with pytest.raises(InvalidInput, match="`players` must be a whole number, at least 1; got 0"):
            strategy(players=0)
    with pytest.raises(InvalidInput, match="`most_actions` must be a whole number, at least 1; got 0"):
        games(most_actions=0)
    for scaled in (frontiers, polytopes, problems):
        with pytest.raises(InvalidInput, match="`scale` must be one of 'one', 'common', 'each'; got 'two'"):
            scaled(scale="two")
    with pytest.raises(InvalidInput, match="`kinds` must hold more than frontier"):
        problems(players=3, kinds=["frontier"])


@given(problem=problems(degenerate=True, players=2) | problems(degenerate=True, players=3))
def test_degenerate_problems_end_with_a_status(problem: Problem) -> None:
    for method in (nash, kalai_smorodinsky):
        division = method(problem)
        known = (Status.OK, Status.EMPTY, Status.DEGENERATE)
        assert division.status in known
        assert np.isfinite(division.payoffs).all() == (division.status != Status.EMPTY)


@given(SIZES.flatmap(lambda n: weights(players=n)))
def test_weights_are_positive_and_sum_to_one(shares: np.ndarray) -> None:
    assert (shares > 0).all()
    assert shares.sum() == pytest.approx(1, abs=1e-15)


@given(frontier=frontiers(scale="each"))
def test_frontiers_have_their_slopes(frontier: Frontier) -> None:
    low, high = float(frontier.lower), float(frontier.upper)
    x = np.array([low + s * (high - low) for s in (0.25, 0.5, 0.75)])
    h = (high - low) * 2.0**-10
    assert frontier.derivative is not None
    central = (frontier.function(x + h) - frontier.function(x - h)) / (2 * h)
    np.testing.assert_allclose(frontier.derivative(x), central, rtol=1e-9)


CAN_DRAW = [
    ("a kinked frontier", POINTS, lambda p: len(p.feasible.vertices) >= 4),
    ("no free disposal", POINTS, lambda p: not p.feasible.free_disposal),
    ("agreements somebody would refuse", POINTS, lambda p: (p.feasible.vertices < p.disagreement).any()),
    ("negative payoffs", problems(), lambda p: (p.disagreement < 0).all()),
    ("an edge of ties", polytopes(), lambda s: len({float(v.sum()) for v in s.vertices}) < len(s.vertices)),
    ("tiny payoffs", polytopes(scale="common"), lambda s: np.abs(s.vertices).max() < 1e-6),
    (
        "players in far units",
        polytopes(players=2, scale="each"),
        lambda s: np.divide(*s.vertices.max(axis=0)) > 1e9,
    ),
    ("a single point", polytopes(degenerate=True), lambda s: len(s.vertices) == 1),
    ("a segment", polytopes(degenerate=True), lambda s: len(s.vertices) == 2 and not s.free_disposal),
    ("d outside", problems(degenerate=True), lambda p: not p.feasible.contains(p.disagreement)),
    ("a curve", problems(), lambda p: isinstance(p.feasible, Frontier)),
    ("three players", problems(), lambda p: p.players == 3),
    ("inequalities", problems(), lambda p: isinstance(p.feasible, Polytope) and p.feasible.points is None),
    ("an amount", problems(), lambda p: isinstance(p.feasible, TransferableSurplus)),
    ("a thin set", problems(), lambda p: np.ptp(np.log(p.ideal - p.disagreement)) > np.log(1000)),
    (
        "d close to the frontier",
        problems(),
        lambda p: (16 * (p.ideal - p.disagreement) < np.abs(p.ideal)).all(),
    ),
    (
        "d on the boundary",
        problems(),
        lambda p: not p.feasible.contains(p.disagreement - [0.01, *[0] * (p.players - 1)]),
    ),
    ("a game without pure equilibrium", games(), lambda g: len(g.pure_equilibria()) == 0),
    ("a weight of zero", weights(zeros=True), lambda w: (w == 0).any()),
]


@pytest.mark.parametrize(
    ("strategy", "wanted"), [case[1:] for case in CAN_DRAW], ids=[c[0] for c in CAN_DRAW]
)
def test_it_can_draw(strategy: st.SearchStrategy, wanted: object) -> None:
    search = settings(
        max_examples=500,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    found = find(strategy, wanted, settings=search)  # type: ignore[arg-type]
    assert wanted(found)  # type: ignore[operator]


@pytest.mark.parametrize("kind", [Polytope, Problem, Frontier, Game])
def test_types_are_known_to_hypothesis(kind: type) -> None:
    @settings(max_examples=3)
    @given(drawn=st.from_type(kind))
    def drawn_is_of_its_type(drawn: object) -> None:
        assert isinstance(drawn, kind)

    drawn_is_of_its_type()


def test_a_shrunk_problem_is_small() -> None:
    problem = find(POINTS, lambda p: kalai_smorodinsky(p).gains[0] > 2 * kalai_smorodinsky(p).gains[1])
    assert isinstance(problem.feasible, FeasibleSet)
    assert np.abs(problem.disagreement).max() <= 3
    assert isinstance(problem.feasible, Polytope)
    assert np.abs(problem.feasible.vertices).max() <= 4
