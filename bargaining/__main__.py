"""`python -m bargaining`: the command line of the library alone."""

from __future__ import annotations

import sys

from bargaining.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
