"""What an answer may cost and how accurate it must be; work is counted, not timed: results are the same anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from bargaining._arguments import whole
from bargaining._arrays import scalar
from bargaining.errors import InvalidInput

ACCURACY = 1e-9
"""The distance between what is attained and what is possible that is asked for, as a share of the payoff range."""

WORK = 300_000_000
"""Units spent at most unless another number is given: some twenty seconds."""

_FINEST = 1e-12  # as a share of the payoff range: the rounding of floats, added up over the steps of a search


@dataclass(slots=True)
class Budget:
    """What is left of a budget of work."""

    left: float = WORK

    def spend(self, units: int) -> bool:
        """Take units off, and say whether any are left."""
        self.left -= units
        return self.left > 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0


@dataclass(frozen=True, slots=True)
class Effort:
    """The accuracy asked for and the units of work that it may cost."""

    tolerance: float = ACCURACY
    units: int = WORK

    @classmethod
    def of(cls, tolerance: float | None, budget: int | None) -> Effort:
        """Check both; None stands for the default."""
        near = ACCURACY if tolerance is None else scalar(tolerance, "tolerance")
        if not _FINEST <= near < 1.0:
            raise InvalidInput(
                f"`tolerance` must lie in [{_FINEST:g}, 1), as a share of the payoff range: floats tell nothing finer; "
                f"got {near:.6g}."
            )
        return cls(near, WORK if budget is None else whole(budget, "budget", 1))

    def budget(self) -> Budget:
        """Return a budget of that size."""
        return Budget(self.units)
