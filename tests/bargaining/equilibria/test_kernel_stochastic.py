"""The compiled twins of the inner loops for stochastic games against those in Python, and what they do not know."""

from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bargaining.equilibria import _compiled
from bargaining.equilibria._polygon import hull
from bargaining.equilibria._stochastic.few import apply_to_few
from bargaining.equilibria._stochastic.model import Model
from bargaining.equilibria._stochastic.newton import _System
from bargaining.equilibria._stochastic.operator import Image
from bargaining.equilibria._stochastic.scaled import Scaled
from bargaining.equilibria._stochastic.search import Search
from bargaining.equilibria._stochastic.structure import Structure, plain, settled
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.games.stochastic import StochasticGame
from drawn_games import KINDS, stochastic_game
from twins import interpreted

pytestmark = pytest.mark.skipif(_compiled.kernel is None, reason="the kernel is not built")

DRAWN = [*product(range(12), KINDS, [False, True])]


def start(game: StochasticGame) -> Search:
    """Return a search that has applied the operator once or twice, in Python."""
    scaled = Scaled.of(game)
    search = Search.start(scaled.model, scaled.start())
    for _ in range(1 + len(game) % 2):
        image = interpreted(applied, search)
        search.polygons, search.alive = image.polygons, image.alive
    return search


def applied(search: Search) -> Image:
    return apply_to_few(search.model, search.polygons, search.threat(search.polygons), search.alive)


def structures(search: Search) -> list[Structure]:
    """Return the structure of the next sets as it is, and with its repetitions played out, if it is not empty."""
    image, source = applied(search), search.polygons
    both = plain(search.model, image, source), settled(search.model, image, source, search.threat(source))
    return [one for one in both if one is not None and any(one.polygons)]


@pytest.mark.parametrize(("seed", "kind", "unequal"), DRAWN)
def test_the_operator_is_the_same_to_the_last_bit(seed: int, kind: str, unequal: bool) -> None:
    search = start(stochastic_game(seed, kind, unequal=unequal))
    for _ in range(3):
        found, known = applied(search), interpreted(applied, search)
        assert found[:2] == known[:2]
        assert found.held == known.held
        assert found.alive.tolist() == known.alive.tolist()
        search.polygons = found.polygons


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discounts", [[0.5, 0.5], [0.0, 0.4]])
def test_images_of_polygons_with_sides_along_the_axes(kind: str, discounts: list[float]) -> None:
    rng = np.random.default_rng(0)
    for seed in range(12):
        game = stochastic_game(seed, kind)
        laws = [game.transition(s) for s in range(len(game))]
        search = start(StochasticGame(game.games, laws, discounts, exit=game.exits))
        search.alive = np.ones_like(search.alive)
        for _ in range(10):
            lattices = [[(x, y) for x, y in (rng.integers(0, 4, (5, 2)) / 4).tolist()] for _ in laws]
            search.polygons = [[points[k] for k in hull(points)] for points in lattices]
            found, known = applied(search), interpreted(applied, search)
            assert (found[:2], found.held) == (known[:2], known.held)
            assert found.alive.tolist() == known.alive.tolist()


@pytest.mark.parametrize(("seed", "kind", "unequal"), DRAWN)
def test_the_equations_of_a_structure_are_the_same_to_the_last_bit(
    seed: int, kind: str, unequal: bool
) -> None:
    search = start(stochastic_game(seed, kind, unequal=unequal))
    for structure in interpreted(structures, search):
        found, known = _System(search.model, structure), interpreted(_System, search.model, structure)
        assert found.matrix.tolist() == known.matrix.tolist()
        assert found.constant.tolist() == known.constant.tolist()
        assert [(*edge[:-1], *edge.source) for edge in found.edges] == [
            (*edge[:-1], *edge.source) for edge in known.edges
        ]


