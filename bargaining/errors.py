"""The exceptions of the library, and the status of a result.

`InvalidInput` is raised for a bad argument, `NotApplicable` if the theory has no answer for this kind of problem,
and `Unsolved` if the computation failed. Each also is the built-in exception a caller would expect (`ValueError`,
`TypeError`, `RuntimeError`).
"""

from __future__ import annotations

from enum import IntEnum


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def with_article(value: object) -> str:
    """Return the type of a value as messages name it: "a list", "an int", "None"."""
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def plain(number: float) -> str:
    """Return a float with as few digits as tell it from every other float, as messages show it."""
    return repr(float(number)).removesuffix(".0")


class BargainingError(Exception):
    """Base class of all errors of this library."""


class InvalidInput(BargainingError, ValueError):
    """An argument is outside its domain; the message gives its name, its value and how to fix it."""


class NotApplicable(BargainingError, TypeError):
    """The concept or protocol is not defined for this kind of problem; the message says why."""


class Unsolved(BargainingError, RuntimeError):
    """No answer of the promised accuracy was found; the message says what was found."""


class Status(IntEnum):
    """How one cell of a result ended; a batch holds one per cell.

    Only `OK` and `DEGENERATE` carry payoffs that meet the definition. `.advice` says what to do.
    """

    OK = 0
    EMPTY = 1
    UNBOUNDED = 2
    DEGENERATE = 3
    INACCURATE = 4
    FAILED = 5
    MULTIPLE = 6
    PENDING = 7

    def __str__(self) -> str:
        return self.name

    @property
    def advice(self) -> str:
        """What the status means and what to do about it."""
        return _ADVICE[self]


_ADVICE = {
    Status.OK: "The answer meets its definition.",
    Status.EMPTY: "Nothing feasible is where the answer must be, at or above the disagreement point and on the line "
    "that the concept follows; lower the disagreement point or enlarge the set.",
    Status.UNBOUNDED: "Some player's payoff has no upper bound; bound the feasible set from above.",
    Status.DEGENERATE: "No agreement gives every player a gain; the payoffs are the documented limit.",
    Status.INACCURATE: "The answer misses its definition by more than the promised accuracy; read `residual`.",
    Status.FAILED: "The computation broke down, often on payoffs near the limits of floats; rescale the problem.",
    Status.MULTIPLE: "Equilibrium payoffs are not unique and none is chosen; ask the protocol for `.equilibria`.",
    Status.PENDING: "This cell has not been computed yet; make the same call of `sweep` again to go on.",
}
