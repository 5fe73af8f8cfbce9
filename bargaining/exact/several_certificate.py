r"""Bounds of games of any number of players certified from both sides, all states at once; a repeated game has one.

*Outer.* As in `bounds_certificate`, with the multipliers of half-spaces in the same directions around every state.

*Inner.* Points are looked for that generate themselves with thresholds raised by more than rounding. Playing their
profiles and lotteries for ever gives payoffs whose distance from the points is at most what one application moves them
by, over one minus the discount factor; no deviation pays even if they are as far off. The points solve the equations
of inner sets; on a knife edge, where no threshold can be raised, these equations in rationals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import solve
from bargaining.equilibria._affine import Indices, settled, speeds_of
from bargaining.equilibria._budget import Budget
from bargaining.equilibria.repeated._hyperplanes.inner import (
    Hull,
    Hulls,
    hulls_of,
    stacked,
    sturdy,
    sustained,
)
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.recipes import lotteries
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, gap
from bargaining.equilibria.repeated._hyperplanes.vertex_image import Points
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.errors import NotApplicable
from bargaining.exact._concepts.bodies import dot
from bargaining.exact.contraction import Bound, levels_proved
from bargaining.exact.public_certificate import past
from bargaining.exact.set_certificate import StochasticCertificate, fields_of
from bargaining.games.stochastic import StochasticGame

MARGIN = 1e-9  # of the unit box: by which thresholds are lowered; errors of floats are far smaller
COARSE = 1e-3  # of the unit box: how far from the faces the first proof begins
UNITS = 50  # of floats that one of a proof is worth
_ROOMS = 1e-3, 3e-2, 1.0, 10.0  # times the gap and the patience: by which thresholds are raised
_FINE = 1e-7  # of the unit box: a gap than which none is taken to be smaller there
_FEW = 40  # points on a knife edge that are solved for in rationals
_SIMPLE = 10**6  # the largest denominators of their weights
_ZERO = Fraction(0)


def certify_several(
    found: StochasticPayoffBounds, sides: Several, tolerance: float, units: int
) -> StochasticCertificate:
    """Prove both sides of bounds by half-spaces; what was found only shows where to look."""
    game = _Game(found.game)
    given, own = sides.outer.profiles, game.profiles
    if given.payoffs.shape != own.payoffs.shape or given.laws.shape != own.laws.shape:
        raise NotApplicable("The bounds are those of a game of another size: compute them again.")
    proved = game.levels(sides, Budget(units * UNITS))
    if proved is not None and not any(proved.filled):
        text = "No profile can be sustained in any state: the outer sets vanish."
        return StochasticCertificate(
            **fields_of(tolerance, text, inner=True, outer=True, bound=off_nothing(found))
        )
    inside, bound, vertices = "Nothing is proved from inside.", inf, None
    for points, error in game.points(sides, Budget(units * UNITS)):
        hulls = [sturdy(np.array(some, float)) if some else None for some in points]
        reach = _claimed(found, game.profiles, hulls) + float(error)
        reach = inf if proved is None else max(_beyond(proved, hulls) + float(error), reach)
        if vertices is None or reach < bound:
            bound = reach
            vertices = tuple(
                () if hull is None else tuple(game.back(some[k]) for k in hull.places.tolist())
                for some, hull in zip(points, hulls, strict=True)
            )
            where = f" in {len(found)} states" if len(found) > 1 else ""
            known = f"to within {float(error):.0e} of the range" if error else "exactly"
            inside = (
                f"The vertices ({sum(map(len, vertices))}{where}), known {known}, generate themselves: promises are "
                "kept and no deviation pays, checked exactly."
            )
        if bound <= 2 * max(sides.gap, _FINE):
            break
    outside = "Nothing is proved from outside."
    if proved is not None:
        outside = f"The operator maps {proved.levels.size} half-spaces into themselves, checked exactly"
        outside += (
            "." if vertices is None else f"; they reach {bound:.1e} of the range beyond the vertices at most."
        )
    return StochasticCertificate(
        **fields_of(
            tolerance,
            f"{inside} {outside}",
            inner=vertices is not None,
            outer=proved is not None,
            bound=bound,
            vertices=vertices or (),
        )
    )


def off_nothing(found: StochasticPayoffBounds) -> float:
    """Return how far the inner sets that were given are from none: infinity if there are any."""
    return inf if any(len(some.inner) for some in found.bounds) else 0.0


def _beyond(proved: Outer, hulls: Sequence[Hull | None]) -> float:
    """Return the largest distance by which half-spaces reach beyond hulls; infinite where there is no hull."""
    far = [
        inf if hull is None else gap(proved.of(s), hull) for s, hull in enumerate(hulls) if proved.filled[s]
    ]
    return max(far)


def _claimed(found: StochasticPayoffBounds, profiles: Profiles, hulls: Sequence[Hull | None]) -> float:
    """Return how far the inner sets and threats that were given are from what hulls prove."""
    low, size, out = profiles.low, profiles.size, 0.0
    for some, solid in zip(found.bounds, hulls, strict=True):
        if solid is not None:
            if len(some.inner):
                out = max(out, float(solid.outside((some.inner - low) / size).max()))
            out = max(out, past(some, solid.points, low, size))
    return out


class _Game:
    """A game of any number of players in rationals, in the unit box of its floats."""

    def __init__(self, game: StochasticGame) -> None:
        n, states = game.players, range(len(game))
        self.profiles = profiles = Profiles.of(game)
        self.low, self.size = (list(map(Fraction, x.tolist())) for x in (profiles.low, profiles.size))
        self.discounts = game.exact_discounts.tolist()
        unit = [self._unit(row) for s in states for row in game.games[s].exact.reshape(-1, n).tolist()]
        self.now = [[(1 - d) * x for d, x in zip(self.discounts, row, strict=True)] for row in unit]
        self.laws = [
            {k: p for k, p in enumerate(row) if p}
            for s in states
            for row in game.exact_transition(s).reshape(-1, len(game)).tolist()
        ]
        self.state = profiles.state.tolist()
        self.outside = [
            None if leave is None else self._unit(leave.exact[0].tolist()) for leave in game.exits
        ]
        every = [*unit, *(point for point in self.outside if point is not None)]
        self.box = [(min(x), max(x)) for x in zip(*every, strict=True)]
        self.replies = [dict[int, list[int]]() for _ in range(n)]
        for i, group in enumerate(profiles.groups):
            for row, number in enumerate(group.tolist()):
                self.replies[i].setdefault(number, []).append(row)

    def _unit(self, row: Sequence[Fraction]) -> list[Fraction]:
        return [(x - low) / size for x, low, size in zip(row, self.low, self.size, strict=True)]

    def back(self, point: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """Return a point of the box in the unit of the payoffs."""
        return tuple(low + size * x for x, low, size in zip(point, self.low, self.size, strict=True))

    def levels(self, found: Several, budget: Budget) -> Outer | None:
        """Return half-spaces within which all equilibrium payoffs are proved to lie; None if that fails."""
        n, given = len(self.discounts), found.outer
        outer = Outer.around(replace(self.profiles, eased=MARGIN), given.directions[2 * n :], budget)
        some = outer.shrink()
        if budget.spent or outer.filled.tolist() != given.filled.tolist():
            return None
        if not some:
            return outer
        start, outer.profiles = outer.levels.ravel() + MARGIN, self.profiles
        functions = outer.functions()
        near = settled(functions, start)
        speeds = speeds_of(functions, near, start)
        if speeds is None:
            return None
        levels = levels_proved(self._bounds(outer), start, near, speeds)
        if levels is None:
            return None
        outer.levels = np.nextafter([float(level) for level in levels], inf).reshape(outer.levels.shape)
        return outer

    def _bounds(self, outer: Outer) -> list[list[Bound]]:
        """Return, for each half-space, exact bounds of how far profiles go, with multipliers found in floats."""
        n, height = len(self.discounts), len(outer.directions)
        normals = [[Fraction(x) for x in row] for row in outer.directions.tolist()]
        bounds: list[list[Bound]] = [[] for _ in range(outer.levels.size)]
        weights, _ = outer.bases.repaired(np.vstack([-np.eye(n), outer.directions]))
        least, pairs = self.profiles.thresholds(outer.threat), (outer.bases.owners, outer.faces)
        for p, (row, j) in enumerate(zip(*(pair.tolist() for pair in pairs), strict=True)):
            rest = [d * x for d, x in zip(self.discounts, normals[j], strict=True)]
            constant = dot(normals[j], self.now[row])
            columns = []
            for k, weight in zip(outer.bases.rows[p].tolist(), weights[p].tolist(), strict=True):
                share = Fraction(weight)
                if k >= n:
                    rest = [x - share * y for x, y in zip(rest, normals[k - n], strict=True)]
                    columns += [(s * height + k - n, share * q) for s, q in self.laws[row].items()]
                elif share and self.discounts[k]:
                    reply, own = int(least.replies[row, k]), self.outside[self.state[row]]
                    gives = self.now[reply][k] if least.moves[row, k] or own is None else own[k]
                    constant -= share * (gives - self.now[row][k]) / self.discounts[k]
                    rest[k] += share
                    if least.moves[row, k] or own is None:
                        columns += [(s * height + n + k, share * q) for s, q in self.laws[reply].items()]
            constant += sum((x * self.box[i][x > 0] for i, x in enumerate(rest)), _ZERO)
            bounds[self.state[row] * height + j].append((constant, columns))
        for s, point in enumerate(self.outside):
            if point is not None:
                for j, normal in enumerate(normals):
                    gone = dot(normal, point)
                    bounds[s * height + j].append((gone, []))
        return bounds

    def points(self, found: Several, budget: Budget) -> Iterator[tuple[list[list[list[Fraction]]], Fraction]]:
        """Yield points of each state, and a bound of their distance from payoffs that generate themselves.

        The payoffs of playing their profiles and lotteries for ever are the fixed point of a contraction, so one
        application bounds their distance.
        """
        inner = {s: hull for s, hull in enumerate(found.inner) if hull is not None}
        if not inner:
            return
        patience = 1.0 - float(self.profiles.discounts.max())
        near = min(max(found.gap, _FINE), COARSE) * patience
        for share in (*_ROOMS, 0.0):
            solved = self._solved(inner, share * near, budget)
            if solved is None:
                continue
            points, chosen, shares = solved
            state = points.state.tolist()
            if share:
                exact = [list(map(Fraction, point)) for point in points.rows.tolist()]
                error = self._error(exact, chosen, shares, state)
            else:
                exact, error = self._on_an_edge(*solved)
            if error is not None:
                pairs = [*zip(exact, state, strict=True)]
                yield [[point for point, k in pairs if k == s] for s in range(len(found.inner))], error

    def _solved(self, inner: Hulls, by: float, budget: Budget) -> tuple[Points, Indices, Floats] | None:
        """Return points next to those of hulls that generate themselves with room, their profiles and lotteries."""
        profiles = replace(self.profiles, raised=by)
        proof = sustained(profiles, hulls_of(stacked(inner)), budget)[1]
        shares = None if proof is None else lotteries(profiles, *proof)
        if proof is None or shares is None:
            return None
        return Points(proof.rows, proof.near.state), proof.recipes.profiles, shares

    def _on_an_edge(
        self, points: Points, chosen: Indices, shares: Floats
    ) -> tuple[list[list[Fraction]], Fraction | None]:
        """Return the same points in rationals if they generate themselves although no threshold leaves any room."""
        state, weights = points.state.tolist(), np.full(shares.shape, _ZERO, dtype=object)
        if len(state) > _FEW:
            return [], None
        for k, row in enumerate(chosen.tolist()):
            for s, chance in self.laws[row].items() if row >= 0 else ():
                own = np.flatnonzero(points.state == s)
                drawn = [Fraction(x).limit_denominator(_SIMPLE) for x in shares[k, own].tolist()]
                weights[k, own] = [chance * x / (sum(drawn) or 1) for x in drawn]
        columns = []
        for i, d in enumerate(self.discounts):
            gone = [_ZERO if point is None else point[i] for point in self.outside]
            now = [self.now[row][i] if row >= 0 else gone[s] for row, s in zip(chosen, state, strict=True)]
            system = np.eye(len(state), dtype=int) - d * weights
            column = solve(system, np.array(now, dtype=object))
            assert column is not None  # the weights of what follows add up to less than one
            columns.append(column)
        exact = [list(point) for point in zip(*columns, strict=True)]
        error = self._error(exact, chosen, weights, state)
        return exact, error if error == 0 else None

    def _error(
        self, points: list[list[Fraction]], chosen: Indices, lotteries: Floats, state: list[int]
    ) -> Fraction | None:
        """Bound the distance of the fixed point from points; None if it may not generate itself."""
        n, each = len(self.discounts), {s: [k for k, t in enumerate(state) if t == s] for s in state}
        later, off = dict[int, list[Fraction]](), [_ZERO] * n
        for k, row in enumerate(chosen.tolist()):
            if row < 0:
                image = self.outside[state[k]]
                assert image is not None
            else:
                later[k] = [_ZERO] * n
                for s, chance in self.laws[row].items():
                    drawn = {m: Fraction(lotteries[k, m]) for m in each.get(s, ()) if lotteries[k, m]}
                    if not drawn:
                        return None
                    share = chance / sum(drawn.values())
                    for m, q in drawn.items():
                        later[k] = [x + share * q * y for x, y in zip(later[k], points[m], strict=True)]
                image = [x + d * y for x, d, y in zip(self.now[row], self.discounts, later[k], strict=True)]
            off = [max(x, abs(a - b)) for x, a, b in zip(off, image, points[k], strict=True)]
        error: list[Fraction] = [x / (1 - d) for x, d in zip(off, self.discounts, strict=True)]
        low = {s: [min(x) for x in zip(*(points[k] for k in own), strict=True)] for s, own in each.items()}
        for i, d in enumerate(self.discounts):
            worth = [
                None
                if any(s not in low for s in law)
                else self.now[row][i] + d * (sum((q * low[s][i] for s, q in law.items()), _ZERO) + error[i])
                for row, law in enumerate(self.laws)
            ]
            for k, after in later.items():
                row = int(chosen[k])
                own = self.outside[state[k]]
                gets = self.now[row][i] + d * (after[i] - error[i])
                group = self.replies[i][int(self.profiles.groups[i][row])]
                # A deviation that brings no more now and changes nothing else: no lottery gives less later.
                rivals = [
                    worth[reply]
                    for reply in group
                    if self.now[reply][i] > self.now[row][i] or self.laws[reply] != self.laws[row]
                ]
                if own is not None and gets < own[i]:
                    return None
                if any(x is None or gets < x for x in rivals):
                    return None
        return max(error, default=_ZERO)
