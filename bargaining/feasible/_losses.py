r"""The payoffs of a decision that lose least from an ideal point, by the weighted sum or by a power of it.

With y the losses below the ideal point a, negative and in units of the payoffs, the sum is least where
:math:`\sum_i w_i y_i` is largest over :math:`y \le 0` and :math:`a + y \le u(z)`: a program without kinks, whose
multipliers are the prices that prove it. The sum of powers is least where :math:`t` is, subject to
:math:`\sum_i (w_i |y_i|)^p \le t` too; its gradient takes the place of the weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._decisions import Choice, Decisions

FLAT = 1e-12  # of the losses: a power below 2 bends without bound where there is none
SOLVED = 1e-9  # conditions that are further off than this were not met at all


def least_losses(decisions: Decisions, ideal: Floats, weights: Floats, floor: Floats) -> tuple[Floats, float]:
    """Return x <= ideal, x >= floor with the least sum of weights * (ideal - x), and how much another can be better.

    Parameters
    ----------
    ideal, weights, floor : ndarray, shape (n,)
        Weights are positive; an entry of `floor` may be -inf.
    """
    span, eye, bound = decisions.span, np.eye(ideal.size), np.isfinite(floor)
    size = float((weights * span).max())
    worth, room = weights * span / size, ((ideal - floor) / span)[bound]
    found = decisions.solve(
        worth,
        np.zeros(ideal.size),
        eye,
        ideal,
        alone=(np.concatenate((-eye, eye[bound])), np.append(np.zeros(ideal.size), room)),
    )
    payoffs = decisions.payoffs(found.decision)
    gap = _gap(decisions, found, worth, (ideal - payoffs) / span, room, bound)
    return np.minimum(payoffs, ideal), gap * size if found.off <= SOLVED else np.nan


def least_powers(
    decisions: Decisions, ideal: Floats, weights: Floats, floor: Floats, power: float, loss: float
) -> tuple[Floats, float]:
    """Return x <= ideal, x >= floor with the least sum of (weights * (ideal - x))**power, and how much another gains.

    Parameters
    ----------
    power : float
        Above 1.
    loss : float
        The weighted loss, positive, about which those of the answer are.

    Returns
    -------
    x : ndarray, shape (n,)
    gap : float
        The most that prices, the gradient over its largest entry, say that another point of the set loses less.
    """
    n, span, bound = ideal.size, decisions.span, np.isfinite(floor)
    eye, unit, room = np.eye(n, n + 1), weights * span / loss, ((ideal - floor) / span)[bound]
    fall = eye / unit[:, None]  # of payoffs, in units of the span, by a loss of one

    def bend(y: Floats) -> tuple[float, Floats, Floats]:
        each = np.maximum(y[:n], 0.0)
        slope, curve = -power * each ** (power - 1), np.maximum(each, FLAT) ** (power - 2)
        curve *= -power * (power - 1)
        return float(y[n] - (each**power).sum()), np.append(slope, 1.0), np.append(curve, 0.0)

    found = decisions.solve(
        np.append(np.zeros(n), -1.0),
        np.zeros(n + 1),
        -fall,
        ideal,
        alone=(np.concatenate((eye, -fall[bound])), np.append(np.zeros(n), room)),
        bend=bend,
    )
    payoffs = decisions.payoffs(found.decision)
    short = (ideal - payoffs) / span
    worth = power * unit * (unit * np.maximum(short, 0.0)) ** (power - 1)
    price = float((worth / (weights * span)).max())
    gap = _gap(decisions, found, worth, short, room, bound)
    return np.minimum(payoffs, ideal), gap / price if found.off <= SOLVED and price > 0 else np.nan


def _gap(
    decisions: Decisions, found: Choice, worth: Floats, short: Floats, room: Floats, bound: NDArray[np.bool_]
) -> float:
    """Bound by how much another decision loses less: with prices p and multipliers s of the floor, p <= worth + s.

    By concavity no decision loses less than p . short - s . room, but for what is left of the gradient.
    """
    z, loss = found.decision, np.maximum(short, 0.0)
    slack, rows = decisions.slacks(z)
    parts = np.split(found.multipliers, np.cumsum([slack.size, loss.size, loss.size, room.size]))
    plain, prices, _, low = (np.maximum(part, 0.0) for part in parts[:4])
    dear = worth.copy()
    dear[bound] += low
    prices = np.minimum(prices, dear)
    unpaid = (dear - prices) @ loss + prices @ (loss - short) + low @ (room - loss[bound])
    paid, held = prices > 0, plain > 0  # the gradient of what has no price may be infinite
    left = prices[paid] @ decisions.slopes(z)[paid] + plain[held] @ rows[held]
    over = max(float(-slack.min(initial=0.0)), float((loss[bound] - room).max(initial=0.0)))
    return max(float(unpaid + plain @ np.maximum(slack, 0.0)) + decisions.most(z, left), over)
