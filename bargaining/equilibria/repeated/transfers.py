"""Repeated games in which the players may pay each other: the set of equilibrium payoffs is a simplex."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, owning
from bargaining._names import are_given
from bargaining._rational import Rationals, floats
from bargaining._rich import Shown
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.repeated import RepeatedGame, require_repeated

if TYPE_CHECKING:
    from bargaining.problem import Problem

Profile = tuple[int, ...]


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransferEquilibrium(Shown):
    r"""The equilibrium payoffs :math:`\{u \ge v : \sum u \le U\}` of a repeated game with transfers.

    Attributes
    ----------
    joint : float or ndarray, shape (*batch)
        The largest sum of average payoffs, U; NaN where there is no equilibrium.
    threat : ndarray, shape (*batch, n)
        Each player's lowest payoff, v.
    status : Status or ndarray of int8
        OK, or EMPTY where the stage game has no pure equilibrium to sustain anything and nobody may leave.
    profile : ndarray of int, shape (*batch, n)
        The actions played on the path to U; -1 where the best is to leave (or nothing is).
    punishments : ndarray of int, shape (*batch, n, n)
        Row k holds the actions played for a period when player k is punished; -1 where the players part instead.
    exact : tuple of (Fraction, tuple of Fraction) or None
        U and v in exact arithmetic, for a single game.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    joint: float | Floats
    threat: Floats
    status: Status | NDArray[np.int8]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]
    exact: tuple[Fraction, tuple[Fraction, ...]] | None
    player_names: tuple[str, ...] = ()

    def problem(self, disagreement: ArrayLike | None = None) -> Problem:
        """Return the problem of dividing the joint payoff; by default the disagreement point is the threat.

        Raises
        ------
        Unsolved
            If there is no equilibrium in some cell.
        """
        from bargaining.feasible.surplus import TransferableSurplus
        from bargaining.problem import Problem

        if np.any(np.asarray(self.status) != Status.OK):
            raise Unsolved(
                "Some cell has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        feasible = TransferableSurplus(self.joint, players=self.threat.shape[-1])
        return Problem(
            feasible,
            self.threat if disagreement is None else disagreement,
            players=self.player_names if are_given(self.player_names) else None,
        )


def transfer_equilibrium(repeated: RepeatedGame) -> TransferEquilibrium:
    r"""Return the subgame-perfect payoffs of a repeated game with voluntary transfers, in pure actions.

    With :math:`G(a) = \sum_i g_i(a)`, best deviation payoffs :math:`c_i(a)` and
    :math:`L(a) = \sum_i c_i(a) - G(a)`, the profile a can be sustained if

    .. math:: (1 - \delta) L(a) \le \delta \Big(U - \sum_i v_i\Big),

    and :math:`U = \max G(a)`, :math:`v_i = \min c_i(a)` over the profiles that can be sustained. The answer is
    the greatest fixed point; every :math:`u \ge v` with :math:`\sum u \le U` is an equilibrium payoff
    (:numref:`transfers-set`).

    Parameters
    ----------
    repeated : RepeatedGame
        Any number of players, one discount factor for all; a batch of discount factors and exits is solved
        cell by cell.

    Returns
    -------
    TransferEquilibrium

    Raises
    ------
    NotApplicable
        If discount factors differ between players (the patient would lend to the impatient without bound),
        or if the payoffs after exit depend on who leaves.

    Notes
    -----
    Timing of a period: players pay each other (or burn money); players who may leave do so or stay; if all
    stay, they act. Who fails to pay is punished at once, by the actions of the same period. Public
    randomisation is not needed.

    *Exit.* Staying must be worth o_i to a player who may leave, so c_i(a) becomes max(c_i(a), o_i) in L. Where two
    or more may leave, leaving together is an equilibrium whatever the payoffs, so :math:`v_i = o_i`, and
    leaving is one way to reach U. One player alone leaves as a threat only if it is credible: if some
    profile that can be sustained has :math:`c_i(a) \le o_i`, played should she stay. Then everybody's
    lowest payoff is at most o, and otherwise the right to leave changes nothing for others.

    *Monitoring.* If actions are seen through a public signal alone, the answer is that of `joint_payoffs`, where
    the formulas are.

    Decided in exact arithmetic on the payoffs and discount factors as given: `Fraction(1, 7)` is the critical
    value itself, `1 / 7` is the float next to it.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2012). Infinitely repeated games with public monitoring and monetary transfers.
    *Journal of Economic Theory* 147(3), 1191-1221.

    Examples
    --------
    >>> from bargaining import Game
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = transfer_equilibrium(RepeatedGame(prisoners, 0.15))
    >>> found.joint, found.threat
    (18.0, array([3., 3.]))
    >>> transfer_equilibrium(RepeatedGame(prisoners, [[0.14] * 2, [0.15] * 2])).joint
    array([ 6., 18.])
    """
    require_repeated(repeated)
    shape = repeated.batch_shape
    games = [repeated.at(index) if shape else repeated for index in np.ndindex(shape)]
    if repeated.monitoring is not None and not repeated.monitoring.is_perfect:
        return _pack(_through_signals(games), shape, repeated.player_names)
    stage = _Stage.of(repeated.game.exact)
    return _pack([_solve(stage, *_cell(game)) for game in games], shape, repeated.player_names)


def _through_signals(games: list[RepeatedGame]) -> list[_Cell]:
    """Solve games that differ in patience and exit; those of one exit have one table."""
    from bargaining.equilibria.repeated.joint import JointPayoffs, joint_payoffs

    tables: dict[Any, JointPayoffs] = {}
    cells = []
    for repeated in games:
        discount, outside, _ = _cell(repeated)
        key = None if outside is None else tuple(outside)
        if key not in tables:
            tables[key] = joint_payoffs(repeated.game, monitoring=repeated.monitoring, exit=repeated.exit)
        step, nobody = tables[key].at(discount), (-1,) * repeated.players
        if step is None:
            cells.append(_Cell(None, (), np.array(nobody), np.tile(nobody, (repeated.players, 1))))
            continue
        punishments = np.array([nobody if each is None else each for each in step.punishments])
        profile = np.array(nobody if step.profile is None else step.profile)
        cells.append(_Cell(step.joint, step.threat, profile, punishments))
    return cells


@dataclass(frozen=True, slots=True)
class _Stage:
    """One row for each profile."""

    profiles: NDArray[np.intp]
    total: Rationals
    deviation: Rationals

    @classmethod
    def of(cls, exact: Rationals) -> _Stage:
        players = exact.shape[-1]
        best = [
            np.broadcast_to(exact[..., i].max(axis=i, keepdims=True), exact.shape[:-1])
            for i in range(players)
        ]
        profiles = np.indices(exact.shape[:-1]).reshape(players, -1).T
        return cls(
            profiles, exact.reshape(-1, players).sum(axis=1), np.stack(best, axis=-1).reshape(-1, players)
        )


def _cell(repeated: RepeatedGame) -> tuple[Fraction, list[Fraction] | None, tuple[int, ...]]:
    """Return the discount factor, the payoffs after exit and the players who may leave."""
    given = set(repeated.exact_discounts.tolist())
    if len(given) > 1:
        raise NotApplicable(
            f"With transfers `discounts` must be the same for all players; got {repeated.discounts.tolist()}. "
            "Unequal patience makes lending profitable without bound."
        )
    if repeated.exit is None:
        return given.pop(), None, ()
    outside, who = repeated.exit.exact, repeated.exit.who
    rows = {tuple(outside[leaver]) for leaver in who}
    if len(rows) > 1:
        raise NotApplicable("With transfers the payoffs after exit must not depend on who leaves.")
    return given.pop(), list(rows.pop()), who


@dataclass(frozen=True, slots=True)
class _Cell:
    joint: Fraction | None
    threat: tuple[Fraction, ...]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]


