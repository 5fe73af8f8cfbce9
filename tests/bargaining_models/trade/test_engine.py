"""The engine against a plain program: closures of the trade balance, payments, zeros in the data, own derivatives."""

import numpy as np
import pytest

from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.trade import TradeModel
from bargaining_models.trade.conditions import tariff_slopes, worth
from former_figures import former
from plain_economy import PlainEconomy, drawn, model_of, rates

CLOSURES = ["balanced", "fixed", "share", np.array([1.0, -3.0, 2.0])]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("deficits", CLOSURES, ids=str)
def test_agrees_with_a_plain_program(links, deficits):
    data = drawn(1, links=links)
    model, plain = model_of(data, deficits=deficits), PlainEconomy(*data, deficits=deficits)
    np.testing.assert_allclose(model.economy.flows, plain.flows, rtol=1e-10)
    rng = np.random.default_rng(2)
    for unit in (None, 1):
        tariffs, paid = rates(rng, (3, 3, 2)), rng.uniform(-2, 2, 3)
        cost = rng.uniform(0.8, 1.2, (3, 3, 2))
        paid -= paid.mean()
        ours = model.solve(
            tariffs=tariffs, costs=cost, transfers=paid, unit="world" if unit is None else f"r{unit}"
        )
        theirs = plain.solve(tariffs, cost, paid, unit)
        assert theirs["gap"] < 1e-9
        np.testing.assert_allclose(ours.welfare, plain.welfare(tariffs, cost, paid, unit), rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours.flows, theirs["flows"], rtol=1e-9)
        np.testing.assert_allclose(ours.revenue, theirs["revenue"], rtol=1e-9)
        np.testing.assert_allclose(ours.shares, theirs["share"], rtol=1e-9)
        living = (plain.alpha * theirs["price"]).sum(1)
        np.testing.assert_allclose(
            ours.real_wages, 100 * (theirs["wage"] / np.exp(living) - 1), rtol=1e-8, atol=1e-9
        )


def test_deficits_in_the_base_are_those_asked_for():
    data = drawn(3)
    observed = data[0].sum((1, 2)) - data[0].sum((0, 2))
    for deficits, expected in (("balanced", np.zeros(3)), ("fixed", observed), ("share", observed)):
        flows = model_of(data, deficits=deficits).economy.flows
        np.testing.assert_allclose(flows.sum((1, 2)) - flows.sum((0, 2)), expected, atol=1e-11)
    fixed = model_of(data, deficits="fixed")
    np.testing.assert_allclose(fixed.economy.flows, data[0], rtol=1e-13)
    after = fixed.solve(tariffs=np.zeros((3, 3, 2))).flows
    np.testing.assert_allclose(after.sum((1, 2)) - after.sum((0, 2)), observed, atol=1e-10)


@pytest.mark.parametrize("links", [True, False])
def test_final_demand_that_does_not_fit_is_solved_for(links):
    """The base has the final shares given, and is an equilibrium."""
    flows, tariffs, inputs, theta = drawn(4, links=links)
    final = np.array([[3.0, 1.0], [1.0, 1.0], [2.0, 5.0]])
    final /= final.sum(1, keepdims=True)
    model = model_of((flows, tariffs, inputs, theta), final=final, deficits="fixed")
    plain = PlainEconomy(flows, tariffs, inputs, theta, final=final, deficits="fixed")
    np.testing.assert_allclose(model.economy.flows, plain.flows, rtol=1e-10)
    np.testing.assert_allclose(model.economy.final, final, rtol=1e-14)
    assert np.abs(model.solve().welfare).max() < 1e-10


@pytest.mark.parametrize("links", [True, False])
def test_sectors_that_a_region_does_not_buy_or_sell(links):
    flows, tariffs, inputs, theta = drawn(5, sectors=3, links=links)
    flows[0, :, 1] = 0.0  # region 0 buys nothing of sector 1, nor uses it
    inputs[0, :, 1] = 0.0
    flows[:, 2, 2] = 0.0  # region 2 makes nothing of sector 2, and uses little of it
    inputs[2, :, 2] *= 0.1
    model, plain = (make((flows, tariffs, inputs, theta)) for make in (model_of, lambda d: PlainEconomy(*d)))
    tariffs = rates(np.random.default_rng(6), (3, 3, 3))
    ours = model.solve(tariffs=tariffs)
    assert ours.status is Status.OK
    np.testing.assert_allclose(ours.welfare, plain.welfare(tariffs), rtol=0, atol=1e-8)
    assert not ours.flows[0, :, 1].any()
    assert not ours.flows[:, 2, 2].any()
    assert not ours.shares[0, :, 1].any()


