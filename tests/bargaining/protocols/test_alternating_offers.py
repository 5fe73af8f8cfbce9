"""Alternating offers against published numbers, backward induction and its own definition."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    FreeDisposalHull,
    Frontier,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
)
from offer_tree import turns_miss
from seeds import seeds

PIE = Problem(TransferableSurplus(1.0), [0.0, 0.0])
ROOT = Problem(Frontier(lambda x: 1 - x**2, 0, 1, derivative=lambda x: -2 * x), [0.0, 0.0])
PENTAGON = Problem(Polytope([[0, 0], [3, 0], [3, 1], [2, 2], [0, 3]]), [0.5, 0.25])


LOW_RUIN = {"breakdown": 1, "breakdown_payoffs": [0.3, 0.4]}


@dataclass(frozen=True)
class Case:
    source: str
    discounts: Any
    first: float
    options: dict[str, Any] = field(default_factory=dict)


CASES = [
    Case("Rubinstein 1982", [0.9, 0.8], 0.2 / 0.28),
    Case("breakdown, no discounting", 1.0, 1.14 / 1.8, {"breakdown": 0.2, "breakdown_payoffs": [0.3, 0.1]}),
    Case("outside option too weak", 0.9, 1 / 1.9, {"outside": [0.0, 0.45]}),
    Case("outside option at its threshold", 0.9, 1 / 1.9, {"outside": [0.0, 0.9 / 1.9]}),
    Case("outside option binds", 0.9, 0.4, {"outside": [0.0, 0.6]}),
    Case("Ståhl, two offers", 0.9, 0.1, {"horizon": 2}),
    Case("Ståhl, three offers", 0.9, 0.91, {"horizon": 3}),
    Case("Ståhl, ten offers", 0.9, (1 - 0.9**10) / 1.9, {"horizon": 10}),
    Case("Shaked, quits after own offer, weak", 0.9, 1 / 1.9, {"outside": [None, 0.4], "leaver": "proposer"}),
    Case("Shaked, quits after own offer, strong", 0.9, 0.1, {"outside": [None, 0.85], "leaver": "proposer"}),
    Case("both may quit, unique", 0.9, 0.57, {"outside": [0.43, 0.43], "leaver": "both"}),
]


WHO_LEAVES = [
    (
        "stays for a sure breakdown",
        [0, 0],
        0.5,
        {"outside": [0.1, 0.45], "leaver": "proposer", **LOW_RUIN},
        0.6,
    ),
    ("leaves before one", [0, 0], 0.5, {"outside": [0.4, 0.1], "leaver": "proposer", **LOW_RUIN}, 0.9),
    ("both may", [0, 0], [0.2, 0.9], {"outside": [0.1, None], "leaver": "both", **LOW_RUIN}, 0.6),
    ("costs the other an inside flow", [0.3, 0.1], 0.5, {"outside": [None, 0.6], "leaver": "proposer"}, 0.45),
    ("whatever the other's inside flow", [0.1, 0.4], 0.5, {"outside": [0.8, 0.1]}, 0.7),
]


@pytest.mark.parametrize(("flows", "discounts", "options", "first"), [case[1:] for case in WHO_LEAVES])
def test_who_leaves_need_not_leave_the_other_the_value_of_waiting(
    flows: list[float], discounts: Any, options: dict[str, Any], first: float
) -> None:
    """Stationary offers solved by hand: what a refusal brings may not depend on the next offer, or lie below d."""
    problem, talks = Problem(TransferableSurplus(1.0), flows), AlternatingOffers(discounts, **options)
    assert talks(problem).raise_if_failed().payoffs[0] == pytest.approx(first, rel=1e-12)
    ends = [[first, first], [1 - first, 1 - first]]
    np.testing.assert_allclose(talks.equilibria(problem), ends, rtol=1e-12)
    for phase in talks.supporting(problem):
        other = AlternatingOffers(discounts, proposer=1 - phase.proposer, **options)(problem)
        left = np.nan_to_num(np.array(options["outside"], dtype=float))
        expected = other.payoffs if phase.refusal == "talks go on" else left
        np.testing.assert_allclose(phase.after, expected, rtol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.source)
def test_known_divisions_of_a_pie(case: Case) -> None:
    division = AlternatingOffers(case.discounts, **case.options)(PIE).raise_if_failed()
    assert division.payoffs[0] == pytest.approx(case.first, rel=1e-13)
    assert division.payoffs.sum() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("k", [2, 6, 10, 14])
@pytest.mark.parametrize("breakdown", [0.0, 1e-9])
def test_patience_close_to_one_costs_no_digits(k: int, breakdown: float) -> None:
    # In rationals: x0 = 1 - a1 - b1 y1 and y1 = 1 - a0 - b0 x0, a refusal being worth a + b v.
    discounts, ruin, d = [1 - 10.0**-k, 1 - 3 * 10.0**-k], [0.3, 0.1], [0.25, 0.125]
    p = Fraction(breakdown)
    b = [(1 - p) * Fraction(delta) for delta in discounts]
    a = [p * Fraction(ruin[i]) + (1 - p) * (1 - Fraction(discounts[i])) * Fraction(d[i]) for i in (0, 1)]
    x0 = (1 - a[1] - b[1] * (1 - a[0])) / (1 - b[0] * b[1])
    division = AlternatingOffers(discounts, breakdown=breakdown, breakdown_payoffs=ruin)(
        Problem(TransferableSurplus(1.0), d)
    )
    assert division.payoffs[0] == pytest.approx(float(x0), rel=1e-13)
    assert division.status == Status.OK


RANGES = [
    ({"outside": [None, 0.6], "leaver": "proposer"}, [0.1, 0.37]),
    ({"outside": [0.2, 0.3], "leaver": "both"}, [0.3, 0.7]),
    ({"outside": [0.0, 0.0], "leaver": "both"}, [0.1, 1.0]),
]


@pytest.mark.parametrize(("options", "interval"), RANGES)
def test_where_equilibrium_is_not_unique_none_is_chosen(
    options: dict[str, Any], interval: list[float]
) -> None:
    protocol = AlternatingOffers(0.9, **options)
    division = protocol(PIE)
    assert division.status == Status.MULTIPLE
    assert np.isnan(division.payoffs).all()
    np.testing.assert_allclose(protocol.equilibria(PIE)[0], interval, rtol=1e-12)


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99])
@pytest.mark.parametrize("b", np.linspace(0.02, 0.98, 13))
def test_leaving_after_the_own_refused_offer_has_three_regions(discount: float, b: float) -> None:
    # Shaked 1994: Rubinstein below d^2/(1+d), a continuum up to d^2, all but 1-d beyond.
    low, high = AlternatingOffers(discount, outside=[None, b], leaver="proposer").equilibria(PIE)[0]
    if b < discount**2 / (1 + discount):
        expected = (1 / (1 + discount), 1 / (1 + discount))
    elif b > discount**2:
        expected = (1 - discount, 1 - discount)
    else:
        expected = (1 - discount, 1 - discount * (1 - discount + b))
    assert (low, high) == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("discount", [0.5, 0.75, 0.9, 0.99, 0.9999, 0.99999])
def test_at_either_threshold_leaving_and_staying_are_both_credible(discount: float) -> None:
    for option in (discount**2 / (1 + discount), discount**2):
        protocol = AlternatingOffers(discount, outside=[None, option], leaver="proposer")
        assert protocol(PIE).status == Status.MULTIPLE
        expected = (1 - discount, 1 - discount * (1 - discount + option))
        assert tuple(protocol.equilibria(PIE)[0]) == pytest.approx(expected, rel=1e-11)


@pytest.mark.dear("discounts0-{}-frontier")
@pytest.mark.parametrize("problem", [PIE, ROOT, PENTAGON], ids=["pie", "frontier", "polytope"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"outside": [0.3, 0.2]},
        {"outside": [0.9, None]},
        {"breakdown": 0.1, "breakdown_payoffs": [0.1, 0.0]},
        {"breakdown": 0.05, "breakdown_payoffs": [-1.0, 0.3], "outside": [0.0, 0.5]},
    ],
    ids=str,
)
@pytest.mark.parametrize("discounts", [[0.7, 0.8], [0.5, 0.95]])
def test_a_long_horizon_is_an_infinite_one(
    problem: Problem, options: dict[str, Any], discounts: list[float]
) -> None:
    # Backward induction shares nothing with the fixed point of the offers but the set's own answers.
    for k in (0, 1):
        infinite = AlternatingOffers(discounts, proposer=k, **options)(problem)
        finite = AlternatingOffers(discounts, proposer=k, horizon=120, **options)(problem)
        assert infinite.status == finite.status
        np.testing.assert_allclose(infinite.payoffs, finite.payoffs, rtol=1e-11)


@pytest.mark.parametrize("players", [2, 3])
def test_who_makes_the_last_offer_takes_all_that_patience_leaves(players: int) -> None:
    """Nobody loses by waiting: the game is over at the last offer, however many lie before it."""
    problem = Problem(TransferableSurplus(1.0, players=players), np.zeros(players))
    for offers in (*range(1, 8), *(10**30 + k for k in range(6))):
        division = AlternatingOffers(np.ones(players), horizon=offers)(problem)
        assert division.payoffs.tolist() == np.eye(players)[(offers - 1) % players].tolist()


def test_square_root_utility() -> None:
    # u0 = sqrt(x), u1 = 1 - x: x solves d^2 (1 - d^2 x... ) written out: 1 - x = d (1 - d^2 x).
    division = AlternatingOffers(0.9)(ROOT)
    share = division.payoffs[0] ** 2
    assert 1 - share == pytest.approx(0.9 * (1 - 0.81 * share), rel=1e-13)
    assert share == pytest.approx(0.3690037, abs=5e-8)


@pytest.mark.parametrize("problem", [ROOT, PENTAGON], ids=["frontier", "polytope"])
def test_offers_converge_to_the_nash_point_at_rate_one(problem: Problem) -> None:
    limit = ContinuousOffers([0.1, 0.05])(problem).payoffs
    errors = [
        np.abs(AlternatingOffers(np.exp(-np.array([0.1, 0.05]) * period))(problem).payoffs - limit).max()
        for period in (0.1, 0.01, 0.001)
    ]
    if errors[0] > 1e-9:  # at a vertex the limit is reached at once
        assert errors[1] / errors[0] == pytest.approx(0.1, rel=0.1)
        assert errors[2] / errors[1] == pytest.approx(0.1, rel=0.1)


def test_batch_equals_cells_and_scale_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    delta, outside = rng.uniform(0.1, 0.99, (20, 2)), rng.uniform(0, 0.8, (20, 2))
    batch = AlternatingOffers(delta, outside=outside)(PIE)
    for k in range(0, 20, 3):
        one = AlternatingOffers(delta[k], outside=outside[k])(PIE)
        assert one.status == batch.status[k]
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])
    rich = AlternatingOffers(delta, outside=1e9 * outside)(Problem(TransferableSurplus(1e9), [0, 0]))
    np.testing.assert_allclose(rich.payoffs / 1e9, batch.payoffs, rtol=1e-13)
    beyond = outside.sum(axis=1) > 1
    assert beyond.any()
    np.testing.assert_array_equal(
        batch.payoffs[beyond], outside[beyond]
    )  # who is refused, or refuses, leaves
    np.testing.assert_array_equal(
        batch.chances[:, beyond], np.broadcast_to([0.0, 1.0, 0.0], (2, beyond.sum(), 3))
    )


BAD: list[tuple[Callable[[], object], str]] = [
    (lambda: AlternatingOffers(1.0), "`discounts` must lie in [0, 1)"),
    (lambda: AlternatingOffers([0.9, 1.2]), "got 1.2 for player 1"),
    (lambda: AlternatingOffers(0.9, proposer=2)(PIE), "`proposer` must be a player, 0 to 1"),
    (lambda: AlternatingOffers(0.9, players=[]), "`players` must name at least two players; got []"),
    (lambda: AlternatingOffers(0.9, breakdown=1.5), "`breakdown` must lie in [0, 1]"),
    (lambda: AlternatingOffers(0.9, horizon=0), "`horizon` must be a whole number, at least 1"),
    (lambda: AlternatingOffers(0.9, leaver="nobody"), "`leaver` must be one of 'responder'"),
    (lambda: AlternatingOffers([0.9, 0.9], proposer=2), "`proposer` must be a player, 0 to 1"),
    (
        lambda: AlternatingOffers(0.9, outside=[None, 0.1, 0.2])(PIE),
        "`outside` must have one entry per player",
    ),
    (lambda: AlternatingOffers([0.9, 0.9], outside=[None, float("inf")]), "`outside` must be finite"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput, match=".*".join(map(__import__("re").escape, [message]))):
        make()


THREE = Problem(TransferableSurplus(1.0, players=3), [0.0, 0.0, 0.0])


def test_three_players_who_propose_in_turn() -> None:
    # With a common discount factor d the stationary division is (1, d, d^2) / (1 + d + d^2).
    d = 0.9
    division = AlternatingOffers(d)(THREE).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, np.array([1, d, d**2]) / (1 + d + d**2), rtol=1e-13)
    np.testing.assert_allclose(division.offers[1], np.roll(division.payoffs, 1), rtol=1e-13)
    np.testing.assert_allclose(AlternatingOffers(0.99999)(THREE).average, np.full(3, 1 / 3), rtol=1e-9)


@pytest.mark.parametrize(
    "options",
    [{}, {"outside": [0.4, None, 0.1]}, {"breakdown": 0.1, "breakdown_payoffs": [0.2, 0.0, 0.1]}],
    ids=str,
)
def test_three_players_at_a_long_horizon(options: dict[str, Any]) -> None:
    infinite = AlternatingOffers([0.9, 0.8, 0.85], **options)(THREE).raise_if_failed()
    finite = AlternatingOffers([0.9, 0.8, 0.85], horizon=200, **options)(THREE)
    np.testing.assert_allclose(infinite.payoffs, finite.payoffs, rtol=1e-9)


def test_what_is_for_two_players_only() -> None:
    with pytest.raises(NotApplicable, match="2 players; the problem has 3"):
        ContinuousOffers(0.1)(THREE)
    with pytest.raises(NotApplicable, match="2 players; the problem has 3"):
        AlternatingOffers(0.9).equilibria(THREE)
    with pytest.raises(NotApplicable, match="`leaver` must be 'responder'"):
        AlternatingOffers(0.9, outside=[0.1, 0.1, 0.1], leaver="both")(THREE)


def test_nobody_makes_offers_where_a_breakdown_is_worth_more_than_the_pie() -> None:
    windfall = {"breakdown": 0.5, "breakdown_payoffs": [0.8, 0.8]}
    assert AlternatingOffers(0.9, **windfall)(PIE).status == Status.EMPTY
    for leaver in ("proposer", "both"):
        assert (
            AlternatingOffers(0.9, outside=[0.1, None], leaver=leaver, **windfall)(PIE).status == Status.EMPTY
        )
    # Backward induction agrees: they wait until the last period, and the first offer is worth what waiting is.
    last = AlternatingOffers(0.9, horizon=200, **windfall)(PIE).payoffs
    assert last.sum() > 1


@pytest.mark.parametrize("problem", [PIE, ROOT, PENTAGON], ids=["pie", "frontier", "polytope"])
@pytest.mark.parametrize(
    "options",
    [
        {"outside": [None, 0.6], "leaver": "proposer"},
        {"outside": [0.2, 0.3], "leaver": "both"},
        {"outside": [0.2, 0.5], "leaver": "proposer"},
        {"outside": [0.1, 0.5]},
    ],
    ids=str,
)
def test_the_ends_are_supported_by_play_that_nobody_leaves_off(
    problem: Problem, options: dict[str, Any]
) -> None:
    discount = 0.9
    protocol = AlternatingOffers(discount, **options)
    d, option = problem.disagreement, [o or 0.0 for o in options["outside"]]
    phases = {(phase.proposer, phase.end): phase for phase in protocol.supporting(problem)}
    ends = {k: AlternatingOffers(discount, proposer=k, **options).equilibria(problem)[k] for k in (0, 1)}
    for (i, end), phase in phases.items():
        j = 1 - i
        assert phase.offer[i] == pytest.approx(ends[i][1 if end == "highest" else 0], rel=1e-9)
        assert problem.feasible.contains(phase.offer, tol=1e-9)
        if phase.refusal == "talks go on":
            worth = d + discount * (phase.after - d)
            # The continuation is itself an equilibrium payoff of the other's subgame, and nobody would rather leave.
            assert ends[j][0] - 1e-9 <= phase.after[j] <= ends[j][1] + 1e-9
            if options.get("leaver") in ("proposer", "both") and options["outside"][i] is not None:
                assert worth[i] >= option[i] - 1e-9
        else:
            worth = np.array(option)
            goes = j if phase.refusal == "responder leaves" else i
            # Leaving is a best reply: some continuation is worth no more to the one who goes.
            floor = min(p.offer[goes] for p in phases.values() if p.proposer != i)
            assert option[goes] >= d[goes] + discount * (floor - d[goes]) - 1e-9
        # The responder is indifferent, unless the proposer takes all there is to take.
        assert phase.offer[j] >= worth[j] - 1e-9
        assert phase.offer[i] >= worth[i] - 1e-9


def test_a_proposer_may_prefer_that_the_first_responder_leaves() -> None:
    # Player 1 leaves after a refusal, which brings 0 more than what 2, who waits for .3, would leave.
    protocol = AlternatingOffers(
        0.9, breakdown=1, breakdown_payoffs=[0, 0, 0.3], outside=[0.55, 0.2, 0.0], proposer=0
    )
    division = protocol(THREE).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, [0.55, 0.2, 0], rtol=1e-14)
    assert division.chances.tolist() == [[0, 1, 0], [1, 0, 0], [1, 0, 0]]
    assert division.agree.tolist() == [False, True, True]
    assert not division.unique
    offers = np.array([[0.5, 0.2, 0.3], *division.offers[1:]])  # what was once taken for the answer
    wrong = replace(division, payoffs=offers[0], offers=offers, chances=np.tile([1.0, 0, 0], (3, 1)))
    assert protocol.check(wrong).residual == pytest.approx(0.05)


def drawn(rng: np.random.Generator, n: int) -> tuple[Problem, dict[str, Any]]:
    """Draw talks in which waiting, breaking down and leaving are all near what agreeing brings."""
    d = rng.uniform(-0.1, 0.1, n) * (rng.random() < 0.5)
    p = float(rng.choice([0, 1, rng.uniform(0, 1)]))
    least = rng.choice([-0.3, 0.7])
    options = rng.dirichlet(np.ones(n)) * rng.uniform(max(least, 0), 1)
    given = {
        "discounts": rng.uniform(0.3, 0.99, n),
        "breakdown": p,
        "breakdown_payoffs": rng.dirichlet(np.ones(n)) * rng.uniform(least, 1.05),
        "outside": [None if rng.random() < 0.25 else float(x) for x in options],
    }
    return Problem(TransferableSurplus(1.0, players=n), d), given


def missed(division: Any, given: dict[str, Any]) -> float:
    """Return what somebody gains from a deviation, by walking the game tree of every turn."""
    return turns_miss(
        division.offers.tolist(),
        division.chances.tolist(),
        total=1.0,
        discounts=given["discounts"].tolist(),
        breakdown=given["breakdown"],
        ruin=given["breakdown_payoffs"].tolist(),
        outside=given["outside"],
        disagreement=division.problem.disagreement.tolist(),
    )


@pytest.mark.parametrize(
    ("n", "seeds"),
    [
        *((n, range(30)) for n in (2, 3, 4)),
        *(pytest.param(n, range(40, 540), marks=pytest.mark.slow) for n in (3, 4)),
    ],
)
def test_no_deviation_pays(n: int, seeds: range) -> None:
    """The game tree of every round, walked in plain Python, leaves nobody a gain."""
    played = np.zeros(3)
    for seed in seeds:
        problem, given = drawn(np.random.default_rng([seed, n]), n)
        division = AlternatingOffers(**given)(problem)
        if division.status == Status.EMPTY:  # leaving, or a sure breakdown, is worth more than the pie
            options = [x for x in given["outside"] if x is not None]
            assert sum(options) > 0.7 or given["breakdown_payoffs"].sum() > 1
            continue
        assert division.ok
        played += division.chances.sum(axis=0)
        assert missed(division, given) < 1e-9, seed
    assert (played[: 1 if n == 2 else 3] > 0).all()  # two players always agree


def test_an_option_ends_talks_that_are_worth_more_than_the_pie() -> None:
    """Talking for ever is worth 1.1, but player 0 would leave: 1 pays her .1 in his turn, for which she waits in hers.

    Waiting gives -.1 x .2 + .9 x .1 = .07 and .1 x 1.3 + .9 x .9 = .94.
    """
    problem = Problem(TransferableSurplus(1.0), [-0.2, 1.3])
    for horizon in (None, 31):
        protocol = AlternatingOffers(0.9, outside=[0.1, 0.2], horizon=horizon)
        division = protocol(problem).raise_if_failed()
        np.testing.assert_allclose(division.offers, [[0.07, 0.94], [0.1, 0.9]], rtol=1e-14)
        np.testing.assert_array_equal(division.chances, [[0, 0, 1], [1, 0, 0]])
        assert np.isnan(protocol.equilibria(problem)).all() == (horizon is None)
    often = AlternatingOffers(np.exp(-1e-6), outside=[0.1, 0.2])(problem)
    limit = ContinuousOffers([1.0, 1.0], outside=[0.1, 0.2])(problem)
    np.testing.assert_allclose(often.payoffs, limit.payoffs, atol=1e-5)
    assert AlternatingOffers(0.9, outside=[-0.3, 0.2])(problem).status is Status.EMPTY  # nobody leaves


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("beyond", ["options", "disagreement"])
def test_no_deviation_pays_where_refusals_are_worth_more_than_the_pie(n: int, beyond: str) -> None:
    played = np.zeros(3)
    for seed in range(40):
        rng = np.random.default_rng([seed, n, 3])
        problem, given = drawn(rng, n)
        if beyond == "options":
            given["outside"] = (rng.dirichlet(np.ones(n)) * rng.uniform(1, 1.4)).tolist()
        else:
            problem = Problem(problem.feasible, rng.dirichlet(np.ones(n)) * rng.uniform(0.8, 1.4))
        division = AlternatingOffers(**given)(problem)
        if division.status == Status.EMPTY:
            assert beyond == "disagreement" or given["breakdown_payoffs"].sum() > 1
            continue
        division.raise_if_failed()
        played += division.chances.sum(axis=0)
        assert missed(division, given) < 1e-9, seed
    assert played[0] > 0
    assert played[1] > 20 or beyond == "disagreement"


HASTY = {"outside": [0.75, 0.1], "breakdown": 0.1, "breakdown_payoffs": [0.30514478, 0.1334584]}


@pytest.mark.parametrize("leaver", ["proposer", "both"])
def test_a_proposer_may_want_to_be_refused_where_she_is_left_with_less_than_disagreement(leaver: str) -> None:
    """Player 0 leaves after a refusal of his own offer, so that 1 accepts .1, and 1 would rather wait for that."""
    d, discounts = np.array([0.40637632, 0.36458053]), np.array([0.90176436, 0.28423974])
    problem = Problem(TransferableSurplus(1.0), d)
    waiting = 0.1 * np.array(HASTY["breakdown_payoffs"]) + 0.9 * (d + discounts * ([0.9, 0.1] - d))
    for proposer, payoffs, fate in ((0, [0.9, 0.1], [1, 0, 0]), (1, waiting, [0, 0, 1])):
        protocol = AlternatingOffers(discounts, **HASTY, leaver=leaver, proposer=proposer)
        division = protocol(problem)
        assert division.status is Status.OK
        np.testing.assert_allclose(division.payoffs, payoffs, atol=1e-14)
        np.testing.assert_array_equal(division.chances[proposer], fate)
        assert np.isnan(protocol.equilibria(problem)).all()
        with pytest.raises(NotApplicable, match="refused"):
            protocol.supporting(problem)
        moved = replace(division, offers=division.offers + 1e-3)
        assert protocol.check(moved).status is Status.INACCURATE
        accepted = replace(division, chances=np.broadcast_to([1.0, 0.0, 0.0], (2, 3)))
        assert protocol.check(accepted).status is Status.INACCURATE
    both = AlternatingOffers([discounts, [0.5, 0.5]], **HASTY, leaver=leaver, proposer=1)(problem)
    np.testing.assert_allclose(both.payoffs[0], waiting, atol=1e-14)
    np.testing.assert_array_equal(both.agree[1], [False, True])


def test_refusals_are_those_of_a_long_horizon() -> None:
    """Leaving, a breakdown or disagreement beyond the frontier: payoffs are those that a long horizon leads to."""
    refused, unknown = 0, 0
    for seed in range(30):
        rng = np.random.default_rng([seed, 9])
        discounts, p = rng.uniform(0.1, 0.9, 2), float(rng.choice([0.0, rng.uniform()]))
        given: dict[str, Any] = {"breakdown": p, "breakdown_payoffs": rng.uniform(-0.3, 1.1, 2)}
        given["outside"] = [None if rng.random() < 0.3 else float(x) for x in rng.uniform(0, 1, 2)]
        given["leaver"] = str(rng.choice(["proposer", "both", "responder"]))
        problem = Problem(TransferableSurplus(1.0), rng.uniform(0, 0.8, 2))
        protocol = AlternatingOffers(discounts, **given)
        division, ends = protocol(problem), protocol.equilibria(problem)
        unknown += int(division.status == Status.INACCURATE)
        late = AlternatingOffers(discounts, **given, horizon=200)(problem).payoffs
        if division.status != Status.EMPTY:
            assert (~(ends[:, 0] > late + 1e-9) & ~(ends[:, 1] < late - 1e-9)).all(), seed
        if division.ok:
            np.testing.assert_allclose(division.payoffs, late, atol=1e-9)
            refused += int(division.chances[0, 0] < 1)
    assert refused > 2
    assert unknown < 2


@pytest.mark.parametrize("seed", seeds(6, 18))
def test_three_players_on_random_polytopes(seed: int) -> None:
    """Each proposer takes all that the others' reservations leave, and nobody gains by having the offer refused."""
    rng = np.random.default_rng(seed)
    points = np.vstack([rng.dirichlet(np.ones(3), 8) * rng.uniform(0.7, 1.3, (8, 1)), np.eye(3)])
    units = 10.0 ** rng.integers(-3, 4, 3)
    feasible = Polytope(points * units, free_disposal=True)
    discount = 1 - 10 ** -rng.uniform(0.3, 3, 3)  # of unequal patience
    options = rng.dirichlet(np.ones(3)) * 0.6 * units if seed % 2 else None
    division = AlternatingOffers(discount, outside=options)(Problem(feasible, np.zeros(3))).raise_if_failed()
    if not division.agree.all():
        return
    for k in range(3):
        held = discount * division.offers[(k + 1) % 3]
        held = held if options is None else np.maximum(held, options)
        held[k] = division.offers[k, k]
        np.testing.assert_allclose(division.offers[k] / units, held / units, atol=1e-11)
        axis = np.where(np.arange(3) == k, units, 0.0)
        assert abs(feasible.ray(division.offers[k], axis)) < 1e-11
    assert not division.unique


