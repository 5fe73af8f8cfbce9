"""Stochastic games in which the players may pay each other: a simplex of equilibrium payoffs in each state.

The best joint and the worst individual values over the profiles that are not yet excluded come from policy iteration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import index
from bargaining._arrays import Floats, owning
from bargaining._calls import suggesting
from bargaining._names import are_given
from bargaining._rich import Result
from bargaining.equilibria.repeated.transfers import common_discount
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.stochastic import StochasticGame, require_stochastic

if TYPE_CHECKING:
    from bargaining.problem import Problem

Policy = NDArray[np.intp]  # for each state a row of its profiles; PART; or NONE
Mask = NDArray[np.bool_]
PART, NONE = -1, -2  # codes for leaving, and for nothing, in place of a profile
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
        from bargaining.feasible.surplus import TransferableSurplus
        from bargaining.problem import Problem

        index(state, "state", "state", len(self.status))
        if self.status[state] != Status.OK:
            raise Unsolved(
                f"State {state} has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        feasible = TransferableSurplus(float(self.joint[state]), players=self.threat.shape[-1])
        names = self.player_names
        return Problem(
            feasible,
            self.threat[state] if disagreement is None else disagreement,
            players=names if are_given(names) else None,
        )


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
    :math:`1 - \delta`. One state gives `transfer_equilibrium`, which decides in exact arithmetic.

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
    _check(game)
    rows = _Rows.of(game)
    alive = [np.ones(len(each), dtype=bool) for each in rows.payoffs]
    sets = _Sustained(alive, [each.copy() for each in alive], np.array([bool(who) for who in rows.who]))
    while True:
        bounds = _Bounds.of(rows, sets)
        smaller = rows.sustained(sets, bounds)
        if smaller.count == sets.count:
            return _packed(game, rows, sets, bounds)
        sets = smaller


def _check(game: StochasticGame) -> None:
    common_discount(game)
    for name, leave in zip(game.states, game.exits, strict=True):
        if leave is not None and len({tuple(leave.exact[k]) for k in leave.who}) > 1:
            raise NotApplicable(
                f"With transfers the payoffs after exit must not depend on who leaves; in state {name} they do."
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Sustained:
    """The profiles not yet excluded, on the path and after all have stayed, and whether parting is possible."""

    alive: list[Mask]
    usable: list[Mask]
    parting: Mask

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
    def improvement(self) -> float:
        """The improvement from which on a policy replaces another."""
        return _IMPROVEMENT / (1.0 - self.discount)

    def ahead(self, state: int, payoffs: Floats, worth: Floats) -> Floats:
        """Return (1 - d) payoff + d E[value of the next state] for each profile of a state."""
        return (1 - self.discount) * payoffs + self.discount * (self.follow[state] @ worth)

    def tempted(self, state: int, player: int, threat: Floats) -> Floats:
        """Return a player's payoff from her best deviation from each profile of a state."""
        values = self.ahead(state, self.payoffs[state][:, player], threat)
        table = values.reshape(self.shapes[state])
        return np.broadcast_to(table.max(axis=player, keepdims=True), table.shape).ravel()

    def held(self, state: int, player: int, threat: Floats) -> Floats:
        """Return the same, or her payoff from leaving if that is more."""
        tempted = self.tempted(state, player, threat)
        return np.maximum(tempted, self.outside[state, player]) if player in self.who[state] else tempted

    def replies(self, state: int, row: int, player: int) -> NDArray[np.intp]:
        """Return the rows that a player can reach from one of them by herself."""
        shape = self.shapes[state]
        profile = list(np.unravel_index(row, shape))
        every = [np.full(shape[player], action) for action in profile]
        every[player] = np.arange(shape[player])
        return np.ravel_multi_index(tuple(every), shape)

    def values(self, payoffs: list[Floats], rows: Policy, stopped: Floats) -> Floats:
        """Return the values of a policy; `stopped` where the players part, and 0 where there is nothing."""
        matrix, right = np.eye(len(rows)), np.where(rows == PART, stopped, 0.0)
        for s in np.flatnonzero(rows >= 0).tolist():
            matrix[s] -= self.discount * self.follow[s][rows[s]]
            right[s] = (1 - self.discount) * payoffs[s][rows[s]]
        return np.asarray(np.linalg.solve(matrix, right))

    def sustained(self, sets: _Sustained, bounds: _Bounds) -> _Sustained:
        """Return the profiles that remain, and where parting does."""
        alive, usable, parting = [], [], sets.parting.copy()
        least = -_KNIFE_EDGE / (1.0 - self.discount)
        for s, who in enumerate(self.who):
            promised = self.ahead(s, self.payoffs[s].sum(axis=1), bounds.joint)
            tempted = [self.tempted(s, i, threat) for i, threat in enumerate(bounds.threat)]
            held = [self.held(s, i, threat) for i, threat in enumerate(bounds.threat)]
            safe = ~self._touches(s, sets.dead) & (not sets.dead[s])
            alive.append(sets.alive[s] & safe & (promised - sum(held) >= least))
            usable.append(sets.usable[s] & safe & (promised - sum(tempted) >= least))
            if parting[s] and len(who) == 1:
                leaves = self.outside[s, who[0]] - tempted[who[0]] >= least
                parting[s] = bool((usable[s] & leaves).any())
        return _Sustained(alive, usable, parting)

    def _touches(self, state: int, dead: Mask) -> Mask:
        """Say from which profiles a dead state may be reached, by playing them or by one player's deviation."""
        risk = np.any(self.follow[state][:, dead] > 0, axis=1).reshape(self.shapes[state])
        reached = risk.copy()
        for player in range(risk.ndim):
            reached |= np.any(risk, axis=player, keepdims=True)
        return np.asarray(reached.ravel())


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """The largest sums, (S,), the lowest payoffs, (n, S), and the policies behind them."""

    joint: Floats
    threat: list[Floats]
    path: Policy
    punishments: list[Policy]

    @classmethod
    def of(cls, rows: _Rows, sets: _Sustained) -> _Bounds:
        joint, path = _best(rows, sets)
        lowest = [_worst(rows, sets, i) for i in range(len(rows.low))]
        return cls(joint, [value for value, _ in lowest], path, [policy for _, policy in lowest])


