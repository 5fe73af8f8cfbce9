"""A game repeated for ever, and the right to leave it."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import cell, is_sequence, listed, player_index
from bargaining._arrays import ArrayLike, ByPlayer, Floats, fill, owned, real, record
from bargaining._arrays import discounts as valid_discounts
from bargaining._names import Names, are_given, carried, ordered, unique_names
from bargaining._rational import fractions
from bargaining._rich import Card, Shown, brief
from bargaining.errors import InvalidInput, NotApplicable, with_article
from bargaining.games.normal_form import Game, require_game, stacked

if TYPE_CHECKING:
    from bargaining.games.monitoring import Monitoring


@record(init=False, repr=False)
class Exit(Shown):
    """The right to leave a repeated game for good, at the start of any period.

    Each period opens with a public signal; then all players who may leave decide simultaneously whether to
    stay. If all stay, the stage game is played. If somebody leaves, the game is over and everybody gets the
    average (per-period) payoffs given here, from that period on. If several leave at once, each of them is
    equally likely to count as the leaver.

    Parameters
    ----------
    payoffs : array_like of shape (*batch, n)
        Average payoffs after anybody leaves. For payoffs that depend on who left, see `Exit.by_leaver`.
    who : sequence of int or str, optional
        The players who may leave; everybody by default.
    players : sequence of str, optional
        Names of the players, in the order of the payoffs; by default the labels of `payoffs`, if it is a mapping or
        a pandas Series. A game between players of these names puts the payoffs into its own order.

    Attributes
    ----------
    payoffs : ndarray of shape (*batch, n, n)
        Entry `[..., k, i]` is what player i gets when player k leaves.
    who : tuple of int
        The players who may leave.

    Examples
    --------
    >>> from bargaining import Exit
    >>> Exit([5, 3]).own
    array([5., 3.])
    >>> Exit([5, 3], who=[0]).own
    array([  5., -inf])
    >>> Exit.by_leaver([[4, 2], [1, 3]]).own
    array([4., 3.])
    >>> Exit({"Canada": 5, "US": 3}, who=["US"])
    Exit({'Canada': 5, 'US': 3}, who=['US'])
    """

    payoffs: Floats
    who: tuple[int, ...]
    player_names: tuple[str, ...]
    _given: NDArray[Any]

    def __init__(
        self, payoffs: ByPlayer, *, who: Sequence[int | str] | None = None, players: Names | None = None
    ) -> None:
        names = (
            carried(payoffs)
            if players is None
            else tuple(map(str, listed(players, "players", "a list of names")))
        )
        payoffs = payoffs if names is None else ordered(payoffs, "payoffs", names)
        common = real(cast("ArrayLike", payoffs), "payoffs", payoffs=True)
        if common.ndim == 0:
            raise InvalidInput(
                f"`payoffs` of exit must have one entry per player; got the number {float(common):g}. For two players "
                f"write Exit([{float(common):g}, {float(common):g}])."
            )
        count = common.shape[-1]
        given = np.asarray(payoffs)[..., None, :]
        self._set(np.broadcast_to(common[..., None, :], (*common.shape, count)), who, given, names)

    @classmethod
    def by_leaver(
        cls, payoffs: ArrayLike, *, who: Sequence[int | str] | None = None, players: Names | None = None
    ) -> Exit:
        """Return an exit whose payoffs depend on who left.

        Parameters
        ----------
        payoffs : array_like of shape (*batch, n, n)
            Entry `[..., k, i]` is what player i gets when player k leaves. Rows of players who may not
            leave are not used.
        who : sequence of int or str, optional
            The players who may leave; everybody by default.
        players : sequence of str, optional
            Names of the players, in the order of rows and columns.
        """
        table = real(payoffs, "payoffs", payoffs=True)
        if table.ndim < 2 or table.shape[-1] != table.shape[-2]:
            raise InvalidInput(
                f"`payoffs` by leaver must be square, a row for each leaver; got shape {table.shape}. "
                "For one row of payoffs whoever leaves, use Exit(payoffs)."
            )
        self = cls.__new__(cls)
        self._set(table, who, payoffs, players)
        return self

    def _set(
        self, payoffs: Floats, who: Sequence[int | str] | None, given: ArrayLike, names: Names | None
    ) -> None:
        players = payoffs.shape[-1]
        known = unique_names(names, "players", players)
        if who is None:
            leavers = tuple(range(players))
        elif not is_sequence(who) and not isinstance(who, Set):
            raise InvalidInput(f"`who` must be a list of players; got {who!r}. For one player pass [player].")
        else:
            leavers = tuple(sorted({player_index(player, "who", known) for player in who}))
        if not leavers:
            raise InvalidInput(
                "`who` must name at least one player; for a game nobody may leave pass exit=None."
            )
        fill(self, payoffs=payoffs, who=leavers, player_names=known, _given=np.array(given))

    def __repr__(self) -> str:
        if self.batch_shape:
            return f"<Exit by {_leavers(self)}, batch {self.batch_shape}>"
        named = are_given(self.player_names)
        who = [self.player_names[i] for i in self.who] if named else list(self.who)
        some = "" if len(who) == self.players else f", who={who}"
        given = self._given.tolist()
        if len(given) > 1:
            players = f", players={list(self.player_names)}" if named else ""
            return f"Exit.by_leaver({given}{some}{players})"
        (row,) = given
        return f"Exit({dict(zip(self.player_names, row, strict=True)) if named else row}{some})"

    @property
    def players(self) -> int:
        """The number of players."""
        return int(self.payoffs.shape[-1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes: one exit each."""
        return self.payoffs.shape[:-2]

    @property
    def own(self) -> Floats:
        """Each player's payoff from leaving, shape (*batch, n); minus infinity for a player who may not leave."""
        leaves = np.isin(np.arange(self.players), self.who)
        return np.where(leaves, np.diagonal(self.payoffs, axis1=-2, axis2=-1), -np.inf)

    @property
    def has_fractions(self) -> bool:
        """Whether a payoff was given as a `Fraction` or a huge integer, so that its float may be rounded."""
        return self._given.dtype == object

    @property
    def exact(self) -> NDArray[Any]:
        """The payoffs as `Fraction`, of the shape of `payoffs`."""
        return np.broadcast_to(fractions(self._given), self.payoffs.shape)

    def at(self, index: tuple[int, ...]) -> Exit:
        """Return one exit of the batch."""
        index = cell(index, "index", self.batch_shape)
        return _exit(self.payoffs[index], self.who, self.player_names, self._given[index])


