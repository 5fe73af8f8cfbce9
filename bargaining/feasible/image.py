"""A linear image of a polyhedron: what players get from decisions under linear constraints.

Every question is one linear program, solved by HiGHS; the weighted product of gains is a program in exponential cones.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import LARGEST, SMALLEST, Floats, by_cell, by_player, fill, real, record
from bargaining._calls import suggesting
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.feasible._concave import linear, product
from bargaining.feasible._facets import LinearProgram, Optimum, optimise
from bargaining.feasible.base import of_one_cell, product_by_cell, question

SAME = 1e-9  # of the size of payoffs: vertices closer than this are one


@record(init=False)
class LinearImage(Shown, line=False):
    r"""The payoffs :math:`\{E z : A z \le b,\ l \le z \le u\}` of decisions under linear constraints.

    Parameters
    ----------
    image : array_like, shape (n, k)
        E: what each player gets per unit of each decision.
    matrix, limits : array_like, shapes (m, k) and (m,), optional
        A and b. `image` and `matrix` may be sparse arrays of SciPy.
    lower, upper : array_like, shape (k,) or a number
        Bounds of the decisions: 0 and inf by default, as in `scipy.optimize.linprog`.

    Raises
    ------
    InvalidInput
        If shapes do not fit, a bound is missing, or no decision meets the constraints.

    Notes
    -----
    Payoffs cannot be thrown away unless a decision does so.

    Examples
    --------
    An hour of two workers who earn 3 and 2 for each unit of their own work, or 2 each for a unit of common work:

    >>> from bargaining import LinearImage, Problem, nash
    >>> work = LinearImage([[3, 0, 2], [0, 2, 2]], [[1, 1, 1]], [1])
    >>> nash(Problem(work, [0, 0])).payoffs.round(9)
    array([2., 2.])
    >>> work.vertices.round(9).tolist()
    [[0.0, 0.0], [3.0, 0.0], [2.0, 2.0], [0.0, 2.0]]
    """

    players: int
    image: Any
    matrix: Any
    limits: Floats
    lower: Floats
    upper: Floats
    _unit: Any = field(repr=False)  # the image in units of each player's largest payoff per unit of decisions
    _size: Floats = field(repr=False)
    _rows: Any = field(repr=False)  # of the constraints, of size one, then of finite upper bounds
    _right: Floats = field(repr=False)
    _slope: Floats = field(repr=False)  # of the constraints as they are given
    _scale: float = field(repr=False)  # the unit of decisions

    @suggesting
    def __init__(
        self,
        image: Any,
        matrix: Any = None,
        limits: ArrayLike | None = None,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
    ) -> None:
        from scipy.sparse import csr_array, eye_array, vstack

        rows = _sparse(image, "image")
        k = rows.shape[1]
        if matrix is None or limits is None:
            linear(matrix, limits, k)  # refuses one without the other
            matrix, limits = csr_array((0, k)), np.zeros(0)
        else:
            matrix, limits = _sparse(matrix, "matrix"), real(limits, "limits", ndim=1)
        if matrix.shape != (limits.size, k):
            raise InvalidInput(f"`matrix` must have shape ({limits.size}, {k}); got {matrix.shape}.")
        bounds = [real(value, name, finite=False) for name, value in (("lower", lower), ("upper", upper))]
        for name, array in zip(("lower", "upper"), bounds, strict=True):
            if array.shape not in ((), (k,)):
                raise InvalidInput(f"`{name}` must be a number or have shape ({k},); got {array.shape}.")
        low, high = (np.broadcast_to(array, (k,)) for array in bounds)
        if not (low <= high).all():
            j = int(np.argmax(~(low <= high)))
            raise InvalidInput(
                f"`lower` must not exceed `upper`; got {low[j]:g} and {high[j]:g} for decision {j}."
            )
        (size, unit), (slope, sides) = _of_size_one(rows), _of_size_one(matrix)
        ends = np.abs(np.concatenate((limits / slope, low, high)))
        scale = float(ends[np.isfinite(ends)].max(initial=0.0)) or 1.0
        scale = float(2.0 ** np.floor(np.log2(scale)))  # so that numbers keep their digits
        capped = np.isfinite(high)
        fill(self, players=rows.shape[0], image=rows, matrix=matrix, limits=limits, lower=low, upper=high)
        fill(self, _unit=unit, _size=size * scale, _slope=slope, _scale=scale)
        fill(self, _rows=vstack((sides, eye_array(k, format="csr")[capped]), format="csr"))
        fill(self, _right=np.append(limits / slope, high[capped]) / scale)
        start = np.clip(0.0, low, high)
        if (matrix @ start > limits).any() and self._solve(np.zeros(k)).status == Status.EMPTY:
            raise InvalidInput(
                "`matrix`, `limits` and the bounds must allow some decision; they allow none. Loosen a limit."
            )

    def __repr__(self) -> str:
        m, k = self.matrix.shape
        return f"<LinearImage of {self.players} players, {k} decisions, {m} constraints>"

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the leading axes: (), one set."""
        return ()

    @question
    def support(self, weights: Floats) -> tuple[Floats, Floats]:
        """Return the best weighted sum and a point where it is attained; inf and NaN where it has no bound."""
        real(weights, "weights")  # finite
        both = by_cell(lambda w: self._best(w * self._size), weights, entries=self.players + 1)
        return both[..., 0], both[..., 1:]

    @question
    def ray(self, origin: Floats, direction: Floats) -> Floats:
        """Return the largest t with origin + t * direction in the set; -inf where the line misses it."""
        start, step = real(origin, "origin"), real(direction, "direction")
        return np.asarray(by_cell(self._ray, start / self._size, step / self._size))

    @question
    def ideal(self, floor: Floats) -> Floats:
        """Return each player's best payoff over the x >= floor in the set; -inf where there is no such x."""
        return np.asarray(by_cell(self._ideal, floor, entries=self.players))

    @question
    def contains(self, x: Floats, *, tol: float = 1e-12) -> NDArray[np.bool_]:
        """Say whether x is in the set, up to `tol`, but at least 1e-9, of the size of payoffs."""
        near = by_cell(self._distance, real(x, "x") / self._size) <= max(tol, SAME)
        return np.asarray(near)

    @question
    def support_above(self, weights: Floats, floor: Floats) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        of_one_cell(weights=weights, floor=floor)
        end = self._above(real(weights, "weights") * self._size, floor)
        return np.asarray(self._size * (self._unit @ end.point))

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        return product_by_cell(self._product, real(origin, "origin"), real(weights, "weights"))

    def decision(self, payoffs: ArrayLike) -> Floats:
        """Return a decision z, shape (k,), that gives every player `payoffs` plus the largest possible equal gain.

        The gain is measured in units of each player's largest entry in `image`.

        Raises
        ------
        NotApplicable
            If equal gains have no bound.
        """
        wanted = by_player(real(payoffs, "payoffs", ndim=1), "payoffs", self.players) / self._size
        end = self._solve(self._last(), -self._with(-np.ones(self.players)), -wanted)
        if end.status != Status.OK:
            raise NotApplicable(
                "the set has no bound in the direction of equal gains, so that no decision is best."
            )
        return np.asarray(end.point[:-1] * self._scale)

    def optimum(self, weights: ArrayLike) -> tuple[Floats, Floats, float]:
        """Return a decision with the best weighted sum of payoffs, the price of each limit, and the gap to the dual.

        The price of a limit is what a unit more of it adds to the sum. With these prices, and those of the bounds that
        they imply, the sum cannot be larger than that of the decision plus the gap, which is relative to the
        objective's largest coefficient, in units of the decisions' size.

        Raises
        ------
        Unsolved
            If the sum has no bound.
        """
        w = by_player(real(weights, "weights", ndim=1), "weights", self.players) * self._size
        objective = self._unit.T @ w
        end = self._solve(objective)
        if end.status != Status.OK:
            raise Unsolved(
                f"the best sum of payoffs was not reached; the linear program is {end.status.name}."
            )
        lower, slope = self.lower / self._scale, objective - self._rows.T @ end.prices
        bounded = np.isfinite(lower)
        bound = end.prices @ self._right + slope[bounded] @ lower[bounded]
        wrong = np.where(bounded, slope, np.abs(slope)).max()
        gap = max(abs(float(bound - end.value)), float(wrong)) / (float(np.abs(objective).max()) or 1.0)
        return end.point * self._scale, end.prices[: self.limits.size] / (self._slope * self._scale), gap

    @property
    def vertices(self) -> Floats:
        """The corners of the set of two players, counterclockwise, shape (v, 2), to 1e-9 of the size of payoffs.

        Raises
        ------
        NotApplicable
            If the set has no bound, or other than two players.
        """
        if self.players != 2:
            raise NotApplicable(
                f"`vertices` are for two players; this set has {self.players}. Use `support`."
            )
        turns = ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))
        corners = [self._best(np.array(turn))[1:] / self._size for turn in turns]
        if not np.isfinite(corners).all():
            raise NotApplicable(
                "`vertices` of a set without a bound cannot be listed; use `support` or `ray`."
            )
        k = 0
        while k < len(corners) > 1:  # what lies beyond the line to the next corner comes between
            a, b = corners[k], corners[(k + 1) % len(corners)]
            if (size := np.abs(b - a).max()) <= SAME:
                corners.pop(k)
                continue
            normal = np.array([b[1] - a[1], a[0] - b[0]]) / size
            c = self._best(normal)[1:] / self._size
            if normal @ (c - a) > SAME:
                corners.insert(k + 1, c)
            else:
                k += 1
        triples = zip(corners[-1:] + corners, corners, corners[1:] + corners[:1], strict=False)
        sharp = [x for before, x, after in triples if not _between(before, x, after)]
        return np.array(sharp) * self._size + 0.0

    def _ray(self, start: Floats, step: Floats) -> float:
        """Return the end of a ray in units of size one."""
        size = max(float(np.abs(step).max()), np.finfo(float).tiny)
        return self._solve(self._last(), self._with(-step / size), start, self.players).value / size

    def _ideal(self, floor: Floats) -> Floats:
        return np.array([self._above(own, floor).value for own in np.eye(self.players)]) * self._size

    def _distance(self, x: Floats) -> float:
        """Return the largest difference of a payoff from the nearest point of the set, over the size of payoffs."""
        from scipy.sparse import vstack

        rows = vstack((self._with(-np.ones(self.players)), -self._with(np.ones(self.players))))
        end = self._solve(-self._last(), rows, np.concatenate((x, -x)))
        return -end.value / (1.0 + float(np.abs(x).max()))

    def _product(self, d: Floats, w: Floats) -> tuple[Floats, float]:
        low = np.isfinite(self.lower)
        rows = np.vstack((self._rows.toarray(), -np.eye(low.size)[low]))
        right = np.append(self._right, -self.lower[low] / self._scale)
        y, gap = product(w, self._unit.toarray(), rows, right, -d / self._size)
        return self._size * (self._unit @ y), gap

    def _best(self, weights: Floats) -> Floats:
        """Return the best sum of payoffs in units of size one, and the payoffs where it is attained."""
        end = self._solve(self._unit.T @ weights)
        return np.append(end.value, self._size * (self._unit @ end.point))

    def _above(self, weights: Floats, floor: Floats) -> Optimum:
        if np.isposinf(floor).any():
            raise InvalidInput("`floor` must be finite, or -inf for none; got inf.")
        bound = np.isfinite(floor)
        return self._solve(self._unit.T @ weights, -self._unit[bound], -(floor / self._size)[bound])

    def _last(self) -> Floats:
        return np.append(np.zeros(self.lower.size), 1.0)

    def _with(self, column: Floats) -> Any:
        from scipy.sparse import csr_array, hstack

        return hstack((self._unit, csr_array(column[:, None])), format="csr")

    def _solve(self, objective: Floats, rows: Any = None, right: Any = (), equalities: int = 0) -> Optimum:
        """Maximise over decisions in units of `_scale`, and a free variable if the objective has one entry more.

        `rows`, the first of which may be equalities, are constraints besides those of the decisions.
        """
        from scipy.sparse import csr_array, hstack, vstack

        more, matrix = objective.size - self.lower.size, self._rows
        if more:
            matrix = hstack((matrix, csr_array((self._right.size, more))), format="csr")
        program = LinearProgram(
            objective=objective,
            matrix=matrix if rows is None else vstack((rows, matrix), format="csr"),
            limits=np.append(right, self._right),
            lower=np.append(self.lower / self._scale, [-np.inf] * more),
            equalities=equalities,
        )
        return optimise(program, polish=False)


def _sparse(value: Any, name: str) -> Any:
    """Return a matrix as a sparse array of finite numbers."""
    from scipy.sparse import csr_array, issparse

    array = csr_array(value, copy=True) if issparse(value) else csr_array(real(value, name, ndim=2))
    size = np.abs(array.data)
    if not (((size >= SMALLEST) & (size <= LARGEST)) | (size == 0)).all():
        raise InvalidInput(f"`{name}` must have entries of {SMALLEST:g} to {LARGEST:g}, or 0. Rescale it.")
    return array


def _of_size_one(matrix: Any) -> tuple[Floats, Any]:
    """Return the largest entry of each row, 1 of an empty one, and the rows over it."""
    from scipy.sparse import diags_array

    size = np.asarray(abs(matrix).max(axis=1).toarray()).ravel()
    size = np.where(size > 0, size, 1.0)
    return size, (diags_array(1 / size) @ matrix).tocsr()


def _between(a: Floats, x: Floats, b: Floats) -> bool:
    """Say whether x lies on the edge from a to b."""
    (p, q), (r, s) = x - a, b - x
    return bool(p * r + q * s > 0 and abs(p * s - q * r) <= SAME * np.abs(b - a).max())
