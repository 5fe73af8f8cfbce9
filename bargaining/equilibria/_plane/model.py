"""A stochastic game in the unit box; a *row* is one profile of one state, in the order of the states."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from math import inf, prod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import FINE, SLACK, Leave, outcomes
from bargaining.equilibria._plane.minkowski import Indices, Law
from bargaining.equilibria._plane.polygon import MERGE, Point, Polygon, outline
from bargaining.equilibria._plane.rationals import Rationals
from bargaining.games.stochastic import StochasticGame

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Replies:
    """One player's replies: the rows of a group differ only in her action."""

    group: Indices  # (N,)
    state: Indices  # the state of each group
    order: Indices  # the rows, group by group
    starts: Indices  # where each group begins

    @classmethod
    def of(cls, labels: Indices, state: Indices) -> Replies:
        """Group rows that have one label; the labels increase with the state."""
        sizes = np.bincount(labels)
        some = np.flatnonzero(sizes)
        number = np.zeros(len(sizes), dtype=np.intp)
        number[some] = np.arange(len(some))
        small = labels.astype(np.uint16) if len(sizes) <= 2**16 else labels  # which are sorted by digits
        order, starts = np.argsort(small, kind="stable"), np.cumsum(sizes[some]) - sizes[some]
        return cls(number.take(labels), state[order[starts]], order, starts)

    def best(self, worth: Floats) -> Floats:
        """Return the largest worth in each group."""
        best: Floats = np.maximum.reduceat(worth.take(self.order), self.starts)
        return best

    def rows(self, group: int) -> Indices:
        """Return the rows of a group."""
        stop = self.starts.item(group + 1) if group + 1 < len(self.starts) else len(self.order)
        return self.order[self.starts.item(group) : stop]

    def argbest(self, worth: Floats) -> Indices:
        """Return the row of the largest worth in each group."""
        rows = np.flatnonzero(worth == self.best(worth).take(self.group))[::-1]
        out = np.empty(len(self.starts), dtype=np.intp)
        out[self.group[rows]] = rows
        return out


Key = TypeVar("Key")
Value = TypeVar("Value")


class _Asked(dict[Key, Value]):
    """Values by key, each computed when it is first asked for."""

    def __init__(self, value: Callable[[Key], Value]) -> None:
        self._value = value

    def __missing__(self, key: Key) -> Value:
        self[key] = value = self._value(key)
        return value


_LARGE = 64  # rows from which on NumPy finds all best replies faster than a loop those that are asked for


class Rows:
    """The rows in plain floats, each when it is asked for: for a few rows this is faster than NumPy.

    Attributes
    ----------
    now : dict of Point
        (1 - discount) * payoffs of each row.
    laws : dict of Law
        The law of each row.
    state : Indices
        The state of each row.
    own : list of Point
        What leaving gives in each state.
    delta : Point
        The discount factors.
    """

    def __init__(self, model: Model) -> None:
        now, transitions = model.now, model.transitions
        self.now = _Asked[int, Point](lambda row: (now.item(0, row), now.item(1, row)))
        self.laws = _Asked[int, Law](
            lambda row: [(s, p) for s, p in enumerate(transitions[row].tolist()) if p]
        )
        self.state, self.own = model.state, [(a, b) for a, b in model.own.tolist()]
        self.delta = model.discounts.item(0), model.discounts.item(1)
        self._replies, self._numbers = model.replies, (now, model.discounts, transitions)
        self._best = dict[tuple[int, int], tuple[int, float]]()
        self._threat: list[Point] = []  # the threats to which the best replies belong

    def best(self, row: int, i: int, threat: list[Point]) -> tuple[int, float]:
        """Return player i's best reply to a row, the first of several, and its worth."""
        if threat is not self._threat:
            self._threat = threat
            self._best = self._every() if len(self.state) >= _LARGE else {}
        group = self._replies[i].group.item(row)
        if (i, group) not in self._best:
            self._best[i, group] = self._reply(i, group)
        return self._best[i, group]

    def _every(self) -> dict[tuple[int, int], tuple[int, float]]:
        """Return all best replies, by player and group; none where a state has no payoffs."""
        (now, discounts, transitions), least = self._numbers, np.array(self._threat)
        if not np.isfinite(least).all():
            return {}
        found, values = dict[tuple[int, int], tuple[int, float]](), now + discounts * (transitions @ least).T
        for i, replies in enumerate(self._replies):
            rows = replies.argbest(values[i])
            best = zip(rows.tolist(), values[i, rows].tolist(), strict=True)
            found.update({(i, group): reply for group, reply in enumerate(best)})
        return found

    def _reply(self, i: int, group: int) -> tuple[int, float]:
        found, best = -1, -inf
        for reply in self._replies[i].rows(group).tolist():
            after = 0.0
            for s, share in self.laws[reply]:
                after += share * self._threat[s][i]
            worth = self.now[reply][i] + self.delta[i] * after if after < inf else inf
            if worth > best:
                found, best = reply, worth
        return found, best

    def needed(self, row: int, i: int, worth: float) -> float:
        """Return the continuation of player i at which a row gives her this payoff."""
        now, delta = self.now[row][i], self.delta[i]
        if delta > 0.0:
            return (worth - now) / delta
        return inf if worth > now + SLACK else -inf

    def thresholds(self, row: int, threat: list[Point]) -> Point:
        """Return the continuations below which a player would deviate from a row, or would leave."""
        x, y = self.own[self.state.item(row)]
        x, y = max(x, self.best(row, 0, threat)[1]), max(y, self.best(row, 1, threat)[1])
        return self.needed(row, 0, x), self.needed(row, 1, y)