def log_welfare(model, tariffs, costs=None, transfers=None, unit="world"):
    answer = model.solve(tariffs=tariffs, costs=costs, transfers=transfers, unit=unit)
    return np.log1p(answer.welfare / 100)


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("deficits", ["balanced", "share"])
@pytest.mark.parametrize("unit", ["world", "r1"])
def test_derivatives_are_those_of_differences(links, deficits, unit):
    """Implicit function theorem against central differences, in every rate and transfer."""
    model = model_of(drawn(7, links=links), deficits=deficits)
    rng = np.random.default_rng(8)
    tariffs, paid = rates(rng, (3, 3, 2)), np.array([1.0, -0.4, -0.6])
    system = model.solver.system
    at = model.solver.solve(system.cells(tariffs[None], None, paid[None], -1 if unit == "world" else 1))
    units = worth(at, range(3))
    ours = tariff_slopes(at, units)[0]
    own = tariff_slopes(at, units, np.arange(3))[0]

    def slope(rate=0.0, more=0.0):
        """Central differences at two steps, extrapolated."""

        def difference(h):
            return log_welfare(model, tariffs + h * rate, np.ones((3, 3, 2)), paid + h * more, unit)

        coarse, fine = ((difference(h) - difference(-h)) / (2 * h) for h in (2e-3, 1e-3))
        return (4 * fine - coarse) / 3

    for n in range(3):
        for i in set(range(3)) - {n}:
            for j in range(2):
                one = np.zeros((3, 3, 2))
                one[n, i, j] = 1.0
                np.testing.assert_allclose(ours[:, j, n, i], slope(rate=one), rtol=1e-8, atol=1e-10)
                assert own[n, j, i] == pytest.approx(ours[n, j, n, i], rel=1e-12)
    # A payment from region 2 to region 0; `money` is in units of world value added.
    level = (at.received / paid)[0] if unit != "world" else np.ones(3)
    money = units.money[0] * level[:, None]
    np.testing.assert_allclose(
        money[0] - money[2], slope(more=np.array([1.0, 0.0, -1.0])), rtol=1e-8, atol=1e-10
    )


def test_what_a_payment_costs():
    """An independent program: Canada pays the US 8, in world money and in consumer prices of either."""
    model, gdp = TradeModel.from_parameters(former()), former().gdp.values
    expected = {"world": [9.1082, -8.8631], "USA": [9.1092, -8.8641], "CAN": [9.0988, -8.8540]}
    for unit, money in expected.items():
        answer = model.solve(transfers={("CAN", "USA"): 8}, unit=unit)
        np.testing.assert_allclose((answer.welfare / 100 * gdp)[: len(money)], money, rtol=0, atol=5.1e-5)
    by_income = model.solve(transfers={("CAN", "USA"): 8}).welfare / 100 * model.economy.income
    np.testing.assert_allclose(by_income[:2], [8.8979, -8.8277], rtol=0, atol=5.1e-5)
    small = model.solve(transfers={("CAN", "USA"): 1e-4}).welfare / 100 * model.economy.income / 1e-4
    np.testing.assert_allclose(small, [1.1121, -1.1026, -0.0008, -0.0086], rtol=0, atol=6e-5)


def test_closures_of_the_project():
    """An independent program: US 25% on Canada (USA, CAN), each against its own base; and purging itself."""
    parameters = former()
    balanced = TradeModel.from_parameters(parameters)
    expected = {"balanced": (0.02724, -1.64974), "fixed": (0.02861, -1.83030), "share": (0.03434, -1.73983)}
    for deficits, percent in expected.items():
        model = TradeModel.from_data(balanced.data, deficits=deficits, limit=0.9, absorb="SERV")
        answer = model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.25}))
        np.testing.assert_allclose(answer.welfare[:2], percent, rtol=0, atol=5.1e-6)
    fixed = TradeModel.from_data(balanced.data, deficits="fixed", limit=0.9, absorb="SERV")
    purged = fixed.solve(transfers=-fixed.economy.deficits)
    np.testing.assert_allclose(purged.welfare, [-3.208, 1.268, 8.154, -0.861], rtol=0, atol=5.1e-4)
    np.testing.assert_allclose(purged.flows, balanced.economy.flows, rtol=1e-9)


def test_a_payment_and_its_reverse_swap_the_payer():
    flows = np.array([[[60.0], [10.0]], [[10.0], [60.0]]])
    model = model_of((flows, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0]))
    there = model.solve(transfers=[3.0, -3.0]).welfare
    back = model.solve(transfers=[-3.0, 3.0]).welfare
    np.testing.assert_allclose(there, back[::-1], rtol=1e-11)


def test_splitting_a_sector_in_halves_changes_nothing():
    flows, tariffs, inputs, theta = drawn(9)
    halves = np.concatenate([flows / 2, flows / 2], axis=2)
    twice = np.tile(inputs, (1, 2, 2)) / 2
    one = model_of((flows, tariffs, inputs, theta))
    two = model_of((halves, np.tile(tariffs, 2), twice, np.tile(theta, 2)))
    change = rates(np.random.default_rng(3), (3, 3, 2))
    np.testing.assert_allclose(
        one.solve(tariffs=change).welfare, two.solve(tariffs=np.tile(change, 2)).welfare, rtol=0, atol=1e-10
    )


