r"""The largest fixed point of the operator for equally patient players: iterate from outside, solve equations, prove.

Plain iteration converges at the rate of the discount factor. Here one application of the operator gives a structure,
Newton's method solves for the fixed point of this structure, and a proof from outside shows that the largest fixed
point is no larger. Two or three applications usually suffice, whatever the discount factor.

*Proof.* Let :math:`K` be self-generating and let :math:`W \supseteq V^*`. Write :math:`X(e) = \{w : n_j w \le c_j + e
z_j\}` for the faces of :math:`K`, moved out at speeds :math:`z_j > 0`, and let :math:`E` be such that :math:`W
\subseteq X(E)`. If the operator maps every :math:`X(e)`, :math:`0 < e \le E`, strictly inside :math:`X(e)`, then
:math:`K` is the only fixed point between :math:`K` and :math:`W`, so :math:`V^* = K`.

A finite check covers *every* e. For one profile the farthest payoff in the direction :math:`n_j` is the value of a
linear program whose right-hand side is affine in e; by duality each basis gives an affine upper bound that is valid for
all e. The check succeeds for a pair of a profile and a face if one bound stays below :math:`c_j + e z_j` at both ends
of the range of e, or if two bounds do so on ranges that overlap. It always succeeds if :math:`n_j g(a) \le c_j`, as the
operator then contracts at the rate of the discount factor.

Speeds proportional to the distance from an interior point often suffice. In general they solve :math:`z = 1 + \Phi(z)`,
where :math:`\Phi` is the slope at :math:`e = 0` over the profiles that reach a face: a max-affine system, solved by
policy iteration. They exist if :math:`K` attracts from outside, and then they prove it. If vertices of the next sets
lie on faces of :math:`K`, some bounds tie and may fail to show it. Then the distance of :math:`W` beyond each face
serves as its speed, and a proof for all e above some part of E gives a smaller W.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from math import inf, nan, sqrt
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from bargaining.equilibria._budget import ACCURACY, Budget
from bargaining.equilibria._plane.kinds import FINE, SLACK, Tag
from bargaining.equilibria._plane.polygon import (
    Chain,
    Chains,
    Point,
    Polygon,
    apart,
    beyond,
    cut,
    lowest,
    off,
)
from bargaining.equilibria.repeated._search.operator import FEW, Block, Image, apply, apply_to_few, binding
from bargaining.equilibria.repeated._search.structure import generates, newton, solved

_SAME = 4e-15  # of the unit box: sets that differ by rounding alone
_SOLVED = 1e-13  # of the unit box: how near a fixed point its image must lie
FAST = 0.5
"""Below this discount factor applications converge so fast that the first structure may be skipped."""
_EAGER = 8  # steps, after which a candidate is sought and judged only in every `_RARE`-th
_RARE = 4  # an application costs a tenth of that
_NOTHING = np.zeros(0, dtype=bool)


@dataclass(slots=True)
class Search:
    """A search for the largest fixed point, and what it has found so far."""

    root: Block  # every profile
    block: Block  # the profiles that can still be played
    own: Point  # each player's payoff from leaving, minus infinity if she may not leave
    polygon: Polygon  # outer set, and at the end the answer
    tags: list[Tag] = field(default_factory=list)
    threat: Point = (nan, nan)
    least: Point = (nan, nan)  # a lower bound of the threat
    iterations: int = 0
    solves: int = 0
    stopped: str = ""
    bound: float = inf
    found: Image | None = None  # a self-generating set
    cut: bool = False  # whether the outer set was cut by a proof
    attained: bool = True  # whether the bound is the distance from equilibrium payoffs
    tolerance: float = ACCURACY
    budget: Budget = field(default_factory=Budget)

    def run(self, limit: int, *, guess: tuple[Polygon, list[Tag]] | None = None) -> None:
        """Search for at most `limit` applications to the outer set."""
        self.least = self.block.threat_bound(self.own)
        if not self.polygon:
            self.bound, self.stopped = 0.0, "nothing is left"
        elif guess is not None:
            self._solve(*guess, 2)
        while self.iterations < limit and not self.stopped and not self.budget.spent:
            self._step()
        if not self.stopped:
            self.give_up(None if self.found is None else self.found.polygon)

    def give_up(self, inner: Polygon | None) -> None:
        """Stop with a set that contains every equilibrium payoff, and its distance from equilibrium payoffs."""
        self.stopped = (
            "spent its `budget`"
            if self.budget.spent
            else f"stopped after {self.iterations} applications of the operator"
        )
        for normal, least in zip(((-1.0, 0.0), (0.0, -1.0)), self.block.threat_bound(self.own), strict=True):
            if self.polygon and lowest(self.polygon)[normal[0] == 0.0] < least - FINE:
                self.polygon, self.tags = cut(self.polygon, normal, FINE - least), []
        self.bound, self.attained = off(self.polygon, inner), bool(inner)
        self.threat = lowest(self.polygon) if self.polygon else (nan, nan)

    def _step(self) -> None:
        outer = self.polygon
        full, self.cut = self.cut, False
        image = self._apply(outer, full=full)
        self.iterations += 1
        self.budget.spend(len(outer) * len(image.alive))
        died = not image.alive.all()
        if died:
            self.block = self.block.keep(image.alive)
            self.least = self.block.threat_bound(self.own)
        if not image.polygon:
            self._stop(image, 0.0, "nothing is left")
            return
        if not (died or full) and apart(image.polygon, outer) <= _SAME:
            self._stop(image, 0.0, "the operator maps the set to itself")
            return
        self.polygon, self.tags = image.polygon, image.tags
        if self.iterations > _EAGER and self.iterations % _RARE:
            return
        if self.found is not None:
            if self._judged(self.found).proved:
                return
            if (
                self.tolerance > ACCURACY
                and (gap := beyond(self.polygon, self.found.polygon)) <= self.tolerance
            ):
                self._stop(
                    self.found, gap, "a set that generates itself is close enough to one that holds all"
                )
                return
        delta = self.block.discounts.item(0)
        # If profiles were dropped and the operator contracts fast, one more application may give a better structure.
        fewer = self.block.index.size < self.root.index.size
        hasty = fewer and self.iterations == 1 and delta < FAST
        if delta and not (self.cut or full or hasty):
            self._solve(self.polygon, image.tags, min(1 + self.iterations, 12))

    def _apply(self, polygon: Polygon, *, full: bool = False) -> Image:
        low, least = lowest(polygon), self.least
        self.threat = max(least[0], low[0]), max(least[1], low[1])
        if self.block.index.size <= FEW and not full:
            return apply_to_few(self.block, polygon, self.threat)
        return apply(self.block, polygon, self.threat, full=full)

    def _stop(self, image: Image, bound: float, reason: str) -> None:
        self.polygon, self.tags, self.bound, self.stopped = image.polygon, image.tags, bound, reason
        if image.polygon:
            self.threat = lowest(image.polygon)

    def _solve(self, polygon: Polygon, tags: list[Tag], rounds: int) -> None:
        """Alternate Newton steps on the structure with one application, until a set is a fixed point; judge it."""
        for _ in range(rounds):
            self.solves += 1
            self.budget.spend(len(polygon) * (self.root.index.size + len(polygon)))
            solved = newton(self.root, polygon, tags, self.least)
            if solved is None:
                return
            trial, tags = solved
            if self.found is not None and apart(trial, self.found.polygon) <= _SOLVED:
                return
            if generates(self.root, trial, tags, self.least):
                image = Image(trial, tags, _NOTHING)
                if self._judged(image).fixed:
                    self.found = image
                    return
            image = self._apply(trial)
            if not image.polygon:
                return
            if apart(image.polygon, trial) <= _SOLVED:
                self.found = image
                self._judged(image)
                return
            polygon, tags = image.polygon, image.tags

    def _judged(self, image: Image) -> Verdict:
        """Try to prove that a candidate is the largest; if that fails, use the smaller outer set, if there is one."""
        if apart(self.polygon, image.polygon) <= _SOLVED:
            self._stop(image, _SOLVED, "the operator maps the set to itself")
            return Verdict(True, True)
        result = verdict(self.block, image.polygon, self.polygon, self.least, shape=self.iterations > 3)
        if result.proved:
            self._stop(image, result.excess, "the structure's fixed point is proved to be the largest")
        elif result.outer:
            self.polygon, self.cut = result.outer, True
        return result


_EPSILON = 2.0**-52  # rounding of one operation
_ROUNDING = 1e-13  # of the unit box: an excess that rounding alone can cause
_MARGIN = 1e-3  # by how much a bound must fall behind its face: far more than the rounding of slopes
_SLOWEST = 1e-3  # of the fastest speed, so that every face moves
_TABLE = 250_000  # entries of a table of faces and profiles: about 50 MB of results
_FEW = 16  # pairs up to which bounds cost less than computing how far profiles reach


@dataclass(frozen=True, slots=True)
class Faces:
    """Faces `normal . w <= offset`, the lower face of each player first; `moves` is false if a threat is known."""

    normals: list[Point]
    offsets: list[float]
    moves: list[bool]
    upper: list[int]  # faces that bound the upper right
    after: list[int]  # the face of the edge that starts at each vertex of the candidate
    many: bool  # whether there are faces in addition to the candidate's own

    def met(self, chain: Chain, at: float, forward: int) -> list[int]:
        """Return the faces of a chain at an argument: one, or two at a vertex.

        The chain runs counter-clockwise if `forward` is 0, clockwise if it is 1.
        """
        arguments, _, vertices = chain
        last = len(vertices) - 1
        if not last:
            return [0, 1, 2, 3]
        if len(self.after) < 3:
            return self.after
        k = min(max(bisect_right(arguments, at), 1), last)
        out = [self.after[vertices[k - 1 + forward]]]
        if k < last and arguments[k] - at <= 1e-12:
            out.append(self.after[vertices[k + forward]])
        if k > 1 and at - arguments[k - 1] <= 1e-12:
            out.append(self.after[vertices[k - 2 + forward]])
        return out


_AXES: dict[Point, int] = {(-1.0, 0.0): 0, (0.0, -1.0): 1, (1.0, 0.0): 2, (0.0, 1.0): 3}


def faces_of(candidate: Polygon, outer: Polygon, bound: Point) -> Faces:
    xs, ys = [x for x, _ in candidate], [y for _, y in candidate]
    normals = list(_AXES)
    offsets = [-min(xs), -min(ys), max(xs), max(ys)]
    after = []
    for (x, y), (px, py) in zip(candidate, candidate[1:] + candidate[:1], strict=True):
        length = sqrt((px - x) * (px - x) + (py - y) * (py - y))
        a, b = ((py - y) / length, (x - px) / length) if length > 0.0 else (-1.0, 0.0)
        # An edge along an axis is a face already; it does not move if the threat is known.
        after.append(_AXES.get((a, b), len(normals)))
        if after[-1] == len(normals):
            normals.append((a, b))
            offsets.append(max(a * x + b * y, a * px + b * py))
    for (x, y), (px, py) in zip(outer, outer[1:] + outer[:1], strict=True):
        length = sqrt((px - x) * (px - x) + (py - y) * (py - y))
        if length > 0.0:
            a, b = (py - y) / length, (x - px) / length
            normals.append((a, b))
            offsets.append(max([a * p + b * q for p, q in candidate]))
    moves = [True] * len(normals)
    for i in (0, 1):
        if bound[i] >= -offsets[i] - 1e-15:
            moves[i], offsets[i] = False, -bound[i]
    upper = [k for k, (a, b) in enumerate(normals) if a >= 0.0 and b >= 0.0]
    return Faces(normals, offsets, moves, upper, after, bool(outer))


def reachable(
    block: Block, faces: Faces, outer: Polygon, bound: Point, beyond: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which profiles can pass which faces, of those given, with some continuation in `outer`."""
    face, profile = beyond.nonzero()
    low, delta = lowest(outer), block.discounts.item(0)
    b = block.thresholds((max(bound[0], low[0]), max(bound[1], low[1])))
    w, feasible = binding(Chains(outer), b)
    normals, points = np.array(faces.normals), np.array(outer)
    height, n, g = normals @ points.T, normals.take(face, axis=0).T, block.payoffs.take(profile, axis=1)
    level = np.where(feasible, 0.0, -inf).take(profile, axis=1) + (n[:, None] * w.take(profile, axis=2)).sum(
        axis=0
    )
    farthest = height.argmax(axis=1)
    top = points[farthest].T.take(face, axis=1)
    free = (top >= b.take(profile, axis=1) - SLACK).all(axis=0)
    best = np.where(free, height.max(axis=1).take(face), level.max(axis=0))
    offsets = np.array(faces.offsets).take(face)
    out = (1.0 - delta) * (n * g).sum(axis=0) + delta * best > offsets + 1e-14
    reach = np.zeros(beyond.shape, dtype=bool)
    reach[face[out], profile[out]] = True
    return reach


