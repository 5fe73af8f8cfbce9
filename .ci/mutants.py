"""Change the code in 300 places, one at a time, and see whether a test fails: what survives is not tested.

The changes are Cosmic Ray's. In each of six rooms fifty places are drawn by the hash of what stands there, so the
sample changes only where the code does. Each mutant meets the tests that run its line, as coverage has recorded, in a
copy of the sources under build/mutants. Outcomes are kept there, and the next run goes on where this one stopped; what
survives is written to tests/mutants/survivors.toml, where each has to be explained.
"""

import argparse
import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build/mutants"
TREE = FOLDER / "tree"
SURVIVORS = ROOT / "tests/mutants/survivors.toml"
ROOMS = [
    *(f"bargaining/{room}" for room in ("concepts", "protocols", "feasible", "equilibria", "sweeps")),
    "models/bargaining_models/trade",
]
EACH = 50
FIRST, MOST = 40, 300  # tests for a mutant: a few at first, and more where these do not notice
SLOW = 300.0  # seconds for one mutant's tests: one that takes longer does not end, which is noticed
ENOUGH = 0.95
BITS = re.compile(
    "ReplaceBinaryOperator_(Add|Sub|Mul|Div|FloorDiv|Mod|Pow)_(LShift|RShift|BitAnd|BitOr|BitXor)$"
)
"""Operators on bits in place of arithmetic: floats refuse them, so any test notices."""
HEADER = """\
# Mutants that no test notices, with the reason. Written by `make mutants`, but for the reasons: one that begins with
# "equivalent" says why no test could notice.
"""


@dataclass(frozen=True)
class Place:
    """A place in the code, and what Cosmic Ray makes of it."""

    key: str
    file: str
    lines: tuple[int, int]
    definition: str
    operator: str
    arguments: dict[str, object]
    occurrence: int


def main() -> None:
    """Draw the sample, try what was not tried yet, and write what survives."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=4 * 3600.0, help="start nothing new after (%(default)g)"
    )
    parser.add_argument("--each", type=int, default=EACH, help="mutants of each room (%(default)s)")
    parser.add_argument("--rooms", nargs="+", default=ROOMS, metavar="FOLDER", help="instead of all six")
    parser.add_argument("--again", action="store_true", help="try those again that survived")
    options = parser.parse_args()
    end = monotonic() + options.seconds
    copy()
    places = [place for room in options.rooms for place in sample(room, options.each)]
    outcomes = read(FOLDER / "outcomes.json")
    if options.again:
        outcomes = {key: found for key, found in outcomes.items() if found["outcome"] == "killed"}
    sound: dict[str, bool] = {}
    record = recorded()
    for number, place in enumerate(places, start=1):
        if place.key in outcomes:
            continue
        if monotonic() >= end:
            break
        outcomes[place.key] = attempt(place, record, sound)
        write(FOLDER / "outcomes.json", outcomes)
        print(
            f"{number}/{len(places)} {place.file}:{place.lines[0]} {outcomes[place.key]['outcome']}",
            flush=True,
        )
    sys.exit(report(places, outcomes))


def read(path: Path) -> dict[str, dict[str, object]]:
    """Return what a JSON file holds, nothing if there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, content: object) -> None:
    """Write a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(content, indent=1), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def copy() -> None:
    """Copy the sources that git knows, and the extension, so that what is changed is never the original."""
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    shutil.rmtree(TREE, ignore_errors=True)
    extensions = [
        str(path.relative_to(ROOT)) for path in (ROOT / "bargaining/equilibria").glob("_kernel.*[so|pyd]")
    ]
    for name in [*filter(None, files.split("\0")), *extensions]:
        if (ROOT / name).exists():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


# -- the sample ------------------------------------------------------------------------------------------------


def sample(room: str, size: int) -> list[Place]:
    """Return the places of a room with the lowest hashes."""
    found: list[Place] = []
    for path in sorted((TREE / room).rglob("*.py")):
        found += places_in(path.relative_to(TREE).as_posix())
    return sorted(found, key=lambda place: place.key)[:size]


def places_in(file: str) -> list[Place]:
    """Return one mutant for each place of a file that can be changed, but for annotations."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.ast.ast_query import ASTQuery

    text = (TREE / file).read_text(encoding="utf-8")
    lines, hidden = text.splitlines(), annotations(text)
    made: dict[tuple[object, object], list[tuple[str, dict[str, object], int, str]]] = {}
    nodes = list(ast_nodes(get_ast_from_path(TREE / file)))
    for name, arguments, operator in operators():
        occurrence = 0
        for node in nodes:
            for start, end in operator.mutation_positions(node):
                if start[0] not in hidden:
                    definition = ASTQuery(node).get_definition_name() or ""
                    made.setdefault((start, end), []).append((name, arguments, occurrence, definition))
                occurrence += 1
    seen, places = Counter[str](), list[Place]()
    for (start, end), mutants in sorted(made.items()):
        where = "\n".join(
            [
                file,
                mutants[0][3],
                *(line.strip() for line in lines[start[0] - 1 : end[0]]),
                f"{end[1] - start[1]}",
            ]
        )
        seen[where] += 1
        key = hashlib.sha256(f"{where}\n{seen[where]}".encode()).hexdigest()[:16]
        name, arguments, occurrence, definition = mutants[int(key, 16) % len(mutants)]
        places.append(Place(key, file, (start[0], end[0]), definition, name, arguments, occurrence))
    return places


