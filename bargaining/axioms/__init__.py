"""The axioms of bargaining, each a function (method, problem, *, tol) -> Violation | None.

`AXIOMS` holds all of them by name.
"""

from __future__ import annotations

from collections.abc import Callable

from bargaining.axioms.comparison import (
    continuity,
    continuity_on_strictly_comprehensive_sets,
    disagreement_concavity,
    disagreement_monotonicity,
    independence_of_irrelevant_alternatives,
    individual_monotonicity,
    interim_agreements,
    population_monotonicity,
    restricted_monotonicity,
    risk_sensitivity,
    step_by_step_negotiation,
    strong_disagreement_monotonicity,
    strong_monotonicity,
    superadditivity,
    twisting,
)
from bargaining.axioms.efficiency import (
    anonymity,
    feasibility,
    homogeneity,
    independence_of_nonrational_alternatives,
    individual_rationality,
    midpoint_domination,
    scale_invariance,
    strong_individual_rationality,
    strong_pareto,
    suppes_sen,
    symmetry,
    weak_pareto,
)
from bargaining.axioms.violation import Violation

Axiom = Callable[..., Violation | None]

AXIOMS: dict[str, Axiom] = {
    axiom.__name__: axiom
    for axiom in (
        feasibility,
        weak_pareto,
        strong_pareto,
        individual_rationality,
        strong_individual_rationality,
        midpoint_domination,
        suppes_sen,
        symmetry,
        anonymity,
        scale_invariance,
        homogeneity,
        independence_of_nonrational_alternatives,
        independence_of_irrelevant_alternatives,
        individual_monotonicity,
        restricted_monotonicity,
        strong_monotonicity,
        twisting,
        disagreement_monotonicity,
        strong_disagreement_monotonicity,
        disagreement_concavity,
        superadditivity,
        step_by_step_negotiation,
        interim_agreements,
        risk_sensitivity,
        continuity,
        continuity_on_strictly_comprehensive_sets,
        population_monotonicity,
    )
}

__all__ = ["AXIOMS", "Axiom", "Violation", *AXIOMS]
