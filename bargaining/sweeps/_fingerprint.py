"""The identity of a model: the code that it runs and the values that this code reads, part by part.

Starting from a model's code, everything is included that can change its numbers: defaults, closures, the globals it
refers to, the functions and classes of the user's own modules with their bases and attributes, and the content of
stored values. Installed packages, the standard library and this library are identified by name and version. If
something cannot be read, an error names it: a checkpoint must never return the numbers of an older model.
"""

from __future__ import annotations

import builtins
import copyreg
import dis
import pickle
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, cached_property, partial
from hashlib import sha256
from importlib import import_module, metadata
from inspect import getattr_static
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from bargaining.errors import InvalidInput

_BLIND = ("eval", "exec", "compile", "globals", "__import__")
"""Built-ins that can run code to which their caller does not refer by name."""
_SHOWN = 60
"""The longest value that a manifest shows as it is; of a longer one it keeps the hash."""
_COMPILED = BuiltinFunctionType | MethodDescriptorType | WrapperDescriptorType | MethodWrapperType
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")
_WRAPPERS = (property, staticmethod, classmethod, cached_property)
_ATOMS = (type(None), bool, float, complex, str, bytes)
_INERT = (
    *("__module__", "__qualname__", "__doc__", "__slots__", "__firstlineno__", "__static_attributes__"),
    *("__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__"),
    *("__orig_bases__", "__parameters__", "__type_params__", "__match_args__", "__abstractmethods__"),
    *("__dataclass_fields__", "__dataclass_params__"),
)
"""Entries of a class that describe it; what it computes with is elsewhere, too."""
_IMPORT = "import "


def name_of(function: Any) -> str:
    """Return `module.name` of a function, or of the class of another callable."""
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def fingerprint(function: Any, argument: str) -> dict[str, str]:
    """Return the parts of a callable by name: short values as they are, everything else as a hash.

    Two callables with equal parts run the same code on the same values, under equal versions of Python.

    Raises
    ------
    InvalidInput
        If something that the callable refers to cannot be read; the message names it.
    """
    reader = _Reader(argument)
    try:
        reader.part(reader, "", "itself", function)
    except RecursionError:
        raise reader.refusal(name_of(function), "nested too deeply") from None
    return reader.parts


