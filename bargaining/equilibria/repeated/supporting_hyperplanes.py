"""Equilibrium payoffs of repeated games with any number of players, bounded from outside and from inside."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import whole
from bargaining._arrays import Floats, owning, real, scalar
from bargaining._rich import Shown, number
from bargaining.equilibria._budget import Effort
from bargaining.equilibria.repeated._hyperplanes.inner import Hull
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.refinement import gap, refined
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import Exit, RepeatedGame, require_repeated

if TYPE_CHECKING:
    from bargaining.equilibria.repeated._monitored.search import Found

_PROGRAM = 1000  # units that a linear program counts for under monitoring
_FINEST = 1e-9  # the tolerance that slack is measured by where none is asked for
_SIGNS = 4  # up to this many players the sign vectors are affordable directions


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffBounds(Shown):
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
        two are the same. Infinite without an inner set.
    status : Status
        OK; EMPTY if it is shown that no equilibrium exists; INACCURATE if `gap` exceeds the tolerance asked for:
        the bounds hold all the same.
    steps : int
        Applications of the outer operator.
    player_names : tuple of str
        The names of the players, or their numbers.
    repeated : RepeatedGame or None
        The game whose payoffs these are.
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
    _found: Found | None = field(default=None, repr=False)  # what proves both sides under monitoring

    def __repr__(self) -> str:
        sizes = f"{len(self.levels)} faces outside, {len(self.inner)} vertices inside"
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


def payoff_bounds(
    repeated: RepeatedGame,
    *,
    directions: ArrayLike | None = None,
    refinements: int = 8,
    tolerance: float = 1e-6,
    budget: int | None = None,
) -> PayoffBounds:
    r"""Bound the equilibrium payoffs of a repeated game with n players by supporting hyperplanes.

    The set V of equilibrium payoffs in pure actions with public randomisation is the largest fixed point of

    .. math:: B(W) = \operatorname{co} \{(1-\delta) g(a) + \delta w : w \in W,\;
              w_i \ge P_i + \tfrac{1-\delta_i}{\delta_i} [c_i(a) - g_i(a)]\}, \quad P_i = \min_{w \in W} w_i.

    Parameters
    ----------
    repeated : RepeatedGame
        Two players or more, own discount factors allowed, with or without monitoring, not a batch. With exit, all
        players may leave and the payoffs after it must not depend on who does.
    directions : array_like of shape (h, n), optional
        Normals of the outer half-spaces to start with, in units of the payoffs; the axes are always among them. By
        default all sign vectors, up to four players.
    refinements : int, default 8
        How many times normals are added: of faces of the inner set and of the hull of the points where the half-spaces
        touch, at most 100 of each a time, those beyond which the outer set reaches farthest.
    tolerance : float, default 1e-6
        The gap at which refinement stops, as a share of the payoff range; with 0 it goes on as long as it may.
    budget : int, default 300,000,000
        Units of work after which to give up: a profile bounded in a direction, or met with a face of an inner set. A
        step that has begun is finished. With monitoring a linear program, one for a profile and a direction each, is a
        thousand. The bounds hold all the same, with the status INACCURATE.

    Returns
    -------
    PayoffBounds

    Raises
    ------
    InvalidInput
        If the game is a batch, or another argument is out of its domain.
    NotApplicable
        If only some may leave, or payoffs depend on who leaves.

    Notes
    -----
    *Outer.* From the feasible payoffs, half-spaces are pushed in to the support of B of their intersection. Each
    support is bounded by a dual solution of its linear program (repaired to be feasible, so that the bound
    does not rest on a solver's tolerances), an affine function of all levels. Policy iteration solves for the fixed
    point of these bounds at once, and counts where they are shown to contract. The threat is never below the least
    best-deviation payoff of a profile that can still be played.

    *Inner.* The vertices of the hull of the points where the half-spaces touch move to what they generate until they
    stay, or until the points that generate themselves in the same way can be solved for: up to 1e-11 of the
    payoff range. Shrunk points and the stage equilibria are the fallback.

    *Both* are the same polytope once the inner set has all its vertices: the half-spaces at the faces of the
    inner set alone then hold the outer one.

    *Monitoring.* With signals that do not show the actions the payoffs are those of perfect public equilibria, as
    `payoff_set` has them for two players. A profile's linear program then has continuations for each signal. Such sets
    are often round: the gap falls about as one over the number of half-spaces, and patience multiplies what their
    corners cut off. So for patient players expect INACCURATE bounds, which hold all the same. `certify` proves both.

    *Exit* as in `payoff_set`: the threat is o, everyone must get at least o to stay, and (o, ..., o) is in V.

    References
    ----------
    Judd, K. L., Yeltekin, S. and Conklin, J. (2003). Computing supergame equilibria. *Econometrica* 71(4), 1239-1254.
    doi:10.1111/1468-0262.t01-1-00445

    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Examples
    --------
    Three players share a public good worth 2 to each per contributor; a free rider saves 3:

    >>> import numpy as np
    >>> from bargaining import Game
    >>> others = np.indices((2, 2, 2))
    >>> game = Game(*(2 * (3 - others.sum(axis=0)) + 3 * others[i] for i in range(3)))
    >>> bounds = payoff_bounds(RepeatedGame(game, 0.25))
    >>> bounds.contains([6, 6, 6]), bounds.contains([6, 6, 7]), bounds.gap < 1e-6
    (True, False, True)
    """
    require_repeated(repeated)
    if repeated.batch_shape:
        raise InvalidInput("`repeated` must be a single game; take one of the batch with `.at(index)`.")
    whole(refinements, "refinements", 0)
    if not scalar(tolerance, "tolerance") >= 0.0:
        raise InvalidInput(f"`tolerance` must not be negative; got {tolerance!r}.")
    effort = Effort.of(None, budget)
    if repeated.monitoring is not None and not repeated.monitoring.is_perfect:
        return _monitored(repeated, directions, int(refinements), tolerance, effort)
    profiles, low, size = _unit(repeated)
    work = effort.budget()
    outer = Outer.around(profiles, _directions(directions, size), work)
    inner = None
    if outer.shrink():
        outer, inner = refined(outer, int(refinements), tolerance)
    points = None if inner is None else inner.points
    empty = inner is None and not outer.alive.any()
    reach = np.inf if inner is None else gap(outer, inner)
    found = _Sides(points, outer.directions, outer.levels, outer.threat, reach, empty, outer.steps)
    return _bounds(repeated, found, low, size, tolerance)


class _Sides(NamedTuple):
    """Both sides in the unit box."""

    inner: Floats | None
    directions: Floats
    levels: Floats
    threat: Floats
    gap: float
    empty: bool
    steps: int


def _monitored(
    repeated: RepeatedGame, directions: ArrayLike | None, refinements: int, tolerance: float, effort: Effort
) -> PayoffBounds:
    """Return the bounds where actions are seen through a signal."""
    from bargaining.equilibria.repeated._monitored.data import Data
    from bargaining.equilibria.repeated._monitored.several import close

    if repeated.exit is not None:
        _outside(repeated.exit, repeated.players)
    data = Data.of(repeated)
    budget = max(effort.units // _PROGRAM, 1)
    common = bool((repeated.discounts == repeated.discounts[0]).all())
    outer, found = close(
        data, _directions(directions, data.size), max(tolerance, _FINEST), budget, refinements, common=common
    )
    points = None if found.inner is None else found.inner.corners
    reach = found.gap if points is not None else np.inf
    n, empty = repeated.players, outer.outline is None
    sides = _Sides(
        points, outer.directions, outer.levels, -outer.levels[n : 2 * n], reach, empty, outer.rounds
    )
    return replace(_bounds(repeated, sides, data.low, data.size, tolerance), _found=found)


def _unit(repeated: RepeatedGame) -> tuple[Profiles, Floats, Floats]:
    """Return the game in the unit box, with the box's corner and size."""
    n = repeated.players
    payoffs, best = repeated.game.payoffs.reshape(-1, n), repeated.game.deviations().reshape(-1, n)
    outside = None if repeated.exit is None else _outside(repeated.exit, n)
    everything = payoffs if outside is None else np.vstack([payoffs, outside])
    low, size = everything.min(axis=0), np.ptp(everything, axis=0)
    size = np.where(size > 0, size, 1.0)
    scaled = None if outside is None else (outside - low) / size
    return Profiles((payoffs - low) / size, (best - low) / size, repeated.discounts, scaled), low, size


def _outside(leave: Exit, players: int) -> Floats:
    if len(leave.who) < players or (leave.payoffs != leave.payoffs[0]).any():
        raise NotApplicable(
            "These bounds need an exit that is open to all with the same payoffs whoever leaves; got "
            f"{leave!r}. For two players see `payoff_set`."
        )
    outside: Floats = leave.payoffs[0]
    return outside


def _directions(given: ArrayLike | None, size: Floats) -> Floats:
    n = size.size
    if given is None:
        signs = [s for s in product((-1.0, 0.0, 1.0), repeat=n) if np.abs(s).sum() > 1] if n <= _SIGNS else []
        rows = np.array(signs).reshape(-1, n)
    else:
        rows = real(given, "directions", ndim=2)
        if rows.shape[1] != n:
            raise InvalidInput(f"`directions` must have {n} columns, one per player; got {rows.shape[1]}.")
        if not np.abs(rows).max(axis=1).all():
            raise InvalidInput("`directions` must not hold a row of zeros; drop it.")
        rows = rows * size
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _bounds(
    repeated: RepeatedGame, found: _Sides, low: Floats, size: Floats, tolerance: float
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
        gap=float(found.gap),
        status=Status.EMPTY if found.empty else Status.OK if found.gap <= tolerance else Status.INACCURATE,
        steps=found.steps,
        _size=size,
        player_names=repeated.player_names,
        repeated=repeated,
    )
