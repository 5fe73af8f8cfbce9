r"""Payoffs of perfect public equilibria certified from both sides, in rationals.

*Inner.* An automaton with rational weights: the payoffs of its states follow from a linear system, so continuation
payoffs are exact, and neither a deviation nor leaving pays. So the payoffs of its states, and all points of their hull,
are equilibrium payoffs.

*Outer.* For given multipliers the operator is bounded, in direction :math:`n_j` and for profile a, by a function
:math:`\alpha + \beta \cdot c` of the levels c of the half-planes, with :math:`\beta \ge 0` (see `programs`). Take
levels x, speeds z > 0 and E such that all equilibrium payoffs lie within :math:`x + E z`. Suppose that
:math:`\alpha + \beta x \le x_j`, and :math:`\alpha + \beta (x + e z) < x_j + e z_j` for all :math:`0 < e \le E`, for
all directions and profiles. Then they lie within x: the smallest e with which they lie within :math:`x + e z` cannot be
positive, since one application of the operator, under which the set of equilibrium payoffs is invariant, would make it
smaller. The condition is affine in e, so it is checked at the ends. If there are no such speeds, a few hundred steps of
the bounds, starting from the feasible payoffs, prove larger levels.

A profile is excluded if multipliers show that no continuations within proven half-planes sustain it:
:math:`\alpha + \beta x < 0` in the direction zero. Then the next, smaller half-planes are proved without it. Nothing is
left if no profile is, or if two opposite half-planes pass each other in some of these steps: their levels then add up
to less than zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import product
from math import ceil, inf

import numpy as np

from bargaining._arguments import instance
from bargaining._arrays import Floats
from bargaining.equilibria._affine import speeds_of
from bargaining.equilibria._plane.kinds import Leave, outcomes
from bargaining.equilibria._plane.lottery import Payoffs
from bargaining.equilibria._plane.polygon import beyond
from bargaining.equilibria.repeated._hyperplanes.inner import sturdy
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.inner import extreme
from bargaining.equilibria.repeated._monitored.outer import Cut, functions_of, outlined
from bargaining.equilibria.repeated._monitored.outline import Outline
from bargaining.equilibria.repeated._monitored.programs import Indices, Programs
from bargaining.equilibria.repeated._monitored.search import Found
from bargaining.equilibria.repeated._monitored.solid import AnyOutline
from bargaining.equilibria.repeated.public import PublicPayoffSet
from bargaining.equilibria.repeated.public_automaton import after_leaving, rational_automaton
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts.bodies import dot
from bargaining.exact.contraction import Bound, Rough, contracts, value_of
from bargaining.exact.set_certificate import PayoffCertificate, worst
from bargaining.games.repeated import RepeatedGame

_PAD = Fraction(1, 10**11)
"""How far half-planes are moved out, in units of their speeds: more than the error of floats."""
_ZERO = Fraction(0)
_FINE = 1 << 48  # levels are rounded up to multiples of one over this
_STEPS = 400  # of the bounds, where they have no speeds: far more gain little
_DEEP = -1e9  # levels without a fixed point fall beyond floats; far below this they cross all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCertificate(PayoffCertificate):
    """What is proved about the payoffs of perfect public equilibria, with the attributes of `PayoffCertificate`."""


def certify_public_payoff_set(
    found: PublicPayoffSet | PayoffBounds, *, tolerance: float | None = None, budget: int | None = None
) -> PublicCertificate:
    """Prove from both sides how far a set of payoffs is from that of all perfect public equilibria.

    `certify` describes the arguments. `budget` is not used, since only what was found
    is checked.

    Examples
    --------
    >>> from bargaining import Game, Monitoring, payoff_set
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> found = payoff_set(RepeatedGame(partners, Fraction(3, 5), monitoring=report), tolerance=1e-3)
    >>> proof = certify_public_payoff_set(found, tolerance=1e-3)
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    repeated, play, claimed = _asked(found)
    if tolerance is None:
        tolerance = found.tolerance if isinstance(found, PayoffBounds) else found.stats.tolerance
    vertices: tuple[Payoffs, ...] = ()
    data = Data.of(repeated)
    inner, apart = False, inf
    automaton = None if play.inner is None else rational_automaton(repeated, play.inner, play.leaves)
    if automaton is not None:
        points = automaton.values()
        vertices = tuple(points[k] for k in extreme(_unit(points, data), 0.0))
        inner = True
        exact = _unit(vertices, data)
        apart = max(_beyond(exact, claimed), _beyond(claimed, exact), _off(found, data, exact))
    proved = _outer(repeated, data, play.cuts, play.leaves)
    empty = found.status is Status.EMPTY and proved is not None and not len(proved)
    if empty:
        inner, apart = True, 0.0
    bound = inf
    if inner and proved is not None:
        bound = max(apart, _beyond(proved, _unit(vertices, data)) if len(proved) else 0.0)
    return PublicCertificate(
        inner=inner,
        outer=proved is not None,
        bound=float(bound),
        exact=False,
        tolerance=tolerance,
        statement=_statement(inner, vertices, proved, bound, empty),
        vertices=vertices,
    )


