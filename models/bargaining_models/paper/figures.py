"""The paper's figures, one function each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.plots.plot import COLOURS, DASHES, MARKERS
from bargaining_models.paper.bands import ENVIRONMENTS, bands_table
from bargaining_models.paper.bands import SHARES as BANDED
from bargaining_models.paper.pivot_game import PATIENT, PivotGameStudy
from bargaining_models.paper.study import Study
from bargaining_models.paper.timing import BREAKDOWN, PivotStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PATIENCE = 0.6  # a year
LEAVING = ((False, "neither may leave"), (True, "either may leave"))
LAST = 8.0  # years of F2
LEVELS = ("0%", "10%", "20%", "30%")


def leverage(study: Study) -> Figure:
    """F0: the leverage that the alternative takes away, median and [5, 95], by what happens without an agreement."""
    rows = [
        row for row in bands_table(study).records() if row["route"] == "open" and row["lost_r"] is not None
    ]
    figure, axes = _panels(sharey=True)
    cases = list(dict.fromkeys(row["disagreement"] for row in rows))
    places = np.array([0.02, *BANDED])
    for ax, date in zip(axes, ENVIRONMENTS, strict=True):
        shown = [row for row in rows if row["environment"] == date[-4:]]
        for k, row in enumerate(shown):
            low, middle, high = np.array([row[f"lost_{r}"] for r in ("r", *map(str, BANDED))]).T
            ax.errorbar(
                places + 0.006 * (k - (len(shown) - 1) / 2),
                middle,
                yerr=[middle - low, high - middle],
                color=COLOURS[cases.index(row["disagreement"])],
                marker="osD^vP"[cases.index(row["disagreement"])],
                linestyle="none",
                markersize=4,
                elinewidth=0.9,
                label=row["disagreement"],
            )
        ax.axhline(0.0, color="black", linewidth=0.6)
        ax.set(xlabel="r", title=f"tariffs of {date}", xticks=places)
        ax.legend(frameon=False, fontsize="x-small", loc="upper left")
    axes[0].set_ylabel("leverage lost, %")
    return figure


def payoff_sets(study: Study) -> Figure:
    """F1: what the two countries can enforce as r grows, without and with the right to leave."""
    figure, axes = _panels()
    for ax, (leave, title) in zip(axes, LEAVING, strict=True):
        for (r, game), colour, dash in zip(study.tariff_games.items(), COLOURS, DASHES, strict=False):
            _outline(ax, game.payoff_set(PATIENCE, leave=leave), colour, dash, f"r = {r:g}")
        ax.set(xlabel="Canada, % of real income", ylabel="US, % of real income", title=title)
    axes[0].legend(frameon=False, fontsize="small")
    return figure


def transfers_over_time(study: Study) -> Figure:
    """F2: what Canada would pay if they agreed at each date, by the path of r, the China route open and closed."""
    figure, axes = _panels(sharey=True)
    dates = np.linspace(0.0, LAST, 401)
    for ax, route, title in zip(axes, (True, False), ("route open", "route closed by the deal"), strict=True):
        for k, (name, pivots) in enumerate(study.once(PivotStudy).paths.items()):
            transfer = pivots[route].offers(breakdown=BREAKDOWN).transfer_at(dates)
            ax.plot(dates, transfer, linestyle=DASHES[k], label=name, **_look(k, len(dates)))
        ax.set(xlabel="years until they agree", title=title)
    axes[0].set_ylabel("Canada to US, USD bn a year")
    axes[0].legend(frameon=False, fontsize="x-small")
    return figure


def sets_by_state(study: Study) -> Figure:
    """F4: what the two can enforce from each level of a lasting alternative, without and with the right to leave."""
    figure, axes = _panels()
    for ax, (leave, title) in zip(axes, LEAVING, strict=True):
        games = study.once(PivotGameStudy).games
        bare = games["none"].enforceable(PATIENT, leave=leave).at(0)
        _outline(ax, bare, "black", DASHES[4], "no alternative")
        found = games["lasting"].enforceable(PATIENT, leave=leave)
        for k, level in enumerate(LEVELS):
            _outline(ax, found[level], COLOURS[k], DASHES[k], f"from r = {level}")
        ax.set(xlabel="Canada, USD bn a year", ylabel="US, USD bn a year", title=title)
    return _with_legend(figure, 5)


def shows(name: str) -> str:
    """Return what a figure shows, in a line."""
    return (FIGURES[name].__doc__ or "").partition("\n")[0].removeprefix(f"{name}: ")


def _look(k: int, points: int) -> dict[str, Any]:
    """How line k is drawn: marks, at other places on each line, tell lines apart where colours print grey."""
    step = max(points // 7, 1)
    marks = {"marker": MARKERS[k], "markersize": 4, "markevery": (k * step // 7, step)}
    return {"color": COLOURS[k], "linewidth": 1.1, **marks}


def _panels(**shared: Any) -> tuple[Figure, Any]:
    """Two panels beside each other."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    return figure, figure.subplots(1, 2, **shared)


def _with_legend(figure: Figure, columns: int) -> Figure:
    """Put the legend of the first panel under both."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize="x-small"
    )
    return figure


def _outline(ax: Axes, found: Any, colour: str, dash: Any, label: str) -> None:
    corners = np.vstack([found.vertices, found.vertices[:1]])
    ax.plot(*corners.T, color=colour, linestyle=dash, linewidth=1.1, label=label)
    ax.plot(*found.threat, marker="x", color=colour, markersize=5)


FIGURES: dict[str, Callable[[Study], Figure]] = {
    "F0": leverage,
    "F1": payoff_sets,
    "F2": transfers_over_time,
    "F4": sets_by_state,
}
