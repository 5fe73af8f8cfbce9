"""Games that a renaming of players and actions leaves alone, drawn at random."""

from itertools import product

import numpy as np


def played(order, actions, profile):
    """The profile after player i has become `order[i]`, and her action k the action `actions[i][k]`."""
    after = [0] * len(order)
    for i, k in enumerate(order):
        after[k] = actions[i][profile[i]]
    return tuple(after)


def symmetric(rng, n, size, order, actions):
    """Integers that a renaming, and so its powers, leave alone."""
    payoffs = np.full((size,) * n + (n,), -1)
    for a in product(range(size), repeat=n):
        for i in range(n):
            number, at, player = rng.integers(0, 9), a, i
            while payoffs[(*at, player)] < 0:
                payoffs[(*at, player)] = number
                at, player = played(order, actions, at), order[player]
    return payoffs


CASES = [
    (2, 2, (1, 0), [(0, 1), (0, 1)]),
    (2, 3, (1, 0), [(0, 1, 2), (2, 0, 1)]),
    (3, 2, (1, 0, 2), [(0, 1), (0, 1), (0, 1)]),
    (3, 2, (1, 2, 0), [(0, 1), (1, 0), (1, 0)]),
    (3, 2, (0, 1, 2), [(0, 1), (0, 1), (0, 1)]),
]
