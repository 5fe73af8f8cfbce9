"""Strategies of repeated games as automata: what is played, what follows, and how deviations are punished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, owning
from bargaining._rational import solve
from bargaining.equilibria._plane.lottery import Lottery, Pair
from bargaining.equilibria._plane.machine import (
    Machine,
    Profile,
    apart,
    columns,
    draw,
    short,
    spell,
    spell_leaving,
)
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of an automaton: what is played in it and where it leads.

    Attributes
    ----------
    profile : tuple of int, or None
        The actions; None if somebody leaves.
    leavers : tuple of int
        Who leaves; nobody if a profile is played.
    following : tuple of (int, Fraction)
        The lottery, drawn by the next public signal, over the states that follow when nobody deviates alone.
    punishment : tuple of int
        For each player, the state that follows when she alone deviates.
    stayed : int or None
        The state that is played if the one who should have left stayed.
    challenged : bool
        Whether this is a state reached in that way: this period's decisions to leave are already taken.
    payoffs : pair of Fraction
        Average payoffs from this state on.
    """

    profile: tuple[int, int] | None
    leavers: tuple[int, ...] = ()
    following: Lottery = ()
    punishment: tuple[int, int] | tuple[()] = ()
    stayed: int | None = None
    challenged: bool = False
    payoffs: Pair


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """A simulated history.

    Attributes
    ----------
    states : ndarray of int, shape (periods,)
        The state of each period.
    profiles : ndarray of int, shape (periods, 2)
        The actions; -1 once somebody has left.
    payoffs : ndarray of shape (periods, 2)
        The stage payoffs, or what leaving gives per period.
    """

    states: NDArray[np.intp]
    profiles: NDArray[np.intp]
    payoffs: Floats


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Automaton(Machine[History]):
    """A profile of pure strategies with public randomisation, in rationals.

    In every period the public signal draws a state, from `start` in the first period; the state says what is
    played. A player who deviates alone is punished: the next state is the one named for her, for certain. If both
    deviate at once play goes on as if nobody had. `print` shows the table.

    Attributes
    ----------
    repeated : RepeatedGame
        The game.
    states : tuple of State
        The states.
    start : tuple of (int, Fraction)
        The lottery over states in the first period.
    """

    repeated: RepeatedGame
    states: tuple[State, ...]

    def values(self) -> list[Pair]:
        r"""Return the value of every state, the only solution of v = (1 - d) g + d Q v."""
        if all(self._promise(state) == state.payoffs for state in self.states):
            return [state.payoffs for state in self.states]
        return list(zip(*(self._solved(i) for i in (0, 1)), strict=True))

    def edges(self) -> list[tuple[int, int, str]]:
        """Return the graph: (state, next state, label), probabilities and deviations as labels."""
        out = []
        for k, state in enumerate(self.states):
            out += [(k, n, "" if share == 1 else short(share)) for n, share in state.following]
            out += [(k, n, f"player {i} deviates") for i, n in enumerate(state.punishment)]
            if state.stayed is not None:
                out.append((k, state.stayed, "stays"))
        return out

    def __str__(self) -> str:
        rows: list[tuple[str, ...]] = [("state", "play", "payoffs", "next", "if 0 deviates", "if 1 deviates")]
        for k, state in enumerate(self.states):
            after = [str(n) for n in state.punishment] or ["", ""]
            payoffs = ", ".join(f"{float(value):.6g}" for value in state.payoffs)
            rows.append((str(k), self._play(state), payoffs, spell(state.following), *after))
        return "\n".join([f"start: {spell(self.start)}", *columns(rows)])

    def _gains(self) -> Iterator[Fraction]:
        values = self.values()
        yield from (self._gain(k, i, values) for k in range(len(self.states)) for i in (0, 1))

    def _plan(self, at: int) -> tuple[Game, Profile | None]:
        return self.repeated.game, self.states[at].profile

    def _moves(self) -> Callable[[int, Profile, np.random.Generator], int]:
        def move(at: int, actual: Profile, generator: np.random.Generator) -> int:
            state = self.states[at]
            assert state.profile is not None
            alone = apart(actual, state.profile)
            return state.punishment[alone[0]] if alone else draw(state.following, generator)

        return move

    def _history(self, visited: list[int], played: list[Profile]) -> History:
        flows = self._flows(visited, played)
        return History(states=np.array(visited), profiles=np.array(played), payoffs=flows)

    def _drawn(self) -> list[tuple[str, Pair]]:
        return [(self._play(state), state.payoffs) for state in self.states]

    def _play(self, state: State) -> str:
        if state.profile is None:
            return spell_leaving(state.leavers, state.stayed)
        names = self.repeated.game.actions
        return ", ".join(names[i][action] for i, action in enumerate(state.profile))

    def _discount(self, i: int) -> Fraction:
        return Fraction(self.repeated.exact_discounts[i])

    def _outcome(self, leavers: tuple[int, ...], i: int) -> Fraction:
        assert self.repeated.exit is not None
        table = self.repeated.exit.exact
        return sum((Fraction(table[k, i]) for k in leavers), Fraction(0)) / len(leavers)

    def _promise(self, state: State) -> Pair:
        """Return what the state gives if the states that follow are worth what they say."""
        if state.profile is None:
            return self._outcome(state.leavers, 0), self._outcome(state.leavers, 1)
        x, y = (
            (1 - self._discount(i)) * self.repeated.game.exact_payoff(state.profile, i)
            + self._discount(i)
            * sum((share * self.states[n].payoffs[i] for n, share in state.following), Fraction(0))
            for i in (0, 1)
        )
        return x, y

    def _solved(self, i: int) -> tuple[Fraction, ...]:
        size, delta = len(self.states), self._discount(i)
        matrix = np.full((size, size), Fraction(0), dtype=object)
        right = np.full(size, Fraction(0), dtype=object)
        for k, state in enumerate(self.states):
            matrix[k, k] = Fraction(1)
            if state.profile is None:
                right[k] = self._outcome(state.leavers, i)
                continue
            right[k] = (1 - delta) * self.repeated.game.exact_payoff(state.profile, i)
            for n, share in state.following:
                matrix[k, n] -= delta * share
        solved = solve(matrix, right)
        assert solved is not None  # the matrix is strictly diagonally dominant
        return solved

    def _gain(self, k: int, i: int, values: list[Pair]) -> Fraction:
        """Return player i's gain from the best single deviation in state k, given the values of the states."""
        state, leaving = self.states[k], self.repeated.exit
        own = values[k][i]
        if state.profile is not None:
            delta, best = self._discount(i), self.repeated.game.exact_best(state.profile, i)
            gain = (1 - delta) * best + delta * values[state.punishment[i]][i] - own
            if leaving is not None and i in leaving.who and not state.challenged:
                gain = max(gain, self._outcome((i,), i) - own)
            return gain
        if i not in state.leavers:
            assert leaving is not None
            return self._outcome((*state.leavers, i), i) - own if i in leaving.who else Fraction(0)
        others = tuple(k for k in state.leavers if k != i)
        if others:
            return self._outcome(others, i) - own
        assert state.stayed is not None
        return values[state.stayed][i] - own

    def _flows(self, visited: list[int], played: list[Profile]) -> Floats:
        stage = self.repeated.game.payoffs
        return np.array(
            [
                stage[profile]
                if profile[0] >= 0
                else [float(value) for value in self._promise(self.states[state])]
                for state, profile in zip(visited, played, strict=True)
            ]
        )
