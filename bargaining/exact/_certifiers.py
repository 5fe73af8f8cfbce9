"""Certifiers of the axiomatic concepts where the exact answer is rational, and the table of all of them."""

from __future__ import annotations

from fractions import Fraction

from bargaining.errors import NotApplicable, Status
from bargaining.exact import _frontier_certifiers as _frontier_certifiers
from bargaining.exact import halving, polygons
from bargaining.exact.certificate import Certificate, Claim, above, compare, enclose
from bargaining.exact.certify import register
from bargaining.exact.polygons import ExactDivision, Polygon
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus

Payoffs = tuple[Fraction, ...]


@register("nash", Polytope)
def nash_on_polytope(claim: Claim) -> Certificate:
    """Solve the first-order condition on the edge where it changes sign: linear with rational data."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.nash(problem, claim.weights()))


@register("kalai_smorodinsky", Polytope)
def kalai_smorodinsky_on_polytope(claim: Claim) -> Certificate:
    """Intersect the ray to the exact ideal point with every side."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.kalai_smorodinsky(problem))


@register("egalitarian", Polytope)
def egalitarian_on_polytope(claim: Claim) -> Certificate:
    """Intersect the ray of equal or proportional gains with every side."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.egalitarian(problem, claim.weights()))


@register("utilitarian", Polytope)
def utilitarian_on_polytope(claim: Claim) -> Certificate:
    """Bound by how much the weighted sum misses the best vertex; points that tie are all solutions."""
    problem, weights = _polygon(claim), claim.weights()
    exact = polygons.utilitarian(problem, weights).payoffs
    if exact is None or claim.status != Status.OK:
        return compare(claim, exact, Status.OK, _spans(problem), _what(claim, problem))
    short = sum(
        (w * (e - Fraction(x)) for w, e, x in zip(weights, exact, claim.payoffs, strict=True)), Fraction(0)
    )
    size = sum((w * r for w, r in zip(weights, _spans(problem), strict=True)), Fraction(0))
    bound = above(abs(short) / size)
    statement = (
        f"{_what(claim, problem)}: the weighted sum is within {bound:.2g} of the best, over its range."
    )
    beside = compare(claim, exact, Status.OK, _spans(problem), _what(claim, problem))
    return Certificate(exact=exact, bound=bound, tolerance=beside.tolerance, statement=statement)


@register("equal_loss", Polytope)
def equal_loss_on_polytope(claim: Claim) -> Certificate:
    """Walk down from the exact ideal point with equal steps."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.equal_loss(problem))


@register("gupta_livne", Polytope)
def gupta_livne_on_polytope(claim: Claim) -> Certificate:
    """Intersect the segment from the reference point to the exact ideal point with every side."""
    problem, reference = _polygon(claim), claim.at_cell(claim.parameters["reference"], one_each=True)
    return _beside(claim, problem, polygons.gupta_livne(problem, reference))


@register("dictatorial", Polytope)
def dictatorial_on_polytope(claim: Claim) -> Certificate:
    """Compare with one player's exact ideal payoff."""
    problem = _polygon(claim)
    return _beside(claim, problem, polygons.dictatorial(problem, claim.parameters["player"]))


@register("raiffa", Polytope)
def raiffa_on_polytope(claim: Claim) -> Certificate:
    """Take the steps in rationals, until one lands on the frontier or the rest is too small to matter."""
    problem = _polygon(claim)
    found = halving.raiffa(problem)
    return (
        _beside(claim, problem, found) if isinstance(found, ExactDivision) else _within(claim, problem, found)
    )


@register("perles_maschler", Polytope)
def perles_maschler_on_polytope(claim: Claim) -> Certificate:
    """Halve the length of the frontier, square roots enclosed in rationals."""
    problem = _polygon(claim)
    return _within(claim, problem, halving.perles_maschler(problem))


def _within(claim: Claim, problem: Polygon, box: halving.Enclosure) -> Certificate:
    if box.low is None or box.high is None:
        return compare(claim, None, box.status, (), _what(claim, problem))
    return enclose(claim, box.low, box.high, _ranges(problem), _what(claim, problem))


def _polygon(claim: Claim) -> Polygon:
    if len(claim.payoffs) != 2:
        raise NotApplicable(
            f"{claim.method} is certified on polytopes of two players; got {len(claim.payoffs)}."
        )
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


@register("nash", TransferableSurplus)
@register("kalai_smorodinsky", TransferableSurplus)
@register("egalitarian", TransferableSurplus)
def shares_of_surplus(claim: Claim) -> Certificate:
    """Give each player its weight's part of the surplus: d + w (total - sum d), for all three concepts."""
    d = [Fraction(x) for x in claim.disagreement]
    surplus = Fraction(claim.at_cell(claim.feasible.total)) - sum(d, Fraction(0))
    what = f"{claim.method} on a surplus of {claim.at_cell(claim.feasible.total):g}"
    if surplus < 0:
        return compare(claim, None, Status.EMPTY, (), what)
    exact = tuple(x + w * surplus for x, w in zip(d, claim.weights(), strict=True))
    ranges = (surplus or Fraction(1),) * len(d)
    return compare(claim, exact, Status.OK if surplus else Status.DEGENERATE, ranges, what)


@register("utilitarian", TransferableSurplus)
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """Divide the total equally where the weights are equal; elsewhere the sum has no bound."""
    total, weights = Fraction(claim.at_cell(claim.feasible.total)), claim.weights()
    what = f"{claim.method} on a surplus of {float(total):g}"
    if len(set(weights)) > 1:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    exact = (total / len(weights),) * len(weights)
    return compare(claim, exact, Status.OK, (abs(total) or Fraction(1),) * len(weights), what)
