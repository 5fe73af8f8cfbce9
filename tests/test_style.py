"""What CONTRIBUTING promises and no linter checks: one version."""

from pathlib import Path

import pytest

import bargaining

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("file", "line"), [("CITATION.cff", "version: {}\n"), ("CHANGELOG.md", "\n## [{}] - ")]
)
def test_version_is_repeated(file: str, line: str) -> None:
    assert line.format(bargaining.__version__) in _read(file)


def _read(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
