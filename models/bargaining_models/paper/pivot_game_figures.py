"""The figures of the pivot game: what can be enforced by level (F4), and the path of war and agreement (F5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.plots.plot import COLOURS, DASHES
from bargaining_models.negotiation.pivot_terms import path
from bargaining_models.paper.pivot_game_study import PATIENT
from bargaining_models.paper.study import COUNTRIES, Study

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bargaining.equilibria.stochastic.payoff_sets import StatePayoffSet

YEARS = 40  # shown
SHOWN = ("0%", "10%", "20%", "30%")
ALTERNATIVES = ("lasting", "lasting, fast", "revocable", "revocable, fast")


def sets_by_state(study: Study) -> Figure:
    """F4: what the two can enforce from each level of a lasting alternative, without and with the right to leave."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, leave, title in zip(axes, (False, True), ("neither may leave", "either may leave"), strict=True):
        bare = study.pivot_game.sets("none", PATIENT, leave=leave).at(0)
        _outline(ax, bare, "black", DASHES[4], "no alternative")
        found = study.pivot_game.sets("lasting", PATIENT, leave=leave)
        for k, level in enumerate(SHOWN):
            _outline(ax, found[level], COLOURS[k], DASHES[k], f"from r = {level}")
        ax.set(xlabel="Canada, USD bn a year", ylabel="US, USD bn a year", title=title)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize="x-small")
    return figure


def _outline(ax: Axes, found: StatePayoffSet, colour: str, dash: Any, label: str) -> None:
    corners = np.vstack([found.vertices, found.vertices[:1]])
    ax.plot(*corners.T, color=colour, linestyle=dash, linewidth=1.1, label=label)
    ax.plot(*found.threat, marker="x", color=colour, markersize=5)


def paths(study: Study) -> Figure:
    """F5: the share in use expected over the years, in the war and the best agreement, and the incomes of the war."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for name, colour in zip(ALTERNATIVES, COLOURS, strict=False):
        pivot, found = study.pivot_game.games[name], study.pivot_game
        war = path(pivot, found.war(name, PATIENT), PATIENT, years=YEARS)
        agreed = path(pivot, found.terms(name, PATIENT, leave=False).agreement, PATIENT, years=YEARS)
        lines = ((war.r, "-"), (agreed.r, "--")), ((war.payoffs[:, 0], "-"), (war.payoffs[:, 1], ":"))
        for ax, drawn in zip(axes, lines, strict=True):
            for values, dash in drawn:
                label = name if dash == "-" else None
                ax.plot(values, color=colour, linestyle=dash, linewidth=1.1, label=label)
    axes[0].set(xlabel="years", ylabel="expected r in use", title="capacity")
    axes[1].set(xlabel="years", ylabel="expected income, USD bn a year", title="the war")
    _dashes(axes[0], {"-": "war", "--": "best agreement"})
    _dashes(axes[1], {"-": COUNTRIES[0], ":": COUNTRIES[1]})
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize="x-small")
    return figure


def _dashes(ax: Axes, words: dict[Any, str]) -> None:
    """Say in the picture what the dashes stand for."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color="black", linestyle=dash, linewidth=1.1) for dash in words]
    ax.legend(handles, list(words.values()), frameon=False, fontsize="x-small", loc="center right")
