"""Estimates with their standard errors and intervals, and bounds on parameters that are not identified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import function, whole
from bargaining._arrays import Floats, real, record, scalar
from bargaining._rich import Card, Result, Shown, counted, number
from bargaining.errors import InvalidInput, Status, Unsolved, with_article

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bargaining.tables.table import Table


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

    def ratio(self, j: int, value: float, groups: NDArray[np.intp] | None) -> float:
        """Return the statistic of the likelihood ratio of one value of a parameter, the others free to adjust.

        It is the gain in the sum of squares from leaving the value, over the variance of the step d in residuals that
        leads there: :math:`(S - S^*)\\, d'd / \\sum_g (d_g'u_g)^2`, with the residuals u at the value; away from ends
        and kinks the square of a sum over the sum of squares.
        """
        values, total = self.least({j: value})
        gain = max(total - self.lowest, 0.0)
        if self.weights is not None:
            return gain * float(self.weights.shape[1])
        residuals = self.at(values)[0]
        step = residuals - self.at(self.values)[0]
        variance = (summed((step * residuals)[:, None], groups) ** 2).sum()
        return float(gain * (step @ step) / variance) if variance > 0 else 0.0

    def interval(self, j: int, scale: float, statistic: Callable[[float], float]) -> tuple[float, float]:
        """Return the ends of the values of a parameter around the best one at which a statistic is not positive.

        `scale` is the standard error of a parameter without ends.
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


# Effective first-stage F: 5% critical value for a bias above a tenth of the worst (one instrument).
_STRONG = 23.1
_GRID = np.linspace(-14.0, 14.0, 29)  # log-odds of the weights that Anderson-Rubin sets are searched for
_SLICES = 17  # weights between the ends of such a set, at which the sets of costs are computed
_NESTED = 1e-9  # of the sum of squares: a model that explains another's predictions as closely contains it


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Shown):
    """A test.

    Attributes
    ----------
    statistic, p_value : float
        Of the null hypothesis.
    statement : str
        The conclusion in words.
    """

    statistic: float
    p_value: float
    statement: str


