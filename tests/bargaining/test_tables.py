"""Tables: the same cells in every format, and LaTeX that a real LaTeX accepts."""

import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bargaining import sweep
from bargaining._digits import significant
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.tables.table import Column, Table, compare

HOSTILE = r"5% & $x_1$ #1 \input{/etc/passwd} ~ ^ {a} <b>|*c*` δ ≥ ∞ – “Limão” ½ → −1"


def headline() -> Table:
    """The split of a pie when an option is worth 0.7 r to one side."""
    r = np.array([0.0, 0.1, 0.15, 0.2, 0.3])
    rows = {
        "Nash, equal weights": 0.5 + 0.35 * r,
        "breakdown hazard .5": 0.5 + 0.35 * r / 1.1,
        "outside option": np.full(5, 0.5),
    }
    frame = pd.DataFrame(rows, index=r).T.rename_axis("protocol").rename_axis("r", axis=1)
    return Table(frame, caption="The split against r", label="tab:split", notes={"Residual": 2e-16})


def hostile() -> Table:
    cells = [
        [HOSTILE, 1e-12, None, 1, Fraction(1, 7), (0.3, 0.7), True],
        ["[b]", -12345.678, 0.5, 20, Fraction(2), (0.0, 1.0), False],
        ["*", math.inf, math.nan, 300, "=1+1", (1e-9, 1.0), "none"],
    ]
    columns = [
        Column("a_b", title=HOSTILE, group=HOSTILE),
        Column("tiny", unit="bn US$ & 5%", group=HOSTILE, digits=3),
        Column("threshold", group="G"),
        Column("count", unit=HOSTILE),
        Column("exact"),
        Column("range", group="H"),
        Column("flag", group="H"),
    ]
    return Table(cells, columns=columns, caption=HOSTILE, label="tab:a.b-c_d", notes=[HOSTILE, "[x]"])


def plain_texts() -> Table:
    return Table([["a"], ["[0.3"], [""]], columns=["word"])


def swept() -> Table:
    return Table(dataset())


def dataset(failed: bool = False) -> xr.Dataset:
    payoffs = np.array([[[0.5, 0.5], [0.6, 0.4], [1 / 3, 2 / 3]]] * 2)
    status = np.zeros((2, 3), np.int8)
    if failed:
        status[1, 2] = Status.FAILED
        payoffs[1, 2] = math.nan
    return xr.Dataset(
        {
            "payoffs": (("d", "r", "player"), payoffs, {"units": "share"}),
            "status": (("d", "r"), status),
            "residual": (("d", "r"), np.full((2, 3), 3e-16)),
        },
        coords={"r": ("r", [0.0, 0.1, 0.15], {"units": "1"}), "d": [0.5, 0.9], "player": ["Canada", "US"]},
        attrs={"method": "nash", "version": "bargaining 0.1.0", "other": 3},
    )


TABLES = [headline, hostile, plain_texts, swept]


@pytest.mark.parametrize("exponent", range(-14, 15))
@pytest.mark.parametrize("digits", [1, 4, 17])
def test_a_written_number_is_within_half_a_unit_of_its_last_digit(exponent, digits):
    value = math.pi * 10.0**exponent
    assert abs(float(significant(value, digits)) / value - 1) <= 0.5 * 10.0 ** (1 - digits) + 2e-16


def test_a_grid_of_parameters_is_not_padded():
    table = Table({"r": r, "share": s, "n": 10**20} for r, s in [(0.1 + 0.2, 0.5), (0.1, 1 / 3)])
    assert str(table).split()[6:] == ["0.3", "0.5000", "1" + "0" * 20, "0.1", "0.3333", "1" + "0" * 20]


def test_what_does_not_exist_prints_as_none_in_every_format():
    table = Table([{"d": 0.5}, {"d": None}, {"d": math.nan}, {}])
    assert [row[0] for row in table.rows] == [0.5, None, None, None]
    assert str(table).split() == ["d", "----", "0.5", "none", "none", "none"]
    assert table.to_latex().count("{none}") == table.to_html().count("none</td>") == 3
    assert table.to_markdown().count("| none |") == 3
    assert table.to_csv() == 'd\n0.5\n""\n""\n""\n'
    assert "never" in str(replace(table, missing="never"))


