"""The repeated and the stochastic game computed again by plain programs, from the definitions on the pages."""

from typing import Any

import numpy as np
import pytest

import plain_pivot as PLAIN
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.pivot_terms import path, settles
from bargaining_models.negotiation.tariff_war import RATES, TariffGame
from bargaining_models.paper.pivot_game_study import BLOCKING, FAST
from bargaining_models.paper.reproduce import stored
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.us_canada.capacity import canada_capacity
from table_records import records

NASH = (3, 3)
BLOCKED = {"closure": 0.2, "reopening": 0.53, "blocking": BLOCKING}
ONE = [np.ones((len(RATES), len(RATES), 1))]


# The repeated game: T6 and F1


@pytest.mark.dear("False")
@pytest.mark.parametrize("leave", [False, True])
def test_self_enforcing_divisions_are_those_of_the_plain_operator(study: Study, leave: bool) -> None:
    game = study.tariff_games[0.15]
    row = next(r for r in records(stored("T6")) if (r["discount"], r["r"]) == (0.9, 0.15))
    flows, case = game.stage.payoffs, "leave" if leave else "stay"
    border = game.leaving.own[None] if leave else None
    (found,) = PLAIN.payoff_sets([flows], ONE, 0.9, border)
    np.testing.assert_allclose(PLAIN.nash_point(found), [row[f"{case}_Canada"], row[f"{case}_US"]], atol=1e-9)
    money = game.gdp / 100
    joint, lowest, _ = PLAIN.with_transfers([flows * money], ONE, 0.9, border * money if leave else None)
    half = (joint[0] - lowest[0].sum()) / 2
    assert flows[0, 0, 0] * money[0] - lowest[0, 0] - half == pytest.approx(row[f"{case}_transfer"], abs=1e-8)


