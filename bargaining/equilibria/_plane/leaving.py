"""Leaving as the end of a repeated game: which outcomes can be equilibria."""

from __future__ import annotations

from bargaining.equilibria._plane.kinds import Leave
from bargaining.games.repeated import Exit


def outcomes(leaving: Exit) -> list[Leave]:
    """Return the outcomes of leaving that can be equilibria, each with the player whose threat it is.

    Alone, a player leaves only if staying would give her no more. If both may leave, both do if neither
    prefers to be left; and one leaves while the other stays if the other does prefer that.
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
