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
from bargaining.feasible._root import BLOCK
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

EPS = float(np.finfo(float).eps)
TIE = 1e-9  # of the payoffs' range, or of the largest multiplier: within this distance of a kink counts as at it
SMOOTH = 1e-6  # relative error of curvatures above which a frontier is taken to have a kink there
ENOUGH = 1e-11  # relative error of a frontier's derivatives with which the search for better ones ends
MISSED = 1e-9  # of a function's rise: by how much the integral of its derivative may miss it
NODES = 13  # Chebyshev nodes of a polynomial through a function near a point
_HALVINGS = 60  # interim agreements; gains fall faster than by halves
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
    side: int = 0
    """1 or -1 where they hold only as a disagreement payoff rises or falls: a best payoff lies at a curve's end."""


def conditions(
    division: Division, given: Given, size: Floats, *, second: bool, moving: bool
) -> Iterator[Conditions]:
    """Yield the equations of the cells whose structure is known and strict, cells of one structure together.

    `size` (n, cells) is the unit in which each player's payoffs are near or far. `moving` says whether the points of
    the set move: a level side through several of them has a kink in each.
    """
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
    boundary = boundary_of(problem.feasible, batch, order=1 + (name in _OPTIMA) + second)
    flat = isinstance(boundary, _Facets)
    if boundary is None or (name == "perles_maschler" and flat) or (name == "yu" and flat):
        return
    if name == "raiffa" and not isinstance(boundary, _Budget):
        points |= _interim(boundary, problem, cells)
    if ideal and flat:
        boundary.ideal = _ideal_slopes(boundary, np.array(given["disagreement"]), cells)
    elif ideal and not isinstance(boundary, _Budget):
        a, d = _flat(problem.ideal, cells), given["disagreement"]
        points |= {"first": np.array([a[0], d[1]]), "second": np.array([d[0], a[1]])}
    structure, strict = list[NDArray[np.intp]](), np.ones(cells, dtype=bool)
    ties = dict[int, NDArray[np.bool_]]()
    for key, point in points.items():
        pieces, sure = boundary.active(key, point, size)
        if key not in ("x", "y"):  # a best payoff: at a kink if it is on two sides at once
            tied = sure & (pieces[0] == 0) & (pieces[1] > 0)
            if isinstance(boundary, _Curve) and key in _STARTS and tied.any():
                ties[sum(len(one) for one in structure)] = tied
            else:
                tied = False & tied
            sure = sure & (pieces[0] >= 0) & (tied | (pieces[1] < 0))
        if moving and isinstance(boundary, _Sides):
            sure = sure & ~np.isin(pieces, boundary.shared).any(axis=0)
        structure.append(pieces)
        strict &= sure
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
    if name == "utilitarian" and isinstance(boundary, _Linear):
        strict &= structure[0][-1] >= 0  # anywhere but at a corner the best divisions are a whole face
    rows: Any = np.concatenate(structure)
    left = np.flatnonzero(strict & ~np.any(list(ties.values()), axis=0)) if ties else np.flatnonzero(strict)
    queue = [(0, rows, left)]
    for side in (1, -1) if ties else ():  # a floor that rises moves a best payoff along the curve
        moved = rows.copy()
        for at, tied in ties.items():
            moved[at, tied] = moved[at + (side < 0), tied]
            moved[at + 1, tied] = -1
        queue.append((side, moved, np.flatnonzero(strict & np.any(list(ties.values()), axis=0))))
    while queue:  # few structures: no need to sort the cells by them
        side, rows, left = queue.pop()
        if not left.size:
            continue
        row = rows[:, left[0]]
        alike = ((rows if left.size == cells else rows[:, left]) == row[:, None]).all(axis=0)
        here, left = (left, left[:0]) if alike.all() else (left[alike], left[~alike])
        queue.append((side, rows, left))
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
            error = boundary.error(block)
            yield Conditions(cells=some, unknowns=unknowns, equations=made, error=error, side=side)


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


