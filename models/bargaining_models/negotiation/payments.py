r"""Payments within the trade model: the cost of a dollar to the payer, and its value to the receiver.

A yearly payment of T from home to the partner is spent by the receiver instead of the payer. Both spend mostly at home,
so prices of the receiver's goods rise: a dollar costs the payer more than a dollar of real income and gives the
receiver more than one. So the frontier under the agreement is not a straight line of slope -1 but the curve
:math:`(u_h(T), u_p(T))`, to which any concept of the library can be applied.

The curve is computed by the trade model at 25 Chebyshev points of an interval of payments and interpolated by a
polynomial; `residual` is its difference from the trade model at the payment found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from bargaining import Frontier, Method, Problem, nash
from bargaining.authoring import Floats, Result, owning
from bargaining.errors import Status
from bargaining_models.negotiation.deal import Deal

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation

NODES = 25  # Chebyshev points of the curve
_WIDER = 1.25
"""The range of payments, in units of the largest gain or loss of a country from an agreement."""
_LEAST = 1e-4  # of the smaller income, and at least this far
ACCURACY = 1e-9  # of the residual


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PaidInside(Result):
    """A division by a payment within the trade model, under free trade.

    Attributes
    ----------
    payoffs : (*batch, 2) array
        Home and partner, in money.
    payment : (*batch) array
        What home pays the partner a year, in the unit of the flows; negative if the partner pays.
    worth : (*batch, 2) array
        The marginal cost of a dollar to home, and its marginal value to the partner, in dollars of real income.
    residual : (*batch) array
        The difference of the payoffs from the trade model's at this payment, over the largest payment tried.
    status : (*batch) int8 array
        OK; EMPTY where they prefer no agreement, DEGENERATE where nobody gains; INACCURATE where the residual
        exceeds 1e-9; FAILED where the outcomes have no equilibrium.
    """

    payoffs: Floats
    payment: Floats
    worth: Floats
    residual: Floats
    status: NDArray[np.int8]


def paid_inside(deal: Deal, *, method: Method = nash, threat: Any = None) -> PaidInside:
    """Divide an agreement by a payment that is made, and spent, within the trade model.

    Parameters
    ----------
    deal : Deal
    method : callable, default bargaining.nash
        Any concept of the library, or your own from a `Problem` to a `Division`.
    threat : optional
        The outcome without an agreement, as for `Deal.threat`; by default that of the negotiation.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> from bargaining_models.negotiation import Negotiation
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> paid = paid_inside(Deal.at(talks, r=[0.0, 0.15]))
    >>> paid.payment.round(2)  # from Canada to the US, USD bn a year; 8.06 and 6.24 if a dollar counted for one
    array([7.31, 5.73])
    >>> paid.worth[0].round(2)  # what the last dollar costs Canada and gives the US
    array([1.1 , 1.11])
    """
    negotiation = deal.negotiation
    disagreement = deal.threat(threat)
    free = deal.agreement.money
    batch = np.broadcast_shapes(disagreement.shape[:-1], free.shape[:-1])
    points = np.broadcast_to(disagreement, (*batch, 2)).reshape(-1, 2)
    best = np.broadcast_to(free, (*batch, 2)).reshape(-1, 2)
    costs = negotiation.route(deal.r, capped=deal.capped, in_use=deal.route_survives)
    cells = np.broadcast_to(costs, (*batch, *costs.shape[-3:])).reshape(-1, *costs.shape[-3:])
    found = [_one(negotiation, *cell, method) for cell in zip(cells, points, best, strict=True)]
    columns = [np.array(column) for column in zip(*found, strict=True)]
    payoffs, payment, worth, residual, status = columns
    return PaidInside(
        payoffs=payoffs.reshape(*batch, 2),
        payment=payment.reshape(batch),
        worth=worth.reshape(*batch, 2),
        residual=residual.reshape(batch),
        status=status.astype(np.int8).reshape(batch),
    )


def _one(
    negotiation: Negotiation, costs: Floats, threat: Floats, free: Floats, method: Method
) -> tuple[Floats, float, Floats, float, int]:
    """Return payoffs, payment, marginal values of a dollar, residual and status for one cell."""
    nothing = np.full(2, np.nan), np.nan, np.full(2, np.nan), np.nan
    if not np.isfinite([*threat, *free]).all():
        return *nothing, Status.FAILED
    largest = max(_WIDER * float(np.abs(free - threat).max()), _LEAST * float(negotiation.worth().min()))
    nodes = chebyshev.chebpts1(NODES)
    values = _payoffs(negotiation, costs, largest * nodes)
    curves = chebyshev.chebfit(nodes, values, NODES - 1)
    slopes = chebyshev.chebder(curves) / largest
    home = values[:, 0]

    def at(x: Floats) -> Floats:
        """The place in [-1, 1] of the payment at which home has x, by Newton's method: home loses as it pays more."""
        place = np.interp(-np.asarray(x), -home, nodes)
        for _ in range(8):
            step = chebyshev.chebval(place, curves[:, 0]) - x
            place = np.clip(place - step / (largest * chebyshev.chebval(place, slopes[:, 0])), -1.0, 1.0)
        return np.asarray(place)

    def partner(x: Floats) -> Floats:
        return np.asarray(chebyshev.chebval(at(x), curves[:, 1]))

    def slope(x: Floats) -> Floats:
        place = at(x)
        return np.asarray(chebyshev.chebval(place, slopes[:, 1]) / chebyshev.chebval(place, slopes[:, 0]))

    frontier = Frontier(partner, float(home.min()), float(home.max()), derivative=slope)
    division = method(Problem(frontier, threat))
    if not np.isfinite(division.payoffs).all():
        return *nothing, int(division.status)
    place = float(at(division.payoffs[0]))
    payment = largest * place
    exact = _payoffs(negotiation, costs, np.array([payment]))[0]
    residual = float(np.abs(exact - division.payoffs).max()) / largest
    status = max(int(division.status), Status.OK if residual <= ACCURACY else Status.INACCURATE)
    last = chebyshev.chebval(place, slopes) * np.array([-1.0, 1.0])
    return np.asarray(division.payoffs), payment, last, residual, status


def _payoffs(negotiation: Negotiation, costs: Floats, payments: Floats) -> Floats:
    """Money of the two at payments from home to the partner, (k, 2)."""
    home, partner = negotiation.roles.players
    found = negotiation.model.solve(
        tariffs=negotiation.free, costs=costs, transfers={(home, partner): payments}
    ).raise_if_failed()
    return np.asarray(found.welfare[:, negotiation.places] / 100.0 * negotiation.worth())
