r"""The payoff set of two equally patient players who play one game again and again: a guess, and its proof.

Such players need few continuations (Abreu and Sannikov 2014): a profile whose own payoffs meet the thresholds is played
for ever, and after any other profile a threshold binds. So the operator has few points, and each vertex of its
image has a simple recipe. Newton's method solves for the set in which all vertices keep their recipes.

Nothing larger is generated if no row passes beyond the faces of this set with continuations in an outer set; or if the
bounds of the rows that do pass show it, as for all games (see `bounds`). The other rows need no bound: what a row
reaches is its own payoffs with weight 1 - d and a continuation with weight d, so that one whose own payoffs lie
within a face moves towards the face from any level beyond it.

References
----------
Abreu, D. and Sannikov, Y. (2014). An algorithm for two-player repeated games with perfect monitoring. *Theoretical
Economics* 9(2), 313-338. doi:10.3982/TE1302
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Budget
from bargaining.equilibria.sets.bounds import AXES, Bounds, Image, edges, hull, of_polygons, simplified
from bargaining.equilibria.sets.rows import Indices, Mask, Rows

_APPLICATIONS = 40  # of the operator, after which the engine for all games goes on
_TRIES = 4  # structures solved after each of them
_NEWTON = 8  # steps
_SAME = 1e-13  # of the unit box: vertices this close are equal
_ALIGNED = 1e-14  # of the unit box: a vertex this close to its neighbours' chord is none
_PASSED = 1e-14  # of the unit box: rounding of how far a row reaches
_TABLE = 250_000  # entries of a table of rows and half-planes: some megabytes
_TIED = 1e-12  # of the unit box: a slack that rounding alone may be
_FOREVER, _BOTH = 5, 4

_Curve = tuple[Floats, Floats, Indices]
"""A boundary: increasing coordinates, the other coordinate there, and the vertices that these are."""


class Guess(NamedTuple):
    """Vertices of an outer set, rows that may be playable, and the largest set's vertices if they are proved."""

    outer: Floats
    alive: Mask
    largest: Floats | None
    applications: int
    structures: int
    knife_edge: bool


class _Vertices(NamedTuple):
    """Points counter-clockwise, the row that generates each, and how.

    Kinds 0 and 1: player 0's threshold binds, on the upper and the lower boundary; 2 and 3: player 1's, on the right
    and the left; 4: both bind; 5: the row is played for ever, or somebody leaves.
    """

    points: Floats
    row: Indices
    kind: Indices


class _Profiles(NamedTuple):
    """Rows, A in number: which of the game's, their payoffs, what they and best deviations add to continuations.

    An outcome of leaving adds all its payoffs, and has no deviations.
    """

    number: Indices
    payoffs: Floats
    base: Floats
    best: Floats

    def of(self, kept: Mask | Indices | slice) -> _Profiles:
        return _Profiles(self.number[kept], self.payoffs[kept], self.base[kept], self.best[kept])


