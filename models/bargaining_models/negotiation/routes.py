"""What a redirectable share means: hats of trade cost, by meaning."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats
from bargaining_models.negotiation.roles import Roles
from bargaining_models.trade import TradeModel

MEANINGS = ("capacity",)


def route_hats(
    model: TradeModel,
    roles: Roles,
    share: ArrayLike | Mapping[str, ArrayLike],
    *,
    meaning: str,
    tariffs: Floats,
    caps: Floats | None = None,
) -> Floats:
    """Return hats of trade cost, (*batch, N, N, J).

    Parameters
    ----------
    model, roles
    share : array_like in [0, 1], or mapping from sector to array_like
    meaning : one of `MEANINGS`
    tariffs : (N, N, J) array
        In force under the agreement.
    caps : (J,) array, optional
    """
    if roles.alternative is None:
        parts = list(share.values()) if isinstance(share, Mapping) else [share]
        if any(np.any(np.asarray(part)) for part in parts):
            roles.need_alternative()
        batch = np.broadcast_shapes(*(np.shape(part) for part in parts))
        return np.ones(batch + model.economy.shares.shape)
    return model.redirect(
        share, exporter=roles.home, market=roles.partner, target=roles.alternative, caps=caps
    )
