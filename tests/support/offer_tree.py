"""One round of offers as a game tree, walked in plain Python: by how much a claimed equilibrium misses it.

Shares nothing with the solvers: every responder's answer is found by backward induction, for every way in which the
proposer can please some responders and not the others, and with every way in which ties can be broken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

Rows = Sequence[Sequence[float]]

TIE = 1e-9  # payoffs this close, in units of the largest payoff, leave a choice free


@dataclass(frozen=True)
class Round:
    """What one offer decides: who proposes what, and what follows if it is refused."""

    surplus: float
    proposer: int
    waiting: Sequence[float]
    outside: Sequence[float]
    may_leave: Sequence[bool]

    @property
    def order(self) -> list[int]:
        """The responders in the order in which they answer."""
        n = len(self.waiting)
        return [(self.proposer + 1 + m) % n for m in range(n - 1)]

    def least(self, j: int) -> float:
        """What j gets by refusing, if nobody refused before."""
        return max(self.waiting[j], self.outside[j]) if self.may_leave[j] else self.waiting[j]

    def agreed(self) -> list[float]:
        """The payoffs of the best offer that all accept."""
        paid = [self.least(j) for j in range(len(self.waiting))]
        paid[self.proposer] = self.surplus - sum(paid[j] for j in self.order)
        return paid

    def outcomes(self, pleased: Sequence[bool], scale: float) -> set[str]:
        """What may happen after an offer that pleases only these responders: "agree", "leave", "wait"."""

        def worth(kind: str, j: int, happy: bool) -> float:
            if kind == "agree":
                return self.least(j) + (scale if happy else -scale)
            return self.outside[j] if kind == "leave" else self.waiting[j]

        reached = {"agree"}
        for j, happy in reversed(list(zip(self.order, pleased, strict=True))):
            refusals = ["wait", "leave"] if self.may_leave[j] else ["wait"]
            chosen = set()
            for following in reached:
                worths = {kind: worth(kind, j, happy) for kind in [following, *refusals]}
                best = max(worths.values())
                chosen |= {kind for kind, value in worths.items() if value >= best - TIE * scale}
            reached = chosen
        return reached

    def miss(self, payoffs: Sequence[float], chances: Sequence[float], scale: float) -> float:
        """Return by how much payoffs and the chances of agreeing, leaving and waiting miss this round's play."""
        k, n = self.proposer, len(self.waiting)
        paid = {"agree": self.agreed(), "leave": self.outside, "wait": self.waiting}
        failing = [
            self.outcomes(pleased, scale)
            for pleased in product((True, False), repeat=n - 1)
            if not all(pleased)
        ]
        # Whatever the proposer offers instead, at worst the ties are broken against it.
        best = max([paid["agree"][k], *(min(paid[kind][k] for kind in kinds) for kinds in failing)])
        agree, leave, wait = chances
        odds = {"agree": agree, "leave": leave, "wait": wait}
        mixed = [sum(odds[kind] * paid[kind][j] for kind in odds) for j in range(n)]
        worst = max(best - payoffs[k], *(abs(payoffs[j] - mixed[j]) for j in range(n)))
        worst = max(worst, abs(sum(chances) - 1), *(-chance for chance in chances))
        if agree > 0:
            worst = max(worst, best - paid["agree"][k])
        refused = {kind for kind, chance in (("leave", leave), ("wait", wait)) if chance > 0}
        if refused:
            if not any(refused <= kinds for kinds in failing):
                return scale
            worst = max(worst, best - (leave * paid["leave"][k] + wait * paid["wait"][k]) / (leave + wait))
        return worst / scale


def turns_miss(offers: Rows, chances: Rows, **terms: Any) -> float:
    """Return by how much the payoffs `offers[k]`, k proposing first, miss a stationary equilibrium of taking turns."""
    return rounds_miss(offers, chances, offers, **terms)


def rounds_miss(
    offers: Rows,
    chances: Rows,
    following: Rows,
    *,
    total: float,
    discounts: Sequence[float],
    breakdown: float,
    ruin: Sequence[float],
    outside: Sequence[float | None],
    disagreement: Sequence[float],
) -> float:
    """Return by how much `offers[k]` miss a round that k opens, if the next is worth `following[k + 1]`."""
    n, d, p = len(discounts), disagreement, breakdown
    options = [0.0 if entry is None else entry for entry in outside]
    scale = max(abs(x) for x in [total, *ruin, *options, *d]) or 1.0
    worst = 0.0
    for k in range(n):
        after = following[(k + 1) % n]
        waiting = [p * ruin[j] + (1 - p) * (d[j] + discounts[j] * (after[j] - d[j])) for j in range(n)]
        stage = Round(total, k, waiting, options, [entry is not None for entry in outside])
        worst = max(worst, stage.miss(offers[k], chances[k], scale))
    return worst


def chain_miss(
    payoffs: Rows,
    chances: Rows,
    *,
    surplus: Sequence[float],
    transition: Rows,
    discounts: Sequence[float],
    proposer: Sequence[int],
    outside: Rows,
) -> float:
    """Return by how much payoffs by state miss a stationary equilibrium on a chain; nobody leaves for 0 or less."""
    states, n = len(surplus), len(discounts)
    scale = max(max(abs(x) for x in surplus), max(abs(x) for row in outside for x in row)) or 1.0
    worst = 0.0
    for s in range(states):
        waiting = [
            discounts[j] * sum(transition[s][t] * payoffs[t][j] for t in range(states)) for j in range(n)
        ]
        stage = Round(surplus[s], int(proposer[s]), waiting, outside[s], [o > 0 for o in outside[s]])
        worst = max(worst, stage.miss(payoffs[s], chances[s], scale))
    return worst
