"""Joint payoffs with transfers, and strongly symmetric ones, under public monitoring at every discount factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bargaining._arguments import instance
from bargaining._arrays import Floats, owning, real, within
from bargaining._calls import suggesting
from bargaining._rich import Card, Shown, table
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
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit


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
