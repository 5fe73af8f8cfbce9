"""Stationary equilibria with lotteries, for chains that have none without.

Suppose that waiting is efficient. Where leaving after a refusal becomes better than waiting, payoffs jump: if the
responder waits, the proposer gets the value of waiting; if the responder leaves, this forces an agreement or ends the
talks. At the jump the responder is indifferent and may leave with any probability; likewise a proposer who is
indifferent between an agreement and a refusal may or may not make an acceptable offer. With these lotteries the set of
possible payoffs is convex, so that a stationary equilibrium exists (Kakutani). With q the probability that a refusal
ends the talks and a the probability of an acceptable offer,

    f = a (reservations, rest to the proposer) + (1 - a) (q o + (1 - q) x),

where 0 < q < 1 only if those who decide are indifferent between leaving and waiting, and 0 < a < 1 only if the proposer
is indifferent between the rest and a refusal.

Such an equilibrium is found along a path. Let every choice have the logistic probability of its gain times a sharpness
L, and let every reservation be a smooth maximum. At L = 0 all choices have probability one half and there is one
solution; as L grows the solutions form a smooth path (for almost all payoffs) whose limits are equilibria. It is
followed by predictor and corrector, also where it turns back. At its end, choices that are certain are fixed, and the
probabilities of the others are solved for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._stationary import Chain, Policy, Today, solve, today

_FIRST, _LAST = np.log(1e-2), np.log(1e7)  # sharpness per unit of payoff: choices nearly even, nearly certain
_STEPS = 4000  # along the path; a hundred are usual
_LONGEST, _SHORTEST = 1.0, 1e-7  # length of a step in payoffs and in the logarithm of the sharpness
_ROUNDING = 1e-12  # of payoffs near 1, which a choice multiplies by its sharpness
# Probabilities within this of 0 or 1 count as certain: the first value that leads to an equilibrium is used.
_SURE = (1e-3, 1e-6, 1e-1, 1e-9)
_LARGEST = 400  # payoffs: the path costs a factorisation of a dense matrix a step

System = Callable[[Floats], tuple[Floats, Floats]]


class Choices(NamedTuple):
    """What is decided in each state."""

    leave: Floats
    """Probability that a refusal ends the talks, (S,)."""
    agree: Floats
    """Probability that the proposer makes an acceptable offer, (S,)."""

    @classmethod
    def of(cls, chances: Floats) -> Choices:
        """Return the choices that give these probabilities; after a refusal that never happens, all wait."""
        agree, leave, wait = np.moveaxis(chances, -1, 0)
        return cls(leave / np.where(leave + wait > 0, leave + wait, 1.0), agree)

    @classmethod
    def certain(cls, policy: Policy) -> Choices:
        """Return the choices of a policy, which leaves nothing to chance."""
        return cls(policy.leave.astype(float), policy.agree.astype(float))

    @property
    def chances(self) -> Floats:
        """The probabilities of an agreement at once, of the end of talks, and of waiting, (S, 3)."""
        leave = (1 - self.agree) * self.leave
        return np.stack([self.agree, leave, 1 - self.agree - leave], axis=-1)


class Lotteries(NamedTuple):
    """An equilibrium that may contain lotteries."""

    payoffs: Floats
    choices: Choices
    residual: float
    """The largest violation of the payoff equations and of the optimality of choices."""


def equilibrium(chain: Chain, accuracy: float) -> tuple[Floats, Choices]:
    """Return a stationary equilibrium by policy iteration, with lotteries where that leads to none."""
    values, policy, error = solve(chain)
    if error > accuracy and (lots := with_lotteries(chain, accuracy)) is not None:
        return lots.payoffs, lots.choices
    return values, Choices.certain(policy)


def with_lotteries(chain: Chain, accuracy: float) -> Lotteries | None:
    """Return a stationary equilibrium, with lotteries where needed, or None; payoffs are of size about 1."""
    if chain.states * chain.players > _LARGEST:
        return None
    with np.errstate(
        over="ignore", divide="ignore", invalid="ignore"
    ):  # of steps that are too long, and not taken
        end = _path(chain)
    if end is None:
        return None
    values, sharpness = end
    soft = _soft(chain, values, sharpness)
    for sure in _SURE:
        choices = [np.where(p < sure, 0.0, np.where(p > 1 - sure, 1.0, p)) for p in (soft.leave, soft.agree)]
        found = _solved(chain, values, Choices(*choices))
        if found is not None and found.residual <= accuracy:
            return found
    return None


class _Soft(NamedTuple):
    """Today's payoffs when choices are logistic, and their derivatives."""

    implied: Floats
    slopes: Floats
    """In the values of waiting, (S, n, n)."""
    drift: Floats
    """In the logarithm of the sharpness, (S, n)."""
    leave: Floats
    agree: Floats


