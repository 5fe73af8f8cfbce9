"""Concepts that end along a ray, of any set that answers in rationals: a polygon, a polytope, a union or points.

An answer takes the set and its ideal point, and returns the exact payoffs; None where there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Enclosure, Solid, Vector, less, settled

Answer = Callable[[Solid, Vector], Vector | None]


def answered(it: Solid, answer: Answer) -> Enclosure:
    """Return an answer, and how it ended."""
    ideal = it.ideal()
    found = None if ideal is None else answer(it, ideal)
    if found is None or ideal is None:
        return settled(None, Status.EMPTY)
    return settled(found, Status.OK if min(less(ideal, it.disagreement)) > 0 else Status.DEGENERATE)


def kalai_smorodinsky(it: Solid, ideal: Vector) -> Vector | None:
    """Go along the ray to the ideal point."""
    return along(it, it.disagreement, less(ideal, it.disagreement))


def egalitarian(weights: Vector) -> Answer:
    """Go along the ray of equal or proportional gains."""
    return lambda it, ideal: along(it, it.disagreement, weights)


def equal_loss(it: Solid, ideal: Vector) -> Vector | None:
    """Walk down from the ideal point with equal steps."""
    return along(it, ideal, (Fraction(-1),) * len(ideal), nearest=True)


def gupta_livne(reference: Vector) -> Answer:
    """Go from a reference, at least d and at most as good as something feasible, towards the ideal point."""

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        bad = (
            any(r < d for r, d in zip(reference, it.disagreement, strict=True)) or it.ideal(reference) is None
        )
        return None if bad else along(it, reference, less(ideal, reference))

    return answer


def dictatorial(player: int) -> Answer:
    """Give one player the ideal payoff and the others d, if that is feasible."""

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        point = tuple(ideal[i] if i == player else d for i, d in enumerate(it.disagreement))
        return point if it.contains(point) else None

    return answer


def lexicographic_kalai_smorodinsky(it: Solid, ideal: Vector) -> Vector:
    """Raise everybody together towards the ideal point, freezing who is blocked."""
    return lexicographic(it, less(ideal, it.disagreement))


def lexicographic_egalitarian(weights: Vector) -> Answer:
    """Raise everybody together in the proportions of the weights, freezing who is blocked."""
    return lambda it, ideal: lexicographic(it, weights)


def least_losses(it: Solid, ideal: Vector) -> Vector:
    """Lower the largest loss from the ideal point, then the second largest, and so on."""
    far = max(less(ideal, it.disagreement))
    return lexicographic(it, (Fraction(1),) * len(ideal), tuple(a - far for a in ideal))


def along(body: Solid, origin: Vector, step: Vector, *, nearest: bool = False) -> Vector | None:
    """Return the last, or the nearest, feasible point of a ray."""
    if not any(step):
        return origin if body.contains(origin) else None
    t = body.furthest(origin, step, nearest=nearest)
    return None if t is None else tuple(o + t * p for o, p in zip(origin, step, strict=True))


def lexicographic(body: Solid, direction: Vector, start: Vector | None = None) -> Vector:
    """Return the point that raises everybody together in a direction, freezing who is blocked.

    The start is the disagreement point, or a point that some feasible one is as good as for everybody.
    """
    x, free = list(start or body.disagreement), [p > 0 for p in direction]
    while any(free):
        step = tuple(p if f else Fraction(0) for p, f in zip(direction, free, strict=True))
        t = body.furthest(tuple(x), step, below=True)
        assert t is not None
        x = [v + t * p for v, p in zip(x, step, strict=True)]
        ideal = body.ideal(tuple(x)) or x
        free = [f and most > here for f, most, here in zip(free, ideal, x, strict=True)]
    return tuple(x)
