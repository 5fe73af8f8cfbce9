"""The base equilibrium: shares, tariffs and expenditures consistent with each other.

Notation: `n` importer, `i` exporter, `j`, `k` sectors; `N` regions, `J` sectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput

INTERMEDIATE_LIMIT = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Economy:
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

    @property
    def income(self) -> Floats:
        """`I_n`: value added, tariff revenue and deficit, (N,)."""
        net = (self.shares / (1.0 + self.tariffs)).sum(axis=1)
        return np.asarray(self.factor + (self.expenditures * (1.0 - net)).sum(axis=1) + self.deficits)

    @property
    def flows(self) -> Floats:
        """Trade flows at producer prices, (N, N, J): importer, exporter, sector."""
        return np.asarray(self.shares * self.expenditures[:, None, :] / (1.0 + self.tariffs))


def observed(
    *,
    flows: Floats,
    tariffs: Floats,
    inputs: Floats,
    elasticities: Floats,
    absorbing: int,
    names: tuple[tuple[str, ...], tuple[str, ...]],
) -> Economy:
    """Make the economy that the figures describe, with final demand as the residual.

    Parameters
    ----------
    flows : (N, N, J) array
        Value of sales at producer prices: importer, exporter, sector; domestic sales included.
    tariffs : (N, N, J) array
        Ad valorem rates.
    inputs : (N, J, J) array
        Cost share of input k in the output of sector j.
    elasticities : (J,) array
        Trade elasticities.
    absorbing : int
        The sector, services, whose input share takes up what `limit_intermediates` removes from others.
    names : pair of tuples of str
        Regions and sectors, for messages.

    Raises
    ------
    InvalidInput
        If a region buys nothing of a sector, or intermediate use leaves no final demand.
    """
    expenditures = (flows * (1.0 + tariffs)).sum(axis=1)
    output = flows.sum(axis=0)
    if not (expenditures > 0.0).all():
        region, sector = (int(k) for k in np.argwhere(~(expenditures > 0.0))[0])
        raise InvalidInput(
            f"`flows` must leave every region some expenditure on every sector; got none of {names[0][region]} on "
            f"{names[1][sector]}. Merge that sector with another."
        )
    inputs = limit_intermediates(inputs, output, expenditures, absorbing)
    demand = expenditures - _intermediate(inputs, output)
    if not (demand > 0.0).all():
        region, sector = (int(k) for k in np.argwhere(~(demand > 0.0))[0])
        raise InvalidInput(
            f"`input_shares` must leave final demand; {names[0][region]} uses more {names[1][sector]} as an input "
            f"than it buys, {demand[region, sector]:.3g} is left. Lower those input shares."
        )
    added = 1.0 - inputs.sum(axis=2)
    factor = (added * output).sum(axis=1)
    revenue = (flows * tariffs).sum(axis=(1, 2))
    return Economy(
        shares=flows * (1.0 + tariffs) / expenditures[:, None, :],
        tariffs=tariffs,
        inputs=inputs,
        added=added,
        final=demand / demand.sum(axis=1, keepdims=True),
        elasticities=elasticities,
        factor=factor,
        deficits=demand.sum(axis=1) - factor - revenue,
        expenditures=expenditures,
    )


def limit_intermediates(inputs: Floats, output: Floats, expenditures: Floats, absorbing: int) -> Floats:
    """Scale input shares so that intermediate use takes at most 90 percent of expenditure on an input.

    What is removed from a cost share is added to the share of sector `absorbing` in the same cost, so
    value added does not move. Structure of one year joined to totals of another can use more of an
    input than the region buys; final demand would then be negative.
    """
    use = _intermediate(inputs, output)
    most = INTERMEDIATE_LIMIT * expenditures
    scale = np.where(use > most, most / np.where(use > 0.0, use, 1.0), 1.0)
    scale[:, absorbing] = 1.0
    limited = inputs * scale[:, None, :]
    limited[:, :, absorbing] += (inputs - limited).sum(axis=2)
    return limited


def _intermediate(inputs: Floats, output: Floats) -> Floats:
    return np.asarray((inputs * output[:, :, None]).sum(axis=1))
