"""The equilibrium offers of alternating-offers bargaining, found from the highest and lowest payoffs.

Write M_i and m_i for the highest and lowest equilibrium payoff of player i in a subgame that starts with i's
offer, and w_i(v) = p b_i + (1 - p)(d_i + delta_i (v - d_i)) for the value of having an offer refused when the next
period is worth v. If j's payoff after rejecting i's offer lies in [r_j, R_j], then (Shaked and Sutton 1984)

    M_i = max{x_i : x in S, x_j >= r_j},      m_i = max{x_i : x in S, x_j >= R_j}.

The interval [r_j, R_j] follows from who may leave after a rejection:

- *the responder*: [max(o_j, w_j(m_j)), max(o_j, w_j(M_j))];
- *the proposer*: leaving gives j the payoff o_j and is credible if some continuation is worth no more than o_i to i;
  staying gives j from w_j(m_j) to w_j of the most that j can take while i's continuation is worth o_i, and is
  credible if some continuation is worth at least o_i;
- *both*: as the proposer, with o_j as a floor for j.

These are two pairs of equations, one in (M_0, m_1) and one in (M_1, m_0), each a fixed point of an increasing map of
slope below one. Which threats are credible depends on the solution, and the set of credible threats shrinks as the
bounds become tighter. So begin with every threat credible, solve, drop the threats that are not, and solve again until
none is dropped.

`offer_pair` returns the offers for an infinite horizon, and `pair_miss` by how much a pair violates the definition.

A refusal may be worth more than any agreement to both, where leaving, a breakdown or the flow of disagreement lies
beyond the frontier; then these offers are no equilibria. Rounds of backward induction, from payoffs of waiting for ever
or of leaving, then lead to turns that repeat themselves: `repeated` returns those that do, by the definition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible._root import decreasing_root
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem, require_problem


def best_response(feasible: FeasibleSet, player: int, floor: Floats) -> Floats:
    """Return the highest payoff of `player` over feasible x that give the other at least `floor`."""
    free = np.full(np.shape(floor), -np.inf)
    pair = (free, floor) if player == 0 else (floor, free)
    best: Floats = feasible.ideal(np.stack(pair, axis=-1))[..., player]
    return best


def require_two(problem: Problem, protocol: str) -> None:
    """Raise an error for problems with another number of players."""
    require_problem(problem)
    if problem.players != 2:
        raise NotApplicable(f"{protocol} is for 2 players; the problem has {problem.players}.")


Mask = NDArray[np.bool_]
TIE = 1e-14  # of the range of gains: fifty roundings, as a root of a steep equation and what is read off it have


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Talks:
    """The primitives of one round of talks; players are the last axis of every array."""

    feasible: FeasibleSet
    disagreement: Floats
    discounts: Floats
    breakdown: Floats
    breakdown_payoffs: Floats
    outside: Floats
    may_leave: Mask
    floor: Floats
    ideal: Floats

    @property
    def slack(self) -> Floats:
        """What counts as rounding of a payoff."""
        slack: Floats = TIE * (self.ideal - self.floor)
        return slack

    def wait(self, i: int, value: Floats) -> Floats:
        """Return w_i: player i's payoff after a refusal if the next period is worth `value`."""
        d, p = self.disagreement[..., i], self.breakdown
        return p * self.breakdown_payoffs[..., i] + (1 - p) * (d + self.discounts[..., i] * (value - d))

    def waits(self, values: Floats) -> Floats:
        """Return the payoffs of both after a refusal if nobody leaves and the next period is worth `values`."""
        return np.stack([self.wait(i, values[..., i]) for i in (0, 1)], axis=-1)

    def needed(self, i: int, worth: Floats) -> Floats:
        """Return the least possible value of the next period at which a refusal is worth `worth` to i, if there is one.

        It is the inverse of w_i, or the lowest value if the next period does not matter to i.
        """
        d, p, lowest = self.disagreement[..., i], self.breakdown, self.floor[..., i]
        rate = (1 - p) * self.discounts[..., i]
        with np.errstate(divide="ignore", invalid="ignore"):
            value = d + (worth - p * self.breakdown_payoffs[..., i] - (1 - p) * d) / rate
        return np.where(rate > 0, np.clip(value, lowest, self.ideal[..., i]), lowest)

    def best(self, i: int, floor: Floats) -> Floats:
        """Return the most that i can get if the other gets `floor`."""
        return best_response(self.feasible, i, floor)


