"""Renegotiation-proof paths checked as automata: one-shot deviations and Pareto ranking, from the definition."""

from fractions import Fraction

import numpy as np
import pytest

from bargaining.equilibria.repeated.renegotiation import patient_renegotiation_proof, renegotiation_proof
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from known_games import PRISONERS


def at(game, discount, profile):
    return renegotiation_proof(RepeatedGame(game, np.array([discount, discount], dtype=object)), profile)


def check(game, discount, profile, found):
    """Play the three states: values by a linear system, then deviations and ranking."""
    states = [tuple(profile), *(tuple(row) for row in found.punishments.tolist())]
    states = [state if min(state) >= 0 else None for state in states]
    stay = np.zeros((3, 3))
    stay[0, 0] = 1
    for i in (1, 2):
        q = found.forgiven[i - 1]
        if states[i] is not None:
            stay[i, i], stay[i, 0] = 1 - q, q
    d = float(discount)
    values = np.full((3, 2), np.nan)
    live = [k for k in range(3) if states[k] is not None]
    g = np.array([game.payoffs[states[k]] for k in live])
    part = stay[np.ix_(live, live)]
    values[live] = np.linalg.solve(np.eye(len(live)) - d * part, (1 - d) * g)
    for k in live:
        for i in (0, 1):
            after = values[i + 1, i] if states[i + 1] is not None else values[k, i]
            best = game.deviations()[states[k]][i]
            cheat = (1 - d) * best + d * after
            assert cheat <= values[k, i] + 1e-9 or (states[i + 1] is None and best <= values[k, i] + 1e-9)
    for a in live:
        for b in live:
            assert not (values[a] > values[b] + 1e-9).all()
    np.testing.assert_allclose(values[0], found.payoffs)
    for i in (1, 2):
        if states[i] is not None:
            np.testing.assert_allclose(values[i], found.punishment_payoffs[i - 1], atol=1e-9)


def test_prisoners_dilemma():
    """Penance: the cheat cooperates alone until forgiven. It needs 3 <= 1 - d + 9 d, so d >= 1/4."""
    quarter = Fraction(1, 4)
    found = at(PRISONERS, quarter, (0, 0))
    assert found.sustained is True
    np.testing.assert_array_equal(found.punishments, [[0, 1], [1, 0]])
    np.testing.assert_allclose(found.punishment_payoffs, [[3, 9.75], [9.75, 3]])
    np.testing.assert_allclose(found.forgiven, 1.0)
    check(PRISONERS, quarter, (0, 0), found)
    tiny = Fraction(1, 10**20)
    assert at(PRISONERS, quarter - tiny, (0, 0)).sustained is None
    # Whatever follows pays the cheat at most 10: 3 <= 1 - d + 10 d, so d >= 2/9.
    assert at(PRISONERS, Fraction(2, 9), (0, 0)).sustained is None
    assert at(PRISONERS, Fraction(2, 9) - tiny, (0, 0)).sustained is False


def test_cooperation_that_needs_a_bad_punishment_for_both_is_not_proof():
    """Reversion to the only stage equilibrium is an equilibrium, but both would forgive: there is no other way."""
    game = Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    # Penance exists here too: check against the definition, then take it away.
    assert at(game, Fraction(9, 10), (0, 0)).sustained is True
    joint = Game([[4, 0, 0], [5, 1, 0], [0, 0, 0]], [[4, 3, 0], [3, 1, 0], [0, 0, 0]])
    assert at(joint, Fraction(9, 10), (0, 0)).sustained is False


def test_a_stage_equilibrium_is_always_proof():
    found = at(PRISONERS, Fraction(0), (1, 1))
    assert found.sustained is True
    assert (found.punishments == -1).all()


@pytest.mark.parametrize("discount", ["1/3", "3/5", "9/10"])
def test_random_games_from_the_definition(discount):
    rng = np.random.default_rng(7)
    answers = {True: 0, False: 0, None: 0}
    for _ in range(60):
        game = Game(*rng.integers(-6, 7, (2, 3, 3)))
        for profile in ((0, 0), (1, 2)):
            found = at(game, Fraction(discount), profile)
            answers[found.sustained] += 1
            if found.sustained:
                check(game, Fraction(discount), profile, found)
    assert answers[True] > 3
    assert answers[False] > 3


def test_patient_payoffs_agree_with_high_discount_factors():
    rng = np.random.default_rng(8)
    seen = set()
    for _ in range(60):
        game = Game(*rng.integers(-6, 7, (2, 2, 2)))
        boxes = patient_renegotiation_proof(game)
        for profile in ((0, 0), (0, 1), (1, 0), (1, 1)):
            v = game.payoffs[profile]
            if (game.deviations()[profile] == v).any():
                continue
            inside = any((low < v).all() and (v <= high).all() for low, high in boxes)
            outside = not any((low <= v).all() and (v <= high).all() for low, high in boxes)
            found = at(game, 1 - Fraction(1, 10**6), profile).sustained
            seen.add(found)
            if inside:
                assert found is True
            if outside:
                assert found is not True
    assert {True, False} <= seen


@pytest.mark.parametrize("seed", range(5))
def test_boxes_of_patient_payoffs_from_the_definition(seed):
    """Every profile for every player, at payoffs between those of the game, which have no ties."""
    game = Game(*np.random.default_rng(seed).integers(0, 8, (2, 2, 3)))
    g, c = game.payoffs.reshape(-1, 2), game.deviations().reshape(-1, 2)
    boxes = patient_renegotiation_proof(game)
    for v in np.argwhere(np.ones((8, 8))) + np.array([0.5, 0.25]):
        defined = all(((c[:, i] < v[i]) & (g[:, 1 - i] >= v[1 - i])).any() for i in (0, 1))
        assert defined == any((low < v).all() and (v <= high).all() for low, high in boxes)


def test_everything_above_the_minmax_is_proof_in_the_patient_dilemma():
    """van Damme (1989)."""
    np.testing.assert_array_equal(patient_renegotiation_proof(PRISONERS), [[[3, 3], [10, 10]]])


def test_bad_arguments():
    with pytest.raises(InvalidInput, match="batch"):
        renegotiation_proof(RepeatedGame(PRISONERS, [[0.5, 0.5]]), (0, 0))
    with pytest.raises(NotApplicable, match="leave"):
        renegotiation_proof(RepeatedGame(PRISONERS, 0.5, exit=Exit([1, 1])), (0, 0))
    with pytest.raises(NotApplicable, match="same"):
        renegotiation_proof(RepeatedGame(PRISONERS, [0.5, 0.6]), (0, 0))
    three = Game(*np.zeros((3, 2, 2, 2)))
    with pytest.raises(NotApplicable, match="two players"):
        renegotiation_proof(RepeatedGame(three, 0.5), (0, 0, 0))
    with pytest.raises(NotApplicable, match="two players"):
        patient_renegotiation_proof(three)
