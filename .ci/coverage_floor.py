"""Check that the tests reach 95% of the lines and branches of every package: reads what `coverage json` wrote."""

import json
import sys
from collections import defaultdict
from pathlib import Path

FLOOR = 95.0


def main(report: str) -> None:
    """Print the share of each package and what is missing below the floor; exit with 1 if some lies below."""
    files = json.loads(Path(report).read_text(encoding="utf-8"))["files"]
    packages = defaultdict(list)
    for name, found in files.items():
        packages[package_of(Path(name))].append((name, found))
    low = []
    for package, members in sorted(packages.items()):
        totals = [found["summary"] for _, found in members]
        reached = sum(total["covered_lines"] + total["covered_branches"] for total in totals)
        all_of_them = sum(total["num_statements"] + total["num_branches"] for total in totals)
        share = 100 * reached / all_of_them if all_of_them else 100.0
        print(f"{share:6.2f}%  {package}")
        if share < FLOOR:
            low.append(package)
            for name, found in members:
                if lines := found["missing_lines"]:
                    print(f"         {name}: lines {', '.join(map(str, lines))}")
                if branches := found["missing_branches"]:
                    print(f"         {name}: branches {', '.join(f'{a}-{b}' for a, b in branches)}")
    if low:
        sys.exit(f"The tests reach less than {FLOOR:g}% of {', '.join(low)}.")


def package_of(path: Path) -> str:
    """Return the package that a file belongs to: one below `bargaining` or `bargaining_models`, with all inside it."""
    parts = path.parts[
        path.parts.index("bargaining_models" if "bargaining_models" in path.parts else "bargaining") :
    ]
    return ".".join(parts[:2]) if len(parts) > 2 else parts[0]


if __name__ == "__main__":
    main(sys.argv[1])
