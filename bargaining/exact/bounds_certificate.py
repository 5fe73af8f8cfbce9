r"""Bounds of stochastic games certified from both sides; each state has faces of its own.

*Inner.* Rational sets lie within their image under the operator, so that all of the image is attained by equilibria.

*Outer.* How far a row goes in the direction of a face is at most an affine function of the levels of all faces, by
multipliers read off floats; their error in the direction is added exactly, since payoffs lie in the unit box. That all
payoffs lie within given levels is then proved as for perfect public equilibria, see `public_certificate`. The proof
starts from sets that contain every payoff, because the same search with thresholds lowered by far more than the error
of floats ends within them, and shows that no row goes beyond the faces on the whole way from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arguments import instance, whole
from bargaining.equilibria._affine import settled, speeds_of
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.generation import Generation, floats, generate, repaired
from bargaining.equilibria._plane.lottery import Pair, hull
from bargaining.equilibria._plane.model import Model, Scaled
from bargaining.equilibria._plane.operator import credible
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria._plane.rationals import DEFAULT, Rationals, Spent, Work
from bargaining.equilibria.repeated._hyperplanes.refinement import Several
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.equilibria.stochastic._bounds.faces import Faces
from bargaining.equilibria.stochastic._bounds.rows import Duals, Operator
from bargaining.equilibria.stochastic._bounds.search import Bounds, Closing, farthest_out
from bargaining.equilibria.stochastic._search.dual_bounds import lowest
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.errors import NotApplicable
from bargaining.exact.public_certificate import Bound, certify_public_payoff_set, past
from bargaining.exact.set_certificate import PayoffCertificate, StochasticCertificate, fields_of
from bargaining.exact.several_certificate import (
    COARSE,
    MARGIN,
    UNITS,
    certify_several,
    levels_proved,
    off_nothing,
)
from bargaining.games.stochastic import StochasticGame

_ROOM = 30  # times the patience by the gap: by how much leaving out faces may increase the gap
_MANY = 300  # vertices beyond which their equations take too long
_UNKNOWN = "Only bounds that `payoff_bounds` has returned can be proved: it keeps how they were found."
_ZERO = Fraction(0)


def certify_payoff_bounds(
    found: PayoffBounds, *, tolerance: float = 1e-6, budget: int | None = None
) -> PayoffCertificate:
    """Prove both sides of the bounds of a repeated game; see `certify`, which takes the same.

    Examples
    --------
    >>> from bargaining import Game, RepeatedGame, payoff_bounds
    >>> given = 2 - np.indices((2, 2, 2)).sum(axis=0) + 1  # by three who may give 1 each, worth .6 to everybody
    >>> game = Game(*(0.6 * given - (1 - np.indices((2, 2, 2))[i]) for i in range(3)))
    >>> proof = certify_payoff_bounds(payoff_bounds(RepeatedGame(game, 0.8)))
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    sides, repeated = instance(found, "found", PayoffBounds)._found, found.repeated
    if sides is None or repeated is None:
        raise NotApplicable(_UNKNOWN)
    if not isinstance(sides, Several):
        return certify_public_payoff_set(found, tolerance=tolerance, budget=budget)
    game = StochasticGame.from_repeated(repeated)
    proof = certify_stochastic_payoff_bounds(
        StochasticPayoffBounds(game=game, bounds=(found,), _found=sides), tolerance=tolerance, budget=budget
    )
    proved = {name: getattr(proof, name) for name in ("inner", "outer", "bound")}
    vertices = proof.vertices[0] if proof.vertices else ()
    return PayoffCertificate(**fields_of(tolerance, proof.statement, **proved, vertices=vertices))


