r"""Symmetries of a repeated game: renamings of players, actions and signals under which it is invariant.

A permutation :math:`\pi` of the players with bijections :math:`\sigma_i` from the actions of i to those of
:math:`\pi(i)`, and :math:`\rho` of the signals, is a symmetry if

.. math:: g_{\pi(i)}(\sigma(a)) = g_i(a), \quad p(\rho(y) \mid \sigma(a)) = p(y \mid a), \quad
          \delta_{\pi(i)} = \delta_i, \quad o_{\pi(k)\pi(i)} = o_{ki}.

Then payoffs v are those of an equilibrium if and only if the payoffs :math:`v'_{\pi(i)} = v_i` are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from math import factorial

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._rows import once
from bargaining.games.repeated import RepeatedGame

Indices = NDArray[np.intp]

_ROUNDING = 1e-13  # of a player's range of payoffs: sums in another order differ by less
_TRIES = 200  # relabelings of actions for one permutation of players: one is enough unless many look alike
_MOST = 720  # symmetries: all permutations of six players


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """A renaming: player i becomes `players[i]`, the profile k `profiles[k]`, the signal y `signals[y]`."""

    players: Indices  # (n,)
    profiles: Indices  # (a,) in the order of the arrays
    signals: Indices  # (S,) none if actions are seen

    def moved(self, rows: Floats) -> Floats:
        """Return payoffs, directions or other rows with one number per player, renamed."""
        out = np.empty_like(rows)
        out[..., self.players] = rows
        return out

    def after(self, first: Symmetry) -> Symmetry:
        """Return the composition of `first` and then this renaming."""
        return Symmetry(
            self.players[first.players], self.profiles[first.profiles], self.signals[first.signals]
        )

    @property
    def key(self) -> tuple[int, ...]:
        """The players after it."""
        return tuple(self.players.tolist())


@dataclass(frozen=True, slots=True, eq=False)
class Orbits:
    """Orbits of rows with one number per player under a group: row k is the row `first[k]` moved by `by[k]`."""

    rows: Floats  # (m, n)
    first: Indices  # (m,)
    by: Indices  # (m,) numbers of symmetries

    @classmethod
    def single(cls, rows: Floats) -> Orbits:
        """Return rows whose orbits are single rows."""
        return cls(rows, np.arange(len(rows)), np.zeros(len(rows), np.intp))

    @property
    def chosen(self) -> Indices:
        """The number of one row of each orbit."""
        return np.flatnonzero(self.first == np.arange(len(self.first)))

    @property
    def slots(self) -> Indices:
        """For each row, the index of its orbit's representative among the chosen ones."""
        return np.searchsorted(self.chosen, self.first)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A group of symmetries: the images of players and profiles under each, the identity first."""

    players: Indices  # (G, n)
    profiles: Indices  # (G, a)

    @classmethod
    def of(cls, repeated: RepeatedGame) -> Group:
        """Return those that `symmetries` finds."""
        found = symmetries(repeated)
        return cls(np.array([one.players for one in found]), np.array([one.profiles for one in found]))

    @classmethod
    def identity(cls, players: int, profiles: int) -> Group:
        """Return the group of the identity alone."""
        return cls(np.arange(players)[None], np.arange(profiles)[None])

    def moved(self, rows: Floats, by: Indices) -> Floats:
        """Return each row renamed by one symmetry."""
        out = np.empty_like(rows)
        np.put_along_axis(out, self.players[by], rows, axis=1)
        return out

    def orbits(self, rows: Floats, digits: int = 7) -> Orbits:
        """Return rows with all their images, without repetitions up to some digits; given ones first, in order."""
        given = rows[once(rows, digits)[0]]
        size, many = len(given), len(self.players)
        moved = self.moved(np.repeat(given, many, axis=0), np.tile(np.arange(many), size))
        kept, slots = once(np.vstack([given, moved]), digits)
        images = slots[size:].reshape(size, many)
        first = np.full(len(kept), size)
        np.minimum.at(first, images, np.arange(size)[:, None])  # of each orbit, the first row given
        by = (images[first] == np.arange(len(kept))[:, None]).argmax(axis=1)
        return Orbits(moved[first * many + by].reshape(-1, rows.shape[1]), first, by)

    def folded(self, rows: Floats, digits: int = 7) -> Floats:
        """Return one image of each orbit of rows: the last one in the order of the players' numbers."""
        by, best = self._last(rows, digits)
        first = np.unique(best, axis=0, return_index=True)[1]
        return self.moved(rows[first], by[first])

    def alike(self, rows: Floats, digits: int) -> Indices:
        """Number the orbits of rows: the same for rows in one."""
        return np.unique(self._last(rows, digits)[1], axis=0, return_inverse=True)[1].ravel()

    def _last(self, rows: Floats, digits: int) -> tuple[Indices, Floats]:
        """Return which symmetry makes each row the last in the order of its numbers, and the row it becomes."""
        images = (rows.round(digits) + 0.0)[:, self.players.argsort(axis=1)]  # (m, G, n)
        last = np.ones(images.shape[:2], bool)
        for own in np.moveaxis(images, 2, 0):
            worth = np.where(last, own, -np.inf)
            last = worth == worth.max(axis=1, keepdims=True)
        by = last.argmax(axis=1)
        return by, images[np.arange(len(rows)), by]

    def classes(self, row: Floats | None = None, digits: int = 7) -> Indices:
        """Return the first profile in the orbit of each, under the symmetries that leave a row invariant."""
        if row is None:
            return np.asarray(self.profiles.min(axis=0))
        images = self.moved(np.tile(row, (len(self.players), 1)), np.arange(len(self.players)))
        same = (images.round(digits) == row.round(digits)).all(axis=1)
        return np.asarray(self.profiles[same].min(axis=0))


