"""Build the C extension with AddressSanitizer and UndefinedBehaviorSanitizer, and fuzz it against its twins in Python.

The extension goes into build/sanitize; the one that is in use stays as it is. Needs GCC or Clang with these libraries.
"""

import argparse
import ctypes
import gc
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = sorted(map(str, (ROOT / "bargaining/equilibria/kernel").glob("*.c")))
BUILT = ROOT / "build/sanitize/_kernel.abi3.so"
NAME = "bargaining.equilibria._kernel"
# As in hatch_build.py, nothing is fused: the bits must be those of Python.
FLAGS = [
    "-O1",
    "-g",
    "-fno-omit-frame-pointer",
    "-fPIC",
    "-shared",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
]
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def main() -> None:
    """Build, then run this file again in a process that has the libraries."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000_000, help="how many (%(default)s)")
    parser.add_argument(
        "--seconds",
        type=float,
        default=1200.0,
        help="stop after so much of the processor's time (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="the first round's (%(default)s)")
    options = parser.parse_args()
    if "LD_PRELOAD" in os.environ:
        fuzzed(options)
        return
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        sys.exit(
            "make sanitize: there is no C compiler: install gcc (Debian: apt-get install gcc python3-dev)"
        )
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    include = f"-I{sysconfig.get_path('include')}"
    subprocess.run([compiler, *FLAGS, *CHECKS, include, *SOURCES, "-o", str(BUILT)], check=True)
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], check=True, capture_output=True, text=True
    ).stdout.strip()
    environment = (
        os.environ
        | {
            "LD_PRELOAD": library,
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0:exitcode=99",  # Python itself keeps memory until it ends
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "PYTHONMALLOC": "malloc",  # so that objects have borders too
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "models", ROOT / "tests/support"))),
        }
    )
    sys.exit(
        subprocess.run([sys.executable, __file__, *sys.argv[1:]], env=environment, check=False).returncode
    )


def fuzzed(options: argparse.Namespace) -> None:
    """Load the checked extension in place of the other one, and call it."""
    spec = spec_from_file_location(NAME, BUILT, loader=ExtensionFileLoader(NAME, str(BUILT)))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])

    from bargaining.equilibria import _compiled
    from kernel_fuzz import fuzz

    assert _compiled.kernel is sys.modules[NAME]
    library = ctypes.CDLL(None)
    library.__sanitizer_get_current_allocated_bytes.restype = ctypes.c_size_t

    def allocated() -> int:
        gc.collect()
        library.__sanitizer_purge_allocator()  # what was freed, but is kept to notice its use, does not count
        return library.__sanitizer_get_current_allocated_bytes()

    answers = fuzz(options.calls, options.seed, seconds=options.seconds, watch=allocated)
    calls = answers.pop("calls")
    for answer, number in sorted(answers.items()):
        print(f"{answer}: {number}")
    print(f"{calls} calls under the sanitizers, none of which found anything.")
    if calls < options.calls:
        print(f"Stopped after {options.seconds:g} s, before {options.calls} calls.")


if __name__ == "__main__":
    main()
