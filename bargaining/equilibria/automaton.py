"""Strategies as automata in rationals: what is played in each state, what follows, and what a deviation gains.

An automaton says what is played in a state and which lottery over states follows each *outcome*: nothing in a repeated
game whose actions are seen, the next state of a stochastic game, or a public signal. Values and regret follow from the
definition alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import generator, index, is_sequence, listed, player_index, whole
from bargaining._arrays import Floats, record
from bargaining._names import titles
from bargaining._rational import solve
from bargaining._rich import Card, Shown, counted, point
from bargaining.equilibria._exact_game import ExactGame
from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game, profile_name
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

Profile = tuple[int, ...]
Payoffs = tuple[Fraction, ...]
Pair = tuple[Fraction, Fraction]
Lottery = tuple[tuple[int, Fraction], ...]

LONGEST = 10**6  # periods of a simulated history, each of which is kept
_DOUBLINGS = 1000  # of a number of periods: what happens in none of them never does


@record(eq=True)
class State(Shown):
    """A state of an automaton, `Node` in a stochastic game: the actions played, and the states that follow.

    Attributes
    ----------
    state : int
        The state of the game; 0 where it is repeated.
    profile : tuple of int, or None
        The actions; None if somebody leaves.
    leavers : tuple of int
        Who leaves; nobody if a profile is played.
    following : lottery, mapping of state to lottery, or tuple of lotteries
        What follows unless a single player deviates: pairs of a state and its probability, drawn by the next public
        signal. In a stochastic game a lottery for each possible next state, in a `PublicState` one for each signal.
    punishment : tuple of int, or of mappings of state to int
        For each player, the state that follows when she alone deviates; in a stochastic game one for each next state.
        None behind signals.
    stayed : int or None
        The state that is played if the player who should have left stayed.
    challenged : bool
        Whether this state is reached in that way: this period's decisions to leave have already been made.
    payoffs : tuple of Fraction
        Average payoffs from this state on.
    """

    state: int = 0
    profile: tuple[int, ...] | None
    leavers: tuple[int, ...] = ()
    following: Any = ()
    punishment: tuple[Any, ...] = ()
    stayed: int | None = None
    challenged: bool = False
    payoffs: Payoffs


Node = State
PublicState = State


@record
class History(Shown):
    """A simulated history.

    Attributes
    ----------
    states : ndarray of int, shape (periods,)
        The state of each period: of a stochastic game, constant once somebody has left, or else of the automaton.
    profiles : ndarray of int, shape (periods, n)
        The actions; -1 once somebody has left.
    payoffs : ndarray of shape (periods, n)
        The stage payoffs, behind signals those expected of the actions, or the payoffs per period after leaving.
    player_names : tuple of str
        The names of the players, or their numbers.
    nodes : ndarray of int, shape (periods,), or None
        The node of the automaton of a stochastic game.
    signals : ndarray of int, shape (periods,), or None
        The signals, if actions are not seen; -1 once somebody has left.
    """

    states: NDArray[np.intp]
    profiles: NDArray[np.intp]
    payoffs: Floats
    player_names: tuple[str, ...]
    nodes: NDArray[np.intp] | None = None
    signals: NDArray[np.intp] | None = None
    _by_player: ClassVar = ("profiles", "payoffs")


StateHistory = History
PublicHistory = History


def begun(states: Sequence[State], start: Lottery) -> tuple[tuple[State, ...], Lottery]:
    """Return the states that can be reached from a lottery over some, in the order of their first visit."""
    place: dict[int, int] = {}

    def at(k: int) -> int:
        return place.setdefault(k, len(place))

    def moved(lottery: Lottery) -> Lottery:
        return tuple((at(k), share) for k, share in lottery)

    begin, out = moved(start), list[State]()
    while len(out) < len(place):
        state = states[list(place)[len(out)]]
        after = state.following
        following = (
            {s: moved(x) for s, x in after.items()} if isinstance(after, Mapping) else (*map(moved, after),)
        )
        punishment = tuple({s: at(k) for s, k in each.items()} for each in state.punishment)
        stayed = None if state.stayed is None else at(state.stayed)
        out.append(replace(state, following=following, punishment=punishment, stayed=stayed))
    return tuple(out), begin


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Machine(Shown):
    """A profile of pure strategies with public randomisation, in rationals.

    Attributes
    ----------
    start : tuple of (int, Fraction)
        The lottery over where play begins.
    """

    _fields: ClassVar = "states", "state"  # the places, and what one is called
    start: Lottery

    @property
    def _model(self) -> Any:
        """The game."""
        return self.game  # type: ignore[attr-defined]

    @property
    def _places(self) -> Sequence[Any]:
        """The states or nodes."""
        places: Sequence[Any] = getattr(self, self._fields[0])
        return places

    @property
    def _stages(self) -> Sequence[Game]:
        """The stage games."""
        return (self._model.game,)

    def _game(self) -> ExactGame:
        """Return the game in rationals."""
        return ExactGame(self._model, box=False)

    def _history(self, states: NDArray[np.intp], seen: list[int]) -> dict[str, Any]:
        """Return what a history has beside actions and payoffs, from places and outcomes."""
        return {"states": states}

    def _following(self, place: Any) -> Mapping[int, Lottery]:
        """Return the lottery after each outcome, unless a single player deviates."""
        return place.following if isinstance(place.following, Mapping) else {0: place.following}

    def _punishment(self, place: Any) -> Sequence[Mapping[int, int]]:
        """Return where each player's deviation leads after each outcome."""
        return [each if isinstance(each, Mapping) else {0: each} for each in place.punishment]

    def _after(self, place: Any, outcome: int, deviator: int | None = None) -> Lottery:
        """Return what follows an outcome, if nobody or if one player has deviated."""
        if deviator is None:
            return self._following(place)[outcome]
        punishment = self._punishment(place)
        if not punishment or outcome not in punishment[deviator]:
            of = f" of state {self._model.states[outcome]}" if isinstance(self._model, StochasticGame) else ""
            raise InvalidInput(
                f"`punishment` must name a {self._fields[1]}{of} that follows if {titles(self.player_names)[deviator]} "
                f"deviates at {place.profile}; got {place.punishment!r}."
            )
        return ((punishment[deviator][outcome], Fraction(1)),)

    def _heads(self) -> list[str]:
        """Return the headings of what follows a place in a table."""
        return ["next", *(f"if {name} deviates" for name in self.player_names)]

    def _cells(self, place: Any) -> list[str]:
        """Return what follows a place in a table."""
        return [spell(place.following), *(map(str, place.punishment or ("", "")))]

    def _at(self, place: Any) -> str:
        """Return the name of a place's state of a stochastic game."""
        return ""

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        names: tuple[str, ...] = self._model.player_names
        return names

    def values(self) -> list[Payoffs]:
        r"""Return the average payoffs from each place on, the only solution of v = (1 - d) g + d Q v."""
        places, game = self._places, self._game()
        discounts, moves = game.discounts, [self._moves(place, game) for place in places]
        now = [self._now(place, game) for place in places]
        values = [tuple(place.payoffs) for place in places]
        if all(
            v[i] == x[i] + d * sum((share * values[n][i] for n, share in after), Fraction(0))
            for v, x, after in zip(values, now, moves, strict=True)
            for i, d in enumerate(discounts)
        ):
            return values
        columns = []
        for i, d in enumerate(discounts):
            matrix = np.eye(len(places), dtype=int) * Fraction(1)
            for k, after in enumerate(moves):
                for n, share in after:
                    matrix[k, n] -= d * share
            column = solve(matrix, np.array([x[i] for x in now], dtype=object))
            assert column is not None  # the matrix is strictly diagonally dominant
            columns.append(column)
        return list(zip(*columns, strict=True))

    def _moves(self, place: Any, game: ExactGame) -> list[tuple[int, Fraction]]:
        """Return the places that follow, with their chances; none once somebody has left."""
        if place.profile is None:
            return []
        chances = game.chances(game.row(place.state, place.profile))
        return [(n, p * share) for z, p in enumerate(chances) if p for n, share in self._after(place, z)]

    def _now(self, place: Any, game: ExactGame) -> Payoffs:
        """Return what a period adds to average payoffs, or what leaving gives."""
        if place.profile is None:
            return self._left(place, game, place.leavers)
        now: Payoffs = game.now[game.row(place.state, place.profile)]
        return now

    def _left(self, place: Any, game: ExactGame, leavers: Sequence[int]) -> Payoffs:
        """Return the payoffs if some players leave."""
        leave = game.exits[place.state]
        if leave is None:
            raise InvalidInput(f"`leavers` must be empty in state {self._at(place)}: nobody may leave.")
        columns = zip(*leave.exact[list(leavers)].tolist(), strict=True)
        return tuple(sum(column, Fraction(0)) / len(leavers) for column in columns)

    def _gains(self) -> Iterator[tuple[int, Fraction]]:
        """Yield what each player gains by every single deviation, with the place."""
        values, game = self.values(), self._game()
        for k, (place, own) in enumerate(zip(self._places, values, strict=True)):
            may = game.leavers(place.state)
            row = -1 if place.profile is None else game.row(place.state, place.profile)
            for i, d in enumerate(game.discounts):
                if row >= 0:
                    if i in may and not place.challenged:
                        yield k, self._left(place, game, (i,))[i] - own[i]
                    worth = cache(
                        lambda z, i=i, place=place: sum(
                            (share * values[n][i] for n, share in self._after(place, z, i)), Fraction(0)
                        )
                    )
                    for reply in {*game.replies(row, i)} - {row}:
                        later = (p * worth(z) for z, p in enumerate(game.chances(reply)) if p)
                        yield k, game.now[reply][i] + d * sum(later, Fraction(0)) - own[i]
                elif i in place.leavers or i in may:
                    others = sorted({*place.leavers} ^ {i})
                    if not others and place.stayed is None:
                        raise InvalidInput(
                            f"`stayed` must name the {self._fields[1]} that follows if {titles(self.player_names)[i]} "
                            "does not leave; got None."
                        )
                    yield k, (self._left(place, game, others) if others else values[place.stayed])[i] - own[i]

    @property
    def regret(self) -> Fraction:
        """The most that any player gains by deviating once, anywhere; zero in a subgame-perfect equilibrium.

        Payoffs are bounded and discounted, so by the one-shot deviation principle single deviations suffice. They are:
        another action, which in a stochastic game changes the next state too; leaving instead of staying; and staying
        instead of leaving.
        """
        return max([Fraction(0), *(gain for _, gain in self._gains())])

    @property
    def exact_payoffs(self) -> Payoffs:
        """The average payoffs of the players, as rationals."""
        values = self.values()
        columns = zip(*([share * x for x in values[k]] for k, share in self.start), strict=True)
        return tuple(sum(column, Fraction(0)) for column in columns)

    @property
    def payoffs(self) -> Floats:
        """The average payoffs of the players, shape (n,)."""
        return np.array([float(value) for value in self.exact_payoffs])

    def edges(self) -> list[tuple[int, int, str]]:
        """Return the graph: (place, next place, label), probabilities and deviations as labels."""
        out, players = [], titles(self.player_names)
        game = self._game()
        for k, place in enumerate(self._places):
            out += [(k, n, "" if share == 1 else short(share)) for n, share in self._moves(place, game)]
            for i, each in enumerate(self._punishment(place)):
                out += [(k, n, f"{players[i]} deviates") for n in dict.fromkeys(each.values())]
            if place.stayed is not None:
                out.append((k, place.stayed, "stays"))
        return out

    def _play(self, place: Any) -> str:
        """Return what is done at a place in words: actions, or who leaves and what follows if that player stays."""
        if place.profile is not None:
            return profile_name(self._stages[place.state], place.profile)
        text = " and ".join(self.player_names[i] for i in place.leavers)
        text += " leave" if len(place.leavers) > 1 else " leaves"
        return text if place.stayed is None else f"{text} (else {place.stayed})"

    def _drawn(self) -> list[tuple[str, Payoffs]]:
        """Return the labels of the places in a graph."""
        return [
            (": ".join(filter(None, (self._at(place), self._play(place)))), place.payoffs)
            for place in self._places
        ]

    def _table(self) -> list[list[str]]:
        """Return the headings and the rows of a table, one for each place."""
        unit = self._fields[1]
        states = ["state"] * (unit != "state")
        rows = [[unit, *states, "play", "payoffs", *self._heads()]]
        for k, place in enumerate(self._places):
            payoffs = ", ".join(f"{float(x):.6g}" for x in place.payoffs)
            at, play = [self._at(place)] * len(states), self._play(place)
            rows.append([str(k), *at, play, payoffs, *self._cells(place)])
        return rows

    def __str__(self) -> str:
        rows = self._table()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
        return "\n".join([f"start: {spell(self.start)}", *lines])

    def __repr__(self) -> str:
        payoffs = point(self.payoffs, self.player_names)
        return f"<{type(self).__name__} of {counted(len(self._places), self._fields[1])}, payoffs {payoffs}>"

    def _card(self) -> Card:
        heads, *rows = self._table()
        notes = [f"start: {spell(self.start)}", f"payoffs {point(self.payoffs, self.player_names)}"]
        return Card(title=type(self).__name__, heads=heads, rows=rows, notes=notes)

    def simulate(
        self,
        periods: int,
        rng: np.random.Generator | int | None = None,
        *,
        deviations: Mapping[int, tuple[int | str, int | str]] | None = None,
    ) -> History:
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
        periods, chance = whole(periods, "periods", 1, LONGEST), generator(rng)
        slips: Any = {} if deviations is None else deviations
        if not isinstance(slips, Mapping) or any(not is_sequence(x) or len(x) != 2 for x in slips.values()):
            raise InvalidInput(
                f"`deviations` must map periods to pairs (player, action); got {deviations!r}."
            )
        places, game, nobody = self._places, self._game(), (-1,) * len(self.player_names)
        visited, played, seen, flows, at = list[int](), [], [], [], _draw(self.start, chance)
        for period in range(periods):
            place = places[at]
            visited.append(at)
            if place.profile is None:  # somebody has left
                played.append(nobody)
                seen.append(-1)
                flows.append([float(x) for x in self._left(place, game, place.leavers)])
                continue
            actual, stage = place.profile, self._stages[place.state]
            if period in slips:
                player, action = slips[period]
                actions: list[Any] = list(actual)
                actions[player_index(player, "deviations", self.player_names)] = action
                actual = stage.profile(actions, "deviations")
            chances = game.chances(game.row(place.state, actual))
            many = len(chances) > 1
            seen.append(int(chance.choice(len(chances), p=[float(p) for p in chances])) if many else 0)
            alone = [i for i, (a, b) in enumerate(zip(actual, place.profile, strict=True)) if a != b]
            at = _draw(self._after(place, seen[-1], alone[0] if len(alone) == 1 else None), chance)
            played.append(actual)
            flows.append(stage.payoffs[actual].tolist())
        return History(
            **self._history(np.array(visited), seen),
            profiles=np.array(played),
            payoffs=np.array(flows),
            player_names=self.player_names,
        )

    def to_dot(self) -> str:
        """Return the graph in the DOT language; deviations are dashed."""
        lines = ["digraph automaton {"]
        lines += [f'  {k} [label="{k}: {play}"];' for k, (play, _) in enumerate(self._drawn())]
        for a, b, label in self.edges():
            style = ", style=dashed" if "deviates" in label or label == "stays" else ""
            lines.append(f'  {a} -> {b} [label="{label}"{style}];')
        return "\n".join([*lines, "}"])


