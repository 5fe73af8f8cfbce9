"""Models of the negotiation between the US and Canada: figures, trade, games and the paper's tables.

What users call is here: the stub beside this file lists it. It is imported on first use.
"""

from __future__ import annotations

from bargaining._lazy import attach

_EXPORTS, __getattr__, __dir__ = attach(__name__)
__all__ = list(_EXPORTS)
