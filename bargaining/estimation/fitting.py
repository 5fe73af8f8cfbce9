"""How parameters are estimated: by least squares or moments, with robust covariances for few clusters."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice
from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput
from bargaining.estimation.estimates import EDGE, Criterion, Estimates, summed, two_steps

_FLAT = 1e-9  # of the change with a parameter alone: directions with less are not identified
_SHARE = 1e-3  # of a direction that is not identified: a parameter with less of it is identified
_SAME = 1e-9  # of the sum of squares: values of a parameter that fit as well as the best
_LEVEL = 0.95  # at which an option that is worth less than waiting must be rejected, or it is not identified


def fitted(
    model: Any, *, method: str, clusters: ArrayLike | None, instruments: ArrayLike | None
) -> Estimates:
    """Estimate a model's parameters: see `WeightedNashModel.fit`."""
    choice(method, "method", ("ml", "gmm"))
    m, k = model.observations, len(model.parameters)
    if m <= k:
        raise InvalidInput(
            f"There must be more observations than parameters; got {m} and {k}. Give more rows."
        )
    if method == "ml" and not model._likely:
        raise InvalidInput(
            "`method` must be 'gmm' here: prices are set with costs in view. Pass `instruments` too."
        )
    groups = None if clusters is None else _groups(model._align(clusters, "clusters"), m)
    table = None if instruments is None else _table(model._align(instruments, "instruments"), m)
    options = {"clusters": groups, "instruments": table}
    errors = "robust" if groups is None else "clustered"
    common = {"names": model.parameters, "method": method, "errors": errors, "model": model}
    many = m if groups is None else int(groups.max()) + 1
    if hasattr(model, "_solved"):
        if method != "ml" or instruments is not None:
            raise InvalidInput(
                "`method` must be 'ml' here, without `instruments`: there is a likelihood and no residual."
            )
        return _by_formula(model, groups, many, common | {"fit_options": options})
    if method == "ml":
        if instruments is not None:
            raise InvalidInput("`instruments` are for method='gmm'.")
        criterion = Criterion(model).solve()
    else:
        z = _columns(model._instruments() if table is None else table, m)
        if z.shape[1] < k:
            raise InvalidInput(
                f"`instruments` must be {k - 1} or more besides the constant; got {z.shape[1] - 1}."
            )
        if z.shape[1] >= many:
            raise InvalidInput(
                f"`instruments` must be fewer than {'observations' if groups is None else 'clusters'}; got "
                f"{z.shape[1]} with the constant, and {many}. Take fewer."
            )
        criterion = two_steps(model, z, groups)

    def estimates(values: Floats) -> Estimates:
        residuals, slopes = criterion.at(values)
        if (odd := ~np.isfinite(residuals)).any():
            raise InvalidInput(
                "The model must be able to explain each observation; what it predicts for observation "
                f"{np.argmax(odd)} has no finite residual, as the log-odds of a share of 0 or 1. Drop it, or take "
                "noise='payoffs'."
            )
        sigma = float(np.mean(residuals**2))
        if sigma == 0:
            raise InvalidInput(
                "The model fits every observation exactly: there is no error to estimate. Check the data."
            )
        design = slopes.T if criterion.weights is None else criterion.weights @ slopes.T
        # moments are measured in their standard deviations
        flat, lost = _flat(
            design, criterion.unit, float(np.linalg.norm(residuals)) if method == "ml" else 1.0
        )
        extra = 0 if criterion.z is None else criterion.z.shape[1] - k + lost
        objective = criterion.lowest * (1 if criterion.z is None else m)
        sure = ~flat & ~(criterion.unit & ((values < EDGE) | (values > 1 - EDGE)))
        cov, degrees = np.full((k, k), np.nan), np.full(k, float(many - extra - 1))
        if sure.any() and criterion.z is not None:
            size = np.linalg.norm(design[:, sure], axis=0)
            inverse = np.linalg.pinv(design[:, sure] / size) / size[:, None]
            # exact for normal moments that are linear in the parameters (Rao 1967)
            factor = (many + objective) / (many - 1 - extra)
            cov[np.ix_(sure, sure)] = inverse @ inverse.T / m * factor
        elif sure.any():
            cov[np.ix_(sure, sure)], degrees[sure] = _covariance(design[:, sure], residuals, groups)

        def excess(j: int, value: float) -> float:
            fit = criterion.total(criterion.free(values)) * (1 + _SAME) + _SAME * (criterion.z is not None)
            return criterion.least({j: value})[1] - fit

        ends = np.stack([values, values])
        for j in np.flatnonzero(flat).tolist():
            real_line = (-np.inf, np.inf)
            ends[:, j] = criterion.interval(j, 0.0, partial(excess, j)) if criterion.unit[j] else real_line
        return Estimates(
            values=np.where(flat, np.nan, values),
            covariance=cov,
            degrees=degrees,
            lower=ends[0],
            upper=ends[1],
            log_likelihoods=-0.5 * (np.log(2 * np.pi * sigma) + residuals**2 / sigma) + model._log_scale(),
            objective=float(objective),
            spare=extra,
            first_stage=np.nan if model._likely else _first_stage(slopes, np.asarray(criterion.z), groups),
            fit_options=options,
            _criterion=criterion,
            **common,
        )

    best = estimates(criterion.values)
    for name in model._without_effect:
        j = best.names.index(name)
        if best._excess(j, 0.0, _LEVEL) <= 0:
            return estimates(criterion.least({j: 0.0})[0])
    return best