@dataclass(frozen=True, eq=False)
class Model:
    """A stochastic game in the unit box; N rows, S states, players first."""

    states: list[slice]  # the rows of each state
    state: Indices  # (N,)
    payoffs: Floats  # (2, N)
    now: Floats  # (2, N): (1 - discount) * payoffs
    transitions: Floats  # (N, S)
    labels: tuple[Indices, Indices]  # (N,): rows of one label differ in this player's action alone
    live: Mask  # (N,): False for what is here as a deviation alone
    discounts: Floats  # (2, 1)
    own: Floats  # (S, 2): what leaving gives, minus infinity to one who may not
    leaves: list[list[Leave]]
    common: bool

    def only(self, kept: Mask, live: Mask) -> Model:
        """Return the model of some rows, of which some are live."""
        rows, (first, second) = np.flatnonzero(kept), self.labels
        state = self.state.take(rows)
        return replace(
            self,
            states=_spans(np.bincount(state, minlength=len(self.states)).tolist()),
            state=state,
            payoffs=self.payoffs.take(rows, axis=1),
            now=self.now.take(rows, axis=1),
            transitions=self.transitions.take(rows, axis=0),
            labels=(first.take(rows), second.take(rows)),
            live=live.take(rows),
        )

    @cached_property
    def replies(self) -> tuple[Replies, Replies]:
        """The groups of rows that differ in one player's action alone."""
        first, second = self.labels
        return Replies.of(first, self.state), Replies.of(second, self.state)

    @cached_property
    def _laws(self) -> tuple[Floats, Indices]:
        return _distinct(self.transitions)

    @property
    def laws(self) -> Floats:
        """The transitions that differ, shape (U, S)."""
        return self._laws[0]

    @property
    def law(self) -> Indices:
        """The number of each row's transitions among those that differ, shape (N,)."""
        return self._laws[1]

    @cached_property
    def twins(self) -> Indices | None:
        """Numbers, shape (N,), alike for rows that give the same payoffs and law; None if all differ."""
        kinds, twins = _distinct(np.column_stack([self.payoffs.T, self.state, self.law]))
        return twins if len(kinds) < len(twins) else None

    @cached_property
    def slack(self) -> float:
        """The tolerance of constraints: larger where vertices are dropped repeatedly."""
        return SLACK if self.common else 4 * self.merge / (1.0 - float(self.discounts.max()))

    @cached_property
    def merge(self) -> float:
        """The distance below which vertices are dropped, so small that the accumulated error does not matter."""
        if self.common:
            return MERGE
        return max(MERGE, min(1.0, 10 * (1.0 - float(self.discounts.max()))) * FINE)

    @cached_property
    def rows(self) -> Rows:
        """The rows in plain floats."""
        return Rows(self)

    def values(self, threat: Floats) -> Floats:
        """Return the payoffs of each row if every player's lowest continuation payoffs follow, shape (2, N)."""
        known = np.logical_and(*np.isfinite(threat).T)
        worth: Floats = (
            self.now + self.discounts * (self.transitions @ np.where(known[:, None], threat, 0.0)).T
        )
        if not known.all():
            worth[:, self.transitions[:, ~known].any(axis=1)] = np.inf
        return worth

    def deviations(self, threat: Floats) -> Floats:
        """Return the best-deviation payoffs D, shape (2, N)."""
        worth = self.values(threat)
        return np.stack([self.replies[i].best(worth[i]).take(self.replies[i].group) for i in (0, 1)])

    def playable(self, polygons: list[Polygon], alive: Mask) -> Indices:
        """Return the live rows that cannot lead to a state without payoffs."""
        empty = [s for s, polygon in enumerate(polygons) if not polygon]
        return np.flatnonzero(alive & ~self.transitions[:, empty].any(axis=1) if empty else alive)

    def thresholds(self, rows: Indices, deviations: Floats, *, staying: bool) -> Floats:
        """Return the continuations below which a player would deviate from each of the rows, shape (2, R).

        `staying` adds those below which she would leave.
        """
        now, needed = self.now[:, rows], deviations[:, rows]
        if staying:
            needed = np.maximum(needed, self.own[self.state[rows]].T)
        with np.errstate(divide="ignore", invalid="ignore"):
            impatient = np.where(needed > now + SLACK, np.inf, -np.inf)
            return np.where(self.discounts > 0.0, (needed - now) / self.discounts, impatient)


