"""Check that a wheel holds the two packages, their markers and their data, and nothing else at the top level."""

import sys
from zipfile import ZipFile


def main(wheel: str) -> None:
    """Exit with a message unless the wheel has exactly the two packages at its top level."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.partition("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(".dist-info")}
    if packages != {"bargaining", "bargaining_models"} or len(top) != 3:
        sys.exit(f"{wheel}: the top level must be bargaining and bargaining_models; got {sorted(top)}.")
    missing = {f"{package}/py.typed" for package in packages} - set(names)
    if missing:
        sys.exit(f"{wheel}: lacks {sorted(missing)}.")
    print(f"{wheel.rpartition('/')[2]}: {len(names)} files under {', '.join(sorted(top))}")


if __name__ == "__main__":
    main(sys.argv[1])