class _Operator:
    """Abreu and Sannikov's operator, restricted to the rows that may be playable."""

    def __init__(self, game: Rows) -> None:
        self.game, self.discount, self.own = game, game.discounts.item(0), game.outside[0]
        stays = game.stays[:, None]
        tables, number = game.deviations, np.arange(len(game.base))
        self.replies = [t[number, game.base[t, i].argmax(axis=1)] for i, t in enumerate(tables)]
        best = np.stack([game.base[reply, i] for i, reply in enumerate(self.replies)], axis=1)
        self.rows = self.every = _Profiles(number, game.payoffs, game.base, np.where(stays, best, -np.inf))
        self.keep(~game.barred)

    def keep(self, alive: Mask) -> None:
        """Restrict the operator further."""
        self.rows = self.rows.of(alive)
        stays = self.rows.best[:, :1] > -np.inf
        least = np.maximum(self.rows.best / (1.0 - self.discount), self.own)
        # A player gets at least what her best reply to some profile pays for ever, or leaving.
        self.least = np.where(stays, least, self.rows.payoffs).min(axis=0, initial=np.inf)

    def thresholds(self, rows: _Profiles, lowest: Floats) -> Floats:
        """Return what players must get, shape (A, 2); nothing is asked of leaving."""
        needed = np.maximum(rows.best + self.discount * np.maximum(lowest, self.least), self.own)
        return np.asarray(np.where(rows.best > -np.inf, needed, -np.inf))

    def start(self) -> Floats:
        """Return the hull of the payoffs of rows that are not asked for more than players can get."""
        while len(rows := self.rows.number):
            most = self.rows.base + self.discount * self.rows.payoffs.max(axis=0)
            asked = self.thresholds(self.rows, self.least)
            alive = (most >= asked - self.game.ease).all(axis=1)
            if alive.all():
                break
            self.keep(alive)
        return self.rows.payoffs[hull(self.rows.payoffs)] if len(rows) else np.zeros((0, 2))

    def apply(self, outer: Floats) -> tuple[_Vertices, Mask]:
        """Return the image of a polygon, and which rows can be played."""
        rows, ease, f = self.rows, self.game.ease, self.thresholds(self.rows, outer.min(axis=0))
        forever = (rows.payoffs >= f - ease).all(axis=1)
        points, exist = self.binding(rows, f, outer)
        exist &= ~forever
        kind, row = np.nonzero(exist)
        chosen = np.flatnonzero(forever)
        points = np.concatenate([points[kind, row], rows.payoffs[chosen]])
        row = np.concatenate([row, chosen])
        kind = np.concatenate([kind, np.full(len(chosen), _FOREVER)])
        ring = hull(points)
        ring = ring[simplified(points[ring], _ALIGNED)]
        points, row, kind = points[ring], row[ring], kind[ring]
        other = np.where(kind < 2, 1, 0)
        both = ((kind == 1) | (kind == 3)) & (points[np.arange(len(ring)), other] == f[row, other])
        playable = np.asarray(forever | exist.any(axis=0))
        return _Vertices(points, rows.number[row], np.where(both, _BOTH, kind)), playable

    def binding(self, rows: _Profiles, f: Floats, outer: Floats) -> tuple[Floats, Mask]:
        """Return the points at which thresholds bind, shape (4, A, 2), and which of them exist."""
        d, ease = self.discount, self.game.ease
        points, exist = np.empty((4, len(f), 2)), np.empty((4, len(f)), bool)
        for i, curves in enumerate(_boundaries(outer)):
            o, at = 1 - i, (f[:, i] - rows.base[:, i]) / d
            high, low = (rows.base[:, o] + d * np.interp(at, x, y) for x, y, _ in curves)
            points[2 * i : 2 * i + 2, :, i] = f[:, i]
            points[2 * i, :, o], points[2 * i + 1, :, o] = high, np.maximum(low, f[:, o])
            within = (at >= -1.0) & (f[:, i] <= rows.base[:, i] + d * curves[0][0][-1] + ease)
            exist[2 * i : 2 * i + 2] = within & (high >= f[:, o] - ease)
        return points, exist

    def settled(self, image: _Vertices) -> Floats | None:
        """Return the vertices that keep their recipes; None if Newton's method does not find them."""
        every, d, (x, number, kind) = self.every, self.discount, image
        x, size, each = x.copy(), len(x), np.arange(len(x))
        lowest, base, best = x.argmin(axis=0), every.base[number], every.best[number]
        bound = [(kind // 2 == i) | (kind == _BOTH) for i in (0, 1)]
        ends, needed = np.zeros((2, size), np.intp), self.thresholds(every.of(number), x.min(axis=0))
        for i, curves in enumerate(_boundaries(x)):
            for c, (at, _, vertex) in enumerate(curves):
                m = np.flatnonzero(kind == 2 * i + c)
                k = np.searchsorted(at[1:-1], (needed[m, i] - base[m, i]) / d, "right")
                ends[:, m] = vertex[k], vertex[np.minimum(k + 1, len(at) - 1)]
        for _ in range(_NEWTON):
            slopes, image_of_x = np.zeros((size, 2, size, 2)), every.payoffs[number]
            low = x[lowest, [0, 1]]
            gains = best + d * low
            f, moves = np.maximum(gains, self.own), d * (gains >= self.own)
            for i in (0, 1):
                m = bound[i]
                image_of_x[m, i] = f[m, i]
                slopes[m, i, lowest[i], i] = moves[m, i]
            for i, o in ((0, 1), (1, 0)):
                m = each[bound[i] & (kind != _BOTH)]
                p, q = ends[:, m]
                width = x[q, i] - x[p, i]
                flat = np.abs(width) < 1e-15
                width[flat] = 1.0
                tilt = np.where(flat, 0.0, (x[q, o] - x[p, o]) / width)
                ahead = (f[m, i] - base[m, i]) / d - x[p, i]
                share = np.where(flat, 0.0, ahead / width)
                image_of_x[m, o] = base[m, o] + d * (x[p, o] + tilt * ahead)
                slopes[m, o, lowest[i], i] += tilt * moves[m, i]
                for end, part in ((p, d * (1.0 - share)), (q, d * share)):
                    slopes[m, o, end, o] += part
                    slopes[m, o, end, i] -= part * tilt
            residual = (image_of_x - x).ravel()
            try:
                step = np.linalg.solve(np.eye(2 * size) - slopes.reshape(2 * size, -1), residual)
            except np.linalg.LinAlgError:
                return None
            x = x + step.reshape(size, 2)
            if not np.abs(x).max() < 3.0:  # far outside of the unit box
                return None
            if np.abs(step).max() < 1e-9:  # so that the next one would be rounding
                return x[hull(x)]
        return None

    def proves(self, vertices: Floats, outer: Floats) -> bool:
        """Say whether a polygon that generates itself is the largest in an outer set."""
        normals = np.concatenate([AXES, edges(vertices)[0]])
        rows = self._passing(normals, (vertices @ normals.T).max(axis=0), outer)
        if not len(rows):
            return True
        game = self.game
        chosen = np.zeros(len(game.base), bool)
        chosen[rows] = True
        members = chosen.copy()
        for reply in self.replies:
            members[reply[rows]] = True
        fan, levels, corners = of_polygons([vertices], game.discounts)
        image = Image(game.restricted(members), fan, levels, corners, chosen[members], every=True)
        return Bounds.prove(image, fan, levels, np.maximum((outer @ fan.normals.T).max(axis=0), levels))

    def credible(self, vertices: Floats) -> Mask:
        """Return all rows but outcomes of leaving alone where staying would give the leaver more, whatever followed."""
        leaver, out = self.game.leaver[self.rows.number], np.ones(len(self.rows.number), bool)
        if (leaver >= 0).any():
            rows, d = self.every.of(self.game.stays & ~self.game.barred), self.discount
            f = rows.best + d * vertices.min(axis=0)  # after a player has stayed, nobody may leave
            points, exist = self.binding(rows, f, vertices)
            free = rows.base[:, None] + d * vertices
            stable = (free >= f[:, None] - self.game.ease).all(axis=2)
            least = np.concatenate([points[exist], free[stable]]).min(axis=0, initial=np.inf)
            alone = np.flatnonzero(leaver >= 0)
            payoffs = self.rows.payoffs[alone, leaver[alone]]
            out[alone] = least[leaver[alone]] <= payoffs + self.game.ease
        return out

    def _blocks(self, width: int) -> Iterator[_Profiles]:
        """Yield some rows at a time, so that tables of that width do not fill the memory."""
        step = max(_TABLE // width, 1)
        for k in range(0, len(self.rows.number), step):
            yield self.rows.of(slice(k, k + step))

    def _passing(self, normals: Floats, levels: Floats, outer: Floats) -> Indices:
        """Return the rows that pass beyond half-planes with continuations in the outer set."""
        n, d, lowest, out = normals.T, self.discount, outer.min(axis=0), [np.zeros(0, np.intp)]
        top, levels = outer[(outer @ n).argmax(axis=0)], levels + _PASSED
        for rows in self._blocks(len(normals)):
            beyond = (rows.payoffs @ n > levels) & (rows.base @ n + d * (top * normals).sum(axis=1) > levels)
            chosen = np.flatnonzero(beyond.any(axis=1))
            rows, beyond = rows.of(chosen), beyond[chosen]
            f = self.thresholds(rows, lowest)
            points, exist = self.binding(rows, f, outer)
            far = np.where(exist[..., None], points @ n, -np.inf).max(axis=0)
            free = rows.base[:, None] + d * top
            stable = (free >= f[:, None] - self.game.ease).all(axis=-1)
            far = np.where(stable, (free * normals).sum(axis=-1), far)
            out.append(rows.number[(beyond & (far > levels)).any(axis=1)])
        return np.concatenate(out)

    def is_knife_edge(self, vertices: Floats) -> bool:
        """Say whether some row can be played only just, or only just not."""
        normals, _ = edges(vertices)
        normals = np.concatenate([np.eye(2), normals[(normals > 0.0).all(axis=1)]])
        reach, lowest, tied = (vertices @ normals.T).max(axis=0), vertices.min(axis=0), False
        for rows in self._blocks(len(normals)):
            w = np.clip((self.thresholds(rows, lowest) - rows.base) / self.discount, -1.0, 2.0)
            slack = (reach - w @ normals.T) / normals.sum(axis=1)
            slack[:, :2] = np.where(np.ptp(vertices, axis=0) > _TIED, slack[:, :2], np.inf)
            tied |= bool((np.abs(slack.min(axis=1)) <= _TIED).any())
        return tied


def _boundaries(vertices: Floats) -> list[tuple[_Curve, _Curve]]:
    """Return a polygon's upper and lower boundary over player 0's payoffs, and its right and left over player 1's."""
    number = np.arange(len(vertices))
    turned = number[::-1]
    first = np.lexsort((vertices[turned, 0], vertices[turned, 1]))[0]
    out = []
    for i, ring in ((0, number), (1, np.concatenate([turned[first:], turned[:first]]))):
        x, y = vertices[ring, i], vertices[ring, 1 - i]
        a, b = int(x.argmax()), len(x) - int(x[::-1].argmax())
        lower, upper = slice(0, a + 1), np.arange(len(x), b - 2, -1) % len(x)
        upper = upper[int(x[-1] == x[0]) :]
        out.append(((x[upper], y[upper], ring[upper]), (x[lower], y[lower], ring[lower])))
    return out


def guess(game: Rows, budget: Budget) -> Guess:
    """Return what some applications of the operator tell of a game of one state."""
    operator, structures, largest = _Operator(game), 0, None
    outer, applications = operator.start(), 0
    while len(outer) and largest is None and applications < _APPLICATIONS and not budget.spent:
        image, alive = operator.apply(outer)
        operator.keep(alive)
        outer, applications = image.points, applications + 1
        budget.spend(len(alive) * len(outer))
        for _ in range(_TRIES):
            trial = operator.settled(image) if len(image.points) else None
            if trial is None:
                break
            structures += 1
            image, _ = operator.apply(trial)
            if _equal(trial, image.points):
                if operator.proves(image.points, outer):
                    outer, alive = image.points, operator.credible(image.points)
                    operator.keep(alive)
                    largest = outer if alive.all() else None
                break
    alive = np.zeros(len(game.base), bool)
    alive[operator.rows.number] = True
    if not len(outer):
        largest = outer
    edge = largest is not None and len(largest) > 1 and operator.is_knife_edge(largest)
    return Guess(outer, alive, largest, applications, structures, edge)


def _equal(one: Floats, other: Floats) -> bool:
    """Say whether two polygons have the same vertices."""
    if not len(one) or not len(other):
        return False
    apart = np.abs(one[:, None] - other).max(axis=2)
    return bool(max(apart.min(axis=0).max(), apart.min(axis=1).max()) <= _SAME)
