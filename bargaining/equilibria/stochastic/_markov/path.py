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
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._markov.arrays import Arrays
from bargaining.equilibria.stochastic._markov.linear import Bordered, bordered

_CORRECTIONS = 3
_FIRST, _GROWTH = 0.3, 3.0
_HOPELESS = 1.5  # an error not worth correcting
_SMALLEST = 1e-10
_STEPS = 3000


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
    point, step, before = _point(arrays, prior, np.append(prior, 0.0)), _FIRST, None
    for _ in range(_STEPS):
        tangent = point.system(ahead, np.append(np.zeros(size), 1.0))
        tangent /= np.linalg.norm(tangent)
        bend = np.zeros(size + 1) if before is None else (tangent - ahead) / (2.0 * before)
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
