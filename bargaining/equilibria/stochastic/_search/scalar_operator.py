"""The operator of a stochastic game for a handful of rows, in plain floats.

It gives what the array version gives, up to rounding; a test holds the two together.
"""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import BOTTOM, CORNER, LEAVE, LEFT, RIGHT, SLACK, TOP, VERTEX
from bargaining.equilibria._plane.minkowski import Boundary, Fan
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.operator import Held, Image
from bargaining.equilibria._plane.polygon import Point, Polygon, hull

FEW = 250
"""Up to so many pairs of a row and a vertex this is the faster version."""


def apply_to_few(model: Model, polygons: list[Polygon], threat: Floats, alive: Mask) -> Image:
    """Return what `apply` does."""
    rows, fan, lows = model.rows, Fan(polygons), [(x, y) for x, y in threat.tolist()]
    walks, (dx, dy) = fan.walks(), rows.delta
    boundaries = [fan.boundary(law, walks) if all(polygons[s] for s, _ in law) else None for law in rows.laws]
    live, out = alive.tolist(), Image([], [], np.zeros_like(alive), [])
    for span, leaves in zip(model.states, model.leaves, strict=True):
        held, free = Held([], []), Held([], [])
        for row in range(span.start, span.stop):
            boundary = boundaries[rows.law[row]]
            if not live[row] or boundary is None:
                continue
            needed, (nx, ny) = rows.thresholds(row, lows), rows.now[row]
            floor = max(needed[0], boundary.low[0]), max(needed[1], boundary.low[1])
            bound, loose = _bound(boundary, needed, floor, model.slack), _free(boundary, floor, model.slack)
            held.points.extend([(nx + dx * p, ny + dy * q) for _, p, q in bound])
            held.tags.extend([(kind, row, -1) for kind, _, _ in bound])
            free.points.extend([(nx + dx * p, ny + dy * q) for _, p, q in loose])
            free.tags.extend([(VERTEX, row, k) for k, _, _ in loose])
            out.alive[row] = bool(bound or loose)
        held.points.extend([leave.payoffs for leave in leaves])
        held.tags.extend([(LEAVE, -1, leave.number) for leave in leaves])
        points, tags = held.points + free.points, held.tags + free.tags
        corners = hull(points, merge=model.merge)
        out.polygons.append([points[k] for k in corners])
        out.tags.append([tags[k] for k in corners])
        out.held.append(held)
    return out


def _bound(boundary: Boundary, needed: Point, floor: Point, slack: float) -> list[tuple[int, float, float]]:
    """Return the continuations at which a constraint binds, and which one it is."""
    (x, y), (a, b), low, high = floor, needed, boundary.low, boundary.high
    corner, out = (CORNER, x, y), []
    if low[0] - slack <= a and x <= high[0] + slack and (top := boundary.over(TOP, x)) >= y - slack:
        bottom = boundary.over(BOTTOM, x)
        out += [(TOP, x, top), (BOTTOM, x, bottom) if bottom > b + SLACK else corner]
    if low[1] - slack <= b and y <= high[1] + slack and (right := boundary.over(RIGHT, y)) >= x - slack:
        left = boundary.over(LEFT, y)
        out += [(RIGHT, right, y)]
        if left > a + SLACK:
            out.append((LEFT, left, y))
        elif corner not in out:
            out.append(corner)
    return out


def _free(boundary: Boundary, floor: Point, slack: float) -> list[tuple[int, float, float]]:
    """Return the vertices of the continuations at which no constraint binds, and their positions."""
    x, y = floor[0] - slack, floor[1] - slack
    return [
        (k, p, q) for k, (p, q) in enumerate(zip(boundary.x, boundary.y, strict=True)) if p >= x and q >= y
    ]
