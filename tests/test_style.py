"""What CONTRIBUTING promises and no linter checks: short files, short functions, one version."""

import ast
import re
from pathlib import Path

import pytest

import bargaining
import bargaining_models

ROOT = Path(__file__).parents[1]
FOLDERS = [Path(package.__file__).parent for package in (bargaining, bargaining_models)]
LONGEST_FILE = 300
LONGEST_BODY = 30


def test_long_files_and_functions_are_the_known_ones() -> None:
    section = _read("CONTRIBUTING.md").partition("### Known violations")[2].partition("\n## ")[0]
    known = set(re.findall(r"^- `([\w./:]+)`", section, flags=re.MULTILINE))
    found = {name for folder in FOLDERS for path in _sources(folder) for name in _too_long(path)}
    assert found - known == set(), "Shorten these, or list them in CONTRIBUTING.md with the reason."
    assert known - found == set(), "These are short now: take them off the list in CONTRIBUTING.md."


@pytest.mark.parametrize(
    ("file", "line"), [("CITATION.cff", "version: {}\n"), ("CHANGELOG.md", "\n## [{}] - ")]
)
def test_version_is_repeated(file: str, line: str) -> None:
    assert line.format(bargaining.__version__) in _read(file)


def _read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def _sources(folder: Path) -> list[Path]:
    return [*folder.rglob("*.py"), *folder.rglob("*.c")]


def _too_long(path: Path) -> list[str]:
    """Return `file` if it is too long and `file:function` for each function whose body is."""
    name = path.relative_to(next(folder.parent for folder in FOLDERS if folder in path.parents)).as_posix()
    source = path.read_text(encoding="utf-8")
    found = [name] if source.count("\n") > LONGEST_FILE else []
    if path.suffix != ".py":
        return found
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return found + [f"{name}:{function.name}" for function in functions if _body(function) > LONGEST_BODY]


def _body(function: ast.FunctionDef) -> int:
    """Return how many lines a function has below its docstring."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1 if statements else 0
