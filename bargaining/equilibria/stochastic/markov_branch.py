"""Stationary equilibria along a parameter: one branch, with its folds, in pieces of fixed support.

While the actions used stay the same, their losses W - Q vanish: a smooth curve in (probabilities, parameter),
followed by arclength. A piece ends where an action in use reaches probability zero, or an unused one becomes
a best reply; there the action is dropped or added, and the curve goes on in the direction in which it stays
unused at a loss, or is used with positive probability.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import function, instance, whole
from bargaining._arrays import Floats, owning, scalar
from bargaining._calls import suggesting
from bargaining._rich import Shown
from bargaining.equilibria.stochastic._markov.arrays import Arrays, compile_game
from bargaining.equilibria.stochastic._markov.path import REGRET, refine
from bargaining.equilibria.stochastic.markov import markov_equilibria
from bargaining.equilibria.stochastic.stationary_profile import StationaryProfile, flat, stationary
from bargaining.errors import InvalidInput, Unsolved
from bargaining.games.stochastic import StochasticGame

Family = Callable[[float], Arrays]
_TOLERANCE = 1e-11  # of Newton along the branch: above rounding, and below what tells supports apart
_DIFFERENCE = 1e-6  # of the parameter: slopes of a user's function, to about half the digits
_MEET = 1e-8  # margin at which an action counts as indifferent, so that the support may change
_SMALLEST = 1e-9  # step at which the branch is given up
_LARGEST = 0.15  # of the parameter's range: a step that shows the shape of a branch in a plot
_VERTICAL = 1e-7  # share of a unit tangent below which the branch goes neither way along the parameter


@dataclass(frozen=True, slots=True, eq=False)
class Junction:
    """An equilibrium on the branch: parameter in [0, 1], strategy, and the actions used from there on."""

    parameter: float
    strategy: Floats
    used: NDArray[np.bool_]
    event: str = ""  # "fold" or "support" if this is one


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The smooth curve on which a support is in equilibrium."""

    family: Family
    used: NDArray[np.bool_]
    mixed: NDArray[np.intp]
    base: Floats

    @classmethod
    def of(cls, family: Family, block: NDArray[np.intp], used: NDArray[np.bool_], strategy: Floats) -> Curve:
        """Return the curve through a strategy with this support."""
        counts = np.bincount(block, used)
        mixed = np.flatnonzero(used & (counts[block] > 1))
        base = np.where(used, np.where(counts[block] > 1, strategy, 1.0), 0.0)
        return cls(family, used, mixed, base)

    def strategy(self, place: Floats) -> Floats:
        """Return the strategy at a place (probabilities of mixed blocks, parameter)."""
        full = self.base.copy()
        full[self.mixed] = place[:-1]
        return full

    def losses(self, place: Floats) -> tuple[Floats, Floats]:
        """Return W - Q of every action and its derivative by place, (N, len(place))."""
        strategy, at = self.strategy(place), float(place[-1])
        other = at + _DIFFERENCE if at < 0.5 else at - _DIFFERENCE
        arrays = self.family(at)
        value = arrays.evaluate(strategy, slope=True)
        moved = self.family(other).evaluate(strategy, slope=False).loss
        by_parameter = (moved - value.loss) / (other - at)
        return value.loss, np.column_stack([arrays.slope(value)[:, self.mixed], by_parameter])

    def tangents(self, place: Floats) -> tuple[Floats, Floats]:
        """Return a unit tangent, of either direction, and how the losses of all actions move along it."""
        _, slope = self.losses(place)
        _, _, basis = np.linalg.svd(slope[self.mixed], full_matrices=True)
        return basis[-1], slope @ basis[-1]

    def correct(self, place: Floats, border: Floats) -> Floats | None:
        """Return to the curve on the plane through `place` across `border`, by Newton's method."""
        start = place
        for _ in range(8):
            if not 0.0 <= place[-1] <= 1.0:
                return None
            loss, slope = self.losses(place)
            right = np.append(loss[self.mixed], border @ (place - start))
            try:
                change = np.linalg.solve(np.vstack([slope[self.mixed], border]), right)
            except np.linalg.LinAlgError:
                return None
            place = place - change
            if np.abs(change).max() < _TOLERANCE:
                return place if 0.0 <= place[-1] <= 1.0 else None
        return None

    def margins(self, place: Floats) -> Floats:
        """Return what must stay positive: probabilities of actions used, losses of the others."""
        strategy = self.strategy(place)
        loss = self.family(float(place[-1])).evaluate(strategy, slope=False).loss
        return np.where(self.used, strategy, loss)


