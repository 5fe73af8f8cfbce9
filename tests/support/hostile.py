"""Wrong values for every argument of every public name: what comes back is an answer or an error of the library.

Run as a script with names of `public_calls`, or none for all of them, it tries all values and prints what went wrong.
"""

import faulthandler
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bargaining import BargainingError
from public_calls import CALLS

SECONDS = 20
MEMORY = 2 * 1024**3

VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "abc",
    "no text": lambda: "",
    "bytes": lambda: b"abc",
    "nan": lambda: np.nan,
    "inf": lambda: np.inf,
    "-inf": lambda: -np.inf,
    "1e308": lambda: 1e308,
    "1e30": lambda: 1e30,
    "5e-324": lambda: 5e-324,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "1.5": lambda: 1.5,
    "2**70": lambda: 2**70,
    "10**400": lambda: 10**400,
    "10**9": lambda: 10**9,
    "True": lambda: True,
    "1j": lambda: 1j,
    "object": object,
    "type": dict,
    "[]": list,
    "[[]]": lambda: [[]],
    "{}": dict,
    "set": lambda: {0, 1},
    "generator": lambda: (k for k in range(2)),
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "[None, None]": lambda: [None, None],
    "texts": lambda: ["a", "b"],
    "objects": lambda: [object(), object()],
    "[nan, 1]": lambda: [np.nan, 1.0],
    "[1e308, 1e308]": lambda: [1e308, -1e308],
    "[5e-324, 1]": lambda: [5e-324, 1.0],
    "[0, 0]": lambda: [0, 0],
    "[-1, -1]": lambda: [-1, -1],
    "[2**70, 1.5]": lambda: [2**70, 1.5],
    "[True, 1]": lambda: [True, 1.0],
    "complex": lambda: np.array([1 + 0j, 1j]),
    "masked": lambda: np.ma.array([0.5, 0.5], mask=[True, False]),
    "truths": lambda: np.array([True, False]),
    "dates": lambda: np.array(["2026-01-01"] * 2, dtype="datetime64[D]"),
    "no entries": lambda: np.empty((0, 2)),
    "too many axes": lambda: np.zeros((1, 2, 1, 2, 1, 2)),
    "three": lambda: np.full(3, 1 / 3),
    "2 x 2": lambda: np.eye(2),
    "2 x 3": lambda: np.ones((2, 3)),
    "endless": lambda: _endless(),
}
FILLS = (np.nan, np.inf, 1e308, 1e300, 5e-324, 1e-300, -1.0, 0.0, 1.0, 1e16)
RETURNED: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "nan": np.nan,
    "1e308": 1e308,
    "5e-324": 5e-324,
    "-1": -1.0,
    "0": 0.0,
    "1j": 1j,
    "True": True,
    "[]": [],
    "three": np.ones(3),
    "masked": np.ma.masked,
    "object": object(),
}


def _endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def _filled(value: Any, fill: float) -> Any:
    if isinstance(value, np.ndarray):
        return np.full(value.shape, fill)
    return [_filled(entry, fill) for entry in value] if isinstance(value, list | tuple) else fill


def _beginning(value: Any, fill: float) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        return np.where(np.arange(value.size).reshape(value.shape) == 0, fill, value)
    return [_beginning(value[0], fill), *value[1:]] if isinstance(value, list | tuple) else fill


def _numeric(value: Any) -> bool:
    if isinstance(value, np.ndarray | int | float):
        return not isinstance(value, bool)
    return isinstance(value, list | tuple) and bool(value) and all(map(_numeric, value))


def cases(name: str) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Every argument of a call, with a name for the wrong value and the value."""
    for argument, given in CALLS[name].arguments().items():
        for case, make in VALUES.items():
            if case != "type" or not callable(given):  # a class may be called, and then the error is its own
                yield argument, case, make
        if _numeric(given):
            for fill in FILLS:
                yield argument, f"filled with {fill:g}", lambda g=given, f=fill: _filled(g, f)
                yield argument, f"beginning with {fill:g}", lambda g=given, f=fill: _beginning(g, f)
        if callable(given) and not isinstance(given, type):
            for case, value in RETURNED.items():
                yield argument, f"returns {case}", lambda v=value: lambda *asked, **more: v


def attempt(name: str, argument: str, value: Any) -> str | None:
    """Return what went wrong: a raw error, with where it came from; None for an answer or an error of ours."""
    call = CALLS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            call.answers(call.function(**(call.arguments() | {argument: value})))
        except BargainingError:
            return None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            if traceback.extract_tb(error.__traceback__)[-1].filename.endswith("public_calls.py"):
                return None  # the caller's own function fails
            ours = [f for f in traceback.extract_tb(error.__traceback__) if "/bargaining" in f.filename]
            place = f"{ours[-1].filename.rpartition('/bargaining')[2]}:{ours[-1].lineno}" if ours else "?"
            return f"{type(error).__name__}: {str(error)[:100]} at {place}"
    return None


def _late(number: int, frame: Any) -> None:
    raise TimeoutError(f"more than {SECONDS} seconds")


def main(names: list[str]) -> int:
    """Try all values; the process ends by itself if one call does not."""
    import resource

    os.chdir(tempfile.mkdtemp())  # where "abc" may name a folder
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _late)
    found = tried = 0
    for name in names or list(CALLS):
        for argument, case, make in cases(name):
            tried += 1
            print(f"... {name}({argument}={case})", file=sys.stderr, flush=True)
            faulthandler.dump_traceback_later(2 * SECONDS, exit=True)
            signal.alarm(SECONDS)
            try:
                wrong = attempt(name, argument, make())
            finally:
                signal.alarm(0)
                faulthandler.cancel_dump_traceback_later()
            if wrong is not None:
                found += 1
                print(f"{name}({argument}={case}): {wrong}", flush=True)
    print(f"{tried} calls, {found} wrong", flush=True)
    return min(found, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
