"""Certificates on concave programs: what decisions prove, against closed forms, polytopes and brute force."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import sqrt

import mpmath
import numpy as np
import pytest
from scipy.optimize import brentq

import known_sets
from bargaining import (
    ConvexProgram,
    NotApplicable,
    Polytope,
    Problem,
    certify,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    nash,
    utilitarian,
)
from bargaining.exact._programs.programs import Programs
from bargaining.exact.certificate import Claim
from bargaining.exact.certify import _claim
from every_concept import Method, only

CONCEPTS: dict[str, Method] = {
    **only("nash", "kalai_smorodinsky", "equal_loss", "lexicographic_kalai_smorodinsky"),
    **only("lexicographic_egalitarian", "raiffa", "yu 2", "yu inf"),
    "weighted nash": partial(nash, weights=[0.3, 0.7]),
    "egalitarian": partial(egalitarian, weights=[0.4, 0.6]),
    "utilitarian": partial(utilitarian, weights=[0.6, 0.4]),
    "dictatorial": partial(dictatorial, player=1),
    "gupta_livne": partial(gupta_livne, reference=[0.3, 0.4]),
}
SLOW = ("raiffa", "yu 2", "weighted nash", "lexicographic_kalai_smorodinsky", "gupta_livne")


def disc() -> Problem:
    """All payoffs within the unit circle."""
    return Problem(known_sets.disc(), [0.1, 0.2])


def roads() -> Problem:
    """Two issues under a common budget, linear: a polytope in disguise."""
    value = np.array([[3.0, 1.0], [1.0, 2.0]])
    return Problem(
        ConvexProgram(
            lambda z: value @ z, lambda z: value, lower=[0, 0], upper=[1, 1], matrix=[[1, 1]], limits=[1.25]
        ),
        [0.1, 0.2],
    )


def logrolling() -> Problem:
    """Two issues to divide, of which each cares more for one."""
    return Problem(known_sets.two_issues(), [0.1, 0.2])


PROBLEMS = {"disc": disc, "roads": roads, "logrolling": logrolling}


def _in_other_units(problem: Problem) -> Problem:
    return problem.restrict().rescale([2, 0.5], [1, -3])


@pytest.mark.dear("utilitarian-roads", "nash-roads", "lexicographic_egalitarian-logrolling")
@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("concept", CONCEPTS)
def test_right_answers_are_proved_and_wrong_ones_are_not(concept: str, name: str) -> None:
    if name != "disc" and concept in SLOW:
        return
    problem = PROBLEMS[name]()
    division = CONCEPTS[concept](problem)
    assert certify(division).bound < 1e-11
    wrong = division.payoffs + 1e-4 * problem.ideal * [1, -0.5]
    assert certify(replace(division, payoffs=wrong)).bound > 1e-5


@pytest.mark.dear("equal_loss", "egalitarian", "kalai_smorodinsky", "nash")
@pytest.mark.parametrize("concept", ["nash", "kalai_smorodinsky", "egalitarian", "equal_loss", "dictatorial"])
def test_other_units_and_floors_change_nothing(concept: str) -> None:
    problem = _in_other_units(disc())
    division = CONCEPTS[concept](problem)
    assert certify(division).bound < 1e-11
    wrong = division.payoffs + 1e-4 * (problem.ideal - problem.disagreement) * [1, -0.5]
    assert certify(replace(division, payoffs=wrong)).bound > 1e-5
    turned = CONCEPTS[concept](disc().relabel([1, 0]))
    assert certify(turned).bound < 1e-11


def on_the_circle(condition: Callable[[float, float], float]) -> np.ndarray:
    x = brentq(lambda x: condition(x, sqrt(1 - x * x)), 0.1, sqrt(1 - 0.04), xtol=1e-16, rtol=1e-15)
    return np.array([x, sqrt(1 - x * x)])


def halfway_on_the_circle() -> np.ndarray:
    """Raiffa's steps in fifty digits; the best against y is the root of 1 - y^2."""
    with mpmath.workdps(50):
        x, y = mpmath.mpf("0.1"), mpmath.mpf("0.2")
        for _ in range(60):
            x, y = (x + mpmath.sqrt(1 - y * y)) / 2, (y + mpmath.sqrt(1 - x * x)) / 2
        return np.array([float(x), float(y)])


