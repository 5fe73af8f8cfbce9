"""Put the reference pages where Sphinx finds them, and mend what it reads."""

import inspect
import re
from pathlib import Path

from docutils import nodes
from reference_pages import given_by, library_page, modules_page, results, testing_page
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer

import bargaining
import bargaining_models

RESULTS = results()


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
    shape = re.compile(r"(``.*?``)|\\?\*(?=(?:batch|s)\b|\w+\.shape\b)")
    lines[:] = [shape.sub(lambda found: found[1] or r"\*", line) for line in lines]


def link_propositions(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Make "proposition `label`" a link with its number; in Python's own help the label is easier to read."""
    text = "\n".join(lines)
    for stated in re.findall(r"propositions?\s+`[a-z0-9-]+`(?:\s+(?:and|or)\s+`[a-z0-9-]+`)*", text):
        links = re.sub(r"`([a-z0-9-]+)`", r":numref:`\1`", re.sub(r"propositions?\s+", "", stated, count=1))
        text = text.replace(stated, links)
    lines[:] = text.split("\n")


def hide_private(
    app: Sphinx,
    what: str,
    name: str,
    item: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """Leave fields that begin with an underscore out of the signature of a class; a protocol is not called at all."""
    if getattr(item, "_is_protocol", False):
        return "", returns
    return signature and re.sub(r", _\w+=[^,()]*(\(\))?", "", signature), returns


def say_of_alias(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Give an alias the text that stands below it in its module."""
    short = name.removeprefix("bargaining.")
    if what in ("data", "attribute") and not any(lines) and (home := bargaining._EXPORTS.get(short)):
        lines[:] = ModuleAnalyzer.for_module(home).find_attr_docs().get(("", short), [])


def name_what_is_given(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Add what a function or method returns, where that is a result with a page and the docstring does not say so."""
    function = getattr(item, "__func__", item)
    if not inspect.isfunction(function) or "Returns" in lines:
        return
    names = sorted(given_by(function, RESULTS))
    if names:
        lines += ["", "Returns", "-------", " or ".join(names), ""]


def find_result(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement
) -> nodes.reference | None:
    """Link the bare name of a result, as in `Automaton`, to its page."""
    kind = RESULTS.get(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or kind is None:
        return None
    target = f"{kind.__module__}.{kind.__name__}"
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, shown)


def setup(app: Sphinx) -> dict[str, object]:
    """Write the pages before Sphinx looks for them, and mend docstrings before numpydoc reads them."""
    app.connect("config-inited", write)
    app.connect("autodoc-process-docstring", say_of_alias, priority=50)
    app.connect("autodoc-process-docstring", escape_shapes, priority=100)
    app.connect("autodoc-process-docstring", link_propositions, priority=100)
    app.connect("autodoc-process-docstring", name_what_is_given, priority=100)
    app.connect("autodoc-process-signature", hide_private)
    app.connect("missing-reference", find_result)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
