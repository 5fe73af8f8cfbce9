r"""Payoffs of perfect public equilibria certified from both sides, in rationals.

*Inner.* An automaton with rational weights: the payoffs of its states follow from a linear system, so continuation
payoffs are exact, and neither a deviation nor leaving pays. So the payoffs of its states, and all points of their hull,
are equilibrium payoffs.

*Outer.* As in `several_certificate`: profiles are excluded in floats, with thresholds that are lower by a margin; that
no other goes beyond the half-planes is checked in rationals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from bargaining._arguments import instance, whole
from bargaining._arrays import Floats
from bargaining.equilibria._budget import Budget
from bargaining.equilibria._plane.lottery import Payoffs
from bargaining.equilibria._plane.rationals import DEFAULT
from bargaining.equilibria.repeated._hyperplanes.hull import Hull
from bargaining.equilibria.repeated._hyperplanes.outer_faces import Outer
from bargaining.equilibria.repeated._hyperplanes.profiles import Profiles
from bargaining.equilibria.repeated._hyperplanes.refinement import Several, gap
from bargaining.equilibria.repeated.public import PublicPayoffSet
from bargaining.equilibria.repeated.public_automaton import automata
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.errors import NotApplicable, Status
from bargaining.exact.set_certificate import PayoffCertificate, worst
from bargaining.exact.several_certificate import UNITS, ExactGame, past
from bargaining.games.repeated import RepeatedGame


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCertificate(PayoffCertificate):
    """What is proved about the payoffs of perfect public equilibria, with the attributes of `PayoffCertificate`."""


def certify_public_payoff_set(
    found: PublicPayoffSet | PayoffBounds, *, tolerance: float | None = None, budget: int | None = None
) -> PublicCertificate:
    """Prove from both sides how far a set of payoffs is from that of all perfect public equilibria.

    `certify` describes the arguments.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Game, Monitoring, payoff_set
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> found = payoff_set(RepeatedGame(partners, Fraction(3, 5), monitoring=report), tolerance=1e-3)
    >>> proof = certify_public_payoff_set(found, tolerance=1e-3)
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    repeated, sides, claimed = _asked(found)
    if tolerance is None:
        tolerance = found.tolerance if isinstance(found, PayoffBounds) else found.stats.tolerance
    work = Budget((DEFAULT if budget is None else whole(budget, "budget", 1)) * UNITS)
    game = ExactGame(repeated)
    proved = game.levels(sides, work)
    vertices: tuple[Payoffs, ...] = ()
    bound, inner = inf, False
    for automaton in automata(repeated, sides):
        points = automaton.values()
        exact = _unit(points, game.profiles)
        hull = Hull.of(exact)
        if hull is None:
            continue
        apart = max(_beyond(exact, claimed), _beyond(claimed, exact), _off(found, game.profiles, exact))
        far = inf if proved is None else max(apart, gap(proved.of(0), hull))
        if not inner or far < bound:
            inner, bound, vertices = True, far, tuple(points[k] for k in hull.places.tolist())
        if bound <= max(tolerance, 2.0 * sides.gap):
            break
    empty = found.status is Status.EMPTY and proved is not None and not proved.filled.any()
    if empty:
        inner, bound = True, 0.0
    return PublicCertificate(
        inner=inner,
        outer=proved is not None,
        bound=float(bound),
        exact=False,
        tolerance=tolerance,
        statement=_statement(inner, vertices, proved, bound, empty),
        vertices=vertices,
    )


def _asked(found: PublicPayoffSet | PayoffBounds) -> tuple[RepeatedGame, Several, Floats]:
    """Return the game, what was found, and the corners that are claimed, in the unit box."""
    points = (
        found.inner if isinstance(found, PayoffBounds) else instance(found, "found", PublicPayoffSet).vertices
    )
    repeated, sides = found.repeated, found._found
    if repeated is None or not isinstance(sides, Several):
        raise NotApplicable(
            "`found` must be what was computed for a game with `monitoring`; else see `certify`."
        )
    profiles = Profiles.monitored(repeated)
    return repeated, sides, (points - profiles.low) / profiles.size


def _off(found: PublicPayoffSet | PayoffBounds, profiles: Profiles, exact: Floats) -> float:
    """Return how far the threat as given is from that of the vertices, and how far these lie beyond the outer set."""
    low, size = profiles.low, profiles.size
    if isinstance(found, PayoffBounds):
        return past(found, exact, low, size)
    threat = (found.threat - low) / size - exact.min(axis=0)
    return worst([*np.abs(threat), _beyond(exact, (found.outer - low) / size)])


def _statement(
    inner: bool,
    vertices: tuple[Payoffs, ...],
    proved: Outer | None,
    bound: float,
    empty: bool,
) -> str:
    if empty:
        return "No profile can be sustained: the outer sets vanish."
    text = "Nothing is proved from inside."
    if inner:
        text = f"{len(vertices)} rational vertices generate themselves by an automaton without regret, checked exactly."
    if proved is None:
        return f"{text} Nothing is proved from outside."
    if bound == inf:
        return f"{text} All equilibrium payoffs lie within the half-planes of `outer`, checked exactly."
    return f"{text} No equilibrium payoff lies farther outside than {bound:.1e} of the range."


def _unit(points: Sequence[Payoffs], profiles: Profiles) -> Floats:
    """Return points in the unit box."""
    exact = np.array([[float(x) for x in row] for row in points])
    return np.asarray((exact.reshape(-1, profiles.low.size) - profiles.low) / profiles.size)


def _beyond(points: Floats, others: Floats) -> float:
    """Return how far points lie beyond the hull of others; infinity if there are no others."""
    if not len(points) or not len(others):
        return inf if len(points) else 0.0
    hull = Hull.of(others) if np.isfinite(others).all() else None
    return inf if hull is None else float(hull.outside(points).max(initial=0.0))
