"""Draw the picture of README and of the front page, and compute README's table: `make readme`.

The picture: two firms meet in a market again and again. What they can enforce, and how they divide it, with and without
a right to leave for something else. The table: what Canada pays for free trade, by what it can do without an agreement.
"""

from pathlib import Path

import numpy as np

from bargaining import Exit, Game, PayoffSet, RepeatedGame, nash, payoff_set, save_figure
from bargaining_models.paper.tables import stored

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
BEGIN, END = "<!-- headline: written by `make readme` -->\n", "<!-- /headline -->"
ROWS = (
    ("2026", "tariff war", "open", "a tariff war, for good"),
    ("2026", "tariff war", "closed", "the same, but a deal closes the China route"),
    ("2026", "US tariff only", "open", "a US tariff that Canada does not answer"),
    ("2026", "day's tariffs", "open", "the tariffs of the day go on"),
    ("2026", "day's tariffs", "closed", "the same, but a deal closes the China route"),
    ("2023", "tariff war", "open", "a tariff war, at the tariffs of 2023"),
    ("2023", "tariff war", "closed", "the same, but a deal closes the China route"),
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
    """Return README's table: rows of T0, and what the headline table has for exports that are diverted."""
    bands = {(row["environment"], row["disagreement"], row["route"]): row for row in stored("T0").records()}
    literal = {
        (row["tariffs"], row["route"]): row
        for row in stored("headline").records()
        if row["reading"] == "Nash"
    }
    heads = ("If talks fail", "Canada pays at r = 0", "lost at r = 10%", "r = 15%", "no deal", "10% diverted")
    lines = ["| " + " | ".join(heads) + " |", "| :--- |" + " ---: |" * (len(heads) - 1)]
    for date, disagreement, route, words in ROWS:
        row = bands[date, disagreement, route]
        cells = [
            _band(row["transfer_0"], ".1f", ""),
            *(_band(row[f"lost_{r}"], ".0f", "%") for r in ("0.1", "0.15")),
        ]
        other = literal[date, route]
        none = (
            "all, no deal"
            if other["diverted_0.1"] is None
            else f"{1 - other['diverted_0.1'] / other['0']:.0%}"
        )
        cells += [f"{row['none_0.15']:.0f}%", none if disagreement == "tariff war" else ""]
        lines.append(f"| {words} | " + " | ".join(cells).replace("-", "\N{MINUS SIGN}") + " |")
    return "\n".join(lines) + "\n"


def _band(cell: tuple[float, float, float], digits: str, unit: str) -> str:
    low, median, high = (format(value, digits) for value in cell)
    return f"**{median}{unit}** ({low} to {high})"


def main() -> None:
    """Write both into their files."""
    for shade in SHADES:
        print(draw(DOCS / "_static" / f"payoff-sets-{shade}.svg", shade))
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + headline() + END + rest.partition(END)[2], encoding="utf-8")
    print(README)


if __name__ == "__main__":
    main()
