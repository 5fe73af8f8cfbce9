"""From the neighbourhood of a stationary equilibrium to the equilibrium, and the proof of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._markov.arrays import Arrays
from bargaining.equilibria.stochastic._markov.linear import step
from bargaining.equilibria.stochastic._markov.path import Point

REGRET = 1e-12
_ROUNDS = 25
_RATIOS = (1.0, 1e-2, 1e2, 1e-4, 1e4)


def regret(arrays: Arrays, strategy: Floats) -> float:
    """Return the largest gain by a deviation in one period, as a present value over the range of payoffs.

    Where a player may leave, a period holds two decisions: to stay, and then what to do. Who deviates at both gains
    what staying gains her, and what acting otherwise gains her if nobody else leaves. No deviation, however long,
    raises an average payoff by more: with R for the largest gain of a period and d for the discount factor she gains
    no more than R + d R + ... from any period on.
    """
    worth = arrays.evaluate(strategy, slope=False).worth
    loss = arrays.anchored(worth).evaluate(strategy, slope=False).loss
    n, gain = arrays.players, -loss
    first = np.flatnonzero(
        np.diff(arrays.block, prepend=-1)
    )  # of each block; that of a choice to leave is to stay
    best = np.maximum.reduceat(gain, first).reshape(-1, n)  # by a deviation at one decision
    stage = np.arange(len(arrays.entry))
    opened = np.flatnonzero(arrays.entry != stage)
    for s, e in zip(stage[opened], arrays.entry[opened], strict=True):
        stay = strategy[first[e * n : (e + 1) * n]]
        for i in range(n):
            others = np.delete(stay, i).prod()
            both = gain[first[e * n + i]] + others * max(best[s, i], 0.0)
            best[e, i] = max(best[e, i], both)
    return float(max(0.0, best.max()))


def supports(
    arrays: Arrays, point: Point, ratios: tuple[float, ...] = _RATIOS
) -> Iterator[NDArray[np.bool_]]:
    """Yield guesses of the actions used: probability large against the loss; never none in a block."""
    best = np.zeros(arrays.decisions * arrays.players)
    np.maximum.at(best, arrays.block, point.strategy)
    most = point.strategy == best[arrays.block]
    for ratio in ratios:
        yield (point.strategy > ratio * point.slack) | most


def refine(arrays: Arrays, strategy: Floats, used: NDArray[np.bool_]) -> Floats | None:
    """Return the equilibrium that uses these actions alone, by Newton's method from a strategy nearby.

    Where several actions of a block are used their losses W - Q must vanish; that they sum to one follows.
    None if there is no equilibrium of the promised accuracy.
    """
    strategy = arrays.normalise(np.where(used, strategy, 0.0))
    counts = np.bincount(arrays.block, used)
    mixed = np.flatnonzero(used & (counts[arrays.block] > 1))
    if mixed.size:
        found = _newton(arrays, strategy, mixed)
        if found is None:
            return None
        strategy = found
    return strategy if regret(arrays, strategy) <= REGRET else None


def _newton(arrays: Arrays, strategy: Floats, mixed: NDArray[np.intp]) -> Floats | None:
    arrays = arrays.anchored(arrays.evaluate(strategy, slope=False).worth)
    best, least = strategy, np.inf
    for _ in range(_ROUNDS):
        value = arrays.evaluate(strategy, slope=True)
        error = float(np.abs(value.loss[mixed]).max())
        if not error < least:
            break
        best, least = strategy, error
        move = step(arrays, value, mixed)
        if move is None:
            return None
        strategy = strategy.copy()
        strategy[mixed] -= move
        if np.abs(strategy[mixed]).max() > 2.0:
            break
    if best.min() < -1e-9:
        return None
    return arrays.normalise(np.maximum(best, 0.0))
