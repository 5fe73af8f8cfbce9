"""Outer and inner bounds of stochastic games against exact sets, operators without their code, and cases by hand."""

import numpy as np
import pytest

from bargaining import Exit, Game, RepeatedGame, StochasticGame, certify, payoff_bounds, payoff_set
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.model import Scaled
from bargaining.equilibria.stochastic._search.search import solve
from bargaining.errors import InvalidInput, NotApplicable, Status

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])


def drawn(seed):
    """Draw a game of two or three states, every other one of unequal patience, every third one with exits."""
    rng = np.random.default_rng(seed)
    states = int(rng.integers(2, 4))
    shapes = rng.integers(2, 4, (states, 2))
    payoffs = [rng.integers(0, 9, (*shape, 2)) if seed % 4 else rng.random((*shape, 2)) for shape in shapes]
    chances = [rng.dirichlet(np.ones(states), tuple(shape)) for shape in shapes]
    delta = rng.choice([0.3, 0.5, 0.7, 0.8], 2 if seed % 2 else 1)
    exits = None
    if seed % 3 == 0:
        exits = [
            [None, Exit(rng.integers(0, 5, 2)), Exit(rng.integers(0, 5, 2), who=[0])][k]
            for k in rng.integers(0, 3, states)
        ]
    return StochasticGame(payoffs, chances, delta if seed % 2 else float(delta[0]), exit=exits)


def enclosed(game, tolerance=1e-6):
    """Compare the bounds with the set of payoffs; return how many states had an inner bound that is close enough."""
    bounds, sets, near = payoff_bounds(game, tolerance=tolerance), payoff_set(game, budget=10_000_000), 0
    for some, exact in zip(bounds.bounds, sets.sets, strict=True):
        if exact.status is Status.INACCURATE:
            continue
        scale = some._size.max()
        if some.status is Status.EMPTY:
            assert exact.status is Status.EMPTY
            continue
        if len(exact.vertices):
            beyond = exact.vertices @ some.directions.T - some.levels
            assert beyond.max() <= 1e-9 * scale, (some.status, beyond.max())
        if len(some.inner):
            assert len(exact.vertices)
            turn = np.roll(exact.vertices, -1, axis=0) - exact.vertices
            normals = np.stack([turn[:, 1], -turn[:, 0]], axis=1)
            normals = np.vstack([normals[np.hypot(*normals.T) > 0], -normals[:1], [[1, 0], [0, 1]]])
            normals = normals / np.maximum(np.hypot(*normals.T), 1e-300)[:, None]
            reach = (normals @ exact.vertices.T).max(axis=1)
            assert (some.inner @ normals.T - reach).max() <= 1e-8 * scale
        assert (some.gap <= tolerance) == (some.status is Status.OK)
        if some.status is Status.OK:
            # No farther apart than the tolerance: the exact set lies between the two.
            far = (some.directions @ exact.vertices.T).max(axis=1)
            assert (some.levels - far).max() <= 2 * tolerance * scale
            near += 1
    return near


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5, 6, 8, 10, 11])
def test_drawn_games_have_their_payoffs_between_the_bounds(seed):
    enclosed(drawn(seed))


@pytest.mark.parametrize("seed", [60, pytest.param(104, marks=pytest.mark.slow)])
def test_segments_are_bounded_from_inside_though_they_have_no_inside(seed):
    bounds, exact = payoff_bounds(drawn(seed)), payoff_set(drawn(seed))
    assert bounds.gap < 1e-8
    for some, known in zip(bounds.bounds, exact.sets, strict=True):
        assert len(known.vertices) == len(some.inner) == 2
        assert (known.vertices @ some.directions.T <= some.levels + 1e-9).all()
        assert np.abs(some.inner - known.vertices).max() < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_four_hundred_drawn_games_have_their_payoffs_between_the_bounds(hundred):
    near = [enclosed(drawn(seed)) for seed in range(100 * hundred, 100 * hundred + 100)]
    assert sum(states > 0 for states in near) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_bounds_of_four_hundred_drawn_games_are_proved(hundred):
    for seed in range(100 * hundred, 100 * hundred + 100):
        bounds = payoff_bounds(drawn(seed))
        if bounds.gap <= 1e-6:
            assert certify(bounds, tolerance=2e-6).holds, seed


@pytest.mark.slow
def test_proofs_of_many_vertices_are_paid_for_by_the_budget():
    search = solve(Scaled.of(drawn(129)), 1000, Effort.of(None, 10_000_000))
    assert "budget" in search.stopped
    assert search.iterations <= 16
    assert search.excess < 0.1


def test_a_repeated_game_has_the_same_bounds_as_one_state():
    bounds = payoff_bounds(StochasticGame.from_repeated(RepeatedGame(PRISONERS, 0.9)), tolerance=0)
    assert bounds.gap < 1e-12
    corners = sorted(bounds["0"].inner.round(9).tolist())
    assert corners == [[3, 3], [3, 9.75], [9, 9], [9.75, 3]]
    assert bounds["0"].contains([9, 9]) is True
    assert bounds["0"].contains([9.3, 9]) is False


def test_players_without_patience_play_stage_equilibria():
    bounds = payoff_bounds(StochasticGame([PRISONERS] * 2, [[0.5, 0.5]] * 2, 0.0))
    assert [some.inner.round(12).tolist() for some in bounds.bounds] == [[[3, 3]]] * 2


