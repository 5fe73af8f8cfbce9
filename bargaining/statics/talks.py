r"""Talks on a Markov chain and contracts of many pairs, as what solves equations: see `definitions`.

*On a chain* who agrees, who leaves and whose option binds is the structure; payoffs then solve one system, in which
chances of lots are unknowns too, held by whom they leave indifferent. Sets of two players count by the piece of their
boundary that an agreement lies on.

*In pairs* with gains :math:`g^1, g^2` contract k meets :math:`w\,\partial_k \ln g^1 + (1 - w)\,\partial_k \ln g^2 = 0`,
or lies at the end of its range. Gains are functions of the user's: their first and second derivatives are those of
polynomials through their values at Chebyshev nodes around the contracts, in windows that shrink until two agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from bargaining._arrays import Floats
from bargaining.equilibria.pairs.deal import Pairs
from bargaining.equilibria.pairs.nash_in_nash import NashInNash, nash_in_nash
from bargaining.errors import Status
from bargaining.protocols._lotteries import Choices
from bargaining.protocols._stationary import today
from bargaining.protocols.stochastic import ChainOfSets, StochasticBargaining, StochasticDivision
from bargaining.statics.conditions import EPS, NODES, SMOOTH, TIE, WINDOWS, boundary_of
from bargaining.statics.definitions import Definition, Layout

Given = Mapping[str, Any]
CLOSE = 1e-8  # slopes of log gains over the range of a contract: as flat as this is a peak
EDGE = 1e-12  # of a range: a contract so near its end is at it


class Talks:
    """The payoffs of a chain, state by state, and the chances of lots."""

    def __init__(self, found: StochasticDivision) -> None:
        self.protocol = StochasticBargaining(
            **{key: value for key, value in found.parameters.items() if key != "players"},
            players=found.parameters["players"],
        )
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
            boundary, k = boundary_of(chain.sets[s], (), second=True), int(chain.proposer[s])
            if not hasattr(boundary, "over"):
                self.sure = False
                return
            point = np.array(self.now.reservation[s], dtype=float)
            point[k] = self.now.rest[s]
            pieces, sure = boundary.active("x", point[:, None], np.array([self.unit]))
            self.sure &= bool(sure[0]) and pieces[0, 0] >= 0 and pieces[1, 0] < 0
            self.pieces[s] = boundary, int(pieces[0, 0])

    def waits(self, s: int, j: int, x: Sequence[Any], given: Given) -> Any:
        """Return what waiting is worth."""
        law, start = given["transition"], s * self.states
        moves = law is not self.given["transition"]
        ahead = [t for t in range(self.states) if moves or law[start + t]]
        total = sum((x[t * self.n + j] * law[start + t] for t in ahead), 0.0)
        return total * given["discounts"][j]

    def at(
        self, s: int, x: Sequence[Any], given: Given
    ) -> tuple[list[Any], list[Any], list[Any], Any, list[Any]]:
        """Return of one state what waiting, leaving, being asked, proposing and refusing bring."""
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
        """Return by how much payoffs miss what is played, and what makes lots be drawn."""
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
        """Return what is zero beside the equations."""
        found: list[Any] = []
        for s in range(self.states):
            waits, out, held, rest, refused = self.at(s, x, given)
            k = int(self.chain.proposer[s])
            found += [waits[j] - out[j] for j in range(self.n) if j != k and self.chain.credible[s, j]]
            if self.agree[s] < 1 and np.isfinite(self.now.stay[s]) and ("leave", s) not in self.place:
                found.append(waits[self.stays[s]] - out[self.stays[s]])
            if s not in self.pieces:
                rest = given["surplus"][s] - sum((held[j] for j in range(self.n) if j != k), 0.0)
            found.append(rest - refused[k])
        return [
            one for one in found if abs(float(np.ravel(getattr(one, "value", one))[0])) <= TIE * self.unit
        ]


def of_talks(found: StochasticDivision) -> Definition | None:
    """Return payoffs of talks on a chain as what is played in each state; None where their sets have a kink there."""
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

    def again(name: str, values: Floats) -> Floats:
        told: Any = values
        if name == "outside":
            told = np.where(talks.chain.may_leave, values, -np.inf)
        name = "discount" if name == "discounts" else name
        return replace(talks.protocol, **{name: told})().payoffs

    return Definition(
        axes=axes,
        unknowns=talks.unknowns,
        given=talks.given,
        equations=talks.equations,
        ties=talks.ties,
        asked=asked,
        again=again,
    )


# --- contracts of many pairs -----------------------------------------------------------------------------------------


@cache
def _stencil(side: int) -> tuple[Floats, Floats]:
    """Return nodes around 0, or on one side of it, and what gives value and slope at 0 from values there."""
    nodes = np.cos(np.pi * np.arange(NODES) / (NODES - 1))
    if side:
        nodes = (nodes + 1) / 2 * side
    weights: Floats = np.linalg.inv(np.vander(nodes, increasing=True))[:2]
    return nodes, weights


class Contracts:
    """The first-order conditions of pairs near their contracts."""

    def __init__(self, found: NashInNash) -> None:
        self.pairs, self.x = Pairs(list(found._deals)), found.contracts
        lower, upper, size = self.pairs.lower, self.pairs.upper, len(self.pairs)
        self.side = np.where(self.x - lower <= EDGE * self.pairs.ranges, 1, 0)
        self.side = np.where(upper - self.x <= EDGE * self.pairs.ranges, -1, self.side)
        room = np.minimum(self.x - lower, upper - self.x)
        self.reach = 0.7 * np.where(self.side, self.pairs.ranges, room)
        self.slopes, self.bends = np.zeros((size, 2)), np.zeros((size, 2, size))
        self.windows, self.error = np.zeros(size, dtype=int), 0.0
        for k in range(size):
            self._measure(k)

    def values(self, k: int, moved: Sequence[int], window: int, pairs: Pairs | None = None) -> Floats:
        """Return pair k's gains, (2, nodes, ...), where some contracts are at nodes."""
        grids = np.meshgrid(*(_stencil(int(self.side[i]))[0] for i in moved), indexing="ij")
        points = np.repeat(self.x[:, None], grids[0].size, axis=1)
        for i, grid in zip(moved, grids, strict=True):
            points[i] += self.reach[i] * 2.0**-window * grid.ravel()
        made = (self.pairs if pairs is None else pairs).gains_of(k, points)
        return made.reshape(2, *grids[0].shape)

    def own(self, k: int, window: int, pairs: Pairs | None = None) -> tuple[Floats, Floats]:
        """Return gains and their slopes in the pair's own contract, (2,) each."""
        weights = _stencil(int(self.side[k]))[1]
        level, slope = weights @ self.values(k, [k], window, pairs).T
        return level, slope / (self.reach[k] * 2.0**-window)

    def _at(self, k: int, window: int) -> tuple[Floats, Floats, float]:
        """Return slopes of log gains in the pair's own contract, how these change, and what rounding may do."""
        size, h = len(self.x), self.reach * 2.0**-window
        level, slope = self.own(k, window)
        bends, rounding = np.zeros((2, size)), 0.0
        for other in range(size):
            if self.side[other]:
                continue  # a contract at the end of its range does not move with the rest
            if other == k:
                nodes, _ = _stencil(0)
                both = np.linalg.inv(np.vander(nodes, increasing=True))[2] * 2
                values = self.values(k, [k], window)
                cross, across = values @ both / h[k] ** 2, slope
                loud = float(np.abs(both).sum())
            else:
                values = self.values(k, [k, other], window)
                one, two = _stencil(int(self.side[k]))[1], _stencil(0)[1]
                cross = np.einsum("a,b,gab->g", one[1], two[1], values) / (h[k] * h[other])
                across = np.einsum("a,b,gab->g", one[0], two[1], values) / h[other]
                loud = float(np.abs(one[1]).sum() * np.abs(two[1]).sum())
            bends[:, other] = cross / level - slope * across / level**2
            noise = EPS * loud * np.abs(values).max() / np.abs(level).min() / (h[k] * h[other])
            rounding = max(rounding, float(noise * self.reach[k] * self.reach[other]))
        return slope / level, bends, rounding

    def _measure(self, k: int) -> None:
        """Shrink windows until two agree."""
        best, last = np.inf, None
        unit = self.reach
        for window in range(WINDOWS):
            slopes, bends, rounding = self._at(k, window)
            if last is not None:
                scale = np.abs(slopes).max() * unit[k] + np.abs(bends * unit).max() * unit[k]
                apart = np.abs(bends - last[1]) * unit * unit[k]
                off = (
                    max(float(apart.max()), float(np.abs(slopes - last[0]).max() * unit[k])) + rounding
                ) / scale
                if off < best:
                    best, self.windows[k] = off, window
                    self.slopes[k], self.bends[k] = slopes, bends
                elif best < SMOOTH:
                    break
                if best < 1e-12:
                    break
            last = slopes, bends
        self.error = max(self.error, best)

    def condition(self, k: int, x: Sequence[Any], weight: Any) -> Any:
        """Return the slope of the logarithm of pair k's product, near the contracts."""
        first, second = (
            sum(((x[i] - self.x[i]) * self.bends[k, g, i] for i in range(len(x))), self.slopes[k, g])
            for g in (0, 1)
        )
        return first * weight + second * (1.0 - weight)

    def equations(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return by how much contracts miss their conditions, or the ends of their ranges."""
        return [
            x[k] - given["ends"][k]
            if side
            else self.condition(k, x, given["weights"][k]) + given["shifts"][k]
            for k, side in enumerate(self.side.tolist())
        ]

    def ties(self, x: Sequence[Any], given: Given) -> list[Any]:
        """Return conditions that hold at the ends of ranges."""
        found = []
        for k, side in enumerate(self.side.tolist()):
            slope = float(self.pairs.weights[k] @ self.slopes[k]) * self.pairs.ranges[k]
            if side and abs(slope) <= CLOSE:
                found.append(self.condition(k, x, given["weights"][k]) + given["shifts"][k])
        return found

    def data(self, other: Any) -> dict[str, Floats] | None:
        """Return weights, ends of ranges and conditions of another game, at the contracts of this one."""
        if not isinstance(other, NashInNash) or len(other._deals) != len(self.x):
            return None
        pairs, shifts = Pairs(list(other._deals)), np.zeros(len(self.x))
        if other._deals is not None:
            for k in range(len(self.x)):
                level, slope = self.own(k, int(self.windows[k]), pairs)
                here, there = self.own(k, int(self.windows[k])), slope / level
                shifts[k] = self.pairs.weights[k] @ (there - here[1] / here[0])
        ends = np.where(self.side > 0, pairs.lower, np.where(self.side < 0, pairs.upper, 0.0))
        return {"weights": pairs.weights[:, 0], "shifts": shifts, "ends": ends}


def of_contracts(found: NashInNash) -> Definition | None:
    """Return contracts as what meets the first-order conditions of all pairs; None where gains have kinks there."""
    if found.status is not Status.OK or not found._deals:
        return None
    with np.errstate(all="ignore"):
        made = Contracts(found)
    if not made.error < SMOOTH:
        return None
    names, size = list(found.deals), len(found.contracts)
    given = made.data(found)
    assert given is not None

    def again(name: str, values: Floats) -> Floats:
        deals = [replace(deal, weight=float(w)) for deal, w in zip(found._deals, values, strict=True)]
        return nash_in_nash(deals, starts=found.contracts[None]).contracts

    return Definition(
        axes=Layout(shape=(size,), dims=("deal",), labels={"deal": names}),
        unknowns=found.contracts,
        given=given,
        equations=made.equations,
        ties=made.ties,
        asked={
            "weights": (
                Layout(shape=(size,), dims=("weights",), labels={"weights": names}),
                "weights",
                np.eye(size),
            )
        },
        again=again,
        data=made.data,
        error=made.error,
        twice=False,
    )
