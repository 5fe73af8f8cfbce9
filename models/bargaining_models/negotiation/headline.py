"""The headline of a negotiation: the payment for free trade, by the outcome without an agreement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

import bargaining
from bargaining import Column, Method, Table, nash
from bargaining.authoring import Floats, Shown, real, within
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation.deal import Deal, applicable, label

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation


GRID = np.linspace(0.0, 1.0, 21)  # shares at which the sign of a margin is evaluated
ACCURACY = 1e-6  # of a share

Margin = Callable[[Deal], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Shown):
    """The redirectable share from which something holds.

    Attributes
    ----------
    value : float or None
        The smallest r from which it holds; the first of the grid if it holds there, None if it holds at no r of the
        grid.
    margin : float
        The quantity whose sign decides, at the first r: negative if it does not hold there.
    """

    value: float | None
    margin: float


def first_crossing(deal: Any, margin: Callable[[Any], Floats]) -> Threshold:
    """Return the smallest r at which `margin` stops being negative.

    The deal, threat or rivalry is at ``r=GRID`` or another increasing array, and has `r` and `elsewhere`. `margin`
    takes the outcomes to an array of the shape of their r, continuous in r. Where it is NaN, as the terms of a deal are
    where there is nothing to agree on, nothing holds. The first change of sign on the grid is refined to 1e-6; two
    changes within one step of the grid would be missed.
    """
    grid, values = np.asarray(deal.r), margin(deal)
    holds = np.flatnonzero(values >= 0)
    if not holds.size:
        return Threshold(value=None, margin=float(values[0]))
    k = int(holds[0])
    if k == 0:
        return Threshold(value=float(grid[0]), margin=float(values[0]))
    from scipy.optimize import brentq

    root = brentq(
        lambda r: float(np.nan_to_num(margin(deal.elsewhere(np.array([r]))), nan=-1.0)[0]),
        grid[k - 1],
        grid[k],
        xtol=ACCURACY,
    )
    return Threshold(value=float(root), margin=float(values[0]))


def gain_from_refusing(deal: Deal) -> Floats:
    """Return home's gain from a closed border over the Nash division about the war."""
    return deal.exit.money[..., 0] - nash(deal.problem()).payoffs[..., 0]


SHARES = (0.0, 0.05, 0.15)  # none, little, and what the paper calls large
NOISE = 1e-9  # money and percent below this are rounding errors of the solver


def clean(value: float) -> float:
    """Return 0 for a rounding error of the solver."""
    return 0.0 if abs(value) < NOISE else float(value)


