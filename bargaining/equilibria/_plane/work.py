"""A bound on the work of a proof that does not depend on the machine: beyond it the proof gives up and says so."""

from __future__ import annotations

DEFAULT = 30_000_000
"""Units that are spent at most unless another number is given: about half a minute."""


class Spent(Exception):
    """The work of a proof has reached its bound."""


class Work:
    """Counts units of work: one vertex met, or one bound of a profile and a face, each a microsecond or a few."""

    def __init__(self, limit: int | None = None) -> None:
        self.left = DEFAULT if limit is None else limit

    def spend(self, units: int) -> None:
        """Note some work; Spent if it is more than what is left."""
        self.left -= units
        if self.left < 0:
            raise Spent
