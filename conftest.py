"""Runs the Python examples of every Markdown page in order and in one namespace; says which tests share a worker.

`--brief` runs every test, but of one with many cases only three: for another Python, or another way to install.
"""

import gc
from collections import defaultdict
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import none
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

_DEAR: dict[str, set[str]] = {}
"""The cases that a test calls dear and that were not seen yet."""

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()],
    patterns=["*.md"],
    excludes=["stories.md", "*/stories.md"],  # run by tests/test_stories.py, each alone
).pytest()


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
    """Take `--brief`."""
    parser.addoption(
        "--brief",
        action="store_true",
        help="of a test with many cases run the first, the middle and the last",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave the cases that `@pytest.mark.dear` names to the long searches."""
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
