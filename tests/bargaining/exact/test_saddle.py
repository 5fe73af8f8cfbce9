"""Solutions of programs held by gradients: against optimality conditions solved to fifty digits."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from bargaining import ConvexProgram, Problem, certify, nash, utilitarian, yu
from bargaining.exact._programs import saddle as module
from bargaining.exact._programs.programs import Case
from bargaining.exact._programs.saddle import Saddle, Spot, localise
from bargaining.exact.certify import _claim
from known_sets import disc

D = (0.1, 0.2)


def exactly(x: mpmath.mpf) -> Fraction:
    sign, mantissa, exponent, _ = x._mpf_
    return Fraction(-int(mantissa) if sign else int(mantissa)) * Fraction(2) ** int(exponent)


@dataclass(frozen=True)
class Bowls:
    """Players lose by the weighted square of how far a decision is from what each likes best."""

    best: np.ndarray
    steep: np.ndarray
    d: np.ndarray
    weights: np.ndarray

    @classmethod
    def drawn(cls, seed: int, n: int, k: int) -> "Bowls":
        rng = np.random.default_rng([seed, n, k])
        weights = rng.uniform(0.2, 1, n)
        return cls(
            best=rng.uniform(0.2, 0.8, (n, k)),
            steep=rng.uniform(0.5, 2, (n, k)),
            d=-3 - rng.uniform(0, 2, n),
            weights=weights / weights.sum(),
        )

    def problem(self) -> Problem:
        k = self.best.shape[1]
        program = ConvexProgram(
            lambda z: -(self.steep * (z - self.best) ** 2).sum(axis=1),
            lambda z: -2 * self.steep * (z - self.best),
            lower=np.zeros(k),
            upper=np.ones(k),
        )
        return Problem(program, self.d)

    def payoffs(self, z: list) -> list:
        return [
            -sum(mpmath.mpf(c) * (x - mpmath.mpf(b)) ** 2 for c, x, b in zip(cs, z, bs, strict=True))
            for cs, bs in zip(self.steep.tolist(), self.best.tolist(), strict=True)
        ]

    def pull(self, prices: list, z: list) -> list:
        """The slope of the payoffs at these prices, along each decision."""
        return [
            sum(
                q * mpmath.mpf(c[j]) * (mpmath.mpf(b[j]) - z[j])
                for q, c, b in zip(prices, self.steep.tolist(), self.best.tolist(), strict=True)
            )
            for j in range(len(z))
        ]

    def solved(self, prices: Callable[[list], list]) -> list[Fraction]:
        """Payoffs where the slope at the prices that they mean is zero."""
        start = self.best.mean(axis=0).tolist()
        with mpmath.workdps(50):
            root = mpmath.findroot(lambda *z: self.pull(prices(self.payoffs(list(z))), list(z)), start)
            return [exactly(x) for x in self.payoffs(list(root))]

    def nash(self) -> list[Fraction]:
        w, d = self.weights.tolist(), self.d.tolist()
        total = sum(Fraction(v) for v in w)
        shares = [mpmath.mpf(v) for v in w]
        assert total > 0  # weights count up to a common factor
        return self.solved(lambda u: [s / (x - mpmath.mpf(f)) for s, x, f in zip(shares, u, d, strict=True)])

    def yu(self, p: float) -> list[Fraction]:
        """Everybody's ideal payoff is 0, at the own best decision."""
        return self.solved(lambda u: [(-x) ** (mpmath.mpf(p) - 1) for x in u])


def error(claimed: np.ndarray, true: list[Fraction], problem: Problem) -> float:
    gains = (problem.ideal - problem.disagreement).tolist()
    return max(float(abs(Fraction(x) - t)) / g for x, t, g in zip(claimed.tolist(), true, gains, strict=True))


@pytest.mark.dear("2-3", "3-2", "4-3")
@pytest.mark.parametrize(("n", "k"), [(2, 1), (2, 3), (3, 2), (4, 3)])
def test_nash_is_proved_to_rounding_and_nothing_else_is(n: int, k: int) -> None:
    bowls = Bowls.drawn(1, n, k)
    problem = bowls.problem()
    division, true = nash(problem, weights=bowls.weights), bowls.nash()
    proof = certify(division)
    assert proof.holds
    assert error(division.payoffs, true, problem) <= proof.bound
    for shift in (1e-12, 1e-5):
        moved = division.payoffs + shift * np.eye(n)[0]
        missed, bound = error(moved, true, problem), certify(replace(division, payoffs=moved)).bound
        assert missed <= bound <= missed + 2e-12


