r"""Payoff sets certified from both sides, all states at once; a repeated game is a stochastic one of one state.

*Inner.* Rational vertices of every state generate themselves: each is a profile followed by continuation payoffs inside
the hulls of the vertices of the states that may be next, and no player gains by leaving, or by a deviation, after which
she gets her lowest vertex in the next state. This is checked in rationals, so every vertex, hence every
point of the hulls, is an equilibrium payoff.

*Outer.* Take one list of directions :math:`n_j` for all states, let the inner sets be :math:`n_j w \le c_{sj}`, and
let :math:`X_s(e)` be the set within the faces moved out to :math:`c_{sj} + e z_{sj}`. Suppose every equilibrium
payoff of state s lies in :math:`X_s(E)`, for all s, and the operator maps :math:`X(e)` strictly inside
:math:`X(e)` for all :math:`e_0 < e \le E`. Then every equilibrium payoff lies in :math:`X(e_0)`: at the smallest e
for which :math:`X(e)` contains them all, one application would move them strictly inside. The continuations of
a profile lie in

.. math:: \{ w : n_j w \le \textstyle\sum_{s'} P(s') (c_{s'j} + e z_{s'j}) \},

above thresholds that fall with e no faster than for its best deviation at :math:`e = 0`. So for one profile and one
face the farthest payoff is the value of a linear program whose right-hand side is affine in e; each dual basis
bounds it from above by a function affine in e, for every e at once, and the check is finite. It is done in rationals
where the margin is not far larger than the rounding of floats. That everything lies in :math:`X(E)`, and that a state
has no equilibrium, follows from applications of the operator to sets that contain everything, each rounded outward by
far more than the error of floats.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, short
from bargaining._rational import solve
from bargaining._rich import Shown
from bargaining.equilibria._plane.generation import Generation, floats, generate
from bargaining.equilibria._plane.lottery import Pair, Payoffs, hull, lotteries
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Mask, Model, Scaled
from bargaining.equilibria._plane.operator import apply, credible
from bargaining.equilibria._plane.operator import reach as far_of
from bargaining.equilibria._plane.polygon import Polygon, beyond, cut
from bargaining.equilibria._plane.polygon import hull as corners
from bargaining.equilibria._plane.rationals import DEFAULT, Law, Rationals, Spent, Work
from bargaining.equilibria.repeated._search.scaled import roomy
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.stochastic._search.dual_bounds import TIE, Bounds, Faces, attraction, normals_of
from bargaining.equilibria.stochastic._search.search import Search
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.errors import InvalidInput
from bargaining.games.stochastic import StochasticGame

_LIMIT = 1000  # applications of the operator in floats, for a guess
_TRIES = 12  # applications of the operator before the sets are guessed
_ROUNDING = 1e-12  # of distances in the unit box, with a large margin


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSidedCertificate(Shown):
    """What is proved from inside and from outside.

    Attributes
    ----------
    inner : bool
        Whether the rational vertices generate themselves, so that all of them are equilibrium payoffs.
    outer : bool
        Whether the operator proves that no equilibrium payoff lies farther outside than `bound`.
    bound : float
        No equilibrium payoff lies farther beyond a face of the inner set (of its state, in a stochastic game), and the
        certified set and its threat are no farther from the inner one, as a share of each player's payoff range. If
        `inner` or `outer` is not proved the bound is larger, since it is only known that equilibrium payoffs are means
        of stage payoffs and of payoffs after leaving; infinity if nothing is known about a set reported as empty.
    exact : bool
        Whether the vertices solve the equations of the sets exactly; otherwise they lie inside by a tiny inset.
    tolerance : float
        The required accuracy.
    statement : str
        What is proved, in words.
    vertices : tuple
        The inner vertices, rational, counter-clockwise.
    """

    inner: bool
    outer: bool
    bound: float
    exact: bool
    tolerance: float
    statement: str
    vertices: tuple[Any, ...]

    @property
    def holds(self) -> bool:
        """Whether both sides are proved and the bound meets the tolerance."""
        return self.inner and self.outer and self.bound <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffCertificate(TwoSidedCertificate):
    """What is proved about a payoff set, or about bounds.

    Attributes
    ----------
    vertices : tuple of tuples of Fraction
        The inner vertices, counter-clockwise for two players; none if there is no equilibrium.
    inner, outer, bound, exact, tolerance, statement
        As for `TwoSidedCertificate`.
    """

    vertices: tuple[Payoffs, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StochasticCertificate(TwoSidedCertificate):
    """What is proved about the payoff sets of a stochastic game.

    Attributes
    ----------
    vertices : tuple of tuples of pairs of Fraction
        The inner vertices of each state, counter-clockwise; none where there is no equilibrium.
    inner, outer, bound, exact, tolerance, statement
        As for `TwoSidedCertificate`.
    """

    vertices: Sets


def certify_payoff_set(
    found: PayoffSet, *, tolerance: float = 1e-9, budget: int | None = None
) -> PayoffCertificate:
    """Prove from both sides how far a payoff set is from the true one; see `certify`, which takes the same.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Game, RepeatedGame, payoff_set
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> proof = certify_payoff_set(payoff_set(RepeatedGame(prisoners, Fraction(9, 10))))
    >>> proof.holds, proof.exact, proof.vertices[1]
    (True, True, (Fraction(39, 4), Fraction(3, 1)))
    """
    if not isinstance(found, PayoffSet):
        raise InvalidInput(f"`found` must be a PayoffSet; got {type(found).__name__}.")
    game = StochasticGame.from_repeated(found.repeated)
    proof = _proof(game, [found.vertices], [found.threat], tolerance, budget, [found._hints])
    return PayoffCertificate(**proof | {"vertices": proof["vertices"][0] if proof["vertices"] else ()})


def certify_stochastic_payoff_sets(
    found: StochasticPayoffSets, *, tolerance: float = 1e-9, budget: int | None = None
) -> StochasticCertificate:
    """Prove from both sides how far the payoff sets of a stochastic game are from the true ones; see `certify`.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Exit, Game, StochasticGame, stochastic_payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> chain, exits = [[Fraction(9, 10), Fraction(1, 10)], [0, 1]], Exit([[1, 1], [8, 3]])
    >>> game = StochasticGame.from_chain(prisoners, chain, Fraction(3, 10), exit=exits)
    >>> proof = certify_stochastic_payoff_sets(stochastic_payoff_sets(game))
    >>> proof.holds, proof.exact, proof.vertices[0][2]
    (True, True, (Fraction(654, 73), Fraction(639, 73)))
    """
    if not isinstance(found, StochasticPayoffSets):
        raise InvalidInput(f"`found` must be StochasticPayoffSets; got {type(found).__name__}.")
    vertices, threats = [some.vertices for some in found.sets], [some.threat for some in found.sets]
    return StochasticCertificate(**_proof(found.game, vertices, threats, tolerance, budget))


def _proof(
    game: StochasticGame,
    sets: Sequence[Floats],
    threats: Sequence[Floats],
    tolerance: float,
    budget: int | None,
    hints: Sequence[Any] | None = None,
) -> dict[str, Any]:
    """Return what is proved, as the fields of a certificate."""
    for some in sets:
        if not np.isfinite(some).all():
            raise InvalidInput(f"`result` must have finite vertices; got {short(some)}. Compute it again.")
    work = Work(None if budget is None else whole(budget, "budget", 1))
    why = f"nothing was proved within a `budget` of {budget or DEFAULT} units; give a larger one"
    try:
        made = generate(game, sets if hints is None else hints, work, roomy)
    except Spent:
        made = why
    fault = made if isinstance(made, str) else made.fault_of_hints
    if isinstance(made, str) or fault:
        knife = "" if fault == why else " The game may lie on a knife edge that rounding decides."
        scaled = Scaled.of(game)
        bound = _box_beyond(((some - scaled.low) / scaled.size).tolist() for some in sets)
        return fields_of(tolerance, f"Not proved from inside: {fault}.{knife}", bound=bound)
    apart, outside, spent = _apart(sets, threats, made), None, ""
    around = _box_beyond(floats(vertices) for vertices in made.vertices)
    try:
        outside = _reach(made, work)
    except Spent:
        spent = f" The `budget` of {budget or DEFAULT} units is spent: give a larger one."
    return fields_of(
        tolerance,
        _statement(made, outside, apart) + spent,
        inner=True,
        outer=outside is not None,
        bound=max(apart, around if outside is None else float(outside)),
        exact=made.exact,
        vertices=tuple(tuple(made.data.back(vertex) for vertex in some) for some in made.vertices),
    )


def fields_of(tolerance: float, statement: str, **proved: Any) -> dict[str, Any]:
    """Return the fields of a certificate: what is proved; everything else is marked as not proved."""
    nothing = {"inner": False, "outer": False, "bound": inf, "exact": False, "vertices": ()}
    return nothing | {"tolerance": tolerance, "statement": statement} | proved


def _box_beyond(sets: Iterable[Polygon]) -> float:
    """Return how far the box of all payoffs reaches beyond the smallest of sets in it; infinity if one is empty."""
    box: Polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    return max(beyond(box, some) if some else inf for some in sets) * (1.0 + _ROUNDING)


def _reach(made: Generation, work: Work) -> Fraction | None:
    """Return how far beyond the inner sets an equilibrium payoff may lie, None if nothing is proved.

    Outcomes of leaving are first taken as given, which can only enlarge the sets; one that is shown not to be
    credible even in the larger sets is dropped.
    """
    outward = Outward(made.data, Scaled.of(made.data.game).model, work)
    while True:
        for _ in range(_TRIES):
            if _hold(made.vertices, outward.leaves) or not outward.advance():
                return _proved(outward, made.vertices)
        leaves = outward.leaves
        larger = _larger(outward)
        apart = _proved(outward, larger)
        if apart is not None:
            outward.rule_out()
        if outward.leaves == leaves:
            excess = max(_excess(one, other) for one, other in zip(larger, made.vertices, strict=True))
            return None if apart is None or excess == np.inf else apart + Fraction(excess)


def _larger(outward: Outward) -> Sets:
    """Return sets that contain the given outcomes of leaving, found in floats: a guess."""
    search = Search.start(outward.model, outward.start)
    search.run(_LIMIT)
    found = [[(Fraction(x), Fraction(y)) for x, y in polygon] for polygon in search.polygons]
    every = [[*polygon, *points] for polygon, points in zip(found, outward.leaves, strict=True)]
    return tuple(tuple(points[k] for k in hull(points)) for points in every)


def _proved(outward: Outward, sets: Sets) -> Fraction | None:
    if any(sets):
        return reach(outward, sets)
    return Fraction(0) if outward.empty() else None


def _hold(sets: Sets, leaves: list[list[Pair]]) -> bool:
    """Whether sets contain the outcomes of leaving, exactly."""
    return all(
        next(lotteries(vertices, point), None) is not None
        for vertices, points in zip(sets, leaves, strict=True)
        for point in points
    )


def _excess(one: tuple[Pair, ...], other: tuple[Pair, ...]) -> float:
    """Return how far the farthest vertex of a polygon lies from another one."""
    if not one:
        return 0.0
    return beyond(floats(one), floats(other)) if other else np.inf


def worst(errors: Iterable[float]) -> float:
    """Return the largest error; infinite if one is not a number."""
    out = float(np.max([*errors]))
    return np.inf if np.isnan(out) else out


def _apart(sets: Sequence[Floats], threats: Sequence[Floats], made: Generation) -> float:
    """Return how far the sets, and the threats, are from the rational ones, as a share of the payoff ranges."""
    low, size = (np.array([float(x) for x in pair]) for pair in (made.data.low, made.data.size))
    out = 0.0
    for some, low_ones, vertices in zip(sets, threats, made.vertices, strict=True):
        claimed: Polygon = [(x, y) for x, y in ((some - low) / size).tolist()]
        if bool(claimed) != bool(vertices):
            return np.inf
        if claimed:
            exact = floats(vertices)
            threat = (low_ones - low) / size - np.min(exact, axis=0)
            off = worst([beyond(claimed, exact), beyond(exact, claimed), *np.abs(threat)])
            # Floats of payoffs with an offset cannot come closer than their own rounding.
            rounding = float((np.abs(some) / size).max()) * np.finfo(float).eps
            out = max(out, off if off > rounding else 0.0)
    return out


def _statement(made: Generation, outside: Fraction | None, apart: float) -> str:
    count = sum(map(len, made.vertices))
    empty = [name for name, some in zip(made.data.game.states, made.vertices, strict=True) if not some]
    where = f" in {', '.join(empty)}" if len(made.vertices) > 1 else ""
    nothing = f" No profile can be sustained{where}: the outer sets vanish." if empty else ""
    where = f" in {len(made.vertices)} states" if len(made.vertices) > 1 else ""
    kind = "solve the equations of the sets exactly" if made.exact else "lie inside the sets by a tiny inset"
    inner = (
        f"{count} rational vertices{where} generate themselves, checked exactly; they {kind}, "
        f"within {apart:.1e} of the floats."
    )
    if outside is None:
        return f"{inner} Nothing is proved from outside."
    beyond_faces = (
        f"No equilibrium payoff lies farther beyond their faces than {float(outside):.1e} of the range."
    )
    return f"{inner} {beyond_faces}{nothing}"


Sets = tuple[tuple[Pair, ...], ...]

MARGIN = 1e-10
"""Floats decide only cases that are clear by this margin; their error here is far smaller."""

_USELESS = Fraction(1, 10**6)
_FINE = Fraction(1, 10**11)
_ENOUGH = Fraction(1, 10**10)
_EXACT = 16  # units that a bound costs more in rationals
_LATE = 32  # steps before the first attempt where there are many faces
_PAIRS = 30_000  # of profiles and faces: from so many a step in rationals takes minutes

_ROUND_OUT = 1e-11  # floats err by less than a thousandth of it, and drop no vertex out by a tenth
_STEPS = 100  # of the operator; the polygons hold after any number


class Outward:
    """Polygons that contain all equilibrium payoffs (proposition `stochastic-operator`), made smaller step by step.

    Floats may err, but by far less than a polygon is moved out before and after every step; and what the operator gives
    only grows with the polygons.
    """

    def __init__(self, data: Rationals, model: Model, work: Work) -> None:
        self.data, self.model, self.work, self.steps = data, model, work, _STEPS
        points = [(float(x), float(y)) for x, y in model.payoffs.T]
        points += [leave.payoffs for some in model.leaves for leave in some]
        if not model.common:
            (left, low), (right, high) = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
            points = [(left, low), (right, low), (right, high), (left, high)]
        whole = [points[k] for k in corners(points)]
        self.start = whole
        self.polygons: list[Polygon] = [wider(whole) for _ in model.leaves]
        self.alive: Mask = np.ones(len(model.state), dtype=bool)

    @property
    def leaves(self) -> list[list[Pair]]:
        """The outcomes of leaving in each state that are not ruled out."""
        return [
            [self.data.leaves(s)[leave.number][0] for leave in some]
            for s, some in enumerate(self.model.leaves)
        ]

    @property
    def filled(self) -> list[bool]:
        """Which states are not proved to be empty."""
        return [bool(polygon) for polygon in self.polygons]

    def threat(self) -> Floats:
        """Return a lower bound of the threats, shape (S, 2); infinite in a state without equilibrium."""
        bound = self.exact_bound()
        return np.array(
            [
                [
                    max(low, float(known[i] or 0) - 1e-12)
                    for i, low in enumerate(np.min(polygon, axis=0).tolist())
                ]
                if polygon
                else [np.inf, np.inf]
                for polygon, known in zip(self.polygons, zip(*bound, strict=True), strict=True)
            ]
        )

    def advance(self) -> bool:
        """Apply the operator once, rounding outward; return whether anything is left."""
        if not any(self.filled):
            return False
        self.work.spend(len(self.model.state) * sum(map(len, self.polygons)))
        self.rule_out()
        threat = self.threat() - _ROUND_OUT
        image = apply(self.model, self.polygons, threat, self.alive)
        self.alive = image.alive
        self.polygons = [wider(polygon) for polygon in image.polygons]
        return any(self.filled)

    def empty(self) -> bool:
        """Whether it is proved that no state has an equilibrium."""
        return any(not self.advance() for _ in range(self.steps))

    def within(self, normals: Floats, offsets: Floats) -> None:
        """Cut the polygons by faces that provably contain all equilibrium payoffs."""
        for s, polygon in enumerate(self.polygons):
            kept = polygon
            for (x, y), offset in zip(normals.tolist(), offsets[s].tolist(), strict=True):
                kept = cut(kept, (x, y), offset) if kept else kept
            self.polygons[s] = wider(kept)

    def rule_out(self) -> bool:
        """Drop outcomes of leaving that are not credible because staying gives more; say whether there were any."""
        before = self.model.leaves
        leaves = credible(self.model, self.polygons, self.threat() - _ROUND_OUT)
        self.model = replace(self.model, leaves=leaves)
        return leaves != before

    def exact_bound(self) -> tuple[list[Fraction | None], list[Fraction | None]]:
        """Return lower bounds of the threats in rationals, None for a state without equilibrium.

        No punishment gives a player less than x if in every state x is at most the minimum, over profiles that can be
        played, of the payoff from her best deviation when x is the punishment. The x with equality is guessed and then
        checked.
        """
        return self._bound(0), self._bound(1)

    def _bound(self, i: int) -> list[Fraction | None]:
        filled = self.filled
        x = self._guess(i)
        least = self._least(i, [value if full else None for value, full in zip(x, filled, strict=True)])
        short = max(
            (value - low for value, low in zip(x, least, strict=True) if low is not None), default=Fraction(0)
        )
        if short > 0:
            x = [value - short / (1 - self.data.discounts[i]) for value in x]
        return [value if full else None for value, full in zip(x, filled, strict=True)]

    def _least(self, i: int, x: list[Fraction | None]) -> list[Fraction | None]:
        """Return the player's lowest payoff in each state under punishments, if x is her lowest payoff later."""
        data, out = self.data, []
        worth = [data.worth(i, r, x) for r in range(len(data.state))]
        for s in range(len(data.game)):
            own, values = data.own(s, i), [point[i] for point in self.leaves[s]]
            for row in dict.fromkeys(data.replies(r, i) for r in data.rows(s) if self.alive[r]):
                best = [worth[reply] for reply in row]
                known = [value for value in best if value is not None]
                if len(known) == len(best):
                    values.append(max(known) if own is None else max(*known, own))
            out.append(min(values, default=None))
        return out

    def _guess(self, i: int) -> list[Fraction]:
        """Solve for the bound in rationals, with the choices that are the best in floats."""
        from bargaining.equilibria.stochastic._search.threats import threat_bound

        data, model = self.data, self.model
        value = threat_bound(model, self.alive)[:, i]
        value = np.where(np.isfinite(value), value, 0.0)
        worth = model.now[i] + model.discounts[i, 0] * (model.transitions @ value)
        best = model.replies[i].best(worth)[model.replies[i].group]
        reply = model.replies[i].argbest(worth)[model.replies[i].group]
        size, leaves = len(value), self.leaves
        matrix = np.full((size, size), Fraction(0), dtype=object)
        right = np.full(size, Fraction(0), dtype=object)
        for s in range(size):
            matrix[s, s] = Fraction(1)
            rows = [r for r in data.rows(s) if self.alive[r]]
            leave = min((point[i] for point in leaves[s]), default=None)
            row = min(rows, key=lambda r: best[r], default=None)
            own = data.own(s, i)
            forced = -np.inf if own is None else float(own)
            if row is None or (leave is not None and float(leave) <= max(best[row], forced)):
                right[s] = leave or Fraction(0)
            elif own is not None and forced >= best[row]:
                right[s] = own
            else:
                right[s] = data.now(i, int(reply[row]))
                for k, p in data.law(int(reply[row])).items():
                    matrix[s, k] -= data.discounts[i] * p
        solved = solve(matrix, right)
        return list(solved or [Fraction(0)] * size)


