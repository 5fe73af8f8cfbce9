r"""The pivot along a path that both sides know: continuous offers while home's alternative is being built.

Timing. Offers follow each other without delay from date 0 on, each side proposing half of the time, and both
discount at the rate :math:`\rho`. Until they agree the status quo is in force, and the redirectable share
r(t) grows whatever they do. An agreement at date t is free trade from t on and a level transfer for ever. At the
hazard rate L talks break down into the tariff war for good; in one reading a responder may choose that war.

Payoffs are annual flows: a stream f from date t on counts as the level flow with the same present value,

.. math:: A[f](t) = \rho \int_t^\infty e^{-\rho (s - t)} f(s) ds,

so a payoff while talks last is the flow :math:`\rho f(t)`, and the payoff of an agreement or the war is an annuity,
because the share goes on growing afterwards. With that, at L = 0 and nobody walking out,

.. math:: T(0) = A[T^*](0), \quad T^*(t) = \tfrac12 [(a_0 - q_0) - (a_1 - q_1)](t),

a being free trade and q the status quo: the transfer agreed today is the discounted average of the transfers
that a static deal would bring at each future share. With a hazard the tariff war takes part of the weight.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining import NonstationaryOffers
from bargaining.authoring import Floats, Result, Shown, real, scalar, within
from bargaining.errors import InvalidInput, Status, plain
from bargaining_models.negotiation._piecewise import Piecewise, annuity, fit
from bargaining_models.negotiation.deal import DISCOUNT_RATE, HAZARDS
from bargaining_models.negotiation.growth import Growth
from bargaining_models.negotiation.roles import Roles

_HORIZON = 1.0
"""Years beyond the last date for which payoffs are kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotDivision(Result):
    """The terms agreed while the alternative grows, at date 0 and later.

    Attributes
    ----------
    payoffs_at : callable
        Takes dates and returns each country's payoff if talks have reached them, shape (..., 2), in money a year.
    until : float
        The last date of interest; nothing changes after it.
    delay : float
        When they agree if talks begin at 0; 0 if at once.
    residual : float
    status : Status
    values : mapping from outcome to Piecewise
        The annuities of the outcomes; "talks" is what is in force while they talk.
    """

    payoffs_at: Callable[[ArrayLike], Floats]
    until: float
    delay: float
    residual: float
    status: Status
    rate: float
    values: dict[str, Piecewise]

    @property
    def payoffs(self) -> Floats:
        """Payoffs of home and the partner in talks that begin at 0."""
        return self.payoffs_at(0.0)

    def transfer_at(self, t: ArrayLike) -> Floats:
        """Return what home pays the partner a year, for ever, if they agree at date t; negative if the partner pays.

        At a date at which they prefer to wait, it is the transfer that would give home its payoff from waiting.
        """
        transfer: Floats = self.values["agreement"](t)[..., 0] - self.payoffs_at(t)[..., 0]
        return transfer

    @property
    def transfer(self) -> float:
        """The transfer if they agree at date 0."""
        return float(self.transfer_at(0.0))

    def waiting(self, years: ArrayLike) -> Floats:
        """Return each country's gain if talks begin only then, under the status quo until then.

        There is no breakdown before talks begin. Shape (*years.shape, 2); the sum is minus the joint loss.
        """
        t = within(real(years, "years"), "years", 0.0, np.inf)
        left = np.exp(-self.rate * t)[..., None]
        talks = self.values["talks"]
        kept: Floats = talks(0.0) - left * talks(t) + left * self.payoffs_at(t) - self.payoffs
        return kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pivot(Shown):
    """Talks while the alternative grows along a path that both know.

    Parameters
    ----------
    growth : Growth
        The outcomes over time.
    rate : float
        Both countries' discount rate per year.

    Examples
    --------
    Capacity for 15 percent that opens in five years, under a deal that will close the route:

    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.negotiation.deal import Deal
    >>> from bargaining_models.parameters import load
    >>> schedules = ["us_2025_26", "canada_2025_26"]
    >>> talks = Negotiation(
    ...     data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules
    ... )
    >>> deal = Deal.at(talks, r=[0.0, 0.15], route_survives=False)
    >>> talks = Pivot(growth=Growth.in_steps(deal, [5.0])).offers(hazard=0.5)
    >>> talks.transfer_at([0.0, 5.0]).round(2), talks.delay
    (array([4.1 , 3.45]), 0.0)
    """

    growth: Growth
    rate: float = DISCOUNT_RATE
    _values: dict[str, Piecewise] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rate = scalar(self.rate, "rate")
        if rate <= 0:
            raise InvalidInput(
                f"`rate` must be positive; got {plain(rate)}. Without discounting there is no reason to agree soon."
            )
        names = ("agreement", "status_quo", "war", "talks")
        object.__setattr__(self, "_values", {name: annuity(self.growth.flow(name), rate) for name in names})

    @property
    def until(self) -> float:
        """A date after which nothing changes."""
        return float(self.growth.dates.max(initial=0.0)) + _HORIZON

    def value(self, name: str) -> Piecewise:
        """Return the annuity of an outcome: "agreement", "status_quo", "war" or "talks"."""
        return self._values[name]

    def nash(self) -> PivotDivision:
        """Return the Nash division about the tariff war, in force for good from the date without an agreement."""
        total, war = self._values["agreement"].sum(), self._values["war"]

        def payoffs_at(t: ArrayLike) -> Floats:
            threat = war(t)
            return np.asarray(threat + (total(t) - threat.sum(axis=-1))[..., None] / 2)

        return self._pack(payoffs_at, 0.0, 0.0, Status.OK)

    def offers(
        self,
        *,
        hazard: float = 0.0,
        in_use: bool | None = None,
        walk_out: bool = False,
        replaced: tuple[float, PivotDivision] | None = None,
    ) -> PivotDivision:
        """Return the division by offers without pause.

        Parameters
        ----------
        hazard : float, default 0
            Rate per year at which talks break down into the tariff war.
        in_use : bool, optional
            Whether the route is in use while talks last; by default it is if the route survives an agreement.
        walk_out : bool, default False
            Whether a responder may choose the tariff war.
        replaced : pair of float and PivotDivision, optional
            A further hazard while talks last, at which the partner replaces goods from home, and the division then.
        """
        within(real(hazard, "hazard", ndim=0), "hazard", 0.0, np.inf, ends="[)")
        origin = self.growth.flow("exit")(0.0)
        war = self._values["war"]
        during = "status_quo" if in_use else "talks"
        talks = self.growth.flow(during)
        pie = self._values["agreement"].sum()
        both = [war.part(i) for i in range(2)]
        rate, broken = hazard, [_above(path, origin[i]) for i, path in enumerate(both)]
        if replaced is not None and replaced[0] > 0:
            rate, broken = hazard + replaced[0], self._either(hazard, *replaced, origin)
        found = NonstationaryOffers(
            [self.rate, self.rate],
            surplus=_above(pie.__call__, origin.sum()),
            inside=[_above(talks.part(i), origin[i], self.rate) for i in range(2)],
            breakdown=rate,
            breakdown_payoffs=broken,
            outside=[_above(path, origin[i]) for i, path in enumerate(both)] if walk_out else None,
            kinks=self.growth.dates,
            until=self.until,
        )()
        return self._pack(
            lambda t: np.asarray(found.payoffs_at(np.minimum(t, found.until)) + origin),
            found.delay,
            float(np.max(found.residual)),
            Status(int(found.status)),
            during,
        )

    def _either(
        self, hazard: float, replacing: float, after: PivotDivision, origin: Floats
    ) -> list[Callable[[Any], Any]]:
        """Return the payoffs of the two ways in which talks can end by accident, from the origin."""
        war, weight = self._values["war"], replacing / (hazard + replacing)
        edges = np.union1d(np.append(0.0, self.growth.dates), self.until)

        def mixed(t: Floats) -> Floats:
            return np.asarray(weight * after.payoffs_at(t) + (1 - weight) * war(t))

        paths = fit(mixed, edges, mixed(np.array([self.until]))[0])
        return [_above(paths.part(i), origin[i]) for i in range(2)]

    def _pack(
        self,
        payoffs_at: Callable[[ArrayLike], Floats],
        delay: float,
        residual: float,
        status: Status,
        during: str = "talks",
    ) -> PivotDivision:
        return PivotDivision(
            payoffs_at=payoffs_at,
            until=self.until,
            delay=delay,
            residual=residual,
            status=status,
            rate=self.rate,
            values=self._values | {"talks": self._values[during]},
        )


