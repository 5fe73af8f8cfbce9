"""Outer and inner bounds of stochastic games against exact sets, operators without their code, and cases by hand."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining import Exit, Game, RepeatedGame, StochasticGame, certify, payoff_bounds, payoff_set
from bargaining.equilibria._affine import Budget
from bargaining.equilibria.sets.several.refinement import loosened
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.exact.polytope_proof import PolytopeProof, levels_proved, value_of
from known_games import PRISONERS, scattered


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


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_four_hundred_drawn_games_have_their_payoffs_between_the_bounds(hundred):
    near = [enclosed(drawn(seed)) for seed in range(100 * hundred, 100 * hundred + 100)]
    assert sum(states > 0 for states in near) >= 50


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(4))
def test_bounds_of_four_hundred_drawn_games_are_proved(hundred):
    """All but a dozen of a hundred, sets of a hundred and more vertices among them, which say why."""
    known = [payoff_bounds(drawn(seed)) for seed in range(100 * hundred, 100 * hundred + 100)]
    proofs = [certify(bounds, tolerance=2e-6) for bounds in known if bounds.gap <= 1e-6]
    unproved = [proof.statement for proof in proofs if not proof.holds]
    assert all("knife edge" in why or "`budget`" in why for why in unproved), unproved
    assert len(unproved) <= 12


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
    game = scattered(5, 2, 0.7, 2)
    bounds = payoff_bounds(game, tolerance=1e-3)
    assert bounds.ok
    inner, rng = [some.inner for some in bounds.bounds], np.random.default_rng(0)
    for state, corners in enumerate(inner):
        for direction in rng.normal(size=(3, 2)):
            assert plain_support(game, inner, state, direction) >= (corners @ direction).max() - 1e-7


def test_a_set_that_spends_its_budget_is_bounded_from_both_sides():
    game = scattered(8, 3, 0.9, 3)
    found = payoff_set(game, budget=5_000_000)
    assert {some.status for some in found.sets} == {Status.INACCURATE}
    assert found.stats.attained
    assert found.stats.bound < 0.1
    bounds = payoff_bounds(game, tolerance=1e-4)
    for some, near in zip(found.sets, bounds.bounds, strict=True):
        assert (some.vertices.max(axis=0) >= near.inner.max(axis=0) - 1e-9).all()
        assert (some.vertices.min(axis=0) <= near.inner.min(axis=0) + 1e-9).all()


def test_a_budget_that_is_spent_leaves_bounds_that_hold():
    game = scattered(6, 3, 0.9, 3)
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
    with pytest.raises(NotApplicable, match="open to all"):
        payoff_bounds(StochasticGame([three] * 2, [[1, 0]] * 2, 0.5, exit=Exit([0, 0, 0], who=[0])))
    with pytest.raises(NotApplicable, match="how they were found"):
        certify(replace(payoff_bounds(StochasticGame([three], [[1]], 0.5)), _found=None))
    with pytest.raises(KeyError):
        payoff_bounds(game)["elsewhere"]


def test_two_states_of_many_actions_have_the_set_that_bounds_enclose():
    rng = np.random.default_rng(2)
    game = StochasticGame([*rng.random((2, 40, 40, 2))], [*rng.dirichlet([1, 1], (2, 40, 40))], 0.6)
    assert enclosed(game) == 2


# -- three players -------------------------------------------------------------------------------------------

OTHERS = np.indices((2, 2, 2))
SHARED = Game(*(2 * (3 - OTHERS.sum(axis=0)) + 3 * OTHERS[i] for i in range(3)))  # a good that three pay for


def three(seed, delta, states=2):
    """Draw a game of three players with two actions."""
    rng = np.random.default_rng(seed)
    laws = rng.dirichlet(np.ones(states), (states, 2, 2, 2))
    return StochasticGame([*rng.random((states, 2, 2, 2, 3))], [*laws], delta)


def test_a_state_alone_is_the_repeated_game():
    one = payoff_bounds(RepeatedGame(SHARED, 0.3))
    bounds = payoff_bounds(StochasticGame([SHARED], [[1]], 0.3))
    assert np.array_equal(bounds.at(0).levels, one.levels)


def lowest(laws, stages, threats, delta):
    """Return what each player's best deviation from each profile of a state gives, shape (2, 2, 2, n)."""
    worth = (1 - delta) * stages + delta * (laws @ threats)
    best = [worth[..., i].max(axis=i, keepdims=True) for i in range(worth.shape[-1])]
    return np.stack(np.broadcast_arrays(*best), axis=-1)


