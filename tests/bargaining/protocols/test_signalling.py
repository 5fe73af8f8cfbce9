"""Signalling: every extreme Nash equilibrium of the strategic form, in exact rationals, is accounted for."""

from dataclasses import replace
from fractions import Fraction as Q
from itertools import combinations, product

import numpy as np
import pytest

from bargaining.errors import InvalidInput
from bargaining.protocols.signalling import CostlyStep, Kind
from seeds import seeds

CONCESSION = {"owner": [[0.6, 0.4], [0.6, 0.2]], "receiver": [[0.4, 0.1], [0.4, 0.8]]}


def solve(matrix, right):
    """Solve a square system in rationals; None if singular."""
    size = len(matrix)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for k in range(size):
        pivot = next((r for r in range(k, size) if rows[r][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for r in range(size):
            if r != k and rows[r][k] != 0:
                rows[r] = [v - rows[r][k] * w for v, w in zip(rows[r], rows[k], strict=True)]
    return [row[-1] for row in rows]


def best_reply_vertices(payoffs):
    """Vertices (mixture, value) of {x mixed, payoffs of the other's replies <= v} and the labels tight at each."""
    replies, actions = len(payoffs), len(payoffs[0])
    rows = [[Q(int(i == k)) for k in range(actions)] + [Q(0)] for i in range(actions)]
    rows += [[*row, Q(-1)] for row in payoffs]
    found = []
    for tight in combinations(range(actions + replies), actions):
        point = solve([rows[t] for t in tight] + [[Q(1)] * actions + [Q(0)]], [Q(0)] * actions + [Q(1)])
        if point is None or min(point[:-1]) < 0:
            continue
        slack = [sum(c * v for c, v in zip(row, point, strict=True)) for row in rows]
        if max(slack[actions:]) > 0:
            continue
        found.append((point[:-1], {t for t, s in enumerate(slack) if s == 0}))
    return found


def extreme_equilibria(prior, costs, owner, receiver):
    """All extreme Nash equilibria of the 4 x 4 strategic form, by vertex enumeration in rationals.

    Every Nash equilibrium is perfect Bayesian here in outcome: some belief supports any answer to a
    signal that is never sent.
    """
    types = [prior, 1 - prior]
    # Of the owner: signal per type; of the receiver: answer per signal.
    plans = list(product((0, 1), repeat=2))
    table = {}
    for plan, answers in product(plans, plans):
        own = other = Q(0)
        for t in (0, 1):
            answer = answers[plan[t]]
            own += types[t] * (owner[t][answer] - (costs[t] if plan[t] == 0 else 0))
            other += types[t] * receiver[t][answer]
        table[plan, answers] = own, other
    # The owner's mixture is bounded by the receiver's replies, and conversely.
    x_side = best_reply_vertices([[table[plan, a][1] for plan in plans] for a in plans])
    y_side = best_reply_vertices([[table[p, a][0] for a in plans] for p in plans])
    for (x, tight_x), (y, tight_y) in product(x_side, y_side):
        # Labels: 0-3 owner's plans, 4-7 receiver's.
        labels = tight_x | {(t + 4) % 8 for t in tight_y}
        if len(labels) == 8:
            step = [sum(p for p, plan in zip(x, plans, strict=True) if plan[t] == 0) for t in (0, 1)]
            concede = [sum(p for p, plan in zip(y, plans, strict=True) if plan[m] == 0) for m in (0, 1)]
            yield step, concede


def random_game(rng):
    draw = lambda low, high: Q(int(rng.integers(low, high)), 97)  # noqa: E731
    called = [draw(0, 50), draw(0, 50)]
    owner = [[c + draw(10, 60), c] for c in called]
    base = [draw(0, 60), draw(0, 60)]
    receiver = [[base[0] + draw(5, 40), base[0]], [base[1], base[1] + draw(5, 40)]]
    costs = [Q(int(rng.integers(1, 90)), 101), Q(int(rng.integers(1, 90)), 101)]
    return Q(int(rng.integers(5, 95)), 103), costs, owner, receiver


@pytest.mark.parametrize("seed", seeds(13, 40))
def test_the_list_is_complete_and_sound(seed):
    prior, costs, owner, receiver = random_game(np.random.default_rng(seed))
    numbers = [[[float(v) for v in row] for row in table] for table in (owner, receiver)]
    listed = CostlyStep(float(prior), [float(c) for c in costs], owner=numbers[0], receiver=numbers[1])()
    found = list(extreme_equilibria(prior, costs, owner, receiver))
    assert found
    matched = set()
    for step, concede in found:
        fits = [
            e.kind
            for e in listed
            if np.allclose(e.step, [float(v) for v in step], atol=1e-9)
            and all(
                low - 1e-9 <= float(p) <= high + 1e-9
                for p, (low, high) in zip(concede, e.concede, strict=True)
            )
        ]
        assert fits, (step, concede, listed)
        matched.update(fits)
    assert matched == {e.kind for e in listed}
    assert max(e.residual for e in listed) < 1e-12


def test_beliefs_follow_bayes_rule_and_the_receiver_is_left_at_the_threshold():
    game = CostlyStep(0.3, (0.05, 0.2), **CONCESSION)
    none, bluff = game()
    assert (none.kind, bluff.kind) == (Kind.POOL_ON_NONE, Kind.BLUFF)
    assert bluff.beliefs[0] == pytest.approx([game.threshold] * 2)
    assert bluff.beliefs[1].tolist() == [0, 0]
    assert bluff.beliefs[0, 0] == pytest.approx(0.3 / (0.3 + 0.7 * bluff.step[1]))
    assert bluff.concede[0] == pytest.approx([0.5, 0.5])
    assert bluff.payoffs[:, 0] == pytest.approx([0.4 + 0.5 * 0.2 - 0.05, 0.2])
    assert none.receiver == pytest.approx(0.3 * 0.1 + 0.7 * 0.8)
    assert bluff.receiver == pytest.approx(none.receiver)


def test_the_intuitive_criterion_leaves_the_separating_equilibrium():
    game = CostlyStep(0.3, (0.05, 0.5), **CONCESSION)
    kept = {e.kind: e.intuitive for e in game()}
    assert kept == {Kind.POOL_ON_NONE: False, Kind.SEPARATE: True}


def test_a_high_prior_allows_everything_but_bluffing():
    kinds = [e.kind for e in CostlyStep(0.9, (0.05, 0.2), **CONCESSION)()]
    assert kinds == [Kind.POOL_ON_STEP, Kind.POOL_ON_NONE, Kind.UNDERSTATE]


def test_a_step_that_is_dearer_to_the_strong_proves_nothing():
    for prior in (0.3, 0.9):
        for equilibrium in CostlyStep(prior, (0.1, 0.05), **CONCESSION)():
            assert equilibrium.kind in (Kind.POOL_ON_STEP, Kind.POOL_ON_NONE)


BAD = [
    ({"prior": 0.0}, r"`prior` must lie in \(0, 1\)"),
    ({"prior": 1.0}, r"`prior` must lie in \(0, 1\)"),
    ({"costs": (0.0, 0.1)}, r"`costs` must lie in"),
    ({"costs": (0.1, 0.1, 0.1)}, "`costs` must have one entry per type"),
    ({"costs": (0.1, 0.2)}, "`costs` must differ"),
    ({"owner": [[0.4, 0.6], [0.6, 0.2]]}, "`owner` must give each type more"),
    ({"owner": np.ones((3, 2))}, "`owner` must have shape"),
    ({"receiver": [[0.1, 0.4], [0.4, 0.8]]}, "`receiver` must prefer"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        CostlyStep(**({"prior": 0.3, "costs": (0.05, 0.3)} | CONCESSION | change))


def test_a_prior_at_the_threshold_is_refused():
    game = CostlyStep(0.5, (0.05, 0.3), owner=CONCESSION["owner"], receiver=[[1, 0], [0, 1]])
    with pytest.raises(InvalidInput, match="`prior` must differ from the belief threshold"):
        game()


def test_the_receiver_should_call_who_is_rarely_strong():
    """Both types take the step and are conceded to; calling would gain .28 against the weak and lose .09."""
    game = CostlyStep(0.3, (0.05, 0.2), **CONCESSION)
    believed = replace(
        game()[0],
        step=np.ones(2),
        concede=np.array([[1.0, 1.0], [0.0, 0.0]]),
        beliefs=np.array([[0.3, 0.3], [0.0, game.threshold]]),
        payoffs=np.array([[0.55, 0.55], [0.4, 0.4]]),
        receiver=0.4,
    )
    assert game.check(believed).residual == pytest.approx(0.19 / 0.7, rel=1e-12)
