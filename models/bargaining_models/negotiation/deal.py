"""The deal: free trade and a transfer, divided under each reading of home's alternative.

The surplus is in money per year. Home and the partner can agree on free trade between them and on a transfer of any
size, so that all divisions of the two countries' gains from free trade are feasible. Both know the redirectable share
r: trade with the alternative goes on in every outcome, unless an agreement closes the route. So r raises home's payoff
in two ways, which are reported separately:

- *trade with the alternative itself*: the agreement is worth more to home, without any concession by the partner;
- *the threat*: home's payoff without the agreement changes by another amount, and so does the transfer.

The effect of r on the threat depends on the kind of alternative. `readings` lists the kinds: each is a protocol or
concept with its timing, and none simply adds a country's alternative to its share.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from bargaining import (
    ContinuousOffers,
    Division,
    Problem,
    TransferableSurplus,
    egalitarian,
    kalai_smorodinsky,
    nash,
)
from bargaining.authoring import Floats, Result, Shown, real, record
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation.roles import Roles
from bargaining_models.trade import Power, TradeEquilibrium
from bargaining_models.trade.data import check_rates
from bargaining_models.trade.equilibrium import by_name, said

if TYPE_CHECKING:
    from bargaining_models.negotiation.negotiation import Negotiation, Share


ACCURACY = 1e-8  # percent: the regret that a war may have


@record
class Outcome(Result):
    """The payoffs of home and the partner in an outcome.

    Attributes
    ----------
    percent : (*batch, 2) array
        Change of what each government maximises, percent of real income in the base: home, partner. It is real income,
        unless the model counts some dollars more (`TradeModel.with_objectives`).
    money : (*batch, 2) array
        The same percent of income in the base (or of GDP), in `unit`.
    unit : str
        Unit of `money`, "USD bn of 2023" for instance.
    residual : (*batch) array
        Largest relative violation of the equilibrium conditions.
    status : Status or int8 array of shape batch
    equilibrium : TradeEquilibrium
        All regions, wages, prices and flows.
    player_names : tuple of str
        Home and the partner.
    tariffs : str
        Which tariffs are in force between others.
    """

    _by_player = ("percent", "money")

    percent: Floats
    money: Floats
    unit: str
    residual: Floats
    status: Status | NDArray[np.int8]
    equilibrium: TradeEquilibrium
    player_names: tuple[str, ...]
    tariffs: str

    def __repr__(self) -> str:
        names, front = self.player_names, f"{type(self).__name__}("
        end = f"{self.tariffs}; {said(self.status)})"
        if np.ndim(self.status):
            return f"{front}{' and '.join(names)}, a batch of shape {np.shape(self.status)}; {end}"
        own = getattr(self, "rates", None)
        rates = "" if own is None else f"rates: {by_name(own, names)}; "
        money = f"{self.unit}: {by_name(self.money, names, 2)}"
        real = np.array_equal(self.equilibrium.objective, self.equilibrium.welfare, equal_nan=True)
        what = "real income" if real else "objective"
        return f"{front}{rates}{what}, %: {by_name(self.percent, names)}; {money}; {end}"


@record
class TariffOutcome(Outcome):
    """The outcome of a pair of rates, of which one or both were computed.

    Attributes
    ----------
    rates : (*batch, 2) array
        Home's rate on the partner's goods, the partner's on home's.
    """

    rates: Floats


@record
class TariffWar(TariffOutcome):
    """The outcome of the Nash equilibrium in tariffs.

    Attributes
    ----------
    marginal : (*batch) array
        Largest absolute marginal welfare of a player in its own rate, percent per unit of the rate.
    regret : (*batch) array
        Largest gain, in percent, of a player from any other rate on a grid from -0.2 to 5; at least 0.
    unique : (*batch) array of bool
        Whether the search leads to these rates from each of its starts.
    """

    marginal: Floats
    regret: Floats
    unique: NDArray[np.bool_]


def patience_needed(breach: Floats, kept: Floats, war: Floats) -> Floats:
    """The least discount factor at which a year of breach and the war ever after are worth no more than what is kept.

    `breach` is the best that a side can have in the year, so at least `kept`, both in percent. Infinite where the war
    is better even than the year of breach; 0 where a breach gains nothing and the war is no better.
    """
    gain, punishment = breach - kept, breach - war
    with np.errstate(divide="ignore", invalid="ignore"):
        needed = np.where(punishment <= 0.0, np.inf, gain / punishment)
    return np.where((gain <= ACCURACY) & (punishment >= -ACCURACY), 0.0, needed)


NAMES = ("war", "unanswered", "in kind", "status quo", "exit")
_METHODS = dict(zip(NAMES, ("war", "unanswered", "in_kind", "status_quo", "leave"), strict=True))
_OPTIONS = {"unanswered": "partner_tariff", "in kind": "tariff", "status quo": "date"}


def money_without(negotiation: Negotiation, given: Any, *, r: Share, capped: bool = False) -> Floats:
    """Return the money of home and the partner without an agreement, (*batch, 2).

    `given` is as for `Negotiation.without_agreement`, or payoffs in money, home first.
    """
    if not (_is_named(given) or isinstance(given, Outcome | TradeEquilibrium | Power)):
        array = real(given, "disagreement", finite=False)
        if array.shape[-1:] == (2,) and array.shape != negotiation.free.shape:
            return array
    return outcome_without(negotiation, given, r=r, capped=capped).money


def outcome_without(negotiation: Negotiation, given: Any, *, r: Share, capped: bool = False) -> Outcome:
    """Return the outcome given by a name, a name with a rate or date, tariffs, an equilibrium or a threat."""
    if isinstance(given, Outcome):
        return given
    if isinstance(given, TradeEquilibrium | Power):
        return negotiation.outcome_of(given.cut if isinstance(given, Power) else given)
    if _is_named(given):
        name, option = parsed(given)
        solve = getattr(negotiation, _METHODS[name])
        options = {} if name not in _OPTIONS else {_OPTIONS[name]: option}
        return cast("Outcome", solve(**options, r=r, capped=capped))
    tariffs = real(given, "disagreement")
    if tariffs.shape[-3:] != negotiation.free.shape:
        raise InvalidInput(
            f"`disagreement` must be one of {', '.join(map(repr, NAMES))}, a pair of such a name and a rate or date, "
            f"an outcome, a threat, payoffs of the two in money, or tariffs of shape {negotiation.free.shape}; got "
            f"shape {tariffs.shape}."
        )
    check_rates(tariffs, negotiation.model.regions, negotiation.model.sectors, "disagreement")
    return negotiation.outcome(tariffs, negotiation.route(r, capped=capped))


def parsed(given: Any) -> tuple[str, Any]:
    """Return a name and its rate or date, or None for that."""
    name, option = (
        (given, None) if isinstance(given, str) else (given[0], given[1] if len(given) == 2 else None)
    )
    if name not in NAMES or (isinstance(given, tuple) and (len(given) != 2 or name not in _OPTIONS)):
        raise InvalidInput(
            f"`disagreement` must be one of {', '.join(map(repr, NAMES))}, ('unanswered', rate), ('in kind', rate) or "
            f"('status quo', date); got {given!r}."
        )
    return name, option


def label(negotiation: Negotiation, given: Any) -> str:
    """Return its label in tables."""
    partner = negotiation.roles.names[1]
    if not _is_named(given):
        return "given outcome"
    name, option = parsed(given)
    if name == "war":
        return "tariff war"
    if name == "exit":
        return "goods border closed"
    if name == "status quo":
        return negotiation.roles.status_quo if option is None else f"tariffs of {option}"
    tariff = f"best {partner} tariff" if option is None else f"{partner} tariff of {100 * float(option):.6g}%"
    return f"{tariff}, unanswered" if name == "unanswered" else f"{tariff}, answered in kind"


def applicable(negotiation: Negotiation) -> list[str]:
    """Return the names, without the status quo where it is free trade."""
    free = np.array_equal(negotiation.standing, negotiation.free)
    return [name for name in NAMES if name != "status quo" or not free]


def _is_named(given: Any) -> bool:
    return isinstance(given, str) or (isinstance(given, tuple) and isinstance((*given, 0)[0], str))


DISCOUNT_RATE = 0.05  # a year: assumption
BREAKDOWNS = (0.5, 0.05)  # a year: talks that break down soon, or hardly ever
HOME_WEIGHT = 0.4  # assumption, to show what a weight does


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deal(Result):
    """The outcomes that a negotiation compares, at each redirectable share.

    Attributes
    ----------
    agreement, status_quo, war, exit : Outcome
        Free trade; what is in force while they talk; the Nash equilibrium in tariffs; goods trade between the two
        closed. Payoffs of shape (*batch, 2): home, partner.
    idle : Outcome
        What is in force while they talk, with the route to the alternative unused.
    r : mapping or array_like
        The redirectable share.
    capped : bool
        Whether the capacity caps limit it.
    route_survives : bool
        Whether the route stays open under an agreement.

    Examples
    --------
    >>> from bargaining import nash
    >>> from bargaining_models.parameters import load
    >>> from bargaining_models.negotiation import Negotiation
    >>> talks = Negotiation(data=load(), home="Canada", partner="US", alternative="China")
    >>> deal = Deal.at(talks, r=[0.0, 0.15])
    >>> division = nash(deal.problem())
    >>> deal.transfer(division).round(2)  # from Canada to the US, USD bn a year
    array([8.06, 6.24])
    """

    negotiation: Negotiation
    agreement: Outcome
    idle: Outcome
    status_quo: Outcome
    war: TariffWar
    exit: Outcome
    r: Share
    capped: bool
    route_survives: bool

    @classmethod
    def at(
        cls, negotiation: Negotiation, *, r: Share, capped: bool = False, route_survives: bool = True
    ) -> Self:
        """Compute the outcomes at redirectable share `r`.

        Parameters
        ----------
        negotiation : Negotiation
        r : array_like in [0, 1], or mapping from sector to array_like
            Redirectable share of home's exports to the partner.
        capped : bool, default False
            Whether the caps of the negotiation limit `r` sector by sector.
        route_survives : bool, default True
            Whether an agreement leaves the route open.

        Raises
        ------
        InvalidInput
            If `r` is outside [0, 1] or names an unknown sector.
        """
        return cls(
            negotiation=negotiation,
            agreement=negotiation.payoffs(r=r, capped=capped, route=route_survives),
            idle=negotiation.status_quo(),
            status_quo=negotiation.status_quo(r=r, capped=capped),
            war=negotiation.war(r=r, capped=capped),
            exit=negotiation.leave(r=r, capped=capped),
            r=r,
            capped=capped,
            route_survives=route_survives,
        )

    def elsewhere(self, r: Share) -> Self:
        """Return the same deal at another redirectable share."""
        return type(self).at(self.negotiation, r=r, capped=self.capped, route_survives=self.route_survives)

    def without_route(self) -> Self:
        """Return the deal in which an agreement closes the route."""
        agreement = self.negotiation.payoffs(r=self.r, capped=self.capped, route=False)
        return replace(self, agreement=agreement, route_survives=False)

    def __repr__(self) -> str:
        home, partner = self.negotiation.roles.names[:2]
        route = "" if self.route_survives else "; the deal closes the route"
        tariffs = self.negotiation.tariffs_in_words
        return f"Deal({home} and {partner}; r = {np.asarray(self.r).tolist()}{route}; {tariffs}; {said(self.status)})"

    @property
    def status(self) -> Any:
        """The worst of its outcomes, of shape batch."""
        found = (self.agreement, self.idle, self.status_quo, self.war, self.exit)
        worst = np.max(np.broadcast_arrays(*(np.asarray(one.status) for one in found)), axis=0)
        return worst if worst.ndim else Status(int(worst))

    @property
    def total(self) -> Floats:
        """The sum of both countries' money under an agreement, shape batch."""
        return np.asarray(self.agreement.money.sum(axis=-1))

    @property
    def talks(self) -> Outcome:
        """The outcome while they talk: if the agreement will close the route, it is closed during talks too."""
        return self.status_quo if self.route_survives else self.idle

    def money(self, name: str) -> Floats:
        """Return the money of an outcome, such as "war", at every share, (*batch, 2), also if it is constant."""
        return np.broadcast_to(getattr(self, name).money, self.war.money.shape)

    def threat(self, name: Any = None) -> Floats:
        """Return the money of each country without an agreement; by default the negotiation's disagreement outcome.

        `name` is "war", "status quo", "exit", anything else that `Negotiation.without_agreement` accepts, or payoffs.
        """
        chosen = self.negotiation.disagreement if name is None else name
        known = {"war": self.war, "status quo": self.status_quo, "exit": self.exit}
        if isinstance(chosen, str) and chosen in known:
            return known[chosen].money
        return money_without(self.negotiation, chosen, r=self.r, capped=self.capped)

    def problem(self, threat: Any = None) -> Problem:
        """Return the division of the money with transfers, about one of the outcomes without an agreement."""
        return Problem(
            TransferableSurplus(self.total), self.threat(threat), players=self.negotiation.roles.names[:2]
        )

    def transfer(self, division: Division) -> Floats:
        """Return what home pays the partner a year in a division of the money; negative if the partner pays."""
        return np.asarray(self.agreement.money[..., 0] - division.payoffs[..., 0])

    def share(self, division: Division) -> Floats:
        """Return home's share of the surplus over the tariff war, whatever the disagreement point of the division.

        NaN where there is no such surplus.
        """
        surplus = self.total - self.war.money.sum(axis=-1)
        gain: Floats = division.payoffs[..., 0] - self.war.money[..., 0]
        return gain / np.where(surplus > 0.0, surplus, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Shown):
    """One reading of "the alternative": a concept or protocol, and the outcome without an agreement.

    Attributes
    ----------
    name, timing : str
        For tables and their notes.
    divide : callable
        From a `Deal`, a `Pivot` or the money of a triangle to its division.
    """

    name: str
    timing: str
    divide: Callable[[Any], Any]


