r"""The pivot along a path that both sides know: continuous offers while home's alternative is being built.

Timing. Offers follow each other without delay from date 0 on, each side proposing half of the time, and both
discount at the rate :math:`\rho`. Until they agree the status quo is in force, and the redirectable share
r(t) grows whatever they do. An agreement at date t is free trade from t on and a level transfer for ever. At the
rate L, `breakdown`, talks break down into the tariff war for good; in one reading a responder may choose that war.

Payoffs are annual flows: a stream f from date t on counts as the level flow with the same present value,

.. math:: A[f](t) = \rho \int_t^\infty e^{-\rho (s - t)} f(s) ds,

so a payoff while talks last is the flow :math:`\rho f(t)`, and the payoff of an agreement or the war is an annuity,
because the share goes on growing afterwards. With that, at L = 0 and nobody walking out,

.. math:: T(0) = A[T^*](0), \quad T^*(t) = \tfrac12 [(a_0 - q_0) - (a_1 - q_1)](t),

a being free trade and q the status quo: the transfer agreed today is the discounted average of the transfers
that a static deal would bring at each future share. With a breakdown the tariff war takes part of the weight.

The partner may answer: it *rushes* (talks begin today), *waits* until talks begin later, or *replaces* a share d of its
goods imports from home. That is a trade cost, :math:`(1 - d)^{-1/\theta}` on every goods sector, which reduces the
partner's purchases by d at fixed prices. It is present in every outcome, so it lowers the value of an agreement to
both, and what a tariff can extract. While talks last the partner's buyers turn to other suppliers for good at some
rate, and an agreement before that keeps them; or they have turned away before talks begin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from bargaining import NonstationaryOffers
from bargaining.authoring import Floats, Result, Shown, real, scalar, within
from bargaining.errors import InvalidInput, Status, plain
from bargaining_models.negotiation.deal import BREAKDOWNS, DISCOUNT_RATE, Reading
from bargaining_models.negotiation.growth import Growth, OfTime
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Roles

_HORIZON = 1.0  # years beyond the last date for which payoffs are kept
Talks = TypeVar("Talks", bound=Negotiation)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PivotDivision(Result):
    """The terms agreed while the alternative grows, at date 0 and later.

    Attributes
    ----------
    payoffs_at : callable
        Takes dates and returns each country's payoff if talks have reached them, (..., 2), in money a year.
    delay : float
        When they agree if talks begin at 0; 0 if at once.
    residual : float
    status : Status
    rate : float
        Both countries' discount rate per year.
    values : mapping from outcome to a function of time
        The annuities of the outcomes; "talks" is what is in force while they talk.
    """

    payoffs_at: OfTime
    delay: float
    residual: float
    status: Status
    rate: float
    values: dict[str, OfTime]

    @property
    def payoffs(self) -> Floats:
        """Payoffs of home and the partner in talks that begin at 0."""
        return self.payoffs_at(0.0)

    def transfer_at(self, t: ArrayLike) -> Floats:
        """Return what home pays the partner a year, for ever, if they agree at date t; negative if the partner pays.

        At a date at which they prefer to wait, it is the transfer that would give home its payoff from waiting.
        """
        return np.asarray(self.values["agreement"](t)[..., 0] - self.payoffs_at(t)[..., 0])

    @property
    def transfer(self) -> float:
        """The transfer if they agree at date 0."""
        return float(self.transfer_at(0.0))

    def paid(self, start: float = 0.0) -> float:
        """Return what home pays a year once they agree, in talks that begin at `start`; NaN if they never do."""
        date = max(self.delay, start)
        return float(self.transfer_at(date)) if np.isfinite(date) else float("nan")

    def waiting(self, years: ArrayLike) -> Floats:
        """Return each country's gain if talks begin only then, under the status quo until then.

        There is no breakdown before talks begin. Shape (*years.shape, 2); the sum is minus the joint loss.
        """
        t = within(real(years, "years"), "years", 0.0, np.inf)
        left = np.exp(-self.rate * t)[..., None]
        talks = self.values["talks"]
        return np.asarray(talks(0.0) - left * talks(t) + left * self.payoffs_at(t) - self.payoffs)


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
    >>> talks = Pivot(growth=Growth.in_steps(deal, [5.0])).offers(breakdown=0.5)
    >>> talks.transfer_at([0.0, 5.0]).round(2), talks.delay
    (array([4.1 , 3.45]), 0.0)
    """

    growth: Growth
    rate: float = DISCOUNT_RATE
    _values: dict[str, OfTime] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rate = scalar(self.rate, "rate")
        if rate <= 0:
            raise InvalidInput(
                f"`rate` must be positive; got {plain(rate)}. Without discounting there is no reason to agree soon."
            )
        names = ("agreement", "status_quo", "war", "talks")
        object.__setattr__(self, "_values", {name: self.growth.annuity(name, rate) for name in names})

    def value(self, name: str) -> OfTime:
        """Return the annuity of an outcome: "agreement", "status_quo", "war" or "talks"."""
        return self._values[name]

    def nash(self) -> PivotDivision:
        """Return the Nash division about the tariff war, in force for good from the date without an agreement."""
        agreement, war = self._values["agreement"], self._values["war"]

        def payoffs_at(t: ArrayLike) -> Floats:
            threat = war(t)
            return np.asarray(threat + (agreement(t) - threat).sum(axis=-1)[..., None] / 2)

        return PivotDivision(
            payoffs_at=payoffs_at,
            delay=0.0,
            residual=0.0,
            status=Status.OK,
            rate=self.rate,
            values=self._values,
        )

    def offers(
        self,
        *,
        breakdown: float = 0.0,
        in_use: bool = False,
        walk_out: bool = False,
        replaced: tuple[float, PivotDivision] | None = None,
    ) -> PivotDivision:
        """Return the division by offers without pause.

        Parameters
        ----------
        breakdown : float, default 0
            Rate per year at which talks break down into the tariff war.
        in_use : bool, default False
            Whether the route is in use while talks last, even if an agreement closes it; otherwise it is in use if it
            survives an agreement.
        walk_out : bool, default False
            Whether a responder may choose the tariff war.
        replaced : pair of float and PivotDivision, optional
            A further rate at which talks end, as the partner replaces goods from home, and the division then.
        """
        within(real(breakdown, "breakdown", ndim=0), "breakdown", 0.0, np.inf, ends="[)")
        origin = self.growth.flow("exit")(0.0)  # a closed border today: below the payoffs of any agreement
        war, agreement = self._values["war"], self._values["agreement"]
        during = "status_quo" if in_use else "talks"
        leaving, gone = (0.0, war) if replaced is None else (replaced[0], replaced[1].payoffs_at)
        rate = breakdown + leaving
        weight = leaving / rate if rate > 0 else 0.0

        def above(path: OfTime, factor: float = 1.0) -> list[Callable[[Any], Any]]:
            def of(i: int) -> Callable[[Any], Any]:
                return lambda t: np.asarray(factor * (path(t) - origin)[..., i])

            return [of(0), of(1)]

        found = NonstationaryOffers(
            [self.rate, self.rate],
            surplus=lambda t: agreement(t).sum(axis=-1) - origin.sum(),
            inside=above(self.growth.flow(during), self.rate),
            breakdown=rate,
            breakdown_payoffs=above(lambda t: weight * gone(t) + (1 - weight) * war(t) if weight else war(t)),
            outside=above(war) if walk_out else None,
            kinks=self.growth.dates,
            until=float(self.growth.dates.max(initial=0.0)) + _HORIZON,
        )()
        return PivotDivision(
            payoffs_at=lambda t: np.asarray(found.payoffs_at(np.minimum(t, found.until)) + origin),
            delay=found.delay,
            residual=float(np.max(found.residual)),
            status=Status(int(found.status)),
            rate=self.rate,
            values=self._values | {"talks": self._values[during]},
        )


