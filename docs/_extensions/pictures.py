"""Draw a picture from the code in a page: the directive `picture`.

Its argument is the alternative text, its body Python that leaves matplotlib axes or a figure in `ax`. The picture is
drawn at every build, so it shows what the library computes.
"""

from hashlib import sha256
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from bargaining import save_figure

FOLDER = "reference/generated/pictures"


class Picture(Directive):
    """Run the code and show what it drew."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return the picture, centred; an error in the code is an error of the page."""
        import matplotlib.pyplot as plt

        code = "\n".join(self.content)
        name = f"{sha256(code.encode()).hexdigest()[:12]}.svg"
        names: dict[str, object] = {}
        try:
            exec(code, names)
        except Exception as error:
            raise self.error(f"cannot draw the picture: {error!r}") from error
        app: Sphinx = self.state.document.settings.env.app
        save_figure(names["ax"], Path(app.srcdir, FOLDER, name))
        plt.close("all")
        return [nodes.image(uri=f"/{FOLDER}/{name}", alt=self.arguments[0], align="center")]


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
