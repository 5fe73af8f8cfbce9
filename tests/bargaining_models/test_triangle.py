"""The triangle: terms against brute force and linear programs, and the states against a plain program."""

from fractions import Fraction
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bargaining_models
from bargaining import InvalidInput, Status, nash
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.triangle import (
    Triangle,
    exclusive,
    in_order,
    nash_in_nash,
    renegotiated,
    shapley,
    triangle_readings,
    unpaid,
)
from bargaining_models.us_canada.baseline import ROLES, Baseline
from plain_trade import PlainTrade

SHARES = [0.0, 0.05, 0.15, 0.30]
TOGETHER = np.array([[[0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 0, 0]]])
# Where outsiders are expected to agree and a condition binds that cannot if they are to stand alone:

whole = st.lists(st.integers(-9, 9), min_size=12, max_size=12).map(lambda x: np.reshape(x, (2, 2, 3)))
floats = st.lists(st.integers(-800, 800), min_size=12, max_size=12).map(
    lambda x: np.reshape(x, (2, 2, 3)) / 16
)

# Money in which the three have more together, so that cores are often not empty.
together = st.builds(lambda money, more: money + more * TOGETHER, whole, st.integers(0, 30))
shares = st.sampled_from([Fraction(k, 8) for k in (1, 2, 3, 4, 6)])


@pytest.fixture(scope="module")
def deal(baseline: Baseline) -> Deal:
    return Deal.at(baseline, r=SHARES)


@pytest.fixture(scope="module")
def triangle(deal: Deal) -> Triangle:
    return Triangle.of(deal)


# Pair by pair: against a search over lump sums in exact arithmetic


def searched(
    agree: list[Fraction], refuse: list[Fraction], partner: int, weight: Fraction
) -> tuple[list[Fraction], bool]:
    """Look at every lump sum on a grid that has the answer on it, and take the one with the best product of gains."""
    joint = agree[0] + agree[partner] - refuse[0] - refuse[partner]
    if joint < 0:
        return refuse, False
    best = None
    for k in range(65):
        kept = refuse[0] + joint * Fraction(k, 64)
        gains = kept - refuse[0], joint - (kept - refuse[0])
        score = gains[0] ** (8 * weight).numerator * gains[1] ** (8 - 8 * weight).numerator
        if best is None or score > best[0]:
            best = score, kept
    assert best is not None
    payoffs = list(agree)
    kept = best[1] if joint > 0 else refuse[0]
    payoffs[0], payoffs[partner] = kept, agree[0] + agree[partner] - kept
    return payoffs, True


def rolled_back(
    money: np.ndarray, order: tuple[int, ...], weights: tuple[Fraction, Fraction]
) -> tuple[list[Fraction], list[bool]]:
    """Play the game of signing from its end."""

    def play(left: tuple[int, ...], signed: frozenset[int]) -> tuple[list[Fraction], list[bool]]:
        if not left:
            state = money[int(1 in signed), int(2 in signed)]
            return [Fraction(int(x)) for x in state], [p in signed for p in (1, 2)]
        partner, later = left[0], left[1:]
        yes, no = play(later, signed | {partner}), play(later, signed)
        payoffs, agreed = searched(yes[0], no[0], partner, weights[partner - 1])
        return payoffs, (yes if agreed else no)[1]

    return play(order, frozenset())


@given(whole, st.sampled_from([1, 2]), shares, shares)
def test_signing_in_order_is_rolled_back(money: np.ndarray, first: int, w1: Fraction, w2: Fraction) -> None:
    payoffs, agreed = rolled_back(money, (first, 3 - first), (w1, w2))
    found = in_order(money, first=first, weights=[float(w1), float(w2)])
    np.testing.assert_allclose(found.payoffs, [float(x) for x in payoffs], atol=1e-11)
    assert found.agreed.tolist() == agreed
    paid = found.payoffs[1:] - money[int(agreed[0]), int(agreed[1]), 1:]
    np.testing.assert_allclose(found.transfers, paid, atol=1e-11)
    assert found.payoffs.sum() == pytest.approx(money[int(agreed[0]), int(agreed[1])].sum(), abs=1e-10)
    assert found.status == Status.OK


@given(whole, shares, shares)
def test_ruling_the_second_out_is_signing_where_it_adds_nothing(
    money: np.ndarray, w1: Fraction, w2: Fraction
) -> None:
    fails, _ = searched(*([Fraction(int(x)) for x in money[0, k]] for k in (1, 0)), 2, w2)
    expected, _ = searched([Fraction(int(x)) for x in money[1, 0]], fails, 1, w1)
    found = exclusive(money, weights=[float(w1), float(w2)])
    np.testing.assert_allclose(found.payoffs, [float(x) for x in expected], atol=1e-11)
    assert not (found.agreed[0] and found.agreed[1])


