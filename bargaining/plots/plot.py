"""Pictures of problems, divisions, games, payoff sets, strategies, sweeps and reputations."""

from __future__ import annotations

import io
import weakref
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._arrays import Floats
from bargaining._calls import needs, suggesting
from bargaining._files import path_of, put
from bargaining._names import are_given, titles
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable, Status, with_article
from bargaining.games.kinds import kind_of, loaded
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.problem import Problem, frontier_of, pareto_part

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bargaining.equilibria.automaton import Automaton, StochasticAutomaton
    from bargaining.equilibria.payoff_polygon import PayoffPolygon
    from bargaining.equilibria.payoff_set import PayoffBounds
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.protocols.reputation import ReputationalOutcome


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


def draw_automaton(automaton: Automaton | StochasticAutomaton, ax: Axes) -> None:
    """Draw states on a circle, lotteries, and where each player's deviation leads.

    States in which play may start have a heavy edge.
    """
    drawn, starts = automaton._drawn(), {k for k, _ in automaton.start}
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(drawn)) / len(drawn)
    places = np.column_stack([np.cos(angles), np.sin(angles)])
    first, second = titles(automaton.player_names)[:2]
    kinds = ["next", f"{first} deviates", f"{second} deviates", "stays"]
    looks = zip((ink(), *colours()), ("-", "--", ":", "-."), strict=False)
    styles: dict[str, dict[str, Any]] = {
        kind: {"color": c, "linestyle": dash} for kind, (c, dash) in zip(kinds, looks, strict=True)
    }
    between: dict[tuple[int, int], list[str]] = defaultdict(list)
    for a, b, label in automaton.edges():
        between[a, b].append(label)
    for (a, b), labels in between.items():
        for k, label in enumerate(labels):
            kind = label if label in styles else "next"
            _arrow(ax, places[a], places[b], k, styles[kind], "" if label == kind else label)
    for k, ((label, values), place) in enumerate(zip(drawn, places, strict=True)):
        edge: dict[str, Any] = {"markeredgecolor": ink(), "markeredgewidth": 2.4 if k in starts else 1.0}
        ax.plot(*place, "o", markersize=_NODE, markerfacecolor=_paper(), **edge)
        ax.text(place[0], place[1], str(k), ha="center", va="center")
        payoffs = ", ".join(f"{float(value):.4g}" for value in values)
        loops = len(between.get((k, k), ()))
        x, y = (1.35 + (_LOOP * (1.4 + 0.8 * (loops - 1)) if loops else 0.0)) * place
        side = "left" if x > 0.3 else "right" if x < -0.3 else "center"
        ax.text(x, y, f"{literal(label)}\n({payoffs})", fontsize="small", ha=side, va="center")
    used = [label if label in styles else "next" for labels in between.values() for label in labels]
    for kind in dict.fromkeys(used):
        ax.plot([], [], label=visible(literal(kind)), **styles[kind])
    ax.set(xlim=(-2.4, 2.4), ylim=(-1.7, 2.5), aspect="equal")
    ax.set_axis_off()
    if used:
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncol=2, frameon=False, fontsize="small")


def _arrow(ax: Axes, start: Floats, end: Floats, k: int, style: dict[str, Any], label: str) -> None:
    """Draw the k-th arrow from one state to another, or a loop outwards and back, with its label halfway.

    Arrows bend more, and loops are larger, the more there are before.
    """
    from matplotlib.patches import FancyArrowPatch, PathPatch
    from matplotlib.path import Path

    patch: Any
    if (start == end).all():
        size, side = _LOOP * (1 + 0.6 * k), np.array([-start[1], start[0]])
        far = [start + size * (1.8 * start + turn * side) for turn in (1.1, -1.1)]
        path = Path(np.array([start, *far, start]), [Path.MOVETO, *[Path.CURVE4] * 3])
        patch = PathPatch(path, fill=False, edgecolor=style["color"], linestyle=style["linestyle"])
        patch.set(clip_on=False)
        middle = start + 1.35 * size * start
    else:
        bend = _BEND * (k + 1)
        ends: dict[str, Any] = {"shrinkA": _NODE / 2, "shrinkB": _NODE / 2 + 1, "mutation_scale": 10}
        curved = f"arc3,rad={bend}"
        patch = FancyArrowPatch(
            (start[0], start[1]), (end[0], end[1]), arrowstyle="-|>", connectionstyle=curved, **ends, **style
        )
        middle = (start + end) / 2 + 0.6 * bend * np.array([end[1] - start[1], start[0] - end[0]])
    patch.set(linewidth=1.1, zorder=1)
    ax.add_patch(patch)
    if label:
        box = {"facecolor": _paper(), "edgecolor": "none", "pad": 0.5}
        ax.text(middle[0], middle[1], label, fontsize="x-small", ha="center", va="center", bbox=box)


