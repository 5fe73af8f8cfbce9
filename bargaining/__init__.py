"""Computational bargaining: problems of agreement, the solutions theory offers, and how they are checked.

Every public name is here and is imported on first use, so that `import bargaining` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bargaining.errors import BargainingError as BargainingError
    from bargaining.errors import InvalidInput as InvalidInput
    from bargaining.errors import NotApplicable as NotApplicable
    from bargaining.errors import Status as Status
    from bargaining.errors import Unsolved as Unsolved

__version__ = "0.1.0"

# Where each public name lives. Type checkers and editors read the imports above; a test compares the two.
_EXPORTS = {
    "BargainingError": "bargaining.errors",
    "InvalidInput": "bargaining.errors",
    "NotApplicable": "bargaining.errors",
    "Status": "bargaining.errors",
    "Unsolved": "bargaining.errors",
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
