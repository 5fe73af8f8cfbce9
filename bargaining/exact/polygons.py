"""Concepts on polygons in exact arithmetic: rationals in, Fractions out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from numpy.typing import ArrayLike

from bargaining._rational import rational
from bargaining.errors import InvalidInput
from bargaining.exact._concepts import answers
from bargaining.exact._concepts.answers import Body, Enclosure, mixtures

EQUAL = (Fraction(1, 2), Fraction(1, 2))


def polygon(points: ArrayLike, disagreement: ArrayLike, *, free_disposal: bool = False) -> Body:
    """Return the convex hull of points, with a disagreement point.

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
    return mixtures(rows, d.tolist(), free_disposal=free_disposal)


def nash(problem: Body, weights: Sequence[Fraction] = EQUAL) -> Enclosure:
    """Return the Nash solution with weights that sum to one."""
    return answers.nash(problem, weights)


def kalai_smorodinsky(problem: Body) -> Enclosure:
    """Return the last point on the ray from d to the ideal point."""
    return answers.rational_answer(problem, "kalai_smorodinsky")


def egalitarian(problem: Body, weights: Sequence[Fraction] = EQUAL) -> Enclosure:
    """Return the last point on the ray from d in the proportions `weights`."""
    return answers.rational_answer(problem, "egalitarian", tuple(weights))


def equal_loss(problem: Body) -> Enclosure:
    """Return the first feasible point on the way down from the ideal point with equal losses."""
    return answers.rational_answer(problem, "equal_loss")


def gupta_livne(problem: Body, reference: Sequence[Fraction | float]) -> Enclosure:
    """Return the last feasible point from a reference, weakly dominated by a feasible point, to the ideal point."""
    return answers.rational_answer(problem, "gupta_livne", tuple(Fraction(x) for x in reference))


def dictatorial(problem: Body, player: int) -> Enclosure:
    """Return the ideal payoff of one player and the disagreement payoff of the other, if that is feasible."""
    return answers.rational_answer(problem, "dictatorial", player)
