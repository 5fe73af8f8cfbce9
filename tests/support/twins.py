"""What the library computes where nothing was compiled."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from bargaining.equilibria import _compiled

T = TypeVar("T")
P = ParamSpec("P")


def interpreted(function: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Call a function as if nothing was compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compiled, "kernel", None)
        return function(*args, **options)
