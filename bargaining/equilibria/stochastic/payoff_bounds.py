"""Equilibrium payoffs of stochastic games, bounded from outside and from inside, state by state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import index
from bargaining._arrays import owning
from bargaining._rich import SHOWN, Card, Result, counted, number, point
from bargaining.equilibria._budget import Budget, Effort
from bargaining.equilibria.repeated.supporting_hyperplanes import (
    PayoffBounds,
    Sides,
    directions_of,
    in_units,
    repeated_payoff_bounds,
)
from bargaining.equilibria.sets.fan import corners, of_polygons
from bargaining.equilibria.sets.rows import Scaled
from bargaining.equilibria.sets.search import solve
from bargaining.errors import Status
from bargaining.games.stochastic import StochasticGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StochasticPayoffBounds(Result, Mapping[str, PayoffBounds]):
    """Bounds on the payoffs of every state, by the state's name, or by its number with `at`.

    Attributes
    ----------
    game : StochasticGame
        The game.
    bounds : tuple of PayoffBounds
        In the order of the game's states.
    """

    game: StochasticGame
    bounds: tuple[PayoffBounds, ...]
    _found: Any = field(default=None, repr=False)  # in the unit box

    def __repr__(self) -> str:
        status = ", ".join(sorted({some.status.name for some in self.bounds}))
        return (
            f"<StochasticPayoffBounds of {counted(len(self), 'state')}, gap {number(self.gap, 2)}, {status}>"
        )

    def _card(self) -> Card:
        """Return a row for each state."""
        rows = [
            [
                state,
                str(len(some.levels)),
                str(len(some.inner)),
                point(some.threat[0], self.game.player_names),
                some.status.name,
            ]
            for state, some in [*self.items()][: SHOWN * SHOWN]
        ]
        heads = ["state", "faces outside", "vertices inside", "threat at least", "status"]
        return Card(title="Bounds of equilibrium payoffs by state", heads=heads, rows=rows)

    def __getitem__(self, state: str) -> PayoffBounds:
        if state not in self.game.states:
            raise KeyError(state)
        return self.bounds[self.game.states.index(state)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.game.states)

    def __len__(self) -> int:
        return len(self.bounds)

    def at(self, state: int) -> PayoffBounds:
        """Return the bounds of a state given by its number."""
        return self.bounds[index(state, "state", "state", len(self))]

    @property
    def gap(self) -> float:
        """The largest distance by which an outer set reaches beyond the inner one, as a share of the payoff range."""
        return max(some.gap for some in self.bounds)

    @property
    def status(self) -> Status:
        """OK where every state's bounds are as close as required, or else the status of the first that are not."""
        return next((some.status for some in self.bounds if some.status is not Status.OK), Status.OK)


def stochastic_payoff_bounds(
    game: StochasticGame, tolerance: float, budget: Budget
) -> StochasticPayoffBounds:
    """Bound the payoffs of each state by polygons, see `payoff_bounds`."""
    scaled = Scaled.of(game)
    found, out = solve(scaled.rows, tolerance, budget), []
    for s, outer in enumerate(found.outer):
        inner = None if found.inner is None or not len(found.inner[s]) else corners(found.inner[s])
        outer = corners(outer)
        normals, levels, least = np.vstack([np.eye(2), -np.eye(2)]), np.full(4, -np.inf), np.full(2, np.nan)
        if len(outer):
            fan, (levels,), _ = of_polygons([outer], np.ones(2))
            lengths = np.linalg.norm(fan.normals, axis=1)
            normals, levels, least = fan.normals / lengths[:, None], levels / lengths, outer.min(axis=0)
        gap = found.gap if len(outer) else 0.0
        sides = Sides(inner, normals, levels, least, gap, not len(outer), found.rounds)
        out.append(in_units(sides, scaled.low, scaled.size, tolerance, game.player_names))
    return StochasticPayoffBounds(game=game, bounds=tuple(out), _found=found)


def several_payoff_bounds(
    game: StochasticGame, directions: ArrayLike | None, refinements: int, tolerance: float, effort: Effort
) -> StochasticPayoffBounds:
    """Bound the payoffs of each state of a game of three players or more by polytopes, see `payoff_bounds`."""
    from bargaining.equilibria.repeated._hyperplanes import refinement
    from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles

    if len(game) == 1:
        one = repeated_payoff_bounds(game._repeated(), directions, refinements, tolerance, effort)
        both = one._found if isinstance(one._found, refinement.Several) else None
        return StochasticPayoffBounds(game=game, bounds=(one,), _found=both)
    profiles = Profiles.of(game)
    found = refinement.bounded(
        profiles, directions_of(directions, profiles.size), refinements, tolerance, effort.budget()
    )
    out, outer = [], found.outer
    for s, hull in enumerate(found.inner):
        empty, points = not outer.filled[s], None if hull is None else hull.points
        levels = np.full(len(outer.directions), -np.inf) if empty else outer.levels[s]
        threat = np.full(game.players, np.nan) if empty else outer.threat[s]
        sides = Sides(points, outer.directions, levels, threat, found.gap, empty, outer.steps)
        out.append(in_units(sides, profiles.low, profiles.size, tolerance, game.player_names))
    return StochasticPayoffBounds(game=game, bounds=tuple(out), _found=found)
