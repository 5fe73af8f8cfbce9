"""The command for a missing extra."""

from importlib import metadata

import pytest

from bargaining._calls import install, needs

REQUIRES = [
    "numpy>=2.0",
    "jinja2>=3.1.2; extra == 'paper'",
    'matplotlib>=3.9 ; extra == "paper"',
    "dask[distributed]>=2024.7; extra == 'distributed'",
]


def test_the_packages_of_an_extra_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: REQUIRES)
    assert install("paper") == 'pip install "jinja2>=3.1.2" "matplotlib>=3.9"'
    assert install("distributed") == 'pip install "dask[distributed]>=2024.7"'


def test_sources_that_were_never_installed_are_installed_from_their_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert install("paper") == 'pip install ".[paper]"'


def test_only_a_missing_package_is_explained() -> None:
    with (
        pytest.raises(ImportError, match="no_such_package is not installed; run `pip install ") as caught,
        needs("paper"),
    ):
        import no_such_package  # type: ignore[import-not-found] # noqa: F401
    assert install("paper") in str(caught.value)
    with pytest.raises(ZeroDivisionError), needs("paper"):
        1 / 0  # noqa: B018
