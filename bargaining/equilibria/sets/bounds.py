r"""How far rows reach at most: affine functions of all levels, and what their largest fixed point proves.

A row reaches, in the direction n, at most

.. math:: (n + z) \cdot b + \sum_{s'} P(s') (w_1 h_{s'k} + w_2 h_{s'l}) - z \cdot f(h)

for multipliers :math:`z \ge 0` of its thresholds f and weights :math:`w \ge 0` of two normals k, l with
:math:`D (n + z) = w_1 n_k + w_2 n_l`, whatever the levels h of the sets that follow: weak duality. In the plane at most
two constraints bind, so that there are four candidates: no threshold binds, both do, or one does, where its line meets
a facet. `_affine` says what a fixed point of the least known bounds proves.

An `Image` is what each row generates from sets: thresholds, facets that they cut, corners of the image, their recipes.

Convex sets in the plane are levels of one `Fan` of normals, sorted by angle, that all states share. A set is
``{v : n_j . v <= h_j}``. Its corner j is the point that is farthest in the directions between the normals j and j + 1,
so that levels and corners of sums of sets are sums of levels and of corners. The axes are among the normals: neighbours
lie in one quadrant, where 1-norms add up.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Diverging, Sparse, beyond, solution
from bargaining.equilibria.sets.rows import Indices, Mask, Rows

AXES = np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
"""Down, right, up, left: in the order of their angles from -pi on, which belongs to the left."""

_PARALLEL = 1e-12  # determinant of two normals of unit 1-norm whose lines cross too far away to say where
_TOUCHES = 1e-14  # of the unit box: a face that cuts off less cuts off nothing
_POINT = 1e-11  # of the unit box: smaller sets are points, as lines that nearly agree may cross anywhere
_CONTRARY = 1e-5  # of the unit box: at a fold, rounding moves a fixed point by its square root
_ALIKE = 1e-10  # radians: two normals closer than this are one


def cross(a: Floats, b: Floats) -> Floats:
    """Return the determinants of pairs of vectors."""
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0])


def angle(normals: Floats) -> Floats:
    """Return angles in (-pi, pi]; minus zero does not turn pi to -pi."""
    return np.arctan2(normals[..., 1] + 0.0, normals[..., 0])


class Fan:
    """J normals of unit 1-norm in the order of their `angles`, the last one to the left.

    `down`, `right`, `up` and `left` are the places of the axes, `after` that of the next normal. `scaled` are the
    normals n / d, of unit 1-norm, of D times a set whose normals are these, with D scaled = `stretch` normal. And D n =
    `share` n_first + `rest` n_(first + 1), with neighbours `first` and `first + 1`.
    """

    def __init__(self, normals: Floats, discounts: Floats) -> None:
        every = np.concatenate([AXES, normals / np.abs(normals).sum(axis=1, keepdims=True)])
        angles = angle(every)
        order = np.argsort(angles, kind="stable")
        self.discounts, self.normals, self.angles = discounts, every[order], angles[order]
        self.down, self.right, self.up, self.left = np.argsort(order)[:4].tolist()
        self.after = np.r_[1 : len(self), 0]
        inverse = self.normals * discounts[::-1]
        self.scaled = inverse / np.abs(inverse).sum(axis=1, keepdims=True)
        self.stretch = 1.0 / (np.abs(self.normals) / discounts).sum(axis=1)
        if discounts[0] == discounts[1]:
            self.first, self.share = np.arange(len(self)), np.full(len(self), discounts[0])
            self.rest = np.zeros(len(self))
        else:
            self._shares()
        self.rising, self.falling = np.arange(self.right + 1, self.left), np.arange(self.right)
        self.rightward = np.arange(self.down + 1, self.up)
        self.leftward = np.r_[self.up + 1 : len(self), 0 : self.down]

    def _shares(self) -> None:
        discounted = self.normals * self.discounts
        self.first = (np.searchsorted(self.angles, angle(discounted), "right") - 1) % len(self)
        one, other = self.normals[self.first], self.normals[self.after[self.first]]
        # 1-norms add up. By Cramer's rule both shares would lose six digits where neighbours nearly agree.
        total = np.abs(discounted).sum(axis=1)
        self.rest = np.clip(cross(one, discounted) / cross(one, other), 0.0, total)
        self.share = total - self.rest

    def __len__(self) -> int:
        return len(self.normals)

    @property
    def axes(self) -> list[int]:
        """The places of the axes: down, right, up, left."""
        return [self.down, self.right, self.up, self.left]

    def corner(self, directions: Floats) -> Indices:
        """Return the corner that is the farthest in each direction."""
        return np.asarray((np.searchsorted(self.angles, angle(directions) + 1e-13, "right") - 1) % len(self))

    def support(self, corners: Floats, directions: Floats) -> Floats:
        """Return how far sets given by corners reach, shape (S, k)."""
        return np.asarray((directions * corners[:, self.corner(directions)]).sum(axis=-1))

    def joined(self, faces: list[tuple[Floats, Floats]]) -> Fan:
        """Return the fan with normals of faces, given with their lengths; of those that nearly agree, the longest."""
        normals = np.concatenate([np.zeros((0, 2)), *(normals for normals, _ in faces)])
        length = np.concatenate([np.zeros(0), *(lengths for _, lengths in faces)])
        angles, known = angle(normals), np.concatenate([[-np.pi], self.angles])
        k = np.searchsorted(known, angles)
        gaps = angles - known[np.maximum(k - 1, 0)], known[np.minimum(k, len(self))] - angles
        new = np.minimum(*gaps) > _ALIKE
        normals, length, angles = normals[new], length[new], angles[new]
        order = np.argsort(angles, kind="stable")
        group = np.cumsum(np.diff(angles[order], prepend=-9.0) > _ALIKE)
        order = order[np.lexsort((-length[order], group))]
        longest = order[np.flatnonzero(np.diff(np.sort(group), prepend=0))]
        return Fan(
            np.concatenate([np.delete(self.normals, self.axes, axis=0), normals[longest]]), self.discounts
        )

    def intersection(self, levels: Floats) -> tuple[Floats, Floats, Floats]:
        """Intersect half-planes: return tight levels, corners, and how much each face cuts off, 0 if it is idle."""
        n, active = self.normals, np.ones(levels.shape, bool)
        foot = levels[..., None] * (n / (n * n).sum(axis=1, keepdims=True))
        while True:
            last, following = neighbours(active)
            before, beyond = np.roll(last, 1, axis=1), np.roll(following, -1, axis=1)
            a, b = n[before], n[beyond]
            turn = cross(a, b)
            # Relative to a point of each face's own line, as lines may be nearly parallel.
            of_a = np.take_along_axis(levels, before, 1) - (a * foot).sum(axis=-1)
            of_b = np.take_along_axis(levels, beyond, 1) - (b * foot).sum(axis=-1)
            with np.errstate(divide="ignore", invalid="ignore"):
                depth = (cross(n, b) * of_a + cross(a, n) * of_b) / turn
            same = (np.abs(turn) <= _PARALLEL) & ((a * b).sum(axis=-1) > 0.0)
            cut = np.where(turn > _PARALLEL, depth, np.where(same, 0.0, np.inf))
            idle = active & (cut < -_TOUCHES)
            if not idle.any():  # of those that only touch every second one goes, so that its neighbours stay
                touching = active & (cut <= _TOUCHES)
                touching[:, -1] = False
                idle = touching & (np.cumsum(touching, axis=1) % 2 == 1)
            # Fewer than two faces bound nothing: the half-planes contradict each other.
            idle[np.minimum(active.sum(axis=1) - 3, (active & ~idle).sum(axis=1)) < 2] = False
            if not idle.any():
                break
            active &= ~idle
        a, b = n[last], n[beyond]
        start = np.take_along_axis(foot, last[..., None], 1)
        along, turn = np.stack([-a[..., 1], a[..., 0]], axis=-1), cross(a, b)
        steps = np.take_along_axis(levels, beyond, 1) - (b * start).sum(axis=-1)
        corners = start + along * (steps / np.where(np.abs(turn) < 1e-300, 1e-300, turn))[..., None]
        far, near = levels[:, [self.right, self.up]], -levels[:, [self.left, self.down]]
        levels = np.where(active | ~np.isfinite(depth), levels, levels + depth)
        middle = (far + near) / 2.0
        point = (far - middle).max(axis=1) < _POINT
        corners[point] = middle[point, None]
        levels[point] = np.maximum(levels[point], middle[point] @ n.T)
        return levels, corners, np.where(active, cut, 0.0)

    def contradictory(self, levels: Floats, corners: Floats) -> Mask:
        """Say which states' half-planes leave nothing: the set would have a negative width."""
        across = levels[:, self.left] + levels[:, self.right], levels[:, self.down] + levels[:, self.up]
        width = levels + self.support(corners, -self.normals)
        return np.asarray((np.minimum(*across) < -_CONTRARY) | (width < -1e-2).any(axis=1))


