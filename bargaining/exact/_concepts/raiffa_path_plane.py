r"""The continuous Raiffa solution of a polygon, held between two paths that start where the true one does.

The field x' = a(x) - x lowers each player's speed where the other has more, so that of two paths the one that is to
the right and below stays there. The true path is followed twice, and whenever a number is rounded one copy is moved to
the right and down, the other to the left and up: what lies between their ends holds the solution.

From edge to edge the field is linear. With x0 below an edge of slope -b and x1 beside one of slope -1/a, u = v - x from
the point v where the two lines meet, and r = sqrt(a b),

.. math:: u_0(t) = e^{-t} (u_0 \cosh rt - a u_1 \sinh(rt)/r), \qquad
          u_1(t) = e^{-t} (u_1 \cosh rt - b u_0 \sinh(rt)/r),

which is evaluated in intervals, up to a moment before x0 or x1 passes a vertex. The moment itself is crossed with the
extreme speeds that the field has there, so that nobody need know which comes first. On one and the same edge the path
ends half way to the ideal point, a rational.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Enclosure, settled
from bargaining.exact._concepts.frontier_length import pieces
from bargaining.exact._concepts.intervals import ends, intervals
from bargaining.exact._concepts.polygon import Polygon

Pair = tuple[Fraction, Fraction]
Edge = tuple[Pair, Pair]

BITS = 240  # binary digits of intervals: above KEPT, so that their width is the smallest of all errors
KEPT = 200  # binary places of a corner
MOMENT = Fraction(1, 2**110)  # in which a vertex is crossed at extreme speeds: its width is far below LITTLE
LITTLE = Fraction(1, 2**90)  # of the gains: far below the rounding of a float
HALVINGS = 36  # bring the moment within reach of Newton: 64 / 2^36 is below CLOSE
NEWTON = 3  # steps: from CLOSE three pass the digits of BITS
CLOSE = 1e-6  # of a guess, within which Newton's step is trusted
LONGEST = 64  # after which gains are below LITTLE, or a vertex is passed
STEPS = 4  # for each edge


def continuous_raiffa(problem: Polygon) -> Enclosure:
    """Return a box around the end of the path; a single point where it is known to be rational."""
    corners, status = pieces(problem)
    if status != Status.OK or len(corners) < 2:
        point = corners[0] if corners else None
        return settled(point, status)
    (d_0, d_1), scale = problem.disagreement, problem.scale
    origin = Fraction(d_0, scale), Fraction(d_1, scale)
    gains = corners[-1][0] - origin[0], corners[0][1] - origin[1]
    unit = [((x - origin[0]) / gains[0], (y - origin[1]) / gains[1]) for x, y in corners]
    chain = _Chain([(Fraction(0), Fraction(1)), *unit, (Fraction(1), Fraction(0))])
    left, right = (_end(chain, side) for side in (-1, 1))
    box = (left, right), (chain.height(right), chain.height(left))
    low, high = (
        tuple(o + g * ends[k] for o, g, ends in zip(origin, gains, box, strict=True)) for k in (0, 1)
    )
    return Enclosure(low=(low[0], low[1]), high=(high[0], high[1]), status=status)


class _Chain:
    """The frontier in gains over ideal gains, a flat and a vertical piece included."""

    def __init__(self, corners: list[Pair]) -> None:
        self.edges: list[Edge] = [(a, b) for a, b in pairwise(corners) if a != b]

    def above(self, x: Fraction) -> int:
        """Return the edge above x0, of two the right one."""
        runs = [k for k, (a, b) in enumerate(self.edges) if a[0] <= x and a[0] < b[0]]
        return runs[-1]

    def beside(self, y: Fraction) -> int:
        """Return the edge beside x1, of two the upper one."""
        return next(k for k, (a, b) in enumerate(self.edges) if b[1] <= y and b[1] < a[1])

    def height(self, x: Fraction) -> Fraction:
        """Return player 1's best where player 0 gets x, also below and beyond the chain."""
        (p, q), (r, s) = self.edges[self.above(min(max(x, Fraction(0)), Fraction(1)))]
        return q if x <= p else s if x >= r else q + (s - q) * (x - p) / (r - p)

    def width(self, y: Fraction) -> Fraction:
        """Return player 0's best where player 1 gets y."""
        (p, q), (r, s) = self.edges[self.beside(min(max(y, Fraction(0)), Fraction(1)))]
        return p if y >= q else r if y <= s else p + (r - p) * (q - y) / (q - s)


def _end(chain: _Chain, side: int) -> Fraction:
    """Return player 0's payoff at the end of a path that is not on the other side of the true one; side 1: right."""
    x = Fraction(0), Fraction(0)
    for _ in range(STEPS * len(chain.edges)):
        gain = chain.width(x[1]) - x[0], chain.height(x[0]) - x[1]
        if max(gain) <= LITTLE or min(gain) <= 0:
            break
        above, beside = chain.above(x[0]), chain.beside(x[1])
        if above >= beside:
            return x[0] + gain[0] / 2
        piece = _Piece(chain.edges[above], chain.edges[beside], x)
        x = _crossed(chain, piece.at(piece.moment_before_a_vertex()), 2 * MOMENT, side)
    return x[0] if side < 0 else max(x[0], chain.width(x[1]))


