"""The payoffs of subgame-perfect equilibria of a repeated game between two players."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import ArrayLike, owning
from bargaining._calls import suggesting
from bargaining._rational import fractions
from bargaining.equilibria._budget import Effort
from bargaining.equilibria._plane.rationals import ExactGame
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats
from bargaining.equilibria.sets import answer as engine
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame, repeated_games, require_repeated
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria._plane.generation import Generation
    from bargaining.equilibria._plane.rationals import Work
    from bargaining.equilibria.automaton import Automaton
    from bargaining.equilibria.repeated.public import PublicPayoffSet


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffSet(PayoffPolygon):
    """The average payoffs that some subgame-perfect equilibrium gives: a polygon, a segment, a point or nothing.

    Attributes
    ----------
    repeated : RepeatedGame
        The game.
    vertices : ndarray of shape (m, 2)
        Counter-clockwise, from the lowest of the leftmost; none if the set is empty.
    threat : ndarray of shape (2,)
        The lowest payoff of each player: the worst punishment that is itself an equilibrium. NaN if there is none.
    status : Status
        OK, EMPTY, or INACCURATE if the search ended before the accuracy was proved, or, with unequal discount factors,
        if the residual is larger than the required accuracy.
    reason : str
        Why the status is not OK; if it is, whether the game lies on a knife edge.
    scale : float
        The larger of the players' ranges of stage payoffs, of which tolerances are shares.
    stats : Stats
        How the set was found.
    residual : float
        The violation of the definition by the set, as a share of the payoff range.

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
    # the set in rationals, from which strategies are made; computed once
    _rational: list[Any] = field(init=False, repr=False, default_factory=list)
    _exact: NDArray[Any] | None = field(default=None, repr=False)
    _measured: list[float] = field(init=False, repr=False, default_factory=list)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.repeated.player_names

    def strategy(
        self, payoffs: ArrayLike, *, tolerance: float = 1e-9, budget: int | None = None
    ) -> Automaton:
        """Return an equilibrium with these payoffs, as an automaton.

        Parameters
        ----------
        payoffs : array_like of shape (2,)
            A point of the set.
        tolerance : float, default 1e-9
            The largest distance of the equilibrium's payoffs from these, as a share of `scale`: if vertices are not
            rational, or infinitely many, the nearest point of a slightly smaller set is attained.
        budget : int, optional
            Units of work after which to give up: about one per vertex computed in rationals, which takes a few
            microseconds. 30 million by default.

        Raises
        ------
        InvalidInput
            If the point lies outside the set by more than rounding; the message says how far.
        Unsolved
            If no rational strategy without regret was found, because the game lies on a knife edge or the budget was
            used up.

        Examples
        --------
        >>> from bargaining import Game, RepeatedGame, payoff_set
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
        from bargaining.equilibria._plane.strategies import strategy
        from bargaining.equilibria.automaton import Automaton

        nodes, start = strategy(self, 0, payoffs, self._generated, tolerance=tolerance, budget=budget)
        return Automaton.of(self.repeated, nodes, start)

    @property
    def residual(self) -> float:
        """The violation of the definition by the set, as a share of the payoff range; computed when needed.

        By definition each vertex is generated by a profile with a continuation payoff in the set, such that nobody
        gains by another action or by leaving, if her lowest payoff is the punishment. For each vertex take the smallest
        violation: by how much the continuation payoff lies outside the set, or a player gains. The residual is the
        largest of these, or, if it is larger, by how much payoffs generated with continuations in the set lie outside.
        It is computed from the vertices and the game alone. A residual of zero does not show that the set is the
        largest of its kind: `certify` proves that.
        """
        if not self._measured:
            from bargaining.equilibria.sets.residual import residuals

            game = StochasticGame.from_repeated(self.repeated)
            self._measured.extend(residuals(game, [self.vertices], [self.threat]))
        return self._measured[0]

    @property
    def _hints(self) -> NDArray[Any]:
        """The vertices as accurately as they are known: as fractions if floats would lose digits."""
        return self.vertices if self._exact is None else self._exact

    def _generated(self, work: Work) -> Generation | str:
        """Return the set in rationals, found once."""
        from bargaining.equilibria._plane.generation import generate

        if not self._rational:
            game = StochasticGame.from_repeated(self.repeated)
            self._rational.append(generate(game, [self._hints], work))
        found: Generation | str = self._rational[0]
        return found


def repeated_payoff_set(
    game: RepeatedGame, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffSet | PublicPayoffSet:
    """Return the equilibrium payoffs of one repeated game of two players, see `payoff_set`."""
    if isinstance(game, RepeatedGame) and game.monitoring is not None and not game.monitoring.is_perfect:
        from bargaining.equilibria.repeated.public import public_payoff_set

        return public_payoff_set(game, tolerance=tolerance, budget=budget)
    return seen_payoff_set(game, tolerance=tolerance, budget=budget)


def seen_payoff_set(
    game: RepeatedGame, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffSet:
    """Return the equilibrium payoffs of one repeated game of two players who see each other's actions."""
    effort = Effort.of(tolerance, budget)
    _check(game)
    if game.batch_shape:
        raise InvalidInput(
            f"`game` must be one game; got a batch of shape {game.batch_shape}. Use `payoff_sets`."
        )
    return _solved(game, effort)


