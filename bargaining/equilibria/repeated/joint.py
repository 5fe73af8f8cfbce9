r"""Payoffs with transfers: of all equilibria at one patience, joint ones under public monitoring at every patience.

Sustainable payoffs are piecewise linear functions of the money or future surplus at stake, by linear programs. A
profile a is played and a signal y is observed; then payee i gets a claim :math:`s_i(y) \ge 0`. The amount at stake, L,
bounds the claims: :math:`\sum_i s_i(y) \le L` after each signal. No deviation b may be profitable,

.. math:: \sum_y (p(y \mid b, a_{-i}) - p(y \mid a))\, s_i(y) \le g_i(a) - g_i(b, a_{-i}),

and a payee who may leave must get :math:`g_i(a) + E[s_i \mid a] \ge o_i`. Then the profile's joint payoff is at most
:math:`U_a(L) = \max_s \sum_i (g_i(a) + E[s_i \mid a]) - L`, which is concave and non-decreasing in L. The lowest payoff
of a payee is :math:`v_{ia}(L) = \min_s g_i(a) + E[s_i \mid a]`, which is convex and non-increasing. U is the maximum
over all profiles, and v the minimum. With transfers the payees are the players; if all claims rise and fall together
there is one payee.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import instance
from bargaining._arrays import Floats, real, record, within
from bargaining._calls import suggesting
from bargaining._names import are_given
from bargaining._rich import Card, Result, Shown, table
from bargaining.errors import NotApplicable, Status, Unsolved
from bargaining.feasible._facets import LinearProgram, optimise
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, other_actions
from bargaining.games.repeated import Exit, RepeatedGame, exit_rows, require_repeated
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.problem import Problem


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


@record(eq=True)
class JointStep(Shown):
    r"""The equilibrium payoffs with transfers at one discount factor: every :math:`u \ge v` with :math:`\sum u \le U`.

    Attributes
    ----------
    discount : float
        The discount factor from which on this holds.
    liquidity : float
        The most that the players together can lose after a signal, in units of one period's payoffs.
    joint : float
        The largest sum of average payoffs, U.
    threat : tuple of float
        The lowest average payoff of each player, v.
    burnt : float
        Of the payoffs of a period, the part that is burnt on the path to U, on average; zero if fines can always be
        paid to the other players.
    profile : tuple of int, or None
        The profile played on the path to U; None if the players part.
    punishments : tuple
        For each player the profile that is played for one period to punish her; None if the players part.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    discount: float
    liquidity: float
    joint: float
    threat: tuple[float, ...]
    burnt: float
    profile: Profile | None
    punishments: tuple[Profile | None, ...]
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("threat", "punishments")


@record
class JointPayoffs(Shown):
    """The equilibrium payoffs of a repeated game with transfers, for all discount factors at once.

    Attributes
    ----------
    game : Game
    monitoring : Monitoring or None
        None if actions are seen.
    exit : Exit or None
    steps : tuple of JointStep
        The equilibrium payoffs as the discount factor rises from 0, each from its discount factor on. Between two steps
        profiles stay the same, but `joint` and `threat` may change with the discount factor: see `at`.
        Below the first step there is no equilibrium.
    """

    game: Game
    monitoring: Monitoring | None
    exit: Exit | None
    steps: tuple[JointStep, ...]
    _ledger: Ledger = field(repr=False)

    def at(self, discount: float | Fraction) -> JointStep | None:
        """Return the payoffs at a discount factor in [0, 1); None if there is no equilibrium.

        Examples
        --------
        >>> from fractions import Fraction
        >>> from bargaining import Game, joint_payoffs
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
        >>> joint_payoffs(prisoners).at(Fraction(1, 7)).joint
        18.0
        """
        delta = discount_of(discount)
        account = self._ledger.at(delta)
        return None if account is None else _step(self.game, account, delta)

    def claims(self, discount: float | Fraction) -> Floats | None:
        r"""Return each player's claim after each signal on the path to the joint payoff, shape (S, n).

        The difference to `liquidity` is her payment, to the others as far as their claims allow; the rest is burnt. In
        units of one period's payoffs; zero for signals that do not occur. None if there is no equilibrium, or the
        players part.
        """
        step = self.at(discount)
        if step is None or step.profile is None:
            return None
        floors = floors_of(self.exit, outside_of(self.game, self.exit), self.game.players)
        return Stage(self.game, self.monitoring, step.profile, floors).claims(step.liquidity)

    def _card(self) -> Card:
        return table("Joint payoffs with transfers", self.steps)


