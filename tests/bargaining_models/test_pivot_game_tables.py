"""The tables, figures and claims of the pivot game: they agree with the repeated game and with each other."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from bargaining_models.negotiation.pivot_game import settles
from bargaining_models.paper.figures import FIGURES
from bargaining_models.paper.pivot_game import PATIENCE, PivotGameStudy
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import MAKERS, TABLES, changes, stored
from bargaining_models.us_canada.baseline import CANADA_TARIFFS, US_TARIFFS, canada_capacity


@pytest.fixture(scope="module")
def patience(study: Study) -> list[dict[str, Any]]:
    return TABLES["T10-patience"](study).records()


def test_terms_of_2023_come_out_as_stored(study: Study) -> None:
    fresh, kept = study.once(MAKERS["T10"]), stored("T10")
    rows = [row[1:] for row in kept.rows if row[0] == "2023"]
    assert changes(fresh, replace(kept, rows=rows, columns=kept.columns[1:], notes=fresh.notes)) == []


def test_nobody_waits(study: Study) -> None:
    own = study.once(PivotGameStudy)
    for discount, name in product(PATIENCE, own.games):
        agreed = own.terms(name, discount, leave=False).payoffs
        for player in (0, 1):
            assert settles(own.war(name, discount), agreed, discount, player=player)[0]


def test_the_war_is_the_only_markov_equilibrium(study: Study) -> None:
    assert all(
        game.dominance(discount) > 0.0
        for discount, game in product(PATIENCE, study.once(PivotGameStudy).games.values())
    )


# What the results hang on


def test_canada_builds_a_step_if_income_covers_the_charge(
    study: Study, patience: list[dict[str, Any]]
) -> None:
    # delta B >= (1 - delta) K, step by step: each step of a lasting, uncapped alternative pays less than the one before
    capacity = study.once(PivotGameStudy).capacity
    gains = {
        "war": np.diff(capacity.flows[:-1, 3, 3, 0]),
        "deal": np.diff(capacity.flows[:-1, 0, 0].sum(axis=-1)),
    }
    for row in patience:
        discount = row["discount"]
        for column, gain in gains.items():
            pays = discount * gain >= (1 - discount) * capacity.capital
            assert row[f"lasting_{column}"] == 5 * int(np.append(pays, False).argmin())


# Figures, and what can be enforced without transfers


def quick(study: Study, levels: Sequence[float]) -> Study:
    """Return a study of three tariffs and few levels, whose sets take no time."""
    game = PivotGameStudy(study)
    short: dict[str, Any] = {"home_tariffs": CANADA_TARIFFS[::2], "partner_tariffs": US_TARIFFS[::2]}
    for name, listed in (("capacity", levels), ("capped", [0.0, 0.15])):
        game.__dict__[name] = canada_capacity(study.baseline, levels=listed, capped=name == "capped", **short)
    made = Study()
    made.made[PivotGameStudy] = game
    return made


@pytest.fixture(scope="module")
def small(study: Study) -> Study:
    return quick(study, [0.0, 0.1, 0.2, 0.3])


def test_the_figure_draws_every_state(small: Study) -> None:
    for ax in FIGURES["F4"](small).axes:
        lines = [line for line in ax.lines if len(np.asarray(line.get_xdata())) > 1]
        assert len(lines) == 5
        assert ax.get_xlabel()
        for line in lines:
            assert np.isfinite(np.asarray(line.get_ydata(), dtype=float)).all()
