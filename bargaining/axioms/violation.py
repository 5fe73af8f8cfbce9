"""A violation: the problems on which a method violates an axiom, its answers, and the size of the violation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function
from bargaining._arrays import Floats, owning, short
from bargaining._names import titles
from bargaining._rich import Shown
from bargaining.division import Division, Method
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.problem import Problem, as_code, require_problem


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Violation(Shown):
    """Proof that a method breaks an axiom.

    Attributes
    ----------
    axiom : str
        The axiom's name.
    method : str
        The method's name.
    reason : str
        What is wrong, in words.
    size : float
        The size of the violation, as a share of the range of gains.
    problems : tuple of Problem
        The given problem, or one made from it, then those it was compared with.
    answers : tuple of ndarray, shape (n,)
        The method's payoffs in each of them.

    Notes
    -----
    It prints as code, so that a line can be pasted to get a problem. The first problem, with the second as
    `other` if the axiom takes one, gives the same violation again; `bargaining.testing.replay` checks this.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, egalitarian
    >>> from bargaining.axioms import strong_pareto
    >>> print(strong_pareto(egalitarian, Problem(Polytope([[1, 2]], free_disposal=True), [0, 0])))
    egalitarian breaks strong_pareto by 0.5 of the range of gains: player 1 could gain more at nobody's expense.
        Problem(Polytope([[1.0, 2.0]], free_disposal=True), [0.0, 0.0]) -> [1.0, 1.0]
    """

    axiom: str
    method: str
    reason: str
    size: float
    problems: tuple[Problem, ...]
    answers: tuple[Floats, ...]

    def __str__(self) -> str:
        cases = zip(self.problems, self.answers, strict=True)
        lines = [f"\n    {as_code(problem)} -> {answer.tolist()}" for problem, answer in cases]
        share = f" by {self.size:.3g} of the range of gains" if self.size > 0 else ""
        return f"{self.method} breaks {self.axiom}{share}: {self.reason}.{''.join(lines)}"


__tracebackhide__ = True  # pytest shows the method's own lines, if these fail

# Of the gains: a thousand times the accuracy of divisions, since axioms compare several of them.
TOLERANCE = 1e-9
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A method's payoffs, each player's range of gains, and the differences that count as rounding."""

    method: str
    problem: Problem
    payoffs: Floats
    scale: Floats
    allowed: Floats

    @property
    def players(self) -> int:
        """How many there are."""
        return self.problem.players

    def short(self, axiom: str, shortfall: ArrayLike, reason: str, *others: Answer) -> Violation | None:
        """Return a violation if some entry of `shortfall`, in payoffs per player, is more than rounding."""
        missing = np.broadcast_to(np.asarray(shortfall, dtype=float), (self.players,))
        beyond = (missing - np.max([a.allowed for a in (self, *others)], axis=0)) / self.scale
        if not beyond.max() > 0:
            return None
        worst = int(np.argmax(beyond))
        return self.broken(
            axiom,
            reason.format(titles(self.problem.player_names)[worst]),
            missing[worst] / self.scale[worst],
            *others,
        )

    def broken(self, axiom: str, reason: str, size: float, *others: Answer) -> Violation:
        """Return the violation shown by this answer and others."""
        answers = (self, *others)
        return Violation(
            axiom=axiom,
            method=self.method,
            reason=reason,
            size=float(size),
            problems=tuple(a.problem for a in answers),
            answers=tuple(a.payoffs for a in answers),
        )


def ask(method: Method, problem: Problem, tol: float, *, name: str = "problem") -> Answer:
    """Return the method's answer to a single problem in which everyone can gain.

    Raises
    ------
    InvalidInput
        If the problem is a batch, or leaves somebody nothing to gain; if the method returns neither a `Division` nor
        payoffs, or changes the problem.
    Unsolved
        If the method has no answer.
    """
    ideal = gains_everyone(problem, name)
    label, payoffs = _answered(function(method, "method"), problem)
    scale = ideal - problem.disagreement
    size = np.maximum(np.abs(ideal), np.abs(problem.disagreement))
    return Answer(label, problem, payoffs, scale, tol * scale + 64 * EPS * size)


def once(method: Method) -> Method:
    """Return a method that asks the given one only once about the same set, disagreement point and names."""
    known: dict[tuple[int, bytes, tuple[str, ...]], tuple[Problem, Division]] = {}

    @wraps(method)
    def asked(problem: Problem) -> Division:
        key = id(problem.feasible), problem.disagreement.tobytes(), problem.player_names
        if key not in known:
            known[key] = problem, method(problem)  # the problem is kept, and with it the number of its set
        return known[key][1]

    return asked


def _answered(method: Callable[[Problem], object], problem: Problem) -> tuple[str, Floats]:
    """Return the method's name and its payoffs, returned as a `Division` or as an array."""
    label = named(method)
    try:
        found = method(problem)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise InvalidInput(
            f"`method` must leave its problem as it is; {label} changes an array in place. Work on a copy, such as "
            f"`d = problem.disagreement.copy()`."
        ) from error
    if isinstance(found, Division):
        return found.method, found.raise_if_failed().payoffs
    try:
        payoffs = np.array(found, dtype=float)
    except (TypeError, ValueError):
        payoffs = np.empty(0)
    if payoffs.shape != (problem.players,):
        raise InvalidInput(
            f"`method` must return a `Division`, or the payoffs of {problem.players} players as an array; {label} "
            f"returned {short(found)}."
        )
    if not np.isfinite(payoffs).all():
        raise Unsolved(f"{label}: no answer; it returned the payoffs {payoffs.tolist()}.")
    return label, payoffs


def named(method: Callable[..., object]) -> str:
    """Return the name of a function, of what a partial calls, or of a protocol's class."""
    inner = getattr(method, "__wrapped__", method)
    inner = getattr(inner, "func", inner)
    return str(getattr(inner, "__name__", type(inner).__name__))


def gains_everyone(problem: Problem, name: str = "problem") -> Floats:
    """Return the ideal point of a single problem in which everyone can gain."""
    require_problem(problem)
    if problem.batch_shape:
        raise InvalidInput(f"`{name}` must be a single problem; got a batch of shape {problem.batch_shape}.")
    ideal = problem.ideal
    status = Status(int(problem.gains_status(ideal)))
    if status != Status.OK:
        raise InvalidInput(
            f"`{name}` must let every player gain, as the axioms assume; its status is {status.name}. {status.advice}"
        )
    return ideal


def in_domain(problem: Problem) -> bool:
    """Say whether everyone can gain."""
    return int(problem.gains_status(problem.ideal)) == Status.OK


def two_players(problem: Problem, axiom: str) -> None:
    """Raise an error for an axiom that is stated for two players only."""
    if problem.players != 2:
        raise NotApplicable(f"{axiom} is stated for two players; got {problem.players}.")
