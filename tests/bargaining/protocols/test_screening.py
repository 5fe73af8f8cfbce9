"""Screening with a private outside option: closed forms, and why nobody waits, by enumeration."""

from itertools import chain, combinations

import numpy as np
import pytest
from scipy.stats import beta

from bargaining.errors import InvalidInput, Status
from bargaining.protocols.screening import OutsideOptionScreening, screen_types


@pytest.mark.parametrize("w", [0.01, 0.2, 0.5])
def test_a_uniform_value_with_a_constant_option(w):
    outcome = OutsideOptionScreening(lambda u: 1 - (u + w), -w, 1 - w)()
    assert outcome.price == pytest.approx((1 - w) / 2, abs=1e-7)
    assert outcome.profit == pytest.approx((1 - w) ** 2 / 4, abs=1e-14)
    assert outcome.trade == pytest.approx((1 - w) / 2, abs=1e-7)
    assert outcome.gain == pytest.approx((1 - w) ** 2 / 8, abs=1e-7)
    assert outcome.status is Status.OK


@pytest.mark.parametrize("upper", [1.0, 10.0, 1e3])
def test_the_gain_does_not_depend_on_how_far_an_empty_range_reaches(upper):
    outcome = OutsideOptionScreening(lambda u: np.maximum(1 - u, 0), 0, upper)()
    assert outcome.price == pytest.approx(0.5, abs=1e-7)
    assert outcome.gain == pytest.approx(1 / 8, rel=1e-7)
    assert outcome.status is Status.OK


@pytest.mark.dear("2-3-0.0", "0.7-0.9-0.1")
@pytest.mark.parametrize(("a", "b", "cost"), [(2, 3, 0.0), (0.7, 0.9, 0.1), (5, 1, 0.3)])
def test_the_first_order_condition_of_a_smooth_distribution(a, b, cost):
    law = beta(a, b, loc=-0.3, scale=1.1)
    outcome = OutsideOptionScreening(law.sf, -0.3, 0.8, cost=cost)()
    p = outcome.price
    assert p - cost == pytest.approx(law.sf(p) / law.pdf(p), abs=1e-7)
    grid = np.linspace(cost, 0.8, 200_001)
    assert outcome.profit >= ((grid - cost) * law.sf(grid)).max() - 1e-15


def test_selling_to_everybody_may_be_best():
    outcome = OutsideOptionScreening(lambda u: 1 - (u - 2), 2, 3)()
    assert (outcome.price, outcome.trade) == (2, 1)


def test_a_price_just_below_many_equal_net_values():
    # Six tenths of buyers have a net value of 1/3, the others one uniform from there to 1.
    outcome = OutsideOptionScreening(lambda u: np.where(u < 1 / 3, 1.0, 0.6 * (1 - u)), 0, 1)()
    assert outcome.price == pytest.approx(1 / 3, rel=1e-15)
    assert (outcome.trade, outcome.status) == (1, Status.OK)


def test_two_humps_are_compared():
    # Net values uniform on [0, .4] or [1.0, 1.4] with equal chances: a steep fall, a plateau, a steep fall.
    def survival(u):
        return 1 - 0.5 * np.clip(u / 0.4, 0, 1) - 0.5 * np.clip((u - 1) / 0.4, 0, 1)

    outcome = OutsideOptionScreening(survival, 0.0, 1.4)()
    assert outcome.price == pytest.approx(1.0, abs=1e-7)


def test_types_exactly():
    outcome = screen_types([1.0, 1.0, 0.5], [0.5, 0.25, 0.75], [0.25, 0.25, 0.5])
    # Net values .5, .75, -.25: .5 sells to half for .25, .75 to a quarter for .1875.
    assert (outcome.price, outcome.trade, outcome.profit, outcome.gain) == (0.5, 0.5, 0.25, 0.0625)
    tie = screen_types([1.0, 1.0], [0.5, 0.25], [1 / 3, 2 / 3])
    assert tie.prices.tolist() == [0.5, 0.75]
    nobody = screen_types([0.5], [0.75])
    assert (nobody.price, nobody.trade, nobody.profit) == (0, 0, 0)


def subsets(items):
    return chain.from_iterable(combinations(items, k) for k in range(1, len(items) + 1))


@pytest.mark.parametrize("seed", range(20))
def test_no_set_of_types_would_wait(seed):
    """If the types in D wait, the next price is best against D; then some member of D would rather leave or buy."""
    rng = np.random.default_rng(seed)
    v, w = rng.uniform(0.2, 1, 5), rng.uniform(0.01, 0.3, 5)
    chances, delta = rng.dirichlet(np.ones(5)), rng.uniform(0.5, 0.999)
    today = screen_types(v, w, chances).price
    for waiting in map(list, subsets(range(5))):
        tomorrow = screen_types(v[waiting], w[waiting], chances[waiting] / chances[waiting].sum()).prices
        for price in tomorrow:
            later = delta * np.maximum(v[waiting] - price, w[waiting])
            now = np.maximum(v[waiting] - today, w[waiting])
            assert (later < now).any()


BAD = [
    ({"lower": 1.0}, "`lower` must be below `upper`"),
    ({"cost": 0.9}, "`cost` must be below `upper`"),
    ({"survival": lambda u: u}, "`survival` must fall from 1"),
    ({"survival": lambda u: 1 - (u + 0.2) + 0.2 * np.sin(2 * np.pi * (u + 0.2)) ** 3}, "rises in between"),
    ({"survival": lambda u: 1.0}, "`survival` must return one finite number"),
    ({"survival": lambda u: u * np.nan}, "`survival` must return one finite number"),
    ({"survival": lambda u: "all"}, "`survival` must return real numbers; got 'all'"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {"survival": lambda u: 1 - (u + 0.2), "lower": -0.2, "upper": 0.8} | change
    with pytest.raises(InvalidInput, match=message):
        OutsideOptionScreening(**arguments)()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [0.0]), "`outside` must lie in"),
        (([1.0, 2.0], [0.1]), "`outside` must have one entry per value"),
        (([1.0, 2.0], [0.1, 0.1], [0.5, 0.6]), "`probabilities` must sum to 1"),
    ],
)
def test_bad_types(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        screen_types(*arguments)
