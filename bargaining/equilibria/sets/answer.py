"""Payoff sets of a game in the unit of its payoffs, their status, and why it is what it is.

*Residuals* say by how much sets violate their definition, computed from the vertices and the game alone. Each set is
what is generated with the sets as continuations and their lowest payoffs as punishments. So every vertex has to lie in
the image of the sets, whose thresholds may be missed by a rounding error; and nothing that is generated with thresholds
met by more than a rounding error may lie outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._affine import Effort
from bargaining.equilibria._exact_game import Spent, Work
from bargaining.equilibria._plane_strategies import generate
from bargaining.equilibria.payoff_polygon import Stats, distances
from bargaining.equilibria.sets.bounds import Image, hull, of_polygons, simplified
from bargaining.equilibria.sets.rows import Rows, Scaled
from bargaining.equilibria.sets.search import Enclosure, solve
from bargaining.errors import Status
from bargaining.games.stochastic import StochasticGame

_ROOM = 1e-10  # of the unit box: thresholds that are met or missed by less may count as either


def residuals(game: StochasticGame, sets: Sequence[Floats], threats: Sequence[Floats]) -> list[float]:
    """Return how far the set of each state violates its definition, given the other sets, over the payoff range.

    Sets are given by vertices (m, 2), threats (2,) are their lowest payoffs as stated. Infinity if nothing can generate
    a set.
    """
    scaled = Scaled.of(game)
    points = [(np.asarray(some) - scaled.low) / scaled.size for some in sets]
    points = [some[hull(some)] for some in points]
    empty = np.array([not len(some) for some in points])
    rows = scaled.rows
    lost = np.asarray((rows.law[:, empty] > 0.0).any(axis=1))
    one, other = (lost[table].any(axis=1) for table in rows.deviations)
    barred = lost | one | other
    around = of_polygons([some if len(some) else np.zeros((1, 2)) for some in points], rows.discounts)
    most, least = (
        [some.points for some in Image(replace(rows, barred=barred, margin=room), *around, ~barred).recipes()]
        for room in (_ROOM, -_ROOM)
    )
    out = []
    for claimed, threat, above, below in zip(points, threats, most, least, strict=True):
        if not len(claimed):
            out.append(inf if len(below) else 0.0)
            continue
        wrong = np.abs((threat - scaled.low) / scaled.size - claimed.min(axis=0))
        unplayed = distances(claimed, above) if len(above) else [inf]
        beyond = distances(below, claimed) if len(below) else [0.0]
        out.append(float(max(*wrong, *unplayed, *beyond)))
    return out


_UNITS = 1_000_000  # of work to find sets in rationals: a second or less
# Of the unit box: corners this close to their neighbours' chord are left out, with equal and with unequal patience.
_ROUNDING, _CROWDED = 1e-13, 1e-11
_NEAR = 1e-6  # of the unit box: outcomes of leaving this close to the sets are in them
_SETTLING = 4  # rounds in which rounding that the search has left dies out

KNIFE_EDGE = (
    "Some profile can be played only if players are promised the most that they can get, exactly: "
    "a change in payoffs or discount factors, however small, may change the set."
)
"""The reason of a correct answer to such a game."""

ROUNDED = (
    "Some profile can be played only if players are promised exactly the most that they can get, so that rounding "
    "decides whether it can: give payoffs and discount factors as Fractions, and `certify` the set."
)
"""The reason of an answer that depends on the rounding of a common discount factor."""

_SIMPLE = (
    10**6
)  # of a denominator: there is no doubt which fraction is meant, other floats have far larger ones


def solved(game: StochasticGame, effort: Effort) -> tuple[list[dict[str, Any]], Stats, Floats]:
    """Return the payoff sets of a game of two players.

    For each state the fields of its `PayoffPolygon`, with its vertices in the unit box as `units`; how they were
    found; and the ranges of all payoffs.
    """
    scaled = Scaled.of(game)
    rows = scaled.rows
    sets = solve(rows, effort.tolerance, effort.budget())
    if (game.discounts == 0.0).any() and sets.gap <= effort.tolerance and any(map(len, sets.outer)):
        sets = replace(sets, inner=_impatient(rows, game.discounts == 0.0, sets))
    if sets.knife_edge and not rows.common and sets.gap <= effort.tolerance:
        sets = _checked(game, scaled, sets, effort.tolerance)
    settled = sets.inner is not None and sets.gap <= effort.tolerance
    polygons = sets.inner if settled else sets.outer
    assert polygons is not None
    widths = [float(np.hypot(*np.ptp(points, axis=0))) for points in sets.outer if len(points)]
    stats = Stats(
        iterations=sets.rounds,
        solves=sets.structures,
        stopped=sets.stopped,
        bound=sets.gap if np.isfinite(sets.gap) else max(widths, default=0.0),
        attained=bool(np.isfinite(sets.gap)),
        tolerance=effort.tolerance,
    )
    states = list[dict[str, Any]]()
    for s, points in enumerate(polygons):
        units, vertices = scaled.back(points[simplified(points, _ROUNDING if rows.common else _CROWDED)])
        ring = hull(units)
        units, vertices = units[ring], vertices[ring]
        threat = vertices.min(axis=0) if len(ring) else np.full(2, np.nan)
        status, reason = Status.OK, _remark(game, sets, rows.common)
        if not len(units):
            status, reason = Status.EMPTY, _why_empty(game, sets, s)
        elif not settled:
            status, reason = Status.INACCURATE, _shortfall(stats, effort)
        states.append(
            {"units": units, "vertices": vertices, "threat": threat, "status": status, "reason": reason}
        )
    return states, stats, scaled.size


def _shortfall(stats: Stats, effort: Effort) -> str:
    """Say why a set is less accurate than required, how accurate it is, and what to do."""
    known = "may be too large" if stats.attained else "may be much too large, as no equilibrium was found"
    spent = f" of {effort.units} units; give a larger one" if "budget" in stats.stopped else ""
    return f"The search {stats.stopped}{spent}; the set given contains every equilibrium payoff, and {known}."


def _remark(game: StochasticGame, sets: Enclosure, common: bool) -> str:
    """Return what to know about a correct answer."""
    if not sets.knife_edge:
        return ""
    if not common:
        return KNIFE_EDGE
    simple = all(d.denominator <= _SIMPLE for d in game.exact_discounts.tolist())
    return "" if simple or len(game) > 1 else ROUNDED


def _impatient(rows: Rows, careless: NDArray[np.bool_], sets: Enclosure) -> list[Floats]:
    """Return the sets for discount factors of exactly zero, in place of which the search takes tiny ones.

    Such a player gets what a row pays now, which must be at least what any deviation pays. The other one's payoffs, if
    she cares for continuations, form an interval for each row. It follows from her lowest and highest continuations.
    """
    empty = np.array([not len(points) for points in sets.outer])
    kept = rows.without(empty) if empty.any() else rows
    filled = [points for points in sets.outer if len(points)]
    d = np.where(careless, 0.0, kept.discounts)
    base = np.where(kept.stays[:, None] & careless, kept.payoffs, kept.base)
    own = np.where(kept.stays[:, None], kept.outside[kept.state], -np.inf)
    near = [float(distances(base[[row]], filled[s])[0]) <= _NEAR for row, s in enumerate(kept.state)]
    exits = ~kept.stays & np.array(near, dtype=bool)
    low, high = (np.stack([extreme(points, axis=0) for points in filled]) for extreme in (np.min, np.max))
    for _ in range(_SETTLING):
        worth = base + d * (kept.law @ low)
        gains = [worth[:, i][table].max(axis=1) for i, table in enumerate(kept.deviations)]
        needed = np.maximum(np.stack(gains, axis=1), own)
        least, most = np.maximum(worth, needed), base + d * (kept.law @ high)
        played = exits | (kept.stays & ~kept.barred & (most >= needed - kept.ease).all(axis=1))
        least = np.where(kept.stays[:, None], np.minimum(least, most), base)
        states = [played & (kept.state == s) for s in range(kept.states)]
        low = np.stack([least[some].min(axis=0) for some in states])
        high = np.stack([most[some].max(axis=0) for some in states])
    points = [np.concatenate([least[some], most[some]]) for some in states]
    rest = iter([corners[hull(corners)] for corners in points])
    return [np.zeros((0, 2)) if gone else next(rest) for gone in empty]


def _checked(game: StochasticGame, scaled: Scaled, sets: Enclosure, tolerance: float) -> Enclosure:
    """Return the sets with those inside that generate themselves in rationals, where rounding may decide."""
    assert sets.inner is not None
    hints = [points * scaled.size + scaled.low for points in sets.inner]
    try:
        made = generate(game, hints, Work(_UNITS))
    except Spent:
        made = ""
    inner = None if isinstance(made, str) else made.polygons
    if inner is None or any(len(a) and not len(b) for a, b in zip(sets.outer, inner, strict=True)):
        gap, inner = np.inf, None
    else:
        pairs = zip(sets.outer, inner, strict=True)
        gap = max(sets.gap, *(float(distances(a, b).max(initial=0.0)) for a, b in pairs if len(a)))
    if gap <= tolerance:
        return sets
    return replace(sets, inner=inner, gap=gap, stopped="ended on a knife edge that rounding decides")


def _why_empty(game: StochasticGame, sets: Enclosure, state: int) -> str:
    """Say why a state has no equilibrium: by itself, or because it cannot avoid a state without one."""
    follows = game.transition(state).reshape(-1, len(game))
    forced = [
        game.states[s]
        for s, points in enumerate(sets.outer)
        if s != state
        and not len(points)
        and (follows[:, s] > 0).all()
        and not game.transition(s)[..., state].any()
    ]
    why = (
        f"Every profile leads to state {forced[0]}, which has no equilibrium."
        if forced
        else "No profile of pure actions can be sustained by continuation payoffs that are themselves equilibria"
        f" (applications of the operator: {sets.rounds})."
    )
    return why if len(game) == 1 else f"In state {game.states[state]}: {why}"
