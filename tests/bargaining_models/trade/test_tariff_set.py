"""The set that tariffs reach, of two blocs that trade with nobody else: against searches over the two rates alone."""

import numpy as np
import pytest
from scipy.optimize import minimize

from bargaining_models.trade import TariffPayoffs
from plain_economy import drawn, model_of

TWO = np.array([[[80.0], [20.0]], [[25.0], [175.0]]])


@pytest.fixture
def payoffs():
    return TariffPayoffs(model_of((TWO, np.zeros((2, 2, 1)), np.zeros((2, 1, 1)), [4.0])), ["r0", "r1"])


def test_a_sum_that_nothing_is_known_of_yet(payoffs):
    """Weights in a unit a million times as large; a simplex search finds the same point."""
    weights = np.array([1.0, 1.3])
    value, point = payoffs.support(1e-6 * weights)

    def lost(rates):
        return -float(weights @ payoffs.values(np.clip(rates, -0.6, 20.0)[None])[0][0])

    best = minimize(lost, (0.1, 0.0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    assert 1e6 * value == pytest.approx(-best.fun, rel=1e-9)
    assert weights @ point == pytest.approx(-best.fun, rel=1e-9)


def test_a_ray_on_which_one_player_has_enough_ends_at_the_best_of_the_other(payoffs):
    """Player 1 may lose 90 percent, which no rates bring about: only what player 0 gets counts."""
    reached = payoffs.ray([0.0, -90.0], [1.0, 0.0])

    def lost(rates):
        return -float(payoffs.values(np.clip(rates, -0.6, 20.0)[None])[0][0, 0])

    best = minimize(lost, (0.3, -0.5), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    assert reached == pytest.approx(-best.fun, rel=1e-7)


def test_optima_are_told_apart_by_what_they_are(payoffs):
    found = [payoffs.optimum_at(payoffs.support([1.0, weight])[1]) for weight in (1.0, 1.02)]
    assert len({*found, *found}) == 2


@pytest.fixture
def alike():
    """Three regions that are alike."""
    flows = np.random.default_rng(0).uniform(1, 10, (3, 3, 2)) + 40 * np.eye(3)[:, :, None]
    tariffs = 0.05 * (1 - np.eye(3))[:, :, None] * np.ones(2)
    return model_of((flows, tariffs, np.zeros((3, 2, 2)), [4.0, 4.0]))


def test_a_saddle_is_no_best_sum(alike):
    """Three who pay each other: the sum of percents rises away from where its slopes are zero."""
    value, point = TariffPayoffs(alike, alike.regions, inside=True).support(np.ones(3))
    assert np.isnan(value)
    assert np.isnan(point).all()


def test_where_rates_pay_as_well_as_money_a_ray_ends_where_it_does_without_payments(alike):
    """All sectors are taxed, so that some changes of rates and payments together change nothing."""
    ends = [
        TariffPayoffs(alike, alike.regions, inside=paid).ray([-1.0, -1.0, -1.0], direction)
        for paid in (False, True)
        for direction in ([1.0, 1.0, 1.0], [1.0, 0.5, 2.0])
    ]
    np.testing.assert_allclose(ends[:2], ends[2:], rtol=1e-8)


@pytest.mark.parametrize("seed", [1, 4, 5])
def test_the_end_of_a_ray_does_not_depend_on_where_it_begins(seed):
    """From an origin a step up the ray is a step shorter; beyond its end no rates reach, near it some do."""
    payoffs = TariffPayoffs(model_of(drawn(seed)), ["r0", "r1"])
    origin, direction = np.array([-1.0, -0.7]), np.array([0.4, 1.1])
    reached = payoffs.ray(origin, direction)
    for step in (-0.5, 0.2, 0.9 * reached):
        assert payoffs.ray(origin + step * direction, direction) == pytest.approx(reached - step, abs=1e-8)

    def short(rates, origin):
        gains = payoffs.values(np.clip(rates, -0.6, 20.0)[None])[0][0] - origin
        return -float((gains / direction).min())

    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000, "maxfev": 4000}
    starts = ((0.0, 0.0), (0.3, 0.1), (-0.2, 0.2))
    best = min(minimize(short, at, (origin,), method="Nelder-Mead", options=options).fun for at in starts)
    assert reached == pytest.approx(-best, abs=1e-5)
