"""A repeated game in the unit box, and the inverse map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import fractions
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.kinds import LEAVE, SLACK, STATIC, VERTEX, Leave, Tag, outcomes
from bargaining.equilibria._plane.polygon import Chains, Point, Polygon, outline
from bargaining.equilibria.payoff_polygon import Stats
from bargaining.equilibria.repeated._search.operator import FEW, Block, least_by_staying, playable
from bargaining.equilibria.repeated._search.search import FAST, Search
from bargaining.games.repeated import Exit, RepeatedGame

if TYPE_CHECKING:
    from bargaining.equilibria._plane.rationals import Rationals

_USUAL = Effort()
_SIMPLE = 10**6  # of a denominator: floats that are no short binary fractions have far larger ones
_TIED = 1e-12  # of the unit box: a slack that rounding alone may be
KNIFE_EDGE = (
    "Some profile can be played only if players are promised exactly the most that they can get, so that rounding "
    "decides whether it can: give payoffs and discount factors as Fractions, and `certify` the set."
)
"""The reason of an answer that depends on rounding."""
IMPATIENT = 1e-6
"""Below this discount factor continuations lose digits when computed from payoffs."""


class Answer(NamedTuple):
    """The vertices of a payoff set, how each is generated, the threat, the payoff range, and how they were found.

    `exact` has the vertices in fractions, as the search found them, where floats of the payoffs would lose digits;
    `note` is a remark for the user about a correct answer.
    """

    vertices: Floats
    tags: tuple[Tag, ...]
    threat: Floats
    scale: float
    stats: Stats
    exact: NDArray[Any] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """Payoffs in their own unit, shape (2, profiles), and the block of profiles in the unit box."""

    repeated: RepeatedGame
    low: Floats
    size: Floats
    payoffs: Floats
    best: Floats
    leaves: list[Leave]
    block: Block
    own: Point
    span: float  # the larger of the ranges of the players' stage payoffs

    @classmethod
    def of(cls, repeated: RepeatedGame, *, beside: Sequence[Exit] = ()) -> Scaled:
        """Map the game to the unit box of its feasible payoffs, and of its variants with the exits `beside`."""
        both = _rows(repeated.game.payoffs)
        low, high = both[0].min(axis=1), both[0].max(axis=1)
        span = max((high - low).tolist())
        others = beside or ([] if repeated.exit is None else [repeated.exit])
        if ends := [leave.payoffs for other in others for leave in outcomes(other)]:
            low, high = np.minimum(low, np.min(ends, axis=0)), np.maximum(high, np.max(ends, axis=0))
        size = high - low
        if not all(size.tolist()):
            size[size == 0.0] = 1.0
        delta = repeated.discounts[:, None]
        unit, unit_best = (both - low[:, None]) / size[:, None]
        if repeated.game.has_fractions:  # round only in the box, so that a large offset loses no digits
            exact = np.array(_rationals(repeated, low, size).payoffs, dtype=float)
            unit, unit_best = _rows(exact.reshape(repeated.game.payoffs.shape))
        now, gain = (1.0 - delta) * unit, _gain(unit_best - unit, delta)
        common = delta.item(0) == delta.item(1)
        block = Block(unit, unit_best, now, gain, None, delta, (), np.arange(unit.shape[1]), common)
        scaled = cls(repeated, low, size, both[0], both[1], [], block, (-np.inf, -np.inf), span)
        return scaled if repeated.exit is None else scaled.leaving(repeated, repeated.exit)

    def leaving(self, repeated: RepeatedGame, leaving: Exit) -> Scaled:
        """Return the same game in the same box, with other payoffs of leaving."""
        leaves, own = outcomes(leaving), (leaving.own - self.low) / self.size
        ends = ((np.array([leave.payoffs for leave in leaves]) - self.low) / self.size).tolist()
        if repeated.has_fractions:
            data = _rationals(repeated, self.low, self.size)
            own = np.array([data.own(0, i) for i in (0, 1)], dtype=float)
            own[np.isnan(own)] = -np.inf
            ends = [map(float, point) for point, _ in data.leaves(0)]
        units = tuple(replace(leave, payoffs=tuple(end)) for leave, end in zip(leaves, ends, strict=True))
        block = self.block.left(self.staying(own), units)
        return replace(self, repeated=repeated, leaves=leaves, block=block, own=(own.item(0), own.item(1)))

    def staying(self, own: Floats) -> Floats:
        """Return the continuations at which staying and leaving for `own` give the same payoff."""
        return _staying(own[:, None], self.block.now, self.block.discounts)

    def solve(
        self,
        limit: int,
        effort: Effort = _USUAL,
        *,
        within: Search | None = None,
        like: Search | None = None,
    ) -> Search:
        """Return the finished search for the largest fixed point.

        Outcomes of leaving are first taken as given, which can only enlarge the set. Those that are not credible even
        in this larger set are dropped, and the search is repeated, until all that remain are credible in the set.

        Parameters
        ----------
        limit : int
            The most applications of the operator.
        effort : Effort
            The accuracy required, and the largest amount of work.
        within : Search, optional
            A finished search for a set that contains this one.
        like : Search, optional
            A finished search whose structure is tried first.
        """
        block, iterations, solves, budget = self.block, 0, 0, effort.budget()
        while True:
            search = self.search(block, within)
            search.tolerance, search.budget = effort.tolerance, budget
            search.run(limit, guess=None if like is None else _borrowed(like, block))
            iterations, solves = iterations + search.iterations, solves + search.solves
            kept = tuple(leave for leave in block.leaves if self.credible(leave, search.polygon))
            if len(kept) == len(block.leaves) or budget.spent:
                if len(kept) < len(block.leaves):
                    search.give_up(None)
                search.iterations, search.solves = iterations, solves
                return search
            block, like = block.left(block.floor, kept), None

    def credible(self, leave: Leave, polygon: Polygon) -> bool:
        """Whether some continuation in the polygon gives the player who leaves no more than leaving."""
        if leave.leaver is None:
            return True
        return least_by_staying(self.block, polygon, leave.leaver) <= leave.payoffs[leave.leaver] + SLACK

    def search(self, root: Block, within: Search | None = None) -> Search:
        """Return a search that starts from a set that contains every equilibrium payoff.

        This is the hull of the stage payoffs that can be reached in equilibrium, or the box of all stage payoffs if the
        players differ in patience; or else a larger set that was found before. If players are impatient, few profiles
        can be played: those that no continuation in the hull sustains are dropped before the operator is applied.
        """
        if within is not None:
            live = within.block
            floor = None if root.floor is None else root.floor.take(live.index, axis=1)
            return Search(root, live.left(floor, root.leaves), self.own, within.polygon)
        block = self._playable(root) if root.common and root.index.size > FEW else root
        points = _points(block)
        if not block.common:
            (left, low), (right, high) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
            points = np.array([[left, right, right, left], [low, low, high, high]])
        polygon = _hull(points)
        if block.common and block.index.size > FEW and block.discounts.item(0) < FAST:
            b = block.thresholds(block.threat_bound(self.own))
            block = block.keep(playable(block, Chains(polygon), b))
        return Search(root, block, self.own, polygon)

    def _playable(self, block: Block) -> Block:
        """Drop the profiles whose constraints are violated even at the highest payoffs, until no more are."""
        while block.index.size:
            high = _points(block).max(axis=1)
            needed = block.gain + np.array(block.threat_bound(self.own))[:, None]
            alive = (needed <= high[:, None] + SLACK).all(axis=0)
            if alive.all():
                break
            block = block.keep(alive)
        return block

    def back(self, search: Search) -> Answer:
        """Return the answer in the unit of the payoffs.

        Stage payoffs, best-deviation payoffs and payoffs of leaving are returned as they were given.
        """
        stats = Stats(
            iterations=search.iterations,
            solves=search.solves,
            stopped=search.stopped,
            bound=search.bound,
            attained=search.attained,
        )
        if not search.polygon:
            return Answer(np.empty((0, 2)), (), np.full(2, np.nan), self.span, stats)
        (a, b), (c, d) = self.low.tolist(), self.size.tolist()
        raw = [[a + c * x, b + d * y] for x, y in search.polygon]
        for k, (kind, profile, source) in enumerate(search.tags):
            if kind == STATIC:
                raw[k] = [self.payoffs.item(0, profile), self.payoffs.item(1, profile)]
            elif kind == LEAVE:
                raw[k] = list(self.leaves[source].payoffs)
        threat = [self._threat(search, i, raw) for i in (0, 1)]
        low, least = search.threat
        for row, (x, y) in zip(raw, search.polygon, strict=True):
            if abs(x - low) < 1e-14:
                row[0] = threat[0]
            if abs(y - least) < 1e-14:
                row[1] = threat[1]
        first = raw.index(min(raw))  # up to rounding the search has it first already
        tags = [
            (kind, profile, (source - first) % len(raw) if kind == VERTEX else source)
            for kind, profile, source in search.tags[first:] + search.tags[:first]
        ]
        exact = self._exact(search.polygon[first:] + search.polygon[:first])
        return Answer(
            _frozen(raw[first:] + raw[:first]),
            tuple(tags),
            _frozen(threat),
            self.span,
            stats,
            exact,
            KNIFE_EDGE if self._is_knife_edge(search) else "",
        )

    def _is_knife_edge(self, search: Search) -> bool:
        """Say whether rounding decides what can be played: some profile needs exactly the most that it can be given.

        Where discount factors are simple fractions there is no doubt which numbers are meant.
        """
        simple = all(d.denominator <= _SIMPLE for d in self.repeated.exact_discounts.tolist())
        if simple or len(search.polygon) < 2:
            return False
        corners = np.array(search.polygon)
        edges = np.roll(corners, -1, axis=0) - corners
        normals = np.column_stack([edges[:, 1], -edges[:, 0]])
        normals = np.vstack([np.eye(2), normals[(normals > 0.0).all(axis=1)]])
        reach, wide = (corners @ normals.T).max(axis=0), np.ptp(corners, axis=0) > _TIED
        needed = np.clip(search.block.thresholds(search.threat), -1.0, 2.0)
        slack = (reach - needed.T @ normals.T) / normals.sum(axis=1)
        slack[:, :2] = np.where(wide, slack[:, :2], np.inf)
        return bool((np.abs(slack.min(axis=1)) <= _TIED).any())

    def _exact(self, polygon: Polygon) -> NDArray[Any] | None:
        """Return vertices in the unit of the payoffs without rounding, if the payoffs are fractions."""
        if not self.repeated.has_fractions:
            return None
        low, size = fractions(self.low), fractions(self.size)
        return np.asarray(low + size * fractions(np.array(polygon)))

    def _threat(self, search: Search, i: int, raw: list[list[float]]) -> float:
        """Return the threat in the unit of the payoffs, exactly as given if it is one of the given payoffs."""
        value, own = search.threat[i], [vertex[i] for vertex in search.polygon]
        for leave, given in zip(self.block.leaves, self.leaves, strict=True):
            if abs(leave.payoffs[i] - value) < 1e-14:
                return given.payoffs[i]
        k = own.index(min(own))
        profile = search.tags[k][1] if search.tags else -1
        if profile >= 0 and abs(self.block.best.item(i, profile) - value) < 1e-14:
            return self.best.item(i, profile)
        return raw[k][i]


def _frozen(rows: list[list[float]] | list[float]) -> Floats:
    array = np.array(rows)
    array.flags.writeable = False
    return array


def _borrowed(like: Search, block: Block) -> tuple[Polygon, list[Tag]] | None:
    """Return the vertices of another search with this game's outcomes of leaving; None if they do not correspond."""
    leaves = {leave.number: leave.payoffs for leave in block.leaves}
    if any(kind == LEAVE and source not in leaves for kind, _, source in like.tags):
        return None
    polygon = [
        leaves[source] if kind == LEAVE else vertex
        for vertex, (kind, _, source) in zip(like.polygon, like.tags, strict=True)
    ]
    return polygon, like.tags


