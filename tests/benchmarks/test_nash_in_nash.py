"""Six pairs of a vertical chain against scipy.optimize.root on their six first-order conditions, written by hand."""

from time import process_time

import numpy as np
import pytest
from scipy.optimize import root

from bargaining import BilateralDeal, nash_in_nash

SUPPLIERS, RETAILERS = 2, 3
SIZE = SUPPLIERS * RETAILERS
RETAILER = np.tile(np.arange(RETAILERS), SUPPLIERS)


def chain(seed):
    """Two suppliers sell to three retailers; quantities fall in the own price and rise in rivals'."""
    rng = np.random.default_rng(seed)
    cross = 0.05 * rng.uniform(0.5, 1.5, (SIZE, SIZE))
    cross += 0.1 * (RETAILER[:, None] == RETAILER)
    slopes = np.where(np.eye(SIZE, dtype=bool), 1.0, -cross)
    return rng.uniform(0.9, 1.1, SIZE), slopes, rng.uniform(0.3, 0.7, SIZE)


def deals(base, slopes, weights):
    """Each pair gains the supplier's revenue, and the retailer's margin on what it sells, over having no agreement."""

    def deal(k):
        row = slopes[k]

        def gains(price, prices):
            quantity = base[k] - row @ prices
            return price * quantity, quantity**2 / 2

        return BilateralDeal(gains=gains, lower=0.0, upper=0.6, weight=weights[k])

    return [deal(k) for k in range(SIZE)]


def conditions(pairs):
    """Return the six conditions as one function of the prices, with derivatives of the gains by differences."""
    step = 1e-6

    def miss(prices):
        found = []
        for k, deal in enumerate(pairs):
            moved = prices.copy()
            moved[k] += step
            above = deal.gains(moved[k], moved)
            moved[k] -= 2 * step
            below = deal.gains(moved[k], moved)
            first, second = (above[i] - below[i] for i in (0, 1))
            found.append(
                deal.weight * first * (above[1] + below[1])
                + (1 - deal.weight) * second * (above[0] + below[0])
            )
        return np.array(found) / (4 * step)

    return miss


def by_hand(base, slopes, weights):
    """Return the six conditions with derivatives in closed form, all at once."""
    own = np.diag(slopes)

    def miss(prices):
        quantity = base - slopes @ prices
        return weights * (quantity - own * prices) * quantity / 2 - (1 - weights) * own * prices * quantity

    return miss


@pytest.mark.benchmark
def test_a_vertical_chain_against_root(speedup):
    """Root is told where to start and solves once; ours starts from three points and looks for better contracts."""
    ratios = []
    start = np.full(SIZE, 0.3)
    for seed in range(3):
        model = chain(seed)
        pairs = deals(*model)
        rivals = {"by differences": conditions(pairs), "by hand": by_hand(*model)}
        found = nash_in_nash(pairs)
        for name, miss in rivals.items():
            np.testing.assert_allclose(found.contracts, root(miss, start, tol=1e-12).x, rtol=1e-8)
            ratio = speedup(
                f"Nash-in-Nash, six pairs, case {seed}, against root on conditions {name}",
                lambda pairs=pairs: nash_in_nash(pairs),
                lambda miss=miss: root(miss, start, tol=1e-12),
                clock=process_time,
                rounds=20,
            )
            ratios += [ratio] if name == "by differences" else []
    assert np.median(ratios) > 1 / 5
