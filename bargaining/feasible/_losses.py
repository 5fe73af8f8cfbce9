r"""The payoffs of a decision with the least weighted sum of losses from an ideal point.

With y the losses below the ideal point a, negative and in units of the payoffs, the sum is least where
:math:`\sum_i w_i y_i` is largest over :math:`y \le 0` and :math:`a + y \le u(z)`: a program without kinks, whose
multipliers are the prices that prove it.
"""

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.feasible._decisions import Choice, Decisions

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


def _gap(
    decisions: Decisions, found: Choice, worth: Floats, short: Floats, room: Floats, bound: NDArray[np.bool_]
) -> float:
    """Bound by how much another decision loses less: with prices p and multipliers s of the floor, p <= worth + s.

    By concavity no decision loses less than p . short - s . room, but for what is left of the gradient.
    """
    z, loss = found.decision, np.maximum(short, 0.0)
    slack, rows = decisions.slacks(z)
    parts = np.split(found.multipliers, np.cumsum([slack.size, loss.size, loss.size]))
    plain, prices, _, low = (np.maximum(part, 0.0) for part in parts)
    dear = worth.copy()
    dear[bound] += low
    prices = np.minimum(prices, dear)
    unpaid = (dear - prices) @ loss + prices @ (loss - short) + low @ (room - loss[bound])
    left = prices @ decisions.slopes(z) + plain @ rows
    over = max(float(-slack.min(initial=0.0)), float((loss[bound] - room).max(initial=0.0)))
    return max(float(unpaid + plain @ np.maximum(slack, 0.0)) + decisions.most(z, left), over)
