"""Offers while primitives change: closed forms, quadrature, and backward induction on a fine grid of periods."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, root

from bargaining.errors import InvalidInput, Status, Unsolved
from bargaining.protocols.nonstationary import NonstationaryOffers


@pytest.mark.parametrize(
    ("r", "g"), [((0.1, 0.2), 0.05), ((0.3, 0.1), -0.5), ((0.0, 0.2), 0.0), ((1.0, 2.0), 0.9)]
)
def test_growing_pie(r, g):
    """Share (r1 - g) / (r0 + r1 - 2 g); .75 for r = (.1, .2), g = .05."""
    result = NonstationaryOffers(r, surplus=lambda t: np.exp(g * t), until=5)()
    share = (r[1] - g) / (r[0] + r[1] - 2 * g)
    times = np.array([0, 1.3, 2, 5])
    expected = np.outer(np.exp(g * times), [share, 1 - share])
    np.testing.assert_allclose(result.payoffs_at(times), expected, rtol=1e-11, atol=1e-14)
    assert result.agree_at(np.linspace(0, 5, 7)).all()
    assert result.delay == 0
    assert result.ok


def test_growth_too_fast_to_agree():
    """g above a mean rate times two shares: waiting beats agreeing for ever, and the value is not finite."""
    with pytest.raises(InvalidInput, match="`surplus` must grow more slowly"):
        NonstationaryOffers((0.1, 0.1), surplus=lambda t: np.exp(0.2 * t))()


def test_stationary_formula():
    """threat_i = (g_i + L b_i) / (r_i + L), the rest shared as the other's effective rate."""
    r, g, b, hazard = np.array([0.1, 0.3]), np.array([0.02, 0.05]), np.array([0.3, 0.1]), 0.4
    result = NonstationaryOffers(r, surplus=1.0, inside=g, breakdown=hazard, breakdown_payoffs=b)()
    threat = (g + hazard * b) / (r + hazard)
    weight = (r[::-1] + hazard) / (r.sum() + 2 * hazard)
    np.testing.assert_allclose(result.payoffs, threat + weight * (1 - threat.sum()), rtol=1e-12)


THREE_KINKS = {
    "surplus": lambda t: 2 + 0.1 * np.clip(t - 1, 0, 2) - 0.05 * np.maximum(t - 3, 0) * np.exp(-0.2 * t),
    "inside": (lambda t: np.where(t < 4.5, 0.05, 0.3), 0.1),
    "breakdown": 0.05,
    "breakdown_payoffs": (0.2, lambda t: 0.4 * np.exp(-t / 5)),
}


