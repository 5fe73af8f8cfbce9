"""Bounds of symmetric games of many players."""

from time import process_time

import pytest

from bargaining.equilibria.payoff_set import payoff_bounds
from bargaining.errors import Status
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from known_games import public_good

pytestmark = pytest.mark.benchmark


def seconds(game: RepeatedGame) -> float:
    start = process_time()
    bounds = payoff_bounds(game, tolerance=1e-6)
    taken = process_time() - start
    assert bounds.status is Status.OK
    return taken


@pytest.mark.parametrize(
    ("game", "most"), [(public_good(3, 0.4), 1), (public_good(4, 0.4), 15)], ids=["three", "four"]
)
def test_symmetric_games(game: Game, most: float, capsys: pytest.CaptureFixture[str]) -> None:
    """Seconds of processor time; they depend on the machine."""
    seconds(RepeatedGame(public_good(3, 0.5), 0.5))
    taken = seconds(RepeatedGame(game, 0.9))
    with capsys.disabled():
        print(f"\n{taken:.3g} s")
    assert taken < most
