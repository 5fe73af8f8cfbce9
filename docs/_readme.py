"""Draw the picture of README and of the front page, and compute README's table: `make readme`.

The picture: two firms meet in a market again and again. What they can enforce, and how they divide it, with and without
a right to leave for something else. The table: what Canada pays for free trade, by what it can do without an agreement.
"""

from pathlib import Path

import numpy as np

from bargaining import Exit, Game, PayoffSet, RepeatedGame, Table, nash, payoff_set, save_figure
from bargaining_models.paper.study import ELASTICITIES, Study
from bargaining_models.paper.tables import TABLES

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- headline: written by `make readme` -->\n", "<!-- /headline -->"
SHARES = (0.0, 0.1, 0.2, 0.3)
ROWS = (
    ("fight a tariff war, for good", "open", "Nash"),
    ("the same, but a deal closes the China route", "closed", "Nash"),
    ("walk out into the tariff war at any time", "closed", "Offers, outside option: war"),
    ("close the border at any time", "closed", "Offers, outside option: exit"),
)
LEAVE = (20, 8)
SHADES = {
    "light": {"ink": "#1f2328", "stay": "#8c8c8c", "leave": "#0072B2", "split": "#D55E00"},
    "dark": {"ink": "#e6edf3", "stay": "#a0a0a0", "leave": "#56B4E9", "split": "#FF9D4D"},
}


def sets() -> tuple[PayoffSet, PayoffSet]:
    """Return what the two can enforce without the right to leave, and with it."""
    sold = np.arange(9)
    price = np.maximum(12 - sold[:, None] - sold, 0)
    market = Game(sold[:, None] * price, sold * price)
    return payoff_set(RepeatedGame(market, 0.6)), payoff_set(RepeatedGame(market, 0.6, exit=Exit(LEAVE)))


def draw(path: Path, shade: str) -> Path:
    """Write the picture to `path`, for a page of this shade."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    colours = SHADES[shade]
    stay, leave = sets()
    ink = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), colours["ink"])
    with rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "font.size": 11, **ink}):
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        figure.patch.set_alpha(0)
        ax = figure.add_subplot()
        ax.patch.set_alpha(0)
        for found, name, words, place in (
            (stay, "stay", "neither may leave", (5.4, 17)),
            (leave, "leave", f"either may leave,\nfor {LEAVE[0]} or {LEAVE[1]} a period", (20.8, 5)),
        ):
            ax.fill(*found.vertices.T, color=colours[name], alpha=0.2, linewidth=0)
            ax.plot(*np.vstack([found.vertices, found.vertices[:1]]).T, color=colours[name], linewidth=1.8)
            ax.plot(*found.threat, "x", color=colours[name], markersize=8, markeredgewidth=2)
            ax.text(*place, words, color=colours[name], fontsize=11)
            split = nash(found.problem()).payoffs
            ax.plot(*split, "o", color=colours["split"], markersize=9)
            ax.annotate(
                f"Nash split {split[0]:.0f}, {split[1]:.0f}",
                split,
                xytext=(10, 6),
                textcoords="offset points",
                color=colours["split"],
                fontweight="bold",
            )
        ax.set_xlabel("first firm, profit per period")
        ax.set_ylabel("second firm, profit per period")
        ax.set_xlim(0, 35)
        ax.set_ylim(0, 33)
        for side, spine in ax.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(colours["ink"])
        return save_figure(ax, path)


def headline() -> str:
    """Return README's table: rows of the paper's headline table, with the range over the sets of elasticities."""
    tables = [TABLES["headline"].at(Study(elasticities=name)) for name in ELASTICITIES]
    lines = [
        "| Without a deal Canada can | " + " | ".join(f"r = {share:.0%}" for share in SHARES) + " |",
        "| :--- |" + " ---: |" * len(SHARES),
    ]
    for words, route, reading in ROWS:
        cells = []
        for share in SHARES:
            paid = [_cell(table, route, reading, f"{share:g}") for table in tables]
            cell = f"**{paid[0]:.1f}** ({min(paid):.1f} to {max(paid):.1f})"
            cells.append(cell.replace("-", "\N{MINUS SIGN}"))
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(table: Table, route: str, reading: str, column: str) -> float:
    names = [each.name for each in table.columns]
    (row,) = (row for row in table.rows if row[:2] == (route, reading))
    return float(row[names.index(column)])


def main() -> None:
    """Write both into their files."""
    for shade in SHADES:
        print(draw(DOCS / "_static" / f"payoff-sets-{shade}.svg", shade))
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + headline() + END + rest.partition(END)[2], encoding="utf-8")
    print(README)


if __name__ == "__main__":
    main()
