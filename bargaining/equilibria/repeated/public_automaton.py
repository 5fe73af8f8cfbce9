"""Strategies under imperfect public monitoring as automata in rationals: transitions depend only on the signal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import frexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import index, listed
from bargaining._arrays import Floats, owning
from bargaining._rational import Rationals, solve
from bargaining._rich import Shown
from bargaining.equilibria._affine import solution
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria._plane.lottery import Lottery, Payoffs
from bargaining.equilibria._plane.machine import (
    Machine,
    NodeValues,
    Profile,
    amounts,
    draw,
    short,
    spell,
)
from bargaining.equilibria.repeated._hyperplanes.recipes import Play
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, loosened
from bargaining.equilibria.repeated.automaton import History
from bargaining.errors import Unsolved
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame

_SIMPLE = 1000  # the largest denominator of weights that are rounded to simple fractions
_APART = 1e-9  # of the ranges: points closer to a plane than this count as points of the plane
_GRID = 48  # bits of payoffs that are rounded: fewer than floats have
_SPREAD = 1e-6  # the least spread of points whose weights follow from rounded payoffs: these move by 1e-8
_FAR = 1e4  # a deviation from the mean, in shares of the ranges, costs so many times as much as a state
_LIGHT = 1e-9  # the least chance of such a point, so that its weight stays positive
_NEAR = 1e-9  # how near to a simple fraction a weight must be


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class PublicState(Shown):
    """A state of a public automaton.

    Attributes
    ----------
    profile : tuple of int, or None
        The actions; None if somebody leaves.
    leavers : tuple of int
        Who leaves; nobody if a profile is played.
    stayed : int or None
        The state that is played if the only player who should leave has stayed.
    following : tuple of lotteries
        For each signal the lottery over the states that follow, as (state, Fraction) pairs.
    payoffs : tuple of Fraction
        Average discounted payoffs from this state on.
    """

    profile: tuple[int, ...] | None
    leavers: tuple[int, ...] = ()
    stayed: int | None = None
    following: tuple[Lottery, ...] = ()
    payoffs: tuple[Fraction, ...]


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicHistory(History):
    """A simulated history, with its signals.

    Attributes
    ----------
    signals : ndarray of int, shape (periods,)
        The signals; -1 once somebody has left.
    states, profiles, payoffs
        As for `History`; payoffs are expected payoffs of the actions.
    """

    signals: NDArray[np.intp]


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicAutomaton(Machine[PublicHistory]):
    """Public strategies in rationals: the actions in each state, and the states that follow each signal.

    Deviations are not observed; they only change the probabilities of signals. `print` shows the table.

    Attributes
    ----------
    repeated : RepeatedGame
        The game, with its monitoring.
    states : tuple of PublicState
        The states.
    start : tuple of (int, Fraction)
        The lottery over states in the first period.
    """

    repeated: RepeatedGame
    states: tuple[PublicState, ...]

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers if they have no names."""
        return self.repeated.player_names

    def values(self) -> list[Payoffs]:
        """Return the payoffs from each state on: the solution of v = (1 - d) g + d Q v."""
        return [state.payoffs for state in self.states]

    def edges(self) -> list[tuple[int, int, str]]:
        """Return the graph: (state, next state, label), signals and probabilities as labels."""
        names = self._signals()
        return [
            (k, n, names[y] if share == 1 else f"{names[y]}: {short(share)}")
            for k, state in enumerate(self.states)
            for y, lottery in enumerate(state.following)
            for n, share in lottery
        ]

    def frequencies(self) -> Floats:
        """Return the long-run share of periods in each state, from the start.

        Once somebody leaves, the state of leaving lasts. The share of states with punishments says how often players
        fight although nobody has cheated.
        """
        from scipy.sparse.csgraph import connected_components

        moves, now = self._moves(), np.zeros(len(self.states))
        for k, share in self.start:
            now[k] += float(share)
        count, groups = connected_components(moves > 0.0, connection="strong")
        left = np.array([moves[np.ix_(groups == g, groups != g)].any() for g in range(count)])
        for k in np.flatnonzero(left[groups]).tolist():  # play leaves these states for good, sooner or later
            goes = np.where(np.arange(now.size) == k, 0.0, moves[k]) / np.delete(moves[k], k).sum()
            now, moves = now + now[k] * goes, moves + np.outer(moves[:, k], goes)
            now[k], moves[:, k] = 0.0, 0.0
        for g in np.flatnonzero(~left).tolist():
            inside = np.flatnonzero(groups == g)
            now[inside] = now[inside].sum() * _stationary(moves[np.ix_(inside, inside)])
        return now

    def expected_length(self, states: Sequence[int]) -> Floats:
        """Return the expected number of periods that play stays within some states, from each of them, shape (k,).

        For the states of a war this is its expected length; infinite if the war may never end.
        """
        inside = [
            index(k, "states", "state", len(self.states))
            for k in listed(states, "states", "a list of states")
        ]
        once, places = np.unique(np.array(inside, dtype=np.intp), return_inverse=True)
        moves = self._moves()[once]
        stay, leave = moves[:, once], np.delete(moves, once, axis=1).sum(axis=1)
        able = ~_reaching(stay, ~_reaching(stay, leave > 0.0))  # states that play leaves with certainty
        out = np.full(once.size, np.inf)
        out[able] = _lengths(stay[np.ix_(able, able)], leave[able])
        return out[places]

    def _moves(self) -> Floats:
        """Return the chance of each next state, shape (k, k); where somebody has left nothing changes any more."""
        chances = self._chances()
        matrix = np.diag([1.0 * (state.profile is None) for state in self.states])
        for k, state in enumerate(self.states):
            for y, lottery in enumerate(state.following):
                assert state.profile is not None
                for n, share in lottery:
                    matrix[k, n] += float(chances[(*state.profile, y)] * share)
        return matrix

    def _reach(self) -> Floats:
        """Return how many states play may visit from each state."""
        visits = self._moves() + np.eye(len(self.states)) > 0.0
        for _ in range(len(self.states).bit_length()):
            visits = visits.astype(float) @ visits > 0.0
        return np.asarray(visits.sum(axis=1), float)

    def _plays(self) -> list[tuple[Game, Profile | None]]:
        return [(self.repeated.game, state.profile) for state in self.states]

    def _follower(self, chance: np.random.Generator) -> Callable[[int, Profile], tuple[int, int]]:
        chances = self._chances().astype(float)

        def follow(at: int, actual: Profile) -> tuple[int, int]:
            signal = int(chance.choice(chances.shape[-1], p=chances[actual]))
            return draw(self.states[at].following[signal], chance), signal

        return follow

    def _history(self, visited: list[int], played: list[Profile], seen: list[int]) -> PublicHistory:
        return PublicHistory(
            states=np.array(visited),
            profiles=np.array(played),
            signals=np.array(seen),
            payoffs=self._flows(visited, played),
            player_names=self.player_names,
        )

    def _signals(self) -> tuple[str, ...]:
        assert self.repeated.monitoring is not None
        return self.repeated.monitoring.signals

    def _chances(self) -> Rationals:
        assert self.repeated.monitoring is not None
        return self.repeated.monitoring.exact

    def _table(self) -> list[Sequence[str]]:
        rows: list[Sequence[str]] = [
            ("state", "play", "payoffs", *(f"after {name}" for name in self._signals()))
        ]
        for k, state in enumerate(self.states):
            after = [spell(lottery) for lottery in state.following] or ["" for _ in self._signals()]
            rows.append((str(k), self._play(self.repeated.game, state), amounts(state.payoffs), *after))
        return rows

    def _gains(self) -> Iterator[Fraction]:
        chances, exact = self._chances(), self.repeated.game.exact
        leaving = None if self.repeated.exit is None else self.repeated.exit.exact
        for state in self.states:
            if state.profile is None:
                yield from self._changes(state)
                continue
            for i in range(self.repeated.players):
                if leaving is not None and self.repeated.exit is not None and i in self.repeated.exit.who:
                    yield leaving[i, i] - state.payoffs[i]
                d = self.repeated.exact_discounts[i]
                later = [
                    sum((share * self.states[n].payoffs[i] for n, share in lottery), Fraction(0))
                    for lottery in state.following
                ]
                for action in range(self.repeated.game.shape[i]):
                    other = (*state.profile[:i], action, *state.profile[i + 1 :])
                    value = (1 - d) * exact[other][i] + d * sum(
                        chances[other] * np.array(later, dtype=object)
                    )
                    yield value - state.payoffs[i]

    def _changes(self, state: PublicState) -> Iterator[Fraction]:
        """Yield what each player who may leave gains by joining those who leave, or by staying."""
        assert self.repeated.exit is not None
        for i in self.repeated.exit.who:
            others = {*state.leavers} ^ {i}
            if others:
                left = sum((self.repeated.exit.exact[k, i] for k in others), Fraction(0)) / len(others)
                yield left - state.payoffs[i]
            elif state.stayed is not None:
                yield self.states[state.stayed].payoffs[i] - state.payoffs[i]

    def _worth(self) -> NodeValues:
        raise NotImplementedError  # deviations are not seen, so nodes have no punishments

    def _drawn(self) -> Sequence[tuple[str, Payoffs]]:
        return [(self._play(self.repeated.game, state), state.payoffs) for state in self.states]


