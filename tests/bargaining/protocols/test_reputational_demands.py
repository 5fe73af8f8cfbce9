"""The choice of demands: regrets recomputed in scalar arithmetic, and the limits of the theory."""

import math

import numpy as np
import pytest

from bargaining.errors import InvalidInput, Status
from bargaining.protocols.reputation import ReputationalBargaining, ReputationalDemands, kambe_limit
from seeds import seeds


def war(a1, a2, r1, r2, z1, z2):
    """Payoffs of normal players once both have spoken: Abreu and Gul (2000)."""
    speed1, speed2 = r2 * (1 - a1), r1 * (1 - a2)  # up to the common factor 1 / (a1 + a2 - 1)
    if math.log(z1) * speed2 <= math.log(z2) * speed1:  # 1 would need longer: it concedes at 0
        mass = 1 - z1 * z2 ** (-speed1 / speed2)
        return 1 - a2, mass * a2 + (1 - mass) * (1 - a1)
    mass = 1 - z2 * z1 ** (-speed2 / speed1)
    return mass * a1 + (1 - mass) * (1 - a2), 1 - a1


def regrets(demands, rates, priors, talks):
    """Return what each normal player could gain by deviating, with plain floats."""
    first, second = demands
    normal1, normal2 = 1 - sum(priors[0]), 1 - sum(priors[1])
    worth, gain2 = [], 0.0
    for i, a1 in enumerate(first):
        said = normal1 * talks.announcements[i]
        x = priors[0][i] / (priors[0][i] + said)
        values, mine = [1 - a1], [a1]
        committed = 0.0
        for k, a2 in enumerate(second):
            y = priors[1][k] / (priors[1][k] + normal2 * talks.replies[i, k])
            u1, u2 = (a1, 1 - a1) if a1 + a2 <= 1 else war(a1, a2, *rates, x, y)
            values.append(u2)
            mine.append(u1)
            committed += priors[1][k] * u1
        played = np.concatenate([[talks.acceptance[i]], talks.replies[i]])
        assert played.sum() == pytest.approx(1, abs=1e-12)
        assert played.min() >= 0
        gain2 = max(gain2, max(values) - float(played @ values))
        worth.append(committed + normal2 * float(played @ mine))
    mean = float(np.dot(talks.announcements, worth))
    assert talks.payoffs[0] == pytest.approx(mean, abs=1e-12)
    return max(worth) - mean, gain2


def random_game(rng):
    demands = [np.unique(rng.integers(2, 20, rng.integers(1, 6)) / 20).tolist() for _ in range(2)]
    priors = [
        (rng.dirichlet(np.ones(len(d) + 1))[:-1] * 10.0 ** -rng.uniform(0, 5)).tolist() for d in demands
    ]
    return demands, (10.0 ** rng.uniform(-2, 0, 2)).tolist(), priors


@pytest.mark.parametrize("seed", seeds(6, 20))
def test_nobody_gains_by_another_announcement_or_reply(seed):
    demands, rates, priors = random_game(np.random.default_rng(seed))
    talks = ReputationalDemands(demands, rates, priors)()
    assert talks.status is Status.OK
    assert talks.residual < 1e-11
    assert max(regrets(demands, rates, priors, talks)) < 1e-10


def test_one_type_each_is_the_plain_game():
    rng = np.random.default_rng(3)
    for _ in range(20):
        a, r, z = rng.uniform(0.55, 0.9, 2), rng.uniform(0.05, 0.5, 2), rng.uniform(0.01, 0.4, 2)
        plain = ReputationalBargaining(a, r, z)()
        for first in (0, 1):
            talks = ReputationalDemands(a[:, None], r, z[:, None], first=first)()
            # The announcement loses nothing: only the second player may concede before speaking.
            assert talks.payoffs == pytest.approx(plain.payoffs, abs=1e-12)


@pytest.mark.dear("1")
@pytest.mark.parametrize("first", [0, 1])
def test_small_priors_and_many_types_lead_to_kambes_limit(first):
    grid = np.linspace(0.1, 0.9, 9)
    rates = (0.1, 0.2)
    gaps = []
    for prior in (1e-2, 1e-4):
        priors = [np.full(9, prior / 9)] * 2
        talks = ReputationalDemands([grid, grid], rates, priors, first=first)()
        assert talks.residual < 1e-10
        gaps.append(np.abs(talks.payoffs - kambe_limit(rates)).max())
    assert gaps[0] > gaps[1]
    assert gaps[1] < 0.11  # the spacing of demands is .1


BAD = [
    ({"demands": ([0.5, 0.5], [0.6])}, "`demands` must be distinct"),
    ({"demands": ([0.5], [0.6], [0.7])}, "`demands` must be a pair"),
    ({"demands": ([0.5, 1.0], [0.6])}, r"`demands` must lie in \(0, 1\); got 1 for a type of player 0"),
    ({"priors": ([0.1], [0.1])}, "`priors` must have one entry per demand"),
    ({"priors": ([0.5, 0.5], [0.1])}, "`priors` must sum to less than 1"),
    ({"priors": ([0.5, 0.1], [0.0])}, r"`priors` must lie in \(0, 1\); got 0 for a type of player 1"),
    ({"rates": (0.0, 0.1)}, "`rates` must lie in"),
    ({"rates": (0.1, 0.1, 0.1)}, "`rates` must have one entry per player"),
    ({"first": 2}, "`first` must be a player"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {
        "demands": ([0.5, 0.7], [0.6]),
        "rates": (0.1, 0.2),
        "priors": ([0.05, 0.05], [0.1]),
    } | change
    with pytest.raises(InvalidInput, match=message):
        ReputationalDemands(**arguments)()


def test_against_a_player_who_is_hardly_ever_committed_the_greediest_demand_is_always_made():
    """However often the normal first player asks for .7, the other's reputation is too small for a war."""
    talks = ReputationalDemands(([0.3, 0.7], [0.2, 0.85]), (1, 5), ([0.05, 0.03], [1e-20, 1e-20]))()
    assert talks.announcements.tolist() == [0, 1]
    assert talks.payoffs[0] == pytest.approx(0.7, rel=1e-15)
    assert talks.status is Status.OK
