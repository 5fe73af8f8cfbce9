"""Payoffs of the outcomes as the redirectable share grows: as functions of the share, and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining.errors import InvalidInput, plain
from bargaining_models.negotiation._piecewise import Piecewise, constant, fit, steps
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.negotiation import Negotiation

OUTCOMES = ("agreement", "status_quo", "war", "exit")
_NODES = 13  # Chebyshev points of the outcomes in r


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeCurves(Shown):
    """Money of every outcome as a polynomial in the redirectable share, the same for all goods.

    The trade model is solved at 13 Chebyshev points of [0, upper] and interpolated by a polynomial; `error` is the
    error of interpolation.

    Attributes
    ----------
    deal : Deal
        The outcomes at the points.
    upper : float
    coefficients : ndarray, shape (13, 4, 2)
        By degree, outcome (agreement, status quo, war, exit) and player.

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> curves = OutcomeCurves.solve(talks, upper=0.3)
    >>> curves.money(0.15)[2].round(2)  # the tariff war at r = .15: Canada, US, USD bn a year
    array([-9.88, -3.26])
    """

    deal: Deal
    upper: float
    coefficients: Floats

    @classmethod
    def solve(cls, negotiation: Negotiation, *, upper: float, route_survives: bool = True) -> OutcomeCurves:
        """Solve the outcomes on a grid of shares.

        Raises
        ------
        InvalidInput
            If `upper` is not in (0, 1].
        """
        within(real(upper, "upper", ndim=0), "upper", 0.0, 1.0, ends="(]")
        points = chebyshev.chebpts1(_NODES)
        deal = Deal.at(negotiation, r=upper * (1 + points) / 2, route_survives=route_survives)
        values = np.stack([deal.money(name) for name in OUTCOMES], axis=1)
        matrix = chebyshev.chebvander(points, _NODES - 1)
        found = np.asarray(np.linalg.solve(matrix, values.reshape(_NODES, -1)), dtype=np.float64)
        return cls(deal=deal, upper=float(upper), coefficients=found.reshape(values.shape))

    def without_route(self) -> OutcomeCurves:
        """Return the same curves when an agreement closes the route."""
        closed = self.deal.without_route()
        coefficients = self.coefficients.copy()
        coefficients[:, 0] = 0.0
        coefficients[0, 0] = closed.agreement.money[0]  # whatever r was
        return replace(self, deal=closed, coefficients=coefficients)

    def money(self, r: ArrayLike) -> Floats:
        """Return the money of the four outcomes at shares `r`, shape (*r.shape, 4, 2)."""
        share = within(real(r, "r"), "r", 0.0, self.upper)
        position = (2 * share / self.upper - 1)[..., None, None]
        coefficients = self.coefficients.reshape(_NODES, *(1,) * share.ndim, len(OUTCOMES), 2)
        return np.asarray(chebyshev.chebval(position, coefficients, tensor=False))

    def error(self) -> float:
        """Return the largest difference from the trade model itself midway between the points, in money."""
        points = np.sort(chebyshev.chebpts1(_NODES))
        between = self.upper * (1 + np.concatenate([[-1.0], (points[1:] + points[:-1]) / 2, [1.0]])) / 2
        deal = self.deal.elsewhere(between)
        exact = np.stack([deal.money(name) for name in OUTCOMES], axis=1)
        return float(np.abs(self.money(between) - exact).max())


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Growth(Shown):
    """Money a year of every outcome as a function of time while the redirectable share grows.

    Attributes
    ----------
    flows : Piecewise
        Values of shape (4, 2): agreement, status quo, tariff war, exit; home, partner.
    idle : ndarray, shape (2,)
        The status quo with the route unused.
    dates : ndarray
        Years at which the share jumps, or begins or ceases to grow.
    route_survives : bool
        Whether the route stays open under an agreement.
    """

    flows: Piecewise
    idle: Floats
    dates: Floats
    route_survives: bool

    @classmethod
    def in_steps(cls, deal: Deal, dates: ArrayLike, *, stages: Sequence[int] | None = None) -> Growth:
        """Let the share jump from each entry of the deal's `r` to the next at the dates.

        Parameters
        ----------
        deal : Deal
            At m + 1 shares.
        dates : array_like, shape (m,)
            Years, positive and increasing.
        stages : sequence of int, optional
            Which entries of the deal's `r` to go through, m + 1 of them; all by default.
        """
        when = _checked_dates(dates)
        values = np.stack([deal.money(name) for name in OUTCOMES], axis=-2)
        if stages is not None:
            values = values[list(stages)]
        if values.ndim != 3 or len(values) != len(when) + 1:
            raise InvalidInput(
                f"`dates` must be one fewer than the shares of `deal`; got {len(when)} for shares of shape "
                f"{values.shape[:-2]}. Give the share before the first date too."
            )
        return cls(
            flows=steps(when, values), idle=deal.idle.money, dates=when, route_survives=deal.route_survives
        )

    @classmethod
    def in_a_line(cls, curves: OutcomeCurves, years: float, *, start: float = 0.0, end: float) -> Growth:
        """Let the share grow at a constant pace from `start` to `end` within `years`, and then stay."""
        when = _checked_dates([years])
        for name, share in (("start", start), ("end", end)):
            within(real(share, name, ndim=0), name, 0.0, curves.upper)

        def flows(t: Floats) -> Floats:
            return curves.money(start + (end - start) * np.clip(t / years, 0.0, 1.0))

        return cls(
            flows=fit(flows, np.array([0.0, years]), curves.money(end)),
            idle=curves.deal.idle.money,
            dates=when,
            route_survives=curves.deal.route_survives,
        )

    def flow(self, name: str) -> Piecewise:
        """Return one outcome's money over time: one of `OUTCOMES`, or "talks", in force while they talk."""
        if name == "talks":
            return self.flow("status_quo") if self.route_survives else constant(self.idle)
        k = OUTCOMES.index(name)
        return Piecewise(
            edges=self.flows.edges, coefficients=self.flows.coefficients[:, :, k], last=self.flows.last[k]
        )


def _checked_dates(dates: ArrayLike) -> Floats:
    if np.size(dates) == 0:
        return np.empty(0)
    when = real(dates, "dates", ndim=1)
    if (when <= 0).any():
        raise InvalidInput(
            f"`dates` must be years after today; got {plain(when.min())}. Begin with that share."
        )
    if (np.diff(when) <= 0).any():
        raise InvalidInput(f"`dates` must increase; got {when.tolist()}. Join what happens at one date.")
    return when
