"""The sets at which a structure settles: each corner keeps its recipe, and Newton's method solves for all of them.

The recipe of a corner is a row, and where its continuation lies: at the sum of one corner of each set that may follow,
or where the line of a threshold meets a facet of the sum, which runs between two such sums, or where both thresholds
meet.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.sets.bounds import (
    AXES,
    Bounds,
    Fan,
    Image,
    Recipes,
    edges,
    hull,
    of_polygons,
    simplified,
)
from bargaining.equilibria.sets.rows import Mask

_STEPS = 12  # of Newton's method
_TRIES = 4  # structures that are solved before the search goes on
_SOLVED = 1e-13  # of the unit box: the residual of a solution
_SAME = 1e-12  # of the unit box: sets this close to their image are equal to it
_WAITS = 1e-6  # a discount factor below which payoffs do not say what follows
_LEFT_OUT = 1e-10  # of the unit box: continuations this far from all corners follow one that was left out
_FLAT = 1e-13  # of the unit box: a facet too short to say where a threshold meets it


def settled(
    image: Image, recipes: list[Recipes], alive: Mask, fan: Fan, corners: Floats, coarse: float = 0.0
) -> tuple[list[Floats] | None, bool | None]:
    """Return the sets at which the structure of an image settles, and whether they are shown to be the largest.

    The second entry is None if they do not even generate themselves. The recipes are those of the image of outer sets,
    which the fan and its corners give; `alive` (R,) are the rows that may be playable in the largest sets. Corners
    within `coarse` of their neighbours' chord are left out of the structure.
    """
    game = image.game
    vertices: list[Floats] | None = None
    for _ in range(_TRIES):
        if coarse:
            recipes = [some.of(simplified(some.points, coarse)) for some in recipes]
        solution = Equations(image, recipes, alive).solve()
        if solution is None:
            return vertices, None
        vertices = [points[hull(points)] for points in solution]
        own, levels, inner = of_polygons(vertices, game.discounts)
        image = Image(game, own, levels, inner, alive, every=True)
        recipes = image.recipes()
        if not all(len(some.points) for some in recipes):
            return vertices, None
        reach = np.stack([(some.points @ own.normals.T).max(axis=0) for some in recipes])
        if max(excess(own, inner, recipes), float((reach - levels).max())) <= _SAME:
            outer = np.maximum(fan.support(corners, own.normals), levels)
            return vertices, Bounds.prove(image, own, levels, outer)
    return vertices, None


def excess(fan: Fan, corners: Floats, recipes: list[Recipes]) -> float:
    """Return how far sets reach beyond polygons, in the directions of the polygons' edges and of the axes."""
    out = 0.0
    for some, points in zip(corners, recipes, strict=True):
        normals = np.concatenate([edges(points.points)[0], AXES])
        beyond = fan.support(some[None], normals)[0] - (points.points @ normals.T).max(axis=0)
        out = max(out, float(beyond.max()))
    return out


