r"""A box of rationals around the continuous Raiffa solution of a polytope, for any number of players.

The path x' = g(x) = a(x) - x is approximated by a curve y that is known exactly, with a defect of :math:`|y' - g(y)|
\le \delta w`, where w are the gains at the start of a piece. The distance between path and curve is bounded player by
player, :math:`|x - y| \le \varepsilon w`, because a_i is concave and decreasing in every payoff: for :math:`|z| \le
\varepsilon w` and a :math:`\rho \ge \varepsilon` with y + ρw feasible,

.. math:: |a_i(y + z) - a_i(y)| \le \frac{\varepsilon}{\rho} \bigl(a_i(y) - a_i(y + \rho w)\bigr) = \varepsilon s_i w_i,

since a_i falls no more from y - εw to y, and from y to y + εw, than at the mean rate from y to y + ρw. Therefore

.. math:: \varepsilon' \le \max_i (s_i - 1)\, \varepsilon + \delta,

and on the next piece ε is measured in the gains there, which are smaller. The mean y + g/n of the players' best
agreements is feasible. So s_i is at most about n - 1, and no gain falls faster than at the rate n. Whatever the slopes
of the set, ε grows in a unit of time by a factor of at most :math:`e^{2n - 2}`; more digits make up for that.

As x rises and a(x) falls, the solution always lies between x and a(x). Suppose that at all points within ε of y a
single facet determines every player's best payoff. Then the solution is x + g/n, the point at which the path aims: if
the mean of feasible points is on a facet, they all are. If the path is straight from the start until nobody gains any
more, the answer is rational.

A player who cannot gain at d keeps d for ever; n counts the others.

A piece of the curve is a Bézier curve with many digits. As long as each player's best payoff is determined by the same
facet, the field is linear, and the curve is a truncated power series. The gain that a facet gives exceeds g by a convex
function, which is zero where the facet determines g; so it suffices to bound it at the control points. The difference
between the curve's speed and the facets' gains is a polynomial, and no larger than its coefficients. A piece ends where
another facet begins to determine somebody's best payoff, up to the digits kept.

Best payoffs at many points are computed at once in integers, from bases of linear programs. An optimal basis gives a
player's best payoff as a function of the point where a few linear forms are non-negative, and an upper bound elsewhere.
It is found by solving the program once; after that it is only evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, comb, exp, inf, lcm, log2, nextafter

import numpy as np
from numpy.typing import NDArray

from bargaining._rational import Integers, Rationals, integers, maximise, solve
from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Body, Enclosure, Vector, settled, vector

Places = NDArray[np.intp]

SHORT = 24  # binary digits


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """A player's gain g = gain . (1, x) / size at the points x with needs (1, x) >= 0; elsewhere the gain is at most g.

    Attributes
    ----------
    gain : (n + 1,) array of int
    size : int
    needs : (k, n + 1) array of int
    """

    gain: Integers
    size: int
    needs: Integers

    def answers(self, points: Integers) -> NDArray[np.bool_]:
        """Say for each homogeneous point whether the gain is attained there."""
        met: NDArray[np.bool_] = np.asarray(self.needs @ points >= 0, dtype=bool)
        return np.logical_and.reduce(met, axis=0)  # type: ignore[no-any-return]

    def agrees(self, other: Basis) -> bool:
        """Say whether two bases give the same gains everywhere."""
        return bool((self.gain * other.size == other.gain * self.size).all())


class Answers:
    """The gains of the players of a body above an origin, each player's in her own unit."""

    def __init__(self, body: Body, units: Vector) -> None:
        self.players = len(units)
        matrix, table, self.objectives = _program(body, units)
        rows = _whole(np.concatenate((matrix, table), axis=1))
        self.matrix, self.table = rows[:, : -self.players - 1], rows[:, -self.players - 1 :]
        self.bases: list[list[Basis]] = [[] for _ in units]

    def at(self, player: int, points: Integers, first: Basis | None = None) -> list[Basis | None]:
        """Return a basis that gives the gain at each homogeneous point; None where nothing feasible is as good."""
        found: list[Basis | None] = [None] * points.shape[1]
        known = [b for b in self.bases[player][::-1] if b is not first]
        left = np.arange(points.shape[1])
        for basis in known if first is None else [first, *known]:
            left = _filled(found, left, basis, points)
        while left.size:
            made = self._found(player, points[:, left[0]])
            if made is None:
                left = left[1:]
                continue
            self.bases[player].append(made)
            left = _filled(found, left, made, points)
        return found

    def _found(self, player: int, point: Integers) -> Basis | None:
        """Return a basis of the gain at a homogeneous point, if possible that of a nearby point with few digits."""
        short = point >> max(int(point[0]).bit_length() - SHORT, 0)
        near = self._solved(player, short) if short[0] < point[0] else None
        return near if near is not None and near.answers(point[:, None])[0] else self._solved(player, point)

    def _solved(self, player: int, point: Integers) -> Basis | None:
        """Return an optimal basis at a homogeneous point."""
        right = np.empty(len(self.table), dtype=object)
        right[:] = [Fraction(v, point[0]) for v in (self.table @ point).tolist()]
        objective, base = self.objectives[player]
        program = maximise(objective, self.matrix, right)
        if program is None:
            return None
        columns = self.matrix.shape[1]
        used = [b for b in program.basis if b < columns]
        slack = [b - columns for b in program.basis if b >= columns]
        tight = [i for i in range(len(self.table)) if i not in set(slack)]
        values = _solutions(self.matrix[np.ix_(tight, used)], self.table[tight])
        rest = self.table[slack] - self.matrix[np.ix_(slack, used)] @ values
        gain, size = integers(objective[used] @ values + base)
        return Basis(gain=gain, size=size, needs=_whole(np.concatenate((values, rest))))


