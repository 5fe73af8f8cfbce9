"""Polygons of many states as faces: each state has its own normals, in the order of angles, including the axes.

All states are stored in one array, sorted by the angles of faces; angles of different states differ by more than a
full turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Indices
from bargaining.equilibria._plane.model import Mask
from bargaining.equilibria._plane.polygon import Polygon, hull
from bargaining.feasible._polygon import clip

_AXES = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
_SAME_ANGLE = 1e-9  # radians: of two faces closer than this one is left out
_TURN = 8.0  # more than a full turn
_FLAT = 1e-9  # of the unit box: sets thinner than about this are cut face by face
_ROUNDING = 1e-14  # of the unit box: rounding that must not cut off a set that is a point or a segment
_STEEP = 1e3  # sum of the weights of two faces above which rounding moves their corner far: they are nearly parallel
_BOX: Polygon = [(-1.0, -1.0), (2.0, -1.0), (2.0, 2.0), (-1.0, 2.0)]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The faces of all states, one after the other; a state without payoffs has none.

    Corner k is where face k meets the next one of its state.
    """

    first: Indices  # (S + 1,): where the faces of each state begin, and where the last state's end
    state: Indices  # (F,)
    normals: Floats  # (F, 2)
    levels: Floats  # (F,)
    corners: Floats  # (F, 2)
    keys: Floats  # (F,)

    @classmethod
    def of(cls, polygons: list[Polygon], allowed: float = 0.0) -> Faces:
        """Bound polygons by enough of their edges to keep the error within the tolerance."""
        sizes = np.array([len(polygon) for polygon in polygons])
        first = np.cumsum([0, *sizes])
        points = np.array([point for polygon in polygons for point in polygon]).reshape(-1, 2)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        steps = points[_next(first, owner)] - points
        length = np.hypot(*steps.T)
        long = length > 0.0
        edges = np.stack([steps[long, 1], -steps[long, 0]], axis=1) / length[long, None]
        some = np.flatnonzero(sizes)
        normals = np.vstack([np.tile(_AXES, (some.size, 1)), edges])
        states = np.concatenate([np.repeat(some, len(_AXES)), owner[long]])
        keys = np.arctan2(normals[:, 1], normals[:, 0]) + _TURN * states
        order = np.argsort(keys, kind="stable")
        order = order[_distinct(keys[order], states[order], order < len(_AXES) * some.size)]
        states, normals = states[order], normals[order]
        levels = (normals * _farthest(points, first, states, normals)).sum(axis=1)
        kept = _thinned(states, normals, levels, allowed)
        states, normals, levels, keys = states[kept], normals[kept], levels[kept], keys[order][kept]
        bounds = np.searchsorted(states, np.arange(len(sizes) + 1))
        if allowed:
            corners = _meeting(bounds, states, normals, levels)
        else:
            corners = _farthest(points, first, states, normals + normals[_next(bounds, states)])
        return cls(bounds, states, normals, levels, corners, keys)

    def moved(self, levels: Floats) -> list[Polygon]:
        """Return the polygons of the faces at other levels."""
        kept = _thinned(self.state, self.normals, levels, 0.0, fixed=False)
        state, normals, level = self.state[kept], self.normals[kept], levels[kept]
        first = np.searchsorted(state, np.arange(len(self.first)))
        points = _meeting(first, state, normals, level)
        steps = points - points[_before(first, state)]
        ahead = normals[:, 0] * steps[:, 1] - normals[:, 1] * steps[:, 0]
        # Nearly parallel faces meet at the ends of a needle, so that rounding moves its corners far.
        around = points - points[first[state]]
        area = around[:, 0] * steps[:, 1] - around[:, 1] * steps[:, 0]
        wide = np.bincount(state, area - _FLAT * np.abs(steps).sum(axis=1), minlength=len(first) - 1) > 0.0
        odd = np.bincount(state, ahead < 0.0, minlength=len(first) - 1) > 0
        out: list[Polygon] = []
        for s in range(len(self.first) - 1):
            here = slice(first[s], first[s + 1])
            if self.first[s] == self.first[s + 1]:
                out.append([])
            elif odd[s] or not wide[s] or first[s + 1] - first[s] < len(_AXES) - 1:
                out.append(self._cut(s, levels))
            else:
                corners = [(x, y) for x, y in points[here].tolist()]
                out.append([corners[k] for k in hull(corners)])
        return out

    def _cut(self, s: int, levels: Floats) -> Polygon:
        """Cut a box by the faces of one state, one by one."""
        polygon, here = _BOX, slice(self.first[s], self.first[s + 1])
        for (x, y), level in zip(self.normals[here].tolist(), levels[here].tolist(), strict=True):
            polygon = clip(polygon, (x, y), level + _ROUNDING)
        return [polygon[k] for k in hull(polygon)]

    def at(self, polygons: list[Polygon]) -> Floats:
        """Return how far other polygons reach in the directions of the faces; minus infinity without a polygon."""
        out = np.full(len(self.state), -np.inf)
        for s, polygon in enumerate(polygons):
            here = slice(self.first[s], self.first[s + 1])
            if polygon and here.start < here.stop:
                out[here] = (self.normals[here] @ np.array(polygon).T).max(axis=1)
        return out

    @property
    def lower(self) -> Indices:
        """The face of each player's lowest payoff in each state, shape (S, 2); 0 where there is none."""
        out = np.zeros((len(self.first) - 1, 2), np.intp)
        for i in (0, 1):
            face = np.flatnonzero(self.normals[:, i] == -1.0)
            out[self.state[face], i] = face
        return out

    @property
    def before(self) -> Floats:
        """The corner before each face, shape (F, 2)."""
        return np.asarray(self.corners[_before(self.first, self.state)])

    def around(self, states: Indices, pulls: Floats) -> tuple[Indices, Indices]:
        """Return the faces before and after directions of shape (..., 2), in given states."""
        angle = np.arctan2(pulls[..., 1], pulls[..., 0])
        before = np.searchsorted(self.keys, angle + _TURN * states, side="right") - 1
        before = np.where(before < self.first[states], self.first[states + 1] - 1, before)
        after = before + 1
        return before, np.where(after >= self.first[states + 1], self.first[states], after)

    def weights(self, before: Indices, after: Indices, pulls: Floats) -> tuple[Floats, Floats, Floats]:
        """Return non-negative weights of the two faces around pulls, and the largest remainder of a pull.

        Payoffs lie in the unit box, so the value of a remainder is at most its positive part.
        """
        (a, b), (c, d), (x, y) = (
            np.moveaxis(part, -1, 0) for part in (self.normals[before], self.normals[after], pulls)
        )
        turn = a * d - b * c
        one, other = np.maximum(x * d - y * c, 0.0) / turn, np.maximum(a * y - b * x, 0.0) / turn
        rest = np.maximum(x - one * a - other * c, 0.0) + np.maximum(y - one * b - other * d, 0.0)
        return one, other, rest

    def lowest(self) -> Floats:
        """Return each player's lowest payoff in each state, shape (S, 2); infinite where there is none."""
        out = np.full((len(self.first) - 1, 2), np.inf)
        some = np.diff(self.first) > 0
        out[some] = -self.levels[self.lower[some]]
        return out


