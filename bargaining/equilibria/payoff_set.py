"""The payoffs of subgame-perfect equilibria, for all kinds of games that can be solved."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from bargaining._calls import suggesting
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.errors import InvalidInput
from bargaining.games.kinds import kind_of, known, loaded
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame

if TYPE_CHECKING:
    from bargaining.equilibria.repeated.public import PublicPayoffSet
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.games.stochastic import StochasticGame


@overload
def payoff_set(
    game: RepeatedGame, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffSet | PublicPayoffSet: ...
@overload
def payoff_set(
    game: StochasticGame, *, tolerance: float | None = None, budget: int | None = None
) -> StochasticPayoffSets: ...
@suggesting
def payoff_set(
    game: RepeatedGame | StochasticGame, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffSet | PublicPayoffSet | StochasticPayoffSets:
    r"""Return the set of subgame-perfect equilibrium payoffs of a repeated game between two players.

    For a stochastic game it returns a set for each state, see `stochastic_payoff_sets`. If actions are seen only
    through a public signal, it returns an inner and an outer set of the payoffs of perfect public equilibria.

    The largest bounded set :math:`V` of average payoffs (proposition `repeated-games-operator`) with

    .. math:: V = \operatorname{co}\, \{ v : v_i = (1-\delta_i) g_i(a) + \delta_i w_i,\; w \in V,\;
              v_i \ge (1-\delta_i) c_i(a) + \delta_i P_i \},

    where :math:`c_i(a)` is player i's payoff from her best deviation from the profile a, and :math:`P_i`
    is her lowest payoff in :math:`V`. Players use pure actions, observe all actions, and see a public signal before
    every period, hence the convex hull.

    With exit (see `Exit` for the timing) a payoff without leaving also requires :math:`v_i \ge o_i` for everybody
    who may leave, and the outcomes of leaving belong to the set if leaving is an equilibrium:

    - both may leave: leaving together is an equilibrium if neither would rather be the one left behind, which always
      holds if the payoffs do not depend on who leaves. The threat is then :math:`P = o`.
    - otherwise the threat of player k to leave is credible only if some equilibrium without leaving gives her no
      more than :math:`o_k` (proposition `repeated-games-exit-alone`), and if the other player, if she may leave too,
      prefers not to.

    Parameters
    ----------
    game : RepeatedGame or StochasticGame
        Two players; no batch (for that see `payoff_sets`). The players may differ in patience.
    tolerance : float, default 1e-9
        The required accuracy, as a share of the payoff range, in [1e-12, 1): the status is OK if the distance between
        the returned set and the set of all equilibrium payoffs is shown to be no larger. With more than 1e-9 the answer
        may be an inner set at most this far from an outer set, which is found sooner.
    budget : int, default 300,000,000
        Units of work after which to give up: a profile tried with one vertex, or in one direction, is a unit, of ten to
        a hundred nanoseconds. A step that has begun is finished. Past it the status is INACCURATE: the returned set
        contains every equilibrium payoff, and `stats.bound`, which is finite, says by how much it may be too large.

    Returns
    -------
    PayoffSet
        A polygon, a segment, a point, or nothing (status EMPTY, with the reason).
    PublicPayoffSet
        If the game has `monitoring` that does not reveal the actions: a set that generates itself, one that contains
        every equilibrium payoff, and the gap between them. The default of `tolerance` is then 1e-6, and a linear
        program counts as a thousand units of `budget`.
    StochasticPayoffSets
        The same for each state of a stochastic game.

    Raises
    ------
    NotApplicable
        If there are not two players.
    InvalidInput
        If the repeated game is a batch, `game` is something else, or another argument is out of its domain.

    Notes
    -----
    The operator of Abreu, Pearce and Stacchetti is applied, in the form of Abreu and Sannikov, to a set that
    contains the answer; the threat jumps to the lowest best-deviation payoff among profiles that are not yet excluded.
    Then the equations of the *structure* (the profile and the binding constraint that generate each vertex) are solved
    by Newton's method. This fixed point is the largest if bounds of how far profiles reach, affine in the levels of
    half-planes, push everything beyond it back. The number of steps hardly
    depends on the discount factors. Payoffs are mapped to the unit box first. An inequality violated by less than 1e-13
    of the payoff range (1e-12 if patience differs) counts as satisfied, so in a knife-edge game the larger set is
    returned.

    Players who differ in patience gain by trading early payoffs against late ones: the set may reach beyond the
    hull of the stage payoffs (Lehrer and Pauzner 1999), and it may have infinitely many vertices, of which those
    that matter at a 1e-11 share of the payoff range are kept. Their sets, sets of stochastic games, and sets of
    equal patience where the iteration above converges too slowly are found by one engine: the levels of half-planes
    are lowered to the fixed point of bounds that are affine in all levels, by policy iteration (Hoffman and Karp
    1966), and the structure's solution is proved by the same bounds. Where it does not settle, the answer is a
    slightly smaller set that was checked to generate itself; its distance from the outer set is the bound. If no
    such set closer than the tolerance was found, the outer set is returned, with the status INACCURATE; so it is
    where a profile requires exactly the most that a player can get and rationals do not confirm the set. A finer
    tolerance or a larger budget never gives a worse answer.

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Hoffman, A. J. and Karp, R. M. (1966). On nonterminating stochastic games. *Management Science* 12(5), 359-370.
    doi:10.1287/mnsc.12.5.359

    Lehrer, E. and Pauzner, A. (1999). Repeated games with differential time preferences. *Econometrica* 67(2),
    393-412. doi:10.1111/1468-0262.00024

    Abreu, D. and Sannikov, Y. (2014). An algorithm for two-player repeated games with perfect monitoring.
    *Theoretical Economics* 9(2), 313-338. doi:10.3982/TE1302

    Examples
    --------
    >>> from bargaining import Exit, Game, RepeatedGame, StochasticGame, payoff_set
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> payoff_set(RepeatedGame(prisoners, 0.9)).vertices
    array([[3.  , 3.  ],
           [9.75, 3.  ],
           [9.  , 9.  ],
           [3.  , 9.75]])

    An option that a player likes less than the punishment would be a new, harsher punishment; one she
    likes more weakens it:

    >>> payoff_set(RepeatedGame(prisoners, 0.5, exit=Exit([3, 5]))).vertices
    array([[3.  , 5.  ],
           [9.5 , 5.  ],
           [9.  , 9.  ],
           [3.  , 9.75]])

    While that option is still being built, it already weakens the punishment of player 1, not that of player 0:

    >>> exits, chain = [None, Exit([3, 5])], [[0.5, 0.5], [0, 1]]
    >>> coming = StochasticGame.from_chain(prisoners, chain, 0.5, exit=exits, states=["today", "then"])
    >>> payoff_set(coming)["today"].threat.round(4)
    array([3.    , 3.6667])
    """
    kind = kind_of(game, "game")
    if kind is None:
        cure = " Say how patient the players are: RepeatedGame(game, discounts)." * isinstance(game, Game)
        raise InvalidInput(
            f"`game` must be a {' or a '.join(known('game'))}; got {type(game).__name__}.{cure}"
        )
    asked = {"tolerance": tolerance, "budget": budget}
    given = {name: value for name, value in asked.items() if value is not None}
    found: PayoffSet | PublicPayoffSet | StochasticPayoffSets = loaded(kind.payoffs)(game, **given)
    return found
