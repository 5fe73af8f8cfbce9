"""Payoffs of the outcomes as the redirectable share grows: as functions of the share, and over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining.errors import InvalidInput, plain
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.negotiation import Negotiation

OUTCOMES = ("agreement", "status_quo", "war", "exit")
OfTime = Callable[[ArrayLike], Floats]
"""From times of any shape to the money a year of home and the partner, (..., 2)."""
_NODES = 13  # Chebyshev points of the outcomes in r
_GAUSS, _LONGEST = (
    17,
    2.0,
)  # points of an integral on each piece, and its longest length in units of one over the rate


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
        found = np.asarray(
            chebyshev.chebfit(points, values.reshape(_NODES, -1), _NODES - 1), dtype=np.float64
        )
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
        basis = chebyshev.chebvander(2 * share / self.upper - 1, _NODES - 1)
        values = np.tensordot(basis, self.coefficients, axes=(-1, 0))
        return np.asarray(values.reshape(*share.shape, len(OUTCOMES), 2))

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
    flows : callable
        From times to values of shape (..., 4, 2): agreement, status quo, tariff war, exit; home, partner. Smooth
        between the dates, at a date the value just after it, and constant from the last date on.
    idle : ndarray, shape (2,)
        The status quo with the route unused.
    dates : ndarray
        Years at which the share jumps, or begins or ceases to grow.
    route_survives : bool
        Whether the route stays open under an agreement.
    """

    flows: Callable[[Floats], Floats]
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
            flows=lambda t: values[np.searchsorted(when, t, side="right")],
            idle=deal.idle.money,
            dates=when,
            route_survives=deal.route_survives,
        )

    @classmethod
    def in_a_line(cls, curves: OutcomeCurves, years: float, *, start: float = 0.0, end: float) -> Growth:
        """Let the share grow at a constant pace from `start` to `end` within `years`, and then stay."""
        when = _checked_dates([years])
        for name, share in (("start", start), ("end", end)):
            within(real(share, name, ndim=0), name, 0.0, curves.upper)
        return cls(
            flows=lambda t: curves.money(start + (end - start) * np.clip(t / years, 0.0, 1.0)),
            idle=curves.deal.idle.money,
            dates=when,
            route_survives=curves.deal.route_survives,
        )

    def flow(self, name: str) -> OfTime:
        """Return one outcome's money over time: one of `OUTCOMES`, or "talks", in force while they talk."""
        if name == "talks":
            if not self.route_survives:
                return lambda t: np.broadcast_to(self.idle, (*np.shape(t), 2))
            name = "status_quo"
        k = OUTCOMES.index(name)
        return lambda t: self.flows(np.asarray(t, dtype=float))[..., k, :]

    def annuity(self, name: str, rate: float) -> OfTime:
        r"""Return the level flow for ever that is worth as much as an outcome from each date on.

        .. math:: A(t) = \rho \int_t^\infty e^{-\rho (s - t)} f(s) ds,

        by Gauss-Legendre between the dates.
        """
        flow, last = self.flow(name), float(self.dates.max(initial=0.0))
        edges = np.unique([0.0, *self.dates])
        counts = np.ceil(rate * np.diff(edges) / _LONGEST).astype(int)
        cuts = [
            np.linspace(a, b, n, endpoint=False) for a, b, n in zip(edges, edges[1:], counts, strict=False)
        ]
        pieces = list(pairwise(np.concatenate([*cuts, edges[-1:]])))
        nodes, weights = legendre.leggauss(_GAUSS)

        def value(t: ArrayLike) -> Floats:
            when = np.asarray(t, dtype=float)[..., None]
            total = np.exp(-rate * np.maximum(last - when, 0.0)) * flow(last)
            for a, b in pieces:
                half = (b - np.clip(when, a, b)) / 2.0
                times = b - half * (1.0 - nodes)
                discounted = rate * half * weights * np.exp(-rate * (times - when))
                total = total + np.einsum("...k,...ki->...i", discounted, flow(times))
            return np.asarray(total)

        return value


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
