"""Stationary equilibrium of offers in turn among n players: a chain whose state is the current proposer.

In gains over the disagreement point, if k's turn is worth F^k to the players, a refusal of k's offer after which
talks go on is worth

    X^k = p (b - d) + (1 - p) delta F^{k+1},

and a round is as on any chain: the responders j = k + 1, ..., n - 1, 0, ..., k - 1 answer in this order, each takes
R_j = max{o_j - d_j, X_j^k} or more (X_j^k if j may not leave), the proposer gets the most that leaves them this, or
makes an offer that fails if a refusal brings it more. Of the many subgame-perfect equilibria with three or more players
(Shaked's example) this is one in which players do the same whenever it is the same player's turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import NotApplicable
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.feasible.transform import Image, set_of_cell
from bargaining.protocols._chain import (
    Chain,
    ChainOfSets,
    Choices,
    agreed,
    equilibrium,
    play,
    proven_unique,
    violation,
)
from bargaining.protocols._offers import TIE, Mask, Talks

_PROMISED = 1e-12  # the accuracy of divisions
_STAGES = 8  # from impatience to the discount factors: Newton's start is near at each


class Turns(NamedTuple):
    """The payoffs and the outcome of each player's turn; the proposer is the first axis."""

    offers: Floats
    """Payoffs when k makes the first offer, (n, ..., n)."""
    chances: Floats
    """The odds that k's offer is accepted, that it ends the talks, and that talks go on, (n, ..., 3)."""
    unique: Mask
    """Whether no other stationary equilibrium exists, (...)."""


class Round(NamedTuple):
    """One cell's turns as a chain, in which payoffs are `origin + unit * values`."""

    chain: Chain
    origin: Floats
    """What waiting for ever is worth, (n,)."""
    unit: Floats
    """The range of gains, (n,)."""
    last: Floats
    """The values after the last refusal of a finite horizon, (n, n)."""


def separable(feasible: FeasibleSet) -> bool:
    """Say whether the cells of a batch can be taken one by one."""
    return not feasible.batch_shape or isinstance(feasible, TransferableSurplus | Polytope)


def rotation(talks: Talks, wanted: Mask | None = None) -> Turns:
    """Return the equilibrium of every cell that has something to share, or of those `wanted`; NaN elsewhere."""
    return _by_cell(talks, lambda turns: stationary(turns.chain), wanted, otherwise=False)


def stationary(chain: Chain) -> tuple[Floats, Choices, bool]:
    """Return an equilibrium in which all offers are accepted, or any, and whether it is known to be unique."""
    choices, unique = Choices(np.zeros(chain.players), np.ones(chain.players)), False
    if isinstance(chain, ChainOfSets):
        values = np.full((chain.players, chain.players), 1 / chain.players)
        for share in np.arange(1, _STAGES + 1) / _STAGES:
            values = agreed(replace(chain, discounts=1 - (1 - chain.discounts) ** share), values)
        candidates = [values]
    else:
        candidates, unique = [_free(chain), agreed(chain, _free(chain))], proven_unique(chain)
    for values in candidates:
        if violation(chain, values, choices) <= _PROMISED:
            return values, choices, unique
    return *equilibrium(chain, _PROMISED), unique


def _free(chain: Chain) -> Floats:
    """Return the payoffs of turns if all offers are accepted and no option binds, without loss of digits to patience.

    If player j gets y_j in her own turn, she gets b_j^m y_j in the turn m before. These add up to the same in every
    turn k. With u_j = (1 - b_j) y_j the differences of successive turns are

        (1 + b_k + ... + b_k^(n - 2)) u_k = sum over other j of b_j^(m - 1) u_j,

    in which nothing cancels as all b_j tend to 1.
    """
    n, b = chain.players, chain.discounts
    before = (np.arange(n) - np.arange(n)[:, None]) % n  # by how many turns j's own comes after k's
    sums = (b ** np.arange(n - 1)[:, None]).sum(axis=0)
    matrix = np.where(before == 0, sums, -(b ** np.maximum(before - 1, 0)))
    matrix[-1] = 1.0  # the last difference follows from the others; let the u_j add up to 1
    shares = b**before * np.linalg.solve(matrix, np.eye(n)[-1]) / (1 - b)
    return np.asarray(shares * chain.surplus[0] / shares[0].sum())


