r"""The equations that an answer solves, over jets; which constraints bind is read off the answer.

A *piece* of a set's boundary is smooth: the budget of a surplus, a stretch of a frontier, a side of a polygon, a facet.
A solution at which as many pieces meet as there are players stays at their corner; otherwise the concept's own
conditions hold along the boundary: proportions of gains on a ray, first-order conditions at an optimum. The structure
says which pieces are met and which terms bind. It is strict if no slack and no multiplier of a binding constraint is
zero; then it is the same for all problems nearby. Otherwise there is a kink, which this module reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._jets import Jet
from bargaining.division import Division
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

EPS = float(np.finfo(float).eps)
TIE = 1e-9  # of the payoffs' range, or of the largest multiplier: within this distance of a kink counts as at it
SMOOTH = 1e-6  # relative error of curvatures above which a frontier is taken to have a kink there
NODES = 13  # nodes of a polynomial through a function near a point: exact to rounding up to 1/8 of the way to an end
_HALVINGS = 60  # interim agreements; gains fall faster than by halves
BLOCK = 4096  # cells at once: their arrays fit in the processor's cache
WINDOWS = 12  # each half the last: two windows that agree are enough

Given = Mapping[str, Any]
"""Parameters or data by name, flattened: arrays, or lists of jets for those in which derivatives are taken."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """The equations of some cells: unknowns (payoffs first), what must be zero, and how well both are known."""

    cells: NDArray[np.intp] | slice
    unknowns: list[Floats]
    equations: Callable[[list[Jet], Given], list[Jet]]
    error: Floats
    """The relative error of slopes and curvatures in the equations, one a cell."""


def conditions(division: Division, given: Given, *, second: bool) -> Iterator[Conditions]:
    """Yield the equations of the cells whose structure is known and strict, cells of one structure together."""
    name, problem = division.method.partition("(")[0], division.problem
    assert problem is not None
    cells = int(np.prod(division.payoffs.shape[:-1]))
    points = {"x": _flat(division.payoffs, cells)}
    many = problem.players > 2 and not isinstance(problem.feasible, TransferableSurplus)
    if name == "AlternatingOffers":
        offers = division.offers  # type: ignore[attr-defined]
        if problem.players != 2 or division.parameters["horizon"] is not None:
            return
        if division.parameters["leaver"] != "responder":
            return
        points = {"x": _flat(offers[0], cells), "y": _flat(offers[1], cells)}
    elif name == "RandomProposer":
        if division.quota < problem.players or many:  # type: ignore[attr-defined]
            return
        held, own = _flat(division.reservations, cells), _flat(division.proposing, cells)  # type: ignore[attr-defined]
        points = {"x": np.array([own[0], *held[1:]]), "y": np.array([held[0], *own[1:]])}
    elif name not in (*_RAYS, *_OPTIMA) or (name == "raiffa" and many):
        return
    elif name == "continuous_raiffa" and not isinstance(problem.feasible, TransferableSurplus):
        return  # see `paths`
    ideal = name in ("kalai_smorodinsky", "gupta_livne", "equal_loss", "yu", "perles_maschler")
    batch = division.payoffs.shape[:-1]
    if isinstance(problem.feasible, Polytope) and problem.feasible.batch_shape:
        return
    boundary = boundary_of(problem.feasible, batch, order=2 + (second and name in _OPTIMA))
    flat = isinstance(boundary, _Facets)
    if boundary is None or (name == "perles_maschler" and flat) or (name == "yu" and flat):
        return
    size = np.abs(points["x"] - given["disagreement"]).max(axis=0)
    if name == "raiffa" and not isinstance(boundary, _Budget):
        points |= _interim(boundary, problem, cells)
    if ideal and flat:
        boundary.ideal = _ideal_slopes(boundary, np.array(given["disagreement"]), cells)
    elif ideal and not isinstance(boundary, _Budget):
        a, d = _flat(problem.ideal, cells), given["disagreement"]
        points |= {"first": np.array([a[0], d[1]]), "second": np.array([d[0], a[1]])}
    structure, strict = [], np.ones(cells, dtype=bool)
    for key, point in points.items():
        pieces, sure = boundary.active(key, point, size)
        if name == "raiffa" and key != "x":  # a point on two sides at once is at a kink
            sure = sure & (pieces[0] >= 0) & (pieces[1] < 0)
            strict &= sure
        structure.append(pieces)
        strict &= sure | (key not in ("x", "y"))
        if key in ("first", "second"):  # elsewhere on the boundary a best payoff has no floor
            strict &= sure & (pieces[0] >= 0) & (pieces[1] < 0)
    if ideal and flat:
        strict &= np.isfinite(boundary.ideal[0]).all(axis=0)
    if name == "RandomProposer":
        waits = [
            d + v * (x - d)
            for d, v, x in zip(
                given["disagreement"], given["discounts"], division.payoffs.reshape(cells, -1).T, strict=True
            )
        ]
        options = given.get("outside", [np.full(cells, -np.inf)] * len(waits))
        gap = np.array([np.broadcast_to(o - w, (cells,)) for o, w in zip(options, waits, strict=True)])
        structure.append((gap > 0).astype(np.intp))
        strict &= (np.abs(gap) > TIE * size).all(axis=0) & (structure[0][1] < 0) & (structure[1][1] < 0)
    if name == "AlternatingOffers":
        binds, sure = _binding(points, given, size)
        structure.append(binds)
        accepted = division.agree.reshape(2, cells).all(axis=0)  # type: ignore[attr-defined]
        strict &= sure & accepted & (structure[0][1] < 0) & (structure[1][1] < 0)
    if name in _RAYS:
        strict &= structure[0][1] < 0
    rows = np.concatenate(structure)
    left = np.flatnonzero(strict)
    while left.size:  # few structures: no need to sort the cells by them
        row = rows[:, left[0]]
        alike = (rows[:, left] == row[:, None]).all(axis=0)
        here, left = left[alike], left[~alike]
        known = [*points["x"], *points.get("y", ())]
        if name == "RandomProposer":
            known = [*_flat(division.payoffs, cells), *(() if isinstance(boundary, _Budget) else own)]
        if name in _OPTIMA and (row[1] >= 0 or isinstance(boundary, _Facets)):
            best = [points["first"][0], points["second"][1]] if "first" in points else []
            here = _inside_the_cone(name, boundary, row, given, [*known, *best], here)
        for start in range(0, here.size, BLOCK):
            block = here[start : start + BLOCK]
            whole = block[-1] - block[0] + 1 == block.size  # a slice takes views, not copies
            some: Any = slice(int(block[0]), int(block[-1]) + 1) if whole else block
            made = _equations(name, problem.players, boundary, row, list(points), some)
            unknowns = [value[some] for value in known]
            yield Conditions(cells=some, unknowns=unknowns, equations=made, error=boundary.error(block))


def _interim(boundary: Any, problem: Any, cells: int) -> dict[str, Floats]:
    """Return the best payoffs over each interim agreement of two players, as points of the boundary, step by step."""
    d, out = (
        _flat(np.broadcast_to(problem.disagreement, (*problem.batch_shape, 2)), cells).copy(),
        dict[str, Floats](),
    )
    for k in range(_HALVINGS):
        best = _flat(problem.feasible.ideal(d.T.reshape(*problem.batch_shape, 2)), cells)
        out[f"{k} first"], out[f"{k} second"] = np.array([best[0], d[1]]), np.array([d[0], best[1]])
        gap = np.where(np.isfinite(best), np.maximum(best - d, 0.0), 0.0)
        d = d + gap / 2
        if (gap <= 4 * EPS * np.abs(d).max()).all():
            break
    return out


def _ideal_slopes(boundary: Any, d: Floats, cells: int) -> tuple[Floats, Floats]:
    """Return ideal points below facets, (n, cells), and their slopes in d, (n, n, cells), by the prices of d's floors.

    They are linear in d if at most as many constraints bind as there are players; NaN where more bind.
    """
    from scipy.optimize import linprog

    n = boundary.pieces
    best, slopes = np.full((n, cells), np.nan), np.full((n, n, cells), np.nan)
    floors = np.broadcast_to(d, (n, cells))
    for cell in range(cells):
        low = floors[:, cell]
        size = np.abs(boundary.limits - boundary.rows @ low).max() + np.abs(low).max()
        for i in range(n):
            found = linprog(-np.eye(n)[i], boundary.rows, boundary.limits, bounds=[(x, None) for x in low])
            if found.status != 0:
                continue
            binding = (found.slack <= TIE * size).sum() + (found.x - low <= TIE * size).sum()
            if binding == n:
                best[i, cell], slopes[i, :, cell] = found.x[i], -found.lower.marginals
    return best, slopes


def _flat(values: Floats, cells: int) -> Floats:
    """Return one row a player."""
    n = values.shape[-1]
    return np.ascontiguousarray(np.broadcast_to(values.reshape(-1, n), (cells, n)).T)


# --- pieces of boundaries -------------------------------------------------------------------------------------------


class _Budget:
    """Sums of payoffs up to a total."""

    def __init__(self, cells: int) -> None:
        self.cells = cells

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        return np.array([[0], [-1]]).repeat(self.cells, axis=1), np.ones(self.cells, dtype=bool)

    def error(self, here: NDArray[np.intp]) -> Floats:
        return np.zeros(here.size)

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        return given["total"][0] - sum(x[1:], x[0])

    def normal(self, piece: int, key: str, x: Any, given: Given, here: Any) -> list[Any]:
        return [1.0] * len(x)


class _Curve:
    """Points below a frontier that is smooth at the points needed."""

    def __init__(self, frontier: Frontier, batch: tuple[int, ...], *, order: int) -> None:
        self.frontier, self.batch, self.order = frontier, batch, order
        self.local: dict[str, tuple[list[Floats], Floats]] = {}
        self.at: dict[str, Floats] = {}

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        x0, x1 = point
        self.at[key] = x0
        self.local[key] = derivatives, error = local(self.frontier, x0.reshape(self.batch), self.order)
        sure = (error < SMOOTH) & (np.abs(x1 - derivatives[0]) <= TIE * size)
        return np.where(sure, [[0], [-1]], -1), sure

    def error(self, here: NDArray[np.intp]) -> Floats:
        errors: Floats = np.sum([error[here] for _, error in self.local.values()], axis=0)
        return errors

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        f = [values[here] for values in self.local[key][0]]
        return _through(x[0], f) - x[1]

    def normal(self, piece: int, key: str, x: Any, given: Given, here: Any) -> list[Any]:
        f = [values[here] for values in self.local[key][0]]
        return [-_through(x[0], [*f[1:], f[-1]]), 1.0]

    def over(self, piece: int, key: str, i: int, other: Any, given: Given, here: Any) -> Any:
        """Return player i's payoff on the boundary, given the other's."""
        f = [values[here] for values in self.local[key][0]]
        if i:
            return _through(other, f)
        with np.errstate(all="ignore"):
            own = self.at[key][here]
            return _through(other, [own, 1 / f[1], -f[2] / f[1] ** 3])

    def fall(self, piece: int, key: str, given: Given, here: Any) -> tuple[Floats, Floats]:
        """Return minus the slope, and how it changes."""
        f = [values[here] for values in self.local[key][0]]
        return -f[1], -f[2]


class _Sides:
    """A polygon: each side is a line through two of its points, or through one along an axis by free disposal."""

    def __init__(self, points: Floats, free_disposal: bool) -> None:
        k = len(points)
        self.points = points
        self.lines: list[tuple[int, int]] = [(i, (i + 1) % k) for i in range(k)]
        if free_disposal:
            far, high = (int(np.lexsort((points[:, 1 - i], points[:, i]))[-1]) for i in (0, 1))
            chain = sorted(range(k), key=lambda i: (-points[i, 0], points[i, 1]))
            chain = [i for i in chain if points[i, 1] >= points[far, 1] and points[i, 0] >= points[high, 0]]
            self.lines = [
                (far, -1),
                *zip(chain[chain.index(far) :], chain[chain.index(far) + 1 :], strict=False),
                (high, -2),
            ]

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        given = {"points": self.points.ravel()}
        slacks = []
        for k in range(len(self.lines)):
            a, b = self.normal(k, key, point, given, slice(None))
            slacks.append(self.slack(k, key, point, given, slice(None)) / np.hypot(a, b))
        near = np.abs(slacks) <= TIE * size
        order = np.argsort(~near, axis=0, kind="stable")[:2]
        found = np.where(np.take_along_axis(near, order, axis=0), order, -1)
        return found, (near.sum(axis=0) >= 1) & (near.sum(axis=0) <= 2)

    def error(self, here: NDArray[np.intp]) -> Floats:
        return np.zeros(here.size)

    def _ends(self, piece: int, given: Given) -> list[Any]:
        i, j = self.lines[piece]
        p = given["points"]
        start = [p[2 * i], p[2 * i + 1]]
        return [
            start,
            [0.0, 1.0]
            if j == -1
            else [-1.0, 0.0]
            if j == -2
            else [p[2 * j] - start[0], p[2 * j + 1] - start[1]],
        ]

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        start, along = self._ends(piece, given)
        return (x[1] - start[1]) * along[0] - (x[0] - start[0]) * along[1]

    def normal(self, piece: int, key: str, x: Any, given: Given, here: Any) -> list[Any]:
        _, along = self._ends(piece, given)
        return [along[1], -along[0]]

    def over(self, piece: int, key: str, i: int, other: Any, given: Given, here: Any) -> Any:
        """Return player i's payoff on the boundary, given the other's."""
        start, along = self._ends(piece, given)
        return start[i] + (other - start[1 - i]) * along[i] / along[1 - i]

    def fall(self, piece: int, key: str, given: Given, here: Any) -> tuple[Floats, Floats]:
        """Return minus the slope, and its derivative; a horizontal or vertical side has length zero."""
        _, along = self._ends(piece, given)
        level = np.asarray(along[0] != 0) & np.asarray(along[1] != 0)
        fall = np.where(level, -np.asarray(along[1]) / np.where(level, along[0], 1.0), 0.0)
        return fall, 0.0 * fall


class _Facets:
    """A polytope of three players or more, by its inequalities."""

    ideal: tuple[Floats, Floats]

    def __init__(self, rows: Floats, limits: Floats) -> None:
        self.rows, self.limits = rows, limits
        self.pieces = rows.shape[1]

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        slacks = (self.limits[:, None] - self.rows @ point) / np.linalg.norm(self.rows, axis=1)[:, None]
        near = np.abs(slacks) <= TIE * size
        order = np.argsort(~near, axis=0, kind="stable")[: self.pieces]
        found = np.full((self.pieces, near.shape[1]), -1)
        found[: len(order)] = np.where(np.take_along_axis(near, order, axis=0), order, -1)
        return found, (near.sum(axis=0) >= 1) & (near.sum(axis=0) <= self.pieces)

    def error(self, here: NDArray[np.intp]) -> Floats:
        return np.zeros(here.size)

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        return self.limits[piece] - sum((x[i] * self.rows[piece, i] for i in range(self.pieces)), 0.0)

    def tangents(self, pieces: Sequence[int]) -> Floats:
        """Return an orthonormal basis of the directions along some facets, a column each."""
        from scipy.linalg import null_space

        basis: Floats = null_space(self.rows[list(pieces)])
        return basis


def boundary_of(feasible: FeasibleSet, batch: tuple[int, ...], *, order: int) -> Any:
    """Return the boundary of a set as pieces, of a frontier with so many derivatives; None where none are known."""
    cells = int(np.prod(batch))
    if isinstance(feasible, TransferableSurplus):
        return _Budget(cells)
    if isinstance(feasible, Frontier):
        return _Curve(feasible, batch, order=order)
    if isinstance(feasible, Polytope) and feasible.players == 2 and feasible.points is not None:
        points = feasible.points
        return _Sides(points, feasible.free_disposal) if len(points) > 2 or feasible.free_disposal else None
    if isinstance(feasible, Polytope) and feasible.inequalities is not None:
        return _Facets(*feasible.inequalities)
    if isinstance(feasible, Polytope) and feasible.points is not None and not feasible.free_disposal:
        return _hull(feasible.points)
    return None


def _hull(points: Floats) -> _Facets | None:
    """Return the facets of the hull of points; None if it is flat."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        found = ConvexHull(points).equations
    except (QhullError, ValueError):
        return None
    # Triangles of one facet share its equation.
    rows = np.unique(found.round(12), axis=0, return_index=True)[1]
    return _Facets(found[rows, :-1], -found[rows, -1])