@given(whole, shares, shares)
def test_at_once_each_pair_has_its_own_nash_solution(money: np.ndarray, w1: Fraction, w2: Fraction) -> None:
    found = nash_in_nash(money, weights=[float(w1), float(w2)])
    surplus = [money[1, 1, [0, p]].sum() - s[[0, p]].sum() for p, s in ((1, money[0, 1]), (2, money[1, 0]))]
    assert found.status == (Status.EMPTY if min(surplus) < 0 else Status.OK)
    for partner, weight, without in ((1, w1, money[0, 1]), (2, w2, money[1, 0])):
        hub, other = (Fraction(int(money[1, 1, p] - without[p])) for p in (0, partner))
        expected = (1 - weight) * hub - weight * other
        assert found.transfers[partner - 1] == pytest.approx(float(expected), abs=1e-12)


# Bargaining again: against the conditions as one linear system


@given(floats)
def test_bargaining_again_solves_the_conditions_of_every_network(money: np.ndarray) -> None:
    # Unknown: payoffs of three in each of four networks. A pair gains alike from its link, and a component shares
    # what it has; whoever has no link has its own money.
    place = {(u, c): 3 * (2 * u + c) for u in (0, 1) for c in (0, 1)}
    rows, right = [], []

    def equation(terms: list[tuple[tuple[int, int], int, float]], value: float) -> None:
        row = np.zeros(12)
        for network, player, sign in terms:
            row[place[network] + player] += sign
        rows.append(row)
        right.append(value)

    for network in place:
        linked = {0, *((1,) if network[0] else ()), *((2,) if network[1] else ())}
        for player in {0, 1, 2} - linked or set():
            equation([(network, player, 1.0)], money[network][player])
        equation([(network, player, 1.0) for player in linked], sum(money[network][p] for p in linked))
        for partner in linked - {0}:
            less = (0, network[1]) if partner == 1 else (network[0], 0)
            signs = [(network, 0, 1.0), (less, 0, -1.0), (network, partner, -1.0), (less, partner, 1.0)]
            equation(signs, 0.0)
    solution = np.linalg.solve(np.array(rows), np.array(right))
    found = renegotiated(money)
    np.testing.assert_allclose(found.payoffs, solution[place[1, 1] :], atol=1e-9)


@given(together)
def test_bargaining_again_is_marked_where_a_pair_would_break_up(money: np.ndarray) -> None:
    found = renegotiated(money)
    alone = ((money[1, 0], 1), (money[0, 1], 2))
    left = [(state[[0, p]].sum() + money[0, 0, 0] - money[0, 0, p]) / 2 for state, p in alone]
    gains = [found.payoffs[0] - hub for hub in left] + [hub - money[0, 0, 0] for hub in left]
    if abs(min(gains)) > 1e-6:
        assert found.status == (Status.EMPTY if min(gains) < 0 else Status.OK)


# Coalitions: against orders of arrival, subsets and linear programs


def plain_worth(money: np.ndarray, who: tuple[int, ...]) -> Fraction:
    links = {p for p in (1, 2) if {0, p} <= set(who)}
    state = money[int(1 in links), int(2 in links)]
    return sum((Fraction(float(state[p])) for p in who), Fraction(0))


@given(whole)
def test_shapley_is_the_average_over_orders_of_arrival(money: np.ndarray) -> None:
    total = [Fraction(0)] * 3
    for order in permutations(range(3)):
        for k, player in enumerate(order):
            before, after = tuple(sorted(order[:k])), tuple(sorted(order[: k + 1]))
            worth = plain_worth(money, before) if before else Fraction(0)
            total[player] += plain_worth(money, after) - worth
    found = shapley(money)
    np.testing.assert_allclose(found.payoffs, [float(x / 6) for x in total], atol=1e-12)
    np.testing.assert_allclose(found.transfers, found.payoffs[1:] - money[1, 1, 1:], atol=1e-12)


def test_batches_are_their_cells() -> None:
    money = np.random.default_rng(0).integers(-9, 9, size=(2, 3, 2, 2, 3)) + np.array([0, 0, 0])
    money[..., 1, 1, 0] += 60
    for reading in triangle_readings(ROLES):
        whole_batch = reading.divide(money)
        for cell in np.ndindex(2, 3):
            one = reading.divide(money[cell])
            np.testing.assert_allclose(whole_batch.payoffs[cell], one.payoffs)
            np.testing.assert_allclose(whole_batch.transfers[cell], one.transfers)
            assert whole_batch.status[cell] == one.status


# The states, and what the models say of them


def test_the_states_are_those_of_a_plain_program(baseline: Baseline, triangle: Triangle) -> None:
    plain = PlainTrade(Path(bargaining_models.__file__).parent / "data", baseline.model.economy.elasticities)
    goods = range(9)
    us, canada, china = range(3)
    route = np.ones_like(plain.tariff)
    growth = 1 + 0.15 * plain.flows[us, canada, :9] / plain.flows[china, canada, :9]
    route[china, canada, :9] = growth ** (-1 / plain.theta[:9])
    for with_us in (0, 1):
        for with_china in (0, 1):
            tariff = plain.tariff.copy()
            if not with_us:
                rates = baseline.war(r=0.15 * with_china).rates
                tariff[canada, us, goods] += rates[0]
                tariff[us, canada, goods] += rates[1]
            percent = plain.welfare(tariff, route if with_china else 1.0)
            expected = [percent[k] / 100 * plain.income[k] for k in (canada, us, china)]
            np.testing.assert_allclose(triangle.money[2, with_us, with_china], expected, atol=1e-6)


