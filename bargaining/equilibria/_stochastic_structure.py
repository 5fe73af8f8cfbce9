"""The fixed point of a structure in all states at once, by Newton.

A *structure* says for every vertex of every state which profile generates it and where its continuation lies:
where a constraint binds, on an edge of the continuation set, which moves one vertex of one state and holds
those of the others; else at one vertex of each state, the farthest in the direction of the vertex itself. The
vertices then solve a small bilinear system, whose cost does not depend on the discount factors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Fan, Indices
from bargaining.equilibria._operator import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, SLACK, TOP, VERTEX
from bargaining.equilibria._polygon import Polygon, outline
from bargaining.equilibria._stochastic_operator import Image, Mask, Model, Tag

_STEPS = 8
_HOLDS = (TOP, BOTTOM, CORNER), (RIGHT, LEFT, CORNER)  # the kinds at which each player's constraint binds
_LARGEST = 600  # vertices beyond which the system is not worth its solution


class Structure(NamedTuple):
    """Polygons, how each vertex is generated, and a direction in which it is the farthest.

    The direction is an angle turned a quarter left, so it compares with the angles of edges: those below it have
    been passed on the way to the vertex.
    """

    polygons: list[Polygon]
    tags: list[list[Tag]]
    angles: list[Floats]


def newton(model: Model, structure: Structure) -> list[Polygon] | None:
    """Return the hulls of the vertices that solve the equations of a structure, by Newton from its own vertices.

    None if the system is singular, too large or diverges.
    """
    if not 0 < sum(map(len, structure.polygons)) <= _LARGEST:
        return None
    system = _System.of(model, structure)
    z = system.start
    for _ in range(_STEPS):
        matrix, residual = system.linearise(z)
        try:
            step = np.linalg.solve(matrix, residual).reshape(-1, 2)
        except np.linalg.LinAlgError:
            return None
        z = z - step
        size = float(np.abs(step).max())
        if size < 1e-10:
            break
        if not size < 1e3:
            return None
    parts = np.split(z, np.cumsum([len(polygon) for polygon in structure.polygons])[:-1])
    return [_convex(part)[0] for part in parts]


def settled(model: Model, image: Image, source: list[Polygon], threat: Floats) -> Structure | None:
    """Return the structure of `image`, the operator's value at `source`, with its repetitions played out.

    What constraints hold stays as it is. A vertex that none holds is continued with the farthest vertices in
    its own direction, whose payoffs solve a linear system; it is dropped if the players would not go along.
    """
    if not 0 < sum(map(len, image.polygons)) <= _LARGEST:
        return None
    fan, angle = Fan(image.polygons), np.concatenate(_directions(image, source))
    tags = [tag for some in image.tags for tag in some]
    moving = np.flatnonzero([tag[0] == VERTEX for tag in tags])
    rows = np.array([tag[1] for tag in tags], dtype=np.intp)[moving]
    z = fan.vertices.copy()
    at = fan.at[np.searchsorted(fan.angle, angle[moving])]
    weights = model.transitions[rows]
    for i in (0, 1):
        matrix = np.zeros((len(moving), len(z)))
        np.add.at(matrix, (np.arange(len(moving))[:, None], at), model.discounts[i] * weights)
        still = z[:, i].copy()
        still[moving] = 0.0
        known = model.now[i, rows] + matrix @ still
        z[moving, i] = np.linalg.solve(np.eye(len(moving)) - matrix[:, moving], known)
    after = np.einsum("ks,ksi->ik", weights, z[at])
    b = model.thresholds(rows, model.deviations(threat), np.full((2, 1), -np.inf), staying=True)
    stands = moving[(after >= b - SLACK).all(axis=0)]
    return _gathered(image, fan, z, angle, stands)


def plain(image: Image, source: list[Polygon]) -> Structure:
    """Return the structure of `image`, the operator's value at `source`, as it is."""
    return Structure(image.polygons, image.tags, _directions(image, source))


def _gathered(image: Image, fan: Fan, z: Floats, angle: Floats, stands: Indices) -> Structure:
    """Return the hulls of what constraints hold and of the vertices that stand without."""
    out = Structure([], [], [])
    tags = [tag for some in image.tags for tag in some]
    for (low, high), held in zip(pairwise(fan.first.tolist()), image.held, strict=True):
        free = stands[(stands >= low) & (stands < high)].tolist()
        polygon, chosen = _convex(np.concatenate([held.points, z[free]]))
        every = held.tags + [tags[k] for k in free]
        angles = _outward(polygon)
        if len(chosen) == 1 and chosen[0] >= len(held.tags):
            angles[0] = angle[free[chosen[0] - len(held.tags)]]
        out.polygons.append(polygon)
        out.tags.append([every[k] for k in chosen])
        out.angles.append(angles)
    return out


