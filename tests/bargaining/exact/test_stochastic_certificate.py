"""Certificates of the payoff sets of stochastic games: they hold on what is right, and fail on what is not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining.equilibria._exact_game import ExactGame, Work
from bargaining.equilibria._plane_strategies import Generation, generate
from bargaining.equilibria.payoff_polygon import distances
from bargaining.equilibria.payoff_set import StochasticPayoffBounds, payoff_bounds, payoff_set
from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets, stochastic_payoff_sets
from bargaining.errors import InvalidInput, Status
from bargaining.exact.certify import certify
from bargaining.exact.polytope_proof import outer_levels
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from drawn_games import KINDS, stochastic_game
from known_games import PARTNERS, PENNIES, PRISONERS, THREE, contributors, public_good, report
from seeds import seeds


def float_game(seed: int, discount: float) -> StochasticGame:
    """Two states of 2 x 2 actions that move them, nothing rounded."""
    rng = np.random.default_rng(seed)
    stages, laws = rng.random((2, 2, 2, 2)) * 10, rng.dirichlet(np.ones(2), (2, 2, 2))
    return StochasticGame(list(stages), list(laws), discount)


def strengthening(discount: Fraction = Fraction(3, 10)) -> StochasticGame:
    chain = [[Fraction(9, 10), Fraction(1, 10)], [0, 1]]
    return StochasticGame.from_chain(
        PRISONERS, chain, discount, exit=Exit([[1, 1], [8, 3]]), states=["L", "H"]
    )


# -- what is right -------------------------------------------------------------------------------------------


def test_exact_vertices_of_an_option_that_strengthens() -> None:
    """The leaving in H is (8, 3); in L the constraints bind at 3/100 and 27/100 of a gain, derived by hand."""
    proof = certify(stochastic_payoff_sets(strengthening()))
    assert proof.holds
    assert proof.exact
    assert proof.bound < 1e-9
    low, high = proof.vertices
    assert high == ((8, 3),)
    assert low[0] == (1, 1)
    assert low[2] == (Fraction(654, 73), Fraction(639, 73))
    # Cooperation for ever in L: v = 0.7 (9, 9) + 0.3 (0.9 v + 0.1 (8, 3)).
    v = [(Fraction(63, 10) + Fraction(3, 100) * h) / (1 - Fraction(27, 100)) for h in (8, 3)]
    assert low[2] == tuple(v)
    assert "6 rational" not in proof.statement
    assert "5 rational vertices in 2 states generate themselves" in proof.statement


def test_irrational_vertices_are_bracketed() -> None:
    chain = [[Fraction(9, 10), Fraction(1, 10)], [Fraction(1, 5), Fraction(4, 5)]]
    game = StochasticGame.from_chain([THREE, THREE], chain, Fraction(3, 10), exit=[None, Exit([0, 0])])
    proof = certify(stochastic_payoff_sets(game))
    assert proof.holds
    assert not proof.exact
    assert proof.bound < 1e-9
    assert "tiny inset" in proof.statement


@pytest.mark.parametrize("discount", [Fraction(1, 7), Fraction(9, 10), Fraction(999, 1000), 0.3, 0.0])
def test_patience(discount: Fraction | float) -> None:
    chain = [[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 4), Fraction(3, 4)]]
    proof = certify(stochastic_payoff_sets(StochasticGame.from_chain(PRISONERS, chain, discount)))
    assert proof.holds
    assert proof.bound < 1e-9


@pytest.mark.dear("2-by leaver", "2-one-sided")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(3, 6))
def test_random_sets(seed: int, kind: str) -> None:
    proof = certify(stochastic_payoff_sets(stochastic_game(seed, kind)))
    assert proof.holds
    assert proof.bound < 1e-9


@pytest.mark.dear("2")
@pytest.mark.parametrize("seed", range(4))
def test_random_floats(seed: int) -> None:
    assert certify(stochastic_payoff_sets(float_game(seed, 0.7))).holds


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(6, 106))
def test_four_hundred_random_sets(seed: int, kind: str) -> None:
    assert certify(stochastic_payoff_sets(stochastic_game(seed, kind))).holds


@pytest.mark.dear("discounts1")
@pytest.mark.parametrize("discounts", [[0, Fraction(3, 5)], [Fraction(1, 2), Fraction(1, 3)]])
def test_unequal_patience(discounts: list[Fraction]) -> None:
    chain = [[Fraction(1, 2), Fraction(1, 2)], [Fraction(1, 4), Fraction(3, 4)]]
    found = stochastic_payoff_sets(StochasticGame.from_chain(PRISONERS, chain, discounts))
    assert certify(found, tolerance=1e-8).holds


def test_one_state_is_the_repeated_game() -> None:
    repeated = RepeatedGame(THREE, Fraction(1, 2), exit=Exit([1, 1], who=[0]))
    alone = certify(stochastic_payoff_sets(StochasticGame.from_repeated(repeated)))
    expected = certify(payoff_set(repeated))
    assert alone.holds
    assert expected.holds
    for (x, y), (a, b) in zip(alone.vertices[0], expected.vertices, strict=True):
        assert abs(x - a) + abs(y - b) < Fraction(1, 10**12)


def test_shapes() -> None:
    """A segment, a point, and the outcome of leaving alone."""
    common = Game([[2, 0], [0, 1]], [[2, 0], [0, 1]])
    half = [[Fraction(1, 2)] * 2] * 2
    assert certify(stochastic_payoff_sets(StochasticGame.from_chain([common] * 2, half, 0.8))).holds
    single = StochasticGame([np.array([[[1, 5]]]), np.array([[[4, -2]]])], half, 0.9)
    assert certify(stochastic_payoff_sets(single)).holds
    leave = StochasticGame.from_chain(PRISONERS, half, 0.9, exit=[Exit([20, 20]), Exit([19, 19.5])])
    assert certify(stochastic_payoff_sets(leave)).vertices == (((20, 20),), ((19, Fraction(39, 2)),))


def test_scale_does_not_matter() -> None:
    for factor in (1e-9, 1e9):
        stages = [
            Game(PRISONERS.payoffs[..., 0] * factor, PRISONERS.payoffs[..., 1] + shift) for shift in (1e3, 0)
        ]
        game = StochasticGame.from_chain(stages, [[0.5, 0.5], [0.25, 0.75]], 0.6)
        assert certify(stochastic_payoff_sets(game), tolerance=1e-9).holds


# -- emptiness -----------------------------------------------------------------------------------------------


def test_emptiness_is_proved() -> None:
    found = stochastic_payoff_sets(StochasticGame.from_chain(PENNIES, [[0.5, 0.5], [0.5, 0.5]], 0.9))
    assert found.at(0).status is Status.EMPTY
    assert certify(found).holds


def test_emptiness_of_some_states_is_proved() -> None:
    games, names = [PRISONERS, PENNIES, PRISONERS], ["before", "pennies", "apart"]
    game = StochasticGame(games, [[0, 1, 0], [0, 1, 0], [0, 0, 1]], Fraction(9, 10), states=names)
    proof = certify(stochastic_payoff_sets(game))
    assert proof.holds
    assert [len(some) for some in proof.vertices] == [0, 0, 4]
    assert "No profile can be sustained in before, pennies" in proof.statement


def test_a_false_claim_of_emptiness_is_not_certified() -> None:
    found = stochastic_payoff_sets(strengthening())
    gone = replace(found.at(0), vertices=np.empty((0, 2)), status=Status.EMPTY)
    assert not certify(replace(found, sets=(gone, found.at(1)))).holds
    both = tuple(replace(some, vertices=np.empty((0, 2)), status=Status.EMPTY) for some in found.sets)
    assert not certify(replace(found, sets=both)).holds


def test_sets_that_generate_nothing_are_not_certified() -> None:
    """Every state leads to the one that is said to be empty."""
    game = StochasticGame.from_chain([PRISONERS] * 2, [[0, 1], [0, 1]], Fraction(1, 2))
    proof = certify(changed(stochastic_payoff_sets(game), 1, np.empty((0, 2))))
    assert not proof.holds
    assert proof.statement.startswith("Not proved from inside: these sets generate nothing.")


# -- what is not right ---------------------------------------------------------------------------------------


def changed(found: StochasticPayoffSets, state: int, vertices: np.ndarray) -> StochasticPayoffSets:
    sets = [replace(some, vertices=vertices) if s == state else some for s, some in enumerate(found.sets)]
    return replace(found, sets=tuple(sets))


TWO = StochasticGame.from_chain([PRISONERS] * 2, [[0.5, 0.5], [0.25, 0.75]], 0.6)
THREE_PLAYERS = StochasticGame([public_good(3, 0.6)] * 2, [[0.5, 0.5]] * 2, 0.6)
FOUND = {
    "a repeated game": lambda: payoff_set(RepeatedGame(PRISONERS, 0.6)),
    "signals": lambda: payoff_set(
        RepeatedGame(PARTNERS, 0.8, monitoring=report(0.9, 0.5, 0.25)), tolerance=1e-3
    ),
    "signals of three": lambda: payoff_bounds(contributors(0.6, [0.2, 0.3, 0.5, 0.9], 0.6), tolerance=1e-2),
    "states": lambda: payoff_set(TWO),
    "bounds of states": lambda: payoff_bounds(TWO),
    "bounds of three in states": lambda: payoff_bounds(THREE_PLAYERS, tolerance=1e-2),
}


@pytest.mark.dear("bounds of three in states")
@pytest.mark.parametrize("name", FOUND)
def test_what_is_no_number_is_refused_or_not_proved(name: str) -> None:
    found = FOUND[name]()
    assert certify(found, tolerance=0.1).holds
    parts = "sets" if hasattr(found, "sets") else "bounds" if hasattr(found, "bounds") else ""
    one, tried = getattr(found, parts)[0] if parts else found, 0
    for array in ("vertices", "inner", "outer", "directions", "levels", "threat"):
        for place in (0, -1):
            if hasattr(one, array):
                value = getattr(one, array).copy()
                value.flat[place], tried = np.nan, tried + 1
                try:
                    wrong = replace(one, **{array: value})
                    others = {parts: (wrong, *getattr(found, parts)[1:])} if parts else {}
                    proof = certify(replace(found, **others) if parts else wrong, tolerance=0.1)
                except InvalidInput:
                    continue
                assert not proof.holds, array
    assert tried >= 4


@pytest.mark.dear("2-two-sided", "0-two-sided")
@pytest.mark.parametrize(("seed", "kind"), [(10, "none"), (0, "two-sided"), (2, "two-sided")])
def test_vertices_that_were_moved_are_not_certified(seed: int, kind: str) -> None:
    found = stochastic_payoff_sets(stochastic_game(seed, kind))
    assert certify(found).holds
    for s, some in enumerate(found.sets):
        centre = some.vertices.mean(axis=0)
        for k in range(seed % 3, len(some.vertices), 3):
            out = some.vertices - centre
            moved = some.vertices.copy()
            moved[k] += 1e-6 * some.scale * out[k] / np.abs(out[k]).max()
            proof = certify(changed(found, s, moved))
            assert not proof.holds
            assert proof.bound > 1e-8


@pytest.mark.dear("2-two-sided", "7-none")
@pytest.mark.parametrize(("seed", "kind"), [(7, "none"), (10, "none"), (2, "two-sided")])
def test_sets_without_one_vertex_are_not_certified(seed: int, kind: str) -> None:
    found = stochastic_payoff_sets(stochastic_game(seed, kind))
    assert certify(found).holds
    fewer = np.delete(found.at(1).vertices, seed % 4, axis=0)
    assert not certify(changed(found, 1, fewer)).holds


def test_a_game_made_a_little_less_patient_is_not_certified() -> None:
    """Cooperation is no equilibrium below 1/7."""
    above = stochastic_payoff_sets(
        StochasticGame.from_chain([PRISONERS] * 2, [[0, 1], [1, 0]], Fraction(1, 7))
    )
    assert certify(above).holds
    below = Fraction(1, 7) - Fraction(1, 10**20)
    large = replace(above, game=StochasticGame.from_chain([PRISONERS] * 2, [[0, 1], [1, 0]], below))
    proof = certify(large)
    assert not proof.inner
    assert not proof.holds
    assert "Not proved from inside" in proof.statement


def made_of(game: StochasticGame) -> Generation:
    made = generate(game, [some.vertices for some in stochastic_payoff_sets(game).sets])
    assert isinstance(made, Generation)
    return made


@pytest.mark.parametrize("share", [1.0, 1e-2, 1e-7])
@pytest.mark.parametrize("seed", seeds(2, 15))
def test_outer_levels_reach_beyond_sets_that_are_too_small(seed: int, share: float) -> None:
    """Whichever vertex is moved towards the middle, the proof does not leave out what is cut off."""
    for game in (stochastic_game(seed, "none"), float_game(seed, [0.5, 0.7, 0.9][seed % 3])):
        sets = made_of(game).polygons
        for s, whole in enumerate(sets):
            for k, vertex in enumerate(whole if len(whole) > 2 else []):
                small = whole.copy()
                small[k] += share * (whole.mean(axis=0) - vertex)
                off = float(np.linalg.norm(small[k] - vertex))
                claimed = [*sets[:s], small, *sets[s + 1 :]]
                levels = outer_levels(ExactGame(game), claimed, Work(), 1e-12)
                assert levels is not None
                assert levels.beyond(claimed) > off / 100


@pytest.mark.slow
def test_four_patient_states_end_within_the_budget() -> None:
    """The outer sets of this game close in too slowly for a proof: it ends, and says why."""
    rng = np.random.default_rng([44, 3])
    stages = [rng.integers(-48, 128, (2, 2, 2)) for _ in range(4)]
    laws = [rng.multinomial(12, np.ones(4) / 4, (2, 2)) for _ in range(4)]
    chain = [np.vectorize(lambda k: Fraction(int(k), 12), otypes=[object])(law) for law in laws]
    exits = [Exit(rng.integers(-32, 64, 2)) for _ in range(4)]
    found = stochastic_payoff_sets(StochasticGame(stages, chain, 0.99, exit=exits))
    proof = certify(found, budget=1_000_000)
    assert proof.inner
    assert proof.holds or "`budget` of 1000000 units is spent" in proof.statement
    assert found.at(0).strategy(found.at(0).vertices[0]).regret == 0


# -- bounds --------------------------------------------------------------------------------------------------


def bounded(seed: int, discount: object = 0.6) -> StochasticPayoffBounds:
    """Bound three states of 2 x 2 actions, the last with a right to leave."""
    rng = np.random.default_rng(seed)
    stages, laws = rng.integers(0, 9, (3, 2, 2, 2)), rng.dirichlet(np.ones(3), (3, 2, 2))
    return payoff_bounds(StochasticGame(list(stages), list(laws), discount, exit=[None, None, Exit([2, 2])]))


@pytest.mark.parametrize(
    ("seed", "discount"), [(1, 0.6), pytest.param(3, [0.5, 0.7], marks=pytest.mark.slow)]
)
def test_bounds_are_proved_from_both_sides(seed: int, discount: object) -> None:
    bounds = bounded(seed, discount)
    proof, exact = certify(bounds, tolerance=2e-6), payoff_set(bounds.game)
    assert proof.holds
    size = np.ptp(np.concatenate([stage.payoffs.reshape(-1, 2) for stage in bounds.game.games]), axis=0).max()
    for vertices, known in zip(proof.vertices, exact.sets, strict=True):
        some = np.array(vertices, float)
        for one, other, far in ((some, known.vertices, 1e-9), (known.vertices, some, proof.bound)):
            assert distances(one, other).max() <= far * size


def test_bounds_that_are_off_are_not_proved() -> None:
    bounds = bounded(1)
    low = tuple(replace(some, levels=some.levels - 1e-3) for some in bounds.bounds)
    wide = tuple(replace(some, inner=some.inner * 1.001) for some in bounds.bounds)
    high = tuple(replace(some, threat=some.threat - [[-1e-3], [0]]) for some in bounds.bounds)
    less = tuple(replace(some, threat=some.threat - [[0], [1e-3]]) for some in bounds.bounds)
    nothing = tuple(replace(some, status=Status.EMPTY, inner=np.empty((0, 2))) for some in bounds.bounds)
    for wrong in (low, wide, high, less, nothing):
        proof = certify(replace(bounds, bounds=wrong), tolerance=1e-5)
        assert not proof.holds
        assert proof.bound > 1e-5


def test_bounds_of_a_market_without_equilibrium_and_of_a_small_budget() -> None:
    empty = payoff_bounds(StochasticGame([PENNIES] * 2, [[0.5, 0.5]] * 2, 0.1))
    assert certify(empty).holds
    assert "outer sets vanish" in certify(empty).statement
    point = replace(empty.bounds[0], inner=[[0.5, 0.5]], threat=[[0.5, 0.5]] * 2)
    assert not certify(replace(empty, bounds=(point, empty.bounds[1]))).holds
    proof = certify(bounded(1), budget=1)
    assert not proof.holds
    assert "give a larger one" in proof.statement
