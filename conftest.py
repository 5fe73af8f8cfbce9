"""Runs the Python examples of every Markdown page, in order and in one namespace a page."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE

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
