r"""The pivot along a path that both sides know: continuous offers while home's alternative is being built.

Timing. Offers follow each other without delay from date 0 on, each side proposing half of the time, and both discount
at the rate :math:`\rho`. Until they agree the status quo is in force, and the redirectable share r(t) grows whatever
they do. An agreement at date t is free trade from t on and a level transfer for ever. At the rate L, `breakdown`, talks
break down into the tariff war for good; in one reading a responder may choose that war.

Payoffs are annual flows: a stream f from date t on counts as the level flow with the same present value,

.. math:: A[f](t) = \rho \int_t^\infty e^{-\rho (s - t)} f(s) ds,

so a payoff while talks last is the flow :math:`\rho f(t)`, and the payoff of an agreement or the war is an annuity,
because the share goes on growing afterwards. With that, at L = 0 and nobody walking out,

.. math:: T(0) = A[T^*](0), \quad T^*(t) = \tfrac12 [(a_0 - q_0) - (a_1 - q_1)](t),

a being free trade and q the status quo: the transfer agreed today is the discounted average of the transfers that a
static deal would bring at each future share. With a breakdown the tariff war takes part of the weight.

The partner may answer: it *rushes* (talks begin today), *waits* until talks begin later, or *replaces* a share d of its
goods imports from home. That is a trade cost, :math:`(1 - d)^{-1/\theta}` on every goods sector, which reduces the
partner's purchases by d at fixed prices. It is present in every outcome, so it lowers the value of an agreement to
both, and what a tariff can extract. While talks last the partner's buyers turn to other suppliers for good at some
rate, and an agreement before that keeps them; or they have turned away before talks begin.

*As a Markov chain* the alternative opens at some rate, and may close again. The state s, with the redirectable share
r_s, follows a Markov process in continuous time with the rates `moves`, whatever the two countries do: under an
agreement, while they talk and after a breakdown of talks. In each period of length `period`:

1. Both see the state. Each side makes the offer with probability one half.
2. The other accepts, and there is free trade and the agreed transfer for good; or rejects, and may then, with
   `walk_out`, choose the tariff war.
3. Otherwise the status quo is in force for the period, talks break down into the tariff war at the
   rate `breakdown`, and the state moves.

Flows within the period are discounted continuously and exactly, so that `period` matters only where a responder may
walk out. Payoffs are annual flows, as in `pivot`.

*As an investment*: the effect of a project on the terms of the deal, per dollar of cost.

1. Home commits the cost K of a project, which is sunk and seen by the partner. Its capacity opens after the lead time.
2. *Talk at once*: talks begin at date 0 and both know when it opens, as in `pivot`. *Build first*: talks begin when it
   opens, under the status quo until then.

The value of a project is home's gain in the deal, less the yearly charge :math:`\rho K`. The gain has two parts:
*leverage*, a smaller transfer, and *trade with the alternative itself*, which home would have without a negotiation.
Under an agreement that closes the route there is only leverage, and the capacity is built but not used.

How much of a project would be built for leverage alone is a hold-up problem: maximise :math:`T(0) - T(k) - \rho K k`
over the part k in [0, 1] that is built, where the project is in use when talks begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike, NDArray

from bargaining import NonstationaryOffers, StochasticBargaining
from bargaining.authoring import Floats, Result, Shown, real, record, scalar, within
from bargaining.errors import InvalidInput, Status, plain
from bargaining.protocols.hold_up import HoldUp
from bargaining_models.negotiation.capacity import Project
from bargaining_models.negotiation.deal import BREAKDOWNS, DISCOUNT_RATE, Deal, Reading
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import Roles

OUTCOMES = ("agreement", "status_quo", "war", "exit")
OfTime = Callable[[ArrayLike], Floats]
"""From times of any shape to the money a year of home and the partner, (..., 2)."""
_NODES = 13  # Chebyshev points of the outcomes in r
_GAUSS = 17  # points of an integral on each piece
_LONGEST = 2.0  # of a piece, in units of one over the rate


def line(end: float, *, start: float = 0.0) -> Floats:
    """Return the 13 shares, Chebyshev's, from `start` to `end` at which a deal is solved for `Growth.in_a_line`."""
    for name, share in (("start", start), ("end", end)):
        within(real(share, name, ndim=0), name, 0.0, 1.0)
    return np.asarray(start + (end - start) * (1 + chebyshev.chebpts2(_NODES)) / 2)


