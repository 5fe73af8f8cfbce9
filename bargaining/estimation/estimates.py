"""Estimates with their standard errors, and bounds on parameters that are not identified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, function, whole
from bargaining._arrays import Floats, owning, real, scalar, within
from bargaining._jets import Jet, seeds
from bargaining._rich import Card, Shown, number
from bargaining.errors import InvalidInput, Unsolved, with_article
from bargaining.estimation.models import plain

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from bargaining.tables.table import Table

_FLAT = 1e-9  # of the change with a parameter alone: directions with less are not identified
_SHARE = 1e-3  # of a direction that is not identified: a parameter with less of it is identified
_EDGE = 1e-6  # of the range: estimates this close to an end count as at the end
# Where residuals have kinks: numbers along each axis of a grid of log-odds for one to four parameters, how far it goes,
# how many observations are enough to see valleys, how many are explored, and how closely, first and in the end.
_LINE, _FAR, _ENOUGH, _VALLEYS, _COARSE, _FINE = (201, 41, 13, 7), 4.0, 200, 8, 1e-3, 1e-9
_SAME = 1e-9  # of the sum of squares: values of a parameter that fit as well as the best


class Comparison(NamedTuple):
    """A test: its statistic, its p-value, and the conclusion in words."""

    statistic: float
    p_value: float
    statement: str


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimates(Shown):
    """Parameters estimated from observed divisions.

    Attributes
    ----------
    names : tuple of str
        The parameters.
    values : ndarray, shape (k,)
        The estimates; NaN where a parameter is not identified.
    covariance : ndarray, shape (k, k)
        Of the estimates; NaN where a parameter is not identified, or is at an end of its range.
    lower, upper : ndarray, shape (k,)
        Bounds of the identified set of each parameter; both equal the estimate if it is identified.
    log_likelihoods : ndarray, shape (m,)
        Of each observation at the estimates; for "gmm" as if residuals were normal.
    objective : float
        The sum of squared residuals, or the statistic of Hansen's J test.
    spare : int
        Number of moments for "gmm" less number of parameters, or of the directions that are identified; else 0.
    method, errors : str
        How parameters and their standard errors were computed.
    model : object
        The model.
    told : mapping
        The other arguments of `fit`.
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    lower: Floats
    upper: Floats
    log_likelihoods: Floats
    objective: float
    spare: int
    method: str
    errors: str
    model: Any
    told: dict[str, Any] = field(default_factory=dict)

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
        """The p-values of the hypotheses that a parameter is zero, from the distribution of `conf_int`."""
        from scipy.stats import t

        return self._by_name(2 * t.sf(np.abs(self.tstats.to_numpy()), self._freedom), "pvalues")

    @property
    def identified(self) -> pd.Series[bool]:
        """Whether each parameter is identified."""
        return self._by_name(np.isfinite(self.values), "identified")

    @property
    def loglike(self) -> float:
        """The log-likelihood."""
        return float(self.log_likelihoods.sum())

    @property
    def nobs(self) -> int:
        """The number of observations."""
        return len(self.log_likelihoods)

    @property
    def statement(self) -> str:
        """Which parameters are identified, and bounds on the others."""
        said = []
        for k, name in enumerate(self.names):
            if np.isnan(self.values[k]):
                span = f"[{self.lower[k]:.4g}, {self.upper[k]:.4g}]"
                said.append(f"`{name}` is not identified: every value in {span} fits as well.")
            elif np.isnan(self.covariance[k, k]):
                said.append(f"`{name}` is at an end of its range, where normal intervals do not hold.")
        return " ".join(said) or "All parameters are identified."

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return confidence intervals, from quantiles of Student's t times standard errors.

        Degrees of freedom are the number of observations less that of parameters; with clusters, or for "gmm", that of
        clusters, or observations, less one and `spare`.

        Parameters
        ----------
        level : float, default 0.95
            The coverage.
        """
        import pandas as pd
        from scipy.stats import t

        within(real(level, "level", ndim=0), "level", 0.0, 1.0, ends="()")
        half = float(t.ppf(0.5 + float(level) / 2, self._freedom)) * self._deviations()
        ends = {"lower": self.values - half, "upper": self.values + half}
        return pd.DataFrame(ends, index=list(self.names))

    def delta(self, of: Callable[[Floats], Any]) -> tuple[float, float]:
        """Return a smooth function of the parameters, and its standard error by the delta method.

        Parameters
        ----------
        of : callable
            Takes the parameters, as an array in the order of `names`, and returns a number.

        Raises
        ------
        Unsolved
            If a parameter is not identified or at an end of its range.
        """
        from scipy.differentiate import derivative

        function(of, "of", "the parameters")
        if np.isnan(self.covariance).any():
            raise Unsolved(f"`delta` needs all parameters identified inside their ranges. {self.statement}")
        value = scalar(of(self.values.copy()), "of")
        slopes, kinds = [], [kind for _, kind in self.model._ranges()]
        for k, unit in enumerate(np.eye(len(self.values))):

            def along(s: Floats, unit: Floats = unit) -> Floats:
                return np.array([scalar(of(self.values + one * unit), "of") for one in s.ravel()]).reshape(
                    s.shape
                )

            value_k = float(self.values[k])
            step = max(abs(value_k), float(self._deviations()[k])) / 16
            if kinds[k] == "(0, 1)":
                step = min(step, value_k / 2, (1 - value_k) / 2)
            slopes.append(float(derivative(along, 0.0, initial_step=step).df))
        gradient = np.array(slopes)
        return value, float(np.sqrt(gradient @ self.covariance @ gradient))

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
        return Comparison(self.objective, p, f"J with {self.spare} degrees of freedom: all moments hold.")

    def vuong(self, other: Estimates) -> Comparison:
        """Return the test of Vuong (1989): whether two models fit the same observations equally well.

        Parameters
        ----------
        other : Estimates
            Another, non-nested model of the same observations. With clusters, the same for both, log-likelihoods may be
            correlated within each.

        Raises
        ------
        InvalidInput
            If the observations or the clusters are not the same.

        References
        ----------
        Vuong, Q. H. (1989). Likelihood ratio tests for model selection and non-nested hypotheses. *Econometrica*
        57(2), 307-333. doi:10.2307/1912557
        """
        from scipy.stats import norm

        if not isinstance(other, Estimates):
            raise InvalidInput(f"`other` must be Estimates; got {with_article(other)}.")
        mine, theirs = (getattr(one.model, one.model._columns[0]) for one in (self, other))
        if not np.array_equal(mine, theirs):
            raise InvalidInput("`other` must explain the same observations, in the same order.")
        groups, theirs = self.told["clusters"], other.told["clusters"]
        if (groups is None) != (theirs is None) or not np.array_equal(groups, theirs):
            raise InvalidInput("`other` must be fitted with the same `clusters`.")
        gap = _summed((self.log_likelihoods - other.log_likelihoods)[:, None], groups)[:, 0]
        spread = float(gap.std())
        if spread <= 1e-12 * float(np.abs(self.log_likelihoods).max()):
            return Comparison(0.0, 1.0, "Both fit every observation alike.")
        statistic = float(gap.sum() / (np.sqrt(len(gap)) * spread))
        better = "the first" if statistic > 0 else "the second"
        p = float(2 * norm.sf(abs(statistic)))
        return Comparison(statistic, p, f"Both models are equally near the truth; {better} fits better.")

    def bootstrap(self, draws: int | range = 999, *, seed: int = 0, workers: int = 1) -> pd.DataFrame:
        """Return the parameters estimated again from samples drawn with replacement, of clusters where there are any.

        Parameters
        ----------
        draws : int or range
            How many samples, or which ones: each has its own random numbers, so that ``range(500, 1000)`` continues
            ``range(500)``.
        seed : int, default 0
            Of the random numbers.
        workers : int, default 1
            Number of processes; it does not change the samples.

        Returns
        -------
        DataFrame
            A row for each sample; ``.std()`` are standard errors, ``.quantile([.025, .975])`` intervals. NaN where a
            sample allows no estimate, as one that repeats a single observation.
        """
        import pandas as pd

        whole(seed, "seed", 0)
        whole(workers, "workers", 1)
        wanted = draws if isinstance(draws, range) else range(whole(draws, "draws", 1))
        again = partial(_resampled, self, seed)
        if workers == 1:
            found = [again(k) for k in wanted]
        else:
            from concurrent.futures import ProcessPoolExecutor

            with ProcessPoolExecutor(workers) as pool:
                found = list(pool.map(again, wanted, chunksize=max(1, len(wanted) // (4 * workers))))
        return pd.DataFrame(found, index=pd.Index(list(wanted), name="draw"), columns=list(self.names))

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
            "Identification": self.statement,
        }
        return Table(rows, caption=type(self.model).__name__, notes=notes, missing="none")

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the estimates with their 95% intervals.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure if None.
        """
        from bargaining._optional import needs
        from bargaining.plots.automata import of_matplotlib

        with needs("paper"):
            import matplotlib.pyplot as plt
        if ax is None:
            ax = plt.subplots(figsize=(4.8, 1.2 + 0.4 * len(self.names)), layout="constrained")[1]
        ax = of_matplotlib(ax, "ax", "spines")
        ends, places = self.conf_int(), np.arange(len(self.names))
        ax.errorbar(self.values, places, xerr=self.values - ends["lower"].to_numpy(), fmt="o", capsize=3)
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
        groups = self.told["clusters"]
        return self.nobs if groups is None else int(groups.max()) + 1

    @property
    def _freedom(self) -> int:
        each = self.told["clusters"] is None and self.method == "ml"
        return self._many - self.spare - (len(self.names) if each else 1)

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


