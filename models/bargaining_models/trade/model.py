"""A trade model: a base equilibrium, and the equilibria under other tariffs and trade costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice
from bargaining._arrays import Floats, real, within
from bargaining.errors import InvalidInput
from bargaining_models.trade.economy import Economy, observed
from bargaining_models.trade.equilibrium import TradeEquilibrium, pack
from bargaining_models.trade.links import (
    common_shape,
    link,
    per_sector,
    place,
    scenario_cells,
    shares_by_sector,
)
from bargaining_models.trade.sensitivity import marginal_welfare
from bargaining_models.trade.solve import base_inverse, rebase, solve

if TYPE_CHECKING:
    from bargaining_models.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TradeModel:
    r"""Multi-sector trade with input-output links, solved in exact hats.

    With `n` importer, `i` exporter, `j`, `k` sectors, `x_hat = x'/x` and deficits `D'` of zero:

    .. math::

        \hat c_{ij} &= \hat w_i^{va_{ij}} \prod_k \hat P_{ik}^{io_{ijk}} \\
        \hat P_{nj} &= \Big[\sum_i \pi_{nij} (\hat c_{ij} \kappa_{nij})^{-\theta_j}\Big]^{-1/\theta_j},
        \qquad \kappa = \hat d\,\frac{1 + t'}{1 + t} \\
        \pi'_{nij} &= \pi_{nij} (\hat c_{ij} \kappa_{nij} / \hat P_{nj})^{-\theta_j} \\
        Y'_{ik} &= \sum_n \pi'_{nik} X'_{nk} / (1 + t'_{nik}) \\
        X'_{nj} &= \sum_k io_{nkj} Y'_{nk} + \alpha_{nj} I'_n \\
        I'_n &= \hat w_n VA_n + \sum_{ij} t'_{nij} \pi'_{nij} X'_{nj} / (1 + t'_{nij}) + D'_n \\
        \sum_j va_{nj} Y'_{nj} &= \hat w_n VA_n, \qquad \sum_n \hat w_n VA_n = \sum_n VA_n .

    The payoff is `100 (I_hat / prod_j P_hat_nj^alpha_nj - 1)`, percent of real income.

    Attributes
    ----------
    regions, sectors : tuple of str
        Names along the axes, in order.
    goods : (J,) array of bool
        Which sectors are goods: tariffs and redirection concern these only.
    economy : Economy
        The base equilibrium, with balanced trade.
    inverse : (M, M) array
        Inverse Jacobian at the base, M = N + 2NJ: the preconditioner of every solve.

    Notes
    -----
    The base is made in three steps. Input shares are scaled so that intermediate use of an input takes
    at most 90 percent of a region's expenditure on it, what is removed going to services; final demand
    is the residual at purchaser prices; the model is solved once with deficits at zero, and shares,
    expenditures and value added are taken from there (Ossa 2014). Every scenario starts from that base.

    References
    ----------
    Caliendo, L. and F. Parro (2015). Estimates of the trade and welfare effects of NAFTA. Review of
    Economic Studies 82(1), 1-44.
    Dekle, R., J. Eaton and S. Kortum (2008). Global rebalancing with gravity: measuring the burden of
    adjustment. IMF Staff Papers 55(3), 511-540.
    Ossa, R. (2014). Trade wars and trade talks with data. American Economic Review 104(12), 4104-4146.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> model = TradeModel.from_parameters(load())
    >>> war = model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.25}))
    >>> war.regions
    ('USA', 'CAN', 'CHN', 'ROW')
    >>> war.welfare.round(3)
    array([ 0.027, -1.65 ,  0.005,  0.005])
    >>> bool(war.residual < 1e-10)
    True
    """

    regions: tuple[str, ...]
    sectors: tuple[str, ...]
    goods: NDArray[np.bool_]
    economy: Economy
    inverse: Floats

    @classmethod
    def from_parameters(cls, parameters: Parameters, *, elasticities: str = "uniform5") -> TradeModel:
        """Build the base equilibrium from figures.

        Parameters
        ----------
        parameters : Parameters
            Figures, from `bargaining_models.parameters.load`.
        elasticities : str, default "uniform5"
            Name of a set in `parameters.elasticities`.

        Raises
        ------
        InvalidInput
            If the set is unknown or the figures leave a region no final demand.
        """
        chosen = choice(elasticities, "elasticities", tuple(parameters.elasticities))
        base = rebase(
            observed(
                flows=parameters.flows.values,
                tariffs=parameters.tariffs.values / 100.0,
                inputs=parameters.input_shares.values,
                elasticities=parameters.elasticities[chosen].values,
                absorbing=parameters.absorbing,
                names=(parameters.regions, parameters.sectors),
            )
        )
        return cls(
            regions=parameters.regions,
            sectors=parameters.sectors,
            goods=parameters.goods,
            economy=base,
            inverse=base_inverse(base),
        )

    def solve(self, *, tariffs: ArrayLike | None = None, costs: ArrayLike | None = None) -> TradeEquilibrium:
        """Solve for the equilibrium under each scenario of a batch.

        Parameters
        ----------
        tariffs : (*batch, N, N, J) array_like, optional
            Ad valorem rates by importer, exporter and sector, above -1; by default those of the base.
            The method `tariffs` makes them.
        costs : (*batch, N, N, J) array_like, optional
            Hats of iceberg trade cost, positive; `inf` closes a link. By default 1. The methods `redirect`
            and `closed` make them. Batch axes of the two broadcast.

        Returns
        -------
        TradeEquilibrium
            With residual and status per scenario; one that fails does not stop the others.

        Raises
        ------
        InvalidInput
            If a rate is -1 or less, a region taxes its own sales, a cost is not positive, or a shape does not fit.
        """
        names = (self.regions, self.sectors)
        batch, cells = scenario_cells(self.economy, tariffs, costs, names)
        return pack(self.economy, cells, solve(self.economy, cells, self.inverse), batch, names)

    def marginal_welfare(
        self, directions: ArrayLike, *, tariffs: ArrayLike | None = None, costs: ArrayLike | None = None
    ) -> Floats:
        """Differentiate welfare in tariffs, by the implicit function theorem at the equilibrium.

        Parameters
        ----------
        directions : (K, N, N, J) array_like
            Changes of tariffs per unit of K parameters, each the difference of two arrays of `tariffs`.
        tariffs, costs : array_like, optional
            As in `solve`.

        Returns
        -------
        (*batch, K, N) array
            Percent of real income per unit of each parameter; NaN where there is no equilibrium.
        """
        shape = self.economy.shares.shape
        along = real(directions, "directions", ndim=4)
        if along.shape[1:] != shape:
            raise InvalidInput(f"`directions` must have last axes {shape}; got shape {along.shape}.")
        batch, cells = scenario_cells(self.economy, tariffs, costs, (self.regions, self.sectors))
        z = solve(self.economy, cells, self.inverse)
        with np.errstate(all="ignore"):
            return marginal_welfare(self.economy, cells, z, along).reshape(*batch, len(along), shape[0])

    def tariffs(self, rates: Mapping[tuple[str, ...], ArrayLike]) -> Floats:
        """Add rates to the base tariffs.

        Parameters
        ----------
        rates : mapping
            From `(importer, exporter)`, all goods, or `(importer, exporter, sector)` to an ad valorem rate
            (0.25 is 25 percent) of shape batch; the batches of all entries broadcast. Rates that meet on a
            sector add up.

        Returns
        -------
        (*batch, N, N, J) array
            Base rates plus `rates`.

        Examples
        --------
        >>> from bargaining_models.parameters import load
        >>> model = TradeModel.from_parameters(load())
        >>> model.tariffs({("USA", "CAN"): [0.1, 0.25], ("USA", "CAN", "METAL"): 0.5}).shape
        (2, 4, 4, 11)
        """
        added = {key: real(rate, f"rates[{key!r}]") for key, rate in rates.items()}
        batch = common_shape(added)
        tariffs = np.broadcast_to(self.economy.tariffs, batch + self.economy.tariffs.shape).copy()
        for key, rate in added.items():
            importer, exporter, sectors = link(key, self.regions, self.sectors, self.goods)
            tariffs[..., importer, exporter, sectors] += rate[..., None]
        return tariffs

    def closed(self, links: Iterable[tuple[str, ...]]) -> Floats:
        """Hats of trade cost that close links, the limit of a prohibitive cost.

        Parameters
        ----------
        links : iterable of tuple
            `(importer, exporter)` for all goods or `(importer, exporter, sector)`.

        Returns
        -------
        (N, N, J) array
            `inf` on the closed links, whose shares vanish exactly, and 1 elsewhere.
        """
        costs = np.ones_like(self.economy.shares)
        for key in links:
            importer, exporter, sectors = link(key, self.regions, self.sectors, self.goods)
            costs[importer, exporter, sectors] = np.inf
        return costs

    def redirect(
        self,
        share: ArrayLike | Mapping[str, ArrayLike],
        *,
        exporter: str,
        market: str,
        target: str,
        caps: ArrayLike | None = None,
    ) -> Floats:
        """Hats of trade cost that let `exporter` sell to `target` a share of what it sells to `market`.

        `d_j = (1 + min(r_j, cap_j) X_market,j / X_target,j)^(-1/theta_j)` on goods sectors: at fixed prices
        and expenditures, exports to `target` grow by `r_j` of the base exports to `market`. Exports to `market`
        are not removed; they fall as the equilibrium has it.

        Parameters
        ----------
        share : array_like in [0, 1], or mapping from sector to array_like
            Redirectable share `r` of shape batch, the same for all goods, or by sector (0 for sectors absent).
        exporter, market, target : str
            Region names.
        caps : (J,) array_like in [0, 1], optional
            Largest share by sector; by default none.

        Returns
        -------
        (*batch, N, N, J) array
            Cost hats, 1 but for `exporter` to `target`.

        Examples
        --------
        >>> from bargaining_models.parameters import load
        >>> model = TradeModel.from_parameters(load())
        >>> route = model.redirect(0.15, exporter="CAN", market="USA", target="CHN")
        >>> model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.25}), costs=route).of("CAN").round(2)
        np.float64(-1.28)
        """
        out, old, new = (place(name, "region", self.regions) for name in (exporter, market, target))
        if len({out, old, new}) < 3:
            raise InvalidInput(
                f"`exporter`, `market` and `target` must be three regions; got {exporter!r}, {market!r}, {target!r}."
            )
        shares = shares_by_sector(share, self.sectors, self.goods)
        if caps is not None:
            shares = np.minimum(shares, within(per_sector(caps, "caps", self.sectors), "caps", 0.0, 1.0))
        flows = self.economy.flows
        wanted = shares * flows[old, out]
        empty = (wanted > 0.0) & (flows[new, out] == 0.0)
        if empty.any():
            sector = self.sectors[int(np.argwhere(empty)[0][-1])]
            raise InvalidInput(
                f"`share` must be 0 in sectors that {exporter} does not sell to {target} in the base, hats cannot "
                f"create a flow; got a positive share for {sector!r}. Give `share` by sector without it."
            )
        growth = 1.0 + wanted / np.where(flows[new, out] > 0.0, flows[new, out], 1.0)
        costs = np.ones(shares.shape[:-1] + self.economy.shares.shape)
        costs[..., new, out, :] = growth ** (-1.0 / self.economy.elasticities)
        return costs
