"""Payoff sets of stochastic games: one state against the repeated game, two against one, and the plain operator."""

from collections.abc import Callable
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np
import pytest
from scipy.spatial import ConvexHull, QhullError

from bargaining.equilibria.payoff_set import payoff_set
from bargaining.games.normal_form import Game
from bargaining.games.repeated import RepeatedGame
from bargaining.games.stochastic import StochasticGame

pytestmark = pytest.mark.benchmark

PRISONERS = np.array([[[1, 1], [-1, 2]], [[2, -1], [0, 0]]])
THREE = np.array(
    [[[16, 9], [3, 13], [1, 3]], [[21, 1], [10, 4], [-1, 0]], [[9, 0], [5, -4], [-5, -10]]], dtype=float
)


def two_state_prisoners() -> StochasticGame:
    """Good times follow bad ones if the players do the same: Brooks's example of two states, discount 2/3."""
    same = np.eye(2)[..., None] > 0
    moves = [np.where(same, [1 / 3, 2 / 3], 0.5), np.where(same, [2 / 3, 1 / 3], 0.5)]
    return StochasticGame([PRISONERS, PRISONERS + 2], moves, 2 / 3)


def two_state_three() -> StochasticGame:
    """The game of Abreu and Sannikov, better for one player or the other, as they take turns; discount 0.7."""
    return StochasticGame(
        [THREE + np.array([5, -5]), THREE + np.array([-5, 5])], [[0.3, 0.7], [0.7, 0.3]], 0.7
    )


def risk_sharing(steps: int, discount: float, persistence: float = 0.0) -> StochasticGame:
    """Two who own k/4 and 1 - k/4 of a good give each other parts of it and enjoy the root of what they keep.

    Endowments are independent over time, or tend to be near what was kept (after Kocherlakota 1996).
    """
    grid = np.linspace(0, 1, 5)
    payoffs, chain = [], []
    for k in range(5):
        give, get = np.arange(k * steps + 1)[:, None], np.arange((4 - k) * steps + 1)
        kept = (k * steps + get - give) / (4 * steps)
        feasible = np.clip(kept, 0, 1)
        payoffs.append(np.sqrt(np.stack([feasible, 1 - feasible], axis=-1)))
        near = np.exp(-persistence * np.abs(grid - feasible[..., None]))
        chain.append(near / near.sum(axis=-1, keepdims=True))
    return StochasticGame(payoffs, chain, discount)


# -- the rival: every continuation of every profile, iterated ------------------------------------------------


class Plain:
    """The set operator in NumPy, all profiles at once; hulls by Qhull."""

    def __init__(self, game: StochasticGame) -> None:
        self.delta = game.discounts.item(0)
        self.shapes = [game.shape(s) for s in range(len(game))]
        self.payoffs = np.concatenate([stage.payoffs.reshape(-1, 2) for stage in game.games])
        rows = np.concatenate([game.transition(s).reshape(-1, len(game)) for s in range(len(game))])
        self.rows = rows
        self.laws, law = np.unique(rows, axis=0, return_inverse=True)
        self.law = law.reshape(-1)
        self.ends = np.cumsum([0, *(a * b for a, b in self.shapes)]).tolist()

    def solve(self, accuracy: float) -> list[np.ndarray]:
        """Iterate from the hull of all payoffs until no side moves by more than `accuracy`."""
        sets = [_hull(self.payoffs)] * len(self.shapes)
        angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
        normals = np.stack([np.cos(angle), np.sin(angle)])
        reach = np.inf
        while True:
            sets = self.apply(sets)
            before, reach = reach, np.array([(points @ normals).max(axis=0) for points in sets])
            if np.abs(before - reach).max() < accuracy:
                return sets

    def apply(self, sets: list[np.ndarray]) -> list[np.ndarray]:
        boundary = self._sums(sets)[self.law]
        needed = self._needed(np.array([points.min(axis=0) for points in sets]))
        now = (1 - self.delta) * self.payoffs
        row, w = _clipped(boundary, needed)
        values = now[row] + self.delta * w
        return [_hull(values[(row >= low) & (row < high)]) for low, high in pairwise(self.ends)]

    def _needed(self, threat: np.ndarray) -> np.ndarray:
        worth = (1 - self.delta) * self.payoffs + self.delta * self.rows @ threat
        best = np.empty_like(worth)
        for shape, (low, high) in zip(self.shapes, pairwise(self.ends), strict=True):
            table, out = worth[low:high].reshape(*shape, 2), best[low:high].reshape(*shape, 2)
            for i in (0, 1):
                out[..., i] = table[..., i].max(axis=i, keepdims=True)
        return (best - (1 - self.delta) * self.payoffs) / self.delta

    def _sums(self, sets: list[np.ndarray]) -> np.ndarray:
        """The boundaries of the weighted sums, one for each law: edges in the order of their angles."""
        edges = np.concatenate([np.roll(points, -1, axis=0) - points for points in sets])
        owner = np.repeat(np.arange(len(sets)), [len(points) for points in sets])
        angle = np.arctan2(edges[:, 1], edges[:, 0])
        order = np.argsort(angle)
        down = np.array([points[np.lexsort((points[:, 1], points[:, 0]))[0]] for points in sets])
        first = np.searchsorted(angle[order], -np.pi / 2, side="right")
        order = np.roll(order, -first)
        steps = self.laws[:, owner[order], None] * edges[order]
        start = (self.laws @ down)[:, None]
        return np.concatenate([start, start + np.cumsum(steps, axis=1)], axis=1)


