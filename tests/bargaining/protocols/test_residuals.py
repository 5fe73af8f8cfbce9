"""Every protocol's residual is that of its definition: an answer moved by a thousandth is not accurate any more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    Bluff,
    ContinuousOffers,
    CostlyStep,
    Frontier,
    HoldUp,
    InvalidInput,
    NashDemandGame,
    NonstationaryOffers,
    OutsideOptionScreening,
    Polytope,
    Problem,
    RandomProposer,
    ReputationalBargaining,
    ReputationalDemands,
    Status,
    StochasticBargaining,
    TransferableSurplus,
    TwoTypeScreening,
    WarOfAttrition,
    split_the_difference,
)

MOVE = 1e-3
PIE = Problem(TransferableSurplus(1.0), [0.0, 0.1])
THREE = Problem(TransferableSurplus(1.0, players=3), [0.0, 0.0, 0.0])
CURVE = Problem(Frontier(lambda x: 1 - x**2, 0, 1, derivative=lambda x: -2 * x), [0.0, 0.0])
HULL = Problem(Polytope([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.3]], free_disposal=True), [0, 0, 0])
TURNS = [[0, 0.9, 0, 0.1], [0.9, 0, 0.1, 0], [0, 0, 0, 1], [0, 0, 1, 0]]
OWNER, RECEIVER = [[0.6, 0.4], [0.6, 0.2]], [[0.4, 0.1], [0.4, 0.8]]


@dataclass(frozen=True)
class Case:
    """A protocol, the arguments of its call, and what can be moved in its answer."""

    name: str
    protocol: Any
    given: tuple[Any, ...] = ()
    moved: tuple[str, ...] = ("payoffs",)
    pick: int | None = None

    def answer(self) -> Any:
        """Return the answer of the protocol."""
        found = self.protocol(*self.given)
        return found if self.pick is None else found[self.pick]


CASES = [
    Case("offers", AlternatingOffers([0.9, 0.8]), (PIE,), ("payoffs", "offers", "chances")),
    Case("offers on a frontier", AlternatingOffers(0.9, outside=[0, 0.7]), (CURVE,), ("payoffs", "offers")),
    Case(
        "offers of a proposer who may leave",
        AlternatingOffers(0.9, outside=[None, 0.4], leaver="proposer"),
        (PIE,),
        ("payoffs", "offers"),
    ),
    Case("offers, three", AlternatingOffers(0.9), (THREE,), ("payoffs", "offers", "chances")),
    Case("offers on a polytope", AlternatingOffers([0.9, 0.8, 0.7]), (HULL,), ("payoffs", "offers")),
    Case(
        "offers that are refused",
        AlternatingOffers(0.9, breakdown=1, breakdown_payoffs=[0, 0, 0.3], outside=[0.55, 0.2, 0]),
        (THREE,),
        ("payoffs", "offers", "chances"),
    ),
    Case("ten offers", AlternatingOffers(0.9, horizon=10), (PIE,), ("payoffs", "offers")),
    Case(
        "random proposer",
        RandomProposer([0.5, 0.3, 0.2], [0.9, 0.8, 0.7], outside=[0.6, None, None]),
        (THREE,),
        ("payoffs", "reservations", "proposing", "accepts"),
    ),
    Case(
        "majority",
        RandomProposer(None, [0.9, 0.9, 0.6], quota=2),
        (THREE,),
        ("payoffs", "reservations", "proposing", "accepts"),
    ),
    Case(
        "random proposer on a frontier",
        RandomProposer(None, [0.9, 0.8]),
        (CURVE,),
        ("payoffs", "reservations", "proposing"),
    ),
    Case(
        "random proposer on a polytope",
        RandomProposer(None, [0.9, 0.8, 0.7]),
        (HULL,),
        ("payoffs", "reservations", "proposing"),
    ),
    Case(
        "chain",
        StochasticBargaining(
            [1] * 4, TURNS, 0.95, [0, 1, 0, 1], outside=[(0, 0), (0, 0), (0.7, 0), (0.7, 0)]
        ),
        moved=("payoffs", "chances"),
    ),
    Case(
        "chain in lots",
        StochasticBargaining(
            [4, 2, 1],
            [[0, 1, 0], [0, 0.5, 0.5], [1, 0, 0]],
            0.8,
            [0, 1, 0],
            outside=[(0, 0), (0, 0), (0, 0.8)],
        ),
        moved=("payoffs", "chances"),
    ),
    Case("continuous offers", ContinuousOffers([0.1, 0.05]), (CURVE,)),
    Case("continuous offers with an option", ContinuousOffers([0.1, 0.05], outside=[0.5, 0]), (PIE,)),
    Case("offers with changing terms", NonstationaryOffers([0.1, 0.2], surplus=lambda t: np.exp(0.05 * t))),
    Case("demand game", NashDemandGame(noise=0.05), (CURVE,), ("payoffs", "demands", "compatible")),
    Case(
        "attrition",
        WarOfAttrition(win=(10.0, 8.0), lose=(1.0, 0.0), costs=(1.0, 2.0)),
        moved=("payoffs", "hazards", "initial"),
    ),
    Case(
        "reputations",
        ReputationalBargaining((0.6, 0.7), (0.1, 0.2), (0.05, 0.1)),
        moved=("payoffs", "initial_concession", "horizon"),
    ),
    Case(
        "a reputation against an option",
        ReputationalBargaining((0.6, 0.6), (0.1, 0.2), 0.05, outside=(0.45, None)),
        moved=("payoffs", "initial_concession"),
    ),
    Case(
        "reputations against options",
        ReputationalBargaining((0.7, 0.7), (0.1, 0.2), 0.05, outside=(0.4, 0.4)),
        moved=("payoffs", "initial_concession"),
    ),
    Case(
        "demands",
        ReputationalDemands(([0.5, 0.6], [0.5, 0.6, 0.7]), (0.1, 0.1), ([0.02, 0.02], [0.01] * 3)),
        moved=("payoffs", "announcements", "replies", "acceptance"),
    ),
    Case(
        "bluff",
        Bluff(0.2, owner=[[0.6, 0.4], [0.6, 0.1]], receiver=[[0.4, 0.1], [0.4, 0.9]], silence=(0.2, 0.8)),
        moved=("payoffs", "claim", "concede", "belief", "receiver"),
    ),
    *(
        Case(
            f"step, equilibrium {k}",
            CostlyStep(0.3, (0.05, 0.2), owner=OWNER, receiver=RECEIVER),
            moved=("payoffs", "step", "receiver", "beliefs"),
            pick=k,
        )
        for k in (0, 1)
    ),
    Case(
        "screening",
        OutsideOptionScreening(lambda u: 1 - (u + 0.2), -0.2, 0.8),
        moved=("price", "profit", "trade", "gain"),
    ),
    Case(
        "screening of two types",
        TwoTypeScreening((1.0, 2.0), 0.7, 0.9),
        moved=("prices", "accepts", "beliefs", "thresholds", "profit", "payoffs"),
    ),
    Case(
        "hold-up", HoldUp(np.sqrt, split_the_difference(0.4), 1.0), moved=("payoffs", "investment", "outside")
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_answer_itself_is_accurate(case: Case) -> None:
    found = case.answer()
    assert np.all(np.asarray(found.status) == Status.OK)
    assert 0 <= float(np.max(found.residual)) < 1e-9
    again = checked(case.protocol)(found)
    assert again.status == found.status
    assert again.residual == pytest.approx(found.residual, abs=1e-13)


@pytest.mark.parametrize(
    ("case", "name", "sign"),
    [pytest.param(case, name, sign) for case in CASES for name in case.moved for sign in (1, -1)],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_an_answer_that_is_moved_is_not(case: Case, name: str, sign: int) -> None:
    found = case.answer()
    given = getattr(found, name)
    value = np.asarray(given, dtype=float)
    for entry in np.ndindex(*value.shape):
        step = np.zeros(value.shape)
        step[entry] = sign * MOVE * max(1.0, abs(float(value[entry])))
        moved = value + step
        wrong = checked(case.protocol)(
            replace(found, **{name: moved if isinstance(given, np.ndarray) else float(moved)})
        )
        residual = float(np.max(wrong.residual))
        assert residual > 1e-7, entry
        assert np.all(np.asarray(wrong.status) == Status.INACCURATE), entry


@pytest.mark.parametrize(
    ("case", "name"),
    [pytest.param(case, name) for case in CASES for name in case.moved],
    ids=lambda value: getattr(value, "name", str(value)),
)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value", "ignore:divide by zero", "ignore:overflow")
def test_an_answer_that_is_no_number_is_not(case: Case, name: str, bad: float) -> None:
    found = case.answer()
    given = getattr(found, name)
    value = np.array(given, dtype=float)
    value.flat[0] = bad
    wrong = checked(case.protocol)(
        replace(found, **{name: value if isinstance(given, np.ndarray) else float(value)})
    )
    assert not np.any(np.asarray(wrong.status) == Status.OK)
    assert not np.any(np.asarray(wrong.residual) <= MOVE)


@pytest.mark.parametrize("scale", [1.0, 50.0])
@pytest.mark.parametrize(
    "protocol",
    [
        AlternatingOffers(0.9),
        AlternatingOffers(0.9, horizon=5),
        RandomProposer([0.5, 0.3, 0.2], [0.9, 0.8, 0.7]),
        RandomProposer(None, 0.9, quota=2),
    ],
    ids=["offers", "five offers", "random proposer", "majority"],
)
def test_residuals_are_over_gains(protocol: Any, scale: float) -> None:
    shift = np.array([0.2, 0.1, 0.3])
    elsewhere = Problem(TransferableSurplus(scale * 1.6, players=3), scale * shift)

    def missed(problem: Problem, unit: float) -> float:
        found = protocol(problem)
        return float(protocol.check(replace(found, payoffs=found.payoffs + unit * np.eye(3)[1])).residual)

    assert missed(elsewhere, scale * MOVE) == pytest.approx(missed(THREE, MOVE), rel=1e-9)


@pytest.mark.parametrize(
    "case", [c for c in CASES if hasattr(c.protocol, "check")], ids=lambda case: case.name
)
def test_only_answers_of_the_protocol_are_checked(case: Case) -> None:
    for wrong in (None, 1.0, np.zeros(2), case.protocol):
        with pytest.raises(InvalidInput, match=r"must be a .*, an answer of this protocol"):
            case.protocol.check(wrong)


@pytest.mark.parametrize("signal", [0, 1])
@pytest.mark.parametrize("case", [c for c in CASES if c.name.startswith("step")], ids=lambda case: case.name)
def test_a_worse_answer_to_one_signal_is_seen(case: Case, signal: int) -> None:
    found = case.answer()
    concede = np.array(found.concede)
    concede[signal] += MOVE if concede[signal].max() < 0.5 else -MOVE
    wrong = case.protocol.check(replace(found, concede=concede))
    assert wrong.residual > 1e-7
    assert wrong.status == Status.INACCURATE


def test_a_division_without_its_problem_is_not_checked() -> None:
    for rule in (AlternatingOffers(0.9), RandomProposer(None, 0.9), NashDemandGame(noise=0.05)):
        with pytest.raises(InvalidInput, match="`division`"):
            rule.check(replace(rule(PIE), problem=None))


@pytest.mark.parametrize("noise", [1e-1, 1e-3, 1e-6])
def test_rounding_is_no_regret_however_small_the_noise(noise: float) -> None:
    for problem in (PIE, CURVE):
        found = NashDemandGame(noise=noise)(problem)
        assert (found.status, float(found.residual)) == (Status.OK, 0.0)


def test_a_proposer_who_takes_all_there_is_may_be_generous() -> None:
    """Player 0 can take no more than 1, which leaves 1: more than the 2/3 that player 1 would have by waiting."""
    found = RandomProposer(None, 0.5)(Problem(Frontier(lambda x: 2 - x, 0, 1), [0.0, 0.0]))
    np.testing.assert_allclose(found.payoffs, [2 / 3, 4 / 3], rtol=1e-12)
    assert found.status == Status.OK


def test_a_negative_chance_is_a_violation() -> None:
    """Also where the chances add up to one."""
    offers = AlternatingOffers([0.9, 0.8])
    answer = offers(PIE)
    chances = answer.chances.copy()
    chances[0] = [1.25, -0.25, 0.0]
    assert offers.check(replace(answer, chances=chances)).residual >= 0.25


def test_one_option_for_a_batch_of_continuous_offers() -> None:
    rule, pies = ContinuousOffers([0.1, 0.05], outside=[0.5, 0]), [1.0, 2.0, 1.25]
    together = rule(Problem(TransferableSurplus(pies), [0.0, 0.1]))
    for payoffs, pie in zip(together.payoffs, pies, strict=True):
        np.testing.assert_array_equal(payoffs, rule(Problem(TransferableSurplus(pie), [0.0, 0.1])).payoffs)


@pytest.mark.parametrize(
    ("protocol", "name"),
    [
        (AlternatingOffers([[0.9, 0.8]] * 2), "discounts"),
        (AlternatingOffers(0.9, breakdown=[0.1, 0.2]), "breakdown"),
        (AlternatingOffers(0.9, breakdown=0.1, breakdown_payoffs=[[0.1, 0.1]] * 2), "breakdown_payoffs"),
        (AlternatingOffers(0.9, outside=[[0.1, 0.1]] * 2), "outside"),
        (RandomProposer([[0.5, 0.5]] * 2, 0.9), "probabilities"),
        (RandomProposer(None, [[0.9, 0.9]] * 2), "discounts"),
        (RandomProposer(None, 0.9, outside=[[0.1, 0.1]] * 2), "outside"),
        (ContinuousOffers([[0.1, 0.1]] * 2), "rates"),
        (ContinuousOffers(0.1, inside=[[0.1, 0.1]] * 2), "inside"),
        (ContinuousOffers(0.1, outside=[[0.1, 0.1]] * 2), "outside"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_batch_that_does_not_fit_is_named(protocol: Any, name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"`{name}` must broadcast against a batch of shape \(3,\)"):
        protocol(Problem(TransferableSurplus([1.0, 2.0, 3.0]), [0.0, 0.0]))


@pytest.mark.parametrize(
    "problem", [PIE, Problem(PIE.feasible, [[0.0, 0.0], [0.8, 0.8]])], ids=["one", "batch"]
)
@pytest.mark.parametrize(
    "protocol",
    [
        AlternatingOffers(0.9),
        AlternatingOffers(0.9, horizon=3),
        RandomProposer([0.5, 0.5], 0.9),
        NashDemandGame(noise=0.1),
    ],
    ids=lambda protocol: type(protocol).__name__,
)
def test_a_forged_claim_that_nothing_can_be_agreed_on_is_not_believed(
    protocol: Any, problem: Problem
) -> None:
    answer = protocol(problem)
    assert np.array_equal(protocol.check(answer).status, answer.status)
    empty = np.full(np.shape(answer.status), Status.EMPTY, dtype=np.int8)
    forged = replace(answer, status=empty if empty.ndim else Status.EMPTY)
    expected = np.where(np.asarray(answer.status) == Status.EMPTY, Status.EMPTY, Status.INACCURATE)
    assert np.array_equal(protocol.check(forged).status, expected)


def checked(protocol: Any) -> Callable[[Any], Any]:
    """Return what finds the residual of an answer anew; a reputational outcome does so itself."""
    return getattr(protocol, "check", lambda outcome: outcome)
