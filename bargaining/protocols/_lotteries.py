"""Stationary equilibrium in which somebody draws lots, for chains that have none without.

Just where the first responder's option begins to bind while waiting is efficient, the payoffs of a policy jump:
a responder who waits leaves the proposer the value of waiting, one who leaves forces an agreement, or ends the talks.
At the jump itself the responder is indifferent and may leave with any probability; likewise a proposer to whom an
agreement and a refusal are worth the same may or may not make an acceptable offer. The payoffs of all these lotteries
close the gap, so that a stationary equilibrium exists (Kakutani). With q the chance that the first responder leaves
after a refusal and a the chance of an acceptable offer,

    f = a (reservations, rest to the proposer) + (1 - a) (q o + (1 - q) x),

where 0 < q < 1 only if x_first = o_first, and 0 < a < 1 only if the rest is what a refusal brings the proposer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._chain import Chain, Mask
from bargaining.protocols._stationary import play, today

_PERIODS = 4000
_BURN = 3000
_DAMPING = 20.0
_NEAR = 1e-2
_LARGEST = 400
_WAVERING = 6
_LOT = 0.5


class Choices(NamedTuple):
    """What is decided in each state."""

    leave: Floats
    """Probability that the first responder leaves after a refusal, (S,)."""
    agree: Floats
    """Probability that the proposer makes an acceptable offer, (S,)."""


class Lotteries(NamedTuple):
    """An equilibrium in which lots may be drawn."""

    payoffs: Floats
    choices: Choices
    residual: float
    """The largest violation: of the payoffs, and of what each choice must be best or indifferent to."""


def with_lotteries(chain: Chain, accuracy: float) -> Lotteries | None:
    """Return a stationary equilibrium, with as few lots as were found to be enough, or None.

    Payoffs follow the policy of the moment by ever smaller steps, which settle at the jump that separates two
    policies. Each choice that still changes there is yes, no or a lot; the payoffs and the chances of the lots solve
    one square system, and the definition says whether it is an equilibrium.
    """
    if chain.states * chain.players > _LARGEST:
        return None
    values, last, wavering = _settle(chain)
    for start in _candidates(last, wavering):
        found = _solved(chain, values, start)
        if found is not None and found.residual <= accuracy:
            return found
    return None


def _settle(chain: Chain) -> tuple[Floats, Floats, Mask]:
    """Return payoffs at the jump, the choices there, (2 S,), and which of them waver: leaving, then agreeing."""
    values = np.zeros((chain.states, chain.players))
    seen = []
    for period in range(_PERIODS):
        following, policy = play(chain, values)
        if period >= _BURN:
            now = today(chain, values)
            seen.append(np.append(now.tempted[now.rows, now.first], policy.agree))
        values = values + (following - values) / (1 + period / _DAMPING)
    last = seen[-1].astype(float)
    _, stay, give = _implied(chain, values, Choices(*np.split(last, 2)))
    credible = np.append(chain.credible[now.rows, now.first], np.ones(chain.states, dtype=bool))
    near = np.abs(np.append(stay, give)) <= _NEAR * np.abs(values).max()
    return values, last, credible & (near | (np.array(seen) != seen[-1]).any(axis=0))


def _candidates(last: Floats, wavering: Mask) -> Iterator[Floats]:
    """Yield the choices to try, (2 S,), those with few lots first; `_LOT` stands for a lot."""
    free = np.flatnonzero(wavering)
    if len(free) > _WAVERING:
        return
    for options in sorted(product((0.0, 1.0, _LOT), repeat=len(free)), key=lambda each: each.count(_LOT)):
        start = last.copy()
        start[free] = options
        yield start


def _solved(chain: Chain, values: Floats, start: Floats) -> Lotteries | None:
    """Solve for the payoffs and for the chances of the lots, together."""
    from scipy.optimize import root

    size, lots = values.size, start == _LOT

    def split(unknown: Floats) -> tuple[Floats, Choices]:
        choices = start.copy()
        choices[lots] = unknown[size:]
        return unknown[:size].reshape(values.shape), Choices(*np.split(choices, 2))

    def miss(unknown: Floats) -> Floats:
        payoffs, choices = split(unknown)
        implied, stay, give = _implied(chain, payoffs, choices)
        return np.append((implied - payoffs).ravel(), np.append(stay, give)[lots])

    found = root(miss, np.append(values.ravel(), start[lots]), method="hybr", options={"xtol": 1e-15})
    payoffs, choices = split(np.asarray(found.x, dtype=float))
    if not all(((each >= 0) & (each <= 1)).all() for each in choices):
        return None
    return Lotteries(payoffs, choices, _violation(chain, payoffs, choices))


def _implied(chain: Chain, payoffs: Floats, choices: Choices) -> tuple[Floats, Floats, Floats]:
    """Return today's payoffs, what waiting adds for the first responder, and what agreeing adds for the proposer."""
    now = today(chain, payoffs)
    q, a = choices
    refused = now.waiting + q[:, None] * (chain.outside - now.waiting)
    give = now.rest - refused[now.rows, chain.proposer]
    rest = np.where(a > 0, now.rest, 0.0)
    agreed = np.where(chain.proposes, rest[:, None], now.reservation)
    implied = a[:, None] * agreed + (1 - a)[:, None] * refused
    return implied, (now.waiting - chain.outside)[now.rows, now.first], give


def _violation(chain: Chain, payoffs: Floats, choices: Choices) -> float:
    """Return the largest violation of the definition."""
    implied, stay, give = _implied(chain, payoffs, choices)
    may = chain.credible[np.arange(chain.states), (chain.proposer + 1) % chain.players]
    leave, agree = choices
    gaps = [
        np.abs(implied - payoffs).max(axis=1),
        np.where(leave > 0, np.where(may, stay, np.inf), 0.0),
        np.where(may & (leave < 1), -stay, 0.0),
        np.where(agree > 0, -give, 0.0),
        np.where(agree < 1, give, 0.0),
    ]
    return float(np.max(gaps))
