"""Files from anybody: read right if they keep to the schema, refused at once and by name if not."""

import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bargaining.cli.command import main
from bargaining.descriptions import parse_description, read_description
from bargaining.errors import BargainingError, InvalidInput
from bargaining.games.repeated import RepeatedGame

CAKE = 'title = "Cake"\nmethods = ["nash"]\n[problem]\ndisagreement = [0, "1/5"]\ntotal = 1\n'
BARE = CAKE.replace('methods = ["nash"]\n', "")
DILEMMA = "[game]\npayoffs = [[[9, 1], [10, 3]], [[9, 10], [1, 3]]]\n"
REPEATED = DILEMMA + "[repeated]\ndiscounts = [0.9, 0.9]\nexit = [5, 3]\nwho = [0]\n"


def write(folder: Path, text: str | bytes, ending: str = "toml") -> Path:
    path = folder / f"file.{ending}"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_problem_of_an_amount(tmp_path):
    read = read_description(write(tmp_path, CAKE))
    assert (read.title, read.methods) == ("Cake", ("nash",))
    np.testing.assert_array_equal(read.subject.disagreement, [0.0, 0.2])
    assert read.subject.feasible.total == 1.0


def test_a_byte_order_mark_is_ignored(tmp_path):
    for ending, text in (("toml", CAKE), ("json", '{"problem": {"disagreement": [0, 0.2], "total": 1}}')):
        assert read_description(write(tmp_path, b"\xef\xbb\xbf" + text.encode(), ending)).subject.players == 2
        assert parse_description(b"\xef\xbb\xbf" + text.encode()).subject.players == 2


def test_a_problem_of_points(tmp_path):
    text = "[problem]\ndisagreement = [0, 0]\npoints = [[0, 1], [1, 0]]\nfree_disposal = true\n"
    read = read_description(write(tmp_path, text))
    assert read.title == "file"
    assert read.subject.feasible.contains(np.array([-1.0, -1.0]))


def test_a_game_and_a_repeated_game(tmp_path):
    np.testing.assert_array_equal(read_description(write(tmp_path, DILEMMA)).subject.payoffs[1, 0], [10, 1])
    repeated = read_description(write(tmp_path, REPEATED)).subject
    assert isinstance(repeated, RepeatedGame)
    assert repeated.exit.who == (0,)
    np.testing.assert_array_equal(repeated.exit.own, [5, -np.inf])


