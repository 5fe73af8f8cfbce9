"""Leverage by notion: the figures of 2019 from other programs, closed forms, plain programs, and repeated games."""

from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy.optimize import brentq

from bargaining import (
    AlternatingOffers,
    Problem,
    RepeatedGame,
    TransferableSurplus,
    coco_value,
    nash,
    sensitivity,
    transfer_equilibrium,
)
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.triangle import Triangle, unpaid
from bargaining_models.paper import divisions
from bargaining_models.paper.study import Study
from bargaining_models.trade import TradeModel
from bargaining_models.uncertainty import elasticity_priors
from plain_economy import PlainEconomy, drawn, model_of

LEVELS = [0.0, 0.10, 0.15]


@cache
def talks():
    model = TradeModel.from_structure("icio2019")
    return Negotiation(model=model, home="CAN", partner="USA", alternative="CHN")


@cache
def merged():
    return Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")


def near(value, expected):
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)


def capacity(r):
    """Hats of the route by the definition of capacity, beyond r = 1 too."""
    model = talks().model
    china, canada, us = (model.regions.index(name) for name in ("CHN", "CAN", "USA"))
    sold, hats = model.economy.flows, np.ones_like(model.economy.shares)
    grown = np.divide(sold[us, canada], sold[china, canada], out=np.zeros(20), where=sold[china, canada] > 0)
    hats[china, canada] = (1.0 + r * grown * model.goods) ** -0.2
    return hats


def test_two_hegemons():
    rivalry = talks().rivals(r=LEVELS)
    losses = (
        [42.172013, 9.003207, 52.053761],
        [42.007965, 11.025480, 54.076035],
        [41.935710, 12.010656, 55.061211],
    )
    bids = [41.777428, 8.628631], [41.746790, 11.236381], [41.724046, 12.485775]
    near(rivalry.losses, losses)
    near(rivalry.bids, bids)
    near(rivalry.demands[:, 0], [24.540175, 19.746104, 17.439279])
    near(rivalry.home_payoff, [-33.543382, -28.749311, -26.442486])
    near(rivalry.alone[0, 0], 43.050555)
    near(rivalry.menus[0], [42.172013 - 1.598292, 9.003207 - 0.635222])
    near(rivalry.threshold().value, 0.568800)
    assert rivalry.winner.tolist() == [0, 0, 0]
    assert rivalry.ok.all()
    assert rivalry.residual.max() < 1e-10


def test_the_rest_of_the_world_merged():
    near([merged().threat().loss, merged().threat().cost], [2.575751, 0.201311])
    near(merged().rivals(r=[0, 0.15]).demands[:, 0], [24.487245, 17.398810])


def test_bands_of_elasticities():
    for theta, loss, cost, demands in (
        (4.0, 3.176990, 0.251942, [30.039076, 21.286319]),
        (6.0, 2.168834, 0.168161, [20.746518, 14.771750]),
    ):
        model = TradeModel.from_structure("icio2019", elasticities=theta)
        whole = Negotiation(model=model, home="CAN", partner="USA", alternative="CHN")
        near([whole.threat().loss, whole.threat().cost], [loss, cost])
        near(whole.rivals(r=[0, 0.15]).demands[:, 0], demands)


@pytest.mark.dear("contingent-2.0-0.465295", "open-2.57-0.073658", "open-2.55-0.328215", "open-2.51-None")
@pytest.mark.parametrize(
    ("route", "percent", "expected"),
    [
        ("contingent", 2.5, 0.057480),
        ("contingent", 2.0, 0.465295),
        ("open", 2.57, 0.073658),
        ("open", 2.56, 0.187798),
        ("open", 2.55, 0.328215),
        ("open", 2.51, None),
    ],
)
def test_the_share_at_which_a_demand_fails(route, percent, expected):
    found = talks().threat(route=route).threshold(percent, unit="percent").value
    if expected is None:
        assert found is None
    else:
        near(found, expected)
        near(talks().threat(r=found, route=route).loss, percent)


