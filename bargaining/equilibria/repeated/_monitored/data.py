"""The programs of a repeated game with a public signal, in the unit box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave, outcomes
from bargaining.equilibria._plane.polygon import Point
from bargaining.equilibria.repeated._monitored.programs import Indices, Programs
from bargaining.games.repeated import RepeatedGame


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """A game in the unit box of its feasible payoffs, and the inverse map.

    Attributes
    ----------
    programs : Programs
        The program of each profile, in the order of the arrays.
    payoffs : (P, n) array
        The stage payoffs in the unit box.
    leaves : list of Leave
        Outcomes of leaving, in the unit box.
    low, size : (n,) arrays
        The box.
    """

    programs: Programs
    payoffs: Floats
    leaves: list[Leave]
    low: Floats
    size: Floats

    @classmethod
    def of(cls, repeated: RepeatedGame) -> Data:
        """Map a game to the unit box; if one of more than two players may leave, all may, with the same payoffs."""
        game, leaving, monitoring = repeated.game, repeated.exit, repeated.monitoring
        assert monitoring is not None
        n = game.players
        stage = game.payoffs.reshape(-1, n)
        ends: list[Leave] = []
        if leaving is not None:
            ends = outcomes(leaving) if n == 2 else [Leave(cast("Point", tuple(leaving.payoffs[0].tolist())))]
        everything = np.vstack([stage, *(np.array(leave.payoffs)[None] for leave in ends)])
        low, size = everything.min(axis=0), np.ptp(everything, axis=0)
        size = np.where(size > 0.0, size, 1.0)
        unit = (stage - low) / size
        leaves = [
            Leave(
                cast("Point", tuple(((np.array(leave.payoffs) - low) / size).tolist())),
                leave.leaver,
                leave.number,
            )
            for leave in ends
        ]
        own = None if leaving is None else (leaving.own - low) / size
        return cls(_programs(repeated, unit, own), unit, leaves, low, size)

    def outside(self, points: Floats) -> Floats:
        """Return points in the unit of the payoffs."""
        return np.asarray(self.low + self.size * points)


def deviations(shape: tuple[int, ...]) -> Iterator[tuple[int, Indices]]:
    """Return the rows of deviations: the player, and the profile to which each profile leads."""
    number = np.arange(int(np.prod(shape))).reshape(shape)
    for i, size in enumerate(shape):
        for step in range(1, size):  # the action `step` places further, cyclically
            yield i, np.roll(number, -step, axis=i).ravel()


def _programs(repeated: RepeatedGame, unit: Floats, own: Floats | None) -> Programs:
    game, monitoring = repeated.game, repeated.monitoring
    assert monitoring is not None
    delta = repeated.discounts
    chances = monitoring.probabilities.reshape(-1, len(monitoring.signals))
    speakers: list[int] = []
    weights, limits = [], []
    for i, other in deviations(game.shape):
        speakers.append(i)
        weights.append(delta[i] * (chances[other] - chances))
        limits.append((1.0 - delta[i]) * (unit[:, i] - unit[other, i]))
    if own is not None:
        for i in np.flatnonzero(np.isfinite(own)).tolist():
            speakers.append(i)
            weights.append(-delta[i] * chances)
            limits.append((1.0 - delta[i]) * unit[:, i] - own[i])
    rows = len(speakers)
    return Programs(
        (1.0 - delta) * unit,
        delta,
        chances,
        np.eye(game.players)[np.array(speakers, dtype=np.intp)],
        np.stack(weights, axis=1) if rows else np.zeros((len(unit), 0, chances.shape[1])),
        np.stack(limits, axis=1) if rows else np.zeros((len(unit), 0)),
    )
