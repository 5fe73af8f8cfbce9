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
from bargaining.equilibria.payoff_set import payoff_bounds, payoff_set
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.monitoring import Monitoring
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
    with pytest.raises(InvalidInput, match="`result` would be 9 lines; at most 8 can be told apart"):
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


def test_a_payoff_set_shows_vertices_threat_exit_and_stage_game():
    found = payoff_set(RepeatedGame(DILEMMA, 0.5, exit=Exit([3.0, 5.0])))
    lines = drawn(plot(found, ax=axes()))
    np.testing.assert_allclose(lines["threat"], [[3.0, 5.0]])
    np.testing.assert_allclose(lines["exit"], [[3.0, 5.0]])
    np.testing.assert_allclose(lines["equilibrium payoffs"], found.vertices)
    assert {tuple(point) for point in lines["stage game"]} == {(9, 9), (1, 10), (10, 1), (3, 3)}
    assert "exit" not in drawn(plot(payoff_set(RepeatedGame(DILEMMA, 0.5)), ax=axes()))
    alone = Exit.by_leaver([[3.0, 5.0], [0.0, 0.0]], who=[0])  # nobody gets what the second row says
    lines = drawn(plot(payoff_set(RepeatedGame(DILEMMA, 0.5, exit=alone)), ax=axes()))
    np.testing.assert_allclose(lines["exit"], [[3.0, 5.0]])


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


TWO = sweep(
    pie,
    {"h": [0.7, 0.9], "r": (np.linspace(0.0, 0.3, 4), "share")},
    lambda problem: {
        "payoffs": nash(problem).payoffs,
        "total": 1.0,
        "gain": 0.5 - problem.disagreement[0] / 2,
    },
)


def test_one_of_several_variables_must_be_picked():
    with pytest.raises(InvalidInput, match=r"got payoffs, total, gain. Pick one, as in data\['payoffs'\]"):
        plot(TWO, ax=axes())


def test_one_variable_may_be_chosen():
    for one in (TWO["gain"], TWO[["gain"]]):
        ax = plot(one, ax=axes())
        assert ax.get_ylabel() == "gain"
        assert list(drawn(ax)) == ["h = 0.7", "h = 0.9"]


def test_several_sweeps_share_a_picture():
    gain = plot({"now": TWO["gain"], "later": 2 * TWO[["gain"]]}, ax=axes())
    assert list(drawn(gain)) == [f"{when}, h = {h}" for when in ("now", "later") for h in (0.7, 0.9)]
    np.testing.assert_array_equal(drawn(gain)["later, h = 0.7"][:, 1], 2 * drawn(gain)["now, h = 0.7"][:, 1])
    with pytest.raises(
        InvalidInput, match=r"`result` must be sweeps along one axis; got 'r \(share\)' and 't \(share\)'"
    ):
        plot([TWO["gain"], TWO["gain"].rename(r="t")], ax=axes())


def test_several_payoff_sets_are_outlines_with_labels():
    sets = {f"d = {d}": payoff_set(RepeatedGame(DILEMMA, d, exit=Exit([3.0, 5.0]))) for d in (0.3, 0.5)}
    lines = drawn(plot(sets, ax=axes()))
    assert list(lines) == list(sets)
    for label, found in sets.items():
        np.testing.assert_array_equal(lines[label], [*found.vertices, found.vertices[0]])
    empty = payoff_set(RepeatedGame(Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]]), 0.1))
    assert list(drawn(plot([*sets.values(), empty], ax=axes()))) == ["0", "1", "2 (none)"]


def test_what_has_payoffs_of_two_players_shares_a_picture():
    found = payoff_set(RepeatedGame(DILEMMA, 0.5))
    ax = plot({"set": found, "game": DILEMMA, "split": nash(found.problem())}, ax=axes())
    assert list(drawn(ax)) == ["disagreement", "ideal", "set", "game", "game, equilibria", "split"]
    with pytest.raises(NotApplicable, match="results that share axes; got PayoffSet and Dataset"):
        plot([found, TWO], ax=axes())
    with pytest.raises(NotApplicable, match="results that share axes; got Automaton"):
        plot([found.strategy((9, 9))] * 2, ax=axes())
    with pytest.raises(InvalidInput, match="`result` would be 9 lines; at most 8 can be told apart"):
        plot([found] * 9, ax=axes())