def _draw(lottery: Lottery, chance: np.random.Generator) -> int:
    """Draw from a lottery."""
    shares = np.array([float(share) for _, share in lottery])
    return lottery[int(chance.choice(len(lottery), p=shares / shares.sum()))][0]


def short(share: Fraction) -> str:
    """Return a probability in a few characters."""
    return str(share) if share.denominator < 1000 else f"{float(share):.6g}"


def spell(lottery: Lottery) -> str:
    """Return a lottery in words."""
    if len(lottery) == 1:
        return str(lottery[0][0])
    return " | ".join(f"{n}: {short(share)}" for n, share in lottery)


@record
class Automaton(_Machine):
    """A profile of pure strategies with public randomisation, in rationals.

    In every period the public signal draws a state, from `start` in the first period; the state says what is
    played. A player who deviates alone is punished: the next state is the one named for her, with certainty. If both
    deviate at once, play continues as if nobody had. `print` shows the table.

    Attributes
    ----------
    game : RepeatedGame
        The game.
    states : tuple of State
        The states.
    start : tuple of (int, Fraction)
        The lottery over states in the first period.
    """

    game: RepeatedGame
    states: tuple[State, ...]

    @classmethod
    def of(cls, repeated: RepeatedGame, nodes: Sequence[State], start: Lottery) -> Automaton:
        """Return the automaton whose states are the nodes of one of the stochastic game of one state."""
        states = (
            replace(
                node,
                following=node.following[0] if node.following else (),
                punishment=tuple(each.get(0, k) for each in node.punishment),
            )
            for k, node in enumerate(nodes)
        )
        return cls(game=repeated, states=tuple(states), start=start)

    def _game(self) -> ExactGame:
        return ExactGame(StochasticGame.from_repeated(self.game), box=False)