Bound = tuple[float, int, float, Point]
"""An upper bound `level + e * slope` of a profile's support, as (level, face, weight, threats).

The slope is the sum of three speeds: the face's with the weight, and those of the two threats with theirs.
"""


def slope(bound: Bound, speed: list[float]) -> float:
    """Return the slope of a bound."""
    _, face, weight, (first, second) = bound
    return weight * speed[face] + first * speed[0] + second * speed[1]


class Cut(NamedTuple):
    """A profile at e = 0: its lowest continuations, whether the threats move them, and faces that rule it out."""

    at: Point
    moves: Point
    now: Point
    delta: float
    blocks: list[Bound]  # faces beyond which the lowest continuations lie, and how fast the excess falls in e


class Pair(NamedTuple):
    """A face and a profile that might pass it: the dual bounds, and the least of their levels."""

    face: int
    cut: Cut
    bounds: list[Bound]
    least: float


def cut_of(block: Block, faces: Faces, k: int) -> Cut:
    """Return where the constraints of the profile `k` cut the faces."""
    (x, moves_x), (y, moves_y) = _threshold(block, faces, 0, k), _threshold(block, faces, 1, k)
    blocks: list[Bound] = []
    for face in faces.upper:
        (p, q), offset = faces.normals[face], faces.offsets[face]
        lack = p * x + q * y - offset
        if lack > 1e-12:
            blocks.append((lack, face, 1.0, (p * moves_x, q * moves_y)))
    now = block.now.item(0, k), block.now.item(1, k)
    return Cut((x, y), (moves_x, moves_y), now, block.discounts.item(0), blocks)


