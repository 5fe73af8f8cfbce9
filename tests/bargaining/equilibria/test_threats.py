"""Variable threats against their definition: mutual best threats when the Nash solution follows."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from bargaining._rational import fractions
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.threats import coco_value, variable_threats
from bargaining.errors import InvalidInput, Status
from bargaining.games.normal_form import Game, MatrixGame, matrix_game

FIRST = [[1, 2, 0], [4, 1, 2], [5, 2, 0]], [[5, 2, 1], [2, 0, 1], [0, 3, 0]]
SECOND = [[2, 0], [4, 1]], [[1, 3], [0, 1]]


def nash_over_hull(points, d):
    """Maximise the product of gains along every edge of the hull, in closed form."""
    vertices = points[ConvexHull(points).vertices]
    best, where = -1.0, None
    for p, q in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        step = q - p
        a, b = p - d, step
        curvature = b[0] * b[1]
        peak = -(a[0] * b[1] + a[1] * b[0]) / (2 * curvature) if curvature < 0 else 0.0
        for t in {0.0, 1.0, min(max(peak, 0.0), 1.0)}:
            gain = a + t * b
            if gain.min() >= -1e-9 and gain.prod() > best:
                best, where = gain.prod(), p + t * step
    return where


@pytest.mark.parametrize(
    ("payoffs", "total", "advantage", "expected"), [(FIRST, 6, 1, (3.5, 2.5)), (SECOND, 4, 0, (2.0, 2.0))]
)
def test_coco_value(payoffs, total, advantage, expected):
    division = coco_value(*payoffs)
    assert division.exact == (Fraction(total + advantage, 2), Fraction(total - advantage, 2))
    assert tuple(division.payoffs) == expected
    assert division.residual == 0
    assert division.status == Status.OK


def test_transferable_utility_is_the_nash_solution_from_the_threats_of_the_difference():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = rng.integers(-9, 10, (2, 3, 4))
        division = coco_value(first, second)
        d = division.problem.disagreement
        surplus = (first + second).max() - d.sum()
        np.testing.assert_allclose(division.payoffs, d + surplus / 2, atol=1e-12)
        x, y = division.threats
        advantage = first - second
        assert (advantage @ y).max() - (x @ advantage).min() < 1e-12  # neither has a better threat


@pytest.mark.parametrize("kind", ["integer", "uniform"])
def test_no_other_threat_pays(kind):
    rng = np.random.default_rng(1)
    kinds = set()
    for _ in range(40):
        draw = rng.integers(-9, 10, (2, 3, 3)) if kind == "integer" else rng.random((2, 3, 3))
        first, second = draw.astype(float)
        division = variable_threats(*draw)
        assert division.ok
        points = np.stack([first.ravel(), second.ravel()], axis=-1)
        scale = np.ptp(points, axis=0).max()
        x, y = division.threats
        d = np.array([x @ first @ y, x @ second @ y])
        np.testing.assert_allclose(division.problem.disagreement, d, atol=1e-12 * scale)
        np.testing.assert_allclose(nash_over_hull(points, d), division.payoffs, atol=1e-7 * scale)
        kinds.add(bool((np.abs(points - division.payoffs).max(axis=1) < 1e-12).any()))
        for other in np.eye(3):
            for threat in (other, (other + x) / 2):
                d = np.array([threat @ first @ y, threat @ second @ y])
                assert nash_over_hull(points, d)[0] <= division.payoffs[0] + 1e-7 * scale
            for threat in (other, (other + y) / 2):
                d = np.array([x @ first @ threat, x @ second @ threat])
                assert nash_over_hull(points, d)[1] <= division.payoffs[1] + 1e-7 * scale
    assert kinds == {True, False}  # solutions at vertices and inside edges were both met


def test_a_threat_that_is_not_best_is_seen(monkeypatch):
    """It pays as much as the best one against a mixed reply, and would lose 1 to the best reply."""
    half = (Fraction(1, 2),) * 2
    pure = MatrixGame(value=Fraction(0), row=(Fraction(1), Fraction(0)), column=half)
    monkeypatch.setattr("bargaining.equilibria.threats.matrix_game", lambda payoffs: pure)
    found = coco_value([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    assert found.residual == 1
    assert found.status == Status.INACCURATE


def test_nash_conditions_hold_exactly_on_an_edge():
    division = variable_threats(*SECOND)
    assert division.exact == (Fraction(11, 6), Fraction(13, 8))
    np.testing.assert_allclose(division.weights, [3 / 7, 4 / 7], rtol=1e-15)
    assert division.residual == 0


@pytest.mark.parametrize("scales", [(1, 1), (1e-12, 1e12), (1e12, 1), (1e6, 1e-6)])
def test_units_are_the_players_own(scales):
    rng = np.random.default_rng(2)
    for _ in range(6):
        first, second = rng.random((2, 3, 4))
        base = variable_threats(first, second)
        moved = variable_threats(first * scales[0], second * scales[1])
        np.testing.assert_allclose(moved.payoffs / scales, base.payoffs, rtol=1e-12)
        ratio = moved.weights[0] * scales[0] / (moved.weights[1] * scales[1])
        assert ratio == pytest.approx(base.weights[0] / base.weights[1], rel=1e-9)


def test_the_players_may_change_places():
    rng = np.random.default_rng(3)
    for _ in range(10):
        first, second = rng.integers(-5, 6, (2, 3, 2))
        one, two = variable_threats(first, second), variable_threats(second.T, first.T)
        assert one.exact == two.exact[::-1]


def test_one_efficient_outcome_is_the_solution():
    division = variable_threats([[3, 0], [0, 1]], [[3, 0], [0, 1]])
    assert division.exact == (3, 3)
    assert division.ok


def test_an_advantage_that_is_flat_on_one_side_of_its_root():
    """With the weight t on player 0 the value falls to 0 at 1/3 and goes on with the slope 0."""
    division = variable_threats([[1, 0], [0, 2]], [[0, 1], [1, 2]])
    assert division.exact == (2, 2)
    assert division.residual == 0.0
    assert division.weights.tolist() == [1 / 3, 2 / 3]


def test_a_zero_sum_game_leaves_nothing_to_gain():
    matrix = np.array([[2, -1], [-3, 4]])
    value = matrix_game(fractions(matrix)).value
    division = variable_threats(matrix, -matrix)
    assert division.exact == (value, -value)
    assert division.status == Status.DEGENERATE


def test_a_player_with_nothing_at_stake():
    division = variable_threats([[1, 1], [1, 1]], [[0, 2], [1, 3]])
    assert division.exact == (1, 3)
    assert division.ok


def test_weights_are_positive_where_both_gain():
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(40):
        found = variable_threats(*rng.integers(0, rng.choice([3, 8]), (2, 2, 2)).tolist())
        both = bool((found.gains > 1e-9).all())
        seen.add(both)
        assert (found.status is Status.OK) == both
        assert not both or min(found.weights) > 0
    assert seen == {True, False}


def test_matrix_games_agree_with_the_equilibria_of_the_zero_sum_game():
    rng = np.random.default_rng(4)
    for shape in ((2, 5), (4, 4), (9, 9), (10, 12)):
        matrix = rng.integers(-20, 21, shape)
        solved = matrix_game(fractions(matrix))
        x, y = np.array(solved.row, dtype=object), np.array(solved.column, dtype=object)
        assert min(x @ matrix) == solved.value == max(matrix @ y)
        assert sum(x) == sum(y) == 1
        assert min(x) >= 0
        assert min(y) >= 0
    small = rng.integers(-5, 6, (3, 3))
    assert stage_equilibria(Game(small, -small)).exact_payoffs[0][0] == matrix_game(fractions(small)).value


@pytest.mark.parametrize("guess", [None, np.ones(12)])
def test_matrix_games_do_not_need_a_guess(guess, monkeypatch):
    matrix = fractions(np.random.default_rng(4).integers(-5, 6, (12, 12)))
    expected = matrix_game(matrix).value
    lost = SimpleNamespace(x=guess, ineqlin=SimpleNamespace(marginals=guess))
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: lost)
    found = matrix_game(matrix)
    assert found.value == expected
    assert (np.array(found.row, dtype=object) @ matrix).min() == found.value
    assert (matrix @ np.array(found.column, dtype=object)).max() == found.value


@pytest.mark.parametrize("solver", [variable_threats, coco_value])
def test_bad_arguments(solver):
    with pytest.raises(InvalidInput, match="one shape"):
        solver([[1, 2]], [[1], [2]])
    with pytest.raises(InvalidInput, match="`A`"):
        solver([1, 2], [[1], [2]])
    with pytest.raises(InvalidInput, match="`B`"):
        solver([[1.0]], [[float("nan")]])
