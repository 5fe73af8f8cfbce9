"""Imperfect public monitoring: a public signal whose probabilities depend on the action profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from bargaining._arguments import index, instance, listed, player_index
from bargaining._arrays import LARGEST, ArrayLike, Floats, fill, real, record, short
from bargaining._names import are_given, unique_names
from bargaining._rational import Rationals, fractions, integers, rank, rational
from bargaining._rich import Shown, counted
from bargaining.errors import InvalidInput, plain
from bargaining.games.normal_form import Game, Profile, profile_name

_SUM = 1e-9  # tolerance for the sum of a profile's probabilities in floats


class Rank(NamedTuple):
    """The rank of the signal's probabilities under deviations from a profile.

    Attributes
    ----------
    rank : int
        Of the matrix with a row for each action of each of the given players, while the others keep to the profile.
    full : int
        The largest possible rank, at which all deviations, or all pairs of a player and her deviation, can be
        distinguished.
    holds : bool
        Whether `rank` is `full`.
    """

    rank: int
    full: int

    @property
    def holds(self) -> bool:
        """Whether the rank is full."""
        return self.rank == self.full


@record(init=False, repr=False)
class Monitoring(Shown):
    r"""Imperfect public monitoring: after profile a all see the signal y with probability :math:`p(y \mid a)`.

    Nobody sees the actions of the others. A player's realised payoff contains no information beyond her own action and
    the signal, so that only expected stage payoffs matter, which a `Game` gives. For payoffs that depend on the
    player's own action and the signal see `Monitoring.expected`.

    Parameters
    ----------
    probabilities : array_like of shape (a_1, ..., a_n, S)
        Entry `[a_1, ..., a_n, y]` is the chance of signal y. Floats, integers or `Fraction`. The chances of each
        profile add up to 1: exactly if they are fractions, up to 1e-9 if floats, and are then divided by their sum.
    signals : sequence of str, optional
        Names of the signals; their numbers by default.

    Attributes
    ----------
    probabilities : ndarray of shape (a_1, ..., a_n, S)
        The chances as floats; read-only.
    exact : ndarray of Fraction, of the same shape
        The chances as rationals that add up to 1.
    signals : tuple of str

    Raises
    ------
    InvalidInput
        If the probabilities after some profile are negative or do not add up to 1; the message names the profile.

    Notes
    -----
    Signals that never occur are allowed. If the probabilities are the same after every profile, nothing is learnt, and
    the equilibria repeat those of the stage game (`Monitoring.none`).

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Mailath, G. J. and Samuelson, L. (2006). *Repeated Games and Reputations: Long-Run Relationships*. Oxford
    University Press. doi:10.1093/acprof:oso/9780195300796.001.0001 Chapters 7 to 9.

    Examples
    --------
    A good report is likely if both work, less so if one does, rare if neither does:

    >>> from bargaining import Monitoring
    >>> report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]], signals=["good", "bad"])
    >>> report.shape, report.signals
    ((2, 2), ('good', 'bad'))
    >>> report.pairwise_full_rank((0, 0), (0, 1)).holds  # one report cannot tell who shirked
    False
    """

    probabilities: Floats
    signals: tuple[str, ...]
    _exact: Rationals
    _game: Game | None

    def __init__(self, probabilities: ArrayLike, *, signals: Sequence[str] | None = None) -> None:
        if isinstance(probabilities, Mapping):
            raise InvalidInput(
                f"`probabilities` must be an array; got {short(probabilities)}. By the names of a game write "
                "Monitoring.of(game, chances)."
            )
        chances = real(probabilities, "probabilities")
        if chances.ndim < 2:
            raise InvalidInput(
                "`probabilities` must have one axis per player and one of signals; "
                f"got shape {chances.shape}."
            )
        given = fractions(np.asarray(probabilities), chances.shape)
        total = given.sum(axis=-1)
        loose = any(isinstance(chance, float | np.floating) for chance in np.asarray(probabilities).flat)
        for profile in np.ndindex(*chances.shape[:-1]):
            if (chances[profile] < 0).any():
                least = float(chances[profile].min())
                raise InvalidInput(
                    f"`probabilities` must not be negative; profile {profile} has the chance {least:g}."
                )
            if abs(total[profile] - 1) > (_SUM if loose else 0):
                raise InvalidInput(
                    f"`probabilities` of each profile must add up to 1; those of profile {profile} add up to "
                    f"{plain(min(total[profile], LARGEST))}. Divide by the sum."
                )
        exact = given / total[..., None]
        names = unique_names(signals, "signals", chances.shape[-1])
        fill(self, probabilities=exact.astype(float), signals=names, _exact=exact, _game=None)

    def _of(self, game: Game) -> Monitoring:
        """Return this monitoring with the names of a game's players and actions."""
        object.__setattr__(self, "_game", game)
        return self

    @classmethod
    def of(cls, game: Game, chances: Mapping[Any, Any]) -> Monitoring:
        """Return the monitoring of a game, given by the names of actions and signals.

        Parameters
        ----------
        game : Game
        chances : mapping of profiles to mappings of signals to chances
            A signal that is missing after a profile has probability 0 there. A pandas DataFrame with the actions as
            index and the signals as columns is one by ``.to_dict("index")``.

        Examples
        --------
        >>> from bargaining import Game, Monitoring
        >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2)
        >>> one = {"good": 0.5, "bad": 0.5}
        >>> report = Monitoring.of(partners, {("work", "work"): {"good": 0.9, "bad": 0.1}, ("work", "shirk"): one,
        ...     ("shirk", "work"): one, ("shirk", "shirk"): {"good": 0.25, "bad": 0.75}})
        >>> report.probabilities[0, 0], report.pairwise_full_rank(("work", "work"), (0, 1)).holds
        (array([0.9, 0.1]), False)
        """
        instance(game, "game", Game)
        if not isinstance(chances, Mapping) or not all(
            isinstance(each, Mapping) for each in chances.values()
        ):
            raise InvalidInput(
                '`chances` must map profiles to chances of signals, {("work", "work"): {"good": 0.9, ...}, '
                f"...}}; got {short(chances)}. For an array write Monitoring(array)."
            )
        known = {game.profile(profile, "chances"): each for profile, each in chances.items()}
        missing = [profile for profile in np.ndindex(*game.shape) if profile not in known]
        if missing:
            raise InvalidInput(
                f"`chances` must have every profile; {profile_name(game, missing[0])} is not there."
            )
        signals = list(dict.fromkeys(str(signal) for each in known.values() for signal in each))
        table = np.zeros((*game.shape, len(signals)), dtype=object)
        for profile, each in known.items():
            for signal, chance in each.items():
                table[(*profile, signals.index(str(signal)))] = chance
        return cls(table, signals=signals)._of(game)

    def __repr__(self) -> str:
        return f"<Monitoring of {' x '.join(map(str, self.shape))} actions by {counted(len(self.signals), 'signal')}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of actions of each player."""
        return self.probabilities.shape[:-1]

    @property
    def players(self) -> int:
        """The number of players."""
        return self.probabilities.ndim - 1

    @property
    def exact(self) -> Rationals:
        """The chances as `Fraction`, of the shape of `probabilities`."""
        return self._exact

    @property
    def is_perfect(self) -> bool:
        """Whether every signal reveals the profile: no signal can follow two profiles."""
        flat = self._exact.reshape(-1, len(self.signals)) > 0
        return bool((flat.sum(axis=0) <= 1).all())

    @property
    def is_uninformative(self) -> bool:
        """Whether the probabilities are the same after every profile."""
        flat = self._exact.reshape(-1, len(self.signals))
        return bool((flat == flat[0]).all())

    @classmethod
    def perfect(cls, game: Game) -> Monitoring:
        """Return a signal for each profile: the players see the actions.

        Examples
        --------
        >>> from bargaining import Game, Monitoring
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
        >>> Monitoring.perfect(prisoners).signals
        ('C, C', 'C, D', 'D, C', 'D, D')
        """
        instance(game, "game", Game)
        names = [profile_name(game, profile) for profile in np.ndindex(*game.shape)]
        count = len(names)
        return cls(np.eye(count, dtype=int).reshape(*game.shape, count), signals=names)._of(game)

    @classmethod
    def none(cls, game: Game) -> Monitoring:
        """Return a single signal, whatever is played: no information."""
        instance(game, "game", Game)
        return cls(np.ones((*game.shape, 1), dtype=int), signals=["nothing"])._of(game)

    @classmethod
    def product(
        cls, own: Sequence[ArrayLike], *, signals: Sequence[Sequence[str]] | None = None
    ) -> Monitoring:
        """Return independent signals, one for each player, whose chances depend on her own action.

        Parameters
        ----------
        own : sequence of array_like, the k-th of shape (a_k, S_k)
            Row i has the chances of player k's signals when she plays i.
        signals : sequence of sequences of str, optional
            Names of each player's signals. A joint signal is named after all of them.

        Examples
        --------
        >>> from bargaining import Monitoring
        >>> each = [[0.9, 0.1], [0.3, 0.7]]
        >>> reports = Monitoring.product([each, each], signals=["+-", "+-"])
        >>> reports.signals
        ('++', '+-', '-+', '--')
        >>> reports.pairwise_full_rank((0, 0), (0, 1)).holds
        True
        """
        tables = listed(own, "own", "a list with one array per player")
        for k, table in enumerate(tables):
            real(table, f"own[{k}]", ndim=2)
        parts = [Monitoring(table).exact for table in tables]  # the same conditions
        named = signals if signals is not None else [list(map(str, range(part.shape[1]))) for part in parts]
        wanted = "a list of lists of names"
        words = [list(map(str, listed(each, "signals", wanted))) for each in listed(named, "signals", wanted)]
        if [len(each) for each in words] != [part.shape[1] for part in parts]:
            raise InvalidInput(
                f"`signals` must name the signals of every player, {[p.shape[1] for p in parts]} of them; "
                f"got {[len(each) for each in words]}."
            )
        count, counts = len(parts), tuple(part.shape[1] for part in parts)
        joint = reduce(np.multiply.outer, parts).transpose([*range(0, 2 * count, 2), *range(1, 2 * count, 2)])
        short_names = all(len(word) == 1 for each in words for word in each)
        names = [
            ("" if short_names else ", ").join(each[y] for each, y in zip(words, seen, strict=True))
            for seen in np.ndindex(*counts)
        ]
        return cls(joint.reshape(*joint.shape[:count], -1), signals=names)

    @classmethod
    def noisy(cls, game: Game, correct: Any) -> Monitoring:
        """Return signals that are profiles: each player's action is seen correctly with probability `correct`.

        If an action is seen wrongly, each of the player's other actions is seen with equal probability; mistakes are
        independent across players.
        """
        instance(game, "game", Game)
        chance = rational(correct, "correct", ndim=0).item()
        if not 0 <= chance <= 1:
            raise InvalidInput(f"`correct` must lie in [0, 1]; got {short(correct)}.")
        own = []
        for count in game.shape:
            own.append(np.full((count, count), (1 - chance) / max(count - 1, 1), dtype=object))
            np.fill_diagonal(own[-1], chance if count > 1 else Fraction(1))
        return cls.product(own, signals=game.actions)._of(game)

    def garbled(self, noise: ArrayLike, *, signals: Sequence[str] | None = None) -> Monitoring:
        """Return a coarser signal: after signal y, signal z of another list is seen with probability `noise[y, z]`.

        A garbled signal never enlarges the set of equilibrium payoffs (proposition `monitoring-garbling`).

        Parameters
        ----------
        noise : array_like of shape (S, Z)
            Rows that add up to 1.
        signals : sequence of str, optional
            Names of the new signals.
        """
        table = rational(noise, "noise", ndim=2)
        if table.shape[0] != len(self.signals):
            raise InvalidInput(
                f"`noise` must have {len(self.signals)} rows, one a signal; got {table.shape[0]}."
            )
        made = Monitoring(self._exact @ Monitoring(noise).exact, signals=signals)  # the same conditions
        return made if self._game is None else made._of(self._game)

    def expected(self, *payoffs: ArrayLike, actions: Sequence[Sequence[str]] | None = None) -> Game:
        """Return the game of expected payoffs, if payoffs depend on the player's own action and the signal.

        Parameters
        ----------
        *payoffs : array_like, the k-th of shape (a_k, S)
            Player k's payoff when she plays i and signal y is seen.
        actions : sequence of sequences of str, optional
            Names of each player's actions.

        Examples
        --------
        >>> from bargaining import Monitoring
        >>> report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])
        >>> sales = [[3, -7], [5, 1]]
        >>> report.expected(sales, sales).payoffs[0, 0].round(6)
        array([2., 2.])
        """
        if len(payoffs) != self.players:
            raise InvalidInput(
                f"`payoffs` must hold one array per player, {self.players}; got {len(payoffs)}."
            )
        arrays = []
        for k, table in enumerate(payoffs):
            wanted = (self.shape[k], len(self.signals))
            given = rational(table, f"payoffs[{k}]", ndim=2)
            if given.shape != wanted:
                raise InvalidInput(f"`payoffs[{k}]` must have shape {wanted}; got {given.shape}.")
            own = given.reshape([n if i == k else 1 for i, n in enumerate(self.shape)] + [wanted[1]])
            arrays.append((self._exact * own).sum(axis=-1))
        return Game(*arrays, actions=actions)

    def full_rank(self, profile: Profile, player: int | str) -> Rank:
        r"""Say whether the deviations of one player can be distinguished: *individual full rank* at a profile.

        The rows :math:`p(\cdot \mid b, a_{-i})`, one for each action b of player i, are independent.
        """
        return self.pairwise_full_rank(profile, (player,))

    def pairwise_full_rank(self, profile: Profile, players: Sequence[int | str]) -> Rank:
        """Say whether deviations of two players can be distinguished from each other: *pairwise full rank*.

        The rows of both have rank :math:`|A_i| + |A_j| - 1`, as all of them have the row of the profile. With
        individual and pairwise full rank at enough profiles the folk theorem holds (Fudenberg, Levine and Maskin 1994,
        Econometrica 62, 997-1039, doi:10.2307/2951505).
        """
        at: Any = profile if self._game is None else self._game.profile(profile)
        try:
            at = tuple(index(a, "profile", "action", n) for a, n in zip(at, self.shape, strict=True))
        except (InvalidInput, TypeError, ValueError):
            raise InvalidInput(
                f"`profile` must be one action index per player of {self.shape}; got {short(profile)}. Names of "
                "actions are known if it is made by Monitoring.of(game, chances)."
            ) from None
        names = self.players if self._game is None else self._game.player_names
        named = [player_index(k, "players", names) for k in listed(players, "players", "a list of players")]
        if not named or len(set(named)) < len(named):
            raise InvalidInput(f"`players` must name one player or more, each once; got {short(players)}.")
        rows = [self._exact[(*at[:k], slice(None), *at[k + 1 :])] for k in named]
        full = sum(self.shape[k] for k in named) - len(named) + 1
        return Rank(rank(integers(np.vstack(rows))[0].tolist()), full)


def check_monitoring(game: Game, monitoring: Monitoring | None) -> None:
    """Raise InvalidInput unless the monitoring, if any, is of the actions of the game."""
    if monitoring is None:
        return
    if not isinstance(monitoring, Monitoring):
        raise InvalidInput(
            f"`monitoring` must be a Monitoring or None; got {short(monitoring)}. Wrap the chances: Monitoring(p)."
        )
    if monitoring.shape != game.shape:
        raise InvalidInput(
            f"`monitoring` must have the game's {' x '.join(map(str, game.shape))} actions; got {monitoring!r}."
        )
    if monitoring._game is not None:
        made_of = (monitoring._game.player_names, *monitoring._game.actions)
        for names, others in zip((game.player_names, *game.actions), made_of, strict=True):
            if names != others and are_given(names) and are_given(others):
                raise InvalidInput(
                    f"`monitoring` must be of the same players and actions in the same order; the game has "
                    f"{', '.join(names)}, it {', '.join(others)}. Make it of this game."
                )
