"""Optional packages: say which extra brings a package that is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import optional packages inside this block; a missing one is named with the extra that has it.

    Raises
    ------
    ImportError
        If an import inside the block fails.

    Examples
    --------
    >>> with needs("paper"):
    ...     import no_such_package
    Traceback (most recent call last):
    ImportError: no_such_package is not installed; run `pip install "bargaining[paper]"`.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f'{error.name} is not installed; run `pip install "bargaining[{extra}]"`.'
        raise ImportError(message, name=error.name) from None
