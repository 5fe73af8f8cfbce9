r"""The path from given strategies to a stationary equilibrium: a logarithmic barrier game, followed by arclength.

Let every player weigh present values by t and, by 1 - t, a logarithmic reward
:math:`\sum_a \nu_a \log \sigma_a` that keeps her off the faces of the simplex; :math:`\nu`, the prior, is one in each
decision state. Her first-order
condition, multiplier eliminated, is

.. math:: H_a(\sigma, t) = \sigma_a \big[t (W - Q_a) + 1 - t\big] - (1 - t) \nu_a = 0,

with W the worth of the state and Q_a the one-shot value of the action. At t = 0 the only solution is the
prior; at t = 1 every action is unused or a best reply. Summed over actions H says that probabilities sum
to one. For almost every prior the solutions with 0 <= t < 1 are smooth curves inside the simplex; the one
that starts at the prior cannot come back to t = 0, so it comes as close to t = 1 as one likes.

The last steps, from the neighbourhood of a stationary equilibrium to the equilibrium and its proof, are `refined`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._markov.arrays import Arrays, Evaluation

Bordered = Callable[[Floats, Floats], Floats]
"""Solves with a matrix of N rows and N + 1 columns and one more row, the first argument."""


def bordered(arrays: Arrays, value: Evaluation, *, scale: Floats, diagonal: Floats, last: Floats) -> Bordered:
    """Return how to solve with the columns `scale * slope of the loss + diagonal`, `last` and a further row."""
    size = arrays.size
    matrix = np.empty((size, size + 1))
    np.multiply(arrays.slope(value), scale[:, None], out=matrix[:, :-1])
    matrix.flat[:: size + 2] += diagonal
    matrix[:, -1] = last
    return lambda border, right: np.asarray(np.linalg.solve(np.vstack([matrix, border]), right))


_CORRECTIONS = 3  # of Newton after a step; one that needs more was too long
_FIRST, _GROWTH = 0.3, 3.0  # step to begin with, and by how much one that went well grows
_HOPELESS = 1.5  # an error not worth correcting
_SMALLEST = 1e-10  # step at which the path is given up: rounding hides a curve that bends more sharply
_STEPS = 3000  # of a path: a bound on the time that one start takes


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point of the path and the linear system there."""

    strategy: Floats
    weight: float
    slack: Floats  # t (W - Q) + 1 - t, positive on the path; it vanishes where an action is used
    residual: Floats
    system: Bordered  # the derivative of H by strategy and weight
    error: float  # of the products sigma [...], relative to (1 - t) nu

    @property
    def place(self) -> Floats:
        """The point as a vector, weight last."""
        return np.append(self.strategy, self.weight)


def _point(arrays: Arrays, prior: Floats, place: Floats) -> Point:
    strategy, weight = place[:-1], float(place[-1])
    value = arrays.evaluate(strategy, slope=True)
    slack = weight * value.loss + (1.0 - weight)
    aim = (1.0 - weight) * prior
    residual = strategy * slack - aim
    error = float(np.abs(residual / aim).max()) if slack.min() > 0 else np.inf
    by_weight = strategy * (value.loss - 1.0) + prior
    system = bordered(arrays, value, scale=weight * strategy, diagonal=slack, last=by_weight)
    return Point(strategy, weight, slack, residual, system, error)


def path(arrays: Arrays, prior: Floats, *, tube: float) -> Iterator[Point]:
    """Yield points ever further along the path; it ends when t is 1 to rounding, or when it is lost.

    Parameters
    ----------
    arrays : Arrays
        The game.
    prior : ndarray of shape (N,)
        Positive probabilities.
    tube : float
        The largest relative error of a point; small is careful.
    """
    size = arrays.size
    ahead = np.append(np.zeros(size), 1.0)
    point, step, before = _point(arrays, prior, np.append(prior, 0.0)), _FIRST, 0.0
    for _ in range(_STEPS):
        tangent = point.system(ahead, np.append(np.zeros(size), 1.0))
        tangent /= np.linalg.norm(tangent)
        bend = (tangent - ahead) / (2.0 * before) if before else np.zeros(size + 1)
        moved = _advance(arrays, prior, point, tangent, bend, step, tube)
        if moved is None:
            return
        following, step = moved
        before = float(np.linalg.norm(following.place - point.place))
        point, ahead = following, tangent
        yield point
        if 1.0 - point.weight < _SMALLEST:
            return


def _advance(
    arrays: Arrays, prior: Floats, point: Point, tangent: Floats, bend: Floats, step: float, tube: float
) -> tuple[Point, float] | None:
    """Return the next point and the step to try after it; a step that fails is shortened.

    The error of a guess grows with the third power of the step, so the step that brings it near the tube is known.
    """
    start = point.place
    while step > _SMALLEST * (1.0 - point.weight):
        guess = start + step * tangent + step**2 * bend
        if guess[-1] >= 1.0:  # cut so as to leave a twentieth of the way to t = 1
            step *= 0.95 * (1.0 - point.weight) / (guess[-1] - point.weight)
            continue
        found, error = _correct(arrays, prior, point, guess, tangent, tube)
        ideal = (5.0 * tube / max(error, 1e-9)) ** (1 / 3)
        if found is not None:
            return found, step * min(max(ideal, 0.5), _GROWTH)
        step *= min(max(ideal, 0.1), 0.5)
    return None


def _correct(
    arrays: Arrays, prior: Floats, point: Point, guess: Floats, tangent: Floats, tube: float
) -> tuple[Point | None, float]:
    """Return to the path on the plane across the tangent, by Newton's method; and the error of the guess."""
    first = last = np.inf
    for corrections in range(_CORRECTIONS):
        if not 0.0 < guess[-1] < 1.0:
            break
        negative = guess[:-1] <= 0
        if negative.any():
            guess[:-1][negative] = 0.1 * point.strategy[negative]
        found = _point(arrays, prior, guess)
        first = found.error if corrections == 0 else first
        if found.error < tube:
            return found, first
        if found.error > min(_HOPELESS, last):
            break
        last = found.error
        guess = guess - found.system(tangent, np.append(found.residual, 0.0))
    return None, first


REGRET = 1e-12  # that an equilibrium promises, over the range of payoffs
_ROUNDS = 25  # of Newton on one support, which needs five
# Of probability to loss: the guess of what is used, then bolder and more timid ones.
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
    # of each block; that of a choice to leave is to stay
    first = np.flatnonzero(np.diff(arrays.block, prepend=-1))
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


def supports(arrays: Arrays, point: Point) -> Iterator[NDArray[np.bool_]]:
    """Yield guesses of the actions used: probability large against the loss; never none in a block."""
    best = np.zeros(arrays.decisions * arrays.players)
    np.maximum.at(best, arrays.block, point.strategy)
    most = point.strategy == best[arrays.block]
    for ratio in _RATIOS:
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
        strategy = strategy.copy()
        # The shortest of the least-squares solutions, since equilibria may form a continuum.
        strategy[mixed] -= np.linalg.lstsq(
            arrays.slope(value)[np.ix_(mixed, mixed)], value.loss[mixed], rcond=1e-10
        )[0]
        if np.abs(strategy[mixed]).max() > 2.0:
            break
    if best.min() < -1e-9:
        return None
    return arrays.normalise(np.maximum(best, 0.0))
