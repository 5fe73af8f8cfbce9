"""Payoffs and regimes along a path of offers, as functions of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, owning, real, within
from bargaining.division import Division
from bargaining.protocols._regimes import Regime, Trajectory


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfferPath(Division):
    """Payoffs as functions of time; `payoffs` are those at t = 0.

    Attributes
    ----------
    until : float
        The last time for which the answer is given.
    edges : numpy.ndarray, (m + 1,)
        Times between which one regime holds and the payoffs are polynomials.
    regimes : numpy.ndarray of int, (m,)
        0 agreement, 1 and 2 agreement where player 0's or 1's outside option binds, 3 delay.
    kinks : numpy.ndarray
        Times up to `until` at which a primitive has a kink or jumps, or the regime changes.
    tail : float
        How far the payoffs at `until` can move, over the pie, whatever division is made at `horizon`.
    horizon : float
        The time from which payoffs were followed back.
    """

    until: float
    edges: Floats
    regimes: NDArray[np.int8]
    kinks: Floats
    tail: float
    horizon: float
    _coefficients: Floats = field(repr=False)
    _beyond: Trajectory = field(repr=False)

    def payoffs_at(self, t: ArrayLike) -> Floats:
        """Return the payoffs if talks have reached time t, shape (..., 2); at a jump those just after."""
        when, k = self._find(t)
        a, b = self.edges[k], self.edges[k + 1]
        position = (2 * when - a - b) / (b - a)
        basis = legendre.legvander(position, self._coefficients.shape[1] - 1).reshape(*position.shape, -1)
        values: Floats = (basis[..., None] * self._coefficients[k]).sum(axis=-2)
        return values

    def shares_at(self, t: ArrayLike) -> Floats:
        """Return each player's part of the sum of payoffs at time t: of the pie, where they agree."""
        payoffs = self.payoffs_at(t)
        shares: Floats = payoffs / payoffs.sum(axis=-1, keepdims=True)
        return shares

    def agree_at(self, t: ArrayLike) -> NDArray[np.bool_]:
        """Say whether they agree at once when talks have reached time t."""
        agree: NDArray[np.bool_] = self.regimes[self._find(t)[1]] != Regime.DELAY
        return agree

    @property
    def delay(self) -> float:
        """The time of agreement when talks start at 0; inf if it lies beyond `until`."""
        first = np.flatnonzero(self.regimes != Regime.DELAY)
        return float(self.edges[first[0]]) if len(first) else np.inf

    def _find(self, t: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
        when = within(real(t, "t"), "t", 0.0, self.until)
        k = np.searchsorted(self.edges, when, side="right") - 1
        return when, np.minimum(k, len(self.regimes) - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values."""
        return {
            **Division.to_dict(self),
            "until": self.until,
            "kinks": self.kinks.tolist(),
            "edges": self.edges.tolist(),
            "regimes": [Regime(k).name for k in self.regimes.tolist()],
            "delay": self.delay,
        }
