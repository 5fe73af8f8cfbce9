"""Two-sided reputation: published numbers, a belief path integrated backwards, and best replies by quadrature."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.protocols.reputation import ReputationalBargaining, kambe_limit


@dataclass(frozen=True)
class Case:
    demands: tuple[float, float]
    rates: tuple[float, float]
    priors: tuple[float, float]
    horizon: float
    initial: tuple[float, float]
    payoffs: tuple[float, float]


# Abreu and Gul (2000), the closed form for one type each, evaluated by hand.
CASES = [
    Case((0.6, 0.6), (0.1, 0.2), (0.05, 0.05), 7.4893307, (0, 0.7763932), (0.5552786, 0.4)),
    Case((0.6, 0.6), (0.1, 0.1), (0.1, 0.01), 11.5129255, (0, 0.9), (0.58, 0.4)),
]


@pytest.mark.parametrize("case", CASES)
def test_published_numbers(case):
    talks = ReputationalBargaining(case.demands, case.rates, case.priors)()
    assert talks.horizon == pytest.approx(case.horizon, abs=5e-8)
    assert talks.initial_concession == pytest.approx(case.initial, abs=5e-8)
    assert talks.payoffs == pytest.approx(case.payoffs, abs=5e-8)
    assert talks.residual < 1e-14
    assert talks.status is Status.OK
    assert talks.raise_if_failed() is talks


def random_games(count, seed=0):
    rng = np.random.default_rng(seed)
    demands = rng.uniform(0.5, 0.98, (count, 2))
    return demands, rng.uniform(0.01, 0.5, (count, 2)), 10.0 ** -rng.uniform(0.1, 5, (count, 2))


def beliefs_backwards(a, r, z):
    """Integrate Bayes' rule back from the moment when both are known to be committed.

    A unit of waiting costs j r_j (1 - a_i) and wins it a_i + a_j - 1 at i's rate of concession, so
    ln(reputation of i) grows at that rate. The first reputation to fall to its prior dates the start;
    the other must have jumped up there from its own prior.
    """
    speed = [r[1] * (1 - a[0]) / (a[0] + a[1] - 1), r[0] * (1 - a[1]) / (a[0] + a[1] - 1)]
    reached = [lambda t, y, i=i: y[i] - math.log(z[i]) for i in range(2)]
    for event in reached:
        event.terminal = True
    path = solve_ivp(
        lambda t, y: [-speed[0], -speed[1]], (0, 1e7), [0.0, 0.0], events=reached, rtol=1e-12, atol=1e-14
    )
    jump = [1 - z[i] / math.exp(path.y[i, -1]) for i in range(2)]
    return path.t[-1], jump


def test_the_path_of_beliefs_agrees_with_bayes_rule_integrated_backwards():
    demands, rates, priors = random_games(30)
    talks = ReputationalBargaining(demands, rates, priors)()
    for k in range(len(demands)):
        horizon, jump = beliefs_backwards(demands[k], rates[k], priors[k])
        assert talks.horizon[k] == pytest.approx(horizon, rel=1e-9)
        assert talks.initial_concession[k] == pytest.approx(jump, abs=1e-9)


def payoff_of_stopping(talks, player, time):
    """Return what a normal player expects if it concedes at `time`, by quadrature over the other's concessions."""
    a, r = talks.game.demands, talks.game.rates[player]
    i, j = player, 1 - player
    other = lambda t: float(talks.concession(t)[j])  # noqa: E731
    density = lambda t: (other(t + 1e-6) - other(t - 1e-6)) / 2e-6 * math.exp(-r * t)  # noqa: E731
    won = quad(density, 1e-6, time - 1e-6)[0] if time > 1e-5 else 0.0
    return a[i] * (other(0.0) + won) + (1 - a[j]) * math.exp(-r * time) * (1 - other(time))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("player", [0, 1])
def test_every_moment_of_concession_pays_the_same(case, player):
    talks = ReputationalBargaining(case.demands, case.rates, case.priors)()
    values = [payoff_of_stopping(talks, player, part * case.horizon) for part in (0, 0.2, 0.5, 0.9, 1)]
    assert values == pytest.approx([talks.payoffs[player]] * 5, abs=2e-6)
    assert payoff_of_stopping(talks, player, 3 * case.horizon) < talks.payoffs[player] - 1e-3