class _Linear:
    """A boundary of linear pieces, of which slopes have no error."""

    def error(self, here: NDArray[np.intp]) -> Floats:
        return np.zeros(here.size)

    def met(self, slacks: Any, most: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the first pieces without slack, -1 where there are fewer, and whether there are some, and no more."""
        near = np.abs(slacks) <= TIE
        order = np.argsort(~near, axis=0, kind="stable")[:most]
        found = np.full((most, near.shape[1]), -1)
        found[: len(order)] = np.where(np.take_along_axis(near, order, axis=0), order, -1)
        return found, (near.sum(axis=0) >= 1) & (near.sum(axis=0) <= most)


class _Budget(_Linear):
    """Sums of payoffs up to a total."""

    def __init__(self, cells: int) -> None:
        self.cells = cells

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        return np.array([[0], [-1]]).repeat(self.cells, axis=1), np.ones(self.cells, dtype=bool)

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        return given["total"][0] - sum(x[1:], x[0])

    def normal(self, piece: int, key: str, x: Any, given: Given, here: Any) -> list[Any]:
        return [1.0] * len(x)


class _Curve:
    """Points below a frontier that is smooth at the points needed.

    Its pieces are the curve (0), the end of the interval (1), below the curve's last point, and the height of its first
    point (2), next to the interval.
    """

    def __init__(self, frontier: Frontier, batch: tuple[int, ...], *, order: int) -> None:
        self.frontier, self.batch, self.order = frontier, batch, order
        self.local: dict[str, tuple[list[Floats], Floats]] = {}
        self.at: dict[str, Floats] = {}
        low, high = frontier.lower, frontier.upper
        top, bottom = (frontier.function(end) for end in (low, high))
        self.mean = (top - bottom) / (high - low)
        cells = int(np.prod(batch))
        self.ends = np.array(
            [
                [np.broadcast_to(one, batch).reshape(cells) for one in end]
                for end in ((high, bottom), (low, top))
            ]
        )

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        x0, x1 = point
        self.at[key] = x0
        (near, level), ((high, bottom), (low, top)) = TIE * size, self.ends
        asked = np.where((x0 >= high) & (x1 < bottom - level), np.nan, x0).reshape(self.batch)
        derivatives, error = local(self.frontier, asked, self.order, mean=self.mean)
        curve = (np.abs(x1 - derivatives[0]) <= level) & (x0 >= low - near) & (x0 <= high + near)
        if key.endswith("first"):  # there the inverse of the slope counts
            error = error * (1 + np.abs(self.mean.ravel() / derivatives[1]))
        sure = curve & (error < SMOOTH)
        self.local[key] = derivatives, np.where(curve, error, 0.0)
        found = np.full((2, x0.size), -1, dtype=np.int8)
        found[0, curve] = 0
        end = (np.abs(x0 - high) <= near) & (x1 <= bottom + level)
        start = (np.abs(x1 - top) <= level) & (x0 <= low + near)
        for k, met in ((1, end), (2, start)):
            if met.any():
                found[:, met] = np.where(curve[met], [[0], [k]], [[k], [-1]])
                sure |= met & ~curve
        return found, sure

    def error(self, here: NDArray[np.intp]) -> Floats:
        errors: Floats = np.sum([error[here] for _, error in self.local.values()], axis=0)
        return errors

    def slack(self, piece: int, key: str, x: Any, given: Given, here: Any) -> Any:
        if piece:
            return self.ends[piece - 1][piece - 1][here] - x[piece - 1]
        f = [values[here] for values in self.local[key][0]]
        return _through(x[0], f) - x[1]

    def normal(self, piece: int, key: str, x: Any, given: Given, here: Any) -> list[Any]:
        if piece:
            return [float(piece == 1), float(piece == 2)]
        f = [values[here] for values in self.local[key][0]]
        return [-_through(x[0], [*f[1:], f[-1]]), 1.0]

    def over(self, piece: int, key: str, i: int, other: Any, given: Given, here: Any) -> Any:
        """Return player i's payoff on the boundary, given the other's."""
        if piece:
            return self.ends[piece - 1][i][here]
        f = [values[here] for values in self.local[key][0]]
        if i:
            return _through(other, f)
        with np.errstate(all="ignore"):
            own = self.at[key][here]
            return _through(other, [own, 1 / f[1], -f[2] / f[1] ** 3])

    def fall(self, piece: int, key: str, given: Given, here: Any) -> tuple[Floats, Floats]:
        """Return minus the slope, and how it changes."""
        f = [values[here] for values in self.local[key][0]]
        return (-f[1], -f[2]) if piece == 0 else (0 * f[1], 0 * f[1])


class _Sides(_Linear):
    """A polygon: each side is a line through two of its points, or through one along an axis by free disposal."""

    def __init__(self, points: Floats, free_disposal: bool) -> None:
        k = len(points)
        self.points = points
        self.lines: list[tuple[int, int]] = [(i, (i + 1) % k) for i in range(k)]
        if free_disposal:
            far, high = (int(np.lexsort((points[:, 1 - i], points[:, i]))[-1]) for i in (0, 1))
            self.lines = [
                (far, -1),
                *(self.lines[i % k] for i in range(far, far + (high - far) % k)),
                (high, -2),
            ]
        level = points.max(axis=0) - points <= TIE * np.ptp(points, axis=0).max()
        self.shared = [
            k
            for k, (p, q) in enumerate(self.lines)
            for i in (0, 1)
            if level[:, i].sum() > 1 and level[p, i] and (q == -1 - i or (q >= 0 and level[q, i]))
        ]
        """Sides along an axis with several points: whichever of these is moved up alone makes the best payoff."""

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        given = {"points": self.points.ravel()}
        slacks = []
        for k in range(len(self.lines)):
            a, b = self.normal(k, key, point, given, slice(None))
            slacks.append(self.slack(k, key, point, given, slice(None)) / np.hypot(a * size[0], b * size[1]))
        return self.met(slacks, 2)

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


class _Facets(_Linear):
    """A polytope of three players or more, by its inequalities."""

    ideal: tuple[Floats, Floats]

    def __init__(self, rows: Floats, limits: Floats) -> None:
        self.rows, self.limits = rows, limits
        self.pieces = rows.shape[1]

    def active(self, key: str, point: Floats, size: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        slacks = (self.limits[:, None] - self.rows @ point) / np.sqrt(self.rows**2 @ size**2)
        return self.met(slacks, self.pieces)

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
def _nested(ratio: float, pairs: int) -> tuple[Floats, Floats]:
    """Return weights of the odd and even parts of a polynomial through 0 and through 1, 1 / ratio, ..., (3, pairs).

    Of divided differences they make three derivatives at 0. By how much these multiply rounding comes second.
    """
    s = ratio ** (-2.0 * np.arange(pairs))
    rows = np.array([np.prod([other / (other - one) for other in s if other != one]) for one in s])
    made = np.array([rows, rows, -6 * rows * ((1 / s).sum() - 1 / s)])
    return made, np.linalg.norm(made * s ** [[-0.5], [-1], [-0.5]] * [[1.5], [5], [1.5]], axis=1)[:, None]


@cache
def _chebyshev() -> tuple[Floats, list[Floats], Floats]:
    """Return nodes in [-1, 1], how values there give the terms of three derivatives, and what multiplies rounding."""
    cheb, degree = np.polynomial.chebyshev, np.arange(NODES)
    points = -np.cos(np.pi * degree / degree[-1])
    into = np.linalg.inv(cheb.chebvander(points, NODES - 1))
    steep = np.cumprod([(degree**2 - j**2) / (2 * j + 1) for j in range(3)], axis=0)
    return (
        points,
        [np.asarray(cheb.chebder(into, j), dtype=float) for j in (1, 2, 3)],
        2 * np.linalg.norm(steep, axis=1)[:, None],
    )


def local(
    frontier: Frontier, x: Floats, order: int, *, mean: Floats | float = 0.0
) -> tuple[list[Floats], Floats]:
    """Return a frontier's function and its derivatives at points, to second order at least, and their relative error.

    They are those of a polynomial through the function, or its `derivative` if there is one, at pairs of nodes around
    the point. The widest pair gives way to a narrower one until two polynomials in a row agree; the error is their
    difference plus the effect of rounding, over the size of slopes, to which their `mean` may be added. Near a kink
    none agree, and the error stays large. Next to an end of the interval nodes may reach farther to the other side.
    The error is infinite where the function is not the integral of its `derivative`.
    """
    shape, flat = x.shape, not frontier.batch_shape
    if flat and x.size > BLOCK:
        parts = [
            local(frontier, part, order, mean=mean) for part in np.array_split(x.ravel(), -(-x.size // BLOCK))
        ]
        made = [np.concatenate(one) for one in zip(*(part for part, _ in parts), strict=True)]
        return made, np.concatenate([error for _, error in parts])
    known = frontier.derivative is not None
    low, high = (np.broadcast_to(end, shape).ravel() for end in (frontier.lower, frontier.upper))
    x, width = np.ravel(x), high - low
    # Slopes alone do not show a kink: between two straight lines each polynomial has their mean.
    orders = np.arange(1 + known, max(order, 2) + 1)
    count, powers = len(orders), np.arange(1, len(orders) + 1)[:, None]

    def ask(nodes: Floats, where: Any = slice(None), slopes: bool = known) -> Floats:
        """Return the function, or its derivative, for some cells, at nodes (m, cells)."""
        if flat:
            return frontier.values(nodes, slopes=slopes)
        whole = nodes
        if nodes.shape[1] < x.size:
            whole = np.repeat(middle[None], len(nodes), axis=0)
            whole[:, where] = nodes
        answers: Floats = frontier.values(whole.reshape(-1, *shape), slopes=slopes).reshape(len(nodes), -1)
        return answers[:, where]

    def around() -> Iterator[tuple[Floats, ...]]:
        """Yield derivatives, (count, cells), those by a node pair less, what rounding adds, and centres and halves."""
        ratio, most = (2.0, 6) if order == 1 or count == 1 else (2.0**0.5, 8)
        h = np.where(inside, room / 2, width * 2.0**-30)
        centre = np.minimum(np.maximum(middle, low + h), high - h)
        odd, even = np.empty((2, most + WINDOWS, x.size))

        def through(pairs: int) -> tuple[Floats, Floats, Floats]:
            """Return derivatives of the polynomial through the last of some pairs, the noise and the half."""
            first = max(pairs - most, 0)
            (rows, loud), half, span = _nested(ratio, pairs - first), h * ratio**-first, slice(first, pairs)
            found = [rows[0] @ odd[span], *([rows[1] @ even[span]] if count > 1 else [])]
            found += [rows[2] @ odd[span] / half**2] if count > 2 else []
            return np.array(found), EPS * loud[:count] * size / half**powers, half

        seen = 0
        for pairs in (4, *range(most + 1, most + WINDOWS + 1)):
            for k in range(seen, pairs):
                step = h * ratio**-k
                up, down = ask((centre + step)[None])[0], ask((centre - step)[None])[0]
                if not k:
                    size = np.maximum(np.abs(up), np.abs(down)) + np.abs(x / h * (up - down))
                np.subtract(up, down, out=odd[k])
                odd[k] /= 2 * step
                if count > 1:
                    np.add(up - level, down - level, out=even[k])
                    even[k] /= step**2
            seen = pairs
            found, rounding, half = through(pairs)
            yield found, through(pairs - 1)[0], rounding, centre, half

    def beside(where: NDArray[np.intp]) -> Iterator[tuple[Floats, ...]]:
        """Yield the same of windows that start at the nearer end of the interval."""
        (points, into, loud), last = _chebyshev(), None
        for k in range(3, 7):
            half = width[where] * 2.0**-k
            centre = np.minimum(np.maximum(x[where], low[where] + half), high[where] - half)
            values, at = ask(centre + half * points[:, None], where), (x[where] - centre) / half
            found = [np.polynomial.chebyshev.chebval(at, one @ values, tensor=False) for one in into[:count]]
            slopes = np.array(found) / half**powers
            size = np.abs(values).max(axis=0) + np.abs(x[where] * slopes[0])
            if last is not None:
                yield slopes, last, EPS * loud[:count] * size / half**powers, centre, half
            last = slopes

    def settle(windows: Iterator[tuple[Floats, ...]], where: Any, live: NDArray[np.bool_]) -> None:
        """Keep the best of some windows, until those of live cells are good enough."""
        worst = error[where]
        least = np.broadcast_to(mean, shape).ravel()[where] if np.ndim(mean) else mean
        for found, last, rounding, centre, half in windows:
            apart, under = np.abs(found - last), np.abs(level[where]) + least if known else None
            for j in range(count):
                # What is not asked for need only show that there is no kink.
                wide = width[where] if orders[j] <= order else half
                under = np.abs(found[j]) + (least if under is None else under / wide)
                apart[j] /= under
                rounding[j] /= under
            off = (apart + rounding).max(axis=0)
            better = off < worst
            worst = np.where(better, off, worst)
            best[:, where] = np.where(better, found, best[:, where])
            kept[:, where] = np.where(better, [centre, half], kept[:, where])
            # Where rounding dominates, narrower windows do not help.
            if not (live & better & (off > ENOUGH) & (off > 4 * rounding.max(axis=0))).any():
                break
        error[where] = worst

    with np.errstate(all="ignore"):
        room = np.minimum(x - low, high - x)
        inside = room > 0
        middle = np.where(room >= 0, x, (low + high) / 2)
        here = ask(middle[None], slopes=False)[0]
        level = ask(middle[None])[0] if known else here
        best, error, kept = np.full((count, x.size), np.nan), np.full(x.size, np.inf), np.zeros((2, x.size))
        if inside.any():
            settle(around(), slice(None), inside)
        error[~inside] = np.inf
        if known and order == 1:  # there is no kink at an end
            at = (room == 0) & np.isfinite(level)
            error[at] = 0.0
            kept[:, at] = np.array([(x + np.sign(low + high - 2 * x) * width / 512), width / 64])[:, at]
        ends = np.flatnonzero((room >= 0) & (room < width / 4) & ~(error <= 10 * ENOUGH))
        if ends.size:
            settle(beside(ends), ends, np.ones(ends.size, dtype=bool))
        if known:
            centre, part = kept[0], kept[1] / 8
            rise = np.subtract(*ask(np.array([centre + part, centre - part]), slopes=False))
            gauss = np.array([centre - 0.6**0.5 * part, centre, centre + 0.6**0.5 * part])
            missed = np.abs(rise - part * (np.array([5, 8, 5]) / 9 @ ask(gauss)))
            lost = missed > MISSED * np.abs(rise) + 32 * EPS * (np.abs(here) + np.abs(x * level))
            error[lost] = np.inf
    return [here, *([level] if known else []), *best], error


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
_STARTS = ("first", "second", "0 first", "0 second")  # best payoffs over the disagreement point itself


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
    binds, sure = [], np.ones(size.shape[1:], dtype=bool)
    for i, own in enumerate(("x", "y")):
        waits = _waits(i, points[own][i], given)
        gap = given["outside"][i] - waits
        binds.append(np.broadcast_to(gap > 0, size[i].shape))
        sure = sure & (np.abs(gap) > TIE * size[i])
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
