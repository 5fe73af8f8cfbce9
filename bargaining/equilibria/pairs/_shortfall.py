"""How far contracts are from being each pair's Nash solution, from values of the gains at other contracts."""

from __future__ import annotations

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.pairs.deal import Pairs

_EVEN = 65  # contracts across the whole range
_HALVINGS = 40  # and ever nearer to the pair's own, on either side
_CHANGE = 1e-2  # part of a gain over which its slope is measured
_SCALES = 2.0 ** np.array([0, -4, -8])  # of that: a kink nearby spoils some, rounding the last
_NOISE = 5e-9  # of slopes at the shortest steps
# The slope at 0 from five values at 0, 1, ..., 4.
_ONE_SIDED = np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12

_HALVES = 2.0 ** -np.arange(_HALVINGS)
_NEAR = (
    np.concatenate([[0.0], _HALVES, np.zeros(_HALVINGS)]),
    np.concatenate([np.zeros(1 + _HALVINGS), _HALVES]),
)
_ACROSS = (np.arange(_EVEN) + 0.5) / _EVEN
_STEPS = (_SCALES[:, None] * np.arange(1, 5) / 4).ravel()


def shortfall(pairs: Pairs, contracts: Floats) -> tuple[float, Floats]:
    """Return how far the worst of the pairs misses, and the gains of all, (k, 2).

    A pair misses what another contract adds to its product, as a part of it. Or it misses what the slopes of the
    product's logarithm show, upwards on the right or downwards on the left (at a limit only inwards): the slope times
    the square of the scale on which the gains change is about how far the peak is, and counts over the range.
    """
    if not ((contracts >= pairs.lower) & (contracts <= pairs.upper)).all():
        return np.inf, np.full((len(pairs), 2), np.nan)
    sides = np.stack([pairs.upper - contracts, contracts - pairs.lower])
    near = contracts[:, None] + sides[0][:, None] * _NEAR[0] - sides[1][:, None] * _NEAR[1]
    gains = _at(
        pairs,
        contracts,
        np.concatenate([near, pairs.lower[:, None] + pairs.ranges[:, None] * _ACROSS], axis=1),
    )
    here = gains[:, :, 0]
    if not (here > 0).all():
        return np.inf, here
    both = np.asarray((gains > 0).all(axis=1))
    heights = (pairs.weights[:, :, None] * np.log(np.where(both[:, None], gains, 1.0))).sum(axis=1)
    above = (np.where(both, heights, -np.inf) - heights[:, :1]).max()
    beside = gains[:, :, 1 : 1 + 2 * _HALVINGS].reshape(len(pairs), 2, 2, _HALVINGS)
    level = here[:, :, None, None]
    calm = np.asarray((np.abs(beside - level) <= _CHANGE * level).all(axis=1))
    lengths = np.where(calm.any(axis=2), sides.T * _HALVES[calm.argmax(axis=2)], 0.0)
    return float(max(-np.expm1(-above), _beside(pairs, contracts, here, lengths))), here


def _beside(pairs: Pairs, contracts: Floats, here: Floats, lengths: Floats) -> float:
    """Return how far the worst peak is to the right or to the left of its contract by the slopes there, over the range.

    Where the scales of the steps do not agree there is a kink among the wider ones.
    """
    signed = lengths * [1.0, -1.0]
    own = contracts[:, None] + (signed[:, :, None] * _STEPS).reshape(len(pairs), -1)
    gains = _at(pairs, contracts, own).reshape(len(pairs), 2, 2, len(_SCALES), 4)
    level = here[:, :, None, None]
    rises = (gains @ _ONE_SIDED[1:] + _ONE_SIDED[0] * level) / level * (4 / _SCALES)
    scale = np.minimum(lengths / _CHANGE, pairs.ranges[:, None])
    weighed = (pairs.weights[:, :, None, None] * rises).sum(axis=1)
    misses = weighed * (scale**2 / (lengths * pairs.ranges[:, None]))[:, :, None]
    chosen = np.where(np.ptp(misses, axis=2) <= _NOISE, misses[:, :, 0], misses[:, :, -1])
    least = pairs.ranges[:, None] * _HALVES[-1]  # nearer to a limit is as good as there
    return float(np.where(lengths > least, chosen, 0.0).max(initial=0.0))


def _at(pairs: Pairs, contracts: Floats, own: Floats) -> Floats:
    """Return the gains, (k, 2, m), at each pair's own contracts, (k, m), the others as given."""
    size = len(pairs)
    points = np.empty((size, size, own.shape[1]))
    points[:] = contracts[:, None]
    points[range(size), range(size)] = np.minimum(np.maximum(own, pairs.lower[:, None]), pairs.upper[:, None])
    return pairs.gains(points)
