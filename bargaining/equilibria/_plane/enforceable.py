r"""The violation by payoff sets of their definition, computed from the vertices alone.

With :math:`V_s` for the set of state s, P for its lowest payoffs, and D for what best deviations give, the sets are

.. math:: V_s = \operatorname{co}\, \{ v : v_i = (1-\delta_i) g_i(a) + \delta_i w_i,\;
          w \in \textstyle\sum_{s'} P(s' \mid s, a)\, V_{s'},\; v_i \ge D_i(s, a) \}

and outcomes of leaving. So every vertex needs a profile that gives it, with something promised that lies in the sets,
and that nobody gains by leaving or by another action; and nothing that profiles give may lie outside. What is missing
is measured as a share of each player's payoff range. Nothing here is shared with the searches: neither how they
found the vertices nor their slacks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import outcomes
from bargaining.equilibria._plane.polygon import hull
from bargaining.games.normal_form import best_replies
from bargaining.games.stochastic import StochasticGame

_ROOM = 1e-10  # by which a profile must be sustained to count as one that the sets should allow for
_TABLE = 4_000_000  # entries of a table of vertices and profiles

Indices = NDArray[np.intp]


def residuals(game: StochasticGame, sets: Sequence[Floats], threats: Sequence[Floats]) -> list[float]:
    """Return the violation of the definition by the set of each state, given the other sets.

    Parameters
    ----------
    game : StochasticGame
        Two players.
    sets : sequence of ndarray of shape (m, 2)
        The vertices of each state.
    threats : sequence of ndarray of shape (2,)
        The stated lowest payoffs of each.

    Returns
    -------
    list of float
        Not negative; infinity if nothing can generate a set.
    """
    ends = [[] if leave is None else outcomes(leave) for leave in game.exits]
    stages = [stage.payoffs.reshape(-1, 2) for stage in game.games]
    every = np.concatenate(
        [*stages, *(np.array([end.payoffs for end in some]).reshape(-1, 2) for some in ends)]
    )
    low, size = every.min(axis=0), np.ptp(every, axis=0)
    size = np.where(size > 0.0, size, 1.0)
    shapes = [_Shape.of((np.asarray(some) - low) / size) for some in sets]
    least = np.array([shape.low for shape in shapes])
    out = []
    for s, shape in enumerate(shapes):
        state = _State.of(game, s, (stages[s] - low) / size, (game.exit_own[s] - low) / size, least, shapes)
        points = [((np.array(end.payoffs) - low) / size, end.leaver) for end in ends[s]]
        claimed = (np.asarray(threats[s], dtype=float) - low) / size
        wrong = float(np.abs(claimed - shape.low).max()) if len(shape.points) else 0.0
        out.append(max(wrong, state.unplayed(shape, points), state.beyond(shape, points)))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class _Shape:
    """A convex polygon of any dimension, and its boundary as functions of either coordinate."""

    points: Floats  # (m, 2), counter-clockwise
    low: Floats  # (2,) the lowest coordinates, infinite of nothing
    # by coordinate: lower chain at, values; upper chain
    chains: tuple[tuple[Floats, Floats, Floats, Floats], ...]

    @classmethod
    def of(cls, points: Floats) -> _Shape:
        """Return the hull of points."""
        ring = hull([(x, y) for x, y in points.tolist()], merge=0.0)
        corners = points[ring]
        if not ring:
            return cls(corners.reshape(0, 2), np.full(2, inf), ())
        return cls(corners, corners.min(axis=0), (_chains(corners), _chains(corners[::-1, ::-1])))

    def scaled(self, factors: Floats) -> _Shape:
        """Return the polygon with its coordinates multiplied by factors that are not negative."""
        if (factors > 0.0).all():
            chains = tuple(
                (x * factors[i], low * factors[1 - i], z * factors[i], high * factors[1 - i])
                for i, (x, low, z, high) in enumerate(self.chains)
            )
            return _Shape(self.points * factors, self.low * factors, chains)
        return _Shape.of(self.points * factors)

    def between(self, i: int, at: Floats) -> tuple[Floats, Floats]:
        """Return the lowest and the highest of the other coordinate where coordinate i has some values within reach."""
        x, low, z, high = self.chains[i]
        return np.interp(at, x, low), np.interp(at, z, high)

    def away(self, points: Floats) -> Floats:
        """Return how far points of shape (..., 2) lie outside, along a coordinate: no less than the true distance."""
        out = np.full(points.shape[:-1], inf)
        for i in (0, 1) if len(self.points) else ():
            x = np.clip(points[..., i], self.chains[i][0][0], self.chains[i][0][-1])
            low, high = self.between(i, x)
            y = points[..., 1 - i]
            off = np.maximum(np.maximum(low - y, y - high), 0.0)
            out = np.minimum(out, off + np.abs(points[..., i] - x))
        return out


def _chains(corners: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the lower and the upper boundary as functions of the first coordinate."""
    x, y = corners.T
    start, stop = np.lexsort((y, x))[0], np.lexsort((y, -x))[0]
    last, back = np.lexsort((-y, -x))[0], np.lexsort((-y, x))[0]
    lower, upper = _walk(start, stop, len(x)), _walk(last, back, len(x))[::-1]
    return x[lower], y[lower], x[upper], y[upper]


