"""Computational bargaining: bargaining problems, their solutions, and checks of the answers.

Every public name is here: the stub beside this file lists them. They are imported on first use, so that
`import bargaining` stays fast.
"""

from __future__ import annotations

from bargaining._lazy import attach

_MODULES = ("authoring", "axioms", "errors", "exact", "results", "testing")
_EXPORTS, _get, __dir__ = attach(__name__, _MODULES)
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> object:
    if name == "__version__":  # asks git in a checkout, so not before somebody wants to know
        from bargaining._version import version

        return version()
    return _get(name)