@record
class StochasticAutomaton(_Machine):
    """A profile of pure strategies of a stochastic game with public randomisation, in rationals.

    Each node belongs to a state of the game. When the next state is known, the public signal draws a node of that
    state; the node says what is played. A player who deviates alone is punished: for every next state there is one
    node for her, reached with certainty. `print` shows the table.

    Attributes
    ----------
    game : StochasticGame
        The game.
    nodes : tuple of State
        The nodes.
    start : tuple of (int, Fraction)
        The lottery over nodes in the first period, all of them of one state.

    Examples
    --------
    >>> from bargaining import Exit, Game, StochasticGame, stochastic_payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
    >>> exits = Exit([[1, 1], [8, 3]])
    >>> game = StochasticGame.from_chain(
    ...     prisoners, [[0.5, 0.5], [0, 1]], 0.5, exit=exits, states=["now", "then"]
    ... )
    >>> automaton = stochastic_payoff_sets(game)["now"].strategy([9, 9])
    >>> print(automaton)
    start: 0
    node  state  play           payoffs  next            if 0 deviates   if 1 deviates
    0     now    C, C           9, 9     now 0, then 1   now 2, then 3   now 2, then 3
    1     then   C, C           9, 9     then 1          then 3          then 3
    2     now    0 and 1 leave  1, 1
    3     then   0 and 1 leave  8, 3
    >>> automaton.regret
    Fraction(0, 1)
    """

    _fields: ClassVar = "nodes", "node"
    game: StochasticGame
    nodes: tuple[State, ...]

    @property
    def _stages(self) -> Sequence[Game]:
        return self.game.games

    def _at(self, place: State) -> str:
        return self.game.states[place.state]

    def _cells(self, place: State) -> list[str]:
        following = {
            s: spell(lottery) if len(lottery) == 1 else f"({spell(lottery)})"
            for s, lottery in (place.following or {}).items()
        }
        columns: list[Mapping[int, Any]] = [following, *(place.punishment or ({}, {}))]
        names = self.game.states
        return [", ".join(f"{names[s]} {n}" for s, n in sorted(where.items())) for where in columns]

    def _history(self, states: NDArray[np.intp], seen: list[int]) -> dict[str, Any]:
        return {"states": np.array([self.nodes[k].state for k in states]), "nodes": states}


