"""The public names: declared for Python and for type checkers alike, documented, with examples."""

import ast
import enum
import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import bargaining
import bargaining_models


def _is_label(item: object) -> bool:
    """Say whether an item is an error or an enumeration, which are named rather than called."""
    return inspect.isclass(item) and issubclass(item, Exception | enum.Enum)


EXPORTS: dict[str, str] = bargaining._EXPORTS
DEFINED = [
    name for name in EXPORTS if inspect.isroutine(it := getattr(bargaining, name)) or inspect.isclass(it)
]
TOOLS = [name for name in DEFINED if not _is_label(getattr(bargaining, name))]


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(bargaining.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        (alias.name, alias.asname, node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == {(name, name, module) for name, module in EXPORTS.items()}


@pytest.mark.parametrize("name", DEFINED)
def test_name_is_defined_where_the_table_says(name: str) -> None:
    assert getattr(bargaining, name).__module__ == EXPORTS[name]


def test_no_submodule_hides_a_public_name() -> None:
    # `import bargaining.x` binds `bargaining.x` to the module, whatever the table says.
    modules = {found.name for found in pkgutil.iter_modules(bargaining.__path__)}
    assert modules.isdisjoint(EXPORTS)


def test_everything_public_has_a_docstring() -> None:
    bare = [
        name
        for module in _modules()
        for name, item in [(module.__name__, module), *_public_objects(module)]
        if len((inspect.getdoc(item) or "").split()) < 2
    ]
    assert bare == []


@pytest.mark.parametrize("name", TOOLS)
def test_docstring_describes_every_parameter(name: str) -> None:
    item = getattr(bargaining, name)
    sections = _sections(item)
    described = _heads(sections.get("Parameters", "")) | _heads(sections.get("Attributes", ""))
    assert {name for name in inspect.signature(item).parameters if not name.startswith("_")} <= described


@pytest.mark.parametrize("name", TOOLS)
def test_docstring_has_examples_and_says_what_is_returned(name: str) -> None:
    item = getattr(bargaining, name)
    sections = _sections(item)
    assert ">>> " in sections["Examples"]
    if inspect.isfunction(item):
        assert sections["Returns"].strip()


def _modules() -> Iterator[ModuleType]:
    """Yield every public module of both packages."""
    for package in (bargaining, bargaining_models):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "._" not in found.name:
                yield import_module(found.name)


def _public_objects(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Yield the public functions and classes a module defines, and the public methods of its classes."""
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(item) or inspect.isclass(item):
            yield f"{module.__name__}.{name}", item
        if inspect.isclass(item):
            yield from _public_methods(f"{module.__name__}.{name}", item)


def _public_methods(owner: str, item: type) -> Iterator[tuple[str, object]]:
    for name, member in vars(item).items():
        method = getattr(member, "__func__", member)
        if not name.startswith("_") and (inspect.isfunction(method) or isinstance(method, property)):
            yield f"{owner}.{name}", method


def _sections(item: object) -> dict[str, str]:
    """Split a numpydoc docstring into its sections."""
    parts = re.split(r"^(\w[\w ]*)\n-+$", inspect.getdoc(item) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _heads(section: str) -> set[str]:
    """Return the names a section describes: `a, b : float` describes two."""
    lines = [line.partition(":")[0] for line in section.splitlines() if line[:1].strip()]
    return {name.strip(" *`") for line in lines for name in line.split(",")}
