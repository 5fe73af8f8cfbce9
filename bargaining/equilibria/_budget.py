"""Work that a search may still do, counted rather than timed, so that results are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Budget:
    """What is left of a budget of work."""

    left: float

    def spend(self, units: int) -> bool:
        """Take units off, and say whether any are left."""
        self.left -= units
        return self.left > 0

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self.left <= 0
