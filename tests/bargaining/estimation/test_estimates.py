"""Estimates against closed forms and plain optimisers, and against the truth in simulated samples."""

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import binomtest, f, norm, t

from bargaining import (
    AlternatingOffers,
    DelayModel,
    EfficientDelayModel,
    InvalidInput,
    NashInNashModel,
    OffersModel,
    Problem,
    Status,
    TransferableSurplus,
    Unsolved,
    WageModel,
    WeightedNashModel,
)

# --- samples whose truth is known ------------------------------------------------------------------------------------


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def first_share(a: float, b: float, o: Any, p: Any) -> Any:
    """Return the first player's share by value iteration, who proposes being p."""
    x = np.full(np.shape(p), 0.5)
    for _ in range(400):
        y = np.maximum(o[..., 0], a * x)
        x = 1 - np.maximum(o[..., 1], b * (1 - y))
    return np.where(p == 0, x, y)


def splits(rng: np.random.Generator, m: int = 400, noise: str = "ability", **fit: Any) -> Any:
    total, d = rng.uniform(5, 15, m), rng.uniform(0, 1, (m, 2))
    spare, error = total - d.sum(axis=1), rng.standard_normal(m)
    weight = logistic(np.log(0.35 / 0.65) + 0.4 * error) if noise == "ability" else 0.35
    payoffs = d[:, 0] + weight * spare + (noise == "payoffs") * 0.5 * error
    return WeightedNashModel(payoffs, total=total, disagreement=d, noise=noise), fit, {"weight": 0.35}


def covered(rng: np.random.Generator, m: int = 400) -> Any:
    z, total = rng.standard_normal(m), rng.uniform(5, 15, m)
    weight = logistic(-0.5 + 0.8 * z + 0.4 * rng.standard_normal(m))
    frame = pd.DataFrame({"size": z})
    return (
        WeightedNashModel(weight * total, total=total, covariates=frame),
        {},
        {"constant": -0.5, "size": 0.8},
    )


