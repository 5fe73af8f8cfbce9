"""Random proposers: closed forms, finite horizons, a chain of states, and certificates of majorities."""

from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import linprog

from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible.frontier import Frontier
from bargaining.feasible.points import FreeDisposalHull
from bargaining.feasible.polytope import Polytope
from bargaining.feasible.surplus import TransferableSurplus
from bargaining.problem import Problem
from bargaining.protocols.random_proposer import RandomProposer
from bargaining.protocols.stochastic import StochasticBargaining


def pie(n, total=1.0, d=0.0):
    return Problem(TransferableSurplus(total, players=n), np.full(n, d))


class Ball:
    """{x : sum (x / radii)^2 <= 1 where positive}: three or more players without transferable utility."""

    batch_shape = ()

    def __init__(self, radii):
        self.radii = np.asarray(radii, dtype=float)
        self.players = len(self.radii)

    def support(self, weights):
        raise NotImplementedError

    def ray(self, origin, direction):
        x, v = origin / self.radii, direction / self.radii
        a, b, c = (v * v).sum(-1), (x * v).sum(-1), (x * x).sum(-1) - 1
        return (-b + np.sqrt(b * b - a * c)) / a

    def ideal(self, floor):
        x = np.maximum(floor, 0) / self.radii
        return self.radii * np.sqrt(1 - (x * x).sum(-1, keepdims=True) + x * x)

    def contains(self, x, *, tol=1e-12):
        return ((x / self.radii) ** 2).sum(-1) <= 1 + tol


@pytest.mark.parametrize(
    ("p", "d"),
    [
        ([0.5, 0.5], [0.9, 0.8]),
        ([0.2, 0.3, 0.5], [0.9, 0.5, 0.0]),
        ([0, 0.4, 0.6], [0.99, 0.9, 0.2]),
        ([0.1] * 10, np.linspace(0, 0.999, 10)),
    ],
)
def test_unanimity_shares(p, d):
    """V_i is proportional to p_i / (1 - d_i)."""
    p, d = np.array(p), np.array(d)
    result = RandomProposer(p, d)(pie(len(p), total=3, d=-0.5))
    weights = p / (1 - d)
    np.testing.assert_allclose(
        result.gains, weights / weights.sum() * (3 + 0.5 * len(p)), rtol=1e-13, atol=1e-14
    )
    assert result.ok
    assert result.unique
    assert result.coalitions().all()


def horizon(p, d, o, rounds):
    """Backward induction over many periods; the last refusal leaves nothing."""
    n, v = len(p), np.zeros(len(p))
    for _ in range(rounds):
        w = [max(o[i], d[i] * v[i]) for i in range(n)]
        offers = [
            [w[i] if i != k else 1 - sum(w[j] for j in range(n) if j != k) for i in range(n)]
            for k in range(n)
        ]
        v = np.array([sum(p[k] * offers[k][i] for k in range(n)) for i in range(n)])
    return v


