r"""Equations of answers other than divisions: vertices of payoff sets, Markov equilibria, critical discount factors.

An answer x of a game with data t is defined by F(x, t) = 0, where the structure of F is read off x: how each vertex is
generated, which actions are used, whose constraint binds. A *tie* is a further equality that happens to hold, such as
a second best reply. Where a change of t breaks a tie the structure changes, and there is a kink; where none is broken,
because a symmetry of the data is kept for example, x moves smoothly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining._jets import Jet, implicit
from bargaining.equilibria._plane.equations import stable
from bargaining.equilibria._plane.kinds import outcomes
from bargaining.equilibria._plane.minkowski import Fan
from bargaining.equilibria.repeated.critical_discount import CriticalDiscount, critical_discount
from bargaining.equilibria.repeated.payoff_set import PayoffSet, seen_payoff_set
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile
from bargaining.errors import Status
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.statics.conditions import Given

TIE = 1e-9  # of the payoffs' range: differences below this count as equality
BROKEN = 1e-8  # of the largest derivative: a tie that changes by less is preserved
MISSED = 1e-9  # of the largest unknown: an answer with a larger violation does not satisfy the equations
_CLOSE = 1e-8  # of the payoffs' range: error of a zero at a threshold found by bisection
_NEWTON = 8  # steps from beside a kink to it
_SETTLED = 1e-13  # of the largest unknown: what the last of these steps moves
ALONG = 1e-6  # of the payoffs' range: points on an edge that are so far from its ends are beside them
_MANY = 1500  # unknowns and data together: with more, jets take longer than solving a few times

Equations = Callable[[Sequence[Any], Given], list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """The meaning of a flat array of numbers: dimensions with labels."""

    shape: tuple[int, ...]
    dims: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """An answer, described by `axes`, as the first unknowns of a system of equations, with the game's data."""

    axes: Layout
    unknowns: Floats
    given: Mapping[str, Floats]
    equations: Equations
    ties: Equations
    asked: Mapping[str, tuple[Layout, str, Floats]]
    """The parameters by name: their axes, and the derivative of the data in each entry, (entries, data)."""
    again: Callable[[str, Floats], Any]
    """The answer where the parameter of this name has other values; None if it cannot be found."""
    data: Callable[[Any], Mapping[str, Floats] | None] | None = None
    """The data that another answer, found from other arguments, would have here; by default those it has itself."""
    units: Mapping[str, float] = field(default_factory=dict)
    """What data move by a part of at a kink, as payoffs by part of their range; by default each number's own size."""
    error: float = 0.0
    """The relative error of the slopes of the equations."""
    twice: bool = True
    """Whether the equations are right to second order; if not, first derivatives beside the answer are compared."""


def differentiated(
    made: Definition, moves: Mapping[str, Floats], *, second: bool = False
) -> tuple[Floats, Floats, Floats | None, Floats] | None:
    """Return the derivatives of an answer along directions of its data; None where its equations do not determine them.

    Parameters
    ----------
    made : Definition
    moves : mapping of names to ndarray, shape (m, data)
        By how much each direction moves the data.
    second : bool, default False
        Whether second derivatives are wanted.

    Returns
    -------
    first : ndarray, shape (answers, m)
        NaN along directions that break a tie.
    error : ndarray, shape (answers, m)
        The error due to rounding.
    second : ndarray, shape (answers, m, m), or None
    kinked : ndarray of bool, shape (m,)
    """
    count = len(next(iter(moves.values())))
    answers, unknowns = int(np.prod(made.axes.shape)), len(made.unknowns)
    if unknowns + count > _MANY:
        return None

    def moved(t: list[Jet]) -> dict[str, Any]:
        """Return the data as jets, given jets of the displacement in each direction."""
        slopes = np.stack([one.gradient[:, 0] for one in t])
        out: dict[str, Any] = dict(made.given)
        for name, move in moves.items():
            flat = move.T @ slopes
            none = None if t[0].hessian is None else np.zeros((slopes.shape[1],) * 2 + (1,))
            out[name] = [
                Jet(np.array([value]), row[:, None], none)
                for value, row in zip(made.given[name], flat, strict=True)
            ]
        return out

    def equations(x: list[Jet], t: list[Jet]) -> list[Jet]:
        flat = moved(t)
        return [_jet(one, x[0]) for one in made.equations(x, flat)]

    points = [np.array([value]) for value in made.unknowns]
    with np.errstate(all="ignore"):
        one, two, miss, condition = implicit(
            equations, points, [np.zeros(1)] * count, wanted=unknowns, second=second
        )
        size = max(float(np.abs(made.unknowns).max(initial=0.0)), np.finfo(float).tiny)
        if not miss[0] <= MISSED * size or not np.isfinite(one).all():
            return None
        along = [Jet(v, one[k], None) for k, v in enumerate(points)]
        start = [Jet(np.zeros(1), np.eye(count)[k][:, None], None) for k in range(count)]
        broken = np.zeros(count, dtype=bool)
        largest = np.abs(one).max(axis=(0, 2)) + max(float(np.abs(move).max()) for move in moves.values())
        for tie in made.ties(along, moved(start)):
            if isinstance(tie, Jet):
                broken |= np.abs(tie.gradient[:, 0]) > BROKEN * largest
    first = one[:answers, :, 0].copy()
    error = np.broadcast_to(
        (4 * np.finfo(float).eps + made.error) * condition[0] * np.abs(first).max(axis=0), first.shape
    ).copy()
    bent = None
    if two is not None:
        bent = two[:answers, ..., 0].copy()
        bent[:, broken] = bent[:, :, broken] = np.nan
    first[:, broken] = error[:, broken] = np.nan
    return first, error, bent, broken


