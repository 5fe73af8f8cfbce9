"""Power is the loss by a cut: against closed forms, a plain program, and figures of the table for 2019."""

from functools import cache

import numpy as np
import pytest

from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel
from plain_economy import PlainEconomy, drawn, model_of, rates

# Of the target and the hegemon, then of the target if only its imports, only its exports are threatened; in percent.
PAIRS = {
    ("USA", "MEX"): (3.524283, 0.212444, 1.771833, 2.197912),
    ("USA", "CAN"): (2.577548, 0.201697, 1.416165, 1.439785),
    ("CHN", "KOR"): (1.636155, 0.182668, 0.741859, 1.016108),
    ("CHN", "AUS"): (1.537665, 0.131536, 0.666966, 0.990022),
    ("USA", "CHN"): (0.268855, 0.236439, 0.074571, 0.205747),
}
ALLIES = ("CAN", "MEX", "DEU", "FRA", "ITA", "GBR", "JPN", "KOR", "AUS")


@cache
def icio():
    return TradeModel.from_structure("icio2019")


def near(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pair", PAIRS)
def test_pairs(pair):
    power = icio().power(*pair)
    sides = [icio().power(*pair, side=side).loss for side in ("imports", "exports")]
    near([power.loss, power.cost, *sides], PAIRS[pair])
    assert power.ok
    assert power.residual < 1e-10


def test_money_and_patience():
    power = icio().power("USA", "CAN")
    near([power.loss_money, power.cost_money, power.patience], [42.172013, 41.142206, 0.493820])
    china = icio().power("CHN", "USA")
    near([china.loss_money, china.cost_money, china.first], [48.228842, 37.722740, 0.292377])


def test_by_sector():
    alone = icio().power("USA", "CAN").by_sector()
    near(alone.loss, [0.079003, 0.535837, 1.959473])
    single = [icio().power("USA", "CAN", sectors=[name]) for name in "ABC"]
    near(alone.first, [one.first for one in single])
    near(alone.losses, [one.losses for one in single])


def test_coalitions():
    model = icio()
    everybody = [name for name in model.regions if name != "CAN"]
    near(model.power(["USA", "CHN"], "CAN").loss, 3.181519)
    near(model.power(everybody, "CAN").loss, 4.933580)
    near(model.power(["CAN", "MEX"], "USA").loss_money, 84.847021)
    nine = model.power(ALLIES, "USA")
    near([nine.loss, nine.loss_money], [0.742719, 151.499788])


def test_services():
    near([icio().power("USA", name, sectors="all").loss for name in ("CAN", "MEX")], [4.059568, 5.048905])


def test_an_open_route_in_peace_and_in_the_cut():
    levels = [0.10, 0.15, 0.30, 1.0]
    route = icio().redirect(levels, exporter="CAN", market="USA", target="CHN")
    power = icio().power("USA", "CAN", costs=route)
    near(power.loss, [2.567521, 2.563105, 2.551832, 2.523887])
    assert power.by_sector().loss.shape == (3, 4)
    assert power.first.shape == (4,)
    contingent = icio().solve(costs=route * icio().closed([("USA", "CAN"), ("CAN", "USA")]))
    near(-contingent.of("CAN"), [2.443920, 2.379290, 2.193184, 1.441308])
    near(power.cut.welfare, contingent.welfare)


def test_the_table():
    table = icio().power_table()
    frame = table.to_frame()
    pairs = frame.set_index(["hegemon", "target"])
    near(pairs.loc[("USA", "CAN"), ["loss", "cost"]].tolist(), PAIRS["USA", "CAN"][:2])
    near(table.losses, table.costs.T)  # both sides closed: the same cut
    ranks = frame[["first", "ces", "loss"]].rank().corr()["loss"]
    near(ranks[["first", "ces"]].tolist(), [0.971373, 0.971440])
    near((frame.ces * frame.loss).sum() / (frame.ces**2).sum(), 1.103483)
    usa = frame[frame.hegemon == "USA"]
    near(usa.loss_money.sum() / (usa.loss_money / usa.loss).sum(), 0.460984)
    assert table.status == Status.OK
    assert table.residual < 1e-10
    for row in frame.sample(5, random_state=1).itertuples():
        power = icio().power(row.hegemon, row.target)
        near(
            [row.loss, row.cost, row.patience, row.first, row.ces],
            [power.loss, power.cost, power.patience, power.first, power.ces],
        )


def test_one_sided_table():
    model = model_of(drawn(3))
    table = model.power_table(side="imports")
    for h, t in ((0, 1), (2, 0)):
        power = model.power(f"r{h}", f"r{t}", side="imports")
        near([table.losses[h, t], table.costs[h, t]], [power.loss, power.cost])
    assert np.abs(table.losses - table.costs.T)[0, 1] > 1e-3


@pytest.mark.parametrize("theta", [2.0, 4.0, 9.0])
def test_autarky_in_one_sector_has_a_closed_form(theta):
    model = TradeModel.from_arrays(
        [[[80.0], [15.0], [5.0]], [[15.0], [150.0], [10.0]], [[5.0], [10.0], [60.0]]],
        elasticities=theta,
        regions=["a", "b", "c"],
        sectors=["all"],
    )
    power = model.power(["b", "c"], "a")
    np.testing.assert_allclose(power.loss, 100 * (1 - 0.8 ** (1 / theta)), rtol=0, atol=1e-9)
    np.testing.assert_allclose(power.ces, -100 * np.log(0.8) / theta, rtol=0, atol=1e-9)
    np.testing.assert_allclose(power.first, 20 / theta, rtol=0, atol=1e-9)


@pytest.mark.parametrize("side", ["both", "imports", "exports"])
@pytest.mark.parametrize("seed", range(3))
def test_against_a_plain_program(seed, side):
    flows, _, inputs, theta = drawn(seed)
    data = (flows, np.zeros_like(flows), inputs, theta)
    tariffs = rates(np.random.default_rng(seed), flows.shape)
    high = np.ones_like(flows)
    high[1, 0, 0] = 1.0 if side == "exports" else 1e4
    high[0, 1, 0] = 1.0 if side == "imports" else 1e4
    plain = PlainEconomy(*data)
    expected = plain.welfare(tariffs) - plain.welfare(tariffs, high)
    power = model_of(data).power("r0", "r1", sectors=["s0"], side=side, tariffs=tariffs)
    np.testing.assert_allclose(
        power.losses, expected, rtol=0, atol=1e-4
    )  # a cost of 10,000 leaves some trade
    np.testing.assert_allclose([power.loss, power.cost], power.losses[[1, 0]], rtol=0, atol=1e-12)
    assert np.isnan(power.others[:2]).all()
    assert power.others[2] == power.losses[2]


@pytest.mark.parametrize("seed", range(3))
def test_labels_do_not_matter(seed):
    flows, tariffs, inputs, theta = drawn(seed)
    order, turn = np.array([2, 0, 1]), np.array([1, 0])
    power = model_of((flows, tariffs, inputs, theta)).power("r2", "r0", sectors=["s1"])
    turned = model_of(
        (
            flows[np.ix_(order, order, turn)],
            tariffs[np.ix_(order, order, turn)],
            inputs[np.ix_(order, turn, turn)],
            theta[turn],
        )
    ).power("r0", "r1", sectors=["s0"])
    np.testing.assert_allclose(
        [turned.loss, turned.cost, turned.first, turned.ces],
        [power.loss, power.cost, power.first, power.ces],
        rtol=0,
        atol=1e-9,
    )
    np.testing.assert_allclose(turned.losses, power.losses[order], rtol=0, atol=1e-9)


def test_a_threat_and_its_mirror():
    model = model_of(drawn(5))
    ahead, back = model.power("r0", "r1"), model.power("r1", "r0")
    near([ahead.cost, ahead.loss_money], [back.loss, back.cost_money])
    np.testing.assert_allclose(ahead.patience + back.patience, 1.0)
    sold = model.power("r0", "r1", side="imports")
    bought = model.power("r1", "r0", side="exports")
    near([sold.loss, sold.cost], [bought.cost, bought.loss])
    assert bought.first == bought.ces == 0.0


def test_empty_threats():
    power = model_of(drawn(1)).power("r0", "r1", sectors=[])
    near([power.loss, power.cost, power.first, power.ces, power.patience], 0)
    assert power.sectors == ()
    with pytest.raises(NotApplicable, match="without sectors"):
        power.by_sector()
    services = TradeModel.from_arrays(
        [[[80.0], [20.0]], [[20.0], [80.0]]], elasticities=4, regions=["a", "b"], sectors=["s"], goods=[]
    )
    near(services.power("a", "b").loss, 0)
    assert services.power("a", "b", sectors="all").loss > 1


def test_a_threat_that_pays_needs_no_patience():
    """The hegemon subsidises its imports so much that ending them is a gain."""
    model = model_of((*drawn(2, links=False)[:1], 0.0, None, [4.0, 4.0]))
    subsidy = model.tariffs({("r0", "r1"): -0.6})
    power = model.power("r0", "r1", side="exports", tariffs=subsidy)
    assert power.cost < 0 < power.loss
    assert power.patience == power.least(0.5) == 0.0


def test_how_it_prints():
    power = icio().power("USA", ["CAN", "MEX"])
    assert repr(power).startswith("Power(USA over CAN + MEX, %: loss ")
    assert repr(power).endswith("; OK)")
    assert "batch of shape (3,); 3 OK" in repr(power.by_sector())


def test_a_scenario_without_equilibrium_is_marked():
    model = model_of(drawn(1))
    tariffs = np.stack([model.economy.tariffs, np.full_like(model.economy.tariffs, -1.0)])
    tariffs[1, range(3), range(3)] = 0.0
    power = model.power("r0", "r1", tariffs=tariffs)
    assert power.status.tolist() == [Status.OK, Status.FAILED]
    assert np.isnan([power.loss[1], power.patience[1], power.most(0.9)[1], power.least(0.9)[1]]).all()
    with pytest.raises(Unsolved, match="in cell"):
        power.raise_if_failed()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("XXX", "r1"), {}, "`hegemon` must be one of 'r0', 'r1', 'r2'; got 'XXX'"),
        (("r0", ["r1", "XXX"]), {}, "`target` must be one of 'r0', 'r1', 'r2'; got 'XXX'"),
        (("r0", "r0"), {}, "`target` must be other regions than `hegemon`; got 'r0' in both"),
        ((["r0", "r1"], ["r2", "r1"]), {}, "got 'r1' in both"),
        (([], "r1"), {}, "`hegemon` must name at least one region"),
        ((["r0", "r0"], "r1"), {}, "`hegemon` must be different regions; got 'r0' twice"),
        (("r0", "r1"), {"sectors": "services"}, "`sectors` must be one of 'goods', 'all'; got 'services'"),
        (("r0", "r1"), {"sectors": ["s7"]}, "`sectors` must be one of 's0', 's1'; got 's7'"),
        (("r0", "r1"), {"side": "left"}, "`side` must be one of 'both', 'imports', 'exports'; got 'left'"),
    ],
)
def test_wrong_arguments(arguments, options, message):
    with pytest.raises(InvalidInput) as error:
        model_of(drawn(1)).power(*arguments, **options)
    assert message in str(error.value)


