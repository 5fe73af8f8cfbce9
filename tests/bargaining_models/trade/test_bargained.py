"""Bargained tariffs: checked numbers, what the theory says of them, and bad arguments."""

from functools import partial

import numpy as np
import pytest
from scipy.optimize import minimize, root

from bargaining import (
    continuous_raiffa,
    egalitarian,
    equal_loss,
    kalai_smorodinsky,
    nash,
    perles_maschler,
    utilitarian,
    yu,
)
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining_models.trade import TariffPayoffs, TradeModel
from plain_economy import PlainEconomy, drawn, model_of
from six_blocs import blocs, project

TWO = np.array([[[80.0], [20.0]], [[25.0], [175.0]]])


@pytest.fixture(scope="module")
def model():
    return project()


@pytest.fixture(scope="module")
def war(model):
    return model.nash_tariffs(["USA", "CAN"], against="players")


# An independent program, full system with complex-step Jacobian: USA and CAN, about their war.
DEALS = [
    ({}, (0.008960, -0.032055), (0.029893, -0.358058), 0.0),
    ({"method": kalai_smorodinsky}, (0.008953, -0.032047), (0.029881, -0.357905), 0.0),
    ({"method": egalitarian, "measure": "gdp"}, (0.009019, -0.032117), (), 0.0),
    ({"lower": 0.0}, (0.031857, 0.0), (0.022997, -0.333231), 0.0),
    ({"lower": 0.0, "method": kalai_smorodinsky}, (0.030611, 0.0), (), 0.0),
    ({"transfers": "inside"}, (0.003464, -0.026410), (0.030548, -0.364687), 2.29120),
]