def follow(
    family: Family, start: Floats, used: NDArray[np.bool_], *, points: int
) -> tuple[list[Junction], str]:
    """Follow the branch from an equilibrium at parameter 0 until it leaves the range [0, 1].

    Parameters
    ----------
    family : callable
        The game's arrays at a parameter in [0, 1].
    start : ndarray
        The strategy.
    used : ndarray of bool
        Its support.
    points : int
        At most about so many points.

    Returns
    -------
    nodes : list of Junction
    ended : str
        ``"stop"``, ``"start"`` (it came back), ``"points"`` or ``"lost"``.
    """
    block = family(0.0).block
    curve = Curve.of(family, block, used, start)
    place = np.append(start[curve.mixed], 0.0)
    tangent = _along(curve, place, np.append(np.zeros(len(place) - 1), 1.0))
    nodes, step, heading = [Junction(0.0, start, used)], 0.01, 1.0
    while len(nodes) < points:
        piece = _advance(curve, place, tangent, step)
        if piece is None:
            return nodes, "lost"
        after, step, hit, close = piece
        onward = _along(curve, after, tangent)
        if _direction(onward) == -heading:
            nodes, heading = nodes + _fold(curve, place, tangent, step), -heading
        nodes.append(Junction(float(after[-1]), curve.strategy(after), curve.used))
        place, tangent = after, onward
        if hit is None:
            step = min((3.0 if close else 1.5) * step, _LARGEST)
            continue
        if not hit.size:
            return nodes, "stop" if place[-1] > 0.5 else "start"
        switched = _switch(family, block, curve, place, hit)
        if switched is None:
            return nodes, "lost"
        curve, place, tangent = switched
        event, step = "support", 0.01
        if _direction(tangent) == -heading:
            event, heading = "fold", -heading
        nodes[-1] = replace(nodes[-1], used=curve.used, event=event)
    return nodes, "points"


def _along(curve: Curve, place: Floats, way: Floats) -> Floats:
    """Return the tangent at a place that points the way that is given."""
    tangent, _ = curve.tangents(place)
    return tangent if tangent @ way > 0 else -tangent


def _direction(tangent: Floats) -> float:
    """Return the sign of the parameter's motion; 0 where only strategies move."""
    return float(np.sign(tangent[-1])) if abs(tangent[-1]) > _VERTICAL else 0.0


def _advance(
    curve: Curve, place: Floats, tangent: Floats, step: float
) -> tuple[Floats, float, NDArray[np.intp] | None, bool] | None:
    """Return the next place, the step, the actions that change sides there, and whether it was well foreseen.

    None in place of the actions: nothing happens; no actions: the range of the parameter ends.
    """
    while step > _SMALLEST:
        guess = place + step * tangent
        if not 0.0 <= guess[-1] <= 1.0:
            end = 0.0 if guess[-1] < 0.0 else 1.0
            step = min(step, abs((end - place[-1]) / tangent[-1]))
            border = np.append(np.zeros(len(place) - 1), 1.0)
            guess = np.append((place + step * tangent)[:-1], end)
        else:
            border, end = tangent, np.nan
        after = curve.correct(guess, border)
        if after is None or np.linalg.norm(after - guess) > 0.3 * step:
            step *= 0.4
            continue
        negative = np.flatnonzero(curve.margins(after) < -_TOLERANCE)
        if not negative.size:
            close = bool(np.linalg.norm(after - guess) < 0.01 * step)
            return after, step, np.empty(0, dtype=np.intp) if after[-1] == end else None, close
        crossing = _crossing(curve, place, tangent, step, negative)
        if crossing is not None:
            return (*crossing, False)
        step *= 0.4
    return None


