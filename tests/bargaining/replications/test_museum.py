"""Published numbers are met, or differ as is said; the page shows them, and the command computes them."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.replications.museum import Printed, page
from bargaining.replications.theory import museum as theory
from bargaining_models.cli import main
from bargaining_models.cli import museum as everything

PAGE = Path(__file__).parents[3] / "docs" / "replications" / "museum.md"
MUSEUM = everything()


@pytest.mark.parametrize("name", theory())
def test_published_numbers_are_met(name: str) -> None:
    assert MUSEUM[name].wrong() == []


@pytest.mark.parametrize("name", [name for name, one in MUSEUM.items() if one.data])
def test_published_numbers_are_met_where_there_are_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    folder = os.environ.get("BARGAINING_REPLICATION_DATA")
    if not folder or not (Path(folder) / MUSEUM[name].data).exists():
        pytest.skip("BARGAINING_REPLICATION_DATA names no folder with these data")
    assert MUSEUM[name].wrong(Path(folder)) == []


@pytest.mark.parametrize("name", theory())
def test_a_number_that_is_off_in_its_last_digit_is_noticed(name: str) -> None:
    """Each replication with one published number moved by one unit of its last digit: none may pass for free."""
    one = MUSEUM[name]
    values = one.computed()
    for k, number in enumerate(one.numbers):
        text = number.ours or number.printed
        digits = len(text.partition(".")[2])
        off = float(Fraction(text)) + 1.2 * (max(10.0**-digits, 2e-12) + one.within)
        moved = Printed(of=number.of, printed=f"{off:.{digits + 3}f}")
        assert not moved.allows(values[k], one.within)
    shorter = replace(one, numbers=one.numbers[1:])
    assert "numbers are published" in shorter.wrong()[0]


def test_rows_of_a_table_are_read_as_numbers_with_labels() -> None:
    first, *_ = MUSEUM["talmud"].numbers
    assert (first.of, first.printed) == ("estate 100, claim 100", "100/3")
    given, taken = MUSEUM["nafta"].numbers[-1], MUSEUM["bankruptcy-game"].numbers[-1]
    assert (given.why[:27], given.ours) == ("welfare is a first-order su", "0.0758")  # for the file's reason
    assert taken.why.startswith("the solver behind this line")  # for its own


def test_every_number_has_a_source_and_says_where_it_was_seen() -> None:
    assert all(one.source and one.where and one.seen and one.about and one.numbers for one in MUSEUM.values())
    assert all(number.ours for one in MUSEUM.values() for number in one.numbers if number.why)
    assert all(bool(one.data) == bool(one.obtain) for one in MUSEUM.values())


def test_the_page_is_what_is_computed() -> None:
    assert PAGE.read_text("utf-8").partition("<!-- computed -->\n\n")[2] == page(MUSEUM)


def test_the_command_lists_shows_and_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replicate"]) == 0
    assert "simple-cournot" in capsys.readouterr().out
    assert main(["replicate", "talmud"]) == 0
    assert "100/3" in capsys.readouterr().out
    assert main(["replicate", "talmud", "nash-1950", "--check"]) == 0
    assert "25 of 25 published numbers agree" in capsys.readouterr().out
    assert main(["replicate", "no-such"]) == 2


def test_a_number_that_does_not_agree_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from bargaining.cli import command

    one = MUSEUM["talmud"]
    broken = replace(one, numbers=(Printed(of="estate 100, claim 100", printed="34"), *one.numbers[1:]))
    assert command.check([broken], None, named=True) == 1
    assert "estate 100, claim 100 is 34, we find 33.33333333" in capsys.readouterr().out


def test_data_that_are_not_there_are_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from bargaining.cli import command

    with pytest.raises(InvalidInput, match=r"needs cp2015_nafta.npz.*--data\. It holds .*cp2015"):
        MUSEUM["nafta"].computed(tmp_path)
    assert command.check([MUSEUM["nafta"]], tmp_path, named=False) == 0
    assert "skipped" in capsys.readouterr().err
    for content in (b"", b"no archive"):
        (tmp_path / "cp2015_nafta.npz").write_bytes(content)
        with pytest.raises(InvalidInput, match=r"cp2015_nafta.npz must hold .*; it cannot be used: "):
            MUSEUM["nafta"].computed(tmp_path)
    np.savez(tmp_path / "cp2015_nafta.npz", other=np.ones(3))
    with pytest.raises(InvalidInput, match="it cannot be used: KeyError: 'F"):
        MUSEUM["nafta"].computed(tmp_path)