def neighbours(active: Mask) -> tuple[Indices, Indices]:
    """Return, in each column, the last active one at or before it and the first at or after it, cyclically."""
    count = active.shape[1]
    column = np.arange(count)
    last = np.maximum.accumulate(np.where(active, column, -1), axis=1)
    first = np.minimum.accumulate(np.where(active, column, count)[:, ::-1], axis=1)[:, ::-1]
    return np.where(last < 0, last[:, -1:], last), np.where(first == count, first[:, :1], first)


def of_polygons(polygons: list[Floats], discounts: Floats) -> tuple[Fan, Floats, Floats]:
    """Return the fan of the polygons' edges, and the levels and corners of each."""
    fan = Fan(np.zeros((0, 2)), discounts).joined(list(map(edges, polygons)))
    between = fan.normals + fan.normals[fan.after]
    levels = np.stack([(v @ fan.normals.T).max(axis=0) for v in polygons])
    return fan, levels, np.stack([v[(v @ between.T).argmax(axis=0)] for v in polygons])


def edges(vertices: Floats) -> tuple[Floats, Floats]:
    """Return the outward normals, of unit 1-norm, and the lengths of a polygon's edges."""
    along = np.roll(vertices, -1, axis=0) - vertices
    along = along[np.abs(along).max(axis=1, initial=0.0) > 1e-14]
    normals = np.stack([along[:, 1], -along[:, 0]], axis=1)
    return normals / np.abs(normals).sum(axis=1, keepdims=True), np.abs(along).max(axis=1, initial=0.0)