__all__ = ["plot", "save_figure"]

# Okabe and Ito's colours, which the colour-blind can distinguish; in grey, markers and dashes distinguish them.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
_GREY = "#8C8C8C"
_SHADE = 0.14  # opacity: what lies below shows, on light and on dark pages
_ANGLES = 257  # directions in which a frontier is asked for: a smooth curve at any size of picture
_FAR = 1e3  # times the largest level: nothing that is drawn is farther
# Of the largest level: a single point is not lost to rounding, first in a large box and then in a close one.
_SLACKS = 1e-9, 1e-12
_OPEN = 20  # figures, where matplotlib's settings name no limit

_ours: list[weakref.ref[Any]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The style and label of a result among others in its picture; a single result has no label, and shows more."""

    label: str
    first: int
    alone: bool

    def named(self, name: str) -> str:
        """Return the label of a part of the result."""
        return f"{self.label}, {name}" if self.label else visible(name)

    def style(self, k: int = 0) -> dict[str, Any]:
        """Return the colour and the dash of its k-th line."""
        return {"color": colours()[self.first + k], "linestyle": DASHES[self.first + k], "linewidth": 1.2}

    def marker(self) -> dict[str, Any]:
        """Return the colour and the marker of its points, with a rim that parts them from lines."""
        return {"color": colours()[self.first], "marker": MARKERS[self.first], "markeredgecolor": _paper()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How results of a class are drawn, on which axes, and with how many lines."""

    draw: Callable[[Any, Axes, Look], None]
    axes: str
    lines: Callable[[Any], int] = lambda _: 1


@suggesting
def plot(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a result, or several in one picture.

    Parameters
    ----------
    result : Problem, Division, Game, PayoffSet, Automaton, ReputationalOutcome, Dataset, or several of them
        A `Problem` of two players is drawn as its frontier above the disagreement point, with the ideal point; a
        `Division` adds the solution. Of several disagreement points all are drawn, and a line through the solutions.
        A `Game` is drawn as the payoffs of its profiles, with its pure equilibria. A
        `PayoffSet` is drawn with its vertices, the threat point, the exit and the payoffs of the stage game; what
        `payoff_bounds` found as its inner and its outer set; the sets of a stochastic game as one outline and threat a
        state; an `Automaton`, or a `StochasticAutomaton`, as a graph; a heavy edge marks a start. A
        `ReputationalOutcome` is drawn as the probabilities of having conceded. A `Dataset` from `sweep` with one
        variable, or `data["x"]` of several, is drawn against its longest numeric axis, with a line for each other cell
        and player. Several results, in a list or a mapping of labels to them, share one picture if they have the same
        axes: all that consists of payoffs of two players, sweeps, or reputations.
    ax : Axes, optional
        Where to draw; a new figure with a transparent background if None. Of the figures made so, the oldest are
        closed once there are more than 20 (`figure.max_open_warning` in the settings of matplotlib).

    Returns
    -------
    Axes
        The axes, for titles and more.

    Raises
    ------
    NotApplicable
        If there is no picture for `result`, it does not have two players, or several results cannot share axes.
    InvalidInput
        If `result` is a batch of sets, or several variables, or needs more than eight lines; or if results have the
        players in another order.

    Notes
    -----
    Text and lines without a label have matplotlib's colour of text, so that
    ``plt.style.use("dark_background")`` is enough for a dark page. Labelled lines have colours that the
    colour-blind can distinguish, and differ in dash or marker too.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from bargaining import Problem, TransferableSurplus, nash, plot
    >>> problem = Problem(TransferableSurplus(1.0), [0.0, 0.2])
    >>> ax = plot(nash(problem), ax=Figure().add_subplot())
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('payoff of player 0', ['disagreement', 'ideal', 'nash'])
    """
    entries = _entries(result)
    kinds = [_kind(one) for _, one in entries]
    if len({kind.axes for kind in kinds}) > 1 or (len(entries) > 1 and not kinds[0].axes):
        names = dict.fromkeys(type(one).__name__ for _, one in entries)
        raise NotApplicable(
            f"`result` must be results that share axes; got {' and '.join(names)}. Draw each by itself."
        )
    lines = [kind.lines(one) for kind, (_, one) in zip(kinds, entries, strict=True)]
    if sum(lines) > len(COLOURS):
        raise InvalidInput(
            f"`result` would be {sum(lines)} lines; at most {len(COLOURS)} can be told apart. Draw fewer, or pick "
            "cells of a sweep with `.sel(...)`."
        )
    with needs("paper"):
        import matplotlib.pyplot  # noqa: F401
    ax = _new_axes() if ax is None else of_matplotlib(ax, "ax", "spines")
    looks = [
        Look(label=entry[0], first=sum(lines[:k]), alone=len(entries) == 1) for k, entry in enumerate(entries)
    ]
    _draw_common_problems([one for _, one in entries], looks, ax)
    for kind, (_, one), look in zip(kinds, entries, looks, strict=True):
        kind.draw(one, ax, look)
    _finish(ax, ours=bool(kinds[0].axes))
    return ax


def _finish(ax: Axes, *, ours: bool) -> None:
    """Remove superfluous lines, and add a legend if there are labels; a picture that has its own keeps it."""
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[1] and (ours or ax.get_legend() is None):
        ax.legend(frameon=False, fontsize="small")


def _entries(result: Any) -> list[tuple[str, Any]]:
    """Return the results with their labels; one that is alone has none."""
    from bargaining.equilibria.payoff_set import StochasticPayoffBounds

    by_state = isinstance(result, StochasticPayoffBounds)
    if not by_state and (kind_of(result, "result") is not None or _is_labelled(result)):
        return [("", result)]
    if isinstance(result, Mapping) and result:
        return [(visible(literal(label) if by_state else str(label)), one) for label, one in result.items()]
    if isinstance(result, Sequence) and not isinstance(result, str) and result:
        names = [one.method if isinstance(one, Division) else str(k) for k, one in enumerate(result)]
        twice = {name for name in names if names.count(name) > 1}
        return [
            (f"{n} ({k})" if n in twice else n, one)
            for k, (n, one) in enumerate(zip(names, result, strict=True))
        ]
    return [(result.method if isinstance(result, Division) else "", result)]


def _is_labelled(result: Any) -> bool:
    return type(result).__module__.startswith("xarray") and hasattr(result, "dims")


def _kind(result: Any) -> Kind:
    """Return how to draw one result."""
    from bargaining.equilibria.automaton import Automaton, StochasticAutomaton
    from bargaining.equilibria.payoff_polygon import PayoffPolygon
    from bargaining.equilibria.payoff_set import PayoffBounds
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.protocols.reputation import ReputationalOutcome

    if _is_labelled(result):
        return Kind(draw=_draw_sweep, axes="sweep", lines=_lines)
    kinds: dict[Any, Kind] = {
        Problem: Kind(draw=_draw_problem, axes="payoffs"),
        Division: Kind(draw=_draw_division, axes="payoffs"),
        Game: Kind(draw=_draw_game, axes="payoffs"),
        PayoffPolygon: Kind(draw=_draw_payoff_set, axes="payoffs"),
        PayoffBounds: Kind(draw=_draw_bounds, axes="payoffs"),
        StochasticPayoffSets: Kind(draw=_draw_states, axes="payoffs", lines=len),
        Automaton | StochasticAutomaton: Kind(draw=lambda one, ax, _: draw_automaton(one, ax), axes=""),
        ReputationalOutcome: Kind(draw=_draw_reputation, axes="time", lines=lambda _: 2),
    }
    known = next((kind for known, kind in kinds.items() if isinstance(result, known)), None)
    if known is None:
        row = kind_of(result, "result")
        if row is None or row.picture is None:
            raise NotApplicable(
                "`result` must be a Problem, a Division, a Game, payoff sets or bounds, an Automaton, a "
                f"ReputationalOutcome or a Dataset, or several of them; got {with_article(result)}."
            )
        picture = loaded(row.picture)
        known = Kind(draw=lambda one, ax, _: picture(one, ax), axes="")
    return known


def _new_axes() -> Axes:
    """Return axes in a new pyplot figure; the oldest figures made in this way are closed."""
    import matplotlib.pyplot as plt

    limit = plt.rcParams["figure.max_open_warning"] or _OPEN
    figures = [figure for known in _ours if (figure := known()) and plt.fignum_exists(figure.number)]
    while figures and len(plt.get_fignums()) >= limit:
        plt.close(figures.pop(0))
    figure, ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained", facecolor="none")
    ax.set_facecolor("none")
    _ours[:] = map(weakref.ref, (*figures, figure))
    return ax


def colours() -> tuple[str, ...]:
    """Return the colours of lines, with the colour of text in the place of black: it shows on dark pages too."""
    return tuple(ink() if colour == "#000000" else colour for colour in COLOURS)


def ink() -> str:
    """Return the colour of text."""
    import matplotlib as mpl

    return str(mpl.rcParams["text.color"])


def _paper() -> str:
    import matplotlib as mpl

    return str(mpl.rcParams["axes.facecolor"])


def _two_players(players: int, batch: tuple[int, ...], what: str) -> None:
    if players != 2:
        raise NotApplicable(f"a picture has two players; got {players}.")
    if batch:
        raise InvalidInput(f"`result` must be one {what}; got a batch of shape {batch}.")


def _draw_problem(problem: Problem, ax: Axes, look: Look) -> None:
    _two_players(problem.players, problem.feasible.batch_shape, "set")
    threats = problem.disagreement.reshape(-1, 2)
    d = threats.min(axis=0)
    lowest = Problem(problem.feasible, d)  # what is above any of several disagreement points
    ideal, edge = lowest.ideal, frontier_of(lowest, _ANGLES)
    style: dict[str, Any] = look.style() | {"label": look.label or None}
    if look.alone:
        style = {"color": ink(), "linewidth": 1.2}
    if len(edge):
        ax.fill(
            *np.vstack([d, edge]).T, color=_GREY if look.alone else style["color"], alpha=_SHADE, linewidth=0
        )
        ax.plot(*pareto_part(edge).T, **style)
    ax.plot(*threats.T, "x", color=style["color"], label="disagreement" if look.alone else None)
    if np.isfinite(ideal).all() and look.alone:
        ax.plot(*ideal, "+", color=_GREY, label="ideal")
    _label_payoffs(ax, problem.player_names)


def _draw_common_problems(results: Sequence[Any], looks: Sequence[Look], ax: Axes) -> None:
    """Draw the problems of divisions, each once; a problem common to all is drawn as if alone."""
    answered = {
        id(one.problem): (one.problem, look)
        for one, look in zip(results, looks, strict=True)
        if isinstance(one, Division)
    }
    for problem, look in answered.values():
        if problem is None:
            raise NotApplicable(
                "`result` must be the answer to a `Problem`, whose set is drawn; got one without. Draw its fields "
                "with matplotlib."
            )
        _draw_problem(problem, ax, replace(look, label="", alone=len(answered) == 1))


def _draw_division(division: Division, ax: Axes, look: Look) -> None:
    points = division.payoffs.reshape(-1, 2)
    line: dict[str, Any] = {"linestyle": "-" if len(points) > 1 else "none", "linewidth": 0.8}
    ax.plot(*points.T, markersize=6, label=look.label, **line, **look.marker())
    _label_payoffs(ax, division.player_names)


def _draw_game(game: Game, ax: Axes, look: Look) -> None:
    _two_players(game.players, (), "game")
    payoffs = game.payoffs.reshape(-1, 2)
    style = look.style()
    corners = _hull(payoffs)
    ax.fill(*corners.T, facecolor=style["color"], alpha=_SHADE, linewidth=0)
    ax.plot(*payoffs.T, linestyle="none", markersize=4, label=look.label or "profiles", **look.marker())
    stable = game.payoffs[tuple(game.pure_equilibria().T)]
    hollow: dict[str, Any] = {"markerfacecolor": "none", "markersize": 9, "color": style["color"]}
    ax.plot(*stable.T, "o", label=look.named("equilibria"), **hollow)
    _label_payoffs(ax, game.player_names)


def _hull(points: Floats) -> Floats:
    from bargaining.equilibria.sets.bounds import corners, hull

    return corners(points[hull(points)])


def _draw_payoff_set(found: PayoffPolygon, ax: Axes, look: Look) -> None:
    game = getattr(found, "game", None)
    repeated = game if look.alone and isinstance(game, RepeatedGame) else None
    if repeated is not None:
        ax.plot(*repeated.game.payoffs.reshape(-1, 2).T, ".", color=_GREY, markersize=4, label="stage game")
    _outline(found.vertices, ax, look, "equilibrium payoffs", dots=look.alone)
    if len(found.vertices):
        rest = colours()[1] if look.alone else look.style()["color"]
        if look.alone:
            ax.axvline(found.threat[0], color=rest, linestyle=":", linewidth=1)
            ax.axhline(found.threat[1], color=rest, linestyle=":", linewidth=1)
        ax.plot(
            *found.threat, "X", color=rest, markeredgecolor=_paper(), label="threat" if look.alone else None
        )
    if repeated is not None and (leaving := repeated.exit) is not None:
        # Hollow, because it often coincides with the threat.
        hollow: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": colours()[2], "markersize": 9}
        after = np.unique(leaving.payoffs[list(leaving.who)], axis=0)
        ax.plot(*after.T, "s", label="exit", **hollow)
    _label_payoffs(ax, found.player_names)


def _outline(corners: Floats, ax: Axes, look: Look, name: str, *, k: int = 0, dots: bool = False) -> None:
    """Draw a polygon, a segment or a point."""
    style = look.style(k)
    label = look.label if look.label and name == "equilibrium payoffs" else look.named(name)
    if not len(corners):
        ax.plot([], [], label=f"{label} (none)", **style)
        return
    ax.fill(*corners.T, facecolor=style["color"], alpha=_SHADE, linewidth=0)
    ax.plot(*np.vstack([corners, corners[:1]]).T, label=None if dots else label, **style)
    if dots:
        ax.plot(*corners.T, "o", color=style["color"], markersize=4, label=label)


def _draw_bounds(found: PayoffBounds, ax: Axes, look: Look) -> None:
    _two_players(found.directions.shape[1], (), "game")
    outer = np.empty((0, 2)) if found.status is Status.EMPTY else _left(found.directions, found.levels)
    _outline(outer, ax, look, "outer bound")
    if len(found.inner):
        corners = _hull(found.inner)
        closed, style = np.vstack([corners, corners[:1]]), look.style() | {"linestyle": ":"}
        ax.plot(*closed.T, label=look.named("inner bound"), **style)
    _label_payoffs(ax, found.player_names)


def _left(directions: Floats, levels: Floats) -> Floats:
    """Return the corners of the polygon that the half-planes leave, which is bounded, from a box around it inwards."""
    from bargaining.feasible._polygon import clip

    size = float(np.abs(levels).max()) or 1.0
    low, high = np.full(2, -_FAR * size), np.full(2, _FAR * size)
    for share in _SLACKS:
        (left, bottom), (right, top) = low.tolist(), high.tolist()
        polygon = [(left, bottom), (right, bottom), (right, top), (left, top)]
        for (x, y), level in zip(directions.tolist(), (levels + share * size).tolist(), strict=True):
            polygon = clip(polygon, (x, y), level)
        corners = np.array(polygon).reshape(-1, 2)
        if len(corners):
            low, high = corners.min(axis=0) - size, corners.max(axis=0) + size
    return corners


def _draw_states(found: StochasticPayoffSets, ax: Axes, look: Look) -> None:
    for k, some in enumerate(found.sets):
        _outline(some.vertices, ax, look, f"state {literal(some.state)}", k=k)
        ax.plot(*some.threat, "X", color=look.style(k)["color"], markersize=6, markeredgecolor=_paper())
    _label_payoffs(ax, found.game.player_names)


def _label_payoffs(ax: Axes, names: Sequence[str]) -> None:
    """Name the axes by the players, unless a result drawn before knew their names."""
    if are_given(names) or not ax.get_xlabel():
        one, other = (f"payoff of {literal(name)}" for name in titles(names))
        if (ax.get_xlabel(), ax.get_ylabel()) == (other, one):
            raise InvalidInput(
                f"`result` must have the players in one order; got {', '.join(names)} and {', '.join(names[::-1])}."
            )
        ax.set(xlabel=one, ylabel=other)


def _draw_reputation(outcome: ReputationalOutcome, ax: Axes, look: Look) -> None:
    if outcome.horizon.ndim:
        raise InvalidInput(f"`result` must be one game; got a batch of shape {outcome.horizon.shape}.")
    end = float(outcome.horizon)
    times = np.linspace(0.0, end if np.isfinite(end) and end > 0 else 1.0, 201)
    for player in (0, 1):
        label = look.named(literal(titles(outcome.player_names)[player]))
        ax.plot(times, outcome.concession(times)[:, player], label=label, **look.style(player))
    ax.set(xlabel="time", ylabel="probability of having conceded", ylim=(0.0, 1.02))


def _variable(data: Any) -> Any:
    """Return the numbers of a sweep to draw, without status and residual."""
    if not hasattr(data, "data_vars"):
        return data
    numbers = {str(name): values for name, values in data.data_vars.items() if values.dtype.kind in "biuf"}
    shown = [name for name in numbers if name not in ("status", "residual")]
    if not shown:
        raise InvalidInput(
            "`result` must have a variable besides its status; every cell failed. Read `message`."
        )
    if len(shown) > 1:
        raise InvalidInput(
            f"`result` must have one variable; got {', '.join(shown)}. Pick one, as in data[{shown[0]!r}]."
        )
    return numbers[shown[0]]


def _along(values: Any) -> Any:
    """Return the numeric axis with the most values."""
    numeric = [
        d for d in values.dims if d != "player" and values[d].dtype.kind in "iuf" and values.sizes[d] > 1
    ]
    if not numeric:
        raise InvalidInput(
            "`result` must have a numeric axis with two values or more to draw along; got none. Give an axis numbers."
        )
    return max(numeric, key=lambda d: values.sizes[d])


def _lines(data: Any) -> int:
    """Return the number of lines that a sweep needs."""
    values = _variable(data)
    others = [d for d in values.dims if d != _along(values)]
    lines = int(np.prod([values.sizes[d] for d in others]))
    if lines > len(COLOURS):
        raise InvalidInput(
            f"`result` would be {lines} lines; pick up to {len(COLOURS)} with `.sel({others[0]}=...)`."
        )
    return lines


def _draw_sweep(data: Any, ax: Axes, look: Look) -> None:
    """Draw a line for each cell beyond the axis."""
    values = _variable(data)
    along = _along(values)
    head = _with_unit(along, values[along])
    if ax.get_xlabel() not in ("", head):
        raise InvalidInput(f"`result` must be sweeps along one axis; got {ax.get_xlabel()!r} and {head!r}.")
    others = [d for d in values.dims if d != along]
    order = np.argsort(values[along].values, kind="stable")
    array = values.transpose(along, *others).values[order]
    for k, place in enumerate(np.ndindex(*array.shape[1:])):
        parts = [_place(values, d, at) for d, at in zip(others, place, strict=True)]
        label = look.named(", ".join(parts)) if parts else look.label
        ax.plot(values[along].values[order], array[(..., *place)], label=label or None, **look.style(k))
    ax.set(xlabel=head, ylabel=_with_unit(values.name or "value", values))


def _place(data: Any, axis: Any, k: int) -> str:
    """Name one value of an axis for a legend; a named player needs no more than the name."""
    value = data[axis].values[k]
    text = f"{value:g}" if isinstance(value, np.floating) else literal(str(value))
    if axis == "player":
        return text if isinstance(value, str) else f"player {text}"
    return f"{literal(str(axis))} = {text}"


def _with_unit(name: Any, variable: Any) -> str:
    unit = variable.attrs.get("units", "")
    return literal(f"{name} ({unit})" if unit and unit != "1" else str(name))


@suggesting
def save_figure(figure: Figure | Axes, path: str | Path) -> Path:
    """Write a figure as a file; two runs write the same bytes.

    Parameters
    ----------
    figure : Figure or Axes
        What `plot` returned, or its figure.
    path : path
        A name ending in .pdf, .svg or .png.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InvalidInput
        If the ending is another one.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from bargaining import Polytope, Problem, nash, plot, save_figure
    >>> drawn = plot(nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])))
    >>> save_figure(drawn, Path(tempfile.mkdtemp()) / "split.svg").name
    'split.svg'
    """
    path = path_of(path, "path")
    undated = {".pdf": {"CreationDate": None}, ".svg": {"Date": None}, ".png": {}}
    if path.suffix not in undated:
        raise InvalidInput(f"`path` must end in .pdf, .svg or .png; got {str(path)!r}.")
    with needs("paper"):
        from matplotlib import rc_context
    owner = of_matplotlib(getattr(figure, "figure", None) or figure, "figure", "savefig")
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "bargaining", "pdf.fonttype": 42}):
        owner.savefig(buffer, format=path.suffix[1:], dpi=300, metadata=undated[path.suffix])
    put(path, buffer.getvalue(), "path", make=True)
    return path
