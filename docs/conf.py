"""How the documentation is built: `make docs`. Nothing is fetched, and a warning is an error."""

import logging
import sys
from pathlib import Path

from nbclient import NotebookClient
from numpydoc.xref import DEFAULT_LINKS

import bargaining

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from reference_pages import results

project = "bargaining"
author = "The bargaining authors"
copyright = f"2026, {author}"  # noqa: A001 (the name is Sphinx's)
version = release = bargaining.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinxcontrib.bibtex",
    "citations",
    "explorer",
    "mathml",
    "page_lists",
    "paper_pages",
    "pictures",
    "propositions",
    "public_api",
]

templates_path = ["_templates"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "py:obj"  # `name` links to what it names, if that is documented
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shape, unit and domain
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # link the names below and no other word
DEFAULT_LINKS.clear()  # they point into other projects' pages, which would have to be fetched
numpydoc_xref_aliases = {name: f"{kind.__module__}.{name}" for name, kind in results().items()}
numpydoc_xref_aliases |= {name: f"bargaining.{name}" for name in bargaining.__all__}

nb_execution_mode = "force"  # what is stored may be old
logging.getLogger("traitlets").setLevel(logging.WARNING)
NotebookClient.extra_arguments.default_args = (["--log-level=ERROR"],)  # kernels warn that they use TCP
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True

bibtex_bibfiles = ["references.bib"]
bibtex_default_style = bibtex_reference_style = "references_author_year"

numfig = True  # propositions are counted over all pages
numfig_secnum_depth = 0
numfig_format = {"proposition": "Proposition %s"}

highlight_options = {"python": {"stripnl": True}}  # no empty line at the end of a session

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "bargaining"
html_static_path = ["_static"]
html_favicon = "_static/icon.svg"
html_css_files = ["pages.css"]
html_show_sourcelink = False
copybutton_prompt_text = r">>> |\.\.\. ?|\$ "
copybutton_prompt_is_regexp = True
