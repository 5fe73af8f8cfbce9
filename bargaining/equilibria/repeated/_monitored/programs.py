r"""The payoffs that a profile can give: a linear program for each profile and direction; many are solved at a time.

A profile a is played, a signal y is observed, and a continuation :math:`w(y)` in the set W follows. In the direction h
the profile gives at most

.. math:: h \cdot (1-\delta) g(a) + \max_w \sum_y p(y \mid a)\, h \cdot \delta w(y) \quad \text{with}\quad
          \sum_y \omega_k(y)\, v_k \cdot w(y) \le r_k,

a row k for each deviation, :math:`\omega(y) = \delta_i (p(y \mid b, a_{-i}) - p(y \mid a))` and :math:`r = (1-\delta_i)
(g_i(a) - g_i(b, a_{-i}))`, and one for each player who may leave, :math:`\omega(y) = -\delta_i p(y \mid a)` and
:math:`r = (1-\delta_i) g_i(a) - o_i`; :math:`v_k` has a 1 for this player and 0 for the others. With multipliers
:math:`l \ge 0` of the rows, *any* of them, the value is at most

.. math:: h \cdot (1-\delta) g(a) + l \cdot r + \sum_y S_W(t_y), \qquad
          t_y = p(y \mid a)\, \delta h - \sum_k l_k \omega_k(y) v_k,

where :math:`S_W` is the support of W. So the bounds are valid even if a program was not solved exactly. The simplex
method solves the programs over the corners of W; its columns are pairs of a signal and a corner, and :math:`S_W` prices
them all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria.repeated._hyperplanes.cloud import Cloud

Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]

ENTERS = 1e-12  # columns that gain less than this, per unit of a payoff range, do not enter
MISSED = 1e-11  # rows missed by less than this count as met, so that rounding does not lose a knife edge
EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
"""The finest tolerances that HiGHS takes."""
_CRASH = 2000  # entries of bases below which finding better ones to start from takes longer than it saves
_STEEP = 1e8  # entries of the inverse of a basis from which it is not started
_PIVOT = 1e-9  # smaller entries of a column are rounding
STILL = 1e-13  # of the unit box: smaller improvements do not count
NOBODY = np.iinfo(np.intp).min
# Entries of bases up to which all programs are solved at once, rather than from the best bound down. Where profiles
# tie, as on sides that begin where somebody leaves, the first one solved alone may leave a corner out, and corners that
# move do not come to rest. They move if players are not too patient.
_AT_ONCE, _PATIENT_AT_ONCE = 100_000, 2000
PATIENT = 0.95  # discount factor up to which moving corners come to rest soon
_ROUNDS = 400  # pivots; after these the multipliers found so far are used


@dataclass(frozen=True, slots=True, eq=False)
class Programs:
    """The data of every profile, in the unit box; P profiles, S signals, K rows, n players.

    Attributes
    ----------
    now : (P, n) array
        The stage payoffs, times one less the discount factor.
    discounts : (n,) array
    chances : (P, S) array
        The chance of each signal.
    views : (K, n) array
        What a row weighs in continuations: those of one player, or in other coordinates any linear function.
    weights : (P, K, S) array
    limits : (P, K) array
    """

    now: Floats
    discounts: Floats
    chances: Floats
    views: Floats
    weights: Floats
    limits: Floats

    def take(self, profiles: Indices | Flags | list[int]) -> Programs:
        """Return the data of some profiles."""
        return Programs(
            self.now[profiles],
            self.discounts,
            self.chances[profiles],
            self.views,
            self.weights[profiles],
            self.limits[profiles],
        )

    def pulls(self, owners: Indices, directions: Floats, multipliers: Floats) -> Floats:
        """Return the directions in which the objective pulls the continuations after each signal, (Q, S, n)."""
        pulls = self.chances[owners][:, :, None] * (self.discounts * directions)[:, None, :]
        weighted = multipliers[:, :, None] * self.weights[owners]
        return np.asarray(pulls - weighted.swapaxes(1, 2) @ self.views)

    def constants(self, owners: Indices, directions: Floats, multipliers: Floats) -> Floats:
        """Return the part of the bounds that does not depend on W, (Q,)."""
        today = (self.now[owners] * directions).sum(axis=1)
        return np.asarray(today + (multipliers * self.limits[owners]).sum(axis=1))

    def payoffs(self, owners: Indices, continuations: Floats) -> Floats:
        """Return the payoffs of profiles with the continuations (Q, S, n) after each signal, (Q, n)."""
        expected = (self.chances[owners][:, :, None] * continuations).sum(axis=1)
        return np.asarray(self.now[owners] + self.discounts * expected)

    def excess(self, owners: Indices, continuations: Floats) -> Floats:
        """Return the violation of the rows by the continuations (Q, S, n), (Q, K); negative where there is slack."""
        own = (continuations @ self.views.T).swapaxes(1, 2)
        return np.asarray((self.weights[owners] * own).sum(axis=2) - self.limits[owners])

    def tied(self, points: Floats) -> Flags:
        """Return the rows that no continuations among some points meet with slack, but some without, (P, K)."""
        own = self.views @ points.T
        ends = np.stack([own.min(axis=1), own.max(axis=1)], axis=-1)
        least = (self.weights[..., None] * ends[:, None]).min(axis=-1).sum(axis=-1)
        return np.asarray(np.abs(least - self.limits) <= MISSED)

    def tightened(self, slack: float, points: Floats) -> Programs:
        """Return the programs whose rows are met with slack, except those that are tied among some points."""
        return replace(self, limits=self.limits - np.where(self.tied(points), 0.0, slack))


class Plans(NamedTuple):
    """Solutions of programs: the basis of each and what follows from it.

    Attributes
    ----------
    multipliers : (Q, K) array
        Of the rows; never negative.
    columns : (Q, S + K) array of int
        The basis: ``signal * corners + corner``, then the slacks.
    levels : (Q, S + K) array
        The weight of each column: of a corner, the chance with which it follows its signal.
    missed : (Q,) array
        The least total violation of the rows; 0 if they can be met.
    """

    multipliers: Floats
    columns: Indices
    levels: Floats
    missed: Floats

    def take(self, chosen: Indices | Flags) -> Plans:
        """Return some of them."""
        return Plans(self.multipliers[chosen], self.columns[chosen], self.levels[chosen], self.missed[chosen])

    def continuations(self, signals: int, corners: Floats) -> Floats:
        """Return the continuations after each signal, (Q, S, n)."""
        signal, corner = np.divmod(self.columns, len(corners))
        real = signal < signals
        weights = np.where(real, np.maximum(self.levels, 0.0), 0.0)
        after = (signal[:, None] == np.arange(signals)[:, None]) * weights[:, None]  # (Q, S, S + K)
        after /= after.sum(axis=2, keepdims=True)
        return np.asarray(after @ corners[np.where(real, corner, 0)])


def plans(programs: Programs, cloud: Cloud) -> Plans:
    """Find, for every profile, continuations in the hull of a cloud that meet its rows, or violate them least."""
    return _Simplex.at_a_corner(programs, cloud).run(None)


def optimised(
    programs: Programs,
    cloud: Cloud,
    owners: Indices,
    directions: Floats,
    feasible: Plans,
    multipliers: Floats,
) -> Plans:
    """Return the best continuations of the profiles `owners` in directions (Q, n), from feasible ones.

    Multipliers (Q, K) that are nearly optimal, as those of a similar set, save most of the pivots.
    """
    solver = _Simplex(programs.take(owners), cloud, feasible.columns[owners])
    if solver.columns.size > _CRASH:
        solver.crash(directions, multipliers)
    else:
        solver.refactor()
    return solver.run(directions)


class Promises(NamedTuple):
    """Points, the profile played at each, and what follows each signal: (m, n), (m,) and (m, S, n)."""

    points: Floats
    owners: Indices
    continuations: Floats

    def take(self, chosen: Indices) -> Promises:
        """Return the selected ones."""
        return Promises(self.points[chosen], self.owners[chosen], self.continuations[chosen])

    def joined(self, more: Promises) -> Promises:
        """Return these and others, one after the other."""
        return Promises(
            np.concatenate([self.points, more.points]),
            np.concatenate([self.owners, more.owners]),
            np.concatenate([self.continuations, more.continuations]),
        )


class Known(NamedTuple):
    """Multipliers (P, F, K) that were optimal in some directions (F, n)."""

    directions: Floats
    multipliers: Floats

    def near(self, directions: Floats) -> Floats:
        """Return the multipliers of the nearest directions."""
        return np.asarray(self.multipliers[:, Cloud(self.directions).farthest(directions)[0]])


class Winners(NamedTuple):
    """The profile with the largest value in each of some directions.

    Attributes
    ----------
    values : (F,) array
        The profile's value, or the floor if none gives more.
    owners : (F,) array of int
        The profile's place among the programs; NOBODY if none gives more than the floor.
    plans : Plans
        The solution of its program; meaningless if the owner is NOBODY.
    solved : int
        How many programs were solved.
    """

    values: Floats
    owners: Indices
    plans: Plans
    solved: int


def winners(
    programs: Programs,
    cloud: Cloud,
    directions: Floats,
    feasible: Plans,
    multipliers: Floats,
    floor: Floats,
) -> Winners:
    """Return the best profiles in directions (F, n), solved from the highest bound down until no other is higher.

    Any multipliers (P, F, K) give valid bounds; multipliers of solved programs replace them if their bounds are lower,
    so that in the end they bound every profile by the value. If no profile gives more than the floor (F,), the owner is
    NOBODY.
    """
    count = len(directions)
    bounds = np.full((len(programs.now), count), -np.inf)
    for k in np.flatnonzero(feasible.missed <= MISSED).tolist():
        bounds[k] = _bounds(programs.take([k]), cloud, np.zeros(count, np.intp), directions, multipliers[k])
    values, owners, solved = floor.copy(), np.full(count, NOBODY), 0
    none = np.zeros((count, programs.chances.shape[1] + len(programs.views)))
    best = Plans(np.zeros((count, len(programs.views))), none.astype(np.intp), none.copy(), np.zeros(count))
    most = len(programs.now) if _at_once(programs, floor) else 1
    while True:
        profiles, at = np.nonzero(bounds > values + STILL)
        if not at.size:
            return Winners(values, owners, best, solved)
        order = np.lexsort((-bounds[profiles, at], at))
        profiles, at = profiles[order], at[order]
        first = np.flatnonzero(np.append(True, np.diff(at) > 0))
        rank = np.arange(at.size) - np.repeat(first, np.diff(np.append(first, at.size)))
        profiles, at, most = profiles[rank < most], at[rank < most], 2 * most
        found = optimised(programs, cloud, profiles, directions[at], feasible, multipliers[profiles, at])
        solved += at.size
        new = _bounds(programs, cloud, profiles, directions[at], found.multipliers)
        lower = new <= bounds[profiles, at]
        multipliers[profiles[lower], at[lower]] = found.multipliers[lower]
        bounds[profiles, at] = -np.inf
        given = programs.payoffs(profiles, found.continuations(programs.chances.shape[1], cloud.points))
        reached = (given * directions[at]).sum(axis=1)
        order = np.lexsort((reached, at))
        last = order[np.append(np.diff(at[order]) > 0, True)]
        last = last[reached[last] > values[at[last]]]
        values[at[last]], owners[at[last]] = reached[last], profiles[last]
        for whole, part in zip(best, found, strict=True):
            whole[at[last]] = part[last]


def _at_once(programs: Programs, floor: Floats) -> bool:
    """Say whether all programs are solved, not only those of the highest bounds."""
    ordered = programs.discounts.max() > PATIENT and not np.isfinite(floor).any()
    size = programs.chances.shape[1] + len(programs.views)
    return bool(len(programs.now) * floor.size * size**2 <= (_PATIENT_AT_ONCE if ordered else _AT_ONCE))


def _bounds(
    programs: Programs, cloud: Cloud, owners: Indices, directions: Floats, multipliers: Floats
) -> Floats:
    """Return the bounds (Q,) that multipliers give of profiles' continuation values over the hull of a cloud."""
    pulls = programs.pulls(owners, directions, multipliers)
    ahead: Floats = cloud.farthest(pulls)[1].sum(axis=1)
    return programs.constants(owners, directions, multipliers) + ahead


