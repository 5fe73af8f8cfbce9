"""Many exits from one game: what they have in common is worked out once.

The more there is to gain by leaving, and the more outcomes leaving has, the smaller or larger the operator; with
every exit's outcomes and, for each player, the lowest of the payoffs from leaving, it is larger than each exit's own.
So the largest fixed point of that operator contains every exit's set: it is where each search starts,
with the few profiles that can still be played there. Neighbours share a structure, which is tried first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._operator import LEAVE, Leave
from bargaining.equilibria._polygon import Polygon
from bargaining.equilibria._scaled import Scaled
from bargaining.equilibria._shared import alike
from bargaining.games.repeated import Exit, RepeatedGame

_WINDOW = (
    12  # so many of the next exits are tried with a structure, twice as many each time that all share it
)
_CHUNK = 8


def sweep(cells: Sequence[RepeatedGame], limit: int) -> list[tuple[Scaled, Search]]:
    """Return the finished search of each cell: one game, one pair of discount factors, an exit each."""
    exits = [cell.exit for cell in cells if cell.exit is not None]
    base = Scaled.of(cells[0], beside=exits)
    if base.block.common and base.block.discounts.item(0) > 0.0 and all(map(_open, exits)):
        return _shared(base, cells, exits, limit)
    scaled = [base.leaving(cell, leave) for cell, leave in zip(cells, exits, strict=True)]
    if not base.block.common:
        return [(one, one.solve(limit)) for one in scaled]
    return _chunks(scaled, limit)


def _open(leaving: Exit) -> bool:
    """Whether all may leave with the same payoffs, so that the threat is known."""
    first, second = leaving.payoffs.tolist()
    return len(leaving.who) == 2 and first == second


def _shared(
    base: Scaled, cells: Sequence[RepeatedGame], exits: list[Exit], limit: int
) -> list[tuple[Scaled, Search]]:
    """Solve one cell after another, and with it all cells near it that share its structure."""
    own = (np.array([leaving.payoffs[0] for leaving in exits]) - base.low) / base.size
    whole = _union(base, own, [Leave((x, y)) for x, y in own.tolist()], limit, None)
    out: dict[int, tuple[Scaled, Search]] = {}
    left = list(range(len(cells)))
    while left:
        k = left.pop(0)
        scaled = base.leaving(cells[k], exits[k])
        search = scaled.solve(limit, within=whole)
        out[k], size, missed = (scaled, search), _WINDOW, 0
        while not missed and (window := left[:size]):
            same = alike(search, own[window], whole)
            for n, polygon in same.items():
                number = window[n]
                out[number] = _finished(scaled, cells[number], own[number], search, polygon)
            left = [n for n in left if n not in out]
            size, missed = 2 * size, len(window) - len(same)
    return [out[k] for k in range(len(cells))]


def _finished(
    scaled: Scaled, cell: RepeatedGame, own: Floats, like: Search, polygon: Polygon
) -> tuple[Scaled, Search]:
    """Return the search for a set that was found by the structure of another exit."""
    first, (x, y) = [kind for kind, _, _ in like.tags].index(LEAVE), own.tolist()
    search = Search(
        root=like.root,
        block=like.block,
        own=(x, y),
        polygon=polygon[first:] + polygon[:first],
        tags=like.tags[first:] + like.tags[:first],
        threat=(x, y),
        solves=1,
        stopped="a neighbour's structure is proved to be the largest fixed point",
        bound=0.0,
    )
    return scaled.relabelled(cell, (x, y)), search


def _chunks(scaled: list[Scaled], limit: int) -> list[tuple[Scaled, Search]]:
    """Search for each cell within a set that holds those of its neighbours, trying the last one's structure."""
    whole = _around(scaled, limit, None)
    out: list[tuple[Scaled, Search]] = []
    for k in range(0, len(scaled), _CHUNK):
        chunk = scaled[k : k + _CHUNK]
        within, like = _around(chunk, limit, whole), None
        for one in chunk:
            like = one.solve(limit, within=within, like=like)
            out.append((one, like))
    return out


def _around(scaled: list[Scaled], limit: int, within: Search | None) -> Search:
    """Search for a set that contains the set of each."""
    own = np.array([one.own for one in scaled])
    leaves = [leave for one in scaled for leave in one.block.leaves]
    return _union(scaled[0], own, leaves, limit, within)


def _union(like: Scaled, own: Floats, leaves: Sequence[Leave], limit: int, within: Search | None) -> Search:
    """Search with every outcome of leaving, and with the least that each player may get by leaving."""
    x, y = own.min(axis=0).tolist()
    outcomes = tuple(Leave(payoffs) for payoffs in sorted({leave.payoffs for leave in leaves}))
    block = replace(like.block, floor=like.staying(np.array([x, y])), leaves=outcomes)
    search = replace(like, block=block, own=(x, y)).search(block, within)
    search.run(limit)
    return search
