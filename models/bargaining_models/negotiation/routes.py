"""The meanings of a redirectable share, as hats of trade cost."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, real
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.roles import Roles
from bargaining_models.trade import TradeModel
from bargaining_models.trade.links import shares_by_sector

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
