"""Many small games at once: map them to the unit box in arrays, search in one call of the extension, and map back.

The extension takes the same steps as `Search`, on the same numbers, so answers have the same bits as one by one. A game
that the extension leaves unsolved is solved by `Search`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria import _compiled
from bargaining.equilibria._plane.kinds import LEAVE, STATIC
from bargaining.equilibria._plane.polygon import lowest
from bargaining.equilibria.payoff_polygon import Stats
from bargaining.equilibria.repeated._search.operator import FEW
from bargaining.equilibria.repeated._search.scaled import Answer, Scaled
from bargaining.equilibria.repeated._search.search import Search

_BLOCK = 512  # games in a call: its input and output stay in the processor's cache
_VERTICES = 16  # the most that the extension returns
_NEAR = 1e-14  # of the unit box: a number this close to a given one is replaced by it
_ENDED = (  # in the extension's numbering
    "",
    "nothing is left",
    "the operator maps the set to itself",
    "the structure's fixed point is proved to be the largest",
)


def searched(payoffs: Floats, discounts: Floats, ends: Floats | None) -> list[Answer | None]:
    """Return the payoff set of each game; None where the extension leaves the game to `Search`.

    Parameters
    ----------
    payoffs : ndarray of shape (G, 2, a_1, a_2)
    discounts : ndarray of shape (G,)
        Common to the players, above `IMPATIENT`.
    ends : ndarray of shape (G, 2), optional
        The payoffs of leaving, if both may leave and the payoffs do not depend on who does.
    """
    count = len(payoffs)
    if _compiled.kernel is None or payoffs[0, 0].size > FEW:
        return [None] * count
    out: list[Answer | None] = []
    for first in range(0, count, _BLOCK):
        part = slice(first, first + _BLOCK)
        out += _block(payoffs[part], discounts[part], None if ends is None else ends[part])
    return out


def searched_alone(scaled: Scaled) -> Search | None:
    """Return the finished search for the set of one small game; None if the extension leaves it to `Search`."""
    block, leaving = scaled.block, scaled.block.floor is not None
    if _compiled.kernel is None:
        return None
    arrays = [block.payoffs, block.best, block.now, block.gain]
    blocks = np.array([[each] for each in ([*arrays, block.floor] if leaving else arrays)])
    numbers, found = np.empty((1, 1 + 2 * _VERTICES)), np.zeros((1, 4 + 2 * _VERTICES), dtype=np.intp)
    patience, own = np.array([block.discounts[:, 0]]), np.array([scaled.own])
    if _compiled.kernel.search(blocks, patience, own, numbers, found, leaving) is None:
        return None
    (ended, iterations, solves, size, *how), (*points, bound) = found[0].tolist(), numbers[0].tolist()
    if not ended:
        return None
    polygon = [*zip(points[: 2 * size : 2], points[1 : 2 * size : 2], strict=True)]
    kinds = zip(how[: 2 * size : 2], how[1 : 2 * size : 2], strict=True)
    tags = [(kind, profile, 0 if kind == LEAVE else -1) for kind, profile in kinds]
    threat = lowest(polygon) if polygon else (np.nan, np.nan)
    stopped = _ENDED[ended]
    return Search(block, block, scaled.own, polygon, tags, threat, threat, iterations, solves, stopped, bound)


@dataclass(frozen=True, slots=True, eq=False)
class _Games:
    """The payoffs of some games, and those of the best deviations, shape (G, 2, profiles); and those of leaving."""

    payoffs: Floats
    best: Floats
    ends: Floats | None


def _block(payoffs: Floats, discounts: Floats, ends: Floats | None) -> list[Answer | None]:
    count = len(payoffs)
    best = np.empty_like(payoffs)
    best[:, 0], best[:, 1] = payoffs[:, 0].max(axis=1)[:, None], payoffs[:, 1].max(axis=2)[:, :, None]
    games = _Games(payoffs.reshape(count, 2, -1), best.reshape(count, 2, -1), ends)
    low, high = games.payoffs.min(axis=2), games.payoffs.max(axis=2)
    span = (high - low).max(axis=1)
    if ends is not None:
        low, high = np.minimum(low, ends), np.maximum(high, ends)
    size = high - low
    size[size == 0.0] = 1.0
    delta = discounts[:, None, None]
    blocks = np.empty((4 if ends is None else 5, count, 2, games.payoffs.shape[2]))
    unit, unit_best, now, gain = blocks[:4]
    unit[...] = (games.payoffs - low[:, :, None]) / size[:, :, None]
    unit_best[...] = (games.best - low[:, :, None]) / size[:, :, None]
    now[...] = (1.0 - delta) * unit
    gain[...] = (1.0 - delta) / delta * (unit_best - unit)
    own = np.zeros((count, 2)) if ends is None else (ends - low) / size
    if ends is not None:
        blocks[4] = (own[:, :, None] - now) / delta
    numbers = np.empty((count, 1 + 2 * _VERTICES))
    found = np.zeros((count, 4 + 2 * _VERTICES), dtype=np.intp)
    patience = np.repeat(discounts[:, None], 2, axis=1)
    assert _compiled.kernel is not None
    if _compiled.kernel.search(blocks, patience, own, numbers, found, ends is not None) is None:
        return [None] * count
    points, how = numbers[:, :-1].reshape(count, _VERTICES, 2), found[:, 4:].reshape(count, _VERTICES, 2)
    vertices, threats = _back(games, unit_best, own, low, size, points, how, found[:, 3])
    vertices.flags.writeable = threats.flags.writeable = False
    rows = zip(found[:, :4].tolist(), numbers[:, -1].tolist(), span.tolist(), vertices, threats, strict=True)
    return [
        Answer(
            corners[:size],
            (),
            threat,
            width,
            Stats(iterations=iterations, solves=solves, stopped=_ENDED[ended], bound=bound),
        )
        if ended
        else None
        for (ended, iterations, solves, size), bound, width, corners, threat in rows
    ]


def _back(
    games: _Games,
    unit_best: Floats,
    own: Floats,
    low: Floats,
    size: Floats,
    points: Floats,
    how: NDArray[np.intp],
    counts: NDArray[np.intp],
) -> tuple[Floats, Floats]:
    """Return vertices and threats in the unit of the payoffs, as `Scaled.back` does."""
    count, most = points.shape[0], max(int(counts.max(initial=0)), 1)
    points, how = points[:, :most], how[:, :most]
    each, there = np.arange(count), np.arange(most) < counts[:, None]
    kinds, profiles = how[:, :, 0], how[:, :, 1]
    points = np.where(there[:, :, None], points, np.inf)
    raw = low[:, None] + size[:, None] * points
    game, vertex = np.nonzero(there & (kinds == STATIC))
    raw[game, vertex] = games.payoffs[game, :, profiles[game, vertex]]
    if games.ends is not None:
        game, vertex = np.nonzero(there & (kinds == LEAVE))
        raw[game, vertex] = games.ends[game]
    threats = np.empty((count, 2))
    for i in (0, 1):
        k = points[:, :, i].argmin(axis=1)
        least, profile = np.where(counts > 0, points[each, k, i], 0.0), profiles[each, k]
        is_best = (profile >= 0) & (np.abs(unit_best[each, i, profile] - least) < _NEAR)
        threats[:, i] = np.where(is_best, games.best[each, i, profile], raw[each, k, i])
        if games.ends is not None:
            threats[:, i] = np.where(np.abs(own[:, i] - least) < _NEAR, games.ends[:, i], threats[:, i])
        game, vertex = np.nonzero(points[:, :, i] - least[:, None] < _NEAR)
        raw[game, vertex, i] = threats[game, i]
    threats[counts == 0] = np.nan
    lowest = raw[:, :, 0] == raw[:, :, 0].min(axis=1)[:, None]
    first = np.where(lowest, raw[:, :, 1], np.inf).argmin(axis=1)
    turned = (first[:, None] + np.arange(most)) % np.maximum(counts, 1)[:, None]
    return raw[each[:, None], turned], threats
