"""Games of other libraries and files: the same payoffs, names and exact numbers on our side."""

import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import nashpy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import Game, InvalidInput

A, B = [[9, 1], [10, 3]], [[9, 10], [1, 3]]
PAYOFFS = """
NFG 1 R "Selten (IJGT, 75), Figure 2, normal form"
{ "Player 1" "Player 2" } { 3 2 }

1 1 0 2 0 2 1 1 0 3 2 0
"""
OUTCOMES = """
NFG 1 R "Selten (IJGT, 75), Figure 2, normal form" { "Player 1" "Player 2" }
{ { "L" "M" "R" }
  { "a" "b" } }
"a comment"
{ { "" 1, 1 }
  { "all \\"or\\" none" 0, 2 }
  { "" 0 3 }
  { "" 2, 0 } }
1 2 2 1 3 4
"""
SELTEN = [[[1, 1], [1, 1]], [[0, 2], [0, 3]], [[0, 2], [2, 0]]]
"""Rows are the first player's actions, whose index moves fastest in the file."""


@pytest.mark.parametrize("text", [PAYOFFS, OUTCOMES])
def test_both_forms_of_gambit_s_files_are_read(text, tmp_path):
    game = Game.from_nfg(text)
    assert game.payoffs.tolist() == SELTEN
    assert game.player_names == ("Player 1", "Player 2")
    path = tmp_path / "selten.nfg"
    path.write_text(text, encoding="utf-8")
    assert Game.from_nfg(path).payoffs.tolist() == Game.from_nfg(str(path)).payoffs.tolist() == SELTEN


def test_names_of_actions_are_kept_and_numbers_start_at_one():
    assert Game.from_nfg(OUTCOMES).actions == (("L", "M", "R"), ("a", "b"))
    assert Game.from_nfg(PAYOFFS).actions == (("1", "2", "3"), ("1", "2"))


def test_an_outcome_of_nothing_pays_nothing():
    text = 'NFG 1 R "" { "a" "b" } { 2 1 } "" { { "" 5, 7 } } 0 1'
    assert Game.from_nfg(text).payoffs.tolist() == [[[0, 0]], [[5, 7]]]


def test_fractions_and_decimals_are_exact():
    game = Game.from_nfg('NFG 1 D "x" { "a" "b" } { 1 2 } 1/3 .5 0.1 -2e-1')
    assert game.exact[0, 0].tolist() == [Fraction(1, 3), Fraction(1, 2)]
    assert game.exact[0, 1].tolist() == [Fraction(1, 10), Fraction(-1, 5)]
    assert not Game.from_nfg(PAYOFFS).has_fractions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NFG 2 R", "must have '1', and has '2'"),
        ("NFG", "ends too early"),
        ("NFG 1 X", 'must begin like NFG 1 R "title"'),
        ("NFG 1 R title", "must have title in quotes, and has 'title'"),
        ('NFG 1 R "t', "must have title in quotes"),
        ('NFG 1 R "t" { }', "at least one player"),
        ('NFG 1 R "t" { "a" "b" } { 2 }', "actions for each of 2 players, and has 1"),
        ('NFG 1 R "t" { "a" "b" } { 2 0 }', "actions for each of 2 players"),
        ('NFG 1 R "t" { "a" "b" } { 2 x }', "must have a whole number, and has 'x'"),
        ('NFG 1 R "t" { "a" "b" } { 99999 99999 }', "at most 4000000 payoffs"),
        ('NFG 1 R "t" { "a" } { 999999999 }', "at most 4000000 payoffs"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1', "ends too early"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1 two', "must have a number, and has 'two'"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1 1/0', "must not divide by zero"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1 1e999', "fit in a float"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1 1e9999999', "must have a number"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } 1 2 3', "goes on after the last payoff with '3'"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } { { "" 1 2 } } 2', "outcomes 0 to 1, and names 2"),
        ('NFG 1 R "t" { "a" "b" } { 1 1 } { { "" 1 } } 1', "must have a number, and has '}'"),
    ],
)
def test_what_is_no_game_is_said(text, message):
    with pytest.raises(InvalidInput, match=message):
        Game.from_nfg(text)


