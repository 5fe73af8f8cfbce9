r"""How far rows reach at most: affine functions of all levels, and what their largest fixed point proves.

A row reaches, in the direction n, at most

.. math:: (n + z) \cdot b + \sum_{s'} P(s') (w_1 h_{s'k} + w_2 h_{s'l}) - z \cdot f(h)

for multipliers :math:`z \ge 0` of its thresholds f and weights :math:`w \ge 0` of two normals k, l with
:math:`D (n + z) = w_1 n_k + w_2 n_l`, whatever the levels h of the sets that follow: weak duality. In the plane at
most two constraints bind, so that there are four candidates: no threshold binds, both do, or one does, where its line
meets a facet. `_affine` says what a fixed point of the least known bounds proves.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Diverging, Sparse, beyond, solution
from bargaining.equilibria.sets.fan import Fan
from bargaining.equilibria.sets.image import Image
from bargaining.equilibria.sets.rows import Indices

_SPEEDS = 5  # choices of the bounds that bind at u
_SETTLED = 1e-12  # of the unit box: F(x) - x that Newton's method may leave
_STEEPEST = 1e4  # multiplier: a larger one would turn the rounding of a threshold into more than 1e-12
_DENSE = 300  # unknowns up to which a dense matrix is the faster one


class Bounds:
    """Bounds of the rows of an image in all directions of a fan, least at the levels `at`, or at both of two levels.

    Attributes
    ----------
    faces, weights : pairs of ndarrays of shape (A, J)
        The two normals k, l and their weights.
    multipliers : ndarray of shape (A, J, 2)
        z, of the thresholds of both players.
    solutions : int
        How many linear systems were solved.
    """

    def __init__(self, image: Image, fan: Fan, levels: Floats, far: Floats | None = None) -> None:
        self.image, self.fan, self.game, self.solutions = image, fan, image.game, 0
        self._first = np.searchsorted(image.state, np.arange(self.game.states))
        self.faces, self.weights, self.multipliers = self._candidates()
        with np.errstate(invalid="ignore"):
            value = self._values(levels)
            if far is not None:
                value = np.maximum(value, self._values(far))
            valid = ((self.multipliers >= -1e-15) & (self.multipliers <= _STEEPEST)).all(axis=-1)
        least = np.where(valid, value, np.inf).argmin(axis=0)[None]
        self.faces, self.weights = (
            (np.take_along_axis(one, least, 0)[0], np.take_along_axis(other, least, 0)[0])
            for one, other in (self.faces, self.weights)
        )
        multipliers = np.take_along_axis(self.multipliers, least[..., None], 0)[0]
        self.multipliers = np.maximum(multipliers, 0.0)

    def _values(self, levels: Floats) -> Floats:
        """Return how far bounds lie above the rows' own levels."""
        return self._value(levels, self.faces, self.weights, self.multipliers) - levels[self.image.state]

    def _candidates(self) -> tuple[tuple[Indices, Indices], tuple[Floats, Floats], Floats]:
        """Return normals, weights and multipliers: without thresholds, with both, with player 0's, with player 1's."""
        image, fan, n, old = self.image, self.fan, self.fan.normals, self.image.fan
        shape = (4, len(image.rows), len(fan))
        k, other, w, rest = (np.zeros(shape, kind) for kind in (np.intp, np.intp, float, float))
        multipliers = np.zeros((*shape, 2))
        k[0], other[0], w[0], rest[0] = fan.first, fan.after[fan.first], fan.share, fan.rest
        k[1], other[1] = fan.right, fan.up
        w[1], rest[1] = np.maximum(n.T, 0.0) * self.game.discounts[:, None]
        multipliers[1] = np.maximum(-n, 0.0)
        place = fan.corner(old.normals)
        for i, chains in ((0, (fan.rising, fan.falling)), (1, (fan.rightward, fan.leftward))):
            multipliers[2 + i, ..., i] = np.nan
            for chain, facet in zip(chains, image.facets[2 * i : 2 * i + 2], strict=True):
                f = facet[:, None]
                ratio = n[chain, 1 - i] / old.scaled[f, 1 - i]
                k[2 + i][:, chain], w[2 + i][:, chain] = place[f], ratio * old.stretch[f]
                multipliers[2 + i][:, chain, i] = ratio * old.scaled[f, i] - n[chain, i]
        return (k, other), (w, rest), multipliers

    def _thresholds(self, levels: Floats) -> Floats:
        """Return the thresholds with the best deviations as they are: affine in the levels."""
        image, game = self.image, self.game
        lowest = -levels[:, [self.fan.left, self.fan.down]]
        gains = [
            game.base[row, i] + game.discounts[i] * (game.law[row] @ lowest[:, i])
            for i, row in enumerate(image.best.T)
        ]
        return np.where(image.leaves, game.outside[image.state], np.stack(gains, axis=1)) - game.margin

    def _value(
        self, levels: Floats, faces: tuple[Indices, ...], weights: tuple[Floats, ...], multipliers: Floats
    ) -> Floats:
        image, row = self.image, np.arange(len(self.image.rows))[:, None]
        after = image.law @ levels
        value = ((self.fan.normals + multipliers) * image.base[:, None]).sum(axis=-1)
        value += weights[0] * after[row, faces[0]] + weights[1] * after[row, faces[1]]
        return np.asarray(value - (multipliers * self._thresholds(levels)[:, None]).sum(axis=-1))

    def largest(self, levels: Floats) -> tuple[Floats, Indices]:
        """Return F at some levels, and a row for each state and direction that attains it."""
        value = self._value(levels, self.faces, self.weights, self.multipliers)
        ends = zip(self._first, [*self._first[1:], len(value)], strict=True)
        best = np.stack([a + value[a:b].argmax(axis=0) for a, b in ends])
        return np.take_along_axis(value, best, 0), best

    def constants(self, chosen: Indices) -> Floats:
        """Return the constants of chosen rows' bounds."""
        image, (a, j) = self.image, (chosen, np.arange(len(self.fan)))
        multipliers = self.multipliers[a, j]
        value = ((self.fan.normals + multipliers) * image.base[a]).sum(axis=-1)
        return np.asarray(value - (multipliers * self._thresholds(np.zeros_like(value))[a]).sum(axis=-1))

    def solved(self, chosen: Indices, right: Floats) -> Floats:
        """Solve x = right + M x for the slopes M of chosen rows' bounds; right has the shape (S, J)."""
        states, count, image = self.game.states, len(self.fan), self.image
        self.solutions += 1
        a, j = chosen.ravel(), np.tile(np.arange(count), states)
        law, multipliers, parts = image.law[a], self.multipliers[a, j], []
        for faces, weights in zip(self.faces, self.weights, strict=True):
            parts.append((faces[a, j], weights[a, j][:, None] * law))
        for i, lowest in ((0, self.fan.left), (1, self.fan.down)):
            falls = np.where(image.leaves[a, i], 0.0, multipliers[:, i] * self.game.discounts[i])
            parts.append((np.full(len(a), lowest), falls[:, None] * self.game.law[image.best[a, i]]))
        size = len(a)
        if size <= _DENSE:
            slopes = np.zeros((size, states, count))
            for face, weights in parts:
                slopes[np.arange(size), :, face] += weights
            try:
                out = np.linalg.solve(np.eye(size) - slopes.reshape(size, size), right.ravel())
            except np.linalg.LinAlgError:
                raise Diverging from None
        else:
            out = solution(_sparse(parts, count), right.ravel())
        if not np.isfinite(out).all():
            raise Diverging
        return np.asarray(out.reshape(right.shape))

    @classmethod
    def prove(cls, image: Image, fan: Fan, x: Floats, levels: Floats) -> bool:
        """Say whether all payoffs lie within levels x, at which F(x) = x, if they lie within `levels`.

        The bounds are chosen afresh for each u that is tried, the first of which is `levels`: each is to be small at
        both ends.
        """
        bounds = cls(image, fan, x, levels)
        value, _ = bounds.largest(levels)
        if ((value < levels) | (levels <= x + _SETTLED)).all() and (
            bounds.largest(x)[0] <= x + _SETTLED
        ).all():
            return True
        bounds = cls(image, fan, x)
        value, best = bounds.largest(x)
        if (value > x + _SETTLED).any():
            return False
        try:
            for _ in range(_SPEEDS):
                speeds = bounds.solved(best, np.ones_like(x))
                if speeds.min() <= 0.0:
                    return False
                u = beyond(x, levels, speeds)
                bounds = cls(image, fan, x, u)
                value, other = bounds.largest(u)
                if (value < u).all() and (bounds.largest(x)[0] <= x + _SETTLED).all():
                    return True
                best = np.where(value < u, best, other)
        except Diverging:
            pass
        return False


def _sparse(parts: list[tuple[Indices, Floats]], count: int) -> Sparse:
    """Return slopes, given by face and, for each state, weight, as a matrix."""
    from scipy.sparse import csc_matrix

    entries = []
    for face, weights in parts:
        row, state = np.nonzero(weights)
        entries.append((row, state * count + face[row], weights[row, state]))
    row, column, weight = (np.concatenate(some) for some in zip(*entries, strict=True))
    return csc_matrix((weight, (row, column)), shape=(len(parts[0][0]),) * 2)
