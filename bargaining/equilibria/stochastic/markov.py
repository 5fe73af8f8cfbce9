"""Stationary (Markov perfect) equilibria of stochastic games, found along a path and checked by their regret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from math import isqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import generator, listed, whole
from bargaining._arrays import Floats, owning, per_player, real, scalar, short, spread, within
from bargaining._calls import suggesting
from bargaining._names import ordered, place, titles
from bargaining._rational import Rationals, floats
from bargaining._rich import Result, Shown
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic._markov import REGRET, Arrays, compile_game, equilibrium, refine, regret
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.normal_form import Game
from bargaining.games.stochastic import StochasticGame, require_stochastic


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StationaryProfile(Shown):
    r"""Strategies that depend only on the state, and their payoffs.

    Attributes
    ----------
    strategies : tuple of tuple of ndarray
        Entry `[s][i]` holds player i's probabilities of her actions in state s.
    leave : ndarray of shape (S, n)
        Probability with which each player leaves at the start of a period in each state; 0 where she may not.
    values : ndarray of shape (S, n)
        Average payoff of each player from the start of a period in each state.
    regret : float
        The largest gain by deviating for one period, in any state, as a present value over the player's range of
        payoffs. A player who may leave decides twice in a period, whether to stay and then what to do, and may deviate
        at both. No deviation, however long, raises an *average* payoff by more. An equilibrium has regret zero, up to
        rounding.
    chain : ndarray of shape (S, S)
        Probability that the next period starts in each state; a row sums to one less the probability of exit.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    strategies: tuple[tuple[Floats, ...], ...]
    leave: Floats
    values: Floats
    regret: float
    chain: Floats
    player_names: tuple[str, ...]
    _game: StochasticGame | None = field(default=None, repr=False)
    _by_player: ClassVar = ("leave", "values")

    def pure(self, *, tol: float = 1e-9) -> bool:
        """Say whether nobody randomises."""
        tol = scalar(tol, "tol")
        certain = [own.max() > 1 - tol for state in self.strategies for own in state]
        return all(certain) and bool((np.abs(self.leave - 0.5) > 0.5 - tol).all())


def _stationary(game: StochasticGame, arrays: Arrays, vector: Floats) -> StationaryProfile:
    """Return the profile that a vector stands for."""
    n, states = game.players, len(game)
    pieces = np.split(vector, arrays.first[1:])
    leave = np.zeros((states, n))
    for s, e in enumerate(arrays.entry.tolist()):
        if e != s:
            leave[s] = [own[1:].sum() for own in pieces[e * n : (e + 1) * n]]
    value = compile_game(game, scaled=False).evaluate(vector)
    return StationaryProfile(
        strategies=tuple(tuple(pieces[s * n : (s + 1) * n]) for s in range(states)),
        leave=leave,
        values=value.worth[:, arrays.entry].T,
        regret=regret(arrays, vector),
        chain=(1.0 - leave).prod(axis=1)[:, None] * value.chain[:states][:, arrays.entry],
        player_names=game.player_names,
        _game=game,
    )


def _flat(game: StochasticGame, strategies: Sequence[Sequence[Any]], leave: ArrayLike | None) -> Floats:
    """Return strategies as one vector, or raise an error that names the state and the player."""
    by_state = listed(strategies, "strategies", "a list of strategies by state and player")
    if len(by_state) != len(game):
        raise InvalidInput(f"`strategies` must have one entry a state ({len(game)}); got {len(by_state)}.")
    pieces = []
    for s, given in enumerate(by_state):
        by_player = ordered(given, f"strategies[{s}]", game.player_names)
        own = listed(by_player, f"strategies[{s}]", "a list of strategies by player")
        if len(own) != game.players:
            raise InvalidInput(
                f"`strategies` must have one entry a player ({game.players}) in state {game.states[s]}; "
                f"got {len(own)}."
            )
        pieces += [_mixed(own[i], game, s, i) for i in range(game.players)]
    return np.concatenate(pieces + _leaving(game, leave))