@pytest.mark.parametrize(("seed", "kind", "unequal"), DRAWN[::5])
def test_the_sets_are_the_same_to_the_last_bit(seed: int, kind: str, unequal: bool) -> None:
    game = stochastic_game(seed, kind, unequal=unequal)
    found, known = payoff_set(game), interpreted(payoff_set, game)
    assert found.stats == known.stats
    for one, other in zip(found.values(), known.values(), strict=True):
        assert one.vertices.tolist() == other.vertices.tolist()
        np.testing.assert_array_equal(one.threat, other.threat)
        assert (one.status, one.reason) == (other.status, other.reason)


@pytest.fixture
def search() -> Search:
    return start(stochastic_game(3, "by leaver"))


@pytest.mark.parametrize(
    "change",
    [
        {"now": np.zeros((2, 3))},
        {"now": np.zeros((2, 8), dtype=np.float32)},
        {"law": np.full(12, 99)},
        {"law": np.full(12, -1)},
        {"state": np.arange(12)[::-1] % 3},
        {"state": np.zeros((12, 1), dtype=np.intp)},
        {"own": None},
        {"discounts": np.zeros(2)},
        {"replies": ()},
        {"replies": (None, None)},
        {"leaves": []},
        {"leaves": [[None], [], []]},
        {"leaves": ((), (), ())},
        {"slack": "none"},
    ],
)
def test_a_model_that_is_not_plain_is_left_to_python(search: Search, change: dict[str, Any]) -> None:
    model = search.model
    assert len(model.state) == 12
    assert _compiled.kernel.rows(model) is not None
    assert _compiled.kernel.rows(strange(model, **change)) is None


@pytest.mark.parametrize("name", ["group", "order", "starts"])
@pytest.mark.parametrize("number", [-1, 99])
def test_replies_beyond_the_rows_are_left_to_python(search: Search, name: str, number: int) -> None:
    one, other = search.model.replies
    numbers = getattr(other, name).copy()
    numbers[-1] = number
    assert (
        _compiled.kernel.rows(strange(search.model, replies=(one, replace(other, **{name: numbers})))) is None
    )


def strange(model: Model, **change: Any) -> Any:
    names = [
        "now",
        "laws",
        "own",
        "discounts",
        "state",
        "law",
        "replies",
        "leaves",
        "slack",
        "merge",
        "common",
    ]
    return SimpleNamespace(**{name: getattr(model, name) for name in names} | change)


def test_what_is_not_plain_is_left_to_python(search: Search) -> None:
    kernel, rows, polygons = _compiled.kernel, search.model.compiled, search.polygons
    threat, alive = search.threat(polygons), search.alive
    assert kernel.images(rows, polygons, threat, alive) is not None
    assert kernel.images(None, polygons, threat, alive) is None
    assert kernel.images(rows, polygons[1:], threat, alive) is None
    assert kernel.images(rows, [[] for _ in polygons], threat, alive) is None
    assert kernel.images(rows, [[(0.0, np.inf)], *polygons[1:]], threat, alive) is None
    assert kernel.images(rows, [[(0, 1)], *polygons[1:]], threat, alive) is None
    assert kernel.images(rows, polygons, threat[1:], alive) is None
    assert kernel.images(rows, polygons, threat, alive.astype(int)) is None


@pytest.mark.parametrize("tag", [(5, 0, -1), (0, 12, -1), (7, -1, 0), (8, 0, 0), (0, 0), (0.0, 0, 0), None])
def test_tags_that_are_not_known_are_left_to_python(search: Search, tag: Any) -> None:
    rows, one = search.model.compiled, [[(0.5, 0.5)], [], []]
    assert _compiled.kernel.equations(rows, one, [(7, 0, 0)], [0.0]) is not None
    assert _compiled.kernel.equations(rows, one, [tag], [0.0]) is None
    assert _compiled.kernel.equations(rows, one, [(7, 0, 0)], [np.nan]) is None
    assert _compiled.kernel.equations(rows, one, [(7, 0, 0)], []) is None
