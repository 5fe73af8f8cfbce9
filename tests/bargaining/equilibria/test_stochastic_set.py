"""Payoff sets of stochastic games: printed numbers, the repeated game, an oracle in 96-bit arithmetic, edge cases."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key, reduce
from itertools import pairwise, product

import numpy as np
import pytest

from bargaining.equilibria._affine import Effort
from bargaining.equilibria.payoff_set import payoff_set
from bargaining.equilibria.sets.answer import solved
from bargaining.equilibria.stochastic.payoff_sets import stochastic_payoff_sets
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.exact.certify import certify
from bargaining.games.normal_form import Game
from bargaining.games.repeated import Exit, RepeatedGame
from bargaining.games.stochastic import StochasticGame
from drawn_games import KINDS, stochastic_game
from known_games import PENNIES, PRISONERS, THREE
from polygons import ONE, Leaving, Points, convex, fixed, floats, hausdorff, part_above, turn
from seeds import seeds

# -- printed numbers -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """Prisoners in two states L and H, which move whatever they do, and what both get if anybody leaves."""

    name: str
    discount: float
    chain: list[list[float]]
    exits: tuple[tuple[float, float], tuple[float, float]]
    low: list[tuple[float, float]]
    high: list[tuple[float, float]]


CASES = [
    Case(
        "an option that comes and goes",
        0.6,
        [[0.9, 0.1], [0.2, 0.8]],
        ((0, 0), (5, 2)),
        [(0, 0), (9.96, 1.32), (9, 9), (1.5217391, 9.9347826)],
        [(5, 2), (9.855, 2.16), (9, 9), (5, 9.5)],
    ),
    Case(
        "an option that strengthens for good",
        0.3,
        [[0.9, 0.1], [0, 1]],
        ((1, 1), (8, 3)),
        [(1, 1), (9.7455822, 2.46), (8.9589041, 8.7534247), (2.61, 9.5470377)],
        [(8, 3)],
    ),
    Case(
        "the same without patience",
        0.12,
        [[0.9, 0.1], [0, 1]],
        ((1, 1), (8, 3)),
        [(1, 1), (3.0672646, 3)],
        [(8, 3)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_printed_vertices(case: Case) -> None:
    game = StochasticGame.from_chain(
        PRISONERS, case.chain, case.discount, exit=[Exit(o) for o in case.exits], states=["L", "H"]
    )
    found = stochastic_payoff_sets(game)
    assert found.ok
    for name, expected, leave in (("L", case.low, case.exits[0]), ("H", case.high, case.exits[1])):
        np.testing.assert_allclose(found[name].vertices, expected, rtol=0, atol=6e-8)
        assert found[name].threat.tolist() == list(leave)
        assert found[name].vertices[0].tolist() == list(leave)


# -- the repeated game is the case of states that are alike --------------------------------------------------


def random_stage(rng: np.random.Generator, shape: tuple[int, int], *, whole: bool) -> np.ndarray:
    return rng.integers(-3, 8, (2, *shape)) if whole else rng.random((2, *shape)) * 10


def check_against_repeated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stage = Game(*random_stage(rng, [(2, 2), (3, 3), (2, 3)][seed % 3], whole=seed % 4 == 1))
    leave = [None, Exit(rng.random(2) * 8), Exit(rng.random(2) * 8, who=[seed // 3 % 2])][seed // 2 % 3]
    discount = [0.2, 0.5, 0.7, 0.9][seed % 4]
    chain = [rng.dirichlet(np.ones(2), stage.shape) for _ in range(2)]
    alike = StochasticGame([stage, stage], chain, discount, exit=leave)
    expected = payoff_set(RepeatedGame(stage, discount, exit=leave))
    for some in stochastic_payoff_sets(alike).values():
        assert some.status is expected.status
        assert hausdorff(some.vertices, expected.vertices) < 1e-10


@pytest.mark.parametrize("block", seeds(5, 10))
def test_states_that_are_alike_give_the_repeated_game(block: int) -> None:
    for seed in range(10 * block, 10 * block + 10):
        check_against_repeated(seed)


def in_general(game: StochasticGame) -> list[np.ndarray]:
    """The vertices by the general solver, also for a game of one state."""
    return [state["vertices"] for state in solved(game, Effort())[0]]


@pytest.mark.dear("discounts0")
@pytest.mark.parametrize("discounts", [[0.5, 0.8], [0, 0.6]])
def test_every_path_solves_the_repeated_game_with_unequal_patience(discounts: list[float]) -> None:
    for stage in (PRISONERS, THREE):
        repeated = RepeatedGame(stage, discounts)
        (vertices,) = in_general(StochasticGame.from_repeated(repeated))
        assert hausdorff(vertices, payoff_set(repeated).vertices) < 1e-7


# -- the oracle: every profile, every continuation, in integers over 2^96, from the box of payoffs ------------


def add(one: Points, other: Points) -> Points:
    """Merge the edges by angle, from the lowest of the leftmost points."""
    x, y = one[0][0] + other[0][0], one[0][1] + other[0][1]
    edges = _edges(one) + _edges(other)
    edges.sort(key=cmp_to_key(lambda d, e: _half(d) - _half(e) or e[0] * d[1] - e[1] * d[0]))
    out = [(x, y)]
    for dx, dy in edges:
        x, y = x + dx, y + dy
        out.append((x, y))
    return convex(out)


def _edges(polygon: Points) -> Points:
    closed = [*polygon, polygon[0]]
    return [(q[0] - p[0], q[1] - p[1]) for p, q in pairwise(closed)] if len(polygon) > 1 else []


def _half(edge: tuple[int, int]) -> int:
    return 0 if edge[0] > 0 or (edge[0] == 0 and edge[1] > 0) else 1


def times(shares: tuple[Fraction, Fraction], polygon: Points) -> Points:
    (n, d), (m, e) = ((share.numerator, share.denominator) for share in shares)
    return [(x * n // d, y * m // e) for x, y in polygon]


def thin(polygon: Points) -> Points:
    """Drop vertices that lie between their neighbours, less than 3e-14 units from the chord."""
    kept: Points = []
    for k, p in enumerate(polygon):
        before, after = kept[-1] if kept else polygon[-1], polygon[(k + 1) % len(polygon)]
        to, on = (p[0] - before[0], p[1] - before[1]), (after[0] - p[0], after[1] - p[1])
        wide = abs(after[0] - before[0]) + abs(after[1] - before[1])
        between = to[0] * on[0] + to[1] * on[1] >= 0
        if len(polygon) < 3 or not between or turn(before, p, after) > wide * (ONE >> 45):
            kept.append(p)
    return kept


@dataclass(frozen=True)
class Plain:
    """A two-player game as lists."""

    stages: list[list[list[tuple[Fraction, Fraction]]]]
    chain: list[list[list[list[Fraction]]]]
    discounts: tuple[Fraction, Fraction]
    exits: list[Leaving | None]

    @classmethod
    def of(cls, game: StochasticGame) -> "Plain":
        stages = [[[tuple(g) for g in row] for row in stage.exact.tolist()] for stage in game.games]
        chain = [game.exact_transition(s).tolist() for s in range(len(game))]
        return cls(
            stages, chain, tuple(game.exact_discounts.tolist()), [Leaving.of(leave) for leave in game.exits]
        )

    def solve(self) -> list[np.ndarray]:
        """Apply the operator to the box of all payoffs until it stands still, at whatever rate that happens."""
        every = [g for stage in self.stages for row in stage for g in row]
        every += [tuple(row) for leave in self.exits if leave for row in leave.table]
        (left, bottom), (right, top) = (
            [fixed(pick(g[i] for g in every)) for i in (0, 1)] for pick in (min, max)
        )
        sets = [[(left, bottom), (right, bottom), (right, top), (left, top)] for _ in self.stages]
        before = list(map(floats, sets))
        for step in range(1, 2000):
            image = [self.apply(s, sets) for s in range(len(self.stages))]
            still, sets = image == sets, image
            if step % 20 == 0:
                here = list(map(floats, sets))
                still = still or max(map(hausdorff, here, before)) < 1e-13
                before = here
            if still:
                return list(map(floats, sets))
        raise AssertionError("the oracle does not stand still")

    def apply(self, s: int, sets: list[Points]) -> Points:
        stage, leave = self.stages[s], self.exits[s]
        stay = [
            self._values(s, profile, sets) for profile in product(range(len(stage)), range(len(stage[0])))
        ]
        least = [min((v[k] for values in stay for v in values), default=ONE * 10**9) for k in (0, 1)]
        out: Points = []
        for values in stay:
            for k in leave.who if leave else ():
                values = part_above(values, k, fixed(leave.table[k][k]))
            out += values
        return thin(convex(out + (leave.points(least) if leave else [])))

    def _values(self, s: int, profile: tuple[int, int], sets: list[Points]) -> Points:
        """What a profile gives if nobody gains by a deviation, with every continuation."""
        a, b = profile
        parts = [times((p, p), sets[k]) for k, p in enumerate(self.chain[s][a][b]) if p]
        if not all(parts):
            return []
        now = [fixed((1 - d) * x) for d, x in zip(self.discounts, self.stages[s][a][b], strict=True)]
        after = times(self.discounts, reduce(add, map(convex, parts)))
        values = convex([(now[0] + x, now[1] + y) for x, y in after])
        for i, others in enumerate((self.stages[s], self.stages[s][0])):
            replies = [(k, b) if i == 0 else (a, k) for k in range(len(others))]
            worth = [self._punished(s, reply, i, sets) for reply in replies]
            values = [] if None in worth else convex(part_above(values, i, max(worth)))
        return values

    def _punished(self, s: int, profile: tuple[int, int], i: int, sets: list[Points]) -> int | None:
        """What a deviation to this profile gives, with the lowest payoffs to follow."""
        a, b = profile
        total = fixed((1 - self.discounts[i]) * self.stages[s][a][b][i])
        for k, p in enumerate(self.chain[s][a][b]):
            if p and not sets[k]:
                return None
            if p:
                share = self.discounts[i] * p
                total += min(v[i] for v in sets[k]) * share.numerator // share.denominator
        return total


def check_against_oracle(seed: int, kind: str, *, unequal: bool = False, tol: float = 1e-9) -> None:
    game = stochastic_game(seed, kind, unequal=unequal)
    found = payoff_set(game)
    scale = max(np.ptp(stage.payoffs) for stage in game.games)
    for some, expected in zip(found.values(), Plain.of(game).solve(), strict=True):
        assert some.status in (Status.OK, Status.EMPTY)
        assert (some.status is Status.EMPTY) == (not len(expected))
        assert hausdorff(some.vertices, expected) < tol * scale


@pytest.mark.dear("1-by leaver", "1-two-sided")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", seeds(2, 5))
def test_random_games_agree_with_the_oracle(seed: int, kind: str) -> None:
    check_against_oracle(seed, kind)


@pytest.mark.parametrize("block", seeds(4, 20))
def test_a_leaver_alone_beside_a_state_without_equilibrium_agrees_with_the_oracle(block: int) -> None:
    """No profile from which a deviation leads to matching pennies can follow a player who stayed."""
    for seed in range(10 * block, 10 * block + 10):
        rng = np.random.default_rng(seed)
        shape = tuple(rng.integers(2, 4, 2))
        stage, gone = Game(*rng.integers(-2, 9, (2, *shape))), np.full(shape, Fraction(0), dtype=object)
        for _ in range(rng.integers(1, 3)):
            gone[tuple(rng.integers(shape))] = Fraction(1)
        leave = Exit(rng.integers(-2, 9, 2), who=[rng.integers(2)])
        chain, discount = [np.stack([1 - gone, gone], axis=-1), [0, 1]], Fraction(int(rng.integers(3, 8)), 10)
        game = StochasticGame([stage, PENNIES], chain, discount, exit=[leave, None])
        found, expected = payoff_set(game).at(0), Plain.of(game).solve()[0]
        assert found.status is (Status.OK if len(expected) else Status.EMPTY)
        assert not len(expected) or hausdorff(found.vertices, expected) < 1e-9 * np.ptp(stage.payoffs)


@pytest.mark.parametrize("seed", [4, 6])
def test_unequal_patience_agrees_with_the_oracle(seed: int) -> None:
    check_against_oracle(seed, "none", unequal=True, tol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(5, 105))
def test_four_hundred_random_games(seed: int, kind: str) -> None:
    check_against_oracle(seed, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10))
def test_many_unequal_patiences(seed: int, kind: str) -> None:
    check_against_oracle(seed, kind, unequal=True, tol=1e-8)


def check_patient(seed: int, kind: str, discount: Fraction, *, oracle: bool) -> None:
    """Compare with the oracle, or else with one application of its operator to what was found."""
    game = stochastic_game(seed, kind).with_discounts(discount)
    plain, found = Plain.of(game), payoff_set(game)
    scale = max(np.ptp(stage.payoffs) for stage in game.games)
    assert all(some.status in (Status.OK, Status.EMPTY) for some in found.values())
    sets = [[(fixed(x), fixed(y)) for x, y in some.vertices.tolist()] for some in found.values()]
    image = plain.solve() if oracle else [floats(plain.apply(s, sets)) for s in range(len(game))]
    for some, other in zip(found.values(), image, strict=True):
        assert hausdorff(some.vertices, other) < 1e-10 * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 2, 3])
def test_very_patient_players(seed: int, kind: str) -> None:
    check_patient(seed, kind, Fraction(999, 1000), oracle=False)


@pytest.mark.slow
@pytest.mark.parametrize("discount", ["0.9", "0.99", "0.999"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(30))
def test_many_very_patient_players(seed: int, kind: str, discount: str) -> None:
    check_patient(seed, kind, Fraction(discount), oracle=False)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10))
def test_patient_players_against_the_oracle(seed: int, kind: str) -> None:
    check_patient(seed, kind, Fraction(9, 10), oracle=True)


# -- shapes, limits, units -----------------------------------------------------------------------------------


def test_two_zero_sum_games_without_a_saddle_point_have_no_equilibrium() -> None:
    found = stochastic_payoff_sets(StochasticGame.from_chain(PENNIES, [[0.5, 0.5], [0.5, 0.5]], 0.9))
    assert [some.status for some in found.values()] == [Status.EMPTY, Status.EMPTY]
    assert not found.ok
    assert np.isnan(found.threats).all()
    assert "No profile of pure actions" in found["0"].reason
    with pytest.raises(NotApplicable, match="no equilibrium"):
        found["0"].problem()


def test_a_state_without_equilibrium_empties_those_that_lead_to_it() -> None:
    sure, away = [[0, 1, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 1]
    games, names = [PRISONERS, PENNIES, PRISONERS], ["before", "pennies", "apart"]
    found = stochastic_payoff_sets(StochasticGame(games, sure, 0.9, states=names))
    assert [some.status for some in found.values()] == [Status.EMPTY, Status.EMPTY, Status.OK]
    assert "leads to state pennies" in found["before"].reason
    np.testing.assert_allclose(found["apart"].vertices, [[3, 3], [9.75, 3], [9, 9], [3, 9.75]])
    rescued = StochasticGame(
        games, [sure[0], away, sure[2]], 0.9, states=names, exit=[None, Exit([12, 12]), None]
    )
    assert stochastic_payoff_sets(rescued)["pennies"].vertices.tolist() == [[12, 12]]


@pytest.mark.parametrize("discount", [0.1, Fraction(1, 7), 0.5, 0.9])
def test_a_state_without_equilibrium_leaves_those_that_keep_out_of_it_alone(discount: float) -> None:
    games, chain = [PRISONERS, PRISONERS, PENNIES], [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]
    found = stochastic_payoff_sets(StochasticGame(games, chain, discount))
    expected = payoff_set(RepeatedGame(PRISONERS, discount)).vertices
    for s in (0, 1):
        np.testing.assert_allclose(found.at(s).vertices, expected, atol=1e-9)
    assert found.at(2).status is Status.EMPTY
    for state in (-1, 3, "now"):
        with pytest.raises(InvalidInput, match="`state` must be a state, 0 to 2; got"):
            found.at(state)  # type: ignore[arg-type]


def test_where_only_leaving_is_left_the_set_is_one_point() -> None:
    chain = [[0.5, 0.5], [0.5, 0.5]]
    found = stochastic_payoff_sets(
        StochasticGame.from_chain(PRISONERS, chain, 0.9, exit=[Exit([20, 20]), Exit([19, 19.5])])
    )
    assert [some.vertices.tolist() for some in found.values()] == [[[20, 20]], [[19, 19.5]]]


def test_a_segment() -> None:
    common = Game([[2, 0], [0, 1]], [[2, 0], [0, 1]])
    found = stochastic_payoff_sets(StochasticGame.from_chain(common, [[0.7, 0.3], [0.4, 0.6]], 0.8))
    expected = payoff_set(RepeatedGame(common, 0.8)).vertices
    assert len(expected) == 2
    for some in found.values():
        np.testing.assert_allclose(some.vertices, expected, atol=1e-12)


def test_one_action_each_is_a_chain_of_payoffs() -> None:
    rows, discount = np.array([[0.7, 0.3], [0.2, 0.8]]), 0.9
    payoffs = np.array([[1.0, 5.0], [4.0, -2.0]])
    game = StochasticGame([g.reshape(1, 1, 2) for g in payoffs], list(rows), discount)
    worth = np.linalg.solve(np.eye(2) - discount * rows, (1 - discount) * payoffs)
    found = stochastic_payoff_sets(game)
    for some, value in zip(found.values(), worth, strict=True):
        np.testing.assert_allclose(some.vertices, [value], atol=1e-12)
        np.testing.assert_allclose(some.threat, value, atol=1e-12)


def test_players_who_do_not_care_play_equilibria_of_each_stage() -> None:
    other = Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    found = stochastic_payoff_sets(StochasticGame([PRISONERS, other], [[0.5, 0.5], [0.5, 0.5]], 0))
    assert [some.vertices.tolist() for some in found.values()] == [[[3, 3]], [[1, 1]]]


def test_a_state_nobody_enters_is_solved_too() -> None:
    game = StochasticGame([PRISONERS, PRISONERS], [[1, 0], [0.5, 0.5]], 0.9)
    assert game.unreachable == (1,)
    assert all(some.contains([9, 9]) for some in stochastic_payoff_sets(game).values())


@pytest.mark.parametrize(
    ("size", "shift"), [(1e-12, 3), (1e-6, 3), (1e6, 3), (1e12, 3), (1, 1e6), (1e-6, 1), (1e6, -1e12)]
)
@pytest.mark.parametrize(("kind", "seed"), [("two-sided", 2), ("one-sided", 7), ("by leaver", 3)])
def test_units_change_nothing(kind: str, seed: int, size: float, shift: float) -> None:
    game = stochastic_game(seed, kind)
    before = payoff_set(game)
    moved = StochasticGame(
        [stage.payoffs * size + shift for stage in game.games],
        [game.transition(s) for s in range(len(game))],
        game.discounts,
        exit=[
            None if leave is None else Exit.by_leaver(leave.payoffs * size + shift, who=leave.who)
            for leave in game.exits
        ],
    )
    after = payoff_set(moved)
    assert any(len(some.vertices) > 2 for some in before.values())
    lost = abs(shift / size) * 1e-15  # digits of the payoffs that the shift takes
    for one, other in zip(before.values(), after.values(), strict=True):
        assert one.status is other.status
        assert hausdorff(one.vertices, (other.vertices - shift) / size) < 1e-8 + 100 * lost


def test_relabelling_players_and_states_relabels_the_sets() -> None:
    game = stochastic_game(3, "two-sided")
    order = [2, 0, 1][: len(game)] if len(game) == 3 else [1, 0]
    turned = StochasticGame(
        [game.games[s].payoffs.swapaxes(0, 1)[..., ::-1] for s in order],
        [game.transition(s).swapaxes(0, 1)[..., order] for s in order],
        game.discounts,
        exit=[None if game.exits[s] is None else Exit(game.exits[s].own[::-1]) for s in order],
    )
    before, after = stochastic_payoff_sets(game), stochastic_payoff_sets(turned)
    for k, s in enumerate(order):
        assert hausdorff(before.at(s).vertices[:, ::-1][::-1], after.at(k).vertices) < 1e-9


def test_unequal_patience_goes_beyond_the_hull() -> None:
    game = StochasticGame.from_chain(PRISONERS, [[0.5, 0.5], [0.5, 0.5]], [0.5, 0.8])
    expected = payoff_set(RepeatedGame(PRISONERS, [0.5, 0.8])).vertices
    for some in stochastic_payoff_sets(game).values():
        assert hausdorff(some.vertices, expected) < 1e-7


def test_questions_to_a_set() -> None:
    game = StochasticGame.from_chain(PRISONERS, [[0.5, 0.5], [0.5, 0.5]], 0.9, states=["rain", "sun"])
    found = stochastic_payoff_sets(game)
    assert list(found) == ["rain", "sun"]
    assert found.at(1) is found["sun"]
    assert "snow" not in found
    assert found["rain"].excess([3, 2]) == pytest.approx(1)
    assert found["rain"].problem().disagreement.tolist() == [3, 3]
    with pytest.raises(KeyError):
        found["snow"]
    with pytest.raises(InvalidInput, match="one number per player"):
        found["rain"].contains([1, 2, 3])


def test_what_is_not_a_two_player_stochastic_game() -> None:
    with pytest.raises(InvalidInput, match="from_repeated"):
        stochastic_payoff_sets(RepeatedGame(PRISONERS, 0.9))  # type: ignore[arg-type]
    with pytest.raises(NotApplicable, match="two players; got 3"):
        stochastic_payoff_sets(StochasticGame([np.zeros((2, 2, 2, 3))], [[1]], 0.5))


@pytest.mark.parametrize("option", [None, (1, 0)])
def test_fractions_are_rounded_only_in_the_unit_box(option):
    """On a knife edge, which floats a millionth apart near 1 would miss; the exit opens in the second state."""
    own = [[-4, 0, 0, -3], [-1, -1, -1, 0], [1, -1, 4, 2], [-5, -3, -3, -1]]
    other = [[-2, -2, -4, 4], [3, 4, -2, 3], [1, -2, 4, -3], [3, 2, 1, -2]]

    def shifted(x):
        return 1 + Fraction(x, 10**6)

    def sets(change):
        game = Game([[change(x) for x in row] for row in own], other)
        exits = None if option is None else [None, Exit([change(option[0]), option[1]])]
        chain = [[Fraction(1, 2), Fraction(1, 2)], [0, 1]]
        return payoff_set(StochasticGame.from_chain(game, chain, Fraction(1, 5), exit=exits)).values()

    for there, here in zip(sets(shifted), sets(Fraction), strict=True):
        np.testing.assert_allclose((there.vertices - [1, 0]) * [1e6, 1], here.vertices, rtol=0, atol=1e-9)


@pytest.mark.dear("0-True-30000", "0-True-1", "1-True-1000", "1-True-1", "1-True-30000")
@pytest.mark.parametrize("budget", [1, 1000, 30_000])
@pytest.mark.parametrize("unequal", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_past_its_budget_a_search_gives_sets_that_hold_all_and_a_finite_bound(
    seed: int, unequal: bool, budget: int
) -> None:
    game = stochastic_game(seed, "two-sided", unequal=unequal)
    short, full = stochastic_payoff_sets(game, budget=budget), stochastic_payoff_sets(game)
    assert np.isfinite(short.stats.bound)
    for less, more in zip(short.sets, full.sets, strict=True):
        assert less.status is not Status.OK or short.stats.bound <= 1e-9
        assert max(map(less.excess, more.vertices), default=0.0) <= 1e-8 * more.scale
        assert "`budget` of" in less.reason or less.status is not Status.INACCURATE
    assert np.isfinite(certify(short, budget=1000).bound) or not all(
        len(some.vertices) for some in short.sets
    )


def test_a_tolerance_and_a_budget_reach_games_of_any_number_of_states() -> None:
    for game in (
        stochastic_game(0, "none"),
        StochasticGame.from_repeated(RepeatedGame(PRISONERS, (0.6, 0.7))),
    ):
        with pytest.raises(InvalidInput, match="`budget` must be a whole number"):
            stochastic_payoff_sets(game, budget=0)
        with pytest.raises(InvalidInput, match="`tolerance` must lie in"):
            stochastic_payoff_sets(game, tolerance=1e-20)
    assert stochastic_payoff_sets(game, budget=1).sets[0].status is Status.INACCURATE
    assert stochastic_payoff_sets(game, tolerance=1e-3).stats.bound <= 1e-3
