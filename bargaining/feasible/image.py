"""A linear image of a polyhedron: what players get from decisions under linear constraints.

Every question is one linear program, solved by HiGHS; the weighted product of gains is a program in exponential cones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import LARGEST, SMALLEST, Floats, by_cell, by_player, fill, owning, real
from bargaining._calls import suggesting
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible._concave import linear, product
from bargaining.feasible.base import of_one_cell, product_by_cell, question

TOLERANCE = 1e-10  # violation of rows of size one that HiGHS accepts: the least that it can be told
SAME = 1e-9  # of the size of payoffs: vertices closer than this are one


@owning
@dataclass(frozen=True, slots=True, eq=False, init=False)
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
    Decisions are expected to be of size one. Payoffs cannot be thrown away unless a decision does so.

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
    _unit: Any = field(repr=False)  # the image in units of each player's largest entry
    _size: Floats = field(repr=False)

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
        from scipy.sparse import csr_array, diags_array

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
        size = np.asarray(abs(rows).max(axis=1).toarray()).ravel()
        if ((size > 0) & (size < SMALLEST)).any():
            raise InvalidInput(
                f"`image` must have entries of at least {SMALLEST:g} or 0 in a row. Rescale the payoffs."
            )
        size = np.where(size > 0, size, 1.0)
        unit = (diags_array(1 / size) @ rows).tocsr()
        fill(self, players=rows.shape[0], image=rows, matrix=matrix, limits=limits, lower=low, upper=high)
        fill(self, _unit=unit, _size=size)
        start = np.clip(0.0, low, high)
        if (matrix @ start > limits).any() and solve(self, np.zeros(k)).status == 2:
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
        point = by_cell(lambda w: self._best(w * self._size), weights, entries=self.players)
        value = (weights * point).sum(axis=-1)
        return np.where(np.isnan(value), np.inf, value), point

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
        return self._payoffs(end.x) if end.status == 0 else np.full(self.players, np.nan)

    @question
    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises the weighted product of gains over `origin`, and its residual."""
        return product_by_cell(self._product, real(origin, "origin"), real(weights, "weights"))

    def decision(self, payoffs: ArrayLike) -> Floats:
        """Return a decision z, shape (k,), that gives every player `payoffs` plus the largest possible equal gain.

        The gain is measured in units of each player's largest entry in `image`.
        """
        wanted = by_player(real(payoffs, "payoffs", ndim=1), "payoffs", self.players) / self._size
        end = solve(self, self._last(), rows=-self._with(-np.ones(self.players)), right=-wanted)
        if end.status:
            raise NotApplicable(
                "the set has no bound in the direction of equal gains, so that no decision is best."
            )
        return np.asarray(end.x[:-1])

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
        ends = [
            self._best(np.array(turn)) / self._size
            for turn in ((0.0, -1.0), (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))
        ]
        if not np.isfinite(ends).all():
            raise NotApplicable(
                "`vertices` of a set without a bound cannot be listed; use `support` or `ray`."
            )
        corners: list[Floats] = []
        for a, b in zip(ends, [*ends[1:], ends[0]], strict=True):
            corners += self._between(a, b)
        corners = corners or ends[:1]
        sharp = [
            x
            for before, x, after in zip(
                corners[-1:] + corners, corners, corners[1:] + corners[:1], strict=False
            )
            if len(corners) < 3 or _cross(x - before, after - x) > SAME * np.abs(after - before).max()
        ]
        return np.array(sharp) * self._size + 0.0

    def _ray(self, start: Floats, step: Floats) -> float:
        """Return the end of a ray in units of size one."""
        size = max(float(np.abs(step).max()), np.finfo(float).tiny)
        end = solve(self, self._last(), equal=self._with(-step / size), values=start)
        return -float(end.fun) / size if end.status == 0 else np.inf if end.status == 3 else -np.inf

    def _ideal(self, floor: Floats) -> Floats:
        ends = [self._above(own, floor) for own in np.eye(self.players)]
        best = [-end.fun if end.status == 0 else np.inf if end.status == 3 else -np.inf for end in ends]
        return np.array(best) * self._size

    def _distance(self, x: Floats) -> float:
        """Return the largest difference of a payoff from the nearest point of the set, over the size of payoffs."""
        from scipy.sparse import vstack

        rows = vstack((self._with(-np.ones(self.players)), -self._with(np.ones(self.players))))
        end = solve(self, -self._last(), rows=rows, right=np.concatenate((x, -x)))
        return float(end.fun / (1.0 + np.abs(x).max())) if end.status == 0 else np.inf

    def _product(self, d: Floats, w: Floats) -> tuple[Floats, float]:
        low, high, eye = np.isfinite(self.lower), np.isfinite(self.upper), np.eye(self.lower.size)
        rows = np.vstack((self.matrix.toarray(), -eye[low], eye[high]))
        right = np.concatenate((self.limits, -self.lower[low], self.upper[high]))
        z, gap = product(w, self._unit.toarray(), rows, right, -d / self._size)
        return self._payoffs(z), gap

    def _between(self, a: Floats, b: Floats) -> list[Floats]:
        """Return the corners from a to b, counterclockwise, without b, in units of size one."""
        step = b - a
        if np.abs(step).max() <= SAME:
            return []
        normal = np.array([step[1], -step[0]]) / np.abs(step).max()
        c = self._best(normal) / self._size
        if normal @ (c - a) <= SAME:
            return [a]
        return [*self._between(a, c), *self._between(c, b)]

    def _best(self, weights: Floats) -> Floats:
        """Return a point with the best sum of payoffs in units of size one; NaN where it has no bound."""
        end = solve(self, self._unit.T @ weights)
        return self._payoffs(end.x) if end.status == 0 else np.full(self.players, np.nan)

    def _above(self, weights: Floats, floor: Floats) -> Any:
        bound = np.isfinite(floor)
        if np.isposinf(floor).any():
            raise InvalidInput("`floor` must be finite, or -inf for none; got inf.")
        right = -(floor / self._size)[bound]
        return solve(self, self._unit.T @ weights, rows=-self._unit[bound], right=right)

    def _payoffs(self, z: Floats) -> Floats:
        return np.asarray(self._size * (self._unit @ z))

    def _last(self) -> Floats:
        return np.append(np.zeros(self.lower.size), 1.0)

    def _with(self, column: Floats) -> Any:
        from scipy.sparse import csr_array, hstack

        return hstack((self._unit, csr_array(column[:, None])), format="csr")


