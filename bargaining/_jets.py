"""Numbers with their first and second derivatives.

A jet holds a value v, its gradient in m directions and, where asked, its Hessian; sums, products, quotients and powers
follow the rules of calculus. Derivatives come first among the axes: value (...), gradient (m, ...), Hessian
(m, m, ...).
"""

from __future__ import annotations

from collections.abc import Sequence
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