def wider(polygon: Polygon) -> Polygon:
    """Return a polygon enlarged in all directions by more than the rounding of floats."""
    points = [
        (x + a, y + b)
        for x, y in polygon
        for a in (-_ROUND_OUT, _ROUND_OUT)
        for b in (-_ROUND_OUT, _ROUND_OUT)
    ]
    return [points[k] for k in corners(points)]


Limit = tuple[Fraction, Law]
"""The lowest continuation payoff of a player at e = 0, and the weights of the speeds at which it falls."""

Weights = tuple[list[tuple[int, Fraction]], list[Fraction]]
"""A direction as a combination of faces with their weights and of both players' constraints with theirs."""


class Lines:
    """Faces `n_j w <= c_sj + e z_sj` in rationals; `bounds` has the same faces in floats."""

    def __init__(
        self,
        data: Rationals,
        normals: Sequence[Pair],
        offsets: Sequence[Sequence[Fraction]],
        lows: Sequence[Sequence[Fraction | None]],
        speed: Sequence[Sequence[Fraction]],
    ) -> None:
        self.data, self.normals, self.offsets, self.lows, self.speed = data, normals, offsets, lows, speed

    def start(self, bounds: Bounds, place: int, j: int, bases: list[int], far: Fraction) -> Fraction | None:
        """Return the least s such that the pair stays strictly inside for all s < e <= far; None if there is none."""
        row = int(bounds.numbers[place])
        s = self.data.state[row]
        limits = [self._limit(bounds, place, i) for i in (0, 1)]
        spans = []
        for basis in bases:
            weights = self._weights(bounds, j, basis)
            if weights is not None:
                level, slope = self._line(row, j, weights, limits)
                spans.append(negative(level - self.offsets[s][j], slope - self.speed[s][j]))
        spans += [negative(-level, slope) for level, slope in self._blocks(bounds, place, limits)]
        return covered(spans, far)

    def _limit(self, bounds: Bounds, place: int, i: int) -> Limit:
        data, row, delta = self.data, int(bounds.numbers[place]), self.data.discounts[i]
        if not delta:
            return Fraction(0), {}
        own = data.own(data.state[row], i)
        if bounds.leaves[i, place] and own is not None:
            return (own - data.now(i, row)) / delta, {}
        reply = int(bounds.replies[i, place])
        worth = data.worth(i, reply, self.lows[i])
        assert worth is not None
        return (worth - data.now(i, row)) / delta, data.law(reply)

    def _weights(self, bounds: Bounds, j: int, basis: int) -> Weights | None:
        """Return direction j as an exact combination of a basis; None if it is not one."""
        n, number, delta = self.normals[j], len(self.normals), self.data.discounts
        m = n[0] * delta[0], n[1] * delta[1]
        faces: list[tuple[int, Fraction]] = []
        cuts = [Fraction(0), Fraction(0)]
        if basis == 0:
            faces = self._free(m, bounds.around.faces[:, j].tolist(), j)
        elif basis <= 2 * number:
            i, face = divmod(basis - 1, number)
            normal = self.normals[face]
            if not normal[1 - i]:
                return None
            faces = [(face, m[1 - i] / normal[1 - i])]
            cuts[i] = faces[0][1] * normal[i] - m[i]
        else:
            cuts = [-m[0], -m[1]]
        negative_weight = min([*cuts, *(weight for _, weight in faces)]) < 0
        nothing = not faces and basis == 0 and any(m)
        idle = any(cut and not d for cut, d in zip(cuts, delta, strict=True))
        return None if negative_weight or nothing or idle else (faces, cuts)

    def _free(self, m: Pair, pair: list[int], j: int) -> list[tuple[int, Fraction]]:
        """Return a direction as an exact combination of two faces, as faces with weights; empty if it is not one."""
        n = self.normals[j]
        if _cross(n, m) == 0 and n[0] * m[0] + n[1] * m[1] > 0:
            return [(j, m[0] / n[0] if n[0] else m[1] / n[1])]
        p, q = (self.normals[face] for face in pair)
        area = _cross(p, q)
        return [(pair[0], _cross(m, q) / area), (pair[1], _cross(p, m) / area)] if area else []

    def _line(self, row: int, j: int, weights: Weights, limits: Sequence[Limit]) -> tuple[Fraction, Fraction]:
        """Return the bound of a row in direction j as a level and a slope."""
        data, n, (faces, cuts) = self.data, self.normals[j], weights
        level, slope = n[0] * data.now(0, row) + n[1] * data.now(1, row), Fraction(0)
        for s, p in data.law(row).items():
            for face, weight in faces:
                level += p * weight * self.offsets[s][face]
                slope += p * weight * self.speed[s][face]
        for i in (0, 1):
            level -= cuts[i] * limits[i][0]
            slope += cuts[i] * self._falls(limits[i], i)
        return level, slope

    def _falls(self, limit: Limit, i: int) -> Fraction:
        return sum((p * self.speed[s][i] for s, p in limit[1].items()), Fraction(0))

    def _blocks(self, bounds: Bounds, place: int, limits: Sequence[Limit]) -> list[tuple[Fraction, Fraction]]:
        """Return by how much each face rules the row out at e = 0, and how fast this excess falls in e."""
        law, out, delta = self.data.law(int(bounds.numbers[place])), [], self.data.discounts
        over, lack = bounds.lack(np.array([place]))
        for face in over[lack[0] > 0.0].tolist():
            n = self.normals[face]
            if any(n[i] and not delta[i] for i in (0, 1)):
                continue  # an impatient player does not care for continuations
            level = n[0] * limits[0][0] + n[1] * limits[1][0]
            level -= sum((p * self.offsets[s][face] for s, p in law.items()), Fraction(0))
            ease = sum((p * self.speed[s][face] for s, p in law.items()), Fraction(0))
            ease += sum((n[i] * self._falls(limits[i], i) for i in (0, 1)), Fraction(0))
            if level > 0:
                out.append((level, ease))
        return out


