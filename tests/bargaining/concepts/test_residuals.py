"""Residuals that can say no: of payoffs moved along the frontier, inward and outward, on every kind of set."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pytest

from bargaining import FreeDisposalHull, Frontier, Polytope, Problem, Status, TransferableSurplus, Union
from bargaining.division import describe, divide
from bargaining.feasible.base import is_convex
from known_sets import two_issues

discrete, continuous, middle, compromise = (
    import_module(f"bargaining.concepts.{name}")
    for name in ("raiffa", "continuous_raiffa", "perles_maschler", "yu")
)
W2, W3 = np.array([0.4, 0.6]), np.array([0.2, 0.3, 0.5])


@dataclass(frozen=True)
class Concept:
    """A concept by its module, which has the method and `missed`, with their parameters."""

    module: str
    parameters: Callable[[Problem], dict] = lambda problem: {}
    method: str | None = None
    also: tuple[tuple[str, object], ...] = ()
    convex: bool = True
    players: tuple[int, ...] = (2, 3)
    accuracy: float = 1e-11

    def solve(self, problem: Problem):
        module = import_module(f"bargaining.concepts.{self.module}")
        return getattr(module, self.method or self.module)(problem, **self.parameters(problem))

    def missed(self, problem: Problem, payoffs: np.ndarray) -> np.ndarray:
        module = import_module(f"bargaining.concepts.{self.module}")
        return module.missed(problem, payoffs, **self.parameters(problem), **dict(self.also))


def weighted(problem: Problem) -> dict:
    return {"weights": W2 if problem.players == 2 else W3}


def reference(problem: Problem) -> dict:
    share = np.array([0.2, 0.1, 0.05])[: problem.players]
    return {"reference": problem.disagreement + share * (problem.ideal - problem.disagreement)}


CONCEPTS = {
    "nash": Concept("nash", convex=False),
    "nash weighted": Concept("nash", weighted, convex=False),
    "kalai_smorodinsky": Concept("kalai_smorodinsky", convex=False),
    "egalitarian": Concept("egalitarian", convex=False),
    "proportional": Concept("egalitarian", weighted, convex=False),
    "lexicographic_kalai_smorodinsky": Concept(
        "lexicographic", method="lexicographic_kalai_smorodinsky", also=(("by_ideal", True),)
    ),
    "lexicographic_egalitarian": Concept("lexicographic", weighted, method="lexicographic_egalitarian"),
    "equal_loss": Concept("equal_loss", convex=False),
    "yu 1": Concept("yu", lambda problem: {"p": 1.0}),
    "yu 2": Concept("yu", lambda problem: {"p": 2.0}),
    "yu inf": Concept("yu", lambda problem: {"p": np.inf}),
    "utilitarian": Concept("utilitarian", weighted, convex=False),
    "raiffa": Concept("raiffa"),
    "continuous_raiffa": Concept("continuous_raiffa", accuracy=1e-6),
    "perles_maschler": Concept("perles_maschler", players=(2,)),
    "gupta_livne": Concept("gupta_livne", reference, convex=False),
    "dictatorial": Concept("dictatorial", lambda problem: {"player": 1}, convex=False),
    "conley_wilkie": Concept("conley_wilkie", convex=False),
}


POINTS = np.random.default_rng(5).random((9, 3))
POINTS = np.concatenate((POINTS / np.linalg.norm(POINTS, axis=1)[:, None], np.eye(3)))
CHAIN = np.array([[0, 3], [1, 2.8], [2, 2], [2.6, 1], [3, 0]])
ROWS = np.array([[1, 2, 0.5], [0.5, 1, 2], [2, 0.5, 1]])
SETS = {
    "surplus": lambda: Problem(TransferableSurplus(2.0), [0.1, 0.3]),
    "surplus of three": lambda: Problem(TransferableSurplus(2.0, players=3), [0.1, 0.3, 0]),
    "polygon": lambda: Problem(Polytope([*CHAIN, [0, 0]]), [0.1, 0.3]),
    "polygon below": lambda: Problem(Polytope(CHAIN, free_disposal=True), [0.1, 0.3]),
    "points": lambda: Problem(Polytope([*POINTS, [0, 0, 0]]), [0.1, 0.05, 0]),
    "points below": lambda: Problem(Polytope(POINTS, free_disposal=True), [0.1, 0.05, 0]),
    "rows": lambda: Problem(Polytope.from_inequalities(ROWS, [1, 1, 1]), [0.02, 0.05, 0]),
    "frontier": lambda: Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0.1, 0.3]),
    "frontier with its slope": lambda: Problem(
        Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0.1, 0.3]
    ),
    "kinked": lambda: Problem(Frontier(lambda x: np.minimum(4 - x / 2, 7 - 2 * x), 0, 3), [0.1, 0.3]),
    "program": lambda: Problem(two_issues(), [0.5, 0.2]),
    "rescaled": lambda: Problem(Polytope(CHAIN, free_disposal=True), [0.1, 0.3]).rescale([2, 1e3], [5, -1]),
    "cliffs": lambda: Problem(FreeDisposalHull(CHAIN[1:4]), [0.1, 0.3]),
    "union": lambda: Problem(Union([Polytope(CHAIN[:3]), TransferableSurplus(3.5)]), [0.1, 0.3]),
}
SLOW = {
    ("continuous_raiffa", "program"),
    ("perles_maschler", "program"),
    ("raiffa", "program"),
    ("continuous_raiffa", "frontier"),  # the one with its slope remains
}


def cases() -> list:
    made = []
    for concept, rule in CONCEPTS.items():
        for name, make in SETS.items():
            problem = make()
            if problem.players not in rule.players or (rule.convex and not is_convex(problem.feasible)):
                continue
            if concept == "utilitarian" and ("surplus" in name or name == "union"):
                continue  # without a bound, unless weights are equal
            if (concept, name) == ("dictatorial", "points"):
                continue  # nothing there leaves the others just what they have
            if concept == "conley_wilkie" and name == "union":
                continue  # its hull is not known
            marks = [pytest.mark.slow] if (concept, name) in SLOW else []
            made.append(pytest.param(concept, name, marks=marks, id=f"{concept}-{name}"))
    return made


def along(problem: Problem, payoffs: np.ndarray, gains: np.ndarray, share: float) -> np.ndarray:
    """Return a point of the frontier beside another one: more for player 0, less for player 1, and up again."""
    moved = np.array(payoffs)
    moved[0] += share * gains[0]
    moved[1] -= share * gains[1]
    start = moved - 0.1 * gains
    return start + problem.feasible.ray(start, gains) * gains


@pytest.mark.dear(
    "continuous_raiffa-points",
    "lexicographic_kalai_smorodinsky-program",
    "utilitarian-program",
    "lexicographic_egalitarian-program",
    "continuous_raiffa-frontier with its slope",
)
@pytest.mark.parametrize(("concept", "name"), cases())
def test_payoffs_that_are_moved(concept: str, name: str) -> None:
    rule, problem = CONCEPTS[concept], SETS[name]()
    division = rule.solve(problem).raise_if_failed()
    ideal = problem.ideal
    gains = ideal - problem.disagreement
    here = rule.missed(problem, division.payoffs)
    assert 0 <= here <= rule.accuracy
    moved = [division.payoffs - 1e-3 * gains, division.payoffs + 1e-3 * gains]
    if name != "cliffs":
        moved += [along(problem, division.payoffs, gains, share) for share in (1e-3, -1e-3)]
    if concept == "yu 1" and "surplus" in name:
        moved = moved[:2]  # along the frontier the sum is the same
    for payoffs in moved:
        if np.abs((payoffs - division.payoffs) / gains).max() < 1e-4:
            continue  # the frontier ends here
        short = rule.missed(problem, payoffs)
        assert short > 1e-7
        said = divide(
            problem, describe("moved"), payoffs, np.asarray(short), np.asarray(Status.OK), ideal=ideal
        )
        assert said.status == Status.INACCURATE
        assert said.residual == short


@pytest.mark.parametrize("residual", [np.nan, -1e-3, -np.inf, np.inf, 1e-6])
def test_what_is_not_a_small_number_is_not_accurate(residual: float) -> None:
    problem = SETS["surplus"]()
    found = divide(
        problem,
        describe("moved"),
        np.array([0.9, 1.1]),
        np.asarray(residual),
        np.asarray(Status.OK),
        ideal=problem.ideal,
    )
    assert found.status == Status.INACCURATE
