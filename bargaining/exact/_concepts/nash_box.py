r"""A box of rationals that provably contains the Nash solution of a polytope, for any number of players.

With three or more players the solution is not rational in general. Newton's method in rationals finds a feasible x
close to the solution, and the duality gap of x, :math:`g = \max_y \sum_i w_i (y_i - d_i)/(x_i - d_i) - 1`, is computed
exactly. Let :math:`r_i` be the ratio of player i's gain at the solution to that at x. By optimality :math:`\sum w_i /
r_i \le 1`, and by the gap :math:`\sum w_i r_i \le 1 + g`; so :math:`w_i (r_i + 1/r_i - 2) \le g` for each player, which
bounds :math:`r_i`. Players without weight whose payoffs are close to d are kept just above d by equations in Newton's
method. The face of x is given by the points that x mixes, or by the inequalities that bind at x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining._rational import Rationals, floats, fractions, solve
from bargaining.exact._concepts.bodies import Body, Vector, vector
from bargaining.exact._concepts.intervals import square_root

HEAVY = 1e3  # weight of the row that makes shares add up to one; the other rows are in the unit box
IDLE = 1e-9  # smaller shares and slacks count as zero: a thousand times the accuracy of divisions


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


def binding(
    rows: Rationals, room: Rationals, x: Rationals, prices: Floats, size: float
) -> tuple[Rationals, Rationals, Floats] | None:
    """Return the rows a x <= b that bind and have a multiplier, their b and the multipliers; None if none do.

    Rows are scaled to a largest entry of one; `size` is the size of the numbers that x was computed from, whose
    rounding affects its slacks.
    """
    from scipy.optimize import nnls

    largest = np.array([max(abs(a) for a in row) or 1 for row in rows], dtype=object)
    rows, room = rows / largest[:, None], room / largest
    near: NDArray[np.intp] = np.flatnonzero(np.abs(floats(room - rows @ x)) <= IDLE + 1e-13 * size)
    if not near.size:
        return None
    try:
        multipliers = nnls(floats(rows[near]).T, prices)[0]
    except RuntimeError:
        return None
    used = multipliers > IDLE * multipliers.max()
    return rows[near[used]], room[near[used]], multipliers[used]


BITS = 240  # intermediate numbers are rounded to this many binary digits
STEPS = 7  # of Newton's method: three of them take the precision of a double to BITS
TRIES = 3  # points that may be added to a mixture
HAIR = Fraction(1, 2**200)  # players held at d get this much more; rounding is far smaller


def nash_box(body: Body, weights: Vector, guess: list[float]) -> tuple[Vector, Vector] | None:
    """Return the lowest and highest payoffs that the Nash solution can have; None if `guess` leads to no proof.

    Parameters
    ----------
    weights : tuple of Fraction
        They add up to one. The payoffs of players without weight are bounded by d and the ideal payoff only.
    guess : list of float
        A point near the solution.
    """
    inside = _mixture(body, weights, guess) if body.points is not None else _corner(body, weights, guess)
    gains = [x - d for x, d in zip(inside or (), body.disagreement, strict=False)]
    if inside is None or any(g <= 0 if w else g < 0 for g, w in zip(gains, weights, strict=True)):
        return None
    prices = [w / g if w else w for w, g in zip(weights, gains, strict=True)]
    best = body.most(prices, body.disagreement)
    assert best is not None
    gap = max(best - sum(p * d for p, d in zip(prices, body.disagreement, strict=True)) - 1, Fraction(0))
    low, high = box_of_gap(body.disagreement, inside, weights, gap)
    ideal = body.ideal() or high
    return low, tuple(x if w else a for x, w, a in zip(high, weights, ideal, strict=True))


def box_of_gap(d: Vector, x: Vector, weights: Vector, gap: Fraction) -> tuple[Vector, Vector]:
    """Return the lowest and highest payoffs of the Nash solution, given a feasible x above d and its duality gap.

    For players without weight the lower bound is d.
    """
    low, high = [], []
    for floor, payoff, w in zip(d, x, weights, strict=True):
        h = gap / w if w else Fraction(0)
        ratio = 1 + (h + square_root(h * h + 4 * h, BITS)[1]) / 2
        low.append(floor + (payoff - floor) / ratio if w else floor)
        high.append(floor + (payoff - floor) * ratio)
    return tuple(low), tuple(high)


def _mixture(body: Body, weights: Vector, guess: list[float]) -> Vector | None:
    """Return a mixture of the points, by Newton's method on the shares that are positive."""
    assert body.points is not None
    shares = shares_of(*_scaled(body, guess), free=body.free_disposal)
    if shares is None:
        return None
    used = np.flatnonzero(shares > IDLE).tolist()
    held = _held(body, weights, guess)
    best: Vector | None = None
    gains = body.points - vector(body.disagreement)
    for _ in range(TRIES):
        found = _shares(gains[used], weights, fractions(shares[used] / shares[used].sum()), held)
        if found is None:
            break
        mixed = found[0] @ gains[used]
        best = tuple(d + g for d, g in zip(body.disagreement, mixed, strict=True))
        prices = dict(zip(held, found[1], strict=True))
        worth = gains @ vector(
            w / g if w else prices.get(i, w) for i, (w, g) in enumerate(zip(weights, mixed, strict=True))
        )
        more = int(np.argmax(worth))
        if worth[more] - max(worth[used]) <= Fraction(1, 2 ** (BITS // 2)) or more in used:
            break
        used.append(more)
    return best


def _held(body: Body, weights: Vector, guess: list[float]) -> list[int]:
    """Return the players without weight who are close to d."""
    places = zip(weights, guess, body.disagreement, body.spans(), strict=True)
    return [i for i, (w, x, d, s) in enumerate(places) if not w and Fraction(x) - d <= Fraction(IDLE) * s]


def _shares(
    points: Rationals, weights: Vector, shares: Rationals, held: list[int]
) -> tuple[Rationals, list[Fraction]] | None:
    """Return the shares at which the weighted product of mixtures of gains is largest, and the held players' prices.

    At the solution the points that are mixed have equal sums of prices times gains. The price of a player with weight
    is w over her gain; players who are held at d gain `HAIR`.
    """
    count, price = len(shares), [Fraction(0)] * len(held)
    counted = np.array([i for i, w in enumerate(weights) if w])
    w = vector(weights)[counted]
    rows = np.concatenate((fractions(np.ones((1, count))), points[:, held].T))
    for _ in range(STEPS):
        gains = vector(map(_rounded, shares @ points[:, counted]))
        if min(gains) <= 0:
            return None
        over = points[:, counted] / gains
        miss = vector((Fraction(0), *(HAIR - g for g in shares @ points[:, held])))
        step = newton(-(over * w) @ over.T, -(over @ w), rows, miss)
        if step is None:
            break
        shares = vector(map(_rounded, shares + step[:count]))
        price = list(step[count + 1 :])
    shares = vector(max(s, Fraction(0)) for s in shares)
    whole = shares.sum()
    return None if whole == 0 else (shares / whole, price)


def newton(hessian: Rationals, slope: Rationals, rows: Rationals, miss: Rationals) -> Rationals | None:
    """Return the step to a point that meets the rows with equality and whose prices are a combination of the rows.

    The change of the rows' multipliers follows it.
    """
    n, held = len(slope), len(rows)
    system = np.zeros((n + held, n + held), dtype=object) + Fraction(0)
    system[:n, :n], system[:n, n:], system[n:, :n] = hessian, rows.T, rows
    found = solve(system, np.concatenate((slope, miss)))
    return None if found is None else vector(found)


def _corner(body: Body, weights: Vector, guess: list[float]) -> Vector | None:
    """Return a point that meets the inequalities, by Newton's method on those that bind."""
    assert body.matrix is not None
    assert body.limits is not None
    d = vector(body.disagreement)
    gains = fractions(np.array(guess)) - d
    if min(gains) <= 0:
        return None
    rows, room = body.matrix * gains, body.limits - body.matrix @ d
    size = float(max(abs(Fraction(x)) / g for x, g in zip(guess, gains, strict=True)))
    found = binding(rows, room, fractions(np.ones(len(gains))), floats(vector(weights)), size)
    if found is None:
        return None
    ratios = _ratios(found[0], found[1], weights, fractions(found[2]))
    if ratios is None or min(room) < 0:
        return None
    # Move towards d until every inequality holds: the violation is far less than the rounding of a float.
    share = min([Fraction(1), *(r / v for r, v in zip(room, rows @ ratios, strict=True) if v > r)])
    return tuple(body.disagreement + share * ratios * gains)


def _ratios(rows: Rationals, room: Rationals, weights: Vector, multipliers: Rationals) -> Rationals | None:
    """Return the gains, over those guessed, with w / r = multipliers . rows and rows r = room."""
    n, w = len(weights), vector(weights)
    r = fractions(np.ones(n))
    for _ in range(STEPS):
        step = newton(np.diag(w / r**2), w / r - multipliers @ rows, rows, room - rows @ r)
        if step is None:
            return None
        r = vector(map(_rounded, r + step[:n]))
        multipliers = vector(map(_rounded, multipliers + step[n:]))
        if min(r) <= 0:
            return None
    return r


def _scaled(body: Body, guess: list[float]) -> tuple[Floats, Floats]:
    """Return the points and the guess as floats in the unit box."""
    assert body.points is not None
    low = vector(tuple(min(c) for c in body.points.T.tolist()))
    spans = vector(body.spans())
    return floats((body.points - low) / spans), floats((fractions(np.array(guess)) - low) / spans)


def _rounded(x: Fraction) -> Fraction:
    """Return a fraction of about `BITS` significant binary digits."""
    if x == 0:
        return x
    shift = BITS - (abs(x.numerator).bit_length() - x.denominator.bit_length())
    return Fraction(round(x * Fraction(2) ** shift)) / Fraction(2) ** shift


Box = tuple[Vector, Vector]


def weightless_box(body: Body, weights: Vector, ideal: Vector, guess: Sequence[float]) -> Box | None:
    """Return the lowest and highest payoffs that the Nash solution can have; None if nothing is proved.

    Parameters
    ----------
    weights : tuple of Fraction
        They add up to one; some are zero.
    ideal : tuple of Fraction
        The ideal point, larger than d for every player.
    guess : sequence of float
        A point near the solution.
    """
    counted = [i for i, w in enumerate(weights) if w]
    idle = [i for i, w in enumerate(weights) if not w]
    held = _of_counted(body, weights, ideal, guess, counted)
    if held is None:
        return None
    floor = _with(body.disagreement, counted, held[0])
    low, high = (list(_with(body.disagreement, counted, end)) for end in held)
    for k in idle:
        high[k] = _most(body, k, 1, floor, ideal[k])
        low[k] = -_most(body, k, -1, floor, -body.disagreement[k])
    if len(counted) == 1 and len(idle) == 1:
        low[idle[0]] = high[idle[0]]
    among = _of_idle(body, ideal, guess, counted, idle) if len(idle) > 1 else None
    if among is not None:
        low, high = (list(_with(tuple(x), idle, end)) for x, end in zip((low, high), among, strict=True))
    return tuple(low), tuple(high)


def _of_counted(
    body: Body, weights: Vector, ideal: Vector, guess: Sequence[float], counted: list[int]
) -> Box | None:
    """Return a box of the payoffs of the players with weight."""
    if len(counted) == 1:
        return (ideal[counted[0]],), (ideal[counted[0]],)
    found = nash_box(body, weights, list(guess))
    if found is None:
        return None
    low, high = (tuple(end[i] for i in counted) for end in found)
    return low, high


def _of_idle(
    body: Body, ideal: Vector, guess: Sequence[float], counted: list[int], idle: list[int]
) -> Box | None:
    """Return a box of what several players without weight get on the best points of the only one with weight."""
    if len(counted) > 1 or body.points is None or body.floor is not None:
        return None
    best = body.points[[row[counted[0]] == ideal[counted[0]] for row in body.points.tolist()]]
    if not len(best) or max(body.points[:, counted[0]]) > ideal[counted[0]]:
        return None
    equal = (Fraction(1, len(idle)),) * len(idle)
    return nash_box(_among(body, best, idle), equal, [guess[i] for i in idle])


def _among(body: Body, points: Rationals, players: list[int]) -> Body:
    """Return the body made of the payoffs of some of the players at some points."""
    d = tuple(body.disagreement[i] for i in players)
    return replace(body, points=points[:, players], disagreement=d, floor=None)


def _most(body: Body, player: int, sign: int, floor: Vector, otherwise: Fraction) -> Fraction:
    """Return a player's largest payoff, or with sign -1 minus the least, above a floor; else `otherwise`."""
    try:
        found = body.most([sign * int(i == player) for i in range(len(floor))], floor)
    except OverflowError:
        return otherwise
    return otherwise if found is None else found


def _with(values: Vector, places: list[int], new: Sequence[Fraction]) -> Vector:
    found = np.array(values, dtype=object)
    found[places] = list(new)
    return tuple(found)