def finite_rotation(talks: Talks, rounds: int) -> Turns:
    """Return the first of `rounds` rounds, by backward induction."""

    def first(turns: Round) -> tuple[Floats, Choices, bool]:
        chain, now, unique, left = turns.chain, turns.last, True, rounds
        recent = deque[Floats](maxlen=chain.players)
        while left > 0:
            recent.append(now)
            before, left = now, left - 1
            now, choices = play(chain, before, slack=TIE)
            unique = unique and not chain.spares(now, choices.agree)
            for leaving, refusing in ((True, False), (False, True), (True, True)):
                otherwise, _ = play(chain, before, leaving=leaving, refusing=refusing, slack=TIE)
                unique = unique and bool((np.abs(otherwise - now) <= 4 * TIE).all())
            if len(recent) == chain.players and np.array_equal(now, recent[0]):
                left %= chain.players  # from here on every n-th round is the same
        return now, choices, unique

    return _by_cell(talks, first, otherwise=True)


def _by_cell(
    talks: Talks,
    solved: Callable[[Round], tuple[Floats, Choices, bool]],
    wanted: Mask | None = None,
    *,
    otherwise: bool,
) -> Turns:
    """Return the turns of the cells that have something to share, and `otherwise` as to whether others are unique."""
    n, shape = talks.ideal.shape[-1], talks.ideal.shape[:-1]
    offers, chances = np.full((n, *shape, n), np.nan), np.full((n, *shape, 3), np.nan)
    unique = np.full(shape, otherwise)
    for cell, turns in _rounds(talks, wanted):
        values, choices, unique[cell] = solved(turns)
        offers[(slice(None), *cell)] = turns.origin + values * turns.unit
        chances[(slice(None), *cell)] = choices.chances
    return Turns(offers, chances, unique)


def turns_miss(talks: Talks, turns: Turns, wanted: Mask | None = None) -> Floats:
    """Return the violation of equilibrium by offers and probabilities, over the range of each player's gains, (...)."""
    miss = np.full(talks.ideal.shape[:-1], np.nan)
    for cell, (chain, origin, unit, _) in _rounds(talks, wanted):
        here = (slice(None), *cell)
        values, chances = (turns.offers[here] - origin) / unit, turns.chances[here]
        odd = float(np.abs(chances.sum(axis=-1) - 1).max())
        miss[cell] = max(violation(chain, values, Choices.of(chances)), odd)
    return miss


def _rounds(talks: Talks, wanted: Mask | None) -> Iterator[tuple[tuple[Any, ...], Round]]:
    """Yield the cells in which all players have something to gain, or those `wanted` of them, with their chains."""
    scale = talks.ideal - talks.floor
    shared = (np.isfinite(scale) & (scale > 0)).all(axis=-1)
    for cell in map(tuple, np.argwhere(shared if wanted is None else shared & wanted).tolist()):
        yield cell, round_of(talks, cell)


def round_of(talks: Talks, cell: tuple[int, ...]) -> Round:
    """Return the chain of one cell, in units of the range of gains."""
    n, d, p = talks.ideal.shape[-1], talks.disagreement[cell], talks.breakdown[cell]
    feasible = set_of_cell(talks.feasible, cell, talks.ideal.shape[:-1])
    if feasible.batch_shape:
        raise NotApplicable(
            "More than two players bargain over a batch of surpluses or of polytopes, or over one set of another kind."
        )
    unit, factors = (talks.ideal - talks.floor)[cell], (1 - p) * talks.discounts[cell]
    loss = p * (talks.breakdown_payoffs[cell] - d)
    alone = np.divide(loss, 1 - factors, out=np.zeros(n), where=loss != 0)
    if isinstance(feasible, TransferableSurplus):
        unit = np.full(n, unit.max())
    may_leave = np.tile(talks.may_leave[cell], (n, 1))
    parts = {
        "transition": np.roll(np.eye(n), 1, axis=1),
        "discounts": factors,
        "proposer": np.arange(n),
        "outside": np.tile((talks.outside[cell] - d - alone) / unit, (n, 1)),
        "may_leave": may_leave,
        "credible": may_leave,
    }
    origin, last = d + alone, np.tile(-alone / unit, (n, 1))
    if isinstance(feasible, TransferableSurplus):
        total = (float(feasible.total) - origin.sum()) / unit[0]
        return Round(Chain(surplus=np.full(n, total), **parts), origin, unit, last)
    sets = (Image(feasible, 1 / unit, -origin / unit),) * n
    return Round(ChainOfSets(surplus=np.zeros(n), sets=sets, **parts), origin, unit, last)