def test_a_table_is_of_one_scenario():
    model = model_of(drawn(1))
    with pytest.raises(
        InvalidInput, match=r"`tariffs` and `costs` must be one scenario.* got a batch of shape \(2,\)"
    ):
        model.power_table(tariffs=model.tariffs({("r0", "r1"): [0.0, 0.1]}))


def repeated(paid, lost, delta, lag, length):
    """What a target gets, from a refusal on, if it refuses once, and what if it never does."""
    periods = np.arange(4000)
    weights = delta**periods
    refused = np.where(periods < lag, 0.0, np.where(periods < lag + length, lost, paid))
    return -weights @ refused, -weights @ np.full(len(periods), paid)


@pytest.mark.parametrize(("lag", "length"), [(0, 1), (0, 5), (1, 1), (1, 7), (3, 2)])
@pytest.mark.parametrize("delta", [0.4, 0.9])
def test_the_target_is_indifferent_at_the_most(lag, length, delta):
    power = model_of(drawn(4)).power("r0", "r1")
    refusing, paying = repeated(
        power.most(delta, lag=lag, length=length), power.loss_money, delta, lag, length
    )
    np.testing.assert_allclose(refusing, paying, rtol=1e-9)


@pytest.mark.parametrize("length", [1, 4])
def test_the_hegemon_is_indifferent_at_the_least(length):
    power, delta = model_of(drawn(4)).power("r0", "r1"), 0.8
    value, _ = repeated(-power.least(delta, length=length), power.cost_money, delta, 0, length)
    np.testing.assert_allclose(value, 0, atol=1e-9)


