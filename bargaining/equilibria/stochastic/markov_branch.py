"""Stationary equilibria along a parameter: one branch, with its folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, instance, whole
from bargaining._arrays import Floats, owning, scalar
from bargaining._rich import Shown
from bargaining.equilibria.stochastic._markov.arrays import Arrays, compile_game
from bargaining.equilibria.stochastic._markov.branch import Node, follow
from bargaining.equilibria.stochastic._markov.path import REGRET, refine
from bargaining.equilibria.stochastic.markov import markov_equilibria
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile, flat, stationary
from bargaining.errors import InvalidInput, Unsolved
from bargaining.games.stochastic import StochasticGame


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EquilibriumBranch(Shown):
    """A curve of stationary equilibria as a parameter moves; it may turn back.

    Attributes
    ----------
    parameters : ndarray of shape (k,)
        The parameter along the curve, in order; not monotone if there are folds.
    profiles : tuple of StationaryProfile
        The equilibria along the curve, each with its regret.
    folds : tuple of int
        Indices at which the parameter turns: just beyond, this branch has no equilibrium.
    changes : tuple of int
        Indices at which an action comes into use or goes out of it, and the parameter does not turn.
    ended : str
        ``"stop"``: the other end of the range was reached; ``"start"``: the branch came back to the end it
        started from; ``"points"``: the limit on points; ``"lost"``: at a degenerate point, where it may branch.
    """

    parameters: Floats
    profiles: tuple[StationaryProfile, ...]
    folds: tuple[int, ...]
    changes: tuple[int, ...]
    ended: str
    _family: Callable[[float], StochasticGame]
    _used: tuple[NDArray[np.bool_], ...]

    @property
    def values(self) -> Floats:
        """Average payoffs along the curve, shape (k, S, n)."""
        return np.array([profile.values for profile in self.profiles])

    def at(self, parameter: float) -> tuple[StationaryProfile, ...]:
        """Return the equilibria of this branch at one parameter: none, one, or several between folds.

        Raises
        ------
        Unsolved
            If one of them cannot be computed to a regret of 1e-12.
        """
        aim = scalar(parameter, "parameter")
        game = self._family(aim)
        arrays = compile_game(game)
        found = []
        for k in range(len(self.parameters) - 1):
            low, high = self.parameters[k : k + 2]
            last = k == len(self.parameters) - 2 and aim == high
            if not ((low - aim) * (high - aim) < 0 or aim == low or last):
                continue
            share = (aim - low) / (high - low) if high != low else 0.0
            ends = [flat(game, p.strategies, p.leave) for p in self.profiles[k : k + 2]]
            strategy = refine(arrays, (1 - share) * ends[0] + share * ends[1], self._used[k])
            if strategy is None:
                raise Unsolved(
                    f"The equilibrium at {aim:g} was not found; follow the branch with more points."
                )
            found.append(stationary(game, arrays, strategy))
        return tuple(found)


def equilibrium_branch(
    family: Callable[[float], StochasticGame],
    start: float,
    stop: float,
    *,
    profile: StationaryProfile | None = None,
    points: int = 1000,
) -> EquilibriumBranch:
    r"""Follow a stationary equilibrium while a parameter of the game moves.

    Parameters
    ----------
    family : callable
        The game at a parameter between `start` and `stop`; states, players and actions must stay the same.
    start, stop : float
        Where the parameter starts and where it goes.
    profile : StationaryProfile, optional
        The equilibrium at `start` to follow; by default the one that `markov_equilibria` finds.
    points : int, default 1000
        The most points to compute.

    Returns
    -------
    EquilibriumBranch

    Raises
    ------
    InvalidInput
        If the arguments are not as described, or `profile` is no equilibrium at `start`.
    Unsolved
        If no equilibrium is found at `start`.

    Notes
    -----
    While the actions in use stay the same the indifference conditions define a smooth curve, followed by
    arclength, so that it may turn (a fold). Where an action's probability reaches zero, or an unused action
    becomes a best reply, it changes sides and the curve goes on, perhaps turning. Payoffs and probabilities
    should be smooth in the parameter; between folds the branch is a comparative static.

    Examples
    --------
    Meeting at the first place is worth m, at the second 1. As m falls to 0 the branch on which both go to the
    first turns into the mixed equilibrium and comes back:

    >>> from bargaining import Game, stationary_profile
    >>> def places(m):
    ...     return StochasticGame([Game([[m, 0], [0, 1]], [[m, 0], [0, 1]])], [[1]], 0.9)
    >>> first = stationary_profile(places(2), [[[1, 0], [1, 0]]])
    >>> branch = equilibrium_branch(places, 2, -1, profile=first)
    >>> branch.ended, [abs(round(m, 6)) for m in branch.parameters[list(branch.folds)].tolist()]
    ('start', [0.0])
    >>> [profile.values[0].round(6).tolist() for profile in branch.at(1)]
    [[1.0, 1.0], [0.5, 0.5]]
    """
    function(family, "family", "the parameter")
    whole(points, "points", 1)
    low, high = scalar(start, "start"), scalar(stop, "stop")
    if low == high:
        raise InvalidInput(f"`stop` must differ from `start`; got {high:g} for both.")
    compiled = _compiler(family, low, high)
    game = family(low)
    if profile is None:
        found = markov_equilibria(game)
        if not found.profiles:
            raise Unsolved(f"No equilibrium was found at {low:g}; pass one as `profile`.")
        profile = found[0]
    instance(profile, "profile", StationaryProfile)
    strategy = flat(game, profile.strategies, profile.leave)
    exact = refine(compiled(0.0), strategy, strategy > 0)
    if exact is None or np.abs(exact - strategy).max() > 1e-6:
        raise InvalidInput(
            f"`profile` must be an equilibrium at `start`, to a regret of {REGRET:g}; got {profile.regret:g}."
        )
    nodes, ended = follow(compiled, exact, exact > 0, points=points)
    return _pack(family, low, high, nodes, ended)


def _compiler(
    family: Callable[[float], StochasticGame], low: float, high: float
) -> Callable[[float], Arrays]:
    """Return the arrays as a function of the parameter mapped to [0, 1]; the last few are kept."""
    from functools import lru_cache

    shapes = [stage.shape for stage in _game(family, low).games]

    @lru_cache(maxsize=8)
    def compiled(share: float) -> Arrays:
        at = low + share * (high - low)
        game = _game(family, at)
        if [stage.shape for stage in game.games] != shapes:
            raise InvalidInput(f"`family` must keep states, players and actions; at {at:g} it does not.")
        return compile_game(game)

    return compiled


def _game(family: Callable[[float], StochasticGame], at: float) -> StochasticGame:
    game = family(at)
    if not isinstance(game, StochasticGame):
        raise InvalidInput(f"`family` must return a StochasticGame; at {at:g} it returned {game!r}.")
    return game


def _pack(
    family: Callable[[float], StochasticGame], low: float, high: float, nodes: list[Node], ended: str
) -> EquilibriumBranch:
    parameters = np.array([low + node.parameter * (high - low) for node in nodes])
    profiles = []
    for at, node in zip(parameters, nodes, strict=True):
        game = family(float(at))
        arrays = compile_game(game)
        profiles.append(stationary(game, arrays, arrays.normalise(np.maximum(node.strategy, 0.0))))
    return EquilibriumBranch(
        parameters=parameters,
        profiles=tuple(profiles),
        folds=tuple(k for k, node in enumerate(nodes) if node.event == "fold"),
        changes=tuple(k for k, node in enumerate(nodes) if node.event == "support"),
        ended=ended,
        _family=family,
        _used=tuple(node.used for node in nodes),
    )
