"""Pictures of problems, divisions, payoff sets, strategies, sweeps and reputations."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._arrays import Floats
from bargaining._files import path_of, write_whole
from bargaining._optional import needs
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.plots.automata import draw_automaton, of_matplotlib
from bargaining.problem import Problem

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bargaining.equilibria.repeated.payoff_set import PayoffSet
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.protocols.reputation import ReputationalOutcome

__all__ = ["plot", "save_figure"]

# Okabe and Ito's colours, which the colour-blind can tell apart; markers and dashes tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
_SHADE = "#DDE7EE"
_GREY = "#8C8C8C"
_ANGLES = 257


def plot(result: Any, *, ax: Axes | None = None) -> Axes:
    """Draw a result.

    Parameters
    ----------
    result : Problem, Division, PayoffSet, Automaton, ReputationalOutcome, Dataset, or several divisions
        A `Problem` of two players is drawn as its frontier above the disagreement point, with the
        ideal point; a `Division`, a list of them, or a mapping of labels to them adds the solutions. A
        `PayoffSet` is drawn with its vertices, the threat point, the exit and the payoffs of the stage
        game; the sets of a stochastic game as one outline and threat a state; an `Automaton`, or a
        `StochasticAutomaton`, as a graph; a heavy edge marks a start. A `Dataset` from `sweep` is drawn against its
        longest numeric axis, one line for each other cell and player. A `ReputationalOutcome` is drawn as the
        probabilities of having conceded.
    ax : Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    Axes
        The axes, for titles and more.

    Raises
    ------
    NotApplicable
        If there is no picture for `result`, or it does not have two players.
    InvalidInput
        If `result` is a batch, or a sweep of more than eight lines.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from bargaining.concepts.nash import nash
    >>> from bargaining.feasible.surplus import TransferableSurplus
    >>> problem = Problem(TransferableSurplus(1.0), [0.0, 0.2])
    >>> ax = plot(nash(problem), ax=Figure().add_subplot())
    >>> ax.get_xlabel(), [text.get_text() for text in ax.get_legend().get_texts()]
    ('payoff of player 0', ['disagreement', 'ideal', 'nash'])
    """
    draw, given = _drawing(result)
    with needs("paper"):
        import matplotlib.pyplot as plt
    if ax is None:
        ax = plt.subplots(figsize=(4.8, 3.6), layout="constrained")[1]
    draw(given, of_matplotlib(ax, "ax", "spines"))
    ax.spines[["top", "right"]].set_visible(False)
    if ax.get_legend_handles_labels()[1] and ax.get_legend() is None:
        ax.legend(frameon=False, fontsize="small")
    return ax


def _drawing(result: Any) -> tuple[Any, Any]:
    """Return the function that draws `result`, and what to give it."""
    from bargaining.equilibria.repeated.automaton import Automaton
    from bargaining.equilibria.repeated.payoff_set import PayoffSet
    from bargaining.equilibria.stochastic.automaton import StochasticAutomaton
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.protocols.reputation import ReputationalOutcome

    if isinstance(result, Problem):
        return _draw_problem, result
    if isinstance(result, Division):
        return _draw_divisions, {result.method: result}
    if isinstance(result, PayoffSet):
        return _draw_payoff_set, result
    if isinstance(result, StochasticPayoffSets):
        return _draw_states, result
    if isinstance(result, Automaton | StochasticAutomaton):
        return partial(draw_automaton, colours=COLOURS), result
    if isinstance(result, ReputationalOutcome):
        return _draw_reputation, result
    if type(result).__module__.startswith("xarray") and hasattr(result, "data_vars"):
        return _draw_sweep, result
    several = result if isinstance(result, Mapping) else None
    if isinstance(result, Sequence) and all(isinstance(one, Division) for one in result):
        several = {one.method: one for one in result}
    if several and all(isinstance(one, Division) for one in several.values()):
        return _draw_divisions, several
    raise NotApplicable(
        "`result` must be a Problem, one or more Divisions, payoff sets, an Automaton, a ReputationalOutcome or a "
        f"Dataset; got a {type(result).__name__}."
    )


def _draw_problem(problem: Problem, ax: Axes) -> None:
    if problem.players != 2:
        raise NotApplicable(f"a picture has two players; got {problem.players}.")
    if problem.batch_shape:
        raise InvalidInput(f"`result` must be one problem; got a batch of shape {problem.batch_shape}.")
    d, ideal = problem.disagreement, problem.ideal
    edge = _frontier(problem, ideal)
    if len(edge):
        ax.fill(*np.vstack([d, edge]).T, color=_SHADE, linewidth=0)
        ax.plot(*edge.T, color="black", linewidth=1.2)
    ax.plot(*d, "x", color="black", label="disagreement")
    if np.isfinite(ideal).all():
        ax.plot(*ideal, "+", color=_GREY, label="ideal")
    _label_payoffs(ax)


def _frontier(problem: Problem, ideal: Floats) -> Floats:
    """Return how far one can go from d in each direction of gains, corners of the set included."""
    d = problem.disagreement
    gains = ideal - d
    if not (np.isfinite(gains).all() and (gains > 0).all()):
        return np.empty((0, 2))
    angles = np.linspace(0.0, np.pi / 2, _ANGLES)
    weights = np.column_stack([np.cos(angles), np.sin(angles)]) / gains
    corners = (problem.feasible.support(weights)[1] - d) / gains
    inside = (corners >= 0).all(axis=-1) & (corners > 0).any(axis=-1)
    angles = np.unique(np.concatenate([angles, np.arctan2(corners[inside, 1], corners[inside, 0])]))
    directions = np.column_stack([np.cos(angles), np.sin(angles)]) * gains
    far = problem.feasible.ray(d, directions)
    reached = np.isfinite(far)
    edge: Floats = d + far[reached, None] * directions[reached]
    return edge


def _draw_divisions(divisions: Mapping[str, Division], ax: Axes) -> None:
    problem = next(iter(divisions.values())).problem
    if problem is None:
        raise NotApplicable(
            "`result` must be a division of a problem; its protocol carries its own primitives."
        )
    _draw_problem(problem, ax)
    for (name, division), colour, marker in zip(divisions.items(), cycle(COLOURS), cycle(MARKERS)):
        ax.plot(*division.payoffs, marker, color=colour, markersize=6, markeredgecolor="white", label=name)


def _draw_payoff_set(found: PayoffSet, ax: Axes) -> None:
    game, leaving = found.repeated.game, found.repeated.exit
    ax.plot(*game.payoffs.reshape(-1, 2).T, ".", color=_GREY, markersize=4, label="stage game")
    if len(found.vertices):
        ax.fill(*found.vertices.T, facecolor=_SHADE, edgecolor=COLOURS[0], linewidth=1.2)
        ax.plot(*found.vertices.T, "o", color=COLOURS[0], markersize=4, label="equilibrium payoffs")
        ax.axvline(found.threat[0], color=COLOURS[1], linestyle=":", linewidth=1)
        ax.axhline(found.threat[1], color=COLOURS[1], linestyle=":", linewidth=1)
        ax.plot(*found.threat, "X", color=COLOURS[1], label="threat")
    if leaving is not None:
        # Hollow, for it often is the threat.
        hollow: dict[str, Any] = {"markerfacecolor": "none", "markeredgecolor": COLOURS[2], "markersize": 9}
        ax.plot(*np.unique(leaving.payoffs.reshape(-1, 2), axis=0).T, "s", label="exit", **hollow)
    _label_payoffs(ax)


def _draw_states(found: StochasticPayoffSets, ax: Axes) -> None:
    if len(found) > len(COLOURS):
        raise InvalidInput(
            f"`result` must have at most {len(COLOURS)} states to be told apart; got {len(found)}."
        )
    for some, colour, dash in zip(found.sets, COLOURS, DASHES, strict=False):
        corners = some.vertices[[*range(len(some.vertices)), 0]] if len(some.vertices) else some.vertices
        ax.plot(*corners.T, color=colour, linestyle=dash, linewidth=1.2, label=f"state {some.state}")
        ax.plot(*some.threat, "X", color=colour, markersize=6, markeredgecolor="white")
    _label_payoffs(ax)


def _label_payoffs(ax: Axes) -> None:
    ax.set(xlabel="payoff of player 0", ylabel="payoff of player 1")


def _draw_reputation(outcome: ReputationalOutcome, ax: Axes) -> None:
    if outcome.horizon.ndim:
        raise InvalidInput(f"`result` must be one game; got a batch of shape {outcome.horizon.shape}.")
    end = float(outcome.horizon)
    times = np.linspace(0.0, end if np.isfinite(end) and end > 0 else 1.0, 201)
    for player in (0, 1):
        style = {"color": COLOURS[player], "linestyle": DASHES[player]}
        ax.plot(times, outcome.concession(times)[:, player], label=f"player {player}", **style)
    ax.set(xlabel="time", ylabel="probability of having conceded", ylim=(0.0, 1.02))


def _draw_sweep(data: xr.Dataset, ax: Axes) -> None:
    name = _variable(data)
    values = data[name]
    numeric = [d for d in values.dims if d != "player" and data[d].dtype.kind in "iuf" and data.sizes[d] > 1]
    if not numeric:
        raise InvalidInput(
            "`result` must have a numeric axis with two values or more to draw along; got none."
        )
    along = max(numeric, key=lambda d: data.sizes[d])
    others = [d for d in values.dims if d != along]
    lines = list(np.ndindex(*(data.sizes[d] for d in others)))
    if len(lines) > len(COLOURS):
        raise InvalidInput(
            f"`result` would be {len(lines)} lines; pick up to {len(COLOURS)} with `.sel({others[0]}=...)`."
        )
    array = values.transpose(along, *others).values
    for place, colour, dash in zip(lines, COLOURS, DASHES, strict=False):
        label = ", ".join(_place(data, d, k) for d, k in zip(others, place, strict=True))
        ax.plot(data[along].values, array[(..., *place)], color=colour, linestyle=dash, label=label or None)
    ax.set(xlabel=_with_unit(along, data[along]), ylabel=_with_unit(name, values))


def _variable(data: xr.Dataset) -> str:
    """Return what a picture of a sweep shows: the payoffs, or else the first number."""
    names = [str(name) for name in data.data_vars if name not in ("status", "message", "residual")]
    if not names:
        raise InvalidInput(
            "`result` must have a variable besides its status; every cell failed. Read `message`."
        )
    return "payoffs" if "payoffs" in names else names[0]


def _place(data: xr.Dataset, axis: Any, k: int) -> str:
    """Name one value of an axis for a legend; a named player needs no more than the name."""
    value = data[axis].values[k]
    text = f"{value:g}" if isinstance(value, np.floating) else str(value)
    if axis == "player":
        return text if isinstance(value, str) else f"player {text}"
    return f"{axis} = {text}"


def _with_unit(name: Any, variable: Any) -> str:
    unit = variable.attrs.get("units", "")
    return f"{name} ({unit})" if unit and unit != "1" else str(name)


def save_figure(figure: Figure | Axes, path: str | Path) -> Path:
    """Write a figure as a file that two runs make alike, byte for byte.

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
    >>> from bargaining import Polytope, Problem, nash, plot
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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())
    return path