def test_a_demand_in_money_fails():
    threat = merged().threat(route="contingent")
    found = threat.threshold(0.9 * threat.loss_money).value
    near(merged().threat(r=found, route="contingent").loss, 0.9 * threat.loss)
    assert threat.threshold(100.0).value == 0.0
    levels = [0.196978, 0.524792]
    near(talks().threat(r=levels, route="contingent").loss / talks().threat().loss, [0.9, 0.75])


def test_thresholds_beyond_the_largest_share():
    model, border = talks().model, talks().model.closed([("USA", "CAN"), ("CAN", "USA")])

    def loss(r):
        return -float(model.solve(costs=capacity(r) * border).of("CAN"))

    near([loss(1.484283), loss(1.161061), loss(0.3)], [1.0, 2.577548 / 2, 2.193184])
    turned = []
    for r in (1.67004, 1.67006):  # where turning to China binds
        wide = talks().with_friction(capacity(r))
        threat, rivalry = wide.threat(), wide.rivals()
        bid = rivalry.home_payoff - rivalry.money[0, 0]
        turned.append(bool(bid > -(threat.loss_money - threat.cost_money) / 2))
    assert turned == [False, True]


def test_who_gains_by_a_route():
    answer = talks().model.solve(costs=capacity(0.15))
    money = answer.welfare * talks().model.economy.income / 100
    at = {name: money[talks().model.regions.index(name)] for name in ("CAN", "CHN", "USA")}
    near(list(at.values()), [3.007449, 3.591823, -0.124617])
    near(np.round(money.sum() - sum(at.values()), 4), -0.3001)
    mexican = Negotiation(model=talks().model, home="MEX", partner="USA", alternative="CHN").route(0.15)
    border = talks().model.closed([("USA", "CAN"), ("CAN", "USA")])
    peace, cut = (talks().model.solve(costs=hats).of("CAN") for hats in (mexican, mexican * border))
    near([-peace, talks().model.solve(costs=border).of("CAN") - cut], [0.002423, 0.003055])
    tariff = talks().model.tariffs({("CAN", "USA"): 0.05})
    taxed = talks().model.power("USA", "CAN", tariffs=tariff)
    near([taxed.agreement.of("CAN"), taxed.loss], [0.125727, 2.703275])


def test_a_payment_moves_prices():
    """Canada is as badly off as in the cut by a smaller payment than its loss, and worth more to the US."""
    model = talks().model
    paid = model.solve(transfers={("CAN", "USA"): 38.205659})
    near(paid.of("CAN"), -2.577548)
    worth = paid.of("USA") * model.economy.income[model.regions.index("USA")] / 100
    near(np.round(worth, 5), 42.15241)


def test_coalitions_of_targets():
    model, nine = talks().model, ("CAN", "MEX", "DEU", "FRA", "ITA", "GBR", "JPN", "KOR", "AUS")
    alone = [model.power(name, "USA").loss_money for name in nine]
    together = model.power(nine, "USA")
    near([sum(alone[:2]), sum(alone)], [84.476567, 149.412901])
    near(np.round(together.cost_money, 5), 144.94911)
    credible = together.loss_money / (together.loss_money + talks().threat().loss_money)
    near(np.round(credible, 3), 0.782)
    near(model.power([name for name in model.regions if name != "KOR"], "KOR").loss, 8.619467)


def test_power_grows_faster_than_the_share():
    model, links = talks().model, talks().model.closed([("USA", "CAN"), ("CAN", "USA")]) == np.inf
    shares, losses = [], []
    for factor in (1, 4, 16, 64):
        power = model.power("USA", "CAN", costs=np.where(links, factor**-0.2, 1.0))
        canada, us = (model.regions.index(name) for name in ("CAN", "USA"))
        spent = power.agreement.expenditures[canada] * model.goods
        shares.append(power.agreement.shares[canada, us] @ spent / spent.sum())
        losses.append(100 * power.loss / (100 + power.agreement.of("CAN")))
    near(shares, [0.180967, 0.484445, 0.810785, 0.952803])
    near(losses, [2.577548, 8.358435, 20.560611, 36.279836])


