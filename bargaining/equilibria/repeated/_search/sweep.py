"""Many exits from one game: what they have in common is worked out once.

The more there is to gain by leaving, and the more outcomes leaving has, the smaller or larger the operator; with
every exit's outcomes and, for each player, the lowest of the payoffs from leaving, it is larger than each exit's own.
So the largest fixed point of that operator contains every exit's set: it is where each search and each proof starts,
with the few profiles that can still be played there. And the vertices of most sets are generated in the ways of a few,
which are tried first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.kinds import LEAVE, STATIC, Leave, Tag
from bargaining.equilibria._plane.polygon import hull
from bargaining.equilibria.payoff_polygon import Stats
from bargaining.equilibria.repeated._search.fixed_point import Search
from bargaining.equilibria.repeated._search.scaled import Answer, Scaled
from bargaining.equilibria.repeated._search.shared import together
from bargaining.games.repeated import Exit, RepeatedGame

_APART = 24, 6, 1  # one exit in so many of those that are left is solved by itself, in turns
_MANY = 8  # so many times as many are tried together
_IMPATIENT = 1e-6  # discount factors below which continuations are found from payoffs with few digits
_CHUNK = 8  # games next to each other that share a set around theirs
_STOPPED = "the fixed point of ways that generate a neighbour's vertices is proved to be the largest"


def sweep(cells: Sequence[RepeatedGame], limit: int, effort: Effort) -> list[Answer]:
    """Return the answer of each cell: one game, one pair of discount factors, an exit each."""
    exits = [cell.exit for cell in cells if cell.exit is not None]
    base = Scaled.of(cells[0], beside=exits)
    plain = base.block.common and not cells[0].has_fractions
    if plain and base.block.discounts.item(0) > _IMPATIENT and all(map(_open, exits)):
        return _shared(base, cells, exits, limit, effort)
    scaled = [base.leaving(cell, leave) for cell, leave in zip(cells, exits, strict=True)]
    if not base.block.common:
        return [one.back(one.solve(limit, effort)) for one in scaled]
    return _chunks(scaled, limit, effort)


def _open(leaving: Exit) -> bool:
    """Whether all may leave with the same payoffs, so that the threat is known."""
    first, second = leaving.payoffs.tolist()
    return len(leaving.who) == 2 and first == second


def _shared(
    base: Scaled, cells: Sequence[RepeatedGame], exits: list[Exit], limit: int, effort: Effort
) -> list[Answer]:
    """Solve a few cells by themselves, and the others together, in the ways that generate the vertices of these."""
    given = np.array([leaving.payoffs[0] for leaving in exits])
    out: dict[int, Answer] = {}
    tags: set[Tag] = set()
    left = list(range(len(exits)))
    for apart in _APART:
        for k in left[::apart]:
            one = base.leaving(cells[k], exits[k])
            search = one.solve(limit, effort)
            out[k] = one.back(search)
            tags.update(search.tags)
        left = [k for k in left if k not in out]
        for first in range(0, len(left), _MANY * apart):
            out |= _together(base, given, left[first : first + _MANY * apart], tags, limit, effort)
        left = [k for k in left if k not in out]
    return [out[k] for k in range(len(exits))]


def _together(
    base: Scaled, given: Floats, numbers: list[int], tags: set[Tag], limit: int, effort: Effort
) -> dict[int, Answer]:
    """Return the answers for exits, of those with the numbers, whose vertices are generated in known ways."""
    own = (given[numbers] - base.low) / base.size
    whole = _union(base, own, [Leave((x, y)) for x, y in own.tolist()], limit, effort, None)
    exits, points, kinds, profiles = together(whole, own, tags)
    threats, leaves = given[numbers][exits], kinds == LEAVE
    vertices = base.low + base.size * points
    vertices[kinds == STATIC] = base.payoffs.T[profiles[kinds == STATIC]]
    vertices = np.where(np.abs(points - own[exits, None]) < 1e-14, threats[:, None], vertices)
    vertices.flags.writeable = threats.flags.writeable = False
    how = np.stack([kinds, profiles, leaves - 1], axis=2).tolist()
    sizes = 1 + np.count_nonzero(~leaves, axis=1)
    stats = Stats(iterations=0, solves=1, stopped=_STOPPED, bound=0.0)
    rows = zip(exits.tolist(), sizes.tolist(), vertices, how, threats, strict=True)
    return {
        numbers[k]: Answer(points[:n], tuple(map(tuple, tags[:n])), threat, base.span, stats)
        for k, n, points, tags, threat in rows
    }


def _chunks(scaled: list[Scaled], limit: int, effort: Effort) -> list[Answer]:
    """Search for each cell within a set that holds those of its neighbours, trying the last one's structure."""
    whole = _around(scaled, limit, effort, None)
    out = []
    for k in range(0, len(scaled), _CHUNK):
        chunk = scaled[k : k + _CHUNK]
        within, like = _around(chunk, limit, effort, whole), None
        for one in chunk:
            like = one.solve(limit, effort, within=within, like=like)
            out.append(one.back(like))
    return out


def _around(scaled: list[Scaled], limit: int, effort: Effort, within: Search | None) -> Search:
    """Search for a set that contains the set of each."""
    own = np.array([one.own for one in scaled])
    leaves = [leave for one in scaled for leave in one.block.leaves]
    return _union(scaled[0], own, leaves, limit, effort, within)


def _union(
    like: Scaled,
    own: Floats,
    leaves: Sequence[Leave],
    limit: int,
    effort: Effort,
    within: Search | None,
) -> Search:
    """Search with every outcome of leaving, and with the least that each player may get by leaving."""
    x, y = own.min(axis=0).tolist()
    payoffs = [leave.payoffs for leave in leaves]
    outcomes = tuple(Leave(payoffs[k]) for k in hull(payoffs))
    block = replace(like.block, floor=like.staying(np.array([x, y])), leaves=outcomes)
    search = replace(like, block=block, own=(x, y)).search(block, within)
    search.budget = effort.budget()
    search.run(limit)
    return search
