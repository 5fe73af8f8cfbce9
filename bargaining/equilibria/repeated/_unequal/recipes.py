r"""Self-generating points for given ways to generate them, solved for jointly: a sparse system, by Newton's method.

Point k is :math:`(I - D^m) g + D^m w_k`, where the continuation :math:`w_k` is a fixed mixture of two of the points, or
lies on an edge between two points where a player's constraint binds, or lies where both constraints bind. The
constraints depend on the lowest points. The points are self-generating if their continuations meet all constraints and
lie in the hull of the points.

The ways are found from the support of the payoffs that a polygon generates. In a direction n a profile goes farthest
with the vertex that is farthest along :math:`D n`, if that vertex meets the profile's constraints, otherwise with a
point where a constraint cuts the boundary (see `operator.binding`). So the hull of all payoffs is found from its
support: an edge that some profile passes gets a new vertex, until no edge is passed.

To let sets grow fast a profile may be played for m periods, which gives :math:`(I - D^m) g + D^m w`. Then the
continuation payoffs run from g to w, so it suffices to check the first and the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import (
    BOTTOM,
    CORNER,
    LEAVE,
    LEFT,
    RIGHT,
    SLACK,
    STATIC,
    TOP,
    VERTEX,
    Tag,
)
from bargaining.equilibria._plane.polygon import Chains, Point, Polygon, hull, piece
from bargaining.equilibria.repeated._search.operator import Block, binding
from bargaining.equilibria.repeated._unequal.halfplanes import AXES, farthest, outward, sides, unit

Index = NDArray[np.intp]

_TABLE = 2_000_000  # entries of a table of directions and ways: about 16 MB
_PASSES = 60  # each halves the excess: a chain of a thousand new vertices takes ten
_HARDLY = 1e-15  # the least excess over an edge: less is rounding


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Payoffs, and how each is generated."""

    points: Floats  # (n, 2)
    kinds: Index  # (n,) as in `kinds`
    profiles: Index  # (n,) their places in the block, -1 for outcomes of leaving
    sources: Index  # (n,) the vertex that follows, or the place of the outcome of leaving in the block, or -1
    periods: Index  # (n,) for how many the profile is played

    def __len__(self) -> int:
        return len(self.points)

    def take(self, chosen: Index | list[int]) -> Image:
        """Return the selected ones."""
        return Image(*(getattr(self, item.name)[chosen] for item in fields(self)))

    def joined(self, more: Image) -> Image:
        """Return these and others, one after the other."""
        both = ((getattr(self, item.name), getattr(more, item.name)) for item in fields(self))
        return Image(*map(np.concatenate, both))

    def tags(self, block: Block) -> list[Tag]:
        """Return how each is generated, with the game's numbers of profiles and outcomes of leaving."""
        numbers = np.append(block.index, -1)[self.profiles].tolist()
        leaves = [leave.number for leave in block.leaves]
        rows = zip(self.kinds.tolist(), numbers, self.sources.tolist(), strict=True)
        return [(kind, k, leaves[source] if kind == LEAVE else source) for kind, k, source in rows]


