"""What can go wrong, as exceptions.

A bad argument is `InvalidInput`; a question the theory does not answer for these arguments is
`NotApplicable`; a right question for which the computation failed is `Unsolved`. Each also is the
built-in exception a caller would expect (`ValueError`, `TypeError`, `RuntimeError`).
"""


class BargainingError(Exception):
    """Base of every error this library raises on purpose."""


class InvalidInput(BargainingError, ValueError):
    """An argument is outside its domain; the message names it, its value and the remedy."""


class NotApplicable(BargainingError, TypeError):
    """The concept or protocol is not defined for this kind of problem; the message says why."""


class Unsolved(BargainingError, RuntimeError):
    """No answer of the promised accuracy was found; the message says what was."""
