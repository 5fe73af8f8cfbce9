"""Write the reference pages from the names the packages export, so that none can be forgotten."""

import pkgutil
import re
from pathlib import Path
from types import ModuleType

from sphinx.application import Sphinx
from sphinx.config import Config

import bargaining
import bargaining.testing
import bargaining_models

# Where the names of a module are shown: the first prefix that fits decides.
CHAPTERS = {
    "bargaining.problem": "Problems and answers",
    "bargaining.division": "Problems and answers",
    "bargaining.feasible": "Feasible sets",
    "bargaining.concepts": "Solution concepts",
    "bargaining.protocols": "Protocols of negotiation",
    "bargaining.games": "Games",
    "bargaining.equilibria": "Equilibria",
    "bargaining.axioms": "Axioms",
    "bargaining.exact": "Exact answers and certificates",
    "bargaining.errors": "Errors and status",
    "bargaining": "Sweeps, tables and figures",
}


SUMMARY = """
## {title}

```{{eval-rst}}
.. currentmodule:: {module}
.. autosummary::
   :toctree: api
   :nosignatures:

   {names}
```
"""

MODULE = """
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
```
"""


def library_page() -> str:
    """Return the page of `bargaining`: every exported name, by chapter."""
    chapters: dict[str, list[str]] = {title: [] for title in CHAPTERS.values()}
    for name, module in bargaining._EXPORTS.items():
        prefix = next(prefix for prefix in CHAPTERS if f"{module}.".startswith(f"{prefix}."))
        chapters[CHAPTERS[prefix]].append(name)
    return "# The library: `bargaining`\n" + "".join(
        SUMMARY.format(title=title, module="bargaining", names="\n   ".join(names))
        for title, names in chapters.items()
        if names
    )


def testing_page() -> str:
    """Return the page of `bargaining.testing`: every exported name."""
    names = "\n   ".join(bargaining.testing.__all__)
    title = "# Checks for your own methods: `bargaining.testing`\n"
    return title + SUMMARY.format(title="Names", module="bargaining.testing", names=names)


def modules_page(title: str, package: ModuleType) -> str:
    """Return a page that documents every public module under `package`."""
    found = [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    public = [name for name in found if "._" not in name]
    return f"# {title}\n" + "".join(MODULE.format(name=name) for name in [package.__name__, *public])


def write(app: Sphinx, config: Config) -> None:
    """Write the generated pages, and leave those alone that would not change."""
    folder = Path(app.srcdir, "reference", "generated")
    folder.mkdir(exist_ok=True)
    pages = {
        "library.md": library_page(),
        "testing.md": testing_page(),
        "models.md": modules_page("The models: `bargaining_models`", bargaining_models),
    }
    for name, text in pages.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def escape_shapes(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Escape the star of shapes such as `(*batch, n)`, which would start an emphasis."""
    shape = re.compile(r"(``.*?``)|\\?\*(?=batch\b|\w+\.shape\b)")
    lines[:] = [shape.sub(lambda found: found[1] or r"\*", line) for line in lines]


def hide_private(
    app: Sphinx,
    what: str,
    name: str,
    item: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Leave fields that begin with an underscore out of the signature of a class."""
    return signature and re.sub(r", _\w+=[^,()]*(\(\))?", "", signature), returns


def setup(app: Sphinx) -> dict[str, object]:
    """Write the pages before Sphinx looks for them, and mend docstrings before numpydoc reads them."""
    app.connect("config-inited", write)
    app.connect("autodoc-process-docstring", escape_shapes, priority=100)
    app.connect("autodoc-process-signature", hide_private)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
