"""The suites: what they raise, what they let pass, and how they name it."""

import subprocess
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent
from time import sleep

import numpy as np
import pytest
from hypothesis import strategies as st

from bargaining import (
    AlternatingOffers,
    Division,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    TransferableSurplus,
    Unsolved,
    egalitarian,
    kalai_smorodinsky,
    nash,
)
from bargaining.axioms import AXIOMS, Violation
from bargaining.testing import (
    AxiomsBroken,
    Check,
    check_axioms,
    find_violation,
    parametrize_with_checks,
    problems,
    proven,
    replay,
)

STEEP = Problem(Polytope([[0, 2], [1, 0]], free_disposal=True), [0, 0])
CUBE = Problem(Polytope([[1, 1, 2]], free_disposal=True), [0, 0, 0])


def equal_gains(method: object, problem: Problem, *, tol: float) -> Violation | None:
    """Be an axiom of somebody's own."""
    answer = method(problem)  # type: ignore[operator]
    spread = float(np.ptp(answer.gains))
    if spread <= tol:
        return None
    return Violation(
        axiom="equal_gains",
        method=answer.method,
        reason="gains differ",
        size=spread,
        problems=(problem,),
        answers=(answer.payoffs,),
    )


def lost(problem: Problem) -> Division:
    raise Unsolved("lost: no answer")


def test_all_that_is_broken_is_named_at_once() -> None:
    with pytest.raises(AxiomsBroken) as caught:
        check_axioms(egalitarian, STEEP)
    broken = {violation.axiom for violation in caught.value.violations}
    # Which hold on a straight frontier of two players:
    silent = {"strong_pareto", "interim_agreements", "population_monotonicity"}
    assert broken == set(AXIOMS) - set(proven("egalitarian")) - silent
    assert all(f"breaks {axiom}" in str(caught.value) for axiom in broken)


def test_expected_failures_are_returned_and_the_rest_is_raised() -> None:
    known = {"midpoint_domination": "not scale invariant"}
    axioms = ["weak_pareto", "midpoint_domination", "scale_invariance"]
    with pytest.raises(AxiomsBroken) as caught:
        check_axioms(egalitarian, STEEP, axioms=axioms, expected_failures=known)
    assert [violation.axiom for violation in caught.value.violations] == ["scale_invariance"]
    found = check_axioms(egalitarian, STEEP, axioms=axioms[:2], expected_failures=known)
    assert [violation.axiom for violation in found] == ["midpoint_domination"]
    assert check_axioms(egalitarian, STEEP, axioms=["weak_pareto"], expected_failures=known) == ()


def test_axioms_for_two_are_left_out_for_three_unless_asked_for() -> None:
    known = set(AXIOMS) - set(proven("egalitarian"))
    assert check_axioms(egalitarian, CUBE, expected_failures=known)
    with pytest.raises(NotApplicable, match="two players"):
        check_axioms(egalitarian, CUBE, axioms=["risk_sensitivity"])


def test_a_method_is_asked_once_about_a_problem() -> None:
    """The strong axiom of monotonicity compares all the problems that the restricted one does."""
    asked = []

    def shy(problem: Problem) -> Division:
        asked.append(problem)
        return egalitarian(problem)

    assert check_axioms(shy, STEEP, axioms=["strong_monotonicity"]) == ()
    strong = len(asked)
    asked.clear()
    assert check_axioms(shy, STEEP, axioms=["strong_monotonicity", "restricted_monotonicity"]) == ()
    assert len(asked) == strong > 5
    with pytest.raises(AxiomsBroken, match="egalitarian breaks"):
        check_axioms(shy, STEEP, axioms=["scale_invariance"])


def test_own_axioms_go_where_names_go() -> None:
    assert check_axioms(egalitarian, STEEP, axioms=[equal_gains]) == ()
    with pytest.raises(AxiomsBroken, match="nash breaks equal_gains"):
        check_axioms(nash, STEEP, axioms=[equal_gains])
    assert check_axioms(nash, STEEP, axioms=[equal_gains], expected_failures=[equal_gains])
    assert find_violation(nash, equal_gains) is not None


@pytest.mark.parametrize("argument", ["axioms", "expected_failures"])
def test_an_unknown_axiom_is_refused(argument: str) -> None:
    with pytest.raises(InvalidInput, match=r"`axioms` must be among feasibility, .*; got 'fairness'"):
        check_axioms(nash, STEEP, **{argument: ["fairness"]})


def as_array(problem: Problem) -> np.ndarray:
    return problem.disagreement + egalitarian(problem).gains


def for_two(problem: Problem) -> Division:
    if problem.players != 2 or isinstance(problem.feasible, TransferableSurplus):
        raise NotApplicable("for_two: two players who do not share an amount.")
    return kalai_smorodinsky(problem)


def impatient(problem: Problem) -> Division:
    """Take more than the 200 ms that Hypothesis allows, once."""
    if not impatient.slept:  # type: ignore[attr-defined]
        impatient.slept = True  # type: ignore[attr-defined]
        sleep(0.3)
    return nash(problem)


def from_zero(problem: Problem) -> np.ndarray:
    d = problem.disagreement
    d -= d
    return d


@pytest.mark.parametrize("method", [as_array, lambda p: as_array(p).tolist(), lambda p: tuple(as_array(p))])
def test_payoffs_may_be_returned_as_they_are(method: object) -> None:
    assert check_axioms(method, STEEP, axioms=["weak_pareto", "symmetry"]) == ()  # type: ignore[arg-type]
    violation = AXIOMS["scale_invariance"](method, STEEP)
    assert violation is not None
    assert violation.method in ("as_array", "<lambda>")


