"""The tables, figures and claims of the pivot game: they agree with the repeated game and with each other."""

from typing import Any

import numpy as np
import pytest

from bargaining import Table
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.pivot_game import waits
from bargaining_models.paper.pivot_game_claims import strategic_verdicts
from bargaining_models.paper.pivot_game_study import PATIENCE, PATIENT, PivotGameStudy
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES
from bargaining_models.us_canada.capacity import CANADA_TARIFFS, US_TARIFFS, Capacity
from bargaining_models.us_canada.pivot_game import PivotGame
from bargaining_models.us_canada.pivot_terms import builds_to


@pytest.fixture(scope="module")
def study() -> Study:
    return Study()


@pytest.fixture(scope="module")
def table(study: Study) -> Table:
    return TABLES["T10"](study)


def records(table: Table) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_notes_say_data_timing_and_accuracy(table: Table) -> None:
    notes = " ".join(table.notes)
    for words in ("2023", "uniform5", "Timing", "residual", "Version", "assumption", "there may be others"):
        assert words in notes
    residual = next(note for note in table.notes if note.startswith("Largest residual"))
    assert float(residual.split(": ")[1].rstrip(".")) < 1e-8


def test_joint_payoffs_are_the_same_whoever_may_leave(table: Table) -> None:
    # No agreement of these ends with the border closed, and none is kept from its best by a lack of punishment.
    for row in records(table):
        assert row["stay_Canada"] + row["stay_US"] == pytest.approx(
            row["leave_Canada"] + row["leave_US"], abs=1e-9
        )
        assert row["right"] == pytest.approx(row["leave_Canada"] - row["stay_Canada"], abs=1e-9)


def test_with_no_alternative_patience_changes_nothing(table: Table) -> None:
    rows = [row for row in records(table) if row["alternative"] == "none"]
    assert len(rows) == len(PATIENCE)
    for name in ("stay_transfer", "leave_transfer"):
        assert np.ptp([row[name] for row in rows]) < 1e-9
    assert {row["war"] for row in rows} == {None}


def test_the_more_certain_and_the_faster_the_alternative_the_smaller_the_transfer(table: Table) -> None:
    for discount in PATIENCE:
        rows = {
            row["alternative"]: row["stay_transfer"] for row in records(table) if row["discount"] == discount
        }
        assert rows["none"] >= rows["revocable, blocked"] >= rows["revocable"] >= rows["lasting"]
        assert rows["revocable"] > rows["revocable, fast"]
        assert rows["lasting"] > rows["lasting, fast"]


def test_with_one_plan_of_building_waiting_costs_what_it_costs_without_an_alternative(table: Table) -> None:
    # If Canada builds alike in the war, under agreement and when anybody is punished, the plan drops out of the terms.
    rows = {row["alternative"]: row for row in records(table) if row["discount"] == PATIENT}
    for name in ("lasting", "revocable", "revocable, fast"):
        for country in ("Canada", "US"):
            assert rows[name][f"wait_{country}"] == pytest.approx(rows["none"][f"wait_{country}"], abs=1e-9)


def test_nobody_waits(study: Study, table: Table) -> None:
    assert all(waits(study, name, d) == [] for d in PATIENCE for name in study.pivot_game.games)
    assert "agree at once in every row" in " ".join(table.notes)


def test_claims_follow_the_figures(study: Study) -> None:
    credible, early, leaving, escalation = strategic_verdicts(study)
    game = study.pivot_game
    reached = [builds_to(game.games[name], game.war(name, PATIENT)) for name in ("lasting", "revocable")]
    assert credible.verdict.startswith("holds for a market that stays open") == (
        reached[0] >= 0.1 > reached[1]
    )
    assert early.verdict.startswith("holds for both")
    assert leaving.verdict.startswith("holds for a Canada with no alternative")
    assert "never carried out" in escalation.verdict
    for claim in (credible, early, leaving, escalation):
        assert any(character.isdigit() for character in claim.figures)
        assert claim.assumption


def test_the_tolerated_rate_of_closure_is_where_building_stops(study: Study) -> None:
    rate = study.pivot_game.tolerated_closure
    for closure, does in ((rate, True), (rate + 2e-3, False)):
        pivot = study.pivot_game.revocable(closure=closure)
        assert (builds_to(pivot, pivot.markov(PATIENT)[0]) >= 0.1) == does


def quick(study: Study) -> PivotGameStudy:
    """Return a study of three tariffs and few levels, whose sets take no time."""
    game = PivotGameStudy(study.baseline)
    short = {"canada_tariffs": CANADA_TARIFFS[::2], "us_tariffs": US_TARIFFS[::2]}
    for name, levels in (("capacity", [0.0, 0.1, 0.2, 0.3]), ("coarse", [0.0, 0.15])):
        game.__dict__[name] = Capacity.solve(study.baseline, levels=levels, **short)  # type: ignore[arg-type]
    return game


@pytest.mark.parametrize("name", ["F4", "F5"])
def test_figures_draw_every_state_and_path(study: Study, name: str) -> None:
    small = Study()
    small.__dict__["pivot_game"] = quick(study)
    for ax in FIGURES[name](small).axes:
        lines = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 1]
        assert len(lines) == (5 if name == "F4" else 8)
        assert ax.get_xlabel()
        for line in lines:
            assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all()


def test_the_table_of_sets_lists_every_alternative(study: Study) -> None:
    small = Study()
    small.__dict__["pivot_game"] = quick(study)
    rows = records(TABLES["T10-sets"](small))
    assert [row["alternative"] for row in rows] == [*small.pivot_game.coarse_games] * len(PATIENCE)
    for row in rows:
        for case in ("stay", "leave"):
            for country in ("Canada", "US"):
                low, high = row[f"{case}_{country}"]
                assert low <= row[f"{case}_nash_{country}"] <= high
        assert row["leave_Canada"][0] < row["stay_Canada"][0]
    assert isinstance(small.pivot_game.coarse_games["none"], PivotGame)
