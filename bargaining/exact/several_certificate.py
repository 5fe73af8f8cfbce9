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
from bargaining._rational import Rationals, solve
from bargaining.equilibria._affine import settled, speeds_of
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.kinds import Leave, outcomes
from bargaining.equilibria.repeated._hyperplanes.hull import Hull
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer
from bargaining.equilibria.repeated._hyperplanes.profiles import FAR, Profiles, deviations
from bargaining.equilibria.repeated._hyperplanes.recipes import Play
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, gap, loosened
from bargaining.equilibria.repeated.public_automaton import after_leaving
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts.bodies import dot
from bargaining.exact.contraction import Bound, levels_proved
from bargaining.exact.set_certificate import StochasticCertificate, fields_of, worst
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

MARGIN = 1e-9  # of the unit box: by which thresholds are lowered; errors of floats are far smaller
UNITS = 50  # of floats that one of a proof is worth
_FINE = 1e-7  # of the unit box: a gap than which none is taken to be smaller there
_FEW = 40  # points on a knife edge that are solved for in rationals
_SIMPLE = 10**6  # the largest denominators of their weights
_ZERO = Fraction(0)


def certify_several(
    found: StochasticPayoffBounds, sides: Several, tolerance: float, units: int
) -> StochasticCertificate:
    """Prove both sides of bounds by half-spaces; what was found only shows where to look."""
    game = ExactGame(found.game)
    given, own = sides.outer.profiles, game.profiles
    if given.payoffs.shape != own.payoffs.shape or given.outside.shape != own.outside.shape:
        raise NotApplicable("The bounds are those of a game of another size: compute them again.")
    proved = game.levels(sides, Budget(units * UNITS))
    if proved is not None and not any(proved.filled):
        text = "No profile can be sustained in any state: the outer sets vanish."
        return StochasticCertificate(
            **fields_of(tolerance, text, inner=True, outer=True, bound=off_nothing(found))
        )
    inside, bound, vertices = "Nothing is proved from inside.", inf, None
    for points, error in game.points(sides, Budget(units * UNITS)):
        hulls = [Hull.of(np.array(some, float)) if some else None for some in points]
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


def past(found: PayoffBounds, points: Floats, low: Floats, size: Floats) -> float:
    """Return how far points of the unit box pass the outer set and the bounds of the threat as they were given.

    Infinity if the set was said to be empty.
    """
    if found.status is Status.EMPTY:
        return inf
    beyond = (points * size + low) @ found.directions.T - found.levels
    far = beyond / np.linalg.norm(found.directions * size, axis=1)
    least, most = (found.threat - low) / size - points.min(axis=0)
    return worst([*far.ravel(), *least, *np.abs(most)])


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


def _leaves(game: RepeatedGame) -> list[Leave]:
    if game.exit is None:
        return []
    return outcomes(game.exit) if game.players == 2 else [Leave(tuple(game.exit.payoffs[0]))]


