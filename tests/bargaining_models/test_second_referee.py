"""The repeated and the stochastic game computed again by plain programs, from the definitions on the pages."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection

import plain_pivot as PLAIN
from bargaining_models.negotiation.pivot_game import PivotGame
from bargaining_models.negotiation.pivot_terms import path, settles
from bargaining_models.paper.pivot_game_study import BLOCKING, FAST, PATIENCE
from bargaining_models.paper.reproduce import stored
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.us_canada.capacity import Capacity
from bargaining_models.us_canada.tariff_war import RATES, TariffGame
from table_records import records

NASH = (3, 3)
SETS = list(dict.fromkeys(row[1] for row in stored("T10-sets").rows))
BLOCKED = {"closure": 0.2, "reopening": 0.53, "blocking": BLOCKING}
ONE = [np.ones((len(RATES), len(RATES), 1))]


# The repeated game: T6 and F1


def at_date(study: Study, date: str) -> Study:
    return {"": study, "-2026": study.latest, "-diverted": study.diverted}[date]


@pytest.mark.dear("False-", "False--2026")
@pytest.mark.parametrize("date", ["", "-2026"])
@pytest.mark.parametrize("leave", [False, True])
def test_self_enforcing_divisions_are_those_of_the_plain_operator(
    study: Study, leave: bool, date: str
) -> None:
    game = at_date(study, date).tariff_games[0.15]
    row = next(r for r in records(stored(f"T6{date}")) if (r["discount"], r["r"]) == (0.9, 0.15))
    flows, case = game.stage.payoffs, "leave" if leave else "stay"
    border = game.leaving.own[None] if leave else None
    (found,) = PLAIN.payoff_sets([flows], ONE, 0.9, border)
    np.testing.assert_allclose(PLAIN.nash_point(found), [row[f"{case}_Canada"], row[f"{case}_US"]], atol=1e-9)
    money = game.gdp / 100
    joint, lowest, _ = PLAIN.with_transfers([flows * money], ONE, 0.9, border * money if leave else None)
    half = (joint[0] - lowest[0].sum()) / 2
    assert flows[0, 0, 0] * money[0] - lowest[0, 0] - half == pytest.approx(row[f"{case}_transfer"], abs=1e-8)


@pytest.mark.parametrize("date", ["", "-2026"])
def test_patience_under_war_and_exit_is_the_closed_form(study: Study, date: str) -> None:
    """T5: who breaks free trade has its best reply once, and then the war, or a closed border, for ever."""
    game = at_date(study, date).tariff_games[0.15]
    row = next(r for r in records(stored(f"T5{date}")) if r["r"] == 0.15)
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
    same_terms(alternatives, records(stored("T10"))[::5])


def test_terms_at_the_latest_tariffs_are_those_of_iterated_values(study: Study) -> None:
    same_terms(alternatives_of(study.latest), records(stored("T10-2026"))[3::16])


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
    three = Capacity.solve(study.baseline, levels=[0.0, 0.15, 0.30])
    game = plain_pivot(three, **options)
    border = game.after_leaving(0.6) if leave else None
    found = PLAIN.payoff_sets(game.games, game.chains, 0.6, border, moves=1e-8)
    own = PivotGame(capacity=three, **options)
    for one, other in zip(found, own.enforceable(0.6, leave=leave).sets, strict=True):
        assert PLAIN.distance(one, other.vertices) < 1e-5  # of a range of 100
        np.testing.assert_allclose(one.min(axis=0), other.threat, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("leave", [False, True])
@pytest.mark.parametrize(
    ("date", "discount", "name"),
    [("", discount, name) for discount in PATIENCE for name in SETS if name != "none"]
    + [("-2026", 0.9, name) for name in SETS if name != "none"]
    + [("-diverted", 0.9, name) for name in SETS if name not in ("none", "lasting, capped")],
)
def test_the_plain_operator_keeps_the_sets_and_shrinks_larger_ones(
    study: Study, date: str, discount: float, name: str, leave: bool
) -> None:
    """Sets between bounds it moves by no more than these are apart; then the table's row."""
    own = at_date(study, date)
    game, pivot = alternatives_of(own)[name], own.pivot_game
    border = game.after_leaving(discount) if leave else None
    row = next(
        r for r in records(stored(f"T10-sets{date}")) if (r["discount"], r["alternative"]) == (discount, name)
    )
    case = "leave" if leave else "stay"
    if row[f"{case}_open"] is None:
        pytest.skip("no set was found that enforces itself")
    if row[f"{case}_open"]:
        sets = [some.inner for some in pivot.bounds(name, discount, leave=leave).bounds]
        close = 2 * row[f"{case}_open"] / 100 * np.ptp(np.concatenate(sets), axis=0).max() + 1e-9
    else:
        sets = [some.vertices for some in pivot.sets(name, discount, leave=leave).sets]
        close = 1e-9

    def apply(polygons: list[np.ndarray]) -> list[np.ndarray]:
        found: list[np.ndarray] = PLAIN.operator(polygons, game.games, game.chains, discount, border, 1e-10)
        return found

    def apart(polygons: list[np.ndarray]) -> float:
        return max(map(PLAIN.distance, polygons, sets))

    assert apart(apply(sets)) < close
    larger = [some.mean(axis=0) + 1.03 * (some - some.mean(axis=0)) for some in sets]
    distances = [apart(larger)]
    for _ in range(12):
        larger = apply(larger)
        distances.append(apart(larger))
    assert distances[-1] < 0.7 * distances[0]
    for c, country in enumerate(("Canada", "US")):
        expected = sets[0][:, c].min(), sets[0][:, c].max()
        np.testing.assert_allclose(row[f"{case}_{country}"], expected, atol=1e-9)
    nash = [row[f"{case}_nash_{country}"] for country in ("Canada", "US")]
    np.testing.assert_allclose(nash, PLAIN.nash_point(sets[0]), atol=1e-8)
    bare = pivot.sets("none", discount, leave=leave).at(0).vertices
    before, after, both = area(bare), area(sets[0]), area(bare, sets[0])
    areas = [row[f"{case}_new"], row[f"{case}_lost"]]
    np.testing.assert_allclose(areas, [100 * (x - both) / before for x in (after, before)], atol=1e-6)


def area(*polygons: np.ndarray) -> float:
    """The area of what polygons have in common."""
    planes = np.concatenate([ConvexHull(one).equations for one in polygons])
    # The point farthest inside all sides.
    found = linprog(
        [0, 0, -1], np.column_stack([planes[:, :2], np.ones(len(planes))]), -planes[:, 2], bounds=(None, None)
    )
    return float(ConvexHull(HalfspaceIntersection(planes, found.x[:2]).intersections).volume)