@pytest.mark.parametrize("seed", range(12))
def test_outside_options_by_backward_induction(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    p, d = rng.dirichlet(np.ones(n)), rng.uniform(0.2, 0.9, n)
    o = rng.dirichlet(np.ones(n)) * rng.uniform(0, 1) * rng.integers(0, 2, n)
    result = RandomProposer(p, d, outside=o)(pie(n))
    np.testing.assert_allclose(result.payoffs, horizon(p, d, o, 400), atol=1e-12)
    assert result.residual < 1e-14


def test_equals_a_chain_of_states():
    p, d, o = np.array([0.2, 0.5, 0.3]), np.array([0.9, 0.7, 0.8]), (0.3, 0.0, 0.2)
    chain = StochasticBargaining(np.ones(3), np.tile(p, (3, 1)), d, [0, 1, 2], outside=o)()
    result = RandomProposer(p, d, outside=o)(pie(3))
    np.testing.assert_allclose(result.payoffs, p @ chain.payoffs, atol=1e-13)
    np.testing.assert_allclose(result.proposing, np.diag(chain.payoffs), atol=1e-13)


@pytest.mark.parametrize("gap", [1e-5, 1e-7, 1e-9])
def test_an_option_of_patient_players_is_priced_to_rounding(gap):
    """Where everybody waits almost for ever, a proposer gains little by proposing: that must keep its digits."""
    pie = Problem(TransferableSurplus(1.0, players=3), [0.0, 0.0, 0.0])
    assert RandomProposer(None, 1 - gap * np.arange(1, 4), outside=[0.1, None, 0.2])(pie).ok


def test_option_moves_nothing_until_it_binds():
    without = RandomProposer(None, 0.9)(pie(2)).payoffs
    for option in (None, -1.0, 0.0, 0.44):
        np.testing.assert_allclose(RandomProposer(None, 0.9, outside=(option, None))(pie(2)).payoffs, without)
    bound = RandomProposer(None, 0.9, outside=(0.6, None))(pie(2))
    assert bound.reservations[0] == pytest.approx(0.6)
    paid = [RandomProposer(None, 0.9, outside=(o, 0.1))(pie(2)).payoffs[0] for o in np.linspace(0, 0.9, 31)]
    assert (np.diff(paid) >= -1e-15).all()


class TestMajority:
    @pytest.mark.parametrize(("n", "quota", "d"), [(3, 2, 0.8), (5, 3, 0.99), (101, 51, 0.5), (4, 1, 0.9)])
    def test_alike(self, n, quota, d):
        """Baron and Ferejohn (1989): everyone expects 1 / n, the proposer keeps 1 - (q - 1) d / n."""
        result = RandomProposer(None, d, quota=quota)(pie(n))
        np.testing.assert_allclose(result.payoffs, 1 / n, rtol=1e-13)
        np.testing.assert_allclose(result.proposing, 1 - (quota - 1) * d / n, rtol=1e-13)

    @pytest.mark.parametrize("seed", range(85))
    def test_everybody_buys_the_cheapest_votes(self, seed):
        """By trying all coalitions, also of who hardly ever proposes; payoffs are what the votes bring."""
        rng = np.random.default_rng([seed, 2])
        n = int(rng.integers(3, 7))
        quota = int(rng.integers(2, n))
        p = rng.dirichlet(np.full(n, 0.3)) * (rng.random(n) < 0.7)
        if seed % 4 == 0:
            p = np.round(p * 8)
        if seed % 4 == 1:
            p = rng.dirichlet(np.full(n, 2.0)) if seed % 3 else np.ones(n)
        p = p / p.sum() if p.sum() else np.eye(n)[0]
        d = np.full(n, 0.9) if seed % 3 == 0 else rng.uniform(0, 0.999, n) * (rng.random(n) < 0.8)
        disagreement = rng.uniform(-1, 1, n)
        result = RandomProposer(p, d, quota=quota)(Problem(TransferableSurplus(9, players=n), disagreement))
        assert result.residual < 1e-12
        included = result.coalitions()
        w = d * result.gains
        assert ((included >= -1e-9) & (included <= 1 + 1e-9)).all()
        np.testing.assert_allclose(included.sum(axis=1), quota, atol=1e-9)
        paid = included @ w - w
        for i in range(n):
            others = [j for j in range(n) if j != i]
            cheapest = min(sum(w[list(c)]) for c in combinations(others, quota - 1))
            assert paid[i] == pytest.approx(cheapest, abs=1e-9)
        np.testing.assert_allclose(p @ included - p, result.accepts, atol=1e-9)
        value = p * (9 - disagreement.sum() - paid) + (p @ included - p) * w
        np.testing.assert_allclose(result.gains, value, atol=1e-9)

    @pytest.mark.parametrize(
        ("p", "d", "quota", "expected"),
        [
            ([0.5, 0.3, 0.2], [0.5, 0.6, 0.7], 1, [0.5, 0.3, 0.2]),
            ([0, 0.6, 0.4], [0.9, 0.9, 0.9], 2, [0, 0.6, 0.4]),
            ([0.2, 0.5, 0.3], [0, 0, 0.9], 2, [0.2, 0.5, 0.3]),
        ],
        ids=["nobody needed", "a vote that never proposes is free", "more free votes than needed"],
    )
    def test_free_votes(self, p, d, quota, expected):
        result = RandomProposer(p, d, quota=quota)(pie(3))
        np.testing.assert_allclose(result.payoffs, expected, atol=1e-13)
        assert result.ok

    def test_batch_and_affine_change(self):
        totals, p, d = np.array([1.0, 1e-9, 1e9]), [0.2, 0.3, 0.5], [0.9, 0.5, 0.7]
        batch = RandomProposer(p, d, quota=2)(Problem(TransferableSurplus(totals, players=3), np.zeros(3)))
        one = RandomProposer(p, d, quota=2)(pie(3)).payoffs
        np.testing.assert_allclose(batch.payoffs, totals[:, None] * one, rtol=1e-13)
        with pytest.raises(NotApplicable, match="`coalitions` is for one problem"):
            batch.coalitions()


class TestGeneralSets:
    def test_fixed_point_on_a_frontier(self):
        f, p, d = (lambda x: 4 - x**2), np.array([0.3, 0.7]), np.array([0.9, 0.6])
        v = np.zeros(2)
        for _ in range(2000):
            w = d * v
            v = p * np.array([np.sqrt(4 - w[1]), f(w[0])]) + (1 - p) * w
        result = RandomProposer(p, d)(Problem(Frontier(f, 0, 2), [0, 0]))
        np.testing.assert_allclose(result.payoffs, v, rtol=1e-12)
        np.testing.assert_allclose(result.proposing, [np.sqrt(4 - w[1]), f(w[0])], rtol=1e-12)
        assert result.ok

    def test_option_binds_on_a_frontier(self):
        result = RandomProposer(None, 0.5, outside=(None, 3.0))(
            Problem(Frontier(lambda x: 4 - x**2, 0, 2), [0, 0])
        )
        assert result.reservations[1] == pytest.approx(3.0)
        assert result.proposing[0] == pytest.approx(1.0)

    @pytest.mark.parametrize("d", [[0.3, 0.5, 0.7], [0.9, 0.9, 0.9], [0.999, 0.99, 0.995]])
    @pytest.mark.parametrize("o", [None, (0.7, None, 0.0)])
    def test_three_players_meet_the_definition(self, d, o):
        p, radii, d = np.array([0.5, 0.2, 0.3]), np.array([1.0, 2.0, 5.0]), np.array(d)
        result = RandomProposer(p, d, outside=o)(Problem(Ball(radii), np.zeros(3)))
        v, w = result.payoffs, result.reservations
        least = np.zeros(3) if o is None else np.array([0.7, 0, 0])
        np.testing.assert_allclose(w, np.maximum(least, d * v), rtol=1e-11)
        for k in range(3):
            offer = w.copy()
            offer[k] = result.proposing[k]
            assert ((offer / radii) ** 2).sum() == pytest.approx(1, abs=1e-12)
        np.testing.assert_allclose(v, p * result.proposing + (1 - p) * w, rtol=1e-12)
        assert result.ok
        assert not result.unique

    @pytest.mark.parametrize("seed", range(12))
    def test_patient_players_on_a_polytope_meet_the_definition(self, seed):
        """Each takes what linear programs say is left by the others' reservations, at patience up to 1 - 1e-5."""
        rng = np.random.default_rng(seed)
        n = int(rng.integers(3, 5))
        points, d = rng.uniform(0, 2, (8, n)), 1 - 10.0 ** rng.uniform(-5, -1, n)
        o = np.where(rng.uniform(size=n) < 0.4, rng.uniform(0, 0.5, n), -np.inf)
        problem = Problem(Polytope(points, free_disposal=True), np.zeros(n))
        result = RandomProposer(None, d, outside=[x if x >= 0 else None for x in o])(problem)
        assert result.ok
        v, w = result.payoffs, np.maximum(o, d * result.payoffs)
        for k in range(n):
            rest = np.arange(n) != k
            left = linprog(-points[:, k], -points.T[rest], -w[rest], np.ones((1, 8)), [1.0])
            assert result.proposing[k] == pytest.approx(-left.fun, abs=1e-7)
        np.testing.assert_allclose(v, result.proposing / n + (n - 1) / n * w, rtol=1e-9)

    def test_patient_players_share_as_weighted_nash(self):
        """On the ball, the product of x_i^p_i is largest at x_i = radius_i sqrt(p_i)."""
        p, radii = np.array([0.5, 0.2, 0.3]), np.array([1.0, 2.0, 5.0])
        result = RandomProposer(p, 1 - 1e-6)(Problem(Ball(radii), np.zeros(3)))
        np.testing.assert_allclose(result.payoffs, radii * np.sqrt(p), rtol=1e-5)


def test_three_players_one_problem_at_a_time():
    batch = Problem(Ball([1.0, 2.0, 5.0]), np.zeros((2, 3)))
    with pytest.raises(NotApplicable, match="solved one problem at a time"):
        RandomProposer(None, 0.9)(batch)


def test_nothing_to_share():
    assert RandomProposer(None, 0.9)(pie(2, total=-1)).status == Status.EMPTY
    assert RandomProposer(None, 0.9)(pie(2, total=0)).status == Status.DEGENERATE
    batch = Problem(TransferableSurplus([1.0, 0.5]), [0, 0])
    result = RandomProposer(None, 0.9, outside=(0.5, 0.3))(batch)
    assert result.status.tolist() == [Status.OK, Status.EMPTY]
    assert np.isnan(result.payoffs[1]).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: RandomProposer([0.5, 0.6], 0.9), InvalidInput, "`probabilities` must sum to 1"),
        (lambda: RandomProposer([1.5, -0.5], 0.9)(pie(2)), InvalidInput, "`probabilities` must lie in"),
        (
            lambda: RandomProposer([1.0], 0.9)(pie(2)),
            InvalidInput,
            "`probabilities` must have one entry per player",
        ),
        (lambda: RandomProposer(None, 1.0)(pie(2)), InvalidInput, r"`discounts` must lie in \[0, 1\)"),
        (
            lambda: RandomProposer(None, 0.9, quota=0),
            InvalidInput,
            "`quota` must be a whole number, at least 1",
        ),
        (lambda: RandomProposer(None, 0.9, quota=3)(pie(2)), InvalidInput, "`quota` must be at most"),
        (
            lambda: RandomProposer(None, 0.9, outside=(0.6, 0.6))(pie(2)),
            InvalidInput,
            "`outside` must be feasible",
        ),
        (
            lambda: RandomProposer(None, 0.9, outside=(0.6, None, 0))(pie(2)),
            InvalidInput,
            "`outside` must have one",
        ),
        (
            lambda: RandomProposer(None, 0.9, outside=(0.1, 0.1, 0.1), quota=2)(pie(3)),
            NotApplicable,
            "`outside` needs unanimity",
        ),
        (
            lambda: RandomProposer(None, 0.9, quota=1)(Problem(Frontier(lambda x: 1 - x, 0, 1), [0, 0])),
            NotApplicable,
            "is for a TransferableSurplus",
        ),
    ],
)
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_nothing_is_said_to_be_unique_on_a_set_that_is_not_convex():
    """A proposer gets .6 and may leave the other .6, or .2, for which he waits: payoffs of .6 or .4 each."""
    steps = FreeDisposalHull([[1, 0], [0.6, 0.6], [0, 1]])
    assert not RandomProposer(None, 0.5)(Problem(steps, [0.0, 0.0])).unique


def test_who_takes_all_there_is_may_give_the_other_more_or_less():
    """Player 0 can take no more than 1, and whatever he then leaves from half of what 1 expects up to 1 is accepted."""
    problem = Problem(Frontier(lambda x: 2 - x, 0, 1), [0.0, 0.0])
    assert not RandomProposer(None, 0.5)(problem).unique
    assert RandomProposer(None, [0.5, 0.9])(problem).unique
