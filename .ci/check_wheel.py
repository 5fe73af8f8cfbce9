"""Check that a wheel is of pure Python, and holds the two packages, their markers and nothing else at the top."""

import sys
from pathlib import Path
from zipfile import ZipFile

NEEDED = {"bargaining/py.typed", "bargaining_models/py.typed"}
NEEDED |= {"bargaining/__init__.pyi", "bargaining/testing/__init__.pyi"}


def main(wheel: str) -> None:
    """Exit with a message unless the wheel holds what it must."""
    if not wheel.endswith("-py3-none-any.whl"):
        sys.exit(f"{wheel}: the tag must be py3-none-any.")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.partition("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(".dist-info")}
    if packages != {"bargaining", "bargaining_models"} or len(top) != 3:
        sys.exit(f"{wheel}: the top level must be bargaining and bargaining_models; got {sorted(top)}.")
    if missing := NEEDED - names:
        sys.exit(f"{wheel}: lacks {sorted(missing)}.")
    print(f"{Path(wheel).name}: {len(names)} files under {', '.join(sorted(top))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
