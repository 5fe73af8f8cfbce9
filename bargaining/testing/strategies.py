"""Hypothesis strategies for bargaining problems and what they are made of.

Everything is built from integers, so that it shrinks to small ones, and nothing is drawn to be thrown away:
a concave frontier is a chain of steps in the order of their slopes, a disagreement point lies below a drawn agreement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from math import ceil
from typing import Literal

import numpy as np
from hypothesis import strategies as st

from bargaining._arrays import Floats
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.games.normal_form import Game
from bargaining.problem import Problem

Scale = Literal["one", "common", "each"]
LARGEST = 9


def weights(*, players: int = 2, zeros: bool = False) -> st.SearchStrategy[Floats]:
    """Draw weights that sum to one; some may be zero, not all, if `zeros` is set.

    Parameters
    ----------
    players : int
    zeros : bool

    Returns
    -------
    SearchStrategy of ndarray, shape (players,)
        Shrinks to equal weights, or to all weight on player 0.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(weights(players=4), lambda w: True)
    array([0.25, 0.25, 0.25, 0.25])
    """
    parts = st.lists(st.integers(0 if zeros else 1, LARGEST), min_size=players, max_size=players)
    one = st.integers(0, players - 1)
    return st.builds(lambda p, k: _shares(np.array(p) + (np.arange(players) == k) * (p[k] == 0)), parts, one)


def _shares(parts: Floats) -> Floats:
    shares: Floats = parts / parts.sum()
    return shares


def discounts(*, players: int = 2, zero: bool = False) -> st.SearchStrategy[Floats]:
    """Draw discount factors k/m in (0, 1), or in [0, 1) if `zero` is set.

    Parameters
    ----------
    players : int
    zero : bool

    Returns
    -------
    SearchStrategy of ndarray, shape (players,)
        Shrinks to one half each.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(discounts(), lambda d: True)
    array([0.5, 0.5])
    """
    one = st.integers(2, 100).flatmap(lambda m: st.integers(0 if zero else 1, m - 1).map(lambda k: k / m))
    return st.lists(one, min_size=players, max_size=players).map(np.array)


def games(*, players: int = 2, most_actions: int = 3) -> st.SearchStrategy[Game]:
    """Draw finite games with payoffs that are small whole numbers, ties included.

    Parameters
    ----------
    players : int
    most_actions : int
        The largest number of actions of a player.

    Returns
    -------
    SearchStrategy of Game
        Shrinks to one action each and payoffs of zero.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(games(), lambda game: game.payoffs[0, 0, 0] > 0).payoffs
    array([[[1., 0.]]])
    """

    @st.composite
    def drawn(draw: st.DrawFn) -> Game:
        shape = tuple(draw(st.integers(1, most_actions)) for _ in range(players))
        cells = int(np.prod(shape))
        payoff = st.lists(st.integers(-LARGEST, LARGEST), min_size=cells, max_size=cells)
        return Game(*(np.reshape(draw(payoff), shape) for _ in range(players)))

    return drawn()


def frontiers(*, scale: Scale = "one") -> st.SearchStrategy[Frontier]:
    """Draw smooth two-player frontiers: downward parabolas on an interval, with their derivatives.

    Parameters
    ----------
    scale : {"one", "common", "each"}
        The unit of payoffs: whole numbers, a drawn unit for all, or one for each player.

    Returns
    -------
    SearchStrategy of Frontier
        Shrinks to x1 <= 1 - x0 on [0, 1].
    """
    return st.builds(lambda drawn, unit: drawn.frontier(unit), _parabolas(), _units(2, scale))


def polytopes(
    *, players: int = 2, comprehensive: bool = True, degenerate: bool = False, scale: Scale = "one"
) -> st.SearchStrategy[Polytope]:
    """Draw polytopes with small whole vertices, times a unit.

    Parameters
    ----------
    players : int
    comprehensive : bool
        Whether what lies below an agreement can be agreed on as well, without end or, for two players, down to a
        corner. Without it a set may slant inwards below its frontier.
    degenerate : bool
        Whether points may also coincide, be collinear or be alone.
    scale : {"one", "common", "each"}
        The unit of payoffs: whole numbers, a drawn unit for all, or one for each player. A unit is a mantissa from
        1 to 9 times a power of ten from -12 to 12.

    Returns
    -------
    SearchStrategy of Polytope
    """
    drawn = problems(players=players, comprehensive=comprehensive, degenerate=degenerate, scale=scale)
    return drawn.map(lambda problem: problem.feasible)  # type: ignore[arg-type, return-value]


def problems(
    *,
    players: int = 2,
    comprehensive: bool = True,
    degenerate: bool = False,
    smooth: bool = False,
    scale: Scale = "one",
) -> st.SearchStrategy[Problem]:
    """Draw problems in which everyone can gain; agreements that somebody would refuse are among them.

    Parameters
    ----------
    players, comprehensive, scale
        As in `polytopes`.
    degenerate : bool
        Whether the set may be flat and the disagreement point anywhere: outside, on the frontier, above it. Then not
        everyone can gain, and the axioms do not apply.
    smooth : bool
        Whether `Frontier` may be drawn besides `Polytope`, for two players.

    Returns
    -------
    SearchStrategy of Problem

    Examples
    --------
    >>> from hypothesis import find
    >>> find(problems(), lambda problem: len(problem.feasible.vertices) == 2)
    Problem(feasible=Polytope([[0.0, 1.0], [1.0, 0.0]], free_disposal=True), disagreement=array([0., 0.]))
    """
    units = _units(players, scale)
    if degenerate:
        return st.builds(_scaled, _any_points(players), units)
    drawn = st.builds(
        _scaled, _planar(comprehensive) if players == 2 else _spatial(players, comprehensive), units
    )
    if smooth and players == 2:
        drawn = drawn | st.builds(lambda parabola, unit: parabola.problem(unit), _parabolas(), units)
    return drawn


Data = tuple[list[tuple[int, ...]], bool, tuple[int, ...]]
"""Points, free disposal, disagreement."""


def _scaled(data: Data, unit: Floats) -> Problem:
    points, free, disagreement = data
    return Problem(Polytope(np.array(points) * unit, free_disposal=free), np.array(disagreement) * unit)


def _units(players: int, scale: Scale) -> st.SearchStrategy[Floats]:
    unit = st.builds(lambda m, k: float(f"{m}e{k}"), st.integers(1, LARGEST), st.integers(-12, 12))
    if scale == "each":
        return st.lists(unit, min_size=players, max_size=players).map(np.array)
    return (unit if scale == "common" else st.just(1.0)).map(lambda u: np.full(players, u))


@st.composite
def _any_points(draw: st.DrawFn, players: int) -> Data:
    point = st.tuples(*[st.integers(-3, 3)] * players)
    return draw(st.lists(point, min_size=1, max_size=6)), draw(st.booleans()), draw(point)


@st.composite
def _spatial(draw: st.DrawFn, players: int, comprehensive: bool) -> Data:
    point = st.tuples(*[st.integers(0, LARGEST)] * players)
    points = draw(st.lists(point, min_size=1, max_size=5))
    below = draw(st.tuples(*[st.integers(1, LARGEST)] * players))
    low = tuple(x - y for x, y in zip(points[0], below, strict=True))
    return (points, True, low) if comprehensive else ([*points, low], False, low)


@st.composite
def _planar(draw: st.DrawFn, comprehensive: bool) -> Data:
    chain = draw(_chains())
    right, top = chain[-1][0], chain[0][1]
    d0 = draw(st.integers(-3, right - 1))
    d1 = draw(st.integers(-3, ceil(_height(chain, d0)) - 1))
    if not comprehensive:
        return [*chain, (d0, d1)], False, (d0, d1)
    if draw(st.booleans()):
        low0, low1 = min(d0, 0) - draw(st.integers(0, 3)), min(d1, 0) - draw(st.integers(0, 3))
        return [*chain, (low0, top), (right, low1), (low0, low1)], False, (d0, d1)
    return list(chain), True, (d0, d1)


@st.composite
def _chains(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw the vertices of a falling concave chain from the left: steps in the order of their slopes.

    It ends on the axes; a chain without steps is the point (1, 1).
    """
    step = st.tuples(st.integers(1, LARGEST), st.integers(1, LARGEST))
    steps = sorted(draw(st.lists(step, max_size=5, unique_by=_slope)), key=_slope)
    if not steps:
        return [(1, 1)]
    right = accumulate((across for across, _ in steps), initial=0)
    height = accumulate((down for _, down in steps), initial=0)
    top = sum(down for _, down in steps)
    return [(x, top - y) for x, y in zip(right, height, strict=True)]