@pytest.mark.slow
def test_bands_over_draws_of_elasticities():
    prior = elasticity_priors("icio2019")
    z = np.random.default_rng(2026).standard_normal((100, 20))
    drawn = np.clip(prior.median * np.exp(prior.spread * z), 1, 20)
    rows = []
    for theta in (prior.median, *drawn):
        model = TradeModel.from_structure("icio2019", elasticities=theta)
        whole = Negotiation(model=model, home="CAN", partner="USA", alternative="CHN")
        steady, reserve = (whole.threat(r=[0, 0.15], route=route) for route in ("open", "contingent"))
        demands = whole.rivals(r=[0, 0.15]).demands[:, 0]
        lost = [1 - x[1] / x[0] for x in (steady.loss, reserve.loss, demands)]
        rows.append([steady.loss[0], steady.cost[0], steady.patience[0], *lost, *demands])
    near(np.array(rows[0])[[0, 1, 6, 7]], [2.429294, 0.190718, 23.339335, 16.480827])
    low, middle, high = np.quantile(rows[1:], [0.05, 0.5, 0.95], axis=0)[:, :6]
    near([low[0], middle[0], high[0]], [1.434551, 2.477063, 4.849610])
    near([low[1], middle[1], high[1]], [0.101997, 0.203762, 0.476932])
    near(np.round(low[2:], 3), [0.450, -0.005, 0.045, 0.267])
    near(np.round(middle[2:], 3), [0.505, 0.005, 0.076, 0.300])
    near(np.round(high[2:], 3), [0.598, 0.019, 0.102, 0.386])
    near(np.mean([row[2] < 0.5 for row in rows[1:]]), 0.49)


def test_slopes_in_the_route():
    """By the costs of the route, and by differences in r."""
    model, threat = talks().model, talks().threat()
    china, canada, goods = model.regions.index("CHN"), model.regions.index("CAN"), model.goods
    ratio = capacity(1.0)[china, canada] ** -5.0 - 1.0
    cut, peace = (
        sensitivity(one, wrt="costs").sel(region="CAN", importer="CHN", exporter="CAN").values[goods]
        @ (-ratio[goods] / 5.0)
        for one in (threat.cut, threat.agreement)
    )
    near(np.round([peace, cut], 5), [1.25817, 1.36723])
    whole = sensitivity(threat, wrt="costs").sel(region="CAN", importer="CHN", exporter="CAN").values[goods]
    near(whole @ (-ratio[goods] / 5.0), peace - cut)
    step = 1e-5
    for route, expected in (("open", peace - cut), ("contingent", -cut)):
        losses = talks().threat(r=[0.0, step, 2 * step], route=route).loss
        np.testing.assert_allclose(losses @ [-1.5, 2.0, -0.5] / step, expected, atol=1e-4)
    batch = sensitivity(merged().threat(r=[0.0, 0.15], route="contingent"), wrt="costs")
    assert batch.sizes["cell"] == 2
    np.testing.assert_allclose(batch.values[0], sensitivity(merged().threat(), wrt="costs").values, atol=1e-9)


def test_closed_links_have_no_slope():
    closed = sensitivity(merged().threat().cut, wrt="costs").sel(importer="CAN", exporter="USA")
    assert (closed.values[:, merged().model.goods] == 0.0).all()


def test_a_route_for_imports_too():
    model = talks().model
    border = model.closed([("USA", "CAN"), ("CAN", "USA")])
    levels = [0.10, 0.15, 0.30, 1.0]
    both = talks().route(levels)
    sold = model.economy.flows
    canada, us, china = (model.regions.index(name) for name in ("CAN", "USA", "CHN"))
    for k, r in enumerate(levels):  # what Canada buys from the US, from China
        ratio = np.where(model.goods, sold[canada, us] / np.maximum(sold[canada, china], 1e-300), 0.0)
        both[k, canada, china] = (1.0 + r * ratio) ** -0.2
    near(-model.solve(costs=both * border).of("CAN"), [2.310045, 2.177361, 1.783468, 0.021950])


def test_tariffs_that_pay_without_a_threat():
    near(talks().payoffs([0.10, 0.25]).percent, [[-0.560617, 0.021219], [-1.003068, -0.003032]])
    best = talks().unanswered()
    near(best.percent, [-0.543002, 0.021247])
    near(round(best.rates[1], 4), 0.0959)
    near(talks().payoffs([0.23724, 0.23725]).percent[:, 1] > 0, [True, False])
    near(talks().payoffs(0.25, r=0.15).percent[0] - talks().payoffs(r=0.15).percent[0], -0.970981)


