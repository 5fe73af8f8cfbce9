"""Runs the Python examples of every Markdown page in order and in one namespace; says which tests share a worker."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names with an address in them, which differ from worker to worker of `pytest -n`."""
    if wandering := [item.nodeid for item in items if " at 0x" in item.nodeid]:
        raise pytest.UsageError(f"Name the cases of {wandering[0]} by `ids=`.")