def _best(rows: _Rows, sets: _Sustained) -> tuple[Floats, Policy]:
    """Return the largest sum of payoffs in each state, and a policy that reaches it."""
    totals, stop, policy = [each.sum(axis=1) for each in rows.payoffs], rows.outside.sum(axis=1), _start(sets)
    while True:
        joint, moved = rows.values(totals, policy, stop), False
        for s in np.flatnonzero(~sets.dead).tolist():
            value = np.where(sets.alive[s], rows.ahead(s, totals[s], joint), -np.inf)
            row = int(value.argmax())
            if sets.parting[s] and stop[s] > value[row]:
                row, best = PART, stop[s]
            else:
                best = value[row]
            if best > joint[s] + rows.improvement:
                policy[s], moved = row, True
        if not moved:
            return joint, policy


def _worst(rows: _Rows, sets: _Sustained, player: int) -> tuple[Floats, Policy]:
    """Return the lowest payoff of a player in each state, and the profiles that hold her to it.

    The others choose the profile, she replies: a game of perfect information. Policies of the others are
    improved, each against her best reply to it.
    """
    policy, own = _start(sets), rows.outside[:, player]
    leaves = np.array([player in who for who in rows.who])
    policy[sets.parting & leaves] = PART
    replies = policy.copy()
    while True:
        threat, replies = _reply(rows, player, policy, replies)
        moved = False
        for s in np.flatnonzero(~sets.dead & ~(sets.parting & leaves)).tolist():
            value = np.where(sets.alive[s], rows.held(s, player, threat), np.inf)
            row = int(value.argmin())
            if sets.parting[s] and own[s] < value[row]:
                row, least = PART, own[s]
            else:
                least = value[row]
            if least < threat[s] - rows.improvement:
                policy[s], replies[s], moved = row, row, True
        if not moved:
            return threat, policy


def _reply(rows: _Rows, player: int, policy: Policy, replies: Policy) -> tuple[Floats, Policy]:
    """Return the value of the player's best reply to the others' policy, and the rows it leads to."""
    own, replies = [table[:, player] for table in rows.payoffs], replies.copy()
    while True:
        value, moved = rows.values(own, replies, rows.outside[:, player]), False
        for s in np.flatnonzero(policy >= 0).tolist():
            reach = rows.replies(s, int(policy[s]), player)
            gets = rows.ahead(s, own[s], value)[reach]
            row, most = int(reach[gets.argmax()]), gets.max()
            if player in rows.who[s] and rows.outside[s, player] > most:
                row, most = PART, rows.outside[s, player]
            if most > value[s] + rows.improvement:
                replies[s], moved = row, True
        if not moved:
            return value, replies


def _start(sets: _Sustained) -> Policy:
    """Return some policy: a profile where one is alive, else parting."""
    first = [int(np.argmax(rows)) if rows.any() else PART for rows in sets.alive]
    return np.where(sets.dead, NONE, np.array(first))


def _packed(
    game: StochasticGame, rows: _Rows, sets: _Sustained, bounds: _Bounds
) -> StochasticTransferEquilibrium:
    def profiles(policy: Policy) -> NDArray[np.intp]:
        nobody = [-1] * game.players
        return np.array(
            [
                nobody if row < 0 else np.unravel_index(row, shape)
                for row, shape in zip(policy, rows.shapes, strict=True)
            ]
        )

    threat = np.stack(bounds.threat, axis=1) * rows.scale + rows.low
    return StochasticTransferEquilibrium(
        joint=np.where(sets.dead, np.nan, bounds.joint * rows.scale + rows.low.sum()),
        threat=np.where(sets.dead[:, None], np.nan, threat),
        status=np.where(sets.dead, Status.EMPTY, Status.OK).astype(np.int8),
        profile=profiles(bounds.path),
        punishments=np.stack([profiles(policy) for policy in bounds.punishments], axis=1),
        player_names=game.player_names,
    )
