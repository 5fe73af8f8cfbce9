"""What CONTRIBUTING promises and no linter checks: one version, and formulas set as mathematics."""

import re
from pathlib import Path

import pytest

import bargaining

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


@pytest.mark.parametrize(
    ("file", "line"), [("CITATION.cff", "version: {}\n"), ("CHANGELOG.md", "\n## [{}] - ")]
)
def test_version_is_repeated(file: str, line: str) -> None:
    assert line.format(bargaining.__version__) in _read(file)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_formulas_are_not_typed_as_text(page: Path) -> None:
    assert TYPED.findall(SET.sub("", page.read_text("utf-8"))) == [], "Write $...$."


def _read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
