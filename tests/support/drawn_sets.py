"""Concave chains for Hypothesis, built from steps whose slopes are sorted, so that none is filtered."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

SCALES = [1e-12, 1e-6, 1.0, 1e6, 1e12]
EXACT_SCALES = [2.0**-40, 2.0**-20, 1.0, 2.0**20, 2.0**40]  # with these, moved integers are not rounded

step = st.tuples(st.integers(1, 9), st.integers(1, 9))
steps = st.lists(step, min_size=1, max_size=6)


def chain(pairs: list[tuple[int, int]]) -> np.ndarray:
    """The strictly decreasing concave chain of some steps (run, fall), from player 1's axis to player 0's."""
    ordered = sorted(pairs, key=lambda s: Fraction(s[1], s[0]))
    x, y = np.cumsum([[0, 0], *ordered], axis=0).T
    return np.column_stack((x, y[-1] - y)).astype(float)


chains = st.lists(step, min_size=1, max_size=6, unique=True).map(chain)