def _convex(vertices: Floats) -> tuple[Polygon, list[int]]:
    chosen = outline(vertices.T)
    return [(x, y) for x, y in vertices[chosen].tolist()], chosen


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """The equations of K vertices; the unknowns are their coordinates, shape (K, 2)."""

    start: Floats
    fixed: Mask  # (K,): vertices that are exits
    now: Floats  # (K, 2)
    delta: Floats  # (2,)
    weights: Floats  # (K, S): probabilities of the next state
    source: Indices  # (K, S): the vertices continued with
    bound: Mask  # (K, 2): coordinates at which a constraint binds
    level: Floats  # (K, 2): what does not depend on the unknowns there
    punish: Floats  # (K, 2, S): discounted weights of the lowest payoffs there
    lowest: Indices  # (S, 2): the vertices with each player's lowest payoffs
    edge: Indices  # (K,): the state whose edge holds the continuation, -1 if none does
    next: Indices  # (K,): the far end of that edge

    @classmethod
    def of(cls, model: Model, structure: Structure) -> _System:
        fan, tags = Fan(structure.polygons), [tag for some in structure.tags for tag in some]
        kind = np.array([tag[0] for tag in tags])
        fixed = kind == LEAVE
        rows = np.where(fixed, 0, [tag[1] for tag in tags])
        lowest, threat = _lowest(structure.polygons, fan)
        level, punish, needed = _binding(model, rows, threat)
        with np.errstate(divide="ignore", invalid="ignore"):
            target = (needed - model.now[:, rows]) / model.discounts
        source, edge, follows = _located(model, fan, kind, rows, target, np.concatenate(structure.angles))
        return cls(
            start=fan.vertices,
            fixed=fixed,
            now=model.now[:, rows].T,
            delta=model.discounts[:, 0],
            weights=model.transitions[rows],
            source=source,
            bound=np.stack([np.isin(kind, across) for across in _HOLDS], axis=1),
            level=level,
            punish=punish,
            lowest=lowest,
            edge=edge,
            next=follows,
        )

    def linearise(self, z: Floats) -> tuple[Floats, Floats]:
        """Return the Jacobian, shape (2K, 2K), and the residual of the equations."""
        count, states = self.weights.shape
        each = np.arange(count)
        jacobian = np.zeros((count, 2, count, 2))
        base = np.einsum("ks,ksi->ki", self.weights, z[self.source])
        value = self.now + self.delta * base
        lows = z[self.lowest, [0, 1]]
        held = self.level + np.einsum("kis,si->ki", self.punish, lows)
        for i in (0, 1):
            moves = np.where(self.bound[:, i], 0.0, self.delta[i])
            punish = np.where(self.bound[:, i, None], self.punish[:, i], 0.0)
            for s in range(states):
                jacobian[each, i, self.source[:, s], i] -= moves * self.weights[:, s]
                jacobian[each, i, self.lowest[s, i], i] -= punish[:, s]
        residual = z - np.where(self.bound, held, value)
        self._along(z, base, residual, jacobian)
        residual[self.fixed] = 0.0
        jacobian[self.fixed] = 0.0
        jacobian[each, 0, each, 0] += 1.0
        jacobian[each, 1, each, 1] += 1.0
        return jacobian.reshape(2 * count, 2 * count), residual.reshape(-1)

    def _along(self, z: Floats, base: Floats, residual: Floats, jacobian: Floats) -> None:
        """Move the continuation along its edge to where the other coordinate meets its constraint."""
        for k in np.flatnonzero(self.edge >= 0).tolist():
            i = int(self.bound[k, 1])
            o, e = 1 - i, self.edge[k]
            p, q, weight = self.source[k, e], self.next[k], self.weights[k, e]
            width = z[q, i] - z[p, i]
            if weight == 0.0 or abs(width) < 1e-15 or self.delta[i] == 0.0:
                continue
            share = ((z[k, i] - self.now[k, i]) / self.delta[i] - base[k, i]) / (weight * width)
            slope = (z[q, o] - z[p, o]) / width
            residual[k, o] -= self.delta[o] * share * weight * (z[q, o] - z[p, o])
            row, d = jacobian[k, o], self.delta[o]
            row[k, i] -= d * slope / self.delta[i]
            for s in range(self.weights.shape[1]):
                row[self.source[k, s], i] += d * slope * self.weights[k, s]
            for vertex, sign in ((q, -1.0), (p, 1.0)):
                row[vertex, o] += sign * d * share * weight
                row[vertex, i] -= sign * d * share * weight * slope


