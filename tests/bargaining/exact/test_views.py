"""Certificates in other units, under other names and above a floor: the map of the certificate, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np
import pytest

from bargaining import (
    Division,
    FreeDisposalHull,
    Frontier,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    certify,
    dictatorial,
    egalitarian,
    gupta_livne,
    kalai_smorodinsky,
    nash,
    utilitarian,
)
from bargaining.exact.certify import Certificate, Claim, register
from every_concept import Method, only
from seeds import cases

SCALE, SHIFT = np.array([0.5, 4.0, 0.25]), np.array([-3.0, 2.0, 0.5])


def near_the_disagreement_point(problem: Problem) -> Division:
    return gupta_livne(
        problem, reference=problem.disagreement + 0.01 * (problem.ideal - problem.disagreement)
    )


def uneven(problem: Problem, method: Callable[..., Division]) -> Division:
    w = np.arange(2.0, 2 + problem.players)
    return method(problem, weights=w / w.sum())


COVARIANT: dict[str, Method] = only(
    *("nash", "kalai_smorodinsky", "raiffa", "perles_maschler", "lexicographic_kalai_smorodinsky"),
    *("conley_wilkie", "dictatorial", "gupta_livne"),
) | {
    "nash": partial(uneven, method=nash),
    "dictatorial": partial(dictatorial, player=1),
    "gupta_livne": near_the_disagreement_point,
}
OTHERS: dict[str, Method] = {
    "egalitarian": partial(uneven, method=egalitarian),
    "utilitarian": partial(uneven, method=utilitarian),
    **only("lexicographic_egalitarian", "equal_loss", "yu 1", "yu 2"),
}
ALL = COVARIANT | OTHERS
ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)
POINTS = np.array([[5.0, 0, 1], [0, 6, 2], [1, 1, 7], [3, 3, 3], [4, 4, 0]])
SETS = {
    "arc": Problem(ARC, [0.25, 0.5]),
    "surplus": Problem(TransferableSurplus(10.0), [1.0, 2.0]),
    "polygon": Problem(Polytope([[0, 0], [4, 0], [0, 3], [3, 2]]), [0.25, 0.5]),
    "polygon below": Problem(Polytope([[4, 0], [0, 3], [3, 2]], free_disposal=True), [-0.25, 0.5]),
    "points": Problem(Polytope(POINTS), [1.0, 1.0, 1.0]),
    "points below": Problem(Polytope(POINTS, free_disposal=True), [0.5, 1.0, 0.0]),
    "inequalities": Problem(
        Polytope.from_inequalities([[1, 2, 1], [2, 1, 1], [1, 1, 3]], [9, 8, 7]), [0.5, 0, 0]
    ),
    "cliffs": Problem(FreeDisposalHull(POINTS), [0.0, 0.0, 0.0]),
}
VIEWS: dict[str, Callable[[Problem], Problem]] = {
    "rescaled, restricted": lambda p: p.rescale(SCALE[: p.players], SHIFT[: p.players]).restrict(),
    "all": lambda p: (
        p.relabel(np.roll(np.arange(p.players), 1))
        .restrict()
        .rescale(3.0, 1.0)
        .relabel(np.arange(p.players)[::-1])
    ),
}


NONE = {("raiffa", "arc"), ("perles_maschler", "arc"), ("nash", "cliffs"), ("conley_wilkie", "cliffs")}


# Each concept meets each set under one of the two views by default, and each view with about half of the sets.
DEAR = {
    (concept, name, view)
    for (i, concept), (j, name), (k, view) in product(*map(enumerate, (ALL, SETS, VIEWS)))
    if (i + j + k) % 2
}


@pytest.mark.parametrize(("concept", "name", "view"), cases(ALL, SETS, VIEWS, dear=DEAR))
def test_right_answers_hold_and_wrong_ones_do_not(concept: str, name: str, view: str) -> None:
    if (concept, name) in NONE:
        return
    problem = VIEWS[view](SETS[name])
    try:
        division = ALL[concept](problem)
    except NotApplicable:
        return  # the concept says so itself
    if not division.ok:
        return
    proof = certify(division)
    assert proof.holds
    nudge = 1e-5 * (problem.ideal - problem.disagreement) * [1, *[0] * (problem.players - 1)]
    try:
        doubt = certify(replace(division, payoffs=division.payoffs + nudge))
    except NotApplicable:  # off the solution that an extension starts from
        return
    assert doubt.bound > 1e-7


@pytest.mark.parametrize("name", ["surplus", "polygon", "points", "inequalities", "cliffs"])
@pytest.mark.parametrize("concept", COVARIANT)
def test_the_exact_answer_is_the_map_of_the_exact_answer(concept: str, name: str) -> None:
    """Numbers are powers of two and sums of few, so that every map is exact in floats."""
    problem = SETS[name]
    n = problem.players
    if concept in (
        "perles_maschler",
        "gupta_livne",
    ):  # not rational; has a reference that moves with rounding
        return
    if (concept, name) in NONE or (
        name == "cliffs" and concept in ("raiffa", "lexicographic_kalai_smorodinsky")
    ):
        return
    order, scale, shift = np.arange(n)[::-1], SCALE[:n], SHIFT[:n]
    plain = certify(COVARIANT[concept](problem)).exact
    seen = certify(COVARIANT[concept](problem.restrict().rescale(scale, shift))).exact
    if plain is None:
        assert seen is None
        return
    assert seen == tuple(Fraction(a) * x + Fraction(b) for x, a, b in zip(plain, scale, shift, strict=True))
    if concept in ("nash", "dictatorial"):  # weights and the player are not those of the other order
        return
    turned = certify(COVARIANT[concept](problem.restrict().relabel(order))).exact
    assert turned == plain[::-1]


def test_a_frontier_in_other_units_is_the_frontier_written_in_these() -> None:
    """The formula in the new units, typed out, is what the wrapped set must agree with."""
    typed = Frontier(lambda x: 2 + 4 * (4 - (2 * (x + 3)) ** 2), -3, -2, derivative=lambda x: -32 * (x + 3))
    for concept, method in ALL.items():
        if (concept, "arc") in NONE:
            continue
        seen = method(Problem(ARC, [0.25, 0.5]).rescale([0.5, 4], [-3, 2]))
        plain = method(Problem(typed, [0.5 * 0.25 - 3, 4 * 0.5 + 2]))
        np.testing.assert_allclose(seen.payoffs, plain.payoffs, rtol=1e-12, err_msg=concept)
        here, there = certify(replace(seen, payoffs=plain.payoffs)), certify(plain)
        assert here.bound < 1e-6
        assert here.holds == there.holds


def test_a_floor_that_binds_is_seen_in_the_certificate() -> None:
    """What maximises a sum over the individually rational points alone may lie on the floor, where one sees it."""
    arc = Problem(ARC, [1.0, 1.0])
    for weights, corner in (([0.9, 0.1], (np.sqrt(3), 1.0)), ([0.1, 0.9], (1.0, 3.0))):
        division = utilitarian(arc.restrict(), weights=weights)
        np.testing.assert_allclose(division.payoffs, corner)
        assert certify(division).holds
        free = utilitarian(arc, weights=weights).payoffs
        assert not certify(replace(division, payoffs=free)).holds
    line = Problem(TransferableSurplus(10), [0, 0]).rescale([1, 2])
    division = utilitarian(line.restrict())
    assert division.payoffs.tolist() == [0, 20]
    assert certify(division).exact == (0, 20)
    assert "UNBOUNDED" in certify(utilitarian(line)).statement


def test_a_certifier_that_knows_no_views_is_not_asked_about_them() -> None:
    class Own(Polytope):
        """Inequalities of one's own: nothing rewrites them."""

    @register("nash", Own)
    def mine(claim: Claim) -> Certificate:
        return Certificate(exact=None, bound=0.0, tolerance=1.0, statement="mine")

    assert certify(nash(Problem(Own(np.eye(2), free_disposal=True), [0, 0]))).statement == "mine"
    with pytest.raises(NotApplicable, match="registered without `views`"):
        certify(nash(Problem(Own(np.eye(2), free_disposal=True), [0, 0]).restrict()))


