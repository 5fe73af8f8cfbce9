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
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining import Game
from bargaining.authoring import Floats, Result, choice, real, record, whole, within
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining_models.trade.equilibrium import TradeEquilibrium, by_name, said
from bargaining_models.trade.links import distinct, sectors_of

if TYPE_CHECKING:
    import pandas as pd

    from bargaining_models.trade.model import TradeModel

SIDES = ("both", "imports", "exports")
LONGEST = 10_000  # periods: by then nothing is left of a payment


@record
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
        Rates and hats of trade cost in force besides, in the cut; None: those of the base.
    worth : (N,) array
        What 100 percent of real income is worth in money: income in the base.

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
    worth: Floats
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
        losses[..., self._at(self.hegemon + self.target)] = np.nan
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
        return np.asarray(100.0 * self.loss_money / self.worth[self._at(self.target)].sum())[()]

    @property
    def cost(self) -> Floats:
        """What the hegemon loses by the cut, of shape batch, in percent; negative if the threat pays by itself."""
        return np.asarray(100.0 * self.cost_money / self.worth[self._at(self.hegemon)].sum())[()]

    @property
    def patience(self) -> Floats:
        """The lowest discount factor at which the threat is credible without commitment, of shape batch.

        0 if the cut costs the hegemon nothing, and 1, which no discount factor reaches, if it costs only the hegemon.
        """
        return _patience(self.loss_money, self.cost_money)

    @property
    def first(self) -> Floats:
        """Imports threatened over elasticity, in percent of the target's income, of shape batch."""
        return self._statistic(0)

    @property
    def ces(self) -> Floats:
        """The target's loss as an importer at the prices of the agreement, in percent of income, of shape batch.

        Infinite if all of a sector comes from the hegemon.
        """
        return self._statistic(1)

    @property
    def status(self) -> Any:
        """The worse of the two equilibria's, of shape batch."""
        status = np.asarray(np.maximum(self.agreement.status, self.cut.status), dtype=np.int8)
        return status if status.ndim else Status(int(status))

    @property
    def residual(self) -> Floats:
        """The larger of the residuals of the two equilibria, of shape batch."""
        return np.asarray(np.maximum(self.agreement.residual, self.cut.residual))[()]

    def most(self, discounts: ArrayLike | None = None, *, lag: int = 0, length: int | None = None) -> Floats:
        r"""Return the most that the target pays to avoid the cut, in money a period, of shape batch.

        Without `discounts` the threat is made once, with commitment: the loss. Otherwise the payment is asked for each
        period. Refused, it is not asked for until the cut, which begins after `lag` periods and lasts for `length`, is
        over; then everything is as before. The target pays

        .. math:: \delta^{lag} (1 - \delta^{length}) / (1 - \delta^{lag + length})\, L_T

        at most, and `\delta^{lag} L_T` if the cut lasts for ever.

        Parameters
        ----------
        discounts : array_like in (0, 1), optional
            The target's discount factor.
        lag : int
            Periods between refusal and cut.
        length : int, optional
            Periods that the cut lasts; by default for ever.

        Examples
        --------
        >>> from bargaining_models.trade import TradeModel
        >>> power = TradeModel.from_structure("icio2019").power("USA", "CAN")
        >>> power.most().round(2), power.most(0.9, lag=1).round(2), power.most(0.9, lag=1, length=1).round(2)
        (np.float64(42.17), np.float64(37.95), np.float64(19.98))
        """
        loss = np.maximum(self.loss_money, 0.0)
        if discounts is None:
            return np.asarray(loss)[()]
        delta, start = _discounts(discounts), whole(lag, "lag", 0, LONGEST)
        after = 0.0 if length is None else delta ** whole(length, "length", 1, LONGEST)
        return np.asarray(loss * delta**start * (1.0 - after) / (1.0 - delta**start * after))[()]

    def least(self, discounts: ArrayLike, *, length: int = 1) -> Floats:
        r"""Return the least payment for which the hegemon carries out the cut, in money a period, of shape batch.

        Afterwards it is paid each period; if the hegemon backs down, never again: `L_H (1 - \delta^{length}) /
        \delta^{length}`. A short cut is more credible than a long one. With `lag` 0 there are payments between `least`
        and `most` if and only if `\delta^{length}` is at least `patience`.

        Parameters
        ----------
        discounts : array_like in (0, 1)
            The hegemon's discount factor.
        length : int
            Periods that the cut lasts.

        Examples
        --------
        >>> from bargaining_models.trade import TradeModel
        >>> power = TradeModel.from_structure("icio2019").power("USA", "CAN")
        >>> power.least(0.9).round(2), power.least(0.9, length=8).round(2)  # the second is more than Canada pays
        (np.float64(4.57), np.float64(54.43))
        """
        cost, periods = self.cost_money, whole(length, "length", 1, LONGEST)
        with np.errstate(over="ignore", invalid="ignore"):  # a cut without end costs more than any payment
            floor = cost * np.expm1(-periods * np.log(_discounts(discounts)))
        return np.asarray(np.where(cost <= 0.0, 0.0, floor))[()]

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

    def game(self) -> Game:
        """Return the stage game, in money, in which the hegemon trades or cuts and the target has no choice.

        In its repetition with transfers, `transfer_equilibrium`, the target can be held to minus the loss from the
        discount factor `patience` on, and to 0 below.

        Raises
        ------
        InvalidInput
            If this is a batch.

        Examples
        --------
        >>> from bargaining import RepeatedGame, transfer_equilibrium
        >>> from bargaining_models.trade import TradeModel
        >>> game = TradeModel.from_structure("icio2019").power("USA", "CAN").game()
        >>> [transfer_equilibrium(RepeatedGame(game, discount)).threat[1].round(2) + 0.0 for discount in (0.49, 0.50)]
        [np.float64(0.0), np.float64(-42.17)]
        """
        if np.ndim(self.loss):
            raise InvalidInput(
                f"A game must be of one threat; got a batch of shape {np.shape(self.loss)}. Take one scenario."
            )
        names = [" + ".join(group) for group in (self.hegemon, self.target)]
        payoffs = [[[0.0], [-float(money)]] for money in (self.cost_money, self.loss_money)]
        return Game(*payoffs, actions=[["trade", "cut"], ["-"]], players=names)

    def _slopes(self, wrt: str) -> tuple[Floats, Floats, dict[str, list[str] | None]]:
        """Return derivatives of `losses`, agreement less cut, for `sensitivity`; closed links stay closed."""
        (before, error, axes), (after, more, others) = (
            one._slopes(wrt) for one in (self.agreement, self.cut)
        )
        return np.asarray(before - after), np.asarray(error + more), max(axes, others, key=len)

    def _at(self, names: tuple[str, ...]) -> list[int]:
        return [self.model.regions.index(name) for name in names]

    def _money(self, names: tuple[str, ...]) -> Floats:
        return np.asarray((self.losses * self.worth / 100.0)[..., self._at(names)].sum(axis=-1))[()]

    def _statistic(self, which: int) -> Floats:
        values = _statistics(self.model, self.agreement, self.closed)[which]
        values = values[..., self._at(self.target)].sum(axis=-1)
        income = (self.agreement.income * self.model.economy.income)[..., self._at(self.target)].sum(axis=-1)
        return np.asarray(100.0 * values / income)[()]