def test_a_batch_is_its_games_one_by_one():
    games = random_games(50)
    talks = ReputationalBargaining(*games)()
    for k in range(50):
        one = ReputationalBargaining(*(x[k] for x in games))()
        np.testing.assert_allclose(one.payoffs, talks.payoffs[k], rtol=1e-14)
        assert one.horizon == pytest.approx(talks.horizon[k], rel=1e-14)
    assert talks.residual.max() < 1e-13
    assert talks.payoffs.shape == (50, 2)
    assert (talks.status == Status.OK).all()
    assert talks.ok.all()


def test_swapping_the_players_swaps_the_answer():
    games = random_games(200)
    talks = ReputationalBargaining(*games)()
    swapped = ReputationalBargaining(*(x[:, ::-1] for x in games))()
    assert np.allclose(swapped.payoffs[:, ::-1], talks.payoffs, rtol=0, atol=1e-15)


def test_a_higher_prior_never_hurts_its_owner():
    demands, rates, priors = random_games(300)
    more = priors * [1.3, 1.0]
    before = ReputationalBargaining(demands, rates, priors)().payoffs
    after = ReputationalBargaining(demands, rates, np.minimum(more, 0.99))().payoffs
    assert (after[:, 0] >= before[:, 0] - 1e-14).all()
    assert (after[:, 1] <= before[:, 1] + 1e-14).all()


def test_limits():
    vanishing = ReputationalBargaining((0.6, 0.7), (0.1, 0.1), (0.05, 1e-300))()
    assert vanishing.initial_concession == pytest.approx([0, 1], abs=1e-12)
    tireless = ReputationalBargaining((0.6, 0.7), (0.0, 0.1), (0.05, 0.2))()
    nearly = ReputationalBargaining((0.6, 0.7), (1e-12, 0.1), (0.05, 0.2))()
    assert tireless.payoffs == pytest.approx(nearly.payoffs, abs=1e-10)
    assert tireless.initial_concession == pytest.approx([0, 0.8])
    assert tireless.residual < 1e-14


def test_simulated_wars_have_the_stated_delay_impasse_and_cost():
    talks = ReputationalBargaining((0.7, 0.6), (0.1, 0.2), (0.1, 0.2))()
    rng = np.random.default_rng(1)
    a, r, z = (np.asarray(x) for x in (talks.game.demands, talks.game.rates, talks.game.priors))
    times = np.empty((400_000, 2))
    for i in range(2):
        draw = rng.random(len(times))  # the quantile at which player i concedes
        F0, speed = talks.initial_concession[i], talks.concession_rates[i]
        later = -np.log(np.maximum(1 - draw, 1e-300) / (1 - F0)) / speed
        times[:, i] = np.where(draw >= 1 - z[i], np.inf, np.where(draw < F0, 0.0, later))
    end = times.min(axis=1)
    agreed = np.isfinite(end)
    share = np.where((times[:, 1] < times[:, 0])[:, None], [a[0], 1 - a[0]], [1 - a[1], a[1]])
    received = np.where(agreed[:, None], share * np.exp(-np.outer(np.where(agreed, end, 0), r)), 0.0)
    assert 1 - agreed.mean() == pytest.approx(talks.impasse, abs=1e-3)
    assert end[agreed].mean() == pytest.approx(talks.delay, rel=5e-3)
    assert 1 - received.sum(axis=1).mean() == pytest.approx(talks.cost, abs=2e-3)
    committed = [received[np.isinf(times[:, i]), i].mean() for i in range(2)]
    assert committed == pytest.approx(talks.commitment_payoffs, abs=5e-3)


def test_reputations_rise_from_the_prior_to_certainty_together():
    talks = ReputationalBargaining(*random_games(20))()
    t = np.linspace(0, 1, 11) * talks.horizon.max() * 1.1
    path = talks.reputation(t)
    assert path.shape == (20, 11, 2)
    assert (np.diff(path, axis=1) >= -1e-15).all()
    assert np.allclose(talks.reputation(talks.horizon.max()), 1.0, atol=1e-12)
    with pytest.raises(InvalidInput, match="`time` must lie in"):
        talks.concession(-1.0)


