"""Outcomes without an agreement by name, and their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bargaining.authoring import Floats, real
from bargaining.errors import InvalidInput
from bargaining_models.negotiation.outcomes import Outcome
from bargaining_models.trade import TradeEquilibrium
from bargaining_models.trade.data import check_rates

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation, Share

NAMES = ("war", "unanswered", "in kind", "status quo", "exit")
_METHODS = dict(zip(NAMES, ("war", "unanswered", "in_kind", "status_quo", "leave"), strict=True))
_OPTIONS = {"unanswered": "partner_tariff", "in kind": "tariff", "status quo": "date"}


def money_without(negotiation: Negotiation, given: Any, *, r: Share, capped: bool = False) -> Floats:
    """Return the money of home and the partner without an agreement, (*batch, 2).

    `given` is as for `Negotiation.without_agreement`, or payoffs in money, home first.
    """
    if isinstance(given, Outcome):
        return given.money
    if isinstance(given, TradeEquilibrium):
        return np.asarray(given.objective[..., negotiation.places] / 100.0 * negotiation.worth())
    if not isinstance(given, str | tuple) or (isinstance(given, tuple) and _is_numbers(given)):
        array = real(given, "disagreement", finite=False)
        if array.shape[-1:] == (2,) and array.shape != negotiation.free.shape:
            return array
    return outcome_without(negotiation, given, r=r, capped=capped).money


def outcome_without(negotiation: Negotiation, given: Any, *, r: Share, capped: bool = False) -> Outcome:
    """Return the outcome given by a name, a name with a rate or date, or tariffs."""
    if isinstance(given, Outcome):
        return given
    if isinstance(given, str) or (isinstance(given, tuple) and given and not _is_numbers(given)):
        name, option = parsed(given)
        solve = getattr(negotiation, _METHODS[name])
        options = {} if name not in _OPTIONS else {_OPTIONS[name]: option}
        return cast("Outcome", solve(**options, r=r, capped=capped))
    tariffs = real(given, "disagreement")
    if tariffs.shape[-3:] != negotiation.free.shape:
        raise InvalidInput(
            f"`disagreement` must be one of {', '.join(map(repr, NAMES))}, a pair of such a name and a rate or date, "
            f"an outcome, payoffs of the two in money, or tariffs of shape {negotiation.free.shape}; got shape "
            f"{tariffs.shape}."
        )
    check_rates(tariffs, negotiation.model.regions, negotiation.model.sectors, "disagreement")
    return negotiation.outcome(tariffs, negotiation.route(r, capped=capped))


def parsed(given: Any) -> tuple[str, Any]:
    """Return a name and its rate or date, or None for that."""
    name, option = (
        (given, None) if isinstance(given, str) else (given[0], given[1] if len(given) == 2 else None)
    )
    if name not in NAMES or (isinstance(given, tuple) and (len(given) != 2 or name not in _OPTIONS)):
        raise InvalidInput(
            f"`disagreement` must be one of {', '.join(map(repr, NAMES))}, ('unanswered', rate), ('in kind', rate) or "
            f"('status quo', date); got {given!r}."
        )
    return name, option


def label(negotiation: Negotiation, given: Any) -> str:
    """Return its label in tables."""
    partner = negotiation.roles.names[1]
    if not isinstance(given, str | tuple) or (isinstance(given, tuple) and _is_numbers(given)):
        return "given outcome"
    name, option = parsed(given)
    if name == "war":
        return "tariff war"
    if name == "exit":
        return "goods border closed"
    if name == "status quo":
        return negotiation.roles.status_quo if option is None else f"tariffs of {option}"
    tariff = f"best {partner} tariff" if option is None else f"{partner} tariff of {100 * float(option):.6g}%"
    return f"{tariff}, unanswered" if name == "unanswered" else f"{tariff}, answered in kind"


def applicable(negotiation: Negotiation) -> list[str]:
    """Return the names, without the status quo where it is free trade."""
    free = np.array_equal(negotiation.standing, negotiation.free)
    return [name for name in NAMES if name != "status quo" or not free]


def _is_numbers(given: Sequence[Any]) -> bool:
    return len(given) > 0 and not isinstance(given[0], str)
