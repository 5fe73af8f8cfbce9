"""Levels of redirectable capacity: yearly payoffs at each level and pair of tariffs, and the cost of the next level.

At level r home can sell a share r of its sales to the partner to the alternative instead. Home and the partner each
choose from a short list of tariffs on each other's goods; the trade model gives the yearly payoffs under every pair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, real, record, within
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Roles


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Shown):
    """A project that adds to the redirectable share.

    Attributes
    ----------
    name : str
    lead_time : float
        Years from the decision to use.
    cost : float
        Capital, spent at the decision, in the unit of the flows.
    share : mapping from sector to float
        The increase of the redirectable share of each sector's exports to the partner.
    """

    name: str
    lead_time: float
    cost: float
    share: Mapping[str, float]


def together(chosen: tuple[Project, ...]) -> tuple[Floats, dict[str, Floats]]:
    """Return the dates at which projects begun today open, and the shares by sector before the first and after each."""
    dates = np.unique([project.lead_time for project in chosen])
    sectors = dict.fromkeys(sector for project in chosen for sector in project.share)
    built = [[project for project in chosen if project.lead_time <= date] for date in (0.0, *dates.tolist())]
    return dates, {
        sector: np.array([sum(project.share.get(sector, 0.0) for project in some) for some in built])
        for sector in sectors
    }


LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)  # from none to 30 percent
NASH = "Nash"
TARIFFS: tuple[float | str, ...] = (0.0, 0.02, NASH, 0.35)
PLAYERS = ("home_tariffs", "partner_tariffs")


@record
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
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
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
        home = _menu(negotiation, 0, war.rates[:, 0], home_tariffs)
        partner = _menu(negotiation, 1, war.rates[:, 1], partner_tariffs)
        tariffs = negotiation.free + home[0][:, :, None] + partner[0][:, None]
        costs = negotiation.route(with_closed, capped=capped)
        found = negotiation.model.solve(tariffs=tariffs, costs=costs[:, None, None], highest=np.inf)
        left = negotiation.leave(r=with_closed, capped=capped)
        return cls(
            levels=shares,
            flows=found.objective[..., negotiation.places] / 100.0 * negotiation.worth(),
            exit=left.money,
            rates=(home[1], partner[1]),
            names=(home[2], partner[2]),
            capital=money,
            roles=negotiation.roles,
            residual=float(max(found.residual.max(), left.residual.max(), war.residual.max())),
        )

    def at(self, level: int) -> Self:
        """Return the capacity with only this level."""
        kept = [level, len(self.levels)]
        return replace(
            self,
            levels=self.levels[[level]],
            flows=self.flows[kept],
            exit=self.exit[kept],
            rates=(self.rates[0][kept], self.rates[1][kept]),
            capital=self.capital[:0],
        )


def _menu(
    negotiation: Negotiation, player: int, nash: Floats, listed: Sequence[float | str]
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return a player's list of tariffs by level: what each adds to free trade, as single rates, and in words.

    0.02 is written as 2%, and a schedule without the name of a player in front.
    """
    name, known = PLAYERS[player], (NASH, *negotiation.schedules)
    if isinstance(listed, str) or not len(listed):
        raise InvalidInput(f"`{name}` must be a list of one tariff or more; got {listed!r}.")
    data, link = negotiation.model.data, tuple(negotiation.places[:: 1 - 2 * player])
    flows = data.flows[link] * data.goods
    direction = negotiation.tariffs_at(np.eye(2)[player]) - negotiation.free
    tariffs, rates, words = [], [], []
    for entry in listed:
        if isinstance(entry, str) and entry not in known:
            raise InvalidInput(
                f"`{name}` must hold rates or any of {', '.join(map(repr, known))}; got {entry!r}."
            )
        rate = nash
        if isinstance(entry, str) and entry != NASH:
            schedule = negotiation.schedules[entry]
            rate = np.full(len(nash), float((flows * schedule[link]).sum() / flows.sum()))
            tariffs.append(np.broadcast_to(schedule, (len(nash), *schedule.shape)))
        else:
            if entry != NASH:
                within(np.asarray(real(entry, name, ndim=0)), name, -1.0, np.inf, ends="()")
                rate = np.full(len(nash), float(entry))
            tariffs.append(rate[:, None, None, None] * direction)
        rates.append(rate)
        spoken = entry if isinstance(entry, str) else f"{100 * entry:.6g}%"
        for country in negotiation.roles.names[:2]:
            spoken = spoken.removeprefix(f"{country.casefold()}_")
        words.append(spoken.replace("_", "-"))
    return np.stack(tariffs, axis=1), np.stack(rates, axis=1), tuple(words)


def increasing(levels: ArrayLike) -> Floats:
    """Return levels of capacity as an array, or raise an error."""
    shares = within(real(levels, "levels", ndim=1), "levels", 0.0, 1.0)
    if (np.diff(shares) <= 0).any():
        raise InvalidInput(f"`levels` must increase; got {shares.tolist()}. Sort them and drop repetitions.")
    return shares


def _capital(levels: Floats, capital: ArrayLike | None) -> Floats:
    steps = len(levels) - 1
    if capital is None and steps:
        raise InvalidInput(
            "`capital` must be given where there is more than one level: what it costs to come from each to the "
            "next; got None."
        )
    money = within(real(0.0 if capital is None else capital, "capital"), "capital", 0.0, np.inf)
    if capital is not None and (money.ndim > 1 or money.size not in (1, steps)):
        raise InvalidInput(
            f"`capital` must be one number or one for each of the {steps} steps between levels; got shape "
            f"{money.shape}."
        )
    return np.asarray(np.broadcast_to(money, (steps,)))
