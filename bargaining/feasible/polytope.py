"""Polytopes: the convex hull of finitely many payoff vectors, or what some inequalities allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Rational
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import flag
from bargaining._arguments import function as callable_of
from bargaining._arrays import LARGEST, SMALLEST, Floats, owning, real, short
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._halfspaces import Halfspaces, corners, extreme, slack_at
from bargaining.feasible._hull import Hull
from bargaining.feasible._planar import Interval, Planar
from bargaining.feasible._polygon import hull
from bargaining.feasible.base import of_one_cell, question

Exact = tuple[tuple[Fraction, ...], ...]


Shape = Interval | Planar | Hull | Halfspaces
"""The representation behind a polytope: one for the line, the plane, points and inequalities."""


@owning
@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Polytope(Shown, line=False):
    """The convex hull of points, or everything below it; `Polytope.from_inequalities` for {x : A x <= b}.

    Parameters
    ----------
    points : array_like, shape (m, n)
        Payoff vectors, one per row; players are columns. Fractions are kept exactly in `exact`.
    free_disposal : bool, default False
        Whether every payoff vector below a feasible one is feasible too.

    Attributes
    ----------
    vertices : ndarray, shape (k, n)
        The extreme points; counter-clockwise from the lowest x0 if n = 2.
    exact : tuple of tuples of Fraction, or None
        The points as given, if they were Fractions or integers too large for a float.

    Raises
    ------
    InvalidInput
        If `points` is not a non-empty (m, n) array of numbers below 1e300 in size, or spans less than 1e-290 (unless
        nothing).

    Notes
    -----
    Collinear points, a single point and repetitions are fine: a set may be flat. In the plane every question has a
    closed form, for a batch of problems at once. In more dimensions the product of gains is maximised by an interior
    point finished by Newton's method, rays follow the facets where these are few, and the rest are linear programs
    whose answers are proved optimal, in rationals if need be.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, nash
    >>> nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([2. , 0.5])
    >>> nash(Problem(Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1]]), [0, 0, 0])).payoffs.round(12)
    array([1.        , 0.66666667, 0.33333333])
    """

    free_disposal: bool
    exact: Exact | None
    players: int
    _points: Floats | None
    _inequalities: tuple[Floats, Floats] | None
    _shape: Shape = field(repr=False)

    def __init__(self, points: ArrayLike, *, free_disposal: bool = False) -> None:
        flag(free_disposal, "free_disposal")
        if np.ndim(given := real(points, "points", payoffs=True)) == 1:
            raise InvalidInput(
                f"`points` must have one row per point; got a single row. Write Polytope([{short(given.tolist())}])."
            )
        array = real(given, "points", ndim=2)
        lowest = array.min(axis=0)
        span = array.max(axis=0) - lowest
        tiny = (span > 0) & (span < SMALLEST)
        if tiny.any():
            i = int(np.argmax(tiny))
            raise InvalidInput(
                f"`points` must span at least {SMALLEST:g} for each player, or nothing; got {span[i]:g} for player "
                f"{i}. Rescale the payoffs."
            )
        size = np.abs(lowest)  # the unit of a player who gets the same everywhere
        span = np.where(span > 0, span, np.where(size < SMALLEST, 1.0, size))
        shape: Shape
        if array.shape[1] == 1:
            array = np.unique([array.min(axis=0), array.max(axis=0)], axis=0)
            shape = Interval(-np.inf if free_disposal else float(array[0, 0]), float(array[-1, 0]))
        elif array.shape[1] == 2:
            array = hull(array)
            shape = Planar(array, lowest, span, free_disposal=bool(free_disposal))
        else:
            array = np.array(list(dict.fromkeys(map(tuple, array.tolist()))))
            shape = Hull(array, lowest, span, free_disposal=bool(free_disposal))
        _fill(self, array, None, shape, free_disposal=free_disposal, exact=_kept_exactly(points))

    @classmethod
    def from_inequalities(cls, A: ArrayLike, b: ArrayLike) -> Self:
        """Return {x : A x <= b}, which may be unbounded below.

        Parameters
        ----------
        A : array_like, shape (m, n)
            One inequality per row; players are columns.
        b : array_like, shape (m,)
            The right-hand sides.

        Raises
        ------
        InvalidInput
            If the shapes differ, an entry is not finite, nothing is feasible, or payoffs are too large or too small for
        sums of floats.

        Notes
        -----
        A set that is unbounded above is not refused: what it makes unbounded has the status UNBOUNDED. In the plane
        a bounded set, or one with everything below it, is turned into its vertices.

        Examples
        --------
        >>> from bargaining import Polytope, Problem, nash
        >>> pie = Polytope.from_inequalities([[1, 1, 1], [1, 0, 0]], [6, 1])
        >>> nash(Problem(pie, [0, 0, 0])).payoffs.round(12)
        array([1. , 2.5, 2.5])
        """
        rows, right = real(A, "A", ndim=2), real(b, "b", ndim=1)
        tiny = (rows != 0) & (np.abs(rows) < SMALLEST)
        if tiny.any():
            raise InvalidInput(
                f"`A` must have entries of size {SMALLEST:g} at least, or 0; got {rows[tiny][0]:g}. Rescale the row."
            )
        if len(rows) != len(right):
            raise InvalidInput(f"`b` must have one entry per row of `A` ({len(rows)}); got {len(right)}.")
        empty = ~rows.any(axis=1)
        if (empty & (right < 0)).any():
            k = int(np.argmax(empty & (right < 0)))
            raise InvalidInput(f"`b` must be met by some x; row {k} says 0 <= {right[k]:g}. Drop the row.")
        if empty.all():
            raise InvalidInput("`A` must bound something; every row is zero.")
        shape = _halfspaces(rows[~empty], right[~empty])
        drawn = corners(shape) if rows.shape[1] <= 2 else None
        if drawn is not None:
            return cls(drawn.points, free_disposal=drawn.open_below)
        made = cls.__new__(cls)
        _fill(made, None, (rows, right), shape, free_disposal=False, exact=None)
        return made

    @property
    def vertices(self) -> Floats:
        """The extreme points, shape (k, n); counter-clockwise from the lowest x0 if n = 2."""
        if isinstance(self._shape, Halfspaces):
            drawn = corners(self._shape)
            if drawn is None:
                raise NotApplicable(
                    "This set is unbounded or flat: it has no list of vertices that describes it."
                )
            return drawn.points
        assert self._points is not None
        return extreme(self._points) if self.players > 2 else self._points

    @property
    def points(self) -> Floats | None:
        """The points whose mixtures the set is, shape (m, n); None for a set of inequalities."""
        return self._points

    @property
    def inequalities(self) -> tuple[Floats, Floats] | None:
        """The matrix A and limits b of {x : A x <= b}; None for a set of points."""
        return self._inequalities

    def mapped(
        self,
        function: Callable[[Floats], Floats],
        *,
        exactly: Callable[[list[Fraction]], list[Fraction]],
    ) -> Polytope:
        """Return the image under an affine map that keeps the order of payoffs, given on floats and on Fractions.

        Inequalities are mapped by what the map does to the unit vectors: a shift, however large, rounds nothing else.
        """
        for name, value in (("function", function), ("exactly", exactly)):
            callable_of(value, name)
        if self._inequalities is not None:
            matrix, limits = self._inequalities
            n = self.players
            zero = exactly([Fraction(0)] * n)
            moved = [exactly([Fraction(int(i == j)) for j in range(n)]) for i in range(n)]
            linear = np.array([[float(x - z) for x, z in zip(row, zero, strict=True)] for row in moved]).T
            rows = matrix @ np.linalg.inv(linear)
            return Polytope.from_inequalities(rows, slack_at(rows, limits, -np.array(zero, dtype=float)))
        assert self._points is not None
        if self.exact is None:
            with np.errstate(over="ignore"):
                points = function(self._points)
            return Polytope(points, free_disposal=self.free_disposal)
        rows = np.empty((len(self.exact), self.players), dtype=object)
        rows[:] = [exactly(list(row)) for row in self.exact]
        return Polytope(rows, free_disposal=self.free_disposal)

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away: said of points, seen of inequalities."""
        return self.free_disposal or (
            self._inequalities is not None and bool((self._inequalities[0] >= 0).all())
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where: the middle of the points that tie."""
        return self._shape.support(weights)

    @question
    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        of_one_cell(weights=weights, floor=floor)
        return self._shape.support_above(weights, floor)

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        return self._shape.ray(origin, direction)

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        return self._shape.ideal(floor)

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x lies in the set, up to `tol` of its span."""
        return self._shape.contains(x, tol=tol)

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual.

        The residual is the duality gap max sum(w (y - d) / (x - d)) - 1 over feasible y; NaN where not everyone with
        a positive weight can gain.
        """
        return self._shape.product(origin, weights)

    def __repr__(self) -> str:
        if self._inequalities is not None:
            matrix, limits = self._inequalities
            return f"Polytope.from_inequalities({matrix.tolist()}, {limits.tolist()})"
        assert self._points is not None
        disposal = ", free_disposal=True" if self.free_disposal else ""
        return f"Polytope({self._points.tolist()}{disposal})"


def _fill(
    made: Polytope,
    points: Floats | None,
    inequalities: tuple[Floats, Floats] | None,
    shape: Shape,
    *,
    free_disposal: bool,
    exact: Exact | None,
) -> None:
    players = points.shape[1] if points is not None else inequalities[0].shape[1]  # type: ignore[index]
    if points is not None:
        points.flags.writeable = False
    values = (bool(free_disposal), exact, int(players), points, inequalities, shape)
    for name, value in zip(Polytope.__slots__, values, strict=True):
        object.__setattr__(made, name, value)


def _halfspaces(rows: Floats, limits: Floats) -> Halfspaces:
    with np.errstate(over="ignore"):
        far = np.abs(limits) / np.abs(rows).max(axis=1)
    if (far > LARGEST).any():
        raise InvalidInput(
            f"`b` must describe payoffs of size {LARGEST:g} at most; got {far.max():g}. Rescale the payoffs."
        )
    shape = Halfspaces(rows, limits)
    size = np.abs(shape.origin) + shape.span
    if not ((size <= LARGEST) & (shape.span >= SMALLEST)).all():
        raise InvalidInput(
            f"`b` must describe payoffs between {SMALLEST:g} and {LARGEST:g} in size; got about "
            f"{size.max():g} at most and {shape.span.min():g} at least. Rescale the payoffs."
        )
    return shape


def _kept_exactly(points: ArrayLike) -> Exact | None:
    """Return points as Fractions if they were given exactly and floats would round them."""
    array = np.asarray(points)
    if array.dtype.kind == "f" or (array.dtype.kind in "iu" and np.abs(array).max() < 2**53):
        return None
    if not all(isinstance(x, Rational) for x in array.flat):
        return None
    return tuple(tuple(Fraction(x) for x in row) for row in array.tolist())