def test_threats_by_sets_of_links():
    game = talks().threat_game()
    value = coco_value(game)
    near(value.payoffs, [-0.514904, 0.514904])
    mine, yours = (
        game.actions[0].index(f"{side} A + {side} B + {side} C") for side in ("exports", "imports")
    )
    advantage = game.payoffs[..., 1] - game.payoffs[..., 0]  # each stops selling: a saddle point in pure sets
    near([advantage[mine].max(), advantage[:, yours].min(), advantage[mine, yours]], 1.029808)
    alone = game.payoffs[0, :, :]  # Canada closes nothing
    best = int(np.argmax(alone[:, 1] - alone[:, 0]))
    assert game.actions[1][best] == "imports C"
    near(-alone[best], [20.950720, 14.617432])
    own = game.payoffs[:, 0, :]
    best = int(np.argmax(own[:, 0] - own[:, 1]))
    near(own[best] @ [-1.0, 1.0], -6.699850)
    near(-game.payoffs[yours, 0], [23.170289, 17.448795])
    near(-game.payoffs[mine, 0], [23.556752, 30.256603])


def test_groups_of_sectors():
    groups = talks().threat_game(sectors=[["A", "B"], "C"])
    assert groups.shape == (16, 16)
    single = talks().threat_game()
    at = single.actions[0].index("imports A + imports B")
    near(groups.payoffs[groups.actions[0].index("imports A B"), 0], single.payoffs[at, 0])
    assert talks().threat_game(sectors="all").shape == (4, 4)
    nothing = talks().threat_game(sectors=[])
    assert nothing.shape == (1, 1)
    near(nothing.payoffs, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_states_against_a_plain_program(seed):
    """A rivalry and a game of threats in a drawn world, each link closed by a cost of 10,000."""
    flows, _, inputs, theta = drawn(seed)
    data = (flows, np.zeros_like(flows), inputs, theta)
    plain, model = PlainEconomy(*data), model_of(data)
    small = Negotiation(model=model, home="r0", partner="r1", alternative="r2")
    worth = model.economy.income

    def money(*links):
        high = np.ones_like(flows)
        for importer, exporter, sectors in links:
            high[importer, exporter, sectors] = 1e4
        return plain.welfare(np.zeros_like(flows), high) * worth / 100.0

    every = slice(None)
    partner, other = ([(0, k, every), (k, 0, every)] for k in (1, 2))
    both, us, china, none = (money(*links) for links in ([], other, partner, partner + other))
    rivalry = small.rivals()
    size = np.abs(none).max()
    expected = us[0] - china[0] - (china[2] - us[2]), china[0] - us[0] - (us[1] - china[1])
    np.testing.assert_allclose(rivalry.demands, expected, atol=1e-4 * size)
    np.testing.assert_allclose(
        rivalry.losses, both[0] - np.array([china[0], us[0], none[0]]), atol=1e-4 * size
    )
    won = int(us[0] + us[1] - china[1] < china[0] + china[2] - us[2])
    assert rivalry.winner == won
    np.testing.assert_allclose(
        rivalry.home_payoff, (us, china)[won][0] - rivalry.demands[won], atol=1e-4 * size
    )
    cells = [(0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1)]
    game = small.threat_game()
    rng = np.random.default_rng(seed)
    for mine, yours in product(rng.integers(16, size=3), rng.integers(16, size=3)):
        lost = money(*(cell for k, cell in enumerate(cells) if (mine | yours) >> k & 1)) - both
        np.testing.assert_allclose(game.payoffs[mine, yours], lost[:2], atol=1e-4 * size)


def test_relabelling_the_rivals():
    flows, _, inputs, theta = drawn(7)
    model = model_of((flows, np.zeros_like(flows), inputs, theta))
    one = Negotiation(model=model, home="r0", partner="r1", alternative="r2").rivals()
    two = Negotiation(model=model, home="r0", partner="r2", alternative="r1").rivals()
    for name in ("bids", "demands", "alone", "menus"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name)[::-1], atol=1e-9)
    assert one.winner == 1 - two.winner
    np.testing.assert_allclose(one.home_payoff, two.home_payoff, atol=1e-9)