_NEAR = 1e-13  # in the unit box: given payoffs that lie nearer are meant
_MANY = 1000  # rows from which on arrays that differ are found by sorting
_LOWEST = 1e-12  # in the unit box: a payoff that is less above the threat is the threat


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The model in the unit box of all payoffs, the box, and each player's payoffs as given, shape (2, M)."""

    model: Model
    low: Floats
    size: Floats
    given: Floats

    @classmethod
    def of(cls, game: StochasticGame) -> Scaled:
        """Map the game to the unit box of its feasible payoffs."""
        leaves = [[] if leaving is None else outcomes(leaving) for leaving in game.exits]
        given = [stage.payoffs.reshape(-1, 2) for stage in game.games]
        count = sum(map(len, given))
        given += [np.array([leave.payoffs]) for some in leaves for leave in some]
        everything = np.ascontiguousarray(np.concatenate(given).T)
        low = everything.min(axis=1)
        size = everything.max(axis=1) - low
        size[size == 0.0] = 1.0
        unit, own = (everything[:, :count] - low[:, None]) / size[:, None], (game.exit_own - low) / size
        ends = [[(np.array(leave.payoffs) - low) / size for leave in some] for some in leaves]
        if any(part.has_fractions for part in (*game.games, *game.exits) if part is not None):
            # Rounded in the box only: an offset costs no digits.
            data = Rationals(game)
            unit = np.ascontiguousarray(np.array(data.payoffs, dtype=float).T)
            ends = [[np.array(point, dtype=float) for point, _ in data.leaves(s)] for s in range(len(game))]
            own = np.array([data.own(s, i) for s in range(len(game)) for i in (0, 1)], dtype=float)
            own = np.where(np.isnan(own), -np.inf, own).reshape(-1, 2)
        units = [
            [
                Leave((end.item(0), end.item(1)), leave.leaver, leave.number)
                for leave, end in zip(some, there, strict=True)
            ]
            for some, there in zip(leaves, ends, strict=True)
        ]
        return cls(_model(game, unit, units, own), low, size, everything)

    def start(self) -> Polygon:
        """Return a set that contains every payoff: their hull, or their box if discount factors differ."""
        leaves = [leave.payoffs for some in self.model.leaves for leave in some]
        points = np.concatenate([self.model.payoffs, np.array(leaves).reshape(-1, 2).T], axis=1)
        if not self.model.common:
            (left, low), (right, high) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
            points = np.array([[left, right, right, left], [low, low, high, high]])
        corners = outline(points)
        return list(zip(*points[:, corners].tolist(), strict=True))

    def back(self, polygons: list[Polygon], threat: Floats) -> list[tuple[Floats, Floats]]:
        """Return the vertices and the threat of each state in the unit of the payoffs.

        What is a stage payoff or a payoff of leaving is returned as it was given.
        """
        pairs = [*zip(polygons, threat.tolist(), strict=True)]
        every = [point for polygon, least in pairs if polygon for point in (*polygon, least)]
        near = [self._near(i, [point[i] for point in every]) for i in (0, 1)]
        return [self._state_back(polygon, least, near) for polygon, least in pairs]

    def _state_back(self, polygon: Polygon, least: list[float], near: list[Floats]) -> tuple[Floats, Floats]:
        if not polygon:
            return np.empty((0, 2)), np.full(2, np.nan)
        columns = zip(*polygon, strict=True)
        raised = [
            [x if x - low >= _LOWEST else low for x in xs] for xs, low in zip(columns, least, strict=True)
        ]
        ends = [self._as_given(i, [*raised[i], least[i]], near[i]) for i in (0, 1)]
        rows = [*zip(*ends, strict=True)]
        vertices, back = rows[:-1], np.array(rows[-1])
        first = vertices.index(min(vertices))
        turned = np.array(vertices[first:] + vertices[:first])
        turned.flags.writeable = back.flags.writeable = False
        return turned, back

    def _near(self, i: int, units: list[float]) -> Floats:
        """Return the given payoffs of player i from the least to the largest of some payoffs, in increasing order."""
        unit = (self.given[i] - self.low.item(i)) / self.size.item(i)
        low, high = min(units, default=inf) - 2 * _NEAR, max(units, default=-inf) + 2 * _NEAR
        return np.sort(self.given[i][(unit >= low) & (unit <= high)])

    def _as_given(self, i: int, units: list[float], given: Floats) -> list[float]:
        """Return payoffs of player i, replaced by the given numbers where they differ only by rounding."""
        low, size = self.low.item(i), self.size.item(i)

        def unit(payoff: float) -> float:
            return (payoff - low) / size

        out = []
        for value in units:
            k = bisect_left(given, value, key=unit)
            around = given[max(k - 1, 0) : k + 1].tolist()
            near = [payoff for payoff in around if abs(unit(payoff) - value) < _NEAR]
            out.append(near[-1] if near else low + size * value)
        return out


