"""The ten usage stories: short enough to be read at a glance, and each runs alone."""

import os
import re
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, DocTestParser, DocTestRunner
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs" / "stories.md"
STORIES = PAGE.read_text(encoding="utf-8").split("\n## ")[1:]
TITLES = [story.partition("\n")[0] for story in STORIES]
LINES = 8


def _code(story: str) -> str:
    (code,) = re.findall(r"```python\n(.*?)```", story, flags=re.DOTALL)
    return code


def test_there_are_ten() -> None:
    assert len(STORIES) == 10


@pytest.mark.parametrize("story", STORIES, ids=TITLES)
def test_a_story_is_at_most_eight_lines_of_code(story: str) -> None:
    lines = [line for line in _code(story).splitlines() if line.startswith((">>> ", "... "))]
    assert 1 <= len(lines) <= LINES


@pytest.mark.parametrize("story", STORIES, ids=TITLES)
def test_a_story_runs_alone(story: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder, with no names but its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    said: list[str] = []
    runner = DocTestRunner(optionflags=ELLIPSIS | NORMALIZE_WHITESPACE)
    runner.run(DocTestParser().get_doctest(_code(story), {}, "story", None, 0), out=said.append)
    assert runner.summarize(verbose=False).attempted
    assert not said, "".join(said)


@pytest.mark.slow
@pytest.mark.parametrize("story", STORIES, ids=TITLES)
def test_a_story_runs_in_a_fresh_process(story: str, tmp_path: Path) -> None:
    """In an empty folder, with nothing imported before it."""
    path = tmp_path / "story.txt"
    path.write_text(_code(story), encoding="utf-8")
    command = [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE", path.name]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "MPLBACKEND": "agg"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
