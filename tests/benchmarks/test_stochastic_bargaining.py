"""Policy iteration against plain value iteration in NumPy: 1,000 states, discount factor .999."""

from time import process_time

import numpy as np
import pytest

from bargaining.protocols.stochastic import StochasticBargaining

STATES, DISCOUNT, TOLERANCE = 1000, 0.999, 1e-10


def dense(rng):
    return rng.dirichlet(np.full(STATES, 0.05), STATES)


def neighbours(rng):
    from scipy.sparse import diags_array

    stay = np.full(STATES, 0.4)
    stay[[0, -1]] = 0.7
    side = np.full(STATES - 1, 0.3)
    return diags_array([side, stay, side], offsets=[-1, 0, 1]).tocsr()


def value_iteration(c, P, k):
    """Iterate today's payoffs on tomorrow's until the error bound d / (1 - d) * change is met."""
    rows, values, change = np.arange(STATES), np.zeros((STATES, 2)), np.inf
    while change * DISCOUNT / (1 - DISCOUNT) > TOLERANCE:
        waiting = DISCOUNT * (P @ values)
        following = waiting.copy()
        following[rows, k] = np.maximum(c - waiting[rows, 1 - k], waiting[rows, k])
        change = np.abs(following - values).max()
        values = following
    return values


@pytest.mark.benchmark
@pytest.mark.parametrize("chain", [dense, neighbours])
def test_faster_than_value_iteration(chain):
    rng = np.random.default_rng(0)
    P, c, k = chain(rng), rng.uniform(0.5, 2, STATES), rng.integers(0, 2, STATES)
    StochasticBargaining(c, P, DISCOUNT, k)()
    times = []
    for _ in range(3):
        start = process_time()
        ours = StochasticBargaining(c, P, DISCOUNT, k)().payoffs
        times.append(process_time() - start)
    start = process_time()
    theirs = value_iteration(c, P, k)
    rival = process_time() - start
    ratio = rival / np.median(times)
    print(
        f"\n{chain.__name__}: ours {np.median(times):.3f} s, value iteration {rival:.2f} s, ratio {ratio:.0f}"
    )
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=2 * TOLERANCE)
    assert ratio >= 10