def symmetries(repeated: RepeatedGame) -> list[Symmetry]:
    """Return a group of symmetries of one game, the identity first, with one for each permutation of the players.

    Numbers that differ by the rounding of a sum, 1e-13 of the range of payoffs, count as the same. Where many actions
    look alike, or more than six players do, some symmetries may be missing.
    """
    data = _Data(repeated)
    n = repeated.players
    found = {tuple(range(n)): data.identity()}
    generators: list[Symmetry] = []
    refused: set[tuple[int, ...]] = set()
    for order in _candidates(n):
        if order in found or order in refused:
            continue
        one = data.renaming(order)
        if one is None:  # then its composition with a symmetry is not one either
            refused.update(tuple(order[i] for i in known) for known in found)
            continue
        generators.append(one)
        larger = _group(data.identity(), generators)
        if larger is None:
            break
        found = larger
    return list(found.values())


def _candidates(n: int) -> Iterator[tuple[int, ...]]:
    """Return permutations, exchanges of two first as they generate most groups; these alone for many players."""
    for i, k in combinations(range(n), 2):
        order = list(range(n))
        order[i], order[k] = k, i
        yield tuple(order)
    if factorial(n) <= _MOST:
        yield from permutations(range(n))


def _group(identity: Symmetry, generators: list[Symmetry]) -> dict[tuple[int, ...], Symmetry] | None:
    """Return all products, None if they are too many."""
    found, new = {identity.key: identity}, [identity]
    while new:
        products = [generator.after(one) for one in new for generator in generators]
        new = []
        for one in products:
            if one.key not in found:
                found[one.key] = one
                new.append(one)
        if len(found) > _MOST:
            return None
    return found