def _slope(step: tuple[int, int]) -> Fraction:
    return Fraction(step[1], step[0])


def _height(chain: Sequence[tuple[int, int]], x: int) -> Fraction:
    """Return how high the chain, or what lies to its left, reaches at x."""
    if x <= chain[0][0]:
        return Fraction(chain[0][1])
    (x0, y0), (x1, y1) = next(pair for pair in pairwise(chain) if x <= pair[1][0])
    return y0 + Fraction(y1 - y0, x1 - x0) * (x - x0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parabola:
    """x1 <= top - linear x0 - square x0**2 on [0, width], and a point below it."""

    width: int
    top: int
    linear: int
    square: int
    disagreement: tuple[int, int]

    def frontier(self, unit: Floats) -> Frontier:
        x, y = (float(u) for u in unit)
        return Frontier(
            lambda z: y * (self.top - self.linear * (z / x) - self.square * (z / x) ** 2),
            0.0,
            x * self.width,
            derivative=lambda z: -y / x * (self.linear + 2 * self.square * (z / x)),
        )

    def problem(self, unit: Floats) -> Problem:
        return Problem(self.frontier(unit), np.array(self.disagreement) * unit)


@st.composite
def _parabolas(draw: st.DrawFn) -> _Parabola:
    width, linear, square = draw(st.integers(1, LARGEST)), draw(st.integers(0, 3)), draw(st.integers(0, 3))
    linear += linear == square == 0
    top = linear * width + square * width**2
    d0 = draw(st.integers(0, width - 1))
    d1 = draw(st.integers(-3, top - linear * d0 - square * d0**2 - 1))
    return _Parabola(width=width, top=top, linear=linear, square=square, disagreement=(d0, d1))
