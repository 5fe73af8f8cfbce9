r"""Half-planes, half-spaces and points that prove payoff sets from both sides, in rationals.

*Outer.* A row reaches, in any direction, at most an affine function of the levels of all half-spaces, for multipliers
read off floats whose error in the direction is added exactly: payoffs lie in the unit box. All payoffs lie within given
levels if no row goes beyond them on the way from levels that contain every payoff; these come from a search in floats,
with all thresholds lowered by far more than its error.

*Inner.* Points are looked for that generate themselves with thresholds raised by more than rounding. Playing their
profiles and lotteries for ever gives payoffs whose distance from the points is at most what one application moves them
by, over one minus the discount factor; no deviation pays even if they are as far off. The points solve the equations
of inner sets; on a knife edge, where no threshold can be raised, these equations in rationals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals, solve
from bargaining.equilibria._affine import Budget, attracting
from bargaining.equilibria._exact_game import ExactGame, Work
from bargaining.equilibria._plane_strategies import Payoffs
from bargaining.equilibria.payoff_polygon import distances
from bargaining.equilibria.sets import search
from bargaining.equilibria.sets.bounds import Bounds, Fan, Image, of_polygons
from bargaining.equilibria.sets.rows import Indices, Rows, Scaled
from bargaining.equilibria.sets.several.inner import Hull, Play
from bargaining.equilibria.sets.several.outer import Outer
from bargaining.equilibria.sets.several.profiles import FAR, Profiles, deviations
from bargaining.equilibria.sets.several.refinement import Several, gap, loosened
from bargaining.errors import NotApplicable
from bargaining.exact._concepts.answers import dot
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

_PADDING = Fraction(1, 10**11)  # how far faces are moved out, in their own speeds

Bound = tuple[Fraction, list[tuple[int, Fraction]]]
"""alpha, and beta as pairs of a half-plane and its weight."""


def levels_proved(
    bounds: list[list[Bound]], start: Floats, near: Floats, speeds: Floats, *, pad: Fraction = _PADDING
) -> list[Fraction] | None:
    """Return levels a little above `near` that contain every payoff below `start`; None if bounds do not prove it."""
    given, z, far = ([Fraction(x) for x in array.tolist()] for array in (near, speeds, start))
    over = (value_of(each, given) - given[j] for j, some in enumerate(bounds) for each in some)
    out = 2 * max(_ZERO, *over) + pad
    levels = [level + out * each for level, each in zip(given, z, strict=True)]
    return levels if contracts(bounds, far, levels, z) else None


def value_of(bound: Bound, levels: list[Fraction]) -> Fraction:
    """Return a bound at some levels."""
    return bound[0] + sum((weight * levels[k] for k, weight in bound[1]), _ZERO)


def contracts(bounds: list[list[Bound]], start: list[Fraction], x: list[Fraction], z: list[Fraction]) -> bool:
    """Whether all bounds at levels x + e z, none above the start, lie below x + e z for every e > 0, and at e = 0."""
    most = max(_ZERO, *((s - level) / each for s, level, each in zip(start, x, z, strict=True)))
    for j, some in enumerate(bounds):
        for bound in some:
            if value_of(bound, start) <= x[j]:
                continue
            over, faster = value_of(bound, x) - x[j], value_of((-z[j], bound[1]), z)
            if over > 0 or over + most * faster > 0 or (over == 0 and faster >= 0):
                return False
    return True


_MARGIN = 1e-10  # of the unit box: by which thresholds are lowered; errors of floats are far smaller
_FLOATS = 50  # units of the search in floats that one of a proof is worth
_CLOSE = 1e-12  # of the unit box: how closely the search bounds the sets
_PAD = Fraction(1, 10**14)  # of the unit box: how far half-planes are moved out, in their own speeds
_PROOFS = 3  # each from the levels of the one before
_ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, eq=False)
class OuterLevels:
    """Half-planes of each state, None where it is proved that there is no equilibrium."""

    fan: Fan
    levels: list[Floats | None]

    def beyond(self, vertices: list[Floats]) -> float:
        """Return the largest distance by which they reach beyond polygons; infinity where one is empty."""
        out = 0.0
        for level, points in zip(self.levels, vertices, strict=True):
            if level is not None:
                if not len(points):
                    return inf
                _, corners, _ = self.fan.intersection(level[None])
                out = max(out, float(distances(corners[0], points).max()))
        return out


def outer_levels(data: ExactGame, vertices: list[Floats], work: Work, tolerance: float) -> OuterLevels | None:
    """Return levels proved in the directions of the edges of polygons; None if the proof fails.

    Polygons of each state (m, 2), in the unit box, are close to the payoff sets. Where levels are farther beyond them
    than the tolerance, bounds that are least at the levels proved prove closer ones. Spent is raised if the work is not
    enough.
    """
    rows = replace(Scaled.of(data.game).rows, margin=_MARGIN)
    budget = Budget(work.left * _FLOATS)
    before = budget.left
    outer = search.solve(rows, _CLOSE, budget).outer
    work.spend(int(before - budget.left) // _FLOATS)
    empty = np.array([not len(points) for points in outer])
    fan, _, _ = of_polygons(
        [points for points in [*vertices, *outer] if len(points)] or [_BOX], rows.discounts
    )
    if empty.all():
        return OuterLevels(fan, [None] * len(outer))
    rows = rows.without(empty) if empty.any() else rows
    kept = np.flatnonzero(~empty)
    start = np.stack([(points @ fan.normals.T).max(axis=0) for points in outer if len(points)]) + _MARGIN
    out = None
    for _ in range(_PROOFS):
        proved = _proved(data, rows, fan, kept, start, work)
        if proved is None:
            break
        start, levels = proved, iter(proved)
        out = OuterLevels(fan, [None if gone else next(levels) for gone in empty])
        if out.beyond(vertices) <= tolerance:
            break
    return out


def _proved(
    data: ExactGame, rows: Rows, fan: Fan, states: Indices, start: Floats, work: Work
) -> Floats | None:
    """Return levels of some states that hold if those of the start do; None if the proof fails."""
    levels, corners, _ = fan.intersection(start.copy())
    image = Image(rows, fan, levels, corners, ~rows.barred)
    if len(np.unique(image.state)) < rows.states:
        return None
    image.game = replace(rows, margin=0.0)  # the proof needs no margin where rows are playable
    bounds = Bounds(image, fan, levels)
    proof = attracting(bounds, levels)
    if proof is None:
        return None
    near, speeds = proof
    work.spend(bounds.weights[0].size)
    affine = _exact(data, bounds, states)
    proved = levels_proved(affine, start.ravel(), near.ravel(), speeds.ravel(), pad=_PAD)
    return None if proved is None else np.nextafter([float(x) for x in proved], inf).reshape(near.shape)


_BOX = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])


def _exact(data: ExactGame, bounds: Bounds, states: np.ndarray) -> list[list[Bound]]:
    """Return, for each half-plane, exact bounds of how far rows go, with the multipliers of floats."""
    image, fan, count = bounds.image, bounds.fan, len(bounds.fan)
    normals = [(Fraction(x), Fraction(y)) for x, y in fan.normals.tolist()]
    place, axes = {s: k for k, s in enumerate(states.tolist())}, (fan.left, fan.down)
    leaves = [point for s in range(len(data.game)) for point, _ in data.ends[s]]
    out: list[list[Bound]] = [[] for _ in range(len(states) * count)]
    for a, (number, state) in enumerate(zip(image.rows.tolist(), image.state.tolist(), strict=True)):
        row = int(image.game.origin[number])
        if row >= len(data.state):
            point = leaves[row - len(data.state)]
            for j, n in enumerate(normals):
                out[state * count + j].append((n[0] * point[0] + n[1] * point[1], []))
            continue
        law = {place[s]: chance for s, chance in data.law(row).items()}
        replies = [_reply(data, image, a, i, place) for i in (0, 1)]
        for j, n in enumerate(normals):
            z = [Fraction(x) for x in bounds.multipliers[a, j].tolist()]
            pull = [data.discounts[i] * (n[i] + z[i]) for i in (0, 1)]
            constant = sum(((n[i] + z[i]) * data.now[row][i] - z[i] * replies[i][0] for i in (0, 1)), _ZERO)
            columns = [
                (s * count + axes[i], z[i] * share) for i in (0, 1) for s, share in replies[i][1] if z[i]
            ]
            for faces, weights in zip(bounds.faces, bounds.weights, strict=True):
                k, weight = int(faces[a, j]), Fraction(float(weights[a, j]))
                if weight > 0:
                    columns += [(s * count + k, weight * chance) for s, chance in law.items()]
                    pull = [pull[i] - weight * normals[k][i] for i in (0, 1)]
            constant += sum((x for x in pull if x > 0), _ZERO)
            out[state * count + j].append((constant, columns))
    return out


def _reply(
    data: ExactGame, image: Image, a: int, i: int, place: dict[int, int]
) -> tuple[Fraction, list[tuple[int, Fraction]]]:
    """Return a threshold of player i as a constant, and how much it falls with each state's lowest payoff."""
    own = data.own(int(data.state[int(image.game.origin[image.rows[a]])]), i)
    if image.leaves[a, i] and own is not None:
        return own, []
    reply = int(image.game.origin[image.best[a, i]])
    return data.now[reply][i], [
        (place[s], data.discounts[i] * chance) for s, chance in data.law(reply).items()
    ]


