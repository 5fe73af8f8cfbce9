"""Public names that are imported on first use: listed once, in the stub that type checkers and editors read."""

from __future__ import annotations

import ast
import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module


def attach(package: str) -> tuple[dict[str, str], Callable[[str], object], Callable[[], list[str]]]:
    """Return where the names in a package's ``__init__.pyi`` live, and its functions ``__getattr__`` and ``__dir__``.

    A line ``from module import name as name`` of the stub makes `name` public.
    """
    found = ast.parse(pkgutil.get_data(package, "__init__.pyi") or b"").body
    homes = {
        alias.name: str(node.module)
        for node in found
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }

    def get(name: str) -> object:
        module = sys.modules[package]
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
        value = getattr(import_module(homes[name]), name)
        setattr(module, name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return homes, get, names
