"""Equilibrium payoffs of n players from outside, by linear programs alone; shares no code with the library.

The half-spaces `directions @ v <= levels` are pushed in to how far the payoffs of some profile go in each direction,
followed by what keeps everybody to it, or to what leaving gives. Every round holds all equilibrium payoffs.
"""

import numpy as np
from scipy.optimize import linprog

from bargaining import RepeatedGame


def pushed_in(repeated: RepeatedGame, directions: np.ndarray, rounds: int) -> np.ndarray:
    """The levels after some rounds from the box of all payoffs; the axes have to be among the directions."""
    n, discounts = repeated.players, repeated.discounts
    stage, best = repeated.game.payoffs.reshape(-1, n), repeated.game.deviations().reshape(-1, n)
    outside = None if repeated.exit is None else repeated.exit.payoffs[0]
    everything = stage if outside is None else np.vstack([stage, outside])
    low, high = everything.min(axis=0), everything.max(axis=0)
    levels = np.where(directions > 0, directions * high, directions * low).sum(axis=1)
    lower = [int(np.flatnonzero((directions == -axis).all(axis=1))[0]) for axis in np.eye(n)]
    for _ in range(rounds):
        threat = -levels[lower] if outside is None else outside
        reach = np.full(len(directions), -np.inf) if outside is None else directions @ outside
        for gets, tempts in zip(stage, best, strict=True):
            floor = threat + (1 - discounts) / discounts * (tempts - gets)
            if outside is not None:
                floor = np.maximum(floor, (outside - (1 - discounts) * gets) / discounts)
            for k, pull in enumerate(directions):
                found = linprog(
                    -pull * discounts, A_ub=directions, b_ub=levels, bounds=[(x - 1e-9, None) for x in floor]
                )
                if found.status == 2:
                    break
                reach[k] = max(reach[k], pull @ ((1 - discounts) * gets) - found.fun)
        levels = np.minimum(levels, reach)
    return levels


def paths(repeated: RepeatedGame, length: int) -> np.ndarray:
    """Payoffs of stage equilibria played in a row, up to so many, then one of them for ever, or all leave.

    Nobody gains by another action, as what follows does not depend on it; nor by leaving, if at no date what is
    still to come is worth less than that.
    """
    n, discounts = repeated.players, repeated.discounts
    stage, best = repeated.game.payoffs.reshape(-1, n), repeated.game.deviations().reshape(-1, n)
    still = stage[(stage == best).all(axis=1)]
    outside = None if repeated.exit is None else repeated.exit.payoffs[0]
    found = [still] if outside is None else [still[(still >= outside).all(axis=1)], outside[None]]
    found = last = np.vstack(found)
    for _ in range(length):
        last = ((1 - discounts) * still[:, None] + discounts * last).reshape(-1, n)
        if outside is not None:
            last = last[(last >= outside).all(axis=1)]
        found = np.vstack([found, last])
    return found
