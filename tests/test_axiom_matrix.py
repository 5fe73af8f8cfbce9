"""The matrix of axioms: counterexamples are replayed, proofs are probed, and the page shows what the data say."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bibliography
from bargaining import InvalidInput, Problem
from bargaining.axioms import AXIOMS
from bargaining.testing import axiom_table, check_axioms, problems, proven, replay, verdict
from bargaining.testing.matrix import METHODS, axioms_of, methods_of

PAGE = Path(__file__).parents[1] / "docs" / "theory" / "axioms.md"
REFUTED = [
    (n, c, a)
    for n in (2, 3)
    for c in methods_of(n)
    for a in axioms_of(n)
    if verdict(c, a, players=n).answer == "no"
]
DOMAIN: Any = {"players": 2, "kinds": ["points"]}
FEW = 3  # problems for each solution by default; an axiom derives a dozen more from each


@pytest.mark.parametrize(("players", "concept", "axiom"), REFUTED)
def test_a_counterexample_is_one(players: int, concept: str, axiom: str) -> None:
    example = verdict(concept, axiom, players=players).example
    method = methods_of(players)[concept]
    assert example is not None
    violation = AXIOMS[axiom](method, example)
    assert violation is not None
    assert violation.size > 1e-4 or axiom == "strong_individual_rationality"
    again = replay(violation, method)
    assert again is not None
    assert again.size == pytest.approx(violation.size)


@settings(max_examples=FEW)
@given(data=st.data())
@pytest.mark.parametrize("concept", METHODS)
def test_proven_axioms_hold(concept: str, data: st.DataObject) -> None:
    check_axioms(METHODS[concept], data.draw(problems(scale="one", **DOMAIN)), axioms=proven(concept))


@pytest.mark.slow
@settings(max_examples=1000)
@given(data=st.data())
@pytest.mark.parametrize("concept", METHODS)
def test_proven_axioms_hold_on_a_thousand_problems(concept: str, data: st.DataObject) -> None:
    problem = data.draw(problems(scale="common", **DOMAIN) | problems(scale="one", **DOMAIN))
    check_axioms(METHODS[concept], problem, axioms=proven(concept))


@settings(max_examples=FEW)
@given(problem=problems(scale="each", **DOMAIN))
@pytest.mark.parametrize("concept", [c for c in METHODS if verdict(c, "scale_invariance").answer == "yes"])
def test_axioms_hold_whatever_the_units(concept: str, problem: Problem) -> None:
    check_axioms(METHODS[concept], problem, axioms=set(proven(concept)) - {"homogeneity", "scale_invariance"})


def test_every_axiom_has_a_row() -> None:
    assert set(axioms_of(2)) | set(axioms_of(3)) == set(AXIOMS)


def test_sources_are_those_of_the_bibliography() -> None:
    known = {"proof"} | {
        f"{bibliography.people(entry)} ({entry['year']})" for entry in bibliography.entries().values()
    }
    every = [verdict(c, a, players=n) for n in (2, 3) for c in methods_of(n) for a in axioms_of(n)]
    assert {one.source for one in every if one.answer == "yes"} - known == set()


@settings(max_examples=1)  # ten times the work of two players
@given(data=st.data())
@pytest.mark.parametrize("concept", methods_of(3))
def test_proven_axioms_hold_for_three(concept: str, data: st.DataObject) -> None:
    problem = data.draw(problems(players=3, kinds=["points"], scale="one"))
    check_axioms(methods_of(3)[concept], problem, axioms=proven(concept, players=3))


def test_axioms_that_imply_others_agree_with_them() -> None:
    for strong, weak in (
        ("strong_pareto", "weak_pareto"),
        ("strong_individual_rationality", "individual_rationality"),
        ("anonymity", "symmetry"),
        ("scale_invariance", "homogeneity"),
        ("strong_monotonicity", "individual_monotonicity"),
        ("individual_monotonicity", "restricted_monotonicity"),
        ("midpoint_domination", "strong_individual_rationality"),
        ("strong_disagreement_monotonicity", "disagreement_monotonicity"),
        ("continuity", "continuity_on_strictly_comprehensive_sets"),
    ):
        for concept in METHODS:
            assert verdict(concept, strong).answer == "no" or verdict(concept, weak).answer == "yes"


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"`concept` must be among nash, .*; got 'nsah'"):
        verdict("nsah", "symmetry")
    with pytest.raises(InvalidInput, match=r"`axiom` must be among feasibility, .*; got 'fairness'"):
        verdict("nash", "fairness")


def test_the_page_shows_the_matrix() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for players in (2, 3):
        assert axiom_table(players).to_markdown().strip() in page, (
            f"Paste axiom_table({players}).to_markdown()."
        )
    for axiom in AXIOMS:
        assert f"### {axiom.replace('_', ' ').replace('suppes sen', 'suppes-sen')}\n" in page.lower()


def test_the_matrix_prints_for_a_paper() -> None:
    latex = axiom_table().to_latex()
    assert latex.count("yes") + latex.count(" no") >= len(METHODS) * len(axioms_of(2))
    assert latex == axiom_table().to_latex()
