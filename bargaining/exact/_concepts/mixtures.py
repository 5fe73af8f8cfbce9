"""The mixture of points at which a smooth concave function is largest, in rationals of many digits.

Newton's method on the shares of some points, from shares in floats. A step that would make a share negative ends where
it is zero, and that point is dropped; when the step is all but zero, the point that is worth the most at the prices
there is added. Where points nearly lie in a plane, floats cannot say which ones are mixed: these exchanges find out.
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
        shares = moved if quadratic and reach == 1 else rounded(moved)
        if dropped is not None:
            shares[dropped] = Fraction(0)
            used.remove(dropped)
        elif reach == 1 and max(abs(moves)) <= SETTLED:
            over = points @ slope - step[len(used) :] @ rows
            more = int(np.argmax(over))
            if more in used or over[more] <= CLOSED:
                break
            used.append(more)
    whole = shares.sum()
    return (shares / whole) @ points if whole > 0 else None


def newton(hessian: Rationals, slope: Rationals, rows: Rationals, miss: Rationals) -> Rationals | None:
    """Return the step to a point that meets the rows with equality and whose prices are a combination of the rows.

    The multipliers of the rows, or their change if the slope has their prices subtracted, follow it.
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