def pair_of(faces: Faces, chains: Chains, j: int, cut: Cut, *, every: bool = False) -> Pair:
    """Collect the dual bases: either one constraint and one face bind, or both constraints.

    With one constraint the face that matters is the one that the line of the constraint meets. `every` other face is
    tried where the profile has no continuation at e = 0, or where that face proves nothing. A multiplier that rounding
    has put below zero counts for the most that it can add in the unit box, and so does the rounding of a large one.
    """
    (a, b), ((x, y), moves, now, delta, blocks) = faces.normals[j], cut
    base = a * now[0] + b * now[1]
    bounds: list[Bound] = []
    if a <= 1e-12 and b <= 1e-12:
        p, q, off = min(a, 0.0), min(b, 0.0), max(a, 0.0) + max(b, 0.0)
        level = base + delta * (p * x + q * y + off)
        bounds.append((level, 0, 0.0, (-delta * p * moves[0], -delta * q * moves[1])))
    if every or blocks or faces.many:
        across = along = list(range(len(faces.normals)))
    else:
        across = faces.met(*((chains.top, x, 1) if b > 0.0 else (chains.bottom, x, 0)))
        along = faces.met(*((chains.right, y, 0) if a > 0.0 else (chains.left, y, 1)))
    _mix(bounds, faces, across, (b, a), 0, cut, base)
    _mix(bounds, faces, along, (a, b), 1, cut, base)
    return Pair(j, cut, bounds, min(bounds)[0] if bounds else -inf)


