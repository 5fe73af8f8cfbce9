"""Public names that are imported on first use: listed once, in the stub that type checkers and editors read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

# What people look for under the name of an author, or a common name.
_AUTHORS = {
    "rubinstein": "AlternatingOffers",
    "stahl": "AlternatingOffers",
    "nash_bargaining": "nash",
    "kalai": "egalitarian",
    "proportional": "egalitarian",
    "shapley": "CoalitionalGame",
    "nucleolus": "CoalitionalGame",
    "abreu_gul": "ReputationalBargaining",
    "binmore": "ContinuousOffers",
    "grout": "HoldUp",
    "horn_wolinsky": "nash_in_nash",
}


def attach(
    package: str, modules: Sequence[str] = ()
) -> tuple[dict[str, str], Callable[[str], object], Callable[[], list[str]]]:
    """Return where the names in a package's ``__init__.pyi`` live, and its functions ``__getattr__`` and ``__dir__``.

    A line ``from module import name as name`` of the stub makes `name` public. It is read by its words, since a parser
    would take most of the time that importing the package takes. Modules of the package that `modules` lists are
    imported on first use too.
    """
    here: Any = sys.modules[package]
    homes = _listed(here.__spec__.loader.get_data(f"{here.__file__}i").decode())

    def get(name: str) -> object:
        if name in modules:
            return import_module(f"{package}.{name}")
        if name not in homes:
            from bargaining._names import meant

            known = _AUTHORS.get(name.casefold())
            hint = f" Did you mean {known}?" if known in homes else meant(name, homes)
            raise AttributeError(f"module {package!r} has no attribute {name!r}.{hint}", name=name, obj=here)
        value = getattr(import_module(homes[name]), name)
        setattr(here, name, value)
        return value

    def names() -> list[str]:
        return sorted({*homes, *modules, *(name for name in vars(here) if name.startswith("__"))})

    return homes, get, names


def _listed(stub: str) -> dict[str, str]:
    """Return the module of each name that a stub imports as itself."""
    found = {}
    for line in stub.split("\nfrom ")[1:]:
        module, _, rest = line.partition(" import ")
        for part in rest.replace("(", " ").replace(")", " ").split(","):
            words = part.split()
            if words[:1] == words[2:3] and words[1:2] == ["as"]:
                found[words[0]] = module
    return found
