"""The payoffs of perfect public equilibria of a repeated game between two players, from both sides."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import whole
from bargaining._arrays import Floats, owning, real, scalar
from bargaining._rational import rational
from bargaining.equilibria._budget import Budget
from bargaining.equilibria.automaton import PublicAutomaton
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, bounded
from bargaining.equilibria.repeated.public_automaton import attaining, automata
from bargaining.equilibria.sets.fan import Fan, hull
from bargaining.equilibria.sets.fan import corners as fan_corners
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import RepeatedGame, require_repeated

BUDGET = 300_000_000
"""Units of work: some thirty seconds of two actions each."""
_START, _REFINEMENTS = (
    16,
    40,
)  # directions at first, and how often more are added: a limit in addition to the budget
_FINEST = 1e-13  # the least tolerance that is worked for: below it more half-planes only add rounding
_CREDIBLE = 1e-11  # of the unit box: the rounding of a threat


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicPayoffSet(PayoffPolygon):
    """The average payoffs of perfect public equilibria, between an inner and an outer polygon.

    Attributes
    ----------
    repeated : RepeatedGame
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

    repeated: RepeatedGame
    outer: Floats
    gap: float
    stats: Stats
    _found: Several = field(repr=False)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.repeated.player_names

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
        return attaining(automata(self.repeated, self._found), exact, np.full(2, self.scale), near)


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
        kept = [k for k in range(len(profiles.leaves)) if _credible(found, k)]
        if len(kept) == len(profiles.leaves):
            return found
        profiles = replace(
            profiles, leaves=tuple(profiles.leaves[k] for k in kept), exits=profiles.exits[kept]
        )


def _credible(found: Several, number: int) -> bool:
    """Whether some continuation gives the player who leaves no more than leaving does."""
    leave, outer = found.outer.profiles.leaves[number], found.outer
    if leave.leaver is None or not outer.filled.any():
        return True
    functions = outer.functions()
    own = functions.faces[: len(outer.faces)] == 2 + leave.leaver
    least = -functions.at(outer.levels.ravel())[: len(outer.faces)][own]
    return bool(least.size) and least.min() <= leave.payoffs[leave.leaver] + _CREDIBLE


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
        repeated=repeated,
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
