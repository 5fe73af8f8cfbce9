"""Derivatives of 100,000 weighted Nash splits, against their solution and against central differences as accurate."""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from scipy.differentiate import derivative

from bargaining import Frontier, Polytope, Problem, nash, sensitivity

CELLS = 100_000
RNG = np.random.default_rng(0)
SHARE = RNG.uniform(0.2, 0.8, CELLS)
D = RNG.uniform(0, 0.5, (CELLS, 2))
ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)

BARE = Frontier(lambda x: 4 - x**2, 0, 2)
STEEP = RNG.uniform(1, 2, 20_000)
CURVES = Frontier(lambda x: 4 - STEEP * x**2, 0, 2 / np.sqrt(STEEP), derivative=lambda x: -2 * STEEP * x)
BARE_CURVES = Frontier(lambda x: 4 - STEEP * x**2, 0, 2 / np.sqrt(STEEP))
SIDES = Polytope([[0, 0], [4, 0], [3.5, 1.5], [2, 3], [0, 3.6]])


def split(d: np.ndarray) -> object:
    return nash(Problem(ARC, d), weights=np.stack([SHARE, 1 - SHARE], axis=-1))


@pytest.mark.benchmark
def test_derivatives_of_many_splits(speedup: Callable[..., float]) -> None:
    answer = split(D)

    def differences() -> np.ndarray:
        """Return central differences of order 8 in both disagreement payoffs, from one window: 16 solutions."""
        found = []
        for j in (0, 1):
            moved = np.eye(2)[j]
            found.append(
                derivative(
                    lambda t, moved=moved: np.stack(
                        [split(D + s[:, None] * moved).payoffs[:, 0] for s in np.atleast_2d(t.T)], axis=-1
                    ).reshape(t.shape),
                    np.zeros(CELLS),
                    initial_step=0.05,
                    maxiter=1,
                    preserve_shape=True,
                ).df
            )
        return np.array(found)

    ours = sensitivity(answer, wrt="disagreement")
    a, d0 = SHARE, D[:, 0]
    # a (4 - x^2 - d1) = 2 (1 - a) x (x - d0), differentiated
    x = answer.payoffs[:, 0]
    exact = np.stack([2 * (1 - a) * x, -a]) / (2 * a * x + 2 * (1 - a) * (2 * x - d0))
    assert np.abs(ours.values[:, 0].T - exact).max() < 1e-12
    assert np.abs(differences() - exact).max() < 1e-12

    def solve() -> object:
        return split(D)

    def work() -> object:
        return sensitivity(answer, wrt="disagreement")

    assert speedup("derivatives, against the solution", work, solve, clock=process_time) > 1 / 3
    assert speedup("derivatives, against differences", work, differences, clock=process_time) > 5


@pytest.mark.benchmark
@pytest.mark.parametrize(
    "name",
    [
        "nash",
        "nash of curves",
        "weighted nash of curves",
        "kalai_smorodinsky",
        "kalai_smorodinsky of curves",
        "kalai_smorodinsky by values",
        "kalai_smorodinsky of curves by values",
        "kalai_smorodinsky at the ends of curves",
        "equal_loss",
        "equal_loss by values",
        "perles_maschler",
        "raiffa",
        "continuous_raiffa",
        "random proposer",
        "offers",
        "trade",
    ],
)
def test_a_batch_of_derivatives_takes_three_solutions_at_most(
    speedup: Callable[..., float], name: str
) -> None:
    from bargaining import (
        AlternatingOffers,
        RandomProposer,
        continuous_raiffa,
        equal_loss,
        kalai_smorodinsky,
        perles_maschler,
        raiffa,
    )
    from bargaining_models.parameters import load
    from bargaining_models.trade import TradeModel

    model = TradeModel.from_parameters(load())
    rates = model.tariffs({("USA", "CAN"): np.linspace(0, 0.3, 200)})
    some = Problem(ARC, D[:20_000])
    own = Problem(CURVES, D[:20_000])
    solve: Callable[[], object] = {
        "nash": lambda: nash(some),
        "nash of curves": lambda: nash(own),
        "weighted nash of curves": lambda: nash(own, weights=np.stack([SHARE, 1 - SHARE], axis=-1)[:20_000]),
        "kalai_smorodinsky of curves": lambda: kalai_smorodinsky(own),
        "kalai_smorodinsky by values": lambda: kalai_smorodinsky(Problem(BARE, some.disagreement)),
        "kalai_smorodinsky of curves by values": lambda: kalai_smorodinsky(
            Problem(BARE_CURVES, own.disagreement)
        ),
        "kalai_smorodinsky at the ends of curves": lambda: kalai_smorodinsky(Problem(CURVES, [0, 0])),
        "equal_loss by values": lambda: equal_loss(Problem(BARE, some.disagreement)),
        "kalai_smorodinsky": lambda: kalai_smorodinsky(some),
        "equal_loss": lambda: equal_loss(some),
        "perles_maschler": lambda: perles_maschler(Problem(ARC, D[:500])),
        "raiffa": lambda: raiffa(some),
        "continuous_raiffa": lambda: continuous_raiffa(Problem(SIDES, some.disagreement)),
        "random proposer": lambda: RandomProposer([0.4, 0.6], [0.9, 0.8])(some),
        "offers": lambda: AlternatingOffers([0.9, 0.8])(some),
        "trade": lambda: model.solve(tariffs=rates),
    }[name]
    answer, wrt = solve(), "tariffs" if name == "trade" else "disagreement"
    work = lambda: sensitivity(answer, wrt=wrt)  # noqa: E731
    assert speedup(f"derivatives of {name}, against the solution", work, solve, clock=process_time) > 1 / 3


@pytest.mark.benchmark
@pytest.mark.parametrize("wrt", ["discount", "payoffs"])
@pytest.mark.parametrize("discount", [0.3, 0.6, 0.9])
def test_derivatives_of_many_payoff_sets(speedup: Callable[..., float], discount: float, wrt: str) -> None:
    """In all 18 payoffs together, too, the derivatives of 3x3 games take at most three times their solution."""
    from bargaining import payoff_sets

    payoffs = np.random.default_rng(0).random((3000, 2, 3, 3))
    sets = payoff_sets(payoffs, discount)
    ratio = speedup(
        f"derivatives of payoff sets in {wrt}, discount {discount}, against the solution",
        lambda: sensitivity(sets, wrt=wrt),
        lambda: payoff_sets(payoffs, discount),
        rounds=5,
        clock=process_time,
    )
    assert ratio > 1 / 3
