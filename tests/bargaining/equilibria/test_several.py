"""Perfect public equilibria of three and more players: numbers by hand, a plain iteration, proofs in rationals."""

import copy
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from bargaining import (
    Exit,
    Game,
    InvalidInput,
    Monitoring,
    NotApplicable,
    RepeatedGame,
    Status,
    certify,
    payoff_bounds,
    payoff_set,
)
from bargaining.equilibria._budget import Effort
from bargaining.equilibria.repeated._hyperplanes.inner import Hull
from bargaining.equilibria.repeated._hyperplanes.refinement import fresh, unknown
from bargaining.equilibria.repeated._monitored.data import Data
from bargaining.equilibria.repeated._monitored.outer import functions_of
from bargaining.equilibria.repeated._monitored.programs import Promises
from bargaining.equilibria.repeated._monitored.renamings import Renamings
from bargaining.equilibria.repeated._monitored.several import _around, _guided, _pulled
from bargaining.equilibria.repeated._monitored.solid import Solid
from bargaining.equilibria.repeated.supporting_hyperplanes import _monitored, directions_of
from known_games import contributors
from public_programs import iterate


def exact_contributors(discount, leaving=None, chances=("1/5", "3/10", "1/2", "9/10")):
    return contributors(Fraction(3, 5), [*map(Fraction, chances)], discount, leaving)


@pytest.mark.dear("0.6-None-expected0", "0.8-None-expected1", "0.8-0.1-expected3")
@pytest.mark.parametrize(
    ("discount", "leaving", "expected"),
    [(0.6, None, [0, 0.7]), (0.8, None, [0, 0.7]), (0.6, 0.1, [0.1]), (0.8, 0.1, [0.1, 0.7])],
)
def test_three_contributors(discount, leaving, expected):
    """All contribute, or nobody: each is tempted by .4, the bad signal, one in ten, burns .1 x .4 / (.9 - .5)."""
    found = payoff_bounds(exact_contributors(discount, leaving), tolerance=1e-4)
    assert found.status is Status.OK
    assert found.gap <= 1e-4
    corners = sorted(found.inner.tolist())
    np.testing.assert_allclose(corners, [[each] * 3 for each in expected], atol=2e-4)
    assert found.contains([expected[-1] + 1e-3] * 3) is False
    np.testing.assert_allclose(found.threat, expected[0], atol=2e-4)


def blind(cut):
    """Return half-planes without what shows that they hold."""
    return cut._replace(multipliers=np.zeros_like(cut.multipliers))


@pytest.mark.parametrize(
    ("discount", "leaving"),
    [
        (Fraction(3, 5), None),
        pytest.param(Fraction(4, 5), None, marks=pytest.mark.slow),
        pytest.param(Fraction(4, 5), Fraction(1, 10), marks=pytest.mark.slow),
    ],
)
def test_both_sides_are_proved(discount, leaving):
    found = payoff_bounds(exact_contributors(discount, leaving), tolerance=1e-3)
    proof = certify(found, tolerance=2e-3)
    assert (proof.inner, proof.outer, proof.holds) == (True, True, True), proof.statement
    assert all(len(vertex) == 3 for vertex in proof.vertices)
    cut = found._found.cuts[-1]
    lower = found._found._replace(cuts=(*found._found.cuts[:-1], cut._replace(levels=cut.levels - 0.05)))
    # No nearer than the truth:
    assert certify(replace(found, _found=lower), tolerance=2e-3).bound > 0.99 * proof.bound
    cuts = tuple(  # with the rounds before, which may prove as much
        blind(each)._replace(way=tuple(map(blind, each.way))) for each in found._found.cuts
    )
    assert not certify(replace(found, _found=found._found._replace(cuts=cuts)), tolerance=2e-3).holds
    play = found._found.inner
    slipped = replace(play, owners=np.where(play.owners == 7, 6, play.owners))
    assert not certify(replace(found, _found=found._found._replace(inner=slipped)), tolerance=2e-3).holds


def test_leaving_alone_is_proved_where_profiles_go_one_after_the_other():
    """Multipliers that show the last profile out of play were good for larger levels than those they led to."""
    found = payoff_bounds(exact_contributors(Fraction(3, 5), Fraction(1, 10)), tolerance=1e-3)
    proof = certify(found, tolerance=1e-6)
    assert proof.holds, proof.statement
    assert proof.vertices == ((Fraction(1, 10),) * 3,)
    first = found._found.cuts[0]
    blind = first._replace(rays=np.zeros_like(first.rays))
    assert not certify(
        replace(found, _found=found._found._replace(cuts=(blind, *found._found.cuts[1:])))
    ).holds