def test_at_once_the_us_is_paid_what_it_is_paid_if_the_route_is_free(deal: Deal, triangle: Triangle) -> None:
    expected = nash(deal.problem())
    for terms in (unpaid(triangle.money), nash_in_nash(triangle.money), in_order(triangle.money, first=2)):
        np.testing.assert_allclose(terms.transfers[:, 0], deal.transfer(expected), rtol=1e-12)
    np.testing.assert_allclose(unpaid(triangle.money).payoffs[:, :2], expected.payoffs, rtol=1e-12)


def test_where_china_is_paid_nothing_the_deal_comes_back(deal: Deal, triangle: Triangle) -> None:
    expected = nash(deal.problem()).payoffs
    at_zero = nash_in_nash(triangle.money)
    assert abs(at_zero.transfers[0, 1]) < 1e-12
    np.testing.assert_allclose(at_zero.payoffs[0, :2], expected[0], rtol=1e-12)
    costly = triangle.money[2].copy()
    costly[:, 1, 2] -= triangle.added[2, 2] - triangle.added[2, 0]  # a market that costs China so much
    dear = nash_in_nash(costly)
    assert abs(dear.transfers[1]) < 1e-12
    np.testing.assert_allclose(dear.payoffs[:2], expected[2], rtol=1e-10)


def test_of_a_deal_is_at_its_shares(triangle: Triangle) -> None:
    np.testing.assert_allclose(Triangle.at(triangle.negotiation, r=SHARES).money, triangle.money, atol=1e-10)
    assert triangle.unit == "USD bn of 2023"
    assert (triangle.status == Status.OK).all()
    assert triangle.residual.max() < 1e-10
    assert triangle.residual.shape == triangle.status.shape == (len(SHARES),)


def test_every_reading_is_accurate_and_shares_what_there_is(triangle: Triangle) -> None:
    for reading in triangle_readings(ROLES):
        terms = reading.divide(triangle.money)
        assert (terms.status == Status.OK).all()
        assert terms.residual.max() < 1e-12
        total = np.where(
            terms.agreed[:, 1], triangle.money[:, 1, 1].sum(axis=-1), triangle.money[:, 1, 0].sum(axis=-1)
        )
        np.testing.assert_allclose(terms.payoffs.sum(axis=-1), total, atol=1e-10)


def test_the_clause_pays_where_the_us_loses_more_than_canadas_share_of_the_route(triangle: Triangle) -> None:
    added = triangle.added
    for weight in (0.2, 0.5, 0.9):
        terms = in_order(triangle.money, first=1, weights=[0.5, weight])
        expected = -added[:, 1] - weight * (added[:, 0] + added[:, 2])
        np.testing.assert_allclose(triangle.clause(terms), expected, atol=1e-10)
        ruled = exclusive(triangle.money, weights=[0.5, weight])
        gain = ruled.payoffs[:, :2].sum(axis=1) - terms.payoffs[:, :2].sum(axis=1)
        signed = ruled.agreed[:, 0]  # a hub that does well with China alone would not be ruled out from it
        np.testing.assert_allclose(triangle.clause(terms)[signed], gain[signed], atol=1e-10)
        assert signed[:3].all()


def test_what_china_takes_is_measured_by_what_the_route_is_worth(deal: Deal, triangle: Triangle) -> None:
    payoffs = nash(deal.problem()).payoffs[:, 0]
    np.testing.assert_allclose(triangle.route_worth(), payoffs - payoffs[0], atol=1e-9)
    part = triangle.part_of_alternative(in_order(triangle.money, first=2))
    assert np.isnan(part[0])
    paid = in_order(triangle.money, first=2).transfers[1:, 1]
    np.testing.assert_allclose(part[1:], paid / (payoffs[1:] - payoffs[0]), rtol=1e-9)


# What is refused


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: nash_in_nash(np.zeros((2, 3))), r"`money` must have last axes \(2, 2, 3\).*\(2, 3\).*Stack"),
        (lambda: shapley(np.full((2, 2, 3), np.nan)), "`money` must be finite; got nan"),
        (lambda: nash_in_nash(np.zeros((2, 2, 3)), weights=1.5), "`weights` must lie in .*1.5"),
        (lambda: in_order(np.zeros((2, 2, 3)), first=1, weights=[0.5, -0.1]), "`weights` must lie in .*-0.1"),
        (lambda: in_order(np.zeros((2, 2, 3)), first=3), "`first` must be 1 or 2.*got 3"),
        (lambda: Triangle.at(Baseline.from_parameters(), r=1.1), "`r` must lie in .*1.1"),
    ],
)
def test_bad_arguments_are_named(call: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        call()


def test_a_deal_that_closes_the_route_is_refused(deal: Deal) -> None:
    with pytest.raises(
        InvalidInput, match=r"`deal` must leave the route to China open.*Give the deal with the route"
    ):
        Triangle.of(deal.without_route())
