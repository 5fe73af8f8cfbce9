"""Polytopes: the convex hull of finitely many payoff vectors, or the solutions of linear inequalities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from fractions import Fraction
from functools import partial
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import cell, flag
from bargaining._arguments import function as callable_of
from bargaining._arrays import EPS, LARGEST, SMALLEST, ArrayLike, Floats, fill, real, record, short, within
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._facets import extreme
from bargaining.feasible._polygon import hull
from bargaining.feasible._solid import Planar, Solid
from bargaining.feasible.base import of_one_cell, question

Exact = tuple[tuple[Fraction, ...], ...]


STEEPEST = 1e6  # power of losses; higher ones have the same minimum up to 1e-6, and overflow
Sets = np.ndarray[Any, np.dtype[Any]]
"""An array of polytopes."""


class Several:
    """A batch of polytopes, each evaluated for all of its cells at once, one polytope after the other."""

    __slots__ = ("sets",)

    def __init__(self, sets: Sets) -> None:
        self.sets = sets

    def _each(self, question: str, *arrays: Floats, **more: Any) -> Any:
        players = arrays[0].shape[-1]
        batch = np.broadcast_shapes(self.sets.shape, *(array.shape[:-1] for array in arrays))
        flat = [np.broadcast_to(array, (*batch, players)).reshape(-1, players) for array in arrays]
        owner = np.broadcast_to(np.arange(self.sets.size).reshape(self.sets.shape), batch).reshape(-1)
        order = np.argsort(owner, kind="stable")
        ends = np.searchsorted(owner[order], np.arange(self.sets.size + 1))
        found: list[Floats] = []
        for one, start, end in zip(self.sets.flat, ends[:-1], ends[1:], strict=True):
            cells = order[start:end]
            answer = getattr(one, question)(*(array[cells] for array in flat), **more)
            parts = answer if isinstance(answer, tuple) else (answer,)
            found = found or [np.empty((len(owner), *part.shape[1:]), dtype=part.dtype) for part in parts]
            for whole, part in zip(found, parts, strict=True):
                whole[cells] = part
        shaped = [whole.reshape(*batch, *whole.shape[1:]) for whole in found]
        return tuple(shaped) if len(shaped) > 1 else shaped[0]

    def __getattr__(self, question: str) -> Callable[..., Any]:
        """Return a question that is put to each polytope."""
        if question.startswith("_"):
            raise AttributeError(question)
        return partial(self._each, question)

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Refuse: the question is about one set."""
        raise NotApplicable(
            f"The best point above a floor is known for one polytope; got a batch of shape {self.sets.shape}. "
            "Take one by `at`."
        )


Shape = Solid | Several
"""The representation behind a polytope: one for points of the plane, one for other sets, one for batches."""


