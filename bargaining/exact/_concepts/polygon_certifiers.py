"""Certifiers of the axiomatic concepts where the set is a polygon, and the exact answer mostly rational."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from math import inf

from bargaining.errors import NotApplicable, Status
from bargaining.exact import polygons
from bargaining.exact._concepts import flow, halving, nearest
from bargaining.exact._concepts import polytope_certifiers as bodies
from bargaining.exact._concepts.bodies import body_of
from bargaining.exact._concepts.clipping import polygon_of
from bargaining.exact.certificate import Certificate, Claim, compare, enclose
from bargaining.exact.polygons import ExactDivision, Polygon
from bargaining.exact.registry import Certifier, register
from bargaining.feasible.polytope import Polytope

Payoffs = tuple[Fraction, ...]


def _otherwise(general: Certifier | None) -> Callable[[Certifier], Certifier]:
    """Ask a certifier of polygons where the set is one, and another where it is not."""

    def choose(planar: Certifier) -> Certifier:
        def certifier(claim: Claim) -> Certificate:
            return planar(claim) if general is None or bodies.is_polygon(claim) else general(claim)

        return certifier

    return choose


def _bounded(certifier: Certifier) -> Certifier:
    """Say that a set is unbounded where rational programs find that."""

    @wraps(certifier)
    def answer(claim: Claim) -> Certificate:
        try:
            return certifier(claim)
        except OverflowError:
            return compare(claim, None, Status.UNBOUNDED, (), f"{claim.method} on a polytope")

    return answer


@register("nash", Polytope, views=True)
@register("conley_wilkie", Polytope, views=True)
@_bounded
def nash_on_polytope(claim: Claim) -> Certificate:
    """Solve the first-order condition on the edge where it changes sign: linear with rational data."""
    if len(claim.payoffs) != 2:
        return bodies.nash(claim)
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.nash(problem, claim.weights()))


@register("kalai_smorodinsky", Polytope, views=True)
@_otherwise(bodies.kalai_smorodinsky)
def kalai_smorodinsky_on_polytope(claim: Claim) -> Certificate:
    """Intersect the ray to the exact ideal point with every side."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.kalai_smorodinsky(problem))


@register("egalitarian", Polytope, views=True)
@_otherwise(bodies.egalitarian)
def egalitarian_on_polytope(claim: Claim) -> Certificate:
    """Intersect the ray of equal or proportional gains with every side."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.egalitarian(problem, claim.weights()))


@register("equal_loss", Polytope, views=True)
@_otherwise(bodies.equal_loss)
def equal_loss_on_polytope(claim: Claim) -> Certificate:
    """Walk down from the exact ideal point with equal steps."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.equal_loss(problem))


@register("gupta_livne", Polytope, views=True)
@_otherwise(bodies.gupta_livne)
def gupta_livne_on_polytope(claim: Claim) -> Certificate:
    """Intersect the segment from the reference point to the exact ideal point with every side."""
    problem, reference = _polygon(claim), claim.given("reference", one_each=True)
    return _beside(claim, problem, polygons.gupta_livne(problem, reference))


@register("dictatorial", Polytope, views=True)
@_otherwise(bodies.dictatorial)
def dictatorial_on_polytope(claim: Claim) -> Certificate:
    """Compare with one player's exact ideal payoff."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.dictatorial(problem, claim.given("player")))


@register("raiffa", Polytope, views=True)
@_otherwise(bodies.raiffa)
def raiffa_on_polytope(claim: Claim) -> Certificate:
    """Take the steps in rationals, until one lands on the frontier or the rest is too small to matter."""
    problem = _polygon(claim)
    found = halving.raiffa(problem)
    return (
        _beside(claim, problem, found) if isinstance(found, ExactDivision) else _within(claim, problem, found)
    )


@register("continuous_raiffa", Polytope, views=True)
@_bounded
def continuous_raiffa_on_polytope(claim: Claim) -> Certificate:
    """Hold the path between two, in intervals; with more players follow it by a curve of many digits."""
    if len(claim.payoffs) > 2:
        return bodies.continuous_raiffa(claim)
    problem = _polygon(claim)
    return _within(claim, problem, flow.continuous_raiffa(problem))


@register("yu", Polytope, views=True)
@_bounded
def yu_on_polytope(claim: Claim) -> Certificate:
    """Find the nearest point of each piece of the frontier: in rationals for p = 1, 2 and infinity, else in a box."""
    power = float(claim.given("p"))
    if power == inf:
        return equal_loss_on_polytope(claim) if len(claim.payoffs) == 2 else bodies.least_losses(claim)
    if power == 1 or len(claim.payoffs) > 2:
        return bodies.yu(claim)
    problem = _polygon(claim)
    return _within(claim, problem, nearest.yu(problem, Fraction(power)))


@register("perles_maschler", Polytope, views=True)
@_bounded
def perles_maschler_on_polytope(claim: Claim) -> Certificate:
    """Halve the length of the frontier, square roots enclosed in rationals."""
    if len(claim.payoffs) > 2:
        raise NotApplicable(f"{claim.method} is a concept for two players; got {len(claim.payoffs)}.")
    problem = _polygon(claim)
    return _within(claim, problem, halving.perles_maschler(problem))


def _within(claim: Claim, problem: Polygon, box: halving.Enclosure) -> Certificate:
    if box.low is None or box.high is None:
        return compare(claim, None, box.status, (), _what(claim, problem))
    if box.low == box.high:
        return compare(claim, box.low, box.status, _ranges(problem), _what(claim, problem))
    return enclose(claim, box.low, box.high, _ranges(problem), _what(claim, problem))


def _polygon(claim: Claim) -> Polygon:
    """Return a claim's polygon; of a set that goes on for ever below, what is at or above d."""
    if claim.view is not None or not bodies.is_polygon(claim):
        return polygon_of(body_of(claim))
    # A set made of Fractions keeps them beside its floats.
    points = getattr(claim.feasible, "exact", None) or claim.feasible.vertices.tolist()
    return polygons.from_pairs(points, claim.disagreement, free_disposal=claim.feasible.free_disposal)


def _beside(claim: Claim, problem: Polygon, exact: ExactDivision) -> Certificate:
    return compare(claim, exact.payoffs, exact.status, _ranges(problem), _what(claim, problem))


def _ranges(problem: Polygon) -> Payoffs:
    """Return the players' ranges of gains, or the span of the set where one cannot gain."""
    ideal: tuple[Fraction | int, ...] = problem.ideal() or problem.disagreement
    gains = (Fraction(a - d) / problem.scale for a, d in zip(ideal, problem.disagreement, strict=True))
    return tuple(g if g > 0 else span for g, span in zip(gains, _spans(problem), strict=True))


def _spans(problem: Polygon) -> Payoffs:
    columns = zip(*problem.vertices, strict=True)
    return tuple(Fraction(max(c) - min(c), problem.scale) or Fraction(1) for c in columns)


def _what(claim: Claim, problem: Polygon) -> str:
    return f"{claim.method} on a polygon of {len(problem.vertices)} vertices"