def _filled(found: list[Basis | None], left: Places, basis: Basis, points: Integers) -> Places:
    """Enter a basis at those of the remaining places where it gives the gain, and return the other places."""
    if not left.size:
        return left
    good = basis.answers(points[:, left])
    for k in left[good]:
        found[k] = basis
    rest: Places = left[~good]
    return rest


def _program(body: Body, units: Vector) -> tuple[Rationals, Rationals, list[tuple[Rationals, Rationals]]]:
    """Return a matrix, bounds as functions of (1, x), and each player's objective with a constant to add to it.

    Above the disagreement point in the given units: points are mixed, or inequalities met by what is above x.
    """
    n, size = len(units), vector(units)
    d, eye = vector(body.disagreement), vector([0] * n * n).reshape(n, n)
    eye[np.diag_indices(n)] = Fraction(1)
    zero, ones = eye[0] * 0, vector([1] * n)
    if body.points is None:
        assert body.matrix is not None
        assert body.limits is not None
        matrix = body.matrix * size
        table = np.concatenate(((body.limits - body.matrix @ d)[:, None], -matrix), axis=1)
        return matrix, table, [(e, vector([0, *zero])) for e in eye]
    points = (body.points - d) / size
    one = vector([1] * len(points))[None]
    matrix = np.concatenate((one, -one, -points.T))
    fixed = np.concatenate((ones[:1], -ones[:1], zero))
    moving = np.concatenate((zero[None], zero[None], -eye))
    if body.floor is not None:
        low = (vector(body.floor) - d) / size
        matrix = np.concatenate((matrix, -points.T))
        fixed, moving = np.concatenate((fixed, -low)), np.concatenate((moving, eye * 0))
    table = np.concatenate((fixed[:, None], moving), axis=1)
    return matrix, table, [(points[:, i], vector([0, *-eye[i]])) for i in range(n)]


def _solutions(matrix: Rationals, table: Integers) -> Rationals:
    """Solve a square system for every column of a table."""
    columns = []
    for right in table.T:
        found = solve(matrix, vector(right))
        assert found is not None
        columns.append(vector(found))
    return np.stack(columns, axis=1)


def _whole(table: Rationals) -> Integers:
    """Scale every row to integers."""
    rows = [integers(row)[0] for row in table]
    return np.stack(rows) if rows else table


AHEAD = Fraction(1, 2**24)  # over the gains: how far ahead slopes are measured
TRIES = 80  # each halves the piece, or shortens it to where another facet takes over
SPARE = 16  # binary digits that events have in addition to those of defects
GUARD = 24  # binary digits in addition to those kept, which the sums of a piece may lose
FARTHEST = 8  # the largest length of a piece in units of time
MORE = 1 + 2.0**-40  # covers the rounding of a few floats

