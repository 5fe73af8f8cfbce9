"""Payoffs of subgame-perfect equilibria of any kind of game: sets of two players, and bounds for any number."""

from __future__ import annotations

from dataclasses import field, replace
from itertools import product
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import whole
from bargaining._arrays import Floats, fill, real, record, scalar
from bargaining._calls import suggesting
from bargaining._rational import rational
from bargaining._rich import SHOWN, Card, Result, counted, number, point
from bargaining.equilibria._affine import Effort
from bargaining.equilibria._by_state import ByState
from bargaining.equilibria.repeated.payoff_set import PayoffSet
from bargaining.equilibria.sets.bounds import corners, of_polygons
from bargaining.equilibria.sets.rows import Scaled
from bargaining.equilibria.sets.search import solve
from bargaining.equilibria.sets.several.inner import Hull
from bargaining.equilibria.sets.several.profiles import Profiles, require_common
from bargaining.equilibria.sets.several.refinement import Several, bounded
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.kinds import kind_of, known, loaded
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria.automaton import PublicAutomaton
    from bargaining.equilibria.repeated.public import PublicPayoffSet
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.games.stochastic import StochasticGame


_REFINEMENTS = 8  # times that normals are added: more rounds seldom change a gap
_FINEST = 1e-9  # the tolerance by which slack is measured if none is given
_SIGNS = 4  # up to this many players the sign vectors are affordable directions


