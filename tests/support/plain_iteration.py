"""The largest fixed point of the operator of two players by plain outer iteration: no bounds, no jumps, no proofs."""

from itertools import product

import numpy as np

from bargaining import StochasticGame
from polygons import Leaving, clip, hull


def plain_iteration(game: StochasticGame, *, rounds: int = 600, still: float = 1e-11) -> list[np.ndarray]:
    """Apply the operator to the box of all payoffs until no vertex moves; return each state's vertices."""
    leaving = [
        leave and Leaving([tuple(map(float, row)) for row in leave.table], leave.who)
        for leave in map(Leaving.of, game.exits)
    ]
    stages = [stage.payoffs for stage in game.games]
    every = np.concatenate([g.reshape(-1, 2) for g in stages] + [leave.table for leave in leaving if leave])
    (left, low), (right, high) = every.min(axis=0), every.max(axis=0)
    sets = [np.array([[left, low], [right, low], [right, high], [left, high]])] * len(game)
    for _ in range(rounds):
        before = sets
        sets = [
            image(stages[s], game.transition(s), game.discounts, leaving[s], before) for s in range(len(game))
        ]
        if all(map(len, sets)) and all(
            v.shape == w.shape and np.abs(v - w).max() <= still for v, w in zip(before, sets, strict=True)
        ):
            break
    return sets


def image(stage: np.ndarray, law: np.ndarray, d: np.ndarray, leave: Leaving | None, sets: list) -> np.ndarray:
    """The hull of what the profiles of a state generate from sets, and of the outcomes of leaving."""
    points, least = [np.empty((0, 2))], [np.inf, np.inf]
    threat = np.array([v.min(axis=0) if len(v) else [np.inf] * 2 for v in sets])
    reached = law[..., None] > 0
    future = np.where(reached, law[..., None] * np.where(reached, threat, 0), 0).sum(axis=-2)
    worth = (1 - d) * stage + d * future
    for a in product(*map(range, stage.shape[:2])):
        deviation = worth[:, a[1], 0].max(), worth[a[0], :, 1].max()
        parts = [p * sets[t] for t, p in enumerate(law[a]) if p > 0]
        if not np.isfinite(deviation).all() or not all(map(len, parts)):
            continue
        values = (1 - d) * stage[a] + d * minkowski_sum(parts)
        for i in (0, 1):
            values = clip(values, i, deviation[i]) if len(values) else values
        least = [min(x, *values[:, k], np.inf) for k, x in enumerate(least)]
        for k in leave.who if leave else ():
            values = clip(values, k, leave.table[k][k]) if len(values) else values
        points.append(values)
    if leave:
        points.append(np.array(leave.equilibria([x - 1e-12 for x in least])).reshape(-1, 2))
    return hull(np.concatenate(points))


def minkowski_sum(polygons: list[np.ndarray]) -> np.ndarray:
    """The vertices of a sum, counter-clockwise from the lowest: all edges in the order of their angles."""
    edges = np.concatenate([np.roll(p, -1, axis=0) - p for p in polygons])
    order = np.argsort(np.arctan2(edges[:, 1], edges[:, 0]) % (2 * np.pi), kind="stable")
    lowest = sum(p[np.lexsort((p[:, 0], p[:, 1]))[0]] for p in polygons)
    return np.concatenate([[lowest], lowest + np.cumsum(edges[order], axis=0)[:-1]])
