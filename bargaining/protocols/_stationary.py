"""Stationary equilibrium of bargaining on a Markov chain, by policy iteration.

Who agrees, who leaves and whose outside option binds is a *policy*. Under a fixed policy the
payoffs solve one linear system; the payoffs imply a policy; the two are alternated. Every fixed
point of the alternation is an equilibrium. Where it does not settle at once, plain value iteration,
which converges wherever the equilibrium is shown to be unique, takes over for some periods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._chain import Chain, Ints, Mask, identity_minus, linear_solver, scale_rows

_WARM = 50
_ROUNDS = 30
_PERIODS = 256
_ACCURACY = 1e-13
_SETTLED = 1e-10
_HORIZON = 4096

Step = Callable[[Floats, "Policy"], Floats]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """What happens in each state."""

    agree: Mask
    """Whether they agree at once, (S,)."""
    leave: Mask
    """Whether the first to reject ends the talks instead of waiting, where they do not agree, (S,)."""
    binds: Mask
    """Whether a responder's reservation is the outside option, (S, n)."""

    def same(self, other: Policy) -> bool:
        """Say whether two policies prescribe the same play."""
        return (
            np.array_equal(self.agree, other.agree)
            and np.array_equal(self.leave, other.leave)
            and np.array_equal(self.binds, other.binds)
        )


class Today(NamedTuple):
    """What stands behind today's choices when tomorrow's payoffs are known."""

    waiting: Floats
    """The value of waiting, (S, n)."""
    tempted: Mask
    """Who would rather leave than wait, (S, n)."""
    reservation: Floats
    """The better of leaving and waiting, (S, n)."""
    rest: Floats
    """What the reservations leave for the proposer, (S,)."""
    rows: Ints
    first: Ints
    """The first responder to answer, (S,)."""


def today(chain: Chain, values: Floats) -> Today:
    """Return what stands behind today's choices when tomorrow's payoffs are `values`."""
    waiting = chain.wait(values)
    tempted = chain.credible & (chain.outside > waiting)
    reservation = np.where(tempted, chain.outside, waiting)
    return Today(
        waiting,
        tempted,
        reservation,
        chain.rest(reservation),
        np.arange(chain.states),
        (chain.proposer + 1) % chain.players,
    )


def play(chain: Chain, values: Floats) -> tuple[Floats, Policy]:
    """Return today's payoffs when tomorrow's are `values`, and the policy that gives them.

    A responder's reservation is the better of leaving and waiting. The proposer agrees when what
    the reservations leave is at least the payoff of having the offer refused: the first responder
    to answer then decides between leaving and waiting, for all.
    """
    now = today(chain, values)
    proposes = chain.proposes
    leaves = now.tempted[now.rows, now.first]
    refused = np.where(leaves[:, None], chain.outside, now.waiting)
    agree = now.rest >= refused[now.rows, chain.proposer]
    agreed = np.where(proposes, now.rest[:, None], now.reservation)
    policy = Policy(agree=agree, leave=leaves & ~agree, binds=now.tempted & ~proposes & agree[:, None])
    return np.where(agree[:, None], agreed, refused), policy


def evaluate(chain: Chain, policy: Policy) -> Floats:
    """Return the payoffs when the policy is followed for ever, (S, n)."""
    if chain.common_discount and (chain.players == 2 or not policy.binds.any()):
        return _evaluate_by_total(chain, policy)
    return evaluate_jointly(chain, policy, chain.surplus, np.full(chain.states, -1.0))


def _evaluate_by_total(chain: Chain, policy: Policy) -> Floats:
    """Solve for the total first, then for each player but one: systems of one unknown a state.

    With a common discount factor the total is the surplus on agreement and the discounted expected
    total while they wait. Player k, proposing, gets the own value of waiting plus the gain
    c - d E(total); if the one responder's option binds, k gets c less that option.
    """
    fixed_total = np.where(policy.leave, chain.outside.sum(axis=1), chain.surplus)
    total = _absorb(chain, policy.agree | policy.leave, fixed_total[:, None], np.zeros((chain.states, 1)))
    gain = np.where(policy.agree, chain.surplus - chain.wait(np.repeat(total, chain.players, 1))[:, 0], 0.0)
    bonus = np.where(chain.proposes, gain[:, None], 0.0)
    pinned = policy.leave | policy.binds.any(axis=1)
    fixed = np.where(policy.binds | policy.leave[:, None], chain.outside, 0.0)
    other = (chain.surplus - fixed.sum(axis=1))[:, None]
    fixed = np.where(chain.proposes & policy.agree[:, None], other, fixed)
    most = _absorb(chain, pinned, fixed[:, :-1], bonus[:, :-1])
    return np.concatenate([most, total - most.sum(axis=1, keepdims=True)], axis=1)


