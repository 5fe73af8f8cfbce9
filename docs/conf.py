"""How the documentation is built: `make docs`. Nothing is fetched, and a warning is an error."""

import sys
from pathlib import Path

import bargaining

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "bargaining"
author = "The bargaining authors"
copyright = f"2026, {author}"  # noqa: A001 (the name is Sphinx's)
version = release = bargaining.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "mathml",
    "public_api",
]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

default_role = "py:obj"  # `name` links to what it names, if that is documented
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings say more: shape, unit and domain
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"bargaining {release}"
html_show_sourcelink = False
copybutton_prompt_text = ">>> |\\.\\.\\. "
copybutton_prompt_is_regexp = True
