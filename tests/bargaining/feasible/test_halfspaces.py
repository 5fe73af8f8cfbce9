"""Inequalities far from zero, against vertices found in rationals."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest

from bargaining import Polytope, Problem, nash
from bargaining._arrays import Floats
from seeds import seeds

Row = list[Fraction]


def crossing(rows: list[Row], right: Row) -> Row | None:
    """Solve a square system in rationals; None if it is singular."""
    table = [[*row, value] for row, value in zip(rows, right, strict=True)]
    for k in range(len(table)):
        pivot = next((i for i in range(k, len(table)) if table[i][k]), None)
        if pivot is None:
            return None
        table[k], table[pivot] = table[pivot], table[k]
        table[k] = [v / table[k][k] for v in table[k]]
        for i in range(len(table)):
            if i != k:
                table[i] = [a - table[i][k] * b for a, b in zip(table[i], table[k], strict=True)]
    return [row[-1] for row in table]


def vertices_above(matrix: Floats, limits: Floats, floor: Floats) -> list[Row]:
    """Return the vertices of the part above a floor, as gains over it."""
    n = len(floor)
    d = [Fraction(v) for v in floor.tolist()]
    rows = [[Fraction(v) for v in row] for row in matrix.tolist()]
    room = [
        Fraction(b) - sum(a * v for a, v in zip(row, d, strict=True))
        for row, b in zip(rows, limits.tolist(), strict=True)
    ]
    rows += [[Fraction(-int(i == j)) for j in range(n)] for i in range(n)]
    room += [Fraction(0)] * n
    found = []
    for chosen in combinations(range(len(rows)), n):
        x = crossing([rows[k] for k in chosen], [room[k] for k in chosen])
        if x is not None and all(
            sum(a * v for a, v in zip(row, x, strict=True)) <= r for row, r in zip(rows, room, strict=True)
        ):
            found.append(x)
    return found


def far_away(seed: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return inequalities that are unbounded below, a floor and units, up to a million ranges from zero."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 4)), int(rng.integers(3, 6))
    matrix = np.concatenate((rng.uniform(0.1, 3, (m, n)), np.eye(n)[:1] - rng.uniform(0, 0.3, (1, n))))
    units = 10.0 ** rng.integers(-12, 13, n) if seed % 2 else np.ones(n)
    shift = rng.choice([1e6, -1e6, 1e5]) * rng.uniform(0.5, 1, n)
    limits = rng.uniform(1, 5, m + 1) + matrix @ shift
    return matrix / units, limits, units * (shift + rng.uniform(0, 0.1, n)), units


@pytest.mark.parametrize("seed", seeds(13, 40))
def test_the_ideal_point_far_from_zero(seed: int) -> None:
    matrix, limits, floor, units = far_away(seed)
    polytope = Polytope.from_inequalities(matrix, limits)
    vertices, ideal = vertices_above(matrix, limits, floor), polytope.ideal(floor)
    for i in range(len(floor)):
        gain = max(x[i] for x in vertices)
        missed = Fraction(float(ideal[i])) - Fraction(float(floor[i])) - gain
        # Good to some places of floats of the offset's size.
        assert abs(missed) <= 1024 * np.spacing(abs(ideal[i])) + 1e-14 * units[i]


@pytest.mark.parametrize("seed", seeds(13, 40))
def test_the_nash_solution_far_from_zero(seed: int) -> None:
    matrix, limits, floor, _ = far_away(seed)
    division = nash(Problem(Polytope.from_inequalities(matrix, limits), floor)).raise_if_failed()
    gains = [
        Fraction(x) - Fraction(d) for x, d in zip(division.payoffs.tolist(), floor.tolist(), strict=True)
    ]
    # The prices 1 / (n gain) in rationals: no vertex is worth more than 1, but for the last place of the payoffs.
    for vertex in vertices_above(matrix, limits, floor):
        worth = [float(v / g) / len(gains) for v, g in zip(vertex, gains, strict=True)]
        places = np.spacing(np.abs(division.payoffs)) / [float(g) for g in gains]
        assert sum(worth) <= 1 + 1e-12 + 64 * (np.abs(worth) @ places)
