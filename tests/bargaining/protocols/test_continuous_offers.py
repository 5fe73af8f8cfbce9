"""The continuous limit: three readings of an alternative, and their closed form."""

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from bargaining import AlternatingOffers, ContinuousOffers, Frontier, Problem, Status, TransferableSurplus

PIE = Problem(TransferableSurplus(1.0), [0.0, 0.0])
REDIRECTED = 0.7 * np.array([0, 0.1, 0.15, 0.2, 0.3])
OPTION = np.stack((REDIRECTED, np.zeros(5)), axis=-1)


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        (
            ContinuousOffers(0.05, breakdown=0.5, breakdown_payoffs=OPTION),
            [0.5, 0.5318, 0.5477, 0.5636, 0.5955],
        ),
        (
            ContinuousOffers(0.05, breakdown=0.05, breakdown_payoffs=OPTION),
            [0.5, 0.5175, 0.5262, 0.535, 0.5525],
        ),
        (ContinuousOffers(0.05, outside=OPTION), [0.5] * 5),
        (ContinuousOffers([0.06, 0.04], outside=OPTION), [0.4] * 5),
        (ContinuousOffers([0.85, 0.15], outside=OPTION), [0.15, 0.15, 0.15, 0.15, 0.21]),
        (ContinuousOffers(0.05, inside=0.05 * OPTION), [0.5, 0.535, 0.5525, 0.570, 0.605]),
    ],
    ids=["hazard .5", "hazard .05", "outside", "outside, impatient", "outside, weak", "inside"],
)
def test_the_same_option_in_three_places(protocol: ContinuousOffers, expected: list[float]) -> None:
    payoffs = protocol(PIE).payoffs[:, 0]
    np.testing.assert_allclose(payoffs, expected, atol=5.1e-5)


def test_closed_form_is_the_limit_of_the_offer_equations() -> None:
    # Solve the two indifference conditions for a period D with sympy and let D shrink: an independent derivation.
    period, g0, g1, b0, b1 = sp.symbols("D g0 g1 b0 b1", positive=True)
    r0, r1, hazard = sp.Rational(1, 10), sp.Rational(1, 5), sp.Rational(3, 10)
    x, y = sp.symbols("x y")  # player 0's payoff when 0 and when 1 proposes

    def wait(r: sp.Expr, g: sp.Expr, b: sp.Expr, value: sp.Expr) -> sp.Expr:
        # First order in D: the flow, the breakdown, and what is left discounted.
        return g * period + hazard * period * b + (1 - hazard * period) * (1 - r * period) * value

    solution = sp.solve([1 - x - wait(r1, g1, b1, 1 - y), y - wait(r0, g0, b0, x)], [x, y], dict=True)[0]
    limit = sp.lambdify((g0, g1, b0, b1), sp.limit(solution[x], period, 0))
    values = (0.01, 0.03, 0.2, 0.1)
    protocol = ContinuousOffers([0.1, 0.2], inside=values[:2], breakdown=0.3, breakdown_payoffs=values[2:])
    assert protocol(PIE).payoffs[0] == pytest.approx(limit(*values), rel=1e-13)


def test_short_periods_approach_the_limit_with_everything_at_once() -> None:
    rates, hazard, option = np.array([0.1, 0.2]), 0.3, np.array([0.2, 0.45])
    limit = ContinuousOffers(rates, breakdown=hazard, breakdown_payoffs=[0.2, 0.1], outside=option)(
        PIE
    ).payoffs
    period = 1e-6
    short = AlternatingOffers(
        np.exp(-rates * period),
        breakdown=-np.expm1(-hazard * period),
        breakdown_payoffs=[0.2, 0.1],
        outside=option,
    )(PIE)
    np.testing.assert_allclose(short.payoffs, limit, atol=1e-6)


def test_talks_better_than_any_agreement_have_no_answer() -> None:
    assert ContinuousOffers(0.1, inside=[0.08, 0.05])(PIE).status == Status.EMPTY
    assert ContinuousOffers(0.1, outside=[0.7, 0.5])(PIE).status == Status.EMPTY
    assert ContinuousOffers(0.1, inside=[0.08, 0.08], outside=[0.3, 0.3])(PIE).status == Status.EMPTY


def test_an_option_may_leave_the_other_with_less_than_talking_for_ever() -> None:
    # Refusing does not prolong the talks: it makes the owner of the option leave.
    limit = ContinuousOffers(0.02, breakdown=1.0, breakdown_payoffs=[0.86, 0.05], outside=[0.1, 0.35])(PIE)
    period = 1e-7
    short = AlternatingOffers(
        np.exp(-0.02 * period),
        breakdown=-np.expm1(-period),
        breakdown_payoffs=[0.86, 0.05],
        outside=[0.1, 0.35],
    )(PIE)
    np.testing.assert_allclose(limit.raise_if_failed().payoffs, [0.65, 0.35], rtol=1e-12)
    np.testing.assert_allclose(short.payoffs, limit.payoffs, atol=1e-6)


@given(
    which=st.sampled_from(["inside", "breakdown_payoffs", "outside"]),
    bend=st.fractions(1, 4),
    rates=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    hazard=st.integers(0, 40),
    own=st.lists(st.fractions(0, Fraction(1, 2)), min_size=2, max_size=2).map(sorted),
    other=st.fractions(0, Fraction(1, 3)),
)
def test_a_better_option_never_hurts_its_owner(
    which: str, bend: Fraction, rates: tuple[int, int], hazard: int, own: list[Fraction], other: Fraction
) -> None:
    problem = Problem(Frontier(lambda x: 1 - x ** float(bend), 0, 1), [0.0, 0.0])
    options = np.array([[float(o), float(other)] for o in own])
    if which == "inside":
        options = options * np.array(rates) / 100
    protocol = ContinuousOffers(np.array(rates) / 100, breakdown=hazard / 20, **{which: options})
    before, after = protocol(problem).raise_if_failed().payoffs[:, 0]
    assert after >= before - 1e-12
