"""What two-player protocols ask of a feasible set: the best for one given a floor for the other."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet
from bargaining.problem import Problem, require_problem


def best_response(feasible: FeasibleSet, player: int, floor: Floats) -> Floats:
    """Return the highest payoff of `player` over feasible x that give the other at least `floor`."""
    free = np.full(np.shape(floor), -np.inf)
    pair = (free, floor) if player == 0 else (floor, free)
    best: Floats = feasible.ideal(np.stack(pair, axis=-1))[..., player]
    return best


def require_two(problem: Problem, protocol: str) -> None:
    """Refuse problems with another number of players."""
    require_problem(problem)
    if problem.players != 2:
        raise NotApplicable(f"{protocol} is for 2 players; the problem has {problem.players}.")
