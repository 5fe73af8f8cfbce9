"""Certifiers on unions of sets whose answers are rational."""

from __future__ import annotations

from fractions import Fraction

from bargaining._rational import floats
from bargaining.concepts.nash import nash
from bargaining.errors import NotApplicable, Status
from bargaining.exact import polygons
from bargaining.exact._concepts import polytope_certifiers as bodies
from bargaining.exact._concepts.bodies import Bodies, Body, Solid, Vector, along, bodies_of
from bargaining.exact._concepts.intervals import intervals
from bargaining.exact.certificate import Certificate, Claim, above, allowance, compare
from bargaining.exact.registry import register
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.union import Union
from bargaining.problem import Problem

BITS = 256

for _certifier in (
    bodies.kalai_smorodinsky,
    bodies.egalitarian,
    bodies.equal_loss,
    bodies.gupta_livne,
    bodies.dictatorial,
    bodies.utilitarian,
):
    register(_certifier.__name__, Union)(_certifier)


@register("conley_wilkie", Union)
def conley_wilkie_on_union(claim: Claim) -> Certificate:
    """Go from d towards the exact Nash solution of the hull."""
    if len(claim.payoffs) > 2:
        raise NotApplicable(f"{claim.method} is certified on unions of two players.")
    hull = claim.feasible.convex_hull()
    points = [tuple(map(Fraction, row)) for row in hull.exact or hull.points.tolist()]
    d = tuple(Fraction(x) for x in claim.disagreement)
    target = polygons.nash(polygons.from_pairs(points, d, free_disposal=hull.free_disposal)).payoffs

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        return None if target is None else along(it, d, tuple(x - y for x, y in zip(target, d, strict=True)))

    return bodies.exactly(claim, answer)


@register("nash", Union)
def nash_on_union(claim: Claim) -> Certificate:
    """Bound by how much larger the logarithm of the best product is, over each set by its prices."""
    it, what = bodies_of(claim), f"{claim.method} on a union"
    try:
        ideal = it.ideal()
        rivals = [one for one in it.parts if _lets_gain(one, claim.weights())]
        more = None if not (claim.finite and rivals) else max(_more(one, claim) for one in rivals)
    except OverflowError:
        return compare(claim, None, Status.UNBOUNDED, (), what)
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    if not rivals:
        raise NotApplicable(
            f"{claim.method} is certified on unions where one of the sets lets everyone gain."
        )
    ranges = tuple(a - d for a, d in zip(ideal, it.disagreement, strict=True))
    ranges = tuple(g if g > 0 else s for g, s in zip(ranges, it.spans(), strict=True))
    bound = float("inf") if more is None else max(more, _outside(it, claim, ranges))
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
        return float("inf")
    guess = _guess(one, w)
    prices = tuple(v / g if v else Fraction(0) for v, g in zip(w, guess, strict=True))
    most = one.most(prices, d)
    assert most is not None
    worth = most - sum((q * y for q, y in zip(prices, d, strict=True)), Fraction(0))
    iv = intervals(BITS)
    total = iv.log(iv.mpf(worth.numerator) / worth.denominator)
    for v, g, mine in zip(w, guess, given, strict=True):
        if v:
            ratio = g / mine
            total += iv.log(iv.mpf(ratio.numerator) / ratio.denominator) * iv.mpf(v.numerator) / v.denominator
    return above(max(Fraction(float(total.b)), Fraction(0)))


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


def _outside(it: Bodies, claim: Claim, ranges: Vector) -> float:
    """Return by how much all payoffs must fall, over their ranges, to be feasible or below what is."""
    x = tuple(Fraction(v) for v in claim.payoffs)
    return above(bodies.outside(it, x, ranges))
