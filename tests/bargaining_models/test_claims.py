"""The claims: events are counted again from the stored tables, one cell can turn a case, and the draws are stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bargaining_models.paper import claims
from bargaining_models.paper.bands import FOLDER, read_rows
from bargaining_models.paper.study import LATEST, Study
from bargaining_models.paper.tables import REFERENCE, TABLES, rows, stored
from bargaining_models.parameters import load

Records = dict[str, list[dict[str, Any]]]
READ = (
    "T2",
    "T2-capped",
    "T2-closed",
    "T7",
    "T7-answers",
    "T8",
    "T9",
    "T10",
    "T10-patience",
    "T11",
    "headline",
)


def raw(name: str) -> list[dict[str, Any]]:
    """The rows of a stored table at the tariffs of 2023, read without the library."""
    found = json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
    names = [column["name"] for column in found["columns"]]
    read = [dict(zip(names, row, strict=True)) for row in found["rows"]]
    return [row for row in read if row.get("tariffs", "2023") == "2023"]


@pytest.fixture
def tables() -> Records:
    return {name: raw(name) for name in READ}


@pytest.fixture(scope="module")
def counted() -> dict[str, dict[str, Any]]:
    return {row["claim"]: row for row in raw("T4-figures")}


def of(row: dict[str, Any]) -> tuple[int, int]:
    holds, _, count = row["2023_holds"].partition(" of ")
    return int(holds), int(count)


def test_verdicts_are_short_and_say_no_number_that_is_counted() -> None:
    for claim in claims.CLAIMS:
        assert len(f"{claim.claim} {claim.verdict} {claim.assumption}".split()) <= 60
        assert "old" in claim.verdict or "ail" in claim.verdict or "ut of reach" in claim.verdict
        assert not {word for word in claim.verdict.split() if word[:1].isdigit()} - {"2023:", "2026,", "25"}
        assert set(claim.tables.replace(";", ",").replace(":", ",").split(", ")) & (
            {*TABLES} | {"figures", "figures of T1's model"}
        )
    assert len({claim.claim for claim in claims.CLAIMS}) == len(claims.CLAIMS) == len(raw("T4"))


def test_events_are_counted_over_all_rows(tables: Records, counted: dict[str, dict[str, Any]]) -> None:
    """Each by a line of its own."""
    erosion = []
    for name in ("T2", "T2-capped", "T2-closed"):
        for reading in {row["reading"] for row in tables[name]}:
            at = {row["r"]: row["transfer"] or 0.0 for row in tables[name] if row["reading"] == reading}
            erosion.append((at[0.0] - at[0.1]) / at[0.0] > 1e-9)
    assert of(counted["If Canada can redirect 10-15% of key exports, US leverage erodes"]) == (
        sum(erosion),
        len(erosion),
    )
    literal = [
        min(row["0"] - (row[f"diverted_{r}"] or 0.0) for r in ("0.1", "0.15")) / row["0"]
        for row in tables["headline"]
    ]
    found = counted["The same, read literally: 10-15% of what is sold to the US goes elsewhere"]
    assert of(found) == (sum(part > 0.5 for part in literal), len(literal))
    called = [row["threshold"] > 0.3 for row in tables["T8"]]
    assert of(counted["They called our bluff"]) == (sum(called), len(called))
    assert of(counted["The envoy makes it credible"]) == (0, len(called))
    bare = {row["discount"]: row["wait_US"] for row in tables["T10"] if row["alternative"] == "none"}
    urgent = [
        row["wait_US"] < bare[row["discount"]] - 1e-9 for row in tables["T10"] if row["alternative"] != "none"
    ]
    assert of(counted["The US must settle before the alternative is built"]) == (sum(urgent), len(urgent))
    right = [row["right"] > 1e-9 for row in tables["T10"]]
    leave = counted["The right to walk away is leverage while the alternative is built"]
    assert of(leave) == (sum(right), 2 * len(right))
    for row in tables["T10"]:  # alone it changes nothing
        assert row["alone_Canada"] == pytest.approx(row["stay_transfer"], abs=1e-9)
    builds = [
        row[f"{name}_war"] >= 10
        for row in tables["T10-patience"]
        for name in ("lasting", "revocable", "lasting, capped", "revocable, capped")
    ]
    assert of(counted["Canada can credibly redirect 10-15% of its exports"]) == (sum(builds), len(builds))
    paid = {}
    for row in tables["T11"]:
        paid.setdefault(row["reading"], []).append((row["r"], row["China"]))
    signs = [china > 0 for some in paid.values() if any(c for _, c in some) for r, china in some if r > 0]
    found = counted["China's market is itself political: China has to be paid to open it"]
    assert of(found) == (sum(signs), len(signs))
    (transfer,) = (row["transfer"] for row in tables["T2"] if (row["reading"], row["r"]) == ("Nash", 0.0))
    parts = [row["nash_leverage"] / transfer for row in tables["T9"] if row["project"] in claims.OBJECTIVES]
    found = counted["The approvals, gas terminals and mineral terms build the alternative"]
    assert found["2023_size"] == pytest.approx([100 * min(parts), 100 * max(parts)])
    assert max(parts) < 0.02  # about a hundredth


CELLS: dict[str, tuple[Callable[..., Any], str, dict[str, Any], str, float]] = {
    "a division without effect": (claims.erosion, "T2", {"reading": "Nash", "r": 0.1}, "transfer", 8.1),
    "a step that costs both the same": (
        claims.envoy, "T8", {"route": "closed", "war": 3.0, "claim": 0.3}, "ratio", 1.2,
    ),
    "a better answer": (
        claims.decoupling, "T7-answers", {"route": "closed", "breakdown": 0.05, "answer": "replace first"}, "us", 9.0,
    ),
    "a right to leave of one": (
        claims.right_to_leave, "T10", {"discount": 0.9, "alternative": "revocable"}, "alone_Canada", 1.0,
    ),
    "an r at which China first pays": (claims.china_first, "T11", {"reading": "China first", "r": 0.05}, "CAN", 9.0),
    "a project that counts": (
        claims.objectives, "T9", {"project": "Cedar LNG", "route": "open"}, "nash_leverage", 1.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CELLS)
def test_one_cell_turns_one_case(study: Study, tables: Records, case: str) -> None:
    event, name, where, column, value = CELLS[case]
    planted = copy.deepcopy(tables)
    (row,) = (row for row in planted[name] if all(row[key] == want for key, want in where.items()))
    row[column] = value
    before, after = (
        [bool(holds) for holds, _ in event(study, lambda _, table, some=some: some[table])]
        for some in (tables, planted)
    )
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_the_stored_counts_follow_from_the_tables(
    study: Study, tables: Records, counted: dict[str, dict[str, Any]]
) -> None:
    some = copy.copy(study)
    some.sets = Study.sets[:1]  # under all three, what compares elasticities has three times the cases
    for claim in claims.CLAIMS:
        if claim.cases not in (claims.pressure, claims.suicide, claims.leaving_for_good):
            holds, count, size = claim.counted(some, lambda _, name: tables[name])
            assert (holds, count) == of(counted[claim.claim])
            assert size == pytest.approx(counted[claim.claim]["2023_size"], abs=1e-9)


def test_the_us_gains_from_the_war_of_august_2026_while_r_is_small(study: Study) -> None:
    later = copy.copy(study.latest)
    later.sets = Study.sets[:1]
    gains = [size for _, size in claims.pressure(later, rows)]
    assert gains[0] == pytest.approx(0.0154, abs=1e-4)
    assert (np.diff(np.sign(gains)) != 0).sum() == 1
    assert all(size < 0 for _, size in claims.pressure(copy.copy(study), rows))


def test_worlds_are_drawn_independently_in_each_structure(tmp_path: Path) -> None:
    """Two structures shared one random stream before; what is stored has counts and their sampling error."""
    cheap = tuple(claim for claim in claims.CLAIMS if claim.cases in (claims.suicide, claims.threat))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "CLAIMS", cheap)
        names = ("WIOD 2011", "WIOD 2011, no links")
        found = {name: claims.draw_claims(load(), "2023", name, rows, 2) for name in names}
        claims.store_counts({"2023": found}, tmp_path)
        stored_rows = read_rows(tmp_path / claims.COUNTS)
    first, second = (one["input_elasticities"].values for one in found.values())
    assert not np.isclose(first, second).any()
    assert [row["claim"] for row in stored_rows] == [claim.claim for claim in cheap]
    for k, row in enumerate(stored_rows):
        share = np.concatenate([one["holds"].values[:, k] / one["of"].values[:, k] for one in found.values()])
        assert float(row["share"]) == pytest.approx(share.mean())
        assert float(row["error"]) == pytest.approx(share.std(ddof=1) / 2.0, abs=1e-6)
        assert row["draws"] == "4"


def test_counts_in_drawn_worlds_are_stored_for_both_dates() -> None:
    found = read_rows(FOLDER / claims.COUNTS)
    assert {row["environment"] for row in found} == {"2023", LATEST}
    for date in ("2023", LATEST):
        assert {row["claim"] for row in found if row["environment"] == date} == {
            c.claim for c in claims.CLAIMS
        }
    for row in found:
        assert 0 <= float(row["low"]) <= float(row["median"]) <= float(row["high"]) <= float(row["of"])
    shares = [float(row["share"]) for row in found]
    assert any(0.05 < share < 0.95 for share in shares)
    assert "± " in stored("T4-figures").to_csv()
