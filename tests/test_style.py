"""What CONTRIBUTING promises and no linter checks: mathematics set as such, constants with a reason."""

import ast
import re
from pathlib import Path

import pytest

import bargaining
import bargaining_models

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for name in ("theory", "tutorials", "replications")
    for page in sorted((ROOT / "docs" / name).glob("*.md"))
]
SET = re.compile(r"^ *```.*?^ *```$|\$\$.*?\$\$|\$[^$]*?\$|`[^`]*`", re.M | re.S)
TYPED = re.compile(  # subscripts, powers, Greek letters, p_i
    r"[₀-₉ᵢⱼₖₙ²³¹⁻ⁿᵖʳ√Σ∑∂∇∞≤≥≠∈α-ωΓΔΘΛΠΦΨΩ]|\b[a-z]_[a-z0-9]\b"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_formulas_are_not_typed_as_text(page: Path) -> None:
    assert TYPED.findall(SET.sub("", page.read_text("utf-8"))) == [], "Write $...$."


def test_a_tutorial_ends_with_three_exercises_that_are_solved() -> None:
    solutions = _read("docs/tutorials/solutions.md")
    for page in PAGES:
        if page.parent.name == "tutorials" and page.stem not in ("index", "solutions"):
            text = page.read_text("utf-8")
            exercises = text.partition("\n## Exercises\n")[2]
            assert re.findall(r"^(\d)\. ", exercises, re.M) == ["1", "2", "3"], page.stem
            solved = solutions.partition(f"\n## {text.partition(chr(10))[0][2:]}\n")[2].partition("\n## ")[0]
            assert re.findall(r"^\*\*(\d)\.\*\*", solved, re.M) == ["1", "2", "3"], page.stem


def test_numbers_that_tune_say_why() -> None:
    modules = [
        path
        for package in (bargaining, bargaining_models)
        for path in sorted(Path(package.__file__).parent.rglob("*.py"))
    ]
    assert len(modules) > 100
    bare = [f"{path}: {name}" for path in modules for name in _unexplained(path)]
    assert not bare, "Say in a comment beside each why it has this value."


def _unexplained(path: Path) -> list[str]:
    """Return the constants of a module that are a number and have neither a comment nor a docstring."""
    source = path.read_text("utf-8")
    lines, body = source.splitlines(), ast.parse(source).body
    found = []
    for node, after in zip(body, [*body[1:], None], strict=True):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        number = all(
            isinstance(part, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop)
            and not isinstance(getattr(part, "value", 0), str | bool | None)
            for part in ast.walk(node.value)
        )
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        above, *own = lines[node.lineno - 2 : node.end_lineno]
        said = above.startswith("#") or "#" in "".join(own)
        if node.targets[0].id.isupper() and number and not said and not documented:
            found.append(node.targets[0].id)
    return found


def _read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
