"""List pages with what each is about: the directive `pages`.

Its body names pages of the same folder, one a line, or `*` patterns; its option `caption` is a heading. A page is
shown by its title and by what follows its name after a colon, or else by the first sentence below the title. The list
is a hidden toctree as well.
"""

import re
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx

SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z\"“])|:\s*\n\s*\n")


class Pages(Directive):
    """Show a list of pages."""

    has_content = True
    option_spec: ClassVar = {"caption": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the list, parsed as Markdown; a page without a sentence is an error."""
        environment = self.state.document.settings.env
        here = Path(environment.doc2path(environment.docname))
        caption = self.options.get("caption")
        shown, names = [], self._names(here)
        for name, said in names.items():
            path = here.with_name(f"{name}.md")
            environment.note_dependency(str(path))
            title, sentence = about(path.read_text(encoding="utf-8"))
            if not (said or sentence):
                raise self.error(f"{path.name} has no sentence below its title; write one after its name.")
            shown += [f"[{title}]({path.name})", f": {said or sentence}", ""]
        tree = ["```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "", *names, "```"]
        holder = nodes.container(classes=["pages"])
        if caption:
            holder += nodes.rubric(caption, caption)
        self.state.nested_parse(StringList([*shown, *tree], source=str(here)), self.content_offset, holder)
        return [holder]

    def _names(self, here: Path) -> dict[str, str]:
        names: dict[str, str] = {}
        for line in filter(None, map(str.strip, self.content)):
            pattern, _, said = line.partition(": ")
            found = [path.stem for path in sorted(here.parent.glob(f"{pattern}.md"))]
            if not found:
                raise self.error(f"there is no page {pattern} beside {here.name}.")
            names |= {name: said.strip() for name in found if name != "index" and name not in names}
        return names


def about(text: str) -> tuple[str, str]:
    """Return the title of a page in Markdown, and the first sentence below it."""
    title, _, rest = text.partition("\n")
    paragraph = rest.strip().split("\n\n")[0]
    if not paragraph or paragraph[:1] in ":|#$<" or paragraph.startswith("```"):
        return title.lstrip("# "), ""
    sentence = SENTENCE.split(paragraph)[0]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(sentence.split()))
    return title.lstrip("# "), re.sub(r"[:;]$", ".", plain)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("pages", Pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
