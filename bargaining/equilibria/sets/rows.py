r"""A game of two players as rows: what can be played, or who can leave, in each state.

A row is a profile of a state, or an outcome of leaving there. It has payoffs now and a law of the next state, and gives

.. math:: v = b + D \sum_{s'} P(s')\, w_{s'}, \qquad w_{s'} \in V_{s'}, \qquad v_i \ge f_i,

where :math:`b = (I - D) g` for a profile with payoffs g and the discount factors on the diagonal of D. An outcome of
leaving leads nowhere: P = 0, and b are its payoffs. The threshold :math:`f_i` is what the best deviation of player i
gives if her lowest payoffs follow, or what leaving gives if that is more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats
from bargaining.equilibria._plane.model import Scaled

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The rows of a game in the unit box of its payoffs, in the order of the states.

    Attributes
    ----------
    payoffs : ndarray of shape (R, 2)
        What a row pays now, or an outcome of leaving for ever.
    base : ndarray of shape (R, 2)
        What a row adds to discounted continuations.
    law : ndarray of shape (R, S)
        The chance of each state to be next; zero after leaving.
    state : ndarray of shape (R,)
        The state of each row.
    deviations : pair of ndarrays of shape (R, k)
        The rows to which a player can deviate, her own row among them; rows of fewer deviations repeat the last.
    outside : ndarray of shape (S, 2)
        What a player gets by leaving; minus infinity for one who may not.
    leaver : ndarray of shape (R,)
        In an outcome of leaving that must be credible, the player who leaves; -1 elsewhere.
    origin : ndarray of shape (R,)
        The number of a profile among all profiles of the game; outcomes of leaving are numbered after them.
    barred : ndarray of shape (R,)
        Rows that cannot be played, as a deviation leads to a state without equilibria.
    discounts : ndarray of shape (2,)
    ease : float
        A threshold missed by less counts as met.
    margin : float
        By how much all thresholds are lowered.
    """

    payoffs: Floats
    base: Floats
    law: Floats
    state: Indices
    deviations: tuple[Indices, Indices]
    outside: Floats
    leaver: Indices
    origin: Indices
    barred: Mask
    discounts: Floats
    ease: float
    margin: float = 0.0

    @classmethod
    def of(cls, scaled: Scaled) -> Rows:
        """Return the rows of a game."""
        model = scaled.model
        leaves = [(s, leave) for s, some in enumerate(model.leaves) for leave in some]
        gone, count = len(leaves), len(model.state)
        discounts = np.maximum(model.discounts, _IMPATIENT[int(model.common)])
        ends = np.array([leave.payoffs for _, leave in leaves]).reshape(-1, 2)
        payoffs = np.concatenate([model.payoffs.T, ends])
        base = np.concatenate([(1.0 - discounts) * model.payoffs.T, ends])
        law = np.concatenate([model.transitions, np.zeros((gone, len(model.own)))])
        state = np.concatenate([model.state, np.array([s for s, _ in leaves], dtype=np.intp)])
        leaver = [-1 if leave.leaver is None else leave.leaver for _, leave in leaves]
        order = np.argsort(state, kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        deviations = []
        for table in model.deviations:
            own = np.repeat(np.arange(count, count + gone)[:, None], table.shape[1], axis=1)
            deviations.append(place[np.concatenate([table, own])[order]])
        return cls(
            payoffs=payoffs[order],
            base=base[order],
            law=law[order],
            state=state[order],
            deviations=(deviations[0], deviations[1]),
            outside=model.own,
            leaver=np.concatenate([np.full(count, -1), np.array(leaver, dtype=np.intp)])[order],
            origin=order,
            barred=np.zeros(len(order), bool),
            discounts=discounts,
            ease=EASE if model.common else EASE_UNEQUAL,
        )

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.outside)

    @property
    def common(self) -> bool:
        """Whether the players are equally patient."""
        return bool(self.discounts[0] == self.discounts[1])

    @property
    def stays(self) -> Mask:
        """Which rows are profiles, not outcomes of leaving."""
        return np.asarray(self.law.any(axis=1))

    def restricted(self, kept: Mask) -> Rows:
        """Return some of the rows; those that deviations to others would bar cannot be played."""
        place, numbers = np.cumsum(kept) - 1, np.flatnonzero(kept)
        barred, deviations = self.barred[kept], []
        for table in self.deviations:
            rows = table[kept]
            barred = barred | ~kept[rows].all(axis=1)
            deviations.append(place[np.where(kept[rows], rows, numbers[:, None])])
        return replace(
            self,
            payoffs=self.payoffs[kept],
            base=self.base[kept],
            law=self.law[kept],
            state=self.state[kept],
            deviations=(deviations[0], deviations[1]),
            leaver=self.leaver[kept],
            origin=self.origin[kept],
            barred=barred,
        )

    def without(self, empty: Mask) -> Rows:
        """Return the game without states that have no equilibrium, and without the rows that lead there."""
        rest = self.restricted(~empty[self.state] & ~(self.law[:, empty] > 0.0).any(axis=1))
        number = np.cumsum(~empty) - 1
        return replace(rest, law=rest.law[:, ~empty], state=number[rest.state], outside=self.outside[~empty])


EASE = 1e-13
"""Of the unit box: rounding of one application of the operator."""

EASE_UNEQUAL = 1e-12
"""Where patience differs sets have vertices without end, and those closer than about a tenth of this are left out."""

_IMPATIENT = 1e-9, 1e-13
"""A smaller discount factor counts as this one, so that D can be inverted: of one player, and of both."""