def test_csv_has_full_precision_and_units():
    value = 0.1 + 0.2
    table = Table(
        [[value, "=1+1", Fraction(1, 7)]], columns=[Column("x", unit="bn US$", group="g"), "t", "f"]
    )
    head, row = csv.reader(io.StringIO(table.to_csv()))
    assert head == ["g: x (bn US$)", "t", "f"]
    assert float(row[0]) == value
    assert row[1:] == ["'=1+1", "1/7"]


def test_a_frame_gives_its_index_and_its_column_name_as_group():
    table = headline()
    assert [c.heading for c in table.columns] == ["protocol", "0", "0.1", "0.15", "0.2", "0.3"]
    assert {c.group for c in table.columns[1:]} == {"r"}
    assert table.rows[0][1:] == tuple(0.5 + 0.35 * r for r in (0.0, 0.1, 0.15, 0.2, 0.3))


def test_frame_with_two_levels_of_columns():
    frame = pd.DataFrame([[1, 2.5]], columns=pd.MultiIndex.from_tuples([("US", "war"), ("Canada", "war")]))
    assert [(c.group, c.heading) for c in Table(frame).columns] == [("US", "war"), ("Canada", "war")]


def test_a_dataset_gives_rows_units_and_notes():
    table = swept()
    assert [c.name for c in table.columns] == ["d", "r", "payoffs Canada", "payoffs US"]
    assert [c.unit for c in table.columns] == ["", "", "share", "share"]
    assert table.columns[2] == Column("payoffs Canada", title="Canada", unit="share", group="payoffs")
    assert table.rows[4] == (0.9, 0.1, 0.6, 0.4)
    assert table.notes == ("Method: nash.", "Largest residual: 3.00e-16.", "Version: bargaining 0.1.0.")


def test_a_failed_cell_shows_its_status():
    table = Table(dataset(failed=True))
    assert table.columns[-1].name == "status"
    assert table.rows[-1] == (0.9, 0.15, None, None, "FAILED")
    assert table.rows[0][-1] == "OK"
    both = {"x": (("r", "k"), [[1.0, 2.0], [np.nan, np.nan]]), "status": ("r", [0, 5])}
    rows = Table(xr.Dataset(both)).rows
    assert rows == ((0, 0, 1.0, "OK"), (0, 1, 2.0, "OK"), (1, 0, None, "FAILED"), (1, 1, None, "FAILED"))


def test_an_axis_that_not_all_variables_have_goes_across():
    data = xr.Dataset(
        {"set": (("r", "side"), [[1.0, 2.0], [3.0, 4.0]]), "size": ("r", [5.0, 6.0])},
        coords={"r": [0, 1], "side": ["low", "high"]},
    )
    table = Table(data)
    assert [c.heading for c in table.columns] == ["r", "low", "high", "size"]
    assert table.rows == ((0, 1.0, 2.0, 5.0), (1, 3.0, 4.0, 6.0))


def test_arrays_and_series():
    grid = xr.DataArray([[1.0, 2.0]], dims=("p", "r"), coords={"p": ["a"], "r": [0.5, 1.0]}, name="x")
    assert Table(grid).rows == (("a", 1.0, 2.0),)
    assert Table(grid[0]).rows == ((0.5, 1.0), (1.0, 2.0))
    assert Table(pd.Series([1.0], name="x")).columns[0].name == "x"
    assert Table(np.eye(2)).rows == ((1.0, 0.0), (0.0, 1.0))
    assert Table([[np.array(0.5), np.ma.masked]]).rows == ((0.5, None),)
    levels = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", None])
    assert Table(pd.DataFrame({"x": [1.0, 2.0]}, index=levels)).rows == (("a", 1.0), ("b", 2.0))