# A player who would rather leave than concede (derived in the class's notes).


def test_an_option_that_does_not_beat_conceding_changes_nothing():
    demands, rates, priors = random_games(200)
    without = ReputationalBargaining(demands, rates, priors)()
    options = (1 - demands[:, ::-1]) * [0.999, 0.5]
    with_ = ReputationalBargaining(demands, rates, priors, outside=options)()
    assert (with_.payoffs == without.payoffs).all()
    assert not with_.leaves.any()


def test_the_jump():
    options = np.array([0.0, 0.14, 0.15, 0.151, 0.21])
    talks = ReputationalBargaining((0.55, 0.85), (0.1, 0.1), (0.001, 0.3), outside=(options, None))()
    assert talks.payoffs[:3, 0] == pytest.approx([0.15] * 3, abs=1e-14)
    # Now the other concedes unless committed: .7 of the time .55, otherwise the option.
    assert talks.payoffs[3:, 0] == pytest.approx(
        [0.7 * 0.55 + 0.3 * 0.151, 0.7 * 0.55 + 0.3 * 0.21], abs=1e-14
    )
    assert talks.payoffs[3:, 1] == pytest.approx([0.45] * 2, abs=1e-14)
    assert talks.initial_concession[3:].tolist() == [[0, 0.7]] * 2
    assert talks.impasse[3:] == pytest.approx([0.3] * 2)
    assert talks.delay[3:].tolist() == [0, 0]
    assert talks.residual.max() < 1e-14


def test_a_better_option_never_hurts_its_owner():
    demands, rates, priors = random_games(100)
    options = np.linspace(0, 1, 41)[:, None] * np.minimum(demands[:, 0], 0.6) * 0.99
    for other in (None, 0.05, 0.39):
        pair = np.stack(np.broadcast_arrays(options, other or 0.0), axis=-1)
        talks = ReputationalBargaining(demands, rates, priors, outside=pair if other else (options, None))()
        assert (np.diff(talks.payoffs[..., 0], axis=0) >= -1e-14).all()
        assert talks.residual.max() < 1e-13


def test_if_both_would_leave_the_division_is_that_of_complete_information():
    talks = ReputationalBargaining((0.8, 0.9), (0.1, 0.3), (0.001, 0.3), outside=(0.2, 0.3))()
    share = 0.3 / 0.4  # above 1 - .3: player 1's option binds
    assert min(share, 0.7) == 0.7
    assert talks.payoffs == pytest.approx([0.7 * 0.7 + 0.3 * 0.2, 0.999 * 0.3 + 0.001 * 0.3], abs=1e-14)
    assert talks.leaves.all()
    assert talks.impasse == pytest.approx(1 - 0.999 * 0.7)
    assert talks.cost == pytest.approx(1 - 0.999 * 0.7 - (1 - 0.999 * 0.7 - 0.001 * 0.3) * 0.5)


def normal_payoff(i, own, other, a, z, discount, o):
    """Return what normal player i expects from a pure plan against a plan of normal j; a plan is (date, deed).

    At one date concessions come before departures; a committed j is one that never does anything.
    """
    j, total = 1 - i, 0.0
    for chance, plan in ((1 - z[j], other), (z[j], (math.inf, "concede"))):
        (t, deed), (u, hers) = own, plan
        if t == u == math.inf:
            paid = 0.0
        elif deed == "concede" and (t < u or (t == u and hers == "leave")):
            paid = 1 - a[j]
        elif hers == "concede" and (u < t or (u == t and deed == "leave")):
            paid = a[i]
        else:  # both concede at once, or somebody leaves first
            paid = 1 - a[j] if deed == hers == "concede" else o[i]
        total += chance * discount[i] ** min(t, u) * paid if paid else 0.0
    return total


