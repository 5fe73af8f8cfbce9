r"""One application of the equilibrium operator to a polygon of continuation payoffs.

A profile :math:`a` followed by a continuation :math:`w` gives :math:`v_i = (1-\delta_i) g_i(a) + \delta_i w_i` and is
stable if :math:`w_i \ge b_i(a) = P_i + \frac{1-\delta_i}{\delta_i} (c_i(a) - g_i(a))`, where :math:`c_i` is the
best-deviation payoff and :math:`P` the threat; a player who may leave for :math:`o_i` needs :math:`v_i \ge o_i` too.
Everything here is in the unit box. A block is a set of profiles with a common polygon of continuations and a common
threat; a repeated game has a single block.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import (
    BOTTOM,
    CORNER,
    FINE,
    LEAVE,
    LEFT,
    RIGHT,
    SLACK,
    STATIC,
    TOP,
    VERTEX,
    Leave,
    Tag,
)
from bargaining.equilibria._plane.polygon import MERGE, Chain, Chains, Point, Polygon, hull, lowest, outline


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Profiles that share a continuation set; arrays of shape (2, profiles), in the unit box."""

    payoffs: Floats
    best: Floats
    now: Floats  # (1 - discount) * payoffs
    gain: Floats  # (1 - discount) / discount * (best - payoffs), infinite for an impatient player who gains
    floor: Floats | None  # the least continuation at which a player stays; None if nobody may leave
    discounts: Floats  # shape (2, 1)
    leaves: tuple[Leave, ...]
    index: NDArray[np.intp]  # the profile's number in the game
    common: bool  # whether both players are equally patient

    def thresholds(self, threat: Point) -> Floats:
        """Return the lowest continuation that keeps each player to each profile, shape (2, profiles)."""
        needed: Floats = self.gain + np.array(threat)[:, None]
        return needed if self.floor is None else np.maximum(needed, self.floor)

    def keep(self, alive: NDArray[np.bool_] | NDArray[np.intp]) -> Block:
        """Return the block of the profiles that are `alive`, given by a mask or by their places."""
        k = np.flatnonzero(alive) if alive.dtype == bool else alive
        payoffs, best = self.payoffs.take(k, axis=1), self.best.take(k, axis=1)
        now, gain = self.now.take(k, axis=1), self.gain.take(k, axis=1)
        floor = None if self.floor is None else self.floor.take(k, axis=1)
        index = self.index.take(k)
        return Block(payoffs, best, now, gain, floor, self.discounts, self.leaves, index, self.common)

    def left(self, floor: Floats | None, leaves: tuple[Leave, ...]) -> Block:
        """Return the block with other payoffs of leaving."""
        arrays = self.payoffs, self.best, self.now, self.gain
        return Block(*arrays, floor, self.discounts, leaves, self.index, self.common)

    def threat_bound(self, own: Point) -> Point:
        """Return a lower bound of the threat: each player's lowest best-reply payoff over the live profiles."""
        x, y = self.best.min(axis=1, initial=np.inf).tolist()
        x, y = max(x, own[0]), max(y, own[1])
        for leave in self.leaves:
            x, y = min(x, leave.payoffs[0]), min(y, leave.payoffs[1])
        return x, y


class Image(NamedTuple):
    """The value of the operator: vertices, how each is generated, and which profiles can be played."""

    polygon: Polygon
    tags: list[Tag]
    alive: NDArray[np.bool_]


