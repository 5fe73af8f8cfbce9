"""Derivatives of payoff sets, thresholds and Markov equilibria, against differences in fifty digits of definitions."""

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import (
    Exit,
    Game,
    InvalidInput,
    NotApplicable,
    RepeatedGame,
    StochasticGame,
    critical_discount,
    critical_exit,
    markov_equilibria,
    payoff_set,
    payoff_sets,
    sensitivity,
    stationary_profile,
)
from polygons import chain, turn

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"], players=["Ann", "Bob"])
H = mp.mpf(10) ** -16
NEAR = Decimal(10) ** -40


@pytest.fixture(autouse=True)
def _digits() -> Any:
    with mp.workdps(50), localcontext(prec=60):
        yield


# --- the operator of Abreu, Pearce and Stacchetti in fifty digits, by hand ------------------------------------------


def outline(points: list[Any]) -> list[Any]:
    """Return the convex hull, counter-clockwise from the leftmost and lowest."""
    kept: list[Any] = []
    for p in sorted(points):
        if not any(abs(p[0] - q[0]) + abs(p[1] - q[1]) < NEAR for q in kept):
            kept.append(p)
    return chain(kept, NEAR)


def above(polygon: list[Any], i: int, least: Any) -> list[Any]:
    """Return the part of a polygon in which coordinate i is at least so much."""
    out = []
    for k, q in enumerate(polygon):
        p = polygon[k - 1]
        if len(polygon) > 1 and (p[i] - least) * (q[i] - least) < 0:
            t = (least - p[i]) / (q[i] - p[i])
            out.append([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])])
        if q[i] >= least - NEAR:
            out.append(q)
    return out


def aps(g: Any, delta: Any, outside: Any, rounds: int, who: Sequence[int] = (0, 1)) -> list[Any]:
    """Return the largest self-generating set; g[a][b] are payoff pairs, and who may leave gets `outside` if given.

    One who may leave alone does so only if otherwise she would get no more.
    """
    profiles = [(a, b) for a in range(len(g)) for b in range(len(g[0]))]
    low = [min(g[a][b][i] for a, b in profiles) for i in (0, 1)]
    high = [max(g[a][b][i] for a, b in profiles) for i in (0, 1)]
    polygon = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    for _ in range(rounds):
        threat = [min(p[i] for p in polygon) for i in (0, 1)]
        found: list[Any] = []
        for a, b in profiles:
            best = [max(g[k][b][0] for k in range(len(g))), max(g[a][k][1] for k in range(len(g[0])))]
            stable = polygon
            for i in (0, 1):
                needs = (1 - delta[i]) * best[i] + delta[i] * threat[i]
                if outside is not None and i in who:
                    needs = max(needs, outside[i])
                stable = above(stable, i, (needs - (1 - delta[i]) * g[a][b][i]) / delta[i])
            found += [[(1 - delta[i]) * g[a][b][i] + delta[i] * w[i] for i in (0, 1)] for w in stable]
        if outside is not None and (len(who) > 1 or min(p[who[0]] for p in found) <= outside[who[0]] + NEAR):
            found.append(list(outside))
        polygon = outline(found)
    return polygon


def exact(game: Game, number: Any = mp.mpf) -> Any:
    return [[[number(x) for x in pair] for pair in row] for row in game.payoffs.tolist()]


HARSH = Game(
    [[2.0, 0.0, -3.1], [2.8, 1.0, -2.0], [1.3, 0.4, -2.3]], [[2.1, 2.9, 1.2], [0.1, 1.0, 0.3], [-3, -2, -2.2]]
)
SETS = {
    "prisoners": (PRISONERS, 0.4, None, None),
    "carrot and stick": (HARSH, 0.42, None, None),
    "with exit": (HARSH, 0.5, [0.3, 0.2], [0, 1]),
    "one may leave": (HARSH, 0.5, [0.3, 0.2], [0]),
    "one who leaves hurts the other": (HARSH, 0.5, [0.3, -1.0], [0]),
    "the other may leave": (HARSH, 0.5, [0.3, 0.2], [1]),
}