def operators() -> list[tuple[str, dict[str, object], object]]:
    """Return Cosmic Ray's operators that need no arguments, but for those that no float allows."""
    import cosmic_ray.plugins

    classes = {
        name: cosmic_ray.plugins.get_operator(name) for name in sorted(cosmic_ray.plugins.operator_names())
    }
    return [
        (name, {}, kind()) for name, kind in classes.items() if not kind.arguments() and not BITS.search(name)
    ]


def annotations(text: str) -> set[int]:
    """Return the lines that hold annotations or what only type checkers read: no test can notice a change there."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        some: list[ast.AST | None] = []
        if isinstance(node, ast.FunctionDef):
            some = [
                node.returns,
                *(one.annotation for one in (*node.args.args, *node.args.kwonlyargs, *node.args.posonlyargs)),
            ]
        elif isinstance(node, ast.AnnAssign):
            some = [node.annotation]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            some = [node]
        for one in some:
            if one is not None:
                lines |= set(range(one.lineno, (one.end_lineno or one.lineno) + 1))  # type: ignore[attr-defined]
    return lines


# -- the tests -------------------------------------------------------------------------------------------------


def recorded() -> Path:
    """Return the data file that says which tests run which lines; run them all to make it."""
    data = FOLDER / "coverage"
    stamp = FOLDER / "coverage.of"
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(TREE.rglob("*.py")))).hexdigest()
    if not data.exists() or not stamp.exists():
        print("Recording which tests run which lines: this takes some minutes.", flush=True)
        command = ["-q", "-n", "2", "-p", "no:cacheprovider", "--cov", "--cov-context=test", "--cov-report="]
        done = run(command, timeout=None, COVERAGE_FILE=str(data))
        if done.returncode:
            sys.exit(f"The tests must pass before mutants can be tried:\n{done.stdout[-2000:]}")
        stamp.write_text(state, encoding="utf-8")
    elif stamp.read_text(encoding="utf-8") != state:
        print(
            f"The code has changed since the tests were recorded; remove {data} to record them anew.",
            flush=True,
        )
    return data


def run(command: list[str], *, timeout: float | None, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in the copy."""
    environment = os.environ | {"CI": "true", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(TREE), str(TREE / "models"), environment.get("PYTHONPATH", "")]
    )
    return subprocess.run(
        [sys.executable, "-m", "pytest", *command],
        cwd=TREE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def tests_of(place: Place, record: Path) -> list[str]:
    """Return the tests that run a place, those first that are named after its file."""
    import coverage

    data = coverage.CoverageData(str(record))
    data.read()
    (measured,) = [name for name in data.measured_files() if name.endswith(place.file)] or [place.file]
    by_line = data.contexts_by_lineno(measured)
    inside = {name for line in range(place.lines[0], place.lines[1] + 1) for name in by_line.get(line, [])}
    names = inside - {""} or {name for some in by_line.values() for name in some} - {""}
    stem = Path(place.file).stem.strip("_")
    tests = {name.partition("|")[0] for name in names}
    return sorted(tests, key=lambda name: (stem not in name, hashlib.sha256(name.encode()).hexdigest()))


def attempt(place: Place, record: Path, sound: dict[str, bool]) -> dict[str, object]:
    """Change the code at a place, run its tests and change it back."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    path = TREE / place.file
    original = path.read_text(encoding="utf-8")
    mutated = mutate_code(original, get_operator(place.operator)(**place.arguments), place.occurrence)
    before, after = changed(original, mutated)
    found: dict[str, object] = {
        "file": place.file,
        "definition": place.definition,
        "operator": place.operator,
        "before": before,
        "after": after,
    }
    tests = tests_of(place, record)
    if not tests:
        sys.exit(f"No recorded test runs {place.file}: remove {record} to record the tests anew.")
    try:
        path.write_text(mutated, encoding="utf-8")
        compile(mutated, str(path), "exec")
        for some in (tests[:FIRST], tests[FIRST:MOST]):
            if not some:
                continue
            done = run(["-x", "-q", "-p", "no:cacheprovider", "--no-header", *some], timeout=SLOW)
            if done.returncode and done.returncode != 5:
                lines = re.findall(r"^(?:FAILED|ERROR) (.*)", done.stdout, flags=re.MULTILINE)
                by = [
                    name
                    for name in some
                    if any(line == name or line.startswith(f"{name} - ") for line in lines)
                ]
                path.write_text(original, encoding="utf-8")
                if passes(by or some, sound):  # where none is named, the mutant cannot even be imported
                    return found | {"outcome": "killed", "by": by[:1]}
                path.write_text(mutated, encoding="utf-8")
    except subprocess.TimeoutExpired:
        return found | {"outcome": "killed", "by": ["it did not end"]}
    except SyntaxError:
        return found | {"outcome": "killed", "by": ["it did not compile"]}
    finally:
        path.write_text(original, encoding="utf-8")
    return found | {"outcome": "survived", "tests": len(tests)}


def passes(tests: list[str], sound: dict[str, bool]) -> bool:
    """Say whether tests pass as the code is: one that fails anyway has noticed nothing."""
    unknown = [test for test in tests if test not in sound]
    if unknown:
        good = run(["-q", "-p", "no:cacheprovider", *unknown], timeout=SLOW).returncode == 0
        sound.update(dict.fromkeys(unknown, good))
    return all(sound[test] for test in tests)


def changed(original: str, mutated: str) -> tuple[str, str]:
    """Return what differs, without the lines before and after."""
    before, after = original.splitlines(), mutated.splitlines()
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return "\n".join(before), "\n".join(after)


# -- the outcome -----------------------------------------------------------------------------------------------


def report(places: list[Place], outcomes: dict[str, dict[str, object]]) -> int:
    """Write the survivors with the reasons given so far; return 1 if too many have none."""
    tried = [place for place in places if place.key in outcomes]
    survivors = {
        place.key: outcomes[place.key] for place in tried if outcomes[place.key]["outcome"] == "survived"
    }
    known = {}
    if SURVIVORS.exists():
        known = {
            entry["key"]: entry["reason"]
            for entry in tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["mutant"]
        }
    text = (
        HEADER
        + f"# {len(tried)} of {len(places)} were tried, of which {len(tried) - len(survivors)} were noticed.\n"
    )
    for key, found in sorted(survivors.items(), key=lambda item: (str(item[1]["file"]), item[0])):
        entry = {
            "key": key,
            **{name: found[name] for name in ("file", "definition", "operator", "before", "after")},
        }
        entry["reason"] = known.get(key, "")
        text += "\n[[mutant]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in entry.items())
    SURVIVORS.parent.mkdir(parents=True, exist_ok=True)
    SURVIVORS.write_text(text + ("" if survivors else "mutant = []\n"), encoding="utf-8")
    equivalent = sum(known.get(key, "").startswith("equivalent") for key in survivors)
    noticed = len(tried) - len(survivors)
    share = (noticed + equivalent) / max(len(tried), 1)
    print(
        f"{len(tried)} of {len(places)} mutants tried: {noticed} noticed, {equivalent} equivalent, ", end=""
    )
    print(f"{len(survivors) - equivalent} survived: {share:.1%} (wanted: {ENOUGH:.0%}).")
    for room in ROOMS:
        here = [place for place in tried if place.file.startswith(f"{room}/")]
        print(f"  {room}: {sum(place.key not in survivors for place in here)} of {len(here)} noticed")
    return int(len(tried) < len(places) or share < ENOUGH)


if __name__ == "__main__":
    main()
