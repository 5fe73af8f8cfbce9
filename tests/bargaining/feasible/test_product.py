"""The best product over sets known only by the four questions, against closed forms and polytopes."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bargaining import ConvexProgram, NotApplicable, Polytope, Problem, Status, kalai_smorodinsky, nash, yu

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ball:
    """{x : sum ((x - centre) / radii)^2 <= 1}: somebody's own set, with the four questions and nothing else."""

    centre: Floats
    radii: Floats
    batch_shape: tuple[int, ...] = ()

    @property
    def players(self) -> int:
        return len(self.radii)

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        scaled = weights * self.radii
        size = np.sqrt((scaled**2).sum(axis=-1, keepdims=True))
        point = self.centre + self.radii * scaled / np.where(size > 0, size, 1)
        return (weights * point).sum(axis=-1), point

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        o, p = (origin - self.centre) / self.radii, direction / self.radii
        a, b, c = (p * p).sum(axis=-1), (o * p).sum(axis=-1), (o * o).sum(axis=-1) - 1
        return np.where(b * b < a * c, -np.inf, (np.sqrt(np.maximum(b * b - a * c, 0)) - b) / a)

    def ideal(self, floor: Floats) -> Floats:
        low = np.maximum((floor - self.centre) / self.radii, 0) ** 2
        left = 1 - (low.sum(axis=-1, keepdims=True) - low)
        best = self.centre + self.radii * np.sqrt(np.maximum(left, 0))
        return np.where((best < floor).any(axis=-1, keepdims=True), -np.inf, best)

    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        return np.asarray((((x - self.centre) / self.radii) ** 2).sum(axis=-1) <= 1 + tol)


@dataclass(frozen=True)
class Veiled:
    """A polytope that keeps its own way with products to itself."""

    inner: Polytope
    batch_shape: tuple[int, ...] = ()

    @property
    def players(self) -> int:
        return self.inner.players

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        return self.inner.support(weights)

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        return self.inner.ray(origin, direction)

    def ideal(self, floor: Floats) -> Floats:
        return self.inner.ideal(floor)

    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        return self.inner.contains(x, tol=tol)


@pytest.mark.parametrize("players", [2, 3, 5])
def test_a_ball(players: int) -> None:
    # max prod x_i^w_i on sum (x_i / r_i)^2 = 1 gives x_i = r_i sqrt(w_i). The gap
    # is of second order in the payoffs, so they are good to its square root.
    radii = 10.0 ** np.arange(players)
    w = np.arange(1, players + 1) / (players * (players + 1) / 2)
    division = nash(Problem(Ball(np.zeros(players), radii), np.zeros(players)), weights=w)
    assert division.status == Status.OK
    assert division.residual <= 1e-12
    np.testing.assert_allclose(division.payoffs, radii * np.sqrt(w), rtol=1e-8)
    ks = kalai_smorodinsky(Problem(Ball(np.zeros(players), radii), np.zeros(players)))
    np.testing.assert_allclose(ks.payoffs, radii / np.sqrt(players), rtol=1e-14)


@given(
    st.integers(2, 4),
    st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=8),
    st.lists(st.integers(1, 9), min_size=4, max_size=4),
)
def test_a_polytope_without_its_own_way(players: int, rows: list[list[int]], raw: list[int]) -> None:
    points = np.array(rows, dtype=float)[:, :players] + np.eye(len(rows), players)
    inner, w = Polytope(points), np.array(raw[:players]) / sum(raw[:players])
    d = np.full(players, 0.5)
    known, found = (nash(Problem(s, d), weights=w) for s in (inner, Veiled(inner)))
    assert known.status == found.status
    np.testing.assert_allclose(found.payoffs, known.payoffs, rtol=1e-11, atol=1e-11)


def test_weight_zero_and_batches_on_any_set() -> None:
    ball = Ball(np.zeros(2), np.array([3.0, 5.0]))
    d = np.array([[0.0, 0.0], [1.0, 2.0], [2.9, 4.9]])
    batch = nash(Problem(ball, d))
    assert batch.status.tolist() == [Status.OK, Status.OK, Status.EMPTY]
    np.testing.assert_array_equal(batch.payoffs[1], nash(Problem(ball, d[1])).payoffs)
    alone = nash(Problem(ball, [0.0, 3.0]), weights=[1, 0])
    np.testing.assert_allclose(alone.payoffs, [3 * 0.8, 3], rtol=1e-7)


def test_a_batch_of_sets_needs_a_product() -> None:
    with pytest.raises(NotApplicable, match="A batch of Ball"):
        nash(Problem(Ball(np.zeros(2), np.ones(2), batch_shape=(3,)), [0.0, 0.0]))


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_point_nearest_to_the_ideal_one_in_a_ball(p: float) -> None:
    """A set known by its questions, and the same as a program."""
    radii = np.array([1.0, 1.0, 2.0])
    program = ConvexProgram(
        lambda z: radii * z,
        lambda z: np.diag(radii),
        lower=np.full(3, -2.0),
        upper=np.full(3, 2.0),
        constraints=lambda z: [z @ z - 1],
        constraint_jacobian=lambda z: [2 * z],
    )
    d = np.array([0.2, 0.1, 0.0])
    known, found = (yu(Problem(one, d), p=p) for one in (program, Ball(np.zeros(3), radii)))
    assert known.status == found.status == Status.OK
    np.testing.assert_allclose(found.payoffs, known.payoffs, atol=1e-6)


@pytest.mark.parametrize("disposal", [False, True])
def test_six_players_whose_facets_are_not_listed(disposal: bool) -> None:
    simplex = Polytope(np.vstack((np.zeros(6), np.eye(6))), free_disposal=disposal)
    middle = np.full(6, 1 / 6)
    assert simplex.contains(middle)
    assert not simplex.contains(middle * (1 + 1e-9))
    assert simplex.contains(middle - np.eye(6)[0]) == disposal
    assert simplex.ray(middle / 2, np.ones(6)) == pytest.approx(1 / 12, rel=1e-12)
    assert simplex.ray(middle, np.zeros(6)) == np.inf
    assert np.isneginf(simplex.ray(np.full(6, 2.0), np.eye(6)[0]))
    np.testing.assert_allclose(simplex.ideal(middle / 2), 1 - 5 / 12, rtol=1e-12)
    assert np.isneginf(simplex.ideal(np.full(6, 0.2))).all()
