"""Boxes that hold the Nash solution, or the point nearest to the ideal: they start from points that are feasible."""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from bargaining import Polytope, Problem, certify, nash, yu
from bargaining._rational import fractions
from bargaining.exact._concepts.bodies import Body
from bargaining.exact._concepts.nash_box import _corner, nash_box

THIRDS = (Fraction(1, 3),) * 3


def body(rows: list[list[float]], limits: list[float]) -> Body:
    return Body(
        points=None,
        matrix=fractions(np.array(rows)),
        limits=fractions(np.array(limits)),
        disagreement=(Fraction(0),) * 3,
        free_disposal=False,
    )


@pytest.mark.parametrize("tilt", [0.0, 1e-15, -1e-15])
@pytest.mark.parametrize("player", [0, 1, 2])
def test_points_meet_every_inequality_however_close_two_are(tilt: float, player: int) -> None:
    tilted = [1.0 + tilt * (i == player) for i in range(3)]
    made = body([[1, 1, 1], tilted, [1, 0, 0]], [3, 3, 2])
    found = _corner(made, THIRDS, [1.0, 1.0, 1.0])
    assert found is not None
    assert made.matrix is not None
    assert (made.matrix @ np.array(found, dtype=object) <= made.limits).all()
    low, high = nash_box(made, THIRDS, [1.0, 1.0, 1.0]) or (None, None)
    assert low is not None
    assert all(a <= x <= b for a, x, b in zip(low, found, high, strict=True))
    assert max(b - a for a, b in zip(low, high, strict=True)) < 1e-5


@pytest.mark.parametrize(("players", "count"), [(3, 8), (3, 30), (4, 12)])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("rule", [nash, partial(yu, p=2), partial(yu, p=3)])
def test_shares_of_one_cake_lie_in_a_plane_only_up_to_rounding(players, count, seed, rule) -> None:
    """Each point is a division of the cake in floats; which few of them the exact answer mixes no float can say."""
    shares = np.random.default_rng(seed).dirichlet(np.ones(players), count)
    division = rule(Problem(Polytope(shares, free_disposal=True), np.zeros(players)))
    proof = certify(division)
    assert proof.holds
    assert proof.bound < 1e-14
    aside = 1e-9 * (np.arange(players) - (players - 1) / 2)
    assert not certify(replace(division, payoffs=division.payoffs + aside)).holds


@pytest.mark.parametrize("players", [3, 4])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("rule", "most"), [(nash, 1e-12), (partial(yu, p=2), 1e-8), (partial(yu, p=3), 1e-8)]
)
def test_rows_that_all_but_repeat_each_other(players, seed, rule, most) -> None:
    """All rows hold with equality at (1, ..., 1), and each is there again, three tenths of it in floats."""
    rows = np.random.default_rng(seed).dirichlet(np.ones(players), 6)
    limits = rows.sum(axis=1)
    twice = Polytope.from_inequalities(np.vstack([rows, 0.3 * rows]), np.append(limits, 0.3 * limits))
    division = rule(Problem(twice, np.zeros(players)))
    assert certify(division).bound < most
    aside = 1e-6 * (np.arange(players) - (players - 1) / 2)
    assert certify(replace(division, payoffs=division.payoffs + aside)).bound > 1e-7