def _mix(
    bounds: list[Bound], faces: Faces, meeting: list[int], direction: Point, i: int, cut: Cut, base: float
) -> None:
    """Add how far continuations go between each face and the constraint of player i, unless a multiplier is negative.

    The direction is given as its free coordinate and the constrained one.
    """
    (free, bound), at, move, delta = direction, cut.at[i], cut.moves[i], cut.delta
    for face in meeting:
        normal, offset = faces.normals[face], faces.offsets[face]
        o = normal[1 - i]
        if not (free * o > 0.0 or (free == 0.0 and o != 0.0)):
            continue
        by_face = free / o
        by_cut = by_face * normal[i] - bound
        if by_cut < 0.0:
            if by_cut < -1e-12:
                continue
            off, by_cut = -by_cut, 0.0
        else:
            off = 0.0
        off += _EPSILON * (by_face * abs(offset) + by_cut * abs(at))
        level = base + delta * (by_face * offset - by_cut * at + off)
        threat = delta * by_cut * move
        bounds.append((level, face, delta * by_face, (0.0, threat) if i else (threat, 0.0)))


def _threshold(block: Block, faces: Faces, i: int, k: int) -> tuple[float, float]:
    """Return the lowest continuation of player i in profile k at e = 0, and whether the threat moves it."""
    b = block.gain.item(i, k) - faces.offsets[i]
    if block.floor is not None and block.floor.item(i, k) >= b:
        return block.floor.item(i, k), 0.0
    return b, float(faces.moves[i])


