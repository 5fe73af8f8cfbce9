"""Transfers and shared fates under imperfect monitoring: published numbers, closed forms, and programs of scipy."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining import (
    Exit,
    Game,
    InvalidInput,
    Monitoring,
    NotApplicable,
    RepeatedGame,
    critical_discount,
    joint_payoffs,
    symmetric_payoffs,
    transfer_equilibrium,
    trigger_strategy,
)
from known_games import PARTNERS, report
from public_programs import kept_for_ever, kept_to

F = Fraction


def unequal_tariffs():
    """Return the game of tariffs whose players differ, payoffs times 1000; who cheats gains, the other loses."""
    return Game(
        [[0, F("-34.02778")], [F("17.60417"), F("-16.42361")]],
        [[0, F("20.41667")], [F("-29.34028"), F("-8.92361")]],
    )


def programs(game, chances, stake, floors):
    """Return U(L) and v(L) by a linear program of scipy for each profile; minus infinity where nothing is sustained."""
    n, signals = game.players, chances.shape[-1]
    joint, low = -np.inf, np.full(n, np.inf)
    for a in np.ndindex(*game.shape):
        p, (rows, limits) = chances[a], kept_to(game, chances, a, np.ones(n), stake, slack=1e-11)
        for i in range(n):
            if floors is not None and floors[i] is not None:
                row = np.zeros((n, signals))
                row[i] = -p
                rows.append(row.ravel())
                limits.append(game.payoffs[a][i] - floors[i])
        for goal in [np.tile(p, (n, 1)), *(-np.outer(np.eye(n)[i], p) for i in range(n))]:
            found = linprog(-goal.ravel(), A_ub=np.array(rows), b_ub=limits)
            if found.status == 2:
                break
            assert found.status == 0
            if goal[0].sum() > 0 and goal.min() >= 0:
                joint = max(joint, game.payoffs[a].sum() - stake - found.fun)
            else:
                i = int(np.flatnonzero(goal.sum(axis=1))[0])
                low[i] = min(low[i], game.payoffs[a][i] + found.fun)
    return joint, low


def iterated(game, chances, discount, leaving=None):
    """Return U, v at a discount factor, from the largest conceivable stake down."""
    stake = 1e3 * np.ptp(game.payoffs)
    for _ in range(400):
        joint, low = programs(game, chances, stake, leaving)
        if leaving is not None:
            joint, low = max(joint, sum(leaving)), np.array(leaving, float)
        if joint == -np.inf:
            return None
        after = discount / (1 - discount) * (joint - low.sum())
        if after > stake - 1e-10:
            return joint, low
        stake = after
    return joint, low


def drawn(seed):
    """Return a game of two or three players with small integers, a signal of two to four values, and who may leave."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 4))
    shape = tuple(rng.integers(2, 4, n).tolist()) if n == 2 else (2, 2, 2)
    game = Game(*rng.integers(-3, 4, (n, *shape)).astype(float))
    weights = rng.integers(0, 6, (*shape, int(rng.integers(2, 5)))) + 1
    exact = np.vectorize(Fraction, otypes=[object])(weights)
    monitoring = Monitoring(exact / exact.sum(axis=-1, keepdims=True))
    leaving = None if seed % 2 else rng.integers(-2, 2, n).astype(float).tolist()
    return game, monitoring, leaving, rng


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(k, marks=pytest.mark.slow) for k in range(4, 120))]
)
def test_an_iteration_of_programs_agrees(seed):
    """From above, at three discount factors; a knife edge of the exact answer is not looked at in floats."""
    game, monitoring, leaving, rng = drawn(seed)
    found = joint_payoffs(game, monitoring=monitoring, exit=None if leaving is None else Exit(leaving))
    edges = np.array([float(step.discount) for step in found.steps])
    for discount in rng.uniform(0.05, 0.95, 2):
        if np.abs(edges - discount).min(initial=1.0) < 1e-3:
            continue
        expected, step = iterated(game, monitoring.probabilities, discount, leaving), found.at(discount)
        if expected is None:
            assert step is None
            continue
        assert float(step.joint) == pytest.approx(expected[0], abs=1e-6)
        assert np.array(step.threat, float) == pytest.approx(expected[1], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_every_step_keeps_its_own_promises(seed):
    """What is at stake is what the future is worth, and claims after signals sustain the profile."""
    game, monitoring, leaving, _ = drawn(seed)
    found = joint_payoffs(game, monitoring=monitoring, exit=None if leaving is None else Exit(leaving))
    assert len(found.steps) > 0 or leaving is None
    chances = monitoring.probabilities
    for step in found.steps:
        d = step.discount
        assert step.liquidity * (1 - d) == pytest.approx(d * (step.joint - sum(step.threat)), abs=1e-9)
        if step.profile is None:
            continue
        s, a = found.claims(d), step.profile
        assert s.min() >= 0
        assert s.sum(axis=1).max() <= step.liquidity + 1e-9
        assert step.burnt == pytest.approx(step.liquidity - (chances[a] @ s).sum(), abs=1e-9)
        for i in range(game.players):
            kept = game.payoffs[a][i] + chances[a] @ s[:, i]
            for b in range(game.shape[i]):
                other = (*a[:i], b, *a[i + 1 :])
                assert game.payoffs[other][i] + chances[other] @ s[:, i] <= kept + 1e-9


def test_partners():
    """One report (.9, .5, .25) leaves 3.5 of 4 from 10/17 on; reports on each, right with .9, leave all of it."""
    one = joint_payoffs(PARTNERS, monitoring=report("9/10", "1/2", "1/4"))
    assert [one.at(d).joint for d in (0.55, 0.6, 0.8)] == pytest.approx([0, 3.5, 3.5])
    assert one.claims(F(10, 17)) == pytest.approx(np.array([[2.5, 2.5], [0, 0]]), abs=1e-9)
    each = [[F(9, 10), F(1, 10)], [F(1, 10), F(9, 10)]]
    two = joint_payoffs(PARTNERS, monitoring=Monitoring.product([each, each]))
    assert [two.at(d).joint for d in (0.4, 0.5)] == pytest.approx([4, 4])
    assert two.at(0.5).burnt == 0


@pytest.mark.parametrize(
    ("outside", "seen", "each", "one"),
    [(-16.42361, 0.6, 0.7371007, 0.8108108), (-4, 0.7463195, 0.8496539, 0.9346193)],
)
def test_who_names_the_culprit(outside, seen, each, one):
    """Tariffs of unequal countries with the right to end the agreement: an alarm for each, or one for both."""
    game = unequal_tariffs()
    leave = Exit([outside, -8.92361])
    own = [[F(9, 10), F(1, 10)], [F(4, 10), F(6, 10)]]
    alarms = {seen: None, each: Monitoring.product([own, own]), one: report(F(9, 10), F(4, 10), F(2, 10))}
    for expected, monitoring in alarms.items():
        found = critical_discount(game, (0, 0), monitoring=monitoring, exit=leave, transfers=True)
        assert found.discount == pytest.approx(expected, abs=2e-7)
    burnt = joint_payoffs(game, monitoring=alarms[one], exit=leave)
    clean = joint_payoffs(game, monitoring=alarms[each], exit=leave)
    assert burnt.at(0.95).burnt > 0 == clean.at(0.95).burnt


def test_a_hidden_deviation_is_never_kept_from():
    """If nothing is seen only stage equilibria are left, and where there is none, nothing."""
    nothing = joint_payoffs(PARTNERS, monitoring=Monitoring.none(PARTNERS))
    assert [step.joint for step in nothing.steps] == [0]
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    empty = joint_payoffs(pennies, monitoring=Monitoring.none(pennies))
    assert empty.steps == ()
    assert empty.at(0.9) is None
    assert empty.claims(0.9) is None


def test_transfer_equilibrium_sees_signals():
    monitored = RepeatedGame(PARTNERS, [[0.55, 0.55], [0.6, 0.6]], monitoring=report("9/10", "1/2", "1/4"))
    found = transfer_equilibrium(monitored)
    assert found.joint == pytest.approx([0.0, 3.5])
    assert found.profile.tolist() == [[1, 1], [0, 0]]
    single = transfer_equilibrium(monitored.at((1,)))
    assert single.joint == pytest.approx(3.5)
    assert single.threat == pytest.approx([0, 0])
    assert single.punishments.tolist() == [[1, 1], [1, 1]]


def test_strongly_symmetric_partners():
    """2 - .1 / .4 = 1.75 whatever the patience; on the knife edge of .8 an exit of 1/2 leaves 4/3."""
    one = symmetric_payoffs(PARTNERS, monitoring=report("9/10", "1/2", "1/4"))
    assert [(step.discount, step.highest) for step in one.steps] == [
        pytest.approx((0, 0)),
        pytest.approx((10 / 17, 1.75)),
    ]
    assert one.at(F(10, 17)).punished == pytest.approx((0, 1), abs=1e-9)
    assert one.at(0.9).lowest == 0
    edge = symmetric_payoffs(PARTNERS, monitoring=report("4/5", "1/2", "1/5"), exit=Exit([0.5, 0.5]))
    assert [(step.discount, step.highest) for step in edge.steps] == [
        pytest.approx((0, 0.5)),
        pytest.approx((0.8, 4 / 3)),
    ]
    # 1 / (3p - 2q) = 1: no cooperation at any patience
    assert [s.highest for s in symmetric_payoffs(PARTNERS, monitoring=report("2/3", "1/2", "1/4")).steps] == [
        0
    ]


def test_leaving_and_bad_luck():
    """Hidden protection: free trade is worth -1/120 each, and the chance of a break-up rises with what leaving pays."""
    war, victim, cheat = F(-1, 36), F(-5, 72), F(1, 24)
    tariffs = Game([[0, victim], [cheat, war]], [[0, cheat], [victim, war]])
    clean = report("9/10", "4/10", "2/10")
    best = symmetric_payoffs(tariffs, monitoring=clean)
    assert best.at(0.9).highest == pytest.approx(-1 / 120)
    assert float(best.steps[-1].discount) == pytest.approx(0.8108108, abs=1e-7)
    for outside, chance in ((war, 0.0476190), (F("-0.02"), 0.0793651), (F(-19, 1080), 0.1)):
        step = symmetric_payoffs(tariffs, monitoring=clean, exit=Exit([outside] * 2)).at(F(9, 10))
        assert step.highest == pytest.approx(-1 / 120)
        assert 0.1 * step.punished[1] == pytest.approx(chance, abs=1e-7)
    too_good = symmetric_payoffs(tariffs, monitoring=clean, exit=Exit([F("-0.0175")] * 2)).at(F(9, 10))
    assert too_good.profile is None


@pytest.mark.parametrize("seed", [14, 35])
def test_the_only_one_who_may_leave_is_believed_from_the_stake_at_which_staying_may_cost_as_much(seed):
    """Her option is what she can be held to at some stake: with less she is held to no less than she was without it."""
    game, monitoring, _, _ = drawn(seed)
    chances, stakes = monitoring.probabilities, (0.0, 0.4, 1.0, 2.0, 5.0, 20.0)
    held = [programs(game, chances, stake, None)[1][0] for stake in stakes]
    free = joint_payoffs(game, monitoring=monitoring)
    option = (min(held) + max(x for x in held if np.isfinite(x))) / 2
    found = joint_payoffs(game, monitoring=monitoring, exit=Exit([option] * game.players, who=[0]))
    for discount in np.linspace(0.05, 0.95, 10):
        step, without = found.at(discount), free.at(discount)
        if step is None:
            continue
        credible = programs(game, chances, step.liquidity + 1e-9, None)[1][0] <= option + 1e-7
        if credible:
            assert step.threat == pytest.approx([min(x, option) for x in step.threat])
            assert step.joint >= option * game.players - 1e-9
        elif without is not None:
            assert step.threat[0] >= without.threat[0] - 1e-9


def test_green_and_porter():
    """Wars of three periods are the shortest that deter; the optimum of Abreu, Pearce and Stacchetti needs less war."""
    high, low = F("19.05"), F("15.2")
    firms = Game([[high, 15], [20, low]], [[high, 20], [15, low]])
    price = Monitoring([[[0.5, 0.45, 0.05], [0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25], [0.1, 0.4, 0.5]]])
    best = symmetric_payoffs(firms, monitoring=price)
    assert best.at(0.7).highest == pytest.approx(18.8125)
    assert best.at(0.5).highest == pytest.approx(15.2)
    wars = [
        trigger_strategy(firms, (0, 0), (1, 1), 0.7, monitoring=price, signals=["2"], periods=t)
        for t in range(1, 12)
    ]
    assert all(float(war.payoffs[0]) <= 18.8125 for war in wars if war.holds)
    assert [war.holds for war in wars] == [False, False, *[True] * 9]
    assert 18.77 < float(wars[2].payoffs[0]) < 18.8125
    assert wars[1].fighting == pytest.approx(wars[1].trigger * 2 / (1 + wars[1].trigger * 2))


def test_trigger_strategy_against_a_simulation():
    """Value and incentive from the recursion of the two phases, solved as a linear system."""
    chances, d, length = report("9/10", "1/2", "1/4"), 0.8, 3
    found = trigger_strategy(PARTNERS, (0, 0), (1, 1), d, monitoring=chances, signals=[1], periods=length)
    matrix, now = np.eye(length + 1), np.array([0.2 * 2.0] + [0.0] * length)
    matrix[0, 0] -= d * 0.9
    matrix[0, 1] -= d * 0.1
    for k in range(1, length + 1):
        matrix[k, (k + 1) % (length + 1)] -= d
    values = np.linalg.solve(matrix, now)
    assert float(found.payoffs[0]) == pytest.approx(values[0])
    gain = 0.2 * 3 + d * (0.5 * values[0] + 0.5 * values[1]) - values[0]
    assert float(found.slack) == pytest.approx(-gain)


def test_what_is_wrong_is_named():
    with pytest.raises(NotApplicable, match="depend on who leaves"):
        joint_payoffs(PARTNERS, exit=Exit.by_leaver([[1, 0], [0, 1]]))
    with pytest.raises(InvalidInput, match="`discount`"):
        joint_payoffs(PARTNERS).at(1.0)
    with pytest.raises(NotApplicable, match="must earn the same"):
        symmetric_payoffs(Game([[2, 0], [0, 1]], [[1, 0], [0, 2]]))
    with pytest.raises(NotApplicable, match="free to leave"):
        symmetric_payoffs(PARTNERS, exit=Exit([1, 0]))
    with pytest.raises(NotApplicable, match="stage game"):
        trigger_strategy(PARTNERS, (0, 0), (0, 1), 0.9, monitoring=report(1, 0, 0), signals=[1])
    with pytest.raises(InvalidInput, match=r"`signals` must be a signal, 0 to 1; got .worse."):
        trigger_strategy(PARTNERS, (0, 0), (1, 1), 0.9, monitoring=report(1, 0, 0), signals=["worse"])
    with pytest.raises(
        InvalidInput, match="`periods` must be a whole number, at least 1 and at most 10000; got 1000000000"
    ):
        trigger_strategy(
            PARTNERS, (0, 0), (1, 1), 0.9, monitoring=report(1, 0, 0), signals=[1], periods=10**9
        )


def test_the_noisy_dilemma_of_repgame():
    """Goldlücke and Kranz: their breakpoints are on the page on noisy signals; here between them, and with exit."""
    lam, mu, alpha, beta = F(1, 10), F(2, 10), F(1, 10), F(2, 10)
    one = [1 - 2 * alpha - lam - mu - beta, lam + mu]
    chances = [
        [[1 - 2 * alpha - lam, lam, alpha, alpha], [*one, alpha, alpha + beta]],
        [[*one, alpha + beta, alpha], [0, 1, 0, 0]],
    ]
    noisy, game = (
        Monitoring(chances, signals=["C", "D", "1", "2"]),
        Game([[1, -1.5], [2, 0]], [[1, 2], [-1.5, 0]]),
    )
    found = joint_payoffs(game, monitoring=noisy)
    assert all(step.threat == pytest.approx((0, 0)) for step in found.steps)
    assert found.at(F(4, 5)).joint == pytest.approx(5 / 3)
    # CD needs L = 15/7. CC gives it from 10/13 on, but CD for ever is worth 1/2: 15/7 / (15/7 + 1/2).
    critical = critical_discount(game, (0, 1), monitoring=noisy, transfers=True)
    assert critical.discount == pytest.approx(30 / 37, abs=1e-12)
    leave = joint_payoffs(game, monitoring=noisy, exit=Exit([F(1, 5), F(1, 10)]))
    assert (leave.at(0.8).joint, leave.at(0.9).joint) == pytest.approx((0.3, 2))


def test_what_is_worse_than_the_best_must_carry_itself_for_ever():
    """(1, 10) leaves 11 - 3 - 3 above the threats, so the 2 at stake need 2 / (2 + 5); (9, 9) is kept from 1/7 on."""
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    critical = [critical_discount(prisoners, profile, transfers=True) for profile in np.ndindex(2, 2)]
    assert [each.exact for each in critical] == [F(1, 7), F(2, 7), F(2, 7), 0]
    reverted = critical_discount(prisoners, (0, 1), punishment="stage", transfers=True)
    assert reverted.exact == F(2, 7)
    poor = Game([[1, 0], [2, 5]], [[1, 2], [0, 5]])  # (1, 1) gives less than the threats
    assert not critical_discount(poor, (0, 0), exit=Exit([2, 2]), transfers=True).sustainable


@pytest.mark.parametrize("seed", range(6))
def test_critical_discounts_by_a_program(seed):
    """Just below a critical discount factor no continuations sustain the profile, just above it some do."""
    rng = np.random.default_rng(seed)
    game = Game(*rng.integers(-2, 6, (2, 2, 2)))
    counts = rng.integers(0, 5, (2, 2, 3)) + np.array([1, 0, 0])
    noisy = Monitoring([[[F(int(k), int(row.sum())) for k in row] for row in rows] for rows in counts])
    floors = rng.integers(-2, 3, 2) if seed % 2 else None
    leave = None if floors is None else Exit(floors)
    found = joint_payoffs(game, monitoring=noisy, exit=leave)
    for profile in np.ndindex(2, 2):
        critical = critical_discount(game, profile, monitoring=noisy, exit=leave, transfers=True).discount
        for discount in (0.05, 0.45, 0.95) if critical > 1 else (critical - 1e-5, critical + 1e-5):
            step = found.at(discount) if discount >= 0 else None
            if step is not None:
                least = np.array(step.threat, dtype=float)
                kept = kept_for_ever(game, noisy.probabilities, float(discount), profile, least, floors)
                assert kept == (discount >= critical)


@pytest.mark.parametrize("outside", [1, F(3, 2), 2, F(5, 2), 3, 4])
@pytest.mark.parametrize("noise", [0, F(1, 20), F(1, 5)])
def test_who_may_leave_counts_the_future_after_a_deviation(outside, noise):
    """Player 1 stays for the stage equilibrium's 3, so a lower payoff from leaving is a floor on the present alone."""
    game = Game([[9, 0], [10, 2]], [[0, 1], [0, 3]])
    chances = np.full((2, 2, 4), noise)
    chances[*np.indices((2, 2)), np.arange(4).reshape(2, 2)] = 1 - 3 * noise
    leave = Exit([0, outside], who=[1])
    found = critical_discount(
        game, (0, 0), exit=leave, transfers=True, punishment="stage", monitoring=Monitoring(chances)
    )
    if not noise and outside in (2, F(5, 2)):
        # 10 (1 - d) + 2 d to deter player 0, and the payoff of leaving for player 1, are 9 together.
        assert found.exact == (1 + F(outside)) / 8
    for discount in (found.discount - 1e-6, found.discount + 1e-6):
        kept = kept_for_ever(
            game, chances.astype(float), discount, (0, 0), found.threat, [-np.inf, float(outside)]
        )
        assert kept == (discount > found.discount)
