r"""Talks on a Markov chain as a system of equations: see `definitions`.

Who agrees, who leaves and whose option binds is the structure. Given the structure, payoffs solve one system, in which
the probabilities of lotteries are unknowns too: they make whoever draws the lottery indifferent. For sets of two
players the structure includes the piece of the boundary on which each agreement lies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.protocols._lotteries import Choices
from bargaining.protocols._stationary import today
from bargaining.protocols.stochastic import ChainOfSets, StochasticBargaining, StochasticDivision
from bargaining.statics.conditions import TIE, Given, boundary_of
from bargaining.statics.definitions import Definition, Layout


class Talks:
    """The payoffs of a chain, state by state, and the probabilities of its lotteries."""

    def __init__(self, found: StochasticDivision) -> None:
        self.protocol = StochasticBargaining(**found.parameters)
        self.chain = chain = self.protocol._chain
        self.states, self.n = chain.states, chain.players
        self.unit = max(float(np.abs(chain.surplus).max()), float(np.abs(found.payoffs).max())) or 1.0
        self.payoffs, choices = found.payoffs, Choices.of(found.chances)
        self.now = now = today(chain, found.payoffs)
        self.stays = np.abs(now.waiting - chain.outside - now.stay[:, None]).argmin(axis=1)
        size, place, start = (
            found.payoffs.size,
            dict[tuple[str, int], int](),
            [*found.payoffs.ravel().tolist()],
        )
        for name, chances in (("leave", choices.leave), ("agree", choices.agree)):
            for s in np.flatnonzero((chances > 0) & (chances < 1)).tolist():
                place[name, s] = len(start)
                start.append(float(chances[s]))
        self.leave, self.agree, self.place, self.size = choices.leave, choices.agree, place, size
        self.unknowns = np.array(start)
        matrix = chain.transition if isinstance(chain.transition, np.ndarray) else chain.transition.toarray()
        self.given = {
            "surplus": np.asarray(chain.surplus, dtype=float),
            "discounts": np.asarray(chain.discounts, dtype=float),
            "outside": chain.outside.ravel(),
            "transition": np.asarray(matrix, dtype=float).ravel(),
        }
        self.sure, self.pieces = True, dict[int, tuple[Any, int]]()
        if isinstance(chain, ChainOfSets):
            self._find_pieces(chain)

    def _find_pieces(self, chain: ChainOfSets) -> None:
        """Find the piece of each state's boundary on which an agreement lies."""
        for s in np.flatnonzero(self.agree > 0).tolist():
            boundary, k = boundary_of(chain.sets[s], (), order=2), int(chain.proposer[s])
            if not hasattr(boundary, "over"):
                self.sure = False
                return
            point = np.array(self.now.reservation[s], dtype=float)
            point[k] = self.now.rest[s]
            pieces, sure = boundary.active("x", point[:, None], np.full((2, 1), self.unit))
            self.sure &= bool(sure[0]) and pieces[0, 0] >= 0 and pieces[1, 0] < 0
            self.pieces[s] = boundary, int(pieces[0, 0])

    def waits(self, s: int, j: int, x: Sequence[Any], given: Given) -> Any:
        """Return a player's payoff from waiting."""
        law, start = given["transition"], s * self.states
        moves = law is not self.given["transition"]
        ahead = [t for t in range(self.states) if moves or law[start + t]]
        total = sum((x[t * self.n + j] * law[start + t] for t in ahead), 0.0)
        return total * given["discounts"][j]

    def at(
        self, s: int, x: Sequence[Any], given: Given
    ) -> tuple[list[Any], list[Any], list[Any], Any, list[Any]]:
        """Return the payoffs in one state: of waiting, leaving, responding, proposing, and after a refusal."""
        n, k = self.n, int(self.chain.proposer[s])
        waits = [self.waits(s, j, x, given) for j in range(n)]
        out = [given["outside"][s * n + j] for j in range(n)]
        held = [out[j] if self.now.tempted[s, j] else waits[j] for j in range(n)]
        rest: Any = 0.0
        if self.agree[s] > 0:
            others = [held[j] for j in range(n) if j != k]
            if s in self.pieces:
                boundary, piece = self.pieces[s]
                terms = {"points": np.ravel(getattr(boundary, "points", ()))}
                rest = boundary.over(piece, "x", k, others[0], terms, slice(None))
            else:
                rest = given["surplus"][s] - sum(others[1:], others[0])
        q = x[self.place["leave", s]] if ("leave", s) in self.place else float(self.leave[s])
        refused = [waits[j] + (out[j] - waits[j]) * q for j in range(n)]
        return waits, out, held, rest, refused

    def equations(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the differences of payoffs from those of what is played, and the conditions for drawing lots."""
        missed: list[Any] = []
        for s in range(self.states):
            waits, out, held, rest, refused = self.at(s, x, given)
            k = int(self.chain.proposer[s])
            for j in range(self.n):
                played = refused[j]
                if self.agree[s] > 0:
                    agreed = rest if j == k else held[j]
                    drawn = ("agree", s) in self.place
                    played = (
                        refused[j] + (agreed - refused[j]) * x[self.place["agree", s]] if drawn else agreed
                    )
                missed.append(x[s * self.n + j] - played)
            if ("leave", s) in self.place:
                missed.append(waits[self.stays[s]] - out[self.stays[s]])
            if ("agree", s) in self.place:
                missed.append(rest - refused[k])
        return missed

    def ties(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return the other conditions that hold with equality: where one more of them fails, the structure changes."""
        found: list[Any] = []
        for s in range(self.states):
            waits, out, held, rest, refused = self.at(s, x, given)
            k = int(self.chain.proposer[s])
            found += [waits[j] - out[j] for j in range(self.n) if j != k and self.chain.may_leave[s, j]]
            if self.agree[s] < 1 and np.isfinite(self.now.stay[s]) and ("leave", s) not in self.place:
                found.append(waits[self.stays[s]] - out[self.stays[s]])
            if s not in self.pieces:
                rest = given["surplus"][s] - sum((held[j] for j in range(self.n) if j != k), 0.0)
            found.append(rest - refused[k])
        return [
            one for one in found if abs(float(np.ravel(getattr(one, "value", one))[0])) <= TIE * self.unit
        ]


def of_talks(found: StochasticDivision) -> Definition | None:
    """Return the definition of payoffs on a chain; None if an agreement lies on a kink of its set."""
    talks = Talks(found)
    if not talks.sure:
        return None
    s, n, who = talks.states, talks.n, list(found.player_names)
    axes = Layout(shape=(s, n), dims=("state", "player"), labels={"player": who})
    discounts = Layout(shape=(n,), dims=("discounts",), labels={"discounts": who})
    options = Layout(shape=(s, n), dims=("in_state", "outside"), labels={"outside": who})
    law = Layout(shape=(s, s), dims=("from_state", "to_state"))
    asked = {
        "discounts": (discounts, "discounts", np.eye(n)),
        "outside": (options, "outside", np.eye(s * n)),
        "transition": (law, "transition", np.eye(s * s)),
    }
    if np.ptp(talks.chain.discounts) == 0:
        asked["discount"] = Layout(shape=(), dims=()), "discounts", np.ones((1, n))
    if not isinstance(talks.chain, ChainOfSets):
        asked["surplus"] = Layout(shape=(s,), dims=("in_state",)), "surplus", np.eye(s)

    def again(name: str, values: Floats) -> StochasticDivision:
        told: Any = values
        if name == "outside":
            told = np.where(talks.chain.may_leave, values, -np.inf)
        name = "discount" if name == "discounts" else name
        return replace(talks.protocol, **{name: told})()

    return Definition(
        axes=axes,
        unknowns=talks.unknowns,
        given=talks.given,
        equations=talks.equations,
        ties=talks.ties,
        asked=asked,
        again=again,
        units=dict.fromkeys(("surplus", "outside"), talks.unit),
    )