def _by_formula(model: Any, groups: NDArray[np.intp] | None, many: int, common: dict[str, Any]) -> Estimates:
    """Return the estimates of a model whose maximum likelihood has a formula."""
    values, errors, logs = model._solved()
    sums = summed(errors, groups)
    cov = sums.T @ sums * (1.0 if groups is None else many / (many - 1))
    unknown = np.isnan(values)
    at_end = unknown | ~errors.any(axis=0)
    cov[at_end] = cov[:, at_end] = np.nan
    lower, upper = model._bounds(values)
    return Estimates(
        values=values,
        covariance=cov,
        degrees=np.full(len(values), float(many - (len(values) if groups is None else 1))),
        lower=np.where(unknown, lower, values),
        upper=np.where(unknown, upper, values),
        log_likelihoods=logs,
        objective=-2 * float(logs.sum()),
        spare=0,
        first_stage=np.nan,
        **common,
    )


def _groups(clusters: Any, m: int) -> NDArray[np.intp]:
    labels = np.asarray(clusters, dtype=object)  # NaN among strings stays NaN
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


def _table(instruments: Any, m: int) -> Floats:
    table = real(instruments, "instruments")
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != m:
        raise InvalidInput(
            f"`instruments` must have a row for each of the {m} observations; got shape {table.shape}."
        )
    return table


def _columns(table: Floats, m: int) -> Floats:
    """Return a constant and the columns that are no combination of those before, over their spread."""
    basis = [np.ones(m)]
    for column in table.T:
        before = np.column_stack(basis)
        rest = column - before @ np.linalg.lstsq(before, column, rcond=None)[0]
        if np.abs(rest).max() > 1e-8 * np.abs(column).max(initial=0.0):
            basis.append((column - column.mean()) / column.std())
    return np.column_stack(basis)


def _covariance(design: Floats, residuals: Floats, groups: NDArray[np.intp] | None) -> tuple[Floats, Floats]:
    """Return the covariance of least squares, (k, k), and degrees of freedom of the t-statistics, (k,).

    It is CR2 of Bell and McCaffrey (2002), where each observation is a cluster if there are none: with an
    orthonormal basis Q of the design, the scores of a cluster are :math:`(I - Q_g'Q_g)^{-1/2} Q_g'u_g`, so that the
    variance is unbiased if residuals are alike. Degrees of freedom are Satterthwaite's: twice the squared mean of the
    variance over its variance, as if residuals were alike (Imbens and Kolesár 2016).
    """
    k, size = design.shape[1], np.linalg.norm(design, axis=0)
    q, s, v = np.linalg.svd(design / size, full_matrices=False)
    back = v.T / s / size[:, None]
    inner = summed(q[:, :, None] * q[:, None, :], groups)
    left, vectors = np.linalg.eigh(np.eye(k) - inner)
    lone = left < _FLAT  # directions in which the design differs from 0 in one cluster alone
    root = vectors * np.where(lone, 0.0, np.abs(np.where(lone, 1.0, left)) ** -0.5)[:, None, :]
    root = root @ np.swapaxes(vectors, 1, 2)
    scores = (root @ summed(q * residuals[:, None], groups)[:, :, None])[..., 0]
    cov = back @ (scores.T @ scores) @ back.T
    a = root @ back.T  # of each cluster, the weights of its scores in each coefficient
    b = inner @ a
    own, shared = (a * b).sum(axis=1), (b**2).sum(axis=1)
    cross = np.einsum("gij,glj->jil", b, b)
    squares = (own**2 - 2 * own * shared).sum(axis=0) + (cross**2).sum(axis=(1, 2))
    degrees = (own - shared).sum(axis=0) ** 2 / squares
    alone = (
        lone[:, None, :] & (np.abs(back @ vectors) > _SHARE * np.linalg.norm(back, axis=1)[:, None])
    ).any((0, 2))
    cov[alone] = cov[:, alone] = np.nan
    return cov, degrees


def _first_stage(slopes: Floats, z: Floats, groups: NDArray[np.intp] | None) -> float:
    """Return the effective F of the instruments for the first parameter's slopes, given those of the others."""
    others = slopes[1:].T
    rest = [
        one - others @ np.linalg.lstsq(others, one, rcond=None)[0] for one in (z / np.sqrt(len(z)), slopes[0])
    ]
    u, s, _ = np.linalg.svd(rest[0], full_matrices=False)
    u = u[:, s > _FLAT * len(s)]
    part = u.T @ rest[1]
    moments = summed(u * (rest[1] - u @ part)[:, None], groups)
    many = len(moments)
    return float((part @ part) / (moments**2).sum() * (many - z.shape[1]) / many)


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
