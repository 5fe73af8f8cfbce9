"""Bounds on the payoffs of subgame-perfect equilibria, for repeated and stochastic games."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from numpy.typing import ArrayLike

from bargaining._arguments import whole
from bargaining._arrays import scalar
from bargaining._calls import suggesting
from bargaining.equilibria._budget import Effort
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds, repeated_payoff_bounds
from bargaining.equilibria.stochastic.payoff_bounds import several_payoff_bounds, stochastic_payoff_bounds
from bargaining.errors import InvalidInput
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds

_REFINEMENTS = 8  # times that normals are added: more rounds seldom change a gap


@overload
def payoff_bounds(
    game: RepeatedGame,
    *,
    directions: ArrayLike | None = None,
    refinements: int | None = None,
    tolerance: float = 1e-6,
    budget: int | None = None,
) -> PayoffBounds: ...
@overload
def payoff_bounds(
    game: StochasticGame,
    *,
    directions: ArrayLike | None = None,
    refinements: int | None = None,
    tolerance: float = 1e-6,
    budget: int | None = None,
) -> StochasticPayoffBounds: ...
@suggesting
def payoff_bounds(
    game: RepeatedGame | StochasticGame,
    *,
    directions: ArrayLike | None = None,
    refinements: int | None = None,
    tolerance: float = 1e-6,
    budget: int | None = None,
) -> PayoffBounds | StochasticPayoffBounds:
    r"""Bound the equilibrium payoffs of a repeated game with n players, or of a stochastic game, from both sides.

    The set V of equilibrium payoffs in pure actions with public randomisation is the largest fixed point of

    .. math:: B(W) = \operatorname{co} \{(1-\delta) g(a) + \delta w : w \in W,\;
              w_i \ge P_i + \tfrac{1-\delta_i}{\delta_i} [c_i(a) - g_i(a)]\}, \quad P_i = \min_{w \in W} w_i.

    Parameters
    ----------
    game : RepeatedGame or StochasticGame
        A repeated game of two players or more, with or without monitoring, not a batch: with exit, all players may
        leave and the payoffs after it must not depend on who does. Or a stochastic game of any number of states, of
        two players with any right to leave, or of more with a right as in a repeated game. The players may differ in
        patience.
    directions : array_like of shape (h, n), optional
        Normals of the outer half-spaces to start with, in units of the payoffs; the axes are always among them, and
        where actions are seen those of a plane in which all payoffs lie. By default all sign vectors, up to four
        players. Not for stochastic games of two players: their polygons choose their own.
    refinements : int, default 8
        How many times normals are added: those of the faces of the inner set, and of the hull of the points at which
        the half-spaces are attained, beyond which the outer set reaches farthest. At most 100 of each are added at a
        time. Like `directions`, not for stochastic games of two players.
    tolerance : float, default 1e-6
        The gap at which refinement stops, as a share of the payoff range; with 0 it uses all refinements or the budget.
    budget : int, default 300,000,000
        Units of work after which to give up. A unit is one profile and one direction or face of the inner set; a pivot
        of a linear program counts as four and one more for every fifty rows, and a step of Newton's method as the cube
        of its unknowns divided by 6000. A step that has begun is finished. Past the budget the status is INACCURATE,
        but the bounds are valid.

    Returns
    -------
    PayoffBounds
        Of a repeated game.
    StochasticPayoffBounds
        The same for each state of a stochastic game.

    Raises
    ------
    InvalidInput
        If the game is a batch, or another argument is out of its domain.
    NotApplicable
        If in a repeated game, or with more than two players, only some may leave, or payoffs depend on who leaves.

    Notes
    -----
    *Outer.* Starting from the feasible payoffs, half-spaces are moved in to the support of B of their intersection.
    Each support is bounded by a dual solution of its linear program (made exactly feasible, so that the bound does not
    depend on a solver's tolerances), an affine function of all levels. Policy iteration solves for the fixed point of
    these bounds, which is used if they are shown to contract. The threat is never below the lowest best-deviation
    payoff of a profile that is not yet excluded.

    *Inner.* The points at which the half-spaces are attained are replaced by the points that their hull generates,
    until they no longer change, or until the points that generate themselves in the same way can be solved for, to
    1e-11 of the payoff range. Very patient players are approached by less patient ones: the profile and the lottery
    that generate a point often stay the same while patience grows and the point moves. If this fails, shrunk points and
    the stage equilibria are used.

    *Both* sets are the same polytope once the inner set has all its vertices and the half-spaces are those at its
    faces.

    *Monitoring.* With signals that do not show the actions the payoffs are those of perfect public equilibria, as
    `payoff_set` has them for two players. A profile's linear program then has continuations for each signal. Such sets
    are often round, and patience magnifies the error at corners, so that hundreds of points and half-spaces are needed,
    the more the smaller the `tolerance`. Half-spaces are also added in the directions of continuations on which most
    levels depend, and inner sets are looked for with constraints that are tighter by a little. `certify` proves both
    sides, which may take longer.

    *Exit* as in `payoff_set`: the threat is o, everyone must get at least o to stay, and (o, ..., o) is in V.

    *Stochastic games* of two players have a polygon for each state: the outer and the inner sets of the engine that
    `payoff_set` uses, which stops as soon as their gap is within the tolerance. With more players the inner sets and
    the half-spaces are found as for one state, for all states at once: a lottery over points of each state follows. All
    states share the same directions. With more patience, what generates itself in several states need not do so any
    longer, so sets of less patient players only show where to look. `certify` proves both sides.

    References
    ----------
    Abreu, D., Brooks, B. and Sannikov, Y. (2020). Algorithms for stochastic games with perfect monitoring.
    *Econometrica* 88(4), 1661-1695. doi:10.3982/ECTA14834

    Judd, K. L., Yeltekin, S. and Conklin, J. (2003). Computing supergame equilibria. *Econometrica* 71(4), 1239-1254.
    doi:10.1111/1468-0262.t01-1-00445

    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Yeltekin, S., Cai, Y. and Judd, K. L. (2017). Computing equilibria of dynamic games. *Operations Research* 65(2),
    337-356. doi:10.1287/opre.2016.1572

    Examples
    --------
    Three players share a public good worth 2 to each per contributor; a free rider saves 3:

    >>> import numpy as np
    >>> from bargaining import Game, RepeatedGame, StochasticGame, payoff_bounds
    >>> others = np.indices((2, 2, 2))
    >>> game = Game(*(2 * (3 - others.sum(axis=0)) + 3 * others[i] for i in range(3)))
    >>> bounds = payoff_bounds(RepeatedGame(game, 0.25))
    >>> bounds.contains([6, 6, 6]), bounds.contains([6, 6, 7]), bounds.gap < 1e-6
    (True, False, True)

    A market of two states that cooperation keeps good:

    >>> good, bad = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    >>> worsens = [[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]]
    >>> market = StochasticGame([good, bad], [worsens, [0.3, 0.7]], 0.9, states=["good", "bad"])
    >>> bounds = payoff_bounds(market)
    >>> bounds.ok, bounds["good"].contains([7, 7])
    (True, True)
    """
    if refinements is not None:
        whole(refinements, "refinements", 0)
    if not scalar(tolerance, "tolerance") >= 0.0:
        raise InvalidInput(f"`tolerance` must not be negative; got {tolerance!r}.")
    effort = Effort.of(None, budget)
    if not isinstance(game, RepeatedGame | StochasticGame):
        cure = " Say how patient the players are: RepeatedGame(game, discounts)." * isinstance(game, Game)
        raise InvalidInput(
            f"`game` must be a RepeatedGame or a StochasticGame; got {type(game).__name__}.{cure}"
        )
    more = _REFINEMENTS if refinements is None else refinements
    if not isinstance(game, StochasticGame):
        return repeated_payoff_bounds(game, directions, more, tolerance, effort)
    if game.players > 2:
        return several_payoff_bounds(game, directions, more, tolerance, effort)
    if directions is not None or refinements is not None:
        raise InvalidInput(
            "`directions` and `refinements` are for repeated games and for three players and more: the polygons of a "
            "stochastic game of two choose their own edges. Leave them out."
        )
    return stochastic_payoff_bounds(game, tolerance, effort.budget())
