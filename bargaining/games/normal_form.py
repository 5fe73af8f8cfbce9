"""A game in normal form: one payoff array per player, and properties computed directly from the arrays.

Games of other libraries are recognised by their documented attributes; none of these libraries is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import flag, is_sequence, listed, player_index
from bargaining._arrays import ArrayLike, Floats, fill, owned, real, record, short
from bargaining._names import Names, are_given, numbered, ordered, place, titles, unique_names
from bargaining._rational import Integers, Rationals, floats, fractions, integers, maximise, product, solve
from bargaining._rich import SHOWN, Card, Shown, number
from bargaining.errors import InvalidInput, with_article

if TYPE_CHECKING:
    from bargaining.equilibria.stage.equilibria import StageEquilibria
    from bargaining.feasible.polytope import Polytope
    from bargaining.problem import Problem


Strategy = tuple[Fraction, ...]

_QUICK = 8  # up to this many actions exact pivoting needs no guess of the support


def indifferent(payoffs: Integers, own: tuple[int, ...], replies: tuple[int, ...]) -> Strategy | None:
    """Mix the actions `own` so that the opponent's best replies include `replies`; None if impossible.

    `payoffs` (m, n) are positive integers: the opponent's payoff of reply j against action i.
    """
    part = payoffs[list(own)]
    mixed = square(part, replies) if len(own) == len(replies) else None
    if mixed is None:
        # Variables: the weights and the opponent's payoff. The given replies attain it, and no other exceeds it.
        count = len(own)
        at_most = np.hstack([part.T, -np.ones((payoffs.shape[1], 1), dtype=int)])
        total = np.append(np.ones(count, dtype=int), 0)[None]
        matrix = fractions(np.vstack([at_most, -at_most[list(replies)], total, -total]))
        right = fractions(np.array([0] * (len(matrix) - 2) + [1, -1]))
        program = maximise(fractions(np.zeros(count + 1, dtype=int)), matrix, right)
        if program is None:
            return None
        mixed = program.solution[:-1]
    return spread(mixed, own, len(payoffs))


def square(part: Integers, replies: tuple[int, ...]) -> Strategy | None:
    """Solve as many indifference conditions as there are actions, if their one solution is an answer."""
    count = len(replies)
    system: Integers = np.zeros((count + 1, count + 1), dtype=object)
    system[:count, :count], system[:count, -1], system[-1, :count] = part[:, list(replies)].T, -1, 1
    solution = solve(fractions(system), fractions(np.append(np.zeros(count, dtype=int), 1)))
    if solution is None or min(solution[:-1]) < 0:
        return None
    worth = product(np.array(solution[:-1], dtype=object), part)
    return solution[:-1] if max(worth) == solution[-1] else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixGame:
    """The value of a zero-sum game and a pair of mixed actions that guarantee it, in rationals."""

    value: Fraction
    row: Strategy
    column: Strategy


def matrix_game(payoffs: Rationals) -> MatrixGame:
    r"""Solve :math:`\max_x \min_y x^\top M y` in exact arithmetic.

    Notes
    -----
    Small games are solved by the exact simplex method. For larger ones a float solver finds the actions in
    use, and the indifference conditions on them are solved exactly. If the two mixtures do not prove the value, the
    exact simplex method is used.
    """
    whole, scale = integers(payoffs)
    least = whole.min()
    positive = whole - least + 1
    row, column = (_guess(positive) if max(positive.shape) > _QUICK else None) or _pivoted(positive)
    value = (max(product(positive, np.array(column, dtype=object))) + least - 1) / scale
    return MatrixGame(value=value, row=row, column=column)


def _pivoted(positive: Integers) -> tuple[Strategy, Strategy]:
    rows, columns = positive.shape
    ones = np.ones(rows + columns, dtype=int)
    program = maximise(fractions(ones[:columns]), fractions(positive), fractions(ones[:rows]))
    assert program is not None  # y = 0 is feasible
    weigh = 1 / program.value
    return tuple(weigh * x for x in program.multipliers), tuple(weigh * y for y in program.solution)


def _guess(positive: Integers) -> tuple[Strategy, Strategy] | None:
    from scipy.optimize import linprog

    unit: Floats = floats(fractions(positive) / positive.max())
    found = linprog(-np.ones(unit.shape[1]), A_ub=unit, b_ub=np.ones(unit.shape[0]), method="highs")
    if found.x is None:
        return None
    rows = tuple(np.flatnonzero(-found.ineqlin.marginals > 1e-9).tolist())
    columns = tuple(np.flatnonzero(found.x > 1e-9).tolist())
    if len(rows) != len(columns):
        return None
    flipped = positive.max() + 1 - positive
    y, x = square(positive.T[list(columns)], rows), square(flipped[list(rows)], columns)
    if x is None or y is None:
        return None
    return spread(x, rows, unit.shape[0]), spread(y, columns, unit.shape[1])


def spread(weights: Strategy, at: Sequence[int], count: int) -> Strategy:
    """Return the strategy over `count` actions that uses the actions `at` alone."""
    full = [Fraction(0)] * count
    for action, weight in zip(at, weights, strict=True):
        full[action] = weight
    return tuple(full)


@record(init=False, repr=False)
class Game(Shown):
    r"""A finite game: all players choose actions :math:`a_i` simultaneously, and player :math:`i` gets :math:`g_i(a)`.

    Parameters
    ----------
    *payoffs : array_like, each of shape (a_1, ..., a_n)
        One array per player, all of the same shape: entry `[a_1, ..., a_n]` of the k-th array is what player
        k gets when the players choose those actions. Floats, integers or `Fraction`.
    actions : sequence of sequences of str, optional
        Names of each player's actions, for tables and graphs; their numbers by default, or the labels of pandas
        DataFrames given as payoffs. Profiles may then be given by names.
    players : sequence of str, optional
        Names of the players; their numbers by default. Problems, answers, tables and pictures use them.

    Attributes
    ----------
    payoffs : ndarray of shape (a_1, ..., a_n, n)
        The payoffs as floats, players last; read-only.
    exact : ndarray of Fraction, of the same shape
        The payoffs as exact rationals; a float is taken at its exact value.
    actions : tuple of tuples of str
    player_names : tuple of str

    Raises
    ------
    InvalidInput
        If there is no array, the shapes differ or do not have one axis per player, or an entry is not a
        finite real number.

    Examples
    --------
    >>> from bargaining import Game
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> prisoners.shape, prisoners.minmax(), prisoners.pure_equilibria()
    ((2, 2), array([3., 3.]), array([[1, 1]]))

    With names, profiles can be given by them:

    >>> named = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=[["work", "shirk"]] * 2, players=["Ann", "Bob"])
    >>> named.exact_payoff(("shirk", "work"), "Ann"), named.profile({"Bob": "work", "Ann": "shirk"})
    (Fraction(10, 1), (1, 0))
    >>> print(named)
    Ann \ Bob  work      shirk
    work       (9, 9)    (1, 10*)
    shirk      (10*, 1)  (3*, 3*)
    * best reply to the others
    """

    payoffs: Floats
    actions: tuple[tuple[str, ...], ...]
    player_names: tuple[str, ...]
    _given: tuple[NDArray[Any], ...]

    def __init__(
        self,
        *payoffs: ArrayLike,
        actions: Sequence[Sequence[str]] | None = None,
        players: Names | None = None,
    ) -> None:
        if not payoffs:
            raise InvalidInput("`payoffs` must hold one array per player; got none.")
        if len(payoffs) == 1 and any(hasattr(payoffs[0], mark) for mark in _FOREIGN):
            raise InvalidInput(
                f"`payoffs` must be arrays, one per player; got {with_article(payoffs[0])}. Convert it: "
                "Game.of(game)."
            )
        payoffs, labels = _labelled(payoffs)
        floats = [real(array, f"payoffs[{player}]", payoffs=True) for player, array in enumerate(payoffs)]
        _same_shape(floats)
        stacked = owned(np.stack(floats, axis=-1))
        names = _names(labels if actions is None else actions, stacked.shape[:-1])
        who = unique_names(players, "players", len(floats))
        fill(self, payoffs=stacked, actions=names, player_names=who, _given=tuple(map(np.asarray, payoffs)))

    @classmethod
    def of(cls, game: Any) -> Game:
        """Return a game of another library as a `Game`.

        Parameters
        ----------
        game : game of nashpy, quantecon (`NormalFormGame`) or pygambit
            Recognised by its attributes; labels of players and actions are kept if they are distinct. A `Game` is
            returned unchanged.

        Raises
        ------
        InvalidInput
            If it is none of these.

        Examples
        --------
        >>> import nashpy
        >>> from bargaining import Game
        >>> Game.of(nashpy.Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])).pure_equilibria()
        array([[1, 1]])
        """
        if isinstance(game, Game):
            return game
        if hasattr(game, "payoff_matrices"):  # nashpy.Game
            return cls(*game.payoff_matrices)
        if hasattr(game, "payoff_profile_array"):  # quantecon.game_theory.NormalFormGame
            return cls(*np.moveaxis(np.asarray(game.payoff_profile_array), -1, 0))
        if hasattr(game, "to_arrays"):  # pygambit.Game, exact
            players = [str(player.label) for player in game.players]
            actions = [[str(own.label) for own in player.strategies] for player in game.players]
            names: Any = {"actions": _distinct(*actions), "players": players if _distinct(players) else None}
            return cls(*map(np.asarray, game.to_arrays()), **names)
        raise InvalidInput(
            f"`game` must be a Game, or a game of nashpy, quantecon (NormalFormGame) or pygambit; got {short(game)}. "
            "From arrays make Game(A, B), from Gambit's text Game.from_nfg(text)."
        )

    @classmethod
    def from_nfg(cls, source: str | os.PathLike[str]) -> Game:
        r"""Return the game in a file of Gambit, or in its text.

        Parameters
        ----------
        source : path or str
            A file in the format .nfg, with payoffs or with outcomes, at most 20 MB; or the text itself, which begins
            with ``NFG``.

        Returns
        -------
        Game
            With the names of players and actions. Fractions, and decimals that no float equals, are kept exactly.

        Raises
        ------
        InvalidInput
            If there is no such file, or it is no game in this format; the message says what is wrong.

        Examples
        --------
        >>> from bargaining import Game
        >>> game = Game.from_nfg('NFG 1 R "Selten, figure 2" { "One" "Two" } { 3 2 }  1 1 0 2 0 2 1 1 0 3 2 0')
        >>> game.shape, game.payoffs[2, 1], game.player_names
        ((3, 2), array([2., 0.]), ('One', 'Two'))
        """
        from bargaining._files import content_of, path_of
        from bargaining.games import _nfg

        if isinstance(source, str) and source.lstrip().startswith("NFG"):
            text = source
        else:
            what = "must be the text of a .nfg file, or one"
            content = content_of(path_of(source, "source"), "source", what, _nfg.LARGEST + 1)
            text = content.decode("utf-8-sig", errors="replace")
        if len(text) > _nfg.LARGEST:
            raise InvalidInput(f"`source` must be at most {_nfg.LARGEST // 10**6} MB; it is longer.")
        who, names, payoffs = _nfg.read(text)
        named = all(len(set(own)) == len(own) for own in (who, *names))
        ours = who == titles(numbered(len(who)))  # the names that `to_nfg` writes for players without names
        return cls(*payoffs, actions=names if named else None, players=who if named and not ours else None)

    def to_nfg(self, path: str | os.PathLike[str] | None = None, *, title: str = "") -> str:
        """Return the game as a string in Gambit's format .nfg, with payoffs, and write it to a file if a path is given.

        The folder of the file must exist. Fractions stay fractions, and a float becomes the shortest decimal that
        converts back to it.

        Examples
        --------
        >>> from bargaining import Game
        >>> print(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], players=["Ann", "Bob"]).to_nfg(title="Prisoners"))
        NFG 1 R "Prisoners" { "Ann" "Bob" }
        <BLANKLINE>
        {
        { "0" "1" }
        { "0" "1" }
        }
        ""
        <BLANKLINE>
        9 9 10 1
        1 10 3 3
        <BLANKLINE>
        """
        from bargaining.games import _nfg

        if not isinstance(title, str):
            raise InvalidInput(f"`title` must be a string; got {short(title)}.")
        text = _nfg.written(title, titles(self.player_names), self.actions, self._given)
        if path is not None:
            from bargaining._files import path_of, put

            put(path_of(path, "path"), text.encode(), "path")
        return text

    def __repr__(self) -> str:
        between = f" between {' and '.join(self.player_names)}" if are_given(self.player_names) else ""
        return f"<Game of {' x '.join(map(str, self.shape))} actions{between}>"

    def __str__(self) -> str:
        return self._card().text()

    def _card(self) -> Card:
        """Return the bimatrix of two players, or the first profiles of more; best replies have a star."""
        best = self.payoffs == self.deviations()
        two = self.players == 2
        seen = np.ndindex(*(min(size, SHOWN) for size in self.shape)) if two else np.ndindex(*self.shape)
        cells = {
            at: f"({', '.join(number(v) + '*' * int(b) for v, b in zip(self.payoffs[at], best[at], strict=True))})"
            for at in islice(seen, SHOWN * SHOWN)
        }
        if two:
            named = are_given(self.player_names)
            corner = " \\ ".join(self.player_names) if named else ""
            heads, names = [corner, *self.actions[1][:SHOWN]], self.actions[0][:SHOWN]
            rows = [[name, *(cells[i, j] for j in range(len(heads) - 1))] for i, name in enumerate(names)]
        else:
            heads = [*titles(self.player_names), "payoffs"]
            rows = [[*(self.actions[i][a] for i, a in enumerate(at)), cell] for at, cell in cells.items()]
        notes = ["* best reply to the others"]
        if len(cells) < best[..., 0].size:
            notes.append(f"{len(cells)} of {best[..., 0].size} profiles")
        return Card(
            title=f"Game of {' x '.join(map(str, self.shape))} actions", heads=heads, rows=rows, notes=notes
        )

    @property
    def players(self) -> int:
        """The number of players."""
        return int(self.payoffs.shape[-1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of actions of each player."""
        return self.payoffs.shape[:-1]

    @property
    def exact(self) -> NDArray[Any]:
        """The payoffs as `Fraction`, of the shape of `payoffs`."""
        return np.stack([fractions(given) for given in self._given], axis=-1)

    @property
    def has_fractions(self) -> bool:
        """Whether some payoff was given as a `Fraction` or a huge integer, so that its float may be rounded."""
        return any(given.dtype == object for given in self._given)

    def exact_payoff(self, profile: Profile, player: int | str) -> Fraction:
        """Return one payoff as an exact rational."""
        actions = self.profile(profile)
        given = self._given[player_index(player, "player", self.player_names)]
        exact: Fraction = fractions(np.asarray(given[actions])).item()
        return exact

    def exact_best(self, profile: Profile, player: int | str) -> Fraction:
        """Return the player's best-reply payoff to the others' actions, as an exact rational."""
        actions, i = self.profile(profile), player_index(player, "player", self.player_names)
        own = np.moveaxis(self._given[i], i, -1)[*actions[:i], *actions[i + 1 :]]
        best: Fraction = max(fractions(own).tolist())
        return best

    def deviations(self) -> Floats:
        r"""Return each player's best-reply payoff to the others, :math:`c_i(a) = \max_b g_i(b, a_{-i})`.

        Returns
        -------
        ndarray of shape (a_1, ..., a_n, n)
            Never below `payoffs`; equal to it for every player exactly at the pure equilibria.
        """
        return best_replies(self.payoffs)

    def pure_equilibria(self) -> NDArray[np.intp]:
        """Return the pure Nash equilibria, one profile a row, in the order of the arrays.

        They are decided on the numbers as given: integers and `Fraction` are compared exactly.
        """
        stable = np.ones(self.shape, dtype=bool)
        for player, given in enumerate(self._given):
            stable &= (given == given.max(axis=player, keepdims=True)).astype(bool)
        return np.argwhere(stable)

    def equilibria(self) -> StageEquilibria:
        """Return the Nash equilibria, pure and mixed, as `stage_equilibria` does.

        Examples
        --------
        >>> from bargaining import Game
        >>> pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
        >>> pennies.equilibria().exact
        (((Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 2), Fraction(1, 2))),)
        """
        import bargaining  # solvers import this module, so they are reached through the public names

        return bargaining.stage_equilibria(self)

    def minmax(self, *, mixed: bool = False) -> Floats:
        r"""Return the lowest payoff to which the others can hold each player who replies best.

        .. math:: \underline v_i = \min_{a_{-i}} \max_{a_i} g_i(a_i, a_{-i}).

        Parameters
        ----------
        mixed : bool, default False
            In pure actions by default. If true, the others may mix, and may correlate their actions if there are
            several of them; for two players this is the value of the zero-sum game.

        Returns
        -------
        ndarray of shape (n,)
        """
        if flag(mixed, "mixed"):
            return floats([matrix_game(self._against(player)).value for player in range(self.players)])
        return np.asarray(self.deviations().min(axis=tuple(range(self.players))))

    def _against(self, player: int) -> NDArray[Any]:
        """Return one player's payoffs, own actions in rows and the others' joint actions in columns."""
        return np.moveaxis(self.exact[..., player], player, 0).reshape(self.shape[player], -1)

    def feasible(self) -> Polytope:
        """Return the convex hull of the payoffs: what the players can reach with public randomisation."""
        from bargaining.feasible.polytope import Polytope

        return Polytope(self.payoffs.reshape(-1, self.players))

    def problem(self, disagreement: ArrayLike | None = None) -> Problem:
        """Return the bargaining problem over `feasible()`: what the players can reach with a binding agreement.

        Parameters
        ----------
        disagreement : array_like of shape (..., n), optional
            Payoffs without an agreement. By default the minmax payoffs in mixed actions, `minmax(mixed=True)`: each
            player can secure this payoff whatever the others do, so nobody agrees to less in any equilibrium.

        Examples
        --------
        >>> from bargaining import Game, nash
        >>> nash(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], players=["Ann", "Bob"]).problem())
        <Division 'nash': payoffs={'Ann': 9, 'Bob': 9}, OK>
        """
        from bargaining.problem import Problem

        threat = self.minmax(mixed=True) if disagreement is None else disagreement
        return Problem(self.feasible(), threat, players=self.player_names if self.has_names else None)

    @property
    def has_names(self) -> bool:
        """Whether the players were given names."""
        return are_given(self.player_names)

    def profile(self, value: Profile, name: str = "profile") -> tuple[int, ...]:
        """Return `value` as a profile of this game, one action index per player, or raise an error.

        Parameters
        ----------
        value : sequence of int or str, or mapping from players to them
            One action per player, by number or by name.
        name : str
            The argument's name, for the message.
        """
        given = ordered(value, name, self.player_names)
        actions = list(given) if is_sequence(given) else []
        known = [isinstance(a, int | np.integer | str) and not isinstance(a, bool) for a in actions]
        if len(actions) != self.players or not all(known):
            raise InvalidInput(
                f"`{name}` must hold one action index per player ({self.players}), or the action's name; got {value!r}."
            )
        return tuple(self._action(action, player, name) for player, action in enumerate(actions))

    def _action(self, action: int | str, player: int, name: str) -> int:
        """Return the number of one player's action."""
        who, own = titles(self.player_names)[player], self.actions[player]
        if isinstance(action, str):
            return place(action, name, own, f"action of {who}")
        if not 0 <= action < len(own):
            named = f": {', '.join(own)}" if are_given(own) else ""
            raise InvalidInput(f"`{name}` has action {action} for {who}, who has 0 to {len(own) - 1}{named}.")
        return int(action)