@pytest.mark.parametrize("date", ["2023", "2026"])
def test_patience_under_war_and_exit_is_the_closed_form(study: Study, date: str) -> None:
    """T5: who breaks free trade has its best reply once, and then the war, or a closed border, for ever."""
    game = (study if date == "2023" else study.latest).tariff_games[0.15]
    row = next(r for r in records(stored("T5")) if (r["tariffs"], r["r"]) == (date, 0.15))
    kept = game.stage.payoffs[0, 0]
    breach = np.array([game.stage.payoffs[:, 0, 0].max(), game.stage.payoffs[0, :, 1].max()])
    for case, after in (("war", game.war), ("exit", game.leaving.own)):
        found = [row[f"{case}_{name}"] for name in ("Canada", "US")]
        np.testing.assert_allclose(found, (breach - kept) / (breach - after), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize("discount", [0.1, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("r", SHARES.tolist())
def test_sets_of_tariff_payoffs_are_those_of_the_plain_operator(
    study: Study, r: float, discount: float, leave: bool
) -> None:
    game: TariffGame = study.tariff_games[r]
    border = game.leaving.own[None] if leave else None
    (found,) = PLAIN.payoff_sets([game.stage.payoffs], ONE, discount, border)
    own = game.payoff_set(discount, leave=leave)
    assert PLAIN.distance(found, own.vertices) < 1e-9
    np.testing.assert_allclose(found.min(axis=0), own.threat, atol=1e-9)


# The stochastic game: T10, F5 and the sets


def plain_pivot(capacity: Capacity, **options: float) -> Any:
    highest = int(capacity.rates[1][0].argmax())
    return PLAIN.PlainPivot(capacity.flows, capacity.exit, capacity.capital, highest, **options)


@pytest.fixture(scope="module")
def alternatives(study: Study) -> dict[str, Any]:
    return alternatives_of(study)


def alternatives_of(study: Study) -> dict[str, Any]:
    game = study.pivot_game
    full, rates = game.capacity, game.china
    found = {
        "none": plain_pivot(full.at(0)),
        "lasting": plain_pivot(full),
        "lasting, fast": plain_pivot(full, lead=FAST),
        "revocable": plain_pivot(full, **rates),
        "revocable, fast": plain_pivot(full, lead=FAST, **rates),
        "revocable, blocked": plain_pivot(full, blocking=BLOCKING, **rates),
    }
    if "lasting, capped" in game.games:
        found |= {
            "lasting, capped": plain_pivot(game.capped),
            "revocable, capped": plain_pivot(game.capped, **rates),
        }
    return found


def test_terms_and_waiting_are_those_of_iterated_values(alternatives: dict[str, Any]) -> None:
    """Some rows; `test_plain_tables` has all, from its own years."""
    same_terms(alternatives, [row for row in records(stored("T10")) if row["tariffs"] == "2023"][::5])


def test_terms_at_the_latest_tariffs_are_those_of_iterated_values(study: Study) -> None:
    same_terms(
        alternatives_of(study.latest),
        [row for row in records(stored("T10")) if row["tariffs"] == "2026"][3::16],
    )


def same_terms(alternatives: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    for row in rows:
        game, discount = alternatives[row["alternative"]], row["discount"]
        for case in ("stay", "leave"):
            leave = game.after_leaving(discount) if case == "leave" else None
            joint, lowest, best = PLAIN.with_transfers(game.games, game.chains, discount, leave)
            terms = lowest + (joint - lowest.sum(axis=1))[:, None] / 2
            kept, _, _ = PLAIN.follow(game.games, game.chains, discount, best)
            np.testing.assert_allclose(kept.sum(axis=1), joint, atol=1e-9)  # nobody leaves on the path
            expected = [*terms[0], kept[0, 0] - terms[0, 0]]
            found = [row[f"{case}_{name}"] for name in ("Canada", "US", "transfer")]
            np.testing.assert_allclose(found, expected, atol=1e-8)
            if case == "stay":
                agreed, deal = terms, best
        war = game.war(discount, NASH)
        values, chain, _ = PLAIN.follow(game.games, game.chains, discount, war)
        later = values + discount * chain @ (agreed - values)
        np.testing.assert_allclose([row["wait_Canada"], row["wait_US"]], (later - agreed)[0], atol=1e-8)
        if row["war"] is not None:
            assert [row["war"], row["agreed"]] == [reached(game, profile) for profile in (war, deal)]


def reached(game: Any, profile: list[tuple[int, int]]) -> float:
    """What Canada reaches by the first states of a profile, in percent: levels of 5."""
    builds = [profile[level][0] >= game.canada for level in range(game.levels)]
    return 5.0 * builds.index(False)


def test_the_war_is_an_equilibrium_by_its_definition(alternatives: dict[str, Any]) -> None:
    for game in alternatives.values():
        for discount in (0.6, 0.9, 0.95):
            profile = game.war(discount, NASH)
            values, _, _ = PLAIN.follow(game.games, game.chains, discount, profile)
            for s, own in enumerate(profile):
                worth = (1 - discount) * game.games[s] + discount * game.chains[s] @ values
                np.testing.assert_allclose(PLAIN.best_replies(worth)[own], worth[own], atol=1e-10)


def test_paths_are_powers_of_the_chain(study: Study, alternatives: dict[str, Any]) -> None:
    for name in ("lasting", "revocable", "revocable, fast"):
        game, own = alternatives[name], study.pivot_game
        _, chain, flow = PLAIN.follow(game.games, game.chains, 0.95, game.war(0.95, NASH))
        found = path(own.games[name], own.war(name, 0.95), 0.95, years=40)
        for year in (0, 1, 7, 39):
            here = np.linalg.matrix_power(chain, year)[0]
            np.testing.assert_allclose(found.payoffs[year], here @ flow, atol=1e-9)
            levels = own.capacity.levels
            in_use = np.append(levels, np.zeros(len(here) - len(levels)))
            np.testing.assert_allclose(found.r[year], here @ in_use, atol=1e-12)


@pytest.mark.parametrize("name", ["lasting", "revocable, blocked"])
def test_dates_of_settling_are_those_of_iterated_values(study: Study, name: str) -> None:
    own = study.pivot_game
    war, agreed = own.war(name, 0.95), own.terms(name, 0.95, leave=False).payoffs
    flow = war.values - 0.95 * war.chain @ war.values
    worth = PLAIN.iterate(lambda x: np.maximum(agreed, flow + 0.95 * war.chain @ x), agreed)
    for player in (0, 1):
        now = settles(war, agreed, 0.95, player=player)
        np.testing.assert_array_equal(now, worth[:, player] <= agreed[:, player] + 1e-9)


@pytest.mark.dear("lasting-True")
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize(
    "options", [{}, pytest.param(BLOCKED, marks=pytest.mark.slow)], ids=["lasting", "blocked"]
)
def test_sets_by_state_are_those_of_the_plain_operator(
    study: Study, options: dict[str, float], leave: bool
) -> None:
    three = canada_capacity(study.baseline, levels=[0.0, 0.15, 0.30])
    game = plain_pivot(three, **options)
    border = game.after_leaving(0.6) if leave else None
    found = PLAIN.payoff_sets(game.games, game.chains, 0.6, border, moves=1e-8)
    own = PivotGame(capacity=three, **options)
    for one, other in zip(found, own.enforceable(0.6, leave=leave).sets, strict=True):
        assert PLAIN.distance(one, other.vertices) < 1e-5  # of a range of 100
        np.testing.assert_allclose(one.min(axis=0), other.threat, atol=1e-5)