def test_payments_that_both_accept():
    power = icio().power("USA", "CAN")
    near([power.most(), power.most(0.9, lag=1), power.least(0.9)], [42.172013, 0.9 * 42.172013, 4.571356])
    limit = power.patience ** (1 / 3)
    assert power.least(limit + 1e-6, length=3) < power.most(limit + 1e-6, length=3)
    assert power.least(limit - 1e-6, length=3) > power.most(limit - 1e-6, length=3)
    assert power.least(0.9, length=10_000) == np.inf
    assert power.by_sector().most([[0.5], [0.9]], lag=2).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda power: power.most(1.0), r"`discounts` must lie in \(0, 1\)"),
        (lambda power: power.least(0.0), r"`discounts` must lie in \(0, 1\)"),
        (lambda power: power.most(0.9, lag=-1), "`lag`"),
        (lambda power: power.least(0.9, length=0), "`length`"),
    ],
)
def test_wrong_terms(call, message):
    with pytest.raises(InvalidInput, match=message):
        call(model_of(drawn(4)).power("r0", "r1"))


def test_a_threat_in_a_negotiation():
    whole = Negotiation(model=icio(), home="CAN", partner="USA", alternative="CHN")
    levels = [0.10, 0.15, 0.30, 1.0]
    near(whole.threat(r=levels).loss, [2.567521, 2.563105, 2.551832, 2.523887])
    near(whole.threat(r=levels, route="contingent").loss, [2.443920, 2.379290, 2.193184, 1.441308])
    assert whole.threat(route="contingent").loss == whole.threat().loss
    assert whole.threat(r=levels, route="contingent", sectors="all").by_sector().loss.shape == (20, 4)
    assert Negotiation(model=icio(), home="CAN", partner="USA").threat().loss == whole.threat().loss
    merged = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
    near([merged.threat().loss, merged.threat().cost], [2.575751, 0.201311])
    with pytest.raises(InvalidInput, match="`route` must be one of 'open', 'contingent'; got 'closed'"):
        whole.threat(route="closed")


def test_a_threat_in_the_money_of_the_negotiation():
    talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China", money="gdp")
    power = talks.threat(r=0.15)
    lost = talks.payoffs(0.0, r=0.15).money - talks.leave(r=0.15).money
    np.testing.assert_allclose([power.loss_money, power.cost_money], lost, rtol=0, atol=1e-8)
