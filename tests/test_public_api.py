"""The public names: declared for Python and for type checkers alike, documented, with examples."""

import ast
import enum
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module, util
from pathlib import Path
from types import ModuleType

import pytest

import bargaining
import bargaining.results
import bargaining.testing
import bargaining_models


def _is_label(item: object) -> bool:
    """Say whether an item is an error or an enumeration, which are named rather than called."""
    return inspect.isclass(item) and issubclass(item, Exception | enum.Enum)


def _reference_pages() -> ModuleType:
    """Return what writes the reference pages: it needs no Sphinx."""
    path = Path(__file__).parents[1] / "docs" / "_extensions" / "reference_pages.py"
    found = util.spec_from_file_location("reference_pages", path)
    assert found is not None
    assert found.loader is not None
    module = util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


PAGES = _reference_pages()
RESULTS: dict[str, type] = PAGES.results()
EXPORTS: dict[str, str] = bargaining._EXPORTS
DEFINED = [
    name for name in EXPORTS if inspect.isroutine(it := getattr(bargaining, name)) or inspect.isclass(it)
]
TOOLS = [name for name in DEFINED if not _is_label(getattr(bargaining, name))]

UNADVISED = {"show_config", "Certificate", "Description", "Method"}
"""Public names that nobody calls with arguments of her own."""


def test_the_stub_lists_public_names_once_and_makes_all_it_names_public() -> None:
    tree = ast.parse(Path(bargaining.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    listed = [
        (alias.name, alias.asname, node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    twice = {name for name, _, _ in listed if [name for name, _, _ in listed].count(name) > 1}
    assert not twice, "bargaining/__init__.pyi lists these more than once."
    wrong = set(listed) ^ {(name, name, module) for name, module in EXPORTS.items()}
    assert not wrong, "A line of bargaining/__init__.pyi must read `from module import name as name`."
    assert set(bargaining.__all__) == set(EXPORTS)


@pytest.mark.parametrize("name", TOOLS)
def test_help_names_types_as_the_source_does(name: str) -> None:
    """Where annotations are evaluated, `ArrayLike` takes several lines of a signature."""
    assert "_typing" not in str(inspect.signature(getattr(bargaining, name)))


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
    bare = {name for name in inspect.signature(item).parameters if not name.startswith("_")} - described
    assert not bare, "Describe these under Parameters in the docstring, with shape, unit and default."


@pytest.mark.parametrize("name", TOOLS)
def test_docstring_has_examples_and_says_what_is_returned(name: str) -> None:
    item = getattr(bargaining, name)
    sections = _sections(item)
    assert ">>> " in sections["Examples"]
    if inspect.isfunction(item):
        assert sections["Returns"].strip()


@pytest.mark.parametrize("name", [name for name, item in RESULTS.items() if is_dataclass(item)])
def test_every_attribute_of_a_result_is_described(name: str) -> None:
    sections = [_sections(owner) for owner in RESULTS[name].__mro__[:-1]]
    described = {
        head
        for section in sections
        for part in ("Attributes", "Parameters")
        for head in _heads(section.get(part, ""))
    }
    bare = {field.name for field in fields(RESULTS[name]) if not field.name.startswith("_")} - described
    assert not bare, "Describe these under Attributes in the docstring."


def test_exports_and_results_have_reference_pages() -> None:
    library, testing = PAGES.library_page().split(), PAGES.testing_page().split()
    assert set(EXPORTS) <= set(library)
    assert set(bargaining.testing.__all__) <= set(testing)
    assert {PAGES.entry(item) for item in RESULTS.values()} <= {*library, *testing}


@pytest.mark.parametrize("name", [name for name in TOOLS if name not in UNADVISED])
def test_a_wrong_keyword_is_answered_by_how_to_write_the_call(name: str) -> None:
    with pytest.raises(TypeError) as caught:
        getattr(bargaining, name)(bogus=1)
    assert re.search(rf"{name}\(\) has no argument `bogus`.* Write {name}\(", str(caught.value)), (
        f"Decorate {name} with `suggesting` of bargaining/_calls.py, or a class with `record` of bargaining/_arrays.py."
    )


def test_results_can_be_imported_from_one_place() -> None:
    own = {name for name, kind in RESULTS.items() if not kind.__module__.startswith("bargaining.testing")}
    assert set(bargaining.results.__all__) == own, "Import in bargaining/results.py what functions return."
    assert all(getattr(bargaining.results, name) is RESULTS[name] for name in own)


def test_results_are_what_is_given_back() -> None:
    prisoners = bargaining.Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    repeated = bargaining.RepeatedGame(prisoners, 0.9)
    alone = bargaining.payoff_set(bargaining.StochasticGame.from_repeated(repeated))
    automata = [bargaining.payoff_set(repeated).strategy([9, 9]), alone["0"].strategy([9, 9])]
    given = [
        bargaining.payoff_set(repeated).stats,
        alone,
        alone["0"],
        *automata,
        *(automaton.simulate(2, 0) for automaton in automata),
        bargaining.certify(bargaining.payoff_set(repeated)),
        automata[0].states[0],
        automata[1].nodes[0],
        bargaining.stage_equilibria(prisoners),
        bargaining.AlternatingOffers([0.9, 0.9])(
            bargaining.Problem(bargaining.TransferableSurplus(1), [0, 0])
        ),
    ]
    assert [type(item) for item in given if RESULTS.get(type(item).__name__) is not type(item)] == []


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
