"""How results look in a notebook: small tables in HTML, and payoffs as formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._digits import significant
from bargaining.errors import Status

if TYPE_CHECKING:
    from bargaining.division import Division
    from bargaining.equilibria.repeated.payoff_set import PayoffSet

_DIGITS = 6
_SHOWN = 10


def division_html(division: Division) -> str:
    """Return a row per player, or a row per cell of a batch or state of a chain."""
    if division.payoffs.ndim > 1:
        return _batch_html(division)
    state = Status(int(np.asarray(division.status)))
    known = {"payoff": division.payoffs}
    if division.problem is not None:
        known |= {"disagreement": division.problem.disagreement, "gain": division.gains}
    rows = [
        [str(k), *(_number(values[k]) for values in known.values())] for k in range(len(division.payoffs))
    ]
    note = state.name if state is Status.OK else f"{state.name}. {state.advice}"
    residual = f"residual {_number(float(division.residual), 2)}"
    return _table(division.method, ["player", *known], rows, [note, residual])


def _batch_html(division: Division) -> str:
    shape, players = division.payoffs.shape[:-1], division.payoffs.shape[-1]
    status = np.broadcast_to(np.asarray(division.status), shape)
    rows = [
        [str(place), *map(_number, division.payoffs[place]), Status(int(status[place])).name]
        for place in list(np.ndindex(*shape))[:_SHOWN]
    ]
    counts = [f"{int((status == state).sum())} {state.name}" for state in Status if (status == state).any()]
    notes = [f"{status.size} cells: {', '.join(counts)}"]
    return _table(division.method, ["cell", *(f"player {k}" for k in range(players)), "status"], rows, notes)


def payoff_set_html(found: PayoffSet) -> str:
    """Return a row per vertex, then the threat and the status."""
    rows = [[str(k), *map(_number, vertex)] for k, vertex in enumerate(found.vertices)]
    threat = f"threat ({', '.join(map(_number, found.threat))})" if len(rows) else "no equilibrium"
    status = f"{found.status.name}. {found.reason}".strip() if found.reason else found.status.name
    return _table("Equilibrium payoffs", ["vertex", "player 0", "player 1"], rows, [threat, status])


def division_latex(division: Division) -> str | None:
    """Return the payoffs as a formula; None for a batch and where there is no answer."""
    if division.payoffs.ndim > 1 or not np.isfinite(division.payoffs).all():
        return None
    return f"$x = {_point(division.payoffs)}$"


def payoff_set_latex(found: PayoffSet) -> str:
    """Return the set as the convex hull of its vertices."""
    if not len(found.vertices):
        return r"$V = \varnothing$"
    points = r",\ ".join(map(_point, found.vertices))
    return rf"$V = \operatorname{{co}}\,\{{{points}\}}$"


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]], notes: Sequence[str]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>\n" for row in rows)
    return (
        f'<table class="bargaining">\n<caption>{escape(title)}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table>\n<p>{escape('; '.join(notes))}</p>\n"
    )


def _number(value: Any, digits: int = _DIGITS) -> str:
    return "none" if np.isnan(value) else significant(float(value), digits, pad=False)


def _point(values: Iterable[Any]) -> str:
    entries = r",\ ".join(_formula(_number(value)) for value in values)
    return f"({entries})"


def _formula(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa
