"""Check the types of what a reader copies: the code of README, the stories and the tutorials, by mypy and by pyright.

Each section, or each tutorial as a whole, becomes a script in build/callers, so an error names the page. Left out are
the solutions of exercises and the lesson on monitoring, whose answers are of one of two classes, or None, which a
script would ask about; and the search model, whose functions have no annotations.
"""

import re
import shutil
import subprocess
import sys
from doctest import DocTestParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build/callers"
BY_SECTION = ["README.md", "docs/stories.md"]
OUT = {"solutions", "cheating-or-bad-luck", "wages-in-a-search-model"}
WHOLE = [page for page in sorted((ROOT / "docs/tutorials").glob("*.md")) if page.stem not in OUT]
MORE = """
from fractions import Fraction

from bargaining import AlternatingOffers, Exit, Game, OffersModel, Polytope, Problem, RepeatedGame, TransferableSurplus
from bargaining import WeightedNashModel, egalitarian, nash, payoff_set

half = Fraction(1, 2)
pie = Problem(TransferableSurplus(1.0), {"US": 0.1, "Canada": half})
x: float = nash(pie, weights={"US": 3, "Canada": 1}).payoff("US")
shares = egalitarian(Problem(Polytope([[half, 0], [0, half]]), [Fraction(0), Fraction(1, 4)])).payoffs.tolist()
AlternatingOffers([0.9, 0.8], outside=[0.3, None])(pie)
found = payoff_set(RepeatedGame(Game([[half, 0], [1, 0]], [[half, 1], [0, 0]]), half, exit=Exit([half, half])))
OffersModel([0.5, 0.4], total=[1, 1], proposer=[0, 1])
WeightedNashModel([0.5, 0.4], total=1, covariates=[1.0, 2.0])
"""
"""Arguments that pages have no room for: names, fractions, lists."""


def main() -> None:
    """Write the scripts, and exit with an error if a checker finds one."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name in BY_SECTION:
        for k, section in enumerate((ROOT / name).read_text(encoding="utf-8").split("\n## ")):
            write(f"{Path(name).stem}_{k}", section)
    for page in WHOLE:
        write(page.stem, page.read_text(encoding="utf-8"))
    (FOLDER / "more.py").write_text(MORE, encoding="utf-8")
    (FOLDER / "pyrightconfig.json").write_text('{"typeCheckingMode": "standard"}\n', encoding="utf-8")
    (FOLDER / "mypy.ini").write_text("[mypy]\nignore_missing_imports = true\n", encoding="utf-8")
    checkers = [
        [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", "../mypy-callers", "."],
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable],
    ]
    failed = [subprocess.run(command, cwd=FOLDER).returncode for command in checkers]
    sys.exit(any(failed))


def write(name: str, text: str) -> None:
    """Write the Python of a page as a script."""
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    code = "\n".join(block if not block.lstrip().startswith(">>>") else session(block) for block in blocks)
    if code:
        path = FOLDER / f"{name.replace('-', '_').lower()}.py"
        path.write_text(code, encoding="utf-8")


def session(block: str) -> str:
    """Return the statements of a session."""
    return "".join(example.source for example in DocTestParser().get_examples(block))


if __name__ == "__main__":
    main()
