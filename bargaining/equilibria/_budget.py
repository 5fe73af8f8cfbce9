"""Accuracy and budget of a computation; work is counted, not timed, so that results are the same on any machine."""

from __future__ import annotations

from dataclasses import dataclass

from bargaining._arguments import whole
from bargaining._arrays import scalar
from bargaining.errors import InvalidInput

ACCURACY = 1e-9
"""The default accuracy: the distance between the inner and the outer set, as a share of the payoff range."""

WORK = 300_000_000
"""The default budget in units of work: some twenty seconds, or a minute for round sets of three players."""

_FINEST = 1e-12  # as a share of the payoff range: the rounding of floats, added up over the steps of a search


@dataclass(slots=True)
class Budget:
    """The remaining budget of work."""

    left: float = WORK

    def spend(self, units: int) -> bool:
        """Subtract units, and say whether any remain."""
        self.left -= units
        return self.left > 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0


@dataclass(frozen=True, slots=True)
class Effort:
    """The required accuracy and the units of work that it may cost."""

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