def test_no_equilibrium_is_said_and_proved():
    """Three match pennies round: in pure actions somebody always moves, and nothing is seen."""
    side = np.indices((2, 2, 2))
    wins = [np.where(side[i] == side[(i + 1) % 3], 1, -1) for i in (0, 1)] + [
        np.where(side[2] != side[0], 1, -1)
    ]
    game = Game(*wins)
    found = payoff_bounds(RepeatedGame(game, 0.8, monitoring=Monitoring.none(game)))
    assert found.status is Status.EMPTY
    assert certify(found).holds


def test_outlines_that_a_solver_does_not_find(monkeypatch):
    """HiGHS gives up on some segments, for which the box holds, and on levels that have fallen beyond floats."""
    levels, normals = np.array([1.0, 0.5, 0.5, 0.0, -0.5, -0.5]), np.vstack([np.eye(3), -np.eye(3)])
    assert Solid.of(normals, np.full(6, -5e48)) is None
    assert np.ptp(Solid.of(normals, levels).corners, axis=0).round(5).tolist() == [1, 0, 0]
    monkeypatch.setattr("scipy.optimize.linprog", lambda *_, **__: SimpleNamespace(x=None))
    assert np.ptp(Solid.of(normals, levels).corners, axis=0).tolist() == [1, 0, 0]


@pytest.mark.parametrize("seed", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in range(2, 30))])
def test_a_plain_iteration_agrees(seed):
    """Linear programs of scipy in the axes and diagonals, half of the games with the right to leave."""
    rng = np.random.default_rng(seed)
    payoffs = rng.integers(-3, 4, (2, 2, 2, 3)).astype(float)
    chances = rng.dirichlet(np.ones(3), (2, 2, 2))
    discount, leaving = float(rng.choice([0.4, 0.6, 0.75])), (0.2, -0.3, 0.1) if seed % 2 else None
    repeated = RepeatedGame(
        Game(*np.moveaxis(payoffs, -1, 0)),
        discount,
        exit=None if leaving is None else Exit(leaving),
        monitoring=Monitoring(chances),
    )
    found = payoff_bounds(repeated, tolerance=1e-4, refinements=3)
    signs = np.indices((3, 3, 3)).reshape(3, -1).T - 1.0
    normals = signs[np.abs(signs).sum(axis=1) > 0]
    _, levels = iterate(payoffs, chances, discount, leaving=leaving, directions=normals, tolerance=1e-6)
    if levels is None:
        assert found.status is Status.EMPTY
        return
    scale = np.ptp(payoffs.reshape(-1, 3), axis=0).max()
    assert not len(found.inner) or (found.inner @ normals.T <= levels + 1e-6 * scale).all()
    known = {
        tuple(np.round(row, 9)): level for row, level in zip(found.directions, found.levels, strict=True)
    }
    for normal, level in zip(normals, levels, strict=True):  # never farther out than the plain program's
        length = np.linalg.norm(normal)
        ours = known.get(tuple(np.round(normal / length, 9)))
        assert ours is None or ours * length <= level + 1e-5 * scale


@pytest.mark.slow
def test_signals_that_show_the_actions_give_the_bounds_of_seen_actions():
    """The programs of signals against those of threats, three players."""
    rng = np.random.default_rng(4)
    game = Game(*rng.integers(0, 9, (3, 2, 2, 2)).astype(float))
    seen = payoff_bounds(RepeatedGame(game, 0.5))
    shown = _monitored(
        RepeatedGame(game, 0.5, monitoring=Monitoring.perfect(game)), None, 4, 1e-6, Effort.of(None, None)
    )
    assert len(seen.inner)
    assert len(shown.inner)
    assert (shown.inner @ seen.directions.T <= seen.levels + 1e-6).all()
    assert (seen.inner @ shown.directions.T <= shown.levels + 1e-6).all()
    assert shown.gap < 1e-4


def test_two_players_agree_with_the_payoff_set():
    partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])
    repeated = RepeatedGame(partners, 0.8, monitoring=report)
    bounds, found = payoff_bounds(repeated, tolerance=1e-3), payoff_set(repeated, tolerance=1e-4)
    assert bounds.status is Status.OK
    assert (found.vertices @ bounds.directions.T <= bounds.levels + 1e-9).all()
    assert Hull(bounds.inner).outside(found.outer).max() < 1e-3 * 4


