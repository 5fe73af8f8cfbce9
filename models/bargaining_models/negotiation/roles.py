"""The roles in a negotiation, and the names of the countries in printed text."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, real
from bargaining.errors import InvalidInput
from bargaining_models.trade import TradeModel
from bargaining_models.trade.links import shares_by_sector

PARTS = ("home", "partner", "alternative")
Leave = bool | tuple[int, ...]
"""Who may leave: True for either, False for neither, or the players who may, 0 for home and 1 for the partner."""
MEMBERS = ("EU3", "DEU", "FRA", "ITA")
"""Regions of the structures that belong to the European Union."""
_FILE = Path(__file__).parent.parent / "data" / "structures" / "names.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles(Shown):
    """The regions in a negotiation, and their names.

    Attributes
    ----------
    home, partner : str
        The two that bargain, as the trade model names them.
    alternative : str or None
        The region to which home can sell instead.
    said : tuple of str
        Their names within a sentence, in the same order: "the US".
    status_quo, meanwhile : str
        The tariffs in force while they talk, as a label and within a sentence.

    Examples
    --------
    >>> roles = Roles.among(("USA", "CAN", "CHN", "ROW"), home="Canada", partner="US", alternative="China")
    >>> roles.partner, roles.names, roles.said[1]
    ('USA', ('Canada', 'US', 'China'), 'the US')
    """

    home: str
    partner: str
    alternative: str | None
    said: tuple[str, ...]
    status_quo: str = "status quo"
    meanwhile: str = "the tariffs in force"

    @classmethod
    def among(
        cls, regions: tuple[str, ...], *, home: str, partner: str, alternative: str | None = None
    ) -> Roles:
        """Find the three among the regions of a model, by the name there or by an everyday name of it."""
        given = {"home": home, "partner": partner, "alternative": alternative}
        places: dict[str, str] = {}
        for part, name in given.items():
            if name is None and part == "alternative":
                continue
            code = region(name, part, regions)
            for first, other in places.items():
                if other == code:
                    raise InvalidInput(
                        f"`{part}` must not be {code!r}, which is `{first}`. Choose another of "
                        f"{', '.join(r for r in regions if r != code)}."
                    )
            places[part] = code
        return cls(
            home=places["home"],
            partner=places["partner"],
            alternative=places.get("alternative"),
            said=tuple(in_a_sentence(code) for code in places.values()),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of home, partner and alternative in tables."""
        return tuple(name.removeprefix("the ") for name in self.said)

    @property
    def players(self) -> tuple[str, str]:
        """Home and partner, as the trade model names them."""
        return self.home, self.partner

    @property
    def countries(self) -> tuple[str, ...]:
        """Home, partner and alternative, as the trade model names them."""
        return self.players if self.alternative is None else (*self.players, self.alternative)

    def calling(self, **said: str) -> Roles:
        """Return the same roles under other names or words.

        For `home`, `partner` or `alternative` the name within a sentence, or another `status_quo` or `meanwhile`.
        """
        names = tuple(said.pop(part, old) for part, old in zip(PARTS, self.said, strict=False))
        return replace(self, said=names, **said)

    def need_alternative(self) -> str:
        """Return the alternative, or raise an error if there is none."""
        if self.alternative is None:
            raise InvalidInput(
                f"`alternative` must be named where {self.said[0]} can sell elsewhere than to {self.said[1]}; "
                f"got None. Give the region that the route leads to."
            )
        return self.alternative


def region(name: str | None, part: str, regions: tuple[str, ...]) -> str:
    """Return the region of a model called `name`, by its name there or an everyday one."""
    from difflib import get_close_matches

    word = name.removeprefix("the ").casefold() if isinstance(name, str) else ""
    code = name if name in regions else _codes().get(word)
    if code in regions:
        return str(code)
    for one in regions:
        if one.casefold() == word:
            return one
    known = {word: code for word, code in _codes().items() if code in regions}
    close = get_close_matches(word, known, n=1) if len(word) > 3 else []
    meant = f" Did you mean {in_a_sentence(known[close[0]])}?" if close else ""
    members = [one for one in MEMBERS if one in regions]
    if code == "EU" and members:
        meant = f" Take data='wiod2014', or name members: {part}={{'EU3': {members[-3:]}}}."
    raise InvalidInput(f"`{part}` must be a region of the model, {', '.join(regions)}; got {name!r}.{meant}")


def in_a_sentence(code: str) -> str:
    """Return the name of a region within a sentence; other regions keep their own name."""
    for row in _rows():
        if row["region"] == code:
            return ("the " if row["article"] == "yes" else "") + row["name"]
    return code


@cache
def _rows() -> list[dict[str, str]]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _codes() -> dict[str, str]:
    return {
        name.casefold(): row["region"]
        for row in _rows()
        for name in (row["region"], row["name"], *filter(None, row["also"].split(";")))
    }


