"""The picture of an automaton: its states on a circle, with arrows for transitions and for punishments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._arrays import Floats
from bargaining._names import titles
from bargaining.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bargaining.equilibria.automaton import Automaton, StochasticAutomaton

_NODE = 22.0  # points across
_BEND = 0.18  # of the distance: arrows there and back stay apart
_LOOP = 0.34  # size of the smallest loop, in radii of the circle of states


def of_matplotlib(value: Any, name: str, method: str) -> Any:
    """Return `value` if it has the required method of matplotlib."""
    if not hasattr(value, method):
        raise InvalidInput(f"`{name}` must be made by matplotlib or `plot`; got {value!r}.")
    return value


def literal(name: str) -> str:
    """Return a name such that matplotlib shows it as it is; it takes what is between dollars for a formula."""
    return name.replace("$", r"\$")


def visible(label: str) -> str:
    """Return a label that legends show; they leave out those that begin with `_`."""
    return f" {label}" if label.startswith("_") else label


def draw_automaton(
    automaton: Automaton | StochasticAutomaton, ax: Axes, colours: tuple[str, ...], ink: str, paper: str
) -> None:
    """Draw states, lotteries, and where each player's deviation leads."""
    count = len(automaton._drawn())
    angles = np.pi / 2 - 2 * np.pi * np.arange(count) / count
    places = np.column_stack([np.cos(angles), np.sin(angles)])
    styles = _styles(titles(automaton.player_names), colours, ink)
    between: dict[tuple[int, int], list[tuple[str, str]]] = defaultdict(list)
    for a, b, label in automaton.edges():
        kind = label if label in styles else "next"
        between[a, b].append((kind, "" if label == kind else label))
    for (a, b), arrows in between.items():
        for k, (kind, label) in enumerate(arrows):
            _arrow(ax, places[a], places[b], k, styles[kind], label, paper)
    _nodes(automaton, places, ax, ink, paper)
    for kind in dict.fromkeys(kind for arrows in between.values() for kind, _ in arrows):
        ax.plot([], [], label=visible(literal(kind)), **styles[kind])
    ax.set(xlim=(-2.4, 2.4), ylim=(-1.7, 2.5), aspect="equal")
    ax.set_axis_off()
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncol=2, frameon=False, fontsize="small")


def _styles(players: Sequence[str], colours: tuple[str, ...], ink: str) -> dict[str, dict[str, Any]]:
    return {
        "next": {"color": ink, "linestyle": "-"},
        f"{players[0]} deviates": {"color": colours[0], "linestyle": "--"},
        f"{players[1]} deviates": {"color": colours[1], "linestyle": ":"},
        "stays": {"color": colours[2], "linestyle": "-."},
    }


def _arrow(
    ax: Axes, start: Floats, end: Floats, k: int, style: dict[str, Any], label: str, paper: str
) -> None:
    """Draw the k-th arrow from one state to another, or back to itself, with its label halfway."""
    draw = _loop if (start == end).all() else _curve
    patch, middle = draw(start, end, k, style)
    ax.add_patch(patch)
    box = {"facecolor": paper, "edgecolor": "none", "pad": 0.5}
    if label:
        ax.text(middle[0], middle[1], label, fontsize="x-small", ha="center", va="center", bbox=box)


def _curve(start: Floats, end: Floats, k: int, style: dict[str, Any]) -> tuple[Any, Floats]:
    """Return an arrow that bends more the more arrows there are before it, and its middle."""
    from matplotlib.patches import FancyArrowPatch

    bend = _BEND * (k + 1)
    across = np.array([end[1] - start[1], start[0] - end[0]])
    arrow = FancyArrowPatch(
        (start[0], start[1]),
        (end[0], end[1]),
        arrowstyle="-|>",
        mutation_scale=10,
        shrinkA=_NODE / 2,
        shrinkB=_NODE / 2 + 1,
        connectionstyle=f"arc3,rad={bend}",
        linewidth=1.1,
        zorder=1,
        **style,
    )
    return arrow, (start + end) / 2 + 0.6 * bend * across


def _loop(at: Floats, _: Floats, k: int, style: dict[str, Any]) -> tuple[Any, Floats]:
    """Return a loop that leaves a state outwards and comes back, and its far end."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    size = _LOOP * (1 + 0.6 * k)
    out, side = at, np.array([-at[1], at[0]])
    corners = [at, at + size * (1.8 * out + 1.1 * side), at + size * (1.8 * out - 1.1 * side), at]
    path = Path(np.array(corners), [Path.MOVETO, *[Path.CURVE4] * 3])
    loop = PathPatch(path, fill=False, edgecolor=style["color"], linestyle=style["linestyle"], linewidth=1.1)
    loop.set(zorder=1, clip_on=False)
    return loop, at + 1.35 * size * out


def _nodes(
    automaton: Automaton | StochasticAutomaton, places: Floats, ax: Axes, ink: str, paper: str
) -> None:
    """Draw the states; those in which play may start have a heavy edge."""
    starts = {k for k, _ in automaton.start}
    loops = [sum(a == b == k for a, b, _ in automaton.edges()) for k in range(len(places))]
    for k, ((label, values), place) in enumerate(zip(automaton._drawn(), places, strict=True)):
        edge = 2.4 if k in starts else 1.0
        ax.plot(
            *place,
            "o",
            markersize=_NODE,
            markerfacecolor=paper,
            markeredgecolor=ink,
            markeredgewidth=edge,
        )
        ax.text(place[0], place[1], str(k), ha="center", va="center")
        payoffs = ", ".join(f"{float(value):.4g}" for value in values)
        far = 1.35 + (_LOOP * (1.4 + 0.8 * (loops[k] - 1)) if loops[k] else 0.0)
        x, y = far * place
        ax.text(
            x,
            y,
            f"{literal(label)}\n({payoffs})",
            fontsize="small",
            ha="left" if x > 0.3 else "right" if x < -0.3 else "center",
            va="center",
        )
