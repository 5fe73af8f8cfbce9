"""The payoffs of subgame-perfect equilibria of a repeated game between two players."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.equilibria._repeated.operator import Tag
from bargaining.equilibria._repeated.scaled import Answer, Scaled
from bargaining.equilibria._repeated.sweep import sweep
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria.automaton import Automaton
    from bargaining.equilibria.stochastic_set import StochasticPayoffSets

_LIMIT = 2000
_ACCURACY = 1e-9
_FEW = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffSet(PayoffPolygon):
    """The average payoffs that some subgame-perfect equilibrium gives: a polygon, a segment, a point or nothing.

    Attributes
    ----------
    repeated : RepeatedGame
        The game it answers.
    vertices : ndarray of shape (m, 2)
        Counter-clockwise, from the lowest of the leftmost; none if the set is empty.
    threat : ndarray of shape (2,)
        The lowest payoff of each player: the worst punishment that is itself an equilibrium. NaN if there is none.
    status : Status
        OK, EMPTY, or INACCURATE if the search ended before the accuracy was proved.
    reason : str
        Why the status is not OK.
    scale : float
        The larger of the players' ranges of stage payoffs: what a tolerance is a share of.
    stats : Stats
        How the set was found.

    Examples
    --------
    >>> from bargaining import Game, RepeatedGame, payoff_set
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = payoff_set(RepeatedGame(prisoners, 0.9))
    >>> found.threat, found.contains([9, 9])
    (array([3., 3.]), True)
    """

    repeated: RepeatedGame
    stats: Stats
    _tags: tuple[Tag, ...] = field(repr=False, default=())

    def strategy(self, payoffs: ArrayLike) -> Automaton:
        """Return an equilibrium with these payoffs, as an automaton that can be read, checked and played.

        Parameters
        ----------
        payoffs : array_like of shape (2,)
            A point of the set.

        Raises
        ------
        InvalidInput
            If the point lies outside the set by more than rounding; the message says how far.
        Unsolved
            If no rational strategy without regret was found: on a knife edge, or where patience differs.

        Examples
        --------
        >>> from bargaining.games.normal_form import Game
        >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"])
        >>> automaton = payoff_set(RepeatedGame(prisoners, 0.9)).strategy([8, 8])
        >>> automaton.payoffs, automaton.regret
        (array([8., 8.]), Fraction(0, 1))
        >>> print(automaton)
        start: 0: 1/6 | 1: 5/6
        state  play  payoffs  next  if 0 deviates  if 1 deviates
        0      D, D  3, 3     0     0              0
        1      C, C  9, 9     1     0              0
        """
        from bargaining.equilibria._repeated.strategy import strategy

        return strategy(self, payoffs)

    def _repr_html_(self) -> str:
        from bargaining._rich import payoff_set_html

        return payoff_set_html(self)

    def _repr_latex_(self) -> str:
        from bargaining._rich import payoff_set_latex

        return payoff_set_latex(self)


@overload
def payoff_set(game: RepeatedGame) -> PayoffSet: ...
@overload
def payoff_set(game: StochasticGame) -> StochasticPayoffSets: ...
def payoff_set(game: RepeatedGame | StochasticGame) -> PayoffSet | StochasticPayoffSets:
    r"""Return the set of subgame-perfect equilibrium payoffs of a repeated game between two players.

    For a stochastic game it returns a set for each state, see `stochastic_payoff_sets`.

    The largest bounded set :math:`V` of average payoffs with

    .. math:: V = \operatorname{co}\, \{ v : v_i = (1-\delta_i) g_i(a) + \delta_i w_i,\; w \in V,\;
              v_i \ge (1-\delta_i) c_i(a) + \delta_i P_i \},

    where :math:`c_i(a)` is what player i gets by her best deviation from the profile a, and :math:`P_i`
    is her lowest payoff in :math:`V`. Players use pure actions, see everything, and see a public signal before
    every period, hence the convex hull.

    With exit (see `Exit` for the timing) a payoff that goes on also needs :math:`v_i \ge o_i` of everybody
    who may leave, and the outcomes of leaving join the set where leaving is an equilibrium:

    - both may leave: leaving together is one whenever neither would rather be the one left behind, always if the
      payoffs do not depend on who leaves. The threat is then :math:`P = o`.
    - otherwise the threat of player k to leave is credible only if some equilibrium of going on gives her no
      more than :math:`o_k`, and if the other one, who could leave as well, prefers not to.

    Parameters
    ----------
    game : RepeatedGame or StochasticGame
        Two players; no batch (for that see `payoff_sets`). The players may differ in patience.

    Returns
    -------
    PayoffSet
        A polygon, a segment, a point, or nothing (status EMPTY, with the reason).
    StochasticPayoffSets
        The same for each state of a stochastic game.

    Raises
    ------
    NotApplicable
        If there are not two players.
    InvalidInput
        If the repeated game is a batch, or `game` is something else.

    Notes
    -----
    The operator of Abreu, Pearce and Stacchetti is applied, in the form of Abreu and Sannikov, to a set that
    contains the answer; the threat jumps to the lowest best-deviation payoff among profiles that can still be
    played. Then the *structure* (which profile and which constraint is behind each vertex) is solved for its
    fixed point by Newton, and a proof from outside shows that the fixed point is the largest. The number of steps
    hardly depends on the discount factors. Payoffs are mapped to the unit box first. An inequality missed
    by less than 1e-13 of the payoff range counts as met, so a game on a knife edge is resolved in favour of
    the larger set.

    Players who differ in patience gain by trading early payoffs against late ones: the set may reach beyond the hull
    of the stage payoffs (Lehrer and Pauzner 1999), and it may have infinitely many vertices, of which
    those that matter at a 1e-10 share of the payoff range are kept, thousands where a discount factor is near 1.
    Their sets are found from half-planes that contain them: the faces of an image are followed along their orbits,
    and the levels of all of them are lowered to their fixed point by policy iteration. So are those of equal patience
    that the iteration above closes in on too slowly. Where that proves too little and a profile asks for just the most
    that a player can get, near which vertices may accumulate, what it gives is found in rationals. With many vertices
    the answer lies a little inside, as a set seen to generate itself; its distance from the outer one is the bound.
    Where none was seen closer than 1e-9 the outer one is given, with the status INACCURATE.

    References
    ----------
    Abreu, D., Pearce, D. and Stacchetti, E. (1990), Toward a theory of discounted repeated games with imperfect
    monitoring, Econometrica 58, 1041-1063.

    Abreu, D. and Sannikov, Y. (2014), An algorithm for two-player repeated games with perfect monitoring,
    Theoretical Economics 9, 313-338.

    Lehrer, E. and Pauzner, A. (1999), Repeated games with differential time preferences, Econometrica 67, 393-412.

    Examples
    --------
    >>> from bargaining.games.normal_form import Game
    >>> from bargaining.games.repeated import Exit
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
    if isinstance(game, StochasticGame):
        from bargaining.equilibria.stochastic_set import stochastic_payoff_sets

        return stochastic_payoff_sets(game)
    if not isinstance(game, RepeatedGame):
        raise InvalidInput(f"`game` must be a RepeatedGame or a StochasticGame; got {type(game).__name__}.")
    _check(game)
    if game.batch_shape:
        raise InvalidInput(
            f"`game` must be one game; got a batch of shape {game.batch_shape}. Use `payoff_sets`."
        )
    scaled = Scaled.of(game)
    return _result(game, scaled.back(scaled.solve(_LIMIT)))


