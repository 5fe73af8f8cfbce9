"""Levels of redirectable capacity: yearly payoffs at each level and pair of tariffs, and the cost of the next level.

At level r home can sell a share r of its sales to the partner to the alternative instead. Home and the partner each
choose from a short list of tariffs on each other's goods; the trade model gives the yearly payoffs under every pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Roles

LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)  # from none to 30 percent
NASH = "Nash"
TARIFFS: tuple[float | str, ...] = (0.0, 0.02, NASH, 0.35)
PLAYERS = ("home_tariffs", "partner_tariffs")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capacity(Shown):
    """Payoffs at every level of capacity, in money a year.

    Attributes
    ----------
    levels : ndarray, shape (L,)
        The redirectable share r of each level, as a fraction, increasing.
    flows : ndarray, shape (L + 1, C, U, 2)
        Money a year to home and the partner by level, home's tariff and the partner's; the last level stands for a
        closed market of the alternative (r = 0).
    exit : ndarray, shape (L + 1, 2)
        The same with goods trade between the two closed.
    rates : tuple of two ndarrays, shapes (L + 1, C) and (L + 1, U)
        The lists as fractions: home's on the partner's goods, the partner's on home's; a schedule counts as its average
        over the trade of the base year.
    names : tuple of two tuples of str
        The lists in words.
    capital : ndarray, shape (L - 1,)
        Capital from each level to the next, in the unit of the flows.
    roles : Roles
        Who is who.
    residual : float
        Largest relative violation of the trade model's equilibrium conditions.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> capacity = Capacity.solve(talks, levels=[0, 0.15, 0.30], capital=100)
    >>> capacity.flows[1:3, 0, 0].round(2)  # free trade at levels 0.15 and 0.30: Canada, US
    array([[ 6.16,  0.3 ],
           [11.88,  0.71]])
    """

    levels: Floats
    flows: Floats
    exit: Floats
    rates: tuple[Floats, Floats]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    capital: Floats
    roles: Roles
    residual: float

    @classmethod
    def solve(
        cls,
        negotiation: Negotiation,
        *,
        levels: ArrayLike = LEVELS,
        capped: bool = False,
        capital: ArrayLike | None = None,
        home_tariffs: Sequence[float | str] = TARIFFS,
        partner_tariffs: Sequence[float | str] = TARIFFS,
    ) -> Self:
        """Solve the trade model at every level, pair of tariffs and with the border closed.

        Parameters
        ----------
        negotiation : Negotiation
        levels : array_like, shape (L,)
            Redirectable shares, fractions in [0, 1], increasing.
        capped : bool, default False
            Whether the caps of the negotiation limit them sector by sector.
        capital : float or array_like, shape (L - 1,)
            The cost of each step from one level to the next, 0 or more, in the unit of the flows; required if there
            are two levels or more.
        home_tariffs, partner_tariffs : sequence of float or str
            Each a rate above -1 on all goods (0.02 is 2 percent), the name of a schedule of the negotiation, or "Nash",
            the rate of the tariff war at that level.

        Raises
        ------
        InvalidInput
            If an argument is not as described.
        """
        shares = increasing(levels)
        money = _capital(shares, capital)
        with_closed = np.append(shares, 0.0)
        war = negotiation.war(r=with_closed, capped=capped)
        menus = [_Menu(negotiation, player, war.rates[:, player]) for player in (0, 1)]
        own = [m.tariffs(listed) for m, listed in zip(menus, (home_tariffs, partner_tariffs), strict=True)]
        tariffs = negotiation.free + own[0][:, :, None] + own[1][:, None]
        costs = negotiation.route(with_closed, capped=capped)
        found = negotiation.model.solve(tariffs=tariffs, costs=costs[:, None, None], highest=np.inf)
        left = negotiation.leave(r=with_closed, capped=capped)
        return cls(
            levels=shares,
            flows=found.welfare[..., negotiation.places] / 100.0 * negotiation.worth(),
            exit=left.money,
            rates=(menus[0].rates(home_tariffs), menus[1].rates(partner_tariffs)),
            names=(menus[0].words(home_tariffs), menus[1].words(partner_tariffs)),
            capital=money,
            roles=negotiation.roles,
            residual=float(max(found.residual.max(), left.residual.max(), war.residual.max())),
        )

    def at(self, level: int) -> Self:
        """Return the capacity with only this level."""
        kept = [level, len(self.levels)]
        return type(self)(
            levels=self.levels[[level]],
            flows=self.flows[kept],
            exit=self.exit[kept],
            rates=(self.rates[0][kept], self.rates[1][kept]),
            names=self.names,
            capital=self.capital[:0],
            roles=self.roles,
            residual=self.residual,
        )


@dataclass(frozen=True, slots=True)
class _Menu:
    """A player's list of tariffs: as arrays of the trade model and as single rates, by level."""

    negotiation: Negotiation
    player: int
    nash: Floats

    def tariffs(self, listed: Sequence[float | str]) -> Floats:
        unit = np.eye(2)[self.player]
        direction = self.negotiation.tariffs_at(unit) - self.negotiation.free
        schedules = self.negotiation.schedules
        return np.stack(
            [
                np.broadcast_to(schedules[entry], (len(self.nash), *direction.shape))
                if isinstance(entry, str) and entry != NASH
                else self._uniform(entry)[:, None, None, None] * direction
                for entry in self._checked(listed)
            ],
            axis=1,
        )

    def rates(self, listed: Sequence[float | str]) -> Floats:
        data = self.negotiation.model.data
        importer, exporter = self.negotiation.places[:: 1 - 2 * self.player]
        flows = data.flows[importer, exporter] * data.goods
        average = {
            name: float((flows * schedule[importer, exporter]).sum() / flows.sum())
            for name, schedule in self.negotiation.schedules.items()
        }
        return np.stack(
            [
                np.full(len(self.nash), average[entry])
                if isinstance(entry, str) and entry != NASH
                else self._uniform(entry)
                for entry in listed
            ],
            axis=1,
        )

    def words(self, listed: Sequence[float | str]) -> tuple[str, ...]:
        """Write 0.02 as 2%, and a schedule without the name of the player in front."""
        own = [f"{name.casefold()}_" for name in self.negotiation.roles.names]
        return tuple(
            entry.removeprefix(own[0]).removeprefix(own[1]).replace("_", "-")
            if isinstance(entry, str)
            else f"{100 * entry:.6g}%"
            for entry in listed
        )

    def _uniform(self, entry: float | str) -> Floats:
        return self.nash if entry == NASH else np.full(len(self.nash), float(entry))

    def _checked(self, listed: Sequence[float | str]) -> Sequence[float | str]:
        name = PLAYERS[self.player]
        known = (NASH, *self.negotiation.schedules)
        if isinstance(listed, str) or not len(listed):
            raise InvalidInput(f"`{name}` must be a list of one tariff or more; got {listed!r}.")
        for entry in listed:
            if isinstance(entry, str) and entry not in known:
                raise InvalidInput(
                    f"`{name}` must hold rates or any of {', '.join(map(repr, known))}; got {entry!r}."
                )
            if not isinstance(entry, str):
                within(real(entry, name, ndim=0), name, -1.0, np.inf, ends="()")
        return listed


def increasing(levels: ArrayLike) -> Floats:
    """Return levels of capacity as an array, or raise an error."""
    shares = within(real(levels, "levels", ndim=1), "levels", 0.0, 1.0)
    if (np.diff(shares) <= 0).any():
        raise InvalidInput(f"`levels` must increase; got {shares.tolist()}. Sort them and drop repetitions.")
    return shares


def _capital(levels: Floats, capital: ArrayLike | None) -> Floats:
    if capital is None:
        if len(levels) > 1:
            raise InvalidInput(
                "`capital` must be given where there is more than one level: what it costs to come from each to the "
                "next; got None."
            )
        return np.empty(0)
    money = within(real(capital, "capital"), "capital", 0.0, np.inf)
    if money.ndim > 1 or money.size not in (1, len(levels) - 1):
        raise InvalidInput(
            f"`capital` must be one number or one for each of the {len(levels) - 1} steps between levels; got shape "
            f"{money.shape}."
        )
    return np.asarray(np.broadcast_to(money, (len(levels) - 1,)))