def begun(automaton: PublicAutomaton, start: Lottery) -> PublicAutomaton:
    """Return the automaton that starts with a lottery over its states; unreachable states are dropped."""
    begin = dict(start)
    reached, queue = set(begin), list(begin)
    while queue:
        state = automaton.states[queue.pop()]
        after = {n for lottery in state.following for n, _ in lottery} | (
            set() if state.stayed is None else {state.stayed}
        )
        queue.extend(after - reached)
        reached |= after
    place = {k: new for new, k in enumerate(sorted(reached))}
    states = tuple(
        replace(
            automaton.states[k],
            following=tuple(
                tuple((place[n], share) for n, share in lottery) for lottery in automaton.states[k].following
            ),
            stayed=None if (stay := automaton.states[k].stayed) is None else place[stay],
        )
        for k in sorted(reached)
    )
    return PublicAutomaton(
        repeated=automaton.repeated,
        states=states,
        start=tuple((place[k], share) for k, share in sorted(begin.items())),
    )


def _reaching(moves: Floats, goal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the states from which play may reach some of the goal."""
    while True:
        more = goal | (moves[:, goal] > 0.0).any(axis=1)
        if (more == goal).all():
            return more
        goal = more


def _stationary(moves: Floats) -> Floats:
    """Return the shares of periods in the states of a chain in which each leads to all others.

    States are eliminated without subtracting, as in `_lengths` (Grassmann, Taksar and Heyman 1985, *Operations
    Research* 33(5), 1107-1116, doi:10.1287/opre.33.5.1107).
    """
    moves, shares = moves.copy(), np.ones(len(moves))
    for k in reversed(range(1, len(moves))):
        moves[:k, k] /= moves[k, :k].sum()
        moves[:k, :k] += np.outer(moves[:k, k], moves[k, :k])
    for k in range(1, len(moves)):
        shares[k] = shares[:k] @ moves[:k, k]
    return np.asarray(shares / shares.sum())


def _lengths(stay: Floats, leave: Floats) -> Floats:
    """Return the expected number of periods until play leaves, from each state.

    States are eliminated one after the other. Nothing is subtracted, so that small chances of leaving keep their
    digits.
    """
    stay, leave, spent, gone = stay.copy(), leave.copy(), np.ones(leave.size), np.empty(leave.size)
    for k in reversed(range(leave.size)):
        gone[k] = leave[k] + stay[k, :k].sum()
        visits = stay[:k, k] / gone[k]
        stay[:k, :k] += np.outer(visits, stay[k, :k])
        leave[:k] += visits * leave[k]
        spent[:k] += visits * spent[k]
    for k in range(leave.size):
        spent[k] = (spent[k] + stay[k, :k] @ spent[:k]) / gone[k]
    return spent


def automata(repeated: RepeatedGame, found: Several) -> Iterator[PublicAutomaton]:
    """Yield automata in rationals, without regret, near the inner set."""
    for play, _ in loosened(found.outer.profiles, found, Budget()):
        made = rational_automaton(repeated, play, found.outer.profiles.leaves)
        if made is not None:
            yield made


def attaining(
    candidates: Iterable[PublicAutomaton], payoffs: Sequence[Fraction], size: Floats, near: float
) -> PublicAutomaton:
    """Return the first automaton that starts with exactly these payoffs, else the nearest, within a share of ranges."""
    best, least = None, near
    for automaton in candidates:
        start, exact = mixture(
            [state.payoffs for state in automaton.states], tuple(payoffs), automaton._reach()
        )
        play = begun(automaton, start)
        if exact:
            return play
        off = float(np.abs((play.payoffs - np.array(payoffs, float)) / size).max())
        best, least = (play, off) if off <= least else (best, least)
    if best is None:
        raise Unsolved("No strategy in rationals without regret was found: the game may lie on a knife edge.")
    return best


def rational_automaton(repeated: RepeatedGame, play: Play, leaves: Sequence[Leave]) -> PublicAutomaton | None:
    """Return an automaton in rationals near one in floats, without regret; None if rounding leaves some regret.

    Weights become simple fractions if all of them are close to one; otherwise they are rounded so finely that the slack
    of the incentive constraints covers the error. On a knife edge only some states have slack: then lotteries that are
    close to simple ones become simple, and only the others are rounded. Payoffs are exact, see `_anchored`.
    """
    fine = 1 << _bits(repeated, play)
    for simple, scale in ((True, None), (False, fine), (True, fine)):
        made = _rounded(repeated, play, leaves, simple, scale)
        if made is not None and made.regret == 0:
            return made
    return None


class _Drawn(NamedTuple):
    """The play of an automaton: profiles (None if somebody leaves), lotteries, and each player's stage payoffs."""

    profiles: list[Profile | None]
    following: list[tuple[Lottery, ...]]
    now: list[list[Fraction]]

    def chances(self, repeated: RepeatedGame, state: int) -> list[Fraction]:
        """Return the probabilities of the signals in a state; none once somebody has left."""
        profile = self.profiles[state]
        assert repeated.monitoring is not None
        return [] if profile is None else repeated.monitoring.exact[profile].tolist()

    def moves(self, repeated: RepeatedGame) -> Iterator[tuple[int, int, Fraction]]:
        """Yield each state, one that follows, and the chance that it does so after some signal."""
        for k, lotteries in enumerate(self.following):
            for chance, lottery in zip(self.chances(repeated, k), lotteries, strict=True):
                yield from ((k, n, chance * share) for n, share in lottery)


def _bits(repeated: RepeatedGame, play: Play) -> int:
    """Return the number of bits to which weights are rounded, such that the slack of the rows covers the error."""
    patient = float(repeated.discounts.max())
    least = min(max(-play.excess, 1e-12), 1.0)
    return int(np.clip(np.ceil(np.log2(16.0 / ((1.0 - patient) * least))), 20, 60))


def _drawn_play(
    repeated: RepeatedGame, play: Play, leaves: Sequence[Leave], simple: bool, scale: int | None
) -> _Drawn | None:
    following: list[tuple[Lottery, ...]] = []
    rows, signals = play.lotteries, play.lotteries.shape[0] // len(play.owners)
    ends = rows.indptr.tolist()
    for k, owner in enumerate(play.owners.tolist()):
        parts = [slice(*ends[row : row + 2]) for row in range(k * signals, (k + 1) * signals)]
        made = (
            [_lottery(rows.indices[at], rows.data[at], simple, scale) for at in parts] if owner >= 0 else []
        )
        rounded = [each for each in made if each is not None]
        if len(rounded) < len(made):
            return None
        following.append(tuple(rounded))
    places, exact = list(np.ndindex(*repeated.game.shape)), repeated.game.exact
    profiles = [None if owner < 0 else places[owner] for owner in play.owners.tolist()]
    now = [
        [
            after_leaving(repeated, leaves[-1 - owner])[i] if profile is None else (1 - d) * exact[profile][i]
            for profile, owner in zip(profiles, play.owners.tolist(), strict=True)
        ]
        for i, d in enumerate(repeated.exact_discounts.tolist())
    ]
    return _Drawn(profiles, following, now)


def _rounded(
    repeated: RepeatedGame, play: Play, leaves: Sequence[Leave], simple: bool, scale: int | None
) -> PublicAutomaton | None:
    drawn = _drawn_play(repeated, play, leaves, simple, scale)
    if drawn is None:
        return None
    drawn, values = _anchored(repeated, drawn)
    return _completed(repeated, play, leaves, drawn, values.T.tolist())


def _anchored(repeated: RepeatedGame, drawn: _Drawn) -> tuple[_Drawn, Rationals]:
    """Return the play with some weights changed a little, and the payoffs of the states, shape (k, n).

    Where small changes of its weights move the continuation payoffs of a state in all directions, its payoffs are
    rounded, and the weights follow from them. Payoffs of the other states solve a linear system. Were those of all
    states to solve it, they would have as many digits as its determinant.
    """
    from scipy.sparse import csc_matrix

    moves = [(k, n, float(chance)) for k, n, chance in drawn.moves(repeated)]
    at, to, chances = zip(*moves, strict=True) if moves else ((), (), ())
    expected = csc_matrix((chances, (at, to)), (len(drawn.profiles),) * 2)
    near = np.column_stack(
        [
            solution(float(d) * expected, np.array([float(x) for x in now]))
            for d, now in zip(repeated.exact_discounts.tolist(), drawn.now, strict=True)
        ]
    )
    values, size = np.empty(near.shape, dtype=object), np.ptp(near, axis=0)
    for i, length in enumerate(size.tolist()):
        grid = Fraction(2) ** (frexp(length)[1] - _GRID)
        values[:, i] = [grid * round(Fraction(x) / grid) for x in near[:, i].tolist()]
    free = {}
    if size.all() and repeated.discounts.all():
        found = ((k, _movable(repeated, drawn, near / size, k)) for k in range(len(near)))
        free = {k: way for k, way in found if way is not None}
    while True:
        _solve_for([k for k in range(len(near)) if k not in free], repeated, drawn, values)
        moved = {k: _moved(repeated, drawn, values, k, way) for k, way in free.items()}
        if all(each is not None for each in moved.values()):
            following = [moved.get(k) or lotteries for k, lotteries in enumerate(drawn.following)]
            return drawn._replace(following=following), values
        free = {k: way for k, way in free.items() if moved[k] is not None}


def _movable(repeated: RepeatedGame, drawn: _Drawn, unit: Floats, state: int) -> list[tuple[int, int]] | None:
    """Return pairs of a signal and a state after it, the likeliest whose weights can give a state all payoffs nearby.

    There is one for each player and one for each signal whose weights are not simple fractions, which stay. None if
    there are fewer, or if one is so unlikely that its weight could become negative.
    """
    chances, count = drawn.chances(repeated, state), unit.shape[1]
    pool = [
        (float(chance * share), y, n)
        for y, (chance, lottery) in enumerate(zip(chances, drawn.following[state], strict=True))
        if chance and max(share.denominator for _, share in lottery) > _SIMPLE
        for n, share in lottery
    ]
    pool.sort(reverse=True)
    columns = np.zeros((len(pool), count + len(chances)))
    for row, (_, y, n) in zip(columns, pool, strict=True):
        row[:count], row[count + y] = unit[n], 1.0
        row *= float(chances[y])
    chosen = _independent(columns, range(len(pool)), _SPREAD)
    enough = len(chosen) == count + len({y for _, y, _ in pool}) and pool[chosen[-1]][0] > _LIGHT
    return [pool[k][1:] for k in chosen] if enough else None


def _independent(rows: Floats, order: Iterable[int], apart: float) -> list[int]:
    """Return the first rows in an order that are linearly independent, and farther than this from being dependent."""
    chosen: list[int] = []
    for k in order:
        if np.linalg.matrix_rank(rows[[*chosen, k]], tol=apart) > len(chosen):
            chosen.append(k)
        if len(chosen) == rows.shape[1]:
            break
    return chosen


def _solve_for(states: list[int], repeated: RepeatedGame, drawn: _Drawn, values: Rationals) -> None:
    """Fill in the payoffs of some states, given those of the others."""
    place = {k: new for new, k in enumerate(states)}
    expected, known = np.full((len(states), len(states)), Fraction(0)), np.full(values.shape, Fraction(0))
    for k, n, chance in drawn.moves(repeated):
        if k in place and n in place:
            expected[place[k], place[n]] += chance
        elif k in place:
            known[k] += chance * values[n]
    for i, d in enumerate(repeated.exact_discounts.tolist()):
        right = np.array(drawn.now[i], dtype=object) + d * known[:, i]
        found = solve(np.eye(len(states), dtype=int) * Fraction(1) - d * expected, right[states])
        assert found is not None  # the chances of the states that follow add up to at most one
        values[states, i] = found


def _moved(
    repeated: RepeatedGame, drawn: _Drawn, values: Rationals, state: int, chosen: list[tuple[int, int]]
) -> tuple[Lottery, ...] | None:
    """Return a state's lotteries with those weights of the chosen states that give it its payoffs."""
    chances, lotteries = drawn.chances(repeated, state), drawn.following[state]
    now = np.array([column[state] for column in drawn.now])
    mean = (values[state] - now) / repeated.exact_discounts
    signals = list(dict.fromkeys(y for y, _ in chosen))
    kept = [{n: share for n, share in each if (y, n) not in chosen} for y, each in enumerate(lotteries)]
    for y, weights in enumerate(kept):
        for n, share in weights.items():
            mean = mean - chances[y] * share * values[n]
    left = [Fraction(1) - sum(kept[y].values()) for y in signals]
    columns = [[*(chances[y] * values[n]), *(Fraction(signal == y) for signal in signals)] for y, n in chosen]
    shares = solve(np.array(columns).T, np.array([*mean, *left]))
    if shares is None or min(shares) < 0:
        return None
    for (y, n), share in zip(chosen, shares, strict=True):
        kept[y][n] = share
    return tuple(tuple((n, share) for n, share in sorted(each.items()) if share) for each in kept)


def _completed(
    repeated: RepeatedGame,
    play: Play,
    leaves: Sequence[Leave],
    drawn: _Drawn,
    columns: Sequence[Sequence[Fraction]],
) -> PublicAutomaton | None:
    """Return the automaton whose states have the payoffs in the columns, one column for each player."""
    alone = [None if owner >= 0 else leaves[-1 - owner].leaver for owner in play.owners.tolist()]
    mutual = repeated.exit.who if repeated.exit is not None else ()
    staying = [k for k, profile in enumerate(drawn.profiles) if profile is not None]
    if not staying and any(leaver is not None for leaver in alone):
        return None  # the threat to leave could not be shown to be credible
    states = tuple(
        PublicState(
            profile=profile,
            leavers=() if profile is not None else mutual if leaver is None else (leaver,),
            stayed=None if leaver is None else min(staying, key=columns[leaver].__getitem__),
            following=lotteries,
            payoffs=tuple(column[k] for column in columns),
        )
        for k, (profile, leaver, lotteries) in enumerate(
            zip(drawn.profiles, alone, drawn.following, strict=True)
        )
    )
    return PublicAutomaton(repeated=repeated, states=states, start=((0, Fraction(1)),))


def mixture(points: Sequence[Payoffs], target: Payoffs, costs: Floats) -> tuple[Lottery, bool]:
    """Return the cheapest lottery over points with this mean, or nearly, and whether the mean is exact.

    A linear program in floats finds the points that are needed; the weights are then solved for.
    """
    from scipy.optimize import linprog

    n, floats = len(target), np.array([[float(x) for x in point] for point in points])
    size = np.where(np.ptp(floats, axis=0) > 0.0, np.ptp(floats, axis=0), 1.0)
    unit, goal = (floats / size).T, np.array([float(x) for x in target]) / size
    off = np.hstack([np.eye(n), -np.eye(n)])  # the deviation of the mean, in shares of the ranges
    found = linprog(
        np.append(costs, np.full(2 * n, _FAR * costs.max())),
        A_eq=np.vstack([np.hstack([unit, off]), np.append(np.ones(len(points)), np.zeros(2 * n))]),
        b_eq=np.append(goal, 1.0),
    )
    weights = np.maximum(found.x[: len(points)], 0.0)
    heaviest = np.argsort(-weights, kind="stable").tolist()
    chosen = _independent(np.vstack([unit, np.ones(len(points))]).T, heaviest, _APART)
    if len(chosen) == n + 1:
        matrix = np.array([[points[k][i] for k in chosen] for i in range(n)] + [[Fraction(1)] * (n + 1)])
        shares = solve(matrix, np.array([*target, Fraction(1)]))
        if shares is not None and min(shares) >= 0:
            return tuple((k, share) for k, share in zip(chosen, shares, strict=True) if share), True
    rounded = _lottery(np.arange(len(weights)), weights / weights.sum(), False, 1 << 40)
    assert rounded is not None
    mean = tuple(sum((share * points[k][i] for k, share in rounded), Fraction(0)) for i in range(n))
    return rounded, mean == target


def after_leaving(repeated: RepeatedGame, leave: Leave) -> Payoffs:
    """Return the exact payoffs of an outcome of leaving: the mean if several leave at once."""
    assert repeated.exit is not None
    rows = [repeated.exit.exact[k] for k in (repeated.exit.who if leave.leaver is None else (leave.leaver,))]
    return tuple(sum((row[i] for row in rows), Fraction(0)) / len(rows) for i in range(repeated.players))


def _lottery(places: NDArray[np.intp], weights: Floats, simple: bool, scale: int | None) -> Lottery | None:
    """Return weights as simple fractions if wanted and found, else as multiples of one over a scale if there is one."""
    if simple:
        chosen = np.flatnonzero(weights > _NEAR)
        shares = [Fraction(each).limit_denominator(_SIMPLE) for each in weights[chosen].tolist()]
        near = all(abs(float(share) - weights[k]) <= _NEAR for k, share in zip(chosen, shares, strict=True))
        if near and sum(shares) == 1:
            return tuple(zip(places[chosen].tolist(), shares, strict=True))
    if scale is None:
        return None
    chosen = np.flatnonzero(weights > 0.5 / scale)
    shares = [Fraction(round(each * scale), scale) for each in weights[chosen].tolist()]
    most = max(range(len(shares)), key=shares.__getitem__)
    shares[most] += 1 - sum(shares)
    return tuple((k, share) for k, share in zip(places[chosen].tolist(), shares, strict=True) if share)
