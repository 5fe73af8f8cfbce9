"""Repeated games in which the players may pay each other: the set of equilibrium payoffs is a simplex."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, owning
from bargaining._calls import suggesting
from bargaining._names import are_given
from bargaining._rich import Result
from bargaining.equilibria.repeated.claims import Account, Ledger, outside_of
from bargaining.equilibria.repeated.joint import of_joint
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.games.repeated import RepeatedGame, require_repeated
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.problem import Problem


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
