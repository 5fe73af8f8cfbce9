"""Drawn games with a public signal: two sides, proofs, an independent iteration, seen actions, garbling, strategies."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bargaining import Exit, Game, Monitoring, RepeatedGame, Status, certify, payoff_bounds, payoff_set
from bargaining.equilibria._affine import Budget
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.equilibria.repeated.public import automata, public_payoff_set, rational_automaton
from bargaining.equilibria.sets.several.refinement import loosened
from known_games import drawn
from public_programs import iterate
from seeds import seeds

PIECES = 20  # of the four hundred games
PATIENT = 0.95  # beyond it the two sides need not meet
FAR = 1e-3  # of the range: how far apart two sides may be, or be proved, that are INACCURATE
QUICK = 10_000_000  # units of work: a second or a few


def check(seed):
    """Hold two sides against the plain iteration and proofs; return how far they are apart if that is to be little."""
    repeated, payoffs, chances, discount, leaving = drawn(seed)
    n, scale = payoffs.shape[-1], np.ptp(payoffs.reshape(-1, payoffs.shape[-1]), axis=0).max()
    if n == 2:
        found = payoff_set(repeated, tolerance=1e-5, budget=QUICK if discount > PATIENT else None)
        inner, outer = found.vertices, found.outer
        normals, levels = iterate(payoffs, chances, discount, leaving=leaving, directions=16, tolerance=1e-6)
    else:
        found = payoff_bounds(repeated, tolerance=1e-3, refinements=1)
        inner = found.inner
        normals = np.vstack([np.eye(n), -np.eye(n), np.ones((1, n))])
        normals, levels = iterate(
            payoffs, chances, discount, leaving=leaving, directions=normals, tolerance=1e-5
        )
    if levels is None:
        assert found.status is Status.EMPTY
        return 0.0
    slack = 1e-5 * scale / (1 - discount)
    if len(inner):
        assert (inner @ normals.T <= levels + slack).all()
    if n == 2:
        gap = 0.0 if found.status in (Status.OK, Status.EMPTY) else min(found.gap, 1.0)
        assert not len(outer) or ((outer @ normals.T).max(axis=0) <= levels + slack + gap * scale).all()
        proof = certify(found, tolerance=max(1e-4, 2 * gap))
        assert proof.inner or discount > PATIENT, proof.statement
        # What is proved from outside may be less than what floats say where these do not meet the tolerance.
        rough = found.status is Status.INACCURATE and proof.bound <= FAR
        assert not proof.outer or proof.holds or rough or proof.bound == np.inf
        return 0.0 if discount > PATIENT else gap
    return 0.0


def test_levels_that_fall_without_end_leave_nothing():
    """The last profile sustains less and less: its levels have no fixed point, so that floats would overflow."""
    repeated = drawn(97)[0]
    found = payoff_bounds(repeated, tolerance=1e-5)
    assert found.status is Status.EMPTY
    assert found.gap == 0.0
    assert not (repeated.game.payoffs == repeated.game.deviations()).all(axis=-1).any()  # nor at a stage


@pytest.mark.slow
def test_levels_that_fall_without_end_are_proved_to_leave_nothing():
    proof = certify(payoff_bounds(drawn(97)[0], tolerance=1e-5))
    assert proof.inner
    assert proof.holds
    assert "outer sets vanish" in proof.statement


def small(seed):
    """Return a game of two actions and two signals each, with its arrays."""
    rng = np.random.default_rng(seed)
    players = 2 + seed % 2
    payoffs = rng.integers(-4, 5, (*(2,) * players, players)).astype(float)
    chances = rng.integers(1, 5, (*(2,) * players, 1)) / 5 * [1, -1] + [0, 1]
    return (
        RepeatedGame(Game(*np.moveaxis(payoffs, -1, 0)), 0.8, monitoring=Monitoring(chances)),
        payoffs,
        chances,
    )


@pytest.mark.parametrize("seed", [0, 14, 22])
def test_a_tolerance_below_rounding_gives_the_best_that_floats_can(seed):
    """Half-planes were added until rounding moved their corners by 1e-8 and more, or no inner set was found."""
    found = payoff_set(drawn(seed)[0], tolerance=1e-15)
    assert found.status is Status.INACCURATE
    assert 1e-15 < found.gap < 1e-11
    proof = certify(found, tolerance=1e-10)
    assert proof.holds, proof.statement


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(PIECES))
def test_four_hundred_games(piece):
    """Two of twenty may be inaccurate, round sets above all."""
    gaps = [check(seed) for seed in range(20 * piece, 20 * piece + 20)]
    assert np.count_nonzero(gaps) <= 2
    assert max(gaps) <= FAR


@pytest.mark.parametrize(
    "seed",
    [70, *(pytest.param(k, marks=pytest.mark.slow) for k in (34, 62, 110, 116, 124, 150, 160, 182, 242))],
)
def test_round_sets_and_sides_that_start_where_somebody_leaves(seed):
    """Corners of a round set move on for ever, and those beside an exit have no room for slack on their side."""
    repeated, *_ = drawn(seed)
    found = payoff_set(repeated, tolerance=1e-3)
    assert found.status is Status.OK, found.reason
    assert max(found.excess(point) for point in found.outer) <= 1.5e-3 * found.scale
    proof = certify(found, tolerance=2e-3)
    assert proof.inner, proof.statement
    assert proof.outer, proof.statement
    assert proof.holds, proof.statement


@pytest.mark.parametrize(
    ("seed", "tolerance", "discounts"),
    [
        (2, 1e-3, None),
        (2, 1e-3, (0.65, 0.7)),
        (7, 1e-2, None),
        pytest.param(7, 1e-2, (0.7, 0.8, 0.75), marks=pytest.mark.slow),
        pytest.param(41, 1e-2, None, marks=pytest.mark.slow),
    ],
)
def test_payoffs_of_automata_are_what_their_states_promise(seed, tolerance, discounts):
    repeated = drawn(seed)[0]
    if discounts is not None:
        repeated = RepeatedGame(repeated.game, discounts, exit=repeated.exit, monitoring=repeated.monitoring)
    found = (payoff_set if repeated.players == 2 else payoff_bounds)(repeated, tolerance=tolerance)
    play = next(automata(repeated, found._found))
    assert len(play.states) > 5
    assert play.regret == 0
    for state in play.states:
        if state.profile is None:
            continue
        assert all(min(share for _, share in after) > 0 for after in state.following)
        assert all(sum(share for _, share in after) == 1 for after in state.following)
        for i, d in enumerate(repeated.exact_discounts):
            later = sum(
                chance * share * play.states[k].payoffs[i]
                for chance, after in zip(
                    repeated.monitoring.exact[state.profile], state.following, strict=True
                )
                for k, share in after
            )
            assert state.payoffs[i] == (1 - d) * repeated.game.exact[state.profile][i] + d * later


def test_an_automaton_with_regret_is_not_returned():
    partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    repeated = RepeatedGame(partners, Fraction(4, 5), exit=Exit([1, Fraction(1, 2)]), monitoring=report)
    found = payoff_set(repeated, tolerance=1e-3)._found
    profiles = found.outer.profiles
    play, _ = next(loosened(profiles, found, Budget()))
    shirking = play._replace(owners=np.where(play.owners == 0, 1, play.owners))
    assert rational_automaton(repeated, play, profiles.leaves) is not None
    assert rational_automaton(repeated, shirking, profiles.leaves) is None


def shown(seed):
    """Return a small game, and a signal that shows its actions: some profiles have several, in any order."""
    rng = np.random.default_rng(20_000 + seed)
    payoffs = rng.integers(-4, 5, (*rng.integers(2, 4, 2), 2))
    game = Game(payoffs[..., 0], payoffs[..., 1])
    discount = Fraction(int(rng.integers(3, 8)), 10)
    owners = rng.permutation(np.append(np.arange(game.payoffs[..., 0].size), rng.integers(0, 4, 2)))
    weights = np.where(owners == np.arange(owners.size - 2)[:, None], rng.integers(1, 5, owners.size), 0)
    chances = [[Fraction(int(each), int(row.sum())) for each in row] for row in weights]
    signal = Monitoring(np.array(chances, dtype=object).reshape(*game.shape, -1))
    return RepeatedGame(game, discount), RepeatedGame(game, discount, monitoring=signal)


def test_signals_that_show_the_actions_give_the_payoff_set_of_two_hundred_games():
    """The same vertices to the last digit, knife edges of integers among them."""
    kinds = set()
    for seed in range(200):
        plain, signalled = shown(seed)
        known, found = payoff_set(plain), payoff_set(signalled)
        assert found.status is known.status
        np.testing.assert_array_equal(found.vertices, known.vertices)
        kinds.add((found.status, "knife edge" in found.reason))
    assert len(kinds) >= 2


def left(seed):
    """Return a small game that one may leave, or both for payoffs by leaver, without and with a perfect signal."""
    rng = np.random.default_rng(40_000 + seed)
    game = Game(*rng.integers(-4, 5, (2, *rng.integers(2, 4, 2))))
    options = rng.integers(-8, 9, (2, 2)) / 2
    leave = Exit.by_leaver(options) if seed % 3 == 2 else Exit(options[0], who=[seed % 2])
    discount = Fraction(int(rng.integers(2, 9)), 10)
    signal = Monitoring.perfect(game)
    return RepeatedGame(game, discount, exit=leave), RepeatedGame(
        game, discount, exit=leave, monitoring=signal
    )


@pytest.mark.parametrize("block", seeds(3, 15))
def test_threats_to_leave_behind_signals_that_show_the_actions_are_those_of_seen_actions(block):
    """The set by threats shares no code with that by signals: neither holds a payoff that the other lacks."""
    for seed in range(12 * block, 12 * block + 12):
        plain, signalled = left(seed)
        known, found = payoff_set(plain), public_payoff_set(signalled, tolerance=1e-5)
        assert found.status is known.status
        sides = [found, replace(found, vertices=found.outer)]
        missed = [PayoffPolygon.excess(side, vertex) for side in sides for vertex in known.vertices]
        assert (
            max(missed + [known.excess(vertex) for vertex in found.vertices], default=0) <= 3e-5 * known.scale
        )


def test_a_threat_to_leave_must_be_credible_by_the_inner_set_too():
    """At a wide tolerance the inner set holds nothing that punishes who stays; at a fine one it does."""
    rng = np.random.default_rng(184)
    game, signal = Game(*rng.integers(-4, 5, (2, 2, 2))), Monitoring(rng.dirichlet(np.ones(2), (2, 2)))
    repeated = RepeatedGame(game, 0.7, exit=Exit(rng.integers(-8, 9, 2) / 2, who=[0]), monitoring=signal)
    wide, fine = (payoff_set(repeated, tolerance=tolerance) for tolerance in (0.1, 1e-4))
    assert wide.status is Status.INACCURATE
    assert len(wide.vertices) == 0
    assert fine.ok
    assert max(PayoffPolygon.excess(replace(wide, vertices=wide.outer), v) for v in fine.vertices) <= 1e-9


def seen(seed):
    """Compare the set from signals that show the actions, solved as any other signals are, with the one from threats.

    Integers make knife edges, on which the programs of signals may find no inner set: then they must say so, and their
    outer set must hold all the same, up to the tolerance.
    """
    plain, _ = shown(seed)
    known = payoff_set(plain)
    found = public_payoff_set(
        RepeatedGame(plain.game, plain.exact_discounts[0], monitoring=Monitoring.perfect(plain.game)),
        tolerance=1e-5,
    )
    if found.status is Status.EMPTY or known.status is Status.EMPTY:
        assert found.status is known.status
        return 0
    scale = known.scale
    assert known.status is Status.OK
    assert all(known.excess(vertex) <= 2e-5 * scale for vertex in found.vertices)
    outside = PayoffPolygon.excess
    held = [outside(replace(found, vertices=found.outer), vertex) for vertex in known.vertices]
    assert max(held) <= 1e-5 * scale
    if found.status is Status.OK:
        assert max(found.excess(vertex) for vertex in known.vertices) <= 2e-5 * scale
    return int(found.status is not Status.OK)


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(10))
def test_two_hundred_games_whose_actions_are_shown(piece):
    """No more than one in ten lies on a knife edge that the programs of signals do not decide."""
    assert sum(seen(seed) for seed in range(20 * piece, 20 * piece + 20)) <= 2


@pytest.mark.parametrize("seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 20))])
def test_a_garbled_signal_never_gives_more(seed):
    rng = np.random.default_rng(30_000 + seed)
    game = Game(*rng.integers(-3, 4, (2, 2, 2)).astype(float))
    clear = Monitoring(rng.dirichlet(np.ones(2), (2, 2)))
    noise = rng.dirichlet(np.ones(2), 2)
    sets = [
        payoff_set(RepeatedGame(game, 0.6, monitoring=each), tolerance=1e-4)
        for each in (clear, clear.garbled(noise))
    ]
    assert all(np.isfinite(found.gap) for found in sets)
    if len(sets[1].vertices):
        assert max(sets[0].excess(vertex) for vertex in sets[1].vertices) <= 2e-4 * sets[0].scale


@pytest.mark.slow
@pytest.mark.parametrize("piece", range(10))
def test_strategies_reach_every_vertex_of_a_hundred_games(piece):
    for seed in range(20 * piece, 20 * piece + 20, 2):  # two players
        if drawn(seed)[-2] <= 0.9:
            reaches_every_vertex(seed)


def reaches_every_vertex(seed):
    found = payoff_set(drawn(seed)[0], tolerance=1e-3)
    for vertex in found.vertices:
        play = found.strategy(vertex, tolerance=1e-3)
        assert play.regret == 0
        assert np.abs(play.payoffs - vertex).max() <= 3e-3 * found.scale
