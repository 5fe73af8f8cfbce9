"""The choice of demands: the two-sided reputation game with several committed types on each side.

The equilibrium demands are found by three nested monotone roots, seen from the first player: it announces a_1, and
the second replies a_2 or accepts. All the second player's committed types are arrays along the last axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
    concedes at 0 in any case: here player 1 then accepts instead of making a demand first, and player 0 distributes
    the remaining probability in proportion to the priors.

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
        announcements, normal = self._announcements()
        announced = announce(announcements, normal)
        masses = np.array([a.mass for a in announcements])
        beliefs = masses / (masses + normal * announced)
        played = [a.replies(float(x)) for a, x in zip(announcements, beliefs, strict=True)]
        replies = np.array([p[0] for p in played])
        acceptance = np.array([p[1] for p in played])
        outcome = _assess(self._first, announcements, announced, beliefs, replies, acceptance)
        return told(outcome, self)

    def check(self, outcome: DemandOutcome) -> DemandOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs and strategies.

        The answer may be one of this protocol, or a changed one. The residual is the most that a normal player could
        gain by another announcement or reply, or the distance of payoffs and beliefs from those that the strategies
        imply.
        """
        answer_of(outcome, "outcome", DemandOutcome)
        announcements, normal = self._announcements()
        masses = np.array([a.mass for a in announcements])
        beliefs = masses / (masses + normal * outcome.announcements)
        again = _assess(
            self._first, announcements, outcome.announcements, beliefs, outcome.replies, outcome.acceptance
        )
        odd = (np.abs(x - y) for x, y in zip(outcome.beliefs, again.beliefs, strict=True))
        return judged(outcome, _ACCURACY, again.residual, np.abs(outcome.payoffs - again.payoffs), *odd)

    def _announcements(self) -> tuple[list[Announcement], float]:
        order = [self._first, 1 - self._first]
        (own, masses), (rivals, rival_masses) = (self._types[i] for i in order)
        least = np.array([demands.min() for demands, _ in self._types])
        options, received = checked_outside(self.outside, least)
        spread(options, "outside", (2,))
        rates, options, received = (x[order] for x in (self._rates, options, received))
        announcements = [
            Announcement(
                own=a,
                mass=m,
                rivals=rivals,
                masses=rival_masses,
                rates=rates,
                options=options,
                received=received,
            )
            for a, m in zip(own.tolist(), masses.tolist(), strict=True)
        ]
        return announcements, float(1 - masses.sum())


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


def _assess(
    first: int,
    announcements: list[Announcement],
    announced: Floats,
    beliefs: Floats,
    replies: Floats,
    acceptance: Floats,
) -> DemandOutcome:
    """Compute every action's payoff from the wars of attrition themselves, and the gains from deviating."""
    one = announcements[0]
    own = np.array([a.own for a in announcements])
    committed = one.masses / (one.masses + one.normal * replies)
    firsts, seconds = _continuations(announcements, own, beliefs, committed)
    leaving = 1 - acceptance - replies.sum(axis=1)
    best = np.maximum(np.maximum(1 - own, one.options[1]), seconds.max(axis=1))
    value = acceptance * (1 - own) + leaving * one.received[1] + (replies * seconds).sum(axis=1)
    met = acceptance * own + leaving * one.received[0] + (replies * firsts).sum(axis=1)
    worth = firsts @ one.masses + one.normal * met
    normal = np.sum(announced)
    first_payoff = float(announced @ worth)
    weights = np.array([a.mass for a in announcements])
    weights = weights + (1 - weights.sum()) * announced
    payoffs = np.array([first_payoff, float(weights @ value)])
    outcome = DemandOutcome(
        payoffs=payoffs[::-1] if first else payoffs,
        announcements=announced,
        replies=replies,
        acceptance=acceptance,
        beliefs=(beliefs, committed),
        residual=0.0,
        status=Status.OK,
        method="ReputationalDemands",
        first=first,
    )
    odds = (announced, replies, acceptance, leaving)
    gains = (np.abs(best - value), worth - first_payoff)
    return judged(outcome, _ACCURACY, *gains, abs(normal - 1), *(-chance for chance in odds))


