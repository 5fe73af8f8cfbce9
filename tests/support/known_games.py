"""Games that many tests play."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining import Exit, Game, InvalidInput, Monitoring, RepeatedGame, StochasticGame

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
PENNIES = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
PARTNERS = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
"""Two who work or shirk: work brings both 3 and costs the worker 4."""
THREE = Game([[16, 3, 0], [21, 10, -1], [9, 5, -5]], [[9, 13, 3], [1, 4, 0], [0, -4, -15]])
"""The game of three actions whose payoff set Abreu and Sannikov (2014) draw."""

QUANTITIES = np.linspace(0, 6, 15)
PROFIT = QUANTITIES[:, None] * (np.maximum(6 - QUANTITIES[:, None] - QUANTITIES, 0) - 0.6)
"""What the first of two firms earns, by both quantities: price 6 less both, cost .6 a unit."""


def report(p, q, r):
    """Return a good or bad report on partners, good with chance p, q or r if both, one or neither works."""
    p, q, r = map(Fraction, (p, q, r))
    return Monitoring([[[p, 1 - p], [q, 1 - q]], [[q, 1 - q], [r, 1 - r]]])


def public_good(n, share):
    """Return the game of n players each of whose contributions costs 1 and gives everybody a share."""
    given = np.indices((2,) * n)
    return Game(*(share * given.sum(axis=0) - given[i] for i in range(n)))


def contributors(share, chances, discount, leaving=None):
    """Let three play it again and again: the more of them contribute, the more likely a good signal."""
    good = np.array(chances)[np.indices((2, 2, 2)).sum(axis=0)]
    leave = None if leaving is None else Exit([leaving] * 3)
    signals = Monitoring(np.stack([good, 1 - good], axis=-1))
    return RepeatedGame(public_good(3, share), discount, exit=leave, monitoring=signals)


ROUND = contributors(0.6, [0.1, 0.3, 0.6, 0.9], 0.9)
"""Three contributors whose sets are round."""


def scattered(states, actions, delta, seed):
    """Draw a stochastic game in which three states may follow each profile."""
    rng = np.random.default_rng(seed)
    chances = np.zeros((states, actions * actions, states))
    for law in chances.reshape(-1, states):
        law[rng.choice(states, 3, replace=False)] = rng.dirichlet(np.ones(3))
    payoffs = rng.random((states, actions, actions, 2))
    return StochasticGame([*payoffs], [*chances.reshape(states, actions, actions, states)], delta)


def refuses_bad_simulations(automaton):
    """Check what an automaton of two players says to periods, deviations and seeds that do not exist."""
    endless = []
    endless.append(endless)
    for periods in (0, 2.5, True, None, 10**9):
        with pytest.raises(
            InvalidInput, match="`periods` must be a whole number, at least 1 and at most 1000000; got"
        ):
            automaton.simulate(periods)
    for slips in (5, [1, 2], {0: 1}, {0: (0, 1, 1)}):
        with pytest.raises(InvalidInput, match="`deviations` must map periods to pairs"):
            automaton.simulate(3, 0, deviations=slips)
    for seed in (-1, "x", True, endless):
        with pytest.raises(InvalidInput, match="`rng` must be a Generator, a seed"):
            automaton.simulate(3, seed)
    with pytest.raises(InvalidInput, match="`deviations` must be a player, 0 to 1; got 2"):
        automaton.simulate(3, 0, deviations={0: (2, 0)})
    with pytest.raises(InvalidInput, match="`deviations`"):
        automaton.simulate(3, 0, deviations={0: (0, 7)})


def drawn(seed):
    """Return a game of two or three players, its arrays, and what all get if anybody leaves."""
    rng = np.random.default_rng(10_000 + seed)
    players = 2 + seed % 2
    shape = tuple(rng.integers(2, 4, players).tolist())
    payoffs = rng.integers(-4, 5, (*shape, players)).astype(float)
    chances = rng.dirichlet(np.ones(int(rng.integers(2, 5))), shape)
    discount = float(np.round(rng.uniform(0.3, 0.99), 3))
    leaving = rng.integers(-2, 2, players).astype(float) if seed % 4 >= 2 else None
    repeated = RepeatedGame(
        Game(*np.moveaxis(payoffs, -1, 0)),
        discount,
        exit=None if leaving is None else Exit(leaving),
        monitoring=Monitoring(chances),
    )
    return repeated, payoffs, chances, discount, leaving