CIRCLE = {
    "nash": on_the_circle(lambda x, y: (y - 0.2) * y - (x - 0.1) * x),
    "kalai_smorodinsky": on_the_circle(
        lambda x, y: (y - 0.2) * (sqrt(0.96) - 0.1) - (x - 0.1) * (sqrt(0.99) - 0.2)
    ),
    "egalitarian": on_the_circle(lambda x, y: 0.4 * (y - 0.2) - 0.6 * (x - 0.1)),
    "equal_loss": on_the_circle(lambda x, y: (sqrt(0.96) - x) - (sqrt(0.99) - y)),
    "dictatorial": np.array([0.1, sqrt(0.99)]),
    "lexicographic_egalitarian": on_the_circle(lambda x, y: (y - 0.2) - (x - 0.1)),
    "yu 2": on_the_circle(lambda x, y: (sqrt(0.96) - x) * y - (sqrt(0.99) - y) * x),
    "raiffa": halfway_on_the_circle(),
}


@pytest.mark.dear("lexicographic_egalitarian", "raiffa", "yu 2", "nash")
@pytest.mark.parametrize("concept", CIRCLE)
def test_the_bound_covers_the_error_on_a_circle(concept: str) -> None:
    """The true answer is a root of one equation; a claim is moved off it by a known amount."""
    problem = disc()
    true, division = CIRCLE[concept], CONCEPTS[concept](problem)
    gains = problem.ideal - problem.disagreement
    for shift in (-1e-9, 1e-3):
        claimed = replace(division, payoffs=true + np.array([shift, 0]))
        assert certify(claimed).bound >= abs(shift) / gains[0] * (1 - 1e-6) - 1e-15
        if concept in ("nash", "yu 2"):  # the answer is held wherever the claim is
            assert certify(claimed).bound <= abs(shift) / gains[0] * (1 + 1e-6) + 1e-11


@pytest.mark.dear("nash", "weighted nash", "yu 2")
@pytest.mark.parametrize("concept", [c for c in CONCEPTS if c not in ("utilitarian", "raiffa")])
def test_linear_utilities_agree_with_the_exact_answer_of_the_polytope(concept: str) -> None:
    corners = [[0, 0], [3, 1], [3.25, 1.5], [1.75, 2.25], [1, 2]]
    exact = certify(CONCEPTS[concept](Problem(Polytope(corners, free_disposal=True), [0.1, 0.2]))).exact
    division = CONCEPTS[concept](roads())
    assert exact is not None
    error = max(abs(Fraction(x) - e) for x, e in zip(division.payoffs.tolist(), exact, strict=True))
    assert error <= certify(division).bound * 4
    assert error < 1e-12


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_dual_bound_holds_whatever_the_multipliers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weak duality: no feasible decision is worth more than the bound, at any decision, prices and multipliers."""
    problem, rng = PROBLEMS[name](), np.random.default_rng(3)
    claim: Claim = _claim(egalitarian(problem), (), 1e-12)
    it = Programs(claim)
    inside = it.inside
    tried = rng.uniform(inside.lower, inside.upper, (2000, 2))
    feasible = [z for z in tried if (inside.slacks(z)[0] >= 0).all()]
    worth = np.array([inside.payoffs(z) for z in feasible])
    count = len(inside.limits) + (name == "disc")
    for z in feasible[:15]:
        decided = it.decided(z)
        assert decided is not None
        prices = tuple(Fraction(v) for v in rng.uniform(0, 2, 2))
        best = float(max(worth @ [float(q) for q in prices]))
        free = it.most(decided, prices)
        any_of_them = [Fraction(v) for v in rng.uniform(0, 3, count)]
        with monkeypatch.context() as patched:
            answer = (list(range(count)), any_of_them)
            patched.setattr(Programs, "multipliers", lambda *_, answer=answer: answer)
            random = it.most(decided, prices)
        assert free is not None
        assert random is not None
        assert min(free, random) >= best * (1 - 1e-12)


def test_a_decision_that_breaks_a_constraint_proves_nothing() -> None:
    it = Programs(_claim(egalitarian(roads()), (), 1e-12))
    assert it.decided(np.array([0.5, 0.75])) is not None
    assert it.decided(np.array([0.5, np.nextafter(0.75, 1)])) is None
    assert it.decided(np.array([-1e-300, 0.5])) is None
    it = Programs(_claim(egalitarian(disc()), (), 1e-12))
    assert it.decided(np.array([0.6, 0.8])) is None  # on the circle up to rounding: not for sure


def test_what_is_not_proved_says_why() -> None:
    open_ended = ConvexProgram(
        lambda z: np.array([z[0] - z[0] ** 2, 1 - z[0] ** 2]),
        lambda z: np.array([[1 - 2 * z[0]], [-2 * z[0]]]),
        lower=[0],
        upper=[np.inf],
    )
    with pytest.raises(NotApplicable, match="whose decisions have bounds"):
        certify(kalai_smorodinsky(Problem(open_ended, [0, 0])))
    with pytest.raises(NotApplicable, match="where there are payoffs"):
        certify(kalai_smorodinsky(Problem(disc().feasible, [2, 2])))


def test_a_best_decision_inside_every_bound_needs_no_multipliers() -> None:
    """Losses around one's own best decision: the ideal payoff of each is there, and no constraint binds."""
    best = np.array([[0.25, 0.25], [0.75, 0.5]])
    losses = ConvexProgram(
        lambda z: 1 - ((z - best) ** 2).sum(axis=1), lambda z: -2 * (z - best), lower=[0, 0], upper=[1, 1]
    )
    problem = Problem(losses, [0.0, 0.0])
    for method in (kalai_smorodinsky, egalitarian, equal_loss):
        division = method(problem)
        assert certify(division).holds
        np.testing.assert_allclose(division.payoffs, 1 - 5 / 64, rtol=1e-12)