def clustered(rng: np.random.Generator, m: int = 1200) -> Any:
    groups = np.repeat(np.arange(m // 6), 6)
    error = 0.3 * rng.standard_normal(m // 6)[groups] + 0.2 * rng.standard_normal(m)
    weight = logistic(np.log(0.35 / 0.65) + error)
    return WeightedNashModel(weight * 10, total=10), {"clusters": groups}, {"weight": 0.35}


def offers(rng: np.random.Generator, m: int = 400, **fit: Any) -> Any:
    total, proposer, o = rng.uniform(5, 15, m), rng.integers(0, 2, m), rng.uniform(0, 0.48, (m, 2))
    payoffs = first_share(0.8, 0.8, o, proposer) * total + 0.5 * rng.standard_normal(m)
    model = OffersModel(payoffs, total=total, proposer=proposer, outside=o * total[:, None], noise="payoffs")
    return model, fit, {"discount": 0.8}


def two_factors(rng: np.random.Generator, m: int = 600) -> Any:
    proposer = rng.integers(0, 2, m)
    share = first_share(0.7, 0.85, np.zeros((m, 2)), proposer)
    odds = np.log(share / (1 - share)) + 0.3 * rng.standard_normal(m)
    model = OffersModel(logistic(odds), total=1, proposer=proposer, common=False)
    return model, {}, {"discount_0": 0.7, "discount_1": 0.85}


def option(rng: np.random.Generator, m: int = 600, worth: float = 0.6) -> Any:
    proposer = rng.integers(0, 2, m)
    share = first_share(0.8, 0.8, np.broadcast_to([worth, 0.0], (m, 2)), proposer)
    odds = np.log(share / (1 - share)) + 0.3 * rng.standard_normal(m)
    model = OffersModel(logistic(odds), total=1, proposer=proposer, option=True)
    return model, {}, {"discount": 0.8, "outside": worth}


def wages(rng: np.random.Generator, m: int = 400, **fit: Any) -> Any:
    output, last = rng.uniform(8, 15, m), rng.uniform(5, 9, m)
    paid = 0.6 * 0.7 * last + 0.4 * (output + 0.5) + 0.5 * rng.standard_normal(m)
    model = WageModel(paid, productivity=output, reference=last, saved=0.5)
    return model, fit, {"weight": 0.4, "replacement": 0.7}


def chain(rng: np.random.Generator, m: int = 1000) -> Any:
    """Linear demand k - p, so that a buyer gains (k - p)^2 / 2; the first-order condition solved by hand for p."""
    z, k = rng.standard_normal(m), rng.uniform(6, 10, m)
    cost = 2 + 0.5 * z + 0.3 * rng.standard_normal(m)
    price = (0.4 * (k + cost) + 1.2 * cost) / 2
    model = NashInNashModel(
        price, gains=(k - price) / 2, slopes=-1 / (k - price), covariates=pd.DataFrame({"size": z})
    )
    told = {"method": "gmm", "instruments": np.column_stack([k, z, k**2])}
    return model, told, {"weight": 0.4, "cost": 2.0, "size": 0.5}


def delays(rng: np.random.Generator, m: int = 4000, demands: Any = (0.6, 0.7)) -> Any:
    """Types, then strategies: an obstinate player waits for ever, a normal one concedes at a date drawn from its law.

    Abreu and Gul's example: player 1, with the larger rate, concedes at once with a chance.
    """
    a, rates, z = np.array(demands), np.array([0.1, 0.2]), np.array([0.2, 0.15])
    speed = rates[::-1] * (1 - a) / (a.sum() - 1)
    end = (-np.log(z) / speed).min()
    at_once = 1 - z * np.exp(speed * end)
    u = rng.random((m, 2))
    # 1 - F(t) = (1 - F(0)) e^(-speed t)
    dates = np.where(u < at_once, 0.0, -np.log((1 - u) / (1 - at_once)) / speed)
    dates = np.where(u >= 1 - z, np.inf, dates)  # obstinate
    first = dates.argmin(axis=1)
    when = dates.min(axis=1)
    never = np.isinf(when)
    model = DelayModel(np.where(never, 2 * end, when), who=np.where(never, -1, first), demands=a)
    return model, {}, {"rate_0": 0.1, "rate_1": 0.2, "both_obstinate": 0.03}


def waits(rng: np.random.Generator, m: int = 1000) -> Any:
    """Play: a surplus is drawn each period until one is worth agreeing about; that one is found by plain iteration."""
    draws = np.exp(1.0 + 0.4 * norm.ppf((np.arange(20_000) + 0.5) / 20_000))
    least = 0.0
    for _ in range(400):
        least = 0.9 * np.maximum(draws, least).mean()
    delays, surplus = np.zeros(m), np.full(m, np.nan)
    while np.isnan(surplus).any():
        drawn = np.exp(1.0 + 0.4 * rng.standard_normal(m))
        surplus = np.where(np.isnan(surplus) & (drawn >= least), drawn, surplus)
        delays += np.isnan(surplus)
    return (
        EfficientDelayModel(delays, total=surplus),
        {},
        {"log_mean": 1.0, "log_spread": 0.4, "discount": 0.9},
    )


def shares(rng: np.random.Generator, weight: float, m: int = 50) -> Any:
    return (
        WeightedNashModel(weight + 0.1 * rng.standard_normal(m), total=1, noise="payoffs"),
        {},
        {"weight": weight},
    )


def instrument(rng: np.random.Generator, strength: float, q: int = 1, m: int = 400) -> Any:
    """Gains that costs move too, and q instruments that hardly do."""
    z, shock = rng.standard_normal((m, q)), rng.standard_normal(m)
    cost = 5 + 0.5 * shock
    worth = np.exp(1 + strength * z.sum(axis=1) + 0.3 * shock + 0.3 * rng.standard_normal(m))
    model = NashInNashModel(cost + 0.3 * worth, gains=0.7 * worth, slopes=0)
    return model, {"method": "gmm", "instruments": z}, {"weight": 0.3, "cost": 5.0}


def treated(rng: np.random.Generator, many: int, clusters: int = 20) -> Any:
    sizes = rng.integers(3, 30, clusters)
    groups = np.repeat(np.arange(clusters), sizes)
    x = (groups < many) * 1.0
    odds = 0.5 * x - 0.5 + 0.3 * rng.standard_normal(clusters)[groups] + 0.2 * rng.standard_normal(len(x))
    model = WeightedNashModel(10 * logistic(odds), total=10, covariates=pd.DataFrame({"treated": x}))
    return model, {"clusters": groups}, {"constant": -0.5, "treated": 0.5}


Draw = Callable[[np.random.Generator], Any]
SAMPLES: dict[str, Draw] = {
    "weighted Nash": splits,
    "weighted Nash, error in payoffs": lambda rng: splits(rng, noise="payoffs"),
    "weighted Nash, GMM": lambda rng: splits(rng, noise="payoffs", method="gmm"),
    "weighted Nash, covariates": covered,
    "weighted Nash, clusters": clustered,
    "alternating offers, outside options": offers,
    "alternating offers, GMM": lambda rng: offers(rng, method="gmm"),
    "efficient delays": waits,
    "alternating offers, two factors": two_factors,
    "alternating offers, an unknown option": option,
    "wages": wages,
    "wages, GMM": lambda rng: wages(rng, method="gmm"),
    "delays": delays,
    "Nash-in-Nash, GMM": chain,
}
# The truth is at a kink or an end, instruments are weak, or clusters few: intervals may cover more often.
EDGES: dict[str, Draw] = {
    "an option worth less than waiting": lambda rng: option(rng, 200, 0.3),
    "an option at the kink": lambda rng: option(rng, 200, 4 / 9),
    "a share near 0": lambda rng: shares(rng, 0.003),
    "a share not far from 0": lambda rng: shares(rng, 0.03),
    "a share near 1": lambda rng: shares(rng, 0.99),
    "an irrelevant instrument": lambda rng: instrument(rng, 0.0),
    "three weak instruments": lambda rng: instrument(rng, 0.08, 3),
    "three treated clusters": lambda rng: treated(rng, 3),
    "few delays": lambda rng: delays(rng, 60),
}
MANY = 200
ERROR = 3 * np.sqrt(0.95 * 0.05 / MANY)  # three standard errors of a coverage of 95%


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES | EDGES)
def test_estimates_have_no_bias_and_intervals_cover(name: str) -> None:
    estimates, covers = [], []
    for seed in range(MANY):
        model, told, truth = (SAMPLES | EDGES)[name](np.random.default_rng([23, seed]))
        found = model.fit(**told)
        true = np.array(list(truth.values()))
        assert list(truth) == list(found.names)
        ends = found.conf_int().to_numpy()
        estimates.append(found.values)
        covers.append((ends[:, 0] <= true) & (true <= ends[:, 1]))
    coverage = np.mean(covers, axis=0)
    print(name, "coverage", coverage.tolist())
    assert (coverage >= 0.95 - ERROR).all()
    if name in SAMPLES:
        assert (coverage <= 0.95 + ERROR).all()
        bias, spread = np.mean(estimates, axis=0) - true, np.std(estimates, axis=0) / np.sqrt(MANY)
        assert (np.abs(bias) < 0.01 * np.abs(true) + 3 * spread).all()


@pytest.mark.parametrize("name", SAMPLES)
def test_a_large_sample_tells_the_truth(name: str) -> None:
    model, told, truth = SAMPLES[name](np.random.default_rng(1))
    found = model.fit(**told)
    assert found.identified.all()
    assert (np.abs(found.params - pd.Series(truth)) < 4 * found.std_errors).all()
    assert found.statement == "All parameters are identified."


# --- closed forms and plain optimisers -------------------------------------------------------------------------------


def test_a_weight_is_the_mean_of_log_odds() -> None:
    model, _, _ = splits(np.random.default_rng(3))
    d = model.disagreement
    share = (model.payoffs - d[:, 0]) / (model.total - d.sum(axis=1))
    odds = np.log(share / (1 - share))
    weight = logistic(odds.mean())
    found = model.fit()
    assert found.params["weight"] == pytest.approx(weight, abs=1e-12)
    error = weight * (1 - weight) * odds.std(ddof=1) / np.sqrt(len(odds))
    assert found.std_errors["weight"] == pytest.approx(error, rel=1e-9)
    # the density of payoffs, by the change of variables
    spare = model.total - d.sum(axis=1)
    density = norm.pdf(odds, odds.mean(), odds.std()) / (spare * share * (1 - share))
    assert found.loglike == pytest.approx(np.log(density).sum(), rel=1e-12)


def test_least_squares_of_payoffs_are_those_of_a_line_through_the_origin() -> None:
    model, _, _ = splits(np.random.default_rng(4), noise="payoffs")
    x, y = model.total - model.disagreement.sum(axis=1), model.payoffs - model.disagreement[:, 0]
    found = model.fit()
    weight = x @ y / (x @ x)
    assert found.params["weight"] == pytest.approx(weight, abs=1e-10)
    rest, m = y - weight * x, len(x)
    robust = np.sqrt((x**2 * rest**2 / (1 - x**2 / (x @ x))).sum()) / (x @ x)  # HC2
    assert found.std_errors["weight"] == pytest.approx(robust, rel=1e-9)
    groups = np.arange(m) // 5
    sums, part = np.bincount(groups, x * rest), np.bincount(groups, x**2) / (x @ x)
    wide = np.sqrt((sums**2 / (1 - part)).sum()) / (x @ x)  # CR2
    assert model.fit(clusters=groups).std_errors["weight"] == pytest.approx(wide, rel=1e-9)


def test_shares_are_those_of_the_protocol() -> None:
    rng = np.random.default_rng(5)
    o, p = rng.uniform(0, 0.6, (60, 2)) * [[0.9, 0.7]], rng.uniform(0, 0.3, 60)
    pies = Problem(TransferableSurplus(np.ones(60)), [0.0, 0.0])
    for proposer, (outside, breakdown) in product((0, 1), ((o, 0.0), (np.zeros((60, 2)), p))):
        talks = AlternatingOffers([0.8, 0.7], outside=outside, breakdown=breakdown, proposer=proposer)
        payoffs = talks(pies).payoffs[:, 0]
        keep = np.isfinite(payoffs) & (payoffs > 0) & (payoffs < 1)
        who, chances = np.full(keep.sum(), proposer), np.broadcast_to(breakdown, 60)[keep]
        data = {"proposer": who, "outside": outside[keep], "breakdown": chances}
        model = OffersModel(payoffs[keep], total=1, common=False, **data)
        assert np.abs(model._residuals([0.8, 0.7])).max() < 1e-12


def test_offers_maximise_the_likelihood() -> None:
    model, _, _ = two_factors(np.random.default_rng(6))

    def loss(t: Any) -> float:
        share = first_share(t[0], t[1], np.zeros((model.observations, 2)), model.proposer)
        odds = np.log(model.payoffs / (1 - model.payoffs))
        return float(np.sum((odds - np.log(share / (1 - share))) ** 2))

    best = minimize(
        loss, [0.7, 0.8], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    np.testing.assert_allclose(model.fit().values, best.x, atol=1e-6)


def binding_share(a: Any, b: Any, o: Any, p: Any) -> Any:
    """Return the first player's share: of four cases of whose option binds, the one that is true of its own offers."""
    share = np.nan
    for leaves, other in product((False, True), repeat=2):
        y_of_x = (0.0, o[:, 0]) if leaves else (a, 0.0)  # y = first x + second
        x_of_y = (0.0, 1 - o[:, 1]) if other else (b, 1 - b)
        x = (x_of_y[1] + x_of_y[0] * y_of_x[1]) / (1 - x_of_y[0] * y_of_x[0])
        y = y_of_x[0] * x + y_of_x[1]
        true = (np.abs(y - np.maximum(o[:, 0], a * x)) < 1e-12) & (
            np.abs(1 - x - np.maximum(o[:, 1], b * (1 - y))) < 1e-12
        )
        share = np.where(true, np.where(p == 0, x, y), share)
    return share


@pytest.mark.parametrize("noise", ["payoffs", "ability"])
def test_no_discount_factors_fit_better_where_options_bind_or_not(noise: str) -> None:
    """Where an option starts to bind the likelihood has a kink, and between kinks local maxima."""
    line = np.linspace(0.01, 0.99, 50)
    for seed in range(12):
        rng = np.random.default_rng([30, seed])
        m = (6, 12, 40)[seed % 3]
        p, o, factors = rng.integers(0, 2, m), rng.uniform(0, 0.48, (m, 2)), rng.uniform(0.05, 0.97, 2)
        share, error = binding_share(*factors, o, p).clip(1e-3, 1 - 1e-3), rng.standard_normal(m)
        odds = np.log(share / (1 - share))
        paid = share + 0.1 * error if noise == "payoffs" else logistic(odds + 0.3 * error)

        def loss(a: Any, b: Any, o: Any = o, p: Any = p, paid: Any = paid) -> Any:
            share = binding_share(a, b, o, p)
            return np.sum(
                (share - paid if noise == "payoffs" else np.log(share / (1 - share) * (1 - paid) / paid))
                ** 2,
                axis=-1,
            )

        best = loss(line[:, None, None], line[:, None]).min()
        found = OffersModel(paid, total=1, proposer=p, outside=o, common=False, noise=noise).fit()
        assert found.objective <= best * (1 + 1e-9)
        if found.identified.all():
            assert found.objective == pytest.approx(loss(*found.values), rel=1e-9)


def test_moments_of_wages_are_solved_where_there_are_as_many_as_parameters() -> None:
    """With a known replacement and the constant alone the moment is the mean residual: linear in the weight."""
    model, _, _ = wages(np.random.default_rng(7))
    model = WageModel(
        model.wages, productivity=model.productivity, reference=model.reference, saved=0.5, replacement=0.7
    )
    rest, output = 0.7 * model.reference, model.productivity + 0.5
    found = model.fit(method="gmm", instruments=np.ones(model.observations))
    assert found.params["weight"] == pytest.approx(
        (model.wages - rest).mean() / (output - rest).mean(), rel=1e-9
    )
    assert found.spare == 0
    with pytest.raises(Unsolved, match="no J test"):
        found.j_test()


def test_vuong_prefers_the_model_that_made_the_data() -> None:
    rng = np.random.default_rng(10)
    model, _, _ = offers(rng)
    other = WeightedNashModel(model.payoffs, total=model.total, disagreement=model.outside, noise="payoffs")
    one, two = model.fit(), other.fit()
    found = one.vuong(two)
    gap = one.log_likelihoods - two.log_likelihoods
    assert found.statistic == pytest.approx(gap.mean() / gap.std() * np.sqrt(len(gap)))
    assert found.statistic > 3
    assert found.p_value < 0.01
    assert found.statement.startswith("The first model is nearer to the truth at the 5% level (p = ")
    assert two.vuong(one).statement.startswith("The second model is nearer")
    assert one.vuong(one).p_value == 1.0
    with pytest.raises(InvalidInput, match="same observations"):
        one.vuong(splits(rng)[0].fit())


def test_vuong_counts_clusters_as_observations() -> None:
    """Two models are equally wrong by construction, and errors are common to clusters: a 5% test rejects 5%."""
    rejected = []
    for seed in range(100):
        rng = np.random.default_rng([24, seed])
        groups = np.repeat(np.arange(60), 8)
        a, b, error = rng.standard_normal((3, 60))[:, groups]
        odds = 0.5 * a + 0.5 * b + 0.3 * error + 0.2 * rng.standard_normal(480)
        one, two = (
            WeightedNashModel(10 * logistic(odds), total=10, covariates=x).fit(clusters=groups)
            for x in (a, b)
        )
        rejected.append(one.vuong(two).p_value < 0.05)
    gap = np.bincount(groups, one.log_likelihoods - two.log_likelihoods)
    assert one.vuong(two).statistic == pytest.approx(gap.mean() / gap.std() * np.sqrt(60))
    assert np.mean(rejected) < 0.13
    with pytest.raises(InvalidInput, match="same `clusters`"):
        one.vuong(two.model.fit())


@pytest.mark.parametrize("many", [4, 10])
@pytest.mark.parametrize("size", [1, 10])
def test_intervals_cover_with_few_observations_or_clusters(many: int, size: int) -> None:
    covers = []
    for seed in range(400):
        rng = np.random.default_rng([25, many, size, seed])
        groups = np.repeat(np.arange(many), size)
        odds = -0.5 + 0.3 * rng.standard_normal(many)[groups] + 0.2 * rng.standard_normal(len(groups))
        model = WeightedNashModel(10 * logistic(odds), total=10)
        found = model.fit(clusters=None if size == 1 else groups)
        low, high = found.conf_int().loc["weight"]
        covers.append(low <= logistic(-0.5) <= high)
    assert 0.92 <= np.mean(covers) <= 0.98


@pytest.mark.parametrize("many", [6, 12])
def test_moments_of_few_clusters_have_wider_intervals_and_their_own_test(many: int) -> None:
    covers, rejected = [], []
    for seed in range(300):
        rng = np.random.default_rng([31, many, seed])
        groups = np.repeat(np.arange(many), 10)
        total, other = rng.uniform(5, 15, len(groups)), rng.standard_normal((len(groups), 2))
        error = 0.5 * rng.standard_normal(many)[groups] + 0.5 * rng.standard_normal(len(groups))
        found = WeightedNashModel(0.35 * total + error, total=total, noise="payoffs").fit(
            method="gmm", instruments=np.column_stack([total, other]), clusters=groups
        )
        low, high = found.conf_int().loc["weight"]
        covers.append(low <= 0.35 <= high)
        rejected.append(found.j_test().p_value < 0.1)
    assert 0.91 <= np.mean(covers) <= 0.98
    assert 0.05 <= np.mean(rejected) <= 0.15


def test_the_horizon_of_concessions_depends_on_demands() -> None:
    """Talks of two kinds, of which one is over after 6 and the other after 35; both have the same rates."""
    rng, a, b = np.random.default_rng(26), [0.6, 0.7], [0.85, 0.8]
    kinds = [delays(rng, 2000, demands=one)[0] for one in (a, b)]
    told = [np.concatenate([getattr(kind, name) for kind in kinds]) for name in ("dates", "who", "demands")]
    found = DelayModel(told[0], who=told[1], demands=told[2]).fit()
    truth = pd.Series({"rate_0": 0.1, "rate_1": 0.2, "both_obstinate": 0.03})
    assert (np.abs(found.params - truth) < 4 * found.std_errors).all()
    # the share without concessions is that of all talks, and so is its variance within each kind
    never = np.array([(kind.who < 0).mean() for kind in kinds])
    assert found.params["both_obstinate"] == pytest.approx(never.mean())
    assert found.covariance[2, 2] == pytest.approx((never * (1 - never)).sum() / 4 / 2000)
    with pytest.raises(InvalidInput, match="`who` must show a concession at each pair of demands"):
        DelayModel([1, 2, 8], who=[0, 1, -1], demands=[a, a, b])


# --- what is identified ----------------------------------------------------------------------------------------------


def test_an_option_that_never_binds_is_only_bounded() -> None:
    model, _, _ = option(np.random.default_rng(14), worth=0.1)
    found = model.fit()
    assert not found.identified["outside"]
    assert np.isnan(found.params["outside"])
    a = found.params["discount"]
    assert found.params["discount"] == pytest.approx(0.8, abs=0.1)
    assert np.isfinite(found.std_errors["discount"])
    # it could be worth anything up to what waiting is worth to the responder
    np.testing.assert_allclose([found.lower[1], found.upper[1]], [0, a / (1 + a)], atol=1e-3)
    assert "`outside` is not identified" in found.statement
    assert "not identified" in str(found.summary())


def test_bounds_are_those_of_a_curve_of_wages_that_fit_alike() -> None:
    """With output 7 and a base of 6 the mean wage fixes (1 - weight) replacement 6 + weight 7 alone.

    The best values that are found lie near a weight of 0, from where a search for replacements near 0 lost its way.
    """
    for seed in (2, 18, 19):
        wages = 5 + np.random.default_rng(seed).random(20)
        found = WageModel(wages, productivity=7, reference=6).fit()
        assert not found.identified.any()
        np.testing.assert_allclose(found.lower, [0, 0], atol=1e-8)
        np.testing.assert_allclose(found.upper, wages.mean() / [7, 6], rtol=1e-4)


@pytest.mark.parametrize("method", ["ml", "gmm"])
@pytest.mark.parametrize(("unit", "start"), [(1e-13, 0.0), (1e13, 0.0), (1.0, 4e4)])
def test_units_and_origins_of_covariates_change_nothing_else(unit: float, start: float, method: str) -> None:
    """The last as with dates, in days since 1900."""
    rng = np.random.default_rng(5)
    x, total = rng.standard_normal((60, 2)), rng.uniform(1, 2, 60)
    paid = total * logistic(0.2 + 0.5 * x[:, 0] + 0.3 * rng.standard_normal(60))
    one, other = (
        WeightedNashModel(paid, total=total, covariates=x * [scale, 1] + [shift, 0]).fit(method=method)
        for scale, shift in ((1, 0), (unit, start))
    )
    scales = np.array([unit, 1])
    np.testing.assert_allclose(other.values[1:] * scales, one.values[1:], rtol=1e-5)
    np.testing.assert_allclose(other.std_errors[1:] * scales, one.std_errors[1:], rtol=1e-5)
    assert other.values[0] + other.values[1] * start == pytest.approx(one.values[0], rel=1e-4)


def test_directions_that_are_not_identified_leave_moments_to_test() -> None:
    """`breakdown` fits whatever the discount factor fits: the test of moments is the same with and without it."""
    model, _, _ = offers(np.random.default_rng(28))
    data = {"total": model.total, "proposer": model.proposer, "noise": "payoffs"}
    z = np.column_stack([model.proposer, np.random.default_rng(29).standard_normal((400, 2))])
    one, two = (
        OffersModel(model.payoffs, **data, breakdown=breakdown).fit(method="gmm", instruments=z)
        for breakdown in (0, None)
    )
    assert one.spare == two.spare == 3
    assert two.j_test().statistic == pytest.approx(one.j_test().statistic, rel=1e-6)
    assert two.j_test().p_value == pytest.approx(one.j_test().p_value, rel=1e-6)


def test_a_rate_of_which_nothing_shows_is_not_identified() -> None:
    at_once = DelayModel([0, 0, 0, 0, 8], who=[0, 0, 1, 0, -1], demands=[0.6, 0.6]).fit()
    assert at_once.identified.to_dict() == {"rate_0": False, "rate_1": False, "both_obstinate": True}
    assert "`rate_0` is not identified" in at_once.statement


def test_a_player_who_never_concedes_while_talks_last_has_a_rate_of_zero() -> None:
    found = DelayModel([1, 2, 0, 3, 8], who=[0, 0, 1, 0, -1], demands=[0.6, 0.6]).fit()
    assert found.params["rate_0"] == 0
    assert np.isnan(found.std_errors["rate_0"])
    assert "`rate_0` is at an end of its range" in found.statement
    assert "not identified" not in str(found.summary())
    # Talks without end count until 3.
    assert found.params["rate_1"] == pytest.approx(3 / (2 * (1 + 2 + 3 + 3)))


def test_talks_watched_for_a_short_time_do_not_count_as_endless() -> None:
    found = DelayModel([1, 1.5, 2, 5], who=[0, -1, 1, -1], demands=[0.6, 0.6]).fit()
    assert found.params["both_obstinate"] == pytest.approx(3 / 4 * 1 / 2)
    # the variance of Greenwood
    variance = (3 / 8) ** 2 * (1 / (4 * 3) + 1 / (2 * 1))
    assert found.covariance[2, 2] == pytest.approx(variance)
    model, _, truth = delays(np.random.default_rng(2))
    until = np.random.default_rng(3).uniform(0, 2 * model.dates.max(), model.observations)
    seen = model.dates <= until
    cut = DelayModel(
        np.minimum(model.dates, until), who=np.where(seen, model.who, -1), demands=model.demands
    ).fit()
    assert (np.abs(cut.params - pd.Series(truth)) < 4 * cut.std_errors).all()


def test_impatience_and_the_fear_of_a_breakdown_are_told_apart_by_known_chances_alone() -> None:
    model, _, _ = two_factors(np.random.default_rng(18))
    told = {"total": 1, "proposer": model.proposer}
    one = OffersModel(model.payoffs, **told).fit()
    both = OffersModel(model.payoffs, **told, breakdown=None).fit()
    assert not both.identified.any()
    with pytest.raises(Unsolved, match="not identified"):
        both.delta(lambda t: t[0])
    product = one.params["discount"]
    np.testing.assert_allclose([both.lower[0], both.upper[0]], [product, 1], atol=1e-4)
    np.testing.assert_allclose([both.lower[1], both.upper[1]], [0, 1 - product], atol=1e-4)
    assert both.loglike == pytest.approx(one.loglike, rel=1e-9)
    known = OffersModel(model.payoffs, **told, breakdown=0.1).fit()
    assert known.params["discount"] == pytest.approx(product / 0.9, rel=1e-9)
    assert known.std_errors["discount"] == pytest.approx(one.std_errors["discount"] / 0.9, rel=1e-6)


def test_delays_maximise_the_likelihood_at_the_threshold() -> None:
    model, _, _ = waits(np.random.default_rng(20), 300)
    found = model.fit()
    mean, spread, discount = found.values
    values = [np.log(np.asarray(model.total)), model.delays]

    def level(mean: float, spread: float) -> float:
        # the surplus at which waiting is worth as much, by plain integration
        draws = np.exp(mean + spread * norm.ppf((np.arange(20_000) + 0.5) / 20_000))
        low = 0.0
        for _ in range(600):
            low = discount * np.maximum(draws, low).mean()
        return float(np.log(low))

    least = level(mean, spread)
    assert least < values[0].min() < least + 0.02

    def loss(t: Any) -> float:
        a, b = t
        logs = norm.logpdf(values[0], a, b) + values[1] * norm.logcdf((least - a) / b)
        return -float(logs.sum())

    best = minimize(loss, [mean, spread], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-11})
    np.testing.assert_allclose(best.x, [mean, spread], atol=2e-4)


def test_talks_that_never_last_bound_patience() -> None:
    found = EfficientDelayModel(np.zeros(30), total=np.linspace(2, 4, 30)).fit()
    assert np.isnan(found.params["discount"])
    assert found.lower[2] == 0
    assert 0.5 < found.upper[2] < 0.9
    assert "`discount` is not identified: every value in [0, " in found.statement
    assert np.isfinite(found.std_errors[:2]).all()


@pytest.mark.parametrize("name", EDGES)
def test_every_parameter_has_an_interval_within_its_range(name: str) -> None:
    for seed in range(4):
        model, told, _ = EDGES[name](np.random.default_rng([32, seed]))
        found = model.fit(**told)
        ends = found.conf_int().to_numpy()
        if np.isnan(ends).any():
            assert name == "three weak instruments"
            assert found.j_test().p_value < 0.05
            continue
        assert (ends[:, 0] < ends[:, 1]).all()
        shares = [kind == "(0, 1)" for _, kind in model._ranges()]
        assert (ends[shares] >= 0).all()
        assert (ends[shares] <= 1).all()


def test_an_option_that_is_not_shown_to_bind_is_no_point() -> None:
    """In half of the samples an option below the kink seems to bind, by chance."""
    by_chance = 0
    for seed in range(8):
        found = option(np.random.default_rng([33, seed]), 200, 0.3)[0].fit()
        by_chance += found._criterion.values[1] > found.params["discount"] / (1 + found.params["discount"])
        low, high = found.conf_int().loc["outside"]
        assert low == 0
        assert 0.3 < high < 0.6
        if not found.identified["outside"]:
            assert found.status is Status.MULTIPLE
            assert np.isnan(found.std_errors["outside"])
            assert "`outside` is not identified: every value in [0, 0.4" in found.statement
            with pytest.raises(Unsolved, match="`outside` is not identified"):
                found.raise_if_failed()
    assert by_chance > 1
    bound = option(np.random.default_rng(34), 600, 0.6)[0].fit()
    assert bound.ok
    low, high = bound.conf_int().loc["outside"]
    assert 0.5 < low < 0.6 < high < 0.7


def test_the_interval_of_a_mean_share_is_that_of_students_t_within_the_range() -> None:
    rng = np.random.default_rng(35)
    for mean in (0.004, 0.5):
        x = mean + 0.1 * rng.standard_normal(40)
        x += mean - x.mean()
        found = WeightedNashModel(x, total=1, noise="payoffs").fit()
        half = t.ppf(0.975, 39) * x.std(ddof=1) / np.sqrt(40)
        low, high = found.conf_int().loc["weight"]
        assert low == pytest.approx(max(0, mean - half), abs=1e-6)
        assert high == pytest.approx(mean + half, abs=1e-6)


def test_irrelevant_instruments_identify_nothing() -> None:
    model, told, _ = instrument(np.random.default_rng(36), 0.0)
    found = model.fit(**told)
    # the robust F of one instrument, by hand; margins are w / (1 - w) times gains
    z = told["instruments"][:, 0] - told["instruments"].mean()
    x = model.gains - model.gains.mean()
    rest = x - z * (z @ x) / (z @ z)
    robust = (z @ x) ** 2 / ((z * rest) ** 2).sum() * (400 - 2) / 400
    assert found.first_stage == pytest.approx(robust, rel=1e-9)
    assert not found.identified.any()
    assert "All parameters are weakly identified" in found.statement
    assert "First-stage F" in str(found.summary())
    ends = found.conf_int().to_numpy()
    assert ends[0].tolist() == [0, 1]
    assert np.isneginf(ends[1, 0])
    strong = instrument(np.random.default_rng(36), 0.3)[0].fit(**told | {"instruments": model.gains})
    assert strong.first_stage > 100
    assert strong.ok


def test_at_the_ends_of_an_anderson_rubin_set_the_instrument_just_explains_the_residual() -> None:
    model, told, _ = instrument(np.random.default_rng(46), 0.1)
    found = model.fit(**told)
    assert 20 < found.first_stage < 23.1
    z = told["instruments"][:, 0] - told["instruments"].mean()
    for w in found.conf_int().loc["weight"]:
        rest = model.prices - w / (1 - w) * model.gains
        terms = z * (rest - rest.mean())
        assert terms.mean() ** 2 / terms.var() * 399 == pytest.approx(f.ppf(0.95, 1, 399), rel=0.02)


def test_treated_clusters_are_compared_as_two_samples_with_their_degrees_of_freedom() -> None:
    groups = np.repeat(np.arange(12), 5)
    x, odds = (groups < 3) * 1.0, np.random.default_rng(37).standard_normal(12)[groups]
    odds = odds + 0.1 * np.random.default_rng(39).standard_normal(60)
    found = WeightedNashModel(logistic(odds), total=1, covariates=x).fit(clusters=groups)
    means = np.bincount(groups, odds) / 5
    variance = means[:3].var(ddof=1) / 3 + means[3:].var(ddof=1) / 9
    assert found.std_errors.iloc[1] == pytest.approx(np.sqrt(variance), rel=1e-9)
    degrees = (1 / 3 + 1 / 9) ** 2 / (1 / (9 * 2) + 1 / (81 * 8))  # Bell and McCaffrey
    assert found.degrees[1] == pytest.approx(degrees, rel=1e-9)
    alone = WeightedNashModel(logistic(odds), total=1, covariates=(groups < 1) * 1.0).fit(clusters=groups)
    assert alone.conf_int().iloc[1].tolist() == [-np.inf, np.inf]
    assert "`0` depends on a single cluster" in alone.statement


def test_a_share_of_no_endless_talks_has_the_interval_of_clopper_and_pearson() -> None:
    dates, who = np.append(np.linspace(0.1, 3, 28), [4.0, 4.0]), np.append(np.tile([0, 1], 14), [-1, -1])
    found = DelayModel(dates, who=who, demands=[0.6, 0.6]).fit()
    exact = binomtest(2, 30).proportion_ci(0.95)
    np.testing.assert_allclose(found.conf_int().loc["both_obstinate"], [exact.low, exact.high], rtol=1e-9)
    none = DelayModel(dates[:28], who=who[:28], demands=[0.6, 0.6]).fit()
    exact = binomtest(0, 28).proportion_ci(0.95)
    np.testing.assert_allclose(none.conf_int().loc["both_obstinate"], [0, exact.high], rtol=1e-9)


# --- what a table of results needs -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["weighted Nash, covariates", "alternating offers, GMM", "wages", "Nash-in-Nash, GMM"]
)
def test_fitted_values_and_residuals_add_up_and_predict_other_observations(name: str) -> None:
    model, told, _ = SAMPLES[name](np.random.default_rng(40))
    found = model.fit(**told)
    np.testing.assert_allclose(found.fitted_values + found.resids, model._observed(), rtol=1e-12)
    assert np.corrcoef(found.fitted_values, model._observed())[0, 1] > 0.5
    other = model._rows(np.arange(5))
    np.testing.assert_allclose(found.predict(other), found.fitted_values[:5], rtol=1e-12)
    with pytest.raises(InvalidInput, match="`model` must be a "):
        found.predict(SAMPLES["delays"](np.random.default_rng(0))[0])


def test_criteria_and_wald_tests_are_those_of_the_textbook() -> None:
    found = covered(np.random.default_rng(41))[0].fit()
    assert found.aic == pytest.approx(4 - 2 * found.loglike)
    assert found.bic == pytest.approx(2 * np.log(400) - 2 * found.loglike)
    one = found.wald_test([0, 1], 0.5)
    assert one.statistic == pytest.approx(((found.params["size"] - 0.5) / found.std_errors["size"]) ** 2)
    assert found.wald_test([0, 1]).p_value == pytest.approx(found.pvalues["size"])
    both = found.wald_test(np.eye(2), [-0.5, 0.8])
    gap = found.values - [-0.5, 0.8]
    assert both.statistic == pytest.approx(gap @ np.linalg.inv(found.covariance) @ gap / 2)
    assert "not rejected at the 5% level" in both.statement
    for wrong in ([1, 2, 3], [[1, 0], [2, 0]], [0, 0]):
        with pytest.raises(InvalidInput, match="`restriction` must have"):
            found.wald_test(wrong)
    with pytest.raises(Unsolved, match="distribution of delays"):
        _ = waits(np.random.default_rng(1))[0].fit().fitted_values


def test_several_models_stand_side_by_side() -> None:
    model = covered(np.random.default_rng(42))[0]
    small = WeightedNashModel(model.payoffs, total=model.total).fit()
    table = model.fit().compare(small).to_frame()
    assert table[""].tolist()[::2][:3] == ["constant", "size", "weight"]
    assert table["(2)"].tolist()[-4:-2] == ["400", pytest.approx(small.loglike)]
    with pytest.raises(InvalidInput, match="`others` must be Estimates"):
        small.compare(3)


def test_conclusions_follow_the_p_value() -> None:
    model, told, _ = chain(np.random.default_rng(8))
    assert "does not reject that all moments hold" in model.fit(**told).j_test().statement
    wrong = model.fit(method="gmm", instruments=np.column_stack([told["instruments"], model.prices])).j_test()
    assert wrong.p_value < 1e-6
    assert "J with 2 degrees of freedom rejects that all moments hold" in wrong.statement
    rng = np.random.default_rng(43)
    a, b, total = rng.standard_normal(100), rng.standard_normal(100), np.full(100, 10.0)
    paid = total * logistic(0.3 * a + 0.3 * b + rng.standard_normal(100))
    one, two, both = (
        WeightedNashModel(paid, total=total, covariates=x).fit() for x in (a, b, np.column_stack([a, b]))
    )
    assert one.vuong(two).statement.startswith("Neither model is significantly nearer to the truth")
    for pair in ((one, both), (both, one)):
        with pytest.raises(InvalidInput, match="`other` must not be nested"):
            pair[0].vuong(pair[1])
    with pytest.raises(InvalidInput, match="fitted by method='ml'"):
        one.vuong(WeightedNashModel(paid, total=total, covariates=b).fit(method="gmm"))


# --- data of pandas --------------------------------------------------------------------------------------------------


def test_data_of_pandas_are_aligned_by_their_index_in_every_argument() -> None:
    rng = np.random.default_rng(44)
    index = [f"talk {k}" for k in range(60)]
    for name in SAMPLES:
        model, told, _ = SAMPLES[name](rng)
        model = model._rows(np.arange(60))
        data = {
            name: (pd.Series if value.ndim == 1 else pd.DataFrame)(value, index=index)
            for name in (f.name for f in fields(model) if f.init)
            if isinstance(value := getattr(model, name), np.ndarray) and len(value) == 60
        }
        told = {key: value[:60] if isinstance(value, np.ndarray) else value for key, value in told.items()}
        plain = model.fit(**told)
        first, *others = data
        shuffled = {first: data[first]} | {key: data[key].sample(frac=1, random_state=1) for key in others}
        moved = {
            key: pd.DataFrame(value, index=index).sample(frac=1, random_state=2).squeeze()
            if isinstance(value, np.ndarray)
            else value
            for key, value in told.items()
        }
        found = replace(model, **shuffled).fit(**moved)
        np.testing.assert_allclose(found.values, plain.values, rtol=1e-6)
        for key in others:
            with pytest.raises(InvalidInput, match=f"`{key}` must have the index of the other data"):
                replace(model, **shuffled | {key: data[key].set_axis(range(60))})
    assert found.fitted_values.index.tolist() == index


# --- standard errors by other ways, and what is shown ----------------------------------------------------------------


def test_the_bootstrap_agrees_and_gives_the_same_draws_again() -> None:
    model, told, _ = clustered(np.random.default_rng(14), 300)
    found = model.fit(**told)
    draws = found.bootstrap(120)
    assert draws["weight"].std() == pytest.approx(found.std_errors["weight"], rel=0.3)
    pd.testing.assert_frame_equal(found.bootstrap(20), draws.iloc[:20])
    assert not found.bootstrap(3, seed=1).equals(draws.iloc[:3])


def test_samples_that_repeat_one_observation_do_not_end_a_bootstrap() -> None:
    found = WeightedNashModel([3.1, 2.4, 1.8, 2.9], total=[10, 8, 7, 9]).fit()
    draws = found.bootstrap(600)["weight"]
    assert draws.notna().mean() > 0.95
    assert draws.std() == pytest.approx(found.std_errors["weight"], rel=0.3)


def test_what_is_shown() -> None:
    found = covered(np.random.default_rng(17))[0].fit()
    text = str(found.summary())
    assert "constant" in text
    assert "size" in text
    assert "All parameters are identified" in text
    assert list(found.conf_int(0.9).columns) == ["lower", "upper"]
    assert (found.pvalues < 1e-3).all()
    assert found.cov.shape == (2, 2)
    assert found.plot().get_xlabel().startswith("estimate")


# --- bad input -------------------------------------------------------------------------------------------------------

GOOD = {"total": [10.0, 8.0, 9.0]}
PAIRS = NashInNashModel([2.0, 3.0, 4.0], gains=1.0, slopes=0)
FINE = WeightedNashModel([3.0, 2.0, 4.0], **GOOD)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WeightedNashModel([3.0, 9.0, 4.0], **GOOD), "share is 1.125 in observation 1"),
        (lambda: WeightedNashModel([3.0, 2.0], **GOOD), "`total` must have one entry for each of the 2"),
        (
            lambda: WeightedNashModel([3.0, 2.0, 4.0], **GOOD, disagreement=[5, 4]),
            "`total` must leave something",
        ),
        (
            lambda: WeightedNashModel([3.0, 2.0, 4.0], **GOOD, disagreement=[5, 4, 2]),
            "`disagreement` must have the",
        ),
        (lambda: WeightedNashModel(3.0, total=10), "one entry an observation"),
        (lambda: OffersModel([0.4, 0.5], total=1, proposer=[0, 2]), "`proposer` must be 0 or 1"),
        (lambda: NashInNashModel([2.0, 3.0], gains=[1.0, -1.0], slopes=-1), "`gains` must be positive"),
        (lambda: NashInNashModel([2.0, 3.0], gains=1.0, slopes=[0, 0.5]), "`slopes` must not be positive"),
        (lambda: PAIRS.fit(), "`method` must be 'gmm'"),
        (lambda: PAIRS.fit(method="gmm"), "`instruments` must be given"),
        (lambda: FINE.fit(clusters=["a", "a", "a"]), "`clusters` must name two groups at least; got one"),
        (lambda: FINE.fit(clusters=["a", None, "b"]), "some are missing"),
        (
            lambda: WeightedNashModel([3.0, 2.0, 4.0, 3.5], total=[10.0, 8.0, 9.0, 8.5]).fit(
                method="gmm", clusters=[0, 0, 1, 1]
            ),
            "`instruments` must be fewer than clusters; got 2 with the constant, and 2",
        ),
        (lambda: FINE.fit(clusters=[1, 2]), "`clusters` must have one label"),
        (lambda: FINE.fit().conf_int(0.05), r"`level` must be .* got 0.05. Did you mean 0.95\?"),
        (
            lambda: WeightedNashModel([3.0, 2.0, 4.0], **GOOD, covariates=[1e308, 0, 1]),
            "`covariates` must lie in",
        ),
        (lambda: FINE.fit(instruments=[1, 2, 3]), "`instruments` are for method='gmm'"),
        (lambda: FINE.fit(method="gmm", instruments=[1, 2]), "`instruments` must have a row"),
        (lambda: OffersModel([0.4, 0.5], total=1, proposer=[0, 1], breakdown=1), "`breakdown` must lie in"),
        (
            lambda: EfficientDelayModel([0, 1.5], total=[1, 2]),
            "`delays` must be whole numbers from 0; got 1.5",
        ),
        (
            lambda: EfficientDelayModel([0, 1], total=[1, -2]),
            "`total` must be positive; got -2 in observation 1",
        ),
        (lambda: EfficientDelayModel([0, 1], total=[2, 2]), "`total` must vary"),
        (
            lambda: EfficientDelayModel([0, 1e300, 1, 0, 2], total=[1, 2, 3, 4, 2]).fit(),
            "`delays` and `total` must let",
        ),
        (
            lambda: EfficientDelayModel([0, 1, 0, 2], total=[1, 2, 3, 4]).fit(method="gmm"),
            "`method` must be 'ml'",
        ),
        (lambda: DelayModel([1, -1], who=[0, 1], demands=[0.6, 0.6]), "`dates` must not be negative"),
        (lambda: DelayModel([1, 1], who=[0, 2], demands=[0.6, 0.6]), "`who` must be 0, 1 or -1"),
        (lambda: DelayModel([1, 1], who=[0, 1], demands=[0.4, 0.6]), "`demands` must be shares"),
        (
            lambda: OffersModel([0.4, 0.5], total=1, proposer=[0, 1], outside=[[0, 0], [0.7, 0.6]]),
            "`outside` must add up to no more than `total`.* got 1.3 in observation 1",
        ),
        (lambda: WeightedNashModel([3.0], total=10).fit(), "more observations than parameters; got 1 and 1"),
        (lambda: WeightedNashModel([3.0, 3.0, 3.0], total=10).fit(), "fits every observation exactly"),
        (
            lambda: OffersModel(
                [0.4, 0.5, 0.6], total=1, proposer=[0, 1, 0], outside=[[0, 0], [0, 0], [0, 1]]
            ).fit(),
            "predicts for observation 2 has no finite residual",
        ),
    ],
)
def test_data_that_cannot_be_used_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()


def test_the_delta_method_is_that_of_a_known_function() -> None:
    found = splits(np.random.default_rng(16))[0].fit()
    w, error = found.params["weight"], found.std_errors["weight"]
    assert found.tstats["weight"] == pytest.approx(w / error)
    value, spread = found.delta(lambda t: t[0] / (1 - t[0]))
    assert value == pytest.approx(w / (1 - w))
    assert spread == pytest.approx(error / (1 - w) ** 2, rel=1e-8)


@pytest.mark.parametrize("w", [0.003, 0.98])
def test_the_delta_method_stays_in_the_range_of_a_weight(w: float) -> None:
    payoffs = w + 0.0005 * np.random.default_rng(5).standard_normal(60)
    found = WeightedNashModel(payoffs, total=1, noise="payoffs").fit()
    w, error = found.params["weight"], found.std_errors["weight"]
    spread = found.delta(lambda t: np.log(t[0]) - np.log(1 - t[0]))[1]
    assert spread == pytest.approx(error / (w * (1 - w)), rel=1e-6)