def _mixed(value: Any, game: StochasticGame, state: int, player: int) -> Floats:
    where = f"of {titles(game.player_names)[player]} in state {game.states[state]}"
    names = game.games[state].actions[player]
    if isinstance(value, str):
        value = np.eye(len(names))[place(value, "strategies", names, f"action {where}")]
    elif isinstance(value, Mapping):
        played = {place(name, "strategies", names, f"action {where}"): share for name, share in value.items()}
        value = [played.get(k, 0) for k in range(len(names))]
    weights = within(real(value, "strategies"), "strategies", 0.0, 1.0)
    count = game.shape(state)[player]
    if weights.shape != (count,) or abs(weights.sum() - 1.0) > 1e-9:
        raise InvalidInput(
            f"`strategies` {where} must be {count} probabilities that sum to 1; got {weights.tolist()}."
        )
    probabilities: Floats = weights / weights.sum()
    return probabilities


def _leaving(game: StochasticGame, leave: ArrayLike | None) -> list[Floats]:
    states, n = len(game), game.players
    chance = np.zeros((states, n)) if leave is None else per_player(leave, "leave", game.player_names)
    chance = spread(within(chance, "leave", 0.0, 1.0), "leave", (states, n))
    pieces = []
    for s, right in enumerate(game.exits):
        who = () if right is None else right.who
        for i in range(n):
            if i not in who and chance[s, i] > 0:
                raise InvalidInput(
                    f"`leave` must be 0 for {titles(game.player_names)[i]} in state {game.states[s]}, "
                    f"who may not leave; got {chance[s, i]:g}."
                )
            if right is not None:
                pieces.append(np.array([1.0 - chance[s, i], chance[s, i]]) if i in who else np.ones(1))
    return pieces


_STARTS = 100_000  # paths that one call may follow: hours of work
_SAME = 1e-7  # of probabilities: equilibria that close are one found twice


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkovEquilibria(Result):
    """The stationary equilibria found, each with its regret.

    Attributes
    ----------
    profiles : tuple of StationaryProfile
        Different equilibria, in the order found; every regret is at most 1e-12.
    complete : bool
        Whether these are all; always false in results of `markov_equilibria`, since there may be others.
    starts : int
        The number of starting points.
    failed : int
        How many of them led to no equilibrium of that accuracy.
    status : Status
        OK, or FAILED if none was found.
    """

    profiles: tuple[StationaryProfile, ...]
    complete: bool
    starts: int
    failed: int
    status: Status

    def __len__(self) -> int:
        return len(self.profiles)

    def __getitem__(self, index: int) -> StationaryProfile:
        return self.profiles[index]

    def __iter__(self) -> Iterator[StationaryProfile]:
        return iter(self.profiles)


