"""Write the claims of the paper, as they are stored, for the page that includes them."""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from bargaining_models.paper.reproduce import stored


def claims() -> str:
    """Return each claim of table T4 with its verdict, the figures and what they hang on."""
    parts = []
    for claim, verdict, figures, assumption in stored("T4").rows:
        parts.append(f"## {claim}\n\n**{_sentence(verdict)}**\n\n")
        parts.append(f"Figures\n: {_sentence(figures)}\n\nHangs on\n: {_sentence(assumption)}\n\n")
    return "".join(parts)


def _sentence(text: object) -> str:
    return f"{str(text)[0].upper()}{str(text)[1:].rstrip('.')}."


def write(app: Sphinx, config: Config) -> None:
    """Write what the page includes, and leave it alone if it would not change."""
    path = Path(app.srcdir, "reference", "generated", "claims.txt")
    path.parent.mkdir(exist_ok=True)
    text = claims()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Write the text before Sphinx reads the page."""
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