@suggesting
def joint_payoffs(
    game: Game,
    *,
    monitoring: Monitoring | None = None,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
) -> JointPayoffs:
    r"""Return the perfect public equilibria of a repeated game with transfers, for every common discount factor.

    The players may pay each other, or burn money, before each period. Then the equilibrium payoffs are all
    :math:`u \ge v` with :math:`\sum u \le U`. With liquidity L, the most that can be lost after
    a signal, and remaining claims :math:`s_i(y)`,

    .. math:: U(L) = \max_{a, s} \sum_i (g_i(a) + E[s_i \mid a]) - L, \qquad
              v_i(L) = \min_{a, s} g_i(a) + E[s_i \mid a],

    over the actions a and the claims :math:`s \ge 0` with :math:`\sum_i s_i(y) \le L` from which no deviation pays,
    and :math:`L = \frac{\delta}{1-\delta} (U(L) - \sum_i v_i(L))`, the largest solution.

    Parameters
    ----------
    game : Game
        Any number of players.
    monitoring : Monitoring, optional
        The public signal of the actions; by default the actions are seen.
    exit : Exit, optional
        The right to leave, one exit (no batch), with payoffs that do not depend on who leaves.

    Returns
    -------
    JointPayoffs

    Raises
    ------
    NotApplicable
        If the payoffs after exit depend on who leaves.

    Notes
    -----
    Timing of a period: payments; players who may leave do so or stay; actions, which are not observed; the signal. A
    player who fails to pay is punished at once. Pure actions. U and v are piecewise linear functions of L; linear
    programs give their breakpoints, and with them all numbers, to about 1e-10. A knife edge counts as sustained:
    discount factors that differ by 1e-12 are the same. Exit is treated as in `transfer_equilibrium`.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2012). Infinitely repeated games with public monitoring and monetary transfers.
    *Journal of Economic Theory* 147(3), 1191-1221.

    Examples
    --------
    One report on both partners. If it is bad somebody must pay; but nobody knows who shirked, so both do, and burn the
    money:

    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from bargaining import Game, Monitoring, joint_payoffs
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> found = joint_payoffs(partners, monitoring=report)
    >>> for step in found.steps:
    ...     print(f"{step.discount:.6f} {step.liquidity:.4f} {step.joint:.4f} {step.burnt:.4f} {step.profile}")
    0.000000 0.0000 0.0000 0.0000 (1, 1)
    0.588235 5.0000 3.5000 0.5000 (0, 0)
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    ledger = of_joint(game, monitoring, exit)
    return JointPayoffs(
        game=game,
        monitoring=monitoring,
        exit=exit,
        steps=tuple(_step(game, account, account.discount) for account in ledger.steps()),
        _ledger=ledger,
    )


def of_joint(game: Game, monitoring: Monitoring | None, leave: Exit | None) -> Ledger:
    """Return the payoffs at every discount factor."""
    outside, credible, unit = outside_of(game, leave), 0.0, payoff_range(game)
    curves = curves_of(game, monitoring, floors_of(leave, outside, game.players))
    if leave is not None and outside is not None and len(leave.who) == 1:
        # The only player who may leave is believed from the stake on at which staying can be made as bad.
        free = curves_of(game, monitoring, [None] * game.players)
        low = [each[1 + leave.who[0]].points for each in free]
        worth = -outside[leave.who[0]]
        stakes = [np.interp(worth, held[:, 1], held[:, 0]) for held in low if held[-1, 1] >= worth]
        outside, credible = outside if stakes else None, float(min(stakes, default=0.0))
    return Ledger(curves, outside, credible, unit)


def _step(game: Game, account: Account, discount: float) -> JointStep:
    profile, joint = account.best.owner, account.best.value
    burnt = 0.0 if profile is None else float(game.payoffs[profile].sum()) - joint
    return JointStep(
        discount=discount,
        liquidity=account.stake,
        joint=joint,
        threat=tuple(account.threat.tolist()),
        burnt=burnt if burnt > 10 * ROUNDING * payoff_range(game) else 0.0,
        profile=profile,
        punishments=tuple(each.owner for each in account.low),
        player_names=game.player_names,
    )


def discount_of(value: float | Fraction, name: str = "discount") -> float:
    """Return a discount factor as a float."""
    return float(within(real(value, name, ndim=0), name, 0.0, 1.0, ends="[)"))


@record
class TransferEquilibrium(Result):
    r"""The equilibrium payoffs :math:`\{u \ge v : \sum u \le U\}` of a repeated game with transfers.

    Attributes
    ----------
    joint : float or ndarray, shape (*batch)
        The largest sum of average payoffs, U; NaN where there is no equilibrium.
    threat : ndarray, shape (*batch, n)
        Each player's lowest payoff, v.
    status : Status or ndarray of int8
        OK, or EMPTY where the stage game has no pure equilibrium to sustain anything and nobody may leave.
    profile : ndarray of int, shape (*batch, n)
        The actions played on the path to U; -1 where leaving is best (or there is no equilibrium).
    punishments : ndarray of int, shape (*batch, n, n)
        Row k has the actions played for one period when player k is punished; -1 where the players part instead.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    joint: float | Floats
    threat: Floats
    status: Status | NDArray[np.int8]
    profile: NDArray[np.intp]
    punishments: NDArray[np.intp]
    player_names: tuple[str, ...] = ()
    _by_player: ClassVar = ("threat", "profile")

    def problem(self, disagreement: ArrayLike | None = None) -> Problem:
        """Return the problem of dividing the joint payoff; by default the disagreement point is the threat.

        Raises
        ------
        Unsolved
            If there is no equilibrium in some cell.
        """
        if np.any(np.asarray(self.status) != Status.OK):
            raise Unsolved(
                "Some cell has no equilibrium, so there is nothing to bargain over; read `status`."
            )
        return surplus_problem(self.joint, self.threat, disagreement, self.player_names)