Bases = tuple[Basis | None, ...]
"""The basis that gives each player's gain; None for players who cannot gain."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A point of the curve.

    Attributes
    ----------
    point : (n + 1,) array of int
        Homogeneous: the scale, and the payoffs times the scale.
    bases : tuple of Basis or None
        The bases that give the gains there.
    weights : tuple of Fraction
        The gains there.
    distance : float
        The largest distance of the path from this point, relative to the weights.
    """

    point: Integers
    bases: Bases
    weights: Vector
    distance: float

    def lowest(self) -> Vector:
        """Return lower bounds of the path's payoffs there."""
        far = Fraction(self.distance)
        return tuple(v - far * w for v, w in zip(payoffs_at(self.point), self.weights, strict=True))


def place_at(point: Integers, bases: Bases, distance: float = 0.0, weights: Vector | None = None) -> Place:
    """Return a place, given the distance relative to other weights if there are any."""
    here = gains(bases, point)
    if weights is not None:
        distance *= MORE * max(_above(w / g) for w, g in zip(weights, here, strict=True) if w)
    return Place(point, bases, here, distance)


class Piece:
    """A piece under construction that starts at a place, accurate to 2^-digits of the gains."""

    def __init__(self, answers: Answers, players: Sequence[int], place: Place, digits: int) -> None:
        self.answers, self.players, self.place, self.digits = answers, players, place, digits
        self.bases = list(place.bases)
        least = min(place.weights[i] for i in players)
        small = least.denominator.bit_length() - least.numerator.bit_length()
        self.kept = max(digits + SPARE + GUARD + small, int(place.point[0]).bit_length() - 1)
        self.bits = self.kept + GUARD
        self.prepare()

    def prepare(self) -> None:
        """Compute the power series for the present facets."""
        self.path = series(self.bases, self.place.point, SPARE + self.digits // 4, self.bits)
        self.step = self.path.longest(self.digits + SPARE, FARTHEST)

    def follow(self) -> Place | None:
        """Return the place at the end of the piece; None if none is found."""
        then: dict[int, Basis] = {}
        for _ in range(TRIES):
            points = self.path.controls(self.step, self.kept)
            last = self.passed(points[:, -1:])
            if last:
                then = self.back_to_event(last)
            elif last is None or self.passed(points) != {}:
                self.step, then = self.step // 2, {}
            else:
                return self.arrived(points, then)
        return None

    def passed(self, points: Integers) -> dict[int, Basis] | None:
        """Return, by player, the facets that take over at some control point; None if one is not feasible."""
        found = {}
        for i in self.players:
            over = self.excess(i, points)
            if over is None:
                return None
            most, basis, point = over
            if basis is not None and most * 2**self.digits > gains((basis,), point)[0]:
                found[i] = basis
        return found

    def excess(self, player: int, points: Integers) -> tuple[Fraction, Basis | None, Integers] | None:
        """Return the largest excess of the facet's gain over the true one, the basis of the latter, and the point."""
        now = self.bases[player]
        assert now is not None
        most: tuple[Fraction, Basis | None, Integers] = Fraction(0), None, points[:, 0]
        for k, basis in enumerate(self.answers.at(player, points, now)):
            if basis is None:
                return None
            if basis is not now:
                high, low = gains((now, basis), points[:, k])
                most = max(most, (high - low, basis, points[:, k]), key=lambda m: m[0])
        return most

    def back_to_event(self, passed: dict[int, Basis]) -> dict[int, Basis]:
        """Shorten the step to where the first of some other facets takes over; change to one that does so at once."""
        terms = self.path.shortened(self.step)
        times = {i: self.time_of(i, basis, terms) for i, basis in passed.items()}
        first = min(times, key=lambda i: times[i])
        step = self.step * times[first] >> self.bits
        if step >> (self.bits - self.digits - SPARE) == 0:
            self.bases[first] = passed[first]
            self.prepare()
            return {}
        self.step = step if step < self.step - 1 else self.step // 2
        return {first: passed[first]}

    def time_of(self, player: int, other: Basis, terms: Integers) -> int:
        """Return the share of a step after which another facet takes over for a player."""
        now = self.bases[player]
        assert now is not None
        more = now.gain * other.size - other.gain * now.size
        values = more[1:] @ terms
        values[0] += more[0] << self.bits
        limit = self.place.weights[player] * now.size * other.size * 2 ** (self.bits - self.digits - SPARE)
        return first_above(values.tolist(), int(limit), self.bits)

    def arrived(self, points: Integers, then: dict[int, Basis]) -> Place | None:
        """Return the place at the end of a piece on which no other facet takes over; None if the path is lost."""
        weights, time = self.place.weights, _above(Fraction(self.step, 1 << self.bits))
        move = np.array([0, *(ceil(AHEAD * w * points[0, 0]) for w in weights)], dtype=object)
        rate, defect = -1.0, 0.0
        for i in self.players:
            late, here = self.excess(i, points + move[:, None]), self.excess(i, points)
            if late is None or here is None:
                return None
            fall = late[0] / AHEAD - slope(self.bases[i], weights) - weights[i]
            rate = max(rate, _above(fall / weights[i]) - 1)
            defect = max(defect, _above((self.off(i, points) + here[0]) / weights[i]))
        growth = exp(rate * time) * MORE
        kept, new = self.place.distance * growth, defect * time * max(growth, 1.0)
        bases = tuple(then.get(i, b) for i, b in enumerate(self.bases))
        after = place_at(points[:, -1], bases, (kept + new) * MORE, weights)
        farthest = (max(self.place.distance, kept) + new) * MORE
        return after if max(farthest, after.distance) <= AHEAD else None

    def off(self, player: int, points: Integers) -> Fraction:
        """Return an upper bound of the difference between the curve's speed and the facet's gain."""
        now, degree = self.bases[player], points.shape[1] - 1
        assert now is not None
        moves = np.concatenate(([0], np.diff(points[player + 1]), [0]))
        places = np.arange(degree + 1).astype(object)
        speeds = (places * moves[:-1] + (degree - places) * moves[1:]) << self.bits
        most = max(abs(speeds * now.size - now.gain @ points * self.step).tolist())
        return Fraction(most, now.size * self.step * int(points[0, 0]))


def gains(bases: Bases, point: Integers) -> Vector:
    """Return the gains that bases give at a homogeneous point; zero for players without a basis."""
    return tuple(
        Fraction(0) if b is None else Fraction(int(b.gain @ point), b.size * int(point[0])) for b in bases
    )


def slope(basis: Basis | None, step: Vector) -> Fraction:
    """Return the change of a gain along a step."""
    if basis is None:
        return Fraction(0)
    return sum((int(a) * s for a, s in zip(basis.gain[1:], step, strict=True)), Fraction(0)) / basis.size


def payoffs_at(point: Integers) -> Vector:
    """Return a homogeneous point as payoffs."""
    return tuple(Fraction(int(v), int(point[0])) for v in point[1:])


def homogeneous(x: Sequence[Fraction]) -> Integers:
    """Return payoffs as a homogeneous point."""
    scale = lcm(*(v.denominator for v in x))
    return np.array([scale, *(v.numerator * (scale // v.denominator) for v in x)], dtype=object)


def _above(value: Fraction) -> float:
    return nextafter(float(value), inf)


COARSE = 40  # binary digits of a step


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The path from a point in powers of time, player by player: x(t) = sum of terms_j t^j, over 2^bits.

    Attributes
    ----------
    terms : (n, m + 1) array of int
    bits : int
    """

    terms: Integers
    bits: int

    @property
    def degree(self) -> int:
        """The power at which the series ends."""
        return int(self.terms.shape[1]) - 1

    def longest(self, digits: int, farthest: int) -> int:
        """Return a step, over 2^bits, at which the truncation error of the series is 2^-digits of the first power."""
        powers = [
            (first.bit_length() - digits - last.bit_length()) / place
            for row in self.terms
            for place in (self.degree - 1, self.degree)
            if (first := int(row[1])) and (last := int(row[place]))
        ]
        most = min(powers, default=0.0)
        step = min(int(2.0 ** min(most, 8.0) * 2**COARSE), farthest << COARSE)
        return step << (self.bits - COARSE)

    def shortened(self, step: int) -> Integers:
        """Return the terms of powers of a share s of a step."""
        power, powers = 1 << self.bits, []
        for _ in range(self.degree + 1):
            powers.append(power)
            power = power * step >> self.bits
        scaled: Integers = self.terms * np.array(powers, dtype=object) >> self.bits
        return scaled

    def controls(self, step: int, bits: int) -> Integers:
        """Return the control points after a step, homogeneous and rounded to 2^-bits."""
        terms = self.shortened(step)
        rest = (terms << self.degree) // _binomials(self.degree)
        columns = []
        for _ in range(self.degree + 1):  # the differences at one control point give those at the next
            columns.append(rest[:, 0])
            rest = rest[:, :-1] + rest[:, 1:]
        points = np.stack(columns, axis=1) >> (self.bits + self.degree - bits)
        return np.concatenate((np.full((1, self.degree + 1), 1 << bits, dtype=object), points))


def series(bases: Sequence[Basis | None], point: Integers, degree: int, bits: int) -> Series:
    """Return the path of x' = g(x) from a homogeneous point, with g given by bases; payoffs without a basis stay."""
    scale = int(point[0])
    terms = [(point[1:] << bits) // scale]
    for j in range(degree):
        here = np.concatenate(([1 << bits], terms[0])) if j == 0 else np.concatenate(([0], terms[-1]))
        terms.append(
            np.array(
                [0 if b is None else int(b.gain @ here) // (b.size * (j + 1)) for b in bases], dtype=object
            )
        )
    return Series(np.stack(terms, axis=1), bits)


def first_above(terms: Sequence[int], limit: int, bits: int) -> int:
    """Return an s in [0, 1], over 2^bits, at which a polynomial passes a limit that it does not exceed at 0.

    The method of false position; the value at an end that does not move is halved (Dowell and Jarratt 1971).
    """

    def over(s: int) -> int:
        value = 0
        for term in reversed(terms):
            value = (value * s >> bits) + term
        return value - limit

    low, high = 0, 1 << bits
    below, above, last = min(over(low), -1), over(high), 0
    if above <= 0:
        return high
    while high - low > 1:
        middle = min(max(low + (high - low) * below // (below - above), low + 1), high - 1)
        value = over(middle)
        if value <= 0:
            low, below, above = middle, min(value, -1), max(above // 2, 1) if last < 0 else above
        else:
            high, above, below = middle, value, min(-(-below // 2), -1) if last > 0 else below
        last = value if value else -1
    return low


@cache
def _binomials(degree: int) -> Integers:
    return np.array([comb(degree, j) for j in range(degree + 1)], dtype=object)


DIGITS = 160  # binary digits of the defect at first; more if these are too few
MOST = 2000  # binary digits at most
WANTED = Fraction(1, 2**52)  # of the gains: the largest distance of the path, and of the remaining gains
PIECES = 400  # at most: a path crosses few edges before little is left to gain
MOMENT = Fraction(1, 2**40)  # the time ahead at which the next basis is looked for


def continuous_raiffa(body: Body) -> Enclosure:
    """Return a box around the end of the path; a single point where the path is known to be straight.

    Raises
    ------
    OverflowError
        If somebody's payoff has no upper bound.
    """
    ideal = body.ideal()
    if ideal is None:
        return settled(None, Status.EMPTY)
    d = body.disagreement
    most = [a - x for a, x in zip(ideal, d, strict=True)]
    status = Status.OK if min(most) > 0 else Status.DEGENERATE
    units = tuple(_unit(g) for g in most)
    field = _Field(Answers(body, units), [i for i, g in enumerate(most) if g > 0])
    box = _box(field) if field.players else ((Fraction(0),) * len(d),) * 2
    low, high = (tuple(v + u * x for v, u, x in zip(d, units, end, strict=True)) for end in box)
    return Enclosure(low=low, high=high, status=status)


def _unit(gain: Fraction) -> Fraction:
    """Return a power of two near a gain, which keeps numbers short; 1 if there is none."""
    return (
        Fraction(2) ** (gain.numerator.bit_length() - gain.denominator.bit_length()) if gain else Fraction(1)
    )


def _box(field: _Field) -> tuple[Vector, Vector]:
    """Return a box around the end of the path, in gains over units, with as many digits as necessary."""
    start = field.start()
    end = field.straight(start)
    if end is not None:
        return end, end
    digits = DIGITS
    while True:
        place, end = _followed(field, start, digits)
        if place.distance <= WANTED or digits >= MOST:
            return field.box(place, end)
        # As many digits again are lost until the gains have shrunk to WANTED.
        lost = digits + log2(place.distance)
        share = log2(WANTED) / min(log2(max(place.weights)), -1.0)
        digits = min(MOST, max(digits + 40, round(lost * max(share, 1.0)) + 100))


def _followed(field: _Field, place: Place, digits: int) -> tuple[Place, Vector | None]:
    """Follow the path until it ends, one facet gives all gains, or it is lost; also return its end if that is known."""
    for _ in range(PIECES):
        after = Piece(field.answers, field.players, place, digits).follow()
        if after is None:
            break
        place = after
        end = field.headed(place)
        if end is not None or max(place.weights) <= WANTED:
            return place, end
    return place, None


class _Field:
    """The gains of the players who can gain."""

    def __init__(self, answers: Answers, players: list[int]) -> None:
        self.answers, self.players, self.count = answers, players, len(players)

    def answering(self, point: Integers) -> tuple[Basis | None, ...] | None:
        """Return the basis that gives each player's gain at a homogeneous point; None if the point is not feasible."""
        found: list[Basis | None] = [None] * self.answers.players
        for i in self.players:
            found[i] = self.answers.at(i, point[:, None])[0]
            if found[i] is None:
                return None
        return tuple(found)

    def start(self) -> Place:
        """Return the place at the disagreement point, if possible with facets that give the gains a moment later."""
        point = np.array([1] + [0] * self.answers.players, dtype=object)
        here = self.answering(point)
        assert here is not None
        later = self.answering(homogeneous([g * MOMENT for g in gains(here, point)]))
        still = later is not None and all(b is None or b.answers(point[:, None])[0] for b in later)
        return place_at(point, later if later is not None and still else here)

    def straight(self, place: Place) -> Vector | None:
        """Return the end of a straight path; None if it is not straight up to an end where nobody gains any more.

        If the same facets give the gains at both ends, they give them in between, by concavity.
        """
        rates = {-slope(place.bases[i], place.weights) / place.weights[i] for i in self.players}
        rate = min(rates)
        if len(rates) > 1 or rate <= 0:
            return None
        end = tuple(g / rate for g in place.weights)
        last = self.answering(homogeneous(end))
        if last is None or any((*gains(place.bases, homogeneous(end)), *gains(last, homogeneous(end)))):
            return None
        return end

    def headed(self, place: Place) -> Vector | None:
        """Return the end of y if one facet gives all gains, at every point as near as the true path; else None."""
        x, low = payoffs_at(place.point), place.lowest()
        end = tuple(v + g / self.count for v, g in zip(x, place.weights, strict=True))
        if any(gains(place.bases, homogeneous(end))):
            return None
        corners = (  # of a simplex around the points that are near
            tuple(v + 2 * self.count * (x[j] - v) * (i == j) for j, v in enumerate(low))
            for i in (None, *self.players)
        )
        return end if all(self.agree(place, corner) for corner in corners) else None

    def agree(self, place: Place, x: Vector) -> bool:
        """Say whether the facets of a place also give the gains at a point."""
        there = self.answering(homogeneous(x))
        return there is not None and all(
            a is None or b is None or a.agrees(b) for a, b in zip(place.bases, there, strict=True)
        )

    def box(self, place: Place, end: Vector | None) -> tuple[Vector, Vector]:
        """Return a box around the end of the true path, given the end of y if it is known."""
        low = place.lowest()
        if end is None:
            return low, tuple(v + g for v, g in zip(low, gains(place.bases, homogeneous(low)), strict=True))
        near = tuple(a - b for a, b in zip(payoffs_at(place.point), low, strict=True))
        share = 1 - Fraction(2, self.count)
        far = [share * r - slope(b, near) / self.count for r, b in zip(near, place.bases, strict=True)]
        return (
            tuple(v - f for v, f in zip(end, far, strict=True)),
            tuple(v + f for v, f in zip(end, far, strict=True)),
        )