@pytest.mark.parametrize("leaving", [None, pytest.param(Fraction(1, 10), marks=pytest.mark.slow)])
def test_strategies_of_three_players_have_no_regret(leaving):
    """Values and incentives recomputed from the table of the automaton alone, in rationals."""
    repeated = exact_contributors(Fraction(4, 5), leaving)
    found = payoff_bounds(repeated, tolerance=1e-2)
    play = found.strategy([0.35] * 3, tolerance=1e-3)
    assert play.regret == 0
    assert np.abs(play.payoffs - 0.35).max() < 1e-3
    d, p, g = Fraction(4, 5), repeated.monitoring.exact, repeated.game.exact
    played = [state for state in play.states if state.profile is not None]
    assert {state.profile for state in played} >= {(1, 1, 1)}
    for state in played:
        for i in range(3):
            later = np.array(
                [sum(s * play.states[n].payoffs[i] for n, s in after) for after in state.following]
            )
            worth = (1 - d) * g[state.profile][i] + d * (p[state.profile] @ later)
            assert worth == state.payoffs[i]
            other = tuple(1 - a if k == i else a for k, a in enumerate(state.profile))
            assert (1 - d) * g[other][i] + d * (p[other] @ later) <= worth
            assert leaving is None or worth >= leaving
    history = play.simulate(20, 1)
    assert history.payoffs.shape == (20, 3)


def test_a_point_within_a_solid_set_is_attained_exactly():
    """Nothing is seen: the mixtures of four stage equilibria, which two players must leave to reach another one."""
    side = np.indices((2, 2, 2))
    odd = side.sum(axis=0) % 2 == 1
    game = Game(*(np.where(odd, -1, 3 * (1 - side[k]) * (side.sum(axis=0) > 0)) for k in range(3)))
    found = payoff_bounds(
        RepeatedGame(game, Fraction(1, 2), monitoring=Monitoring.none(game)), tolerance=1e-3
    )
    point = [Fraction(1, 2), Fraction(3, 4), Fraction(1, 3)]
    play = found.strategy(point)
    assert play.regret == 0
    for i in range(3):
        assert sum(share * play.states[k].payoffs[i] for k, share in play.start) == point[i]


def test_strategies_are_refused_where_there_are_none():
    repeated = exact_contributors(Fraction(3, 5))
    found = payoff_bounds(repeated, tolerance=1e-2)
    with pytest.raises(InvalidInput, match="outside"):
        found.strategy([0.5, 0.1, 0.1])
    with pytest.raises(InvalidInput, match="3 entries"):
        found.strategy([0.5, 0.1])
    with pytest.raises(NotApplicable, match="two players"):
        payoff_bounds(RepeatedGame(repeated.game, 0.8)).strategy([0, 0, 0])


def renamed(seed):
    """Return a game of three in which all take the next one's place, and so do signals; some also swap actions."""
    rng = np.random.default_rng(seed)
    payoffs, chances = rng.integers(0, 9, (2, 2, 2, 3)), rng.choice([1, 50], (2, 2, 2, 3))
    swapped, after = rng.integers(0, 2, 3), np.array([1, 2, 0])
    here = np.indices((2, 2, 2))
    there = np.empty_like(here)
    there[after] = here ^ swapped[:, None, None, None]
    every = [np.zeros((2, 2, 2, 3)), np.zeros((2, 2, 2, 3))]
    for _ in range(6):
        for total, one in zip(every, (payoffs, chances), strict=True):
            total += one
        images = np.empty_like(payoffs), np.empty_like(chances)
        for image, one in zip(images, (payoffs, chances), strict=True):
            image[tuple(there)] = one[..., np.argsort(after)]
        payoffs, chances = images
    signals = Monitoring(every[1] / every[1].sum(axis=-1, keepdims=True))
    return RepeatedGame(Game(*np.moveaxis(every[0], -1, 0)), 0.9, monitoring=signals)


@pytest.mark.parametrize(
    ("repeated", "count"),
    [
        (exact_contributors(0.8, None, ("1/10", "3/10", "3/5", "9/10")), 6),
        (exact_contributors(0.8, 0.05, ("1/10", "3/10", "3/5", "9/10")), 6),
        *((renamed(seed), 3) for seed in (0, 2, 3)),
    ],
)
def test_symmetries_change_no_level(repeated, count):
    """With programs for one direction of each orbit and for all; what images of points promise generates them."""
    data = Data.of(repeated)
    renamings = Renamings.of(repeated, data.programs)
    assert len(renamings.rows) == count
    ends = np.array([leave.payoffs for leave in data.leaves]).reshape(-1, 3)
    given = directions_of([[1, 0.3, -0.5], [-1, -0.2, 0.6]], data.size)
    one = _around(data, ends, given, True, renamings)
    every = _around(data, ends, one.directions[6:], True, None)
    for _ in range(2):
        assert len(one.levels) == len(every.levels)
        assert one.shrink(10**6)
        assert every.shrink(10**6)
        np.testing.assert_allclose(one.reach(every.directions), every.levels, atol=1e-10)
        pairs = np.indices(one.multipliers.shape[:2]).reshape(2, -1)
        functions = functions_of(one.programs, one.outline, one.directions, *pairs, one.multipliers)
        best = functions.at(one.levels)[functions.largest(functions.at(one.levels))]
        assert (best <= one.levels + 1e-10).all()  # the multipliers of images bound their levels, too
        chosen = one.orbits.chosen
        there = one.renamings.completed(Promises(*one.touching(one.directions[chosen], chosen)))
        played = there.owners >= 0
        owners, later = there.owners[played], there.continuations[played]
        np.testing.assert_allclose(there.points[played], one.programs.payoffs(owners, later), atol=1e-12)
        assert one.programs.excess(owners, later).max() <= 1e-9
        one.extend(np.array([[0.36, 0.48, 0.8], [0.36, 0.48, 0.8], [0.8, 0.36, 0.48]]))
        every.extend(one.directions[len(every.levels) :])


