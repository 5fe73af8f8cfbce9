"""Payoffs of the outcomes over time, as the redirectable share grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, Shown, owning, real, within
from bargaining.errors import InvalidInput, plain
from bargaining_models.negotiation.deal import Deal

OUTCOMES = ("agreement", "status_quo", "war", "exit")
OfTime = Callable[[ArrayLike], Floats]
"""From times of any shape to the money a year of home and the partner, (..., 2)."""
_NODES = 13  # Chebyshev points of the outcomes in r
_GAUSS = 17  # points of an integral on each piece
_LONGEST = 2.0  # of a piece, in units of one over the rate


def line(end: float, *, start: float = 0.0) -> Floats:
    """Return the 13 shares from `start` to `end` at which a deal is solved for `Growth.in_a_line`: Chebyshev's points.

    Raises
    ------
    InvalidInput
        If a share is not in [0, 1].
    """
    for name, share in (("start", start), ("end", end)):
        within(real(share, name, ndim=0), name, 0.0, 1.0)
    return np.asarray(start + (end - start) * (1 + chebyshev.chebpts2(_NODES)) / 2)


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
        when, values = _checked_dates(dates), _money(deal)
        if stages is not None:
            values = values[list(stages)]
        if values.ndim != 3 or len(values) != len(when) + 1:
            raise InvalidInput(
                f"`dates` must be one fewer than the shares of `deal`; got {len(when)} for shares of shape "
                f"{values.shape[:-2]}. Give the share before the first date too."
            )
        return cls._of(deal, when, lambda t: values[np.searchsorted(when, t, side="right")])

    @classmethod
    def in_a_line(cls, deal: Deal, years: float) -> Growth:
        """Let the share grow at a constant pace, from the first to the last of the deal, within `years`; then it stays.

        Between the shares of the deal, those of `line`, the outcomes are a polynomial.

        Examples
        --------
        >>> from bargaining_models.negotiation import Negotiation
        >>> from bargaining_models.parameters import load
        >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
        >>> growth = Growth.in_a_line(Deal.at(talks, r=line(0.3)), 6.0)
        >>> growth.flow("war")(3.0).round(2)  # the tariff war at r = .15: Canada, US, USD bn a year
        array([-9.88, -3.26])
        """
        when, shares = _checked_dates([years]), real(deal.r, "deal.r", ndim=1)  # type: ignore[arg-type]
        values, places = _money(deal), (shares - shares[0]) / (shares[-1] - shares[0])
        curve = chebyshev.chebfit(2 * places - 1, values.reshape(len(shares), -1), len(shares) - 1)

        def flows(t: Floats) -> Floats:
            money = chebyshev.chebval(2 * np.clip(t / years, 0.0, 1.0) - 1, curve)
            return np.asarray(np.moveaxis(money, 0, -1).reshape(*np.shape(t), *values.shape[1:]), dtype=float)

        return cls._of(deal, when, flows)

    @classmethod
    def _of(cls, deal: Deal, dates: Floats, flows: Callable[[Floats], Floats]) -> Growth:
        return cls(flows=flows, idle=deal.idle.money, dates=dates, route_survives=deal.route_survives)

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


def _money(deal: Deal) -> Floats:
    """Return the money of all outcomes, (*batch, 4, 2)."""
    return np.stack([deal.money(name) for name in OUTCOMES], axis=-2)


def _checked_dates(dates: ArrayLike) -> Floats:
    when = real(dates, "dates", ndim=1) if np.size(dates) else np.empty(0)
    if (when <= 0).any():
        raise InvalidInput(
            f"`dates` must be years after today; got {plain(when.min())}. Begin with that share."
        )
    if (np.diff(when) <= 0).any():
        raise InvalidInput(f"`dates` must increase; got {when.tolist()}. Join what happens at one date.")
    return when
