"""A violation: the problems on which a method breaks an axiom, its answers, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

from bargaining._arrays import Floats, owning
from bargaining._rich import Shown
from bargaining.problem import Problem, as_code


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Violation(Shown):
    """Proof that a method breaks an axiom.

    Attributes
    ----------
    axiom : str
        The axiom's name.
    method : str
        The method, as it calls itself.
    reason : str
        What is wrong, in words.
    size : float
        By how much, as a share of the range of gains.
    problems : tuple of Problem
        The problem asked about, or what was made from it, then those it was compared with.
    answers : tuple of ndarray, shape (n,)
        The method's payoffs in each of them.

    Notes
    -----
    It prints as code, so that a line can be pasted to bring a problem back. The first problem, with the second as
    `other` where the axiom takes one, gives the same violation again; `bargaining.testing.replay` asks.

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
