"""Of dear tables and figures one row or curve, computed anew: it is the stored one, and figures draw what games say."""

from typing import Any

import numpy as np
import pytest

from bargaining_models.paper import bands, divisions, figures
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, rows, stored


def same(fresh: list[dict[str, Any]], name: str, **where: float | str) -> None:
    """The rows of the stored table that have these values are those found, to what a table prints and more."""
    kept = [row for row in stored(name).records() if all(row[key] == value for key, value in where.items())]
    assert len(fresh) == len(kept) > 0
    for row, other in zip(fresh, kept, strict=True):
        assert row == pytest.approx({key: other[key] for key in row}, rel=1e-7, abs=1e-7, nan_ok=True)


@pytest.fixture(scope="module")
def small(study: Study) -> Study:
    """The study with a single game, that at r = .15."""
    made = Study()
    made.__dict__.update(baseline=study.baseline, uncapped=study.uncapped)
    made.__dict__["tariff_games"] = {0.15: study.tariff_games[0.15]}
    return made


@pytest.mark.slow  # the page on the tariff war asks for the same thresholds by default
def test_patience_that_free_trade_needs(small: Study) -> None:
    same(rows(small, "T5"), "T5", tariffs="2023", r=0.15)


def test_what_enforces_itself(small: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divisions, "DISCOUNTS", (0.9,))
    same(TABLES["T6"](small).records(), "T6", r=0.15, discount=0.9)


def test_sets_are_drawn_as_they_are(small: Study) -> None:
    game = small.tariff_games[0.15]
    for ax, leave in zip(figures.payoff_sets(small).axes, (False, True), strict=True):
        found = game.payoff_set(figures.PATIENCE, leave=leave)
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
        np.testing.assert_allclose(
            middle, [row[name][1] for name in ("lost_r", "lost_0.1", "lost_0.15")], rtol=1e-9
        )
