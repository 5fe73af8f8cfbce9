"""Each axiom, on problems small enough to settle by hand; what it compares with; what it refuses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from hypothesis import given

from bargaining import (
    Division,
    FreeDisposalHull,
    Frontier,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    Union,
    Unsolved,
    egalitarian,
    kalai_smorodinsky,
    nash,
    perles_maschler,
    utilitarian,
)
from bargaining._arrays import Floats
from bargaining.axioms import AXIOMS, Violation, comparison
from bargaining.axioms.violation import points_of, rational_part
from bargaining.concepts.dictatorial import dictatorial
from bargaining.testing import problems

LINE = Problem(Polytope([[0, 1], [1, 0]], free_disposal=True), [0, 0])
STEEP = Problem(Polytope([[0, 2], [1, 0]], free_disposal=True), [0, 0])
SQUARE = Problem(Polytope([[1, 1]], free_disposal=True), [0, 0])
TALL = Problem(Polytope([[1, 2]], free_disposal=True), [0, 0])
KINKED = Problem(Polytope([[0, 3], [1, 2], [2, 0]], free_disposal=True), [0, 0])
BEVEL = Problem(Polytope([[9, 10], [11, 8]], free_disposal=True), [0, 0])
SIMPLEX = Problem(Polytope(np.eye(3), free_disposal=True), [0, 0, 0])


def says(*payoffs: float) -> Callable[[Problem], Division]:
    """Return a method with one answer to everything."""

    def method(problem: Problem) -> Division:
        return Division(
            payoffs=np.array(payoffs), status=Status.OK, method="says", residual=0.0, problem=problem
        )

    return method


def best_for_player_0(problem: Problem) -> Division:
    return dictatorial(problem, player=0)


def gives_player_1_the_other_d(problem: Problem) -> Division:
    return says(0.2, 0.1 + problem.disagreement[0])(problem)


def all_for_player_0_of_three(problem: Problem) -> Division:
    return says(1, 0, 0)(problem) if problem.players == 3 else says(0.5, 0.5)(problem)


@dataclass(frozen=True)
class Case:
    axiom: str
    method: Callable[[Problem], Division]
    problem: Problem
    size: float
    reason: str
    given: dict[str, object] = field(default_factory=dict)


CASES = [
    # One answer: what is wrong with it can be read off the frontier.
    Case("feasibility", says(1, 1), LINE, 0.5, "cannot be agreed on"),
    Case("weak_pareto", says(0.25, 0.25), LINE, 0.5, "everyone could gain more"),
    Case("strong_pareto", says(1, 1), TALL, 0.5, "player 1 could gain more"),
    Case("individual_rationality", says(-0.5, 1), LINE, 0.5, "player 0 loses"),
    Case("strong_individual_rationality", says(0, 1), LINE, 0.0, "player 0 gains nothing"),
    Case("midpoint_domination", egalitarian, STEEP, 1 / 6, "player 1 would rather draw lots"),
    # The dictator gets 1 of 1 on the symmetric line, and 2 under the name of player 1 on the steep one.
    Case("symmetry", best_for_player_0, LINE, 1.0, "player 1 gets less"),
    Case("anonymity", best_for_player_0, STEEP, 1.0, "under another name"),
    # Twice the payoff of player 0: equal gains (2/3, 2/3) become (4/3, 2/3), but (1, 1) is equal.
    Case("scale_invariance", egalitarian, STEEP, 1 / 6, "other units", {"scale": [2, 1], "shift": 0}),
    # (1, 0) should become (7, 5) where the range of gains is 2.
    Case(
        "homogeneity",
        says(1, 0),
        LINE,
        3.0,
        "player 0 gets something else in other units",
        {"scale": 2, "shift": 5},
    ),
    # Without what lies right of (1, 1) in y = 2 - x, over d = (0, 1), the middle of the ties moves from (1, 1).
    Case(
        "independence_of_nonrational_alternatives",
        utilitarian,
        Problem(Polytope([[0, 2], [2, 0]], free_disposal=True), [0, 1]),
        0.5,
        "somebody would refuse",
    ),
    # Kalai-Smorodinsky on the line without (0, 1): the ideal point (1, 1/2) and the ray to (2/3, 1/3).
    Case(
        "independence_of_irrelevant_alternatives",
        kalai_smorodinsky,
        LINE,
        1 / 6,
        "not chosen",
        {"other": Problem(Polytope([[0.5, 0.5], [1, 0]], free_disposal=True), [0, 0])},
    ),
    # Nash at the kink (1, 2); with (2, 1.5) added, at (2, 1.5): player 1 loses 0.5 of 3.
    *(
        Case(
            axiom,
            nash,
            KINKED,
            1 / 6,
            "player 1 loses although more",
            {"other": Problem(Polytope([[0, 3], [2, 0], [2, 1.5]], free_disposal=True), [0, 0])},
        )
        for axiom in ("individual_monotonicity", "restricted_monotonicity", "strong_monotonicity")
    ),
    # A method that gives what d does not: player 0 falls from 1 to 1/2 as d0 rises to 1/2.
    Case(
        "disagreement_monotonicity",
        lambda problem: says(1 - problem.disagreement[0], problem.disagreement[0])(problem),
        LINE,
        0.5,
        "better disagreement payoff",
        {"other": Problem(LINE.feasible, [0.5, 0])},
    ),
    # Nash is at the kink for d = (0, 0) and (0, 3/4), for (0, 3/2) at (3/4, 9/4): player 1 loses 1/8 of 3 halfway.
    Case(
        "disagreement_concavity",
        nash,
        KINKED,
        1 / 24,
        "player 1 loses by agreeing before",
        {"other": Problem(KINKED.feasible, [0, 1.5])},
    ),
    # (1, 1) and (2, 1/2) against the best product on the hull of (0, 2), (1, 2), (5, 1): (9/2, 9/8).
    Case(
        "superadditivity",
        nash,
        SQUARE,
        3 / 16,
        "player 1 loses by settling",
        {"other": Problem(Polytope([[0, 1], [4, 0]], free_disposal=True), [0, 0])},
    ),
    # On the steep line with gains of player 0 half as steep beyond 1/2, equal gains are 3/5 after 2/3.
    Case("risk_sensitivity", egalitarian, STEEP, 1 / 30, "more cautious opponent"),
    # The right end of the frontier jumps from (1, 1) to (1 + 1e-10, 0) when that point is added.
    Case("continuity", lambda problem: says(*_right_end(problem))(problem), SQUARE, 1.0, "jumps"),
    # The line from (0, 1.05) to (1.05, 0) is tilted, and one of its ends becomes better than its middle.
    Case("continuity_on_strictly_comprehensive_sets", utilitarian, LINE, 0.5, "jumps"),
    # From (1/2, 1) the diagonal leaves the set at (7/6, 5/3); the range is 3.
    Case("suppes_sen", says(0.5, 1), KINKED, 2 / 9, "in another's place"),
    # The frontier left of (10, 9) becomes a line from (0, 10), of length sqrt(10); on its right the length is 1.
    Case("twisting", perles_maschler, BEVEL, (5 - 5 / 10**0.5) / 11, "player 0 loses by a twist"),
    # Player 0's disagreement payoff rises by .15, and player 1 gets as much more.
    Case(
        "strong_disagreement_monotonicity",
        gives_player_1_the_other_d,
        LINE,
        0.15,
        "player 1 moves the wrong way",
    ),
    # With (1/20, 1/4) for a beginning, player 0 ends at .4 instead of .5.
    Case("step_by_step_negotiation", nash, LINE, 0.1, "something else in two steps"),
    # From (1, 1.5) the largest product of gains is at (1.125, 1.75) instead of (1, 2).
    Case("interim_agreements", nash, KINKED, 1 / 12, "player 1 gets something else after an interim"),
    Case("population_monotonicity", all_for_player_0_of_three, SIMPLEX, 0.5, "player 0 gains as one more"),
]


def _right_end(problem: Problem) -> tuple[float, float]:
    best = problem.ideal
    floor = np.array([best[0], problem.disagreement[1]])
    return float(best[0]), float(problem.feasible.ideal(floor)[1])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.axiom)
def test_a_violation_has_the_size_worked_out_by_hand(case: Case) -> None:
    violation = AXIOMS[case.axiom](case.method, case.problem, **case.given)
    assert violation is not None
    assert violation.axiom == case.axiom
    assert violation.size == pytest.approx(
        case.size, abs=1e-9 if case.axiom.startswith("continuity") else 1e-12
    )
    assert case.reason in violation.reason


def test_every_axiom_has_a_case() -> None:
    assert {case.axiom for case in CASES} == set(AXIOMS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.axiom)
def test_a_violation_prints_as_code_that_brings_its_problems_back(case: Case) -> None:
    violation = AXIOMS[case.axiom](case.method, case.problem, **case.given)
    head, *lines = str(violation).splitlines()
    assert f"breaks {case.axiom}" in head
    assert len(lines) == len(violation.problems) == len(violation.answers)
    for line, problem, answer in zip(lines, violation.problems, violation.answers, strict=True):
        code, _, payoffs = line.strip().rpartition(" -> ")
        again = eval(code, {"Problem": Problem, "Polytope": Polytope, "array": np.array})
        np.testing.assert_array_equal(again.feasible.vertices, problem.feasible.vertices)
        np.testing.assert_array_equal(again.disagreement, problem.disagreement)
        np.testing.assert_array_equal(eval(payoffs), answer)


PLAIN = problems(players=2, kinds=["points"], scale="one")
SETS = {
    "square": SQUARE,
    "surplus": Problem(TransferableSurplus(3.0), [0, 1]),
    "frontier": Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0, 0]),
    "inequalities": Problem(Polytope.from_inequalities([[1, 2], [2, 1]], [6, 6]), [0, 0]),
    "three": Problem(Polytope([[3, 0, 0], [0, 2, 0], [0, 0, 1], [1, 1, 1]], free_disposal=True), [0, 0, 0]),
    "surplus of three": Problem(TransferableSurplus(6.0, players=3), [0, 1, 2]),
}


@pytest.mark.parametrize("problem", SETS.values(), ids=SETS)
def test_a_wrong_answer_is_seen_on_every_set(problem: Problem) -> None:
    halfway = says(*(problem.disagreement + 0.9 * nash(problem).gains))
    assert AXIOMS["weak_pareto"](halfway, problem) is not None
    assert AXIOMS["scale_invariance"](halfway, problem) is not None


@given(problem=PLAIN)
def test_the_rational_part_is_that(problem: Problem) -> None:
    part = rational_part(problem)
    corners, _ = points_of(part)
    assert problem.feasible.contains(corners).all()
    np.testing.assert_allclose(part.ideal, problem.ideal, rtol=1e-13, atol=1e-13)
    for share in np.linspace(0, 1, 7):
        floor = problem.disagreement + share * (problem.ideal - problem.disagreement) * [1, 0]
        np.testing.assert_allclose(part.feasible.ideal(floor), problem.feasible.ideal(floor), atol=1e-12)


@given(problem=PLAIN)
def test_a_cautious_player_has_a_concave_transform(problem: Problem) -> None:
    part = rational_part(problem)
    d, ideal = part.disagreement, part.ideal
    cautious = comparison._cautious(part, 0, 0.5, 3.0, 1.0)
    for share in np.linspace(0, 0.99, 8):
        gain, length = share * (ideal[0] - d[0]), (ideal[0] - d[0]) / 2
        transformed = 3 * min(gain, length) + max(gain - length, 0.0)
        before = part.feasible.ideal(np.array([d[0] + gain, d[1]]))[1]
        after = cautious.feasible.ideal(np.array([d[0] + transformed, d[1]]))[1]
        assert after == pytest.approx(before, rel=1e-12, abs=1e-11 * (ideal[1] - d[1]))


OTHERS = {
    "has other payoffs": (
        "individual_monotonicity",
        Problem(Polytope([[0, 3], [3, 0]], free_disposal=True), [0, 1]),
    ),
    "lacks an agreement": ("strong_monotonicity", Problem(Polytope([[1, 1]], free_disposal=True), [0, 0])),
    "has other ideal payoffs": (
        "restricted_monotonicity",
        Problem(Polytope([[0, 9], [9, 0]], free_disposal=True), [0, 0]),
    ),
    "lets two gain": (
        "individual_monotonicity",
        Problem(Polytope([[0, 9], [9, 0]], free_disposal=True), [0, 0]),
    ),
    "lacks the answer": (
        "independence_of_irrelevant_alternatives",
        Problem(Polytope([[0, 3], [0.5, 0]], free_disposal=True), [0, 0]),
    ),
    "is no part": (
        "independence_of_irrelevant_alternatives",
        Problem(Polytope([[9, 9]], free_disposal=True), [0, 0]),
    ),
    "raises two": ("disagreement_monotonicity", Problem(KINKED.feasible, [0.1, 0.1])),
    "lowers one": ("disagreement_monotonicity", Problem(KINKED.feasible, [-0.1, 0.0])),
    "is another set": ("disagreement_concavity", Problem(LINE.feasible, [0.1, 0.1])),
    "has three players": ("superadditivity", Problem(TransferableSurplus(1, players=3), [0, 0, 0])),
    "leaves no gain": ("disagreement_concavity", Problem(KINKED.feasible, [1.0, 2.0])),
}


@pytest.mark.parametrize(("axiom", "other"), OTHERS.values(), ids=OTHERS)
def test_a_companion_that_the_axiom_does_not_speak_of_is_refused(axiom: str, other: Problem) -> None:
    with pytest.raises(InvalidInput, match="`other` must"):
        AXIOMS[axiom](nash, KINKED, other=other)


@pytest.mark.parametrize("axiom", AXIOMS)
@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (Problem(KINKED.feasible, [1.0, 2.0]), "its status is DEGENERATE"),
        (Problem(KINKED.feasible, [9.0, 9.0]), "its status is EMPTY"),
        (Problem(KINKED.feasible, [[0.0, 0.0], [0.0, 1.0]]), "got a batch of shape"),
    ],
    ids=["no gain", "nothing feasible", "batch"],
)
def test_problems_the_axioms_do_not_speak_of_are_refused(axiom: str, problem: Problem, message: str) -> None:
    with pytest.raises(InvalidInput, match=f"`problem` must .*{message}"):
        AXIOMS[axiom](nash, problem)


def test_a_method_without_an_answer_says_so() -> None:
    def lost(problem: Problem) -> Division:
        return Division(
            payoffs=np.full(2, np.nan), status=Status.FAILED, method="lost", residual=np.nan, problem=problem
        )

    with pytest.raises(Unsolved, match="lost: FAILED"):
        AXIOMS["feasibility"](lost, LINE)


def test_risk_sensitivity_is_for_two() -> None:
    with pytest.raises(NotApplicable, match="risk_sensitivity is stated for two players; got 3"):
        AXIOMS["risk_sensitivity"](nash, SETS["three"])


@pytest.mark.parametrize("scale", [[1, 0], [1, -1], [1, np.inf], [1, 2, 3]])
def test_bad_scales_are_refused(scale: list[float]) -> None:
    with pytest.raises(InvalidInput, match="`scale` must"):
        AXIOMS["scale_invariance"](nash, LINE, scale=scale)


def test_the_tolerance_is_a_share_of_the_gains() -> None:
    for unit in (1e-9, 1.0, 1e9):
        problem = Problem(Polytope([[0, unit], [unit, 0]], free_disposal=True), [0, 0])
        near = says(0.5 * unit, (0.5 - 1e-6) * unit)
        assert AXIOMS["weak_pareto"](near, problem, tol=1e-5) is None
        assert isinstance(AXIOMS["weak_pareto"](near, problem, tol=1e-7), Violation)


def test_nobody_can_do_better_than_the_inner_corner_of_a_union() -> None:
    """One regime is better than (1, 1) for player 0, the other for player 1, and none for both."""
    corners = [[3, 1], [1, 3]]
    for both in (Union([FreeDisposalHull([corner]) for corner in corners]), FreeDisposalHull(corners)):
        problem = Problem(both, [0, 0])
        assert AXIOMS["weak_pareto"](kalai_smorodinsky, problem) is None
        assert AXIOMS["suppes_sen"](kalai_smorodinsky, problem) is None
        assert AXIOMS["weak_pareto"](says(0.9, 0.9), problem) is not None


def test_an_exchange_of_gains_need_not_be_feasible_to_be_dominated() -> None:
    """(3.2, 3.3) is more for both than (1, 3), which nothing but free disposal would make feasible."""
    slanted = Problem(Polytope([[0, 0], [3, 1], [3.2, 3.3]]), [0, 0])
    assert not slanted.feasible.contains([1.0, 3.0])
    assert AXIOMS["suppes_sen"](says(3, 1), slanted) is not None


def test_without_nonrational_agreements_to_leave_out_nothing_changes() -> None:
    """The ray of gains 1 : 5 meets the set at d alone; with free disposal it would go on."""
    slanted = Problem(Polytope([[0, 0], [4, 1], [1, 4]]), [0, 0])
    method = partial(egalitarian, weights=[1, 5])
    assert AXIOMS["independence_of_nonrational_alternatives"](method, slanted) is None


def test_a_twist_keeps_all_that_is_better_for_its_player_than_a_wasteful_answer() -> None:
    """Half of equal gains: the twist leaves the equal gains of the whole set feasible."""

    def half(problem: Problem) -> Floats:
        return (egalitarian(problem).payoffs + problem.disagreement) / 2

    for problem in (LINE, STEEP, KINKED, BEVEL):
        assert AXIOMS["twisting"](half, problem) is None
