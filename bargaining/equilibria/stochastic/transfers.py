"""Stochastic games in which the players may pay each other: a simplex of equilibrium payoffs in each state.

The best joint and the worst individual values over the profiles that are not yet excluded come from policy iteration.
The same code works on floats and exact rationals: the exact run starts from the policies of the float run, so it does
little more than prove them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import index
from bargaining._arrays import Floats, owning
from bargaining._calls import suggesting
from bargaining._names import are_given
from bargaining._rational import floats, integers, solve
from bargaining._rich import Result
from bargaining.equilibria.repeated.transfers import common_discount
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.stochastic import StochasticGame, require_stochastic

if TYPE_CHECKING:
    from bargaining.problem import Problem

Policy = NDArray[np.intp]  # for each state a row of its profiles; PART; or NONE
PART, NONE = -1, -2  # codes for leaving, and for nothing, in place of a profile
Numbers = NDArray[Any]  # floats or Fractions


@dataclass(frozen=True, slots=True, eq=False)
class Sustained:
    """The profiles not yet excluded, on the path and after all have stayed, and whether parting is possible."""

    alive: list[NDArray[np.bool_]]
    usable: list[NDArray[np.bool_]]
    parting: NDArray[np.bool_]

    @property
    def dead(self) -> NDArray[np.bool_]:
        """States in which nothing can be sustained."""
        return np.array([not rows.any() for rows in self.alive]) & ~self.parting


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """A game in one kind of numbers, a row for each profile of each state."""

    shapes: tuple[tuple[int, ...], ...]
    payoffs: list[Numbers]
    follow: list[Numbers]
    discount: Any
    outside: Numbers  # (S, n); zero where nobody may leave
    who: list[tuple[int, ...]]
    exact: bool

    @property
    def tolerance(self) -> float:
        """The improvement from which on a policy replaces another."""
        return 0 if self.exact else 1e-13 / (1.0 - float(self.discount))

    def ahead(self, state: int, payoffs: Numbers, worth: Numbers) -> Numbers:
        """Return (1 - d) payoff + d E[value of the next state] for each profile of a state."""
        later = _expect(self.follow[state], worth) if self.exact else self.follow[state] @ worth
        both: Numbers = (1 - self.discount) * payoffs + self.discount * later
        return both

    def tempted(self, state: int, player: int, threat: Numbers) -> Numbers:
        """Return a player's payoff from her best deviation from each profile of a state."""
        values = self.ahead(state, self.payoffs[state][:, player], threat)
        table = values.reshape(self.shapes[state])
        return np.broadcast_to(table.max(axis=player, keepdims=True), table.shape).ravel()

    def replies(self, state: int, row: int, player: int) -> NDArray[np.intp]:
        """Return the rows that a player can reach from one of them by herself."""
        shape = self.shapes[state]
        profile = list(np.unravel_index(row, shape))
        every = [np.full(shape[player], action) for action in profile]
        every[player] = np.arange(shape[player])
        return np.ravel_multi_index(tuple(every), shape)

    def values(self, payoffs: list[Any], rows: Policy, stopped: list[Any]) -> Numbers:
        """Return the values of a policy; where `rows` is negative the value is `stopped`."""
        size = len(rows)
        one = Fraction(1) if self.exact else 1.0
        matrix = np.full((size, size), 0 * one, dtype=object if self.exact else float)
        right = np.full(size, 0 * one, dtype=matrix.dtype)
        for s, row in enumerate(rows):
            matrix[s, s] = one
            if row < 0:
                right[s] = stopped[s]
            else:
                matrix[s] -= self.discount * self.follow[s][row]
                right[s] = (1 - self.discount) * payoffs[s][row]
        if not self.exact:
            return np.asarray(np.linalg.solve(matrix, right))
        return np.array(solve(matrix, right), dtype=object)


def _expect(rows: Numbers, worth: Numbers) -> Numbers:
    """Return the matrix product in Fractions, one row at a time: each has a denominator of its own."""
    whole, scale = integers(worth)
    out = np.empty(len(rows), dtype=object)
    for k, row in enumerate(rows):
        weights, denominator = integers(row)
        out[k] = Fraction(int(weights @ whole), denominator * scale)
    return out


