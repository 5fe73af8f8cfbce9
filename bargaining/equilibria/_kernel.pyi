"""Inner loops for repeated and stochastic games, in C; each returns None where its twin in Python has to decide."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Tag
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Mask
from bargaining.equilibria._plane.polygon import Point, Polygon

def farthest(
    tree: object,
    directions: Floats,
    besides: NDArray[np.intp],
    places: NDArray[np.intp],
    values: Floats,
    /,
) -> Literal[True] | None: ...
def hull(points: Sequence[tuple[Any, Any]], merge: float, given: int, /) -> list[int] | None: ...
def image(
    index: Indices,
    payoffs: Floats,
    now: Floats,
    gain: Floats,
    floor: Floats | None,
    delta: Point,
    threat: Point,
    polygon: Polygon,
    leaves: list[Point],
    /,
) -> tuple[Polygon, list[Tag], bytes] | None: ...
def images(
    now: Floats,
    transitions: Floats,
    own: Floats,
    ends: Floats,
    threat: Floats,
    state: Indices,
    group: Indices,
    exits: Indices,
    alive: Mask,
    delta: Point,
    slack: float,
    merge: float,
    polygons: list[Polygon],
    /,
) -> tuple[list[Polygon], list[list[Tag]], bytes, list[list[Point]], list[list[Tag]]] | None: ...
def search(
    blocks: Floats, discounts: Floats, own: Floats, numbers: Floats, found: NDArray[np.intp], leaving: bool, /
) -> Literal[True] | None: ...
def tree(points: Floats, /) -> object | None: ...
def winners(
    tree: object,
    now: Floats,
    discounts: Floats,
    chances: Floats,
    views: Floats,
    weights: Floats,
    limits: Floats,
    feasible: NDArray[np.intp],
    playable: NDArray[np.bool_],
    directions: Floats,
    known: Floats,
    values: Floats,
    owners: NDArray[np.intp],
    multipliers: Floats,
    columns: NDArray[np.intp],
    levels: Floats,
    at_once: bool,
    thorough: bool,
    /,
) -> int | None: ...
