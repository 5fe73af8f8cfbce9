"""Certifiers of the axiomatic concepts on polytopes, unions, sets of points and surpluses.

If the exact answer is rational, it is computed and compared; otherwise a box of rationals provably contains it. A
polytope of two players is a polygon; computations with its corners and sides are faster than linear programs. The Nash
and the Conley-Wilkie solution have separate certifiers on unions and points; the other concepts follow a ray there, as
on a polytope.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import wraps
from math import inf

import numpy as np

from bargaining._rational import floats
from bargaining.concepts import nash as in_floats
from bargaining.errors import NotApplicable, Status
from bargaining.exact._concepts import bodies, nearest_losses, raiffa_path_polytope, rays
from bargaining.exact._concepts.bodies import (
    Body,
    Enclosure,
    Plane,
    Points,
    Solid,
    Vector,
    bodies_of,
    body_of,
    dot,
    from_pairs,
    less,
    points_of,
    polygon_of,
    settled,
)
from bargaining.exact._concepts.intervals import log_of_product
from bargaining.exact._concepts.nash_box import nash_box, weightless_box
from bargaining.exact._concepts.rays import Answer, along
from bargaining.exact.certificate import (
    Certificate,
    Certifier,
    Claim,
    above,
    allowance,
    compare,
    enclose,
    register,
)
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.union import Union
from bargaining.problem import Problem


def on(method: str, *kinds: type) -> Callable[[Certifier], Certifier]:
    """Register a function as the certifier of a method on some kinds of sets; it reports unbounded sets as such."""

    def add(certifier: Certifier) -> Certifier:
        @wraps(certifier)
        def bounded(claim: Claim) -> Certificate:
            try:
                return certifier(claim)
            except OverflowError:  # raised by linear programs without an upper bound
                kind = "union" if isinstance(claim.feasible, Union) else "polytope"
                return compare(claim, None, Status.UNBOUNDED, (), f"{claim.method} on a {kind}")

        for kind in kinds:
            register(method, kind, views=kind is not Union)(bounded)
        return certifier

    return add


def solid_of(claim: Claim) -> Solid:
    """Return the set that a claim is about, in rationals and in the units of its payoffs."""
    if isinstance(claim.feasible, Union):
        return bodies_of(claim)
    if isinstance(claim.feasible, FreeDisposalHull):
        return points_of(claim)
    cornered = len(claim.payoffs) == 2 and getattr(claim.feasible, "points", None) is not None
    return _plane(claim) if cornered else body_of(claim)


def _plane(claim: Claim) -> Plane:
    """Return a set of two players as a polygon; of a set without lower bound, the part at or above d."""
    return Plane(polygon=polygon_of(body_of(claim)))


_ALL = Polytope, TransferableSurplus, FreeDisposalHull, Union


_RAYS: dict[str, Callable[[Claim], Answer]] = {
    "kalai_smorodinsky": lambda claim: rays.kalai_smorodinsky,
    "egalitarian": lambda claim: rays.egalitarian(claim.weights()),
    "equal_loss": lambda claim: rays.equal_loss,
    "gupta_livne": lambda claim: rays.gupta_livne(
        tuple(Fraction(x) for x in claim.given("reference", one_each=True))
    ),
    "dictatorial": lambda claim: rays.dictatorial(claim.given("player")),
    "lexicographic_kalai_smorodinsky": lambda claim: rays.lexicographic_kalai_smorodinsky,
    "lexicographic_egalitarian": lambda claim: rays.lexicographic_egalitarian(claim.weights()),
}
"""Concepts that end along a ray, with the parameters of a claim."""


def along_a_ray(claim: Claim) -> Certificate:
    """Compare the claim with the exact end of the concept's ray."""
    return exactly(claim, _RAYS[claim.method.partition("(")[0]](claim))


for _method in _RAYS:
    on(_method, *(_ALL if "lexicographic" not in _method else (Polytope, TransferableSurplus)))(along_a_ray)


