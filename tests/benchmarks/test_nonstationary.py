"""Offers along a path with three kinks, none of them announced, against a fine grid of periods and an ODE solver."""

import math
from itertools import pairwise
from time import process_time

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from bargaining.protocols.nonstationary import NonstationaryOffers

RATES, KINKS, HORIZON = (0.2, 0.35), (1.0, 3.0, 4.5), 80.0
MEAN = sum(RATES) / 2


def surplus(t):
    return 2 + 0.1 * np.clip(t - 1, 0, 2)


def flow(t):
    return np.where(t < 4.5, 0.05, 0.3)


def push(t):
    """What y = x_0 - x_1 gains on waiting, with math's scalars: y' = MEAN y - push."""
    return (RATES[1] - RATES[0]) / 2 * (2 + 0.1 * min(max(t - 1, 0), 2)) + (0.05 if t < 4.5 else 0.3)


def exact():
    edges = [0.0, *KINKS, 20.0, 50.0, 150.0]
    parts = [quad(lambda t: math.exp(-MEAN * t) * push(t), a, b, epsabs=1e-14)[0] for a, b in pairwise(edges)]
    return 1 + sum(parts) / 2


def grid(dt):
    """Backward induction with offers every dt, each player proposing with probability one half."""
    x, y = surplus(HORIZON) / 2, surplus(HORIZON) / 2
    keep, other = math.exp(-RATES[0] * dt), math.exp(-RATES[1] * dt)
    for k in range(round(HORIZON / dt) - 1, -1, -1):
        t = (k + 0.5) * dt
        x, y = keep * x + (0.05 if t < 4.5 else 0.3) * dt, other * y
        half = (2 + 0.1 * min(max(k * dt - 1, 0), 2) - x - y) / 2
        x, y = x + half, y + half
    return x


def extrapolated():
    """Third order from steps 1/250, 1/500, 1/1000."""
    a, b, c = (grid(1 / n) for n in (250, 500, 1000))
    return (8 * c - 6 * b + a) / 3


def ode():
    last = (RATES[1] - RATES[0]) / RATES[0] / 2
    path = solve_ivp(
        lambda t, y: MEAN * y - push(t), (HORIZON, 0), [last], method="DOP853", rtol=1e-10, atol=1e-12
    )
    return (2 + path.y[0, -1]) / 2


def timed(solve, repeats):
    times = []
    for _ in range(repeats):
        start = process_time()
        answer = solve()
        times.append(process_time() - start)
    return answer, np.median(times)


@pytest.mark.benchmark
def test_faster_than_a_grid_of_periods():
    ours, ours_time = timed(
        lambda: NonstationaryOffers(RATES, surplus=surplus, inside=(flow, 0))().payoffs[0], 9
    )
    target = exact()
    print(f"\nours {1e3 * ours_time:.1f} ms, error {abs(ours - target):.1e}")
    for rival, solve in (("grid of periods", extrapolated), ("solve_ivp", ode)):
        answer, time = timed(solve, 1)
        print(f"{rival}: {1e3 * time:.1f} ms, error {abs(answer - target):.1e}, ratio {time / ours_time:.1f}")
        if rival == "grid of periods":
            assert time / ours_time >= 2
    assert ours == pytest.approx(target, abs=1e-8)
