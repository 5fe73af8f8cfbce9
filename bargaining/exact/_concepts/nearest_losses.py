r"""A box around the point of a polytope that is nearest to the ideal point in a p-norm, for any number of players.

Newton's method in rationals, on the face of the nearest point, finds a feasible x close to it. With losses :math:`l =
\max(a - x, 0)` and prices :math:`q = l^{p-1}` the sum :math:`f = \frac1p \sum l^p` exceeds its least value by no more
than the gap :math:`g = \max_y q \cdot y - q \cdot x`. The gap is computed exactly; prices q that are not rational are
enclosed. The power is uniformly convex: with the losses :math:`l^*` of the nearest point

.. math:: g \ge \tfrac{p-1}{2} L^{p-2} \sum (l - l^*)^2 \quad (p \le 2,\ l, l^* \le L), \qquad
          g \ge \frac{1}{p\,(2^{p-1} - 1)} \sum |l - l^*|^p \quad (p \ge 2),

the second by Lindqvist (1990). Once these inequalities bound :math:`|l - l^*|` by some e < l, the inequality :math:`g
\ge \frac{p-1}{2} (l - e)^{p-2} (l - l^*)^2` gives a sharper bound. For p = 2 the step of Newton's method is exact, the
gap is zero and the answer is rational.

On a polygon `yu` finds the piece of the frontier on which the derivative of the sum changes sign.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from bargaining._rational import Rationals, floats, fractions
from bargaining.errors import Status
from bargaining.exact._concepts.bodies import Body, Enclosure, Polygon, Vector, settled, vector
from bargaining.exact._concepts.intervals import BITS, enclosed_power, log_of_product
from bargaining.exact._concepts.mixtures import IDLE, best_mixture, best_within, rounded, shares_of
from bargaining.exact._concepts.rays import Pair, between, pieces


def nearest_losses(
    body: Body, ideal: Vector, power: Fraction, guess: list[float]
) -> tuple[Vector, Vector] | None:
    """Return a point and a bound of each loss's distance from that of the nearest point; None if none was found.

    Parameters
    ----------
    body : Body
    ideal : tuple of Fraction
    power : Fraction
        Above 1.
    guess : list of float
        A point near the answer.
    """
    found = (_on_face(body, ideal, power, guess, held) for held in _floors(body, guess))
    x = next((x for x in found if x is not None and body.contains(x)), None)
    if x is None:
        return None
    unit = max(a - d for a, d in zip(ideal, body.disagreement, strict=True))
    losses = [max(a - v, Fraction(0)) / unit for a, v in zip(ideal, x, strict=True)]
    if not any(losses):
        return x, (Fraction(0),) * len(x)
    prices = [enclosed_power(loss, power - 1) for loss in losses]
    low = tuple(q[0] for q in prices)
    # The nearest point loses no more than all lose at x. There the rest of the prices meets a bounded room.
    floor = tuple(a - unit * sum(losses) for a in ideal)
    best = body.most(low, floor)
    assert best is not None
    gap = (best - sum(q * v for q, v in zip(low, x, strict=True))) / unit
    spread = sum((q[1] - q[0] for q in prices), Fraction(0))
    if spread:
        top = body.ideal(floor)
        assert top is not None
        gap += spread * max(a - v for a, v in zip(top, x, strict=True)) / unit
    return x, tuple(unit * e for e in misses(losses, power, max(gap, Fraction(0))))


def least_sum(body: Body, ideal: Vector) -> Fraction:
    """Return the least sum of losses over the set."""
    from bargaining._rational import maximise

    n = len(ideal)
    unit = fractions(np.eye(n))
    if body.points is not None:
        rows = np.concatenate((-unit, -body.points.T), axis=1)
        right = -vector(ideal)
        ones = np.concatenate((np.zeros(n), np.ones(len(body.points))))[None]
        rows = np.concatenate((rows, fractions(ones), -fractions(ones)))
        right = np.concatenate((right, vector((Fraction(1), Fraction(-1)))))
        if body.floor is not None:
            at_floor = np.concatenate((fractions(np.zeros((n, n))), -body.points.T), axis=1)
            rows, right = np.concatenate((rows, at_floor)), np.concatenate((right, -vector(body.floor)))
        cost = np.concatenate((-fractions(np.ones(n)), fractions(np.zeros(len(body.points)))))
    else:
        assert body.matrix is not None
        assert body.limits is not None
        # x = up - down, and losses >= ideal - x.
        rows = np.concatenate((fractions(np.zeros((len(body.matrix), n))), body.matrix, -body.matrix), axis=1)
        rows = np.concatenate((rows, np.concatenate((-unit, -unit, unit), axis=1)))
        right = np.concatenate((body.limits, -vector(ideal)))
        cost = np.concatenate((-fractions(np.ones(n)), fractions(np.zeros(2 * n))))
    found = maximise(cost, rows, right)
    assert found is not None
    return -found.value


def misses(losses: list[Fraction], power: Fraction, gap: Fraction) -> list[Fraction]:
    """Bound the distance of each loss from that of the nearest point."""
    if gap == 0:
        return [Fraction(0)] * len(losses)
    if power <= 2:
        bend = (power - 1) * enclosed_power(sum(losses, Fraction(0)), power - 2)[0]
        return [enclosed_power(2 * gap / bend, Fraction(1, 2))[1]] * len(losses)
    scale = power * (enclosed_power(Fraction(2), power - 1)[1] - 1)
    far = enclosed_power(scale * gap, 1 / power)[1]
    found = []
    for loss in losses:
        if loss <= far:
            found.append(far)
            continue
        bend = (power - 1) * enclosed_power(loss - far, power - 2)[0]
        found.append(min(far, enclosed_power(2 * gap / bend, Fraction(1, 2))[1]))
    return found


def _floors(body: Body, guess: list[float]) -> Iterable[list[int]]:
    """Yield the sets of players to keep at the floor: nobody, then all who are close to it."""
    yield []
    if body.floor is not None and body.points is not None:
        spans = body.spans()
        yield [k for k, f in enumerate(body.floor) if abs(Fraction(guess[k]) - f) <= IDLE * spans[k]]


def _on_face(
    body: Body, ideal: Vector, power: Fraction, guess: list[float], held: list[int]
) -> Vector | None:
    """Return a point of the set that is nearest on its face, up to rounding to `BITS` digits."""
    unit = max(a - d for a, d in zip(ideal, body.disagreement, strict=True))
    if body.points is not None:
        return _of_mixtures(body, vector(ideal), power, guess, unit, held)
    assert body.matrix is not None
    assert body.limits is not None
    a = vector(ideal) / unit
    rows, room, start = body.matrix, body.limits / unit, fractions(np.array(guess)) / unit
    inside = vector(body.disagreement) / unit
    found = best_within(rows, room, start, inside, lambda x: _derivatives(a - x, power))
    return None if found is None else tuple(unit * found)


def _of_mixtures(
    body: Body, ideal: Rationals, power: Fraction, guess: list[float], unit: Fraction, floored: list[int]
) -> Vector | None:
    assert body.points is not None
    points, target = (body.points - ideal) / unit, (fractions(np.array(guess)) - ideal) / unit
    shares = shares_of(floats(points), floats(target), free=body.free_disposal)
    if shares is None:
        return None
    held = {k: (body.floor[k] - ideal[k]) / unit for k in floored} if body.floor is not None else {}
    found = best_mixture(points, shares, lambda x: _derivatives(-x, power), held, quadratic=power == 2)
    return None if found is None else tuple(ideal + unit * found)


def _derivatives(losses: Rationals, power: Fraction) -> tuple[Rationals, Rationals]:
    """Return the prices and their derivatives, rounded; a negative loss has price zero, whatever its size."""
    least = Fraction(1, 2 ** (BITS // 4))
    slope = vector(enclosed_power(max(v, Fraction(0)), power - 1)[0] for v in losses)
    bend = vector(v >= 0 and (power - 1) * enclosed_power(max(v, least), power - 2)[0] for v in losses)
    return (slope, bend) if power == 2 else (rounded(slope), rounded(bend))


HALVINGS = 200  # at most: 90 reach FINE
FINE = Fraction(1, 2**90)  # of a piece: far less than the rounding of a float


def yu(problem: Polygon, power: Fraction) -> Enclosure:
    """Return a box around the point that minimises the sum of losses to a power above 1.

    Down the frontier the derivative of that sum changes sign once. On a piece with run r and fall f it has the sign of
    f l1^(p-1) - r l0^(p-1). For p = 2 this is linear, so its zero is exact; for other p the piece is halved repeatedly,
    and enclosures of logarithms give the sign.
    """
    corners, status = pieces(problem)
    if status != Status.OK or len(corners) < 2:
        point = corners[0] if corners else None
        return settled(point, status)
    ideal = max(x for x, _ in corners), max(y for _, y in corners)
    for a, b in pairwise(corners):
        if _goes_on(b, a, b, ideal, power) > 0:
            continue
        if _goes_on(a, a, b, ideal, power) <= 0:
            return settled(a, status)
        left, right = _turn(a, b, ideal, power)
        return Enclosure(
            low=(min(left[0], right[0]), min(left[1], right[1])),
            high=(max(left[0], right[0]), max(left[1], right[1])),
            status=status,
        )
    return settled(corners[-1], status)


def _turn(a: Pair, b: Pair, ideal: Pair, power: Fraction) -> tuple[Pair, Pair]:
    """Return two points of a piece between which the sum of losses is smallest."""
    run, fall = b[0] - a[0], a[1] - b[1]
    if power == 2:  # (l0 - t run) run = (l1 + t fall) fall
        l_0, l_1 = ideal[0] - a[0], ideal[1] - a[1]
        x = between(a, b, (l_0 * run - l_1 * fall) / (run * run + fall * fall))
        return x, x
    low, high = Fraction(0), Fraction(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        sign = _goes_on(between(a, b, middle), a, b, ideal, power)
        if sign == 0:  # the middle, up to the width of the enclosed logarithms
            near = max(low, middle - FINE), min(high, middle + FINE)
            signs = [_goes_on(between(a, b, t), a, b, ideal, power) for t in near]
            low, high = near if signs[0] > 0 > signs[1] else (low, high)
        if sign == 0 or high - low < FINE:
            break
        low, high = (middle, high) if sign > 0 else (low, middle)
    return between(a, b, low), between(a, b, high)


def _goes_on(x: Pair, a: Pair, b: Pair, ideal: Pair, power: Fraction) -> int:
    """Return 1 where a move along the piece lowers the sum, -1 where it raises it, 0 if the sign is not known."""
    l_0, l_1 = ideal[0] - x[0], ideal[1] - x[1]
    run, fall = b[0] - a[0], a[1] - b[1]
    if l_1 <= 0 or fall <= 0:
        return 1 if l_0 > 0 and run > 0 else 0
    if l_0 <= 0 or run <= 0:
        return -1
    if power == 2:
        gain = run * l_0 - fall * l_1
        return (gain > 0) - (gain < 0)
    low, high = log_of_product([(l_0 / l_1, power - 1), (run / fall, Fraction(1))])
    return 1 if low > 0 else -1 if high < 0 else 0
