"""Certificates: right answers pass, wrong ones are caught, and the bound is never below the true error."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bargaining import (
    ConvexProgram,
    Frontier,
    Game,
    Polytope,
    Problem,
    RepeatedGame,
    TransferableSurplus,
    continuous_raiffa,
    egalitarian,
    gupta_livne,
    kalai_smorodinsky,
    nash,
    payoff_set,
    utilitarian,
    yu,
)
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.exact.certify import Certificate, certify, register

Method = Callable[[Problem], Division]

CONCEPTS: dict[str, Method] = {
    "nash": nash,
    "weighted nash": lambda problem: nash(problem, weights=[0.2, 0.8]),
    "kalai_smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
    "proportional": lambda problem: egalitarian(problem, weights=[0.7, 0.3]),
    "utilitarian": utilitarian,
}

TRIANGLE = Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])
PARABOLA = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0])


def test_the_triangle_is_answered_in_fractions() -> None:
    proof = certify(nash(TRIANGLE))
    assert proof.exact == (Fraction(2), Fraction(1, 2))
    assert proof.bound == 0.0
    assert proof.holds
    assert proof.statement.startswith("nash on a polygon: the exact answer is rational")


def _polygon(seed: int, scale: float, offset: float, *, free_disposal: bool) -> Problem:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(3, 12), 2)) * [1, 3]
    d = points.mean(axis=0) - (rng.uniform(0.1, 1, 2) if free_disposal else 0)
    return Problem(
        Polytope(points * scale + offset * scale, free_disposal=free_disposal), d * scale + offset * scale
    )


@pytest.mark.parametrize("name", CONCEPTS)
@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_answers_on_polygons_hold_at_every_scale(name: str, scale: float, offset: float) -> None:
    for seed in range(12):
        problem = _polygon(seed, scale, offset, free_disposal=seed % 2 == 0)
        proof = certify(CONCEPTS[name](problem))
        assert proof.holds, (seed, proof)
        assert proof.exact is not None


def _bent(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.minimum(6 - 0.5 * x, 11 - 3 * x))


FRONTIERS = {
    "parabola": (PARABOLA.feasible, [0.1, 0.2]),
    "root": (
        Frontier(lambda x: np.sqrt(1 - x), 0, 0.999, derivative=lambda x: -0.5 / np.sqrt(1 - x)),
        [0.0, 0.1],
    ),
    "kink at the answer": (
        Frontier(_bent, 0, 3, derivative=lambda x: np.where(x < 2, -0.5, -3.0)),
        [0.0, 0.0],
    ),
    "far": (
        Frontier(lambda x: 1e3 - (x - 5e2) ** 2 * 1e-2, 5e2, 7e2, derivative=lambda x: -2e-2 * (x - 5e2)),
        [5e2, 7e2],
    ),
}


@pytest.mark.parametrize("name", CONCEPTS)
@pytest.mark.parametrize("kind", FRONTIERS)
def test_answers_on_frontiers_hold(name: str, kind: str) -> None:
    feasible, d = FRONTIERS[kind]
    proof = certify(CONCEPTS[name](Problem(feasible, d)))
    assert proof.holds, proof
    assert proof.bound > 0
    assert "`function` and `derivative` are right" in proof.statement


@pytest.mark.parametrize("name", ["nash", "kalai_smorodinsky"])
@pytest.mark.parametrize("shift", [0.0, 1e-14, -3e-11, 1e-6, 0.1])
def test_the_bound_covers_the_true_error_and_little_more(name: str, shift: float) -> None:
    """Move an answer with a known closed form along the frontier."""
    exact_0 = 2 / sqrt(3) if name == "nash" else sqrt(5) - 1
    x = exact_0 + shift
    proof = certify(replace(CONCEPTS[name](PARABOLA), payoffs=np.array([x, 4 - x * x])))
    true = max(abs(shift) / 2, abs(4 - x * x - (4 - exact_0**2)) / 4)
    assert true - 4e-16 <= proof.bound <= 2.1 * true + 4e-15
    assert proof.holds == (abs(shift) < 1e-12)


@pytest.mark.parametrize("problem", [TRIANGLE, PARABOLA], ids=["polygon", "frontier"])
@pytest.mark.parametrize("name", ["nash", "weighted nash", "kalai_smorodinsky", "egalitarian", "utilitarian"])
def test_another_concept_is_no_answer(problem: Problem, name: str) -> None:
    """A right answer under a wrong label, and an answer a billionth off the frontier."""
    honest = CONCEPTS[name](Problem(problem.feasible, [0.3, 0.1]))
    assert certify(honest).holds
    for other in ("nash", "egalitarian"):
        payoffs = CONCEPTS[other](Problem(problem.feasible, [0.3, 0.1])).payoffs
        if not np.allclose(payoffs, honest.payoffs):
            assert not certify(replace(honest, payoffs=payoffs)).holds
    assert not certify(replace(honest, payoffs=honest.payoffs - [0, 1e-9])).holds


@given(st.integers(0, 10**6), st.sampled_from(sorted(CONCEPTS)), st.floats(-1, 1), st.floats(-1, 1))
def test_the_bound_on_polygons_is_the_error_in_rationals(seed: int, name: str, dx: float, dy: float) -> None:
    problem = _polygon(seed, 1.0, 0.0, free_disposal=False)
    division = CONCEPTS[name](problem)
    moved = replace(division, payoffs=division.payoffs + np.array([dx, dy]))
    proof = certify(moved)
    assert proof.exact is not None
    if name != "utilitarian":
        gains = problem.ideal - problem.disagreement
        error = max(
            abs(Fraction(x) - e) / Fraction(g)
            for x, e, g in zip(moved.payoffs.tolist(), proof.exact, gains.tolist(), strict=True)
        )
        assert float(error) * (1 - 1e-9) <= proof.bound <= float(error) * (1 + 1e-9)


def test_ties_of_the_weighted_sum_are_all_answers() -> None:
    """On an edge where the sum is constant every point is utilitarian, and a certificate does not choose."""
    division = utilitarian(Problem(Polytope([[0, 0], [2, 0], [0, 2]]), [0, 0]))
    for payoffs in ([1.0, 1.0], [2.0, 0.0], [0.5, 1.5]):
        assert certify(replace(division, payoffs=np.array(payoffs))).holds
    assert not certify(replace(division, payoffs=np.array([1.0, 0.9]))).holds


LABELS = [
    ("perles_maschler", {}, (2.0, 0.5)),
    ("equal_loss", {}, (3.2, 0.2)),
    ("gupta_livne", {"reference": [1.0, 0.25]}, (2.0, 0.5)),
    ("dictatorial", {"player": 0}, (4.0, 0.0)),
    ("dictatorial", {"player": 1}, (0.0, 1.0)),
]


@pytest.mark.parametrize(("label", "parameters", "payoffs"), LABELS)
def test_other_concepts_on_the_triangle(
    label: str, parameters: dict[str, Any], payoffs: tuple[float, float]
) -> None:
    claimed = replace(nash(TRIANGLE), method=label, parameters=parameters, payoffs=np.array(payoffs))
    proof = certify(claimed)
    assert proof.holds
    assert proof.bound < 1e-15
    assert not certify(replace(claimed, payoffs=np.array(payoffs) + np.array([1e-9, 0]))).holds
    nothing = replace(claimed, problem=Problem(TRIANGLE.feasible, [9.0, 9.0]))
    assert not certify(nothing).holds
    assert certify(replace(nothing, payoffs=np.full(2, np.nan), status=Status.EMPTY)).holds


@dataclass(frozen=True)
class NoAnswer:
    """A cell that ends in another status than OK."""

    problem: Problem
    concept: str
    status: Status


NO_ANSWERS = [
    NoAnswer(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [5, 0]), "nash", Status.EMPTY),
    NoAnswer(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [2, 2]), "kalai_smorodinsky", Status.EMPTY),
    NoAnswer(Problem(TransferableSurplus(1.0), [2, 0]), "egalitarian", Status.EMPTY),
    NoAnswer(Problem(PARABOLA.feasible, [1, 3.5]), "nash", Status.EMPTY),
    NoAnswer(Problem(PARABOLA.feasible, [1, 3.5]), "kalai_smorodinsky", Status.EMPTY),
]


@pytest.mark.parametrize("case", NO_ANSWERS, ids=lambda c: f"{c.concept}-{type(c.problem.feasible).__name__}")
def test_that_there_is_no_answer_is_proved_too(case: NoAnswer) -> None:
    division = CONCEPTS[case.concept](case.problem)
    assert division.status == case.status
    proof = certify(division)
    assert proof.holds
    assert proof.exact is None
    assert case.status.name in proof.statement
    assert not certify(replace(division, status=Status.FAILED)).holds


def test_a_solver_that_finds_nothing_where_there_is_something_is_caught() -> None:
    for problem in (TRIANGLE, PARABOLA):
        lost = replace(nash(problem), payoffs=np.array([np.nan, np.nan]), status=Status.EMPTY)
        proof = certify(lost)
        assert not proof.holds
        assert proof.bound == np.inf


def test_degenerate_answers_on_polygons_and_surpluses() -> None:
    on_frontier = certify(nash(Problem(TRIANGLE.feasible, [2.0, 0.5])))
    assert on_frontier.exact == (Fraction(2), Fraction(1, 2))
    assert on_frontier.holds
    nothing_left = certify(nash(Problem(TransferableSurplus(1.0), [0.25, 0.75])))
    assert nothing_left.exact == (Fraction(1, 4), Fraction(3, 4))
    assert nothing_left.holds


def test_cells_of_a_batch() -> None:
    problem = Problem(TRIANGLE.feasible, [[0.0, 0.0], [1.0, 0.1], [9.0, 9.0]])
    weights = [[0.5, 0.5], [0.1, 0.9], [0.5, 0.5]]
    division = nash(problem, weights=weights)
    for k in range(3):
        assert certify(division, cell=(k,)).holds
    single = certify(nash(Problem(TRIANGLE.feasible, [1.0, 0.1]), weights=weights[1]))
    assert certify(division, cell=(1,)).exact == single.exact
    per_set = TransferableSurplus([1.0, 2.0])
    assert certify(nash(Problem(per_set, [0.0, 0.5])), cell=(1,)).exact == (Fraction(3, 4), Fraction(5, 4))
    slopes = np.array([1.0, 2.0])
    frontier = Frontier(
        lambda x: 4 - slopes * x**2, 0.0, np.array([2.0, 1.4]), derivative=lambda x: -2 * slopes * x
    )
    both = nash(Problem(frontier, [0.0, 0.0]))
    assert all(certify(both, cell=(k,)).holds for k in range(2))


def test_without_a_derivative_chords_prove_less() -> None:
    chords = Frontier(lambda x: 4 - x**2, 0, 2)
    proof = certify(nash(Problem(chords, [0, 0])))
    assert 1e-12 < proof.bound < 1e-6
    assert not proof.holds
    assert certify(nash(Problem(chords, [0, 0])), tolerance=1e-6).holds
    assert "`function` is right" in proof.statement
    # A ray needs no slope.
    assert certify(kalai_smorodinsky(Problem(chords, [0, 0]))).holds


def test_a_certifier_can_be_added() -> None:
    class Box(Polytope):
        """A representation of one's own."""

    @register("nash", Box)
    def corner(claim: object) -> Certificate:
        return Certificate(exact=None, bound=0.5, tolerance=1.0, statement="mine")

    assert certify(nash(Problem(Box([[1, 1]], free_disposal=True), [0, 0]))).statement == "mine"
    # What is not registered for the subclass is found for its parent.
    assert certify(egalitarian(Problem(Box([[1, 1]], free_disposal=True), [0, 0]))).holds