class ExactGame:
    """A game of any number of players in rationals, in the unit box of its floats."""

    def __init__(self, game: StochasticGame | RepeatedGame) -> None:
        n = game.players
        self.discounts = game.exact_discounts.tolist()
        self.constraints: list[tuple[list[list[Fraction]], list[Fraction]]] = []
        self.replies = [dict[int, list[int]]() for _ in range(n)]
        if isinstance(game, RepeatedGame):
            assert game.monitoring is not None
            profiles, stages, count = Profiles.monitored(game), [game.game], game.game.payoffs[..., 0].size
            self.chances: list[list[Fraction]] = game.monitoring.exact.reshape(count, -1).tolist()
            exits = [after_leaving(game, leave) for leave in _leaves(game)]
            outside = [exits[0] if exits else None]
        else:
            profiles, stages = Profiles.of(game), list(game.games)
            laws = [row for s in range(len(game)) for row in game.exact_transition(s).reshape(-1, len(game))]
            self.chances = [  # unlikely states may come twice
                [law[s] if s not in ahead[:z] else _ZERO for z, s in enumerate(ahead)]
                for law, ahead in zip(laws, profiles.ahead.tolist(), strict=True)
            ]
            outside = [None if leave is None else tuple(leave.exact[0].tolist()) for leave in game.exits]
            exits = [point for point in outside if point is not None]
            for i, group in enumerate(profiles.groups):
                for row, number in enumerate(group.tolist()):
                    self.replies[i].setdefault(number, []).append(row)
        self.profiles = profiles.asymmetric()
        self.low, self.size = (list(map(Fraction, x.tolist())) for x in (profiles.low, profiles.size))
        self.outside = [None if point is None else self._unit(point) for point in outside]
        self.ends = [self._unit(point) for point in exits]
        unit = [self._unit(row) for stage in stages for row in stage.exact.reshape(-1, n).tolist()]
        self.now = [[(1 - d) * x for d, x in zip(self.discounts, row, strict=True)] for row in unit]
        self.state = profiles.state.tolist()
        self.laws = [
            {s: p for s, p in zip(ahead, law, strict=True) if p}
            for ahead, law in zip(profiles.ahead.tolist(), self.chances, strict=True)
        ]
        self.box = [(min(x), max(x)) for x in zip(*unit, *self.ends, strict=True)]
        if isinstance(game, RepeatedGame):
            self._constrain(game)

    def _constrain(self, game: RepeatedGame) -> None:
        """Write the constraints of signals: the weights of each profile, and the thresholds."""
        table = self.chances

        def limits(i: int, gains: list[Fraction]) -> list[Fraction]:
            d = self.discounts[i]
            return [x / d if d else Fraction(int(FAR if x > 0 else -FAR)) for x in gains]

        for i, others in deviations(game.game):
            places = others.tolist()
            weights = [
                [p - q for p, q in zip(row, table[other], strict=True)]
                for row, other in zip(table, places, strict=True)
            ]
            gains = [self.now[other][i] - row[i] for row, other in zip(self.now, places, strict=True)]
            self.constraints.append((weights, limits(i, gains)))
        if game.exit is not None:
            for i in game.exit.who:
                own = (Fraction(game.exit.exact[i, i]) - self.low[i]) / self.size[i]
                self.constraints.append((table, limits(i, [own - row[i] for row in self.now])))

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
        if len(given.profiles.leaves) < len(
            self.profiles.leaves
        ):  # a threat that is not credible is not proved so
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
        n, height, profiles = len(self.discounts), len(outer.directions), self.profiles
        normals = [[Fraction(x) for x in row] for row in outer.directions.tolist()]
        bounds: list[list[Bound]] = [[] for _ in range(outer.levels.size)]
        polyhedra = outer.polyhedra()
        weights, _ = outer.bases.repaired(polyhedra)
        split = polyhedra.split(outer.bases.rows)
        least, pairs = profiles.thresholds(outer.threat), (outer.bases.owners, outer.faces)
        who = profiles.who.tolist()
        for p, (row, j) in enumerate(zip(*(pair.tolist() for pair in pairs), strict=True)):
            pull = [d * x for d, x in zip(self.discounts, normals[j], strict=True)]
            rest = [[chance * x for x in pull] for chance in self.chances[row]]
            constant, columns, ahead = dot(normals[j], self.now[row]), [], profiles.ahead[row].tolist()
            for bound, k, face, z, weight in zip(
                *(part[p].tolist() for part in split), weights[p].tolist(), strict=True
            ):
                share = Fraction(weight)
                if not share:
                    continue
                if not bound:
                    rest[z] = [x - share * y for x, y in zip(rest[z], normals[face], strict=True)]
                    columns.append((ahead[z] * height + face, share))
                    continue
                i = who[k]
                if self.constraints:
                    omega, limit = self.constraints[k][0][row], self.constraints[k][1][row]
                    constant -= share * limit
                elif self.discounts[i]:
                    omega, reply, own = (
                        self.chances[row],
                        int(least.replies[row, k]),
                        self.outside[self.state[row]],
                    )
                    gives = self.now[reply][i] if least.moves[row, k] or own is None else own[i]
                    constant -= share * (gives - self.now[row][i]) / self.discounts[i]
                    if least.moves[row, k] or own is None:
                        columns += [(s * height + n + i, share * q) for s, q in self.laws[reply].items()]
                else:
                    continue
                for after, x in zip(rest, omega, strict=True):
                    after[i] += share * x
            constant += sum((x * self.box[i][x > 0] for after in rest for i, x in enumerate(after)), _ZERO)
            bounds[self.state[row] * height + j].append((constant, columns))
        for s, point in zip(profiles.exits.tolist(), self.ends, strict=True):
            for j, normal in enumerate(normals):
                bounds[s * height + j].append((dot(normal, point), []))
        return bounds

    def points(self, found: Several, budget: Budget) -> Iterator[tuple[list[list[list[Fraction]]], Fraction]]:
        """Yield points of each state, and a bound of their distance from payoffs that generate themselves.

        The payoffs of playing their profiles and lotteries for ever are the fixed point of a contraction, so one
        application bounds their distance.
        """
        for play, loose in loosened(self.profiles, found, budget):
            state = play.state.tolist()
            if loose:
                exact = [list(map(Fraction, point)) for point in play.payoffs.tolist()]
                error = self._error(exact, play)
            else:
                exact, error = self._on_an_edge(play)
            if error is not None:
                pairs = [*zip(exact, state, strict=True)]
                yield [[point for point, k in pairs if k == s] for s in range(len(found.inner))], error

    def _on_an_edge(self, play: Play) -> tuple[list[list[Fraction]], Fraction | None]:
        """Return the same points in rationals if they generate themselves although no threshold leaves any room."""
        count, state, table = len(play.owners), play.state.tolist(), play.lotteries.toarray()
        if count > _FEW:
            return [], None
        outcomes, shares = self.profiles.ahead.shape[1], np.full(table.shape, _ZERO, dtype=object)
        for row, drawn in enumerate(table.tolist()):
            simple = [Fraction(x).limit_denominator(_SIMPLE) for x in drawn]
            shares[row] = [x / (sum(simple) or 1) for x in simple]
        weights = np.full((count, count), _ZERO, dtype=object)
        for k, row in enumerate(play.owners.tolist()):
            for z, chance in enumerate(self.chances[row]) if row >= 0 else ():
                weights[k] += chance * shares[k * outcomes + z]
        columns = []
        for i, d in enumerate(self.discounts):
            now = [self.now[row][i] if row >= 0 else self.ends[-1 - row][i] for row in play.owners.tolist()]
            column = solve(np.eye(len(state), dtype=int) - d * weights, np.array(now, dtype=object))
            assert column is not None  # the weights of what follows add up to less than one
            columns.append(column)
        exact = [list(point) for point in zip(*columns, strict=True)]
        error = self._error(exact, play, shares)
        return exact, error if error == 0 else None

    def _error(
        self, points: list[list[Fraction]], play: Play, shares: Rationals | None = None
    ) -> Fraction | None:
        """Bound the distance of the fixed point from points; None if it may not generate itself."""
        n, state, outcomes = len(self.discounts), play.state.tolist(), self.profiles.ahead.shape[1]
        later, off = dict[int, list[Fraction]](), [_ZERO] * n
        table = play.lotteries
        for k, row in enumerate(play.owners.tolist()):
            if row < 0:
                image = self.ends[-1 - row]
            else:
                later[k] = [_ZERO] * n
                for z, chance in enumerate(self.chances[row]):
                    at = k * outcomes + z
                    part = slice(table.indptr[at], table.indptr[at + 1])
                    drawn = [
                        (m, Fraction(q))
                        for m, q in zip(table.indices[part].tolist(), table.data[part].tolist(), strict=True)
                    ]
                    if shares is not None:
                        drawn = [(m, shares[at, m]) for m, _ in drawn]
                    total = sum((q for _, q in drawn), _ZERO)
                    if not chance:
                        continue
                    if not total:
                        return None
                    for m, q in drawn:
                        later[k] = [
                            x + chance * q / total * y for x, y in zip(later[k], points[m], strict=True)
                        ]
                image = [x + d * y for x, d, y in zip(self.now[row], self.discounts, later[k], strict=True)]
            off = [max(x, abs(a - b)) for x, a, b in zip(off, image, points[k], strict=True)]
        error: list[Fraction] = [x / (1 - d) for x, d in zip(off, self.discounts, strict=True)]
        each = {s: [points[k] for k, t in enumerate(state) if t == s] for s in state}
        for s, point in zip(self.profiles.exits.tolist(), self.ends, strict=True):
            each.setdefault(s, []).append(point)
        low = {s: [min(x) for x in zip(*own, strict=True)] for s, own in each.items()}
        for i, d in enumerate(self.discounts):
            worth = [
                None
                if any(s not in low for s in law)
                else self.now[row][i] + d * (sum((q * low[s][i] for s, q in law.items()), _ZERO) + error[i])
                for row, law in enumerate(self.laws)
            ]
            for k, after in later.items():
                row = int(play.owners[k])
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
