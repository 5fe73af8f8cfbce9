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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.feasible._facets import LinearProgram, optimise
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game, other_actions
from bargaining.games.repeated import Exit, exit_rows

Profile = tuple[int, ...]
EDGE = 1e-12  # discount factors that differ by less are the same: a knife edge counts as sustained
ROUNDING = 1e-11  # of the payoff range: numbers that differ by less are the same
_FLAT = 1e-9  # slopes, which are quotients of such numbers, are the same


def payoff_range(game: Game) -> float:
    """Return the largest range of a player's payoffs; 1 if nobody's differ."""
    return float(np.ptp(game.payoffs.reshape(-1, game.players), axis=0).max()) or 1.0


def outside_of(game: Game, leave: Exit | None) -> tuple[float, ...] | None:
    """Return the payoffs of leaving, which must not depend on who leaves."""
    rows = exit_rows(game, leave)
    if len(rows) > 1:
        raise NotApplicable("The payoffs after exit must not depend on who leaves.")
    return None if leave is None else tuple(map(float, rows.pop()))


def floors_of(
    leave: Exit | None, outside: Sequence[float] | Floats | None, players: int
) -> list[float | None]:
    """Return what a player who may leave must get; None for the others."""
    who = () if leave is None else leave.who
    return [float(outside[i]) if outside is not None and i in who else None for i in range(players)]


def deviations(game: Game, chances: Floats, profile: Profile) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Return who deviates from a profile, by how much each deviation changes the signals' chances, and its gain."""
    pairs = [(i, other) for i in range(game.players) for _, other in other_actions(game, profile, i)]
    owners = np.array([i for i, _ in pairs], dtype=np.intp)
    rows = np.array([np.ravel_multi_index(other, game.shape) for _, other in pairs], dtype=np.intp)
    payoffs = game.payoffs.reshape(-1, game.players)
    changes = chances.reshape(len(payoffs), -1)[rows] - chances[profile]
    return owners, changes, payoffs[rows, owners] - game.payoffs[profile][owners]


def least_spread(matrix: Floats, limits: Floats) -> float:
    """Return the least t for which some x, each entry in [0, t], has matrix x <= limits; infinite if there is none."""
    count = matrix.shape[1]
    found = optimise(
        LinearProgram(
            objective=-np.eye(count + 1)[-1],
            matrix=np.block([[np.eye(count), -np.ones((count, 1))], [matrix, np.zeros((len(matrix), 1))]]),
            limits=np.concatenate((np.zeros(count), limits)),
            lower=np.zeros(count + 1),
        )
    )
    if found.status is Status.FAILED:
        raise Unsolved("A linear program of incentive constraints failed.")
    return abs(found.value)


class Curve(NamedTuple):
    """A function of the stake that does not fall: linear between points, constant after the last, none before."""

    points: Floats  # (k, 2)
    owner: Profile | None = None


class Stage:
    """The program of one profile, in units of the payoff range, with a payee for each floor: one may stand for all.

    Claims, of all signals that may be observed if nobody deviates, for one payee after the other, and the stake obey
    matrix @ (claims, stake) <= limits.
    """

    def __init__(
        self, game: Game, monitoring: Monitoring | None, profile: Profile, floors: Sequence[float | None]
    ) -> None:
        through = Monitoring.perfect(game) if monitoring is None else monitoring
        payees, chances = len(floors), through.probabilities
        owners, changes, gains = deviations(game, chances, profile)
        self.profile, self.unit, self.today = profile, payoff_range(game), game.payoffs[profile][:payees]
        self.occurs = chances[profile] > 0
        self.chances = chances[profile][self.occurs]
        count, whose = len(self.chances), np.eye(payees)[np.minimum(owners, payees - 1)]
        room = [(i, self.today[i] - floor) for i, floor in enumerate(floors) if floor is not None]
        rows = (
            np.tile(np.eye(count), payees),
            (whose[:, :, None] * changes[:, None, self.occurs]).reshape(-1, payees * count),
            np.kron(np.eye(payees)[[i for i, _ in room]], -self.chances),
        )
        matrix = np.vstack(rows)
        self.matrix = np.column_stack((matrix, np.where(np.arange(len(matrix)) < count, -1.0, 0.0)))
        self.limits = np.concatenate((np.zeros(count), -gains, [spare for _, spare in room])) / self.unit

    def maximise(self, goal: Floats, cost: float, most: float = np.inf) -> Floats | None:
        """Return claims and the stake, at most so much, with the largest goal . claims - cost stake; None if none."""
        bound = int(np.isfinite(most))
        found = optimise(
            LinearProgram(
                objective=np.append(goal, -cost),
                matrix=np.vstack((self.matrix, np.eye(1, len(goal) + 1, len(goal))[:bound])),
                limits=np.append(self.limits, [most] * bound),
                lower=np.zeros(len(goal) + 1),
            )
        )
        return found.point if found.status is Status.OK else None

    def curves(self) -> list[Curve] | None:
        """Return the profile's U, and *negated* v of each payee; None if no claims sustain the profile."""
        payees = len(self.today)
        goals = np.vstack((np.tile(self.chances, payees), np.kron(np.eye(payees), -self.chances)))
        if self.maximise(0.0 * goals[0], 1.0) is None:
            return None
        own = [self.today.sum(), *-self.today]
        return [self._curve(*each) for each in zip(own, goals, [1.0, *[0.0] * payees], strict=True)]

    def _curve(self, today: float, goal: Floats, cost: float) -> Curve:
        def support(direction: Floats) -> Floats:
            found = self.maximise(direction[1] * goal, direction[1] * cost - direction[0])
            assert found is not None
            return np.array([found[-1], goal @ found[:-1] - cost * found[-1]])

        return Curve(rising_chain(support) * self.unit + np.array([0.0, today]), self.profile)

    def claims(self, stake: float) -> Floats:
        """Return claims (S, payees) after all signals that maximise joint payoffs, given the amount at stake."""
        most = stake / self.unit
        found = self.maximise(np.tile(self.chances, len(self.today)), 0.0, most + ROUNDING * (most > 0))
        assert found is not None
        out = np.zeros((len(self.occurs), len(self.today)))
        out[self.occurs] = np.minimum(found[:-1], most).reshape(len(self.today), -1).T * self.unit
        return out