def test_a_game_without_pure_equilibria_is_empty():
    pennies = Game([[1, 0], [0, 1]], [[0, 1], [1, 0]])
    bounds = payoff_bounds(StochasticGame([pennies] * 2, [[0.5, 0.5]] * 2, 0.1))
    assert [some.status for some in bounds.bounds] == [Status.EMPTY] * 2
    assert bounds.at(1).contains([0.5, 0.5]) is False
    assert bounds.gap == 0


def ring(states, actions, delta, seed):
    """Draw a game in which three states may follow each profile."""
    rng = np.random.default_rng(seed)
    chances = np.zeros((states, actions * actions, states))
    for law in chances.reshape(-1, states):
        law[rng.choice(states, 3, replace=False)] = rng.dirichlet(np.ones(3))
    payoffs = rng.random((states, actions, actions, 2))
    return StochasticGame([*payoffs], [*chances.reshape(states, actions, actions, states)], delta)


def plain_support(game, polygons, state, direction):
    """Return how far payoffs of a state go: one linear program a profile, over lotteries of corners."""
    from scipy.optimize import linprog

    delta, best = game.discounts, -np.inf
    low = np.array([corners.min(axis=0) for corners in polygons])
    stage, chances = game.games[state].payoffs, game.transition(state)
    worth = (1 - delta) * stage + delta * (chances @ low)
    for profile in np.ndindex(*stage.shape[:2]):
        need = np.array([worth[:, profile[1], 0].max(), worth[profile[0], :, 1].max()])
        ahead = [s for s in range(len(game)) if chances[profile][s] > 0]
        counts = [len(polygons[s]) for s in ahead]
        corner = np.vstack([chances[profile][s] * polygons[s] for s in ahead])
        one = np.repeat(np.eye(len(ahead)), counts, axis=1)
        found = linprog(
            -(corner * delta) @ direction,
            A_ub=-(corner * delta).T,
            b_ub=-(need - (1 - delta) * stage[profile]) + 1e-12,
            A_eq=one,
            b_eq=np.ones(len(ahead)),
        )
        if found.status == 0:
            best = max(best, (1 - delta) * stage[profile] @ direction - found.fun)
    return best


def test_inner_sets_of_many_states_generate_themselves_by_linear_programs():
    game = ring(5, 2, 0.7, 2)
    bounds = payoff_bounds(game, tolerance=1e-3)
    assert bounds.ok
    inner, rng = [some.inner for some in bounds.bounds], np.random.default_rng(0)
    for state, corners in enumerate(inner):
        for direction in rng.normal(size=(3, 2)):
            assert plain_support(game, inner, state, direction) >= (corners @ direction).max() - 1e-7


def test_a_set_that_spends_its_budget_is_bounded_by_thinned_polygons():
    game = ring(8, 3, 0.9, 3)
    found = payoff_set(game, budget=100_000)
    assert {some.status for some in found.sets} == {Status.INACCURATE}
    assert found.stats.attained
    assert found.stats.bound < 0.1
    bounds = payoff_bounds(game, tolerance=1e-4)
    for some, near in zip(found.sets, bounds.bounds, strict=True):
        assert (some.vertices.max(axis=0) >= near.inner.max(axis=0) - 1e-9).all()
        assert (some.vertices.min(axis=0) <= near.inner.min(axis=0) + 1e-9).all()


def test_a_budget_that_is_spent_leaves_bounds_that_hold():
    game = ring(6, 3, 0.9, 3)
    few, more = payoff_bounds(game, budget=1), payoff_bounds(game, tolerance=1e-4)
    assert {some.status for some in few.bounds} == {Status.INACCURATE}
    for some, near in zip(few.bounds, more.bounds, strict=True):
        assert (some.directions @ near.inner.T <= some.levels[:, None] + 1e-9).all()


def test_what_is_asked_of_stochastic_games_in_vain():
    game = StochasticGame([PRISONERS], [[1]], 0.5)
    with pytest.raises(InvalidInput, match="choose their own"):
        payoff_bounds(game, refinements=1)
    with pytest.raises(InvalidInput, match="`budget`"):
        payoff_bounds(game, budget=0)
    three = Game(*np.zeros((3, 1, 1, 1)))
    with pytest.raises(NotApplicable, match="two players"):
        payoff_bounds(StochasticGame([three], [[1]], 0.5))
    with pytest.raises(KeyError):
        payoff_bounds(game)["elsewhere"]


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5, 6, 8, 10, 12])
def test_rows_that_no_payoff_can_sustain_are_left_out_without_a_trace(seed, monkeypatch):
    game = drawn(seed)
    known = payoff_set(game)
    for module in ("search", "threats"):
        monkeypatch.setattr(f"bargaining.equilibria.stochastic._search.{module}._MANY", 0)
    for some, one in zip(payoff_set(game).sets, known.sets, strict=True):
        assert some.status is one.status
        assert some.vertices.shape == one.vertices.shape
        assert np.abs(some.vertices - one.vertices).max(initial=0) < 1e-8


def test_two_states_of_many_actions_have_the_set_that_bounds_enclose():
    rng = np.random.default_rng(2)
    game = StochasticGame([*rng.random((2, 40, 40, 2))], [*rng.dirichlet([1, 1], (2, 40, 40))], 0.6)
    assert enclosed(game) == 2
