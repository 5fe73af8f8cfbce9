"""Second-best mechanisms in rationals: proved from above by their multipliers, from below by themselves.

Let f be the chances of types, a their weights, alpha(k|i) >= 0 the price of "i does not gain by reporting k" and rho_i
>= 0 that of "i does not lose". Whatever these prices are, no mechanism is worth more than the sum over pairs of types
of the largest sum, over outcomes c and disagreement, of the players' virtual gains

    (f_i a_i + rho_i + sum_k alpha(k|i)) p(j|i) u(c, i, j) - sum_k alpha(i|k) p(j|k) u(c, k, j).

Payments drop out if rho_i = beta f_i - f_i a_i - sum_k alpha(k|i) + sum_k alpha(i|k), with one price beta of money.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np

from bargaining._rational import Rationals, fractions
from bargaining.errors import NotApplicable
from bargaining.exact._concepts.answers import ZERO, dot
from bargaining.exact.certify import Certificate, Claim, above, allowance, register
from bargaining.feasible.image import LinearImage
from bargaining.games.bayesian import BayesianProblem, lies, scale_of, traded

DATA = 10**6, 1e-13  # the largest denominator of a fraction that a float is taken for, and its distance
SOLVED = 10**4, 1e-10  # the same of outcomes and multipliers
SHARES = 0, 1e-15, 1e-12, 1e-9  # of all posted prices, mixed in to make room for rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """A player in rationals: expected gains (c, own, other), chances of types, these times weights, a start."""

    gains: Rationals
    chances: Rationals
    worth: Rationals
    interim: Rationals


@register("second_best", LinearImage)
def second_best(claim: Claim) -> Certificate:
    """Bound the weighted sum of gains by the multipliers, and reach it by a mechanism in rationals."""
    best: Any = claim.division
    data: BayesianProblem = best.environment
    if data.transfers and not data.independent:
        raise NotApplicable(
            f"{claim.method} is certified for independent types, or without transfers: payments at each pair of types "
            "leave multipliers no room to be rounded. The `residual` of the mechanism is its gap to the best."
        )
    scale, weights = scale_of(data), np.split(claim.parameters["weights"], data.prior.shape[:1])
    prior, gains, subsidy = simple(data.prior), simple(data.gains, scale), Fraction(claim.given("subsidy"))
    if data.independent:
        prior = np.multiply.outer(*(simple(data.prior.sum(axis=axis)) for axis in (1, 0)))
    sides = []
    for k, p in enumerate((prior / prior.sum(), prior.T / prior.sum())):
        f, u = p.sum(axis=1), gains[:, 1].swapaxes(1, 2) if k else gains[:, 0]
        interim = simple(best.interim[k], scale)
        sides.append(Side(gains=p / f[:, None] * u, chances=f, worth=f * simple(weights[k]), interim=interim))
    top = _bound(sides, data, np.maximum(simple(best.multipliers / scale, 1 / scale, SOLVED), 0), subsidy)
    size, statement = top or Fraction(1), f"{claim.method}: no mechanism is worth more than {float(top):.12g}"
    tolerance = allowance(claim, (Fraction(scale),) * 2, (size,) * 2)
    rents = _reached(sides, data, simple(best.outcomes, 1.0, SOLVED), subsidy)
    if rents is None:
        statement += "; none in rationals was found."
        return Certificate(exact=None, bound=inf, tolerance=tolerance, statement=statement)
    low = sum((dot(side.worth, own) for side, own in zip(sides, rents, strict=True)), ZERO)
    value = sum((dot(side.worth, side.interim) for side in sides), ZERO)
    errors: list[Fraction] = [abs(top - value), abs(value - low)]
    errors += [
        abs(dot(side.chances, side.interim) - Fraction(x))
        for side, x in zip(sides, claim.payoffs, strict=True)
    ]
    payoffs = tuple(dot(side.chances, own) for side, own in zip(sides, rents, strict=True))
    return Certificate(
        exact=payoffs if low == top else None,
        bound=above(max(errors) / size),
        tolerance=tolerance,
        statement=f"{statement}, and one in rationals is worth {float(low):.12g}.",
    )


def simple(array: Any, size: float = 1.0, rounding: tuple[int, float] = DATA) -> Rationals:
    """Return fractions with small denominators where they are within rounding, else the floats."""
    exact, (most, share) = fractions(np.asarray(array)), rounding
    near = [x.limit_denominator(most) for x in exact.flat]
    room = [share * max(size, abs(float(x))) for x in exact.flat]
    flat = [y if abs(y - x) <= r else x for x, y, r in zip(exact.flat, near, room, strict=True)]
    return fractions(np.array(flat, dtype=object), exact.shape)


def _bound(sides: list[Side], data: BayesianProblem, multipliers: Rationals, subsidy: Fraction) -> Fraction:
    """Return what no mechanism is worth more than, from multipliers that need not be right."""
    virtual, prices, beta, first = [], [], ZERO, 0
    for side in sides:
        own, told = lies(data, side.chances.size)
        prices.append(fractions(np.zeros((side.chances.size,) * 2)))
        prices[-1][own, told] = multipliers[first : first + own.size]
        first += own.size
    owed = [side.worth + a.sum(axis=1) - a.sum(axis=0) for side, a in zip(sides, prices, strict=True)]
    rho = np.split(multipliers[first : first + sum(data.prior.shape)], data.prior.shape[:1])
    if data.transfers:
        beta = max(beta, *((each / side.chances).max() for side, each in zip(sides, owed, strict=True)))
        rho = [beta * side.chances - each for side, each in zip(sides, owed, strict=True)]
    for side, a, each in zip(sides, prices, rho, strict=True):
        virtual.append((side.worth + each + a.sum(axis=1))[:, None] * side.gains - a.T @ side.gains)
    best = (virtual[0] + virtual[1].swapaxes(1, 2)).max(axis=0)
    return Fraction(beta * subsidy + np.maximum(best, 0).sum())


def _reached(
    sides: list[Side], data: BayesianProblem, q: Rationals, subsidy: Fraction
) -> list[Rationals] | None:
    """Return what types gain in a mechanism with outcomes near q that meets all conditions; None if none is found."""
    q = np.maximum(q, 0) / np.maximum(q.sum(axis=0), 1)
    posted = q * 0
    if data.values is not None:  # the mean of all prices at which some types trade: it leaves room everywhere
        trade = np.subtract.outer(*traded(data)) > 0
        mean = Fraction(1, max(int(trade.sum()), 1))
        posted[0] = mean * trade[:, ::-1].cumsum(axis=1)[:, ::-1].cumsum(axis=0)
    for share in map(Fraction, SHARES):
        for start in (1, 0):
            gains = _rents(sides, data, (1 - share) * q + share * posted, start, subsidy)
            if gains is not None:
                return gains
    return None


def _rents(
    sides: list[Side], data: BayesianProblem, q: Rationals, start: int, subsidy: Fraction
) -> list[Rationals] | None:
    """Return the least gains that keep types from lies, from what they gain in the mechanism or from 0.

    What is left goes to the player with the larger weight; None if there is too little, or no payments keep them.
    """
    gains, left = [], subsidy
    for side, outcomes in zip(sides, (q, q.swapaxes(1, 2)), strict=True):
        reports = (side.gains @ outcomes.swapaxes(1, 2)).sum(axis=0)
        truth = np.diagonal(reports)
        own = start * side.interim if data.transfers else truth
        for _ in own if data.transfers else ():
            own = np.maximum(own, (own + reports - truth).max(axis=1))
        left += side.chances @ (truth - own)
        if (own + reports - truth > own[:, None]).any() or (own < 0).any():
            return None
        gains.append(own)
    if left < 0:
        return None
    k = int(sides[1].worth.sum() > sides[0].worth.sum())
    gains[k] = gains[k] + left
    return gains
