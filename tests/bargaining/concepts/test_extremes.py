"""Payoffs near the limits of floats: an error that says what to do, no answer, or the right one."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from scipy.optimize import nnls

from bargaining import (
    BargainingError,
    ConvexProgram,
    Division,
    FreeDisposalHull,
    Frontier,
    InvalidInput,
    NotApplicable,
    Polytope,
    Problem,
    Status,
    TransferableSurplus,
    gupta_livne,
    kalai_smorodinsky,
    nash,
)
from every_concept import CONCEPTS

CORNERS = np.array([[0.0, 0.0], [0.5, 0.0], [0.0, 1.0]])
CLIFFS = np.array([[1.0, 0.1], [0.1, 1.0], [0.4, 0.4]])
SETS: dict[str, Callable[[float], Problem]] = {
    "surplus": lambda s: Problem(TransferableSurplus(s), [0, 0]),
    "surplus below zero": lambda s: Problem(TransferableSurplus(s), [-s / 2, -s / 2]),
    "polygon": lambda s: Problem(Polytope(s * CORNERS), [0, 0]),
    "free disposal": lambda s: Problem(Polytope(s * CORNERS, free_disposal=True), [0, 0]),
    "inequalities": lambda s: Problem(Polytope.from_inequalities([[1, 1], [1, 0]], [s, s]), [0, 0]),
    "points": lambda s: Problem(FreeDisposalHull(s * CLIFFS), [0, 0]),
    "rescaled": lambda s: Problem(FreeDisposalHull(CLIFFS), [0, 0]).rescale(s),
    "frontier": lambda s: Problem(
        Frontier(lambda x: s * (1 - (x / s) ** 2), 0, s, derivative=lambda x: -2 * (x / s)), [0, 0]
    ),
    "program": lambda s: Problem(
        ConvexProgram(
            lambda z: s * np.sqrt(z),
            lambda z: s * np.diag(0.5 / np.sqrt(z)),
            lower=[0, 0],
            upper=[1, 1],
            matrix=[[1, 1]],
            limits=[1],
        ),
        [0, 0],
    ),
}


SIZES = [1.7e308, 1e308, 1e300, 1e-200, 1e-308, 5e-324]
CASES = [(name, size) for name in SETS for size in (SIZES if name != "program" else [1e308, 5e-324])]


@cache
def of_size_one(concept: str, name: str) -> Division | None:
    """Return what the method says of the set at its usual size; None if that is none of its sets."""
    try:
        return CONCEPTS[concept](SETS[name](1.0))
    except NotApplicable:
        return None


# A second each, and cheaper cases take the same way: smaller programs, frontiers that are a little larger.
DEAR = {
    ("continuous_raiffa", "program", 1e308),
    ("perles_maschler", "program", 1e308),
    ("continuous_raiffa", "frontier", 1e300),
    ("continuous_raiffa", "frontier", 1e-200),
}


@pytest.mark.dear("perles_maschler-program-5e-324", "continuous_raiffa-program-5e-324")
@pytest.mark.parametrize(
    ("concept", "name", "size"),
    [
        pytest.param(concept, *case, marks=[pytest.mark.slow] if (concept, *case) in DEAR else [])
        for concept in CONCEPTS
        for case in CASES
    ],
)
def test_an_error_or_the_right_answer(concept: str, name: str, size: float) -> None:
    method, usual = CONCEPTS[concept], of_size_one(concept, name)
    if usual is None:
        with pytest.raises(BargainingError):
            method(SETS[name](size))
        return
    refused = ""
    try:
        division = method(SETS[name](size))
    except InvalidInput as refusal:
        refused = str(refusal)
    if refused:
        assert "scale" in refused
        assert size > 1e299 or size < 1e-289
        return
    if division.status == Status.FAILED and (size > 1e299 or size < 1e-289):
        assert np.isnan(division.payoffs).all()
        return
    assert division.status == usual.status
    # A subnormal float is itself no better than its last place.
    np.testing.assert_allclose(division.payoffs, usual.payoffs * size, rtol=1e-12, atol=1e-12 * size + 5e-324)


def test_no_cell_spoils_its_neighbours() -> None:
    batch = kalai_smorodinsky(Problem(TransferableSurplus([1.0, 5e-324, 1e-291, 2.0]), [0, 0]))
    assert batch.status.tolist() == [Status.OK, Status.FAILED, Status.FAILED, Status.OK]
    np.testing.assert_array_equal(batch.payoffs[[0, 3]], [[0.5, 0.5], [1, 1]])


def test_what_is_refused_is_named() -> None:
    problem = Problem(TransferableSurplus(1), [0, 0])
    with pytest.raises(
        InvalidInput, match="`disagreement` must hold payoffs of size 1e\\+300 at most; got -1e\\+305"
    ):
        Problem(TransferableSurplus(1), [0, -1e305])
    with pytest.raises(InvalidInput, match="`reference` must hold payoffs"):
        gupta_livne(problem, reference=[0, 1e301])
    with pytest.raises(InvalidInput, match="`scale` must be positive, 1e-290 at least"):
        problem.rescale(1e-300)
    with pytest.raises(InvalidInput, match="`b` must describe payoffs"):
        Polytope.from_inequalities([[1e-200, 0], [0, 1e-200]], [1e200, 1e200])
    with pytest.raises(InvalidInput, match="`utilities` must vary by 1e-290"):
        ConvexProgram(lambda z: 1e-295 * z, lambda z: 1e-295 * np.eye(2), lower=[0, 0], upper=[1, 1])


@pytest.mark.parametrize("light", [1e-4, 1e-8])
@pytest.mark.parametrize("players", [3, 4])
def test_a_player_of_little_weight_in_a_set_of_inequalities(players: int, light: float) -> None:
    """The prices w / x are multipliers of the rows that bind: the optimality conditions, by least squares."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        rows, weights = rng.uniform(0.1, 1, (5, players)), rng.uniform(0.2, 1, players)
        weights[0] = light
        found = nash(
            Problem(Polytope.from_inequalities(rows, np.ones(5)), np.zeros(players)), weights=weights
        )
        assert found.ok, found.residual
        slack = 1 - rows @ found.payoffs
        assert slack.min() > -1e-14
        prices = weights / weights.sum() / found.payoffs
        _, missed = nnls(rows[slack < 1e-12].T, prices)
        assert missed < 1e-10
