"""Continuous Raiffa of many players or points: facets looked for on the way, against all of them listed."""

from importlib import import_module

import numpy as np
import pytest

from bargaining import Polytope, Problem, Status, continuous_raiffa
from bargaining.concepts._raiffa_path import FacetSearch
from seeds import seeds

module = import_module("bargaining.concepts.continuous_raiffa")  # the package's name is the function's


def random_points(seed: int) -> tuple[np.ndarray, bool]:
    """Return points of general position or many of whose facets are alike, and whether payoffs can be thrown away."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(3, 6)), int(rng.integers(1, 9))
    points = rng.integers(0, 5, (m, n)).astype(float) if seed % 2 else rng.random((m, n))
    return np.concatenate((points, rng.choice([1, 3]) * np.eye(n))), seed % 3 > 0


@pytest.mark.dear("3", "4")
@pytest.mark.parametrize("seed", seeds(6, 12))
def test_looked_for_or_listed(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    points, disposal = random_points(seed)
    problem = Problem(Polytope(points, free_disposal=disposal), np.zeros(points.shape[1]))
    monkeypatch.setattr(module, "FEW", (9, 999))
    listed = continuous_raiffa(problem).raise_if_failed()
    monkeypatch.setattr(module, "FEW", (0, 0))
    found = continuous_raiffa(problem).raise_if_failed()
    np.testing.assert_allclose(found.payoffs, listed.payoffs, rtol=0, atol=1e-12)


@pytest.mark.dear("3-110")
@pytest.mark.parametrize(
    ("players", "count"),
    [
        (5, 16),
        (3, 110),
        *(pytest.param(*large, marks=pytest.mark.slow) for large in [(6, 11), (6, 30), (8, 12), (3, 150)]),
    ],
)
def test_many_players_or_points(players: int, count: int) -> None:
    rng = np.random.default_rng(players)
    points = rng.dirichlet(np.ones(players), count) ** 0.6
    problem = Problem(Polytope(points, free_disposal=True), np.zeros(players))
    division = continuous_raiffa(problem).raise_if_failed()
    assert division.residual <= 1e-13
    # Nobody can gain at the end, and neither names nor units matter.
    left = Problem(problem.feasible, division.payoffs).ideal - division.payoffs
    np.testing.assert_allclose(left, 0, atol=1e-12)
    order = rng.permutation(players)
    turned = continuous_raiffa(problem.relabel(order)).raise_if_failed()
    np.testing.assert_allclose(turned.payoffs, division.payoffs[order], rtol=1e-12)
    units = 10.0 ** rng.integers(-12, 13, players)
    scaled = continuous_raiffa(problem.rescale(units)).raise_if_failed()
    np.testing.assert_allclose(scaled.payoffs, units * division.payoffs, rtol=1e-12)


def test_an_equal_division_of_a_simplex_cut_off() -> None:
    # Everybody's best is 1 and the total is 2: by symmetry all get 2/7, whatever the ties of facets on the way.
    n = 7
    points = [np.isin(np.arange(n), pair) for pair in np.ndindex(n, n) if pair[0] < pair[1]]
    problem = Problem(Polytope(np.array(points, dtype=float), free_disposal=True), np.zeros(n))
    np.testing.assert_allclose(continuous_raiffa(problem).raise_if_failed().payoffs, 2 / 7, rtol=1e-13)


def test_each_facet_is_one() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate((np.eye(4), rng.random((20, 4))))
    search = FacetSearch(points)
    for _ in range(5):
        x = (rng.dirichlet(np.ones(24)) @ points) * 0.9
        search.add(x)
        assert not search.add(x)
        with np.errstate(divide="ignore"):
            ideal = x + ((search.limits - search.normals @ x)[:, None] / search.normals).min(axis=0)
        np.testing.assert_allclose(Polytope(points, free_disposal=True).ideal(x), ideal, rtol=1e-13)
    beyond = points @ search.normals.T - search.limits
    assert beyond.max() <= 1e-14
    assert ((beyond >= -1e-13).sum(axis=0) + (search.normals == 0).sum(axis=1) >= 4).all()


def test_a_point_outside() -> None:
    search = FacetSearch(np.eye(3))
    assert not search.add(np.ones(3))
    batch = Problem(
        Polytope(np.eye(6), free_disposal=True), np.stack((np.zeros(6), np.ones(6), np.eye(6)[0]))
    )
    assert continuous_raiffa(batch).status.tolist() == [Status.OK, Status.EMPTY, Status.DEGENERATE]