@suggesting
def markov_equilibria(
    game: StochasticGame,
    *,
    starts: int | Sequence[Sequence[Sequence[ArrayLike]]] = 1,
    rng: np.random.Generator | int | None = None,
) -> MarkovEquilibria:
    r"""Return stationary equilibria of a stochastic game, in behaviour strategies.

    A strategy profile :math:`\sigma` that depends on the state alone is a (Markov perfect) equilibrium if in
    every state every action used is a best reply to what follows:

    .. math:: \sigma_i(a_i \mid s) > 0 \Rightarrow Q_i(s, a_i) = \max_b Q_i(s, b), \qquad
              Q_i(s, a_i) = E_\sigma\Big[(1-\delta_i) g_i(s, a) + \delta_i \sum_{s'} P(s' \mid s, a) V_i(s')\Big],

    where V are the payoffs of :math:`\sigma` itself.

    Parameters
    ----------
    game : StochasticGame
        Any number of players; discount factors may differ. A game of one player is a Markov decision problem.
    starts : int or sequence of strategies, default 1
        The number of strategies to start from: first the uniform one, then random ones; or the strategies themselves,
        with positive probabilities.
    rng : numpy.random.Generator or int, optional
        Draws the random strategies.

    Returns
    -------
    MarkovEquilibria

    Raises
    ------
    InvalidInput
        If `starts` is neither a positive number nor strategies inside the simplex.

    Notes
    -----
    *Timing.* In a state with a right to leave, those who may leave decide simultaneously whether to; if all stay, they
    act. The choice to leave is a separate decision, which must be a best reply even if others leave with certainty.
    That all leave together is an equilibrium wherever two may.

    *Method.* A path of a logarithmic barrier game (Dang, Herings and Li 2022), from the starting strategies until the
    weight of the game is 1; there the indifference conditions of the supports are solved by Newton's method. A strategy
    is listed only if its regret, recomputed from one-shot deviations, is at most 1e-12.

    *How many.* Generic games have an odd number of stationary equilibria (Herings and Peeters 2004). Paths from almost
    every start end in one of the k + 1 of 2k + 1 whose index is +1; the others, such as the mixed equilibrium of a
    coordination game, are as a rule found only from starts that share a symmetry of the game. `stage_equilibria` lists
    all of a game of one state.

    References
    ----------
    Dang, C., Herings, P. J.-J. and Li, P. (2022). An interior-point differentiable path-following method to compute
    stationary equilibria in stochastic games. *INFORMS Journal on Computing* 34(3), 1403-1418.
    doi:10.1287/ijoc.2021.1139

    Herings, P. J.-J. and Peeters, R. J. A. P. (2004). Stationary equilibria in stochastic games: structure,
    selection, and computation. *Journal of Economic Theory* 118(1), 32-60.

    Examples
    --------
    Working raises the chance of good times, in which work is worth more:

    >>> from bargaining import Game, StochasticGame, markov_equilibria
    >>> bad, good = Game([[0, -1], [1, 0]], [[0, 1], [-1, 0]]), Game([[6, 3], [7, 4]], [[6, 7], [3, 4]])
    >>> rises = [[[0.2, 0.8], [0.6, 0.4]], [[0.6, 0.4], [0.9, 0.1]]]
    >>> game = StochasticGame([bad, good], [rises, rises], 0.9, actions=[["work", "shirk"]] * 2)
    >>> found = markov_equilibria(game)
    >>> [own.tolist() for own in found[0].strategies[0]], found[0].values.round(4).tolist()
    ([[1.0, 0.0], [1.0, 0.0]], [[4.32, 4.32], [4.92, 4.92]])
    """
    require_stochastic(game)
    arrays = compile_game(game)
    priors = _priors(game, arrays, starts, rng)
    found: list[Floats] = []
    failed = 0
    for prior in priors:
        strategy = equilibrium(arrays, prior)
        if strategy is None:
            failed += 1
        elif all(np.abs(strategy - other).max() > _SAME for other in found):
            found.append(strategy)
    return MarkovEquilibria(
        profiles=tuple(_stationary(game, arrays, strategy) for strategy in found),
        complete=False,
        starts=len(priors),
        failed=failed,
        status=Status.OK if found else Status.FAILED,
    )


@suggesting
def stationary_profile(
    game: StochasticGame, strategies: Sequence[Sequence[ArrayLike]], *, leave: ArrayLike | None = None
) -> StationaryProfile:
    """Return the payoffs of given stationary strategies, and the largest gain from deviating.

    Parameters
    ----------
    game : StochasticGame
        Any number of players.
    strategies : sequence over states of sequences over players of array_like, str or mapping
        Probabilities of the actions, in their order or by name; the name of an action means that action with certainty.
        Players may be given by name too.
    leave : array_like of shape (S, n) or (n,), optional
        Probability of leaving, for each state and player; nobody leaves by default.

    Returns
    -------
    StationaryProfile

    Examples
    --------
    >>> from bargaining import Game, StochasticGame, stationary_profile
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> game = StochasticGame([prisoners], [[1]], 0.9)
    >>> found = stationary_profile(game, [[[1, 0], [1, 0]]])
    >>> found.values.tolist(), round(found.regret, 10)
    ([[9.0, 9.0]], 0.1111111111)
    """
    require_stochastic(game)
    return _stationary(game, compile_game(game), _flat(game, strategies, leave))


def continue_profile(profile: StationaryProfile, game: StochasticGame) -> StationaryProfile | None:
    """Return the equilibrium of another game, of the same shape, that uses the same actions; None if there is none.

    Newton's method begins at the strategies of `profile`.
    """
    arrays = compile_game(game)
    strategy = _flat(game, profile.strategies, profile.leave)
    refined = refine(arrays, strategy, strategy > _SAME)
    return None if refined is None else _stationary(game, arrays, refined)


