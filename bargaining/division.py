"""A division: the answer that every concept and protocol gives to a problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from numbers import Rational
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import Status, Unsolved
from bargaining.problem import Problem

ACCURACY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Division:
    """Who gets what, how well the answer meets its definition, and how it was found.

    Attributes
    ----------
    payoffs : ndarray, shape (..., n)
        The players' payoffs; NaN in cells without an answer.
    status : Status or ndarray of int8, shape (...)
        How each cell ended.
    method : str
        The concept or protocol, with its parameters.
    residual : float or ndarray, shape (...)
        The worst violation of the defining conditions, over the scale of the payoffs.
    problem : Problem or None
        The problem answered; None for protocols that carry their own primitives.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus, nash
    >>> division = nash(Problem(TransferableSurplus(1.0), [0.0, 0.2]))
    >>> division.payoffs, division.status
    (array([0.4, 0.6]), <Status.OK: 0>)
    """

    payoffs: Floats
    status: Status | NDArray[np.int8]
    method: str
    residual: float | Floats
    problem: Problem | None = None

    @property
    def ok(self) -> bool | NDArray[np.bool_]:
        """Whether the payoffs meet the definition: the status is OK or DEGENERATE."""
        good = (np.asarray(self.status) == Status.OK) | (np.asarray(self.status) == Status.DEGENERATE)
        return good if good.ndim else bool(good)

    @property
    def gains(self) -> Floats:
        """Payoffs less the disagreement point."""
        if self.problem is None:
            raise AttributeError(f"{self.method} carries its own primitives: there is no disagreement point.")
        gains: Floats = self.payoffs - self.problem.disagreement
        return gains

    @property
    def shares(self) -> Floats:
        """Each player's part of the sum of gains; NaN where there is nothing to share."""
        gains = self.gains
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: Floats = gains / gains.sum(axis=-1, keepdims=True)
        return shares

    def raise_if_failed(self) -> Self:
        """Return self, or raise with the advice of the first cell that has no answer.

        Raises
        ------
        Unsolved
            If a cell's status is neither OK nor DEGENERATE.
        """
        bad = ~np.asarray(self.ok)
        if bad.any():
            where = tuple(int(k) for k in np.argwhere(bad)[0])
            status = Status(int(np.asarray(self.status)[where]))
            cell = f" in cell {where} (and {int(bad.sum()) - 1} more)" if where else ""
            residual = np.broadcast_to(self.residual, bad.shape)[where]
            raise Unsolved(f"{self.method}: {status.name}{cell}, residual {residual:.2g}. {status.advice}")
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values, for JSON or a data frame."""
        status = np.asarray(self.status)
        names = [Status(int(s)).name for s in status.flat]
        return {
            "method": self.method,
            "payoffs": self.payoffs.tolist(),
            "status": names if status.ndim else names[0],
            "residual": np.asarray(self.residual).tolist(),
        }

    def _repr_html_(self) -> str:
        from bargaining._rich import division_html

        return division_html(self)

    def _repr_latex_(self) -> str | None:
        from bargaining._rich import division_latex

        return division_latex(self)


Method = Callable[[Problem], Division]
"""Whatever answers a problem: a solution concept, a protocol, or a function of your own."""


def describe(rule: object, **parameters: object) -> str:
    """Return the name of a concept, or of a protocol with its fields, and the parameters that were given."""
    if is_dataclass(rule):
        given = {f.name: getattr(rule, f.name) for f in fields(rule) if f.init}
        defaults = {f.name: f.default for f in fields(rule)}
        parameters = {k: v for k, v in given.items() if not (np.ndim(v) == 0 and v == defaults[k])}
        rule = type(rule).__name__
    shown = ", ".join(f"{k}={_brief(v)}" for k, v in parameters.items() if v is not None)
    return f"{rule}({shown})" if shown else str(rule)


def _brief(value: object) -> str:
    array = np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(v, Rational) for v in array.flat):
        array = array.astype(float)
    if array.dtype.kind not in "iuf":
        return repr(value)
    return str(array.tolist()) if array.size <= 8 else f"array of shape {array.shape}"


def solved(problem: Problem | None, method: str, payoffs: Floats, residual: Floats) -> Division:
    """Pack an answer that is good in every cell."""
    payoffs.flags.writeable = False
    if residual.ndim == 0:
        return Division(
            payoffs=payoffs, status=Status.OK, method=method, residual=float(residual), problem=problem
        )
    status = np.zeros(residual.shape, dtype=np.int8)
    return Division(payoffs=payoffs, status=status, method=method, residual=residual, problem=problem)


def divide(
    problem: Problem,
    method: str,
    payoffs: Floats,
    residual: Floats,
    status: NDArray[np.int8],
    *,
    ideal: Floats,
) -> Division:
    """Pack one answer: settle the status of each cell and blank what has no answer.

    Parameters
    ----------
    payoffs : ndarray, shape (..., n)
        Candidates; in DEGENERATE cells the documented limit.
    residual : ndarray, shape (...)
        Violation of the defining conditions over the range of gains.
    status : ndarray of int8, shape (...)
        From `Problem.gains_status`.
    ideal : ndarray, shape (..., n)
        From `Problem.ideal`: with d it gives the scale against which rounding of the inputs is judged.
    """
    d = problem.disagreement
    with np.errstate(all="ignore"):
        magnitude = np.maximum(np.abs(ideal), np.abs(d)) / (ideal - d)
        allowed = ACCURACY + 64 * np.finfo(float).eps * magnitude.max(axis=-1)
        settled = (status == Status.OK) & ~(residual <= allowed)
        status = np.where(settled, Status.INACCURATE, status).astype(np.int8)
        broken = (status <= Status.DEGENERATE) & (status != Status.EMPTY) & ~np.isfinite(payoffs).all(axis=-1)
    status = np.where(broken & (status != Status.UNBOUNDED), Status.FAILED, status).astype(np.int8)
    answered = (status == Status.OK) | (status == Status.DEGENERATE) | (status == Status.INACCURATE)
    payoffs = np.where(answered[..., None], payoffs, np.nan)
    residual = np.where(answered, residual, np.nan)
    payoffs.flags.writeable = False
    if status.ndim == 0:
        return Division(
            payoffs=payoffs,
            status=Status(int(status)),
            method=method,
            residual=float(residual),
            problem=problem,
        )
    return Division(payoffs=payoffs, status=status, method=method, residual=residual, problem=problem)
