"""Certifiers of the Nash and the Conley-Wilkie solution on sets that are not convex: unions and points.

The other concepts go along a ray there, as on a polytope.
"""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np

from bargaining._rational import floats
from bargaining.concepts.nash import nash
from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts.bodies import Body, Points, Solid, Vector, bodies_of, less, points_of
from bargaining.exact._concepts.intervals import log_of_product
from bargaining.exact._concepts.nash_box import nash_box
from bargaining.exact._concepts.polygon import from_pairs
from bargaining.exact._concepts.polygon import nash as nash_of_polygon
from bargaining.exact._concepts.polytope_certifiers import exactly, on, outside, ranges_of, solid_of
from bargaining.exact._concepts.rays import along
from bargaining.exact.certificate import Certificate, Claim, above, allowance, compare, enclose
from bargaining.exact.registry import register
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.union import Union
from bargaining.problem import Problem


@register("conley_wilkie", Union)
@register("conley_wilkie", FreeDisposalHull, views=True)
def conley_wilkie(claim: Claim) -> Certificate:
    """Go from d towards the exact Nash solution of the hull."""
    it = solid_of(claim)
    if isinstance(it, Points):
        if len(claim.payoffs) > 2:
            return _towards_a_box(claim, it)
        points, thrown = it.points, True
    else:
        if len(claim.payoffs) > 2:
            raise NotApplicable(f"{claim.method} is certified on unions of two players.")
        lottery = claim.feasible.convex_hull()
        points = [tuple(map(Fraction, row)) for row in lottery.exact or lottery.points.tolist()]
        thrown = lottery.free_disposal
    hull = from_pairs(points or [it.disagreement], it.disagreement, free_disposal=thrown)
    target = nash_of_polygon(hull).payoffs

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        return None if target is None else along(it, it.disagreement, less(target, it.disagreement))

    return exactly(claim, answer)


def _towards_a_box(claim: Claim, it: Points) -> Certificate:
    """Go from d towards a box that holds the Nash solution of the hull: each point's ratios say how far."""
    ideal, d, what = it.ideal(), it.disagreement, f"{claim.method} on {it.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    points = np.array(it.points, dtype=object)
    hull = Body(points=points, matrix=None, limits=None, disagreement=d, free_disposal=True)
    best = hull.ideal()
    assert best is not None
    if min(less(best, d)) <= 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain."
        )
    problem = Problem(Polytope(floats(points), free_disposal=True), [float(x) for x in d])
    guess = nash(problem).payoffs.tolist()
    low, high = nash_box(hull, (Fraction(1, len(d)),) * len(d), guess) or (d, best)
    # The last point along a step rises with what the ratios of slack to step do.
    near, far = less(low, d), less(high, d)
    least, most = (
        max(min(s / p for s, p in zip(less(v, d), step, strict=True)) for v in it.above(d))
        if min(step) > 0
        else end
        for step, end in ((far, 0), (near, 1))
    )
    lowest, highest = (
        tuple(x + min(Fraction(t), Fraction(1)) * p for x, p in zip(d, step, strict=True))
        for step, t in ((near, least), (far, most))
    )
    return enclose(claim, lowest, highest, ranges_of(it, ideal), what)


@register("nash", FreeDisposalHull, views=True)
def nash_on_points(claim: Claim) -> Certificate:
    """Bound by how much larger the logarithm of the best product is; products that tie are all solutions."""
    it, weights = points_of(claim), claim.weights()
    d, what, ideal, harmless = (
        it.disagreement,
        f"{claim.method} on {it.what}",
        it.ideal(),
        it.above(it.disagreement),
    )
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    rivals = [v for v in harmless if all(x > y or w == 0 for x, y, w in zip(v, d, weights, strict=True))]
    if not rivals:  # every product is 0
        return exactly(claim, lambda it, ideal: harmless[0])
    ranges = ranges_of(it, ideal)
    if not claim.finite:
        return compare(claim, rivals[0], Status.OK, ranges, what)
    given = tuple(Fraction(x) for x in claim.payoffs)
    off, here = min(
        (max(abs(a - b) / r for a, b, r in zip(v, given, ranges, strict=True)), v) for v in it.points
    )
    short = max(*(_more_than(v, here, d, weights) for v in rivals), above(off))
    statement = f"{what}: the weighted product of gains is within a factor 1 + {short:.2g} of the best."
    return Certificate(exact=here, bound=short, tolerance=allowance(claim, here, ranges), statement=statement)


