r"""Bounds for stochastic games of any number of players: half-spaces in the same directions around every state.

A continuation of a row lies in :math:`\{w : H w \le \sum_{s'} P(s') c_{s'}\}`, which contains the mean of its
successors' sets, and above thresholds that depend on the levels :math:`c`. The support of a row in a direction is a
linear program with this right-hand side, so every dual basis bounds it by an affine function of the levels of all
states, as in `repeated._hyperplanes` for one state.

From inside each direction has a point: the farthest payoff that some row gives if a lottery over such points follows.
For given rows and lotteries all points solve linear equations; then the rows and lotteries that are optimal at these
points are chosen, until nobody gains by deviating at the solution of the equations. Then the points are
self-generating.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Affine, Indices, largest, settled
from bargaining.equilibria._budget import Budget
from bargaining.equilibria.repeated._hyperplanes.inner import SLACK, Hull, sturdy
from bargaining.equilibria.repeated._hyperplanes.profiles import FAR, reach_of
from bargaining.equilibria.repeated._hyperplanes.programs import Bases, optimise, pivot, reach
from bargaining.equilibria.repeated._hyperplanes.refinement import fresh, gap
from bargaining.equilibria.repeated._hyperplanes.vertex_image import program
from bargaining.equilibria.repeated.supporting_hyperplanes import outside_of
from bargaining.games.stochastic import StochasticGame

_ROUNDS = 100  # of the operator; the half-spaces are valid after any number
_PIVOTS = 100  # in a program
_STILL = 1e-13  # rounding of a level, in the unit box
_IMPATIENT = 1e-13  # of the unit box: the most by which an impatient player may miss her threshold
_SETTLE = 80  # rounds in which points converge, as their moves shrink by the discount factor
_EVERY = 4  # rounds after which the current rows and lotteries are fixed and solved for
_PRICE = 1e3  # price of a missed threshold, in payoffs
_NEAR = 0.1  # of the tolerance times 1 - discount factor: points that move less have converged
_INSETS = (
    0.0,
    1e-3,
    3e-2,
)  # of the tolerance times 1 - discount factor: increases of thresholds if points do not converge

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A game in the unit box; a row is a profile in a state, in the order of the states."""

    payoffs: Floats  # (N, n)
    laws: Floats  # (N, S)
    state: Indices  # (N,)
    groups: list[Indices]  # of each player, (N,): rows of one group differ only in her action
    discounts: Floats  # (n,)
    outside: Floats  # (S, n) payoffs of leaving; minus infinity where nobody may leave
    low: Floats
    size: Floats
    eased: float = 0.0  # by which thresholds of continuations are lowered

    @classmethod
    def of(cls, game: StochasticGame) -> Rows:
        """Map the game to the unit box of its feasible payoffs."""
        n, payoffs = game.players, [stage.payoffs.reshape(-1, game.players) for stage in game.games]
        gone = [np.full(n, np.nan) if leave is None else outside_of(leave, n) for leave in game.exits]
        every = np.concatenate([*payoffs, *(point[None] for point in gone if np.isfinite(point).all())])
        low, size = every.min(axis=0), np.ptp(every, axis=0)
        size = np.where(size > 0.0, size, 1.0)
        groups: list[list[Indices]] = [[] for _ in range(n)]
        first = [0] * n
        for s in range(len(game)):
            shape = game.shape(s)
            for i in range(n):
                others = [1 if k == i else m for k, m in enumerate(shape)]
                number = np.arange(int(np.prod(others))).reshape(others)
                groups[i].append(first[i] + np.broadcast_to(number, shape).ravel())
                first[i] += number.size
        outside = (np.array(gone) - low) / size
        return cls(
            (np.concatenate(payoffs) - low) / size,
            np.concatenate([game.transition(s).reshape(len(some), -1) for s, some in enumerate(payoffs)]),
            np.repeat(np.arange(len(game)), [len(some) for some in payoffs]),
            [np.concatenate(some) for some in groups],
            game.discounts,
            np.where(np.isfinite(outside), outside, -np.inf),
            low,
            size,
        )

    @property
    def leaves(self) -> Mask:
        """The states in which all may leave."""
        return np.asarray(np.isfinite(self.outside).all(axis=1))

    @property
    def gone(self) -> Floats:
        """The payoffs of leaving, shape (S, n), zero where nobody may leave."""
        return np.where(np.isfinite(self.outside), self.outside, 0.0)

    @property
    def now(self) -> Floats:
        """The stage payoffs of each row times one minus the discount factor, shape (N, n)."""
        return np.asarray((1.0 - self.discounts) * self.payoffs)

    def thresholds(self, threat: Floats) -> tuple[Floats, Indices, Mask]:
        """Return the thresholds of each row, the best replies, and whether the best replies determine the thresholds.

        Shapes (N, n). The threat, of shape (S, n), is infinite in a state without payoffs.
        """
        now, own = self.now, self.outside[self.state]
        follows = self.laws[:, :, None]
        ahead = (follows * np.where(follows > 0.0, threat, 0.0)).sum(axis=1)
        known = np.isfinite(ahead)
        worth = np.where(known, now + self.discounts * np.where(known, ahead, 0.0), np.inf)
        replies = np.empty(worth.shape, np.intp)
        for i, group in enumerate(self.groups):
            order = np.lexsort((worth[:, i], group))
            last = np.append(np.flatnonzero(np.diff(group[order])), len(order) - 1)
            replies[:, i] = order[last][group]
        best = np.take_along_axis(worth, replies, axis=0)
        most = np.maximum(best, own)
        with np.errstate(divide="ignore", invalid="ignore"):
            needed = np.where(
                self.discounts > 0.0,
                (most - now) / self.discounts,
                np.where(most > now + _IMPATIENT, FAR, -FAR),
            )
        falls = (best >= own) & (np.abs(needed) < FAR) & (self.discounts > 0.0)
        return np.clip(needed - self.eased, -FAR, FAR), replies, falls

    def reach(self, directions: Floats) -> Floats:
        """Return how far feasible payoffs go."""
        return reach_of(np.vstack([self.payoffs, self.outside[self.leaves]]), self.discounts, directions)


