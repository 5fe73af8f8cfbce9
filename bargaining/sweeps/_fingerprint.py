"""What a callable is: its name and a hash of its code and of the values it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np


def name_of(function: Any) -> str:
    """Return `module.name` of a function, or of the class of another callable."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def fingerprint(value: Any) -> str:
    """Return a hash that changes with the code of `value`, its defaults, closure and fields.

    Functions that it calls are known by name only.
    """
    return hashlib.sha256(_describe(value, ()).encode()).hexdigest()[:16]


def _describe(value: Any, above: tuple[int, ...]) -> str:
    if id(value) in above:
        return "itself"
    above = (*above, id(value))
    parts = [_describe(part, above) for part in _parts(value)]
    return f"{_head(value)}({','.join(sorted(parts) if isinstance(value, set | frozenset) else parts)})"


def _head(value: Any) -> str:
    if value is None or isinstance(value, str | bytes | int | float | complex):
        return repr(value)
    if isinstance(value, np.ndarray):
        return (
            f"{value.dtype}{value.shape}{hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
        )
    if isinstance(value, CodeType):
        return f"{value.co_code.hex()}{value.co_names}{value.co_varnames}"
    if isinstance(value, np.generic):
        return repr(value)
    return name_of(value)


def _parts(value: Any) -> list[Any]:
    """What a value consists of, beyond its head."""
    if value is None or isinstance(
        value, str | bytes | int | float | complex | np.ndarray | np.generic | type
    ):
        return []
    if isinstance(value, CodeType):
        return list(value.co_consts)
    if isinstance(value, FunctionType):
        held = [cell.cell_contents for cell in value.__closure__ or ()]
        return [value.__code__, value.__defaults__, value.__kwdefaults__, held]
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, Mapping):
        return [part for pair in value.items() for part in pair]
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)
    if isinstance(value, BuiltinFunctionType | ModuleType | np.ufunc):
        return []
    slots = [name for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
    fields = {name: getattr(value, name) for name in slots if hasattr(value, name)} | getattr(
        value, "__dict__", {}
    )
    return [vars(type(value)).get("__call__"), fields]
