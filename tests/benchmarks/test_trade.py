"""A batch of a thousand tariff pairs against one `scipy.optimize.root` a pair, the same model."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel

PAIRS, PLAIN = 1000, 10


def plain_trade(theta):
    path = Path(__file__).parents[1] / "bargaining_models" / "references" / "plain_trade.py"
    spec = importlib.util.spec_from_file_location("plain_trade", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.PlainTrade(Path(bargaining_models.__file__).parent / "data", theta)


@pytest.mark.benchmark
@pytest.mark.parametrize("elasticities", ["uniform5", "cp"])
def test_a_thousand_tariff_pairs(elasticities, speedup, capsys):
    model = TradeModel.from_parameters(load(), elasticities=elasticities)
    plain = plain_trade(model.economy.elasticities)
    rates = np.random.default_rng(0).uniform(0.0, 0.5, (2, PAIRS))
    pairs = {("USA", "CAN"): rates[0], ("CAN", "USA"): rates[1]}
    answer = model.solve(tariffs=model.tariffs(pairs))
    assert answer.residual.max() <= 1e-10
    few = model.tariffs(pairs)[:PLAIN]
    np.testing.assert_allclose(answer.welfare[:PLAIN], [plain.welfare(t) for t in few], rtol=0, atol=1e-9)

    ratio = speedup(
        f"{PAIRS} pairs, {elasticities} (the rival solves {PLAIN})",
        lambda: model.solve(tariffs=model.tariffs(pairs)),
        lambda: [plain.solve(t) for t in few],
    )
    each = ratio * PAIRS / PLAIN
    with capsys.disabled():
        print(f"an equilibrium: {each:.0f} times as fast")
    assert each >= 15