def _lowest(polygons: list[Polygon], fan: Fan) -> tuple[Indices, Floats]:
    """Return the vertices with each player's lowest payoffs in each state, and these payoffs, shape (S, 2)."""
    lowest = np.zeros((len(polygons), 2), dtype=np.intp)
    threat = np.full((len(polygons), 2), np.inf)
    for s, polygon in enumerate(polygons):
        if polygon:
            lowest[s] = fan.first[s] + np.argmin(polygon, axis=0)
            threat[s] = np.min(polygon, axis=0)
    return lowest, threat


def _binding(model: Model, rows: Indices, threat: Floats) -> tuple[Floats, Floats, Floats]:
    """Return each constraint as level + punish . lowest payoffs, and its value: shapes (K, 2), (K, 2, S), (2, K)."""
    worth = model.values(threat)
    count, states = len(rows), model.transitions.shape[1]
    level, punish, needed = np.empty((count, 2)), np.empty((count, 2, states)), np.empty((2, count))
    for i in (0, 1):
        reply = model.replies[i].argbest(worth[i])[model.replies[i].group[rows]]
        own = model.own[model.state[rows], i]
        leaves = own > worth[i, reply]
        needed[i] = np.where(leaves, own, worth[i, reply])
        level[:, i] = np.where(leaves, own, model.now[i, reply])
        punish[:, i] = np.where(leaves[:, None], 0.0, model.discounts[i] * model.transitions[reply])
    return level, punish, needed


def _located(
    model: Model, fan: Fan, kind: Indices, rows: Indices, target: Floats, angles: Floats
) -> tuple[Indices, Indices, Indices]:
    """Return the vertices continued with, the state of the edge that holds the continuation, and its far end."""
    law = model.law[rows]
    sums = fan.sums(model.laws)
    position = np.searchsorted(fan.angle, angles)
    edge, follows = np.full(len(rows), -1), np.zeros(len(rows), dtype=np.intp)
    for walk in range(4):
        here = np.flatnonzero(kind == walk)
        if not here.size:
            continue
        crossing = sums.cross(walk, law[here], target[walk // 2, here])
        first, last = np.minimum(crossing.low, crossing.high), np.maximum(crossing.low, crossing.high)
        position[here] = first
        passed = (first < last) & (last - first == 1)
        wrapped = (last - first > 1) & (first == 0)
        position[here[wrapped]] = last[wrapped]
        on = here[passed | wrapped]
        edge[on] = fan.owner[np.minimum(position[on], len(fan.owner) - 1)]
    source = fan.at[position]
    ahead = fan.at[np.minimum(position + 1, len(fan.owner))]
    on = np.flatnonzero(edge >= 0)
    follows[on] = ahead[on, edge[on]]
    return source, edge, follows


def _directions(image: Image, source: list[Polygon]) -> list[Floats]:
    """Return, for each vertex, a direction in which it is the farthest.

    A polygon of one vertex takes the direction of the continuation that generates it, a vertex of the sum over
    `source`.
    """
    out = [_outward(polygon) for polygon in image.polygons]
    single = [s for s, polygon in enumerate(image.polygons) if len(polygon) == 1]
    if single:
        angle = Fan(source).angle
        for s in single:
            kind, _, position = image.tags[s][0]
            if kind == VERTEX and len(angle):
                out[s][0] = angle[max(position - 1, 0) : position + 1].mean()
    return out


def _outward(polygon: Polygon) -> Floats:
    n = len(polygon)
    if n < 2:
        return np.zeros(n)
    at = np.array(polygon)
    after = at[np.arange(1 - n, 1)] - at
    angle = np.arctan2(after[:, 1], after[:, 0])
    before = angle[np.arange(-1, n - 1)]
    middle = before + np.mod(angle - before, 2 * np.pi) / 2
    out: Floats = np.mod(middle + np.pi / 2, 2 * np.pi) - np.pi / 2
    return out
