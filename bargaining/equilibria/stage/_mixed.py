r"""All mixed equilibria: of three and more players by subdivision and Newton's method, of two from vertices.

An equilibrium with supports :math:`S_1, \dots, S_n` solves, player by player, the indifference conditions

.. math:: g_{ia}(x) = u_i(a, x_{-i}) - u_i(a_i^0, x_{-i}) = 0, \qquad a \in S_i \setminus \{a_i^0\},

as many polynomials as there are free probabilities, each linear in the strategy of any one opponent. For every
profile of supports the product of simplices is cut into cells, products of smaller simplices, until each is decided.

*Excluded.* A function that is linear in each strategy takes its extremes over a cell at products of vertices. If some
action is there always better than an action of the support, no equilibrium of the support lies in the cell.

*Settled.* Let c be the center, r its greatest distance from a point of the cell, :math:`\beta = |J(c)^{-1}|` and
:math:`\gamma` a Lipschitz constant of the Jacobian J, in the norm of the largest coordinate. If
:math:`\beta\gamma r < 1`, then J averaged along any segment in the cell is invertible, so the cell has at most
one solution; and a solution y is near Newton's step from the center:
:math:`|y - c + J(c)^{-1} g(c)| \le \beta\gamma r^2 / 2`. Where that ball misses the cell there is none.

Comparisons leave a margin for rounding far above the rounding of the sums behind them.

The extreme equilibria of a *two-player* game come, exactly, from the vertices of the best-reply polytopes. Payoffs of
mixed profiles, gains from deviations and components of equilibria are computed in exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, product
from math import gcd, prod

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


_MARGIN = 1e-11  # on payoffs in [0, 1]; the sums behind a comparison round to 1e-14
_NARROW = 1e-5  # a cell this small that is still undecided holds a degenerate solution
_STEPS = 12  # steps of Newton's method, which doubles the digits in each
_SHARE = 4  # share of the remaining budget for one profile of supports: a degenerate one leaves some
_FAR = 10.0  # a step this long cannot return to the simplex
_FACE = 4  # fixed cost of a profile of supports, in units of the budget
_INSIDE = 1e-9  # how far a solution may lie outside a cell, or a probability below zero, and count as in it

Supports = tuple[tuple[int, ...], ...]


@dataclass(slots=True)
class Search:
    """The result of a search: mixed profiles near every solution, and whether every cell was decided."""

    profiles: list[list[Floats]] = field(default_factory=list)
    complete: bool = True
    spent: int = 0


def mixed_profiles(payoffs: Floats, *, budget: int) -> Search:
    """Return profiles at, or within rounding of, every equilibrium in which somebody mixes.

    Parameters
    ----------
    payoffs : ndarray of shape (a_1, ..., a_n, n)
        In [0, 1], player by player.
    budget : int
        The maximal work over all supports; a cell costs one unit for every eight of its vertices.

    Returns
    -------
    Search
        Candidates: solutions of the indifference conditions with no probability clearly below zero, among them
        every equilibrium if `complete`; not every one is an equilibrium.
    """
    search = Search()
    for supports in _profiles_of_supports(payoffs.shape[:-1]):
        if search.spent >= budget:
            search.complete = False
            return search
        search.spent += _FACE
        face = _Face.of(payoffs, supports)
        if face is not None:
            face.solve(search, 1 + (budget - search.spent) // _SHARE)
    return search


def _profiles_of_supports(shape: tuple[int, ...]) -> Iterator[Supports]:
    """Yield all profiles of supports but the pure ones, the smallest first."""
    for total in range(len(shape) + 1, sum(shape) + 1):
        for sizes in product(*(range(1, count + 1) for count in shape)):
            if sum(sizes) == total:
                yield from product(
                    *(combinations(range(count), size) for count, size in zip(shape, sizes, strict=True))
                )


@dataclass(slots=True, eq=False)
class _Face:
    """The part of the product of simplices in which the players use these supports."""

    supports: Supports
    shape: tuple[int, ...]
    full: list[Floats]  # per player (a_i, others' support sizes): the payoff of every action
    own: list[Floats]  # per player the same for actions of the support, less the first of them
    curvature: float  # gamma

    @classmethod
    def of(cls, payoffs: Floats, supports: Supports) -> _Face | None:
        """Return the face; None if some action of a support is worse than another whatever the others use."""
        full = []
        for i, used in enumerate(supports):
            others = [range(payoffs.shape[k]) if k == i else own for k, own in enumerate(supports)]
            table = np.moveaxis(payoffs[..., i][np.ix_(*others)], i, 0)
            if _worse(table.reshape(1, len(table), -1), used)[0]:
                return None
            full.append(table)
        own = [
            table[list(used)[1:]] - table[list(used)[:1]] for table, used in zip(full, supports, strict=True)
        ]
        return cls(supports, payoffs.shape[:-1], full, own, max(map(_curvature, own)))

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(map(len, self.supports))

    def solve(self, search: Search, budget: int) -> None:
        """Cut the face into cells until each is decided; add what is found to the search."""
        corners, cost = [np.eye(size)[None] for size in self.sizes], max(1, prod(self.sizes) // 8)
        spent = 0
        while len(corners[0]):
            spent += cost * len(corners[0])
            corners = _pick(corners, ~self._excluded(corners))
            if len(corners[0]):
                corners = _pick(corners, self._settle(corners, search))
            if not len(corners[0]):
                break
            edges = [np.abs(own[:, :, None] - own[:, None]).max(axis=-1) for own in corners]
            narrow = np.max([edge.max(axis=(1, 2)) for edge in edges], axis=0, initial=0.0) < _NARROW
            if narrow.any() or spent + 2 * cost * len(narrow) > budget:
                search.complete = False
                break
            corners = _bisected(corners, edges)
        search.spent += spent

    def _excluded(self, corners: list[Floats]) -> NDArray[np.bool_]:
        """Return the cells in which some action of a support is always worse than another action."""
        out = np.zeros(len(corners[0]), dtype=bool)
        for i, used in enumerate(self.supports):
            worth = self.full[i][None]
            for k in range(len(corners)):
                if k != i:
                    worth = _contract(worth, corners[k], self._axis(i, k))
            out |= _worse(worth.reshape(len(worth), self.shape[i], -1), used)
        return out

    @staticmethod
    def _axis(i: int, k: int) -> int:
        """Return the axis of player k in a table (cells, actions of i, others), whose order is kept."""
        return k + 2 if k < i else k + 1

    def _settle(self, corners: list[Floats], search: Search) -> NDArray[np.bool_]:
        """Return the cells that are left undecided; the solutions in the others go to the search."""
        center = [own.mean(axis=1) for own in corners]
        value, inverse, beta = self._newton(center)
        step = np.einsum("bij,bj->bi", inverse, value)
        spread = [own[..., 1:] for own in corners]
        radius = np.max(
            [np.abs(s - s.mean(axis=1, keepdims=True)).max(axis=(1, 2), initial=0.0) for s in spread], axis=0
        )
        steep = beta * (self.curvature * radius + _MARGIN)
        single = steep < 1.0
        reach = 0.5 * steep * radius + _INSIDE
        target = np.concatenate([c[:, 1:] for c in center], axis=1) - step
        low = np.concatenate([s.min(axis=1) for s in spread], axis=1)
        high = np.concatenate([s.max(axis=1) for s in spread], axis=1)
        missed = ((target < low - reach[:, None]) | (target > high + reach[:, None])).any(axis=1)
        undecided: NDArray[np.bool_] = ~(single & missed) & ~self._preconditioned(corners, inverse)
        single &= undecided
        for cell in np.flatnonzero(single):
            profile = self._root([c[cell] for c in center])
            if profile is None:
                continue
            at = np.concatenate([own[1:] for own in profile])
            if (at >= low[cell] - _INSIDE).all() and (at <= high[cell] + _INSIDE).all():
                self._add(search, profile)
                undecided[cell] = False
        return undecided

    def _preconditioned(self, corners: list[Floats], inverse: Floats) -> NDArray[np.bool_]:
        """Return the cells in which some row of J(c)^{-1} g, linear in each strategy too, has one sign."""
        count, values = len(inverse), []
        for i, table in enumerate(self.own):
            worth = table[None]
            for k in range(len(corners)):
                if k != i:
                    worth = _contract(worth, corners[k], self._axis(i, k))
            shape = (count, len(table), *self.sizes)
            values.append(
                np.broadcast_to(np.expand_dims(worth, i + 2), shape).reshape(*shape[:2], prod(self.sizes))
            )
        rows = inverse @ np.concatenate(values, axis=1)
        margin = _MARGIN * np.abs(inverse).sum(axis=-1)
        signed = (rows.min(axis=-1) > margin) | (rows.max(axis=-1) < -margin)
        return np.asarray(signed.any(axis=1))

    def _newton(self, profile: list[Floats]) -> tuple[Floats, Floats, Floats]:
        """Return the conditions, (B, d), the inverses of their Jacobians, (B, d, d), and the norms of these, (B,).

        Where a Jacobian is singular the norm is infinite and zeros stand for the inverse.
        """
        offsets = np.cumsum([0, *(size - 1 for size in self.sizes)])
        count, dimension = len(profile[0]), int(offsets[-1])
        value, jacobian = np.empty((count, dimension)), np.zeros((count, dimension, dimension))
        for i, table in enumerate(self.own):
            rows = slice(offsets[i], offsets[i + 1])
            if not len(table):
                continue
            for j in range(len(profile)):
                if j == i:
                    continue
                slope = self._against(table, profile, i, j)  # (B, own actions, actions of j)
                jacobian[:, rows, offsets[j] : offsets[j + 1]] = slope[..., 1:] - slope[..., :1]
                value[:, rows] = np.einsum("bac,bc->ba", slope, profile[j])
        inverse, regular = np.zeros_like(jacobian), np.linalg.det(jacobian) != 0
        inverse[regular] = np.linalg.inv(jacobian[regular])
        norm = np.abs(inverse).sum(axis=-1).max(axis=-1)
        regular &= norm < 1.0 / _MARGIN
        inverse[~regular] = 0.0
        return value, inverse, np.where(regular, norm, np.inf)

    def _against(self, table: Floats, profile: list[Floats], i: int, j: int) -> Floats:
        """Average over the strategies of all players but i and j."""
        worth = np.broadcast_to(table, (len(profile[0]), *table.shape))
        for k in reversed(range(len(profile))):
            if k not in (i, j):
                worth = np.moveaxis(worth, self._axis(i, k), -1)
                worth = np.matmul(
                    worth, profile[k].reshape(len(profile[k]), *(1,) * (worth.ndim - 3), -1, 1)
                )[..., 0]
        return worth

    def _root(self, profile: list[Floats]) -> list[Floats] | None:
        """Return the solution to which Newton's method leads from a profile, if to any."""
        ends = np.cumsum([size - 1 for size in self.sizes])[:-1]
        before = np.inf
        for _ in range(_STEPS):
            value, inverse, norm = self._newton([own[None] for own in profile])
            step = inverse[0] @ value[0]
            size = float(np.abs(step).max())
            if norm[0] == np.inf or size > _FAR:
                return None
            moves = np.split(step, ends)
            profile = [
                np.concatenate([own[:1] + move.sum(), own[1:] - move])
                for own, move in zip(profile, moves, strict=True)
            ]
            if size < 1e-15 or (size < 1e-12 and size >= before):
                return profile
            before = size
        return profile if before < 1e-12 else None

    def _add(self, search: Search, profile: list[Floats]) -> None:
        if min(own.min() for own in profile) < -_INSIDE:
            return
        whole = []
        for own, used, count in zip(profile, self.supports, self.shape, strict=True):
            strategy = np.zeros(count)
            strategy[list(used)] = np.maximum(own, 0.0)
            whole.append(strategy / strategy.sum())
        search.profiles.append(whole)


