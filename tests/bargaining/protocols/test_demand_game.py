"""The demand game: best replies by brute force, the Nash point as the limit, and what noise 0 leaves open."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem
from bargaining.protocols.demand_game import NashDemandGame

PARABOLA = Problem(Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x), [0.0, 0.0])
KINKED = Problem(Polytope([(0, 0), (4, 0), (3, 2), (0, 3)]), [0.5, 0.25])
NASH = (2 / np.sqrt(3), 8 / 3)  # of the parabola: (4 - x^2) = 2 x^2


def met(x, noise, problem):
    """Return the probability that demands fit, with the gauge found by bisection on `contains`."""
    d = problem.disagreement
    low, high = 0.0, 64.0
    for _ in range(60):
        middle = (low + high) / 2
        inside = problem.feasible.contains(d + (np.asarray(x) - d) / middle, tol=0.0)
        low, high = (low, middle) if inside else (middle, high)
    return 1 / (1 + np.exp((high - 1) / noise))


def solid(faces):
    """Return the problem of all x >= 0 with faces @ x <= 1, and d = 0."""
    planes, sides = np.vstack([faces, -np.eye(3)]), np.r_[np.ones(len(faces)), np.zeros(3)]
    corners = []
    for three in combinations(range(len(planes)), 3):
        if abs(np.linalg.det(planes[list(three)])) > 1e-9:
            corner = np.linalg.solve(planes[list(three)], sides[list(three)])
            corners += [corner] if (planes @ corner <= sides + 1e-9).all() else []
    return Problem(Polytope(corners, free_disposal=True), [0, 0, 0])


@pytest.mark.parametrize("problem", [PARABOLA, KINKED])
@pytest.mark.parametrize("noise", [0.02, 0.2, 1.5])
def test_no_demand_does_better(problem, noise):
    game = NashDemandGame(noise=noise)(problem)
    assert game.ok
    x, d = game.demands, problem.disagreement
    for i in range(2):

        def payoff(demand, i=i):
            moved = x.copy()
            moved[i] = demand
            return (demand - d[i]) * met(moved, noise, problem)

        best = minimize_scalar(
            lambda v, payoff=payoff: -payoff(v), bounds=(d[i], d[i] + 4 * (x[i] - d[i])), method="bounded"
        )
        claimed = payoff(x[i])
        assert claimed == pytest.approx(game.payoffs[i] - d[i], rel=1e-6)
        assert -best.fun <= claimed * (1 + 1e-6)


def test_a_kink_off_the_ray_can_hold_another_equilibrium_of_three():
    """N = (1, 1, 1) is smooth, and where the other two faces meet (x_i - d_i) dg/dx_i may be .085 for everybody."""
    crossing = np.array([1 / 2, 1 / 0.9, 1 / 0.9])
    faces = np.array([np.full(3, 1 / 3), [0.09, 0.08, 0.83] / crossing, [0.05, 0.87, 0.08] / crossing])
    assert (faces[1:].sum(axis=1) < 1).all()
    noise, level = 0.1, 1.262065194188411
    assert level / (noise * (1 + np.exp((1 - level) / noise))) == pytest.approx(1 / 0.085)
    for demands in (level * crossing, NashDemandGame(noise=noise)(solid(faces)).demands):
        for i in range(3):
            tried = np.tile(demands, (2001, 1))
            tried[:, i] = demands[i] * np.linspace(0, 4, 2001)
            worth = tried[:, i] / (1 + np.exp(((faces @ tried.T).max(axis=0) - 1) / noise))
            assert worth.argmax() == 500


def test_demands_lie_on_the_ray_through_the_nash_point_and_tend_to_it():
    distances = []
    for noise in (0.1, 0.01, 1e-4, 1e-8):
        game = NashDemandGame(noise=noise)(PARABOLA)
        assert game.demands[1] / game.demands[0] == pytest.approx(NASH[1] / NASH[0], rel=1e-12)
        distances.append(float(np.abs(game.payoffs - NASH).max()))
    assert all(far > near for far, near in pairwise(distances))
    assert distances[-1] < 1e-6


@pytest.mark.parametrize("players", [2, 3, 5])
def test_the_level_solves_the_first_order_condition_with_transferable_surplus(players):
    noise = 0.05
    game = NashDemandGame(noise=noise)(Problem(TransferableSurplus(2.0, players=players), np.zeros(players)))
    gauge = game.demands.sum() / 2
    # d/dx_i [ln x_i + ln P(sum x / 2)] = 0, by a central difference of ln P.
    log_p = lambda g: -np.log1p(np.exp((g - 1) / noise))  # noqa: E731
    slope = (log_p(gauge + 1e-6) - log_p(gauge - 1e-6)) / 2e-6 / 2
    assert 1 / game.demands[0] + slope == pytest.approx(0, abs=1e-7)
    assert game.demands == pytest.approx([game.demands[0]] * players)


def test_a_batch_is_its_cells_and_no_gain_is_said():
    problem = Problem(TransferableSurplus(1.0), [[0.0, 0.2], [0.5, 0.5], [0.7, 0.7]])
    game = NashDemandGame(noise=0.1)(problem)
    assert game.status.tolist() == [Status.OK, Status.DEGENERATE, Status.EMPTY]
    one = NashDemandGame(noise=0.1)(Problem(TransferableSurplus(1.0), [0.0, 0.2]))
    assert game.payoffs[0].tolist() == one.payoffs.tolist()
    assert game.payoffs[1].tolist() == [0.5, 0.5]
    assert np.isnan(game.demands[2]).all()


def test_without_noise_it_refuses_to_choose():
    silent = NashDemandGame()(PARABOLA)
    assert silent.status is Status.MULTIPLE
    assert np.isnan(silent.payoffs).all()
    with pytest.raises(Unsolved, match="equilibria"):
        silent.raise_if_failed()
    assert NashDemandGame().equilibria(PARABOLA) == pytest.approx(np.array([[0, 2], [0, 4]]))
    smooth = NashDemandGame(noise=0.1)
    assert smooth.equilibria(PARABOLA)[:, 0].tolist() == smooth(PARABOLA).payoffs.tolist()


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf"), [0.1, 0.2], True])
def test_bad_input(noise):
    with pytest.raises(InvalidInput, match="`noise`"):
        NashDemandGame(noise=noise)


def test_regret_of_a_small_demand_is_half_as_much_again():
    """A tenth of what they could have is met for sure, and so is 15 percent of it: the furthest demand compared."""
    game = NashDemandGame(noise=0.01)
    lost = game._regret(Problem(TransferableSurplus(1.0), [0, 0]), np.array([0.05, 0.05]))
    assert lost == pytest.approx(np.log(1.5), rel=1e-12)