def who_leaves(leave: Leave) -> tuple[int, ...]:
    """Return the players who may leave, 0 for home and 1 for the partner."""
    if isinstance(leave, bool | np.bool_):
        return (0, 1) if leave else ()
    if not isinstance(leave, tuple) or any(isinstance(k, bool) or k not in (0, 1) for k in leave):
        raise InvalidInput(
            f"`leave` must be True, False or a tuple of the players who may, 0 for home and 1 for the partner; "
            f"got {leave!r}."
        )
    return leave


MEANINGS = ("capacity", "diverted")
LARGEST = 64.0
"""The largest capacity tried, in units of exports to the partner."""


def route_hats(
    model: TradeModel,
    roles: Roles,
    share: ArrayLike | Mapping[str, ArrayLike],
    *,
    meaning: str,
    tariffs: Floats,
    caps: Floats | None = None,
) -> Floats:
    """Return hats of trade cost, (*batch, N, N, J), of a share as `Negotiation` describes it.

    `tariffs`, (N, N, J), are those under the agreement.
    """
    if roles.alternative is None:
        parts = list(share.values()) if isinstance(share, Mapping) else [share]
        if any(np.any(np.asarray(part)) for part in parts):
            roles.need_alternative()
        batch = np.broadcast_shapes(*(np.shape(part) for part in parts))
        return np.ones(batch + model.economy.shares.shape)
    if meaning == "diverted":
        return Diversion(model, roles, tariffs, caps).hats(share)
    return model.redirect(
        share, exporter=roles.home, market=roles.partner, target=roles.alternative, caps=caps
    )


class Diversion:
    """The capacity, the same in all goods sectors, at which exports of goods to the partner fall by a share."""

    def __init__(self, model: TradeModel, roles: Roles, tariffs: Floats, caps: Floats | None = None) -> None:
        self.model, self.roles, self.tariffs, self.caps = model, roles, tariffs, caps
        home, partner = (model.regions.index(code) for code in roles.players)
        self.target = model.regions.index(roles.need_alternative())
        self.home, self.partner = home, partner
        full = model.redirect(1.0, exporter=roles.home, market=roles.partner, target=roles.need_alternative())
        growth = full[self.target, home] ** -model.economy.elasticities
        self.ratio = growth - 1.0  # exports to the partner in units of those to the alternative, by sector

    def hats_of(self, capacity: Floats) -> Floats:
        """Hats at a capacity of shape batch."""
        used = np.minimum(np.asarray(capacity)[..., None], np.inf if self.caps is None else self.caps)
        hats = np.ones(used.shape[:-1] + self.model.economy.shares.shape)
        lower = (1.0 + used * self.ratio) ** (-1.0 / self.model.economy.elasticities)
        hats[..., self.target, self.home, :] = lower
        return hats

    def exports(self, capacity: Floats) -> Floats:
        """Exports of goods to the partner under the agreement."""
        found = self.model.solve(tariffs=self.tariffs, costs=self.hats_of(capacity))
        return np.asarray(found.flows[..., self.partner, self.home, :][..., self.model.goods].sum(axis=-1))

    def capacity(self, share: Floats) -> Floats:
        """Return the capacity, shape batch, by bisection and secants to rounding."""
        from scipy.optimize import elementwise

        wanted, back = np.unique(share, return_inverse=True)
        first, most = (float(self.exports(np.array(at))) for at in (0.0, LARGEST))
        short = most > (1.0 - wanted) * first
        if short.any():
            raise InvalidInput(
                f"`r` must be a share of exports to {self.roles.said[1]} that a cheaper route to "
                f"{self.roles.said[2]} can divert; got {wanted[short][0]:.6g}, and a capacity of {LARGEST:g} times "
                f"all those exports diverts {1.0 - most / first:.3g}. Take a smaller share."
            )
        high = np.full_like(wanted, LARGEST)
        found = elementwise.find_root(
            lambda k, r: self.exports(k) / first - (1.0 - r), (np.zeros_like(wanted), high), args=(wanted,)
        )
        return np.asarray(np.where(wanted == 0.0, 0.0, found.x)[back].reshape(np.shape(share)))

    def hats(self, share: ArrayLike | Mapping[str, ArrayLike]) -> Floats:
        """Hats at which a share of exports is diverted."""
        if not isinstance(share, Mapping):
            return self.hats_of(self.capacity(real(share, "r")))
        parts = shares_by_sector(share, self.model.sectors, self.model.goods)[..., self.model.goods]
        if (parts != parts[..., :1]).any():
            raise InvalidInput(
                "`r` must be one share for all goods where it means 'diverted': with one factor of production and "
                "constant returns exports of one sector fall only as all costs rise, so that shares by sector have no "
                f"solution. Got shares of {', '.join(share)}."
            )
        return self.hats_of(self.capacity(parts[..., 0]))