@record(init=False, repr=False)
class Polytope(Shown, line=False):
    """The convex hull of points, or everything below it; `Polytope.from_inequalities` for {x : A x <= b}.

    Parameters
    ----------
    points : array_like, shape (..., m, n)
        Payoff vectors, one per row; players are columns. Fractions are kept exactly in `exact`. Leading axes are a
        batch of polytopes; if one has fewer points than the others, repeat some.
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
        If `points` is not a non-empty array of two axes or more, of numbers below 1e300 in size, or spans less than
        1e-290 (unless nothing).

    Notes
    -----
    Collinear points, a single point and repetitions are fine: a set may be flat. In the plane every question has a
    closed form, for a batch of problems at once. In more dimensions the product of gains is maximised by Clarabel's
    interior point finished by Newton's method, rays and ideal points follow the facets where these are few, and the
    rest are linear programs. The polytopes of a batch are evaluated one after the other.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, nash
    >>> nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([2. , 0.5])
    >>> nash(Problem(Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1]]), [0, 0, 0])).payoffs.round(12)
    array([1.        , 0.66666667, 0.33333333])

    Two sets at once:

    >>> nash(Problem(Polytope([[[4, 0], [0, 1]], [[4, 0], [0, 3]]]), [0, 0])).payoffs
    array([[2. , 0.5],
           [2. , 1.5]])
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
        if given.ndim > 2:
            exactly = np.asarray(points)
            kept = given if exactly.dtype.kind == "f" else exactly
            sets = np.empty(given.shape[:-2], dtype=object)
            for place in np.ndindex(*sets.shape):
                sets[place] = type(self)(kept[place], free_disposal=free_disposal)
            _fill(self, None, None, Several(sets), free_disposal=free_disposal, exact=None)
            return
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
        size = np.abs(lowest)  # the unit of a player with the same payoff everywhere
        same = span <= 16 * EPS * size  # up to rounding, which is no range to measure in
        array = np.where(same, lowest + span, array)
        span = np.where(~same, span, np.where(size < SMALLEST, 1.0, size))
        shape: Shape
        if array.shape[1] == 2:
            array = hull(array)
            shape = Planar(array, lowest, span, free_disposal=bool(free_disposal))
        else:
            array = np.array(list(dict.fromkeys(map(tuple, array.tolist()))))
            shape = Solid.of_points(array, lowest, span, free_disposal=bool(free_disposal))
        _fill(self, array, None, shape, free_disposal=free_disposal, exact=_kept_exactly(points))

    @classmethod
    def from_inequalities(cls, A: ArrayLike, b: ArrayLike) -> Polytope:
        """Return {x : A x <= b}, which may be unbounded below.

        Parameters
        ----------
        A : array_like, shape (..., m, n)
            One inequality per row; players are columns.
        b : array_like, shape (..., m)
            The right-hand sides. Leading axes of the two broadcast, and are a batch.

        Raises
        ------
        InvalidInput
            If the shapes differ, an entry is not finite, nothing is feasible, or payoffs are too large or too small for
        sums of floats.

        Notes
        -----
        A set that is unbounded above is accepted; solutions that are then unbounded have the status UNBOUNDED. In the
        plane a bounded set, or one with everything below it, is turned into its vertices, as is a bounded flat set
        of up to four dimensions.

        Examples
        --------
        >>> from bargaining import Polytope, Problem, nash
        >>> pie = Polytope.from_inequalities([[1, 1, 1], [1, 0, 0]], [6, 1])
        >>> nash(Problem(pie, [0, 0, 0])).payoffs.round(12)
        array([1. , 2.5, 2.5])
        """
        rows, right = real(A, "A"), real(b, "b")
        if rows.ndim > 2 or right.ndim > 1:
            return cls._several(rows, right)
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
        if shape.points is not None and (rows.shape[1] == 2 or shape.flat):
            return cls(shape.points, free_disposal=shape.free_disposal)
        made = cls.__new__(cls)
        _fill(made, None, (rows, right), shape, free_disposal=False, exact=None)
        return made

    @classmethod
    def _several(cls, rows: Floats, right: Floats) -> Polytope:
        """Return a batch of sets of inequalities."""
        try:
            batch = np.broadcast_shapes(rows.shape[:-2], right.shape[:-1])
        except ValueError:
            raise InvalidInput(
                f"`b` must broadcast against `A`; got shapes {right.shape} and {rows.shape}."
            ) from None
        rows = np.broadcast_to(rows, (*batch, *rows.shape[-2:]))
        right = np.broadcast_to(right, (*batch, right.shape[-1]))
        sets = np.empty(batch, dtype=object)
        for place in np.ndindex(*batch):
            sets[place] = cls.from_inequalities(rows[place], right[place])
        return batch_of(sets)

    def at(self, index: tuple[int, ...]) -> Polytope:
        """Return one polytope of the batch."""
        index = cell(index, "index", self.batch_shape)
        return self._shape.sets[index] if isinstance(self._shape, Several) else self

    @property
    def vertices(self) -> Floats:
        """The extreme points, shape (k, n); counter-clockwise from the lowest x0 if n = 2."""
        if isinstance(self._shape, Several):
            raise NotApplicable(
                f"Each polytope of a batch has vertices of its own; got a batch of shape {self.batch_shape}. Write "
                f"at({(0,) * len(self.batch_shape)}).vertices."
            )
        if isinstance(self._shape, Planar) and self._points is not None:
            return self._points
        if self._shape.points is None:
            raise NotApplicable(
                "This set is unbounded or flat, or has too many vertices for a list: none describes it."
            )
        if self._points is None or self._shape.unit is None:
            return self._shape.points
        return self._points[extreme(self._shape.unit)]

    @property
    def points(self) -> Floats | None:
        """The points whose mixtures the set is, shape (m, n); None for a set of inequalities and for a batch."""
        return self._points

    @property
    def inequalities(self) -> tuple[Floats, Floats] | None:
        """The matrix A and limits b of {x : A x <= b}; None for a set of points and for a batch."""
        return self._inequalities

    def mapped(
        self, function: Callable[[Floats], Floats], *, exactly: Callable[[list[Fraction]], list[Fraction]]
    ) -> Polytope:
        """Return the image under an affine map that keeps the order of payoffs, given on floats and on Fractions.

        Inequalities are mapped through the images of the unit vectors, so that even a large shift rounds nothing else.
        """
        for name, value in (("function", function), ("exactly", exactly)):
            callable_of(value, name)
        if isinstance(self._shape, Several):
            sets = np.empty(self.batch_shape, dtype=object)
            for place in np.ndindex(*self.batch_shape):
                sets[place] = self.at(place).mapped(function, exactly=exactly)
            return batch_of(sets)
        if self._inequalities is not None:
            matrix, limits = self._inequalities
            n = self.players
            zero = exactly([Fraction(0)] * n)
            moved = [exactly([Fraction(int(i == j)) for j in range(n)]) for i in range(n)]
            linear = np.array([[float(x - z) for x, z in zip(row, zero, strict=True)] for row in moved]).T
            rows = matrix @ np.linalg.inv(linear)
            return Polytope.from_inequalities(rows, limits + rows @ np.array(zero, dtype=float))
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
        """Whether there is free disposal: as given for points, computed for inequalities."""
        if isinstance(self._shape, Several):
            return all(one.disposes_freely for one in self._shape.sets.flat)
        return self.free_disposal or (
            self._inequalities is not None and bool((self._inequalities[0] >= 0).all())
        )

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: () for one set."""
        return self._shape.sets.shape if isinstance(self._shape, Several) else ()

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where: the middle of the points that tie."""
        return self._shape.support(weights)

    @question
    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        of_one_cell(weights=weights, floor=floor)
        return self._shape.support_above(real(weights, "weights", payoffs=True), floor)

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

    @question
    def least_powers(
        self, ideal: Floats, weights: Floats, floor: Floats, power: float
    ) -> tuple[Floats, float]:
        """Return the x >= floor with the least sum of (weights * max(ideal - x, 0))**power, and its error."""
        of_one_cell(ideal=ideal, weights=weights, floor=floor)
        shape = self._shape
        if isinstance(shape, Several):
            raise NotApplicable("The least losses are known for one polytope. Take one by `at`.")
        ideal = real(ideal, "ideal", payoffs=True)
        weights = within(real(weights, "weights"), "weights", SMALLEST, 1 / SMALLEST)
        power = float(within(real(power, "power", ndim=0), "power", 1.0, STEEPEST))
        return shape.least_powers(ideal, weights, floor, power)

    def __repr__(self) -> str:
        if isinstance(self._shape, Several):
            return f"<Polytope of {self.players} players, batch of shape {self.batch_shape}>"
        if self._inequalities is not None:
            matrix, limits = self._inequalities
            return f"Polytope.from_inequalities({matrix.tolist()}, {limits.tolist()})"
        assert self._points is not None
        disposal = ", free_disposal=True" if self.free_disposal else ""
        return f"Polytope({self._points.tolist()}{disposal})"


def batch_of(sets: Sets) -> Polytope:
    """Return an array of polytopes as one batch."""
    made = Polytope.__new__(Polytope)
    disposes = all(one.free_disposal for one in sets.flat)
    _fill(made, None, None, Several(sets), free_disposal=disposes, exact=None)
    return made


def sets_of(feasible: Polytope) -> Sets:
    """Return the polytopes of a batch."""
    assert isinstance(feasible._shape, Several)
    return feasible._shape.sets


def _fill(
    made: Polytope,
    points: Floats | None,
    inequalities: tuple[Floats, Floats] | None,
    shape: Shape,
    *,
    free_disposal: bool,
    exact: Exact | None,
) -> None:
    if isinstance(shape, Several):
        players = shape.sets.flat[0].players
    else:
        players = points.shape[1] if points is not None else inequalities[0].shape[1]  # type: ignore[index]
    if points is not None:
        points.flags.writeable = False
    values = (bool(free_disposal), exact, int(players), points, inequalities, shape)
    fill(made, **dict(zip(Polytope.__slots__, values, strict=True)))


def _halfspaces(rows: Floats, limits: Floats) -> Solid:
    with np.errstate(over="ignore"):
        far = np.abs(limits) / np.abs(rows).max(axis=1)
    if (far > LARGEST).any():
        raise InvalidInput(
            f"`b` must describe payoffs of size {LARGEST:g} at most; got {far.max():g}. Rescale the payoffs."
        )
    shape = Solid.of_rows(rows, limits)
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
