r"""Levels of half-planes that contain all equilibrium payoffs of two players, proved in rationals.

A row reaches, in any direction, at most an affine function of the levels of all half-planes, for multipliers read off
floats whose error in the direction is added exactly: payoffs lie in the unit box. All payoffs lie within given levels
if no row goes beyond them on the way from levels that contain every payoff; these come from the search in floats, with
all thresholds lowered by far more than its error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Budget, attracting
from bargaining.equilibria._exact_game import ExactGame, Work
from bargaining.equilibria.payoff_polygon import distances
from bargaining.equilibria.sets.bounds import Bounds, Fan, Image, of_polygons
from bargaining.equilibria.sets.rows import Indices, Rows, Scaled
from bargaining.equilibria.sets.search import solve

_PADDING = Fraction(1, 10**11)  # how far faces are moved out, in their own speeds

Bound = tuple[Fraction, list[tuple[int, Fraction]]]
"""alpha, and beta as pairs of a half-plane and its weight."""


def levels_proved(
    bounds: list[list[Bound]], start: Floats, near: Floats, speeds: Floats, *, pad: Fraction = _PADDING
) -> list[Fraction] | None:
    """Return levels a little above `near` that contain every payoff below `start`; None if bounds do not prove it."""
    given, z, far = ([Fraction(x) for x in array.tolist()] for array in (near, speeds, start))
    over = (value_of(each, given) - given[j] for j, some in enumerate(bounds) for each in some)
    out = 2 * max(_ZERO, *over) + pad
    levels = [level + out * each for level, each in zip(given, z, strict=True)]
    return levels if contracts(bounds, far, levels, z) else None


def value_of(bound: Bound, levels: list[Fraction]) -> Fraction:
    """Return a bound at some levels."""
    return bound[0] + sum((weight * levels[k] for k, weight in bound[1]), _ZERO)


def contracts(bounds: list[list[Bound]], start: list[Fraction], x: list[Fraction], z: list[Fraction]) -> bool:
    """Whether all bounds at levels x + e z, none above the start, lie below x + e z for every e > 0, and at e = 0."""
    most = max(_ZERO, *((s - level) / each for s, level, each in zip(start, x, z, strict=True)))
    for j, some in enumerate(bounds):
        for bound in some:
            if value_of(bound, start) <= x[j]:
                continue
            over, faster = value_of(bound, x) - x[j], value_of((-z[j], bound[1]), z)
            if over > 0 or over + most * faster > 0 or (over == 0 and faster >= 0):
                return False
    return True


MARGIN = 1e-10  # of the unit box: by which thresholds are lowered; errors of floats are far smaller
_FLOATS = 50  # units of the search in floats that one of a proof is worth
_CLOSE = 1e-12  # of the unit box: how closely the search bounds the sets
_PAD = Fraction(1, 10**14)  # of the unit box: how far half-planes are moved out, in their own speeds
_PROOFS = 3  # each from the levels of the one before
_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, eq=False)
class OuterLevels:
    """Half-planes of each state, None where it is proved that there is no equilibrium."""

    fan: Fan
    levels: list[Floats | None]

    def beyond(self, vertices: list[Floats]) -> float:
        """Return the largest distance by which they reach beyond polygons; infinity where one is empty."""
        out = 0.0
        for level, points in zip(self.levels, vertices, strict=True):
            if level is not None:
                if not len(points):
                    return inf
                _, corners, _ = self.fan.intersection(level[None])
                out = max(out, float(distances(corners[0], points).max()))
        return out


def outer_levels(data: ExactGame, vertices: list[Floats], work: Work, tolerance: float) -> OuterLevels | None:
    """Return levels proved in the directions of the edges of polygons; None if the proof fails.

    Parameters
    ----------
    data : ExactGame
        The game.
    vertices : list of ndarrays of shape (m, 2)
        Polygons of each state in the unit box, close to the payoff sets.
    work : Work
        The budget; Spent is raised if it is not enough.
    tolerance : float
        How far beyond the polygons levels may be; where they are farther, bounds that are least at the levels proved
        prove closer ones.
    """
    rows = replace(Scaled.of(data.game).rows, margin=MARGIN)
    budget = Budget(work.left * _FLOATS)
    before = budget.left
    outer = solve(rows, _CLOSE, budget).outer
    work.spend(int(before - budget.left) // _FLOATS)
    empty = np.array([not len(points) for points in outer])
    fan, _, _ = of_polygons(
        [points for points in [*vertices, *outer] if len(points)] or [_BOX], rows.discounts
    )
    if empty.all():
        return OuterLevels(fan, [None] * len(outer))
    rows = rows.without(empty) if empty.any() else rows
    kept = np.flatnonzero(~empty)
    start = np.stack([(points @ fan.normals.T).max(axis=0) for points in outer if len(points)]) + MARGIN
    out = None
    for _ in range(_PROOFS):
        proved = _proved(data, rows, fan, kept, start, work)
        if proved is None:
            break
        start, levels = proved, iter(proved)
        out = OuterLevels(fan, [None if gone else next(levels) for gone in empty])
        if out.beyond(vertices) <= tolerance:
            break
    return out


def _proved(
    data: ExactGame, rows: Rows, fan: Fan, states: Indices, start: Floats, work: Work
) -> Floats | None:
    """Return levels of some states that hold if those of the start do; None if the proof fails."""
    levels, corners, _ = fan.intersection(start.copy())
    image = Image(rows, fan, levels, corners, ~rows.barred)
    if len(np.unique(image.state)) < rows.states:
        return None
    image.game = replace(rows, margin=0.0)  # the proof needs no margin where rows are playable
    bounds = Bounds(image, fan, levels)
    proof = attracting(bounds, levels)
    if proof is None:
        return None
    near, speeds = proof
    work.spend(bounds.weights[0].size)
    affine = _exact(data, bounds, states)
    proved = levels_proved(affine, start.ravel(), near.ravel(), speeds.ravel(), pad=_PAD)
    return None if proved is None else np.nextafter([float(x) for x in proved], inf).reshape(near.shape)


_BOX = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def _exact(data: ExactGame, bounds: Bounds, states: np.ndarray) -> list[list[Bound]]:
    """Return, for each half-plane, exact bounds of how far rows go, with the multipliers of floats."""
    image, fan, count = bounds.image, bounds.fan, len(bounds.fan)
    normals = [(Fraction(x), Fraction(y)) for x, y in fan.normals.tolist()]
    place, axes = {s: k for k, s in enumerate(states.tolist())}, (fan.left, fan.down)
    leaves = [point for s in range(len(data.game)) for point, _ in data.ends[s]]
    out: list[list[Bound]] = [[] for _ in range(len(states) * count)]
    for a, (number, state) in enumerate(zip(image.rows.tolist(), image.state.tolist(), strict=True)):
        row = int(image.game.origin[number])
        if row >= len(data.state):
            point = leaves[row - len(data.state)]
            for j, n in enumerate(normals):
                out[state * count + j].append((n[0] * point[0] + n[1] * point[1], []))
            continue
        law = {place[s]: chance for s, chance in data.law(row).items()}
        replies = [_reply(data, image, a, i, place) for i in (0, 1)]
        for j, n in enumerate(normals):
            z = [Fraction(x) for x in bounds.multipliers[a, j].tolist()]
            pull = [data.discounts[i] * (n[i] + z[i]) for i in (0, 1)]
            constant = sum(((n[i] + z[i]) * data.now[row][i] - z[i] * replies[i][0] for i in (0, 1)), _ZERO)
            columns = [
                (s * count + axes[i], z[i] * share) for i in (0, 1) for s, share in replies[i][1] if z[i]
            ]
            for faces, weights in zip(bounds.faces, bounds.weights, strict=True):
                k, weight = int(faces[a, j]), Fraction(float(weights[a, j]))
                if weight > 0:
                    columns += [(s * count + k, weight * chance) for s, chance in law.items()]
                    pull = [pull[i] - weight * normals[k][i] for i in (0, 1)]
            constant += sum((x for x in pull if x > 0), _ZERO)
            out[state * count + j].append((constant, columns))
    return out


def _reply(
    data: ExactGame, image: Image, a: int, i: int, place: dict[int, int]
) -> tuple[Fraction, list[tuple[int, Fraction]]]:
    """Return a threshold of player i as a constant, and how much it falls with each state's lowest payoff."""
    own = data.own(int(data.state[int(image.game.origin[image.rows[a]])]), i)
    if image.leaves[a, i] and own is not None:
        return own, []
    reply = int(image.game.origin[image.best[a, i]])
    return data.now[reply][i], [
        (place[s], data.discounts[i] * chance) for s, chance in data.law(reply).items()
    ]