@on("utilitarian", Polytope, FreeDisposalHull, Union)
def utilitarian(claim: Claim) -> Certificate:
    """Bound the difference of the weighted sum from the maximum; all maximisers are solutions."""
    it, weights = solid_of(claim), claim.weights()
    top, what = it.top(weights), f"{claim.method} on {it.what}"
    if top is None:
        return compare(claim, None, Status.EMPTY, (), what)
    sizes = it.spans()
    if claim.status != Status.OK or not claim.finite:
        return compare(claim, top, Status.OK, sizes, what)
    x = tuple(Fraction(v) for v in claim.payoffs)
    short = abs(dot(weights, top) - dot(weights, x)) / dot(weights, sizes)
    far = above(short if it.contains(x) else max(short, outside(it, x, sizes)))
    statement = f"{what}: the weighted sum is within {far:.2g} of the best, over its range."
    return Certificate(exact=top, bound=far, tolerance=allowance(claim, x, sizes), statement=statement)


@on("nash", Polytope)
@on("conley_wilkie", Polytope)
def nash(claim: Claim) -> Certificate:
    """Solve the first-order condition on an edge; for three or more players, enclose the solution by a duality gap."""
    if len(claim.payoffs) == 2:
        it = _plane(claim)
        return _beside(claim, it, bodies.nash(it.polygon, claim.weights()))
    body, weights = body_of(claim), claim.weights()
    ideal, what = body.ideal(), f"{claim.method} on {body.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    gains = less(ideal, body.disagreement)
    if min(gains) <= 0:
        raise NotApplicable(
            f"{claim.method} is certified for three and more players where everyone can gain."
        )
    guess = [float(x) for x in claim.payoffs]
    if claim.status != Status.OK:
        box = None
    elif min(weights) > 0:
        box = nash_box(body, weights, guess)
    else:
        box = weightless_box(body, weights, ideal, guess)
    low, high = box or (body.disagreement, ideal)
    return _beside(claim, body, Enclosure(low=low, high=high, status=Status.OK))


@on("raiffa", Polytope, TransferableSurplus)
def raiffa(claim: Claim) -> Certificate:
    """Take the steps in rationals, until one reaches the frontier or little is left to gain."""
    it = solid_of(claim)
    assert isinstance(it, Body | Plane)
    return _beside(claim, it, rays.raiffa(it))


@on("continuous_raiffa", Polytope, TransferableSurplus)
def continuous_raiffa(claim: Claim) -> Certificate:
    """Follow the path by a curve of many digits, and enclose its end in a box."""
    it = solid_of(claim)
    return _beside(claim, it, raiffa_path_polytope.continuous_raiffa(body_of(claim)))


@on("perles_maschler", Polytope)
def perles_maschler(claim: Claim) -> Certificate:
    """Halve the length of the frontier, with square roots enclosed in rationals."""
    if len(claim.payoffs) > 2:
        raise NotApplicable(f"{claim.method} is a concept for two players; got {len(claim.payoffs)}.")
    it = _plane(claim)
    return _beside(claim, it, rays.perles_maschler(it.polygon))


@on("yu", Polytope)
def yu(claim: Claim) -> Certificate:
    """Find the nearest point: exactly for p = 1, 2 and infinity, otherwise in a box."""
    power = float(claim.given("p"))
    if power == inf:
        return exactly(claim, rays.equal_loss if len(claim.payoffs) == 2 else rays.least_losses)
    if power > 1 and len(claim.payoffs) == 2:
        it = _plane(claim)
        return _beside(claim, it, nearest_losses.yu(it.polygon, Fraction(power)))
    body = body_of(claim)
    ideal, what = body.ideal(), f"{claim.method} on {body.what}"
    if ideal is None:
        return compare(claim, None, Status.EMPTY, (), what)
    if min(less(ideal, body.disagreement)) <= 0:
        return compare(claim, ideal, Status.DEGENERATE, ranges_of(body, ideal), what)
    if power == 1 and claim.finite:
        return _least_sum(claim, body, ideal)
    guess = [float(x) for x in claim.payoffs]
    found = nearest_losses.nearest_losses(body, ideal, Fraction(power), guess) if claim.finite else None
    if found is None:
        return enclose(claim, body.disagreement, ideal, ranges_of(body, ideal), what)
    return _losses(claim, body, ideal, *found)


