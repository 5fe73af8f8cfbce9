"""A stochastic game in the unit box, and the way back."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, chain
from math import prod

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave, outcomes
from bargaining.equilibria._plane.minkowski import Indices
from bargaining.equilibria._plane.model import Model, Replies
from bargaining.equilibria._plane.polygon import Polygon, outline
from bargaining.equilibria._plane.rationals import Rationals
from bargaining.games.stochastic import StochasticGame

_NEAR = 1e-13  # in the unit box: given payoffs that lie nearer are meant
_LOWEST = 1e-12  # in the unit box: a payoff that is less above the threat is the threat


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The model in the unit box of all payoffs, the box, and each player's payoffs as given, increasing."""

    model: Model
    low: Floats
    size: Floats
    given: tuple[list[float], list[float]]

    @classmethod
    def of(cls, game: StochasticGame) -> Scaled:
        """Map the game to the unit box of all payoffs it can give."""
        payoffs = np.concatenate([stage.payoffs.reshape(-1, 2) for stage in game.games])
        leaves = [[] if leaving is None else outcomes(leaving) for leaving in game.exits]
        given = [payoffs, *(np.array([leave.payoffs]) for some in leaves for leave in some)]
        everything = np.concatenate(given)
        low = everything.min(axis=0)
        size = everything.max(axis=0) - low
        size[size == 0.0] = 1.0
        unit, own = (payoffs - low) / size, (game.exit_own - low) / size
        ends = [[(np.array(leave.payoffs) - low) / size for leave in some] for some in leaves]
        if any(part.has_fractions for part in (*game.games, *game.exits) if part is not None):
            # Rounded in the box only: an offset costs no digits.
            data = Rationals(game)
            unit = np.array(data.payoffs, dtype=float)
            ends = [[np.array(point, dtype=float) for point, _ in data.leaves(s)] for s in range(len(game))]
            own = np.array([data.own(s, i) for s in range(len(game)) for i in (0, 1)], dtype=float)
            own = np.where(np.isnan(own), -np.inf, own).reshape(-1, 2)
        units = [
            [Leave(_pair(end), leave.leaver, leave.number) for leave, end in zip(some, there, strict=True)]
            for some, there in zip(leaves, ends, strict=True)
        ]
        model = _model(game, unit.T, units, own)
        first, second = (sorted({*column}) for column in everything.T.tolist())
        return cls(model, low, size, (first, second))

    def start(self) -> Polygon:
        """Return a set that holds every payoff: their hull, or their box if the players differ in patience."""
        leaves = [leave.payoffs for some in self.model.leaves for leave in some]
        points = np.concatenate([self.model.payoffs, np.array(leaves).reshape(-1, 2).T], axis=1)
        if not self.model.common:
            (left, low), (right, high) = points.min(axis=1).tolist(), points.max(axis=1).tolist()
            points = np.array([[left, right, right, left], [low, low, high, high]])
        corners = outline(points)
        return list(zip(*points[:, corners].tolist(), strict=True))

    def back(self, polygon: Polygon, threat: Floats) -> tuple[Floats, Floats]:
        """Return the vertices and the threat of one state in the unit of the payoffs.

        What is a stage payoff or a payoff of leaving is returned as it was given.
        """
        if not polygon:
            return np.empty((0, 2)), np.full(2, np.nan)
        least, columns = threat.tolist(), zip(*polygon, strict=True)
        raised = [
            [x if x - low >= _LOWEST else low for x in xs] for xs, low in zip(columns, least, strict=True)
        ]
        rows = [*zip(*(self._as_given(i, [*raised[i], least[i]]) for i in (0, 1)), strict=True)]
        vertices, back = rows[:-1], np.array(rows[-1])
        first = vertices.index(min(vertices))
        turned = np.array(vertices[first:] + vertices[:first])
        turned.flags.writeable = back.flags.writeable = False
        return turned, back

    def _as_given(self, i: int, units: list[float]) -> list[float]:
        """Return payoffs of player i, the numbers given wherever they are these but for rounding."""
        low, size, given = self.low.item(i), self.size.item(i), self.given[i]

        def unit(payoff: float) -> float:
            return (payoff - low) / size

        out = []
        for value in units:
            k = bisect_left(given, value, key=unit)
            near = [payoff for payoff in given[max(k - 1, 0) : k + 1] if abs(unit(payoff) - value) < _NEAR]
            out.append(near[-1] if near else low + size * value)
        return out


def _model(game: StochasticGame, payoffs: Floats, leaves: list[list[Leave]], own: Floats) -> Model:
    """Return the model with payoffs, outcomes of leaving and what leavers get in the unit box."""
    shapes = [game.shape(s) for s in range(len(game))]
    counts = [prod(shape) for shape in shapes]
    transitions = np.concatenate([game.transition(s).reshape(count, -1) for s, count in enumerate(counts)])
    laws, law = _distinct(transitions)
    state = np.repeat(np.arange(len(counts)), counts)
    kinds = dict[tuple[float, ...], int]()
    every = zip(*payoffs.tolist(), state.tolist(), law.tolist(), strict=True)
    twins = [kinds.setdefault(kind, len(kinds)) for kind in every]
    delta = game.discounts[:, None]
    return Model(
        states=[slice(stop - count, stop) for stop, count in zip(accumulate(counts), counts, strict=True)],
        state=state,
        now=(1.0 - delta) * payoffs,
        payoffs=payoffs,
        transitions=transitions,
        laws=laws,
        law=law,
        replies=(_replies(shapes, 0), _replies(shapes, 1)),
        discounts=delta,
        own=own,
        leaves=leaves,
        common=delta.item(0) == delta.item(1),
        twins=np.array(twins) if len(kinds) < len(twins) else None,
    )


def _pair(array: Floats) -> tuple[float, float]:
    return array.item(0), array.item(1)


def _distinct(rows: Floats) -> tuple[Floats, Indices]:
    """Return the rows that differ, in order of appearance, and the number of each row among them."""
    first = dict[bytes, int]()
    like = [first.setdefault(row.tobytes(), k) for k, row in enumerate(rows)]
    kept = [*first.values()]
    return rows[kept], np.searchsorted(kept, like)


def _replies(shapes: list[tuple[int, ...]], player: int) -> Replies:
    """Return the groups of profiles that differ in one player's action alone, state by state."""
    groups, states, first = list[range](), list[int](), 0
    for s, (count, width) in enumerate(shapes):
        rows = range(first, first + count * width)
        across = [rows[k::width] for k in range(width)]
        along = [rows[k : k + width] for k in range(0, len(rows), width)]
        groups += (across, along)[player]
        states += [s] * (width, count)[player]
        first = rows.stop
    order, lengths = np.array([*chain(*groups)]), [len(group) for group in groups]
    group = np.empty_like(order)
    group[order] = np.repeat(np.arange(len(groups)), lengths)
    return Replies(group, np.array(states), order, np.cumsum(lengths, dtype=np.intp) - lengths)
