"""What one player alone can get."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._sides import EPS


class Interval:
    """The payoffs from `low` to `high`; `low` is -inf with free disposal."""

    __slots__ = ("grain", "high", "low", "span")

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        size = abs(high) + (abs(low) if np.isfinite(low) else 0.0)
        self.span = high - low if np.isfinite(low) and high > low else (size or 1.0)
        self.grain = 16 * EPS * (size + self.span)

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted payoff and where."""
        w = weights[..., 0]
        point = np.where(w > 0, self.high, np.where(w < 0, self.low, self._middle()))
        bounded = np.isfinite(point)
        return np.where(bounded, w * np.where(bounded, point, 0.0), np.inf), np.where(bounded, point, np.nan)[
            ..., None
        ]

    def _middle(self) -> float:
        return self.high - (self.high - self.low) / 2 if np.isfinite(self.low) else self.high

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the interval."""
        start, step = origin[..., 0], direction[..., 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            last = np.where(step > 0, (self.high - start) / step, (self.low - start) / step)
        inside = self.contains(origin, tol=0.0)
        return np.where(step == 0, np.where(inside, np.inf, -np.inf), last)

    def ideal(self, floor: Floats) -> Floats:
        """Return the high end where the floor is not above it."""
        return np.where(floor > self.high + self.grain, -np.inf, np.maximum(self.high, floor))

    def contains(self, x: Floats, *, tol: float) -> NDArray[np.bool_]:
        """Say whether x lies in the interval, up to `tol` of its length."""
        room = np.maximum(tol * self.span, self.grain)
        return np.asarray((x[..., 0] <= self.high + room) & (x[..., 0] >= self.low - room))

    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return the best point at or above a floor; NaN where there is none."""
        low = np.maximum(floor, self.low)
        point = np.where(weights < 0, low, self.high)
        return np.where((low > self.high + self.grain) | ~np.isfinite(point), np.nan, point)

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the high end, exactly the best; the residual is NaN without a gain."""
        shape = np.broadcast_shapes(origin.shape, weights.shape)
        gain = np.broadcast_to(self.high - origin, shape)[..., 0]
        return np.full(shape, self.high), np.where(gain > self.grain, 0.0, np.nan)
