"""Several issues at once, against closed forms: Cobb-Douglas, logarithmic, quadratic, linear."""

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import linprog

from bargaining import (
    InvalidInput,
    Polytope,
    Problem,
    Status,
    egalitarian,
    kalai_smorodinsky,
    nash,
    utilitarian,
)
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.program import ConvexProgram
from known_sets import VALUES, two_issues

METHODS = [nash, kalai_smorodinsky, egalitarian, utilitarian]


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("method", METHODS)
def test_logrolling(method: Callable, scale: float) -> None:
    # By symmetry each cedes nine tenths of what the other values three times as much:
    # u = 3 sqrt(.9) + sqrt(.1) = sqrt(10), and the frontier is smooth and symmetric.
    division = method(Problem(two_issues(scale=scale), [0, 0])).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, np.sqrt(10) * scale, rtol=1e-12)
    assert division.residual <= 1e-12


def test_logrolling_from_elsewhere() -> None:
    problem = Problem(two_issues(offset=1e3), [1e3 + 0.1, 1e3 + 0.4])
    division = nash(problem, weights=[0.3, 0.7]).raise_if_failed()
    # Oracle: the frontier is u0 = sum v0 sqrt(z), u1 = sum v1 sqrt(1 - z) with z_j / (1 - z_j) = (t v0_j / v1_j)^2.
    t = sp.symbols("t", positive=True)
    z = [1 / (1 + (v1 / (t * v0)) ** 2) for v0, v1 in ((3, 1), (1, 3))]
    u0 = 3 * sp.sqrt(z[0]) + sp.sqrt(z[1])
    u1 = sp.sqrt(1 - z[0]) + 3 * sp.sqrt(1 - z[1])
    root = sp.nsolve(0.3 * t**-1 * (u1 - 0.4) - 0.7 * (u0 - 0.1), t, 0.5, prec=30)
    expected = [float(u.subs(t, root)) + 1e3 for u in (u0, u1)]
    np.testing.assert_allclose(division.payoffs, expected, rtol=1e-15, atol=1e-11)


def economy(a: np.ndarray, supply: np.ndarray) -> ConvexProgram:
    """Return an exchange economy with u_i = sum_g a_ig log(1 + c_ig)."""
    n, g = a.shape

    def jacobian(z: np.ndarray) -> np.ndarray:
        slopes = np.zeros((n, n, g))
        slopes[np.arange(n), np.arange(n)] = a / (1 + z.reshape(n, g))
        return slopes.reshape(n, -1)

    return ConvexProgram(
        lambda z: (a * np.log1p(z.reshape(n, g))).sum(axis=1),
        jacobian,
        lower=np.zeros(n * g),
        upper=np.full(n * g, 9.0),
        matrix=np.tile(np.eye(g), n),
        limits=supply,
    )


