"""Two players whose feasible set follows a Markov chain: utility need not be transferable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.transform import Rescaled
from bargaining.protocols._chain import Chain
from bargaining.protocols._stationary import play, proven_unique

_STEP = 1e-6
_SWEEPS = 2000
_GAP = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainOfSets(Chain):
    """A chain with a feasible set in each state; payoffs may be thrown away."""

    sets: tuple[FeasibleSet, ...]
    """What can be agreed in each state."""

    def rest(self, reservation: Floats) -> Floats:
        """Return the proposer's best payoff that leaves the responder the reservation, (S,)."""
        best: Floats = np.array([self.best_in(s, reservation[s]) for s in range(self.states)])
        return best

    def best_in(self, state: int, reservation: Floats) -> float:
        """Return the proposer's best payoff in one state; -inf where the responder asks too much."""
        floor = np.array(reservation, dtype=float)
        floor[self.proposer[state]] = -np.inf
        return float(np.ravel(self.sets[state].ideal(floor))[self.proposer[state]])

    @property
    def transferable(self) -> bool:
        """Utility need not be."""
        return False

    def in_units(self) -> tuple[Self, Floats]:
        """Return the chain with payoffs of about 1, and the units that they are measured in, (2,)."""
        most = np.max([np.ravel(each.ideal(np.zeros(2))) for each in self.sets], axis=0)
        unit = np.maximum(most, np.abs(self.outside).max(axis=0))
        unit = np.where(np.isfinite(unit) & (unit > 0), unit, 1.0)
        sets = tuple(Rescaled(each, 1 / unit, np.zeros(2)) for each in self.sets)
        return replace(self, sets=sets, outside=self.outside / unit, inflow=self.inflow / unit), unit

    def tangent(self, reservation: Floats) -> tuple[Floats, Floats]:
        """Return the proposer's best payoff and its slopes in the reservations, (S,) and (S, 2)."""
        shift = np.where(self.proposes, 0.0, _STEP)
        here, above, below = (self.rest(reservation + sign * shift) for sign in (0, 1, -1))
        high = np.where(np.isfinite(above), above, here)
        with np.errstate(invalid="ignore"):
            slope = (high - below) / (_STEP * (1 + np.isfinite(above)))
        known = np.isfinite(here) & np.isfinite(slope)
        slopes = np.where(self.proposes | ~known[:, None], 0.0, slope[:, None])
        return np.where(known, here, 0.0), slopes

    def check_options(self) -> None:
        """Check that in every state some agreement gives both what leaving gives."""
        for s in np.flatnonzero(self.may_leave.any(axis=1)).tolist():
            left = self.best_in(s, self.outside[s])
            if left < self.outside[s, self.proposer[s]] - 1e-12 * np.abs(self.outside[s]).sum():
                raise InvalidInput(
                    f"`outside` must be feasible in every state; got {self.outside[s].tolist()} in "
                    f"state {s}. Where leaving beats every agreement, add what it gives to the set."
                )


def with_sets(chain: Chain, sets: Sequence[FeasibleSet]) -> ChainOfSets:
    """Return the chain with these sets, one per state, each for two players."""
    if len(sets) != chain.states:
        raise InvalidInput(f"`surplus` must have one set per state ({chain.states}); got {len(sets)}.")
    for s, feasible in enumerate(sets):
        if feasible.players != 2 or feasible.batch_shape != () or chain.players != 2:
            raise InvalidInput(
                f"`surplus` may hold sets for two players only, one set a state; got {feasible!r} "
                f"in state {s}. With more players give numbers: transferable utility."
            )
    given = {each.name: getattr(chain, each.name) for each in fields(Chain) if each.init}
    return ChainOfSets(**given, sets=tuple(sets))


def shown_unique(chain: Chain, values: Floats) -> bool:
    """Say whether these are shown to be the only stationary equilibrium payoffs."""
    return bracketed(chain, values) if isinstance(chain, ChainOfSets) else proven_unique(chain)


def bracketed(chain: ChainOfSets, values: Floats) -> bool:
    """Say whether value iteration from both ends closes in on `values`.

    Payoffs are those of `in_units`: at most 1.

    Order payoff pairs by "more for player 0 and less for player 1". The map from tomorrow's payoffs
    to today's preserves this order, so from the two extreme pairs it converges to the extreme
    equilibria; if these agree there is no other. An option that may start to bind while waiting is
    still efficient breaks the order, and then nothing is shown.
    """
    if not _ordered(chain):
        return False
    low, high = np.zeros_like(values), np.zeros_like(values)
    low[:, 1] = high[:, 0] = 1.0
    for _ in range(_SWEEPS):
        low, high = play(chain, low)[0], play(chain, high)[0]
        if np.abs(high - low).max() <= _GAP:
            return bool(np.abs(values - low).max() <= 2 * _GAP)
    return False


def _ordered(chain: ChainOfSets) -> bool:
    """Say whether no credible option meets a proposer who might rather wait."""
    credible = chain.credible
    if not credible.any():
        return True
    forced = replace(chain, discounts=np.zeros(2)).rest(np.maximum(chain.outside, 0.0))
    patience = chain.discounts[chain.proposer]
    responder = credible[np.arange(chain.states), 1 - chain.proposer]
    return bool((~responder | (forced >= patience)).all())