@pytest.mark.parametrize(("options", "rates", "percent", "payment"), DEALS)
def test_deals_of_the_us_and_canada(model, war, options, rates, percent, payment):
    deal = model.bargained_tariffs(["USA", "CAN"], disagreement=war, **options)
    assert deal.status is Status.OK
    assert deal.residual < 1e-9
    assert deal.concave
    np.testing.assert_allclose(deal.rates, rates, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(deal.percent[: len(percent)], percent, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(deal.payment, [payment, -payment], rtol=0, atol=5.1e-6)
    assert (deal.gains > 0).all()


def test_the_root_at_the_disagreement_itself_is_no_agreement(model):
    """The product form of Nash's condition holds at d, and that is where a root finder goes from free trade."""
    payoffs = TariffPayoffs(model, ["USA", "CAN"])
    d = model.solve(tariffs=model.tariffs({("USA", "CAN"): 0.129100416})).welfare[:2]

    def product_form(rates):
        (value,), (slopes,) = payoffs.values(rates[None])
        gains = value - d
        return gains[1] * slopes[0] + gains[0] * slopes[1]

    spurious = root(product_form, [0.0, 0.0], tol=1e-12)
    np.testing.assert_allclose(spurious.x, [0.129100416, 0.0], rtol=0, atol=1e-8)
    deal = model.bargained_tariffs(["USA", "CAN"], disagreement=d)
    assert deal.status is Status.OK
    np.testing.assert_allclose(product_form(deal.rates), 0.0, rtol=0, atol=1e-6)
    np.testing.assert_allclose(deal.rates, (0.029861, -0.057073), rtol=0, atol=1e-6)
    assert (deal.gains > 0.01).all()


@pytest.mark.parametrize(
    ("other", "members", "rates"),
    [
        ("MEX", ["MEX"], (0.012286, -0.035954)),
        pytest.param("EU3", ["DEU", "FRA", "ITA"], (0.003075, -0.026030), marks=pytest.mark.slow),
    ],
)
def test_deals_of_the_us_with_others(other, members, rates):
    deal = blocs({other: members}).bargained_tariffs(["USA", other])
    assert deal.status is Status.OK
    np.testing.assert_allclose(deal.rates, rates, rtol=0, atol=2e-6)


@pytest.fixture(scope="module")
def two():
    return model_of((TWO, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0]))


def test_two_blocs_trace_the_first_best(two):
    """With all sectors taxed and nobody else, (1 + t)(1 + t*) = 1: the rates are the payment (Mayer)."""
    model = two
    war = model.nash_tariffs()
    np.testing.assert_allclose(war.rates, [0.260530, 0.270149], rtol=0, atol=5.1e-7)
    for method in (nash, kalai_smorodinsky):
        deal = model.bargained_tariffs(["r0", "r1"], method=method, disagreement=war)
        np.testing.assert_allclose(deal.rates, [-0.006960, 0.007009], rtol=0, atol=2e-6)
        np.testing.assert_allclose(deal.percent, [-0.16149, 0.08864], rtol=0, atol=2e-5)
        # One direction of the rates, keeping their product, is a payment; the other is what is pinned down.
        assert np.prod(1 + deal.rates) == pytest.approx(1, abs=1e-12)


def with_weights(model, lam):
    """The equilibrium where n charges lam_n / lam_i - 1 on all that i sells."""
    rates = np.repeat((lam[:, None] / lam - 1.0)[:, :, None], len(model.sectors), axis=2)
    return model.solve(tariffs=rates).raise_if_failed()


def even(paid):
    """Payments without the rounding error of their sum."""
    return paid - paid.mean()


def test_the_set_of_two_blocs_ends_where_free_trade_with_payments_does(two):
    """Efficient tariffs come from a formula; the set's questions, from programs that do not know it."""
    payoffs = TariffPayoffs(two, ["r0", "r1"])
    floor = two.nash_tariffs().percent
    for weight in (0.97, 1.03):
        point = with_weights(two, np.array([1.0, weight])).welfare
        assert bool(payoffs.contains(point - 1e-6))
        assert not bool(payoffs.contains(point + 1e-6))
        assert payoffs.ray(floor, point - floor) == pytest.approx(1, abs=1e-9)
        assert payoffs.ray(point - 1e-3, [0.0, 0.0]) == np.inf
        assert payoffs.ray(point + 1e-3, [0.0, 0.0]) == -np.inf
        weights = payoffs.optimum_at(point).multipliers
        value, top = payoffs.support(weights)
        assert value == pytest.approx(weights @ point, rel=1e-9)
        np.testing.assert_allclose(top, point, rtol=0, atol=1e-7)
        # What the second loses, the first can be given at the rate of the weights, less the curvature.
        one, other = payoffs.ideal([-np.inf, point[1]]), payoffs.ideal([-np.inf, point[1] - 1e-3])
        assert one[0] == pytest.approx(point[0], abs=1e-9)
        assert other[0] - one[0] == pytest.approx(1e-3 * weights[1] / weights[0], rel=1e-3)
    with pytest.raises(NotApplicable, match="`direction` must hurt nobody"):
        payoffs.ray(point, [1.0, -0.1])
    assert payoffs.support([-1.0, 1.0])[0] == np.inf
    assert np.isneginf(payoffs.ideal([10.0, 10.0])).all()


def test_a_bound_of_the_search_is_no_best_sum_of_money():
    """At an elasticity of .3 the sum of money rises up to the largest subsidy that is tried, and beyond."""
    flows = np.array([[6.0, 6.0, 0.2], [1.0, 5.8, 4.0], [2.0, 4.6, 11.2]])[..., None]
    three = TradeModel.from_arrays(flows, elasticities=0.3, regions=["A", "B", "C"], sectors=["x"])
    found = three.bargained_tariffs(["A", "B"], disagreement=[-3.0, -3.0], transfers="money")
    assert found.limits == ("rate of B on A",)
    further = np.array(found.tariffs)
    further[1, 0] -= 0.03
    money = three.economy.income[:2] / 100.0
    assert three.solve(tariffs=further).welfare[:2] @ money > found.percent[:2] @ money
    assert found.status is Status.INACCURATE


def test_disagreements_of_two_blocs_in_every_form(two):
    war = two.nash_tariffs(["r0", "r1"], against="players")
    percent = dict(zip(war.players, war.percent, strict=True))
    forms = ["war", war, war.equilibrium, war.percent, percent]
    rates = [two.bargained_tariffs(["r0", "r1"], disagreement=form).rates for form in forms]
    np.testing.assert_allclose(rates, np.broadcast_to([-0.006960, 0.007009], (5, 2)), rtol=0, atol=2e-6)
    logs = two.bargained_tariffs(["r0", "r1"], measure="log")
    np.testing.assert_allclose(logs.disagreement, 100 * np.log1p(war.percent / 100), rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_plain_maximiser_finds_the_same():
    """The Nash product of a plain program, by a simplex search."""
    data = drawn(3)
    model, plain = model_of(data), PlainEconomy(*data)
    war = model.nash_tariffs(["r0", "r1"], against="players")
    deal = model.bargained_tariffs(["r0", "r1"], disagreement=war)
    assert deal.status is Status.OK

    def loss(rates):
        tariffs = data[1].copy()
        tariffs[0, 1], tariffs[1, 0] = rates
        gains = plain.welfare(tariffs)[:2] - war.percent[:2]
        return -np.log(gains).sum() if (gains > 0).all() else 1e3

    best = minimize(loss, deal.rates + 0.01, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-14})
    np.testing.assert_allclose(deal.rates, best.x, rtol=0, atol=1e-5)


def test_money_that_counts_one_for_one(model, war):
    deal = model.bargained_tariffs(["USA", "CAN"], disagreement=war, transfers="money", measure="gdp")
    assert deal.status is Status.OK
    assert deal.gains[0] == pytest.approx(deal.gains[1], rel=1e-12)
    assert deal.payment.sum() == pytest.approx(0, abs=1e-10)
    # No other rates have a larger sum of money, and what is divided is that sum.
    total = deal.payoffs.sum()
    data = model.data.gdp[:2]
    np.testing.assert_allclose(deal.percent[:2] / 100 * data + deal.payment, deal.payoffs, rtol=1e-10)
    for step in ([1e-3, 0], [-1e-3, 0], [0, 1e-3], [0, -1e-3]):
        rates = deal.rates + step
        other = model.solve(tariffs=model.tariffs({("USA", "CAN"): rates[0], ("CAN", "USA"): rates[1]}))
        assert (other.welfare[:2] / 100 * data).sum() < total


def test_talks_of_six_blocs():
    """An independent program: thirty rates about the world war; rates follow the weights of the regions nearly."""
    six = blocs()
    war = six.nash_tariffs()
    talks = six.world_talks(disagreement=war)
    assert talks.status is Status.OK
    np.testing.assert_allclose(
        talks.gains, [0.2097, 2.1490, 3.1105, 0.5863, 0.3407, 0.1290], rtol=0, atol=6e-5
    )
    assert talks.of("USA", "CAN") == pytest.approx(-0.057, abs=5e-4)
    assert talks.of("CAN", "USA") == pytest.approx(0.062, abs=5e-4)


def test_tariffs_can_be_the_payment(model):
    """Proposition tariffs-as-payments: free trade with payments gives the same real incomes, with deficits too."""
    for world, weights in (
        (model, [1, 1.03, 0.98, 1.01]),
        (model_of(drawn(5), deficits="fixed"), [1, 1.05, 1]),
    ):
        base, lam = world.economy, np.array(weights)
        answer = with_weights(world, lam)
        paid = answer.income * base.income - answer.wages * base.factor
        spread = (answer.wages * base.factor / lam).sum() / base.factor.sum()
        free = world.solve(
            tariffs=np.zeros_like(base.tariffs), transfers=even(paid / lam / spread - base.deficits)
        )
        np.testing.assert_allclose(free.welfare, answer.welfare, rtol=0, atol=1e-9)
    answer = with_weights(model, np.array([1, 1.03, 0.98, 1.01]))
    np.testing.assert_allclose(answer.welfare, [0.015371, 1.137321, -0.636038, 0.254418], rtol=0, atol=5.1e-7)


def test_derivatives_of_payoffs(model):
    for measure in ("percent", "log", "income", "gdp"):
        payoffs = TariffPayoffs(model, ["USA", "CAN"], inside=True, measure=measure)
        x = np.array([0.05, 0.1, 2.0])
        _, slopes = payoffs.values(x[None])
        for k in range(3):
            step = 2e-3 * np.eye(3)[k]
            ends = payoffs.values(np.stack([x + step, x - step, x + step / 2, x - step / 2]))[0]
            coarse, fine = (ends[0] - ends[1]) / 4e-3, (ends[2] - ends[3]) / 2e-3
            np.testing.assert_allclose(slopes[0, :, k], (4 * fine - coarse) / 3, rtol=1e-7, atol=1e-9)


def test_a_frontier_that_bends_inwards():
    """Two regions with steep tariffs on services, which the talks leave alone: a lottery is better for both."""
    flows = np.array([[[4.28, 2.05], [0.14, 3.89]], [[1.95, 0.45], [2.98, 2.16]]])
    tariffs = np.array([[[0.0, 0.0], [0.3, 3.0]], [[0.0, 0.3], [0.0, 0.0]]])
    two = TradeModel.from_arrays(
        flows,
        tariffs,
        elasticities=[8, 5],
        regions=["A", "B"],
        sectors=["wares", "services"],
        goods=["wares"],
    )
    war = two.nash_tariffs(against="players")
    sure = two.bargained_tariffs(["A", "B"], disagreement=war)
    assert sure.status is Status.OK
    assert not sure.concave
    fair = two.bargained_tariffs(["A", "B"], disagreement=war, method=kalai_smorodinsky)
    assert fair.status is Status.OK


@pytest.mark.parametrize("method", [perles_maschler, continuous_raiffa, partial(yu, p=2)])
def test_concepts_that_follow_a_frontier_are_refused_by_name(model, war, method):
    with pytest.raises(NotApplicable, match="do not apply to the payoffs that tariffs reach"):
        model.bargained_tariffs(["USA", "CAN"], disagreement=war, method=method)


def test_rays_along_one_axis_end_where_the_ideal_is(model, war):
    """From zero rates such a ray starts where the other has more than it may fall to: the search has far to go."""
    d = war.percent[:2]
    for player in range(2):
        payoffs = TariffPayoffs(model, ["USA", "CAN"])
        alone = payoffs.ray(d, np.eye(2)[player])
        assert alone == pytest.approx((payoffs.ideal(d) - d)[player], rel=1e-10)


def test_equal_loss_and_your_own_method(model, war):
    loss = model.bargained_tariffs(["USA", "CAN"], disagreement=war, method=equal_loss)
    ideal = TariffPayoffs(model, ["USA", "CAN"]).ideal(war.percent[:2])
    assert loss.status is Status.OK
    assert np.ptp(ideal - loss.payoffs) == pytest.approx(0, abs=1e-9)
    weighted = model.bargained_tariffs(
        ["USA", "CAN"], disagreement=war, method=lambda problem: nash(problem, weights=[0.4, 0.6])
    )
    even = model.bargained_tariffs(["USA", "CAN"], disagreement=war)
    assert weighted.payoffs[0] < even.payoffs[0]


@pytest.mark.slow
def test_a_rate_at_the_end_of_the_search_is_no_answer(model, war):
    """The sum of percents is largest where the US subsidises without end; that of money is at sensible rates."""
    lost = model.bargained_tariffs(["USA", "CAN"], disagreement=war, method=utilitarian)
    assert lost.status is Status.INACCURATE
    assert lost.limits == ("rate of USA on CAN",)
    paid = model.bargained_tariffs(["USA", "CAN"], disagreement=war, method=utilitarian, transfers="inside")
    assert paid.status is Status.INACCURATE
    assert "payment of USA" in paid.limits
    money = model.bargained_tariffs(["USA", "CAN"], disagreement=war, method=utilitarian, measure="gdp")
    assert money.status is Status.OK
    best = model.bargained_tariffs(["USA", "CAN"], disagreement=war, transfers="money", measure="gdp")
    np.testing.assert_allclose(money.rates, best.rates, rtol=0, atol=1e-8)


def test_no_gain_is_said(model):
    """Both have more than any tariffs give."""
    none = model.bargained_tariffs(["USA", "CAN"], disagreement=[5.0, 5.0])
    assert none.status in (Status.EMPTY, Status.DEGENERATE)
    assert np.isnan(none.rates).all()
    assert none.equilibrium is None


WRONG = [
    (
        lambda model: model.bargained_tariffs(
            ["USA", "CAN"], disagreement=[0, 0], method=lambda problem: None
        ),
        "`method` must return a division",
    ),
    (
        lambda m: m.bargained_tariffs(["USA", "CAN"], transfers="money", measure="log"),
        "must be 'income' or 'gdp'",
    ),
    (
        lambda m: m.bargained_tariffs(["USA", "CAN"], disagreement=[0.0]),
        "one payoff a player .2.; got shape .1,",
    ),
    (
        lambda m: m.bargained_tariffs(["USA", "CAN"], disagreement={"USA": 0.0}),
        "must name every player; CAN is missing",
    ),
    (lambda m: m.bargained_tariffs(["USA", "CAN"], lower=np.nan), "`lower` must be a rate"),
    (lambda m: m.bargained_tariffs(["USA", "CAN"], method="nash"), "`method` must be a concept"),
    (
        lambda m: m.bargained_tariffs(["USA", "CAN"], disagreement=m.solve(tariffs=np.zeros((3, 4, 4, 11)))),
        "must be one equilibrium; got a batch of shape",
    ),
    (
        lambda m: m.solve(tariffs=np.zeros((3, 4, 4, 11))).to_xarray(dims=["a", "b"]),
        "must name the 1 batch axes",
    ),
    (lambda m: m.world_talks(["USA"]), "have somebody to tax; USA has nobody"),
    (lambda m: m.nash_tariffs(agreements=["USA"]), "`agreements` must be pairs of regions; got 'USA'"),
    (lambda m: TariffPayoffs(m, ["USA"], against="all"), "`players` must be at least two regions"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments_are_named(model, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(model)
