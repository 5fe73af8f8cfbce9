r"""The farthest payoffs that the hull of points generates in given directions, and how: by one profile and few points.

A continuation w for profile a is a mixture of the points with :math:`w \ge b(a)`. The farthest one in direction q
solves, over multipliers :math:`\mu \ge 0` of the floors and a level :math:`\tau`,

.. math:: \min_{\mu, \tau} \{\tau - b \cdot \mu : \tau \ge (q + \mu) \cdot z \text{ for all points } z\}.

A basis holds n + 1 rows: points, whose multipliers are their weights, and players whose floor does not bind. A floor
that cannot be met shows in a bound on :math:`\mu` that binds, which stands for a share of payoff that is missing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import Bases, Flags, Indices, optimise

_PRICE = 1e4  # of a share of payoff that is missing
_MISSING = 1e-13  # a share of payoff that is rounding
_MARGIN = 0.03  # pairs that bring less than the points do now, by this much, are not worth a program


LEAVE = -1  # no profile has this number


class Recipes(NamedTuple):
    """Payoffs that points generate: the profile played, and the rows of the mixture that follows."""

    directions: Indices  # (m,) the direction in which each is farthest
    profiles: Indices  # (m,), `LEAVE` where all leave
    rows: Indices  # (m, n + 1): points; then players whose floor does not bind
    payoffs: Floats  # (m, n)


def image(profiles: Profiles, points: Floats, directions: Floats) -> Recipes:
    """Return the farthest payoff that the hull of points generates in each direction, unless well inside the hull."""
    threat = points.min(axis=0) if profiles.leaving is None else profiles.leaving
    low = profiles.floors(threat)
    face, profile = np.nonzero(_promising(profiles, points, directions, low))
    bases = _solved(points, directions * profiles.discounts, face, low[profile])
    later, met = _continuations(points, bases)
    payoffs = profiles.now[profile] + profiles.discounts * later
    found = Recipes(face[met], profile[met], bases.rows[met], payoffs[met])
    if profiles.leaving is not None:
        found = _or_leaving(found, profiles.leaving, len(points), len(directions))
    values = (found.payoffs * directions[found.directions]).sum(axis=1)
    order = np.lexsort((values, found.directions))
    last = np.append(np.diff(found.directions[order]) > 0, np.ones(min(1, order.size), bool))
    return Recipes(*(part[order[last]] for part in found))


def _continuations(points: Floats, bases: Bases) -> tuple[Floats, Flags]:
    """Return the mixture of each basis, and whether it meets the floors."""
    count, n = points.shape
    weights = np.maximum(bases.multipliers(), 0.0)
    missing = np.where(bases.rows >= count + n, weights, 0.0).sum(axis=1)
    weights = np.where(bases.rows < count, weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    later = np.einsum("pj,pjn->pn", weights, points[np.where(bases.rows < count, bases.rows, 0)])
    return later, missing <= _MISSING


def _or_leaving(found: Recipes, outside: Floats, count: int, directions: int) -> Recipes:
    """Add leaving in every direction; its rows, that nobody's floor binds after the first point, stand for nothing."""
    n = outside.size
    rows = np.tile(np.append(0, count + np.arange(n)), (directions, 1))
    leave = (np.arange(directions), np.full(directions, LEAVE), rows, np.tile(outside, (directions, 1)))
    return Recipes(*(np.concatenate(pair) for pair in zip(found, leave, strict=True)))


def _promising(profiles: Profiles, points: Floats, directions: Floats, low: Floats) -> Flags:
    """Return for which directions and profiles a floor in reach and the best point promise enough."""
    later = (directions * profiles.discounts) @ points.T
    now = directions @ profiles.now.T
    enough = (directions @ points.T).max(axis=1) - _MARGIN
    flags: Flags = (now + later.max(axis=1)[:, None] >= enough[:, None]) & (
        low <= points.max(axis=0) + _MISSING
    ).all(axis=1)
    return flags


def program(points: Floats, pulls: Floats, levels: Floats, price: float) -> tuple[Floats, Floats]:
    """Return the normals, and the right-hand sides of each pull: points, multipliers from 0 and up to the price.

    `levels` has a row for each point, with a one in the column of its state, whose level no point may exceed.
    """
    n, states = points.shape[1], levels.shape[1]
    eye, none = np.eye(n), np.zeros((n, states))
    normals = np.vstack([np.hstack([points, -levels]), np.hstack([-eye, none]), np.hstack([eye, none])])
    prices = np.broadcast_to(np.repeat([0.0, price], n), (len(pulls), 2 * n))
    return normals, np.hstack([-(pulls @ points.T), prices])


def _solved(points: Floats, pulls: Floats, face: Indices, low: Floats) -> Bases:
    """Solve for the best mixture of each pull and floor, from the farthest point on, whatever the floor there."""
    count, n = points.shape
    normals, rights = program(points, pulls, np.ones((count, 1)), _PRICE)
    first = rights[:, :count].argmin(axis=1)[face]
    rows = np.where(points[first] >= low, count + np.arange(n), count + n + np.arange(n))
    costs = np.hstack([low, -np.ones((len(low), 1))])
    bases = Bases.at(normals, costs, face, np.hstack([first[:, None], rows]))
    optimise(normals, rights, bases)
    return bases