def missed(game, inner, delta):
    """Return by how much single profiles and lotteries over the inner sets miss the corners of these sets at most."""
    from scipy.optimize import linprog

    threats = np.array([points.min(axis=0) for points in inner])
    columns, out = np.arange(len(game)), 0.0
    lottery = np.repeat(np.eye(len(game)), [len(some) for some in inner], axis=1)
    for s, points in enumerate(inner):
        stages, laws = game.games[s].payoffs, game.transition(s)
        best = lowest(laws, stages, threats, delta)
        for corner in points:
            slack = []
            for profile in np.ndindex(*game.shape(s)):
                # The continuation that gives the corner, as a lottery in each state; miss it by as little as can be.
                after = (corner - (1 - delta) * stages[profile]) / delta
                if (corner < best[profile] - 1e-9).any():
                    continue
                means = np.hstack([laws[profile][k] * inner[k].T for k in columns])
                miss = -np.ones((3, 1))
                found = linprog(
                    np.append(np.zeros(means.shape[1]), 1.0),
                    A_ub=np.vstack([np.hstack([means, miss]), np.hstack([-means, miss])]),
                    b_ub=np.concatenate([after, -after]),
                    A_eq=np.hstack([lottery, np.zeros((len(game), 1))]),
                    b_eq=np.ones(len(game)),
                )
                slack.append(found.fun)
            out = max(out, min(slack))
    return out


@pytest.mark.parametrize(
    ("seed", "delta"),
    [(2, 0.4), *(pytest.param(*one, marks=pytest.mark.slow) for one in ((2, 0.6), (4, 0.4)))],
)
def test_inner_points_of_three_players_generate_themselves_by_linear_programs(seed, delta):
    game = three(seed, delta)
    bounds = payoff_bounds(game, refinements=0)
    inner = [some.inner for some in bounds.bounds]
    assert all(map(len, inner))
    assert missed(game, inner, delta) < 1e-8


def test_a_small_budget_ends_with_the_inner_set_that_is_known_by_then():
    game, delta = three(0, [0.6, 0.7, 0.5]), np.array([0.6, 0.7, 0.5])
    bounds = payoff_bounds(game, budget=1_000_000)
    assert {some.status for some in bounds.bounds} == {Status.INACCURATE}
    assert bounds.gap < 0.1
    inner = [some.inner for some in bounds.bounds]
    assert missed(game, inner, delta) < 1e-8
    for some in bounds.bounds:
        assert (some.directions @ some.inner.T <= some.levels[:, None] + 1e-9).all()


def patient(seed, delta, leave=None):
    """Draw a game of two states whose third player only watches."""
    rng = np.random.default_rng(seed)
    payoffs, laws = rng.integers(-5, 6, (2, 2, 2, 1, 3)), rng.dirichlet(np.ones(2), (2, 2, 2, 1))
    return StochasticGame([*payoffs], [*laws], delta, exit=leave)


@pytest.mark.parametrize(
    ("seed", "delta"),
    [
        (2, 0.97),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in ((0, 0.99), (1, 0.999), (2, 0.999), (3, 0.9))
        ),
    ],
)
def test_sets_of_three_patient_players_are_found_from_both_sides(seed, delta):
    game = patient(seed, delta)
    bounds = payoff_bounds(game)
    assert bounds.ok
    assert missed(game, [some.inner for some in bounds.bounds], delta) < 1e-8
    for some in bounds.bounds:
        assert (some.directions @ some.inner.T <= some.levels[:, None] + 1e-9).all()
    proof = certify(bounds, tolerance=1e-5)
    assert proof.inner
    assert proof.holds


def test_what_generates_itself_need_not_do_so_with_more_patience():
    """A payoff of 1 now and of 0 ever after is worth one minus the discount factor."""
    payoffs = [np.ones((1, 1, 1, 3)), np.zeros((1, 1, 1, 3))]
    for delta in (0.5, 0.99, 0.999):
        bounds = payoff_bounds(StochasticGame(payoffs, [[0, 1], [0, 1]], delta))
        assert bounds.ok
        np.testing.assert_allclose(bounds.at(0).inner, [[1 - delta] * 3], atol=1e-9)
        np.testing.assert_allclose(bounds.at(1).inner, [[0] * 3], atol=1e-9)


