"""Perfect public equilibria of three and more players: numbers by hand, a plain iteration, proofs in rationals."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining import (
    Exit,
    Game,
    InvalidInput,
    Monitoring,
    NotApplicable,
    RepeatedGame,
    Status,
    certify,
    payoff_bounds,
    payoff_set,
)
from bargaining.equilibria.sets.several.inner import Hull
from known_games import contributors
from public_programs import iterate


def exact_contributors(discount, leaving=None, chances=("1/5", "3/10", "1/2", "9/10")):
    return contributors(Fraction(3, 5), [*map(Fraction, chances)], discount, leaving)


@pytest.mark.dear("0.6-None-expected0", "0.8-None-expected1", "0.8-0.1-expected3")
@pytest.mark.parametrize(
    ("discount", "leaving", "expected"),
    [(0.6, None, [0, 0.7]), (0.8, None, [0, 0.7]), (0.6, 0.1, [0.1]), (0.8, 0.1, [0.1, 0.7])],
)
def test_three_contributors(discount, leaving, expected):
    """All contribute, or nobody: each is tempted by .4, the bad signal, one in ten, burns .1 x .4 / (.9 - .5)."""
    found = payoff_bounds(exact_contributors(discount, leaving), tolerance=1e-4)
    assert found.status is Status.OK
    assert found.gap <= 1e-4
    corners = sorted(found.inner.tolist())
    np.testing.assert_allclose(corners, [[each] * 3 for each in expected], atol=2e-4)
    assert found.contains([expected[-1] + 1e-3] * 3) is False
    np.testing.assert_allclose(found.threat, expected[0], atol=2e-4)


@pytest.mark.parametrize(
    ("discount", "leaving"),
    [
        (Fraction(3, 5), None),
        pytest.param(Fraction(4, 5), None, marks=pytest.mark.slow),
        pytest.param(Fraction(4, 5), Fraction(1, 10), marks=pytest.mark.slow),
    ],
)
def test_both_sides_are_proved(discount, leaving):
    found = payoff_bounds(exact_contributors(discount, leaving), tolerance=1e-3)
    proof = certify(found, tolerance=2e-3)
    assert (proof.inner, proof.outer, proof.holds) == (True, True, True), proof.statement
    assert all(len(vertex) == 3 for vertex in proof.vertices)
    for name in ("inner", "levels", "threat"):  # neither side may be moved
        forged = replace(found, **{name: getattr(found, name) + (0.05 if name != "levels" else -0.05)})
        assert not certify(forged, tolerance=2e-3).holds


def test_leaving_alone_is_proved_where_profiles_go_one_after_the_other():
    found = payoff_bounds(exact_contributors(Fraction(3, 5), Fraction(1, 10)), tolerance=1e-3)
    proof = certify(found, tolerance=1e-6)
    assert proof.holds, proof.statement
    assert proof.vertices == ((Fraction(1, 10),) * 3,)


def test_no_equilibrium_is_said_and_proved():
    """Three match pennies round: in pure actions somebody always moves, and nothing is seen."""
    side = np.indices((2, 2, 2))
    wins = [np.where(side[i] == side[(i + 1) % 3], 1, -1) for i in (0, 1)] + [
        np.where(side[2] != side[0], 1, -1)
    ]
    game = Game(*wins)
    found = payoff_bounds(RepeatedGame(game, 0.8, monitoring=Monitoring.none(game)))
    assert found.status is Status.EMPTY
    assert certify(found).holds


@pytest.mark.parametrize("seed", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in range(2, 30))])
def test_a_plain_iteration_agrees(seed):
    """Linear programs of scipy in the axes and diagonals, half of the games with the right to leave."""
    rng = np.random.default_rng(seed)
    payoffs = rng.integers(-3, 4, (2, 2, 2, 3)).astype(float)
    chances = rng.dirichlet(np.ones(3), (2, 2, 2))
    discount, leaving = float(rng.choice([0.4, 0.6, 0.75])), (0.2, -0.3, 0.1) if seed % 2 else None
    repeated = RepeatedGame(
        Game(*np.moveaxis(payoffs, -1, 0)),
        discount,
        exit=None if leaving is None else Exit(leaving),
        monitoring=Monitoring(chances),
    )
    found = payoff_bounds(repeated, tolerance=1e-4, refinements=3)
    signs = np.indices((3, 3, 3)).reshape(3, -1).T - 1.0
    normals = signs[np.abs(signs).sum(axis=1) > 0]
    _, levels = iterate(payoffs, chances, discount, leaving=leaving, directions=normals, tolerance=1e-6)
    if levels is None:
        assert found.status is Status.EMPTY
        return
    scale = np.ptp(payoffs.reshape(-1, 3), axis=0).max()
    assert not len(found.inner) or (found.inner @ normals.T <= levels + 1e-6 * scale).all()
    known = {
        tuple(np.round(row, 9)): level for row, level in zip(found.directions, found.levels, strict=True)
    }
    for normal, level in zip(normals, levels, strict=True):  # never farther out than the plain program's
        length = np.linalg.norm(normal)
        ours = known.get(tuple(np.round(normal / length, 9)))
        assert ours is None or ours * length <= level + 1e-5 * scale


def test_two_players_agree_with_the_payoff_set():
    partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])
    repeated = RepeatedGame(partners, 0.8, monitoring=report)
    bounds, found = payoff_bounds(repeated, tolerance=1e-3), payoff_set(repeated, tolerance=1e-4)
    assert bounds.status is Status.OK
    assert (found.vertices @ bounds.directions.T <= bounds.levels + 1e-9).all()
    assert Hull(bounds.inner).outside(found.outer).max() < 1e-3 * 4


@pytest.mark.parametrize("leaving", [None, pytest.param(Fraction(1, 10), marks=pytest.mark.slow)])
def test_strategies_of_three_players_have_no_regret(leaving):
    """Values and incentives recomputed from the table of the automaton alone, in rationals."""
    repeated = exact_contributors(Fraction(4, 5), leaving)
    found = payoff_bounds(repeated, tolerance=1e-2)
    play = found.strategy([0.35] * 3, tolerance=1e-3)
    assert play.regret == 0
    assert np.abs(play.payoffs - 0.35).max() < 1e-3
    d, p, g = Fraction(4, 5), repeated.monitoring.exact, repeated.game.exact
    played = [state for state in play.states if state.profile is not None]
    assert {state.profile for state in played} >= {(1, 1, 1)}
    for state in played:
        for i in range(3):
            later = np.array(
                [sum(s * play.states[n].payoffs[i] for n, s in after) for after in state.following]
            )
            worth = (1 - d) * g[state.profile][i] + d * (p[state.profile] @ later)
            assert worth == state.payoffs[i]
            other = tuple(1 - a if k == i else a for k, a in enumerate(state.profile))
            assert (1 - d) * g[other][i] + d * (p[other] @ later) <= worth
            assert leaving is None or worth >= leaving
    history = play.simulate(20, 1)
    assert history.payoffs.shape == (20, 3)


def test_a_point_within_a_solid_set_is_attained_exactly():
    """Nothing is seen: the mixtures of four stage equilibria, which two players must leave to reach another one."""
    side = np.indices((2, 2, 2))
    odd = side.sum(axis=0) % 2 == 1
    game = Game(*(np.where(odd, -1, 3 * (1 - side[k]) * (side.sum(axis=0) > 0)) for k in range(3)))
    found = payoff_bounds(
        RepeatedGame(game, Fraction(1, 2), monitoring=Monitoring.none(game)), tolerance=1e-3
    )
    point = [Fraction(1, 2), Fraction(3, 4), Fraction(1, 3)]
    play = found.strategy(point)
    assert play.regret == 0
    for i in range(3):
        assert sum(share * play.states[k].payoffs[i] for k, share in play.start) == point[i]


def test_strategies_are_refused_where_there_are_none():
    repeated = exact_contributors(Fraction(3, 5))
    found = payoff_bounds(repeated, tolerance=1e-2)
    with pytest.raises(InvalidInput, match="outside"):
        found.strategy([0.5, 0.1, 0.1])
    with pytest.raises(InvalidInput, match="3 entries"):
        found.strategy([0.5, 0.1])
    with pytest.raises(NotApplicable, match="two players"):
        payoff_bounds(RepeatedGame(repeated.game, 0.8)).strategy([0, 0, 0])
