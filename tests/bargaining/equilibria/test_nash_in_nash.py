"""Nash-in-Nash contracts against closed forms and exact solutions of deals made of lines."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import brentq

import exact_deals
from bargaining import BilateralDeal
from bargaining.equilibria.pairs.nash_in_nash import nash_in_nash
from bargaining.errors import InvalidInput, Status


def supplier(own, other, weight, *, scale=1.0):
    """A supplier and a Cournot competitor bargain over a linear price; inverse demand scale - q1 - q2."""

    def gains(price, prices):
        quantity = (scale - 2 * price + prices[other]) / 3
        return price * quantity, quantity**2

    return BilateralDeal(gains=gains, lower=0.0, upper=scale / 2, weight=weight)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_linear_prices_with_downstream_cournot(weight):
    """The first-order conditions give w = b (1 + w') / 4, so b / (4 - b)."""
    found = nash_in_nash([supplier(0, 1, weight), supplier(1, 0, weight)])
    np.testing.assert_allclose(found.contracts, weight / (4 - weight), rtol=1e-10)
    assert found.modulus == pytest.approx(weight / 4, rel=1e-6)
    assert found.solutions.shape == (1, 2)
    assert found.status == Status.OK
    assert found.residual < 1e-10


def test_contraction_is_measured_in_parts_of_each_range():
    """A price moves by an eighth of the other's: by a quarter of half its range if that is half as wide."""
    narrow = replace(supplier(1, 0, 0.5), upper=0.25)
    found = nash_in_nash([supplier(0, 1, 0.5), narrow])
    np.testing.assert_allclose(found.contracts, 1 / 7, rtol=1e-10)
    assert found.modulus == pytest.approx(1 / 4, rel=1e-6)


def test_unequal_weights_solve_the_linear_system():
    b = np.array([0.3, 0.8])
    found = nash_in_nash([supplier(0, 1, b[0]), supplier(1, 0, b[1])])
    expected = np.linalg.solve([[1, -b[0] / 4], [-b[1] / 4, 1]], b / 4)
    np.testing.assert_allclose(found.contracts, expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale):
    found = nash_in_nash([supplier(0, 1, 0.5, scale=scale), supplier(1, 0, 0.5, scale=scale)])
    np.testing.assert_allclose(found.contracts / scale, 1 / 7, rtol=1e-9)


def test_several_fixed_points_are_all_shown():
    """Replies y - sin(2 pi y) / 8 have the fixed points 0, 1/2 and 1, and leave the middle one."""

    def follow(other):
        def gains(x, contracts):
            target = contracts[other] - np.sin(2 * np.pi * contracts[other]) / 8
            return (2 - (x - target) ** 2,) * 2

        return BilateralDeal(gains=gains, lower=0.0, upper=1.0)

    found = nash_in_nash([follow(1), follow(0)], starts=[[0.3, 0.3], [0.6, 0.6]])
    np.testing.assert_allclose(found.solutions, [[0, 0], [1, 1]], atol=1e-8)
    assert found.modulus == pytest.approx(1 - np.pi / 4, rel=1e-3)


def alone(gains, lower, upper, weight=0.5):
    return nash_in_nash([BilateralDeal(gains=lambda x, _: gains(x), lower=lower, upper=upper, weight=weight)])


@pytest.mark.parametrize(
    ("gains", "upper", "weight", "expected"),
    [
        (lambda x: (x - 5, 5.2 - x), 10, 0.5, 5.1),
        (lambda x: (x - 5, 5 + 1e-7 - x), 10, 0.5, 5 + 5e-8),
        (lambda x: (np.minimum(1.5 * x, 0.555 + 0.1 * (x - 0.37)), 1.2 - x), 1.2, 0.5, 0.37),
        (lambda x: (min(1.5 * x, 0.555 + 0.1 * (x - 0.37)), 1.2 - x), 1.2, 0.5, 0.37),
        (lambda x: (x**0.5, 1 - x), 1, 0.01, 1 / 199),
        (lambda x: (1e-6 * x**0.5, 1e6 * (1 - x)), 1, 0.01, 1 / 199),
        (lambda x: (1 + x, 1 + x), 2, 0.5, 2),
        (lambda x: (2 - x, 1.0), 1, 0.5, 0),
        (lambda x: (np.abs(x - 2) * 0 + 1, 1 - np.abs(x - 0.7)), 1, 0.3, 0.7),
    ],
)
def test_one_pair(gains, upper, weight, expected):
    """Narrow zones, kinks, ends, units and lopsided weights."""
    found = alone(gains, 0.0, upper, weight)
    assert found.status == Status.OK
    assert found.contracts[0] == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert 0 <= found.residual < 1e-11


@pytest.mark.parametrize("weight", [0.2, 0.3, 0.4])
def test_curvature_is_no_slope(weight):
    """The gains bend within a few hundredths of their ranges; the root of the product's slope is between 0 and 1."""

    def slope(x):
        first, second = np.sqrt(x + 0.1) + 1, np.log(3 - x) + 1
        return weight / (2 * np.sqrt(x + 0.1) * first) - (1 - weight) / ((3 - x) * second)

    found = alone(lambda x: (np.sqrt(x + 0.1) + 1, np.log(3 - x) + 1), 0, 1, weight)
    assert found.contracts[0] == pytest.approx(brentq(slope, 0, 1, xtol=1e-15), abs=1e-10)
    assert found.status is Status.OK


def test_competitors_of_limited_capacity_are_alike():
    """A capacity of 1/4 binds: the price is where it does, w = (1/4 + w') / 2."""

    def limited(other):
        def gains(price, prices):
            quantity = np.minimum((1 - 2 * price + prices[other]) / 3, 0.25)
            return price * quantity, quantity**2

        return BilateralDeal(gains=gains, lower=0.0, upper=0.5)

    found = nash_in_nash([limited(1), limited(0)])
    np.testing.assert_allclose(found.contracts, 0.25, rtol=1e-13)
    assert found.modulus == pytest.approx(0.5, rel=1e-6)
    assert found.status == Status.OK


@pytest.mark.parametrize(
    ("gains", "status"),
    [
        (lambda x: (x - 5, 4.9 - x), Status.EMPTY),
        (lambda x: (x - 5, 5 - x), Status.EMPTY),
        (lambda x: (0 * x, 0 * x), Status.EMPTY),
        (lambda x: (0 * x, x), Status.EMPTY),
        (lambda x: (np.minimum(x - 5, 1), 4 - 0.01 * x - x), Status.EMPTY),
        (lambda x: ((x - 5) ** 2 - 30, 10 - x), Status.FAILED),  # convex: nothing seen proves nothing
    ],
)
def test_nothing_to_gain_is_proved_or_not_said(gains, status):
    found = alone(gains, 0.0, 10.0)
    assert found.status == status
    assert np.isnan(found.contracts).all()
    assert np.isnan(found.gains).all()
    assert not len(found.solutions)


def test_a_pair_that_has_nothing_to_gain_at_first_may_later():
    """At the contract that pair 1 starts from pair 0 has nothing to gain; at the one it comes to it has."""

    def follower(x, contracts):
        return x - contracts[1], 0.5 - x

    first = BilateralDeal(gains=follower, lower=0.0, upper=1.0)
    second = BilateralDeal(gains=lambda x, _: (x, 0.2 - x), lower=0.0, upper=1.0)
    found = nash_in_nash([first, second], starts=[[0.9, 0.9]])
    np.testing.assert_allclose(found.contracts, [0.3, 0.1], rtol=1e-12)
    assert found.status == Status.OK


@pytest.mark.dear("2-seeds1", "3-seeds2")
@pytest.mark.parametrize(
    ("count", "seeds"),
    [
        *((count, range(15)) for count in (1, 2, 3)),
        *(pytest.param(count, range(15, 150), marks=pytest.mark.slow) for count in (1, 2, 3)),
    ],
)
def test_deals_made_of_lines(count, seeds):
    """Kinks, narrow zones, ends and units from 1e-6 to 1e6: each contract is the exact solution given the others."""
    for seed in seeds:
        deals = exact_deals.drawn(np.random.default_rng([seed, count]), count)
        found = nash_in_nash([deal.in_floats() for deal in deals])
        assert found.status == Status.OK, seed
        given = [Fraction(float(x)) for x in found.contracts]
        for deal, contract in zip(deals, given, strict=True):
            exact = deal.nash(given)
            assert exact is not None
            assert abs(float(exact - contract)) < 1e-9 * deal.upper, seed


@pytest.mark.parametrize("seed", range(20))
def test_zones_that_are_empty_or_not(seed):
    """One deal whose zone has a width of either sign: EMPTY just where no rational contract leaves both a gain."""
    rng = np.random.default_rng([seed, 9])
    deal = exact_deals.drawn(rng, 1, width=float(rng.choice([-1, 1]) * 10 ** -rng.uniform(0, 6)))[0]
    found = nash_in_nash([deal.in_floats()])
    exact = deal.nash([Fraction(0)])
    assert found.status == (Status.EMPTY if exact is None else Status.OK)
    if exact is not None:
        assert abs(float(exact) - found.contracts[0]) < 1e-9 * deal.upper


def test_a_function_that_maps_arrays_otherwise_than_numbers_is_asked_for_numbers():
    def gains(x, _):
        if np.any(np.asarray(x) > 0.9):  # of an array, this looks at all of it
            return 0 * x + 0.5, 1 - x
        return x, 1 - x

    found = nash_in_nash([BilateralDeal(gains=gains, lower=0.0, upper=1.0)])
    assert found.contracts[0] == pytest.approx(0.5, rel=1e-11)
    assert found.status == Status.OK


def away(other, sign):
    """One of two pairs, each of which wants to be where the other is not."""

    def gains(x, contracts):
        target = 0.5 + 0.4 * np.tanh(sign * 50 * (contracts[other] - 0.5))
        return (2 - (x - target) ** 2,) * 2

    return BilateralDeal(gains=gains, lower=0.0, upper=1.0)


def test_an_equilibrium_that_rounds_of_bargaining_leave():
    found = nash_in_nash([away(1, 1.0), away(0, -1.0)])
    np.testing.assert_allclose(found.contracts, 0.5, rtol=1e-12)
    assert found.modulus == pytest.approx(20, rel=1e-3)
    assert found.status == Status.OK


def test_a_map_that_never_settles_is_inaccurate():
    """Contracts jump between .1 and .9: no equilibrium exists, since gains jump where the other's contract is .5."""

    def jump(other, sign):
        def gains(x, contracts):
            target = 0.5 + 0.4 * np.where(sign * (contracts[other] - 0.5) > 0, 1.0, -1.0)
            return (2 - (x - target) ** 2,) * 2

        return BilateralDeal(gains=gains, lower=0.0, upper=1.0)

    found = nash_in_nash([jump(1, 1.0), jump(0, -1.0)], sweeps=20)
    assert found.status == Status.INACCURATE
    assert found.residual > 0.1


def test_pairs_that_settle_slowly():
    """Kinked replies w = .98 w' + .01 would take 700 rounds; the fixed point is .5."""

    def follow(other):
        def gains(x, contracts):
            return 1 - np.abs(x - 0.98 * contracts[other] - 0.01), 0 * x + 1

        return BilateralDeal(gains=gains, lower=0.0, upper=1.0)

    found = nash_in_nash([follow(1), follow(0)], starts=[[0.1, 0.9]])
    np.testing.assert_allclose(found.contracts, 0.5, rtol=1e-9)
    assert found.status == Status.OK
    assert found.sweeps < 60


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="`lower`"):
        BilateralDeal(gains=lambda x, _: (x, x), lower=1.0, upper=0.0)
    with pytest.raises(InvalidInput, match="`lower` must lie in"):
        BilateralDeal(gains=lambda x, _: (x, x), lower=-1e308, upper=1e308)
    with pytest.raises(InvalidInput, match="`weight`"):
        BilateralDeal(gains=lambda x, _: (x, x), lower=0.0, upper=1.0, weight=1.0)
    with pytest.raises(InvalidInput, match="`gains`"):
        BilateralDeal(gains=3, lower=0.0, upper=1.0)
    with pytest.raises(InvalidInput, match="`deals`"):
        nash_in_nash([])
    deal = BilateralDeal(gains=lambda x, _: x, lower=0.0, upper=1.0)
    with pytest.raises(InvalidInput, match="two numbers"):
        nash_in_nash([deal])
    with pytest.raises(InvalidInput, match=r"`gains` must be finite; got .* of deal 0 at x = 0"):
        nash_in_nash([BilateralDeal(gains=lambda x, _: (np.log(x), 1 - x), lower=0.0, upper=1.0)])
    with pytest.raises(InvalidInput, match="`starts`"):
        nash_in_nash([supplier(0, 1, 0.5), supplier(1, 0, 0.5)], starts=[[0.1, 3.0]])


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_contracts_do_not_depend_on_the_unit_of_gains(size):
    deal = BilateralDeal(gains=lambda x, _: (size * (1 - x**2), x / size), lower=0.0, upper=1.0)
    found = nash_in_nash([deal])
    assert found.contracts == pytest.approx([3**-0.5], abs=1e-12)
    assert found.gains[0] == pytest.approx([size * 2 / 3, 3**-0.5 / size])
