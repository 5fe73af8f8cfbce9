r"""Geoeconomic power: what a region loses if another ends trade with it.

The target T and the hegemon H trade under given tariffs and trade costs, the *agreement*. The threat closes a set of
links between them, the *cut*. With W the change of real income in percent of the base,

.. math::

    L_T = W_T^a - W_T^c, \qquad L_H = W_H^a - W_H^c .

The first is the most that T gives up to avoid the cut, the second what the cut costs H. Both are equilibria of the
same `TradeModel`, so that third countries, prices and wages respond.

*Patience.* Once, and with commitment, H can ask for L_T. Suppose that each period H asks for a payment in money and may
cut if T refuses, and that nobody can commit. In a perfect public equilibrium the cut punishes T only if H is willing
to carry it out: it costs H `(1 - delta) L_H` now, and what T can be made to pay in return is at most `delta L_T`. So
the lowest discount factor at which the threat works is `L_H / (L_H + L_T)`, in money.

*Sufficient statistics.* If other prices stay as they are, a sector with elasticity theta in which T buys the share s
from H costs `1 - (1 - s)^(1 / theta)` of what is spent on it, in logs `-ln(1 - s) / theta`. For s one less the own
share this is the formula of Arkolakis, Costinot and Rodriguez-Clare. `ces` weights it by spending over income, and
`first` takes its first term, imports over the elasticity. Neither counts exports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, choice, owning
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining_models.trade.equilibrium import TradeEquilibrium, by_name, said
from bargaining_models.trade.links import distinct, place

if TYPE_CHECKING:
    import pandas as pd

    from bargaining_models.trade.model import TradeModel

SIDES = ("both", "imports", "exports")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Power(Result):
    """What the threat to end trade costs the target, and what it costs who threatens.

    Percent is percent of real income in the base; of several regions together, of their joint income. Money is in the
    unit of the figures, `model.data.unit`, a year. `batch` are the axes of the tariffs and costs given.

    Attributes
    ----------
    model : TradeModel
    hegemon, target : tuple of str
        Who threatens, and who is threatened.
    sectors : tuple of str
        The sectors threatened.
    side : {"both", "imports", "exports"}
        Which trade of the target is threatened.
    closed : (*batch, N, N, J) array of bool
        The links that the threat closes: importer, exporter, sector.
    agreement, cut : TradeEquilibrium
        The equilibria without the threat carried out, and with it.
    tariffs, costs : (*batch, N, N, J) array or None
        Rates and hats of trade cost in force in both; None: those of the base.

    Examples
    --------
    >>> from bargaining_models.trade import TradeModel
    >>> model = TradeModel.from_structure("icio2019")
    >>> power = model.power("USA", "CAN")
    >>> power.loss.round(3), power.cost.round(3), power.patience.round(3)
    (np.float64(2.578), np.float64(0.202), np.float64(0.494))
    >>> power.loss_money.round(1), power.cost_money.round(1), model.data.unit
    (np.float64(42.2), np.float64(41.1), 'USD bn')
    """

    model: TradeModel = field(repr=False)
    hegemon: tuple[str, ...]
    target: tuple[str, ...]
    sectors: tuple[str, ...]
    side: str
    closed: NDArray[np.bool_]
    agreement: TradeEquilibrium
    cut: TradeEquilibrium
    tariffs: Floats | None = None
    costs: Floats | None = None

    def __repr__(self) -> str:
        who = f"{' + '.join(self.hegemon)} over {' + '.join(self.target)}"
        figures = by_name(np.stack([self.loss, self.cost], axis=-1), ("loss", "cost"))
        return f"Power({who}, %: {figures}; {said(self.status)})"

    @property
    def losses(self) -> Floats:
        """What each region loses by the cut, (*batch, N), in percent; negative for those that gain."""
        return np.asarray(self.agreement.welfare - self.cut.welfare)

    @property
    def others(self) -> Floats:
        """What third regions lose by the cut, (*batch, N), in percent; NaN for the hegemon and the target."""
        losses = self.losses.copy()
        losses[..., [self.model.regions.index(name) for name in self.hegemon + self.target]] = np.nan
        return losses

    @property
    def loss_money(self) -> Floats:
        """What the target loses by the cut, of shape batch, in money."""
        return self._money(self.target)

    @property
    def cost_money(self) -> Floats:
        """What the hegemon loses by the cut, of shape batch, in money."""
        return self._money(self.hegemon)

    @property
    def loss(self) -> Floats:
        """What the target loses by the cut, of shape batch, in percent."""
        return np.asarray(100.0 * self.loss_money / self._income(self.target).sum())[()]

    @property
    def cost(self) -> Floats:
        """What the hegemon loses by the cut, of shape batch, in percent; negative if the threat pays by itself."""
        return np.asarray(100.0 * self.cost_money / self._income(self.hegemon).sum())[()]

    @property
    def patience(self) -> Floats:
        """The lowest discount factor at which the threat is credible without commitment, of shape batch.

        0 if the cut costs the hegemon nothing, and 1, which no discount factor reaches, if it costs only the hegemon.
        """
        return _patience(self.loss_money, self.cost_money)

    @property
    def first(self) -> Floats:
        """Imports threatened over elasticity, in percent of the target's income, of shape batch."""
        return self._statistic(lambda shares: shares)

    @property
    def ces(self) -> Floats:
        """The target's loss as an importer at the prices of the agreement, in percent of income, of shape batch.

        Infinite if all of a sector comes from the hegemon.
        """
        return self._statistic(lambda shares: -np.log1p(-np.minimum(shares, 1.0)))

    @property
    def status(self) -> Any:
        """That of the agreement where it has no accurate equilibrium, else that of the cut; of shape batch."""
        before, after = np.asarray(self.agreement.status), np.asarray(self.cut.status)
        status = np.where(before == Status.OK, after, before).astype(np.int8)
        return status if status.ndim else Status(int(status))

    @property
    def residual(self) -> Floats:
        """The larger of the residuals of the two equilibria, of shape batch."""
        return np.asarray(np.maximum(self.agreement.residual, self.cut.residual))[()]

    def by_sector(self) -> Power:
        """Return the threats to close one sector alone, along a new first axis, in the order of `sectors`.

        Losses need not add up to that of all sectors together.

        Raises
        ------
        NotApplicable
            If the threat is empty.

        Examples
        --------
        >>> from bargaining_models.trade import TradeModel
        >>> power = TradeModel.from_structure("icio2019").power("USA", "CAN")
        >>> dict(zip(power.sectors, power.by_sector().loss.round(3).tolist()))
        {'A': 0.079, 'B': 0.536, 'C': 1.959}
        """
        if not self.sectors:
            raise NotApplicable("A threat without sectors has no parts: its loss is 0. Name some `sectors`.")
        places = [self.model.sectors.index(name) for name in self.sectors]
        alone = np.eye(len(self.model.sectors), dtype=bool)[places]
        batch = np.ndim(self.cut.residual)
        closed = self.closed & alone.reshape(len(places), *(1,) * (batch + 2), len(self.model.sectors))
        return replace(self, closed=closed, cut=_cut(self.model, closed, self.tariffs, self.costs))

    def _income(self, names: tuple[str, ...]) -> Floats:
        return np.asarray(self.model.economy.income[[self.model.regions.index(name) for name in names]])

    def _money(self, names: tuple[str, ...]) -> Floats:
        places = [self.model.regions.index(name) for name in names]
        return np.asarray((self.losses[..., places] * self._income(names)).sum(axis=-1) / 100.0)[()]

    def _statistic(self, log_loss: Any) -> Floats:
        places = [self.model.regions.index(name) for name in self.target]
        values = _statistic(self.model, self.agreement, self.closed, log_loss)[..., places].sum(axis=-1)
        income = (self.agreement.income * self.model.economy.income)[..., places].sum(axis=-1)
        return np.asarray(100.0 * values / income)[()]


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerTable(Result):
    """The power of every region over every other.

    Attributes
    ----------
    losses, costs : (N, N) array
        Of the threat of the first region, the hegemon, to the second: what the target and the hegemon lose, in percent
        of their own real income in the base; NaN on the diagonal.
    first, ces : (N, N) array
        The statistics of `Power`.
    income : (N,) array
        Income in the base, in the unit of the figures: percent times income over 100 is money.
    status : Status
    residual : float
        The largest of all equilibria.
    regions : tuple of str
    """

    losses: Floats
    costs: Floats
    first: Floats
    ces: Floats
    income: Floats
    status: Status
    residual: float
    regions: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each pair: hegemon, target, loss and cost in percent and in money, patience, first, ces."""
        import pandas as pd

        hegemon, target = np.nonzero(~np.eye(len(self.regions), dtype=bool))
        pairs = (hegemon, target)
        loss = self.losses[pairs] * self.income[target] / 100.0
        cost = self.costs[pairs] * self.income[hegemon] / 100.0
        return pd.DataFrame(
            {
                "hegemon": [self.regions[k] for k in hegemon],
                "target": [self.regions[k] for k in target],
                "loss": self.losses[pairs],
                "cost": self.costs[pairs],
                "loss_money": loss,
                "cost_money": cost,
                "patience": _patience(loss, cost),
                "first": self.first[pairs],
                "ces": self.ces[pairs],
            }
        )


def power(
    model: TradeModel,
    hegemon: str | Sequence[str],
    target: str | Sequence[str],
    *,
    sectors: str | Sequence[str],
    side: str,
    tariffs: ArrayLike | None,
    costs: ArrayLike | None,
) -> Power:
    """Solve for agreement and cut; `TradeModel.power` describes the arguments."""
    who, whom = _group(hegemon, "hegemon", model.regions), _group(target, "target", model.regions)
    both = [name for name in who if name in whom]
    if both:
        raise InvalidInput(
            f"`target` must be other regions than `hegemon`; got {both[0]!r} in both. Leave it out of one."
        )
    closed = np.zeros(model.economy.shares.shape, dtype=bool)
    named = _sectors(model, sectors)
    for one in who:
        for other in whom:
            closed |= _links(model, one, other, named, side)
    agreement = model.solve(tariffs=tariffs, costs=costs)
    rates, hats = _array(tariffs), _array(costs)
    return Power(
        model=model,
        hegemon=who,
        target=whom,
        sectors=tuple(model.sectors[j] for j in named),
        side=side,
        closed=closed,
        agreement=agreement,
        cut=_cut(model, closed, rates, hats),
        tariffs=rates,
        costs=hats,
    )


def power_table(
    model: TradeModel,
    *,
    sectors: str | Sequence[str],
    side: str,
    tariffs: ArrayLike | None,
    costs: ArrayLike | None,
) -> PowerTable:
    """Solve for every pair; `TradeModel.power_table` describes the arguments."""
    agreement = model.solve(tariffs=tariffs, costs=costs)
    if np.ndim(agreement.residual):
        raise InvalidInput(
            f"`tariffs` and `costs` must be one scenario, (N, N, J), in a table of power; got a batch of shape "
            f"{np.shape(agreement.residual)}. Make a table for each."
        )
    named, regions = _sectors(model, sectors), model.regions
    count, rates, hats = len(regions), _array(tariffs), _array(costs)
    losses, spent, first, ces = np.full((4, count, count), np.nan)
    statuses, residuals = [np.asarray(agreement.status).ravel()], [np.ravel(agreement.residual)]
    income = agreement.income * model.economy.income
    for h, hegemon in enumerate(regions):
        targets = np.array([t for t in range(count) if t != h])
        closed = np.stack([_links(model, hegemon, regions[t], named, side) for t in targets])
        cut = _cut(model, closed, rates, hats)
        change = agreement.welfare - cut.welfare
        losses[h, targets], spent[h, targets] = change[np.arange(count - 1), targets], change[:, h]
        for table, log_loss in (
            (first, lambda shares: shares),
            (ces, lambda shares: -np.log1p(-np.minimum(shares, 1.0))),
        ):
            values = _statistic(model, agreement, closed, log_loss)[np.arange(count - 1), targets]
            table[h, targets] = 100.0 * values / income[targets]
        statuses.append(np.ravel(cut.status))
        residuals.append(np.ravel(cut.residual))
    failed = [code for code in np.concatenate(statuses).tolist() if code != Status.OK]
    return PowerTable(
        losses=losses,
        costs=spent,
        first=first,
        ces=ces,
        income=model.economy.income,
        status=Status(failed[0]) if failed else Status.OK,
        residual=float(np.concatenate(residuals).max()),
        regions=regions,
    )


def _patience(loss: Floats, cost: Floats) -> Floats:
    loss, cost = np.maximum(loss, 0.0), np.maximum(cost, 0.0)
    return np.asarray(np.divide(cost, loss + cost, out=np.zeros_like(cost), where=cost > 0.0))[()]


def _statistic(
    model: TradeModel, agreement: TradeEquilibrium, closed: NDArray[np.bool_], log_loss: Any
) -> Floats:
    """Return spending times a function of the share bought through closed links over elasticity, (*batch, N)."""
    with np.errstate(divide="ignore", invalid="ignore"):  # all of a sector closed; nothing spent on it
        lost = log_loss((agreement.shares * closed).sum(axis=-2)) / model.economy.elasticities
        spent = np.where(agreement.expenditures > 0.0, agreement.expenditures * lost, 0.0)
    return np.asarray(spent.sum(axis=-1))


def _cut(
    model: TradeModel, closed: NDArray[np.bool_], tariffs: Floats | None, costs: Floats | None
) -> TradeEquilibrium:
    hats = np.where(closed, np.inf, 1.0 if costs is None else costs)
    return model.solve(tariffs=tariffs, costs=hats)


def _links(model: TradeModel, hegemon: str, target: str, sectors: list[int], side: str) -> NDArray[np.bool_]:
    """Return which links a threat closes, (N, N, J)."""
    choice(side, "side", SIDES)
    h, t = model.regions.index(hegemon), model.regions.index(target)
    closed = np.zeros(model.economy.shares.shape, dtype=bool)
    closed[t, h, sectors] = side != "exports"
    closed[h, t, sectors] = side != "imports"
    return closed


def _array(value: ArrayLike | None) -> Floats | None:
    return None if value is None else np.asarray(value, dtype=float)


def _group(value: str | Sequence[str], name: str, regions: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(value, str):
        return (regions[place(value, name, regions)],)
    members = tuple(regions[k] for k in distinct(value, name, "region", regions))
    if not members:
        raise InvalidInput(f"`{name}` must name at least one region; got none.")
    return members


def _sectors(model: TradeModel, sectors: str | Sequence[str]) -> list[int]:
    """Return the places of sectors; none is an empty threat."""
    if isinstance(sectors, str):
        choice(sectors, "sectors", ("goods", "all"))
        return np.flatnonzero(model.goods | (sectors == "all")).tolist()
    return distinct(sectors, "sectors", "sector", model.sectors)
