"""The largest fixed point in all states: iterate from outside, solve the equations of a structure, prove the result."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import ACCURACY, Budget, Effort
from bargaining.equilibria._plane.kinds import FINE
from bargaining.equilibria._plane.model import Mask, Model, Scaled
from bargaining.equilibria._plane.operator import Image, Tag, apply, credible
from bargaining.equilibria._plane.polygon import Polygon, apart, beyond, cut, hull, lowest, off
from bargaining.equilibria.stochastic._search.dual_bounds import reaching, sharpened
from bargaining.equilibria.stochastic._search.proof import verdict
from bargaining.equilibria.stochastic._search.structure import Structure, newton, plain, settled
from bargaining.equilibria.stochastic._search.threats import thinned, threat_bound

_USUAL = Effort()
_SAME = 4e-15  # of the unit box: a move that rounding can cause
_BLUR = 3  # times the distance below which vertices are dropped
_SOLVED = 1e-13  # distance of sets from their image at which their equations count as solved
_CLOSE = 1e-10  # the same if there may be infinitely many vertices and some are dropped
_INSIDE = 1e-12  # of the unit box: sets that exceed others by less count as inside
_NEAR = 1e-3  # distance below which Newton's method goes on with the same structure
_LONGER = 8  # the number of additional tries in this case
_CROWD = 500  # with more rows those that generated some vertex are tried first
_CHEAP = 10_000  # pairs of a row and a vertex up to which applications cost less than anything else
_OFTEN = 4  # times that the operator is applied then in a round, and twice as often in the first one
_FACES = 40  # of all outer sets up to which a finer proof uses them too: it costs their square
_STEADY = 1e-5  # of the unit box: smaller moves change the structure no more
_NEWTONS = 4  # tries on one candidate: a right structure needs one or two
_GROWTH = 24  # applications to a self-generating set that has too many vertices to solve for
_PATIENT = 0.8  # discount factor up to which ten applications leave about a tenth of the distance
_SMALL = 30_000  # bounds up to which moving faces is cheap
_WORK = 100_000  # limit on the vertices processed if there may be infinitely many: takes seconds
_LARGE = 3_000_000  # bounds beyond which moving faces costs more than applying the operator

Polygons = list[Polygon]


def solve(scaled: Scaled, limit: int, effort: Effort = _USUAL) -> Search:
    """Return the finished search for the largest fixed point.

    Outcomes of leaving are first taken as given, which can only enlarge the sets. Those that are not credible even then
    are dropped, and the search is repeated, until all that remain are credible.
    """
    start, iterations, solves, budget = scaled.start(), 0, 0, effort.budget()
    model, known = thinned(scaled.model, start)
    while True:
        search = Search.start(model, start, known)
        search.tolerance, search.budget = effort.tolerance, budget
        search.run(limit)
        iterations, solves = iterations + search.iterations, solves + search.solves
        leaves = credible(model, search.polygons, search.threat(search.polygons))
        if leaves == model.leaves or budget.spent:
            if leaves != model.leaves:
                search.give_up(None)
            search.iterations, search.solves = iterations, solves
            return search
        model = replace(model, leaves=leaves)


@dataclass(slots=True, eq=False)
class Search:
    """A search for the largest fixed point, and what it has found so far."""

    model: Model
    polygons: Polygons  # outer sets, and at the end the answer
    alive: Mask
    bound: Floats = field(default_factory=lambda: np.empty((0, 2)))  # below every threat
    iterations: int = 0
    rounds: int = 0  # of applications with a look at what they lead to
    work: int = 0
    solves: int = 0
    stopped: str = ""
    excess: float = inf
    chain: tuple[Polygons, Image | None] | None = None  # sets on the way to a candidate, and their image
    found: Image | None = None  # self-generating sets
    attained: bool = True  # whether the excess is the distance from equilibrium payoffs
    tolerance: float = ACCURACY
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def start(cls, model: Model, polygon: Polygon, known: Floats | None = None) -> Search:
        """Start from one set that contains all payoffs of every state, and a bound of the threats if one is known."""
        bound = threat_bound(model, model.live, known)
        return cls(model, [polygon] * len(model.states), model.live, bound=bound)

    def run(self, limit: int) -> None:
        """Search for at most `limit` applications to the outer sets."""
        while self.iterations < limit and self.work < _WORK and not self.stopped and not self.budget.spent:
            self._step()
        if self.stopped:
            return
        if not self.model.common and not self.budget.spent:
            self.chain = self.polygons, None
            self._look()
        self.give_up(None if self.found is None else self.found.polygons)

    def give_up(self, inner: Polygons | None) -> None:
        """Stop with sets that contain all equilibrium payoffs, and their distance from sets of equilibrium payoffs."""
        self.stopped = (
            "spent its `budget`"
            if self.budget.spent
            else f"stopped after {self.iterations} applications of the operator"
        )
        self.polygons = [*self.polygons]
        for s, bound in enumerate(self.bound.tolist()):
            for i, normal in enumerate(((-1.0, 0.0), (0.0, -1.0))):
                if self.polygons[s] and lowest(self.polygons[s])[i] < bound[i] - FINE:
                    self.polygons[s] = cut(self.polygons[s], normal, FINE - bound[i])
        within = inner or [[]] * len(self.polygons)
        rounding = self._still / (1.0 - self.model.discounts.max().item())
        self.excess = max(map(off, self.polygons, within)) + rounding
        self.attained = all(bool(some) for some, outer in zip(within, self.polygons, strict=True) if outer)

    def _close(self) -> bool:
        """Whether self-generating sets are close enough, if the required accuracy is lower than usual."""
        if self.found is None or self.tolerance <= ACCURACY:
            return False
        apart = _distance(self.polygons, self.found.polygons)
        if apart <= self.tolerance:
            self._stop(
                self.found, apart, "sets that generate themselves are close enough to some that hold all"
            )
        return apart <= self.tolerance

    def threat(self, polygons: Polygons) -> Floats:
        """Return each player's lowest payoff in each state, shape (S, 2); infinite where there is none."""
        threat: Floats = np.maximum([lowest(polygon) for polygon in polygons], self.bound)
        return threat

    def _apply(self, polygons: Polygons, alive: Mask | None = None) -> Image:
        return apply(self.model, polygons, self.threat(polygons), self.alive if alive is None else alive)

    def _step(self) -> None:
        """Apply the operator, again and again where that is cheap, and look for the answer."""
        before = self.alive
        if not self._lowered():
            return
        if self.alive is not before:
            self.bound = threat_bound(self.model, self.alive, self.bound)
        self.rounds += 1
        known = self._settled(self.found, judge=self.model.common) or self._close()
        if known or (self._due() and self._look() and self._settled(self.found)):
            return
        self._sharpen()

    def _lowered(self) -> bool:
        """Replace the outer sets by their images; false if that ends the search."""
        pairs = len(self.alive) * sum(map(len, self.polygons))
        cheap = self.model.common and pairs <= _CHEAP
        for _ in range((_OFTEN if self.rounds else 2 * _OFTEN) if cheap else 1):
            outer = self.polygons
            image = self._apply(outer)
            self.iterations += 1
            self.work += sum(map(len, outer)) if not self.model.common else 0
            self.budget.spend(len(self.alive) * sum(map(len, outer)))
            died = bool((self.alive & ~image.alive).any())
            if not any(image.polygons):
                self._stop(image, 0.0, "nothing is left")
                return False
            moved = inf if died else _distance(image.polygons, outer, enough=_STEADY)
            if moved <= self._still:
                excess = 0.0 if self.model.common else self._still / (1.0 - self.model.discounts.max().item())
                self._stop(image, excess, "the operator maps the sets to themselves")
                return False
            self.alive, self.polygons = image.alive if died else self.alive, image.polygons
            if self.chain is None or cheap or not self.model.common:
                self.chain = outer, image
            if moved <= _STEADY:
                break
        return True

    def _sharpen(self) -> None:
        """Move the faces of the outer sets as far as their own bounds allow, if these are few enough.

        If players are impatient, iterates of the operator itself converge fast, so faces are moved only if these are
        slow.
        """
        late = not self.model.common or self.rounds >= 4 or self.model.discounts.min() >= _PATIENT
        limit = _LARGE if self._rare and late else _SMALL
        self.budget.spend(min(limit, len(self.alive) * sum(map(len, self.polygons)) ** 2))
        smaller = sharpened(self.model, self.polygons, self.bound, self.alive, limit)
        if smaller is not None:
            self.polygons, self.chain = smaller, None

    def _due(self) -> bool:
        """Whether to look for a candidate: in the first rounds until there is one, and in rounds 16, 32, ..."""
        if self.model.common and self.rounds < 16:
            return self.found is None or self._rare
        return self.rounds > 4 and self._rare

    @property
    def _rare(self) -> bool:
        """Whether this is round 1, 2, 4, 8, ..., for expensive steps."""
        return self.rounds & (self.rounds - 1) == 0 or (not self.model.common and self.rounds % 32 == 0)

    def _stop(self, image: Image, excess: float, reason: str) -> None:
        self.polygons, self.excess, self.stopped = [*map(self._solid, image.polygons)], excess, reason

    def _solid(self, polygon: Polygon) -> Polygon:
        """Return a point or a segment in place of a set that is no thicker than what counts as nothing."""
        ends = [] if self.model.common else [polygon[k] for k in hull(polygon, merge=self.model.slack)]
        return ends if 0 < len(ends) < 3 else polygon

    def _look(self) -> bool:
        """Look along the chain for new sets that generate themselves."""
        if self.chain is None:
            return False
        source, image = self.chain
        structure = settled(self.model, image or self._apply(source), source, self.threat(source))
        self.chain = None if structure is None else (structure.polygons, None)
        found = self._solved(structure) or self._grown()
        if found is None or (self.found is not None and _inside(found.polygons, self.found.polygons)):
            return False
        self.found = found
        return True

    def _grown(self) -> Image | None:
        """Apply the operator to self-generating sets that have too many vertices to solve for."""
        grown = None if self.model.common else self.found
        for _ in range(_GROWTH if grown is not None else 0):
            assert grown is not None
            self.work += sum(map(len, grown.polygons))
            grown = self._apply(grown.polygons)
        return grown

    def _solved(self, structure: Structure | None) -> Image | None:
        """Alternate Newton steps on the structure with one application; continue longer if the sets come close.

        If there are many rows, only those that generated some vertex are used, until no others are needed.
        """
        left, longer, few = _NEWTONS, _LONGER, None
        if structure is not None and np.count_nonzero(self.alive) > _CROWD:
            few = self._behind(structure.tags)
        while left and structure is not None:
            left -= 1
            self.solves += 1
            self.budget.spend(sum(map(len, structure.polygons)) ** 2)
            source = newton(self.model, structure)
            if source is None:
                return None
            image = self._apply(source, few)
            distance, solved = self._compared(source, image)
            if few is not None and (solved or not any(image.polygons)):
                image = self._apply(source, reaching(self.model, source, self.threat(source), self.alive))
                few |= self._behind([*image.tags, *(held.tags for held in image.held)])
                distance, solved = self._compared(source, image)
            if solved:
                return image
            if not any(image.polygons):
                return None
            if distance < _NEAR:
                structure, left = plain(self.model, image, source), left + longer
                longer = 0
            else:
                structure = settled(self.model, image, source, self.threat(source))
        return None

    def _behind(self, tags: list[list[Tag]]) -> Mask:
        """Return the rows that generate some vertices."""
        rows = np.zeros_like(self.alive)
        rows[[row for some in tags for _, row, _ in some if row >= 0]] = True
        return rows

    def _compared(self, source: Polygons, image: Image) -> tuple[float, bool]:
        """Return the distance of sets from their image, and whether they solve the equations or are self-generating."""
        distance = _distance(image.polygons, source, enough=_NEAR)
        solved = distance <= self._tolerance or (
            not self.model.common and _inside(source, image.polygons, self._still)
        )
        return distance, solved

    @property
    def _still(self) -> float:
        """The largest move of the outer sets that counts as zero; larger if vertices are dropped."""
        return _SAME if self.model.common else _BLUR * self.model.merge

    @property
    def _tolerance(self) -> float:
        return _SOLVED if self.model.common else _CLOSE

    def _settled(self, image: Image | None, *, judge: bool = True) -> bool:
        """Say whether a candidate is the largest fixed point."""
        if image is None:
            return False
        if _distance(self.polygons, image.polygons, enough=self._tolerance) <= self._tolerance:
            self._stop(image, self._tolerance, "the operator maps the sets to themselves")
            return True
        if not judge:
            return False
        finer = self._rare and sum(map(len, self.polygons)) <= _FACES
        for shape in (False, True) if finer else (False,):
            result = verdict(
                self.model,
                image.polygons,
                self.polygons,
                self.bound,
                self.alive,
                shape=shape,
                budget=self.budget,
            )
            if result.proved:
                self._stop(image, result.excess, "the structure's fixed point is proved to be the largest")
                return True
            if result.outer:
                self.polygons = result.outer
            if self.budget.spent:
                break
        return False


def _distance(one: Polygons, other: Polygons, *, enough: float = inf) -> float:
    """Return the largest distance between the polygons of a state; beyond `enough` perhaps only a lower bound."""
    out = 0.0
    for p, q in zip(one, other, strict=True):
        if bool(p) != bool(q):
            return inf
        least = apart(p, q)
        if least >= _CLOSE:
            least = _shift(p, q, enough)
            if least <= enough:
                least = max(beyond(p, q), beyond(q, p))
        out = max(out, least)
    return out


def _shift(one: Polygon, other: Polygon, enough: float) -> float:
    """Return the largest difference of the supports of two polygons along the axes and diagonals, up to `enough`."""
    out = 0.0
    for a, b in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.5, -0.5)):
        first, second = [a * x + b * y for x, y in one], [a * x + b * y for x, y in other]
        out = max(out, abs(min(first) - min(second)), abs(max(first) - max(second)))
        if out > enough:
            break
    return out


def _inside(one: Polygons, other: Polygons, tolerance: float = _INSIDE) -> bool:
    """Say whether the polygons of each state lie in the others, up to rounding."""
    return all(not p or (bool(q) and beyond(p, q) <= tolerance) for p, q in zip(one, other, strict=True))
