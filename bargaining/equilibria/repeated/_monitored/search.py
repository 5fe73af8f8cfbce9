"""Bound the equilibrium payoffs from both sides, until the bounds are within the tolerance."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria._plane.kinds import Leave
from bargaining.equilibria._plane.polygon import Polygon, beyond, distances, hull
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.inner import (
    Automaton,
    apart,
    between,
    generated,
    grown,
    settled,
    sides,
)
from bargaining.equilibria.repeated._monitored.outer import Cut, Outer
from bargaining.equilibria.repeated._monitored.outline import Outline, angles_of
from bargaining.equilibria.repeated._monitored.programs import (
    MISSED,
    NOBODY,
    PATIENT,
    STILL,
    Indices,
    Promises,
)

_START = 16  # directions at first
_REFINEMENTS = 40  # of the directions: a limit in addition to the budget
_SMALL = 5000  # entries of all profiles' bases up to which moving corners is cheaper than solving for them
_GROWTH = 30  # steps of a growing set: if more are needed, a start nearer to the largest set is faster
_MOVES = 25  # how often corners move before half-planes are added
_BETWEEN = 1e-3  # the largest distance within which moving corners are merged, at first
_COARSE = 0.1  # the expected gap below which an inner set is solved for
_CLOSER = 30.0  # how much smaller the gap must be before an inner set is solved for again
_FEWEST = 12  # unless there are at most this many
_FARTHEST = 8.0  # corners that lie out by less than the farthest distance over this are left for later
_RARE = 20.0  # if fewer than one side in so many is new, sides are added to which the gap is due
_MOST = 0.9  # the share of the largest errors that they are due to
_WIDER = 10.0  # times the tolerance, if no set is nearer
_LOOSEST = 0.01  # slack that leaves little of a set
_SHRINKS = 10  # how often corners move under such slack
_FINER = 1000.0  # slack while sets grow is a step's loss over this: small, as signals may be similar
_RESTED = 1000.0  # half-planes that move by less than a step's loss over this stand still
_PARTS = 5  # parts into which the angle of a corner is split: with fewer, half-planes settle more often
_NARROW = 2e-5  # unless the angle is less than this
_LEAST = 1e-9  # the least slack: ten times the error of the linear program
_APART = 1e-6  # the least angle between half-planes: corners of nearly parallel ones are ill defined
_SAME = 1e-12  # unless they are parallel to a side of an inner set: these replace others
_CREDIBLE = 1e-11  # of the unit box: the rounding of a threat
_FINEST = 1e-13  # the least tolerance that is worked for: below it more half-planes only add rounding


class Found(NamedTuple):
    """Both sides, in the unit box.

    Attributes
    ----------
    inner : Automaton or None
        Its payoffs are the corners of a self-generating set.
    outer : (k, 2) array
        Corners of a set that contains every equilibrium payoff; none if it is empty.
    gap : float
        The distance by which the outer set reaches beyond the inner one.
    rounds, programs : int
        How often the half-planes moved, and how many programs were solved.
    leaves : tuple of Leave
        The outcomes of leaving that may be equilibrium outcomes.
    cuts : tuple of Cut
        The proof of the outer set.
    """

    inner: Automaton | None
    outer: Floats
    gap: float
    rounds: int
    programs: int
    leaves: tuple[Leave, ...]
    cuts: tuple[Cut, ...] = ()


def search(data: Data, tolerance: float, budget: int, *, common: bool) -> Found:
    """Return both sides; drop outcomes of leaving that turn out not to be credible, and repeat the search.

    If the gap stays far above the tolerance, the inner set of a wider one may be nearer, as its rows have more slack.
    """
    leaves, solved = tuple(data.leaves), 0
    while True:
        found = _close(data, leaves, tolerance, max(budget - solved, 1), common)
        solved += found.programs
        kept = tuple(leave for leave in leaves if _credible(data, leave, found))
        if len(kept) == len(leaves):
            break
        leaves = kept
    wide = _WIDER * max(tolerance, _FINEST)
    if wide < min(found.gap, _COARSE) and solved < budget:
        rough = search(data, wide, budget - solved, common=common)
        solved += rough.programs
        if rough.inner is not None and rough.leaves == found.leaves:
            reach = _reach(_points(found.outer), rough.inner.corners)
            if reach < found.gap:
                found = found._replace(inner=rough.inner, gap=reach)
    return found._replace(programs=solved)


def _close(data: Data, leaves: tuple[Leave, ...], tolerance: float, budget: int, common: bool) -> Found:
    """Move corners until they nearly converge, or if players are so patient that this takes long, solve for them."""
    ends = np.array([leave.payoffs for leave in leaves]).reshape(-1, 2)
    outer, tolerance = _around(data, ends, common), max(tolerance, _FINEST)
    kept, cuts, inner, spare = np.empty((0, 2)), (*outer.cuts,), None, None
    gap, near, wanted, resting = np.inf, np.inf, _COARSE, False
    patient = float(data.programs.discounts.max())
    loss = 1.0 / (1.0 - patient)  # the expected gap, over the half-planes' distance from what touches them
    for step in range(_REFINEMENTS):
        if not outer.shrink(budget, tolerance * (1.0 - patient) / _RESTED):
            return Found(None, np.empty((0, 2)), 0.0, outer.rounds, outer.solved, leaves, tuple(outer.cuts))
        assert isinstance(outer.outline, Outline)
        reach = np.inf if inner is None else _reach(_points(outer.outline.corners), inner.corners)
        if (
            reach <= gap
        ):  # outer sets shrink: if one reaches farther than that before, rounding moved its corners
            kept, cuts, gap = outer.outline.corners, outer.proof(), reach
        edge = _points(kept)
        size = outer.programs.weights.shape
        small = size[0] * (size[1] + size[2]) ** 2 <= _SMALL
        moving = small and patient <= PATIENT and step < _REFINEMENTS // 2 and not resting
        if moving:
            corners = _moved(outer, ends, near, tolerance)
            reach = _reach(edge, corners)
            new = _new_sides(outer, corners, reach)
            resting = inner is None and not len(new) and reach >= near  # that is as near as they get
            within = max(tolerance, reach) if resting else tolerance
            if reach <= within:
                if inner is None:
                    spare = _regrown(outer, ends, corners, edge, within) or spare
                    if spare is not None and _reach(edge, spare.corners) <= within:
                        inner, gap = spare, _reach(edge, spare.corners)
                if gap > within:  # as on a knife edge
                    inner, gap = _rested(outer, ends, corners, edge, within, inner, gap)
            near = min(near, reach) if inner is None else gap
        else:
            touched = _touched(outer)
            reach = _reach(edge, touched)
            new = _new(outer, touched, reach, tolerance) if len(touched) else outer.directions[:0]
            last = inner is None and not len(new) and len(touched) > 0
            if reach * loss <= max(wanted, tolerance) or last:
                wanted = min(wanted, reach * loss) / _CLOSER
                if len(touched):
                    inner, gap = _rested(outer, ends, touched, edge, tolerance, inner, gap)
            if inner is not None and gap > tolerance and _RARE * len(new) < len(outer.levels):
                new = _distinct(outer.directions, np.vstack([new, _pulled(outer, inner.corners)]))
        if gap <= tolerance or outer.solved > budget:
            break
        instead = 0.0
        if inner is not None and not (len(new) or moving):
            new, instead = _new_sides(outer, inner.corners, gap, _SAME), _APART
        if not (len(new) or moving):
            break
        outer.extend(new, instead)
    if inner is None and spare is not None:  # far from the largest set, where others might have been found
        inner, gap = spare, _reach(_points(kept), spare.corners)
    return Found(inner, kept, gap, outer.rounds, outer.solved, leaves, cuts)


def _moved(outer: Outer, ends: Floats, gap: float, tolerance: float) -> Floats:
    """Return approximately fixed corners of the operator, from the points where the half-planes touch its value."""
    wanted = gap if np.isfinite(gap) else 0.1
    merge = min(_BETWEEN, max(tolerance / 10.0, wanted / 1000.0))
    assert isinstance(outer.outline, Outline)
    faces = outer.outline.faces
    corners, before = _hull(outer.touching(outer.directions[faces], faces).points), np.inf
    known = outer.known
    for step in range(_MOVES):
        image = generated(outer.programs, ends, corners, merge, known=known)
        outer.solved, known = outer.solved + image.programs, image.known
        if not len(image.corners):
            break
        moved, corners = apart(corners, image.corners), image.corners
        if moved <= max(wanted, tolerance) / 20.0:
            break
        if step % 5 == 4:  # corners may be merged and found again in a cycle
            merge, before = (merge / 5.0 if moved > 0.8 * before else merge), moved
    return corners


def _rested(
    outer: Outer,
    ends: Floats,
    corners: Floats,
    edge: Polygon,
    tolerance: float,
    inner: Automaton | None,
    gap: float,
) -> tuple[Automaton | None, float]:
    """Return the best automaton whose rows are all met, and how far the half-planes reach beyond it.

    Rows are met with a little slack, so that no deviation pays; on a knife edge, where slack shrinks the set, they are
    met up to rounding.
    """
    patient = min(float(outer.programs.discounts.max()), 0.999) if len(outer.index) else 0.0
    steps = 10 + int(np.log(1e-3) / np.log(max(patient, 0.1)))  # distances fall by the discount factor a step
    for slack in (tolerance / 20.0, tolerance / 200.0, 0.0):
        if slack == 0.0 and inner is not None and len(corners) > _FEWEST:
            break
        found = settled(outer.programs, ends, corners, slack, steps, known=outer.known)
        if found is not None:
            outer.solved += found.programs
        if found is None or found.excess > MISSED:
            continue
        inner, gap = _better(numbered(outer, found), edge, inner, gap, tolerance)
        if gap <= tolerance:
            break
    return inner, gap


def _regrown(
    outer: Outer, ends: Floats, corners: Floats, edge: Polygon, tolerance: float
) -> Automaton | None:
    """Return an automaton whose rows are all met, grown from a smaller one that more slack leaves; None if none does.

    Corners of a round set keep moving by what their hull cuts off; slack of that size offsets it. Stage equilibria need
    none: they are absorbing, like the outcomes of leaving.
    """
    programs, tolerated = outer.programs, tolerance * (1.0 - float(outer.programs.discounts.max()))
    stage = programs.now / (1.0 - programs.discounts)
    every = np.arange(len(stage))
    later = np.repeat(stage[:, None], programs.chances.shape[1], axis=1)
    absorbing = np.flatnonzero((programs.excess(every, later) <= MISSED).all(axis=1))
    stay = np.vstack([ends, stage[absorbing]])
    slack = tolerance
    while slack < _LOOSEST:
        slack *= 4.0
        small = settled(programs, stay, corners, slack, _SHRINKS, merge=0.25, known=outer.known)
        if small is None:
            continue
        outer.solved += small.programs
        if small.excess <= 0.0:
            start = Promises(small.payoffs, small.owners, small.continuations)
            fine = min(max(tolerated / _FINER, _LEAST), -small.excess / 2.0)
            play = grown(
                programs,
                stay,
                start,
                fine,
                tolerated / 10.0,
                outer.known,
                partial(_reach, edge),
                tolerance,
                _GROWTH,
            )
            outer.solved += play.programs
            return numbered(outer, _for_ever(play, len(ends), absorbing)) if play.excess <= 0.0 else None
    return None


def _for_ever(play: Automaton, ends: int, absorbing: Indices) -> Automaton:
    """Return the automaton that plays a stage equilibrium for ever where it stops, except by leaving."""
    stopped = np.flatnonzero((play.owners < -ends) & (play.owners != NOBODY))
    owners, lotteries = play.owners.copy(), play.lotteries.tolil()
    owners[stopped] = absorbing[-1 - owners[stopped] - ends]
    signals = lotteries.shape[0] // len(owners)
    for state in stopped.tolist():
        lotteries[state * signals : (state + 1) * signals] = 0.0
        lotteries[state * signals : (state + 1) * signals, state] = 1.0
    return replace(play, owners=owners, lotteries=lotteries.tocsr())


def _reach(edge: Polygon, corners: Floats) -> float:
    """Return how far the outer set reaches beyond some corners; infinity if there are none."""
    return beyond(edge, _points(corners)) if len(corners) else np.inf


def _better(
    new: Automaton | None, edge: Polygon, old: Automaton | None, gap: float, tolerance: float
) -> tuple[Automaton | None, float]:
    """Return the better of two automata, and how far the half-planes reach beyond it."""
    return (
        (old, gap) if new is None else preferred(new, beyond(edge, _points(new.corners)), old, gap, tolerance)
    )


def preferred(
    new: Automaton, reach: float, old: Automaton | None, gap: float, tolerance: float
) -> tuple[Automaton, float]:
    """Return the better of two automata beyond which the outer sets reach by `reach` and `gap`, and how far they do.

    One with slack, which can be proved, is better than one without unless its distance is more than twice as large and
    above the tolerance.
    """
    if old is None or (old.excess < 0.0) == (new.excess < 0.0):
        return (new, reach) if old is None or reach < gap else (old, gap)
    slack, loose = (reach, gap) if new.excess < 0.0 else (gap, reach)
    return (new, reach) if (slack <= max(tolerance, 2.0 * loose)) == (new.excess < 0.0) else (old, gap)


def _touched(outer: Outer) -> Floats:
    """Return the hull of the points that touch the faces and corners of the outer set."""
    assert isinstance(outer.outline, Outline)
    faces = outer.outline.faces
    normals = outer.directions[faces]
    found = outer.touching(np.vstack([normals, between(normals)]), np.append(faces, faces))
    points = found.points[found.owners != NOBODY]
    return _hull(points) if len(points) else points


def numbered(outer: Outer, found: Automaton) -> Automaton:
    """Number profiles as in the game, not by their places among those that can still be played."""
    if not len(outer.index):
        return found
    played = found.owners >= 0
    return replace(
        found, owners=np.where(played, outer.index[np.where(played, found.owners, 0)], found.owners)
    )


def _around(data: Data, ends: Floats, common: bool) -> Outer:
    """Start from the feasible payoffs: their hull if discount factors are equal, otherwise their box."""
    turns = 2.0 * np.pi * np.arange(_START) / _START
    directions = np.round(np.column_stack([np.cos(turns), np.sin(turns)]), 15)
    points = np.vstack([data.payoffs, ends])
    if not common:
        low, high = points.min(axis=0), points.max(axis=0)
        points = np.array([[low[0], low[1]], [low[0], high[1]], [high[0], low[1]], [high[0], high[1]]])
    levels = (points @ directions.T).max(axis=0)
    return Outer(data.programs, ends, directions, levels, np.arange(len(data.payoffs)))


def _new_sides(outer: Outer, corners: Floats, gap: float, nearest: float = _APART) -> Floats:
    """Return the normals of the sides of a polygon beyond which the half-planes still reach."""
    assert isinstance(outer.outline, Outline)
    if len(corners) < 2:
        return np.empty((0, 2))
    normals = sides(corners)
    weights, faces = outer.outline.supports(normals)
    reach = (weights * outer.levels[faces]).sum(axis=1) - (normals * corners).sum(axis=1)
    far = reach > (gap if np.isfinite(gap) else 0.0) / 20.0
    return _distinct(outer.directions, normals[far], nearest)


def _new(outer: Outer, touched: Floats, reach: float, tolerance: float) -> Floats:
    """Return directions for the corners of the outer set that lie beyond the points that touch it.

    The normals of the sides of the hull of these points find the sides of the set, if it has any; where the set is
    round, evenly spread directions are used.
    """
    assert isinstance(outer.outline, Outline)
    faces = outer.directions[outer.outline.faces]
    angles, corners = outer.outline.angles, outer.outline.corners
    spans = (np.roll(angles, -1) - angles) % (2.0 * np.pi)
    least = max(reach / _FARTHEST, tolerance * (1.0 - float(outer.programs.discounts.max())) / 4.0)
    far = distances(corners, touched)
    out: list[Floats] = []
    normals = sides(touched) if len(touched) > 1 else np.empty((0, 2))
    at = np.searchsorted(angles, angles_of(normals), side="right") - 1
    for k in range(len(faces)):
        if far[k] > least:
            own = normals[at % len(faces) == k]
            out.extend(own)
            if spans[k] > _NARROW:
                turns = angles[k] + spans[k] * np.arange(1, _PARTS) / _PARTS
                out.extend(np.column_stack([np.cos(turns), np.sin(turns)]))
    return _distinct(faces, np.array(out).reshape(-1, 2))


def _pulled(outer: Outer, corners: Floats) -> Floats:
    """Return directions in which half-planes reach too far beyond a self-generating set, where it matters most.

    Profiles pull continuations between two half-planes there: the error is passed on to the levels that depend on it.
    With multipliers that are optimal for the set, the sum bounds what the half-planes can still gain.
    """
    assert isinstance(outer.outline, Outline)
    if len(corners) < 3 or not len(outer.index):
        return outer.directions[:0]
    image = generated(
        outer.programs, outer.leaves, corners, 0.0, directions=outer.directions, known=outer.known
    )
    outer.solved += image.programs
    functions, pulls = outer.determining(image.known.multipliers)
    flat = pulls.reshape(-1, 2)
    weights, faces = outer.outline.supports(flat)
    support = (outer.directions @ corners.T).max(axis=1)
    local = (weights * support[faces]).sum(axis=1) - (flat @ corners.T).max(axis=1)
    local = np.maximum(local, 0.0).reshape(len(pulls), -1)
    _, targets = functions.passed_on(local.sum(axis=1))
    worth = (targets[:, None] * local).ravel()
    order = np.argsort(-worth, kind="stable")
    most = np.searchsorted(worth[order].cumsum(), _MOST * worth.sum()) + 1
    order = order[: min(most, len(pulls))]
    chosen = flat[order[worth[order] > STILL]]
    return np.asarray(chosen / np.linalg.norm(chosen, axis=1, keepdims=True))


def _distinct(faces: Floats, directions: Floats, nearest: float = _APART) -> Floats:
    """Return directions that are parallel neither to faces nor to each other, in the order of their angles."""
    known, angles = np.sort(angles_of(faces)), angles_of(directions)
    order = np.argsort(angles)
    angles = angles[order]
    at = np.searchsorted(known, angles)
    around = np.stack([known[at % known.size], known[at - 1]])
    far = np.abs((around - angles + np.pi) % (2.0 * np.pi) - np.pi).min(axis=0) > nearest
    kept, last = np.zeros(angles.size, bool), -np.inf
    for k in np.flatnonzero(far).tolist():
        kept[k] = angles[k] - last > nearest
        last = angles[k] if kept[k] else last
    return directions[order[kept]]


def _credible(data: Data, leave: Leave, found: Found) -> bool:
    """Whether some continuation gives the player who leaves no more than leaving does."""
    if leave.leaver is None or not len(found.outer):
        return True
    i = leave.leaver
    direction = np.zeros((1, 2))
    direction[0, i] = -1.0
    least = generated(data.programs, np.empty((0, 2)), found.outer, 0.0, directions=direction)
    return bool(len(least.corners)) and least.corners[0, i] <= leave.payoffs[i] + _CREDIBLE


def _points(corners: Floats) -> list[tuple[float, float]]:
    return [(x, y) for x, y in corners.tolist()]


def _hull(points: Floats) -> Floats:
    return np.asarray(points[hull(_points(points))])
