"""Knife edges of polytopes of three and more players: the bound is wider there, and still true."""

from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest

from bargaining import Polytope, Problem, certify, nash, yu


def cake(players: int, rng: np.random.Generator) -> Polytope:
    """Each point is a division of the cake in floats; which few of them the exact answer mixes no float can say."""
    return Polytope(rng.dirichlet(np.ones(players), 12), free_disposal=True)


def twice(players: int, rng: np.random.Generator) -> Polytope:
    """All rows hold with equality at (1, ..., 1), and each is there again, three tenths of it in floats."""
    rows = rng.dirichlet(np.ones(players), 6)
    limits = rows.sum(axis=1)
    return Polytope.from_inequalities(np.vstack([rows, 0.3 * rows]), np.append(limits, 0.3 * limits))


@pytest.mark.parametrize("players", [3, 4])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("make", "rule"), list(product((cake, twice), (nash, partial(yu, p=2)))))
def test_a_knife_edge_is_proved_to_the_root_of_rounding(players, seed, make, rule) -> None:
    division = rule(Problem(make(players, np.random.default_rng(seed)), np.zeros(players)))
    assert certify(division).bound < 1e-7
    aside = 1e-6 * (np.arange(players) - (players - 1) / 2)
    assert certify(replace(division, payoffs=division.payoffs + aside)).bound > 1e-7


def test_a_residual_says_so_where_rows_that_come_twice_hide_a_violation() -> None:
    problem = Problem(twice(3, np.random.default_rng(0)), np.zeros(3))
    matrix, limits = problem.feasible.inequalities
    division = yu(problem, p=2)
    assert (matrix @ division.payoffs - limits).max() <= 1e-12
    np.testing.assert_allclose(division.payoffs, 1.0, rtol=0, atol=np.sqrt(1e-16 + 2 * division.residual))
