"""Payoff sets of two states with two actions each by a plain iteration, and how a plan fares in them."""

from itertools import product

import numpy as np

from polygons import clip, hull


def lowest(stages, laws, leave, d, rounds=200):
    """Iterate sets in two states from a box down; return the lowest payoffs, NaN where nothing is left."""
    low, high = stages.min() - 9, stages.max() + 9
    sets = [np.array([[low, low], [high, low], [high, high], [low, high]], dtype=float)] * 2
    for _ in range(rounds):
        threat = np.array([v.min(axis=0) if len(v) else [np.inf] * 2 for v in sets])
        before, sets = sets, [image(stages[s], laws[s], leave[s], d, sets, threat) for s in (0, 1)]
        if all(
            v.shape == w.shape and np.allclose(v, w, rtol=0, atol=1e-13)
            for v, w in zip(before, sets, strict=True)
        ):
            break
    return np.array([v.min(axis=0) if len(v) else [np.nan] * 2 for v in sets])


def image(stage, law, leave, d, sets, threat):
    points = [] if leave is None else [np.array([leave])]
    for a in product((0, 1), (0, 1)):
        parts = [law[a][t] * sets[t] for t in (0, 1) if law[a][t] > 0]
        if not all(len(part) for part in parts):
            continue
        after = parts[0] if len(parts) == 1 else hull((parts[0][:, None] + parts[1][None]).reshape(-1, 2))
        values = (1 - d) * stage[a] + d * after
        for i in (0, 1):
            bound = best(stage, law, a, i, d, threat)
            values = (
                clip(values, i, bound if leave is None else max(bound, leave[i])) if len(values) else values
            )
        points.append(values)
    return hull(np.concatenate(points)) if sum(map(len, points)) else np.zeros((0, 2))


def best(stage, law, a, i, d, threat):
    """What i gets by the other action, which is punished."""
    b = tuple(1 - a[k] if k == i else a[k] for k in (0, 1))
    with np.errstate(invalid="ignore"):
        future = sum(law[b][t] * threat[t, i] for t in (0, 1) if law[b][t] > 0)
    return (1 - d) * stage[b][i] + d * future


def margin(stages, laws, leave, plan, d):
    """The least slack of the plan, with what it is worth summed over 200 periods."""
    u = np.zeros((2, 2))
    for _ in range(200):
        u = np.array([(1 - d) * stages[s][plan[s]] + d * laws[s][plan[s]] @ u for s in (0, 1)])
    threat = lowest(stages, laws, leave, d)
    if np.isnan(threat).any():
        return -np.inf
    slack = [u[s, i] - best(stages[s], laws[s], plan[s], i, d, threat) for s in (0, 1) for i in (0, 1)]
    slack += [u[s, i] - leave[s][i] for s in (0, 1) if leave[s] is not None for i in (0, 1)]
    return min(slack)
