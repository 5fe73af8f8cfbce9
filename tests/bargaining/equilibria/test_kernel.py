"""The compiled inner loops against their twins in Python: the same bits, or None where these have to decide."""

from dataclasses import replace

import numpy as np
import pytest

from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.kinds import LEAVE, VERTEX, Tag
from bargaining.equilibria._plane.polygon import Polygon, hull
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.repeated._search.batch import searched
from bargaining.equilibria.repeated._search.operator import Block, apply_to_few
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.equilibria.repeated._search.structure import newton
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from drawn_games import KINDS, exit_of, stage_game
from kernel_fuzz import fuzz
from twins import interpreted

kernel = pytest.importorskip("bargaining.equilibria._kernel", reason="installed without a C compiler")

BOX = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]


def pairs(rows: np.ndarray) -> Polygon:
    return [(x, y) for x, y in rows.tolist()]


def solved(seed: int, discount: float) -> tuple[Block, Polygon, list[Tag]]:
    """The profiles of a drawn game, and its payoff set in the unit box."""
    scaled = Scaled.of(RepeatedGame(stage_game(seed), discount))
    search = scaled.solve(1000)
    return scaled.block, search.polygon, search.tags


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
        for points in (rng.random((n, 2)), lattice, lattice * 1e-15, lattice * 1e-14 + rng.random(2)):
            for given in (0, 3):
                twin = interpreted(hull, pairs(points), merge=merge, given=given)
                assert kernel.hull(pairs(points), merge, given) == twin


def test_random_calls_give_the_same_bits() -> None:
    """`make sanitize` makes a million of them, with other seeds and with checks of every access to memory."""
    answers = fuzz(5000, 0)
    assert all(answers[f"{name}: answered"] > 100 for name in ("hull", "image", "newton"))
    assert all(answers[f"{name}: left to Python"] for name in ("hull", "image", "newton", "search", "images"))
    assert min(answers["search: answered"], answers["images: answered"]) > 100


def test_few_searches_are_left_to_python() -> None:
    payoffs = np.random.default_rng(0).random((300, 2, 3, 3))
    for discount in (0.3, 0.6, 0.9):
        assert sum(found is None for found in searched(payoffs, np.full(300, discount), None)) < 30


def test_newton_from_anywhere() -> None:
    rng, decided = np.random.default_rng(0), 0
    for seed in range(150):
        block, polygon, tags = solved(seed, 0.6)
        if not polygon:
            continue
        bound = block.threat_bound((-np.inf, -np.inf))
        for scale in (0.0, 1e-6, 0.1):
            start = pairs(np.array(polygon) + scale * rng.normal(size=(len(polygon), 2)))
            found = kernel.newton(block, start, tags, bound, 6)
            if found is not None:
                decided += 1
                twin = interpreted(newton, block, start, tags, bound)
                assert (found or None) == twin
    assert decided > 300


def test_what_is_not_plain_is_left_to_python() -> None:
    block, polygon, tags = solved(0, 0.6)
    bound, many = (0.0, 0.0), [VERTEX, *range(-1, -5, -1), 10**30]
    assert kernel.hull([(1, 2), (0, 0)], 0.0, 0) is None
    assert kernel.hull([(0.0, float("nan"))], 0.0, 0) is None
    assert kernel.hull([(0.0, 1.0, 2.0)], 0.0, 0) is None
    assert kernel.image(block, [], bound) is None
    assert kernel.image(block, BOX, (0, 0)) is None
    assert kernel.image(object(), BOX, bound) is None
    assert kernel.newton(block, polygon, tags[1:], bound, 6) is None
    for kind in many:
        assert kernel.newton(block, polygon, [(kind, 0, 0)] * len(polygon), bound, 6) is None
    for profile in (-1, block.index.size, "0"):
        assert kernel.newton(block, polygon, [(0, profile, 0)] * len(polygon), bound, 6) is None
    assert kernel.newton(block, polygon, [(LEAVE, -1, 0)] * len(polygon), bound, 6) is not None
    for function in (kernel.hull, kernel.image, kernel.images, kernel.newton, kernel.search):
        with pytest.raises(TypeError, match="arguments; got 1"):
            function(block)


def test_arrays_of_another_kind_are_left_to_python() -> None:
    block, *_ = solved(0, 0.6)
    for change in (
        block.payoffs.astype(np.float32),
        block.payoffs[:, ::2],
        block.payoffs[:1],
        block.payoffs[0],
        None,
    ):
        assert kernel.image(_with(block, change), BOX, (0.0, 0.0)) is None


@pytest.mark.parametrize("name", ["payoffs", "best", "now", "gain", "floor"])
def test_strided_arrays_of_one_profile_are_left_to_python(name: str) -> None:
    """Their numbers do not lie side by side in memory; those of the discount factors need not."""
    one = np.array([[0.5], [0.25]])
    plain = Block(one, one, one, one, one, one, (), np.array([0]), True)
    wide = np.array([[0.5, 9.0, 9.0], [0.25, 9.0, 9.0]])
    assert kernel.image(plain, BOX, (0.0, 0.0)) is not None
    for strided in (wide[:, :1], wide[::-1, :1], np.array([0.5, 9.0, 0.25])[::2, None]):
        assert kernel.image(replace(plain, **{name: strided}), BOX, (0.0, 0.0)) is None
    assert kernel.image(replace(plain, discounts=wide[:, :1]), BOX, (0.0, 0.0)) is not None


def _with(block: Block, payoffs: object) -> Block:
    floor, leaves = block.floor, block.leaves
    return Block(
        payoffs, block.best, block.now, block.gain, floor, block.discounts, leaves, block.index, True
    )


def test_any_number_of_profiles() -> None:
    """The solver asks for the images of a few."""
    block = Scaled.of(RepeatedGame(Game(*np.random.default_rng(0).random((2, 40, 40))), 0.6)).block
    vertices, tags, alive = kernel.image(block, BOX, (0.2, 0.2))
    twin = interpreted(apply_to_few, block, BOX, (0.2, 0.2))
    assert (vertices, tags, [*map(bool, alive)]) == (twin.polygon, twin.tags, twin.alive.tolist())
