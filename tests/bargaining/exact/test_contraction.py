"""Levels that affine bounds prove, against the largest fixed point by plain iteration."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining.exact.polytope_proof import Bound, levels_proved


def drawn(rng: np.random.Generator, size: int) -> list[list[Bound]]:
    """Two bounds for each level, of which some grow faster than what they bound."""
    return [
        [
            (
                Fraction(int(rng.integers(-8, 9)), 20),
                [(int(k), Fraction(int(rng.integers(1, 24)), 20)) for k in rng.integers(0, size, 1)],
            )
            for _ in range(2)
        ]
        for _ in range(size)
    ]


def largest(bounds: list[list[Bound]], start: float) -> np.ndarray | None:
    """Lower all levels to their bounds again and again; None where nothing stops them."""
    levels, before = [start] * len(bounds), [np.inf]
    for _ in range(1000):
        if levels == before:
            return np.array(levels)
        before = levels
        reach = [max(float(a) + sum(float(w) * levels[k] for k, w in b) for a, b in some) for some in bounds]
        levels = [min(pair) for pair in zip(levels, reach, strict=True)]
    return None


@pytest.mark.parametrize("lower", [0.0, 0.05, 0.5])
def test_what_is_proved_is_not_below_the_largest_fixed_point(lower: float) -> None:
    rng, proved, tried = np.random.default_rng(0), 0, 0
    while tried < 200:
        size = int(rng.integers(1, 4))
        bounds = drawn(rng, size)
        truth = largest(bounds, 1.0)
        if truth is None:
            continue
        levels = levels_proved(bounds, np.ones(size), truth - lower, np.ones(size))
        tried += 1
        if levels is not None:
            proved += 1
            assert (np.array([float(level) for level in levels]) >= truth - 1e-12).all()
    assert proved > 20 or lower
