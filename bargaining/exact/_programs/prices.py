"""Prices of a program's payoffs, held more closely by gradients than a gap of values holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining.exact._programs.case import Case, Vector
from bargaining.exact._programs.localise import localise
from bargaining.exact._programs.programs import Decided, Interval
from bargaining.exact._programs.saddle import Marginal, Saddle


def narrowed(
    case: Case,
    here: Decided,
    marginal: Marginal,
    guess: Vector,
    prices: Sequence[Interval],
    top: Vector,
    *,
    floors: Mapping[int, Fraction],
    above: Vector | None = None,
) -> tuple[list[Interval], list[Interval] | None]:
    """Return bounds of the saddle points' prices, those given if nothing more is proved, and of the payoffs then.

    Parameters
    ----------
    here : Decided
        A decision near the answer.
    marginal : callable
        The derivative c' of `saddle`.
    guess : tuple of Fraction
        Prices near the answer's.
    prices : sequence of tuple
        Bounds of the prices; those of players who do not count are zero.
    top : tuple of Fraction
        No less than the answer's payoffs.
    floors : mapping
        What some players must have at least.
    above : tuple of Fraction, optional
        What payoffs must exceed for the concept to be defined.
    """
    saddle = Saddle(case.it, marginal, here.z, floors)
    spot = saddle.start(here.z, tuple(Fraction(float(q)) for q in guess))
    ceilings = saddle.ceilings(spot, prices, top, above)
    if ceilings is None:
        return list(prices), None
    bounds = case.it.inside.lower.tolist(), case.it.inside.upper.tolist()
    decisions = [(Fraction(a), Fraction(b)) for a, b in zip(*bounds, strict=True)]
    known = localise(saddle, spot, [*decisions, *prices, *((Fraction(0), most) for most in ceilings)])
    k, n = len(decisions), len(prices)
    return known[k : k + n], _spanned(case, known[:k])


def _spanned(case: Case, box: Sequence[Interval]) -> list[Interval] | None:
    """Return bounds of the payoffs of the decisions in a box; None if none are known.

    A concave payoff is no more than its tangent says, and no less than at the corners of a hull that holds the box: a
    decision, and steps to the ends of the box, each as many times as there are coordinates.
    """
    it, inside = case.it, case.it.inside
    ends = zip(box, inside.lower.tolist(), inside.upper.tolist(), strict=True)
    z = np.array([float(a if a == low else b if b == high else (a + b) / 2) for (a, b), low, high in ends])
    moves = [(a - Fraction(v), b - Fraction(v)) for (a, b), v in zip(box, z.tolist(), strict=True)]
    corners = [z, *_corners(z, moves)]
    within = all(((c >= inside.lower) & (c <= inside.upper)).all() for c in corners)
    found = [it.payoffs(c) for c in corners] if within else []
    slopes = it.slopes(inside.jacobian, z)
    payoffs = [f for f in found if f is not None]
    if slopes is None or not payoffs or len(payoffs) < len(found):
        return None
    rises = [
        a
        * sum(
            (max(p * m for p in pair for m in move) for pair, move in zip(row, moves, strict=True)),
            Fraction(0),
        )
        for a, row in zip(it.view.scale, slopes, strict=True)
    ]
    return [(min(f[i][0] for f in payoffs), payoffs[0][i][1] + rise) for i, rise in enumerate(rises)]


def _corners(z: Floats, moves: Sequence[Interval]) -> list[Floats]:
    """Return the corners but the decision itself, rounded outward."""
    count, found = sum(any(pair) for pair in moves), []
    for j, (down, up) in enumerate(moves):
        for move, side in ((min(down, Fraction(0)), -np.inf), (max(up, Fraction(0)), np.inf)):
            if move:
                corner = z.copy()
                corner[j] = np.nextafter(float(Fraction(z[j]) + count * move), side)
                found.append(corner)
    return found
