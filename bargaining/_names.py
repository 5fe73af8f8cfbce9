"""Names of players, actions and states: given, carried by labelled data, and found again; all of it here.

Names are strings; players, actions and states without names are called by their numbers. Labelled data are mappings or
objects of pandas and xarray, which are recognised by their attributes, so that neither package has to be imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.errors import InvalidInput, short

if TYPE_CHECKING:
    import pandas as pd

Names = Sequence[str]


def numbered(count: int) -> tuple[str, ...]:
    """Return the default names: numbers from 0, as strings."""
    return tuple(map(str, range(count)))


def are_given(names: Names) -> bool:
    """Whether somebody gave these names."""
    return tuple(names) != numbered(len(names))


def titles(names: Names) -> list[str]:
    """Return how texts call the players: by name, or as "player 0"."""
    return list(names) if are_given(names) else [f"player {name}" for name in names]


def unique_names(names: Iterable[Any] | None, argument: str, count: int) -> tuple[str, ...]:
    """Return the names given, one for each, or numbers."""
    if names is None:
        return numbered(count)
    if isinstance(names, str | bytes | Mapping) or not isinstance(names, Iterable):
        raise InvalidInput(
            f"`{argument}` must be a list of names; got {short(names)}. Give {count}, each a string of its own."
        )
    try:
        found = tuple(map(str, names))
    except TypeError:  # an array without axes
        found = ()
    if len(found) != count or len(set(found)) != count:
        raise InvalidInput(f"`{argument}` must be {count} different names; got {found}.")
    return found


def place(value: Any, argument: str, names: Names, what: str = "player") -> int:
    """Return the index of a player, an action or a state given by number or name."""
    if isinstance(value, str) and list(names).count(value) == 1:
        return list(names).index(value)
    if isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= value < len(names):
        return int(value)
    if what == "player" and isinstance(value, str) and not are_given(names):
        raise InvalidInput(
            f"`{argument}` must be a player, 0 to {len(names) - 1}; got {short(value)}. Players have no names here: "
            "give them to the problem or the game, as players=[...]."
        )
    article = "an" if what[0] in "aeiou" else "a"
    known = f", {_listed(names)}" if are_given(names) else ""
    raise InvalidInput(
        f"`{argument}` must be {article} {what}, 0 to {len(names) - 1}{known}; got {short(value)}."
        f"{meant(value, names)}"
    )


def carried(value: Any) -> tuple[str, ...] | None:
    """Return the labels of data along their last axis; None where they have none."""
    labels = _parts(value)[0]
    return None if labels is None else tuple(map(str, labels))


def ordered(value: Any, argument: str, names: Names) -> Any:
    """Return data in the order of the players: what is labelled is sorted by its labels, the rest stays as it is."""
    labels, values = carried(value), _parts(value)[1]
    if labels is None:
        return values
    if set(labels) == set(names) and len(labels) == len(names):
        order = [labels.index(name) for name in names]
        return [values[k] for k in order] if isinstance(values, list) else values[..., order]
    if are_given(names):
        odd = next((label for label in labels if label not in names), "")
        raise InvalidInput(
            f"`{argument}` must have an entry for each of {_listed(names)}; got {_listed(labels)}."
            f"{meant(odd, names)}"
        )
    if isinstance(value, Mapping):
        raise InvalidInput(
            f"`{argument}` must be in the order of the players, who have no names here; got {_listed(labels)}. Give "
            f"the problem or the game `players={labels!r}`, or pass a list."
        )
    return values


def sum_of(value: Any) -> Any:
    """Return the sum over the last axis of numbers, labelled or not; 1 for None."""
    return 1.0 if value is None else np.asarray(_parts(value)[1], dtype=float).sum(axis=-1)[()]


def _parts(value: Any) -> tuple[Sequence[Any] | None, Any]:
    """Return the labels of data along their last axis, None where they have none, and the data without them.

    The axis of players of a labelled array is the one called so, or the last.
    """
    labels, data = list[Any](), value
    if isinstance(value, Mapping):
        labels, data = list(value), list(value.values())
    elif hasattr(value, "dims") and hasattr(value, "coords"):
        axis = "player" if "player" in value.dims else (value.dims[-1] if value.dims else None)
        data = value.to_numpy() if axis is None else value.transpose(..., axis).to_numpy()
        labels = value.coords[axis].values.tolist() if axis in value.coords else []
    elif hasattr(value, "to_numpy") and (hasattr(value, "index") or hasattr(value, "columns")):
        labels, data = list(value.columns if hasattr(value, "columns") else value.index), value.to_numpy()
    return None if labels == list(range(len(labels))) else labels, data


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def meant(value: Any, names: Iterable[str]) -> str:
    """Return "Did you mean ...?" with the most similar name; an empty string if no name is similar."""
    if not isinstance(value, str):
        return ""
    from difflib import get_close_matches

    folded = {name.casefold(): name for name in names}
    close = get_close_matches(value.casefold(), folded, n=1)
    return f" Did you mean {folded[close[0]]}?" if close else ""


def series(values: Any, names: Names, title: str) -> pd.Series[Any]:
    """Return one number a player as a pandas Series."""
    import pandas as pd

    return pd.Series(np.array(values), index=pd.Index(names, name="player"), name=title)


def frame(values: Any, names: Names, rows: str) -> pd.DataFrame:
    """Return points, one a row, as a pandas DataFrame with a column for each player."""
    import pandas as pd

    return pd.DataFrame(
        np.array(values).reshape(-1, len(names)), columns=pd.Index(names, name="player")
    ).rename_axis(index=rows)
