"""The equilibrium payoffs of a repeated game between two sets of rationals; shares no code with the library.

An equilibrium payoff is a stage payoff g(a) and a promise w that nobody gains by breaking. With c(a) what the best
deviations get and P(V) the lowest payoffs in V, the operator is

    B(V) = co {(1-d) g(a) + d w : w in V, (1-d_i) g_i(a) + d_i w_i >= (1-d_i) c_i(a) + d_i P_i(V) for both i},

less what is worse than leaving, and with the outcomes of leaving that are equilibria. It is monotone, and the payoffs
of equilibria are the largest V with V = B(V).

*Outside.* From the box of all payoffs B is applied in integers over one denominator, every division rounded down.
Suppose V lies in Q + [0, e]^2. Then P(V) >= P(Q), so a promise q + f of V that is kept has q_i above the bound that
P(Q) sets, less e. A cut rounds one coordinate of its new corners down: with e + 1 for slack, two cuts of Q leave a
polygon R with q in R + [0, 1]^2, and (1-d) g + d r rounded down is short of (1-d) g + d w by at most 1 + d (e + 1).
Two cuts by what leaving gives cost one more. Vertices within t of the chord of neighbours that stay are dropped, and
the rest moved by -t, for 2 t. All that is at most e if e >= (2 + d + 2 t) / (1 - d): then every iterate, with a
margin of e units, holds all equilibrium payoffs. Floats do not show the margin. Where nothing is left there are none.

*Inside.* A set W inside B(W), checked in fractions and without any rounding, holds equilibrium payoffs alone. Two
guesses follow from an outer set. One takes the simplest fractions close to its vertices, and drops vertices that have
none: so knife edges are met, and sets without an interior. The other applies B and pulls all vertices to the middle by
a share of 2^-42, again and again: what stands still lies inside its image, with room for rounding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, inf, lcm, log2
from operator import floordiv, truediv
from typing import Any

import numpy as np

from bargaining import RepeatedGame
from polygons import Leaving, beyond, convex, part_above, turn

ROUNDS = (48, 96, 192, 384)
"""How many binary digits of an outer set are right, if it closes in as fast as patience says."""
NEAR = 1 << 16  # t above, in units 2^32 times smaller than the last of these digits, or less
PULL = 1 << 42

Point = tuple[Any, Any]
Polygon = list[Point]


@dataclass(frozen=True)
class Bracket:
    """All of `inner` are equilibrium payoffs, and all of these lie in `outer`: vertices, as floats."""

    inner: np.ndarray
    outer: np.ndarray

    def error(self, vertices: np.ndarray) -> float:
        """Within which distance of the set of equilibrium payoffs a polygon is proved to be."""
        return max(beyond(self.outer, vertices), beyond(vertices, self.inner))


def bracket(repeated: RepeatedGame, within: float) -> Bracket:
    """Return sets less than `within` apart; if there are none, what was found last, and `error` is large."""
    for found in _brackets(repeated):
        if beyond(found.outer, found.inner) < within:
            break
    return found


def _brackets(repeated: RepeatedGame) -> Iterator[Bracket]:
    exact = Operator.of(repeated)
    for digits in ROUNDS:
        outside = exact.in_integers(digits + 32)
        polygon = _closed_in(outside, digits)
        outer = outside.fractions(polygon)
        for guess in (_simple(outer, digits), outside.fractions(_pulled(outside, polygon))):
            image = exact(guess) if guess else []
            inner = guess if all(_inside(w, image) for w in guess) else []
            yield Bracket(_floats(inner), _floats(outer))


def _closed_in(outside: "Operator", digits: int) -> Polygon:
    slowest, polygon = max(outside.discounts), _box(outside.payoffs())
    for _ in range(8 + (ceil(digits / -log2(slowest)) if slowest else 0)):
        polygon = [(x - NEAR, y - NEAR) for x, y in _thin(outside(polygon))] if polygon else []
    return polygon


@dataclass(frozen=True)
class Operator:
    """B for polygons of fractions; or of integers over `unit`, rounding down, with slack in every inequality."""

    profiles: list[tuple[Point, Point]]
    discounts: list[Fraction]
    leaving: Leaving | None
    unit: int | None = None
    slack: int = 0

    @classmethod
    def of(cls, repeated: RepeatedGame) -> "Operator":
        a, b = ([list(map(Fraction, row)) for row in repeated.game.payoffs[..., i].tolist()] for i in (0, 1))
        first, second = [max(column) for column in zip(*a, strict=True)], [max(row) for row in b]
        cells = [(r, c) for r in range(len(b)) for c in range(len(b[0]))]
        profiles = [((a[r][c], b[r][c]), (first[c], second[r])) for r, c in cells]
        discounts = np.broadcast_to(repeated.exact_discounts, 2).tolist()
        return cls(profiles, discounts, Leaving.of(repeated.exit))

    def payoffs(self) -> Polygon:
        return [g for g, _ in self.profiles] + (self.leaving.table if self.leaving else [])

    def in_integers(self, digits: int) -> "Operator":
        unit = lcm(*(x.denominator for point in self.payoffs() for x in point)) << digits
        profiles = [(_times(g, unit), _times(c, unit)) for g, c in self.profiles]
        leaving = self.leaving and replace(self.leaving, table=[_times(x, unit) for x in self.leaving.table])
        slack = 1 + ceil((3 + 2 * NEAR) / (1 - max(self.discounts)))
        return Operator(profiles, self.discounts, leaving, unit, slack)

    def fractions(self, polygon: Polygon) -> Polygon:
        return [(Fraction(x, self.unit), Fraction(y, self.unit)) for x, y in polygon]

    def __call__(self, polygon: Polygon) -> Polygon:
        played = [self._played(g, c, polygon) for g, c in self.profiles]
        if not self.leaving:
            return convex([v for values in played for v in values])
        own = [(k, self.leaving.table[k][k]) for k in self.leaving.who]
        stay = [v for values in played for v in self._above(convex(values), own)]
        least = [min((v[k] for values in played for v in values), default=inf) for k in (0, 1)]
        return convex(stay + self.leaving.equilibria(least))

    def _played(self, g: Point, c: Point, polygon: Polygon) -> Polygon:
        """What a profile gives, with every promise that keeps both from a deviation."""
        bounds = []
        for i, d in enumerate(self.discounts):
            if d:
                need = self._over((d.denominator - d.numerator) * (c[i] - g[i]), d.numerator)
                bounds.append((i, min(p[i] for p in polygon) + need))
            elif c[i] > g[i]:
                return []
        return [tuple(map(self._average, self.discounts, g, w)) for w in self._above(polygon, bounds)]

    def _average(self, d: Fraction, now: Any, later: Any) -> Any:
        return self._over((d.denominator - d.numerator) * now + d.numerator * later, d.denominator)

    def _above(self, polygon: Polygon, bounds: list[tuple[int, Any]]) -> Polygon:
        for i, bound in bounds:
            least = bound - self.slack
            if any(p[i] < least for p in polygon):
                polygon = convex(part_above(polygon, i, least, near=0, over=self._over))
        return polygon

    @property
    def _over(self) -> Any:
        return floordiv if self.unit else truediv


def _times(point: Point, unit: int) -> Point:
    return tuple(int(x * unit) for x in point)


def _box(points: Polygon) -> Polygon:
    (left, bottom), (right, top) = ([pick(p[i] for p in points) for i in (0, 1)] for pick in (min, max))
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _thin(polygon: Polygon) -> Polygon:
    """Drop vertices, never two neighbours, that are near the chord of those beside them and between its ends."""
    kept: Polygon = []
    dropped = len(polygon) < 3  # two are each other's neighbours
    for k, p in enumerate(polygon):
        before, after = polygon[k - 1], polygon[(k + 1) % len(polygon)]
        dropped = k < len(polygon) - 1 and not dropped and _near_chord(before, p, after)
        kept += [] if dropped else [p]
    return kept


def _near_chord(before: Point, p: Point, after: Point) -> bool:
    (x, y), (dx, dy) = ((q[0] - before[0], q[1] - before[1]) for q in (p, after))
    length = dx * dx + dy * dy
    return 0 <= x * dx + y * dy <= length and (x * dy - y * dx) ** 2 <= NEAR * NEAR * length


def _simple(polygon: Polygon, digits: int) -> Polygon:
    """Fractions with a third of the digits, right to nearly all of them: chance gives one in 2^(digits / 3 - 6)."""
    most, near = 1 << digits // 3, Fraction(1, 1 << digits - 6)
    pairs = [(p, tuple(x.limit_denominator(most) for x in p)) for p in polygon]
    return convex([q for p, q in pairs if max(abs(x - y) for x, y in zip(p, q, strict=True)) <= near])


def _pulled(outside: Operator, polygon: Polygon) -> Polygon:
    operator, image = replace(outside, slack=0), polygon
    middle = [sum(p[i] for p in polygon) // max(len(polygon), 1) for i in (0, 1)]
    for _ in range(100):
        inner = convex([tuple(x + (m - x) // PULL for x, m in zip(p, middle, strict=True)) for p in image])
        image = _thin(operator(inner)) if inner else []
        if all(_inside(w, image) for w in inner):
            return inner
    return []


def _inside(point: Point, polygon: Polygon) -> bool:
    if len(polygon) > 2:
        return all(turn(p, q, point) >= 0 for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True))
    on_line = bool(polygon) and turn(polygon[0], polygon[-1], point) == 0
    return on_line and polygon[0] <= point <= polygon[-1]


def _floats(polygon: Polygon) -> np.ndarray:
    return np.array([(float(x), float(y)) for x, y in polygon]).reshape(-1, 2)