@record
class PayoffBounds(Result):
    r"""A polytope that contains all equilibrium payoffs and one that is contained in them.

    Attributes
    ----------
    inner : ndarray of shape (k, n)
        Vertices of a set of equilibrium payoffs; empty if none was found.
    directions, levels : ndarray of shape (h, n) and (h,)
        Every equilibrium payoff v has ``directions @ v <= levels``.
    threat : ndarray of shape (2, n)
        Lower and upper bound on each player's lowest equilibrium payoff.
    gap : float
        How far the outer set reaches beyond the inner one, in any of the directions or beyond any face of the inner
        set, as a share of the payoff range (payoffs scaled to the unit box, directions to length 1): 0 only if the
        two are the same. Infinite without an inner set, and 0 if it is shown that no equilibrium exists.
    status : Status
        OK; EMPTY if it is shown that no equilibrium exists; INACCURATE if `gap` exceeds the tolerance, but the bounds
        are valid.
    steps : int
        Applications of the outer operator.
    player_names : tuple of str
        The names of the players, or their numbers.
    game : RepeatedGame or None
        The game whose payoffs these are.
    tolerance : float
        The gap that was allowed; `certify` proves it by default.
    """

    inner: Floats
    directions: Floats
    levels: Floats
    threat: Floats
    gap: float
    status: Status
    steps: int
    _size: Floats = field(repr=False)  # the players' ranges of payoffs
    player_names: tuple[str, ...] = field(default=(), repr=False)
    game: RepeatedGame | None = field(default=None, repr=False)
    tolerance: float = field(default=1e-6, repr=False)
    # Both sides in the unit box, with their proofs:
    _found: Several | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("directions", "levels", "inner", "threat"):
            value = getattr(self, name)
            if np.size(value) and (name != "threat" or np.size(self.inner)):  # without points it is not known
                fill(self, **{name: real(value, name, finite=name in ("directions", "inner"))})
        faces, n, points = (
            np.shape(self.directions)[:1],
            np.shape(self.directions)[-1:],
            np.shape(self.inner)[:1],
        )
        shapes = {"directions": faces + n, "levels": faces, "inner": points + n, "threat": (2, *n)}
        for name, shape in shapes.items():
            if np.shape(getattr(self, name)) != shape:
                raise InvalidInput(f"`{name}` must have shape {shape}; got {np.shape(getattr(self, name))}.")

    def __repr__(self) -> str:
        sizes = f"{counted(len(self.levels), 'face')} outside, {counted(len(self.inner), 'vertex')} inside"
        return f"<PayoffBounds: {sizes}, gap {number(self.gap, 2)}, {self.status.name}>"

    def contains(self, payoffs: ArrayLike) -> bool | None:
        """Say whether payoffs are in equilibrium: True inside, False outside, None between the bounds."""
        point = real(payoffs, "payoffs", ndim=1)
        if point.size != self.directions.shape[1]:
            raise InvalidInput(f"`payoffs` must have {self.directions.shape[1]} entries; got {point.size}.")
        rounding = np.abs(self.directions) @ (1e-12 * self._size + 1e-15 * np.abs(point))
        if (self.directions @ point > self.levels + rounding).any():
            return False
        if not len(self.inner):
            return None
        return True if Hull(self.inner / self._size).outside(point[None] / self._size)[0] <= 1e-9 else None

    def strategy(self, payoffs: ArrayLike, *, tolerance: float = 1e-6) -> PublicAutomaton:
        """Return an equilibrium with these payoffs: an automaton whose transitions depend on the signal, in rationals.

        Parameters
        ----------
        payoffs : array_like of shape (n,)
            A point of the inner set.
        tolerance : float, default 1e-6
            The largest distance of the equilibrium's payoffs from these, as a share of the payoff ranges, if they lie
            on the edge of the inner set. Interior points are attained exactly.

        Returns
        -------
        PublicAutomaton
            Its `regret` is zero, in rationals.

        Raises
        ------
        NotApplicable
            If actions are seen: strategies are then written down for two players, see `payoff_set`.
        InvalidInput
            If the point lies outside the inner set by more than the tolerance; the message says how far.
        Unsolved
            If rounding to rationals leaves some regret, as on a knife edge.

        Examples
        --------
        Three may give 1 each for a public good, worth .6 to each; more gifts make a good signal likelier:

        >>> from fractions import Fraction
        >>> import numpy as np
        >>> from bargaining import Game, Monitoring, RepeatedGame, payoff_bounds
        >>> given = 2 - np.indices((2, 2, 2)).sum(axis=0) + 1
        >>> game = Game(*(0.6 * given - (1 - np.indices((2, 2, 2))[i]) for i in range(3)))
        >>> good = np.array([Fraction(k, 10) for k in (2, 3, 5, 9)])[given]
        >>> seen = Monitoring(np.stack([good, 1 - good], axis=-1))
        >>> bounds = payoff_bounds(RepeatedGame(game, Fraction(4, 5), monitoring=seen), tolerance=1e-3)
        >>> play = bounds.strategy([0.35, 0.35, 0.35], tolerance=1e-3)
        >>> play.regret, bool(abs(play.payoffs - 0.35).max() < 1e-3)
        (Fraction(0, 1), True)
        """
        from bargaining.equilibria.repeated.public import attaining, automata

        if (
            not isinstance(self._found, Several)
            or self._found.outer.profiles.limits is None
            or self.game is None
        ):
            raise NotApplicable(
                "Where actions are seen, strategies are written down for two players: see `payoff_set`. With three and "
                "more they are where a signal is seen that does not show the actions."
            )
        point, within = real(payoffs, "payoffs", ndim=1), scalar(tolerance, "tolerance")
        if point.size != self.directions.shape[1]:
            raise InvalidInput(f"`payoffs` must have {self.directions.shape[1]} entries; got {point.size}.")
        if not len(self.inner):
            raise Unsolved(f"No equilibrium was found: the bounds are {self.status.name}.")
        off = float(Hull(self.inner / self._size).outside(point[None] / self._size)[0])
        if off > within:
            raise InvalidInput(
                f"`payoffs` must lie in the inner set, whose corners are `inner`; {point.tolist()} lies {off:.2g} of "
                "the payoff range outside."
            )
        exact, near = rational(payoffs, "payoffs", ndim=1).tolist(), max(within, 1e-9) + off
        return attaining(automata(self.game, self._found, exact, near), exact, self._size, near)