def _absorb(chain: Chain, pinned: Mask, fixed: Floats, bonus: Floats) -> Floats:
    """Solve f = fixed where pinned, f = bonus + d P f elsewhere."""
    values = np.where(pinned[:, None], fixed, 0.0)
    free = np.flatnonzero(~pinned)
    if not len(free):
        return values
    matrix = chain.transition * chain.discounts[0]
    right = (bonus + matrix @ values)[free]
    inside = matrix if len(free) == chain.states else matrix[free][:, free]
    values[free] = linear_solver(identity_minus(inside))(right)
    return values


def evaluate_jointly(chain: Chain, policy: Policy, intercept: Floats, slope: Floats) -> Floats:
    """Solve for all players at once, n S unknowns, where a proposer gets intercept + slope * reservations."""
    n = chain.players
    pays = chain.proposes & policy.agree[:, None]
    given = policy.binds | policy.leave[:, None]
    waits = ~given & ~pays
    fixed = np.where(given, chain.outside, 0.0)
    bound = np.where(policy.binds, chain.outside, 0.0).sum(axis=1)
    constant = np.where(pays, (intercept + slope * bound)[:, None], fixed)
    blocks: list[list[Any]] = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            factor = np.where(waits[:, i], 1.0, 0.0) if i == j else slope * (pays[:, i] & waits[:, j])
            blocks[i][j] = scale_rows(chain.transition, factor * chain.discounts[j])
    solution = linear_solver(identity_minus(_stack(blocks)))(constant.T.ravel())
    return solution.reshape(n, chain.states).T


def _stack(blocks: list[list[Any]]) -> Any:
    if isinstance(blocks[0][0], np.ndarray):
        return np.block(blocks)
    from scipy.sparse import block_array

    return block_array(blocks, format="csr")


def solve(chain: Chain, step: Step | None = None) -> tuple[Floats, Policy, float]:
    """Return stationary equilibrium payoffs, the policy and the largest violation of the definition.

    `step` gives the payoffs that solve the game linearised at given payoffs; by default the
    evaluation of their policy, which is exact where utility is transferable.
    """
    exact = step is None
    step = step or (lambda _, policy: evaluate(chain, policy))
    values = _iterate(chain, np.zeros((chain.states, chain.players)), _WARM)
    _, policy = play(chain, values)
    best, least = values, np.inf
    periods = 1
    for _ in range(_ROUNDS):
        values = step(values, policy)
        implied, following = play(chain, values)
        error = float(np.abs(implied - values).max())
        improved = error < least / 2
        if error < least:
            best, least = values, error
        if least <= _ACCURACY or (exact and following.same(policy)):
            break
        if not improved:
            values = _iterate(chain, best, periods)
            periods = min(2 * periods, _PERIODS)
            _, following = play(chain, values)
        policy = following
    if least > _SETTLED:
        best = _from_the_end(chain, best, least)
    implied, policy = play(chain, best)
    return best, policy, float(np.abs(implied - best).max())


def _from_the_end(chain: Chain, best: Floats, least: float) -> Floats:
    """Return the limit of ever longer finite horizons if that is closer to an equilibrium than `best`."""
    values = _iterate(chain, np.zeros_like(best), _HORIZON)
    implied, _ = play(chain, values)
    return values if float(np.abs(implied - values).max()) < least else best


def _iterate(chain: Chain, values: Floats, periods: int) -> Floats:
    """Let some periods pass: value iteration."""
    for _ in range(periods):
        values, _ = play(chain, values)
    return values


def proven_unique(chain: Chain) -> bool:
    """Say whether the map from tomorrow's payoffs to today's is shown to be a contraction.

    It is when nobody may leave. When somebody may, a payoff can jump where an option starts to
    bind while waiting is still efficient; that is excluded in a state whose surplus covers the
    largest total of waiting and the options, or where no option is worth more than waiting for ever.
    """
    if not chain.may_leave.any():
        return True
    most = _largest_total(chain)
    positive = np.maximum(chain.outside, 0.0)
    spare = 0.0 if chain.players == 2 else positive.sum(axis=1) - positive.min(axis=1)
    covered = chain.surplus >= most + spare
    credible = (chain.credible & ~chain.proposes).any(axis=1)
    return bool(covered.all() or ((chain.outside >= 0).all() and (covered | ~credible).all()))


def _largest_total(chain: Chain) -> Floats:
    """Return the discounted expectation of the best total, v = max(c, d P v) at the largest discount."""
    patient = replace(
        chain,
        discounts=np.full(chain.players, chain.discounts.max()),
        may_leave=np.zeros_like(chain.may_leave),
    )
    values, _, _ = solve(patient)
    total: Floats = patient.wait(np.repeat(values.sum(axis=1, keepdims=True), chain.players, 1))[:, 0]
    return total