def test_what_cannot_be_certified_says_so() -> None:
    division = nash(TRIANGLE)
    with pytest.raises(
        NotApplicable,
        match=r"on Polytope: none was registered; add one with `bargaining.exact.certify.register`",
    ):
        certify(replace(division, method="custom"))
    program = ConvexProgram(lambda z: z, lambda z: np.eye(2), lower=[0, 0], upper=[1, 1])
    with pytest.raises(NotApplicable, match=r"nothing is proved about programs. .* The `residual`"):
        certify(nash(Problem(program, [0, 0])))
    with pytest.raises(NotApplicable, match=r"path is not followed .* The `residual`"):
        certify(continuous_raiffa(TRIANGLE))
    with pytest.raises(NotApplicable, match=r"p = 1, 2 and infinity only. The `residual`"):
        certify(yu(TRIANGLE, p=3))
    with pytest.raises(NotApplicable, match="is not the answer to a `Problem`"):
        certify(replace(division, problem=None))
    with pytest.raises(InvalidInput, match=r"`cell` must name one cell of the batch \(\); got \(0,\)"):
        certify(division, cell=(0,))
    with pytest.raises(
        InvalidInput, match=r"`cell` is for a batch of divisions; got \(0,\) with a PayoffSet"
    ):
        certify(payoff_set(RepeatedGame(Game(np.eye(2), np.eye(2)), 0.5)), cell=(0,))
    with pytest.raises(InvalidInput, match=r"`cell` must name one cell of the batch \(2,\)"):
        certify(nash(Problem(TRIANGLE.feasible, np.zeros((2, 2)))), cell=(-1,))
    with pytest.raises(
        InvalidInput, match=r"one of PayoffSet, .*, StochasticPayoffSets, StochasticPayoffBounds; got a list"
    ):
        certify([1, 2])
    with pytest.raises(
        InvalidInput, match="`parameters` of the division must have 'player', which dictatorial"
    ):
        certify(replace(division, method="dictatorial"))