def _crossed(chain: _Chain, box: tuple[Pair, Pair], time: Fraction, side: int) -> Pair:
    """Return the corner, on one side, of where the path can be a moment after it was in a box."""
    (a, b), (p, q) = box
    far_0, far_1 = b + time, q + time  # no speed is above one
    if side > 0:
        x = b + time * (chain.width(p) - a), p + time * max(chain.height(far_0) - far_1, Fraction(0))
    else:
        x = a + time * max(chain.width(far_1) - far_0, Fraction(0)), q + time * (chain.height(a) - p)
    return (_up(x[0]), -_up(-x[1])) if side > 0 else (-_up(-x[0]), _up(x[1]))


def _up(value: Fraction) -> Fraction:
    """Return a fraction of `KEPT` binary places at or above a value."""
    return Fraction(ceil(value * 2**KEPT), 2**KEPT)


@dataclass(frozen=True, slots=True)
class _Piece:
    """The path from x while the same edges are above and beside it."""

    above: Edge
    beside: Edge
    x: Pair

    def moment_before_a_vertex(self) -> Fraction:
        """Return a time just before x0 or x1 first passes a vertex, or one at which there is all but nothing left."""
        from mpmath import mp  # type: ignore[import-untyped]

        goals = self.above[1][0], self.beside[0][1]
        with mp.workprec(BITS):
            targets = [_number(mp, goal) for goal in goals]
            early, late = mp.mpf(0), mp.mpf(LONGEST)
            for _ in range(HALVINGS):
                middle = (early + late) / 2
                passed = any(x >= goal for x, goal in zip(self._moved(mp, middle), targets, strict=True))
                early, late = (early, middle) if passed else (middle, late)
            time = min(self._passes(mp, k, targets[k], late) for k in (0, 1))
            latest = Fraction(int(mp.floor(time * 2**KEPT)), 2**KEPT)
        before = max(latest - MOMENT, Fraction(0))
        (_, x), (_, y) = self.at(before)
        return before if x <= goals[0] and y <= goals[1] else Fraction(0)

    def _passes(self, mp: Any, player: int, goal: Any, guess: Any) -> Any:
        """Return when a player's payoff passes a vertex, if close to a guess, by Newton's method; or else LONGEST."""
        b, a, v = self._meeting()
        best, rate = [_number(mp, x) for x in v], _number(mp, (a, b)[player])
        time = guess
        for _ in range(NEWTON):
            x = self._moved(mp, time)
            gain = best[player] + rate * (best[1 - player] - x[1 - player]) - x[player]
            if gain <= 0:
                break
            time += (goal - x[player]) / gain
        return time if 0 <= time <= LONGEST and abs(time - guess) < CLOSE else mp.mpf(LONGEST)

    def at(self, time: Fraction) -> tuple[Pair, Pair]:
        """Return bounds of both payoffs at a time until which the edges stay the same."""
        if time == 0:
            return (self.x[0], self.x[0]), (self.x[1], self.x[1])
        iv = intervals(BITS)
        x, y = self._moved(iv, _number(iv, time))
        return ends(x), ends(y)

    def _moved(self, context: Any, time: Any) -> tuple[Any, Any]:
        """Return x at a time, in the arithmetic of a context of mpmath."""
        b, a, (v_0, v_1) = self._meeting()
        u_0, u_1 = (_number(context, v - x) for v, x in zip((v_0, v_1), self.x, strict=True))
        if a * b:
            r = context.sqrt(_number(context, a * b))
            plus, minus = context.exp((r - 1) * time), context.exp(-(r + 1) * time)
            even, odd = (plus + minus) / 2, (plus - minus) / (2 * r)
        else:
            even = context.exp(-time)
            odd = even * time
        a, b = _number(context, a), _number(context, b)
        return (
            _number(context, v_0) - (u_0 * even - a * u_1 * odd),
            _number(context, v_1) - (u_1 * even - b * u_0 * odd),
        )

    def _meeting(self) -> tuple[Fraction, Fraction, Pair]:
        """Return the slopes b and a, and where the two lines meet."""
        ((p, q), (r, s)), ((e, f), (g, h)) = self.above, self.beside
        b, a = (q - s) / (r - p), (g - e) / (f - h)
        # v0 = e + a (f - v1), v1 = s + b (r - v0)
        v = (e + a * (f - s - b * r)) / (1 - a * b)
        return b, a, (v, s + b * (r - v))


def _number(context: Any, value: Fraction) -> Any:
    return context.mpf(value.numerator) / context.mpf(value.denominator)
