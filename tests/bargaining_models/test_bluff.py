"""The bluff: beliefs at which the US is indifferent, what a step proves, and where holding out ends."""

from dataclasses import replace

import numpy as np
import pytest

from bargaining import CostlyStep, nash
from bargaining.errors import InvalidInput
from bargaining.protocols.signalling import Kind
from bargaining_models.negotiation.bluff import Claim, HoldOut, gain_over_giving_way
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.headline import first_crossing
from bargaining_models.us_canada.baseline import Baseline

RATE = 0.05


@pytest.fixture(scope="module")
def pairs(baseline: Baseline) -> dict[float, Deal]:
    return {share: Deal.at(baseline, r=[0.0, share]) for share in (0.05, 0.15, 0.30)}


@pytest.fixture(scope="module")
def small(baseline: Baseline) -> dict[bool, Deal]:
    deal = Deal.at(baseline, r=np.array([0.0, 0.01, 0.03, 0.05, 0.10, 0.20]))
    return {True: deal, False: deal.without_route()}


def test_a_bluffer_is_indifferent_and_nobody_gains_by_deviating(pairs: dict[float, Deal]) -> None:
    deal = pairs[0.15]
    claim = Claim(deal=deal, war=1.0)
    talks = claim.talks(0.3)
    weak, strong = deal.transfer(nash(deal.problem()))
    kept = np.exp(-RATE)

    def canada(k: int, transfer: float, after: float) -> float:
        """Canada's income if it claims: believed, or called and at its own terms after the war."""
        conceded = deal.agreement.money[k, 0] - strong
        called = (1 - kept) * deal.war.money[k, 0] + kept * (deal.agreement.money[k, 0] - after)
        return float(talks.concede * conceded + (1 - talks.concede) * called)

    assert canada(0, strong, weak) == pytest.approx(deal.agreement.money[0, 0] - weak, rel=1e-9)
    assert canada(1, strong, strong) > deal.agreement.money[1, 0] - weak
    assert talks.belief == pytest.approx(0.3 / (0.3 + 0.7 * talks.claim[1]))
    assert talks.residual < 1e-12


def kinds(claim: Claim, costs: tuple[float, float]) -> set[Kind]:
    """The equilibria of a visible step that costs a strong and a weak Canada so much."""
    game = CostlyStep(0.3, costs, owner=claim.owner, receiver=claim.receiver)
    return {found.kind for found in game()}


def test_a_step_that_costs_both_alike_proves_nothing(pairs: dict[float, Deal]) -> None:
    claim = Claim(deal=pairs[0.15], war=1.0)
    assert claim.dearest_ratio < 1
    for cost in (0.01, 0.3, 3.0):
        assert kinds(claim, (cost, cost)) == {Kind.POOL_ON_NONE}


def test_a_contract_that_a_bluffer_cannot_use_separates(pairs: dict[float, Deal]) -> None:
    claim = Claim(deal=pairs[0.15], war=1.0)
    strong, weak = claim.stakes
    enough = kinds(claim, (0.5 * strong, 1.01 * weak))
    too_small = kinds(claim, (0.05 * strong, 0.5 * weak))
    too_dear = kinds(claim, (1.01 * strong, 1.02 * weak))
    assert Kind.SEPARATE in enough
    assert Kind.SEPARATE not in too_small
    assert Kind.BLUFF in too_small
    assert Kind.SEPARATE not in too_dear


# Holding out


@pytest.mark.parametrize("route", [True, False])
def test_terms_are_those_of_the_war_of_attrition(small, route) -> None:  # type: ignore[no-untyped-def]
    deal, demand, (z0, z1) = small[route], 0.85, (0.05, 0.05)
    held = HoldOut(deal=deal, priors=(z0, z1), partner_demand=demand)
    k = 2  # r = .05
    talks = np.broadcast_to(deal.talks.money, (6, 2))[k + 1]
    total = deal.total[k + 1]
    surplus = total - talks.sum()
    transfer = deal.transfer(nash(deal.problem()))[k + 1]
    a0 = (deal.agreement.money[k + 1, 0] - transfer - talks[0]) / surplus
    np.testing.assert_allclose(held.demands[k], [a0, demand], rtol=1e-12)
    conflict = a0 + demand - 1
    speed0, speed1 = RATE * (1 - a0) / conflict, RATE * (1 - demand) / conflict
    horizon = min(-np.log(z0) / speed0, -np.log(z1) / speed1)
    first1 = 1 - z1 * np.exp(speed1 * horizon)
    payoff = first1 * a0 + (1 - first1) * (1 - demand)
    expected = deal.agreement.money[k + 1, 0] - (talks[0] + surplus * payoff)
    assert not held.jumps[k]
    assert held.transfer[k] == pytest.approx(expected, rel=1e-9)


