"""What `show_config` says, with the extension and without."""

import re
import sys
import tomllib
from importlib import metadata, util
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

import bargaining
from bargaining import InvalidInput, _config
from bargaining.equilibria import _compiled

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", requirement)[0] for requirement in requirements}


def test_it_names_the_packages_that_pyproject_names() -> None:
    assert set(_config.REQUIRED) == names(PROJECT["dependencies"])
    for extra, packages in _config.OPTIONAL.items():
        assert set(packages) - {"distributed"} == names(PROJECT["optional-dependencies"][extra]) - {
            "distributed"
        }


def test_versions_and_platform(capsys: pytest.CaptureFixture[str]) -> None:
    config = bargaining.show_config(mode="dicts")
    assert config["bargaining"]["version"] == bargaining.__version__
    assert config["required"]["numpy"] == np.__version__
    assert config["platform"]["python"].endswith(sys.version.split()[0])
    bargaining.show_config()
    out = capsys.readouterr().out
    assert all(value in out for entries in config.values() for value in entries.values())


def test_says_whether_the_extension_is_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = pytest.importorskip("bargaining.equilibria._kernel", reason="installed without a C compiler")
    assert bargaining.show_config(mode="dicts")["bargaining"]["extension"] == f"in use: {kernel.__file__}"
    monkeypatch.setattr(_compiled, "kernel", None)
    monkeypatch.setattr(_compiled, "failure", "libc.so.7: no such file")
    assert _config._extension() == "not in use: libc.so.7: no such file"
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert _config._extension() == (
        f"not in use: {kernel.__file__} is for another kind of Python; this one loads files that end in "
        + ", ".join(EXTENSION_SUFFIXES)
    )


def test_says_so_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_compiled, "kernel", None)
    monkeypatch.setattr(_compiled, "__file__", str(tmp_path / "_compiled.py"))
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    assert "pure Python or there was no C compiler" in _config._extension()


def test_names_the_cure_for_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "matplotlib":
            raise metadata.PackageNotFoundError
        return "1"

    monkeypatch.setattr(metadata, "version", version)
    optional = bargaining.show_config(mode="dicts")["optional"]
    assert optional["matplotlib"].startswith("missing: pip install ")
    assert optional["jinja2"] == "1"


def test_another_mode_is_refused() -> None:
    with pytest.raises(InvalidInput, match='`mode` must be "stdout" or "dicts"; got \'json\''):
        bargaining.show_config(mode="json")  # type: ignore[call-overload]
