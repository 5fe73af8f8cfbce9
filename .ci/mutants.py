"""Change the code in 300 places, one at a time, and see whether a test fails: what survives is not tested.

The changes are Cosmic Ray's. In each of six rooms fifty places are drawn by the hash of what stands there and of the
definition it stands in, so the sample changes only where the code does, and not where a definition moves. Each mutant
meets those of the room's own tests that run its line, in a copy of the sources under build/mutants: the tests are
imported once, and a fork of that process has the changed function in the place of the sound one. Outcomes are kept
there, and the next run goes on where this one stopped; what survives is written to tests/mutants/survivors.toml, where
each has to be explained.
"""

import argparse
import ast
import builtins
import gc
import hashlib
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from time import monotonic, process_time
from types import CodeType, FunctionType
from typing import TypeVar

import pytest

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build/mutants"
TREE = FOLDER / "tree"
SURVIVORS = ROOT / "tests/mutants/survivors.toml"
ROOMS = {
    **{
        f"bargaining/{room}": [
            f"bargaining/{room}",
            f"tests/bargaining/{room}",
            "tests/bargaining/test_rich.py",
        ]
        for room in ("concepts", "protocols", "feasible", "equilibria", "sweeps")
    },
    "models/bargaining_models/trade": [
        "models/bargaining_models/trade",
        "tests/bargaining_models/trade",
        "tests/bargaining_models/test_trade.py",
    ],
}
"""Where code is changed, and which tests have to notice."""
EACH = 50
SLOW = 5.0  # seconds: a test that takes longer is not among those that have to notice
MEMORY = 6 * 1024**3
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
    parser.add_argument(
        "--rooms", nargs="+", default=list(ROOMS), metavar="FOLDER", help="instead of all six"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=60.0,
        help="seconds of tests for a mutant, the fast ones first (%(default)g)",
    )
    parser.add_argument("--again", action="store_true", help="try those again that survived")
    options = parser.parse_args()
    end = monotonic() + options.seconds
    copy()
    known = {room: places_of(room) for room in options.rooms}
    places = [place for found in known.values() for place in found[: options.each]]
    outcomes = read(FOLDER / "outcomes.json")
    if options.again:
        outcomes = {key: found for key, found in outcomes.items() if found["outcome"] == "killed"}
    write(FOLDER / "outcomes.json", outcomes)
    for room in options.rooms:
        new = [place for place in places if place.file.startswith(f"{room}/") and place.key not in outcomes]
        if new and monotonic() < end:
            process = multiprocessing.get_context("fork").Process(
                target=attempt, args=(room, new, outcomes, end, options.patience)
            )
            process.start()
            process.join()
            outcomes = read(FOLDER / "outcomes.json")
    sys.exit(report(places, outcomes, known))


def read(path: Path) -> dict[str, dict[str, object]]:
    """Return what a JSON file holds, nothing if there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, content: object) -> None:
    """Write a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".new").write_text(json.dumps(content, indent=1), encoding="utf-8")
    path.with_suffix(".new").replace(path)


def copy() -> None:
    """Copy the sources that git knows, so that what is changed is never the original."""
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, files.split("\0")):
        if (ROOT / name).exists():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)


# -- the sample ------------------------------------------------------------------------------------------------


def places_of(room: str) -> list[Place]:
    """Return all places of a room that can be changed, those with the lowest hashes first."""
    seen = Counter[str]()
    files = (path.relative_to(TREE).as_posix() for path in sorted((TREE / room).rglob("*.py")))
    return sorted((place for file in files for place in places_in(file, seen)), key=lambda place: place.key)


