"""The payoffs of subgame-perfect equilibria of a repeated game between two players."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import owning
from bargaining._calls import suggesting
from bargaining.equilibria._budget import Effort
from bargaining.equilibria.payoff_polygon import PayoffPolygon, Stats, rounding, shortfall
from bargaining.equilibria.repeated._search.scaled import Answer, Scaled, roomy
from bargaining.equilibria.repeated._search.shared import sweep
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import RepeatedGame, require_repeated
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria._plane.generation import Generation
    from bargaining.equilibria._plane.rationals import Work
    from bargaining.equilibria.repeated.automaton import Automaton
    from bargaining.equilibria.repeated.public import PublicPayoffSet

_LIMIT = 2000  # applications of the operator: a bound beside the budget
_FEW = 4  # games: fewer do not repay what they share


@owning
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
        OK, EMPTY, or INACCURATE if the search ended before the accuracy was proved, or, where patience differs, if the
        residual is larger than the accuracy asked for.
    reason : str
        Why the status is not OK; if it is, whether the game lies on a knife edge.
    scale : float
        The larger of the players' ranges of stage payoffs: what a tolerance is a share of.
    stats : Stats
        How the set was found.
    residual : float
        How far the set is from its definition, as a share of the payoff range.

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
    _rational: list[Any] = field(
        init=False, repr=False, default_factory=list
    )  # what strategies are made of, once
    _exact: NDArray[Any] | None = field(default=None, repr=False)
    _measured: list[float] = field(init=False, repr=False, default_factory=list)

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.repeated.player_names

    def strategy(
        self, payoffs: ArrayLike, *, tolerance: float = 1e-9, budget: int | None = None
    ) -> Automaton:
        """Return an equilibrium with these payoffs, as an automaton that can be read, checked and played.

        Parameters
        ----------
        payoffs : array_like of shape (2,)
            A point of the set.
        tolerance : float, default 1e-9
            How far the payoffs of the equilibrium may lie from these, as a share of `scale`: where vertices are not
            rational, or infinitely many, the nearest point of a set a little inside is attained.
        budget : int, optional
            Units of work after which to give up: a vertex met in rationals is about one, each a microsecond or a few.
            30 million by default.

        Raises
        ------
        InvalidInput
            If the point lies outside the set by more than rounding; the message says how far.
        Unsolved
            If no rational strategy without regret was found: on a knife edge that rounding decides, or within the
            budget.

        Examples
        --------
        >>> from bargaining import Game, payoff_set
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
        from bargaining.equilibria.repeated.automaton import Automaton

        nodes, start = strategy(self, 0, payoffs, self._generated, tolerance=tolerance, budget=budget)
        return Automaton.of(self.repeated, nodes, start)

    @property
    def residual(self) -> float:
        """How far the set is from its definition, as a share of the payoff range; measured when it is asked for.

        Each vertex is some profile's payoffs now and what is promised after it, and nobody gains by another action
        or by leaving, punished by her lowest payoff. The residual is the least by which the promise of the farthest
        vertex lies outside the set, or a player gains; or, if that is more, how far payoffs that can be played so
        with continuations in the set lie outside. It is measured from the vertices and the game alone. A residual of
        zero does not show that the set is the largest of its kind: `certify` proves that.
        """
        if not self._measured:
            from bargaining.equilibria._plane.enforceable import residuals

            game = StochasticGame.from_repeated(self.repeated)
            self._measured.extend(residuals(game, [self.vertices], [self.threat]))
        return self._measured[0]

    @property
    def _hints(self) -> NDArray[Any]:
        """The vertices as exactly as they are known: fractions, where floats of the payoffs lose digits."""
        return self.vertices if self._exact is None else self._exact

    def _generated(self, work: Work) -> Generation | str:
        """Return the set in rationals, found once."""
        from bargaining.equilibria._plane.generation import generate

        if not self._rational:
            game = StochasticGame.from_repeated(self.repeated)
            self._rational.append(generate(game, [self._hints], work, roomy))
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
    repeated: RepeatedGame, *, tolerance: float | None = None, budget: int | None = None
) -> NDArray[np.object_]:
    """Return the payoff set of every game of a batch of discount factors and exits.

    Parameters
    ----------
    repeated : RepeatedGame
        Two players.
    tolerance : float, optional
        The accuracy asked for, as for `payoff_set`.
    budget : int, optional
        Units of work after which to give a game up, as for `payoff_set`; as many again for a set that many games share.

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
    >>> from bargaining import Exit, Game
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> sets = payoff_sets(RepeatedGame(prisoners, 0.15, exit=Exit([[0, 0], [2, 2], [5, 5]])))
    >>> [found.contains([9, 9]) for found in sets]
    [True, True, False]
    """
    require_repeated(repeated)
    effort = Effort.of(tolerance, budget)
    _check(repeated)
    out = np.empty(repeated.batch_shape, dtype=object)
    groups: dict[tuple[float, ...], list[tuple[int, ...]]] = {}
    cells = {index: repeated.at(index) for index in np.ndindex(*repeated.batch_shape)}
    for index, cell in cells.items():
        groups.setdefault(tuple(cell.discounts.tolist()), []).append(index)
    for indices in groups.values():
        if repeated.exit is None or len(indices) < _FEW:
            for index in indices:
                out[index] = _solved(cells[index], effort)
        else:
            answers = sweep([cells[index] for index in indices], _LIMIT, effort)
            for index, answer in zip(indices, answers, strict=True):
                out[index] = _result(cells[index], answer, effort)
    return out


def _check(repeated: RepeatedGame) -> None:
    repeated.require_seen("payoff_set")
    if repeated.players != 2:
        raise NotApplicable(f"The exact payoff set is known for two players; got {repeated.players}.")


def _solved(game: RepeatedGame, effort: Effort) -> PayoffSet:
    scaled = Scaled.of(game)
    found = _result(game, scaled.back(scaled.solve(_LIMIT, effort)), effort)
    return found if scaled.block.common else _measured(found, scaled, effort)


def _measured(found: PayoffSet, scaled: Scaled, effort: Effort) -> PayoffSet:
    """Return a set that is what it generates; else one that holds every payoff."""
    if found.status is not Status.OK or found.residual <= max(effort.tolerance, rounding(found)):
        return found
    return _result(found.repeated, scaled.back(scaled.outer()), effort)


def _result(repeated: RepeatedGame, answer: Answer, effort: Effort) -> PayoffSet:
    vertices, threat, scale, stats = answer.vertices, answer.threat, answer.scale, answer.stats
    status, reason = Status.OK, answer.note
    if not len(vertices):
        status = Status.EMPTY
        reason = (
            "No profile of pure actions can be sustained by continuation payoffs that are themselves equilibria"
            f" (applications of the operator: {stats.iterations})."
        )
    elif stats.bound > effort.tolerance:
        status = Status.INACCURATE
        reason = shortfall(stats, effort)
    return PayoffSet(
        repeated=repeated,
        vertices=vertices,
        threat=threat,
        status=status,
        reason=reason,
        scale=scale,
        stats=stats,
        _exact=answer.exact,
    )
