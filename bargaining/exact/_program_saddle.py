"""Prices of a program's payoffs, held more closely by gradients than a gap of values holds them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bargaining.exact._program_case import Case, Vector
from bargaining.exact.localise import localise
from bargaining.exact.programs import Decided, Interval
from bargaining.exact.saddle import Marginal, Saddle


def narrowed(
    case: Case,
    here: Decided,
    marginal: Marginal,
    guess: Vector,
    prices: Sequence[Interval],
    top: Vector,
    *,
    floor: Vector | None = None,
) -> list[Interval]:
    """Return bounds of the saddle point's prices within those given, which are returned if nothing more is proved.

    Parameters
    ----------
    here : Decided
        A decision near the answer.
    marginal : callable
        The derivative c' of `saddle`.
    guess : tuple of Fraction
        Prices near the answer's.
    prices : sequence of tuple
        Bounds of the prices.
    top : tuple of Fraction
        No less than the answer's payoffs.
    floor : tuple of Fraction, optional
        What payoffs must exceed for the concept to be defined.
    """
    saddle = Saddle(case.it, marginal, here.z)
    spot = saddle.start(here.z, tuple(Fraction(float(q)) for q in guess))
    ceilings = saddle.ceilings(spot, prices, top, floor)
    if ceilings is None:
        return list(prices)
    bounds = case.it.inside.lower.tolist(), case.it.inside.upper.tolist()
    decisions = [(Fraction(a), Fraction(b)) for a, b in zip(*bounds, strict=True)]
    known = localise(saddle, spot, [*decisions, *prices, *((Fraction(0), most) for most in ceilings)])
    return known[len(decisions) : len(decisions) + len(prices)]