def _asked(found: PublicPayoffSet | PayoffBounds) -> tuple[RepeatedGame, Found, Floats]:
    """Return the game, what was found, and the corners that are claimed, in the unit box."""
    points = (
        found.inner if isinstance(found, PayoffBounds) else instance(found, "found", PublicPayoffSet).vertices
    )
    repeated, play = found.repeated, found._found
    if repeated is None or not isinstance(play, Found):
        raise NotApplicable(
            "`found` must be what was computed for a game with `monitoring`; else see `certify`."
        )
    data = Data.of(repeated)
    return repeated, play, (points - data.low) / data.size


def _off(found: PublicPayoffSet | PayoffBounds, data: Data, exact: Floats) -> float:
    """Return how far the threat as given is from that of the vertices, and how far these lie beyond the outer set."""
    if isinstance(found, PayoffBounds):
        return past(found, exact, data.low, data.size)
    threat = (found.threat - data.low) / data.size - exact.min(axis=0)
    return worst([*np.abs(threat), _beyond(exact, (found.outer - data.low) / data.size)])


def past(found: PayoffBounds, points: Floats, low: Floats, size: Floats) -> float:
    """Return how far points of the unit box pass the outer set and the bounds of the threat as they were given.

    Infinity if the set was said to be empty.
    """
    if found.status is Status.EMPTY:
        return inf
    beyond = (points * size + low) @ found.directions.T - found.levels
    far = beyond / np.linalg.norm(found.directions * size, axis=1)
    least, most = (found.threat - low) / size - points.min(axis=0)
    return worst([*far.ravel(), *least, *np.abs(most)])


def _statement(
    inner: bool,
    vertices: tuple[Payoffs, ...],
    proved: Floats | None,
    bound: float,
    empty: bool,
) -> str:
    if empty:
        return "No profile can be sustained: the outer sets vanish, checked exactly."
    text = "Nothing is proved from inside."
    if inner:
        text = f"{len(vertices)} rational vertices generate themselves by an automaton without regret, checked exactly."
    if proved is None:
        return f"{text} Nothing is proved from outside."
    if bound == inf:
        return f"{text} All equilibrium payoffs lie within the half-planes of `outer`, checked exactly."
    return f"{text} No equilibrium payoff lies farther outside than {bound:.1e} of the range."


def _unit(points: Sequence[Payoffs], data: Data) -> Floats:
    """Return points in the unit box."""
    return (
        np.array([[float(x) for x in row] for row in points]).reshape(-1, data.low.size) - data.low
    ) / data.size


def _beyond(points: Floats, others: Floats) -> float:
    """Return how far points lie beyond the hull of others; infinity if there are no others."""
    if not len(points) or not len(others):
        return inf if len(points) else 0.0
    if points.shape[1] == 2:
        return beyond([(x, y) for x, y in points.tolist()], [(x, y) for x, y in others.tolist()])
    solid = sturdy(others)
    return inf if solid is None else float(solid.outside(points).max(initial=0.0))


def _outer(
    repeated: RepeatedGame, data: Data, cuts: tuple[Cut, ...], leaves: tuple[Leave, ...]
) -> Floats | None:
    """Return the corners, in the unit box, of proven half-planes; none if they vanish, None if nothing is proved."""
    several = repeated.players > 2
    if not cuts or (not several and repeated.exit is not None and len(leaves) < len(outcomes(repeated.exit))):
        return None  # that a threat to leave is not credible is not proved here
    exact = _Exact(repeated, data, leaves)
    common = len(set(repeated.exact_discounts.tolist())) == 1
    alive = set(range(len(data.payoffs)))
    corners: Floats | None = None
    proved: Callable[[Payoffs], Fraction | None] | None = None
    for cut in cuts:
        if set(cut.alive.tolist()) != alive:
            return None
        for way in ((), cut.way):  # the rounds before, only where they are needed
            on = proved
            for each in (*way, cut):
                levels = exact.levels(each, common, on, steps=bool(way) or not cut.way)
                if levels is None:
                    break
                outline = outlined(each.directions, np.array([float(x) for x in levels]))
                if outline is None:
                    if (not alive and not leaves) or _apart(each, levels):
                        return np.empty((0, repeated.players))
                    break
                on = partial(_support, each, outline, levels)
            if levels is not None and outline is not None and all(exact.kills(cut, outline, levels)):
                corners, proved = outline.corners, on
                break
        else:
            return None
        alive -= set(cut.killed.tolist())
    if not alive:
        return np.array([leave.payoffs for leave in leaves]).reshape(-1, repeated.players)
    return corners