def covered(spans: list[tuple[Fraction, Fraction]], far: Fraction) -> Fraction | None:
    """Return the least s such that open intervals cover all of s < e <= far; None if there is none."""
    reached, last = far, None
    while reached > 0:
        fits = [low for low, high in spans if low < reached and high > reached]
        if not fits:
            return last
        reached = last = min(fits)
    return max(reached, Fraction(0))


def negative(excess: Fraction, growth: Fraction) -> tuple[Fraction, Fraction]:
    """Return the open interval of e >= 0 on which `excess + e * growth < 0`."""
    forever = Fraction(10**30)
    if growth == 0:
        return (Fraction(0), forever) if excess < 0 else (forever, forever)
    root = -excess / growth
    return (max(root, Fraction(0)), forever) if growth < 0 else (Fraction(0), root)


def _cross(p: Pair, q: Pair) -> Fraction:
    return p[0] * q[1] - p[1] * q[0]


def reach(outward: Outward, sets: Sets) -> Fraction | None:
    """Return how far beyond the faces of inner sets an equilibrium payoff may lie; None if nothing is proved.

    The outer sets are made smaller until the faces hold them; at the end they are what lies within the faces.
    """
    filled, best = [bool(vertices) for vertices in sets], None
    for step in range(outward.steps):
        due = step & (step - 1) == 0 and (outward.model.common or step >= _LATE)
        if outward.filled == filled and (due or step == outward.steps - 1):
            for shape in (False, True):
                distance = _attempt(outward, sets, shape=shape)
                if distance is not None:
                    best = distance if best is None else min(best, distance)
                if best is not None and best < _ENOUGH:
                    return best
        if not outward.advance():
            break
    return best


