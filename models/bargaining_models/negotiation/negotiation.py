"""A negotiation over tariffs: the payoffs of home and the partner in each outcome, in one shot.

Roles. *Home* and the *partner* bargain; home can also sell to an *alternative*; other regions, if there are any, do not
change their tariffs. Payoffs are percent of real income against the base of the trade model, and the same percent of
that income in money. Players are home, 0, and the partner, 1.

Tariffs. Under an agreement the two charge each other nothing on goods. In a war each side sets one rate on all goods
of the other. Whatever they do, third countries charge, and are charged, the tariffs in force: those of the model's base
or of a day. While there is no agreement the two charge each other the tariffs in force between them: the status quo.

Route. The redirectable share `r` says how much of its sales to the partner home can sell to the alternative.
`meaning` says in what sense:

- "capacity", a cut of the cost of the route. At fixed prices and spending, exports to the alternative would grow by r
  times those to the partner. Exports to the partner fall by far less than r: at .15 by some 4 percent where home is
  Canada, the US the partner and China the alternative.
- "diverted", the cut of that cost, the same capacity in all goods sectors, at which exports of goods to the partner are
  lower by r under the agreement.

Each raises home's income with no tariff at all.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from bargaining import Game, Method, Table, nash
from bargaining.authoring import Floats, Shown, choice, flag, listed, real, record, within
from bargaining.errors import InvalidInput, Status, plain
from bargaining_models._figures import Folder
from bargaining_models.negotiation.deal import (
    Deal,
    Outcome,
    TariffOutcome,
    TariffWar,
    outcome_without,
    parsed,
    patience_needed,
)
from bargaining_models.negotiation.headline import headline
from bargaining_models.negotiation.leverage import Rivalry, Threat, leverage, rivals, threat_game
from bargaining_models.negotiation.roles import MEANINGS, PARTS, Roles, region, route_hats
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment, Power, TradeData, TradeEquilibrium, TradeModel
from bargaining_models.trade.data import check_rates, too_high
from bargaining_models.trade.environment import STRUCTURES as DATED
from bargaining_models.trade.environment import in_words
from bargaining_models.trade.folders import structure
from bargaining_models.trade.links import caps_by_sector
from bargaining_models.trade.tariff_nash import TariffWars, rates_of, tariff_wars

Role = str | Mapping[str, Sequence[str]]
STRUCTURES = ("icio2019", "wiod2011", "wiod2014")
FLOWS = ("icio2019", "wiod2014")
"""Structures whose tariffs are those of the first known date, and whose idle regions become one."""
Kind = TypeVar("Kind", bound=TradeModel | TradeData)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Whole(Shown):
    """The figures before regions were merged, and how they were: what rates by region are laid on."""

    data: TradeData
    parts: Mapping[str, Role | None]
    rest: str | None

    def tariffs(self, environment: Environment) -> Floats:
        """Return what the rates of an environment come to between merged regions, by the trade they fall on."""
        after = self.data.with_terms(environment.tariffs(self.data), self.data.elasticities)
        return _merged(after, self.parts, self.rest)[0].tariffs

    def on(self, date: str | datetime.date) -> Floats:
        """Return the same for a day, by the rates of this package."""
        found = _environment(date, self.data)
        assert found is not None
        return self.tariffs(found)


def world_of(
    model: Any,
    data: Any,
    parts: Mapping[str, Role | None],
    *,
    rest: str | None,
    elasticities: Any,
    tariffs: Any,
) -> tuple[TradeModel, dict[str, str | None], Parameters | None, Floats, Environment | None, Whole]:
    """Return the trade model with the regions that matter, their names by role, and the tariffs in force.

    The figures come along where the data are given as such, the environment where tariffs are those of a day.

    The arguments are those of `Negotiation`, `parts` the regions in each role. Without `rest` regions are merged only
    where `data` is a structure of this package: it has twenty.
    """
    if (model is None) == (data is None):
        raise InvalidInput("`model` or `data` must be given, and not both.")
    if isinstance(data, TradeModel):
        model, data = data, None
    if isinstance(data, str) and data == "wiod2011":
        data = load()
    figures = data if isinstance(data, Parameters) else None
    whole: TradeModel | TradeData
    if data is None:
        if not isinstance(model, TradeModel):
            raise InvalidInput(
                f"`model` must be a TradeModel; got {type(model).__name__}. Give figures as `data`, or make a model "
                f"with `TradeModel.from_structure`, `from_folder` or `from_arrays`."
            )
        if elasticities is not None:
            raise InvalidInput(
                "`elasticities` must be None with a `model`, which has its own; give them with `data`."
            )
        whole = model
    elif figures is not None:
        whole = TradeModel.from_parameters(figures, elasticities=elasticities or "uniform5")
    elif isinstance(data, str) and data in FLOWS:
        whole, rest = structure(data), rest or "ROW"
        base = whole.tariffs
        if isinstance(tariffs, str | datetime.date | Environment):
            first = Environment.shipped(data)
            base = first.at(first.dates[0]).tariffs(whole)
        whole = whole.with_terms(base, 5.0 if elasticities is None else elasticities)
    elif isinstance(data, str | Path) and Path(data).is_dir():
        default = None if len(Folder(data).elasticities()) == 1 else 5.0
        whole = TradeModel.from_folder(data, elasticities=default if elasticities is None else elasticities)
    elif isinstance(data, TradeData):
        whole = data if elasticities is None else data.with_terms(data.tariffs, elasticities)
    else:
        raise InvalidInput(
            f"`data` must be a TradeModel, Parameters, TradeData, a folder or one of {', '.join(STRUCTURES)}; "
            f"got {data!r}."
        )
    environment = _environment(tariffs, whole)
    merged, names = _merged(whole, parts, rest)
    before = Whole(data=whole if isinstance(whole, TradeData) else whole.data, parts=parts, rest=rest)
    found = TradeModel.from_data(merged) if isinstance(merged, TradeData) else merged
    if environment is not None:
        rates = before.tariffs(environment)
    else:
        rates = found.economy.tariffs if tariffs is None else cube(tariffs, "tariffs", found)
    return found, names, figures, rates, environment, before


def _environment(tariffs: Any, world: TradeModel | TradeData) -> Environment | None:
    """Return the environment that `tariffs` names, at its day; None where it is none."""
    if isinstance(tariffs, Environment):
        return tariffs if tariffs.day is not None else tariffs.at()
    if not isinstance(tariffs, str | datetime.date):
        return None
    known = [Environment.shipped(name) for name in DATED]
    fitting = next((one for one in known if one.names(world)), None)
    if fitting is None:
        raise InvalidInput(
            f"`tariffs` cannot be a date where the regions or sectors are none of this package's; got {tariffs!r}. "
            f"Give an `Environment` of your own: `Environment.from_csv(file).at(date)`."
        )
    try:
        return fitting.at(tariffs)
    except InvalidInput as error:  # by the name of this argument
        words = str(error).replace("`date`", "`tariffs`").replace("`.at(", "`Environment.shipped().at(")
        raise InvalidInput(words) from None


def cube(value: Any, name: str, world: TradeModel | TradeData) -> Floats:
    """Return one number for each importer, exporter and sector."""
    array, shape = real(value, name), (len(world.regions), len(world.regions), len(world.sectors))
    if array.shape != shape:
        raise InvalidInput(
            f"`{name}` must have one number for each importer, exporter and sector, {shape}; got shape {array.shape}."
        )
    check_rates(array, world.regions, world.sectors, name)
    return array


def _merged(
    model: Kind, parts: Mapping[str, Role | None], rest: str | None
) -> tuple[Kind, dict[str, str | None]]:
    """Merge the regions that act as one, and those that play no part if `rest` names them."""
    groups: dict[str, list[str]] = {}
    names: dict[str, str | None] = {}
    for part in PARTS:
        role = parts[part]
        if role is None and part == "alternative":
            names[part] = None
            continue
        if not isinstance(role, Mapping):
            name = region(role, part, model.regions)
            role = {name: [name]}
        elif len(role) != 1:
            raise InvalidInput(
                f"`{part}` must be a region, or one new name with the regions it is made of; got {dict(role)!r}."
            )
        ((name, members),) = role.items()
        if isinstance(members, str) or not listed(members, part, f"a list of the regions of {name!r}"):
            raise InvalidInput(
                f"`{part}` must give {name!r} a list of regions; got {members!r}. Write [{members!r}]."
            )
        groups[name] = [region(member, part, model.regions) for member in members]
        names[part] = name
    for one, other in combinations(groups, 2):
        both = sorted(set(groups[one]) & set(groups[other]))
        if both:
            raise InvalidInput(
                f"Roles must not share regions; {both[0]!r} is in {one!r} and in {other!r}. Leave it out of one."
            )
    if rest is not None or any(isinstance(role, Mapping) for role in parts.values()):
        others = set(model.regions) - {member for members in groups.values() for member in members}
        model = cast("Kind", model.aggregate(groups, rest=rest if others else None))
    return model, names


Share = ArrayLike | Mapping[str, ArrayLike]
AGREEMENTS = ("free trade", "base")
MONEY = ("income", "gdp")


@record(init=False)
class Negotiation(Shown):
    """A negotiation between home and the partner on a trade model.

    Every method takes `r`, the redirectable share in [0, 1]: a number, an array, or a mapping from sector to either (0
    for the sectors left out); `capped`, whether `caps` limit it; and `route`, whether the route is open at all in this
    outcome (False is r = 0). Shapes broadcast.

    Parameters
    ----------
    model : TradeModel, optional
    data : TradeModel, Parameters, TradeData, str or Path, optional
        Instead of `model`: a model, figures, a folder of them, or "icio2019", "wiod2011" or "wiod2014", structures of
        this package.
    home, partner, alternative : str, or mapping from a new name to a list of regions
        Regions of the model, by their name there or an everyday one ("US" for "USA"), or several that act as one:
        ``{"EU3": ["DEU", "FRA", "ITA"]}``. Without an alternative there is no route: r is 0.
    rest : str, optional
        Merge the regions that play no part into one of this name. By default they stay as they are, but for
        "icio2019" and "wiod2014", whose others become "ROW".
    elasticities : optional
        With `data`: a number, one a sector, or the name of a set of the figures; by default the
        only set of a folder, otherwise 5.
    tariffs : str, date, Environment or (N, N, J) array_like, optional
        The tariffs in force in every outcome, third countries included: a day such as "2026-08-19", whose rates are
        those of `Environment.shipped`; an environment, by default at its last known day; or the rates themselves. By
        default those of the base. A day after the last known one is refused;
        ``Environment.shipped().at(day, latest=True)`` takes the last known rates for it. With a day and
        "icio2019" or "wiod2014" the flows are taken to have been made under the rates at the end of 2024, the first
        that are known.
    status_quo : sequence of str, or (N, N, J) array_like, optional
        The tariffs between the two while there is no agreement: schedules, which are added up, or tariffs; by default
        `tariffs`.
    disagreement : optional
        The default outcome without an agreement, see `without_agreement`; or payoffs of
        the two in money, home first. By default the tariff war.
    agreement : {"free trade", "base"}
        The tariffs between the two on goods under an agreement: none, or the rates of the model's base. Rates of
        a war or of a schedule are added to these.
    meaning : {"capacity", "diverted"}
        What `r` means, see above.
    caps : (J,) array_like, optional
        The largest share by sector, for `capped`; by default those of the figures, if there are any.
    money : {"income", "gdp"}
        The money value of 100 percent of real income: income in the base of the model, which is value added plus
        tariff revenue if trade is balanced, or GDP as published.
    schedules : mapping from name to (N, N, J) array_like, optional
        Lists of rates, as fractions, that `schedule` adds to those of the agreement; by default those of the figures.

    Attributes
    ----------
    roles : Roles
        The regions in each role, and their names.
    free, standing : (N, N, J) array
        Tariffs of everybody under the agreement, and without one.
    environment : Environment or None
        The dated tariffs, if `tariffs` are those of a day.
    whole : Whole
        The figures before regions were merged.
    parameters : Parameters or None
        The figures, if they were given as such.
    friction : float or (N, N, J) array
        Additional hats of trade cost in every outcome.

    Raises
    ------
    InvalidInput
        If a region is unknown or has two roles, or an argument is not as described.

    Examples
    --------
    >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
    >>> talks.payoffs(0.25).percent.round(2)  # a US tariff of 25 percent: Canada, US
    array([-1.69,  0.02])
    >>> war = talks.war(r=[0, 0.15])
    >>> war.percent.round(3)
    array([[-0.858, -0.008],
           [-0.466, -0.012]])
    >>> war.rates.round(3)
    array([[0.102, 0.129],
           [0.102, 0.123]])
    """

    model: TradeModel
    roles: Roles
    free: Floats
    standing: Floats
    environment: Environment | None
    whole: Whole
    disagreement: Any
    meaning: str
    caps: Floats | None
    schedules: Mapping[str, Floats]
    parameters: Parameters | None
    friction: Floats | float
    money: str

    def __init__(
        self,
        model: TradeModel | None = None,
        *,
        home: Role,
        partner: Role,
        alternative: Role | None = None,
        rest: str | None = None,
        data: TradeModel | Parameters | TradeData | str | Path | None = None,
        elasticities: Any = None,
        tariffs: str | datetime.date | Environment | ArrayLike | None = None,
        status_quo: Sequence[str] | ArrayLike | None = None,
        disagreement: Any = "war",
        agreement: str = "free trade",
        meaning: str = "capacity",
        caps: ArrayLike | None = None,
        schedules: Mapping[str, ArrayLike] | None = None,
        money: str = "income",
    ) -> None:
        choice(agreement, "agreement", AGREEMENTS)
        choice(meaning, "meaning", MEANINGS)
        parts = {"home": home, "partner": partner, "alternative": alternative}
        model, names, figures, standing, environment, whole = world_of(
            model, data, parts, rest=rest, elasticities=elasticities, tariffs=tariffs
        )
        free = np.array(standing)
        if choice(money, "money", MONEY) == "gdp" and model.data.gdp is None:
            raise InvalidInput(
                "`money` cannot be 'gdp': the figures have no GDP. Give `gdp`, or take 'income'."
            )
        codes = {part: code for part, code in names.items() if code is not None}
        roles = Roles.among(model.regions, **codes)
        if environment is not None:
            day = environment.until or environment.day
            assert day is not None
            words = f"tariffs of {in_words(day)}"
            roles = roles.calling(status_quo=words, meanwhile=f"the {words}")
        for importer, exporter in _links(model, roles):
            own = (importer, exporter, model.goods)
            if not (model.economy.shares[own] > 0.0).any():
                raise InvalidInput(
                    f"`home` and `partner` must trade goods both ways; {model.regions[importer]} buys none from "
                    f"{model.regions[exporter]}, so that a tariff would fall on nothing. Choose another pair, or let "
                    f"a role be several regions."
                )
            free[own] = 0.0 if agreement == "free trade" else model.economy.tariffs[own]
        if figures is not None and model.regions == figures.regions:
            caps = figures.caps.values if caps is None else caps
            if schedules is None:
                schedules = {name: listed.values / 100.0 for name, listed in figures.schedules.items()}
        self._set(
            model=model,
            roles=roles,
            free=free,
            standing=standing,
            environment=environment,
            whole=whole,
            disagreement=disagreement,
            meaning=meaning,
            caps=None if caps is None else caps_by_sector(caps, model.sectors),
            schedules={
                name: cube(rates, f"schedules[{name!r}]", model) for name, rates in (schedules or {}).items()
            },
            parameters=figures,
            friction=1.0,
            money=money,
        )
        if isinstance(disagreement, str):
            parsed(disagreement)
        if status_quo is not None:
            named = _names(status_quo)
            standing = cube(status_quo, "status_quo", model) if named is None else self._scheduled(named)
            self._set(standing=standing)

    def __repr__(self) -> str:
        names = self.roles.names
        other = f", alternative {names[2]}" if self.roles.alternative else ""
        data = self.model.data
        when = f" of {data.year}" if data.year is not None else ""
        return (
            f"{type(self).__name__}({names[0]} and {names[1]}{other}; {self.tariffs_in_words}; trade{when})"
        )

    @property
    def tariffs_in_words(self) -> str:
        """Which tariffs are in force."""
        if self.environment is not None:
            return self.environment.words
        return "tariffs of the figures"

    def deal(self, r: Share = 0.0, *, capped: bool = False, route_survives: bool = True) -> Deal:
        """The outcomes with and without an agreement at redirectable share `r`, to be divided by any concept.

        Examples
        --------
        >>> from bargaining import nash
        >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
        >>> deal = talks.deal([0.0, 0.15])
        >>> deal.transfer(nash(deal.problem(("unanswered", 0.25)))).round(2)  # Canada to the US, USD bn a year
        array([21.1 , 19.41])
        """
        return Deal.at(self, r=r, capped=capped, route_survives=route_survives)

    def headline(
        self,
        r: ArrayLike | None = None,
        *,
        disagreements: Sequence[Any] | None = None,
        method: Method = nash,
        capped: bool = False,
        route_survives: bool = True,
    ) -> Table:
        """Return a table of home's payment to the partner for free trade, by disagreement outcome and `r`.

        Parameters
        ----------
        r : array_like, optional
            Shares in [0, 1] that increase; by default 0, .05 and .15, or 0 without an alternative.
        disagreements : sequence, optional
            Each as for `without_agreement`; by default all named ones, and that of the negotiation.
        method : callable, default bargaining.nash
            Any concept of the library, or your own from a `Problem` to a `Division`.
        capped, route_survives
            As for `Deal.at`.

        Returns
        -------
        Table
            With what `r` means for home's exports in its first rows.

        Examples
        --------
        >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
        >>> print(talks.headline([0, 0.15], disagreements=["war", ("unanswered", 0.25), "exit"]))
        What Canada pays the US a year for free trade, by what happens without an agreement
        ...
        """
        options = {"capped": capped, "route_survives": route_survives}
        return headline(self, r=r, disagreements=disagreements, method=method, **options)

    def meaning_in_words(self) -> str:
        """Return what `r` means here, in a sentence with the names of the roles."""
        home, partner = self.roles.said[:2]
        other = self.roles.said[2] if self.roles.alternative else "nobody"
        if self.meaning == "capacity":
            return (
                f"capacity of a new route, as a cut of its cost: at fixed prices and spending {home} would sell "
                f"{other} more, by r times what it sells {partner}"
            )
        return (
            f"diverted exports: the cut of the cost of the route to {other} at which {home}'s exports of goods to "
            f"{partner} fall by r under free trade"
        )

    def with_friction(self, hats: ArrayLike) -> Self:
        """Return the same negotiation where trade costs are higher by these hats, (N, N, J), in every outcome."""
        return self._with(friction=self.friction * real(hats, "hats"))

    def on(self, model: TradeModel) -> Self:
        """Return the same negotiation on another model of the same regions and sectors, under the same tariffs.

        Raises
        ------
        InvalidInput
            If the model has other regions or sectors.
        """
        if (model.regions, model.sectors) != (self.model.regions, self.model.sectors):
            raise InvalidInput(
                f"`model` must have the regions {', '.join(self.model.regions)} and the same sectors; got "
                f"{', '.join(model.regions)} and {len(model.sectors)} sectors."
            )
        return self._with(model=model)

    def calling(self, **said: str) -> Self:
        """Return the same negotiation under other names: `home="Quebec"`; see `Roles.calling`."""
        return self._with(roles=self.roles.calling(**said))

    def payoffs(
        self,
        partner_tariff: ArrayLike = 0.0,
        home_tariff: ArrayLike = 0.0,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Outcome:
        """Outcome of a pair of rates: 0 and 0 is the agreement, 0.25 a rate of the partner of 25 percent.

        Raises
        ------
        InvalidInput
            If a rate is -1 or less, `r` is outside [0, 1], or a sector of `r` is unknown or not goods.
        """
        costs = self.route(r, capped=capped, in_use=route)
        rates = self._pair(*self._both(home_tariff, partner_tariff), costs)
        return self.outcome(self.tariffs_at(rates), costs)

    def schedule(self, *names: str, r: Share = 0.0, capped: bool = False, route: bool = True) -> Outcome:
        """Outcome of one or more schedules of rates, added up.

        Raises
        ------
        InvalidInput
            If a name is not one of `schedules`.
        """
        return self.outcome(self._scheduled(names), self.route(r, capped=capped, in_use=route))

    def status_quo(
        self,
        date: str | datetime.date | None = None,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Outcome:
        """Outcome of the tariffs in force while there is no agreement.

        With a `date` the two charge each other what was in force that day; third countries are as in all outcomes.

        Raises
        ------
        InvalidInput
            If the date is before the first rates, or the package has no rates for these regions.
        """
        tariffs = np.array(self.standing)
        if date is not None:
            found = self.whole.on(date)
            for link in _links(self.model, self.roles):
                tariffs[link] = found[link]
        return self.outcome(tariffs, self.route(r, capped=capped, in_use=route))

    def unanswered(
        self,
        partner_tariff: ArrayLike | None = None,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> TariffOutcome:
        """Outcome of a tariff of the partner on all of home's goods to which home does not respond.

        Parameters
        ----------
        partner_tariff : array_like, optional
            By default the rate that is best for the partner, at each `r`.
        r, capped, route
            See the class.

        Examples
        --------
        >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
        >>> best = talks.unanswered()
        >>> best.rates.round(4), best.percent.round(4)
        (array([0.   , 0.125]), array([-1.0885,  0.0459]))
        """
        costs = self.route(r, capped=capped, in_use=route)
        rates = self._best(costs) if partner_tariff is None else self._rates(partner_tariff, "partner_tariff")
        return TariffOutcome(**self._at_rates(self._pair(0.0, rates, costs), costs))

    def in_kind(
        self, tariff: ArrayLike | None = None, *, r: Share = 0.0, capped: bool = False, route: bool = True
    ) -> TariffOutcome:
        """Outcome of a tariff of the partner that home answers with the same rate.

        Parameters
        ----------
        tariff : array_like, optional
            By default the best rate for the partner if home did not respond.
        r, capped, route
            See the class.
        """
        costs = self.route(r, capped=capped, in_use=route)
        rates = self._best(costs) if tariff is None else self._rates(tariff, "partner_tariff")
        return TariffOutcome(**self._at_rates(self._pair(rates, rates, costs), costs))

    def without_agreement(self, disagreement: Any = None, *, r: Share = 0.0, capped: bool = False) -> Outcome:
        """Outcome without an agreement.

        Parameters
        ----------
        disagreement : optional
            "war", the Nash equilibrium in rates; "unanswered", the partner's best tariff without a response, or
            ("unanswered", 0.25); "in kind", the same tariff answered with the same rate; "status quo", or
            ("status quo", "2026-04-06"); "exit", goods trade between the two closed; an outcome; or tariffs of
            everybody, (N, N, J). By default that of the negotiation.
        r, capped
            See the class.
        """
        chosen = self.disagreement if disagreement is None else disagreement
        return outcome_without(self, chosen, r=r, capped=capped)

    def leave(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> Outcome:
        """Outcome of leaving: goods trade between the two is closed in both directions.

        It is the limit of a prohibitive trade cost, exactly; services trade goes on.
        """
        home, partner = self.roles.players
        closed = self.model.closed([(home, partner), (partner, home)])
        return self.outcome(self.free, self.route(r, capped=capped, in_use=route) * closed)

    def threat(
        self,
        *,
        r: Share = 0.0,
        sectors: str | Sequence[str] = "goods",
        side: str = "both",
        route: str = "open",
        capped: bool = False,
    ) -> Threat:
        """Find what the threat to end trade costs home, and what it costs the partner who makes it.

        Parameters
        ----------
        r, capped
            The redirectable share, and whether caps limit it.
        sectors, side
            What would be closed; see `TradeModel.power`.
        route : {"open", "contingent"}
            Whether home uses the route under the agreement too, or only in the cut: because it is kept for that, or
            because the agreement closes it.

        Returns
        -------
        Threat
            A `Power`, with the partner as hegemon and home as target, in the money of the negotiation.

        Examples
        --------
        >>> talks = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
        >>> talks.threat(r=[0, 0.15]).loss.round(3), talks.threat(r=0.15, route="contingent").loss.round(3)
        (array([2.576, 2.561]), np.float64(2.377))
        """
        choice(route, "route", ("open", "contingent"))
        home, partner = self.roles.players
        costs = self.route(r, capped=capped)
        power = self.model.power(partner, home, sectors=sectors, side=side, tariffs=self.free, costs=costs)
        fields = {name: getattr(power, name) for name in Power.__dataclass_fields__}
        fields |= {"worth": self.worth(*self.model.regions), "talks": self, "r": r, "capped": capped}
        if route == "contingent":
            fields["agreement"] = self.model.solve(tariffs=self.free, costs=self.route(0.0))
        return Threat(**fields, route=route)

    def rivals(
        self, *, r: Share = 0.0, capped: bool = False, sectors: str | Sequence[str] = "goods"
    ) -> Rivalry:
        """Find what the partner and the alternative can ask of home, each for its own link or to be the only one.

        Parameters
        ----------
        r, capped
            The redirectable share, and whether caps limit it. The route is open where home trades with the alternative.
        sectors
            What the links are; see `TradeModel.power`.

        Raises
        ------
        InvalidInput
            If there is no alternative, or a sector is unknown.
        """
        return rivals(self, r=r, capped=capped, sectors=sectors)

    def threat_game(
        self, *, r: Share = 0.0, capped: bool = False, sectors: str | Sequence[Any] = "goods"
    ) -> Game:
        """Return the game in which home and the partner each choose a set of links between them to close.

        A link that either closes is closed. Payoffs are in money against the agreement. `coco_value` of the game
        divides what the two lose by Nash's variable threats, if payments can be made.

        Parameters
        ----------
        r, capped
            One redirectable share, and whether caps limit it; the route is open.
        sectors : "goods", "all" or sequence of str or of lists of str
            Sectors, or groups of them, of which home's imports and home's exports can be closed, four at most. By
            default each goods sector, or all together where there are more than four.

        Examples
        --------
        >>> from bargaining import coco_value
        >>> talks = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
        >>> coco_value(talks.threat_game(sectors=["C"])).payoffs.round(2)  # manufacturing alone
        array([-1.18,  1.18])
        """
        return threat_game(self, r=r, capped=capped, sectors=sectors)

    def leverage(self, r: Sequence[float] = (0.15,), *, discount: float = 0.9, capped: bool = False) -> Table:
        """Return a table of what the partner can ask of home, by notion of leverage, and of what the alternative takes.

        Parameters
        ----------
        r : sequence of float
            Redirectable shares; those above 0 have a column of what is lost, with the route open and contingent.
        discount : float, default 0.9
            The discount factor of both where there is one.
        capped : bool
            Whether caps limit `r`.

        Examples
        --------
        >>> talks = Negotiation(data="icio2019", home="CAN", partner="USA", alternative="CHN")
        >>> [round(row["payment"], 1) for row in talks.leverage().records()]  # USD bn a year
        [42.2, 38.0, 4.6, 0.5, 2.8, 2.7, 0.0, 2.7, 24.5, 0.5]
        """
        return leverage(self, r=r, discount=discount, capped=capped)

    def war(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> TariffWar:
        """Outcome of the tariff war: each rate is best against the other, a Nash equilibrium in rates.

        Returns
        -------
        TariffWar
            With rates, `marginal` and `regret`, the evidence on uniqueness, and `status`: INACCURATE also
            where `marginal` or `regret` exceeds 1e-8, FAILED (and NaN) where the search leads to none from rates of 0,
            .2 and .4.

        Notes
        -----
        Both choose simultaneously, once, knowing `r` and the figures. Each rate is the same on all goods.
        """
        costs = self.route(r, capped=capped, in_use=route)
        batch = costs.shape[:-3]
        nash = self.best_rates(costs.reshape(-1, *costs.shape[-3:]))
        fields = self._at_rates(nash.rates.reshape(*batch, 2), costs)
        status = np.maximum(nash.status.reshape(batch), np.asarray(fields["status"]))
        fields |= {name: getattr(nash, name).reshape(batch) for name in ("marginal", "regret", "unique")}
        return TariffWar(**fields | {"status": status if batch else Status(int(status))})

    def best_rates(
        self, costs: Floats, players: Sequence[int] = (0, 1), rates: Floats | None = None, **options: Any
    ) -> TariffWars:
        """Return best rates in each row of `costs` (B, N, N, J): of both against each other, or of one player alone.

        Parameters
        ----------
        costs : (B, N, N, J) array
            Hats of trade cost.
        players : sequence of int
            Who chooses its rate: 0 home, 1 the partner.
        rates : (B, 2) array, optional
            Those of who does not choose; by default 0.
        **options
            `starts` and `points` of `tariff_wars`.
        """
        fixed = np.zeros((len(costs), 2)) if rates is None else np.array(rates)
        fixed[:, list(players)] = 0.0
        chosen = [self.roles.players[k] for k in players]
        laid = rates_of(self.model, chosen, base="add", against=self.roles.players, given=self.free)
        return tariff_wars(self.model, replace(laid, given=self.tariffs_at(fixed), costs=costs), **options)

    def stage_payoffs(
        self,
        partner_rates: ArrayLike,
        home_rates: ArrayLike,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Floats:
        """Payoffs of the game in which each side picks a rate from a list.

        Parameters
        ----------
        partner_rates : (A,) array_like
        home_rates : (C,) array_like
        r, capped, route
            See the class.

        Returns
        -------
        (*batch, C, A, 2) array
            Percent of real income of home and of the partner. Home, player 0, chooses the row, the partner the
            column. NaN where there is no equilibrium.
        """
        partner = self._rates(partner_rates, "partner_rates", ndim=1)
        home = self._rates(home_rates, "home_rates", ndim=1)
        costs = self.route(r, capped=capped, in_use=route)[..., None, None, :, :, :]
        rates = np.stack(np.meshgrid(home, partner, indexing="ij"), axis=-1)
        return self.model.solve(tariffs=self.tariffs_at(rates), costs=costs).objective[..., self.places]

    def critical_discounts(
        self,
        partner_tariff: ArrayLike = 0.0,
        home_tariff: ArrayLike = 0.0,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Floats:
        r"""Critical discount factors of the sides for rates, by default zero, (\*batch, 2): home, the partner.

        Each year both set a rate simultaneously, and know all earlier ones. A side that breaks the agreement has its
        best rate against the other's for a year, and the tariff war for ever after. With W the payoff of a year, this
        does not pay from

        .. math:: \delta = \frac{W(\text{breach}) - W(\text{agreement})}{W(\text{breach}) - W(\text{war})} .

        Returns
        -------
        ndarray
            1 or more if the side prefers the war at any patience, infinite if it prefers the war even to the year of
            breach. NaN where a best rate or the war was not found.

        Notes
        -----
        `TariffGame` has harsher punishments, over a list of rates.

        Examples
        --------
        >>> talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China")
        >>> talks.critical_discounts().round(4)
        array([0.254 , 0.8582])
        """
        war, costs = (
            self.war(r=r, capped=capped, route=route).percent,
            self.route(r, capped=capped, in_use=route),
        )
        agreed = self._pair(*self._both(home_tariff, partner_tariff), costs)
        kept, batch = self._at_rates(agreed, costs)["percent"], agreed.shape[:-1]
        cells = np.broadcast_to(costs, (*batch, *costs.shape[-3:])).reshape(-1, *costs.shape[-3:])
        breach = np.empty(kept.shape)
        for own in (0, 1):
            rates = agreed.copy()
            rates[..., own] = self.best_rates(cells, (own,), agreed.reshape(-1, 2)).rates.reshape(batch)
            breach[..., own] = self._at_rates(rates, costs)["percent"][..., own]
        return patience_needed(breach, kept, war)

    def outcomes(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> dict[str, Outcome]:
        """All outcomes by name, from the agreement to leaving."""
        options: dict[str, Any] = {"r": r, "capped": capped, "route": route}
        partner = self.roles.names[1]
        return {
            "agreement": self.payoffs(**options),
            self.roles.status_quo: self.status_quo(**options),
            f"{partner} 25 percent": self.payoffs(0.25, **options),
            f"{partner} 100 percent": self.payoffs(1.0, **options),
            "tariff war": self.war(**options),
            "exit": self.leave(**options),
        }

    def tariffs_at(self, rates: Floats) -> Floats:
        """Tariffs of everybody, (..., N, N, J), where home and the partner add rates (..., 2) on each other's goods."""
        tariffs = np.broadcast_to(self.free, (*rates.shape[:-1], *self.free.shape)).copy()
        for k, (importer, exporter) in enumerate(_links(self.model, self.roles)):
            tariffs[..., importer, exporter, self.model.goods] += rates[..., k, None]
        return tariffs

    @property
    def places(self) -> list[int]:
        """Where home and the partner stand among the regions of the model."""
        return [self.model.regions.index(code) for code in self.roles.players]

    def worth(self, *regions: str) -> Floats:
        """The money value of 100 percent of real income, by default for home and the partner."""
        values = self.model.data.gdp if self.money == "gdp" else self.model.economy.income
        assert values is not None  # checked with `money`
        return np.asarray(values[[self.model.regions.index(code) for code in regions or self.roles.players]])

    @property
    def unit(self) -> str:
        """The unit of money: "USD bn of 2023" for instance."""
        data = self.model.data
        return (data.unit or "units of the flows") + ("" if data.year is None else f" of {data.year}")

    def route(self, r: Share, *, capped: bool = False, in_use: bool = True) -> Floats:
        """Hats of trade cost that a redirectable share stands for, (*batch, N, N, J)."""
        flag(capped, "capped")
        flag(in_use, "route")
        if capped and self.caps is None:
            raise InvalidInput("`capped` must be False where the negotiation has no `caps`; got True.")
        share = r if isinstance(r, Mapping) else within(real(r, "r")[..., None], "r", 0.0, 1.0)[..., 0]
        caps = self.caps if capped else None
        costs = route_hats(self.model, self.roles, share, meaning=self.meaning, tariffs=self.free, caps=caps)
        return np.asarray((costs if in_use else np.ones_like(costs)) * self.friction)

    def outcome(self, tariffs: Floats, costs: Floats) -> Outcome:
        """Outcome of tariffs and hats of trade cost of all regions, (*batch, N, N, J)."""
        # Tariffs of a war may be high.
        return self.outcome_of(self.model.solve(tariffs=tariffs, costs=costs, highest=np.inf))

    def outcome_of(self, answer: TradeEquilibrium) -> Outcome:
        """Outcome of an equilibrium of the model."""
        places = self.places
        percent = answer.objective[..., places]
        return Outcome(
            percent=percent,
            money=percent / 100.0 * self.worth(),
            unit=self.unit,
            residual=answer.residual,
            status=answer.status,
            equilibrium=answer,
            player_names=self.roles.names[:2],
            tariffs=self.tariffs_in_words,
        )

    def exports(self, outcome: Outcome) -> Floats:
        """Home's exports of goods to the partner and the alternative, (*batch, 2), in the unit of the flows."""
        countries = self.roles.countries
        home, *others = (self.model.regions.index(code) for code in countries)
        sold = outcome.equilibrium.flows[..., :, home, :][..., self.model.goods].sum(axis=-1)
        return np.asarray(sold[..., others])

    def _both(self, home_tariff: ArrayLike, partner_tariff: ArrayLike) -> tuple[Floats, Floats]:
        return self._rates(home_tariff, "home_tariff"), self._rates(partner_tariff, "partner_tariff")

    def _pair(self, home: Floats | float, partner: Floats, costs: Floats) -> Floats:
        """Rates of home and the partner, (*batch, 2)."""
        batch = costs.shape[:-3]
        try:
            return np.stack(np.broadcast_arrays(home, partner, np.zeros(batch))[:2], axis=-1)
        except ValueError:
            raise InvalidInput(
                f"`partner_tariff`, `home_tariff` and `r` must broadcast; got shapes {partner.shape}, "
                f"{np.shape(home)} and {batch}. Insert axes of length 1."
            ) from None

    def _at_rates(self, rates: Floats, costs: Floats) -> dict[str, Any]:
        """Fields of the outcome of rates (*batch, 2), home's first; costs are infinite where a rate is NaN."""
        lost = np.asarray(np.isnan(rates).any(axis=-1))[..., None, None, None]
        found = self.outcome(self.tariffs_at(np.nan_to_num(rates)), np.where(lost, np.inf, costs))
        return {name: getattr(found, name) for name in Outcome.__dataclass_fields__} | {"rates": rates}

    def _best(self, costs: Floats) -> Floats:
        """The partner's best rates if home sets none, shape batch."""
        cells = costs.reshape(-1, *costs.shape[-3:])
        return self.best_rates(cells, (1,)).rates[:, 0].reshape(costs.shape[:-3])

    def _scheduled(self, names: Sequence[str]) -> Floats:
        tariffs = self.free
        for name in names:
            choice(name, "names", tuple(self.schedules))
            tariffs = tariffs + self.schedules[name]
        return tariffs

    def _rates(self, value: ArrayLike, name: str, *, ndim: int | None = None) -> Floats:
        rates = real(value, name, ndim=ndim)
        if (rates <= -1.0).any():
            whose, on = self.roles.said[:2] if name.startswith("home") else self.roles.said[1::-1]
            raise InvalidInput(
                f"`{name}`, of {whose} on {on}, must be above -1, a subsidy of the whole price; got "
                f"{plain(rates.min())}. Give rates as fractions, 0.25 for 25 percent."
            )
        too_high(rates, name)
        return rates

    def _with(self, **changed: Any) -> Self:
        found = copy.copy(self)
        found._set(**changed)
        found.__setstate__([getattr(found, name) for name in found.__dataclass_fields__])  # type: ignore[attr-defined]
        return found

    def _set(self, **fields: Any) -> None:
        for name, value in fields.items():
            object.__setattr__(self, name, value)


def _names(value: Any) -> Sequence[str] | None:
    """Return names, or None where these are numbers."""
    if isinstance(value, str):
        raise InvalidInput(f"`status_quo` must be a list of schedules; got {value!r}. Write [{value!r}].")
    names = isinstance(value, Sequence) and len(value) > 0 and all(isinstance(one, str) for one in value)
    return value if names else None


def _links(model: TradeModel, roles: Roles) -> list[tuple[int, int]]:
    """Importer and exporter of the two links, in the order of the players."""
    home, partner = (model.regions.index(code) for code in roles.players)
    return [(home, partner), (partner, home)]
