r"""Half-spaces around the equilibrium payoffs of each state of a game.

How far profile a of state s goes in direction h is a linear program over continuations below half-spaces that meet the
constraints of a (see `programs`). So multipliers y of half-spaces and z of constraints bound it by

.. math:: h \cdot (1-\delta) g(a) + \sum_z \sum_j y_{zj} c_{zj} - \sum_k z_k b_k,

where :math:`c_z` are the levels of the state to which the outcome z leads and the thresholds b move with the levels of
its rivals. This is an affine function of all levels with slopes that are not negative, valid for every level.

For given bases `_affine` finds a fixed point of the largest of these functions, which bounds the payoffs. Then each
basis is made optimal for the new levels, and so on until none changes. Everything is in the unit box.

Symmetries of the game permute the directions, and their levels are the same. So there are functions for one direction
of each orbit alone, and for one of the profiles that the symmetries leaving it as it is map to each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, Budget, Indices, fixed_point
from bargaining.equilibria.sets.several.profiles import FAR, Mask, Profiles, Thresholds
from bargaining.equilibria.sets.several.programs import Bases, Continuations, pivot, reach, work

_STEPS = 200  # plain ones, where no fixed point is believed
_ROUNDS = 100  # of the operator; the half-spaces hold after any number
_PIVOTS = 200  # a face; the values that are left out are too high, never too low
_STILL = 1e-13  # rounding of a level, in the unit box
_FIRST = 2.0  # above the payoffs: constants that come first are pivots, so that normals have as many zeros as may be
_DIGITS = 9  # of directions that are the same
_RANK = 1e-9  # of the largest pivot: smaller ones are rounding


@dataclass(slots=True, eq=False)
class Outer:
    """Half-spaces around the equilibrium payoffs of each state, and the bases that prove them."""

    profiles: Profiles
    directions: Floats  # (h, n) the normals, the axes first: e_0, ..., e_n-1, -e_0, ..., -e_n-1
    first: Indices  # (h,) one direction of the orbit of each
    by: Indices  # (h,) the permutation that leads from it
    levels: Floats  # (S, h)
    alive: Mask  # (N,)
    bases: Bases  # one a pair of a direction and a live profile
    faces: Indices  # (p,) the direction of each, one of its orbit
    budget: Budget
    still: float = _STILL
    steps: int = 0

    @classmethod
    def around(cls, profiles: Profiles, directions: Floats, budget: Budget, still: float = _STILL) -> Outer:
        """Start from the feasible payoffs, with the axes and their opposites as the first directions."""
        n, alive = profiles.discounts.size, np.ones(len(profiles.payoffs), bool)
        rows, first, by = profiles.symmetries.orbits(np.vstack([np.eye(n), -np.eye(n), directions]), _DIGITS)
        levels = np.tile(profiles.reach(rows), (profiles.states, 1))
        least = profiles.outside.copy()  # staying or leaving: leaving together may pay less than alone
        np.minimum.at(least, profiles.exits, profiles.gone)
        levels[:, n : 2 * n] = np.minimum(levels[:, n : 2 * n], -least)
        pairs = _boxed(profiles, rows, first, alive)
        return cls(profiles, rows, first, by, levels[:, first], alive, *pairs, budget, still)

    @property
    def filled(self) -> Mask:
        """The states in which payoffs are left."""
        played = np.bincount(self.profiles.state[self.alive], minlength=len(self.levels)) > 0
        return np.asarray(played | self.profiles.left)

    @property
    def threat(self) -> Floats:
        """A lower bound of the threats, shape (S, n); infinite in a state without payoffs."""
        n = self.profiles.discounts.size
        return np.where(self.filled[:, None], -self.levels[:, n : 2 * n], np.inf)

    def of(self, state: int) -> Around:
        """Return the half-spaces of one state."""
        return Around(self.directions, self.levels[state])

    def copied(self) -> Outer:
        """Return the same half-spaces, to be moved on their own with the same budget."""
        bases = self.bases.take(np.arange(len(self.faces)))
        return replace(self, levels=self.levels.copy(), alive=self.alive.copy(), bases=bases)

    def extend(self, directions: Floats) -> None:
        """Add half-spaces; what is known stays valid."""
        start = len(self.directions)
        rows, first, by = self.profiles.symmetries.orbits(np.vstack([self.directions, directions]), _DIGITS)
        if len(rows) == start:
            return
        known = np.minimum(self._implied(rows[start:]), self.profiles.reach(rows[start:]))
        self.levels = np.hstack([self.levels, known])[:, first]
        self.directions, self.first, self.by = rows, first, by
        bases, faces = _boxed(self.profiles, rows, first, self.alive, start)
        self.bases, self.faces = self.bases.joined(bases), np.append(self.faces, faces)

    def _implied(self, directions: Floats) -> Floats:
        return np.array([self.of(s).reach(directions) for s in range(len(self.levels))])

    def shrink(self) -> bool:
        """Apply the operator until nothing changes; say whether any state has payoffs left."""
        for _ in range(_ROUNDS):
            if not self.budget.spend(len(self.faces)):  # the half-spaces hold all the same
                break
            self._drop()
            before, lived = self.levels, self.alive.sum()
            self._optimise()
            self._drop()
            if not self.alive.any():  # at most leaving is left
                self.levels = self._leaving()
                return bool(self.filled.any())
            self.levels = fixed_point(self.functions(), before.ravel(), _STEPS).reshape(before.shape)[
                :, self.first
            ]
            self.steps += 1
            if self._contradictory():
                return False
            if (before - self.levels).max() <= self.still and lived == self.alive.sum():
                known = len(self.directions)
                self.extend(self._flat())
                if len(self.directions) == known:
                    break
        return True

    def _contradictory(self) -> bool:
        """Whether half-spaces of a game of one state that face each other have passed each other."""
        n = self.directions.shape[1]
        passed = (self.levels[:, :n] + self.levels[:, n : 2 * n]).min() < -_RANK
        if passed and len(self.levels) == 1:
            self.alive[:] = False
        return bool(passed and len(self.levels) == 1)

    def _leaving(self) -> Floats:
        levels = np.full(self.levels.shape, -np.inf)
        np.maximum.at(levels, self.profiles.exits, self.profiles.gone @ self.directions.T)
        return levels

    def _flat(self) -> Floats:
        r"""Return both normals of planes, one for each state, in which the payoffs of the profiles that are left lie.

        Planes :math:`h \cdot v = c_s` that are mapped into themselves solve, for each of these profiles,
        :math:`(1-\delta) h \cdot g(a) + \delta \sum_{s'} P(s') c_{s'} = c_s`, where all players in h have the
        discount factor :math:`\delta`.
        """
        profiles, states = self.profiles, np.flatnonzero(self.filled)
        laws = np.zeros((len(profiles.payoffs), len(self.levels)))
        np.add.at(laws, (np.arange(len(laws))[:, None], profiles.ahead), profiles.chances)
        state = np.append(profiles.state[self.alive], profiles.exits)
        payoffs = np.vstack([profiles.payoffs[self.alive], profiles.gone])
        laws = np.vstack([laws[self.alive], np.eye(len(self.levels))[profiles.exits]])[:, states]
        here = (state[:, None] == states).astype(float)
        found = []
        for delta in np.unique(profiles.discounts):
            own = np.flatnonzero(profiles.discounts == delta)
            planes = _null_space(np.hstack([_FIRST * (here - delta * laws) / (1.0 - delta), payoffs[:, own]]))
            found.append(planes[:, len(states) :] @ np.eye(len(profiles.discounts))[own])
        normals = np.vstack(found)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        return np.vstack([normals, -normals])

    def best(self) -> tuple[Bases, Indices]:
        """Return the bases that the levels come from, and the places of these levels, state by state."""
        functions = self.functions()
        best = functions.largest(self.levels.ravel())[1]
        best = best[best < len(self.faces)]
        return self.bases.take(best), functions.faces[best]

    def touching(self) -> Floats:
        """Return the point where each half-space touches the image of the sets, shape (S, h, n)."""
        profiles, (part, places) = self.profiles, self.best()
        points = np.zeros((*self.levels.shape, self.directions.shape[1]))
        worth = np.full(self.levels.shape, -np.inf)
        for s, end in zip(profiles.exits, profiles.gone, strict=True):
            far = self.directions @ end
            points[s], worth[s] = (
                np.where((far > worth[s])[:, None], end, points[s]),
                np.maximum(far, worth[s]),
            )
        later = part.points(self.polyhedra()).reshape(len(places), profiles.ahead.shape[1], points.shape[2])
        points.reshape(-1, points.shape[2])[places] = profiles.value(part.owners, later)
        before = self.profiles.symmetries.players.argsort(axis=1)[self.by]
        return np.take_along_axis(points[:, self.first], before[None], axis=2)

    def pulls(self, reached: Floats) -> Floats:
        """Return directions of continuations on which most levels depend, those with the most to gain first.

        `reached` (S, h) is how far sets of payoffs are known to go.
        """
        functions = self.functions()
        chosen = functions.largest(self.levels.ravel())[1]
        own = chosen[chosen < len(self.faces)]
        part, polyhedra = self.bases.take(own), self.polyhedra()
        weights, _ = part.repaired(polyhedra)
        bound, _, face, after = polyhedra.split(part.rows)
        pulls = np.zeros((own.size, polyhedra.ahead.shape[1], self.directions.shape[1]))
        p, m = np.nonzero(~bound)
        np.add.at(pulls, (p, after[p, m]), weights[p, m][:, None] * self.directions[face[p, m]])
        size = np.linalg.norm(pulls, axis=2)
        states = polyhedra.ahead[part.owners]
        gain = np.zeros(size.shape)
        beyond = np.maximum(self.levels - reached, 0.0)
        np.add.at(gain, (p, after[p, m]), weights[p, m] * beyond[states[p, after[p, m]], face[p, m]])
        total = np.zeros(self.levels.size)
        total[functions.faces[own]] = gain.sum(axis=1)
        worth = gain * functions.passed_on(chosen, total)[functions.faces[own]][:, None]
        order = np.argsort(-worth, axis=None, kind="stable")
        order = order[worth.ravel()[order] > max(_STILL, 0.05 * worth.max(initial=0.0))]
        return np.asarray(
            (pulls / np.where(size > 0.0, size, 1.0)[..., None]).reshape(-1, pulls.shape[2])[order]
        )

    def functions(self, chosen: Indices | None = None, least: Thresholds | None = None) -> Affine:
        """Return the bounds of the chosen pairs as functions of the levels; of all, and of leaving, by default.

        Levels are counted state by state. `least` has the thresholds if they are known.
        """
        profiles, bases, faces = self.profiles, self.bases, self.faces
        if chosen is not None:
            bases, faces = bases.take(chosen), faces[chosen]
        n, height, owners = profiles.discounts.size, len(self.directions), bases.owners
        least = profiles.thresholds(self.threat) if least is None else least
        polyhedra = self.polyhedra(least)
        weights, rest = bases.repaired(polyhedra)
        bound, k, face, after = polyhedra.split(bases.rows)
        owner = owners[:, None]
        constant = (profiles.now[owners] * self.directions[faces]).sum(axis=1)
        # Payoffs lie in the unit box, so that what the multipliers leave of a pull is worth no more than this.
        constant += np.maximum(rest, 0.0).sum(axis=1)
        slopes = np.where(bound, 0.0, weights)
        columns = profiles.ahead[owner, after] * height + self.first[face]
        if profiles.who.size:
            moves = bound & least.moves[owner, k]
            fixed = np.where(moves, least.gains[owner, k] - profiles.eased, least.needed[owner, k])
            constant -= np.where(bound, weights * fixed, 0.0).sum(axis=1)
            if moves.any():
                reply = np.where(moves, least.replies[owner, k], owner)
                chances = np.where(moves[:, :, None], profiles.chances[reply], 0.0) * weights[:, :, None]
                lowest = (
                    profiles.ahead[reply] * height
                    + self.first[n + np.where(moves, profiles.who[k], 0)][:, :, None]
                )
                slopes = np.hstack([slopes, chances.reshape(len(faces), -1)])
                columns = np.hstack([columns, lowest.reshape(len(faces), -1)])
        constant += 1e-15 * (1.0 + weights.sum(axis=1)) if profiles.limits is not None else 0.0
        found = Affine(profiles.state[owners] * height + faces, constant, slopes, columns)
        if chosen is not None:
            return found
        floor, stays = self._leaving().ravel(), np.ones(self.levels.size, bool)
        stays[found.faces] = False  # other directions of an orbit, or no payoffs
        return found.and_at_least(np.where(stays & np.isinf(floor), self.levels.ravel(), floor))

    def _drop(self) -> None:
        """Drop profiles that lead to a state without payoffs, or from which a player can reach one by a deviation.

        In a game of one state nobody then gets less than by the best reply to some profile that is left.
        """
        while True:
            least = self.profiles.thresholds(self.threat)
            dead = self.alive & ((self.profiles.chances > 0.0) & ~self.filled[self.profiles.ahead]).any(
                axis=1
            )
            dead |= self.alive & (least.needed >= FAR).any(axis=1)
            if not dead.any():
                break
            self.alive &= ~dead
        kept = self.alive[self.bases.owners]
        if not kept.all():
            self.bases, self.faces = self.bases.take(kept), self.faces[kept]
        seen = self.profiles.limits is None
        if seen and len(self.levels) == 1 and not self.profiles.left[0] and self.alive.any():
            n = self.directions.shape[1]
            best = np.take_along_axis(self.profiles.payoffs, least.replies, axis=0)[self.alive]
            self.levels = self.levels.copy()
            self.levels[:, n : 2 * n] = np.minimum(self.levels[:, n : 2 * n], -best.min(axis=0))

    def polyhedra(self, least: Thresholds | None = None) -> Continuations:
        """Return the programs of all profiles."""
        profiles = self.profiles
        needed = (profiles.thresholds(self.threat) if least is None else least).needed
        return Continuations(
            self.directions, self.levels, profiles.ahead, profiles.who, profiles.weights, needed
        )

    def _optimise(self) -> None:
        """Make bases optimal, from the highest bound of each direction down, until no other bound is higher."""
        profiles, (height, n) = self.profiles, self.directions.shape
        least, levels = profiles.thresholds(self.threat), self.levels.ravel()
        polyhedra = self.polyhedra(least)
        self.bases.refresh(polyhedra)
        values = self.functions(np.arange(len(self.faces)), least).at(levels)
        done, place = np.zeros(len(self.faces), bool), profiles.state[self.bases.owners] * height + self.faces
        # solved for every profile, lest a dead one passes for alive
        shows = (self.faces >= n) & (self.faces < 2 * n)
        start = self._leaving().ravel()
        for _ in range(_PIVOTS):
            best = start.copy()
            np.maximum.at(best, place[done], values[done])
            left = np.flatnonzero(~done & (shows | (values > best[place] + _STILL)))
            if not left.size:
                break
            self.budget.spend(work(left.size, polyhedra.ahead.shape[1] ** 2 * height))
            optimal, empty = pivot(polyhedra, self.bases, left)
            self.alive[self.bases.owners[left[empty]]] = False
            dead = ~self.alive[self.bases.owners]
            done[left[optimal]] = True
            left = left[~optimal]
            values[left] = self.functions(left, least).at(levels)
            done[dead], values[dead] = True, -np.inf
        self.alive &= self.alive[self.profiles.symmetries.rows].all(axis=0)


@dataclass(slots=True, eq=False)
class Around:
    """The half-spaces of one state."""

    directions: Floats  # (h, n)
    levels: Floats  # (h,)

    def reach(self, directions: Floats) -> Floats:
        """Return bounds of payoffs in other directions."""
        return reach(self.directions, self.levels, directions)


def _boxed(
    profiles: Profiles, directions: Floats, first: Indices, alive: Mask, start: int = 0
) -> tuple[Bases, Indices]:
    """Return the pairs of directions from the start on, one of each orbit, and live profiles, bounded by the axes."""
    n, outcomes = directions.shape[1], profiles.ahead.shape[1]
    chosen = start + np.flatnonzero(first[start:] == np.arange(start, len(first)))
    owned = [profiles.symmetries.representatives(directions[j], _DIGITS) for j in chosen]
    owned = [rows[alive[rows]] for rows in owned]
    faces = np.repeat(chosen, [rows.size for rows in owned])
    owners = np.concatenate([*owned, np.zeros(0, np.intp)])
    pulls = (directions[faces] * profiles.discounts)[:, None] * profiles.chances[owners][:, :, None]
    axis = np.where(pulls > 0.0, np.arange(n), n + np.arange(n))
    rows = profiles.who.size + axis * outcomes + np.arange(outcomes)[:, None]
    # The normals of these rows do not depend on levels and thresholds.
    polyhedra = Continuations(
        directions, directions, profiles.ahead, profiles.who, profiles.weights, profiles.weights[..., 0]
    )
    size = len(faces), outcomes * n
    return Bases.at(polyhedra, pulls.reshape(size), owners, rows.reshape(size)), faces


def _null_space(matrix: Floats) -> Floats:
    """Return a basis of the null space in its rows, each the only one with an entry in its own column."""
    from scipy.linalg import qr

    upper, order = qr(matrix, mode="r", pivoting=True)
    pivots = np.abs(np.diag(upper))
    rank = int((pivots > _RANK * pivots[0]).sum())
    out = np.zeros((matrix.shape[1] - rank, matrix.shape[1]))
    out[:, order[:rank]] = -np.linalg.solve(upper[:rank, :rank], upper[:rank, rank:]).T
    out[:, order[rank:]] = np.eye(len(out))
    return out
