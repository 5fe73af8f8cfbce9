"""Strategies under imperfect public monitoring as automata in rationals: transitions depend only on the signal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import frexp
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import Rationals, solve
from bargaining.equilibria._affine import solution
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria.automaton import (
    Lottery,
    Payoffs,
    Profile,
    PublicAutomaton,
    PublicState,
    reachable,
)
from bargaining.equilibria.repeated._hyperplanes.recipes import Play
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, loosened
from bargaining.errors import Unsolved
from bargaining.games.repeated import RepeatedGame

_SIMPLE = 1000  # the largest denominator of weights that are rounded to simple fractions
_APART = 1e-9  # of the ranges: points closer to a plane than this count as points of the plane
_GRID = 48  # bits of payoffs that are rounded: fewer than floats have
_SPREAD = 1e-6  # the least spread of points whose weights follow from rounded payoffs: these move by 1e-8
_FAR = 1e4  # a deviation from the mean, in shares of the ranges, costs so many times as much as a state
_LIGHT = 1e-9  # the least chance of such a point, so that its weight stays positive
_NEAR = 1e-9  # how near to a simple fraction a weight must be


def begun(automaton: PublicAutomaton, start: Lottery) -> PublicAutomaton:
    """Return the automaton that starts with a lottery over its states; unreachable states are dropped."""
    kept = np.flatnonzero(_paths(automaton)[[k for k, _ in start]].any(axis=0)).tolist()
    place = {k: new for new, k in enumerate(kept)}

    def moved(lottery: Lottery) -> Lottery:
        return tuple((place[n], share) for n, share in lottery)

    states = tuple(
        replace(
            state,
            following=tuple(map(moved, state.following)),
            stayed=None if state.stayed is None else place[state.stayed],
        )
        for state in (automaton.states[k] for k in kept)
    )
    return PublicAutomaton(repeated=automaton.repeated, states=states, start=moved(tuple(sorted(start))))


def _paths(automaton: PublicAutomaton) -> NDArray[np.bool_]:
    """Return which states may follow each, also after a player has stayed who should have left."""
    moves = np.zeros((len(automaton.states),) * 2)
    for k, state in enumerate(automaton.states):
        for lottery in state.following:
            moves[k, [n for n, _ in lottery]] = 1.0
        if state.stayed is not None:
            moves[k, state.stayed] = 1.0
    return reachable(moves)


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
            [state.payoffs for state in automaton.states],
            tuple(payoffs),
            _paths(automaton).sum(axis=1).astype(float),
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
