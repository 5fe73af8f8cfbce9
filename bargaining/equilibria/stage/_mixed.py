r"""All mixed equilibria: of three and more players by subdivision and Newton's method, of two from vertices.

An equilibrium with supports :math:`S_1, \dots, S_n` solves, player by player, the indifference conditions

.. math:: g_{ia}(x) = u_i(a, x_{-i}) - u_i(a_i^0, x_{-i}) = 0, \qquad a \in S_i \setminus \{a_i^0\},

as many polynomials as there are free probabilities, each linear in the strategy of any one opponent. For every
profile of supports the box of the free probabilities is cut into smaller ones until each is decided.

*Excluded.* Bounds on the gain :math:`u_i(a, x_{-i}) - u_i(b, x_{-i})` over a box follow opponent by opponent, since it
is linear in each strategy. If some action is always better than one of the support, no equilibrium of the support lies
in the box.

*Settled.* Let c be the center of a box X of half widths r, Y about the inverse of the Jacobian at c, and J its values
over X. By Krawczyk (1969) every solution in X lies within :math:`|I - Y J|\, r` of :math:`c - Y g(c)`; and if this is
less than r in each coordinate, then X has at most one solution, to which Newton's method leads if there is one.

Comparisons leave a margin for rounding far above the rounding of the sums behind them.

The extreme equilibria of a *two-player* game come, exactly, from the vertices of the best-reply polytopes. Payoffs of
mixed profiles, gains from deviations and components of equilibria are computed in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, product
from math import gcd

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import Integers, Rationals, integers
from bargaining.games.normal_form import Strategy

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
Vertices = tuple[Integers, Masks]
"""The nonzero vertices x / t of a best-reply polytope, as rays (x, t), and the labels of each.