class Ways:
    """The ways to play profiles with a polygon of continuations, and their supports."""

    def __init__(
        self,
        block: Block,
        points: Floats,
        threat: Point,
        *,
        periods: tuple[int, ...] = (1,),
        inner: bool = False,
    ) -> None:
        """Take continuations from a polygon; if it is self-generating, profiles may also be played for ever."""
        self.block, self.points, self.periods = block, points, periods
        self.least = block.thresholds(threat)
        self.w, self.feasible = binding(Chains(pairs(points)), self.least)
        self.stable = (block.payoffs >= self.least - SLACK).all(axis=0) & inner
        needs = [needed(block, self.least, m) - SLACK for m in periods]
        self.free = [(points[:, :, None] >= need).all(axis=1) for need in needs]
        self.alive = self.feasible[0] | self.feasible[2] | self.free[0].any(axis=0) | self.stable
        self.cut = block.now[:, None] + block.discounts[:, :, None] * self.w
        self.leaves = np.array([leave.payoffs for leave in block.leaves]).reshape(-1, 2)
        count = block.index.size
        self.ends = np.cumsum([len(periods) * count, 4 * count, count, len(self.leaves)])

    def reach(self, directions: Floats) -> tuple[Floats, Index, Index]:
        """Return the support of the payoffs in each direction, the way that attains it, and the vertex that follows."""
        portions = np.array_split(directions, 1 + len(directions) * int(self.ends[-1]) // _TABLE)
        level, way, source = (np.concatenate(each) for each in zip(*map(self._reach, portions), strict=True))
        return level, way, source

    def _reach(self, directions: Floats) -> tuple[Floats, Index, Index]:
        block, columns, tops = self.block, [], []
        for m, free in zip(self.periods, self.free, strict=True):
            discounts = block.discounts.ravel() ** m
            pull = directions * discounts
            top = farthest(self.points, pull)
            ahead = np.where(np.asarray(free)[top], (pull * self.points[top]).sum(axis=1)[:, None], -np.inf)
            columns.append(directions @ ((1.0 - discounts)[:, None] * block.payoffs) + ahead)
            tops.append(top)
        columns += [
            np.where(self.feasible[kind], directions @ self.cut[:, kind], -np.inf) for kind in range(4)
        ]
        columns += [np.where(self.stable, directions @ block.payoffs, -np.inf), directions @ self.leaves.T]
        table, each = np.concatenate(columns, axis=1), np.arange(len(directions))
        way: Index = table.argmax(axis=1)
        source = np.full(len(way), -1)
        free_ones = np.flatnonzero(way < self.ends[0])
        source[free_ones] = np.array(tops)[way[free_ones] // block.index.size, free_ones]
        return table[each, way], way, source

    def generated(self, way: Index, source: Index) -> Image:
        """Return the payoffs that the ways give."""
        block, count = self.block, max(self.block.index.size, 1)
        sort = np.searchsorted(self.ends, way, side="right")
        inside = way - np.append(0, self.ends)[sort]
        which, place = np.divmod(inside, count)
        points, kinds = np.empty((len(way), 2)), np.full(len(way), VERTEX)
        periods, sources = np.ones(len(way), dtype=np.intp), source.copy()
        free, cut, still, left = (sort == k for k in range(4))
        periods[free] = np.array(self.periods)[which[free]]
        discounts = block.discounts.ravel() ** periods[free][:, None]
        points[free] = (1.0 - discounts) * block.payoffs.T[place[free]] + discounts * self.points[
            source[free]
        ]
        points[cut] = self.cut[:, which[cut], place[cut]].T
        kinds[cut] = self._sort(which[cut], place[cut])
        points[still], kinds[still] = block.payoffs.T[place[still]], STATIC
        points[left], kinds[left], sources[left] = self.leaves[inside[left]], LEAVE, inside[left]
        return Image(points, kinds, np.where(left, -1, place), sources, periods)

    def _sort(self, kinds: Index, profiles: Index) -> Index:
        """Return which constraints bind; both bind if the other player's continuation is the lowest too."""
        other = np.where(kinds == BOTTOM, 1, 0)
        low = np.isin(kinds, (BOTTOM, LEFT))
        both = low & (self.w[other, kinds, profiles] == self.least[other, profiles])
        return np.where(both, CORNER, kinds)


def image(ways: Ways, *, merge: float) -> Image:
    """Return the hull of all payoffs, counter-clockwise from the lowest of the leftmost; empty if there are none.

    Vertices within `merge` of the chord of their neighbours are left out.
    """
    if not ways.alive.any() and not len(ways.leaves):
        return ways.generated(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))
    edge = sides(ways.points)
    directions = np.concatenate([AXES, outward(ways.points), unit(edge[np.hypot(*edge.T) > 0.0])])
    _, way, source = ways.reach(directions)
    found = ways.generated(way[:0], source[:0])
    known = set[tuple[int, int]]()
    checked = set[tuple[int, int]]()
    for _ in range(_PASSES):
        fresh = {
            key: k
            for k, key in enumerate(zip(way.tolist(), source.tolist(), strict=True))
            if key not in known
        }
        known.update(fresh)
        new = [*fresh.values()]
        found = found.joined(ways.generated(way[new], source[new]))
        ring = hull(pairs(found.points), merge=merge)
        edges = [pair for pair in zip(ring, ring[1:] + ring[:1], strict=True) if pair not in checked]
        checked.update(edges)
        first, second = found.points[[a for a, _ in edges]], found.points[[b for _, b in edges]]
        along = second - first
        length = np.hypot(along[:, 0], along[:, 1])
        normals = np.stack([along[:, 1], -along[:, 0]], axis=1)[length > 0.0] / length[length > 0.0][:, None]
        level, way, source = ways.reach(normals)
        passed = level > (normals * first[length > 0.0]).sum(axis=1) + max(merge, _HARDLY)
        if not passed.any():
            break
        way, source = way[passed], source[passed]
    return found.take(ring)


def needed(block: Block, least: Floats, periods: int) -> Floats:
    """Return the lowest continuations that deter deviations if profiles are played for these periods, (2, profiles)."""
    if periods == 1:
        return least
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        first = block.payoffs + (least - block.payoffs) / block.discounts ** (periods - 1)
    return np.where(block.payoffs >= least, least, first)


def pairs(points: Floats) -> Polygon:
    """Return the vertices as pairs."""
    x, y = points.T.tolist()
    return [*zip(x, y, strict=True)]


_STEPS = 8  # of Newton's method; each doubles the digits
_STILL = 1e-15  # rounding of a point in the unit box
# Between points and what they generate: rounding. Steps that do not converge end farther apart.
_SOLVED = 1e-13
_FAR = 1e3  # unit boxes: after so long a step the method fails
_FLAT = 1e-15  # an edge that is shorter than this across a constraint meets it at its first end
_OFF = 1e-12  # tolerance for a place on an edge, as a share of the edge
_NEAR = 1e-12  # a point this close to a vertex equals it up to rounding

Key = tuple[int, int, int, int]
Entries = tuple[Floats, Index, Index]
"""Weights of a sparse matrix with their rows and columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Recipes:
    """The corners of a polygon, and how each is generated from them."""

    block: Block
    bound: Point  # below every threat
    points: Floats  # (n, 2) counter-clockwise
    keys: list[Key | None]  # kind, profile, source, periods; None where no single corner follows
    holds: bool  # whether they are self-generating


def solved(
    before: Floats,
    keys: list[Key | None] | None,
    image: Image,
    block: Block,
    bound: Point,
    *,
    near: float,
    inset: float = 0.0,
) -> Recipes | None:
    """Return the self-generating points that are generated as the points of an image are; None if there are none.

    Each point of the image continues with vertices of the set `before`. Such a vertex is replaced by the point of the
    image that is generated in the same way, according to `keys`, or else by the nearest point on the boundary of the
    image, up to a distance. With an inset every continuation is moved inwards by that much, away from binding
    constraints and from the edge on which it lies.
    """
    system = _System(block, bound, image, *_followed(before, keys, image, near), inset)
    points = system.solve()
    if points is None:
        return None
    ring = hull(pairs(points), merge=_STILL)
    place = np.full(len(points), -1)
    place[ring] = np.arange(len(ring))
    new: list[Key | None] = []
    for k in ring:
        kind, source = image.kinds.item(k), image.sources.item(k)
        if kind == VERTEX:
            source = place.item(system.source.item(k))
        known = kind != VERTEX or (source >= 0 and system.share.item(k) == 0.0)
        new.append((kind, image.profiles.item(k), source, image.periods.item(k)) if known else None)
    return Recipes(block, bound, points[ring], new, system.holds(points, np.array(ring)))


def _followed(
    before: Floats, keys: list[Key | None] | None, image: Image, near: float
) -> tuple[Index, Index, Floats]:
    count = len(image)
    source, other, share = np.arange(count), np.arange(count), np.zeros(count)
    played = np.flatnonzero(image.kinds == VERTEX)
    wanted, back = np.unique(image.sources[played], return_inverse=True)
    top = farthest(image.points, outward(before))[wanted]
    at = before[wanted]
    best = np.hypot(*(at - image.points[top]).T)
    moving = True
    while moving:  # if edges are nearly in line the farthest vertex need not be the nearest
        moving = False
        for step in (-1, 1):
            end = (top + step) % count
            away = np.hypot(*(at - image.points[end]).T)
            nearer = away < best
            best = np.where(nearer, away, best)
            top = np.where(nearer, end, top)
            moving = moving or nearer.any()
    first, second, part = top.copy(), top.copy(), np.zeros(len(wanted))
    # the nearer of the two edges at that vertex
    exact = best <= _NEAR
    for step in (-1, 1):
        end = (top + step) % count
        edge = image.points[end] - image.points[top]
        square = (edge**2).sum(axis=1)
        t = np.clip(
            ((at - image.points[top]) * edge).sum(axis=1) / np.where(square > 0.0, square, 1.0), 0.0, 1.0
        )
        away = np.hypot(*(at - image.points[top] - t[:, None] * edge).T)
        closer = (away < best) & (away <= near) & ~exact
        best = np.where(closer, away, best)
        second, part = np.where(closer, end, second), np.where(closer, t, part)
    if keys is not None:
        rows = zip(
            image.kinds.tolist(),
            image.profiles.tolist(),
            image.sources.tolist(),
            image.periods.tolist(),
            strict=True,
        )
        where = {row: k for k, row in enumerate(rows)}
        for n, s in enumerate(wanted.tolist()):
            key = keys[s]
            k = where.get(key) if key is not None else None
            if k is not None:
                first[n] = second[n] = k
                part[n] = 0.0
    source[played], other[played], share[played] = first[back], second[back], part[back]
    return source, other, share


class _System:
    def __init__(
        self,
        block: Block,
        bound: Point,
        image: Image,
        source: Index,
        other: Index,
        share: Floats,
        inset: float,
    ) -> None:
        self.block, self.bound, self.image, self.inset = block, bound, image, inset
        self.source, self.other, self.share = source, other, share
        points, kinds, profiles = image.points, image.kinds, image.profiles
        self.delta = block.discounts.ravel()
        self.power = self.delta[None] ** image.periods[:, None]
        fixed = (kinds == STATIC) | (kinds == LEAVE)
        self.now = np.where(fixed[:, None], points, (1.0 - self.power) * block.payoffs.T[profiles])
        self.low = points.argmin(axis=0)
        least = points.min(axis=0)
        self.known = [bound[i] >= least[i] - (_NEAR if inset else _STILL) for i in (0, 1)]
        start = [bound[i] if self.known[i] else least.item(i) for i in (0, 1)]
        self.gain = block.gain.T[profiles]
        self.b = self.gain + start
        self.floor = np.zeros((len(points), 2), dtype=bool)
        if block.floor is not None:
            floors = block.floor.T[profiles]
            self.floor = floors >= self.b
            self.b = np.maximum(self.b, floors)
        chains = Chains(pairs(points))
        along = {TOP: chains.top, BOTTOM: chains.bottom, RIGHT: chains.right, LEFT: chains.left}
        self.edges = np.zeros((len(points), 2), dtype=np.intp)
        for k in np.flatnonzero(kinds <= LEFT).tolist():
            self.edges[k] = piece(
                along[kinds.item(k)], self.b.item(k, 0 if kinds.item(k) in (TOP, BOTTOM) else 1)
            )
        self.mixed = np.flatnonzero(kinds == VERTEX)
        self.corner = np.flatnonzero(kinds == CORNER)
        self.cut = [np.flatnonzero((kinds == a) | (kinds == b)) for a, b in ((TOP, BOTTOM), (RIGHT, LEFT))]

    def solve(self) -> Floats | None:
        """Return the self-generating points, by Newton's method; None if there are none nearby."""
        from scipy.sparse import csc_matrix, identity
        from scipy.sparse.linalg import splu

        points: Floats = self.image.points
        size = 2 * len(self.image)
        for step in range(_STEPS):
            value, entries = self.generated(points)
            left = (points - value).ravel()
            if step and np.abs(left).max() <= 2e-16:
                return points
            parts = (
                zip(*entries, strict=True)
                if entries
                else ([np.empty(0)], [np.empty(0, int)], [np.empty(0, int)])
            )
            weights, rows, columns = (np.concatenate(each) for each in parts)
            matrix = csc_matrix((weights, (rows, columns)), shape=(size, size))
            try:
                move = splu(csc_matrix(identity(size, format="csc") - matrix)).solve(left)
            except RuntimeError:
                return None
            if not np.abs(move).max() < _FAR:
                return None
            points = points - move.reshape(-1, 2)
            if np.abs(move).max() <= _STILL:
                return points
        return points if np.abs(points - self.generated(points)[0]).max() <= _SOLVED else None

    def thresholds(self, points: Floats) -> Floats:
        """Return the continuations at which the constraints bind, given the present threats."""
        threat = [self.bound[i] if self.known[i] else points.item(self.low.item(i), i) for i in (0, 1)]
        return np.where(self.floor, self.b, self.gain + threat) + self.inset

    def generated(self, points: Floats) -> tuple[Floats, list[Entries]]:
        """Return the image of the points, and its derivatives with respect to the points: weights, rows and columns."""
        out = self.now.copy()
        entries: list[Entries] = []
        b, mixed, share = self.thresholds(points), self.mixed, self.share[self.mixed]
        p, q = self.source[mixed], self.other[mixed]

        def on(rows: Index, i: int, columns: Index, weights: Floats) -> None:
            entries.append((weights, 2 * rows + i, columns))

        for i in (0, 1):
            weight = self.power[mixed, i] * (1.0 - self.inset)
            out[mixed, i] += weight * ((1.0 - share) * points[p, i] + share * points[q, i])
            out[mixed, i] += self.power[mixed, i] * self.inset * self.image.points[:, i].mean()
            on(mixed, i, 2 * p + i, weight * (1.0 - share))
            on(mixed, i, 2 * q + i, weight * share)
        for i in (0, 1):
            k, o = np.concatenate([self.corner, self.cut[i]]), 1 - i
            out[k, i] += self.delta[i] * b[k, i]
            self._threat(on, k, i, i, np.full(k.size, self.delta[i]))
            k = self.cut[i]
            (p, q), (along, _, width) = self.edges[k].T, self.across(points, i, b)
            slope = np.where(
                width == 0.0, 0.0, (points[q, o] - points[p, o]) / np.where(width == 0.0, 1.0, width)
            )
            inward = np.where(np.isin(self.image.kinds[k], (TOP, RIGHT)), -self.inset, self.inset)
            out[k, o] += self.delta[o] * (points[p, o] + along * (points[q, o] - points[p, o]) + inward)
            d = self.delta[o]
            for end, weight in ((p, 1.0 - along), (q, along)):
                on(k, o, 2 * end + o, d * weight)
                on(k, o, 2 * end + i, -d * weight * slope)
            self._threat(on, k, o, i, d * slope)
        return out, entries

    def across(self, points: Floats, i: int, b: Floats) -> tuple[Floats, Floats, Floats]:
        """Return where a constraint of player i cuts its edge: the share of the edge, the distance, and its width."""
        k = self.cut[i]
        p, q = self.edges[k].T
        width = points[q, i] - points[p, i]
        width = np.where(np.abs(width) < _FLAT, 0.0, width)
        ahead = b[k, i] - points[p, i]
        return np.where(width == 0.0, 0.0, ahead / np.where(width == 0.0, 1.0, width)), ahead, width

    def _threat(
        self, on: Callable[[Index, int, Index, Floats], None], k: Index, row: int, i: int, weight: Floats
    ) -> None:
        if not self.known[i]:
            moves = ~self.floor[k, i]
            on(k[moves], row, np.full(int(moves.sum()), 2 * self.low[i] + i), weight[moves])

    def holds(self, points: Floats, ring: Index) -> bool:
        """Whether the corners are generated with continuations in the hull of the points that meet the constraints."""
        threat = points.min(axis=0)
        threat = max(self.bound[0], threat.item(0)), max(self.bound[1], threat.item(1))
        least = self.block.thresholds(threat)
        kinds, profiles = self.image.kinds, self.image.profiles
        used = np.zeros(len(points), dtype=bool)
        used[ring] = True
        b = self.thresholds(points)
        if (least.T[profiles[profiles >= 0]] > b[profiles >= 0] + 2 * SLACK).any():
            return False
        for m in np.unique(self.image.periods).tolist():
            k = self.mixed[used[self.mixed] & (self.image.periods[self.mixed] == m)]
            w = points[self.source[k]] + self.share[k][:, None] * (
                points[self.other[k]] - points[self.source[k]]
            )
            if (w < needed(self.block, least, m).T[profiles[k]] - 2 * SLACK).any():
                return False
        for i in (0, 1):
            along, ahead, width = self.across(points, i, b)
            k, o = self.cut[i], 1 - i
            p, q = self.edges[k].T
            other = points[p, o] + along * (points[q, o] - points[p, o])
            on = np.where(width == 0.0, np.abs(ahead) <= 2 * SLACK, np.abs(along - 0.5) <= 0.5 + _OFF)
            if not (on & (other >= b[k, o] - 2 * SLACK))[used[k]].all():
                return False
        still = np.flatnonzero(used & (kinds == STATIC))
        if (points[still] < least.T[profiles[still]] - 2 * SLACK).any():
            return False
        corner = self.corner[used[self.corner]]
        if corner.size:
            from bargaining.equilibria._plane.polygon import beyond

            return beyond(pairs(b[corner]), pairs(points[ring])) <= 2 * SLACK
        return True
