"""The Coase conjecture with two types: value iteration over the state of beliefs, deviations and the limit."""

from itertools import pairwise

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.protocols.screening import TwoTypeScreening


def value_iteration(low, high, delta, odds):
    """Solve the seller's problem on a grid of odds by iterating on its value and on the price it asks.

    To bring the odds from x to y the seller asks what a high type pays rather than wait for the price
    asked at y; it prefers the higher price where two are as good.
    """
    worth, price = low * (1 + odds), np.full(odds.size, low)
    for _ in range(200):
        reserve = (1 - delta) * high + delta * price  # what brings the odds to y
        step = (odds[:, None] - odds) * reserve + delta * worth
        step[np.triu_indices(odds.size, 0)] = -np.inf
        best = step.max(axis=1)
        at = np.where(step >= best[:, None] * (1 - 1e-13), reserve, -np.inf).max(axis=1)
        sell_out = low * (1 + odds)
        new_price = np.where(best >= sell_out * (1 - 1e-13), at, low)
        new_worth = np.maximum(best, sell_out)
        if np.array_equal(new_worth, worth) and np.array_equal(new_price, price):
            break
        worth, price = new_worth, new_price
    return worth, price


@pytest.mark.parametrize(("low", "high", "delta"), [(1.0, 2.0, 0.9), (0.5, 2.0, 0.7), (1.0, 1.3, 0.5)])
def test_against_value_iteration(low, high, delta):
    top = 0.97
    path = TwoTypeScreening((low, high), top, delta)()
    cuts = path.thresholds[:-1] / (1 - path.thresholds[:-1])
    odds = np.unique(np.concatenate([np.linspace(0, top / (1 - top), 400), cuts]))
    worth, price = value_iteration(low, high, delta, odds)
    for x, w, p in zip(odds[1:], worth[1:], price[1:], strict=True):
        if np.abs(cuts - x).min() < 1e-9:
            continue
        ours = TwoTypeScreening((low, high), x / (1 + x), delta)()
        assert ours.profit * (1 + x) == pytest.approx(w, rel=1e-10)
        assert ours.prices[0] == pytest.approx(p, rel=1e-10)


def test_the_first_threshold_is_the_monopolists():
    path = TwoTypeScreening((1.0, 3.0), 0.2, 0.9)()
    assert path.thresholds[0] == pytest.approx(1 / 3)
    assert (path.prices.tolist(), path.profit) == ([1.0], 1.0)


def test_the_high_type_does_not_mind_when_it_buys_and_all_buy():
    path = TwoTypeScreening((1.0, 3.0), 0.95, 0.8)()
    assert 0.8 ** np.arange(path.prices.size) * (3 - path.prices) == pytest.approx(
        [path.payoffs[1]] * path.prices.size
    )
    assert path.accepts.sum() == pytest.approx(1)
    assert all(a > b for a, b in pairwise(path.prices))
    assert all(a > b for a, b in pairwise(path.beliefs))
    assert path.residual < 1e-14


def test_patience_brings_the_price_down_to_the_low_value():
    gaps = [TwoTypeScreening((1.0, 2.0), 0.9, delta)().prices[0] - 1 for delta in (0.9, 0.99, 0.999, 0.9999)]
    assert all(a > b for a, b in pairwise(gaps))
    assert gaps[-1] < 2e-3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2.0, 1.0), 0.5, 0.9), "`values` must be a pair"),
        (((0.0, 1.0), 0.5, 0.9), "`values` must lie in"),
        (((1.0, 2.0), 0.0, 0.9), "`prior` must lie in"),
        (((1.0, 2.0), 1.0, 0.9), "`prior` must lie in"),
        (((1.0, 2.0), 0.5, 1.0), "`discounts` must lie in"),
        (((1.0, 2.0), 0.5, 0.0), "`discounts` must lie in"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        TwoTypeScreening(*arguments)


def test_thresholds_beyond_all_floats_and_rounds_without_number():
    assert TwoTypeScreening((1.0, 2.0), 0.7, 1e-300)().thresholds.tolist() == [0.5, 1.0]
    with pytest.raises(InvalidInput, match=r"must lead to at most 1,000,000 rounds; got"):
        TwoTypeScreening((1.0, 1e8), 0.5, 1 - 1e-15)()
