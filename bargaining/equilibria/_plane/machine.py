"""Common parts of automata: nodes and their values, simulated play, tables and graphs as text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from bargaining._arguments import generator, is_sequence, player_index, whole
from bargaining._arrays import Floats
from bargaining._names import titles
from bargaining._rational import solve
from bargaining._rich import Card, Shown, counted, point
from bargaining.equilibria._plane.lottery import Lottery, Pair, Payoffs
from bargaining.equilibria.node import Node
from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game, profile_name
from bargaining.games.stochastic import StochasticGame

Pure = tuple[int, int]


class NodeValues:
    """The values of the nodes of a game, in rationals."""

    def __init__(self, game: StochasticGame, nodes: Sequence[Node]) -> None:
        self.game, self.nodes = game, nodes
        self.discounts: tuple[Fraction, ...] = tuple(game.exact_discounts.tolist())
        self._tables = cache(game.exact_transition)

    def law(self, state: int, profile: Pure) -> dict[int, Fraction]:
        """Return the probabilities of the states that may be next."""
        return {k: p for k, p in enumerate(self._tables(state)[profile].tolist()) if p}

    def values(self) -> list[Pair]:
        """Return the value of every node: its stated value if it is correct, else the solution of the equations."""
        said = [node.payoffs for node in self.nodes]
        if all(self.promise(node, said) == node.payoffs for node in self.nodes):
            return said
        return list(zip(*(self._solved(i) for i in (0, 1)), strict=True))

    def promise(self, node: Node, values: Sequence[Pair]) -> Pair:
        """Return the payoffs of a node if the values of the nodes that follow are `values`."""
        if node.profile is None:
            return self._outcome(node.state, node.leavers, 0), self._outcome(node.state, node.leavers, 1)
        law = self.law(node.state, node.profile)
        shares = [(n, p * share) for s, p in law.items() for n, share in node.following[s]]
        x, y = (
            self._flow(node.state, node.profile, i)
            + self.discounts[i] * sum((share * values[n][i] for n, share in shares), Fraction(0))
            for i in (0, 1)
        )
        return x, y

    def gain(self, k: int, i: int, values: Sequence[Pair]) -> Fraction:
        """Return player i's gain from the best single deviation in node k, given the values of the nodes."""
        node, own = self.nodes[k], values[k][i]
        leave = self.game.exits[node.state]
        if node.profile is not None:
            worth = [self._deviation(node, i, profile, values) for profile in self._others(node, i)]
            if leave is not None and i in leave.who and not node.challenged:
                worth.append(self._outcome(node.state, (i,), i))
            return max(worth, default=own) - own
        if i not in node.leavers:
            joins = leave is not None and i in leave.who
            return self._outcome(node.state, (*node.leavers, i), i) - own if joins else Fraction(0)
        others = tuple(player for player in node.leavers if player != i)
        if others:
            return self._outcome(node.state, others, i) - own
        if node.stayed is None:
            who = titles(self.game.player_names)[i]
            raise InvalidInput(f"`stayed` must name the node that follows if {who} does not leave; got None.")
        return values[node.stayed][i] - own

    def punished(self, node: Node, i: int, state: int) -> int:
        """Return the node that follows in a state if player i deviates."""
        if not node.punishment or state not in node.punishment[i]:
            who = titles(self.game.player_names)[i]
            raise InvalidInput(
                f"`punishment` must name a node of state {self.game.states[state]} that follows if {who} "
                f"deviates in state {self.game.states[node.state]} at {node.profile}."
            )
        return node.punishment[i][state]

    def _outcome(self, state: int, leavers: tuple[int, ...], i: int) -> Fraction:
        leave = self.game.exits[state]
        if leave is None:
            raise InvalidInput(
                f"`leavers` must be empty in state {self.game.states[state]}: nobody may leave."
            )
        return sum((Fraction(leave.exact[k, i]) for k in leavers), Fraction(0)) / len(leavers)

    def _flow(self, state: int, profile: Pure, i: int) -> Fraction:
        return (1 - self.discounts[i]) * self.game.games[state].exact_payoff(profile, i)

    def _solved(self, i: int) -> tuple[Fraction, ...]:
        size, delta = len(self.nodes), self.discounts[i]
        matrix = np.full((size, size), Fraction(0), dtype=object)
        right = np.full(size, Fraction(0), dtype=object)
        for k, node in enumerate(self.nodes):
            matrix[k, k] = Fraction(1)
            if node.profile is None:
                right[k] = self._outcome(node.state, node.leavers, i)
                continue
            right[k] = self._flow(node.state, node.profile, i)
            for s, p in self.law(node.state, node.profile).items():
                for n, share in node.following[s]:
                    matrix[k, n] -= delta * p * share
        solved = solve(matrix, right)
        assert solved is not None  # the matrix is strictly diagonally dominant
        return solved

    def _others(self, node: Node, i: int) -> list[Pure]:
        """Return the profiles that player i can reach from the node's by changing her action."""
        assert node.profile is not None
        a, b = node.profile
        actions = [k for k in range(self.game.shape(node.state)[i]) if k != node.profile[i]]
        return [(k, b) if i == 0 else (a, k) for k in actions]

    def _deviation(self, node: Node, i: int, profile: Pure, values: Sequence[Pair]) -> Fraction:
        after = [p * values[self.punished(node, i, s)][i] for s, p in self.law(node.state, profile).items()]
        return self._flow(node.state, profile, i) + self.discounts[i] * sum(after, Fraction(0))


