"""Hypothesis knows the types after installation, and its import stays as fast as it was."""

import inspect
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import find
from hypothesis import strategies as st

import bargaining
from bargaining.testing import _plugin, strategies

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(bargaining.__file__).parents[1])}
HOOK = "import hypothesis; from bargaining.testing._plugin import setup; setup()"
FIRST = "settings=settings(phases=[Phase.generate])"  # not the smallest
DRAW = f"""from hypothesis import Phase, find, settings, strategies as st
assert isinstance(find(st.from_type({{0}}), lambda x: True, {FIRST}), {{0}})"""


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout


def test_the_entry_point_is_the_hook() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["hypothesis"]["bargaining"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_the_hook_imports_nothing_heavy_and_every_type_is_known_later() -> None:
    code = f"{HOOK}; import sys; print(*sys.modules)"
    drawn = [f"from bargaining import {kind}; {DRAW.format(kind)}" for kind, _ in _plugin.TYPES.values()]
    loaded = set(run("\n".join([code, *drawn])).split())
    assert loaded.isdisjoint({"numpy", "scipy", "bargaining.problem", "bargaining.testing.strategies"})


def test_types_imported_before_the_hook_are_known() -> None:
    run(f"from bargaining import Problem; {HOOK}; {DRAW.format('Problem')}")


@pytest.fixture
def unloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a module that nobody has imported, whose type `Shape` the hook is to register."""
    name = "shapes_of_a_test"
    (tmp_path / f"{name}.py").write_text(
        "class Shape:\n    def __init__(self, made):\n        self.made = made\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(_plugin, "TYPES", {name: ("Shape", "shapes")})
    monkeypatch.setattr(
        strategies, "shapes", lambda: st.just(sys.modules[name].Shape("drawn")), raising=False
    )
    monkeypatch.setattr(sys, "meta_path", [f for f in sys.meta_path if not isinstance(f, _plugin._Watch)])
    yield name
    sys.modules.pop(name, None)


def drawn(module: ModuleType) -> Any:
    return find(st.from_type(module.Shape), lambda _: True)


def test_a_type_is_drawn_as_the_library_says_whenever_its_module_is_imported(unloaded: str) -> None:
    _plugin.setup()
    _plugin.setup()  # the second time it waits already
    assert sum(isinstance(finder, _plugin._Watch) for finder in sys.meta_path) == 1
    late = import_module(unloaded)
    assert drawn(late).made == "drawn"
    assert late.__spec__ is not None
    assert late.__loader__ is late.__spec__.loader
    assert not isinstance(late.__loader__, _plugin._Registering)
    assert "class Shape" in inspect.getsource(late)

    sys.meta_path[:] = [f for f in sys.meta_path if not isinstance(f, _plugin._Watch)]
    del sys.modules[unloaded]
    early = import_module(unloaded)
    _plugin.setup()
    assert drawn(early).made == "drawn"
    assert not any(isinstance(finder, _plugin._Watch) for finder in sys.meta_path)


def test_a_loader_may_serve_other_modules_too(unloaded: str) -> None:
    """As pytest's does, which rewrites assertions and is the loader of every module it rewrites."""

    class Shared:
        def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
            found = PathFinder.find_spec(name, path, target) if name.startswith("shapes_of") else None
            return found and spec_from_loader(name, self, origin=found.origin)

        def create_module(self, spec: Any) -> None:
            return None

        def exec_module(self, module: Any) -> None:
            exec(Path(module.__spec__.origin).read_text(encoding="utf-8"), module.__dict__)

    sys.meta_path.insert(0, Shared())
    _plugin.setup()
    module = import_module(unloaded)
    assert drawn(module).made == "drawn"
    assert isinstance(module.__loader__, Shared)
    with pytest.raises(ModuleNotFoundError):
        import_module("shapes_of_nobody")


def test_a_type_that_cannot_be_found_is_left_to_python(
    unloaded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_plugin, "TYPES", {"shapes_of_nobody": ("Shape", "shapes")})
    _plugin.setup()
    with pytest.raises(ModuleNotFoundError, match="shapes_of_nobody"):
        import_module("shapes_of_nobody")