@record
class StochasticPayoffBounds(ByState[PayoffBounds]):
    """Bounds on the payoffs of every state, by the state's name, or by its number with `at`.

    Attributes
    ----------
    game : StochasticGame
        The game.
    bounds : tuple of PayoffBounds
        In the order of the game's states.
    """

    bounds: tuple[PayoffBounds, ...]
    _found: Any = field(default=None, repr=False)  # in the unit box

    @property
    def _parts(self) -> tuple[PayoffBounds, ...]:
        return self.bounds

    def __repr__(self) -> str:
        status = ", ".join(sorted({some.status.name for some in self.bounds}))
        return (
            f"<StochasticPayoffBounds of {counted(len(self), 'state')}, gap {number(self.gap, 2)}, {status}>"
        )

    def _card(self) -> Card:
        """Return a row for each state."""
        rows = [
            [
                state,
                str(len(some.levels)),
                str(len(some.inner)),
                point(some.threat[0], self.game.player_names),
                some.status.name,
            ]
            for state, some in [*self.items()][: SHOWN * SHOWN]
        ]
        heads = ["state", "faces outside", "vertices inside", "threat at least", "status"]
        return Card(title="Bounds of equilibrium payoffs by state", heads=heads, rows=rows)

    @property
    def gap(self) -> float:
        """The largest distance by which an outer set reaches beyond the inner one, as a share of the payoff range."""
        return max(some.gap for some in self.bounds)


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
    *Outer.* Starting from the feasible payoffs, half-spaces are moved in to the support of B of their intersection,
    bounded by exactly feasible dual solutions: affine functions of all levels, whose fixed point policy iteration
    finds. It is used if they are shown to contract.

    *Inner.* The points at which the half-spaces are attained are replaced by the points that their hull generates,
    until those that generate themselves in the same way can be solved for, to 1e-11 of the payoff range. Very patient
    players are approached by less patient ones.

    *Monitoring.* With signals that do not show the actions the payoffs are those of perfect public equilibria, as
    `payoff_set` has them for two players. Such sets are often round, and patience magnifies the error at corners: the
    smaller the `tolerance`, the more hundreds of points and half-spaces are needed. `certify` proves both sides.

    *Exit* as in `payoff_set`: the threat is o, everyone must get at least o to stay, and (o, ..., o) is in V.

    *Stochastic games* of two players have a polygon for each state: the outer and the inner sets of the engine that
    `payoff_set` uses, which stops as soon as their gap is within the tolerance. With more players all states share the
    same directions.

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
    more = _REFINEMENTS if refinements is None else whole(refinements, "refinements", 0)
    if not scalar(tolerance, "tolerance") >= 0.0:
        raise InvalidInput(f"`tolerance` must not be negative; got {tolerance!r}.")
    effort = Effort.of(None, budget)
    if isinstance(game, RepeatedGame):
        (bounds,), found = _polytopes(_profiles(game), directions, more, tolerance, effort, game.player_names)
        return replace(bounds, game=game, _found=found)
    if not isinstance(game, StochasticGame):
        cure = " Say how patient the players are: RepeatedGame(game, discounts)." * isinstance(game, Game)
        raise InvalidInput(
            f"`game` must be a RepeatedGame or a StochasticGame; got {type(game).__name__}.{cure}"
        )
    if game.players == 2:
        if directions is not None or refinements is not None:
            raise InvalidInput(
                "`directions` and `refinements` are for repeated games and for three players and more: the polygons of "
                "a stochastic game of two choose their own edges. Leave them out."
            )
        return _polygons(game, tolerance, effort)
    each, found = _polytopes(Profiles.of(game), directions, more, tolerance, effort, game.player_names)
    return StochasticPayoffBounds(game=game, bounds=tuple(each), _found=found)


def _profiles(repeated: RepeatedGame) -> Profiles:
    if repeated.batch_shape:
        raise InvalidInput("`game` must be a single game; take one of the batch with `.at(index)`.")
    if repeated.monitoring is None or repeated.monitoring.is_perfect:
        return Profiles.of(StochasticGame.from_repeated(repeated))
    if repeated.players < 2:
        raise NotApplicable(
            "Bounds under monitoring are for two players or more; the game has 1. Use `joint_payoffs`."
        )
    if repeated.exit is not None:
        require_common(repeated.exit, repeated.players)
    return Profiles.monitored(repeated)


def _polygons(game: StochasticGame, tolerance: float, effort: Effort) -> StochasticPayoffBounds:
    """Bound the payoffs of two players in each state by polygons."""
    scaled = Scaled.of(game)
    found, out = solve(scaled.rows, tolerance, effort.budget()), []
    for s, outer in enumerate(found.outer):
        points = None if found.inner is None or not len(found.inner[s]) else corners(found.inner[s])
        normals, levels, least = np.vstack([np.eye(2), -np.eye(2)]), np.full(4, -np.inf), np.full(2, np.nan)
        if len(outer):
            fan, (levels,), _ = of_polygons([corners(outer)], np.ones(2))
            normals, least = fan.normals, outer.min(axis=0)
        gap = found.gap if len(outer) else 0.0
        box = scaled.low, scaled.size
        out.append(
            _in_units(box, points, normals, levels, least, gap, found.rounds, tolerance, game.player_names)
        )
    return StochasticPayoffBounds(game=game, bounds=tuple(out), _found=found)


