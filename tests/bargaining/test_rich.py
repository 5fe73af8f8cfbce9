"""What a notebook shows of a result: its numbers, whatever its size and status, and no markup from outside."""

import copy
import sys
from dataclasses import is_dataclass
from fractions import Fraction
from html.parser import HTMLParser
from importlib import import_module
from inspect import isclass
from pkgutil import walk_packages

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import bargaining as b
import bargaining_models
from bargaining import (
    Division,
    Exit,
    Game,
    Problem,
    RepeatedGame,
    Status,
    StochasticBargaining,
    StochasticGame,
    TransferableSurplus,
    Unsolved,
    nash,
    payoff_set,
)
from bargaining._rich import Result, Shown, brief
from bargaining_models.us_canada.baseline import Baseline
from known_games import PENNIES
from public_classes import made as object_of
from public_classes import results

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])


class Cells(HTMLParser):
    """Collects the text of each cell, row by row, and checks that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open, self.tags = [], [], set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_division_shows_payoffs_disagreement_and_gains():
    text = nash(Problem(TransferableSurplus(1.0), [0.0, 0.2]))._repr_html_()
    assert Cells(text).rows == [
        ["player", "payoff", "disagreement", "gain"],
        ["0", "0.4", "0", "0.4"],
        ["1", "0.6", "0.2", "0.4"],
    ]
    assert "; OK</p>" in text


def test_a_status_that_is_not_ok_gives_its_advice():
    text = nash(Problem(TransferableSurplus(1.0), [1.0, 0.2]))._repr_html_()
    assert Status.EMPTY.advice in text
    assert "none" in Cells(text).rows[1]


def test_a_batch_shows_its_first_cells_and_counts_the_rest():
    d = np.stack([np.linspace(0.0, 2.0, 21), np.zeros(21)], axis=-1)
    division = nash(Problem(TransferableSurplus(1.0), d))
    text = division._repr_html_()
    rows = Cells(text).rows
    assert len(rows) == 11
    assert rows[0] == ["cell", "player 0", "player 1", "status"]
    assert rows[2] == ["(1,)", "0.55", "0.45", "OK"]
    assert "21 cells: 10 OK, 10 EMPTY, 1 DEGENERATE" in text
    assert division._repr_latex_() is None


def test_text_becomes_no_markup():
    division = Division(
        payoffs=np.array([1.0, 2.0]), status=Status.OK, method="<script>x</script>", residual=0.0
    )
    assert Cells(division._repr_html_()).rows[0] == ["player", "payoff"]
    assert Cells(division._repr_html_()).tags == {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}


@pytest.mark.parametrize(
    ("payoffs", "formula"),
    [
        ([0.4, 0.6], r"$x = (0.4,\ 0.6)$"),
        ([1e-12, -2.5e9], r"$x = (1 \times 10^{-12},\ -2.5 \times 10^{9})$"),
        ([1 / 3, 0.0, 1.0], r"$x = (0.333333,\ 0,\ 1)$"),
        ([np.nan, np.nan], None),
    ],
)
def test_payoffs_as_a_formula(payoffs, formula):
    division = Division(payoffs=np.array(payoffs), status=Status.OK, method="m", residual=0.0)
    assert division._repr_latex_() == formula


def test_a_payoff_set_shows_its_vertices_and_threat():
    found = payoff_set(RepeatedGame(DILEMMA, 0.5, exit=Exit([3, 5])))
    text = found._repr_html_()
    assert Cells(text).rows[1:] == [["0", "3", "5"], ["1", "9.5", "5"], ["2", "9", "9"], ["3", "3", "9.75"]]
    assert "threat (3, 5); OK" in text
    assert found._repr_latex_() == r"$V = \operatorname{co}\,\{(3,\ 5),\ (9.5,\ 5),\ (9,\ 9),\ (3,\ 9.75)\}$"


def test_an_empty_set_says_why():
    found = payoff_set(RepeatedGame(PENNIES, 0.1))
    assert found.reason in found._repr_html_()
    assert found._repr_latex_() == r"$V = \varnothing$"


def test_the_states_of_a_chain_are_rows():
    found = StochasticBargaining([1.0, 3.0], [[0.5, 0.5], [0.5, 0.5]], 0.9, [0, 1])()
    cells = Cells(found._repr_html_())
    assert cells.rows[1:] == [["(0,)", "0", "2.45455", "OK"], ["(1,)", "0", "3", "OK"]]
    assert found._repr_latex_() is None


@pytest.mark.parametrize(
    "code",
    [
        "TransferableSurplus(1.5)",
        "TransferableSurplus([1.0, 2.0], players=3)",
        "Frontier(negative, -1.0, 0.0)",
        "Frontier(negative, -1.0, 0.0, derivative=slope)",
        "Exit([5, 3])",
        "Exit([0.5, 3.0], who=[1])",
        "Exit({'Ann': Fraction(1, 3), 'Bob': 2}, who=['Bob'])",
        "Exit.by_leaver([[4, 2], [1, 3]])",
        "Exit.by_leaver([[4, 2], [1, 3]], who=['Ann'], players=['Ann', 'Bob'])",
    ],
)
def test_what_a_prompt_shows_can_be_pasted(code):
    def slope(x):
        return -np.ones_like(x)

    slope.__qualname__ = "slope"
    names = {name: getattr(b, name) for name in ("TransferableSurplus", "Frontier", "Exit")}
    assert repr(eval(code, names | {"Fraction": Fraction, "negative": np.negative, "slope": slope})) == code


def test_a_repeated_game_shows_patience_and_exit():
    leave = Exit({"Ann": 5, "Bob": 3}, who=["Bob"])
    game = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], players=["Ann", "Bob"])
    stage = "<Game of 2 x 2 actions between Ann and Bob>"
    assert repr(RepeatedGame(game, Fraction(1, 2))) == f"<RepeatedGame, stage {stage}, discounts 1/2>"
    several = RepeatedGame(game, [[0.5, 0.4], [0.6, 0.4]], exit=leave)
    assert repr(several) == (
        f"<RepeatedGame, stage {stage}, discounts [[0.5, 0.4], [0.6, 0.4]], batch (2,), exit {leave!r}>"
    )


def test_one_is_not_several():
    one = StochasticGame.from_repeated(RepeatedGame(DILEMMA, 0.5))
    assert repr(one) == "<StochasticGame, 1 state, 2 players, 4 profiles>"
    alone = payoff_set(RepeatedGame(DILEMMA, 0.5)).strategy([3, 3])
    assert repr(alone) == "<Automaton of 1 state, payoffs (3, 3)>"
    assert repr(payoff_set(one)["0"].strategy([3, 3])) == "<StochasticAutomaton of 1 node, payoffs (3, 3)>"


PIE = Problem(TransferableSurplus(1.0), [0.0, 0.2])
NAMES = sorted(results())


@pytest.mark.parametrize("name", NAMES)
def test_results_can_be_compared(name):
    made, other = object_of(name), copy.copy(object_of(name))
    assert made == made
    assert isinstance(made == other, bool)
    assert made != name


@pytest.mark.parametrize("name", NAMES)
def test_every_result_is_a_line_at_a_prompt_and_a_table_in_a_notebook(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    made = object_of(name)
    assert type(made).__name__ == name or name == "TwoSidedCertificate"
    line = repr(made)
    if name != "Table":  # Which prints as what it is.
        assert "\n" not in line
        assert len(line) <= 200
        assert name in line or name in ("Frontier", "TwoSidedCertificate")
    cells = Cells(made._repr_html_())
    assert len(cells.rows) >= 2
    assert len({len(row) for row in cells.rows}) == 1
    assert cells.tags <= PLAIN | ({"style", "div"} if name == "Table" else set())


PLAIN = {"table", "caption", "thead", "tbody", "tr", "th", "td", "p"}


def test_a_bimatrix_marks_best_replies():
    game = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=[["<work>", "shirk"], ["left", "right"]])
    cells = Cells(game._repr_html_())
    assert cells.rows == [
        ["", "left", "right"],
        ["<work>", "(9, 9)", "(1, 10*)"],
        ["shirk", "(10*, 1)", "(3*, 3*)"],
    ]
    large = Game(*np.random.default_rng(1).uniform(size=(2, 40, 30)))
    assert len(Cells(large._repr_html_()).rows) == 11
    assert "100 of 1200 profiles" in large._repr_html_()
    three = Cells(Game(*np.arange(24.0).reshape(3, 2, 2, 2))._repr_html_())
    assert three.rows[0] == ["player 0", "player 1", "player 2", "payoffs"]
    assert len(three.rows) == 9


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.333333"),
        (np.float64(1e-12), "1e-12"),
        (Fraction(1, 3), "1/3"),
        (Fraction(1, 10**30 + 1), "1e-30"),
        (Status.EMPTY, "EMPTY"),
        (np.eye(2), "[[1, 0], [0, 1]]"),
        (np.array([True, False]), "[True, False]"),
        (np.zeros((5, 5)), "<array of shape (5, 5)>"),
        (np.array(2.0), "2"),
        (None, "None"),
        ((1.0, "a"), "(1, 'a')"),
        ({"a": [1, 2]}, "{'a': [1, 2]}"),
        (list(range(100)), "<100 entries>"),
        (["x" * 50] * 3, "<3 entries>"),
        ("line\nbreak " * 20, "'line\\nbreak line\\nbreak line\\nbreak line\\nbreak line\\nbr..."),
        (np.sqrt, "sqrt"),
        (nash, "nash"),
        (PIE, "<Problem>"),
        (pd.DataFrame(np.zeros((3, 2))), "<DataFrame 3 x 2>"),
        (xr.Dataset({"a": ("x", [1, 2])}), "<Dataset x: 2>"),
        (xr.DataArray([1, 2], dims="x"), "<DataArray x: 2>"),
    ],
)
def test_any_value_in_a_few_words(value, text):
    assert brief(value) == text


def test_classes_of_the_models_are_shown_alike():
    modules = [
        import_module(found.name)
        for found in walk_packages(bargaining_models.__path__, "bargaining_models.")
        if not any(part in found.name for part in ("._", "__main__", ".paper."))
    ]
    bare = [
        f"{module.__name__}.{name}"
        for module in modules
        for name, item in vars(module).items()
        if isclass(item) and is_dataclass(item) and item.__module__ == module.__name__
        if name[0] != "_" and not issubclass(item, Shown)
    ]
    assert bare == [], "Derive these from Shown."


def test_a_model_prints_as_one_line():
    line = repr(Baseline.from_parameters())
    assert line.startswith("Baseline(")
    assert len(line) <= 200
    assert Cells(Baseline.from_parameters()._repr_html_()).rows[0] == ["", "value"]


@pytest.mark.parametrize("name", NAMES)
def test_results_with_a_status_say_whether_they_are_ok_and_raise_if_not(name):
    made = object_of(name)
    if not hasattr(made, "status"):
        return
    assert isinstance(made, Result), "Derive a class with a status from `Result` of bargaining/_rich.py."
    if np.all(made.ok):
        assert made.raise_if_failed() is made
    else:
        with pytest.raises(Unsolved, match=r"EMPTY|INACCURATE|FAILED|MULTIPLE|UNBOUNDED"):
            made.raise_if_failed()


def test_a_status_prints_its_name():
    assert str(Status.OK) == f"{Status.OK}" == "OK"