SHARES = np.array([[0.1, 0.9], [0.25, 0.75], [0.5, 0.5], [0.7, 0.3], [0.9, 0.1]])


@pytest.mark.parametrize("concept", [nash, egalitarian, utilitarian], ids=lambda concept: concept.__name__)
def test_every_cell_of_a_batch_is_held_to_its_own_weights(concept: Callable[..., Division]) -> None:
    """Weights by cell on one set: each proof is that of the cell solved alone, and refuses its neighbour's answer."""
    many = concept(Problem(TRIANGLE.feasible, np.zeros((5, 2))), weights=SHARES)
    for k, share in enumerate(SHARES):
        alone = concept(TRIANGLE, weights=share)
        proof = certify(many, cell=(k,))
        assert proof.holds
        assert proof.exact == certify(alone).exact
        if concept is not utilitarian:
            wrong = replace(many, payoffs=np.roll(many.payoffs, 1, axis=0))
            assert not certify(wrong, cell=(k,)).holds


def test_nine_players_are_certified_with_their_own_parameters() -> None:
    """On a pie of 45 with d = 0 all that depends on the parameters is by hand."""
    pie, weights = Problem(TransferableSurplus(45.0, players=9), np.zeros(9)), np.arange(1.0, 10.0) / 45
    assert certify(nash(pie, weights=weights)).holds
    assert not certify(replace(nash(pie), parameters={"weights": weights})).holds
    division = gupta_livne(pie, reference=np.arange(9.0))  # 36 are given; 9 are left, towards 45 each
    exact = [k + Fraction(9, 9 * 45 - 36) * (45 - k) for k in range(9)]
    assert certify(division).exact == tuple(exact)
    corner = Problem(Polytope([45.0 * row for row in np.eye(9)], free_disposal=True), np.zeros(9))
    for asked in (nash(corner, weights=weights), gupta_livne(corner, reference=np.arange(9.0))):
        assert certify(asked).holds


def test_weights_given_as_fractions() -> None:
    weights = [Fraction(1, 4), Fraction(3, 4)]
    division = nash(TRIANGLE, weights=weights)
    assert division.method == "nash(weights=[0.25, 0.75])"
    assert certify(division).exact == (1, Fraction(3, 4))


def test_a_reference_that_is_not_feasible_itself_but_no_better_than_something_is_certified() -> None:
    """Below the triangle nothing is feasible; the way to (4, 4) meets x0 + x1 = 5 in the middle."""
    triangle = Problem(Polytope([[2, 2], [4, 1], [1, 4]]), [0, 0])
    division = gupta_livne(triangle, reference=[1.5, 1.5])
    assert certify(division).exact == (Fraction(5, 2), Fraction(5, 2))
    assert certify(division).holds