class Outer:
    """Half-spaces around the payoffs of each state; the first directions are the axes and their opposites."""

    def __init__(self, rows: Rows, directions: Floats, budget: Budget, start: Floats | None = None) -> None:
        n, (count, states) = rows.discounts.size, rows.laws.shape
        self.rows, self.budget, self.steps = rows, budget, 0
        self.directions = np.vstack([np.eye(n), -np.eye(n), directions])
        self.levels = np.tile(rows.reach(self.directions), (states, 1))  # (S, H)
        if start is not None:
            self.levels = np.minimum(self.levels, start)
        stays = np.isfinite(rows.outside)
        self.levels[:, n : 2 * n] = np.where(
            stays, np.minimum(self.levels[:, n : 2 * n], -rows.outside), self.levels[:, n : 2 * n]
        )
        self.alive: Mask = np.ones(count, bool)
        self.height = len(self.directions)
        self.pairs = np.repeat(np.arange(count), self.height), np.tile(np.arange(self.height), count)
        pulls = self.directions[self.pairs[1]] * rows.discounts
        boxed = np.where(pulls > 0.0, n + np.arange(n), np.arange(n))
        self.bases = Bases.at(self._normals, pulls, self.pairs[0], boxed)
        width = int((rows.laws > 0.0).sum(axis=1).max())
        self.ahead = np.argsort(rows.laws == 0.0, axis=1, kind="stable")[:, :width]
        self.chances = np.take_along_axis(rows.laws, self.ahead, axis=1)

    @property
    def _normals(self) -> Floats:
        return np.vstack([-np.eye(self.rows.discounts.size), self.directions])

    @property
    def filled(self) -> Mask:
        """The states in which payoffs are left."""
        played = np.bincount(self.rows.state[self.alive], minlength=len(self.levels)) > 0
        return np.asarray(played | self.rows.leaves)

    @property
    def threat(self) -> Floats:
        """A lower bound of the threats, shape (S, n); infinite in a state without payoffs."""
        n = self.rows.discounts.size
        return np.where(self.filled[:, None], -self.levels[:, n : 2 * n], np.inf)

    def shrink(self) -> bool:
        """Apply the operator until nothing changes; say whether any state has payoffs left."""
        for _ in range(_ROUNDS):
            if not self.budget.spend(len(self.bases.rows)):
                break
            self._kill()
            before, lived = self.levels, int(self.alive.sum())
            self._optimise()
            self._kill()
            if not self.filled.any():
                return False
            self.levels = settled(self.functions(), self.levels.ravel()).reshape(before.shape)
            self.steps += 1
            if (before - self.levels).max() <= _STILL and lived == self.alive.sum():
                break
        return True

    def _kill(self) -> None:
        """Drop rows that lead to a state without payoffs, or from which a player can reach one by a deviation."""
        while True:
            dead = self.alive & (self.rows.laws[:, ~self.filled] > 0.0).any(axis=1)
            dead |= self.alive & (self.rows.thresholds(self.threat)[0] >= FAR).any(axis=1)
            if not dead.any():
                break
            self.alive &= ~dead
        kept = self.alive[self.pairs[0]]
        if not kept.all():
            self.bases, self.pairs = self.bases.take(kept), (self.pairs[0][kept], self.pairs[1][kept])

    def _rights(self) -> Floats:
        needed, _, _ = self.rows.thresholds(self.threat)
        return np.hstack([-needed, self.rows.laws @ self.levels])

    def _optimise(self) -> None:
        """Optimise every basis."""
        normals, rights, left = self._normals, self._rights(), np.arange(len(self.pairs[0]))
        for _ in range(_PIVOTS):
            if not left.size:
                break
            self.budget.spend(left.size)
            optimal, empty = pivot(normals, rights, self.bases, left)
            self.alive[self.pairs[0][left[empty]]] = False
            left = left[~optimal & self.alive[self.pairs[0][left]]]

    def functions(self) -> Affine:
        """Return the bounds of the pairs as functions of the levels, with those of leaving."""
        n, height, (row, direction) = self.rows.discounts.size, self.height, self.pairs
        weights, rest = self.bases.repaired(self._normals)
        needed, replies, falls = self.rows.thresholds(self.threat)
        floor = self.bases.rows < n
        player = np.where(floor, self.bases.rows, 0)
        moves = floor & falls[row[:, None], player]
        reply = np.where(floor, replies[row[:, None], player], row[:, None])
        now = self.rows.now
        with np.errstate(divide="ignore", invalid="ignore"):
            later = (now[reply, player] - now[row[:, None], player]) / self.rows.discounts[player]
            later = later - self.rows.eased
        constant = (now[row] * self.directions[direction]).sum(axis=1) + np.maximum(rest, 0.0).sum(axis=1)
        constant -= np.where(floor, weights * np.where(moves, later, needed[row[:, None], player]), 0.0).sum(
            axis=1
        )
        chances = np.where((moves | ~floor)[:, :, None], self.chances[reply], 0.0) * weights[:, :, None]
        column = np.where(floor, n + player, self.bases.rows - n)
        columns = self.ahead[reply] * height + column[:, :, None]
        shape = len(row), floor.shape[1] * self.ahead.shape[1]
        found = Affine(
            self.rows.state[row] * height + direction,
            constant,
            chances.reshape(shape),
            columns.reshape(shape),
        )
        gone = self.rows.gone @ self.directions.T
        some = self.rows.leaves[:, None]
        return found.and_at_least(np.where(some, gone, -np.inf).ravel())

    def touching(self, functions: Affine) -> Floats:
        """Return the point where each half-space touches the image of the sets, shape (S, H, n)."""
        best = functions.largest(functions.at(self.levels.ravel()))
        faces, played = functions.faces[best], best < len(self.pairs[0])
        points = np.repeat(self.rows.gone, self.height, axis=0)
        chosen = self.bases.take(best[played])
        points[faces[played]] = self.rows.now[chosen.owners] + self.rows.discounts * chosen.points(
            self._rights()
        )
        return points.reshape(*self.levels.shape, -1)

    def of(self, state: int) -> Around:
        """Return the half-spaces of one state."""
        return Around(self.directions, self.levels[state])