def surplus_problem(
    joint: float | Floats, threat: Floats, disagreement: ArrayLike | None, names: tuple[str, ...]
) -> Problem:
    """Return the problem of dividing a joint payoff; by default the disagreement point is the threat."""
    from bargaining.feasible.surplus import TransferableSurplus
    from bargaining.problem import Problem

    feasible = TransferableSurplus(joint, players=threat.shape[-1])
    point = threat if disagreement is None else disagreement
    return Problem(feasible, point, players=names if are_given(names) else None)


@suggesting
def transfer_equilibrium(game: RepeatedGame) -> TransferEquilibrium:
    r"""Return the subgame-perfect payoffs of a repeated game with voluntary transfers, in pure actions.

    With :math:`G(a) = \sum_i g_i(a)`, best deviation payoffs :math:`c_i(a)` and
    :math:`L(a) = \sum_i c_i(a) - G(a)`, the profile a can be sustained if

    .. math:: (1 - \delta) L(a) \le \delta \Big(U - \sum_i v_i\Big),

    and :math:`U = \max G(a)`, :math:`v_i = \min c_i(a)` over the profiles that can be sustained. The answer is
    the greatest fixed point; every :math:`u \ge v` with :math:`\sum u \le U` is an equilibrium payoff
    (proposition `transfers-set`).

    Parameters
    ----------
    game : RepeatedGame
        Any number of players, one discount factor for all; a batch of discount factors and exits is solved
        cell by cell.

    Returns
    -------
    TransferEquilibrium

    Raises
    ------
    NotApplicable
        If discount factors differ between players (the patient would lend to the impatient without bound),
        or if the payoffs after exit depend on who leaves.

    Notes
    -----
    Timing of a period: players pay each other (or burn money); players who may leave do so or stay; if all
    stay, they act. A player who fails to pay is punished at once, by the actions of the same period. Public
    randomisation is not needed.

    *Exit.* Staying must be worth o_i to a player who may leave, so c_i(a) becomes max(c_i(a), o_i) in L. Where two
    or more may leave, leaving together is an equilibrium whatever the payoffs, so :math:`v_i = o_i`, and
    leaving is one way to reach U. If only one player may leave, her threat to leave must be credible: some
    profile that can be sustained, and is played if she stays, has :math:`c_i(a) \le o_i`. Then everybody's
    lowest payoff is at most o; otherwise the right to leave changes nothing for the others.

    *Monitoring.* If actions are seen only through a public signal, the formulas are those of `joint_payoffs`, which
    gives the answers for all discount factors at once.

    A knife edge counts as sustained: discount factors that differ by 1e-12 are the same. Under signals the numbers
    come from linear programs, to about 1e-10.

    References
    ----------
    Goldlücke, S. and Kranz, S. (2012). Infinitely repeated games with public monitoring and monetary transfers.
    *Journal of Economic Theory* 147(3), 1191-1221.

    Examples
    --------
    >>> from bargaining import Game, RepeatedGame, transfer_equilibrium
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = transfer_equilibrium(RepeatedGame(prisoners, 0.15))
    >>> found.joint, found.threat
    (18.0, array([3., 3.]))
    >>> transfer_equilibrium(RepeatedGame(prisoners, [[0.14] * 2, [0.15] * 2])).joint
    array([ 6., 18.])
    """
    require_repeated(game, twin="stochastic_transfer_equilibrium")
    shape = game.batch_shape
    tables: dict[Any, Ledger] = {}  # games that differ in patience alone have one
    cells = []
    for index in np.ndindex(shape):
        cell = game.at(index) if shape else game
        discount, outside = float(common_discount(cell)), outside_of(cell.game, cell.exit)
        if outside not in tables:
            tables[outside] = of_joint(cell.game, cell.monitoring, cell.exit)
        cells.append(tables[outside].at(discount))
    return _pack(cells, shape, game.player_names)


