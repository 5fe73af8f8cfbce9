"""Stationary equilibrium of bargaining on a Markov chain, by policy iteration.

Who agrees, who leaves and whose outside option binds is a *policy*. Under a fixed policy the
payoffs solve one linear system; the payoffs imply a policy; the two are alternated. Every fixed
point of the alternation is an equilibrium. If it does not converge quickly, value iteration,
which converges wherever the equilibrium is shown to be unique, takes over for some periods.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, discounts, real
from bargaining.errors import InvalidInput, plain

_MOST = 1000  # players: one more adds a column to every array, and often S equations to a dense system

Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """What the players share, who proposes and who may leave, state by state."""

    surplus: Floats
    """The surplus in each state, (S,); zeros where a state has a general set instead."""
    transition: Any
    """Row s holds the probabilities of next period's states: a float array or a sparse CSR array, (S, S)."""
    discounts: Floats
    """Discount factors, (n,)."""
    proposer: Ints
    """Who proposes in each state, (S,)."""
    outside: Floats
    """Payoffs when talks end without agreement, (S, n); zero for a player who may not leave."""
    may_leave: Mask
    """Who may end the talks after rejecting, (S, n)."""
    credible: Mask
    """Who may leave and would do so in some case, (S, n)."""
    inflow: Floats
    """Payoffs of waiting besides next period's payoffs, (S, n)."""
    proposes: Mask = field(init=False)
    """Whether it is player j who proposes in state s, (S, n)."""
    order: Ints = field(init=False)
    """Who answers first, second, ..., (n - 1, S)."""

    def __post_init__(self) -> None:
        n = self.players
        object.__setattr__(self, "proposes", self.proposer[:, None] == np.arange(n))
        object.__setattr__(self, "order", (self.proposer + np.arange(1, n)[:, None]) % n)

    @property
    def players(self) -> int:
        """Number of players."""
        return len(self.discounts)

    @property
    def states(self) -> int:
        """Number of states."""
        return len(self.proposer)

    @property
    def common_discount(self) -> bool:
        """Whether all players discount alike."""
        return bool((self.discounts == self.discounts[0]).all())

    @property
    def transferable(self) -> bool:
        """Whether utility is transferable."""
        return True

    def in_units(self) -> tuple[Self, Floats]:
        """Return the chain with payoffs of about 1, and the units that they are measured in, (n,)."""
        unit = max(float(np.abs(self.surplus).max()), float(np.abs(self.outside).max())) or 1.0
        scaled = {name: getattr(self, name) / unit for name in ("surplus", "outside", "inflow")}
        return replace(self, **scaled), np.full(self.players, unit)

    def wait(self, values: Floats) -> Floats:
        """Return the payoffs of waiting if next period's payoffs are `values`, (S, n)."""
        expected: Floats = (self.transition @ values) * self.discounts + self.inflow
        return expected

    def rest(self, reservation: Floats) -> Floats:
        """Return what is left for the proposer when every responder gets the reservation, (S,)."""
        left: Floats = self.surplus - np.where(self.proposes, 0.0, reservation).sum(axis=1)
        return left

    def best(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves no responder less than the reservation, (S,)."""
        return self.rest(reservation)

    def spares(self, values: Floats, agree: Mask) -> bool:
        """Say whether a proposer who takes all there is leaves a responder less than she could for nothing."""
        return False

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return `rest`, (S,), and its slopes in the reservations, (S, n)."""
        return self.rest(reservation), np.where(self.proposes, 0.0, -1.0)

    def stay(self, waiting: Floats) -> Floats:
        """Return by how much the player who decides prefers waiting to leaving after a refusal, (S,).

        The first responder decides if it may leave: it refuses at once if any later refusal would give it less than its
        own. A responder who may not leave, but would prefer that the others leave, cannot make them leave: it decides
        nothing unless it alone is offered too little, which the proposer may choose.
        """
        rows = np.arange(self.states)
        gain = waiting - self.outside
        margin = np.full(self.states, np.inf)
        for j in self.order[::-1]:
            here = gain[rows, j]
            if (held := ~self.credible[rows, j]).any():
                unable = np.maximum(np.maximum(here, gain[rows, self.proposer]), margin)
                here = np.where(held, unable, here)
            margin = here
        return margin

    def check_options(self) -> None:
        """Check that the surplus pays for everybody's outside option in every state."""
        total = np.where(self.may_leave.any(axis=1), self.outside.sum(axis=1), -np.inf)
        excess = total - self.surplus > 1e-12 * (np.abs(self.outside).sum(axis=1) + np.abs(self.surplus))
        if excess.any():
            s = int(np.argmax(excess))
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` in every state; got {plain(total[s])} "
                f"against {plain(self.surplus[s])} in state {s}. Where leaving beats every agreement, "
                f"let the surplus of that state be what leaving gives."
            )


def transition_matrix(value: Any) -> Any:
    """Return a square matrix of probabilities, dense or sparse, whose rows sum to one."""
    matrix = _sparse(value) if hasattr(value, "tocsr") else real(value, "transition", ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise InvalidInput(f"`transition` must be square, one row per state; got shape {matrix.shape}.")
    if matrix.min() < 0:
        raise InvalidInput(f"`transition` must not be negative; got {plain(float(matrix.min()))}.")
    total = np.asarray(matrix.sum(axis=1)).ravel()
    error = np.abs(total - 1.0)
    if (error > 1e-9).any():
        s = int(np.argmax(error))
        raise InvalidInput(
            f"`transition` rows must sum to 1; row {s} sums to {plain(total[s])}. "
            f"Divide each row by its sum, or add the missing state."
        )
    return matrix


def _sparse(value: Any) -> Any:
    from scipy.sparse import csr_array

    matrix = csr_array(value, dtype=np.float64)
    if matrix.nnz:
        real(matrix.data, "transition")
    return matrix


def leaving(value: object, states: int, players: int) -> tuple[Floats, Mask]:
    """Return payoffs of leaving and who may leave, both (S, n); None or -inf means that the player may not leave."""
    shape = (states, players)
    if value is None:
        return np.zeros(shape), np.zeros(shape, dtype=bool)
    filled = np.array(value, dtype=object)
    filled[np.equal(filled, None)] = -np.inf  # type: ignore[call-overload]
    array = real(filled, "outside", finite=False)
    if array.shape not in ((players,), shape):
        raise InvalidInput(
            f"`outside` must have shape ({players},) or ({states}, {players}), players last; "
            f"got {array.shape}."
        )
    if (array == np.inf).any():
        raise InvalidInput("`outside` must not be +inf; give a finite payoff, or None for who may not leave.")
    array = np.broadcast_to(array, shape)
    may = np.isfinite(array)
    return real(np.where(may, array, 0.0), "outside", payoffs=True), may


def count_players(discount: ArrayLike, proposer: Ints, outside: Any, players: int | None) -> int:
    """Return the number of players: as given, else from the shapes, else the number of proposers."""
    if players is not None:
        return whole(players, "players", 2)
    for value in (discount, outside):
        shape = np.shape(np.array(value, dtype=object))  # rows of several lengths are refused later on
        if shape:
            return int(shape[-1])
    return max(2, int(proposer.max()) + 1)


def proposers(value: ArrayLike) -> Ints:
    """Return who proposes in each state, as integers."""
    array = real(value, "proposer", ndim=1)
    bad = (array != np.floor(array)) | (array < 0) | (array >= _MOST)
    if bad.any():
        s = int(np.argmax(bad))
        raise InvalidInput(
            f"`proposer` must hold players, 0, 1, ..., below {_MOST}; got {plain(array[s])} in state {s}."
        )
    return array.astype(np.intp)


def build(
    surplus: Floats | None,
    transition: Any,
    discount: ArrayLike,
    proposer: ArrayLike,
    outside: Any,
    players: int | None,
) -> Chain:
    """Check every argument and that their shapes agree."""
    matrix = transition_matrix(transition)
    states = matrix.shape[0]
    factors = real(discount, "discounts")
    if factors.ndim > 1:
        raise InvalidInput(
            f"`discounts` must be a number or have one entry per player; got shape {factors.shape}. "
            f"Solve one game at a time."
        )
    who = proposers(proposer)
    n = count_players(factors, who, outside, players)
    if not 2 <= n <= _MOST:
        raise InvalidInput(f"`players` must be 2 to {_MOST}; got {n}.")
    for name, given in (("proposer", who), ("surplus", surplus)):
        if given is not None and len(given) != states:
            raise InvalidInput(f"`{name}` must have one entry per state ({states}); got {len(given)}.")
    if who.max() >= n:
        raise InvalidInput(f"`proposer` must hold players 0 to {n - 1}; got {who.max()}. Set `players`.")
    payoffs, may = leaving(outside, states, n)
    return Chain(
        credible=may & (payoffs > 0),  # nobody leaves for 0, the value of waiting for ever
        inflow=np.zeros((states, n)),
        surplus=np.zeros(states) if surplus is None else surplus,
        transition=matrix,
        discounts=discounts(factors, n, name="discounts"),
        proposer=who,
        outside=payoffs,
        may_leave=may,
    )


def scale_rows(matrix: Any, factors: Floats) -> Any:
    """Return diag(factors) @ matrix, sparse if the matrix is."""
    if isinstance(matrix, np.ndarray):
        return matrix * factors[:, None]
    from scipy.sparse import diags_array

    return (diags_array(factors) @ matrix).tocsr()


def linear_solver(matrix: Any) -> Callable[[Floats], Floats]:
    """Return x -> (matrix)^-1 x by one factorisation and one step of refinement."""
    if isinstance(matrix, np.ndarray):
        from scipy.linalg import lu_factor, lu_solve

        factors = lu_factor(matrix, check_finite=False)

        def solve(right: Floats) -> Floats:
            first = lu_solve(factors, right, check_finite=False)
            second: Floats = first + lu_solve(factors, right - matrix @ first, check_finite=False)
            return second

        return solve
    from scipy.sparse.linalg import splu

    sparse = splu(matrix.tocsc())

    def solve_sparse(right: Floats) -> Floats:
        first = sparse.solve(right)
        second: Floats = first + sparse.solve(right - matrix @ first)
        return second

    return solve_sparse


def identity_minus(matrix: Any) -> Any:
    """Return I - matrix, sparse if the matrix is."""
    if isinstance(matrix, np.ndarray):
        result = -matrix
        result[np.diag_indices(len(matrix))] += 1.0
        return result
    from scipy.sparse import eye_array

    return (eye_array(matrix.shape[0], format="csr") - matrix).tocsr()


_WARM = 50  # periods: enough for most policies to be those of the long run
_ROUNDS = 14  # steps of policy iteration, after which longer horizons are tried instead
_PERIODS = 256  # up to which the number of periods between policies doubles
_ACCURACY = 1e-13  # of payoffs near 1: rounding
_SETTLED = 1e-10  # of payoffs near 1: a smaller change ends the iteration
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
    """The values behind today's choices, given tomorrow's payoffs."""

    waiting: Floats
    """The value of waiting, (S, n)."""
    tempted: Mask
    """Who would rather leave than wait, (S, n)."""
    reservation: Floats
    """The better of leaving and waiting, (S, n)."""
    rest: Floats
    """What is left for the proposer after the reservations, (S,)."""
    stay: Floats
    """By how much the player who decides prefers waiting to leaving after a refusal, (S,)."""
    rows: Ints


def today(chain: Chain, values: Floats) -> Today:
    """Return the values behind today's choices if tomorrow's payoffs are `values`."""
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
    chain: Chain, values: Floats, *, leaving: bool = False, refusing: bool = False, slack: float = 0.0
) -> tuple[Floats, Policy]:
    """Return today's payoffs when tomorrow's are `values`, and the policy that gives them.

    A responder's reservation is the better of leaving and waiting. The proposer agrees if the rest after the
    reservations is at least the payoff of having the offer refused. Players who are indifferent, up to `slack`, wait
    and agree, unless the arguments say otherwise.
    """
    now = today(chain, values)
    proposes = chain.proposes
    leaves = now.stay <= slack if leaving else now.stay < -slack
    refused = np.where(leaves[:, None], chain.outside, now.waiting)
    give = now.rest - refused[now.rows, chain.proposer]
    agree = give > slack if refusing else give >= -slack
    agreed = np.where(proposes, now.rest[:, None], now.reservation)
    policy = Policy(agree=agree, leave=leaves & ~agree, binds=now.tempted & ~proposes & agree[:, None])
    return np.where(agree[:, None], agreed, refused), policy


def step(chain: Chain, values: Floats, policy: Policy) -> Floats:
    """Return the payoffs if the policy is followed for ever, (S, n); sets are replaced by their tangents."""
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