def _losses(claim: Claim, it: Body, ideal: Vector, x: Vector, misses: Vector) -> Certificate:
    """Compare with the nearest point; if somebody loses nothing, only the losses are certain."""
    if all(a - v > e for a, v, e in zip(ideal, x, misses, strict=True)):
        low, high = (tuple(v + s * e for v, e in zip(x, misses, strict=True)) for s in (-1, 1))
        return _beside(claim, it, Enclosure(low=low, high=high, status=Status.OK))
    given, ranges = tuple(Fraction(v) for v in claim.payoffs), ranges_of(it, ideal)
    off = (
        (abs(max(a - v, Fraction(0)) - max(a - y, Fraction(0))) + e) / r
        for a, v, y, e, r in zip(ideal, given, x, misses, ranges, strict=True)
    )
    far = above(max(*off, outside(it, given, ranges)))
    statement = f"{claim.method} on {it.what}: the losses are within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


def _least_sum(claim: Claim, it: Body, ideal: Vector) -> Certificate:
    """Bound by how much the sum of losses exceeds the minimum, and by how much the payoffs miss feasibility."""
    ranges, x = ranges_of(it, ideal), tuple(Fraction(v) for v in claim.payoffs)
    losses = sum((max(a - v, Fraction(0)) for a, v in zip(ideal, x, strict=True)), Fraction(0))
    short = abs(losses - nearest_losses.least_sum(it, ideal)) / sum(ranges)
    far = above(max(short, outside(it, x, ranges)))
    what = f"{claim.method} on {it.what}"
    statement = f"{what}: the sum of losses is within {far:.2g} of the least, over the gains."
    return Certificate(exact=None, bound=far, tolerance=allowance(claim, x, ranges), statement=statement)


@on("nash", TransferableSurplus)
@on("conley_wilkie", TransferableSurplus)
@on("perles_maschler", TransferableSurplus)
def shares_of_surplus(claim: Claim) -> Certificate:
    """Divide the surplus by the weights, d + w (total - sum d); certify a claim with a floor as on a polytope."""
    view, n = claim.view, len(claim.payoffs)
    if view is not None and view.floor is not None:
        return perles_maschler(claim) if claim.method.startswith("perles_maschler") else nash(claim)
    scale = (Fraction(1),) * n if view is None else view.scale
    shift = (Fraction(0),) * n if view is None else view.shift
    d = tuple(Fraction(x) for x in claim.disagreement)
    total = Fraction(claim.at_cell(claim.feasible.total))
    surplus = total - sum((x - b) / a for x, a, b in zip(d, scale, shift, strict=True))
    shares = tuple(x + w * a * surplus for x, w, a in zip(d, claim.weights(), scale, strict=True))
    exact = settled(shares if surplus >= 0 else None, Status.OK if surplus > 0 else Status.EMPTY)
    return _beside(claim, body_of(claim), exact)


@on("yu", TransferableSurplus)
def yu_on_surplus(claim: Claim) -> Certificate:
    """Divide the surplus equally in its own units; with p = 1 all divisions up to the ideal point are nearest."""
    power = float(claim.given("p"))
    if power == 1 or claim.view is not None:
        return yu(claim)
    return shares_of_surplus(claim)


@on("utilitarian", TransferableSurplus)
def utilitarian_on_surplus(claim: Claim) -> Certificate:
    """With equal weights divide the total equally; with unequal weights the sum is unbounded."""
    total, weights, n = Fraction(claim.at_cell(claim.feasible.total)), claim.weights(), len(claim.payoffs)
    if claim.view is not None or len(set(weights)) > 1:
        return utilitarian(claim)
    what = f"{claim.method} on {body_of(claim).what}"
    return compare(claim, (total / n,) * n, Status.OK, (abs(total) or Fraction(1),) * n, what)


def exactly(claim: Claim, answer: Answer) -> Certificate:
    """Compare the claim with the exact answer."""
    it = solid_of(claim)
    return _beside(claim, it, rays.answered(it, answer))


