"""Nash-in-Nash contracts against closed forms."""

import numpy as np
import pytest

from bargaining.equilibria.pairs.nash_in_nash import BilateralDeal, nash_in_nash
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


def test_unequal_weights_solve_the_linear_system():
    b = np.array([0.3, 0.8])
    found = nash_in_nash([supplier(0, 1, b[0]), supplier(1, 0, b[1])])
    expected = np.linalg.solve([[1, -b[0] / 4], [-b[1] / 4, 1]], b / 4)
    np.testing.assert_allclose(found.contracts, expected, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_do_not_matter(scale):
    found = nash_in_nash([supplier(0, 1, 0.5, scale=scale), supplier(1, 0, 0.5, scale=scale)])
    np.testing.assert_allclose(found.contracts / scale, 1 / 7, rtol=1e-9)


def test_one_pair_alone_is_the_nash_solution():
    """Gains sqrt(x) and 1 - x, equal weights: x = 1/3."""
    deal = BilateralDeal(gains=lambda x, _: (np.sqrt(x), 1 - x), lower=0.0, upper=1.0)
    assert nash_in_nash([deal]).contracts[0] == pytest.approx(1 / 3, rel=1e-9)


def test_a_pair_may_end_in_a_corner():
    deal = BilateralDeal(gains=lambda x, _: (1 + x, 1 + x), lower=0.0, upper=2.0)
    assert nash_in_nash([deal]).contracts[0] == pytest.approx(2.0, abs=1e-9)


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


def test_a_pair_with_nothing_to_gain():
    deal = BilateralDeal(gains=lambda x, _: (x - 2, 1.0), lower=0.0, upper=1.0)
    found = nash_in_nash([deal])
    assert found.status == Status.EMPTY
    assert np.isnan(found.contracts).all()


def test_a_map_that_never_settles_is_inaccurate():
    """Each pair wants to be where the other is not."""

    def away(other, sign):
        def gains(x, contracts):
            target = 0.5 + 0.4 * np.tanh(sign * 50 * (contracts[other] - 0.5))
            return (2 - (x - target) ** 2,) * 2

        return BilateralDeal(gains=gains, lower=0.0, upper=1.0)

    found = nash_in_nash([away(1, 1.0), away(0, -1.0)], starts=[[0.1, 0.3]], sweeps=20)
    assert found.status == Status.INACCURATE
    assert found.residual > 0.1


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="`lower`"):
        BilateralDeal(gains=lambda x, _: (x, x), lower=1.0, upper=0.0)
    with pytest.raises(InvalidInput, match="`weight`"):
        BilateralDeal(gains=lambda x, _: (x, x), lower=0.0, upper=1.0, weight=1.0)
    with pytest.raises(InvalidInput, match="`gains`"):
        BilateralDeal(gains=3, lower=0.0, upper=1.0)
    with pytest.raises(InvalidInput, match="`deals`"):
        nash_in_nash([])
    with pytest.raises(InvalidInput, match="`deals` must be a list of BilateralDeal; got 5"):
        nash_in_nash(5)
    for sweeps in (0, 2.5, None):
        with pytest.raises(InvalidInput, match="`sweeps` must be a whole number, at least 1; got"):
            nash_in_nash([supplier(0, 1, 0.5), supplier(1, 0, 0.5)], sweeps=sweeps)
    deal = BilateralDeal(gains=lambda x, _: x, lower=0.0, upper=1.0)
    with pytest.raises(InvalidInput, match="two numbers"):
        nash_in_nash([deal])
    with pytest.raises(InvalidInput, match="`starts`"):
        nash_in_nash([supplier(0, 1, 0.5), supplier(1, 0, 0.5)], starts=[[0.1, 3.0]])
