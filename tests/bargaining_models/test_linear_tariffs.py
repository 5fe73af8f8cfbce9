"""The linear tariff model against its primitives, solved with sympy, and against published digits."""

from dataclasses import dataclass

import numpy as np
import pytest
import sympy as sp

from bargaining.errors import InvalidInput, NotApplicable
from bargaining_models.linear_tariffs import LinearTariffs

G, H, T, DELTA = sp.symbols("G H t delta", positive=True)


@dataclass(frozen=True)
class Primitives:
    """Welfare of importer and exporter, as functions of the tariff, straight from utility and cost."""

    importer: sp.Expr
    exporter: sp.Expr
    imports: sp.Expr


@pytest.fixture(scope="module")
def primitives() -> Primitives:
    """Solve market clearing for general intercepts and slopes with beta + gamma = 1."""
    beta = sp.Symbol("beta", positive=True)
    gamma = 1 - beta
    a_m, a_x, b_m, b_x, p = sp.symbols("a_m a_x b_m b_x p", real=True)

    def country(a: sp.Expr, b: sp.Expr, price: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
        """Surplus of consumers and producers at this price, and net demand: from their own optima."""
        c, y = sp.symbols("c y")
        utility, cost = (a * c - c**2 / 2) / beta, (b * y + y**2 / 2) / gamma
        (c_opt,) = sp.solve(sp.diff(utility, c) - price, c)
        (y_opt,) = sp.solve(price - sp.diff(cost, y), y)
        surplus = (utility - price * c).subs(c, c_opt) + (price * y - cost).subs(y, y_opt)
        return surplus, c_opt - y_opt

    world_price = sp.solve(country(a_m, b_m, p + T)[1] + country(a_x, b_x, p)[1], p)[0]
    surplus_m, demand_m = country(a_m, b_m, world_price + T)
    surplus_x, _ = country(a_x, b_x, world_price)
    size = {a_m: G + a_x + b_x - b_m}  # G is the gap of the prices without trade
    importer = surplus_m + T * demand_m

    def from_free_trade(welfare: sp.Expr) -> sp.Expr:
        return sp.expand(sp.simplify((welfare - welfare.subs(T, 0)).subs(size)))

    return Primitives(from_free_trade(importer), from_free_trade(surplus_x), sp.simplify(demand_m.subs(size)))


def test_welfare_of_one_good_follows_from_utility_and_cost(primitives: Primitives) -> None:
    assert sp.expand(primitives.importer - (G * T / 4 - 3 * T**2 / 8)) == 0
    assert sp.expand(primitives.exporter - (-G * T / 4 + T**2 / 8)) == 0
    assert sp.expand(primitives.imports - (G - T) / 2) == 0


@pytest.mark.parametrize("tariff", [0.0, 0.1, 0.3, 0.65, 1.0, 7.0])
def test_welfare_matches_the_primitives(primitives: Primitives, tariff: float) -> None:
    """A tariff by player 0 only touches the good that player 1 exports."""
    sizes = np.array([1.0, 0.65])
    at = {G: sp.Rational(65, 100), T: sp.nsimplify(min(tariff, 0.65))}
    expected = [float(primitives.importer.subs(at)), float(primitives.exporter.subs(at))]
    np.testing.assert_allclose(
        LinearTariffs(exports=sizes).welfare((tariff, 0.0)), expected, rtol=0, atol=1e-16
    )


def test_special_tariffs_solve_their_conditions(primitives: Primitives) -> None:
    best = sp.solve(sp.diff(primitives.importer, T), T)
    threat = sp.solve(sp.diff(primitives.importer - primitives.exporter, T), T)
    stop = sp.solve(primitives.imports, T)
    assert (best, threat, stop) == ([G / 3], [G / 2], [G])
    model = LinearTariffs(exports=(1.0, 0.6))
    np.testing.assert_allclose(model.nash_tariffs(), [0.2, 1 / 3], rtol=1e-15)
    np.testing.assert_allclose(model.threat_tariffs(), [0.3, 0.5], rtol=1e-15)
    np.testing.assert_array_equal(model.autarky(), model.welfare([0.6, 1.0]))


@dataclass(frozen=True)
class Row:
    """G_0 = 1, G_1 = .65: computed by an independent program, to the digits shown."""

    share: float
    war: tuple[float, float]
    transfer_war: float
    transfer_threats: float
    exit_0: float
    critical: tuple[float, float]


ROWS = [
    Row(0.00, (-0.0518, 0.0123), 0.03208, 0.03609, -0.1778, (0.254, 1.420)),
    Row(0.10, (-0.0386, 0.0044), 0.02153, 0.02422, -0.1541, (0.313, 1.150)),
    Row(0.15, (-0.0326, 0.0008), 0.01667, 0.01875, -0.1431, (0.351, 1.026)),
    Row(0.20, (-0.0268, -0.0027), 0.01208, 0.01359, -0.1328, (0.396, 0.909)),
    Row(0.30, (-0.0164, -0.0089), 0.00375, 0.00422, -0.1141, (0.517, 0.696)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"r={row.share}")
def test_redirection_table(row: Row) -> None:
    model = LinearTariffs(exports=(1.0, 0.65)).redirect(row.share)
    threats = model.welfare(model.threat_tariffs())
    assert model.war() == pytest.approx(row.war, abs=5e-5)
    assert float(model.transfer(model.war())) == pytest.approx(row.transfer_war, abs=5e-6)
    assert float(model.transfer(threats)) == pytest.approx(row.transfer_threats, abs=5e-6)
    assert model.autarky()[0] == pytest.approx(row.exit_0, abs=5e-5)
    assert model.critical_discounts() == pytest.approx(row.critical, abs=5.001e-4)  # .2535 is printed .254


def test_transfers_are_the_closed_forms(primitives: Primitives) -> None:
    """Split the surplus of free trade equally: symbolically, for every pair of sizes."""

    def payoffs(first: sp.Expr, second: sp.Expr) -> sp.Expr:
        """d_1 - d_0 when 0 taxes H at `first` and 1 taxes G at `second`; G is 0's export."""
        on_h = [f.subs(G, H).subs(T, first) for f in (primitives.importer, primitives.exporter)]
        on_g = [f.subs(T, second) for f in (primitives.importer, primitives.exporter)]
        return (on_g[0] + on_h[1]) - (on_h[0] + on_g[1])

    assert sp.expand(payoffs(H / 3, G / 3) / 2 - (G**2 - H**2) / 18) == 0
    assert sp.expand(payoffs(H / 2, G / 2) / 2 - (G**2 - H**2) / 16) == 0
    share = np.linspace(0, 1, 7)
    model = LinearTariffs(exports=(1.3, 0.4)).redirect(share)
    np.testing.assert_allclose(
        model.transfer(model.war()), ((1 - share) ** 2 * 1.3**2 - 0.4**2) / 18, rtol=1e-13, atol=1e-16
    )


def test_threshold_is_where_the_partner_stops_winning() -> None:
    model = LinearTariffs(exports=(1.0, 0.65))
    r_star = model.threshold()
    assert r_star is not None
    assert r_star == pytest.approx(1 - np.sqrt(5 / 3) * 0.65, rel=1e-14)
    assert abs(model.redirect(r_star).war()[1]) < 1e-16
    assert model.threshold(player=1) is None  # player 0 loses the war already
    assert LinearTariffs(exports=(1.0, 1.0)).threshold() is None
    assert LinearTariffs(exports=(1.0, 0.0)).threshold() == 1.0


def test_critical_discounts_are_where_deviating_just_fails_to_pay() -> None:
    model = LinearTariffs(exports=(1.0, 0.65)).redirect(0.3)
    delta = model.critical_discounts()
    for player in (0, 1):
        deviation = np.where(np.arange(2) == player, model.nash_tariffs(), 0.0)
        gain = model.welfare(deviation)[player]
        assert (1 - delta[player]) * gain + delta[player] * model.war()[player] == pytest.approx(0, abs=1e-16)


BAD = [
    ("exports", {"exports": (1.0, -0.1)}, "`exports` must lie in"),
    ("exports", {"exports": (0.0, 0.0)}, "`exports` must not be zero"),
]


@pytest.mark.parametrize(("_name", "arguments", "message"), BAD)
def test_bad_sizes_are_refused(_name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        LinearTariffs(**arguments)  # type: ignore[arg-type]


def test_bad_arguments_are_refused_by_name() -> None:
    model = LinearTariffs(exports=(1.0, 0.65))
    with pytest.raises(InvalidInput, match=r"`tariffs` must lie in \[0, inf\]; got -0.1"):
        model.welfare((-0.1, 0.0))
    with pytest.raises(InvalidInput, match=r"`share` must lie in \[0, 1\]; got 1.5"):
        model.redirect(1.5)
    with pytest.raises(InvalidInput, match="`player` must be a player"):
        model.redirect(0.1, player=2)
    with pytest.raises(InvalidInput, match="`disagreement` must sum to at most 0"):
        model.transfer((0.2, 0.0))
    with pytest.raises(NotApplicable, match="for one model"):
        model.redirect([0.1, 0.2]).threshold()


def test_a_player_that_exports_nothing_cannot_be_held() -> None:
    model = LinearTariffs(exports=(0.0, 1.0))
    assert model.critical_discounts()[0] == np.inf
    assert model.critical_discounts()[1] == 0.0
