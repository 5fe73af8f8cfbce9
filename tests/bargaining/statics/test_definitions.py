"""Derivatives of payoff sets, thresholds and Markov equilibria, against differences in fifty digits of definitions."""

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import (
    Exit,
    Game,
    InvalidInput,
    RepeatedGame,
    StochasticGame,
    critical_discount,
    critical_exit,
    markov_equilibria,
    payoff_set,
    sensitivity,
    stationary_profile,
)
from polygons import chain

PRISONERS = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]], actions=["CD", "CD"], players=["Ann", "Bob"])

H = mp.mpf(10) ** -16

NEAR = Decimal(10) ** -40


@pytest.fixture(autouse=True)
def _digits() -> Any:
    with mp.workdps(50), localcontext(prec=60):
        yield


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

    def raised(top: float) -> Any:
        table = game.payoffs.copy()
        table[0, 0, 0] = top
        return payoff_set(RepeatedGame(Game(*np.moveaxis(table, -1, 0)), delta, exit=found.game.exit))

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
    np.testing.assert_allclose(found.vertices, start, atol=1e-8)
    for what in ("payoffs", "discount", *(("outside",) if outside else ())):
        h = Decimal(10) ** -16
        up, down = moved(h, what), moved(-h, what)
        slopes = np.array(
            [
                [float((a - b) / (2 * h)) for a, b in zip(p, q, strict=True)]
                for p, q in zip(up, down, strict=True)
            ]
        )
        if what == "payoffs" and name != "prisoners":  # one entry of many
            top = float(game.payoffs[0, 0, 0])
            ours = sensitivity(found, wrt={"top": top}, method=raised)
        else:
            ours = sensitivity(found, wrt=what)
        values = {
            "payoffs": lambda s: s.reshape(*s.shape[:2], -1)[..., 0],
            "discount": lambda s: s,
            "outside": lambda s: s[..., who[-1]],
        }
        np.testing.assert_allclose(values[what](ours.values), slopes, rtol=0, atol=1e-8)
        assert float(ours.error.max()) < 1e-8


def test_what_is_left_by_one_of_two_leavers_is_her_own_outcome() -> None:
    """Player 0 stays behind when 1 leaves, and gets 4.7 from that, not what her own leaving would give."""
    game = Game([[4.6, 9.3], [9.5, 1.0]], [[0.0, 4.5], [9.1, 8.1]])
    table = np.array([[1.9, 2.3], [4.7, 5.7]])
    found = payoff_set(RepeatedGame(game, 0.7, exit=Exit.by_leaver(table)))
    slopes = sensitivity(found, wrt="outside")
    assert slopes.dims == ("vertex", "player", "leaver", "outside")
    (at,) = np.flatnonzero(np.abs(found.vertices - table[1]).max(axis=1) < 1e-12)
    np.testing.assert_allclose(slopes[at, :, 0], 0, atol=1e-12)
    np.testing.assert_allclose(slopes[at, :, 1], np.eye(2), atol=1e-12)


def test_a_threshold_at_which_nothing_binds_has_no_derivative() -> None:
    """A stage equilibrium needs no patience, and cooperation that only one player would join is never enforceable."""
    for profile, needed in (("D", "D"), 0.0), (("C", "D"), np.inf):
        found = critical_discount(PRISONERS, profile)
        assert found.discount == needed
        with pytest.raises(InvalidInput, match="`result` must be a Division, or an answer whose parameters"):
            sensitivity(found, wrt="payoffs")


def test_a_threshold_moves_with_what_binds_and_has_a_kink_where_two_do() -> None:
    found = critical_discount(PRISONERS, ("C", "C"))  # (10 - 9) / (10 - 3) for both
    ours = sensitivity(found, wrt="payoffs")
    assert ours.dims == ("plays_Ann", "plays_Bob", "payoff")
    tempted = ours.sel(plays_Ann="D", plays_Bob="C", payoff="Ann")
    assert np.isnan(tempted)
    np.testing.assert_allclose([tempted.from_below, tempted.from_above], [0, 6 / 49], rtol=0, atol=1e-8)
    uneven = Game([[9, 1], [10, 3]], [[9, 10.5], [1, 3]])
    slopes = sensitivity(critical_discount(uneven, (0, 0)), wrt="payoffs").values[..., 1]
    # (t - r) / (t - p) with t, r, p = 10.5, 9, 3
    np.testing.assert_allclose(slopes, [[-1 / 7.5, 6 / 7.5**2], [0, 1.5 / 7.5**2]], rtol=0, atol=1e-8)