def places_in(file: str, seen: Counter[str]) -> list[Place]:
    """Return one mutant for each place of a file that can be changed, but for annotations.

    A place is known by its definition, its lines and its length, and by how many like it were seen before in its room.
    """
    from cosmic_ray.ast import ast_nodes, get_ast_from_path

    text = (TREE / file).read_text(encoding="utf-8")
    lines, hidden = text.splitlines(), annotations(text)
    made: dict[tuple[object, object], list[tuple[str, dict[str, object], int, str]]] = {}
    nodes = list(ast_nodes(get_ast_from_path(TREE / file)))
    for name, arguments, operator in operators():
        occurrence = 0
        for node in nodes:
            for start, end in operator.mutation_positions(node):
                if start[0] not in hidden:
                    made.setdefault((start, end), []).append((name, arguments, occurrence, qualified(node)))
                occurrence += 1
    places = list[Place]()
    for (start, end), mutants in sorted(made.items()):
        where = "\n".join(
            [mutants[0][3], *(line.strip() for line in lines[start[0] - 1 : end[0]]), f"{end[1] - start[1]}"]
        )
        seen[where] += 1
        key = hashlib.sha256(f"{where}\n{seen[where]}".encode()).hexdigest()[:16]
        name, arguments, occurrence, definition = mutants[int(key, 16) % len(mutants)]
        places.append(Place(key, file, (start[0], end[0]), definition, name, arguments, occurrence))
    return places


def qualified(node: object) -> str:
    """Return the name of the definition around a node of the syntax tree, with those around it in front."""
    names: list[str] = []
    while node is not None:
        if getattr(node, "type", "") in {"funcdef", "classdef"}:
            names.insert(0, node.name.value)  # type: ignore[attr-defined]
        node = getattr(node, "parent", None)
    return ".".join(names)


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


def attempt(
    room: str, places: list[Place], outcomes: dict[str, dict[str, object]], end: float, patience: float
) -> None:
    """Try the mutants of a room; this process imports the packages from the copy."""
    folders = [str(TREE), str(TREE / "models")]
    sys.path[:0] = folders
    os.environ |= {"CI": "true", "PYTHONPATH": os.pathsep.join([*folders, os.environ.get("PYTHONPATH", "")])}
    os.chdir(TREE)
    pytest.main(
        ["-p", "no:terminal", "-p", "no:cacheprovider", *ROOMS[room]],
        [Trials(places, outcomes, end, patience)],
    )