def _points(block: Block) -> Floats:
    """Return the payoffs of the profiles and of leaving, shape (2, points)."""
    leaves = [np.array(leave.payoffs)[:, None] for leave in block.leaves]
    return np.concatenate([block.payoffs, *leaves], axis=1) if leaves else block.payoffs


def _hull(points: Floats) -> Polygon:
    return [(points.item(0, k), points.item(1, k)) for k in outline(points)]


def _rationals(repeated: RepeatedGame, low: Floats, size: Floats) -> Rationals:
    from bargaining.equilibria._plane.rationals import Rationals
    from bargaining.games.stochastic import StochasticGame

    (x, y), (a, b) = (map(Fraction, each.tolist()) for each in (low, size))
    return Rationals(StochasticGame.from_repeated(repeated), ((x, y), (a, b)))


def _rows(payoffs: Floats) -> Floats:
    """Return the payoffs and the best-deviation payoffs of all profiles, shape (2, 2, profiles)."""
    both = np.empty((2, 2, *payoffs.shape[:2]))
    stage, best = both
    stage[0], stage[1] = payoffs[..., 0], payoffs[..., 1]
    best[0], best[1] = stage[0].max(axis=0), stage[1].max(axis=1)[:, None]
    return both.reshape(2, 2, -1)


def _gain(deviation: Floats, delta: Floats) -> Floats:
    """Return the least excess of the continuation over the threat at which each player keeps to each profile."""
    if min(delta.item(0), delta.item(1)) > 1e-300:
        return (1.0 - delta) / delta * deviation
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return np.where(deviation > 0.0, (1.0 - delta) / delta * deviation, 0.0)


def _staying(own: Floats, now: Floats, delta: Floats) -> Floats:
    """Return the continuation at which staying and leaving give the same payoff."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        impatient = np.where(own > now + SLACK, np.inf, -np.inf)
        return np.where(delta > 0.0, (own - now) / delta, impatient)