def tables(game: StochasticGame, *, exact: bool) -> Tables:
    """Return the rows of a game; as floats they are mapped to lowest payoff 0 and one scale for all players."""
    n = game.players
    payoffs: list[Numbers] = [(g.exact if exact else g.payoffs).reshape(-1, n) for g in game.games]
    follow = [
        (game.exact_transition(s) if exact else game.transition(s)).reshape(-1, len(game))
        for s in range(len(game))
    ]
    zero = Fraction(0) if exact else 0.0
    outside = np.full((len(game), n), zero, dtype=object if exact else float)
    who: list[tuple[int, ...]] = []
    for s, leave in enumerate(game.exits):
        who.append(() if leave is None else leave.who)
        if leave is not None:
            outside[s] = (leave.exact if exact else leave.payoffs)[leave.who[0]]
    discount = game.exact_discounts[0] if exact else float(game.discounts[0])
    shapes = tuple(g.shape for g in game.games)
    return Tables(shapes, payoffs, follow, discount, outside, who, exact)


def scaled(data: Tables) -> tuple[Tables, NDArray[np.float64], float]:
    """Return float tables mapped to [0, 1], the lowest payoffs and the scale."""
    leaving = [s for s, who in enumerate(data.who) if who]
    table = np.concatenate([*data.payoffs, data.outside[leaving]])
    low = table.min(axis=0)
    scale = float(np.ptp(table, axis=0).max()) or 1.0
    moved = Tables(
        data.shapes,
        [(rows - low) / scale for rows in data.payoffs],
        data.follow,
        data.discount,
        np.where([[bool(who)] for who in data.who], (data.outside - low) / scale, 0.0),
        data.who,
        False,
    )
    return moved, low, scale


def best_joint(data: Tables, sets: Sustained, policy: Policy | None) -> tuple[Numbers, Policy]:
    """Return the largest sum of payoffs in each state, and a policy that reaches it."""
    totals = [rows.sum(axis=1) for rows in data.payoffs]
    stop = data.outside.sum(axis=1)
    rows = _start(sets) if policy is None else policy.copy()
    while True:
        joint = data.values(
            totals, rows, [stop[s] if rows[s] == PART else 0 * stop[s] for s in range(len(rows))]
        )
        moved = False
        for s in np.flatnonzero(~sets.dead).tolist():
            row, value = _extreme(data.ahead(s, totals[s], joint), sets.alive[s], largest=True)
            if sets.parting[s] and (row == NONE or stop[s] > value):
                row, value = PART, stop[s]
            if value > joint[s] + data.tolerance:
                rows[s], moved = row, True
        if not moved:
            return joint, rows


def worst(data: Tables, sets: Sustained, player: int, policy: Policy | None) -> tuple[Numbers, Policy]:
    """Return the lowest payoff of a player in each state, and the profiles that hold her to it.

    The others choose the profile, she replies: a game of perfect information. Policies of the others are
    improved, each against her best reply to it.
    """
    rows = _start(sets) if policy is None else policy.copy()
    for s in np.flatnonzero(sets.parting).tolist():
        if player in data.who[s]:
            rows[s] = PART
    replies = rows.copy()
    while True:
        threat, replies = _reply(data, player, rows, replies)
        moved = False
        for s in np.flatnonzero(~sets.dead).tolist():
            if sets.parting[s] and player in data.who[s]:
                continue
            row, value = _extreme(_held(data, s, player, threat), sets.alive[s], largest=False)
            own = data.outside[s, player]
            if sets.parting[s] and (row == NONE or own < value):
                row, value = PART, own
            if value < threat[s] - data.tolerance:
                rows[s], replies[s], moved = row, row, True
        if not moved:
            return threat, rows


def _held(data: Tables, state: int, player: int, threat: Numbers) -> Numbers:
    """Return the payoff of a player's best reply, or of leaving, against each profile of a state."""
    held = data.tempted(state, player, threat)
    return np.maximum(held, data.outside[state, player]) if player in data.who[state] else held


