"""Nash equilibria of a stage game, each with its exact regret; the result says whether the list is proved complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import comb
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import choice, whole
from bargaining._arrays import Floats, record
from bargaining._calls import suggesting
from bargaining._names import numbered, titles
from bargaining._rational import Rationals, floats
from bargaining._rich import Card, Shown, brief, point
from bargaining.equilibria.stage._mixed import (
    components,
    evaluate,
    extreme_equilibria,
    mixed_profiles,
    positive,
)
from bargaining.errors import NotApplicable
from bargaining.games.normal_form import Game, Strategy, indifferent, require_game, spread

if TYPE_CHECKING:
    import pandas as pd

_VERTICES = 10_000  # at which the exact enumeration gives up: about half a second
_ROW_OPERATIONS = 200_000  # in nashpy's tableaus along the Lemke-Howson paths: about a second
_SUPPORTS = 1_000  # nashpy's enumeration of supports stops being quick here,
_BASES = 3_000  # and its enumeration of vertices here
_BUDGET = 20_000  # boxes of the subdivision for three and more players: some seconds
_REGRET = Fraction(1, 10**12)  # of a profile in floats at an equilibrium that is not rational
# largest regret that rounding explains; a larger one shows that a profile is no equilibrium
_DOUBTFUL = Fraction(1, 10**7)
_SAME = 1e-7  # profiles closer than this are one equilibrium that was found in two cells
_DENOMINATOR = 10_000  # up to which a float is tried as a fraction: payoffs of a few digits lead to such
_ROUNDING = 1e-13  # of a probability found in floats; a fraction farther from it is another number
_STARTS = 8  # starts of paths to equilibria, if not all equilibria could be enumerated


@record
class StageEquilibria(Shown):
    r"""The Nash equilibria found, each proved in exact arithmetic.

    Attributes
    ----------
    profiles : tuple of tuple of ndarray
        For each equilibrium one mixed strategy per player: the exact probabilities, rounded once.
    payoffs : ndarray of shape (k, n)
        Each player's payoff in each equilibrium.
    exact : tuple of tuple of tuple of Fraction
        The strategies in exact arithmetic; every float payoff is a rational. Equilibria of three and more players
        can be irrational: then these are rational strategies nearby, and `regret` is not zero.
    exact_payoffs : tuple of tuple of Fraction
        The payoffs in exact arithmetic.
    regret : tuple of Fraction
        For each equilibrium the largest gain of a player by another action, over the player's payoff range,
        recomputed from the game: exactly zero, or at most 1e-12 if the equilibrium is irrational.
    complete : bool
        Whether the list is complete: for two players, every *extreme* equilibrium is listed, and all others are
        mixtures of extreme ones within `components`; for more, there are finitely many and each is listed.
    finite : bool or None
        Whether the game has finitely many equilibria; None if `complete` is false.
    components : tuple of tuple of int
        Indices of `profiles` grouped into the connected components of the set of equilibria (of the part
        that was found, if `complete` is false).
    method : str
        ``"vertices"``, ``"supports"``, ``"nashpy"`` or ``"pure"``.
    player_names : tuple of str
        The names of the players, or their numbers.
    actions : tuple of tuple of str
        The names of each player's actions, in the order of the probabilities.
    """

    profiles: tuple[tuple[Floats, ...], ...]
    payoffs: Floats
    exact: tuple[tuple[Strategy, ...], ...]
    exact_payoffs: tuple[tuple[Fraction, ...], ...]
    regret: tuple[Fraction, ...]
    complete: bool
    finite: bool | None
    components: tuple[tuple[int, ...], ...]
    method: str
    player_names: tuple[str, ...] = ()
    actions: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if not self.player_names and self.payoffs.ndim > 1:
            object.__setattr__(self, "player_names", numbered(self.payoffs.shape[1]))

    def __len__(self) -> int:
        return len(self.profiles)

    def __getitem__(self, index: int) -> tuple[Floats, ...]:
        return self.profiles[index]

    def __iter__(self) -> Iterator[tuple[Floats, ...]]:
        return iter(self.profiles)

    def __repr__(self) -> str:
        known = "complete" if self.complete else "perhaps not all"
        return f"<StageEquilibria: {len(self)} found, {known}>"

    def _card(self) -> Card:
        """Return a row for each equilibrium: the strategies, then the payoffs."""
        rows = [
            [*(brief(strategy) for strategy in profile), point(payoffs)]
            for profile, payoffs in zip(self.exact, self.payoffs, strict=True)
        ]
        heads = [*titles(self.player_names), "payoffs"]
        note = "all extreme equilibria" if self.complete else "some equilibria may be missing"
        return Card(title="Stage equilibria", heads=heads, rows=rows, notes=[note])

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame: per equilibrium and player a row with the probability of each action, the payoff.

        Examples
        --------
        >>> from bargaining import Game
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"], players=["Ann", "Bob"])
        >>> prisoners.equilibria().to_frame()
                              C    D  payoff
        equilibrium player
        0           Ann     0.0  1.0     3.0
                    Bob     0.0  1.0     3.0
        """
        import pandas as pd

        rows = [
            dict(zip(own, chances, strict=True)) | {"payoff": payoff}
            for profile, payoffs in zip(self.profiles, self.payoffs, strict=True)
            for own, chances, payoff in zip(self.actions, profile, payoffs, strict=True)
        ]
        places = [range(len(self)), self.player_names]
        index = pd.MultiIndex.from_product(places, names=["equilibrium", "player"])
        heads = [*dict.fromkeys(name for own in self.actions for name in own), "payoff"]
        return pd.DataFrame(rows, index=index, columns=heads)

    def worst(self) -> tuple[Fraction, ...]:
        """Return each player's lowest payoff over the equilibria listed.

        Over all equilibria, if `complete`: payoffs are linear in each strategy, so the lowest is extreme.

        Raises
        ------
        NotApplicable
            If no equilibrium is listed.
        """
        if not self.exact_payoffs:
            raise NotApplicable("No equilibrium of the stage game was found, so there is no worst one.")
        return tuple(min(column) for column in zip(*self.exact_payoffs, strict=True))


