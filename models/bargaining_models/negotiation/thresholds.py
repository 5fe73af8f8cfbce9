"""Thresholds in the redirectable share: where a sign changes, if it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bargaining import ContinuousOffers, nash
from bargaining.authoring import Floats, Shown
from bargaining_models.negotiation.deal import DISCOUNT_RATE, Deal

GRID = np.linspace(0.0, 1.0, 21)  # shares at which the sign of a margin is evaluated
ACCURACY = 1e-6  # of a share

Margin = Callable[[Deal], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Shown):
    """The redirectable share from which something holds.

    Attributes
    ----------
    value : float or None
        The smallest r from which it holds; the first of the grid if it holds there, None if it holds at no r of the
        grid.
    margin : float
        The quantity whose sign decides, at the first r: negative if it does not hold there.
    """

    value: float | None
    margin: float


def first_crossing(deal: Deal, margin: Margin) -> Threshold:
    """Return the smallest r at which `margin` stops being negative.

    Parameters
    ----------
    deal : Deal
        At ``r=GRID``, or another increasing array.
    margin : callable
        Takes the outcomes and returns an array of the shape of their r, continuous in r. Where it is NaN, as the terms
        of a deal are where there is nothing to agree on, nothing holds.

    Notes
    -----
    The first change of sign on the grid is refined to 1e-6; two changes within one step of the grid would be missed.
    """
    grid, values = np.asarray(deal.r), margin(deal)
    holds = np.flatnonzero(values >= 0)
    if not holds.size:
        return Threshold(value=None, margin=float(values[0]))
    k = int(holds[0])
    if k == 0:
        return Threshold(value=float(grid[0]), margin=float(values[0]))
    from scipy.optimize import brentq

    root = brentq(
        lambda r: float(np.nan_to_num(margin(deal.elsewhere(np.array([r]))), nan=-1.0)[0]),
        grid[k - 1],
        grid[k],
        xtol=ACCURACY,
    )
    return Threshold(value=float(root), margin=float(values[0]))


def partner_loss_from_war(deal: Deal) -> Floats:
    """Return the partner's loss from the tariff war relative to free trade at the same r."""
    return deal.agreement.money[..., 1] - deal.war.money[..., 1]


def joint_gain_from_war(deal: Deal) -> Floats:
    """Return what the tariff war gives both together over the agreement; where it is positive they do not agree."""
    return np.asarray(deal.war.money.sum(axis=-1) - deal.total)


def gain_from_leaving(deal: Deal) -> Floats:
    """Return home's gain from a closed border over the tariff war."""
    return deal.exit.money[..., 0] - deal.war.money[..., 0]


def gain_from_refusing(deal: Deal) -> Floats:
    """Return home's gain from a closed border over the Nash division about the war."""
    return deal.exit.money[..., 0] - nash(deal.problem()).payoffs[..., 0]


def paid_to_home(deal: Deal) -> Floats:
    """Return the partner's payment to home in the Nash division about the war."""
    return -deal.transfer(nash(deal.problem()))


def gain_from_walking_out(deal: Deal) -> Floats:
    """Return home's gain from the tariff war over the division by offers without a right to walk out."""
    offers = ContinuousOffers(DISCOUNT_RATE, inside=DISCOUNT_RATE * deal.talks.money)
    return deal.war.money[..., 0] - offers(deal.problem()).payoffs[..., 0]
