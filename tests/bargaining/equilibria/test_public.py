"""Perfect public equilibria: numbers found by an independent program, limits that are known, and a plain iteration."""

from dataclasses import replace
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
    Status,
    StochasticGame,
    Unsolved,
    certify,
    patient_payoffs,
    payoff_bounds,
    payoff_set,
    payoff_sets,
    renegotiation_proof,
)
from bargaining.equilibria.repeated.public import public_payoff_set
from bargaining.results import PublicAutomaton, PublicState
from known_games import PARTNERS, report
from public_programs import iterate


def extremes(vertices):
    """Return the largest sum, payoff of player 0 and difference."""
    return vertices.sum(axis=1).max(), vertices[:, 0].max(), (vertices[:, 0] - vertices[:, 1]).max()


CASES = [
    ((0.9, 0.5, 0.25), 0.6, None, (3.5, 1.75, 0)),
    ((0.9, 0.5, 0.25), 0.8, None, (3.5, 2.19068, 1.55765)),
    ((0.9, 0.5, 0.25), 0.8, (1, 0.5), (3.5, 2.16581, 1.44421)),
    ((0.8, 0.5, 0.2), 0.8, None, (2.666667, 1.93493, 1.53834)),
    ((0.8, 0.5, 0.2), 0.6, None, (0, 0, 0)),
    ((0.8, 0.5, 0.2), 0.8, (1, 0.5), (1.5, 1, 0.5)),
]


def test_more_budget_is_advised_where_it_helps():
    partners = RepeatedGame(PARTNERS, 0.7, monitoring=report("0.9", "0.5", "0.25"))
    whole, cut = payoff_set(partners, tolerance=1e-11), payoff_set(partners, tolerance=1e-11, budget=500)
    assert cut.status is Status.INACCURATE
    assert "raise `budget`" in cut.reason
    assert whole.status is Status.OK
    assert certify(whole, tolerance=1e-8).holds


@pytest.mark.dear(
    "chances1-0.8-None-expected1", "chances3-0.8-None-expected3", "chances2-0.8-leaving2-expected2"
)
@pytest.mark.parametrize(("chances", "discount", "leaving", "expected"), CASES)
def test_the_partners_dilemma(chances, discount, leaving, expected):
    """The digits are those of a program that shares no code, settled from both sides."""
    leave = None if leaving is None else Exit(leaving)
    found = public_payoff_set(RepeatedGame(PARTNERS, discount, exit=leave, monitoring=report(*chances)))
    assert found.status is Status.OK
    assert found.gap <= 1e-6
    assert extremes(found.vertices) == pytest.approx(expected, abs=1.2e-5)
    assert extremes(found.outer) == pytest.approx(expected, abs=1.2e-5)


# Where profiles tie beside an outcome of leaving, corners get lost most easily: this case runs always.
@pytest.mark.dear("chances0-None-expected0", "chances2-None-expected2", "chances3-leaving3-expected3")
@pytest.mark.parametrize(
    ("chances", "leaving", "expected"),
    [
        ((0.9, 0.5, 0.25), None, (3.5, 2.23852, 1.65462)),
        ((0.9, 0.5, 0.25), (1, 0.5), (3.5, 2.22325, 1.59720)),
        ((0.8, 0.5, 0.2), None, (2.666667, 1.99563, 1.65071)),
        ((0.8, 0.5, 0.2), (1, 0.5), (2.65333, 1.87783, 1.32937)),
    ],
)
def test_patient_partners(chances, leaving, expected):
    test_the_partners_dilemma(chances, 0.9, leaving, expected)


@pytest.mark.parametrize(
    ("discount", "tolerance"),
    [
        (0.96, 1e-3),
        (0.99, 1e-3),
        pytest.param(0.97, 1e-5, marks=pytest.mark.slow),
        pytest.param(0.999, 1e-4, marks=pytest.mark.slow),
    ],
)
def test_very_patient_partners(discount, tolerance):
    """Both sides are found, within the exact limit of patience and beyond the set at .9, whose digits are known."""
    repeated = RepeatedGame(PARTNERS, discount, monitoring=report(0.9, 0.5, 0.25))
    found = public_payoff_set(repeated, tolerance=tolerance)
    assert found.status is Status.OK
    assert found.vertices.sum(axis=1).max() == pytest.approx(3.5, abs=8 * tolerance)
    limit = patient_payoffs(PARTNERS, monitoring=report("9/10", "1/2", "1/4"))
    assert all(limit.contains(vertex) for vertex in found.vertices)
    assert 2.23852 < found.vertices[:, 0].max() < limit.vertices[:, 0].max() < 2.2996
    assert (found.vertices[:, 0] - found.vertices[:, 1]).max() > 1.65462