@suggesting
def stage_equilibria(
    game: Game,
    *,
    method: Literal["auto", "vertices", "supports", "nashpy", "pure"] = "auto",
    budget: int = _BUDGET,
) -> StageEquilibria:
    r"""Return the Nash equilibria of a game in normal form.

    A profile :math:`(x, y)` is an equilibrium of the two-player game :math:`(A, B)` if every action used is
    a best reply:

    .. math:: x_i > 0 \Rightarrow (Ay)_i = \max_k (Ay)_k, \qquad
              y_j > 0 \Rightarrow (x^\top B)_j = \max_k (x^\top B)_k.

    Parameters
    ----------
    game : Game
        The stage game, of any number of players.
    method : {"auto", "vertices", "supports", "nashpy", "pure"}
        For two players ``"vertices"`` enumerates the extreme equilibria exactly and ``"nashpy"`` proves the
        candidates of nashpy's algorithms; for any number ``"supports"`` solves the indifference conditions of every
        profile of supports, and ``"pure"`` lists pure equilibria alone. ``"auto"`` takes the vertices for two
        players, candidates of nashpy if the game is too large for that, and supports for three and more.
    budget : int, default 20000
        The boxes that ``"supports"`` may look at; the default allows some seconds. Past it `complete` is false.

    Returns
    -------
    StageEquilibria

    Raises
    ------
    NotApplicable
        If `method` is ``"vertices"`` and the game is too large, or does not have two players.

    Notes
    -----
    Actions strictly dominated by a pure action are removed first, again and again; no equilibrium uses them.

    *Vertices.* The extreme equilibria are the pairs of vertices of the two best-reply polytopes at which every
    action is unused or a best reply; the set of equilibria is a union of products of hulls of them (Mangasarian
    1964; Avis, Rosenberg, Savani & von Stengel 2010). Integers throughout: a degenerate game is no exception.

    *nashpy.* Its floats are used only to find supports. On each pair of them the indifference conditions are solved
    exactly, and candidates that are not exact equilibria are dropped.

    *Supports.* For three and more players: on each profile of supports the indifference conditions are polynomials,
    linear in the strategy of each player. Their probabilities are cut into boxes until each is shown to contain no
    solution, or exactly one (Krawczyk 1969). With a continuum of equilibria or a singular one, boxes remain
    undecided: then `complete` is false, and the paths of `markov_equilibria` add equilibria, so that some are found in
    any game.

    References
    ----------
    Avis, D., Rosenberg, G. D., Savani, R. and von Stengel, B. (2010). Enumeration of Nash equilibria for two-player
    games. *Economic Theory* 42(1), 9-37. doi:10.1007/s00199-009-0449-x

    McKelvey, R. D. and McLennan, A. (1996). Computation of equilibria in finite games. In *Handbook of Computational
    Economics*, Elsevier, 87-142. doi:10.1016/S1574-0021(96)01004-0

    Examples
    --------
    >>> from bargaining import Game, stage_equilibria
    >>> chicken = Game([[0, 7], [2, 6]], [[0, 2], [7, 6]])
    >>> found = stage_equilibria(chicken)
    >>> found.complete, found.payoffs.round(4).tolist()
    (True, [[2.0, 7.0], [4.6667, 4.6667], [7.0, 2.0]])
    >>> for first, second in found:
    ...     print(first.round(3), second.round(3))
    [0. 1.] [1. 0.]
    [0.333 0.667] [0.333 0.667]
    [1. 0.] [0. 1.]
    """
    require_game(game)
    choice(method, "method", ("auto", "vertices", "supports", "nashpy", "pure"))
    work = whole(budget, "budget", least=1)
    exact = game.exact
    kept = _undominated(exact)
    small = exact[np.ix_(*kept)]
    if method in ("vertices", "nashpy") and game.players != 2:
        raise NotApplicable(f'method="{method}" is for two players; the game has {game.players}.')
    alone = game.players == 1 or small.size == game.players
    if method == "pure" or (alone and game.players != 2):
        return _result(game, kept, _pure(small), complete=alone, method="pure")
    if method == "supports" or game.players != 2:
        profiles, complete = _by_supports(small, work)
        return _result(game, kept, profiles, complete=complete, method="supports")
    pairs = None if method == "nashpy" else extreme_equilibria(small, limit=_VERTICES)
    if pairs is not None:
        return _result(game, kept, pairs, complete=True, method="vertices")
    if method == "vertices":
        raise NotApplicable(f"A game of {small.shape[:2]} undominated actions is too large to enumerate.")
    return _result(game, kept, _proved(small), complete=False, method="nashpy")


