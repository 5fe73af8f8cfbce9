"""The ten usage stories stay stories: short enough to be read at a glance. That they run is tested with the pages."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "stories.md"
STORIES = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
LINES = 8


def test_there_are_ten() -> None:
    assert len(STORIES) == 10


@pytest.mark.parametrize("story", STORIES, ids=[story.partition("\n")[0] for story in STORIES])
def test_a_story_is_at_most_eight_lines_of_code(story: str) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", story, flags=re.DOTALL)
    lines = [line for line in code.splitlines() if line.startswith((">>> ", "... "))]
    assert 1 <= len(lines) <= LINES