def between(leave: Exit, names: tuple[str, ...]) -> Exit:
    """Return an exit for players of these names, in their order."""
    if leave.player_names == names:
        return leave
    order = list(range(leave.players))
    if are_given(leave.player_names) and are_given(names):
        if set(leave.player_names) != set(names):
            raise InvalidInput(
                f"`exit` must be for the players {', '.join(names)}; got {', '.join(leave.player_names)}."
            )
        order = [leave.player_names.index(name) for name in names]
    who = tuple(k for k, i in enumerate(order) if i in leave.who)
    rows = leave._given if leave._given.shape[-2] == 1 else leave._given[..., order, :]
    payoffs = owned(leave.payoffs[..., order, :][..., order])
    return _exit(payoffs, who, names if are_given(names) else leave.player_names, owned(rows[..., order]))


def _exit(payoffs: Floats, who: tuple[int, ...], names: tuple[str, ...], given: NDArray[Any]) -> Exit:
    """Return an exit made of parts that were checked before."""
    return fill(object.__new__(Exit), payoffs=payoffs, who=who, player_names=names, _given=given)


def _require_exit(leave: Any) -> None:
    """Raise an error if this is neither an exit nor None."""
    if leave is not None and not isinstance(leave, Exit):
        raise InvalidInput(f"`exit` must be an Exit or None; got {leave!r}. Wrap the payoffs: Exit(payoffs).")


