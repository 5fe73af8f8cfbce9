"""Models keep figures of their own: what a caller changes afterwards changes no answer."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from bargaining import InvalidInput
from bargaining_models.linear_tariffs import LinearTariffs
from bargaining_models.negotiation.bluff import HoldOut
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.pivot import PivotChain, open_and_close
from bargaining_models.trade.model import TradeModel
from bargaining_models.us_canada.baseline import Baseline

FLOWS = np.array([[[80.0], [20.0]], [[25.0], [175.0]]])
RATES = np.array([[[0.0], [0.1]], [[0.2], [0.0]]])
NAMES = {"flows": FLOWS, "elasticities": 4.0, "regions": ["home", "abroad"], "sectors": ["all"]}


def world(**given: Any) -> TradeModel:
    return TradeModel.from_arrays(**(NAMES | given))


CASES: dict[str, tuple[Callable[..., Any], np.ndarray, Callable[[Any], Any]]] = {
    "flows": (lambda x: world(flows=x), FLOWS, lambda m: [m.solve().flows]),
    "base tariffs": (lambda x: world(tariffs=x), RATES, lambda m: [m.solve(tariffs=RATES).welfare]),
    "elasticities": (
        lambda x: world(elasticities=x),
        np.array([4.0]),
        lambda m: [m.solve(tariffs=RATES).welfare],
    ),
    "deficits": (
        lambda x: world(deficits=x),
        np.array([0.05, -0.05]),
        lambda m: [m.solve(tariffs=RATES).welfare],
    ),
    "tariffs": (lambda x: world().solve(tariffs=x), RATES, lambda found: [found.tariffs, found.welfare]),
    "exports": (lambda x: LinearTariffs(exports=x), np.array([1.0, 0.65]), lambda m: [m.war()]),
    "redirected": (
        lambda x: LinearTariffs(exports=(1.0, 0.65)).redirect(x),
        np.array([0.0, 0.15]),
        lambda m: [m.war()],
    ),
}


@pytest.mark.parametrize(("make", "given", "answer"), CASES.values(), ids=CASES)
def test_models_own_their_arrays(
    make: Callable[[Any], Any], given: np.ndarray, answer: Callable[[Any], Any]
) -> None:
    mine = np.array(given)
    model = make(mine)
    before = [np.array(part) for part in answer(model)]
    mine[...] = mine * 0.5 + 0.01
    for one, other in zip(before, answer(model), strict=True):
        np.testing.assert_array_equal(one, other)
    for f in fields(model) if is_dataclass(model) else ():
        value = getattr(model, f.name)
        if isinstance(value, np.ndarray):
            assert not value.flags.writeable, f.name
            assert not np.shares_memory(value, mine), f.name


def test_readings_of_a_deal_own_their_arrays(baseline: Baseline) -> None:
    priors = np.array([0.05, 0.1])
    held = HoldOut(deal=Deal.at(baseline, r=[0.0, 0.1]), priors=priors, partner_demand=0.85)
    delay = held.outcome.payoffs.tolist()
    priors[:] = 0.3
    assert held.outcome.payoffs.tolist() == delay
    moves = open_and_close(opening=0.2)
    chain = PivotChain(deal=Deal.at(baseline, r=[0.0, 0.1, 0.0]), moves=moves)
    transfer = chain.nash().transfer.tolist()
    moves[:] = 7.0
    assert chain.nash().transfer.tolist() == transfer
    assert not np.asarray(chain.moves).flags.writeable


@pytest.mark.parametrize(
    "wrong",
    [
        np.ma.array([[[0.0], [0.1]], [[0.2], [0.0]]], mask=[[[0], [1]], [[0], [0]]]),
        np.full((2, 2, 1), 0.1 + 0j),
        True,
    ],
    ids=["masked", "complex", "truth"],
)
def test_tariffs_are_numbers(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="`tariffs`"):
        world().solve(tariffs=wrong)
    with pytest.raises(InvalidInput, match="`tariffs`"):
        world(tariffs=wrong)