def common_discount(game: RepeatedGame | StochasticGame) -> Fraction:
    """Return the discount factor, which must be the same for all players."""
    given: set[Fraction] = set(game.exact_discounts.tolist())
    if len(given) > 1:
        raise NotApplicable(
            f"With transfers `discounts` must be the same for all players; got {game.discounts.tolist()}. "
            "Unequal patience makes lending profitable without bound."
        )
    return given.pop()


def _pack(cells: list[Account | None], shape: tuple[int, ...], names: tuple[str, ...]) -> TransferEquilibrium:
    players, nobody = len(names), (-1,) * len(names)
    joint = np.array([np.nan if c is None else c.best.value for c in cells]).reshape(shape)
    threat = np.array([np.full(players, np.nan) if c is None else c.threat for c in cells])
    status = np.array([Status.EMPTY if c is None else Status.OK for c in cells], dtype=np.int8)
    profiles = [nobody if c is None else c.best.owner or nobody for c in cells]
    punishments = [[nobody if c is None else c.low[i].owner or nobody for i in range(players)] for c in cells]
    return TransferEquilibrium(
        joint=joint if shape else float(joint),
        threat=threat.reshape(*shape, players),
        status=status.reshape(shape) if shape else Status(int(status[0])),
        profile=np.array(profiles).reshape(*shape, players),
        punishments=np.array(punishments).reshape(*shape, players, players),
        player_names=names,
    )
