"""Profiles of mixed strategies in exact arithmetic: payoffs, gains from deviations, and components of equilibria."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np

from bargaining._rational import Rationals
from bargaining.games._matrix_game import Strategy

Profile = tuple[Strategy, ...]


def evaluate(exact: Rationals, profiles: list[Profile]) -> tuple[list[tuple[Fraction, ...]], list[Fraction]]:
    """Return payoffs and relative regret of mixed profiles, from the payoffs of the whole game."""
    payoffs, regret = [], []
    ranges = [np.ptp(exact[..., i]) or Fraction(1) for i in range(exact.shape[-1])]
    for profile in profiles:
        gets, gains = [], [Fraction(0)]
        for i, scale in enumerate(ranges):
            worth = _against(exact[..., i], profile, i)
            value = sum((p * u for p, u in zip(profile[i], worth, strict=True)), Fraction(0))
            gets.append(value)
            gains.append((max(worth) - value) / scale)
        payoffs.append(tuple(gets))
        regret.append(max(gains))
    return payoffs, regret


def _against(payoffs: Rationals, profile: Profile, player: int) -> list[Fraction]:
    """Return what each action of `player` is worth against the others' strategies."""
    table = payoffs
    for other in reversed(range(len(profile))):
        if other != player:
            used = [k for k, weight in enumerate(profile[other]) if weight]
            weights = np.array([profile[other][k] for k in used], dtype=object)
            table = np.moveaxis(np.take(table, used, axis=other), other, -1) @ weights
    worth: list[Fraction] = table.tolist()
    return worth


def components(profiles: list[Profile]) -> tuple[tuple[int, ...], ...]:
    """Group equilibria that differ in one strategy alone: the segment between two such is in equilibrium."""
    group = list(range(len(profiles)))
    for a, b in combinations(range(len(profiles)), 2):
        if sum(x != y for x, y in zip(profiles[a], profiles[b], strict=True)) == 1:
            group = [group[a] if k == group[b] else k for k in group]
    return tuple(tuple(i for i, k in enumerate(group) if k == name) for name in dict.fromkeys(group))
