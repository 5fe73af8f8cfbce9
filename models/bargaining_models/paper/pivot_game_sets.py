"""The enforceable payoffs in the pivot game without transfers, by tariffs alone or by leaving too (T10-sets)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bargaining import Polytope, Problem, nash
from bargaining.authoring import Floats
from bargaining.tables.table import Column, Table
from bargaining_models.paper.pivot_game import notes
from bargaining_models.paper.pivot_game_study import PATIENCE
from bargaining_models.paper.study import CASES, COUNTRIES, LEAVING, Study, clean

SHOWN = (
    "none", "lasting", "lasting, fast", "lasting, capped", "revocable", "revocable, fast", "revocable, blocked",
)  # fmt: skip


def sets_table(study: Study) -> Table:
    """T10-sets: the payoffs that can be enforced from the first state, and the Nash division of them."""
    rows = [_row(study, discount, name) for discount in _patience(study) for name in _shown(study)]
    columns = [Column("discount", title="discount factor"), Column("alternative")]
    for _, case, title in CASES:
        columns += [Column(f"{case}_{c}", title=f"{c}, range", group=title) for c in COUNTRIES]
        columns += [Column(f"{case}_{word}", title=word, unit="%", group=title) for word in ("new", "lost")]
        columns += [Column(f"{case}_nash_{c}", title=f"{c}, Nash", group=title) for c in COUNTRIES]
        columns.append(Column(f"{case}_open", title="open", unit="%", group=title))
    return study.table(
        rows,
        columns=columns,
        caption="The pivot game without transfers: what can be enforced from the start, USD bn a year",
        label="tab:pivot-game-sets",
        notes=study.notes(
            *(study.pivot_game.games[name].capacity.residual for name in _shown(study)),
            *_bounds(study),
            **notes(study),
            **study.zero,
            **{
                "Range": "the lowest and highest payoff of any equilibrium, in which neither draws lots alone, but "
                "both may follow one drawn in public",
                "Either may leave": LEAVING,
                "New, lost": "the area of these payoffs that cannot be enforced with no alternative, and of those that "
                "can be enforced only then, against the area of all that can then",
                "Nash": "the division with the largest product of gains over the lowest payoffs of each (Nash "
                "solution)",
                "Open": "by what part of the range of all payoffs the set may reach beyond what is shown, which can be "
                "enforced; 0: it does not; none: nothing that can be enforced lies beyond the range",
            },
        ),
    )


def _row(study: Study, discount: float, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"discount": discount, "alternative": name}
    for leave, case, _ in CASES:
        found, beyond = _corners(study, discount, name, leave)
        for c, country in enumerate(COUNTRIES):
            row[f"{case}_{country}"] = (clean(found[:, c].min()), clean(found[:, c].max()))
        row[f"{case}_open"] = None if beyond is None else 100 * beyond
        if beyond is None:
            continue
        bare, _ = _corners(study, discount, "none", leave)
        division = nash(Problem(Polytope(found), found.min(axis=0))).raise_if_failed().payoffs
        row |= {f"{case}_nash_{country}": clean(x) for country, x in zip(COUNTRIES, division, strict=True)}
        both, before = _area(_overlap(found, bare)), _area(bare)
        row[f"{case}_new"] = clean(100 * (_area(found) - both) / before)
        row[f"{case}_lost"] = clean(100 * (before - both) / before)
    return row


def _corners(study: Study, discount: float, name: str, leave: bool) -> tuple[Floats, float | None]:
    """Corners of what can be enforced from the first state, counter-clockwise, and how far it may reach beyond them.

    None: nothing was found that can be; then corners of a box that holds all of it.
    """
    if not study.pivot_game.games[name].closure:
        return study.pivot_game.sets(name, discount, leave=leave).at(0).vertices, 0.0
    found = study.pivot_game.bounds(name, discount, leave=leave).at(0)
    if len(found.inner):
        away = found.inner - found.inner.mean(axis=0)
        return found.inner[np.argsort(np.arctan2(away[:, 1], away[:, 0]))], found.gap
    from scipy.optimize import linprog

    ends = [
        linprog(way, found.directions, found.levels, bounds=(None, None)).x
        for way in (*np.eye(2), *-np.eye(2))
    ]
    return np.stack([np.min(ends, axis=0), np.max(ends, axis=0)]), None


def _area(corners: Floats) -> float:
    x, y = (corners - corners[0]).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)


def _overlap(one: Floats, other: Floats) -> Floats:
    """Cut a convex polygon along each edge of another; both are counter-clockwise and have a point in common."""
    for tail, head in zip(other, np.roll(other, -1, axis=0), strict=True):
        x, y = head - tail
        left = x * (one[:, 1] - tail[1]) - y * (one[:, 0] - tail[0])
        after, beyond = np.roll(one, -1, axis=0), np.roll(left, -1)
        crosses = left * beyond < 0
        cuts = (
            one[crosses]
            + (after - one)[crosses] * (left / np.where(crosses, left - beyond, 1.0))[crosses, None]
        )
        order = np.argsort(np.concatenate([np.arange(len(one))[left >= 0], np.flatnonzero(crosses) + 0.5]))
        one = np.concatenate([one[left >= 0], cuts])[order]
    return one


def _shown(study: Study) -> list[str]:
    return [name for name in SHOWN if name in study.pivot_game.games]


def _patience(study: Study) -> tuple[float, ...]:
    """At later tariffs, and where r is what is diverted, one discount factor, as sets take seconds each."""
    return PATIENCE if study.tariffs is None and study.meaning == "capacity" else PATIENCE[1:2]


def _bounds(study: Study) -> list[float]:
    return [
        study.pivot_game.sets(name, discount, leave=leave).stats.bound
        for discount in _patience(study)
        for name in _shown(study)
        for leave, *_ in CASES
        if not study.pivot_game.games[name].closure
    ]
