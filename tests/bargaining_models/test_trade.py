import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining import sensitivity
from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining_models.parameters import load
from bargaining_models.trade import TradeModel, conditions
from bargaining_models.trade.conditions import Solver
from former_figures import former

DATA = Path(bargaining_models.__file__).parent / "data"
USA, CAN, CHN, ROW = range(4)
US_ON_CANADA, CANADA_ON_US = ("USA", "CAN"), ("CAN", "USA")
ROUTE = {"exporter": "CAN", "market": "USA", "target": "CHN"}


@pytest.fixture(scope="module")
def parameters():
    return load()


@pytest.fixture(scope="module", params=["uniform5", "uniform4", "cp"])
def model(request, parameters):
    return TradeModel.from_parameters(parameters, elasticities=request.param)


@pytest.fixture(scope="module")
def model5(parameters):
    return TradeModel.from_parameters(parameters)


@pytest.fixture(scope="module")
def random_scenarios():
    """Tariffs on every link, trade costs up and down, some links closed."""
    rng = np.random.default_rng(7)
    tariffs = rng.uniform(-0.1, 0.6, (40, 4, 4, 11))
    tariffs[:, np.arange(4), np.arange(4)] = 0.0
    costs = rng.uniform(0.8, 1.3, (40, 4, 4, 11))
    costs[20:, USA, CAN, :9] = np.inf
    return tariffs, costs


def relative_gap(model, answer, tariffs, costs):
    """The largest violation of the equilibrium conditions, written out anew with loops."""
    base, worst = model.economy, 0.0
    regions, sectors = base.added.shape
    price, flow = answer.prices, answer.flows
    income = answer.income * base.income
    spending = (flow * (1 + tariffs)).sum(axis=1)
    for n in range(regions):
        for j in range(sectors):
            total = 0.0
            for i in range(regions):
                cost = answer.wages[i] ** base.added[i, j] * np.prod(price[i] ** base.inputs[i, j])
                kappa = costs[n, i, j] * (1 + tariffs[n, i, j]) / (1 + base.tariffs[n, i, j])
                total += base.shares[n, i, j] * (cost * kappa) ** -base.elasticities[j]
                share = base.shares[n, i, j] * (cost * kappa / price[n, j]) ** -base.elasticities[j]
                worst = max(worst, abs(flow[n, i, j] * (1 + tariffs[n, i, j]) / spending[n, j] - share))
            worst = max(worst, abs(total ** (-1 / base.elasticities[j]) / price[n, j] - 1))
            use = sum(base.inputs[n, k, j] * flow[:, n, k].sum() for k in range(sectors))
            worst = max(worst, abs((use + base.final[n, j] * income[n]) / spending[n, j] - 1))
        paid = sum(base.added[n, j] * flow[:, n, j].sum() for j in range(sectors))
        earned = answer.wages[n] * base.factor[n]
        worst = max(worst, abs(paid / earned - 1))
        worst = max(worst, abs((earned + (tariffs[n] * flow[n]).sum()) / income[n] - 1))
    return max(worst, abs((answer.wages * base.factor).sum() / base.factor.sum() - 1))


# Numbers of an independent program with the same figures, to the digits it printed.
PUBLISHED = [
    ("uniform5", 0.0, {"USA": 0.027, "CAN": -1.65, "CHN": 0.005, "ROW": 0.005}),
    ("uniform5", 0.15, {"CAN": -1.28}),
    ("cp", 0.0, {"USA": 0.017, "CAN": -1.56}),
]


@pytest.mark.parametrize(("elasticities", "share", "expected"), PUBLISHED)
def test_25_percent_on_all_canadian_goods(elasticities, share, expected):
    model = TradeModel.from_parameters(former(), elasticities=elasticities)
    answer = model.solve(tariffs=model.tariffs({US_ON_CANADA: 0.25}), costs=model.redirect(share, **ROUTE))
    for region, percent in expected.items():
        digits = len(f"{abs(percent)}".partition(".")[2])
        assert round(float(answer.of(region)), digits) == percent


def test_agrees_with_a_peer():
    """Welfare in percent of `CaliendoParroModel` in puremacro 5.7.1 from the same base, to its nine decimals."""
    with open(
        Path(__file__).parent / "references" / "trade_peer.csv", newline="", encoding="utf-8"
    ) as handle:
        cases = list(csv.DictReader(handle))
    models = {name: TradeModel.from_parameters(former(), elasticities=name) for name in ("uniform5", "cp")}
    for case in cases:
        model = models[case["elasticities"]]
        rates = {US_ON_CANADA: float(case["us_tariff"]), CANADA_ON_US: float(case["canada_tariff"])}
        answer = model.solve(tariffs=model.tariffs(rates), costs=model.redirect(float(case["r"]), **ROUTE))
        peer = [float(case[region]) for region in model.regions]
        np.testing.assert_allclose(answer.welfare, peer, rtol=0, atol=2e-9)
    assert len(cases) == 6


