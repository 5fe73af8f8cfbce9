"""Strongly symmetric equilibria and trigger strategies under imperfect monitoring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from fractions import Fraction
from typing import ClassVar

from bargaining._arguments import instance, listed, whole
from bargaining._arrays import record
from bargaining._calls import suggesting
from bargaining._names import place
from bargaining._rich import Card, Shown, table
from bargaining.equilibria.repeated.joint import (
    ROUNDING,
    Account,
    Ledger,
    Profile,
    Stage,
    curves_of,
    discount_of,
    outside_of,
    payoff_range,
)
from bargaining.errors import NotApplicable
from bargaining.games import normal_form as stage_game
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, other_actions
from bargaining.games.repeated import Exit

LONGEST = 10_000  # periods of a war; as good as for ever


@record(eq=True)
class SymmetricStep(Shown):
    """The strongly symmetric payoffs at a discount factor: every payoff from the lowest to the highest.

    Attributes
    ----------
    discount : float
        The discount factor from which on this holds.
    lowest, highest : float
        Average payoffs of each player.
    profile : tuple of int, or None
        The profile played for the highest; None if the players part.
    punishment : tuple of int, or None
        The profile played for the lowest; None if they part.
    punished : tuple of float
        For each signal the probability that play moves from the highest to the lowest payoff.
    """

    discount: float
    lowest: float
    highest: float
    profile: Profile | None
    punishment: Profile | None
    punished: tuple[float, ...]


@record
class SymmetricPayoffs(Shown):
    """The strongly symmetric equilibrium payoffs of a repeated game, for all discount factors at once.

    Attributes
    ----------
    game : Game
    monitoring : Monitoring or None
        None if actions are seen.
    exit : Exit or None
    steps : tuple of SymmetricStep
        The payoffs as the discount factor rises from 0, each from its discount factor on. Between two steps
        profiles stay the same, but payoffs may change with the discount factor: see `at`. Below the first step
        there is no such equilibrium.
    """

    game: Game
    monitoring: Monitoring | None
    exit: Exit | None
    steps: tuple[SymmetricStep, ...]
    _ledger: Ledger = field(repr=False)

    def at(self, discount: float | Fraction) -> SymmetricStep | None:
        """Return the payoffs at a discount factor in [0, 1); None if there is no equilibrium."""
        delta = discount_of(discount)
        account = self._ledger.at(delta)
        return None if account is None else _step(self.game, self.monitoring, self.exit, account, delta)

    def _card(self) -> Card:
        return table("Strongly symmetric payoffs of each player", self.steps)


@suggesting
def symmetric_payoffs(
    game: Game,
    *,
    monitoring: Monitoring | None = None,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
) -> SymmetricPayoffs:
    r"""Return the payoffs of strongly symmetric equilibria, for every common discount factor.

    All players take the same action after every history, so they share one payoff between two numbers, lo and hi. After
    a signal y play continues at hi or, with probability x(y), at lo: no payoff in between is needed (*bang-bang*).
    With the spread :math:`R = \frac{\delta}{1-\delta}(hi - lo)` and :math:`s(y) = R (1 - x(y))`,

    .. math:: hi = \max_{a, s} g(a) + E[s \mid a] - R, \qquad lo = \min_{a, s} g(a) + E[s \mid a],

    over the actions a and :math:`0 \le s \le R` from which no deviation pays.

    Parameters
    ----------
    game : Game
        Any number of players with equally many actions, who get the same payoff if all take the same action.
    monitoring : Monitoring, optional
        The public signal of the actions; by default the actions are seen.
    exit : Exit, optional
        The right of everybody to leave, with the same payoff for all, whoever leaves.

    Returns
    -------
    SymmetricPayoffs

    Raises
    ------
    NotApplicable
        If the players are not symmetric in these ways.

    Notes
    -----
    Timing as in `payoff_set`: a public lottery, players who may leave do so or stay, actions, the signal. Pure actions.
    Numbers come from linear programs, to about 1e-10; knife edges as in `joint_payoffs`.

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1986). Optimal cartel equilibria with imperfect monitoring. *Journal of
    Economic Theory* 39(1), 251-269. doi:10.1016/0022-0531(86)90028-1

    Examples
    --------
    Two firms of Green and Porter's kind, whose price is high, middling or low:

    >>> from fractions import Fraction
    >>> from bargaining import Game, Monitoring, symmetric_payoffs
    >>> high, low = Fraction("19.05"), Fraction("15.2")
    >>> firms = Game([[high, 15], [20, low]], [[high, 20], [15, low]])
    >>> price = Monitoring([[[0.5, 0.45, 0.05], [0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25], [0.1, 0.4, 0.5]]])
    >>> found = symmetric_payoffs(firms, monitoring=price)
    >>> round(found.at(0.7).highest, 10), round(found.at(0.5).highest, 10)
    (18.8125, 15.2)
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    if len(set(game.shape)) > 1:
        raise NotApplicable(f"All players must have the same number of actions; got {game.shape}.")
    diagonal = [(action,) * game.players for action in range(game.shape[0])]
    for profile in diagonal:
        earned = {game.exact_payoff(profile, i) for i in range(game.players)}
        if len(earned) > 1:
            raise NotApplicable(
                f"All players must earn the same at {profile}; got {game.payoffs[profile].tolist()}."
            )
    outside = outside_of(game, exit)
    if exit is not None and (len(exit.who) < game.players or len(set(outside or ())) > 1):
        raise NotApplicable("All players must be free to leave, and get the same by leaving.")
    shared = None if outside is None else outside[:1]
    ledger = Ledger(curves_of(game, monitoring, shared or [None], diagonal), shared, 0.0, payoff_range(game))
    return SymmetricPayoffs(
        game=game,
        monitoring=monitoring,
        exit=exit,
        steps=tuple(_step(game, monitoring, exit, account, account.discount) for account in ledger.steps()),
        _ledger=ledger,
    )