Profile = Sequence[int | str] | Mapping[str, int | str]
"""One action per player: numbers or names, in the order of the players or by their names."""


def _labelled(payoffs: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[list[str]] | None]:
    """Return payoffs as arrays, with the action names that are the labels of pandas DataFrames for two players."""
    tables = [table for table in payoffs if hasattr(table, "columns") and hasattr(table, "index")]
    if not tables:
        return payoffs, None
    sides = [[list(table.index), list(table.columns)] for table in tables]
    if any(len(set(map(str, side))) < len(side) for both in sides for side in both):
        raise InvalidInput("`payoffs` must be tables whose rows, and whose columns, have different labels.")
    for both in sides:
        if list(map(set, both)) != list(map(set, sides[0])):
            raise InvalidInput(
                f"`payoffs` must be tables with the same labels, actions of player 0 in rows and of player 1 in "
                f"columns; got {short(sides[0])} and {short(both)}. Transpose one, or pass arrays."
            )
    rows, columns = sides[0]
    arrays = (table.loc[rows, columns].to_numpy() if hasattr(table, "loc") else table for table in payoffs)
    return tuple(arrays), [list(map(str, rows)), list(map(str, columns))]


def _same_shape(floats: list[Floats]) -> None:
    shapes = [array.shape for array in floats]
    if len(set(shapes)) > 1:
        turned = len(shapes) == 2 and shapes[0] == shapes[1][::-1]
        cure = " Player 1 chooses the column in both: transpose one, as in Game(A, B.T)." if turned else ""
        raise InvalidInput(
            f"`payoffs` must be arrays of one shape, (a_1, ..., a_n); got shapes {shapes}.{cure}"
        )
    if len(shapes[0]) != len(shapes):
        raise InvalidInput(
            f"`payoffs` must have one axis per player; got {len(shapes)} arrays with {len(shapes[0])} axes. "
            f"{_unpacked(shapes)}"
        )


