"""The propositions of the pages of theory, and sentences that claim something outside of them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import bibliography

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for page in (ROOT / "docs" / "theory").glob("*.md") if page.stem != "index")
BOX = re.compile(r"^```\{proposition\} (.*?)\n(.*?)^```$", re.M | re.S)
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
OPTION = re.compile(r"^:(\w+): (.*)$", re.M)
BASES = ("proof", "cited", "tested")
TESTS = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")

CLAIM = re.compile(
    r"\b(?:unique(?:ly|ness)?|optimal(?:ity)?|monotone|only (?:\w+ ){0,2}equilibrium|only one (?:\w+ ){0,2}equilibrium"
    r"|characterises?|never (?:worse|better) off|(?:in|de)creases (?:in|with)|rises? with|falls? with"
    r"|(?:converges?|tends?) to|always (?:an? )?(?:\w+ )?equilibrium|always exists?"
    r"|no equilibrium payoff|every (?:\w+ )?equilibrium|never (?:enlarges?|shrinks?|hurts?|helps?))\b",
    re.I,
)
SECTIONS = re.compile(
    r"^(?:Parameters|Attributes|Returns|Yields|Raises|Examples|References|See Also)\n-+\n"
    r".*?(?=^[A-Z][A-Za-z ]+\n-{4,}$|\Z)",
    re.M | re.S,
)
# Words of the same form that name a thing instead of claiming something of it.
NAMES = re.compile(
    r"(?:strongly |weakly )?Pareto[- ]optimal(?:ity)?"
    r"|optimal (?:tariffs?|threats?|punishments?|penal|rates?|edges?|face)"
    r"|`[^`]*`|\$[^$]*\$|\{[^}]*\}|\[[^\]]*\]\([^)]*\)|(?:more|further) optimal|need be monotone|not monotone"
    r"|proved optimal|effort optimal|optimality conditions",
    re.I,
)


@dataclass(frozen=True)
class Proposition:
    """A box of a page."""

    page: Path
    title: str
    options: dict[str, str]
    body: str


def propositions() -> list[Proposition]:
    """Return every proposition of every page."""
    return [
        Proposition(page, title, dict(OPTION.findall(body)), OPTION.sub("", body))
        for page in PAGES
        for title, body in BOX.findall(page.read_text("utf-8"))
    ]


def unsupported(page: Path) -> Iterator[str]:
    """Yield the paragraphs that claim uniqueness, optimality or monotonicity and refer to no proposition.

    A paragraph refers by `{numref}`. Code, pictures, tables, headings and the list of sources claim nothing.
    """
    text, _, _ = page.read_text("utf-8").partition("\n## Sources\n")
    for paragraph in re.split(r"\n\s*\n", FENCE.sub("", text)):
        if "{numref}" in paragraph or paragraph.lstrip().startswith(("#", "|", "(")):
            continue
        if CLAIM.search(NAMES.sub("", paragraph)):
            yield re.sub(r"\s+", " ", paragraph).strip()


def unsupported_docstrings() -> Iterator[str]:
    """Yield the paragraphs of public docstrings that claim such a thing and refer to none by its label.

    Sections that explain a field, examples, and the list of references claim nothing.
    """
    for name, module in bibliography.MODULES.items():
        if "/_" in name:
            continue
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
                continue
            text = SECTIONS.sub("", ast.get_docstring(node) or "")
            for paragraph in re.split(r"\n\s*\n", text):
                if "proposition" not in paragraph and CLAIM.search(NAMES.sub("", paragraph)):
                    yield f"{name}, {node.name}: " + re.sub(r"\s+", " ", paragraph).strip()
