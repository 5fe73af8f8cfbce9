r"""The payoff sets of a game of two players, from outside and from inside, until they meet.

A round applies the operator to outer sets, solves for the structure of the image, and stops if that settles at sets
that are proved to be the largest. Otherwise normals of the image and of the solution join the fan, and the levels are
lowered to the fixed point of their bounds. Sets with an interior whose structure does not settle are approached from
inside: by levels lowered a little more, whose corners lie in the image.

Nothing that is computed depends on the tolerance, which only says when to stop. So a finer tolerance or a larger budget
never gives a worse answer.

Two equally patient players who play one game again and again need few continuations (Abreu and Sannikov 2014): a
profile whose own payoffs meet the thresholds is played for ever, and after any other profile a threshold binds. So a
guess comes first: Newton's method solves for the set in which all vertices keep their recipes. Nothing larger is
generated if no row passes beyond the faces of this set with continuations in an outer set; or if the bounds of the rows
that do pass show it, as for all games (see `bounds`). The other rows need no bound: what a row reaches is its own
payoffs with weight 1 - d and a continuation with weight d, so that one whose own payoffs lie within a face moves
towards the face from any level beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Budget, Diverging, fixed_point
from bargaining.equilibria.payoff_polygon import distances
from bargaining.equilibria.sets.bounds import (
    AXES,
    Bounds,
    Fan,
    Image,
    Recipes,
    cross,
    edges,
    hull,
    neighbours,
    of_polygons,
    simplified,
)
from bargaining.equilibria.sets.rows import Indices, Mask, Rows
from bargaining.equilibria.sets.structure import excess, settled

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
    """Return what some applications of the operator tell of a game of one state.

    Nothing is proved where a threat to leave must be credible.
    """
    operator, structures, proved = _Operator(game), 0, False
    outer, applications = operator.start(), 0
    while len(outer) and not proved and applications < _APPLICATIONS and not budget.spent:
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
                proved = operator.proves(image.points, outer)
                outer = image.points if proved else outer
                break
    alive = np.zeros(len(game.base), bool)
    alive[operator.rows.number] = True
    largest = outer if not len(outer) or (proved and not (game.leaver >= 0).any()) else None
    edge = largest is not None and len(largest) > 1 and operator.is_knife_edge(largest)
    return Guess(outer, alive, largest, applications, structures, edge)


def _equal(one: Floats, other: Floats) -> bool:
    """Say whether two polygons have the same vertices."""
    if not len(one) or not len(other):
        return False
    apart = np.abs(one[:, None] - other).max(axis=2)
    return bool(max(apart.min(axis=0).max(), apart.min(axis=1).max()) <= _SAME)


_ROUNDS = 30  # most games need one to three; those that need more gain little from round to round
_PLAIN, _PATIENCE = 200, 6  # levels up to which plain steps are cheap, and rounds before they are tried
_CORNERS = 400  # of all states: with more, the equations of the structure take seconds
_STOPPED = 1e-12  # of the unit box: sets this close to their image are equal to it
_COARSE = 1e-2  # of the unit box: with a wider gap, neither a simpler structure nor a set inside is tried
_FINER = 10.0  # by how much the gap must fall before another try from inside
_FEW = 50  # normals up to which all stay
_SHALLOW = 1e-5  # with more, the share of the gap by which sets may grow without some of them
_FAR = 25.0  # log of the ratio of a face's components from which on its successors are axes
_CROWD, _JOINING = 30, 40  # states from which on only this many normals join a round, those that matter most
_PROVED = "the structure's fixed point is proved to be the largest"
_STEP = 10_000  # units of work that an application of the operator costs at least


@dataclass(slots=True, eq=False)
class Enclosure:
    """Bounds of the payoff sets of all states, in the unit box."""

    outer: list[
        Floats
    ]  # (m, 2) corners, counter-clockwise, of sets that contain all payoffs; none where there is none
    # (m, 2) corners of sets that generate themselves, or of images of sets that move by rounding only, if there are any
    inner: list[Floats] | None = None
    gap: float = np.inf  # how far the outer sets reach beyond the inner ones
    knife_edge: bool = False  # whether some row can be played only just, or only just not
    rounds: int = 0  # or applications of the operator
    structures: int = 0  # that were solved
    stopped: str = ""  # why the search ended

    def among(self, empty: Mask) -> Enclosure:
        """Return the sets of a game with more states, which are empty."""
        for name in ("outer", "inner"):
            sets = getattr(self, name)
            if sets is not None:
                rest = iter(sets)
                setattr(self, name, [np.zeros((0, 2)) if gone else next(rest) for gone in empty])
        return self


def solve(game: Rows, tolerance: float, budget: Budget) -> Enclosure:
    """Bound the payoff sets until they are no farther apart than the tolerance, or the budget is spent."""
    if not game.states:
        return Enclosure([], [], 0.0, stopped="no state has an equilibrium")
    first = guess(game, budget) if game.states == 1 and game.common and not game.margin else None
    if first is not None and first.largest is not None:
        sets, why = [first.largest], _PROVED if len(first.largest) else "nothing is left"
        return Enclosure(sets, sets, 0.0, first.knife_edge, first.applications, first.structures, why)
    search = _Search(game, tolerance, budget)
    if first is not None:
        search.begin(first.outer, first.alive)
    for _ in range(_ROUNDS):
        empty = search.apply()
        if empty.any():
            rest = solve(game.without(empty), tolerance, budget)
            rest.rounds, rest.structures = rest.rounds + search.rounds, rest.structures + search.structures
            return rest.among(empty)
        if search.approach():
            break
        search.lower()
    return search.sets()


@dataclass(slots=True, eq=False)
class _Search:
    game: Rows
    tolerance: float
    budget: Budget
    rounds: int = 0
    structures: int = 0
    stopped: str = ""
    guesses: list[Floats] = field(default_factory=list)
    inner: list[Floats] | None = None
    largest: list[Floats] | None = None
    gap: float = np.inf
    before: Floats | None = None  # the corners a round ago
    fan: Fan = field(init=False)
    levels: Floats = field(init=False)
    corners: Floats = field(init=False)
    alive: Mask = field(init=False)
    image: Image = field(init=False)
    recipes: list[Recipes] = field(init=False)
    excess: float = field(init=False)
    exact: bool = True  # whether corners meet the thresholds that levels say they do
    tried: float = _COARSE * _FINER  # the excess at the last try from inside

    def __post_init__(self) -> None:
        box = np.tile([0.0, 1.0, 1.0, 0.0], (self.game.states, 1))
        self._around(Fan(np.zeros((0, 2)), self.game.discounts), box)
        self.alive = ~self.game.barred

    def begin(self, outer: Floats, alive: Mask) -> None:
        """Begin at the outer set of a game of one state, with the rows that may be playable."""
        self.fan, self.levels, self.corners = of_polygons([outer], self.game.discounts)
        self.alive = alive

    def _around(self, fan: Fan, levels: Floats) -> Floats:
        self.fan = fan
        self.levels, self.corners, depth = fan.intersection(levels)
        return depth

    def apply(self) -> Mask:
        """Apply the operator to the outer sets; return which states generate nothing.

        Where rounds move little, as sets shrink to less than an area, plain steps are added.
        """
        steps = 2 ** min(self.rounds - _PATIENCE, 8) * 5 if self.rounds >= _PATIENCE else 0
        for step in range(steps + 1):
            if step:
                if self.levels.size > _PLAIN or self.budget.spent:
                    break
                polygons = [some.points for some in self.recipes]
                self.fan, self.levels, self.corners = of_polygons(polygons, self.game.discounts)
            self.image = Image(self.game, self.fan, self.levels, self.corners, self.alive)
            self.recipes = self.image.recipes()
            self.alive = np.zeros_like(self.alive)
            self.alive[self.image.rows] = True
            self.budget.spend(_STEP + self.image.levels.size)
            empty = np.asarray(np.bincount(self.image.state, minlength=self.game.states) == 0)
            if empty.any():
                return empty
            thin = [s for s, some in enumerate(self.recipes) if not len(some.points)]
            for s in thin:
                self.recipes[s] = self.image.nearest(s)
        self.excess = excess(self.fan, self.corners, self.recipes)
        self.exact = not thin
        return empty

    def approach(self) -> bool:
        """Look for sets inside; say whether they are known as well as required, or as well as the budget allows."""
        self.rounds += 1
        pairs = () if self.before is None else zip(self.before, self.corners, strict=True)
        moved, self.before = max((float(distances(p, q).max()) for p, q in pairs), default=0.0), self.corners
        if self.excess <= _STOPPED and self.exact:
            # Normals have unit 1-norm. Next to a collapse sets move by far more than the excess says.
            off = max(float(np.sqrt(2.0) * self.excess / (1.0 - self.game.discounts.max())), moved)
            if off < self.gap:
                self.inner, self.gap = [some.points for some in self.recipes], off
            if off <= self.tolerance:
                self.stopped = "the operator maps the sets to themselves"
                return True
        self.guesses = []
        count = sum(len(some.points) for some in self.recipes)
        if count <= _CORNERS:
            for coarse in (0.0, 10.0 * self.excess) if self.excess < _COARSE else (0.0,):
                self.structures += 1
                self.budget.spend(_STEP + count**3 // 8)
                vertices, largest = settled(
                    self.image, self.recipes, self.alive, self.fan, self.corners, coarse
                )
                if vertices is not None and largest:
                    self.largest = self.inner = vertices
                    self.gap = 0.0
                    self.stopped = _PROVED
                    return True
                if vertices is not None and largest is False:
                    self._inside(vertices)
                self.guesses += vertices or []
        last = self.rounds == _ROUNDS or self.budget.spent
        if last or self.excess <= self.tried / _FINER:
            self.tried = self.excess
            self._from_inside()
        if self.gap <= self.tolerance:
            self.stopped = "sets from inside and from outside meet"
        elif last:
            self.stopped = "spent its `budget`" if self.budget.spent else "did not settle"
        return bool(self.stopped)

    def sets(self) -> Enclosure:
        """Return what the search has found."""
        outer = self.largest or [points[hull(points)] for points in self.corners]
        tied = self._is_knife_edge(outer)
        return Enclosure(outer, self.inner, self.gap, tied, self.rounds, self.structures, self.stopped)

    def _is_knife_edge(self, vertices: list[Floats]) -> bool:
        """Say whether some row can be played only just, or only just not."""
        around = of_polygons(vertices, self.game.discounts)
        return bool(Image(self.game, *around, self.alive, every=True).tied().any())

    def lower(self) -> None:
        """Let the normals of the image and of solved structures join the fan, and lower all levels."""
        fan, discounts = self.fan, self.game.discounts
        faces = [edges(v) for v in [*(some.points for some in self.recipes), *self.guesses]]
        if self.game.states > _CROWD:
            faces = self._farthest(faces)
        if discounts[0] != discounts[1] and self.rounds > 3:
            faces += [_orbits(fan, some.points, 2 ** min(self.rounds - 3, 12)) for some in self.recipes]
        wide = fan.joined(faces)
        levels = fan.support(self.corners, wide.normals)
        bounds = Bounds(self.image, wide, levels)
        lowered = fixed_point(bounds, levels)
        self.budget.spend((10 * len(self.image.rows) + bounds.solutions * len(wide)) * len(wide))
        depth = self._around(wide, lowered)
        empty = wide.contradictory(self.levels, self.corners)
        if empty.any():
            self.alive &= ~empty[self.game.state]
            lowered[empty] = levels[empty]
            depth = self._around(wide, lowered)
        self._thin(depth, _SHALLOW * self.excess if len(wide) > _FEW else 0.0)

    def _farthest(self, faces: list[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
        """Return the faces of images beyond which the outer sets reach farthest: all of many states are too many."""
        points = [*(some.points for some in self.recipes)]
        normals = np.concatenate([normals for normals, _ in faces[: len(points)]])
        beyond = np.concatenate(
            [
                self.fan.support(corners[None], normals)[0] - (image @ normals.T).max(axis=0)
                for corners, image, (normals, _) in zip(self.corners, points, faces, strict=False)
            ]
        )
        order = np.argsort(-beyond, kind="stable")[:_JOINING]
        return [(normals[order], beyond[order])]

    def _thin(self, depth: Floats, most: float) -> None:
        """Drop idle normals, and others as long as the sets grow by little."""
        fan, levels, state = self.fan, self.levels, np.arange(self.game.states)
        for shallow in (most, most / 4, most / 16, 0.0) if most else (0.0,):
            needed: Mask = np.asarray(depth > 0.0)
            last = np.full(len(levels), fan.left)
            needed[:, fan.axes] |= np.logical_not(needed.any(axis=1))[:, None]
            _, following = neighbours(needed)
            # A normal goes if the last that stayed and the next one do without it.
            for j in range(len(fan) if shallow else 0):
                after = following[:, (j + 1) % len(fan)]
                a, b, n = fan.normals[last], fan.normals[after], fan.normals[j]
                turn = cross(a, b)
                level = cross(n, b) * levels[state, last] + cross(a, n) * levels[state, after]
                needed[:, j] &= ~((turn > 1e-9) & (level - levels[:, j] * turn <= shallow * turn))
                last = np.where(needed[:, j], j, last)
            kept: Mask = np.asarray(needed.any(axis=0))
            kept[fan.axes] = False
            fewer = Fan(fan.normals[kept], fan.discounts)
            tight, corners, _ = fewer.intersection(levels[:, fan.corner(fewer.normals)])
            if not shallow or (fewer.support(corners, fan.normals) - levels).max() <= 4.0 * most:
                self.fan, self.levels, self.corners = fewer, tight, corners
                return

    def _from_inside(self, tries: int = 40) -> None:
        """Look for sets that generate themselves a little inside of the outer ones.

        Levels move in by z = e + M z, with the slopes M of the bounds and e somewhat more than what corners were seen
        to lie outside of the image: by as much as the image moves in for that reason, and by e more.
        """
        bounds = Bounds(self.image, self.fan, self.levels)
        _, best = bounds.largest(self.levels)
        e, corners, recipes = np.full(self.levels.shape, 1e-14), self.corners, self.recipes
        for step in range(tries):
            growth = (
                1.0 if step < tries // 2 else 1.3
            )  # at last in larger steps, for what comes closer slowly
            for s, some in enumerate(recipes):
                normals = np.concatenate([edges(some.points)[0], AXES])
                beyond = corners[s] @ normals.T - (some.points @ normals.T).max(axis=0)
                outside = np.maximum(beyond.max(axis=1), 0.0)
                e[s] = growth * e[s] + 1.5 * np.maximum(outside, np.roll(outside, 1))
            try:
                z = bounds.solved(best, e)
            except Diverging:
                return
            if not (z.min() >= 0.0 and z.max() < 0.1):
                return
            _, corners, _ = self.fan.intersection(self.levels - z)
            vertices = [points[hull(points)] for points in corners]
            own, levels, inner = of_polygons(vertices, self.game.discounts)
            image = Image(self.game, own, levels, inner, self.alive)
            self.budget.spend(_STEP + image.levels.size)
            recipes = image.recipes()
            if not all(len(some.points) for some in recipes):
                return
            if excess(own, inner, recipes) <= 1e-13:
                self._inside(vertices)
                return

    def _inside(self, vertices: list[Floats]) -> None:
        """Keep sets that generate themselves if they come closer to the outer ones than others."""
        gap = max(float(distances(p, v).max()) for p, v in zip(self.corners, vertices, strict=True))
        if gap < self.gap:
            self.inner, self.gap = vertices, gap


def _orbits(fan: Fan, vertices: Floats, steps: int) -> tuple[Floats, Floats]:
    """Return the normals that follow from a polygon's faces where players differ in patience, as `edges` does.

    A face that may be promised whole makes one whose normal is divided by the discount factors; that makes another.
    """
    normals, _ = edges(vertices)
    ratio = fan.discounts[1] / fan.discounts[0]
    k = np.arange(1, 1 + min(steps, int(_FAR / abs(np.log(ratio)))))
    after = normals * [ratio, 1.0]
    after /= np.abs(after).sum(axis=1, keepdims=True)
    last = np.abs(fan.normals[fan.corner(after)] - after).max(axis=1) > 1e-9  # its successor is not there yet
    orbit = (normals[last][:, None] * np.stack([ratio**k, np.ones(len(k))], axis=1)).reshape(-1, 2)
    return orbit / np.abs(orbit).sum(axis=1, keepdims=True), np.full(len(orbit), 1e-12)