def test_divisions_of_several_problems_show_all_of_them():
    other = Problem(PARABOLA.feasible, [0.5, 1.0])
    ax = plot({"low": nash(PARABOLA), "high": nash(other)}, ax=axes())
    curves = [line.get_xydata() for line in ax.get_lines() if len(line.get_xydata()) > 9]
    assert [curve[:, 1].min() for curve in curves] == pytest.approx([0.0, 1.0], abs=1e-12)
    again = plot([nash(PARABOLA), nash(PARABOLA)], ax=axes())
    assert [label.rpartition(" ")[2] for label in list(drawn(again))[2:]] == ["(0)", "(1)"]


def test_a_game_shows_its_profiles_and_pure_equilibria():
    lines = drawn(plot(DILEMMA, ax=axes()))
    assert {tuple(point) for point in lines["profiles"]} == {(9, 9), (1, 10), (10, 1), (3, 3)}
    np.testing.assert_array_equal(lines["equilibria"], [[3, 3]])
    with pytest.raises(NotApplicable, match="a picture has two players; got 3"):
        plot(Game(*np.zeros((3, 2, 2, 2))), ax=axes())


SEEN = RepeatedGame(DILEMMA, 0.8, monitoring=Monitoring(np.array([[[9, 1], [5, 5]], [[5, 5], [2, 8]]]) / 10))


@pytest.mark.parametrize(
    "game",
    [*(RepeatedGame(DILEMMA, discounts) for discounts in (0.1, 0.4, [0.2, 0.6])), SEEN],
    ids=["a point", "equal", "unequal", "signals"],
)
def test_bounds_are_an_outer_and_an_inner_outline(game):
    found = payoff_bounds(game, tolerance=1e-2)
    lines = drawn(plot(found, ax=axes()))
    heights = lines["outer bound"] @ found.directions.T - found.levels
    assert heights.max() < 1e-9
    assert (np.abs(heights).min(axis=1) < 1e-9).all()
    assert {tuple(point) for point in lines["inner bound"]} <= {tuple(point) for point in found.inner}
    for point in found.inner:
        assert found.contains(point) is not False


def test_bounds_of_a_stochastic_game_are_two_outlines_a_state():
    found = payoff_bounds(StochasticGame([DILEMMA, DILEMMA], [[0.5, 0.5]] * 2, 0.5, states=["now", "then"]))
    lines = drawn(plot(found, ax=axes()))
    for state, some in found.items():
        assert (lines[f"{state}, outer bound"] @ some.directions.T <= some.levels + 1e-9).all()
        assert len(lines[f"{state}, inner bound"]) == len(some.inner) + 1


def test_players_in_another_order_are_not_drawn_on_the_same_axes():
    games = [
        Game(DILEMMA.payoffs[..., 0], DILEMMA.payoffs[..., 1], players=names)
        for names in (["Ann", "Bob"], ["Bob", "Ann"])
    ]
    with pytest.raises(InvalidInput, match="the players in one order; got Bob, Ann and Ann, Bob"):
        plot(games, ax=axes())
    assert plot([DILEMMA, *games[:1], DILEMMA], ax=axes()).get_ylabel() == "payoff of Bob"


def test_names_are_shown_as_they_are():
    named = Game(DILEMMA.payoffs[..., 0], DILEMMA.payoffs[..., 1], players=["$x_$", "_Bob"])
    found = payoff_set(RepeatedGame(named, 0.5))
    outcome = ReputationalBargaining([0.6, 0.6], [0.1, 0.2], [0.05, 0.05], players=["$x_$", "_Bob"])()
    data = sweep(
        lambda _h, r: pie(r, _h), {"_h": [0.7, 0.9], "r": [0.0, 0.1, 0.2]}, lambda one: {"$^$": one.ideal[0]}
    )
    for result, shown in (
        (found.strategy((9, 9)), ["next", "$x_$ deviates", " _Bob deviates"]),
        (outcome, ["$x_$", " _Bob"]),
        ({"_a": found, r"$\delta$": found}, [" _a", r"$\delta$"]),
        (data, [" _h = 0.7", " _h = 0.9"]),
    ):
        ax = plot(result, ax=axes())
        ax.figure.canvas.draw()
        assert len(ax.get_legend().get_texts()) == len(shown)
        assert [text.get_text().replace(r"\$", "$") for text in ax.get_legend().get_texts()][:2] == shown[:2]


