"""The operator for a handful of profiles, in plain floats: what NumPy costs to call is more than the work itself.

It gives what the array version gives, to the last bit; a test holds the two together.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, SLACK, STATIC, TOP, Tag
from bargaining.equilibria._plane.polygon import Chain, Chains, Point, Polygon, hull
from bargaining.equilibria.repeated._search.operator import Block, Image, snap

FEW = 20
"""Up to so many profiles this is the faster version."""


def apply_to_few(block: Block, polygon: Polygon, threat: Point) -> Image:
    """Return what `apply` does for equally patient players."""
    if _compiled.kernel is not None and (found := _compiled.kernel.image(block, polygon, threat)) is not None:
        return Image(found[0], found[1], np.frombuffer(found[2], dtype=bool))
    chains = Chains(polygon)
    delta = block.discounts.item(0)
    points: list[Point] = [leave.payoffs for leave in block.leaves]
    tags: list[Tag] = [(LEAVE, -1, leave.number) for leave in block.leaves]
    alive = []
    floors = block.thresholds(threat).T.tolist()
    for k, (gx, gy), (nx, ny), (x, y) in zip(
        block.index.tolist(), block.payoffs.T.tolist(), block.now.T.tolist(), floors, strict=True
    ):
        if gx >= x - SLACK and gy >= y - SLACK:
            points.append((gx, gy))
            tags.append((STATIC, k, -1))
            alive.append(True)
            continue
        before = len(points)
        if x <= chains.high[0] + SLACK and (high := _at(chains.top, x)) >= y - SLACK:
            low = _at(chains.bottom, x)
            points += [(nx + delta * x, ny + delta * high), (nx + delta * x, ny + delta * max(low, y))]
            tags += [(TOP, k, -1), (BOTTOM if low > y else CORNER, k, -1)]
        if y <= chains.high[1] + SLACK and (far := _at(chains.right, y)) >= x - SLACK:
            near = _at(chains.left, y)
            points += [(nx + delta * far, ny + delta * y), (nx + delta * max(near, x), ny + delta * y)]
            tags += [(RIGHT, k, -1), (LEFT if near > x else CORNER, k, -1)]
        alive.append(len(points) > before)
    corners = hull(points)
    vertices, made = [points[k] for k in corners], [tags[k] for k in corners]
    snap(block, vertices, made)
    return Image(vertices, made, np.array(alive, dtype=bool))


def _at(chain: Chain, argument: float) -> float:
    """Interpolate as `numpy.interp` does."""
    arguments, values, _ = chain
    if argument <= arguments[0]:
        return values[0]
    if argument >= arguments[-1]:
        return values[-1]
    k = bisect_right(arguments, argument)
    left, right = arguments[k - 1], arguments[k]
    return (values[k] - values[k - 1]) / (right - left) * (argument - left) + values[k - 1]