@pytest.mark.slow
@pytest.mark.parametrize(("discount", "gap"), [(0.99, 3e-4), (0.999, 1e-4)])
def test_a_tolerance_out_of_reach_keeps_what_a_wider_one_finds(discount, gap):
    """At .999 the search at 1e-5 has no inner set of its own."""
    repeated = RepeatedGame(PARTNERS, discount, monitoring=report(0.9, 0.5, 0.25))
    found = public_payoff_set(repeated, tolerance=1e-5)
    limit = patient_payoffs(PARTNERS, monitoring=report("9/10", "1/2", "1/4"))
    assert len(found.vertices)
    assert all(limit.contains(vertex) for vertex in found.vertices)
    assert found.gap <= gap
    assert (found.status is Status.OK) == (found.gap <= 1e-5)


def test_green_and_porter():
    """Quantities of 3 or 4, and a price that is high, middling or low."""
    game = Game([[19.05, 15], [20, 15.2]], [[19.05, 20], [15, 15.2]])
    price = Monitoring([[[0.5, 0.45, 0.05], [0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25], [0.1, 0.4, 0.5]]])
    found = public_payoff_set(RepeatedGame(game, 0.5, monitoring=price))
    assert extremes(found.vertices) == pytest.approx((35, 19.66753, 4.33690), abs=3e-5)


def test_nothing_seen_repeats_the_stage_game():
    battle = Game([[2, 0], [0, 1]], [[1, 0], [0, 2]])
    found = public_payoff_set(RepeatedGame(battle, 0.9, monitoring=Monitoring.none(battle)))
    assert sorted(map(tuple, found.vertices.round(6).tolist())) == [(1, 2), (2, 1)]


@pytest.mark.parametrize("discount", [0.15, 0.5])
def test_actions_seen_give_the_payoff_set(discount):
    """The same set from two solvers; the prisoners of perfect monitoring are on a knife edge at no discount here."""
    prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    seen = public_payoff_set(RepeatedGame(prisoners, discount, monitoring=Monitoring.perfect(prisoners)))
    known = payoff_set(RepeatedGame(prisoners, discount)).vertices
    assert max(payoff_set(RepeatedGame(prisoners, discount)).excess(v) for v in seen.vertices) < 1e-5
    assert np.abs(extremes(seen.vertices) - np.array(extremes(known))).max() < 2e-5


def test_an_exit_that_is_just_too_good():
    """A report on both (.8, .5, .2), patience .8: the spread that work needs, 5/6, is just what 4/3 - 1/2 leaves."""
    exact = report(Fraction(4, 5), Fraction(1, 2), Fraction(1, 5))
    edge = public_payoff_set(
        RepeatedGame(PARTNERS, 0.8, exit=Exit([0.5, 0.5]), monitoring=exact), budget=30_000_000
    )
    assert extremes(edge.outer)[0] == pytest.approx(8 / 3, abs=1e-5)
    beyond = public_payoff_set(
        RepeatedGame(PARTNERS, 0.8, exit=Exit([0.51, 0.51]), monitoring=exact), budget=30_000_000
    )
    assert extremes(beyond.outer)[0] < 2.6


