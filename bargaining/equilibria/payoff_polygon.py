"""The equilibrium payoffs of two players as a polygon: the methods that all such sets share."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

import numpy as np

from bargaining._arrays import ArrayLike, Floats, real, returned, scalar
from bargaining._names import are_given, frame, numbered, titles
from bargaining._rich import Card, Result, Shown, counted, number, point, point_latex
from bargaining.equilibria._affine import ACCURACY
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved

if TYPE_CHECKING:
    import pandas as pd

    from bargaining.problem import Problem

_FAR = 1e20  # sizes of a set: from there on it is a point to a float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(Shown):
    """Statistics of the search for payoff sets.

    Attributes
    ----------
    iterations : int
        Applications of the operator to a set that contains the answer.
    solves : int
        Structures whose fixed point was computed.
    stopped : str
        Why the search ended.
    bound : float
        A bound on the distance of the answer from the largest fixed point, as a share of the payoff range, up to the
        rounding of floats; `certify` proves a bound in exact arithmetic.
    attained : bool, default True
        Whether `bound` is the distance to payoffs that equilibria attain. If not, it is the width of the set: every
        equilibrium payoff lies in it, but there may be none.
    tolerance : float, default 1e-9
        The accuracy that was required; `certify` proves it by default.
    """

    iterations: int
    solves: int
    stopped: str
    bound: float
    attained: bool = True
    tolerance: float = ACCURACY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffPolygon(Result):
    """Average payoffs that some subgame-perfect equilibrium gives: a polygon, a segment, a point or nothing.

    Attributes
    ----------
    vertices : ndarray of shape (m, 2)
        Counter-clockwise, from the lowest of the leftmost; none if the set is empty.
    threat : ndarray of shape (2,)
        The lowest payoff of each player: the worst punishment that is itself an equilibrium. NaN if there is none.
    status : Status
        OK, EMPTY, or INACCURATE if the search ended before the accuracy was proved.
    reason : str
        Why the status is not OK.
    scale : float
        The larger of the players' payoff ranges, of which tolerances are shares.
    """

    vertices: Floats
    threat: Floats
    status: Status
    reason: str
    scale: float

    def __post_init__(self) -> None:
        for name, axes in (("vertices", 2), ("threat", 1)):
            array = returned(getattr(self, name), name)
            if array.ndim != axes or array.shape[-1] != 2:
                raise InvalidInput(f"`{name}` must have one number per player, 2; got shape {array.shape}.")
            object.__setattr__(self, name, array)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return numbered(2)

    def to_frame(self) -> pd.DataFrame:
        """Return the vertices as a pandas DataFrame with a column for each player."""
        return frame(self.vertices, self.player_names, "vertex")

    def excess(self, payoffs: ArrayLike) -> float:
        """Return how far a payoff pair lies outside the set, in the unit of the payoffs; infinity if it is empty."""
        point = real(payoffs, "payoffs", ndim=1)
        if point.shape != (2,):
            raise InvalidInput(f"`payoffs` must be one number per player, 2; got shape {point.shape}.")
        if not len(self.vertices):
            return np.inf
        # Squares overflow in the payoffs' own unit; from very far away the set is a point.
        unit = 2.0 ** max(int(np.frexp(np.abs(self.vertices).max())[1]) - 1, -1000)
        if np.abs(point).max() > _FAR * unit:
            return hypot(*point.tolist())
        return unit * float(distances(point[None] / unit, self.vertices / unit)[0])

    def contains(self, payoffs: ArrayLike, *, tol: float = 1e-9) -> bool:
        """Whether some equilibrium gives these payoffs, up to `tol` times `scale` and the rounding of floats."""
        rounding = 4.0 * np.finfo(float).eps * float(np.abs(self.vertices).max(initial=0.0))
        return self.excess(payoffs) <= max(scalar(tol, "tol") * self.scale, rounding)

    def __repr__(self) -> str:
        about = (
            f"threat {point(self.threat, self.player_names)}, {self.status.name}"
            if len(self.vertices)
            else self.status.name
        )
        return f"<{type(self).__name__} of {counted(len(self.vertices), 'vertex')}, {about}>"

    def _card(self) -> Card:
        """Return a row for each vertex, then the threat and the status."""
        rows = [[str(k), *map(number, vertex)] for k, vertex in enumerate(self.vertices)]
        nothing = "no equilibrium" if self.status is Status.EMPTY else "no equilibrium was found"
        threat = f"threat {point(self.threat, self.player_names)}" if rows else nothing
        status = f"{self.status.name}. {self.reason}".strip() if self.reason else self.status.name
        return Card(
            title="Equilibrium payoffs",
            heads=["vertex", *titles(self.player_names)],
            rows=rows,
            notes=[threat, status],
        )

    def _repr_latex_(self) -> str:
        """Return the set as the convex hull of its vertices."""
        if not len(self.vertices):
            return r"$V = \varnothing$"
        points = r",\ ".join(map(point_latex, self.vertices))
        return rf"$V = \operatorname{{co}}\,\{{{points}\}}$"

    def problem(self, disagreement: ArrayLike | None = None) -> Problem:
        """Return the bargaining problem over the payoffs that the players can enforce.

        Parameters
        ----------
        disagreement : array_like of shape (..., 2), optional
            Payoffs without an agreement; the threat by default.
        """
        from bargaining.feasible.polytope import Polytope
        from bargaining.problem import Problem

        if self.status is Status.EMPTY:
            raise NotApplicable(f"There is no equilibrium to bargain over. {self.reason}")
        if not len(self.vertices):
            raise Unsolved(f"No equilibrium to bargain over was found. {self.reason}")
        return Problem(
            Polytope(self.vertices),
            self.threat if disagreement is None else disagreement,
            players=self.player_names if are_given(self.player_names) else None,
        )


def distances(points: Floats, at: Floats) -> Floats:
    """Return how far points (k, 2) lie from the polygon with the vertices (m, 2), of any shape."""
    edges = np.roll(at, -1, axis=0) - at
    to = points[:, None] - at
    square = (edges**2).sum(axis=1)
    share = np.clip((edges * to).sum(axis=2) / np.where(square > 0.0, square, 1.0), 0.0, 1.0)
    distance = np.hypot(*(to - share[:, :, None] * edges).transpose(2, 0, 1)).min(axis=1)
    if len(at) > 2:
        distance[(edges[:, 0] * to[:, :, 1] - edges[:, 1] * to[:, :, 0] >= 0.0).all(axis=1)] = 0.0
    return np.asarray(distance)
