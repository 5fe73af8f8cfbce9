"""Dictatorial solutions: one takes all that the others' disagreement payoffs leave."""

import numpy as np
import pytest

from bargaining import Frontier, InvalidInput, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.dictatorial import dictatorial


def test_closed_forms() -> None:
    problem = Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0.5, 1])
    np.testing.assert_allclose(dictatorial(problem, player=0).payoffs, [np.sqrt(3), 1], rtol=1e-14)
    np.testing.assert_allclose(dictatorial(problem, player=1).payoffs, [0.5, 3.75], rtol=1e-14)
    pie = Problem(TransferableSurplus(10, players=3), [1, 2, 3])
    np.testing.assert_allclose(dictatorial(pie, player=2).payoffs, [1, 2, 7])


def test_nothing_can_be_thrown_away() -> None:
    cone = Polytope([[0, 0], [1, 2], [2, 1]])
    assert dictatorial(Problem(cone, [0, 0]), player=0).status == Status.EMPTY
    below = Polytope([[0, 0], [1, 2], [2, 1]], free_disposal=True)
    np.testing.assert_allclose(dictatorial(Problem(below, [0, 0]), player=0).payoffs, [2, 0])


@pytest.mark.parametrize("player", [-1, 2, True, 0.0, "2", "nobody"])
def test_bad_players(player: object) -> None:
    with pytest.raises(InvalidInput, match="`player` must be a player, 0 to 1"):
        dictatorial(Problem(TransferableSurplus(1), [0, 0]), player=player)
