r"""Sustainable payoffs as functions of the money or future surplus at stake: piecewise linear, by linear programs.

A profile a is played and a signal y is observed; then payee i gets a claim :math:`s_i(y) \ge 0`. The amount at stake,
L, bounds the claims: :math:`\sum_i s_i(y) \le L` after each signal. No deviation b may be profitable,

.. math:: \sum_y (p(y \mid b, a_{-i}) - p(y \mid a))\, s_i(y) \le g_i(a) - g_i(b, a_{-i}),

and a payee who may leave must get :math:`g_i(a) + E[s_i \mid a] \ge o_i`. Then the profile's joint payoff is at most
:math:`U_a(L) = \max_s \sum_i (g_i(a) + E[s_i \mid a]) - L`, which is concave and non-decreasing in L. The lowest payoff
of a payee is :math:`v_{ia}(L) = \min_s g_i(a) + E[s_i \mid a]`, which is convex and non-increasing. U is the maximum
over all profiles, and v the minimum. With transfers the payees are the players; if all claims rise and fall together
there is one payee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._facets import LinearProgram, optimise
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game, other_actions

Profile = tuple[int, ...]
EDGE = 1e-12  # discount factors that differ by less are the same: a knife edge counts as sustained
ROUNDING = 1e-11  # of the payoff range: numbers that differ by less are the same
_FLAT = 1e-9  # slopes, which are quotients of such numbers, are the same


class Curve(NamedTuple):
    """A function of the stake that does not fall: linear between points, constant after the last, none before."""

    points: Floats  # (k, 2)
    owner: Profile | None = None


class Line(NamedTuple):
    """The highest of some curves at a stake: its value there, its slope to the right, and its profile."""

    value: float
    slope: float
    owner: Profile | None


def payoff_range(game: Game) -> float:
    """Return the largest range of a player's payoffs; 1 if nobody's differ."""
    return float(np.ptp(game.payoffs.reshape(-1, game.players), axis=0).max()) or 1.0


def deviations(game: Game, chances: Floats, profile: Profile) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return who deviates from a profile, by how much each deviation changes the signals' chances, and its gain."""
    pairs = [(i, other) for i in range(game.players) for _, other in other_actions(game, profile, i)]
    owners = np.array([i for i, _ in pairs], dtype=np.intp)
    rows = np.array([np.ravel_multi_index(other, game.shape) for _, other in pairs], dtype=np.intp)
    payoffs = game.payoffs.reshape(-1, game.players)
    changes = chances.reshape(len(payoffs), -1)[rows] - chances[profile]
    return owners, changes, payoffs[rows, owners] - game.payoffs[profile][owners]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """The program of one profile, in units of the payoff range.

    Attributes
    ----------
    profile : tuple of int
    today : (payees,) array
        The stage payoff of each payee.
    occurs : (S,) array of bool
        Whether a signal may be observed if nobody deviates.
    chances : array
        The probabilities of these signals.
    matrix, limits : arrays
        Claims, of all signals for one payee after the other, and the stake obey matrix @ (claims, stake) <= limits.
    unit : float
        The payoff range.
    """

    profile: Profile
    today: Floats
    occurs: NDArray[np.bool_]
    chances: Floats
    matrix: Floats
    limits: Floats
    unit: float

    @classmethod
    def of(
        cls, game: Game, monitoring: Monitoring | None, profile: Profile, floors: Sequence[float | None]
    ) -> Stage:
        """Return a profile with a payee for each player, or with one for all of them if there is one floor."""
        through = Monitoring.perfect(game) if monitoring is None else monitoring
        payees, chances, unit = len(floors), through.probabilities, payoff_range(game)
        occurs, today = chances[profile] > 0, game.payoffs[profile]
        owners, changes, gains = deviations(game, chances, profile)
        whose = np.eye(payees)[np.minimum(owners, payees - 1)]
        stays = [i for i, floor in enumerate(floors) if floor is not None]
        rows = (
            np.tile(np.eye(occurs.sum()), payees),
            (whose[:, :, None] * changes[:, None, occurs]).reshape(-1, payees * occurs.sum()),
            np.kron(np.eye(payees)[stays], -chances[profile][occurs]),
        )
        room = [today[i] - (floors[i] or 0.0) for i in stays]
        matrix = np.vstack(rows)
        return cls(
            profile=profile,
            today=today[:payees],
            occurs=occurs,
            chances=chances[profile][occurs],
            matrix=np.column_stack((matrix, -(np.arange(len(matrix)) < occurs.sum()).astype(float))),
            limits=np.concatenate((np.zeros(occurs.sum()), -gains / unit, np.array(room) / unit)),
            unit=unit,
        )

    def maximise(self, goal: Floats, cost: float, most: float = np.inf) -> Floats | None:
        """Return claims and the stake, at most so much, with the largest goal . claims - cost stake; None if none."""
        matrix, limits = self.matrix, self.limits
        if np.isfinite(most):
            matrix, limits = np.vstack((matrix, np.eye(len(goal) + 1)[-1])), np.append(limits, most)
        lower = np.zeros(len(goal) + 1)
        found = optimise(
            LinearProgram(objective=np.append(goal, -cost), matrix=matrix, limits=limits, lower=lower)
        )
        return found.point if found.status.name == "OK" else None

    def curves(self) -> tuple[Curve, list[Curve]] | None:
        """Return the profile's U, and *negated* v of each payee; None if no claims sustain the profile."""
        payees = len(self.today)
        goals = np.vstack((np.tile(self.chances, payees), np.kron(np.eye(payees), -self.chances)))
        if self.maximise(0.0 * goals[0], 1.0) is None:
            return None
        own = [float(self.today.sum()), *(-self.today).tolist()]
        out = [self._curve(*each) for each in zip(own, goals, [1.0, *[0.0] * payees], strict=True)]
        return out[0], out[1:]

    def _curve(self, today: float, goal: Floats, cost: float) -> Curve:
        def support(direction: Floats) -> Floats:
            found = self.maximise(direction[1] * goal, direction[1] * cost - direction[0])
            assert found is not None
            return np.array([found[-1], goal @ found[:-1] - cost * found[-1]])

        points = rising_chain(support) * self.unit
        return Curve(points + np.array([0.0, today]), self.profile)

    def claims(self, stake: float) -> Floats:
        """Return claims (S, payees) after all signals that maximise joint payoffs, given the amount at stake."""
        most = stake / self.unit
        found = self.maximise(np.tile(self.chances, len(self.today)), 0.0, most + ROUNDING * (most > 0))
        assert found is not None
        out = np.zeros((len(self.occurs), len(self.today)))
        out[self.occurs] = np.minimum(found[:-1], most).reshape(len(self.today), -1).T * self.unit
        return out