def one_sided(
    made: Definition, near: Definition, moves: Mapping[str, Floats]
) -> tuple[Floats, Floats] | None:
    """Return the derivative of an answer at a kink along one direction, and its error, by the structure beside it.

    The equations of an answer nearby in that direction hold at the kink too: Newton's method finds the unknowns
    there. None if it leads to another answer, as where the structure changes once more between the two.
    """
    x, answers = near.unknowns.copy(), int(np.prod(made.axes.shape))
    here = replace(near, given=made.given, ties=lambda x, given: [])
    size = max(float(np.abs(x).max(initial=0.0)), np.finfo(float).tiny)
    if near.axes.shape != made.axes.shape or len(x) > _MANY:
        return None
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON):
            start = [Jet(np.array([v]), row[:, None], None) for v, row in zip(x, np.eye(len(x)), strict=True)]
            found = [_jet(one, start[0]) for one in here.equations(start, here.given)]
            try:
                step = np.linalg.solve(
                    np.array([f.gradient[:, 0] for f in found]), [f.value[0] for f in found]
                )
            except np.linalg.LinAlgError:
                return None
            x = x - step
            if not np.abs(step).max() > _SETTLED * size:
                break
    if not (np.abs(x[:answers] - made.unknowns[:answers]) <= MISSED * size).all():
        return None
    slopes = differentiated(replace(here, unknowns=x), moves)
    return None if slopes is None else (slopes[0][:, 0], slopes[1][:, 0])


def _jet(value: Any, like: Jet) -> Jet:
    """Return a constant as a jet."""
    if isinstance(value, Jet):
        return value
    none = None if like.hessian is None else np.zeros_like(like.hessian)
    return Jet(np.array([float(value)]), np.zeros_like(like.gradient), none)


def defined(result: Any) -> Definition | None:
    """Return the definition of an answer; None where its structure is not known."""
    if isinstance(result, PayoffSet) and result.status is Status.OK:
        repeated = result.repeated
        return _of_sets(StochasticGame.from_repeated(repeated), [result.vertices], _Again(repeated))
    if isinstance(result, StochasticPayoffSets) and all(one.status is Status.OK for one in result.sets):
        return _of_sets(result.game, [one.vertices for one in result.sets], None)
    if isinstance(result, StationaryProfile) and result._game is not None:
        return _of_profile(result, result._game)
    if isinstance(result, CriticalDiscount) and result._path is not None:
        return _of_threshold(result)
    return None


# --- the data of a game ----------------------------------------------------------------------------------------------


