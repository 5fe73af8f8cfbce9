"""The verdicts on the claims: each quantifier is counted again from the stored tables, and one cell can undo it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

import plain_tables
from bargaining_models.paper import claims
from bargaining_models.paper.reproduce import REFERENCE, stored
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES

Records = dict[str, list[dict[str, Any]]]
READ = (
    "T2",
    "T2-capped",
    "T2-closed",
    "T3",
    "T6",
    "T7",
    "T7-answers",
    "T8",
    "T10",
    "T10-patience",
    "T10-sensitivity",
    "T11",
)


def raw(name: str) -> list[dict[str, Any]]:
    """The rows of a stored table, read without the library."""
    found = json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))
    names = [column["name"] for column in found["columns"]]
    return [dict(zip(names, row, strict=True)) for row in found["rows"]]


@pytest.fixture
def tables() -> Records:
    return {name: raw(name) for name in READ}


@pytest.fixture(scope="module")
def said() -> dict[str, str]:
    return {row["claim"]: row["verdict"] for row in raw("T4")}


def percent(least: float, largest: float) -> str:
    low, high = f"{least:.0%}", f"{largest:.0%}"
    return low if low == high else f"{low} to {high}"


def test_no_row_is_longer_than_a_reader_takes_in() -> None:
    for row in raw("T4"):
        assert len(" ".join(row.values()).split()) <= 40
        assert "holds" in row["verdict"] or "fails" in row["verdict"]
    figures = raw("T4-figures")
    assert [row["claim"] for row in figures] == [row["claim"] for row in raw("T4")]
    for row in figures:
        named = {part.strip() for part in row["tables"].replace(";", ",").replace(":", ",").split(",")}
        assert named & ({*TABLES} | {"figures", "figures of T1's model"})


def test_erosion_is_counted_over_all_divisions(tables: Records, said: dict[str, str]) -> None:
    parts, still = [], 0
    for name in ("T2", "T2-capped", "T2-closed"):
        for reading in {row["reading"] for row in tables[name]}:
            at = {row["r"]: row["transfer"] for row in tables[name] if row["reading"] == reading}
            lost = [(at[0.0] - at[r]) / at[0.0] for r in (0.1, 0.15)]
            parts += lost if min(lost) > 1e-9 else []
            still += min(lost) <= 1e-9
    moved = len(parts) // 2
    verdict = said["If Canada can redirect 10-15% of key exports, US leverage erodes"]
    assert f"holds in {moved} of {moved + still} divisions, by {percent(min(parts), max(parts))}" in verdict


def test_what_is_priced_in_is_counted_over_protocols_and_routes(
    tables: Records, said: dict[str, str]
) -> None:
    hour, early = [], []
    still = 0
    for row in tables["T7"]:
        for route in ("open", "closed"):
            (bare,) = (
                other[f"{route}_today"]
                for other in tables["T7"]
                if other["path"] == "none" and other["reading"] == row["reading"]
            )
            if row[f"{route}_today"] is None:
                assert row[f"{route}_agree"] == "never"
                continue
            fall = bare - row[f"{route}_open"]
            now = bare - row[f"{route}_today"]
            if "steadily" in row["path"] and abs(fall) > 1e-9:
                hour.append(now / fall)
            elif " in " in row["path"] and abs(fall) > 1e-9:
                early.append(now / fall)
            elif " in " in row["path"]:
                still += 1
    assert percent(min(hour), max(hour)) in said["US leverage erodes by the hour"]
    waits = [row[f"{route}_wait_0"] for row in tables["T7"] for route in ("open", "closed")]
    assert all(wait is None or wait < 0 for wait in waits)
    assert "costs Canada on every path" in said["US leverage erodes by the hour"]
    verdict = said["A viable alternative under construction already counts"]
    assert f"in {len(early)} of {len(early) + still} cases, {percent(min(early), max(early))}" in verdict


def test_bluff_envoy_and_decoupling_are_counted_over_all_cases(tables: Records, said: dict[str, str]) -> None:
    called = [row["threshold"] for row in tables["T8"] if row["threshold"] > 0.3]
    verdict = said["They called our bluff"]
    assert (
        f"in {len(called)} of {len(tables['T8'])} cases, where {percent(min(called), max(called))}" in verdict
    )
    ratios = [row["ratio"] for row in tables["T8"]]
    assert f"less than {min(ratios):.2f} to {max(ratios):.2f}" in said["The envoy makes it credible"]
    for row in tables["T7-answers"]:
        rush = [r for r in tables["T7-answers"] if (r["route"], r["hazard"]) == (row["route"], row["hazard"])]
        assert max(rush, key=lambda r: float(r["us"]))["answer"] == "rush"
    assert said["The US may answer by decoupling"].startswith("fails in all 4 cases")


def test_the_pivot_game_is_read_over_all_patience(tables: Records, said: dict[str, str]) -> None:
    patience = tables["T10-patience"]
    bare = next(row["stay_transfer"] for row in tables["T10"] if row["alternative"] == "none")
    parts = [
        (row["revocable_transfer"] - row["lasting_transfer"]) / (bare - row["lasting_transfer"])
        for row in patience
    ]
    talks = {(row["path"], row["reading"]): row for row in tables["T7"]}
    chain = "15% at rate 0.2 a year"
    for (path, reading), row in talks.items():
        for route in ("open_today", "closed_today"):
            if path == chain and abs(talks["none", reading][route] - row[route]) > 1e-9:
                never, risky = (
                    talks["none", reading][route],
                    talks[f"{chain}, revocable by China", reading][route],
                )
                parts.append((risky - row[route]) / (never - row[route]))
    assert f"takes {percent(min(parts), max(parts))} of" in said["China's market is itself political"]
    first = {}
    for name in ("lasting", "lasting, capped", "revocable", "revocable, capped"):
        short = [row["discount"] for row in patience if row[f"{name}_war"] < 10]
        first[name] = min(row["discount"] for row in patience if row["discount"] > max(short))
    credible = said["Canada can credibly redirect 10-15% of its exports"]
    assert f"from a patience of {first['lasting']:g} a year" in credible
    ends = dict.fromkeys(f"{first[name]:g}" for name in ("revocable, capped", "revocable"))
    assert f"{' to '.join(ends)} if China" in credible
    won = {}
    for d in (0.6, 0.9, 0.95):
        at = {row["alternative"]: row["stay_transfer"] for row in tables["T10"] if row["discount"] == d}
        won[d] = (at["revocable, blocked"] - at["revocable"]) / (at["none"] - at["revocable"])
    assert (
        ", ".join(f"{x:.0%}" for x in won.values())
        in said["The US may answer by escalation that holds Canada back"]
    )


def test_waiting_and_leaving_are_counted_over_all_rows(tables: Records, said: dict[str, str]) -> None:
    urgent = rows = holds = 0
    for row in tables["T10"]:
        (bare,) = (
            r for r in tables["T10"] if r["alternative"] == "none" and r["discount"] == row["discount"]
        )
        rows += row["alternative"] != "none"
        urgent += row["wait_US"] < bare["wait_US"] - 1e-9
        holds += row["leave_Canada"] > row["stay_Canada"]
        assert row["alone_Canada"] == pytest.approx(row["stay_transfer"], abs=1e-9)
        assert row["alone_US"] == pytest.approx(row["stay_transfer"], abs=1e-9)
    assert f"in only {urgent} of {rows} cases" in said["The US must settle before the alternative is built"]
    leave = said["The right to walk away is leverage while the alternative is built"]
    assert leave.startswith("fails if only one may leave")
    assert f"in {holds} of {len(tables['T10'])} cases" in leave
    for row in tables["T6"]:
        assert row["alone_Canada"] == pytest.approx(row["stay_transfer"], abs=1e-9)


def test_china_is_counted_over_all_readings_and_shares(tables: Records, said: dict[str, str]) -> None:
    paid, pays, parts = set(), set(), []
    for row in tables["T11"]:
        if row["r"] > 0:
            parts.append(row["part"])
            (paid if row["China"] > 0 else pays if row["China"] < 0 else set()).add(row["reading"])
    verdict = said["China's market is itself political: China has to be paid to open it"]
    assert f"holds in {len(paid - pays)} of {len(paid | pays)} readings, up to {max(parts):.0f}%" in verdict
    assert f"fails in {len(pays - paid)}; {len(pays & paid)} depends" in verdict
    for r in (0.05, 0.1, 0.15, 0.2, 0.3):
        first, later = (
            next(row for row in tables["T11"] if (row["reading"], row["r"]) == (reading, r))
            for reading in ("China first", "US first")
        )
        assert first["CAN"] < later["CAN"]
    assert said["Canada should sign with China first"].startswith("fails at every r")


def test_dependence_is_counted_from_the_figures(said: dict[str, str]) -> None:
    flows = plain_tables.column(plain_tables.DATA, "trade_flows.csv", ["exporter", "sector", "importer"])
    us, canada = plain_tables.USA, plain_tables.CAN
    sold, bought = (np.delete(one, canada, axis=-1) for one in (flows[canada], flows[:, :, canada].T))
    goods, all_of = sold[: plain_tables.GOODS], sold
    ways = np.stack([goods.sum(axis=0), bought[: plain_tables.GOODS].sum(axis=0)])
    parts = [
        goods.sum(axis=0)[us] / goods.sum(),
        ways[:, us].sum() / ways.sum(),
        all_of.sum(axis=0)[us] / all_of.sum(),
    ]
    words = ["holds" if part > 0.7 else "fails" for part in parts]
    assert said["Over 70% of Canada's trade goes to the US"] == (
        f"{words[0]} for exports of goods; {words[1]} for goods both ways; {words[2]} for exports of goods and services"
    )


def test_leaving_and_the_threat_are_those_of_a_plain_program(said: dict[str, str]) -> None:
    """Under all elasticities, at every r of the grid for the threat; against the stored thresholds."""
    rows = {row["question"]: [x for key, x in row.items() if key != "question"] for row in raw("T3")}
    assert set(rows["leaving beats the Nash division for Canada"]) == {None}
    assert said["The same, if the alternative is the right to leave for good"].startswith(
        "fails: the option binds at no r"
    )
    assert set(rows["leaving beats the tariff war for Canada"]) == {None}
    listed = plain_tables.rows_of(plain_tables.DATA / "elasticities.csv", set="cp")
    lost = []
    for theta in (5.0, 4.0, np.array([float(row["value"]) for row in listed])):
        world = plain_tables.World(plain_tables.DATA, theta=theta)
        income = world.model.income[plain_tables.CAN] / 100
        shares = np.linspace(0, 1, 21)
        lost += [(world.of("agreement", r)[0] - world.of("exit", r)[0]) / income for r in shares]
        if np.ndim(theta) == 0 and theta == 5.0:
            blow = []
            for r in np.linspace(0, 1, 21):
                tariff = world.free.copy()
                tariff[plain_tables.USA, plain_tables.CAN, : plain_tables.GOODS] += 1.0
                blow.append(world.money(tariff, world.cost(r))[0] - world.of("agreement", r)[0])
    verdict = said["Leaving the US market would be economic suicide"]
    assert verdict.startswith(
        "holds in that leaving is worse than the war at every r and under all elasticities"
    )
    assert f"cost {min(lost):.1f} to {max(lost):.1f}% of income" in verdict
    softer = [1 - one / blow[0] for one in (blow[3], blow[6])]
    verdict = said["For every threat there is a viable alternative: 100% on all goods"]
    assert max(blow) < 0
    assert verdict.startswith("holds in part")
    assert (
        f"{percent(min(softer), max(softer))} softer at r = 0.15 to 0.30, {1 - max(blow) / blow[0]:.0%} at most"
        in verdict
    )


CELLS: dict[str, tuple[Callable[[claims.Rows], claims.Claim], str, dict[str, Any], str, float, str]] = {
    "one division without effect": (
        claims.erosion,
        "T2",
        {"reading": "Nash", "r": 0.1},
        "transfer",
        8.1,
        "holds in 14 of 17",
    ),
    "one wait that pays": (
        claims.by_the_hour,
        "T7",
        {"path": "projects", "reading": "Nash"},
        "closed_wait_0",
        0.1,
        "pays Canada on some",
    ),
    "one step that costs both the same": (
        claims.envoy,
        "T8",
        {"route": "closed", "war": 3.0, "claim": 0.3},
        "ratio",
        1.2,
        "holds: in some case",
    ),
    "one better answer": (
        claims.decoupling,
        "T7-answers",
        {"route": "closed", "hazard": 0.05, "answer": "replace while talking"},
        "us",
        9.0,
        "holds in some cases: the US does best to replace while talking or rush",
    ),
    "one right to leave of one": (
        claims.right_to_leave,
        "T10",
        {"discount": 0.9, "alternative": "revocable"},
        "alone_US",
        7.0,
        "holds even if only one may leave",
    ),
    "one side that gains by waiting": (
        claims.early,
        "T10",
        {"discount": 0.6, "alternative": "lasting"},
        "wait_Canada",
        0.1,
        "not everybody loses",
    ),
    "one r at which China first pays": (
        claims.china_first,
        "T11",
        {"reading": "China first", "r": 0.05},
        "CAN",
        9.0,
        "depends on r",
    ),
}


@pytest.mark.parametrize("case", CELLS)
def test_one_cell_undoes_a_verdict(tables: Records, case: str) -> None:
    judge, name, where, column, value, expected = CELLS[case]
    planted = copy.deepcopy(tables)
    (row,) = (row for row in planted[name] if all(row[key] == want for key, want in where.items()))
    before = judge(cast("Study", None), tables.__getitem__).verdict
    assert row[column] != value
    row[column] = value
    after = judge(cast("Study", None), planted.__getitem__).verdict
    assert expected in after
    assert expected not in before


@pytest.mark.parametrize("sets", [Study.sets[:1], pytest.param(Study.sets, marks=pytest.mark.slow)])
def test_the_stored_verdicts_follow_from_the_stored_tables(
    study: Study, tables: Records, sets: tuple[str, ...]
) -> None:
    some = copy.copy(study)  # with what it has computed
    some.sets = sets
    found = claims.verdicts(some, tables.__getitem__)
    off = set()
    for claim, said, known in zip(found, raw("T4"), raw("T4-figures"), strict=True):
        assert (claim.claim, claim.assumption) == (said["claim"], said["assumption"])
        assert claim.verdict.split("; cost")[0] == str(said["verdict"]).split("; cost")[0]
        row = claim.as_row()
        if (claim.verdict, row["figures"], row["tables"]) != (
            said["verdict"],
            known["figures"],
            known["tables"],
        ):
            off.add(claim.claim)
    assert len(off) <= 2 * (len(sets) == 1)  # under one set of elasticities two ranges are narrower


def test_the_war_is_judged_at_both_dates(study: Study, said: dict[str, str]) -> None:
    now = study.baseline_with(study.elasticities, claims.LATEST)
    lost = study.baseline.war().percent[1] - study.baseline.payoffs().percent[1]
    gained = now.war().percent[1] - now.payoffs().percent[1]
    assert lost < 0 < gained
    verdict = said["US pressure assumed dependence: a tariff war hurts only Canada"]
    assert verdict.startswith("fails at the tariffs of 2023")
    assert "holds at r = 0 at those of August 2026" in verdict
    assert cast("float", gained) == pytest.approx(0.0154, abs=5e-4)
    # At larger r the US loses: from where the stored thresholds of that date say.
    loses = next(row["uniform5_False"] for row in raw("T3-2026") if "loses" in row["question"])
    for r, sign in ((loses - 0.01, 1), (loses + 0.01, -1), (1.0, -1)):
        assert sign * (now.war(r=r).percent[1] - now.payoffs(r=r).percent[1]) > 0
    figures = next(row for row in stored("T4-figures").records() if "pressure" in row["claim"])
    assert f"from r = {loses:.2f};" in f"{figures['figures']};"
    assert "sentence stands" in figures["chance"]
    assert "2026" not in figures["chance"].partition("the sentence stands")[2]  # it names both dates
