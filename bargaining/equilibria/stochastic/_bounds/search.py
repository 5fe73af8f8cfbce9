"""Outer sets that contain all equilibrium payoffs of every state, and self-generating inner sets, until they meet.

From outside a round applies the operator, drops edges of the image up to a tolerance that falls from round to round,
and lowers the faces by their bounds. From inside the same rounds use the operator with faces lowered by the distance of
the outer sets from their image: its fixed point lies inside the fixed point's image under the operator itself,
including the corners. This is checked; then the image consists of equilibrium payoffs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, lowered, settled
from bargaining.equilibria._budget import Budget, Effort
from bargaining.equilibria._plane.generation import floats, generate
from bargaining.equilibria._plane.model import Mask, Model, Scaled
from bargaining.equilibria._plane.operator import credible
from bargaining.equilibria._plane.polygon import Polygon, beyond
from bargaining.equilibria._plane.rationals import Spent, Work
from bargaining.equilibria.stochastic._bounds.faces import Faces
from bargaining.equilibria.stochastic._bounds.rows import Operator
from bargaining.equilibria.stochastic._search.dual_bounds import lowest
from bargaining.equilibria.stochastic._search.search import solve
from bargaining.games.stochastic import StochasticGame

_ROUNDS = 400  # the rounds might not end for sets without interior
_COARSEST = 1e-3  # of the unit box: the largest error from dropping an edge at first
_FINER = 6.0  # divides this error once rounds move the sets by no more than some times the error
_MOVES = 3.0  # times the error from dropping an edge
_SLACK = 1e-12  # of the unit box: a set that exceeds its image by less counts as inside
_MARGIN = 1e-9  # of the unit box: the margin by which thresholds must be missed if nothing is left
_INSETS = 8  # rounds from inside
_THIN = 20.0  # times the lowering: thinner sets are not lowered
_AGAIN = 3.0  # by how much the distance of the outer sets must fall before another try from inside
_PATIENT = 0.97  # discount factor up to which iterates converge within a round
_STUCK = 1e-9  # of the unit box: if no inner sets are found once outer ones move by less, the sets have no interior
_FEW = 300  # vertices whose equations take a second to solve


@dataclass(slots=True, eq=False)
class Bounds:
    """Outer and inner sets of the equilibrium payoffs of each state, in the unit box."""

    outer: list[Polygon]
    inner: list[Polygon]  # empty unless self-generating sets were found
    gap: float  # how far the outer sets reach beyond the inner ones
    steps: int
    inset: list[Polygon] | None = None  # smaller sets whose image the inner ones are


def bounded(game: StochasticGame, scaled: Scaled, tolerance: float, budget: Budget) -> Bounds:
    """Bound the payoff sets until they are no farther apart than the tolerance, or the budget is spent.

    Outcomes of leaving are first taken as given, which can only enlarge the sets. Those that are not credible even then
    are dropped, and the search is repeated.
    """
    model, steps = scaled.model, 0
    while True:
        found = Closing(model, scaled.start(), tolerance, budget).run()
        steps += found.steps
        if not all(found.outer):
            # That nothing is left must not depend on rounding: it has to hold with a margin.
            eased = Closing(model, scaled.start(), tolerance, budget, _MARGIN).run()
            if list(map(bool, eased.outer)) != list(map(bool, found.outer)):
                found = replace(eased, inner=[[] for _ in eased.outer], gap=inf)
        leaves = credible(model, found.outer, lowest(found.outer))
        if leaves == model.leaves or budget.spent:
            if found.gap == inf and all(found.outer) and sum(map(len, found.outer)) <= _FEW:
                return replace(_equated(game, scaled, found, budget), steps=steps)
            within = found.inner
            if any(within) and credible(model, within, lowest(within)) != model.leaves:
                found = replace(found, inner=[[] for _ in within], gap=inf)
            return replace(found, steps=steps)
        model = replace(model, leaves=leaves)


def _equated(game: StochasticGame, scaled: Scaled, found: Bounds, budget: Budget) -> Bounds:
    """Add inner sets in rationals that solve the equations of a structure, if any is found."""
    polygons = solve(scaled, _ROUNDS, Effort(units=max(int(budget.left), 1))).polygons
    hints = [np.array(polygon).reshape(-1, 2) * scaled.size + scaled.low for polygon in polygons]
    try:
        made = generate(game, hints, Work(int(budget.left)))
    except Spent:
        return found
    if isinstance(made, str) or not all(made.vertices):
        return found
    inner = [floats(vertices) for vertices in made.vertices]
    return replace(found, inner=inner, gap=farthest_out(found.outer, inner))


class Closing:
    """Bounds of the payoff sets; with `eased` all thresholds are lowered by this amount."""

    def __init__(
        self, model: Model, start: Polygon, tolerance: float, budget: Budget, eased: float = 0.0
    ) -> None:
        self.operator, self.tolerance, self.budget = Operator(model, eased), tolerance, budget
        self.outer = [start] * len(model.states)
        self.alive: Mask = np.ones(len(model.state), bool)
        self.patience = 1.0 - model.discounts.max().item()
        self.within, self.gap = [list[tuple[float, float]]() for _ in model.states], inf
        self.inset: list[Polygon] | None = None
        self.allowed, self.tried, self.steps = _COARSEST, inf, 0

    def run(self) -> Bounds:
        """Shrink the outer sets, and try inner sets once the distance may be small enough."""
        faces = Faces.of(self.outer)
        while any(self.outer) and self.steps < _ROUNDS:
            image, self.alive = self.operator.generated(faces, faces.lowest(), self.alive, self.outer)
            moved = farthest_out(self.outer, image)
            self.outer, self.steps = image, self.steps + 1
            last = self.budget.spent or self.steps == _ROUNDS
            if (
                (last or moved <= self.tolerance * self.patience) and moved <= self.tried / _AGAIN
            ) or moved <= _SLACK:
                self._inset(moved)
                stuck = self.gap == inf and moved <= _STUCK and sum(map(len, self.outer)) <= _FEW
                if self.gap <= self.tolerance or moved <= _SLACK or stuck:
                    break
            if last:
                break
            faces = Faces.of(self.outer, self.allowed)
            functions, self.alive = self._functions(faces)
            self.outer = faces.moved(self._lowered(functions, faces, self.allowed / 100))
            faces = Faces.of(self.outer)
            if moved < _MOVES * self.allowed:
                self.allowed /= _FINER
        gap = self.gap if any(self.outer) else 0.0
        return Bounds(self.outer, self.within, gap, self.steps, self.inset)

    def _functions(self, faces: Faces) -> tuple[Affine, Mask]:
        functions, alive = self.operator.functions(faces, self.alive)
        self.budget.spend(functions.weights.size)
        return functions, alive

    def _lowered(self, functions: Affine, faces: Faces, enough: float) -> Floats:
        if 1.0 - self.patience <= _PATIENT:
            return lowered(functions, faces.levels, enough)
        return settled(functions, faces.levels)

    def _inset(self, moved: float) -> None:
        """Look for self-generating sets close to outer ones that the operator last moved by this distance."""
        self.tried = moved
        if moved <= _SLACK:
            self.within, self.gap = self.outer, moved
            return
        faces = Faces.of(self.outer, self.allowed)
        by = (moved + self.allowed) * (_width(self.outer) > _THIN * (moved + self.allowed) / self.patience)
        for _ in range(_INSETS):
            functions, _alive = self._functions(faces)
            functions = functions._replace(constant=functions.constant - by[faces.state[functions.faces]])
            inset = faces.moved(self._lowered(functions, faces, moved / 100))
            if [bool(some) for some in inset] != [bool(some) for some in self.outer]:
                return
            faces = Faces.of(inset)
            image, _alive = self.operator.generated(faces, faces.lowest(), self.alive, inset)
            if farthest_out(inset, image) <= _SLACK:
                gap = farthest_out(self.outer, image)
                if gap < self.gap:
                    self.within, self.gap, self.inset = image, gap, inset
                return
            faces = Faces.of(image, self.allowed)


def farthest_out(one: list[Polygon], other: list[Polygon]) -> float:
    """Return how far sets extend beyond others; infinite if another set is empty."""
    return max((beyond(p, q) if q else inf for p, q in zip(one, other, strict=True) if p), default=0.0)


def _width(polygons: list[Polygon]) -> Floats:
    """Return the least width of each polygon among the directions of its edges."""
    faces = Faces.of(polygons)
    far, near = faces.at(polygons), faces.at([[(-x, -y) for x, y in polygon] for polygon in polygons])
    # The second term is the support in the opposite direction.
    out = np.full(len(polygons), inf)
    np.minimum.at(out, faces.state, far + near)
    return out
