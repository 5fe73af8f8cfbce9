"""Quantitative trade in exact hats: tariffs and trade costs in, real income out.

`TradeModel` holds a base equilibrium and solves it again, in batches, under other tariffs and
trade costs. Regions and sectors are whatever the figures name.
"""

from __future__ import annotations

from bargaining_models.trade.bargained import BargainedTariffs, TariffPayoffs
from bargaining_models.trade.data import TradeData
from bargaining_models.trade.environment import Environment
from bargaining_models.trade.equilibrium import Decomposition, TradeEquilibrium
from bargaining_models.trade.model import TradeModel
from bargaining_models.trade.power import Power, PowerTable
from bargaining_models.trade.tariff_nash import TariffEquilibrium

__all__ = [
    "BargainedTariffs",
    "Decomposition",
    "Environment",
    "Power",
    "PowerTable",
    "TariffEquilibrium",
    "TariffPayoffs",
    "TradeData",
    "TradeEquilibrium",
    "TradeModel",
]