Profile = tuple[int, ...]
Played = TypeVar("Played")

LONGEST = 10**6  # periods of a simulated history, each of which is kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machine(Shown, ABC, Generic[Played]):
    """A profile of pure strategies with public randomisation, in rationals; `Played` is a simulated history.

    Attributes
    ----------
    start : tuple of (int, Fraction)
        The lottery over where play begins.
    """

    _unit: ClassVar[str] = "state"
    start: Lottery

    @property
    @abstractmethod
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""

    @abstractmethod
    def _worth(self) -> NodeValues:
        """Return the places as nodes of a stochastic game, of one state where the game is repeated."""

    @abstractmethod
    def _history(self, visited: list[int], played: list[Profile], seen: list[int]) -> Played:
        """Return the history that went through these places with these actions."""

    @abstractmethod
    def _table(self) -> list[Sequence[str]]:
        """Return the headings and the rows of a table, one for each place."""

    @abstractmethod
    def _drawn(self) -> Sequence[tuple[str, Payoffs]]:
        """Return the labels of the places in a graph."""

    def values(self) -> list[Payoffs]:
        r"""Return the average payoffs from each place on, the only solution of v = (1 - d) g + d Q v."""
        return list(self._worth().values())

    def edges(self) -> list[tuple[int, int, str]]:
        """Return the graph: (place, next place, label), probabilities and deviations as labels."""
        out, worth, players = [], self._worth(), titles(self.player_names)
        for k, node in enumerate(worth.nodes):
            law = {} if node.profile is None else worth.law(node.state, node.profile)
            for state, p in law.items():
                shares = [(n, p * share) for n, share in node.following[state]]
                out += [(k, n, "" if share == 1 else short(share)) for n, share in shares]
            for i, punishment in enumerate(node.punishment):
                out += [(k, n, f"{players[i]} deviates") for n in dict.fromkeys(punishment.values())]
            if node.stayed is not None:
                out.append((k, node.stayed, "stays"))
        return out

    def _play(self, game: Game, place: Any) -> str:
        """Return what is done at a place in words: actions, or who leaves and what follows if that player stays."""
        if place.profile is not None:
            return profile_name(game, place.profile)
        text = " and ".join(self.player_names[i] for i in place.leavers)
        text += " leave" if len(place.leavers) > 1 else " leaves"
        return text if place.stayed is None else f"{text} (else {place.stayed})"

    def _gains(self) -> Iterator[Fraction]:
        """Yield what each player gains by the best single deviation at each place."""
        worth = self._worth()
        values = worth.values()
        yield from (worth.gain(k, i, values) for k in range(len(values)) for i in (0, 1))

    def _flows(self, visited: list[int], played: list[Profile]) -> Floats:
        """Return the payoffs of each period of a history: those of the stage game, or of leaving per period."""
        plays, values = self._plays(), self.values() if (-1,) * len(self.player_names) in played else []
        return np.array(
            [
                plays[k][0].payoffs[profile] if profile[0] >= 0 else [float(value) for value in values[k]]
                for k, profile in zip(visited, played, strict=True)
            ]
        )

    def __str__(self) -> str:
        return "\n".join([f"start: {spell(self.start)}", *columns(self._table())])

    def __repr__(self) -> str:
        payoffs = point(self.payoffs, self.player_names)
        return f"<{type(self).__name__} of {counted(len(self._drawn()), self._unit)}, payoffs {payoffs}>"

    def _card(self) -> Card:
        heads, *rows = self._table()
        notes = [f"start: {spell(self.start)}", f"payoffs {point(self.payoffs, self.player_names)}"]
        return Card(title=type(self).__name__, heads=heads, rows=rows, notes=notes)

    @property
    def exact_payoffs(self) -> Payoffs:
        """The average payoffs of the players, as rationals."""
        values = self.values()
        sums = (
            sum((share * values[k][i] for k, share in self.start), Fraction(0)) for i in range(len(values[0]))
        )
        return tuple(sums)

    @property
    def payoffs(self) -> Floats:
        """The average payoffs of the players, shape (n,)."""
        return np.array([float(value) for value in self.exact_payoffs])

    @property
    def regret(self) -> Fraction:
        """The most that any player gains by deviating once, anywhere; zero in a subgame-perfect equilibrium.

        Payoffs are bounded and discounted, so by the one-shot deviation principle single deviations suffice. They are:
        another action, which in a stochastic game changes the next state too; leaving instead of staying; and staying
        instead of leaving.
        """
        return max([Fraction(0), *self._gains()])

    def simulate(
        self,
        periods: int,
        rng: np.random.Generator | int | None = None,
        *,
        deviations: Mapping[int, tuple[int | str, int | str]] | None = None,
    ) -> Played:
        """Play for a number of periods and return the history.

        Parameters
        ----------
        periods : int
            How many, from 1 to a million.
        rng : Generator or int, optional
            Draws the public randomisation, the states of a stochastic game, and what is seen of the actions.
        deviations : mapping of period to (player, action), optional
            Periods in which a player takes another action than she should; both may be named.
        """
        periods = whole(periods, "periods", 1, LONGEST)
        chance, slips = generator(rng), slips_of(deviations)
        plays, follow = self._plays(), self._follower(chance)
        visited, played, seen = [], [], []
        at = draw(self.start, chance)
        for period in range(periods):
            visited.append(at)
            game, profile = plays[at]
            if profile is None:
                played.append((-1,) * len(self.player_names))  # somebody has left
                seen.append(-1)
                continue
            actual = with_slip(game, profile, slips.get(period), self.player_names)
            at, what = follow(at, actual)
            played.append(actual)
            seen.append(what)
        return self._history(visited, played, seen)

    def _plays(self) -> list[tuple[Game, Profile | None]]:
        """Return the stage game of each place, and the actions there; None where somebody leaves."""
        worth = self._worth()
        return [(worth.game.games[node.state], node.profile) for node in worth.nodes]

    def _follower(self, chance: np.random.Generator) -> Callable[[int, Profile], tuple[int, int]]:
        """Return a function that draws the next place and the signal, given a place and the actions played there."""
        worth = self._worth()
        laws = [worth.game.transition(s) for s in range(len(worth.game))]

        def follow(at: int, actual: Profile) -> tuple[int, int]:
            node = worth.nodes[at]
            assert node.profile is not None
            state = 0 if len(laws) == 1 else int(chance.choice(len(laws), p=laws[node.state][actual]))
            alone = apart(actual, node.profile)
            after = worth.punished(node, alone[0], state) if alone else draw(node.following[state], chance)
            return after, state

        return follow

    def to_dot(self) -> str:
        """Return the graph in the DOT language."""
        return dot([label for label, _ in self._drawn()], self.edges())


