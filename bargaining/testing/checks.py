"""Suites of axioms for a method: on one problem, on problems that Hypothesis draws, and as pytest parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import HealthCheck, Phase, find, given, reject, settings
from hypothesis.errors import NoSuchExample
from hypothesis.strategies import SearchStrategy

import bargaining
from bargaining._arguments import function, listed
from bargaining._names import meant
from bargaining.axioms import AXIOMS, Axiom, Violation
from bargaining.axioms.violation import TOLERANCE, named, once
from bargaining.division import Method
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.problem import Problem, as_code, require_problem
from bargaining.testing import strategies

if TYPE_CHECKING:
    import pytest

__tracebackhide__ = True  # pytest shows the caller's line and what is wrong, and no line of this file

Failures = Mapping[str, str] | Collection[str]

_PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much]
"""A method may take its time, and may apply to few of the problems drawn."""


class AxiomsBroken(AssertionError):
    """A method breaks axioms that it was said to satisfy.

    Attributes
    ----------
    violations : tuple of Violation
        One for each axiom.
    """

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        super().__init__("\n".join(map(str, violations)))
        self.violations = violations


def check_axioms(
    method: Method,
    problem: Problem,
    *,
    axioms: Iterable[str | Axiom] | None = None,
    expected_failures: Failures = (),
    tol: float = TOLERANCE,
) -> tuple[Violation, ...]:
    """Check whether a method satisfies axioms on a problem and on those made from it.

    Parameters
    ----------
    method : Method
        A concept or protocol, or any function from a `Problem` to a `Division`, or to an array of payoffs.
    problem : Problem
        A single problem in which everyone can gain.
    axioms : iterable of str or function, optional
        Names in `bargaining.axioms.AXIOMS`, or functions of the same form; all that apply to the number of players
        by default.
    expected_failures : mapping of str to str, or collection of str
        The axioms that the method is known to break, with the reason.
    tol : float
        Differences up to this share of each player's range of gains are rounding.

    Returns
    -------
    tuple of Violation
        The expected ones that were found.

    Raises
    ------
    AxiomsBroken
        If an axiom is broken that should not be; it names them all.
    InvalidInput
        If an axiom is unknown, or not everyone can gain in the problem; if the method returns no payoffs, or changes
        its problem.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, egalitarian
    >>> problem = Problem(Polytope([[0, 2], [1, 0]], free_disposal=True), [0, 0])
    >>> check_axioms(egalitarian, problem, axioms=["weak_pareto", "symmetry", "strong_monotonicity"])
    ()
    >>> check_axioms(egalitarian, problem, axioms=["scale_invariance"])
    Traceback (most recent call last):
    ...
    bargaining.testing.checks.AxiomsBroken: egalitarian breaks scale_invariance by 0.667 of the range of gains: ...
    """
    require_problem(problem)
    asked = once(function(method, "method"))
    expected = {named(axiom) for axiom in _chosen(expected_failures)}
    found = []
    for axiom in _chosen(axioms):
        try:
            violation = axiom(asked, problem, tol=tol)
        except NotApplicable:
            if axioms is not None:
                raise
            continue
        if violation is not None:
            found.append(violation)
    unexpected = tuple(violation for violation in found if violation.axiom not in expected)
    if unexpected:
        raise AxiomsBroken(unexpected)
    return tuple(found)


def find_violation(
    method: Method,
    axiom: str | Axiom,
    *,
    problems: SearchStrategy[Problem] | None = None,
    examples: int = 1000,
    seed: int = 0,
    tol: float = TOLERANCE,
) -> Violation | None:
    """Search for a problem on which a method breaks an axiom, and shrink it.

    Parameters
    ----------
    method : Method
    axiom : str or function
        A name in `bargaining.axioms.AXIOMS`, or a function of the same form.
    problems : SearchStrategy of Problem, optional
        `problems()` by default: two players and three, all kinds of sets. Problems to which the method or the axiom
        does not apply (`NotApplicable`) are passed over.
    examples : int
        How many problems to draw.
    seed : int
        The same seed finds the same violation.
    tol : float
        As in `check_axioms`.

    Returns
    -------
    Violation or None
        None if no problem drawn shows one, which does not prove that there is none.

    Examples
    --------
    >>> from bargaining import nash
    >>> violation = find_violation(nash, "strong_monotonicity")
    >>> violation.size > 0.1, violation.reason
    (True, 'player ... loses although more can be agreed on')
    """
    (rule,) = _chosen([axiom])
    function(method, "method")
    search = settings(
        max_examples=examples,
        phases=_but_explain(),  # an explanation would take ten times the search, and is shown to nobody
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    drawn = strategies.problems() if problems is None else problems

    def breaks(problem: Problem) -> bool:
        try:
            return rule(method, problem, tol=tol) is not None
        except NotApplicable:
            return False

    try:
        problem = find(drawn, breaks, settings=search, random=Random(seed))
    except NoSuchExample:
        return None
    return rule(method, problem, tol=tol)


def replay(violation: Violation, method: Method, *, tol: float = TOLERANCE) -> Violation | None:
    """Check a stored violation again with a method.

    Parameters
    ----------
    violation : Violation
        Of an axiom in `bargaining.axioms.AXIOMS`.
    method : Method
        The method that violated the axiom, fixed or not, or another one.
    tol : float
        As in `check_axioms`.

    Returns
    -------
    Violation or None
        None if the method passes now.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, kalai_smorodinsky, nash
    >>> from bargaining.axioms import individual_monotonicity
    >>> kinked = Problem(Polytope([[0, 3], [1, 2], [2, 0]], free_disposal=True), [0, 0])
    >>> violation = individual_monotonicity(nash, kinked)
    >>> replay(violation, nash).size == violation.size, replay(violation, kalai_smorodinsky)
    (True, None)
    """
    (axiom,) = _chosen([violation.axiom])
    given_problem, *others = violation.problems
    if others and "other" in signature(axiom).parameters:
        return axiom(method, given_problem, other=others[0], tol=tol)
    return axiom(method, given_problem, tol=tol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One axiom on the problems that Hypothesis draws under the settings in force; call it with a method.

    There is no deadline for a problem, whatever the settings say. Problems to which the method or the axiom does not
    apply (`NotApplicable`) are passed over.
    """

    axiom: Axiom
    problems: SearchStrategy[Problem]
    tol: float = TOLERANCE

    def __call__(self, method: Method) -> None:
        """Raise `AxiomsBroken` with the smallest problem found on which the method breaks the axiom."""
        last: list[Problem] = []

        @settings(deadline=None, suppress_health_check=_PATIENT, phases=_but_explain())
        @given(problem=self.problems)
        def search(problem: Problem) -> None:
            last[:] = [problem]
            try:
                check_axioms(method, problem, axioms=[self.axiom], tol=self.tol)
            except NotApplicable:
                reject()

        try:
            search()
        except AxiomsBroken as broken:
            raise AxiomsBroken(broken.violations) from None
        except Exception as error:
            if last and hasattr(error, "__notes__"):
                error.__notes__ = [f"{named(method)} was given\n    {as_code(last[0])}"]
            raise error.with_traceback(_outside(error.__traceback__)) from error.__cause__


