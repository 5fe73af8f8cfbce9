"""The command `bargaining`: what it prints, what it writes, and how it fails."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
import weakref
from pathlib import Path

import pytest

from bargaining import BargainingError, Table, read_description
from bargaining.cli import answers as _answers
from bargaining.cli.options import ENDINGS, at_most
from bargaining_models import cli
from bargaining_models.paper import figures, tables
from bargaining_models.paper.tables import TABLES, stored

CAKE = 'title = "Cake"\n[problem]\ndisagreement = [0, "1/5"]\ntotal = 1\n'
DILEMMA = "[game]\npayoffs = [[[9, 1], [10, 3]], [[9, 10], [1, 3]]]\n"
PENNIES = "[game]\npayoffs = [[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]\n"
REPEATED = DILEMMA + "[repeated]\ndiscounts = 0.5\nexit = [3, 5]\n"
NO_EQUILIBRIUM = PENNIES + "[repeated]\ndiscounts = 0.1\n"


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str, name: str = "problem.toml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Return the exit status, what was printed, and what was complained of."""
    try:
        status = cli.main(arguments)
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, *capsys.readouterr()


def test_the_entry_point_is_this_command() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    scripts = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"bargaining": "bargaining_models.cli:main"}


@pytest.mark.parametrize("command", [[], ["table"], ["figure"], ["list"], ["reproduce"], ["solve"]])
def test_every_command_has_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(*command, "--help", capsys=capsys)
    assert (status, err) == (0, "")
    assert out.startswith("usage: bargaining")


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("text", "The division of an agreement"),
        ("latex", r"\begin"),
        ("markdown", "**The division"),
        ("html", "<table"),
        ("csv", "Concept or protocol,r,"),
    ],
)
def test_a_stored_table_in_every_format(form: str, start: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("table", "T2", "--format", form, capsys=capsys)
    assert (status, err) == (0, "")
    assert out.startswith(start)
    printed = str(stored("T2")) + "\n" if form == "text" else getattr(stored("T2"), f"to_{form}")()
    assert out == printed


@pytest.mark.parametrize(("ending", "form"), ENDINGS.items())
def test_the_ending_of_the_file_says_the_format(
    tmp_path: Path, ending: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new" / f"T1{ending}"
    assert run("table", "T1", "-o", str(path), capsys=capsys) == (0, "", "")
    assert run("table", "T1", "-f", form, capsys=capsys)[1].encode() == path.read_bytes()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_table_can_be_computed_instead(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TABLES, "T1", lambda study: Table([{"fresh": 1}]))
    monkeypatch.setitem(TABLES, "T-new", lambda study: Table([{"new": 2}]))
    assert "fresh" not in run("table", "T1", capsys=capsys)[1]
    assert "fresh" in run("table", "T1", "--recompute", capsys=capsys)[1]
    assert "new" in run("table", "T-new", capsys=capsys)[1]


def test_list_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    out = run("list", capsys=capsys)[1]
    words = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert words == {*TABLES, *figures.FIGURES, *_answers.concepts()}
    assert "nash" in words


def test_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from matplotlib.figure import Figure

    monkeypatch.setitem(figures.FIGURES, "F1", lambda study: Figure())
    path = tmp_path / "F1.svg"
    assert run("figure", "F1", "-o", str(path), capsys=capsys) == (0, f"{path}\n", "")
    assert b"<svg" in path.read_bytes()


def test_check_says_which_digit_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table = stored("T1")
    monkeypatch.setitem(TABLES, "T1", lambda study: table)
    assert run("reproduce", "T1", "--check", capsys=capsys) == (0, "T1: 264 cells, unchanged\n", "")
    row = list(table.rows[1])
    row[3] *= 1.01
    monkeypatch.setitem(
        TABLES,
        "T1",
        lambda study: Table(
            [table.rows[0], row, *table.rows[2:]],
            columns=table.columns,
            caption=table.caption,
            notes=table.notes,
        ),
    )
    status, out, err = run("reproduce", "T1", "--check", capsys=capsys)
    assert (status, err) == (1, "")
    first, second = out.splitlines()
    assert first == "T1: 264 cells, CHANGED"
    assert second.startswith(
        "  row 2 | Tariffs of 2023 | capacity unlimited | Free trade: Canada (%): stored "
    )


def test_reproduce_writes_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(TABLES, "T1", lambda study: stored("T1"))
    assert run("reproduce", "T1", "-o", str(tmp_path), capsys=capsys)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} == {"T1.csv", "T1.md", "T1.tex"}
    assert (tmp_path / "T1.csv").read_text(encoding="utf-8") == stored("T1").to_csv()


def test_update_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = []
    monkeypatch.setattr(tables, "store", lambda table, name: kept.append((name, table.rows)))
    monkeypatch.setitem(TABLES, "T1", lambda study: Table([[3]]))
    assert run("reproduce", "T1", "--update", capsys=capsys)[0] == 0
    assert kept == [("T1", ((3,),))]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (CAKE, ["Cake\n", "nash  ", "0.4", "Version"]),
        (CAKE.replace("[problem]", 'methods = ["egalitarian"]\n[problem]'), ["egalitarian"]),
        (DILEMMA, ["problem: equilibria", "0, 1", "minmax, pure actions", "coco value"]),
        (PENNIES, ["1/2, 1/2", "minmax, mixed actions"]),
        (REPEATED, ["corners of the set", "9.5", "Threat: 3, 5.", "divisions of that set"]),
        (NO_EQUILIBRIUM, ["Threat: none.", "Status: empty. No profile"]),
    ],
    ids=["problem", "methods in the file", "game", "mixed", "repeated", "empty"],
)
def test_solve(text: str, shown: list[str], file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("solve", file(text), capsys=capsys)
    assert (status, err) == (0, "")
    for piece in shown:
        assert piece in out


def test_methods_named_on_the_line_come_first(file, capsys: pytest.CaptureFixture[str]) -> None:
    path = file(CAKE.replace("[problem]", 'methods = ["egalitarian"]\n[problem]'))
    out = run("solve", path, "--method", "nash", "--method", "utilitarian", capsys=capsys)[1]
    assert [name for name in ("nash", "utilitarian", "egalitarian") if name in out] == ["nash", "utilitarian"]
    assert "minmax in pure actions" in run("solve", file(DILEMMA), "--method", "nash", capsys=capsys)[1]


def test_weights_and_parameters(file, capsys: pytest.CaptureFixture[str]) -> None:
    """With weights 1/4 and 3/4 the cake above (0, 1/5) gives 1/5 and 4/5; Rubinstein's first offer 1/(1 + .9)."""
    weighed = "solve", file(CAKE), "--weights", "1/4", "3/4", "--method", "nash"
    cells = json.loads(run(*weighed, "-f", "json", capsys=capsys)[1])["rows"]
    assert cells == [["nash(weights=[1/4, 3/4])", pytest.approx(0.2), pytest.approx(0.8)]]
    calls = 'methods = [{name = "AlternatingOffers", discounts = 0.9}]\n[problem]\ndisagreement = [0, 0]\ntotal = 1\n'
    offers = json.loads(run("solve", file(calls), "-f", "json", capsys=capsys)[1])["rows"][0]
    assert tuple(offers) == (
        "AlternatingOffers(discounts=0.9)",
        pytest.approx(1 / 1.9),
        pytest.approx(0.9 / 1.9),
    )


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ('{name = "nahs"}', "Did you mean nash?"),
        ('{name = "nash", power = 2}', "a parameter 'power'; it takes weights"),
        ('{name = "AlternatingOffers"}', "must give AlternatingOffers its `discounts`"),
        ('{name = "nash", problem = 1}', "a parameter 'problem'"),
    ],
)
def test_a_wrong_call_is_named(call: str, complaint: str, file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("solve", file(f"methods = [{call}]\n{CAKE}"), capsys=capsys)
    assert (status, out) == (2, "")
    assert complaint in err


def test_the_file_may_come_last_or_from_standard_input(
    file, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file(CAKE)
    printed = run("solve", path, "--method", "nash", capsys=capsys)[1]
    assert run("solve", "--method", "nash", path, capsys=capsys)[1] == printed
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CAKE.encode())))
    assert run("solve", "--method", "nash", "-", capsys=capsys)[1] == printed
    status, _, err = run("solve", "--method", "nash", capsys=capsys)
    assert (status, "`FILE` is missing" in err) == (2, True)


