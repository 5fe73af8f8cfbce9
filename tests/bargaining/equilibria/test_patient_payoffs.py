"""Scores in the limit of patience: checked numbers, programs of scipy, the folk theorem where actions are seen."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining import (
    Game,
    InvalidInput,
    Monitoring,
    NotApplicable,
    RepeatedGame,
    Status,
    full_rank,
    patient_payoffs,
    patient_score,
    payoff_set,
)
from known_games import PARTNERS, report
from public_programs import kept_to

F = Fraction
EACH = [[F(9, 10), F(1, 10)], [F(3, 10), F(7, 10)]]


ONE = report("9/10", "1/2", "1/4")


def program(game, chances, normal):
    """Return the score by scipy, payoffs and continuations free variables."""
    best = -np.inf
    for a in np.ndindex(*game.shape):
        rows, limits = kept_to(game, chances, a, normal, 0)
        goal = np.outer(normal, chances[a]).ravel()
        found = linprog(-goal, A_ub=np.array(rows), b_ub=limits, bounds=(None, None))
        if found.status == 0:
            best = max(best, normal @ game.payoffs[a] - found.fun)
        else:
            assert found.status == 2
    return best


def drawn(seed, players=2):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(2, 4, players).tolist()) if players == 2 else (2,) * players
    weights = rng.integers(0, 5, (*shape, int(rng.integers(2, 5)))) + np.eye(1, dtype=int)[0]
    exact = np.vectorize(Fraction, otypes=[object])(weights)
    game = Game(*rng.integers(-3, 4, (players, *shape)).astype(float))
    return game, Monitoring(exact / exact.sum(axis=-1, keepdims=True)), rng


def test_scores_of_partners():
    directions = [[1, 1], [1, 0], [1, 2], [1, -1], [3, 1], [-1, 0]]
    one = [patient_score(PARTNERS, n, monitoring=ONE).value for n in directions]
    assert one == pytest.approx([3.5, 3, 5.25, 3.25, 8, 0], abs=1e-10)
    both = Monitoring.product([EACH, EACH])
    assert [patient_score(PARTNERS, n, monitoring=both).value for n in directions] == pytest.approx(
        [4, 3, 6, 4, 8, 0], abs=1e-10
    )


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(k, marks=pytest.mark.slow) for k in range(6, 60))]
)
def test_programs_of_scipy_agree(seed):
    game, monitoring, rng = drawn(seed, players=2 + seed % 2)
    for normal in rng.integers(-3, 4, (4, game.players)):
        if normal.any():
            expected, score = (
                program(game, monitoring.probabilities, normal),
                patient_score(game, normal, monitoring=monitoring),
            )
            if score.value is None:
                assert expected == -np.inf
            else:
                assert float(score.value) == pytest.approx(expected, abs=1e-7)


@pytest.mark.dear("3", "0")
@pytest.mark.parametrize("seed", [0, 1, 3, *(pytest.param(k, marks=pytest.mark.slow) for k in range(4, 60))])
def test_the_set_is_that_of_all_its_scores(seed):
    """Vertices obey the score in any direction; and each face is a score."""
    game, monitoring, rng = drawn(2 * seed)
    found = patient_payoffs(game, monitoring=monitoring)
    for normal in rng.integers(-9, 10, (25, 2)):
        if normal.any() and found.faces:
            score = patient_score(game, normal, monitoring=monitoring).value
            assert (found.vertices @ normal <= score + 1e-8).all()
    for normal, score in found.faces:
        assert score.value == pytest.approx(
            patient_score(game, np.array(normal), monitoring=monitoring).value, abs=1e-9
        )


def test_faces_have_the_scores_of_their_directions_at_the_axes_too():
    """Player 0 prefers action 0; with weight on her alone nothing pays for another, near that nearly all does."""
    game = Game([[2], [-2]], [[-3], [0]])
    found = patient_payoffs(game)
    assert patient_score(game, [-1, 0]).value == pytest.approx(-2)
    for normal, score in found.faces:
        assert score.value == pytest.approx(patient_score(game, normal).value)
    assert len(dict(found.faces)) == len(found.faces)


def test_actions_that_are_seen_give_the_folk_theorem():
    """Everything feasible above the pure minmax, from the payoffs alone."""
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    found = patient_payoffs(prisoners)
    assert found.vertices == pytest.approx(np.array([[3, 3], [9.75, 3], [9, 9], [3, 9.75]]))
    assert found.reached
    assert full_rank(prisoners, Monitoring.perfect(prisoners)).folk_theorem


def test_equilibria_lie_within_and_come_near():
    found = patient_payoffs(PARTNERS, monitoring=ONE)
    long, short = 476 / 207, 112 / 207
    expected = np.array([[0, 0], [long, short], [1.75, 1.75], [short, long]])
    assert found.vertices == pytest.approx(expected, abs=1e-9)
    patient = payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=ONE), tolerance=1e-4)
    assert all(found.contains(vertex) for vertex in patient.vertices)
    assert patient.vertices[:, 0].max() > 0.95 * found.vertices[:, 0].max()


def test_a_set_without_an_inside_is_not_said_to_be_reached():
    common = [[2, 0], [0, 1]]
    found = patient_payoffs(Game(common, common))
    assert len(found.vertices) == 2
    assert not found.reached


def test_taking_turns_where_nobody_cooperates():
    """(2/3, 1/2, 1/4): no symmetric cooperation at any patience, yet a sum of 2."""
    found = patient_payoffs(PARTNERS, monitoring=report("2/3", "1/2", "1/4"))
    assert found.vertices == pytest.approx(np.array([[0, 0], [12 / 7, 2 / 7], [2 / 7, 12 / 7]]), abs=1e-9)


def test_nothing_seen():
    none = patient_payoffs(PARTNERS, monitoring=Monitoring.none(PARTNERS))
    assert none.vertices == pytest.approx(np.zeros((1, 2)), abs=1e-9)
    assert not none.reached
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    empty = patient_payoffs(pennies, monitoring=Monitoring.none(pennies))
    assert empty.status is Status.EMPTY
    assert "cannot be noticed" in empty.reason
    assert patient_score(pennies, [1, 1], monitoring=Monitoring.none(pennies)) == (None, None)


def test_who_looks_like_whom():
    names = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2)
    found = full_rank(names, ONE)
    assert (found.individual, found.pairwise, found.folk_theorem) == (True, False, False)
    assert [each.profile for each in found.failures] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found.failures[0].reason == "player 0 playing shirk looks like player 1 playing shirk"
    clear = full_rank(names, Monitoring.product([EACH, EACH]))
    assert clear.folk_theorem
    assert clear.failures == ()
    blind = full_rank(names, Monitoring.none(names))
    assert not blind.individual
    assert blind.failures[0].reason == "everybody keeping to work, work looks like player 0 playing shirk"


@pytest.mark.parametrize("seed", range(8))
def test_reasons_are_true(seed):
    """What is said to look alike does: the mixtures named lead to the same chances."""
    game, monitoring, _ = drawn(seed, players=3)
    for failure in full_rank(game, monitoring).failures:
        assert not failure.rank.holds
        sides = []
        for side in failure.reason.split(" looks like "):
            total = np.full(len(monitoring.signals), F(0))
            for part in side.split(" and "):
                share, _, rest = part.partition(" of ")
                weight, rest = (F(share), rest) if rest else (F(1), part)
                at = list(failure.profile)
                if rest.startswith("player"):
                    _, player, _, action = rest.split()
                    at[int(player)] = int(action)
                total = total + weight * monitoring.exact[tuple(at)]
            sides.append(total.tolist())
        assert sides[0] == sides[1]


def test_what_is_wrong_is_named():
    with pytest.raises(NotApplicable, match="two players"):
        patient_payoffs(Game(*np.zeros((3, 2, 2, 2))))
    with pytest.raises(InvalidInput, match="`direction`"):
        patient_score(PARTNERS, [0, 0])


@pytest.mark.parametrize(("scale", "shift"), [(1e9, 1e11), (1e-6, 1e-3)])
def test_units_and_offsets_of_payoffs_do_not_matter(scale, shift):
    """A set whose scores change at six directions, one of them close to an axis."""
    rng = np.random.default_rng(31)
    shape = tuple(rng.integers(1, 4, 2))
    payoffs = np.array([rng.integers(0, 8, shape) for _ in range(2)])
    signals = Monitoring(rng.dirichlet(np.ones(2), shape))
    plain = patient_payoffs(Game(*payoffs), monitoring=signals)
    moved = patient_payoffs(Game(*(payoffs * scale + shift)), monitoring=signals)
    tolerance = 1e-9 + 1e-15 * shift / scale
    np.testing.assert_allclose((moved.vertices - shift) / scale, plain.vertices, rtol=0, atol=5 * tolerance)
    for (normal, score), (other, value) in zip(moved.faces, plain.faces, strict=True):
        assert normal == pytest.approx(other, abs=1e-9)
        assert (score.value - shift * sum(normal)) / scale == pytest.approx(value.value, abs=10 * tolerance)