@dataclass(slots=True, eq=False)
class Around:
    """The half-spaces of one state."""

    directions: Floats  # (h, n)
    levels: Floats  # (h,)

    def reach(self, directions: Floats) -> Floats:
        """Return bounds of payoffs in other directions."""
        return reach(self.directions, self.levels, directions)


class Inner:
    """Points of each state in each direction, generated by rows and lotteries over such points.

    Once they have converged, `plan` has the row of each point, -1 for leaving, and the weights of all points of the
    next period.
    """

    def __init__(self, outer: Outer, by: float, start: list[Hull | None]) -> None:
        self.outer, self.rows, self.by = outer, outer.rows, by
        self.states = np.flatnonzero(outer.filled)
        self.plan: tuple[Indices, Floats] | None = None
        self.points = outer.touching(outer.functions())
        if any(start):
            for s in self.states.tolist():
                hull = start[s]
                assert hull is not None
                self.points[s] = hull.points[(outer.directions @ hull.points.T).argmax(axis=1)]

    def settled(self, enough: float, every: int = _EVERY) -> list[Floats] | None:
        """Return self-generating points of each state, once the iteration converges; None if it does not.

        Self-generation is checked every `every` steps, and when the points hardly move.
        """
        found = None
        for step in range(_SETTLE):
            made = self._best()
            if made is None or self.outer.budget.spent:
                break
            chosen, lotteries, image = made
            move = float(
                np.abs(((image - self.points) * self.outer.directions).sum(axis=2)[self.states]).max()
            )
            solved = self._solved(chosen, lotteries) if step % every == 0 or move <= enough else None
            if solved is not None:
                found = image = solved
                self.plan = chosen, lotteries
            self.points = image
            if move <= enough and (found is not None or move <= _STILL):
                break
        return None if found is None else [*found]

    def _threat(self) -> Floats:
        threat = np.full((len(self.points), self.rows.discounts.size), np.inf)
        threat[self.states] = self.points[self.states].min(axis=1)
        return threat

    def _best(self) -> tuple[Indices, Floats, Floats] | None:
        """Return the row of each point (-1 for leaving), the weights of the next period's points, and the points.

        The support of a row with lotteries over points is computed from the dual program, in prices of the thresholds
        and a value for each state that no point of the state exceeds.
        """
        rows, (states, height, n) = self.rows, self.points.shape
        places = [
            s * height + np.unique(self.points[s].round(12), axis=0, return_index=True)[1]
            for s in self.states
        ]
        place, every = np.concatenate(places), self.points.reshape(-1, n)
        counts = [len(some) for some in places]
        worth = np.repeat(np.eye(len(places)), counts, axis=0)
        normals, rights = program(every[place], self.outer.directions * rows.discounts, worth, _PRICE)
        # Start from the farthest point of each state, ignoring thresholds.
        first, start = np.empty((height, len(places)), np.intp), 0
        for k, count in enumerate(counts):
            first[:, k], start = start + rights[:, start : start + count].argmin(axis=1), start + count
        playable = np.flatnonzero(self.outer.alive)
        row, direction = np.repeat(playable, height), np.tile(np.arange(height), playable.size)
        least, replies, falls = rows.thresholds(self._threat())
        # A player whose best reply is the row's own action only needs the lowest points, which all lotteries give.
        tempted = ~falls | (replies != np.arange(len(replies))[:, None])
        needed, laws = (least + self.by * tempted)[row], rows.laws[row][:, self.states]
        mean = np.einsum("ps,psi->pi", laws, every[place[first[direction]]])
        floor = np.where(mean >= needed, len(place) + np.arange(n), len(place) + n + np.arange(n))
        self.outer.budget.spend(len(row) * len(place))
        bases = Bases.at(normals, np.hstack([needed, -laws]), direction, np.hstack([first[direction], floor]))
        optimise(normals, rights, bases)
        weights, points = np.maximum(bases.multipliers(), 0.0), bases.rows < len(place)
        met = np.where(bases.rows >= len(place) + n, weights, 0.0).sum(axis=1) <= SLACK
        shares, at = np.where(points, weights, 0.0), place[np.where(points, bases.rows, 0)]
        later = np.einsum("pj,pji->pi", shares, every[at])
        value = ((rows.now[row] + rows.discounts * later) * self.outer.directions[direction]).sum(axis=1)
        face = rows.state[row] * height + direction
        gone = rows.gone @ self.outer.directions.T
        most = np.where(rows.leaves[:, None], gone, -np.inf).ravel()
        chosen, lotteries = np.full(states * height, -1), np.zeros((states * height, states * height))
        for p in largest(face[met], value[met]).tolist():
            k = np.flatnonzero(met)[p]
            if value[k] > most[face[k]]:
                most[face[k]], chosen[face[k]] = value[k], row[k]
                np.add.at(lotteries[face[k]], at[k], shares[k])
        if (most.reshape(states, height)[self.states] == -np.inf).any():
            return None
        return chosen, lotteries, self._played(chosen, lotteries @ every).reshape(self.points.shape)

    def _now(self, chosen: Indices) -> tuple[Floats, Floats]:
        """Return the current payoffs of the rows, or of leaving, and the weight of the continuation."""
        left = np.flatnonzero(chosen < 0)
        now, shares = self.rows.now[chosen], np.tile(self.rows.discounts, (len(chosen), 1))
        now[left], shares[left] = self.rows.gone[left // self.points.shape[1]], 0.0
        return now, shares

    def _played(self, chosen: Indices, later: Floats) -> Floats:
        now, shares = self._now(chosen)
        return np.asarray(now + shares * later)

    def _solved(self, chosen: Indices, lotteries: Floats) -> Floats | None:
        """Return the points of fixed rows and lotteries; None if somebody would gain by deviating."""
        now, shares = self._now(chosen)
        each, before = np.eye(len(chosen)), self.points
        solved = [
            np.linalg.solve(each - shares[:, i, None] * lotteries, now[:, i]) for i in range(now.shape[1])
        ]
        points = np.stack(solved, axis=1)
        self.points = points.reshape(before.shape)
        needed, played = self.rows.thresholds(self._threat())[0], chosen >= 0
        self.points = before
        holds = (lotteries @ points)[played] >= needed[chosen[played]] - SLACK
        return points.reshape(before.shape) if (holds | (self.rows.discounts == 0.0)).all() else None


@dataclass(slots=True, eq=False)
class Several:
    """Both sides in the unit box: half-spaces, and the inner hulls of the states that have any."""

    outer: Outer
    inner: list[Hull | None]
    gap: float


def bounded(rows: Rows, directions: Floats, refinements: int, tolerance: float, budget: Budget) -> Several:
    """Bound the payoffs of every state until the bounds are close enough, or the budget is spent."""
    nothing: list[Hull | None] = [None] * rows.laws.shape[1]
    outer = Outer(rows, directions, budget)
    best = Several(outer, nothing, np.inf)
    for left in range(refinements, -1, -1):
        if not outer.shrink():
            return Several(outer, nothing, 0.0)
        patience = 1.0 - float(rows.discounts.max())
        around = [(s, outer.of(s)) for s in np.flatnonzero(outer.filled).tolist()]
        hulls, reach = best.inner, _beyond(around, best.inner)
        for share, start in product(_INSETS, (best.inner, nothing)):
            made = _inside(outer, share * tolerance * patience, start, _NEAR * tolerance * patience)
            if made is not None and (far := _beyond(around, made)) < reach:
                hulls, reach = made, far
            if reach <= tolerance or budget.spent or (made is not None and start is nothing):
                break
        best = Several(outer, hulls, reach)
        if not left or best.gap <= tolerance or budget.spent:
            break
        touching = outer.touching(outer.functions())
        added = [
            fresh(view, [some for some in (sturdy(touching[s]), hulls[s]) if some]) for s, view in around
        ]
        more = np.unique(np.vstack(added).round(7), axis=0)
        if not len(more):
            break
        more /= np.linalg.norm(more, axis=1, keepdims=True)
        n = rows.discounts.size
        known = np.array(
            [
                np.append(outer.levels[s], outer.of(s).reach(more))
                if outer.filled[s]
                else np.full(outer.height + len(more), np.inf)
                for s in range(len(outer.levels))
            ]
        )
        steps = outer.steps
        outer = Outer(rows, np.vstack([outer.directions[2 * n :], more]), budget, known)
        outer.steps = steps
    return best


def _beyond(around: list[tuple[int, Around]], hulls: list[Hull | None]) -> float:
    """Return the largest distance by which half-spaces reach beyond hulls; infinite if there is no hull."""
    out = 0.0
    for s, view in around:
        hull = hulls[s]
        out = np.inf if hull is None else max(out, gap(view, hull))
    return out


def _inside(outer: Outer, by: float, start: list[Hull | None], enough: float) -> list[Hull | None] | None:
    """Return hulls of self-generating points in every state that has payoffs, or None."""
    points = Inner(outer, by, start).settled(max(enough, _STILL))
    if points is None:
        return None
    hulls = [sturdy(some) if full else None for some, full in zip(points, outer.filled, strict=True)]
    return hulls if all(hulls[s] is not None for s in np.flatnonzero(outer.filled)) else None
