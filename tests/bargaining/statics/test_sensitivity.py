"""Derivatives of divisions, against differences of their definitions in fifty digits that share no code with them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    FreeDisposalHull,
    Frontier,
    Game,
    InvalidInput,
    Polytope,
    Problem,
    TransferableSurplus,
    critical_discount,
    egalitarian,
    gupta_livne,
    kalai_smorodinsky,
    nash,
    perles_maschler,
    plot,
    raiffa,
    sensitivity,
    yu,
)

mp.mp.dps = 50  # of the oracle

ARC = Frontier(lambda x: 4 - x**2, 0, 2, derivative=lambda x: -2 * x)

POINTS = [[0, 3], [1, 2.5], [2, 1], [2.5, 0], [0, 0]]

PLANE = Polytope(POINTS)

PIE = TransferableSurplus(1.0)

WIDE = Problem(TransferableSurplus(5.0, players=3), [0.2, 0.5, -0.4])

D = [0.1, 0.3]


def root(equation: Callable[[Any], Any], low: float, high: float) -> Any:
    """Return the root between two ends, in fifty digits."""
    return mp.findroot(equation, (mp.mpf(low), mp.mpf(high)), solver="anderson", tol=1e-90, verify=False)


def f(x: Any) -> Any:
    return 4 - x**2


def arc(condition: Callable[[Any, Any], Any]) -> list[Any]:
    x = root(lambda x: condition(x, f(x)), 0.4, 1.9)
    return [x, f(x)]


def arc_ideal(d: Any) -> tuple[Any, Any]:
    return mp.sqrt(4 - d[1]), f(d[0])


def line(p: Any) -> Callable[[Any], Any]:
    """Return the side of the polygon between its second and third point, as it lists them counter-clockwise."""
    corners = [tuple(map(float, point)) for point in PLANE.vertices]
    a, b = corners.index((1.0, 2.5)), corners.index((2.0, 1.0))
    slope = (p[2 * b + 1] - p[2 * a + 1]) / (p[2 * b] - p[2 * a])
    return lambda x: p[2 * a + 1] + slope * (x - p[2 * a])


def side(p: Any, condition: Callable[[Any, Any], Any]) -> list[Any]:
    y = line(p)
    x = root(lambda x: condition(x, y(x)), 1.01, 1.99)
    return [x, y(x)]


def offers(t: Any, frontier: Callable[[Any], Any], inverse: Callable[[Any], Any]) -> list[Any]:
    """Return what the first player offers, by value iteration on what refusals are worth."""
    d, p, b = (
        t["disagreement"],
        t.get("breakdown", [mp.mpf(0)])[0],
        t.get("breakdown_payoffs", t["disagreement"]),
    )
    outside = t.get("outside", [-mp.inf, -mp.inf])

    def refuse(i: int, v: Any) -> Any:
        return max(outside[i], p * b[i] + (1 - p) * (d[i] + t["discounts"][i] * (v - d[i])))

    x = mp.mpf(1) / 2
    for _ in range(110):
        y = inverse_pair(refuse(0, x), frontier)
        x = inverse(refuse(1, y[1]))
    return [x, frontier(x)]


def inverse_pair(x: Any, frontier: Callable[[Any], Any]) -> tuple[Any, Any]:
    return x, frontier(x)


@dataclass(frozen=True)
class Case:
    answer: Callable[[], Any]
    oracle: Callable[[dict[str, list[Any]]], list[Any]]
    at: dict[str, list[float]] = field(default_factory=dict)


P2, P3 = {"p": [2.0]}, {"p": [3.5]}

W = {"weights": [0.3, 0.7]}

V = [v for point in PLANE.vertices for v in point]

ON_ARC = Problem(ARC, D)

CASES = {
    "nash": Case(
        lambda: nash(ON_ARC, weights=W["weights"]),
        lambda t: arc(
            lambda x, y: (
                t["weights"][0] * (y - t["disagreement"][1])
                - 2 * x * t["weights"][1] * (x - t["disagreement"][0])
            )
        ),
        W,
    ),
    "egalitarian": Case(
        lambda: egalitarian(ON_ARC, weights=[3, 7]),
        lambda t: arc(
            lambda x, y: (
                t["weights"][1] * (x - t["disagreement"][0]) - t["weights"][0] * (y - t["disagreement"][1])
            )
        ),
        {"weights": [3.0, 7.0]},
    ),
    "kalai_smorodinsky": Case(
        lambda: kalai_smorodinsky(ON_ARC),
        lambda t: arc(
            lambda x, y: (
                (x - t["disagreement"][0]) * (arc_ideal(t["disagreement"])[1] - t["disagreement"][1])
                - (y - t["disagreement"][1]) * (arc_ideal(t["disagreement"])[0] - t["disagreement"][0])
            )
        ),
    ),
    "gupta_livne": Case(
        lambda: gupta_livne(ON_ARC, reference=[0.5, 0.6]),
        lambda t: arc(
            lambda x, y: (
                (x - t["reference"][0]) * (arc_ideal(t["disagreement"])[1] - t["reference"][1])
                - (y - t["reference"][1]) * (arc_ideal(t["disagreement"])[0] - t["reference"][0])
            )
        ),
        {"reference": [0.5, 0.6]},
    ),
    "yu": Case(
        lambda: yu(ON_ARC, p=3.5),
        lambda t: arc(
            lambda x, y: (
                (arc_ideal(t["disagreement"])[0] - x) ** (t["p"][0] - 1)
                - 2 * x * (arc_ideal(t["disagreement"])[1] - y) ** (t["p"][0] - 1)
            )
        ),
        P3,
    ),
    "nash of a side": Case(
        lambda: nash(Problem(PLANE, D), weights=[0.55, 0.45]),
        lambda t: side(
            t["points"],
            lambda x, y: (
                t["weights"][0] * (y - t["disagreement"][1])
                + (line(t["points"])(mp.mpf(1)) - line(t["points"])(mp.mpf(0)))
                * t["weights"][1]
                * (x - t["disagreement"][0])
            ),
        ),
        {"weights": [0.55, 0.45], "points": V},
    ),
    "nash of three": Case(
        lambda: nash(WIDE, weights=[1, 2, 3]),
        lambda t: [
            d + w / sum(t["weights"]) * (t["total"][0] - sum(t["disagreement"]))
            for w, d in zip(t["weights"], t["disagreement"], strict=True)
        ],
        {"weights": [1.0, 2.0, 3.0], "disagreement": [0.2, 0.5, -0.4], "total": [5.0]},
    ),
    "offers": Case(
        lambda: AlternatingOffers([0.6, 0.7], breakdown=0.2, breakdown_payoffs=[0.05, 0.2])(ON_ARC),
        lambda t: offers(t, f, lambda y: mp.sqrt(4 - y)),
        {"discounts": [0.6, 0.7], "breakdown": [0.2], "breakdown_payoffs": [0.05, 0.2]},
    ),
    "offers with an outside option": Case(
        lambda: AlternatingOffers([0.6, 0.7], outside=[0.1, 3.0])(ON_ARC),
        lambda t: offers(t, f, lambda y: mp.sqrt(4 - y)),
        {"discounts": [0.6, 0.7], "outside": [0.1, 3.0]},
    ),
}


def moved(case: Case, shifts: dict[tuple[str, int], Any]) -> list[Any]:
    at = {"disagreement": D} | case.at
    exact = {
        name: [mp.mpf(v) + shifts.get((name, k), 0) for k, v in enumerate(values)]
        for name, values in at.items()
    }
    return case.oracle(exact)


def first(case: Case, name: str, k: int) -> Any:
    h = mp.mpf(10) ** -16
    up, down = (moved(case, {(name, k): s}) for s in (h, -h))
    return np.array([float((a - b) / (2 * h)) for a, b in zip(up, down, strict=True)])


def second(case: Case, name: str, j: int, k: int) -> Any:
    h = mp.mpf(10) ** -12
    total: Any = 0
    for a in (1, -1):
        for b in (1, -1):
            shift = {(name, j): a * h}
            shift[name, k] = shift.get((name, k), 0) + b * h
            total = total + a * b * np.array(moved(case, shift))
    return np.array([float(v / (4 * h * h)) for v in total])


ASKED = [(case, name) for case in CASES for name in {"disagreement": 0} | CASES[case].at]


@pytest.mark.parametrize(("key", "name"), ASKED)
def test_derivatives_are_those_of_the_definition_in_fifty_digits(key: str, name: str) -> None:
    case = CASES[key]
    found = sensitivity(case.answer(), wrt=name)
    values = np.atleast_2d(found.values.reshape(len(found.player), -1))
    assert np.isfinite(found.error.values).all()
    for k in range(values.shape[1]):
        exact = first(case, name, k)
        scale = max(1.0, float(np.abs(exact).max()))
        np.testing.assert_allclose(values[:, k], exact, rtol=0, atol=1e-8 * scale)
        off = np.abs(values[:, k] - exact)
        assert (off <= found.error.values.reshape(values.shape)[:, k] + 1e-13 * scale).all()


@pytest.mark.parametrize(
    ("key", "name"),
    [(case, name) for case, name in ASKED if name in ("disagreement", "weights", "p", "discounts")],
)
def test_second_derivatives_are_those_of_the_definition_in_fifty_digits(key: str, name: str) -> None:
    case = CASES[key]
    found = sensitivity(case.answer(), wrt=name, order=2)
    count = len(({"disagreement": D} | case.at)[name])
    values = found.values.reshape(len(found.player), count, count)
    for j in range(count):
        for k in range(j + 1):
            exact = second(case, name, j, k)
            scale = max(1.0, float(np.abs(exact).max()))
            np.testing.assert_allclose(values[:, j, k], exact, rtol=0, atol=1e-7 * scale)


def test_a_batch_has_the_derivatives_of_its_cells_whatever_binds() -> None:
    rng = np.random.default_rng(5)
    d, outside = rng.uniform(0, 0.6, (40, 2)), rng.uniform(0, 2.2, (40, 2))
    outside[:, 1] *= 0.5
    batch = AlternatingOffers([0.8, 0.7], outside=outside, proposer=1)(Problem(ARC, d))
    together = sensitivity(batch, wrt="outside")
    assert together.dims == ("cell", "player", "outside")
    for k in range(0, 40, 7):
        alone = sensitivity(
            AlternatingOffers([0.8, 0.7], outside=outside[k], proposer=1)(Problem(ARC, d[k])), wrt="outside"
        )
        np.testing.assert_allclose(together[k], alone, atol=1e-8)
    ways = {tuple(np.abs(row).max(axis=0) > 0) for row in together.values}
    assert len(ways) > 1


def test_continuous_offers_have_derivatives_in_rates_and_flows() -> None:
    """The first gets g0/r0 + r1 (1 - g0/r0 - g1/r1)/(r0 + r1)."""
    talks = ContinuousOffers([0.1, 0.2], inside=[0.02, 0.01])(Problem(PIE, [0.0, 0.0]))
    by_flow, by_rate = (sensitivity(talks, wrt=name)[0] for name in ("inside", "rates"))
    np.testing.assert_allclose(by_flow, [1 / 0.3, -1 / 0.3], rtol=1e-8)
    second = (1 - 0.2 - 0.05) * 0.1 / 0.3**2 + 0.2 / 0.3 * 0.01 / 0.2**2
    first = -0.02 / 0.1**2 * (1 - 0.2 / 0.3) - (1 - 0.2 - 0.05) * 0.2 / 0.3**2
    np.testing.assert_allclose(by_rate, [first, second], rtol=1e-8)


def test_an_answer_at_a_kink_has_a_derivative_on_either_side() -> None:
    pie = Problem(PIE, [0.0, 0.0])
    tied = AlternatingOffers(0.9, outside=[0.0, 0.9 / 1.9])(pie)
    found = sensitivity(tied, wrt="outside")
    assert np.isnan(found[:, 1]).all()
    np.testing.assert_allclose(found.from_below[:, 1], [0, 0], atol=1e-8)
    np.testing.assert_allclose(found.from_above[:, 1], [-1, 1], atol=1e-8)
    np.testing.assert_allclose(found[:, 0], [0, 0], atol=1e-8)


@pytest.mark.parametrize("slope", [None, lambda x: np.where(x < 2, -1.0, -2.0)], ids=["values", "slope"])
def test_a_frontier_with_a_kink_at_the_answer_has_a_derivative_on_either_side(slope: Any) -> None:
    bent = Frontier(lambda x: np.minimum(4 - x, 6 - 2 * x), 0, 3, derivative=slope)
    found = sensitivity(egalitarian(Problem(bent, [0.0, 0.0])), wrt="disagreement")[0, 0]
    assert np.isnan(found)
    np.testing.assert_allclose([found.from_below, found.from_above], [1 / 2, 1 / 3], rtol=0, atol=1e-8)


def test_a_method_of_ones_own_has_numerical_derivatives_with_their_error() -> None:
    def mine(problem: Problem) -> Any:
        return nash(problem, weights=[0.3, 0.7])

    answer = mine(ON_ARC)
    exact, found = (
        sensitivity(answer, wrt="disagreement"),
        sensitivity(answer, wrt="disagreement", method=mine),
    )
    assert (np.abs(found - exact) <= 10 * found.error + 1e-9).all()
    assert float(found.error.max()) < 1e-8
    with pytest.raises(InvalidInput, match="`method` must lead to `result`"):
        sensitivity(answer, wrt="disagreement", method=kalai_smorodinsky)


def test_a_side_on_which_there_is_no_answer_has_no_derivative() -> None:
    def split(cost: float) -> Any:
        if cost > 0.3:
            raise InvalidInput("No more than this was paid.")
        return nash(Problem(TransferableSurplus(1.0 - cost), [0, 0]))

    found = sensitivity(split(0.3), wrt={"cost": 0.3}, method=split)
    assert np.isnan(found).all()
    np.testing.assert_allclose(found.from_below[..., 0], [-0.5, -0.5], atol=1e-8)
    assert np.isnan(found.from_above).all()


def test_anything_that_numbers_lead_to_can_be_differentiated() -> None:
    def threshold(temptation: float) -> Any:
        return critical_discount(Game([[9, 1], [temptation, 3]], [[9, temptation], [1, 3]]), (0, 0))

    found = sensitivity(threshold(10.0), wrt={"temptation": 10.0}, method=threshold)
    # (t - 9) / (t - 3) by the one-shot deviation against reversion to 3
    np.testing.assert_allclose(found.values, [6 / 49], atol=1e-6)


def test_cells_without_an_answer_have_no_derivative() -> None:
    cells = nash(Problem(PIE, [[0.0, 0.0], [0.7, 0.7]]))
    found = sensitivity(cells, wrt="total")
    assert found.dims == ("cell", "player")
    np.testing.assert_allclose(found[0], [0.5, 0.5], atol=1e-12)
    assert np.isnan(found[1]).all()
    assert plot(found) is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: sensitivity(nash(ON_ARC), wrt="total"),
            "`wrt` must be among disagreement, weights; got 'total'",
        ),
        (lambda: sensitivity(nash(ON_ARC), wrt=3), "`wrt` must be the name of a parameter"),
        (lambda: sensitivity(nash(ON_ARC), wrt="weights", order=3), "`order` must"),
        (lambda: sensitivity(ON_ARC, wrt="weights"), "`result` must be a Division"),
        (lambda: sensitivity(1.0, wrt={"a": 1.0}), "`method` must be given"),
        (lambda: sensitivity(1.0, wrt={"a": 1.0}, method=lambda a: a + 1), "`method` must lead to `result`"),
        (lambda: sensitivity(1.0, wrt={}, method=lambda: 1.0), "`wrt` must name an argument"),
        (
            lambda: sensitivity(replace(raiffa(Problem(PIE, D)), method="mine"), wrt="disagreement"),
            "`method` must be given for an answer of mine",
        ),
        (
            lambda: sensitivity(nash(Problem(FreeDisposalHull([[1, 2]]), [0, 0])), wrt="points"),
            "`wrt` must be among",
        ),
    ],
)
def test_what_cannot_be_differentiated_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        call()


def test_a_jump_has_no_derivative_on_its_side() -> None:
    """Below a flat side Perles and Maschler leave nothing to divide; below a steep one they halve it."""
    flat = Polytope([[0, 0], [4, 0]])
    row = flat.points.tolist().index([0, 0])
    found = sensitivity(perles_maschler(Problem(flat, [3, -1])), wrt="points")[:, row, 1]
    np.testing.assert_allclose(found.from_below, [0, 0], rtol=0, atol=1e-8)
    assert np.isnan(found[0])
    assert np.isnan(found.from_above[0])


def test_a_discount_factor_common_to_all_is_one_parameter_of_a_batch() -> None:
    """At d = (.1, 1) an offer lies at a corner of the polygon: on either side there is another derivative."""
    pie, starts = Polytope([[0, 3], [1, 2.5], [2, 1], [2.5, 0]], free_disposal=True), [[0.0, 0.5], [0.1, 1.0]]

    def split(discount: float) -> Any:
        return AlternatingOffers(discount, outside=[0.3, 0.4])(Problem(pie, starts))

    found, step = sensitivity(split(0.9), wrt="discounts"), 1e-7
    for side, sign in ((found.from_below, -1), (found.from_above, 1)):
        moved = (split(0.9 + sign * step).payoffs - split(0.9).payoffs) / (sign * step)
        np.testing.assert_allclose(side, moved, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(np.isnan(found), [[False, False], [True, True]])