def test_who_is_unique() -> None:
    assert AlternatingOffers([0.9, 0.8])(PIE).unique is True
    assert AlternatingOffers(0.9, outside=[0.2, 0.3], leaver="both")(PIE).unique is False
    assert AlternatingOffers(0.9)(THREE).unique is True
    assert AlternatingOffers(0.9, outside=[0.3, 0.3, 0.3])(THREE).unique is False
    assert AlternatingOffers(0.5, outside=[0.1, 0.1, 0.1])(THREE).unique is True
    batch = AlternatingOffers(0.9, outside=[[0.2, 0.3], [0.7, 0.7]])(PIE)
    assert batch.unique.tolist() == [True, False]  # both leave in the second
    windfall = {"breakdown": 0.5, "breakdown_payoffs": [0.6, 0.5]}
    assert AlternatingOffers(0.9, **windfall)(PIE).unique is False
    cliffs = Problem(FreeDisposalHull([[1, 0], [0.6, 0.6], [0, 1]]), [0, 0])
    assert AlternatingOffers(0.9)(cliffs).unique is False


@pytest.mark.parametrize("players", [2, 3])
def test_who_is_unique_with_a_last_offer(players: int) -> None:
    problem = Problem(TransferableSurplus(1.0, players=players), np.zeros(players))
    assert AlternatingOffers(0.9, horizon=7)(problem).unique is True
    # The first responder does not mind leaving, for 0; then the proposer gets .9, more than from an offer.
    breakdown = {"breakdown": 1, "breakdown_payoffs": [0] * (players - 1) + [0.3]}
    options = [0.9] + [0.0] * (players - 1)
    tie = AlternatingOffers(0.9, horizon=1, outside=options, **breakdown)(problem)
    assert tie.unique is (players == 2)


