"""Profiles that are playable only just, by hand."""

import numpy as np
import pytest

from bargaining.equilibria._plane.brinks import on_a_brink

TRIANGLE = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)]
SEGMENT = [(0.0, 0.5), (1.0, 0.5)]
FAR = -np.inf


@pytest.mark.parametrize(
    ("needed", "law", "just"),
    [
        ((0.3, 0.7), (1, 0), True),  # on the side
        ((0.3, 0.7 - 1e-6), (1, 0), False),
        ((0.3, 0.7 + 1e-6), (1, 0), False),
        ((1.0, FAR), (1, 0), True),  # player 0's most
        ((1.0 + 1e-12, FAR), (1, 0), True),  # out of play by rounding
        ((0.0, 0.0), (1, 0), False),
        ((FAR, FAR), (1, 0), False),
        ((np.inf, FAR), (1, 0), False),
        ((0.0, 0.5), (0, 1), False),  # player 1 gets .5 whatever follows
        ((1.0, 0.5), (0, 1), True),
        ((0.75, 0.5), (0.5, 0.5), True),  # half way from (1, .5) to (.5, .5) and (.5, 1)
        ((0.75, 0.4), (0.5, 0.5), False),
    ],
)
def test_slack_of_what_a_profile_needs(needed, law, just):
    assert on_a_brink(np.array([needed]).T, np.array([law]), [TRIANGLE, SEGMENT]) is just
    others = np.array([needed, (FAR, FAR), (np.inf, np.inf)]).T
    assert on_a_brink(others, np.array([law] * 3), [TRIANGLE, SEGMENT]) is just


def test_states_without_payoffs_follow_nothing():
    assert on_a_brink(np.array([[1.0], [FAR]]), np.array([[1.0, 0.0]]), [TRIANGLE, []])