@record
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
    model: TradeModel, hegemon: Any, target: Any, sectors: Any, side: str, tariffs: Any, costs: Any
) -> Power:
    """Solve for agreement and cut; `TradeModel.power` describes the arguments."""
    who, whom = (
        _group(value, name, model.regions) for value, name in ((hegemon, "hegemon"), (target, "target"))
    )
    if shared := [model.regions[k] for k in who if k in whom]:
        raise InvalidInput(
            f"`target` must be other regions than `hegemon`; got {shared[0]!r} in both. Leave it out of one."
        )
    named = sectors_of(model.sectors, model.goods, sectors)
    closed = links_closed(model, who, whom, named, side)
    agreement = model.solve(tariffs=tariffs, costs=costs)
    rates, hats = _array(tariffs), _array(costs)
    return Power(
        model=model,
        hegemon=tuple(model.regions[k] for k in who),
        target=tuple(model.regions[k] for k in whom),
        sectors=tuple(model.sectors[j] for j in named),
        side=side,
        closed=closed,
        agreement=agreement,
        cut=_cut(model, closed, rates, hats),
        worth=model.economy.income,
        tariffs=rates,
        costs=hats,
    )


def power_table(model: TradeModel, sectors: Any, side: str, tariffs: Any, costs: Any) -> PowerTable:
    """Solve for every pair; `TradeModel.power_table` describes the arguments."""
    agreement = model.solve(tariffs=tariffs, costs=costs)
    if np.ndim(agreement.residual):
        raise InvalidInput(
            f"`tariffs` and `costs` must be one scenario, (N, N, J), in a table of power; got a batch of shape "
            f"{np.shape(agreement.residual)}. Make a table for each."
        )
    named, rates, hats = sectors_of(model.sectors, model.goods, sectors), _array(tariffs), _array(costs)
    count, rows = len(model.regions), np.arange(len(model.regions) - 1)
    losses, spent, first, ces = np.full((4, count, count), np.nan)
    status, residual = int(agreement.status), float(agreement.residual)
    income = agreement.income * model.economy.income
    for h in range(count):
        targets = [t for t in range(count) if t != h]
        closed = np.stack([links_closed(model, [h], [t], named, side) for t in targets])
        cut = _cut(model, closed, rates, hats)
        change = agreement.welfare - cut.welfare
        losses[h, targets], spent[h, targets] = change[rows, targets], change[:, h]
        for table, values in zip((first, ces), _statistics(model, agreement, closed), strict=True):
            table[h, targets] = 100.0 * values[rows, targets] / income[targets]
        status = max(status, int(np.max(cut.status)))
        residual = float(np.maximum(residual, cut.residual.max()))
    return PowerTable(
        losses=losses,
        costs=spent,
        first=first,
        ces=ces,
        income=model.economy.income,
        status=Status(status),
        residual=residual,
        regions=model.regions,
    )


