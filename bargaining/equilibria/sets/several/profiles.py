r"""A game in the unit box, one row a profile of a state: what it pays, what follows, and what keeps everybody to it.

After the profile a of a state one of Z outcomes z follows, with chance p(z), and with it a continuation w(z) in the set
of the state to which z leads. Nobody gains by a deviation if

.. math:: \sum_z \omega_k(z)\, w_{i(k)}(z) \ge b_k \qquad (k = 1, ..., K).

*Actions seen*: an outcome is the next state, there is a constraint for each player, :math:`\omega = p`, and b is the
lowest payoff :math:`P_i` after her best deviation, plus what this brings now. So b moves with the sets. *Signals*: an
outcome is a signal, and there is a constraint for each deviation b, :math:`\omega(y) = p(y|a) - p(y|b)`, and for each
player who may leave.

*Symmetries* are permutations of players, with their actions, that leave a game unchanged. Player :math:`\pi(i)` takes
the action that i took. Where payoffs, transitions, discount factors and exits stay the same, and chances of signals up
to the signals' names, payoffs v are those of an equilibrium if and only if the payoffs :math:`v'_{\pi(i)} = v_i` are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Indices, once
from bargaining.equilibria._exact_game import Leave, outcomes
from bargaining.errors import NotApplicable
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame

_ROUNDING = 1e-13  # in the unit box: sums in another order differ by less
_PLAYERS = 6  # whose permutations are tried


class Symmetries(NamedTuple):
    """A group of permutations, the identity first."""

    players: Indices  # (G, n) which player each becomes
    rows: Indices  # (G, N) and which row

    @classmethod
    def of(cls, profiles: Profiles) -> Symmetries:
        """Return all of a game of few players."""
        n, results = profiles.discounts.size, np.vstack([profiles.payoffs, profiles.outside, profiles.gone])
        laws = np.zeros((len(profiles.payoffs), profiles.states))
        np.add.at(laws, (np.arange(len(laws))[:, None], profiles.ahead), profiles.chances)
        signals = laws[:, :0] if profiles.limits is None else profiles.chances
        found = []
        for order in permutations(range(n)) if n <= _PLAYERS else [tuple(range(n))]:
            players, rows, first = list(order), list[Indices](), 0
            for shape in profiles.shapes:
                if any(shape[k] != size for k, size in zip(order, shape, strict=True)):
                    break
                rows.append(first + np.arange(np.prod(shape)).reshape(shape).transpose(order).ravel())
                first += len(rows[-1])
            else:
                moved = np.concatenate(rows)
                pairs = [
                    (profiles.discounts[players], profiles.discounts),
                    (results[np.append(moved, np.arange(len(moved), len(results)))][:, players], results),
                    (laws[moved], laws),
                    (_sorted(signals[moved]), _sorted(signals)),
                ]
                if all(np.allclose(new, old, rtol=0.0, atol=_ROUNDING) for new, old in pairs):
                    found.append((order, moved))
        return cls(*(np.array(part, np.intp) for part in zip(*found, strict=True)))

    @classmethod
    def none(cls, players: int, rows: int) -> Symmetries:
        """Return the identity alone."""
        return cls(np.arange(players)[None], np.arange(rows)[None])

    def orbits(self, directions: Floats, digits: int) -> tuple[Floats, Indices, Indices]:
        """Return directions with their images, one of the orbit of each, and the permutation that leads from it."""
        rows = directions[once(directions, digits)[0]]
        images = rows[:, self.players.argsort(axis=1)]
        different, places = once(np.vstack([rows, images.reshape(-1, rows.shape[1])]), digits)
        places = places[len(rows) :].reshape(len(rows), -1)
        first = np.full(len(different), len(rows))
        np.minimum.at(first, places, np.arange(len(rows))[:, None])
        by = (places[first] == np.arange(len(first))[:, None]).argmax(axis=1)
        return images[first, by], first, by

    def representatives(self, direction: Floats, digits: int) -> Indices:
        """Return one row of those that the permutations which leave a direction as it is map to each other."""
        images = direction[self.players.argsort(axis=1)].round(digits)
        own = self.rows[(images == direction.round(digits)).all(axis=1)]
        return np.flatnonzero(own.min(axis=0) == np.arange(own.shape[1]))


def _sorted(columns: Floats) -> Floats:
    return np.asarray(columns[:, np.lexsort(columns)] if columns.size else columns)


FAR = 10.0  # widths of the unit box: no continuation lies there
_IMPATIENT = 1e-13  # of the unit box: the most by which an impatient player may miss her threshold

Mask = NDArray[np.bool_]


class Thresholds(NamedTuple):
    """The least values of the constraints at which nobody deviates from a profile, arrays of shape (N, K)."""

    needed: Floats  # cut off where they lie far from the box: every continuation is above, or none
    replies: Indices  # the best deviations
    moves: Mask  # whether a threshold moves with the threats after the best deviation
    gains: Floats  # by which it lies above them, because the deviation brings more now


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """The profiles of all states, one row each in the order of the states."""

    payoffs: Floats  # (N, n)
    ahead: Indices  # (N, Z) the state to which each outcome leads
    chances: Floats  # (N, Z)
    state: Indices  # (N,)
    who: Indices  # (K,) the player of each constraint
    weights: Floats  # (N, K, Z)
    limits: Floats | None  # (N, K) the thresholds behind signals; None where actions are seen
    shapes: list[tuple[int, ...]]  # of each state's rows: how many actions each player has
    groups: list[Indices]  # of each player, (N,): rows of one group differ only in her action
    discounts: Floats  # (n,)
    outside: Floats  # (S, n) payoffs of leaving; minus infinity for who may not
    leaves: tuple[Leave, ...]  # the outcomes of leaving
    exits: Indices  # (L,) the states of these
    low: Floats
    size: Floats
    symmetries: Symmetries
    eased: float = 0.0  # by which thresholds are lowered
    raised: Floats | float = 0.0  # by which `floors` are higher where a constraint can have slack

    @classmethod
    def of(cls, game: StochasticGame) -> Profiles:
        """Map a game whose actions are seen to the unit box of its feasible payoffs."""
        n, payoffs = game.players, [stage.payoffs.reshape(-1, game.players) for stage in game.games]
        for leave in game.exits:
            if leave is not None:
                require_common(leave, n)
        gone = [None if leave is None else leave.payoffs[0] for leave in game.exits]
        ends = [(s, Leave(tuple(each.tolist()))) for s, each in enumerate(gone) if each is not None]
        groups: list[list[Indices]] = [[] for _ in range(n)]
        first = [0] * n
        for s in range(len(game)):
            shape = game.shape(s)
            for i in range(n):
                others = [1 if k == i else m for k, m in enumerate(shape)]
                number = np.arange(int(np.prod(others))).reshape(others)
                groups[i].append(first[i] + np.broadcast_to(number, shape).ravel())
                first[i] += number.size
        laws = np.concatenate([game.transition(s).reshape(len(some), -1) for s, some in enumerate(payoffs)])
        state = np.repeat(np.arange(len(game)), [len(some) for some in payoffs])
        ahead = np.argsort(laws == 0.0, axis=1, kind="stable")[:, : int((laws > 0.0).sum(axis=1).max())]
        chances = np.take_along_axis(laws, ahead, axis=1)
        unit = _boxed(
            np.concatenate(payoffs),
            np.where(chances > 0.0, ahead, state[:, None]),
            chances,
            state,
            np.arange(n),
            np.repeat(chances[:, None], n, axis=1),
            [game.shape(s) for s in range(len(game))],
            [np.concatenate(some) for some in groups],
            game.discounts,
            np.array([np.full(n, -np.inf) if each is None else each for each in gone]),
            ends,
        )
        return replace(unit, symmetries=Symmetries.of(unit))

    @classmethod
    def monitored(cls, repeated: RepeatedGame) -> Profiles:
        """Map a game whose actions are seen through a signal; of more than two players, all may leave or nobody."""
        game, leaving, n = repeated.game, repeated.exit, repeated.players
        assert repeated.monitoring is not None
        chances = repeated.monitoring.probabilities.reshape(-1, len(repeated.monitoring.signals))
        if leaving is not None and n > 2:
            require_common(leaving, n)
        ends = [] if leaving is None else outcomes(leaving)
        own = np.full(n, -np.inf) if leaving is None else leaving.own
        others, stay = list(deviations(game)), np.flatnonzero(np.isfinite(own))
        who = np.concatenate([[i for i, _ in others], stay]).astype(np.intp)
        weights = [chances - chances[other] for _, other in others] + [chances] * stay.size
        count = len(chances)
        found = _boxed(
            game.payoffs.reshape(-1, n),
            np.zeros(chances.shape, np.intp),
            chances,
            np.zeros(count, np.intp),
            who,
            np.stack(weights, axis=1) if weights else np.zeros((count, 0, chances.shape[1])),
            [game.shape],
            [],
            repeated.discounts,
            own[None],
            [(0, end) for end in ends],
        )
        unit, delta = found.payoffs, found.discounts
        gains = [(1.0 - delta[i]) * (unit[other, i] - unit[:, i]) for i, other in others]
        gains += [found.outside[0, i] - found.now[:, i] for i in stay]
        limits = np.stack(gains, axis=1) if gains else np.zeros((count, 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            patient = limits / delta[who]
        limits = np.where(delta[who] > 0.0, patient, np.where(limits > _IMPATIENT, FAR, -FAR))
        found = replace(found, limits=limits)
        return replace(found, symmetries=Symmetries.of(found))

    def asymmetric(self) -> Profiles:
        """Return the game without its symmetries: a certificate has bounds in every direction."""
        return replace(self, symmetries=Symmetries.none(*self.payoffs.shape[::-1]))

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.outside)

    @property
    def gone(self) -> Floats:
        """The payoffs of the outcomes of leaving, (L, n)."""
        return np.array([leave.payoffs for leave in self.leaves]).reshape(-1, self.discounts.size)

    @property
    def now(self) -> Floats:
        """The stage payoffs of each row times one minus the discount factor, shape (N, n)."""
        return np.asarray((1.0 - self.discounts) * self.payoffs)

    @property
    def left(self) -> Mask:
        """The states in which somebody may leave, (S,)."""
        return np.isin(np.arange(self.states), self.exits)

    def value(self, rows: Indices, later: Floats) -> Floats:
        """Return the payoffs of profiles (m,) with the continuations (m, Z, n), shape (m, n)."""
        return np.asarray(
            self.now[rows] + self.discounts * np.einsum("mz,mzi->mi", self.chances[rows], later)
        )

    def slack(self, rows: Indices, later: Floats, least: Floats) -> Floats:
        """Return by how much the continuations (m, Z, n) exceed the thresholds `least` (N, K), shape (m, K)."""
        return np.asarray(np.einsum("mkz,mzk->mk", self.weights[rows], later[:, :, self.who]) - least[rows])

    def thresholds(self, threat: Floats) -> Thresholds:
        """Return the thresholds for threats of shape (S, n), infinite in a state without payoffs."""
        if self.limits is not None:
            same = np.repeat(np.arange(len(self.limits))[:, None], self.limits.shape[1], axis=1)
            needed = np.clip(self.limits - self.eased, -FAR, FAR)
            return Thresholds(needed, same, np.zeros(needed.shape, bool), np.zeros(needed.shape))
        now, delta, own = self.now, self.discounts, self.outside[self.state]
        after = np.where((self.chances > 0.0)[:, :, None], threat[self.ahead], 0.0)
        ahead = (self.chances[:, :, None] * after).sum(axis=1)
        known = np.isfinite(ahead)
        worth = np.where(known, now + delta * np.where(known, ahead, 0.0), np.inf)
        replies = np.empty(worth.shape, np.intp)
        for i, group in enumerate(self.groups):
            order = np.lexsort((worth[:, i], group))
            last = np.append(np.flatnonzero(np.diff(group[order])), len(order) - 1)
            replies[:, i] = order[last][group]
        best = np.take_along_axis(worth, replies, axis=0)
        impatient = np.where(np.maximum(best, own) > now + _IMPATIENT, FAR, -FAR)
        with np.errstate(divide="ignore", invalid="ignore"):
            gains = (1.0 - delta) / delta * (np.take_along_axis(self.payoffs, replies, axis=0) - self.payoffs)
            deterred = np.maximum(np.take_along_axis(ahead, replies, axis=0) + gains, (own - now) / delta)
        needed = np.where(delta > 0.0, deterred, impatient)
        moves = (best >= own) & (np.abs(needed) < FAR) & (delta > 0.0)
        return Thresholds(np.clip(needed - self.eased, -FAR, FAR), replies, moves, gains)

    def tightened(self, by: float, points: Floats) -> Profiles:
        """Return the game with thresholds raised where constraints can have slack.

        They cannot where a deviation changes nothing, or where no continuations among the points exceed the threshold.
        """
        if self.limits is None:
            least = self.thresholds(np.zeros(self.outside.shape))
            changes = (self.ahead[least.replies] != self.ahead[:, None]) | (
                self.chances[least.replies] != self.chances[:, None]
            )
            able = ~least.moves | (least.gains > 0.0) | changes.any(axis=2)
        else:
            ends = np.stack([points.min(axis=0), points.max(axis=0)], axis=-1)[self.who]  # (K, 2)
            most = (self.weights[..., None] * ends[:, None]).max(axis=-1).sum(axis=-1)
            able = np.abs(most - self.limits) > 1e-11
        return replace(self, raised=by * able)

    def floors(self, least: Thresholds) -> Floats:
        """Return the thresholds, raised where constraints are to have slack."""
        return np.asarray(least.needed + self.raised)

    def threat(self, points: Floats, state: Indices) -> Floats:
        """Return the lowest payoffs of each state's points and outcomes of leaving, infinite where there are none."""
        low = np.full(self.outside.shape, np.inf)
        np.minimum.at(low, state, points)
        np.minimum.at(low, self.exits, self.gone)
        return low

    def reach(self, directions: Floats) -> Floats:
        """Return how far feasible payoffs go: the hull of all outcomes, their box if players differ in patience.

        Players who differ in patience trade early payoffs against late ones, and those of leaving come late.
        """
        results = np.vstack([self.payoffs, self.gone])
        if (self.discounts == self.discounts[0]).all():
            return np.asarray((directions @ results.T).max(axis=1))
        low, high = results.min(axis=0), results.max(axis=0)
        return np.asarray(np.where(directions > 0, directions * high, directions * low).sum(axis=1))