def _step(
    game: Game, monitoring: Monitoring | None, leave: Exit | None, account: Account, discount: float
) -> SymmetricStep:
    profile, stake = account.best.owner, account.stake
    punished: tuple[float, ...] = ()
    if profile is not None and stake:
        floors = (outside_of(game, leave) or [None])[:1]
        kept = Stage(game, monitoring, profile, floors).claims(stake)[:, 0]
        punished = tuple((1 - kept / stake).tolist())
    return SymmetricStep(
        discount=discount,
        lowest=-account.low[0].value,
        highest=account.best.value,
        profile=profile,
        punishment=account.low[0].owner,
        punished=punished,
    )


@record(eq=True)
class TriggerStrategy(Shown):
    """Play a profile until a signal triggers a war; after the war start again.

    Attributes
    ----------
    payoffs : tuple of float
        The average payoffs.
    slack : float
        The loss from the most profitable deviation, in average payoffs; negative if it is a gain, zero if it is less
        than 1e-11 of the payoff range.
    trigger : float
        The probability of a war after a period in which nobody deviates.
    fighting : float
        The long-run share of periods at war; 1 if a war never ends.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    payoffs: tuple[float, ...]
    slack: float
    trigger: float
    fighting: float
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("payoffs",)

    @property
    def holds(self) -> bool:
        """Whether it is an equilibrium."""
        return self.slack >= 0


@suggesting
def trigger_strategy(
    game: Game,
    profile: stage_game.Profile,
    war: stage_game.Profile,
    discounts: float | Fraction,
    *,
    monitoring: Monitoring,
    signals: Sequence[int | str],
    periods: int | None = None,
) -> TriggerStrategy:
    r"""Return the payoffs of trigger strategies, and whether they are an equilibrium (Green and Porter 1984).

    A profile a is played until one of the signals B is seen, then a stage equilibrium e for T periods, then a again:

    .. math:: V_i - g_i(e) = \frac{(1-\delta)\,(g_i(a) - g_i(e))}{1 - \delta (1 - P) - \delta^{T+1} P},
              \qquad P = p(B \mid a),

    and no deviation b pays if :math:`(1-\delta)(g_i(b, a_{-i}) - g_i(a)) \le \delta (1-\delta^T)
    (p(B \mid b, a_{-i}) - P) (V_i - g_i(e))`.

    Parameters
    ----------
    game : Game
    profile : sequence of int or str, or mapping from players to them
        The actions a.
    war : sequence of int or str, or mapping from players to them
        The actions e, a pure equilibrium of the stage game.
    discounts : number
        The discount factor of all players, in [0, 1).
    monitoring : Monitoring
        The public signal.
    signals : sequence of int or str
        The signals B, by number or name.
    periods : int, optional
        The length T of a war, up to 10,000; for ever by default.

    Returns
    -------
    TriggerStrategy

    Raises
    ------
    NotApplicable
        If `war` is not an equilibrium of the stage game.

    References
    ----------
    Green, E. J. and Porter, R. H. (1984). Noncooperative collusion under imperfect price information. *Econometrica*
    52(1), 87-100. doi:10.2307/1911462

    Examples
    --------
    >>> from bargaining import Game, Monitoring, trigger_strategy
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring([[[0.75, 0.25], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]], signals=["good", "bad"])
    >>> found = trigger_strategy(partners, (0, 0), (1, 1), 0.875, monitoring=report, signals=["bad"])
    >>> round(found.payoffs[0], 12), found.holds
    (0.727272727273, True)
    """
    instance(game, "game", Game)
    check_monitoring(game, instance(monitoring, "monitoring", Monitoring))
    kept, fought = game.profile(profile), game.profile(war, "war")
    if any(game.exact_best(fought, i) > game.exact_payoff(fought, i) for i in range(game.players)):
        raise NotApplicable(f"`war` must be an equilibrium of the stage game; got {fought}.")
    d, named = discount_of(discounts, "discounts"), listed(signals, "signals", "a list of signals")
    bad = {place(each, "signals", monitoring.signals, "signal") for each in named}
    power = 0.0 if periods is None else d ** whole(periods, "periods", 1, LONGEST)
    chance = monitoring.probabilities[..., sorted(bad)].sum(axis=-1)
    trigger, now, later = float(chance[kept]), game.payoffs[kept], game.payoffs[fought]
    extra = (1 - d) * (now - later) / (1 - d * (1 - trigger) - d * power * trigger)
    slacks = [
        d * (1 - power) * (chance[other] - trigger) * extra[i] - (1 - d) * (game.payoffs[other] - now)[i]
        for i in range(game.players)
        for _, other in other_actions(game, kept, i)
    ]
    slack = float(min(slacks, default=0.0))
    fighting = float(trigger > 0) if periods is None else trigger * periods / (1 + trigger * periods)
    return TriggerStrategy(
        payoffs=tuple((later + extra).tolist()),
        slack=slack if abs(slack) > ROUNDING * payoff_range(game) else 0.0,
        trigger=trigger,
        fighting=fighting,
        player_names=game.player_names,
    )