def solve(
    image: LinearImage,
    objective: Floats,
    *,
    rows: Any = None,
    right: Floats | None = None,
    equal: Any = None,
    values: Floats | None = None,
) -> Any:
    """Maximise objective . z over the decisions, with further inequalities and equations.

    An objective with one more entry than decisions adds a free variable. Returns SciPy's result, which minimises.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    more = objective.size - image.lower.size
    matrix = (
        hstack((image.matrix, csr_array((image.limits.size, more))), format="csr") if more else image.matrix
    )
    limits = image.limits
    if rows is not None and right is not None:
        matrix, limits = vstack((matrix, rows), format="csr"), np.append(limits, right)
    return linprog(
        -objective,
        A_ub=matrix if limits.size else None,
        b_ub=limits if limits.size else None,
        A_eq=equal,
        b_eq=values,
        bounds=np.column_stack(
            (np.append(image.lower, [-np.inf] * more), np.append(image.upper, [np.inf] * more))
        ),
        method="highs-ds",
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )


def _sparse(value: Any, name: str) -> Any:
    """Return a matrix as a sparse array of finite numbers."""
    from scipy.sparse import csr_array, issparse

    if not issparse(value):
        return csr_array(real(value, name, ndim=2, payoffs=True))
    array = csr_array(value, copy=True)
    if not (np.abs(array.data) <= LARGEST).all():
        raise InvalidInput(f"`{name}` must be finite, at most {LARGEST:g}; a sparse entry is not.")
    return array


def _cross(a: Floats, b: Floats) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
