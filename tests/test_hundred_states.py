"""The part of a page that takes seconds, which the tests of pages leave out."""

from doctest import NORMALIZE_WHITESPACE, DocTestParser, DocTestRunner
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "hundred-states.md"


@pytest.mark.slow
def test_bounds_of_a_hundred_states() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "skip: start" in text
    runner = DocTestRunner(optionflags=NORMALIZE_WHITESPACE)
    assert runner.run(DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)).failed == 0
