"""Negotiations between any two countries with an alternative: roles, outcomes, terms, coalitions.

`Negotiation` names the roles on a trade model; `Deal`, `Triangle`, `Pivot`, `PivotGame`, `Claim` and the rest read it.
"""

from __future__ import annotations

from bargaining_models.negotiation.deal import Outcome, TariffOutcome, TariffWar
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Roles

__all__ = ["Negotiation", "Outcome", "Roles", "TariffOutcome", "TariffWar"]