def test_a_batch_is_certified_cell_by_cell() -> None:
    d = np.array([[0.0, 0.0], [0.5, 1.0]])
    division = kalai_smorodinsky(Problem(ARC, d).restrict().rescale([2, 3]).relabel([1, 0]))
    for cell in range(2):
        assert certify(division, cell=(cell,)).holds
    assert not certify(replace(division, payoffs=division.payoffs[::-1]), cell=(0,)).holds


def test_nothing_left_above_a_floor_is_certified_empty() -> None:
    """Inequalities and points of three players that the floor leaves nothing of."""
    for feasible in (
        Polytope.from_inequalities([[1, 2, 1], [2, 1, 1], [1, 1, 3]], [9, 8, 7]),
        Polytope(POINTS),
    ):
        empty = Problem(Problem(feasible, [9.0, 9, 9]).restrict().feasible, [0.0, 0, 0])
        division = replace(utilitarian(Problem(feasible, [0, 0, 0])), problem=empty)
        assert "EMPTY" in certify(division).statement
        assert certify(replace(division, status=Status.EMPTY, payoffs=np.full(3, np.nan))).holds


def test_a_wedge_of_two_players_far_below_has_a_rational_nash_point() -> None:
    """On x + 3 y = 9 the product of gains from (-155, 1/2) peaks where x + 155 = 3 (y - 1/2), or at the next edge."""
    wedge = Polytope.from_inequalities([[-1, 3], [2, 2], [-1, -1]], [9, 21, 21])
    proof = certify(nash(Problem(wedge, [-155.0, 0.5]).restrict()))
    assert proof.holds
    assert proof.exact == (Fraction(45, 8), Fraction(39, 8))
