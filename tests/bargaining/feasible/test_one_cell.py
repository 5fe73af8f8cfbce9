"""A polygon answers a question about one cell to the last bit as it answers one about many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Polytope
from bargaining.testing import polytopes

HARD = [0.0, -1e-17, 1.0, 0.3, 1e-9, -2.5, 7.0, 1e300, -1e300, np.inf, -np.inf, np.nan]
pairs = st.lists(st.sampled_from(HARD) | st.floats(-20, 20), min_size=2, max_size=2).map(np.array)
shares = st.integers(0, 8).map(lambda k: np.array([k / 8, 1 - k / 8]))


@given(
    polytopes(players=2, scale="each") | polytopes(players=2, comprehensive=False, degenerate=True),
    pairs,
    pairs,
    shares,
)
def test_one_cell_is_a_cell_of_many(
    sets: Polytope, at: np.ndarray, way: np.ndarray, weights: np.ndarray
) -> None:
    unit = np.abs(sets.vertices).max(axis=0) + 1e-300
    with np.errstate(all="ignore"):
        at, way = at * unit, way * unit
        twice = np.array([at, at])
        answers = [
            (sets.ray(at, way), sets.ray(twice, way)),
            (sets.ideal(at), sets.ideal(twice)),
            (sets.contains(at), sets.contains(twice)),
            *zip(sets.product(at, weights), sets.product(twice, weights), strict=True),
        ]
    for one, many in answers:
        np.testing.assert_array_equal(one, many[0])
        np.testing.assert_array_equal(many[0], many[1])
        assert one.dtype == many.dtype


@pytest.mark.parametrize("players", [2, 3])
def test_cells_that_fill_blocks_are_answered_like_each(players: int) -> None:
    """All sides are asked at once about one cell, one after another about thousands."""
    rng = np.random.default_rng(players)
    sets = Polytope(rng.standard_normal((30, players)), free_disposal=False)
    at, way = rng.standard_normal((2, 6000, players)) * [[[0.8]], [[1.0]]]
    along, inside = sets.ray(at, way), sets.contains(at)
    assert 0.1 < inside.mean() < 0.99
    for k in range(0, 6000, 250):
        assert (along[k], inside[k]) == (sets.ray(at[k], way[k]), sets.contains(at[k]))
