"""Thin sets without free disposal, which magnify roundings of a ray, against sides written out here in rationals."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from bargaining import Polytope, Problem, Status, egalitarian, equal_loss, gupta_livne, kalai_smorodinsky
from seeds import seeds

Vector = list[Fraction]


def dot(x: Vector, y: Vector) -> Fraction:
    return sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0))


def sides(points: list[Vector]) -> list[tuple[Vector, Fraction]]:
    """The facets of points in space: the planes through three of them that have all on one side."""
    found = []
    for a, b, c in combinations(points, 3):
        u, v = ([q - p for p, q in zip(a, x, strict=True)] for x in (b, c))
        normal = [u[i - 2] * v[i - 1] - u[i - 1] * v[i - 2] for i in range(3)]
        heights = {dot(normal, x) - dot(normal, a) for x in points} - {0}
        if heights and (max(heights) < 0 or min(heights) > 0):
            sign = -1 if min(heights) > 0 else 1
            found.append(([sign * x for x in normal], sign * dot(normal, a)))
    return found


def last(points: list[Vector], origin: Vector, step: Vector) -> Vector | None:
    """The last point of a line in the hull of points; None where it misses."""
    first, late = [], []
    for normal, limit in sides(points):
        speed, slack = dot(normal, step), limit - dot(normal, origin)
        if speed == 0 and slack < 0:
            return None
        if speed:
            (late if speed > 0 else first).append(slack / speed)
    t = min(late)
    return None if first and max(first) > t else [o + t * p for o, p in zip(origin, step, strict=True)]


def needle(rng: np.random.Generator, thickness: float) -> np.ndarray:
    """Points along a line up which everybody gains, `thickness` beside it; the first is the worst for everybody."""
    along = np.sort(rng.integers(1, 2**20, int(rng.integers(4, 7)))) / 2.0**20
    beside = thickness * rng.integers(0, 2**10, (len(along), 3)) / 2.0**10
    return np.vstack((np.zeros(3), np.outer(along, rng.integers(1, 9, 3)) + beside))


def leaf(rng: np.random.Generator, thickness: float) -> np.ndarray:
    """Points of a plane in which everybody can gain, `thickness` beside it."""
    one, other = rng.integers(1, 9, 3), rng.integers(1, 9, 3)
    shares = rng.integers(1, 2**10, (int(rng.integers(4, 7)), 2)) / 2.0**10
    beside = thickness * rng.integers(0, 2**10, (len(shares), 3)) / 2.0**10
    return np.vstack((np.zeros(3), shares @ np.array([one, other]) + beside))


@pytest.mark.parametrize("shape", [needle, leaf])
@pytest.mark.parametrize("power", [2, 8, 16, 24, 32])
@pytest.mark.parametrize("seed", seeds(3, 6))
def test_rays_leave_a_thin_set_where_they_do_in_rationals_or_say_inaccurate(
    shape, power: int, seed: int
) -> None:
    points = shape(np.random.default_rng([seed, power]), 2.0**-power)
    exact = [[Fraction(x) for x in row] for row in points.tolist()]
    d, ideal = exact[0], [max(column) for column in zip(*exact, strict=True)]
    problem = Problem(Polytope(points), points[0])
    for method, origin, step in (
        (kalai_smorodinsky, d, ideal),
        (lambda p: gupta_livne(p, reference=p.disagreement), d, ideal),
        (egalitarian, d, [Fraction(1)] * 3),
        (equal_loss, ideal, [Fraction(1)] * 3),
    ):
        expected, division = last(exact, origin, step), method(problem)
        if division.status == Status.EMPTY:
            assert expected is None
        if division.status != Status.OK:
            continue
        assert expected is not None
        off = [abs(Fraction(x) - y) for x, y in zip(division.payoffs.tolist(), expected, strict=True)]
        assert max(o / a for o, a in zip(off, ideal, strict=True)) <= 1e-12


@pytest.mark.parametrize("thickness", [2.0**-10, 2.0**-30])
def test_a_ray_through_the_tip_of_a_needle_does_not_miss_it(thickness: float) -> None:
    flat = np.array([[0, 0], [3, 5], [1.5, 2.5 - thickness]])
    deep = np.array([[0, 0, 0], [3, 5, 7], [1.5, 2.5 - thickness, 3.5], [1.5, 2.5, 3.5 - thickness]])
    for points, reference in ((flat, [0.25, 1.5]), (deep, [0.25, 1.5, 0.125])):
        problem = Problem(Polytope(points), points[0])
        division = gupta_livne(problem, reference=reference)
        assert division.status == Status.OK
        np.testing.assert_allclose(division.payoffs, points[1], rtol=16 * np.finfo(float).eps)


def test_a_ray_from_a_point_of_the_set_does_not_miss_it() -> None:
    """Four lines beside the one of equal gains miss this leaf; that line leaves it where it starts."""
    points = leaf(np.random.default_rng([3, 32]), 2.0**-32)
    exact = [[Fraction(x) for x in row] for row in points.tolist()]
    assert last(exact, exact[0], [Fraction(1)] * 3) == exact[0]
    assert egalitarian(Problem(Polytope(points), points[0])).status != Status.EMPTY


def test_a_set_that_is_missed_by_much_is_missed() -> None:
    # From beside the needle straight up its direction.
    for points in (
        [[0, 0], [3, 5], [1.5, 2.5 - 2.0**-20]],
        [[0, 0, 0], [3, 5, 7], [1.5, 2.5 - 2.0**-20, 3.5]],
    ):
        problem = Problem(Polytope(points), np.zeros(len(points[0])))
        assert egalitarian(problem).status == Status.OK
        beside = Problem(problem.feasible, [1.0, -1.0, 0.0][: problem.players])
        assert egalitarian(beside).status == Status.EMPTY