class Trials:
    """A plugin of pytest: it collects the tests of a room once, and tries each mutant in a fork of that process."""

    def __init__(
        self, places: list[Place], outcomes: dict[str, dict[str, object]], end: float, patience: float
    ) -> None:
        self.places, self.outcomes, self.end, self.patience = places, outcomes, end, patience
        self.failed: str | None = None
        self.functions: dict[str, list[FunctionType]] = defaultdict(list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what failed."""
        if report.failed:
            self.failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Record which tests run which places, then try one mutant after the other, in place of running the tests."""
        items = {item.nodeid: item for item in session.items}
        for thing in gc.get_objects():
            if type(thing) is FunctionType:
                self.functions[thing.__code__.co_filename].append(thing)
        gc.freeze()  # so that forks share memory
        modules = {place.key: mutated(place) for place in self.places}
        record = self.recorded(list(items.values()))
        for place in self.places:
            if monotonic() >= self.end:
                break
            warm = place.key in record  # what no test reaches in a function runs when modules are imported
            tests = record.get(place.key if warm else place.file, [])
            stem = Path(place.file).stem.strip("_")
            tests = sorted(tests, key=lambda test: (stem not in test[0], test[1]))
            passed = accumulate(seconds for _, seconds in tests)
            tests = [
                test
                for test, seconds in zip(tests, passed, strict=True)
                if seconds <= self.patience or test is tests[0]
            ]
            chosen = [items[name] for name, _ in tests]
            found = self.attempt(
                place, *modules[place.key], chosen, sum(seconds for _, seconds in tests), warm
            )
            self.outcomes[place.key] = found
            write(FOLDER / "outcomes.json", self.outcomes)
            print(f"{place.file}:{place.lines[0]} {found['outcome']}", file=sys.__stderr__, flush=True)
        return True

    def recorded(self, items: list[pytest.Item]) -> dict[str, list[tuple[str, float]]]:
        """Return which tests run which places; what was recorded of these sources and places is read."""
        texts = [path.read_bytes() for path in sorted(TREE.rglob("*.py"))]
        state = hashlib.sha256(
            b"".join([*texts, *(place.key.encode() for place in self.places)])
        ).hexdigest()[:16]
        path = FOLDER / f"record-{state}.json"
        if not path.exists():
            write(path, forked(lambda: self.record(items), None))
        return read(path)

    def record(self, items: list[pytest.Item]) -> dict[str, list[tuple[str, float]]]:
        """Run all tests once; return those that run a place or any function of a file, with their seconds."""
        hits: set[str] = set()
        signal.signal(signal.SIGPROF, late)
        builtins.__dict__["_mutant_hit"] = hits.add
        for file in {place.file for place in self.places}:
            replace(
                self.functions[str(TREE / file)],
                counted(file, [place for place in self.places if place.file == file]),
            )
        found: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for item in items:
            hits.clear()
            began, self.failed = process_time(), None
            signal.setitimer(signal.ITIMER_PROF, SLOW)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if self.failed is None:  # one that fails anyway notices nothing
                for key in hits:
                    found[key].append((item.nodeid, process_time() - began))
        return found

    def attempt(
        self,
        place: Place,
        original: str,
        changed_text: str,
        items: list[pytest.Item],
        seconds: float,
        warm: bool,
    ) -> dict[str, object]:
        """Change the code at a place and run the tests of that place until one fails."""
        before, after = changed(original, changed_text)
        found: dict[str, object] = {
            "file": place.file,
            "definition": place.definition,
            "operator": place.operator,
            "before": before,
            "after": after,
        }
        path, limit = TREE / place.file, 20 + 10 * seconds
        stamp = path.stat()
        try:
            compile(changed_text, str(path), "exec", dont_inherit=True)
            path.write_text(changed_text, encoding="utf-8")
            if warm:
                by = forked(lambda: self.first_failure(path, changed_text, items), limit)
            else:
                by = cold([item.nodeid for item in items], limit)
        except SyntaxError:
            by = "it does not compile"
        except TimeoutError:
            by = "it does not end"
        finally:
            path.write_text(original, encoding="utf-8")
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
        if by is None:
            return found | {"outcome": "survived", "tests": len(items)}
        return found | {"outcome": "killed", "by": [by]}

    def first_failure(self, path: Path, text: str, items: list[pytest.Item]) -> str | None:
        """Put changed functions in the place of those that were imported, and run tests until one fails."""
        replace(self.functions[str(path)], compile(text, str(path), "exec", dont_inherit=True))
        for item in items:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
            if self.failed is not None:
                return self.failed
        return None


class Late(BaseException):
    """A test that takes too long to be run for every mutant."""


def late(number: int, frame: object) -> None:
    """End a test."""
    raise Late


def mutated(place: Place) -> tuple[str, str]:
    """Return the text of a file before and after a change."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    original = (TREE / place.file).read_text(encoding="utf-8")
    return original, mutate_code(original, get_operator(place.operator)(**place.arguments), place.occurrence)


def cold(tests: list[str], limit: float) -> str | None:
    """Run tests in a new process, for a change of what happens when a module is imported; return what failed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10 * limit, check=False)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    if not done.returncode or not tests:
        return None
    return next(
        iter(re.findall(r"^(?:FAILED|ERROR) (\S*)", done.stdout, flags=re.MULTILINE)), "it cannot be imported"
    )