@pytest.mark.dear("2.0", "3.0")
@pytest.mark.parametrize("p", [1.5, 2.0, 3.0])
def test_yu_is_held_closely_wherever_the_claim_is(p: float) -> None:
    bowls = Bowls.drawn(2, 3, 3)
    problem = bowls.problem()
    division, true = yu(problem, p=p), bowls.yu(p)
    for shift in (0.0, 1e-6):
        claimed = np.array([float(x) for x in true]) + shift * np.eye(3)[1]
        missed = error(claimed, true, problem)
        assert missed <= certify(replace(division, payoffs=claimed)).bound <= missed + 1e-11


def circle(weights: tuple[float, float]) -> tuple[Case, list[Fraction]]:
    """The Nash solution on the unit circle above `D`: decision, prices and the constraint's multiplier, exactly."""
    division = nash(Problem(disc(), D), weights=weights)
    with mpmath.workdps(50):
        v, w = (mpmath.mpf(x) for x in weights)
        d, e = (mpmath.mpf(x) for x in D)
        t = mpmath.findroot(
            lambda t: w * mpmath.cos(t) * (mpmath.cos(t) - d) - v * mpmath.sin(t) * (mpmath.sin(t) - e), 0.8
        )
        x, y = mpmath.cos(t), mpmath.sin(t)
        found = [x, y, v / (x - d), w / (y - e), v / (x - d) / (2 * x)]
        return Case(_claim(division, (), 1e-12)), [exactly(c) for c in found]


def around(true: list[Fraction], radius: Fraction) -> list[tuple[Fraction, Fraction]]:
    return [(max(x - radius, Fraction(0)), x + radius) for x in true]


def spot_near(true: list[Fraction], off: float) -> Spot:
    near = [float(x) + off for x in true]
    return Spot(
        z=np.array(near[:2]),
        prices=tuple(Fraction(q) for q in near[2:4]),
        multipliers=tuple(Fraction(m) for m in near[4:]),
    )


def saddle_of(case: Case, weights: tuple[float, float], z: np.ndarray) -> Saddle:
    def marginal(player: int, price: Fraction) -> tuple[Fraction, Fraction]:
        found = -case.d[player] - Fraction(weights[player]) / price
        return found, found

    return Saddle(case.it, marginal, z)


@pytest.mark.dear("weights1-1e-05")
@pytest.mark.parametrize("off", [0.0, 1e-9, 1e-5])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.25, 0.75)])
def test_the_box_holds_the_saddle_point_and_is_small(off: float, weights: tuple[float, float]) -> None:
    case, true = circle(weights)
    spot = spot_near(true, off)
    box = localise(saddle_of(case, weights, spot.z), spot, around(true, Fraction(1, 4)))
    assert all(a <= x <= b for (a, b), x in zip(box, true, strict=True))
    assert max(float(b - a) for a, b in box) < 1e-11


def test_the_box_holds_the_saddle_point_whatever_the_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    case, true = circle((0.5, 0.5))
    rng = np.random.default_rng(0)

    def chooser(cuts: module.Cuts, reach: np.ndarray) -> Callable[[int, int], list[int]]:
        scale = module.SHARE / np.abs(cuts.steps)
        return lambda place, sign: [
            int(x) for x in rng.exponential(1, len(scale)) * scale * rng.integers(0, 2)
        ]

    monkeypatch.setattr(module, "_chooser", chooser)
    for off in (0.0, 1e-6, 1e-2):
        spot = spot_near(true, off)
        box = localise(saddle_of(case, (0.5, 0.5), spot.z), spot, around(true, Fraction(1, 4)))
        assert all(a <= x <= b for (a, b), x in zip(box, true, strict=True))


def test_the_inequality_holds_at_spots_drawn_at_random() -> None:
    """Minty's inequality itself: T(x) . (x* - x) <= 0 at feasible and infeasible x, near and far."""
    case, true = circle((0.5, 0.5))
    rng = np.random.default_rng(1)
    saddle = saddle_of(case, (0.5, 0.5), np.array([float(x) for x in true[:2]]))
    for size in (1e-12, 1e-6, 0.3):
        for _ in range(20):
            near = [abs(float(x) + size * v) for x, v in zip(true, rng.uniform(-1, 1, 5), strict=True)]
            spot = Spot(
                z=np.array(near[:2]),
                prices=tuple(Fraction(q) for q in near[2:4]),
                multipliers=(Fraction(near[4]),),
            )
            bounds = saddle.at(spot)
            assert bounds is not None
            moves = [t - x for t, x in zip(true, spot.coordinates(), strict=True)]
            assert sum(min(a * m, b * m) for (a, b), m in zip(bounds, moves, strict=True)) <= 0