def test_columns_select_order_and_rename():
    table = Table([{"a": 1, "b": 2}], columns=["b", Column("a", title="A")])
    assert table.rows == ((2, 1),)
    assert [c.heading for c in table.columns] == ["b", "A"]
    assert replace(table, caption="again").rows == table.rows


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Table("abc"), "`rows` must be a list"),
        (lambda: Table([]), "`rows` must have at least one column"),
        (lambda: Table([[1, 2], [3]]), "row 1 is"),
        (lambda: Table([[1j]]), "`rows` must hold numbers.*row 0, column '0'"),
        (lambda: Table([[np.arange(4)]]), "`rows` must hold numbers"),
        (lambda: Table([{"a": 1}], columns=["b"]), "`columns` must be among a; got 'b'"),
        (lambda: Table([[1, 2]], columns=["b", "b"]), "`columns` must have different names; got 'b' twice"),
        (lambda: Table([[1]], digits=0), "`digits` must be a whole number, at least 1 and at most 17; got 0"),
        (lambda: Table([[1]], label="a}b"), "`label` must be letters"),
        (lambda: Table([[1]], notes="text"), "`notes` must be a mapping"),
        (lambda: Table([["a\x00b"]]), "`rows` must be printable text"),
        (lambda: Column("a", digits=True), "`digits`"),
        (lambda: Table([[1]]).save(".", "../a"), "`name` must be a plain file name"),
        (lambda: Table([[1]]).save(".", "a", endings=["exe"]), "`endings` must be among tex, md, csv, html"),
        (lambda: Table(xr.Dataset({"status": ("r", [0])})), "`rows` must be a Dataset with at least one"),
        (
            lambda: Table(xr.Dataset({"x": ("r", [1.0]), "status": ("r", [99])})),
            "`rows` must have a `status` as in `Status`; got 99",
        ),
        (
            lambda: Table(
                xr.Dataset({"x": ("r", [1.0]), "y": (("r", "s"), [[1.0]]), "status": (("r", "s"), [[5]])})
            ),
            "`rows` must have a `status` for each row; it differs along s",
        ),
        (
            lambda: Table(xr.DataArray(np.ones((1, 1, 1)))),
            "`rows` must have one or two axes as a DataArray; got 3",
        ),
        (lambda: Table(xr.DataArray(1.0)), "`rows` must have one or two axes as a DataArray; got 0"),
        (
            lambda: Table(pd.DataFrame({"a": [1]}, index=pd.Index([1], name="a"))),
            "`rows` must call its index unlike its columns; got 'a' for both",
        ),
        (
            lambda: Table([["中"]]).to_latex(),
            "`rows`, headings and notes must have characters that LaTeX can set; got '中'",
        ),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