def test_json_says_the_same(tmp_path):
    text = json.dumps({"problem": {"disagreement": [0, "1/5"], "total": 1}})
    np.testing.assert_array_equal(
        read_description(write(tmp_path, text, "json")).subject.disagreement, [0.0, float(Fraction(1, 5))]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have one of the tables `problem` and `game`; got none"),
        (CAKE + DILEMMA, "must have one of the tables"),
        ("[repeated]\ndiscounts = 0.9\n[problem]\n", "must have one of the tables"),
        ("[repeated]\ndiscounts = 0.9\n", "must have the table `game`"),
        ("x = 1", "`the file` must have entries among title, methods, problem, game, repeated; got x"),
        ("problem = 3", "`problem` must be a table; got 3"),
        ("[problem]\ntotal = 1", "`problem` must have `disagreement`; got total"),
        ("[problem]\ndisagreement = [0, 0]", "`problem` must have one of `total` and `points`"),
        ("[problem]\ndisagreement = 0\ntotal = 1", "`problem.disagreement` must be a list"),
        ("[problem]\ndisagreement = [0, nan]\ntotal = 1", "`disagreement` must be finite; got nan"),
        ("[problem]\ndisagreement = [0, 1e999]\ntotal = 1", "`disagreement` must be finite; got inf"),
        ('[problem]\ndisagreement = [0, "1/0"]\ntotal = 1', "`problem.disagreement` must not divide by zero"),
        (
            '[problem]\ndisagreement = [0, "2**9"]\ntotal = 1',
            "`problem.disagreement` must be numbers, or fractions",
        ),
        ("[problem]\ndisagreement = [0, true]\ntotal = 1", "`problem.disagreement` must be numbers"),
        ("[problem]\ndisagreement = [0, [0]]\ntotal = 1", "`disagreement` must be an array"),
        (
            "[problem]\ndisagreement = [0, 0]\npoints = [[0, 1]]\nfree_disposal = 1",
            "`problem.free_disposal` must be",
        ),
        (
            "[problem]\ndisagreement = {Ann = 0, Bob = 0}\ntotal = 1\nplayers = 5",
            "`problem.players` must be a list of names",
        ),
        ("[game]", "`game` must have `payoffs`; got none"),
        ("[game]\npayoffs = 3", "`game.payoffs` must be a list"),
        (DILEMMA + "[repeated]\n", "`repeated` must have `discounts`"),
        (DILEMMA + "[repeated]\ndiscounts = 1.2", r"`discounts` must lie in \[0, 1\)"),
        (DILEMMA + "[repeated]\ndiscounts = 0.9\nwho = [0]", "`repeated.who` must come with"),
        (
            DILEMMA + "[repeated]\ndiscounts = 0.9\nexit = [1, 1]\nwho = [7]",
            "`repeated.who` must be a player",
        ),
        (DILEMMA + "[repeated]\ndiscounts = 0.9\nexit = [1, 1]\nwho = 0", "`repeated.who` must be a list"),
        (
            'methods = ["__import__(1)"]\n' + CAKE.replace('methods = ["nash"]', ""),
            "`methods` must hold names or tables",
        ),
        ('title = "a\\u0000"\n' + DILEMMA, "`title` must be one line"),
        ("[problem\n", "'file.toml' must be valid TOML"),
        ("[problem]\ndisagreement = [0, 0]\ntotal = 0x" + "f0" * 40, "numbers must have at most 40 digits"),
        (f"[problem]\ndisagreement = {[0] * 21}\ntotal = 1", "must have at most 20 players; got 21"),
        (f"[game]\npayoffs = {[[0]] * 21}", "`game.payoffs` must have at most 20 players; got 21"),
        (b"\xff\xfe", "'file.toml' must be text in UTF-8"),
    ],
)
def test_what_breaks_the_schema_is_named(text, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        read_description(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"problem": {"disagreement": [0, NaN], "total": 1}}', "numbers must be finite; got NaN"),
        ('{"title": "a", "title": "b"}', "different names"),
        ("[1, 2]", "`the file` must be a table"),
        ("{", "'file.json' must be valid JSON"),
    ],
)
def test_json_that_breaks_the_schema_is_named(text, message, tmp_path):
    with pytest.raises(InvalidInput, match=message):
        read_description(write(tmp_path, text, "json"))


@pytest.mark.parametrize("name", ["missing.toml", ".", "/dev/zero", "file.py", "pipe.toml"])
def test_only_a_regular_toml_or_json_file_is_opened(name, tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "file.py").write_text("raise SystemExit")
    with pytest.raises(InvalidInput, match="`path` must"):
        read_description(tmp_path / name)


