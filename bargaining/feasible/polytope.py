"""The convex hull of finitely many payoff vectors."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, real
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._polygon import hull, pareto_chain

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Polytope:
    """The convex hull of points, or everything below it.

    Parameters
    ----------
    points : array_like, shape (m, n)
        Payoff vectors, one per row; players are columns. Repeated and inner points are dropped.
    free_disposal : bool, default False
        Whether every payoff vector below a feasible one is feasible too.

    Raises
    ------
    InvalidInput
        If `points` is not a finite, non-empty (m, n) array.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, nash
    >>> nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])).payoffs
    array([2. , 0.5])
    """

    vertices: Floats
    free_disposal: bool
    _origin: Floats = field(repr=False)
    _span: Floats = field(repr=False)
    _grain: float = field(repr=False)  # rounding errors of unit coordinates
    _chain: Floats = field(repr=False)
    _normals: Floats = field(repr=False)
    _anchors: Floats = field(repr=False)

    def __init__(self, points: ArrayLike, *, free_disposal: bool = False) -> None:
        array = real(points, "points", ndim=2)
        if array.shape[1] != 2:
            raise NotApplicable(f"`points` must be pairs; got {array.shape[1]} columns.")
        vertices = hull(array)
        origin = vertices.min(axis=0)
        with np.errstate(over="ignore"):
            span = vertices.max(axis=0) - origin
        if not np.isfinite(span).all():
            raise InvalidInput("`points` must span less than the largest float; rescale the payoffs.")
        span = np.where(span > 0, span, 1.0)
        unit = (vertices - origin) / span
        grain = 16 * EPS * (1.0 + float((np.abs(vertices).max(axis=0) / span).max()))
        chain = pareto_chain(unit)
        normals, anchors = _edges(chain if free_disposal else unit, open_below=free_disposal)
        fields = (vertices, bool(free_disposal), origin, span, grain, chain, normals, anchors)
        for name, value in zip(self.__slots__, fields, strict=True):
            object.__setattr__(self, name, value)

    @property
    def players(self) -> int:
        """Number of players n."""
        return int(self.vertices.shape[1])

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and the vertex where it is attained.

        Where an edge ties, the point is its middle.
        """
        unit = (self.vertices - self._origin) / self._span
        scaled = weights * self._span
        size = np.abs(scaled).sum(axis=-1)
        sums = np.stack([(scaled * vertex).sum(axis=-1) for vertex in unit])
        best = sums.max(axis=0)
        tied = np.asarray(sums >= best - 4 * EPS * size)[..., None]
        middle = sum(np.where(t, v, 0.0) for t, v in zip(tied, self.vertices, strict=True)) / tied.sum(axis=0)
        value = (weights * middle).sum(axis=-1)
        bounded = np.asarray((weights >= 0).all(axis=-1) | (not self.free_disposal))
        return np.where(bounded, value, np.inf), np.where(bounded[..., None], middle, np.nan)

    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction feasible."""
        start, step = (origin - self._origin) / self._span, direction / self._span
        shape = np.broadcast_shapes(start.shape, step.shape)[:-1]
        first, last = np.full(shape, -np.inf), np.full(shape, np.inf)
        reach = np.abs(step).max(axis=-1)
        room = self._grain * np.maximum(1.0, np.abs(start).max(axis=-1))
        with np.errstate(divide="ignore", invalid="ignore"):
            for normal, anchor in zip(self._normals, self._anchors, strict=True):
                slack = ((anchor - start) * normal).sum(axis=-1)
                speed = (step * normal).sum(axis=-1)
                flat = np.abs(speed) <= 4 * EPS * reach
                last = np.where(~flat & (speed > 0), np.minimum(last, slack / speed), last)
                first = np.where(~flat & (speed < 0), np.maximum(first, slack / speed), first)
                first = np.where(flat & (slack < -room), np.inf, first)
            missed = (first > last) & ~((first - last) * reach <= 2 * room)
        hit: Floats = np.where(missed, -np.inf, last)
        return hit

    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set."""
        low = (floor - self._origin) / self._span
        x, y = self._chain[:, 0], self._chain[:, 1]
        best = np.stack((np.interp(low[..., 1], y[::-1], x[::-1]), np.interp(low[..., 0], x, y)), axis=-1)
        room = self._grain * np.maximum(1.0, np.abs(np.where(np.isfinite(low), low, 0.0)).max(axis=-1))
        top = self._chain[[-1, 0], [0, 1]]
        empty = (low > top + room[..., None]).any(axis=-1) | (best < low - room[..., None]).any(axis=-1)
        ideal = np.maximum(self._origin + self._span * best, floor)
        return np.where(empty[..., None], -np.inf, ideal)

    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x lies in the set, up to `tol` of its span."""
        unit = (x - self._origin) / self._span
        room = np.maximum(tol, self._grain * np.maximum(1.0, np.abs(unit).max(axis=-1)))
        slacks = [
            ((anchor - unit) * normal).sum(axis=-1)
            for normal, anchor in zip(self._normals, self._anchors, strict=True)
        ]
        inside: NDArray[np.bool_] = np.asarray(np.min(slacks, axis=0) >= -room)
        return inside

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual.

        Edge by edge down the frontier: on the line through an edge the best point divides the line's whole surplus
        over `origin` by the weights; the walk goes on while that point lies beyond the edge's near end. The residual
        is the duality gap max sum(w (y - d) / (x - d)) - 1 over feasible y; NaN where not both can gain.
        """
        d = (origin - self._origin) / self._span
        d0, d1, w0 = d[..., 0], d[..., 1], weights[..., 0]
        shape = np.broadcast_shapes(d0.shape, w0.shape)
        x, y = np.full(shape, self._chain[0, 0]), np.full(shape, self._chain[0, 1])
        for (left, high), (right, low) in zip(self._chain[:-1], self._chain[1:], strict=True):
            rate = (high - low) / (right - left)
            wanted = d0 + w0 * ((high - d1) / rate + (left - d0))
            further = wanted > left
            x = np.where(further, np.minimum(wanted, right), x)
            y = np.where(further, np.where(wanted >= right, low, high - (wanted - left) * rate), y)
        with np.errstate(all="ignore"):
            slopes = np.stack((w0 / (x - d0), weights[..., 1] / (y - d1)), axis=-1)
            gains = [(slopes * (vertex - d)).sum(axis=-1) for vertex in self._chain]
            gap = np.maximum(np.max(gains, axis=0) - 1.0, 0.0)
            gap = np.where((x - d0 > self._grain) & (y - d1 > self._grain), gap, np.nan)
        return self._origin + self._span * np.stack((x, y), axis=-1), gap


def _edges(vertices: Floats, *, open_below: bool) -> tuple[Floats, Floats]:
    """Return an outward normal and a point of each side; a side is {x : normal . (anchor - x) >= 0}."""
    if open_below:
        ends, starts = vertices[:-1], vertices[1:]
        extra = [((1.0, 0.0), vertices[-1]), ((0.0, 1.0), vertices[0])]
    else:
        starts, ends = vertices, np.roll(vertices, -1, axis=0)
        extra = []
        if len(vertices) == 1:
            starts = ends = vertices[:0]
            extra = [(n, vertices[0]) for n in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0))]
        elif len(vertices) == 2:
            along = vertices[1] - vertices[0]
            extra = [(tuple(along), vertices[1]), (tuple(-along), vertices[0])]
    along = ends - starts
    normals = np.concatenate(
        (np.stack((along[:, 1], -along[:, 0]), axis=1), np.array([n for n, _ in extra]).reshape(-1, 2))
    )
    anchors = np.concatenate((starts, np.array([a for _, a in extra]).reshape(-1, 2)))
    return normals / np.abs(normals).max(axis=1, keepdims=True), anchors
