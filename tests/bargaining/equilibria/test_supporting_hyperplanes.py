"""Bounds for n players against the two-player set, folk-theorem polytopes and a plain iteration by programs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.spatial import ConvexHull, HalfspaceIntersection

from bargaining.equilibria._affine import Budget
from bargaining.equilibria.payoff_set import payoff_bounds, payoff_set
from bargaining.equilibria.sets.several.outer import Outer
from bargaining.equilibria.sets.several.profiles import Profiles
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from brackets import bracket
from half_spaces import paths, pushed_in
from known_games import PRISONERS, THREE, public_good

FREE = np.indices((2, 2, 2))
COMMONS = Game(*(2 * (3 - FREE.sum(axis=0)) + 3 * FREE[i] for i in range(3)))


def support(points, directions):
    return (directions @ np.asarray(points).T).max(axis=1)


@pytest.mark.dear("game3-discounts3-None")
@pytest.mark.parametrize(
    ("game", "discounts", "leave"),
    [
        (PRISONERS, 0.9, None),
        (PRISONERS, 0.14, None),
        (PRISONERS, 1 / 7, None),
        (PRISONERS, [0.6, 0.8], None),
        (PRISONERS, 0.5, Exit([3, 5])),
        (PRISONERS, 0.5, Exit([0, 0])),
        (THREE, 0.3, None),
    ],
)
def test_two_players(game, discounts, leave):
    repeated = RepeatedGame(game, discounts, exit=leave)
    within = 1e-5 if isinstance(discounts, list) else 1e-6  # of unequal patience it stops at 3.9e-6
    bounds, known = payoff_bounds(repeated, tolerance=within), payoff_set(repeated)
    scale = np.ptp(game.payoffs)
    assert bounds.gap <= within
    assert bounds.status == Status.OK
    reach = support(known.vertices, bounds.directions)
    assert (bounds.levels >= reach - 1e-9 * scale).all()
    np.testing.assert_allclose(bounds.levels, reach, atol=2 * within * scale)
    np.testing.assert_allclose(support(bounds.inner, bounds.directions), reach, atol=2 * within * scale)
    np.testing.assert_allclose(bounds.threat, [known.threat] * 2, atol=within * scale)


def test_random_two_player_games():
    rng = np.random.default_rng(0)
    statuses = set()
    for k in range(6):
        draw = rng.random((2, 3, 3)) if k % 2 else rng.integers(-5, 6, (2, 3, 3))
        repeated = RepeatedGame(Game(*draw), (0.3, 0.6)[k % 4 // 2])
        bounds, known = payoff_bounds(repeated), payoff_set(repeated)
        statuses.add(bounds.status)
        assert (bounds.status == Status.EMPTY) <= (known.status == Status.EMPTY)
        if known.status == Status.OK:
            reach = support(known.vertices, bounds.directions)
            scale = np.ptp(draw)
            assert (bounds.levels >= reach - 1e-9 * scale).all()
            if len(bounds.inner):
                assert (support(bounds.inner, bounds.directions) <= reach + 1e-8 * scale).all()
    assert statuses >= {Status.OK, Status.EMPTY}


@pytest.mark.parametrize("discount", [0.5, 0.9])
def test_patient_players_reach_everything_above_the_minmax(discount):
    """The hull of the stage payoffs above 3 for each, maximised by a linear program."""
    bounds = payoff_bounds(RepeatedGame(COMMONS, discount))
    points = COMMONS.payoffs.reshape(-1, 3)
    for direction, level in zip(bounds.directions[:26], bounds.levels[:26], strict=True):
        best = linprog(-(points @ direction), A_ub=-points.T, b_ub=[-3.0] * 3, A_eq=[np.ones(8)], b_eq=[1.0])
        assert level == pytest.approx(-best.fun, abs=1e-6)
    assert bounds.status == Status.OK
    np.testing.assert_allclose(bounds.threat, 3, atol=1e-6)


@pytest.mark.parametrize("discount", [0.9, 0.99, 0.999])
def test_payoffs_that_add_up_to_a_constant(discount):
    """Three share 10: all divisions that give each her minmax are equilibria, a triangle in a plane."""
    two = np.array([[[[4, 2], [-3, -2]], [[-5, -5], [3, 2]]], [[[0, 1], [3, 1]], [[1, 5], [3, 2]]]])
    payoffs = np.concatenate([two, 10 - two.sum(axis=-1, keepdims=True)], axis=-1)
    least = [np.moveaxis(payoffs[..., i], i, 0).reshape(2, -1).max(axis=0).min() for i in range(3)]
    bounds = payoff_bounds(RepeatedGame(Game(*np.moveaxis(payoffs, -1, 0)), discount))
    assert bounds.status == Status.OK
    ends = least + (10 - sum(least)) * np.eye(3)
    np.testing.assert_allclose(bounds.inner[bounds.inner.argmax(axis=0)], ends, atol=1e-9)
    assert len(bounds.inner) == 3
    assert bounds.contains(ends.mean(axis=0))
    assert bounds.contains(ends.mean(axis=0) + 1e-6) is False


@pytest.mark.parametrize(("discount", "directions"), [(0.25, None), (0.6, np.eye(3))])
def test_no_gap_means_that_the_two_sets_are_the_same(discount, directions):
    """Directions in which they agree do not suffice: every corner of the outer set is near the inner one."""
    repeated = RepeatedGame(COMMONS, discount)
    coarse = payoff_bounds(repeated, directions=directions, refinements=0)
    assert coarse.status == Status.INACCURATE
    fine = payoff_bounds(repeated, directions=directions)
    assert fine.status == Status.OK
    for bounds in (coarse, fine):
        outer = HalfspaceIntersection(np.c_[bounds.directions, -bounds.levels], bounds.inner.mean(axis=0))
        faces = ConvexHull(bounds.inner).equations
        beyond = (outer.intersections @ faces[:, :-1].T + faces[:, -1]).max() / 5  # payoffs span 5
        assert beyond == pytest.approx(bounds.gap, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("discount", "together"), [(0.24, False), (0.25, True)])
def test_the_critical_discount_factor_of_three_players(discount, together):
    """(7 - 6) / (7 - 3) = 1/4."""
    assert payoff_bounds(RepeatedGame(COMMONS, discount)).contains([6, 6, 6]) is together


@pytest.mark.parametrize("bystanders", [1, 2])
def test_players_without_stakes_change_nothing(bystanders):
    shape = (2,) * (2 + bystanders)
    stakes = [
        np.broadcast_to(PRISONERS.payoffs[..., i].reshape(2, 2, *[1] * bystanders), shape) for i in (0, 1)
    ]
    flat = payoff_bounds(RepeatedGame(Game(*stakes, *[np.full(shape, 7.0)] * bystanders), 0.6))
    known = payoff_set(RepeatedGame(PRISONERS, 0.6))
    np.testing.assert_allclose(flat.threat[1], [*known.threat, *[7] * bystanders], atol=1e-5)
    np.testing.assert_allclose(flat.inner[:, 2:], 7)
    for vertex in known.vertices:
        assert np.abs(flat.inner[:, :2] - vertex).max(axis=1).min() < 1e-5


@pytest.mark.parametrize(
    ("more", "discounts", "option"),
    [
        ([[1, 1], [-1, 1]], [0.2, 0.5], [2.0, 1.0]),
        pytest.param([[1, 1, 1], [1, -1, 0], [-1, 1, 1]], 0.4, None, marks=pytest.mark.slow),
        pytest.param([[1, 1, 1, 1], [1, -1, 0, 1]], 0.4, None, marks=pytest.mark.slow),
        pytest.param([[1, 1, 1], [1, -1, 0]], [0.1, 0.4, 0.3], None, marks=pytest.mark.slow),
        pytest.param([[1, 1, 1], [-1, 1, 1]], [0.4, 0.3, 0.2], [3.0, 1.0, -1.0], marks=pytest.mark.slow),
    ],
)
def test_the_outer_set_agrees_with_a_plain_iteration(more, discounts, option):
    more = np.array(more)
    n = more.shape[1]
    game = Game(*np.random.default_rng(6).integers(0, 10, (n,) + (2,) * n))
    repeated = RepeatedGame(game, discounts, exit=None if option is None else Exit(option))
    bounds = payoff_bounds(repeated, directions=more, refinements=0)
    directions = np.vstack([np.eye(n), -np.eye(n), more / np.linalg.norm(more, axis=1, keepdims=True)])
    np.testing.assert_allclose(bounds.directions[: len(directions)], directions, atol=1e-12)
    known = pushed_in(repeated, directions, 16)
    np.testing.assert_allclose(bounds.levels[: len(directions)], known, atol=1e-4)


def test_equilibrium_once_and_then_all_leave():
    """The stage equilibrium (2, 2) for a period, then (-1, -1.5) for ever: players trade early against late."""
    payoffs = [[2, 0], [0, 1]]
    repeated = RepeatedGame(Game(payoffs, payoffs), [0.05, 0.95], exit=Exit([-1, -1.5]))
    bounds, once = payoff_bounds(repeated), [1.85, -1.325]
    assert payoff_set(repeated).contains(once)
    assert bounds.contains(once) is not False
    assert (bounds.directions @ once <= bounds.levels + 1e-9).all()


def with_options(seed, players):
    """A game between players of different patience who may leave, one time in four only stay."""
    rng = np.random.default_rng([seed, players])
    game = Game(*rng.integers(-3, 8, (players, *(2, 3, 2)[:players])))
    discounts = rng.permutation([0.05, 0.4, 0.8])[:players]
    return RepeatedGame(game, discounts, exit=Exit(rng.integers(-4, 4, players)) if seed % 4 else None)


@pytest.mark.dear("1-3")
@pytest.mark.parametrize("players", [2, 3])
@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(k, marks=pytest.mark.slow) for k in range(4, 60))]
)
def test_what_is_an_equilibrium_lies_in_the_outer_set(seed, players):
    """The inner set, stage equilibria in a row with or without leaving after them, and of two players any."""
    repeated = with_options(seed, players)
    bounds = payoff_bounds(repeated, refinements=2)
    known = [bounds.inner, paths(repeated, 4)]
    if players == 2:
        known.append(bracket(repeated, 1e-6).inner)
        whole = payoff_set(repeated)
        assert all(whole.excess(v) <= 1e-8 * 11 for v in bounds.inner)
    for points in known:
        assert (points @ bounds.directions.T <= bounds.levels + 1e-9 * 11).all()


def generated_by_programs(game, discount, z):
    """Say whether each of some points z is a mixture of what profiles followed by mixtures of z give."""
    g, c = game.payoffs.reshape(-1, 3), game.deviations().reshape(-1, 3)
    low = z.min(axis=0) + (1 - discount) / discount * (c - g)
    # Weights on (profile, continuation vertex): mixtures over profiles, continuations above the bounds.
    pays = ((1 - discount) * g[:, None] + discount * z).reshape(-1, 3)
    above = np.zeros((len(g) * 3, len(g) * len(z)))
    for a in range(len(g)):
        above[3 * a : 3 * a + 3, a * len(z) : (a + 1) * len(z)] = (low[a] - z).T
    return [
        linprog(
            np.zeros(len(pays)),
            A_ub=above,
            b_ub=np.full(len(above), 1e-7),
            A_eq=np.vstack([pays.T, np.ones(len(pays))]),
            b_eq=np.append(vertex, 1.0),
        ).status
        == 0
        for vertex in z[:: max(1, len(z) // 8)]
    ]


def test_the_inner_set_generates_itself_by_linear_programs():
    rng = np.random.default_rng(11)
    for game in (COMMONS, Game(*rng.integers(0, 10, (3, 2, 2, 2)))):
        z = payoff_bounds(RepeatedGame(game, 0.5), refinements=1).inner
        assert len(z) > 2
        assert all(generated_by_programs(game, 0.5, z))


@pytest.mark.parametrize(("scale", "offset"), [(1e-9, 1e-6), (1e9, 1e12)])
def test_scale_and_offset(scale, offset):
    moved = Game(*(scale * COMMONS.payoffs[..., i] + offset for i in range(3)))
    bounds = payoff_bounds(RepeatedGame(moved, 0.5), refinements=1)
    base = payoff_bounds(RepeatedGame(COMMONS, 0.5), refinements=1)
    np.testing.assert_allclose((bounds.threat - offset) / scale, base.threat, atol=1e-6)
    assert bounds.contains(np.full(3, 6.0) * scale + offset) is True
    assert bounds.contains([scale * x + offset for x in (6, 6, 7)]) is False


def test_nothing_in_pure_actions():
    pennies = np.array([[1.0, -1.0], [-1.0, 1.0]])
    bounds = payoff_bounds(RepeatedGame(Game(pennies, -pennies), 0.9))
    assert bounds.status == Status.EMPTY
    assert len(bounds.inner) == 0
    assert bounds.gap == 0.0
    with_exit = payoff_bounds(RepeatedGame(Game(pennies, -pennies), 0.9, exit=Exit([0, 0])))
    assert with_exit.contains([0, 0]) is True


@pytest.mark.parametrize("option", [[100, 100, 100], [20, 0, 0]])
def test_an_option_that_nobody_forgoes_is_all_there_is(option):
    bounds = payoff_bounds(RepeatedGame(COMMONS, 0.5, exit=Exit(option)))
    assert bounds.status == Status.OK
    assert bounds.gap == 0
    assert bounds.inner.tolist() == [option]
    assert bounds.contains(option) is True
    assert bounds.contains([6, 6, 6]) is False


def test_an_inner_set_far_inside_grows_to_the_outer_one():
    """The points where half-spaces touch must shrink by a tenth and more before they generate themselves."""
    game = Game(*np.random.default_rng(102).integers(0, 6, (3, 2, 2, 2)))
    bounds = payoff_bounds(RepeatedGame(game, 0.6))
    assert bounds.status == Status.OK
    assert len(bounds.inner) > 10
    assert bounds.gap < 1e-6


def beyond(bounds, game):
    """How far the outer set reaches beyond the faces of the inner one, by a program each, as a share of the range."""
    size = np.ptp(game.payoffs.reshape(-1, game.players), axis=0)
    faces = np.unique(ConvexHull(bounds.inner / size).equations.round(12), axis=0)
    fine = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    reach = [
        -linprog(-face[:-1] / size, bounds.directions, bounds.levels, bounds=(None, None), options=fine).fun
        for face in faces
    ]
    return (reach + faces[:, -1]).max()


@pytest.mark.dear("3", "6")
@pytest.mark.parametrize("seed", [1, 3, 6])
def test_three_patient_players_end_in_a_polytope(seed):
    game = Game(*np.random.default_rng(seed).random((3, 2, 2, 2)))
    bounds = payoff_bounds(RepeatedGame(game, 0.9))
    assert bounds.status == Status.OK
    assert bounds.gap < 1e-8
    assert beyond(bounds, game) < 1e-7


def test_impatient_players_play_stage_equilibria():
    bounds = payoff_bounds(RepeatedGame(COMMONS, 0.0))
    np.testing.assert_allclose(bounds.inner, [[3, 3, 3]])
    assert bounds.gap < 1e-9


def test_more_directions_loosen_no_bound_in_the_given_ones():
    rough = payoff_bounds(RepeatedGame(THREE, 0.3), refinements=0)
    fine = payoff_bounds(RepeatedGame(THREE, 0.3), refinements=1)
    assert (fine.levels[:8] <= rough.levels[:8] + 1e-9).all()
    assert fine.gap < rough.gap
    assert rough.status == Status.INACCURATE


@pytest.mark.parametrize(
    ("game", "discount", "point"),
    [
        (Game([[4, 4], [-5, 2]], [[-5, 0], [2, -5]]), 0.8, [4, 0]),
        (Game([[0, 3], [-3, 1]], [[0, 0], [-4, -5]]), 0.2, [3, 0]),
    ],
)
def test_an_equilibrium_of_the_stage_is_not_lost_to_rounding(game, discount, point):
    assert game.payoffs[tuple(game.pure_equilibria()[-1])].tolist() == point
    assert payoff_bounds(RepeatedGame(game, discount)).contains(point)


def test_bad_arguments():
    repeated = RepeatedGame(COMMONS, 0.5)
    with pytest.raises(InvalidInput, match="`game`"):
        payoff_bounds(COMMONS)
    with pytest.raises(InvalidInput, match="batch"):
        payoff_bounds(RepeatedGame(COMMONS, [[0.5] * 3]))
    with pytest.raises(InvalidInput, match="`directions`"):
        payoff_bounds(repeated, directions=[[1, 1]])
    with pytest.raises(InvalidInput, match="zeros"):
        payoff_bounds(repeated, directions=[[0, 0, 0]])
    for refinements in (-1, 1.5, True):
        with pytest.raises(InvalidInput, match="`refinements`"):
            payoff_bounds(repeated, refinements=refinements)
    with pytest.raises(InvalidInput, match="`tolerance`"):
        payoff_bounds(repeated, tolerance=-1e-9)
    with pytest.raises(NotApplicable, match="open to all"):
        payoff_bounds(RepeatedGame(COMMONS, 0.5, exit=Exit([1, 1, 1], who=[0])))
    with pytest.raises(InvalidInput, match="`payoffs`"):
        payoff_bounds(repeated, refinements=0).contains([1, 2])


def test_default_directions_are_the_sign_vectors():
    bounds = payoff_bounds(RepeatedGame(COMMONS, 0.2))
    signs = {tuple(s) for s in product((-1, 0, 1), repeat=3) if any(s)}
    assert {tuple(np.sign(np.round(h, 9)).astype(int)) for h in bounds.directions} == signs


@pytest.mark.parametrize("budget", [1, 1000, 30_000])
def test_past_its_budget_the_bounds_hold(budget: int) -> None:
    game = RepeatedGame(Game(*np.random.default_rng(3).integers(-5, 6, (3, 2, 2, 2))), [0.6, 0.5, 0.7])
    short, full = payoff_bounds(game, budget=budget), payoff_bounds(game)
    assert full.status is Status.OK
    assert (full.inner @ short.directions.T <= short.levels + 1e-9).all()
    assert short.status is (Status.OK if short.gap <= 1e-6 else Status.INACCURATE)
    with pytest.raises(InvalidInput, match="`budget` must be a whole number"):
        payoff_bounds(game, budget=0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["seen", "leave", "states", "signals"])
def test_symmetries_change_no_answer(kind, seed):
    """With the actions of one player in another order the permutations of players are symmetries no more."""
    rng, every = np.random.default_rng(seed), range(3)

    def symmetric():
        """By the own action and the number of others who take the second."""
        table = rng.integers(-5, 6, (2, 3))
        return np.stack([table[FREE[i], FREE.sum(axis=0) - FREE[i]] for i in every])

    def solved(order):
        stages = [Game(*payoffs[:, order]) for payoffs in games]
        if kind == "states":
            laws = np.stack([shares[order], 1 - shares[order]], axis=-1)
            return next(iter(payoff_bounds(StochasticGame(stages, [laws, laws[..., ::-1]], 0.5)).values()))
        seen = (
            Monitoring(np.stack([shares[order], 1 - shares[order]], axis=-1)) if kind == "signals" else None
        )
        leave = Exit([1.0] * 3) if kind == "leave" else None
        return payoff_bounds(RepeatedGame(stages[0], 0.5, exit=leave, monitoring=seen))

    games = [symmetric() for _ in range(1 + (kind == "states"))]
    shares = rng.integers(1, 9, 4)[FREE.sum(axis=0)] / 10
    quotient, plain = solved(slice(None)), solved(slice(None, None, -1))
    assert quotient.status is plain.status
    for first, second in ((quotient, plain), (plain, quotient)):
        if len(second.inner):
            assert (support(second.inner, first.directions) <= first.levels + 1e-9).all()


@pytest.mark.dear("5-0.4-227", "4-0.4-90")
@pytest.mark.parametrize(("n", "share", "vertices"), [(3, 0.6, None), (4, 0.4, 90), (5, 0.4, 227)])
def test_public_goods_of_four_and_five(n, share, vertices):
    """Everyone can secure 0: patient players reach what is feasible above, whose corners a linear program finds."""
    game = public_good(n, share)
    bounds = payoff_bounds(RepeatedGame(game, 0.9))
    assert bounds.status is Status.OK
    assert vertices is None or len(bounds.inner) == vertices
    np.testing.assert_allclose(bounds.threat, 0, atol=1e-9)
    points = game.payoffs.reshape(-1, n)
    for direction, level in list(zip(bounds.directions, bounds.levels, strict=True))[
        :: len(bounds.levels) // 8
    ]:
        best = linprog(
            -(points @ direction), A_ub=-points.T, b_ub=np.zeros(n), A_eq=[np.ones(2**n)], b_eq=[1.0]
        )
        assert level <= -best.fun + 1e-9
        assert support(bounds.inner, direction[None])[0] >= level - 1e-6 * np.ptp(points)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("inner", [[1, 2, 3]], r"`inner` must have shape \(1, 2\); got \(1, 3\)"),
        ("directions", [1, 2], r"`directions` must have shape \(2, 2\); got \(2,\)"),
        ("levels", [1], r"`levels` must have shape \(\d+,\); got \(1,\)"),
        ("levels", np.nan, "`levels` must be not NaN; got nan"),
        ("inner", [[1, 2j]], "`inner` must be real numbers"),
        ("threat", [1, 2], r"`threat` must have shape \(2, 2\); got \(2,\)"),
        ("threat", "none", "`threat` must be real numbers; got 'none'"),
    ],
)
def test_bounds_of_another_shape_are_no_bounds(name, value, message):
    with pytest.raises(InvalidInput, match=message):
        replace(payoff_bounds(RepeatedGame(PRISONERS, 0.5)), **{name: value})


def test_lower_thresholds_leave_more() -> None:
    """Proofs from outside start from there, those from inside leave room."""
    plain = Profiles.of(StochasticGame.from_repeated(RepeatedGame(COMMONS, 0.24)))
    threat = np.zeros((1, 3))
    lower, higher = replace(plain, eased=0.05), plain.tightened(0.05, np.zeros((1, 3)))
    np.testing.assert_allclose(lower.thresholds(threat).needed, plain.thresholds(threat).needed - 0.05)
    raised = higher.floors(higher.thresholds(threat)) - plain.floors(plain.thresholds(threat))
    # Who takes is not tempted.
    np.testing.assert_allclose(raised, 0.05 * (FREE.reshape(3, -1).T == 0), atol=1e-15)
    together = []
    for profiles in (plain, lower):
        outer = Outer.around(profiles, np.ones((1, 3)) / np.sqrt(3.0), Budget())
        assert outer.shrink()
        together.append(outer.levels[0, -1])
    assert together[0] < together[1] - 0.1  # all give, as at a discount factor of .25
