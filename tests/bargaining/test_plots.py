"""Pictures show the numbers they are given, and their files do not change from run to run."""

import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

matplotlib.use("agg")

from bargaining.concepts.kalai_smorodinsky import kalai_smorodinsky
from bargaining.concepts.nash import nash
from bargaining.division import Division
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from bargaining.plots.plot import plot, save_figure
from bargaining.problem import Problem
from bargaining.protocols.reputation import ReputationalBargaining
from bargaining.sweeps.sweep import sweep

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
PARABOLA = Problem(Frontier(lambda x: 4 - x**2, 0.0, 2.0), [0.0, 0.0])


def pie(r, h=0.7):
    return Problem(TransferableSurplus(1.0), [h * r, 0.0])


def axes():
    return Figure(figsize=(4, 3)).add_subplot()


def drawn(ax):
    """The lines of a picture that have a label, by label."""
    return {
        line.get_label(): line.get_xydata() for line in ax.get_lines() if not line.get_label().startswith("_")
    }


def curve(ax):
    """The longest line of a picture: the frontier."""
    return max((line.get_xydata() for line in ax.get_lines()), key=len)


def test_the_sets_of_a_stochastic_game_are_closed_outlines_by_state():
    chain = StochasticGame.from_chain(
        DILEMMA, [[0.9, 0.1], [0, 1]], 0.3, exit=Exit([[1, 1], [8, 3]]), states=["now", "later"]
    )
    found = stochastic_payoff_sets(chain)
    lines = drawn(plot(found, ax=axes()))
    assert list(lines) == ["state now", "state later"]
    np.testing.assert_array_equal(lines["state now"], [*found["now"].vertices, found["now"].vertices[0]])
    np.testing.assert_array_equal(np.unique(lines["state later"], axis=0), found["later"].vertices)
    many = StochasticGame.from_chain(DILEMMA, np.eye(9), 0.3)
    with pytest.raises(InvalidInput, match="`result` must have at most 8 states"):
        plot(stochastic_payoff_sets(many), ax=axes())


def test_a_problem_shows_its_frontier_disagreement_and_ideal():
    ax = plot(PARABOLA, ax=axes())
    x, y = curve(ax).T
    np.testing.assert_allclose(y, 4 - x**2, atol=1e-12)
    assert (x.min(), x.max()) == pytest.approx((0.0, 2.0))
    np.testing.assert_array_equal(drawn(ax)["disagreement"], [[0.0, 0.0]])
    np.testing.assert_allclose(drawn(ax)["ideal"], [[2.0, 4.0]])


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_corners_of_a_polytope_are_drawn_exactly(scale):
    corners = scale * np.array([[0, 0], [4, 0], [3, 2.5], [1, 3], [0, 2]])
    edge = curve(plot(Problem(Polytope(corners), 0.2 * corners[3]), ax=axes()))
    for corner in corners[[2, 3]]:
        assert np.abs(edge - corner).sum(axis=1).min() <= 1e-12 * scale


def test_several_solutions_share_one_picture():
    ax = plot([nash(PARABOLA), kalai_smorodinsky(PARABOLA)], ax=axes())
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["disagreement", "ideal", nash(PARABOLA).method, kalai_smorodinsky(PARABOLA).method]
    np.testing.assert_allclose(drawn(ax)[nash(PARABOLA).method], [[2 / np.sqrt(3), 8 / 3]])
    assert "equal" in drawn(plot({"equal": nash(PARABOLA)}, ax=axes()))


def test_a_problem_without_gains_shows_its_points():
    ax = plot(nash(Problem(TransferableSurplus(1.0), [0.5, 0.5])), ax=axes())
    assert max(len(line.get_xydata()) for line in ax.get_lines()) == 1


def test_a_payoff_set_shows_vertices_threat_exit_and_stage_game():
    found = payoff_set(RepeatedGame(DILEMMA, 0.5, exit=Exit([3.0, 5.0])))
    lines = drawn(plot(found, ax=axes()))
    np.testing.assert_allclose(lines["threat"], [[3.0, 5.0]])
    np.testing.assert_allclose(lines["exit"], [[3.0, 5.0]])
    np.testing.assert_allclose(lines["equilibrium payoffs"], found.vertices)
    assert {tuple(point) for point in lines["stage game"]} == {(9, 9), (1, 10), (10, 1), (3, 3)}
    assert "exit" not in drawn(plot(payoff_set(RepeatedGame(DILEMMA, 0.5)), ax=axes()))