def test_one_good_among_three() -> None:
    # max prod log(1 + c_i) over sum c_i = 6: equal division; with weights the conditions w_i / (g_i (1 + c_i)) tie.
    problem = Problem(economy(np.ones((3, 1)), np.array([6.0])), np.zeros(3))
    np.testing.assert_allclose(nash(problem).payoffs, np.log(3), rtol=1e-12)
    w = np.array([0.5, 0.3, 0.2])
    division = nash(problem, weights=w).raise_if_failed()
    consumed = np.expm1(division.payoffs)
    assert consumed.sum() == pytest.approx(6, rel=1e-12)
    pressure = w / division.payoffs / (1 + consumed)
    np.testing.assert_allclose(pressure, pressure[0], rtol=1e-11)
    np.testing.assert_allclose(egalitarian(problem).payoffs, np.log(3), rtol=1e-12)
    np.testing.assert_allclose(problem.ideal, np.log(7), rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_optimal_by_its_own_definition(seed: int) -> None:
    # No decision on a fine random sample has a larger product, and the gradient of the product
    # supports the sample: concavity makes that a proof up to the sample.
    rng = np.random.default_rng(seed)
    a, supply = rng.uniform(0.1, 1, (3, 2)), rng.uniform(1, 3, 2)
    problem = Problem(economy(a, supply), np.zeros(3))
    w = rng.dirichlet(np.ones(3) * 3)
    division = nash(problem, weights=w).raise_if_failed()
    assert division.residual <= 1e-12
    consumed = rng.dirichlet(np.ones(3), (20000, 2)).transpose(0, 2, 1) * supply
    others = (a * np.log1p(consumed)).sum(axis=2)
    assert ((w / division.payoffs) * others).sum(axis=1).max() <= 1 + 1e-12
    assert problem.feasible.contains(division.payoffs)
    assert not problem.feasible.contains(division.payoffs * (1 + 1e-9))


def test_cobb_douglas() -> None:
    # u_i = c^(1/2) m^(1/2) over one unit of each good for two players: the frontier is u0 + u1 = 1.
    program = ConvexProgram(
        lambda z: np.array([np.sqrt(z[0] * z[1]), np.sqrt((1 - z[0]) * (1 - z[1]))]),
        lambda z: np.array([
            [np.sqrt(z[1] / z[0]) / 2, np.sqrt(z[0] / z[1]) / 2],
            [-np.sqrt((1 - z[1]) / (1 - z[0])) / 2, -np.sqrt((1 - z[0]) / (1 - z[1])) / 2],
        ]),
        lower=[0, 0],
        upper=[1, 1],
    )  # fmt: skip
    division = nash(Problem(program, [0.1, 0.3]), weights=[0.25, 0.75]).raise_if_failed()
    np.testing.assert_allclose(division.payoffs, [0.1 + 0.25 * 0.6, 0.3 + 0.75 * 0.6], rtol=1e-11)
    # Each takes the same share of both goods.
    np.testing.assert_allclose(program.decision(division.payoffs), division.payoffs[0], rtol=1e-6)


def test_quadratic_losses_under_a_convex_constraint() -> None:
    # Three ideal points around the origin, policies in a disc of radius .3 without bounds.
    points = np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)], [-0.5, -np.sqrt(0.75)]])
    program = ConvexProgram(
        lambda z: 2 - ((z - points) ** 2).sum(axis=1),
        lambda z: -2 * (z - points),
        lower=[-np.inf] * 2,
        upper=[np.inf] * 2,
        constraints=lambda z: [z @ z - 0.09],
        constraint_jacobian=lambda z: [2 * z],
    )
    problem = Problem(program, np.zeros(3))
    for method in METHODS:
        np.testing.assert_allclose(method(problem).raise_if_failed().payoffs, 1.0, rtol=1e-11)
    # The best for player 0 alone is the near end of the disc: 2 - .7^2.
    assert problem.ideal[0] == pytest.approx(2 - 0.49, rel=1e-12)
    value, where = program.support(np.array([1.0, 0.0, 0.0]))
    assert value == pytest.approx(2 - 0.49, rel=1e-12)
    assert where[0] == pytest.approx(value)


@pytest.mark.parametrize("method", METHODS)
def test_linear_utilities_are_a_polytope(method: Callable) -> None:
    rows = np.array([[3.0, 1.0], [1.0, 2.0], [2.0, 2.0]])
    program = ConvexProgram(
        lambda z: rows @ z, lambda z: rows, lower=[0, 0], upper=[1, 1], matrix=[[1, 1]], limits=[1]
    )
    corners = Polytope([rows @ z for z in ([0, 0], [1, 0], [0, 1])], free_disposal=True)
    d = np.array([0.5, 0.4, 0.1])
    one, two = (method(Problem(s, d)).raise_if_failed() for s in (program, corners))
    np.testing.assert_allclose(one.payoffs, two.payoffs, rtol=1e-11)


def test_statuses() -> None:
    program = economy(np.ones((3, 1)), np.array([6.0]))
    assert isinstance(program, FeasibleSet)
    for method in (nash, kalai_smorodinsky):
        assert method(Problem(program, [2, 2, 2])).status == Status.EMPTY
        assert method(Problem(program, np.log([3, 3, 3]))).status == Status.DEGENERATE
    assert np.isneginf(program.ray(np.array([2.0, 2, 2]), np.array([1.0, 0, 0])))
    assert np.isposinf(program.support(np.array([1.0, -1, 0]))[0])
    held = nash(Problem(program, [0, 0, 0.5]), weights=[0.5, 0.5, 0]).raise_if_failed()
    left = (6 - np.expm1(0.5)) / 2
    np.testing.assert_allclose(held.payoffs, [np.log1p(left), np.log1p(left), 0.5], rtol=1e-11)


def square(z: np.ndarray) -> np.ndarray:
    return np.array([z[0], 1 - z[0] ** 2])


def slope(z: np.ndarray) -> np.ndarray:
    return np.array([[1.0], [-2 * z[0]]])