@pytest.mark.parametrize("name", SETS)
def test_vertices_move_as_the_largest_self_generating_set_does(name: str) -> None:
    game, delta, outside, who = SETS[name]
    rounds = int(-46 / np.log10(delta))
    found = payoff_set(RepeatedGame(game, delta, exit=None if outside is None else Exit(outside, who=who)))
    assert found.ok

    def moved(h: Any, what: str) -> Any:
        g, d = exact(game, Decimal), Decimal(delta)
        o = None if outside is None else [Decimal(x) for x in outside]
        if what == "payoffs":
            g[0][0][0] += h
        elif what == "discount":
            d += h
        else:
            assert o is not None
            o[who[-1]] += h
        return aps(g, [d, d], o, rounds, who or ())

    start = np.array([[float(x) for x in p] for p in moved(0, "payoffs")])
    np.testing.assert_allclose(found.vertices, start, atol=1e-12)
    for what in ("payoffs", "discount", *(("outside",) if outside else ())):
        h = Decimal(10) ** -16
        up, down = moved(h, what), moved(-h, what)
        slopes = np.array(
            [
                [float((a - b) / (2 * h)) for a, b in zip(p, q, strict=True)]
                for p, q in zip(up, down, strict=True)
            ]
        )
        ours = sensitivity(found, wrt=what)
        values = {
            "payoffs": lambda s: s[:, :, 0, 0, 0],
            "discount": lambda s: s,
            "outside": lambda s: s[..., who[-1]],
        }
        np.testing.assert_allclose(values[what](ours.values), slopes, rtol=0, atol=1e-9)
        assert float(ours.error.max()) < 1e-9


def test_what_is_left_by_one_of_two_leavers_is_her_own_outcome() -> None:
    """Player 0 stays behind when 1 leaves, and gets 4.7 from that, not what her own leaving would give."""
    game = Game([[4.6, 9.3], [9.5, 1.0]], [[0.0, 4.5], [9.1, 8.1]])
    table = np.array([[1.9, 2.3], [4.7, 5.7]])
    found = payoff_set(RepeatedGame(game, 0.7, exit=Exit.by_leaver(table)))
    slopes = sensitivity(found, wrt="outside")
    assert slopes.dims == ("vertex", "player", "leaver", "outside")
    (at,) = np.flatnonzero(np.abs(found.vertices - table[1]).max(axis=1) < 1e-12)
    np.testing.assert_array_equal(slopes[at, :, 0], np.zeros((2, 2)))
    np.testing.assert_array_equal(slopes[at, :, 1], np.eye(2))


@pytest.mark.parametrize("discount", [0.3, pytest.param(0.6, marks=pytest.mark.slow)])
@pytest.mark.parametrize("leaving", [False, True])
def test_vertices_of_drawn_batches_move_as_their_sets_in_fifty_digits_do(
    discount: float, leaving: bool
) -> None:
    rng = np.random.default_rng(3)
    payoffs, outside = rng.random((3, 2, 3, 3)), rng.uniform(0.1, 0.5, (3, 2)) if leaving else None
    sets = payoff_sets(payoffs, discount, exit=None if outside is None else Exit(outside))
    rounds = int(-46 / np.log10(discount))
    asked = ["payoffs", "discount", *(["outside"] if leaving else [])]
    h = Decimal(10) ** -16
    for what in asked:
        ours = sensitivity(sets, wrt=what)
        for k, found in enumerate(sets):
            if not found.ok:
                continue

            def moved(step: Any, k: int = k, what: str = what) -> Any:
                g, d = exact(Game(*payoffs[k]), Decimal), Decimal(discount)
                o = None if outside is None else [Decimal(x) for x in outside[k].tolist()]
                if what == "payoffs":
                    g[1][2][1] += step
                elif what == "discount":
                    d += step
                else:
                    assert o is not None
                    o[0] += step
                points = aps(g, [d, d], o, rounds)
                if len(points) < 3:
                    return points
                # what lies on an edge to thirty digits does so after a step of 1e-16 too: no kink
                sides = zip([points[-1], *points], points, [*points[1:], points[0]], strict=False)
                return [p for o, p, q in sides if turn(o, p, q) > Decimal(10) ** -30]

            up, down = moved(h), moved(-h)
            assert len(up) == len(down) == len(found.vertices)
            slopes = [
                [float((a - b) / (2 * h)) for a, b in zip(p, q, strict=True)]
                for p, q in zip(up, down, strict=True)
            ]
            one = ours[k, : len(up)].values
            one = {"payoffs": lambda s: s[..., 1, 2, 1], "outside": lambda s: s[..., 0]}.get(
                what, lambda s: s
            )(one)
            np.testing.assert_allclose(one, np.reshape(slopes, (-1, 2)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 3)])