def _continuations(
    announcements: list[Announcement], own: Floats, beliefs: Floats, committed: Floats
) -> tuple[Floats, Floats]:
    """Return normal players' payoffs after each announcement and reply; compatible demands are accepted."""
    one = announcements[0]
    a = np.stack(np.broadcast_arrays(own[:, None], one.rivals), axis=-1)
    z = np.stack(np.broadcast_arrays(beliefs[:, None], committed), axis=-1)
    fits = a.sum(axis=-1) - 1 <= FIT
    safe = np.where(fits[..., None], 0.9, a)
    _, _, payoffs, _ = concessions(safe, one.rates, z, one.options, one.received)
    firsts = np.where(fits, own[:, None], payoffs[..., 0])
    return firsts, np.where(fits, 1 - own[:, None], payoffs[..., 1])


# Where a probability is so small that its reciprocal has no float.
_LARGEST = 700.0  # logarithm: that of the largest float is 709
_TINY = float(np.finfo(float).tiny)
# The relative accuracy of every root.
_NEXT = 4 * float(np.finfo(float).eps)
# Demands that sum to at most 1 + FIT are taken to fit.
FIT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Announcement:
    """What follows one demand `own` of the first player, as a function of the belief that it is committed.

    `rivals` and `masses` are the second player's committed demands and their prior probabilities,
    `normal` that it is normal, and `conflict` is a_1 + a_2 - 1, or 0 where the demands fit. A reply
    is `fought` if it conflicts and the first player would sooner concede to it than leave; the second
    player `quits` if it would sooner leave than accept. `agreement` divides the pie between normal players who both
    may leave.
    """

    own: float
    mass: float
    rivals: Floats
    masses: Floats
    rates: Floats
    options: Floats
    received: Floats

    normal: float = field(init=False)
    conflict: Floats = field(init=False)
    fought: NDArray[np.bool_] = field(init=False)
    quits: bool = field(init=False)
    agreement: Floats = field(init=False)
    _exponents: Floats = field(init=False)

    def __post_init__(self) -> None:
        excess = self.own + self.rivals - 1
        conflict = np.where(excess > FIT, excess, 0.0)
        fought = (conflict > 0) & (self.options[0] <= 1 - self.rivals)
        exponents = self.rates[0] * (1 - self.rivals) / (self.rates[1] * (1 - self.own))
        derived = {
            "normal": float(1 - self.masses.sum()),
            "conflict": conflict,
            "fought": fought,
            "quits": bool(self.options[1] > 1 - self.own),
            "agreement": agreement(self.rates, self.received),
            "_exponents": exponents,
        }
        fill(self, **derived)

    def replies(self, belief: float) -> tuple[Floats, float, float]:
        """Return the normal second player's probabilities of each reply and of accepting, and its payoff."""
        if self.quits:
            return self._unyielding(belief)
        fought = self.fought
        replies = np.zeros(self.rivals.shape)
        if not fought.any():
            return replies, 1.0, 1 - self.own
        most = float(self.conflict[fought].max())
        accepting = self._mixing(most, belief)
        if accepting.sum() <= 1:
            replies[fought] = accepting
            return replies, 1 - float(accepting.sum()), 1 - self.own
        lost = self._lost(belief, most)
        nearby = [self._mixing(min(lost * step, most), belief) for step in (1 - _NEXT, 1 + _NEXT)]
        replies[fought] = _between(*nearby)
        return replies, 0.0, 1 - self.own + (most - lost)

    def _lost(self, belief: float, most: float) -> float:
        """Solve for the second player's loss relative to its highest demand if it never accepts."""
        from scipy.optimize import brentq

        excess = lambda lost: self._mixing(lost, belief).sum() - 1  # noqa: E731
        return float(brentq(excess, belief * most, most, xtol=_TINY, rtol=_NEXT, maxiter=2000))

    def _mixing(self, lost: float, belief: float) -> Floats:
        """Return the probability of each fought reply that makes all of them pay the same.

        With the greediest reply at conflict D, a gain of D - `lost` over conceding from a reply at
        conflict D_k requires that the first player holds out at 0 with probability
        1 - (D - lost) / D_k. Its surviving reputation is the belief over that, and the reply's own
        reputation must match it: y^(1 / exponent).
        """
        fought = self.fought
        conflict = self.conflict[fought]
        exponent = self._exponents[fought]
        holds_out = np.maximum((lost - (conflict.max() - conflict)) / conflict, belief)
        log_reputation = exponent * (np.log(belief) - np.log(holds_out))
        return np.asarray(self.masses[fought] / self.normal * np.expm1(np.minimum(-log_reputation, _LARGEST)))

    def _unyielding(self, belief: float) -> tuple[Floats, float, float]:
        """Replies of a second player who never accepts: the best demand to which a normal first yields."""
        replies = np.zeros(self.rivals.shape)
        won = np.where(self.fought, self.rivals, np.where(self.conflict > 0, self.agreement[1], -np.inf))
        if not won.size or won.max() <= self.options[1]:
            return replies, 0.0, float(self.options[1])
        replies[int(won.argmax())] = 1.0
        return replies, 0.0, float((1 - belief) * won.max() + belief * self.options[1])

    def worth(self, belief: float) -> float:
        """Return a normal first player's payoff from announcing this demand."""
        replies, accept, _ = self.replies(belief)
        against_committed = np.where(self.fought, 1 - self.rivals, self.received[0])
        against_committed = np.where(self.conflict > 0, against_committed, self.own)
        against_normal = np.where(self.fought, 1 - self.rivals, self.agreement[0])
        leaving = max(1 - accept - float(replies.sum()), 0.0) if self.quits else 0.0
        met = accept * self.own + float(replies @ against_normal) + leaving * float(self.received[0])
        return float(self.masses @ against_committed) + self.normal * met

    def plateau(self) -> float:
        """Return the largest belief up to which the worth is constant.

        Below it the normal second player makes its highest fought reply with certainty; it is 1 if the
        belief never matters.
        """
        fought = self.fought
        if self.quits or not fought.any():
            return 1.0
        conflict = self.conflict[fought]
        order = np.argsort(conflict)
        greedy = order[-1]
        following = conflict[order[-2]] if order.size > 1 else 0.0
        mass = self.masses[fought][greedy]
        exponent = self._exponents[fought][greedy]
        odds = float(np.exp(min(np.log1p(self.normal / mass) / exponent, _LARGEST)))
        return float((conflict[greedy] - following) / (conflict[greedy] * odds - following))


