"""A repeated game in rationals, for what is proved about its payoff set."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.leaving import outcomes
from bargaining.equilibria._plane.lottery import Pair
from bargaining.games.repeated import RepeatedGame


class Rationals:
    """A repeated game in rationals, scaled to a box; what the structure's equations need of it."""

    def __init__(self, repeated: RepeatedGame, low: Pair, size: Pair) -> None:
        self.repeated, self.low, self.size = repeated, low, size
        self.discounts: Pair = tuple(repeated.exact_discounts.tolist())
        leaving = repeated.exit
        self.exits = None if leaving is None else leaving.exact.tolist()
        self.who: tuple[int, ...] = () if leaving is None else leaving.who

    def scaled(self, value: Fraction, i: int) -> Fraction:
        """Return a payoff of player i in the box."""
        return (value - self.low[i]) / self.size[i]

    def actions(self, profile: int) -> tuple[int, int]:
        """Return the actions of a profile given by its number."""
        return divmod(profile, self.repeated.game.shape[1])

    def payoff(self, i: int, profile: int) -> Fraction:
        """Return a stage payoff, in the box."""
        return self.scaled(self.repeated.game.exact_payoff(self.actions(profile), i), i)

    def best(self, i: int, profile: int) -> Fraction:
        """Return the best-deviation payoff, in the box."""
        return self.scaled(self.repeated.game.exact_best(self.actions(profile), i), i)

    def stage(self) -> Floats:
        """Return payoffs and best-deviation payoffs as floats, rounded in the box only: shape (2, 2, profiles)."""
        profiles = range(self.repeated.game.payoffs[..., 0].size)
        return np.array(
            [[[float(get(i, k)) for k in profiles] for i in (0, 1)] for get in (self.payoff, self.best)]
        )

    def discount(self, i: int) -> Fraction:
        """Return the discount factor."""
        return self.discounts[i]

    def now(self, i: int, profile: int) -> Fraction:
        """Return (1 - discount) * payoff."""
        return (1 - self.discounts[i]) * self.payoff(i, profile)

    def gain(self, i: int, profile: int) -> Fraction:
        """Return the premium on the threat that keeps the player to the profile."""
        gain, delta = self.best(i, profile) - self.payoff(i, profile), self.discounts[i]
        return (1 - delta) / delta * gain if delta else Fraction(0)

    def floor(self, i: int, profile: int) -> Fraction | None:
        """Return the continuation that makes staying worth while, None if the player may not leave."""
        delta = self.discounts[i]
        if i not in self.who or not delta:
            return None
        return (self.own(i) - self.now(i, profile)) / delta

    def own(self, i: int) -> Fraction:
        """Return what the player gets by leaving, in the box."""
        assert self.exits is not None
        return self.scaled(self.exits[i][i], i)

    def outcome(self, source: int) -> Pair:
        """Return an outcome of leaving, in the box."""
        assert self.repeated.exit is not None
        assert self.exits is not None
        leaver = outcomes(self.repeated.exit)[source].leaver
        rows = self.exits if leaver is None else [self.exits[leaver]]
        x, y = (sum(row[i] for row in rows) / Fraction(len(rows)) for i in (0, 1))
        return self.scaled(x, 0), self.scaled(y, 1)
