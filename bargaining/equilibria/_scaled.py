"""A repeated game in the unit box, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._operator import LEAVE, SLACK, STATIC, Block, Leave, least_by_staying
from bargaining.equilibria._polygon import Point, Polygon, outline
from bargaining.games.repeated import Exit, RepeatedGame


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Payoffs as they are, shape (2, profiles), and the block of profiles in the unit box."""

    repeated: RepeatedGame
    low: Floats
    size: Floats
    payoffs: Floats
    best: Floats
    leaves: list[Leave]
    block: Block
    own: Point

    @classmethod
    def of(cls, repeated: RepeatedGame) -> Scaled:
        """Map the game to the unit box of all payoffs it can give."""
        leaving = repeated.exit
        payoffs, best = _rows(repeated.game.payoffs)
        leaves = [] if leaving is None else outcomes(leaving)
        low, high = payoffs.min(axis=1), payoffs.max(axis=1)
        for leave in leaves:
            low, high = np.minimum(low, leave.payoffs), np.maximum(high, leave.payoffs)
        size = high - low
        size[size == 0.0] = 1.0
        corner, scale = low[:, None], size[:, None]
        delta = repeated.discounts[:, None]
        unit, unit_best = (payoffs - corner) / scale, (best - corner) / scale
        now = (1.0 - delta) * unit
        own, floor = (-np.inf, -np.inf), None
        if leaving is not None:
            alone = (leaving.own - low) / size
            own, floor = (alone.item(0), alone.item(1)), _staying(alone[:, None], now, delta)
        units = tuple(Leave(_pair((np.array(k.payoffs) - low) / size), k.leaver, k.number) for k in leaves)
        common = delta.item(0) == delta.item(1)
        gain = _gain(unit_best - unit, delta)
        block = Block(unit, unit_best, now, gain, floor, delta, units, np.arange(unit.shape[1]), common)
        return cls(repeated, low, size, payoffs, best, leaves, block, own)

    def solve(self, limit: int) -> Search:
        """Return the finished search for the largest fixed point.

        Outcomes of leaving are first taken as given, which can only enlarge the set. Those that are not credible
        even then are dropped, and the search is done again: what is left is credible in its own set.
        """
        block, iterations, solves = self.block, 0, 0
        while True:
            search = self.search(block)
            search.run(limit)
            iterations, solves = iterations + search.iterations, solves + search.solves
            kept = tuple(leave for leave in block.leaves if self.credible(leave, search.polygon))
            if len(kept) == len(block.leaves):
                search.iterations, search.solves = iterations, solves
                return search
            block = replace(block, leaves=kept)

    def credible(self, leave: Leave, polygon: Polygon) -> bool:
        """Whether staying might give the leaver no more, with continuations in the polygon."""
        if leave.leaver is None:
            return True
        return least_by_staying(self.block, polygon, leave.leaver) <= leave.payoffs[leave.leaver] + SLACK

    def search(self, root: Block) -> Search:
        """Return a search that starts from a set that holds every payoff.

        This is the hull of the stage payoffs that can be reached in equilibrium, or the box of all stage payoffs
        if the players differ in patience.
        """
        block = self._playable(root) if root.common else root
        points = block.payoffs
        if block.leaves:
            points = np.concatenate([points, np.array([k.payoffs for k in block.leaves]).T], axis=1)
        if not block.common:
            (left, low), (right, high) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
            points = np.array([[left, right, right, left], [low, low, high, high]])
        corners = outline(points)
        polygon = list(zip(*points[:, corners].tolist(), strict=True))
        return Search(root, block, self.own, polygon)

    def _playable(self, block: Block) -> Block:
        """Drop the profiles whose constraints no payoff below the highest meets, until none is left to drop."""
        while block.index.size:
            high = block.payoffs.max(axis=1)
            for leave in block.leaves:
                high = np.maximum(high, leave.payoffs)
            needed = block.gain + np.array(block.threat_bound(self.own))[:, None]
            alive = (needed <= high[:, None] + SLACK).all(axis=0)
            if alive.all():
                break
            block = block.keep(alive)
        return block

    def back(self, search: Search) -> tuple[Floats, Floats]:
        """Return the vertices and the threat in the unit of the payoffs.

        What is a stage payoff, a best-deviation payoff or an exit payoff is returned as it was given.
        """
        if not search.polygon:
            return np.empty((0, 2)), np.full(2, np.nan)
        unit = np.array(search.polygon)
        vertices, threat = self.low + self.size * unit, self.low + self.size * search.threat
        static = [k for k, tag in enumerate(search.tags) if tag[0] == STATIC]
        if static:
            vertices[static] = self.payoffs[:, [search.tags[k][1] for k in static]].T
        for k, (kind, _, source) in enumerate(search.tags):
            if kind == LEAVE:
                vertices[k] = self.leaves[source].payoffs
        for i, value in enumerate(search.threat):
            at = int(np.abs(self.block.best[i] - value).argmin())
            if abs(self.block.best.item(i, at) - value) < 1e-14:
                threat[i] = self.best[i, at]
            for leave, raw in zip(self.block.leaves, self.leaves, strict=True):
                if abs(leave.payoffs[i] - value) < 1e-14:
                    threat[i] = raw.payoffs[i]
            vertices[np.abs(unit[:, i] - value) < 1e-14, i] = threat[i]
        vertices.flags.writeable = threat.flags.writeable = False
        return vertices, threat


def _rows(payoffs: Floats) -> tuple[Floats, Floats]:
    """Return the payoffs and the best-deviation payoffs of all profiles, each of shape (2, profiles)."""
    stage, best = np.empty((2, *payoffs.shape[:2])), np.empty((2, *payoffs.shape[:2]))
    stage[0], stage[1] = payoffs[..., 0], payoffs[..., 1]
    best[0], best[1] = stage[0].max(axis=0), stage[1].max(axis=1)[:, None]
    return stage.reshape(2, -1), best.reshape(2, -1)


def _pair(array: Floats) -> Point:
    return array.item(0), array.item(1)


def _gain(deviation: Floats, delta: Floats) -> Floats:
    """Return the premium on the threat that keeps each player to each profile."""
    if delta.all():
        return (1.0 - delta) / delta * deviation
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0.0, (1.0 - delta) / delta * deviation, 0.0)


def _staying(own: Floats, now: Floats, delta: Floats) -> Floats:
    """Return the continuation at which staying is worth as much as leaving."""
    with np.errstate(divide="ignore", invalid="ignore"):
        impatient = np.where(own > now + SLACK, np.inf, -np.inf)
        return np.where(delta > 0.0, (own - now) / delta, impatient)


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
