"""Investment in the outside option: closed forms, exhaustive search, kinks and ties."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest

from bargaining.errors import InvalidInput, Status
from bargaining.protocols.hold_up import HoldUp, deal_me_out, risk_of_breakdown, split_the_difference
from seeds import seeds


def root(c):
    return lambda k: c * np.sqrt(k)


@pytest.mark.parametrize(("weight", "c"), [(0.4, 1.0), (0.5, 0.8), (0.1, 0.9), (0.9, 0.3)])
def test_splitting_the_difference(weight, c):
    # d/dk [c sqrt k + w (1 - c sqrt k) - k] = 0
    outcome = HoldUp(root(c), split_the_difference(weight), 1.0)()
    assert float(outcome.investment) == pytest.approx(((1 - weight) * c / 2) ** 2, abs=1e-7)
    assert outcome.status is Status.OK
    assert outcome.payoffs.sum() == pytest.approx(1 - float(outcome.investment))


def test_an_option_that_does_not_bind_attracts_no_investment():
    outcome = HoldUp(root(1.0), deal_me_out(0.4), 1.0)()
    assert float(outcome.investment) == 0
    assert outcome.payoffs.tolist() == [0.4, 0.6]


@pytest.mark.parametrize("least", [0.3, 0.25, 1 / 7])
def test_an_option_that_takes_a_least_investment_takes_just_that(least):
    outcome = HoldUp(lambda k: np.where(k >= least, 0.9, 0.0), deal_me_out(0.4), 1.0)()
    assert (float(outcome.investment), outcome.status) == (least, Status.OK)
    assert float(HoldUp(lambda k: np.where(k >= 0.6, 0.9, 0.0), deal_me_out(0.4), 1.0)().investment) == 0


def test_an_owner_whom_investment_neither_costs_nor_brings_anything_does_not_invest():
    outcome = HoldUp(lambda k: 0.2 + 0 * k, deal_me_out(0.4), 1.0, cost=lambda k: 0 * k)()
    assert (float(outcome.investment), outcome.payoffs.tolist()) == (0, [0.4, 0.6])
    assert (outcome.ties.min(), outcome.ties.max(), outcome.status) == (0, 1, Status.OK)


def test_a_weak_owner_invests_until_the_option_binds_and_beyond():
    # max over k of sqrt k - k is at 1/4 and worth 1/4: above a share of .2, so worth making it bind.
    outcome = HoldUp(root(1.0), deal_me_out(0.2), 1.0)()
    assert float(outcome.investment) == pytest.approx(0.25, abs=1e-10)
    assert outcome.payoffs[0] == pytest.approx(0.25)


def test_at_the_threshold_both_are_reported():
    outcome = HoldUp(root(1.0), deal_me_out(0.25), 1.0)()
    assert outcome.ties == pytest.approx([0, 0.25], abs=1e-7)
    assert float(outcome.investment) == 0


def test_breakdown_lies_between():
    rates, hazard = (0.05, 0.05), 0.5
    outcome = HoldUp(root(1.0), risk_of_breakdown(rates, hazard), 1.0)()
    slope = Fraction(50, 55) / 2  # L / (r + L) times one half
    assert float(outcome.investment) == pytest.approx(float((slope / 2) ** 2), abs=1e-7)
    assert float(HoldUp(root(1.0), risk_of_breakdown(rates, 0.0), 1.0)().investment) == 0


@pytest.mark.parametrize("seed", seeds(3, 6))
def test_against_exhaustive_search(seed):
    rng = np.random.default_rng(seed)
    a, b, c, s = rng.uniform(0.2, 0.9), rng.uniform(0.3, 2), rng.uniform(0.1, 1), rng.uniform(0.1, 0.5)
    option = lambda k: a * (1 - np.exp(-b * k)) * (1 + 0.1 * np.sin(8 * k))  # noqa: E731
    rule = lambda o: 0.5 * np.maximum(s, o) + 0.5 * (o + 0.4 * (1 - o))  # noqa: E731
    cost = lambda k: c * k**1.5 / 3  # noqa: E731
    outcome = HoldUp(option, rule, 2.0, cost=cost)()
    k = np.linspace(0, 2, 2_000_001)
    value = rule(option(k)) - cost(k)
    assert outcome.payoffs[0] >= value.max() - 1e-13
    assert float(outcome.investment) == pytest.approx(k[value.argmax()], abs=2e-6)


@pytest.mark.parametrize(
    "rule", [split_the_difference(0.4), deal_me_out(0.25), risk_of_breakdown([0.05, 0.1], 0.5)], ids=repr
)
def test_a_rule_shows_as_its_call_and_can_be_sent_to_another_process(rule):
    made = {f.__name__: f for f in (split_the_difference, deal_me_out, risk_of_breakdown)}
    outcome = pickle.loads(pickle.dumps(HoldUp(np.sqrt, rule, 0.5)()))
    for other in (outcome.parameters["rule"], eval(repr(rule), made)):
        assert other(np.array([0.1, 0.6])).tolist() == rule(np.array([0.1, 0.6])).tolist()


def test_a_kink_is_found():
    # The option is capped at .5, reached at k = .05 on a steep line: invest exactly that.
    outcome = HoldUp(lambda k: np.minimum(0.5, 10 * k), split_the_difference(0.3), 1.0)()
    assert float(outcome.investment) == pytest.approx(0.05, abs=1e-8)


BAD = [
    (lambda: HoldUp(root(1), deal_me_out(0.4), 0.0), "`upper` must be positive"),
    (lambda: HoldUp(0.5, deal_me_out(0.4), 1.0), "`outside` must be a function"),
    (
        lambda: HoldUp(root(2), deal_me_out(0.4), 1.0)(),
        r"`outside` must lie in \[0, 1\].* at investment 0.25",
    ),
    (
        lambda: HoldUp(lambda k: np.where(k > 0.5, np.nan, k), deal_me_out(0.4), 1.0)(),
        "`outside` must return finite",
    ),
    (lambda: HoldUp(lambda k: np.ones(3), deal_me_out(0.4), 1.0)(), "`outside` must return one value"),
    (
        lambda: HoldUp(lambda k: "part", deal_me_out(0.4), 1.0)(),
        "`outside` must return real numbers; got 'part'",
    ),
    (lambda: split_the_difference(1.2), "`weight` must lie in"),
    (lambda: deal_me_out(-0.1), "`share` must lie in"),
    (lambda: risk_of_breakdown((0.1, -0.1), 0.1), "`rates` must lie in"),
    (lambda: risk_of_breakdown((0.1, 0.1, 0.1), 0.1), "`rates` must have one entry per player"),
    (lambda: risk_of_breakdown((0.1, 0.1), -0.1), "`breakdown` must lie in"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input(call, message):
    with pytest.raises(InvalidInput, match=message):
        call()


def test_a_function_of_single_numbers_is_refused_by_name():
    for name, protocol in (
        ("outside", HoldUp(math.sqrt, split_the_difference(0.5), 1.0)),
        ("cost", HoldUp(np.sqrt, split_the_difference(0.5), 1.0, cost=math.exp)),
    ):
        with pytest.raises(InvalidInput, match=f"`{name}` must take an array; .* np.vectorize"):
            protocol()
