r"""Permutations of players, with their actions, that leave a game unchanged.

Player :math:`\pi(i)` takes the action that i took. Where payoffs, transitions, discount factors and exits stay the
same, and chances of signals up to the signals' names, payoffs v are those of an equilibrium if and only if the
payoffs :math:`v'_{\pi(i)} = v_i` are.
"""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._rows import Indices, once

if TYPE_CHECKING:
    from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles

_ROUNDING = 1e-13  # in the unit box: sums in another order differ by less
_PLAYERS = 6  # whose permutations are tried


class Symmetries(NamedTuple):
    """A group of permutations, the identity first."""

    players: Indices  # (G, n) which player each becomes
    rows: Indices  # (G, N) and which row

    @classmethod
    def of(cls, profiles: Profiles) -> Symmetries:
        """Return all of a game of few players."""
        n, results = profiles.discounts.size, np.vstack([profiles.payoffs, profiles.outside, profiles.gone])
        laws = np.zeros((len(profiles.payoffs), profiles.states))
        np.add.at(laws, (np.arange(len(laws))[:, None], profiles.ahead), profiles.chances)
        signals = laws[:, :0] if profiles.limits is None else profiles.chances
        found = []
        for order in permutations(range(n)) if n <= _PLAYERS else [tuple(range(n))]:
            players, rows, first = list(order), list[Indices](), 0
            for shape in profiles.shapes:
                if any(shape[k] != size for k, size in zip(order, shape, strict=True)):
                    break
                rows.append(first + np.arange(np.prod(shape)).reshape(shape).transpose(order).ravel())
                first += len(rows[-1])
            else:
                moved = np.concatenate(rows)
                pairs = [
                    (profiles.discounts[players], profiles.discounts),
                    (results[np.append(moved, np.arange(len(moved), len(results)))][:, players], results),
                    (laws[moved], laws),
                    (_sorted(signals[moved]), _sorted(signals)),
                ]
                if all(np.allclose(new, old, rtol=0.0, atol=_ROUNDING) for new, old in pairs):
                    found.append((order, moved))
        return cls(*(np.array(part, np.intp) for part in zip(*found, strict=True)))

    @classmethod
    def none(cls, players: int, rows: int) -> Symmetries:
        """Return the identity alone."""
        return cls(np.arange(players)[None], np.arange(rows)[None])

    def orbits(self, directions: Floats, digits: int) -> tuple[Floats, Indices, Indices]:
        """Return directions with their images, one of the orbit of each, and the permutation that leads from it."""
        rows = directions[once(directions, digits)[0]]
        images = rows[:, self.players.argsort(axis=1)]
        different, places = once(np.vstack([rows, images.reshape(-1, rows.shape[1])]), digits)
        places = places[len(rows) :].reshape(len(rows), -1)
        first = np.full(len(different), len(rows))
        np.minimum.at(first, places, np.arange(len(rows))[:, None])
        by = (places[first] == np.arange(len(first))[:, None]).argmax(axis=1)
        return images[first, by], first, by

    def representatives(self, direction: Floats, digits: int) -> Indices:
        """Return one row of those that the permutations which leave a direction as it is map to each other."""
        images = direction[self.players.argsort(axis=1)].round(digits)
        own = self.rows[(images == direction.round(digits)).all(axis=1)]
        return np.flatnonzero(own.min(axis=0) == np.arange(own.shape[1]))


def _sorted(columns: Floats) -> Floats:
    return np.asarray(columns[:, np.lexsort(columns)] if columns.size else columns)