def _beside(claim: Claim, it: Solid, found: Enclosure) -> Certificate:
    """Compare a claim with the answer, or with the box that contains it."""
    what, ideal = f"{claim.method} on {it.what}", it.ideal()
    if found.low is None or found.high is None:
        return compare(claim, None, found.status, (), what)
    ranges = ranges_of(it, it.disagreement if ideal is None else ideal)
    if found.low == found.high:
        return compare(claim, found.low, found.status, ranges, what)
    return enclose(claim, found.low, found.high, ranges, what)


def ranges_of(it: Solid, ideal: Vector) -> Vector:
    """Return each player's range of gains, or the span of the set if the player cannot gain."""
    gains = less(ideal, it.disagreement)
    return tuple(g if g > 0 else s for g, s in zip(gains, it.spans(), strict=True))


def outside(it: Solid, x: Vector, sizes: Vector) -> Fraction:
    """Return the fall of all payoffs, over their ranges, that takes them to a feasible point or below one."""
    t = it.furthest(x, tuple(-s for s in sizes), below=True, nearest=True)
    assert t is not None
    return t


@register("conley_wilkie", Union)
@register("conley_wilkie", FreeDisposalHull, views=True)
def conley_wilkie(claim: Claim) -> Certificate:
    """Follow the ray from d to the exact Nash solution of the hull."""
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
    target = bodies.nash(hull).payoffs

    def answer(it: Solid, ideal: Vector) -> Vector | None:
        return None if target is None else along(it, it.disagreement, less(target, it.disagreement))

    return exactly(claim, answer)


def _towards_a_box(claim: Claim, it: Points) -> Certificate:
    """Enclose the last feasible point on the rays from d to a box that contains the Nash solution of the hull."""
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
    guess = in_floats.nash(problem).payoffs.tolist()
    low, high = nash_box(hull, (Fraction(1, len(d)),) * len(d), guess) or (d, best)
    # The last t along a step increases in the ratios of slack to step.
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
    """Bound the difference of the logarithm of the product from the maximum; all maximisers are solutions."""
    it, weights = points_of(claim), claim.weights()
    d = it.disagreement
    what = f"{claim.method} on {it.what}"
    ideal = it.ideal()
    harmless = it.above(it.disagreement)
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
    """Return an upper bound of the logarithm of the ratio of two products of gains, at least 0."""
    gains = [(x - z, y - z, w) for x, y, z, w in zip(rival, here, d, weights, strict=True) if w]
    if any(y <= 0 for _, y, _ in gains):
        return inf
    return (
        0.0 if rival == here else above(max(log_of_product((x / y, w) for x, y, w in gains)[1], Fraction(0)))
    )


@on("nash", Union)
def nash_on_union(claim: Claim) -> Certificate:
    """Bound the difference of the logarithm of the product from the maximum, on each set by prices."""
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
    r"""Bound from above the logarithm of the ratio of the best product of gains of a set to that of the claim.

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
    worth = most - dot(prices, d)
    ratios = ((g / mine, v) for v, g, mine in zip(w, guess, given, strict=True) if v)
    return above(max(log_of_product([(worth, Fraction(1)), *ratios])[1], Fraction(0)))


def _guess(one: Body, weights: Vector) -> Vector:
    """Return the approximate gains at a set's Nash solution, positive for every player with weight."""
    if one.points is not None:
        feasible = Polytope(floats(one.points), free_disposal=one.free_disposal)
    else:
        assert one.matrix is not None
        assert one.limits is not None
        feasible = Polytope.from_inequalities(floats(one.matrix), floats(one.limits))
    d = [float(x) for x in one.disagreement]
    payoffs = in_floats.nash(Problem(feasible, d), weights=[float(w) for w in weights]).payoffs.tolist()
    gains = [Fraction(x) - y for x, y in zip(payoffs, one.disagreement, strict=True)]
    ideal = one.ideal()
    assert ideal is not None
    return tuple(
        g if g > 0 else (a - y) / len(gains) for g, a, y in zip(gains, ideal, one.disagreement, strict=True)
    )
