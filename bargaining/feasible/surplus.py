"""A surplus that can be divided in any way: transferable utility."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import EPS, ArrayLike, Floats, fill, real, record
from bargaining._rich import Shown, listing
from bargaining.errors import InvalidInput, NotApplicable, short
from bargaining.feasible.base import of_one_cell, question

BLOCK = 8192  # cells per pass of the closed form
MOST = 10**6  # players: a limit, since each has a name and a payoff


@record(init=False, repr=False)
class TransferableSurplus(Shown, line=False):
    """The payoffs {x : sum(x) <= total}.

    Parameters
    ----------
    total : array_like
        The surplus, in the unit of the payoffs. An array is a batch of sets, one per entry.
    players : int, optional
        Number of players; by default as many as the disagreement point of a `Problem` has entries, and 2 elsewhere.

    Raises
    ------
    InvalidInput
        If `total` is not finite or `players` is not a positive integer.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus, nash
    >>> nash(Problem(TransferableSurplus(10), [1, 3])).payoffs
    array([4., 6.])
    """

    total: Floats
    players: int
    batch_shape: tuple[int, ...]
    _any_players: bool

    def __init__(self, total: ArrayLike, *, players: int | None = None) -> None:
        unstated = players is None
        players = 2 if players is None else players
        if isinstance(players, bool) or not isinstance(players, int | np.integer) or players < 1:
            raise InvalidInput(f"`players` must be a positive integer; got {players!r}.")
        if players > MOST:
            raise InvalidInput(f"`players` must be at most {MOST:,}; got {short(players)}.")
        array = real(total, "total", payoffs=True)
        fill(self, total=array, players=int(players), batch_shape=array.shape, _any_players=unstated)

    def among(self, players: int) -> TransferableSurplus:
        """Return the surplus shared by this many players; itself if its number of players was given."""
        return TransferableSurplus(self.total, players=players) if self._any_players else self

    def __repr__(self) -> str:
        players = "" if self.players == 2 else f", players={self.players}"
        return f"TransferableSurplus({listing(self.total)}{players})"

    @property
    def disposes_freely(self) -> bool:
        """Whether payoffs can be thrown away: True."""
        return True

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and where; bounded only for equal non-negative weights."""
        first = weights[..., 0]
        bounded = (weights == first[..., None]).all(axis=-1) & (first >= 0)
        value = np.where(bounded, first * self.total, np.inf)
        each = np.where(bounded, self.total / self.players, np.nan)
        return value, np.broadcast_to(each[..., None], (*each.shape, self.players))

    @question
    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none.

        The total less the floors goes to the player with the largest weight, in equal parts if several tie.
        """
        of_one_cell(weights=weights, floor=floor)
        if self.batch_shape:
            raise NotApplicable(
                f"The best point above a floor is known for one total; got a batch of shape {self.batch_shape}."
            )
        spare = self.total - _sum(floor)
        first = weights == weights.max()
        return np.where(spare >= 0, floor + first * (spare / first.sum()), np.nan)

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        slack = self.total - _sum(origin)
        speed = _sum(direction)
        with np.errstate(divide="ignore", invalid="ignore"):
            last = np.where(speed > 0, slack / speed, np.inf)
        return np.where((speed == 0) & (slack < 0), -np.inf, last)

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return the payoff left for each player if the others get their floors."""
        players = range(self.players)
        rest = [_sum(floor[..., [j for j in players if j != i]]) for i in players]
        best = self.total[..., None] - np.stack(np.broadcast_arrays(*rest), axis=-1)
        empty = (best < floor - _rounding(self.total, floor)).any(axis=-1)
        return np.where(empty[..., None], -np.inf, np.maximum(best, floor))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether the payoffs add up to no more than the total."""
        size = np.abs(x).max(axis=-1) + np.abs(self.total)
        inside: NDArray[np.bool_] = np.asarray(_sum(x) <= self.total + tol * size)
        return inside

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual.

        In closed form, in blocks that stay in the processor's cache: the arithmetic is cheaper than memory.
        """
        shape = np.broadcast_shapes(self.batch_shape, origin.shape[:-1], weights.shape[:-1])
        point, residual = np.empty((*shape, self.players)), np.empty(shape)
        total, d, w = _flat(self.total, shape), _columns(origin, shape), _columns(weights, shape)
        x, miss = point.reshape(-1, self.players), residual.reshape(-1)
        for start in range(0, miss.size, BLOCK):
            cells = slice(start, start + BLOCK)
            _split(total[cells], [c[cells] for c in d], [c[cells] for c in w], x[cells], miss[cells])
        return point, residual


def _split(total: Floats, d: list[Floats], w: list[Floats], x: Floats, residual: Floats) -> None:
    """Write d + w * (total - sum d) into x, and its violation of the total and the proportions into residual.

    Where there is no surplus the residual is NaN.
    """
    slack, size = total - d[0], np.abs(total)
    size += np.abs(d[0])
    for column in d[1:]:
        slack -= column
        size += np.abs(column)
    miss, first = total, None
    worst: Floats | None = None
    for i, column in enumerate(d):
        share = w[i] * slack
        share += column
        x[:, i] = share
        miss = miss - share
        share -= column  # the gain, as rounded
        if first is None:
            first = share
            continue
        share *= w[0]
        share -= first * w[i]  # gains are in proportion to weights
        np.abs(share, out=share)
        worst = share if worst is None else np.maximum(worst, share, out=worst)
    np.abs(miss, out=residual)
    if worst is not None:
        np.maximum(residual, worst, out=residual)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        residual /= size
    size *= 16 * EPS
    residual[~(slack > size)] = np.nan


def _flat(cells: Floats, shape: tuple[int, ...]) -> Floats:
    """Return one entry per cell on a single axis, without copying where possible."""
    return (
        np.broadcast_to(cells, shape).reshape(-1) if cells.ndim else np.broadcast_to(cells, math.prod(shape))
    )


def _columns(x: Floats, shape: tuple[int, ...]) -> list[Floats]:
    return [_flat(x[..., i], shape) for i in range(x.shape[-1])]


def _sum(x: Floats) -> Floats:
    """Add over players, in their order: a reduction over so short an axis is slow."""
    total: Floats = np.zeros(x.shape[:-1]) if x.shape[-1] == 0 else x[..., 0]
    for i in range(1, x.shape[-1]):
        total = total + x[..., i]
    return total


def _rounding(total: Floats, floor: Floats) -> Floats:
    """Return the size of rounding errors in sums of these numbers."""
    finite = np.where(np.isfinite(floor), np.abs(floor), 0.0)
    size: Floats = 4 * EPS * (np.abs(total) + _sum(finite))[..., None]
    return size