class _Data:
    """The data that symmetries of a game must preserve, and invariants of actions."""

    def __init__(self, repeated: RepeatedGame) -> None:
        game, monitoring = repeated.game, repeated.monitoring
        n, self.shape = repeated.players, game.shape
        self.payoffs = game.payoffs.reshape(-1, n)
        self.discounts = repeated.discounts
        self.leaving = np.full((n, n), -np.inf)
        if repeated.exit is not None:
            who = list(repeated.exit.who)
            self.leaving[who] = repeated.exit.payoffs[who]
        seen = monitoring is None or monitoring.is_perfect
        self.chances = (
            np.empty((len(self.payoffs), 0))
            if monitoring is None or seen
            else monitoring.probabilities.reshape(len(self.payoffs), -1)
        )
        span = np.ptp(self.payoffs, axis=0)
        self.near = _ROUNDING * np.where(span > 0.0, span, np.abs(self.payoffs).max(axis=0))
        self.looks = [self._looks(i) for i in range(n)]

    def _looks(self, player: int) -> Floats:
        """Return invariants of each action: sorted payoffs of each player, shape (actions, n + 1, ...)."""
        tables = [*self.payoffs.T, *([np.sort(self.chances, axis=1)] if self.chances.size else [])]
        rows = []
        for table in tables:
            own = np.moveaxis(table.reshape(*self.shape, -1), player, 0)
            rows.append(np.sort(own.reshape(self.shape[player], -1), axis=1))
        return np.concatenate(rows, axis=1)

    def identity(self) -> Symmetry:
        """Return the renaming that changes nothing."""
        n, m = self.payoffs.shape
        return Symmetry(np.arange(m), np.arange(n), np.arange(self.chances.shape[1]))

    def renaming(self, order: tuple[int, ...]) -> Symmetry | None:
        """Return a symmetry that makes player i `order[i]`, None if there is none, or none was found."""
        players = np.array(order, dtype=np.intp)
        alike = all(self.shape[k] == size for k, size in zip(order, self.shape, strict=True))
        if not alike or (self.discounts[players] != self.discounts).any():
            return None
        if not _same(self.leaving[players][:, players], self.leaving, self.near):
            return None
        fitting = [self._fitting(i, order) for i in range(len(order))]
        for tried, actions in enumerate(_chosen(fitting)):
            if tried == _TRIES:
                break
            profiles = self._profiles(order, actions)
            if (np.abs(self.payoffs[profiles][:, players] - self.payoffs) > self.near).any():
                continue
            signals = self._signals(profiles)
            if signals is not None:
                return Symmetry(players, profiles, signals)
        return None

    def _fitting(self, i: int, order: tuple[int, ...]) -> list[list[int]]:
        """Return, for each action of player i, the actions of her image player with the same invariants."""
        others, size = len(self.payoffs) // self.shape[i], self.looks[i].shape[1]
        columns, near = np.arange(size), np.full(size, _ROUNDING)
        for j, k in enumerate(order):  # the payoffs of j are compared with those of the player that j becomes
            columns[j * others : (j + 1) * others] = np.arange(k * others, (k + 1) * others)
            near[j * others : (j + 1) * others] = self.near[j]
        theirs = self.looks[order[i]][:, columns]
        return [np.flatnonzero((np.abs(theirs - own) <= near).all(axis=1)).tolist() for own in self.looks[i]]

    def _profiles(self, order: tuple[int, ...], actions: list[list[int]]) -> Indices:
        """Return the number of each profile after renaming."""
        strides = np.cumprod([1, *self.shape[:0:-1]])[::-1]
        number = np.zeros(self.shape, dtype=np.intp)
        for i, (k, own) in enumerate(zip(order, actions, strict=True)):
            axes = [1] * len(order)
            axes[i] = len(own)
            number += (np.array(own) * strides[k]).reshape(axes)
        return number.ravel()

    def _signals(self, profiles: Indices) -> Indices | None:
        """Return how signals are renamed with the profiles, None if they cannot be."""
        after, left, out = self.chances[profiles], set(range(self.chances.shape[1])), []
        for column in self.chances.T:
            fits = np.flatnonzero((np.abs(after - column[:, None]) <= _ROUNDING).all(axis=0))
            free = [y for y in fits.tolist() if y in left]
            if not free:
                return None
            out.append(free[0])
            left.discard(free[0])
        return np.array(out, dtype=np.intp)


def _same(one: Floats, other: Floats, near: Floats) -> bool:
    """Whether payoffs after leaving are the same, where there are any."""
    there = np.isfinite(other)
    return bool(
        (np.isfinite(one) == there).all()
        and (np.abs(np.where(there, one, 0.0) - np.where(there, other, 0.0)) <= near).all()
    )


def _chosen(fitting: list[list[list[int]]]) -> Iterator[list[list[int]]]:
    """Return relabelings of the actions of all players, one fitting action for each."""
    if not fitting:
        yield []
        return
    for own in _matched(fitting[0], 0, set()):
        for rest in _chosen(fitting[1:]):
            yield [own, *rest]


def _matched(fitting: list[list[int]], k: int, taken: set[int]) -> Iterator[list[int]]:
    if k == len(fitting):
        yield []
        return
    for action in fitting[k]:
        if action not in taken:
            for rest in _matched(fitting, k + 1, taken | {action}):
                yield [action, *rest]
