"""Sums of squares of residuals, or of weighted moments: where they are least, and for which values of a parameter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput

UNIT, REAL, POSITIVE = "(0, 1)", "real", "(0, inf)"
EDGE = 1e-6  # estimates this close to an end of their range count as at the end
_STEP = 1e-30  # of derivatives: an imaginary step loses no digits
# Where residuals have kinks: the log-odds that are searched, how closely, and with how many points a parameter, along a
# profile and in all.
_RANGE, _FINE, _FEW, _MANY = (-8.0, 8.0), 1e-10, 15, 60
# Where ranges count as exhausted: shares this close to 0 or 1, this many standard errors.
_END, _DISTANT = 1e-9, 1e4


class Criterion:
    """A sum of squares in unbounded parameters: those in (0, 1) are replaced by their log-odds.

    The terms are the residuals of a model, (m,), or, with `weights`, (q, m), products with them.
    """

    def __init__(self, model: Any, weights: Floats | None = None) -> None:
        self.model, self.weights = model, weights
        self.unit = np.array([kind == UNIT for _, kind in model._ranges()])
        self.values, *self.starts = (np.array(start) for start in model._starts())
        self.lowest = np.inf
        self.z: Floats | None = None

    def natural(self, free: Floats) -> Floats:
        """Return the parameters with shares in place of their log-odds."""
        with np.errstate(over="ignore"):
            return np.where(self.unit, 1 / (1 + np.exp(-np.where(self.unit, free, 0.0))), free)

    def free(self, natural: Floats) -> Floats:
        """Return the parameters with log-odds in place of shares."""
        inside = np.where(self.unit, np.clip(natural, _END, 1 - _END), 0.5)
        return np.where(self.unit, np.log(inside / (1 - inside)), natural)

    def at(self, natural: Floats) -> tuple[Floats, Floats]:
        """Return residuals, (m,), and their derivatives in the parameters, (k, m)."""
        with np.errstate(all="ignore"):  # what is not finite is refused in the end
            residuals = self.model._residuals(list(natural[:, None]))
        return np.broadcast_to(residuals, (self.model.observations,)), self._gradient(natural)

    def _gradient(self, natural: Floats) -> Floats:
        steps = natural[:, None] + 1j * _STEP * np.eye(len(natural))
        with np.errstate(all="ignore"):
            slopes = np.imag(self.model._residuals(list(steps[:, :, None]))) / _STEP
        return np.broadcast_to(slopes, (len(natural), self.model.observations))

    def slopes(self, free: Floats) -> Floats:
        """Return the derivatives of the terms in unbounded parameters, (k, m) or (k, q)."""
        natural = self.natural(free)
        slopes = self._gradient(natural) * np.where(self.unit, natural * (1 - natural), 1.0)[:, None]
        return slopes if self.weights is None else slopes @ self.weights.T

    def total(self, free: Floats) -> float:
        """Return the sum of squares; infinite where residuals are NaN, so that any other is less."""
        return float(self.totals(free[:, None])[0])

    def totals(self, free: Floats) -> Floats:
        """Return the sums of squares at many parameters, (k, n)."""
        with np.errstate(all="ignore"):
            sums = (self.terms(free) ** 2).sum(axis=1)
        return np.where(np.isnan(sums), np.inf, sums)

    def terms(self, free: Floats) -> Floats:
        """Return the terms whose squares are summed at many parameters, (n, m) or (n, q)."""
        with np.errstate(all="ignore"):
            residuals = self.model._residuals(list(self.natural(free.T).T[:, :, None]))
        residuals = np.broadcast_to(residuals, (free.shape[1], self.model.observations))
        return residuals if self.weights is None else residuals @ self.weights.T

    def solve(self, fixed: dict[int, float] | None = None) -> Criterion:
        """Move to the parameters with the least sum of squares, some of them fixed."""
        self.values, self.lowest = self.least(fixed)
        return self

    def least(self, fixed: dict[int, float] | None = None) -> tuple[Floats, float]:
        """Return the parameters with the least sum of squares, some of them fixed, and the sum.

        Where residuals have kinks there are several local minima, some of them at kinks, where derivatives do not help:
        differential evolution compares values alone.
        """
        from scipy.optimize import differential_evolution

        fixed = fixed or {}
        moving = np.array([k for k in range(len(self.unit)) if k not in fixed], dtype=np.intp)
        firsts = []
        for start in (self.values, *self.starts):
            natural = start.copy()
            natural[list(fixed)] = list(fixed.values())
            firsts.append(self.free(natural))
        best = min(firsts, key=self.total)
        if moving.size and self.model._kinked:

            def totals(parts: Floats) -> Floats:
                free = np.repeat(best[:, None], parts.shape[1], axis=1)
                free[moving] = parts
                return self.totals(free)

            size = _FEW if fixed else _MANY
            low = differential_evolution(
                totals,
                [_RANGE] * moving.size,
                popsize=size,
                tol=_FINE,
                polish=False,
                vectorized=True,
                updating="deferred",
                rng=0,
            ).x
            best = min(best, _replaced(best, moving, low), key=self.total)
        if moving.size:
            best = self._descend(best, moving)
        return self.natural(best), self.total(best)

    def _descend(self, first: Floats, moving: NDArray[np.intp]) -> Floats:
        """Return where derivatives lead in some of the parameters, or the start if there is nothing to gain."""
        from scipy.optimize import leastsq

        complete = partial(_replaced, first, moving)
        with np.errstate(all="ignore"):
            part = leastsq(
                lambda part: self.terms(complete(part)[:, None])[0],
                first[moving],
                Dfun=lambda part: self.slopes(complete(part))[moving],
                col_deriv=True,
                ftol=1e-14,
                xtol=1e-12,
                full_output=True,  # without it, an end without convergence is a warning
            )[0]
        end = complete(np.atleast_1d(part))
        return end if self.total(end) <= self.total(first) else first

    def ratio(self, j: int, value: float, groups: NDArray[np.intp] | None, *, robust: bool) -> float:
        """Return the statistic of the likelihood ratio of one value of a parameter, the others free to adjust.

        It is the gain in the sum of squares from leaving the value, over the variance of the step d in residuals that
        leads there: :math:`(S - S^*)\\, d'd / \\sum_g (d_g'u_g)^2`, with the residuals u at the value; away from ends
        and kinks the square of a sum over the sum of squares. Without `robust` the variance is that of u.
        """
        values, total = self.least({j: value})
        gain = max(total - self.lowest, 0.0)
        if self.weights is not None:
            return gain * float(self.weights.shape[1])
        residuals = self.at(values)[0]
        step = residuals - self.at(self.values)[0]
        if not robust:
            return gain * len(step) / total
        variance = (summed((step * residuals)[:, None], groups) ** 2).sum()
        return float(gain * (step @ step) / variance) if variance > 0 else 0.0

    def interval(self, j: int, scale: float, statistic: Callable[[float], float]) -> tuple[float, float]:
        """Return the ends of the values of a parameter around the best one at which a statistic is not positive.

        Parameters
        ----------
        scale : float
            The standard error of a parameter without ends.
        statistic : callable
            Not positive at the best value.
        """
        from scipy.optimize import brentq

        def value_at(z: float) -> float:
            free = np.full(len(self.unit), z)
            return float(self.natural(free)[j])

        centre = float(self.free(self.values)[j])
        limits = self.free(np.array([0.0, 1.0])[:, None] * np.ones(len(self.unit)))[:, j]
        if not self.unit[j]:
            limits = centre + _DISTANT * scale * np.array([-1.0, 1.0])
        ends = []
        for limit, end in zip(limits, (0.0, 1.0) if self.unit[j] else (-np.inf, np.inf), strict=True):
            # Of figures whose squares are not finite the statistic is no number: then nothing bounds the parameter.
            if limit == centre or not statistic(value_at(limit)) > 0 or not statistic(value_at(centre)) <= 0:
                ends.append(end)
            else:
                root = brentq(lambda z: np.nan_to_num(statistic(value_at(z))), centre, limit, xtol=1e-6)
                ends.append(round(value_at(root), 8) if self.unit[j] else value_at(root))
        return ends[0], ends[1]


def two_steps(
    model: Any, z: Floats, groups: NDArray[np.intp] | None, fixed: dict[int, float] | None = None
) -> Criterion:
    """Return the criterion of the generalised method of moments in two steps, solved with some parameters fixed."""
    m = len(z)
    first = Criterion(model, np.linalg.inv(np.linalg.cholesky(z.T @ z / m)) @ z.T / m)
    values = first.solve(fixed).values
    moments = summed(z * first.at(values)[0][:, None], groups)
    moments = moments - moments.mean(axis=0)
    try:
        root = np.linalg.inv(np.linalg.cholesky(moments.T @ moments / m))
    except np.linalg.LinAlgError:
        raise InvalidInput(
            "`instruments` must vary: the moments' variance is singular. Take fewer."
        ) from None
    second = Criterion(model, root @ z.T / m)
    second.starts, second.z = [values, *second.starts], z
    return second.solve(fixed)


def summed(rows: Floats, groups: NDArray[np.intp] | None) -> Floats:
    """Return sums of rows by group, or the rows."""
    if groups is None:
        return rows
    sums = np.zeros((int(groups.max()) + 1, *rows.shape[1:]))
    np.add.at(sums, groups, rows)
    return sums


def _replaced(whole: Floats, places: NDArray[np.intp], part: Floats) -> Floats:
    """Return an array in which some entries are replaced."""
    result = whole.copy()
    result[places] = part
    return result
