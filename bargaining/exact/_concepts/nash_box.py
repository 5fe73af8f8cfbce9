r"""A box of rationals that provably contains the Nash solution of a polytope, for any number of players.

With three or more players the solution is not rational in general. Newton's method in rationals finds a feasible x
close to the solution, and the duality gap of x, :math:`g = \max_y \sum_i w_i (y_i - d_i)/(x_i - d_i) - 1`, is computed
exactly. Let :math:`r_i` be the ratio of player i's gain at the solution to that at x. By optimality :math:`\sum w_i /
r_i \le 1`, and by the gap :math:`\sum w_i r_i \le 1 + g`; so :math:`w_i (r_i + 1/r_i - 2) \le g` for each player, which
bounds :math:`r_i`. Players without weight whose payoffs are close to d are kept just above d by equations in Newton's
method. Which points x mixes, or which inequalities bind at x, is found on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals, floats, fractions
from bargaining.exact._concepts.bodies import Body, Vector, vector
from bargaining.exact._concepts.intervals import BITS, square_root
from bargaining.exact._concepts.mixtures import IDLE, best_mixture, best_within, rounded, shares_of

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
    """Return the best mixture of the points, in which players without weight who are close to d gain `HAIR`."""
    assert body.points is not None
    shares = shares_of(*_scaled(body, guess), free=body.free_disposal)
    if shares is None:
        return None
    counted, w, d = np.array([bool(v) for v in weights]), vector(weights), vector(body.disagreement)

    def prices(gains: Rationals) -> tuple[Rationals, Rationals] | None:
        if min(gains[counted]) <= 0:
            return None
        price = w.copy()
        price[counted] /= rounded(gains[counted])
        bend = price.copy()
        bend[counted] *= price[counted] / w[counted]
        return price, bend

    found = best_mixture(body.points - d, shares, prices, dict.fromkeys(_held(body, weights, guess), HAIR))
    return None if found is None else tuple(d + found)


def _held(body: Body, weights: Vector, guess: list[float]) -> list[int]:
    """Return the players without weight who are close to d."""
    places = zip(weights, guess, body.disagreement, body.spans(), strict=True)
    return [i for i, (w, x, d, s) in enumerate(places) if not w and Fraction(x) - d <= Fraction(IDLE) * s]


def _corner(body: Body, weights: Vector, guess: list[float]) -> Vector | None:
    """Return a point that meets the inequalities, the best of them up to rounding."""
    assert body.matrix is not None
    assert body.limits is not None
    d, w = vector(body.disagreement), vector(weights)
    gains = fractions(np.array(guess)) - d
    rows, room = body.matrix * gains, body.limits - body.matrix @ d
    if min(gains) <= 0 or min(room) < 0:
        return None

    def prices(ratios: Rationals) -> tuple[Rationals, Rationals] | None:
        return None if min(ratios) <= 0 else (rounded(w / ratios), rounded(w / ratios**2))

    ones = fractions(np.ones(len(gains)))
    ratios = best_within(rows, room, ones, 0 * ones, prices)
    return None if ratios is None else tuple(d + ratios * gains)


def _scaled(body: Body, guess: list[float]) -> tuple[Floats, Floats]:
    """Return the points and the guess as floats in the unit box."""
    assert body.points is not None
    low = vector(tuple(min(c) for c in body.points.T.tolist()))
    spans = vector(body.spans())
    return floats((body.points - low) / spans), floats((fractions(np.array(guess)) - low) / spans)


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
