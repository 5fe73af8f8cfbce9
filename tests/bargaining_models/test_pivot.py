"""The pivot: limits are the static deal, and independent backward induction finds the same terms."""

from dataclasses import dataclass

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining_models.negotiation.capacity import together
from bargaining_models.negotiation.deal import Deal, readings
from bargaining_models.negotiation.pivot import (
    OUTCOMES,
    Growth,
    Investment,
    Pivot,
    PivotChain,
    line,
    open_and_close,
    partner_answers,
    path_readings,
    without_suppliers,
)
from bargaining_models.us_canada.baseline import ROLES, Baseline, projects

RATE = 0.05
SHARES = np.array([0.0, 0.15, 0.30])


@pytest.fixture(scope="module")
def deals(baseline: Baseline) -> dict[bool, Deal]:
    deal = Deal.at(baseline, r=SHARES)
    return {True: deal, False: deal.without_route()}


@pytest.fixture(scope="module")
def curves(baseline: Baseline) -> Deal:
    return Deal.at(baseline, r=line(0.15))


def step(deal: Deal, date: float | None, last: int = 1) -> Pivot:
    if date is None:
        return Pivot(growth=Growth.in_steps(deal, [], stages=(last,)))
    return Pivot(growth=Growth.in_steps(deal, [date], stages=(0, last)))


# Limits


@pytest.mark.parametrize("route", [True, False])
@pytest.mark.parametrize("reading", path_readings(ROLES), ids=lambda reading: reading.name)
def test_without_growth_at_once_and_never(deals, route, reading) -> None:  # type: ignore[no-untyped-def]
    static = {one.name: one for one in readings(ROLES)}[reading.name]
    deal = deals[route]
    expected = deal.transfer(static.divide(deal))
    for k in range(3):
        found = reading.divide(step(deal, None, k))
        if np.isnan(expected[k]):  # a route of .30 that a deal would close is worth more than the deal
            assert (reading.name, route, k) == ("Offers, inside option", False, 2)
            assert found.delay == np.inf
            continue
        assert found.transfer == pytest.approx(expected[k], rel=1e-9)
    assert reading.divide(step(deal, 1e-7)).transfer == pytest.approx(expected[1], abs=1e-6)
    assert reading.divide(step(deal, 500.0)).transfer == pytest.approx(expected[0], abs=1e-6)


# Closed forms


@pytest.mark.parametrize("date", [1.0, 5.0, 7.0])
@pytest.mark.parametrize("route", [True, False])
def test_the_transfer_today_is_the_discounted_average_of_static_transfers(deals, route, date) -> None:  # type: ignore[no-untyped-def]
    deal = deals[route]
    gap = deal.agreement.money - deal.status_quo.money
    static = (gap[:, 0] - gap[:, 1]) / 2
    later = np.exp(-RATE * date)
    found = step(deal, date).offers(in_use=True)
    assert found.transfer == pytest.approx((1 - later) * static[0] + later * static[1], rel=1e-10)


def test_with_a_hazard_the_war_takes_its_weight(curves: Deal) -> None:
    from scipy.integrate import quad

    hazard, years = 0.5, 5.0
    growth = Growth.in_a_line(curves, years)

    def gap(t: float) -> np.ndarray:
        money = growth.flows(np.asarray(min(t, years)))
        return (money[:, 0] - money[:, 1])[:3]  # agreement, tariffs of 2025-26, war: Canada less US

    def later(t: float) -> float:
        """The annuity of the war's gap from t on."""
        inside = quad(lambda s: RATE * np.exp(-RATE * (s - t)) * gap(s)[2], t, years)[0] if t < years else 0.0
        return inside + np.exp(-RATE * max(years - t, 0.0)) * gap(years)[2]

    def weighed(t: float) -> float:
        return np.exp(-(RATE + hazard) * t) * (RATE * gap(t)[1] + hazard * later(t))

    apart = quad(weighed, 0.0, years)[0] + weighed(years) / (RATE + hazard)
    agreed = (
        quad(lambda s: RATE * np.exp(-RATE * s) * gap(s)[0], 0.0, years)[0]
        + np.exp(-RATE * years) * gap(years)[0]
    )
    found = Pivot(growth=growth).offers(breakdown=hazard)
    assert found.transfer == pytest.approx((agreed - apart) / 2, rel=1e-8)


