"""The bibliography: its entries, how docstrings write them, and where they are cited."""

import re
import unicodedata
from pathlib import Path

import bargaining
import bargaining_models

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "references.bib"
PACKAGES = [Path(package.__file__).parent for package in (bargaining, bargaining_models)]
MODULES = {
    module.relative_to(package.parent).as_posix(): module
    for package in PACKAGES
    for module in sorted(package.rglob("*.py"))
}
"""The modules that are imported here, of the checkout or of an installed wheel, by their names in a package."""
FIELDS = {
    "article": {"author", "title", "journal", "volume", "number", "pages", "year"},
    "book": {"author", "title", "publisher", "year"},
    "incollection": {"author", "title", "booktitle", "editor", "publisher", "pages", "year"},
    "misc": {"author", "title", "howpublished", "year"},
}
ACCENTS = {"'": "\u0301", '"': "\u0308"}
CITED = re.compile(r"\{cite:\w+\}`([^`]+)`")


def entries() -> dict[str, dict[str, str]]:
    """Return the fields of every entry by key; `kind` is what it is. A field stands on a line of its own."""
    found: dict[str, dict[str, str]] = {}
    for kind, key, body in re.findall(r"^@(\w+)\{(\w+),\n(.*?)^\}$", FILE.read_text("utf-8"), re.S | re.M):
        assert key not in found, f"{key} is there twice"
        found[key] = {"kind": kind, **dict(re.findall(r"^  (\w+) = \{(.*)\},$", body, re.M))}
    return found


def plain(text: str) -> str:
    """Return a field without TeX."""
    text = re.sub(r"\\(['\"])\\?([A-Za-z])", lambda found: found[2] + ACCENTS[found[1]], text)
    for tex, sign in ((r"\aa", "å"), (r"\AA", "Å"), (r"\operatorname", ""), (r"\times", "x"), ("--", "-")):
        text = text.replace(tex, sign)
    return unicodedata.normalize("NFC", re.sub(r"[{}$]", "", text))


def written(entry: dict[str, str]) -> str:
    """Return an entry as docstrings write it."""
    names = []
    for person in plain(entry["author"]).split(" and "):
        last, first = person.split(", ")
        initials = " ".join("-".join(f"{part[0]}." for part in name.split("-")) for name in first.split())
        names.append(f"{last}, {initials}")
    people = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
    title = plain(entry["title"])
    where = {
        "article": lambda: (
            f"{title}. *{entry['journal']}* {entry['volume']}{number(entry)}, {entry['pages']}"
        ),
        "book": lambda: f"*{title}*. {entry['publisher']}",
        "incollection": lambda: f"{title}. In *{entry['booktitle']}*, {entry['publisher']}, {entry['pages']}",
        "misc": lambda: f"{title}. {entry['howpublished']}",
    }[entry["kind"]]()
    tag = next((f" {name}:{entry[name]}" for name in ("doi", "isbn") if name in entry), "")
    return f"{people} ({entry['year']}). {plain(where)}.{tag}"


def people(entry: dict[str, str]) -> str:
    """Return the last names of the authors of an entry."""
    last = [plain(name.split(", ")[0]) for name in entry["author"].split(" and ")]
    return f"{', '.join(last[:-1])} and {last[-1]}" if len(last) > 1 else last[0]


def number(entry: dict[str, str]) -> str:
    """Return the number of a journal, in brackets, if it has one."""
    return f"({entry['number']})" if "number" in entry else ""


def cited(folder: Path = ROOT / "docs") -> dict[str, set[str]]:
    """Return the keys that pages cite, and on which pages."""
    found: dict[str, set[str]] = {}
    for page in sorted(folder.rglob("*.md")):
        if "generated" not in page.parts:
            for keys in CITED.findall(page.read_text("utf-8")):
                for key in keys.split(","):
                    found.setdefault(key.strip(), set()).add(page.relative_to(folder).as_posix())
    return found