@pytest.mark.parametrize("option", [0.1, 0.2, 0.3])
def test_who_is_indifferent_but_for_rounding_leaves_payoffs_open(option: float) -> None:
    """Of the last offer a patient first proposer gets her option, so that leaving before is as good for her."""
    talks = AlternatingOffers([1.0, 0.6], outside=[option, 0.3], leaver="both", horizon=2)
    assert talks(Problem(TransferableSurplus(1.0), [0.0, 0.05])).unique is False


def test_play_is_shown_where_there_is_one_equilibrium_problem_for_ever() -> None:
    with pytest.raises(NotApplicable, match="finite `horizon`"):
        AlternatingOffers(0.9, horizon=3).supporting(PIE)
    with pytest.raises(InvalidInput, match=r"`problem` must be one problem; got a batch of shape \(2,\)"):
        AlternatingOffers(0.9).supporting(Problem(TransferableSurplus([1.0, 2.0]), [0.0, 0.0]))
    with pytest.raises(NotApplicable, match="no play to show"):
        AlternatingOffers(0.9).supporting(Problem(TransferableSurplus(1.0), [0.6, 0.7]))


def test_who_takes_all_there_is_may_give_the_other_more_or_less() -> None:
    """Player 0 can take no more than 1, and 1 accepts half of the 1.5 of his own turn, though .25 more costs nobody."""
    problem = Problem(Frontier(lambda x: 2 - x, 0, 1), [0.0, 0.0])
    protocol = AlternatingOffers(0.5)
    assert not protocol(problem).unique
    np.testing.assert_allclose(protocol.equilibria(problem), [[1, 1], [0.75, 1]], rtol=1e-12)
    assert not AlternatingOffers(0.5, horizon=3)(problem).unique
    patient = [0.5, 0.9]  # player 1 leaves 0 less than 1
    assert AlternatingOffers(patient)(problem).unique
    assert AlternatingOffers(patient, horizon=30)(ROOT).unique  # where the last proposer leaves nothing
    cube = Problem(Polytope([[0.4, 1, 1], [1, 0.4, 1], [1, 1, 0.4]], free_disposal=True), [0.0, 0.0, 0.0])
    assert not AlternatingOffers(0.1, horizon=2)(cube).unique


def test_patient_players_who_were_not_found_to_agree_do_not_talk_for_ever() -> None:
    """On a polytope with free disposal somebody would rather offer: EMPTY is no excuse for a search that fails."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        n = 3 + seed % 2
        points = np.vstack([rng.dirichlet(np.ones(n), 8) * rng.uniform(0.7, 1.3, (8, 1)), np.eye(n)])
        division = AlternatingOffers(1 - 1e-3)(Problem(Polytope(points, free_disposal=True), np.zeros(n)))
        assert division.raise_if_failed().agree.all(), seed
