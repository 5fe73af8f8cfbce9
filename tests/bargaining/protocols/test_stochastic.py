"""Bargaining on a Markov chain: published numbers, finite horizons, exact rationals, general sets."""

from dataclasses import dataclass

import numpy as np
import pytest

from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.protocols.stochastic import StochasticBargaining
from offer_tree import chain_miss

SLOW = ((2, 2000), (3, 300), (4, 100))
HALF = [[0.5, 0.5], [0.5, 0.5]]


@dataclass(frozen=True)
class Case:
    surplus: list[float]
    expected: list[list[float]]
    agree: list[bool]
    note: str


CASES = [
    Case([2.6, 3], [[0.44, 2.16], [0.36, 2.64]], [True, True], "agreement everywhere"),
    Case([1, 3], [[0, 2.4545454545454546], [0, 3]], [False, True], "the small pie is not divided"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.note)
def test_two_states(case):
    result = StochasticBargaining(case.surplus, HALF, 0.9, [0, 1])()
    np.testing.assert_allclose(result.payoffs, case.expected, rtol=0, atol=1e-14)
    assert result.agree.tolist() == case.agree
    assert result.delay.tolist() == [not agree for agree in case.agree]
    assert result.unique
    assert result.raise_if_failed() is result


def refused(o, x, first):
    """What all get when an offer fails: the first responder chooses."""
    return o if o is not None and o[first] > max(x[first], 0) else x


def horizon(c, P, d, k, o, n, periods):
    """Backward induction, written without the library, from a last period after which all get 0."""
    states = len(c)
    f = [[0.0] * n for _ in range(states)]
    for _ in range(periods):
        g = []
        for s in range(states):
            x = [d[j] * sum(P[s][t] * f[t][j] for t in range(states)) for j in range(n)]
            w = [x[j] if o is None else max(o[s][j], x[j]) for j in range(n)]
            left = c[s] - sum(w[j] for j in range(n) if j != k[s])
            other = refused(None if o is None else o[s], x, (k[s] + 1) % n)
            g.append([left if j == k[s] else w[j] for j in range(n)] if left >= other[k[s]] else list(other))
        f = g
    return np.array(f)


def random_chain(rng, n, *, options):
    states = int(rng.integers(1, 6))
    c = rng.uniform(0.5, 3, states)
    P = rng.dirichlet(np.full(states, 0.5), states)
    k = rng.integers(0, n, states)
    o = None
    if options:
        o = rng.dirichlet(np.ones(n), states) * c[:, None] * rng.uniform(0, 1, (states, 1))
    return c, P, k, o


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("common", [True, False], ids=["common discount", "own discounts"])
@pytest.mark.parametrize("seed", range(4))
def test_limit_of_finite_horizons(n, common, seed):
    rng = np.random.default_rng([n, common, seed])
    c, P, k, _ = random_chain(rng, n, options=False)
    d = np.full(n, 0.8) if common else rng.uniform(0.3, 0.85, n)
    result = StochasticBargaining(c, P, d, k)()
    np.testing.assert_allclose(result.payoffs, horizon(c, P, d, k, None, n, 170), rtol=0, atol=1e-10)
    assert result.unique
    assert result.residual < 1e-13


@pytest.mark.dear("3")
@pytest.mark.parametrize("n", [2, 3])
def test_limit_of_finite_horizons_with_options_where_unique(n):
    rng = np.random.default_rng(n)
    shown = 0
    for _ in range(40):
        c, P, k, o = random_chain(rng, n, options=True)
        d = rng.uniform(0.2, 0.7, n)
        result = StochasticBargaining(c, P, d, k, outside=o)()
        if result.unique:
            shown += 1
            np.testing.assert_allclose(result.payoffs, horizon(c, P, d, k, o, n, 90), rtol=0, atol=1e-10)
    assert shown >= 5


def test_total_is_optimal_stopping():
    """With a common discount factor the total solves v = max(c, d P v): checked by enumerating stopping sets."""
    rng = np.random.default_rng(5)
    c, P, k, _ = random_chain(rng, 3, options=False)
    states, d = len(c), 0.9
    best = np.full(states, -np.inf)
    for code in range(2**states):
        stop = np.array([(code >> s) & 1 for s in range(states)], dtype=bool)
        system = np.eye(states) - d * np.where(stop[:, None], 0, P)
        best = np.maximum(best, np.linalg.solve(system, np.where(stop, c, 0)))
    result = StochasticBargaining(c, P, d, k, players=3)()
    np.testing.assert_allclose(result.payoffs.sum(axis=1), best, rtol=1e-13)


TURNS = np.array([[0, 0.9, 0, 0.1], [0.9, 0, 0.1, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def arrives(option, discount=0.95):
    outside = [(0, 0), (0, 0), (option, 0), (option, 0)]
    return StochasticBargaining(np.ones(4), TURNS, discount, [0, 1, 0, 1], outside=outside)()


@pytest.mark.parametrize(
    ("option", "expected"),
    [(0.7, [0.6490413, 0.6228553, 0.715, 0.7]), (0.4, [0.5128205, 0.4871795, 0.5128205, 0.4871795])],
    ids=["will bind", "will never bind"],
)
def test_option_that_arrives(option, expected):
    result = arrives(option)
    np.testing.assert_allclose(result.payoffs[:, 0], expected, rtol=0, atol=5e-8)
    assert result.unique


def test_several_equilibria_are_never_claimed_unique():
    """Waiting for a pie of 3 is efficient, but an option may force an agreement on the pie of 1."""
    game = {"surplus": [1.0, 3.0], "transition": [[0, 1], [1, 0]], "discounts": 0.9, "proposer": [0, 0]}
    result = StochasticBargaining(**game, outside=[(0, 0.5), (0, 0)])()
    assert not result.unique
    assert result.ok
    assert result.payoffs[0, 1] >= 0.5


@pytest.mark.parametrize(("options", "unique"), [((0.04, 0.05, 0), True), ((0.06, 0.06, 0), False)])
def test_a_surplus_for_the_value_of_waiting_and_the_options_leaves_one_equilibrium(options, unique):
    """With one state waiting is worth .9 in all, so options of up to .1 besides the lowest are covered."""
    assert StochasticBargaining([1], [[1]], 0.9, [0], outside=options)().unique is unique


LOTS = {
    "surplus": [4, 2, 1],
    "transition": [[0, 1, 0], [0, 0.5, 0.5], [1, 0, 0]],
    "discounts": 0.8,
    "proposer": [0, 1, 0],
    "outside": [(0, 0), (0, 0), (0, 0.8)],
}


def test_an_indifferent_responder_draws_lots():
    """By hand: in state 2 player 1 would leave if waiting were sure to go on, and wait if leaving were sure.

    x_1(2) = .8 f_1(0) = .8 requires f_1(0) = 1, so f(1) = (.75, 1.25) and f(2) = (1.125, .8): player 0 gets
    (1 - q) 2.4 by waiting, so q = 17/32.
    """
    result = StochasticBargaining(**LOTS)()
    np.testing.assert_allclose(result.payoffs, [[3, 1], [0.75, 1.25], [1.125, 0.8]], rtol=1e-12)
    np.testing.assert_allclose(result.chances[2], [0, 17 / 32, 15 / 32], atol=1e-12)
    assert result.ok
    assert not result.unique
    assert result.agree.tolist() == [True, True, False]
    assert not result.leave.any()
    assert result.delay.tolist() == [False, False, True]
    sets = StochasticBargaining(**LOTS | {"surplus": [TransferableSurplus(x) for x in LOTS["surplus"]]})()
    np.testing.assert_allclose(sets.payoffs, result.payoffs, rtol=1e-9)
    rich = StochasticBargaining(
        **LOTS | {"surplus": [4e9, 2e9, 1e9], "outside": [(0, 0), (0, 0), (0, 8e8)]}
    )()
    np.testing.assert_allclose(rich.payoffs / 1e9, result.payoffs, rtol=1e-9)


def miss_of(result, c, P, d, k, o):
    return chain_miss(
        result.payoffs.tolist(),
        result.chances.tolist(),
        surplus=list(c),
        transition=np.asarray(P).tolist(),
        discounts=list(d),
        proposer=list(k),
        outside=np.asarray(o).tolist(),
    )


@pytest.mark.dear("3-seeds1")
@pytest.mark.parametrize(
    ("n", "seeds"),
    [(2, range(60)), (3, range(10)), *(pytest.param(n, range(k), marks=pytest.mark.slow) for n, k in SLOW)],
)
def test_patient_players_with_options_always_have_an_equilibrium(n, seeds):
    """At a discount factor of .99 a few in a hundred need lots; the game tree of each state says they are right."""
    for seed in seeds:
        rng = np.random.default_rng([seed, n])
        states = int(rng.integers(2, 6))
        P, c = rng.dirichlet(np.full(states, 0.7), states), rng.uniform(0.2, 3, states)
        k = rng.integers(0, n, states)
        o = rng.uniform(0, 1, (states, n)) * c[:, None] / n * rng.integers(0, 2, (states, n))
        result = StochasticBargaining(c, P, 0.99, k, outside=o, players=n)().raise_if_failed()
        assert miss_of(result, c, P, np.full(n, 0.99), k, o) < 1e-8, seed


def test_who_cannot_leave_may_wish_that_others_did():
    """Payoffs of leaving of both signs: a responder may prefer what a later refusal brings to waiting."""
    wishes = 0
    for seed in range(100):
        rng = np.random.default_rng([seed, 77])
        n, states = 3, int(rng.integers(2, 5))
        P, c = rng.dirichlet(np.full(states, 0.7), states), rng.uniform(0.2, 2, states)
        k, o = rng.integers(0, n, states), rng.uniform(-1, 0.33, (states, n)) * c[:, None]
        may = rng.random((states, n)) > 0.3
        result = StochasticBargaining(c, P, 0.9, k, outside=np.where(may, o, -np.inf), players=n)()
        o = np.where(may, o, 0.0)
        assert miss_of(result.raise_if_failed(), c, P, [0.9] * n, k, o) < 1e-8, seed
        first, x = (k + 1) % n, 0.9 * P @ result.payoffs
        wishes += any(o[s, j] > x[s, j] and not may[s, j] for s, j in enumerate(first))
    assert wishes > 2


def test_a_chain_too_large_for_lotteries_says_so():
    """Two hundred states that are never left, beside three that need lotteries."""
    from scipy.linalg import block_diag

    result = StochasticBargaining(
        [*LOTS["surplus"], *np.ones(200)],
        block_diag(LOTS["transition"], np.eye(200)),
        LOTS["discounts"],
        [*LOTS["proposer"], *np.zeros(200)],
        outside=[*LOTS["outside"], *np.zeros((200, 2))],
    )()
    assert result.status is Status.INACCURATE
    assert not result.unique
    with pytest.raises(Unsolved, match="StochasticBargaining: INACCURATE"):
        result.raise_if_failed()


def test_three_players_end_the_talks():
    """The surplus covers the options but not the wish of the second responder to wait: talks end."""
    result = StochasticBargaining(
        [1.0, 10.0], [[0, 1], [0, 1]], 0.9, [0, 2], outside=[(0, 0.9, 0), (0, 0, 0)], players=3
    )()
    assert result.leave.tolist() == [True, False]
    np.testing.assert_allclose(result.payoffs[0], [0, 0.9, 0], atol=1e-15)
    assert not result.unique


def test_who_may_not_leave():
    """None and -inf say so; an option of 0 or less changes nothing."""
    base = StochasticBargaining([1, 1], HALF, 0.9, [0, 1])().payoffs
    for outside in [(None, 0.0), (-np.inf, -3.0), [(None, None), (None, 0)]]:
        payoffs = StochasticBargaining([1, 1], HALF, 0.9, [0, 1], outside=outside)().payoffs
        np.testing.assert_allclose(payoffs, base, rtol=1e-15)
    bound = StochasticBargaining([1, 1], HALF, 0.9, [0, 1], outside=(None, 0.7))()
    assert bound.payoffs[0, 1] == pytest.approx(0.7)


def test_sparse_transition():
    from scipy.sparse import coo_array

    rng = np.random.default_rng(7)
    P = rng.dirichlet(np.full(5, 0.5), 5)
    c, k = rng.uniform(1, 1.5, 5), [0, 1, 2, 0, 1]
    for outside in (None, np.full((5, 3), 0.3)):
        for discount in (0.9, [0.9, 0.8, 0.7]):
            dense = StochasticBargaining(c, P, discount, k, outside=outside, players=3)()
            sparse = StochasticBargaining(c, coo_array(P), discount, k, outside=outside, players=3)()
            np.testing.assert_allclose(sparse.payoffs, dense.payoffs, atol=1e-13)


def test_patience_to_the_limit():
    """Rubinstein as a chain: (1 - d) / (1 - d^2) for the proposer, down to a discount factor of 1 - 1e-9."""
    for d in (0.0, 0.5, 0.999, 1 - 1e-9):
        result = StochasticBargaining([1, 1], [[0, 1], [1, 0]], d, [0, 1])()
        assert result.payoffs[0, 0] == pytest.approx(1 / (1 + d), rel=1e-6)
        assert result.ok


class TestGeneralSets:
    def test_transferable_sets_equal_numbers(self):
        c, outside = [1.0, 2.0, 3.0], [(0.2, 0.1), (0.1, 0.9), (0, 0)]
        P = np.array([[0.2, 0.3, 0.5], [0.5, 0.5, 0], [0.1, 0.1, 0.8]])
        numbers = StochasticBargaining(c, P, [0.6, 0.7], [0, 1, 0], outside=outside)()
        sets = StochasticBargaining(
            [TransferableSurplus(x) for x in c], P, [0.6, 0.7], [0, 1, 0], outside=outside
        )()
        np.testing.assert_allclose(sets.payoffs, numbers.payoffs, atol=1e-12)
        assert (sets.agree == numbers.agree).all()

    def test_one_set_is_rubinstein(self):
        """u = (sqrt x, 1 - x), d = .9: player 0 proposes the physical share .3690037 (Rubinstein 1982)."""
        frontier = Frontier(lambda u: 1 - u**2, 0, 1)
        result = StochasticBargaining([frontier, frontier], [[0, 1], [1, 0]], 0.9, [0, 1])()
        assert result.payoffs[0, 0] ** 2 == pytest.approx(0.3690037, abs=5e-8)
        assert result.residual < 1e-12

    def test_finite_horizons(self):
        frontiers = [lambda u: 1 - u**2, lambda u: 2 * (1 - u**2) ** 0.5]
        sets = [Frontier(f, 0, 1) for f in frontiers]
        P, d, k = np.array([[0.3, 0.7], [0.6, 0.4]]), np.array([0.8, 0.6]), [1, 0]
        inverse = [lambda v: (1 - v) ** 0.5, lambda v: (1 - v**2 / 4) ** 0.5]
        f = np.zeros((2, 2))
        for _ in range(150):
            x = d * (P @ f)
            offer0 = frontiers[0](x[0, 0])
            state0 = (x[0, 0], offer0) if offer0 >= x[0, 1] else tuple(x[0])
            offer1 = inverse[1](x[1, 1])
            state1 = (offer1, x[1, 1]) if offer1 >= x[1, 0] else tuple(x[1])
            f = np.array([state0, state1])
        result = StochasticBargaining(sets, P, d, k)()
        np.testing.assert_allclose(result.payoffs, f, atol=1e-10)

    def test_option_binds(self):
        frontier = Frontier(lambda u: 1 - u**2, 0, 1)
        result = StochasticBargaining([frontier] * 2, [[0, 1], [1, 0]], 0.9, [0, 1], outside=(0, 0.8))()
        np.testing.assert_allclose(result.payoffs[0], [0.2**0.5, 0.8], atol=1e-12)


GOOD = {"surplus": [1, 1], "transition": HALF, "discounts": 0.9, "proposer": [0, 1]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transition": [[0.5, 0.4], [0.5, 0.5]]}, r"`transition` rows must sum to 1; row 0 sums to 0.9"),
        ({"transition": [[1.5, -0.5], [0.5, 0.5]]}, r"`transition` must not be negative; got -0.5"),
        ({"transition": [[0.5, 0.5]]}, "`transition` must be square"),
        ({"discounts": 1.0}, r"`discounts` must lie in \[0, 1\)"),
        ({"discounts": [[0.9, 0.9]] * 2}, r"`discounts` must be a number or have one .*got shape \(2, 2\)"),
        ({"discounts": []}, "`discounts` must not be empty"),
        ({"discounts": [0.9, 1.2]}, r"`discounts` must lie in \[0, 1\); got 1.2"),
        ({"proposer": [0, 0.5]}, "`proposer` must hold players"),
        ({"proposer": [0, -1]}, "`proposer` must hold players"),
        ({"proposer": [0, 2], "players": 2}, "`proposer` must hold players 0 to 1; got 2"),
        ({"proposer": [0]}, r"`proposer` must have one entry per state \(2\); got 1"),
        ({"surplus": [1, 1, 1]}, r"`surplus` must have one entry per state \(2\); got 3"),
        (
            {"outside": [(0.5, 0.4), (0.75, 0.5)]},
            "`outside` must add up to no more than `surplus`.*1.25.* state 1",
        ),
        ({"outside": (0.5, 0.5 + 1e-9)}, "`outside` must add up to no more than `surplus`"),
        ({"outside": (0.5, np.inf)}, r"`outside` must be finite; got inf"),
        ({"outside": (1e308, 1e308)}, r"`outside` must hold payoffs of size 1e\+300 at most; got 1e\+308"),
        ({"outside": np.zeros((3, 2))}, "`outside` must have shape"),
        ({"players": 1}, "`players` must be a whole number, at least 2 and at most 1000; got 1"),
        (
            {"discounts": np.full(2000, 0.9)},
            "`players` must be a whole number, at least 2 and at most 1000; got 2000",
        ),
        ({"proposer": [0, 1e30]}, r"`proposer` must hold players, .* below 1000; got 1e\+30 in state 1"),
        ({"surplus": [TransferableSurplus(1)]}, r"`surplus` must have one set per state \(2\); got 1"),
        (
            {"surplus": [TransferableSurplus(1, players=3)] * 2},
            "`surplus` may hold sets for two players only",
        ),
        (
            {"surplus": [TransferableSurplus(1)] * 2, "outside": (0.6, 0.6)},
            "`outside` must be feasible in every state",
        ),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        StochasticBargaining(**(GOOD | change))
