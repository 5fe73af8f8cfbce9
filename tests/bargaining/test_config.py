"""What `show_config` says."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import bargaining
from bargaining import InvalidInput, _config

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
