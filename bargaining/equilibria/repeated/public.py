"""The payoffs of perfect public equilibria of a repeated game between two players, from both sides."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bargaining._arguments import whole
from bargaining._arrays import Floats, owning, scalar
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.search import Found, search
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import RepeatedGame, require_repeated

BUDGET = 200_000
"""Linear programs, one for a profile and a direction each: a few seconds of two actions each."""


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PublicPayoffSet(PayoffPolygon):
    """The average payoffs of perfect public equilibria, between an inner and an outer polygon.

    Attributes
    ----------
    repeated : RepeatedGame
        The game it answers, with its monitoring.
    vertices : ndarray of shape (m, 2)
        The inner set, which generates itself: counter-clockwise, from the lowest of the leftmost.
    outer : ndarray of shape (k, 2)
        A set that contains every equilibrium payoff.
    gap : float
        How far the outer set reaches beyond the inner one, as a share of the payoff ranges.
    threat : ndarray of shape (2,)
        The lowest payoff of each player in the inner set; NaN if there is none.
    status : Status
        OK; EMPTY if no profile can be sustained; INACCURATE if the gap is larger than the tolerance asked for.
    reason : str
        Why the status is not OK.
    scale : float
        The larger of the players' ranges of stage payoffs: what a tolerance is a share of.
    stats : Stats
        How the set was found.
    """

    repeated: RepeatedGame
    outer: Floats
    gap: float
    stats: Stats
    _found: Found | None = field(repr=False, default=None)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.repeated.player_names


def public_payoff_set(
    repeated: RepeatedGame, *, tolerance: float = 1e-6, budget: int = BUDGET
) -> PublicPayoffSet:
    r"""Return the payoffs of perfect public equilibria in pure actions, with public randomisation.

    The largest bounded set V with

    .. math:: V = \operatorname{co} \{ v : v_i = (1-\delta_i) g_i(a) + \delta_i \sum_y p(y \mid a) w_i(y),\; w(y) \in V,
              \; v_i \ge (1-\delta_i) g_i(b, a_{-i}) + \delta_i \sum_y p(y \mid b, a_{-i}) w_i(y) \},

    with the outcomes of leaving, and :math:`v_i \ge o_i` of who may leave, as in `payoff_set`.

    Parameters
    ----------
    repeated : RepeatedGame
        Two players, with monitoring, no batch.
    tolerance : float, default 1e-6
        The gap at which to stop, as a share of the payoff ranges.
    budget : int
        How many linear programs may be solved, one for a profile and a direction each. Past it the status is
        INACCURATE, and the gap says how far it came.

    Returns
    -------
    PublicPayoffSet

    Notes
    -----
    *Outer.* Half-planes are pushed in until the operator moves none; each bound on what a profile gives in a direction
    is a dual solution, so that it does not rest on a solver's tolerance. *Inner.* Corners move to what their hull
    generates until they stay. The sides of the inner set give the half-planes of the next round.
    Equilibria in private strategies, which may pay more (Kandori and Obara 2006), are not covered.

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Examples
    --------
    >>> from bargaining import Game, Monitoring
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]], signals=["good", "bad"])
    >>> found = public_payoff_set(RepeatedGame(partners, 0.8, monitoring=report))
    >>> highest = found.vertices.max(axis=0)
    >>> highest.round(5), found.gap < 1e-6
    (array([2.19068, 2.19068]), True)
    """
    _check(repeated)
    asked = scalar(tolerance, "tolerance")
    if not asked > 0.0:
        raise InvalidInput(f"`tolerance` must be positive; got {tolerance!r}.")
    data = Data.of(repeated)
    common = bool(repeated.discounts[0] == repeated.discounts[1])
    found = search(data, asked, whole(budget, "budget", 1), common=common)
    return _result(repeated, data, found, asked)


def _check(repeated: RepeatedGame) -> None:
    require_repeated(repeated)
    if repeated.monitoring is None:
        raise InvalidInput("`repeated` must have `monitoring`; got none. Use `payoff_set`.")
    if repeated.players != 2:
        raise NotApplicable(
            f"Both sides are known for two players; got {repeated.players}. Use `payoff_bounds`."
        )
    if repeated.batch_shape:
        raise InvalidInput(f"`repeated` must be one game; got a batch of shape {repeated.batch_shape}.")


def _result(repeated: RepeatedGame, data: Data, found: Found, tolerance: float) -> PublicPayoffSet:
    inner = np.empty((0, 2)) if found.inner is None else data.outside(found.inner.corners)
    outer = data.outside(found.outer) if len(found.outer) else found.outer
    status, reason, stopped = Status.OK, "", "reached the tolerance"
    if not len(found.outer):
        status = Status.EMPTY
        reason = "No profile of pure actions can be sustained by continuation payoffs that are themselves equilibria."
        stopped = "nothing is left"
    elif found.gap > tolerance:
        status, stopped = Status.INACCURATE, "used up its budget"
        far = f"reaches {found.gap:.1e} of the payoff range beyond the inner one"
        far = far if found.inner is not None else "is known; no inner set was found"
        reason = f"The outer set {far}: raise `budget`, or ask for a wider `tolerance`."
    return PublicPayoffSet(
        repeated=repeated,
        vertices=inner,
        outer=outer,
        gap=float(found.gap),
        threat=inner.min(axis=0) if len(inner) else np.full(2, np.nan),
        status=status,
        reason=reason,
        scale=float(np.ptp(repeated.game.payoffs.reshape(-1, 2), axis=0).max()),
        stats=Stats(iterations=found.rounds, solves=found.programs, stopped=stopped, bound=float(found.gap)),
        _found=found,
    )