BAD = [
    (
        lambda: ConvexProgram(square, slope, lower=[1], upper=[0]),
        "`lower` must be below `upper`; got 1 and 0",
    ),
    (
        lambda: ConvexProgram(square, slope, lower=[0, 0], upper=[1]),
        "`lower` and `upper` must have one entry",
    ),
    (
        lambda: ConvexProgram(square, lambda z: -slope(z), lower=[0], upper=[1]),
        "entry (0, 0) is -1 at the start",
    ),
    (lambda: ConvexProgram(square, lambda z: slope(z).T, lower=[0], upper=[1]), "must return shape (2, 1)"),
    (lambda: ConvexProgram(1.0, slope, lower=[0], upper=[1]), "`utilities` must be callable"),
    (
        lambda: ConvexProgram(square, slope, lower=[0], upper=[1], start=[1]),
        "`start` must lie strictly between",
    ),
    (lambda: ConvexProgram(square, slope, lower=[0], upper=[1], matrix=[[1]]), "must be given together"),
    (lambda: ConvexProgram(square, slope, lower=[0], upper=[1], matrix=[[1, 2]], limits=[1]), "shape (1, 1)"),
    (
        lambda: ConvexProgram(square, slope, lower=[0], upper=[1], constraint_jacobian=slope),
        "must come with its `constraints`",
    ),
    (lambda: ConvexProgram(lambda z: [np.nan, 1], slope, lower=[0], upper=[1]), "must be finite"),
]


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        make()
    assert message in str(caught.value)


def roots(z):
    return np.array([VALUES[0] @ np.sqrt(z), VALUES[1] @ np.sqrt(1 - z)])


def root_slopes(z):
    return np.array([VALUES[0] / 2 / np.sqrt(z), -VALUES[1] / 2 / np.sqrt(1 - z)])


@pytest.mark.dear("kalai_smorodinsky")
@pytest.mark.parametrize("concept", [nash, kalai_smorodinsky])
def test_without_gradients_the_answer_is_that_with_them(concept):
    bounds = {"lower": [0, 0], "upper": [1, 1]}
    with_them = concept(Problem(ConvexProgram(roots, root_slopes, **bounds), [0, 0.3]))
    without = concept(Problem(ConvexProgram(roots, **bounds), [0, 0.3]))
    assert without.status == with_them.status
    assert without.payoffs == pytest.approx(with_them.payoffs, rel=1e-12)
    assert without.decision == pytest.approx(with_them.decision, abs=1e-6)


def test_constraints_may_come_without_gradients():
    circle = ConvexProgram(lambda z: z, lower=[0, 0], upper=[2, 2], constraints=lambda z: [z @ z - 1])
    division = nash(Problem(circle, [0, 0]))
    assert division.payoffs == pytest.approx([np.sqrt(0.5)] * 2, rel=1e-12)


def test_linear_programs_are_recognised() -> None:
    """A hundred and twenty decisions, whose utilities a concave solver would ask for thousands of times."""
    rng = np.random.default_rng(0)
    values, matrix = rng.random((3, 120)), rng.random((10, 120))
    limits, asked = 0.3 * matrix.sum(axis=1), []

    def utilities(z: np.ndarray) -> np.ndarray:
        asked.append(z)
        return values @ z

    program = ConvexProgram(
        utilities, lambda _: values, lower=np.zeros(120), upper=np.ones(120), matrix=matrix, limits=limits
    )
    weights = np.array([0.2, 0.3, 0.5])
    best = linprog(-weights @ values, A_ub=matrix, b_ub=limits, bounds=(0, 1))
    before = len(asked)
    assert program.support(weights)[0] == pytest.approx(-best.fun, rel=1e-12)
    assert len(asked) - before < 100


def test_a_program_that_is_linear_only_in_the_middle_is_not_taken_for_a_linear_one() -> None:
    def utilities(z: np.ndarray) -> np.ndarray:
        return np.array([z[0] - np.maximum(z[0] - 0.95, 0.0) ** 2 * 100, 1 - z[0]])

    def jacobian(z: np.ndarray) -> np.ndarray:
        return np.array([[1 - 200 * np.maximum(z[0] - 0.95, 0.0)], [-1.0]])

    bent = ConvexProgram(utilities, jacobian, lower=[0], upper=[1])
    assert bent.support([1.0, 0.0])[0] == pytest.approx(0.9525, abs=1e-12)