@record
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
        >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
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
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
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

    `pivot` and `replaced` are the same path of the share before and after the partner's buyers have turned away. Talks
    break down into the tariff war at the rate `breakdown` per year, buyers turn away at the rate `replacing` while
    talks last, and talks begin after `wait` years if the partner waits.
    """
    rush, gone = pivot.offers(breakdown=breakdown), replaced.offers(breakdown=breakdown)
    losing = pivot.offers(breakdown=breakdown, replaced=(replacing, gone))
    return {
        "rush": (rush, 0.0),
        f"wait {wait:g} years": (rush, wait),
        "replace while talking": (losing, 0.0),
        "replace first": (gone, 0.0),
    }


MONTH = 1.0 / 12.0  # in years


@record
class ChainDivision(Result):
    """The terms by state, each side proposing half of the time.

    Attributes
    ----------
    payoffs : ndarray, shape (S, 2)
        Payoffs of home and the partner if they talk in each state, money a year.
    transfer : ndarray, shape (S,)
        Home's payment to the partner a year, for ever, if they agree there; NaN where both have more by the war.
    agree : ndarray of bool, shape (S,)
        Whether they agree at once, whoever proposes.
    residual : float
    status : Status
    """

    payoffs: Floats
    transfer: Floats
    agree: NDArray[np.bool_]
    residual: float
    status: Status


@record
class PivotChain(Shown):
    """Talks while the alternative opens and closes at random.

    Parameters
    ----------
    deal : Deal
        The outcomes at the share of each state, S of them.
    moves : array_like, shape (S, S)
        Rates per year from row to column; the diagonal is ignored.
    rate : float
        Both countries' discount rate per year.
    period : float
        Years between offers.

    Examples
    --------
    Capacity that opens at the rate 1/5 a year, for good, and one that the alternative closes at .2 and reopens at .5:

    >>> from bargaining_models.negotiation import Negotiation
    >>> from bargaining_models.parameters import load
    >>> schedules = ["us_2025_26", "canada_2025_26"]
    >>> talks = Negotiation(
    ...     data=load(), home="Canada", partner="US", alternative="China", status_quo=schedules
    ... )
    >>> deal = Deal.at(talks, r=[0.0, 0.15, 0.0], route_survives=False)
    >>> for closing in (0.0, 0.2):
    ...     chain = PivotChain(deal=deal, moves=open_and_close(opening=0.2, closing=closing, reopening=0.5))
    ...     print(chain.offers(breakdown=0.5).transfer.round(2))
    [4.09 3.45 3.66]
    [5.08 4.65 4.78]
    """

    deal: Deal
    moves: ArrayLike
    rate: float = DISCOUNT_RATE
    period: float = MONTH

    def __post_init__(self) -> None:
        states = len(self.deal.war.money) if self.deal.war.money.ndim == 2 else 0
        moves = real(self.moves, "moves", ndim=2)
        if moves.shape != (states, states) or not states:
            raise InvalidInput(
                f"`moves` must have one row and column per share of `deal`; got shape {moves.shape} for shares of "
                f"shape {self.deal.war.money.shape[:-1]}."
            )
        within(moves[~np.eye(states, dtype=bool)], "moves", 0.0, np.inf, ends="[)")
        for name in ("rate", "period"):
            if scalar(getattr(self, name), name) <= 0:
                raise InvalidInput(f"`{name}` must be positive; got {plain(getattr(self, name))}.")
        generator = moves - np.diag(np.diag(moves))
        object.__setattr__(self, "moves", generator - np.diag(generator.sum(axis=1)))

    def annuity(self, outcome: str) -> Floats:
        """Return the annuity of an outcome by state: "agreement", "status_quo", "war" or "talks"."""
        return _annuity(np.asarray(self.moves), self.deal.money(outcome), self.rate)

    def offers(
        self, *, breakdown: float = 0.0, in_use: bool = False, walk_out: bool = False
    ) -> ChainDivision:
        """Return the stationary division; the arguments are those of `Pivot.offers`."""
        from scipy.linalg import expm

        within(real(breakdown, "breakdown", ndim=0), "breakdown", 0.0, np.inf, ends="[)")
        count, ends = len(self.deal.war.money), breakdown * np.eye(len(self.deal.war.money))
        talks, moves = self.deal.money("status_quo" if in_use else "talks"), np.asarray(self.moves)
        # States 0 to S - 1: they talk; S to 2S - 1: talks broke down.
        process = np.block([[moves - ends, ends], [np.zeros_like(moves), moves]])
        never = _annuity(process, np.concatenate([talks, self.deal.war.money]), self.rate)[:count]
        agreement, outside = self.annuity("agreement"), np.full((2 * count, 2), -np.inf)
        surplus = np.append((agreement - never).sum(axis=1), np.zeros(count))
        if walk_out:
            outside[:count] = self.annuity("war") - never
            surplus[:count] = np.maximum(surplus[:count], outside[:count].sum(axis=1))  # they leave
        transition = np.clip(expm(process * self.period), 0.0, None)
        transition /= transition.sum(axis=1, keepdims=True)
        found = StochasticBargaining(  # each side proposes with probability one half
            np.repeat(surplus, 2),
            np.kron(transition, np.full((2, 2), 0.5)),
            float(np.exp(-self.rate * self.period)),
            np.tile([0, 1], 2 * count),
            outside=np.repeat(outside, 2, axis=0),
        )()
        payoffs = never + found.payoffs.reshape(2 * count, 2, 2).mean(axis=1)[:count]
        leave = walk_out & self._parted
        return ChainDivision(
            payoffs=payoffs,
            transfer=np.where(leave, np.nan, agreement[:, 0] - payoffs[:, 0]),
            agree=np.all(found.agree.reshape(2 * count, 2), axis=1)[:count] & ~leave,
            residual=float(np.max(found.residual)),
            status=Status(int(np.max(found.status))),
        )

    def nash(self) -> ChainDivision:
        """Return the Nash division by state about the tariff war, in force for good without an agreement."""
        agreement, war = self.annuity("agreement"), self.annuity("war")
        loss, parted = agreement - war, self._parted
        return ChainDivision(
            payoffs=np.where(parted[:, None], war, war + loss.sum(axis=1, keepdims=True) / 2),
            transfer=np.where(parted, np.nan, (loss[:, 0] - loss[:, 1]) / 2),
            agree=~parted,
            residual=0.0,
            status=Status.OK,
        )

    @property
    def _parted(self) -> NDArray[np.bool_]:
        """Where the two together have more by the tariff war than by an agreement."""
        return np.asarray(self.annuity("agreement").sum(axis=1) < self.annuity("war").sum(axis=1))


def open_and_close(*, opening: float, closing: float = 0.0, reopening: float = 0.0) -> Floats:
    """Return the rates between three states: not yet there, open, closed by the alternative."""
    return np.array([[0.0, opening, 0.0], [0.0, 0.0, closing], [0.0, reopening, 0.0]])


def _annuity(process: Floats, flow: Floats, rate: float) -> Floats:
    """Solve rate A = rate f + Q A: the level flow worth as much as `flow` along the process."""
    return np.asarray(np.linalg.solve(np.eye(len(process)) - process / rate, flow))


_PARTS = (1 + chebyshev.chebpts2(6)) / 2


@dataclass(frozen=True, kw_only=True, eq=False)
class Investment(Shown):
    """A project and the deal.

    Attributes
    ----------
    project : Project
    deal : Deal
        The outcomes at the parts 0 to 1 of the project, by Chebyshev's points.
    rate : float
        Both countries' discount rate per year.

    Examples
    --------
    >>> from bargaining_models.negotiation.pivot import path_readings
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> pumps = Project(name="pumping stations", lead_time=5.0, cost=2.56, share={"MIN": 0.075})
    >>> investment = Investment.solve(talks, pumps)
    >>> nash_along = path_readings(talks.roles)[0]
    >>> round(investment.leverage(nash_along), 3), round(investment.charge, 3)
    (0.207, 0.128)
    """

    project: Project
    deal: Deal
    rate: float = DISCOUNT_RATE

    @classmethod
    def solve(cls, negotiation: Negotiation, project: Project) -> Investment:
        """Solve the outcomes at some parts of the project, the route open under an agreement."""
        share = {sector: _PARTS * r for sector, r in project.share.items()}
        return cls(project=project, deal=Deal.at(negotiation, r=share))

    def without_route(self) -> Investment:
        """Return the same project if an agreement closes the route."""
        return replace(self, deal=self.deal.without_route())

    @property
    def charge(self) -> float:
        """What the capital costs a year, in money."""
        return self.rate * self.project.cost

    @cached_property
    def pivot(self) -> Pivot:
        """The talks while the project is being built."""
        growth = Growth.in_steps(self.deal, [self.project.lead_time], stages=(0, -1))
        return Pivot(growth=growth, rate=self.rate)

    @cached_property
    def without(self) -> Pivot:
        """The talks if the project is never built."""
        return Pivot(growth=Growth.in_steps(self.deal, [], stages=(0,)), rate=self.rate)

    def leverage(self, reading: Reading) -> float:
        """Return by how much the transfer agreed today is smaller, money a year."""
        without, built = (reading.divide(talks) for talks in (self.without, self.pivot))
        return float(without.transfer - built.transfer)

    def route_trade(self) -> float:
        """Return what the project adds to home's income under free trade, money a year from today."""
        return float((self.pivot.value("agreement")(0.0) - self.without.value("agreement")(0.0))[0])

    def gain(self, reading: Reading, *, start: float = 0.0) -> float:
        """Return what home gains by the project if talks begin at `start`, net of its charge, money a year."""
        without, built = (reading.divide(talks) for talks in (self.without, self.pivot))
        return float((built.payoffs + built.waiting(start) - without.payoffs)[0]) - self.charge

    def part_built(self, reading: Reading) -> float:
        """Return the part of the project that leverage alone would pay for in a static deal, in [0, 1]."""
        transfer = self.deal.transfer(reading.divide(self.deal).raise_if_failed())
        gain = transfer[0] - transfer
        unit = max(float(np.abs(gain).max()), self.charge)
        curve = chebyshev.chebfit(2 * _PARTS - 1, gain / unit, len(_PARTS) - 1)

        def rule(part: Floats) -> Floats:
            return np.asarray(chebyshev.chebval(2 * part - 1, curve))

        choice = HoldUp(lambda k: k, rule, 1.0, cost=lambda k: self.charge / unit * k)()
        return float(choice.raise_if_failed().investment)
