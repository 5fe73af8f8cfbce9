"""Figures draw what games and stored tables say, every curve of it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from bargaining_models.paper import bands, figures
from bargaining_models.paper.pivot_game import PivotGameStudy
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import stored
from bargaining_models.paper.timing import PivotStudy
from bargaining_models.us_canada.baseline import CANADA_TARIFFS, US_TARIFFS, canada_capacity


def quick(study: Study, levels: Sequence[float]) -> Study:
    """Return a study of three tariffs and few levels, whose sets take no time."""
    game = PivotGameStudy(study)
    short: dict[str, Any] = {"home_tariffs": CANADA_TARIFFS[::2], "partner_tariffs": US_TARIFFS[::2]}
    for name, listed in (("capacity", levels), ("capped", [0.0, 0.15])):
        game.__dict__[name] = canada_capacity(study.baseline, levels=listed, capped=name == "capped", **short)
    made = Study()
    made.made[PivotGameStudy] = game
    return made


def test_every_path_and_every_state_is_drawn(study: Study) -> None:
    paths = len(study.once(PivotStudy).paths)
    for name, where, count in (("F2", study, paths), ("F4", quick(study, [0.0, 0.1, 0.2, 0.3]), 5)):
        for ax in figures.FIGURES[name](where).axes:
            lines = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 1]
            assert len(lines) == count
            assert ax.get_xlabel()
            for line in lines:
                assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all()


def test_sets_are_drawn_as_they_are(study: Study) -> None:
    small = Study()
    small.__dict__["tariff_games"] = {0.15: study.tariff_games[0.15]}
    for ax, leave in zip(figures.payoff_sets(small).axes, (False, True), strict=True):
        found = study.tariff_games[0.15].payoff_set(figures.PATIENCE, leave=leave)
        boundary, threat = ax.lines
        np.testing.assert_array_equal(boundary.get_xydata(), [*found.vertices, found.vertices[0]])
        np.testing.assert_array_equal(threat.get_xydata(), [found.threat])


def test_bands_are_drawn_as_they_are_stored(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "_try_again", lambda parameters: None)
    drawn = figures.leverage(study)
    rows = [row for row in stored("T0").records() if row["route"] == "open" and row["lost_r"]]
    middles = [bar.lines[0].get_ydata() for ax in drawn.axes for bar in ax.containers]
    assert len(middles) == len(rows)
    for row, middle in zip(rows, middles, strict=True):
        expected = [row[name][1] for name in ("lost_r", "lost_0.1", "lost_0.15")]
        np.testing.assert_allclose(middle, expected, rtol=1e-9)