class Equations:
    """Corners as functions of the corners of all sets, K in number.

    `corners` (K, 2) are where they are now, state by state, and `start` (S + 1,) says where each state's begin; `row`
    (K,) is the row of each, by its place in the image, `best` (K, 2) those of the best deviations, by number in the
    game, and `lowest` (2, S) the corner with each player's lowest payoff. `free` and `both` (K,) say whether no
    threshold binds, or both do, `binds` whether each player's does, `leaves` (K, 2) whether it is what leaving gives.
    The continuation is the mean of the corners `ends[0]` (K, S), or lies between these and `ends[1]`, with the weight
    `mix` (K,) of the latter where no threshold binds.
    """

    def __init__(self, image: Image, recipes: list[Recipes], alive: Mask) -> None:
        game, count = image.game, len(image.fan)
        self.discounts = game.discounts
        polygons = [some.points for some in recipes]
        row, kind = (np.concatenate([some[i] for some in recipes]) for i in (1, 2))
        self.row, self.corners = row, np.concatenate(polygons)
        self.start = np.concatenate([[0], np.cumsum(list(map(len, polygons)))])
        self.law, self.base, self.leaves = image.law[row], image.base[row], image.leaves[row]
        self.own = game.outside[image.state[row]]
        self.best = best = image.best[row]
        self.reply_law = [game.law[best[:, i]] for i in (0, 1)]
        self.reply_base = np.stack([game.base[best[:, i], i] for i in (0, 1)], axis=1)
        self.lowest = np.stack([self.start[:-1] + [v[:, i].argmin() for v in polygons] for i in (0, 1)])
        fan, levels, corners = of_polygons(polygons, game.discounts)
        farthest = [self._farthest(each, polygons) for each in (image.fan, fan)]  # (S, J) each
        facets = np.array(Image(game, fan, levels, corners, alive, every=True).facets)
        numbers = np.flatnonzero(alive)
        binding = np.clip(kind - count, 0, 3)
        facet = facets[binding, np.searchsorted(numbers, image.rows[row])]
        self.free, self.both = kind < count, kind == count + 4
        self.binds = [(kind >= count) & (self.both | ((kind - count) // 2 == i)) for i in (0, 1)]
        one, other = (
            np.where(self.free, farthest[0][:, np.where(self.free, kind, 0)], farthest[1][:, facet - k]).T
            for k in (1, 0)
        )
        self.ends, self.mix = (one, other), np.zeros(len(one))

    def mixed(self) -> Equations:
        """Let continuations follow corners that were left out, where there is one state: they stay on the chord."""
        x, after = self.corners, np.roll(np.arange(len(self.corners)), -1)
        if len(self.start) > 2 or self.discounts.min() < _WAITS:
            return self
        for k in np.flatnonzero(self.free & self.law.any(axis=1)).tolist():
            w, step = (x[k] - self.base[k]) / self.discounts, x[after] - x
            if np.abs(w - x[self.ends[0][k, 0]]).max() > _LEFT_OUT:
                share = ((w - x) * step).sum(axis=1) / np.maximum((step * step).sum(axis=1), 1e-300)
                share = np.minimum(np.maximum(share, 0.0), 1.0)
                p = int(np.abs(w - x - share[:, None] * step).max(axis=1).argmin())
                self.ends[0][k], self.ends[1][k], self.mix[k] = p, after[p], share[p]
        return self

    def _farthest(self, fan: Fan, polygons: list[Floats]) -> Floats:
        """Return the numbers of the corners that are farthest between normals and their successors."""
        between = fan.normals + fan.normals[fan.after]
        pairs = zip(self.start, polygons, strict=False)
        return np.stack([first + (v @ between.T).argmax(axis=0) for first, v in pairs])

    def solve(self, share: Floats | float = 0.0, towards: Floats | float = 0.0) -> list[Floats] | None:
        """Return the corners that all keep their recipes; None if Newton's method does not find them.

        The share of the way by which coordinates are moved towards others may be given.
        """
        x, size = self.corners, len(self.corners)
        part = np.broadcast_to(1.0 - np.asarray(share), x.shape)
        for _ in range(_STEPS):
            linear = self.linearised(x)
            if linear is None:
                return None
            image_of_x, jacobian = linear
            residual = (part * image_of_x + share * towards - x).ravel()
            if np.abs(residual).max() < _SOLVED / 100:
                break
            matrix = np.eye(2 * size) - (part[..., None, None] * jacobian).reshape(2 * size, -1)
            try:
                x = x + np.linalg.solve(matrix, residual).reshape(size, 2)
            except np.linalg.LinAlgError:
                return None
            if not np.abs(x).max() < 3.0:  # far outside of the unit box
                return None
        if np.abs(residual).max() >= _SOLVED:
            return None
        return np.split(x, self.start[1:-1])

    def linearised(self, x: Floats) -> tuple[Floats, Floats] | None:
        """Return the corners that follow from x, (K, 2), and their derivatives, (K, 2, K, 2)."""
        d, law, low = self.discounts, self.law, self.lowest
        states, each = range(law.shape[1]), np.arange(len(x))
        gains = np.stack(
            [self.reply_base[:, i] + d[i] * (self.reply_law[i] * x[low[i], i]).sum(axis=1) for i in (0, 1)],
            axis=1,
        )
        thresholds = np.where(self.leaves, self.own, gains)
        one, other = ((law[..., None] * x[end]).sum(axis=1) for end in self.ends)
        mix = self.mix[:, None]
        value = self.base + d * np.where(mix > 0.0, (1.0 - mix) * one + mix * other, one)
        slope = np.zeros((len(x), 2, len(x), 2))
        for i in (0, 1):
            at = np.flatnonzero(self.binds[i])
            value[at, i] = thresholds[at, i]
            for s in states:
                slope[at, i, low[i, s], i] += np.where(
                    self.leaves[at, i], 0.0, d[i] * self.reply_law[i][at, s]
                )
        for i, o in ((0, 1), (1, 0)):
            at = np.flatnonzero(self.binds[i] & ~self.both)
            width = other[at, i] - one[at, i]
            if (np.abs(width) < _FLAT).any():
                return None
            tilt = (other[at, o] - one[at, o]) / width
            share = ((thresholds[at, i] - self.base[at, i]) / d[i] - one[at, i]) / width
            value[at, o] = self.base[at, o] + d[o] * (one[at, o] + share * (other[at, o] - one[at, o]))
            slope[at, o] += (tilt * d[o] / d[i])[:, None, None] * slope[at, i]
            for s in states:
                for end, part in zip(self.ends, (1.0 - share, share), strict=True):
                    weight = d[o] * law[at, s] * part
                    slope[at, o, end[at, s], o] += weight
                    slope[at, o, end[at, s], i] -= weight * tilt
        at = each[self.free]
        for s in states:
            for i in (0, 1):
                for end, part in zip(self.ends, (1.0 - self.mix[at], self.mix[at]), strict=True):
                    slope[at, i, end[at, s], i] += d[i] * law[at, s] * part
        return value, slope