def test_the_jump_is_where_the_war_beats_giving_way(baseline: Baseline, small: dict[bool, Deal]) -> None:
    grid = Deal.at(baseline, r=np.linspace(0.0, 0.3, 4), route_survives=False)
    threshold = first_crossing(grid, lambda deal: gain_over_giving_way(deal, partner_demand=0.85)).value
    assert threshold is not None
    assert 0.15 < threshold < 0.20
    deal = Deal.at(baseline, r=np.array([0.0, threshold - 1e-3, threshold + 1e-3]), route_survives=False)
    held = HoldOut(deal=deal, priors=(0.05, 0.05), partner_demand=0.85)
    assert held.jumps.tolist() == [False, True]
    assert held.transfer[0] - held.transfer[1] > 1.0  # a jump, not a slope
    assert held.outcome.delay[1] == 0.0


def test_what_both_lose_when_canada_walks_out(small: dict[bool, Deal]) -> None:
    z0, z1 = 0.05, 0.1
    deal = small[False]
    held = HoldOut(deal=deal, priors=(z0, z1), partner_demand=0.85)
    k = 4  # r = .2
    assert held.jumps[k]
    into_war = deal.total[k + 1] - deal.war.money[k + 1].sum()
    impasse = deal.total[k + 1] - deal.idle.money.sum()
    # A normal US gives way at once; a committed one meets the war, or a committed Canada for ever.
    expected = z1 * (1 - z0) * into_war + z1 * z0 * impasse
    assert held.cost[k] == pytest.approx(expected, rel=1e-9)


def test_bad_input(pairs: dict[float, Deal], small: dict[bool, Deal]) -> None:
    deal = pairs[0.15]
    cases = {
        "`war` must be positive": lambda: Claim(deal=deal, war=0.0),
        "`rate` must be positive": lambda: Claim(deal=deal, war=1.0, rate=0.0),
        "`deal` must be at two shares": lambda: Claim(deal=small[True], war=1.0),
        "`deal` must bring Canada better terms": lambda: Claim(deal=deal.elsewhere([0.15, 0.0]), war=1.0),
        "`prior` must lie": lambda: Claim(deal=deal, war=1.0).talks(1.0),
        "`deal` must be at an increasing": lambda: HoldOut(deal=deal.elsewhere([0.1, 0.2]), priors=0.05),
        "`partner_demand` must lie": lambda: HoldOut(deal=small[True], priors=0.05, partner_demand=1.0),
        "`deal` must leave a surplus over the status quo": lambda: (
            HoldOut(deal=replace(small[True], status_quo=small[True].agreement), priors=0.05).outcome
        ),
        "`priors` must lie": lambda: HoldOut(deal=small[True], priors=0.0).outcome,
        "`demands` must conflict": lambda: HoldOut(deal=small[True], priors=0.05, partner_demand=0.1).outcome,
    }
    for message, make in cases.items():
        with pytest.raises(InvalidInput, match=message):
            make()


def test_a_call_that_costs_more_than_a_bluff_brings_is_said_so(baseline: Baseline) -> None:
    claim = Claim(deal=Deal.at(baseline, r=[0.0, 0.05]), war=3.0)
    assert claim.threshold == 0.0
    with pytest.raises(InvalidInput, match="`war` must be so short that the US gains by calling a bluff"):
        claim.talks(0.3)


def test_terms_worse_than_the_status_quo_are_nothing_to_hold_out_for(baseline: Baseline) -> None:
    """Canada would pay more for peace than the tariffs of the two while they talk, which are none, cost it."""
    deal = Deal.at(baseline, r=[0.0, 0.1])
    quiet = replace(deal, status_quo=replace(deal.agreement, money=deal.agreement.money - [0.5, 0.1]))
    with pytest.raises(
        InvalidInput, match=r"at r = 0.1 the terms of Canada are -\d.* nothing to hold out for"
    ):
        _ = HoldOut(deal=quiet, priors=(0.05, 0.05)).outcome
