"""Check that a wheel holds the two packages, their markers and the extension, and nothing else at the top level."""

import sys
from zipfile import ZipFile

NEEDED = {
    *("bargaining/py.typed", "bargaining_models/py.typed"),
    *("bargaining/equilibria/_kernel.abi3.so", "bargaining/equilibria/_kernel.pyi"),
}


def main(wheel: str) -> None:
    """Exit with a message unless the wheel has exactly the two packages, and runs on every Python from 3.11 on."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(".dist-info")}
    if packages != {"bargaining", "bargaining_models"} or len(top) != 3:
        sys.exit(f"{wheel}: the top level must be bargaining and bargaining_models; got {sorted(top)}.")
    if missing := NEEDED - set(names):
        sys.exit(f"{wheel}: lacks {sorted(missing)}.")
    if sources := [name for name in names if name.endswith((".c", ".h"))]:
        sys.exit(f"{wheel}: has {sources}, which belong into the source distribution alone.")
    if "-cp311-abi3-" not in wheel:
        sys.exit(f"{wheel}: the tag must be cp311-abi3 and a platform.")
    print(f"{wheel.rpartition('/')[2]}: {len(names)} files under {', '.join(sorted(top))}")


if __name__ == "__main__":
    main(sys.argv[1])
