"""Who sets which tariffs: the strategies of a tariff game as a vector of rates.

A rate is one number that a region sets on a set of links: on all goods of all partners ("uniform"), of one partner
("partner"), on one sector of all partners ("sector", most-favoured nation), or on one sector of one partner
("partner and sector"). It is the rate itself ("replace"), or is added to what is in force ("add").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Shown, choice, owning, real
from bargaining.errors import InvalidInput
from bargaining_models.trade.data import check_rates
from bargaining_models.trade.links import distinct, in_pairs

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel

BY = ("uniform", "partner", "sector", "partner and sector")
BASE = ("replace", "add")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rates(Shown):
    """K rates of n players.

    Attributes
    ----------
    by : str
        What a rate is on.
    players : tuple of str
    places : (n,) array of int
        Where each player stands among the regions.
    owners : (K,) array of int
        The player who sets each rate.
    labels : tuple of tuple of str
        What each rate is on: (player,), (player, partner), (player, sector) or (player, partner, sector).
    links : (N, N, J) array of int
        Which rate falls on each link; -1: none.
    given : (N, N, J) array
        The tariffs in force where no rate falls, and below it if rates are added; or those of B scenarios,
        (B, N, N, J).
    added : bool
        Whether rates are added to `given`.
    costs : (N, N, J) array, or None
        Hats of trade cost in force; or (B, N, N, J).
    """

    by: str
    players: tuple[str, ...]
    places: NDArray[np.intp]
    owners: NDArray[np.intp]
    labels: tuple[tuple[str, ...], ...]
    links: NDArray[np.intp]
    given: Floats
    added: bool
    costs: Floats | None = None

    @property
    def size(self) -> int:
        """Number of rates K."""
        return len(self.owners)

    @property
    def varied(self) -> bool:
        """Whether there are several scenarios."""
        return self.given.ndim == 4 or (self.costs is not None and self.costs.ndim == 4)

    def take(self, scenarios: NDArray[np.intp]) -> Rates:
        """Return the same rates in some of the scenarios, (B,); where there is one scenario, in that."""
        if not self.varied:
            return self
        given = self.given[scenarios] if self.given.ndim == 4 else self.given
        costs = self.costs[scenarios] if self.costs is not None and self.costs.ndim == 4 else self.costs
        return replace(self, given=given, costs=costs)

    def tariffs(self, rates: Floats) -> Floats:
        """Tariffs (*batch, N, N, J) under rates (*batch, K)."""
        set_here = self.links >= 0
        on_links = rates[..., np.maximum(self.links, 0)]
        if self.added:
            return np.asarray(self.given + np.where(set_here, on_links, 0.0))
        return np.where(set_here, on_links, self.given)

    def gather(self, slopes: Floats) -> Floats:
        """From derivatives in the tariffs of links (..., J, N, N) to derivatives in rates (..., K)."""
        where = np.moveaxis(self.links, -1, 0).ravel()
        inside = np.flatnonzero(where >= 0)
        order = inside[np.argsort(where[inside], kind="stable")]
        starts = np.searchsorted(where[order], np.arange(self.size))
        flat = slopes.reshape(*slopes.shape[:-3], -1)[..., order]
        return np.asarray(np.add.reduceat(flat, starts, axis=-1))

    def lowest(self) -> Floats:
        """The rate at which each link would be subsidised whole, (K,): rates stay above."""
        if not self.added:
            return np.full(self.size, -1.0)
        return np.array([-1.0 - self.given[..., self.links == k].min() for k in range(self.size)])

    def in_force(self) -> Floats:
        """The rates now in force, weighted equally over links, (K,); 0 where they are added."""
        if self.added:
            return np.zeros(self.size)
        return np.array([self.given[self.links == k].mean() for k in range(self.size)])


def rates_of(
    model: TradeModel,
    players: Sequence[str] | None,
    by: str = "uniform",
    base: str = "replace",
    against: str | Sequence[str] = "all",
    sectors: str | Sequence[str] = "goods",
    agreements: Iterable[tuple[str, str]] = (),
    given: Any = None,
    costs: ArrayLike | None = None,
) -> Rates:
    """Lay out the rates that `players` set; `TradeModel.nash_tariffs` describes the arguments."""
    regions = model.regions
    choice(by, "by", BY)
    choice(base, "base", BASE)
    found = distinct(regions if players is None else players, "players", "player", regions)
    if not found:
        raise InvalidInput("`players` must name at least one region; got none.")
    places = np.array(found, dtype=np.intp)
    names = tuple(regions[k] for k in places)
    some = _sectors(model, sectors)
    partners = _partners(names, regions, against)
    free = set()
    for pair in in_pairs(agreements, "agreements", regions):
        a, b = (regions.index(name) for name in pair)
        free |= {(a, b), (b, a)}
    flows = model.economy.flows
    links = np.full(flows.shape, -1, dtype=np.intp)
    owners: list[int] = []
    labels: list[tuple[str, ...]] = []

    for player, name in enumerate(names):
        home = places[player]
        others = [i for i in partners if i != home and (home, i) not in free]
        if not others:
            raise InvalidInput(
                f"`players` must each have somebody to tax; {name} has nobody. Check `against` and `agreements`."
            )
        every = [(i, j) for i in others for j in some]
        falls_on: dict[str, list[tuple[tuple[str, ...], list[tuple[int, int]]]]] = {
            "uniform": [((name,), every)],
            "partner": [((name, regions[i]), [(i, j) for j in some]) for i in others],
            "sector": [((name, model.sectors[j]), [(i, j) for i in others]) for j in some],
            "partner and sector": [((name, regions[i], model.sectors[j]), [(i, j)]) for i, j in every],
        }
        for label, where in falls_on[by]:  # of exporters and sectors
            if any(flows[home, i, j] > 0.0 for i, j in where):
                for i, j in where:
                    links[home, i, j] = len(owners)
                owners.append(player)
                labels.append(label)
            elif by in ("uniform", "partner"):
                raise InvalidInput(
                    f"`players` cannot set a tariff where nothing is traded; {' on '.join(label)} has no imports of "
                    f"the sectors asked for. Leave it out, or merge regions with `aggregate`."
                )
    idle = sorted(set(range(len(names))) - set(owners))
    if idle:
        raise InvalidInput(
            f"`players` must each import something that they may tax; {names[idle[0]]} imports nothing in the "
            f"sectors asked for. Leave it out."
        )
    now, hats = tariffs_given(model, given), None
    if costs is not None:
        hats = real(costs, "costs", finite=False)
        if hats.shape != now.shape:
            raise InvalidInput(f"`costs` must be one array of shape {now.shape}; got {hats.shape}.")
    return Rates(
        by=by,
        players=names,
        places=places,
        owners=np.array(owners, dtype=np.intp),
        labels=tuple(labels),
        links=links,
        given=now,
        added=base == "add",
        costs=hats,
    )


def tariffs_given(model: TradeModel, given: Any) -> Floats:
    """Tariffs that somebody gave as an array or an environment; None: those of the base."""
    if given is None:
        return model.economy.tariffs
    if hasattr(given, "tariffs") and hasattr(given, "at"):
        given = given.tariffs(model)
    array = real(given, "given")
    if array.shape != model.economy.shares.shape:
        raise InvalidInput(
            f"`given` must be one array of tariffs, shape {model.economy.shares.shape}; got shape {array.shape}."
        )
    check_rates(array, model.regions, model.sectors)
    return array


def _sectors(model: TradeModel, sectors: str | Sequence[str]) -> list[int]:
    if isinstance(sectors, str):
        choice(sectors, "sectors", ("goods", "all"))
        return list(np.flatnonzero(model.goods)) if sectors == "goods" else list(range(len(model.sectors)))
    found = distinct(sectors, "sectors", "sector", model.sectors)
    if not found:
        raise InvalidInput("`sectors` must name at least one sector; got none.")
    return found


def _partners(names: tuple[str, ...], regions: tuple[str, ...], against: str | Sequence[str]) -> list[int]:
    if isinstance(against, str):
        choice(against, "against", ("all", "players"))
        against = regions if against == "all" else names
    return distinct(against, "against", "region", regions)