def test_the_line_is_the_trade_model(curves: Deal) -> None:
    shares = np.sort(line(0.15))
    between = np.concatenate([[0.0], (shares[1:] + shares[:-1]) / 2, [0.123, 0.15]])
    deal, growth = curves.elsewhere(between), Growth.in_a_line(curves, 1.0)
    for name in OUTCOMES:
        np.testing.assert_allclose(growth.flow(name)(between / 0.15), deal.money(name), atol=1e-9)


# Backward induction


@dataclass(frozen=True)
class Case:
    name: str
    date: float
    last: int
    route: bool
    hazard: float = 0.0
    walk_out: bool = False


CASES = (
    Case("breakdown, route open", 5.0, 1, True, hazard=0.5),
    Case("breakdown, route closed", 3.0, 2, False, hazard=0.05),
    Case("walking out binds later", 5.0, 2, False, walk_out=True),
    Case("walking out and breakdown", 5.0, 2, False, hazard=0.1, walk_out=True),
    Case("walking out never binds", 5.0, 1, True, walk_out=True),
)


def induction(deal: Deal, case: Case, dt: float) -> float:
    """The transfer in a game of periods dt, followed back from a date at which nothing changes any more."""
    money = {
        name: np.broadcast_to(getattr(deal, name).money, (3, 2)) for name in ("agreement", "talks", "war")
    }
    kept, broken = np.exp(-RATE * dt), 1 - np.exp(-case.hazard * dt)
    periods = round(400 / dt)
    payoff = annuity = war = None
    for k in range(periods, -1, -1):
        stage = case.last if k * dt >= case.date - 1e-9 else 0
        flow = {name: values[stage] for name, values in money.items()}
        if payoff is None:
            annuity, war, payoff = flow["agreement"], flow["war"], flow["war"]
            continue
        lasting = (1 - broken) * payoff + broken * war  # what follows the period
        annuity = (1 - kept) * flow["agreement"] + kept * annuity
        reservation = (1 - kept) * flow["talks"] + kept * lasting
        war = (1 - kept) * flow["war"] + kept * war
        if case.walk_out:
            reservation = np.maximum(reservation, war)
        payoff = reservation + (annuity.sum() - reservation.sum()) / 2
    return float(annuity[0] - payoff[0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_backward_induction_tends_to_the_path_of_offers(deals, case) -> None:  # type: ignore[no-untyped-def]
    found = step(deals[case.route], case.date, case.last).offers(
        breakdown=case.hazard, walk_out=case.walk_out
    )
    coarse, fine = (induction(deals[case.route], case, dt) for dt in (0.1, 0.05))
    assert abs(fine - found.transfer) <= 0.6 * abs(coarse - found.transfer) + 1e-8  # first order
    assert 2 * fine - coarse == pytest.approx(found.transfer, abs=2e-3)


# What theory orders


@pytest.mark.parametrize("route", [True, False])
def test_they_agree_at_once_and_waiting_costs_both_the_same(deals, route) -> None:  # type: ignore[no-untyped-def]
    pivot = step(deals[route], 5.0)
    talks = pivot.offers()
    assert talks.delay == 0.0
    waiting = talks.waiting([1.0, 5.0, 20.0])
    np.testing.assert_allclose(waiting[:, 0], waiting[:, 1], rtol=1e-9)
    lost = pivot.value("talks")(0.0).sum(axis=-1) - pivot.value("agreement")(0.0).sum(axis=-1)
    left = np.exp(-RATE * 5.0)
    then = pivot.value("agreement")(5.0).sum(axis=-1) - pivot.value("talks")(5.0).sum(axis=-1)
    assert waiting[1].sum() == pytest.approx(lost + left * then, rel=1e-9)
    assert (waiting < 0).all()


def test_a_deal_that_closes_a_better_route_is_made_early_or_never(baseline: Baseline) -> None:
    # At r = .6 the tariffs of 2025-26 with the route in use are better for both together than the deal without it.
    deal = Deal.at(baseline, r=[0.0, 0.6], route_survives=False)
    flows = deal.status_quo.money.sum(axis=1)
    assert flows[0] < 0 < flows[1]
    worth = [(1 - np.exp(-RATE * date)) * flows[0] + np.exp(-RATE * date) * flows[1] for date in (5.0, 40.0)]
    assert worth[1] < 0 < worth[0]  # never agreeing, against an agreement worth 0
    soon, late = (Pivot(growth=Growth.in_steps(deal, [date])).offers(in_use=True) for date in (5.0, 40.0))
    assert (soon.delay, late.delay) == (np.inf, 0.0)
    assert soon.payoffs.sum() == pytest.approx(worth[0], rel=1e-9)
    assert late.payoffs.sum() == pytest.approx(0.0, abs=1e-9)


# The chain


def test_chain_without_leaving_is_half_the_difference_of_resolvents(baseline: Baseline) -> None:
    deal = Deal.at(baseline, r=[0.0, 0.15, 0.0])
    moves, hazard = open_and_close(opening=0.2, closing=0.2, reopening=0.5), 0.5
    generator = moves - np.diag(moves.sum(axis=1))

    def level(flow: np.ndarray, killed: float = 0.0) -> np.ndarray:
        return np.linalg.solve((RATE + killed) * np.eye(3) - generator, flow)

    war = level(RATE * deal.war.money)
    never = level(RATE * deal.status_quo.money + hazard * war, hazard)
    agreed = level(RATE * deal.agreement.money)
    gap = agreed - never
    expected = (gap[:, 0] - gap[:, 1]) / 2
    for period in (1 / 12, 1.0):
        chain = PivotChain(deal=deal, moves=moves, period=period)
        np.testing.assert_allclose(chain.offers(breakdown=hazard).transfer, expected, rtol=1e-9)
        lost = agreed - war
        np.testing.assert_allclose(chain.nash().transfer, (lost[:, 0] - lost[:, 1]) / 2, rtol=1e-9)


def test_chain_with_leaving_by_value_iteration(baseline: Baseline) -> None:
    from scipy.linalg import expm

    deal = Deal.at(baseline, r=[0.0, 0.3, 0.0], route_survives=False)
    moves, period = open_and_close(opening=0.4, closing=0.1, reopening=0.5), 0.25
    chain = PivotChain(deal=deal, moves=moves, period=period)
    found = chain.offers(walk_out=True)
    generator = moves - np.diag(moves.sum(axis=1))
    transition, kept = expm(generator * period), np.exp(-RATE * period)
    agreed, war = (
        np.linalg.solve(RATE * np.eye(3) - generator, RATE * np.broadcast_to(outcome.money, (3, 2)))
        for outcome in (deal.agreement, deal.war)
    )
    idle = deal.idle.money * (1 - kept)
    payoffs = war.copy()
    for _ in range(4000):
        reservation = np.maximum(idle + kept * transition @ payoffs, war)
        payoffs = reservation + (agreed.sum(axis=1) - reservation.sum(axis=1))[:, None] / 2
    np.testing.assert_allclose(found.payoffs, payoffs, rtol=1e-9)
    assert found.agree.all()
    assert found.ok


# The US answers


def test_replacing_at_no_rate_is_rushing_and_at_any_rate_is_having_replaced(
    baseline: Baseline, deals: dict[bool, Deal]
) -> None:
    gone = Deal.at(without_suppliers(baseline, 0.15), r=SHARES)
    pivots = step(deals[True], 5.0), step(gone, 5.0)

    def answers(rate: float) -> dict[str, np.ndarray]:
        found = partner_answers(*pivots, breakdown=0.05, replacing=rate, wait=2.0)
        return {name: division.payoffs for name, (division, _) in found.items()}

    slow, fast = answers(0.0), answers(100.0)
    np.testing.assert_allclose(slow["replace while talking"], slow["rush"], rtol=1e-12)
    # Talks in which each expects to lose its half of the pie: half of it goes to each at once.
    pie = pivots[0].value("agreement")(0.0).sum(axis=-1) - fast["replace first"].sum()
    np.testing.assert_allclose(fast["replace while talking"], fast["replace first"] + pie / 2, atol=0.02)


def test_replacing_nothing_changes_nothing_and_replacing_hurts_both(baseline: Baseline) -> None:
    np.testing.assert_array_equal(without_suppliers(baseline, 0.0).war().money, baseline.war().money)
    assert (without_suppliers(baseline, 0.15).payoffs().money < 0).all()


def test_nothing_is_paid_where_they_never_agree(baseline: Baseline) -> None:
    """A deal that closes a route as large as that gives both less than going on, at every date."""
    pivot = step(Deal.at(baseline, r=[0.0, 0.8], route_survives=False), 5.0)
    rush = pivot.offers(breakdown=0.5)
    assert (rush.payoffs.sum() > pivot.value("agreement")(0.0).sum(axis=-1)) & ~np.isfinite(rush.delay)
    found = partner_answers(pivot, pivot, breakdown=0.5, replacing=0.2, wait=2.0)
    assert all(np.isnan(division.paid(start)) for division, start in found.values())
    np.testing.assert_array_equal(found["rush"][0].payoffs, rush.payoffs)


# Investment


def test_leverage_today_is_discounted_leverage_in_service(baseline: Baseline) -> None:
    nash_along, nash_static = path_readings(ROLES)[0], readings(ROLES)[0]
    for project in projects(baseline.parameters)[:2]:
        investment = Investment.solve(baseline, project).without_route()
        transfer = investment.deal.transfer(nash_static.divide(investment.deal))
        expected = np.exp(-RATE * project.lead_time) * (transfer[0] - transfer[-1])
        assert investment.leverage(nash_along) == pytest.approx(expected, rel=1e-8)


def test_part_built_is_the_best_on_a_fine_grid(baseline: Baseline) -> None:
    project = next(p for p in projects(baseline.parameters) if p.name == "second expansion")
    investment = Investment.solve(baseline, project).without_route()
    nash_static, walk = readings(ROLES)[0], readings(ROLES)[-2]
    part = np.linspace(0, 2, 33)
    deal = Deal.at(baseline, r={"MIN": part * project.share["MIN"]}, route_survives=False)
    transfer = deal.transfer(nash_static.divide(deal))
    worth = transfer[0] - transfer - investment.charge * part
    best = investment.part_built(nash_static)
    assert 0 < best <= 1
    assert best == pytest.approx(min(part[worth.argmax()], 1.0), abs=1 / 16)
    # An option that does not bind is rightly not built.
    assert walk.name == "Offers, outside option: war"
    assert investment.part_built(walk) == 0


def test_projects_add_up_in_the_order_in_which_they_open(baseline: Baseline) -> None:
    chosen = projects(baseline.parameters)
    dates, shares = together(chosen)
    assert (np.diff(dates) > 0).all()
    for sector, share in shares.items():
        assert share[0] == 0
        assert (np.diff(share) >= 0).all()
        assert share[-1] == pytest.approx(sum(p.share.get(sector, 0.0) for p in chosen))


# Bad input


def test_bad_input(deals: dict[bool, Deal], curves: Deal) -> None:
    deal = deals[True]
    cases = {
        "`dates` must increase": lambda: Growth.in_steps(deal, [2.0, 1.0]),
        "`dates` must be one fewer": lambda: Growth.in_steps(deal, [2.0]),
        "`dates` must be years after today; got -1": lambda: Growth.in_a_line(curves, -1.0),
        "`breakdown` must lie in .*; got -1": lambda: step(deal, 5.0).offers(breakdown=-1.0),
        "`end` must lie": lambda: line(1.5),
        "`rate` must be positive": lambda: Pivot(growth=Growth.in_steps(deal, [1.0, 2.0]), rate=0.0),
        "`years` must lie": lambda: step(deal, 1.0).offers().waiting(-1.0),
        "`moves` must have one row": lambda: PivotChain(deal=deal, moves=np.zeros((2, 2))),
        "`moves` must lie": lambda: PivotChain(deal=deal, moves=-np.ones((3, 3))),
        "`period` must be positive": lambda: PivotChain(deal=deal, moves=np.zeros((3, 3)), period=0.0),
        "`breakdown` must lie": lambda: PivotChain(deal=deal, moves=np.zeros((3, 3))).offers(breakdown=-1.0),
        "`share` must lie": lambda: without_suppliers(deal.negotiation, 1.0),
    }
    for message, make in cases.items():
        with pytest.raises(InvalidInput, match=message):
            make()
