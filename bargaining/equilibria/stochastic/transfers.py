"""Stochastic games in which the players may pay each other: a simplex of equilibrium payoffs in each state.

The best joint and the worst individual values over the profiles that are not yet excluded come from policy iteration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import index
from bargaining._arrays import Floats, record
from bargaining._calls import suggesting
from bargaining.equilibria.repeated.joint import TransferEquilibrium, common_discount, surplus_problem
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.stochastic import StochasticGame, require_stochastic

if TYPE_CHECKING:
    from bargaining.problem import Problem

Policy = NDArray[np.intp]  # for each state a row, or NOTHING
Mask = NDArray[np.bool_]
NOTHING = -1  # no row has this number
_IMPROVEMENT = 1e-13  # of payoffs in [0, 1], over 1 - d: by less a policy does not replace another
_KNIFE_EDGE = 1e-11  # of the same: a profile that misses its inequality by less is sustained


@record
class StochasticTransferEquilibrium(TransferEquilibrium):
    r"""The equilibrium payoffs :math:`\{u \ge v(s) : \sum u \le U(s)\}` of each state.

    Attributes
    ----------
    joint, threat, status, profile, punishments, player_names
        As for `TransferEquilibrium`, with an entry for each state: shapes (S,), (S, n), (S,), (S, n), (S, n, n).
    """

    joint: Floats

    def problem(self, state: int, disagreement: ArrayLike | None = None) -> Problem:  # type: ignore[override]
        """Return the problem of dividing the joint payoff of a state; by default disagreement is its threat.

        Raises
        ------
        Unsolved
            If there is no equilibrium in that state.
        """
        index(state, "state", "state", len(self.threat))
        if np.asarray(self.status)[state] != Status.OK:
            raise Unsolved(
                f"State {state} has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        joint = float(np.asarray(self.joint)[state])
        return surplus_problem(joint, self.threat[state], disagreement, self.player_names)


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
    The state is seen first; then timing and exit are those of `transfer_equilibrium`, with o_i(s) for a player who may
    leave in state s. One state gives that answer.

    *No equilibrium.* If no profile can be sustained and parting is no equilibrium, the state is EMPTY, and every
    profile from which it may be reached, on the path or by one player's deviation, is excluded. There is no condition
    on play after several players deviate at once.

    On a knife edge the profile counts as sustained: the inequality may be missed by 1e-11 of the payoff range over
    :math:`1 - \delta`.

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
    common_discount(game)
    rows = _Rows(game)
    alive = [
        np.append(np.ones(len(each) - 1, dtype=bool), bool(who))
        for each, who in zip(rows.now, rows.who, strict=True)
    ]
    usable = [np.ones(len(each) - 1, dtype=bool) for each in rows.now]
    while True:
        joint, path = rows.most([each.sum(axis=1) for each in rows.now], list(map(np.flatnonzero, alive)))
        threats, punishments = zip(*(rows.least(i, alive) for i in range(game.players)), strict=True)
        smaller = rows.sustained(alive, usable, joint, threats)
        if all(map(np.array_equal, [*alive, *usable], [*smaller[0], *smaller[1]])):
            break
        alive, usable = smaller
    dead = np.array([not each.any() for each in alive])

    def profiles(policy: Policy) -> NDArray[np.intp]:
        """Return actions; -1 where the players part, or there is nothing."""
        pairs = [(k, stage.shape) for k, stage in zip(policy.tolist(), game.games, strict=True)]
        return np.array(
            [np.unravel_index(k, own) if 0 <= k < np.prod(own) else [-1] * len(own) for k, own in pairs]
        )

    return StochasticTransferEquilibrium(
        joint=np.where(dead, np.nan, joint * rows.scale + rows.low.sum()),
        threat=np.where(dead[:, None], np.nan, np.stack(threats, axis=1) * rows.scale + rows.low),
        status=np.where(dead, Status.EMPTY, Status.OK).astype(np.int8),
        profile=profiles(path),
        punishments=np.stack([profiles(policy) for policy in punishments], axis=1),
        player_names=game.player_names,
    )


class _Rows:
    """A game with a row for each profile of each state, K of them, and a last one for parting.

    Payoffs are mapped to [0, 1] by one scale for all players. For each state `now` (K + 1, n) has 1 - d times the
    payoffs of a period and the payoffs after parting, which are `outside` too, zero where nobody may leave, and
    `follow` (K + 1, S) the chances of the next state, none after parting.
    """

    def __init__(self, game: StochasticGame) -> None:
        for name, leave in zip(game.states, game.exits, strict=True):
            if leave is not None and len({tuple(leave.exact[k]) for k in leave.who}) > 1:
                raise NotApplicable(
                    f"With transfers the payoffs after exit must not depend on who leaves; in state {name} they do."
                )
        n, exits, self.discount = game.players, game.exits, float(game.discounts[0])
        payoffs = [stage.payoffs.reshape(-1, n) for stage in game.games]
        outside = np.array([np.full(n, np.nan) if e is None else e.payoffs[e.who[0]] for e in exits])
        every = np.concatenate([*payoffs, outside])
        self.low = np.nanmin(every, axis=0)
        self.scale = float((np.nanmax(every, axis=0) - self.low).max()) or 1.0
        self.outside = np.nan_to_num((outside - self.low) / self.scale)
        self.who = [() if e is None else e.who for e in exits]
        self.now = [
            np.vstack(((1.0 - self.discount) * (rows - self.low) / self.scale, own))
            for rows, own in zip(payoffs, self.outside, strict=True)
        ]
        self.follow = [
            np.pad(game.transition(s).reshape(-1, len(game)), ((0, 1), (0, 0))) for s in range(len(game))
        ]
        self.places = [
            np.arange(len(rows)).reshape(stage.shape) for rows, stage in zip(payoffs, game.games, strict=True)
        ]

    def ahead(self, state: int, now: Floats, worth: Floats) -> Floats:
        """Return (1 - d) payoff + d E[value of the next state] for each row of a state."""
        return now + self.discount * (self.follow[state] @ worth)

    def tempted(self, state: int, player: int, threat: Floats) -> Floats:
        """Return a player's payoff from her best deviation from each profile of a state."""
        table = self.ahead(state, self.now[state][:, player], threat)[self.places[state]]
        return np.broadcast_to(table.max(axis=player, keepdims=True), table.shape).ravel()

    def held(self, state: int, player: int, threat: Floats) -> Floats:
        """Return a player's payoff from her best deviation, or from leaving if that is more; and from parting."""
        own, tempted = self.outside[state, player], self.tempted(state, player, threat)
        return np.append(np.maximum(tempted, own) if player in self.who[state] else tempted, own)

    def most(self, now: list[Floats], options: Sequence[Policy]) -> tuple[Floats, Policy]:
        """Return the largest values over policies of these options, by policy iteration; 0 in a state without any."""
        policy = np.array([rows[0] if len(rows) else NOTHING for rows in options])
        while True:
            matrix, right = np.eye(len(policy)), np.zeros(len(policy))
            for s in np.flatnonzero(policy >= 0).tolist():
                matrix[s] -= self.discount * self.follow[s][policy[s]]
                right[s] = now[s][policy[s]]
            values, before = np.asarray(np.linalg.solve(matrix, right)), policy.copy()
            for s, rows in enumerate(options):
                gains = self.ahead(s, now[s], values)[rows]
                if len(rows) and gains.max() > values[s] + _IMPROVEMENT / (1.0 - self.discount):
                    policy[s] = rows[gains.argmax()]
            if (policy == before).all():
                return values, policy

    def least(self, player: int, alive: list[Mask]) -> tuple[Floats, Policy]:
        """Return the lowest payoff of a player in each state, and the rows that hold her to it.

        The others choose the row, she replies: a game of perfect information. Policies of the others are improved, each
        against her best reply to it.
        """
        options, own = list(map(np.flatnonzero, alive)), [table[:, player] for table in self.now]
        policy = np.array([rows[0] if len(rows) else NOTHING for rows in options])
        for s, who in enumerate(self.who):
            if alive[s][-1] and player in who:
                policy[s] = options[s][-1]
        while True:
            replies = [self.replies(s, row, player) for s, row in enumerate(policy.tolist())]
            threat, before = self.most(own, replies)[0], policy.copy()
            for s, rows in enumerate(options):
                held = self.held(s, player, threat)[rows]
                if len(rows) and held.min() < threat[s] - _IMPROVEMENT / (1.0 - self.discount):
                    policy[s] = rows[held.argmin()]
            if (policy == before).all():
                return threat, policy

    def replies(self, state: int, row: int, player: int) -> Policy:
        """Return the rows that a player can reach from one of them by acting otherwise.

        Where her threat to leave is credible parting holds her to what it pays; elsewhere she would rather not leave.
        """
        places = self.places[state]
        if row in (NOTHING, places.size):
            return np.array([row] * (row > 0), dtype=np.intp)
        profile: list[Any] = list(np.unravel_index(row, places.shape))
        profile[player] = slice(None)
        return np.asarray(places[tuple(profile)])

    def sustained(
        self, alive: list[Mask], usable: list[Mask], joint: Floats, threats: Sequence[Floats]
    ) -> tuple[list[Mask], list[Mask]]:
        """Return the rows that remain, on the path and among the profiles that are played if all have stayed."""
        dead = np.array([not rows.any() for rows in alive])
        least, left, stayed = _KNIFE_EDGE / (1.0 - self.discount), list[Mask](), list[Mask]()
        for s, who in enumerate(self.who):
            promised = self.ahead(s, self.now[s].sum(axis=1), joint)[:-1] + least
            tempted = [self.tempted(s, i, threat) for i, threat in enumerate(threats)]
            held = [self.held(s, i, threat)[:-1] for i, threat in enumerate(threats)]
            # A dead state must not follow, neither on the path nor after one player's deviation.
            risk = np.any(self.follow[s][:, dead] > 0, axis=1)[self.places[s]]
            risks = [np.broadcast_to(risk.any(axis=i, keepdims=True), risk.shape) for i in range(risk.ndim)]
            safe = ~np.any(risks, axis=0).ravel() & (not dead[s])
            stayed.append(usable[s] & safe & (promised >= sum(tempted)))
            parting = alive[s][-1]
            if parting and len(who) == 1:  # her threat to leave must be credible
                parting = (stayed[s] & (self.outside[s, who[0]] + least >= tempted[who[0]])).any()
            left.append(np.append(alive[s][:-1] & safe & (promised >= sum(held)), parting))
        return left, stayed
