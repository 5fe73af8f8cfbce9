"""Check that wheels hold the two packages and their markers, one extension or none, and nothing else at the top."""

import sys
from pathlib import Path
from zipfile import ZipFile

NEEDED = {"bargaining/py.typed", "bargaining_models/py.typed", "bargaining/equilibria/_kernel.pyi"}
NEEDED |= {"bargaining/__init__.pyi", "bargaining/testing/__init__.pyi"}
EXTENSIONS = {"bargaining/equilibria/_kernel.abi3.so", "bargaining/equilibria/_kernel.pyd"}


def main(wheels: list[str]) -> None:
    """Exit with a message unless each wheel is of pure Python, or has the extension for every Python from 3.11 on."""
    for wheel in wheels:
        check(wheel)


def check(wheel: str) -> None:
    """Check one."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    pure = wheel.endswith("-py3-none-any.whl")
    top = {name.partition("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(".dist-info")}
    if packages != {"bargaining", "bargaining_models"} or len(top) != 3:
        sys.exit(f"{wheel}: the top level must be bargaining and bargaining_models; got {sorted(top)}.")
    if missing := NEEDED - names:
        sys.exit(f"{wheel}: lacks {sorted(missing)}.")
    if sources := [name for name in names if name.endswith((".c", ".h"))]:
        sys.exit(f"{wheel}: has {sources}, which belong into the source distribution alone.")
    if not pure and "-cp311-abi3-" not in wheel:
        sys.exit(f"{wheel}: the tag must be py3-none-any, or cp311-abi3 and a platform.")
    compiled = [name for name in names if name.endswith((".so", ".pyd"))]
    if len(compiled) != (0 if pure else 1) or not EXTENSIONS.issuperset(compiled):
        sys.exit(f"{wheel}: must have {'no extension' if pure else 'the extension alone'}; has {compiled}.")
    print(f"{Path(wheel).name}: {len(names)} files under {', '.join(sorted(top))}")


if __name__ == "__main__":
    main(sys.argv[1:])
