"""Number propositions over all pages: the directive `proposition`, to which `numref` refers.

Its argument is a name, its options a label and how the proposition is known; its body has a paragraph that begins
with **Hypotheses.** and one that begins with **Conclusion.**. Exactly one of three options says how it is known:
`proof` where the proof is found ("below"), `cited` who proved it, `tested` the test that found no counterexample.
What is cited may have a `place`: the number or page of the theorem, and where it was seen. The directive
`propositions` lists all of them.
"""

import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

BASES = {"proof": "*Proof:* {}.", "cited": "*Proved by* {}.", "tested": "*Tested, not proved:* {}."}
PARTS = ("**Hypotheses.**", "**Conclusion.**")
BOX = re.compile(r"^```\{proposition\} (.*?)\n(.*?)\n\n", re.M | re.S)


class Statement(nodes.General, nodes.Element):
    """A proposition in the page."""


class Proposition(SphinxDirective):
    """A numbered statement: hypotheses, conclusion, and how it is known."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = dict.fromkeys(("label", "place", *BASES), directives.unchanged_required)

    def run(self) -> list[nodes.Node]:
        """Return the statement; one that lacks a part is an error of the page."""
        basis = [name for name in BASES if name in self.options]
        text = "\n".join(self.content)
        if "label" not in self.options or len(basis) != 1 or not all(part in text for part in PARTS):
            raise self.error(
                "a proposition needs a label, hypotheses, a conclusion, and one of proof, cited, tested"
            )
        node = Statement(text, title=self.arguments[0])
        node["names"].append(nodes.fully_normalize_name(self.options["label"]))
        self.set_source_info(node)
        self.state.document.note_explicit_target(node, node)
        how = BASES[basis[0]].format(self.options[basis[0]])
        if "place" in self.options:
            how += f" *Where:* {self.options['place']}."
        lines = StringList([*self.content, "", how], source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, node)
        return [node]


class Propositions(SphinxDirective):
    """List the propositions of the pages in this folder: number, name, page, and how each is known."""

    def run(self) -> list[nodes.Node]:
        """Return the list as a table."""
        lines = ["| | name | page | known by |", "|---|---|---|---|"]
        for page in sorted(Path(self.env.doc2path(self.env.docname)).parent.glob("*.md")):
            for name, head in BOX.findall(page.read_text(encoding="utf-8")):
                options = dict(re.findall(r"^:(\w+): (.*)$", head, re.M))
                (basis,) = (name for name in BASES if name in options)
                known = {
                    "proof": "proof",
                    "tested": "tests",
                    "cited": options.get("place", options.get("cited")),
                }[basis]
                lines.append(
                    f"| {{numref}}`{options['label']}` | {name} | [{page.stem}]({page.name}) | {known} |"
                )
        holder = nodes.container(classes=["wide-table"])
        self.state.nested_parse(
            StringList(lines, source=self.get_source_info()[0]), self.content_offset, holder
        )
        return [holder]


def visit(translator: HTML5Translator, node: Statement) -> None:
    """Open the box and write its number and name."""
    translator.body.append(translator.starttag(node, "div", CLASS="admonition proposition"))
    translator.body.append('<p class="admonition-title">')
    translator.add_fignumber(node)
    translator.body.append(f"({translator.encode(node['title'])})</p>\n")


def depart(translator: HTML5Translator, node: Statement) -> None:
    """Close the box."""
    translator.body.append("</div>\n")


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive and count its boxes."""
    app.add_enumerable_node(
        Statement, "proposition", title_getter=lambda node: node["title"], html=(visit, depart)
    )
    app.add_directive("proposition", Proposition)
    app.add_directive("propositions", Propositions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