def test_no_shock_changes_nothing(model):
    answer = model.solve()
    for hats in (answer.wages, answer.prices, answer.income):
        np.testing.assert_allclose(hats, 1.0, rtol=0, atol=3e-12)
    np.testing.assert_allclose(answer.flows, model.economy.flows, rtol=1e-12)
    assert np.abs(answer.welfare).max() < 1e-10


def test_meets_the_conditions(model, random_scenarios):
    tariffs, costs = random_scenarios
    answer = model.solve(tariffs=tariffs, costs=costs).raise_if_failed()
    assert answer.residual.max() < 1e-12
    for k in (0, 10, 20, 39):
        one = model.solve(tariffs=tariffs[k], costs=costs[k])
        assert one.status is Status.OK
        assert relative_gap(model, one, tariffs[k], costs[k]) < 1e-12


ARRAYS = ("welfare", "wages", "prices", "income", "flows", "residual", "status")


@pytest.mark.parametrize("size", [1, 3, 16, 39])
def test_answers_do_not_depend_on_the_batch(model, random_scenarios, size):
    tariffs, costs = random_scenarios
    whole = model.solve(tariffs=tariffs, costs=costs)
    for first in range(0, 40, max(size, 4)):
        part = slice(first, first + size)
        some = model.solve(tariffs=tariffs[part], costs=costs[part])
        for name in ARRAYS:
            np.testing.assert_array_equal(getattr(whole, name)[part], getattr(some, name))


def test_shapes_follow_the_batch(model5):
    tariffs = model5.tariffs({US_ON_CANADA: np.zeros((3, 1)), CANADA_ON_US: [0.1, 0.2]})
    answer = model5.solve(tariffs=tariffs, costs=model5.redirect(0.1, **ROUTE))
    assert answer.welfare.shape == (3, 2, 4)
    assert answer.prices.shape == (3, 2, 4, 11)
    assert answer.flows.shape == (3, 2, 4, 4, 11)
    assert answer.residual.shape == answer.status.shape == answer.of("USA").shape == (3, 2)


def test_large_subsidies_are_left_to_newton(model):
    tariffs = model.tariffs({US_ON_CANADA: [-0.6, 0.1], CANADA_ON_US: [-0.6, 0.0]})
    answer = model.solve(tariffs=tariffs)
    assert answer.residual.max() < 1e-10
    assert relative_gap(model, model.solve(tariffs=tariffs[0]), tariffs[0], np.ones((4, 4, 11))) < 1e-10


def test_a_scenario_that_fails_stops_no_other(model5):
    tariffs = model5.tariffs({US_ON_CANADA: [0.1, 0.2, 0.3]})
    costs = np.ones_like(tariffs)
    costs[1, CAN, :, 0] = np.inf  # nobody sells Canada anything of the first sector
    answer = model5.solve(tariffs=tariffs, costs=costs)
    assert list(answer.status) == [Status.OK, Status.FAILED, Status.OK]
    assert np.isnan(answer.welfare[1]).all()
    np.testing.assert_array_equal(answer.welfare[[0, 2]], model5.solve(tariffs=tariffs[[0, 2]]).welfare)
    with pytest.raises(Unsolved, match="1 of 3 scenarios"):
        answer.raise_if_failed()


def test_a_solver_that_stops_early_says_inaccurate(model5, monkeypatch):
    monkeypatch.setattr(conditions, "BROYDEN_STEPS", 0)
    monkeypatch.setattr(conditions, "NEWTON_STEPS", 2)
    answer = model5.solve(tariffs=model5.tariffs({US_ON_CANADA: 0.25}))
    assert answer.status is Status.INACCURATE
    assert answer.residual > 1e-10
    with pytest.raises(Unsolved, match="1 of 1"):
        answer.raise_if_failed()


def test_a_singular_jacobian_gives_nan_for_its_cell_alone():
    matrices = np.stack([np.eye(2), np.zeros((2, 2)), 2 * np.eye(2)])
    steps = conditions.solved(matrices, np.ones((3, 2, 1)))[..., 0]
    np.testing.assert_array_equal(steps[[0, 2]], [[1, 1], [0.5, 0.5]])
    assert np.isnan(steps[1]).all()