class Data:
    """A stochastic game as flat arrays: a *row* is a profile of a state, in the order of the states."""

    def __init__(self, game: StochasticGame) -> None:
        self.game, self.n, self.states = game, game.players, len(game)
        shapes = [game.shape(s) for s in range(self.states)]
        self.first = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        self.state = np.repeat(np.arange(self.states), np.diff(self.first))
        laws = [np.asarray(game.transition(s)).reshape(-1, self.states) for s in range(self.states)]
        exits = [np.zeros((self.n, self.n)) if one is None else one.payoffs for one in game.exits]
        self.given = {
            "payoffs": np.concatenate([one.payoffs.ravel() for one in game.games]),
            "discounts": np.asarray(game.discounts, dtype=float),
            "transitions": np.concatenate(laws).ravel(),
            "outside": np.concatenate(exits, axis=None),
        }
        spread = np.ptp(self.given["payoffs"].reshape(-1, self.n), axis=0).max()
        self.unit = float(spread) if spread > 0 else 1.0
        self.units = dict.fromkeys(("payoffs", "outside"), self.unit)

    def rows(self, s: int) -> range:
        """Return the rows of a state."""
        return range(self.first[s], self.first[s + 1])

    def replies(self, row: int, i: int) -> list[int]:
        """Return the rows that player i can turn one into."""
        s = int(self.state[row])
        shape = self.game.shape(s)
        at = list(np.unravel_index(row - self.first[s], shape))
        out = []
        for a in range(shape[i]):
            at[i] = np.intp(a)
            out.append(int(self.first[s] + np.ravel_multi_index(tuple(at), shape)))
        return out

    def payoff(self, given: Given, row: int, i: int) -> Any:
        """Return what a row gives player i."""
        return given["payoffs"][row * self.n + i]

    def own(self, given: Given, s: int, i: int) -> Any:
        """Return what player i gets by leaving; None if she may not."""
        leave = self.game.exits[s]
        return None if leave is None or i not in leave.who else self.after(given, s, i, i)

    def after(self, given: Given, s: int, leaver: int, i: int) -> Any:
        """Return what player i gets once a player has left."""
        return given["outside"][(s * self.n + leaver) * self.n + i]

    def mean(self, given: Given, row: int, values: Sequence[Any]) -> Any:
        """Return the mean of a value of the next state."""
        law = given["transitions"]
        start = row * self.states
        return sum(
            (
                values[s] * law[start + s]
                for s in range(self.states)
                if isinstance(law[start + s], Jet) or law[start + s]
            ),
            0.0,
        )

    def asked(self) -> dict[str, tuple[Layout, str, Floats]]:
        """Return the parameters by name."""
        game, who = self.game, list(self.game.player_names)
        out = {"discounts": (_by("discounts", who), "discounts", np.eye(self.n))}
        if np.ptp(game.discounts) == 0:
            out["discount"] = Layout(shape=(), dims=()), "discounts", np.ones((1, self.n))
        shapes = {game.shape(s) for s in range(self.states)}
        if len(shapes) == 1:
            shape = shapes.pop()
            dims = [f"plays_{name}" for name in who]
            labels: dict[str, Any] = dict(zip(dims, (list(a) for a in game.games[0].actions), strict=True))
            full, labels["payoff"] = (*shape, self.n), who
            dims.append("payoff")
            if self.states > 1:
                full, dims, labels["in_state"] = (self.states, *full), ["in_state", *dims], list(game.states)
            size = int(np.prod(full))
            out["payoffs"] = Layout(shape=full, dims=tuple(dims), labels=labels), "payoffs", np.eye(size)
        if self.states == 1 and game.exits[0] is not None:
            table = game.exits[0].payoffs
            if (table == table[0]).all():
                out["outside"] = _by("outside", who), "outside", np.tile(np.eye(self.n), self.n)
            else:
                axes = Layout(
                    shape=table.shape, dims=("leaver", "outside"), labels={"leaver": who, "outside": who}
                )
                out["outside"] = axes, "outside", np.eye(self.n**2)
        return out


def _by(name: str, who: list[str]) -> Layout:
    return Layout(shape=(len(who),), dims=(name,), labels={name: who})


class _Again:
    """Solves a repeated game again with some of its data changed."""

    def __init__(self, repeated: RepeatedGame) -> None:
        self.repeated = repeated

    def game(self, name: str, values: Floats) -> RepeatedGame:
        old = self.repeated
        game, discounts, leave = old.game, old.exact_discounts, old.exit
        if name == "payoffs":
            game = Game(*np.moveaxis(values.reshape(game.payoffs.shape), -1, 0))
        elif name in ("discounts", "discount"):
            discounts = np.broadcast_to(values, old.discounts.shape)
        else:
            leave = _leaving(leave, values)
        return RepeatedGame(game, discounts, exit=leave)

    def __call__(self, name: str, values: Floats) -> PayoffSet:
        return seen_payoff_set(self.game(name, values))


def _leaving(leave: Exit | None, values: Floats) -> Exit:
    assert leave is not None
    return (Exit if values.ndim == 1 else Exit.by_leaver)(values, who=leave.who)