def _reply(data: Tables, player: int, rows: Policy, replies: Policy) -> tuple[Numbers, Policy]:
    """Return the value of the player's best reply to the others' policy, and the rows it leads to."""
    own = [table[:, player] for table in data.payoffs]
    replies = replies.copy()
    while True:
        stopped = [
            data.outside[s, player] if replies[s] == PART else 0 * data.outside[s, player]
            for s in range(len(rows))
        ]
        value = data.values(own, replies, stopped)
        moved = False
        for s in np.flatnonzero(rows >= 0).tolist():
            reach = data.replies(s, int(rows[s]), player)
            gets = data.ahead(s, own[s], value)[reach]
            best = int(np.argmax(gets))
            row, most = int(reach[best]), gets[best]
            if player in data.who[s] and data.outside[s, player] > most:
                row, most = PART, data.outside[s, player]
            if most > value[s] + data.tolerance:
                replies[s], moved = row, True
        if not moved:
            return value, replies


def _start(sets: Sustained) -> Policy:
    """Return some policy: a profile where one is alive, else parting."""
    first = [int(np.argmax(rows)) if rows.any() else PART for rows in sets.alive]
    return np.where(sets.dead, NONE, np.array(first))


def _extreme(values: Numbers, allowed: NDArray[np.bool_], *, largest: bool) -> tuple[int, Any]:
    index = np.flatnonzero(allowed)
    if not index.size:
        return NONE, None
    at = int(index[np.argmax(values[index]) if largest else np.argmin(values[index])])
    return at, values[at]


_EXACT_STATES = 40  # beyond which rationals would grow too long


@dataclass(frozen=True, slots=True, eq=False)
class _Bounds:
    """The largest sums, the lowest payoffs (n, S), and the policies behind them."""

    joint: Numbers
    threat: list[Numbers]
    path: Policy
    harsh: list[Policy]


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
    """

    joint: Floats
    threat: Floats
    status: NDArray[np.int8]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]
    _game: StochasticGame
    _sets: Sustained
    _bounds: _Bounds
    _by_player: ClassVar = ("threat", "profile")

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        return self._game.player_names

    @property
    def exact(self) -> tuple[tuple[Fraction | None, ...], tuple[tuple[Fraction, ...] | None, ...]]:
        """U and v for each state in exact arithmetic, computed when needed; None in an EMPTY state."""
        bounds = _bounds(tables(self._game, exact=True), self._sets, self._bounds)
        dead = self._sets.dead
        sums = tuple(None if gone else joint for gone, joint in zip(dead, bounds.joint, strict=True))
        rows = zip(dead, zip(*bounds.threat, strict=True), strict=True)
        return sums, tuple(None if gone else row for gone, row in rows)

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

    Floats decide cases that are clear of rounding; the others are decided in exact arithmetic on the payoffs,
    probabilities (each row over its sum) and discount factor as given. Beyond 40 states rationals grow too long, and
    ties are decided in favour of the equilibrium. One state gives `transfer_equilibrium`.

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
    return _Elimination(game).run()


def _check(game: StochasticGame) -> None:
    common_discount(game)
    for name, leave in zip(game.states, game.exits, strict=True):
        if leave is not None and len({tuple(leave.exact[k]) for k in leave.who}) > 1:
            raise NotApplicable(
                f"With transfers the payoffs after exit must not depend on who leaves; in state {name} they do."
            )


class _Elimination:
    """Profiles, and the right to part, are eliminated until those that remain can be sustained."""

    def __init__(self, game: StochasticGame) -> None:
        self.game = game
        self.floats, self.low, self.scale = scaled(tables(game, exact=False))
        self.rationals: Tables | None = None
        self.doubt = 1e-11 / (1.0 - self.floats.discount)

    def run(self) -> StochasticTransferEquilibrium:
        everything = [np.ones(len(rows), dtype=bool) for rows in self.floats.payoffs]
        parting = np.array([bool(who) for who in self.floats.who])
        sets, bounds = Sustained(everything, [rows.copy() for rows in everything], parting), None
        while True:
            bounds = _bounds(self.floats, sets, bounds)
            smaller = self._shrink(sets, bounds)
            if smaller is None:
                return self._result(sets, bounds)
            sets, bounds = smaller, None

    def _shrink(self, sets: Sustained, bounds: _Bounds) -> Sustained | None:
        """Return the profiles that remain, or None if nothing was eliminated."""
        proof: list[_Bounds] = []
        dead, size = sets.dead, len(self.game)
        alive, usable = [], []
        parting = sets.parting.copy()
        for s in range(size):
            safe = ~_touches(self.floats, s, dead) & (not dead[s])
            left = self._pledges(sets, bounds, proof, s)
            alive.append(sets.alive[s] & safe & left[0])
            usable.append(sets.usable[s] & safe & left[1])
            if parting[s] and len(self.floats.who[s]) == 1:
                parting[s] = bool((usable[s] & left[2]).any())
        after = Sustained(alive, usable, parting)
        same = all(
            (a == b).all() for a, b in zip([*alive, *usable], [*sets.alive, *sets.usable], strict=True)
        )
        return None if same and (parting == sets.parting).all() else after

    def _pledges(
        self, sets: Sustained, bounds: _Bounds, proof: list[_Bounds], state: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which profiles can be sustained before leaving, after all have stayed, and make a single leaver leave."""
        margins = _margins(self.floats, state, bounds)
        close = [np.abs(margin) <= self.doubt for margin in margins]
        signs = [margin >= -self.doubt for margin in margins]
        open_ = sets.usable[state] | sets.alive[state]
        if len(self.game) <= _EXACT_STATES and any((near & open_).any() for near in close):
            self.rationals = self.rationals or tables(self.game, exact=True)
            if not proof:
                proof.append(_bounds(self.rationals, sets, bounds))
            exact = _margins(self.rationals, state, proof[0])
            for sign, near, margin in zip(signs, close, exact, strict=True):
                sign[near] = margin[near] >= 0
        return signs[0], signs[1], signs[2]

    def _result(self, sets: Sustained, bounds: _Bounds) -> StochasticTransferEquilibrium:
        size, n = len(self.game), self.game.players
        dead = sets.dead
        joint, threat = bounds.joint * self.scale + self.low.sum(), np.stack(bounds.threat, axis=1)
        threat = threat * self.scale + self.low
        if self.rationals is not None:
            bounds = _bounds(self.rationals, sets, bounds)
            joint, threat = floats(bounds.joint), floats(np.stack(bounds.threat, axis=1))
        return StochasticTransferEquilibrium(
            joint=np.where(dead, np.nan, joint),
            threat=np.where(dead[:, None], np.nan, threat),
            status=np.where(dead, Status.EMPTY, Status.OK).astype(np.int8),
            profile=self._profiles(bounds.path),
            punishments=np.stack([self._profiles(rows) for rows in bounds.harsh], axis=1).reshape(size, n, n),
            _game=self.game,
            _sets=sets,
            _bounds=bounds,
        )

    def _profiles(self, rows: Policy) -> NDArray[np.intp]:
        nobody = [-1] * self.game.players
        return np.array(
            [
                nobody if row < 0 else np.unravel_index(row, shape)
                for row, shape in zip(rows, self.floats.shapes, strict=True)
            ]
        )


