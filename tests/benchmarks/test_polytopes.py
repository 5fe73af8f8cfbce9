"""Nash on random polytopes against a conic solver; a million disagreement points against loops."""

from collections.abc import Callable

import numpy as np
import pytest

from bargaining import Polytope, Problem, kalai_smorodinsky, nash
from bargaining.feasible._polygon import hull, pareto_chain

pytestmark = pytest.mark.benchmark

ANGLES = np.linspace(0, 2 * np.pi, 11)[:-1]
TEN_GON = np.column_stack((np.cos(ANGLES), np.sin(ANGLES))) + 1
CELLS = 1_000_000
FEW = 200


def conic_nash(points: np.ndarray, d: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Return the Nash solution by cvxpy and Clarabel, modelled afresh."""
    import cvxpy as cp

    mixture = cp.Variable(len(points), nonneg=True)
    x = points.T @ mixture
    cp.Problem(cp.Maximize(w @ cp.log(x - d)), [cp.sum(mixture) == 1]).solve(solver=cp.CLARABEL)
    return np.asarray(x.value)


def conic_ks(points: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return the Kalai-Smorodinsky solution by cvxpy and Clarabel: two ideal points, then a ray."""
    import cvxpy as cp

    mixture, t = cp.Variable(len(points), nonneg=True), cp.Variable()
    x, rational = points.T @ mixture, cp.sum(mixture) == 1
    ideal = [cp.Problem(cp.Maximize(x[i]), [rational, x >= d]).solve(solver=cp.CLARABEL) for i in (0, 1)]
    cp.Problem(cp.Maximize(t), [rational, x == d + t * (np.array(ideal) - d)]).solve(solver=cp.CLARABEL)
    return np.asarray(x.value)


@pytest.mark.parametrize("players", [2, 3, 5, 10])
def test_random_polytopes_against_a_conic_solver(players: int, speedup: Callable[..., float]) -> None:
    rng = np.random.default_rng(players)
    cases = [(rng.random((4 * players, players)), rng.dirichlet(3 * np.ones(players))) for _ in range(8)]

    def ours() -> list[np.ndarray]:
        return [nash(Problem(Polytope(v), v.mean(axis=0) - 0.2), weights=w).payoffs for v, w in cases]

    def rival() -> list[np.ndarray]:
        return [conic_nash(v, v.mean(axis=0) - 0.2, w) for v, w in cases]

    # Measured apart from both: how far any vertex lies beyond the gradient of the product.
    for (v, w), x in zip(cases, ours(), strict=True):
        d = v.mean(axis=0) - 0.2
        assert ((w / (x - d)) * (v - d)).sum(axis=1).max() - 1 <= 1e-12
    np.testing.assert_allclose(ours(), rival(), atol=1e-3)
    least = (
        3 if players == 2 else 1.1
    )  # of three and more players the solver is the same, finished by Newton's method
    assert speedup(f"Nash, {players} players, 8 polytopes against cvxpy", ours, rival, rounds=9) >= least


def _chain_walk(concept: str) -> Callable[[np.ndarray], float]:
    """Return a good scalar rival: brentq on the frontier of the 10-gon as a Python function."""
    from bisect import bisect_right

    from scipy.optimize import brentq

    chain = pareto_chain(hull(TEN_GON)).tolist()
    xs, ys = [p[0] for p in chain], [p[1] for p in chain]
    falls = [(ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) for k in range(len(xs) - 1)]

    def edge(x: float) -> int:
        return min(max(bisect_right(xs, x) - 1, 0), len(falls) - 1)

    def height(x: float) -> float:
        return ys[0] if x <= xs[0] else ys[edge(x)] + falls[edge(x)] * (x - xs[edge(x)])

    def solve_nash(d: np.ndarray) -> float:
        d0, d1 = d.tolist()
        return brentq(lambda x: height(x) - d1 + falls[edge(x)] * (x - d0), max(xs[0], d0), xs[-1])

    def solve_ks(d: np.ndarray) -> float:
        d0, d1 = d.tolist()
        most = brentq(lambda x: height(x) - d1, xs[0], xs[-1]) if d1 > ys[-1] else xs[-1]
        g0, g1 = most - d0, height(d0) - d1
        return d0 + g0 * brentq(lambda t: height(d0 + t * g0) - d1 - t * g1, 0, 1)

    return solve_nash if concept == "nash" else solve_ks


@pytest.mark.parametrize("concept", ["nash", "kalai_smorodinsky"])
def test_a_million_disagreement_points_on_a_ten_gon(concept: str, speedup: Callable[..., float]) -> None:
    d = np.random.default_rng(0).uniform(0.6, 1.1, (CELLS, 2))
    method = nash if concept == "nash" else kalai_smorodinsky
    feasible, half, walk = Polytope(TEN_GON), np.full(2, 0.5), _chain_walk(concept)

    def conic(x: np.ndarray) -> np.ndarray:
        return conic_nash(TEN_GON, x, half) if concept == "nash" else conic_ks(TEN_GON, x)

    def ours() -> np.ndarray:
        return method(Problem(feasible, d)).raise_if_failed().payoffs

    answer = ours()
    # The conic solver's payoffs are good to about 1e-4; the root finder's are the check.
    np.testing.assert_allclose(answer[:FEW], [conic(x) for x in d[:FEW]], atol=1e-3)
    np.testing.assert_allclose(answer[:FEW, 0], [walk(x) for x in d[:FEW]], rtol=1e-11)
    per_cell = CELLS / FEW
    by_cone = speedup(f"{concept}, 200 cells by cvxpy", ours, lambda: [conic(x) for x in d[:FEW]], rounds=1)
    by_root = speedup(f"{concept}, 200 cells by brentq", ours, lambda: [walk(x) for x in d[:FEW]])
    print(f"\n{concept}: {by_cone * per_cell:.3g} times a cvxpy loop, {by_root * per_cell:.3g} times brentq")
    assert by_cone * per_cell >= 10_000
    assert by_root * per_cell >= 20