def _discounts(value: ArrayLike) -> Floats:
    return within(real(value, "discounts"), "discounts", 0.0, 1.0, ends="()")


def _patience(loss: Floats, cost: Floats) -> Floats:
    loss, cost = np.maximum(loss, 0.0), np.maximum(cost, 0.0)
    return np.asarray(np.divide(cost, loss + cost, out=np.zeros_like(cost), where=~(cost <= 0.0)))[()]


def _statistics(
    model: TradeModel, agreement: TradeEquilibrium, closed: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Return each region's spending through closed links over elasticity, and its loss at given prices, (*batch, N)."""
    shares, spent = (agreement.shares * closed).sum(axis=-2), agreement.expenditures
    with np.errstate(divide="ignore", invalid="ignore"):  # all of a sector closed; nothing spent on it
        logs = -np.log1p(-np.minimum(shares, 1.0))
        values = [np.where(spent > 0.0, spent * x / model.economy.elasticities, 0.0) for x in (shares, logs)]
    return values[0].sum(axis=-1), values[1].sum(axis=-1)


def _cut(
    model: TradeModel, closed: NDArray[np.bool_], tariffs: Floats | None, costs: Floats | None
) -> TradeEquilibrium:
    hats = np.where(closed, np.inf, 1.0 if costs is None else costs)
    return model.solve(tariffs=tariffs, costs=hats)


def links_closed(
    model: TradeModel, who: list[int], whom: list[int], sectors: list[int], side: str
) -> NDArray[np.bool_]:
    """Return which links a threat closes, (N, N, J)."""
    choice(side, "side", SIDES)
    closed = np.zeros(model.economy.shares.shape, dtype=bool)
    closed[np.ix_(whom, who, sectors)] = side != "exports"
    closed[np.ix_(who, whom, sectors)] = side != "imports"
    return closed


def _array(value: ArrayLike | None) -> Floats | None:
    return None if value is None else np.asarray(value, dtype=float)


def _group(value: str | Sequence[str], name: str, regions: tuple[str, ...]) -> list[int]:
    places = distinct([value] if isinstance(value, str) else value, name, "region", regions)
    if not places:
        raise InvalidInput(f"`{name}` must name at least one region; got none.")
    return places