def _soft(chain: Chain, values: Floats, sharpness: float) -> _Soft:
    """Return the payoffs of logistic choices at this sharpness."""
    from scipy.special import expit

    rows, k = np.arange(chain.states), chain.proposer
    x, o, unit = chain.wait(values), chain.outside, np.eye(chain.players)
    gap = np.where(chain.credible, o - x, 0.0)
    lean = np.where(chain.credible, expit(sharpness * gap), 0.0)
    smooth = (np.logaddexp(0.0, sharpness * gap) - np.log(2.0)) / sharpness
    reservation = x + np.where(chain.credible, smooth, 0.0)
    d_reservation = unit * (1 - lean)[:, :, None]
    t_reservation = np.where(chain.credible, lean * gap - smooth, 0.0)

    stay = chain.stay(x)
    leave = expit(-sharpness * stay)
    jump = np.where(np.isfinite(stay), sharpness * leave * (1 - leave), 0.0)
    d_leave = -jump[:, None] * _stay_slopes(chain, x, stay)
    t_leave = -jump * np.where(np.isfinite(stay), stay, 0.0)
    refused = x + leave[:, None] * (o - x)
    d_refused = unit * (1 - leave)[:, None, None] + (o - x)[:, :, None] * d_leave[:, None, :]
    t_refused = (o - x) * t_leave[:, None]

    rest, height = chain.tangent(reservation)
    d_rest = np.einsum("sj,sji->si", height, d_reservation)
    t_rest = (height * t_reservation).sum(axis=1)
    give = rest - refused[rows, k]
    agree = expit(sharpness * give)
    bump = sharpness * agree * (1 - agree)
    d_agree = bump[:, None] * (d_rest - d_refused[rows, k])
    t_agree = bump * (give + t_rest - t_refused[rows, k])

    own = chain.proposes
    agreed = np.where(own, rest[:, None], reservation)
    d_agreed = np.where(own[:, :, None], d_rest[:, None, :], d_reservation)
    t_agreed = np.where(own, t_rest[:, None], t_reservation)
    a, change = agree[:, None], agreed - refused
    return _Soft(
        implied=refused + a * change,
        slopes=d_refused + a[:, :, None] * (d_agreed - d_refused) + change[:, :, None] * d_agree[:, None, :],
        drift=t_refused + a * (t_agreed - t_refused) + change * t_agree[:, None],
        leave=leave,
        agree=agree,
    )


def _stay_slopes(chain: Chain, waiting: Floats, stay: Floats) -> Floats:
    """Return the derivative of `stay`, a maximum of gains from waiting, in the values of waiting, (S, n)."""
    which = np.abs(waiting - chain.outside - stay[:, None]).argmin(axis=1)
    slopes = np.zeros_like(waiting)
    slopes[np.arange(chain.states), which] = np.isfinite(stay)
    return slopes


def _path(chain: Chain) -> tuple[Floats, float] | None:
    """Return payoffs and the sharpness at the end of the path, or where rounding stops it."""
    shape, size = (chain.states, chain.players), chain.states * chain.players
    dense = chain.transition if isinstance(chain.transition, np.ndarray) else chain.transition.toarray()

    def system(z: Floats) -> tuple[Floats, Floats]:
        values = z[:size].reshape(shape)
        soft = _soft(chain, values, float(np.exp(z[size])))
        inner = np.einsum("sij,st,j->sitj", soft.slopes, dense, chain.discounts).reshape(size, size)
        jacobian = np.concatenate([inner - np.eye(size), soft.drift.reshape(size, 1)], axis=1)
        return (soft.implied - values).ravel(), jacobian

    along = np.append(np.zeros(size), 1.0)
    z = _corrected(system, np.append(np.zeros(size), _FIRST), along)
    length = 0.1
    for _ in range(_STEPS):
        if z is None or z[size] >= _LAST:
            break
        turned = _tangent(system(z)[1], along)
        if turned is None:
            break
        along = turned
        while (following := _corrected(system, z + length * along, along)) is None or not (
            np.abs(following - z).max() <= 2 * length
        ):
            length /= 2
            if length < _SHORTEST:
                return _ended(z, shape)
        z, length = following, min(1.5 * length, _LONGEST)
    return _ended(z, shape)


