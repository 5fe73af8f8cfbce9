"""Strategies under imperfect public monitoring as automata in rationals: transitions depend only on the signal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import solve
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria.automaton import Lottery, Payoffs, PublicAutomaton, PublicState, reachable
from bargaining.equilibria.repeated._hyperplanes.recipes import Play
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, loosened
from bargaining.errors import Unsolved
from bargaining.games.repeated import RepeatedGame

_SIMPLE = 1000  # the largest denominator of weights that are rounded to simple fractions
_APART = 1e-9  # of the ranges: points closer to a plane than this count as points of the plane
_FAR = 1e4  # a deviation from the mean, in shares of the ranges, costs so many times as much as a state
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

    Lotteries that are close to simple ones become simple: on a knife edge their states have no slack. The others are
    rounded so finely that the slack of the incentive constraints covers the error; so are all of them if simple ones
    leave some regret. Payoffs follow from the weights.
    """
    impatience, slack = 1.0 - float(repeated.discounts.max()), min(max(-play.excess, 1e-12), 1.0)
    scale = 1 << int(np.clip(np.ceil(np.log2(16.0 / (impatience * slack))), 20, 60))
    made = (_rounded(repeated, play, leaves, simple, scale) for simple in (True, False))
    return next((each for each in made if each is not None and each.regret == 0), None)


def _rounded(
    repeated: RepeatedGame, play: Play, leaves: Sequence[Leave], simple: bool, scale: int
) -> PublicAutomaton | None:
    rows, states = play.lotteries, list[PublicState]()
    places, signals = list(np.ndindex(*repeated.game.shape)), rows.shape[0] // len(play.owners)
    alone = [None if owner >= 0 else leaves[-1 - owner].leaver for owner in play.owners.tolist()]
    mutual = repeated.exit.who if repeated.exit is not None else ()
    nothing = (Fraction(0),) * repeated.players
    for k, (owner, leaver) in enumerate(zip(play.owners.tolist(), alone, strict=True)):
        if owner < 0:
            leavers = mutual if leaver is None else (leaver,)
            states.append(PublicState(profile=None, leavers=leavers, payoffs=nothing))
            continue
        parts = [slice(*rows.indptr[row : row + 2]) for row in range(k * signals, (k + 1) * signals)]
        following = tuple(_lottery(rows.indices[at], rows.data[at], simple, scale) for at in parts)
        states.append(PublicState(profile=places[owner], following=following, payoffs=nothing))
    start = ((0, Fraction(1)),)
    values = PublicAutomaton(repeated=repeated, states=tuple(states), start=start).values()
    staying = [k for k, state in enumerate(states) if state.profile is not None]
    if not staying and any(leaver is not None for leaver in alone):
        return None  # the threat to leave could not be shown to be credible
    lowest = [
        min(staying, key=[x[i] for x in values].__getitem__, default=0) for i in range(repeated.players)
    ]
    stayed = [None if i is None else lowest[i] for i in alone]
    whole = tuple(
        replace(state, payoffs=value, stayed=each)
        for state, value, each in zip(states, values, stayed, strict=True)
    )
    return PublicAutomaton(repeated=repeated, states=whole, start=start)


def _independent(rows: Floats, order: Iterable[int]) -> list[int]:
    """Return the first rows in an order that are linearly independent, and not close to being dependent."""
    chosen: list[int] = []
    for k in order:
        if np.linalg.matrix_rank(rows[[*chosen, k]], tol=_APART) > len(chosen):
            chosen.append(k)
        if len(chosen) == rows.shape[1]:
            break
    return chosen


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
    chosen = _independent(np.vstack([unit, np.ones(len(points))]).T, heaviest)
    if len(chosen) == n + 1:
        matrix = np.array([[points[k][i] for k in chosen] for i in range(n)] + [[Fraction(1)] * (n + 1)])
        shares = solve(matrix, np.array([*target, Fraction(1)]))
        if shares is not None and min(shares) >= 0:
            return tuple((k, share) for k, share in zip(chosen, shares, strict=True) if share), True
    rounded = _lottery(np.arange(len(weights)), weights / weights.sum(), False, 1 << 40)
    mean = tuple(sum((share * points[k][i] for k, share in rounded), Fraction(0)) for i in range(n))
    return rounded, mean == target


def _lottery(places: NDArray[np.intp], weights: Floats, simple: bool, scale: int) -> Lottery:
    """Return weights as simple fractions if wanted and close, else as multiples of one over a scale."""
    if simple:
        chosen = np.flatnonzero(weights > _NEAR)
        shares = [Fraction(each).limit_denominator(_SIMPLE) for each in weights[chosen].tolist()]
        near = all(abs(float(share) - weights[k]) <= _NEAR for k, share in zip(chosen, shares, strict=True))
        if near and sum(shares) == 1:
            return tuple(zip(places[chosen].tolist(), shares, strict=True))
    chosen = np.flatnonzero(weights > 0.5 / scale)
    shares = [Fraction(round(each * scale), scale) for each in weights[chosen].tolist()]
    most = max(range(len(shares)), key=shares.__getitem__)
    shares[most] += 1 - sum(shares)
    return tuple((k, share) for k, share in zip(places[chosen].tolist(), shares, strict=True) if share)
