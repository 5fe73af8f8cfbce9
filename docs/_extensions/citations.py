"""Set citations as "Nash (1950)" or "(Nash, 1950)", and the labels of the bibliography by author and year."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as UnsortedStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin as register_bibtex_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle


def round_brackets() -> BracketStyle:
    """Return the brackets around a year or a citation."""
    return BracketStyle(left="(", right=")")


@dataclass
class RoundReferenceStyle(AuthorYearReferenceStyle):
    """Author and year, in round brackets."""

    bracket_parenthetical: BracketStyle = field(default_factory=round_brackets)
    bracket_textual: BracketStyle = field(default_factory=round_brackets)
    bracket_author: BracketStyle = field(default_factory=round_brackets)
    bracket_label: BracketStyle = field(default_factory=round_brackets)
    bracket_year: BracketStyle = field(default_factory=round_brackets)


class AuthorYearLabels(BaseLabelStyle):
    """Labels such as "Abreu et al. 1990"."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Yield the label of each entry."""
        for entry in sorted_entries:
            names = [" ".join(person.prelast_names + person.last_names) for person in entry.persons["author"]]
            shown = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
            yield f"{shown} {entry.fields['year']}"


class AuthorYearStyle(UnsortedStyle):
    """The plain style, sorted and labelled by author and year."""

    default_sorting_style = "references_author_year"
    default_label_style = "references_author_year"


def link_identifiers(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Make a link of each DOI in a docstring."""
    lines[:] = [re.sub(r"\bdoi:(\S+)", r"`doi:\1 <https://doi.org/\1>`__", line) for line in lines]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the styles under the name `references_author_year`."""
    name = "references_author_year"
    app.connect("autodoc-process-docstring", link_identifiers, priority=100)
    register_plugin("pybtex.style.sorting", name, SortingStyle)
    register_plugin("pybtex.style.labels", name, AuthorYearLabels)
    register_plugin("pybtex.style.formatting", name, AuthorYearStyle)
    register_bibtex_plugin("sphinxcontrib.bibtex.style.referencing", name, RoundReferenceStyle)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
