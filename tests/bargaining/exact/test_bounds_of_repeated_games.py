"""Proofs of the bounds of repeated games of any number of players, against linear programs and forgeries."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining.equilibria.payoff_set import payoff_bounds, payoff_set
from bargaining.errors import NotApplicable, Status
from bargaining.exact.certify import certify
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from known_games import PRISONERS, public_good


def drawn(seed):
    """A game of one to three players: integers or not, equal patience or not, a right to leave or not."""
    rng = np.random.default_rng([17, seed])
    n = int(rng.integers(1, 4))
    shape = tuple(rng.integers(2, 4 if n == 2 else 3, n))
    payoffs = [rng.integers(-3, 9, shape) if seed % 2 else rng.random(shape) for _ in range(n)]
    discounts = rng.uniform(0.2, 0.9, n) if seed % 3 == 0 else float(rng.choice([0.0, 0.3, 0.5, 0.7, 0.9]))
    leave = Exit(rng.uniform(0.2, 0.6, n)) if seed % 4 == 0 else None
    return RepeatedGame(Game(*payoffs), discounts, exit=leave)


def missed(repeated, points, point):
    """By how much the best profile and lottery over points miss a payoff and its constraints."""
    n, delta = repeated.players, np.broadcast_to(repeated.discounts, repeated.players)
    payoffs, best = repeated.game.payoffs.reshape(-1, n), repeated.game.deviations().reshape(-1, n)
    out = np.inf
    least = points.min(axis=0)
    if repeated.exit is not None:
        least = repeated.exit.payoffs[0]
        out = np.abs(point - least).max()
    later = delta[:, None] * points.T
    for gets, tempts in zip((1 - delta) * payoffs, (1 - delta) * best + delta * least, strict=True):
        needed = tempts if repeated.exit is None else np.maximum(tempts, least)
        found = linprog(
            np.append(np.zeros(len(points)), 1.0),
            A_ub=np.hstack([np.vstack([later, -later, -later]), -np.ones((3 * n, 1))]),
            b_ub=np.concatenate([point - gets, gets - point, gets - needed]),
            A_eq=np.append(np.ones(len(points)), 0.0)[None],
            b_eq=[1.0],
        )
        out = min(out, found.fun)
    return out


EDGES = {13}  # a knife edge that is not rational, up to which nothing near is proved
FEW = [*range(8), 15, 39]  # the last two have points that come twice


@pytest.mark.dear("1")
@pytest.mark.parametrize("seed", [1, 7])
def test_both_sides_of_very_patient_players_are_proved(seed):
    """What follows is worth a thousand times what comes now, and so is rounding in it."""
    game = Game(*np.random.default_rng(seed).integers(-5, 6, (2, 2, 2, 3)).transpose(3, 0, 1, 2))
    assert certify(payoff_bounds(RepeatedGame(game, 0.999)), tolerance=1e-5).holds


@pytest.mark.parametrize(
    "seed", [*FEW, *(pytest.param(k, marks=pytest.mark.slow) for k in range(100) if k not in FEW)]
)
def test_both_sides_are_proved(seed):
    repeated = drawn(seed)
    bounds = payoff_bounds(repeated, refinements=2)
    proof = certify(bounds, tolerance=1e-6)
    assert proof.inner == (bounds.status is Status.EMPTY or len(bounds.inner) > 0)
    assert proof.outer
    if bounds.status is Status.EMPTY:
        assert (proof.bound, proof.vertices) == (0.0, ())
        return
    assert proof.bound <= max(3 * bounds.gap, 1e-8) or seed in EDGES
    assert proof.holds == (proof.inner and proof.bound <= 1e-6)
    if not proof.inner:
        return
    assert all(isinstance(x, Fraction) for vertex in proof.vertices for x in vertex)
    points, size = np.array(proof.vertices, float), np.ptp(repeated.game.payoffs)
    assert max(missed(repeated, points, point) for point in points) <= 1e-7 * size
    if repeated.players == 2:
        normals = np.array([[np.cos(t), np.sin(t)] for t in np.linspace(0, 6.2, 40)])
        beyond = (normals @ payoff_set(repeated).vertices.T).max(axis=1) - (normals @ points.T).max(axis=1)
        assert beyond.max() <= (2 * proof.bound + 1e-9) * size


@pytest.mark.parametrize(("players", "discount"), [(3, Fraction(1, 2)), (4, Fraction(1, 3))])
def test_a_knife_edge_is_proved(players, discount):
    """All who give to a public good are just patient enough."""
    repeated = RepeatedGame(public_good(players, 0.5), discount)
    bounds = payoff_bounds(repeated)
    assert certify(bounds, tolerance=1e-8).holds


@pytest.mark.parametrize(
    "forged",
    [
        lambda found: {"inner": found.inner + 0.1},
        lambda found: {"levels": found.levels - 0.1},
        lambda found: {"threat": found.threat + 0.1},
        lambda found: {"game": RepeatedGame(PRISONERS, 0.2)},
        lambda found: {"inner": np.empty((0, 2)), "status": Status.EMPTY},
    ],
)
def test_what_is_claimed_is_compared_with_what_is_proved(forged):
    bounds = payoff_bounds(RepeatedGame(PRISONERS, 0.9))
    assert certify(bounds, tolerance=1e-8).holds
    assert certify(replace(bounds, **forged(bounds)), tolerance=1e-8).bound > 0.005


def test_points_claimed_where_there_are_none():
    pennies = payoff_bounds(RepeatedGame(Game([[1, 0], [0, 1]], [[0, 1], [1, 0]]), 0.1))
    assert certify(pennies).holds
    claimed = replace(pennies, inner=[[0.5, 0.5]], threat=[[0.5, 0.5]] * 2)
    assert not certify(claimed).holds
    with pytest.raises(NotApplicable, match="`payoff_bounds` has returned"):
        certify(replace(pennies, _found=None))


def test_play_that_deters_in_another_game_proves_nothing_in_this_one():
    """Less patient players, or a larger gain from a deviation: the points found before are not attained."""
    shirk = np.indices((2, 2, 2))
    game, tempting = (
        Game(*(2 * (3 - shirk.sum(axis=0)) + saved * shirk[i] for i in range(3))) for saved in (3, 3.9)
    )
    bounds = payoff_bounds(RepeatedGame(game, 0.3))
    for other, discount in ((game, 0.2), (game, 0.1), (tempting, 0.3)):
        proof = certify(replace(bounds, game=RepeatedGame(other, discount)))
        assert not proof.inner
        assert "Not proved from inside" in proof.statement


def test_play_that_deters_under_one_signal_proves_nothing_for_less_patient_players():
    partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    report = Monitoring(np.array([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]]))
    found = payoff_set(RepeatedGame(partners, 0.8, monitoring=report), tolerance=1e-3)
    assert certify(found).inner
    assert not certify(replace(found, game=RepeatedGame(partners, 0.7, monitoring=report))).inner
