"""Inner loops of the solver of repeated games, in C; not there where it could not be compiled."""

from collections.abc import Sequence

def hull(points: Sequence[tuple[float, float]], /) -> list[tuple[float, float]]: ...
