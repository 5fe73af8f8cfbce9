"""A weight from 10,000 divisions against one pass of its likelihood; Nash-in-Nash over 1,000 markets."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest

from bargaining import NashInNashModel, WeightedNashModel

RNG = np.random.default_rng(0)


@pytest.mark.benchmark
def test_a_weight_from_many_divisions(speedup: Callable[..., float]) -> None:
    total = RNG.uniform(5, 15, 10_000)
    payoffs = total / (1 + np.exp(0.6 - 0.4 * RNG.standard_normal(10_000)))
    model = WeightedNashModel(payoffs, total=total)

    def likelihood() -> float:
        share = payoffs / total
        miss = np.log(share / (1 - share)) - np.log(0.35 / 0.65)
        density = -0.5 * np.log(2 * np.pi * 0.16) - miss**2 / 0.32 - np.log(total * share * (1 - share))
        return float(density.sum())

    assert speedup("a weight, against its likelihood", model.fit, likelihood, clock=process_time) > 1 / 30


@pytest.mark.benchmark
def test_nash_in_nash_over_many_markets() -> None:
    """Six pairs in each of 1,000 markets, with linear demand of which the first-order condition is solved by hand."""
    m = 6000
    z, k = RNG.standard_normal(m), RNG.uniform(6, 10, m)
    cost = 2 + 0.5 * z + 0.3 * RNG.standard_normal(m)
    price = (0.4 * (k + cost) + 1.2 * cost) / 2
    model = NashInNashModel(price, gains=(k - price) / 2, slopes=-1 / (k - price), covariates=z)
    start = process_time()
    found = model.fit(method="gmm", instruments=np.column_stack([k, z, k**2]), clusters=np.arange(m) // 6)
    assert process_time() - start < 60
    assert abs(found.params["weight"] - 0.4) < 4 * found.std_errors["weight"]
