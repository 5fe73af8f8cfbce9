"""`python -m bargaining`: the command `bargaining` as it is installed, or that of the library alone."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points


def main() -> int:
    """Run the command."""
    for installed in entry_points(group="console_scripts", name="bargaining"):
        return int(installed.load()())
    from bargaining.cli import command

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
