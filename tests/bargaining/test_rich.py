"""What a notebook shows of a result: its numbers, whatever its size and status, and no markup from outside."""

from html.parser import HTMLParser

import numpy as np
import pytest

from bargaining import (
    Division,
    Exit,
    Game,
    Problem,
    RepeatedGame,
    Status,
    StochasticBargaining,
    TransferableSurplus,
    nash,
    payoff_set,
)

DILEMMA = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
PENNIES = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])


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

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1].append(data)


def test_a_division_shows_payoffs_disagreement_and_gains():
    text = nash(Problem(TransferableSurplus(1.0), [0.0, 0.2]))._repr_html_()
    assert Cells(text).rows == [
        ["player", "payoff", "disagreement", "gain"],
        ["0", "0.4", "0", "0.4"],
        ["1", "0.6", "0.2", "0.4"],
    ]
    assert "<p>OK; residual" in text


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