def test_two_runs_give_the_same_bytes(tmp_path):
    """In a fresh process too, with another hash seed."""
    first = [path for make in TABLES for path in save(make, tmp_path / "a")]
    code = (
        f"import sys; from pathlib import Path; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
        f"import test_tables as t\nfor make in t.TABLES: t.save(make, Path({str(tmp_path / 'b')!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    for path in first:
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def save(make, folder):
    return make().save(folder, make.__name__, endings=("tex", "md", "csv", "html"))


def test_saving_leaves_nothing_beside_the_files(tmp_path):
    paths = headline().save(tmp_path, "split")
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert [path.suffix for path in paths] == [".tex", ".md", ".csv"]
    assert headline().save(tmp_path, "split") == paths


def test_hostile_text_becomes_neither_markup_nor_command():
    table = hostile()
    assert r"\input{" not in table.to_latex()
    assert "<b>" not in table.to_html()
    assert "&lt;b&gt;" in table.to_html()
    rows = [line for line in table.to_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {8}


def test_latex_groups_and_number_columns():
    text = headline().to_latex()
    assert r"\multicolumn{5}{c}{r}" in text
    assert r"\cmidrule(lr){2-6}" in text
    assert r"lS[table-format=1.4]S[table-format=1.4]" in text
    assert r"\label{tab:split}" in text


@pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no pdflatex; install texlive-latex-base, texlive-latex-extra and texlive-science",
)
def test_a_real_latex_accepts_every_table(tmp_path):
    packages = (
        r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,siunitx,threeparttable,longtable,lscape}"
    )
    tables = "\n".join(make().to_latex() for make in TABLES)
    text = rf"\documentclass{{article}}{packages}\begin{{document}}{tables}\end{{document}}"
    (tmp_path / "t.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "LaTeX Error" not in done.stdout
    assert (tmp_path / "t.pdf").read_bytes().startswith(b"%PDF")


def test_a_notebook_shows_what_latex_cannot_set():
    assert Table([["中"]])._repr_latex_() is None
    assert "中" in Table([["中"]])._repr_html_()


def test_without_the_extra_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pylatexenc.latexencode", None)
    with pytest.raises(ImportError, match=r"pylatexenc.latexencode is not installed; run `pip install .*`"):
        headline().to_latex()
    assert headline()._repr_latex_() is None
    assert headline()._repr_html_().startswith("<table")
    assert "The split against r" in str(headline())


@dataclass(frozen=True)
class Offers:
    """A protocol with a range of equilibria for player 0 and one for player 1."""

    def __call__(self, problem):
        return answer([0.4, 0.25])

    def equilibria(self, problem):
        return np.array([[0.3, 0.7], [0.25, 0.25]])


def answer(payoffs, status=Status.OK, residual=2e-16):
    return SimpleNamespace(payoffs=np.array(payoffs), status=status, residual=residual)


def test_compare_shows_methods_side_by_side():
    def half(problem):
        return answer([0.5, 0.5], residual=1e-15)

    def refuses(problem):
        raise NotApplicable("`problem` must have three players; got 2.")

    def empty(problem):
        return answer([math.nan, math.nan], Status.EMPTY, math.nan)

    table = compare([half, Offers(), refuses, empty], SimpleNamespace(batch_shape=()))
    assert table.rows == (
        ("half", 0.5, 0.5),
        ("Offers", (0.3, 0.7), 0.25),
        ("refuses", None, None),
        ("empty", None, None),
    )
    assert table.notes[0] == "refuses: `problem` must have three players; got 2."
    assert table.notes[1] == f"empty: empty. {Status.EMPTY.advice}"
    assert table.notes[2] == "Largest residual: 1.00e-15."
    assert compare({"Half": half}, None).rows[0][0] == "Half"


def test_compare_refuses_a_batch_and_no_methods():
    with pytest.raises(
        InvalidInput, match=r"`problem` must be a single problem; got a batch of shape \(3,\)"
    ):
        compare([answer], SimpleNamespace(batch_shape=(3,)))
    with pytest.raises(InvalidInput, match="`methods` must hold at least one"):
        compare({}, None)


def test_compare_says_what_a_method_must_return():
    with pytest.raises(InvalidInput, match=r"must return a Division; mine returned array.*Return Division\("):
        compare({"mine": lambda problem: np.array([0.5, 0.5])}, SimpleNamespace(batch_shape=()))


def test_text_is_folded_to_a_width():
    """Every cell of a table that is folded is there, once, and no line is wider than asked for."""
    columns = [Column("name"), *(Column(f"c{k}", title=f"{k}", group="a long heading") for k in range(30))]
    rows = [[f"row {i} of some words", *(100 * i + k + 0.5 for k in range(30))] for i in range(3)]
    table = Table(rows, columns=columns, notes=["a note of many words that goes on and on and on beyond it"])
    lines = table.to_text(60).split("\n")
    assert max(map(len, lines)) <= 60
    words = " ".join(lines).split()
    assert all(words.count(f"{100 * i + k + 0.5:.1f}") == 1 for i in range(3) for k in range(30))
    assert table.to_text() == str(table)
    with pytest.raises(InvalidInput, match="`width`"):
        table.to_text(3)


def test_json_has_every_cell():
    table = Table(
        [[Fraction(1, 3), None, (0.5, 1.5), "a"]], columns=["w", "x", "y", "z"], caption="T", notes=["n"]
    )
    found = json.loads(table.to_json())
    assert found["rows"] == [[{"fraction": "1/3"}, None, [0.5, 1.5], "a"]]
    assert [column["name"] for column in found["columns"]] == ["w", "x", "y", "z"]
    assert (found["caption"], found["notes"]) == ("T", ["n."])


def test_json_has_no_infinities_which_it_does_not_know():
    table = Table([[-math.inf, (0.0, math.inf), math.nan]], columns=["x", "y", "z"])
    found = json.loads(table.to_json(), parse_constant=pytest.fail)
    assert found["rows"] == [[{"number": "-inf"}, [0.0, {"number": "inf"}], None]]


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.125, 2, "0.12"),
        (0.375, 2, "0.38"),
        (2.5, 1, "2"),
        (3.5, 1, "4"),
        (-0.625, 2, "-0.62"),
        (12345.5, 4, "12346"),
        (12344.5, 4, "12344"),
        (0.35, 1, "0.3"),  # the float is below, no half
        (9.5, 1, "10"),
    ],
)
def test_exact_halves_go_to_the_even_digit(value, digits, text):
    """Against Decimal, which holds every float and int exactly."""
    assert significant(value, digits) == text
    exact = Decimal(value)
    last = exact.adjusted() - digits + 1
    unit = Decimal(1).scaleb(last if abs(value) >= 1e7 else min(last, 0))  # whole parts are written in full
    assert Decimal(text) == exact.quantize(unit, rounding=ROUND_HALF_EVEN)