def _more_than(rival: Vector, here: Vector, d: Vector, weights: Vector) -> float:
    """Return at least the logarithm of a product of gains over another, or 0."""
    gains = [(x - z, y - z, w) for x, y, z, w in zip(rival, here, d, weights, strict=True) if w]
    if any(y <= 0 for _, y, _ in gains):
        return inf
    return (
        0.0 if rival == here else above(max(log_of_product((x / y, w) for x, y, w in gains)[1], Fraction(0)))
    )


@on("nash", Union)
def nash_on_union(claim: Claim) -> Certificate:
    """Bound by how much larger the logarithm of the best product is, over each set by its prices."""
    it, what = bodies_of(claim), f"{claim.method} on a union"
    ideal = it.ideal()
    rivals = [one for one in it.parts if _lets_gain(one, claim.weights())]
    more = None if not (claim.finite and rivals) else max(_more(one, claim) for one in rivals)
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    if not rivals:
        raise NotApplicable(
            f"{claim.method} is certified on unions where one of the sets lets everyone gain."
        )
    ranges = ranges_of(it, ideal)
    given = tuple(Fraction(v) for v in claim.payoffs) if more is not None else ideal
    bound = inf if more is None else max(more, above(outside(it, given, ranges)))
    statement = f"{what}: the weighted product of gains is within a factor 1 + {bound:.2g} of the best."
    return Certificate(
        exact=None, bound=bound, tolerance=allowance(claim, ideal, ranges), statement=statement
    )


def _lets_gain(one: Body, weights: Vector) -> bool:
    ideal = one.ideal()
    gains = None if ideal is None else zip(ideal, one.disagreement, weights, strict=True)
    return gains is not None and all(a > d or w == 0 for a, d, w in gains)


def _more(one: Body, claim: Claim) -> float:
    r"""Return at least the logarithm of the best product of gains of a set over that of the claim.

    At prices q = w / (y - d), for any y above d, all feasible gains g >= 0 have :math:`q \cdot g \le V`, and then
    :math:`\sum w_i \log g_i \le \log V + \sum w_i \log(y_i - d_i)`, with equality if y is the set's Nash solution.
    """
    w, d = claim.weights(), one.disagreement
    given = [Fraction(x) - y for x, y in zip(claim.payoffs, d, strict=True)]
    if any(g <= 0 < v for g, v in zip(given, w, strict=True)):
        return inf
    guess = _guess(one, w)
    prices = tuple(v / g if v else Fraction(0) for v, g in zip(w, guess, strict=True))
    most = one.most(prices, d)
    assert most is not None
    worth = most - sum((q * y for q, y in zip(prices, d, strict=True)), Fraction(0))
    ratios = ((g / mine, v) for v, g, mine in zip(w, guess, given, strict=True) if v)
    return above(max(log_of_product([(worth, Fraction(1)), *ratios])[1], Fraction(0)))


def _guess(one: Body, weights: Vector) -> Vector:
    """Return about the gains of a set's Nash solution, positive for everyone with a weight."""
    if one.points is not None:
        feasible = Polytope(floats(one.points), free_disposal=one.free_disposal)
    else:
        assert one.matrix is not None
        assert one.limits is not None
        feasible = Polytope.from_inequalities(floats(one.matrix), floats(one.limits))
    d = [float(x) for x in one.disagreement]
    payoffs = nash(Problem(feasible, d), weights=[float(w) for w in weights]).payoffs.tolist()
    gains = [Fraction(x) - y for x, y in zip(payoffs, one.disagreement, strict=True)]
    ideal = one.ideal()
    assert ideal is not None
    return tuple(
        g if g > 0 else (a - y) / len(gains) for g, a, y in zip(gains, ideal, one.disagreement, strict=True)
    )
