"""A feasible set is any object with the four methods `support`, `ray`, `ideal` and `contains`.

Nearly every concept and protocol uses these four alone, so a new kind of feasible set is one file with one class, and
nothing needs subclassing. Players are the last axis of every array; leading axes broadcast against `batch_shape`.

The library also uses the following methods and attributes if a set has them:

==========================================  =====================================================================
``product(origin, weights)``                the best weighted product of gains, and its residual
``short_of_product(x, origin, weights)``    by how much payoffs fall short of that product
``support_above(weights, floor)``           a point with the best weighted sum over the x >= floor
``convex_hull()``                           the set with lotteries: whoever has it is not convex
``disposes_freely``                         whether everything below a feasible point is feasible
``decision(payoffs)``                       a decision that gives at least these payoffs
``whole_frontier(floor)``                   of two players: raises NotApplicable where it takes too long to follow
``within``                                  the set that this one gives in other units or names, or above a floor
==========================================  =====================================================================

They are read by `known` only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import (
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Protocol,
    TypeGuard,
    TypeVar,
    overload,
    runtime_checkable,
)

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import EPS, Floats, by_cell, by_player, exceeds, real, returned, scalar
from bargaining.errors import InvalidInput, NotApplicable

Asked = TypeVar("Asked", bound="FeasibleSet")
More = ParamSpec("More")
Answer = TypeVar("Answer")


@runtime_checkable
class FeasibleSet(Protocol):
    """The payoff vectors that the players can agree on: closed, and convex without a method ``convex_hull()``."""

    @property
    def players(self) -> int:
        """Number of players n."""
        ...

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: () for one set."""
        ...

    def support(self, weights: Floats, /) -> tuple[Floats, Floats]:
        """Return max sum(weights * x) over the set and a point where it is attained.

        The value is inf, and the point NaN, where the sum has no upper bound.
        """
        ...

    def ray(self, origin: Floats, direction: Floats, /) -> Floats:
        """Return the largest t with origin + t * direction in the set; -inf where the line misses it."""
        ...

    def ideal(self, floor: Floats, /) -> Floats:
        """Return each player's best payoff over the x >= floor in the set; -inf where there is no such x.

        An entry of `floor` may be -inf: that player has no floor.
        """
        ...

    def contains(self, x: Floats, /, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set, up to `tol` times the size of the set."""
        ...


def is_feasible_set(value: object) -> TypeGuard[FeasibleSet]:
    """Say whether something answers the questions of a `FeasibleSet`; the answer for a class is remembered."""
    return _has_answers(type(value)) or isinstance(value, FeasibleSet)  # type: ignore[arg-type]


@cache
def _has_answers(kind: type) -> bool:
    questions = ("players", "batch_shape", "support", "ray", "ideal", "contains")
    return all(getattr(kind, name, None) is not None for name in questions)


@overload
def question(
    method: Callable[Concatenate[Asked, Floats, Floats, More], Answer],
) -> Callable[Concatenate[Asked, ArrayLike, ArrayLike, More], Answer]: ...
@overload
def question(
    method: Callable[Concatenate[Asked, Floats, More], Answer],
) -> Callable[Concatenate[Asked, ArrayLike, More], Answer]: ...
def question(method: Callable[..., Any]) -> Callable[..., Any]:
    """Make a method that is written for arrays accept any array-like, with players on the last axis."""
    names = [name for name, kind in method.__annotations__.items() if kind == "Floats" and name != "return"]

    @wraps(method)
    def asked(self: FeasibleSet, *given: Any, **more: Any) -> Any:
        if "tol" in more:
            more["tol"] = scalar(more["tol"], "tol")
        more |= {name: _by_player(more[name], name, self.players) for name in names if name in more}
        arrays = [_by_player(value, name, self.players) for name, value in zip(names, given, strict=False)]
        return method(self, *arrays, *given[len(names) :], **more)

    return asked


def _by_player(value: ArrayLike, name: str, players: int) -> Floats:
    """Return an argument with players as its last axis; arrays of floats, the usual case, unchanged."""
    known = type(value) is np.ndarray and value.dtype == np.float64
    return by_player(value if known else real(value, name, finite=False), name, players)  # type: ignore[arg-type]


def of_one_cell(**arrays: Floats) -> None:
    """Raise an error for batches where a single cell is required."""
    for name, array in arrays.items():
        if array.ndim != 1:
            raise InvalidInput(
                f"`{name}` must have one entry per player, for one cell; got shape {array.shape}."
            )


Question = Literal[
    "product",
    "short_of_product",
    "support_above",
    "convex_hull",
    "disposes_freely",
    "decision",
    "whole_frontier",
    "within",
]


def known(feasible: FeasibleSet, question: Question) -> Any:
    """Return a set's optional method or attribute of this name; None if it has none."""
    return getattr(feasible, question, None)


def is_convex(feasible: FeasibleSet) -> bool:
    """Say whether a set, or the set that it wraps, is convex; one that is not has a method ``convex_hull()``."""
    within = known(feasible, "within")
    return known(feasible, "convex_hull") is None and (within is None or is_convex(within))


def disposes_freely(feasible: FeasibleSet) -> bool:
    """Say whether a set, or the set that it wraps, is known to have free disposal."""
    return bool(known(feasible, "disposes_freely"))


ROUNDS = 200  # points of the set: a limit where rounding finds the same ones again


def best_product(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the point that maximises prod((x - origin)**weights) over x >= origin, and its residual.

    The method ``product(origin, weights)`` of the set answers, or else the support function is followed, for one cell.
    The point (..., n) is meaningful where some feasible point gives every player more than `origin`. The residual (...)
    is the violation of the optimality conditions, free of scale; NaN where a player with a positive weight has no gain.
    """
    product = known(feasible, "product")
    if product is None:
        return _by_support(feasible, origin, weights)
    point, residual = product(origin, weights)
    if type(feasible).__module__.startswith("bargaining."):
        return np.asarray(point), np.asarray(residual)
    # theirs to change
    return returned(np.asarray(point), "product"), returned(np.asarray(residual), "product")


def _by_support(feasible: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    if feasible.batch_shape != ():
        raise NotApplicable(
            f"A batch of {type(feasible).__name__} cannot maximise a product of gains: pass its sets one at a time, "
            f"or give the class a method `product(origin, weights)`."
        )
    return product_by_cell(lambda d, w: _decompose(feasible, d, w), origin, weights)


def product_by_cell(
    product: Callable[[Floats, Floats], tuple[Floats, float]], origin: Floats, weights: Floats
) -> tuple[Floats, Floats]:
    """Return the points and the residuals that a method for one cell finds in all cells of a batch."""
    n = max(origin.shape[-1], weights.shape[-1])
    both = by_cell(lambda d, w: np.append(*product(d, w)), origin, weights, entries=n + 1)
    return both[..., :-1], both[..., -1]


def _decompose(feasible: FeasibleSet, d: Floats, w: Floats) -> tuple[Floats, float]:
    """Maximise the product over the hull of support points, until none is worth more at the prices of the best.

    Where the frontier is smooth each round squares the error of the last.
    """
    from bargaining.feasible.polytope import Polytope

    ideal = np.asarray(feasible.ideal(d))
    nowhere: tuple[Floats, float] = np.full(d.shape, np.nan), np.nan
    if not (np.isfinite(ideal) & (exceeds(ideal, d) | (w == 0))).all():
        return nowhere
    scale = np.where(ideal > d, ideal - d, 1.0)
    prices = [*np.eye(d.size), np.ones(d.size)]
    gains = np.array([(np.asarray(feasible.support(p / scale)[1]) - d) / scale for p in prices])
    gains = gains[np.isfinite(gains).all(axis=1)]
    best = nowhere
    for _ in range(ROUNDS if len(gains) else 0):
        x, left = Polytope(gains).product(np.zeros(d.size), w)
        gap = float(left)
        with np.errstate(all="ignore"):
            price = np.where(np.isfinite(gap) & (w > 0), w / x, np.nan)
        price = _prices(gains, price) if np.isnan(price).any() else price
        new = (np.asarray(feasible.support(price / scale)[1], dtype=float) - d) / scale
        if not np.isfinite(new).all():
            break
        worth = float(price @ new)
        gap = max(worth - 1.0, gap, 0.0)
        if np.isfinite(gap) and not gap >= best[1]:
            best = d + scale * x, gap
        if (worth - 1.0 if np.isfinite(gap) else worth) <= 4 * EPS or (gains == new).all(axis=1).any():
            break
        gains = np.vstack((gains, new))
    return best


def _prices(gains: Floats, fixed: Floats) -> Floats:
    """Return the prices at which the best of some gains is worth least; those that are not NaN are `fixed`.

    If none is, they add up to one: the best is worth nothing where not everybody can gain.
    """
    from bargaining.feasible._facets import LinearProgram, optimise

    (m, n), known = gains.shape, ~np.isnan(fixed)
    rows, right = (np.eye(n)[known], fixed[known]) if known.any() else (np.ones((1, n)), np.ones(1))
    found = optimise(
        LinearProgram(
            objective=np.append(np.zeros(n), -1.0),
            matrix=np.column_stack((np.vstack((rows, gains)), np.repeat([0.0, -1.0], [len(rows), m]))),
            limits=np.append(right, np.zeros(m)),
            lower=np.append(np.zeros(n), -np.inf),
            equalities=len(rows),
        )
    )
    return np.maximum(found.point[:n], 0.0)


def short_of_product(feasible: FeasibleSet, x: Floats, origin: Floats, weights: Floats) -> Floats:
    """Return by how much payoffs fall short of the best weighted product of gains over `origin`.

    For a convex set this is a bound on the difference of logarithms: the most by which a feasible y at or above
    `origin` is worth more than x at the prices w / (x - origin). For another set it is the difference of logarithms. A
    set may have its own method of this name. NaN where x gives somebody with a weight no gain.
    """
    shape = np.broadcast_shapes(x.shape, origin.shape, weights.shape)
    x, origin, weights = (np.broadcast_to(a, shape) for a in (x, origin, weights))
    own = known(feasible, "short_of_product")
    if own is not None:
        return np.asarray(own(x, origin, weights))
    if not is_convex(feasible):
        best, gap = best_product(feasible, origin, weights)
        with np.errstate(all="ignore"):
            terms = np.where(weights > 0, weights * np.log((best - origin) / (x - origin)), 0.0)
        return np.asarray(np.maximum(terms.sum(axis=-1), 0.0) + gap)

    def missed(x: Floats, d: Floats, w: Floats) -> float:
        gain = x - d
        if not (gain[w > 0] > 0).all():
            return np.nan
        prices = np.where(w > 0, w / np.where(w > 0, gain, 1.0), 0.0)
        return max(float(prices @ (_best_above(feasible, prices, d) - d)) - 1.0, 0.0)

    return np.asarray(by_cell(missed, x, origin, weights))


def _best_above(feasible: FeasibleSet, prices: Floats, origin: Floats) -> Floats:
    """Return a best point at some prices; if the sum is unbounded, a best point at or above `origin`."""
    from bargaining.feasible.transform import support_above

    point = np.asarray(feasible.support(prices)[1])
    if np.isfinite(point).all() and (prices > 0).all():
        return point
    return support_above(feasible, prices, origin)
