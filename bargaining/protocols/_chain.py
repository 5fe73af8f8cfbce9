"""A bargaining problem that follows a Markov chain, checked once and held as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, discounts, real
from bargaining.errors import InvalidInput

_MOST = 1000  # players: one more adds a column to every array, and often S equations to a dense system

Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chain:
    """What the players share, who proposes and who may leave, state by state."""

    surplus: Floats
    """What is shared in each state, (S,); zeros where a state has a general set instead."""
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
    """Who may leave and ever would, (S, n)."""
    inflow: Floats
    """What waiting brings besides next period's payoffs, (S, n)."""
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
        """Whether what one player gives up another gains."""
        return True

    def in_units(self) -> tuple[Self, Floats]:
        """Return the chain with payoffs of about 1, and the units that they are measured in, (n,)."""
        unit = max(float(np.abs(self.surplus).max()), float(np.abs(self.outside).max())) or 1.0
        scaled = {name: getattr(self, name) / unit for name in ("surplus", "outside", "inflow")}
        return replace(self, **scaled), np.full(self.players, unit)

    def wait(self, values: Floats) -> Floats:
        """Return what waiting is worth when next period's payoffs are `values`, (S, n)."""
        expected: Floats = (self.transition @ values) * self.discounts + self.inflow
        return expected

    def rest(self, reservation: Floats) -> Floats:
        """Return what is left for the proposer when every responder gets the reservation, (S,)."""
        left: Floats = self.surplus - np.where(self.proposes, 0.0, reservation).sum(axis=1)
        return left

    def best(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves no responder less than the reservation, (S,)."""
        return self.rest(reservation)

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return `rest`, (S,), and its slopes in the reservations, (S, n)."""
        return self.rest(reservation), np.where(self.proposes, 0.0, -1.0)

    def stay(self, waiting: Floats) -> Floats:
        """Return by how much those who decide it prefer waiting to leaving after a refusal, (S,).

        The first responder decides if it may leave: it refuses at once if any later refusal would bring it less
        than its own. One who may not leave, but would rather see the others leave than wait, cannot make them: it
        decides nothing unless it alone is offered too little, which the proposer may choose.
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
                f"`outside` must add up to no more than `surplus` in every state; got {total[s]:.17g} "
                f"against {self.surplus[s]:.17g} in state {s}. Where leaving beats every agreement, "
                f"let the surplus of that state be what leaving gives."
            )


def transition_matrix(value: Any) -> Any:
    """Return a square matrix of probabilities, dense or sparse, whose rows sum to one."""
    matrix = _sparse(value) if hasattr(value, "tocsr") else real(value, "transition", ndim=2)
    if matrix.shape[0] != matrix.shape[1]:
        raise InvalidInput(f"`transition` must be square, one row per state; got shape {matrix.shape}.")
    if matrix.min() < 0:
        raise InvalidInput(f"`transition` must not be negative; got {float(matrix.min()):.17g}.")
    total = np.asarray(matrix.sum(axis=1)).ravel()
    error = np.abs(total - 1.0)
    if (error > 1e-9).any():
        s = int(np.argmax(error))
        raise InvalidInput(
            f"`transition` rows must sum to 1; row {s} sums to {total[s]:.17g}. "
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
    """Return payoffs of leaving and who may leave, both (S, n); None or -inf: that player may not leave."""
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
    return np.where(may, array, 0.0), may


def count_players(discount: ArrayLike, proposer: Ints, outside: Any, players: int | None) -> int:
    """Return the number of players: as stated, else as the shapes say, else as many as propose."""
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
            f"`proposer` must hold players, 0, 1, ..., below {_MOST}; got {array[s]:.17g} in state {s}."
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
    factors = real(discount, "discount")
    if factors.ndim > 1:
        raise InvalidInput(
            f"`discount` must be a number or have one entry per player; got shape {factors.shape}. "
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
        discounts=discounts(factors, n, name="discount"),
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