@pytest.mark.parametrize("discount", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("leaving", [False, True])
@pytest.mark.parametrize(
    ("whole", "count"),
    [(False, 8), (True, 2), *(pytest.param(w, 100, marks=pytest.mark.slow) for w in (0, 1))],
)
def test_a_batch_of_sets_has_the_derivatives_of_each(
    size: tuple[int, int], discount: float, leaving: bool, whole: bool, count: int
) -> None:
    """Games with whole payoffs often lie on a knife edge."""
    rng = np.random.default_rng(count)
    shape = (count, 2, *size)
    payoffs = rng.integers(0, 5, shape).astype(float) if whole else rng.random(shape)
    outside = rng.integers(0, 4, (count, 2)).astype(float) if whole else rng.uniform(0, 0.6, (count, 2))
    sets = payoff_sets(payoffs, discount, exit=Exit(outside) if leaving else None)
    for wrt in ("discount", *(["outside"] if leaving else []), *([] if whole else ["payoffs"])):
        batch = sensitivity(sets, wrt=wrt)
        for k, found in enumerate(sets):
            many, corners = batch.isel(cell=k), len(found.vertices)
            assert many[corners:].isnull().all()
            if not found.ok:
                continue
            one = sensitivity(found, wrt=wrt)
            assert many.dims == one.dims
            for part in (None, "from_below", "from_above", "error"):
                theirs, ours = (a.values if part is None else a[part].values for a in (one, many))
                size_of = max(1.0, float(np.nanmax(np.abs(theirs), initial=0.0)))
                np.testing.assert_allclose(ours[:corners], theirs, rtol=0, atol=1e-12 * size_of)


def test_a_batch_of_sets_says_what_it_does_not_know() -> None:
    games = np.random.default_rng(0).random((4, 2, 2, 2))
    sets = payoff_sets(games, 0.6)
    mapped = sensitivity(sets.reshape(2, 2), wrt="payoffs")
    assert mapped.dims == ("cell_0", "cell_1", "vertex", "player", "plays_0", "plays_1", "payoff")
    np.testing.assert_array_equal(
        mapped.values.ravel(), sensitivity(list(sets), wrt="payoffs").values.ravel()
    )
    twice = sensitivity(sets, wrt="discount", order=2)
    known = [k for k, found in enumerate(sets) if found.ok]
    for k in known:
        alone = sensitivity(sets[k], wrt="discount", order=2)
        np.testing.assert_array_equal(twice[k, : len(alone)].values, alone.values)
    with pytest.raises(InvalidInput, match="`wrt` must be among discounts, discount, payoffs"):
        sensitivity(sets, wrt="outside")
    with pytest.raises(InvalidInput, match="games of one size"):
        sensitivity([*sets, payoff_set(RepeatedGame(Game(*np.ones((2, 3, 3))), 0.6))], wrt="discount")
    unequal = payoff_sets(games, [0.6, 0.7])
    mixed = [*sets, *unequal]
    assert not np.isnan(sensitivity(mixed, wrt="payoffs").values[known]).all()
    with pytest.raises(InvalidInput, match="`wrt` must be among discounts, payoffs"):
        sensitivity(mixed, wrt="discount")


@pytest.mark.parametrize("seed", range(3, 5))
def test_vertices_of_drawn_stochastic_games_move_as_differences_say(seed: int) -> None:
    rng = np.random.default_rng([5, seed])
    g = rng.normal(0, 1, (2, 2, 2, 2))
    law = [rng.dirichlet([1, 1], (2, 2)) for _ in range(2)]
    along = rng.normal(0, 1, g.shape)

    def solve(t: float) -> Any:
        stages = [Game(*np.moveaxis(one, -1, 0)) for one in g + t * along]
        return payoff_set(StochasticGame(stages, law, [0.7, 0.7]))

    found = solve(0.0)
    if not all(one.ok for one in found.values()):
        pytest.skip("no equilibrium")
    ends = [np.concatenate([one.vertices for one in solve(k * 1e-3).values()]) for k in (-2, -1, 1, 2)]
    slopes = (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / 12e-3
    ours = sensitivity(found, wrt="payoffs")
    assert ours.dims[:3] == ("vertex", "player", "in_state")
    whole = np.tensordot(ours.values.reshape(*slopes.shape, -1), along.ravel(), 1)
    np.testing.assert_allclose(whole, slopes, rtol=0, atol=1e-8)
    through = sensitivity(found, wrt={"t": 0.0}, method=lambda t: solve(t))
    np.testing.assert_allclose(through.values[..., 0], whole, rtol=0, atol=1e-9)


def test_a_set_at_the_discount_factor_that_just_sustains_it_has_a_kink() -> None:
    """At 1/7 cooperation is just sustained: with more temptation nothing but (3, 3) is left."""
    from fractions import Fraction

    found = payoff_set(RepeatedGame(PRISONERS, Fraction(1, 7)))
    ours = sensitivity(found, wrt="payoffs").sel(plays_Ann="D", plays_Bob="C", payoff="Ann")
    assert np.isnan(ours).all()
    assert np.isnan(sensitivity(found, wrt="discount")).all()


# --- critical discount factors ---------------------------------------------------------------------------------------


def test_a_threshold_at_which_nothing_binds_has_no_derivative() -> None:
    """A stage equilibrium needs no patience, and cooperation that only one player would join is never enforceable."""
    for profile, needed in (("D", "D"), 0.0), (("C", "D"), np.inf):
        found = critical_discount(PRISONERS, profile)
        assert found.discount == needed
        with pytest.raises(InvalidInput, match="`result` must be a Division, or an answer whose equations"):
            sensitivity(found, wrt="payoffs")


def test_a_threshold_moves_with_what_binds_and_has_a_kink_where_two_do() -> None:
    found = critical_discount(PRISONERS, ("C", "C"))  # (10 - 9) / (10 - 3) for both
    ours = sensitivity(found, wrt="payoffs")
    assert ours.dims == ("plays_Ann", "plays_Bob", "payoff")
    tempted = ours.sel(plays_Ann="D", plays_Bob="C", payoff="Ann")
    assert np.isnan(tempted)
    np.testing.assert_allclose([tempted.from_below, tempted.from_above], [0, 6 / 49], rtol=0, atol=1e-14)
    uneven = Game([[9, 1], [10, 3]], [[9, 10.5], [1, 3]])
    slopes = sensitivity(critical_discount(uneven, (0, 0)), wrt="payoffs").values[..., 1]
    # (t - r) / (t - p) with t, r, p = 10.5, 9, 3
    np.testing.assert_allclose(slopes, [[-1 / 7.5, 6 / 7.5**2], [0, 1.5 / 7.5**2]], rtol=0, atol=1e-14)


def test_a_threshold_with_exit_or_reversion_moves_as_its_formula_does() -> None:
    uneven = Game([[9, 1], [10, 3]], [[9, 10.5], [1, 3]])
    left = sensitivity(critical_discount(uneven, (0, 0), exit=Exit([5, 6])), wrt="outside")
    np.testing.assert_allclose(left, [0, 1.5 / 4.5**2], rtol=0, atol=1e-14)
    # Reversion to the mixed equilibrium of a game of chicken: Bob's payoff there is that of Ann's mixing alone.
    chicken = Game([[6, 2], [7, 0]], [[6, 7.5], [2, 0.5]])
    only = critical_discount(chicken, (0, 0), punishment="stage")
    t = mp.mpf

    def threshold(shift: Any) -> Any:
        tempt, sucker, worst = t(7.5) + shift, t(2), t(0.5)
        punished = sucker  # Bob's worst equilibrium: Ann dares for sure
        return (tempt - 6) / (tempt - punished), worst

    slope = float((threshold(H)[0] - threshold(-H)[0]) / (2 * H))
    ours = sensitivity(only, wrt="payoffs").values
    np.testing.assert_allclose(ours[0, 1, 1], slope, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours[1, 0, 1], 1.5 / 5.5**2, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("unit", "more"), [(1, 1e6), (1e6, 0), (1e-6, 0)])
def test_sides_of_a_kink_do_not_depend_on_the_unit_or_on_what_is_added(unit: float, more: float) -> None:
    """Both players' constraints bind at the threshold of the prisoners."""

    def slopes(unit: float, more: float) -> Any:
        game = Game(
            *(unit * payoffs + more for payoffs in (PRISONERS.payoffs[..., 0], PRISONERS.payoffs[..., 1]))
        )
        return sensitivity(critical_discount(game, (0, 0)), wrt="payoffs")

    plain, other = slopes(1, 0), slopes(unit, more)
    assert np.isnan(plain).sum() == np.isnan(other).sum() == 6
    for side in ("from_below", "from_above"):
        np.testing.assert_allclose(unit * other[side].values, plain[side].values, rtol=0, atol=1e-8)


def test_a_threshold_below_which_the_punishment_breaks_down_moves_with_it() -> None:
    """No constraint of the profile binds there: Bob would no longer carry out what punishes him.

    His threat is one period of (1, 2) and the profile ever after, from which he deviates to (1, 1): worth it as long as
    d g(0, 0) + (1 - d) g(1, 2) >= g(1, 1).
    """
    rng = np.random.default_rng(116)
    a = rng.normal(0, 1, (3, 3, 2))
    a[0, 0] = [1.2, 1.1]
    found = critical_discount(Game(*np.moveaxis(a, -1, 0)), (0, 0))
    assert not found.proved
    top, base, best = a[0, 0, 1], a[1, 2, 1], a[1, 1, 1]
    assert found.discount == pytest.approx((best - base) / (top - base), abs=1e-11)
    exact = np.zeros((3, 3, 2))
    exact[1, 1, 1] = 1 / (top - base)
    exact[0, 0, 1] = -(best - base) / (top - base) ** 2
    exact[1, 2, 1] = (best - top) / (top - base) ** 2
    np.testing.assert_allclose(sensitivity(found, wrt="payoffs"), exact, rtol=0, atol=1e-9)


# --- Markov equilibria -----------------------------------------------------------------------------------------------


def pennies() -> StochasticGame:
    """Two uneven games of matching pennies; who wins moves the state."""
    stages = [Game([[1, -1], [-2, 1]], [[-1, 1], [1, -2]]), Game([[2, 0], [-1, 1]], [[0, 3], [1, -1]])]
    law = [
        [[[0.7, 0.3], [0.2, 0.8]], [[0.5, 0.5], [0.4, 0.6]]],
        [[[0.1, 0.9], [0.6, 0.4]], [[0.3, 0.7], [0.5, 0.5]]],
    ]
    return StochasticGame(stages, law, [0.8, 0.6])


def mixing(game: StochasticGame, start: Any, shift: Callable[[Any, Any], None]) -> list[Any]:
    """Return the values of the equilibrium in which everybody mixes, in fifty digits."""
    g = [exact(stage) for stage in game.games]
    law = [[[[mp.mpf(x) for x in one] for one in row] for row in game.transition(s).tolist()] for s in (0, 1)]
    delta = [mp.mpf(x) for x in game.discounts.tolist()]
    shift(g, delta)

    def miss(*z: Any) -> list[Any]:
        v = [[z[0], z[1]], [z[2], z[3]]]
        out = []
        for s in (0, 1):
            p, q = z[4 + 2 * s], z[5 + 2 * s]

            def q_of(a: int, b: int, i: int, s: int = s) -> Any:
                ahead = sum(law[s][a][b][k] * v[k][i] for k in (0, 1))
                return (1 - delta[i]) * g[s][a][b][i] + delta[i] * ahead

            out += [v[s][0] - (q * q_of(a, 0, 0) + (1 - q) * q_of(a, 1, 0)) for a in (0, 1)]
            out += [v[s][1] - (p * q_of(0, b, 1) + (1 - p) * q_of(1, b, 1)) for b in (0, 1)]
        return out

    return list(mp.findroot(miss, start, tol=1e-90))[:4]


def test_a_markov_equilibrium_moves_as_its_conditions_say_in_fifty_digits() -> None:
    game = pennies()
    found = markov_equilibria(game)[0]
    assert not found.pure()
    start = [
        *found.values.ravel().tolist(),
        *(float(found.strategies[s][i][0]) for s in (0, 1) for i in (0, 1)),
    ]

    def payoff(g: Any, delta: Any, h: Any) -> None:
        g[1][0][1][0] += h

    def patience(g: Any, delta: Any, h: Any) -> None:
        delta[0] += h

    slopes = {}
    for of in (payoff, patience):
        up, down = (mixing(game, start, lambda g, d, h=h, of=of: of(g, d, h)) for h in (H, -H))
        slopes[of] = np.array([float((a - b) / (2 * H)) for a, b in zip(up, down, strict=True)]).reshape(2, 2)
    ours = sensitivity(found, wrt="payoffs")
    assert ours.dims[:2] == ("state", "player")
    np.testing.assert_allclose(ours.values[:, :, 1, 0, 1, 0], slopes[payoff], rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        sensitivity(found, wrt="discounts")[..., 0], slopes[patience], rtol=0, atol=1e-9
    )
    assert float(ours.error.max()) < 1e-9
    h = mp.mpf(10) ** -12
    ends = [mixing(game, start, lambda g, d, h=k * h: patience(g, d, h)) for k in (1, 0, -1)]
    bent = np.array([float((a - 2 * b + c) / h**2) for a, b, c in zip(*ends, strict=True)]).reshape(2, 2)
    np.testing.assert_allclose(
        sensitivity(found, wrt="discounts", order=2)[..., 0, 0], bent, rtol=0, atol=1e-9
    )


def test_leaving_moves_with_what_it_pays() -> None:
    """In the bad state both leave: the good state is worth what comes until then."""
    good, bad = Game([[4, 1], [5, 2]], [[4, 5], [1, 2]]), Game([[0, -1], [0.5, -0.5]], [[0, 0.5], [-1, -0.5]])
    game = StochasticGame([good, bad], [[0.9, 0.1], [0, 1]], 0.9, exit=[None, Exit([1.0, 1.5])])
    found = stationary_profile(game, [[[0, 1], [0, 1]], [[0, 1], [0, 1]]], leave=[[0, 0], [1, 1]])
    assert found.regret == 0
    along = sensitivity(found, wrt={"o": 1.5}, method=lambda o: stationary_profile(
        StochasticGame([good, bad], [[0.9, 0.1], [0, 1]], 0.9, exit=[None, Exit([1.0, o])]),
        [[[0, 1], [0, 1]], [[0, 1], [0, 1]]], leave=[[0, 0], [1, 1]]))  # fmt: skip
    # V = .1 * 2 + .9 (.9 V + .1 o)
    np.testing.assert_allclose(along.values[..., 0], [[0, 0.09 / 0.19], [0, 1]], rtol=0, atol=1e-11)


def test_an_action_that_is_just_as_good_makes_a_kink() -> None:
    game = StochasticGame([Game([[1, 0], [1, 0]], [[2, 1], [2, 1]])], [[1]], 0.5)
    found = stationary_profile(game, [[[1, 0], [1, 0]]])
    assert np.isnan(sensitivity(found, wrt="payoffs").sel(plays_0="1", plays_1="0", payoff="0")).all()
    known = sensitivity(found, wrt="payoffs").sel(plays_0="1", plays_1="1", payoff="0")
    np.testing.assert_array_equal(known, [[0, 0]])


def test_outside_options_that_break_a_profile_move_with_patience_and_temptation() -> None:
    """By hand: above g - (c - g) (1 - d) / d leaving is better, with g = 9, c = t, and d the discount factor."""

    def exits(d: float, t: float) -> Any:
        return critical_exit(Game([[9, 1], [t, 3]], [[9, t], [1, 3]]), (0, 0), d)

    found = sensitivity(exits(0.2, 10.0), wrt={"d": 0.2, "t": 10.0}, method=exits)
    np.testing.assert_allclose(found, [[25, -4]] * 2, rtol=0, atol=1e-9)
    assert float(found.error.max()) < 1e-9


def test_what_is_not_known_is_said() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, [0.9, 0.8]))
    with pytest.raises(InvalidInput, match="`wrt` must be among discounts, payoffs; got 'outside'"):
        sensitivity(found, wrt="outside")
    with pytest.raises(
        InvalidInput, match="`result` must be a Division, or an answer whose equations are known; got a float"
    ):
        sensitivity(1.0, wrt="payoffs")
    impatient = payoff_set(RepeatedGame(PRISONERS, 0.0))
    with pytest.raises((InvalidInput, NotApplicable)):
        sensitivity(impatient, wrt="payoffs")