def _solve(stage: _Stage, discount: Fraction, outside: list[Fraction] | None, who: tuple[int, ...]) -> _Cell:
    """Shrink the profiles that can be sustained until they sustain themselves."""
    reward = discount / (1 - discount)
    needed = stage.deviation.copy()
    for player in who:
        assert outside is not None
        needed[:, player] = [max(most, outside[player]) for most in needed[:, player]]
    temptation, punishing = needed.sum(axis=1) - stage.total, stage.deviation.sum(axis=1) - stage.total
    alive, usable = np.ones(len(stage.total), dtype=bool), np.ones(len(stage.total), dtype=bool)
    while True:
        parting = _credible(stage, usable, outside, who)
        cell = _bounds(stage, alive, usable, outside if parting else None, who)
        if cell.joint is None:
            return cell
        pledge = reward * (cell.joint - sum(cell.threat))
        still, useful = (temptation <= pledge).astype(bool), (punishing <= pledge).astype(bool)
        if (still == alive).all() and (useful == usable).all():
            return cell
        alive, usable = alive & still, usable & useful


def _credible(
    stage: _Stage, usable: NDArray[np.bool_], outside: list[Fraction] | None, who: tuple[int, ...]
) -> bool:
    """Say whether leaving can be an equilibrium of the leave-or-stay stage."""
    if outside is None or len(who) > 1:
        return outside is not None
    return bool((stage.deviation[usable, who[0]] <= outside[who[0]]).any())


