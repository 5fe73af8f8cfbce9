"""Private information on both sides: published and independently computed numbers, closed forms, drawn problems."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining import (
    BayesianProblem,
    InvalidInput,
    LinearImage,
    NotApplicable,
    Status,
    certify,
    double_auction,
    harsanyi_selten,
    kalai_smorodinsky,
    nash,
    neutral,
    posted_price,
    random_offerer,
    second_best,
    utilitarian,
)
from bargaining.games.bayesian import mechanism_gains, scale_of
from bargaining.protocols import mechanisms


def types(n):
    return (np.arange(n) + 0.5) / n


def uniform(n):
    return BayesianProblem.trade(types(n), types(n))


def total(mechanism):
    return mechanism.raise_if_failed().payoffs.sum()


# Uniform types on a grid: the knapsack of Myerson and Satterthwaite (1983) in rationals.
SECOND_BEST = {
    2: "1/8",
    3: "4/27",
    4: "5/32",
    5: "4/25",
    6: "25/162",
    8: "49/320",
    10: "189/1250",
    20: "323/2200",
    40: "403/2800",
    100: "48279/340000",
}
SUBSIDY = {6: "5/216", 8: "7/128", 10: "3/40", 20: "19/160", 40: "91/640"}
PRICE = {6: "1/3", 8: "1/5", 10: "2/5", 20: "4/11", 40: "3/7"}  # of the budget, less 1
OFFER = {
    6: ("5/36", "11/108"),
    8: ("35/256", "25/256"),
    10: ("27/200", "19/200"),
    20: ("209/1600", "143/1600"),
    40: ("819/6400", "553/6400"),
}


def proved(mechanism):
    """The weighted sum of gains as a fraction, where the certificate proves it."""
    proof = certify(mechanism)
    assert proof.holds
    return sum(proof.exact)


@pytest.mark.dear("100-48279/340000")
@pytest.mark.parametrize(("n", "value"), SECOND_BEST.items())
def test_second_best_of_uniform_types(n, value):
    best = second_best(uniform(n))
    assert total(best) == pytest.approx(float(Fraction(value)), abs=1e-12)
    assert proved(best) == Fraction(value)
    assert best.share == pytest.approx(float(Fraction(value)) / uniform(n).first_best)
    assert uniform(n).first_best == pytest.approx((n * n - 1) / (6 * n * n))
    assert abs(float(Fraction(value)) - 9 / 64) <= 0.14 / n  # the continuum of Myerson and Satterthwaite


@pytest.mark.parametrize(("n", "value"), PRICE.items())
def test_what_a_little_money_from_outside_adds(n, value):
    with_money = total(second_best(uniform(n), subsidy=1e-3)) - total(second_best(uniform(n)))
    assert with_money / 1e-3 - 1 == pytest.approx(float(Fraction(value)), abs=1e-9)


def rising(n):
    return 2 * np.arange(1, n + 1) / (n * (n + 1))


def test_certificates_of_mechanisms_catch_what_is_wrong():
    best = second_best(uniform(6))
    for wrong in (
        replace(best, payoffs=best.payoffs + np.array([1e-3, -1e-3])),
        replace(best, interim=(best.interim[0] - 1e-3, best.interim[1])),
        replace(best, multipliers=best.multipliers * 0.9),
        replace(best, outcomes=0.9 * best.outcomes),
    ):
        proof = certify(wrong)
        assert not proof.holds
        assert proof.bound >= 1e-3
    with pytest.raises(NotApplicable, match="no certifier for harsanyi_selten on LinearImage"):
        certify(harsanyi_selten(uniform(2)))
    with pytest.raises(NotApplicable, match="independent types, or without transfers"):
        certify(second_best(BayesianProblem.trade([1, 3], [0, 2], [[0.17, 0.03], [0.63, 0.17]])))


def test_certificates_enclose_drawn_second_bests():
    rng, exact = np.random.default_rng(8), 0
    for k in range(40):
        n, m = rng.integers(1, 5, 2)
        prior = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))
        problem = BayesianProblem.trade(rng.random(n), rng.random(m), prior)
        if k % 2:  # small fractions, of outcomes without payments
            gains = rng.integers(-3, 4, size=(2, 2, n, m))
            problem = BayesianProblem(gains, (np.full(n, 1 / n), np.full(m, 1 / m)))
        proof = certify(second_best(problem, subsidy=0.01 * (k % 4 == 0)))
        assert proof.holds
        assert proof.bound <= 1e-9
        exact += proof.exact is not None
    assert exact >= 20


@pytest.mark.parametrize(("n", "value"), SUBSIDY.items())
def test_the_least_subsidy_makes_trade_efficient(n, value):
    problem = uniform(n)
    assert problem.subsidy == pytest.approx(float(Fraction(value)), abs=1e-12)
    paid = second_best(problem, subsidy=problem.subsidy)
    assert total(paid) - problem.subsidy == pytest.approx(problem.first_best, abs=1e-9)
    short = second_best(problem, subsidy=0.9 * problem.subsidy)
    assert total(short) - 0.9 * problem.subsidy < problem.first_best - 1e-6


@pytest.mark.parametrize(("n", "values"), OFFER.items())
def test_a_last_offer_and_a_posted_price(n, values):
    gains, own = (float(Fraction(value)) for value in values)
    sold = random_offerer(uniform(n), chances=[0, 1])
    assert total(sold) == pytest.approx(gains, abs=1e-12)
    assert sold.payoffs[1] == pytest.approx(own, abs=1e-12)
    assert total(random_offerer(uniform(n), chances=[1, 0])) == pytest.approx(gains, abs=1e-12)
    assert total(posted_price(uniform(n))) == pytest.approx(gains, abs=1e-12)


@pytest.mark.parametrize(
    ("weights", "n", "value"),
    [
        ((1, 0.5), 10, "207/1750"),
        ((1, 0.5), 20, "23659/208000"),
        ((1, 0.25), 10, "421/4000"),
        ((1, 0.25), 20, "7067/70400"),
        ((1, 0), 10, "19/200"),
        ((1, 0), 20, "143/1600"),
    ],
)
def test_weighted_sums(weights, n, value):
    best = second_best(uniform(n), weights=weights)
    assert best.payoffs @ weights == pytest.approx(float(Fraction(value)), abs=1e-12)
    assert np.dot(certify(best).exact, list(map(Fraction, weights))) == Fraction(value)
    pair = [np.full(n, weight) for weight in weights]
    assert second_best(uniform(n), weights=pair).payoffs @ weights == pytest.approx(best.payoffs @ weights)


@pytest.mark.parametrize(
    ("problem", "best", "first", "offered"),
    [
        (BayesianProblem.trade(types(n), types(n), (rising(n), other(n))), *values)
        for n, other, *values in (
            (5, lambda n: np.full(n, 1 / n), "28/125", "17/75", "73/375"),
            (8, lambda n: np.full(n, 1 / n), "161/720", "91/384", "443/2304"),
            (10, lambda n: np.full(n, 1 / n), "6153/27500", "6/25", "107/550"),
            (5, rising, "154/1125", "154/1125", "131/1125"),
            (8, rising, "1595/12096", "119/864", "1169/10368"),
            (10, rising, "13619/105875", "189/1375", "342/3025"),
        )
    ],
)
def test_rising_chances(problem, best, first, offered):
    assert proved(second_best(problem)) == Fraction(best)
    assert problem.first_best == pytest.approx(float(Fraction(first)), abs=1e-12)
    assert total(random_offerer(problem)) == pytest.approx(float(Fraction(offered)), abs=1e-12)


@pytest.mark.parametrize(
    ("problem", "best", "first", "subsidy"),
    [
        (BayesianProblem.trade(types(10) + 1 / 2, types(10)), "497/1000", "13/25", "3/20"),
        (BayesianProblem.trade(types(12) + 1 / 4, types(12)), "1001/3456", "23/72", "47/288"),
        (BayesianProblem.trade(types(10), types(6)), "247/1600", "33/200", "4/45"),
    ],
)
def test_other_supports(problem, best, first, subsidy):
    assert proved(second_best(problem)) == Fraction(best)
    assert problem.first_best == pytest.approx(float(Fraction(first)), abs=1e-12)
    assert problem.subsidy == pytest.approx(float(Fraction(subsidy)), abs=1e-12)


def two_by_two(v, c, rho, pi):
    return BayesianProblem.trade(v, c, ([rho, 1 - rho], [1 - pi, pi]))


@pytest.mark.parametrize(
    ("v", "c", "rho", "pi", "best", "first", "sold", "bought"),
    [
        ((1, 3), (0, 2), 1 / 4, 1 / 4, "81/40", "33/16", "15/8", "15/8"),
        ((1, 3), (0, 2), 1 / 5, 1 / 5, "384/175", "56/25", "52/25", "52/25"),
        ((2, 6), (1, 5), 1 / 5, 1 / 4, "244/75", "67/20", "16/5", "63/20"),
        ((2, 5), (0, 3), 2 / 5, 1 / 3, "44/15", "44/15", "12/5", "38/15"),
    ],
)
def test_two_types_each(v, c, rho, pi, best, first, sold, bought):
    problem = two_by_two(v, c, rho, pi)
    assert proved(second_best(problem)) == Fraction(best)
    assert problem.first_best == pytest.approx(float(Fraction(first)), abs=1e-12)
    assert total(random_offerer(problem, chances=[0, 1])) == pytest.approx(float(Fraction(sold)), abs=1e-12)
    assert total(random_offerer(problem, chances=[1, 0])) == pytest.approx(float(Fraction(bought)), abs=1e-12)


@pytest.mark.parametrize("draws", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_two_by_two_is_efficient_where_the_closed_form_says(draws):
    rng = np.random.default_rng(draws)
    sides = set()
    for _ in range(draws):
        c1, v1, c2, v2 = np.sort(rng.uniform(0, 10, 4))
        rho, pi = rng.uniform(0.05, 0.95, 2)
        margin = rho / (1 - rho) * (v1 - c1) + pi / (1 - pi) * (v2 - c2) - (c2 - v1)
        problem = two_by_two((v1, v2), (c1, c2), rho, pi)
        loss = problem.first_best - total(second_best(problem))
        if abs(margin) > 1e-3:
            assert (loss <= 1e-10) == (margin > 0)
            assert (problem.subsidy <= 1e-12) == (margin > 0)
            sides.add(bool(margin > 0))
    assert sides == {True, False}


def test_irregular_and_correlated_types():
    irregular = BayesianProblem.trade(
        [1, 2, 3, 4], [0, 1.5, 2.5, 3.5], ([0.1, 0.6, 0.1, 0.2], [0.4, 0.1, 0.4, 0.1])
    )
    assert proved(second_best(irregular)) == Fraction(2831, 2400)
    e = 0.01
    correlated = BayesianProblem.trade([1, 3], [0, 2], [[0.16 + e, 0.04 - e], [0.64 - e, 0.16 + e]])
    assert total(second_best(correlated)) == pytest.approx(2.1847706422, abs=1e-9)
    for call in (lambda: correlated.subsidy, lambda: posted_price(correlated, 1.0)):
        with pytest.raises(NotApplicable, match="independent"):
            call()
    with pytest.raises(InvalidInput, match="`subsidy` must be 0"):
        second_best(correlated, subsidy=1.0)


def claims(problem, mechanism):
    """What each type can claim, from the weights and prices of a neutral solution, by loops over the definition."""
    (count, _, n, m), prior = problem.gains.shape, problem.prior
    given = [prior / prior.sum(axis=1, keepdims=True), prior / prior.sum(axis=0)]
    price = mechanism.multipliers
    weights = [price[:n], price[n : n + m]]
    lies = [price[n + m : n + m + n * n].reshape(n, n), price[n + m + n * n :].reshape(m, m)]
    most = np.zeros((n, m))  # of the virtual gains at a pair, times its chance
    for i in range(n):
        for j in range(m):
            for c in range(count):
                own, other = problem.gains[c, 0, :, j], problem.gains[c, 1, i]
                worth = (weights[0][i] + lies[0][i].sum()) * given[0][i, j] * own[i]
                worth -= sum(lies[0][k, i] * given[0][k, j] * own[k] for k in range(n))
                worth += (weights[1][j] + lies[1][j].sum()) * given[1][i, j] * other[j]
                worth -= sum(lies[1][k, j] * given[1][i, k] * other[k] for k in range(m))
                most[i, j] = max(most[i, j], worth)
    right = most.sum(axis=1) / 2, most.sum(axis=0) / 2
    return np.concatenate(
        [
            np.linalg.lstsq(np.diag(w + a.sum(axis=1)) - a.T, half, rcond=None)[0]
            for w, a, half in zip(weights, lies, right, strict=True)
        ]
    )


def test_neutral_solutions():
    four = neutral(two_by_two((2, 5), (0, 3), 2 / 5, 1 / 3))
    assert np.concatenate(four.interim) == pytest.approx([2 / 3, 5 / 3, 3 / 2, 3 / 5], abs=1e-9)
    assert total(neutral(two_by_two((4, 10), (0, 6), 1 / 4, 1 / 4))) == pytest.approx(51 / 8, abs=1e-9)
    assert total(neutral(uniform(3))) == pytest.approx(4 / 27, abs=1e-9)
    assert total(neutral(uniform(4))) == pytest.approx(9 / 64, abs=1e-9)
    road = [[[[-10.0], [-70.0]], [[90.0], [90.0]]], [[[90.0], [30.0]], [[-10.0], [-10.0]]]]
    found = neutral(BayesianProblem(road, np.array([[0.9], [0.1]]))).raise_if_failed()
    assert np.concatenate(found.interim) == pytest.approx([40, 10, 36], abs=1e-6)
    for c, (high, low) in enumerate(((0.5, 0.05), (0.5, 0.45))):
        assert found.outcomes[c, :, 0] == pytest.approx([high, low], abs=1e-6)
    assert found.multipliers[:3] == pytest.approx([13 / 15, 2 / 15, 1], abs=1e-9)
    assert found.multipliers[4] == pytest.approx(1 / 30, abs=1e-9)  # high does not report low
    for soft, hard, gains, chance in (
        (-2.1, 13, (18.22, 22.8), 0.4080321285),
        (4.2, 23.95, (25.4, 29.85), 0.4132553606),
    ):
        talks = BayesianProblem([[[gains], [[-soft, -hard]]]], ([1.0], [0.7, 0.3]), transfers=True)
        assert neutral(talks).outcomes[0, 0] == pytest.approx([1, chance], abs=1e-8)


def test_neutral_solutions_give_every_type_its_claim():
    rng, solved, offers = np.random.default_rng(5), 0, 0
    for k in range(24):
        prior = rng.dirichlet([2, 2]), rng.dirichlet([2, 2])
        if k % 2:
            problem = BayesianProblem(rng.normal(size=(2, 2, 2, 2)) + 0.3, prior)
        else:
            problem = BayesianProblem.trade(rng.random(2) + 0.2, rng.random(2), prior=prior)
        fair = neutral(problem)
        if fair.status != Status.OK:
            continue
        gains, size = np.concatenate(fair.interim), scale_of(problem)
        if fair.multipliers.size:
            solved += 1
            assert (gains >= claims(problem, fair) - 1e-9 * size).all()
            chances = problem.prior.sum(axis=1), problem.prior.sum(axis=0)
            best = second_best(problem, weights=np.split(fair.multipliers[:4], 2) / np.array(chances))
            assert fair.multipliers[:4] @ gains == pytest.approx(
                fair.multipliers[:4] @ np.concatenate(best.interim), abs=2e-9 * size
            )
        else:
            offers += 1
            assert np.concatenate(random_offerer(problem).interim) == pytest.approx(gains)
    assert solved >= 12
    assert offers >= 3


def test_a_neutral_solution_of_many_types_is_refused():
    with pytest.raises(NotApplicable, match=r"up to 64 outcomes at pairs of types; `problem` has 81"):
        neutral(uniform(9))


def test_harsanyi_selten():
    small = harsanyi_selten(two_by_two((2, 5), (0, 3), 2 / 5, 1 / 3))
    assert small.interim[0] == pytest.approx([3 / 5, 9 / 5], abs=1e-9)
    assert small.interim[1] == pytest.approx([3 / 2, 3 / 5], abs=1e-9)
    assert total(harsanyi_selten(two_by_two((4, 10), (0, 6), 1 / 4, 1 / 4))) == pytest.approx(
        351 / 56, abs=1e-9
    )
    three = BayesianProblem.trade([1, 2, 4], [0, 0.5, 1.5], ([0.5, 0.3, 0.2], [0.2, 0.5, 0.3]))
    assert total(harsanyi_selten(three)) == pytest.approx(221 / 200, abs=1e-9)
    assert proved(second_best(three)) == Fraction(51, 40)
    assert proved(second_best(two_by_two((4, 10), (0, 6), 1 / 4, 1 / 4))) == Fraction(57, 8)
    for n, value in ((4, 0.1282981749), (5, 0.1312910605), (10, 0.1252321822)):
        assert total(harsanyi_selten(uniform(n))) == pytest.approx(value, abs=1e-9)
    assert harsanyi_selten(uniform(10)).interim[0][0] == pytest.approx(0.0212097700, abs=5e-9)
    road = BayesianProblem(
        [[[[-10], [-70]], [[90], [90]]], [[[90], [30]], [[-10], [-10]]]], ([0.9, 0.1], [1.0])
    )
    fair = harsanyi_selten(road).raise_if_failed()
    assert np.concatenate(fair.interim) == pytest.approx([1620 / 41, 540 / 41, 36], abs=1e-9)
    problem = uniform(4)
    interim = nash(problem.interim(), weights=np.full(8, 0.25))
    assert np.concatenate(harsanyi_selten(problem).interim) == pytest.approx(interim.payoffs, abs=1e-9)


@pytest.mark.parametrize("k", [1 / 3, 1 / 2, 3 / 4])
def test_linear_offers_of_many_types_are_nearly_those_of_the_continuum(k):
    """The linear equilibrium of Chatterjee and Samuelson (1983); for k >= 1/2 best for weights of Williams."""
    n = 200
    bids = types(n) / (1 + k) + k * (1 - k) / (2 * (1 + k))
    asks = types(n) / (2 - k) + (1 - k) / 2
    met = double_auction(uniform(n), k, bids, asks)
    assert met.payoffs == pytest.approx([(1 + k) ** 2 * (2 - k) / 48, (1 + k) * (2 - k) ** 2 / 48], abs=1 / n)
    assert met.agreement == pytest.approx((1 + k) * (2 - k) / 8, abs=1 / n)
    assert met.residual <= 1 / n
    if k >= 1 / 2:
        weights = [1, (1 - k * k) / (k * (2 - k))]
        best = second_best(uniform(40), weights=weights)
        assert best.payoffs @ weights == pytest.approx(met.payoffs @ weights, rel=0.05)


@pytest.mark.parametrize("k", [0.0, 0.3, 1.0])
def test_double_auction(k):
    problem = BayesianProblem.trade([1, 3], [0, 2])
    met = double_auction(problem, k, [1, 2], [1, 2])
    assert met.status is Status.OK
    assert met.payoffs == pytest.approx([(3 - k) / 4, (2 + k) / 4])
    off = double_auction(problem, k, [1, 3], [0, 2])  # honest offers
    assert off.status is Status.INACCURATE
    bids, asks, f = [1, 3], [0, 2], 0.5
    grid, best = np.linspace(-1, 4, 501), 0.0
    for v, bid in zip((1, 3), bids, strict=True):
        gain = [sum(f * (v - k * b - (1 - k) * a) for a in asks if b >= a - 1e-12) for b in (*grid, bid)]
        best = max(best, max(gain) - gain[-1])
    for c, ask in zip((0, 2), asks, strict=True):
        gain = [sum(f * (k * b + (1 - k) * a - c) for b in bids if b >= a - 1e-12) for a in (*grid, ask)]
        best = max(best, max(gain) - gain[-1])
    assert off.residual == pytest.approx(best / scale_of(problem))


@pytest.mark.parametrize(
    ("soft", "hard", "threshold"),
    [((18.22, -2.1), (22.8, 13), 0.6064257028), ((25.4, 4.2), (29.85, 23.95), 0.7699805068)],
)
def test_a_last_offer_excludes_the_hard_type_below_a_threshold(soft, hard, threshold):
    for chance in (threshold - 1e-6, threshold + 1e-6):
        gains = np.array([[[soft[0], hard[0]]], [[-soft[1], -hard[1]]]])[None]
        talks = BayesianProblem(gains, ([1.0], [1 - chance, chance]), transfers=True)
        offer = random_offerer(talks, chances=[1, 0])
        assert offer.agreement == pytest.approx(1.0 if chance > threshold else 1 - chance)
        assert second_best(talks).agreement == pytest.approx(1.0)


def test_a_bid_above_the_value_is_regretted():
    trade = BayesianProblem.trade([1], [2, 2.5])
    regretted = double_auction(trade, 1.0, [3], [2, 2.5])  # buys at 3
    assert regretted.status is Status.INACCURATE
    assert regretted.residual == pytest.approx(2 / scale_of(trade))


def test_a_mechanism_that_invites_lies_is_not_ok(monkeypatch):
    def loose(problem, subsidy=0.0, **more):
        image = mechanism_gains(problem, subsidy, **more)
        return LinearImage(
            image.image, image.matrix, image.limits + 0.05, lower=image.lower, upper=image.upper
        )

    assert second_best(uniform(4)).ok
    monkeypatch.setattr(mechanisms, "mechanism_gains", loose)
    wrong = second_best(uniform(4))
    assert wrong.status is Status.INACCURATE
    assert definition(uniform(4), wrong) / scale_of(uniform(4)) == pytest.approx(wrong.residual)


def definition(problem, mechanism, subsidy=0.0):
    """Return the worst violation of incentives, participation and the budget, by loops over the definition."""
    q, x, p, worst = mechanism.outcomes, mechanism.payments, problem.prior, 0.0
    n, m = p.shape
    for i in range(n):
        gain = [
            sum(p[i, j] / p[i].sum() * (q[:, k, j] @ problem.gains[:, 0, i, j] - x[k, j]) for j in range(m))
            for k in range(n)
        ]
        worst = max(worst, max(gain) - gain[i], -gain[i])
        assert gain[i] == pytest.approx(mechanism.interim[0][i], abs=1e-9)
    for j in range(m):
        chance = p[:, j] / p[:, j].sum()
        gain = [
            sum(chance[i] * (q[:, i, k] @ problem.gains[:, 1, i, j] + x[i, k] + subsidy) for i in range(n))
            for k in range(m)
        ]
        worst = max(worst, max(gain) - gain[j], -gain[j])
        assert gain[j] == pytest.approx(mechanism.interim[1][j], abs=1e-9)
    assert (q.sum(axis=0) <= 1 + 1e-9).all()
    return worst


@pytest.mark.parametrize("draws", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_drawn_trades(draws):
    rng = np.random.default_rng(draws)
    for _ in range(draws):
        n, m = rng.integers(1, 6, 2)
        v, c = np.sort(rng.uniform(0, 1, n)), np.sort(rng.uniform(0, 1, m))
        problem = BayesianProblem.trade(v, c, (rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(m))))
        best = second_best(problem)
        assert best.ok
        assert best.payoffs.sum() >= problem.first_best / 2 - 1e-12
        mechanisms = [best, random_offerer(problem), posted_price(problem), harsanyi_selten(problem)]
        for mechanism in mechanisms:
            assert definition(problem, mechanism) <= 1e-9
            assert mechanism.payoffs.sum() <= best.payoffs.sum() + 1e-9
        # all reports, by the program of general outcomes
        general = BayesianProblem(problem.gains, (problem.prior.sum(1), problem.prior.sum(0)), transfers=True)
        assert second_best(general).payoffs.sum() == pytest.approx(best.payoffs.sum(), abs=1e-10)


def test_drawn_outcomes_without_payments():
    rng = np.random.default_rng(12)
    for _ in range(30):
        count, n, m = rng.integers(1, 4, 3)
        problem = BayesianProblem(
            rng.normal(size=(count, 2, n, m)), rng.dirichlet(np.ones(n * m)).reshape(n, m)
        )
        best = second_best(problem)
        assert best.ok
        assert not best.payments.any()
        assert definition(problem, best) <= 1e-9
        chances = np.concatenate((problem.prior.sum(axis=1), problem.prior.sum(axis=0)))
        assert utilitarian(problem.interim(), weights=chances).payoffs @ chances == pytest.approx(
            best.payoffs.sum(), abs=1e-9
        )


def test_units_order_and_names_do_not_matter():
    problem, far = uniform(5), BayesianProblem.trade(1e6 * types(5)[::-1], 1e6 * types(5))
    assert second_best(far).payoffs.sum() == pytest.approx(1e6 * second_best(problem).payoffs.sum())
    assert harsanyi_selten(far).payoffs == pytest.approx(1e6 * harsanyi_selten(problem).payoffs)
    assert problem.interim().player_names[:2] == ("buyer 0", "buyer 1")
    both = problem.ex_ante()
    assert nash(both).payoffs == pytest.approx([0.08, 0.08])
    assert kalai_smorodinsky(both).ok
    for weights in ([2e9, 1e9], [2, 1]):
        assert second_best(problem, weights=weights).payoffs @ [2, 1] == pytest.approx(
            second_best(problem, weights=[1, 0.5]).payoffs @ [2, 1]
        )
    for prior in (([0.5, 0.5], [0.25, 0.75]), [[0.5, 0.5], [0.25, 0.75]], [[0.125, 0.375], [0.125, 0.375]]):
        assert BayesianProblem.trade([1, 3], [0, 2], prior).prior.tolist() == [[0.125, 0.375], [0.125, 0.375]]
    moved = BayesianProblem.trade([1.5, 3], [0, 1], options=([0.5, 0], [0, 1]))
    assert moved.values.tolist() == [1, 3]
    assert moved.costs.tolist() == [0, 2]


@pytest.mark.parametrize("level", [-1e6, 1e6])
@pytest.mark.parametrize("prior", [None, [[0.17, 0.03], [0.63, 0.17]]])
def test_a_higher_price_level_changes_payments_alone(level, prior):
    low = BayesianProblem.trade([1, 3], [0, 2], prior)
    high = BayesianProblem.trade([level + 1, level + 3], [level, level + 2], prior)
    for rule in (second_best, harsanyi_selten, random_offerer):
        ours, theirs = rule(high), rule(low)
        assert ours.ok
        assert ours.payoffs.sum() == pytest.approx(theirs.payoffs.sum(), abs=1e-8)
        assert definition(high, ours) <= 1e-8
        assert (ours.payments - level * ours.outcomes[0] == pytest.approx(theirs.payments, abs=1e-8)) or (
            rule is second_best  # one of several
        )


def test_nobody_can_gain():
    nothing = BayesianProblem.trade([1, 2], [3, 4])
    for mechanism in (second_best(nothing), harsanyi_selten(nothing), random_offerer(nothing)):
        assert mechanism.status is Status.DEGENERATE
        assert mechanism.payoffs == pytest.approx([0, 0])
        assert mechanism.agreement == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: BayesianProblem.trade([1, 2], [0], ([0.5, 0.6], [1.0])),
            r"`prior\[0\]` must sum to 1; got 1.1",
        ),
        (
            lambda: BayesianProblem.trade([1, 2], [0], ([1.0, 0.0], [1.0])),
            "type 1 the chance 0. Leave that type out",
        ),
        (lambda: BayesianProblem.trade([1, 2], [0], ([1.5, -0.5], [1.0])), "must not have negative chances"),
        (
            lambda: BayesianProblem.trade([1, 2], [0], ([1.0], [1.0])),
            r"`prior\[0\]` must have one chance per type",
        ),
        (lambda: BayesianProblem.trade([1, 2], [0], [[0.5, 0.5]]), r"`prior` must have shape \(2, 1\)"),
        (lambda: BayesianProblem.trade([1, np.nan], [0]), "`values`"),
        (lambda: BayesianProblem([[1, 2]], ([1.0], [1.0])), "`payoffs` must have shape"),
        (
            lambda: second_best(BayesianProblem(np.ones((1, 2, 1, 1)), ([1.0], [1.0])), subsidy=1),
            "`subsidy` must be 0",
        ),
        (lambda: second_best(uniform(2), weights=[1, -1]), "`weights` must be"),
        (lambda: second_best(uniform(2), weights=[0, 0]), "not all 0"),
        (lambda: second_best(uniform(2), weights=2), "`weights` must be"),
        (lambda: BayesianProblem.trade([1, 2], [0], options=3), "`options` must be a pair"),
        (lambda: double_auction(uniform(2), 1.5, [0, 1], [0, 1]), "`k` must lie in"),
        (lambda: double_auction(uniform(2), 0.5, [0, 1, 2], [0, 1]), "`bids` must have one offer per type"),
        (lambda: random_offerer(uniform(2), chances=[1, 1]), "`chances` must be two that sum to 1"),
        (lambda: second_best([1, 2]), "`problem` must be a BayesianProblem"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()
