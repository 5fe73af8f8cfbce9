"""Hypothesis strategies for bargaining problems and their parts.

Everything is built from integers, so that it shrinks to small ones, and no draw has to be rejected:
a concave frontier is a chain of steps sorted by slope, a disagreement point lies below a drawn agreement. Once this
module is imported, ``st.from_type(Problem)`` works, as it does for `Polytope`, `Frontier` and `Game`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise, product
from math import ceil
from typing import Literal, get_args

import numpy as np
from hypothesis import strategies as st

from bargaining._arguments import choice, whole
from bargaining._arrays import Floats, short
from bargaining.errors import InvalidInput
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.games.normal_form import Game
from bargaining.problem import Problem

Scale = Literal["one", "common", "each"]
Kind = Literal["points", "inequalities", "frontier", "surplus"]
KINDS: tuple[Kind, ...] = ("points", "inequalities", "frontier", "surplus")
LARGEST = 9  # small integers make the ties that break algorithms


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
    whole(players, "players", 1)
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
    whole(players, "players", 1)
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
    whole(players, "players", 1)
    whole(most_actions, "most_actions", 1)

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
    *,
    players: int | None = None,
    comprehensive: bool = True,
    degenerate: bool = False,
    scale: Scale | None = None,
) -> st.SearchStrategy[Polytope]:
    """Draw polytopes, by their vertices: small whole numbers, times a unit.

    Parameters
    ----------
    players : int, optional
        Two by default, and three now and then.
    comprehensive : bool
        Whether there is free disposal, without limit or down to a corner. Without it a set may slant inwards below its
        frontier.
    degenerate : bool
        Whether points may also coincide, be collinear or be alone.
    scale : {"one", "common", "each"}, optional
        The unit of payoffs: whole numbers, a drawn unit for all, or one for each player. A unit is a mantissa from
        1 to 9 times a power of ten from -12 to 12. By default payoffs are whole numbers, and now and then those of
        one player are divided by 1024, which makes a thin set.

    Returns
    -------
    SearchStrategy of Polytope
    """
    drawn = problems(
        players=players, kinds=["points"], comprehensive=comprehensive, degenerate=degenerate, scale=scale
    )
    return drawn.map(lambda problem: problem.feasible)  # type: ignore[arg-type, return-value]


def problems(
    *,
    players: int | None = None,
    kinds: Collection[Kind] | None = None,
    comprehensive: bool = True,
    degenerate: bool = False,
    scale: Scale | None = None,
) -> st.SearchStrategy[Problem]:
    """Draw problems in which everyone can gain; their sets also contain agreements that are not individually rational.

    By default they vary in everything that may be hard for a solution: two players or three, every kind of set, thin
    sets, and disagreement points that lie on the boundary of the set or, for two players, close to its frontier.

    Parameters
    ----------
    players, comprehensive, scale
        As in `polytopes`.
    kinds : collection of {"points", "inequalities", "frontier", "surplus"}, optional
        What is drawn: `Polytope` by its vertices or by inequalities, `Frontier` for two players, and
        `TransferableSurplus`. All of them by default, but points alone for `degenerate` sets and for those that are not
        `comprehensive`.
    degenerate : bool
        Whether the set may be flat and the disagreement point anywhere: outside, on the frontier, above it. Then not
        everyone can gain, and the axioms do not apply.

    Returns
    -------
    SearchStrategy of Problem
        Shrinks to two players, points and whole numbers.

    Raises
    ------
    InvalidInput
        If a kind or the scale is unknown, or no kind has so many players.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(problems(kinds=["points"]), lambda problem: len(problem.feasible.vertices) == 2)
    Problem(Polytope([[0.0, 1.0], [1.0, 0.0]], free_disposal=True), [0.0, 0.0])
    """
    plain = degenerate or not comprehensive
    chosen = (KINDS[:1] if plain else KINDS) if kinds is None else tuple(kinds)
    if not chosen or not set(chosen) <= set(KINDS[:1] if plain else KINDS):
        allowed = "points, for sets that are degenerate or not comprehensive" if plain else ", ".join(KINDS)
        raise InvalidInput(f"`kinds` must be among {allowed}; got {short(kinds)}.")
    if players is None:
        several = {n: _of(n, chosen, comprehensive, degenerate, scale) for n in (2, 3)}
        return st.sampled_from([n for n in (2, 2, 3) if several[n]]).flatmap(lambda n: st.one_of(several[n]))
    if not (drawn := _of(players, chosen, comprehensive, degenerate, scale)):
        raise InvalidInput("`kinds` must hold more than frontier: a `Frontier` is for two `players`.")
    return st.one_of(drawn)


def _of(
    players: int, kinds: tuple[Kind, ...], comprehensive: bool, degenerate: bool, scale: Scale | None
) -> list[st.SearchStrategy[Problem]]:
    """Return a strategy for each kind of set that so many players can have."""
    units = _units(players, scale)
    if degenerate:
        return [st.builds(_scaled, _any_points(players), units)]
    points = _planar(comprehensive) if players == 2 else _spatial(players, comprehensive)
    strategies: dict[Kind, st.SearchStrategy[Problem]] = {
        "points": st.builds(_scaled, points, units),
        "inequalities": st.builds(_bounded, _edges() if players == 2 else _bounds(players), units),
        "surplus": st.builds(_shared, _sums(players), units),
    }
    if players == 2:
        strategies["frontier"] = st.builds(lambda parabola, unit: parabola.problem(unit), _parabolas(), units)
    # three gains of 1e-2 are hard to tell apart
    near = st.sampled_from([False] * 5 + [True] * (players == 2))
    return [st.builds(_placed, strategies[kind], near) for kind in kinds if kind in strategies]


def _placed(problem: Problem, near: bool) -> Problem:
    """Move the disagreement point, if it should be near, to a sixty-fourth of its way below the frontier."""
    if not near:
        return problem
    step = problem.ideal - problem.disagreement
    reach = problem.feasible.ray(problem.disagreement, step)
    return Problem(problem.feasible, problem.disagreement + (1 - 2**-6) * reach * step)


Data = tuple[list[tuple[int, ...]], bool, tuple[int, ...]]
"""Points, free disposal, disagreement."""

Bounds = tuple[list[tuple[int, ...]], list[int], tuple[int, ...]]
"""Weights of sums of payoffs, bounds of these, disagreement."""


def _scaled(data: Data, unit: Floats) -> Problem:
    points, free, disagreement = data
    return Problem(Polytope(np.array(points) * unit, free_disposal=free), np.array(disagreement) * unit)


def _bounded(bounds: Bounds, unit: Floats) -> Problem:
    rows, right, disagreement = bounds
    return Problem(Polytope.from_inequalities(np.array(rows) / unit, right), np.array(disagreement) * unit)


def _shared(data: tuple[int, tuple[int, ...]], unit: Floats) -> Problem:
    total, disagreement = data
    size = float(unit.max())
    return Problem(TransferableSurplus(total * size, players=len(unit)), np.array(disagreement) * size)


def _units(players: int, scale: Scale | None) -> st.SearchStrategy[Floats]:
    whole(players, "players", 1)
    if scale is None:
        thin = st.integers(0, players - 1).map(lambda i: np.where(np.arange(players) == i, 2.0**-10, 1.0))
        return st.sampled_from([False] * 5 + [True]).flatmap(
            lambda t: thin if t else st.just(np.ones(players))
        )
    choice(scale, "scale", get_args(Scale))
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
    if comprehensive and draw(st.booleans()):
        corners = [tuple(c) for point in points for c in product(*zip(point, low, strict=True))]
        return corners, False, low
    return (points, True, low) if comprehensive else ([*points, low], False, low)


@st.composite
def _bounds(draw: st.DrawFn, players: int) -> Bounds:
    """Draw bounds of each player's payoff and of weighted sums of payoffs, and a point below them."""
    low = draw(st.tuples(*[st.integers(-3, 3)] * players))
    own = [tuple(int(i == k) for i in range(players)) for k in range(players)]
    weights = st.tuples(*[st.integers(1, 3)] * players)
    rows = own + draw(st.lists(weights, min_size=1, max_size=3))
    bounds = [
        draw(st.integers(1, LARGEST)) + sum(w * x for w, x in zip(row, low, strict=True)) for row in rows
    ]
    return draw(_floored(rows, bounds, low))