def test_weights_are_one_a_player(file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("solve", file(CAKE), "--weights", "1/3", capsys=capsys)
    assert (status, out) == (2, "")
    assert "`--weights` must be one number a player (2); got 1. Give all, as in --weights 1/2 1/2." in err
    assert run("solve", file(CAKE), "--weights", "1/2", "1/2", capsys=capsys)[0] == 0


@pytest.mark.parametrize("arguments", [["methods"], ["--help"]])
def test_a_reader_who_has_seen_enough_costs_nothing(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "bargaining_models.cli", *arguments]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_two_tables_go_to_two_csv_files(tmp_path: Path, file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run("solve", file(DILEMMA), "-o", str(tmp_path / "out.csv"), capsys=capsys)
    written = sorted(tmp_path.glob("out*.csv"))
    assert (status, out) == (0, "".join(f"{path}\n" for path in written))
    assert [path.name for path in written] == ["out-1.csv", "out-2.csv"]
    assert written[0].read_text().startswith("strategy of player")


def test_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    out = run("methods", capsys=capsys)[1]
    assert {"nash", "AlternatingOffers", "ContinuousOffers"} <= {
        line.split()[0] for line in out.splitlines() if line
    }


def test_the_paper_division_of_a_repeated_game(file) -> None:
    """With exit (3, 5) the set is (3,5), (9.5,5), (9,9), (3,9.75): its Nash point from the threat is (9, 9)."""
    corners, divisions = _answers.answers(read_description(file(REPEATED)), ["nash"])
    assert sorted(corners.rows) == [(3.0, 5.0), (3.0, 9.75), (9.0, 9.0), (9.5, 5.0)]
    assert divisions.rows == (("nash", 9.0, 9.0),)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "bargaining: the following arguments are required: COMMAND."),
        (["sovle", "cake.toml"], "invalid choice: 'sovle'"),
        (["solve", "cake.toml", "--formt", "json"], "unrecognized arguments: --formt"),
        (["table", "T22"], "Did you mean T2"),
        (["table", "t2"], "Did you mean T2?"),
        (["reproduce", "T1x"], "there is no table 'T1x'. Did you mean T1?"),
        (["figure", "F99"], "there is no figure 'F99'"),
        (["reproduce", "F1", "--check"], "there is no table 'F1'"),
        (["reproduce", "--check", "--update"], "not allowed with argument"),
        (["table", "T2", "--format", "docx"], "invalid choice: 'docx'"),
        (["table", "T2", "-o", "T2.docx"], "`-o` must end in .tex"),
        (["solve", "absent.toml"], "`path` must be a file that exists; got 'absent.toml'"),
        (["solve", "/etc"], "must end in .toml or .json"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_request_costs_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(*arguments, capsys=capsys)
    assert (status, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1
    assert err.startswith("bargaining")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[problem]\ntotal = 1\n",
        "[problem]\ndisagreement = [0, 0]\ntotal = nan\n",
        "[problem]\ndisagreement = [0, 0]\npoints = [[[1]]]\n",
        "[problem]\ndisagreement = [0, 0, 0]\npoints = [[1, 2]]\n",
        "[game]\npayoffs = [[1, 2], [3]]\n",
        "[game]\npayoffs = []\n",
        DILEMMA + "[repeated]\ndiscounts = 1.5\n",
        DILEMMA + "[repeated]\ndiscounts = [[0.5, 0.5], [0.1, 0.1]]\n",
        "[problem]\ndisagreement = [[0, 0], [1, 1]]\ntotal = 1\n",
        "[game]\npayoffs = [[[[1, 2], [3, 4]]], [[[1, 2], [3, 4]]], [[[1, 2], [3, 4]]]]\n[repeated]\ndiscounts = 0.5\n",
        'methods = ["os"]\n' + CAKE.partition("\n")[2],
    ],
)
def test_a_wrong_file_costs_one_line(text: str, file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("solve", file(text), capsys=capsys)
    assert (status, out) == (2, "")
    assert err.startswith("bargaining: ")
    assert err.count("\n") == 1


def test_that_there_is_no_agreement_is_an_answer(file, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run("solve", file("[problem]\ndisagreement = [1, 1]\ntotal = 1\n"), capsys=capsys)
    assert (status, err) == (0, "")
    assert "nash: empty. Nothing feasible is where the answer must be" in out


@pytest.mark.parametrize(
    "error", [BargainingError("a\nb"), OSError(28, "No space left on device", "x"), ImportError("a b")]
)
def test_errors_become_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(study: object) -> Table:
        raise error

    monkeypatch.setitem(TABLES, "T1", broken)
    status, _, err = run("table", "T1", "--recompute", capsys=capsys)
    assert status == 2
    assert err in ("bargaining: a b\n", "bargaining: x: No space left on device\n")


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(study: object) -> Table:
        raise KeyboardInterrupt

    monkeypatch.setitem(TABLES, "T1", interrupted)
    assert run("table", "T1", "--recompute", capsys=capsys) == (130, "", "bargaining: interrupted\n")


def command(*arguments: str) -> list[str]:
    """Return the command line of a fresh process."""
    code = f"import sys; from bargaining_models.cli import main; sys.exit(main({list(arguments)!r}))"
    return [sys.executable, "-c", code]


ELSEWHERE = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def test_a_terminal_without_these_signs_is_told_of_the_file(file) -> None:
    done = subprocess.run(
        command("solve", file(CAKE.replace("Cake", "δ"))),
        capture_output=True,
        text=True,
        check=False,
        env={**ELSEWHERE, "PYTHONIOENCODING": "ascii"},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "write to a file with -o" in done.stderr


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_a_hopeless_file_is_given_up(file, capsys: pytest.CaptureFixture[str]) -> None:
    same = [[int(i == j) for j in range(100)] for i in range(100)]  # takes over a second
    path = file(f"[game]\npayoffs = {[same, same]}\n")
    status, out, err = run("solve", path, "--seconds", "0.2", capsys=capsys)
    assert (status, out) == (2, "")
    assert err.startswith("bargaining: no answer within 0.2 seconds. ")
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("where", ["collector", "weak reference", "finalizer"])
def test_time_that_runs_out_while_garbage_is_collected_has_run_out(where: str) -> None:
    """An exception in a callback of the collector is lost, so it is raised again soon after."""

    def dawdle(*_: object) -> None:
        over = time.monotonic() + 0.1
        while time.monotonic() < over:
            pass

    class Garbage:
        __del__ = dawdle if where == "finalizer" else lambda self: None

    def discard_and_wait() -> None:
        with at_most(0.05, ""):
            if where == "collector":
                gc.collect()
            references.clear()
            time.sleep(5)

    references = [Garbage()]
    watched = weakref.ref(references[0], dawdle) if where == "weak reference" else None
    if where == "collector":
        gc.callbacks.append(dawdle)
    try:
        with pytest.raises(TimeoutError, match=r"no answer within 0\.05 seconds"):
            discard_and_wait()
    finally:
        if where == "collector":
            gc.callbacks.remove(dawdle)
    assert watched is None or watched() is None
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "soon"])
def test_a_wrong_limit_is_named(seconds: str, file, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["solve", file(CAKE), "--seconds", seconds])
    assert f"argument --seconds: must be a positive number; got {seconds!r}" in capsys.readouterr().err


def test_of_many_actions_those_that_are_played_are_listed(file, capsys: pytest.CaptureFixture[str]) -> None:
    row = [[0] * 11 + [1]]
    status, out, _ = run("solve", file(f"[game]\npayoffs = {[row, row]}\n"), capsys=capsys)
    assert status == 0
    assert "11: 1" in out


def test_a_figure_without_matplotlib_says_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert cli.main(["figure", "F1"]) == 2
    assert "is not installed; run `pip install" in capsys.readouterr().err


def test_the_list_of_replications_has_formats(capsys):
    assert cli.main(["replicate", "--format", "json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert ["nash-1950", 10] in [row[:2] for row in listed["rows"]]


def test_leverage_of_a_pair_by_notion(capsys: pytest.CaptureFixture[str]) -> None:
    pair = "--home", "Korea", "--partner", "China", "--alternative", "US"
    _, out, _ = run("negotiate", *pair, "--r", "0.1", "--notions", "-f", "json", capsys=capsys)
    table = json.loads(out)
    notion, formula, payment, lost, _ = table["rows"][0]
    assert table["numbers"][0]["value"] == payment
    assert table["numbers"][0]["row"] == "ultimatum; repeated, if patient, L_T"
    assert (notion, formula) == ("ultimatum; repeated, if patient", "L_T")
    assert payment == pytest.approx(25.5576, abs=1e-4)  # 1.63 percent
    assert 0 < lost < 1


def test_a_pair_negotiates(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(
        "negotiate", "--home", "MEX", "--partner", "US", "--r", "0", "0.1", "-f", "json", capsys=capsys
    )
    assert (status, err) == (0, "")
    tables = json.loads(out)
    assert [table["caption"].partition(" ")[0] for table in tables] == ["What", "The", "What"]
    assert all(number["call"].startswith("talks = Neg") for table in tables for number in table["numbers"])
    status, _, err = run(
        "negotiate", "--home", "MEX", "--partner", "US", "--date", "2031-01-01", capsys=capsys
    )
    assert status == 2
    assert "2026-08-19" in err
