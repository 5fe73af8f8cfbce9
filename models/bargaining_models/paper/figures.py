"""The paper's figures, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from bargaining.plots.plot import COLOURS, DASHES
from bargaining_models.paper.bands import ROUTES, bands_table
from bargaining_models.paper.bands import SHARES as BANDED
from bargaining_models.paper.hidden_protection import noise
from bargaining_models.paper.pivot_game_figures import paths, sets_by_state
from bargaining_models.paper.study import Study
from bargaining_models.paper.timing_figures import reputations, transfers_over_time

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATIENCE = 0.6  # a year


def payoff_sets(study: Study) -> Figure:
    """F1: what the two countries can enforce as r grows, without and with the right to leave."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, leave, title in zip(axes, (False, True), ("neither may leave", "either may leave"), strict=True):
        for (r, game), colour, dash in zip(study.tariff_games.items(), COLOURS, DASHES, strict=False):
            found = game.payoff_set(PATIENCE, leave=leave)
            corners = [*found.vertices, found.vertices[0]]
            ax.plot(
                *zip(*corners, strict=True), color=colour, linestyle=dash, linewidth=1.1, label=f"r = {r:g}"
            )
            ax.plot(*found.threat, marker="x", color=colour, markersize=5)
        ax.set(xlabel="Canada, % of real income", ylabel="US, % of real income", title=title)
    axes[0].legend(frameon=False, fontsize="small")
    return figure


def leverage(study: Study) -> Figure:
    """F0: the leverage that the alternative takes away, median and [5, 95], by what happens without an agreement."""
    from matplotlib.figure import Figure

    rows = bands_table(study).records()
    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    dates, cases = (list(dict.fromkeys(row[key] for row in rows)) for key in ("environment", "disagreement"))
    marks = dict(zip(cases, zip(COLOURS, "osD^vP", strict=False), strict=False))
    for ax, date in zip(figure.subplots(1, len(dates), sharey=True), dates, strict=True):
        shown = [row for row in rows if row["environment"] == date and row["route"] == ROUTES["open"]]
        for k, row in enumerate(shown):
            colour, marker = marks[row["disagreement"]]
            middle = np.array([row[f"lost_{r}"] for r in ("r", *map(str, BANDED))])
            low, high = np.array([row[f"lost_{r}_band"] for r in ("r", *map(str, BANDED))]).T
            ax.errorbar(
                np.array([0.02, *BANDED]) + 0.006 * (k - (len(shown) - 1) / 2),
                middle,
                yerr=[middle - low, high - middle],
                color=colour,
                marker=marker,
                linestyle="none",
                markersize=4,
                elinewidth=0.9,
                label=row["disagreement"],
            )
        ax.axhline(0.0, color="black", linewidth=0.6)
        ax.set(xlabel="r", title=f"tariffs of {date}", xticks=[0.02, *BANDED])
        ax.legend(frameon=False, fontsize="x-small", loc="upper left")
    figure.axes[0].set_ylabel("leverage lost, %")
    return figure


FIGURES: dict[str, Callable[[Study], Figure]] = {
    "F0": leverage,
    "F1": payoff_sets,
    "F2": transfers_over_time,
    "F3": reputations,
    "F4": sets_by_state,
    "F5": paths,
    "F6": noise,
}
