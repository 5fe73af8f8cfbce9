"""Payoffs of three and more players under monitoring that lie in a plane or on a line."""

import numpy as np
import pytest

from bargaining import Game, Monitoring, RepeatedGame, Status, certify, payoff_bounds, payoff_set
from bargaining.equilibria.sets.several.inner import Hull
from known_games import drawn
from public_programs import iterate


def watched(payoffs, chances, discount):
    """Return a game with one more player, who has nothing to do and whose payoff follows from those of the others."""
    more = 1.0 + payoffs[..., 0] - 2.0 * payoffs[..., 1] + payoffs[..., 2:].sum(axis=-1)
    every = np.concatenate([payoffs, more[..., None]], axis=-1)[..., None, :]
    return RepeatedGame(
        Game(*np.moveaxis(every, -1, 0)), discount, monitoring=Monitoring(chances[..., None, :])
    )


def supports(points, n):
    """Return how far points reach in many directions of the first n players."""
    directions = np.random.default_rng(0).normal(size=(500, n))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return (points[:, :n] @ directions.T).max(axis=0)


@pytest.mark.parametrize(
    ("seed", "tolerance"),
    [
        *((seed, 1e-5) for seed in (12, 76, 92, 136)),
        *((seed, 1e-4) for seed in (13, 61)),
        pytest.param(233, 1e-4, marks=pytest.mark.slow),
        pytest.param(9, 1e-2, marks=pytest.mark.slow),
    ],
)
def test_a_player_who_only_watches_changes_nothing_for_the_others(seed, tolerance):
    """Of two others, also with many vertices (76) and where only exact half-spaces prove anything (136), and of three.

    Of the spaces of four players a plane is left, or three dimensions (9).
    """
    repeated, payoffs, chances, discount, _ = drawn(seed)
    n = repeated.players
    alone = (
        payoff_set(repeated, tolerance=tolerance) if n == 2 else payoff_bounds(repeated, tolerance=tolerance)
    )
    found = payoff_bounds(watched(payoffs, chances, discount), tolerance=2 * tolerance)
    assert alone.status is found.status is Status.OK
    points = alone.vertices if n == 2 else alone.inner
    np.testing.assert_allclose(supports(found.inner, n), supports(points, n), atol=20 * tolerance)
    assert certify(found, tolerance=2 * tolerance).holds


@pytest.mark.parametrize("seed", [35, *(pytest.param(k, marks=pytest.mark.slow) for k in (85, 233))])
def test_a_set_in_a_plane_is_found_from_both_sides(seed):
    """Three profiles can be played, or two and leaving; hulls in space found the set within 6e-3 only."""
    repeated, payoffs, chances, discount, leaving = drawn(seed)
    found = payoff_bounds(repeated, tolerance=1e-3)
    assert found.status is Status.OK
    assert found.gap <= 1e-3
    size = np.ptp(payoffs.reshape(-1, 3), axis=0)
    normals = Hull(found.inner / size).normals() / size
    normals, levels = iterate(
        payoffs, chances, discount, leaving=leaving, directions=normals[:6], tolerance=1e-7
    )
    assert ((found.inner @ normals.T).max(axis=0) <= levels + 1e-7).all()


def test_a_tolerance_of_zero_does_not_lose_a_flat_set():
    """Half-planes that were nearly parallel moved each other's corners until nothing seemed to be left."""
    _, payoffs, chances, discount, _ = drawn(76)
    game = watched(payoffs, chances, discount)
    found, rough = (payoff_bounds(game, tolerance=tolerance) for tolerance in (0.0, 1e-4))
    assert rough.ok
    assert found.gap <= rough.gap
