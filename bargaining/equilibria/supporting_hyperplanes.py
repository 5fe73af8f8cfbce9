"""Equilibrium payoffs of repeated games with any number of players, bounded from outside and from inside."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arrays import Floats, real, scalar
from bargaining.equilibria._cuts import Cuts, Profiles
from bargaining.equilibria._inner import Hull, from_stage, grown, portions, self_generating, vertices
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.repeated import Exit, RepeatedGame

_FRESH = 200  # normals added by one refinement, and programs solved for one gap
_FEWER = 50  # with four players and more, whose hulls have faces by the thousand
_COARSE = 1e-3  # what a point must add at first to a hull of many faces; a tenth after each refinement
_SIGNS = 4  # up to this many players the sign vectors are affordable directions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PayoffBounds:
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
    """

    inner: Floats
    directions: Floats
    levels: Floats
    threat: Floats
    gap: float
    status: Status
    steps: int

    def contains(self, payoffs: ArrayLike) -> bool | None:
        """Say whether payoffs are in equilibrium: True inside, False outside, None between the bounds."""
        point = real(payoffs, "payoffs", ndim=1)
        if point.size != self.directions.shape[1]:
            raise InvalidInput(f"`payoffs` must have {self.directions.shape[1]} entries; got {point.size}.")
        size = np.abs(self.directions) @ np.ptp(np.vstack([self.inner, point]), axis=0)
        rounding = 1e-12 * size + 1e-15 * np.abs(self.directions) @ np.abs(point)
        if (self.directions @ point > self.levels + rounding).any():
            return False
        if not len(self.inner):
            return None
        scale = np.where(np.ptp(self.inner, axis=0) > 0, np.ptp(self.inner, axis=0), 1.0)
        return True if Hull(self.inner / scale).outside(point[None] / scale)[0] <= 1e-9 else None


def payoff_bounds(
    repeated: RepeatedGame,
    *,
    directions: ArrayLike | None = None,
    refinements: int = 4,
    tolerance: float = 1e-6,
) -> PayoffBounds:
    r"""Bound the subgame-perfect payoffs of a repeated game with n players by supporting hyperplanes.

    The set V of equilibrium payoffs in pure actions with public randomisation is the largest fixed point of

    .. math:: B(W) = \operatorname{co} \{(1-\delta) g(a) + \delta w : w \in W,\;
              w_i \ge P_i + \tfrac{1-\delta_i}{\delta_i} [c_i(a) - g_i(a)]\}, \quad P_i = \min_{w \in W} w_i.

    Parameters
    ----------
    repeated : RepeatedGame
        Two players or more, own discount factors allowed, not a batch. With exit, all players may leave and the
        payoffs after it must not depend on who does.
    directions : array_like of shape (h, n), optional
        Normals of the outer half-spaces to start with, in units of the payoffs; the axes are always among them. By
        default all sign vectors, up to four players.
    refinements : int, default 4
        How many times normals are added: of the inner set's faces, or of the outer points' while there is none;
        at most 200 each time (50 with four players), those beyond which the outer set reaches farthest.
    tolerance : float, default 1e-6
        The gap at which refinement stops.

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
    does not rest on the solver's tolerances), and the threat is never below the least best-deviation payoff of a
    profile that can still be played. Every iterate contains V.

    *Inner.* The points where the half-spaces touch are shrunk towards their centre until they generate
    themselves, up to 1e-11 of the payoff range, and are grown again; the stage equilibria are the fallback. The
    faces of the inner set are then new directions for the outer one.

    *Exit* as in `payoff_set`: the threat is o, everyone must get at least o to stay, and (o, ..., o) is in V.

    References
    ----------
    Judd, K., Yeltekin, S. and Conklin, J. (2003). Computing supergame equilibria. *Econometrica* 71, 1239-1254.

    Examples
    --------
    Three players share a public good worth 2 to each per contributor; a free rider saves 3:

    >>> import numpy as np
    >>> from bargaining.games.normal_form import Game
    >>> others = np.indices((2, 2, 2))
    >>> game = Game(*(2 * (3 - others.sum(axis=0)) + 3 * others[i] for i in range(3)))
    >>> bounds = payoff_bounds(RepeatedGame(game, 0.25))
    >>> bounds.contains([6, 6, 6]), bounds.contains([6, 6, 7]), bounds.gap < 1e-6
    (True, False, True)
    """
    profiles, low, size = _unit(repeated)
    if isinstance(refinements, bool) or not isinstance(refinements, int | np.integer) or refinements < 0:
        raise InvalidInput(f"`refinements` must be a whole number, at least 0; got {refinements!r}.")
    if not scalar(tolerance, "tolerance") >= 0.0:
        raise InvalidInput(f"`tolerance` must not be negative; got {tolerance!r}.")
    cuts = Cuts.around(profiles, _directions(directions, size))
    if not cuts.shrink():
        return _bounds(cuts, None, low, size, tolerance)
    return _bounds(cuts, _refined(cuts, int(refinements), tolerance), low, size, tolerance)


