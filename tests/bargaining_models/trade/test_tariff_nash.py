"""Optimal, best-reply and Nash tariffs: closed forms, a plain maximiser, checked numbers, deviations."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bargaining.errors import InvalidInput, Status
from bargaining_models.trade import TradeModel
from plain_economy import PlainEconomy, drawn, model_of
from replication_data import replication_data
from six_blocs import blocs, project

TWO = np.array([[[80.0], [20.0]], [[25.0], [175.0]]])


def certified(found):
    assert found.status is Status.OK
    assert found.marginal < 1e-9
    assert found.regret <= 1e-8
    assert (found.curvature < 0).all()
    assert found.spread < 1e-9
    return found


@pytest.fixture(scope="module")
def model():
    return project()


@pytest.fixture(scope="module")
def six():
    return blocs()


def test_two_countries_one_sector():
    """t theta lam_ff = 1: the formula is exact."""
    found = certified(model_of((TWO, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0])).optimal_tariffs("r0"))
    own = found.equilibrium.shares[1, 1, 0]
    assert found.rates[0] * 4 * own == pytest.approx(1, abs=1e-12)
    assert found.rates[0] == pytest.approx(0.2700028, abs=6e-8)
    assert found.formula[0] == pytest.approx(found.rates[0], abs=1e-5)


def test_two_countries_many_sectors():
    """1/t = sum theta_j lam_ff,j E_j / sum E_j if the other country sets no tariff and nobody buys inputs."""
    flows, _, _, _ = drawn(1, regions=2, sectors=3, links=False)
    theta = np.array([2.0, 5.0, 9.0])
    model = model_of((flows, np.zeros_like(flows), np.zeros((2, 3, 3)), theta))
    found = certified(model.optimal_tariffs("r0"))
    exports = found.equilibrium.flows[1, 0]
    own = found.equilibrium.shares[1, 1]
    assert 1 / found.rates[0] == pytest.approx((theta * own * exports).sum() / exports.sum(), abs=1e-11)
    # A small country faces given prices abroad: its rate falls to that of its exports' demand.
    by_sector = certified(model.optimal_tariffs("r0", by="sector"))
    # Sectors are all alike: one price, the wage.
    np.testing.assert_allclose(by_sector.rates, found.rates[0], rtol=1e-8)


@pytest.mark.parametrize(("size", "rate"), [(0.1, 0.25181), (0.01, 0.25018), (0.001, 0.25002)])
def test_a_small_country_charges_one_over_theta(size, rate):
    flows = np.array([[80 * size, 20 * size], [20 * size, 175.0]])[..., None]
    found = model_of((flows, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0])).optimal_tariffs("r0")
    assert found.rates[0] == pytest.approx(rate, abs=5.1e-6)


def test_the_formula_counts_from_what_is_given_where_rates_are_added():
    model = model_of((TWO, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0]))
    given = model.tariffs({("r0", "r1"): 0.1})
    rates, added = (model.optimal_tariffs("r0", base=base, given=given) for base in ("replace", "add"))
    np.testing.assert_allclose(added.formula, rates.formula - 0.1, rtol=0, atol=1e-5)
    np.testing.assert_allclose(added.rates, rates.rates - 0.1, rtol=0, atol=1e-9)


def test_a_start_at_which_nothing_is_defined_is_moved():
    found = model_of((TWO, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0])).optimal_tariffs(
        "r0", starts=[-3]
    )
    assert found.status is Status.OK


@pytest.mark.parametrize("links", [True, False])
def test_a_plain_maximiser_finds_the_same(links):
    """Bounded minimisation of a plain program's welfare, on each player's rate at the Nash equilibrium."""
    data = drawn(3, links=links)
    model, plain = model_of(data), PlainEconomy(*data)
    found = certified(model.nash_tariffs(["r0", "r2"]))

    def welfare(rate, place, region):
        rates = found.rates.copy()
        rates[place] = rate
        tariffs = data[1].copy()
        for player, own in zip((0, 2), rates, strict=True):
            tariffs[player] = own
            tariffs[player, player] = 0.0
        return -plain.welfare(tariffs)[region]

    for place, region in ((0, 0), (1, 2)):
        best = minimize_scalar(welfare, args=(place, region), bounds=(-0.2, 2), options={"xatol": 1e-7})
        assert best.x == pytest.approx(found.rates[place], abs=1e-5)
        assert -best.fun == pytest.approx(found.percent[region], abs=1e-9)


# An independent program, full system with complex-step Jacobian.
ALONE = [
    ({"region": "USA"}, [0.159384], [0.23215, -1.22280, -0.00961, -0.19347]),
    ({"region": "USA", "by": "partner"}, [0.170743, 0.160781, 0.156545], [0.232494]),
    ({"region": "USA", "base": "add"}, [0.132052], []),
    ({"region": "CAN"}, [0.159211], []),
    ({"region": "USA", "against": ["CAN"]}, [0.129100], [0.04768, -1.08805]),
    ({"region": "CAN", "against": ["USA"]}, [0.101741], [-0.05476, 0.29692]),
]


@pytest.mark.parametrize(("options", "rates", "percent"), ALONE)
def test_optimal_tariffs_of_the_project(model, options, rates, percent):
    found = certified(model.optimal_tariffs(**options))
    np.testing.assert_allclose(found.rates, rates, rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(found.percent[: len(percent)], percent, rtol=0, atol=5.1e-6)


def test_optimal_tariffs_by_sector(model):
    found = certified(model.optimal_tariffs("USA", by="sector"))
    assert found.labels[0] == ("USA", "AGR")
    assert found.of("USA", "AUTO") == pytest.approx(0.1538, abs=5e-5)
    assert found.of("USA", "MIN") == pytest.approx(0.1792, abs=5e-5)
    assert found.rates.min() == found.of("USA", "AUTO")
    assert found.percent[0] == pytest.approx(0.232581, abs=5.1e-7)


def test_wars_of_the_project(model):
    world = certified(model.nash_tariffs())
    np.testing.assert_allclose(world.rates, [0.157140, 0.157485, 0.160928, 0.152754], rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(world.percent, [-0.22802, -1.18217, -0.53239, -0.31793], rtol=0, atol=5.1e-6)
    war = certified(model.nash_tariffs(["USA", "CAN"], against="players"))
    np.testing.assert_allclose(war.rates, [0.133581, 0.101686], rtol=0, atol=5.1e-7)
    np.testing.assert_allclose(war.percent[:2], [-0.00816, -0.85495], rtol=0, atol=5.1e-6)
    np.testing.assert_allclose(war.curvature, [-3.54, -38.3], rtol=0, atol=0.05)
    np.testing.assert_allclose(war.gains, war.percent[:2], rtol=0, atol=1e-12)
    # Each is the other's best reply, and the replies move as a program of its own says.
    usa = model.best_reply("USA", war.tariffs, against=["CAN"])
    assert usa.rates[0] == pytest.approx(war.rates[0], abs=1e-11)
    moved = [
        model.optimal_tariffs(
            one,
            given=war.tariffs + 1e-3 * (model.tariffs({(other, one): 1.0}) - model.economy.tariffs),
            against=[other],
        )
        for one, other in (("USA", "CAN"), ("CAN", "USA"))
    ]
    slopes = [(reply.rates[0] - rate) / 1e-3 for reply, rate in zip(moved, war.rates, strict=True)]
    np.testing.assert_allclose(slopes, [0.0421, 0.0006], rtol=0, atol=1e-4)


def test_wars_of_six_blocs(six):
    alone = certified(six.optimal_tariffs("USA"))
    np.testing.assert_allclose([alone.rates[0], alone.percent[0]], [0.137502, 0.16367], rtol=0, atol=5.5e-6)
    world = certified(six.nash_tariffs())
    np.testing.assert_allclose(
        world.rates, [0.136286, 0.135537, 0.148597, 0.132744, 0.144428, 0.125988], rtol=0, atol=2e-6
    )
    np.testing.assert_allclose(
        world.percent, [-0.0902, -0.6144, -1.0373, -0.4492, -0.3249, -0.2835], rtol=0, atol=5.5e-5
    )
    by_partner = certified(six.nash_tariffs(by="partner"))
    assert by_partner.rates.shape == (30,)
    assert len(by_partner.labels) == 30


@pytest.mark.parametrize(
    ("other", "members", "rates", "percent"),
    [
        ("MEX", ["MEX"], (0.11995, 0.09514), (0.00078, -0.80873)),
        ("EU3", ["DEU", "FRA", "ITA"], (0.09630, 0.08432), (-0.00261, -0.05017)),
        ("CAN", ["CAN"], (0.10958, 0.09283), ()),
    ],
)
def test_wars_of_the_us_with_others(other, members, rates, percent):
    war = certified(blocs({other: members}).nash_tariffs(["USA", other], against="players"))
    np.testing.assert_allclose(war.rates, rates, rtol=0, atol=5.5e-6)
    np.testing.assert_allclose(war.percent[: len(percent)], percent, rtol=0, atol=5.5e-6)


def test_forty_four_countries():
    """Two independent programs, one rate a country; the formula misses by up to 2.8 points."""
    data, exact = replication_data("wiod2014"), replication_data("nash44")
    # These flows are exporter first, and include the tariff.
    flows, tariffs = data["X"].swapaxes(0, 1), data["T"].swapaxes(0, 1)
    model = TradeModel.from_arrays(
        flows / (1 + tariffs),
        tariffs,
        elasticities=data["eps"],
        regions=data["C"],
        sectors=[f"s{k}" for k in range(16)],
    )
    found = certified(model.nash_tariffs(sectors="all", starts=("formula", 0.0, 0.4, 1.0)))
    np.testing.assert_allclose(found.rates, exact["x"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.percent, exact["W"], rtol=0, atol=1e-8)
    assert found.of("USA") == pytest.approx(0.439908, abs=5.1e-7)
    listed = np.array(model.regions) != "ROW"
    assert found.rates[listed].mean() == pytest.approx(0.391973, abs=5.1e-7)
    assert found.percent[listed].mean() == pytest.approx(-2.50059, abs=5.1e-6)
    for name, rate in (("CHN", 0.399535), ("CAN", 0.301511)):
        assert found.of(name) == pytest.approx(rate, abs=5.1e-7)
    for name, percent in (("USA", -0.63677), ("CAN", -2.65601)):
        assert found.percent[model.regions.index(name)] == pytest.approx(percent, abs=5.1e-6)
    ends = {model.regions[k]: round(float(found.rates[k]), 4) for k in np.argsort(found.rates)[[0, -1]]}
    assert ends == {"RUS": 0.15, "BRA": 0.8207}
    assert found.formula[model.regions.index("USA")] == pytest.approx(0.4115, abs=5.1e-5)
    assert np.abs(found.rates - data["t"]).max() == pytest.approx(0.028, abs=5e-4)


def test_order_of_regions_and_players_is_immaterial():
    flows, tariffs, inputs, theta = drawn(5)
    order = [2, 0, 1]
    one = model_of((flows, tariffs, inputs, theta)).nash_tariffs(by="partner")
    names = [f"r{k}" for k in order]
    moved = TradeModel.from_arrays(
        flows[order][:, order],
        tariffs[order][:, order],
        inputs[order],
        elasticities=theta,
        regions=names,
        sectors=["s0", "s1"],
    ).nash_tariffs(["r1", "r0", "r2"], by="partner")
    assert set(one.labels) == set(moved.labels)
    for label in one.labels:
        assert moved.of(*label) == pytest.approx(one.of(*label), abs=1e-10)


def test_agreements_make_most_favoured_nation_rates(model):
    """The US and Canada keep their zero rates on each other."""
    found = certified(model.nash_tariffs(["USA", "CAN"], agreements=[("USA", "CAN")]))
    assert found.tariffs[0, 1].max() == 0.0
    assert found.tariffs[1, 0].max() == 0.0
    np.testing.assert_array_equal(found.tariffs[0, 2, :9], found.rates[0])
    np.testing.assert_array_equal(found.tariffs[0, 3, :9], found.rates[0])
    # Free to discriminate, the US does no worse.
    free = model.optimal_tariffs("USA", by="partner", agreements=[("USA", "CAN")], given=found.tariffs)
    held = model.optimal_tariffs("USA", agreements=[("USA", "CAN")], given=found.tariffs)
    assert free.labels == (("USA", "CHN"), ("USA", "ROW"))
    assert free.percent[0] >= held.percent[0]


def test_finer_instruments_are_never_worse(model):
    gains = [
        model.optimal_tariffs("CAN", by=by).percent[1]
        for by in ("uniform", "partner", "sector", "partner and sector")
    ]
    assert gains[0] <= gains[1] <= gains[3]
    assert gains[0] <= gains[2] <= gains[3]


def test_costs_in_force(model):
    """With a second market open Canada is taxed less (the war of the project at r = .15)."""
    route = model.redirect(0.15, exporter="CAN", market="USA", target="CHN")
    war = certified(model.nash_tariffs(["CAN", "USA"], against="players", costs=route))
    np.testing.assert_allclose(war.rates, [0.102, 0.128], rtol=0, atol=5e-4)
    np.testing.assert_allclose(war.percent[[1, 0]], [-0.473, -0.013], rtol=0, atol=5e-4)


def test_a_rate_is_found_by_its_label(model):
    war = model.nash_tariffs(["USA", "CAN"], against="players")
    assert war.of("USA") == war.rates[0]
    with pytest.raises(InvalidInput, match=r"`label` must be one of USA, CAN, \.\.\.; got MEX"):
        war.of("MEX")


def test_no_finite_equilibrium_is_said(model, monkeypatch):
    """With its deficit fixed in world value added a region may gain without end; here a search that is cut short."""
    from bargaining_models.trade import tariff_nash

    monkeypatch.setattr(tariff_nash, "NEWTON_STEPS", 1)
    monkeypatch.setattr(tariff_nash, "BROYDEN_STEPS", 1)
    found = model.nash_tariffs(starts=[1.0])
    assert found.status is Status.FAILED
    assert np.isnan(found.rates).all()
    assert np.isnan(found.percent).all()
    assert np.isnan(found.spread)


def test_a_player_who_could_do_better_is_seen(model, monkeypatch):
    """Rates that only meet the first-order conditions of another model are not passed off as an equilibrium."""
    from bargaining_models.trade import tariff_nash

    monkeypatch.setattr(
        tariff_nash, "_search", lambda payoffs, begin: (np.array([[0.05, 0.101686]]), np.ones(1))
    )
    found = model.nash_tariffs(["USA", "CAN"], against="players")
    assert found.status is Status.INACCURATE
    assert found.marginal > 1e-3
    assert found.regret > 1e-3


WRONG = [
    (lambda m: m.optimal_tariffs("MEX"), "`region` must be one of 'USA'.*; got 'MEX'"),
    (lambda m: m.nash_tariffs(["USA", "USA"]), "`players` must be different regions; got 'USA' twice"),
    (lambda m: m.optimal_tariffs("USA", by="sector", sectors=["METAL", "METAL"]), "got 'METAL' twice"),
    (lambda m: m.nash_tariffs(starts=[1e308]), r"`starts` must lie in \[-1000, 1000\]; got 1e\+308"),
    (lambda m: m.nash_tariffs(grid=10**9), "`grid` must be a whole number, at least 3 and at most 10000"),
    (lambda m: m.decomposition(steps=10**9), "`steps` must be a whole number, at least 2 and at most 10000"),
    (lambda m: m.bargained_tariffs(["USA", "CAN"], lower=10**400), "`lower` must be a rate"),
    (lambda m: m.nash_tariffs([]), "`players` must name at least one region"),
    (lambda m: m.nash_tariffs(agreements=5), "`agreements` must be a list of pairs of regions; got 5"),
    (lambda m: m.nash_tariffs("USA"), "`players` must be a list of regions; got 'USA'"),
    (lambda m: m.nash_tariffs(by="country"), "`by` must be one of 'uniform'"),
    (lambda m: m.nash_tariffs(base="on top"), "`base` must be one of 'replace', 'add'"),
    (lambda m: m.nash_tariffs(against="friends"), "`against` must be one of 'all', 'players'"),
    (lambda m: m.nash_tariffs(["USA"], against="players"), "each have somebody to tax; USA has nobody"),
    (lambda m: m.nash_tariffs(sectors=[]), "`sectors` must name at least one"),
    (lambda m: m.nash_tariffs(starts=["best"]), "`starts` must hold 'formula' or rates; got 'best'"),
    (lambda m: m.nash_tariffs(starts=[[0.1, 0.2]]), "one rate for all, or 4 rates"),
    (lambda m: m.nash_tariffs(starts=[]), "`starts` must be a list"),
    (
        lambda m: m.nash_tariffs(given=np.zeros((4, 4))),
        r"`given` must be one array of tariffs, shape \(4, 4, 11\)",
    ),
    (lambda m: m.nash_tariffs(given=np.full((4, 4, 11), 0.1)), "0 on a region's own sales"),
    (lambda m: m.nash_tariffs(costs=np.ones(3)), "`costs` must be one array of shape"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_arguments_are_named(model, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(model)


def test_a_tariff_needs_trade():
    flows, tariffs, inputs, theta = drawn(6)
    flows[0, 1] = 0.0
    model = model_of((flows, tariffs, inputs, theta))
    with pytest.raises(InvalidInput, match="where nothing is traded; r0 on r1 has no imports"):
        model.nash_tariffs(by="partner")
    found = model.nash_tariffs(["r0"], by="partner and sector")
    assert found.labels == (("r0", "r2", "s0"), ("r0", "r2", "s1"))