@pytest.mark.dear("0", "4")
@pytest.mark.parametrize("seed", [0, 2, 4, *(pytest.param(k, marks=pytest.mark.slow) for k in range(5, 40))])
def test_a_plain_iteration_agrees(seed):
    """Against linear programs of scipy in 16 directions, a third of the games with the right to leave."""
    rng = np.random.default_rng(seed)
    payoffs = rng.integers(-3, 4, (2, 2, 2)).astype(float)
    chances = rng.dirichlet(np.ones(3), (2, 2))
    discount = float(rng.choice([0.4, 0.6, 0.75]))
    leaving = (0.2, -0.3) if seed % 3 == 2 else None
    game = Game(payoffs[..., 0], payoffs[..., 1])
    repeated = RepeatedGame(
        game, discount, exit=None if leaving is None else Exit(leaving), monitoring=Monitoring(chances)
    )
    found = public_payoff_set(repeated, tolerance=1e-5)
    normals, levels = iterate(payoffs, chances, discount, leaving=leaving, directions=16, tolerance=1e-6)
    if levels is None:
        assert found.status is Status.EMPTY
        return
    scale = np.ptp(payoffs.reshape(-1, 2), axis=0).max()
    assert found.status is Status.OK
    assert (found.vertices @ normals.T <= levels + 1e-6 * scale).all()
    # The plain iteration knows only 16 half-planes, so its set may be larger, never smaller.
    assert ((found.outer @ normals.T).max(axis=0) <= levels + 3e-5 * scale).all()


@pytest.mark.parametrize("share", [0.3, pytest.param(0.1, marks=pytest.mark.slow)])
def test_a_garbled_report_gives_less(share):
    """Kandori (1992); the sums at a share of .1 and .3 are 3.277778 and 2.642857."""
    clear = report(0.9, 0.5, 0.25)
    noise = (1 - share) * np.eye(2) + share * np.array([0.6, 0.4])
    found = public_payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=clear.garbled(noise)))
    whole = public_payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=clear))
    assert found.vertices.sum(axis=1).max() == pytest.approx({0.1: 3.277778, 0.3: 2.642857}[share], abs=1e-5)
    assert all(whole.excess(vertex) <= 1e-5 for vertex in found.vertices)


def test_the_inner_set_generates_itself():
    """Every corner is played by some profile with continuations in the set, from which no deviation pays."""
    repeated = RepeatedGame(PARTNERS, 0.8, monitoring=report(0.9, 0.5, 0.25))
    play = public_payoff_set(repeated)._found.play
    continuations = (play.lotteries @ play.payoffs).reshape(len(play.owners), -1, 2)
    low, size = PARTNERS.payoffs.reshape(-1, 2).min(axis=0), np.ptp(PARTNERS.payoffs.reshape(-1, 2), axis=0)
    worth = play.payoffs * size + low
    chances, d = repeated.monitoring.probabilities.reshape(4, 2), 0.8
    for state, owner in enumerate(play.owners):
        a = divmod(int(owner), 2)
        later = continuations[state] * size + low
        kept = (1 - d) * PARTNERS.payoffs[a] + d * chances[owner] @ later
        assert kept == pytest.approx(worth[state], abs=1e-12)
        for player in (0, 1):
            b = (1 - a[0], a[1]) if player == 0 else (a[0], 1 - a[1])
            gained = (1 - d) * PARTNERS.payoffs[b][player] + d * chances[2 * b[0] + b[1]] @ later[:, player]
            assert gained <= kept[player] + 1e-12


def test_a_budget_is_kept_and_said():
    short = public_payoff_set(
        RepeatedGame(PARTNERS, 0.9, monitoring=report(2 / 3, 1 / 2, 1 / 4)), tolerance=1e-9, budget=500_000
    )
    assert short.status is Status.INACCURATE
    assert "raise `budget`" in short.reason
    assert short.outer[:, 0].max() >= 1.5344  # the outer set holds all the same
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    none = public_payoff_set(RepeatedGame(pennies, 0.9, monitoring=Monitoring.none(pennies)), budget=1)
    assert "no inner set was found" in none.reason
    assert not len(none.vertices)
    with pytest.raises(Unsolved, match=r"No equilibrium to bargain over was found.*raise `budget`"):
        none.problem()
    assert "no equilibrium was found" in none._repr_html_()


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("payoff_sets", payoff_sets),
        ("renegotiation_proof", lambda repeated: renegotiation_proof(repeated, (0, 0))),
        ("StochasticGame.from_repeated", StochasticGame.from_repeated),
    ],
)
def test_solvers_that_see_actions_refuse_a_signal(name, function):
    with pytest.raises(NotApplicable, match=f"`{name}` is for actions that are seen; .* seen through"):
        function(RepeatedGame(PARTNERS, 0.9, monitoring=report(0.9, 0.5, 0.25)))