def test_floors_that_take_a_tiny_amount_are_met() -> None:
    """Best for one player leaves the other 1e-8 of 9 in reach, close to the bound but not on it."""
    shared = ConvexProgram(
        lambda z: np.sqrt(z),
        lambda z: np.diag(0.5 / np.sqrt(z)),
        lower=[0, 0],
        upper=[9, 9],
        matrix=[[1, 1]],
        limits=[1],
        start=[0.5, 0.5],
    )
    problem = Problem(shared, [1e-4, 1e-4])
    for method in (nash, kalai_smorodinsky, equal_loss):
        division = method(problem)
        np.testing.assert_allclose(division.payoffs, np.sqrt(0.5), rtol=1e-12)
        assert certify(division).holds


SQUARE = ConvexProgram(lambda z: z, lambda z: np.eye(2), lower=[0, 0], upper=[1, 1])


@pytest.mark.parametrize("payoffs", [(5.0, -7.0), (0.5, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize(
    "method",
    [nash, kalai_smorodinsky, egalitarian, equal_loss, partial(gupta_livne, reference=[0.3, 0.2])],
)
def test_payoffs_far_off_are_said_to_be_no_nearer_than_they_are(method: Method, payoffs: tuple) -> None:
    """Both have 1 at most, and both can have it: that is everybody's answer."""
    wrong = replace(method(Problem(SQUARE, [0.0, 0.0])), payoffs=np.array(payoffs))
    found = certify(wrong)
    assert found.bound >= max(abs(x - 1) for x in payoffs) - 1e-9
    assert not found.holds


@pytest.mark.dear("equal_loss-d0", "egalitarian-d0", "nash-d0")
@pytest.mark.parametrize("d", [(2.0, 2.0), (1.0, 0.0)])
@pytest.mark.parametrize(
    "method",
    [nash, kalai_smorodinsky, egalitarian, equal_loss, partial(dictatorial, player=0)],
)
def test_nothing_is_proved_where_not_all_can_gain(method: Method, d: tuple) -> None:
    found = certify(replace(method(Problem(SQUARE, [0.0, 0.0])), problem=Problem(SQUARE, d)))
    assert found.bound == np.inf
    assert not found.holds


def test_programs_without_gradients_are_not_certified() -> None:
    program = ConvexProgram(lambda z: z, lower=[0, 0], upper=[1, 1])
    with pytest.raises(NotApplicable, match="give `jacobian` to ConvexProgram"):
        certify(nash(Problem(program, [0, 0])))
    with pytest.raises(NotApplicable, match="where there are payoffs"):
        certify(replace(nash(Problem(SQUARE, [0, 0])), payoffs=np.array([np.nan, 1.0])))
