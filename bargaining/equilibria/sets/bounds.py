r"""How far rows reach at most: affine functions of all levels, and what their largest fixed point proves.

A row reaches, in the direction n, at most

.. math:: (n + z) \cdot b + \sum_{s'} P(s') (w_1 h_{s'k} + w_2 h_{s'l}) - z \cdot f(h)

for multipliers :math:`z \ge 0` of its thresholds f and weights :math:`w \ge 0` of two normals k, l with
:math:`D (n + z) = w_1 n_k + w_2 n_l`, whatever the levels h of the sets that follow: weak duality. In the plane at
most two constraints bind, so that there are four candidates: no threshold binds, both do, or one does, where its line
meets a facet. Let F(h) be the largest over the rows of the least known bound. F is convex and increasing, and the
levels v of the payoff sets satisfy v <= F(v).

**Lemma.** Let v <= u and F(x) <= x <= u, and F(u) < u wherever x < u. Then v <= x. For the least t with
:math:`v \le x_t = x + t (u - x)` is 0: otherwise :math:`v_j = (x_t)_j` at some j with :math:`x_j < u_j`, but
:math:`v_j \le F_j(x_t) \le (1 - t) x_j + t F_j(u) < (x_t)_j`.

So a fixed point is believed if a point u above the known levels is found at which all bounds lie below it. The
candidates are :math:`u = x + t \zeta` with the speeds :math:`\zeta = (I - M)^{-1} 1` for the slopes M of the binding
bounds. No discount factor enters.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.sets.fan import Fan
from bargaining.equilibria.sets.image import Image
from bargaining.equilibria.sets.rows import Indices

_POLICIES = 30  # of policy iteration, which ends after a handful unless rounding decides
_SPEEDS = 5  # choices of the bounds that bind at u
_STILL = 1e-14  # of the unit box: F(x) - x that is rounding
_SETTLED = 1e-12  # of the unit box: F(x) - x that Newton's method may leave
_ROUNDING = 3e-16  # of the unit box: without it levels that are exact would cut off points by rounding
_STEEPEST = 1e4  # multiplier: a larger one would turn the rounding of a threshold into more than 1e-12
_DENSE = 300  # unknowns up to which a dense matrix is the faster one


class Diverging(Exception):
    """The chosen bounds have no fixed point, or not above the one of the payoff sets."""


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

    def solved(self, best: Indices, right: Floats) -> Floats:
        """Solve x = right + M x for the slopes M of chosen rows' bounds; right has the shape (S, J) or (S, J, k)."""
        states, count, image = self.game.states, len(self.fan), self.image
        self.solutions += 1
        a, j = best.ravel(), np.tile(np.arange(count), states)
        law, multipliers, parts = image.law[a], self.multipliers[a, j], []
        for faces, weights in zip(self.faces, self.weights, strict=True):
            parts.append((faces[a, j], weights[a, j][:, None] * law))
        for i, lowest in ((0, self.fan.left), (1, self.fan.down)):
            falls = np.where(image.leaves[a, i], 0.0, multipliers[:, i] * self.game.discounts[i])
            parts.append((np.full(len(a), lowest), falls[:, None] * self.game.law[image.best[a, i]]))
        size, flat = len(a), right.reshape(len(a), -1)
        if size <= _DENSE:
            slopes = np.zeros((size, states, count))
            for face, weights in parts:
                slopes[np.arange(size), :, face] += weights
            try:
                out = np.linalg.solve(np.eye(size) - slopes.reshape(size, size), flat)
            except np.linalg.LinAlgError:
                raise Diverging from None
        else:
            out = _sparsely(parts, count, flat)
        if not np.isfinite(out).all():
            raise Diverging
        return np.asarray(out.reshape(right.shape))

    def fixed_point(self, levels: Floats) -> tuple[Floats, bool]:
        """Return levels that hold if these do: the fixed point of F if it may be believed, else min(h, F(h)).

        The second entry says which.
        """
        plain, found = np.minimum(levels, self.largest(levels)[0]), self.attracting(levels)
        if found is None:
            return plain, False
        x, speeds = found
        residual = max(float((self.largest(x)[0] - x).max()), 0.0) + _ROUNDING
        return np.minimum(x + residual * speeds, plain), True

    def attracting(self, levels: Floats) -> tuple[Floats, Floats] | None:
        """Return a fixed point of F and the speeds that prove it from levels that hold; None if there is none."""
        best, column = self.largest(levels)[1], np.arange(levels.shape[1])
        constant = self._value(np.zeros_like(levels), self.faces, self.weights, self.multipliers)
        try:
            for _ in range(_POLICIES):
                x = self.solved(best, constant[best, column])
                value, other = self.largest(x)
                if (value <= x + _STILL).all():
                    speeds = self._believed(x, levels, best)
                    return None if speeds is None else (x, speeds)
                best = np.where(value > x + _STILL / 10, other, best)
        except Diverging:
            pass
        return None

    def _believed(self, x: Floats, levels: Floats, best: Indices) -> Floats | None:
        """Return speeds along which all bounds stay below, from a fixed point up to levels that hold; None if not."""
        for _ in range(_SPEEDS):
            speeds = self.solved(best, np.ones_like(x))
            if speeds.min() <= 0.0:
                return None
            u = x + max(float(((levels - x) / speeds).max()) * 1.001, 1e-12) * speeds
            value, other = self.largest(u)
            if (value < u).all():
                return speeds
            best = np.where(value < u, best, other)
        return None

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
                u = x + max(float(((levels - x) / speeds).max()) * 1.001, 1e-12) * speeds
                bounds = cls(image, fan, x, u)
                value, other = bounds.largest(u)
                if (value < u).all() and (bounds.largest(x)[0] <= x + _SETTLED).all():
                    return True
                best = np.where(value < u, best, other)
        except Diverging:
            pass
        return False


def _sparsely(parts: list[tuple[Indices, Floats]], count: int, right: Floats) -> Floats:
    """Solve x = right + M x for slopes given by face and, for each state, weight."""
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import splu

    entries = []
    for face, weights in parts:
        row, state = np.nonzero(weights)
        entries.append((row, state * count + face[row], weights[row, state]))
    row, column, weight = (np.concatenate(some) for some in zip(*entries, strict=True))
    size = len(right)
    slopes = csc_matrix((weight, (row, column)), shape=(size, size))
    try:
        return np.asarray(splu(csc_matrix(identity(size, format="csc") - slopes)).solve(right))
    except RuntimeError:
        raise Diverging from None