class Turns(NamedTuple):
    """The payoffs and the outcome of each player's turn; the proposer is the first axis."""

    offers: Floats
    """Payoffs when k makes the first offer, (n, ..., n)."""
    chances: Floats
    """The odds that k's offer is accepted, that it ends the talks, and that talks go on, (n, ..., 3)."""
    unique: Mask
    """Whether no other equilibrium payoffs exist, stationary ones among three or more players, (...)."""

    def replaced(self, here: Mask, other: Turns) -> Turns:
        """Return the turns with those of some cells replaced."""
        where = here[..., None], here[..., None], here
        return Turns(*map(np.where, where, other, self))


class Threats(NamedTuple):
    """Which decisions to leave or stay are credible after a refusal of i's offer, i on the last axis."""

    proposer_leaves: Mask
    proposer_stays: Mask


def after_refusal(
    talks: Talks, leaver: str, threats: Threats | None, i: int, value: Floats, *, worst: bool
) -> Floats:
    """Return j's lowest (or highest) payoff after refusing i's offer, if j's own offers are worth `value`.

    `threats` matter only where the proposer may leave.
    """
    j = 1 - i
    stay = talks.wait(j, value)
    leave = talks.outside[..., j]
    can = talks.may_leave[..., j]
    if threats is None or leaver == "responder":
        return np.where(can, np.maximum(leave, stay), stay)
    held = talks.may_leave[..., i]
    if not worst:
        share = talks.best(j, talks.needed(i, talks.outside[..., i]))
        stay = np.where(held, np.minimum(stay, talks.wait(j, share)), stay)
    leaves, stays = held & threats.proposer_leaves[..., i], threats.proposer_stays[..., i] | ~held
    extreme = np.minimum if worst else np.maximum
    payoff = np.where(stays, np.where(leaves, extreme(leave, stay), stay), leave)
    return np.where(can, np.maximum(leave, payoff), payoff) if leaver == "both" else payoff


def extreme_pair(talks: Talks, leaver: str, threats: Threats | None, i: int) -> tuple[Floats, Floats]:
    """Return M_i and m_j for j = 1 - i under the given threats, as a root in M_i."""
    j = 1 - i

    def lowest(high: Floats) -> Floats:
        return talks.best(j, after_refusal(talks, leaver, threats, j, high, worst=False))

    def excess(high: Floats) -> Floats:
        return talks.best(j, high) - after_refusal(talks, leaver, threats, i, lowest(high), worst=True)

    high, _ = decreasing_root(excess, talks.floor[..., i], talks.ideal[..., i])
    return high, lowest(high)


def settle(talks: Talks, leaver: str) -> tuple[Floats, Floats, Threats]:
    """Return each player's lowest and highest payoff as the first proposer, and the credible threats."""
    everything = np.ones(talks.ideal.shape, dtype=bool)
    threats = Threats(everything, everything)
    while True:
        (high0, low1), (high1, low0) = (extreme_pair(talks, leaver, threats, i) for i in (0, 1))
        low, high = np.stack((low0, low1), axis=-1), np.stack((high0, high1), axis=-1)
        narrower = threats if leaver == "responder" else credible(talks, leaver, threats, low)
        if np.array_equal(narrower, threats):
            return low, high, threats
        threats = narrower


def credible(talks: Talks, leaver: str, threats: Threats, low: Floats) -> Threats:
    """Return the threats that remain credible: compare leaving with the worst and the best payoff of staying.

    A proposer who is indifferent but for rounding may do either. At a threshold both threats would fail otherwise.
    """
    leaves, stays = [], []
    # A root of an equation is the less exact the less steep it is, and this one is flat where both are patient.
    steep = 1 - ((1 - talks.breakdown[..., None]) * talks.discounts).prod(axis=-1)
    for i in (0, 1):
        option, slack = talks.outside[..., i], talks.slack[..., i] / steep
        worst = after_refusal(talks, leaver, threats, 1 - i, low[..., i], worst=True)
        best = talks.best(i, low[..., 1 - i])
        leaves.append(talks.wait(i, worst) <= option + slack)
        stays.append(talks.wait(i, best) >= option - slack)
    return Threats(
        threats.proposer_leaves & np.stack(leaves, axis=-1), threats.proposer_stays & np.stack(stays, axis=-1)
    )