@record
class PublicAutomaton(_Machine):
    """Public strategies in rationals: the actions in each state, and the states that follow each signal.

    Deviations are not observed; they only change the probabilities of signals. `print` shows the table.

    Attributes
    ----------
    game : RepeatedGame
        The game, with its monitoring.
    states : tuple of State
        The states.
    start : tuple of (int, Fraction)
        The lottery over states in the first period.
    """

    game: RepeatedGame
    states: tuple[State, ...]

    def _following(self, place: State) -> Mapping[int, Lottery]:
        return dict(enumerate(place.following))

    def _after(self, place: State, outcome: int, deviator: int | None = None) -> Lottery:
        return self._following(place)[outcome]  # deviations are not seen

    def _signals(self) -> tuple[str, ...]:
        assert self.game.monitoring is not None
        return self.game.monitoring.signals

    def edges(self) -> list[tuple[int, int, str]]:
        """Return the graph: (state, next state, label), signals and probabilities as labels."""
        names = self._signals()
        return [
            (k, n, names[y] if share == 1 else f"{names[y]}: {short(share)}")
            for k, state in enumerate(self.states)
            for y, lottery in enumerate(state.following)
            for n, share in lottery
        ]

    def _heads(self) -> list[str]:
        return [f"after {name}" for name in self._signals()]

    def _cells(self, place: State) -> list[str]:
        return [spell(lottery) for lottery in place.following] or [""] * len(self._signals())

    def _history(self, states: NDArray[np.intp], seen: list[int]) -> dict[str, Any]:
        return {"states": states, "signals": np.array(seen)}

    def frequencies(self) -> Floats:
        """Return the long-run share of periods in each state, from the start.

        Once somebody leaves, the state of leaving lasts. The share of states with punishments says how often players
        fight although nobody has cheated.
        """
        now, moves = np.zeros(len(self.states)), (self._chain() + np.eye(len(self.states))) / 2.0
        for k, share in self.start:
            now[k] += float(share)
        for _ in range(_DOUBLINGS):  # chances of staying put, which cycles need, change no frequency
            moves = moves @ moves
            moves /= moves.sum(axis=1, keepdims=True)
        return np.asarray(now @ moves)

    def expected_length(self, states: Sequence[int]) -> Floats:
        """Return the expected number of periods that play stays within some states, from each of them, shape (k,).

        For the states of a war this is its expected length; infinite if the war may never end.
        """
        inside = [
            index(k, "states", "state", len(self.states))
            for k in listed(states, "states", "a list of states")
        ]
        once, places = np.unique(np.array(inside, dtype=np.intp), return_inverse=True)
        moves = self._chain()[once]
        stay, leave = moves[:, once], np.delete(moves, once, axis=1).sum(axis=1)
        length = np.ones(once.size)  # within a number of periods, which doubles
        for _ in range(_DOUBLINGS):
            length, leave, stay = length + stay @ length, leave + stay @ leave, stay @ stay
            stay *= ((1.0 - leave).clip(0.0) / np.maximum(stay.sum(axis=1), 1e-300))[:, None]
        return np.where(leave > 0.5, length, np.inf)[places]

    def _chain(self) -> Floats:
        """Return the chance of each next state, shape (k, k); where somebody has left nothing changes any more."""
        matrix = np.diag([1.0 * (state.profile is None) for state in self.states])
        game = self._game()
        for k, state in enumerate(self.states):
            for n, share in self._moves(state, game):
                matrix[k, n] += float(share)
        return matrix


def reachable(moves: Floats) -> NDArray[np.bool_]:
    """Return which states a chain may visit from each, the state itself among them."""
    visits = moves + np.eye(len(moves)) > 0.0
    for _ in range(len(moves).bit_length()):
        visits = visits.astype(float) @ visits > 0.0
    return visits
