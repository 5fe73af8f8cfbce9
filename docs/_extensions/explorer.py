"""Put the explorer beside the pages, from the figures that are stored; `make explorer ARGS=--compute` computes them."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1] / "_explorer"))

from build import main


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the page once the others are there."""
    if exception is None and app.builder.format == "html":
        main(Path(app.outdir, "explorer-page.html"), compute=False)


def setup(app: Sphinx) -> dict[str, object]:
    """Register it."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