def test_what_is_wrong_is_named():
    monitored = RepeatedGame(PARTNERS, 0.9, monitoring=report(0.9, 0.5, 0.25))
    with pytest.raises(InvalidInput, match="`tolerance` must be positive"):
        public_payoff_set(monitored, tolerance=0)
    with pytest.raises(InvalidInput, match="`budget`"):
        public_payoff_set(monitored, budget=0)
    with pytest.raises(InvalidInput, match="must have `monitoring`"):
        public_payoff_set(RepeatedGame(PARTNERS, 0.9))
    with pytest.raises(InvalidInput, match="must be one game"):
        public_payoff_set(RepeatedGame(PARTNERS, [[0.9, 0.9], [0.8, 0.8]], monitoring=monitored.monitoring))


@pytest.mark.parametrize("leaving", [None, (1, 0.5)])
def test_strategies_follow_the_signal_without_regret(leaving):
    """Values, incentives and the right to leave, recomputed from the table of the automaton alone, in rationals."""
    chances = report("9/10", "1/2", "1/4")
    leave = None if leaving is None else Exit([Fraction(each) for each in leaving])
    repeated = RepeatedGame(PARTNERS, Fraction(4, 5), exit=leave, monitoring=chances)
    found = payoff_set(repeated, tolerance=1e-4)
    points = [[1.25, 1], *found.vertices[::12]]
    plays = [found.strategy(point) for point in points]
    assert (plays[0].payoffs == points[0]).all()
    for point, play in zip(points, plays, strict=True):
        assert play.regret == 0
        assert np.abs(play.payoffs - point).max() < 1e-3
        d, p = Fraction(4, 5), chances.exact
        for state in play.states:
            if state.profile is None:
                assert state.payoffs == tuple(leave.exact[0])
                continue
            later = np.array(
                [
                    [sum(s * play.states[n].payoffs[i] for n, s in after) for i in (0, 1)]
                    for after in state.following
                ]
            )
            assert all(sum(share for _, share in after) == 1 for after in state.following)
            for i in (0, 1):
                worth = (1 - d) * PARTNERS.exact[state.profile][i] + d * (p[state.profile] @ later[:, i])
                assert worth == state.payoffs[i]
                other = list(state.profile)
                other[i] = 1 - other[i]
                assert (1 - d) * PARTNERS.exact[tuple(other)][i] + d * (
                    p[tuple(other)] @ later[:, i]
                ) <= worth
                assert leave is None or worth >= leave.exact[i, i]


@pytest.mark.parametrize(
    ("leave", "regret"),
    [(Exit.by_leaver([[1, 3], [3, 1]]), 1), (Exit.by_leaver([[3, 1], [1, 3]]), 0), (Exit([2, 2]), 0)],
)
def test_whoever_would_rather_be_left_behind_regrets_leaving(leave, regret):
    """Both leave for 2 each, the mean of what each gets by leaving and by being left."""
    repeated = RepeatedGame(PARTNERS, 0.8, exit=leave, monitoring=report("9/10", "1/2", "1/4"))
    part = PublicState(profile=None, leavers=(0, 1), payoffs=(Fraction(2), Fraction(2)))
    play = PublicAutomaton(game=repeated, states=(part,), start=((0, Fraction(1)),))
    assert play.regret == regret


def test_how_often_and_how_long_they_fight():
    """Frequencies and lengths against a long simulation, which nobody spoils by cheating."""
    patient = RepeatedGame(
        PARTNERS, Fraction(4, 5), exit=Exit([0.5, 0.5], who=None), monitoring=report("9/10", "1/2", "1/4")
    )
    found = payoff_set(patient, tolerance=1e-3)
    play = found.strategy([1.5, 1.5])
    assert play.frequencies().sum() == pytest.approx(1)
    lasting = [k for k, state in enumerate(play.states) if state.profile is None]
    assert play.frequencies()[lasting].sum() == pytest.approx(1)  # sooner or later luck is bad enough
    assert np.isinf(play.expected_length(lasting)).all()
    together = [k for k, state in enumerate(play.states) if state.profile is not None]
    lengths = [int((play.simulate(400, seed).signals >= 0).sum()) for seed in range(300)]
    expected = play.expected_length(together)
    assert play.expected_length(together[::-1] + together[:1]).tolist() == [*expected[::-1], expected[0]]
    begun = sum(float(share) * expected[together.index(k)] for k, share in play.start if k in together)
    assert np.mean(lengths) == pytest.approx(begun, rel=0.15)
    for states in (None, [len(play.states)], ["first"]):
        with pytest.raises(InvalidInput, match="`states` must be a"):
            play.expected_length(states)
    history = play.simulate(5, 1, deviations={0: (0, 1)})
    assert history.profiles[0][0] != play.states[history.states[0]].profile[0] or history.signals[0] == -1


