"""Certificates on unions: right answers hold, wrong ones do not, and exact answers are those of the sets."""

from dataclasses import replace
from fractions import Fraction
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
    Status,
    TransferableSurplus,
    Union,
    certify,
    conley_wilkie,
    dictatorial,
    egalitarian,
    equal_loss,
    gupta_livne,
    kalai_smorodinsky,
    nash,
    utilitarian,
)

METHODS = {
    "kalai_smorodinsky": kalai_smorodinsky,
    "egalitarian": egalitarian,
    "equal_loss": equal_loss,
    "utilitarian": lambda p: utilitarian(p, weights=np.arange(1, p.players + 1) / sum(range(p.players + 1))),
    "dictatorial": partial(dictatorial, player=1),
    "gupta_livne": lambda p: gupta_livne(p, reference=p.disagreement + 0.125),
}
RNG = np.random.default_rng(3)
SETS = {
    "two polygons": Union(
        [Polytope([[4, 0], [3, 1], [0, 2]], free_disposal=True), Polytope([[2, 0], [1, 3], [0, 4], [0, 0]])]
    ),
    "cliffs and a surplus": Union([FreeDisposalHull([[5, 1], [1, 4.5]]), TransferableSurplus(5.25)]),
    "inequalities and a point": Union(
        [Polytope.from_inequalities([[1, 2], [3, 1], [1, 0], [0, 1]], [6, 9, 8, 8]), Polytope([[2.75, 2.0]])]
    ),
    "three players": Union(
        [Polytope(RNG.integers(0, 64, (9, 3)) / 16, free_disposal=True) for _ in range(3)]
    ),
}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("concept", METHODS)
@pytest.mark.parametrize("restricted", [False, True])
def test_right_answers_hold_and_wrong_ones_do_not(concept: str, name: str, restricted: bool) -> None:
    problem = Problem(SETS[name], np.full(SETS[name].players, 0.25))
    problem = problem.restrict() if restricted else problem
    division = METHODS[concept](problem)
    if concept == "utilitarian" and not np.isfinite(division.payoffs).all():
        assert division.status == Status.UNBOUNDED
    assert certify(division).holds, certify(division)
    if division.ok:
        moved = division.payoffs * (1 + 1e-7)
        assert not certify(replace_payoffs(division, moved)).holds
        assert not certify(replace_payoffs(division, division.payoffs - 0.01)).holds


def replace_payoffs(division: Division, payoffs: np.ndarray) -> Division:
    return replace(division, payoffs=payoffs)


def test_exact_answers() -> None:
    problem = Problem(SETS["two polygons"], [0, 0])
    assert certify(kalai_smorodinsky(problem)).exact == (Fraction(3, 2), Fraction(3, 2))
    assert certify(egalitarian(problem, weights=[0.75, 0.25])).exact == (3, 1)


def test_what_is_not_certified_says_why() -> None:
    curved = Problem(Union([Frontier(lambda x: 4 - x**2, 0, 2), Polytope([[1, 1]])]), [0, 0])
    with pytest.raises(NotApplicable, match="a Frontier is none"):
        certify(kalai_smorodinsky(curved))
    for method in (nash, conley_wilkie):
        with pytest.raises(NotApplicable, match="only what rays, ideal points and weighted sums decide"):
            certify(method(Problem(SETS["two polygons"], [0, 0])))


def test_nothing_feasible_and_no_bound() -> None:
    assert certify(kalai_smorodinsky(Problem(SETS["two polygons"], [9, 9]))).bound == 0
