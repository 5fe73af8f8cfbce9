r"""Directions in which a vertex is the farthest, as angles turned a quarter left, and those of its continuation.

Payoffs farthest in the direction n are followed by continuations farthest in the direction :math:`(\delta_i n_i)`:
the same if the players are equally patient, else one nearer to the axis of the patient player.
"""

from __future__ import annotations

from math import atan2, cos, pi, sin

from bargaining.equilibria._plane.kinds import VERTEX
from bargaining.equilibria._plane.minkowski import Fan
from bargaining.equilibria._plane.model import Model
from bargaining.equilibria._plane.operator import Image
from bargaining.equilibria._plane.polygon import Polygon

_END = 1e-3
_TURN = 2 * pi


def later(model: Model, angle: float) -> float:
    """Return the direction in which continuations are the farthest if payoffs are in this one."""
    if model.common:
        return angle
    across, along = model.rows.delta
    turned = atan2(across * sin(angle), along * cos(angle))
    return turned if turned > -pi / 2 else turned + _TURN


def directions(model: Model, image: Image, source: list[Polygon]) -> list[list[float]]:
    """Return, for each vertex, a direction in which it is the farthest.

    A polygon of one vertex takes the direction of the continuation that generates it, a vertex of the sum over
    `source`.
    """
    out = [outward(model, polygon) for polygon in image.polygons]
    single = [s for s, polygon in enumerate(image.polygons) if len(polygon) == 1]
    if single:
        angle = Fan(source).angle
        for s in single:
            kind, _, position = image.tags[s][0]
            if kind == VERTEX and angle:
                around = angle[max(position - 1, 0) : position + 1]
                out[s][0] = sum(around) / len(around)
    return out


def outward(model: Model, polygon: Polygon) -> list[float]:
    """Return a direction for each vertex: the middle of those in which it is the farthest, or where `_lean` says."""
    if len(polygon) < 2:
        return [0.0] * len(polygon)
    angles = [atan2(q - y, p - x) for (x, y), (p, q) in zip(polygon, [*polygon[1:], polygon[0]], strict=True)]
    out = []
    for before, angle in zip([angles[-1], *angles[:-1]], angles, strict=True):
        width = (angle - before) % _TURN
        chosen = before + width * (0.5 if model.common else _lean(model, before, width))
        out.append((chosen + pi / 2) % _TURN - pi / 2)
    return out


def _lean(model: Model, before: float, width: float) -> float:
    """Return a share of a range of angles: near the end to which directions turn as time goes on.

    The patient player's payoffs weigh ever more. From the middle a wide range would lead to its own vertex, as if the
    profile were played for ever; only a range that holds an axis of the patient player does.
    """
    middle = before + width / 2
    turn = (later(model, middle) - middle + pi) % _TURN - pi
    share = 1.0 - _END if turn > 0.0 else _END
    axis = 0.0 if model.rows.delta[0] < model.rows.delta[1] else pi / 2
    for end in (axis, axis + pi):
        ahead = (end - before) % _TURN
        if ahead < width:
            share = ahead / width
    return share