@pytest.mark.dear("uniform5-world", "uniform4-world", "uniform4-CAN", "cp-CAN")
@pytest.mark.parametrize("unit", ["world", "CAN"])
def test_sensitivity_of_an_equilibrium_is_that_of_solving_again(model, unit):
    tariffs = model.tariffs({US_ON_CANADA: 0.25, CANADA_ON_US: 0.1})
    costs = np.where(model.closed([("CHN", "CAN", "MIN")]) == np.inf, np.inf, model.redirect(0.2, **ROUTE))

    def solve(model=model, *, tariffs=tariffs, costs=costs, paid=8.0):
        received = np.array([paid, -8.0, 0.0, 8.0 - paid])
        return model.solve(tariffs=tariffs, costs=costs, transfers=received, unit=unit).welfare

    def slope(of, step):
        ends = [of(k * step) for k in (-3, -2, -1, 1, 2, 3)]
        return np.tensordot([-1, 9, -45, 45, -9, 1], ends, 1) / (60 * step)

    def other(shift):
        elasticities = model.economy.elasticities + shift * np.eye(len(model.sectors))[3]
        economy = replace(model.economy, elasticities=elasticities)
        return replace(model, economy=economy, solver=Solver(economy))

    one = np.zeros_like(tariffs)
    one[CAN, USA, 3] = 1.0
    at = model.solve(tariffs=tariffs, costs=costs, transfers=[8.0, -8.0, 0, 0], unit=unit)
    ours = {name: sensitivity(at, wrt=name) for name in ("tariffs", "costs", "transfers", "elasticities")}
    link = {"importer": "CAN", "exporter": "USA", "sector": model.sectors[3]}
    for name, found, exact in (
        ("tariffs", ours["tariffs"].sel(link), slope(lambda h: solve(tariffs=tariffs + h * one), 1e-3)),
        ("costs", ours["costs"].sel(link), slope(lambda h: solve(costs=costs + h * one), 1e-3)),
        (
            "transfers",
            ours["transfers"][:, 0] - ours["transfers"][:, 3],
            slope(lambda h: solve(paid=8 + h), 1.0),
        ),
        ("elasticities", ours["elasticities"][:, 3], slope(lambda h: solve(other(h)), 1e-2)),
    ):
        np.testing.assert_allclose(found, exact, rtol=0, atol=1e-9, err_msg=name)
        assert float(ours[name].error.max()) < 1e-9
    cells = model.solve(tariffs=np.stack([tariffs, tariffs + 0.1 * one]))
    together = sensitivity(cells, wrt="tariffs")
    assert together.dims == ("cell", "region", "importer", "exporter", "sector")
    alone = sensitivity(model.solve(tariffs=tariffs + 0.1 * one), wrt="tariffs")
    np.testing.assert_allclose(together[1], alone, rtol=0, atol=1e-11)
    with pytest.raises(InvalidInput, match="`wrt` must be"):
        sensitivity(at, wrt="prices")

    with pytest.raises(InvalidInput, match="`order` must be 1 for TradeEquilibrium"):
        sensitivity(at, wrt="tariffs", order=2)


def test_closed_links_are_the_limit_of_prohibitive_costs(model):
    closed = model.closed([US_ON_CANADA, CANADA_ON_US])
    exit_ = model.solve(costs=closed).raise_if_failed()
    near = model.solve(costs=np.where(np.isinf(closed), 1e4, 1.0)).raise_if_failed()
    np.testing.assert_allclose(exit_.welfare, near.welfare, rtol=0, atol=1e-5)
    assert not exit_.flows[USA, CAN, :9].any()
    assert not exit_.flows[CAN, USA, :9].any()
    assert (exit_.flows[USA, CAN, 9:] > 0).all()
    # With the goods links closed a tariff on them is void.
    np.testing.assert_array_equal(
        exit_.welfare, model.solve(tariffs=model.tariffs({US_ON_CANADA: 0.5}), costs=closed).welfare
    )


def test_redirect_adds_the_share_at_fixed_prices(model, parameters):
    base = model.economy
    caps = parameters.caps.values
    costs = model.redirect([0.1, 0.4], caps=caps, **ROUTE)
    grown = base.shares[CHN, CAN] * costs[:, CHN, CAN] ** -base.elasticities
    added = (grown / base.shares[CHN, CAN] - 1.0) * base.flows[CHN, CAN]
    expected = np.minimum([[0.1], [0.4]], caps) * base.flows[USA, CAN] * model.goods
    np.testing.assert_allclose(added, expected, rtol=1e-9, atol=1e-12)
    costs[:, CHN, CAN] = 1.0
    assert (costs == 1.0).all()


