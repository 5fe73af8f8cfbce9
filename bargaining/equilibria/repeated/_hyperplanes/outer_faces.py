r"""Outer bounds on equilibrium payoffs of n players: half-spaces moved inwards until the operator moves none.

The set :math:`\{w : Hw \le c\}` is mapped, profile by profile, to the payoffs
:math:`(1-\delta) g(a) + \delta w` with :math:`w \ge b(a)`. A bound on the best of them in a direction h is
any dual solution: :math:`y, z \ge 0` with :math:`H^\top y - z = \delta h` gives :math:`c \cdot y - b \cdot z`, and
:math:`b(a)` moves one for one with the threat, a level itself. So the basis of each pair of a direction and a
profile bounds the operator by an affine function of the levels, whatever they are.

For given bases the greatest fixed point of the largest of these functions is found by policy iteration over the
profiles. It bounds the payoffs if the functions contract, which speeds z > 0 with Mz < z for all their slopes M
show: then their iterates from the levels known before, all of them bounds, end there. Then each basis is made
optimal for the new levels, and so on until none changes. Everything is in the unit box.

A symmetry of the game permutes the directions, and their levels are the same. So there are functions for one direction
of each orbit alone, and of the profiles that the symmetries leaving it as it is map to each other for one alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, settled
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._symmetries import Orbits
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.programs import Bases, Flags, Indices, pivot, reach

_ROUNDS = 60  # of the operator; the half-spaces hold after any number
_PIVOTS = 100  # a face; the values that are left out are too high, never too low
_POINTS = 11  # digits of points that are the same
_STILL = 1e-13  # rounding of a level, in the unit box


@dataclass(slots=True, eq=False)
class Outer:
    """Half-spaces around the equilibrium payoffs, and the bases that prove them."""

    profiles: Profiles
    orbits: Orbits  # of the directions
    levels: Floats  # (h,)
    alive: Flags  # (a,)
    bases: Bases  # one a pair of a direction and a live profile, whose rows are the floors and the directions
    faces: Indices  # (p,) the direction of each, one of its orbit
    steps: int = 0
    budget: Budget = field(default_factory=Budget)

    @classmethod
    def around(cls, profiles: Profiles, directions: Floats, budget: Budget) -> Outer:
        """Start from the feasible payoffs."""
        n, alive = profiles.discounts.size, np.ones(len(profiles.payoffs), bool)
        orbits = profiles.group.orbits(np.vstack([np.eye(n), -np.eye(n), directions]))
        pairs = _boxed(profiles, orbits, alive)
        outer = cls(profiles, orbits, profiles.reach(orbits.rows), alive, *pairs, budget=budget)
        if profiles.outside is not None:
            outer.levels[n : 2 * n] = -profiles.outside
        outer.levels = outer.levels[orbits.first]
        return outer

    @property
    def directions(self) -> Floats:
        """The normals, shape (h, n), the axes first: e_0, ..., e_n-1, -e_0, ..., -e_n-1."""
        return self.orbits.rows

    @property
    def threat(self) -> Floats:
        """A lower bound on the threat."""
        n = self.directions.shape[1]
        outside = self.profiles.outside
        return -self.levels[n : 2 * n] if outside is None else outside

    def extend(self, directions: Floats) -> None:
        """Add half-spaces, and those symmetric to them; what is known stays valid."""
        first = len(self.directions)
        orbits = self.profiles.group.orbits(np.vstack([self.directions, directions]))
        new = orbits.rows[first:]
        if not len(new):
            return
        levels = np.append(self.levels, np.minimum(self.profiles.reach(new), self.reach(new)))
        self.orbits, self.levels = orbits, levels[orbits.first]
        bases, faces = _boxed(self.profiles, orbits, self.alive, first)
        self.bases, self.faces = self.bases.joined(bases), np.append(self.faces, faces)

    def narrowed(self, given: int, directions: Floats) -> Outer:
        """Return half-spaces in the first few directions and in others, at the levels implied by the present ones."""
        orbits = self.profiles.group.orbits(np.vstack([self.directions[:given], directions]))
        levels = np.append(self.levels[:given], self.reach(orbits.rows[given:]))[orbits.first]
        bases, faces = _boxed(self.profiles, orbits, self.alive)
        return Outer(self.profiles, orbits, levels, self.alive.copy(), bases, faces, self.steps, self.budget)

    def reach(self, directions: Floats) -> Floats:
        """Return bounds on payoffs in other directions."""
        return reach(self.directions, self.levels, directions)

    def shrink(self) -> bool:
        """Apply the operator until nothing changes; say whether anything is left."""
        for _ in range(_ROUNDS):
            if self.budget.spent:  # the half-spaces hold all the same
                break
            self.budget.spend(len(self.faces))
            before, lived = self.levels, self.alive.sum()
            self._raise()
            self._optimise()
            if not self.alive.any():
                return self._left()
            self._raise()
            self.levels = settled(self._affine(), self.levels[self.orbits.chosen])[self.orbits.slots]
            self.steps += 1
            if (before - self.levels).max() <= _STILL and lived == self.alive.sum():
                break
        return True

    def touching(self) -> Floats:
        """Return points where the half-spaces touch the image of the set."""
        outside = self.profiles.outside
        if not self.alive.any():
            return np.empty((0, self.directions.shape[1])) if outside is None else outside[None]
        functions = self._affine()
        best = functions.largest(functions.at(self.levels[self.orbits.chosen]))
        played = best < len(self.faces)
        part = self.bases.take(best[played])
        points = np.tile(np.zeros_like(self.threat) if outside is None else outside, (len(best), 1))
        points[played] = self.profiles.now()[part.owners] + self.profiles.discounts * part.points(
            self._rights()
        )
        return self.profiles.group.orbits(points, _POINTS).rows

    def _left(self) -> bool:
        """Keep only leaving, once nothing can be played; say whether that is an outcome."""
        outside = self.profiles.outside
        if outside is None:
            return False
        self.levels = self.directions @ outside
        return True

    def _raise(self) -> None:
        """Raise the threat: no player gets less than her payoff from the best reply to some live profile."""
        if self.profiles.outside is None and self.alive.any():
            n = self.directions.shape[1]
            self.levels = self.levels.copy()
            lowest = self.profiles.best[self.alive].min(axis=0)
            self.levels[n : 2 * n] = np.minimum(self.levels[n : 2 * n], -lowest)

    def _normals(self) -> Floats:
        return np.vstack([-np.eye(self.directions.shape[1]), self.directions])

    def _rights(self) -> Floats:
        low = self.profiles.floors(self.threat)
        return np.hstack([-low, np.broadcast_to(self.levels, (len(low), self.levels.size))])

    def _affine(self, chosen: Indices | None = None) -> Affine:
        """Return the bounds of the pairs as functions of the chosen levels; of all, and of leaving, by default."""
        bases, faces, slots = self.bases, self.faces, self.orbits.slots
        if chosen is not None:
            bases, faces = bases.take(chosen), faces[chosen]
        n, outside = self.directions.shape[1], self.profiles.outside
        weights, rest = bases.repaired(self._normals())
        floor = bases.rows < n
        player = np.where(floor, bases.rows, 0)
        low = self.profiles.floors(np.zeros(n) if outside is None else outside)[bases.owners[:, None], player]
        constant = (self.profiles.now()[bases.owners] * self.directions[faces]).sum(axis=1)
        # Payoffs lie in the unit box, so that what the multipliers leave of a pull is worth no more than this.
        constant += np.maximum(rest, 0.0).sum(axis=1) - np.where(floor, weights * low, 0.0).sum(axis=1)
        if outside is None:
            return Affine(slots[faces], constant, weights, slots[np.where(floor, n + player, bases.rows - n)])
        columns = slots[np.where(floor, 0, bases.rows - n)]
        found = Affine(slots[faces], constant, np.where(floor, 0.0, weights), columns)
        return (
            found if chosen is not None else found.and_at_least(self.directions[self.orbits.chosen] @ outside)
        )

    def _optimise(self) -> None:
        """Make bases optimal, from the highest bound of each direction down, until no other bound is higher."""
        normals, rights, n = self._normals(), self._rights(), self.directions.shape[1]
        levels = self.levels[self.orbits.chosen]
        values = self._affine(np.arange(len(self.faces))).at(levels)
        done = np.zeros(len(self.faces), bool)
        # solved for every profile, lest a dead one passes for alive
        shows = (self.faces >= n) & (self.faces < 2 * n)
        for _ in range(_PIVOTS):
            best = np.full(len(self.directions), -np.inf)
            np.maximum.at(best, self.faces[done], values[done])
            left = np.flatnonzero(~done & (shows | (values > best[self.faces] + _STILL)))
            if not left.size:
                break
            self.budget.spend(left.size)
            optimal, empty = pivot(normals, rights, self.bases, left)
            dying = np.isin(self.profiles.classes, self.profiles.classes[self.bases.owners[left[empty]]])
            self.alive[dying] = False
            dead = ~self.alive[self.bases.owners]
            done[left[optimal]] = True
            left = left[~optimal]
            values[left] = self._affine(left).at(levels)
            done[dead], values[dead] = True, -np.inf
        kept = self.alive[self.bases.owners]
        self.bases, self.faces = self.bases.take(kept), self.faces[kept]


def _boxed(profiles: Profiles, orbits: Orbits, alive: Flags, first: int = 0) -> tuple[Bases, Indices]:
    """Return the pairs of directions from the first on and live profiles, one of each orbit, bounded by the axes."""
    n, directions = orbits.rows.shape[1], orbits.rows
    chosen = [k for k in orbits.chosen.tolist() if k >= first]
    playable = [
        np.flatnonzero(alive & (profiles.group.classes(directions[k]) == np.arange(alive.size)))
        for k in chosen
    ]
    faces = np.repeat(np.array(chosen, np.intp), [own.size for own in playable])
    pulls = directions[faces] * profiles.discounts
    rows = np.where(pulls > 0, n + np.arange(n), np.arange(n))
    owners = np.concatenate([*playable, np.empty(0, np.intp)])
    return Bases.at(np.vstack([-np.eye(n), directions]), pulls, owners, rows), faces
