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

from bargaining.equilibria._fixed_point import Search
from bargaining.equilibria._operator import Leave
from bargaining.equilibria._scaled import Scaled
from bargaining.games.repeated import RepeatedGame

_CHUNK = 8


def sweep(cells: Sequence[RepeatedGame], limit: int) -> list[tuple[Scaled, Search]]:
    """Return the finished search of each cell: one game, one pair of discount factors, an exit each."""
    base = Scaled.of(cells[0], beside=[cell.exit for cell in cells if cell.exit is not None])
    scaled = [base.leaving(cell, cell.exit) for cell in cells if cell.exit is not None]
    whole = _union(scaled, limit, None)
    out = []
    for k in range(0, len(scaled), _CHUNK):
        chunk = scaled[k : k + _CHUNK]
        within, like = _union(chunk, limit, whole), None
        for one in chunk:
            like = one.solve(limit, within=within, like=like)
            out.append((one, like))
    return out


def _union(scaled: list[Scaled], limit: int, within: Search | None) -> Search:
    """Search for a set that contains the set of each."""
    first = scaled[0]
    own = np.min([one.own for one in scaled], axis=0).tolist()
    floors = [one.block.floor for one in scaled if one.block.floor is not None]
    floor = np.min(floors, axis=0)
    outcomes = {leave.payoffs for one in scaled for leave in one.block.leaves}
    leaves = tuple(Leave(payoffs) for payoffs in sorted(outcomes))
    block = replace(first.block, floor=floor, leaves=leaves)
    search = replace(first, block=block, own=(own[0], own[1])).search(block, within)
    search.run(limit)
    return search