def _bounds(
    stage: _Stage,
    alive: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    outside: list[Fraction] | None,
    who: tuple[int, ...],
) -> _Cell:
    """Return the largest sum and the lowest payoffs that these profiles, and parting, can give.

    `outside` is None if parting is not credible.
    """
    players = stage.deviation.shape[1]
    index = np.flatnonzero(alive)
    nobody = np.full(players, -1)
    if not index.size:
        if outside is None:
            return _Cell(None, (), nobody, np.tile(nobody, (players, 1)))
        return _Cell(sum(outside, Fraction(0)), tuple(outside), nobody, np.tile(nobody, (players, 1)))
    best = index[np.argmax(stage.total[index])]
    joint, profile = stage.total[best], stage.profiles[best]
    harsh = [index[np.argmin(stage.deviation[index, i])] for i in range(players)]
    threat: list[Any] = [stage.deviation[k, i] for i, k in enumerate(harsh)]
    punishments = stage.profiles[harsh].copy()
    if outside is not None:
        for i in range(players):
            if i in who or outside[i] < threat[i]:
                threat[i], punishments[i] = outside[i], nobody
        if sum(outside) > joint:
            joint, profile = sum(outside, Fraction(0)), nobody
    return _Cell(joint, tuple(threat), profile, punishments)


def _pack(cells: list[_Cell], shape: tuple[int, ...], names: tuple[str, ...]) -> TransferEquilibrium:
    players = len(names)
    status = np.array([Status.EMPTY if c.joint is None else Status.OK for c in cells], dtype=np.int8)
    joint = np.array([np.nan if c.joint is None else float(c.joint) for c in cells]).reshape(shape)
    threat = np.array([[np.nan] * players if c.joint is None else floats(c.threat) for c in cells])
    single = cells[0] if not shape and cells[0].joint is not None else None
    return TransferEquilibrium(
        joint=joint if shape else float(joint),
        threat=threat.reshape(*shape, players),
        status=status.reshape(shape) if shape else Status(int(status[0])),
        profile=np.array([c.profile for c in cells]).reshape(*shape, players),
        punishments=np.array([c.punishments for c in cells]).reshape(*shape, players, players),
        player_names=names,
        exact=None if single is None or single.joint is None else (single.joint, single.threat),
    )