def curves_of(
    game: Game,
    monitoring: Monitoring | None,
    floors: Sequence[float | None],
    profiles: Iterable[Profile] | None = None,
) -> list[list[Curve]]:
    """Return what each profile that can be sustained gives, and to what it holds each payee, negated."""
    every = np.ndindex(*game.shape) if profiles is None else profiles
    if monitoring is not None and not monitoring.is_perfect:
        stages = [Stage(game, monitoring, profile, floors).curves() for profile in every]
        return [curves for curves in stages if curves is not None]
    # A deviation is seen and forfeits all claims, so that a payee must get what the best one pays.
    payees, most = len(floors), game.deviations()
    most = most if payees > 1 else most.max(axis=-1, keepdims=True)
    least = np.maximum(most, [-np.inf if floor is None else floor for floor in floors])
    today = game.payoffs[..., :payees]
    stakes = (least - today).sum(axis=-1)
    heights = np.concatenate((today.sum(axis=-1, keepdims=True), -least), axis=-1)
    return [[Curve(np.array([[stakes[a], height]]), a) for height in heights[a]] for a in every]


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
    falls = -np.diff(_slopes(np.array(chain)))[:-1]
    return np.delete(np.array(chain), 1 + np.flatnonzero(falls <= _FLAT), axis=0)


def _slopes(points: Floats) -> Floats:
    """Return the slope to the right of each point of a curve."""
    steps = np.diff(points, axis=0)
    return np.append(steps[:, 1] / steps[:, 0], 0.0)


class Line(NamedTuple):
    """The highest of some curves at a stake: its value there, its slope to the right, and its profile."""

    value: float
    slope: float
    owner: Profile | None


class Envelope:
    """The highest of some curves at each stake, and the stakes at which its profile or its slope changes."""

    def __init__(self, curves: Iterable[Curve], unit: float) -> None:
        """Look for changes where a line starts and where two lines cross."""
        lines = [
            (*start, end, slope, owner)
            for points, owner in curves
            for start, end, slope in zip(points, [*points[1:, 0], np.inf], _slopes(points), strict=True)
        ]
        self.starts, self.values, self.ends, self.slopes = np.array([line[:4] for line in lines]).T
        self.owners, self.error = [line[4] for line in lines], ROUNDING * unit
        heights = self.values - self.slopes * self.starts
        with np.errstate(divide="ignore", invalid="ignore"):
            crossings = np.subtract.outer(heights, heights) / np.subtract.outer(self.slopes, self.slopes).T
        start, end = np.maximum.outer(self.starts, self.starts), np.minimum.outer(self.ends, self.ends)
        inside = (crossings > start) & (crossings < end)
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
    def threat(self) -> Floats:
        """The payees' v."""
        return -np.array([each.value for each in self.low])

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
        self, curves: list[list[Curve]], outside: Sequence[float] | None, credible: float, unit: float
    ) -> None:
        """Combine the curves of the profiles, and the payoffs of leaving from the stake on at which it is credible."""
        # Leaving comes first: if it gives no more than a profile, players leave.
        leave = [] if outside is None else [sum(outside), *(-each for each in outside)]
        alone = [[Curve(np.array([[credible, value]])) for value in leave]] if leave else []
        self.envelopes = [Envelope(_worthwhile(role), unit) for role in zip(*alone, *curves, strict=True)]
        knots: list[float] = []
        for knot in sorted({knot for each in self.envelopes for knot in each.knots}):
            if knots and knot - knots[-1] <= 10 * ROUNDING * unit:
                knots.pop()
            knots.append(knot)
        self.accounts = [self.at_stake(knot) for knot in knots]

    def at_stake(self, stake: float) -> Account:
        """Return the payoffs that can be sustained with this amount at stake."""
        best, *low = [each.at(stake) for each in self.envelopes]
        return Account(stake, best, low)

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
        for account in reversed(self.accounts):
            if account.discount < (out[-1].discount - EDGE if out else 1.0):
                out.append(account)
        return out[::-1]


def _worthwhile(curves: Iterable[Curve]) -> list[Curve]:
    """Drop curves that never rise above the first value of a curve that starts no later."""
    out, level = [], -np.inf
    for curve in sorted(curves, key=lambda curve: (curve.points[0, 0], -curve.points[0, 1])):
        if curve.points[-1, 1] > level:
            out.append(curve)
            level = max(level, curve.points[0, 1])
    return out
