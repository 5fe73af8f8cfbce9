"""The tables, figures and claims of the pivot game: they agree with the repeated game and with each other."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from bargaining_models.negotiation.pivot_game import settles
from bargaining_models.paper.pivot_game import PATIENCE, PivotGameStudy
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES
from table_records import records


@pytest.fixture(scope="module")
def patience(study: Study) -> list[dict[str, Any]]:
    return records(TABLES["T10-patience"](study))


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
