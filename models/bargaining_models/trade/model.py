"""A trade model: a base equilibrium, and the equilibria under other tariffs and trade costs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining import Method, nash
from bargaining.authoring import Floats, Shown, choice, listed, real, record, scalar, whole, within
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining_models.trade.conditions import Economy, Solver, rebase
from bargaining_models.trade.data import HIGHEST, TradeData, too_high
from bargaining_models.trade.equilibrium import METHODS, Decomposition, TradeEquilibrium, decompose, pack
from bargaining_models.trade.folders import from_icio, read_folder, structure
from bargaining_models.trade.links import (
    caps_by_sector,
    common_shape,
    link,
    place,
    scenario,
    shares_by_sector,
)

if TYPE_CHECKING:
    from bargaining_models.parameters import Parameters
    from bargaining_models.trade.bargained import BargainedTariffs
    from bargaining_models.trade.power import Power, PowerTable
    from bargaining_models.trade.tariff_nash import TariffEquilibrium


LIMIT = 0.9
"""The part of spending that inputs take at most in the figures of this package: structure of one year, totals of
another."""


@record
class TradeModel(Shown):
    r"""Multi-sector trade with input-output links, solved in exact hats.

    With `n` importer, `i` exporter, `j`, `k` sectors, `x_hat = x'/x`, and deficits and transfers in `D'`:

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
    data : TradeData
        The figures that the base was made from, with unit, year and source.
    economy : Economy
        The base equilibrium.
    solver : Solver
        Solves scenarios of this economy; it keeps the linearised base, which every solve starts from.
    deficits, limit, absorb
        As given to `from_arrays`.

    Notes
    -----
    The base is made in three steps. Where `limit` says so, input shares are scaled so that intermediate use of an
    input takes at most that part of a region's expenditure on it, what is removed going to sector `absorb`. Final
    demand is `final`, or else the residual at purchaser prices. Unless the figures then are an equilibrium as they
    stand, the model is solved once at the deficits asked for, and shares, expenditures and value added are taken
    from there (Ossa 2014 for deficits of zero, Caliendo and Parro 2015). Every scenario starts from that base.

    References
    ----------
    Caliendo, L. and Parro, F. (2015). Estimates of the trade and welfare effects of NAFTA. *Review of Economic
    Studies* 82(1), 1-44. doi:10.1093/restud/rdu035

    Dekle, R., Eaton, J. and Kortum, S. (2008). Global rebalancing with gravity: measuring the burden of adjustment.
    *IMF Staff Papers* 55(3), 511-540. doi:10.1057/imfsp.2008.17

    Ossa, R. (2014). Trade wars and trade talks with data. *American Economic Review* 104(12), 4104-4146.
    doi:10.1257/aer.104.12.4104

    Examples
    --------
    >>> model = TradeModel.from_parameters()
    >>> war = model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.25}))
    >>> war.regions
    ('USA', 'CAN', 'CHN', 'ROW')
    >>> war.welfare.round(3)
    array([ 0.023, -1.693,  0.006,  0.006])
    >>> bool(war.residual < 1e-10)
    True
    """

    data: TradeData
    economy: Economy
    solver: Solver = field(repr=False)
    deficits: str | ArrayLike = "balanced"
    limit: float | None = None
    absorb: str | int | None = None

    def __repr__(self) -> str:
        when = f", {self.data.year}" if self.data.year is not None else ""
        return (
            f"TradeModel({', '.join(self.regions[:8])}{', ...' if len(self.regions) > 8 else ''}; "
            f"{len(self.sectors)} sectors; {self.data.unit or 'unit not said'}{when})"
        )

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of the regions, in order."""
        return self.data.regions

    @property
    def sectors(self) -> tuple[str, ...]:
        """Names of the sectors, in order."""
        return self.data.sectors

    @property
    def goods(self) -> NDArray[np.bool_]:
        """Which sectors are goods, (J,): tariffs on "all goods" and redirection concern these only."""
        return self.data.goods

    @classmethod
    def from_arrays(
        cls,
        flows: Any,
        tariffs: Any = 0.0,
        inputs: Any = None,
        *,
        elasticities: Any,
        regions: Sequence[str] | None = None,
        sectors: Sequence[str] | None = None,
        goods: Any = None,
        final: Any = None,
        value_added: Any = None,
        gdp: Any = None,
        deficits: str | ArrayLike = "balanced",
        limit: float | None = None,
        absorb: str | int | None = None,
        unit: str = "",
        year: int | None = None,
        source: str = "",
    ) -> TradeModel:
        """Build the base equilibrium from figures of your own.

        Arrays have one axis per key, in the order given here. An `xarray.DataArray` with dimensions of these names, in
        any order, or a pandas frame with one column per key and a column `value`, brings its names along.

        Parameters
        ----------
        flows : (N, N, J), keys importer, exporter, sector
            Sales at producer prices, own sales included.
        tariffs : (N, N, J), keys importer, exporter, sector, or float
            Ad valorem rates as fractions, above -1 and 0 on own sales. One number is the rate of all on all.
        inputs : (N, J, J), keys region, using_sector, input_sector, optional
            Cost share of each input in the output of each sector; by default none. If `value_added` is given, the
            values of inputs, in the unit of the flows. A by-product counts negative, as in published tables.
        elasticities : (J,), mapping, series or float
            Trade elasticities, positive.
        regions, sectors : sequence of str, optional
            Names, and their order; by default those that `flows` carries.
        goods : sequence of str or (J,) of bool, optional
            The sectors that are goods; by default all.
        final : (N, J), keys region, sector, optional
            Final expenditure; by default what is left of spending after inputs. Where the two differ the base is
            solved for with the shares given.
        value_added : (N, J), keys region, sector, optional
            Value added, in the unit of the flows; by default what is left of output after inputs, so that taxes on
            production count as value added.
        gdp : (N,), key region, optional
            What 100 percent of real income is worth in money; by default base income.
        deficits : {"balanced", "fixed", "share"} or (N,) array_like, default "balanced"
            Imports less exports: zero in base and scenarios ("balanced"); those of the flows, in units of world
            value added ("fixed") or in proportion to each region's value added, evened out to sum to zero
            ("share"); or an array that sums to zero, held in units of world value added.
        limit : float in (0, 1), optional
            Let inputs take at most this part of spending on an input; by default as they are.
        absorb : str or int, optional
            The sector whose input share takes up what `limit` removes.
        unit, year, source : optional
            They travel with the data; an `xarray` brings them in its attributes.

        Raises
        ------
        InvalidInput
            If figures are missing, negative, of the wrong shape or out of balance: the message names them.
        Unsolved
            If no base equilibrium exists at the deficits asked for.

        Examples
        --------
        >>> model = TradeModel.from_arrays(
        ...     [[[80.0], [20.0]], [[25.0], [175.0]]], elasticities=4, regions=["home", "abroad"], sectors=["all"]
        ... )
        >>> model.solve(tariffs=model.tariffs({("home", "abroad"): 0.27})).welfare.round(4)
        array([ 1.1502, -1.1729])
        """
        data = TradeData.from_arrays(
            flows,
            tariffs,
            inputs,
            elasticities=elasticities,
            regions=regions,
            sectors=sectors,
            goods=goods,
            final=final,
            value_added=value_added,
            gdp=gdp,
            unit=unit,
            year=year,
            source=source,
        )
        return cls.from_data(data, deficits=deficits, limit=limit, absorb=absorb)

    @classmethod
    def from_folder(
        cls,
        folder: str | Path,
        *,
        tariffs: Any = None,
        elasticities: Any = None,
        deficits: str | ArrayLike = "balanced",
        limit: float | None = None,
        absorb: str | int | None = None,
    ) -> TradeModel:
        """Build the base equilibrium from a folder of CSV files.

        Parameters
        ----------
        folder : str or Path
            With the files that `bargaining_models.trade.folders` describes; `sectors.csv` and `trade_flows.csv` at
            least.
        tariffs : optional
            As in `from_arrays`; by default those of `tariffs.csv`, or none.
        elasticities : str, float or (J,) array_like, optional
            The name of a set in `elasticities.csv`, or numbers; by default the only set.
        deficits, limit, absorb
            As in `from_arrays`.

        Raises
        ------
        InvalidInput
            If a file, column, row, cell, unit or source is missing or wrong: the message names file, row and column.

        Examples
        --------
        >>> from pathlib import Path
        >>> import bargaining_models
        >>> folder = Path(bargaining_models.__file__).parent / "data"
        >>> TradeModel.from_folder(folder, elasticities="cp", limit=0.9, absorb="SERV").regions
        ('USA', 'CAN', 'CHN', 'ROW')
        """
        data = read_folder(folder, tariffs=tariffs, elasticities=elasticities)
        return cls.from_data(data, deficits=deficits, limit=limit, absorb=absorb)

    @classmethod
    def from_structure(
        cls,
        name: str,
        *,
        regions: Mapping[str, Sequence[str]] | None = None,
        sectors: Mapping[str, Sequence[str]] | None = None,
        rest: str | None = None,
        tariffs: Any = 0.0,
        elasticities: Any = 5.0,
        deficits: str | ArrayLike = "balanced",
        limit: float | None = None,
        absorb: str | int | None = None,
    ) -> TradeModel:
        """Build the base equilibrium from a structure of this package, merged as you like.

        Parameters
        ----------
        name : {"icio2019", "wiod2011", "wiod2014"}
            "icio2019": 20 economies and 20 ISIC sections of the OECD's inter-country tables, USD bn of 2019, with
            input-output links and no tariffs. "wiod2011": the 4 regions and 11 sectors of this package, structure
            of 2011 and totals of 2023. "wiod2014": 15 regions, one of them the EU, and 4 sectors, USD bn of 2014,
            without inputs. `SOURCES.md` in the data folder says how they were made and under which terms.
        regions, sectors : mapping from the new name to the old names, optional
            What to merge; names not mentioned stay as they are.
        rest : str, optional
            The name of a region made of all that are not mentioned.
        tariffs : optional
            As in `from_arrays`, for the merged regions and sectors; by default none.
        elasticities : float or (J,) array_like, default 5
            For the merged sectors.
        deficits, limit, absorb
            As in `from_arrays`.

        Examples
        --------
        >>> model = TradeModel.from_structure(
        ...     "icio2019",
        ...     regions={"EU3": ["DEU", "FRA", "ITA"], "USA": ["USA"], "CHN": ["CHN"]},
        ...     sectors={"AGR": ["A"], "MIN": ["B"], "MAN": ["C"], "SERV": list("DEFGHIJKLMNOPQRST")},
        ...     rest="ROW",
        ... )
        >>> model.regions, model.sectors, model.data.unit, model.data.year
        (('EU3', 'USA', 'CHN', 'ROW'), ('AGR', 'MIN', 'MAN', 'SERV'), 'USD bn', 2019)
        """
        merged = structure(name).aggregate(regions, sectors, rest=rest)
        data = merged.with_terms(tariffs, elasticities)
        return cls.from_data(data, deficits=deficits, limit=limit, absorb=absorb)

    @classmethod
    def from_icio(
        cls,
        frame: Any,
        *,
        elasticities: Any,
        deficits: str | ArrayLike = "balanced",
        limit: float | None = None,
        absorb: str | int | None = None,
        **figures: Any,
    ) -> TradeModel:
        """Build the base equilibrium from an inter-country input-output table.

        Parameters
        ----------
        frame : pandas.DataFrame
            Sales at producer prices: rows (region, sector), the sellers; columns (region, sector) for inputs and
            (region, any other name) for final uses. Leave out rows of taxes and value added, and all totals.
        elasticities, deficits, limit, absorb
            As in `from_arrays`.
        **figures
            `tariffs`, `goods`, `gdp`, `unit`, `year` and `source` of `from_arrays`.

        Examples
        --------
        >>> import pandas as pd
        >>> sellers = pd.MultiIndex.from_product([["home", "abroad"], ["food", "cars"]])
        >>> buyers = pd.MultiIndex.from_product([["home", "abroad"], ["food", "cars", "households"]])
        >>> sales = [[5, 1, 30, 1, 0, 6], [1, 9, 40, 0, 2, 9], [1, 0, 5, 9, 2, 50], [0, 2, 9, 2, 20, 80]]
        >>> model = TradeModel.from_icio(pd.DataFrame(sales, sellers, buyers), elasticities=4)
        >>> model.data.inputs[0].round(3)
        array([[0.14 , 0.023],
               [0.016, 0.18 ]])
        """
        data = from_icio(frame, elasticities=elasticities, **figures)
        return cls.from_data(data, deficits=deficits, limit=limit, absorb=absorb)

    @classmethod
    def from_data(
        cls,
        data: TradeData,
        *,
        deficits: str | ArrayLike = "balanced",
        limit: float | None = None,
        absorb: str | int | None = None,
    ) -> TradeModel:
        """Build the base equilibrium from figures that are checked already; the options are those of `from_arrays`."""
        economy, settled = data.economy(deficits, limit=limit, absorb=absorb)
        base = economy if settled else rebase(economy)
        poorest = int(np.argmin(base.income))
        if not base.income[poorest] > 0.0:
            raise InvalidInput(
                f"`deficits` must leave every region an income; got a surplus of {-base.deficits[poorest]:.6g} of "
                f"{data.regions[poorest]}, whose value added is {base.factor[poorest]:.6g}. Lower it."
            )
        return cls(
            data=data, economy=base, solver=Solver(base), deficits=deficits, limit=limit, absorb=absorb
        )

    @classmethod
    def from_parameters(
        cls, parameters: Parameters | None = None, *, elasticities: str = "uniform5"
    ) -> TradeModel:
        """Build the base equilibrium from a folder of figures, as the models of this package use them.

        Deficits are balanced, and inputs take at most 90 percent of spending on an input (`limit=0.9`), what is
        removed going to the absorbing sector.

        Parameters
        ----------
        parameters : Parameters, optional
            Figures; by default those of this package, `bargaining_models.parameters.load()`.
        elasticities : str, default "uniform5"
            Name of a set in `parameters.elasticities`.

        Raises
        ------
        InvalidInput
            If the set is unknown or the figures leave a region no final demand.
        """
        if parameters is None:
            from bargaining_models.parameters import load

            parameters = load()
        chosen = choice(elasticities, "elasticities", tuple(parameters.elasticities))
        data = TradeData.from_arrays(
            parameters.flows.values,
            parameters.tariffs.values / 100.0,
            parameters.input_shares.values,
            elasticities=parameters.elasticities[chosen].values,
            regions=parameters.regions,
            sectors=parameters.sectors,
            goods=parameters.goods,
            gdp=parameters.gdp.values,
            unit=parameters.flows.unit,
            year=parameters.flows.year,
            source=parameters.flows.source,
        )
        return cls.from_data(data, limit=LIMIT, absorb=int(parameters.absorbing))

    def with_data(self, data: TradeData) -> TradeModel:
        """Build the base anew from other figures of the same regions and sectors, with the same options."""
        model, own = TradeModel.from_data(data, **self._options), self.economy
        return model._weighted(own.revenue_weights, own.income_weights)

    def with_objectives(
        self,
        revenue: Mapping[str, float] | None = None,
        incomes: Mapping[str, Mapping[str, float]] | None = None,
    ) -> TradeModel:
        r"""Return the same model where governments count some dollars more than others.

        In `nash_tariffs`, `optimal_tariffs` and the payoffs of a negotiation, government n maximises

        .. math:: \Big(I_n + (\mu_n - 1) R_n + \sum_j (\lambda_{nj} - 1)\, va_{nj} Y_{nj}\Big) / P_n ,

        income, tariff revenue R and what factors earn in sector j at consumer prices. A dollar received from another
        country counts 1. `welfare` stays real income; `objective` of an equilibrium is the change of this (Ossa 2014).

        Parameters
        ----------
        revenue : mapping from region to float, optional
            :math:`\mu`: what a dollar of tariff revenue counts; by default 1.
        incomes : mapping from region to a mapping from sector to float, optional
            :math:`\lambda`: what a dollar earned in a sector counts; by default 1.

        Examples
        --------
        >>> model = TradeModel.from_parameters().with_objectives(revenue={"USA": 1.5})
        >>> war = model.nash_tariffs(["USA", "CAN"], against="players")
        >>> war.rates.round(3), war.gains.round(3)
        (array([0.166, 0.102]), array([ 0.048, -1.077]))
        """
        weights = np.ones(len(self.regions)), np.ones(self.economy.added.shape)
        for name, weight in _entries(revenue, "revenue"):
            weights[0][place(name, "revenue", self.regions)] = _weight(weight, f"revenue[{name!r}]")
        for name, sectors in _entries(incomes, "incomes"):
            row, label = weights[1][place(name, "incomes", self.regions)], f"incomes[{name!r}]"
            for sector, weight in _entries(sectors, label):
                row[place(sector, label, self.sectors)] = _weight(weight, f"{label}[{sector!r}]")
        return self._weighted(*weights)

    def _weighted(self, revenue: Floats | None, incomes: Floats | None) -> TradeModel:
        economy = replace(self.economy, revenue_weights=revenue, income_weights=incomes)
        return replace(self, economy=economy, solver=Solver(economy))

    @property
    def _options(self) -> dict[str, Any]:
        return {"deficits": self.deficits, "limit": self.limit, "absorb": self.absorb}

    def aggregate(
        self,
        regions: Mapping[str, Sequence[str]] | None = None,
        sectors: Mapping[str, Sequence[str]] | None = None,
        *,
        rest: str | None = None,
    ) -> TradeModel:
        """Merge regions and sectors, and build the base anew with the same options.

        Flows, final demand and value added add up; a tariff becomes what the merged rates collect over the trade that
        they fall on, and rates between regions that become one lapse; an elasticity becomes the mean over trade between
        regions.

        Parameters
        ----------
        regions, sectors : mapping from the new name to the old names, optional
            Names not mentioned stay as they are, at the end.
        rest : str, optional
            The name of a region made of all that are not mentioned.

        Raises
        ------
        InvalidInput
            If a name is unknown or used twice, goods would be merged with other sectors, or `deficits` or `absorb` no
            longer fit.
        NotApplicable
            If the model has weights (`with_objectives`), which merged governments need not share.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> world = model.aggregate({"NA": ["USA", "CAN"]}, rest="abroad")
        >>> world.regions
        ('NA', 'abroad')
        """
        if self.economy.revenue_weights is not None:
            raise NotApplicable(
                "A model with weights cannot be merged: aggregate first, then with_objectives(...)."
            )
        data = self.data.aggregate(regions, sectors, rest=rest)
        deficits, absorb = self.deficits, self.absorb
        if not isinstance(deficits, str):
            groups = {name: [name] for name in data.regions if name in self.regions} | dict(regions or {})
            mentioned = {member for members in groups.values() for member in members}
            if rest is not None:
                groups[rest] = [name for name in self.regions if name not in mentioned]
            given = dict(zip(self.regions, real(deficits, "deficits"), strict=True))
            deficits = [sum(given[member] for member in groups[name]) for name in data.regions]
        if absorb is not None:
            name = absorb if isinstance(absorb, str) else self.sectors[absorb]
            holders = [group for group, members in (sectors or {}).items() if name in members]
            absorb = holders[0] if holders else name
        return TradeModel.from_data(data, **self._options | {"deficits": deficits, "absorb": absorb})

    def solve(
        self,
        *,
        tariffs: ArrayLike | None = None,
        costs: ArrayLike | None = None,
        transfers: ArrayLike | Mapping[tuple[str, str], ArrayLike] | None = None,
        unit: str = "world",
        highest: float = HIGHEST,
    ) -> TradeEquilibrium:
        """Solve for the equilibrium under each scenario of a batch.

        Parameters
        ----------
        tariffs : (*batch, N, N, J) array_like, optional
            Ad valorem rates by importer, exporter and sector, above -1; by default those of the base.
            The method `tariffs` makes them.
        costs : (*batch, N, N, J) array_like, optional
            Hats of iceberg trade cost, positive; `inf` closes a link. By default 1. The methods `redirect`
            and `closed` make them. Batch axes of all three broadcast.
        transfers : (*batch, N) array_like, or mapping from (payer, receiver) to (*batch) array_like, optional
            What each region receives from the others, summing to zero, paid within the equilibrium on top of the
            deficits; in the unit of the flows.
        unit : str, default "world"
            What the payment is fixed in: "world" units of world value added, or the name of a region: at its consumer
            prices.
        highest : float, default 3
            Rates above it are refused, since they are likely to be percentages.

        Returns
        -------
        TradeEquilibrium
            With residual and status per scenario; one that fails does not stop the others. Of a batch those that
            cannot be tried, such as a rate of -1, fail too, and `refused` says why.

        Raises
        ------
        InvalidInput
            If a rate is -1 or less or above `highest`, a region taxes its own sales, a cost is not positive or
            transfers exceed an income, in every scenario; if transfers do not sum to zero, or a shape does not fit.

        Examples
        --------
        >>> from bargaining_models.parameters import load
        >>> model = TradeModel.from_parameters(load())
        >>> paid = model.solve(transfers={("CAN", "USA"): 8})
        >>> (paid.welfare / 100 * load().gdp.values).round(2)  # USA, CAN, CHN, ROW; USD bn
        array([ 9.08, -8.92, -0.  , -0.06])
        """
        names = (self.regions, self.sectors)
        batch, rates, hats, received, where, refused = scenario(
            self.economy, tariffs, costs, names, transfers=transfers, unit=unit, highest=highest
        )
        at = self.solver.solve(self.solver.system.cells(rates, hats, received, where))
        slopes = partial(self.solver.slopes, rates, hats, received, where, at.z)
        answer = replace(pack(at, rates, batch, names, self.data.unit), _slopes_of=slopes)
        return replace(answer, refused=tuple(refused.items())) if refused else answer

    def decomposition(
        self,
        *,
        tariffs: ArrayLike | None = None,
        costs: ArrayLike | None = None,
        transfers: ArrayLike | Mapping[tuple[str, str], ArrayLike] | None = None,
        unit: str = "world",
        method: str = "path",
        steps: int = 32,
    ) -> Decomposition:
        """Say where the change of real income comes from: terms of trade, volume of trade, trade costs, payments.

        Parameters
        ----------
        tariffs, costs, transfers, unit
            As in `solve`; costs must be finite.
        method : {"path", "discrete"}, default "path"
            "path" adds up to the exact change; "discrete" is the form published by Caliendo and Parro (2015), with
            the weights of the base. See `Decomposition`.
        steps : int, default 32
            With "path", at how many points of the way the model is solved (Gauss-Legendre); `residual` shows what error
            that leaves.

        Returns
        -------
        Decomposition
            NaN for scenarios without an equilibrium.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> parts = model.decomposition(tariffs=model.tariffs({("USA", "CAN"): 0.25}))
        >>> parts.to_xarray().terms_of_trade.sel(region="CAN").round(3).item()
        -1.667
        >>> bool(abs(parts.residual).max() < 1e-9)
        True
        """
        choice(method, "method", METHODS)
        points = whole(steps, "steps", 2, 10_000)  # each is a solution of the model
        if costs is not None and not np.isfinite(real(costs, "costs", finite=False)).all():
            raise InvalidInput(
                "`costs` must be finite in a decomposition: closing a link saves no definite amount. "
                "Take a high cost, 100 for instance."
            )
        names = (self.regions, self.sectors)
        batch, rates, hats, received, where, _ = scenario(
            self.economy, tariffs, costs, names, transfers=transfers, unit=unit
        )
        parts, end = decompose(self.solver, rates, hats, received, where, method=method, steps=points)
        answer = pack(end, rates, batch, names, self.data.unit)
        lost = np.where(np.asarray(answer.status) == Status.FAILED, np.nan, 100.0)[..., None]
        terms, volume, cost = (
            lost[..., None] * part.swapaxes(1, 2).reshape(*batch, *part.shape[:0:-1]) for part in parts[:3]
        )
        payment = lost * parts[3].reshape(*batch, -1)
        total = (terms + volume + cost).sum(axis=-1) + payment
        return Decomposition(
            terms_of_trade=terms,
            volume=volume,
            cost=cost,
            payment=payment,
            exact=answer.welfare,
            method=method,
            residual=total - 100.0 * np.log1p(answer.welfare / 100.0),
            regions=self.regions,
            sectors=self.sectors,
        )

    def optimal_tariffs(self, region: str, **options: Any) -> TariffEquilibrium:
        """Find the tariffs of one region that raise its real income most, if nobody answers.

        Parameters
        ----------
        region : str
        **options
            Those of `nash_tariffs`: `by`, `base`, `against`, `sectors`, `agreements`, `given`, `costs`, `starts` and
            `grid`. If a rate on the grid is better than what was found, the search goes on from there.

        Returns
        -------
        TariffEquilibrium
            Of a game with one player: `rates`, `percent`, and what certifies them.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> best = model.optimal_tariffs("USA")
        >>> best.rates.round(4), best.status.name
        (array([0.1588]), 'OK')
        >>> dict(zip(model.regions, best.percent.round(3).tolist()))
        {'USA': 0.251, 'CAN': -1.257, 'CHN': -0.009, 'ROW': -0.202}
        """
        place(region, "region", self.regions)
        return self.nash_tariffs([region], **options)

    def best_reply(self, region: str, given: Any, **options: Any) -> TariffEquilibrium:
        """Return the best tariffs of a region against tariffs `given`; the options are those of `optimal_tariffs`.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> us_25 = model.tariffs({("USA", "CAN"): 0.25})
        >>> model.best_reply("CAN", us_25, against=["USA"]).rates.round(4)
        array([0.1016])
        """
        return self.optimal_tariffs(region, given=given, **options)

    def nash_tariffs(
        self,
        players: Sequence[str] | None = None,
        *,
        by: str = "uniform",
        base: str = "replace",
        against: str | Sequence[str] = "all",
        sectors: str | Sequence[str] = "goods",
        agreements: Iterable[tuple[str, str]] = (),
        given: Any = None,
        costs: ArrayLike | None = None,
        starts: Sequence[Any] = ("formula", 0.0, 0.4),
        grid: int = 17,
    ) -> TariffEquilibrium:
        """Find tariffs of which each player's are best given the others': a tariff war.

        Parameters
        ----------
        players : sequence of str, optional
            The regions that set tariffs, at once; by default all.
        by : {"uniform", "partner", "sector", "partner and sector"}
            What a rate is on: all goods of all partners; all goods of one; one sector of all (most-favoured nation);
            one sector of one partner (where nothing is traded there is no rate).
        base : {"replace", "add"}
            Whether a rate is the tariff itself, or is added to what is given.
        against : {"all", "players"} or sequence of str
            Whom rates fall on: all partners, the other players alone (two players: a war between them), or those named.
        sectors : {"goods", "all"} or sequence of str
            The sectors that rates fall on.
        agreements : iterable of (region, region)
            Pairs whose tariffs on each other stay as given: the rates of others are then most-favoured-nation rates.
        given : (N, N, J) array_like or Environment, optional
            Tariffs where no rate falls; by default those of the base.
        costs : (N, N, J) array_like, optional
            Hats of trade cost in force.
        starts : sequence of "formula", float or (K,) array_like
            Where to search from; see `TariffEquilibrium.spread`.
        grid : int
            How many deviations of each rate are tried, from -20 to 500 percent.

        Returns
        -------
        TariffEquilibrium
            With status: OK only if first-order conditions, second-order conditions and deviations on the grid all
            say so. FAILED if no start leads to an equilibrium with finite rates; where deficits are fixed in world
            value added, a region with one may gain without end from ever higher rates, and none exists.

        Raises
        ------
        InvalidInput
            If a name is unknown, or a player has nobody, or nothing, to tax.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> world = model.nash_tariffs()
        >>> world.rates.round(3), world.percent.round(2)
        (array([0.157, 0.154, 0.161, 0.153]), array([-0.2 , -1.23, -0.53, -0.33]))
        >>> war = model.nash_tariffs(["USA", "CAN"], against="players")
        >>> war.rates.round(3), war.status.name, bool(war.spread < 1e-9)
        (array([0.129, 0.102]), 'OK', True)
        """
        from bargaining_models.trade.tariff_nash import nash_tariffs, rates_of

        rates = rates_of(self, players, by, base, against, sectors, agreements, given, costs)
        return nash_tariffs(self, rates, starts=starts, grid=grid)

    def bargained_tariffs(
        self,
        players: Sequence[str],
        *,
        method: Method = nash,
        disagreement: Any = "war",
        by: str = "partner",
        base: str = "replace",
        sectors: str | Sequence[str] = "goods",
        agreements: Iterable[tuple[str, str]] = (),
        given: Any = None,
        costs: ArrayLike | None = None,
        lower: float = -np.inf,
        transfers: str | None = None,
        measure: str | None = None,
    ) -> BargainedTariffs:
        """Find the tariffs on each other that two or more regions agree on, the others' as given.

        Parameters
        ----------
        players : sequence of str
        method : callable, default bargaining.nash
            Any concept of the library, or your own from a `Problem` to a `Division`.
        disagreement : "war", equilibrium, mapping or (n,) array_like
            What happens without an agreement: Nash tariffs on each other; an equilibrium of this model (`solve`,
            `nash_tariffs`); or payoffs in `measure`, in the order of the players or by name.
        by, base, sectors, given, costs
            As in `nash_tariffs`; "partner" is one rate each on all goods, "partner and sector" one on each sector.
        agreements : iterable of (region, region)
            Pairs whose tariffs on each other are not on the table.
        lower : float
            The lowest rate: by default any above -1, so that imports may be subsidised; 0 forbids that.
        transfers : {"inside", "money"}, optional
            Whether they may pay each other: within the equilibrium, or money that counts one for one, by what
            100 percent of real income is worth. By default not.
        measure : {"percent", "log", "income", "gdp"}, optional
            The unit of payoffs; by default percent of real income, and base income in money if `transfers` is "money".
            Concepts that compare gains, such as egalitarian, depend on it.

        Returns
        -------
        BargainedTariffs

        Raises
        ------
        NotApplicable
            If the concept follows the whole frontier: Yu except at p = infinity, Perles-Maschler, continuous
            Raiffa.

        Notes
        -----
        Programs in the rates are solved to first-order conditions; they find a local optimum, as Ossa (2014) does. The
        utilitarian sum of percents asks a large region to give up nearly everything for a small one: take a `measure`
        in money.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> deal = model.bargained_tariffs(["USA", "CAN"])
        >>> deal.rates.round(4), deal.payoffs.round(4), deal.status.name  # Canada pays by a subsidy of its imports
        (array([ 0.0086, -0.0329]), array([ 0.0293, -0.361 ]), 'OK')
        >>> paid = model.bargained_tariffs(["USA", "CAN"], transfers="inside")
        >>> paid.payment.round(2)  # USD bn a year
        array([ 3.98, -3.98])
        """
        from bargaining_models.trade.bargained import bargained_tariffs

        return bargained_tariffs(
            self,
            players,
            method=method,
            disagreement=disagreement,
            by=by,
            base=base,
            sectors=sectors,
            agreements=agreements,
            given=given,
            costs=costs,
            lower=lower,
            transfers=transfers,
            measure=measure,
        )

    def world_talks(self, players: Sequence[str] | None = None, **options: Any) -> BargainedTariffs:
        """Find the tariffs on each other that all regions agree on, or those named (Ossa 2014's trade talks).

        The options are those of `bargained_tariffs`.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> talks = model.world_talks(disagreement=model.nash_tariffs())
        >>> talks.status.name, bool((talks.gains > 0).all()), len(talks.rates)
        ('OK', True, 12)
        """
        return self.bargained_tariffs(self.regions if players is None else players, **options)

    def power(
        self,
        hegemon: str | Sequence[str],
        target: str | Sequence[str],
        *,
        sectors: str | Sequence[str] = "goods",
        side: str = "both",
        tariffs: ArrayLike | None = None,
        costs: ArrayLike | None = None,
    ) -> Power:
        """Find what one region loses if another ends trade with it, and what that costs the other.

        Parameters
        ----------
        hegemon, target : str or sequence of str
            Who threatens, and who is threatened. Several act together: all links between the two groups close.
        sectors : {"goods", "all"} or sequence of str
            The sectors threatened; an empty list is an empty threat.
        side : {"both", "imports", "exports"}
            Whether the target's imports, its exports or both end.
        tariffs, costs : (*batch, N, N, J) array_like, optional
            In force whether the threat is carried out or not, as in `solve`.

        Returns
        -------
        Power

        Raises
        ------
        InvalidInput
            If a region or sector is unknown or named twice, or a region threatens itself.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> model.power("USA", "CAN")
        Power(USA over CAN, %: loss 4.192, cost 0.287; OK)
        """
        from bargaining_models.trade.power import power

        return power(self, hegemon, target, sectors, side, tariffs, costs)

    def power_table(
        self,
        *,
        sectors: str | Sequence[str] = "goods",
        side: str = "both",
        tariffs: ArrayLike | None = None,
        costs: ArrayLike | None = None,
    ) -> PowerTable:
        """Find the power of every region over every other.

        Parameters
        ----------
        sectors, side
            As in `power`.
        tariffs, costs : (N, N, J) array_like, optional
            In force whether a threat is carried out or not.

        Returns
        -------
        PowerTable
            Its `losses` are (N, N): who threatens, who loses.

        Raises
        ------
        InvalidInput
            If a sector is unknown, or `tariffs` or `costs` are a batch.

        Examples
        --------
        >>> model = TradeModel.from_parameters()
        >>> model.power_table().losses[0].round(3)  # by the USA
        array([  nan, 4.192, 0.452, 0.743])
        """
        from bargaining_models.trade.power import power_table

        return power_table(self, sectors, side, tariffs, costs)

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
        >>> model = TradeModel.from_parameters()
        >>> model.tariffs({("USA", "CAN"): [0.1, 0.25], ("USA", "CAN", "METAL"): 0.5}).shape
        (2, 4, 4, 11)
        """
        if not isinstance(rates, Mapping):
            raise InvalidInput(
                f"`rates` must map links to rates, {{(importer, exporter): 0.25}}; got {rates!r}."
            )
        added = {key: real(rate, f"rates[{key!r}]") for key, rate in rates.items()}
        for key, rate in added.items():
            too_high(rate, f"rates[{key!r}]")
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
        for key in listed(links, "links", "a list of links"):
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
        >>> model = TradeModel.from_parameters()
        >>> route = model.redirect(0.15, exporter="CAN", market="USA", target="CHN")
        >>> model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.25}), costs=route).of("CAN").round(2)
        np.float64(-1.31)
        """
        named = {"exporter": exporter, "market": market, "target": target}
        out, old, new = (place(name, argument, self.regions) for argument, name in named.items())
        if len({out, old, new}) < 3:
            raise InvalidInput(
                f"`exporter`, `market` and `target` must be three regions; got {exporter!r}, {market!r}, {target!r}."
            )
        shares = shares_by_sector(share, self.sectors, self.goods)
        if caps is not None:
            shares = np.minimum(shares, caps_by_sector(caps, self.sectors))
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


def _entries(value: Any, name: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping | None):
        raise InvalidInput(f"`{name}` must be a mapping from names to weights; got {value!r}.")
    return (value or {}).items()


def _weight(value: ArrayLike, name: str) -> float:
    return float(within(np.asarray(scalar(value, name)), name, 0.0, np.inf))
