"""Transformed sets: other units, another order of the players, or only the individually rational part.

Where possible, points, inequalities and surpluses are transformed into sets of the same kind, and a union into a union
of transformed sets; any other set is wrapped.

Lotteries over agreements make sets convex.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, record
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.base import FeasibleSet, best_product, disposes_freely, is_convex, known, question
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope, sets_of
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.union import Union


def rescaled(feasible: FeasibleSet, scale: Floats, shift: Floats) -> FeasibleSet:
    """Return {scale * x + shift : x feasible}; `scale` is positive, one entry per player."""
    if isinstance(feasible, Polytope):
        return feasible.mapped(lambda x: x * scale + shift, exactly=_affine(scale, shift))
    if isinstance(feasible, FreeDisposalHull):
        with np.errstate(over="ignore"):
            points = feasible.points * scale + shift
        return FreeDisposalHull(points, outcomes=feasible.outcomes)
    if isinstance(feasible, Union):
        return Union([rescaled(one, scale, shift) for one in feasible.sets])
    if isinstance(feasible, TransferableSurplus) and (scale == scale[0]).all():
        with np.errstate(over="ignore"):
            total = feasible.total * scale[0] + shift.sum()
        return TransferableSurplus(total, players=feasible.players)
    return Image(feasible, scale, shift)


def relabelled(feasible: FeasibleSet, order: NDArray[np.intp]) -> FeasibleSet:
    """Return the set in which player i is the one who was order[i]."""
    if isinstance(feasible, TransferableSurplus):
        return feasible
    if isinstance(feasible, Polytope):
        return feasible.mapped(lambda x: x[..., order], exactly=lambda row: [row[i] for i in order])
    if isinstance(feasible, FreeDisposalHull):
        return FreeDisposalHull(feasible.points[:, order], outcomes=feasible.outcomes)
    if isinstance(feasible, Union):
        return Union([relabelled(one, order) for one in feasible.sets])
    return Image(feasible, np.ones(order.size), np.zeros(order.size), order)


def restricted(feasible: FeasibleSet, floor: Floats) -> FeasibleSet:
    """Return the feasible x >= floor."""
    if isinstance(feasible, TransferableSurplus) and feasible.batch_shape == () and floor.ndim == 1:
        spare = float(feasible.total - floor.sum())
        if not spare >= 0:
            raise InvalidInput(
                f"`disagreement` must leave something feasible; it adds up to {floor.sum():g}."
            )
        return Polytope(np.concatenate((floor[None], floor + spare * np.eye(floor.size))))
    if isinstance(feasible, FreeDisposalHull) and floor.ndim == 1:
        kept = np.flatnonzero((feasible.points >= floor).all(axis=1))
        agreed = [feasible.outcomes[k] for k in kept]
        feasible = FreeDisposalHull(feasible.points[kept], outcomes=agreed) if len(kept) else feasible
    if isinstance(feasible, Union):
        left = [one for one in feasible.sets if np.isfinite(one.ideal(floor)).any()]
        return Union([restricted(one, floor) for one in left or feasible.sets[:1]])
    return Restricted(feasible, floor)


def set_of_cell(feasible: FeasibleSet, cell: tuple[int, ...], batch: tuple[int, ...]) -> FeasibleSet:
    """Return the set of one cell of a batch of problems."""
    if not feasible.batch_shape:
        return feasible
    if isinstance(feasible, Polytope):
        return np.broadcast_to(sets_of(feasible), batch)[cell]  # type: ignore[no-any-return]
    if isinstance(feasible, TransferableSurplus):
        return TransferableSurplus(np.broadcast_to(feasible.total, batch)[cell], players=feasible.players)
    if isinstance(feasible, Restricted):
        floor = np.broadcast_to(feasible.floor, (*batch, feasible.players))[cell]
        return Restricted(set_of_cell(feasible.within, cell, batch), floor)
    return Cell(feasible, cell, batch)


def above(feasible: FeasibleSet, floor: Floats) -> FeasibleSet:
    """Return the part above a floor of inequalities that have no list of vertices: it may have one."""
    if not isinstance(feasible, Polytope) or feasible.inequalities is None:
        return feasible
    matrix, limits = feasible.inequalities
    try:
        return Polytope.from_inequalities(
            np.vstack((matrix, -np.eye(len(floor)))), np.concatenate((limits, -floor))
        )
    except InvalidInput:
        return feasible


def without_low_floors(feasible: FeasibleSet, d: Floats) -> FeasibleSet:
    """Return the set within floors that are nowhere above d: its points above d are the same."""
    while isinstance(feasible, Restricted) and (feasible.floor <= d).all():
        feasible = feasible.within
    return feasible


def support_above(feasible: FeasibleSet, weights: Floats, floor: Floats) -> Floats:
    """Return a point with the best weighted sum over the x >= floor, for one cell.

    The set's own method of that name is used if there is one. Otherwise, if a floor binds, for two players one stays on
    the floor and the other gets the ideal payoff; with more players, or a negative weight, it is NotApplicable.
    """
    above = known(feasible, "support_above")
    if above is not None:
        return np.asarray(above(weights, floor))
    if feasible.players != 2 or feasible.batch_shape != () or (weights < 0).any():
        raise NotApplicable(
            f"The best point of {type(feasible).__name__} at these weights is not individually rational; "
            f"give the class a method `support_above(weights, floor)`."
        )
    point, best = feasible.support(weights)[1], feasible.ideal(floor)
    if np.isnan(point).any():  # without the floor the sum is unbounded: it rises up to one end
        ends = np.array([[best[0], floor[1]], [floor[0], best[1]]])
        return np.asarray(ends[np.argmax(ends @ weights)])
    return np.where(point < floor, floor, best)


def _affine(scale: Floats, shift: Floats) -> Callable[[list[Fraction]], list[Fraction]]:
    a, b = ([Fraction(float(v)) for v in vector] for vector in (scale, shift))
    return lambda row: [x * s + t for x, s, t in zip(row, a, b, strict=True)]


class _Wrapped(Shown, line=False):
    """A set made from the set within, for the same players."""

    __slots__ = ()
    within: FeasibleSet

    @property
    def players(self) -> int:
        """Number of players n."""
        return self.within.players

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes."""
        return self.within.batch_shape