def _undominated(exact: Rationals) -> list[NDArray[np.intp]]:
    """Return the actions that survive iterated strict dominance by pure actions, for each player."""
    players = exact.shape[-1]
    ranks: NDArray[np.intp] = np.stack(
        [np.unique(exact[..., i], return_inverse=True)[1].reshape(exact.shape[:-1]) for i in range(players)],
        -1,
    )
    kept: list[NDArray[np.intp]] = [np.arange(count) for count in ranks.shape[:-1]]
    while True:
        sizes = [own.size for own in kept]
        for i in range(players):
            own = np.moveaxis(ranks[np.ix_(*kept)][..., i], i, 0).reshape(kept[i].size, -1)
            beaten = [bool((own > row).all(axis=1).any()) for row in own]
            kept[i] = kept[i][~np.array(beaten)]
        if sizes == [own.size for own in kept]:
            return kept


def _pure(exact: Rationals) -> list[tuple[Strategy, ...]]:
    shape: tuple[int, ...] = exact.shape[:-1]
    stable = np.ones(shape, dtype=bool)
    for i in range(exact.shape[-1]):
        stable &= (exact[..., i] == exact[..., i].max(axis=i, keepdims=True)).astype(bool)
    return [
        tuple(
            tuple(Fraction(int(k == action)) for k in range(count))
            for action, count in zip(profile, shape, strict=True)
        )
        for profile in np.argwhere(stable).tolist()
    ]


def _by_supports(exact: Rationals, budget: int) -> tuple[list[Any], bool]:
    """Return the equilibria of any number of players, and whether they are proved to be all."""
    scaled = _scaled(exact)
    search = mixed_profiles(scaled, budget=budget)
    candidates = search.profiles if search.complete else [*search.profiles, *_by_paths(scaled)]
    found, complete = _pure(exact), search.complete
    places = [np.concatenate([floats(own) for own in profile]) for profile in found]
    for candidate in candidates:
        place = np.concatenate(candidate)
        if any(np.abs(place - other).max() < _SAME for other in places):
            continue
        profile, regret = _rational_profile(exact, candidate)
        if regret <= _REGRET:
            found.append(profile)
            places.append(place)
        elif regret <= _DOUBTFUL:  # perhaps an equilibrium that floats do not reach
            complete = False
    return found, complete


def _scaled(exact: Rationals) -> Floats:
    """Return payoffs mapped to [0, 1], player by player."""
    low, high = (bound(exact.reshape(-1, exact.shape[-1]), axis=0) for bound in (np.min, np.max))
    return floats((exact - low) / (high - low + (high == low)))


def _by_paths(scaled: Floats) -> list[tuple[Floats, ...]]:
    """Return equilibria at the ends of paths from several starts."""
    from bargaining.equilibria.stochastic.markov import markov_equilibria
    from bargaining.games.stochastic import StochasticGame

    once = StochasticGame([Game(*np.moveaxis(scaled, -1, 0))], [np.ones((*scaled.shape[:-1], 1))], 0.0)
    return [tuple(profile.strategies[0]) for profile in markov_equilibria(once, starts=_STARTS, rng=0)]