def _priors(game: StochasticGame, arrays: Arrays, starts: Any, rng: Any) -> list[Floats]:
    if isinstance(starts, int | np.integer) and not isinstance(starts, bool):
        if not 1 <= starts <= _STARTS:
            raise InvalidInput(f"`starts` must be 1 to {_STARTS}; got {short(starts)}.")
        draw = generator(rng)
        more = [arrays.normalise(draw.exponential(size=len(arrays.block)) + 1e-3) for _ in range(starts - 1)]
        return [arrays.normalise(np.ones(len(arrays.block))), *more]
    given = listed(starts, "starts", "a list of strategies, or a number")
    if not given:
        raise InvalidInput("`starts` must hold at least one profile of strategies; got none.")
    half = [
        [0.5 * (right is not None and i in right.who) for i in range(game.players)] for right in game.exits
    ]
    priors = [_flat(game, strategies, half) for strategies in given]
    if min(prior.min() for prior in priors) <= 0:
        raise InvalidInput(
            "`starts` must give every action a positive probability; got a zero. Mix in a little of every action."
        )
    return priors


_BITS = 200  # accuracy of the square roots in mixed strategies

Strategies = tuple[tuple[Fraction, ...], ...]
Values = tuple[Fraction, ...]
Local = tuple[list[tuple[Strategies, Values]], bool]
"""The equilibria of one state, given the values that follow, each with its values; and whether these are all."""


@suggesting
def directional_equilibria(game: StochasticGame, *, limit: int = 10_000) -> MarkovEquilibria:
    r"""Return all stationary equilibria of a stochastic game in which no state is reached again once it is left.

    Given the values of the states that may follow, play in a state is a game of its own. All its equilibria are
    computed, from the last states backwards, for each combination of equilibria in the states that follow.

    Parameters
    ----------
    game : StochasticGame
        Any number of players, who cannot leave. A state may follow itself, but no two states may lead to each
        other, whatever is played.
    limit : int, default 10,000
        The largest number of equilibria to keep: their number multiplies from state to state.

    Returns
    -------
    MarkovEquilibria
        `complete` says whether these are all. It is false if the limit was reached, if some state has infinitely many
        equilibria, or if the probability of staying in a state depends on actions and the state has more than two
        players or more than two actions each: then its pure equilibria are listed. `starts` and `failed` are 0.

    Raises
    ------
    InvalidInput
        If two states may lead to each other.
    NotApplicable
        If somebody may leave; make leaving an action that leads to a state of its own.

    Notes
    -----
    Let p(a) be the probability of staying in state s and :math:`N_i(a) = (1-\delta_i) g_i(a) + \delta_i \sum_{s' \ne s}
    P(s' \mid a) V_i(s')`. If p is constant, the equilibria are those of the stage game with payoffs N, with the values
    :math:`N_i / (1 - \delta_i p)`. Otherwise action r, played for ever, gives :math:`N_{ir}(y) / (1 - \delta_i p_r(y))`
    against a mixture y, and a player with two actions uses both if these are equal: a quadratic equation in y.
    All computations are in rationals; square roots are computed to 200 bits.

    References
    ----------
    Iskhakov, F., Rust, J. and Schjerning, B. (2016). Recursive lexicographical search: finding all Markov perfect
    equilibria of finite state directional dynamic games. *Review of Economic Studies* 83(2), 658-703.
    doi:10.1093/restud/rdv046

    Examples
    --------
    Two firms may each build a plant or wait; only one plant is profitable. A firm that builds alone has it for good:

    >>> from bargaining import Game, StochasticGame, directional_equilibria
    >>> before = Game([[0, 0], [0, 0]], [[0, 0], [0, 0]])
    >>> after = [Game([[one]], [[other]]) for one, other in ((3, 0), (0, 3), (-1, -1))]
    >>> builds = [[[1, 0, 0, 0], [0, 0, 1, 0]], [[0, 1, 0, 0], [0, 0, 0, 1]]]
    >>> stays = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    >>> found = directional_equilibria(StochasticGame([before, *after], [builds, *stays], 0.5))
    >>> found.complete, sorted(one.values[0].round(4).tolist() for one in found)
    (True, [[0.0, 0.0], [0.0, 1.5], [1.5, 0.0]])
    """
    require_stochastic(game)
    whole(limit, "limit", 1)
    if any(right is not None for right in game.exits):
        raise NotApplicable(
            "`game` must give nobody the right to leave here; make leaving an action that leads to a state of its own."
        )
    laws = [game.exact_transition(s) for s in range(len(game))]
    order, arrays = _order(game, laws), compile_game(game)
    solved: dict[tuple[Any, ...], Local] = {}
    found: list[dict[int, tuple[Strategies, Values]]] = [{}]
    complete = True
    for s in order:
        ahead = [k for k in range(len(game)) if k != s and laws[s][..., k].any()]
        longer = []
        for chosen in found:
            after = {k: chosen[k][1] for k in ahead}
            key = (s, *(after[k] for k in ahead))
            if key not in solved:
                solved[key] = _state(game, s, laws[s], after)
            local, every = solved[key]
            complete &= every
            longer += [{**chosen, s: one} for one in local]
        complete &= len(longer) <= limit
        found = longer[:limit]
    profiles = []
    for chosen in found:
        vector = np.concatenate([floats(own) for s in range(len(game)) for own in chosen[s][0]])
        profiles.append(_stationary(game, arrays, vector))
    profiles = [one for one in profiles if one.regret <= REGRET]
    return MarkovEquilibria(
        profiles=tuple(profiles),
        complete=complete and len(profiles) == len(found),
        starts=0,
        failed=0,
        status=Status.OK if profiles else Status.FAILED,
    )


