"""Concepts on polygons in exact arithmetic: rationals in, Fractions out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from numpy.typing import ArrayLike

from bargaining._rational import rational
from bargaining.errors import InvalidInput
from bargaining.exact._concepts import bodies, rays
from bargaining.exact._concepts.bodies import Enclosure, Exact, Plane, Polygon

EQUAL = (Fraction(1, 2), Fraction(1, 2))


def polygon(points: ArrayLike, disagreement: ArrayLike, *, free_disposal: bool = False) -> Polygon:
    """Return the convex hull of points, with a disagreement point, in integers.

    Parameters
    ----------
    points : array_like, shape (m, 2)
        Payoff pairs: Fractions, integers or floats, each taken at its exact value.
    disagreement : array_like, shape (2,)
        Payoffs without an agreement.
    free_disposal : bool, default False
        Whether everything below a feasible point is feasible.

    Raises
    ------
    InvalidInput
        If the shapes are wrong or an entry is not a finite real number.
    """
    rows, d = rational(points, "points", ndim=2), rational(disagreement, "disagreement", ndim=1)
    if rows.shape[1] != 2 or len(d) != 2:
        raise InvalidInput(
            f"`points` and `disagreement` must be pairs; got shapes {rows.shape} and {d.shape}."
        )
    return bodies.from_pairs(rows.tolist(), d.tolist(), free_disposal=free_disposal)


def nash(problem: Polygon, weights: Sequence[Fraction] = EQUAL) -> Enclosure:
    """Return the Nash solution with weights that sum to one."""
    return bodies.nash(problem, weights)


def kalai_smorodinsky(problem: Polygon) -> Enclosure:
    """Return the last point on the ray from d to the ideal point."""
    return rays.answered(Plane(polygon=problem), rays.kalai_smorodinsky)


def egalitarian(problem: Polygon, weights: Sequence[Fraction] = EQUAL) -> Enclosure:
    """Return the last point on the ray from d in the proportions `weights`."""
    return rays.answered(Plane(polygon=problem), rays.egalitarian(tuple(weights)))


def equal_loss(problem: Polygon) -> Enclosure:
    """Return the first feasible point on the way down from the ideal point with equal losses."""
    return rays.answered(Plane(polygon=problem), rays.equal_loss)


def gupta_livne(problem: Polygon, reference: Sequence[Exact]) -> Enclosure:
    """Return the last feasible point from a reference, weakly dominated by a feasible point, to the ideal point."""
    start = tuple(Fraction(x) for x in reference)
    return rays.answered(Plane(polygon=problem), rays.gupta_livne(start))


def dictatorial(problem: Polygon, player: int) -> Enclosure:
    """Return the ideal payoff of one player and the disagreement payoff of the other, if that is feasible."""
    return rays.answered(Plane(polygon=problem), rays.dictatorial(player))