def test_what_is_no_file_is_said():
    with pytest.raises(InvalidInput, match=r"`source` must be the text of a \.nfg file, or one that exists"):
        Game.from_nfg("nowhere.nfg")
    with pytest.raises(InvalidInput, match="`title` must be a string"):
        Game(A, B).to_nfg(title=3)


def test_a_file_that_cannot_be_written_is_named_and_the_cure_works(tmp_path):
    wanted = tmp_path / "deep" / "game.nfg"
    with pytest.raises(
        InvalidInput, match=r"`path` must lie in a folder that exists; .*Make it first: (.*)\.$"
    ) as found:
        Game(A, B).to_nfg(wanted)
    folder = re.search(r"pathlib\.Path\('(.*)'\)\.mkdir\(parents=True\)", str(found.value))
    Path(folder[1]).mkdir(parents=True)
    Game(A, B).to_nfg(wanted)
    assert Game.from_nfg(wanted).payoffs.tolist() == Game(A, B).payoffs.tolist()
    with pytest.raises(InvalidInput, match=r"`path` must be where a file can be written; .*: Is a directory"):
        Game(A, B).to_nfg(wanted.parent)


numbers = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e9, 1e9), st.fractions(-9, 9, max_denominator=99)
)


@given(data=st.data(), shape=st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_a_game_comes_back_as_it_went(data, shape):
    tables = []
    for _ in shape:
        table = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            table[at] = data.draw(numbers)
        tables.append(table)
    names = [data.draw(st.lists(st.text(min_size=1), min_size=n, max_size=n, unique=True)) for n in shape]
    game = Game(*tables, actions=names, players=[f'"{k}\\' for k in range(len(shape))])
    again = Game.from_nfg(game.to_nfg(title='a "title" \\'))
    assert again.payoffs.tolist() == game.payoffs.tolist()
    assert (again.actions, again.player_names) == (game.actions, game.player_names)
    for given_number, read in zip(game.exact.flat, again.exact.flat, strict=True):
        assert read == given_number or float(read) == float(given_number)


def test_a_game_of_nashpy_is_read():
    assert Game.of(nashpy.Game(np.array(A), np.array(B))).payoffs.tolist() == Game(A, B).payoffs.tolist()
    zero_sum = Game.of(nashpy.Game(np.array([[1, -1], [-1, 1]])))
    assert (zero_sum.payoffs.sum(axis=-1) == 0).all()
    with pytest.raises(InvalidInput, match=r"got a Game. Convert it: Game.of\(game\)"):
        Game(nashpy.Game(np.array(A), np.array(B)))


def quantecon_game():
    return SimpleNamespace(payoff_profile_array=np.stack([np.array(A), np.array(B)], axis=-1))


def gambit_game():
    def player(label, *strategies):
        return SimpleNamespace(label=label, strategies=[SimpleNamespace(label=each) for each in strategies])

    tables = [np.array([[Fraction(x) for x in row] for row in table]) for table in (A, B)]
    players = [player("Ann", "work", "shirk"), player("Bob", "work", "shirk")]
    return SimpleNamespace(players=players, to_arrays=lambda: tables)


@pytest.mark.parametrize("make", [quantecon_game, gambit_game])
def test_games_of_other_libraries_are_read_by_their_attributes(make):
    assert Game.of(make()).payoffs.tolist() == Game(A, B).payoffs.tolist()


def test_labels_come_along_where_they_differ():
    game = Game.of(gambit_game())
    assert (game.player_names, game.actions[0]) == (("Ann", "Bob"), ("work", "shirk"))
    unnamed = gambit_game()
    for each in unnamed.players:
        each.label = ""
    assert Game.of(unnamed).player_names == ("0", "1")
    assert Game.of(game) is game
    with pytest.raises(InvalidInput, match=r"Game.from_nfg\(text\)"):
        Game.of(A)


def test_players_without_names_have_none_after_a_file_either():
    again = Game.from_nfg(Game(A, B).to_nfg())
    assert again.player_names == Game(A, B).player_names == ("0", "1")
    assert Game.from_nfg(Game(A, B, players=["Ann", "Bob"]).to_nfg()).player_names == ("Ann", "Bob")
