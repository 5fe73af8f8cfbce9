"""Games and rights to leave drawn at random from a seed, ties and knife edges among them."""

from fractions import Fraction

import numpy as np

from bargaining import Exit, Game, StochasticGame

KINDS = ["none", "two-sided", "one-sided", "by leaver"]
"""Who may leave, and for what."""

PATIENCE = [Fraction(1, 4), Fraction(2, 5), Fraction(1, 2), Fraction(3, 5)]


def stage_game(seed: int) -> Game:
    """A 3x3 game: uniform, or small integers, where ties and degenerate sets abound."""
    rng = np.random.default_rng(seed)
    if seed % 2 == 0:
        return Game(*(rng.random((2, 3, 3)) * 10))
    low, high = ((-3, 8), (0, 4))[seed // 2 % 2]
    return Game(*rng.integers(low, high, (2, 3, 3)))


def exit_of(seed: int, kind: str) -> Exit | None:
    """The right to leave a game of the same seed."""
    rng = np.random.default_rng(1000 + seed)
    draw = (lambda *s: rng.random(s) * 8) if seed % 2 == 0 else (lambda *s: rng.integers(0, 6, s))
    if kind == "none":
        return None
    if kind == "by leaver":
        return Exit.by_leaver(draw(2, 2))
    return Exit(draw(2), who=[seed // 2 % 2] if kind == "one-sided" else None)


def stochastic_game(seed: int, kind: str, *, unequal: bool = False) -> StochasticGame:
    """Two or three states; probabilities in twelfths; actions move the state in every second game."""
    rng = np.random.default_rng(7000 + seed)
    states, shape = 2 + seed % 2, (2, 3) if seed % 5 == 0 else (2, 2)
    scale = 1 if seed % 3 == 0 else 16
    stages = [rng.integers(-3 * scale, 8 * scale, (*shape, 2)) for _ in range(states)]
    laws = []
    for _ in range(states):
        rows = rng.multinomial(12, np.ones(states) / states, shape)
        if seed // 2 % 2:
            rows = np.broadcast_to(rows[0, 0], rows.shape)
        laws.append(np.vectorize(lambda k: Fraction(int(k), 12), otypes=[object])(rows))
    exits = [_exit_of_state(rng, kind, scale) for _ in range(states)]
    discounts = [PATIENCE[seed % 4], PATIENCE[(seed + (1 + seed // 4 % 3) * unequal) % 4]]
    return StochasticGame(stages, laws, discounts, exit=exits)


def _exit_of_state(rng: np.random.Generator, kind: str, scale: int) -> Exit | None:
    """An exit payoff in four of five states, unless the kind is "none"."""
    table, player = rng.integers(-2 * scale, 4 * scale, (2, 2)), int(rng.integers(2))
    some = rng.random() < 0.8
    if kind == "none" or not some:
        return None
    if kind == "by leaver":
        return Exit.by_leaver(table)
    return Exit(table[0], who=[player] if kind == "one-sided" else None)