class _Reader:
    """Walks from one callable to all that it depends on; each function, class and named value is one part."""

    def __init__(self, argument: str) -> None:
        self.argument = argument
        self.parts: dict[str, str] = {}
        self._keys: dict[Any, str] = {}  # the part of what has one, by identity
        self._seen: dict[int, int] = {}  # what the current part has met, for values that contain themselves
        self._alive: list[Any] = []  # an identity must not be given to another object while it is remembered

    def refusal(self, at: str, what: str) -> InvalidInput:
        """Return the error that names what cannot be read."""
        return InvalidInput(
            f"`{self.argument}` depends on `{at}`, {what}, whose content cannot be read, so that a checkpoint would "
            'not notice a change of it. Pass it as a plain value, or name a version by hand, `version="1"`, and '
            "another one whenever the model or the method changes."
        )

    def part(self, owner: Any, prefix: str, name: str, value: Any) -> str:
        """Make a named value of `owner` a part of its own, once; return the reference to it."""
        key = f"{prefix}.{name}" if prefix else name
        if prefix and isinstance(value, (FunctionType, type, ModuleType, *_WRAPPERS)):
            return self.text(value, key)
        return self._once(
            (id(owner), name), owner, key, lambda at: self.text(value, at if prefix else self.argument)
        )

    def _once(self, identity: Any, value: Any, key: str, read: Callable[[str], str]) -> str:
        if identity not in self._keys:
            self._alive.append(value)
            alike = sum(known == key or known.startswith(f"{key} (") for known in self.parts)
            key = f"{key} ({alike + 1})" if alike else key
            self._keys[identity] = key
            self.parts[key] = ""  # It takes its place before what it refers to.
            before, self._seen = self._seen, {}
            text = read(key)
            self._seen = before
            plain = len(text) <= _SHOWN and "<" not in text
            self.parts[key] = (
                text if plain else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
            )
        return f"<{self._keys[identity]}>"

    def _of(self, package: tuple[str, str], name: str) -> str:
        """Return the reference to an object of an installed package, whose version becomes a part."""
        if package[1]:
            self.parts[f"package {package[0]}"] = package[1]
        return f"<{name} of {package[0]}>"

    def text(self, value: Any, at: str) -> str:
        """Return a string that is the same for equal values in any process, and differs where they differ."""
        kind = type(value)
        if value is Ellipsis or value is NotImplemented or kind in _ATOMS:
            return repr(value)
        if kind is int:
            return str(value) if abs(value) < 2**63 else hex(value)
        if isinstance(value, np.generic) and value.dtype.kind != "O":
            return f"{value.dtype}:{value.tobytes().hex()}"
        if kind is tuple:
            return f"({self._texts(value, at)})"
        if isinstance(value, CodeType):
            return self._code(value, at)
        if isinstance(value, FunctionType | type | ModuleType):
            return self._definition(value)
        if id(value) in self._seen:
            return f"again {self._seen[id(value)]}"
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        return self._content(value, kind, at)

    def _texts(self, values: Iterable[Any], at: str) -> str:
        return ",".join(self.text(value, at) for value in values)

    def _content(self, value: Any, kind: type, at: str) -> str:
        """Return the text of a container, an array, something compiled or an object."""
        if kind is list:
            return f"[{self._texts(value, at)}]"
        if kind in (set, frozenset):
            return self._set(value, at)
        if kind in (dict, MappingProxyType):
            entries = (f"{self.text(k, at)}:{self.text(v, _inside(at, k))}" for k, v in value.items())
            return f"{{{','.join(entries)}}}"
        if kind in (np.ndarray, np.memmap, np.ma.MaskedArray):
            return self._array(value, at)
        if isinstance(value, Enum):
            return f"{self.text(kind, at)}.{value.name}={self.text(value._value_, at)}"
        if isinstance(value, _COMPILED):
            return self._compiled(value, at)
        if (held := _held(value, kind)) is not None:
            return f"{self.text(kind, at)}({self._texts(held, at)})"
        return self._object(value, kind, at)

    def _set(self, values: Any, at: str) -> str:
        """Return the elements in an order that does not depend on their hashes."""
        if all(type(value) in _ATOMS or type(value) is int for value in values):
            return f"set({','.join(sorted(self.text(value, at) for value in values))})"
        texts = []
        for value in values:
            aside = _Reader(self.argument)
            aside.parts, aside._keys, aside._seen = dict(self.parts), dict(self._keys), dict(self._seen)
            texts.append((aside.text(value, at), sorted(aside.parts.items()), value))
        texts.sort(key=lambda entry: entry[:2])
        return f"set({self._texts((entry[2] for entry in texts), at)})"

    def _array(self, array: Any, at: str) -> str:
        if array.dtype.hasobject:
            body = self._texts(np.asarray(array).ravel().tolist(), at)
        else:
            body = sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        masked = isinstance(array, np.ma.MaskedArray)
        mask = self._texts((np.ma.getmaskarray(array), array.fill_value), at) if masked else ""
        return f"array {array.dtype.descr if array.dtype.names else array.dtype}{array.shape}{body}{mask}"

    def _compiled(self, value: Any, at: str) -> str:
        """Return the text of a function written in C: its name, or its object and its name."""
        owner = getattr(value, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType):
            return f"{self.text(owner, at)}.{value.__name__}"
        home = getattr(value, "__objclass__", value).__module__ or "builtins"
        if (package := _package_of(home)) is None:
            raise self.refusal(at, f"compiled code of {home}")
        return self._of(package, f"{home}.{value.__qualname__}")

    def _object(self, value: Any, kind: type, at: str) -> str:
        """Return the class of an object and its state, as pickle would store it."""
        try:
            reduce = copyreg.dispatch_table.get(kind)
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # The object's own code may raise anything.
            raise self.refusal(at, f"a {name_of(kind)}") from None
        if isinstance(reduced, str):
            return self._singleton(value, reduced, at)
        made_by, arguments, *rest = reduced
        parts = [self.text(kind, at), self.text(made_by, at), self._texts(arguments, at)]
        if rest:
            parts.append(self._state(value, rest[0], at))
        parts += [self._texts(items, at) for items in rest[1:3] if items is not None]
        return f"({','.join(parts)})"

    def _state(self, value: Any, state: Any, at: str) -> str:
        """Return the state of an object by attribute, without cached properties."""
        kind = type(value)
        if is_dataclass(value) and isinstance(state, list) and len(state) == len(fields(value)):
            # This library's own classes keep derived values in fields that are not arguments.
            derived = kind.__module__.partition(".")[0] == "bargaining"
            state = {f.name: v for f, v in zip(fields(value), state, strict=True) if f.init or not derived}
        if (
            isinstance(state, tuple)
            and len(state) == 2
            and all(one is None or type(one) is dict for one in state)
        ):
            state = {name: v for one in state if one for name, v in one.items()}
        if not isinstance(state, dict):
            return "" if state is None else self.text(state, at)
        own = [
            name for name in state if not isinstance(getattr_static(kind, str(name), None), cached_property)
        ]
        return ",".join(f"{name}={self.text(state[name], f'{at}.{name}')}" for name in own)

    def _singleton(self, value: Any, name: str, at: str) -> str:
        """Return the text of an object that pickle knows by its name: it wraps a function, or a package has it."""
        if hasattr(value, "__wrapped__"):
            return f"{self.text(type(value), at)}({self.text(value.__wrapped__, at)})"
        try:
            module = pickle.whichmodule(value, name)  # type: ignore[attr-defined]
        except pickle.PicklingError:  # from Python 3.14 on; earlier ones say __main__
            module = "__main__"
        if type(value).__module__ == "typing":
            return f"{module}.{name}"
        package = _package_of(module)
        if package is None or _found(module, name) is not value:
            raise self.refusal(at, f"the {name_of(type(value))} {name!r}")
        return self._of(package, f"{module}.{name}")

    def _definition(self, value: Any) -> str:
        """Return the reference to a function, a class or a module, and read those of the user."""
        read: Callable[[Any, str], str]
        if isinstance(value, ModuleType):
            name, package, read = value.__name__, _package_of(value.__name__), self._module
        elif isinstance(value, type):
            name, package, read = name_of(value), _package_of(value.__module__), self._class
        else:
            return self._function(value)
        return (
            self._of(package, name) if package else self._once(id(value), value, name, partial(read, value))
        )

    def _function(self, function: Any) -> str:
        home = str(function.__globals__.get("__name__"))
        package = _package_of(home, function.__globals__.get("__file__"))
        if package and _found(home, function.__qualname__) is function:
            return self._of(package, name_of(function))
        # A decorator's function has its globals, and goes by the name of another one.
        named = str(function.__module__)
        if (other := _package_of(named)) and _found(named, function.__qualname__) is function:
            return self._of(other, name_of(function))
        # A decorator, say, around functions of the user.
        made_by = self._of(package, home) if package else ""
        return self._once(
            id(function), function, name_of(function), partial(self._body, function, home, made_by)
        )

    def _body(self, function: Any, home: str, made_by: str, key: str) -> str:
        """Return the code of a function with its constants, and read the names it refers to."""
        held = [function.__defaults__, function.__kwdefaults__, function.__closure__, function.__dict__]
        code = _without_docstring(function)
        text = f"{self._code(code, key)},{self._texts(held, key)}"
        if made_by:
            return f"{made_by},{text}"
        return ",".join(
            [text, *(self._named(chain, function.__globals__, home, key) for chain in _chains(code))]
        )

    def _code(self, code: CodeType, at: str) -> str:
        signature = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        return f"code({self._texts((signature, names, code.co_code, code.co_exceptiontable, code.co_consts), at)})"

    def _named(self, chain: tuple[str, ...], scope: dict[str, Any], home: str, at: str) -> str:
        """Return the object that a chain of names, such as `tariffs.RATE`, refers to; it becomes a part."""
        name, *rest = chain
        owner: Any = scope
        if name.startswith(_IMPORT):
            value: Any = _imported(name.removeprefix(_IMPORT), scope.get("__package__"))
        elif name in scope:
            value = scope[name]
        elif name in _BLIND:
            raise self.refusal(f"{at}: {name}", "a built-in that reaches code or values by their text")
        else:
            return f"{name} {'of python' if hasattr(builtins, name) else 'undefined'}"
        while rest and isinstance(value, ModuleType) and _package_of(value.__name__) is None:
            owner, home, name = vars(value), value.__name__, rest.pop(0)
            if name not in owner:
                value = _imported(f"{home}.{name}", None)
                break
            value = owner[name]
        return f"{name}={self.part(owner, home, name, value)}"

    def _module(self, module: ModuleType, key: str) -> str:
        entries = {name: value for name, value in sorted(vars(module).items()) if not name.startswith("__")}
        return ",".join(
            f"{name}={self.part(vars(module), key, name, value)}" for name, value in entries.items()
        )

    def _class(self, kind: type, key: str) -> str:
        """Return the bases of a class and everything that its body defines."""
        entries = {name: v for name, v in sorted(vars(kind).items()) if _of_the_body(name, v, kind)}
        body = [f"{name}={self.part(kind, key, name, value)}" for name, value in entries.items()]
        return ",".join([self.text(type(kind), key), self._texts(kind.__bases__, key), *body])