class Verdict(NamedTuple):
    """The result of a proof.

    `fixed` tells whether the candidate is a fixed point, `proved` whether it is the largest; `outer` is a smaller
    set that contains the largest one, if the attempt found one.
    """

    fixed: bool
    proved: bool
    excess: float = inf
    outer: Polygon | None = None


def verdict(
    block: Block,
    candidate: Polygon,
    outer: Polygon,
    bound: Point,
    *,
    shape: bool = False,
) -> Verdict:
    """Return whether `candidate`, which is self-generating, is the largest fixed point in `outer`.

    Parameters
    ----------
    block : Block
        The profiles that can still be played, and the credible outcomes of leaving; both players equally patient.
    candidate : Polygon
        A self-generating set.
    outer : Polygon
        A set known to contain the largest fixed point.
    bound : Point
        A lower bound of the threat.
    shape : bool
        Whether the faces of `outer` are used in addition to those of the candidate: a finer, slower check.
    """
    faces = faces_of(candidate, outer if shape else [], bound)
    for p, q in (leave.payoffs for leave in block.leaves):
        if any(a * p + b * q > c + _ROUNDING for (a, b), c in zip(faces.normals, faces.offsets, strict=True)):
            return Verdict(False, False)
    chains, pairs = Chains(candidate), _passing(block, faces, most=_FEW)
    if pairs is None:
        return _attempt(block, faces, chains, _passing(block, faces, outer, bound), outer)
    result = _attempt(block, faces, chains, pairs, outer)
    if result.fixed and not result.proved:
        result = _attempt(block, faces, chains, _passing(block, faces, outer, bound), outer)
    return result


