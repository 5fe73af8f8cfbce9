"""The fixed point of a structure in all states at once, by Newton.

A *structure* says for every vertex of every state which profile generates it and where its continuation lies:
where a constraint binds, on an edge of the continuation set, which moves one vertex of one state and holds
those of the others; else at one vertex of each state, the farthest in the direction of the vertex itself. The
vertices then solve a small bilinear system, whose cost does not depend on the discount factors.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import VERTEX
from bargaining.equilibria._plane.minkowski import Fan
from bargaining.equilibria._plane.model import Model
from bargaining.equilibria._plane.operator import Image, Tag
from bargaining.equilibria._plane.polygon import Point, Polygon, hull, outline
from bargaining.equilibria.stochastic._search.directions import directions, later, outward

_FEW = 48  # points up to which their hull is found without NumPy
LARGEST = 600  # vertices beyond which the system is not worth its solution


class Structure(NamedTuple):
    """Polygons, how each vertex is generated, and a direction in which it is the farthest.

    The direction is an angle turned a quarter left, so it compares with the angles of edges: those below it have
    been passed on the way to the vertex.
    """

    polygons: list[Polygon]
    tags: list[list[Tag]]
    angles: list[list[float]]


def settled(model: Model, image: Image, source: list[Polygon], threat: Floats) -> Structure | None:
    """Return the structure of `image`, the operator's value at `source`, with its repetitions played out.

    What constraints hold stays as it is. A vertex that none holds is continued with the farthest vertices in
    its own direction, whose payoffs solve a linear system; it is dropped if the players would not go along.
    """
    if not 0 < sum(map(len, image.polygons)) <= LARGEST:
        return None
    rows, fan, angle = model.rows, Fan(image.polygons), [*chain(*directions(model, image, source))]
    tags, lows = [*chain(*image.tags)], pairs(threat)
    moving = [k for k, tag in enumerate(tags) if tag[0] == VERTEX]
    sources = [fan.at[bisect_left(fan.angle, later(model, angle[k]))] for k in moving]
    z = _played_out(model, fan.vertices, moving, [tags[k][1] for k in moving], sources)
    stands = []
    for k, at in zip(moving, sources, strict=True):
        row = tags[k][1]
        x, y = rows.thresholds(row, lows)
        onward = [sum([share * z[at[s]][i] for s, share in rows.laws[rows.law[row]]]) for i in (0, 1)]
        if onward[0] >= x - model.slack and onward[1] >= y - model.slack:
            stands.append(k)
    return _gathered(model, image, fan, z, angle, stands)


def _played_out(
    model: Model, vertices: list[Point], moving: list[int], played: list[int], sources: list[tuple[int, ...]]
) -> list[Point]:
    """Return the vertices with those that move where playing their rows and going on from their sources leads."""
    if not moving:
        return vertices
    rows, place = model.rows, {k: n for n, k in enumerate(moving)}
    matrix, known = np.zeros((len(moving), len(moving))), []
    for n, (row, at) in enumerate(zip(played, sources, strict=True)):
        x = y = 0.0
        for s, share in rows.laws[rows.law[row]]:
            if at[s] in place:
                matrix[n, place[at[s]]] += share
            else:
                p, q = vertices[at[s]]
                x, y = x + share * p, y + share * q
        (nx, ny), (dx, dy) = rows.now[row], rows.delta
        known.append((nx + dx * x, ny + dy * y))
    right, each = np.array(known), np.eye(len(moving))
    if model.common:
        solved = np.linalg.solve(each - rows.delta[0] * matrix, right).tolist()
    else:
        solved = [np.linalg.solve(each - rows.delta[i] * matrix, right[:, i]).tolist() for i in (0, 1)]
        solved = list(zip(*solved, strict=True))
    out = list(vertices)
    for k, (x, y) in zip(moving, solved, strict=True):
        out[k] = x, y
    return out


def plain(model: Model, image: Image, source: list[Polygon]) -> Structure:
    """Return the structure of `image`, the operator's value at `source`, as it is."""
    return Structure(image.polygons, image.tags, directions(model, image, source))


def _gathered(
    model: Model, image: Image, fan: Fan, z: list[Point], angle: list[float], stands: list[int]
) -> Structure:
    """Return the hulls of what constraints hold and of the vertices that stand without."""
    out = Structure([], [], [])
    tags = [*chain(*image.tags)]
    for (low, high), held in zip(pairwise(fan.first), image.held, strict=True):
        free = [k for k in stands if low <= k < high]
        polygon, chosen = convex(held.points + [z[k] for k in free])
        every = held.tags + [tags[k] for k in free]
        angles = outward(model, polygon)
        if len(chosen) == 1 and chosen[0] >= len(held.tags):
            angles[0] = angle[free[chosen[0] - len(held.tags)]]
        out.polygons.append(polygon)
        out.tags.append([every[k] for k in chosen])
        out.angles.append(angles)
    return out


def convex(vertices: list[Point]) -> tuple[Polygon, list[int]]:
    chosen = hull(vertices) if len(vertices) <= _FEW else outline(np.array(vertices).T)
    return [vertices[k] for k in chosen], chosen


def pairs(flat: Floats) -> list[Point]:
    return [(x, y) for x, y in flat.reshape(-1, 2).tolist()]
