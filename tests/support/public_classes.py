"""The classes that users meet: those exported, and those of what exported functions give back."""

from importlib import util
from inspect import isclass
from pathlib import Path

import bargaining as b
from bargaining import Status


def results() -> dict[str, type]:
    """Return them by name, as the reference pages list them."""
    path = Path(__file__).parents[2] / "docs" / "_extensions" / "reference_pages.py"
    found = util.spec_from_file_location("reference_pages", path)
    module = util.module_from_spec(found)
    found.loader.exec_module(module)
    exported = {name: getattr(b, name) for name in b.__all__}
    classes = {
        name: item
        for name, item in exported.items()
        if isclass(item) and not issubclass(item, Exception | Status)
    }
    given = {name: item for name, item in module.results().items() if name not in ("FeasibleSet", "Kind")}
    # Named tuples print as tuples.
    return {name: item for name, item in (classes | given).items() if not issubclass(item, tuple)}
