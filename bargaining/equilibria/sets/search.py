"""The payoff sets of a game of two players, from outside and from inside, until they meet.

A round applies the operator to outer sets, solves for the structure of the image, and stops if that settles at sets
that are proved to be the largest. Otherwise normals of the image and of the solution join the fan, and the levels are
lowered to the fixed point of their bounds. Sets with an interior whose structure does not settle are approached from
inside: by levels lowered a little more, whose corners lie in the image.

Nothing that is computed depends on the tolerance, which only says when to stop. So a finer tolerance or a larger budget
never gives a worse answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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
)
from bargaining.equilibria.sets.guess import guess
from bargaining.equilibria.sets.rows import Mask, Rows
from bargaining.equilibria.sets.structure import excess, settled

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
    """Bounds of the payoff sets of all states, in the unit box.

    Attributes
    ----------
    outer : list of ndarrays of shape (m, 2)
        Corners, counter-clockwise, of sets that contain every equilibrium payoff; none where there is none.
    inner : list of ndarrays of shape (m, 2) or None
        Corners of sets that generate themselves, or images of sets that move by rounding only; None if there are none.
    gap : float
        How far the outer sets reach beyond the inner ones: infinite without these.
    knife_edge : bool
        Whether some row can be played only just, or only just not.
    rounds, structures : int
        How many rounds or applications of the operator it took, and how many structures were solved.
    stopped : str
        Why the search ended.
    """

    outer: list[Floats]
    inner: list[Floats] | None = None
    gap: float = np.inf
    knife_edge: bool = False
    rounds: int = 0
    structures: int = 0
    stopped: str = ""

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