def _ended(z: Floats | None, shape: tuple[int, int]) -> tuple[Floats, float] | None:
    return None if z is None else (z[:-1].reshape(shape), float(np.exp(z[-1])))


def _tangent(jacobian: Floats, before: Floats) -> Floats | None:
    """Return the unit vector along the path, in the direction of the last one."""
    right = np.zeros(len(before))
    right[-1] = 1.0
    try:
        along = np.linalg.solve(np.vstack([jacobian, before]), right)
    except np.linalg.LinAlgError:
        return None
    return along / np.linalg.norm(along) if np.isfinite(along).all() else None


def _corrected(system: System, start: Floats, along: Floats) -> Floats | None:
    """Return the point of the path in the plane through `start` across `along`, by Newton's method."""
    z, before = start, np.inf
    for _ in range(8):
        miss, jacobian = system(z)
        size = float(np.abs(miss).max())
        if size <= _ROUNDING * (10 + np.exp(z[-1])):
            return z
        if not size < before:
            return None
        before = size
        try:
            move = np.linalg.solve(np.vstack([jacobian, along]), np.append(-miss, 0.0))
        except np.linalg.LinAlgError:
            return None
        z = z + move
    return None


def _solved(chain: Chain, values: Floats, start: Choices) -> Lotteries | None:
    """Solve for the payoffs and the probabilities of the lotteries together."""
    from scipy.optimize import root

    both = np.append(start.leave, start.agree)
    size, lots = values.size, (both > 0) & (both < 1)

    def split(unknown: Floats) -> tuple[Floats, Choices]:
        choices = both.copy()
        choices[lots] = unknown[size:]
        return unknown[:size].reshape(values.shape), Choices(*np.split(choices, 2))

    def miss(unknown: Floats) -> Floats:
        payoffs, choices = split(unknown)
        implied, now, refused = _implied(chain, payoffs, choices)
        return np.append((implied - payoffs).ravel(), np.append(now.stay, now.rest - refused)[lots])

    found = root(miss, np.append(values.ravel(), both[lots]), method="hybr", options={"xtol": 1e-15})
    payoffs, choices = split(np.asarray(found.x, dtype=float))
    if not all(((each >= 0) & (each <= 1)).all() for each in choices):
        return None
    return Lotteries(payoffs, choices, violation(chain, payoffs, choices))


def _implied(chain: Chain, payoffs: Floats, choices: Choices) -> tuple[Floats, Today, Floats]:
    """Return today's payoffs, their parts, and the proposer's payoff after a refusal."""
    now = today(chain, payoffs)
    q, a = choices
    refused = now.waiting + q[:, None] * (chain.outside - now.waiting)
    rest = np.where(a > 0, now.rest, 0.0)
    agreed = np.where(chain.proposes, rest[:, None], now.reservation)
    implied = a[:, None] * agreed + (1 - a)[:, None] * refused
    return implied, now, refused[now.rows, chain.proposer]


def violation(chain: Chain, payoffs: Floats, choices: Choices) -> float:
    """Return the largest gain by one deviation, or the largest difference between a payoff and what play gives.

    After a refusal that never happens, those who decide do what is best for them, and if they are indifferent what is
    worst for the proposer.
    """
    implied, now, refused = _implied(chain, payoffs, choices)
    leave, agree = choices
    sure = agree == 1
    either = now.waiting[now.rows, chain.proposer], chain.outside[now.rows, chain.proposer]
    best = np.where(now.stay < 0, either[1], either[0])
    best = np.where(np.abs(now.stay) <= _ROUNDING, np.minimum(*either), best)
    refused = np.where(sure, best, refused)
    most = chain.best(now.reservation)
    with np.errstate(invalid="ignore"):  # where nothing is left for the proposer
        gaps = [
            np.abs(implied - payoffs).max(axis=1),
            np.where(~sure & (leave > 0), now.stay, 0.0),
            np.where(~sure & (leave < 1), -now.stay, 0.0),
            np.where(agree > 0, np.maximum(refused, most) - now.rest, 0.0),
            np.where(agree < 1, most - refused, 0.0),
            np.abs(choices.chances.sum(axis=1) - 1),
            -choices.chances.min(axis=1),
        ]
    return max(float(np.max(gaps)), 0.0)