def slips_of(
    deviations: Mapping[int, tuple[int | str, int | str]] | None,
) -> dict[int, tuple[int | str, int | str]]:
    """Return the deviations by period, or raise an error."""
    slips = {} if deviations is None else deviations
    if not isinstance(slips, Mapping) or any(
        not is_sequence(slip) or len(slip) != 2 for slip in slips.values()
    ):
        raise InvalidInput(f"`deviations` must map periods to pairs (player, action); got {deviations!r}.")
    return dict(slips)


def with_slip(
    game: Game, profile: Profile, slip: tuple[int | str, int | str] | None, names: Sequence[str]
) -> Profile:
    """Return the actions played if a player deviates."""
    if slip is None:
        return profile
    actions: list[int | str] = list(profile)
    actions[player_index(slip[0], "deviations", names)] = slip[1]
    return game.profile(actions, "deviations")


def apart(actual: Profile, profile: Profile) -> list[int]:
    """Return the players who took another action than they should."""
    return [i for i in (0, 1) if actual[i] != profile[i]]


def draw(lottery: Lottery, generator: np.random.Generator) -> int:
    """Draw from a lottery."""
    shares = np.array([float(share) for _, share in lottery])
    return lottery[int(generator.choice(len(lottery), p=shares / shares.sum()))][0]


def short(share: Fraction) -> str:
    """Return a probability in a few characters."""
    return str(share) if share.denominator < 1000 else f"{float(share):.6g}"


def amounts(payoffs: Payoffs) -> str:
    """Return payoffs in a few characters."""
    return ", ".join(f"{float(value):.6g}" for value in payoffs)


def spell(lottery: Lottery) -> str:
    """Return a lottery in words."""
    if len(lottery) == 1:
        return str(lottery[0][0])
    return " | ".join(f"{n}: {short(share)}" for n, share in lottery)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines with columns of equal width."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def dot(plays: Sequence[str], edges: Sequence[tuple[int, int, str]]) -> str:
    """Return a graph in the DOT language; deviations are dashed."""
    lines = ["digraph automaton {"]
    lines += [f'  {k} [label="{k}: {play}"];' for k, play in enumerate(plays)]
    for a, b, label in edges:
        style = ", style=dashed" if "deviates" in label or label == "stays" else ""
        lines.append(f'  {a} -> {b} [label="{label}"{style}];')
    return "\n".join([*lines, "}"])
