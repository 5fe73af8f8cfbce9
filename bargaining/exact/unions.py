"""Unions of polytopes in exact arithmetic: every question is put to each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from bargaining.errors import NotApplicable
from bargaining.exact._views import unwrap
from bargaining.exact.bodies import Body, Vector, body_of
from bargaining.exact.certificate import Claim
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bodies:
    """Some polytopes, of which each agreement is in one, and a disagreement point.

    Attributes
    ----------
    parts : list of Body
    disagreement : tuple of Fraction
    """

    parts: list[Body]
    disagreement: Vector

    def most(self, weights: Sequence[Fraction | int], floor: Vector) -> Fraction | None:
        """Return the largest weights . x over the feasible x >= floor; None if there is no such x."""
        found = [best for one in self.parts if (best := one.most(weights, floor)) is not None]
        return max(found) if found else None

    def top(self, weights: Vector) -> Vector | None:
        """Return a feasible point with the largest weights . x; None if there is none."""
        found = [top for one in self.parts if (top := one.top(weights)) is not None]
        return max(found, key=lambda x: sum(map(Fraction.__mul__, weights, x))) if found else None

    def ideal(self, floor: Vector | None = None) -> Vector | None:
        """Return each player's largest payoff over the feasible x >= floor, d by default; None if there are none."""
        found = [best for one in self.parts if (best := one.ideal(floor)) is not None]
        return _largest(found) if found else None

    def furthest(
        self, origin: Vector, step: Vector, *, below: bool = False, nearest: bool = False
    ) -> Fraction | None:
        """Return the largest t >= 0 with origin + t * step in the set, or the smallest; None if there is none."""
        each = (one.furthest(origin, step, below=below, nearest=nearest) for one in self.parts)
        found = [t for t in each if t is not None]
        return None if not found else min(found) if nearest else max(found)

    def contains(self, x: Vector) -> bool:
        """Say whether x is feasible."""
        return any(one.contains(x) for one in self.parts)

    def spans(self) -> Vector:
        """Return a size for each player."""
        return _largest([one.spans() for one in self.parts])


def bodies_of(claim: Claim) -> Bodies:
    """Return the union that a claim is about.

    Raises
    ------
    NotApplicable
        If one of its sets is not known by points or inequalities.
    """
    d = tuple(Fraction(x) for x in claim.disagreement)
    parts = [part for one in claim.feasible.sets for part in _parts(replace(claim, feasible=one))]
    return Bodies(parts=parts, disagreement=d)


def _parts(claim: Claim) -> list[Body]:
    """Return the polytopes that make up one set of a union."""
    inner = unwrap(claim)
    claim = claim if inner is None else inner.claim
    if isinstance(claim.feasible, FreeDisposalHull):
        corners = claim.feasible.points[:, None]
        return [body_of(replace(claim, feasible=Polytope(one, free_disposal=True))) for one in corners]
    if isinstance(claim.feasible, Polytope | TransferableSurplus):
        return [body_of(claim)]
    raise NotApplicable(
        f"a union is certified where its sets are points, polytopes and surpluses; a {type(claim.feasible).__name__} "
        f"is none. Describe it as a Polytope."
    )


def _largest(vectors: Iterable[Vector]) -> Vector:
    return tuple(map(max, zip(*vectors, strict=True)))