class _Exact:
    """The programs of a game in rationals, in the unit box."""

    def __init__(self, repeated: RepeatedGame, data: Data, leaves: tuple[Leave, ...]) -> None:
        assert repeated.monitoring is not None
        low, size = [[Fraction(x) for x in array.tolist()] for array in (data.low, data.size)]
        n = self.players = repeated.players
        stage = repeated.game.exact.reshape(-1, n)
        self.unit = np.array([[(row[i] - low[i]) / size[i] for i in range(n)] for row in stage], dtype=object)
        self.discounts = repeated.exact_discounts.tolist()
        chances = repeated.monitoring.exact.reshape(len(stage), -1)
        self.chances = chances
        self.ends = [
            [(x - low[i]) / size[i] for i, x in enumerate(after_leaving(repeated, leave))] for leave in leaves
        ]
        self.programs: Programs = data.programs
        shape, number = repeated.game.shape, np.arange(len(stage)).reshape(repeated.game.shape)
        self.rows = []  # for each: the player, the weights (P, S) and the limits (P,)
        for i in range(n):
            d = self.discounts[i]
            for step in range(1, shape[i]):
                other = np.roll(number, -step, axis=i).ravel()
                self.rows.append(
                    (i, d * (chances[other] - chances), (1 - d) * (self.unit[:, i] - self.unit[other, i]))
                )
        if repeated.exit is not None:
            for i in repeated.exit.who:
                own, d = (repeated.exit.exact[i, i] - low[i]) / size[i], self.discounts[i]
                self.rows.append((i, -d * chances, (1 - d) * self.unit[:, i] - own))

    def bound(
        self,
        profile: int,
        normal: Payoffs,
        multipliers: list[Fraction],
        cut: Cut,
        outline: AnyOutline,
        levels: list[Fraction] | None = None,
    ) -> Bound | None:
        """Return alpha, and beta as (half-plane, weight) pairs; None if a direction lies between no two of them.

        With levels, beta is the best for them.
        """
        used = [(k, max(each, _ZERO)) for k, each in enumerate(multipliers) if each > 0]
        constant = sum(
            (normal[i] * (1 - self.discounts[i]) * self.unit[profile, i] for i in range(self.players)), _ZERO
        ) + sum((each * self.rows[k][2][profile] for k, each in used), _ZERO)
        weights: list[tuple[int, Fraction]] = []
        for y in range(self.chances.shape[1]):
            pull = [self.chances[profile, y] * self.discounts[i] * normal[i] for i in range(self.players)]
            for k, each in used:
                speaker, change, _ = self.rows[k]
                pull[speaker] -= each * change[profile, y]
            if any(pull):
                pair = _between(pull, cut, outline, levels)
                if pair is None:
                    return None
                weights.extend(pair)
        return constant, weights

    def kills(self, cut: Cut, outline: AnyOutline, levels: list[Fraction]) -> Iterator[bool]:
        """Say of each profile whether its multipliers show that continuations within the levels do not sustain it."""
        zero = (_ZERO,) * self.players
        for profile, ray in zip(cut.killed.tolist(), cut.rays, strict=True):
            found = self.bound(profile, zero, [Fraction(x) for x in ray.tolist()], cut, outline, levels)
            yield found is not None and value_of(found, levels) < 0

    def levels(
        self, cut: Cut, common: bool, proved: Callable[[Payoffs], Fraction | None] | None, *, steps: bool
    ) -> list[Fraction] | None:
        """Return levels within which all equilibrium payoffs are proved to lie; None if that fails.

        What earlier half-planes have proved, they leave as far as their supports say. If the bounds have no speeds,
        `steps` of them prove larger levels.
        """
        normals: list[Payoffs] = [tuple(map(Fraction, row)) for row in cut.directions.tolist()]
        ends = [tuple(each) for each in self.ends]
        points = [*(tuple(row) for row in self.unit.tolist()), *ends]
        if not common:
            box = [{pick(point[i] for point in points) for pick in (min, max)} for i in range(self.players)]
            points = list(product(*box))
        start = [max(dot(normal, point) for point in points) for normal in normals]
        if proved is not None:
            known = [proved(normal) for normal in normals]
            start = [old if new is None else min(old, new) for old, new in zip(start, known, strict=True)]
        given = [Fraction(x) for x in np.fmax(cut.levels, _DEEP).tolist()]
        if all(x >= s - _PAD for x, s in zip(given, start, strict=True)):
            return [max(x, s) for x, s in zip(given, start, strict=True)]
        outline = outlined(cut.directions, cut.base)
        if outline is None:
            return None
        bounds: list[list[Bound]] = [[] for _ in given]
        for at, profile in enumerate(cut.alive.tolist()):
            for j, multipliers in enumerate(cut.multipliers[at].tolist()):
                bound = self.bound(
                    profile, normals[j], [Fraction(each) for each in multipliers], cut, outline
                )
                if bound is None:
                    return None
                bounds[j].append(bound)
        for j, normal in enumerate(normals):
            bounds[j] += [(dot(normal, end), []) for end in ends]
        owners, faces = np.indices(cut.multipliers.shape[:2]).reshape(2, -1)
        programs = self.programs.take(cut.alive)
        functions = functions_of(programs, outline, cut.directions, owners, faces, cut.multipliers)
        for end in ends:
            functions = functions.and_at_least(cut.directions @ np.array(end, float))
        speeds = speeds_of(functions, cut.levels, np.array([float(s) for s in start]))
        if speeds is not None:
            z = [Fraction(x) for x in speeds.tolist()]
            x = [level + _PAD * each for level, each in zip(given, z, strict=True)]
            if contracts(bounds, start, x, z):
                return x
        return _iterated(bounds, start) if steps else None


