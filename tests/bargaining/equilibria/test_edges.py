"""What is known exactly where a profile asks for the most a player can get: two games worked out by hand.

Player 0 gets 1 at most, by (0, 0), with 1/2 for player 1; both are content with that for ever. The threats are 1/4
and 1/2. After (1, 0) player 0 could have had 1 instead of 1/4, so with a discount factor of 1/2 he must be promised
1/4 + 3/4, the most there is: (1, 1/2) has to follow.
"""

from fractions import Fraction

import pytest

from bargaining import Game, RepeatedGame, payoff_set
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.kinds import LEAVE, STATIC, TOP
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.equilibria.repeated._search.structure import generates
from bargaining.equilibria.repeated._unequal.edges import Edges

HALF, MOST = Fraction(1, 2), [[1, 0], [Fraction(1, 4), Fraction(1, 4)]]
CONTENT, TEMPTED = [[HALF, 0], [1, 1]], [[HALF, 0], [0, 1]]  # player 1 after (1, 0)


def edges(second: list) -> Edges:
    scaled = Scaled.of(RepeatedGame(Game(MOST, second), [HALF, Fraction(3, 4)]))
    found = Edges.of(scaled.exact(), scaled.block)
    assert found is not None
    return found


def triangle(low: float, least: float) -> list[tuple[float, float]]:
    """A set with these lowest payoffs."""
    return [(low, least), (1.0, least), (low, 1.0)]


def test_a_profile_gives_what_follows_from_the_most() -> None:
    found = edges(CONTENT)
    mixed = Fraction(5, 8)  # half of 1/4 and 1 for player 0; a quarter of 1 and three of 1/2 for player 1
    assert [outcome.payoffs for outcome in found.outcomes] == [(1, HALF), (mixed, mixed)]
    assert [outcome.promise for outcome in found.outcomes] == [(1, HALF), (1, HALF)]
    assert found.block.index.tolist() == [0, 1, 3]
    assert [leave.payoffs for leave in found.block.leaves] == [(1.0, 0.5), (0.625, 0.625)]
    given = [(LEAVE, -1, -2), (LEAVE, -1, -1), (LEAVE, -1, 0), (STATIC, 3, -1)]
    assert found.tagged(given) == [(TOP, 2, -1), (STATIC, 0, -1), (LEAVE, -1, 0), (STATIC, 3, -1)]


def test_a_profile_that_asks_the_other_player_too_much_gives_nothing() -> None:
    """Player 1 gains 1 by leaving (1, 0), so she must be promised 1/2 + 1/3 when only 1/2 comes with the most."""
    found = edges(TEMPTED)
    assert [outcome.payoffs for outcome in found.outcomes] == [(1, HALF)]
    assert found.block.index.tolist() == [0, 1, 3]


@pytest.mark.parametrize("second", [CONTENT, TEMPTED], ids=["content", "tempted"])
def test_milder_threats_keep_nobody_to_what_asks_for_the_most(second: list) -> None:
    found = edges(second)
    assert found.hold(triangle(0.25, 0.5))
    assert not found.hold(triangle(0.25, 0.5 + 1e-9))
    assert found.hold(triangle(0.25 + 1e-9, 0.5)) == (second is TEMPTED)


def test_there_are_none_where_nobody_asks_for_the_most() -> None:
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    scaled = Scaled.of(RepeatedGame(prisoners, [Fraction(1, 3), HALF]))
    assert Edges.of(scaled.exact(), scaled.block) is None


@pytest.mark.parametrize("discount", [0.3, 0.6, 0.8])
def test_a_set_generates_itself_and_a_larger_one_does_not(discount: float) -> None:
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    scaled = Scaled.of(RepeatedGame(prisoners, discount))
    found = scaled.solve(10**6, Effort.of(None, None))
    bound = scaled.block.threat_bound(found.own)
    assert generates(scaled.block, found.polygon, found.tags, bound)
    larger = [(1.001 * x, 1.001 * y) for x, y in found.polygon]
    assert not generates(scaled.block, larger, found.tags, bound)


def test_what_is_known_exactly_is_not_taken_where_it_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    game = RepeatedGame(Game(MOST, CONTENT), [HALF, Fraction(3, 4)])
    held = payoff_set(game)
    monkeypatch.setattr(Edges, "hold", lambda self, lows: False)
    monkeypatch.setattr(Edges, "tagged", lambda self, tags: pytest.fail("it was taken"))
    found = payoff_set(game)
    assert held.ok
    assert max(map(found.excess, held.vertices)) <= 1e-8
