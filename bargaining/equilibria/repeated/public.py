"""The payoffs of perfect public equilibria of a repeated game between two players, from both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import whole
from bargaining._arrays import Floats, real, record, scalar
from bargaining._rational import rational, solve
from bargaining.equilibria._affine import Budget
from bargaining.equilibria._exact_game import Leave
from bargaining.equilibria.automaton import Lottery, Payoffs, PublicAutomaton, State, begun, reachable
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.sets.bounds import Fan, hull
from bargaining.equilibria.sets.bounds import corners as fan_corners
from bargaining.equilibria.sets.several.inner import Play, hulls_of, least_by_staying
from bargaining.equilibria.sets.several.profiles import Profiles
from bargaining.equilibria.sets.several.refinement import Several, bounded, loosened
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.repeated import RepeatedGame, require_repeated

_SIMPLE = 1000  # the largest denominator of weights that are rounded to simple fractions
_APART = 1e-9  # of the ranges: points closer to a plane than this count as points of the plane
_FAR = 1e4  # a deviation from the mean, in shares of the ranges, costs so many times as much as a state
_NEAR = 1e-9  # how near to a simple fraction a weight must be


def _paths(automaton: PublicAutomaton) -> NDArray[np.bool_]:
    """Return which states may follow each, also after a player has stayed who should have left."""
    moves = np.zeros((len(automaton.states),) * 2)
    for k, state in enumerate(automaton.states):
        for lottery in state.following:
            moves[k, [n for n, _ in lottery]] = 1.0
        if state.stayed is not None:
            moves[k, state.stayed] = 1.0
    return reachable(moves)


def automata(
    repeated: RepeatedGame, found: Several, payoffs: Sequence[Fraction] | None = None, near: float = np.inf
) -> Iterator[PublicAutomaton]:
    """Yield automata in rationals, without regret, near the inner set: of some payoffs, those that reach near them.

    Those whose hull has the payoffs come first, then those whose constraints have room; small ones before large ones,
    whose equations take the cube of their states.
    """
    profiles = found.outer.profiles
    target = None if payoffs is None else (np.array(payoffs, float) - profiles.low) / profiles.size

    def distance(play: Play) -> float:
        hulls = hulls_of(play.points)
        return 0.0 if target is None or hulls is None else max(float(hulls[0].outside(target[None])[0]), 0.0)

    plays = [(distance(play), not room, play) for play, room in loosened(profiles, found, Budget())]
    for off, _, play in sorted(plays, key=lambda each: (each[0] > 0.0, each[1], len(each[2].owners))):
        made = rational_automaton(repeated, play, profiles.leaves) if off <= near else None
        if made is not None:
            yield made


def attaining(
    candidates: Iterable[PublicAutomaton], payoffs: Sequence[Fraction], size: Floats, near: float
) -> PublicAutomaton:
    """Return the first automaton that starts with these payoffs, or near them within a share of the ranges."""
    for automaton in candidates:
        start, exact = mixture(
            [state.payoffs for state in automaton.states],
            tuple(payoffs),
            _paths(automaton).sum(axis=1).astype(float),
        )
        states, first = begun(automaton.states, tuple(sorted(start)))
        play = replace(automaton, states=states, start=first)
        if exact or np.abs((play.payoffs - np.array(payoffs, float)) / size).max() <= near:
            return play
    raise Unsolved("No strategy in rationals without regret was found: the game may lie on a knife edge.")


def rational_automaton(repeated: RepeatedGame, play: Play, leaves: Sequence[Leave]) -> PublicAutomaton | None:
    """Return an automaton in rationals near one in floats, without regret; None if rounding leaves some regret.

    Lotteries that are close to simple ones become simple: on a knife edge their states have no slack. The others are
    rounded so finely that the slack of the incentive constraints covers the error; so are all of them if simple ones
    leave some regret. Payoffs follow from the weights.
    """
    impatience, slack = 1.0 - float(repeated.discounts.max()), min(max(-play.excess, 1e-12), 1.0)
    scale = 1 << int(np.clip(np.ceil(np.log2(16.0 / (impatience * slack))), 20, 60))
    made = (_rounded(repeated, play, leaves, simple, scale) for simple in (True, False))
    return next((each for each in made if each is not None and each.regret == 0), None)


def _rounded(
    repeated: RepeatedGame, play: Play, leaves: Sequence[Leave], simple: bool, scale: int
) -> PublicAutomaton | None:
    rows, states = play.lotteries, list[State]()
    places, signals = list(np.ndindex(*repeated.game.shape)), rows.shape[0] // len(play.owners)
    alone = [None if owner >= 0 else leaves[-1 - owner].leaver for owner in play.owners.tolist()]
    mutual = repeated.exit.who if repeated.exit is not None else ()
    nothing = (Fraction(0),) * repeated.players
    for k, (owner, leaver) in enumerate(zip(play.owners.tolist(), alone, strict=True)):
        if owner < 0:
            leavers = mutual if leaver is None else (leaver,)
            states.append(State(profile=None, leavers=leavers, payoffs=nothing))
            continue
        parts = [slice(*rows.indptr[row : row + 2]) for row in range(k * signals, (k + 1) * signals)]
        following = tuple(_lottery(rows.indices[at], rows.data[at], simple, scale) for at in parts)
        states.append(State(profile=places[owner], following=following, payoffs=nothing))
    start = ((0, Fraction(1)),)
    values = PublicAutomaton(game=repeated, states=tuple(states), start=start).values()
    staying = [k for k, state in enumerate(states) if state.profile is not None]
    if not staying and any(leaver is not None for leaver in alone):
        return None  # the threat to leave could not be shown to be credible
    lowest = [
        min(staying, key=[x[i] for x in values].__getitem__, default=0) for i in range(repeated.players)
    ]
    stayed = [None if i is None else lowest[i] for i in alone]
    whole = tuple(
        replace(state, payoffs=value, stayed=each)
        for state, value, each in zip(states, values, stayed, strict=True)
    )
    return PublicAutomaton(game=repeated, states=whole, start=start)


def _independent(rows: Floats, order: Iterable[int]) -> list[int]:
    """Return the first rows in an order that are linearly independent, and not close to being dependent."""
    chosen: list[int] = []
    for k in order:
        if np.linalg.matrix_rank(rows[[*chosen, k]], tol=_APART) > len(chosen):
            chosen.append(k)
        if len(chosen) == rows.shape[1]:
            break
    return chosen


def mixture(points: Sequence[Payoffs], target: Payoffs, costs: Floats) -> tuple[Lottery, bool]:
    """Return the cheapest lottery over points with this mean, or nearly, and whether the mean is exact.

    A linear program in floats finds the points that are needed; the weights are then solved for.
    """
    from scipy.optimize import linprog

    n, floats = len(target), np.array([[float(x) for x in point] for point in points])
    size = np.where(np.ptp(floats, axis=0) > 0.0, np.ptp(floats, axis=0), 1.0)
    unit, goal = (floats / size).T, np.array([float(x) for x in target]) / size
    off = np.hstack([np.eye(n), -np.eye(n)])  # the deviation of the mean, in shares of the ranges
    found = linprog(
        np.append(costs, np.full(2 * n, _FAR * costs.max())),
        A_eq=np.vstack([np.hstack([unit, off]), np.append(np.ones(len(points)), np.zeros(2 * n))]),
        b_eq=np.append(goal, 1.0),
    )
    weights = np.maximum(found.x[: len(points)], 0.0)
    heaviest = np.argsort(-weights, kind="stable").tolist()
    chosen = _independent(np.vstack([unit, np.ones(len(points))]).T, heaviest)
    if len(chosen) == n + 1:
        matrix = np.array([[points[k][i] for k in chosen] for i in range(n)] + [[Fraction(1)] * (n + 1)])
        shares = solve(matrix, np.array([*target, Fraction(1)]))
        if shares is not None and min(shares) >= 0:
            return tuple((k, share) for k, share in zip(chosen, shares, strict=True) if share), True
    rounded = _lottery(np.arange(len(weights)), weights / weights.sum(), False, 1 << 40)
    mean = tuple(sum((share * points[k][i] for k, share in rounded), Fraction(0)) for i in range(n))
    return rounded, mean == target


def _lottery(places: NDArray[np.intp], weights: Floats, simple: bool, scale: int) -> Lottery:
    """Return weights as simple fractions if wanted and close, else as multiples of one over a scale."""
    if simple:
        chosen = np.flatnonzero(weights > _NEAR)
        shares = [Fraction(each).limit_denominator(_SIMPLE) for each in weights[chosen].tolist()]
        near = all(abs(float(share) - weights[k]) <= _NEAR for k, share in zip(chosen, shares, strict=True))
        if near and sum(shares) == 1:
            return tuple(zip(places[chosen].tolist(), shares, strict=True))
    chosen = np.flatnonzero(weights > 0.5 / scale)
    shares = [Fraction(round(each * scale), scale) for each in weights[chosen].tolist()]
    most = max(range(len(shares)), key=shares.__getitem__)
    shares[most] += 1 - sum(shares)
    return tuple((k, share) for k, share in zip(places[chosen].tolist(), shares, strict=True) if share)


BUDGET = 300_000_000
"""Units of work: a minute or a few."""
_START = 16  # directions
_REFINEMENTS = 40  # how often more are added at most: a limit in addition to the budget
_FINEST = 1e-13  # the least tolerance that is worked for: below it more half-planes only add rounding
_CREDIBLE = 1e-11  # of the unit box: the rounding of a threat


@record
class PublicPayoffSet(PayoffPolygon):
    """The average payoffs of perfect public equilibria, between an inner and an outer polygon.

    Attributes
    ----------
    game : RepeatedGame
        The game, with its monitoring.
    vertices : ndarray of shape (m, 2)
        The inner set, which generates itself: counter-clockwise, from the lowest of the leftmost.
    outer : ndarray of shape (k, 2)
        A set that contains every equilibrium payoff.
    gap : float
        How far the outer set reaches beyond the inner one, as a share of the payoff ranges.
    threat : ndarray of shape (2,)
        The lowest payoff of each player in the inner set; NaN if there is none.
    status : Status
        OK; EMPTY if no profile can be sustained; INACCURATE if the gap is larger than the tolerance.
    reason, scale, stats
        As for `PayoffSet`.
    """

    game: RepeatedGame
    outer: Floats
    gap: float
    stats: Stats
    _found: Several = field(repr=False)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.game.player_names

    def strategy(self, payoffs: ArrayLike, *, tolerance: float = 1e-6) -> PublicAutomaton:
        """Return an equilibrium with these payoffs: an automaton whose transitions depend on the signal, in rationals.

        Parameters
        ----------
        payoffs : array_like of shape (2,)
            A point of the inner set.
        tolerance : float, default 1e-6
            The largest distance of the equilibrium's payoffs from these, as a share of `scale`, if they lie on the edge
            of the inner set. Interior points are attained exactly.

        Returns
        -------
        PublicAutomaton
            Its `regret` is zero, in rationals.

        Raises
        ------
        InvalidInput
            If the point lies outside the inner set by more than the tolerance; the message says how far.
        NotApplicable
            If only one player may threaten to leave: such strategies are not supported.
        Unsolved
            If rounding to rationals leaves some regret, as on a knife edge.

        Examples
        --------
        >>> from fractions import Fraction
        >>> import numpy as np
        >>> from bargaining import Game, Monitoring, RepeatedGame, payoff_set
        >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2)
        >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
        >>> found = payoff_set(RepeatedGame(partners, Fraction(4, 5), monitoring=report), tolerance=1e-4)
        >>> automaton = found.strategy([1, 1])
        >>> automaton.payoffs, automaton.regret
        (array([1., 1.]), Fraction(0, 1))
        """
        point = real(payoffs, "payoffs", ndim=1)
        off, within = self.excess(point), scalar(tolerance, "tolerance") * self.scale
        if off > within:
            raise InvalidInput(
                f"`payoffs` must lie in the inner set, whose corners are `vertices`; {point.tolist()} lies "
                f"{off:.2g} outside."
            )
        if any(leave.leaver is not None for leave in self._found.outer.profiles.leaves):
            raise NotApplicable(
                "Strategies are written down where all who may leave get the same whoever leaves; here leaving is the "
                "threat of one player alone."
            )
        exact, near = rational(payoffs, "payoffs", ndim=1).tolist(), max(within / self.scale, 1e-9) + self.gap
        return attaining(automata(self.game, self._found, exact, near), exact, np.full(2, self.scale), near)


def public_payoff_set(
    repeated: RepeatedGame, *, tolerance: float | None = None, budget: int | None = None
) -> PublicPayoffSet:
    r"""Return the payoffs of perfect public equilibria in pure actions, with public randomisation.

    The largest bounded set V with

    .. math:: V = \operatorname{co} \{ v : v_i = (1-\delta_i) g_i(a) + \delta_i \sum_y p(y \mid a) w_i(y),\; w(y) \in V,
              \; v_i \ge (1-\delta_i) g_i(b, a_{-i}) + \delta_i \sum_y p(y \mid b, a_{-i}) w_i(y) \},

    with the outcomes of leaving, and :math:`v_i \ge o_i` for players who may leave, as in `payoff_set`.

    Notes
    -----
    *Outer.* Half-planes are moved in until the operator moves none; each bound on the payoffs of a profile in a
    direction is a dual solution, so that it does not depend on a solver's tolerance. *Inner.* Corners are replaced by
    the points that their hull generates until these can be solved for. The sides of the inner set give the half-planes
    of the next round.

    Equilibria in private strategies, which may give higher payoffs (Kandori and Obara 2006), are not covered.

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299
    """
    _check(repeated)
    asked = 1e-6 if tolerance is None else scalar(tolerance, "tolerance")
    if not asked > 0.0:
        raise InvalidInput(f"`tolerance` must be positive; got {tolerance!r}.")
    units = BUDGET if budget is None else whole(budget, "budget", 1)
    return _result(repeated, search(repeated, asked, units), asked)


def search(repeated: RepeatedGame, tolerance: float, budget: int) -> Several:
    """Return both sides; drop outcomes of leaving that turn out not to be credible, and repeat the search."""
    turns = 2.0 * np.pi * np.arange(_START) / _START
    directions = np.round(np.column_stack([np.cos(turns), np.sin(turns)]), 15)
    profiles, work = Profiles.monitored(repeated), Budget(budget)
    while True:
        found = bounded(profiles, directions, _REFINEMENTS, max(tolerance, _FINEST), work)
        every = range(len(profiles.leaves))
        points = corners(found) if found.outer.filled.any() else np.empty((0, 2))
        kept = [k for k in every if _credible(found, k, points)]
        if len(kept) == len(every):
            break
        profiles = replace(
            profiles, leaves=tuple(profiles.leaves[k] for k in kept), exits=profiles.exits[kept]
        )
    if found.play is not None and not all(_credible(found, k, found.play.payoffs) for k in every):
        return Several(found.outer, None, None, np.inf)  # the threat may need more than the inner set holds
    return found


def _credible(found: Several, number: int, points: Floats) -> bool:
    """Whether some play with continuations among points gives who should leave no more, after staying, than leaving."""
    profiles = found.outer.profiles
    leave = profiles.leaves[number]
    if leave.leaver is None or not len(points):
        return True
    return least_by_staying(profiles, points, leave.leaver) <= leave.payoffs[leave.leaver] + _CREDIBLE


def _check(repeated: RepeatedGame) -> None:
    require_repeated(repeated)
    if repeated.monitoring is None:
        raise InvalidInput("`game` must have `monitoring`; got none. Use `payoff_set`.")
    if repeated.players != 2:
        raise NotApplicable(
            f"Inner and outer sets are computed for two players only; got {repeated.players}. Use `payoff_bounds`."
        )
    if repeated.batch_shape:
        raise InvalidInput(f"`game` must be one game; got a batch of shape {repeated.batch_shape}.")


def corners(found: Several) -> Floats:
    """Return the corners of the half-planes, counter-clockwise."""
    outer = found.outer
    fan = Fan(outer.directions[4:], np.ones(2))  # which has the axes
    points = fan.intersection(outer.of(0).reach(fan.normals)[None])[1][0]
    return np.asarray(fan_corners(points[hull(points)]))


def _result(repeated: RepeatedGame, found: Several, tolerance: float) -> PublicPayoffSet:
    low, size = found.outer.profiles.low, found.outer.profiles.size
    empty, spent = not found.outer.filled.any(), found.outer.budget.spent
    inner, outer = np.empty((0, 2)), np.empty((0, 2))
    if found.play is not None:
        points = found.play.payoffs
        inner = low + size * fan_corners(points[hull(points)])
    if not empty:
        outer = low + size * corners(found)
    status, reason, stopped = Status.OK, "", "reached the tolerance"
    if empty:
        status = Status.EMPTY
        reason = "No profile of pure actions can be sustained by continuation payoffs that are themselves equilibria."
        stopped = "nothing is left"
    elif found.gap > tolerance:
        status, stopped = Status.INACCURATE, "used up its budget" if spent else "made no progress"
        far = f"reaches {found.gap:.1e} of the payoff range beyond the inner one"
        far = far if found.play is not None else "is known; no inner set was found"
        advice = "raise `budget`, or ask" if spent else "no further half-plane would reduce that; ask"
        reason = f"The outer set {far}: {advice} for a wider `tolerance`."
    elif repeated.monitoring is not None and repeated.monitoring.is_uninformative:
        reason = (
            "Signals are as likely whatever is played, so that nobody can be punished for what she does: equilibria "
            "repeat those of the stage game."
        )
    gap = 0.0 if empty else float(found.gap)
    return PublicPayoffSet(
        game=repeated,
        vertices=inner,
        outer=outer,
        gap=gap,
        threat=inner.min(axis=0) if len(inner) else np.full(2, np.nan),
        status=status,
        reason=reason,
        scale=float(np.ptp(repeated.game.payoffs.reshape(-1, 2), axis=0).max()),
        stats=Stats(
            iterations=found.outer.steps,
            solves=len(found.outer.faces),
            stopped=stopped,
            bound=gap,
            tolerance=tolerance,
        ),
        _found=found,
    )
