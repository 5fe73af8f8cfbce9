"""The fixed point of a structure, by Newton."""

from __future__ import annotations

from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.kinds import Tag
from bargaining.equilibria._plane.polygon import Point, Polygon, corners
from bargaining.equilibria.repeated._search.linear import solved
from bargaining.equilibria.repeated._search.operator import Block
from bargaining.equilibria.repeated._search.structure import System

_ROUNDING = 2e-16


def newton(
    block: Block, polygon: Polygon, tags: list[Tag], bound: Point, *, steps: int = 6
) -> tuple[Polygon, list[Tag]] | None:
    """Return the fixed point of a structure, by Newton steps from `polygon`.

    A vertex that falls inside the hull of the others tells that the structure is another one: it is dropped,
    and the structure that is left is solved in turn.

    Parameters
    ----------
    block : Block
        The block of every profile of the game.
    polygon : Polygon
        Vertices, the k-th of them generated as `tags[k]` says.
    bound : Point
        A lower bound of the threat; it is the threat wherever no vertex lies below it.
    steps : int
        The most steps to take; they end when one moves nothing.

    Returns
    -------
    tuple of Polygon and list of Tag, or None
        The vertices, and how each is generated; None if a system is singular or diverges.
    """
    if _compiled.kernel is not None:
        found = _compiled.kernel.newton(block, polygon, tags, bound, steps)
        if found is not None:
            return found or None
    while True:
        count = len(polygon)
        solved = _descended(System(block, polygon, tags, bound), steps)
        if solved is None:
            return None
        vertices, order = solved
        polygon, tags = [vertices[k] for k in order], [tags[k] for k in order]
        if len(order) == count:
            return polygon, tags


def _descended(system: System, steps: int) -> tuple[Polygon, list[int]] | None:
    """Take Newton steps, and say which vertices are corners; one step if another falls inside: then more are wasted."""
    unknowns = system.start
    for n in range(steps if unknowns else 0):
        matrix, residual = system.linearise(unknowns)
        if n and max(map(abs, residual)) <= _ROUNDING:
            break
        step = solved(matrix, residual)
        if step is None:
            return None
        unknowns = [u - s for u, s in zip(unknowns, step, strict=True)]
        size = max(map(abs, step))
        if not size < 1e3:
            return None
        if size < 1e-8:
            break
        if n == 0:
            vertices = system.vertices(unknowns)
            order = corners(vertices)
            if len(order) < len(vertices):
                return vertices, order
    vertices = system.vertices(unknowns)
    return vertices, corners(vertices)
