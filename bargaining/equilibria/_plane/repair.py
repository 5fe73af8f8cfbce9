r"""Sets that generate themselves inside sets that almost do: the operator in rationals, and what lies within its value.

If W lies within its image B(W), all of B(W) is an equilibrium payoff, as the operator is monotone. A W found in floats
may lack that by a vertex that rounding let in, or by a constraint that holds in floats and not in rationals. Without
such vertices, or cut to what lies within its image, it has it after a few rounds if there is room elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from bargaining.equilibria._plane.lottery import Pair, convex_lottery, hull
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria._plane.work import Work
from bargaining.feasible._polygon import clip

if TYPE_CHECKING:
    from bargaining.equilibria._plane.generation import Generation

_ROUNDS = 6  # of cutting vertices off: what needs more is a knife edge
_NEAR = 1e-9  # a vertex this close to the others may be dropped rather than cut off
_MANY = 120  # vertices beyond which cutting takes longer than looking again for a set with room
_LONG = 1500  # bits of a coordinate beyond which cutting leads nowhere

Sets = tuple[tuple[Pair, ...], ...]


def repaired(made: Generation, work: Work) -> Generation | None:
    """Return a generation inside this one's sets that has no fault; None if a few rounds lead to none."""
    for _ in range(_ROUNDS):
        work.spend(sum(map(len, made.vertices)) * len(made.data.state) * (1 + _bits(made.vertices) // 64))
        image = made.image()
        kept = [
            [v for v in vertices if convex_lottery(values, v) is not None]
            for vertices, values in zip(made.vertices, image.vertices, strict=True)
        ]
        if all(len(some) == len(vertices) for some, vertices in zip(kept, made.vertices, strict=True)):
            return image
        if sum(map(len, made.vertices)) > _MANY and not all(map(_close, made.vertices, kept)):
            return None
        sets = tuple(
            tuple(some if _close(vertices, some) else within(vertices, values))
            for some, vertices, values in zip(kept, made.vertices, image.vertices, strict=True)
        )
        if not any(sets) or _bits(sets) > _LONG:
            return None
        made = made.of(sets)
    return None


def within(one: Sequence[Pair], other: Sequence[Pair]) -> list[Pair]:
    """Return the part of a convex polygon within another one; of two segments, the ends that both hold."""
    if len(other) < 3 <= len(one):
        one, other = other, one
    if len(other) < 3:
        held = [p for p in one if convex_lottery(other, p) is not None]
        held += [q for q in other if convex_lottery(one, q) is not None]
        return [held[k] for k in hull(held)]
    left = list(one)
    for (ax, ay), (bx, by) in zip([other[-1], *other[:-1]], other, strict=True):
        left = clip(left, (by - ay, ax - bx), (by - ay) * ax + (ax - bx) * ay)
    return [left[k] for k in hull(left)]


def floats(vertices: Sequence[Pair]) -> Polygon:
    """Return a polygon rounded to floats."""
    return [(float(x), float(y)) for x, y in vertices]


def _close(whole: Sequence[Pair], rest: Sequence[Pair]) -> bool:
    return not whole or (bool(rest) and beyond(floats(whole), floats(rest)) < _NEAR)


def _bits(sets: Sequence[Sequence[Pair]]) -> int:
    numbers: list[Fraction] = [x for vertices in sets for vertex in vertices for x in vertex]
    return max((x.denominator.bit_length() for x in numbers), default=0)