def rising_chain(support: Callable[[Floats], Floats]) -> Floats:
    """Return the vertices of a planar convex set of size one from its leftmost point to its highest, upper side."""

    def between(left: Floats, right: Floats) -> list[Floats]:
        normal = np.array([left[1] - right[1], right[0] - left[0]])
        size = float(np.linalg.norm(normal))
        if size <= ROUNDING:
            return []
        middle = support(normal / size)
        if normal @ (middle - left) <= ROUNDING * size:
            return []
        return [*between(left, middle), middle, *between(middle, right)]

    first, last = support(np.array([-1.0, 0.0])), support(np.array([0.0, 1.0]))
    chain: list[Floats] = []
    for point in [first, *between(first, last), last]:
        while chain and point[0] - chain[-1][0] <= ROUNDING:  # straight above the one before
            point = np.maximum(chain.pop(), point)
        if not chain or point[1] - chain[-1][1] > ROUNDING:
            chain.append(point)
    turns = [
        k
        for k in range(1, len(chain) - 1)
        if np.subtract(*_slopes(np.array(chain[k - 1 : k + 2]))[:2]) <= _FLAT
    ]
    return np.delete(np.array(chain), turns, axis=0)


def _slopes(points: Floats) -> Floats:
    """Return the slope to the right of each point of a curve."""
    steps = np.diff(points, axis=0)
    return np.append(steps[:, 1] / steps[:, 0], 0.0)


def worthwhile(curves: Iterable[Curve]) -> list[Curve]:
    """Drop curves that never rise above the first value of a curve that starts no later."""
    out, level = [], -np.inf
    for curve in sorted(curves, key=lambda curve: (curve.points[0, 0], -curve.points[0, 1])):
        if curve.points[-1, 1] > level:
            out.append(curve)
            level = max(level, curve.points[0, 1])
    return out