@suggesting
def payoff_sets(
    game: RepeatedGame | ArrayLike,
    discounts: ArrayLike | None = None,
    *,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
    tolerance: float | None = None,
    budget: int | None = None,
) -> NDArray[np.object_]:
    """Return the payoff set of every game of a batch: of stage payoffs, discount factors and exits.

    Parameters
    ----------
    game : RepeatedGame, or array_like of shape (..., 2, a_1, a_2)
        Two players. A repeated game with a batch of discount factors or exits; or the payoffs of many stage games of
        one size, stacked, the players' axis before those of actions.
    discounts : array_like of shape (*batch, 2), or one number
        Discount factors for stacked payoffs, in [0, 1): broadcast against the games.
    exit : Exit, optional
        The right to leave, for stacked payoffs; its batch is broadcast against the games and the discount factors.
    tolerance : float, optional
        The required accuracy, as for `payoff_set`.
    budget : int, optional
        Units of work after which to give up on a game, as for `payoff_set`.

    Returns
    -------
    ndarray of PayoffSet
        Of the shape `game.batch_shape`, or that of games, discount factors and exits together. Each set has its own
        `status`.

    Raises
    ------
    InvalidInput
        If an argument is out of its domain, shapes do not fit, or discount factors or an exit are given in addition to
        a `RepeatedGame`, which has its own.
    NotApplicable
        If there are not two players.

    Examples
    --------
    >>> import numpy as np
    >>> from bargaining import Exit, Game, RepeatedGame, payoff_sets
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> sets = payoff_sets(RepeatedGame(prisoners, 0.15, exit=Exit([[0, 0], [2, 2], [5, 5]])))
    >>> [found.contains([9, 9]) for found in sets]
    [True, True, False]

    A thousand games drawn at random, at two discount factors: how many sets have an inside?

    >>> payoffs = np.random.default_rng(0).random((1000, 2, 3, 3))
    >>> sets = payoff_sets(payoffs[:, None], [[0.3, 0.3], [0.6, 0.6]])
    >>> sets.shape, [sum(len(found.vertices) > 2 for found in column) for column in sets.T]
    ((1000, 2), [187, 594])
    """
    effort = Effort.of(tolerance, budget)
    cells = _cells(game, discounts, exit)
    out = np.empty(cells.shape, dtype=object)
    for k, one in enumerate(cells.ravel().tolist()):
        out.flat[k] = _solved(one, effort)
    return out


def _cells(
    repeated: RepeatedGame | ArrayLike, discounts: ArrayLike | None, leave: Exit | None
) -> NDArray[np.object_]:
    """Return the repeated game of each cell."""
    if isinstance(repeated, RepeatedGame):
        if discounts is not None or leave is not None:
            raise InvalidInput(
                "`discounts` and `exit` are for stacked payoffs; the RepeatedGame has its own."
            )
        _check(repeated)
        out = np.empty(repeated.batch_shape, dtype=object)
        for index in np.ndindex(*out.shape):
            out[index] = repeated._one(repeated.game, index)
        return out
    if discounts is None or isinstance(repeated, Game):
        require_repeated(repeated)
    assert discounts is not None
    return repeated_games(repeated, discounts, leave)


def _check(repeated: RepeatedGame) -> None:
    repeated.require_seen("payoff_sets")
    if repeated.players != 2:
        raise NotApplicable(f"The exact payoff set is known for two players; got {repeated.players}.")


def _solved(repeated: RepeatedGame, effort: Effort) -> PayoffSet:
    game = StochasticGame.from_repeated(repeated)
    solved = engine.solved(game, effort)
    (state,), exact = solved.states, None
    if repeated.has_fractions and len(state.units):
        data = ExactGame(game)
        exact = fractions(np.array(data.low)) + fractions(np.array(data.size)) * fractions(state.units)
    return PayoffSet(
        repeated=repeated,
        vertices=state.vertices,
        threat=state.threat,
        status=state.status,
        reason=state.reason,
        scale=float(np.ptp(repeated.game.payoffs.reshape(-1, 2), axis=0).max()) or 1.0,
        stats=solved.stats,
        _exact=exact,
    )
