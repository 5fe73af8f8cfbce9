r"""Responses of the partner to a growing alternative: it rushes the deal, waits, or replaces its imports from home.

Replacing a share d of its goods imports from home is modelled as a trade cost, :math:`(1 - d)^{-1/\theta}` on every
goods sector, which reduces the partner's purchases by d at fixed prices. The cost is present in every outcome, so it
lowers the value of an agreement to both, and what a tariff can extract.

Timing of the answers, all under the status quo until there is an agreement:

1. *Rush*: talks begin today, and end as in `pivot`.
2. *Wait*: talks begin at a later date.
3. *Replace while talking*: talks begin today, and while they last the partner's buyers turn to other suppliers for good
   at a rate e per year; an agreement before that keeps them.
4. *Replace first*: the partner's buyers have turned away when talks begin today.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.pivot import Pivot, PivotDivision

Talks = TypeVar("Talks", bound=Negotiation)


def without_suppliers(negotiation: Talks, share: float) -> Talks:
    """Return the negotiation after the partner's buyers have replaced a share of their goods imports from home.

    Raises
    ------
    InvalidInput
        If `share` is not in [0, 1).

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> without_suppliers(talks, 0.15).payoffs().money.round(1)  # free trade: Canada, US
    array([-6.2, -6.5])
    """
    d = float(within(real(share, "share", ndim=0), "share", 0.0, 1.0, ends="[)"))
    model = negotiation.model
    hats = np.ones_like(model.economy.tariffs)
    exporter, importer = negotiation.places
    hats[importer, exporter, model.goods] = (1 - d) ** (-1 / model.economy.elasticities[model.goods])
    return negotiation.with_friction(hats)


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer(Shown):
    """One response of the partner, and its outcome.

    Attributes
    ----------
    name : str
    payoffs : ndarray, shape (2,)
        Home and the partner, money a year from today.
    transfer : float
        What home pays the partner a year once they agree; NaN if they never do.
    residual : float
    """

    name: str
    payoffs: Floats
    transfer: float
    residual: float


def partner_answers(
    pivot: Pivot, replaced: Pivot, *, hazard: float, replacing: float, wait: float
) -> tuple[Answer, ...]:
    """Return the outcome of each response of the partner.

    Parameters
    ----------
    pivot, replaced : Pivot
        The same path of the share before and after the partner's buyers have turned away.
    hazard : float
        Rate per year at which talks break down into the tariff war.
    replacing : float
        Rate per year at which the partner's buyers turn away while talks last.
    wait : float
        Years until talks begin if the partner waits.
    """
    rush, gone = pivot.offers(hazard=hazard), replaced.offers(hazard=hazard)
    losing = pivot.offers(hazard=hazard, replaced=(replacing, gone))
    return (
        _answer("rush", rush),
        Answer(
            name=f"wait {wait:g} years",
            payoffs=rush.payoffs + rush.waiting(wait),
            transfer=_paid(rush, wait),
            residual=rush.residual,
        ),
        _answer("replace while talking", losing),
        _answer("replace first", gone),
    )


def _answer(name: str, division: PivotDivision) -> Answer:
    return Answer(name=name, payoffs=division.payoffs, transfer=_paid(division), residual=division.residual)


def _paid(division: PivotDivision, start: float = 0.0) -> float:
    """Return what home pays in talks that begin at `start`."""
    date = max(division.delay, start)
    if date == 0:
        return division.transfer
    return float(division.transfer_at(date)) if np.isfinite(date) else float("nan")
