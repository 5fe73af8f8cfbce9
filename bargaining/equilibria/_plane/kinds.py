"""The outcomes of leaving that can be equilibria."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from bargaining.games.repeated import Exit


@dataclass(frozen=True, slots=True)
class Leave:
    """An outcome of leaving: the payoffs, whose threat to leave must be credible (None: nobody's), and its number."""

    payoffs: tuple[float, ...]
    leaver: int | None = None
    number: int = 0

    def exact(self, leaving: Exit) -> tuple[Fraction, ...]:
        """Return the payoffs in rationals: the mean if several leave at once."""
        rows = [leaving.exact[k] for k in (leaving.who if self.leaver is None else (self.leaver,))]
        return tuple(sum(column, Fraction(0)) / len(rows) for column in zip(*rows, strict=True))


def outcomes(leaving: Exit) -> list[Leave]:
    """Return the outcomes of leaving that can be equilibria, each with the player whose threat must be credible.

    A player leaves alone only if staying would not give her more. If two may leave, both leave if neither prefers to
    stay behind, and only one leaves if the other prefers to stay behind. Three or more get the same whoever leaves.
    """
    rows = [tuple(row) for row in leaving.payoffs.tolist()]
    if len(leaving.who) == 1 < len(rows):
        return [Leave(rows[leaving.who[0]], leaving.who[0])]
    first, second = rows[0], rows[-1]
    if len(rows) != 2 or first == second:
        return [Leave(first)]
    out = []
    if first[0] >= second[0] and second[1] >= first[1]:
        out.append(Leave(((first[0] + second[0]) / 2, (first[1] + second[1]) / 2)))
    if first[1] >= second[1]:
        out.append(Leave(first, 0, len(out)))
    if second[0] >= first[0]:
        out.append(Leave(second, 1, len(out)))
    return out
