"""Convex polygons in the plane as lists of vertices, counter-clockwise from the lowest of the leftmost.

Every shape is a polygon here: no vertex is the empty set, one a point, two a segment.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats


def distances(points: Floats, at: Floats) -> Floats:
    """Return how far points (k, 2) lie from the polygon with the vertices (m, 2), of any shape."""
    edges = np.roll(at, -1, axis=0) - at
    to = points[:, None] - at
    square = (edges**2).sum(axis=1)
    share = np.clip((edges * to).sum(axis=2) / np.where(square > 0.0, square, 1.0), 0.0, 1.0)
    distance = np.hypot(*(to - share[:, :, None] * edges).transpose(2, 0, 1)).min(axis=1)
    if len(at) > 2:
        distance[(edges[:, 0] * to[:, :, 1] - edges[:, 1] * to[:, :, 0] >= 0.0).all(axis=1)] = 0.0
    return np.asarray(distance)