def test_where_one_would_leave_only_the_plans_claimed_survive_the_removal_of_worse_ones():
    a, z, discount, o = (0.55, 0.85), (0.001, 0.3), (0.98, 0.95), (0.21, 0.0)
    dates = [*range(12), math.inf]
    plans = [
        [(t, deed) for t in dates for deed in ("concede", "leave")],
        [(t, "concede") for t in dates],  # player 1 may not leave
    ]
    while True:
        before = [len(each) for each in plans]
        for i in (0, 1):
            table = np.array(
                [[normal_payoff(i, own, her, a, z, discount, o) for her in plans[1 - i]] for own in plans[i]]
            )
            worse = (table[:, None, :] < table[None, :, :] - 1e-12).all(axis=2).any(axis=1)
            plans[i] = [plan for plan, out in zip(plans[i], worse, strict=True) if not out]
        if before == [len(each) for each in plans]:
            break
    assert plans == [[(0, "leave")], [(0, "concede")]]
    talks = ReputationalBargaining(a, (0.1, 0.1), z, outside=(o[0], None))()
    found = [normal_payoff(i, plans[i][0], plans[1 - i][0], a, z, discount, o) for i in (0, 1)]
    assert talks.payoffs == pytest.approx(found, abs=1e-14)


def test_kambes_limit_is_where_small_priors_lead():
    rates = np.array([0.1, 0.3])
    share = kambe_limit(rates)
    assert share == pytest.approx([0.75, 0.25])
    for other in (0.3, 0.5, 0.9):
        safe = ReputationalBargaining((share[0] - 1e-3, other), rates, (1e-300, 1e-300))()
        assert safe.payoffs[0] == pytest.approx(share[0] - 1e-3, abs=1e-3)
        greedy = ReputationalBargaining((share[0] + 0.05, 0.25 + 1e-4), rates, (1e-300, 1e-300))()
        assert greedy.payoffs[0] == pytest.approx(0.75 - 1e-4, abs=1e-3)
    # A prior that vanishes twice as fast weakens its owner.
    assert kambe_limit(rates, exponents=(2, 1)) == pytest.approx([0.3 / 0.5, 0.2 / 0.5])
    assert kambe_limit(rates * 1e308, exponents=(2e300, 1e300)) == pytest.approx([0.3 / 0.5, 0.2 / 0.5])
    assert kambe_limit([1e-300, 3e300], exponents=(1e300, 1e-300)) == pytest.approx([3 / 4, 1 / 4])
    strong = ReputationalBargaining((0.6 - 1e-2, 0.9), rates, (1e-200, 1e-100))()
    assert strong.initial_concession[0] == 0


BAD = [
    ({"demands": (0.5, 0.5)}, "`demands` must conflict.*raise one"),
    ({"demands": [(0.6, 0.6), (0.3, 0.6)]}, r"`demands` must conflict.*index \(1,\)"),
    ({"demands": (1.0, 0.5)}, r"`demands` must lie in \(0, 1\); got 1 for player 0"),
    ({"priors": (0.0, 0.1)}, r"`priors` must lie in \(0, 1\); got 0 for player 0"),
    ({"rates": (-0.1, 0.1)}, r"`rates` must lie in .*got -0.1"),
    ({"rates": (0.0, 0.0)}, "`rates` must be positive for at least one"),
    ({"rates": np.ones((3, 2)), "priors": np.full((2, 2), 0.1)}, "must broadcast"),
    ({"outside": (0.5, 0.5)}, "`outside` must leave something"),
    ({"outside": (0.65, 0.0)}, "`outside` must be below the player's own demand"),
    ({"outside": (-0.1, 0.0)}, "`outside` must lie in"),
    ({"outside": (np.ones(3) * 0.1, np.ones(2) * 0.1, 0)}, "`outside`"),
    ({"outside": ([0.1, 0.2, 0.3], None), "rates": np.ones((2, 2))}, "`outside` must broadcast"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_bad_input(change, message):
    arguments = {"demands": (0.6, 0.6), "rates": (0.1, 0.2), "priors": (0.05, 0.05)} | change
    with pytest.raises(InvalidInput, match=message):
        ReputationalBargaining(**arguments)


def test_an_answer_that_misses_the_definition_is_not_passed_on():
    talks = ReputationalBargaining((0.6, 0.6), (0.1, 0.2), 0.05)()
    wrong = replace(talks, payoffs=talks.payoffs + 1e-3)
    with pytest.raises(Unsolved, match=r"reputational bargaining: INACCURATE, residual 0\.001"):
        wrong.raise_if_failed()
