"""Run the notebooks and store what they show: `make notebooks`. Pictures are SVG without dates, alike at every run."""

import os
import re
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent / "notebooks"
QUIET = ["--log-level=ERROR", "--InlineBackend.figure_formats={'svg'}"]
DEVELOPMENT = r"\.dev\d+\+[\w.]*"  # the part of a version that names a commit
SETTINGS = "svg.hashsalt: bargaining\nsvg.fonttype: none\nfigure.figsize: 5, 3.6\n"


def run(path: Path) -> nbformat.NotebookNode:
    """Return a notebook as it is after a run, with nothing in it that says when or where."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "matplotlibrc")
        settings.write_text(SETTINGS, encoding="utf-8")
        os.environ |= {"MATPLOTLIBRC": str(settings), "SOURCE_DATE_EPOCH": "0"}
        NotebookClient(
            book, timeout=120, extra_arguments=QUIET, resources={"metadata": {"path": path.parent}}
        ).execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            for kind, shown in output.get("data", {}).items():
                output.data[kind] = re.sub(DEVELOPMENT, "", shown)
        for before, output in list(pairwise(cell.get("outputs", ())))[
            ::-1
        ]:  # how a stream is cut depends on the clock
            if before.output_type == output.output_type == "stream" and before.name == output.name:
                before.text += output.text
                cell.outputs.remove(output)
    book.metadata.language_info = {"name": "python"}
    return book


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(FOLDER.glob("*.ipynb"))):
        nbformat.write(run(path), path)
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
