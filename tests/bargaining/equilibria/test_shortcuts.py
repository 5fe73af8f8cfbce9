"""What makes payoff sets fast, against the plain way: small linear systems, profiles and pairs that are left out."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining._rational import fractions, solve
from bargaining.equilibria._plane.polygon import Chains
from bargaining.equilibria.repeated._search.operator import apply, playable
from bargaining.equilibria.repeated._search.scaled import Scaled
from bargaining.equilibria.repeated._search.search import faces_of
from bargaining.equilibria.repeated._search.shared import _corners, _Faces, _Outer, _passing
from bargaining.equilibria.repeated._search.structure import solved
from bargaining.games.repeated import RepeatedGame
from drawn_games import KINDS, exit_of, stage_game
from polygons import ONE, chain, convex, fixed, part_above


@pytest.mark.parametrize("size", [1, 2, 3, 6, 9, 10, 15])
@pytest.mark.parametrize("pivots", ["on the diagonal", "elsewhere"])
def test_small_systems_are_solved_as_in_rationals(size: int, pivots: str) -> None:
    rng = np.random.default_rng(size)
    matrix = np.eye(size) + rng.integers(-3, 4, (size, size)) * (rng.random((size, size)) < 0.4) / 16
    if pivots == "elsewhere":
        matrix = matrix[::-1]
    right = rng.integers(-9, 10, size) / 8
    exact = solve(fractions(matrix), fractions(right))
    assert exact is not None
    found = solved(matrix.tolist(), right.tolist())
    np.testing.assert_allclose(found, [float(x) for x in exact], rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_singular_systems_have_no_solution(size: int) -> None:
    matrix = np.eye(size)
    matrix[-1] = matrix[0] * (size > 1)
    assert solved(matrix.tolist(), [1.0] * size) is None


def test_an_edge_along_an_axis_is_no_second_face() -> None:
    """The half-planes still meet in the polygon; an edge where the threat is known does not move."""
    polygon = [(0.1, 0.2), (0.8, 0.2), (0.8, 0.5), (0.4, 0.7), (0.1, 0.7)]
    faces = faces_of(polygon, [], (0.1, 0.0))
    assert faces.after == [1, 2, 4, 3, 0]
    assert faces.moves == [False, True, True, True, True]
    height = np.array(polygon) @ np.array(faces.normals).T - faces.offsets
    np.testing.assert_allclose(height.max(axis=0), 0, atol=1e-15)
    ends = zip(faces.after, height, np.roll(height, -1, axis=0), strict=True)
    np.testing.assert_allclose([(start[k], end[k]) for k, start, end in ends], 0, atol=1e-15)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("discount", [0.15, 0.3, 0.6])
def test_the_profiles_dropped_at_once_are_those_that_the_operator_drops(kind: str, discount: float) -> None:
    dropped = 0
    for seed in range(30):
        scaled = Scaled.of(RepeatedGame(stage_game(seed), discount, exit=exit_of(seed, kind)))
        search = scaled.search(scaled.block)
        threat = search.block.threat_bound(scaled.own)
        alive = playable(search.block, Chains(search.polygon), search.block.thresholds(threat))
        assert alive.tolist() == apply(search.block, search.polygon, threat).alive.tolist()
        dropped += np.count_nonzero(~alive)
    assert dropped


@pytest.mark.parametrize("seed", range(6))
def test_the_pairs_that_matter_at_many_exits_are_those_of_each(seed: int) -> None:
    """Continuations are cut in integers, for each exit, face and profile by itself."""
    rng = np.random.default_rng(seed)
    block = Scaled.of(RepeatedGame(stage_game(seed), 0.6)).block
    corners = np.array(convex([(fixed(x), fixed(y)) for x, y in block.payoffs.T.tolist()]))
    outer = [(x / ONE, y / ONE) for x, y in corners.tolist()]
    own = 0.3 + 0.1 * rng.random((5, 2))
    shrink = 0.5 + 0.4 * rng.random((5, 1, 1))
    points = shrink * np.array(outer) + (1 - shrink) * np.mean(outer, axis=0)
    around = _Outer.of(outer)
    faces = _Faces.of(points, own, around)
    structures = np.array([[0], [1], [0], [1], [0]])
    cell, face, profile, _ = _passing(block, around, own, faces, structures)
    found, passing = {*zip(cell.tolist(), face.tolist(), profile.tolist(), strict=True)}, 0
    for c, f in np.ndindex(5, faces.normals.shape[1]):
        n, offset = faces.normals[c, f], faces.offsets[c, f]
        for k, g in enumerate(block.payoffs.T):
            floor = (own[c] - 0.4 * g) / 0.6
            least = np.maximum(own[c] + 0.4 / 0.6 * (block.best[:, k] - g), floor)
            part = [(x, y) for x, y in corners.tolist()]
            for i in (0, 1):
                part = part_above(part, i, fixed(Fraction(least[i])))
            ends = [0.4 * n @ g + 0.6 * (n[0] * x + n[1] * y) / ONE for x, y in part]
            reach = min(max(ends, default=-np.inf), n @ g) - offset
            if n.min() > -1.0 and reach > 1e-9:
                assert (c, f, k) in found
                passing += 1
            elif n.min() == -1.0 or reach < -1e-9:
                assert (c, f, k) not in found
    assert passing


@pytest.mark.parametrize("side", [3, 9, 200])
def test_hulls_of_many_exits_are_those_of_each(side: int) -> None:
    """Points on a grid, where many coincide or lie on one edge; those that may not be used are no corners."""
    rng = np.random.default_rng(side)
    points = rng.integers(0, side, (60, 24, 2)) + 1
    points[:, 0] = rng.integers(0, 2, (60, 2))
    usable = rng.random((60, 24)) < np.linspace(0, 1, 60)[:, None]
    usable[:, 0] = True
    order = _corners(points / 256, usable)
    for row, some, may in zip(order, points, usable, strict=True):
        corners = [tuple(some[k]) for k in row.tolist()]
        assert may[row].all()
        hull = chain(sorted({*map(tuple, some[may].tolist())}), 0)
        assert corners == hull + [tuple(some[0])] * (len(row) - len(hull))