def forked(work: Callable[[], T], limit: float | None) -> T:
    """Do work in a fork of this process, silently, within so many seconds of the processor's time."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)

    def child() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with open(os.devnull, "w") as nowhere:
            for stream in (1, 2):
                os.dup2(nowhere.fileno(), stream)
        there.send(work())

    process = fork.Process(target=child)
    process.start()
    there.close()
    try:
        if here.poll(None if limit is None else 10 * limit):
            return here.recv()
    except EOFError:  # the process has ended, by its limit, by a crash or by a fault of ours
        process.join()
        if process.exitcode == 1:
            raise
    finally:
        process.kill()
        process.join()
    raise TimeoutError


def replace(functions: list[FunctionType], module: CodeType) -> None:
    """Give all functions that were made from a file the code they have in a module that was compiled anew."""
    codes: dict[tuple[str, int], CodeType] = {}
    waiting = [module]
    while waiting:
        code = waiting.pop()
        codes[code.co_qualname, code.co_firstlineno] = code
        waiting += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    for function in functions:
        code = function.__code__
        function.__code__ = codes[code.co_qualname, code.co_firstlineno]


def counted(file: str, places: list[Place]) -> CodeType:
    """Compile a file in which every function says that it runs, and every place that it is reached."""
    tree = ast.parse((TREE / file).read_text(encoding="utf-8"))
    bodies = [
        body
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for inner in ast.walk(node)
        for body in (getattr(inner, name, None) for name in ("body", "orelse", "finalbody"))
        if isinstance(body, list)
    ]
    marks: list[tuple[list[ast.stmt], ast.stmt, str]] = [
        (node.body, node.body[ast.get_docstring(node) is not None and len(node.body) > 1], file)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    ]
    for place in places:
        around = [
            (statement.end_lineno - statement.lineno, number, body, statement)
            for number, body in enumerate(bodies)
            for statement in body
            if statement.lineno <= place.lines[0] <= statement.end_lineno
        ]
        if around:
            marks.append((*min(around, key=lambda one: one[:2])[2:], place.key))
    for body, statement, key in marks:
        at = next(number for number, one in enumerate(body) if one is statement)
        body.insert(at, ast.copy_location(ast.parse(f"_mutant_hit({key!r})").body[0], statement))
    return compile(ast.fix_missing_locations(tree), str(TREE / file), "exec", dont_inherit=True)


def changed(original: str, mutated: str) -> tuple[str, str]:
    """Return what differs, without the lines before and after."""
    before, after = original.splitlines(), mutated.splitlines()
    while before and after and before[0] == after[0]:
        before, after = before[1:], after[1:]
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    return "\n".join(before), "\n".join(after)


# -- the outcome -----------------------------------------------------------------------------------------------


def report(places: list[Place], outcomes: dict[str, dict[str, object]], known: dict[str, list[Place]]) -> int:
    """Write the survivors, and those not tried, with the reasons given so far; return 1 if too many have none.

    What stood in code of the rooms asked for that is gone is left out.
    """
    tried = [place for place in places if place.key in outcomes]
    survivors = {
        place.key: outcomes[place.key] for place in tried if outcomes[place.key]["outcome"] == "survived"
    }
    entries = tomllib.loads(SURVIVORS.read_text(encoding="utf-8"))["mutant"] if SURVIVORS.exists() else []
    reasons = {entry["key"]: entry["reason"] for entry in entries}
    asked = {place.key for place in tried}
    standing = {place.key for found in known.values() for place in found}
    kept = {
        entry["key"]: entry
        for entry in entries
        if entry["key"] not in asked
        and (entry["key"] in standing or not entry["file"].startswith(tuple(f"{room}/" for room in known)))
    }
    text = (
        HEADER
        + f"# {len(tried)} of {len(places)} were tried, of which {len(tried) - len(survivors)} were noticed.\n"
    )
    for key, found in sorted((kept | survivors).items(), key=lambda item: (str(item[1]["file"]), item[0])):
        entry = {
            "key": key,
            **{name: found[name] for name in ("file", "definition", "operator", "before", "after")},
        }
        entry["reason"] = reasons.get(key, "")
        text += "\n[[mutant]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in entry.items())
    SURVIVORS.parent.mkdir(parents=True, exist_ok=True)
    SURVIVORS.write_text(text + ("" if kept | survivors else "mutant = []\n"), encoding="utf-8")
    equivalent = sum(reasons.get(key, "").startswith("equivalent") for key in survivors)
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
