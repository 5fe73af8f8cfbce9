"""Certificates of every concept on every representation: right answers hold and wrong ones do not."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest

from bargaining import (
    ConvexProgram,
    Division,
    FreeDisposalHull,
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    TransferableSurplus,
    certify,
    conley_wilkie,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    lexicographic_kalai_smorodinsky,
    nash,
    perles_maschler,
    raiffa,
    utilitarian,
    yu,
)
from every_concept import CONCEPTS
from seeds import cases

RNG = np.random.default_rng(8)


def uneven(problem: Problem) -> Division:
    return nash(problem, weights=np.arange(1, problem.players + 1) / np.arange(1, problem.players + 1).sum())


def from_a_little_more(problem: Problem) -> Division:
    return gupta_livne(problem, reference=problem.disagreement + 0.01)


METHODS: dict[str, Callable[[Problem], Division]] = CONCEPTS | {
    "weighted nash": uneven,
    "dictatorial": partial(dictatorial, player=1),
    "gupta_livne": from_a_little_more,
    "yu 2.5": partial(yu, p=2.5),
}
POINTS = {n: RNG.integers(0, 64, (4 * n, n)) / 64 for n in (2, 3, 4)}
SETS = {
    f"{name} {n}": make(n)
    for n in (2, 3, 4)
    for name, make in {
        "points": lambda n: Problem(Polytope(POINTS[n]), POINTS[n].mean(axis=0) - 0.1),
        "points below": lambda n: Problem(
            Polytope(POINTS[n], free_disposal=True), POINTS[n].mean(axis=0) - 0.4
        ),
        "inequalities": lambda n: Problem(
            Polytope.from_inequalities(
                np.vstack((RNG.integers(1, 9, (3, n)), np.eye(n))), [20, 30, 25] + [4] * n
            ),
            np.zeros(n),
        ),
        "surplus": lambda n: Problem(TransferableSurplus(10, players=n), np.arange(n) / 3),
        "cliffs": lambda n: Problem(FreeDisposalHull(POINTS[n]), POINTS[n].mean(axis=0) - 0.4),
    }.items()
} | {"frontier": Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0.1, 0.2])}
LOOSE = {("perles_maschler", "frontier"): 1e-6}  # a proof by pieces of the length


# Long sequences of agreements of four players: those of three take the same way.
FOUR = {(c, f"points{kind} 4") for c in ("raiffa", "continuous_raiffa") for kind in ("", " below")}


@pytest.mark.dear("continuous_raiffa-frontier")
@pytest.mark.parametrize(("concept", "name"), cases(METHODS, SETS, dear=FOUR))
def test_right_answers_hold_and_wrong_ones_do_not(concept: str, name: str) -> None:
    problem = SETS[name]
    try:
        division = METHODS[concept](problem)
    except NotApplicable:
        return  # the concept says so itself
    proof = certify(division)
    if not division.ok:
        assert proof.bound == 0
        return
    assert proof.holds or proof.bound <= LOOSE.get((concept, name), 0)
    nudge = 1e-5 * (problem.ideal - problem.disagreement) * [1, *[0] * (problem.players - 1)]
    up = (list(METHODS).index(concept) + list(SETS).index(name)) % 2  # up and down by turns
    for wrong in [division.payoffs + nudge if up else division.payoffs - nudge]:
        try:
            doubt = certify(replace(division, payoffs=wrong))
        except NotApplicable:  # off the solution that an extension starts from
            continue
        assert not doubt.holds
        assert doubt.bound > 1e-7


@pytest.mark.parametrize("n", [3, 4])
@pytest.mark.parametrize("form", ["points", "points below", "inequalities"])
def test_the_box_of_nash_holds_what_many_digits_say(form: str, n: int) -> None:
    """Newton's method on the first-order condition of a face, in fifty digits, with the multipliers' signs checked."""
    from bargaining.exact._concepts.bodies import body
    from bargaining.exact._concepts.nash_box import nash_box

    problem = SETS[f"{form} {n}"]
    payoffs = nash(problem).payoffs
    box = nash_box(
        body(problem.feasible, problem.disagreement.tolist()), (Fraction(1, n),) * n, payoffs.tolist()
    )
    assert box is not None
    low, high = (np.array([float(x) for x in end]) for end in box)
    assert (np.array([float(h - x) for x, h in zip(*box, strict=True)]) < 1e-30).all()
    np.testing.assert_allclose(payoffs, low, rtol=1e-13)
    # No feasible point beats the box: the product over mixtures of points, or of points on rays, is never larger.
    rng, best = np.random.default_rng(n), np.prod(high - problem.disagreement)
    for _ in range(300):
        away = problem.disagreement + rng.dirichlet(np.ones(n))
        t = problem.feasible.ray(problem.disagreement, away - problem.disagreement)
        assert np.prod(t * (away - problem.disagreement)) <= best * (1 + 1e-14)


def test_a_cubic_frontier_against_many_digits() -> None:
    """Perles-Maschler and Raiffa on x1 = 8 - x0^3, where the first has the closed form 8^(1/3) 2^(-1/2)."""
    problem = Problem(Frontier(lambda x: 8 - x**3, 0, 2, derivative=lambda x: -3 * x**2), [0, 0])
    halved = perles_maschler(problem)
    assert halved.payoffs[0] == pytest.approx(2 * 2**-0.5, rel=1e-12)
    assert certify(halved).bound < 1e-5
    x, y = mpmath.mpf(0), mpmath.mpf(0)
    with mpmath.workdps(40):
        for _ in range(60):
            x, y = (x + mpmath.cbrt(8 - y)) / 2, (y + 8 - x**3) / 2
        proof = certify(raiffa(problem))
        assert proof.holds
        np.testing.assert_allclose(raiffa(problem).payoffs, [float(x), float(y)], rtol=1e-12)


def test_what_has_no_certifier_says_why() -> None:
    both = ConvexProgram(
        lambda z: np.array([z[0], 1 - z[0]]), lambda z: np.array([[1.0], [-1.0]]), lower=[0], upper=[1]
    )
    with pytest.raises(NotApplicable, match="what a single program defines"):
        certify(perles_maschler(Problem(both, [0, 0])))
    with pytest.raises(NotApplicable, match="everyone can gain"):
        certify(nash(Problem(Polytope(np.eye(3), free_disposal=True), [0, 0, 1])))


def test_the_statuses_are_certified_too() -> None:
    body = Polytope(np.vstack((np.eye(3), np.zeros(3))))
    for method in (nash, kalai_smorodinsky, lexicographic_kalai_smorodinsky, equal_loss):
        proof = certify(method(Problem(body, [1, 1, 1])))
        assert proof.holds
        assert "EMPTY" in proof.statement
    tower = Problem(Polytope.from_inequalities([[1, 0, 0], [0, 1, 1]], [1, 1]), [0, 0, 0])
    open_above = Problem(Polytope.from_inequalities([[1, 0, 0], [0, 1, 0]], [1, 1]), [0, 0, 0])
    assert certify(kalai_smorodinsky(tower)).holds
    assert "UNBOUNDED" in certify(kalai_smorodinsky(open_above)).statement
    assert "UNBOUNDED" in certify(nash(open_above)).statement
    assert "UNBOUNDED" in certify(utilitarian(open_above)).statement


def test_a_single_point_is_where_nobody_can_go_on() -> None:
    alone = Problem(Polytope([[2.0, 0, 3, 0]]), [2, 0, 3, 0])
    for method in (kalai_smorodinsky, egalitarian, equal_loss, raiffa, lexicographic_kalai_smorodinsky):
        assert certify(method(alone)).exact == (2, 0, 3, 0)
    nothing = Problem(FreeDisposalHull([[1.0, 1], [0, 2]]), [3.0, 3])
    division = utilitarian(Problem(FreeDisposalHull([[1.0, 1], [0, 2]]), [0, 0]))
    beyond = Problem(nothing.restrict().feasible, [0, 0])
    assert "EMPTY" in certify(replace(division, problem=beyond)).statement


def test_a_cubic_norm_on_a_symmetric_polygon_is_enclosed_closely() -> None:
    proof = certify(yu(Problem(Polytope([[0, 0], [1, 0], [0, 1]]), [0, 0]), p=3))
    assert proof.holds
    assert proof.bound < 1e-15


def test_points_without_lotteries_that_nobody_can_gain_from() -> None:
    three = FreeDisposalHull([[1, 1, 0], [0, 2, 0], [2, 0, 0]])
    with pytest.raises(NotApplicable, match="where everyone can gain"):
        certify(conley_wilkie(Problem(three, [0, 0, 0])))
    assert certify(conley_wilkie(Problem(three, [3, 3, 3]))).holds
    two = FreeDisposalHull([[4, 1], [1, 3]])
    for d in ([5, 5], [1, 3], [4, 0]):
        assert certify(nash(Problem(two, d))).holds
    found = nash(Problem(two, [0, 0]))
    assert certify(replace(found, payoffs=np.array([-1.0, 1.0]))).bound > 0.3
    assert certify(replace(found, payoffs=np.full(2, np.nan))).bound == np.inf
