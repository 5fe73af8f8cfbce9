"""Levels of redirectable capacity: what a year is worth at each, tariff by tariff, and what the next one costs.

At level r Canada can sell a share r of what it sells to the US to China instead. Canada and the US each choose from a
short list of tariffs on each other's goods; the trade model says what the year is worth under every pair.

Capital comes from the projects of the figures, cheapest first. A *point* is one percent of Canada's goods exports to
the US in the base year, whatever the sector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, owning, real, within
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining_models.parameters import Parameters
from bargaining_models.us_canada.baseline import CANADA, CHINA, LINKS, PLAYERS, US, Baseline
from bargaining_models.us_canada.projects import projects

LEVELS = (0.0, 0.05, 0.10, 0.15, 0.20, 0.25, 0.30)
NASH = "Nash"
ESCALATION = 0.35
"""The highest rate of the lists: that of the US on goods outside CUSMA from August 2025."""
CANADA_TARIFFS: tuple[float | str, ...] = (0.0, 0.02, "canada_2025_26", NASH, ESCALATION)
US_TARIFFS: tuple[float | str, ...] = (0.0, 0.02, "us_2025_26", NASH, ESCALATION)
REPEATED = "second expansion"


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Capacity(Shown):
    """What every level of capacity is worth, in money a year.

    Attributes
    ----------
    levels : ndarray, shape (L,)
        The redirectable share r of each level, as a fraction, increasing.
    flows : ndarray, shape (L + 1, C, U, 2)
        USD bn a year to Canada and the US by level, Canada's tariff and the US tariff; the last level stands for
        a closed China market (r = 0).
    exit : ndarray, shape (L + 1, 2)
        The same with goods trade between the two closed.
    rates : tuple of two ndarrays, shapes (L + 1, C) and (L + 1, U)
        The lists as fractions: Canada's on US goods, the US one on Canadian goods; a schedule counts as its
        average over the trade of the base year.
    names : tuple of two tuples of str
        The lists in words.
    capital : ndarray, shape (L - 1,)
        USD bn of capital from each level to the next.
    residual : float
        Largest relative violation of the trade model's equilibrium conditions.

    Examples
    --------
    >>> capacity = Capacity.solve(levels=[0, 0.15, 0.30])
    >>> capacity.flows[1:3, 0, 0].round(2)  # free trade at levels 0.15 and 0.30: Canada, US
    array([[ 6.09,  0.25],
           [11.75,  0.61]])
    >>> capacity.capital.round(1)
    array([ 93.9, 114.4])
    """

    levels: Floats
    flows: Floats
    exit: Floats
    rates: tuple[Floats, Floats]
    names: tuple[tuple[str, ...], tuple[str, ...]]
    capital: Floats
    residual: float

    @classmethod
    def solve(
        cls,
        baseline: Baseline | None = None,
        *,
        levels: ArrayLike = LEVELS,
        capped: bool = False,
        canada_tariffs: Sequence[float | str] = CANADA_TARIFFS,
        us_tariffs: Sequence[float | str] = US_TARIFFS,
        capital: ArrayLike | None = None,
    ) -> Capacity:
        """Solve the trade model at every level, pair of tariffs and with the border closed.

        Parameters
        ----------
        baseline : Baseline, optional
            By default that of this package's figures.
        levels : array_like, shape (L,)
            Redirectable shares, fractions in [0, 1], increasing.
        capped : bool, default False
            Whether the capacity caps of the figures limit them sector by sector.
        canada_tariffs, us_tariffs : sequence of float or str
            Each a rate above -1 on all goods (0.02 is 2 percent), the name of a schedule of the figures, or "Nash", the
            rate of the tariff war at that level.
        capital : float or array_like, shape (L - 1,), optional
            USD bn from each level to the next, 0 or more; by default `merit_order`.

        Raises
        ------
        InvalidInput
            If an argument is not as described.
        """
        base = Baseline.from_parameters() if baseline is None else baseline
        shares = _increasing(levels)
        money = _capital(base.parameters, shares, capped, capital)
        with_closed = np.append(shares, 0.0)
        war = base.war(r=with_closed, capped=capped)
        menus = [_Menu(base, player, war.rates[:, player]) for player in (0, 1)]
        own = [m.tariffs(listed) for m, listed in zip(menus, (canada_tariffs, us_tariffs), strict=True)]
        tariffs = base.model.economy.tariffs + own[0][:, :, None] + own[1][:, None]
        costs = _route(base, with_closed, capped)
        found = base.model.solve(tariffs=tariffs, costs=costs[:, None, None])
        places = [base.model.regions.index(player) for player in PLAYERS]
        left = base.leave(r=with_closed, capped=capped)
        return cls(
            levels=shares,
            flows=found.welfare[..., places] / 100.0 * base.parameters.gdp.values[places],
            exit=left.money,
            rates=(menus[0].rates(canada_tariffs), menus[1].rates(us_tariffs)),
            names=(_words(canada_tariffs), _words(us_tariffs)),
            capital=money,
            residual=float(max(found.residual.max(), left.residual.max(), war.residual.max())),
        )

    def at(self, level: int) -> Capacity:
        """Return the capacity that stays at one level for ever."""
        kept = [level, len(self.levels)]
        return Capacity(
            levels=self.levels[[level]],
            flows=self.flows[kept],
            exit=self.exit[kept],
            rates=(self.rates[0][kept], self.rates[1][kept]),
            names=self.names,
            capital=self.capital[:0],
            residual=self.residual,
        )


def points(parameters: Parameters, levels: ArrayLike, *, capped: bool = False) -> Floats:
    """Return what levels redirect in percent of all goods exports from Canada to the US, caps counted.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> points(load(), [0.15, 0.30], capped=True).round(1)
    array([ 9.7, 11.4])
    """
    shares = within(real(levels, "levels"), "levels", 0.0, 1.0)[..., None]
    exports = _exports(parameters)
    redirected = np.minimum(shares, parameters.caps.values) if capped else shares
    found: Floats = 100.0 * (redirected * exports).sum(axis=-1) / exports.sum()
    return found


def merit_order(parameters: Parameters, added: ArrayLike) -> Floats:
    """Return the capital that a number of points takes, USD bn, by the cheapest projects of the figures.

    Beyond the projects cheaper than the second expansion of Trans Mountain, capacity costs what that one
    costs a point: an assumption, as no project is that large.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> merit_order(load(), [1, 3, 5, 10]).round(1)
    array([ 0.6,  3.1, 17.6, 55.7])
    """
    exports = _exports(parameters)
    sizes = {
        p.name: 100.0
        * sum(share * exports[parameters.sectors.index(sector)] for sector, share in p.share.items())
        / exports.sum()
        for p in projects(parameters)
    }
    prices = sorted((p.cost / sizes[p.name], sizes[p.name]) for p in projects(parameters))
    dearest = next(p.cost / sizes[p.name] for p in projects(parameters) if p.name == REPEATED)
    cheaper = np.array([pair for pair in prices if pair[0] < dearest])
    ends = np.concatenate([[0.0], np.cumsum(cheaper[:, 1])])
    paid = np.concatenate([[0.0], np.cumsum(cheaper.prod(axis=1))])
    wanted = within(real(added, "added"), "added", 0.0, np.inf)
    return np.asarray(np.interp(wanted, ends, paid) + dearest * np.maximum(wanted - ends[-1], 0.0))


@dataclass(frozen=True, slots=True)
class _Menu:
    """A player's list of tariffs: as arrays of the trade model and as single rates, by level."""

    base: Baseline
    player: int
    nash: Floats

    def tariffs(self, listed: Sequence[float | str]) -> Floats:
        direction = self.base.game.sides[self.player].direction
        schedules = self.base.parameters.schedules
        return np.stack(
            [
                np.broadcast_to(schedules[entry].values / 100.0, (len(self.nash), *direction.shape))
                if isinstance(entry, str) and entry != NASH
                else self._uniform(entry)[:, None, None, None] * direction
                for entry in self._checked(listed)
            ],
            axis=1,
        )

    def rates(self, listed: Sequence[float | str]) -> Floats:
        importer, exporter = (self.base.model.regions.index(name) for name in LINKS[self.player])
        flows = self.base.parameters.flows.values[importer, exporter] * self.base.parameters.goods
        average = {
            name: float((flows * schedule.values[importer, exporter]).sum() / flows.sum() / 100.0)
            for name, schedule in self.base.parameters.schedules.items()
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

    def _uniform(self, entry: float | str) -> Floats:
        return self.nash if entry == NASH else np.full(len(self.nash), float(entry))

    def _checked(self, listed: Sequence[float | str]) -> Sequence[float | str]:
        name = ("canada_tariffs", "us_tariffs")[self.player]
        known = (NASH, *self.base.parameters.schedules)
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


def _words(listed: Sequence[float | str]) -> tuple[str, ...]:
    """Write 0.02 as 2%, and a schedule without the name of the country."""
    return tuple(
        entry.removeprefix("us_").removeprefix("canada_").replace("_", "-")
        if isinstance(entry, str)
        else f"{100 * entry:.6g}%"
        for entry in listed
    )


def _increasing(levels: ArrayLike) -> Floats:
    shares = within(real(levels, "levels", ndim=1), "levels", 0.0, 1.0)
    if (np.diff(shares) <= 0).any():
        raise InvalidInput(f"`levels` must increase; got {shares.tolist()}. Sort them and drop repetitions.")
    return shares


def _capital(parameters: Parameters, levels: Floats, capped: bool, capital: ArrayLike | None) -> Floats:
    if capital is None:
        return np.diff(merit_order(parameters, points(parameters, levels, capped=capped)))
    money = within(real(capital, "capital"), "capital", 0.0, np.inf)
    if money.ndim > 1 or money.size not in (1, len(levels) - 1):
        raise InvalidInput(
            f"`capital` must be one number or one for each of the {len(levels) - 1} steps between levels; got shape "
            f"{money.shape}."
        )
    return np.broadcast_to(money, (len(levels) - 1,))


def _route(base: Baseline, shares: Floats, capped: bool) -> Floats:
    caps = base.parameters.caps.values if capped else None
    hats = base.model.redirect(shares, exporter=CANADA, market=US, target=CHINA, caps=caps)
    return np.asarray(hats * base.friction)


def _exports(parameters: Parameters) -> Floats:
    importer, exporter = (parameters.regions.index(name) for name in (US, CANADA))
    exports: Floats = parameters.flows.values[importer, exporter] * parameters.goods
    return exports
