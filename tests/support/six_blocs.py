"""Trade models that many tests bargain on: the project's own, and blocs of the OECD's table of 2019."""

from functools import cache

import numpy as np

from bargaining_models.trade import TradeModel
from former_figures import former

FIVE = {"AGR": ["A"], "MIN": ["B"], "MAN": ["C"], "UTIL": ["D", "E"], "SERV": list("FGHIJKLMNOPQRST")}
EU3 = ["DEU", "FRA", "ITA"]
# Assumed rates on goods of USA, CAN, MEX, EU3, CHN, ROW: importer by row.
RATES = [
    [0, 0, 0, 0.02, 0.11, 0.02],
    [0, 0, 0, 0, 0.03, 0.015],
    [0, 0, 0, 0, 0.07, 0.04],
    [0.03, 0, 0, 0, 0.04, 0.01],
    [0.12, 0.05, 0.05, 0.05, 0, 0.05],
    [0.035, 0.035, 0.035, 0.015, 0.04, 0],
]


@cache
def project():
    """The model of USA, CAN, CHN and ROW on the former figures, trade elasticities of 5."""
    return TradeModel.from_parameters(former())


def blocs(third=None):
    """Six blocs, or the US, a third and China, the rest of the world merged and the rates those of the project."""
    if third is None:
        regions = {"USA": ["USA"], "CAN": ["CAN"], "MEX": ["MEX"], "EU3": EU3, "CHN": ["CHN"]}
        rates = np.array(RATES)
    else:
        regions = {"USA": ["USA"], **third, "CHN": ["CHN"]}
        rates = former().tariffs.values[:, :, 0] / 100
    tariffs = np.zeros((*rates.shape, 5))
    tariffs[:, :, :3] = rates[:, :, None]
    return TradeModel.from_structure(
        "icio2019", regions=regions, sectors=FIVE, rest="ROW", tariffs=tariffs, limit=0.9, absorb="SERV"
    )
