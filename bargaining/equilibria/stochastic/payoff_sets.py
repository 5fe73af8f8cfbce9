"""The payoffs of subgame-perfect equilibria of a stochastic game between two players, state by state."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, fill, record
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rich import SHOWN, Card, counted, number
from bargaining.equilibria._affine import Effort
from bargaining.equilibria._by_state import ByState
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.sets.answer import solved
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria.automaton import StochasticAutomaton


@record
class StatePayoffSet(PayoffPolygon):
    """The equilibrium payoffs of play that starts in one state: a polygon, a segment, a point or nothing.

    Attributes
    ----------
    state : str
        The state's name.
    vertices, threat, status, reason
        As for `PayoffSet`.
    scale : float
        The larger of the players' ranges of all payoffs, of which tolerances are shares.
    residual : float
        The violation of the definition, given the sets of the other states, as a share of the payoff range.
    """

    state: str
    _whole: StochasticPayoffSets | None = field(default=None, repr=False)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return super().player_names if self._whole is None else self._whole.game.player_names

    @property
    def residual(self) -> float:
        """The violation of the definition, given the sets of the other states, as for `PayoffSet`."""
        whole = self._whole
        if whole is None:
            raise NotApplicable("A residual needs the sets of all states: take this one from them.")
        return whole._residuals()[whole.game.states.index(self.state)]

    def strategy(
        self, payoffs: ArrayLike, *, tolerance: float = 1e-9, budget: int | None = None
    ) -> StochasticAutomaton:
        """Return an equilibrium with these payoffs for play that starts in this state, as an automaton.

        The arguments and errors are those of `PayoffSet.strategy`.
        """
        from bargaining.equilibria._plane_strategies import strategy
        from bargaining.equilibria.automaton import StochasticAutomaton

        whole = self._whole
        if whole is None:
            raise NotApplicable("A strategy needs the sets of all states: take this one from them.")
        game, hints = whole.game, [part.vertices for part in whole.sets]
        place, where = game.states.index(self.state), f" of state {self.state}"
        nodes, start = strategy(
            self, game, place, hints, payoffs, tolerance=tolerance, budget=budget, where=where
        )
        return StochasticAutomaton(game=game, nodes=nodes, start=start)


@record
class StochasticPayoffSets(ByState[StatePayoffSet]):
    """The payoff set of every state, by the state's name, or by its number with `at`.

    Attributes
    ----------
    game : StochasticGame
        The game.
    sets : tuple of StatePayoffSet
        In the order of the game's states.
    stats : Stats
        How they were found.
    residual : float
        The violation of their definition by the sets, as a share of the payoff range.
    """

    sets: tuple[StatePayoffSet, ...]
    stats: Stats

    def __post_init__(self) -> None:
        sets = tuple(some if some._whole is None else replace(some) for some in self.sets)
        object.__setattr__(self, "sets", tuple(fill(some, _whole=self) for some in sets))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{some.state}: {len(some.vertices)}" for some in self.sets[:SHOWN])
        more = ", ..." * (len(self) > SHOWN)
        return f"<StochasticPayoffSets of {counted(len(self), 'state')}, vertices {sizes}{more}>"

    def _card(self) -> Card:
        """Return a row for each state."""
        rows = [[s.state, str(len(s.vertices)), *map(number, s.threat), s.status.name] for s in self.sets]
        heads = ["state", "vertices", *(f"threat of {name}" for name in titles(self.player_names)), "status"]
        return Card(title="Equilibrium payoffs by state", heads=heads, rows=rows)

    @property
    def _parts(self) -> tuple[StatePayoffSet, ...]:
        return self.sets

    @property
    def residual(self) -> float:
        """The largest violation of the definition over the states, as a share of the payoff range."""
        return max(self._residuals())

    def _residuals(self) -> list[float]:
        from bargaining.equilibria.sets.answer import residuals

        return residuals(self.game, [part.vertices for part in self.sets], [*self.threats])

    @property
    def threats(self) -> Floats:
        """The lowest payoff of each player in each state, shape (S, 2); NaN where there is none."""
        return np.array([some.threat for some in self.sets])


@suggesting
def stochastic_payoff_sets(
    game: StochasticGame, *, tolerance: float | None = None, budget: int | None = None
) -> StochasticPayoffSets:
    r"""Return the subgame-perfect equilibrium payoffs of a stochastic game between two players, for each state.

    The largest bounded sets :math:`V_s` of average payoffs with

    .. math:: V_s = \operatorname{co}\, \{ v : v_i = (1-\delta_i) g_i(s, a)
              + \delta_i \sum_{s'} P(s' \mid s, a)\, w_{s' i},\; w_{s'} \in V_{s'},\; v_i \ge D_i(s, a) \},

    where :math:`D_i` is player i's payoff from her best deviation, which may change the next state and is
    punished there by her lowest payoff, :math:`P_i(s') = \min_{v \in V_{s'}} v_i`:

    .. math:: D_i(s, a) = \max_b\, (1-\delta_i) g_i(s, b, a_{-i})
              + \delta_i \sum_{s'} P(s' \mid s, b, a_{-i})\, P_i(s').

    Where they may leave, the conditions of `payoff_set` hold state by state.

    Parameters
    ----------
    game : StochasticGame
        Two players, who may differ in patience.
    tolerance : float, default 1e-9
        The required accuracy, as a share of the payoff range, in [1e-12, 1).
    budget : int, default 300,000,000
        Units of work after which to give up, as for `payoff_set`. Past it the sets contain every equilibrium payoff,
        with the status INACCURATE and a finite `stats.bound`.

    Returns
    -------
    StochasticPayoffSets
        One `StatePayoffSet` per state: a polygon, a segment, a point, or nothing (status EMPTY, with the reason).

    Raises
    ------
    NotApplicable
        If there are not two players.

    Notes
    -----
    See `payoff_set` for the method and its tolerances. As in a repeated game, there is no condition on play after
    simultaneous deviations.

    If both discount factors differ and are above about 0.97 the search may end with the status INACCURATE: the sets
    then contain all equilibrium payoffs, and `stats.bound` says how far they reach beyond sets that generate
    themselves.

    References
    ----------
    Abreu, D., Brooks, B. and Sannikov, Y. (2020). Algorithms for stochastic games with perfect monitoring.
    *Econometrica* 88(4), 1661-1695. doi:10.3982/ECTA14834

    Examples
    --------
    An alternative that may be built, and then stays, makes cooperation impossible later and poorer today:

    >>> from bargaining import Exit, Game, StochasticGame, stochastic_payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> game = StochasticGame(
    ...     [prisoners, prisoners],
    ...     [[0.9, 0.1], [0, 1]],
    ...     0.3,
    ...     exit=[Exit([1, 1]), Exit([8, 3])],
    ...     states=["today", "later"],
    ... )
    >>> found = stochastic_payoff_sets(game)
    >>> found["later"].vertices
    array([[8., 3.]])
    >>> found["today"].vertices.round(4)
    array([[1.    , 1.    ],
           [9.7456, 2.46  ],
           [8.9589, 8.7534],
           [2.61  , 9.547 ]])
    >>> found["later"].threat, found.ok
    (array([8., 3.]), True)
    """
    if not isinstance(game, StochasticGame):
        raise InvalidInput(
            f"`game` must be a StochasticGame; got {type(game).__name__}. "
            "For a repeated game use `StochasticGame.from_repeated`."
        )
    if game.players != 2:
        raise NotApplicable(f"The exact payoff sets are known for two players; got {game.players}.")
    states, stats, size = solved(game, Effort.of(tolerance, budget))
    sets = []
    for name, state in zip(game.states, states, strict=True):
        del state["units"]
        sets.append(StatePayoffSet(state=name, scale=float(size.max()), **state))
    return StochasticPayoffSets(game=game, sets=tuple(sets), stats=stats)