def finite_offers(
    talks: Talks, leaver: str, rounds: int, last: Floats | None = None
) -> tuple[Floats, Floats, Mask]:
    """Return the payoffs of `rounds` offers by backward induction, the fate of the first, and where payoffs are unique.

    The fate of an offer is given by the probabilities that it is accepted, that somebody leaves, and that talks go on.
    The first proposer is the first axis. Payoffs are unique unless a player is indifferent and payoffs depend on her
    choice. `last` is what the last refusal is worth if nobody leaves, by default disagreement or a breakdown.
    """
    if last is None:
        chance = talks.breakdown[..., None]
        last = chance * talks.breakdown_payoffs + (1 - chance) * talks.disagreement
    waiting, before, unique = np.stack([last] * 2), None, np.ones(talks.ideal.shape[:-1], dtype=bool)
    while rounds > 0:
        agreed, chances = [], []
        for i in (0, 1):
            payoffs, _, fate, _ = _turn(talks, leaver, i, waiting[i], waiting[i], -talks.slack)
            low, high, _, spare = _turn(talks, leaver, i, waiting[i], waiting[i], talks.slack)
            unique &= ~spare & (high - low <= 4 * talks.slack).all(axis=-1)
            agreed.append(payoffs)
            chances.append(fate)
        # Refusing i's offer leads to the subgame in which the other proposes.
        refused = [talks.waits(agreed[1 - i]) for i in (0, 1)]
        before, earlier, waiting, rounds = waiting, before, np.stack(refused), rounds - 1
        if earlier is not None and np.array_equal(waiting, earlier):
            rounds %= 2  # from here on every second round is the same
    return np.stack(agreed), np.stack(chances), unique


def _turn(
    talks: Talks, leaver: str, i: int, low: Floats, high: Floats, slack: Floats
) -> tuple[Floats, Floats, Floats, Mask]:
    """Return bounds of what i's turn gives, from those of waiting, what certainly becomes of i's offer, and spare.

    `spare` says where i, who takes all there is, may as well give j less. Differences up to `slack` make no difference
    to a player, who may then do either; if it is negative, she waits and agrees.
    """
    j = 1 - i
    left, waited = np.zeros(low.shape[:-1], bool), np.ones(low.shape[:-1], bool)
    for name, k in (("proposer", i), ("responder", j)):
        if leaver not in (name, "both"):
            continue
        leaves = talks.may_leave[..., k] & (low[..., k] <= talks.outside[..., k] + slack[..., k])
        stays = ~talks.may_leave[..., k] | (high[..., k] >= talks.outside[..., k] - slack[..., k])
        left, waited = left | (leaves & ~stays), waited & ~leaves
        worst, best = (np.where(leaves[..., None], talks.outside, end) for end in (low, high))
        low = np.where(stays[..., None], np.minimum(worst, low), worst)
        high = np.where(stays[..., None], np.maximum(best, high), best)
        low[..., k] = np.where(leaves, talks.outside[..., k], low[..., k])
    least, most = talks.best(i, high[..., j]), talks.best(i, low[..., j])
    least, most = (np.where(np.isfinite(end), end, -np.inf) for end in (least, most))
    accepted = least > high[..., i] + slack[..., i]
    refused = (most < low[..., i] - slack[..., i]) & ~accepted
    own = np.maximum(least, low[..., i]), np.maximum(most, high[..., i])
    given = talks.best(j, own[1]), talks.best(j, own[0])
    spare = accepted & differ(talks, low[..., j], given[0], j)
    others = (
        np.where(accepted, np.fmax(low[..., j], given[0]), low[..., j]),
        np.where(refused, high[..., j], np.fmax(high[..., j], given[1])),
    )
    lowest, highest = (np.stack([a, b][:: 1 - 2 * i], axis=-1) for a, b in zip(own, others, strict=True))
    fate = np.stack([accepted, refused & left, refused & waited], axis=-1).astype(float)
    return lowest, highest, fate, spare


def repeated(talks: Talks, leaver: str) -> tuple[Turns, Mask]:
    """Return turns to which backward induction leads from waiting for ever or leaving, and where they repeat."""
    rates, p = 1 - (1 - talks.breakdown[..., None]) * talks.discounts, talks.breakdown[..., None]
    waiting = p * talks.breakdown_payoffs + (1 - p) * (1 - talks.discounts) * talks.disagreement
    alone = np.where(rates > 0, waiting / np.where(rates > 0, rates, 1.0), talks.disagreement)
    nobody = np.zeros(talks.ideal.shape[:-1], dtype=bool)
    turns, here = Turns(np.stack([alone] * 2), np.zeros((2, *nobody.shape, 3)), nobody), nobody
    for last in (alone, talks.outside):
        offers, chances, _ = finite_offers(talks, leaver, _ROUNDS, last)
        met = ~here & (pair_miss(talks, leaver, offers, chances) <= ROUNDING)
        turns, here = turns.replaced(met, Turns(offers, chances, nobody)), here | met
    return turns, here