def _leavers(leave: Exit) -> str:
    """Return the players who may leave, in words."""
    if not are_given(leave.player_names):
        return f"players {leave.who}"
    return " and ".join(leave.player_names[i] for i in leave.who)


def exit_rows(game: Game, leave: Exit | None) -> set[tuple[Fraction, ...]]:
    """Return the different payoffs after exit, whoever leaves; it must be one exit for the players of a game."""
    _require_exit(leave)
    if leave is None:
        return set()
    if leave.players != game.players or leave.batch_shape:
        raise InvalidInput(
            f"`exit` must be one exit for {game.players} players; got {leave!r} for {leave.players}. "
            "Take one of a batch with `.at(index)`."
        )
    return {tuple(leave.exact[leaver]) for leaver in leave.who}


def require_repeated(game: Any, *, twin: str = "") -> None:
    """Raise an error if `game` is not a `RepeatedGame`; `twin` does the same for stochastic games."""
    if not isinstance(game, RepeatedGame):
        cure = ""
        if isinstance(game, Game):
            cure = " Say how patient the players are: RepeatedGame(game, discounts)."
        elif twin and hasattr(game, "transition"):
            cure = f" Use `{twin}`."
        raise InvalidInput(f"`game` must be a RepeatedGame; got {with_article(game)}.{cure}")