def _crossing(
    curve: Curve, place: Floats, tangent: Floats, step: float, negative: NDArray[np.intp]
) -> tuple[Floats, float, NDArray[np.intp]] | None:
    """Return the first place at which one of these margins vanishes; None if the step is too long to tell."""
    from scipy.optimize import brentq

    found = {0.0: place}

    def least(length: float) -> float:
        after = curve.correct(place + length * tangent, tangent) if length else place
        if after is None:
            raise ArithmeticError
        found[length] = after
        return float(curve.margins(after)[negative].min())

    try:
        if least(0.0) <= _TOLERANCE:
            return None
        length = brentq(least, 0.0, step, xtol=1e-14, rtol=1e-14)
    except (ArithmeticError, ValueError):
        return None
    after = found[length]
    hit = np.flatnonzero(np.abs(curve.margins(after)) < _MEET)
    return after, length, hit


def _fold(curve: Curve, place: Floats, tangent: Floats, step: float) -> list[Junction]:
    """Return the place between two points at which the parameter turns."""
    from scipy.optimize import brentq

    found = {}

    def turn(length: float) -> float:
        after = curve.correct(place + length * tangent, tangent) if length else place
        if after is None:
            raise ArithmeticError
        raw, _ = curve.tangents(after)
        found[length] = after
        return float(raw[-1] if raw @ tangent > 0 else -raw[-1])

    try:
        after = found[brentq(turn, 0.0, step, xtol=1e-12)]
    except (ArithmeticError, ValueError):
        return []
    return [Junction(float(after[-1]), curve.strategy(after), curve.used, "fold")]


def _switch(
    family: Family, block: NDArray[np.intp], curve: Curve, place: Floats, hit: NDArray[np.intp]
) -> tuple[Curve, Floats, Floats] | None:
    """Return the curve that goes on from a place where actions change sides, and its direction.

    Of these actions all are switched, or as many as leave every margin growing.
    """
    strategy = curve.strategy(place)
    for count in range(len(hit), 0, -1):
        for chosen in combinations(hit.tolist(), count):
            used = curve.used.copy()
            used[list(chosen)] ^= True
            if len(np.unique(block[used])) <= block[-1]:
                continue
            after = Curve.of(family, block, used, np.where(used, strategy, 0.0))
            start = np.append(after.base[after.mixed], place[-1])
            tangent, slopes = after.tangents(start)
            moves = np.zeros(len(block))
            moves[after.mixed] = tangent[:-1]
            growth = np.where(used, moves, slopes)[hit]
            growth = growth if growth[0] > 0 else -growth
            if growth.min() > _MEET:
                forward = np.where(used, moves, slopes)[hit][0] > 0
                return after, start, tangent if forward else -tangent
    return None


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
        Indices at which an action enters or leaves the support without a fold.
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


@suggesting
def equilibrium_branch(
    family: Callable[[float], StochasticGame],
    start: float,
    stop: float,
    *,
    profile: StationaryProfile | None = None,
    points: int = 1000,
) -> EquilibriumBranch:
    r"""Follow a stationary equilibrium as a parameter of the game changes.

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
    While the supports stay the same, the indifference conditions define a smooth curve, which is followed by arclength,
    so that it may turn (a fold). Where an action's probability reaches zero, or an unused action becomes a best reply,
    the support changes and the curve continues, perhaps in the other direction. Payoffs and probabilities should be
    smooth in the parameter; between folds the branch is a comparative static.

    Examples
    --------
    Meeting at the first place is worth m, at the second 1. As m falls to 0 the branch on which both go to the
    first turns into the mixed equilibrium and comes back:

    >>> from bargaining import Game, StochasticGame, equilibrium_branch, stationary_profile
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
    family: Callable[[float], StochasticGame], low: float, high: float, nodes: list[Junction], ended: str
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