def test_the_door_and_its_refusals():
    one = payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=report(0.9, 0.5, 0.25)), tolerance=1e-2)
    assert type(one).__name__ == "PublicPayoffSet"
    with pytest.raises(InvalidInput, match="outside"):
        one.strategy([3, 3])
    alone = RepeatedGame(PARTNERS, 0.8, exit=Exit([1, 0.5], who=[0]), monitoring=report(0.9, 0.5, 0.25))
    with pytest.raises(NotApplicable, match="one player alone"):
        payoff_set(alone, tolerance=1e-2).strategy([1.5, 1])


CERTIFIED = [
    ((0.9, 0.5, 0.25), Fraction(3, 5), None, 1e-4),
    ((0.9, 0.5, 0.25), Fraction(4, 5), None, 1e-4),
    ((0.9, 0.5, 0.25), 0.8, (1, Fraction(1, 2)), 1e-4),
    ((0.8, 0.5, 0.2), Fraction(4, 5), (1, Fraction(1, 2)), 1e-4),
    pytest.param((0.9, 0.5, 0.25), Fraction(9, 10), None, 1e-5, marks=pytest.mark.slow),
    pytest.param((0.8, 0.5, 0.2), 0.9, None, 1e-5, marks=pytest.mark.slow),
]


@pytest.mark.dear("chances1-discount1-None-0.0001", "chances2-0.8-leaving2-0.0001")
@pytest.mark.parametrize(("chances", "discount", "leaving", "tolerance"), CERTIFIED)
def test_both_sides_are_proved_in_rationals(chances, discount, leaving, tolerance):
    leave = None if leaving is None else Exit(leaving)
    exact = report(*(str(chance) for chance in chances))
    found = payoff_set(RepeatedGame(PARTNERS, discount, exit=leave, monitoring=exact), tolerance=tolerance)
    proof = certify(found, tolerance=1.5 * tolerance)
    assert proof.inner
    assert proof.outer
    assert proof.holds, proof.statement
    assert proof.bound < 1.5 * tolerance
    assert all(found.excess([float(x) for x in vertex]) < 1e-6 for vertex in proof.vertices)


def test_nothing_to_sustain_is_proved():
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    found = payoff_set(RepeatedGame(pennies, 0.9, monitoring=Monitoring.none(pennies)))
    assert found.status is Status.EMPTY
    proof = certify(found)
    assert proof.holds
    assert "vanish" in proof.statement


def test_bounds_of_the_threat_are_those_of_both_sets():
    """Half-planes are dropped and sorted as more are added: the lowest payoffs were read off the wrong ones."""
    repeated = RepeatedGame(PARTNERS, Fraction(4, 5), monitoring=report("9/10", "1/2", "1/4"))
    found = payoff_bounds(repeated, tolerance=1e-3)
    lowest = [
        linprog(axis, A_ub=found.directions, b_ub=found.levels, bounds=(None, None)).fun for axis in np.eye(2)
    ]
    np.testing.assert_allclose(found.threat, [lowest, found.inner.min(axis=0)], atol=1e-9)
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    empty = payoff_bounds(RepeatedGame(pennies, 0.9, monitoring=Monitoring.none(pennies)))
    assert empty.status is Status.EMPTY
    assert np.isnan(empty.threat).all()


def test_a_threat_or_an_outer_set_that_was_not_found_is_not_proved():
    """A change by a tenth or less shows in the bound; of a set without vertices nothing is proved."""
    repeated = RepeatedGame(PARTNERS, Fraction(4, 5), monitoring=report("9/10", "1/2", "1/4"))
    found, bounds = payoff_set(repeated, tolerance=1e-2), payoff_bounds(repeated, tolerance=1e-2)
    assert certify(found, tolerance=2e-2).holds
    assert certify(bounds, tolerance=2e-2).holds
    middle = found.vertices.mean(axis=0)
    changed = [
        replace(found, threat=found.threat + 0.2),
        replace(found, outer=middle + 0.9 * (found.outer - middle)),
        replace(found, vertices=found.vertices[:0]),
        replace(bounds, threat=bounds.threat + 0.2),
        replace(bounds, levels=bounds.levels - 0.2),
    ]
    for one in changed:
        assert certify(one, tolerance=2e-2).bound > 3e-2


