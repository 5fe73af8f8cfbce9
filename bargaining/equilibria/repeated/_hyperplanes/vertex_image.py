r"""The farthest payoffs that hulls of points generate in given directions, and how: by one profile and few points.

A continuation w for profile a is the mean, by its law P, of mixtures of the points of each state, with
:math:`w \ge b(a)`. The farthest one in direction q solves, over multipliers :math:`\mu \ge 0` of the floors and a level
:math:`\tau_s` for each state,

.. math:: \min_{\mu, \tau} \Bigl\{\sum_s P_s \tau_s - b \cdot \mu :
          \tau_s \ge (q + \mu) \cdot z \text{ for all points } z \text{ of } s\Bigr\}.

A basis holds a row for each player and state: points, whose multipliers are their weights, and players whose floor does
not bind. A floor that cannot be met shows in a bound on :math:`\mu` that binds, which stands for a share of payoff that
is missing.
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
    rows: Indices  # (m, n + S): points; then players whose floor does not bind
    payoffs: Floats  # (m, n)


class Points(NamedTuple):
    """Points of the states that have payoffs."""

    rows: Floats  # (m, n)
    state: Indices  # (m,) in ascending order

    @property
    def states(self) -> Indices:
        """The S states that have points."""
        return np.unique(self.state)

    @property
    def first(self) -> Indices:
        """The first point of each of these states."""
        return np.searchsorted(self.state, self.states)

    @property
    def here(self) -> Floats:
        """A one for each point in the column of its state, shape (m, S)."""
        return np.asarray(self.state[:, None] == self.states, float)


def image(profiles: Profiles, points: Points, directions: Floats, state: Indices) -> Recipes:
    """Return the farthest payoff that hulls of points generate in each direction, unless well inside the hull.

    Directions are each of one state.
    """
    low = profiles.floors(profiles.thresholds(profiles.threat(*points)))
    face, profile = np.nonzero(_promising(profiles, points, directions, state, low))
    laws = profiles.laws[profile][:, points.states]
    bases, _ = _solved(points, directions * profiles.discounts, face, low[profile], laws)
    later, met = _continuations(points, bases, laws)
    payoffs = profiles.now[profile] + profiles.discounts * later
    found = Recipes(face[met], profile[met], bases.rows[met], payoffs[met])
    if profiles.leaves.any():
        found = _or_leaving(found, profiles, points, state)
    values = (found.payoffs * directions[found.directions]).sum(axis=1)
    order = np.lexsort((values, found.directions))
    last = np.append(np.diff(found.directions[order]) > 0, np.ones(min(1, order.size), bool))
    return Recipes(*(part[order[last]] for part in found))


def continuing(profiles: Profiles, points: Points, directions: Floats, profile: Indices) -> Floats:
    """Return in which direction the continuation is extreme with which a profile goes farthest in each direction."""
    low, laws = profiles.floors(profiles.thresholds(profiles.threat(*points))), profiles.laws[profile]
    pulls = directions * profiles.discounts
    prices = _solved(points, pulls, np.arange(len(pulls)), low[profile], laws[:, points.states])[1]
    return np.asarray(pulls + prices[:, : pulls.shape[1]])


def _continuations(points: Points, bases: Bases, laws: Floats) -> tuple[Floats, Flags]:
    """Return the mean mixture of each basis, and whether it meets the floors."""
    count, n = points.rows.shape
    weights = np.maximum(bases.multipliers(), 0.0)
    missing = np.where(bases.rows >= count + n, weights, 0.0).sum(axis=1)
    mixed = bases.rows < count
    places = np.where(mixed, bases.rows, 0)
    shares = np.where(mixed, weights, 0.0)[:, :, None] * points.here[places]
    total = shares.sum(axis=1, keepdims=True)
    shares *= np.divide(laws[:, None], total, out=np.zeros_like(total), where=laws[:, None] > 0.0)
    later = np.einsum("pj,pjn->pn", shares.sum(axis=2), points.rows[places])
    return later, missing <= _MISSING


def _or_leaving(found: Recipes, profiles: Profiles, points: Points, state: Indices) -> Recipes:
    """Add leaving where all may; its rows, that nobody's floor binds after the first points, stand for nothing."""
    (count, n), faces = points.rows.shape, np.flatnonzero(profiles.leaves[state])
    rows = np.tile(np.append(points.first, count + np.arange(n)), (len(faces), 1))
    leave = (faces, np.full(len(faces), LEAVE), rows, profiles.gone[state[faces]])
    return Recipes(*(np.concatenate(pair) for pair in zip(found, leave, strict=True)))


def _promising(profiles: Profiles, points: Points, directions: Floats, state: Indices, low: Floats) -> Flags:
    """Return for which directions and profiles of their states a floor in reach and the best point promise enough."""
    first, laws = points.first, profiles.laws[:, points.states]
    later = np.maximum.reduceat((directions * profiles.discounts) @ points.rows.T, first, axis=1)
    own = (np.arange(len(directions)), np.searchsorted(points.states, state))
    enough = np.maximum.reduceat(directions @ points.rows.T, first, axis=1)[own] - _MARGIN
    high = laws @ np.maximum.reduceat(points.rows, first)
    flags: Flags = (directions @ profiles.now.T + later @ laws.T >= enough[:, None]) & (
        (low <= high + _MISSING).all(axis=1) & (state[:, None] == profiles.state)
    )
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


def _solved(points: Points, pulls: Floats, face: Indices, low: Floats, laws: Floats) -> tuple[Bases, Floats]:
    """Solve for the best mixture of each pull and floor, from the farthest points on, whatever the floor there.

    Returns also the prices of the floors and the levels of the states.
    """
    count, n = points.rows.shape
    normals, rights = program(points.rows, pulls, points.here, _PRICE)
    parts = np.split(rights[:, :count], points.first[1:], axis=1)
    first = np.stack([part.argmin(axis=1) for part in parts], axis=1)[face] + points.first
    mean = np.einsum("ps,psi->pi", laws, points.rows[first])
    rows = np.where(mean >= low, count + np.arange(n), count + n + np.arange(n))
    bases = Bases.at(normals, np.hstack([low, -laws]), face, np.hstack([first, rows]))
    optimise(normals, rights, bases)
    return bases, bases.points(rights)