class Envelope:
    """The highest of some curves at each stake, and the stakes at which its profile or its slope changes."""

    def __init__(self, curves: Iterable[Curve], unit: float) -> None:
        """Look for changes where a line starts and where two lines cross."""
        lines = [
            (*start, end, slope, owner)
            for points, owner in curves
            for start, end, slope in zip(points, [*points[1:, 0], np.inf], _slopes(points), strict=True)
        ]
        self.starts, self.values, self.ends, self.slopes = np.array(
            [line[:4] for line in lines], dtype=float
        ).T
        self.owners, self.error = [line[4] for line in lines], ROUNDING * unit
        heights = self.values - self.slopes * self.starts
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings = np.subtract.outer(heights, heights) / np.subtract.outer(self.slopes, self.slopes).T
        inside = (crossings > self.starts) & (crossings > self.starts[:, None])
        inside &= (crossings < self.ends) & (crossings < self.ends[:, None])
        self.knots: list[float] = []
        before = Line(-np.inf, 0.0, None)
        for stake in np.unique(np.concatenate((self.starts, crossings[inside]))).tolist():
            line = self.at(stake)
            gap = line.value - before.value - before.slope * (stake - self.knots[-1] if self.knots else 0.0)
            if line.owner != before.owner or abs(line.slope - before.slope) > _FLAT or gap > self.error:
                self.knots.append(stake)
                before = line

    def at(self, stake: float) -> Line:
        """Return the highest curve; of those as high the steepest, then the first."""
        place = stake + self.error
        values = self.values + self.slopes * (stake - self.starts)
        values[(place < self.starts) | (place >= self.ends)] = -np.inf
        slopes = np.where(values >= values.max() - self.error, self.slopes, -np.inf)
        k = int(np.argmax(slopes >= slopes.max() - _FLAT))
        return Line(float(values[k]), float(self.slopes[k]), self.owners[k])


class Account(NamedTuple):
    """The payoffs that can be sustained with a given amount at stake: U, and the payees' v, *negated*."""

    stake: float
    best: Line
    low: list[Line]

    @property
    def surplus(self) -> float:
        """U minus the sum of v."""
        return self.best.value + sum(each.value for each in self.low)

    @property
    def discount(self) -> float:
        """The discount factor at which the future surplus equals this stake, L / (L + U - sum v); 2 if none."""
        if not self.stake:
            return 0.0
        return self.stake / (self.stake + self.surplus) if self.surplus > 0 else 2.0


class Ledger:
    """U and v for every stake, and hence for every discount factor."""

    def __init__(
        self,
        best: Iterable[Curve],
        low: Iterable[Iterable[Curve]],
        outside: Sequence[float] | None,
        credible: float,
        unit: float,
    ) -> None:
        """Combine the curves of the profiles, and the payoffs of leaving from the stake on at which it is credible."""
        leave = [] if outside is None else [sum(outside), *(-each for each in outside)]
        # Leaving comes first: if it gives no more than a profile, players leave.
        parts = [[Curve(np.array([[credible, value]]))] for value in leave] or [[]] * len([best, *low])
        every = [[*part, *curves] for part, curves in zip(parts, [best, *low], strict=True)]
        self.envelopes = [Envelope(worthwhile(curves), unit) for curves in every if curves]
        knots: list[float] = []
        for knot in sorted({knot for each in self.envelopes for knot in each.knots}):
            if knots and knot - knots[-1] <= 10 * ROUNDING * unit:
                knots.pop()
            knots.append(knot)
        self.accounts = [self.at_stake(knot) for knot in knots]

    def at_stake(self, stake: float) -> Account:
        """Return the payoffs that can be sustained with this amount at stake."""
        lines = [each.at(stake) for each in self.envelopes]
        return Account(stake, lines[0], lines[1:])

    def at(self, discount: float) -> Account | None:
        """Return the payoffs at the largest L with L <= d / (1 - d) (U(L) - sum v(L)); there it holds with equality."""
        reward = discount / (1 - discount)
        for account in reversed(self.accounts):
            if abs(account.discount - discount) <= EDGE:
                return account
            if account.discount < discount:
                # At the next knot the surplus is too small, so that the spare surplus falls to zero before it.
                growth = account.best.slope + sum(each.slope for each in account.low)
                spare = reward * account.surplus - account.stake
                return self.at_stake(account.stake + spare / (1 - reward * growth))
        return None

    def steps(self) -> list[Account]:
        """Return the stakes at which the solution changes as the discount factor rises from zero to one."""
        out: list[Account] = []
        least = 1.0
        for account in reversed(self.accounts):
            if account.discount < least - EDGE * bool(out):
                out.append(account)
                least = account.discount
        return out[::-1]