@pytest.mark.parametrize("sign", "=+-@＝＋－＠﹢﹦﹫")
def test_no_text_becomes_a_formula_in_a_spreadsheet(sign):
    """Some spreadsheets read signs of full width as plain ones."""
    lines = Table([{sign + "head": sign + "SUM(A1)"}]).to_csv().splitlines()
    assert lines == [f"'{sign}head", f"'{sign}SUM(A1)"]


def test_a_note_cannot_define_a_link():
    """`[here]: address` would vanish from the page and turn other brackets into links."""
    notes = ["[here]: https://example.org", "See [here][there]."]
    text = Table([{"[a]: x": "[b]: y"}], caption="[c]: z", notes=notes).to_markdown()
    assert not re.search(r"(?<!\\)\]:", text)
    assert r"[here\]: https://example.org" in text


def test_no_text_becomes_an_entity_or_a_list() -> None:
    table = Table(
        [{"a": "&copy; AT&T"}], notes=["- one", "+ two", "3. three", "4) four", "5.6 is a number", "-7 too"]
    )
    assert table.to_markdown().splitlines()[2:] == [
        r"| \&copy; AT&T |",
        "",
        r"\- one.  ",
        r"\+ two.  ",
        r"3\. three.  ",
        r"4\) four.  ",
        "5.6 is a number.  ",
        "-7 too.  ",
    ]


def test_a_number_with_its_band() -> None:
    """Three numbers print as the middle one with the ends in brackets, and come back from JSON as they were."""
    table = Table(
        [{"paid": (3.126, 5.7, 11.04)}, {"paid": (0.1, 0.25)}, {"paid": (1.0, 2.0, np.inf)}], digits=2
    )
    text = table.to_text()
    assert "5.7 [3.1, 11]" in text
    assert "[0.1, 0.25]" in text
    assert "2.0 [1.0, ∞]" in text or "2 [1, ∞]" in text
    assert table.to_csv().splitlines()[1:3] == ["3.126,5.7,11.04", "0.1,,0.25"]
    assert table.rows[0] == ((3.126, 5.7, 11.04),)
    with pytest.raises(InvalidInput, match="two or three of them together"):
        Table([{"paid": (1, 2, 3, 4)}])


def test_a_note_of_ones_own_replaces_that_of_the_dataset():
    data = sweep(lambda r: r, {"r": [0.0, 1.0]}, float)
    notes = Table(data, notes={"method": "Nash", "Data": "2024"}).notes
    assert notes[:2] == ("method: Nash.", "Data: 2024.")
    assert sum(note.casefold().startswith("method") for note in notes) == 1


def test_bands_are_columns_of_numbers_in_csv():
    rows = [{"r": 0.1, "t": (1.0, 2.0, 4.0), "i": (0.0, 1.0)}, {"r": 0.2, "t": 3.0, "i": None}]
    head, *body = csv.reader(io.StringIO(Table(rows, columns=["r", Column("t", unit="bn"), "i"]).to_csv()))
    assert head == ["r", "t (bn) low", "t (bn)", "t (bn) high", "i low", "i high"]
    assert body == [["0.1", "1.0", "2.0", "4.0", "0.0", "1.0"], ["0.2", "3.0", "3.0", "3.0", "", ""]]