class _Problem:
    """Residuals and their derivatives in unbounded parameters: those in (0, 1) by their log-odds."""

    def __init__(self, model: Any, weigh: Callable[[Floats], Floats] | None = None) -> None:
        self.model, self.weigh = model, weigh
        self.unit = np.array([kind == "(0, 1)" for _, kind in model._ranges()])
        self._last: tuple[bytes, Floats, Floats] | None = None

    def natural(self, free: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.where(self.unit, 1 / (1 + np.exp(-np.where(self.unit, free, 0.0))), free)

    def free(self, natural: Floats) -> Floats:
        inside = np.where(self.unit, np.clip(natural, 1e-9, 1 - 1e-9), 0.5)
        return np.where(self.unit, np.log(inside / (1 - inside)), natural)

    def at(self, natural: Floats) -> tuple[Floats, Floats]:
        """Return residuals, (m,), and their derivatives in the parameters, (k, m)."""
        k, m = len(natural), self.model.observations
        with np.errstate(all="ignore"):  # what is not finite is refused in the end
            found = self.model._residuals(seeds(list(natural), 0, k, 1))
        if not isinstance(found, Jet):
            return np.broadcast_to(found, (m,)), np.zeros((k, m))
        return np.broadcast_to(found.value, (m,)), np.broadcast_to(found.gradient, (k, m))

    def both(self, free: Floats) -> tuple[Floats, Floats]:
        """Return the terms whose squares are summed, and their derivatives in unbounded parameters, kept for reuse."""
        key = free.tobytes()
        if self._last is None or self._last[0] != key:
            natural = self.natural(free)
            residuals, slopes = self.at(natural)
            slopes = slopes * np.where(self.unit, natural * (1 - natural), 1.0)[:, None]
            if self.weigh is not None:
                residuals, slopes = self.weigh(residuals), np.stack([self.weigh(row) for row in slopes])
            self._last = key, residuals, slopes
        return self._last[1:]

    def total(self, free: Floats) -> float:
        """Return the sum of squares; infinite where residuals are NaN, so that any other is less."""
        return float(self.totals(free[:, None])[0])

    def totals(self, free: Floats) -> Floats:
        """Return the sums of squares of many parameters, (k, many)."""
        with np.errstate(all="ignore"):
            found = self.model._residuals(list(self.natural(free.T).T[:, :, None]))
            terms = np.broadcast_to(found, (free.shape[1], self.model.observations))
            if self.weigh is not None:
                terms = np.stack([self.weigh(row) for row in terms])
            sums = (terms**2).sum(axis=1)
        return np.where(np.isnan(sums), np.inf, sums)

    def least(self, starts: list[Floats], held: dict[int, float] | None = None) -> tuple[Floats, float]:
        """Return the parameters with the least sum of squares, some of them held, and the sum.

        Where residuals have kinks there are several local minima, some of them at kinks, where derivatives do not help:
        unless some parameters are held, so that starts are good, a simplex explores every valley.
        """
        held = held or {}
        moving = np.array([k for k in range(len(self.unit)) if k not in held], dtype=np.intp)
        firsts = []
        for start in starts:
            natural = start.copy()
            for k, value in held.items():
                natural[k] = value
            firsts.append(self.free(natural))
        best = min(firsts, key=self.total)
        if moving.size:
            best = self._descended(best, moving)
        if self.model._kinked and not held:
            found = [self._tumbled(valley, _COARSE) for valley in self._valleys()]
            best = self._descended(min([best, *found], key=self.total), moving)
            best = self._descended(self._tumbled(best, _FINE), moving)
        return self.natural(best), self.total(best)

    def _valleys(self) -> list[Floats]:
        """Return the lowest points of a grid that are no higher than those around, as some observations see it."""
        from scipy.ndimage import minimum_filter

        k, m = len(self.unit), self.model.observations
        seen = self if m <= _ENOUGH else _Problem(self.model._rows(np.arange(0, m, -(-m // _ENOUGH))))
        line = np.linspace(-_FAR, _FAR, _LINE[k - 1])
        points = np.stack(np.meshgrid(*[line] * k, indexing="ij")).reshape(k, -1)
        totals = seen.totals(points)
        around = minimum_filter(totals.reshape((line.size,) * k), size=3, mode="nearest").ravel()
        low = np.flatnonzero(totals <= around)
        each = np.unique(totals[low].astype(np.float32), return_index=True)[1]  # a plateau is one valley
        return list(points.T[low[each[:_VALLEYS]]])

    def _tumbled(self, first: Floats, close: float) -> Floats:
        """Return where a simplex leads, which starts anew as long as it gains more than `close` of the sum."""
        from scipy.optimize import minimize

        k, before = first.size, np.inf
        corners = _FAR / _LINE[k - 1] * np.vstack([np.zeros(k), np.eye(k)])
        options = {"xatol": close, "fatol": np.inf, "maxfev": 200 * k}
        while self.total(first) < before * (1 - close):
            before = self.total(first)
            with np.errstate(invalid="ignore"):  # sums of squares may be infinite
                found = minimize(
                    self.total,
                    first,
                    method="Nelder-Mead",
                    options={**options, "initial_simplex": first + corners},
                )
            first, corners = min(first, np.asarray(found.x, dtype=float), key=self.total), -corners
        return first

    def _descended(self, first: Floats, moving: NDArray[np.intp]) -> Floats:
        """Return where derivatives lead in some of the parameters, or the start if there is nothing to gain."""
        from scipy.optimize import leastsq

        def whole_of(part: Floats) -> Floats:
            made = first.copy()
            made[moving] = part
            return made

        with np.errstate(all="ignore"):
            part = leastsq(
                lambda part: self.both(whole_of(part))[0],
                first[moving],
                Dfun=lambda part: self.both(whole_of(part))[1][moving],
                col_deriv=True,
                ftol=1e-14,
                xtol=1e-12,
                full_output=True,  # without it, an end without convergence is a warning
            )[0]
        found = whole_of(np.atleast_1d(part))
        return found if self.total(found) <= self.total(first) else first


def fitted(
    model: Any, *, method: str, covariance: str, clusters: ArrayLike | None, instruments: ArrayLike | None
) -> Estimates:
    """Estimate a model's parameters: see `WeightedNashModel.fit`."""
    choice(method, "method", ("ml", "gmm"))
    choice(covariance, "covariance", ("robust", "classic"))
    m, k = model.observations, len(model.parameters)
    if m <= k:
        raise InvalidInput(
            f"There must be more observations than parameters; got {m} and {k}. Give more rows."
        )
    if method == "ml" and not getattr(model, "_likely", True):
        raise InvalidInput(
            "`method` must be 'gmm' here: prices are set with costs in view. Pass `instruments` too."
        )
    groups = None if clusters is None else _groups(clusters, m)
    many = m if groups is None else int(groups.max()) + 1
    if hasattr(model, "_solved"):
        return _by_formula(model, method, groups, instruments)
    problem, z = _Problem(model), None
    starts = [np.array(start) for start in model._starts()]
    if method == "ml":
        if instruments is not None:
            raise InvalidInput("`instruments` are for method='gmm'.")
        values, objective = problem.least(starts)
        residuals, slopes = problem.at(values)
        design, level = slopes.T, float(np.linalg.norm(residuals))
    else:
        z = _columns(model._instruments() if instruments is None else _table(instruments, m), m)
        if z.shape[1] < k:
            raise InvalidInput(
                f"`instruments` must be {k - 1} or more besides the constant; got {z.shape[1] - 1}."
            )
        if z.shape[1] >= many:
            raise InvalidInput(
                f"`instruments` must be fewer than {'observations' if groups is None else 'clusters'}; got "
                f"{z.shape[1]} with the constant, and {many}. Take fewer."
            )
        root = np.linalg.inv(np.linalg.cholesky(z.T @ z / m))
        first = _Problem(model, lambda r: root @ (z.T @ r) / m)
        values, _ = first.least(starts)
        residuals, _ = problem.at(values)
        moments = _summed(z * residuals[:, None], groups)
        moments = moments - moments.mean(axis=0)
        try:
            root = np.linalg.inv(np.linalg.cholesky(moments.T @ moments / m))
        except np.linalg.LinAlgError:
            raise InvalidInput(
                "`instruments` must vary: the moments' variance is singular. Take fewer."
            ) from None
        second = _Problem(model, lambda r: root @ (z.T @ r) / m)
        values, least = second.least([values, *starts])
        problem, objective = second, m * least
        residuals, slopes = problem.at(values)
        design = root @ (z.T @ slopes.T) / m
        level = 1.0  # moments are measured in their standard deviations
    if (odd := ~np.isfinite(residuals)).any():
        raise InvalidInput(
            f"The model must be able to explain each observation; what it predicts for observation {np.argmax(odd)} "
            "has no finite residual, as the log-odds of a share of 0 or 1. Drop it, or take noise='payoffs'."
        )
    flat, lost = _flat(design, problem.unit, level)
    sigma = float(np.mean(residuals**2))
    if sigma == 0:
        raise InvalidInput(
            "The model fits every observation exactly: there is no error to estimate. Check the data."
        )
    logs = -0.5 * (np.log(2 * np.pi * sigma) + residuals**2 / sigma) + model._log_scale()
    at_end = problem.unit & ((values < _EDGE) | (values > 1 - _EDGE))
    sure = ~flat & ~at_end
    spare = 0 if z is None else z.shape[1] - k + lost
    cov = np.full((k, k), np.nan)
    if sure.any():
        size = np.linalg.norm(design[:, sure], axis=0)
        inverse = np.linalg.pinv(design[:, sure] / size) / size[:, None]
        if method == "gmm":
            # exact for normal moments that are linear in the parameters (Rao 1967)
            found = inverse @ inverse.T / m * (many + objective) / (many - 1 - spare)
        elif covariance == "classic" and groups is None:
            found = inverse @ inverse.T * sigma * m / (m - k)
        else:
            sums = _summed((inverse * residuals).T, groups)
            few = m / (m - k) if groups is None else many / (many - 1) * (m - 1) / (m - k)
            found = few * sums.T @ sums
        cov[np.ix_(sure, sure)] = found
    lower, upper = values.copy(), values.copy()
    for j in np.flatnonzero(flat):
        lower[j], upper[j] = _undecided(problem, [values, *starts], int(j))
    return Estimates(
        names=model.parameters,
        values=np.where(flat, np.nan, values),
        covariance=cov,
        lower=lower,
        upper=upper,
        log_likelihoods=logs,
        objective=float(objective),
        spare=spare,
        method=method,
        errors="clustered" if groups is not None else "robust" if method == "gmm" else covariance,
        model=model,
        told={
            "covariance": covariance,
            "clusters": groups,
            "instruments": None if instruments is None else _table(instruments, m),
        },
    )


def _by_formula(
    model: Any, method: str, groups: NDArray[np.intp] | None, instruments: ArrayLike | None
) -> Estimates:
    """Return the estimates of a model whose maximum likelihood has a formula."""
    if method != "ml" or instruments is not None:
        raise InvalidInput(
            "`method` must be 'ml' here, without `instruments`: there is a likelihood and no residual."
        )
    values, errors, logs = model._solved()
    sums = _summed(errors, groups)
    cov = sums.T @ sums * (1.0 if groups is None else len(sums) / (len(sums) - 1))
    unknown = np.isnan(values)
    at_end = unknown | ~errors.any(axis=0)
    cov[at_end] = cov[:, at_end] = np.nan
    ends = model._bounds(values) if hasattr(model, "_bounds") else (0.0, np.inf)
    return Estimates(
        names=model.parameters,
        values=values,
        covariance=cov,
        lower=np.where(unknown, ends[0], values),
        upper=np.where(unknown, ends[1], values),
        log_likelihoods=logs,
        objective=-2 * float(logs.sum()),
        spare=0,
        method=method,
        errors="clustered" if groups is not None else "robust",
        model=model,
        told={"covariance": "robust", "clusters": groups, "instruments": None},
    )


def _groups(clusters: ArrayLike, m: int) -> NDArray[np.intp]:
    labels = np.asarray(plain(clusters), dtype=object)  # NaN among strings stays NaN
    if labels.shape != (m,):
        raise InvalidInput(
            f"`clusters` must have one label for each of {m} observations; got shape {labels.shape}."
        )
    if any(label is None or label != label for label in labels.tolist()):
        raise InvalidInput("`clusters` must have a label for every observation; some are missing.")
    _, groups = np.unique(labels.astype(str), return_inverse=True)
    if groups.max() == 0:
        raise InvalidInput(
            "`clusters` must name two groups at least; got one, which has no variance between groups. Leave it out."
        )
    return np.asarray(groups, dtype=np.intp)


def _summed(rows: Floats, groups: NDArray[np.intp] | None) -> Floats:
    """Return sums of rows by group, or the rows."""
    if groups is None:
        return rows
    sums = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(sums, groups, rows)
    return sums


def _table(instruments: ArrayLike, m: int) -> Floats:
    table = real(plain(instruments), "instruments")
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != m:
        raise InvalidInput(
            f"`instruments` must have a row for each of the {m} observations; got shape {table.shape}."
        )
    return table


def _columns(table: Floats, m: int) -> Floats:
    """Return a constant and the columns that are no combination of those before, over their spread."""
    kept = [np.ones(m)]
    for column in table.T:
        base = np.column_stack(kept)
        rest = column - base @ np.linalg.lstsq(base, column, rcond=None)[0]
        if np.abs(rest).max() > 1e-8 * np.abs(column).max(initial=0.0):
            kept.append((column - column.mean()) / column.std())
    return np.column_stack(kept)


def _flat(design: Floats, unit: NDArray[np.bool_], level: float) -> tuple[NDArray[np.bool_], int]:
    """Return which parameters are part of a direction in which nothing changes, and the number of such directions.

    Columns of the design say how the terms, whose squares are summed, change with a parameter. Parameters between 0 and
    1 can be compared with one another and with the level of residuals; coefficients have the units of their variables,
    and nothing changes with one only if its variable is 0 throughout.
    """
    size = np.linalg.norm(design, axis=0)
    none = size <= 1e-12 * np.where(unit, max(float(size[unit].max(initial=0.0)), level), 0.0)
    if none.sum() >= len(none) - 1:  # a column alone is no part of others
        return none, int(none.sum())
    _, values, vectors = np.linalg.svd(design[:, ~none] / size[~none], full_matrices=False)
    dull = vectors[values <= _FLAT]
    flat = none.copy()
    flat[~none] = np.abs(dull).max(axis=0, initial=0.0) > _SHARE
    return flat, int(none.sum()) + len(dull)


def _undecided(problem: _Problem, starts: list[Floats], j: int) -> tuple[float, float]:
    """Return the ends of the values of one parameter that fit as well as the best, the others free to adjust.

    The first of the starts are the best values; from these alone the others may not find where to go.
    """
    if not problem.unit[j]:
        return -np.inf, np.inf
    values = starts[0]
    best = problem.least([values])[1]

    def fits(value: float) -> bool:
        return problem.least(starts, {j: value})[1] <= best * (1 + _SAME)

    ends = []
    for end in (1e-9, 1 - 1e-9):
        good, bad = float(np.clip(values[j], 1e-9, 1 - 1e-9)), end
        if fits(end):
            good = end
        else:
            while abs(bad - good) > 1e-9:
                middle = (good + bad) / 2
                good, bad = (middle, bad) if fits(middle) else (good, middle)
        ends.append(round(good, 8))
    return ends[0], ends[1]


def _resampled(found: Estimates, seed: int, draw: int) -> Floats:
    """Return the parameters of one sample of observations, or of clusters, with replacement."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, draw]))
    groups, m = found.told["clusters"], found.nobs
    if groups is None:
        rows, labels = rng.integers(0, m, m), None
    else:
        count = int(groups.max()) + 1
        members = [np.flatnonzero(groups == g) for g in rng.integers(0, count, count)]
        rows = np.concatenate(members)
        labels = np.repeat(np.arange(count), [len(one) for one in members])
    told = found.told["instruments"]
    try:
        again = fitted(
            found.model._rows(rows),
            method=found.method,
            covariance=found.told["covariance"],
            clusters=labels,
            instruments=None if told is None else told[rows],
        )
    except InvalidInput:
        return np.full(len(found.values), np.nan)
    return again.values
