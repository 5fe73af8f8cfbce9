"""Where a smooth concave function is largest, on mixtures of points or below inequalities, in rationals of many digits.

Newton's method on the shares of some points, from shares in floats. A step that would make a share negative ends where
it is zero, and that point is dropped; when the step is all but zero, the point that is worth the most at the prices
there is added. Where points nearly lie in a plane, floats cannot say which ones are mixed: these exchanges find out.
Inequalities are exchanged likewise: one that a step meets binds from there on, until its multiplier is negative.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals, fractions, solve
from bargaining.exact._concepts.intervals import BITS

Prices = Callable[[Rationals], tuple[Rationals, Rationals] | None]
"""Takes a mixture; returns the gradient of the function and by how much each entry falls; None outside its domain."""

IDLE = 1e-9  # smaller shares and slacks count as zero: a thousand times the accuracy of divisions
HEAVY = 1e3  # weight of the row that makes shares add up to one; the other rows are in the unit box
EXCHANGES = 200  # steps, each of which may drop or add a point: a limit against cycles
SETTLED = Fraction(1, 2**110)  # the step after one so short changes nothing
INWARDS = Fraction(1, 2**20)  # far more than the rounding of floats
CLOSED = Fraction(1, 2**200)  # points that are worth more by less than this are not added


def shares_of(points: Floats, target: Floats, *, free: bool) -> Floats | None:
    """Return the shares of the mixture closest to a point, or above it if `free`; None if the search fails."""
    from scipy.optimize import nnls

    below = -np.eye(len(target)) if free else np.empty((len(target), 0))
    total = HEAVY * np.append(np.ones(len(points)), np.zeros(below.shape[1]))
    try:
        found: Floats = nnls(np.vstack((np.hstack((points.T, below)), total)), np.append(target, HEAVY))[0]
    except RuntimeError:
        return None
    return found[: len(points)]


def best_mixture(
    points: Rationals, start: Floats, prices: Prices, held: dict[int, Fraction], *, quadratic: bool = False
) -> Rationals | None:
    """Return the best mixture of points, exactly if the function is quadratic; None if nothing is found.

    Parameters
    ----------
    points : (m, n) array of Fraction
    start : ndarray, shape (m,)
        Shares near the best.
    prices : callable
    held : dict
        Entries of the mixture that are kept at a value.
    """
    used = np.flatnonzero(start > IDLE).tolist()
    shares = fractions(np.where(start > IDLE, start, 0.0))
    rows = np.concatenate((fractions(np.ones((1, len(points)))), points[:, list(held)].T))
    room = np.append(fractions(np.ones(1)), np.array(list(held.values()), dtype=object))
    for _ in range(EXCHANGES):
        among, slopes = points[used], prices(shares @ points)
        if not used or slopes is None:
            return None
        slope, bend = slopes
        hessian, miss = (among * bend) @ among.T, room - rows[:, used] @ shares[used]
        step = newton(hessian, among @ slope, rows[:, used], miss)
        if step is None:  # these points depend on each other
            least = min(used, key=lambda k: shares[k])
            shares[least] = Fraction(0)
            used.remove(least)
            continue
        moves = step[: len(used)]
        ends = [(shares[k] / -move, k) for k, move in zip(used, moves, strict=True) if shares[k] + move < 0]
        reach, dropped = min(ends, default=(Fraction(1), None))
        moved = shares.copy()
        moved[used] += reach * moves
        while prices(moved @ points) is None:
            reach, dropped = reach / 2, None
            moved[used] = shares[used] + reach * moves
        settled = dropped is None and reach == 1 and max(abs(moves)) <= SETTLED
        shares = moved if settled and quadratic else rounded(moved)
        if dropped is not None:
            shares[dropped] = Fraction(0)
            used.remove(dropped)
        elif settled:
            over = points @ slope - step[len(used) :] @ rows
            more = int(np.argmax(over))
            if more in used or over[more] <= CLOSED:
                break
            used.append(more)
    whole = shares.sum()
    return (shares / whole) @ points if whole > 0 else None


def best_within(
    rows: Rationals, room: Rationals, start: Rationals, inside: Rationals, prices: Prices
) -> Rationals | None:
    """Return the best x with rows x <= room, exactly if the function is quadratic; None if nothing is found.

    Parameters
    ----------
    rows, room : arrays of Fraction, shapes (m, n) and (m,)
    start, inside : arrays of Fraction, shape (n,)
        A point near the best, and one well within the inequalities, towards which it is moved a little: steps that
        begin within them meet no two that depend on each other.
    prices : callable
    """
    x: Rationals = start + INWARDS * (inside - start)
    active: list[int] = []
    for _ in range(EXCHANGES):
        slopes = prices(x)
        if slopes is None:
            return None
        slope, bend = slopes
        left = room - rows @ x
        step = newton(np.diag([b or Fraction(1) for b in bend]), slope, rows[active], left[active])
        if step is None:
            return None
        move, multipliers = step[: len(x)], step[len(x) :]
        speed = rows @ move
        ahead = (k for k in np.flatnonzero((speed > CLOSED) & (left < speed)).tolist() if k not in active)
        reach, met = min(
            ((max(left[k], Fraction(0)) / speed[k], k) for k in ahead), default=(Fraction(1), None)
        )
        moved = x + reach * move
        while prices(moved) is None:
            reach, met = reach / 2, None
            moved = x + reach * move
        settled = met is None and reach == 1 and max(abs(move)) <= SETTLED
        x = moved if settled else rounded(moved)
        if met is not None:
            active.append(met)
        elif settled:
            if min(multipliers, default=0) >= 0:
                break
            active.pop(int(np.argmin(multipliers)))
    # Rounding may violate an inequality, by far less than that of a float: back inwards until all hold.
    over, slack = rows @ x - room, room - rows @ inside
    back = max(
        (o / (o + v) for o, v in zip(over, slack, strict=True) if o > 0 and v >= 0), default=Fraction(0)
    )
    return np.asarray(x + back * (inside - x))


def newton(hessian: Rationals, slope: Rationals, rows: Rationals, miss: Rationals) -> Rationals | None:
    """Return the step to a point that meets the rows with equality and whose prices are a combination of the rows.

    The multipliers of the rows follow it.
    """
    n, held = len(slope), len(rows)
    system = np.zeros((n + held, n + held), dtype=object) + Fraction(0)
    system[:n, :n], system[:n, n:], system[n:, :n] = hessian, rows.T, rows
    found = solve(system, np.concatenate((slope, miss)))
    return None if found is None else np.array(found, dtype=object)


def rounded(values: Rationals) -> Rationals:
    """Return fractions of about `BITS` significant binary digits."""
    return np.array([_rounded(x) for x in values], dtype=object)


def _rounded(x: Fraction) -> Fraction:
    if x == 0:
        return x
    shift = BITS - (abs(x.numerator).bit_length() - x.denominator.bit_length())
    return Fraction(round(x * Fraction(2) ** shift)) / Fraction(2) ** shift