def _inside(at: str, key: Any) -> str:
    return f"{at}[{key!r}]" if isinstance(key, str | int) else at


def _held(value: Any, kind: type) -> list[Any] | None:
    """Return the values that a wrapper or a labelled array holds, or None for any other object."""
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, _WRAPPERS):
        return [getattr(value, name, None) for name in ("__func__", "func", "fget", "fset", "fdel")]
    if isinstance(value, CellType):
        try:
            return [value.cell_contents]
        except ValueError:
            return []
    kinds = {
        base.__name__ for base in kind.__mro__ if base.__module__.partition(".")[0] in ("pandas", "xarray")
    }
    if "DataFrame" in kinds:
        columns = [_column(value.iloc[:, k]) for k in range(value.shape[1])]
        return [value.index, value.columns, columns, value.attrs]
    if "Series" in kinds:
        return [value.index, value.name, _column(value), value.attrs]
    if "Index" in kinds:
        return [list(value.names), _column(value)]
    if "Dataset" in kinds:
        return [dict(value.variables), value.attrs]
    if "DataArray" in kinds:
        return [value.name, value.variable, dict(value.coords.variables)]
    if "Variable" in kinds:
        return [value.dims, value.values, value.attrs]
    return None


def _column(values: Any) -> tuple[Any, Any]:
    """Return the type and the values of a pandas Series or Index."""
    plain = isinstance(values.dtype, np.dtype) and values.dtype.kind in "biufcmM"
    return values.dtype, values.to_numpy() if plain else values.tolist()