def stacked(payoffs: ArrayLike, name: str, players: int) -> NDArray[np.object_]:
    """Return an array of games, shape (*games), from stacked payoffs of shape (*games, players, a_1, ..., a_n)."""
    floats, given = real(payoffs, name, payoffs=True), np.asarray(payoffs)
    axes = players + 1
    if floats.ndim < axes or floats.shape[-axes] != players:
        wanted = ", ".join(["*games", str(players), *(f"a_{k + 1}" for k in range(players))])
        raise InvalidInput(
            f"`{name}` must have shape ({wanted}), the players' axis before those of actions; got {floats.shape}."
        )
    out = np.empty(floats.shape[:-axes], dtype=object)
    for index in np.ndindex(*out.shape):
        out[index] = Game(*given[index])
    return out


def _unpacked(shapes: list[tuple[int, ...]]) -> str:
    """Return advice on how to make a game from one array for all players."""
    if len(shapes) == 1 and len(shapes[0]) > 1:
        axes = len(shapes[0]) - 1
        ways = ["Game(*payoffs) if players come first"] * (shapes[0][0] == axes)
        ways += ["Game(*np.moveaxis(payoffs, -1, 0)) if players come last"] * (shapes[0][-1] == axes)
        if ways:
            return f"Unpack it: {', '.join(ways)}."
        if axes == 1:
            return "If the game is zero-sum, write Game(A, -A)."
    return "Pass one array per player: Game(A, B)."