@pytest.mark.slow
def test_outer_levels_of_three_players_are_those_of_a_plain_iteration():
    from scipy.optimize import linprog

    game, delta = three(2, 0.25), 0.25
    bounds = payoff_bounds(game, directions=[[1, 1, 1]], refinements=0)
    ours = np.array([some.levels for some in bounds.bounds])
    normals = bounds.at(0).directions
    every = np.concatenate([stage.payoffs.reshape(-1, 3) for stage in game.games])
    levels = np.tile((normals @ every.T).max(axis=1), (2, 1))
    for _ in range(10):
        image = np.full_like(levels, -np.inf)
        for s in (0, 1):
            stages, laws = game.games[s].payoffs, game.transition(s)
            best = lowest(laws, stages, -levels[:, 3:6], delta)
            for profile in np.ndindex(2, 2, 2):
                now = (1 - delta) * stages[profile]
                for j, normal in enumerate(normals):
                    found = linprog(
                        -normal,
                        A_ub=np.vstack([normals, -np.eye(3)]),
                        b_ub=np.append(laws[profile] @ levels, -(best[profile] - now) / delta),
                        bounds=[(None, None)] * 3,
                    )
                    if found.status == 0:
                        image[s, j] = max(image[s, j], now @ normal - delta * found.fun)
        levels = image
    assert (ours <= levels + 1e-4).all()  # one continuation for each next state, not their mean alone


@pytest.mark.parametrize(
    ("game", "refinements"),
    [
        (StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], 0.3), 0),
        pytest.param(
            StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], 0.6, exit=Exit([4, 4, 4])),
            0,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], [0.5, 0.6, 0.6]), 0, marks=pytest.mark.slow
        ),
        pytest.param(StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], 0.3), 4, marks=pytest.mark.slow),
        pytest.param(three(4, 0.4), 2, marks=pytest.mark.slow),
        pytest.param(three(2, 0.4), 2, marks=pytest.mark.slow),
    ],
)
def test_both_sides_of_three_players_are_proved_in_rationals(game, refinements):
    bounds = payoff_bounds(game, refinements=refinements)
    proof = certify(bounds, tolerance=2 * bounds.gap + 1e-7)
    assert proof.inner
    assert proof.outer
    assert proof.holds
    for some, vertices in zip(bounds.bounds, proof.vertices, strict=True):
        assert all(isinstance(x, Fraction) for vertex in vertices for x in vertex)
        assert (some.directions @ np.array(vertices, float).T <= some.levels[:, None] + 1e-9).all()
    # Inner points that are claimed beyond what is proved widen the bound.
    moved = replace(bounds.bounds[0], inner=bounds.bounds[0].inner + 9 * bounds.gap + 0.5)
    assert not certify(replace(bounds, bounds=(moved, *bounds.bounds[1:])), tolerance=2 * bounds.gap).holds


def test_plans_that_break_a_promise_and_levels_that_rows_pass_are_not_proved():
    game = StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], 0.3)
    sides = payoff_bounds(game, refinements=0)._found
    exact = PolytopeProof(game, sides, 10**7)
    play, _ = next(loosened(exact.profiles, sides, Budget(10**9)))
    points = [[Fraction(x) for x in point] for point in play.payoffs.tolist()]
    assert exact._error(points, play) < 1e-12
    # Everybody contributes in every point: whoever does not gets more where the worst that follows is as good.
    off = play._replace(owners=np.where(play.owners < 8, 0, 8))
    assert exact._error(points, off) is None
    # Whoever may leave for as much as the most that she can get does not stay.
    most = Exit(SHARED.payoffs.reshape(-1, 3).max(axis=0))
    free = StochasticGame([SHARED] * 2, [[0.5, 0.5], [0.2, 0.8]], 0.3, exit=most)
    left = PolytopeProof(free, sides, 10**7)
    assert (left.data.low, left.data.size) == (exact.data.low, exact.data.size)
    assert left._error(points, play) is None
    # A step from points that nothing gives is as long as they are off.
    far = [[x + Fraction(1, 10) for x in point] for point in points]
    error = exact._error(far, play)
    assert error is None or error > 0.05
    outer = exact.outer
    low = [Fraction(x) - Fraction(1, 100) for x in outer.levels.ravel().tolist()]
    assert any(
        value_of(one, low) > x for some, x in zip(exact._bounds(outer), low, strict=True) for one in some
    )