@overload
def _passing(block: Block, faces: Faces, outer: Polygon, bound: Point) -> tuple[list[int], list[int]]: ...
@overload
def _passing(block: Block, faces: Faces, *, most: int) -> tuple[list[int], list[int]] | None: ...
def _passing(
    block: Block,
    faces: Faces,
    outer: Polygon | None = None,
    bound: Point | None = None,
    *,
    most: int | None = None,
) -> tuple[list[int], list[int]] | None:
    """Return pairs of a face and a profile whose payoffs lie beyond the face.

    Given `outer`, only those that pass with a continuation in it. None if there are more than `most`. Profiles are
    looked at in blocks, so that memory does not grow with their number.
    """
    normals, offsets = np.array(faces.normals), (np.array(faces.offsets) + 1e-14)[:, None]
    size, found = block.index.size, []
    step = max(_TABLE // len(normals), 1)
    for first in range(0, max(size, 1), step):
        part = block if size <= step else block.keep(np.arange(first, min(first + step, size)))
        beyond = normals @ part.payoffs > offsets
        for j in (0, 1):
            if not faces.moves[j]:
                beyond[j] = False
        if outer is not None and bound is not None:
            beyond = reachable(part, faces, outer, bound, beyond)
        elif most is not None and np.count_nonzero(beyond) > most:
            return None
        face, profile = beyond.nonzero()
        found.append((face, profile + first))
    face, profile = (np.concatenate(numbers) for numbers in zip(*found, strict=True))
    if most is not None and face.size > most:
        return None
    order = np.lexsort((profile, face)) if len(found) > 1 else slice(None)
    return face[order].tolist(), profile[order].tolist()


def _attempt(
    block: Block, faces: Faces, chains: Chains, passing: tuple[list[int], list[int]], outer: Polygon
) -> Verdict:
    which, profiles = passing
    if not which:
        return Verdict(True, True, 0.0)
    cuts = {k: cut_of(block, faces, k) for k in {*profiles}}
    pairs = [pair_of(faces, chains, j, cuts[k]) for j, k in zip(which, profiles, strict=True)]
    for pair in pairs:
        if pair.least > faces.offsets[pair.face] + _ROUNDING and not pair.cut.blocks:
            return Verdict(False, False)
    room = _room(faces, outer)
    # If a threat moves with the faces, scaling them from the middle rarely proves more than solved speeds.
    speed = None if any(faces.moves[:2]) else _scaling(faces, outer)
    if speed is not None:
        result = _ranged(faces, chains, outer, room, speed, pairs)
        if result.proved:
            return result
    speed = _speeds(faces, pairs)
    if speed is None:
        if not faces.many:
            return Verdict(True, False)
        speed = _shaped(faces, room)
    return _ranged(faces, chains, outer, room, speed, pairs, every=True)


def _room(faces: Faces, outer: Polygon) -> list[float]:
    """Return how far the outer set lies beyond each face; zero where the threat is known."""
    return [
        max([a * p + b * q for p, q in outer]) - offset if moves else 0.0
        for (a, b), offset, moves in zip(faces.normals, faces.offsets, faces.moves, strict=True)
    ]


def _scaling(faces: Faces, outer: Polygon) -> list[float] | None:
    """Return the speeds that scale the faces from the middle of the outer set; None if it is not inside the faces."""
    x, y = sum([p for p, _ in outer]) / len(outer), sum([q for _, q in outer]) / len(outer)
    speed = []
    for (a, b), offset, moves in zip(faces.normals, faces.offsets, faces.moves, strict=True):
        speed.append(offset - a * x - b * y if moves else 0.0)
        if moves and speed[-1] < 1e-9:
            return None
    return speed


def _shaped(faces: Faces, room: list[float]) -> list[float]:
    """Return the speeds that move the faces to the outer set, over the fastest: this shape contracts most slowly."""
    far = max(room) or 1.0
    return [max(z / far, _SLOWEST) if moves else 0.0 for z, moves in zip(room, faces.moves, strict=True)]


def _ranged(
    faces: Faces,
    chains: Chains,
    outer: Polygon,
    room: list[float],
    speed: list[float],
    pairs: list[Pair],
    *,
    every: bool = False,
) -> Verdict:
    """Check every pair on the range of e that covers the outer set, for given speeds."""
    far = max([distance / z for distance, z in zip(room, speed, strict=True) if z])
    if far <= _ROUNDING:
        return Verdict(True, True, max(far, 0.0))
    near = 0.0
    for pair in pairs:
        left = _unproved(faces, pair, speed, far)
        if left > 0.0:
            if not every:
                return Verdict(True, False)
            left = min(
                left, _unproved(faces, pair_of(faces, chains, pair.face, pair.cut, every=True), speed, far)
            )
        near = max(near, left)
    if near == 0.0:
        return Verdict(True, True, 0.0)
    return Verdict(True, False, near, _moved(outer, faces, speed, near) if near < 0.9 * far else None)


def _moved(outer: Polygon, faces: Faces, speed: list[float], distance: float) -> Polygon:
    """Return the part of `outer` within the faces moved out by `distance`."""
    for normal, offset, z in zip(faces.normals, faces.offsets, speed, strict=True):
        outer = cut(outer, normal, offset + distance * z)
    return outer


def _speeds(faces: Faces, pairs: list[Pair]) -> list[float] | None:
    """Solve z = 1 + Phi(z) over the pairs that reach their face at e = 0; None if K does not attract.

    In plain floats: for small games the arrays of `_affine` take five times as long.
    """
    speed = [float(moves) for moves in faces.moves]
    choices = _reaching(faces, pairs, speed)
    policy = {
        j: max(bounds, key=lambda bound: slope(bound, speed)) if len(bounds) > 1 else bounds[0]
        for j, bounds in choices.items()
    }
    for _ in range(2 * len(faces.normals)):
        for j, z in _policy_speeds(policy, speed).items():
            if not z > 0.0:
                return None
            speed[j] = z
        settled = True
        for j, bounds in choices.items():
            if len(bounds) > 1:
                best = max(bounds, key=lambda bound: slope(bound, speed))
                if slope(best, speed) > (1.0 + 1e-9) * slope(policy[j], speed) + 1e-15:
                    policy[j], settled = best, False
        if settled:
            return speed
    return None


def _policy_speeds(policy: dict[int, Bound], speed: list[float]) -> dict[int, float]:
    """Solve the linear system with one bound for each face; faces without a bound keep their speed."""
    order = {j: row for row, j in enumerate(policy)}
    matrix, constant = [], []
    for row, (_, face, weight, (first, second)) in enumerate(policy.values()):
        entries, known = [0.0] * len(order), 1.0
        entries[row] = 1.0
        for other, share in ((face, weight), (0, first), (1, second)):
            if other in order:
                entries[order[other]] -= share
            else:
                known += share * speed[other]
        matrix.append(entries)
        constant.append(known)
    solution = solved(matrix, constant)
    return dict.fromkeys(policy, -inf) if solution is None else dict(zip(policy, solution, strict=True))


def _reaching(faces: Faces, pairs: list[Pair], unit: list[float]) -> dict[int, list[Bound]]:
    """Return, for each face that some profile reaches at e = 0, the binding bound of every such profile."""
    out: dict[int, list[Bound]] = {}
    for face, at, bounds, least in pairs:
        if least >= faces.offsets[face] - 1e-11 and not at.blocks:
            ties = [bound for bound in bounds if bound[0] <= least + 1e-12]
            flattest = ties[0] if len(ties) == 1 else min(ties, key=lambda bound: slope(bound, unit))
            out.setdefault(face, []).append(flattest)
    return out


def _unproved(faces: Faces, pair: Pair, speed: list[float], far: float) -> float:
    """Return the smallest excess above which the pair stays inside its face, zero if it does up to `far`."""
    offset, own = faces.offsets[pair.face], speed[pair.face]
    start, stop = inf, 0.0
    enough = -_MARGIN * far * min(own, 1.0)
    for level, face, weight, (first, second) in pair.bounds:
        excess = level - offset
        growth = weight * speed[face] + first * speed[0] + second * speed[1] - own
        if excess + far * growth <= enough:
            if excess <= _ROUNDING:
                return 0.0
            start = min(start, -excess / growth)
        elif excess < 0.0 < growth:
            stop = max(stop, -0.999 * excess / growth)
    revival = max([block[0] / slope(block, speed) for block in pair.cut.blocks], default=0.0)
    return 0.0 if max(stop, revival) > 1.001 * start or revival >= far else start