def by_quadrature(r, c, t, kinks, horizon=150.0):
    """x_0(t) = (pie + int exp(-R (s - t)) ((r_1 - r_0) pie / 2 + f_0 - f_1) ds) / 2, by adaptive quadrature."""
    hazard = c["breakdown"]

    def number(f, s):
        return float(f(s)) if callable(f) else f

    def push(s):
        flows = [number(c["inside"][i], s) + hazard * number(c["breakdown_payoffs"][i], s) for i in range(2)]
        decay = math.exp(-(sum(r) / 2 + hazard) * (s - t))
        return decay * ((r[1] - r[0]) / 2 * number(c["surplus"], s) + flows[0] - flows[1])

    edges = [t, *(k for k in kinks if k > t), 10.0, 40.0, horizon]
    y = sum(quad(push, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in pairwise(edges))
    return (number(c["surplus"], t) + y) / 2


@pytest.mark.parametrize("given", [False, True], ids=["found", "given"])
def test_three_kinks_by_quadrature(given):
    r, kinks = (0.2, 0.35), [1, 3, 4.5]
    result = NonstationaryOffers(r, **THREE_KINKS, kinks=kinks if given else None, until=6)()
    assert result.agree_at(np.linspace(0, 6, 50)).all()
    np.testing.assert_allclose(result.kinks, kinks, atol=1e-9)
    for t in (0.0, 0.5, 1.0, 2.9, 4.4, 5.5):
        assert result.payoffs_at(t)[0] == pytest.approx(by_quadrature(r, THREE_KINKS, t, kinks), abs=1e-10)
    assert result.residual < 1e-10


@pytest.mark.parametrize(("option", "r"), [(0.7, (0.2, 0.2)), (0.9, (0.1, 0.3)), (0.5, (0.1, 0.3))])
def test_option_that_arrives(option, r):
    """x_0(0) = x* + (max(o, x*) - x*) exp(-R T), x* = r_1 / (r_0 + r_1): priced if it will bind, else not."""
    arrival, rest = 3.0, r[1] / sum(r)
    result = NonstationaryOffers(
        r, surplus=1, outside=(lambda t: option if t >= arrival else 0.0, None), until=4
    )()
    expected = rest + max(option - rest, 0) * math.exp(-sum(r) / 2 * arrival)
    assert result.payoffs[0] == pytest.approx(expected, abs=1e-12)
    assert result.payoffs_at(arrival)[0] == pytest.approx(max(option, rest), abs=1e-12)


def test_option_that_expires():
    result = NonstationaryOffers(
        (0.2, 0.3), surplus=1, outside=(lambda t: 0.9 if t < 2 else 0.0, None), until=3
    )()
    np.testing.assert_allclose(result.payoffs_at([0, 1.99, 2, 2.5])[:, 0], [0.9, 0.9, 0.6, 0.6], atol=1e-11)


def rising(t):
    return 1 + 2 * np.minimum(t, 3) / 3


def delayed_agreement(r):
    """When a pie that rises by 2/3 a year to 3 at t = 3 is shared, and how, with quad and brentq alone."""
    mean = sum(r) / 2

    def y(t):
        later = (r[1] - r[0]) / 2 * 3 / mean * math.exp(-mean * (3 - t))
        return (
            quad(lambda s: math.exp(-mean * (s - t)) * (r[1] - r[0]) / 2 * rising(s), t, 3, epsabs=1e-14)[0]
            + later
        )

    def loss(t):
        return r[0] * (rising(t) + y(t)) / 2 + r[1] * (rising(t) - y(t)) / 2 - 2 / 3

    when = brentq(loss, 0, 3 - 1e-9, xtol=1e-13)
    return when, [(rising(when) + y(when)) / 2, (rising(when) - y(when)) / 2]


def test_they_wait_for_a_pie_that_grows():
    r = (0.2, 0.3)
    when, payoffs = delayed_agreement(r)
    result = NonstationaryOffers(r, surplus=rising, until=4)()
    assert result.delay == pytest.approx(when, abs=1e-9)
    np.testing.assert_allclose(result.payoffs, np.exp(-np.array(r) * when) * payoffs, atol=1e-10)
    assert not result.agree_at(0.5)
    assert result.agree_at(3.5)
    assert result.payoffs.sum() > 1


def shared_on_a_wave(r, height):
    """Return when a pie of 1 + height sin(t) is shared, from a to b in each period, and payoffs at b; r[0] < r[1].

    The difference of payoffs solves y' = R y - k pie while they agree, R = (r_0 + r_1) / 2 and k = (r_1 - r_0) / 2. At
    a waiting costs nothing; before, they wait, up to the b of the period before.
    """
    mean, k = sum(r) / 2, (r[1] - r[0]) / 2
    slope = k * height / (1 + mean**2)

    def payoffs(t, free):
        pie = 1 + height * math.sin(t)
        y = k / mean + slope * (mean * math.sin(t) + math.cos(t)) + free * math.exp(mean * (t - math.pi / 2))
        return np.array([pie + y, pie - y]) / 2

    def off(unknown):
        a, width, free = unknown
        first, last = payoffs(a, free), payoffs(a + width, free)
        waited = np.exp(-np.array(r) * (2 * math.pi - width)) * first
        return [r @ first - height * math.cos(a), *(waited - last)]

    found = root(off, [math.pi / 2 - r[0], 4 * math.sqrt(r[0]), (1 - k / mean) * (1 + height)], tol=1e-14)
    a, width, free = found.x
    assert np.abs(found.fun).max() < 1e-12
    assert 0 < width < math.pi / 2
    return a, a + width, payoffs(a + width, free)


@pytest.mark.parametrize("patient", [1e-2, 1e-4, 1e-6])
def test_a_pie_that_swings_is_shared_for_moments_by_a_patient_player(patient):
    """They agree for far less time than nodes are apart, so that agreements were missed."""
    r = np.array([patient, 0.4])
    a, b, payoffs = shared_on_a_wave(r, 0.6)
    result = NonstationaryOffers(r, surplus=lambda t: 1 + 0.6 * np.sin(t))()
    assert result.ok
    # Payoffs touch the pie there, so that dates are known to the root of what payoffs are.
    assert result.delay == pytest.approx(a, abs=1e-5)
    assert result.kinks[1] == pytest.approx(b, abs=1e-5)
    np.testing.assert_allclose(result.payoffs_at(b), payoffs, atol=1e-9)


def test_a_player_who_does_not_discount_gets_the_peak_of_a_pie_that_swings():
    """The limit of rates that fall to 0; any peak will do, and none of it is left for the other."""
    result = NonstationaryOffers([0.4, 0], surplus=lambda t: 1 + 0.6 * np.sin(t))()
    assert result.ok
    np.testing.assert_allclose(result.payoffs_at([0, 1, 2, 5]), [[0, 1.6]] * 4, atol=1e-10)
    limit = shared_on_a_wave([1e-6, 0.4], 0.6)[2]
    np.testing.assert_allclose(result.payoffs[::-1], limit, atol=1e-4)


def test_an_option_can_end_the_wait():
    """The other's option of .9 binds once waiting is worth less: agreement at once, though waiting is efficient."""
    r = (0.2, 0.3)
    when, payoffs = delayed_agreement(r)
    binds = when - math.log(payoffs[1] / 0.9) / r[1]
    result = NonstationaryOffers(r, surplus=rising, outside=(None, 0.9), until=4)()
    np.testing.assert_allclose(result.payoffs, [0.1, 0.9], atol=1e-12)
    assert result.kinks[0] == pytest.approx(binds, abs=1e-9)
    assert result.agree_at(binds - 1e-6)
    assert not result.agree_at(binds + 1e-6)
    assert result.ok


@pytest.mark.parametrize("drop", [1.0, 5e-4])
def test_a_drop_of_the_pie_is_shared_equally(drop):
    r = (0.2, 0.3)
    result = NonstationaryOffers(r, surplus=lambda t: 1.0 + drop * (t < 2), until=32)()
    just_before = np.array([0.6, 0.4]) + drop / 2
    np.testing.assert_allclose(result.payoffs_at(2 - 1e-9), just_before, atol=1e-8)
    rest = (1 + drop) * np.array([0.6, 0.4])
    np.testing.assert_allclose(result.payoffs, rest + (just_before - rest) * math.exp(-0.25 * 2), atol=1e-11)
    assert result.ok
    assert result.kinks.tolist() == [2]  # where pieces of time meet that are looked at anyway


@pytest.mark.parametrize(
    ("steep", "until"), [(1.0, None), (1.0, 30.0), (10.0, None), (10.0, 30.0), (100.0, None)]
)
def test_a_hazard_that_rises_without_bound(steep, until):
    """x_0' = (R + L) x_0 - (r_1 + L (1 + b_0 - b_1)) / 2 with R the mean rate and L = steep t."""
    path = NonstationaryOffers(
        [0.1, 0.3], surplus=1.0, breakdown=lambda t: steep * t, breakdown_payoffs=[0.2, 0.1], until=until
    )()

    def flow(s):
        return math.exp(-0.2 * s - steep * s**2 / 2) * (0.3 + steep * s * 1.1) / 2

    assert path.raise_if_failed().payoffs[0] == pytest.approx(quad(flow, 0, 20, epsabs=1e-14)[0], abs=1e-11)


def test_the_end_is_put_off_until_it_does_not_matter():
    """A flow keeps player 1 from agreeing until t = 30, and player 0 does not discount."""
    flows = lambda t: 0.01 * (t < 30), lambda t: 0.41 * (t < 30)
    result = NonstationaryOffers([0, 0.4], surplus=1, inside=flows)()
    assert result.ok
    assert result.tail <= 1e-11


def backward(r, c, dt, last):
    """Offers every dt, each player drawn with probability one half; a responder may leave after rejecting."""
    x = [c["surplus"](last) / 2] * 2
    for k in range(round(last / dt) - 1, -1, -1):
        t = k * dt
        wait = [math.exp(-r[i] * dt) * x[i] + c["inside"][i](t) * dt for i in range(2)]
        option, pie = [c["outside"][i](t) for i in range(2)], c["surplus"](t)
        least = [max(wait[i], option[i]) for i in range(2)]
        x = [0.0, 0.0]
        for k2 in range(2):
            j = 1 - k2
            refused = option if option[j] > wait[j] else wait
            agree = pie - least[j] >= refused[k2]
            x[k2] += (pie - least[j] if agree else refused[k2]) / 2
            x[j] += (least[j] if agree else refused[j]) / 2
    return np.array(x)


@pytest.mark.dear("4", "3", "2", "0")
@pytest.mark.parametrize("seed", range(6))
def test_backward_induction_on_a_fine_grid(seed):
    """Random waves of pie, flows and options; the grid's error falls with its step, and is extrapolated."""
    rng = np.random.default_rng(seed)
    r = rng.uniform(0.3, 0.8, 2)
    wave, shift = rng.uniform(0.05, 0.4), rng.uniform(0, 6)
    part, flow = rng.uniform(0, 0.24, 2), rng.uniform(0, 0.1, 2)
    pie = lambda t: 1 + wave * math.sin(2 * t + shift)  # noqa: E731
    case = {
        "surplus": pie,
        "inside": [lambda t, i=i: flow[i] * (1 + math.cos(t)) for i in range(2)],
        "outside": [lambda t, i=i: part[i] * (1 + math.sin(t + shift + i)) * pie(t) for i in range(2)],
    }
    result = NonstationaryOffers(r, **case)()
    coarse, fine = (backward(r, case, dt, 40.0) for dt in (0.005, 0.0025))
    np.testing.assert_allclose(result.payoffs, fine, atol=0.0025)
    np.testing.assert_allclose(result.payoffs, 2 * fine - coarse, atol=1e-4)
    assert result.ok


@pytest.mark.parametrize(
    ("r", "height", "speed", "shift", "option"),
    [
        (0.74, 0.57, 2.5, 5.3, 0.11),  # the option ends waits, before which they agree for more than it
        (0.68, 0.57, 2.55, 1.35, 0.13),  # it stops binding at a kink of the pie
        (0.51, 0.43, 2.63, 4.12, 0.13),  # a regime ends just before the end of a piece
    ],
)
def test_an_option_that_ends_waits_on_a_fine_grid(r, height, speed, shift, option):
    """A pie that swings less and less until t = 12, and an option of the player who is less patient."""
    r = [0.1, r]
    pie = lambda t: 1 + height * np.sin(speed * t + shift) * np.maximum(1 - t / 12, 0)  # noqa: E731
    case = {"surplus": pie, "inside": [lambda _: 0.0] * 2, "outside": [lambda _: 0.0, lambda _: option]}
    result = NonstationaryOffers(r, surplus=pie, outside=(0.0, option))()
    assert result.ok
    np.testing.assert_allclose(result.payoffs, backward(r, case, 0.005, 40.0), atol=4e-3)


def test_units_of_money_and_time():
    def scaled(money, time):
        return NonstationaryOffers(
            np.array([0.2, 0.3]) / time,
            surplus=lambda t: money * rising(t / time),
            outside=(None, 0.9 * money),
            until=4 * time,
        )()

    base = scaled(1.0, 1.0)
    for money, time in [(1e-9, 1.0), (1e9, 1.0), (1.0, 365.0), (1e6, 0.01)]:
        other = scaled(money, time)
        np.testing.assert_allclose(other.payoffs, base.payoffs * money, rtol=1e-9)
        np.testing.assert_allclose(other.kinks, base.kinks * time, rtol=1e-8)


def test_better_option_never_hurts_its_owner():
    paid = [
        NonstationaryOffers(
            (0.2, 0.3), surplus=rising, outside=(lambda t, o=o: o * np.minimum(t, 2) / 2, None)
        )().payoffs[0]
        for o in np.linspace(0, 1, 9)
    ]
    assert (np.diff(paid) >= -1e-11).all()


def test_a_function_too_rough():
    with pytest.raises(Unsolved, match="too rough between t ="):
        NonstationaryOffers(1.0, surplus=1, inside=(lambda t: 0.1 * np.sin(1e6 * t) ** 2, 0), until=1)()


def test_a_function_that_has_no_value():
    with pytest.raises(InvalidInput, match=r"`inside` has no value at t = .*math range error"):
        NonstationaryOffers(0.1, surplus=1, inside=(lambda t: math.exp(10 * t) * 1e-300, 0), until=1)()
    with pytest.raises(InvalidInput, match=r"`surplus` has no value at t = 0: math domain error"):
        NonstationaryOffers(0.1, surplus=lambda t: math.log(t - 1), until=1)()


def test_a_function_that_maps_arrays_otherwise_than_numbers():
    """On an array of times the pie would grow from the first of them on; at one time it is 1."""
    result = NonstationaryOffers(0.1, surplus=lambda t: 1 + 0.05 * (t - np.min(t)), until=2)()
    np.testing.assert_allclose(result.payoffs, 0.5, atol=1e-12)
    np.testing.assert_allclose(result.payoffs_at([0, 1, 2]).sum(axis=1), 1, atol=1e-12)


def test_outside_the_answer():
    result = NonstationaryOffers(0.1, surplus=1, until=2)()
    assert result.payoffs_at(2.0).shape == (2,)
    assert result.payoffs_at(np.zeros((3, 4))).shape == (3, 4, 2)
    for t in (-0.1, 2.1):
        with pytest.raises(InvalidInput, match="`t` must lie in"):
            result.payoffs_at(t)
    with pytest.raises(InvalidInput, match=r"got 9 at index \(1, 0\)"):
        result.payoffs_at([1.0, 9.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": (-0.1, 0.2)}, r"`rates` must lie in"),
        ({"rates": (0.1, 0.2, 0.3)}, "`rates` must have one entry per player"),
        ({"rates": 0.0}, "`rates` must not both be 0"),
        (
            {"surplus": lambda t: math.nan if t > 1 else 1.0},
            "`surplus` must be finite at every time; got nan at t =",
        ),
        (
            {"surplus": lambda t: np.where(t > 1, np.inf, 1.0)},
            "`surplus` must be finite at every time; got inf",
        ),
        ({"surplus": 0.0}, "`surplus` must be positive at every time"),
        ({"surplus": lambda t: 1 - t}, "`surplus` must be positive at every time"),
        ({"surplus": "pie"}, "`surplus` must be real numbers"),
        ({"surplus": lambda t: "pie"}, "`surplus` must return a number at each time"),
        ({"surplus": [1, 2]}, "`surplus` must be a number or a function of time"),
        ({"breakdown": -0.1}, "`breakdown` must not be negative"),
        ({"breakdown": lambda t: -np.minimum(t, 1)}, "`breakdown` must be finite and not negative"),
        ({"outside": (0.6, 0.5)}, "`outside` must add up to no more than `surplus`.*1.1.*against 1 at t ="),
        (
            {"outside": (lambda t: 1.5 if t > 3 else 0.5, None)},
            "`outside` must add up to no more than `surplus`",
        ),
        ({"outside": 0.5}, "`outside` must be a pair"),
        ({"inside": (0.1,)}, "`inside` must be a pair"),
        ({"inside": (0.1, None)}, "`inside` must have an entry for each player"),
        ({"breakdown_payoffs": lambda t: t}, "`breakdown_payoffs` must be a pair"),
        ({"until": 0}, "`until` must lie in"),
        ({"kinks": [-1.0]}, "`kinks` must be times from 0 on; got -1. "),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InvalidInput, match=message):
        NonstationaryOffers(**({"rates": (0.2, 0.3), "surplus": 1.0} | change))()


def test_they_wait_for_a_pie_that_jumps_up():
    """From t = 1 on there is half as much again: half of it each, and nothing before that is worth more."""
    result = NonstationaryOffers([0.1, 0.1], surplus=lambda t: 1.0 if t < 1 else 1.5, until=3)()
    assert result.ok
    assert result.delay == pytest.approx(1, abs=1e-9)
    np.testing.assert_allclose(result.payoffs, 0.75 * math.exp(-0.1), atol=1e-11)


def test_a_drop_far_smaller_than_the_pie_is_shared_equally_where_an_option_binds():
    """After the drop player 1 takes .9 of 1; just before it, each holds the other to that half of the time."""
    game = NonstationaryOffers(
        [0.2, 0.3],
        surplus=lambda t: 1.2 if t < 2 else 1.0,
        outside=(None, lambda t: 0.1 if t < 2 else 0.9),
        until=3,
    )
    result = game()
    assert result.ok
    np.testing.assert_allclose(result.payoffs_at(2 + 1e-9), [0.1, 0.9], atol=1e-8)
    np.testing.assert_allclose(result.payoffs_at(2 - 1e-9), [0.2, 1.0], atol=1e-8)


def test_payoffs_that_are_moved_at_any_time_are_seen():
    """Along the path they are no longer what each gets by waiting."""
    game = NonstationaryOffers([0.1, 0.2], surplus=lambda t: np.exp(0.05 * t))
    path = game()
    early = path._edges[:-1] < path.until
    for piece, node, player in np.ndindex(early.sum(), *path._nodes.shape[1:]):
        nodes = path._nodes.copy()
        nodes[piece, node, player] += 1e-4
        wrong = game.check(replace(path, _nodes=nodes))
        assert wrong.status is Status.INACCURATE
        assert wrong.residual > 1e-5
