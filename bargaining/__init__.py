"""Computational bargaining: problems of agreement, the solutions theory offers, and how they are checked.

Every public name is here and is imported on first use, so that `import bargaining` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bargaining.concepts.egalitarian import egalitarian as egalitarian
    from bargaining.concepts.kalai_smorodinsky import kalai_smorodinsky as kalai_smorodinsky
    from bargaining.concepts.nash import nash as nash
    from bargaining.concepts.utilitarian import utilitarian as utilitarian
    from bargaining.division import Division as Division
    from bargaining.division import Method as Method
    from bargaining.errors import BargainingError as BargainingError
    from bargaining.errors import InvalidInput as InvalidInput
    from bargaining.errors import NotApplicable as NotApplicable
    from bargaining.errors import Status as Status
    from bargaining.errors import Unsolved as Unsolved
    from bargaining.feasible.frontier import Frontier as Frontier
    from bargaining.feasible.polytope import Polytope as Polytope
    from bargaining.feasible.surplus import TransferableSurplus as TransferableSurplus
    from bargaining.problem import Problem as Problem
    from bargaining.protocols.alternating_offers import AlternatingOffers as AlternatingOffers
    from bargaining.protocols.continuous_offers import ContinuousOffers as ContinuousOffers

__version__ = "0.1.0"

# Where each public name lives. Type checkers and editors read the imports above; a test compares the two.
_EXPORTS = {
    "AlternatingOffers": "bargaining.protocols.alternating_offers",
    "BargainingError": "bargaining.errors",
    "ContinuousOffers": "bargaining.protocols.continuous_offers",
    "Division": "bargaining.division",
    "Frontier": "bargaining.feasible.frontier",
    "InvalidInput": "bargaining.errors",
    "Method": "bargaining.division",
    "NotApplicable": "bargaining.errors",
    "Polytope": "bargaining.feasible.polytope",
    "Problem": "bargaining.problem",
    "Status": "bargaining.errors",
    "TransferableSurplus": "bargaining.feasible.surplus",
    "Unsolved": "bargaining.errors",
    "egalitarian": "bargaining.concepts.egalitarian",
    "kalai_smorodinsky": "bargaining.concepts.kalai_smorodinsky",
    "nash": "bargaining.concepts.nash",
    "utilitarian": "bargaining.concepts.utilitarian",
}


def __dir__() -> list[str]:
    return sorted([*_EXPORTS, "__version__"])


if not TYPE_CHECKING:  # A checker that read on would accept any name.
    __all__ = list(_EXPORTS)

    def __getattr__(name: str) -> object:
        if name not in _EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_EXPORTS[name]), name)
        globals()[name] = value
        return value