def hull(points: Floats) -> Indices:
    """Return the vertices of the convex hull, counter-clockwise from the lowest of the leftmost, as indices.

    Many points are first sifted by the polygon of those that are extreme in sixteen directions.
    """
    numbers = np.arange(len(points))
    if len(points) > 64:
        ring = points[np.unique((points @ _AROUND).argmax(axis=0))]
        ring = ring[_chains(ring)]
        if len(ring) > 2:
            normals, _ = edges(ring)
            if len(normals) == len(ring):
                outside = (points @ normals.T >= (ring * normals).sum(axis=1) - 1e-15).any(axis=1)
                numbers = np.flatnonzero(outside)
    return np.asarray(numbers[_chains(points[numbers])])


_AROUND = np.stack([f(np.arange(16) * np.pi / 8 + 0.1) for f in (np.cos, np.sin)])


def _chains(points: Floats) -> Indices:
    """Return the hull by Andrew's monotone chains; turns are exact up to the rounding of a cross product."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    rows = points[order].tolist()

    def chain(numbers: range) -> list[int]:
        out: list[int] = []
        for i in numbers:
            x, y = rows[i]
            while len(out) > 1:
                (ax, ay), (bx, by) = rows[out[-2]], rows[out[-1]]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0.0:
                    break
                out.pop()
            if not out or rows[out[-1]] != rows[i]:
                out.append(i)
        return out

    lower, upper = chain(range(len(rows))), chain(range(len(rows) - 1, -1, -1))
    return np.asarray(order[lower[:-1] + upper[:-1] if len(lower) > 1 or len(upper) > 1 else lower])


def corners(vertices: Floats) -> Floats:
    """Return the vertices without those that lie on their neighbours' chord up to rounding."""
    return vertices[simplified(vertices, 1e-13)]


def simplified(vertices: Floats, tolerance: float) -> Indices:
    """Return the vertices that remain if those within the tolerance of their neighbours' chord are dropped.

    Of neighbours the nearest goes first.
    """
    kept = np.arange(len(vertices))
    while len(kept) > 1:
        x = vertices[kept]
        a, b = vertices[np.roll(kept, 1)], vertices[np.roll(kept, -1)]
        chord = b - a
        t = ((x - a) * chord).sum(axis=1) / np.maximum((chord * chord).sum(axis=1), 1e-300)
        t = np.minimum(np.maximum(t, 0.0), 1.0)
        distance = np.abs(x - a - t[:, None] * chord).max(axis=1)
        if distance.min() > tolerance:
            break
        nearest = (distance < np.roll(distance, 1)) & (distance <= np.roll(distance, -1))
        nearest &= distance <= tolerance
        nearest[distance.argmin()] |= not nearest.any()
        kept = kept[~nearest]
    return kept