def test_splitting_a_sector_changes_nothing():
    flows, _, _, _ = drawn(2)
    theta = np.array([4.0, 6.0])
    data = flows, np.zeros_like(flows), None, theta
    halves = np.concatenate([flows[..., :1] / 2, flows[..., :1] / 2, flows[..., 1:]], axis=-1)
    parts = halves, np.zeros_like(halves), None, np.array([4.0, 4.0, 6.0])
    whole, split = (
        Negotiation(model=model_of(one), home="r0", partner="r1", alternative="r2") for one in (data, parts)
    )
    near(split.rivals().money, whole.rivals().money)
    near([split.threat().loss, split.threat().first], [whole.threat().loss, whole.threat().first])


def test_the_critical_discount_factor_of_the_repeated_game():
    """In fractions: the stage game's exact payoffs, at delta* and a billionth below."""
    threat = talks().threat()
    game = threat.game()
    assert game.player_names == ("USA", "CAN")
    cost, loss = (-Fraction(game.exact_payoff(("cut", "-"), name)) for name in game.player_names)
    critical = cost / (cost + loss)
    near([float(critical), threat.patience], 0.493820)
    for discount, lowest in ((critical + Fraction(1, 10**9), -loss), (critical - Fraction(1, 10**9), 0)):
        near(transfer_equilibrium(RepeatedGame(game, float(discount))).threat[1], float(lowest))


def test_notions_of_an_example():
    """Elasticity 4, one sector, no response of prices: the table of leverage in closed form."""
    alternating = AlternatingOffers(0.9)
    loss, cost = 100 * (1 - (1 - 0.3439) ** 0.25), 1000 * (1 - 0.96561**0.25)
    near([loss, cost, (loss - cost) / 2, cost / 9], [10, 8.710654, 0.644673, 0.967850])
    talk = alternating(Problem(TransferableSurplus(0.0), [-cost, -loss]))
    near(talk.payoffs[0], 1.137059)
    near(loss - (loss + cost) * 0.9 / 1.9, 1.137059)


def test_the_table_of_leverage():
    table = merged().leverage(LEVELS)
    rows = {row["notion"]: row for row in table.records()}
    threat = merged().threat(r=[0, 0.15])
    near(rows["ultimatum; repeated, if patient"]["payment"], threat.loss_money[0])
    near(rows["repeated, the cut comes a period late"]["payment"], 0.9 * threat.loss_money[0])
    near(rows["repeated, least for a cut of a period"]["payment"], threat.cost_money[0] / 9)
    deal = merged().deal([0, 0.15])
    paid = deal.transfer(nash(deal.problem()))
    war = rows["Nash, about the tariff war"]
    near(war["payment"], paid[0])
    near([np.round(war["payment"], 3), np.round(war["open_2"], 1)], [2.807, 17.3])
    near(war["open_2"], 100 * (1 - paid[1] / paid[0]))
    rivalry = rows["K bids to be the only one"]
    near([np.round(rivalry["payment"], 6), np.round(rivalry["open_2"], 1)], [24.487245, 28.9])
    cut = rows["Nash, about the cut"]
    exit_paid = [one.transfer(nash(one.problem("exit")))[1] for one in (deal, deal.without_route())]
    near([cut["open_2"], cut["contingent_2"]], 100 * (1 - np.array(exit_paid) / cut["payment"]))
    near(rows["each closes what it likes"]["payment"], cut["payment"])  # together: the full cut
    assert rows["offers alternate, trade goes on"]["payment"] == 0.0
    offers = rows["offers alternate, trade cut meanwhile"]
    total = threat.loss_money[0] + threat.cost_money[0]
    near(offers["payment"], threat.loss_money[0] - total * 0.9 / 1.9)
    near(rows["the same, T may turn to K"]["payment"], offers["payment"])


