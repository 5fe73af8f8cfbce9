"""The picture of an automaton shows every state, every arrow and where play starts."""

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, PathPatch

from bargaining import Exit, Game, RepeatedGame, payoff_set, plot, save_figure

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=[["cooperate", "defect"]] * 2)
LEAVING = RepeatedGame(DILEMMA, 0.5, exit=Exit([5, 3]))
STAYING = RepeatedGame(DILEMMA, 0.6)


@pytest.mark.parametrize(
    ("game", "payoffs"),
    [(LEAVING, (9, 9)), (LEAVING, (5, 3)), (STAYING, (6, 5)), (STAYING, (3, 3))],
    ids=["exit", "corner", "lottery", "one state"],
)
def test_every_state_and_arrow_is_drawn(game, payoffs):
    automaton = payoff_set(game).strategy(payoffs)
    ax = plot(automaton, ax=Figure().add_subplot())
    circles = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert len(circles) == len(automaton.states)
    heavy = {k for k, line in enumerate(circles) if line.get_markeredgewidth() > 1}
    assert heavy == {k for k, _ in automaton.start}
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    loops = [patch for patch in ax.patches if type(patch) is PathPatch]
    assert len(loops) == sum(a == b for a, b, _ in automaton.edges())
    assert len(arrows) + len(loops) == len(automaton.edges())


def test_states_say_what_is_played_and_what_it_is_worth():
    ax = plot(payoff_set(STAYING).strategy((3, 3)), ax=Figure().add_subplot())
    assert [text.get_text() for text in ax.texts] == ["0", "defect, defect\n(3, 3)"]
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["next", "player 0 deviates", "player 1 deviates"]


def test_two_runs_give_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg"):
        save_figure(plot(payoff_set(LEAVING).strategy((9, 9)), ax=Figure().add_subplot()), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