@record
class Estimates(Result):
    """Parameters estimated from observed negotiations.

    Attributes
    ----------
    names : tuple of str
        The parameters.
    values : ndarray, shape (k,)
        The estimates; NaN where a parameter is not identified.
    covariance : ndarray, shape (k, k)
        Of the estimates; NaN where a parameter is not identified, is at an end of its range, or depends on one cluster.
    degrees : ndarray, shape (k,)
        Degrees of freedom of each parameter's t-statistic.
    lower, upper : ndarray, shape (k,)
        Bounds of the identified set of each parameter; both equal the estimate if it is identified.
    log_likelihoods : ndarray, shape (m,)
        Of each observation at the estimates; for "gmm" as if residuals were normal.
    objective : float
        The sum of squared residuals, or the statistic of Hansen's J test.
    spare : int
        Number of moments for "gmm" less number of parameters, or of the directions that are identified; else 0.
    first_stage : float
        For `NashInNashModel` the effective F of Montiel Olea and Pflueger (2013): how strongly instruments move the
        suppliers' margins, given the covariates; NaN for other models.
    method, errors : str
        How parameters and their standard errors were computed.
    model : object
        The model.
    fit_options : mapping
        The other arguments of `fit`.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    degrees: Floats
    lower: Floats
    upper: Floats
    log_likelihoods: Floats
    objective: float
    spare: int
    first_stage: float
    method: str
    errors: str
    model: Any
    fit_options: Mapping[str, Any] = field(default_factory=dict)
    _criterion: Criterion | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """Show estimates with their standard errors."""
        each = zip(self.names, self.values, self._deviations(), strict=True)
        parts = ", ".join(f"{name} {number(value)} ± {number(error, 2)}" for name, value, error in each)
        size = counted(self.nobs, "observation")
        return f"<Estimates of {type(self.model).__name__}: {parts}; {size}, {self.status.name}>"

    @property
    def status(self) -> Status:
        """OK, or MULTIPLE if several values of a parameter fit as well, or nearly so with weak instruments."""
        return Status.OK if self.identified.all() else Status.MULTIPLE

    @property
    def reason(self) -> str:
        """Which parameters are not identified; empty if all are."""
        return "" if self.status is Status.OK else self.statement

    @property
    def params(self) -> pd.Series[float]:
        """The estimates by name."""
        return self._by_name(self.values, "params")

    @property
    def std_errors(self) -> pd.Series[float]:
        """Their standard errors by name."""
        return self._by_name(self._deviations(), "std_errors")

    @property
    def cov(self) -> pd.DataFrame:
        """Their covariances, by names."""
        import pandas as pd

        return pd.DataFrame(self.covariance, index=list(self.names), columns=list(self.names))

    @property
    def tstats(self) -> pd.Series[float]:
        """Estimates over their standard errors."""
        return (self.params / self.std_errors).rename("tstats")

    @property
    def pvalues(self) -> pd.Series[float]:
        """The p-values of the hypotheses that a parameter is zero, from Student's t with `degrees`."""
        from scipy.stats import t

        return self._by_name(2 * t.sf(np.abs(self.tstats.to_numpy()), self.degrees), "pvalues")

    @property
    def identified(self) -> pd.Series[bool]:
        """Whether each parameter is identified; none is with weak instruments."""
        return self._by_name(np.isfinite(self.values) & (not self._weak), "identified")

    @property
    def loglike(self) -> float:
        """The log-likelihood."""
        return float(self.log_likelihoods.sum())

    @property
    def nobs(self) -> int:
        """The number of observations."""
        return len(self.log_likelihoods)

    @property
    def aic(self) -> float:
        """Akaike's criterion, twice the number of parameters less the log-likelihood; NaN for "gmm"."""
        return 2.0 * (len(self.names) - self.loglike) if self.method == "ml" else np.nan

    @property
    def bic(self) -> float:
        """The Bayesian criterion, with log(`nobs`) in place of 2; NaN for "gmm"."""
        return self.aic + (float(np.log(self.nobs)) - 2) * len(self.names)

    @property
    def fitted_values(self) -> pd.Series[float]:
        """What the model predicts for each observation, in the units of the observed variable: see `predict`."""
        return self.predict().rename("fitted_values")

    @property
    def resids(self) -> pd.Series[float]:
        """What was observed less what is predicted."""
        return self.predict().rsub(self.model._observed()).rename("resids")

    def predict(self, model: Any = None) -> pd.Series[float]:
        """Return what is predicted for observations, at the estimates.

        With ``noise="ability"`` this is the payoff at the median share. Where a parameter is not identified, one of the
        values that fit best is taken.

        Parameters
        ----------
        model : object, optional
            A model of the same kind with other observations; by default those of the fit.

        Raises
        ------
        InvalidInput
            If the model is of another kind.
        Unsolved
            If the model is one of delays, which predicts distributions only.
        """
        import pandas as pd

        model = self.model if model is None else model
        if type(model) is not type(self.model) or model.parameters != self.names:
            raise InvalidInput(
                f"`model` must be a {type(self.model).__name__} with the parameters {', '.join(self.names)}; "
                f"got {with_article(model)}."
            )
        if self._criterion is None:
            raise Unsolved(f"{type(model).__name__} predicts a distribution of delays, and no single value.")
        payoffs = model._predicted(list(self._criterion.values[:, None]))
        return pd.Series(np.broadcast_to(payoffs, model.observations), index=model._index, name="predicted")

    @property
    def statement(self) -> str:
        """Which parameters are identified, and bounds on the others."""
        notes = []
        if self._weak:
            notes.append(
                f"All parameters are weakly identified: the first-stage F is {self.first_stage:.3g}, below {_STRONG}. "
                "`conf_int` gives Anderson-Rubin sets, which hold with weak instruments and may be unbounded."
            )
        for k, name in enumerate(self.names):
            if np.isnan(self.values[k]):
                span = f"[{self.lower[k]:.4g}, {self.upper[k]:.4g}]"
                notes.append(f"`{name}` is not identified: every value in {span} fits as well.")
            elif np.isnan(self.covariance[k, k]):
                why = (
                    "is at an end of its range: it has an interval, and no standard error."
                    if self._at_end(k)
                    else "depends on a single cluster or observation, and has no standard error."
                )
                notes.append(f"`{name}` {why}")
        return " ".join(notes) or "All parameters are identified."

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return confidence intervals, one for every parameter.

        Parameters
        ----------
        level : float, default 0.95
            The coverage, from .5 to below 1.

        Notes
        -----
        There are four kinds:

        - A share or discount factor has the values that the likelihood ratio does not reject, robustly and with
          clusters where standard errors are, at the critical values of chi-squared with one degree of freedom (of F in
          small samples); for "gmm" the distance of moments takes its place. The interval stays within [0, 1], and holds
          at the ends and at kinks: where the parameter is at an end, or an option is worth less than waiting, the
          statistic has half its mass at 0 (Self and Liang 1987, Andrews 2001), so that a 95% interval covers in 97.5%
          of samples. Coefficients have such intervals where a share is at an end.
        - Otherwise it is the estimate and its standard error times a quantile of Student's t with `degrees`: of the
          logarithm for positive parameters, of the log-odds for shares in models of delays.
        - With weak instruments it is the set of Anderson and Rubin: the weights at which Hansen's test does not reject,
          and the costs that go with them. It may be unbounded, and is NaN where the test rejects at every weight.
        - The share of obstinate talks has the interval of Clopper and Pearson with its effective number of talks
          (Korn and Graubard 1998).

        References
        ----------
        Andrews, D. W. K. (2001). Testing when a parameter is on the boundary of the maintained hypothesis.
        *Econometrica* 69(3), 683-734. doi:10.1111/1468-0262.00210
        """
        import pandas as pd

        level = float(real(level, "level", ndim=0))
        if not 0.5 <= level < 1:
            cure = f" Did you mean {1 - level:.4g}?" if 0 < level < 0.5 else ""
            raise InvalidInput(f"`level` must be the coverage, from 0.5 to below 1; got {level:g}.{cure}")
        if self._weak:
            ends = self._anderson_rubin(level)
        else:
            ends = np.array([self._interval(k, level) for k in range(len(self.names))])
        return pd.DataFrame(ends, index=list(self.names), columns=["lower", "upper"])

    def _interval(self, k: int, level: float) -> tuple[float, float]:
        from scipy.stats import t

        exact: tuple[float, float] | None = self.model._exact_interval(self, k, level)
        if exact is not None:
            return exact
        kind, value, spread = self.model._ranges()[k][1], self.values[k], self._deviations()[k]
        if self._criterion is not None and (
            kind == UNIT or (spread > 0 and any(map(self._at_end, range(k))))
        ):
            return self._criterion.interval(k, float(spread), lambda v: self._excess(k, v, level))
        if np.isnan(spread):
            return -np.inf, np.inf
        reach = float(t.ppf(0.5 + level / 2, self.degrees[k])) * spread * np.array([-1.0, 1.0])
        if kind == UNIT:
            odds = np.log(value / (1 - value)) + reach / (value * (1 - value))
            lower, upper = 1 / (1 + np.exp(-odds))
        else:
            lower, upper = value * np.exp(reach / value) if kind == POSITIVE else value + reach
        return float(lower), float(upper)

    def _excess(self, k: int, value: float, level: float) -> float:
        """Return by how much the likelihood ratio of a value of a parameter is above its critical value."""
        from scipy.stats import f

        groups = self.fit_options["clusters"]
        assert self._criterion is not None
        statistic = self._criterion.ratio(k, value, groups)
        freedom = self._many - self.spare - (len(self.names) if groups is None and self.method == "ml" else 1)
        if self.method == "gmm":
            statistic *= freedom / (self._many + self.objective)
        elif statistic < self._many:  # from a sum over the sum of squares to the square of Student's t
            statistic *= freedom / (self._many - statistic)
        else:
            statistic = 1e300
        return float(statistic - f.ppf(level, 1, freedom))

    def _anderson_rubin(self, level: float) -> Floats:
        """Return for each parameter the ends of the set of Anderson and Rubin, NaN where it is empty.

        At each weight, the first parameter, costs are estimated by the method of moments. Weights at which the test of
        the moments does not reject are in the set, and so are costs c with :math:`J + (c - \\hat c)^2 / V` no larger
        than its critical value.
        """
        from scipy.optimize import brentq
        from scipy.special import expit
        from scipy.stats import f

        criterion: Any = self._criterion
        k = len(self.names)
        spare = criterion.z.shape[1] - k + 1
        rest = self._many - spare
        most = f.ppf(level, spare, rest) * self._many * spare / rest

        def at(odds: float) -> tuple[float, Floats]:
            """Return how far J is below its critical value at a weight, and the ends of the costs."""
            solved: Any = two_steps(
                self.model, criterion.z, self.fit_options["clusters"], {0: float(expit(odds))}
            )
            room = most - self.nobs * solved.lowest
            lean = np.linalg.pinv(solved.weights @ solved.at(solved.values)[1][1:].T)
            reach = np.sqrt(max(room, 0.0) * (lean**2).sum(axis=1) / self.nobs)
            return room, solved.values[1:, None] + reach[:, None] * [-1, 1]

        grid = np.sort(np.append(_GRID, criterion.free(criterion.values)[0]))
        inside = [n for n, odds in enumerate(grid) if at(odds)[0] >= 0]
        if not inside:
            return np.full((k, 2), np.nan)
        ends = [
            grid[n] if n == stop else brentq(lambda odds: at(odds)[0], grid[n], grid[n + side], xtol=1e-6)
            for n, side, stop in ((inside[0], -1, 0), (inside[-1], 1, len(grid) - 1))
        ]
        costs = np.array([at(odds)[1] for odds in np.linspace(ends[0], ends[1], _SLICES)])
        lower, upper = costs[..., 0].min(axis=0), costs[..., 1].max(axis=0)
        if ends[1] == grid[-1]:  # margins without bound
            last, before = costs[-1], costs[-2]
            lower[(last[:, 0] == lower) & (last[:, 0] < before[:, 0] - 0.1 * np.abs(before[:, 0]))] = -np.inf
            upper[(last[:, 1] == upper) & (last[:, 1] > before[:, 1] + 0.1 * np.abs(before[:, 1]))] = np.inf
        weight = np.where(np.array(ends) == grid[[0, -1]], [0.0, 1.0], expit(ends))
        return np.vstack([weight, np.column_stack([lower, upper])])

    def delta(self, of: Callable[[Floats], Any]) -> tuple[float, float]:
        """Return a smooth function of the parameters, and its standard error by the delta method.

        Parameters
        ----------
        of : callable
            Takes the parameters, as an array in the order of `names`, and returns a number.

        Raises
        ------
        Unsolved
            If a parameter has no standard error.
        """
        from scipy.differentiate import jacobian

        function(of, "of", "the parameters")
        if np.isnan(self.covariance).any():
            raise Unsolved(f"`delta` needs a standard error of each parameter. {self.statement}")
        steps = np.maximum(np.abs(self.values), self._deviations()) / 16
        room = np.minimum(self.values, 1 - self.values) / 2
        steps = np.where([kind == UNIT for _, kind in self.model._ranges()], np.minimum(steps, room), steps)

        def at(points: Floats) -> Floats:
            return np.asarray(np.apply_along_axis(lambda point: scalar(of(point), "of"), 0, points))

        gradient = jacobian(at, self.values, initial_step=steps).df
        return float(at(self.values)), float(np.sqrt(gradient @ self.covariance @ gradient))

    def wald_test(self, restriction: ArrayLike, value: ArrayLike = 0.0) -> Comparison:
        """Return the Wald test of linear restrictions R b = q on the parameters b, with the distribution F.

        Parameters
        ----------
        restriction : array_like, shape (k,) or (r, k)
            R: a row for each restriction, an entry for each parameter in the order of `names`.
        value : array_like, shape (r,) or scalar, default 0
            q.

        Raises
        ------
        InvalidInput
            If shapes do not fit, or restrictions repeat each other.
        Unsolved
            If a parameter that is restricted has no standard error, or instruments are weak.

        Examples
        --------
        >>> from bargaining import WeightedNashModel
        >>> estimates = WeightedNashModel([3.1, 2.4, 1.8, 2.9], total=[10, 8, 7, 9]).fit()
        >>> estimates.wald_test([1], 0.5).statement
        'The restriction is rejected at the 5% level (p = 0.00078).'
        """
        from scipy.stats import f

        rows = np.atleast_2d(real(restriction, "restriction"))
        target = real(value, "value")
        if rows.ndim != 2 or rows.shape[1] != len(self.names) or target.shape not in ((), (1,), (len(rows),)):
            raise InvalidInput(
                f"`restriction` must have a row of {len(self.names)} entries, and `value` a number, for each "
                f"restriction; got shapes {rows.shape} and {target.shape}."
            )
        used = rows.any(axis=0)
        if self._weak or np.isnan(self.covariance[np.ix_(used, used)]).any():
            raise Unsolved(f"`wald_test` needs standard errors. {self.statement}")
        gap = rows[:, used] @ self.values[used] - target
        variance = rows[:, used] @ self.covariance[np.ix_(used, used)] @ rows[:, used].T
        if np.linalg.matrix_rank(variance, hermitian=True) < len(rows):
            raise InvalidInput("`restriction` must have independent rows that are not 0. Drop some.")
        statistic = float(gap @ np.linalg.solve(variance, gap)) / len(rows)
        p = float(f.sf(statistic, len(rows), self.degrees[used].min()))
        subject = "The restriction is" if len(rows) == 1 else "The restrictions are"
        return Comparison(
            statistic=statistic,
            p_value=p,
            statement=f"{subject} {'' if p < 0.05 else 'not '}rejected {_level(p)}.",
        )

    def j_test(self) -> Comparison:
        """Return Hansen's test of the overidentifying moments, with the distribution F of Hotelling.

        Raises
        ------
        Unsolved
            If there are no such moments.
        """
        from scipy.stats import f

        if self.method != "gmm" or not self.spare:
            raise Unsolved(
                "There is no J test: it needs fit(method='gmm') with more instruments than parameters."
            )
        rest = self._many - self.spare
        p = float(f.sf(self.objective * rest / (self._many * self.spare), self.spare, rest))
        verdict = "rejects" if p < 0.05 else "does not reject"
        statement = f"J with {self.spare} degrees of freedom {verdict} that all moments hold {_level(p)}."
        return Comparison(statistic=self.objective, p_value=p, statement=statement)

    def vuong(self, other: Estimates) -> Comparison:
        """Return the test of Vuong (1989): whether two models fit the same observations equally well.

        Parameters
        ----------
        other : Estimates
            Another, non-nested model of the same observations, by maximum likelihood too. With clusters, the same for
            both, log-likelihoods may be correlated within each.

        Raises
        ------
        InvalidInput
            If the observations, the clusters or the method are not the same, or one model contains the other: it
            explains exactly what the other predicts. Test the additional parameters instead.

        References
        ----------
        Vuong, Q. H. (1989). Likelihood ratio tests for model selection and non-nested hypotheses. *Econometrica*
        57(2), 307-333. doi:10.2307/1912557
        """
        from scipy.stats import norm

        if not isinstance(other, Estimates):
            raise InvalidInput(f"`other` must be Estimates; got {with_article(other)}.")
        if not np.array_equal(self.model._observed(), other.model._observed()):
            raise InvalidInput("`other` must explain the same observations, in the same order.")
        groups, theirs = self.fit_options["clusters"], other.fit_options["clusters"]
        if (groups is None) != (theirs is None) or not np.array_equal(groups, theirs):
            raise InvalidInput("`other` must be fitted with the same `clusters`.")
        if {self.method, other.method} != {"ml"}:
            raise InvalidInput(
                "`other` must be fitted by method='ml', like this: moments have no likelihood."
            )
        gap = summed((self.log_likelihoods - other.log_likelihoods)[:, None], groups)[:, 0]
        spread = float(gap.std())
        if spread <= 1e-12 * float(np.abs(self.log_likelihoods).max()):
            return Comparison(statistic=0.0, p_value=1.0, statement="Both fit every observation alike.")
        if self._contains(other) or other._contains(self):
            raise InvalidInput(
                "`other` must not be nested; one of these models explains all that the other predicts, so that the "
                "test does not apply. Use `wald_test` on the parameters that it adds."
            )
        statistic = float(gap.sum() / (np.sqrt(len(gap)) * spread))
        p = float(2 * norm.sf(abs(statistic)))
        nearer = f"The {'first' if statistic > 0 else 'second'} model is"
        verdict = nearer if p < 0.05 else "Neither model is significantly"
        return Comparison(
            statistic=statistic, p_value=p, statement=f"{verdict} nearer to the truth {_level(p)}."
        )

    def _contains(self, other: Estimates) -> bool:
        """Whether the model explains exactly what another predicts, with the same kind of error."""
        mine, theirs = self.model, other.model
        if self._criterion is None or getattr(mine, "noise", None) != getattr(theirs, "noise", None):
            return False
        predicted = mine._with_observed(other.predict().to_numpy())
        return Criterion(predicted).least()[1] <= _NESTED * other.objective

    def bootstrap(self, draws: int = 999, *, seed: int = 0) -> pd.DataFrame:
        """Return the parameters estimated again from samples drawn with replacement, of clusters where there are any.

        Parameters
        ----------
        draws : int, default 999
            How many samples. Each has its own random numbers: more draws begin with those of fewer.
        seed : int, default 0
            Of the random numbers.

        Returns
        -------
        DataFrame
            A row for each sample; ``.std()`` are standard errors, ``.quantile([.025, .975])`` intervals. NaN where a
            sample allows no estimate, as one that repeats a single observation.
        """
        import pandas as pd

        whole(seed, "seed", 0)
        numbers = pd.RangeIndex(whole(draws, "draws", 1), name="draw")
        rows = [_resampled(self.model, self.method, self.fit_options, seed, draw) for draw in numbers]
        return pd.DataFrame(rows, index=numbers, columns=list(self.names))

    def summary(self) -> Table:
        """Return a table of estimates, standard errors and intervals, with notes on identification."""
        from bargaining.tables.table import Table

        ends = self.conf_int()
        rows = [
            {
                "parameter": name,
                "estimate": "not identified" if np.isnan(self.values[k]) else self.values[k],
                "standard error": self._deviations()[k],
                "95% lower": ends["lower"].iloc[k],
                "95% upper": ends["upper"].iloc[k],
            }
            for k, name in enumerate(self.names)
        ]
        notes: dict[str, str | float] = {
            "Method": f"{type(self.model).__name__}, {self.method}, {self.errors} standard errors",
            "Observations": str(self.nobs),
            "Log-likelihood": self.loglike,
        }
        if not np.isnan(self.first_stage):
            notes["First-stage F"] = self.first_stage
        notes["Identification"] = self.statement
        return Table(rows, caption=type(self.model).__name__, notes=notes, missing="none")

    def compare(self, *others: Estimates) -> Table:
        """Return a table with a column for this model and for each of the others.

        Standard errors are below the estimates, in round brackets.

        Examples
        --------
        >>> from bargaining import WeightedNashModel
        >>> payoffs, total = [3.1, 2.4, 1.8, 2.9], [10, 8, 7, 9]
        >>> one, two = (WeightedNashModel(payoffs, total=total, noise=n).fit() for n in ("ability", "payoffs"))
        >>> print(one.compare(two))
                             (1)      (2)
        --------------  --------  -------
        weight            0.2967   0.3024
                        (0.0145)  (0.011)
        observations      4        4
        log-likelihood    0.5593   1.053
        AIC               0.8814  -0.1060
        BIC               0.2677  -0.7197
        """
        from bargaining.tables.table import Table

        for other in others:
            if not isinstance(other, Estimates):
                raise InvalidInput(f"`others` must be Estimates; got {with_article(other)}.")
        models = {f"({k})": model for k, model in enumerate((self, *others), 1)}
        rows: list[dict[str, Any]] = []
        for name in dict.fromkeys(name for model in models.values() for name in model.names):
            having = {head: model for head, model in models.items() if name in model.names}
            rows.append({"": name} | {head: model.params[name] for head, model in having.items()})
            rows.append(
                {"": ""} | {head: f"({model.std_errors[name]:.3g})" for head, model in having.items()}
            )
        rows.append({"": "observations"} | {head: str(model.nobs) for head, model in models.items()})
        for name, of in (("log-likelihood", "loglike"), ("AIC", "aic"), ("BIC", "bic")):
            rows.append({"": name} | {head: getattr(model, of) for head, model in models.items()})
        return Table(rows, missing="")

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the estimates with their 95% intervals.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure if None.
        """
        from bargaining._calls import needs
        from bargaining.plots.plot import of_matplotlib

        with needs("paper"):
            import matplotlib.pyplot as plt
        if ax is None:
            ax = plt.subplots(figsize=(4.8, 1.2 + 0.4 * len(self.names)), layout="constrained")[1]
        ax = of_matplotlib(ax, "ax", "spines")
        ends, places = self.conf_int(), np.arange(len(self.names))
        ax.hlines(places, ends["lower"], ends["upper"])
        ax.plot(self.values, places, "o")
        ax.set_yticks(places, self.names)
        ax.set_ylim(-0.7, len(self.names) - 0.3)
        ax.invert_yaxis()
        ax.set_xlabel("estimate, 95% interval")
        return ax

    def _by_name(self, values: NDArray[Any], title: str) -> pd.Series[Any]:
        import pandas as pd

        return pd.Series(values, index=list(self.names), name=title)

    @property
    def _many(self) -> int:
        """The number of clusters, or of observations."""
        groups = self.fit_options["clusters"]
        return self.nobs if groups is None else int(groups.max()) + 1

    @property
    def _weak(self) -> bool:
        return self.first_stage < _STRONG

    def _at_end(self, k: int) -> bool:
        kind, value = self.model._ranges()[k][1], self.values[k]
        return bool((kind != REAL and value < EDGE) or (kind == UNIT and value > 1 - EDGE))

    def _deviations(self) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.sqrt(np.diag(self.covariance))

    def _card(self) -> Card:
        rows = [
            [n, number(v), number(s)]
            for n, v, s in zip(self.names, self.values, self._deviations(), strict=True)
        ]
        title = f"{type(self.model).__name__}, {self.method}"
        return Card(
            title=title, heads=["parameter", "estimate", "standard error"], rows=rows, notes=[self.statement]
        )


def _level(p: float) -> str:
    return f"at the 5% level (p = {p:.2g})"


def _resampled(model: Any, method: str, options: Mapping[str, Any], seed: int, draw: int) -> Floats:
    """Return the parameters of one sample of observations, or of clusters, with replacement."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, draw]))
    groups, z, m = options["clusters"], options["instruments"], model.observations
    if groups is None:
        rows, labels = rng.integers(0, m, m), None
    else:
        count = int(groups.max()) + 1
        members = [np.flatnonzero(groups == g) for g in rng.integers(0, count, count)]
        rows, labels = np.concatenate(members), np.repeat(np.arange(count), list(map(len, members)))
    try:
        again = model._rows(rows).fit(
            method=method, clusters=labels, instruments=None if z is None else z[rows]
        )
    except InvalidInput:
        return np.full(len(model.parameters), np.nan)
    values: Floats = again.values
    return values
