"""A stochastic game in the unit box, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._minkowski import Indices
from bargaining.equilibria._operator import Leave
from bargaining.equilibria._polygon import Polygon, outline
from bargaining.equilibria._scaled import outcomes
from bargaining.equilibria._stochastic_model import Model, Replies
from bargaining.equilibria._stochastic_operator import credible
from bargaining.equilibria._stochastic_search import Search
from bargaining.games.stochastic import StochasticGame

_NEAR = 1e-13
_LOWEST = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Scaled:
    """The model in the unit box of all payoffs, the box, and each player's payoffs, increasing, in it and as given."""

    model: Model
    low: Floats
    size: Floats
    known: tuple[Floats, Floats]
    given: tuple[Floats, Floats]

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
        units = [
            [Leave(_pair((np.array(k.payoffs) - low) / size), k.leaver, k.number) for k in some]
            for some in leaves
        ]
        model = _model(game, ((payoffs - low) / size).T, units, (game.exit_own - low) / size)
        values = tuple(np.unique(everything[:, i]) for i in (0, 1))
        known = tuple((value - low[i]) / size[i] for i, value in enumerate(values))
        return cls(model, low, size, (known[0], known[1]), (values[0], values[1]))

    def solve(self, limit: int) -> Search:
        """Return the finished search for the largest fixed point.

        Outcomes of leaving are first taken as given, which can only enlarge the sets. Those that are not credible
        even then are dropped, and the search is done again: what is left is credible in its own set.
        """
        model, iterations, solves = self.model, 0, 0
        while True:
            search = Search.start(model, self.start())
            search.run(limit)
            iterations, solves = iterations + search.iterations, solves + search.solves
            leaves = credible(model, search.polygons, search.threat(search.polygons))
            if leaves == model.leaves:
                search.iterations, search.solves = iterations, solves
                return search
            model = replace(model, leaves=leaves)

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
        unit = np.array([*polygon, threat])
        unit = np.where(unit - threat < _LOWEST, threat, unit)
        points = self.low + self.size * unit
        for i in (0, 1):
            k = np.searchsorted(self.known[i], unit[:, i])
            for near in (np.maximum(k - 1, 0), np.minimum(k, len(self.known[i]) - 1)):
                same = np.abs(self.known[i][near] - unit[:, i]) < _NEAR
                points[same, i] = self.given[i][near[same]]
        first = min(range(len(polygon)), key=lambda k: points[k].tolist())
        order = [*range(first, len(polygon)), *range(first)]
        vertices, back = points[order], points[-1]
        vertices.flags.writeable = back.flags.writeable = False
        return vertices, back


def _model(game: StochasticGame, payoffs: Floats, leaves: list[list[Leave]], own: Floats) -> Model:
    """Return the model with payoffs, outcomes of leaving and what leavers get in the unit box."""
    counts = [int(np.prod(game.shape(s))) for s in range(len(game))]
    stops = np.cumsum(counts).tolist()
    transitions = np.concatenate([game.transition(s).reshape(count, -1) for s, count in enumerate(counts)])
    laws, law = _distinct(transitions)
    state = np.repeat(np.arange(len(counts)), counts)
    kinds, twins = _distinct(np.stack([*payoffs, state, law], axis=1))
    delta = game.discounts[:, None]
    return Model(
        states=[slice(stop - count, stop) for stop, count in zip(stops, counts, strict=True)],
        state=state,
        now=(1.0 - delta) * payoffs,
        payoffs=payoffs,
        transitions=transitions,
        laws=laws,
        law=law,
        replies=(_replies(game, 0), _replies(game, 1)),
        discounts=delta,
        own=own,
        leaves=leaves,
        common=delta.item(0) == delta.item(1),
        twins=twins if len(kinds) < len(law) else None,
    )


def _pair(array: Floats) -> tuple[float, float]:
    return array.item(0), array.item(1)


def _distinct(rows: Floats) -> tuple[Floats, Indices]:
    """Return the rows that differ, in order of appearance, and the number of each row among them."""
    numbers: dict[bytes, int] = {}
    number = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in rows])
    return rows[np.unique(number, return_index=True)[1]], number


def _replies(game: StochasticGame, player: int) -> Replies:
    groups, states, first = [], [], 0
    for s in range(len(game)):
        own, other = game.shape(s)[player], game.shape(s)[1 - player]
        count = np.arange(first, first + other)
        groups.append(np.tile(count, own) if player == 0 else np.repeat(count, own))
        states.append(np.full(other, s))
        first += other
    group = np.concatenate(groups)
    order = np.argsort(group, kind="stable")
    return Replies(group, np.concatenate(states), order, np.searchsorted(group[order], np.arange(first)))
