"""The outcomes of leaving that can be equilibria."""

from __future__ import annotations

from dataclasses import dataclass

from bargaining.equilibria._plane.polygon import Point
from bargaining.games.repeated import Exit


@dataclass(frozen=True, slots=True)
class Leave:
    """An outcome of leaving: the payoffs, whose threat to leave must be credible (None: nobody's), and its number."""

    payoffs: Point
    leaver: int | None = None
    number: int = 0


def outcomes(leaving: Exit) -> list[Leave]:
    """Return the outcomes of leaving that can be equilibria, each with the player whose threat must be credible.

    A player leaves alone only if staying would not give her more. If both may leave, both leave if neither prefers to
    stay behind, and only one leaves if the other prefers to stay behind.
    """
    rows = [(float(a), float(b)) for a, b in leaving.payoffs.tolist()]
    if len(leaving.who) == 1:
        return [Leave(rows[leaving.who[0]], leaving.who[0])]
    first, second = rows
    if first == second:
        return [Leave(first)]
    out = []
    if first[0] >= second[0] and second[1] >= first[1]:
        out.append(Leave(((first[0] + second[0]) / 2, (first[1] + second[1]) / 2)))
    if first[1] >= second[1]:
        out.append(Leave(first, 0, len(out)))
    if second[0] >= first[0]:
        out.append(Leave(second, 1, len(out)))
    return out