def test_redirect_by_sector(model5):
    uniform = model5.redirect(0.2, **ROUTE)
    some = model5.redirect({"AGR": 0.2, "MIN": [0.0, 0.2]}, **ROUTE)
    assert some.shape == (2, 4, 4, 11)
    np.testing.assert_array_equal(some[1, CHN, CAN, :2], uniform[CHN, CAN, :2])
    assert (some[:, CHN, CAN, 2:] == 1.0).all()
    assert some[0, CHN, CAN, 1] == 1.0


def test_a_cheaper_route_helps_and_softens_the_tariff(model):
    shares = np.linspace(0, 1, 6)
    tariffs = model.tariffs({US_ON_CANADA: np.array([0.0, 0.25])[:, None]})
    percent = model.solve(tariffs=tariffs, costs=model.redirect(shares, **ROUTE)).of("CAN")
    assert (np.diff(percent, axis=1) > 0).all()
    assert (np.diff(percent[1] - percent[0]) > 0).all()


def test_order_of_regions_is_immaterial(parameters, model5):
    order = [2, 0, 3, 1]
    moved = TradeModel.from_parameters(
        replace(
            parameters,
            regions=tuple(parameters.regions[k] for k in order),
            flows=replace(parameters.flows, values=parameters.flows.values[order][:, order]),
            tariffs=replace(parameters.tariffs, values=parameters.tariffs.values[order][:, order]),
            input_shares=replace(parameters.input_shares, values=parameters.input_shares.values[order]),
        )
    )
    there = moved.solve(tariffs=moved.tariffs({US_ON_CANADA: 0.25}))
    here = model5.solve(tariffs=model5.tariffs({US_ON_CANADA: 0.25}))
    np.testing.assert_allclose(there.welfare, here.welfare[order], rtol=0, atol=1e-10)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_unit_of_the_flows_is_immaterial(parameters, model5, scale):
    flows = replace(parameters.flows, values=parameters.flows.values * scale)
    other = TradeModel.from_parameters(replace(parameters, flows=flows))
    rates = {US_ON_CANADA: 0.25, CANADA_ON_US: 0.1}
    np.testing.assert_allclose(
        other.solve(tariffs=other.tariffs(rates)).welfare,
        model5.solve(tariffs=model5.tariffs(rates)).welfare,
        rtol=0,
        atol=1e-10,
    )


def tiny(parameters, flows, *, share=0.0, tariffs=None):
    """A world of one sector with no base tariffs."""
    flows = np.array(flows, dtype=float)[..., None]
    n = len(flows)
    return TradeModel.from_parameters(
        replace(
            parameters,
            regions=("USA", "CAN", "CHN")[:n],
            sectors=("AGR",),
            goods=np.array([True]),
            absorbing=0,
            gdp=replace(parameters.gdp, values=parameters.gdp.values[:n]),
            flows=replace(parameters.flows, values=flows),
            tariffs=replace(parameters.tariffs, values=np.zeros((n, n, 1)) if tariffs is None else tariffs),
            input_shares=replace(parameters.input_shares, values=np.full((n, 1, 1), share)),
            elasticities={"uniform5": replace(parameters.elasticities["uniform5"], values=np.array([5.0]))},
        )
    )


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_gains_are_the_domestic_share(parameters, share):
    """Arkolakis, Costinot and Rodriguez-Clare (2012): one sector, trade costs only: `pi_nn_hat^(-1/(va theta))`."""
    model = tiny(parameters, [[80, 12, 8], [15, 30, 5], [9, 4, 60]], share=share)
    costs = np.array([[1, 1.2, 0.9], [1.1, 1, 1.3], [0.7, 1, 1]])[..., None]
    answer = model.solve(costs=costs)
    own = np.arange(3)
    before = model.economy.shares[own, own, 0]
    after = answer.flows[own, own, 0] / answer.flows.sum(axis=(1, 2))
    expected = 100 * ((after / before) ** (-1 / (5 * (1 - share))) - 1)
    np.testing.assert_allclose(answer.welfare, expected, rtol=1e-9)