def test_a_threshold_with_exit_or_reversion_moves_as_its_formula_does() -> None:
    uneven = Game([[9, 1], [10, 3]], [[9, 10.5], [1, 3]])
    left = sensitivity(critical_discount(uneven, (0, 0), exit=Exit([5, 6])), wrt="outside")
    np.testing.assert_allclose(left, [0, 1.5 / 4.5**2], rtol=0, atol=1e-8)
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
    np.testing.assert_allclose(ours[0, 1, 1], slope, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours[1, 0, 1], 1.5 / 5.5**2, rtol=0, atol=1e-8)


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
    np.testing.assert_allclose(ours.values[:, :, 1, 0, 1, 0], slopes[payoff], rtol=0, atol=1e-8)
    np.testing.assert_allclose(
        sensitivity(found, wrt="discounts")[..., 0], slopes[patience], rtol=0, atol=1e-8
    )
    assert float(ours.error.max()) < 1e-8
    h = mp.mpf(10) ** -12
    ends = [mixing(game, start, lambda g, d, h=k * h: patience(g, d, h)) for k in (1, 0, -1)]
    bent = np.array([float((a - 2 * b + c) / h**2) for a, b, c in zip(*ends, strict=True)]).reshape(2, 2)
    np.testing.assert_allclose(
        sensitivity(found, wrt="discounts", order=2)[..., 0, 0], bent, rtol=0, atol=1e-8
    )


def test_an_action_that_is_just_as_good_makes_a_kink() -> None:
    game = StochasticGame([Game([[1, 0], [1, 0]], [[2, 1], [2, 1]])], [[1]], 0.5)
    found = stationary_profile(game, [[[1, 0], [1, 0]]])
    assert np.isnan(sensitivity(found, wrt="payoffs").sel(plays_0="1", plays_1="0", payoff="0")).all()
    known = sensitivity(found, wrt="payoffs").sel(plays_0="1", plays_1="1", payoff="0")
    np.testing.assert_allclose(known, [[0, 0]], atol=1e-9)


def test_outside_options_that_break_a_profile_move_with_patience_and_temptation() -> None:
    """By hand: above g - (c - g) (1 - d) / d leaving is better, with g = 9, c = t, and d the discount factor."""

    def exits(d: float, t: float) -> Any:
        return critical_exit(Game([[9, 1], [t, 3]], [[9, t], [1, 3]]), (0, 0), d)

    found = sensitivity(exits(0.2, 10.0), wrt={"d": 0.2, "t": 10.0}, method=exits)
    np.testing.assert_allclose(found, [[25, -4]] * 2, rtol=0, atol=1e-8)
    assert float(found.error.max()) < 1e-8


def test_what_is_not_known_is_said() -> None:
    found = payoff_set(RepeatedGame(PRISONERS, [0.9, 0.8]))
    with pytest.raises(InvalidInput, match="`wrt` must be among discounts, payoffs; got 'outside'"):
        sensitivity(found, wrt="outside")
    with pytest.raises(
        InvalidInput,
        match="`result` must be a Division, or an answer whose parameters are known; got a float",
    ):
        sensitivity(1.0, wrt="payoffs")
    with pytest.raises(InvalidInput, match="must be an equilibrium to be continued"):
        sensitivity(stationary_profile(pennies(), [[[1, 0], [1, 0]]] * 2), wrt="discounts")


def test_only_the_vertices_at_a_kink_have_no_derivative() -> None:
    """At a discount factor of 1/7 cooperation is just sustained: with more temptation nothing but (3, 3) is left."""
    found = payoff_set(RepeatedGame(PRISONERS, Fraction(1, 7)))
    ours = sensitivity(found, wrt="payoffs").sel(plays_Ann="D", plays_Bob="C", payoff="Ann")
    both, alone = found.vertices.tolist().index([9, 9]), found.vertices.tolist().index([3, 3])
    assert np.isnan(ours[both]).all()
    np.testing.assert_allclose(ours[alone], 0, atol=1e-9)


def test_vertices_of_a_stochastic_game_move_with_patience() -> None:
    """By hand: in the bad state nobody earns, and play returns to the dilemma with chance 1/2 each period."""
    law = [[0.0, 1.0], [0.5, 0.5]]
    still = Game([[0.0]], [[0.0]])

    def solve(d: float) -> StochasticGame:
        return StochasticGame([Game([[2.0]], [[2.0]]), still], law, d)

    slopes = sensitivity(payoff_set(solve(0.6)), wrt="discount")
    # v = 2 (1 - d) + d w and w = d (v + w) / 2
    d, h = mp.mpf(0.6), mp.mpf("1e-20")

    def worth(d: Any) -> Any:
        v = 2 * (1 - d) / (1 - d * (d / 2) / (1 - d / 2))
        return [v, d / 2 * v / (1 - d / 2)]

    exact = [float((a - b) / (2 * h)) for a, b in zip(worth(d + h), worth(d - h), strict=True)]
    np.testing.assert_allclose(slopes[:, 0], exact, rtol=0, atol=1e-8)
    assert slopes["state"].values.tolist() == ["0", "1"]
