"""Sets written in cvxpy: with cvxpy where it is installed, and with a double that has the same attributes."""

import math
from typing import Any

import numpy as np
import pytest

from bargaining import ConvexProgram, InvalidInput, Problem, egalitarian, nash
from cvxpy_double import Double


@pytest.fixture(params=["double", "cvxpy"])
def cp(request: pytest.FixtureRequest) -> Any:
    return Double if request.param == "double" else pytest.importorskip("cvxpy")


def test_hours_of_two_kinds(cp: Any) -> None:
    """First order: 2 sqrt a and 3 sqrt b with a + b = 8 have their largest product at a = b = 4."""
    hours = cp.Variable(2, nonneg=True)
    payoffs = [2 * cp.sqrt(hours[0]), 3 * cp.sqrt(hours[1])]
    program = ConvexProgram.from_cvxpy(payoffs, [hours[0] + hours[1] <= 8])
    found = nash(Problem(program, {"Ann": 0, "Bob": 0}))
    np.testing.assert_allclose(found.payoffs, [4, 6], atol=1e-12)
    np.testing.assert_allclose(found.decision, [4, 4], atol=1e-6)
    assert found.residual < 1e-12
    assert hours.value is None
    equal = egalitarian(Problem(program, [0, 0]))  # 4 a = 9 b
    np.testing.assert_allclose(equal.payoffs, 2 * math.sqrt(72 / 13), atol=1e-12)


def test_equations_are_solved_for(cp: Any) -> None:
    """A budget is spent to the last cent, and money moves from the one to the other: the sum alone counts."""
    spent, paid = cp.Variable(2), cp.Variable(1)
    payoffs = [2 * cp.sqrt(spent[0]) - paid[0], cp.sqrt(spent[1]) + paid[0]]
    program = ConvexProgram.from_cvxpy(payoffs, [spent[0] + spent[1] == 5.0, paid <= 9, paid >= -9])
    found = nash(Problem(program, [0, 0]))
    np.testing.assert_allclose(found.payoffs, [2.5, 2.5], atol=1e-12)  # spent 4 and 1
    np.testing.assert_allclose(found.decision, [4, 1, 1.5], atol=1e-6)


def test_equations_may_fix_every_variable_and_say_the_same(cp: Any) -> None:
    x = cp.Variable(2)
    point = ConvexProgram.from_cvxpy(x, [x[0] == 1.0, x[1] == 2.0, x[0] + x[1] == 3.0])
    np.testing.assert_allclose(nash(Problem(point, [0, 0])).raise_if_failed().payoffs, [1, 2], atol=1e-12)


def test_constraints_alone_are_about_the_payoffs(cp: Any) -> None:
    x = cp.Variable(2)
    lines = Problem([x >= 0, x[0] + 2 * x[1] <= 4, 3 * x[0] + x[1] <= 6], [0, 0])
    np.testing.assert_allclose(nash(lines).payoffs, [1.6, 1.2], atol=1e-12)
    disc = Problem([cp.sum_squares(x) <= 2.0], [0, 0])
    np.testing.assert_allclose(nash(disc).payoffs, [1, 1], atol=1e-12)


def test_bounds_and_signs_of_variables(cp: Any) -> None:
    x = cp.Variable(2, bounds=[0, np.array([1.0, 3.0])])
    np.testing.assert_allclose(nash(Problem(ConvexProgram.from_cvxpy(x), [0, 0])).payoffs, [1, 3], atol=1e-12)


def test_what_is_refused_says_what_to_write(cp: Any) -> None:
    x, whole = cp.Variable(2), cp.Variable(1, integer=True)
    for payoffs, constraints, message in [
        (np.empty((0, 2)), [], "`payoffs` must be an expression of cvxpy for each player"),
        ([x[0], 3.0], [x <= 1], "cvxpy.Constant"),
        ([cp.sum_squares(x), x[0]], [x <= 1], r"`payoffs\[0\]` must be concave"),
        (x, [cp.sqrt(x[0]) <= 1], r"`constraints\[0\]` must be convex"),
        (x, x <= 1, "a list of constraints"),
        (x, [cp.abs(x[0]) <= 1.0], "has kinks. Put a variable t"),
        ([x[0], whole[0]], [x <= 1], "is integer"),
        (x, [x <= 1, x >= 2], "must leave room"),
        (x, [x <= 1, x >= 1], "written as equations"),
        (x, [x[0] == 1.0, x[0] == 2.0], "contradict each other"),
    ]:
        with pytest.raises(InvalidInput, match=message):
            ConvexProgram.from_cvxpy(payoffs, constraints)
    with pytest.raises(InvalidInput, match="one variable, the payoffs"):
        Problem([x <= 1, whole <= 1], [0, 0])


def test_a_problem_with_an_objective_is_not_a_set() -> None:
    cvxpy = pytest.importorskip("cvxpy")
    x, size = cvxpy.Variable(2), cvxpy.Parameter()
    whole = cvxpy.Problem(cvxpy.Maximize(x[0]), [x <= 1])
    with pytest.raises(InvalidInput, match="Pass its `constraints`"):
        Problem(whole, [0, 0])
    np.testing.assert_allclose(nash(Problem(whole.constraints, [0, 0])).payoffs, [1, 1], atol=1e-12)
    with pytest.raises(InvalidInput, match="Parameter"):
        Problem([x <= size], [0, 0])
    with pytest.raises(InvalidInput, match="got SOC"):
        Problem([cvxpy.SOC(cvxpy.Constant(1.0), x)], [0, 0])