def test_notions_of_the_whole_world():
    loss, cost = (
        getattr(talks().threat(r=[0, 0.15], route="contingent"), name)
        for name in ("loss_money", "cost_money")
    )
    near((loss - cost) / 2, [0.514904, -1.080282])
    near(talks().threat().least(0.9), 4.571356)
    found = talks().threat(route="contingent")

    def half(r):
        at = found.elsewhere(r)
        return float(at.loss_money - at.cost_money)

    near(brentq(half, 0.0, 0.1, xtol=1e-10), 0.047075)
    lost = [1 - talks().threat(r=0.15, route=route).loss / 2.577548 for route in ("open", "contingent")]
    near(np.round(lost, 3), [0.006, 0.077])


def test_a_threat_as_disagreement():
    threat = merged().threat(r=0.15)
    whole = Negotiation(
        model=merged().model, home="CAN", partner="USA", alternative="CHN", disagreement=threat
    )
    deal = whole.deal(0.15)
    near(deal.transfer(nash(deal.problem())), (threat.loss_money - threat.cost_money) / 2)
    near(whole.without_agreement().money, whole.leave(r=0.15).money)
    part = merged().threat(side="imports")
    near(merged().without_agreement(part).percent, part.cut.welfare[..., merged().places])


def test_rivals_beside_the_triangle():
    """The clause of the triangle is the exclusive state as well, but nobody threatens there."""
    triangle = Triangle.at(merged(), r=0.15)
    rivalry = merged().rivals(r=0.15)
    near(triangle.money[1, 1], rivalry.money[0])
    assert triangle.clause(unpaid(triangle.money)) < 0 < rivalry.demands[0]


def test_without_an_alternative():
    pair = Negotiation(data="icio2019", home="CHN", partner="USA")
    notions = [row["notion"] for row in pair.leverage([0.0]).records()]
    assert len(notions) == 8
    near(pair.threat().loss, merged_pair_loss := pair.threat(route="contingent").loss)
    assert merged_pair_loss > 0
    with pytest.raises(InvalidInput, match="`alternative` must be named"):
        pair.rivals()
    with pytest.raises(InvalidInput, match="`alternative` must be named"):
        pair.leverage([0.1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda talk: talk.threat_game(sectors=["A", "B", "C", "D", "E"]),
            "`sectors` must be 4 groups at most",
        ),
        (lambda talk: talk.threat_game(r=[0, 0.1]), "`r` must be one share in a game of threats"),
        (lambda talk: talk.threat_game(sectors=["Z9"]), "`sectors` must be one of 'A'"),
        (lambda talk: talk.rivals(sectors=["Z9"]), "`sectors` must be one of 'A'"),
        (lambda talk: talk.rivals(r=1.5), r"`r` must lie in \[0, 1\]"),
        (lambda talk: talk.threat().threshold(1, unit="dollars"), "`unit` must be one of 'money', 'percent'"),
        (lambda talk: talk.threat(r=[0, 0.1]).game(), "A game must be of one threat"),
        (lambda talk: talk.leverage([0.1], discount=1.0), r"`discount` must lie in \(0, 1\)"),
        (lambda talk: talk.leverage(0.1), "`r`"),
        (lambda talk: talk.threat().threshold([1, 2]), "`demand`"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(InvalidInput, match=message):
        call(merged())


def test_a_rivalry_without_links():
    rivalry = merged().rivals(sectors=[])
    near([rivalry.losses, rivalry.demands.repeat(2)[:3]], 0.0)
    assert rivalry.status == Status.OK
    assert repr(rivalry) == "Rivalry(US and China over Canada; r = 0.0; OK)"


def test_bands_hold_the_draws_that_they_are_made_of(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two draws: the ends of a band are a twentieth of the way from one to the other."""
    monkeypatch.setattr(divisions, "DRAWS", 2)
    bands, plain = (divisions.leverage_bands(study).records(), divisions.leverage_table(study).records())
    assert [row["notion"] for row in bands] == [row["notion"] for row in plain]
    for row in bands:
        for name in ("payment", "open_1", "contingent_1"):
            if row[name] is not None:
                low, middle, high = row[name]
                assert low <= middle <= high
                assert middle == pytest.approx((low + high) / 2, rel=1e-9, abs=1e-12)