# --- vertices of payoff sets -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """How a point is generated: a row and its continuation, or leaving, without a row.

    `base`: the vertex of each next state that is continued with, unless both players are held to what a deviation
    gives. `edge`: instead, two such, between which one player is indifferent. `held`: of each player her best reply,
    -1 for leaving, None where she is not indifferent. `leaver`: who leaves alone, if only one does.
    """

    state: int
    row: int | None = None
    base: tuple[int, ...] | None = None
    edge: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    held: tuple[int | None, int | None] = (None, None)
    leaver: int | None = None


class _Polygons:
    """Payoff sets of all states between two players, and how their vertices are generated."""

    def __init__(self, data: Data, sets: Sequence[Floats]) -> None:
        self.data, self.sets = data, [np.asarray(one, dtype=float) for one in sets]
        self.near = TIE * data.unit / float(data.given["discounts"].min())
        polygons = [[(float(x), float(y)) for x, y in one] for one in self.sets]
        self.fan = Fan(polygons)
        self.points = np.concatenate(self.sets)
        self.owner = np.repeat(np.arange(len(sets)), [len(one) for one in sets])
        self.lows = [
            [np.flatnonzero(one[:, i] <= one[:, i].min() + TIE * data.unit) + start for i in (0, 1)]
            for one, start in zip(self.sets, self.fan.first, strict=False)
        ]
        self.low = [[int(some[i][0]) for some in self.lows] for i in (0, 1)]
        self._best: dict[tuple[int, int], tuple[Any, int, list[int]]] = {}
        self.rules: list[_Rule] = []
        self.also: list[tuple[int, _Rule]] = []
        self.beside: list[tuple[tuple[int, int], _Rule]] = []

    def read(self) -> bool:
        """Find how every vertex is generated, and other points on the boundary; say whether all are explained."""
        found: list[list[_Rule]] = [[] for _ in self.points]
        given, delta = self.data.given, self.data.given["discounts"]
        for s in range(self.data.states):
            leave = self.data.game.exits[s]
            if leave is not None:
                by, near = leave.payoffs, TIE * self.data.unit
                if len(leave.who) == 2 and (by[0] != by[1]).any() and (np.abs(by[0] - by[1]) <= near).any():
                    return False  # who leaves hangs by a tie
                for one in outcomes(leave):
                    self._place(s, np.array(one.payoffs), _Rule(state=s, leaver=one.leaver), found)
            for row in self.data.rows(s):
                now = np.array([(1 - delta[i]) * self.data.payoff(given, row, i) for i in (0, 1)])
                walk = self._walk(row)
                least = [(self._held(row, i)[0] - now[i]) / delta[i] for i in (0, 1)]
                for k in np.flatnonzero(self.owner == s):
                    rule = self._rule(row, (self.points[k] - now) / delta, least, walk)
                    if rule is not None:
                        found[k].append(rule)
                for w in stable(walk, least):
                    rule = self._rule(row, np.array(w), least, walk)
                    if rule is not None:
                        self._place(s, now + delta * w, rule, found, vertices=False)
        if not all(found):
            return False
        self.rules = [some[0] for some in found]
        self.also = [(k, rule) for k, some in enumerate(found) for rule in some[1:]]
        return True

    def _walk(self, row: int) -> Floats:
        """Return the boundary of the continuations of a row, (M, 2)."""
        law = self.data.given["transitions"].reshape(-1, self.data.states)[row]
        walk: Floats = self.fan.sums(law[None]).points[:, 0].T
        return walk

    def _held(self, row: int, i: int) -> tuple[Any, int, list[int]]:
        """Return player i's payoff from the best deviation from a row, which one (-1: leaving), and all as good."""
        if (row, i) not in self._best:
            data, given = self.data, self.data.given
            known, delta = list(self.points[self.low[i], i]), given["discounts"][i]
            options = {
                r: data.payoff(given, r, i) * (1.0 - delta) + delta * data.mean(given, r, known)
                for r in data.replies(row, i)
            }
            if (own := data.own(given, int(data.state[row]), i)) is not None:
                options[-1] = own
            best = max(options, key=lambda r: float(options[r]))
            alike = [r for r, v in options.items() if r != best and v >= options[best] - TIE * data.unit]
            self._best[row, i] = options[best], best, alike
        return self._best[row, i]

    def _rule(self, row: int, w: Floats, least: Sequence[float], walk: Floats) -> _Rule | None:
        """Return how a continuation enforces a row; None if it does not, or is no corner."""
        if (w < np.array(least) - self.near).any():
            return None
        s = int(self.data.state[row])
        held = [self._held(row, i)[1] if w[i] <= least[i] + self.near else None for i in (0, 1)]
        hit = np.flatnonzero(np.abs(walk - w).max(axis=1) <= self.near)
        if hit.size:
            return _Rule(state=s, row=row, base=self.fan.at[hit[0]], held=(held[0], held[1]))
        start, step = walk[:-1], np.diff(walk, axis=0)
        length = np.hypot(*step.T) if len(step) else np.zeros(0)
        real = length > self.near
        with np.errstate(all="ignore"):
            t = ((w - start) * step).sum(axis=1) / length**2
            off = np.hypot(*(start + np.clip(t, 0, 1)[:, None] * step - w).T)
            side = (step[:, 0] * (w - start)[:, 1] - step[:, 1] * (w - start)[:, 0]) / length
        on = np.flatnonzero(real & (off <= self.near))
        edge = (self.fan.at[on[0]], self.fan.at[on[0] + 1]) if on.size else None
        if None not in held and (edge is not None or bool((side[real] > 0).all() and real.sum() > 2)):
            return _Rule(state=s, row=row, edge=edge, held=(held[0], held[1]))
        if edge is not None and held != [None, None]:
            return _Rule(state=s, row=row, edge=edge, held=(held[0], held[1]))
        return None

    def _place(
        self, s: int, point: Floats, rule: _Rule, found: list[list[_Rule]], *, vertices: bool = True
    ) -> None:
        """Record a point that is a vertex, or lies on an edge."""
        here = np.flatnonzero(self.owner == s)
        ring = self.points[here]
        away = np.abs(ring - point).max(axis=1)
        if vertices and away.min() <= self.near:
            found[here[away.argmin()]].append(rule)
        if away.min() <= ALONG * self.data.unit or len(here) < 2:
            return
        step = np.roll(ring, -1, axis=0) - ring
        off = (step[:, 0] * (point - ring)[:, 1] - step[:, 1] * (point - ring)[:, 0]) / np.hypot(*step.T)
        k = int(np.abs(off).argmin())
        if abs(off[k]) <= self.near:
            self.beside.append(((int(here[k]), int(here[(k + 1) % len(here)])), rule))

    def value(self, rule: _Rule, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the payoffs that a rule gives."""
        data, delta = self.data, given["discounts"]
        if rule.row is None:
            leave = data.game.exits[rule.state]
            assert leave is not None
            leavers = leave.who if rule.leaver is None else (rule.leaver,)
            shares = [[data.after(given, rule.state, k, i) for k in leavers] for i in (0, 1)]
            return [sum(some[1:], some[0]) * (1 / len(some)) for some in shares]
        now = [data.payoff(given, rule.row, i) * (1.0 - delta[i]) for i in (0, 1)]
        if rule.base is not None:
            return [now[i] + delta[i] * self._at(rule.base, rule.row, i, x, given) for i in (0, 1)]
        out = [
            None if reply is None else self._reply(reply, rule, i, x, given)
            for i, reply in enumerate(rule.held)
        ]
        for i in (0, 1):
            if out[i] is None:
                assert rule.edge is not None
                o = 1 - i
                p, q = ([self._at(end, rule.row, j, x, given) for j in (0, 1)] for end in rule.edge)
                share = ((out[o] - now[o]) / delta[o] - p[o]) / (q[o] - p[o])
                out[i] = now[i] + delta[i] * (p[i] + share * (q[i] - p[i]))
        return out

    def _reply(self, reply: int, rule: _Rule, i: int, x: Sequence[Any], given: Given) -> Any:
        if reply < 0:
            return self.data.own(given, rule.state, i)
        lows = [x[2 * k + i] for k in self.low[i]]
        delta = given["discounts"][i]
        return self.data.payoff(given, reply, i) * (1.0 - delta) + delta * self.data.mean(given, reply, lows)

    def _at(self, end: tuple[int, ...], row: int, i: int, x: Sequence[Any], given: Given) -> Any:
        return self.data.mean(given, row, [x[2 * k + i] for k in end])

    def equations(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the difference of every vertex from the point that its rule generates."""
        values = [self.value(rule, x, given) for rule in self.rules]
        return [x[2 * k + i] - value[i] for k, value in enumerate(values) for i in (0, 1)]

    def ties(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the ties: expressions that are zero without being among the equations."""
        data, out = self.data, list[Any]()
        for i in (0, 1):
            for some, low in zip(self.lows, self.low[i], strict=True):
                out += [x[2 * k + i] - x[2 * low + i] for k in some[i].tolist() if k != low]
        for k, rule in self.also:
            out += [x[2 * k + i] - value for i, value in enumerate(self.value(rule, x, given))]
        for (j, k), rule in self.beside:
            a, b = self.value(rule, x, given)
            out.append(_turn(x[2 * j : 2 * j + 2], x[2 * k : 2 * k + 2], [a, b], data.unit))
        for rule in [*self.rules, *(rule for _, rule in self.also)]:
            if rule.row is None:
                continue
            value = self.value(rule, x, given)
            for i, reply in enumerate(rule.held):
                if reply is None:
                    continue
                binds = self._reply(reply, rule, i, x, given)
                out.append(value[i] - binds)
                for other in self._held(rule.row, i)[2]:
                    out.append(binds - self._reply(other, rule, i, x, given))
            if rule.base is None and rule.edge is not None and None not in rule.held:
                p, q = ([self._at(end, rule.row, j, x, given) for j in (0, 1)] for end in rule.edge)
                delta, n = given["discounts"], data.n
                w = [
                    (value[j] - given["payoffs"][rule.row * n + j] * (1.0 - delta[j])) / delta[j]
                    for j in (0, 1)
                ]
                out.append(_turn(p, q, w, data.unit))
        return out


def _turn(p: Sequence[Any], q: Sequence[Any], r: Sequence[Any], unit: float) -> Any:
    """Return the signed distance of a point from the line through two others, in the unit of payoffs."""
    return ((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])) / unit


def _of_sets(game: StochasticGame, sets: Sequence[Floats], again: _Again | None) -> Definition | None:
    """Return the definition of the vertices of payoff sets by self-generation."""
    data = Data(game)
    if not all(len(one) for one in sets) or not (data.given["discounts"] > 0).all():
        return None
    polygons = _Polygons(data, sets)
    if not polygons.read():
        return None
    count = len(polygons.points)
    labels: dict[str, Any] = {"player": list(game.player_names)}
    if data.states > 1:
        labels["state"] = ("vertex", [game.states[s] for s in polygons.owner])
    return Definition(
        axes=Layout(shape=(count, 2), dims=("vertex", "player"), labels=labels),
        unknowns=polygons.points.ravel(),
        given=data.given,
        equations=polygons.equations,
        ties=polygons.ties,
        asked=data.asked(),
        again=again or _never,
        units=data.units,
    )


def _never(name: str, values: Floats) -> None:
    """Report that no derivative is known at a kink."""


# --- Markov equilibria -----------------------------------------------------------------------------------------------


class _Profile:
    """Stationary strategies: values of states, then of staying where somebody leaves, then the chances of actions."""

    def __init__(
        self, data: Data, strategies: Sequence[Sequence[Floats]], leave: Floats, values: Floats
    ) -> None:
        self.data = data
        self.gone = [[int(k) for k in np.flatnonzero(some > 0.5)] for some in leave]
        self.used = [[np.flatnonzero(own > TIE) for own in state] for state in strategies]
        places = list(product(range(data.states), range(data.n)))
        start = list(map(float, values.ravel()))
        chances: list[float] = []
        self.first: dict[tuple[int, int], int] = {}
        self.stays = {place: k for k, place in enumerate(places)}
        left = [(s, i) for s, i in places if self.gone[s]]
        for s, i in places:
            if len(self.used[s][i]) > 1:
                self.first[s, i] = len(places) + len(left) + len(chances)
                chances += [float(strategies[s][i][a]) for a in self.used[s][i]]
        known = [*start, *[0.0] * len(left), *chances]
        for k, (s, i) in enumerate(left):
            known[len(places) + k] = self.worth(known, data.given, s, i, int(self.used[s][i][0]))
            self.stays[s, i] = len(places) + k
        self.unknowns = np.array(known)

    def mixed(self, x: Sequence[Any], s: int, i: int) -> list[tuple[int, Any]]:
        """Return the actions used, with their chances."""
        used = self.used[s][i]
        if len(used) == 1:
            return [(int(used[0]), 1.0)]
        return [(a, x[self.first[s, i] + k]) for k, a in enumerate(used.tolist())]

    def opens(self, x: Sequence[Any], given: Given, s: int, i: int, gone: Sequence[int]) -> Any:
        """Return player i's payoff at the start of a period in which these players leave."""
        if not gone:
            return x[self.stays[s, i]]
        total = [self.data.after(given, s, k, i) for k in gone]
        return sum(total[1:], total[0]) * (1 / len(total))

    def worth(self, x: Sequence[Any], given: Given, s: int, i: int, action: int) -> Any:
        """Return player i's payoff of an action, given the others' strategies."""
        data, shape = self.data, self.data.game.shape(s)
        ahead = [x[k * data.n + i] for k in range(data.states)]
        own = [[(action, 1.0)] if j == i else self.mixed(x, s, j) for j in range(data.n)]
        total: Any = 0.0
        delta = given["discounts"][i]
        for play in product(*own):
            row = int(data.first[s] + np.ravel_multi_index([a for a, _ in play], shape))
            chance: Any = 1.0
            for _, p in play:
                chance = p * chance
            one = data.payoff(given, row, i) * (1.0 - delta) + delta * data.mean(given, row, ahead)
            total = one * chance + total
        return total

    def equations(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the differences between the payoffs of used actions and the value of staying, and those of leaving."""
        out = []
        for (s, i), place in self.stays.items():
            out += [x[place] - self.worth(x, given, s, i, a) for a in self.used[s][i].tolist()]
            if (s, i) in self.first:
                out.append(sum((p for _, p in self.mixed(x, s, i)), -1.0))
            if self.gone[s]:
                out.append(x[s * self.data.n + i] - self.opens(x, given, s, i, self.gone[s]))
        return out

    def ties(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the ties: unused actions, leaving or staying that are as good as what is played."""
        data, gaps = self.data, list[Any]()
        for (s, i), place in self.stays.items():
            for a in set(range(data.game.shape(s)[i])) - set(self.used[s][i].tolist()):
                gaps.append(x[place] - self.worth(x, given, s, i, a))
            if data.own(data.given, s, i) is not None:
                others = [k for k in self.gone[s] if k != i]
                gaps.append(self.opens(x, given, s, i, others) - self.opens(x, given, s, i, [*others, i]))
        return [gap for gap in gaps if np.all(np.abs(getattr(gap, "value", gap)) <= TIE * data.unit)]


def _of_profile(found: StationaryProfile, game: StochasticGame) -> Definition | None:
    """Return the definition of a stationary equilibrium by indifference between the actions used."""
    if found.regret > TIE or ((found.leave > TIE) & (found.leave < 1 - TIE)).any():
        return None
    data = Data(game)
    profile = _Profile(data, found.strategies, found.leave, found.values)
    labels = {"state": list(game.states), "player": list(game.player_names)}
    return Definition(
        axes=Layout(shape=(data.states, data.n), dims=("state", "player"), labels=labels),
        unknowns=profile.unknowns,
        given=data.given,
        equations=profile.equations,
        ties=profile.ties,
        asked=data.asked(),
        again=_never,
        units=data.units,
    )


# --- critical discount factors ---------------------------------------------------------------------------------------


def _of_threshold(found: CriticalDiscount) -> Definition | None:
    """Return the discount factor at which a player's incentive constraint binds, with the punishment behind it."""
    path = found._path
    assert path is not None
    needs, delta = found.by_player, found.discount
    if not 0 < delta < 1:
        return None
    game, n = path.game, path.game.players
    at = found.exact if found.exact is not None else delta
    repeated = RepeatedGame(game, np.array([at] * n), exit=path.exit)
    data = Data(StochasticGame.from_repeated(repeated))
    row = int(np.ravel_multi_index(path.profile, game.shape))
    binding = [i for i in range(n) if needs[i] >= delta - TIE]
    punished = _punishments(found, data, repeated)
    if punished is None or not binding:
        return None
    start, equations, ties, threat = punished
    best = {i: _best(data, row, i) for i in range(n)}

    def moved(x: Sequence[Any], given: Given) -> tuple[Sequence[Any], Given]:
        return x[1:], {**given, "discounts": [x[0]] * n}

    def gap(i: int, x: Sequence[Any], given: Given) -> Any:
        rest, more = moved(x, given)
        get, tempt = data.payoff(given, row, i), data.payoff(given, best[i][0], i)
        return (tempt - get) - x[0] * (tempt - threat(i, rest, more))

    tempted = [i for i in range(n) if len(best[i]) and row not in best[i]]

    def zeros(x: Sequence[Any], given: Given) -> list[Any]:
        """Return the expressions that are zero at the threshold: one of them determines it, the others are ties."""
        out = [gap(i, x, given) for i in tempted]
        out += ties(*moved(x, given))
        for i in binding:
            out += [data.payoff(given, best[i][0], i) - data.payoff(given, r, i) for r in best[i][1:]]
        if path.exit is not None:
            out += [data.payoff(given, row, i) - data.own(given, 0, i) for i in path.exit.who]
        return out

    point = np.array([float(at), *start])
    which, others = _reason(point, data, lambda x, given: equations(*moved(x, given)), zeros)
    if which is None:
        return None

    def all_equations(x: Sequence[Any], given: Given) -> list[Any]:
        binds = gap(tempted[which], x, given) if which < len(tempted) else zeros(x, given)[which]
        return [binds, *equations(*moved(x, given))]

    def all_ties(x: Sequence[Any], given: Given) -> list[Any]:
        found = zeros(x, given)
        return [found[k] for k in others]

    def again(name: str, values: Floats) -> CriticalDiscount:
        other = _Again(repeated).game(name, values)
        return critical_discount(
            other.game,
            path.profile,
            exit=other.exit,
            punishment="stage" if found.punishment == "stage" else "optimal",
        )

    return Definition(
        axes=Layout(shape=(), dims=()),
        unknowns=point,
        given=data.given,
        equations=all_equations,
        ties=all_ties,
        asked={name: axes for name, axes in data.asked().items() if not name.startswith("discount")},
        again=again,
        units=data.units,
    )


def _reason(
    point: Floats, data: Data, equations: Equations, zeros: Equations
) -> tuple[int | None, list[int]]:
    """Return the zero that determines the first unknown, given the equations of the others; and the other zeros.

    It is the zero that changes most as the first unknown moves and the others follow. If no constraint of the profile
    itself binds, the punishment breaks down at the threshold.
    """

    def alone(x: list[Jet], t: list[Jet]) -> list[Jet]:
        return [_jet(one, t[0]) for one in equations([t[0], *x], data.given)]

    rest = [np.array([value]) for value in point[1:]]
    moves = np.ones(1)
    if rest:
        moves = np.append(
            moves, implicit(alone, rest, [point[:1]], wanted=len(rest), second=False)[0][:, 0, 0]
        )
    along = [Jet(np.array([v]), np.array([[m]]), None) for v, m in zip(point, moves, strict=True)]
    found = [_jet(one, along[0]) for one in zeros(along, data.given)]
    near = [k for k, one in enumerate(found) if abs(float(one.value[0])) <= _CLOSE * data.unit]
    slopes = [abs(float(found[k].gradient[0, 0])) for k in near]
    if not near or not max(slopes) > TIE:
        return None, []
    which = near[int(np.argmax(slopes))]
    return which, [k for k in near if k != which]


def _best(data: Data, row: int, i: int) -> list[int]:
    """Return player i's best replies to a row."""
    worth = {r: float(data.payoff(data.given, r, i)) for r in data.replies(row, i)}
    top = max(worth.values())
    return [r for r, v in worth.items() if v >= top - TIE * data.unit]


_Punished = tuple[list[float], Equations, Equations, Callable[[int, Sequence[Any], Given], Any]]
"""Unknowns other than the discount factor, their equations and ties, and the punishment of each player."""


def _punishments(found: CriticalDiscount, data: Data, repeated: RepeatedGame) -> _Punished | None:
    """Return the punishments at the threshold."""

    def nothing(x: Sequence[Any], given: Given) -> list[Any]:
        return []

    leave = repeated.exit
    if found.punishment == "exit":
        return [], nothing, nothing, lambda i, x, given: data.own(given, 0, i)
    if found.punishment == "stage":
        return None if leave is not None else _reverting(data, repeated.game)
    held = seen_payoff_set(repeated)
    if held.status is not Status.OK:
        return None
    polygons = _Polygons(data, [held.vertices])
    if not polygons.read():
        return None
    low = polygons.low
    points = polygons.points.ravel().tolist()
    return points, polygons.equations, polygons.ties, lambda i, x, given: x[2 * low[i][0] + i]


def _reverting(data: Data, game: Game) -> _Punished | None:
    """Return reversion to each player's worst stage equilibrium."""
    known = stage_equilibria(game)
    worst = [int(k) for k in np.argmin(known.payoffs, axis=0)]
    parts = {k: _Profile(data, [known.profiles[k]], np.zeros((1, data.n)), known.payoffs[k]) for k in worst}
    first, start = dict[int, int](), list[float]()
    for k, part in parts.items():
        first[k] = len(start)
        start += part.unknowns.tolist()

    def each(of: Callable[[_Profile], Equations]) -> Equations:
        def run(x: Sequence[Any], given: Given) -> list[Any]:
            return [
                one
                for k, part in parts.items()
                for one in of(part)(x[first[k] : first[k] + len(part.unknowns)], given)
            ]

        return run

    equations, ties = each(lambda part: part.equations), each(lambda part: part.ties)
    return start, equations, ties, lambda i, x, given: x[first[worst[i]] + i]
