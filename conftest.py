"""Runs the Python examples of every page, in one namespace a page or a section; says which tests share a worker.

`--brief` runs every test, but of one with many cases only three: for another Python, or another way to install.
`--rotate WORD` runs tests in an order that each word changes, and starts none after 100 seconds: each run of CI takes
other slow tests.
"""

import gc
import re
from collections import defaultdict
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from functools import cache
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import none
from sybil import Document, Region, Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


@cache
def _public() -> frozenset[str]:
    """Return the names with modules of what users call and get back."""
    import bargaining.results

    kinds = [getattr(bargaining.results, name) for name in bargaining.results.__all__]
    homes = {f"{home}.{name}" for name, home in bargaining._EXPORTS.items()}
    return frozenset(homes | {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds})


def _is_public(name: str) -> bool:
    """Whether a docstring is that of a public function or class, or of a method of one."""
    return name in _public() or name.rpartition(".")[0] in _public()


ROTATION = 100.0
"""Seconds for a part of the slow tests: with all other steps `.ci/run` stays below ten minutes."""

_DEAR: dict[str, set[str]] = {}
"""The cases that a test calls dear and that were not seen yet."""

_BLOCKS = [PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()]
_SESSIONS = [
    "hundred-states.md",
    "reproduce-the-paper.md",
    "sweep-on-a-cluster.md",
    "use-your-own-trade-data.md",
]
"""How-to guides that are one session, and say so."""
_BY_SECTION = ["README.md", "docs/coming-from.md", "docs/install.md", "docs/which.md", "docs/how-to/*.md"]
_BY_SECTION += ["docs/tutorials/solutions.md"]
"""Pages that people copy from, a section at a time."""


def _headings(document: Document) -> Iterator[Region]:
    """Yield the headings of sections, each of which starts without the names of the one before."""
    for found in re.finditer(r"^## .*$", document.text, re.MULTILINE):
        yield Region(found.start(), found.end(), None, lambda example: example.namespace.clear())


_SEPARATE = Sybil(parsers=[*_BLOCKS, _headings], patterns=_BY_SECTION, excludes=_SESSIONS)
_WHOLE = Sybil(
    parsers=_BLOCKS, patterns=["*.md"], excludes=["stories.md"]
)  # tests/test_stories.py runs each alone


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the examples of a page, whole or by section."""
    sybil = _SEPARATE if _SEPARATE.should_parse(file_path) else _WHOLE
    return sybil.pytest()(file_path, parent)


def pytest_configure(config: pytest.Config) -> None:
    """Keep the examples of a page on one worker of `pytest -n`: they share a namespace."""
    if config.getoption("dist", "no") == "load":
        config.option.dist = "loadfile"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of the models on one worker too: they share a study, of which each part takes seconds."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "models" if file.startswith("tests/bargaining_models/") else file

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take `--brief` and `--rotate`."""
    parser.addoption(
        "--brief",
        action="store_true",
        help="of a test with many cases run the first, the middle and the last",
    )
    parser.addoption(
        "--rotate",
        metavar="WORD",
        help=f"run tests in the order of hashes of WORD and their names, and start none after {ROTATION:g} seconds",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run examples of public names alone, and leave the cases that `@pytest.mark.dear` names to the long searches."""
    example = getattr(item, "dtest", None)
    if example is not None and _is_public(example.name):
        example.globs.clear()  # readers of `help` have nothing else
    marker = item.get_closest_marker("dear")
    if marker is not None:
        test, _, case = item.nodeid.partition("[")
        _DEAR.setdefault(test, set(marker.args)).discard(case[:-1])
        if case[:-1] in marker.args:
            item.add_marker("slow")


def pytest_collection() -> None:
    """Collect without looking for garbage: there is none."""
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage again, but seldom and not among the tests; refuse names of dear cases that are gone."""
    given(none())(lambda _: None)()  # Hypothesis 6.100 asks, the first time, who holds its random numbers
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)  # a thirteenth of the time of a run goes with Python's own
    gc.enable()
    if not any("[" in argument for argument in session.config.args):
        for test, gone in _DEAR.items():
            if gone:
                raise pytest.UsageError(f"{test} has no case {', '.join(sorted(gone))}: see its mark `dear`.")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse names with an address in them, which differ from worker to worker of `pytest -n`; leave cases out."""
    if wandering := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"Name the cases of {wandering[0]} by `ids=`.")
    if config.getoption("brief"):
        cases = defaultdict(list)
        for item in items:
            cases[item.nodeid.partition("[")[0]].append(item)
        kept = {case for found in cases.values() for case in (found[0], found[len(found) // 2], found[-1])}
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = [item for item in items if item in kept]
    if word := config.getoption("rotate"):
        items.sort(key=lambda item: sha256(f"{word} {item.nodeid}".encode()).digest())


_STARTED = monotonic()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what comes too late in the order of `--rotate`."""
    if item.config.getoption("rotate") and monotonic() - _STARTED > ROTATION:
        pytest.skip("left to another word of --rotate")
