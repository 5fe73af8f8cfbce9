"""Fifteen tasks that stand on no page, as a reader of the pages would write them: at most ten lines each.

Each test has a task as its body, up to the comment, and after it a check against a number that was found by hand.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bargaining as b
from bargaining.cli.command import main
from bargaining.testing import find_violation, problems
from bargaining_models.trade import TradeModel


@pytest.fixture
def dilemma() -> b.Game:
    return b.Game(
        [[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=[["work", "shirk"]] * 2, players=["Ann", "Bob"]
    )


def test_a_figure_of_the_nash_split_as_the_threat_moves() -> None:
    triangle = b.Polytope([[0, 0], [4, 0], [0, 2]])
    threats = np.stack([np.linspace(0, 2, 5), np.zeros(5)], axis=-1)
    found = b.nash(b.Problem(triangle, threats, players=["Ann", "Bob"]))
    ax = b.plot(found)
    # On the line x + 2 y = 4 half of what is left goes to either.
    (drawn,) = [line for line in ax.lines if line.get_label() == "nash"]
    np.testing.assert_allclose(drawn.get_xydata()[:, 0], 2 + threats[:, 0] / 2, atol=1e-12)
    assert ax.get_xlabel() == "payoff of Ann"


def test_a_table_in_siunitx_of_five_concepts_and_four_games(dilemma: b.Game, tmp_path: Path) -> None:
    games = {
        "dilemma": dilemma,
        "sexes": b.Game([[3, 0], [0, 1]], [[1, 0], [0, 2]]),
        "chicken": b.Game([[0, 7], [2, 6]], [[0, 2], [7, 6]]),
        "hunt": b.Game([[4, 0], [3, 3]], [[4, 3], [0, 3]]),
    }
    concepts = [b.nash, b.kalai_smorodinsky, b.egalitarian, b.utilitarian, b.raiffa]
    table = b.compare(concepts, games)
    table.save(tmp_path, "games")
    # Symmetric games are shared alike; the sexes are worth half of 3 - 3/4 above 3/4 on the edge from (3, 1) to (1, 2).
    tex = (tmp_path / "games.tex").read_text()
    assert "S[" in tex
    assert len(table.rows) == 20
    rows = {row[:2]: row[2:] for row in table.rows}
    assert rows["chicken", "nash"] == pytest.approx((6, 6))
    slope, threat = 0.5, (0.75, 2 / 3)  # y = 2.5 - x / 2
    first = (threat[0] + (2.5 - threat[1]) / slope) / 2
    assert rows["sexes", "nash"] == pytest.approx((first, 2.5 - slope * first))


def test_repeated_cournot_from_a_table() -> None:
    sold = np.arange(9)
    profit = pd.DataFrame(sold[:, None] * np.maximum(12 - sold[:, None] - sold, 0), index=sold, columns=sold)
    market = b.Game(profit, profit.T, players=["Acme", "Bolt"])
    found = b.payoff_set(b.RepeatedGame(market, 0.6))
    split = b.nash(found.problem()).to_series()
    least = b.critical_discount(market, ("3", "3"), punishment="stage").exact
    # Either gets 18 of the monopoly's 36. Who deviates earns 20, then 12 in the worst equilibrium, (3, 5).
    assert split.to_dict() == pytest.approx({"Acme": 18, "Bolt": 18})
    assert least == pytest.approx((20 - 18) / (20 - 12))


def test_critical_patience_against_the_outside_option(dilemma: b.Game) -> None:
    def patience(option: float) -> float:
        return b.critical_discount(dilemma, ("work", "work"), exit=b.Exit([option, option])).discount

    data = b.sweep(
        lambda option: option, {"option": [0.0, 2.0, 5.0, 8.0]}, lambda o: {"patience": patience(o)}
    )
    ax = b.plot(data["patience"])
    # 10 - 9 today against 9 - o later.
    np.testing.assert_allclose(data["patience"], 1 / (1 + 9 - data["option"]))
    assert ax.get_xlabel() == "option"


def test_a_property_of_a_concept_of_ones_own() -> None:
    def between(problem: b.Problem) -> Any:
        return (b.nash(problem).payoffs + b.kalai_smorodinsky(problem).payoffs) / 2

    sets = problems(players=2, kinds=["points"])
    assert find_violation(between, "symmetry", problems=sets, examples=20) is None
    broken = find_violation(
        between, "weak_pareto", problems=problems(players=2, kinds=["frontier"]), examples=20
    )
    # The two lie on a curve, and their middle below it.
    assert broken is not None
    assert broken.axiom == "weak_pareto"
    assert 0 < broken.size < 0.1


def test_a_file_of_gambit(tmp_path: Path) -> None:
    file = tmp_path / "sexes.nfg"
    file.write_text('NFG 1 R "" { "Ann" "Bob" } { { "one" "two" } { "one" "two" } }\n\n3 1 0 0 0 0 1 2\n')
    game = b.Game.from_nfg(file)
    found = b.stage_equilibria(game)
    game.to_nfg(tmp_path / "again.nfg")
    # Ann mixes so that p = 2 (1 - p) for Bob.
    assert game.player_names == ("Ann", "Bob")
    np.testing.assert_allclose(found.payoffs, [[1, 2], [3 / 4, 2 / 3], [3, 1]])
    assert b.Game.from_nfg(tmp_path / "again.nfg").payoffs.tolist() == game.payoffs.tolist()


def test_a_slider_in_a_notebook(dilemma: b.Game) -> None:
    def picture(option: float = 0.0) -> Any:
        return b.plot(b.payoff_set(b.RepeatedGame(dilemma, 0.5, exit=b.Exit([option, option]))))

    ends = [picture(option) for option in np.linspace(0, 8, 25)]  # as ipywidgets.interact(picture, ...) does
    # At patience one half an option of 8 leaves cooperation alone; and no figures are left behind.
    import matplotlib.pyplot as plt

    assert len(plt.get_fignums()) <= 20
    assert len({ax.figure for ax in ends}) == 25
    plt.close("all")


def test_the_payoffs_of_a_monitored_dilemma() -> None:
    partners = b.Game(
        [[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2, players=["Ann", "Bob"]
    )
    one = {"good": 0.5, "bad": 0.5}
    chances = {("work", "work"): {"good": 0.9, "bad": 0.1}, ("work", "shirk"): one, ("shirk", "work"): one}
    report = b.Monitoring.of(partners, chances | {("shirk", "shirk"): {"good": 0.25, "bad": 0.75}})
    found = b.payoff_set(b.RepeatedGame(partners, 0.8, monitoring=report), tolerance=1e-4)
    apart = report.pairwise_full_rank(("work", "work"), ("Ann", "Bob"))
    # 2 less what is burnt, 0.1 / 0.4, for either; one report for two cannot say who shirked.
    assert found.vertices.sum(axis=1).max() == pytest.approx(3.5, abs=1e-3)
    assert not apart.holds


def test_tariffs_between_two_countries_by_name() -> None:
    names = [(i, j, "food") for i in ("Norway", "Chile") for j in ("Norway", "Chile")]
    flows = pd.DataFrame(names, columns=["importer", "exporter", "sector"]).assign(value=[80.0, 20, 20, 80])
    model = TradeModel.from_arrays(flows, tariffs=0.0, elasticities=4)
    war = model.nash_tariffs(["Norway", "Chile"])
    deal = model.bargained_tariffs(["Norway", "Chile"], disagreement=war)
    # Two alike fight at one rate, 1 / (elasticity x the part of the partner's output that it sells at home).
    (rate, _), home = war.rates, war.equilibrium.shares[1, 1, 0]
    sold = home / (home + (1 - home) / (1 + rate))
    np.testing.assert_allclose(war.rates, 1 / (4 * sold), rtol=1e-6)
    assert deal.players == ("Norway", "Chile")
    np.testing.assert_allclose(deal.gains, deal.gains[0], rtol=1e-6)


def test_a_sweep_as_xarray_drawn() -> None:
    def pie(total: float, threat: float) -> b.Problem:
        return b.Problem(b.TransferableSurplus(total), {"Ann": threat, "Bob": 0.0})

    data = b.sweep(pie, {"total": [1.0, 2.0], "threat": [0.0, 0.2, 0.4]}, b.nash)
    own = data["payoffs"].sel(player="Ann")
    (_, upper) = own.plot.line(x="threat")
    # (total + threat) / 2
    np.testing.assert_allclose(own, (data["total"] + data["threat"]) / 2)
    np.testing.assert_allclose(upper.get_ydata(), [1.0, 1.1, 1.2])


def test_json_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cake = '[problem]\ntotal = 1\ndisagreement = {Ann = 0, Bob = "1/5"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(cake.encode())))
    main(["solve", "-", "--method", "nash", "--format", "json"])
    answer = json.loads(capsys.readouterr().out)
    # 0 + 0.8 / 2 and 0.2 + 0.8 / 2
    assert "0.4" in json.dumps(answer)
    assert "Ann" in json.dumps(answer)


def test_weights_from_a_mapping() -> None:
    edge = b.Problem([[0, 0], [4, 0], [0, 2]], {"Canada": 0, "US": 0})
    division = b.nash(edge, weights={"US": 3, "Canada": 1})
    # A quarter of 4, three quarters of 2.
    assert division.to_series().to_dict() == pytest.approx({"Canada": 1, "US": 1.5})


def test_contracts_of_many_pairs_from_a_table() -> None:
    terms = pd.DataFrame({"cost": [0.0, 0.2], "power": [0.5, 0.25]}, index=["steel", "oil"])

    def deal(cost: float, power: float) -> b.BilateralDeal:
        return b.BilateralDeal(gains=lambda w, _: (w - cost, 1 - w), lower=0.0, upper=1.0, weight=power)

    found = b.nash_in_nash({name: deal(**row) for name, row in terms.iterrows()}).to_frame()
    # Each divides 1 - cost by the seller's power.
    np.testing.assert_allclose(
        found["contract"], terms["cost"] + terms["power"] * (1 - terms["cost"]), atol=1e-9
    )
    assert list(found.index) == ["steel", "oil"]


def test_a_stochastic_game_from_arrays() -> None:
    good, bad = [[9, 1], [10, 3]], [[4, 0], [5, 1]]  # of the first; the second's are the transpose
    payoffs = np.array([np.stack([own, np.transpose(own)], axis=-1) for own in (good, bad)])  # players last
    luck = np.full((2, 2, 2, 2), 0.5)  # state, actions, next state
    game = b.StochasticGame(payoffs, luck, 0.6, states=["good", "bad"])
    (alone, *_) = b.markov_equilibria(game)
    # Both shirk: 0.4 u + 0.6 (3 + 1) / 2.
    np.testing.assert_allclose(alone.values, [[0.4 * 3 + 1.2] * 2, [0.4 * 1 + 1.2] * 2])
    assert b.payoff_set(game)["good"].vertices.max() > 3


def test_an_automaton_drawn_into_a_file(dilemma: b.Game, tmp_path: Path) -> None:
    play = b.payoff_set(b.RepeatedGame(dilemma, 0.5)).strategy([9, 9])
    ax = b.plot(play)
    path = b.save_figure(ax, tmp_path / "play.svg")
    # Two places: both work, or both shirk for ever.
    assert play.regret == 0
    assert "work, work" in " ".join(text.get_text() for text in ax.texts)
    assert path.read_text().lstrip().startswith("<?xml")