def announce(announcements: list[Announcement], normal: float) -> Floats:
    """Return the normal first player's probability of each announcement.

    The more often the normal type announces a demand the less it is worth, as its owner is less likely to be committed
    (proposition `reputation-demands`): mix so that all demands used are worth the same.
    """
    from scipy.optimize import brentq

    lowest = [max(a.plateau(), a.mass / (a.mass + normal), _TINY) for a in announcements]
    bottom = [a.worth(belief) for a, belief in zip(announcements, lowest, strict=True)]
    top = [a.worth(1.0) for a in announcements]
    flat = [a.plateau() >= low for a, low in zip(announcements, lowest, strict=True)]

    def mixing(level: float) -> Floats:
        beliefs = [
            _belief(a, level, low, b, t)
            for a, low, b, t in zip(announcements, lowest, bottom, top, strict=True)
        ]
        return np.array([a.mass / normal * (1 / x - 1) for a, x in zip(announcements, beliefs, strict=True)])

    floor = max((b for b, f in zip(bottom, flat, strict=True) if f), default=min(bottom))
    at_floor = mixing(floor)
    if at_floor.sum() <= 1:
        left_over = np.array(
            [a.mass * (f and b >= floor) for a, b, f in zip(announcements, bottom, flat, strict=True)]
        )
        if not left_over.any():  # one announcement takes all, up to rounding
            return np.asarray(at_floor / at_floor.sum())
        return np.asarray(at_floor + (1 - at_floor.sum()) * left_over / left_over.sum())
    at_top = mixing(max(top))
    if at_top.sum() >= 1:  # the best announcement is worth no less if the normal type always makes it
        return np.asarray(at_top / at_top.sum())
    level = float(
        brentq(lambda v: mixing(v).sum() - 1, floor, max(top), xtol=_TINY, rtol=_NEXT, maxiter=2000)
    )
    return _between(mixing(level * (1 - _NEXT)), mixing(level * (1 + _NEXT)))


def _between(one: Floats, other: Floats) -> Floats:
    """Return the mixture of two neighbouring vectors that sums to 1.

    At the float next to the root the sum can differ from 1 by far more than rounding, because of entries
    that change fast; only those are corrected.
    """
    first, second = float(one.sum()), float(other.sum())
    weight = min(max((1 - second) / (first - second), 0.0), 1.0) if first != second else 1.0
    mixed = weight * one + (1 - weight) * other
    return np.asarray(mixed / mixed.sum())


def _belief(announcement: Announcement, level: float, low: float, bottom: float, top: float) -> float:
    """Return the belief in [low, 1] at which the announcement is worth `level`."""
    from scipy.optimize import brentq

    if level <= bottom:
        return low
    if level >= top:
        return 1.0
    gap = lambda log_belief: announcement.worth(float(np.exp(log_belief))) - level  # noqa: E731
    return float(np.exp(brentq(gap, np.log(low), 0.0, xtol=_TINY, rtol=_NEXT, maxiter=2000)))