def headline(
    negotiation: Negotiation,
    *,
    r: ArrayLike | None = None,
    disagreements: Sequence[Any] | None = None,
    method: Method = nash,
    capped: bool = False,
    route_survives: bool = True,
) -> Table:
    """Return the table; the arguments are those of `Negotiation.headline`."""
    if not callable(method):
        raise InvalidInput(f"`method` must be a concept such as bargaining.nash; got {method!r}.")
    if disagreements is not None and (isinstance(disagreements, str) or not len(disagreements)):
        raise InvalidInput(f"`disagreements` must be a list of one or more; got {disagreements!r}.")
    if disagreements is None:  # the negotiation's own first
        own = negotiation.disagreement
        disagreements = [*([] if isinstance(own, str) else [own]), *applicable(negotiation)]
    shown, roles = _shares(negotiation, r), negotiation.roles
    shares = np.union1d(shown, [0.0])
    deal = Deal.at(negotiation, r=shares, capped=capped, route_survives=route_survives)
    exports = negotiation.exports(negotiation.payoffs(r=shares, capped=capped))
    rows: list[dict[str, Any]] = [
        {"what": f"Exports to {name}", "home": "", "partner": ""}
        | _cells(np.broadcast_to(exports[..., k], shares.shape), shares, shown)
        for k, name in enumerate(roles.said[1:])
    ]
    residuals, empty = [float(np.max(deal.war.residual))], False
    for given in disagreements:
        threat = np.broadcast_to(deal.threat(given), deal.war.money.shape)
        division = method(deal.problem(threat))
        paid = deal.transfer(division)
        empty = empty or bool(np.any(np.asarray(division.status) == Status.EMPTY))
        residuals.append(float(np.nanmax(np.where(np.isfinite(paid), division.residual, 0.0))))
        home, partner = map(clean, threat[0] - deal.agreement.money[0])
        row = {"what": label(negotiation, given), "home": home, "partner": partner}
        rows.append(row | _cells(paid, shares, shown))
    unit = negotiation.model.data.unit or "money"
    columns = [Column("what", title="Without an agreement")]
    for part, name in zip(("home", "partner"), roles.names, strict=False):
        columns.append(Column(part, title=name, unit=unit, group="Against free trade"))
    for k, share in enumerate(shown.tolist()):
        columns.append(Column(f"value_{k}", title="a year", unit=unit, group=f"r = {share:g}"))
        if share > 0.0:
            columns.append(Column(f"change_{k}", title="change", unit="%", group=f"r = {share:g}"))
    return Table(
        rows,
        columns=columns,
        caption=f"What {roles.said[0]} pays {roles.said[1]} a year for free trade, by what happens without an "
        "agreement",
        label="tab:headline",
        notes=_notes(deal, max(residuals), empty=empty),
        digits=3,
    )


def _shares(negotiation: Negotiation, r: ArrayLike | None) -> Floats:
    if r is None:
        r = SHARES if negotiation.roles.alternative is not None else (0.0,)
    shown = np.atleast_1d(real(r, "r"))
    within(shown[..., None], "r", 0.0, 1.0)  # the last axis of shares is not one of players
    if shown.ndim != 1 or (np.diff(shown) <= 0).any():
        raise InvalidInput(f"`r` must be a list of shares that increase; got {shown.tolist()}.")
    if shown.any():
        negotiation.roles.need_alternative()
    return np.asarray(shown)


def _cells(values: Floats, shares: Floats, shown: Floats) -> dict[str, float | None]:
    """Values at the shares shown, and their changes from share 0, percent."""
    first, at = values[0], values[np.searchsorted(shares, shown)]
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = np.where(np.abs(first) > NOISE, 100.0 * (at - first) / np.abs(first), np.nan)
    return {
        f"{name}_{k}": clean(value) if np.isfinite(value) else None
        for name, listed in (("value", at), ("change", changes))
        for k, value in enumerate(listed.tolist())
    }


def _notes(deal: Deal, residual: float, *, empty: bool) -> dict[str, str | float]:
    negotiation = deal.negotiation
    (home, partner, *other), data = negotiation.roles.said, negotiation.model.data
    theta, when = negotiation.model.economy.elasticities, f", {data.year}" if data.year is not None else ""
    worth = "GDP" if negotiation.money == "gdp" else "income in the base"
    notes: dict[str, str | float] = {
        "Rows": f"exports of goods under free trade; below, what {home} pays {partner}, negative where it is paid",
        "r": negotiation.meaning_in_words() if other else "",
        "Change": "against r = 0" if other else "",
        "Route": f"an agreement closes the route to {other[0]}; exports are those with it"
        if other and not deal.route_survives
        else "",
        "Payments": f"a dollar paid costs one and gives one, percent of real income times {worth}",
        "None": "they would rather not agree" if empty else "",
        "Data": f"{data.unit or 'unit not given'}{when}; {data.source or 'source not given'}",
        "Tariffs": negotiation.tariffs_in_words,
        "Elasticities": f"{theta[0]:g} in every sector"
        if np.ptp(theta) < NOISE  # merged sectors have a mean
        else f"by sector, {theta.min():g} to {theta.max():g}",
        "Largest residual": residual,
        "Version": bargaining.__version__,
    }
    return {name: text for name, text in notes.items() if text != ""}
