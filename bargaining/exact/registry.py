"""The certifiers of solution concepts, by the name of the method and the representation of the set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bargaining.exact.certificate import Certificate, Claim

Certifier = Callable[[Claim], Certificate]
"""Proves how far the payoffs of a claim are from the exact ones."""

_CERTIFIERS: dict[tuple[str, type], Certifier] = {}
VIEWERS: set[Certifier] = set()
_REASONS = {
    "ConvexProgram": "only what a single program defines is proved there. To certify an answer, describe the payoffs "
    "as a Polytope or, of two players, as a Frontier.",
}
"""Why a concept, or a representation, has no certifier."""
_NOBODY = "none was registered; add one with `bargaining.exact.certify.register`, or describe the set as a Polytope."


def register(method: str, feasible: type, *, views: bool = False) -> Callable[[Certifier], Certifier]:
    """Make a function the certifier of a method on a representation; the most specific type wins.

    Parameters
    ----------
    method : str
        The name a division's `method` starts with.
    feasible : type
        The class of feasible sets.
    views : bool, default False
        Whether the certifier reads `Claim.view`, so that it also serves the set in other units and above a floor.
    """

    def add(certifier: Certifier) -> Certifier:
        _CERTIFIERS[method, feasible] = certifier
        if views:
            VIEWERS.add(certifier)
        return certifier

    return add


def certifier_of(name: str, feasible: type) -> Certifier | None:
    """Return the certifier of a method on a representation; None if there is none."""
    known = ((name, kind) for kind in feasible.__mro__)
    return next((_CERTIFIERS[key] for key in known if key in _CERTIFIERS), None)


def why_not(name: str, feasible: Any) -> str:
    """Say that there is no certifier of a method on a set, why, and which methods have one there."""
    known = sorted(method for method, kind in _CERTIFIERS if isinstance(feasible, kind))
    represented = type(feasible).__name__
    reason = _REASONS.get(name) or _REASONS.get(represented) or _NOBODY
    return f"no certifier for {name} on {represented}: {reason} Known there: {', '.join(known) or 'none'}."
