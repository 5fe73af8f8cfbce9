"""The pivot as a game: its parts are the trade model, the repeated game and chains written out by hand."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from bargaining import InvalidInput, RepeatedGame, StochasticGame, payoff_set
from bargaining.equilibria.stochastic.markov import stationary_profile
from bargaining.errors import Unsolved
from bargaining_models.negotiation.capacity import Capacity
from bargaining_models.negotiation.pivot_game import PivotGame, settles, waiting
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.parameters import load
from bargaining_models.us_canada.baseline import Baseline, canada_capacity, merit_order, points, projects

RATES = np.linspace(0.0, 0.48, 7)
REVOCABLE: dict[str, Any] = {"closure": 0.2, "reopening": 0.5}
DISCOUNT = 0.95


@pytest.fixture(scope="module")
def capacity(baseline: Baseline) -> Capacity:
    return canada_capacity(baseline)


@pytest.fixture(scope="module")
def small(baseline: Baseline) -> Capacity:
    return canada_capacity(baseline, levels=[0, 0.05, 0.15])


# Payoffs are those of the trade model


@pytest.mark.dear("False")
@pytest.mark.parametrize("capped", [False, True])
def test_flows_are_the_outcomes_of_the_trade_model(baseline: Baseline, capped: bool) -> None:
    levels = [0.0, 0.1, 0.25]
    found = canada_capacity(baseline, levels=levels, capped=capped)
    options: dict[str, Any] = {"r": [*levels, 0.0], "capped": capped}
    expected = {
        (0, 0): baseline.payoffs(**options),
        (1, 4): baseline.payoffs(0.35, 0.02, **options),
        (2, 2): baseline.schedule("us_2025_26", "canada_2025_26", **options),
        (0, 2): baseline.schedule("us_2025_26", **options),
        (3, 3): baseline.war(**options),
    }
    for (canada, us), outcome in expected.items():
        np.testing.assert_allclose(found.flows[:, canada, us], outcome.money, atol=1e-9)
    np.testing.assert_allclose(found.exit, baseline.leave(**options).money, atol=1e-9)
    np.testing.assert_allclose(
        np.stack([found.rates[0][:, 3], found.rates[1][:, 3]], 1), baseline.war(**options).rates
    )


def test_the_average_of_a_schedule_raises_what_its_rates_raise(baseline: Baseline) -> None:
    figures, found = baseline.parameters, canada_capacity(baseline, levels=[0.0])
    us, canada = (figures.regions.index(name) for name in ("USA", "CAN"))
    flows = np.where(figures.goods, figures.flows.values[us, canada], 0.0)
    duty = flows @ figures.schedules["us_2025_26"].values[us, canada] / 100
    assert found.rates[1][0, 2] * flows.sum() == pytest.approx(duty, rel=1e-12)


def test_capital_adds_up_project_by_project() -> None:
    figures = load()
    cheap = [p for p in projects(figures) if "LNG" not in p.name]
    importer, exporter = (figures.regions.index(name) for name in ("USA", "CAN"))
    exports = figures.flows.values[importer, exporter] * figures.goods
    added = sum(
        100 * share * exports[figures.sectors.index(sector)] / exports.sum()
        for p in cheap
        for sector, share in p.share.items()
    )
    total = sum(p.cost for p in cheap)
    assert merit_order(figures, added) == pytest.approx(total)
    last = next(p for p in cheap if p.name == "second expansion")
    size = 100 * last.share["MIN"] * exports[figures.sectors.index("MIN")] / exports.sum()
    assert merit_order(figures, added + 2 * size) == pytest.approx(total + 2 * last.cost)
    np.testing.assert_allclose(points(figures, [0.0, 0.3]), [0.0, 30.0])
    assert (points(figures, [0.1, 0.3], capped=True) < [10.0, 30.0]).all()


# One state, or states that nothing leads out of, are repeated games


@pytest.mark.dear("False")
@pytest.mark.parametrize("leave", [False, True])
def test_one_state_without_building_is_the_tariff_war(baseline: Baseline, leave: bool) -> None:
    war = TariffGame.at(baseline, r=0.15, rates=RATES)
    capacity = canada_capacity(
        baseline, levels=[0.15], home_tariffs=RATES.tolist(), partner_tariffs=RATES.tolist()
    )
    found = PivotGame(capacity=capacity).enforceable(0.3, leave=leave)["15%"]
    expected = war.payoff_set(0.3, leave=leave)
    money = war.gdp / 100
    assert len(found.vertices) == len(expected.vertices)
    np.testing.assert_allclose(found.vertices, expected.vertices * money, atol=1e-7)
    paid = war.with_transfers(0.3, leave=leave)
    mine = PivotGame(capacity=capacity).terms(0.3, leave=leave)
    np.testing.assert_allclose(mine.payoffs[0], paid.payoffs, rtol=1e-9)
    assert mine.transfer[0] == pytest.approx(war.transfer(paid), rel=1e-9)


@pytest.mark.parametrize("leave", [False, True])
def test_where_nothing_is_built_every_state_is_its_own_repeated_game(small: Capacity, leave: bool) -> None:
    pivot = PivotGame(capacity=small, lead_time=np.inf)
    game = pivot.game(0.6, leave=leave)
    for s, found in enumerate(pivot.enforceable(0.6, leave=leave).sets):
        alone = payoff_set(RepeatedGame(game.games[s], 0.6, exit=game.exits[s]))
        np.testing.assert_allclose(found.vertices, alone.vertices, atol=1e-8)
        by_itself = PivotGame(capacity=small.at(s)).enforceable(0.6, leave=leave).at(0)
        np.testing.assert_allclose(found.vertices, by_itself.vertices, atol=1e-8)


# Chains written out by hand


def by_hand(
    capacity: Capacity, lead: float, closes: float, reopens: float, blocking: float
) -> StochasticGame:
    """Return the game of two levels from arrays: 0, r, r closed."""
    spending = np.array([capacity.capital[0] / lead, 0.0])
    tables = [np.concatenate([capacity.flows[0], capacity.flows[0] - spending]), *capacity.flows[1:]]
    count = capacity.flows.shape[1:3]
    opens = np.full(count, 1 / lead)
    opens[:, 4] *= 1 - blocking
    idle, built = np.zeros((*count, 3)), np.zeros((*count, 3))
    idle[..., 0], built[..., 0], built[..., 1] = 1.0, 1 - opens, opens
    return StochasticGame(
        tables,
        [np.concatenate([idle, built]), [0.0, 1 - closes, closes], [0.0, reopens, 1 - reopens]],
        DISCOUNT,
    )


def test_the_game_is_the_one_written_out_by_hand(baseline: Baseline) -> None:
    two = canada_capacity(baseline, levels=[0, 0.15])
    pivot = PivotGame(capacity=two, lead_time=4.0, blocking=0.3, **REVOCABLE)
    expected = by_hand(two, 4.0, 1 - np.exp(-0.2), 1 - np.exp(-0.5), 0.3)
    game = pivot.game(DISCOUNT)
    assert game.games[0].actions[0][-1] == "35%, build"
    for s in range(3):
        np.testing.assert_allclose(game.games[s].payoffs, expected.games[s].payoffs, atol=1e-12)
        np.testing.assert_allclose(game.transition(s), expected.transition(s), atol=1e-15)


def test_a_revoked_step_from_the_middle_keeps_its_capacity(small: Capacity) -> None:
    pivot = PivotGame(capacity=small, lead_time=2.0, **REVOCABLE)
    closes, reopens = 1 - np.exp(-0.2), 1 - np.exp(-0.5)
    game = pivot.game(DISCOUNT)
    build = game.transition(1)[5, 0]
    np.testing.assert_allclose(build, [0, (1 - closes) / 2, (1 - closes) / 2, closes, 0])
    np.testing.assert_allclose(game.transition(3)[0, 0], [0, reopens, 0, 1 - reopens, 0])


@pytest.mark.parametrize("lead", [1.0, 5.0])
def test_in_the_war_canada_builds_if_income_covers_the_charge(baseline: Baseline, lead: float) -> None:
    # A year later, at the latest: income B a year for good against capital C pays if delta B >= (1 - delta) C.
    war = baseline.war(r=[0.0, 0.1]).money
    worth = DISCOUNT / (1 - DISCOUNT) * (war[1, 0] - war[0, 0])
    for factor, does in ((0.999, 1.0), (1.001, 0.0)):
        capacity = canada_capacity(baseline, levels=[0, 0.1], capital=worth * factor)
        pivot = PivotGame(capacity=capacity, lead_time=lead)
        found = pivot.markov(DISCOUNT)[0]
        assert found.regret <= 1e-12
        assert pivot.builds(found)[0] == does
        q = 1 / lead
        first = (
            war[0]
            if not does
            else (
                ((1 - DISCOUNT) * (war[0] - [worth * factor * q, 0]) + DISCOUNT * q * war[1])
                / (1 - DISCOUNT * (1 - q))
            )
        )
        np.testing.assert_allclose(found.values, [first, war[1]], rtol=1e-9)


def test_after_leaving_canada_follows_the_best_of_all_plans(small: Capacity) -> None:
    pivot = PivotGame(capacity=small, **REVOCABLE)
    closes, reopens, q = 1 - np.exp(-0.2), 1 - np.exp(-0.5), 0.2
    worth = []
    for plan in product((0, 1), repeat=2):
        flow = small.exit[[0, 1, 2, 3, 3]].copy()
        flow[:2, 0] -= np.array(plan) * small.capital * q
        chain = np.zeros((5, 5))
        chain[0, :2] = 1 - plan[0] * q, plan[0] * q
        chain[1, [1, 2, 3]] = (1 - closes) * (1 - plan[1] * q), (1 - closes) * plan[1] * q, closes
        chain[2, [2, 4]] = 1 - closes, closes
        chain[3, [1, 3]] = chain[4, [2, 4]] = reopens, 1 - reopens
        worth.append(np.linalg.solve(np.eye(5) - DISCOUNT * chain, (1 - DISCOUNT) * flow))
    best = max(worth, key=lambda values: float(values[0, 0]))
    np.testing.assert_allclose(pivot.after_leaving(DISCOUNT), best, rtol=1e-9)
    frozen = PivotGame(capacity=small, build_after_leaving=False, **REVOCABLE)
    np.testing.assert_array_equal(frozen.after_leaving(DISCOUNT), small.exit[[0, 1, 2, 3, 3]])
    np.testing.assert_array_equal(frozen.game(DISCOUNT, leave=True).exit_own, frozen.after_leaving(DISCOUNT))


# What is read out of the game


def test_waiting_is_a_year_of_war_and_then_the_terms(small: Capacity) -> None:
    pivot = PivotGame(capacity=small, **REVOCABLE)
    war, agreed = pivot.markov(DISCOUNT)[0], pivot.terms(DISCOUNT).payoffs
    flow = np.array([small.flows[k, 3, 3] for k in (0, 1, 2, 3, 3)])
    flow[:2, 0] -= pivot.builds(war)[:2] * small.capital / pivot.lead_time
    later = (1 - DISCOUNT) * flow + DISCOUNT * war.chain @ agreed
    np.testing.assert_allclose(waiting(war, agreed, DISCOUNT), later - agreed, atol=1e-9)


def test_a_date_to_settle_is_the_best_of_all_sets_of_states(small: Capacity) -> None:
    pivot = PivotGame(capacity=small, **REVOCABLE)
    war = pivot.markov(DISCOUNT)[0]
    flow = war.values - DISCOUNT * war.chain @ war.values
    rng = np.random.default_rng(3)
    for _ in range(20):
        agreed = war.values + rng.uniform(0.0, 1.0, war.values.shape)
        for player in (0, 1):
            stop = settles(war, agreed, DISCOUNT, player=player)
            worth = []
            for some in product((False, True), repeat=5):
                kept = np.array(some)
                chain = np.where(kept[:, None], 0.0, DISCOUNT * war.chain)
                worth.append(
                    np.linalg.solve(np.eye(5) - chain, np.where(kept, agreed[:, player], flow[:, player]))
                )
            best = np.max(worth, axis=0)
            np.testing.assert_array_equal(stop, best <= agreed[:, player] + 1e-12)


def test_the_best_agreement_is_worth_the_largest_joint_payoff(capacity: Capacity) -> None:
    for leave in (False, True):
        pivot = PivotGame(capacity=capacity, **REVOCABLE)
        found, joint = pivot.terms(DISCOUNT, leave=leave), pivot.with_transfers(DISCOUNT, leave=leave).joint
        np.testing.assert_allclose(found.agreement.values.sum(axis=1), joint, atol=1e-9)
        np.testing.assert_allclose(found.payoffs.sum(axis=1), joint, atol=1e-9)


def test_where_leaving_together_is_best_the_agreement_is_to_part(small: Capacity) -> None:
    rich = replace(small, exit=np.full_like(small.exit, 50.0))
    found = PivotGame(capacity=rich, build_after_leaving=False).terms(DISCOUNT, leave=True)
    assert found.agreement.leave.all()
    np.testing.assert_allclose(found.payoffs, 50.0)
    np.testing.assert_allclose(found.transfer, 0.0, atol=1e-12)


# What theory orders


@pytest.mark.parametrize("noise", [0.0, 1e-14, -1e-14])
def test_a_level_that_costs_and_changes_nothing_is_not_built(capacity: Capacity, noise: float) -> None:
    # As if all sectors had reached their caps at 15 percent; two steps to an end, as one mixes at random.
    same = np.minimum(np.arange(8), 3)
    same[-1] = -1
    flows, steps = capacity.flows[same], np.arange(8.0)[:, None, None]
    flows[..., 0] += noise * steps
    capped = replace(
        capacity,
        flows=flows,
        exit=capacity.exit[same],
        rates=(capacity.rates[0][same], capacity.rates[1][same]),
        capital=np.where(np.arange(6) < 3, capacity.capital / 4, 0.0),
    )
    pivot = PivotGame(capacity=capped)
    fought, agreed = pivot.war(DISCOUNT), pivot.terms(DISCOUNT)
    assert pivot.builds_to(fought) == pivot.builds_to(agreed.agreement) == 0.15
    assert fought.regret <= 1e-12
    np.testing.assert_allclose(fought.values, pivot.markov(DISCOUNT)[0].values, rtol=1e-12)


def test_a_war_that_is_not_found_is_an_error(small: Capacity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PivotGame, "markov", lambda pivot, discounts: ())
    with pytest.raises(Unsolved, match=r"`discounts` 0\.95"):
        PivotGame(capacity=small).war(DISCOUNT)


def test_the_war_is_an_equilibrium_of_the_years_tariffs(capacity: Capacity) -> None:
    # Tariffs do not move the state, so a Markov equilibrium has an equilibrium of the year's tariffs in each state.
    pivot = PivotGame(capacity=capacity, **REVOCABLE)
    found = pivot.markov(DISCOUNT, starts=3)
    assert len(found) >= 1
    assert not found.complete
    for profile in found:
        assert profile.regret <= 1e-12
        again = stationary_profile(pivot.game(DISCOUNT), profile.strategies)
        np.testing.assert_allclose(again.values, profile.values, rtol=1e-12)
        for canada, us in profile.strategies:
            assert np.resize(np.arange(5) == 3, len(canada)) @ canada == 1.0
            assert us[3] == 1.0


# Nash rates that beat all other tariffs


@pytest.mark.parametrize("blocking", [0.0, 0.5])
def test_whatever_follows_the_nash_rates_are_the_best_of_the_year(
    capacity: Capacity, blocking: float
) -> None:
    # Continuation values anywhere in the bounds: Canada's at will, those of the US between its flows at Nash rates.
    pivot = PivotGame(capacity=capacity, blocking=blocking, **REVOCABLE)
    game, least = pivot.game(DISCOUNT), pivot.dominance(DISCOUNT)
    war, best = capacity.flows[:, 3, 3, 1], capacity.flows[:, 3, :, 1].max()
    rng = np.random.default_rng(5)
    for _ in range(50):
        after = np.column_stack([rng.uniform(-50, 50, 13), rng.choice([war.min(), best], 13)])
        for s in range(13):
            worth = game.games[s].payoffs + DISCOUNT / (1 - DISCOUNT) * game.transition(s) @ after
            for build in range(len(worth) // 5):
                rows = worth[5 * build : 5 * build + 5]
                assert (rows[3, :, 0] - np.delete(rows[..., 0], 3, axis=0)).min() >= least - 1e-9
                assert (rows[3, 3, 1] - np.delete(rows[3, :, 1], 3)).min() >= least - 1e-9


def test_the_bound_on_blocking_is_reached(capacity: Capacity) -> None:
    # Canada builds at level 0 and the US gets the best it can there, for ever, and the worst once the step is done.
    pivot, discount = PivotGame(capacity=capacity, blocking=0.5), 0.99
    game, us = pivot.game(discount), capacity.flows[:, 3, :, 1]
    after = np.where(np.arange(7) == 0, us.max(), us[:, 3].min())
    worth = game.games[0].payoffs[8, :, 1] + discount / (1 - discount) * game.transition(0)[8] @ after
    assert pivot.dominance(discount) == pytest.approx(worth[3] - worth[4], abs=1e-9)
    assert worth[3] < worth[4]  # so patient a US might escalate


def test_without_the_nash_rate_there_is_nothing_to_compare(baseline: Baseline) -> None:
    bare = canada_capacity(baseline, levels=[0.0], partner_tariffs=[0.0, 0.35])
    with pytest.raises(InvalidInput, match="`capacity` must have 'Nash' on both lists"):
        PivotGame(capacity=bare).dominance(0.9)


# Bad input


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lead_time", 0.5),
        ("lead_time", -1.0),
        ("closure", -0.1),
        ("closure", np.inf),
        ("reopening", -1.0),
        ("blocking", 1.5),
        ("build_after_leaving", 1),
        ("capacity", None),
    ],
)
def test_bad_parameters_are_named(small: Capacity, name: str, value: Any) -> None:
    options: dict[str, Any] = {"capacity": small} | {name: value}
    with pytest.raises(InvalidInput, match=f"`{name}` must"):
        PivotGame(**options)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"levels": [0.1, 0.0]}, "levels"),
        ({"levels": [0.0, 1.2]}, "levels"),
        ({"home_tariffs": ["us"]}, "home_tariffs"),
        ({"home_tariffs": "Nash"}, "home_tariffs"),
        ({"partner_tariffs": []}, "partner_tariffs"),
        ({"partner_tariffs": [-1.0]}, "partner_tariffs"),
        ({"levels": [0.0, 0.1], "capital": [1.0, 2.0]}, "capital"),
        ({"levels": [0.0, 0.1], "capital": -1.0}, "capital"),
    ],
)
def test_bad_levels_and_lists_are_named(baseline: Baseline, options: dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidInput, match=f"`{name}` must"):
        canada_capacity(baseline, **{"levels": [0.0]} | options)


# Wear and running costs


def test_worn_capacity_falls_by_a_level(small: Capacity) -> None:
    """By hand, from the middle level: closed or not, built, and then one year in e^-.1 it is kept."""
    game = PivotGame(capacity=small, closure=0.2, reopening=0.5, wear=0.1).game(DISCOUNT)
    kept, closes, opens = np.exp(-0.1), 1 - np.exp(-0.2), 1 / 5
    stays = (1 - closes) * (1 - opens)
    expected = [
        stays * (1 - kept) + closes * (1 - kept),
        stays * kept + (1 - closes) * opens * (1 - kept),
        (1 - closes) * opens * kept,
        closes * kept,
        0.0,
    ]
    np.testing.assert_allclose(game.transition(1)[-1, 0], expected, atol=1e-15)


def test_running_costs_are_paid_wherever_capacity_stands(small: Capacity) -> None:
    dear, cheap = (PivotGame(capacity=small, running=cost, **REVOCABLE) for cost in (0.03, 0.0))
    games = zip(dear.states, cheap.game(DISCOUNT).games, dear.game(DISCOUNT).games, strict=True)
    for state, before, after in games:
        upkeep = [0.03 * small.capital[: state.level].sum(), 0.0]
        np.testing.assert_allclose(before.payoffs - after.payoffs - upkeep, 0.0, atol=1e-12)
    for name in ("wear", "running"):
        with pytest.raises(InvalidInput, match=f"`{name}`"):
            PivotGame(capacity=small, **{name: -0.1})
