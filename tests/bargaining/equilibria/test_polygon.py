"""Hulls of many points, against Qhull."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from bargaining._arrays import Floats
from bargaining.equilibria._plane.polygon import corners, hull, outline


def clouds(seed: int) -> list[Floats]:
    """Return a cloud in a box, one on a lattice, one near a circle, and one of few points repeated."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([60, 500, 2500, 6000]))
    angle, few = 2 * np.pi * rng.random(n), 2 * np.pi * (np.arange(n) % 17) / 17
    circle, ring = (np.stack([np.cos(turn), np.sin(turn)]) for turn in (angle, few))
    lattice = rng.integers(0, int(rng.integers(2, 40)), (2, n)) / 8
    return [rng.random((2, n)), lattice, circle * (1 - 1e-3 * rng.random(n)), ring]


@pytest.mark.parametrize("seed", range(8))
def test_the_outline_of_many_points_is_their_hull(seed: int) -> None:
    for points in clouds(seed):
        expected = points[:, ConvexHull(points.T).vertices]
        likes = [
            None,
            [(x, y) for x, y in expected.T.tolist()],
            [(0.0, 0.0), (2.0, 0.0), (2.0, 3.0), (0.0, 3.0)],
        ]
        for like in likes:
            found = points[:, outline(points, like)]
            assert {*map(tuple, found.T.tolist())} == {*map(tuple, expected.T.tolist())}


def test_corners_are_the_hull_whatever_the_order() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        points = [(x, y) for x, y in rng.integers(0, 6, (int(rng.integers(1, 9)), 2)).tolist()]
        around = [points[k] for k in hull(points)]
        start = int(rng.integers(len(around)))
        for cycle in (points, around, around[start:] + around[:start], around[::-1], [*around, *around]):
            assert [cycle[k] for k in corners(cycle)] == [cycle[k] for k in hull(cycle)]