class _Simplex:
    """The revised simplex method for many programs of one shape, each with its own basis."""

    def __init__(self, programs: Programs, cloud: Cloud, columns: Indices) -> None:
        self.programs, self.cloud, self.columns = programs, cloud, columns
        self.corners = corners = cloud.points
        self.known = columns.copy()  # bases whose inverses are known
        self.signals, self.rows = programs.chances.shape[1], len(programs.views)
        self.size = self.signals * len(corners)  # slacks follow, then the column of violations
        self.own = corners @ programs.views.T  # (V, K)

    @classmethod
    def at_a_corner(cls, programs: Programs, cloud: Cloud) -> _Simplex:
        """Start with the same corner after every signal, the one at which the rows are violated least."""
        corners = cloud.points
        own = corners @ programs.views.T
        total = programs.weights.sum(axis=2)
        over = np.maximum(total[:, None] * own - programs.limits[:, None], 0.0).sum(axis=2)  # (P, V)
        best = over.argmin(axis=1)
        signals, count = programs.chances.shape[1], len(corners)
        real = np.arange(signals) * count + best[:, None]
        slack = programs.limits - total * own[best]
        rest = signals * count + np.arange(len(programs.views))
        basic = np.where(slack >= 0.0, rest, rest + len(programs.views))
        made = cls(programs, cloud, np.hstack([real, basic]))
        made.refactor()
        return made

    def crash(self, directions: Floats, multipliers: Floats) -> None:
        """Start from the bases that multipliers suggest, where these are feasible.

        After each signal the best corner follows. For each row with a multiplier a second-best corner joins, where it
        is worth nearly as much; the slacks of the others complete the basis.
        """
        pulls = self.programs.pulls(np.arange(len(self.columns)), directions, multipliers)
        first, best = self.cloud.farthest(pulls)
        second, next_best = self.cloud.farthest(pulls, besides=first)
        apart = np.abs(self.corners[first] - self.corners[second]).max(axis=2)
        less = (best - next_best) / np.maximum(apart, STILL)
        order = less.argsort(axis=1)
        binding = multipliers > 0.0
        signal = np.take_along_axis(order, np.clip(binding.cumsum(axis=1) - 1, 0, self.signals - 1), axis=1)
        joins = signal * len(self.corners) + np.take_along_axis(second, signal, axis=1)
        slacks = self.size + np.arange(self.rows)
        follows = np.arange(self.signals) * len(self.corners) + first
        self.columns = np.hstack([follows, np.where(binding, joins, slacks)])
        self.refactor()
        bad = (self.levels < -MISSED).any(axis=1) | (np.abs(self.inverse).max(axis=(1, 2)) > _STEEP)
        if bad.any():
            self.columns[bad] = self.known[bad]
            self.refactor()

    def refactor(self) -> None:
        """Compute the inverses and the levels from the bases."""
        matrix = self.column(self.columns).swapaxes(1, 2)
        try:
            self.inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:  # floats cannot distinguish some corners: return to the initial bases
            lost = np.linalg.matrix_rank(matrix) < matrix.shape[1]
            lost |= not lost.any()
            self.columns[lost] = self.known[lost]
            self.refactor()
            return
        right = np.hstack([np.ones((len(self.columns), self.signals)), self.programs.limits])
        self.levels = (self.inverse @ right[:, :, None])[:, :, 0]

    def column(self, ids: Indices, part: Indices | None = None) -> Floats:
        """Return columns (Q,) or (Q, k) of each program, with S + K entries each."""
        weights = self.programs.weights if part is None else self.programs.weights[part]
        flat, each = ids.ravel(), ids.shape[1] if ids.ndim > 1 else 1
        out = np.zeros((flat.size, self.signals + self.rows))
        real = np.flatnonzero(flat < self.size)
        y, v = np.divmod(flat[real], len(self.corners))
        out[real, y] = 1.0
        out[real, self.signals :] = weights[real // each, :, y] * self.own[v]
        extra = np.flatnonzero(flat >= self.size)
        kind, row = np.divmod(flat[extra] - self.size, max(self.rows, 1))
        out[extra, self.signals + row] = np.where(kind == 0, 1.0, -1.0)
        return out.reshape(*ids.shape, self.signals + self.rows)

    def run(self, directions: Floats | None) -> Plans:
        """Pivot until no column enters; without directions, until the violation is minimal."""
        programs, active, n = self.programs, np.arange(len(self.columns)), self.corners.shape[1]
        self.change = (programs.weights[..., None] * programs.views[:, None]).reshape(
            -1, self.rows, self.signals * n
        )
        self.violation = -1.0 if directions is None else 0.0
        self.pulls = np.zeros((active.size, self.signals, n))
        if directions is not None:
            self.pulls[:] = programs.chances[:, :, None] * (programs.discounts * directions)[:, None]
        self.costs = self.values(active, self.columns)
        for _ in range(_ROUNDS):
            if not active.size:
                break
            entering, gains = self.entering(active)
            # A gain of what is in the basis is rounding.
            going = (gains > ENTERS) & (self.columns[active] != entering[:, None]).all(axis=1)
            active, entering = active[going], entering[going]
            if active.size:
                active = active[self.pivot(active, entering, directions is not None)]
        self.refactor()
        self.costs = self.values(np.arange(len(self.columns)), self.columns)
        duals = (self.costs[:, None] @ self.inverse)[:, 0, self.signals :]
        missing = self.columns >= self.size + self.rows
        missed = np.where(missing, np.maximum(self.levels, 0.0), 0.0).sum(axis=1)
        return Plans(np.maximum(duals, 0.0), self.columns, np.asarray(self.levels, float), missed)

    def values(self, active: Indices, ids: Indices) -> Floats:
        """Return the values of columns (q, ...) of some programs (q,)."""
        out = np.where(ids < self.size + self.rows, 0.0, self.violation)
        real = np.nonzero(ids < self.size)
        y, v = np.divmod(ids[real], len(self.corners))
        out[real] = (self.pulls[active[real[0]], y] * self.corners[v]).sum(axis=-1)
        return out

    def entering(self, active: Indices) -> tuple[Indices, Floats]:
        """Return the column of each program with the largest gain, and this gain."""
        duals = (self.costs[active, None] @ self.inverse[active])[:, 0]
        multipliers = duals[:, self.signals :]
        pulls = self.pulls[active]
        pulls -= (multipliers[:, None] @ self.change[active]).reshape(pulls.shape)
        corner, worth = self.cloud.farthest(pulls)
        gains = np.hstack([worth - duals[:, : self.signals], -multipliers])
        chosen = gains.argmax(axis=1)
        rows = np.arange(len(active))
        signal = np.minimum(chosen, self.signals - 1)
        real = chosen < self.signals
        ids = np.where(
            real, signal * len(self.corners) + corner[rows, signal], self.size + chosen - self.signals
        )
        return ids, gains[rows, chosen]

    def pivot(self, active: Indices, entering: Indices, feasible: bool) -> Flags:
        """Exchange a column of each basis for the one that enters; return which exchanges were possible."""
        inverse, levels = self.inverse[active], np.maximum(self.levels[active], 0.0)
        along = (inverse @ self.column(entering, active)[:, :, None])[:, :, 0]
        falls = along > _PIVOT
        if feasible:  # violations must stay at zero: such a column leaves first, whatever its sign
            missing = self.columns[active] >= self.size + self.rows
            falls |= missing & (np.abs(along) > _PIVOT)
            levels = np.where(missing, 0.0, levels)
        ratios = np.full(along.shape, np.inf)
        np.divide(levels, np.abs(along), out=ratios, where=falls)
        least = ratios.min(axis=1)
        able = np.isfinite(least)
        tied = ratios <= least[:, None] * (1.0 + 1e-10) + 1e-15
        leaving = np.where(tied, np.abs(along), 0.0).argmax(axis=1)
        rows = np.arange(len(active))
        size = np.where(able, along[rows, leaving], 1.0)
        row = inverse[rows, leaving] / size[:, None]
        changed = inverse - along[:, :, None] * row[:, None, :]
        changed[rows, leaving] = row
        step = np.where(able, least, 0.0)
        moved = self.levels[active] - step[:, None] * along
        moved[rows, leaving] = step
        good = np.flatnonzero(able)
        self.inverse[active[good]], self.levels[active[good]] = changed[good], moved[good]
        self.columns[active[good], leaving[good]] = entering[good]
        self.costs[active[good], leaving[good]] = self.values(active[good], entering[good])
        return np.asarray(able)
