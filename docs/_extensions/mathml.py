"""Render formulas as MathML while building, so that pages need no script and no network to show them."""

import re

from docutils.nodes import Element, SkipNode
from docutils.utils.math import MathError, latex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.writers.html5 import HTML5Translator

logger = logging.getLogger(__name__)

# Commands the converter does not know, with the bracket after them. Line breaks are matched to be passed over.
UNKNOWN = re.compile(r"\\\\|\\(dots|[bB]igg?)(?![a-zA-Z])(\s*\\?[)\]}])?")
# Arguments without braces, as in \tfrac12, which it would read as one.
BARE = re.compile(r"(\\[dt]?frac)\s*([0-9])\s*([0-9])")
# An accented symbol before an index: without a group of its own the converter would set the index below the symbol.
ACCENTED = re.compile(
    r"(\\(?:hat|bar|tilde|dot|ddot|vec|check|overline)(?:\s*\{[^{}]*\}|\s+[A-Za-z]|\s*\\[A-Za-z]+))(?=\s*[_^])"
)


def convert(node: Element, *, display: bool) -> str:
    """Return a formula as MathML; a formula that cannot be read is a warning at its place."""
    source = node.astext()
    braced = ACCENTED.sub(r"{\1{}}", BARE.sub(r"\1{\2}{\3}", source))
    text = UNKNOWN.sub(_known, braced)
    if display and r"\\" in text and r"\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        return latex2mathml.tex2mathml(text, as_block=display)
    except (AttributeError, IndexError, MathError) as error:  # the first two on input it did not expect
        logger.warning("cannot read the formula %r: %s", source, error, location=node)
        return ""


def _known(found: re.Match[str]) -> str:
    """Write a command as the converter knows it: it has ldots, and large brackets that open or close."""
    name, closing = found[1], found[2] or ""
    if name is None:
        return found[0]
    if name == "dots":
        return rf"\ldots{closing}"
    return rf"\{name}{'r' if closing else 'l'}{closing}"


def visit_inline(translator: HTML5Translator, node: Element) -> None:
    """Write a formula within a line."""
    translator.body.append(convert(node, display=False))
    raise SkipNode


def visit_display(translator: HTML5Translator, node: Element) -> None:
    """Write a formula on lines of its own."""
    translator.body.append(f'<div class="formula">{convert(node, display=True)}</div>\n')
    raise SkipNode


def setup(app: Sphinx) -> dict[str, object]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
