"""Certificates of every concept on every representation: right answers hold and wrong ones do not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bargaining import (
    Division,
    FreeDisposalHull,
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    TransferableSurplus,
    Union,
    certify,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    lexicographic_kalai_smorodinsky,
    nash,
    utilitarian,
)
from every_concept import CONCEPTS
from seeds import cases

RNG = np.random.default_rng(8)


def uneven(problem: Problem) -> Division:
    return nash(problem, weights=np.arange(1, problem.players + 1) / np.arange(1, problem.players + 1).sum())


def from_a_little_more(problem: Problem) -> Division:
    return gupta_livne(problem, reference=problem.disagreement + 0.01)


METHODS: dict[str, Callable[[Problem], Division]] = {
    k: v for k, v in CONCEPTS.items() if k != "continuous_raiffa"
} | {
    "weighted nash": uneven,
    "dictatorial": partial(dictatorial, player=1),
    "gupta_livne": from_a_little_more,
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
    }.items()
} | {"frontier": Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0.1, 0.2])}
NONE = {("raiffa", name) for name in SETS}
NONE |= {(concept, "frontier") for concept in ("perles_maschler", "dictatorial", "yu 1", "yu 2", "yu inf")}


@pytest.mark.parametrize(("concept", "name"), cases(METHODS, SETS))
def test_right_answers_hold_and_wrong_ones_do_not(concept: str, name: str) -> None:
    problem = SETS[name]
    try:
        division = METHODS[concept](problem)
    except NotApplicable:
        return  # the concept says so itself
    if (concept, name) in NONE:
        with pytest.raises(NotApplicable, match=r"Known there: .*egalitarian.* The `residual`"):
            certify(division)
        return
    proof = certify(division)
    if not division.ok:
        assert proof.bound == 0
        return
    assert proof.holds
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
def test_no_feasible_product_is_larger_than_the_one_proved(form: str, n: int) -> None:
    """By Monte Carlo: rays from d in random directions to the frontier."""
    problem = SETS[f"{form} {n}"]
    division = nash(problem)
    assert certify(division).bound < 1e-14
    gains, rng = division.payoffs - problem.disagreement, np.random.default_rng(n)
    for _ in range(300):
        away = rng.dirichlet(np.ones(n))
        assert np.prod(problem.feasible.ray(problem.disagreement, away) * away) <= np.prod(gains) * (
            1 + 1e-12
        )


def test_players_without_weight_and_without_gain_are_said_to_be_no_case() -> None:
    for problem, weights in (
        (Problem(Polytope(np.eye(3), free_disposal=True), [0, 0, 1]), None),
        (SETS["points 3"], [0.5, 0.5, 0]),
    ):
        with pytest.raises(NotApplicable, match="where everyone can gain and has a weight"):
            certify(nash(problem, weights=weights))


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
    for method in (kalai_smorodinsky, egalitarian, equal_loss, lexicographic_kalai_smorodinsky):
        assert certify(method(alone)).exact == (2, 0, 3, 0)


def test_sets_that_are_not_convex_or_wrapped_are_refused_by_name() -> None:
    arc = SETS["frontier"]
    for problem in (
        Problem(FreeDisposalHull([[4, 1], [1, 3]]), [0, 0]),
        Problem(Union([Polytope([[1, 1]]), TransferableSurplus(1)]), [0, 0]),
    ):
        with pytest.raises(NotApplicable, match="sets that are not convex"):
            certify(egalitarian(problem))
    for problem in (arc.rescale([2, 3]), arc.relabel([1, 0]), arc.restrict()):
        with pytest.raises(NotApplicable, match="before it is rescaled, relabelled or restricted"):
            certify(nash(problem))
