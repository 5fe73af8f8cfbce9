"""What each row generates from sets: thresholds, facets that they cut, corners of the image, and their recipes."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.sets.fan import Fan, hull
from bargaining.equilibria.sets.rows import Indices, Mask, Rows

TIED = 1e-9
"""Of the unit box: thresholds that are met or missed by less may be met only just."""

_STEEP = 1e-4  # component of a unit normal: a smaller one would turn rounding into more than 1e-12


class Recipes(NamedTuple):
    """Corners of one state's image, counter-clockwise, and how each is generated.

    Attributes
    ----------
    points : ndarray of shape (m, 2)
    row : ndarray of shape (m,)
        The place of the row in the image.
    kind : ndarray of shape (m,)
        Below J, the corner of the row's set. J + c: where a threshold meets the facet of the chain c, in the order of
        `Image.facets`. J + 4: where both thresholds meet.
    """

    points: Floats
    row: Indices
    kind: Indices

    def of(self, kept: Indices) -> Recipes:
        """Return some of them."""
        return Recipes(self.points[kept], self.row[kept], self.kind[kept])


class Image:
    """One application of the operator to sets given by levels and corners.

    The set of a row is base + D sum P V: its levels in the directions `fan.scaled`, and its corners, are sums.

    Attributes
    ----------
    rows : ndarray of shape (A,)
        The numbers of the rows that are playable; with `every`, of all that live.
    thresholds : ndarray of shape (A, 2)
    best : ndarray of shape (A, 2)
        The row of each player's best deviation.
    leaves : ndarray of shape (A, 2)
        Whether a threshold is what leaving gives.
    excess : ndarray of shape (A,)
        How far the thresholds lie outside the row's set: a row with more than the ease cannot be played.
    facets : list of four ndarrays of shape (A,)
        Which normal's facet player 0's threshold meets on the upper and on the lower boundary of the row's set, and
        player 1's on the right and on the left.
    """

    def __init__(
        self, game: Rows, fan: Fan, levels: Floats, corners: Floats, alive: Mask, *, every: bool = False
    ) -> None:
        self.game, self.fan, d = game, fan, game.discounts
        lowest = -levels[:, [fan.left, fan.down]]
        worth = game.base + d * (game.law @ lowest)
        number = np.arange(len(worth))
        best = [table[number, worth[:, i][table].argmax(axis=1)] for i, table in enumerate(game.deviations)]
        gains = np.stack([worth[best[0], 0], worth[best[1], 1]], axis=1) - game.margin
        own = np.where(game.stays[:, None], game.outside[game.state], -np.inf) - game.margin
        self.rows, self.state, self.base, self.law = number, game.state, game.base, game.law
        self.thresholds = np.maximum(gains, own)
        self.best, self.leaves = np.stack(best, axis=1), own >= gains
        self.levels = game.base @ fan.scaled.T + fan.stretch * (game.law @ levels)
        self.corners = game.base[:, None] + d * np.tensordot(game.law, corners, (1, 0))
        living = alive
        if (game.leaver >= 0).any():
            alive = alive & self._credible(gains)
        self.excess = self._excess(self.thresholds)
        self.playable = alive & (self.excess <= game.ease)
        self._keep(living if every else self.playable)
        self.facets = self._facets()

    def _excess(self, thresholds: Floats) -> Floats:
        """Return how far thresholds lie beyond the upper right of the rows' sets."""
        return np.asarray(self._misses(thresholds).max(axis=1))

    def _misses(self, thresholds: Floats) -> Floats:
        upper = slice(self.fan.right, self.fan.up + 1)
        return np.asarray(thresholds @ self.fan.scaled[upper].T - self.levels[:, upper])

    def tied(self) -> Mask:
        """Say which rows' thresholds can be met only just, or are missed only just.

        A direction in which a row's set has no width says nothing.
        """
        fan, corners = self.fan, self.corners
        wide = corners[:, fan.right, 0] - corners[:, fan.left, 0] > TIED
        high = corners[:, fan.up, 1] - corners[:, fan.down, 1] > TIED
        misses = np.where((wide & high)[:, None], self._misses(self.thresholds), -np.inf)
        misses[:, 0] = np.where(wide, self.thresholds[:, 0] - corners[:, fan.right, 0], -np.inf)
        misses[:, -1] = np.where(high, self.thresholds[:, 1] - corners[:, fan.up, 1], -np.inf)
        return np.asarray(np.abs(misses.max(axis=1)) <= TIED)

    def _credible(self, gains: Floats) -> Mask:
        """Return all rows but outcomes of leaving alone where staying would give the leaver more, whatever followed."""
        game, thresholds, credible = self.game, self.thresholds, np.ones(len(gains), bool)
        self.thresholds = gains  # after a player has stayed, nobody may leave
        self.facets = self._facets()
        points, exist = self._points()
        real = game.stays & ~game.barred & (self._excess(gains) <= game.ease)
        for row in np.flatnonzero(game.leaver >= 0).tolist():
            mine, k = real & (game.state == game.state[row]), game.leaver[row]
            payoffs = points[mine][exist[mine]][:, k]
            credible[row] = payoffs.min(initial=np.inf) <= game.base[row, k] + game.ease
        self.thresholds = thresholds
        return credible

    def _keep(self, kept: Mask) -> None:
        for name in ("rows", "state", "base", "law", "thresholds", "best", "leaves", "levels", "corners"):
            setattr(self, name, getattr(self, name)[kept])
        self.playable, self.excess = self.playable[kept], self.excess[kept]

    def _facets(self) -> list[Indices]:
        fan, out = self.fan, []
        chains = (
            (fan.rising, 0, 1.0),
            (fan.falling, 0, -1.0),
            (fan.rightward, 1, -1.0),
            (fan.leftward, 1, 1.0),
        )
        for chain, i, sign in chains:
            beyond = sign * (self.corners[:, chain, i] - self.thresholds[:, i : i + 1]) > 0.0
            out.append(chain[np.minimum(beyond.sum(axis=1), len(chain) - 1)])
        return out

    def _points(self) -> tuple[Floats, Mask]:
        """Return points whose hull is what each row generates, shape (A, J + 5, 2), and which of them exist."""
        fan, f, ease, number = self.fan, self.thresholds, self.game.ease, np.arange(len(self.rows))
        m, corners, meets = fan.scaled, self.corners, []
        for k, i in zip(self.facets, (0, 0, 1, 1), strict=True):
            v, ends = f.copy(), np.stack([corners[number, k - 1], corners[number, k]])[..., 1 - i]
            meet = (self.levels[number, k] - m[k, i] * f[:, i]) / m[k, 1 - i]
            clipped = np.clip(meet, ends.min(axis=0), ends.max(axis=0))
            v[:, 1 - i] = np.where(np.abs(m[k, 1 - i]) < _STEEP, clipped, meet)
            meets.append(v)
        within = [
            (f[:, i] <= corners[:, most, i] + ease) & (f[:, i] >= corners[:, least, i] - ease)
            for i, most, least in ((0, fan.right, fan.left), (1, fan.up, fan.down))
        ]
        pairs = zip(meets, (0, 0, 1, 1), strict=True)
        exist = [within[i] & (v[:, 1 - i] >= f[:, 1 - i] - ease) for v, i in pairs]
        both = within[0] & (meets[1][:, 1] <= f[:, 1] + ease) & (meets[0][:, 1] >= f[:, 1] - ease)
        free = (corners >= f[:, None] - ease).all(axis=2)
        binding = np.stack([*exist, both], axis=1) & self.game.stays[self.rows, None]
        return np.concatenate([corners, np.stack([*meets, f], axis=1)], axis=1), np.concatenate(
            [free, binding], axis=1
        )

    def recipes(self) -> list[Recipes]:
        """Return the corners of what is generated in each state."""
        points, exist = self._points()
        first, out = np.searchsorted(self.state, np.arange(self.game.states + 1)), []
        for a, b in pairwise(first.tolist()):
            row, kind = np.nonzero(exist[a:b] & self.playable[a:b, None])
            corners = points[a:b][row, kind]
            out.append(Recipes(corners, row + a, kind).of(hull(corners)))
        return out

    def nearest(self, state: int) -> Recipes:
        """Return the corner of a row's set that misses its thresholds least, for a state whose corners all miss them.

        Levels say that the row is playable; corners of very thin sets are less accurate.
        """
        rows = np.flatnonzero((self.state == state) & self.playable)
        slack = (self.corners[rows] - self.thresholds[rows, None]).min(axis=2)
        row, kind = np.unravel_index(slack.argmax(), slack.shape)
        return Recipes(self.corners[rows[row], kind][None], rows[[row]], np.array([kind]))
