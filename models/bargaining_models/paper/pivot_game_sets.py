"""What can be enforced in the pivot game without transfers, by tariffs alone or by leaving too (T10-sets)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bargaining import nash
from bargaining.authoring import Floats
from bargaining.tables.table import Column, Table
from bargaining_models.paper.pivot_game import notes
from bargaining_models.paper.pivot_game_study import PATIENCE
from bargaining_models.paper.study import COUNTRIES, Study, clean

CASES = ((False, "stay", "Neither may leave"), (True, "leave", "Either may leave"))


def sets_table(study: Study) -> Table:
    """T10-sets: the payoffs that can be enforced from the first state, and the Nash division of them."""
    game = study.pivot_game
    rows = [_row(study, discount, name) for discount in PATIENCE for name in game.set_games]
    columns = [Column("discount", title="discount factor"), Column("alternative")]
    for _, case, title in CASES:
        columns += [Column(f"{case}_{c}", title=f"{c}, range", group=title) for c in COUNTRIES]
        columns += [Column(f"{case}_{word}", title=word, unit="%", group=title) for word in ("new", "lost")]
        columns += [Column(f"{case}_nash_{c}", title=f"{c}, Nash", group=title) for c in COUNTRIES]
    first, last = game.coarse.capital[[0, -1]]
    return Table(
        rows,
        columns=columns,
        caption="The pivot game without transfers: what can be enforced from the start, USD bn a year",
        label="tab:pivot-game-sets",
        digits=3,
        notes=study.notes(
            *(capacity.residual for capacity in (game.capacity, game.capped, game.coarse)),
            *_bounds(study),
            **notes(study),
            **{
                "Three levels": f"0, 15 and 30 percent of every sector's exports to the US, at USD {first:.1f} and "
                f"{last:.1f} bn of capital",
                "Range": "the lowest and highest payoff of any equilibrium with pure actions and a public signal",
                "New, lost": "the area of these payoffs that cannot be enforced with no alternative, and of those that "
                "can be enforced only then, against the area of all that can then",
                "Nash": "the division about the lowest payoffs",
            },
        ),
    )


def _row(study: Study, discount: float, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"discount": discount, "alternative": name}
    for leave, case, _ in CASES:
        first, bare = (study.pivot_game.sets(k, discount, leave=leave).at(0) for k in (name, "none"))
        division = nash(first.problem()).raise_if_failed().payoffs
        for c, country in enumerate(COUNTRIES):
            row[f"{case}_{country}"] = (clean(first.threat[c]), clean(first.vertices[:, c].max()))
            row[f"{case}_nash_{country}"] = clean(division[c])
        both, before = _area(_overlap(first.vertices, bare.vertices)), _area(bare.vertices)
        row[f"{case}_new"] = clean(100 * (_area(first.vertices) - both) / before)
        row[f"{case}_lost"] = clean(100 * (before - both) / before)
    return row


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


def _bounds(study: Study) -> list[float]:
    return [
        study.pivot_game.sets(name, discount, leave=leave).stats.bound
        for discount in PATIENCE
        for name in study.pivot_game.set_games
        for leave, *_ in CASES
    ]
