"""Draw a picture from the code in a page: the directive `picture`.

Its argument is the alternative text, its body Python that leaves matplotlib axes or a figure in `ax`. The picture is
drawn at every build, so it shows what the library computes. With the option `code` the reader can unfold the code.
"""

from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

from bargaining import save_figure

FOLDER = "reference/generated/pictures"
CLEAR = {"figure.facecolor": "none", "savefig.facecolor": "auto"}
STYLES: dict[str, list[object]] = {
    "light": ["default", CLEAR],
    "dark": ["dark_background", CLEAR | {"axes.facecolor": "#131416"}],  # the theme's page
}


class Picture(Directive):
    """Run the code and show what it drew."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"code": directives.flag}

    def run(self) -> list[nodes.Node]:
        """Return the picture, once for light pages and once for dark; an error in the code is an error of the page."""
        import matplotlib.pyplot as plt

        code = "\n".join(self.content)
        app: Sphinx = self.state.document.settings.env.app
        images: list[nodes.Node] = []
        for shade, style in STYLES.items():
            path = f"{FOLDER}/{sha256(code.encode()).hexdigest()[:12]}-{shade}.svg"
            names: dict[str, object] = {}
            with plt.style.context(style):
                try:
                    exec(code, names)
                except Exception as error:
                    raise self.error(f"cannot draw the picture: {error!r}") from error
                save_figure(names["ax"], Path(app.srcdir, path))
            plt.close("all")
            images.append(
                nodes.image(uri=f"/{path}", alt=self.arguments[0], align="center", classes=[f"only-{shade}"])
            )
        if "code" in self.options:
            shown = nodes.literal_block(code, code, language="python")
            opened = '<details class="code"><summary>Code</summary>'
            return [
                *images,
                nodes.raw("", opened, format="html"),
                shown,
                nodes.raw("", "</details>", format="html"),
            ]
        return images


def setup(app: Sphinx) -> dict[str, object]:
    """Register the directive."""
    app.add_directive("picture", Picture)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
