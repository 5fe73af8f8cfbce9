"""Hulls of many points, against Qhull."""

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from bargaining._arrays import Floats
from bargaining.equilibria.sets.bounds import hull


def clouds(seed: int) -> list[Floats]:
    """Return a cloud in a box, one on a lattice, one near a circle, and one of few points repeated."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([60, 500, 2500, 6000]))
    angle, few = 2 * np.pi * rng.random(n), 2 * np.pi * (np.arange(n) % 17) / 17
    circle, ring = (np.stack([np.cos(turn), np.sin(turn)], axis=1) for turn in (angle, few))
    lattice = rng.integers(0, int(rng.integers(2, 40)), (n, 2)) / 8
    return [rng.random((n, 2)), lattice, circle * (1 - 1e-3 * rng.random((n, 1))), ring]


@pytest.mark.parametrize("seed", range(8))
def test_hulls_of_many_points_are_those_of_qhull(seed: int) -> None:
    for points in clouds(seed):
        expected = points[ConvexHull(points).vertices]
        assert {*map(tuple, points[hull(points)].tolist())} == {*map(tuple, expected.tolist())}