def payoff_sets(repeated: RepeatedGame) -> NDArray[np.object_]:
    """Return the payoff set of every game of a batch of discount factors and exits.

    Parameters
    ----------
    repeated : RepeatedGame
        Two players.

    Returns
    -------
    ndarray of PayoffSet, of shape `repeated.batch_shape`

    Notes
    -----
    Exits that share a discount factor of both players are solved together: a set that contains all of theirs is
    computed first, and most sets are found from the ways in which the vertices of a few, spread over the batch, are
    generated. So a fine grid in its natural order is cheapest.
    The answers are those of `payoff_set` up to rounding.

    Examples
    --------
    >>> from bargaining.games.normal_form import Game
    >>> from bargaining.games.repeated import Exit
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> sets = payoff_sets(RepeatedGame(prisoners, 0.15, exit=Exit([[0, 0], [2, 2], [5, 5]])))
    >>> [found.contains([9, 9]) for found in sets]
    [True, True, False]
    """
    if not isinstance(repeated, RepeatedGame):
        raise InvalidInput(f"`repeated` must be a RepeatedGame; got {type(repeated).__name__}.")
    _check(repeated)
    out = np.empty(repeated.batch_shape, dtype=object)
    groups: dict[tuple[float, ...], list[tuple[int, ...]]] = {}
    cells = {index: repeated.at(index) for index in np.ndindex(*repeated.batch_shape)}
    for index, cell in cells.items():
        groups.setdefault(tuple(cell.discounts.tolist()), []).append(index)
    for indices in groups.values():
        if repeated.exit is None or len(indices) < _FEW:
            for index in indices:
                out[index] = payoff_set(cells[index])
        else:
            answers = sweep([cells[index] for index in indices], _LIMIT)
            for index, answer in zip(indices, answers, strict=True):
                out[index] = _result(cells[index], answer)
    return out


def _check(repeated: RepeatedGame) -> None:
    if repeated.players != 2:
        raise NotApplicable(f"The exact payoff set is known for two players; got {repeated.players}.")


def _result(repeated: RepeatedGame, answer: Answer) -> PayoffSet:
    vertices, tags, threat, scale, stats = answer
    status, reason = Status.OK, ""
    if not len(vertices):
        status = Status.EMPTY
        reason = (
            "No profile of pure actions can be sustained by continuation payoffs that are themselves equilibria"
            f" (applications of the operator: {stats.iterations})."
        )
    elif stats.bound > _ACCURACY:
        status = Status.INACCURATE
        reason = f"The search {stats.stopped}; the set given contains every equilibrium payoff, and may be too large."
    return PayoffSet(
        repeated=repeated,
        vertices=vertices,
        threat=threat,
        status=status,
        reason=reason,
        scale=scale,
        stats=stats,
        _tags=tags,
    )
