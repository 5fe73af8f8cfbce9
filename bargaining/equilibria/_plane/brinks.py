"""Profiles that are playable only just, or only just not: a change in payoffs, however small, may change the sets.

A profile needs continuations w >= b in the set W that follows it. Let :math:`h_W` be the support of W. The slack, the
most by which both players can get more than they need, is the least of :math:`(h_W(n) - n b) / (n_0 + n_1)` over the
normals :math:`n \\ge 0` of W and both axes. An axis along which W has no width says nothing.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.polygon import Polygon

SENSITIVE = (
    "Some profile can be played only if players are promised the most that they can get, exactly: "
    "a change in payoffs or discount factors, however small, may change the set."
)
"""The reason of a correct answer to such a game."""
_NEAR = 1e-9  # of the unit box: sets of unequal patience are found to about 1e-10


def on_a_brink(needed: Floats, laws: Floats, polygons: list[Polygon]) -> bool:
    """Say whether the slack of some profile is zero but for rounding.

    Parameters
    ----------
    needed : (2, R) array
        The lowest continuations of each profile.
    laws : (R, S) array
        The chance with which each polygon follows.
    polygons : list of S polygons
    """
    corners = [np.array(polygon or [(0.0, 0.0)]) for polygon in polygons]  # none follows with a chance
    needed = np.clip(needed, -1.0, 2.0)  # beyond the unit box all are alike
    sides = np.vstack([np.roll(some, -1, axis=0) - some for some in corners])
    normals = np.column_stack([sides[:, 1], -sides[:, 0]])
    normals = np.vstack([np.eye(2), normals[(normals > 0.0).all(axis=1)]])
    most = laws @ np.array([(some @ normals.T).max(axis=0) for some in corners])  # (R, J)
    width = laws @ np.array([np.ptp(some, axis=0) for some in corners])
    slack = (most - needed.T @ normals.T) / normals.sum(axis=1)
    slack[:, :2] = np.where(width > _NEAR, slack[:, :2], np.inf)
    return bool((np.abs(slack.min(axis=1)) <= _NEAR).any())