MARGIN = 1e-9  # of the unit box: by which thresholds are lowered; errors of floats are far smaller
UNITS = 50  # of floats that one of a proof is worth
_FEW = 100  # points on a knife edge that are solved for in rationals
_SIMPLE = 10**6  # the largest denominators of their weights
_Points = list[list[Payoffs]]


class PolytopeProof:
    """Both sides of bounds by half-spaces, whose search only shows where to look.

    Attributes
    ----------
    enough : float
        An error with which the first points that are found are good enough.
    fault : str
        Why nothing is proved from inside if no points are found.
    """

    exact, fault = False, "no points that generate themselves with room to spare were found."

    def __init__(self, game: StochasticGame | RepeatedGame, found: Several, units: int) -> None:
        given = found.outer.profiles
        profiles = Profiles.monitored(game) if isinstance(game, RepeatedGame) else Profiles.of(game)
        if given.payoffs.shape != profiles.payoffs.shape or given.outside.shape != profiles.outside.shape:
            raise NotApplicable("The bounds are those of a game of another size: compute them again.")
        self.data, self.found, self.units, self.spent = ExactGame(game), found, units, False
        self.profiles, self.enough = profiles.asymmetric(), 2 * found.gap
        rows = range(len(profiles.payoffs))
        self.tempting: list[list[int]] | None = (
            None  # rows that constraints of signals compare; -1 is to leave
        )
        if isinstance(game, RepeatedGame):
            stay = [[-1] * len(rows)] * (0 if game.exit is None else len(game.exit.who))
            self.tempting = [others.tolist() for _, others in deviations(game.game)] + stay
            self.chances = [self.data.chances(row) for row in rows]
        else:  # unlikely states may come twice
            self.chances = [
                [
                    self.data.law(row).get(s, _ZERO) if s not in ahead[:z] else _ZERO
                    for z, s in enumerate(ahead)
                ]
                for row, ahead in zip(rows, profiles.ahead.tolist(), strict=True)
            ]
        ends = [(s, *end) for s, some in enumerate(self.data.ends) for end in some]
        self.ends = [point for _, point, _ in ends]
        self.left = ends if len(self.data.stages) > 1 else [ends[leave.number] for leave in given.leaves]
        self.outer = self._levels()

    @property
    def empty(self) -> list[bool]:
        """The states without equilibrium."""
        return [False] * len(self.data.stages) if self.outer is None else (~self.outer.filled).tolist()

    def beyond(self, points: Sequence[Floats]) -> float | None:
        """Return how far half-spaces reach beyond points, infinity where there are none; None if nothing is proved."""
        if self.outer is None:
            return None
        out = 0.0
        for s, some in enumerate(points):
            if self.outer.filled[s]:
                hull = Hull.of(some)
                out = max(out, inf if hull is None else gap(self.outer.of(s), hull))
        return out

    def _levels(self) -> Outer | None:
        """Return half-spaces within which all equilibrium payoffs are proved to lie; None if that fails."""
        n, given = len(self.data.discounts), self.found.outer
        budget = Budget(self.units * UNITS)
        outer = Outer.around(replace(self.profiles, eased=MARGIN), given.directions[2 * n :], budget)
        some = outer.shrink()
        self.spent = budget.spent
        if budget.spent or outer.filled.tolist() != given.filled.tolist():
            return None
        if len(given.profiles.leaves) < len(self.ends):  # a threat that is not credible is not proved so
            return None
        if not some:
            return outer
        start, outer.profiles = outer.levels.ravel() + MARGIN, self.profiles
        functions = outer.functions()
        proof = attracting(functions, start)
        levels = None if proof is None else levels_proved(self._bounds(outer), start, *proof)
        if levels is None:
            return None
        outer.levels = np.nextafter([float(level) for level in levels], inf).reshape(outer.levels.shape)
        return outer

    def _bounds(self, outer: Outer) -> list[list[Bound]]:
        """Return, for each half-space, exact bounds of how far profiles go, with multipliers found in floats."""
        data, profiles, height = self.data, self.profiles, len(outer.directions)
        n = len(data.discounts)
        normals = [[Fraction(x) for x in row] for row in outer.directions.tolist()]
        bounds: list[list[Bound]] = [[] for _ in range(outer.levels.size)]
        polyhedra = outer.polyhedra()
        weights, _ = outer.bases.repaired(polyhedra)
        split = polyhedra.split(outer.bases.rows)
        least, pairs = profiles.thresholds(outer.threat), (outer.bases.owners, outer.faces)
        who = profiles.who.tolist()
        for p, (row, j) in enumerate(zip(*(pair.tolist() for pair in pairs), strict=True)):
            pull = [d * x for d, x in zip(data.discounts, normals[j], strict=True)]
            rest = [[chance * x for x in pull] for chance in self.chances[row]]
            constant, columns, ahead = dot(normals[j], data.now[row]), [], profiles.ahead[row].tolist()
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
                i, omega = who[k], self.chances[row]
                own, d = data.own(data.state[row], i), data.discounts[i]
                if self.tempting is not None:
                    reply = self.tempting[k][row]
                    if reply >= 0:
                        omega = [p - q for p, q in zip(omega, self.chances[reply], strict=True)]
                else:
                    reply = int(least.replies[row, k]) if least.moves[row, k] or own is None else -1
                    if reply >= 0 and d:
                        columns += [(s * height + n + i, share * q) for s, q in data.law(reply).items()]
                gain = (data.now[reply][i] if reply >= 0 else own) - data.now[row][i]
                constant -= share * (gain / d if d else Fraction(int(FAR if gain > 0 else -FAR)))
                for after, x in zip(rest, omega, strict=True):
                    after[i] += share * x
            constant += sum((x for after in rest for x in after if x > 0), _ZERO)
            bounds[data.state[row] * height + j].append((constant, columns))
        for s, point in zip(profiles.exits.tolist(), self.ends, strict=True):
            for j, normal in enumerate(normals):
                bounds[s * height + j].append((dot(normal, point), []))
        return bounds

    def inner(self) -> Iterator[tuple[_Points, Fraction, str]]:
        """Yield points of each state, a bound of their distance from payoffs that generate themselves, and its name.

        The payoffs of playing their profiles and lotteries for ever are the fixed point of a contraction, so one
        application bounds their distance.
        """
        states = range(len(self.data.stages))
        if all(self.empty):
            yield [[] for _ in states], _ZERO, ""
            return
        for play, loose in loosened(
            self.found.outer.profiles.asymmetric(), self.found, Budget(self.units * UNITS)
        ):
            state = play.state.tolist()
            if loose:
                exact = [tuple(map(Fraction, point)) for point in play.payoffs.tolist()]
                error = self._error(exact, play)
            else:
                exact, error = self._on_an_edge(play)
            if error is None:
                continue
            each = [[point for point, k in zip(exact, state, strict=True) if k == s] for s in states]
            hulls = [Hull.of(np.array(some, float)) if some else None for some in each]
            corners = [
                [] if hull is None else [some[k] for k in hull.places.tolist()]
                for some, hull in zip(each, hulls, strict=True)
            ]
            yield (
                corners,
                error,
                f"are known to within {float(error):.0e} of the range" if error else "are exact",
            )

    def _gone(self, owner: int) -> Payoffs:
        point: Payoffs = self.left[-1 - owner][1]
        return point

    def _on_an_edge(self, play: Play) -> tuple[list[Payoffs], Fraction | None]:
        """Return the same points in rationals if they generate themselves although no threshold leaves any room."""
        count, outcomes, table = len(play.owners), self.profiles.ahead.shape[1], play.lotteries.toarray()
        if count > _FEW:
            return [], None
        shares, owners, data = np.full(table.shape, _ZERO, dtype=object), play.owners.tolist(), self.data
        for row, drawn in enumerate(table.tolist()):
            simple = [Fraction(x).limit_denominator(_SIMPLE) for x in drawn]
            shares[row] = [x / (sum(simple) or 1) for x in simple]
        weights = np.full((count, count), _ZERO, dtype=object)
        for k, row in enumerate(owners):
            for z, chance in enumerate(self.chances[row]) if row >= 0 else ():
                weights[k] += chance * shares[k * outcomes + z]
        columns = []
        for i, d in enumerate(data.discounts):
            now = [data.now[row][i] if row >= 0 else self._gone(row)[i] for row in owners]
            column = solve(np.eye(count, dtype=int) - d * weights, np.array(now, dtype=object))
            assert column is not None  # the weights of what follows add up to less than one
            columns.append(column)
        exact = list(zip(*columns, strict=True))
        error = self._error(exact, play, shares)
        return exact, error if error == 0 else None

    def _error(self, points: list[Payoffs], play: Play, shares: Rationals | None = None) -> Fraction | None:
        """Bound the distance of the fixed point from points; None if it may not generate itself."""
        data, outcomes, table = self.data, self.profiles.ahead.shape[1], play.lotteries
        later = dict[int, list[Payoffs | None]]()  # the mean after each outcome
        off = [_ZERO] * len(data.discounts)
        for k, row in enumerate(play.owners.tolist()):
            image = self._gone(row) if row < 0 else None
            if image is None:
                later[k] = []
                for at in range(k * outcomes, (k + 1) * outcomes):
                    part = slice(table.indptr[at], table.indptr[at + 1])
                    places, drawn = table.indices[part].tolist(), table.data[part].tolist()
                    weights = [*map(Fraction, drawn)] if shares is None else shares[at, places].tolist()
                    total = sum(weights, _ZERO)
                    columns = zip(*(points[m] for m in places), strict=True)
                    later[k].append(tuple(dot(weights, x) / total for x in columns) if total else None)
                mean = self._mean(later[k], row)
                if mean is None:
                    return None
                image = tuple(x + d * y for x, d, y in zip(data.now[row], data.discounts, mean, strict=True))
            off = [max(x, abs(a - b)) for x, a, b in zip(off, image, points[k], strict=True)]
        error = [x / (1 - d) for x, d in zip(off, data.discounts, strict=True)]
        return max(error) if self._deters(points, play, later, error) else None

    def _mean(self, later: list[Payoffs | None], row: int) -> Payoffs | None:
        """Return the expected continuation after a row; None if one that may follow is missing."""
        pairs = [(p, w) for p, w in zip(self.chances[row], later, strict=True) if p]
        known = [w for _, w in pairs if w is not None]
        if len(known) < len(pairs):
            return None
        return tuple(dot([p for p, _ in pairs], x) for x in zip(*known, strict=True))

    def _deters(
        self, points: list[Payoffs], play: Play, later: dict[int, list[Payoffs | None]], error: list[Fraction]
    ) -> bool:
        """Whether nobody gains by a deviation or by staying, though payoffs may be off by the error."""
        data, signals = self.data, self.tempting is not None
        each: dict[int, list[Payoffs]] = {}
        for s, point in [*zip(play.state.tolist(), points, strict=True), *((s, x) for s, x, _ in self.left)]:
            each.setdefault(s, []).append(point)
        for row in play.owners[play.owners < 0].tolist():
            s, end, leaver = self.left[-1 - row]
            played = [points[k] for k in later if play.state[k] == s]
            if leaver is not None and all(x[leaver] + error[leaver] > end[leaver] for x in played):
                return False
        for i, d in enumerate(data.discounts):
            low = [min(x[i] for x in each[s]) if s in each else None for s in range(len(data.stages))]
            for k, after in later.items():
                row = int(play.owners[k])
                mean, own = self._mean(after, row), data.own(data.state[row], i)
                assert mean is not None
                gets = data.now[row][i] + d * (mean[i] - error[i])
                if own is not None and gets < own:
                    return False
                for reply in data.replies(row, i):
                    # A deviation that brings no more now and changes nothing else: no lottery gives less later.
                    if data.now[reply][i] <= data.now[row][i] and self.chances[reply] == self.chances[row]:
                        continue
                    if signals:
                        other = self._mean(after, reply)
                        worth = None if other is None else data.now[reply][i] + d * other[i]
                    else:
                        worth = data.worth(i, reply, low)
                    if worth is None or gets < worth + d * error[i]:
                        return False
        return True
