"""The equilibrium operator of two players on polygons, from outside and inside, without code of the library.

With g(a) for stage payoffs, c(a) for what best deviations get and P(W) for the lowest payoffs of W,

    B(W) = co {(1-d) g(a) + d w : w in W, w_i >= P_i(W) + (1-d_i) (c_i(a) - g_i(a)) / d_i for both i},

less what is worth less than leaving, and with the outcomes of leaving that are equilibria. B is monotone: iterates from
the box of all payoffs, cut in given directions alone, hold every equilibrium payoff, and those that grow from stage
equilibria and from leaving together hold equilibrium payoffs alone. In floats both get a slack for rounding, by which
what grows may take in what just fails a constraint; in rationals there is none.
"""

from dataclasses import dataclass

import numpy as np

from bargaining import RepeatedGame
from bargaining._rational import fractions
from polygons import Leaving, convex, hull

NEAR = 1e-12


@dataclass(frozen=True)
class PlaneOperator:
    stage: np.ndarray  # (profiles, 2)
    best: np.ndarray
    discounts: np.ndarray
    leaving: Leaving | None
    scale: float
    slack: float
    exact: bool

    @classmethod
    def of(cls, repeated: RepeatedGame, *, exact: bool = False) -> "PlaneOperator":
        """In floats or in rationals."""
        payoffs = fractions(repeated.game.exact) if exact else repeated.game.payoffs
        discounts = repeated.exact_discounts if exact else repeated.discounts
        a, b = payoffs[..., 0], payoffs[..., 1]
        best = np.stack(
            [np.broadcast_to(a.max(axis=0), a.shape), np.broadcast_to(b.max(axis=1)[:, None], b.shape)], -1
        )
        stage, leaving = payoffs.reshape(-1, 2), Leaving.of(repeated.exit)
        if leaving is not None and not exact:
            leaving = Leaving([tuple(map(float, row)) for row in leaving.table], leaving.who)
        every = np.vstack([stage, *([np.array(leaving.table)] if leaving else [])])
        scale = float(np.ptp(every, axis=0).max()) or 1.0
        slack = 0 if exact else NEAR * scale
        return cls(stage, best.reshape(-1, 2), discounts, leaving, scale, slack, exact)

    def box(self) -> np.ndarray:
        """Everything that early and late payoffs can add up to."""
        every = np.vstack([self.stage, *([np.array(self.leaving.table)] if self.leaving else [])])
        (left, low), (right, high) = every.min(axis=0), every.max(axis=0)
        return np.array([[left, low], [right, low], [right, high], [left, high]])

    def points(self, polygon: np.ndarray) -> np.ndarray:
        """Points whose hull is what the operator makes of a polygon."""
        out, least, d, slack = [], np.full(2, np.inf), self.discounts, self.slack
        threat = polygon.min(axis=0)
        for g, c in zip(self.stage, self.best, strict=True):
            w = polygon
            for i in (0, 1):
                w = _above(w, i, threat[i] + (1 - d[i]) / d[i] * (c[i] - g[i]) - slack)
            if not len(w):
                continue
            v = (1 - d) * g + d * w
            least = np.minimum(least, v.min(axis=0))
            for k in self.leaving.who if self.leaving else ():
                v = _above(v, k, self.leaving.table[k][k] - slack)
            out.append(v)
        if self.leaving:
            out.append(np.array(self.leaving.equilibria(list(least - slack))).reshape(-1, 2))
        return np.vstack([*out, np.empty((0, 2))])

    def outside(self, directions: np.ndarray, rounds: int) -> np.ndarray:
        """A polygon that holds every equilibrium payoff: so many rounds, cut in these directions."""
        polygon = self.box()
        for _ in range(rounds):
            points = self.points(polygon)
            if not len(points):
                return points
            before = polygon
            for n, reach in zip(directions, (directions @ points.T).max(axis=1), strict=True):
                polygon = _below(polygon, n, reach + self.slack)
            if len(before) == len(polygon) and np.abs(before - polygon).max() <= 1e-10 * self.scale:
                break
        return polygon

    def inside(self, rounds: int) -> np.ndarray:
        """Equilibrium payoffs: what grows from stage equilibria that nobody leaves, and from leaving together."""
        still = [g for g, c in zip(self.stage, self.best, strict=True) if (g == c).all()]
        if self.leaving:
            still = [g for g in still if all(g[k] >= self.leaving.table[k][k] for k in self.leaving.who)]
            if len(self.leaving.who) == 2:
                still += [np.array(w) for w in self.leaving.equilibria([np.inf, np.inf])]
        grown = np.array(still).reshape(-1, 2)
        for _ in range(rounds if len(grown) else 0):
            points = np.vstack([grown, self.points(grown)])
            grown = np.array(convex([*map(tuple, points)])) if self.exact else hull(points)
        return grown


def circle(count: int) -> np.ndarray:
    """Directions all around, the axes exactly among them if they are a multiple of four."""
    angle = 2 * np.pi * np.arange(count) / count
    found = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.where(np.abs(found) < 1e-15, 0.0, found)


def _above(polygon: np.ndarray, i: int, bound: float) -> np.ndarray:
    normal = np.array([-1, 0] if i == 0 else [0, -1])
    return _below(polygon, normal, -bound)


def _below(polygon: np.ndarray, normal: np.ndarray, bound: float) -> np.ndarray:
    """The part of a polygon, of any dimension, on one side of a line."""
    height = polygon @ normal - bound
    if (height <= 0).all():
        return polygon
    after, next_height = np.roll(polygon, -1, axis=0), np.roll(height, -1)
    crosses = (height < 0) & (next_height > 0) | (height > 0) & (next_height < 0)
    share = np.where(crosses, height, 0) / np.where(crosses, height - next_height, 1)
    corners = np.stack([polygon, polygon + share[:, None] * (after - polygon)], axis=1).reshape(-1, 2)
    return corners[np.stack([height <= 0, crosses], axis=1).ravel()]
