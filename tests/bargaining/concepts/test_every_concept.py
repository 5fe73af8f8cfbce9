"""What every concept must do: move with the payoffs, follow the players' names, answer a batch cell by cell."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bargaining import Frontier, InvalidInput, Polytope, Problem, Status, TransferableSurplus
from bargaining.concepts.dictatorial import dictatorial
from bargaining.concepts.lexicographic import lexicographic_egalitarian
from drawn_sets import EXACT_SCALES, SCALES, chains
from every_concept import CONCEPTS as ALL
from every_concept import Method


@dataclass(frozen=True)
class Concept:
    method: Method
    name: str
    own_scales: bool  # whether each player's payoffs may be rescaled alone


ALIKE = ("lexicographic_egalitarian", "equal_loss", "yu 1", "yu 2")  # they compare payoffs between players
CONCEPTS = [
    Concept(method, name, name not in ALIKE)
    for name, method in (ALL | {"dictatorial": partial(dictatorial, player=1)}).items()
    if name not in ("nash", "kalai_smorodinsky", "egalitarian", "utilitarian", "yu inf")
]
each = pytest.mark.parametrize("concept", CONCEPTS, ids=lambda c: c.name)


@pytest.mark.dear("yu 1", "continuous_raiffa")
@each
@given(
    chain=chains,
    s0=st.sampled_from(EXACT_SCALES),
    s1=st.sampled_from(EXACT_SCALES),
    offset=st.sampled_from([0.0, 1.0, -1e6]),
)
def test_scale_and_offset_move_the_answer_alike(
    concept: Concept, chain: np.ndarray, s0: float, s1: float, offset: float
) -> None:
    scale = np.array([s0, s1 if concept.own_scales else s0])
    move = lambda x: scale * (x + offset)  # noqa: E731
    before = concept.method(Problem(Polytope(chain, free_disposal=True), [0, 0])).raise_if_failed()
    after = concept.method(Problem(Polytope(move(chain), free_disposal=True), move(np.zeros(2))))
    after.raise_if_failed()
    # The answer, and the ideal point, are rounded to floats of the offset's size.
    tolerance = 2e-12 * np.ptp(chain, axis=0) + 32 * np.spacing(abs(offset))
    error = after.payoffs / scale - offset - before.payoffs
    assert (np.abs(error) <= tolerance).all()


@pytest.mark.dear("continuous_raiffa")
@each
def test_smooth_frontiers_at_any_scale(concept: Concept) -> None:
    def problem(s0: float, s1: float, shift: float) -> Problem:
        frontier = Frontier(
            lambda x: s1 * (shift + 4 - (x / s0 - shift) ** 2),
            s0 * shift,
            s0 * (shift + 2),
            derivative=lambda x: -2 * s1 / s0 * (x / s0 - shift),
        )
        return Problem(frontier, [s0 * shift, s1 * shift])

    plain = concept.method(problem(1.0, 1.0, 0.0)).raise_if_failed().payoffs
    for scale, offset in product(SCALES, (0.0, 1e6)):
        other = 1.0 if concept.own_scales else scale
        moved = concept.method(problem(scale, other, offset))
        rounding = 1e-12 + 64 * np.spacing(offset)
        if (
            concept.name == "perles_maschler"
        ):  # from chords, which lose half the digits that the offset leaves
            rounding = max(rounding, 4 * float(moved.residual))
        else:
            moved.raise_if_failed()
        np.testing.assert_allclose(moved.payoffs / [scale, other] - offset, plain, atol=rounding)


@pytest.mark.dear("raiffa", "continuous_raiffa")
@each
@given(chain=chains)
def test_relabelling_the_players(concept: Concept, chain: np.ndarray) -> None:
    other = partial(dictatorial, player=0) if concept.name == "dictatorial" else concept.method
    here = concept.method(Problem(Polytope(chain, free_disposal=True), [0, 0])).payoffs
    there = other(Problem(Polytope(chain[:, ::-1], free_disposal=True), [0, 0])).payoffs
    np.testing.assert_allclose(here, there[::-1], rtol=1e-12, atol=1e-12)


@pytest.mark.dear("continuous_raiffa")
@each
@example(
    chain=np.array([[0.0, 10.0], [9.0, 9.0], [16.0, 0.0]]), left=4, low=17
)  # halved sums agree around the kink
@given(chain=chains, left=st.integers(0, 9), low=st.integers(0, 9))
def test_a_set_known_by_its_answers_alone(concept: Concept, chain: np.ndarray, left: int, low: int) -> None:
    class Answers:
        """A polygon that shows nothing but the four questions."""

        players, batch_shape = 2, ()

        def __init__(self) -> None:
            inside = Polytope(chain, free_disposal=True)
            self.support, self.ray, self.ideal = inside.support, inside.ray, inside.ideal
            self.contains, self.product = inside.contains, inside.product

    d = chain.max(axis=0) * [left, low] / 21
    known = concept.method(Problem(Polytope(chain, free_disposal=True), d))
    asked = concept.method(Problem(Answers(), d))
    assert asked.status == known.status == Status.OK
    doubt = 1e-12
    if concept.name == "perles_maschler":  # kinks lie between chords
        doubt = max(doubt, 4 * float(asked.residual) * float(known.gains.max()))
    np.testing.assert_allclose(asked.payoffs, known.payoffs, rtol=1e-12, atol=doubt)


@pytest.mark.dear("frontier-continuous_raiffa")
@each
@pytest.mark.parametrize("make", [
    lambda c: TransferableSurplus(c),
    lambda c: Frontier(lambda x: c - x**2, 0.0, np.sqrt(c), derivative=lambda x: -2 * x),
], ids=["surplus", "frontier"])  # fmt: skip
def test_a_batch_is_its_cells_to_the_last_bit(concept: Concept, make: Callable) -> None:
    rng = np.random.default_rng(1)
    c, d = rng.uniform(1, 9, 12), rng.uniform(0, 0.4, (12, 2))
    batch = concept.method(Problem(make(c), d))
    assert (batch.status == Status.OK).all()
    for k in (0, 7, 11):
        one = concept.method(Problem(make(c[k]), d[k]))
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])
        few = concept.method(Problem(make(c[k : k + 1]), d[k : k + 1]))
        np.testing.assert_array_equal(few.payoffs[0], batch.payoffs[k])


@each
def test_one_polygon_many_disagreement_points(concept: Concept) -> None:
    polygon = Polytope([[0, 0], [2, 0], [2, 1], [1, 2], [0, 2]], free_disposal=True)
    d = np.vstack((np.random.default_rng(0).uniform(-1, 2.5, (60, 2)), [[1, 2], [2, 1], [1.5, 1.5], [2, 2]]))
    batch = concept.method(Problem(polygon, d))
    assert set(np.unique(batch.status)) == {Status.OK, Status.EMPTY, Status.DEGENERATE}
    for k in range(0, 64, 3):
        one = concept.method(Problem(polygon, d[k]))
        assert one.status == batch.status[k]
        np.testing.assert_array_equal(one.payoffs, batch.payoffs[k])
    ok = batch.status == Status.OK
    assert (batch.residual[ok] <= (1e-6 if concept.name == "continuous_raiffa" else 1e-12)).all()
    assert polygon.contains(batch.payoffs[ok]).all()


TRIANGLE = [
    Polytope([[0, 0], [4, 0], [0, 1]]),
    Polytope([[0, 0], [4, 0], [0, 1]], free_disposal=True),
    Frontier(lambda x: 1 - x / 4, 0, 4),
]


@each
@pytest.mark.parametrize("feasible", TRIANGLE, ids=["polygon", "free disposal", "frontier"])
def test_nothing_to_gain_or_nothing_feasible(concept: Concept, feasible: object) -> None:
    for point in ((2, 0.5), (4, 0), (0, 1)):
        division = concept.method(Problem(feasible, point))
        assert division.status == Status.DEGENERATE
        np.testing.assert_allclose(division.payoffs, point, atol=1e-12)
    division = concept.method(Problem(feasible, (5, 5)))
    assert division.status == Status.EMPTY
    assert np.isnan(division.payoffs).all()


@each
def test_unbounded(concept: Concept) -> None:
    tower = Polytope.from_inequalities([[1, 0]], [1])
    division = concept.method(Problem(tower, [0, 0]))
    assert division.status == Status.UNBOUNDED
    assert np.isnan(division.payoffs).all()


@each
def test_thin_sets(concept: Concept) -> None:
    segment = concept.method(Problem(Polytope([[2, 0], [0, 2], [1, 1]]), [0, 0]))
    expected = [0, 2] if concept.name == "dictatorial" else [1, 1]
    if concept.name != "gupta_livne":
        np.testing.assert_allclose(segment.payoffs, expected, atol=1e-14)
    point = concept.method(Problem(Polytope([[1, 1], [1, 1]], free_disposal=True), [0, 0]))
    np.testing.assert_allclose(point.payoffs, [0, 1] if concept.name == "dictatorial" else [1, 1], rtol=1e-14)


@each
@pytest.mark.parametrize("players", [3, 5])
def test_many_players_of_a_surplus(concept: Concept, players: int) -> None:
    if concept.name == "perles_maschler":
        pytest.skip("for two players only")
    d = np.arange(players) / 3
    division = concept.method(Problem(TransferableSurplus(10, players=players), d)).raise_if_failed()
    assert division.payoffs.sum() == pytest.approx(10, rel=1e-14)
    if concept.name not in ("dictatorial", "yu 1"):
        np.testing.assert_allclose(division.payoffs, d + (10 - d.sum()) / players, rtol=1e-13)


@pytest.mark.parametrize("method", [lexicographic_egalitarian], ids=["lexicographic_egalitarian"])
def test_weights_that_are_none(method: Callable) -> None:
    for weights in ([0, 0], [-1, 2], [0.5, 0.25, 0.25]):
        with pytest.raises(InvalidInput, match="`weights` must"):
            method(Problem(TransferableSurplus(1), [0, 0]), weights=weights)
