"""Checks for your own methods: Hypothesis strategies and suites of axioms.

Hypothesis is imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bargaining.testing.checks import AxiomsBroken as AxiomsBroken
    from bargaining.testing.checks import Check as Check
    from bargaining.testing.checks import check_axioms as check_axioms
    from bargaining.testing.checks import find_violation as find_violation
    from bargaining.testing.checks import parametrize_with_checks as parametrize_with_checks
    from bargaining.testing.checks import replay as replay
    from bargaining.testing.matrix import axiom_table as axiom_table
    from bargaining.testing.matrix import proven as proven
    from bargaining.testing.matrix import verdict as verdict
    from bargaining.testing.strategies import discounts as discounts
    from bargaining.testing.strategies import frontiers as frontiers
    from bargaining.testing.strategies import games as games
    from bargaining.testing.strategies import polytopes as polytopes
    from bargaining.testing.strategies import problems as problems
    from bargaining.testing.strategies import weights as weights

_EXPORTS = {
    "AxiomsBroken": "checks",
    "Check": "checks",
    "axiom_table": "matrix",
    "check_axioms": "checks",
    "discounts": "strategies",
    "find_violation": "checks",
    "frontiers": "strategies",
    "games": "strategies",
    "parametrize_with_checks": "checks",
    "polytopes": "strategies",
    "problems": "strategies",
    "proven": "matrix",
    "replay": "checks",
    "verdict": "matrix",
    "weights": "strategies",
}

if not TYPE_CHECKING:  # A checker that read on would accept any name.
    __all__ = list(_EXPORTS)

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_EXPORTS[name]}"), name)
        globals()[name] = value
        return value