@st.composite
def _sums(draw: st.DrawFn, players: int) -> tuple[int, tuple[int, ...]]:
    """Draw an amount and what the players get without an agreement, which leaves some of it."""
    low = draw(st.tuples(*[st.integers(-3, 3)] * players))
    return sum(low) + draw(st.integers(1, LARGEST)), low


@st.composite
def _planar(draw: st.DrawFn, comprehensive: bool) -> Data:
    chain, (d0, d1) = draw(_below())
    right, top = chain[-1][0], chain[0][1]
    if not comprehensive:
        return [*chain, (d0, d1)], False, (d0, d1)
    if draw(st.booleans()):
        low0, low1 = (d if draw(st.booleans()) else min(d, 0) - draw(st.integers(0, 3)) for d in (d0, d1))
        return [*chain, (low0, top), (right, low1), (low0, low1)], False, (d0, d1)
    return list(chain), True, (d0, d1)


@st.composite
def _edges(draw: st.DrawFn) -> Bounds:
    """Draw the inequalities of a falling concave chain, and a point below it."""
    chain, low = draw(_below())
    rows: list[tuple[int, ...]] = [(1, 0), (0, 1)]
    bounds = [chain[-1][0], chain[0][1]]
    for (x, y), (p, q) in pairwise(chain):
        rows.append((y - q, p - x))
        bounds.append((y - q) * x + (p - x) * y)
    return draw(_floored(rows, bounds, low))


@st.composite
def _floored(draw: st.DrawFn, rows: list[tuple[int, ...]], bounds: list[int], low: tuple[int, ...]) -> Bounds:
    """Bound payoffs from below, or leave them unbounded: often nobody can get less than without an agreement."""
    if draw(st.booleans()):
        return rows, bounds, low
    gaps = draw(st.tuples(*[st.sampled_from([0, 0, 1, 2])] * len(low)))
    floors = [tuple(-int(i == k) for i in range(len(low))) for k in range(len(low))]
    return rows + floors, bounds + [gap - x for gap, x in zip(gaps, low, strict=True)], low


@st.composite
def _below(draw: st.DrawFn) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Draw a falling concave chain and a point below it."""
    chain = draw(_chains())
    d0 = draw(st.integers(-3, chain[-1][0] - 1))
    return chain, (d0, draw(st.integers(-3, ceil(_height(chain, d0)) - 1)))


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


for _kind, _drawn in ((Problem, problems), (Polytope, polytopes), (Frontier, frontiers), (Game, games)):
    st.register_type_strategy(_kind, _drawn())
