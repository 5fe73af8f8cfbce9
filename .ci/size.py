"""Count lines and tokens of code by room; fail if packages, tests or scripts have more than size-limits.toml allows.

Lines are all lines; tokens leave out comments, docstrings and layout, so that neither thin docstrings nor long lines
help. With `--store` the file is written anew, so that a change that grows says so in a line of its own.
"""

import io
import re
import sys
import tokenize
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMITS = Path(__file__).with_name("size-limits.toml")
PARTS = {"packages": ("bargaining", "models"), "tests": ("tests",), "scripts": (".ci", "docs")}
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
LAYOUT |= {tokenize.COMMENT, tokenize.STRING}


def main() -> None:
    """Print the rooms, the largest first, and compare the parts with what they may have."""
    rooms, sums = Counter[str](), {part: Counter[str]() for part in PARTS}
    lines = Counter[str]()
    for part, folders in PARTS.items():
        for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py*"))):
            if path.suffix in (".py", ".pyi"):
                text = path.read_text(encoding="utf-8")
                room = "/".join(path.relative_to(ROOT).parts[:-1][:2])
                lines[room] += text.count("\n")
                rooms[room] += tokens(text)
                sums[part].update(lines=text.count("\n"), tokens=tokens(text))
    for room, count in rooms.most_common():
        print(f"{room:40} {lines[room]:7,} lines {count:8,} tokens")
    found = {part: dict(counts) for part, counts in sums.items()}
    if "--store" in sys.argv:
        head = re.match(r"(#.*\n)*", LIMITS.read_text(encoding="utf-8"))
        body = "".join(
            f"\n[{part}]\n" + "".join(f"{name} = {value}\n" for name, value in counts.items())
            for part, counts in found.items()
        )
        LIMITS.write_text(f"{head[0] if head else ''}{body}", encoding="utf-8")
    limits = tomllib.loads(LIMITS.read_text(encoding="utf-8"))
    over = False
    for part, counts in found.items():
        for name, count in counts.items():
            more = count - limits[part][name]
            over |= more > 0
            note = (
                f", {more:,} too many: take as much away, or raise .ci/size-limits.toml" if more > 0 else ""
            )
            print(f"{part}: {count:,} {name} of {limits[part][name]:,}{note}")
    sys.exit(over)


def tokens(text: str) -> int:
    """Count tokens of code; an f-string counts as one string under every Python."""
    start, end = getattr(tokenize, "FSTRING_START", -1), getattr(tokenize, "FSTRING_END", -1)
    depth = count = 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        depth += (token.type == start) - (token.type == end)
        count += not depth and token.type not in LAYOUT and token.type != end
    return count


if __name__ == "__main__":
    main()