_ROUNDS = 16  # of backward induction: a turn that ends the talks, or in which they wait, needs three
SPARE = 1e-9  # of the range of gains: a larger difference between payoffs is not rounding
ROUNDING = 1e-12  # of the range of gains: less is no loss, at the accuracy of divisions


def offer_pair(talks: Talks, leaver: str) -> tuple[Floats, Mask]:
    """Return the offers, first proposer on the first axis, and where they are not unique.

    If only responders may leave, concavity makes the highest and the lowest payoffs coincide: one pair is enough, and
    each offer leaves the responder indifferent, or takes all that is feasible.
    """
    if leaver != "responder":
        low, high, _ = settle(talks, leaver)
        return on_frontier(talks, high, low), several(talks, low, high)
    high0, low1 = _without_cancellation(talks, *extreme_pair(talks, leaver, None, 0))
    return on_frontier(talks, high0[..., None], low1[..., None]), np.zeros(high0.shape, dtype=bool)


def on_frontier(talks: Talks, high: Floats, low: Floats) -> Floats:
    """Return the offers that give player 0 her highest payoff and player 1 her lowest, the first and the last."""
    high0, low1 = high[..., 0], low[..., -1]
    x = np.stack((high0, talks.best(1, high0)), axis=-1)
    y = np.stack((talks.best(0, low1), low1), axis=-1)
    return np.stack((x, y))


def differ(talks: Talks, low: Floats, high: Floats, player: int) -> Mask:
    """Say where one payoff of a player is below another by more than rounding."""
    return np.asarray(high - low > SPARE * (talks.ideal - talks.floor)[..., player])


def several(talks: Talks, low: Floats, high: Floats) -> Mask:
    """Say where the lowest and the highest payoffs differ."""
    return differ(talks, low[..., 0], high[..., 0], 0) | differ(talks, low[..., 1], high[..., 1], 1)


def _without_cancellation(talks: Talks, x0: Floats, y1: Floats) -> tuple[Floats, Floats]:
    """Return the two proposers' payoffs to full accuracy where a surplus is shared and no option binds.

    A refusal is worth a_i + b_i v with b_i = (1 - p) delta_i. The offers x_0 = T - a_1 - b_1 y_1 and
    y_1 = T - a_0 - b_0 x_0 differ by so little where b is close to 1 that a root of their difference loses
    digits; solved for x_0, with 1 - b_0 b_1 from 1 - delta, nothing cancels.
    """
    if not isinstance(talks.feasible, TransferableSurplus):
        return x0, y1
    total, p = talks.feasible.total, talks.breakdown[..., None]
    delta, d = talks.discounts, talks.disagreement
    rest = p + (1 - p) * (1 - delta)  # 1 - b
    b, a = (1 - p) * delta, p * talks.breakdown_payoffs + (1 - p) * (1 - delta) * d
    exact = (total * rest[..., 1] - a[..., 1] + b[..., 1] * a[..., 0]) / (
        rest[..., 0] + b[..., 0] * rest[..., 1]
    )
    answer = total - a[..., 0] - b[..., 0] * exact
    own = np.stack([exact, answer], axis=-1)
    free = (own > talks.floor) & (own < talks.ideal) & ~(talks.may_leave & (talks.outside > talks.waits(own)))
    here = np.asarray(free.all(axis=-1))
    return np.where(here, exact, x0), np.where(here, answer, y1)


def spared(talks: Talks, leaver: str, offers: Floats) -> Mask:
    """Say where a proposer who takes all there is leaves the responder more than she could insist on."""
    waits = [talks.waits(offers[1 - i]) for i in (0, 1)]
    first, second = (_turn(talks, leaver, i, waits[i], waits[i], -talks.slack)[3] for i in (0, 1))
    return first | second


def pair_miss(talks: Talks, leaver: str, offers: Floats, chances: Floats | None = None) -> Floats:
    """Return how far these turns are from those to which they lead a round before, over the range of gains.

    Players who are indifferent do what the turns say; infinite where an offer has another fate than in `chances`, by
    default acceptance.
    """
    span = talks.ideal - talks.floor
    fates = np.broadcast_to([1.0, 0.0, 0.0], (*offers.shape[:-1], 3)) if chances is None else chances
    misses = []
    for i in (0, 1):
        waits = talks.waits(offers[1 - i])
        low, high, certain, _ = _turn(talks, leaver, i, waits, waits, ROUNDING * span)
        distance = np.maximum(np.maximum(low - offers[i], offers[i] - high), 0.0) / span
        misses.append(np.where((certain > fates[i]).any(axis=-1), np.inf, distance.max(axis=-1)))
    return np.asarray(np.maximum(*misses))