@record(init=False, repr=False)
class RepeatedGame(Shown):
    r"""A stage game played in every period :math:`t = 0, 1, \dots`.

    The players see each other's actions, or with `monitoring` only a public signal of them. Player i values a stream
    of stage payoffs by its average :math:`(1-\delta_i)\sum_t \delta_i^t g_i(a^t)`.
    Before each period the players see a public signal, so they can randomise together.

    Parameters
    ----------
    game : Game
        The stage game; its players' names are those of the repeated game.
    discounts : array_like of shape (*batch, n), or one number
        Discount factor per period, each in [0, 1); one number is given to every player. A mapping or a pandas Series
        gives them by name.
    exit : Exit, optional
        The right to leave, if there is one. Its batch is broadcast against that of `discounts`.
    monitoring : Monitoring, optional
        The public signal of the actions; by default the actions are seen. With a signal the payoffs of `game` are
        expected payoffs.

    Examples
    --------
    >>> from bargaining import Exit, Game, RepeatedGame
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> RepeatedGame(prisoners, 0.9, exit=Exit([2, 1])).discounts
    array([0.9, 0.9])
    >>> RepeatedGame(prisoners, 0.9, exit=Exit([2, 1]))
    <RepeatedGame, stage <Game of 2 x 2 actions>, discounts 0.9, exit Exit([2, 1])>
    """

    game: Game
    discounts: Floats
    exit: Exit | None
    monitoring: Monitoring | None
    _given: NDArray[Any]

    def __init__(
        self,
        game: Game,
        discounts: ByPlayer,
        *,
        exit: Exit | None = None,  # noqa: A002 (the field's word)
        monitoring: Monitoring | None = None,
    ) -> None:
        require_game(game)
        _require_exit(exit)
        if exit is not None and exit.players != game.players:
            raise InvalidInput(f"`exit` must have payoffs for {game.players} players; got {exit.players}.")
        if monitoring is not None:
            from bargaining.games.monitoring import check_monitoring

            check_monitoring(game, monitoring)
        names = game.player_names
        fill(self, game=game, monitoring=monitoring, discounts=valid_discounts(discounts, names))
        fill(self, exit=None if exit is None else between(exit, names))
        fill(self, _given=np.array(ordered(discounts, "discounts", names)))
        try:
            self.batch_shape  # noqa: B018 (broadcasting is the check)
        except ValueError:
            raise InvalidInput(
                f"`discounts`, batch {self.discounts.shape[:-1]}, must broadcast against `exit`, "
                f"batch {exit and exit.batch_shape}."
            ) from None

    def __repr__(self) -> str:
        batch = f", batch {self.batch_shape}" if self.batch_shape else ""
        leave = "" if self.exit is None else f", exit {self.exit!r}"
        seen = "" if self.monitoring is None else f", seen through {self.monitoring!r}"
        return f"<RepeatedGame, stage {self.game!r}, discounts {brief(self._given)}{batch}{leave}{seen}>"

    def _card(self) -> Card:
        """Return the stage game, with patience and exit below."""
        stage = self.game._card()
        notes = [*stage.notes, f"discount factors {brief(self.discounts)}"]
        if self.exit is not None:
            notes.append(f"{_leavers(self.exit)} may leave; payoffs by leaver {brief(self.exit.payoffs)}")
        if self.monitoring is not None:
            notes.append(f"seen through {self.monitoring!r}")
        return replace(stage, title=f"Repeated {stage.title[0].lower()}{stage.title[1:]}", notes=notes)

    @property
    def players(self) -> int:
        """The number of players."""
        return self.game.players

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        return self.game.player_names

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """The leading axes of discount factors and exits: one repeated game each."""
        discounts = self.discounts.shape[:-1]
        return discounts if self.exit is None else np.broadcast_shapes(discounts, self.exit.batch_shape)

    @property
    def has_fractions(self) -> bool:
        """Whether a payoff, also of leaving, was given as a `Fraction` or huge integer, which floats may round."""
        return self.game.has_fractions or (self.exit is not None and self.exit.has_fractions)

    @property
    def exact_discounts(self) -> NDArray[Any]:
        """The discount factors as `Fraction`, of the shape of `discounts`."""
        return np.broadcast_to(fractions(self._given), self.discounts.shape)

    def require_seen(self, function: str) -> None:
        """Raise NotApplicable if actions are seen only through a signal, which `function` does not support."""
        if self.monitoring is not None and not self.monitoring.is_perfect:
            raise NotApplicable(
                f"`{function}` is for actions that are seen; here they are seen through {self.monitoring!r}. For two "
                "players see `payoff_set`, or drop `monitoring`."
            )

    def at(self, index: tuple[int, ...]) -> RepeatedGame:
        """Return one repeated game of the batch."""
        return self._one(self.game, cell(index, "index", self.batch_shape))

    def _one(self, game: Game, index: tuple[int, ...]) -> RepeatedGame:
        """Return a game repeated with the patience and the exit of one cell of the batch."""
        discounts, given = (
            value[own_index(index, value.shape[:-1])] if value.ndim > 1 else value
            for value in (self.discounts, self._given)
        )
        leave = None if self.exit is None else self.exit.at(own_index(index, self.exit.batch_shape))
        one = fill(object.__new__(RepeatedGame), game=game, discounts=discounts, exit=leave, _given=given)
        return fill(one, monitoring=self.monitoring)


def own_index(index: tuple[int, ...], lengths: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index in an array of a cell of the shape to which the array is broadcast."""
    tail = index[len(index) - len(lengths) :]
    return tuple(k if length > 1 else 0 for k, length in zip(tail, lengths, strict=True))


def repeated_games(payoffs: ArrayLike, discounts: ArrayLike, leave: Exit | None) -> NDArray[np.object_]:
    """Return a repeated game of two players for each cell of stacked payoffs, discount factors and exits, broadcast.

    The payoffs have shape (*games, 2, a_1, a_2), discount factors (*batch, 2) or none.
    """
    games = stacked(payoffs, "game", 2)
    first: Game = games.ravel().tolist()[0]
    common = RepeatedGame(first, discounts, exit=leave)
    try:
        shape = np.broadcast_shapes(games.shape, common.batch_shape)
    except ValueError:
        raise InvalidInput(
            f"`game`, {games.shape} games, must broadcast against `discounts` and `exit`, batch "
            f"{common.batch_shape}."
        ) from None
    out = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        out[index] = common._one(games[own_index(index, games.shape)], index)
    return out
