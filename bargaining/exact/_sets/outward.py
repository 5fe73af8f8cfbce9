"""Sets known to contain every equilibrium payoff of each state: the operator, rounded outward."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import solve
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.model import Mask, Model
from bargaining.equilibria._plane.operator import apply, credible
from bargaining.equilibria._plane.polygon import Polygon, cut, hull
from bargaining.equilibria._plane.rationals import Rationals
from bargaining.equilibria._plane.work import Work

_ROUND_OUT = (
    1e-11  # floats err by less than a thousandth of it, and drop no vertex that sticks out by a tenth
)
_STEPS = 100


class Outward:
    """Polygons that hold every equilibrium payoff, made smaller step by step.

    Floats may err, but by far less than a polygon is moved out before and after every step; and what the operator gives
    only grows with the polygons.
    """

    def __init__(self, data: Rationals, model: Model, work: Work) -> None:
        self.data, self.model, self.work, self.steps = data, model, work, _STEPS
        points = [(float(x), float(y)) for x, y in model.payoffs.T]
        points += [leave.payoffs for some in model.leaves for leave in some]
        if not model.common:
            (left, low), (right, high) = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
            points = [(left, low), (right, low), (right, high), (left, high)]
        whole = [points[k] for k in hull(points)]
        self.start = whole
        self.polygons: list[Polygon] = [wider(whole) for _ in model.leaves]
        self.alive: Mask = np.ones(len(model.state), dtype=bool)

    @property
    def leaves(self) -> list[list[Pair]]:
        """The outcomes of leaving in each state that are not ruled out."""
        return [
            [self.data.leaves(s)[leave.number][0] for leave in some]
            for s, some in enumerate(self.model.leaves)
        ]

    @property
    def filled(self) -> list[bool]:
        """Which states are not proved to be empty."""
        return [bool(polygon) for polygon in self.polygons]

    def threat(self) -> Floats:
        """Return a lower bound of the threats, shape (S, 2); infinite in a state without equilibrium."""
        bound = self.exact_bound()
        return np.array(
            [
                [
                    max(low, float(known[i] or 0) - 1e-12)
                    for i, low in enumerate(np.min(polygon, axis=0).tolist())
                ]
                if polygon
                else [np.inf, np.inf]
                for polygon, known in zip(self.polygons, zip(*bound, strict=True), strict=True)
            ]
        )

    def advance(self) -> bool:
        """Apply the operator once, rounding outward; return whether anything is left."""
        if not any(self.filled):
            return False
        self.work.spend(len(self.model.state) * sum(map(len, self.polygons)))
        self.rule_out()
        threat = self.threat() - _ROUND_OUT
        image = apply(self.model, self.polygons, threat, self.alive)
        self.alive = image.alive
        self.polygons = [wider(polygon) for polygon in image.polygons]
        return any(self.filled)

    def empty(self) -> bool:
        """Whether it is proved that no state has an equilibrium."""
        return any(not self.advance() for _ in range(self.steps))

    def within(self, normals: Floats, offsets: Floats) -> None:
        """Cut the polygons at faces that are proved to hold every payoff."""
        for s, polygon in enumerate(self.polygons):
            kept = polygon
            for (x, y), offset in zip(normals.tolist(), offsets[s].tolist(), strict=True):
                kept = cut(kept, (x, y), offset) if kept else kept
            self.polygons[s] = wider(kept)

    def rule_out(self) -> bool:
        """Drop outcomes of leaving that are not credible, as staying gives more; return whether there were any."""
        before = self.model.leaves
        leaves = credible(self.model, self.polygons, self.threat() - _ROUND_OUT)
        self.model = replace(self.model, leaves=leaves)
        return leaves != before

    def exact_bound(self) -> tuple[list[Fraction | None], list[Fraction | None]]:
        """Return lower bounds of the threats in rationals, None for a state without equilibrium.

        Nobody is held below x if x is nowhere above the least, over profiles that can be played, of what her best
        deviation gives when punished by x. The x that meets this with equality is guessed and then checked.
        """
        return self._bound(0), self._bound(1)

    def _bound(self, i: int) -> list[Fraction | None]:
        filled = self.filled
        x = self._guess(i)
        least = self._least(i, [value if full else None for value, full in zip(x, filled, strict=True)])
        short = max(
            (value - low for value, low in zip(x, least, strict=True) if low is not None), default=Fraction(0)
        )
        if short > 0:
            x = [value - short / (1 - self.data.discounts[i]) for value in x]
        return [value if full else None for value, full in zip(x, filled, strict=True)]

    def _least(self, i: int, x: list[Fraction | None]) -> list[Fraction | None]:
        """Return the least to which the player can be held in each state if x is her lowest payoff afterwards."""
        data, out = self.data, []
        worth = [
            None if value is None else value
            for value in (data.worth(i, r, x) for r in range(len(data.state)))
        ]
        for s in range(len(data.game)):
            own, values = data.own(s, i), [point[i] for point in self.leaves[s]]
            for row in dict.fromkeys(data.replies(r, i) for r in data.rows(s) if self.alive[r]):
                best = [worth[reply] for reply in row]
                known = [value for value in best if value is not None]
                if len(known) == len(best):
                    values.append(max(known) if own is None else max(*known, own))
            out.append(min(values, default=None))
        return out

    def _guess(self, i: int) -> list[Fraction]:
        """Solve for the bound, with the choices that floats find best."""
        from bargaining.equilibria.stochastic._search.threats import threat_bound

        data, model = self.data, self.model
        value = threat_bound(model, self.alive)[:, i]
        value = np.where(np.isfinite(value), value, 0.0)
        worth = model.now[i] + model.discounts[i, 0] * (model.transitions @ value)
        best = model.replies[i].best(worth)[model.replies[i].group]
        reply = model.replies[i].argbest(worth)[model.replies[i].group]
        size, leaves = len(value), self.leaves
        matrix, right = (
            np.full((size, size), Fraction(0), dtype=object),
            np.full(size, Fraction(0), dtype=object),
        )
        for s in range(size):
            matrix[s, s] = Fraction(1)
            rows = [r for r in data.rows(s) if self.alive[r]]
            leave = min((point[i] for point in leaves[s]), default=None)
            row = min(rows, key=lambda r: best[r], default=None)
            own = data.own(s, i)
            forced = -np.inf if own is None else float(own)
            if row is None or (leave is not None and float(leave) <= max(best[row], forced)):
                right[s] = leave or Fraction(0)
            elif own is not None and forced >= best[row]:
                right[s] = own
            else:
                right[s] = data.now(i, int(reply[row]))
                for k, p in data.law(int(reply[row])).items():
                    matrix[s, k] -= data.discounts[i] * p
        solved = solve(matrix, right)
        return list(solved or [Fraction(0)] * size)


def wider(polygon: Polygon) -> Polygon:
    """Return a polygon moved out in all directions by more than floats can err."""
    points = [
        (x + a, y + b)
        for x, y in polygon
        for a in (-_ROUND_OUT, _ROUND_OUT)
        for b in (-_ROUND_OUT, _ROUND_OUT)
    ]
    return [points[k] for k in hull(points)]
