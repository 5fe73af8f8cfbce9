"""Mixed actions that make an opponent indifferent, and the value of a matrix game, in exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Integers, Rationals, floats, fractions, integers, maximise, product, solve

Strategy = tuple[Fraction, ...]

_QUICK = 8  # up to this many actions exact pivoting needs no guess of the support


def indifferent(payoffs: Integers, own: tuple[int, ...], replies: tuple[int, ...]) -> Strategy | None:
    """Mix the actions `own` so that the opponent's best replies include `replies`; None if impossible.

    Parameters
    ----------
    payoffs : (m, n) array of int
        The opponent's payoff of reply j against action i; all positive.
    """
    part = payoffs[list(own)]
    mixed = square(part, replies) if len(own) == len(replies) else None
    if mixed is None:
        # Variables: the weights and the opponent's payoff. The given replies attain it, and no other exceeds it.
        count = len(own)
        at_most = np.hstack([part.T, -np.ones((payoffs.shape[1], 1), dtype=int)])
        total = np.append(np.ones(count, dtype=int), 0)[None]
        matrix = fractions(np.vstack([at_most, -at_most[list(replies)], total, -total]))
        right = fractions(np.array([0] * (len(matrix) - 2) + [1, -1]))
        program = maximise(fractions(np.zeros(count + 1, dtype=int)), matrix, right)
        if program is None:
            return None
        mixed = program.solution[:-1]
    return spread(mixed, own, len(payoffs))


def square(part: Integers, replies: tuple[int, ...]) -> Strategy | None:
    """Solve as many indifference conditions as there are actions, if their one solution is an answer."""
    count = len(replies)
    system: Integers = np.zeros((count + 1, count + 1), dtype=object)
    system[:count, :count], system[:count, -1], system[-1, :count] = part[:, list(replies)].T, -1, 1
    solution = solve(fractions(system), fractions(np.append(np.zeros(count, dtype=int), 1)))
    if solution is None or min(solution[:-1]) < 0:
        return None
    worth = product(np.array(solution[:-1], dtype=object), part)
    return solution[:-1] if max(worth) == solution[-1] else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixGame:
    """The value of a zero-sum game and a pair of optimal mixed actions, exactly."""

    value: Fraction
    row: Strategy
    column: Strategy


def matrix_game(payoffs: Rationals) -> MatrixGame:
    r"""Solve :math:`\max_x \min_y x^\top M y` in exact arithmetic.

    Notes
    -----
    Small games are solved by the exact simplex method. For larger ones a float solver finds the actions in
    use, and the indifference conditions on them are solved exactly. If the two mixtures do not prove the value, the
    exact simplex method is used.
    """
    whole, scale = integers(payoffs)
    least = whole.min()
    positive = whole - least + 1
    row, column = (_guess(positive) if max(positive.shape) > _QUICK else None) or _pivoted(positive)
    value = (max(product(positive, np.array(column, dtype=object))) + least - 1) / scale
    return MatrixGame(value=value, row=row, column=column)


def _pivoted(positive: Integers) -> tuple[Strategy, Strategy]:
    rows, columns = positive.shape
    ones = np.ones(rows + columns, dtype=int)
    program = maximise(fractions(ones[:columns]), fractions(positive), fractions(ones[:rows]))
    assert program is not None  # y = 0 is feasible
    weigh = 1 / program.value
    return tuple(weigh * x for x in program.multipliers), tuple(weigh * y for y in program.solution)


def _guess(positive: Integers) -> tuple[Strategy, Strategy] | None:
    from scipy.optimize import linprog

    unit: Floats = floats(fractions(positive) / positive.max())
    found = linprog(-np.ones(unit.shape[1]), A_ub=unit, b_ub=np.ones(unit.shape[0]), method="highs")
    if found.x is None:
        return None
    rows = tuple(np.flatnonzero(-found.ineqlin.marginals > 1e-9).tolist())
    columns = tuple(np.flatnonzero(found.x > 1e-9).tolist())
    if len(rows) != len(columns):
        return None
    flipped = positive.max() + 1 - positive
    y, x = square(positive.T[list(columns)], rows), square(flipped[list(rows)], columns)
    if x is None or y is None:
        return None
    return spread(x, rows, unit.shape[0]), spread(y, columns, unit.shape[1])


def spread(weights: Strategy, at: Sequence[int], count: int) -> Strategy:
    """Return the strategy over `count` actions that uses the actions `at` alone."""
    full = [Fraction(0)] * count
    for action, weight in zip(at, weights, strict=True):
        full[action] = weight
    return tuple(full)