def test_figures_of_its_own_do_not_pile_up():
    import matplotlib.pyplot as plt

    plt.close("all")
    kept = plt.figure()
    with matplotlib.rc_context({"figure.max_open_warning": 5}):
        first = plot(PARABOLA)
        for _ in range(5):
            plot(PARABOLA)
    assert len(plt.get_fignums()) == 5
    assert plt.fignum_exists(kept.number)
    assert not plt.fignum_exists(first.figure.number)
    assert curve(first).shape[0] > 9  # A closed figure can still be saved.
    plt.close("all")


def test_a_new_figure_is_transparent_and_takes_its_colours_from_the_settings():
    import matplotlib.pyplot as plt

    found = payoff_set(RepeatedGame(DILEMMA, 0.6))
    dark = {"text.color": "#eeeeee", "axes.edgecolor": "#eeeeee", "axes.facecolor": "#111111"}
    shown = [PARABOLA, nash(PARABOLA), DILEMMA, found, found.strategy((6, 5)), [TWO["gain"]] * 4]
    with matplotlib.rc_context(dark):
        for result in shown:
            ax = plot(result)
            assert ax.figure.get_facecolor()[3] == ax.get_facecolor()[3] == 0.0
            used = {matplotlib.colors.to_hex(line.get_color()) for line in ax.get_lines()}
            used |= {
                matplotlib.colors.to_hex(patch.get_edgecolor())
                for patch in ax.patches
                if patch.get_linewidth()
            }
            assert "#000000" not in used
        assert "#eeeeee" in {line.get_color() for line in ax.get_lines()}
    plt.close("all")
    own = Figure(facecolor="red")
    plot(PARABOLA, ax=own.add_subplot(facecolor="blue"))
    assert (own.get_facecolor()[0], own.axes[0].get_facecolor()[2]) == (1.0, 1.0)


SETS = Problem(TransferableSurplus([1.0, 2.0]), [0.0, 0.0])


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (3, NotApplicable, "`result` must be a Problem.*got an int"),
        ([], NotApplicable, "got a list"),
        ("text", NotApplicable, "got a str"),
        (
            Problem(TransferableSurplus(1.0, players=3), [0.0] * 3),
            NotApplicable,
            "a picture has two players; got 3",
        ),
        (SETS, InvalidInput, r"`result` must be one set; got a batch of shape \(2,\)"),
        (nash(SETS), InvalidInput, "`result` must be one set"),
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
        f"import test_plot as t\nt.save_all(Path({str(tmp_path / 'b')!r}))"
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
    with pytest.raises(ImportError, match=r"matplotlib.* is not installed; run `pip install"):
        plot(PARABOLA)


def test_a_division_without_a_problem_has_no_picture():
    alone = Division(payoffs=np.array([0.5, 0.5]), status=Status.OK, method="m", residual=0.0)
    with pytest.raises(NotApplicable, match="must be the answer to a `Problem`"):
        plot(alone, ax=axes())


def test_a_batch_of_threats_is_drawn_on_one_frontier() -> None:
    threats = [[0.0, 0.0], [0.2, 0.0], [0.4, 0.0]]
    ax = plot(nash(Problem(TransferableSurplus(1.0), threats)), ax=Figure().add_subplot())
    lines = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_allclose(lines["nash"], [[0.5, 0.5], [0.6, 0.4], [0.7, 0.3]])
    np.testing.assert_allclose(lines["disagreement"], threats)


def test_the_line_of_a_frontier_has_no_dominated_edge():
    """The edges from (2.5, 0) to (3, 1), and from (1, 3) back to d, are the boundary of the set only."""
    line = plot(Problem(Polytope([[0, 0], [1, 3], [3, 1], [2.5, 0]]), [0.0, 0.0])).lines[0]
    x, y = line.get_data()
    assert (x[0], y[0], x[-1], y[-1]) == (3, 1, 1, 3)
    assert (np.diff(x) < 0).all()
    assert (np.diff(y) > 0).all()
