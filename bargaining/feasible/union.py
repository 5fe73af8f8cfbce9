"""A union of feasible sets, of which one is chosen; it need not be convex."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, Floats, exceeds, fill, record
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable, with_article
from bargaining.feasible.base import FeasibleSet, best_product, disposes_freely, is_convex, question
from bargaining.feasible.points import FreeDisposalHull, log_products, ties
from bargaining.feasible.polytope import Polytope

HAIR = 16 * EPS  # of payoffs: a floor that much lower is not missed by rounding


@record(init=False)
class Union(Shown, line=False):
    r"""Everything in one of several sets: :math:`S_1 \cup \dots \cup S_m`.

    The payoffs of agreements under one of several regimes (this treaty or that one), when no lottery between regimes
    can be agreed on. With lotteries it is ``convex_hull()``.

    Parameters
    ----------
    sets : sequence of FeasibleSet
        Sets of the same players, of any kind; batches among them broadcast. A union among them counts as its sets.

    Raises
    ------
    InvalidInput
        If there is no set, something is no feasible set, players differ, or batches do not broadcast.

    Notes
    -----
    The set is not convex. Solutions along a ray (Kalai-Smorodinsky, egalitarian, equal loss, Gupta-Livne) end at the
    last feasible point of the ray, whether or not the ray leaves the set before. If there are several maximisers,
    `nash` takes the best for player 0, and `nash_set` returns all. Solutions that require convexity are not applicable.
    Every method evaluates each of the sets, so a union is as accurate as they are.

    Examples
    --------
    A surplus to divide under one treaty, or the payoffs of another, which leaves nothing to divide:

    >>> from bargaining import Polytope, Problem, TransferableSurplus, Union, nash
    >>> treaties = Union([TransferableSurplus(4.5), Polytope([[4, 1]], free_disposal=True)])
    >>> nash(Problem(treaties, [0, 0])).payoffs
    array([2.25, 2.25])
    >>> nash(Problem(treaties, [3, 0])).payoffs
    array([4., 1.])
    """

    sets: tuple[FeasibleSet, ...]
    players: int = field(repr=False)
    batch_shape: tuple[int, ...] = field(repr=False)

    def __init__(self, sets: Sequence[FeasibleSet]) -> None:
        flat = _flat(sets)
        players = [one.players for one in flat]
        if len(set(players)) > 1:
            raise InvalidInput(
                f"`sets` must have the same players; got sets of {players} players. Describe the payoffs of all."
            )
        batches = [one.batch_shape for one in flat]
        try:
            shape = np.broadcast_shapes(*batches)
        except ValueError:
            raise InvalidInput(f"`sets` must have batches that broadcast; got {batches}.") from None
        fill(self, sets=flat, players=players[0], batch_shape=shape)

    def convex_hull(self) -> Polytope:
        """Return the set with lotteries between the regimes, if each is known by its points.

        Raises
        ------
        NotApplicable
            If one of the sets is neither a `Polytope` given by points nor a `FreeDisposalHull`.
        """
        known: list[Floats | NDArray[np.object_]] = []
        for one in self.sets:
            if not isinstance(one, Polytope | FreeDisposalHull) or one.points is None:
                raise NotApplicable(
                    f"The hull of a union is known where every set is given by points; a {type(one).__name__} is not. "
                    f"Describe it as a Polytope of points."
                )
            exact = getattr(one, "exact", None)
            known.append(one.points if exact is None else np.array(exact, dtype=object))
        thrown = [getattr(one, "free_disposal", True) for one in self.sets]
        return Polytope(np.concatenate(known), free_disposal=any(thrown))

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away in every set."""
        return all(disposes_freely(one) for one in self.sets)

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and a point; if points tie up to rounding, the best for player 0."""
        found = [one.support(weights) for one in self.sets]
        values = np.array(np.broadcast_arrays(*(v for v, _ in found)))
        points = _stacked([x for _, x in found])
        best = values.max(axis=0)
        with np.errstate(invalid="ignore"):
            size = np.abs(weights * points).sum(axis=-1)
            tied = (values == best) | (values + 4 * EPS * size >= best)
        bounded = np.isfinite(best)
        point = _best_for_first(points, tied)
        return best, np.where(bounded[..., None], point, np.nan)

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        found: Floats = np.max(
            np.broadcast_arrays(*(one.ray(origin, direction) for one in self.sets)), axis=0
        )
        return found

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        found: Floats = np.max(np.broadcast_arrays(*(one.ideal(floor) for one in self.sets)), axis=0)
        return found

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in one of the sets, up to `tol` of that set's size."""
        found = np.broadcast_arrays(*(one.contains(x, tol=tol) for one in self.sets))
        return np.asarray(np.any(found, axis=0))

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point with the largest weighted product of gains over `origin`, and its residual.

        If points tie, the best for player 0 is returned. The residual bounds how much larger the logarithm of a product
        can be anywhere in the union. It is NaN where no agreement gives every player with a positive weight a gain:
        then all products are 0, and the point is the best individually rational one for player 0, then for player 1,
        and so on.
        """
        found = [_best_of(one, origin, weights) for one in self.sets]
        points, gaps = _stacked([x for x, _ in found]), np.array(np.broadcast_arrays(*(r for _, r in found)))
        sizes, doubts = log_products(points, origin, weights)
        sizes = np.where(np.isnan(gaps), -np.inf, sizes)  # of that set no agreement lets everyone gain
        tied = ties(sizes, doubts)
        with np.errstate(invalid="ignore"):
            # A gap bounds the logarithm: log prod(y) - log prod(x) <= sum(w (y - d) / (x - d)) - 1.
            beyond = np.where(np.isposinf(gaps), np.inf, sizes + gaps - sizes.max(axis=0))
            residual = np.maximum(np.nan_to_num(beyond, nan=0.0, neginf=0.0), 0.0).max(axis=0)
        point, some = _best_for_first(points, tied), np.asarray(tied.any(axis=0))
        if not some.all():
            point = np.where(some[..., None], point, self._best_in_turn(origin, point.shape))
        return point, np.where(some, residual, np.nan)

    def _best_in_turn(self, origin: Floats, shape: tuple[int, ...]) -> Floats:
        """Return the best point for player 0 above `origin`; among several, the best for player 1, and so on."""
        floor = np.array(np.broadcast_to(origin, shape))
        for i in range(self.players):
            best = self.ideal(floor)[..., i]
            floor[..., i] = np.where(np.isfinite(best), best - HAIR * np.abs(best), floor[..., i])
        return np.maximum(floor, origin)


def _best_of(one: FeasibleSet, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return a set's best product, with an infinite residual where it was not found though everyone can gain."""
    point, gap = best_product(one, origin, weights)
    if np.isnan(gap).any() and is_convex(one):
        best = one.ideal(origin)
        with np.errstate(invalid="ignore"):
            gains = exceeds(best, origin)
        lost = np.isnan(gap) & (gains | (weights == 0)).all(axis=-1)
        return point, np.where(lost, np.inf, gap)
    return point, gap


def _flat(sets: object) -> tuple[FeasibleSet, ...]:
    """Return the sets, with unions replaced by their sets."""
    if isinstance(sets, FeasibleSet) or not isinstance(sets, Sequence) or len(sets) == 0:
        raise InvalidInput(f"`sets` must be a list of at least one feasible set; got {sets!r}.")
    for one in sets:
        if not isinstance(one, FeasibleSet):
            raise InvalidInput(
                f"`sets` must answer support, ray, ideal and contains; got {with_article(one)}. Wrap points in "
                f"`Polytope` or an amount in `TransferableSurplus`."
            )
    parts = (one.sets if isinstance(one, Union) else (one,) for one in sets)
    return tuple(one for part in parts for one in part)


def _stacked(points: list[Floats]) -> Floats:
    return np.array(np.broadcast_arrays(*points))


def _best_for_first(points: Floats, tied: NDArray[np.bool_]) -> Floats:
    """Return, of the points that tie in each cell, the one with the largest payoff of player 0."""
    first = np.argmax(np.where(tied, points[..., 0], -np.inf), axis=0)
    found: Floats = np.take_along_axis(points, first[None, ..., None], axis=0)[0]
    return found
