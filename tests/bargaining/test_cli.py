"""The command line beyond its answers: progress that leaves nothing behind."""

import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from fractions import Fraction
from types import SimpleNamespace

import pytest

from bargaining import Polytope, Problem, __main__, dictatorial, gupta_livne, yu
from bargaining._files import put
from bargaining.cli import command
from bargaining.cli.answers import answers, weights_of
from bargaining.cli.options import at_most, working
from bargaining.descriptions import parse_description
from bargaining.errors import InvalidInput


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()])
def test_progress_is_told_on_a_terminal_alone_and_wiped_away(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    with working("computing T1"):
        pass
    assert stream.getvalue() == ("computing T1 ...\r\x1b[K" if stream.isatty() else "")


def test_lists_wrap_to_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    command.main(["methods"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.startswith(" " * 12) for line in lines)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there is no timer to set")
def test_a_time_limit_that_is_over_at_once_leaves_no_timer_behind():
    before = signal.getsignal(signal.SIGALRM)
    try:
        with pytest.raises(TimeoutError, match="no answer within 1e-06 seconds"), at_most(1e-6, ""):
            time.sleep(1.0)
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) == before
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_output_goes_into_a_pipe_or_behind_a_link_and_replaces_neither(tmp_path):
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        put(pipe, b"table", "-o", make=True)
        assert os.read(reader, 10) == b"table"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    link.symlink_to(file)
    put(link, b"table", "-o", make=True)
    assert link.is_symlink()
    assert file.read_bytes() == b"table"


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(("closed", "status"), [(">&-", 0), ("2>&- >&-", 0), ("<&-", command.MISUSED)])
def test_streams_that_the_shell_closed_leave_no_traceback(closed, status):
    content = b"" if "<" in closed else b"[problem]\ndisagreement = [0, 0]\ntotal = 1\n"
    line = f"{shlex.quote(sys.executable)} -m bargaining solve - --method nash {closed}"
    found = subprocess.run(["bash", "-c", line], input=content, capture_output=True, check=False)
    assert (found.returncode, b"Traceback" in found.stderr) == (status, False)


@pytest.mark.parametrize(
    ("call", "division"),
    [
        ('{name = "yu", p = 3}', lambda problem: yu(problem, p=3)),
        (
            '{name = "gupta_livne", reference = [0.5, 0.5]}',
            lambda problem: gupta_livne(problem, reference=[0.5, 0.5]),
        ),
        ('{name = "dictatorial", player = 1}', lambda problem: dictatorial(problem, player=1)),
    ],
)
def test_concepts_with_a_parameter_are_applied_from_a_file(call, division):
    points = [[0, 1], [1, 0.5], [1.2, 0]]
    file = parse_description(
        f"methods = [{call}]\n[problem]\ndisagreement = [0, 0]\npoints = {points}\n".encode()
    )
    (table,) = answers(file)
    expected = division(Problem(Polytope(points, free_disposal=True), [0, 0]))
    assert table.rows[0][1:] == tuple(expected.payoffs)


@pytest.mark.parametrize(("name", "cure"), [("yu", "p = 2"), ("dictatorial", "player = 0")])
def test_a_concept_without_its_parameter_is_answered_by_how_to_give_it(name, cure):
    file = parse_description(b"[problem]\ndisagreement = [0, 0]\ntotal = 1\n")
    with pytest.raises(InvalidInput, match=re.escape(f'{{name = "{name}", {cure}}}')):
        answers(file, [name])
    repaired = f'methods = [{{name = "{name}", {cure}}}]\n[problem]\ndisagreement = [0, 0]\ntotal = 1\n'
    assert len(answers(parse_description(repaired.encode()))[0].rows) == 1


def test_the_module_runs_the_command_that_is_installed(monkeypatch, capsys):
    ran = []
    installed = SimpleNamespace(load=lambda: lambda: ran.append("installed") or 3)
    monkeypatch.setattr(
        __main__, "entry_points", lambda **asked: [installed] if asked["name"] == "bargaining" else []
    )
    assert (__main__.main(), ran) == (3, ["installed"])
    monkeypatch.setattr(__main__, "entry_points", lambda **asked: [])
    monkeypatch.setattr("sys.argv", ["bargaining", "methods"])
    assert __main__.main() == 0
    assert "egalitarian" in capsys.readouterr().out


@pytest.mark.parametrize("weight", ["1e5000", "1e999999999", "1" * 41, "nan", "1/0", ""])
def test_weights_that_no_table_could_show_are_refused(weight: str) -> None:
    """A power of ten without limit fills the memory, and Python refuses to print one of five thousand digits."""
    with pytest.raises(InvalidInput, match="`--weights` must be numbers or fractions of at most 40 digits"):
        weights_of([weight, "1"])
    assert weights_of(["1/3", ".5", "2e-3", "-1"]) == [Fraction(1, 3), Fraction(1, 2), Fraction(1, 500), -1]
    assert weights_of(["0." + "3" * 40]) == [Fraction("0." + "3" * 40)]