def test_intermediate_use_is_limited_to_90_percent(parameters):
    data = TradeModel.from_parameters(parameters).data
    economy, settled = data.economy("fixed", limit=0.9, absorb=int(parameters.absorbing))
    assert settled
    output = parameters.flows.values.sum(axis=0)
    for shares, most in ((economy.inputs, 0.9), (parameters.input_shares.values, 1.16)):
        use = np.einsum("nkj,nk->nj", shares, output) / economy.expenditures
        assert use.max() == pytest.approx(most, abs=0.01)
    np.testing.assert_allclose(economy.added, 1 - parameters.input_shares.values.sum(axis=2), rtol=1e-12)
    np.testing.assert_allclose(economy.final.sum(axis=1), 1.0, rtol=1e-12)
    # What the residual leaves is what the figures say: value added meets GDP, deficits sum to zero.
    np.testing.assert_allclose(economy.factor, parameters.gdp.values, rtol=1e-4)
    assert abs(economy.deficits.sum()) < 1e-9 * economy.factor.sum()


BAD_CALLS = [
    (lambda m: m.tariffs({("USA", "MEX"): 0.1}), "`region` must be one of .* got 'MEX'"),
    (lambda m: m.tariffs({("USA", "USA"): 0.1}), "must join two regions"),
    (lambda m: m.tariffs({"USA": 0.1}), "A link must be"),
    (lambda m: m.tariffs({US_ON_CANADA: [0.1, 0.2], CANADA_ON_US: [1, 2, 3]}), "Batches must broadcast"),
    (lambda m: m.closed([("CAN",)]), "A link must be"),
    (lambda m: m.solve(tariffs=m.tariffs({US_ON_CANADA: -1.0})), r"above -1.*got -1 of USA on CAN AGR"),
    (lambda m: m.solve(tariffs=np.full((4, 4, 11), 0.1)), "0 on a region's own sales; got .* in USA AGR"),
    (
        lambda m: m.solve(tariffs=25.0 * (1 - np.eye(4))[:, :, None] * np.ones(11)),
        "at most 3, 300 percent; got 25 of USA on CAN AGR.*0.25",
    ),
    (lambda m: m.solve(tariffs=np.zeros((4, 11))), r"last axes \(4, 4, 11\)"),
    (lambda m: m.solve(costs=np.zeros((4, 4, 11))), "`costs` must be positive"),
    (lambda m: m.solve(costs=np.full((4, 4, 11), np.nan)), "`costs` must be not NaN"),
    (
        lambda m: m.solve(tariffs=m.tariffs({US_ON_CANADA: [0, 0.1]}), costs=np.ones((3, 4, 4, 11))),
        "batch axes that broadcast",
    ),
    (lambda m: m.redirect(1.2, **ROUTE), r"`share` must lie in \[0, 1\]; got 1.2"),
    (lambda m: m.redirect({"AGR": 2}, **ROUTE), r"must lie in \[0, 1\]; got 2"),
    (lambda m: m.redirect({"SERV": 0.1}, **ROUTE), "must name goods sectors; got 'SERV'"),
    (lambda m: m.redirect(0.1, exporter="CAN", market="USA", target="MARS"), "`target` must be one of"),
    (lambda m: m.redirect(0.1, caps=[0.1, 0.2], **ROUTE), "`caps` must have one entry per sector"),
    (lambda m: m.redirect(0.1, exporter="CAN", market="USA", target="CAN"), "must be three regions"),
]


@pytest.mark.parametrize(("call", "message"), BAD_CALLS)
def test_bad_arguments_are_named(model5, call, message):
    with pytest.raises(InvalidInput, match=message):
        call(model5)


def test_unknown_elasticities_are_named(parameters):
    with pytest.raises(
        InvalidInput, match="`elasticities` must be one of 'uniform5', 'uniform4', 'cp'; got 'best'"
    ):
        TradeModel.from_parameters(parameters, elasticities="best")


def test_figures_that_describe_no_economy_are_refused(parameters):
    with pytest.raises(InvalidInput, match="every region buy something; got nothing for USA"):
        tiny(parameters, [[0, 0], [1, 5]])
    with pytest.raises(InvalidInput, match="USA uses more AGR as an input than it buys"):
        tiny(parameters, [[50, 1], [60, 1]], share=0.9)


def test_redirect_needs_a_flow_to_grow(parameters):
    model = tiny(parameters, [[80, 12, 8], [15, 30, 5], [9, 0, 60]])
    with pytest.raises(InvalidInput, match=r"CAN does not sell to CHN .* for 'AGR'"):
        model.redirect(0.1, **ROUTE)
    assert (model.redirect(0.0, **ROUTE) == 1.0).all()
