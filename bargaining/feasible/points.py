"""Finitely many agreements that cannot be mixed: a set that is not convex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import listed
from bargaining._arrays import EPS, Floats, by_player, fill, real, record
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.base import question
from bargaining.feasible.polytope import Polytope

TIE = 64 * EPS  # relative difference of products that rounding can make


@record(init=False)
class FreeDisposalHull(Shown, line=False):
    r"""Everything below some point: :math:`\{x : x \le v_k \text{ for some } k\}`.

    The payoffs of finitely many agreements when no lottery between them can be agreed on, and payoffs can be thrown
    away. With lotteries it is ``Polytope(points, free_disposal=True)``.

    Parameters
    ----------
    points : array_like, shape (m, n)
        Payoff vectors v, one per row; players are columns. Points below another one are dropped.
    outcomes : sequence, optional
        The agreement behind each point, any object, which `decision` returns. The row numbers by default.

    Attributes
    ----------
    points : ndarray, shape (k, n)
        The points that no other point dominates, the best for player 0 first.
    outcomes : tuple
        The agreement behind each of them.

    Raises
    ------
    InvalidInput
        If `points` is not a non-empty (m, n) array of numbers below 1e300 in size.

    Notes
    -----
    The set is not convex. Solutions along a ray (Kalai-Smorodinsky, egalitarian, equal loss, Gupta-Livne) follow their
    definitions. If there are several maximisers, `nash` takes the best for player 0, and `nash_set` returns all.
    Solutions that require convexity are not applicable.

    Examples
    --------
    >>> from bargaining import FreeDisposalHull, Problem, nash
    >>> nash(Problem(FreeDisposalHull([[4, 1], [1, 3], [0, 0]]), [0, 0])).payoffs
    array([4., 1.])
    >>> nash(Problem(FreeDisposalHull([[4, 1], [1, 3]], outcomes=["sell", "rent"]), [0, 0])).decision
    'sell'
    """

    points: Floats
    outcomes: tuple[Any, ...]
    _span: Floats = field(repr=False)

    def __init__(self, points: ArrayLike, *, outcomes: Sequence[Any] | None = None) -> None:
        given = real(points, "points", ndim=2, payoffs=True)
        agreed = (
            range(len(given)) if outcomes is None else listed(outcomes, "outcomes", "a list, one a point")
        )
        if len(agreed) != len(given):
            raise InvalidInput(f"`outcomes` must be one for each of {len(given)} points; got {len(agreed)}.")
        kept = undominated_at(given)
        array = given[kept]
        span = array.max(axis=0) - array.min(axis=0)
        array.flags.writeable = False
        fill(self, points=array, outcomes=tuple(agreed[k] for k in kept), _span=span)

    def __repr__(self) -> str:
        return f"FreeDisposalHull({self.points.tolist()})"

    @property
    def players(self) -> int:
        """Number of players n."""
        return int(self.points.shape[1])

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away: True."""
        return True

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    def decision(self, payoffs: ArrayLike) -> Any:
        """Return the first outcome that gives every player `payoffs` or more.

        Raises
        ------
        NotApplicable
            If no outcome does.
        """
        wanted = by_player(real(payoffs, "payoffs", ndim=1), "payoffs", self.players)
        enough = (self.points >= wanted - self._grain(wanted)).all(axis=1)
        if not enough.any():
            raise NotApplicable(f"no single outcome gives {wanted.tolist()}; mixed ones are lotteries.")
        return self.outcomes[int(np.argmax(enough))]

    def convex_hull(self) -> Polytope:
        """Return the set with lotteries: the convex hull of the points and everything below it."""
        return Polytope(self.points, free_disposal=True)

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and the first point where it is attained."""
        value = np.full(weights.shape[:-1], -np.inf)
        where = np.full(weights.shape, np.nan)
        for point in self.points:
            total, size = (weights * point).sum(axis=-1), np.abs(weights * point).sum(axis=-1)
            better = total - 4 * EPS * size > value
            value = np.where(better, total, value)
            where = np.where(better[..., None], point, where)
        bounded = np.asarray((weights >= 0).all(axis=-1))
        return np.where(bounded, value, np.inf), np.where(bounded[..., None], where, np.nan)

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        last = np.full(np.broadcast_shapes(origin.shape, direction.shape)[:-1], -np.inf)
        room = self._grain(origin)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for point in self.points:
                slack = point - origin
                t = slack / direction
                up = np.where(direction > 0, t, np.inf).min(axis=-1)
                down = np.where(direction < 0, t, -np.inf).max(axis=-1)
                blocked = ((direction == 0) & (slack < -room)).any(axis=-1)
                last = np.where((up >= down) & ~blocked & (up > last), up, last)
        return last

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        best = np.full(floor.shape, -np.inf)
        room = self._grain(floor)
        for point in self.points:
            reached = (point >= floor - room).all(axis=-1, keepdims=True)
            best = np.where(reached, np.maximum(best, point), best)
        return np.where(np.isneginf(best), best, np.maximum(best, floor))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x lies below one of the points, up to `tol` of their span."""
        room = np.maximum(tol * self._span, self._grain(x))
        inside = np.zeros(x.shape[:-1], dtype=bool)
        for point in self.points:
            inside |= np.asarray((x <= point + room).all(axis=-1))
        return inside

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point with the largest weighted product of gains over `origin`, and its residual.

        If several points tie, the first is returned. The residual is 0, or NaN where no point gives every player with a
        positive weight a gain: then all individually rational points have a product of 0, and the first of them is
        returned.
        """
        shape = np.broadcast_shapes(origin.shape, weights.shape)
        room, cells = self._grain(origin), (len(self.points), *shape[:-1])
        tied = np.broadcast_to(best_products(self.points, origin, weights), cells)
        floor = np.broadcast_to(origin - room, shape)
        harmless = np.array([(point >= floor).all(axis=-1) for point in self.points], dtype=bool)
        some = tied.any(axis=0)
        first = np.argmax(np.where(some, tied, harmless), axis=0)
        where = np.maximum(self.points[first], origin)
        possible = np.asarray(harmless.any(axis=0))[..., None]
        return np.where(possible, where, np.nan), np.where(some, 0.0, np.nan)

    def _grain(self, x: Floats) -> Floats:
        """Return the payoff differences near x that rounding can cause."""
        size = np.maximum(np.abs(self.points).max(axis=0), np.abs(np.where(np.isfinite(x), x, 0.0)))
        grain: Floats = 16 * EPS * size
        return grain


def first_player_first(points: Floats) -> Floats:
    """Return the rows in order, the best for player 0 first."""
    return np.array(points[np.lexsort(points.T[::-1])[::-1]])


def undominated(points: Floats) -> Floats:
    """Return the rows that no other row weakly exceeds in every column, the largest first."""
    return points[undominated_at(points)]


def undominated_at(points: Floats) -> list[int]:
    """Return the indices of these rows; for equal rows, the first."""
    order = np.lexsort((-np.arange(len(points)), *points.T[::-1]))[::-1]
    if points.shape[1] == 2:
        second = points[order, 1]
        before = np.maximum.accumulate(np.concatenate(([-np.inf], second[:-1])))
        found: list[int] = order[second > before].tolist()
        return found
    kept: list[int] = []
    for k in order.tolist():
        if not (points[kept] >= points[k]).all(axis=1).any():
            kept.append(k)
    return kept


def log_products(points: Floats, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return each point's logarithm of the weighted product of gains, on a new first axis, and its rounding error.

    It is -inf in cells where the point leaves somebody worse off, or gives someone with a weight no gain.
    """
    sizes, doubts = [], []
    with np.errstate(divide="ignore", invalid="ignore"):
        for point in points:
            gain, error = point - origin, EPS * (np.abs(point) + np.abs(origin))
            counts = (gain >= -16 * error).all(axis=-1) & ((gain > 16 * error) | (weights == 0)).all(axis=-1)
            terms = np.where(weights > 0, weights * np.log(np.where(gain > 0, gain, 1.0)), 0.0)
            sizes.append(np.where(counts, terms.sum(axis=-1), -np.inf))
            doubt = np.where(weights > 0, weights * (error / np.abs(gain)), 0.0)
            doubts.append(np.where(counts, doubt.sum(axis=-1), 0.0))
    return np.array(sizes), TIE + 4 * np.array(doubts)


def ties(sizes: Floats, doubts: Floats) -> NDArray[np.bool_]:
    """Say of each product whether no other is larger, up to rounding; all False where there is no product."""
    with np.errstate(invalid="ignore"):
        tied: NDArray[np.bool_] = (sizes + doubts >= (sizes - doubts).max(axis=0)) & np.isfinite(sizes)
    return tied


def best_products(points: Floats, origin: Floats, weights: Floats) -> NDArray[np.bool_]:
    """Say of each point, on a new first axis, whether no other has a larger weighted product of gains, up to rounding.

    All are False in cells where no individually rational point gives everyone with a weight a gain.
    """
    return ties(*log_products(points, origin, weights))