def _bounds(data: Tables, sets: Sustained, guess: _Bounds | None) -> _Bounds:
    joint, path = best_joint(data, sets, None if guess is None else guess.path)
    n = data.outside.shape[1]
    found = [worst(data, sets, i, None if guess is None else guess.harsh[i]) for i in range(n)]
    return _Bounds(joint, [value for value, _ in found], path, [rows for _, rows in found])


def _margins(data: Tables, state: int, bounds: _Bounds) -> tuple[Numbers, Numbers, Numbers]:
    """Return the slack of each profile before leaving and after all stayed, and a single leaver's gain."""
    promised = data.ahead(state, data.payoffs[state].sum(axis=1), bounds.joint)
    tempted = [data.tempted(state, i, threat) for i, threat in enumerate(bounds.threat)]
    free = [
        np.maximum(c, data.outside[state, i]) if i in data.who[state] else c for i, c in enumerate(tempted)
    ]
    who = data.who[state]
    leaves = data.outside[state, who[0]] - tempted[who[0]] if len(who) == 1 else promised * 0 + 1
    return promised - sum(free), promised - sum(tempted), leaves


def _touches(data: Tables, state: int, dead: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say from which profiles a dead state may be reached, by playing them or by one player's deviation."""
    risk = np.any(data.follow[state][:, dead] > 0, axis=1).reshape(data.shapes[state])
    found = risk.copy()
    for player in range(risk.ndim):
        found |= np.any(risk, axis=player, keepdims=True)
    return np.asarray(found.ravel())