def test_a_sweep_is_drawn_against_its_longest_axis():
    r = np.linspace(0, 0.3, 4)
    data = sweep(pie, {"h": [0.7, 0.9], "r": (r, "share")}, nash)
    ax = plot(data, ax=axes())
    assert ax.get_xlabel() == "r (share)"
    assert list(drawn(ax)) == [f"h = {h}, player {k}" for h in (0.7, 0.9) for k in (0, 1)]
    np.testing.assert_allclose(drawn(ax)["h = 0.9, player 0"], np.column_stack([r, 0.5 + 0.45 * r]))


def test_players_may_have_names_and_failed_cells_are_gaps():
    def model(r):
        if r > 0.25:
            raise ValueError("too large")
        return pie(r)

    data = sweep(model, {"r": [0.0, 0.1, 0.3]}, nash).assign_coords(player=["Canada", "US"])
    lines = drawn(plot(data, ax=axes()))
    assert list(lines) == ["Canada", "US"]
    assert np.isnan(lines["US"][:, 1]).tolist() == [False, False, True]


def test_a_reputation_shows_the_probability_of_having_conceded():
    outcome = ReputationalBargaining([0.6, 0.6], [0.1, 0.2], [0.05, 0.05])()
    lines = drawn(plot(outcome, ax=axes()))
    assert lines["player 1"][0, 1] == pytest.approx(0.7763932, abs=1e-7)
    np.testing.assert_allclose(lines["player 0"][-1], [7.4893307, 0.95], atol=1e-7)
    np.testing.assert_allclose(
        lines["player 0"][:, 1], 1 - np.exp(-0.4 * lines["player 0"][:, 0]), atol=1e-12
    )


def test_without_axes_a_figure_is_made():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    ax = plot(PARABOLA)
    assert len(plt.get_fignums()) == len(before) + 1
    plt.close(ax.figure)


def test_lines_differ_in_dash_as_well_as_colour():
    data = sweep(pie, {"h": [0.1, 0.4, 0.7, 1.0], "r": np.linspace(0, 0.3, 5)}, nash)
    lines = plot(data, ax=axes()).get_lines()
    assert len({line.get_color() for line in lines}) == len({str(line._dash_pattern) for line in lines}) == 8


BATCH = Problem(TransferableSurplus(1.0), [[0.0, 0.0], [0.1, 0.0]])


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (3, NotApplicable, "`result` must be a Problem.*got a int"),
        ([], NotApplicable, "got a list"),
        ("text", NotApplicable, "got a str"),
        (
            Problem(TransferableSurplus(1.0, players=3), [0.0] * 3),
            NotApplicable,
            "a picture has two players; got 3",
        ),
        (BATCH, InvalidInput, r"`result` must be one problem; got a batch of shape \(2,\)"),
        (nash(BATCH), InvalidInput, "`result` must be one problem"),
        (
            ReputationalBargaining([[0.6, 0.6]] * 2, [0.1, 0.2], [0.05, 0.05])(),
            InvalidInput,
            "one game; got a batch",
        ),
        (
            sweep(pie, {"h": np.linspace(0, 1, 5), "r": np.linspace(0, 1, 6)}, nash),
            InvalidInput,
            r"`\.sel\(h=\.\.\.\)`",
        ),
        (sweep(pie, {"r": [0.0]}, nash), InvalidInput, "a numeric axis with two values or more"),
        (xr.Dataset({"status": ("r", [5, 5])}), InvalidInput, "every cell failed"),
    ],
)
def test_what_cannot_be_drawn_is_named(result, error, message):
    with pytest.raises(error, match=message):
        plot(result, ax=axes())


def test_figures_are_the_same_bytes_in_another_process(tmp_path):
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        f"import test_plots as t\nt.save_all(Path({str(tmp_path / 'b')!r}))"
    )
    save_all(tmp_path / "a")
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    for ending in ("pdf", "svg", "png"):
        content = (tmp_path / "a" / f"p.{ending}").read_bytes()
        assert content == (tmp_path / "b" / f"p.{ending}").read_bytes()
        assert b"2026-" not in content
        assert b"CreationDate" not in content


def save_all(folder):
    for ending in ("pdf", "svg", "png"):
        save_figure(plot([nash(PARABOLA)], ax=axes()), folder / f"p.{ending}")


def test_a_figure_needs_a_known_ending(tmp_path):
    with pytest.raises(InvalidInput, match=r"`path` must end in \.pdf, \.svg or \.png; got"):
        save_figure(plot(PARABOLA, ax=axes()), tmp_path / "p.docx")


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"bargaining\[paper\]"):
        plot(PARABOLA)


def test_a_division_without_a_problem_has_no_picture():
    alone = Division(payoffs=np.array([0.5, 0.5]), status=Status.OK, method="m", residual=0.0)
    with pytest.raises(NotApplicable, match="carries its own primitives"):
        plot(alone, ax=axes())