def parametrize_with_checks(
    methods: Iterable[Method] | Mapping[str, Method],
    *,
    axioms: Iterable[str | Axiom] | None = None,
    expected_failures: Failures | Callable[[Method], Failures] = (),
    problems: SearchStrategy[Problem] | None = None,
    tol: float = TOLERANCE,
) -> pytest.MarkDecorator:
    """Make a pytest parameter of every pair of a method and an axiom.

    Parameters
    ----------
    methods : iterable or mapping of Method
        What to test; the keys of a mapping name them.
    axioms, tol
        As in `check_axioms`.
    expected_failures : mapping of str to str, collection of str, or function
        The axioms that the methods are known to break, with the reason; a function is given the method. These tests
        are marked xfail.
    problems : SearchStrategy of Problem, optional
        `problems()` by default.

    Returns
    -------
    pytest.MarkDecorator
        For a test with the arguments `method` and `check`.

    Examples
    --------
    >>> from bargaining import nash
    >>> @parametrize_with_checks([nash], axioms=["strong_pareto", "scale_invariance"])
    ... def test_axioms(method, check):
    ...     check(method)
    """
    import pytest

    pairs = (
        methods.items() if isinstance(methods, Mapping) else ((named(method), method) for method in methods)
    )
    drawn = strategies.problems() if problems is None else problems
    cases = []
    for name, method in pairs:
        failures = expected_failures(method) if callable(expected_failures) else expected_failures
        why = failures if isinstance(failures, Mapping) else {}
        known = {named(axiom): why.get(named(axiom), "") for axiom in _chosen(failures)}
        for axiom in _chosen(axioms):
            label = named(axiom)
            marks = [pytest.mark.xfail(reason=known[label], raises=AxiomsBroken)] if label in known else []
            check = Check(axiom=axiom, problems=drawn, tol=tol)
            cases.append(pytest.param(method, check, id=f"{name}-{label}", marks=marks))
    return pytest.mark.parametrize(("method", "check"), cases)


def _chosen(axioms: Iterable[str | Axiom] | None) -> list[Axiom]:
    """Return the axioms asked for, all by default."""
    chosen: list[Axiom] = []
    given = AXIOMS if axioms is None else [axioms] if isinstance(axioms, str) else axioms
    for axiom in (
        given if isinstance(given, Mapping) else listed(given, "axioms", "a list of names and functions")
    ):
        if isinstance(axiom, str) and axiom not in AXIOMS:
            raise InvalidInput(
                f"`axioms` must be among {', '.join(AXIOMS)}, or functions; got {axiom!r}.{meant(axiom, AXIOMS)}"
            )
        chosen.append(AXIOMS[axiom] if isinstance(axiom, str) else function(axiom, "axioms"))
    return chosen


def _but_explain() -> tuple[Phase, ...]:
    """Return the phases in force but the one that lists lines of the library's source."""
    return tuple(phase for phase in settings().phases if phase != Phase.explain)


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """Return the part of a traceback from the first line on that is neither Hypothesis's nor ours."""
    ours = tuple(str(Path(file).parent) for file in (hypothesis.__file__, bargaining.__file__))
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return trace
