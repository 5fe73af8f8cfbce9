"""What automata share: lotteries drawn and spelled, tables and graphs as text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bargaining.equilibria._lottery import Lottery


def draw(lottery: Lottery, generator: np.random.Generator) -> int:
    """Draw from a lottery."""
    shares = np.array([float(share) for _, share in lottery])
    return lottery[int(generator.choice(len(lottery), p=shares / shares.sum()))][0]


def short(share: Fraction) -> str:
    """Return a probability in a few characters."""
    return str(share) if share.denominator < 1000 else f"{float(share):.6g}"


def spell(lottery: Lottery) -> str:
    """Return a lottery in words."""
    if len(lottery) == 1:
        return str(lottery[0][0])
    return " | ".join(f"{n}: {short(share)}" for n, share in lottery)


def spell_leaving(leavers: Sequence[object], stayed: int | None) -> str:
    """Return in words who leaves, and where play goes on if the one who should leave stays."""
    text = " and ".join(map(str, leavers)) + (" leave" if len(leavers) > 1 else " leaves")
    return text if stayed is None else f"{text} (else {stayed})"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of cells as lines with columns of equal width."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def dot(plays: Sequence[str], edges: Sequence[tuple[int, int, str]]) -> str:
    """Return a graph in the DOT language; deviations are dashed."""
    lines = ["digraph automaton {"]
    lines += [f'  {k} [label="{k}: {play}"];' for k, play in enumerate(plays)]
    for a, b, label in edges:
        style = ", style=dashed" if "deviates" in label or label == "stays" else ""
        lines.append(f'  {a} -> {b} [label="{label}"{style}];')
    return "\n".join([*lines, "}"])
