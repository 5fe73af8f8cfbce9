"""Stochastic games in which the players may pay each other: a simplex of equilibrium payoffs in each state.

The best joint and the worst individual values over the profiles that are not yet excluded come from policy iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import index
from bargaining._arrays import Floats, owning
from bargaining._calls import suggesting
from bargaining._rich import Result
from bargaining.equilibria.repeated.transfers import common_discount, surplus_problem
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.stochastic import StochasticGame, require_stochastic

if TYPE_CHECKING:
    from bargaining.problem import Problem

Policy = NDArray[np.intp]  # for each state a row of its profiles, or PART
Mask = NDArray[np.bool_]
PART = -1  # leaving, or nothing, in place of a profile
_IMPROVEMENT = 1e-13  # of payoffs in [0, 1], over 1 - d: by less a policy does not replace another
_KNIFE_EDGE = 1e-11  # of the same: a profile that misses its inequality by less is sustained


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StochasticTransferEquilibrium(Result):
    r"""The equilibrium payoffs :math:`\{u \ge v(s) : \sum u \le U(s)\}` of each state.

    Attributes
    ----------
    joint : ndarray of shape (S,)
        The largest sum of average payoffs, U; NaN where there is no equilibrium.
    threat : ndarray of shape (S, n)
        Each player's lowest payoff, v.
    status : ndarray of int8, shape (S,)
        OK, or EMPTY where nothing can be sustained and nobody may leave.
    profile : ndarray of int, shape (S, n)
        The actions played on the path to U; -1 where parting is best (or there is no equilibrium).
    punishments : ndarray of int, shape (S, n, n)
        Row `[s, k]` has the actions played in state s for one period when player k is punished; -1 where the
        players part instead.
    player_names : tuple of str
        The players of the game.
    """

    joint: Floats
    threat: Floats
    status: NDArray[np.int8]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]
    player_names: tuple[str, ...] = ()
    _by_player: ClassVar = ("threat", "profile")

    def problem(self, state: int, disagreement: ArrayLike | None = None) -> Problem:
        """Return the problem of dividing the joint payoff of a state; by default disagreement is its threat.

        Raises
        ------
        Unsolved
            If there is no equilibrium in that state.
        """
        index(state, "state", "state", len(self.status))
        if self.status[state] != Status.OK:
            raise Unsolved(
                f"State {state} has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        threat = self.threat[state]
        return surplus_problem(float(self.joint[state]), threat, disagreement, self.player_names)


@suggesting
def stochastic_transfer_equilibrium(game: StochasticGame) -> StochasticTransferEquilibrium:
    r"""Return the subgame-perfect payoffs of a stochastic game with voluntary transfers, in pure actions.

    With joint payoffs :math:`G(s,a) = \sum_i g_i(s,a)` and best deviation payoffs

    .. math:: c_i(s, a) = \max_b \Big[(1-\delta) g_i(s, b, a_{-i})
              + \delta \sum_{s'} P(s' \mid s, b, a_{-i}) v_i(s')\Big],

    the profile a can be sustained in state s if

    .. math:: (1-\delta) G(s,a) + \delta \sum_{s'} P(s' \mid s, a) U(s') \ge \sum_i c_i(s, a).

    U is the largest sum of payoffs over policies that choose profiles that can be sustained; and :math:`v_i(s)` is the
    lowest payoff to which such profiles hold player i, who replies best: :math:`v_i(s) = \min_a c_i(s, a)`. The answer
    is the greatest fixed point, found by eliminating profiles until all that remain can be sustained.

    Parameters
    ----------
    game : StochasticGame
        Any number of players, one discount factor for all.

    Returns
    -------
    StochasticTransferEquilibrium

    Raises
    ------
    NotApplicable
        If discount factors differ between players, or if payoffs after exit depend on who leaves.

    Notes
    -----
    Timing of a period: the state is seen; players pay each other (or burn money); players who may leave do so
    or stay; if all stay, they act. A player who fails to pay is punished at once, by the actions of the same period.
    Public randomisation is not needed.

    *Exit.* Staying must be worth o_i(s) to a player who may leave in s, so c_i(s, a) becomes max(c_i(s, a), o_i(s)).
    Where two or more may leave, leaving together is an equilibrium, so v_i(s) = o_i(s) for them, and parting is one way
    to reach U(s) or to punish the others. If only one player may leave, her threat to leave must be credible: some
    profile that can be played if she stays has c_i(s, a) <= o_i(s).

    *No equilibrium.* If no profile can be sustained and parting is no equilibrium, the state is EMPTY, and every
    profile from which it may be reached, on the path or by one player's deviation, is excluded. There is no condition
    on play after several players deviate at once.

    On a knife edge the profile counts as sustained: the inequality may be missed by 1e-11 of the payoff range over
    :math:`1 - \delta`. One state gives `transfer_equilibrium`.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2018). Discounted stochastic games with voluntary transfers. *Economic Theory* 66(1),
    235-263. doi:10.1007/s00199-017-1060-1

    Examples
    --------
    An outside option that strengthens for good ends cooperation when it comes, and not before:

    >>> from bargaining import Exit, Game, StochasticGame, stochastic_transfer_equilibrium
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> strengthens = [[0.9, 0.1], [0, 1]]
    >>> game = StochasticGame.from_chain(prisoners, strengthens, 0.3, exit=Exit([[1, 1], [9, 8]]))
    >>> found = stochastic_transfer_equilibrium(game)
    >>> found.joint.round(4), found.threat.tolist(), found.profile.tolist()
    (array([17.9589, 17.    ]), [[1.0, 1.0], [9.0, 8.0]], [[0, 0], [-1, -1]])
    """
    require_stochastic(game)
    rows = _Rows.of(game)
    alive = [np.ones(len(each), dtype=bool) for each in rows.payoffs]
    sets = _Sustained(alive, alive, np.array([bool(who) for who in rows.who]))
    while True:
        joint, path = rows.most(rows.totals, rows.outside.sum(axis=1), sets.options, sets.parting)
        threats, punishments = zip(*(rows.least(i, sets) for i in range(game.players)), strict=True)
        smaller = rows.sustained(sets, joint, threats)
        if smaller.count == sets.count:
            break
        sets = smaller

    def profiles(policy: Policy) -> NDArray[np.intp]:
        pairs = zip(policy.tolist(), rows.shapes, strict=True)
        return np.array([np.unravel_index(k, shape) if k >= 0 else [-1] * len(shape) for k, shape in pairs])

    return StochasticTransferEquilibrium(
        joint=np.where(sets.dead, np.nan, joint * rows.scale + rows.low.sum()),
        threat=np.where(sets.dead[:, None], np.nan, np.stack(threats, axis=1) * rows.scale + rows.low),
        status=np.where(sets.dead, Status.EMPTY, Status.OK).astype(np.int8),
        profile=profiles(path),
        punishments=np.stack([profiles(policy) for policy in punishments], axis=1),
        player_names=game.player_names,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sustained:
    """The profiles not yet excluded, on the path and after all have stayed, and whether parting is possible."""

    alive: list[Mask]
    usable: list[Mask]
    parting: Mask

    @property
    def options(self) -> list[Policy]:
        """The rows of the profiles that are left in each state."""
        return [np.flatnonzero(rows) for rows in self.alive]

    @property
    def dead(self) -> Mask:
        """States in which nothing can be sustained."""
        return np.array([not rows.any() for rows in self.alive]) & ~self.parting

    @property
    def count(self) -> int:
        """How much is left."""
        return sum(int(rows.sum()) for rows in (*self.alive, *self.usable, self.parting))


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """A game with a row for each profile of each state, its payoffs mapped to [0, 1] by one scale for all players."""

    shapes: tuple[tuple[int, ...], ...]
    payoffs: list[Floats]
    follow: list[Floats]
    discount: float
    outside: Floats  # (S, n); zero where nobody may leave
    who: list[tuple[int, ...]]
    low: Floats
    scale: float

    @classmethod
    def of(cls, game: StochasticGame) -> _Rows:
        common_discount(game)
        for name, leave in zip(game.states, game.exits, strict=True):
            if leave is not None and len({tuple(leave.exact[k]) for k in leave.who}) > 1:
                raise NotApplicable(
                    f"With transfers the payoffs after exit must not depend on who leaves; in state {name} they do."
                )
        n, exits = game.players, game.exits
        payoffs = [stage.payoffs.reshape(-1, n) for stage in game.games]
        outside = np.array([np.full(n, np.nan) if e is None else e.payoffs[e.who[0]] for e in exits])
        every = np.concatenate([*payoffs, outside])
        low = np.nanmin(every, axis=0)
        scale = float((np.nanmax(every, axis=0) - low).max()) or 1.0
        return cls(
            shapes=tuple(stage.shape for stage in game.games),
            payoffs=[(rows - low) / scale for rows in payoffs],
            follow=[game.transition(s).reshape(-1, len(game)) for s in range(len(game))],
            discount=float(game.discounts[0]),
            outside=np.nan_to_num((outside - low) / scale),
            who=[() if e is None else e.who for e in exits],
            low=low,
            scale=scale,
        )

    @property
    def totals(self) -> list[Floats]:
        """The sum of all players' payoffs."""
        return [rows.sum(axis=1) for rows in self.payoffs]

    def ahead(self, state: int, payoffs: Floats, worth: Floats) -> Floats:
        """Return (1 - d) payoff + d E[value of the next state] for each profile of a state."""
        return (1 - self.discount) * payoffs + self.discount * (self.follow[state] @ worth)

    def tempted(self, state: int, player: int, threat: Floats) -> Floats:
        """Return a player's payoff from her best deviation from each profile of a state."""
        table = self.ahead(state, self.payoffs[state][:, player], threat).reshape(self.shapes[state])
        return np.broadcast_to(table.max(axis=player, keepdims=True), table.shape).ravel()

    def most(
        self, payoffs: list[Floats], stop: Floats, options: list[Policy], leaves: Mask
    ) -> tuple[Floats, Policy]:
        """Return the largest values over policies of these options, and of stopping where one may leave.

        A state with neither has the value 0. By policy iteration.
        """
        policy = np.array([rows[0] if len(rows) else PART for rows in options])
        while True:
            matrix, right = np.eye(len(policy)), np.where(leaves, stop, 0.0)
            for s in np.flatnonzero(policy >= 0).tolist():
                matrix[s] -= self.discount * self.follow[s][policy[s]]
                right[s] = (1 - self.discount) * payoffs[s][policy[s]]
            values = np.asarray(np.linalg.solve(matrix, right), dtype=float)
            before = policy.copy()
            for s, rows in enumerate(options):
                best = values[s] + _IMPROVEMENT / (1.0 - self.discount)
                gains = self.ahead(s, payoffs[s], values)[rows]
                if len(rows) and gains.max() > best:
                    policy[s], best = rows[gains.argmax()], gains.max()
                if leaves[s] and stop[s] > best:
                    policy[s] = PART
            if (policy == before).all():
                return values, policy

    def least(self, player: int, sets: _Sustained) -> tuple[Floats, Policy]:
        """Return the lowest payoff of a player in each state, and the profiles that hold her to it.

        The others choose the profile, she replies: a game of perfect information. Policies of the others are
        improved, each against her best reply to it.
        """
        own, stop = [table[:, player] for table in self.payoffs], self.outside[:, player]
        leaves = np.array([player in who for who in self.who])
        policy = np.array([PART if not len(rows) else rows[0] for rows in sets.options])
        policy[sets.parting & leaves] = PART
        while True:
            replies = [
                self.replies(s, int(row), player) if row >= 0 else np.empty(0, dtype=np.intp)
                for s, row in enumerate(policy)
            ]
            threat, _ = self.most(own, stop, replies, np.where(policy >= 0, leaves, sets.parting))
            before = policy.copy()
            for s in np.flatnonzero(~sets.dead & ~(sets.parting & leaves)).tolist():
                best = threat[s] - _IMPROVEMENT / (1.0 - self.discount)
                held = self.held(s, player, threat)
                rows = sets.options[s]
                if len(rows) and held[rows].min() < best:
                    policy[s], best = rows[held[rows].argmin()], held[rows].min()
                if sets.parting[s] and stop[s] < best:
                    policy[s] = PART
            if (policy == before).all():
                return threat, policy

    def held(self, state: int, player: int, threat: Floats) -> Floats:
        """Return a player's payoff from her best deviation, or from leaving if that is more."""
        tempted = self.tempted(state, player, threat)
        return np.maximum(tempted, self.outside[state, player]) if player in self.who[state] else tempted

    def replies(self, state: int, row: int, player: int) -> Policy:
        """Return the rows that a player can reach from one of them by herself."""
        rows = np.arange(len(self.payoffs[state])).reshape(self.shapes[state])
        profile: list[Any] = list(np.unravel_index(row, self.shapes[state]))
        profile[player] = slice(None)
        return np.asarray(rows[tuple(profile)])

    def sustained(self, sets: _Sustained, joint: Floats, threats: Sequence[Floats]) -> _Sustained:
        """Return the profiles that remain, and where parting does."""
        alive, usable, parting, dead = [], [], sets.parting.copy(), sets.dead
        least = -_KNIFE_EDGE / (1.0 - self.discount)
        for s, who in enumerate(self.who):
            promised = self.ahead(s, self.payoffs[s].sum(axis=1), joint) - least
            tempted = [self.tempted(s, i, threat) for i, threat in enumerate(threats)]
            held = [self.held(s, i, threat) for i, threat in enumerate(threats)]
            # A dead state must not follow, neither on the path nor after one player's deviation.
            risk = np.any(self.follow[s][:, dead] > 0, axis=1).reshape(self.shapes[s])
            risks = [
                np.broadcast_to(np.any(risk, axis=i, keepdims=True), risk.shape) for i in range(risk.ndim)
            ]
            safe = ~np.any(risks, axis=0).ravel() & (not dead[s])
            alive.append(sets.alive[s] & safe & (promised >= sum(held)))
            usable.append(sets.usable[s] & safe & (promised >= sum(tempted)))
            if parting[s] and len(who) == 1:
                leaves = self.outside[s, who[0]] - tempted[who[0]] >= least
                parting[s] = bool((usable[s] & leaves).any())
        return _Sustained(alive, usable, parting)
