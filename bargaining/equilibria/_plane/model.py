"""A stochastic game in the unit box; a *row* is one profile of one state, in the order of the states."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import inf, prod

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave, outcomes
from bargaining.equilibria._plane.polygon import Polygon
from bargaining.equilibria._plane.rationals import Rationals
from bargaining.games.stochastic import StochasticGame

Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A stochastic game in the unit box; N rows, S states, players first."""

    state: Indices  # (N,)
    payoffs: Floats  # (2, N)
    transitions: Floats  # (N, S)
    deviations: tuple[
        Indices, Indices
    ]  # (N, k): rows that differ in a player's action alone, the last one repeated; of one state the best reply
    discounts: Floats  # (2,)
    own: Floats  # (S, 2): what leaving gives, minus infinity to one who may not
    leaves: list[list[Leave]]

    @property
    def common(self) -> bool:
        """Whether the players are equally patient."""
        return bool(self.discounts[0] == self.discounts[1])


_Near = tuple[list[float], list[float]]
_NEAR = 1e-13  # in the unit box: given payoffs that lie nearer are meant
_LOWEST = 1e-12  # in the unit box: a payoff that is less above the threat is the threat


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The model in the unit box of all payoffs, the box, and each player's payoffs as given and there, shape (2, M)."""

    model: Model
    low: Floats
    size: Floats
    given: Floats
    units: Floats

    @classmethod
    def of(cls, game: StochasticGame) -> Scaled:
        """Map the game to the unit box of its feasible payoffs."""
        leaves = [[] if leaving is None else outcomes(leaving) for leaving in game.exits]
        given = [stage.payoffs.reshape(-1, 2) for stage in game.games]
        count = sum(map(len, given))
        given += [np.array([leave.payoffs]) for some in leaves for leave in some]
        everything = np.ascontiguousarray(np.concatenate(given).T)
        low = everything.min(axis=1)
        size = everything.max(axis=1) - low
        size[size == 0.0] = 1.0
        unit, own = (everything[:, :count] - low[:, None]) / size[:, None], (game.exit_own - low) / size
        ends = [[(np.array(leave.payoffs) - low) / size for leave in some] for some in leaves]
        if any(part.has_fractions for part in (*game.games, *game.exits) if part is not None):
            # Rounded in the box only: an offset costs no digits.
            data = Rationals(game)
            unit = np.ascontiguousarray(np.array(data.payoffs, dtype=float).T)
            ends = [[np.array(point, dtype=float) for point, _ in data.leaves(s)] for s in range(len(game))]
            own = np.array([data.own(s, i) for s in range(len(game)) for i in (0, 1)], dtype=float)
            own = np.where(np.isnan(own), -np.inf, own).reshape(-1, 2)
        units = [
            [
                Leave((end.item(0), end.item(1)), leave.leaver, leave.number)
                for leave, end in zip(some, there, strict=True)
            ]
            for some, there in zip(leaves, ends, strict=True)
        ]
        boxed = np.concatenate(
            [unit, np.array([end for some in ends for end in some]).reshape(-1, 2).T], axis=1
        )
        return cls(_model(game, unit, units, own), low, size, everything, boxed)

    def back(self, polygons: list[Polygon], threat: Floats) -> list[tuple[Floats, Floats]]:
        """Return the vertices and the threat of each state in the unit of the payoffs.

        What is a stage payoff or a payoff of leaving is returned as it was given.
        """
        pairs = [*zip(polygons, threat.tolist(), strict=True)]
        every = [point for polygon, least in pairs if polygon for point in (*polygon, least)]
        near = [self._near(i, [point[i] for point in every]) for i in (0, 1)]
        return [self._state_back(polygon, least, near) for polygon, least in pairs]

    def _state_back(
        self, polygon: Polygon, least: list[float], near: list[tuple[list[float], list[float]]]
    ) -> tuple[Floats, Floats]:
        if not polygon:
            return np.empty((0, 2)), np.full(2, np.nan)
        columns = zip(*polygon, strict=True)
        raised = [
            [x if x - low >= _LOWEST else low for x in xs] for xs, low in zip(columns, least, strict=True)
        ]
        ends = [self._as_given(i, [*raised[i], least[i]], near[i]) for i in (0, 1)]
        rows = [*zip(*ends, strict=True)]
        vertices, back = rows[:-1], np.array(rows[-1])
        first = vertices.index(min(vertices))
        turned = np.array(vertices[first:] + vertices[:first])
        turned.flags.writeable = back.flags.writeable = False
        return turned, back

    def _near(self, i: int, units: list[float]) -> _Near:
        """Return what player i's given payoffs are in the box, increasing, from the least to the largest of some."""
        unit = self.units[i]
        low, high = min(units, default=inf) - 2 * _NEAR, max(units, default=-inf) + 2 * _NEAR
        k = np.flatnonzero((unit >= low) & (unit <= high))
        k = k[np.argsort(unit[k])]
        return unit[k].tolist(), self.given[i][k].tolist()

    def _as_given(self, i: int, values: list[float], near: _Near) -> list[float]:
        """Return payoffs of player i, replaced by the given numbers where they differ only by rounding."""
        (units, given), out = near, []
        for value in values:
            k = bisect_left(units, value)
            close = [j for j in (k - 1, k) if 0 <= j < len(units) and abs(units[j] - value) < _NEAR]
            out.append(given[close[-1]] if close else self.low.item(i) + self.size.item(i) * value)
        return out


def _model(game: StochasticGame, payoffs: Floats, leaves: list[list[Leave]], own: Floats) -> Model:
    """Return the model with payoffs, outcomes of leaving and what leavers get in the unit box."""
    shapes = [game.shape(s) for s in range(len(game))]
    counts = [prod(shape) for shape in shapes]
    width = max(max(shape) for shape in shapes) if len(shapes) > 1 else 1
    tables: tuple[list[Indices], list[Indices]] = [], []
    for first, (m, n) in zip(accumulate([0, *counts[:-1]]), shapes, strict=True):
        rows = first + np.arange(m * n).reshape(m, n)
        if len(shapes) == 1:  # whatever is done the same follows: only the best reply matters
            x, y = payoffs.reshape(2, m, n)
            tables[0].append(np.tile(rows[x.argmax(axis=0), np.arange(n)], m)[:, None])
            tables[1].append(np.repeat(rows[np.arange(m), y.argmax(axis=1)], n)[:, None])
            break
        for i, table in enumerate((np.tile(rows.T, (m, 1)), np.repeat(rows, n, axis=0))):
            tables[i].append(np.pad(table, ((0, 0), (0, width - table.shape[1])), mode="edge"))
    return Model(
        state=np.repeat(np.arange(len(counts)), counts),
        payoffs=payoffs,
        transitions=np.concatenate([game.transition(s).reshape(n, -1) for s, n in enumerate(counts)]),
        deviations=(np.concatenate(tables[0]), np.concatenate(tables[1])),
        discounts=game.discounts,
        own=own,
        leaves=leaves,
    )
