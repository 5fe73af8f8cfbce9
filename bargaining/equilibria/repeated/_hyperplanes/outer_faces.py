r"""Outer bounds on the payoffs of n players: half-spaces around every state, moved in until the operator moves none.

The sets :math:`\{w : Hw \le c_s\}` are mapped, profile by profile, to the payoffs
:math:`(1-\delta) g(a) + \delta w` with :math:`w \ge b(a)`, where w lies in
:math:`\{w : H w \le \sum_{s'} P(s') c_{s'}\}`, which contains the mean of the successors' sets. A bound on the best of
them in a direction h is any dual solution: :math:`y, z \ge 0` with :math:`H^\top y - z = \delta h` gives
:math:`\sum_{s'} P(s') c_{s'} \cdot y - b \cdot z`, and :math:`b(a)` moves with the threats, levels themselves. So the
basis of each pair of a direction and a profile bounds the operator by an affine function of the levels of all states,
whatever they are. A repeated game has one state.

For given bases the greatest fixed point of the largest of these functions is found by policy iteration over the
profiles. It bounds the payoffs if the functions contract, which speeds z > 0 with Mz < z for all their slopes M
show: then their iterates from the levels known before, all of them bounds, end there. Then each basis is made
optimal for the new levels, and so on until none changes. Everything is in the unit box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, settled
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._rows import Indices, once
from bargaining.equilibria.repeated._hyperplanes.profiles import FAR, Mask, Profiles, Thresholds
from bargaining.equilibria.repeated._hyperplanes.programs import Bases, pivot, reach, work

_ROUNDS = 100  # of the operator; the half-spaces hold after any number
_PIVOTS = 100  # a face; the values that are left out are too high, never too low
_STILL = 1e-13  # rounding of a level, in the unit box
_FIRST = 2.0  # above the payoffs: constants that come first are pivots, so that normals have as many zeros as may be
_DIGITS = 9  # of directions that are the same
_RANK = 1e-9  # of the largest pivot: smaller ones are rounding


@dataclass(slots=True, eq=False)
class Outer:
    """Half-spaces around the equilibrium payoffs of each state, and the bases that prove them."""

    profiles: Profiles
    directions: Floats  # (h, n) the normals, the axes first: e_0, ..., e_n-1, -e_0, ..., -e_n-1
    levels: Floats  # (S, h)
    alive: Mask  # (N,)
    bases: Bases  # one a pair of a direction and a live profile, made of floors and directions
    faces: Indices  # (p,) the direction of each
    budget: Budget
    steps: int = 0

    @classmethod
    def around(cls, profiles: Profiles, directions: Floats, budget: Budget) -> Outer:
        """Start from the feasible payoffs, with the axes and their opposites as the first directions."""
        n, alive = profiles.discounts.size, np.ones(len(profiles.payoffs), bool)
        rows = _distinct(np.vstack([np.eye(n), -np.eye(n), directions]))
        levels = np.tile(profiles.reach(rows), (profiles.laws.shape[1], 1))
        levels[:, n : 2 * n] = np.minimum(levels[:, n : 2 * n], -profiles.outside)
        return cls(profiles, rows, levels, alive, *_boxed(profiles, rows, alive), budget)

    @property
    def filled(self) -> Mask:
        """The states in which payoffs are left."""
        played = np.bincount(self.profiles.state[self.alive], minlength=len(self.levels)) > 0
        return np.asarray(played | self.profiles.leaves)

    @property
    def threat(self) -> Floats:
        """A lower bound of the threats, shape (S, n); infinite in a state without payoffs."""
        n = self.profiles.discounts.size
        return np.where(self.filled[:, None], -self.levels[:, n : 2 * n], np.inf)

    def of(self, state: int) -> Around:
        """Return the half-spaces of one state."""
        return Around(self.directions, self.levels[state])

    def extend(self, directions: Floats) -> None:
        """Add half-spaces; what is known stays valid."""
        first = len(self.directions)
        rows = _distinct(np.vstack([self.directions, directions]))
        new = rows[first:]
        if not len(new):
            return
        known = np.minimum(self._implied(new), self.profiles.reach(new))
        self.levels, self.directions = np.hstack([self.levels, known]), rows
        bases, faces = _boxed(self.profiles, rows, self.alive, first)
        self.bases, self.faces = self.bases.joined(bases), np.append(self.faces, faces)

    def narrowed(self, given: int, directions: Floats) -> Outer:
        """Return half-spaces in the first few directions and in others, at the levels implied by the present ones."""
        rows = _distinct(np.vstack([self.directions[:given], directions]))
        levels = np.hstack([self.levels[:, :given], self._implied(rows[given:])])
        pairs = _boxed(self.profiles, rows, self.alive)
        return Outer(self.profiles, rows, levels, self.alive.copy(), *pairs, self.budget, self.steps)

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
                self.levels = self.profiles.gone @ self.directions.T
                return bool(self.filled.any())
            self.levels = settled(self.functions(), self.levels.ravel()).reshape(before.shape)
            self.steps += 1
            if (before - self.levels).max() <= _STILL and lived == self.alive.sum():
                known = len(self.directions)
                self.extend(self._flat())
                if len(self.directions) == known:
                    break
        return True

    def _flat(self) -> Floats:
        r"""Return both normals of planes, one for each state, in which the payoffs of the profiles that are left lie.

        Planes :math:`h \cdot v = c_s` that are mapped into themselves solve, for each of these profiles,
        :math:`(1-\delta) h \cdot g(a) + \delta \sum_{s'} P(s') c_{s'} = c_s`, where all players in h have the
        discount factor :math:`\delta`.
        """
        profiles, states = self.profiles, np.flatnonzero(self.filled)
        left = np.flatnonzero(profiles.leaves)
        state = np.append(profiles.state[self.alive], left)
        payoffs = np.vstack([profiles.payoffs[self.alive], profiles.gone[left]])
        laws = np.vstack([profiles.laws[self.alive], np.eye(len(self.levels))[left]])[:, states]
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
        best = functions.largest(functions.at(self.levels.ravel()))
        best = best[best < len(self.faces)]
        return self.bases.take(best), functions.faces[best]

    def touching(self) -> Floats:
        """Return the point where each half-space touches the image of the sets, shape (S, h, n)."""
        profiles, (part, places) = self.profiles, self.best()
        points = np.repeat(profiles.gone, len(self.directions), axis=0)
        rights = self._rights(profiles.thresholds(self.threat))
        points[places] = profiles.now[part.owners] + profiles.discounts * part.points(rights)
        return points.reshape(*self.levels.shape, points.shape[1])

    def functions(self, chosen: Indices | None = None, least: Thresholds | None = None) -> Affine:
        """Return the bounds of the chosen pairs as functions of the levels; of all, and of leaving, by default.

        Levels are counted state by state. `least` has the thresholds if they are known.
        """
        profiles, bases, faces = self.profiles, self.bases, self.faces
        if chosen is not None:
            bases, faces = bases.take(chosen), faces[chosen]
        n, height = profiles.discounts.size, len(self.directions)
        least = profiles.thresholds(self.threat) if least is None else least
        weights, rest = bases.repaired(self._normals())
        floor, owner = bases.rows < n, bases.owners[:, None]
        player = np.where(floor, bases.rows, 0)
        moves = floor & least.moves[owner, player]
        reply = np.where(floor, least.replies[owner, player], owner)
        still = np.where(moves, least.gains[owner, player] - profiles.eased, least.needed[owner, player])
        constant = (profiles.now[bases.owners] * self.directions[faces]).sum(axis=1)
        # Payoffs lie in the unit box, so that what the multipliers leave of a pull is worth no more than this.
        constant += np.maximum(rest, 0.0).sum(axis=1) - np.where(floor, weights * still, 0.0).sum(axis=1)
        chances = np.where((moves | ~floor)[:, :, None], profiles.chances[reply], 0.0) * weights[:, :, None]
        column = np.where(floor, n + player, bases.rows - n)
        columns = profiles.ahead[reply] * height + column[:, :, None]
        shape = len(faces), floor.shape[1] * profiles.ahead.shape[1]
        found = Affine(
            profiles.state[bases.owners] * height + faces,
            constant,
            chances.reshape(shape),
            columns.reshape(shape),
        )
        if chosen is not None:
            return found
        gone = profiles.gone @ self.directions.T
        return found.and_at_least(np.where(profiles.leaves[:, None], gone, -np.inf).ravel())

    def _drop(self) -> None:
        """Drop profiles that lead to a state without payoffs, or from which a player can reach one by a deviation.

        In a game of one state nobody then gets less than by the best reply to some profile that is left.
        """
        while True:
            least = self.profiles.thresholds(self.threat)
            dead = self.alive & (self.profiles.laws[:, ~self.filled] > 0.0).any(axis=1)
            dead |= self.alive & (least.needed >= FAR).any(axis=1)
            if not dead.any():
                break
            self.alive &= ~dead
        kept = self.alive[self.bases.owners]
        if not kept.all():
            self.bases, self.faces = self.bases.take(kept), self.faces[kept]
        if len(self.levels) == 1 and not self.profiles.leaves[0] and self.alive.any():
            n = self.directions.shape[1]
            best = np.take_along_axis(self.profiles.payoffs, least.replies, axis=0)[self.alive]
            self.levels = self.levels.copy()
            self.levels[:, n : 2 * n] = np.minimum(self.levels[:, n : 2 * n], -best.min(axis=0))

    def _normals(self) -> Floats:
        return np.vstack([-np.eye(self.directions.shape[1]), self.directions])

    def _rights(self, least: Thresholds) -> Floats:
        return np.hstack([-least.needed, self.profiles.laws @ self.levels])

    def _optimise(self) -> None:
        """Make bases optimal, from the highest bound of each direction down, until no other bound is higher."""
        profiles, (states, height), n = self.profiles, self.levels.shape, self.directions.shape[1]
        least, levels = profiles.thresholds(self.threat), self.levels.ravel()
        normals, rights = self._normals(), self._rights(least)
        values = self.functions(np.arange(len(self.faces)), least).at(levels)
        done, place = np.zeros(len(self.faces), bool), profiles.state[self.bases.owners] * height + self.faces
        # solved for every profile, lest a dead one passes for alive
        shows = (self.faces >= n) & (self.faces < 2 * n)
        for _ in range(_PIVOTS):
            best = np.full(states * height, -np.inf)
            np.maximum.at(best, place[done], values[done])
            left = np.flatnonzero(~done & (shows | (values > best[place] + _STILL)))
            if not left.size:
                break
            self.budget.spend(work(left.size, len(normals)))
            optimal, empty = pivot(normals, rights, self.bases, left)
            self.alive[self.bases.owners[left[empty]]] = False
            dead = ~self.alive[self.bases.owners]
            done[left[optimal]] = True
            left = left[~optimal]
            values[left] = self.functions(left, least).at(levels)
            done[dead], values[dead] = True, -np.inf


@dataclass(slots=True, eq=False)
class Around:
    """The half-spaces of one state."""

    directions: Floats  # (h, n)
    levels: Floats  # (h,)

    def reach(self, directions: Floats) -> Floats:
        """Return bounds of payoffs in other directions."""
        return reach(self.directions, self.levels, directions)


def _distinct(directions: Floats) -> Floats:
    """Return each direction once, in the order given."""
    return np.asarray(directions[once(directions, _DIGITS)[0]])


def _boxed(profiles: Profiles, directions: Floats, alive: Mask, first: int = 0) -> tuple[Bases, Indices]:
    """Return the pairs of directions from the first on and live profiles, bounded by the axes."""
    n, playable = directions.shape[1], np.flatnonzero(alive)
    faces = np.repeat(np.arange(first, len(directions)), playable.size)
    pulls = directions[faces] * profiles.discounts
    boxed = np.where(pulls > 0, n + np.arange(n), np.arange(n))
    owners = np.tile(playable, len(directions) - first)
    return Bases.at(np.vstack([-np.eye(n), directions]), pulls, owners, boxed), faces


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