def test_far_off_scenarios_are_solved_or_say_failed():
    """Rates above 1 and costs of a hundredth, where steps from the base do not reach, and trade nearly vanishes."""
    solved = 0
    for seed in range(10, 16):
        rng = np.random.default_rng(seed + 1)
        tariffs = rates(rng, (20, 3, 3, 2), high=20.0)
        costs = np.exp(rng.uniform(np.log(0.01), np.log(100), (20, 3, 3, 2)))
        answer = model_of(drawn(seed)).solve(tariffs=tariffs, costs=costs, highest=20.0)
        assert np.array_equal(answer.status == Status.OK, answer.residual <= 1e-10)
        assert np.isnan(answer.welfare[answer.status == Status.FAILED]).all()
        solved += int((answer.status == Status.OK).sum())
    assert solved >= 119


def test_a_transfer_above_an_income_fails_in_its_cell_alone():
    model = model_of(drawn(1))
    tariffs = rates(np.random.default_rng(3), (2, 1, 3, 3, 2))
    paid = np.array([[0.0, 0.0, 0.0], [9e8, -9e8, 0.0], [1.0, -2.0, 1.0]])
    answer = model.solve(tariffs=tariffs, transfers=paid)
    assert (answer.status == [Status.OK, Status.FAILED, Status.OK]).all()
    assert np.isnan(answer.welfare[:, 1]).all()
    for cell in ((0, 0), (1, 2)):
        alone = model.solve(tariffs=tariffs[cell[0], 0], transfers=paid[cell[1]])
        np.testing.assert_allclose(answer.welfare[cell], alone.welfare, rtol=0, atol=1e-12)
    said = dict(answer.refused)
    assert set(said) == {(0, 1), (1, 1)}
    assert "a payment of 9e+08 by r1, whose income is" in said[0, 1]
    with pytest.raises(
        Unsolved, match=r"in scenario \(0, 1\) of the batch `transfers` must leave every region"
    ):
        answer.raise_if_failed()
    with pytest.raises(InvalidInput, match=r"a payment of 9e.08 by r1"):
        model.solve(tariffs=tariffs, transfers=paid[1])
    parts = model.decomposition(tariffs=tariffs[:, 0], transfers=paid[1:])
    assert np.isnan(parts.exact[0]).all()
    assert np.abs(parts.residual[1]).max() < 1e-9


def test_a_rate_or_a_cost_that_cannot_be_fails_in_its_cell_alone():
    model = model_of(drawn(1))
    tariffs = rates(np.random.default_rng(3), (3, 1, 3, 3, 2))
    alone = model.solve(tariffs=tariffs[[0, 2], 0])
    tariffs[1, 0, 0, 2, 1] = -1.0
    costs = np.ones((2, 3, 3, 2))
    costs[1, 1, 2, 0] = 0.0
    answer = model.solve(tariffs=tariffs, costs=costs)
    assert (answer.status == np.array([[0, 5], [5, 5], [0, 5]])).all()
    np.testing.assert_allclose(answer.welfare[[0, 2], 0], alone.welfare, rtol=0, atol=1e-12)
    said = dict(answer.refused)
    assert "got -1 of r0 on r2 s1" in said[1, 0]
    assert "`costs` must be positive hats, 1 for no change; got 0" in said[0, 1]
    with pytest.raises(InvalidInput, match="got -1 of r0 on r2 s1"):
        model.solve(tariffs=tariffs[1])


BAD_TRANSFERS = [
    ({"transfers": [1.0, 1.0, 0.0]}, "`transfers` must sum to zero over regions; got a sum of 2"),
    ({"transfers": [1.0, -1.0 + 1e-6, 0.0]}, "`transfers` must sum to zero over regions"),
    ({"transfers": [1.0, -1.0]}, "`transfers` must have one entry per region"),
    ({"transfers": {("r0", "r0"): 1.0}}, "keyed by two regions"),
    ({"transfers": {("r0", "r9"): 1.0}}, "`region` must be one of"),
    ({"transfers": {("r0", "r1"): 1e9}}, "must leave every region an income; got a payment of 1e.09 by r0"),
    ({"unit": "dollar"}, "`unit` must be one of 'world', 'r0'"),
    ({"transfers": np.zeros((2, 3)), "costs": np.ones((3, 3, 3, 2))}, "batch axes that broadcast"),
]


@pytest.mark.parametrize(("options", "message"), BAD_TRANSFERS)
def test_bad_transfers_are_named(options, message):
    with pytest.raises(InvalidInput, match=message):
        model_of(drawn(1)).solve(**options)
