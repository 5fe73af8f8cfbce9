"""Joint payoffs with transfers, and strongly symmetric ones, under public monitoring at every discount factor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import ClassVar

import numpy as np

from bargaining._arguments import instance
from bargaining._arrays import discounts as valid_discounts
from bargaining._arrays import owning, short
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rational import Rationals, maximise, rational
from bargaining._rich import Card, Shown, counted, number
from bargaining.equilibria.repeated._monitored.liquidity import (
    Account,
    Curve,
    Ledger,
    Profile,
    Stage,
    highest,
    seen,
)
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games import normal_form as stage_game
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, best_replies, other_actions, profile_name
from bargaining.games.repeated import Exit, exit_rows

_ZERO = Fraction(0)
Curves = dict[Profile, tuple[Curve, list[Curve]]]
"""Of each profile, what it gives and to what it holds the payees."""


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class JointStep(Shown):
    r"""The equilibrium payoffs with transfers at one discount factor: every :math:`u \ge v` with :math:`\sum u \le U`.

    Attributes
    ----------
    discount : Fraction
        The discount factor from which on this holds.
    liquidity : Fraction
        The most that the players together can lose after a signal, in units of one period's payoffs.
    joint : Fraction
        The largest sum of average payoffs, U.
    threat : tuple of Fraction
        The lowest average payoff of each player, v.
    burnt : Fraction
        Of the payoffs of a period, the part that is burnt on the path to U, on average; zero if fines can always be
        paid to the other players.
    profile : tuple of int, or None
        The profile played on the path to U; None if the players part.
    punishments : tuple
        For each player the profile that is played for one period to punish her; None if the players part.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    discount: Fraction
    liquidity: Fraction
    joint: Fraction
    threat: tuple[Fraction, ...]
    burnt: Fraction
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
    _stages: dict[Profile, Stage] = field(repr=False)
    _curves: dict[Profile, Curve] = field(repr=False)

    def at(self, discount: float | Fraction) -> JointStep | None:
        """Return the payoffs at a discount factor in [0, 1), taken exactly; None if there is no equilibrium.

        Examples
        --------
        >>> from fractions import Fraction
        >>> from bargaining import Game, joint_payoffs
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> joint_payoffs(prisoners).at(Fraction(1, 7)).joint
        Fraction(18, 1)
        """
        given = discount_of(discount)
        found = self._ledger.at(given)
        return None if found is None else _step(self.game, found, given)

    def critical_discount(self, profile: stage_game.Profile) -> Fraction | None:
        """Return the lowest discount factor at which a profile can be played for ever; None if there is none.

        An irrational one is rounded, to less than 1e-18.

        Examples
        --------
        >>> from bargaining import Game, joint_payoffs
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> joint_payoffs(prisoners).critical_discount((0, 0))
        Fraction(1, 7)
        """
        return self._critical(profile)[0]

    def _critical(self, profile: stage_game.Profile) -> tuple[Fraction | None, bool]:
        """Return the same, and whether it is exact."""
        curve = self._curves.get(self.game.profile(profile))
        return (None, True) if curve is None else self._ledger.critical(curve)

    def claims(self, discount: float | Fraction) -> Rationals | None:
        r"""Return each player's claim after each signal on the path to the joint payoff, shape (S, n).

        The difference to `liquidity` is her payment, to the others as far as their claims allow; the rest is burnt. In
        units of one period's payoffs; zero for signals that do not occur. None if there is no equilibrium, or the
        players part.
        """
        step = self.at(discount)
        if step is None or step.profile is None:
            return None
        return claims(self.game, self.monitoring, self._stages[step.profile], step.liquidity)

    def __repr__(self) -> str:
        return f"<JointPayoffs of {self.game!r}, {counted(len(self.steps), 'step')}>"

    def _card(self) -> Card:
        """Return a row for each step."""
        rows = [
            [
                number(float(step.discount)),
                number(float(step.liquidity)),
                number(float(step.joint)),
                *(number(float(each)) for each in step.threat),
                number(float(step.burnt)),
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
    player who fails to pay is punished at once. Pure actions. All numbers are rationals: U and v are piecewise linear
    functions of L, found by linear programs in rationals from their breakpoints. Exit is treated as in
    `transfer_equilibrium`.

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
    ...     print(step.discount, step.liquidity, step.joint, step.burnt, step.profile)
    0 0 0 0 (1, 1)
    10/17 5 7/2 1/2 (0, 0)
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    ledger, stages, curves = of_joint(game, monitoring, exit)
    return JointPayoffs(
        game=game,
        monitoring=monitoring,
        exit=exit,
        steps=tuple(_step(game, account, account.discount) for account in ledger.steps()),
        _ledger=ledger,
        _stages=stages,
        _curves={profile: some[0] for profile, some in curves.items()},
    )


def of_joint(
    game: Game, monitoring: Monitoring | None, leave: Exit | None
) -> tuple[Ledger, dict[Profile, Stage], Curves]:
    """Return the payoffs at every discount factor, with their profiles and curves."""
    outside, who = outside_of(game, leave)
    floors = tuple(outside[i] if outside is not None and i in who else None for i in range(game.players))
    stages, curves = curves_of(game, monitoring, floors)
    credible: Fraction | None = None
    if outside is not None:
        credible = _ZERO if len(who) > 1 else _credible(game, monitoring, who[0], outside[who[0]])
    best, *low = [[some[0] for some in curves.values()]] + [
        [some[1][i] for some in curves.values()] for i in range(game.players)
    ]
    return Ledger(best, low, None if credible is None else outside, credible or _ZERO), stages, curves


def claims(game: Game, monitoring: Monitoring | None, stage: Stage, stake: Fraction) -> Rationals:
    """Return each payee's claim after each signal, shape (S, payees)."""
    through = monitoring if monitoring is not None else Monitoring.perfect(game)
    occurs = through.exact[stage.profile] > 0
    found = _stage(game, through, stage.profile, stage.floors).claims(stake)
    assert found is not None
    out = np.full((len(occurs), len(stage.floors)), _ZERO)
    out[occurs] = found.T
    return out


def _step(game: Game, account: Account, discount: Fraction) -> JointStep:
    stake, profile = account.stake, account.best.owner
    joint = account.best.at(stake)
    total = (
        joint if profile is None else sum((game.exact_payoff(profile, i) for i in range(game.players)), _ZERO)
    )
    return JointStep(
        discount=discount,
        liquidity=stake,
        joint=joint,
        threat=tuple(-each.at(stake) for each in account.low),
        burnt=total - joint,
        profile=profile,
        punishments=tuple(each.owner for each in account.low),
        player_names=game.player_names,
    )


def curves_of(
    game: Game,
    monitoring: Monitoring | None,
    floors: Sequence[Fraction | None],
    profiles: Iterable[Profile] | None = None,
) -> tuple[dict[Profile, Stage], Curves]:
    """Return profiles, and the curves of those that can be sustained at all; one floor means one payee for all."""
    plain = monitoring is None or monitoring.is_perfect
    exact, nothing = game.exact, np.empty(0, dtype=object)
    best = best_replies(exact)
    stages: dict[Profile, Stage] = {}
    curves: Curves = {}
    for profile in np.ndindex(*game.shape) if profiles is None else profiles:
        if plain:
            stages[profile] = Stage(profile, tuple(exact[profile][: len(floors)]), nothing, (), tuple(floors))
            most = list(best[profile])
            curves[profile] = seen(stages[profile], most if len(floors) > 1 else [max(most)])
        else:
            assert monitoring is not None
            stages[profile] = _stage(game, monitoring, profile, floors)
            found = stages[profile].curves()
            if found is not None:
                curves[profile] = found
    return stages, curves


def _stage(game: Game, monitoring: Monitoring, profile: Profile, floors: Sequence[Fraction | None]) -> Stage:
    """Return a profile with a payee for each player, or with one for all of them if there is one floor."""
    chances = monitoring.exact[profile]
    occurs = chances > 0
    today = [game.exact_payoff(profile, i) for i in range(game.players)]
    rows = []
    for i in range(game.players):
        for _, other in other_actions(game, profile, i):
            change = (monitoring.exact[other] - chances)[occurs]
            rows.append((min(i, len(floors) - 1), change, today[i] - game.exact_payoff(other, i)))
    return Stage(profile, tuple(today[: len(floors)]), chances[occurs], tuple(rows), tuple(floors))


def deterred(game: Game, monitoring: Monitoring, profile: Profile) -> bool:
    """Whether payments that depend on the signal, however large, can deter everybody from deviating."""
    chances = monitoring.exact[profile]
    for i in range(game.players):
        others = [other for _, other in other_actions(game, profile, i)]
        rows = [monitoring.exact[other] - chances for other in others]
        limits = [game.exact_payoff(profile, i) - game.exact_payoff(other, i) for other in others]
        if rows and maximise(np.full(len(chances), _ZERO), np.array(rows), np.array(limits)) is None:
            return False
    return True


def _credible(game: Game, monitoring: Monitoring | None, leaver: int, outside: Fraction) -> Fraction | None:
    """Return the least liquidity at which the only player who may leave can be held to her payoff of leaving."""
    _, curves = curves_of(game, monitoring, [None] * game.players)
    low = highest([some[1][leaver] for some in curves.values()])
    for piece in low:
        if piece.at(piece.start) >= -outside:
            return piece.start
        if piece.slope > 0:
            at = piece.start + (-outside - piece.value) / piece.slope
            following = [other.start for other in low if other.start > piece.start]
            if not following or at < min(following):
                return at
    return None


def outside_of(game: Game, leave: Exit | None) -> tuple[tuple[Fraction, ...] | None, tuple[int, ...]]:
    """Return the payoffs of leaving, and who may leave."""
    rows = exit_rows(game, leave)
    if len(rows) > 1:
        raise NotApplicable("The payoffs after exit must not depend on who leaves.")
    return (None, ()) if leave is None else (rows.pop(), leave.who)


def discount_of(given: float | Fraction, name: str = "discount") -> Fraction:
    """Return a discount factor as an exact rational."""
    exact = rational(given, name)
    if exact.shape != ():
        raise InvalidInput(f"`{name}` must be one number; got {short(given)}.")
    valid_discounts(np.asarray(float(exact.item())), 1, name=name)
    out: Fraction = exact.item()
    return out


def played(game: Game, profile: Profile | None) -> str:
    """Return what is played in words."""
    return "part" if profile is None else profile_name(game, profile)