def _iterated(bounds: list[list[Bound]], start: list[Fraction]) -> list[Fraction]:
    """Return where the bounds have pushed the levels after some steps from the start, each rounded up."""
    levels, rough = start, Rough(bounds)
    for _ in range(_STEPS):
        low, high = rough.between(levels)
        image = []
        for j, some in enumerate(bounds):
            at = rough.of(j)
            highest = np.flatnonzero(~(high[at] < low[at].max(initial=-inf))).tolist()  # the others are lower
            image.append(max((value_of(some[k], levels) for k in highest), default=_ZERO))
        after = [min(old, Fraction(ceil(new * _FINE), _FINE)) for old, new in zip(levels, image, strict=True)]
        if after == levels:
            break
        levels = after
    return levels


def _apart(cut: Cut, levels: list[Fraction]) -> bool:
    """Whether two half-planes that face each other have nothing in common."""
    places = {tuple(normal): k for k, normal in enumerate(cut.directions.tolist())}
    facing = ((k, places.get(tuple(-x for x in normal))) for normal, k in places.items())
    return any(other is not None and levels[k] + levels[other] < 0 for k, other in facing)


def _support(cut: Cut, outline: AnyOutline, levels: list[Fraction], normal: Payoffs) -> Fraction | None:
    """Return how far half-planes let payoffs go in a direction; None if it lies between no two of them."""
    weights = _between(list(normal), cut, outline)
    return None if weights is None else value_of((_ZERO, weights), levels)


def _between(
    pull: list[Fraction], cut: Cut, outline: AnyOutline, levels: list[Fraction] | None = None
) -> list[tuple[int, Fraction]] | None:
    """Write a direction as a sum of normals that meet in a corner, with weights that are not negative."""
    if not isinstance(outline, Outline):
        floats, n = np.array([float(x) for x in pull]), len(pull)
        weights, faces = (
            outline.supports(floats) if levels is None else _lightest(floats, cut.directions, levels)
        )
        found = [(int(k), Fraction(w)) for k, w in zip(faces, weights.tolist(), strict=True)]
        # what floats leave of the direction, along the axes
        rest = [
            pull[i] - sum((w * Fraction(float(cut.directions[k, i])) for k, w in found), _ZERO)
            for i in range(n)
        ]
        return found + [(i, x) if x >= 0 else (n + i, -x) for i, x in enumerate(rest)]
    floats = np.array([float(pull[0]), float(pull[1])])
    at = int(np.searchsorted(outline.angles, np.arctan2(floats[1], floats[0]), side="right")) - 1
    for step in _nearby(len(outline.faces)):
        i, j = (int(outline.faces[(at + step + k) % len(outline.faces)]) for k in (0, 1))
        (a, b), (c, d) = (map(Fraction, cut.directions[k].tolist()) for k in (i, j))
        turn = a * d - b * c
        if turn > 0:
            first, second = (pull[0] * d - pull[1] * c) / turn, (a * pull[1] - b * pull[0]) / turn
            if first >= 0 and second >= 0:
                return [(i, first), (j, second)]
    return None


def _lightest(pull: Floats, directions: Floats, levels: list[Fraction]) -> tuple[Floats, Indices]:
    """Return the weights of normals that make up a direction and whose levels add up to least."""
    from scipy.optimize import linprog

    costs = np.array([float(x) for x in levels])
    found = linprog(costs, A_eq=directions.T, b_eq=pull, method="highs-ds")
    chosen = np.flatnonzero(found.x > 0.0) if found.x is not None else np.empty(0, dtype=np.intp)
    return found.x[chosen] if chosen.size else np.empty(0), chosen


def _nearby(count: int) -> Iterator[int]:
    yield 0
    for step in range(1, min(count // 2, 4) + 1):
        yield step
        yield -step
