"""Whether tables still come out as they were stored. That says nothing of whether they are right."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from bargaining import Column, InvalidInput, Table
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, changes, store, stored, stored_names

QUICK = [
    "headline",
    "T1",
    "T1-money",
    "T1-r",
    "T2",
    "T2-capped",
    "T2-closed",
    "T7",
    "T7-answers",
    "T8",
    "T8-delay",
    "T9",
    "T10-sensitivity",
    "T11",
    "T12",
    "T13",
    "T13-pairs",
]


def sample(value: float = 0.123456, **more: object) -> Table:
    rows = [["Nash", 0.1, value, 7, (0.25, math.inf), Fraction(1, 7)], ["=x", 0.2, None, 8, None, True]]
    columns = [
        "method",
        "r",
        Column("share", unit="%", group="g", digits=3),
        "n",
        "range",
        Column("e", group="h"),
    ]
    return Table(rows, columns=columns, caption="δ", notes={"Data": "2023"}, **more)


def test_every_table_is_stored() -> None:
    assert set(stored_names()) == set(TABLES), "run `bargaining reproduce NAME --update`"


@pytest.mark.parametrize("name", QUICK)
def test_tables_come_out_as_they_were_stored(study: Study, name: str) -> None:
    assert changes(TABLES[name](study), stored(name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(TABLES) - set(QUICK)))
def test_slow_tables_come_out_as_they_were_stored(study: Study, name: str) -> None:
    assert changes(TABLES[name](study), stored(name)) == []


@pytest.mark.parametrize("name", stored_names())
def test_notes_say_where_the_numbers_come_from(name: str) -> None:
    notes = dict(note.split(": ", 1) for note in stored(name).notes)
    for word in ("2023", "Version"):
        assert word in str(notes)
    if name.startswith("T0") or name == "T13-bands":
        assert "draws" in str(notes)
    else:
        assert "uniform5" in notes["Elasticities"]
        assert float(notes["Largest residual"].rstrip(".")) < 1e-8
    if name in ("T7", "T7-answers", "T8", "T8-delay", "T10", "T11"):
        assert "Timing" in notes


def test_a_table_is_stored_to_the_last_bit(tmp_path: Path) -> None:
    table = sample(0.1 + 0.2, label="tab:x", missing="never")
    path = store(table, "T", folder=tmp_path)
    back = stored("T", folder=tmp_path)
    for field in ("rows", "columns", "caption", "label", "notes", "digits", "missing"):
        assert getattr(back, field) == getattr(table, field)
    assert [type(cell) for cell in back.rows[0]] == [type(cell) for cell in table.rows[0]]
    assert store(back, "T", folder=tmp_path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("value", [math.inf, -math.inf, 5e-324, 1.7976931348623157e308, -0.0])
def test_extreme_floats_survive(tmp_path: Path, value: float) -> None:
    store(sample(value), "T", folder=tmp_path)
    assert repr(stored("T", folder=tmp_path).rows[0][2]) == repr(value)


def test_a_changed_digit_is_named() -> None:
    (change,) = changes(sample(0.1242), sample())
    assert change == "row 1 | method Nash | r 0.1 | g: share (%): stored 0.123, now 0.124"


def test_noise_across_a_point_of_rounding_is_no_change() -> None:
    below, above = 0.1235 - 1e-13, 0.1235 + 1e-13
    assert str(sample(below)) != str(sample(above))
    assert changes(sample(above), sample(below)) == []


@pytest.mark.parametrize(
    ("fresh", "where"),
    [
        (replace(sample(), caption="another"), ["caption"]),
        (
            replace(sample(), rows=[sample().rows[0], (*sample().rows[1][:2], 9, *sample().rows[1][3:])]),
            ["row 2 | method =x | r 0.2 | g: share (%)"],
        ),
        (replace(sample(), columns=[*sample().columns[:-1], Column("E", group="h")]), ["column 6"]),
        (
            replace(sample(), rows=[row[:-1] for row in sample().rows], columns=sample().columns[:-1]),
            ["column 6"],
        ),
        (sample(None), ["row 1 | method Nash | r 0.1 | g: share (%)"]),
    ],
    ids=["caption", "rows", "heading", "columns", "missing"],
)
def test_what_else_may_change(fresh: Table, where: list[str]) -> None:
    assert [change.partition(": stored ")[0] for change in changes(fresh, sample())] == where


def test_of_notes_versions_and_residuals_are_not_compared() -> None:
    same = ["Data: 2023.", "Version: 9.", "Largest residual: 1e-12."]
    assert changes(replace(sample(), notes=same), sample()) == []
    (change,) = changes(replace(sample(), notes=["Data: 2024."]), sample())
    assert change == "note 1: stored Data: 2023., now Data: 2024."


@pytest.mark.parametrize("name", ["T99", "../T1", ""])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="`name` must be"):
        stored(name)
