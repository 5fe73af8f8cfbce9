"""A stage game in the unit box, as used by the bounds for n players."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._symmetries import Group, Indices


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The stage game in the unit box, one row a profile, and the right of all to leave for o."""

    payoffs: Floats  # (a, n)
    best: Floats  # (a, n) best deviation payoffs
    discounts: Floats  # (n,)
    outside: Floats | None  # (n,)
    group: Group  # the symmetries of the game

    @property
    def classes(self) -> Indices:
        """The first profile of the orbit of each, shape (a,)."""
        return self.group.classes()

    def lowest(self, threat: Floats) -> Floats:
        """Return the lowest continuations at which nobody deviates from each profile, shape (a, n)."""
        delta = self.discounts
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = np.where(self.best > self.payoffs, (1 - delta) / delta * (self.best - self.payoffs), 0.0)
            low = threat + gain
            if self.outside is not None:
                short = self.outside - (1 - delta) * self.payoffs
                stay = np.where(delta > 0, short / delta, np.where(short > 0, np.inf, -np.inf))
                low = np.maximum(low, stay)
        return low

    def floors(self, threat: Floats) -> Floats:
        """Return the same, cut off where it lies far from the box: every continuation is above, or none."""
        return np.clip(self.lowest(threat), -FAR, FAR)

    def now(self) -> Floats:
        """Return the stage payoffs times one less the discount factor, shape (a, n)."""
        return np.asarray((1 - self.discounts) * self.payoffs)

    def reach(self, directions: Floats) -> Floats:
        """Return how far feasible payoffs go."""
        outcomes = self.payoffs if self.outside is None else np.vstack([self.payoffs, self.outside])
        return reach_of(outcomes, self.discounts, directions)


def reach_of(outcomes: Floats, discounts: Floats, directions: Floats) -> Floats:
    """Return how far feasible payoffs go: the hull of all outcomes, their box if players differ in patience.

    Players who differ in patience trade early payoffs against late ones, and those of leaving come late.
    """
    if (discounts == discounts[0]).all():
        return np.asarray((directions @ outcomes.T).max(axis=1))
    low, high = outcomes.min(axis=0), outcomes.max(axis=0)
    return np.asarray(np.where(directions > 0, directions * high, directions * low).sum(axis=1))


FAR = 10.0  # widths of the unit box: no continuation lies there