def _refined(cuts: Cuts, refinements: int, tolerance: float) -> Hull | None:
    """Add normals where the outer set reaches far beyond the inner one; return the inner set."""
    profiles, enough = cuts.profiles, _COARSE
    inner = from_stage(profiles, cuts.directions, enough)
    for left in range(refinements, -1, -1):
        touched = None
        if len(cuts.points) and (inner is None or _gap(cuts, inner, enough=tolerance) > tolerance):
            touched = self_generating(profiles, cuts.points, cuts.directions, enough)
            inner = _union(cuts, inner, touched, enough)
        if (
            not left
            or not len(cuts.points)
            or (inner is not None and _gap(cuts, inner, enough=tolerance) <= tolerance)
        ):
            break
        sources = [touched or Hull.of(cuts.points), inner]
        fresh = _new([_widest(cuts, source) for source in sources if source], cuts.directions)
        if not len(fresh):
            break
        cuts.extend(fresh)
        cuts.shrink()
        enough = max(enough / 10.0, tolerance / 10.0)
    return inner


def _widest(cuts: Cuts, inner: Hull) -> Floats:
    """Return normals of the faces beyond which the outer set reaches farthest: enough of them for one refinement."""
    normals, most = inner.normals(), _FRESH if inner.points.shape[1] < _SIGNS else _FEWER
    if len(normals) <= most:
        return normals
    beyond = _reach(cuts, normals) - (normals @ inner.points.T).max(axis=1)
    return np.asarray(normals[np.argsort(-beyond, kind="stable")[:most]])


def _reach(cuts: Cuts, directions: Floats) -> Floats:
    """Return how far the outer set reaches: by programs, or by its vertices if directions are many."""
    if len(directions) <= _FRESH:
        return cuts.reach(directions)
    inside = cuts.points.mean(axis=0)
    halfspaces = np.hstack([cuts.directions, -cuts.levels[:, None]])
    corners = vertices(halfspaces, inside)
    if not len(corners):
        return cuts.reach(directions)
    return np.concatenate([(part @ corners.T).max(axis=1) for part in portions(directions, len(corners))])


def _unit(repeated: RepeatedGame) -> tuple[Profiles, Floats, Floats]:
    """Return the game in the unit box, with the box's corner and size."""
    if not isinstance(repeated, RepeatedGame):
        raise InvalidInput(f"`repeated` must be a RepeatedGame; got {type(repeated).__name__}.")
    if repeated.batch_shape:
        raise InvalidInput("`repeated` must be a single game; take one of the batch with `.at(index)`.")
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


def _new(normals: list[Floats], known: Floats) -> Floats:
    """Return the normals that are not among the known directions, each once."""
    kept: list[Floats] = []
    for normal in np.vstack([np.empty((0, known.shape[1])), *normals]):
        if all(np.abs(normal - other).max() > 1e-7 for other in [*known, *kept]):
            kept.append(normal)
    return np.array(kept).reshape(-1, known.shape[1])


def _union(cuts: Cuts, first: Hull | None, second: Hull | None, enough: float) -> Hull | None:
    """Return what two self-generating sets generate together."""
    if first is None or second is None:
        return first or second
    both = Hull.of(np.vstack([first.points, second.points]))
    return grown(cuts.profiles, both, cuts.directions, enough) if both else first


def _gap(cuts: Cuts, inner: Hull, *, enough: float = np.inf) -> float:
    """Return how far the outer set reaches beyond the inner one: in its own directions, and beyond the inner faces.

    If the first of the two is over `enough` the second is not computed.
    """
    gap = _beyond(cuts.directions, cuts.levels, inner)
    faces = inner.normals() if gap <= enough else inner.normals()[:0]
    return max(gap, _beyond(faces, _reach(cuts, faces), inner))


def _beyond(directions: Floats, levels: Floats, inner: Hull) -> float:
    return float((levels - (directions @ inner.points.T).max(axis=1)).max(initial=0.0))


def _bounds(cuts: Cuts, inner: Hull | None, low: Floats, size: Floats, tolerance: float) -> PayoffBounds:
    """Return to the units of the payoffs."""
    gap = np.inf if inner is None else _gap(cuts, inner)
    empty = inner is None and not cuts.alive.any()
    directions = cuts.directions / size
    norms = np.linalg.norm(directions, axis=1)
    points = np.empty((0, size.size)) if inner is None else inner.points * size + low
    highest = np.full(size.size, np.nan) if inner is None else points.min(axis=0)
    return PayoffBounds(
        inner=points,
        directions=directions / norms[:, None],
        levels=(cuts.levels + directions @ low) / norms,
        threat=np.stack([cuts.threat * size + low, highest]),
        gap=float(gap),
        status=Status.EMPTY if empty else Status.OK if gap <= tolerance else Status.INACCURATE,
        steps=cuts.steps,
    )
