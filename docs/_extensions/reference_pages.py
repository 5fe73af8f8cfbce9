"""Write the reference pages: every name the packages export, and what those give back."""

import inspect
import pkgutil
import re
from collections.abc import Iterable
from dataclasses import is_dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import bargaining
import bargaining.testing

# Where the names of a module are shown: the first prefix that fits decides.
CHAPTERS = {
    "bargaining.problem": "Problems and answers",
    "bargaining.division": "Problems and answers",
    "bargaining.scenarios": "Problems and answers",
    "bargaining.feasible": "Feasible sets",
    "bargaining.concepts": "Solution concepts",
    "bargaining.protocols": "Protocols of negotiation",
    "bargaining.games": "Games",
    "bargaining.equilibria": "Equilibria",
    "bargaining.axioms": "Axioms",
    "bargaining.exact": "Exact answers and certificates",
    "bargaining.statics": "How answers change",
    "bargaining.estimation": "Estimation",
    "bargaining.errors": "Errors and status",
    "bargaining": "Sweeps, tables and figures",
}


SUMMARY = """
```{{eval-rst}}
.. currentmodule:: {module}
.. autosummary::
   :toctree: api
   :nosignatures:

   {names}
```
"""

CHECKS = ("bargaining.axioms.", "bargaining.testing.")  # results shown on the page of `bargaining.testing`
GIVEN = "\nWhat these give back, and what that consists of:\n"

MODULE = """
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
```
"""


def library_page() -> str:
    """Return the page of `bargaining`: every exported name and every result, by chapter."""
    chapters: dict[str, list[str]] = {title: [] for title in CHAPTERS.values()}
    given: dict[str, list[str]] = {title: [] for title in CHAPTERS.values()}
    for name, module in bargaining._EXPORTS.items():
        chapters[_chapter(module)].append(name)
    for kind in results().values():
        if not kind.__module__.startswith(CHECKS):
            given[_chapter(kind.__module__)].append(entry(kind))
    return "# The library: `bargaining`\n" + "".join(
        f"\n## {title}\n{_summary('bargaining', names)}{_given(given[title])}"
        for title, names in chapters.items()
        if names or given[title]
    )


def testing_page() -> str:
    """Return the page of `bargaining.testing`: every exported name, and the results of its own."""
    own = [kind for kind in results().values() if kind.__module__.startswith(CHECKS)]
    names = _summary("bargaining.testing", bargaining.testing.__all__)
    title = "# Checks for your own methods: `bargaining.testing`\n"
    return title + names + _given([entry(kind) for kind in own])


def entry(kind: type) -> str:
    """Return how a list within `bargaining` names a class that it shows by its name alone."""
    return f"~{kind.__module__.removeprefix('bargaining.')}.{kind.__name__}"


def _chapter(module: str) -> str:
    return CHAPTERS[next(prefix for prefix in CHAPTERS if f"{module}.".startswith(f"{prefix}."))]


def _summary(module: str, names: Iterable[str]) -> str:
    text = "\n   ".join(names)
    return SUMMARY.format(module=module, names=text) if text else ""


def _given(names: list[str]) -> str:
    return GIVEN + _summary("bargaining", names) if names else ""


def modules_page(title: str, package: ModuleType) -> str:
    """Return a page that documents the modules of `package` that users import, and not how its paper is made."""
    found = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    inside = re.compile(r"\._|\.(cli|paper|replications)\b")
    public = [name for name in found if not inside.search(name)]
    # The names of the package itself are those of its modules.
    head = MODULE.format(name=package.__name__).replace("   :members:\n", "")
    return f"# {title}\n{head}" + "".join(MODULE.format(name=name) for name in public)


def results() -> dict[str, type]:
    """Return every class of a public module that something exported gives back, by name.

    It may come directly, as an attribute, or from a method of what is given back.
    """
    exported = [
        getattr(module, name) for module in (bargaining, bargaining.testing) for name in module.__all__
    ]
    known, found = public_classes(), {}
    waiting = exported.copy()
    while waiting:
        for name in gives(waiting.pop(), known):
            if known[name] not in exported and name not in found:
                found[name] = known[name]
                waiting.append(known[name])
    return dict(sorted(found.items()))


def public_classes() -> dict[str, type]:
    """Return the classes of all public modules of `bargaining`, by name."""
    names = [found.name for found in pkgutil.walk_packages(bargaining.__path__, "bargaining.")]
    modules = [import_module(name) for name in names if "._" not in name]
    return {
        name: item
        for module in modules
        for name, item in vars(module).items()
        if inspect.isclass(item) and item.__module__ == module.__name__ and not name.startswith("_")
    }


def gives(item: Any, known: Iterable[str]) -> set[str]:
    """Return the names of the classes that a function gives, or that a class is made of and its methods give."""
    if inspect.isfunction(item):
        return given_by(item, known)
    if not inspect.isclass(item):
        return set()
    hints = [*item.__mro__[1:], *getattr(item, "__orig_bases__", ())]
    names: set[str] = set()
    for owner in item.__mro__[:-1]:
        if is_dataclass(owner):
            hints += [hint for name, hint in inspect.get_annotations(owner).items() if name[:1] != "_"]
        for name, member in vars(owner).items():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and (name == "__call__" or not name.startswith("_")):
                names |= given_by(function, known)
    return names | _named(hints, known)


def given_by(function: Any, known: Iterable[str]) -> set[str]:
    """Return the names of the classes that a function says it returns."""
    return _named([function.__annotations__.get("return")], known)


def _named(hints: Iterable[Any], known: Iterable[str]) -> set[str]:
    """Return the classes that type hints name, at any depth, whether they are text or not."""
    texts = [hint if isinstance(hint, str) else inspect.formatannotation(hint) for hint in hints]
    return set(re.findall(r"\w+", " ".join(texts))) & set(known)
