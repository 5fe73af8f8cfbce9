"""Computational bargaining: bargaining problems, their solutions, and checks of the answers.

Every public name is here: the stub beside this file lists them. They are imported on first use, so that
`import bargaining` stays fast.
"""

from __future__ import annotations

from bargaining._lazy import attach
from bargaining._version import __version__ as __version__

_MODULES = ("authoring", "axioms", "errors", "exact", "results", "testing")
_EXPORTS, __getattr__, __dir__ = attach(__name__, _MODULES)
__all__ = list(_EXPORTS)
