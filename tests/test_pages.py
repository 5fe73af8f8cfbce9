"""Sessions on pages can be pasted into a plain Python prompt, as the button beside them copies them."""

import re
from code import InteractiveConsole
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
SESSION = re.compile(r"^( *)```python\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r" *(?:>>> |\.\.\. ?)(.*)")


class Prompt(InteractiveConsole):
    """A prompt that reads and does not run; it remembers what it could not read."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[str] = []

    def runcode(self, code: object) -> None:
        pass

    def showsyntaxerror(self, *arguments: object, **options: object) -> None:
        self.refused.append("\n".join(self.buffer))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sessions_can_be_pasted_into_a_plain_prompt(page: Path) -> None:
    prompt = Prompt()
    for session in SESSION.finditer(page.read_text(encoding="utf-8")):
        typed = [found[1] for line in session[2].splitlines() if (found := PROMPT.fullmatch(line))]
        for line in [*typed, ""]:
            prompt.push(line)
    assert prompt.refused == []