def _worse(worth: Floats, used: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return where one of these actions is worse than another one in every column; (B, actions, columns)."""
    out = np.zeros(len(worth), dtype=bool)
    for action in used:
        ahead = (worth - worth[:, action : action + 1]).min(axis=-1)
        out |= ahead.max(axis=-1) > _MARGIN
    return out


def _curvature(own: Floats) -> float:
    """Return a Lipschitz constant of the Jacobian's rows of one player, from second differences of the payoffs.

    The derivative of a condition by the probabilities of two opponents is linear in each other strategy, so
    largest at pure ones.
    """
    rows = np.zeros(len(own))
    for j, k in combinations(range(1, own.ndim), 2):
        moved = np.moveaxis(own, (j, k), (-2, -1))
        twice = moved[..., 1:, 1:] - moved[..., :1, 1:] - moved[..., 1:, :1] + moved[..., :1, :1]
        flat = np.abs(twice).reshape(len(own), prod(twice.shape[1:-2]), prod(twice.shape[-2:]))
        rows += 2.0 * flat.max(axis=1, initial=0.0).sum(axis=-1)  # once for each order of the two
    return float(rows.max(initial=0.0))


def _contract(worth: Floats, corners: Floats, axis: int) -> Floats:
    """Replace the actions along an axis by the vertices of every cell."""
    moved = np.moveaxis(worth, axis, -1)
    shape = (len(corners), *(1,) * (moved.ndim - 3), *corners.shape[1:])
    return np.moveaxis(np.matmul(moved, np.swapaxes(corners.reshape(shape), -1, -2)), -1, axis)


def _pick(corners: list[Floats], which: NDArray[np.bool_]) -> list[Floats]:
    return [own[which] for own in corners]


def _bisected(corners: list[Floats], edges: list[Floats]) -> list[Floats]:
    """Cut every cell in two, across its longest edge."""
    count = len(corners[0])
    flat = np.concatenate([edge.reshape(count, -1) for edge in edges], axis=1)
    longest = flat.argmax(axis=1)
    halves: list[list[Floats]] = [[], []]
    starts = np.cumsum([0, *(edge[0].size for edge in edges)])
    player = np.searchsorted(starts, longest, side="right") - 1
    for side in (0, 1):
        halves[side] = [own.copy() for own in corners]
    for cell in range(count):
        i = int(player[cell])
        ends = divmod(int(longest[cell] - starts[i]), corners[i].shape[1])
        middle = corners[i][cell, list(ends)].mean(axis=0)
        for side in (0, 1):
            halves[side][i][cell, ends[side]] = middle
    return [np.concatenate(pair) for pair in zip(*halves, strict=True)]
