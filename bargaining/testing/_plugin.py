"""The plugin that Hypothesis runs on import: it makes `st.from_type(Problem)` and similar calls work.

A type can be registered only once it exists, and importing this library for its types would slow down every
`import hypothesis`. So the types of loaded modules are registered now, and those of others when they are imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

# Module, type, and the strategy that draws it.
TYPES = {
    "bargaining.problem": ("Problem", "problems"),
    "bargaining.feasible.polytope": ("Polytope", "polytopes"),
    "bargaining.feasible.frontier": ("Frontier", "frontiers"),
    "bargaining.games.normal_form": ("Game", "games"),
}


def setup() -> None:
    """Register the types of the modules that are loaded and wait for the others."""
    waiting = set(TYPES)
    for name in TYPES:
        if name in sys.modules:
            waiting.discard(name)
            _register(sys.modules[name])
    if waiting and not any(isinstance(finder, _Watch) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watch(waiting))


def _register(module: ModuleType) -> None:
    from hypothesis import strategies as st

    kind, strategy = TYPES[module.__name__]

    def drawn(_: type) -> st.SearchStrategy[object]:
        from bargaining.testing import strategies

        made: st.SearchStrategy[object] = getattr(strategies, strategy)()
        return made

    st.register_type_strategy(getattr(module, kind), drawn)


class _Watch(MetaPathFinder):
    """An import hook that finds no module: it registers the types of a module once others have loaded it."""

    def __init__(self, waiting: set[str]) -> None:
        self.waiting = waiting

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.waiting:
            return None
        self.waiting.discard(fullname)
        spec = next(
            (s for f in sys.meta_path if (s := f.find_spec(fullname, path, target)) is not None), None
        )
        if spec is not None and spec.loader is not None:
            spec.loader = _Registering(spec.loader)
        return spec


class _Registering(Loader):
    """Loads one module with the loader that was found for it, which may serve others too, and registers its types."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        _register(module)