@pytest.mark.parametrize("found", [None, 1.0, [1.0], "half", [[1.0, 2.0]], [1j, 0]])
def test_what_is_no_payoffs_is_named(found: object) -> None:
    with pytest.raises(
        InvalidInput, match=r"`method` must return a `Division`, or the payoffs of 2 players .*returned "
    ):
        check_axioms(lambda problem: found, STEEP, axioms=["weak_pareto"])  # type: ignore[arg-type, return-value]


def test_payoffs_that_are_no_numbers_are_no_answer() -> None:
    with pytest.raises(Unsolved, match=r"<lambda>: no answer; it returned the payoffs \[nan, 1.0\]"):
        check_axioms(lambda problem: [np.nan, 1.0], STEEP, axioms=["weak_pareto"])  # type: ignore[arg-type, return-value]


def test_a_method_that_changes_its_problem_is_told_so() -> None:
    with pytest.raises(
        InvalidInput, match="`method` must leave its problem as it is; from_zero changes an array"
    ):
        check_axioms(from_zero, STEEP, axioms=["weak_pareto"])  # type: ignore[arg-type]


def test_problems_to_which_a_method_does_not_apply_are_passed_over() -> None:
    Check(axiom=AXIOMS["weak_pareto"], problems=problems())(for_two)
    assert find_violation(for_two, "weak_pareto", examples=30) is None
    with pytest.raises(AxiomsBroken, match="kalai_smorodinsky breaks disagreement_concavity"):
        Check(axiom=AXIOMS["disagreement_concavity"], problems=problems(scale="one"))(for_two)


def test_a_failure_shows_no_source_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        dedent("""
        from bargaining.testing import parametrize_with_checks

        def halfway(problem):
            return (problem.disagreement + problem.ideal) / 2

        def lost(problem):
            return problem.agreement

        @parametrize_with_checks([halfway, lost], axioms=["weak_pareto"])
        def test_axioms(method, check):
            check(method)
        """),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_mine.py"]
    out = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    shown = [line for line in out if line.startswith((">", "    "))]
    assert any("return problem.agreement" in line for line in shown)
    assert any("halfway breaks weak_pareto by 0.5" in line for line in out)
    assert not any("bargaining/" in line and ".py:" in line for line in out)
    assert "lost was given" in "".join(out)
    assert len(out) < 60


def test_a_method_without_answer_is_an_error_not_a_violation() -> None:
    with pytest.raises(Unsolved, match="no answer"):
        check_axioms(lost, STEEP)


def test_a_search_finds_nothing_where_there_is_nothing() -> None:
    assert find_violation(kalai_smorodinsky, "individual_monotonicity", examples=20) is None


def test_a_search_is_repeatable_and_takes_problems() -> None:
    tall = st.integers(2, 9).map(lambda h: Problem(Polytope([[1, h]], free_disposal=True), [0, 0]))
    first, second = (find_violation(egalitarian, "strong_pareto", problems=tall, examples=50) for _ in "ab")
    assert first is not None
    assert second is not None
    assert str(first) == str(second)
    assert first.problems[0].ideal.tolist() == [1, 2]


@pytest.mark.parametrize("axiom", sorted(set(AXIOMS) - set(proven("nash")) - {"population_monotonicity"}))
def test_a_found_violation_is_replayed(axiom: str) -> None:
    kinked = Problem(Polytope([[0, 3], [1, 2], [2, 0]], free_disposal=True), [0, 0])
    violation = AXIOMS[axiom](nash, kinked)
    assert violation is not None
    again = replay(violation, nash)
    assert again is not None
    assert again.size == pytest.approx(violation.size, rel=1e-12)
    if axiom not in ("superadditivity", "interim_agreements"):
        assert replay(violation, egalitarian) is None


def test_a_check_searches_under_the_settings_in_force() -> None:
    with pytest.raises(AxiomsBroken, match="egalitarian breaks midpoint_domination"):
        Check(axiom=AXIOMS["midpoint_domination"], problems=problems())(egalitarian)
    Check(axiom=AXIOMS["weak_pareto"], problems=problems(players=3))(egalitarian)


@parametrize_with_checks(
    {"mine": egalitarian},
    axioms=["weak_pareto", "symmetry", "midpoint_domination"],
    expected_failures=["midpoint_domination"],
)
def test_the_decorator_makes_tests(method: object, check: Check) -> None:
    check(method)  # type: ignore[arg-type]


def test_tests_are_named_after_method_and_axiom() -> None:
    offers = AlternatingOffers([0.9, 0.9])
    methods = [nash, partial(nash, weights=[0.4, 0.6]), offers]
    marks = parametrize_with_checks(
        methods,
        axioms=["symmetry", equal_gains],
        expected_failures=lambda method: {} if method is nash else {"symmetry": "they differ"},
    )
    names, cases = marks.args
    assert names == ("method", "check")
    assert [case.id for case in cases] == [
        *("nash-symmetry", "nash-equal_gains", "nash-symmetry", "nash-equal_gains"),
        *("AlternatingOffers-symmetry", "AlternatingOffers-equal_gains"),
    ]
    assert [[mark.kwargs["reason"] for mark in case.marks] for case in cases] == [
        *([], [], ["they differ"], [], ["they differ"], [])
    ]
