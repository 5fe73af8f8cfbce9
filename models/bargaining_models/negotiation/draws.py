"""The headline of a negotiation at draws of its inputs: leverage lost, by disagreement and route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, real
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.negotiation.deal import applicable, label, outcome_without, parsed
from bargaining_models.negotiation.negotiation import Negotiation, Share
from bargaining_models.trade.data import DEFICITS
from bargaining_models.uncertainty import AnyPrior, uncertainty

if TYPE_CHECKING:
    import xarray as xr

ROUTES = ("open", "closed")
NEAR: dict[str, Any] = {"starts": (0.12,), "points": 5}
"""From rates near the war of the base figures, and with few deviations tried."""


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadlineDraw(Shown):
    """Transfers of a negotiation as a function of elasticities, of the trade balance and of one more share.

    Parameters
    ----------
    negotiation : Negotiation
        Its trade model is built again with each draw's elasticities.
    shares : tuple
        Redirectable shares above 0, each the same for all goods or a mapping from sector.
    disagreements : tuple
        Names, or names with a rate or date, as for `Negotiation.without_agreement`.

    Notes
    -----
    Called with `elasticities` (J,), the number of a closure (`deficits`: balanced, fixed or share, as in
    `TradeModel.from_arrays`) and a share `r`, each if it is drawn, it returns `transfer`, (D, 2, 1 + S): home's
    payment to the partner in the Nash division with money that counts one for one, by disagreement, by route (open
    under an agreement, closed by it) and share: 0 first, then the drawn share, then the others. It is masked where they
    prefer no agreement. `lost` is the percentage of the transfer at 0 that the partner loses at each share. `gains`,
    (D, 2, 1 + S, 2), are the gains of home and the partner from the agreement before payments.
    """

    negotiation: Negotiation
    shares: tuple[float | Mapping[str, float], ...] = (0.10, 0.15)
    disagreements: tuple[Any, ...] = ("war", "unanswered", "in kind", "exit")

    def __post_init__(self) -> None:
        self.negotiation.roles.need_alternative()
        for one in self.disagreements:
            parsed(one)

    def __call__(
        self, elasticities: ArrayLike | None = None, r: float | None = None, deficits: float | None = None
    ) -> Mapping[str, Any]:
        """Solve one draw."""
        talks = self.at(elasticities, deficits)
        listed = [0.0, *([] if r is None else [r]), *self.shares]
        goods = [name for name, good in zip(talks.model.sectors, talks.model.goods, strict=True) if good]
        shares: Share = {
            name: np.array([one.get(name, 0.0) if isinstance(one, Mapping) else one for one in listed])
            for name in goods
        }
        costs = talks.route(shares)
        free = talks.outcome(talks.free, costs).money
        threats = np.stack([self._threat(talks, one, shares, costs) for one in self.disagreements])
        agreed = np.stack(
            [free, np.broadcast_to(free[0], free.shape)]
        )  # with the route, and where it is closed
        gains = agreed - threats[:, None]  # (D, routes, S, players)
        transfer = np.where(gains.sum(axis=-1) > 0.0, (gains[..., 0] - gains[..., 1]) / 2.0, np.nan)
        lost = 100.0 * (transfer[..., :1] - transfer) / np.abs(transfer[..., :1])
        masked = {"transfer": np.ma.masked_invalid(transfer), "lost": np.ma.masked_invalid(lost)}
        return masked | {"gains": gains}

    def at(self, elasticities: ArrayLike | None, deficits: float | None = None) -> Negotiation:
        """The negotiation with other elasticities, and another closure of the trade balance."""
        model = self.negotiation.model
        if deficits is not None:
            model = replace(model, deficits=DEFICITS[int(deficits)])
        if elasticities is None:
            return self.negotiation if deficits is None else self.negotiation.on(model.with_data(model.data))
        theta = real(elasticities, "elasticities", ndim=1)
        if len(theta) != len(model.sectors):
            raise InvalidInput(
                f"`elasticities` must have one entry a sector ({len(model.sectors)}: {', '.join(model.sectors)}); got "
                f"{len(theta)}. Take the prior of this structure."
            )
        return self.negotiation.on(model.with_data(model.data.with_terms(model.data.tariffs, theta)))

    def _threat(self, talks: Negotiation, given: Any, shares: Share, costs: Floats) -> Floats:
        """Money without an agreement at each share, (S, 2)."""
        if given != "war":
            return outcome_without(talks, given, r=shares).money
        found = talks.best_rates(costs, **NEAR)
        if (found.status != Status.OK).any():
            raise Unsolved("No Nash tariffs were certified for the war. Leave it out of `disagreements`.")
        return talks.outcome(talks.tariffs_at(found.rates), costs).money


def headline_draws(
    negotiation: Negotiation,
    priors: Mapping[str, AnyPrior],
    *,
    draws: int,
    shares: ArrayLike | Mapping[str, Any] = (0.10, 0.15),
    disagreements: tuple[Any, ...] | None = None,
    seed: int = 0,
    workers: Any = 1,
    checkpoint: str | Path | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Draw the headline of a negotiation.

    Parameters
    ----------
    negotiation : Negotiation
    priors : mapping
        Of `elasticities`, an `ElasticityPrior`, of `r`, a share that is one more column, of `deficits`, 0, 1 or 2 for
        "balanced", "fixed" and "share", or of several of these.
    draws, seed, workers, checkpoint, progress
        As for `uncertainty`.
    shares : array_like, or mapping from name
        Redirectable shares above 0; in a mapping each may itself be a mapping from sector.
    disagreements : tuple, optional
        As for `Negotiation.without_agreement`; by default all that have a name, the status quo only where it is not
        free trade.

    Returns
    -------
    xarray.Dataset
        `transfer` and `lost` along `draw`, `disagreement`, `route` and `share`, and `gains` along `player` too; see
        `HeadlineDraw` and `uncertainty`.

    Raises
    ------
    Unsolved
        If no draw could be solved.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> from bargaining_models.uncertainty import bands, elasticity_priors
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> found = headline_draws(
    ...     talks, {"elasticities": elasticity_priors()}, draws=8, disagreements=("war",), shares=[0.15]
    ... )
    >>> found.attrs["failed"]
    0
    >>> bands(found).lost.sel(disagreement="tariff war", route="open", share="0.15").dims
    ('quantile',)
    """
    unknown = [name for name in priors if name not in ("elasticities", "r", "deficits")]
    if unknown:
        raise InvalidInput(
            f"`priors` must be of elasticities, r and deficits here; got {', '.join(unknown)}."
        )
    if disagreements is None:
        disagreements = tuple(applicable(negotiation))
    if not isinstance(shares, Mapping):
        shares = {f"{share:g}": float(share) for share in real(shares, "shares", ndim=1)}
    model = HeadlineDraw(
        negotiation=negotiation, shares=tuple(shares.values()), disagreements=tuple(disagreements)
    )
    found = uncertainty(
        model, priors, draws=draws, seed=seed, workers=workers, checkpoint=checkpoint, progress=progress
    )
    if "transfer" not in found:
        raise Unsolved(f"None of the {draws} draws could be solved. The first: {found['message'].values[0]}")
    axes: dict[str, Any] = {
        "disagreement": [label(negotiation, one) for one in disagreements],
        "route": list(ROUTES),
        "share": ["0", *(["r"] if "r" in priors else []), *shares],
        "player": list(negotiation.roles.players),
    }
    for name in ("transfer", "lost", "gains"):
        found[name] = found[name].rename(dict(zip(found[name].dims[1:], axes, strict=False)))
    if "elasticities" in priors:
        found = found.rename({"input_elasticities_0": "sector"})
        axes["sector"] = list(negotiation.model.sectors)
    return found.assign_coords(axes)
