"""Payoffs with transfers: of all equilibria at one patience, joint ones under public monitoring at every patience."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import instance
from bargaining._arrays import Floats, owning, real, within
from bargaining._calls import suggesting
from bargaining._names import are_given
from bargaining._rich import Card, Result, Shown, table
from bargaining.equilibria.repeated.claims import (
    ROUNDING,
    Account,
    Ledger,
    Profile,
    Stage,
    curves_of,
    floors_of,
    outside_of,
    payoff_range,
)
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame, require_repeated
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.problem import Problem


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class JointStep(Shown):
    r"""The equilibrium payoffs with transfers at one discount factor: every :math:`u \ge v` with :math:`\sum u \le U`.

    Attributes
    ----------
    discount : float
        The discount factor from which on this holds.
    liquidity : float
        The most that the players together can lose after a signal, in units of one period's payoffs.
    joint : float
        The largest sum of average payoffs, U.
    threat : tuple of float
        The lowest average payoff of each player, v.
    burnt : float
        Of the payoffs of a period, the part that is burnt on the path to U, on average; zero if fines can always be
        paid to the other players.
    profile : tuple of int, or None
        The profile played on the path to U; None if the players part.
    punishments : tuple
        For each player the profile that is played for one period to punish her; None if the players part.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    discount: float
    liquidity: float
    joint: float
    threat: tuple[float, ...]
    burnt: float
    profile: Profile | None
    punishments: tuple[Profile | None, ...]
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("threat", "punishments")


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointPayoffs(Shown):
    """The equilibrium payoffs of a repeated game with transfers, for all discount factors at once.

    Attributes
    ----------
    game : Game
    monitoring : Monitoring or None
        None if actions are seen.
    exit : Exit or None
    steps : tuple of JointStep
        The equilibrium payoffs as the discount factor rises from 0, each from its discount factor on. Between two steps
        profiles stay the same, but `joint` and `threat` may change with the discount factor: see `at`.
        Below the first step there is no equilibrium.
    """

    game: Game
    monitoring: Monitoring | None
    exit: Exit | None
    steps: tuple[JointStep, ...]
    _ledger: Ledger = field(repr=False)

    def at(self, discount: float | Fraction) -> JointStep | None:
        """Return the payoffs at a discount factor in [0, 1); None if there is no equilibrium.

        Examples
        --------
        >>> from fractions import Fraction
        >>> from bargaining import Game, joint_payoffs
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> joint_payoffs(prisoners).at(Fraction(1, 7)).joint
        18.0
        """
        delta = discount_of(discount)
        account = self._ledger.at(delta)
        return None if account is None else _step(self.game, account, delta)

    def claims(self, discount: float | Fraction) -> Floats | None:
        r"""Return each player's claim after each signal on the path to the joint payoff, shape (S, n).

        The difference to `liquidity` is her payment, to the others as far as their claims allow; the rest is burnt. In
        units of one period's payoffs; zero for signals that do not occur. None if there is no equilibrium, or the
        players part.
        """
        step = self.at(discount)
        if step is None or step.profile is None:
            return None
        floors = floors_of(self.exit, outside_of(self.game, self.exit), self.game.players)
        return Stage(self.game, self.monitoring, step.profile, floors).claims(step.liquidity)

    def _card(self) -> Card:
        return table("Joint payoffs with transfers", self.steps)


