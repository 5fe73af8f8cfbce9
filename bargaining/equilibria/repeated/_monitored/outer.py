"""A set that contains every equilibrium payoff: half-planes move inwards until the operator moves none.

For given multipliers of each profile and direction (see `programs`), the operator is bounded by a maximum of functions
that are affine in the levels of the half-planes, with non-negative slopes. The greatest fixed point of this maximum is
computed directly; then the multipliers are optimised at the new levels, and so on until no level moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, settled
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud
from bargaining.equilibria.repeated._monitored.outline import Outline
from bargaining.equilibria.repeated._monitored.programs import (
    MISSED,
    NOBODY,
    STILL,
    Flags,
    Indices,
    Known,
    Plans,
    Programs,
    plans,
    winners,
)
from bargaining.equilibria.repeated._monitored.solid import AnyOutline, Solid

_WAY = 20_000_000  # multipliers of earlier rounds that are kept for the proof of their results
_MOVED = 1e-3  # a round that moves no half-plane farther is not needed there
_ROUNDS = 200  # applications of the operator: a limit in addition to the budget
# Of a weight: a segment would vanish if rounding moved opposite half-planes inwards.
_ROUNDING = 1e-15


def outlined(directions: Floats, levels: Floats) -> AnyOutline | None:
    """Return the outline of half-planes, or of half-spaces; None if their intersection is empty."""
    kind = Outline if directions.shape[1] == 2 else Solid
    return kind.of(directions, levels)


def functions_of(
    programs: Programs,
    outline: AnyOutline,
    directions: Floats,
    owners: Indices,
    faces: Indices,
    multipliers: Floats,
) -> Affine:
    """Return bounds of what profiles give in some of the directions, as functions of the levels.

    Any multipliers (P, F, K) of all profiles and directions are good.
    """
    rows, own = directions[faces], multipliers[owners, faces]
    pulls = programs.pulls(owners, rows, own)
    weights, columns = outline.supports(pulls)
    # Payoffs lie in the unit box, which bounds the value of the part of a pull that the weights do not cover.
    rest = np.maximum(pulls - (weights[..., None] * directions[columns]).sum(axis=-2), 0.0)
    weights, columns = weights.reshape(len(owners), -1), columns.reshape(len(owners), -1)
    constants = programs.constants(owners, rows, own) + rest.sum(axis=(1, 2))
    constants += _ROUNDING * (1.0 + own.sum(axis=1) + weights.sum(axis=1))
    return Affine(faces, constants, weights, columns)


class Touching(NamedTuple):
    """The points of a set that attain its support in some directions.

    Attributes
    ----------
    points : (F, n) array
    owners : (F,) array of int
        The profile played, by its place among the programs, or -1 - k where outcome k of leaving ends the game.
    continuations : (F, S, n) array
        The continuations after each signal.
    """

    points: Floats
    owners: Indices
    continuations: Floats


class Cut(NamedTuple):
    """The proof of the final half-planes, of those that showed that profiles cannot be played, or of their vanishing.

    Attributes
    ----------
    directions, levels : (F, n) and (F,) arrays
    multipliers : (P, F, K) array
    alive : (P,) array of int
        The numbers of the profiles that can be played.
    killed : (Q,) array of int
        The numbers of the profiles that were shown not to be playable.
    rays : (Q, K) array
        The multipliers that prove it.
    base : (F,) array
        The levels at which the multipliers are optimal.
    way : tuple of Cut
        The half-planes of earlier rounds, whose multipliers were optimal at larger levels.
    """

    directions: Floats
    levels: Floats
    multipliers: Floats
    alive: Indices
    killed: Indices
    rays: Floats
    base: Floats
    way: tuple[Cut, ...] = ()


@dataclass(slots=True, eq=False)
class Outer:
    """Half-planes around the equilibrium payoffs, and the multipliers that prove them.

    Attributes
    ----------
    programs : Programs
        The programs of the profiles that can still be played.
    leaves : (L, n) array
        Outcomes of leaving.
    directions, levels : (F, n) and (F,) arrays
    multipliers : (P, F, K) array
    index : (P,) array of int
        The numbers of these profiles in the game.
    """

    programs: Programs
    leaves: Floats
    directions: Floats
    levels: Floats
    index: Indices
    multipliers: Floats = field(init=False)
    outline: AnyOutline | None = field(init=False, default=None)
    rounds: int = 0
    solved: int = 0
    cuts: list[Cut] = field(default_factory=list)
    way: list[Cut] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.multipliers = np.zeros((len(self.index), len(self.levels), len(self.programs.views)))
        self.outline = outlined(self.directions, self.levels)

    @property
    def known(self) -> Known:
        """The multipliers, for use with similar sets."""
        return Known(self.directions, self.multipliers)

    def extend(self, directions: Floats, instead: float = 0.0) -> int:
        """Add half-planes at the support of the set, and return how many are left of the others.

        Those that do not touch the set are dropped, and those that a new one replaces, as their angle is less than
        `instead`.
        """
        if self.outline is None or not len(directions):
            return len(self.levels)
        kept = np.sort(self.outline.faces)
        if instead:
            kept = kept[(self.directions[kept] @ directions.T).max(axis=1) < np.cos(instead)]
        self.levels = np.append(self.levels[kept], self.reach(directions))
        before, known = self.directions, self.multipliers
        self.directions = np.vstack([self.directions[kept], directions])
        nearest = (before @ directions.T).argmax(axis=0)
        self.multipliers = np.concatenate([known[:, kept], known[:, nearest]], axis=1)
        self.outline = outlined(self.directions, self.levels)
        return kept.size

    def reach(self, directions: Floats) -> Floats:
        """Return bounds of payoffs in other directions."""
        assert self.outline is not None
        weights, faces = self.outline.supports(directions)
        rest = np.maximum(directions - (weights[..., None] * self.directions[faces]).sum(axis=-2), 0.0)
        return np.asarray((weights * self.levels[faces] + _ROUNDING * weights + rest).sum(axis=1))

    def around(self, points: Floats, pad: float) -> Outer:
        """Return the same half-planes next to points instead, with the multipliers that are optimal for their hull."""
        found = Outer(self.programs, self.leaves, self.directions, self.levels, self.index)
        found.multipliers = self.multipliers.copy()
        found.touch(points, pad)
        return found

    def touch(self, points: Floats, pad: float) -> None:
        """Move half-planes next to points, and optimise the multipliers for their hull."""
        cloud = Cloud(points)
        self._optimise(plans(self.programs, cloud), cloud)
        self.levels = cloud.farthest(self.directions)[1] + pad
        self.outline = outlined(self.directions, self.levels)

    def adopt(self, other: Outer) -> None:
        """Take over other half-planes, at the levels that their multipliers prove with the sums of their outline."""
        self.levels = self.reach(other.directions)
        self.directions, self.outline, self.multipliers = other.directions, other.outline, other.multipliers
        self.levels = settled(self._affine(self.multipliers), self.levels)
        self.outline = outlined(self.directions, self.levels)
        self.solved += other.solved

    def shrink(self, budget: int, still: float = STILL) -> bool:
        """Move the half-planes inwards until they move by no more than `still`, or until `budget` programs are solved.

        Say if anything is left.
        """
        for _ in range(_ROUNDS):
            if self.outline is None:
                return False
            before, lived = self.levels, len(self.index)
            feasible = self._playable()
            if feasible is None:
                return self._only_leaving()
            self._optimise(feasible, Cloud(self.outline.corners))
            self.levels = settled(self._affine(self.multipliers), self.levels)
            self.rounds += 1
            made = self._cut(before)
            self.outline = outlined(self.directions, self.levels)
            if self.outline is None:
                self.cuts.append(made._replace(way=tuple(self.way)))
                return False
            if (before - self.levels).max() > _MOVED:
                self.way.append(made)
                while sum(each.multipliers.size for each in self.way) > _WAY:
                    del self.way[0]
            if (before - self.levels).max() <= max(still, STILL) and lived == len(self.index):
                return True
            if self.solved > budget:
                break
        return self.outline is not None

    def _playable(self) -> Plans | None:
        """Drop the profiles that no continuations sustain; return continuations that sustain the others."""
        assert self.outline is not None
        if not len(self.index):
            return None
        found = plans(self.programs, Cloud(self.outline.corners))
        kept = found.missed <= MISSED
        if not kept.all():
            self.cuts.append(self.cut(~kept, found.multipliers)._replace(way=tuple(self.way)))
            self.way.clear()
            self.programs, self.index = self.programs.take(kept), self.index[kept]
            self.multipliers = self.multipliers[kept]
        return found.take(kept) if kept.any() else None

    def cut(self, out: Flags | None = None, rays: Floats | None = None) -> Cut:
        """Return the present half-planes, with the profiles that they show not to be playable."""
        found = self._cut(self.levels)
        if out is None or rays is None:
            return found
        return found._replace(killed=self.index[out], rays=rays[out])

    def proof(self) -> tuple[Cut, ...]:
        """Return the proof of the half-planes as they are."""
        if not len(self.index) or self.outline is None:
            return tuple(self.cuts)
        return (*self.cuts, self.cut()._replace(way=tuple(self.way)))

    def _cut(self, base: Floats) -> Cut:
        none = np.zeros((0, len(self.programs.views)))
        multipliers, nobody = self.multipliers.copy(), self.index[:0]
        return Cut(self.directions, self.levels, multipliers, self.index, nobody, none, base)

    def _only_leaving(self) -> bool:
        if not len(self.leaves):
            self.outline = None
            return False
        self.levels = (self.leaves @ self.directions.T).max(axis=0)
        self.outline = outlined(self.directions, self.levels)
        return True

    def _pairs(self) -> tuple[Indices, Indices]:
        owners, faces = np.indices((len(self.index), len(self.levels))).reshape(2, -1)
        return owners, faces

    def _affine(self, multipliers: Floats) -> Affine:
        """Return the bounds of profiles in all directions, and of leaving, as functions of the levels."""
        assert self.outline is not None
        owners, faces = self._pairs()
        found = functions_of(self.programs, self.outline, self.directions, owners, faces, multipliers)
        for leave in self.leaves:
            found = found.and_at_least(self.directions @ leave)
        return found

    def determining(self, multipliers: Floats | None = None) -> tuple[Affine, Floats]:
        """Return the function that determines each level, and the pulls on its continuations, (F, S, n).

        By default with the multipliers that are optimal for this set.
        """
        own = self.multipliers if multipliers is None else multipliers
        functions = self._affine(own)
        best = functions.largest(functions.at(self.levels))
        owners, faces = self._pairs()
        played = best < owners.size  # the others are determined by leaving
        owners, faces = owners[best[played]], faces[best[played]]
        pulls = np.zeros((len(self.levels), self.programs.chances.shape[1], self.directions.shape[1]))
        pulls[played] = self.programs.pulls(owners, self.directions[faces], own[owners, faces])
        return functions.take(best), pulls

    def _optimise(self, feasible: Plans, cloud: Cloud) -> None:
        """Optimise multipliers, from the highest bound of each direction down, until no other bound is higher."""
        floor = np.full(len(self.levels), -np.inf)
        if len(self.leaves):
            floor = (self.leaves @ self.directions.T).max(axis=0)
        found = winners(self.programs, cloud, self.directions, feasible, self.multipliers, floor)
        self.solved += found.solved

    def touching(self, directions: Floats, nearest: Indices) -> Touching:
        """Return points of the operator's value that attain its support in directions, with the profiles played there.

        Parameters
        ----------
        directions : (F, n) array
        nearest : (F,) array of int
            A half-plane near each direction, whose multipliers bound what profiles give.
        """
        assert self.outline is not None
        corners, signals = self.outline.corners, self.programs.chances.shape[1]
        best, owners = np.full(len(directions), -np.inf), np.full(len(directions), NOBODY)
        points, continuations = (
            np.zeros_like(directions),
            np.zeros((len(directions), signals, directions.shape[1])),
        )
        if len(self.leaves):
            worth = self.leaves @ directions.T
            best, owners = worth.max(axis=0), -1 - worth.argmax(axis=0)
            points = self.leaves[worth.argmax(axis=0)]
        feasible = self._playable()
        if feasible is None:
            return Touching(points, owners, continuations)
        cloud = Cloud(corners)
        found = winners(self.programs, cloud, directions, feasible, self.multipliers[:, nearest], best)
        self.solved += found.solved
        won = np.flatnonzero(found.owners != NOBODY)
        owners[won] = found.owners[won]
        continuations[won] = found.plans.take(won).continuations(signals, corners)
        points[won] = self.programs.payoffs(owners[won], continuations[won])
        return Touching(points, owners, continuations)