def _walk(start: int, stop: int, count: int) -> Indices:
    return np.arange(start, stop + 1 if stop >= start else stop + count + 1) % count


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """What can be played in one state, in the unit box: profiles by what may follow them."""

    now: Floats  # (N, 2)
    needed: Floats  # (N, 2): what best deviations give
    own: Floats  # (2,): what leaving gives, minus infinity to one who may not
    discounts: Floats  # (2,)
    groups: list[tuple[Indices, _Shape]]

    @classmethod
    def of(
        cls,
        game: StochasticGame,
        s: int,
        payoffs: Floats,
        own: Floats,
        least: Floats,
        shapes: Sequence[_Shape],
    ) -> _State:
        delta, law = game.discounts, game.transition(s).reshape(len(payoffs), -1)
        now = (1.0 - delta) * payoffs
        threats = np.where(np.isfinite(least), least, 0.0)
        lost = law @ ~np.isfinite(least[:, 0]) > 0.0
        worth = np.where(lost[:, None], inf, now + delta * (law @ threats))
        needed = best_replies(worth.reshape(*game.shape(s), 2))
        laws, which = np.unique(law, axis=0, return_inverse=True)
        groups = [
            (np.flatnonzero(which.ravel() == k), _sum(shapes, row))
            for k, row in enumerate(laws)
            if all(len(shapes[t].points) for t in np.flatnonzero(row).tolist())
        ]
        return cls(now, needed.reshape(-1, 2), own, delta, groups)

    def unplayed(self, shape: _Shape, ends: list[tuple[Floats, int | None]]) -> float:
        """Return the largest distance of a vertex from payoffs of profiles or leaving at which nobody deviates."""
        best = np.full(len(shape.points), inf)
        for rows, after in self.groups:
            needed, steps = np.maximum(self.needed, self.own)[rows], _TABLE // len(rows) + 1
            for k in range(0, len(best), steps):
                part = shape.points[k : k + steps, None]
                regret = (needed - part).max(axis=-1)
                off = after.scaled(self.discounts).away(part - self.now[rows])
                best[k : k + steps] = np.minimum(best[k : k + steps], np.maximum(regret, off).min(axis=1))
        for point, leaver in ends:
            regret = 0.0 if leaver is None else self.least_by_staying(leaver) - point[leaver]
            best = np.minimum(best, np.maximum(np.abs(shape.points - point).max(axis=1), regret))
        return float(np.maximum(best, 0.0).max(initial=0.0))

    def beyond(self, shape: _Shape, ends: list[tuple[Floats, int | None]]) -> float:
        """Return how far payoffs of profiles, or of leaving, lie outside; with a margin for rounding."""
        played = self._given(np.maximum(self.needed, self.own) + _ROOM)
        off = [0.0, *(float(shape.away(given).max(initial=0.0)) for given in played)]
        for point, leaver in ends:
            if leaver is None or self.least_by_staying(leaver) + _ROOM <= point[leaver]:
                off.append(float(shape.away(point)))
        return max(off)

    def least_by_staying(self, player: int) -> float:
        """Return the lowest payoff of a player once all have stayed; infinity if nothing can be played."""
        return min(
            (float(given[:, player].min(initial=inf)) for given in self._given(self.needed)), default=inf
        )

    def _given(self, needed: Floats) -> Iterator[Floats]:
        """Yield payoffs of profiles whose hull is the set of those that satisfy the constraints."""
        for rows, after in self.groups:
            now, least, given = self.now[rows], needed[rows], after.scaled(self.discounts)
            some = (least <= now + given.points.max(axis=0)).all(axis=1)
            now, least = now[some], least[some]
            v = now[:, None] + given.points
            yield v[(v >= least[:, None]).all(axis=-1)]
            for i in (0, 1):
                at = least[:, i] - now[:, i]
                held = at >= given.low[i]
                low, high = given.between(i, at[held])
                most = now[held, 1 - i] + high
                other = np.maximum(now[held, 1 - i] + low, least[held, 1 - i])
                reached = other <= most
                for end in (other[reached], most[reached]):
                    pair = least[held, i][reached], end
                    yield np.stack(pair if i == 0 else pair[::-1], axis=-1)


def _sum(shapes: Sequence[_Shape], law: Floats) -> _Shape:
    """Return the weighted sum of convex polygons: their edges in the order of their angles."""
    where = np.flatnonzero(law).tolist()
    if len(where) == 1:
        return shapes[where[0]]
    polygons = [law[t] * shapes[t].points for t in where]
    edges = np.concatenate([np.roll(p, -1, axis=0) - p for p in polygons])
    angle = np.arctan2(edges[:, 1], edges[:, 0])
    angle = np.where(angle < 0.0, angle + 2.0 * np.pi, angle)
    start = sum(p[np.lexsort((p[:, 0], p[:, 1]))[0]] for p in polygons)
    path = start + np.cumsum(edges[np.argsort(angle, kind="stable")], axis=0)
    return _Shape.of(np.concatenate([np.reshape(start, (1, 2)), path[:-1]]))