def apply(block: Block, polygon: Polygon, threat: Point, *, full: bool = False) -> Image:
    r"""Return the hull of all payoffs that some profile gives with continuations in `polygon`.

    For equally patient players a profile whose own payoffs meet the constraints contributes these payoffs
    alone, and any other only continuations where a constraint binds (Abreu and Sannikov 2014): the
    remaining continuations give no extreme point of the largest fixed point. That holds along iterations from
    the hull of the stage payoffs; a polygon that was cut otherwise is mapped by the `full` operator once, with
    every continuation, as for players who differ in patience.
    """
    chains = Chains(polygon)
    b = block.thresholds(threat)
    w, feasible = binding(chains, b)
    alive = feasible[0] | feasible[2]
    columns = [np.array(leave.payoffs)[:, None] for leave in block.leaves]
    static = unbound = None
    if block.common and not full:
        fixed = (block.payoffs >= b - SLACK).all(axis=0)
        if fixed.any():
            feasible &= ~fixed
            alive |= fixed
            static = np.flatnonzero(fixed)
            columns.append(block.payoffs[:, static])
    else:
        unbound = _unbound(polygon, b)
        alive[unbound[0]] = True
    where = np.flatnonzero(feasible)
    ahead = w.reshape(2, -1).take(where, axis=1)
    columns.append(block.now.take(where % b.shape[1], axis=1) + block.discounts * ahead)
    if unbound is not None:
        columns.append(block.now[:, unbound[0]] + block.discounts * np.array(polygon).T[:, unbound[1]])
    points = np.concatenate(columns, axis=1)
    corners = outline(points, polygon, merge=MERGE if block.common else FINE)
    origin = _Origin(w, b, where, static, unbound)
    image = list(zip(*points[:, corners].tolist(), strict=True))
    tags = [origin.tag(block, k) for k in corners]
    snap(block, image, tags)
    return Image(image, tags, alive)


def snap(block: Block, image: Polygon, tags: list[Tag]) -> None:
    """Replace vertices that are outcomes of leaving but for rounding."""
    for leave in block.leaves:
        x, y = leave.payoffs
        for k, (p, q) in enumerate(image):
            if abs(p - x) + abs(q - y) <= MERGE:
                image[k], tags[k] = leave.payoffs, (LEAVE, -1, leave.number)