def _boxed(
    payoffs: Floats,
    ahead: Indices,
    chances: Floats,
    state: Indices,
    who: Indices,
    weights: Floats,
    shapes: list[tuple[int, ...]],
    groups: list[Indices],
    discounts: Floats,
    outside: Floats,
    ends: list[tuple[int, Leave]],
) -> Profiles:
    everything = np.vstack([payoffs, *(np.array(end.payoffs)[None] for _, end in ends)])
    low, size = everything.min(axis=0), np.ptp(everything, axis=0)
    size = np.where(size > 0.0, size, 1.0)
    leaves = tuple(
        Leave(tuple(((np.array(end.payoffs) - low) / size).tolist()), end.leaver, end.number)
        for _, end in ends
    )
    return Profiles(
        (payoffs - low) / size,
        ahead,
        chances,
        state,
        who,
        weights,
        None,
        shapes,
        groups,
        discounts,
        (outside - low) / size,
        leaves,
        np.array([s for s, _ in ends], dtype=np.intp),
        low,
        size,
        Symmetries.none(low.size, len(payoffs)),
    )


def deviations(game: Game) -> list[tuple[int, Indices]]:
    """Return for each deviation the player, and the profile to which it leads from each profile."""
    number = np.arange(int(np.prod(game.shape))).reshape(game.shape)
    return [  # the action `step` places further, cyclically
        (i, np.roll(number, -step, axis=i).ravel())
        for i, size in enumerate(game.shape)
        for step in range(1, size)
    ]


def require_common(leave: Exit, players: int) -> None:
    """Refuse an exit that is not open to all or depends on who leaves."""
    if len(leave.who) < players or (leave.payoffs != leave.payoffs[0]).any():
        raise NotApplicable(
            "These bounds need an exit that is open to all with the same payoffs whoever leaves; got "
            f"{leave!r}. For two players see `payoff_set`."
        )