def _of_the_body(name: str, value: Any, kind: type) -> bool:
    """Whether an entry of a class can change what its objects compute."""
    if isinstance(value, MemberDescriptorType | GetSetDescriptorType) or name in _INERT:
        return False
    if issubclass(kind, Enum) and name.startswith("_") and not isinstance(value, FunctionType):
        return False
    if name.startswith("__") and name.endswith("__") and not isinstance(value, (FunctionType, *_WRAPPERS)):
        # A metaclass of a package keeps its notes under names that its own base has.
        bases = (base for base in kind.__mro__[1:-1] if _package_of(base.__module__))
        return not any(name in vars(base) for base in bases)
    return name != "_abc_impl"


def _without_docstring(function: Any) -> CodeType:
    """Return the code of a function; a docstring that it does not read as a value is left out."""
    code: CodeType = function.__code__
    read = any(step.opcode in dis.hasconst and step.arg == 0 for step in dis.get_instructions(code))
    if read or not code.co_consts or not isinstance(code.co_consts[0], str):
        return code
    return code.replace(co_consts=("", *code.co_consts[1:]))


def _chains(code: CodeType) -> Iterator[tuple[str, ...]]:
    """Yield the globals that code names, with the attributes it takes of them, each once."""
    found: dict[tuple[str, ...], None] = {}
    chain: tuple[str, ...] = ()
    before: tuple[Any, Any] = (0, None)
    for step in dis.get_instructions(code):
        if step.opname in _ATTRIBUTES and chain:
            chain = (*chain, step.argval)
            continue
        if chain:
            found[chain] = None
        chain = (step.argval,) if step.opname in _GLOBALS else ()
        if step.opname == "IMPORT_NAME":
            level, names = before
            module = f"{_IMPORT}{'.' * level}{step.argval}"
            # `import a.b` gives the name a, and the module a.b beside it.
            found |= dict.fromkeys(
                [(module, name) for name in names] if names else [(module,), (module.split(".")[0],)]
            )
        before = (before[1], step.argval)
    yield from found
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _chains(constant)


def _imported(name: str, package: str | None) -> ModuleType | None:
    """Return a module that code imports when it runs, or None where that would fail."""
    try:
        return import_module(name, package)
    except Exception:  # The code may never get there, and says so itself if it does.
        return None


def _found(module: str, name: str) -> Any:
    """Return what `name` is in a module, or None."""
    value: Any = sys.modules.get(module)
    for step in name.split("."):
        value = getattr(value, step, None)
    return value


def _package_of(module: str, file: str | None = None) -> tuple[str, str] | None:
    """Return the installed package that a module belongs to, with its version; None where it is the user's own.

    Python and this library have no version here: a manifest has it anyway.
    """
    if module.partition(".")[0] == "bargaining":
        return "bargaining", ""
    known = sys.modules.get(module)
    return _installed(
        module, file or getattr(known, "__file__", None) or next(iter(getattr(known, "__path__", ())), None)
    )


@cache
def _installed(module: str, file: str | None) -> tuple[str, str] | None:
    top = module.partition(".")[0]
    if file is None:
        return ("python", "") if top in sys.stdlib_module_names else None
    parts = Path(file).parts
    if "site-packages" in parts or "dist-packages" in parts:
        return _distribution(top)
    homes = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    return ("python", "") if any(Path(file).is_relative_to(home) for home in homes) else None


@cache
def _distribution(top: str) -> tuple[str, str] | None:
    with suppress(metadata.PackageNotFoundError):
        return top, metadata.version(top)  # Most packages are distributed under their own name.
    names = metadata.packages_distributions().get(top, [])
    return (names[0], metadata.version(names[0])) if names else None
