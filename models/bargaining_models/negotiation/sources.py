"""The trade model of a negotiation: one that is given, or one made from data with only the regions that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bargaining.errors import InvalidInput
from bargaining_models.negotiation.roles import PARTS, region
from bargaining_models.parameters import Parameters
from bargaining_models.trade import TradeData, TradeModel
from bargaining_models.trade.folders import structure

Role = str | Mapping[str, Sequence[str]]
STRUCTURES = ("icio2019", "wiod2011")
World = TypeVar("World", TradeModel, TradeData)


def model_of(
    model: Any, data: Any, parts: Mapping[str, Role | None], *, rest: str | None, elasticities: Any
) -> tuple[TradeModel, dict[str, str | None], Parameters | None]:
    """Return the trade model, the name of each part in it, and the figures where they come as `Parameters`.

    Parameters
    ----------
    model : TradeModel or None
    data : Parameters, TradeData, name of a structure, folder or None
    parts : mapping from part to region, or to a mapping from a new name to the regions it is made of
    rest : str or None
        The name of a region made of all that play no part. By default regions are merged only where `data` is a
        structure of this package: it has twenty.
    elasticities
    """
    if (model is None) == (data is None):
        raise InvalidInput("`model` or `data` must be given, and not both.")
    figures = data if isinstance(data, Parameters) else None
    if model is not None:
        if not isinstance(model, TradeModel):
            raise InvalidInput(
                f"`model` must be a TradeModel; got {type(model).__name__}. Give figures as `data`, or make a model "
                f"with `TradeModel.from_structure`, `from_folder` or `from_arrays`."
            )
        if elasticities is not None:
            raise InvalidInput(
                "`elasticities` must be None with a `model`, which has its own; give them with `data`."
            )
        return *_merged(model, parts, rest), figures
    if figures is not None:
        model = TradeModel.from_parameters(figures, elasticities=elasticities or "uniform5")
        return *_merged(model, parts, rest), figures
    if isinstance(data, str | Path) and str(data) in STRUCTURES:
        data, rest = structure(str(data)), rest or "ROW"
        elasticities = 5.0 if elasticities is None else elasticities
    elif isinstance(data, str | Path) and Path(data).is_dir():
        return *_merged(TradeModel.from_folder(data, elasticities=elasticities), parts, rest), None
    if not isinstance(data, TradeData):
        raise InvalidInput(
            f"`data` must be Parameters, TradeData, a folder or one of {', '.join(STRUCTURES)}; got {data!r}."
        )
    merged, names = _merged(data, parts, rest)
    if elasticities is not None:
        merged = merged.with_terms(merged.tariffs, elasticities)
    return TradeModel.from_data(merged), names, None


def _merged(
    model: World, parts: Mapping[str, Role | None], rest: str | None
) -> tuple[World, dict[str, str | None]]:
    """Merge the regions that act as one, and those that play no part if `rest` names them."""
    groups: dict[str, list[str]] = {}
    names: dict[str, str | None] = {}
    for part in PARTS:
        role = parts[part]
        if role is None:
            names[part] = None
        elif isinstance(role, Mapping):
            if len(role) != 1:
                raise InvalidInput(
                    f"`{part}` must be a region, or one new name with the regions it is made of; got {dict(role)!r}."
                )
            (name, members), *_ = role.items()
            if isinstance(members, str) or not len(members):
                raise InvalidInput(
                    f"`{part}` must give {name!r} a list of regions; got {members!r}. Write [{members!r}]."
                )
            groups[name] = [region(member, part, model.regions) for member in members]
            names[part] = name
        else:
            name = region(role, part, model.regions)
            groups[name] = [name]
            names[part] = name
    for one in groups:
        for other in groups:
            both = set(groups[one]) & set(groups[other])
            if one != other and both:
                raise InvalidInput(
                    f"Roles must not share regions; {sorted(both)[0]!r} is in {one!r} and in {other!r}. "
                    f"Leave it out of one."
                )
    if rest is not None or any(isinstance(role, Mapping) for role in parts.values()):
        model = model.aggregate(groups, rest=rest if _others(model, groups) else None)
    return model, names


def _others(model: TradeModel | TradeData, groups: Mapping[str, Sequence[str]]) -> bool:
    return len({member for members in groups.values() for member in members}) < len(model.regions)
