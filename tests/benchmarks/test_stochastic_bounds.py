"""Bounds of many states against a plain outer iteration, which proves nothing about its distance from the answer."""

from time import process_time

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from bargaining import payoff_bounds
from known_games import scattered

pytestmark = pytest.mark.benchmark

_NEAR = 1e-6


def plain(game, limit=1000):
    """Apply the operator to polygons whose vertices are at least 1e-6 apart until none moves by more."""
    delta = game.discounts[0]
    stages = [stage.payoffs.reshape(-1, 2) for stage in game.games]
    laws = [game.transition(s).reshape(len(stage), -1) for s, stage in enumerate(stages)]
    every = np.concatenate(stages)
    sets = [every[ConvexHull(every).vertices]] * len(game)
    for _ in range(limit):
        low = np.array([polygon.min(axis=0) if len(polygon) else [np.inf] * 2 for polygon in sets])
        edges = [np.roll(polygon, -1, axis=0) - polygon for polygon in sets]
        angles = [np.arctan2(edge[:, 1], edge[:, 0]) for edge in edges]
        images = [
            _image(game, s, stages[s], laws[s], delta, sets, low, edges, angles) for s in range(len(game))
        ]
        moved = max(
            np.abs(_reach(image) - _reach(polygon)).max() if len(image) else 0.0
            for image, polygon in zip(images, sets, strict=True)
        )
        sets = images
        if moved <= _NEAR:
            break
    return sets


def _image(game, s, stage, law, delta, sets, low, edges, angles):
    shape, out = game.shape(s), []
    with np.errstate(invalid="ignore"):
        after = np.where(law[:, :, None] > 0, law[:, :, None] * low, 0.0).sum(axis=1)
    worth = ((1 - delta) * stage + delta * after).reshape(*shape, 2)
    best = np.stack(
        np.broadcast_arrays(worth[..., 0].max(axis=0), worth[..., 1].max(axis=1)[:, None]), axis=-1
    )
    for now, chance, need in zip(stage, law, best.reshape(-1, 2), strict=True):
        ahead = np.flatnonzero(chance)
        if not np.isfinite(need).all() or not all(len(sets[k]) for k in ahead):
            continue
        angle = np.concatenate([angles[k] for k in ahead])
        steps = np.concatenate([chance[k] * edges[k] for k in ahead])[np.argsort(angle)]
        # A sum of polygons is traced from where all edges point to the left of minus 180 degrees.
        start = sum(chance[k] * sets[k][np.argmax(sets[k][:, 1] + 1e-12 * sets[k][:, 0])] for k in ahead)
        points = start + np.vstack([np.zeros(2), np.cumsum(steps, axis=0)[:-1]])
        out.append((1 - delta) * now + delta * points)
        for i in (0, 1):
            if len(out[-1]):
                out[-1] = _above(out[-1], i, need[i])
    points = np.concatenate([some for some in out if len(some)] or [np.empty((0, 2))])
    if not len(points):
        return points
    points = (
        points[ConvexHull(points).vertices]
        if len(points) > 3 and np.ptp(points, axis=0).min() > _NEAR
        else points
    )
    kept = [points[0]]
    for point in points[1:]:
        if np.abs(point - kept[-1]).sum() > _NEAR and np.abs(point - kept[0]).sum() > _NEAR:
            kept.append(point)
    return np.array(kept)


def _above(points, i, bound):
    inside, after = points[:, i] >= bound - 1e-13, np.roll(points, -1, axis=0)
    cut = np.flatnonzero(inside != np.roll(inside, -1))
    share = (bound - points[cut, i]) / (after[cut, i] - points[cut, i])
    crossed = points[cut] + share[:, None] * (after[cut] - points[cut])
    order = np.argsort(np.concatenate([np.flatnonzero(inside), cut + 0.5]), kind="stable")
    return np.concatenate([points[inside], crossed])[order]


_TURNS = np.linspace(0, 2 * np.pi, 16, endpoint=False)
_DIRECTIONS = np.stack([np.cos(_TURNS), np.sin(_TURNS)], axis=1)


def _reach(points):
    return (points @ _DIRECTIONS.T).max(axis=0)


def timed(function, *args, **options):
    start = process_time()
    found = function(*args, **options)
    return process_time() - start, found


@pytest.mark.parametrize(("delta", "seed", "times"), [(0.5, 5, 2.0), (0.9, 0, 1.0)])
def test_thirty_states_of_nine_profiles_take_no_longer_than_a_plain_iteration(delta, seed, times):
    game = scattered(30, 3, delta, seed)
    payoff_bounds(scattered(3, 2, 0.5, 0))
    ours, bounds = timed(payoff_bounds, game)
    theirs, sets = timed(plain, game)
    print(f"\nd={delta}: {ours:.2f} s, plain {theirs:.2f} s, ratio {ours / theirs:.2f}, gap {bounds.gap:.1e}")
    assert bounds.ok
    assert bounds.gap <= 1e-6
    for some, points in zip(bounds.bounds, sets, strict=True):
        assert len(some.inner)
        far = _reach(points)
        assert (_reach(some.inner) <= far + 1e-4).all()
    assert ours <= times * theirs


def test_a_hundred_states_take_less_than_twenty_seconds():
    taken, bounds = timed(payoff_bounds, scattered(100, 2, 0.9, 0), tolerance=1e-5)
    print(f"\n100 states: {taken:.1f} s, gap {bounds.gap:.1e}")
    assert bounds.ok
    assert taken < 20