TIED = 1e-9
"""Of the unit box: thresholds that are met or missed by less may be met only just."""

_STEEP = 1e-4  # component of a unit normal: a smaller one would turn rounding into more than 1e-12


class Recipes(NamedTuple):
    """Corners of one state's image, counter-clockwise, and how each is generated."""

    points: Floats  # (m, 2)
    row: Indices  # (m,) the place of the row in the image
    # (m,) below J, the corner of the row's set; J + c: where a threshold meets the facet of the chain c, as in
    # `Image.facets`; J + 4: where both thresholds meet
    kind: Indices

    def of(self, kept: Indices) -> Recipes:
        """Return some of them."""
        return Recipes(self.points[kept], self.row[kept], self.kind[kept])


class Image:
    """One application of the operator to sets given by levels and corners.

    The set of a row is base + D sum P V: its levels in the directions `fan.scaled`, and its corners, are sums. `rows`
    (A,) are the numbers of the rows that are playable (with `every`, of all that live), `thresholds` and `best` (A, 2)
    are their thresholds and the rows of the best deviations, `leaves` says whether a threshold is what leaving gives,
    and `excess` (A,) how far they lie outside the row's set: a row with more than the ease cannot be played. `facets`,
    four times (A,), are the normals whose facets player 0's threshold meets on the upper and on the lower boundary of
    the row's set, and player 1's on the right and on the left.
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
        living, self.loss = alive, self._loss(gains)
        alive = alive & (self.loss >= -game.ease)
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
        """Say which rows' thresholds are met or missed only just, or where a threat to leave is only just credible.

        A direction in which a row's set has no width says nothing.
        """
        fan, corners = self.fan, self.corners
        wide = corners[:, fan.right, 0] - corners[:, fan.left, 0] > TIED
        high = corners[:, fan.up, 1] - corners[:, fan.down, 1] > TIED
        misses = np.where((wide & high)[:, None], self._misses(self.thresholds), -np.inf)
        misses[:, 0] = np.where(wide, self.thresholds[:, 0] - corners[:, fan.right, 0], -np.inf)
        misses[:, -1] = np.where(high, self.thresholds[:, 1] - corners[:, fan.up, 1], -np.inf)
        return np.asarray(np.minimum(np.abs(misses.max(axis=1)), np.abs(self.loss)) <= TIED)

    def _loss(self, gains: Floats) -> Floats:
        """Return what who leaves alone can lose by staying, whatever followed; infinite for other rows.

        Below zero, where staying would give more, the threat to leave is not credible.
        """
        game, out = self.game, np.full(len(gains), np.inf)
        if not (game.leaver >= 0).any():
            return out
        thresholds, self.thresholds = self.thresholds, gains  # after a player has stayed, nobody may leave
        self.facets = self._facets()
        points, exist = self._points()
        real = game.stays & ~game.barred & (self._excess(gains) <= game.ease)
        for row in np.flatnonzero(game.leaver >= 0).tolist():
            mine, k = real & (game.state == game.state[row]), game.leaver[row]
            out[row] = game.base[row, k] - points[mine][exist[mine]][:, k].min(initial=np.inf)
        self.thresholds = thresholds
        return out

    def _keep(self, kept: Mask) -> None:
        for name in (
            "rows",
            "state",
            "base",
            "law",
            "thresholds",
            "best",
            "leaves",
            "levels",
            "corners",
            "loss",
        ):
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


_SPEEDS = 5  # choices of the bounds that bind at u
_SETTLED = 1e-12  # of the unit box: F(x) - x that Newton's method may leave
_STEEPEST = 1e4  # multiplier: a larger one would turn the rounding of a threshold into more than 1e-12
_DENSE = 300  # unknowns up to which a dense matrix is the faster one


class Bounds:
    """Bounds of the rows of an image in all directions of a fan, least at given levels, or at both of two.

    `faces` and `weights` are pairs (A, J) of two normals and their weights, `multipliers` (A, J, 2) those of the
    thresholds of both players; `solutions` counts linear systems.
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
