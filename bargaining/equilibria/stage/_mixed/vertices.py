"""The extreme equilibria of a two-player game, exactly, from the vertices of the best-reply polytopes.

Payoffs of mixed profiles, gains from deviations and components of equilibria are computed in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import gcd

import numpy as np
from numpy.typing import NDArray

from bargaining._rational import Integers, Rationals, integers
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
    """Return the payoff of each action of `player` against the others' strategies."""
    table = payoffs
    for other in reversed(range(len(profile))):
        if other != player:
            used = [k for k, weight in enumerate(profile[other]) if weight]
            weights = np.array([profile[other][k] for k in used], dtype=object)
            table = np.moveaxis(np.take(table, used, axis=other), other, -1) @ weights
    worth: list[Fraction] = table.tolist()
    return worth


def components(profiles: list[Profile]) -> tuple[tuple[int, ...], ...]:
    """Group equilibria that differ in only one strategy, since the segment between two such consists of equilibria."""
    group = list(range(len(profiles)))
    for a, b in combinations(range(len(profiles)), 2):
        if sum(x != y for x, y in zip(profiles[a], profiles[b], strict=True)) == 1:
            group = [group[a] if k == group[b] else k for k in group]
    return tuple(tuple(i for i, k in enumerate(group) if k == name) for name in dict.fromkeys(group))


Masks = NDArray[np.uint64]
Pair = tuple[Strategy, Strategy]

_LABELS = 64  # one bit for each action

_CHUNK = 4_000_000  # entries of a mask comparison held at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vertices:
    """The nonzero vertices x / t of a best-reply polytope, and the labels of each.

    Bit i of a label mask is set where x_i = 0; bit m + j where reply j is a best reply to x.
    """

    rays: Integers
    labels: Masks


def best_reply_vertices(payoffs: Integers, *, limit: int) -> Vertices | None:
    r"""Return the vertices of :math:`\{x \ge 0 : \sum_i x_i b_{ij} \le 1 \text{ for all } j\}`, b > 0.

    Parameters
    ----------
    payoffs : (m, n) array of int
        The opponent's payoff of reply j against action i; all positive, m + n <= 64.
    limit : int
        The number of rays at which to give up.

    Notes
    -----
    The cone over the polytope, in coordinates (x, t), starts from the m actions and the first reply, and
    one reply at a time is cut in (Motzkin, Raiffa, Thompson & Thrall 1953). Two rays span an edge exactly
    if no third ray meets every constraint that both meet with equality. Integers throughout, so degenerate
    games need no care.
    """
    actions, replies = payoffs.shape
    rays: Integers = np.zeros((actions + 1, actions + 1), dtype=object)
    rays[np.arange(actions), np.arange(actions)] = 1
    rays[:actions, -1], rays[-1, -1] = payoffs[:, 0], 1
    every = (1 << actions) - 1
    start = [(every ^ 1 << i) | 1 << actions for i in range(actions)]
    labels = np.array([*start, every], dtype=np.uint64)
    for reply in range(1, replies):
        slack = rays[:, -1] - rays[:, :-1] @ payoffs[:, reply]
        rays, labels = _cut(rays, labels, slack, np.uint64(1 << (actions + reply)), actions - 1)
        if len(rays) > limit:
            return None
    proper = rays[:, :-1].any(axis=1).astype(bool)
    return Vertices(rays=rays[proper], labels=labels[proper])


def _cut(
    rays: Integers, labels: Masks, slack: Integers, bit: np.uint64, shared: int
) -> tuple[Integers, Masks]:
    sign = np.array([(s > 0) - (s < 0) for s in slack])
    inside, outside = np.flatnonzero(sign > 0), np.flatnonzero(sign < 0)
    labels = np.where(sign == 0, labels | bit, labels)
    ins, outs = _edges(labels, inside, outside, shared)
    fresh = slack[ins, None] * rays[outs] - slack[outs, None] * rays[ins]
    for ray in fresh:
        ray //= gcd(*ray)
    keep = sign >= 0
    crossing = (labels[ins] & labels[outs]) | bit
    return np.concatenate([rays[keep], fresh]), np.concatenate([labels[keep], crossing])


def _edges(
    labels: Masks, inside: NDArray[np.intp], outside: NDArray[np.intp], shared: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of an inside and an outside ray that span an edge."""
    common = labels[inside, None] & labels[outside]
    first, second = np.nonzero(np.bitwise_count(common) >= shared)
    met = common[first, second]
    edge = np.empty(met.size, dtype=bool)
    step = max(1, _CHUNK // max(1, labels.size))
    for k in range(0, met.size, step):
        part = met[k : k + step, None]
        edge[k : k + step] = ((labels & part) == part).sum(axis=1) == 2
    return inside[first[edge]], outside[second[edge]]


def positive(payoffs: Rationals) -> Integers:
    """Return payoffs in integers from 1, by a positive affine map."""
    whole = integers(payoffs)[0]
    shifted: Integers = whole - whole.min() + 1
    return shifted


def extreme_equilibria(exact: Rationals, *, limit: int) -> list[Pair] | None:
    """Return every extreme equilibrium, or None if the game is too large."""
    rows, columns = exact.shape[:2]
    if rows + columns > _LABELS:
        return None
    first = best_reply_vertices(positive(exact[..., 1]), limit=limit)
    second = best_reply_vertices(positive(exact[..., 0]).T, limit=limit) if first else None
    if first is None or second is None:
        return None
    # The second polytope numbers its own actions first; the pairs need one numbering, rows first.
    own = second.labels & np.uint64((1 << columns) - 1)
    labels = (second.labels >> np.uint64(columns)) | (own << np.uint64(rows))
    full = np.uint64((1 << (rows + columns)) - 1)
    return [
        (_strategy(first, i), _strategy(second, j)) for i, j in _complementary(first.labels, labels, full)
    ]


def _complementary(first: Masks, second: Masks, full: np.uint64) -> Iterator[tuple[int, int]]:
    for i, mask in enumerate(first):
        for j in np.flatnonzero((second | mask) == full):
            yield i, int(j)


def _strategy(vertices: Vertices, index: int) -> Strategy:
    weights = vertices.rays[index, :-1].tolist()
    total = sum(weights)
    return tuple(Fraction(weight, total) for weight in weights)
