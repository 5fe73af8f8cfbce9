"""A curved Pareto frontier of two players, in gains over ideal gains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.concepts._pareto import beyond, both_gain
from bargaining.concepts._sampled import Followed
from bargaining.feasible._slopes import Condition
from bargaining.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """The frontier as a function of player 0's gain; arguments have the shape of the batch, or one more axis before.

    Attributes
    ----------
    function, slope : callable
        Player 1's gain and its derivative, both over ideal gains.
    steeper : callable or None
        The derivative plus its estimated error, if it is by differences.
    balance : callable
        Takes a condition on a gain of player 0, that of player 1 and the derivative, and returns where it passes zero.
    off_balance : callable
        Takes a condition and a gain of player 0, and returns by how much it misses zero there.
    left, right : ndarray, shape (...)
        The interval, in [0, 1]: outside it the frontier is level or upright.
    error : float
        How far the function is off.
    """

    function: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    steeper: Callable[[Floats], Floats] | None
    balance: Callable[[Condition], Floats]
    off_balance: Callable[[Condition, Floats], Floats]
    left: Floats
    right: Floats
    error: float = 0.0

    def cell(self, index: tuple[int, ...]) -> Curve:
        """Return the curve of one cell, with arguments of shape (m,)."""
        shape = self.left.shape
        if not shape:
            return self
        place = int(np.ravel_multi_index(index, shape))

        def only(whole: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
            def one(x: Floats) -> Floats:
                every = np.broadcast_to(
                    np.reshape(x, (*np.shape(x), *(1,) * len(shape))), (*np.shape(x), *shape)
                )
                return whole(every).reshape(*np.shape(x), -1)[..., place]

            return one

        return Curve(
            function=only(self.function),
            slope=only(self.slope),
            steeper=None if self.steeper is None else only(self.steeper),
            balance=self.balance,
            off_balance=self.off_balance,
            left=self.left[index],
            right=self.right[index],
            error=self.error,
        )


def curve(followed: Followed, problem: Problem, ideal: Floats) -> Curve:
    """Return a frontier as a curve in gains over ideal gains."""
    d = np.broadcast_to(problem.disagreement, ideal.shape)
    usual = both_gain(ideal, d)[..., None]
    safe = np.where(usual, ideal, beyond(d))
    gains = safe - d
    frontier = followed.frontier
    (d0, d1), (g0, g1) = (np.moveaxis(a, -1, 0) for a in (d, gains))
    low, high = np.broadcast_to(frontier.lower, d0.shape), np.broadcast_to(frontier.upper, d0.shape)

    def at(u: Floats) -> Floats:
        return np.asarray(np.clip(d0 + u * g0, low, high))

    def function(u: Floats) -> Floats:
        return np.asarray((frontier.function(at(u)) - d1) / g1)

    def slope(u: Floats) -> Floats:
        return np.asarray(frontier.slope(at(u)) * (g0 / g1))

    def steeper(u: Floats) -> Floats:
        derivative, error = frontier.slopes(at(u)).best()
        return np.asarray((derivative - error) * (g0 / g1))

    def in_payoffs(condition: Condition) -> Condition:
        return lambda x, y, slope: condition((x - d0) / g0, (y - d1) / g1, slope * (g0 / g1))

    left = np.where(usual[..., 0], np.maximum(low - d0, 0.0) / g0, 0.0)
    first, last = at(left), at(np.ones(d0.shape))
    return Curve(
        function=function,
        slope=slope,
        steeper=steeper if frontier.derivative is None else None,
        balance=lambda condition: (frontier.balance(in_payoffs(condition), first, last)[0] - d0) / g0,
        off_balance=lambda condition, u: frontier.off_balance(in_payoffs(condition), at(u), first, last),
        left=left,
        right=np.ones(d0.shape),
        error=followed.error,
    )
