"""The symmetries of a game with a public signal, and what they make of directions, multipliers and points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._rows import once
from bargaining.equilibria._symmetries import Group, Orbits, symmetries
from bargaining.equilibria.repeated._monitored.data import deviations
from bargaining.equilibria.repeated._monitored.programs import Indices, Programs, Promises
from bargaining.games.repeated import RepeatedGame

_DIGITS = 11  # of points that are the same
_ALIKE = 9  # of points in one orbit, which rounding has moved apart


@dataclass(frozen=True, slots=True, eq=False)
class Renamings:
    """A group of G symmetries.

    Attributes
    ----------
    group : Group
        How they rename players and profiles.
    signals : (G, S) array of int
        How they rename signals.
    rows : (G, P, K) array of int
        How they rename the rows of each profile's program.
    """

    group: Group
    signals: Indices
    rows: Indices

    @classmethod
    def of(cls, repeated: RepeatedGame, programs: Programs) -> Renamings:
        """Return those of a game with the programs of its profiles; the identity is the first."""
        found, speakers = symmetries(repeated), programs.views.argmax(axis=1)
        others = [other for _, other in deviations(repeated.game.shape)]
        here = np.arange(repeated.game.payoffs[..., 0].size)
        # A row is known by its player and the profile to which she leads; who stays leads nowhere.
        leads = np.stack(others + [here] * (speakers.size - len(others)), axis=1)  # (P, K)
        rows = [
            (
                (one.players[speakers] == speakers[:, None])
                & (one.profiles[leads][:, None] == leads[one.profiles][:, :, None])
            ).argmax(axis=1)
            for one in found
        ]
        group = Group(np.array([one.players for one in found]), np.array([one.profiles for one in found]))
        return cls(group, np.array([one.signals for one in found]), np.array(rows))

    @classmethod
    def none(cls, programs: Programs) -> Renamings:
        """Return the identity alone."""
        (profiles, n), (rows, signals) = programs.now.shape, programs.weights.shape[1:]
        group = Group(np.arange(n)[None], np.arange(profiles)[None])
        return cls(group, np.arange(signals)[None], np.tile(np.arange(rows), (1, profiles, 1)))

    def among(self, kept: Indices) -> Renamings:
        """Return the same for some profiles, which the symmetries permute."""
        place = np.zeros(self.rows.shape[1], dtype=np.intp)
        place[kept] = np.arange(kept.size)
        group = Group(self.group.players, place[self.group.profiles[:, kept]])
        return Renamings(group, self.signals, self.rows[:, kept])

    def spread(self, multipliers: Floats, orbits: Orbits) -> Floats:
        """Return multipliers (P, F, K) of all directions, from those of one of each orbit."""
        out = multipliers.copy()
        for g, rows in enumerate(self.rows):
            at = np.flatnonzero((orbits.by == g) & (orbits.first != np.arange(orbits.first.size)))
            to = self.group.profiles[g][:, None, None]
            out[to, at[:, None], rows[:, None, :]] = multipliers[:, orbits.first[at]]
        return out

    def completed(self, promises: Promises) -> Promises:
        """Return points with their images, each once."""
        points, owners, continuations = [], [], []
        for g in range(len(self.rows)):
            points.append(self.group.moved(promises.points, np.full(len(promises.points), g)))
            own, played = promises.owners.copy(), promises.owners >= 0  # who leaves gets what others get
            own[played] = self.group.profiles[g][own[played]]
            owners.append(own)
            after = np.empty_like(promises.continuations)
            after[:, self.signals[g][:, None], self.group.players[g]] = promises.continuations
            continuations.append(after)
        every = Promises(np.concatenate(points), np.concatenate(owners), np.concatenate(continuations))
        return every.take(once(every.points, _DIGITS)[0])

    def closed(self, points: Floats, kept: Indices) -> Indices:
        """Return which points are images of those that are kept."""
        orbit = self.group.alike(points, _ALIKE)
        return np.flatnonzero(np.isin(orbit, orbit[kept]))