# Each is as large as a file may be, or larger, and costly in another way.
SIZE = 99_000
MALICIOUS = {
    "too large": ("toml", "#" * 10_000_000),
    "deep arrays": ("toml", "x = " + "[" * (SIZE // 2)),
    "deep inline tables": ("toml", "x = " + "{a=" * (SIZE // 3)),
    "deep json": ("json", "[" * SIZE),
    "deep json tables": ("json", '{"a":' * (SIZE // 5)),
    "long dotted key": ("toml", "a." * (SIZE // 2) + "a = 1"),
    "long dotted header": ("toml", "[" + "a . " * (SIZE // 4) + "a]"),
    "quoted dotted key": ("toml", '"=".' * (SIZE // 4) + "a = 1"),
    "spaced quoted key": ("toml", "'[' . " * (SIZE // 6) + "a = 1"),
    "many keys": ("toml", "\n".join(f"a.b.c.d{k} = 1" for k in range(SIZE // 16))),
    "many headers": ("toml", "\n".join(f"[a.b{k}]" for k in range(SIZE // 10))),
    "many tables": ("toml", "[[a.b.c]]\n" * (SIZE // 10)),
    "huge integer": ("toml", "x = " + "9" * (SIZE - 10)),
    "huge integer in parts": ("toml", "x = " + "9_" * (SIZE // 2 - 10) + "9"),
    "huge integer in json": ("json", "9" * SIZE),
    "huge hexadecimal": ("toml", "x = 0x" + "f0" * (SIZE // 2 - 10)),
    "huge binary": ("toml", "[problem]\ndisagreement = [0, 0]\ntotal = 0b" + "1" * (SIZE - 100)),
    "huge power": ("toml", '[problem]\ndisagreement = [0, "9**9**9**9"]\ntotal = 1'),
    "huge exponent": ("toml", "[problem]\ndisagreement = [0, 1e99999999999999999]\ntotal = 1"),
    "huge fraction": ("toml", f'[problem]\ndisagreement = [0, "{"9" * 4000}/7"]\ntotal = 1'),
    "many numbers": ("toml", "[problem]\ndisagreement = [" + "1," * (SIZE // 2 - 30) + "]\ntotal = 1"),
    "many points": ("toml", "[problem]\ndisagreement=[0,0]\npoints=[" + "[1,2]," * (SIZE // 6 - 10) + "]"),
    "many spaces": ("toml", "x = " + " " * (SIZE - 10) + "!"),
    "many quotes": ("toml", '"' * SIZE),
    "many escapes": ("toml", 'x = "' + "\\u0041" * (SIZE // 6 - 5)),
    "code": ("toml", "x = \"__import__('os').system('touch /tmp/owned')\""),
    "nothing but zeros": ("json", "\0" * SIZE),
}


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_file_costs_little(name, tmp_path):
    ending, text = MALICIOUS[name]
    path = write(tmp_path, text, ending)
    said = ""
    start = time.process_time()
    try:
        read_description(path)
    except BargainingError as error:
        said = str(error)
    assert time.process_time() - start < 1.0
    assert len(said) < 400


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_all_malicious_files_together_fit_into_256_megabytes(tmp_path):
    for k, (ending, text) in enumerate(MALICIOUS.values()):
        (tmp_path / f"{k}.{ending}").write_text(text)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from bargaining.descriptions import read_description\nfrom bargaining.errors import BargainingError\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n        read_description(path)\n    except BargainingError:\n        pass\n"
        # The peak of this program alone: getrusage would still count the process that started it.
        "print(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 256 * 1024


def test_methods_may_have_parameters(tmp_path):
    text = 'methods = [{name = "nash", weights = ["1/3", "2/3"]}, "yu"]\n' + BARE
    path = tmp_path / "file.toml"
    path.write_text(text, encoding="utf-8")
    first, second = read_description(path).calls
    assert (first.name, first.parameters) == ("nash", {"weights": [Fraction(1, 3), Fraction(2, 3)]})
    assert (second.name, second.parameters) == ("yu", {})


@pytest.mark.parametrize(
    "entry", ["{weights = [1, 2]}", "3", '{name = "nash", weights = "a b"}', "{name = 1}"]
)
def test_methods_that_are_not_named_are_refused(entry):
    with pytest.raises(InvalidInput):
        parse_description(f"methods = [{entry}]\n{BARE}".encode())


def test_the_same_text_may_come_as_bytes():
    assert parse_description(BARE.encode()).subject.disagreement.tolist() == [0, 0.2]
    assert parse_description(b'  {"problem": {"disagreement": [0, 0], "total": 1}}').title == "Problem"
    with pytest.raises(InvalidInput, match="at most 100 kB"):
        parse_description(b"#" * 100_001)


ESCAPE = "\\u001b]0;owned\\u0007\\u001b[31m"
PIE = "[problem]\ntotal = 1\ndisagreement = [0, 0]\n"
SPOILT = {
    "a value": f'[problem]\ntotal = "{ESCAPE}"\ndisagreement = [0, 0]\n',
    "a key": f'[problem]\n"{ESCAPE}" = 1\ntotal = 1\ndisagreement = [0, 0]\n',
    "a table": f'["{ESCAPE}"]\na = 1\n',
    "a title": f'title = "{ESCAPE}"\n[problem]\ntotal = 1\ndisagreement = [0, 0]\n',
    "a method": f'methods = ["{ESCAPE}"]\n[problem]\ntotal = 1\ndisagreement = [0, 0]\n',
    "a parameter": f'methods = [{{name = "nash", "{ESCAPE}" = "{ESCAPE}"}}]\n' + PIE,
    "a direction": '[problem]\ntotal = "\\u202Eabc"\ndisagreement = [0, 0]\n',
    "raw signs": "title = \x1b[31m\n",
    "a comment": "# \x1b[31m\n",
}


@pytest.mark.parametrize("text", SPOILT.values(), ids=SPOILT)
def test_what_a_file_says_cannot_command_a_terminal(text, tmp_path, capsys):
    path = tmp_path / "spoilt.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        read_description(path)
    assert str(caught.value).isprintable()
    assert main(["solve", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.rstrip("\n").isprintable()


def test_no_error_commands_a_terminal(capsys):
    """Whatever a message quotes, the command line writes it so that it can only be read."""

    def fails(_):
        raise InvalidInput("`x` must be plain;\n got \x1b]0;owned\x07\x9b31m\u202e.")

    def add(subparsers):
        subparsers.add_parser("fail").set_defaults(run=fails)

    assert main(["fail"], commands=[add]) == 2
    assert capsys.readouterr().err == (
        "bargaining: `x` must be plain; got \\x1b]0;owned\\x07\\x9b31m\\u202e.\n"
    )


def test_what_has_an_entry_per_player_is_given_by_name_in_any_order(tmp_path, capsys):
    names = DILEMMA.replace("[game]", '[game]\nplayers = ["Ann", "Bob"]')
    by_name = (
        names + '[repeated]\ndiscounts = {Bob = 0.9, Ann = "3/5"}\nexit = {Bob = 5, Ann = 3}\nwho = ["Ann"]\n'
    )
    plain = names + '[repeated]\ndiscounts = ["3/5", 0.9]\nexit = [3, 5]\nwho = [0]\n'
    found, wanted = (read_description(write(tmp_path, text)).subject for text in (by_name, plain))
    assert found.exact_discounts.tolist() == wanted.exact_discounts.tolist() == [Fraction(3, 5), 0.9]
    assert (found.exit.payoffs.tolist(), found.exit.who) == (wanted.exit.payoffs.tolist(), wanted.exit.who)
    calls = (
        'methods = [{name = "AlternatingOffers", discounts = {US = 0.8, Canada = 0.9}, proposer = "US"}, '
        '{name = "nash", weights = {US = "2/3", Canada = "1/3"}}]\n'
        '[problem]\ndisagreement = {Canada = 0, US = "1/5"}\ntotal = 1\n'
    )
    assert main(["solve", str(write(tmp_path, calls)), "--format", "json"]) == 0
    offers, nash = json.loads(capsys.readouterr().out)["rows"]
    first = 0.2 + 0.8 * (1 - 0.9) / (1 - 0.72)  # the US proposes: Rubinstein's share of the surplus
    assert offers[1:] == [pytest.approx(1 - first), pytest.approx(first)]
    assert nash == [
        "nash(weights={US: 2/3, Canada: 1/3})",
        pytest.approx(0.8 / 3),
        pytest.approx(0.2 + 1.6 / 3),
    ]
    for odd, message in (
        (
            by_name.replace("Bob = 5", "Bod = 5"),
            r"`repeated.exit` must have an entry for each of Ann, Bob.*Did you mean Bob",
        ),
        (by_name.replace("Bob = 5", 'Bob = "five"'), r"`repeated.exit.Bob` must be numbers"),
        (DILEMMA + "[repeated]\ndiscounts = {Ann = 0.5, Bob = 0.5}\n", "who have no names here"),
    ):
        with pytest.raises(InvalidInput, match=message):
            read_description(write(tmp_path, odd))