def _order(game: StochasticGame, laws: list[Rationals]) -> list[int]:
    """Return the states in an order such that each comes after all states to which it may lead."""
    leads = {s: {k for k in range(len(game)) if k != s and law[..., k].any()} for s, law in enumerate(laws)}
    try:
        return list(TopologicalSorter(leads).static_order())
    except CycleError as error:
        circle = " -> ".join(game.states[s] for s in reversed(error.args[1]))
        raise InvalidInput(
            "`game` must be directional: no state may be reached again once it is left; but these lead to each "
            f"other: {circle}. For such games see `markov_equilibria`."
        ) from None


def _state(game: StochasticGame, s: int, law: Rationals, after: dict[int, Values]) -> Local:
    """Return the equilibria of one state, given the values of those that may follow."""
    delta, stay = game.exact_discounts, law[..., s]
    worth, left = (1 - delta) * game.games[s].exact, 1 - delta * stay[..., None]
    for k, values in after.items():
        worth = worth + law[..., k, None] * (delta * np.array(values, object))
    constant = bool((stay == stay.flat[0]).all())
    for_ever = Game(*np.moveaxis(worth / left, -1, 0))
    found = stage_equilibria(for_ever, method="auto" if constant else "pure")
    local = [*zip(found.exact, found.exact_payoffs, strict=True)]
    if constant or game.shape(s) != (2, 2):
        return local, bool(constant and found.complete and found.finite)
    mixed, every = _mixture(worth, left)
    return local + mixed, every


def _mixture(worth: Rationals, left: Rationals) -> Local:
    """Return the equilibria of two players in which both mix their two actions, and whether there are no others."""
    roots: list[list[Fraction]] = []
    every = True
    for i in (0, 1):  # the other player's mixture that makes player i indifferent
        n, d = (np.moveaxis(part[..., i], i, 0) for part in (worth, left))
        (a, b), (e, f) = ((n[r, 0], n[r, 1] - n[r, 0]) for r in (0, 1))
        (g, h), (k, m) = ((d[r, 0], d[r, 1] - d[r, 0]) for r in (0, 1))
        # (a + b y)(k + m y) = (e + f y)(g + h y)
        some = _roots(b * m - f * h, a * m + b * k - e * h - f * g, a * k - e * g)
        every &= some is not None and 0 not in some and 1 not in some
        roots.append([y for y in some or [] if 0 < y < 1])
    out: list[tuple[Strategies, Values]] = []
    for y in roots[0]:
        for x in roots[1]:
            values = []
            for i, other in ((0, y), (1, x)):
                n, d = (np.moveaxis(part[..., i], i, 0)[0] for part in (worth, left))
                values.append((n[0] + other * (n[1] - n[0])) / (d[0] + other * (d[1] - d[0])))
            out.append((((1 - x, x), (1 - y, y)), tuple(values)))
    return out, every


def _roots(a: Fraction, b: Fraction, c: Fraction) -> list[Fraction] | None:
    """Return the distinct roots of a y^2 + b y + c; None if every number is a root."""
    if not a:
        return ([-c / b] if b else []) if b or c else None
    square = b * b - 4 * a * c
    if square < 0:
        return []
    # sqrt(p / q) = sqrt(p q) / q, exact if it is rational
    root = Fraction(isqrt(square.numerator * square.denominator << 2 * _BITS), square.denominator << _BITS)
    return sorted({(-b - root) / (2 * a), (-b + root) / (2 * a)})