def certify_stochastic_payoff_bounds(
    found: StochasticPayoffBounds, *, tolerance: float = 1e-6, budget: int | None = None
) -> StochasticCertificate:
    """Prove both sides of the bounds of a stochastic game; see `certify`, which takes the same.

    Examples
    --------
    >>> from bargaining import Game, StochasticGame, payoff_bounds
    >>> good, bad = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    >>> worsens = [[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]]
    >>> bounds = payoff_bounds(StochasticGame([good, bad], [worsens, [0.3, 0.7]], 0.9))
    >>> proof = certify_stochastic_payoff_bounds(bounds)
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    sides = found._found
    units = DEFAULT if budget is None else whole(budget, "budget", 1)
    if sides is None:
        raise NotApplicable(_UNKNOWN)
    if not isinstance(sides, Bounds):
        return certify_several(found, sides, tolerance, units)
    data, work, spent = Rationals(found.game), Work(units), ""
    made: Generation | str = "the `budget` is spent"
    levels: tuple[Faces, list[Fraction]] | None = None
    try:
        made = _inside(data, sides, work)
        levels = _Outside(data, sides, work).proved()
    except Spent:
        spent = f" The `budget` of {units} units is spent: give a larger one."
    empty = not any(sides.outer) and levels is not None
    vertices = () if isinstance(made, str) else made.vertices
    bound = inf
    if vertices and levels is not None:
        around = levels[0].moved(np.array([float(x) for x in levels[1]]))
        bound = max(_apart(around, vertices), _off(found, data, vertices))
    inner = bool(vertices) or empty
    count = sum(map(len, vertices))
    inside = f"{count} rational vertices in {len(found)} states generate themselves, checked exactly."
    if not vertices:
        inside = "" if empty else f"Nothing is proved from inside: {made}."
    outside = "Nothing is proved from outside."
    if empty:
        outside = "No profile can be sustained in any state: the outer sets vanish."
    elif levels is not None:
        outside = f"The operator maps {len(levels[1])} faces into themselves, checked exactly"
        outside += f"; they reach {bound:.1e} of the range beyond the vertices at most." if vertices else "."
    return StochasticCertificate(
        **fields_of(
            tolerance,
            f"{inside} {outside}{spent}".strip(),
            inner=inner,
            outer=levels is not None,
            bound=off_nothing(found) if empty else bound,
            vertices=tuple(tuple(data.back(vertex) for vertex in some) for some in vertices),
        )
    )


def _apart(one: Sequence[Polygon], other: Sequence[Sequence[Pair]]) -> float:
    """Return the largest distance by which sets stick out of rational ones."""
    return farthest_out([*one], [floats(some) for some in other])


def _off(found: StochasticPayoffBounds, data: Rationals, vertices: Sequence[Sequence[Pair]]) -> float:
    """Return how far the inner sets and threats that were given are from what rational sets prove."""
    low, size = (np.array([float(x) for x in pair]) for pair in (data.low, data.size))
    given: list[Polygon] = [[(x, y) for x, y in (some.inner - low) / size] for some in found.bounds]
    out = _apart(given, vertices)
    for some, rational in zip(found.bounds, vertices, strict=True):
        if rational:
            out = max(out, past(some, np.array(floats(rational)), low, size))
    return out


def _inside(data: Rationals, found: Bounds, work: Work) -> Generation | str:
    """Return rational vertices that generate themselves, close to the inner sets."""
    if not any(found.inner):
        return "no inner sets were found"
    few = sum(map(len, found.inner)) <= _MANY
    fault, kept = "the inner sets lie within their image up to rounding only", None
    if found.inset is not None or not few:
        near = [[(Fraction(x), Fraction(y)) for x, y in some] for some in found.inset or found.inner]
        sets = tuple(tuple(some[k] for k in hull(some)) for some in near)
        made = repaired(Generation(data, sets, ((),) * len(sets), exact=False), work)
        kept = None if made is None or made.fault() else made
        if kept is not None and (not few or _apart([*found.inner], kept.vertices) <= COARSE):
            return kept
    if not few:
        return fault
    low, size = (np.array([float(x) for x in pair]) for pair in (data.low, data.size))
    hints = [np.array(some).reshape(-1, 2) * size + low for some in found.inner]
    solved = generate(data.game, hints, work)
    return kept if kept is not None and isinstance(solved, str) else solved


class _Outside:
    """Levels of faces around all equilibrium payoffs, proved."""

    def __init__(self, data: Rationals, found: Bounds, work: Work) -> None:
        self.data, self.found, self.work = data, found, work
        self.scaled = Scaled.of(data.game)

    def proved(self) -> tuple[Faces, list[Fraction]] | None:
        """Return faces and levels within which all equilibrium payoffs lie; None if that is not proved."""
        gap = self.found.gap if self.found.gap < inf else 0.0
        for tolerance in (COARSE, max(gap, MARGIN)):
            search, model = self._holding(tolerance)
            if [bool(some) for some in search.outer] != [bool(some) for some in self.found.outer]:
                continue
            if not any(search.outer):
                return Faces.of(search.outer), []
            levels = self._levels(search, model, gap * search.patience / _ROOM)
            if levels is not None:
                return levels
        return None

    def _holding(self, tolerance: float) -> tuple[Closing, Model]:
        """Return sets that contain every payoff with a margin, and the game without threats not credible then."""
        model = self.scaled.model
        while True:
            budget = Budget(self.work.left * UNITS)
            search = Closing(model, self.scaled.start(), tolerance, budget, MARGIN)
            before = budget.left
            search.run()
            self.work.spend(int(before - budget.left) // UNITS)
            leaves = credible(model, search.outer, lowest(search.outer) - MARGIN)
            if leaves == model.leaves:
                return search, model
            model = replace(model, leaves=leaves)

    def _levels(self, search: Closing, model: Model, allowed: float) -> tuple[Faces, list[Fraction]] | None:
        """Return the faces of the outer sets that were found and levels next to theirs, if these can be proved."""
        faces, operator = Faces.of(self.found.outer, allowed), Operator(model, MARGIN)
        functions, _ = operator.functions(faces, search.alive)
        duals, lives = operator.duals(faces, search.alive)
        if not lives[operator.playable(faces, search.alive)].all():
            return None  # a row dies on the way
        start = faces.at(search.outer) + MARGIN
        near = settled(functions, np.maximum(start, faces.levels))
        speeds = speeds_of(functions, near, start)
        if speeds is None:
            return None
        bounds: list[list[Bound]] = [[] for _ in faces.levels]
        self.work.spend(duals.weights.size)
        for face, bound in self._bounds(faces, duals):
            bounds[face].append(bound)
        normals = [(Fraction(x), Fraction(y)) for x, y in faces.normals.tolist()]
        for face, s in enumerate(faces.state.tolist()):
            a, b = normals[face]
            points = [self.data.leaves(s)[leave.number][0] for leave in model.leaves[s]]
            bounds[face] += [(a * x + b * y, []) for x, y in points]
        levels = levels_proved(bounds, start, near, speeds)
        return None if levels is None else (faces, levels)

    def _bounds(self, faces: Faces, duals: Duals) -> Iterator[tuple[int, Bound]]:
        """Yield bounds of rows at faces, exactly, for multipliers that floats give."""
        data, normals = self.data, [(Fraction(x), Fraction(y)) for x, y in faces.normals.tolist()]
        state, lower = faces.state.tolist(), faces.lower.tolist()
        for p, (row, face) in enumerate(zip(duals.numbers.tolist(), duals.faces.tolist(), strict=True)):
            n, law = normals[face], data.law(row)
            cuts = [Fraction(x) for x in duals.cuts[:, p].tolist()]
            pull = [data.discounts[i] * n[i] + cuts[i] for i in (0, 1)]
            constant = n[0] * data.now(0, row) + n[1] * data.now(1, row)
            left = {s: [chance * pull[0], chance * pull[1]] for s, chance in law.items()}
            weights: list[tuple[int, Fraction]] = []
            for k, weight in zip(duals.columns[p].tolist(), duals.weights[p].tolist(), strict=True):
                if weight > 0.0 and state[k] in left:
                    share, rest = Fraction(weight), left[state[k]]
                    weights.append((k, share))
                    for i in (0, 1):
                        rest[i] -= share * normals[k][i]
            constant += sum((x for rest in left.values() for x in rest if x > 0), _ZERO)
            for i in (0, 1):
                if cuts[i]:
                    reply = int(duals.replies[i, p])
                    own = data.own(data.state[row], i)
                    gives = data.now(i, reply) if duals.falls[i, p] or own is None else own
                    constant -= cuts[i] * (gives - data.now(i, row)) / data.discounts[i]
                    if duals.falls[i, p]:
                        weights += [(lower[s][i], cuts[i] * q) for s, q in data.law(reply).items()]
            yield face, (constant, weights)
