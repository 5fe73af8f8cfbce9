"""One branch of stationary equilibria along a parameter: pieces of fixed support, joined where it changes.

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

from bargaining._arrays import Floats
from bargaining.equilibria.stochastic._markov.arrays import Arrays

Family = Callable[[float], Arrays]
_TOLERANCE = 1e-11  # of Newton along the branch: above rounding, and below what tells supports apart
_DIFFERENCE = 1e-6  # of the parameter: slopes of a user's function, to about half the digits
_MEET = 1e-8  # margin at which an action counts as indifferent, so that the support may change
_SMALLEST = 1e-9  # step at which the branch is given up
_LARGEST = 0.15  # of the parameter's range: a step that shows the shape of a branch in a plot
_VERTICAL = 1e-7  # share of a unit tangent below which the branch goes neither way along the parameter


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """An equilibrium on the branch: parameter in [0, 1], strategy, and the actions used from there on."""

    parameter: float
    strategy: Floats
    used: NDArray[np.bool_]
    event: str = ""  # "fold" or "support" where something happens


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


def follow(family: Family, start: Floats, used: NDArray[np.bool_], *, points: int) -> tuple[list[Node], str]:
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
    nodes : list of Node
    ended : str
        ``"stop"``, ``"start"`` (it came back), ``"points"`` or ``"lost"``.
    """
    block = family(0.0).block
    curve = Curve.of(family, block, used, start)
    place = np.append(start[curve.mixed], 0.0)
    tangent = _along(curve, place, np.append(np.zeros(len(place) - 1), 1.0))
    nodes, step, heading = [Node(0.0, start, used)], 0.01, 1.0
    while len(nodes) < points:
        piece = _advance(curve, place, tangent, step)
        if piece is None:
            return nodes, "lost"
        after, step, hit, close = piece
        onward = _along(curve, after, tangent)
        if _direction(onward) == -heading:
            nodes, heading = nodes + _fold(curve, place, tangent, step), -heading
        nodes.append(Node(float(after[-1]), curve.strategy(after), curve.used))
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


def _fold(curve: Curve, place: Floats, tangent: Floats, step: float) -> list[Node]:
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
    return [Node(float(after[-1]), curve.strategy(after), curve.used, "fold")]


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