@pytest.mark.parametrize("near", [2.0, 1.0])
def test_levels_are_proved_by_bounds_that_contract(near):
    """Levels x with x >= 1 + x / 2 are 2 and more; those with x >= 1 + x do not exist."""
    start, speed = np.array([100.0]), np.array([2.0])
    (level,) = levels_proved([[(Fraction(1), [(0, Fraction(1, 2))])]], start, np.array([near]), speed)
    assert 2 <= level < 100
    assert levels_proved([[(Fraction(1), [(0, Fraction(1))])]], start, np.array([near]), speed) is None


def test_three_players_without_an_equilibrium():
    pennies = np.zeros((2, 2, 2, 3))
    pennies[..., 0] = (OTHERS[0] == OTHERS[1]) * 1.0
    pennies[..., 1] = (OTHERS[0] != OTHERS[1]) * 1.0
    bounds = payoff_bounds(StochasticGame([pennies] * 2, [[0.5, 0.5]] * 2, 0.1))
    assert [some.status for some in bounds.bounds] == [Status.EMPTY] * 2
    assert bounds.at(0).contains([0.5, 0.5, 0]) is False
    proof = certify(bounds)
    assert proof.holds
    assert "vanish" in proof.statement


def test_three_players_who_can_only_leave():
    bounds = payoff_bounds(StochasticGame([SHARED] * 2, [[0.5, 0.5]] * 2, 0.5, exit=Exit([99] * 3)))
    assert [some.inner.tolist() for some in bounds.bounds] == [[[99, 99, 99]]] * 2


@pytest.mark.parametrize("discounts", [0.5, [0, 0.5, 0.5]])
def test_three_players_who_can_reach_a_state_without_an_equilibrium(discounts):
    """Whoever deviates in the first state moves to a game without an equilibrium, also if she does not care."""
    pennies = np.zeros((2, 2, 1, 3))
    pennies[..., 0, 0], pennies[..., 0, 1] = np.eye(2), 1 - np.eye(2)
    chain = np.zeros((2, 2, 1, 3))
    chain[..., 1], chain[0, 0, 0] = 1, [1, 0, 0]
    game = StochasticGame(
        [np.ones((2, 2, 1, 3)), pennies, [[[[2, 2, 2]]]]], [chain, [0, 1, 0], [0, 0, 1]], discounts
    )
    assert [some.status for some in payoff_bounds(game).bounds] == [Status.EMPTY, Status.EMPTY, Status.OK]


def test_payoffs_of_three_players_that_add_up_to_a_constant_in_each_state():
    """What remains to be shared in each state solves linear equations; the sets are segments."""
    first = [[[2, 5], [0, 5]], [[5, -5], [1, -2]]], [[[1, 3], [-4, 2]], [[-3, 0], [4, -5]]]
    second = [[[4, -1], [3, 5]], [[5, -1], [5, 1]]], [[[1, -4], [1, -2]], [[-1, 5], [2, -5]]]
    pies, laws, delta = np.array([10, 17]), np.array([[0.5, 0.5], [0.25, 0.75]]), 0.6
    two = np.array([first, second])
    stages = np.concatenate([two, pies[:, None, None, None, None] - two.sum(axis=-1, keepdims=True)], axis=-1)
    bounds = payoff_bounds(StochasticGame(list(stages), list(laws), delta))
    shared = np.linalg.solve(np.eye(2) - delta * laws, (1 - delta) * pies)
    for some, total in zip(bounds.bounds, shared, strict=True):
        assert some.status is Status.OK
        assert len(some.inner) == 2
        np.testing.assert_allclose(some.inner.sum(axis=1), total, atol=1e-9)
        for sign in (1, -1):
            farthest = linprog(-sign * np.ones(3), some.directions, some.levels + 1e-12, bounds=(None, None))
            assert -sign * farthest.fun == pytest.approx(total, abs=1e-9)
    proof = certify(bounds)
    assert proof.inner
    assert proof.outer