def path_readings(roles: Roles) -> tuple[Reading, ...]:
    """Return the readings of the table of paths, from a `Pivot` or a `PivotChain` to its division."""
    during = f"offers without pause under {roles.meanwhile}"

    def offers(name: str, timing: str, **options: Any) -> Reading:
        return Reading(
            name=f"Offers, {name}", timing=f"{during}{timing}", divide=lambda talks: talks.offers(**options)
        )

    about = "without an agreement the tariff war from the date on"
    return (
        Reading(name="Nash", timing=about, divide=lambda talks: talks.nash()),
        offers("inside option", ", r(t) in use while talks last", in_use=True),
        *(
            offers(
                f"breakdown {rate:g} a year",
                f"; at rate {rate:g} a year they end in the tariff war",
                breakdown=rate,
            )
            for rate in BREAKDOWNS
        ),
        offers("outside option: war", "; a responder may walk out into the tariff war", walk_out=True),
    )


def without_suppliers(negotiation: Talks, share: float) -> Talks:
    """Return the negotiation after the partner's buyers have replaced a share of their goods imports from home.

    Raises
    ------
    InvalidInput
        If `share` is not in [0, 1).

    Examples
    --------
    >>> from bargaining_models.parameters import load
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> without_suppliers(talks, 0.15).payoffs().money.round(1)  # free trade: Canada, US
    array([-6.2, -6.5])
    """
    d = float(within(real(share, "share", ndim=0), "share", 0.0, 1.0, ends="[)"))
    model = negotiation.model
    hats = np.ones_like(model.economy.tariffs)
    exporter, importer = negotiation.places
    hats[importer, exporter, model.goods] = (1 - d) ** (-1 / model.economy.elasticities[model.goods])
    return negotiation.with_friction(hats)


def partner_answers(
    pivot: Pivot, replaced: Pivot, *, breakdown: float, replacing: float, wait: float
) -> dict[str, tuple[PivotDivision, float]]:
    """Return the division after each answer of the partner, and the date at which talks begin.

    Parameters
    ----------
    pivot, replaced : Pivot
        The same path of the share before and after the partner's buyers have turned away.
    breakdown : float
        Rate per year at which talks break down into the tariff war.
    replacing : float
        Rate per year at which the partner's buyers turn away while talks last.
    wait : float
        Years until talks begin if the partner waits.
    """
    rush, gone = pivot.offers(breakdown=breakdown), replaced.offers(breakdown=breakdown)
    losing = pivot.offers(breakdown=breakdown, replaced=(replacing, gone))
    return {
        "rush": (rush, 0.0),
        f"wait {wait:g} years": (rush, wait),
        "replace while talking": (losing, 0.0),
        "replace first": (gone, 0.0),
    }