def best_replies(payoffs: NDArray[Any]) -> NDArray[Any]:
    """Return each player's best-reply payoff to the others, of the shape of the payoffs; players are the last axis."""
    shape = payoffs.shape[:-1]
    best = [np.broadcast_to(payoffs[..., i].max(axis=i, keepdims=True), shape) for i in range(len(shape))]
    return np.stack(best, axis=-1)


def other_actions(game: Game, profile: tuple[int, ...], player: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield a player's other actions, each with the profile in which she plays it."""
    for action in range(game.shape[player]):
        if action != profile[player]:
            yield action, (*profile[:player], action, *profile[player + 1 :])


def profile_name(game: Game, profile: Sequence[int]) -> str:
    """Return the names of the actions of a profile, joined by commas."""
    return ", ".join(own[action] for own, action in zip(game.actions, profile, strict=True))


def require_game(game: Any) -> None:
    """Raise an error if `game` is not a `Game`."""
    if not isinstance(game, Game):
        stage = isinstance(getattr(game, "game", None), Game)
        cure = "Pass the stage game that it repeats: `.game`." if stage else "Wrap the payoffs: Game(A, B)."
        raise InvalidInput(f"`game` must be a Game; got {type(game).__name__}. {cure}")


def _names(actions: Sequence[Sequence[str]] | None, shape: tuple[int, ...]) -> tuple[tuple[str, ...], ...]:
    if actions is None:
        return tuple(tuple(map(str, range(count))) for count in shape)
    names = tuple(
        tuple(map(str, listed(own, f"actions[{player}]", "a list of names")))
        for player, own in enumerate(listed(actions, "actions", "a list of lists of names"))
    )
    if tuple(map(len, names)) != shape:
        raise InvalidInput(
            f"`actions` must name the actions of every player, {shape} of them; got {tuple(map(len, names))}. Write "
            'actions=[["up", "down"], ["left", "right"]].'
        )
    return names


_FOREIGN = ("payoff_matrices", "payoff_profile_array", "to_arrays")
"""Attributes of games of nashpy, quantecon and pygambit, which `Game.of` knows."""


def _distinct(*lists: list[str]) -> tuple[list[str], ...] | None:
    """Return lists of names in each of which all differ, or None."""
    return lists if all(all(names) and len(set(names)) == len(names) for names in lists) else None