@suggesting
def joint_payoffs(
    game: Game,
    *,
    monitoring: Monitoring | None = None,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
) -> JointPayoffs:
    r"""Return the perfect public equilibria of a repeated game with transfers, for every common discount factor.

    The players may pay each other, or burn money, before each period. Then the equilibrium payoffs are all
    :math:`u \ge v` with :math:`\sum u \le U`. With liquidity L, the most that can be lost after
    a signal, and remaining claims :math:`s_i(y)`,

    .. math:: U(L) = \max_{a, s} \sum_i (g_i(a) + E[s_i \mid a]) - L, \qquad
              v_i(L) = \min_{a, s} g_i(a) + E[s_i \mid a],

    over the actions a and the claims :math:`s \ge 0` with :math:`\sum_i s_i(y) \le L` from which no deviation pays,
    and :math:`L = \frac{\delta}{1-\delta} (U(L) - \sum_i v_i(L))`, the largest solution.

    Parameters
    ----------
    game : Game
        Any number of players.
    monitoring : Monitoring, optional
        The public signal of the actions; by default the actions are seen.
    exit : Exit, optional
        The right to leave, one exit (no batch), with payoffs that do not depend on who leaves.

    Returns
    -------
    JointPayoffs

    Raises
    ------
    NotApplicable
        If the payoffs after exit depend on who leaves.

    Notes
    -----
    Timing of a period: payments; players who may leave do so or stay; actions, which are not observed; the signal. A
    player who fails to pay is punished at once. Pure actions. U and v are piecewise linear functions of L; linear
    programs give their breakpoints, and with them all numbers, to about 1e-10. A knife edge counts as sustained:
    discount factors that differ by 1e-12 are the same. Exit is treated as in `transfer_equilibrium`.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2012). Infinitely repeated games with public monitoring and monetary transfers.
    *Journal of Economic Theory* 147(3), 1191-1221.

    Examples
    --------
    One report on both partners. If it is bad somebody must pay; but nobody knows who shirked, so both do, and burn the
    money:

    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from bargaining import Game, Monitoring, joint_payoffs
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> found = joint_payoffs(partners, monitoring=report)
    >>> for step in found.steps:
    ...     print(f"{step.discount:.6f} {step.liquidity:.4f} {step.joint:.4f} {step.burnt:.4f} {step.profile}")
    0.000000 0.0000 0.0000 0.0000 (1, 1)
    0.588235 5.0000 3.5000 0.5000 (0, 0)
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    ledger = of_joint(game, monitoring, exit)
    return JointPayoffs(
        game=game,
        monitoring=monitoring,
        exit=exit,
        steps=tuple(_step(game, account, account.discount) for account in ledger.steps()),
        _ledger=ledger,
    )


def of_joint(game: Game, monitoring: Monitoring | None, leave: Exit | None) -> Ledger:
    """Return the payoffs at every discount factor."""
    outside, credible, unit = outside_of(game, leave), 0.0, payoff_range(game)
    curves = curves_of(game, monitoring, floors_of(leave, outside, game.players))
    if leave is not None and outside is not None and len(leave.who) == 1:
        # The only player who may leave is believed from the stake on at which staying can be made as bad.
        free = curves_of(game, monitoring, [None] * game.players)
        low = [each[1 + leave.who[0]].points for each in free]
        worth = -outside[leave.who[0]]
        stakes = [np.interp(worth, held[:, 1], held[:, 0]) for held in low if held[-1, 1] >= worth]
        outside, credible = outside if stakes else None, float(min(stakes, default=0.0))
    return Ledger(curves, outside, credible, unit)


def _step(game: Game, account: Account, discount: float) -> JointStep:
    profile, joint = account.best.owner, account.best.value
    burnt = 0.0 if profile is None else float(game.payoffs[profile].sum()) - joint
    return JointStep(
        discount=discount,
        liquidity=account.stake,
        joint=joint,
        threat=tuple(account.threat.tolist()),
        burnt=burnt if burnt > 10 * ROUNDING * payoff_range(game) else 0.0,
        profile=profile,
        punishments=tuple(each.owner for each in account.low),
        player_names=game.player_names,
    )


def discount_of(value: float | Fraction, name: str = "discount") -> float:
    """Return a discount factor as a float."""
    return float(within(real(value, name, ndim=0), name, 0.0, 1.0, ends="[)"))


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TransferEquilibrium(Result):
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
        The actions played on the path to U; -1 where leaving is best (or there is no equilibrium).
    punishments : ndarray of int, shape (*batch, n, n)
        Row k has the actions played for one period when player k is punished; -1 where the players part instead.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    joint: float | Floats
    threat: Floats
    status: Status | NDArray[np.int8]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]
    player_names: tuple[str, ...] = ()
    _by_player: ClassVar = ("threat", "profile")

    def problem(self, disagreement: ArrayLike | None = None) -> Problem:
        """Return the problem of dividing the joint payoff; by default the disagreement point is the threat.

        Raises
        ------
        Unsolved
            If there is no equilibrium in some cell.
        """
        if np.any(np.asarray(self.status) != Status.OK):
            raise Unsolved(
                "Some cell has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        return surplus_problem(self.joint, self.threat, disagreement, self.player_names)


def surplus_problem(
    joint: float | Floats, threat: Floats, disagreement: ArrayLike | None, names: tuple[str, ...]
) -> Problem:
    """Return the problem of dividing a joint payoff; by default the disagreement point is the threat."""
    from bargaining.feasible.surplus import TransferableSurplus
    from bargaining.problem import Problem

    feasible = TransferableSurplus(joint, players=threat.shape[-1])
    point = threat if disagreement is None else disagreement
    return Problem(feasible, point, players=names if are_given(names) else None)


@suggesting
def transfer_equilibrium(game: RepeatedGame) -> TransferEquilibrium:
    r"""Return the subgame-perfect payoffs of a repeated game with voluntary transfers, in pure actions.

    With :math:`G(a) = \sum_i g_i(a)`, best deviation payoffs :math:`c_i(a)` and
    :math:`L(a) = \sum_i c_i(a) - G(a)`, the profile a can be sustained if

    .. math:: (1 - \delta) L(a) \le \delta \Big(U - \sum_i v_i\Big),

    and :math:`U = \max G(a)`, :math:`v_i = \min c_i(a)` over the profiles that can be sustained. The answer is
    the greatest fixed point; every :math:`u \ge v` with :math:`\sum u \le U` is an equilibrium payoff
    (proposition `transfers-set`).

    Parameters
    ----------
    game : RepeatedGame
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
    stay, they act. A player who fails to pay is punished at once, by the actions of the same period. Public
    randomisation is not needed.

    *Exit.* Staying must be worth o_i to a player who may leave, so c_i(a) becomes max(c_i(a), o_i) in L. Where two
    or more may leave, leaving together is an equilibrium whatever the payoffs, so :math:`v_i = o_i`, and
    leaving is one way to reach U. If only one player may leave, her threat to leave must be credible: some
    profile that can be sustained, and is played if she stays, has :math:`c_i(a) \le o_i`. Then everybody's
    lowest payoff is at most o; otherwise the right to leave changes nothing for the others.

    *Monitoring.* If actions are seen only through a public signal, the formulas are those of `joint_payoffs`, which
    gives the answers for all discount factors at once.

    A knife edge counts as sustained: discount factors that differ by 1e-12 are the same. Under signals the numbers
    come from linear programs, to about 1e-10.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2012). Infinitely repeated games with public monitoring and monetary transfers.
    *Journal of Economic Theory* 147(3), 1191-1221.

    Examples
    --------
    >>> from bargaining import Game, RepeatedGame, transfer_equilibrium
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = transfer_equilibrium(RepeatedGame(prisoners, 0.15))
    >>> found.joint, found.threat
    (18.0, array([3., 3.]))
    >>> transfer_equilibrium(RepeatedGame(prisoners, [[0.14] * 2, [0.15] * 2])).joint
    array([ 6., 18.])
    """
    require_repeated(game, twin="stochastic_transfer_equilibrium")
    shape = game.batch_shape
    tables: dict[Any, Ledger] = {}  # games that differ in patience alone have one
    cells = []
    for index in np.ndindex(shape):
        cell = game.at(index) if shape else game
        discount, outside = float(common_discount(cell)), outside_of(cell.game, cell.exit)
        if outside not in tables:
            tables[outside] = of_joint(cell.game, cell.monitoring, cell.exit)
        cells.append(tables[outside].at(discount))
    return _pack(cells, shape, game.player_names)


def common_discount(game: RepeatedGame | StochasticGame) -> Fraction:
    """Return the discount factor, which must be the same for all players."""
    given: set[Fraction] = set(game.exact_discounts.tolist())
    if len(given) > 1:
        raise NotApplicable(
            f"With transfers `discounts` must be the same for all players; got {game.discounts.tolist()}. "
            "Unequal patience makes lending profitable without bound."
        )
    return given.pop()


def _pack(cells: list[Account | None], shape: tuple[int, ...], names: tuple[str, ...]) -> TransferEquilibrium:
    players, nobody = len(names), (-1,) * len(names)
    joint = np.array([np.nan if c is None else c.best.value for c in cells]).reshape(shape)
    threat = np.array([np.full(players, np.nan) if c is None else c.threat for c in cells])
    status = np.array([Status.EMPTY if c is None else Status.OK for c in cells], dtype=np.int8)
    profiles = [nobody if c is None else c.best.owner or nobody for c in cells]
    punishments = [[nobody if c is None else c.low[i].owner or nobody for i in range(players)] for c in cells]
    return TransferEquilibrium(
        joint=joint if shape else float(joint),
        threat=threat.reshape(*shape, players),
        status=status.reshape(shape) if shape else Status(int(status[0])),
        profile=np.array(profiles).reshape(*shape, players),
        punishments=np.array(punishments).reshape(*shape, players, players),
        player_names=names,
    )