@dataclass(frozen=True, slots=True, eq=False)
class Cell(_Wrapped, line=False):
    """One set of a batch that cannot be taken apart: the whole batch is asked, and one answer kept."""

    within: FeasibleSet
    cell: tuple[int, ...]
    batch_of_problems: tuple[int, ...]

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away, as in the batch."""
        return disposes_freely(self.within)

    def _ask(self, name: str, *arrays: Floats, **more: Any) -> Any:
        cells, n = np.broadcast_shapes(*(array.shape for array in arrays))[:-1], self.players
        ones = (1,) * len(self.batch_of_problems)
        each = (np.broadcast_to(array, (*cells, n)).reshape(*cells, *ones, n) for array in arrays)
        whole = (np.broadcast_to(array, (*cells, *self.batch_of_problems, n)) for array in each)
        answer = getattr(self.within, name)(*whole, **more)
        place = (slice(None),) * len(cells) + self.cell
        return tuple(part[place] for part in answer) if isinstance(answer, tuple) else answer[place]

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where."""
        value, point = self._ask("support", weights)
        return value, point

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        return np.asarray(self._ask("ray", origin, direction))

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        return np.asarray(self._ask("ideal", floor))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set."""
        return np.asarray(self._ask("contains", x, tol=tol))


@record(kw_only=False)
class Image(_Wrapped, line=False):
    """The payoffs scale * x + shift for x in the set within, where player i is the one who was order[i]."""

    within: FeasibleSet
    scale: Floats
    shift: Floats
    order: NDArray[np.intp] | None = None

    def back(self, x: Floats) -> Floats:
        """Return the entries of players in their order within."""
        return x if self.order is None else x[..., np.argsort(self.order)]

    def inside(self, x: Floats) -> Floats:
        """Return payoffs in the units and the order of the set within."""
        return self.back((x - self.shift) / self.scale)

    def outside(self, x: Floats) -> Floats:
        """Return payoffs of the set within in those of this one; NaN, not infinity, where no float holds them."""
        x = x if self.order is None else x[..., self.order]
        with np.errstate(over="ignore", invalid="ignore"):
            moved = x * self.scale + self.shift
            return np.where(np.isfinite(x) & ~np.isfinite(moved), np.nan, moved)

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away, as in the set within."""
        return disposes_freely(self.within)

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where."""
        value, point = self.within.support(self.back(weights * self.scale))
        point = self.outside(point)
        return np.where(np.isfinite(value), (weights * point).sum(axis=-1), value), point

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell."""
        return self.outside(support_above(self.within, self.back(weights * self.scale), self.inside(floor)))

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set."""
        with np.errstate(over="ignore"):
            step = self.back(direction / self.scale)
        return self.within.ray(self.inside(origin), step)

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        best = self.outside(self.within.ideal(self.inside(floor)))
        return np.where(np.isfinite(best), np.maximum(best, floor), best)

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set."""
        return self.within.contains(self.inside(x), tol=tol)

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains: units do not matter."""
        point, residual = best_product(self.within, self.inside(origin), self.back(weights))
        return self.outside(point), residual


@record(kw_only=False)
class Restricted(_Wrapped, line=False):
    """The points of the set within that give every player at least a floor."""

    within: FeasibleSet
    floor: Floats

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes."""
        return np.broadcast_shapes(self.within.batch_shape, self.floor.shape[:-1])

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where.

        Raises
        ------
        NotApplicable
            If the best point of the set within violates the floor, and `support_above` is not applicable.
        """
        value, point = self.within.support(weights)
        point, value = np.array(np.broadcast_to(point, (*np.shape(value), self.players))), np.array(value)
        below = ~(point >= self.floor).all(axis=-1)
        if not below.any():
            return value, point
        w, f = (np.broadcast_to(a, point.shape) for a in (weights, self.floor))
        for k in np.argwhere(np.atleast_1d(below)):
            cell = tuple(k) if below.ndim else ()
            point[cell] = support_above(self.within, w[cell], f[cell])
            value[cell] = (w[cell] * point[cell]).sum()
        return value, point

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set: the line meets it in an interval."""
        last = self.within.ray(origin, direction)
        back = self.within.ray(origin, -direction)
        with np.errstate(divide="ignore", invalid="ignore"):
            time = (self.floor - origin) / direction
        size = np.spacing(np.abs(self.floor) + np.abs(origin))
        still = ((direction != 0) | (origin >= self.floor - 8 * size)).all(axis=-1)
        enters = np.where(direction > 0, time, -np.inf).max(axis=-1)
        leaves = np.where(direction < 0, time, np.inf).min(axis=-1)
        end = np.minimum(last, leaves)
        room = 1e-15 * np.where(np.isfinite(end), np.abs(end), 0.0)
        misses = np.isneginf(last) | (end < np.maximum(enters, -back) - room) | ~still
        return np.where(misses, -np.inf, end)

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        return self.within.ideal(np.maximum(floor, self.floor))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set."""
        room = tol * (np.abs(self.floor) + np.abs(x - self.floor))
        return np.asarray(self.within.contains(x, tol=tol) & (x >= self.floor - room).all(axis=-1))

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains; NaN residual where it breaks the floor."""
        point, residual = best_product(self.within, origin, weights)
        size = 16 * np.spacing(np.abs(self.floor) + np.abs(point))
        return point, np.where((point >= self.floor - size).all(axis=-1), residual, np.nan)


def convex_only(feasible: FeasibleSet, method: str) -> None:
    """Refuse a set that is not convex."""
    if not is_convex(feasible):
        raise NotApplicable(
            f"{method} needs a convex set; a {type(feasible).__name__} is not. Allow lotteries with its "
            f"`convex_hull()`, or use `nash_set` or `conley_wilkie`."
        )


def with_lotteries(feasible: FeasibleSet) -> FeasibleSet:
    """Return the convex hull of a set, perhaps within others; the set itself if it is convex."""
    if is_convex(feasible):
        return feasible
    hull = known(feasible, "convex_hull")
    if hull is not None:
        found: FeasibleSet = hull()
        return found
    inner = with_lotteries(feasible.within)  # type: ignore[attr-defined]
    if isinstance(feasible, Image):
        inner = inner if feasible.order is None else relabelled(inner, feasible.order)
        return rescaled(inner, feasible.scale, feasible.shift)
    return restricted(inner, feasible.floor) if isinstance(feasible, Restricted) else inner
