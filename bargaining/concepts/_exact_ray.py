"""The last point of a ray within a polytope in exact rationals: for thin sets, which magnify a rounding of the ray.

A ray that meets a side at a small angle leaves it 1/angle roundings earlier or later. Every float is a rational, so the
ideal point, the ray and where it leaves the set are rational programs of the data as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals, fractions, maximise
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.transform import Restricted

Aim = Callable[[Rationals], tuple[Rationals, Rationals]]
"""Takes the ideal point and returns where a ray starts and where it goes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The set {inner z : matrix z <= limits, z >= 0}, or {x : matrix x <= limits} where `inner` is None."""

    inner: Rationals | None
    matrix: Rationals
    limits: Rationals


def may_be_thin(feasible: FeasibleSet) -> bool:
    """Say whether a set may be thin in a direction in which several players gain: a polytope without free disposal."""
    if isinstance(feasible, Restricted) and feasible.floor.ndim == 1:
        return may_be_thin(feasible.within)
    return isinstance(feasible, Polytope) and not feasible.free_disposal


def last_exactly(
    feasible: FeasibleSet, d: Floats, aim: Aim, *, backwards: bool = False
) -> tuple[Rationals, Rationals] | None:
    """Return the last point of a ray and the ideal point above d; None where the ray misses the set.

    Parameters
    ----------
    feasible : FeasibleSet
        For which `may_be_thin` holds.
    d : ndarray, shape (n,)
    aim : callable
    backwards : bool, default False
        Whether the ray is a line, which may meet the set behind where it starts.
    """
    rows = _rows(feasible)
    try:
        ideal = _ideal(rows, fractions(d))
        if ideal is None:
            return None
        start, step = aim(ideal)
        t = _last(rows, start, step, backwards=backwards)
    except OverflowError:
        return None
    return None if t is None else (start + t * step, ideal)


def distance(payoffs: Floats, point: Rationals, ideal: Rationals, d: Floats) -> float:
    """Return how far payoffs are from a point, over the gains of those who can gain."""
    gains = ideal - fractions(d)
    miss = np.abs(fractions(payoffs) - point)
    return float(max(m / g if g > 0 else m for m, g in zip(miss, gains, strict=True)))


def _rows(feasible: FeasibleSet) -> Rows:
    if isinstance(feasible, Restricted):
        inside, floor = _rows(feasible.within), fractions(feasible.floor)
        down = -fractions(np.eye(len(floor))) if inside.inner is None else -inside.inner
        return Rows(
            inner=inside.inner,
            matrix=np.concatenate((inside.matrix, down)),
            limits=np.concatenate((inside.limits, -floor)),
        )
    assert isinstance(feasible, Polytope)
    if feasible.inequalities is not None:
        matrix, limits = (fractions(a) for a in feasible.inequalities)
        return Rows(inner=None, matrix=matrix, limits=limits)
    given = feasible.points if feasible.exact is None else np.array(feasible.exact, dtype=object)
    assert given is not None
    points, ones = fractions(given), np.ones(len(given))
    return Rows(
        inner=points.T, matrix=fractions(np.array([ones, -ones])), limits=fractions(np.array([1, -1]))
    )


def _ideal(rows: Rows, d: Rationals) -> Rationals | None:
    """Return each player's best over the x >= d; None if there is no such x."""
    eye = fractions(np.eye(len(d)))
    best = np.empty(len(d), dtype=object)
    for i in range(len(d)):
        if rows.inner is None:
            found = maximise(eye[i], rows.matrix, rows.limits - rows.matrix @ d)
            base = d[i]
        else:
            matrix = np.concatenate((rows.matrix, -rows.inner))
            found, base = maximise(rows.inner[i], matrix, np.concatenate((rows.limits, -d))), Fraction(0)
        if found is None:
            return None
        best[i] = base + found.value
    return best


def _last(rows: Rows, start: Rationals, step: Rationals, *, backwards: bool) -> Fraction | None:
    """Return the largest t with start + t * step in the set; of a line, t is a difference of two variables."""
    if rows.inner is None:
        along, matrix, limits = rows.matrix @ step, rows.matrix[:, :0], rows.limits - rows.matrix @ start
    else:
        equal = np.concatenate((step, -step))
        along = np.concatenate((0 * rows.limits, equal))
        matrix = np.concatenate((rows.matrix, -rows.inner, rows.inner))
        limits = np.concatenate((rows.limits, -start, start))
    columns = [along, -along] if backwards else [along]
    matrix = np.column_stack((*columns, matrix))
    target = fractions(np.eye(matrix.shape[1])[0] - (np.eye(matrix.shape[1])[1] if backwards else 0.0))
    found = maximise(target, matrix, limits)
    return None if found is None else found.value
