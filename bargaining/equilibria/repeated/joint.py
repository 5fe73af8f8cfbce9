"""Joint payoffs with transfers, and strongly symmetric ones, under public monitoring at every discount factor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bargaining._arguments import instance
from bargaining._arrays import Floats, owning, real, within
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rich import Card, Shown, counted, number
from bargaining.equilibria.repeated._monitored.liquidity import (
    EDGE,
    ROUNDING,
    Account,
    Curve,
    Ledger,
    Profile,
    Stage,
    payoff_range,
)
from bargaining.errors import NotApplicable
from bargaining.games import normal_form as stage_game
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, profile_name
from bargaining.games.repeated import Exit, exit_rows

PATIENT = 1 - 2.0**-20  # the highest discount factor tried if there is no formula
Curves = dict[Profile, tuple[Curve, list[Curve]]]
"""Of each profile that can be sustained, what it gives and to what it holds the payees, negated."""


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

    def critical_discount(self, profile: stage_game.Profile) -> float | None:
        """Return the lowest discount factor, below 1 - 1e-6, at which a profile can be played for ever; None if none.

        Examples
        --------
        >>> from bargaining import Game, joint_payoffs
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> round(joint_payoffs(prisoners).critical_discount((0, 0)), 10)
        0.1428571429
        """
        actions = self.game.profile(profile)

        def threat(discount: float) -> Floats | None:
            account = self._ledger.at(discount)
            return None if account is None else np.array([-each.value for each in account.low])

        return least_discount(self.game, self.monitoring, self.exit, actions, threat)

    def claims(self, discount: float | Fraction) -> Floats | None:
        r"""Return each player's claim after each signal on the path to the joint payoff, shape (S, n).

        The difference to `liquidity` is her payment, to the others as far as their claims allow; the rest is burnt. In
        units of one period's payoffs; zero for signals that do not occur. None if there is no equilibrium, or the
        players part.
        """
        step = self.at(discount)
        if step is None or step.profile is None:
            return None
        floors = floors_of(self.game, *outside_of(self.game, self.exit))
        return Stage.of(self.game, self.monitoring, step.profile, floors).claims(step.liquidity)

    def __repr__(self) -> str:
        return f"<JointPayoffs of {self.game!r}, {counted(len(self.steps), 'step')}>"

    def _card(self) -> Card:
        """Return a row for each step."""
        rows = [
            [
                *(
                    number(each)
                    for each in (step.discount, step.liquidity, step.joint, *step.threat, step.burnt)
                ),
                played(self.game, step.profile),
                *(played(self.game, each) for each in step.punishments),
            ]
            for step in self.steps
        ]
        names = titles(self.game.player_names)
        threats = [f"threat of {name}" for name in names]
        heads = ["discount from", "liquidity", "joint", *threats, "burnt", "path"]
        heads += [f"punishes {name}" for name in names]
        return Card(title="Joint payoffs with transfers", heads=heads, rows=rows)


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
    outside, who = outside_of(game, leave)
    curves = curves_of(game, monitoring, floors_of(game, outside, who))
    credible: float | None = 0.0
    if outside is not None and len(who) == 1:
        credible = _credible(game, monitoring, who[0], outside[who[0]])
    low = [[each[1][i] for each in curves.values()] for i in range(game.players)]
    best = [each[0] for each in curves.values()]
    return Ledger(best, low, None if credible is None else outside, credible or 0.0, payoff_range(game))


def least_discount(
    game: Game,
    monitoring: Monitoring | None,
    leave: Exit | None,
    profile: Profile,
    threat: Callable[[float], Floats | None],
) -> float | None:
    r"""Return the least discount factor at which a profile can be played for ever with transfers, by bisection.

    The threats v at each discount factor, None where there are none, must not be higher at a higher one. Who stays gets
    :math:`g_i + E[s_i]` now and keeps at least v_i: in units of one period, with :math:`r = \delta / (1 - \delta)`, a
    player who may leave stays if :math:`g_i + E[s_i] + r v_i \ge (1 + r) o_i`. What the profile itself gives, not the
    largest joint payoff, less the threats, must be worth what is at stake.
    """
    outside, who = outside_of(game, leave)
    through, unit = Monitoring.perfect(game) if monitoring is None else monitoring, payoff_range(game)

    def holds(discount: float) -> bool:
        low, reward = threat(discount), discount / (1 - discount)
        if low is None:
            return False
        staying = (
            None if outside is None else [o - reward * (v - o) for o, v in zip(outside, low, strict=True)]
        )
        stage = Stage.of(game, through, profile, floors_of(game, staying, who))
        goal = reward * np.tile(stage.chances, game.players)
        best = stage.maximise(goal, reward + 1.0)
        if best is None:
            return False
        spare = goal @ best[:-1] - (reward + 1.0) * best[-1]
        return bool(spare + reward * (game.payoffs[profile].sum() - low.sum()) / unit >= -EDGE)

    return bisect(holds, 0.0, PATIENT, 2.0**-52)[1] if holds(PATIENT) else None


def bisect(
    test: Callable[[float], bool | None],
    low: float,
    high: float,
    width: float,
    *,
    rises: bool = True,
    slow: Callable[[float], bool] = lambda _: False,
) -> tuple[float, float]:
    """Narrow a bracket to a width; the test holds at its upper end if it `rises`, and else at its lower one.

    It stops early where the test is undecided (None), and after one that was slow.
    """
    if test(low) is rises:
        return low, low
    while high - low > width:
        middle = (low + high) / 2
        if (holds := test(middle)) is None:
            break
        low, high = (low, middle) if holds is rises else (middle, high)
        if slow(middle):
            break
    return low, high


def _step(game: Game, account: Account, discount: float) -> JointStep:
    profile, joint = account.best.owner, account.best.value
    burnt = 0.0 if profile is None else float(game.payoffs[profile].sum()) - joint
    return JointStep(
        discount=discount,
        liquidity=account.stake,
        joint=joint,
        threat=tuple(-each.value for each in account.low),
        burnt=burnt if burnt > 10 * ROUNDING * payoff_range(game) else 0.0,
        profile=profile,
        punishments=tuple(each.owner for each in account.low),
        player_names=game.player_names,
    )


def curves_of(
    game: Game,
    monitoring: Monitoring | None,
    floors: Sequence[float | None],
    profiles: Iterable[Profile] | None = None,
) -> Curves:
    """Return the curves of profiles that can be sustained at all; one floor means one payee for all."""
    every = np.ndindex(*game.shape) if profiles is None else profiles
    if monitoring is not None and not monitoring.is_perfect:
        sustained = ((profile, Stage.of(game, monitoring, profile, floors).curves()) for profile in every)
        return {profile: curves for profile, curves in sustained if curves is not None}
    # A deviation is seen and forfeits all claims, so that a payee must get what the best one pays.
    payees, most, out = len(floors), game.deviations(), Curves()
    if payees == 1:
        most = most.max(axis=-1, keepdims=True)
    least = np.maximum(most, [-np.inf if floor is None else floor for floor in floors])
    stakes = (least - game.payoffs[..., :payees]).sum(axis=-1)
    totals = game.payoffs[..., :payees].sum(axis=-1)
    for profile in every:
        points = [np.array([[stakes[profile], value]]) for value in (totals[profile], *-least[profile])]
        joint, *low = [Curve(each, profile) for each in points]
        out[profile] = joint, low
    return out


def _credible(game: Game, monitoring: Monitoring | None, leaver: int, outside: float) -> float | None:
    """Return the least liquidity at which the only player who may leave can be held to her payoff of leaving."""
    low = [each[1][leaver].points for each in curves_of(game, monitoring, [None] * game.players).values()]
    stakes = [np.interp(-outside, points[:, 1], points[:, 0]) for points in low if points[-1, 1] >= -outside]
    return min(map(float, stakes), default=None)


def floors_of(game: Game, outside: Sequence[float] | None, who: Sequence[int]) -> list[float | None]:
    """Return what a player who may leave must get; None for the others."""
    return [outside[i] if outside is not None and i in who else None for i in range(game.players)]


def outside_of(game: Game, leave: Exit | None) -> tuple[tuple[float, ...] | None, tuple[int, ...]]:
    """Return the payoffs of leaving, and who may leave."""
    rows = exit_rows(game, leave)
    if len(rows) > 1:
        raise NotApplicable("The payoffs after exit must not depend on who leaves.")
    return (None, ()) if leave is None else (tuple(map(float, rows.pop())), leave.who)


def discount_of(value: float | Fraction, name: str = "discount") -> float:
    """Return a discount factor as a float."""
    return float(within(real(value, name, ndim=0), name, 0.0, 1.0, ends="[)"))


def played(game: Game, profile: Profile | None) -> str:
    """Return what is played in words."""
    return "part" if profile is None else profile_name(game, profile)
