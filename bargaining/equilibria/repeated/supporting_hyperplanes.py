"""Equilibrium payoffs of repeated games with any number of players, bounded from outside and from inside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, fill, owning, real, scalar
from bargaining._rational import rational
from bargaining._rich import Result, counted, number
from bargaining.equilibria._budget import Effort
from bargaining.equilibria.repeated._hyperplanes.hull import Hull
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles, require_common
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, bounded
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

if TYPE_CHECKING:
    from bargaining.equilibria.automaton import PublicAutomaton

_FINEST = 1e-9  # the tolerance by which slack is measured if none is given
_SIGNS = 4  # up to this many players the sign vectors are affordable directions


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    repeated : RepeatedGame or None
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
    repeated: RepeatedGame | None = field(default=None, repr=False)
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
        from bargaining.equilibria.repeated.public_automaton import attaining, automata

        if (
            not isinstance(self._found, Several)
            or self._found.outer.profiles.limits is None
            or self.repeated is None
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
        return attaining(automata(self.repeated, self._found), exact, self._size, near)


def repeated_payoff_bounds(
    repeated: RepeatedGame, directions: ArrayLike | None, refinements: int, tolerance: float, effort: Effort
) -> PayoffBounds:
    """Bound the payoffs of a repeated game, see `payoff_bounds`."""
    if repeated.batch_shape:
        raise InvalidInput("`game` must be a single game; take one of the batch with `.at(index)`.")
    if repeated.monitoring is None or repeated.monitoring.is_perfect:
        profiles, near = Profiles.of(StochasticGame.from_repeated(repeated)), tolerance
    elif repeated.players < 2:
        raise NotApplicable(
            "Bounds under monitoring are for two players or more; the game has 1. Use `joint_payoffs`."
        )
    else:
        if repeated.exit is not None:
            require_common(repeated.exit, repeated.players)
        profiles, near = Profiles.monitored(repeated), max(tolerance, _FINEST)
    rows = directions_of(directions, profiles.size)
    found = bounded(profiles, rows, refinements, near, effort.budget())
    outer, (inner,), n = found.outer, found.inner, repeated.players
    points = None if inner is None else inner.points
    empty, levels = inner is None and not outer.filled.any(), outer.levels[0]
    threat = np.full(n, np.nan) if empty else -levels[n : 2 * n]
    sides = Sides(points, outer.directions, levels, threat, found.gap, empty, outer.steps)
    bounds = in_units(sides, profiles.low, profiles.size, tolerance, repeated.player_names)
    return replace(bounds, repeated=repeated, _found=found)


class Sides(NamedTuple):
    """Both sides in the unit box."""

    inner: Floats | None
    directions: Floats
    levels: Floats
    threat: Floats
    gap: float
    empty: bool
    steps: int


def directions_of(given: ArrayLike | None, size: Floats) -> Floats:
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


def in_units(
    found: Sides, low: Floats, size: Floats, tolerance: float, names: tuple[str, ...]
) -> PayoffBounds:
    """Return to the units of the payoffs."""
    directions = found.directions / size
    norms = np.linalg.norm(directions, axis=1)
    points = np.empty((0, size.size)) if found.inner is None else found.inner * size + low
    highest = np.full(size.size, np.nan) if found.inner is None else points.min(axis=0)
    return PayoffBounds(
        inner=points,
        directions=directions / norms[:, None],
        levels=(found.levels + directions @ low) / norms,
        threat=np.stack([found.threat * size + low, highest]),
        gap=0.0 if found.empty else float(found.gap),
        status=Status.EMPTY if found.empty else Status.OK if found.gap <= tolerance else Status.INACCURATE,
        steps=found.steps,
        _size=size,
        player_names=names,
        tolerance=tolerance,
    )
