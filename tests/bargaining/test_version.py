"""The version of a checkout, of a build and of bare sources."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from bargaining import _version

ROOT = Path(__file__).parents[2]
Version = Callable[[], str]


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with the module alone."""
    (tmp_path / "bargaining").mkdir()
    shutil.copy(_version.__file__, tmp_path / "bargaining")
    return tmp_path


def ask(sources: Path, function: str = "version") -> str:
    spec = spec_from_file_location("_copy", sources / "bargaining/_version.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(getattr(module, function)())


def git(sources: Path, *command: str) -> None:
    who = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b.c",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    ]
    subprocess.run(["git", *who, *command], cwd=sources, check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_a_checkout_says_which_commit_it_is(sources: Path) -> None:
    def commit(text: str) -> None:
        (sources / "bargaining/other.py").write_text(text)
        git(sources, "add", ".")
        git(sources, "commit", "-m", "a change")

    git(sources, "init")
    commit("1")
    commit("2")
    assert re.fullmatch(r"0\.1\.0\.dev2\+g[0-9a-f]{7,8}", ask(sources))
    git(sources, "tag", "v0.1.0")
    assert ask(sources) == "0.1.0"
    commit("3")
    assert re.fullmatch(r"0\.1\.1\.dev1\+g[0-9a-f]{7,8}", clean := ask(sources))
    (sources / "bargaining/other.py").write_text("4")
    changed = ask(sources)
    assert re.fullmatch(re.escape(clean) + r"\.d[0-9a-f]{7}", changed)
    (sources / "bargaining/other.py").write_text("5")
    assert ask(sources) not in (clean, changed)


def test_a_build_carries_its_version(sources: Path) -> None:
    (sources / "bargaining/_built_version.txt").write_text("0.3.0\n")
    assert ask(sources) == ask(sources, "version_to_build") == "0.3.0"


def test_bare_sources_are_told(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(sources) == "0+unknown"
    with pytest.raises(RuntimeError, match=r"cannot tell its version: .* BARGAINING_VERSION=0\.1\.0"):
        ask(sources, "version_to_build")
    monkeypatch.setenv("BARGAINING_VERSION", "0.4.0")
    assert ask(sources, "version_to_build") == "0.4.0"
    assert ask(sources) == "0+unknown"


def test_importing_the_library_asks_nobody() -> None:
    code = "import sys, bargaining; sys.exit('bargaining._version' in sys.modules or 'subprocess' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("file", "line"),
    [("CITATION.cff", "version: {}\n"), ("CHANGELOG.md", "\n## [{}]"), ("docs/cite.md", "{{{}}}")],
)
def test_the_release_that_is_prepared_is_named(file: str, line: str) -> None:
    assert line.format(_version.RELEASE) in (ROOT / file).read_text(encoding="utf-8")