UNITS = [(1e6, 0.0), (1e-6, 0.0), (1.0, 1e6)]


@pytest.mark.dear("1e-06-0.0", "1000000.0-0.0")
@pytest.mark.parametrize(("unit", "start"), UNITS)
def test_units_and_zeros_of_payoffs_do_not_matter(unit, start):
    """The set moves with the payoffs, up to the tolerance asked for."""
    own = payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=report(0.9, 0.5, 0.25)), tolerance=1e-2)
    game = Game(*(unit * np.moveaxis(PARTNERS.payoffs, -1, 0) + start))
    found = payoff_set(RepeatedGame(game, 0.8, monitoring=report(0.9, 0.5, 0.25)), tolerance=1e-2)
    assert found.status is Status.OK
    expected = np.array(extremes(own.vertices)) * unit + np.array([2 * start, start, 0.0])
    assert extremes(found.vertices) == pytest.approx(expected, abs=1e-3 * unit)


def test_a_signal_that_never_occurs_changes_nothing():
    chances = np.insert(report(0.9, 0.5, 0.25).probabilities, 1, 0.0, axis=-1)
    both = [
        payoff_set(RepeatedGame(PARTNERS, 0.8, monitoring=each), tolerance=1e-2)
        for each in (Monitoring(chances, signals=["good", "never", "bad"]), report(0.9, 0.5, 0.25))
    ]
    assert extremes(both[0].vertices) == pytest.approx(extremes(both[1].vertices), abs=4e-2)
    assert both[0].strategy([1, 1]).regret == 0


def test_signals_that_identify_nobody_are_said_to_repeat_the_stage_game():
    same = Monitoring([[[0.7, 0.3]] * 2] * 2)
    found = payoff_set(RepeatedGame(PARTNERS, 0.9, monitoring=same))
    assert found.vertices.tolist() == [[0, 0]]
    assert "repeat those of the stage game" in found.reason
    assert payoff_set(RepeatedGame(PARTNERS, 0.6, monitoring=report(0.9, 0.5, 0.25))).reason == ""


@pytest.mark.parametrize("discount", [0, 1e-9])
def test_players_without_patience_repeat_the_stage_game(discount):
    found = payoff_set(RepeatedGame(PARTNERS, discount, monitoring=report(0.9, 0.5, 0.25)))
    assert found.status is Status.OK
    np.testing.assert_allclose(found.vertices, [[0, 0]], atol=1e-8)


def test_no_equilibrium_in_pure_actions_is_said():
    pennies = Game([[1, -1], [-1, 1]], [[-1, 1], [1, -1]])
    found = payoff_set(RepeatedGame(pennies, 0.9, monitoring=Monitoring([[[0.7, 0.3]] * 2] * 2)))
    assert found.status is Status.EMPTY
    assert "No profile of pure actions can be sustained" in found.reason
    assert not len(found.vertices)


PRICES = Monitoring([[[0.5, 0.45, 0.05], [0.25, 0.5, 0.25]], [[0.25, 0.5, 0.25], [0.1, 0.4, 0.5]]])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("discount", "leaving", "expected"),
    [
        (0.7, None, (37.625, 19.89697, 4.57062)),
        (0.5, 15.5, (35, 19.5, 4)),
        (0.7, 15.5, (37.625, 19.84426, 4.34426)),
    ],
)
def test_green_and_porter_with_patience_and_with_exit(discount, leaving, expected):
    game = Game([[19.05, 15], [20, 15.2]], [[19.05, 20], [15, 15.2]])
    leave = None if leaving is None else Exit([leaving] * 2)
    found = payoff_set(RepeatedGame(game, discount, exit=leave, monitoring=PRICES), tolerance=1e-5)
    assert found.status is Status.OK
    assert extremes(found.vertices) == pytest.approx(expected, abs=5e-5)