def readings(
    roles: Roles,
    *,
    rate: float = DISCOUNT_RATE,
    breakdowns: tuple[float, ...] = BREAKDOWNS,
    home_weight: float = HOME_WEIGHT,
) -> tuple[Reading, ...]:
    """Return the readings of the table of the deal, in order.

    Roles give the names; `rate` is both countries' discount rate per year, `breakdowns` are rates per year at which
    talks break down into the tariff war, and `home_weight` is home's bargaining weight in the second reading.
    """
    about_war = "without an agreement the tariff war at r, for good"
    during = f"offers alternate without delay under {roles.meanwhile}"

    def about(name: str, concept: Callable[..., Division], **options: Any) -> Reading:
        return Reading(name=name, timing=about_war, divide=lambda deal: concept(deal.problem(), **options))

    def offers(name: str, timing: str, **options: Callable[[Deal], Any]) -> Reading:
        def divide(deal: Deal) -> Division:
            given: dict[str, Any] = {"inside": rate * deal.talks.money}
            given |= {option: value(deal) for option, value in options.items()}
            return ContinuousOffers(rate, **given)(deal.problem())

        return Reading(name=f"Offers, {name}", timing=f"{during}{timing}", divide=divide)

    weights = [home_weight, 1 - home_weight]
    return (
        about("Nash", nash),
        about(f"Nash, {roles.said[0]}'s weight {home_weight:g}", nash, weights=weights),
        about("Kalai-Smorodinsky", kalai_smorodinsky),
        about("Egalitarian", egalitarian),
        offers(
            "inside option", ", r in use while talks last", inside=lambda deal: rate * deal.status_quo.money
        ),
        *(
            offers(
                f"breakdown {breakdown:g} a year",
                f"; at rate {breakdown:g} a year they end in the tariff war at r",
                breakdown=lambda deal, breakdown=breakdown: breakdown,  # type: ignore[misc]
                breakdown_payoffs=lambda deal: deal.war.money,
            )
            for breakdown in breakdowns
        ),
        offers(
            "outside option: war",
            "; a responder may walk out into the tariff war, at r",
            outside=lambda deal: deal.war.money,
        ),
        offers(
            "outside option: exit",
            "; a responder may close the border for good, at r",
            outside=lambda deal: deal.exit.money,
        ),
    )
