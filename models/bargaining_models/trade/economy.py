"""The base equilibrium: shares, tariffs and expenditures consistent with each other.

Notation: `n` importer, `i` exporter, `j`, `k` sectors; `N` regions, `J` sectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining.authoring import Floats, Shown, owning


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Economy(Shown):
    """An equilibrium written as shares and expenditures.

    Attributes
    ----------
    shares : (N, N, J) array
        `pi_nij`: share of exporter i in importer n's expenditure on sector j, at purchaser prices.
    tariffs : (N, N, J) array
        Ad valorem rates (0.25 is 25 percent) behind the shares.
    inputs : (N, J, J) array
        `io_ijk`: cost share of input k in the output of sector j of region i.
    added : (N, J) array
        `va_ij`: share of value added in output, one less the sum of the input shares.
    final : (N, J) array
        `alpha_nj`: share of sector j in final expenditure.
    elasticities : (J,) array
        `theta_j > 0`, the elasticity of trade flows to trade cost.
    factor : (N,) array
        `VA_n`: value added, in the unit of the flows.
    deficits : (N,) array
        `D_n`: imports less exports, net of tariffs, in the same unit.
    expenditures : (N, J) array
        `X_nj`: expenditure at purchaser prices, in the same unit.
    closure : {"fixed", "share"}
        Whether deficits stay what they are in units of world value added, or stay in proportion to the value added of
        their region: `d_n = D_n / VA_n` and `D'_n = d_n w_n VA_n - (w_n VA_n / V) sum_m d_m w_m VA_m`, V the world's.
    """

    shares: Floats
    tariffs: Floats
    inputs: Floats
    added: Floats
    final: Floats
    elasticities: Floats
    factor: Floats
    deficits: Floats
    expenditures: Floats
    closure: str = "fixed"

    @property
    def income(self) -> Floats:
        """`I_n`: value added, tariff revenue and deficit, (N,)."""
        net = (self.shares / (1.0 + self.tariffs)).sum(axis=1)
        return np.asarray(self.factor + (self.expenditures * (1.0 - net)).sum(axis=1) + self.deficits)

    @property
    def flows(self) -> Floats:
        """Trade flows at producer prices, (N, N, J): importer, exporter, sector."""
        return np.asarray(self.shares * self.expenditures[:, None, :] / (1.0 + self.tariffs))


def limited(inputs: Floats, output: Floats, expenditures: Floats, absorbing: int, most: float) -> Floats:
    """Scale input shares so that intermediate use takes at most a part `most` of expenditure on an input.

    What is removed from a cost share is added to the share of sector `absorbing` in the same cost, so
    value added does not move. Structure of one year joined to totals of another can use more of an
    input than the region buys; final demand would then be negative.
    """
    use = np.asarray((inputs * output[:, :, None]).sum(axis=1))
    room = most * expenditures
    scale = np.where(use > room, room / np.where(use > 0.0, use, 1.0), 1.0)
    scale[:, absorbing] = 1.0
    cut = inputs * scale[:, None, :]
    cut[:, :, absorbing] += (inputs - cut).sum(axis=2)
    return cut