def binding(chains: Chains, b: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the continuations with a binding constraint, shape (2, 4, profiles), and which of them exist."""
    x, y = b
    w = np.empty((2, 4, x.size))
    w[0, 0] = w[0, 1] = x
    w[1, 2] = w[1, 3] = y
    w[1, 0] = np.interp(x, *chains.top[:2])
    w[0, 2] = np.interp(y, *chains.right[:2])
    np.maximum(np.interp(x, *chains.bottom[:2]), y, out=w[1, 1])
    np.maximum(np.interp(y, *chains.left[:2]), x, out=w[0, 3])
    feasible = np.empty((4, x.size), dtype=bool)
    feasible[0] = feasible[1] = (x <= chains.high[0] + SLACK) & (w[1, 0] >= y - SLACK)
    feasible[2] = feasible[3] = (y <= chains.high[1] + SLACK) & (w[0, 2] >= x - SLACK)
    return w, feasible


def playable(block: Block, chains: Chains, b: Floats) -> NDArray[np.bool_]:
    """Return which profiles have a continuation that meets their constraints."""
    x, y = b
    up = (x <= chains.high[0] + SLACK) & (np.interp(x, *chains.top[:2]) >= y - SLACK)
    right = (y <= chains.high[1] + SLACK) & (np.interp(y, *chains.right[:2]) >= x - SLACK)
    alive: NDArray[np.bool_] = up | right | (block.payoffs >= b - SLACK).all(axis=0)
    return alive


def _unbound(polygon: Polygon, b: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return all pairs of a profile and a vertex that meets the profile's constraints."""
    w = np.array(polygon)
    profile, vertex = np.nonzero((w.T[:, None, :] >= b[:, :, None] - SLACK).all(axis=0))
    return profile, vertex


def least_by_staying(block: Block, polygon: Polygon, player: int) -> float:
    """Return the player's lowest payoff after all have stayed; infinity if nothing can be played."""
    chains, threat = Chains(polygon), lowest(polygon)
    b = block.gain + np.array(threat)[:, None]
    own, other = b[player], b[1 - player]
    chain, far = (chains.left, chains.right) if player == 0 else (chains.bottom, chains.top)
    start = max(k for k, value in enumerate(chain[1]) if value == chains.low[player])
    least = np.maximum(np.interp(other, chain[0][start:], chain[1][start:]), own)
    peak = max(k for k, value in enumerate(far[1]) if value == chains.high[player])
    most = np.interp(other, far[0][peak:], far[1][peak:])
    playable = (other <= chains.high[1 - player] + SLACK) & (most >= own - SLACK)
    now, delta = block.now[player][playable], block.discounts.item(player)
    return float((now + delta * least[playable]).min(initial=np.inf))


class _Origin(NamedTuple):
    """The origin of the columns of the operator's points, in their order."""

    w: Floats
    b: Floats
    where: NDArray[np.intp]  # after the columns of exits and `static`, before those of `unbound`
    static: NDArray[np.intp] | None
    unbound: tuple[NDArray[np.intp], NDArray[np.intp]] | None

    def tag(self, block: Block, column: int) -> Tag:
        if column < len(block.leaves):
            return LEAVE, -1, block.leaves[column].number
        column -= len(block.leaves)
        if self.static is not None:
            if column < self.static.size:
                return STATIC, block.index.item(self.static.item(column)), -1
            column -= self.static.size
        if column < self.where.size:
            kind, profile = divmod(self.where.item(column), self.b.shape[1])
            if (kind == BOTTOM and self.w.item(1, 1, profile) == self.b.item(1, profile)) or (
                kind == LEFT and self.w.item(0, 3, profile) == self.b.item(0, profile)
            ):
                kind = CORNER
            return kind, block.index.item(profile), -1
        assert self.unbound is not None
        profiles, vertices = self.unbound
        column -= self.where.size
        return VERTEX, block.index.item(profiles.item(column)), vertices.item(column)


FEW = 20
"""The version for few profiles is faster up to this many."""


def apply_to_few(block: Block, polygon: Polygon, threat: Point) -> Image:
    """Return what `apply` does for equally patient players."""
    chains = Chains(polygon)
    delta = block.discounts.item(0)
    points: list[Point] = [leave.payoffs for leave in block.leaves]
    tags: list[Tag] = [(LEAVE, -1, leave.number) for leave in block.leaves]
    alive = []
    floors = block.thresholds(threat).T.tolist()
    for k, (gx, gy), (nx, ny), (x, y) in zip(
        block.index.tolist(), block.payoffs.T.tolist(), block.now.T.tolist(), floors, strict=True
    ):
        if gx >= x - SLACK and gy >= y - SLACK:
            points.append((gx, gy))
            tags.append((STATIC, k, -1))
            alive.append(True)
            continue
        before = len(points)
        if x <= chains.high[0] + SLACK and (high := _at(chains.top, x)) >= y - SLACK:
            low = _at(chains.bottom, x)
            points += [(nx + delta * x, ny + delta * high), (nx + delta * x, ny + delta * max(low, y))]
            tags += [(TOP, k, -1), (BOTTOM if low > y else CORNER, k, -1)]
        if y <= chains.high[1] + SLACK and (far := _at(chains.right, y)) >= x - SLACK:
            near = _at(chains.left, y)
            points += [(nx + delta * far, ny + delta * y), (nx + delta * max(near, x), ny + delta * y)]
            tags += [(RIGHT, k, -1), (LEFT if near > x else CORNER, k, -1)]
        alive.append(len(points) > before)
    corners = hull(points)
    vertices, made = [points[k] for k in corners], [tags[k] for k in corners]
    snap(block, vertices, made)
    return Image(vertices, made, np.array(alive, dtype=bool))


def _at(chain: Chain, argument: float) -> float:
    """Interpolate as `numpy.interp` does."""
    arguments, values, _ = chain
    if argument <= arguments[0]:
        return values[0]
    if argument >= arguments[-1]:
        return values[-1]
    k = bisect_right(arguments, argument)
    left, right = arguments[k - 1], arguments[k]
    return (values[k] - values[k - 1]) / (right - left) * (argument - left) + values[k - 1]
