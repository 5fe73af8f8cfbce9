"""Transfers in stochastic games against exact set iteration, the repeated game, and solvable cases."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from bargaining.equilibria.repeated.joint import transfer_equilibrium
from bargaining.equilibria.stochastic.transfers import stochastic_transfer_equilibrium
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from known_games import PENNIES, PRISONERS

HALF = Fraction(1, 2)


def iterate(game, rounds):
    """Apply the definition to {w >= v(s), sum w <= U(s)}, in Fractions, from the largest such sets.

    None stands for a state without equilibrium.
    """
    states, n = range(len(game)), game.players
    d = game.exact_discounts[0]
    g, p = [x.exact for x in game.games], [game.exact_transition(s) for s in states]
    top = max(max(x.sum(axis=-1).ravel()) for x in g)
    joint, threat = [top] * len(game), [[min(x.min() for x in g)] * n for _ in states]
    for leave in game.exits:
        if leave is not None:
            o = leave.exact[leave.who[0]]
            joint = [max(x, sum(o)) for x in joint]
            threat = [[min(x, y) for x, y in zip(row, o, strict=True)] for row in threat]

    def mean(row, values):
        """The expectation, or None if it may meet a state without equilibrium."""
        if any(q and v is None for q, v in zip(row, values, strict=True)):
            return None
        return sum((q * v for q, v in zip(row, values, strict=True) if q), Fraction(0))

    def best_deviation(s, a, i):
        gains = []
        for b in range(g[s].shape[i]):
            at = (*a[:i], b, *a[i + 1 :])
            later = mean(p[s][at], [None if row is None else row[i] for row in threat])
            if later is None:
                return None
            gains.append((1 - d) * g[s][at][i] + d * later)
        return max(gains)

    for _ in range(rounds):
        after = []
        for s in states:
            leave = game.exits[s]
            who = () if leave is None else leave.who
            o = None if leave is None else leave.exact[who[0]]
            sums, lows, credible = [], [[] for _ in range(n)], len(who) > 1
            for a in product(*map(range, g[s].shape[:-1])):
                later = mean(p[s][a], joint)
                c = [best_deviation(s, a, i) for i in range(n)]
                if later is None or None in c:
                    continue
                gives = (1 - d) * sum(g[s][a]) + d * later
                if gives >= sum(c) and len(who) == 1 and c[who[0]] <= o[who[0]]:
                    credible = True
                c = [max(x, o[i]) if i in who else x for i, x in enumerate(c)]
                if gives >= sum(c):
                    sums.append(gives)
                    for i in range(n):
                        lows[i].append(c[i])
            if credible:
                sums.append(sum(o))
                for i in range(n):
                    lows[i] = [o[i]] if i in who else [*lows[i], o[i]]
            after.append((max(sums), [min(x) for x in lows]) if sums else (None, None))
        joint, threat = [x for x, _ in after], [v for _, v in after]
    return joint, threat


def small_game(seed, states, shape, exit_kind):
    """Draw integer payoffs, probabilities in quarters, and exits that some of the players may take."""
    rng = np.random.default_rng([seed, states, len(shape), sum(shape)])
    n, payoffs, chain, exits = len(shape), [], [], []
    for s in range(states):
        own = shape if s % 2 == 0 else tuple(max(1, count - 1) for count in shape)
        payoffs.append(rng.integers(-5, 6, (*own, n)))
        counts = rng.multinomial(4, np.full(states, 1 / states), own)
        fractions = np.array([Fraction(int(k), 4) for k in counts.ravel()], dtype=object)
        chain.append(fractions.reshape(counts.shape))
        who = {"none": [], "one": [int(rng.integers(n))], "two": list(range(n))}[exit_kind]
        may = who and rng.random() < 0.7
        exits.append(Exit(rng.integers(-5, 2, n), who=who) if may else None)
    return StochasticGame(payoffs, chain, np.array([HALF] * n), exit=exits)


@pytest.mark.dear("2-shape1-one")
@pytest.mark.parametrize("exit_kind", ["none", "one", "two"])
@pytest.mark.parametrize(("states", "shape"), [(2, (2, 2)), (2, (3, 2)), (3, (2, 2)), (2, (2, 2, 2))])
def test_agrees_with_exact_set_iteration(states, shape, exit_kind):
    for seed in range(3 if len(shape) == 2 else 2):
        game = small_game(seed, states, shape, exit_kind)
        found = stochastic_transfer_equilibrium(game)
        joint, threat = iterate(game, 70)
        for s in range(states):
            if joint[s] is None:
                assert found.status[s] == Status.EMPTY
                continue
            assert found.status[s] == Status.OK
            assert found.joint[s] == pytest.approx(float(joint[s]), abs=1e-12)
            assert found.threat[s] == pytest.approx(np.array(threat[s], dtype=float), abs=1e-12)


@pytest.mark.parametrize("who", [None, [0], [1], [0, 1]])
def test_one_state_is_the_repeated_game(who):
    rng = np.random.default_rng(0)
    for discount in (0, 0.3, Fraction(1, 2), 0.9):
        for _ in range(6):
            game = Game(*rng.integers(-6, 7, (2, 3, 2)))
            leave = None if who is None else Exit(rng.integers(-6, 3, 2), who=who)
            repeated = RepeatedGame(game, np.array([discount] * 2), exit=leave)
            one, found = (
                transfer_equilibrium(repeated),
                stochastic_transfer_equilibrium(StochasticGame.from_repeated(repeated)),
            )
            assert found.status[0] == one.status
            np.testing.assert_allclose(found.joint[0], one.joint, rtol=1e-12, atol=1e-12)
            np.testing.assert_allclose(found.threat[0], one.threat, rtol=1e-12, atol=1e-12)


def test_of_two_paths_the_better_one_is_taken_by_however_little():
    """The first of two equilibria is worse by a hundred-thousandth."""
    game = Game([[1, 0, -1], [0, 1.00001, -1], [-1] * 3], [[1, 0, -1], [0, 1, -1], [-1] * 3])
    found = stochastic_transfer_equilibrium(StochasticGame([game], [[1]], 0.5))
    assert found.joint[0] == pytest.approx(2.00001, abs=1e-12)


def test_an_option_that_strengthens_for_good():
    """Once leaving gives (9, 8) the players part; before, U = 0.7 * 18 + 0.3 (0.9 U + 0.1 * 17)."""
    game = StochasticGame.from_chain(PRISONERS, [[0.9, 0.1], [0, 1]], 0.3, exit=Exit([[1, 1], [9, 8]]))
    found = stochastic_transfer_equilibrium(game)
    np.testing.assert_allclose(found.joint, [(0.7 * 18 + 0.3 * 0.1 * 17) / (1 - 0.27), 17], rtol=1e-14)
    assert found.profile.tolist() == [[0, 0], [-1, -1]]
    np.testing.assert_allclose(found.threat, [[1, 1], [9, 8]], rtol=1e-15)


def test_a_threat_that_grows_is_felt_before():
    """Cooperation needs (1 - d) 2 <= d E[U - v1 - v2]: a strong option tomorrow makes it fail today."""
    chain = [[Fraction(1, 2), Fraction(1, 2)], [0, 1]]
    exits = Exit([[0, 0], [9, 8]])
    discount = Fraction(1, 8)
    found = stochastic_transfer_equilibrium(StochasticGame.from_chain(PRISONERS, chain, discount, exit=exits))
    # Together for ever would need 7/4 <= (U0 - 0) / 16 with U0 <= 18: it fails, so (3, 3) is all.
    assert found.profile[0].tolist() == [1, 1]
    assert found.joint[0] == pytest.approx((7 / 8 * 6 + 17 / 16) / (1 - 1 / 16), rel=1e-14)
    alone = transfer_equilibrium(RepeatedGame(PRISONERS, np.array([discount] * 2), exit=Exit([0, 0])))
    assert (alone.joint, tuple(alone.threat)) == (18, (0, 0))


def test_a_state_with_nothing_to_sustain_spoils_what_leads_to_it():
    stays = StochasticGame([PRISONERS, PENNIES], [[1, 0], [0, 1]], 0.9)
    found = stochastic_transfer_equilibrium(stays)
    assert found.status.tolist() == [Status.OK, Status.EMPTY]
    np.testing.assert_array_equal(found.joint, [18, np.nan])
    with pytest.raises(Unsolved, match="State 1"):
        found.problem(1)
    with pytest.raises(InvalidInput, match="`state` must be a state, 0 to"):
        found.problem(9)
    falls = StochasticGame([PRISONERS, PENNIES], [[[[1, 0], [1, 0]], [[0.5, 0.5], [1, 0]]], [0, 1]], 0.9)
    # Player 0 could defect from (C, C) into the empty state, so only (C, D) would be safe, and it is no use.
    assert stochastic_transfer_equilibrium(falls).status.tolist() == [Status.EMPTY, Status.EMPTY]
    leave = StochasticGame([PRISONERS, PENNIES], [[0.5, 0.5], [0, 1]], 0.9, exit=[None, Exit([0, 0])])
    assert stochastic_transfer_equilibrium(leave).joint[1] == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize(("scale", "offset"), [(1e-6, 0.0), (1.0, 2.0**20)])
def test_scale_and_offset(scale, offset):
    for seed in range(3):
        game = small_game(seed, 2, (3, 3), "none")
        moved = StochasticGame(
            [scale * g.payoffs + offset for g in game.games],
            [game.exact_transition(s) for s in range(2)],
            np.array([HALF] * 2),
        )
        before, after = stochastic_transfer_equilibrium(game), stochastic_transfer_equilibrium(moved)
        np.testing.assert_array_equal(before.status, after.status)
        np.testing.assert_allclose(
            after.joint, before.joint * scale + 2 * offset, rtol=1e-12, atol=1e-12 * scale
        )
        np.testing.assert_allclose(
            after.threat, before.threat * scale + offset, rtol=1e-12, atol=1e-12 * scale
        )


def test_bargaining_over_a_state():
    game = StochasticGame.from_chain(PRISONERS, [[0.9, 0.1], [0, 1]], 0.3, exit=Exit([[1, 1], [9, 8]]))
    problem = stochastic_transfer_equilibrium(game).problem(1)
    assert problem.feasible.total == 17
    assert problem.disagreement.tolist() == [9, 8]


def test_errors():
    with pytest.raises(NotApplicable, match="same for all"):
        stochastic_transfer_equilibrium(StochasticGame([PRISONERS], [[1]], [0.5, 0.6]))
    leave = Exit.by_leaver([[1, 2], [3, 4]])
    with pytest.raises(NotApplicable, match="in state bad"):
        stochastic_transfer_equilibrium(
            StochasticGame.from_chain(PRISONERS, np.eye(2), 0.5, exit=[None, leave], states=["good", "bad"])
        )