def test_multipliers_are_bounded_by_what_is_strictly_inside() -> None:
    case, true = circle((0.5, 0.5))
    spot = spot_near(true, 0.0)
    prices = around(true[2:4], Fraction(1, 100))
    top = tuple(x + Fraction(1, 100) for x in true[:2])
    saddle = saddle_of(case, (0.5, 0.5), spot.z)
    ceilings = saddle.ceilings(spot, prices, top, case.d)
    assert ceilings is not None
    assert true[4] <= ceilings[0] <= 20 * true[4]
    assert saddle.ceilings(spot, prices, top, top) is None  # nobody can have that strictly inside


def test_without_a_strictly_feasible_decision_the_gap_is_what_is_proved() -> None:
    """One decision is fixed by two inequalities, whose multipliers have no bound."""
    fixed = ConvexProgram(
        lambda z: np.array([np.sqrt(1 + z[1]) + z[0], np.sqrt(2 - z[1]) + z[0]]),
        lambda z: np.array([[1, 0.5 / np.sqrt(1 + z[1])], [1, -0.5 / np.sqrt(2 - z[1])]]),
        lower=[0, 0],
        upper=[1, 1],
        matrix=[[1, 0], [-1, 0]],
        limits=[0.5, -0.5],
    )
    proof = certify(nash(Problem(fixed, [0, 0])))
    assert 1e-12 < proof.bound < 1e-6
    assert not proof.holds


@pytest.mark.parametrize("limit", [0.5, 0.5 + 1e-12, 0.5 - 1e-12, 0.4])
def test_a_constraint_that_hardly_binds_is_no_obstacle(limit: float) -> None:
    """Losses around 1/4 and 3/4 are shared at 1/2, or at the limit."""
    best = np.array([0.25, 0.75])
    program = ConvexProgram(
        lambda z: 1 - (z[0] - best) ** 2,
        lambda z: -2 * (z[0] - best)[:, None],
        lower=[0],
        upper=[1],
        matrix=[[1]],
        limits=[limit],
    )
    division = nash(Problem(program, [0, 0]))
    z = min(Fraction(1, 2), Fraction(limit))
    true = [1 - (z - Fraction(b)) ** 2 for b in best.tolist()]
    proof = certify(division)
    assert error(division.payoffs, true, division.problem) <= proof.bound < 1e-11


def test_a_sum_above_a_floor_is_priced_with_the_floor() -> None:
    case, _ = circle((0.5, 0.5))
    problem = Problem(case.claim.feasible, D).restrict()
    division = utilitarian(problem, weights=[0.02, 0.98])
    np.testing.assert_allclose(division.payoffs, [0.1, np.sqrt(0.99)], rtol=1e-12)
    assert certify(division).bound < 1e-12
    less = replace(division, payoffs=np.array([0.2, np.sqrt(0.96)]))
    missed = 0.02 * 0.1 + 0.98 * np.sqrt(0.99) - 0.02 * 0.2 - 0.98 * np.sqrt(0.96)
    gains = problem.ideal - problem.disagreement
    assert certify(less).bound >= missed / (np.array([0.02, 0.98]) @ gains) * (1 - 1e-9)


def test_the_sum_of_losses_is_bounded_on_a_circle() -> None:
    """The sum is largest at 45 degrees."""
    case, _ = circle((0.5, 0.5))
    problem = Problem(case.claim.feasible, D)
    gains, half = problem.ideal - problem.disagreement, np.sqrt(0.5)
    label = replace(nash(problem), method="yu", parameters={"p": 1.0})
    assert certify(replace(label, payoffs=np.array([half, half]))).bound < 1e-12
    other = np.array([0.6, 0.8])
    missed = (2 * half - other.sum()) / gains.sum()
    assert certify(replace(label, payoffs=other)).bound >= missed * (1 - 1e-9)


def three_with_an_idle_one() -> Problem:
    """Two share a circle; a third one's decision hurts nobody."""
    program = ConvexProgram(
        lambda z: z,
        lambda z: np.eye(3),
        lower=[0, 0, 0],
        upper=[2, 2, 1],
        constraints=lambda z: np.array([z[:2] @ z[:2] - 1]),
        constraint_jacobian=lambda z: np.array([[2 * z[0], 2 * z[1], 0]]),
    )
    return Problem(program, [0, 0, 0])


