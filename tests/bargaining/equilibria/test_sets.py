"""The engine for payoff sets of two players: what its bounds bound, and that more work never gives a worse answer."""

import numpy as np
import pytest

from bargaining import StochasticGame, payoff_set
from bargaining.equilibria.sets.bounds import Bounds, Image, of_polygons
from bargaining.equilibria.sets.rows import Scaled
from drawn_games import KINDS, stochastic_game
from polygons import beyond


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6))
def test_bounds_hold_at_all_levels_and_are_sharp_where_they_were_chosen(seed: int, kind: str) -> None:
    """Chosen at some drawn sets, they bound what rows generate from any others with the same normals."""
    rng = np.random.default_rng([61, seed])
    rows = Scaled.of(stochastic_game(seed, kind, unequal=seed % 2 == 1)).rows
    polygons = [rng.random((6, 2)) for _ in range(rows.states)]
    fan, _, _ = of_polygons(polygons, rows.discounts)
    alive = np.ones(len(rows.state), bool)
    bounds = None
    for _ in range(4):
        wider = np.stack([(v @ fan.normals.T).max(axis=0) for v in polygons]) + 0.3 * rng.random(
            (rows.states, len(fan))
        )
        levels, corners, _ = fan.intersection(wider)
        image = Image(rows, fan, levels, corners, alive, every=True)
        bounds = Bounds(image, fan, levels) if bounds is None else bounds
        playable = Image(rows, fan, levels, corners, alive)
        sharp, _ = Bounds(playable, fan, levels).largest(levels)
        for s, some in enumerate(playable.recipes()):
            reach = (some.points @ fan.normals.T).max(axis=0)
            assert (reach <= bounds.largest(levels)[0][s] + 1e-9).all()
            assert np.abs(reach - sharp[s]).max() < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_more_work_never_gives_a_worse_answer(seed: int) -> None:
    """Two states with actions that move them: from one budget, and one tolerance, to the next."""
    rng = np.random.default_rng([62, seed])
    game = StochasticGame(rng.random((2, 2, 2, 2)), [*rng.dirichlet(np.ones(2), (2, 2, 2))], [0.5, 0.7])
    whole = payoff_set(game)
    last = np.inf
    for budget in (1, 10**5, 10**6, 10**7, 10**8):
        found = payoff_set(game, budget=budget)
        assert found.stats.bound <= last
        last = found.stats.bound
        for some, inside in zip(found.sets, whole.sets, strict=True):
            assert beyond(inside.vertices, some.vertices) <= 1e-9 + whole.stats.bound
    bounds = [payoff_set(game, tolerance=10.0**-k).stats.bound for k in (2, 4, 6, 9)]
    assert bounds == sorted(bounds, reverse=True)
