"""Stationary equilibrium of bargaining on a Markov chain, by policy iteration.

Who agrees, who leaves and whose outside option binds is a *policy*. Under a fixed policy the
payoffs solve one linear system; the payoffs imply a policy; the two are alternated. Every fixed
point of the alternation is an equilibrium. Where it does not settle at once, plain value iteration,
which converges wherever the equilibrium is shown to be unique, takes over for some periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._chain import Chain, Ints, Mask, identity_minus, linear_solver, scale_rows

_WARM = 50  # periods: enough for most policies to be those of the long run
_ROUNDS = 14  # of policy iteration, after which the horizon grows instead
_PERIODS = 256  # to which periods between policies double
_ACCURACY = 1e-13  # of payoffs near 1: rounding
_SETTLED = 1e-10  # of payoffs near 1: a change worth going on for
_BLOCKS = 16  # of so many periods: the longest horizon that is tried
_SHRINKS = 0.9  # what a block leaves of the change of payoffs at a discount factor of .9996


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """What happens in each state."""

    agree: Mask
    """Whether they agree at once, (S,)."""
    leave: Mask
    """Whether a refusal ends the talks, where they do not agree, (S,)."""
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
    stay: Floats
    """By how much those who decide prefer waiting to leaving after a refusal, (S,)."""
    rows: Ints


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
        chain.stay(waiting),
        np.arange(chain.states),
    )


def play(
    chain: Chain, values: Floats, *, leaving: bool = False, refusing: bool = False
) -> tuple[Floats, Policy]:
    """Return today's payoffs when tomorrow's are `values`, and the policy that gives them.

    A responder's reservation is the better of leaving and waiting. The proposer agrees when what
    the reservations leave is at least the payoff of having the offer refused. Who is indifferent waits and
    agrees, unless told to leave or to have the offer refused.
    """
    now = today(chain, values)
    proposes = chain.proposes
    leaves = now.stay <= 0 if leaving else now.stay < 0
    refused = np.where(leaves[:, None], chain.outside, now.waiting)
    give = now.rest - refused[now.rows, chain.proposer]
    agree = give > 0 if refusing else give >= 0
    agreed = np.where(proposes, now.rest[:, None], now.reservation)
    policy = Policy(agree=agree, leave=leaves & ~agree, binds=now.tempted & ~proposes & agree[:, None])
    return np.where(agree[:, None], agreed, refused), policy


def step(chain: Chain, values: Floats, policy: Policy) -> Floats:
    """Return the payoffs when the policy is followed for ever, (S, n); sets are replaced by their tangents."""
    if chain.transferable:
        if chain.common_discount and (chain.players == 2 or not policy.binds.any()):
            return _evaluate_by_total(chain, policy)
        return _evaluate_jointly(chain, policy, chain.surplus, np.where(chain.proposes, 0.0, -1.0))
    reservation = today(chain, values).reservation
    height, slopes = chain.tangent(reservation)
    return _evaluate_jointly(chain, policy, height - (slopes * reservation).sum(axis=1), slopes)


def _evaluate_by_total(chain: Chain, policy: Policy) -> Floats:
    """Solve for the total first, then for each player but one: systems of one unknown a state.

    With a common discount factor the total is the surplus on agreement and the value of waiting to all
    while they wait. Player k, proposing, gets the own value of waiting plus the gain over the total value of
    waiting; if the one responder's option binds, k gets c less that option.
    """
    fixed_total = np.where(policy.leave, chain.outside.sum(axis=1), chain.surplus)
    inflow = chain.inflow.sum(axis=1)
    total = _absorb(chain, policy.agree | policy.leave, fixed_total[:, None], inflow[:, None])
    waiting = (chain.transition @ total)[:, 0] * chain.discounts[0] + inflow
    gain = np.where(policy.agree, chain.surplus - waiting, 0.0)
    bonus = np.where(chain.proposes, gain[:, None], 0.0) + chain.inflow
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


def _evaluate_jointly(chain: Chain, policy: Policy, intercept: Floats, slopes: Floats) -> Floats:
    """Solve for all players at once, n S unknowns, where a proposer gets intercept + slopes @ reservations."""
    n = chain.players
    pays = chain.proposes & policy.agree[:, None]
    given = policy.binds | policy.leave[:, None]
    waits = ~given & ~pays
    known = np.where(given, chain.outside, np.where(waits, chain.inflow, 0.0))
    constant = np.where(pays, (intercept + (slopes * known).sum(axis=1))[:, None], known)
    blocks: list[list[Any]] = [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            factor = np.where(waits[:, i], 1.0, 0.0) if i == j else slopes[:, j] * (pays[:, i] & waits[:, j])
            blocks[i][j] = scale_rows(chain.transition, factor * chain.discounts[j])
    solution = linear_solver(identity_minus(_stack(blocks)))(constant.T.ravel())
    return solution.reshape(n, chain.states).T


def _stack(blocks: list[list[Any]]) -> Any:
    if isinstance(blocks[0][0], np.ndarray):
        return np.block(blocks)
    from scipy.sparse import block_array

    return block_array(blocks, format="csr")


def solve(chain: Chain) -> tuple[Floats, Policy, float]:
    """Return stationary equilibrium payoffs, the policy and the largest violation of the definition."""
    values = _iterate(chain, np.zeros((chain.states, chain.players)), _WARM)
    _, policy = play(chain, values)
    best, least = values, np.inf
    periods = 1
    for _ in range(_ROUNDS):
        values = step(chain, values, policy)
        implied, following = play(chain, values)
        error = float(np.abs(implied - values).max())
        improved = error < least / 2
        if error < least:
            best, least = values, error
        if least <= _ACCURACY or (chain.transferable and following.same(policy)):
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
    values, change = np.zeros_like(best), np.inf
    for _ in range(_BLOCKS):
        before, values = values, _iterate(chain, values, _PERIODS)
        apart, change = change, float(np.abs(values - before).max())
        if not _SETTLED < change < _SHRINKS * apart:
            break  # settled, or going round in a circle
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
    """Return the value of waiting for the best total, v = max(c, d P v) at the largest discount."""
    nobody = np.zeros_like(chain.may_leave)
    patient = replace(
        chain,
        discounts=np.full(chain.players, chain.discounts.max()),
        may_leave=nobody,
        credible=nobody,
    )
    values, _, _ = solve(patient)
    total: Floats = patient.wait(values).sum(axis=1)
    return total