def test_where_somebody_loses_nothing_losses_are_what_is_certain() -> None:
    division = replace(nash(three_with_an_idle_one()), method="yu", parameters={"p": 2.0})
    point = np.array([np.sqrt(0.5), np.sqrt(0.5), 1.0])
    proof = certify(replace(division, payoffs=point))
    assert "losses" in proof.statement
    assert proof.bound < 1e-11
    turned = np.array([np.cos(np.pi / 4 + 1e-3), np.sin(np.pi / 4 + 1e-3), 1.0])
    missed = np.abs(turned - point).max()
    assert certify(replace(division, payoffs=turned)).bound == pytest.approx(missed, rel=1e-6)
    least = certify(replace(division, payoffs=point, method="yu", parameters={"p": 1.0}))
    assert least.bound < 1e-12
    assert certify(
        replace(division, payoffs=point - [0, 0, 0.03], method="yu", parameters={"p": 1.0})
    ).bound == pytest.approx(0.01, rel=1e-9)


@pytest.mark.dear("3")
@pytest.mark.parametrize("n", [2, 3])
def test_whoever_has_no_weight_gets_what_the_others_decide(n: int) -> None:
    """The others' best decision is a compromise among them, found to fifty digits, that gives the rest more than d."""
    drawn = Bowls.drawn(3, n + 1, 2)
    few = Bowls(best=drawn.best[:n], steep=drawn.steep[:n], d=drawn.d[:n], weights=drawn.weights[:n])
    problem, weights = drawn.problem(), np.append(few.weights / few.weights.sum(), 0.0)
    others = replace(few, weights=weights[:n])
    start, payoffs = others.best.mean(axis=0).tolist(), drawn.payoffs
    with mpmath.workdps(50):

        def slope(*z: mpmath.mpf) -> list:
            gains = zip(weights.tolist(), others.payoffs(list(z)), others.d.tolist(), strict=False)
            return others.pull([mpmath.mpf(w) / (x - mpmath.mpf(d)) for w, x, d in gains], list(z))

        true = [exactly(x) for x in payoffs(list(mpmath.findroot(slope, start)))]
    division = nash(problem, weights=weights)
    for shift in (0.0, 1e-9):
        claimed = np.array([float(x) for x in true]) - shift * np.eye(n + 1)[n]
        missed = error(claimed, true, problem)
        assert missed <= certify(replace(division, payoffs=claimed)).bound <= missed + 2e-12


@pytest.mark.dear("weights1")
@pytest.mark.parametrize("weights", [[0, 1], [1, 0]])
def test_whoever_has_no_weight_is_held_to_the_disagreement_where_that_binds(weights: list[int]) -> None:
    case, _ = circle((0.5, 0.5))
    problem = Problem(case.claim.feasible, D)
    division = nash(problem, weights=weights)
    best = problem.ideal[weights.index(1)]
    np.testing.assert_allclose(sorted(division.payoffs), sorted([D[weights.index(0)], best]), rtol=1e-12)
    assert certify(division).holds
    moved = division.payoffs + np.where(weights, 0.0, 1e-9)
    assert certify(replace(division, payoffs=moved)).bound > 1e-9


def test_what_the_others_leave_open_is_not_held() -> None:
    """Player 1 alone counts and does not mind the third decision, which is worth one to player 2."""
    division = nash(three_with_an_idle_one(), weights=[1, 0, 0])
    proof = certify(division)
    assert not proof.holds
    assert proof.bound >= 1 - 1e-9


def test_a_floor_that_binds_is_priced() -> None:
    """What players 0 and 1 get costs player 2 nine tenths of it. Without a floor player 2 would end below zero."""
    worth = np.array([[1, 0], [0, 1], [-0.9, -0.9]])
    program = ConvexProgram(
        lambda z: worth @ z + [0, 0, 1], lambda z: worth, lower=[0, 0], upper=[1, 1], start=[0.5, 0.5]
    )
    free = Problem(program, [0, 0, 0])
    label = replace(nash(free), method="yu", parameters={"p": 1.1})
    x = 1 / (1 + 1.8 * 0.9**10)  # (1 - x) / (1.8 x) = 0.9^(1 / 0.1)
    assert certify(replace(label, payoffs=np.array([x, x, 1 - 1.8 * x]))).bound < 1e-11
    held = replace(label, problem=free.restrict())
    point = np.array([5 / 9, 5 / 9, 0])
    assert certify(replace(held, payoffs=point)).bound < 1e-11
    moved = certify(replace(held, payoffs=point + 1e-6 * np.array([1, -1, 0])))
    assert 1e-6 <= moved.bound < 1.1e-6
