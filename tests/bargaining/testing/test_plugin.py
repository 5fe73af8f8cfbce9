"""Hypothesis knows the types after installation, and its import stays as fast as it was."""

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import bargaining

ROOT = Path(__file__).parents[3]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(bargaining.__file__).parents[1])}
HOOK = "import hypothesis; from bargaining.testing._plugin import setup; setup()"
DRAW = "from hypothesis import find, strategies as st; assert isinstance(find(st.from_type({0}), lambda x: True), {0})"


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    ).stdout


def test_the_entry_point_is_the_hook() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["entry-points"]["hypothesis"]["bargaining"].partition(":")
    assert callable(getattr(import_module(module), name))


@pytest.mark.parametrize("kind", ["Problem", "Polytope", "Frontier", "Game"])
def test_a_type_imported_after_the_hook_is_known(kind: str) -> None:
    run(f"{HOOK}; from bargaining import {kind}; {DRAW.format(kind)}")


def test_types_imported_before_the_hook_are_known() -> None:
    run(f"from bargaining import Problem; {HOOK}; {DRAW.format('Problem')}")


def test_the_hook_imports_nothing_heavy() -> None:
    loaded = set(run(f"{HOOK}; import sys; print(*sys.modules)").split())
    assert loaded.isdisjoint({"numpy", "scipy", "bargaining.problem", "bargaining.testing.strategies"})


def test_a_loader_may_serve_other_modules_too() -> None:
    # As pytest's does, which rewrites assertions and is the loader of every module it rewrites.
    code = f"""
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_loader
class Shared:
    def find_spec(self, name, path, target=None):
        found = PathFinder.find_spec(name, path, target)
        inside = found is not None and name.startswith("bargaining.") and found.submodule_search_locations is None
        return spec_from_loader(name, self, origin=found.origin) if inside else None
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec(compile(open(module.__spec__.origin).read(), module.__spec__.origin, "exec"), module.__dict__)
sys.meta_path.insert(0, Shared())
{HOOK.replace("; ", chr(10))}
from bargaining import Problem, nash, Polytope, Frontier, Game
import bargaining.problem
assert type(bargaining.problem.__loader__).__name__ == "Shared"
{DRAW.format("Problem").replace("; ", chr(10))}
"""
    run(code)


def test_modules_keep_their_loaders_and_the_hook_runs_once() -> None:
    code = (
        f"{HOOK}; setup(); from bargaining import Problem; import bargaining.problem as module, inspect, sys; "
        "assert 'class Problem' in inspect.getsource(module); "
        "print(type(module.__loader__).__name__, sum(type(f).__name__ == '_Watch' for f in sys.meta_path))"
    )
    assert run(code).split() == ["SourceFileLoader", "1"]