def _model(game: StochasticGame, payoffs: Floats, leaves: list[list[Leave]], own: Floats) -> Model:
    """Return the model with payoffs, outcomes of leaving and what leavers get in the unit box."""
    shapes = [game.shape(s) for s in range(len(game))]
    counts = [prod(shape) for shape in shapes]
    delta = game.discounts[:, None]
    first = [0, *accumulate(map(sum, shapes))]
    across = [np.tile(np.arange(at, at + n), m) for at, (m, n) in zip(first, shapes, strict=False)]
    along = [np.repeat(np.arange(at, at + m), n) for at, (m, n) in zip(first, shapes, strict=False)]
    return Model(
        states=_spans(counts),
        state=np.repeat(np.arange(len(counts)), counts),
        now=(1.0 - delta) * payoffs,
        payoffs=payoffs,
        transitions=np.concatenate([game.transition(s).reshape(n, -1) for s, n in enumerate(counts)]),
        labels=(np.concatenate(across), np.concatenate(along)),
        live=np.ones(sum(counts), dtype=bool),
        discounts=delta,
        own=own,
        leaves=leaves,
        common=delta.item(0) == delta.item(1),
    )


def _spans(counts: list[int]) -> list[slice]:
    return [slice(stop - count, stop) for stop, count in zip(accumulate(counts), counts, strict=True)]


def _distinct(rows: Floats) -> tuple[Floats, Indices]:
    """Return the distinct rows, in order of appearance, and the number of each row among them."""
    if len(rows) > _MANY:
        keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
        _, begin, number = np.unique(keys, return_index=True, return_inverse=True)
        order = np.sort(begin)
        return rows[order], np.searchsorted(order, begin[number])
    first = dict[bytes, int]()
    like = [first.setdefault(row.tobytes(), k) for k, row in enumerate(rows)]
    kept = [*first.values()]
    return rows[kept], np.searchsorted(kept, like)
