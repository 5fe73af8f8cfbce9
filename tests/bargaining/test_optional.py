"""The command for a missing extra, by where the package came from."""

import json
from pathlib import Path

import pytest

import bargaining
from bargaining._optional import _install, install, needs

REQUIRES = [
    "numpy>=2.0",
    "jinja2>=3.1.2; extra == 'paper'",
    'matplotlib>=3.9 ; extra == "paper"',
    "dask[distributed]>=2024.7; extra == 'distributed'",
]
PACKAGES = 'pip install "jinja2>=3.1.2" "matplotlib>=3.9"'


def record(url: str, **entries: object) -> str:
    return json.dumps({"url": url, **entries})


def test_a_wheel_or_a_source_folder_that_is_still_there(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    wheel = folder / "bargaining-0.1.0-py3-none-any.whl"
    wheel.touch()
    assert (
        _install("paper", record(wheel.as_uri(), archive_info={}), REQUIRES)
        == f'pip install "{wheel}[paper]"'
    )
    assert (
        _install("paper", record(folder.as_uri(), dir_info={}), REQUIRES) == f'pip install "{folder}[paper]"'
    )
    assert (
        _install("paper", record(folder.as_uri(), dir_info={"editable": True}), REQUIRES)
        == f'pip install --editable "{folder}[paper]"'
    )


def test_one_that_is_gone_or_an_index(tmp_path: Path) -> None:
    gone = record((tmp_path / "gone.whl").as_uri(), archive_info={})
    assert _install("paper", gone, REQUIRES) == PACKAGES
    assert _install("paper", None, REQUIRES) == PACKAGES
    assert _install("distributed", None, REQUIRES) == 'pip install "dask[distributed]>=2024.7"'


def test_a_repository_or_an_address() -> None:
    version = {"vcs": "git", "commit_id": "0123abc"}
    assert (
        _install("paper", record("https://example.org/b.git", vcs_info=version), REQUIRES)
        == 'pip install "bargaining[paper] @ git+https://example.org/b.git@0123abc"'
    )
    assert (
        _install("paper", record("https://example.org/b.whl", archive_info={}), REQUIRES)
        == 'pip install "bargaining[paper] @ https://example.org/b.whl"'
    )


def test_a_source_folder_that_was_never_installed() -> None:
    folder = Path(bargaining.__file__).parents[1]
    where = folder if (folder / "pyproject.toml").exists() else "."
    assert _install("paper", None, []) == f'pip install "{where}[paper]"'


def test_only_a_missing_package_is_explained() -> None:
    with (
        pytest.raises(ImportError, match="no_such_package is not installed; run `pip install ") as caught,
        needs("paper"),
    ):
        import no_such_package  # type: ignore[import-not-found] # noqa: F401
    assert install("paper") in str(caught.value)
    with pytest.raises(ZeroDivisionError), needs("paper"):
        1 / 0  # noqa: B018
