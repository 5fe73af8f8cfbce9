"""The farthest point of a polygon above two thresholds: its dual in closed form, against linear programs."""

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining.equilibria.repeated._unequal.halfplanes import Halfplanes
from bargaining.equilibria.repeated._unequal.levels import Choices


@pytest.mark.parametrize("seed", range(20))
def test_the_best_dual_is_what_the_program_reaches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces = 3 + seed % 5
    turns = -np.pi + (np.arange(faces) + rng.uniform(0, 0.4, faces)) * 2 * np.pi / faces
    if seed % 4 == 0:  # one face to the right, and many to the left
        turns = np.array([-2.9, -2.4, -2.0, -1.7, 0.1, 1.7, 2.1, 2.6]) + rng.uniform(-0.1, 0.1)
    normals, inside = np.stack([np.cos(turns), np.sin(turns)], axis=1), rng.uniform(-0.3, 0.3, 2)
    polygon = Halfplanes.of(normals, normals @ inside + 1)  # its faces touch a circle, so all of them count
    pull, floors = rng.normal(size=(6, 2)), inside - rng.uniform(-0.3, 1.0, (6, 2))
    bounds = Choices(polygon, pull, floors.T).best(0.0)[-1]
    for bound, along, floor in zip(bounds, pull, floors, strict=True):
        found = linprog(-along, A_ub=normals, b_ub=polygon.levels, bounds=[(x, None) for x in floor])
        assert found.status == 0
        assert bound == pytest.approx(-found.fun, abs=1e-9)
