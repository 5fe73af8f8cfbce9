"""One phase of an equilibrium of alternating offers: an offer, and what follows its refusal."""

from __future__ import annotations

from dataclasses import dataclass

from bargaining._arrays import Floats, owning
from bargaining._rich import Shown


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
