"""Checks for your own methods: Hypothesis strategies and suites of axioms.

Hypothesis is imported on first use. The public names are listed in the stub beside this file.
"""

from __future__ import annotations

from bargaining._lazy import attach

_EXPORTS, __getattr__, __dir__ = attach(__name__)
__all__ = list(_EXPORTS)
