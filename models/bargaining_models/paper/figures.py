"""The paper's figures, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bargaining.plots.plot import COLOURS, DASHES
from bargaining_models.paper.pivot_game_figures import paths, sets_by_state
from bargaining_models.paper.study import Study
from bargaining_models.paper.timing_figures import reputations, transfers_over_time

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PATIENCE = 0.6


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


FIGURES: dict[str, Callable[[Study], Figure]] = {
    "F1": payoff_sets,
    "F2": transfers_over_time,
    "F3": reputations,
    "F4": sets_by_state,
    "F5": paths,
}
