"""The play behind the extreme equilibria of alternating offers: an offer a phase, and what follows its refusal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats, owning
from bargaining._rich import Shown
from bargaining.protocols._offers import Talks, Threats, after_refusal, settle


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Phase(Shown):
    """One phase of an extreme equilibrium.

    The proposer makes `offer`; the responder accepts it, and anything better, and refuses anything worse; a refusal is
    followed by what `refusal` says.

    Attributes
    ----------
    proposer : int
        Who makes the offer.
    end : str
        "highest" or "lowest": which of the proposer's equilibrium payoffs it supports.
    offer : ndarray, shape (2,)
        The payoffs if it is accepted.
    refusal : str
        "responder leaves", "proposer leaves" or "talks go on".
    after : ndarray, shape (2,)
        What follows a refusal: the payoffs of leaving, or the offer that the other then makes.
    """

    proposer: int
    end: str
    offer: Floats
    refusal: str
    after: Floats


def phases(talks: Talks, leaver: str) -> tuple[Phase, ...]:
    """Return the phases behind the highest and lowest payoff of each player as the first proposer."""
    low, high, threats = settle(talks, leaver)
    return tuple(
        _phase(talks, leaver, threats, i, end, low, high) for i in (0, 1) for end in ("highest", "lowest")
    )


def _phase(talks: Talks, leaver: str, threats: Threats, i: int, end: str, low: Floats, high: Floats) -> Phase:
    j, worst = 1 - i, end == "highest"
    own = (high if worst else low)[i]
    value = (low if worst else high)[j]
    held = float(after_refusal(talks, leaver, threats, i, value, worst=worst))
    refusal = _refusal(talks, leaver, threats, i, value, held)
    after = talks.outside
    if refusal == "talks go on":
        next_own = float(talks.needed(j, np.asarray(held)))  # what j's next offer must bring j
        after = _pair(j, next_own, talks.best(i, np.asarray(next_own)))
    return Phase(proposer=i, end=end, offer=_pair(i, own, talks.best(j, own)), refusal=refusal, after=after)


def _refusal(talks: Talks, leaver: str, threats: Threats, i: int, value: Floats, held: float) -> str:
    """Say which continuation gives the responder j exactly `held`."""
    j = 1 - i
    leaves = held == float(talks.outside[j])
    if leaver != "responder" and talks.may_leave[i] and threats.proposer_leaves[i] and leaves:
        return "proposer leaves"
    if leaver != "proposer" and talks.may_leave[j] and leaves:
        return "responder leaves"
    return "talks go on"


def _pair(i: int, own: float | Floats, other: float | Floats) -> Floats:
    return np.array([own, other] if i == 0 else [other, own], dtype=float)