def _rational_profile(exact: Rationals, candidate: Sequence[Floats]) -> tuple[tuple[Strategy, ...], Fraction]:
    """Return a rational profile near a candidate, in simple fractions if possible, and its regret."""
    simple: list[Strategy] = []
    given: list[Strategy] = []
    for own in candidate:
        floats_given = [Fraction(x) for x in own.tolist()]
        rounded = [x.limit_denominator(_DENOMINATOR) for x in floats_given]
        off = max(abs(x - y) for x, y in zip(rounded, floats_given, strict=True))
        for kept, numbers in ((simple, rounded if off < _ROUNDING else floats_given), (given, floats_given)):
            kept.append(tuple(x / sum(numbers) for x in numbers))
    for profile in (tuple(simple), tuple(given)):
        regret = evaluate(exact, [profile])[1][0]
        if regret <= _REGRET:
            break
    return profile, regret


def _proved(exact: Rationals) -> list[Any]:
    """Return the pure equilibria, and the candidates of nashpy that are exact equilibria on their supports."""
    first, second = positive(exact[..., 0]), positive(exact[..., 1])
    supports = {
        (_support(x), _support(y)): None for x, y in _candidates(*np.moveaxis(1.0 + _scaled(exact), -1, 0))
    }
    found: dict[Any, None] = dict.fromkeys(_pure(exact))
    for rows, columns in supports:
        x = indifferent(second, rows, columns)
        y = indifferent(first.T, columns, rows)
        if x is not None and y is not None:
            found[x, y] = None
    return list(found)


def _support(strategy: Floats) -> tuple[int, ...]:
    return tuple(np.flatnonzero(strategy > 1e-9 * strategy.max()).tolist())


def _candidates(first: Floats, second: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Yield what nashpy finds, whether right or not."""
    import warnings

    import nashpy

    game = nashpy.Game(first, second)
    rows, columns = first.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on degenerate games; all candidates are checked
        yield from _lemke_howson(first, second)
        if comb(rows + columns, rows) <= _SUPPORTS:
            yield from _finite(game.support_enumeration())
        if comb(rows + columns, rows) <= _BASES:
            yield from _finite(game.vertex_enumeration())


def _finite(pairs: Iterator[tuple[Floats, Floats]]) -> Iterator[tuple[Floats, Floats]]:
    """Yield candidates until the enumeration ends or fails, as it does on some degenerate games."""
    from scipy.spatial import QhullError

    try:
        yield from (pair for pair in pairs if all(np.isfinite(side).all() for side in pair))
    except (QhullError, np.linalg.LinAlgError, TypeError):
        return


def _lemke_howson(first: Floats, second: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Follow the path from every label on nashpy's tableaus, giving up a path that is lost or too long."""
    labels = sum(first.shape) if min(first.shape) > 1 else 0
    budget = _ROW_OPERATIONS // max(1, labels)
    for label in range(labels):
        pivots = min(4 * labels, budget)
        try:
            pair, used = _path(first, second, label, pivots)
        except (KeyError, ValueError):  # rounding left the tableau without the label to drop
            pair, used = None, pivots
        if pair and tuple(map(len, pair)) == first.shape and all(np.isfinite(x).all() for x in pair):
            yield pair
        budget -= used
        if budget <= 0:
            return


def _path(first: Floats, second: Floats, label: int, pivots: int) -> tuple[tuple[Floats, Floats] | None, int]:
    from nashpy.linalg import create_col_tableau, create_row_tableau

    rows, columns = create_row_tableau(second, True), create_col_tableau(first, True)
    pair = (rows, columns) if label in rows.non_basic_variables else (columns, rows)
    for step in range(pivots):
        label = pair[step % 2].pivot_and_drop_label(label)
        free = rows.non_basic_variables, columns.non_basic_variables
        if free[0] | free[1] == rows.labels:
            return (rows.to_strategy(free[1]), columns.to_strategy(free[0])), step + 1
    return None, pivots


def _result(
    game: Game, kept: list[NDArray[np.intp]], found: list[Any], *, complete: bool, method: str
) -> StageEquilibria:
    shape, exact = game.shape, game.exact
    full = sorted(
        {
            tuple(
                spread(own, at.tolist(), count) for own, at, count in zip(profile, kept, shape, strict=True)
            )
            for profile in found
        }
    )
    payoffs, regret = evaluate(exact, full)
    groups = components(full)
    return StageEquilibria(
        profiles=tuple(tuple(floats(own) for own in profile) for profile in full),
        payoffs=floats(payoffs).reshape(len(full), len(shape)),
        exact=tuple(full),
        exact_payoffs=tuple(payoffs),
        regret=tuple(regret),
        complete=complete,
        finite=len(groups) == len(full) if complete else None,
        components=groups,
        method=method,
        player_names=game.player_names,
        actions=game.actions,
    )