def test_directions_of_continuations_move_half_spaces_in():
    """Pulls of the profiles that determine levels help more than the normals of touching points alone."""
    repeated = exact_contributors(0.9, None, ("1/10", "3/10", "3/5", "9/10"))
    data = Data.of(repeated)
    renamings = Renamings.of(repeated, data.programs)
    highest = []
    for with_pulls in (True, False):
        outer = _around(data, np.empty((0, 3)), directions_of(None, data.size), True, renamings)
        for _ in range(3):
            outer.shrink(10**6, 1e-6)
            chosen = outer.orbits.chosen
            there = renamings.completed(Promises(*outer.touching(outer.directions[chosen], chosen)))
            touched = Hull(there.points)
            new, _ = _pulled(outer, touched)
            new = np.vstack([fresh(outer, [touched], renamings.group), new[: with_pulls * len(new)]])
            outer.extend(unknown(outer, new))
        outer.shrink(10**6, 1e-6)
        highest.append(outer.levels[0])
    assert highest[0] < highest[1] - 1e-3


def test_directions_are_sums_of_normals_that_meet_in_a_corner():
    """Also where many half-spaces meet: the one whose corner is found first may be another's."""
    rng = np.random.default_rng(0)
    for n in (3, 4):
        normals = rng.normal(size=(300, n))
        normals = np.vstack([np.eye(n), -np.eye(n), normals / np.linalg.norm(normals, axis=1)[:, None]])
        points = rng.normal(size=(60, n))
        levels = (points @ normals.T).max(axis=0)  # through a point each: many meet there
        solid = Solid.of(normals, levels)
        pulls = np.vstack([normals, rng.normal(size=(500, n)), normals[:-1] + normals[1:]])
        weights, faces = solid.supports(pulls)
        np.testing.assert_allclose((weights[..., None] * normals[faces]).sum(axis=1), pulls, atol=1e-12)
        np.testing.assert_allclose(
            (weights * levels[faces]).sum(axis=1), (pulls @ solid.corners.T).max(axis=1), atol=1e-12
        )


def test_half_spaces_are_chosen_next_to_a_set():
    """They lie as far in as others that take more programs, and hold two payoffs known by hand.

    Nobody contributes, or all do until a bad signal, which burns .1 x .4 / (.9 - .6) of .8.
    """
    repeated = exact_contributors(0.9, None, ("1/10", "3/10", "3/5", "9/10"))
    data = Data.of(repeated)
    renamings = Renamings.of(repeated, data.programs)
    inside = (np.array([[0.0] * 3, [2 / 3] * 3]) - data.low) / data.size
    outer = _around(data, np.empty((0, 3)), directions_of(None, data.size), True, renamings)
    kept = []
    for _ in range(4):
        outer.shrink(10**6, 1e-6)
        chosen = outer.orbits.chosen
        touched = Hull(
            renamings.completed(Promises(*outer.touching(outer.directions[chosen], chosen))).points
        )
        kept.append((copy.copy(outer), touched))
        new = np.vstack([fresh(outer, [touched], renamings.group), _pulled(outer, touched)[0]])
        outer.extend(unknown(outer, new))
    outer.shrink(10**6, 1e-6)
    (guided, _), (_, near) = kept[1], kept[-1]
    before = guided.levels[0]
    _guided(guided, near, 0.003, 10**6)
    guided.shrink(10**6, 1e-6)
    assert guided.solved < 0.8 * outer.solved
    assert guided.levels[0] < outer.levels[0] + 5e-4 < before - 0.01
    # Next to a set that is far too small they are moved out to where their multipliers prove them.
    coarse, touched = kept[0]
    small = Hull(touched.points.mean(axis=0) + 0.3 * (touched.points - touched.points.mean(axis=0)))
    below = coarse.around(small.points, 1e-5)
    assert (below.levels < (below.directions @ inside.T).max(axis=1)).any()
    _guided(coarse, small, 0.03, 10**6)
    for found in (outer, guided, coarse):
        assert (found.levels >= (found.directions @ inside.T).max(axis=1)).all()
