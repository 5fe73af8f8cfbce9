"""The tables and figures of timing: what they say of themselves, and that figures draw all paths."""

import numpy as np
import pytest

from bargaining.tables.table import Table
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES
from bargaining_models.paper.timing import PivotStudy

NAMES = ("T7", "T7-answers", "T8", "T8-delay", "T9")


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, Table]:
    return {name: TABLES[name](study) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_notes_say_protocol_data_and_accuracy(tables: dict[str, Table], name: str) -> None:
    notes = " ".join(tables[name].notes)
    for words in ("2023", "uniform5", "residual", "Version", "Route", "Discount rate"):
        assert words in notes
    assert "Timing" in notes or "Leverage" in notes


def test_every_answer_is_accurate(tables: dict[str, Table]) -> None:
    for table in tables.values():
        residual = next(note for note in table.notes if note.startswith("Largest residual"))
        assert float(residual.split(": ")[1].rstrip(".")) < 1e-8


def test_the_figure_draws_every_path(study: Study) -> None:
    for ax in FIGURES["F2"](study).axes:
        assert len(ax.lines) == len(study.once(PivotStudy).paths)
        assert ax.get_xlabel()
        for line in ax.lines:
            assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all()
