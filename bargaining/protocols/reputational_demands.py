"""The choice of demands: the two-sided reputation game with several committed types on each side.

The first player announces a_1, and the second replies a_2 or accepts. A demand is worth the less the more often it is
imitated, so each player's mixture is that at the level at which its chances sum to 1. All the second player's committed
types are arrays along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of, listed, player_index
from bargaining._arrays import SMALLEST, Floats, fill, owning, real, spread, within
from bargaining._names import Names, numbered, titles
from bargaining._rich import Shown
from bargaining.division import Division, judged, told
from bargaining.errors import InvalidInput, Status, plain
from bargaining.protocols._seats import take_seats
from bargaining.protocols.reputation import agreement, checked_outside, concessions

_ACCURACY = 1e-10  # of the pie: three nested roots, each near rounding


@owning
@dataclass(frozen=True, slots=True, eq=False)
class ReputationalDemands(Shown):
    r"""Each player may be committed to any of several demands; normal players choose which to imitate.

    Parameters
    ----------
    demands : pair of array_like, shapes (K_0,) and (K_1,)
        The committed types' demands of each player, as shares of a pie of 1; distinct.
    rates : array_like, shape (2,)
        Positive discount rates per unit of time.
    priors : pair of array_like, shapes (K_0,) and (K_1,)
        Probability of each committed type; positive, and together below 1 for each player.
    outside : pair of float or None, optional
        As for `ReputationalBargaining`.
    first : int, default 0
        The player who announces first; by name too, if the players have names.
    players : sequence of str, optional
        Names of the players, in the order of what has an entry per player; by default those of parameters given by
        name.

    Notes
    -----
    Timing, for `first` = 0:

    1. Player 0 announces one of its demands :math:`a_0`; a committed type announces its own.
    2. Player 1 accepts, or announces one of its own. A committed type accepts if its demand fits,
       :math:`a_1 \le 1-a_0`, and announces it otherwise.
    3. The war of attrition of `ReputationalBargaining` follows, with priors updated by Bayes' rule.

    Normal players mix so that every demand they use gives the same payoff. A reply is worth less the more often it is
    imitated, so player 1's mixture solves one monotone equation. The value of an announcement increases in the belief
    that its owner is committed, so player 0's mixture does too. A sequential equilibrium exists, and all of them give
    the same distribution over outcomes (proposition `reputation-demands`). Strategies can differ where a player
    concedes at 0 in any case: here player 1 then accepts instead of making a demand first.

    As the types become dense and the priors vanish, at exponential rates, the division tends to `kambe_limit`
    (proposition `reputation-limit` for equal rates).

    References
    ----------
    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Examples
    --------
    >>> from bargaining import ReputationalDemands
    >>> talks = ReputationalDemands(([0.5, 0.6], [0.5, 0.6, 0.7]), (0.1, 0.1), ([0.02, 0.02], [0.01] * 3))()
    >>> bool(talks.residual < 1e-10)
    True
    """

    demands: Sequence[ArrayLike]
    rates: ArrayLike
    priors: Sequence[ArrayLike]
    outside: object = field(default=None, kw_only=True)
    first: int | str = field(default=0, kw_only=True)
    players: Names | None = field(default=None, kw_only=True)
    _types: tuple[tuple[Floats, Floats], tuple[Floats, Floats]] = field(init=False, repr=False)
    _rates: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        take_seats(self, "demands", "rates", "priors", "outside", player="first", count=2)
        rates = within(real(self.rates, "rates", ndim=1), "rates", 0.0, np.inf, ends="()")
        within(rates, "rates", SMALLEST, 1 / SMALLEST)
        if rates.shape != (2,):
            raise InvalidInput(f"`rates` must have one entry per player (2); got shape {rates.shape}.")
        pairs = []
        for name in ("demands", "priors"):
            pairs.append(listed(getattr(self, name), name, "a pair, one list per player"))
            if len(pairs[-1]) != 2:
                raise InvalidInput(f"`{name}` must be a pair, one list per player; got {len(pairs[-1])}.")
            object.__setattr__(self, name, tuple(pairs[-1]))
        names = titles(self.players or numbered(2))
        types = tuple(_checked_types(a, z, who) for a, z, who in zip(*pairs, names, strict=True))
        fill(self, _types=types, _rates=rates)
        object.__setattr__(self, "first", self._first)

    @property
    def _first(self) -> int:
        return player_index(self.first, "first", 2)

    def __call__(self) -> DemandOutcome:
        """Return the equilibrium announcements and replies, and the expected payoffs of normal players."""
        demands, normal = self._demands()

        def chances(level: float) -> Floats:
            return np.array([d.mass / normal * (1 / d.belief(level) - 1) for d in demands])

        low, high = min(d.range[0] for d in demands), max(d.range[1] for d in demands)
        announced = _mixture(chances, low, high)
        beliefs = [d.mass / (d.mass + normal * p) for d, p in zip(demands, announced.tolist(), strict=True)]
        played = [d.replies(belief) for d, belief in zip(demands, beliefs, strict=True)]
        replies, acceptance = np.array([p[0] for p in played]), np.array([p[1] for p in played])
        return told(self._assess(announced, replies, acceptance), self)

    def check(self, outcome: DemandOutcome) -> DemandOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs and strategies.

        The answer may be one of this protocol, or a changed one. The residual is the most that a normal player could
        gain by another announcement or reply, or the distance of payoffs and beliefs from those that the strategies
        imply.
        """
        answer_of(outcome, "outcome", DemandOutcome)
        again = self._assess(outcome.announcements, outcome.replies, outcome.acceptance)
        odd = (np.abs(x - y) for x, y in zip(outcome.beliefs, again.beliefs, strict=True))
        return judged(outcome, _ACCURACY, again.residual, np.abs(outcome.payoffs - again.payoffs), *odd)

    def _demands(self) -> tuple[list[_Demand], float]:
        """Return the first player's demands, and the probability that it is normal."""
        order = [self._first, 1 - self._first]
        (own, masses), (rivals, rival_masses) = (self._types[i] for i in order)
        options, received = checked_outside(self.outside, np.array([each.min() for each, _ in self._types]))
        spread(options, "outside", (2,))
        other = rivals, rival_masses, self._rates[order], options[order], received[order]
        normal, pairs = float(1 - masses.sum()), zip(own.tolist(), masses.tolist(), strict=True)
        return [_Demand(a, m, max(m / (m + normal), _TINY), *other) for a, m in pairs], normal

    def _assess(self, announced: Floats, replies: Floats, acceptance: Floats) -> DemandOutcome:
        """Compute every action's payoff from the wars of attrition themselves, and the gains from deviating."""
        demands, normal = self._demands()
        other, own = demands[0], np.array([d.own for d in demands])
        masses = np.array([d.mass for d in demands])
        beliefs = masses / (masses + normal * announced)
        committed = other.masses / (other.masses + other.normal * replies)
        a, z = (
            np.stack(np.broadcast_arrays(x[:, None], y), axis=-1)
            for x, y in ((own, other.rivals), (beliefs, committed))
        )
        fits = a.sum(axis=-1, keepdims=True) - 1 <= FIT  # then the second accepts
        war = concessions(np.where(fits, 0.9, a), other.rates, z, other.options, other.received)[2]
        firsts, seconds = np.moveaxis(np.where(fits, np.stack([own, 1 - own], axis=-1)[:, None], war), -1, 0)
        leaving = 1 - acceptance - replies.sum(axis=1)
        best = np.maximum(np.maximum(1 - own, other.options[1]), seconds.max(axis=1))
        value = acceptance * (1 - own) + leaving * other.received[1] + (replies * seconds).sum(axis=1)
        met = acceptance * own + leaving * other.received[0] + (replies * firsts).sum(axis=1)
        worth = firsts @ other.masses + other.normal * met
        payoffs = np.array([announced @ worth, (masses + normal * announced) @ value])
        outcome = DemandOutcome(
            payoffs=payoffs[::-1] if self._first else payoffs,
            announcements=announced,
            replies=replies,
            acceptance=acceptance,
            beliefs=(beliefs, committed),
            residual=0.0,
            status=Status.OK,
            method="ReputationalDemands",
            first=self._first,
        )
        gains = (np.abs(best - value), worth - payoffs[0], abs(announced.sum() - 1))
        return judged(
            outcome, _ACCURACY, *gains, *(-odds for odds in (announced, replies, acceptance, leaving))
        )