def _attempt(outward: Outward, sets: Sets, *, shape: bool) -> Fraction | None:
    """Move the faces inwards as long as that makes the outer sets much smaller; return the distance if it vanishes."""
    last: Fraction | None = None
    while True:
        family = Family(outward, sets, shape=shape)
        found = family.reach()
        if found is None:
            return None
        near, speed = found
        outward.within(family.normals, family.floats + float(near) * speed + MARGIN)
        distance = near * Fraction(float(speed.max(initial=0.0)))
        if distance < _FINE or near > family.far / 2 or (last is not None and near > last / 2):
            return distance if distance < _USELESS else None
        last = near


class Family:
    """The faces of inner sets, with one list of directions for all states; each face moves out at its own speed.

    With `shape` the directions of the outer sets' faces are used in addition to those of the inner ones.
    """

    def __init__(self, outward: Outward, sets: Sets, *, shape: bool = False) -> None:
        self.outward, self.data, self.model = outward, outward.data, outward.model
        self.far = Fraction(0)  # the e at which the faces contain the outer sets
        self.normals = normals_of(
            [floats(vertices) for vertices in sets] + (outward.polygons if shape else [])
        )
        self.exact = [(Fraction(x), Fraction(y)) for x, y in self.normals.tolist()]
        self.offsets = [
            [max((a * x + b * y for x, y in vertices), default=Fraction(0)) for a, b in self.exact]
            for vertices in sets
        ]
        self.moves: NDArray[np.bool_] = np.zeros((len(sets), len(self.exact)), dtype=bool)
        self.moves[[s for s, vertices in enumerate(sets) if vertices]] = True
        for i, bound in enumerate(outward.exact_bound()):
            for s, value in enumerate(bound):
                if value is not None and value >= -self.offsets[s][i] - Fraction(1, 10**12):
                    self.offsets[s][i], self.moves[s, i] = -value, False
        self.lows = [
            [-row[i] if vertices else None for row, vertices in zip(self.offsets, sets, strict=True)]
            for i in (0, 1)
        ]
        self.floats = np.array([[float(c) for c in row] for row in self.offsets])

    def reach(self) -> tuple[Fraction, Floats] | None:
        """Return an e at which the faces contain all equilibrium payoffs, and the speeds; None if none is proved."""
        if not all(map(self._holds, range(len(self.offsets)))):
            return None
        outer, model = self._outer(), self.model
        lows = np.where(np.array(self.outward.filled)[:, None], -self.floats[:, :2], np.inf)
        threat = self.outward.threat() - MARGIN
        rows = self._rows(threat)
        every, state = np.arange(len(rows)), model.state[rows]
        beyond = Bounds.of(model, Faces(self.normals, outer, self.moves), rows, lows=threat)
        blocked = np.flatnonzero((beyond.lack(every)[1] > MARGIN).any(axis=1))
        levels = far_of(model, self.outward.polygons, threat, rows, self.normals)
        close = (levels > self.floats[state] - MARGIN) & np.take(self.moves, state, axis=0)
        close[blocked] = False
        pairs = np.argwhere(close)
        faces = Faces(self.normals, self.floats, self.moves)
        bounds = Bounds.of(model, faces, rows, lows=lows, strict=True)
        if len(pairs) > _PAIRS:
            return None
        self.outward.work.spend(len(pairs) * (2 * len(self.normals) + 2))
        idle = np.flatnonzero((bounds.lack(every)[1] > TIE).any(axis=1))
        some, directions = pairs[~np.isin(pairs[:, 0], idle)].T
        speed = attraction(bounds, some, directions, bounds.bases(some, directions))
        if speed is None:
            return None
        gap = (outer - self.floats)[self.moves] / speed[self.moves]
        self.far = far = Fraction(float(gap.max(initial=0.0)) + MARGIN)
        near = self._near(bounds, pairs, levels[tuple(pairs.T)] + MARGIN, speed, far)
        return None if near is None else (max(near, Fraction(1, 2**60)), speed)

    def _holds(self, s: int) -> bool:
        """Whether the faces of a state contain its outcomes of leaving."""
        return all(
            a * x + b * y <= c
            for x, y in self.outward.leaves[s]
            for (a, b), c in zip(self.exact, self.offsets[s], strict=True)
        )

    def _outer(self) -> Floats:
        """Return how far the outer sets reach in each direction, rounded up."""
        return np.array(
            [
                (np.array(polygon) @ self.normals.T).max(axis=0) + MARGIN
                if polygon
                else np.zeros(len(self.normals))
                for polygon in self.outward.polygons
            ]
        )

    def _rows(self, threat: Floats) -> Indices:
        """Return the rows that can be played: no player is led to, or can move to, a state without equilibrium."""
        outward, model = self.outward, self.model
        rows = model.playable(outward.polygons, outward.alive)
        deviations = model.deviations(threat)[:, rows]
        impatient = (model.discounts == 0.0) & (
            np.maximum(deviations, model.own[model.state[rows]].T) > model.now[:, rows] + MARGIN
        )
        kept: Indices = rows[np.isfinite(deviations).all(axis=0) & ~impatient.any(axis=0)]
        return kept

    def _near(
        self, bounds: Bounds, pairs: Indices, most: Floats, speed: Floats, far: Fraction
    ) -> Fraction | None:
        """Return the least e such that every pair stays strictly inside its face up to `far`; None if one does not.

        With continuations in the outer sets no pair goes farther than `most`, so it is inside once its face is beyond
        that.
        """
        bases = bounds.bases(pairs[:, 0], pairs[:, 1])
        state = bounds.state[pairs[:, 0]]
        offset, own = self.floats[state, pairs[:, 1]], speed[state, pairs[:, 1]]
        last = np.minimum((most - offset) / own + MARGIN, float(far))
        with np.errstate(invalid="ignore"):
            excess = bases.level - offset[:, None]
            growth = bounds.slopes(pairs[:, 0], bases, speed) - own[:, None]
            clear = (excess <= -MARGIN) & (excess + last[:, None] * growth <= -MARGIN)
        exact = [[Fraction(z) for z in row] for row in speed.tolist()]
        lines = Lines(self.data, self.exact, self.offsets, self.lows, exact)
        near = Fraction(0)
        for n in np.flatnonzero(~clear.any(axis=1)).tolist():
            place, j = pairs[n].tolist()
            self.outward.work.spend(_EXACT * len(self.normals))
            upto = Fraction(last.item(n))
            start = lines.start(bounds, place, j, _candidates(excess[n], growth[n], last.item(n)), upto)
            near = max(near, upto if start is None else start)
        return near if near < far else None


def _candidates(excess: Floats, growth: Floats, far: float) -> list[int]:
    """Return the bases that may give the lowest bound for some e up to `far`: the lowest at e = 0, and on a grid."""
    least = excess.min()
    ties = np.flatnonzero(excess <= least + TIE)
    out = dict.fromkeys(ties[np.argsort(growth[ties])][:4].tolist())
    for power in range(14):
        with np.errstate(invalid="ignore"):
            out[int(np.nanargmin(excess + far * 10.0**-power * growth))] = None
    return list(out)