def _polytopes(
    profiles: Profiles,
    directions: ArrayLike | None,
    refinements: int,
    tolerance: float,
    effort: Effort,
    names: tuple[str, ...],
) -> tuple[list[PayoffBounds], Several]:
    """Bound the payoffs of each state by polytopes."""
    close = tolerance if profiles.limits is None else max(tolerance, _FINEST)
    found = bounded(profiles, _unit_normals(directions, profiles.size), refinements, close, effort.budget())
    outer, out, box = found.outer, [], (profiles.low, profiles.size)
    for s, (hull, filled) in enumerate(zip(found.inner, outer.filled, strict=True)):
        points = None if hull is None else hull.points
        levels = outer.levels[s] if filled else np.full(len(outer.directions), -np.inf)
        least = outer.threat[s] if filled else np.full(profiles.size.size, np.nan)
        gap = found.gap if filled else 0.0
        out.append(
            _in_units(box, points, outer.directions, levels, least, gap, outer.steps, tolerance, names)
        )
    return out, found


def _unit_normals(given: ArrayLike | None, size: Floats) -> Floats:
    """Return the directions given, or sign vectors, in the unit box and of length 1."""
    n = size.size
    if given is None:
        signs = [s for s in product((-1.0, 0.0, 1.0), repeat=n) if np.abs(s).sum() > 1] if n <= _SIGNS else []
        rows = np.array(signs).reshape(-1, n)
    else:
        rows = real(given, "directions", ndim=2)
        if rows.shape[1] != n:
            raise InvalidInput(f"`directions` must have {n} columns, one per player; got {rows.shape[1]}.")
        largest = np.abs(rows).max(axis=1, keepdims=True)
        if not largest.all():
            raise InvalidInput("`directions` must not hold a row of zeros; drop it.")
        rows = (rows / largest) * (size / size.max())
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _in_units(
    box: tuple[Floats, Floats],
    inner: Floats | None,
    directions: Floats,
    levels: Floats,
    threat: Floats,
    gap: float,
    steps: int,
    tolerance: float,
    names: tuple[str, ...],
) -> PayoffBounds:
    """Return both sides in the unit of the payoffs; a state without equilibria has levels of minus infinity."""
    (low, size), empty = box, not np.isfinite(levels).all()
    directions = directions / size
    norms = np.linalg.norm(directions, axis=1)
    points = np.empty((0, size.size)) if inner is None else inner * size + low
    highest = np.full(size.size, np.nan) if inner is None else points.min(axis=0)
    return PayoffBounds(
        inner=points,
        directions=directions / norms[:, None],
        levels=(levels + directions @ low) / norms,
        threat=np.stack([threat * size + low, highest]),
        gap=float(gap),
        status=Status.EMPTY if empty else Status.OK if gap <= tolerance else Status.INACCURATE,
        steps=steps,
        _size=size,
        player_names=names,
        tolerance=tolerance,
    )


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
    contains the answer. Then the equations of the *structure* (the profile and the binding constraint that generate
    each vertex) are solved by Newton's method, and affine bounds of how far profiles reach prove this fixed point the
    largest. An inequality violated by less than 1e-13 of the payoff range (1e-12 if patience differs) counts as
    satisfied, so in a knife-edge game the larger set is returned.

    Players who differ in patience gain by trading early payoffs against late ones: the set may reach beyond the
    hull of the stage payoffs (Lehrer and Pauzner 1999), and it may have infinitely many vertices, of which those
    that matter at a 1e-11 share of the payoff range are kept. Their sets, and those of stochastic games, start from
    levels of half-planes that policy iteration lowers to the fixed point of the affine bounds (Hoffman and Karp 1966).
    Where the structure does not settle, the answer is a slightly smaller set that generates itself, and its distance
    from the outer set the bound; if none is closer than the tolerance, the outer set, with the status INACCURATE. A
    finer tolerance or a larger budget never gives a worse answer.

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