def _clipped(boundary: np.ndarray, needed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The extreme points of each boundary's part above its thresholds, and whose they are."""
    tiny = 1e-12
    keep = (boundary >= needed[:, None] - tiny).all(axis=2)
    rows, points = [np.nonzero(keep)[0]], [boundary[keep]]
    p, q = boundary[:, :-1], boundary[:, 1:]
    for i in (0, 1):
        bound = needed[:, None, i]
        row, edge = np.nonzero((p[..., i] < bound) != (q[..., i] < bound))
        start, end = p[row, edge], q[row, edge]
        share = (needed[row, i] - start[:, i]) / (end[:, i] - start[:, i])
        cut = start + share[:, None] * (end - start)
        good = cut[:, 1 - i] >= needed[row, 1 - i] - tiny
        rows.append(row[good])
        points.append(cut[good])
        # Both constraints bind where the boundary passes on either side of the corner.
        below = cut[:, 1 - i] <= needed[row, 1 - i] + tiny
        above = np.zeros(len(needed), dtype=bool)
        above[row[good]] = True
        corner = np.unique(row[below & above[row]])
        rows.append(corner)
        points.append(needed[corner])
    return np.concatenate(rows), np.concatenate(points)


def _hull(points: np.ndarray) -> np.ndarray:
    try:
        return points[ConvexHull(points).vertices]
    except (QhullError, ValueError):
        far = np.lexsort((points[:, 1], points[:, 0]))
        return points[far[[0, -1]]]


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two polygons' supports in 256 directions."""
    angle = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    normals = np.stack([np.cos(angle), np.sin(angle)])
    return float(np.abs((one @ normals).max(axis=0) - (other @ normals).max(axis=0)).max())


# -- the ratios ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stage", "discount"),
    [("prisoners", PRISONERS, 2 / 3), ("three actions", THREE, 0.7), ("three actions", THREE, 0.3)],
)
def test_one_state_costs_what_the_repeated_game_does(
    name: str, stage: Any, discount: float, speedup: Callable[..., float]
) -> None:
    """The repeated game takes 70 microseconds, and another 50 to be made and to become the set of a state."""
    repeated = RepeatedGame(Game(stage[..., 0], stage[..., 1]), discount)
    single = StochasticGame.from_repeated(repeated)
    ratio = speedup(
        f"{name}, one state against repeated",
        lambda: payoff_set(single),
        lambda: payoff_set(repeated),
        rounds=100,
    )
    assert ratio > 1 / 2


DOUBLE = {"prisoners": (two_state_prisoners(), PRISONERS), "three actions": (two_state_three(), THREE)}


@pytest.mark.parametrize("name", DOUBLE)
def test_two_states_against_one(name: str, speedup: Callable[..., float]) -> None:
    double, stage = DOUBLE[name]
    single = StochasticGame([stage], [[1]], double.discounts)
    ratio = speedup(
        f"{name}, two states against one",
        lambda: payoff_set(double),
        lambda: payoff_set(single),
        rounds=100,
        clock=process_time,
    )
    assert ratio > 1 / 20


@pytest.mark.parametrize(("discount", "times"), [(0.3, 37), (0.6, 6.5), (0.9, 20)])
def test_two_states_of_a_hundred_actions_against_one(
    discount: float, times: float, speedup: Callable[..., float]
) -> None:
    """One state takes next to no time where next to nothing can be sustained."""
    rng = np.random.default_rng(0 if discount > 0.3 else 1)
    payoffs, laws = rng.random((2, 100, 100, 2)), rng.dirichlet([1, 1], (2, 100, 100))
    double = StochasticGame([*payoffs], [*laws], discount)
    single = RepeatedGame(Game(payoffs[0, ..., 0], payoffs[0, ..., 1]), discount)
    ratio = speedup(
        f"two states of 100 x 100 actions against one, {discount}",
        lambda: payoff_set(double),
        lambda: payoff_set(single),
        rounds=5,
        clock=process_time,
    )
    assert ratio > 1 / times


@pytest.mark.parametrize("persistence", [0.0, 2.0])
def test_faster_than_the_plain_operator(persistence: float, speedup: Callable[..., float]) -> None:
    game = risk_sharing(6, 0.85, persistence)
    plain = Plain(game)
    for found, rival in zip(payoff_set(game).values(), plain.solve(1e-8), strict=True):
        assert distance(found.vertices, rival) < 1e-6
    ratio = speedup(
        f"risk sharing, {len(plain.payoffs)} profiles, persistence {persistence}",
        lambda: payoff_set(game),
        lambda: plain.solve(1e-8),
        rounds=1,
        clock=process_time,
    )
    assert ratio > 20