def _farthest(points: Floats, first: Indices, states: Indices, directions: Floats) -> Floats:
    """Return the point of each direction's state that is farthest in the direction; directions are ordered by state."""
    found = np.empty(len(states), np.intp)
    bounds = np.searchsorted(states, np.arange(len(first)))
    for s in np.flatnonzero(np.diff(bounds)).tolist():
        here = slice(bounds[s], bounds[s + 1])
        found[here] = first[s] + (directions[here] @ points[first[s] : first[s + 1]].T).argmax(axis=1)
    return np.asarray(points[found])


def _next(first: Indices, state: Indices) -> Indices:
    """Return the place after each one in its state."""
    after = np.arange(1, len(state) + 1)
    return np.where(after >= first[state + 1], first[state], after)


def _before(first: Indices, state: Indices) -> Indices:
    """Return the place before each one in its state."""
    before = np.arange(len(state)) - 1
    return np.where(before < first[state], first[state + 1] - 1, before)


def _distinct(keys: Floats, states: Indices, axis: Mask) -> Indices:
    """Return which of sorted angles to keep: the axes, and angles not too close to these or to the previous one."""
    first = np.searchsorted(states, np.arange(states[-1] + 2 if states.size else 1))
    before, after = _before(first, states), _next(first, states)
    full = 2.0 * np.pi
    gap = keys - keys[before]
    gap += full * (gap < 0.0)
    ahead = gap[after]
    kept = axis | ((gap > _SAME_ANGLE) & ~((ahead <= _SAME_ANGLE) & axis[after]))
    return np.flatnonzero(kept)


def _meeting(first: Indices, state: Indices, normals: Floats, levels: Floats) -> Floats:
    """Return where each face meets the next one of its state."""
    after = _next(first, state)
    (a, b), (c, d) = normals.T, normals[after].T
    turn = a * d - b * c
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.stack(
            [(levels * d - levels[after] * b) / turn, (a * levels[after] - c * levels) / turn], axis=1
        )


def _thinned(
    state: Indices, normals: Floats, levels: Floats, allowed: float, *, fixed: bool = True
) -> Indices:
    """Return the faces to keep: drop those whose neighbours meet close enough to them; the axes stay if fixed.

    The error of faces dropped earlier counts.
    """
    left = np.arange(len(state))
    axes = np.abs(normals).max(axis=1) == 1.0 if fixed else np.zeros(len(state), bool)
    slack, states = np.zeros(len(state)), int(state[-1]) + 1 if state.size else 0
    while left.size:
        here = state[left]
        first = np.searchsorted(here, np.arange(states + 1))
        p, q = _before(first, here), _next(first, here)
        (x, y), c = normals[left].T, levels[left]
        turn = x[p] * y[q] - y[p] * x[q]
        with np.errstate(divide="ignore", invalid="ignore"):
            one, other = (x * y[q] - y * x[q]) / turn, (x[p] * y - y[p] * x) / turn
            high = one * c[p] + other * c[q] - c + slack[left]
        kept = axes[left] | ~((turn > 0.0) & (one >= 0.0) & (other >= 0.0) & (one + other < _STEEP))
        high = np.where(kept, np.inf, high)
        # Of two neighbours only the one that costs less is dropped; ties are resolved by place.
        rank = np.empty(left.size, np.intp)
        rank[np.argsort(high, kind="stable")] = np.arange(left.size)
        goes = high <= allowed
        blocked = np.where(goes, rank, left.size)
        goes &= (rank < blocked[p]) & (rank < blocked[q])
        if not goes.any():
            break
        cost = np.where(goes, np.maximum(high, 0.0), 0.0)
        slack[left] = np.maximum(slack[left], np.maximum(cost[p], cost[q]))
        left = left[~goes]
    return left