def _checked_types(demands: ArrayLike, priors: ArrayLike, player: str) -> tuple[Floats, Floats]:
    a, z = real(demands, "demands", ndim=1), real(priors, "priors", ndim=1)
    for array, name in ((a, "demands"), (z, "priors")):
        bad = (array <= 0) | (array >= 1)
        if bad.any():
            raise InvalidInput(
                f"`{name}` must lie in (0, 1); got {plain(array[bad][0])} for a type of {player}. "
                f"Drop that type, or move it inside."
            )
    if a.shape != z.shape:
        raise InvalidInput(
            f"`priors` must have one entry per demand; got {z.size} for {a.size} demands of {player}."
        )
    if np.unique(a).size < a.size:
        raise InvalidInput(f"`demands` must be distinct; got {a.tolist()} for {player}. Add up their priors.")
    if z.sum() >= 1:
        raise InvalidInput(
            f"`priors` must sum to less than 1; got {plain(z.sum())} for {player}. Leave room for the normal type."
        )
    return a, z


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DemandOutcome(Division):
    """The equilibrium of `ReputationalDemands`; `first` announces, `second` is the other player.

    Attributes
    ----------
    payoffs : ndarray, shape (2,)
        Each player's expected payoff if she is normal, before the announcements.
    announcements : ndarray, shape (K,)
        Probability with which the normal first player makes each of its demands.
    replies : ndarray, shape (K, L)
        Probability with which the normal second player answers each announcement with each demand.
    acceptance : ndarray, shape (K,)
        Probability with which it accepts instead; with the remaining probability it leaves.
    beliefs : tuple of ndarray, shapes (K,) and (K, L)
        Probability that the first, then the second player is committed once it has spoken.
    residual : float
        The most that a normal player could gain by another announcement or reply.
    status : Status
        OK if the residual is below 1e-10.
    first : int
        The player who announces first.
    """

    announcements: Floats
    replies: Floats
    acceptance: Floats
    beliefs: tuple[Floats, Floats]
    first: int

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values."""
        names = ("announcements", "replies", "acceptance")
        return {**Division.to_dict(self), **{name: getattr(self, name).tolist() for name in names}}


_LARGEST = 700.0  # logarithm: that of the largest float is 709
_TINY = float(np.finfo(float).tiny)
_NEXT = 4 * float(np.finfo(float).eps)  # the relative accuracy of every root
_NEAR = 1e-13  # relative: levels this close are the same but for rounding
FIT = 1e-12  # demands that sum to at most 1 and this much are taken to fit


class _Demand:
    """What follows one demand `own` of the first player, as a function of the belief that it is committed.

    `mass` is the prior probability that it is, `least` the belief if normal first players always announce it; `rivals`
    and `masses` are the second player's committed demands and their probabilities, `normal` that it is normal, and
    `conflict` is a_1 + a_2 - 1, or 0 where the demands fit. A reply is `fought` if it conflicts and the first player
    would sooner concede to it than leave; the second player `quits` if it would sooner leave than accept. `agreement`
    divides the pie between normal players who both may leave.
    """

    def __init__(
        self,
        own: float,
        mass: float,
        least: float,
        rivals: Floats,
        masses: Floats,
        rates: Floats,
        options: Floats,
        received: Floats,
    ) -> None:
        self.own, self.mass, self.least, self.rivals, self.masses = own, mass, least, rivals, masses
        self.rates, self.options, self.received = rates, options, received
        self.normal = float(1 - masses.sum())
        excess = own + rivals - 1
        self.conflict = np.where(excess > FIT, excess, 0.0)
        self.fought = (self.conflict > 0) & (options[0] <= 1 - rivals)
        self.quits = bool(options[1] > 1 - own)
        self.agreement = agreement(rates, received)
        exponents = rates[0] * (1 - rivals) / (rates[1] * (1 - own))
        self._wars = tuple(x[self.fought] for x in (self.conflict, exponents, masses / self.normal))

    def replies(self, belief: float) -> tuple[Floats, float]:
        """Return the normal second player's probabilities of each reply and of accepting.

        Who never accepts makes the best demand to which a normal first player yields, or leaves.
        """
        fought, replies = self.fought, np.zeros(self.rivals.shape)
        if self.quits:
            won = np.where(fought, self.rivals, np.where(self.conflict > 0, self.agreement[1], -np.inf))
            replies[won.argmax()] = float(won.max() > self.options[1])
            return replies, 0.0
        if not fought.any():
            return replies, 1.0
        most = float(self.conflict[fought].max())
        mixed = self._mixing(most, belief)
        if mixed.sum() > 1:
            mixed = _mixture(lambda lost: self._mixing(lost, belief), belief * most, most)
        replies[fought] = mixed
        return replies, max(1 - float(mixed.sum()), 0.0)

    def _mixing(self, lost: float, belief: float) -> Floats:
        """Return the probability of each fought reply that makes all of them pay the same.

        With the greediest reply at conflict D, a gain of D - `lost` over conceding from a reply at
        conflict D_k requires that the first player holds out at 0 with probability
        1 - (D - lost) / D_k. Its surviving reputation is the belief over that, and the reply's own
        reputation must match it: y^(1 / exponent).
        """
        conflict, exponents, odds = self._wars
        holds_out = np.maximum((lost - (conflict.max() - conflict)) / conflict, belief)
        growth = exponents * np.log(holds_out / belief)
        return np.asarray(odds * np.expm1(np.minimum(growth, _LARGEST)))

    def worth(self, belief: float) -> float:
        """Return a normal first player's payoff from announcing this demand."""
        replies, accept = self.replies(belief)
        yields = np.where(self.fought, 1 - self.rivals, self.received[0])
        against_committed = np.where(self.conflict > 0, yields, self.own)
        against_normal = np.where(self.fought, 1 - self.rivals, self.agreement[0])
        leaving = max(1 - accept - float(replies.sum()), 0.0) if self.quits else 0.0
        met = accept * self.own + float(replies @ against_normal) + leaving * float(self.received[0])
        return float(self.masses @ against_committed) + self.normal * met

    @cached_property
    def range(self) -> tuple[float, float]:
        """What it is worth if the normal first player always announces it, and if never."""
        return self.worth(self.least), self.worth(1.0)

    def belief(self, level: float) -> float:
        """Return the belief at which it is worth `level`, or the nearest that an announcement leads to."""
        from scipy.optimize import brentq

        if level <= self.range[0]:
            return self.least
        if level >= self.range[1]:
            return 1.0
        gap = lambda log_belief: self.worth(float(np.exp(log_belief))) - level  # noqa: E731
        return float(np.exp(brentq(gap, np.log(self.least), 0.0, xtol=_NEXT, rtol=_NEXT)))


def _mixture(chances: Callable[[float], Floats], low: float, high: float) -> Floats:
    """Return the chances, monotone functions of a level in [low, high], that sum to 1.

    They may jump, or change by much from one float to the next. Each is then between its values on both sides of the
    level, and the demand is worth that level.
    """
    from scipy.optimize import brentq

    def excess(log_level: float) -> float:  # of nearly 1: a single chance of 1 may round down
        return float(chances(float(np.exp(log_level))).sum()) - (1 - _NEXT)

    ends = np.log(np.maximum([low * (1 - _NEAR), high * (1 + _NEAR)], _TINY))
    level = float(np.exp(brentq(excess, *ends, xtol=_NEAR / 8, rtol=_NEXT)))
    below, above = chances(level * (1 - _NEAR)), chances(level * (1 + _NEAR))
    first, second = float(below.sum()), float(above.sum())
    weight = min(max((1 - second) / (first - second), 0.0), 1.0) if first != second else 1.0
    mixed = weight * below + (1 - weight) * above
    return np.asarray(mixed / mixed.sum())
