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

from bargaining._arrays import Floats, by_player, real, scalar
from bargaining.errors import InvalidInput

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