@cache
def stencil(side: int, count: int = NODES) -> tuple[Floats, Floats]:
    """Return nodes around 0, or on one side, and the weights of a polynomial's value and three derivatives at 0."""
    cheb, points = np.polynomial.chebyshev, np.cos(np.pi * np.arange(count) / (count - 1))
    at, steep = (-1.0, 2.0 * side) if side else (0.0, 1.0)
    rows = [steep**k * cheb.chebval(at, cheb.chebder(np.eye(count), k)) for k in range(4)]
    weights = np.array(rows) @ np.linalg.inv(cheb.chebvander(points, count - 1))
    nodes = (points + 1) / 2 * side if side else points
    weights[0] = nodes == nodes[np.abs(nodes).argmin()]
    return nodes, weights


def local(frontier: Frontier, x: Floats, order: int) -> tuple[list[Floats], Floats]:
    """Return a frontier's function and its first two or three derivatives at points, and their relative error.

    They are those of the polynomial through the function, or its `derivative` if there is one, at nodes near the
    point. Windows shrink until two agree; the error is their difference plus the effect of rounding. Near a
    kink no windows agree, and the error stays large.
    """
    if not frontier.batch_shape and x.size > BLOCK:
        parts = [local(frontier, part, order) for part in np.array_split(x.ravel(), -(-x.size // BLOCK))]
        return [
            np.concatenate(one) for one in zip(*(part for part, _ in parts), strict=True)
        ], np.concatenate([error for _, error in parts])
    low, high = np.broadcast_to(frontier.lower, x.shape), np.broadcast_to(frontier.upper, x.shape)
    known = frontier.derivative
    skip = int(known is not None)
    order = max(
        order, 2
    )  # slopes alone do not show a kink: between two straight lines each window has their mean
    begin = 2 * int(skip == 1 and order == 2)  # rounding leaves room for narrow windows, so fewer nodes
    nodes, weights = stencil(0, NODES - begin)
    reach = np.minimum(x - low, high - x) * 0.7
    with np.errstate(all="ignore"):
        inside = np.isfinite(x) & (reach > 0)
        reach = np.where(inside, reach, (high - low) * 2.0**-30)
        middle = np.where(inside, x, (low + high) / 2)
        best = [np.full(x.shape, np.nan) for _ in range(order + 1 - skip)]
        error, last = np.full(x.shape, np.inf), None
        for k in range(begin, WINDOWS):
            h = reach * 2.0**-k
            at = middle + h * nodes[:, *(None,) * x.ndim]
            if known is None:
                values = frontier.values(at)
            elif frontier.batch_shape:
                values = np.array([known(one) for one in at])
            else:
                values = known(at)
            size = np.abs(values).max(axis=0)
            found = [np.tensordot(weights[j], values, 1) / h**j for j in range(1, order + 1 - skip)]
            found.insert(0, values[len(nodes) // 2])
            if last is not None:
                off = np.zeros(x.shape)
                for j in range(1, len(found)):
                    rounding = 2 * EPS * size * np.linalg.norm(weights[j]) / h**j
                    unit = np.abs(found[j]) + (np.abs(found[j - 1]) if j > 1 or skip else 0.0) / reach
                    off = np.maximum(off, (np.abs(found[j] - last[j]) + rounding) / unit)
                better = off < error
                error = np.where(better, off, error)
                best = [np.where(better, one, old) for one, old in zip(found, best, strict=True)]
                if (error[inside] < 1e-12).all() or not better.any():
                    break
            last = found
        here = frontier.function(middle)
        best[0] = here if known is None else known(middle)
    made = best if known is None else [here, *best]
    return [np.ravel(one) for one in made], np.ravel(np.where(inside, error, np.inf))


# --- conditions of concepts -----------------------------------------------------------------------------------------

_RAYS = (
    "egalitarian",
    "kalai_smorodinsky",
    "gupta_livne",
    "equal_loss",
    "perles_maschler",
    "raiffa",
    "continuous_raiffa",
)
_OPTIMA = ("nash", "utilitarian", "yu")


def _inside_the_cone(
    name: str, boundary: Any, row: Floats, given: Given, x: Sequence[Floats], here: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the cells at a corner whose prices lie strictly between those of its sides."""
    one = {key: [v if v.ndim == 0 else v[here] for v in values] for key, values in given.items()}
    at = [value[here] for value in x]
    if isinstance(boundary, _Facets):
        worth = np.array([w + 0 * at[0] for w in one["weights"]])
        if name == "nash":
            worth = worth / (np.array(at) - np.array(one["disagreement"]))
        normals = boundary.rows[row[: boundary.pieces][row[: boundary.pieces] >= 0].astype(int)]
        parts = np.linalg.lstsq(normals.T, worth, rcond=None)[0]
        inside: NDArray[np.intp] = here[parts.min(axis=0) > TIE * parts.max(axis=0)]
        return inside
    (a, b), (c, e) = (boundary.normal(int(row[k]), "x", at[:2], one, here) for k in (0, 1))
    prices = one.get("weights", [1.0, 1.0])
    if name == "nash":
        prices = [w / (at[i] - one["disagreement"][i]) for i, w in enumerate(prices)]
    elif name == "yu":
        prices = [(at[2 + i] - at[i]) ** (one["p"][0] - 1) for i in (0, 1)]
    det = a * e - b * c
    first, second = (prices[0] * e - prices[1] * c) / det, (a * prices[1] - b * prices[0]) / det
    sure = np.minimum(first, second) > TIE * np.maximum(first, second)
    kept: NDArray[np.intp] = here[np.broadcast_to(sure, here.shape)]
    return kept


def _binding(
    points: Mapping[str, Floats], given: Given, size: Floats
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return for each player whether her outside option binds when she responds, and whether this is strict."""
    binds, sure = [], np.ones(size.shape, dtype=bool)
    for i, own in enumerate(("x", "y")):
        waits = _waits(i, points[own][i], given)
        gap = given["outside"][i] - waits
        binds.append(np.broadcast_to(gap > 0, size.shape))
        sure = sure & (np.abs(gap) > TIE * size)
    which: NDArray[np.intp] = np.array(binds).astype(np.intp)
    return which, sure


def _waits(i: int, worth: Any, given: Given) -> Any:
    """Return player i's payoff from refusing if her payoff from the next period on is `worth`."""
    d, p = given["disagreement"][i], given["breakdown"][0]
    return given["breakdown_payoffs"][i] * p + (d + (worth - d) * given["discounts"][i]) * (1.0 - p)


def _equations(
    name: str, n: int, boundary: Any, row: Floats, keys: list[str], here: NDArray[np.intp] | slice
) -> Callable[[list[Jet], Given], list[Jet]]:
    """Return the equations of one structure."""
    width = boundary.pieces if isinstance(boundary, _Facets) else 2
    piece = {key: tuple(int(v) for v in row[width * k : width * (k + 1)]) for k, key in enumerate(keys)}

    def best(given: Given) -> list[Any]:
        """Return the ideal point."""
        d = given["disagreement"]
        if isinstance(boundary, _Facets):
            values, slopes = (array[..., here] for array in boundary.ideal)
            base = [np.asarray(getattr(one, "value", one)) for one in d]
            moved = [[(d[j] - base[j]) * slopes[i, j] for j in range(n)] for i in range(n)]
            return [sum(row[1:], row[0]) + values[i] for i, row in enumerate(moved)]
        if "first" not in piece:
            return [given["total"][0] - sum([d[j] for j in range(n) if j != i], 0.0) for i in range(n)]
        keys = enumerate(("first", "second"))
        return [boundary.over(piece[key][0], key, i, d[1 - i], given, here) for i, key in keys]

    def ray(x: list[Jet], given: Given) -> list[Jet]:
        d = given["disagreement"]
        origin, along = d, given.get("weights")
        if name != "egalitarian":
            ideal = best(given)
            origin = given["reference"] if name == "gupta_livne" else ideal if name == "equal_loss" else d
            along = None if name == "equal_loss" else [a - o for a, o in zip(ideal, origin, strict=True)]
        gains = [x[i] - origin[i] for i in range(n)]
        along = [1.0] * n if along is None else along
        level = [gains[i] * along[0] - gains[0] * along[i] for i in range(1, n)]
        return [boundary.slack(piece["x"][0], "x", x, given, here), *level]

    def interim(x: list[Jet], given: Given) -> list[Jet]:
        """Return the difference between a point and the last interim agreement, each found from the one before."""
        d = list(given["disagreement"])
        if len(keys) == 1:  # of a budget: one step
            rest = boundary.slack(0, "x", d, given, here)
            return [x[i] - d[i] - rest * (1.0 / n) for i in range(n)]
        for k in range((len(keys) - 1) // 2):
            first = boundary.over(piece[f"{k} first"][0], f"{k} first", 0, d[1], given, here)
            second = boundary.over(piece[f"{k} second"][0], f"{k} second", 1, d[0], given, here)
            d = [(d[0] + first) * 0.5, (d[1] + second) * 0.5]
        return [x[0] - d[0], x[1] - d[1]]

    def middle(x: list[Jet], given: Given) -> list[Jet]:
        """Return the derivative of the difference of the frontier's two parts: the root of minus its slope in x."""
        if "first" not in piece:  # the middle of a budget
            d = given["disagreement"]
            return [boundary.slack(piece["x"][0], "x", x[:2], given, here), (x[0] - d[0]) - (x[1] - d[1])]
        ends = {"x": x[0], "first": best(given)[0], "second": given["disagreement"][0]}
        share = {"x": 2.0, "first": -1.0, "second": -1.0}
        total: Any = 0.0
        for key, at in ends.items():
            fall, bend = boundary.fall(piece[key][0], key, given, here)
            root = np.sqrt(fall)
            with np.errstate(all="ignore"):
                part = at.through(0 * root, root, bend / (2 * root)) if isinstance(at, Jet) else 0.0
            total = part * share[key] + total
        return [boundary.slack(piece["x"][0], "x", x, given, here), total]

    def drawn(z: list[Jet], given: Given) -> list[Jet]:
        """Return the conditions of a proposer drawn each period; a budget needs no unknown for the proposer."""
        v, d = z[:n], given["disagreement"]
        chances = given.get("probabilities", [1.0 / n] * n)
        sure, binds = sum(chances[1:], chances[0]), row[len(row) - n :]
        waits = [d[i] + (v[i] - d[i]) * given["discounts"][i] for i in range(n)]
        w = [given["outside"][i] if binds[i] else waits[i] for i in range(n)]
        met = []
        if isinstance(boundary, _Budget):
            rest = boundary.slack(0, "x", w, given, here)
            own = [one + rest for one in w]
        else:
            own = z[n:]
            points = {"x": [own[0], w[1]], "y": [w[0], own[1]]}
            met = [boundary.slack(piece[key][0], key, point, given, here) for key, point in points.items()]
        return [*met, *(v[i] - w[i] - (own[i] - w[i]) * (chances[i] / sure) for i in range(n))]

    def optimum(x: list[Jet], given: Given) -> list[Jet]:
        over: list[Any] = [1.0] * n
        if name == "nash":
            prices, over = list(given["weights"]), [x[i] - given["disagreement"][i] for i in range(n)]
        elif name == "utilitarian":
            prices = list(given["weights"])
        else:
            ideal = best(given)
            power = given["p"][0] - 1.0
            prices = [_power(ideal[i] - x[i], power) for i in range(n)]
        met = [boundary.slack(k, "x", x[:n], given, here) for k in piece["x"] if k >= 0]
        if len(met) < n and isinstance(boundary, _Facets):
            along = boundary.tangents([k for k in piece["x"] if k >= 0])
            worth = [price / share for price, share in zip(prices, over, strict=True)]
            met += [sum((worth[i] * one[i] for i in range(n)), 0.0) for one in along.T]
        elif len(met) < n:
            normal = boundary.normal(piece["x"][0], "x", x[:n], given, here)
            met += [prices[0] * normal[i] * over[i] - prices[i] * normal[0] * over[0] for i in range(1, n)]
        return met

    def offers(z: list[Jet], given: Given) -> list[Jet]:
        x, y = z[:2], z[2:]
        met = [boundary.slack(piece[key][0], key, point, given, here) for key, point in (("x", x), ("y", y))]
        reserve = [given["outside"][i] if row[-2 + i] else _waits(i, (x, y)[i][i], given) for i in (0, 1)]
        return [*met, x[1] - reserve[1], y[0] - reserve[0]]

    named = {
        "AlternatingOffers": offers,
        "RandomProposer": drawn,
        "perles_maschler": middle,
        "raiffa": interim,
        "continuous_raiffa": interim,
    }
    return named.get(name, ray if name in _RAYS else optimum)


def _through(x: Any, derivatives: Sequence[Floats]) -> Any:
    """Return a function of a jet, or of a number, given its value and first two derivatives there."""
    return x.through(*derivatives[:3]) if isinstance(x, Jet) else derivatives[0]


def _power(base: Any, power: Any) -> Any:
    """Return base ** power, either of which may be a jet."""
    if not isinstance(power, Jet):
        return base**power
    value = getattr(base, "value", base)
    exponent = power * _through(base, [np.log(value), 1 / value, -(value**-2.0)])
    value = np.exp(exponent.value)
    return exponent.through(value, value, value)