Bit i of a label mask is set where x_i = 0; bit m + j where reply j is a best reply to x.
"""

_LABELS = 64  # one bit for each action
_CHUNK = 4_000_000  # entries of a mask comparison held at once


def best_reply_vertices(payoffs: Integers, *, limit: int) -> Vertices | None:
    r"""Return the vertices of :math:`\{x \ge 0 : \sum_i x_i b_{ij} \le 1 \text{ for all } j\}`, b > 0.

    `payoffs` (m, n) are integers, the opponent's of reply j against action i, m + n <= 64; beyond `limit` rays it gives
    up. The cone over the polytope, in coordinates (x, t), starts from the m actions and the first reply, and one reply
    at a time is cut in (Motzkin, Raiffa, Thompson & Thrall 1953). Two rays span an edge exactly if no third ray meets
    every constraint that both meet with equality. Integers throughout, so degenerate games need no care.
    """
    actions, replies = payoffs.shape
    rays: Integers = np.zeros((actions + 1, actions + 1), dtype=object)
    rays[np.arange(actions), np.arange(actions)] = 1
    rays[:actions, -1], rays[-1, -1] = payoffs[:, 0], 1
    every = (1 << actions) - 1
    labels = np.array([*((every ^ 1 << i) | 1 << actions for i in range(actions)), every], dtype=np.uint64)
    for reply in range(1, replies):
        slack, bit = rays[:, -1] - rays[:, :-1] @ payoffs[:, reply], np.uint64(1 << (actions + reply))
        sign = np.array([(s > 0) - (s < 0) for s in slack])
        labels = np.where(sign == 0, labels | bit, labels)
        inside, outside = _edges(labels, np.flatnonzero(sign > 0), np.flatnonzero(sign < 0), actions - 1)
        fresh = slack[inside, None] * rays[outside] - slack[outside, None] * rays[inside]
        for ray in fresh:
            ray //= gcd(*ray)
        crossing = (labels[inside] & labels[outside]) | bit
        rays = np.concatenate([rays[sign >= 0], fresh])
        labels = np.concatenate([labels[sign >= 0], crossing])
        if len(rays) > limit:
            return None
    proper = rays[:, :-1].any(axis=1).astype(bool)
    return rays[proper], labels[proper]


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


def extreme_equilibria(exact: Rationals, *, limit: int) -> list[Profile] | None:
    """Return every extreme equilibrium, or None if the game is too large."""
    rows, columns = exact.shape[:2]
    if rows + columns > _LABELS:
        return None
    first = best_reply_vertices(positive(exact[..., 1]), limit=limit)
    second = best_reply_vertices(positive(exact[..., 0]).T, limit=limit) if first else None
    if first is None or second is None:
        return None
    # The second polytope numbers its own actions first; the pairs need one numbering, rows first.
    own = second[1] & np.uint64((1 << columns) - 1)
    labels = (second[1] >> np.uint64(columns)) | (own << np.uint64(rows))
    full = np.uint64((1 << (rows + columns)) - 1)
    pairs = [(i, j) for i, mask in enumerate(first[1]) for j in np.flatnonzero((labels | mask) == full)]
    return [
        tuple(tuple(Fraction(w, sum(ray[:-1])) for w in ray[:-1]) for ray in (first[0][i], second[0][j]))
        for i, j in pairs
    ]


_MARGIN = 1e-11  # on payoffs in [0, 1]; the sums behind a comparison round to 1e-14
_NARROW = 1e-5  # a box this small that is still undecided holds a degenerate solution
_SHARE = 4  # share of the remaining budget for one profile of supports: a degenerate one leaves some
_INSIDE = 1e-9  # how far a solution may lie outside a box, or a probability below zero, and count as in it
_STEPS = 12  # of Newton's method, which doubles the digits in each

Supports = tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class Search:
    """The result of a search: mixed profiles near every solution, and whether every box was decided."""

    profiles: list[list[Floats]] = field(default_factory=list)
    complete: bool = True
    spent: int = 0


def mixed_profiles(payoffs: Floats, *, budget: int) -> Search:
    """Return profiles at, or within rounding of, every equilibrium in which somebody mixes.

    Payoffs (a_1, ..., a_n, n) are in [0, 1], player by player; the budget is the boxes to look at, over all profiles of
    supports. Candidates are solutions of the indifference conditions with no probability clearly below zero, among them
    every equilibrium if `complete`; not every one is an equilibrium.
    """
    search = Search()
    for supports in _profiles_of_supports(payoffs.shape[:-1]):
        if search.spent >= budget:
            search.complete = False
            break
        _Face(payoffs, supports).solve(search, 1 + (budget - search.spent) // _SHARE)
    return search


def _profiles_of_supports(shape: tuple[int, ...]) -> Iterator[Supports]:
    """Yield all profiles of supports but the pure ones, the smallest first."""
    for total in range(len(shape) + 1, sum(shape) + 1):
        for sizes in product(*(range(1, count + 1) for count in shape)):
            if sum(sizes) == total:
                yield from product(
                    *(combinations(range(count), size) for count, size in zip(shape, sizes, strict=True))
                )


class _Face:
    """The strategies in which the players use these supports, by the chances of all their actions but the first."""

    def __init__(self, payoffs: Floats, supports: Supports) -> None:
        self.supports, self.shape = supports, payoffs.shape[:-1]
        self.ends = np.cumsum([len(used) - 1 for used in supports])[:-1]
        self.gains: list[Floats] = []  # per player (1, a_i, others' supports): over her first action used
        for i, used in enumerate(supports):
            others = [range(self.shape[k]) if k == i else own for k, own in enumerate(supports)]
            table = np.moveaxis(payoffs[..., i][np.ix_(*others)], i, 0)
            self.gains.append((table - table[used[0]])[None])

    def solve(self, search: Search, budget: int) -> None:
        """Cut the face into boxes until each is decided; add the solutions to the search."""
        dimension, spent = sum(map(len, self.supports)) - len(self.supports), 0
        low, high = np.zeros((1, dimension)), np.ones((1, dimension))
        while len(low):
            spent += len(low)
            low, high = self._settle(low, high, search)
            width = high - low
            if spent > budget or (width.max(axis=1, initial=0.0) < _NARROW).any():
                search.complete &= not len(low)
                break
            cut = np.eye(dimension, dtype=bool)[width.argmax(axis=1)]  # across the widest side
            middle = (low + high) / 2
            low, high = (
                np.vstack((low, np.where(cut, middle, low))),
                np.vstack((np.where(cut, middle, high), high)),
            )
        search.spent += spent

    def _settle(self, low: Floats, high: Floats, search: Search) -> tuple[Floats, Floats]:
        """Return what is left of the boxes that stay undecided; solutions in the others go to the search.

        Chances outside the simplex are no strategies, so a center there is moved to it.
        """
        least = [part.sum(axis=1, keepdims=True) for part in self._parts(low)]
        rest = np.column_stack(
            [1.0 - total + part for total, part in zip(least, self._parts(low), strict=True)]
        )
        high = np.minimum(high, rest)
        center = np.column_stack(
            [
                part / np.maximum(1.0, part.sum(axis=1, keepdims=True))
                for part in self._parts((low + high) / 2)
            ]
        )
        radius = np.maximum(high - center, center - low)
        value, excluded = self._conditions(center, radius)
        excluded |= (high < low - _INSIDE).any(axis=1)
        low, high, center, radius, value = (each[~excluded] for each in (low, high, center, radius, value))
        slope, error = self._slopes(center, radius)
        inverse = _inverses(slope)
        off = np.abs(np.eye(low.shape[1]) - inverse @ slope) + np.abs(inverse) @ error
        reach = (off @ radius[:, :, None])[..., 0] + _MARGIN * np.abs(inverse).sum(axis=-1)
        target = center - (inverse @ value[:, :, None])[..., 0]
        lower, upper = np.maximum(low, target - reach), np.minimum(high, target + reach)
        undecided = (lower <= upper + _INSIDE).all(axis=1)
        for cell in np.flatnonzero(undecided & (reach < radius).all(axis=1)):
            root = self._root(target[cell])
            if (
                root is not None
                and (low[cell] - _INSIDE <= root).all()
                and (root <= high[cell] + _INSIDE).all()
            ):
                self._add(search, root)
                undecided[cell] = False
        return lower[undecided], np.maximum(lower, upper)[undecided]

    def _parts(self, chances: Floats) -> list[Floats]:
        """Return chances by player."""
        return np.split(chances, self.ends, axis=1)

    def _conditions(self, center: Floats, radius: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the conditions at centers, (B, d), and the boxes in which one of two actions is always better."""
        boxes, out = [*zip(self._parts(center), self._parts(radius), strict=True)], []
        excluded = np.zeros(len(center), dtype=bool)
        for i, used in enumerate(self.supports):
            gain, error = _spread(self.gains[i], boxes[:i] + boxes[i + 1 :])
            excluded |= (gain - error > _MARGIN).any(axis=1) | (gain + error < -_MARGIN)[:, used].any(axis=1)
            out.append(gain[:, used[1:]])
        return np.concatenate(out, axis=1), excluded

    def _slopes(self, center: Floats, radius: Floats) -> tuple[Floats, Floats]:
        """Return Jacobians of the conditions at centers, and how much they may differ in the boxes, (B, d, d)."""
        boxes = [*zip(self._parts(center), self._parts(radius), strict=True)]
        out = np.zeros((2, *center.shape, center.shape[1]))
        place = np.split(np.arange(center.shape[1]), self.ends)
        for i, used in enumerate(self.supports):
            for j in range(len(self.supports)):
                if j != i:
                    table = np.moveaxis(self.gains[i][:, used[1:]], 2 + j - (j > i), 2)
                    others = [each for k, each in enumerate(boxes) if k not in (i, j)]
                    both = _spread(table[:, :, 1:] - table[:, :, :1], others)
                    out[:, :, place[i][:, None], place[j]] = np.stack(np.broadcast_arrays(*both))
        return out[0], out[1]

    def _root(self, point: Floats) -> Floats | None:
        """Return the solution to which Newton's method leads from a point, if to any."""
        step, exact = np.inf, np.zeros((1, len(point)))
        for _ in range(_STEPS):
            value, slope = self._conditions(point[None], exact)[0], self._slopes(point[None], exact)[0]
            before, move = step, (_inverses(slope) @ value[0])[0]
            step, point = float(np.abs(move).max()), point - move
            if step < 1e-12 and step >= before / 2:
                break
        return point if step < 1e-12 else None

    def _add(self, search: Search, root: Floats) -> bool:
        """Add a solution to the search, if no chance is negative."""
        whole = []
        for (own,), used, count in zip(self._parts(root[None]), self.supports, self.shape, strict=True):
            strategy = np.zeros(count)
            strategy[list(used)] = [1.0 - own.sum(), *own]
            if strategy.min() < -_INSIDE:
                return False
            whole.append(np.maximum(strategy, 0.0) / np.maximum(strategy, 0.0).sum())
        search.profiles.append(whole)
        return True


def _inverses(slope: Floats) -> Floats:
    """Return the inverses of Jacobians; zeros for one that is singular."""
    inverse, regular = np.zeros_like(slope), np.linalg.cond(slope) < 1.0 / _MARGIN
    inverse[regular] = np.linalg.inv(slope[regular])
    return inverse


def _spread(table: Floats, boxes: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return a function linear in each strategy at centers, and how far it may be from there within radii.

    (B, ..., one axis a strategy) -> (B, ...). Strategies have no negative chance, the first one included.
    """
    error = np.zeros_like(table)
    for center, radius in reversed(boxes):
        shape = (len(center), *(1,) * (table.ndim - 2), center.shape[1])
        center, radius = center.reshape(shape), radius.reshape(shape)
        moved, growth = table[..., 1:] - table[..., :1], error[..., 1:] - error[..., :1]
        error = error[..., 0] + (growth * center + (np.abs(moved) + np.abs(growth)) * radius).sum(axis=-1)
        table = table[..., 0] + (moved * center).sum(axis=-1)
    return table, error
