"""The compiled inner loops against their twins in Python: the same bits, or None where these have to decide."""

import numpy as np
import pytest

from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.polygon import Polygon, hull
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._search.batch import searched
from bargaining.equilibria.repeated._search.operator import apply, apply_to_few
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame
from drawn_games import KINDS, exit_of, stage_game
from kernel_fuzz import fuzz
from twins import interpreted

kernel = pytest.importorskip("bargaining.equilibria._kernel", reason="installed without a C compiler")


def pairs(rows: np.ndarray) -> Polygon:
    return [(x, y) for x, y in rows.tolist()]


def test_the_library_uses_it() -> None:
    assert _compiled.kernel is kernel


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discount", [0.05, 0.3, 0.6, 0.9, 0.999])
def test_payoff_sets_have_the_same_bits(discount: float, kind: str) -> None:
    for seed in range(40):
        game = RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind))
        one = payoff_set(game)
        other = interpreted(payoff_set, game)
        assert one.vertices.tolist() == other.vertices.tolist()
        np.testing.assert_array_equal(one.threat, other.threat)
        assert (one.status, one.stats) == (other.status, other.stats)


@pytest.mark.parametrize("merge", [0.0, 1e-14, 1e-2])
def test_hulls_are_the_same(merge: float) -> None:
    rng = np.random.default_rng(0)
    for n in [*range(60), 300, 5000]:
        lattice = rng.integers(0, 4, (n, 2)) / 3
        near = lattice * 1e-14 + rng.random(2)
        for points in (rng.random((n, 2)), lattice, lattice * 1e-15, near, lattice * 0.0 + rng.random(2)):
            for given in (0, 3):
                twin = interpreted(hull, pairs(points), merge=merge, given=given)
                assert kernel.hull(pairs(points), merge, given) == twin


@pytest.mark.parametrize("discounts", [0.5, [0.5, 0.9]])
def test_many_profiles_that_all_give_the_same_leave_it(discounts: object) -> None:
    nothing = Game(np.full((11, 11), 4), np.full((11, 11), -1))
    sets = payoff_set(StochasticGame.from_chain(nothing, [[0.5, 0.5], [0, 1]], discounts)).sets
    for found in (payoff_set(RepeatedGame(nothing, discounts)), *sets):
        assert found.vertices.tolist() == [[4, -1]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [3, 8, 15])
def test_images_of_repeated_games_are_the_same(size: int, kind: str) -> None:
    """At any number of profiles, of which few or most are dropped."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        payoffs = rng.random((2, size, size)) if seed % 2 else rng.integers(0, 6, (2, size, size))
        game = RepeatedGame(Game(*payoffs), [0.3, 0.6, 0.9][seed % 3], exit=exit_of(seed, kind))
        scaled = Scaled.of(game)
        search = scaled.search(scaled.block)
        polygon, threat = search.polygon, search.block.threat_bound(scaled.own)
        for _ in range(3):
            if not polygon:
                break
            one = apply(search.block, polygon, threat)
            other = interpreted(apply_to_few, search.block, polygon, threat)
            assert (one.polygon, one.tags) == (other.polygon, other.tags)
            assert one.alive.tolist() == other.alive.tolist()
            polygon = one.polygon


@pytest.mark.parametrize("kind", ["round", "lattice", "flat", "one"])
@pytest.mark.parametrize("axes", [3, 4])
def test_the_farthest_of_many_points_are_those_of_a_table(axes: int, kind: str) -> None:
    """Up to rounding: where several are as far, either answer is good."""
    rng = np.random.default_rng(0)
    points = rng.normal(size=(700, axes))
    if kind == "round":
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    elif kind != "flat":
        points = points.round() if kind == "lattice" else np.ones_like(points)
    else:
        points[:, 0] = 0.5
    directions = np.vstack([rng.normal(size=(299 - axes, axes)), np.eye(axes), np.zeros((1, axes))])
    directions = directions.reshape(2, -1, axes)
    besides = (directions @ points.T).argmax(axis=-1)
    for without in (None, besides):
        place, value = Cloud(points).farthest(directions, without)
        _, expected = interpreted(Cloud(points).farthest, directions, without)
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-14)
        np.testing.assert_allclose((points[place] * directions).sum(axis=-1), expected, atol=1e-14)
        assert without is None or (place != without).all()


def test_random_calls_give_the_same_bits() -> None:
    """`make sanitize` makes a million of them, with other seeds and with checks of every access to memory."""
    answers = fuzz(5000, 0)
    for name in ("hull", "search", "image", "images", "tree", "farthest", "winners"):
        assert answers[f"{name}: answered"] > 100
        assert answers[f"{name}: left to Python"]


def test_few_searches_are_left_to_python() -> None:
    payoffs = np.random.default_rng(0).random((300, 2, 3, 3))
    for discount in (0.3, 0.6, 0.9):
        assert sum(found is None for found in searched(payoffs, np.full(300, discount), None)) < 10


def test_what_is_not_plain_is_left_to_python() -> None:
    assert kernel.hull([(1, 2), (0, 0)], 0.0, 0) is None
    assert kernel.hull([(0.0, float("nan"))], 0.0, 0) is None
    assert kernel.hull([(0.0, 1.0, 2.0)], 0.0, 0) is None
    for function in (
        kernel.hull,
        kernel.image,
        kernel.images,
        kernel.search,
        kernel.farthest,
        kernel.winners,
    ):
        with pytest.raises(TypeError, match="arguments; got 1"):
            function([])
    assert kernel.tree([[1.0]]) is None
