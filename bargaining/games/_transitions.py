"""Transition probabilities of a stochastic game, one sparse row for each state and action profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, real
from bargaining._rational import Rationals, fractions
from bargaining.errors import InvalidInput

Where = Callable[[int], str]  # the number of a row within its state -> "in state ... at actions ..."

_TOLERANCE = 1e-9  # by which probabilities may miss 1: what six decimals printed and read again cost


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """Compressed rows: the profiles of state 0 in the order of the arrays, then those of state 1, ...

    Row r has the probabilities `values[starts[r]:starts[r + 1]]` of the states `targets[...]`.
    """

    starts: NDArray[np.intp]
    targets: NDArray[np.intp]
    values: Floats
    given: NDArray[Any]
    first: NDArray[np.intp]  # the first row of each state, and the number of rows

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.first) - 1

    def dense(self, state: int) -> Floats:
        """Return the rows of one state, shape (profiles, S)."""
        rows, part = self._entries(state)
        out = np.zeros((self._count(state), self.states))
        out[rows, self.targets[part]] = self.values[part]
        return out

    def exact(self, state: int) -> Rationals:
        """Return the rows of one state as Fractions that sum to one: the numbers given over their sum."""
        rows, part = self._entries(state)
        out = np.full((self._count(state), self.states), Fraction(0), dtype=object)
        out[rows, self.targets[part]] = fractions(self.given[part])
        rationals: Rationals = out / out.sum(axis=1, keepdims=True)
        return rationals

    def matrix(self) -> Any:
        """Return all rows as a sparse array."""
        from scipy.sparse import csr_array

        return csr_array(
            (self.values, self.targets, self.starts), shape=(len(self.starts) - 1, self.states), copy=True
        )

    def moves(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the pairs of a state and another one that may follow it, each as often as a profile allows it."""
        owner = np.repeat(np.arange(self.states), np.diff(self.first))
        origin = np.repeat(owner, np.diff(self.starts))
        moves = (self.values > 0) & (origin != self.targets)
        return origin[moves], self.targets[moves]

    def alike(self, state: int) -> bool:
        """Whether all rows of one state are the same."""
        low, high = self.first[state], self.first[state + 1]
        part = slice(self.starts[low], self.starts[high])
        counts = np.diff(self.starts[low : high + 1])
        return bool((counts == counts[0]).all()) and all(
            (array[part].reshape(high - low, -1) == array[part][: counts[0]]).all()
            for array in (self.targets, self.values)
        )

    def _count(self, state: int) -> int:
        return int(self.first[state + 1] - self.first[state])

    def _entries(self, state: int) -> tuple[NDArray[np.intp], slice]:
        low, high = self.first[state], self.first[state + 1]
        rows = np.repeat(np.arange(high - low), np.diff(self.starts[low : high + 1]))
        return rows, slice(int(self.starts[low]), int(self.starts[high]))


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The rows of one state."""

    counts: NDArray[np.intp]
    targets: NDArray[np.intp]
    values: Floats
    given: NDArray[Any]


def stack(blocks: Sequence[Block]) -> Transitions:
    """Put the rows of all states under each other."""
    counts = np.concatenate([block.counts for block in blocks])
    return Transitions(
        starts=np.concatenate([[0], np.cumsum(counts)]),
        targets=np.concatenate([block.targets for block in blocks]),
        values=np.concatenate([block.values for block in blocks]),
        given=np.concatenate([block.given for block in blocks]),
        first=np.concatenate([[0], np.cumsum([len(block.counts) for block in blocks])]),
    )


def block(value: Any, name: str, shape: tuple[int, ...], states: int, where: Where) -> Block:
    """Check the transitions of one state and return them row by row.

    Parameters
    ----------
    value : array_like of shape (a_1, ..., a_n, S) or (S,), or sparse matrix of shape (profiles, S) or (1, S)
        Probabilities of the next state; one row alone is for every profile.
    name : str
        The argument, for messages.
    shape : tuple of int
        The number of actions of each player in this state.
    states : int
        The number of states, S.
    where : callable
        Says in words which state and actions a row belongs to.
    """
    targets, given, values, counts = _rows(value, name, shape, states)
    if (values < 0).any():
        entry = int(np.argmax(values < 0))
        row = int(np.searchsorted(np.cumsum(counts), entry, side="right"))
        raise InvalidInput(
            f"`transitions` must be probabilities; {where(row)} state {targets[entry]} follows with {values[entry]:g}."
        )
    owner = np.repeat(np.arange(len(counts)), counts)
    total = np.bincount(owner, values, minlength=len(counts))
    off = np.abs(total - 1.0) > _TOLERANCE
    if off.any():
        row = int(np.argmax(off))
        raise InvalidInput(
            f"`transitions` must sum to 1 over the next state; {where(row)} they sum to {total[row]:.10g}. "
            "Add what is missing or divide by the sum."
        )
    one = Block(counts, targets, values / total[owner], given)
    return one if len(counts) == _size(shape) else _repeat(one, _size(shape))


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def _repeat(row: Block, times: int) -> Block:
    return Block(
        np.tile(row.counts, times),
        np.tile(row.targets, times),
        np.tile(row.values, times),
        np.tile(row.given, times),
    )


def _rows(
    value: Any, name: str, shape: tuple[int, ...], states: int
) -> tuple[NDArray[np.intp], NDArray[Any], Floats, NDArray[np.intp]]:
    """Return next states, probabilities as given and as floats, and the number of them in each row."""
    if hasattr(value, "tocsr"):
        matrix = value.tocsr()
        _check(matrix.shape, ((_size(shape), states), (1, states)), name)
        if matrix.nnz:
            real(matrix.data, name)
        data = np.asarray(matrix.data)
        counts = np.diff(matrix.indptr).astype(np.intp)
        return matrix.indices.astype(np.intp), data, data.astype(np.float64), counts
    checked = real(value, name)
    _check(checked.shape, ((*shape, states), (states,)), name)
    table = checked.reshape(-1, states)
    rows, targets = np.nonzero(table)
    given = np.asarray(value).reshape(table.shape)[rows, targets]
    return targets, given, table[rows, targets], np.bincount(rows, minlength=len(table))


def _check(shape: tuple[int, ...], allowed: tuple[tuple[int, ...], ...], name: str) -> None:
    if tuple(shape) not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise InvalidInput(f"`{name}` must have shape {wanted}, the next state last; got {tuple(shape)}.")
