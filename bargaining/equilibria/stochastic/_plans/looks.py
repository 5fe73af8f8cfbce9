"""Whether a plan is kept to at some discount factor or payoff of leaving, and where that changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from math import inf
from typing import NamedTuple

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._plans.plan import Plan, PlanConstraint
from bargaining.errors import Status

_SLACK = 1e-11  # of the payoff range: values and threats are floats


class Look(NamedTuple):
    """A number that was looked at: the tightest constraint, its slack over the range, and whether it is accurate."""

    at: float
    constraint: PlanConstraint | None
    slack: float
    accurate: bool

    @classmethod
    def of(
        cls, at: float, plans: Iterable[Plan], discounts: Floats, threats: Floats, *, accurate: bool
    ) -> Look:
        """Look at the constraints of plans; what is clearly violated is so also where threats are too low."""
        found = [plan.tightest(discounts, threats) for plan in plans]
        scale = next(iter(plans)).scale
        shares = [(inf if c is None else c.slack / scale.item(c.player), c) for c in found]
        slack, constraint = min(shares, key=lambda share: share[0])
        return cls(at, constraint, slack, accurate or slack < -_SLACK)

    @property
    def holds(self) -> bool:
        """Whether the plan is kept to."""
        return self.accurate and self.slack >= -_SLACK


class Scan(NamedTuple):
    """Looks in increasing order, and for each change between neighbours a look that fails and one that holds."""

    looked: list[Look]
    changes: list[tuple[Look, Look]]

    @property
    def residual(self) -> float:
        """The worst violation at the last looks that hold, as a share of the payoff range."""
        return max([0.0, *(-holds.slack for _, holds in self.changes)])

    @property
    def status(self) -> Status:
        """Whether all looks are accurate and any of them holds."""
        if not all(one.accurate for one in [*self.looked, *(fails for fails, _ in self.changes)]):
            return Status.INACCURATE
        return Status.OK if any(one.holds for one in self.looked) else Status.EMPTY


def scan(look: Callable[[float], Look], grid: Iterable[float], width: float) -> Scan:
    """Look at a grid and halve between neighbours that differ."""
    looked = [look(at) for at in grid]
    return Scan(
        looked,
        [_halve(look, *sides, width) for sides in pairwise(looked) if sides[0].holds != sides[1].holds],
    )


def _halve(look: Callable[[float], Look], low: Look, high: Look, width: float) -> tuple[Look, Look]:
    """Return neighbours of which the first does not sustain the plan and the second does."""
    fails, holds = (low, high) if high.holds else (high, low)
    while abs(holds.at - fails.at) > width:
        middle = (holds.at + fails.at) / 2
        if middle in (holds.at, fails.at):
            break
        new = look(middle)
        fails, holds = (fails, new) if new.holds else (new, holds)
    return fails, holds
