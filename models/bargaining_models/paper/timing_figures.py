"""The figures of timing: the transfer over time (F2) and the path of reputations (F3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bargaining.plots.plot import COLOURS, DASHES
from bargaining_models.paper.pivot_study import HAZARD, POSTURES
from bargaining_models.paper.study import COUNTRIES, SHARES, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LAST = 8.0  # years shown
SHOWN = (0.05, 0.15, 0.30)  # of `SHARES`, as more lines would hide each other


def transfers_over_time(study: Study) -> Figure:
    """F2: what Canada would pay if they agreed at each date, by the path of r, the China route open and closed."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    dates = np.linspace(0.0, LAST, 401)
    for ax, route, title in zip(axes, (True, False), ("route open", "route closed by the deal"), strict=True):
        for (name, pivots), colour, dash in zip(study.timing.paths.items(), COLOURS, DASHES, strict=False):
            transfer = pivots[route].offers(hazard=HAZARD).transfer_at(dates)
            ax.plot(dates, transfer, color=colour, linestyle=dash, linewidth=1.1, label=name)
        ax.set(xlabel="years until they agree", title=title)
    axes[0].set_ylabel("Canada to US, USD bn a year")
    axes[0].legend(frameon=False, fontsize="x-small")
    return figure


def reputations(study: Study) -> Figure:
    """F3: the belief that each country will never give way, while neither does, by posture of the US and by r."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    titles = ("US insists on the terms of r = 0", "US insists on 85% of the surplus")
    for ax, posture, title in zip(axes, POSTURES, titles, strict=True):
        outcome = study.timing.hold_out(True, posture).outcome
        dates = np.linspace(0.0, float(outcome.horizon.max()), 401)
        paths = outcome.reputation(dates)
        for share, colour in zip(SHOWN, COLOURS, strict=False):
            k = int(np.argmin(np.abs(SHARES[1:] - share)))
            for country, dash in zip((0, 1), DASHES, strict=False):
                label = f"{COUNTRIES[country]}, r = {share:g}"
                ax.plot(dates, paths[k, :, country], color=colour, linestyle=dash, linewidth=1.1, label=label)
        ax.set(xlabel="years", title=title, ylim=(0.0, 1.02))
    axes[0].set_ylabel("belief that it never gives way")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize="x-small")
    return figure
