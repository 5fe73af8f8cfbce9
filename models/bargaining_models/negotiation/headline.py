"""The headline of a negotiation: the payment for free trade, by the outcome without an agreement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import bargaining
from bargaining import Column, Method, Table, nash
from bargaining.authoring import Floats, real, within
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.disagreements import applicable, label

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation

SHARES = (0.0, 0.05, 0.15)  # none, little, and what the paper calls large
NOISE = 1e-9  # in money: the solver's rounding is not shown


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
    shown = _shares(negotiation, r)
    listed = _listed(negotiation, disagreements)
    shares = np.union1d(shown, [0.0])
    deal = Deal.at(negotiation, r=shares, capped=capped, route_survives=route_survives)
    places = np.searchsorted(shares, shown).astype(np.intp)
    rows = list(_exports(negotiation, deal, places))
    residuals, empty = [float(np.max(deal.war.residual))], False
    for given in listed:
        threat = np.broadcast_to(deal.threat(given), deal.war.money.shape)
        division = method(deal.problem(threat))
        paid = deal.transfer(division)
        empty = empty or bool(np.any(np.asarray(division.status) == Status.EMPTY))
        residuals.append(float(np.nanmax(np.where(np.isfinite(paid), division.residual, 0.0))))
        without = threat[0] - deal.agreement.money[0]
        row = {"what": label(negotiation, given), "home": _clean(without[0]), "partner": _clean(without[1])}
        rows.append(row | _cells(paid, places))
    home, partner = negotiation.roles.said[:2]
    return Table(
        rows,
        columns=_columns(negotiation, shown),
        caption=f"What {home} pays {partner} a year for free trade, by what happens without an agreement",
        label="tab:headline",
        notes=_notes(negotiation, deal, residuals, empty=empty),
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


def _listed(negotiation: Negotiation, given: Sequence[Any] | None) -> list[Any]:
    """Return the disagreement outcomes to compare, by default all that apply, the negotiation's own first."""
    if given is not None:
        if isinstance(given, str) or not len(given):
            raise InvalidInput(f"`disagreements` must be a list of one or more; got {given!r}.")
        return list(given)
    own = negotiation.disagreement
    return [*([] if isinstance(own, str) else [own]), *applicable(negotiation)]


def _exports(negotiation: Negotiation, deal: Deal, places: NDArray[np.intp]) -> Iterator[dict[str, Any]]:
    """Rows with home's exports under an agreement that leaves the route open."""
    open_route = negotiation.payoffs(r=deal.r, capped=deal.capped)
    exports = np.broadcast_to(
        negotiation.exports(open_route), (*deal.war.money.shape[:-1], len(negotiation.roles.countries) - 1)
    )
    for k, name in enumerate(negotiation.roles.said[1:]):
        yield {"what": f"Exports to {name}", "home": "", "partner": ""} | _cells(exports[:, k], places)


def _cells(values: Floats, places: NDArray[np.intp]) -> dict[str, float | None]:
    """Values at the shares shown, and their changes from share 0, percent."""
    found: dict[str, float | None] = {}
    for column, place in enumerate(places.tolist()):
        value, first = float(values[place]), float(values[0])
        found[f"value_{column}"] = _clean(value) if np.isfinite(value) else None
        change = np.isfinite(value) and np.isfinite(first) and abs(first) > NOISE
        found[f"change_{column}"] = _clean(100.0 * (value - first) / abs(first)) if change else None
    return found


def _columns(negotiation: Negotiation, shown: Floats) -> list[Column]:
    unit = negotiation.model.data.unit or "money"
    home, partner = negotiation.roles.names[:2]
    columns = [
        Column("what", title="Without an agreement"),
        Column("home", title=home, unit=unit, group="Against free trade"),
        Column("partner", title=partner, unit=unit, group="Against free trade"),
    ]
    for k, share in enumerate(shown.tolist()):
        columns.append(Column(f"value_{k}", title="a year", unit=unit, group=f"r = {share:g}"))
        if share > 0.0:
            columns.append(Column(f"change_{k}", title="change", unit="%", group=f"r = {share:g}"))
    return columns


def _notes(
    negotiation: Negotiation, deal: Deal, residuals: list[float], *, empty: bool
) -> dict[str, str | float]:
    roles, data = negotiation.roles, negotiation.model.data
    home, partner, *other = roles.said
    theta = negotiation.model.economy.elasticities
    notes: dict[str, str | float] = {
        "Rows": f"exports of goods under free trade; below, what {home} pays {partner}, negative where it is paid",
    }
    if other:
        notes["r"] = negotiation.meaning_in_words()
        notes["Change"] = "against r = 0"
        if not deal.route_survives:
            notes["Route"] = f"an agreement closes the route to {other[0]}; exports are those with it"
    worth = "GDP" if negotiation.money == "gdp" else "income in the base"
    notes["Payments"] = f"a dollar paid costs one and gives one, percent of real income times {worth}"
    if empty:
        notes["None"] = "they would rather not agree"
    when = f", {data.year}" if data.year is not None else ""
    notes |= {
        "Data": f"{data.unit or 'unit not given'}{when}; {data.source or 'source not given'}",
        "Tariffs": negotiation.tariffs_in_words,
        "Elasticities": f"{theta[0]:g} in every sector"
        if np.ptp(theta) == 0.0
        else f"by sector, {theta.min():g} to {theta.max():g}",
        "Largest residual": max(residuals),
        "Version": bargaining.__version__,
    }
    return notes


def _clean(value: float) -> float:
    """Return 0 for a rounding error of the solver."""
    return 0.0 if abs(value) < NOISE else float(value)
