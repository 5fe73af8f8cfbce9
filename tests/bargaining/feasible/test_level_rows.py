"""Inequalities that bound one player alone are level sides, and a side tilted by rounding would have a length."""

import numpy as np
import pytest

from bargaining import Polytope, Problem, perles_maschler


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-6, 0.3])
@pytest.mark.parametrize("lowest", [None, -7.0])
def test_a_level_side_counts_nothing(scale: float, lowest: float | None) -> None:
    matrix, limits = [[0, 2], [3, 3]], [scale, 0.0]
    if lowest is not None:
        matrix, limits = [*matrix, [-1, 0], [0, -3]], [*limits, -scale * lowest, -3 * scale * lowest]
    feasible = Polytope.from_inequalities(matrix, limits)
    # From (-1/2, 1/2) to (3, -3): the middle.
    division = perles_maschler(Problem(feasible, [-2 * scale, -3 * scale])).raise_if_failed()
    assert division.payoffs / scale == pytest.approx([1.25, -1.25], rel=1e-14)


def test_vertices_are_on_the_rows_that_bound_one_player() -> None:
    rows = np.array([[0, 0, 7], [3, 0, 0], [0, 11, 0], [1, 1, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]])
    vertices = Polytope.from_inequalities(rows, [1, 1, 1, 0.4, 1, 1, 1]).vertices
    for i, level in enumerate((1 / 3, 1 / 11, 1 / 7)):
        near = np.abs(vertices[:, i] - level) < 1e-9
        assert near.sum() > 2
        assert (vertices[near, i] == level).all()
