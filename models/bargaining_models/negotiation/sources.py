"""The trade model of a negotiation: one that is given, or one made from data with only the regions that matter."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar, cast

from bargaining.authoring import Floats, Shown, listed, real
from bargaining.errors import InvalidInput
from bargaining_models._figures import grouped, read_if_there
from bargaining_models.negotiation.roles import PARTS, region
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment, TradeData, TradeModel
from bargaining_models.trade.data import check_rates
from bargaining_models.trade.folders import structure

Role = str | Mapping[str, Sequence[str]]
STRUCTURES = ("icio2019", "wiod2011")
ENVIRONMENTS = ("wiod2011", "icio2019")
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World(Shown):
    """What a negotiation takes place in: see `Negotiation`; `names` are the regions by role.

    `tariffs`, (N, N, J), are those in force on the day of the `environment`, or those of the base; `figures` are there
    where the data come as such.
    """

    model: TradeModel
    names: dict[str, str | None]
    figures: Parameters | None
    tariffs: Floats
    environment: Environment | None
    whole: Whole


def world_of(
    model: Any,
    data: Any,
    parts: Mapping[str, Role | None],
    *,
    rest: str | None,
    elasticities: Any,
    tariffs: Any,
) -> World:
    """Return the trade model with the regions that matter, and the tariffs in force.

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
    elif isinstance(data, str) and data == "icio2019":
        whole, rest = structure(data), rest or "ROW"
        base = whole.tariffs
        if isinstance(tariffs, str | datetime.date | Environment):
            first = Environment.shipped("icio2019")
            base = first.at(first.dates[0]).tariffs(whole)
        whole = whole.with_terms(base, 5.0 if elasticities is None else elasticities)
    elif isinstance(data, str | Path) and Path(data).is_dir():
        sets = grouped(read_if_there(Path(data), "elasticities.csv", ("set", "sector")), "set")
        default = None if len(sets) == 1 else 5.0
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
    return World(
        model=found, names=names, figures=figures, tariffs=rates, environment=environment, whole=before
    )


def _environment(tariffs: Any, world: TradeModel | TradeData) -> Environment | None:
    """Return the environment that `tariffs` names, at its day; None where it is none."""
    if isinstance(tariffs, Environment):
        return tariffs if tariffs.day is not None else tariffs.at()
    if not isinstance(tariffs, str | datetime.date):
        return None
    known = [Environment.shipped(name) for name in ENVIRONMENTS]
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