def _above(path: Callable[[Any], Floats], origin: float, factor: float = 1.0) -> Callable[[Any], Any]:
    """Subtract from a function of time the payoffs of a closed border today, below those of any agreement."""
    return lambda t: factor * (path(t) - origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class PathReading(Shown):
    """One reading of the alternative along a path, for tables: a name, its timing, and the division."""

    name: str
    timing: str
    divide: Callable[[Pivot], PivotDivision]


def path_readings(roles: Roles) -> tuple[PathReading, ...]:
    """Return the readings of the table of paths: those of the deal, over time."""
    offers = f"offers without pause under {roles.meanwhile}"
    return (
        PathReading(
            name="Nash",
            timing="without an agreement the tariff war from the date on",
            divide=lambda p: p.nash(),
        ),
        PathReading(
            name="Offers, inside option",
            timing=f"{offers}, r(t) in use while talks last",
            divide=lambda p: p.offers(in_use=True),
        ),
        *(_broken(hazard, offers) for hazard in HAZARDS),
        PathReading(
            name="Offers, outside option: war",
            timing=f"{offers}; a responder may walk out into the tariff war",
            divide=lambda p: p.offers(walk_out=True),
        ),
    )


def _broken(hazard: float, offers: str) -> PathReading:
    return PathReading(
        name=f"Offers, breakdown {hazard:g} a year",
        timing=f"{offers}; at rate {hazard:g} a year they end in the tariff war",
        divide=lambda p: p.offers(hazard=hazard),
    )
