r"""Numbers with their first and second derivatives, and unknowns that equations determine.

A jet holds a value v, its gradient in m directions and, where asked, its Hessian; sums, products, quotients and powers
follow the rules of calculus. Equations F(x, t) = 0 written once over jets give the derivatives of x in t by the
implicit function theorem: :math:`x_t = -F_x^{-1} F_t`. With x replaced by its first-order expansion, the second-order
part of F gives the second derivatives: they are :math:`-F_x^{-1}` times this part.

Derivatives come first among the axes: value (...), gradient (m, ...), Hessian (m, m, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Union

import numpy as np

from bargaining._arrays import Floats

Term = Union["Jet", Floats, float]


class Jet:
    """A value with its gradient, and its Hessian where second derivatives are wanted.

    Examples
    --------
    >>> x = Jet(np.array(3.0), np.ones((1,)), np.zeros((1, 1)))
    >>> square = x * x
    >>> float(square.value), square.gradient.tolist(), square.hessian.tolist()
    (9.0, [6.0], [[2.0]])
    """

    __slots__ = ("gradient", "hessian", "value")
    __array_ufunc__ = None  # an array on the left leaves the work to the jet

    def __init__(self, value: Floats, gradient: Floats, hessian: Floats | None) -> None:
        self.value, self.gradient, self.hessian = value, gradient, hessian

    def __add__(self, other: Term) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.gradient, self.hessian)
        hessian = None if self.hessian is None or other.hessian is None else self.hessian + other.hessian
        return Jet(self.value + other.value, self.gradient + other.gradient, hessian)

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.gradient, None if self.hessian is None else -self.hessian)

    def __sub__(self, other: Term) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value - other, self.gradient, self.hessian)
        hessian = None if self.hessian is None or other.hessian is None else self.hessian - other.hessian
        return Jet(self.value - other.value, self.gradient - other.gradient, hessian)

    def __rsub__(self, other: Term) -> Jet:
        return -self + other

    def __mul__(self, other: Term) -> Jet:
        if not isinstance(other, Jet):
            hessian = None if self.hessian is None else self.hessian * other
            return Jet(self.value * other, self.gradient * other, hessian)
        a, b = self, other
        hessian = None
        if a.hessian is not None and b.hessian is not None:
            cross = a.gradient[:, None] * b.gradient[None]
            hessian = a.hessian * b.value + b.hessian * a.value + cross + np.swapaxes(cross, 0, 1)
        return Jet(a.value * b.value, a.gradient * b.value + b.gradient * a.value, hessian)

    def __truediv__(self, other: Term) -> Jet:
        return self * other**-1.0

    def __rtruediv__(self, other: Term) -> Jet:
        return self**-1.0 * other

    def __pow__(self, power: float | Floats) -> Jet:
        v = self.value
        return self.through(v**power, power * v ** (power - 1), power * (power - 1) * v ** (power - 2))

    __radd__, __rmul__ = __add__, __mul__

    def through(self, value: Floats, first: Floats, second: Floats) -> Jet:
        """Return a function of the jet, given the function's value and derivatives at `self.value`."""
        hessian = None
        if self.hessian is not None:
            hessian = self.hessian * first + self.gradient[:, None] * self.gradient[None] * second
        return Jet(value, self.gradient * first, hessian)


def seeds(values: Sequence[Floats], first: int, directions: int, cells: int) -> list[Jet]:
    """Return variables of which entry k moves in direction `first` + k alone."""
    made = []
    for k, value in enumerate(values):
        gradient = np.zeros((directions, cells))
        gradient[first + k] = 1.0
        made.append(Jet(np.broadcast_to(value, (cells,)), gradient, None))
    return made


Equations = Callable[[list[Jet], list[Jet]], list[Jet]]
"""Takes unknowns and parameters, and returns what must be zero: as many as there are unknowns."""


def implicit(
    equations: Equations, x: Sequence[Floats], t: Sequence[Floats], *, wanted: int, second: bool
) -> tuple[Floats, Floats | None, Floats, Floats]:
    """Return how unknowns change with parameters.

    Parameters
    ----------
    equations : callable
        See `Equations`.
    x, t : sequence of ndarray, shape (cells,)
        The solution, and the parameters there.
    wanted : int
        How many of the unknowns, from the first.
    second : bool
        Whether second derivatives are wanted.

    Returns
    -------
    first : ndarray, shape (wanted, len(t), cells)
    second : ndarray, shape (wanted, len(t), len(t), cells), or None
    miss : ndarray, shape (cells,)
        By how much Newton's step would move a solution: 0 but for rounding if x is one.
    condition : ndarray, shape (cells,)
        The condition number of the equations in the unknowns, in the norm of row sums.
    """
    cells, n, m = np.size(x[0]), len(x), len(x) + len(t)
    found = equations(seeds(x, 0, m, cells), seeds(t, n, m, cells))
    # (n, m, cells)
    matrix = np.stack([[np.broadcast_to(row, (cells,)) for row in f.gradient] for f in found])
    inverse = _inverse(matrix[:, :n])
    first = -np.einsum("ijc,jkc->ikc", inverse, matrix[:, n:])
    values = np.stack([np.broadcast_to(f.value, (cells,)) for f in found])
    miss = np.abs(np.einsum("ijc,jc->ic", inverse, values)).max(axis=0)
    condition = np.abs(inverse).sum(axis=1).max(axis=0) * np.abs(matrix[:, :n]).sum(axis=1).max(axis=0)
    if not second:
        return first[:wanted], None, miss, condition
    none = np.zeros((len(t), len(t), cells))
    moved = [Jet(np.broadcast_to(v, (cells,)), first[k], none) for k, v in enumerate(x)]
    fixed = [Jet(one.value, one.gradient, none) for one in seeds(t, 0, len(t), cells)]
    bent = np.stack([np.broadcast_to(f.hessian, none.shape) for f in equations(moved, fixed)])  # type: ignore[arg-type]
    return first[:wanted], -np.einsum("ijc,jklc->iklc", inverse, bent)[:wanted], miss, condition


def _inverse(matrix: Floats) -> Floats:
    """Return the inverses of matrices, (n, n, cells); NaN where there is none."""
    n = len(matrix)
    with np.errstate(all="ignore"):
        if n == 2:  # a batch of small systems: LAPACK would be called cell by cell
            (a, b), (c, d) = matrix
            det = a * d - b * c
            det = np.where(
                np.abs(det) > 4 * np.finfo(float).eps * (np.abs(a * d) + np.abs(b * c)), det, np.nan
            )
            return np.stack([np.stack([d, -b]), np.stack([-c, a])]) / det
        square = np.moveaxis(matrix, -1, 0)
        flat = np.linalg.cond(square, np.inf) > 1 / np.finfo(float).eps
        safe = np.where(flat[:, None, None] | ~np.isfinite(square), np.eye(n), square)
        inverse = np.where(flat[:, None, None], np.nan, np.linalg.inv(safe))
    return np.moveaxis(inverse, 0, -1)
