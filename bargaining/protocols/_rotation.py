"""Stationary equilibrium of offers in turn among n players: a chain whose state is the current proposer.

In gains over the disagreement point, if k's turn is worth F^k to the players, a refusal of k's offer after which
talks go on is worth

    X^k = p (b - d) + (1 - p) delta F^{k+1},

and a round is as on any chain: the responders j = k + 1, ..., n - 1, 0, ..., k - 1 answer in this order, each takes
R_j = max{o_j - d_j, X_j^k} or more (X_j^k if j may not leave), the proposer gets the most that leaves them this, or
makes an offer that fails if a refusal brings it more. Of the many subgame-perfect equilibria with three or more players
(Shaked's example) this is one in which players do the same whenever it is the same player's turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Rescaled, set_of_cell
from bargaining.protocols._lotteries import Choices, equilibrium, violation
from bargaining.protocols._offers import SPARE, TIE, Mask, Talks
from bargaining.protocols._stationary import Chain, play

_PROMISED = 1e-12  # the accuracy of divisions
_ROUNDS = 60  # of Newton, which ends sooner where the frontier is smooth
_DONE = 4 * float(np.finfo(float).eps)  # of payoffs near 1: a step that is rounding
_STEP = 2.0**-20  # of a unit of payoff: slopes of a frontier to about 1e-10


class Turns(NamedTuple):
    """The payoffs and the outcome of each player's turn; the proposer is the first axis."""

    offers: Floats
    """Payoffs when k makes the first offer, (n, ..., n)."""
    chances: Floats
    """The odds that k's offer is accepted, that it ends the talks, and that talks go on, (n, ..., 3)."""
    unique: Mask
    """Whether no other stationary equilibrium exists, (...)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainOnSet(Chain):
    """A chain with the same set in every state."""

    feasible: FeasibleSet
    """What can be agreed, in gains over the disagreement point."""

    @property
    def transferable(self) -> bool:
        """Utility need not be."""
        return False

    def rest(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves every responder the reservation, (S,)."""
        others = np.where(self.proposes, 0.0, reservation)
        best: Floats = self.feasible.ray(others, self.proposes.astype(float))
        return best

    def best(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves no responder less than the reservation, (S,)."""
        most = self.feasible.ideal(np.where(self.proposes, -np.inf, reservation))
        best: Floats = most[np.arange(self.states), self.proposer]
        return best

    def spares(self, values: Floats, agree: Mask) -> bool:
        """Say whether a proposer who takes all there is leaves a responder less than she could for nothing."""
        most = self.feasible.ideal(values)
        return bool(((most > values + SPARE) & ~self.proposes)[agree].any())

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return the proposer's best payoff and its slopes in the reservations, (S,) and (S, n)."""
        here = self.rest(reservation)
        shifts = _STEP * np.eye(self.players)[:, None, :]
        above, below = self.rest(reservation + shifts), self.rest(reservation - shifts)
        with np.errstate(invalid="ignore"):
            slopes = np.where(np.isfinite(above), (above - below) / 2, here - below).T / _STEP
        known = np.isfinite(here)[:, None] & np.isfinite(slopes)
        return np.where(np.isfinite(here), here, 0.0), np.where(self.proposes | ~known, 0.0, slopes)


def separable(feasible: FeasibleSet) -> bool:
    """Say whether the cells of a batch can be taken one by one."""
    return not feasible.batch_shape or isinstance(feasible, TransferableSurplus | Polytope)


def rotation(talks: Talks, wanted: Mask | None = None) -> Turns:
    """Return the equilibrium of every cell that has something to share, or of those `wanted`; NaN elsewhere."""
    return _by_cell(talks, lambda chain: (*_one_cell(chain), _proven_unique(chain)), wanted, otherwise=False)


def _by_cell(
    talks: Talks,
    solved: Callable[[Chain], tuple[Floats, Choices, bool]],
    wanted: Mask | None = None,
    *,
    otherwise: bool,
) -> Turns:
    """Return the turns of the cells that have something to share, and `otherwise` as to whether others are unique."""
    n, shape = talks.ideal.shape[-1], talks.ideal.shape[:-1]
    offers, chances = np.full((n, *shape, n), np.nan), np.full((n, *shape, 3), np.nan)
    unique = np.full(shape, otherwise)
    for cell in np.ndindex(*shape):
        if not _shared(talks, cell) or (wanted is not None and not wanted[cell]):
            continue
        chain, unit = chain_of_turns(talks, cell)
        values, choices, unique[cell] = solved(chain)
        offers[(slice(None), *cell)] = talks.disagreement[cell] + values * unit
        chances[(slice(None), *cell)] = choices.chances
    return Turns(offers, chances, unique)


def _one_cell(chain: Chain) -> tuple[Floats, Choices]:
    """Return an equilibrium: with all offers accepted if that is one, else by policy iteration, else with lotteries."""
    choices = Choices(np.zeros(chain.players), np.ones(chain.players))
    for accepted in (_free, _accepted) if chain.transferable else (_accepted,):
        values = accepted(chain)
        if violation(chain, values, choices) <= _PROMISED:
            return values, choices
    return equilibrium(chain, _PROMISED)


def _free(chain: Chain) -> Floats:
    """Return the payoffs of turns if all offers are accepted and no option binds, without loss of digits to patience.

    If player j gets y_j in her own turn beyond what waiting for ever gives, she gets b_j^m y_j in the turn m before.
    These add up to the same in every turn k. With u_j = (1 - b_j) y_j the differences of successive turns are

        (1 + b_k + ... + b_k^(n - 2)) u_k = sum over other j of b_j^(m - 1) u_j,

    in which nothing cancels as all b_j tend to 1.
    """
    n, b, rest = chain.players, chain.discounts, 1 - chain.discounts
    before = (np.arange(n) - np.arange(n)[:, None]) % n  # by how many turns j's own comes after k's
    sums = (b ** np.arange(n - 1)[:, None]).sum(axis=0)
    matrix = np.where(before == 0, sums, -(b ** np.maximum(before - 1, 0)))
    matrix[-1] = 1.0  # the last difference follows from the others; let the u_j add up to 1
    gains = np.linalg.solve(matrix, np.eye(n)[-1]) / rest
    alone = chain.inflow[0] / rest
    shares = b**before * gains
    return np.asarray(alone + shares * (chain.surplus[0] - alone.sum()) / shares[0].sum())


def _accepted(chain: Chain) -> Floats:
    """Return the payoffs of turns if all offers are accepted: by Newton's method, or that of Powell at kinks."""
    n, own = chain.players, np.arange(chain.players)

    def held(part: Floats) -> Floats:
        """Return reservations, followed back from the turn at which the player proposes."""
        values = np.diag(part)
        for m in range(1, n):
            waiting = chain.inflow[0] + chain.discounts * values[(own - m + 1) % n, own]
            tempted = chain.credible[0] & (chain.outside[0] > waiting)
            values[(own - m) % n, own] = np.where(tempted, chain.outside[0], waiting)
        return values

    def miss(part: Floats) -> Floats:
        return chain.rest(held(part)) - part

    part = np.full(n, 1 / n)  # an equal part of each ideal gain is feasible, so that every proposer has room
    now = miss(part)
    for _ in range(_ROUNDS):
        if not np.abs(now).max() > _DONE:
            break
        slopes = np.stack([(now - miss(part - _STEP * (own == k))) / _STEP for k in range(n)], axis=1)
        try:
            move = np.linalg.solve(slopes, -now)
        except np.linalg.LinAlgError:
            break
        size = 1.0
        while not np.abs(following := miss(part + size * move)).max() < np.abs(now).max():
            size /= 2
            if size < _STEP:
                break
        if size < _STEP:
            break
        part, now = part + size * move, following
    if not np.abs(now).max() <= _PROMISED:  # at kinks of a frontier
        from scipy.optimize import root

        found = np.asarray(root(miss, part, method="hybr", options={"xtol": _DONE}).x, dtype=float)
        if np.abs(after := miss(found)).max() < np.abs(now).max():
            part, now = found, after
    values = held(part)
    values[own, own] = part + now
    return values


def _shared(talks: Talks, cell: tuple[int, ...]) -> bool:
    """Say whether all players have something to gain in a cell."""
    scale = (talks.ideal - talks.floor)[cell]
    return bool(np.isfinite(scale).all() and (scale > 0).all())


def turns_miss(talks: Talks, turns: Turns, wanted: Mask | None = None) -> Floats:
    """Return the violation of equilibrium by offers and probabilities, over the range of each player's gains, (...)."""
    miss = np.full(talks.ideal.shape[:-1], np.nan)
    for cell in np.ndindex(*miss.shape):
        if _shared(talks, cell) and (wanted is None or wanted[cell]):
            chain, unit = chain_of_turns(talks, cell)
            here = (slice(None), *cell)
            values, chances = (turns.offers[here] - talks.disagreement[cell]) / unit, turns.chances[here]
            miss[cell] = max(
                violation(chain, values, Choices.of(chances)), float(np.abs(chances.sum(axis=-1) - 1).max())
            )
    return miss


def chain_of_turns(talks: Talks, cell: tuple[int, ...]) -> tuple[Chain, Floats]:
    """Return the chain of one cell, in units of the range of gains, and these units."""
    n, d, p = talks.ideal.shape[-1], talks.disagreement[cell], talks.breakdown[cell]
    feasible, unit = _one(talks, cell), (talks.ideal - talks.floor)[cell]
    if isinstance(feasible, TransferableSurplus):
        unit = np.full(n, unit.max())
    may_leave = np.tile(talks.may_leave[cell], (n, 1))
    parts = {
        "transition": np.roll(np.eye(n), 1, axis=1),
        "discounts": (1 - p) * talks.discounts[cell],
        "proposer": np.arange(n),
        "outside": np.tile((talks.outside[cell] - d) / unit, (n, 1)),
        "may_leave": may_leave,
        "credible": may_leave,
        "inflow": np.tile(p * (talks.breakdown_payoffs[cell] - d) / unit, (n, 1)),
    }
    if isinstance(feasible, TransferableSurplus):
        total = (float(feasible.total) - d.sum()) / unit[0]
        return Chain(surplus=np.full(n, total), **parts), unit
    return ChainOnSet(surplus=np.zeros(n), feasible=Rescaled(feasible, 1 / unit, -d / unit), **parts), unit


def _one(talks: Talks, cell: tuple[int, ...]) -> FeasibleSet:
    """Return the feasible set of one cell."""
    feasible = set_of_cell(talks.feasible, cell, talks.ideal.shape[:-1])
    if feasible.batch_shape:
        raise NotApplicable(
            "More than two players bargain over a batch of surpluses or of polytopes, or over one set of another kind."
        )
    return feasible


def _proven_unique(chain: Chain) -> bool:
    """Say whether the map from the next round's payoffs to this one's is shown to be a contraction.

    On a surplus it is a contraction if nobody may leave. If somebody may leave, it is one if everybody always prefers
    to agree: if the surplus covers the largest total payoff of waiting plus what leaving can add to each player's
    lowest payoff of waiting.
    """
    if not chain.transferable:
        return False
    if not chain.may_leave.any():
        return True
    inflow, outside, d = chain.inflow[0], chain.outside[0], chain.discounts
    least, total, patience = np.minimum(inflow / (1 - d), outside), chain.surplus[0], d.max()
    alone = inflow.sum() + (d - patience) @ least  # gains above the least count `patience` at most
    most = alone + patience * max(total, outside.sum(), alone / (1 - patience))
    return bool(total >= most + (outside - least).sum())


def finite_rotation(talks: Talks, rounds: int) -> Turns:
    """Return the first of `rounds` rounds, by backward induction."""
    n = talks.ideal.shape[-1]

    def first(chain: Chain) -> tuple[Floats, Choices, bool]:
        # After the last refusal the only gains are those of a breakdown, as if the next round gave none.
        now, recent, left, unique = np.zeros((n, n)), deque[Floats](maxlen=n), rounds, True
        while left > 0:
            recent.append(now)
            before, left = now, left - 1
            now, policy = play(chain, before, slack=TIE)
            unique = unique and not chain.spares(now, policy.agree)
            for leaving, refusing in ((True, False), (False, True), (True, True)):
                otherwise, _ = play(chain, before, leaving=leaving, refusing=refusing, slack=TIE)
                unique = unique and bool((np.abs(otherwise - now) <= 4 * TIE).all())
            if len(recent) == n and np.array_equal(now, recent[0]):
                left %= n  # from here on every n-th round is the same
        return now, Choices.certain(policy), unique

    return _by_cell(talks, first, otherwise=True)
