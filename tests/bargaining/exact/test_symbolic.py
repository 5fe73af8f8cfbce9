"""Closed forms against printed values, iteration of the offers, backward induction and searches."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from numpy.typing import ArrayLike
from scipy.optimize import brentq, minimize_scalar

from bargaining import (
    AlternatingOffers,
    ContinuousOffers,
    Frontier,
    Problem,
    RandomProposer,
    TransferableSurplus,
    egalitarian,
    kalai_smorodinsky,
    nash,
)
from bargaining.errors import InvalidInput, Unsolved
from bargaining.exact import symbolic
from bargaining.exact.closed_form import ClosedForm

RNG = np.random.default_rng(5)


@pytest.fixture(scope="module")
def forms() -> dict[str, ClosedForm]:
    """Every form once: deriving one takes up to a second."""
    return {
        "nash linear": symbolic.nash(symbolic.linear_frontier()),
        "nash quadratic": symbolic.nash(symbolic.quadratic_frontier()),
        "ks linear": symbolic.kalai_smorodinsky(symbolic.linear_frontier()),
        "ks quadratic": symbolic.kalai_smorodinsky(symbolic.quadratic_frontier()),
        "egalitarian linear": symbolic.egalitarian(symbolic.linear_frontier()),
        "egalitarian quadratic": symbolic.egalitarian(symbolic.quadratic_frontier()),
        "rubinstein": symbolic.rubinstein(),
        "rubinstein second": symbolic.rubinstein(proposer=1),
        "rubinstein quadratic": symbolic.rubinstein(symbolic.quadratic_frontier()),
        "rubinstein quadratic second": symbolic.rubinstein(symbolic.quadratic_frontier(), proposer=1),
        "outside": symbolic.outside_options(),
        "outside second": symbolic.outside_options(proposer=1),
        "breakdown": symbolic.breakdown(),
        "breakdown second": symbolic.breakdown(proposer=1),
        "continuous": symbolic.continuous_offers(),
        "horizon": symbolic.finite_horizon(),
        "horizon second": symbolic.finite_horizon(proposer=1),
        "random 2": symbolic.random_proposer(),
        "random 3": symbolic.random_proposer(players=3),
    }


NONE = {"g_0": 0, "g_1": 0, "b_0": 0, "b_1": 0, "o_0": 0, "o_1": 0, "h": 0}


@dataclass(frozen=True)
class Printed:
    """A number from the literature or an independent program: player 0's payoff, and 1's if given."""

    form: str
    arguments: dict[str, float]
    first: float
    second: float | None = None
    digits: float = field(default=5e-8)


PRINTED = [
    Printed("nash quadratic", {"m": 4, "k": 1, "d_0": 0, "d_1": 0, "w": 0.5}, 1.1547005384, 2.6666666667),
    Printed("nash quadratic", {"m": 4, "k": 1, "d_0": 0, "d_1": 0, "w": 0.25}, 0.7559289460, 3.4285714286),
    Printed("ks quadratic", {"m": 4, "k": 1, "d_0": 0, "d_1": 0}, 1.2360679775, 2.4721359550),
    Printed(
        "egalitarian quadratic",
        {"m": 4, "k": 1, "d_0": 0, "d_1": 0, "p_0": 1, "p_1": 1},
        1.5615528128,
        1.5615528128,
    ),
    Printed("nash linear", {"m": 1, "k": 0.25, "d_0": 0, "d_1": 0, "w": 0.5}, 2.0, 0.5),
    Printed("ks linear", {"m": 1, "k": 0.25, "d_0": 0, "d_1": 0}, 2.0, 0.5),
    Printed("egalitarian linear", {"m": 1, "k": 0.25, "d_0": 0, "d_1": 0, "p_0": 1, "p_1": 1}, 0.8, 0.8),
    Printed("rubinstein", {"s": 1, "delta_0": 0.9, "delta_1": 0.8}, 0.7142857),
    # Rates (.1, .05), period 1:
    Printed("rubinstein", {"s": 1, "delta_0": np.exp(-0.1), "delta_1": np.exp(-0.05)}, 0.3501319, None),
    Printed("rubinstein quadratic", {"m": 1, "k": 1, "delta_0": 0.9, "delta_1": 0.9}, 0.3690037**0.5),
    Printed("breakdown", {"s": 1, "p": 0.2, "b_0": 0.3, "b_1": 0.1}, 0.6333333),
    Printed("breakdown", {"s": 1, "p": 1e-9, "b_0": 0.3, "b_1": 0.1}, 0.6),
    Printed("outside", {"s": 1, "delta_0": 0.9, "delta_1": 0.9, "o_0": 0, "o_1": 0.45}, 0.5263158),
    Printed("outside", {"s": 1, "delta_0": 0.9, "delta_1": 0.9, "o_0": 0, "o_1": 0.6}, 0.4),
    Printed("outside second", {"s": 1, "delta_0": 0.9, "delta_1": 0.9, "o_0": 0, "o_1": 0.6}, 0.36, 0.64),
    Printed("horizon", {"s": 1, "delta": 0.9, "N": 2}, 0.1),
    Printed("horizon", {"s": 1, "delta": 0.9, "N": 3}, 0.91),
    Printed("horizon", {"s": 1, "delta": 0.9, "N": 10}, 0.3428008),
    # The alternative as breakdown payoff at hazards .5 and .05, rates .05, worth .7 r at r = .1, .15, .3:
    Printed(
        "continuous", NONE | {"s": 1, "r_0": 0.05, "r_1": 0.05, "h": 0.5, "b_0": 0.07}, 0.5318, None, 5e-5
    ),
    Printed(
        "continuous", NONE | {"s": 1, "r_0": 0.05, "r_1": 0.05, "h": 0.5, "b_0": 0.105}, 0.5477, None, 5e-5
    ),
    Printed(
        "continuous", NONE | {"s": 1, "r_0": 0.05, "r_1": 0.05, "h": 0.5, "b_0": 0.21}, 0.5955, None, 5e-5
    ),
    Printed(
        "continuous", NONE | {"s": 1, "r_0": 0.05, "r_1": 0.05, "h": 0.05, "b_0": 0.07}, 0.5175, None, 5e-5
    ),
    Printed("continuous", NONE | {"s": 1, "r_0": 0.1, "r_1": 0.05}, 1 / 3),
    # The same alternative as outside option, patience share .15: nothing, until it binds.
    Printed("continuous", NONE | {"s": 1, "r_0": 0.85, "r_1": 0.15, "o_0": 0.14}, 0.15),
    Printed("continuous", NONE | {"s": 1, "r_0": 0.85, "r_1": 0.15, "o_0": 0.21}, 0.21),
]


@pytest.mark.parametrize("case", PRINTED, ids=lambda c: f"{c.form}-{c.first:.4g}")
def test_printed_values(case: Printed, forms: dict[str, ClosedForm]) -> None:
    payoffs = forms[case.form].numeric()(**case.arguments)
    assert payoffs[0] == pytest.approx(case.first, abs=case.digits)
    if case.second is not None:
        assert payoffs[1] == pytest.approx(case.second, abs=case.digits)


def _random_frontier(kind: str) -> dict[str, np.ndarray]:
    """Draw 40 frontiers with a disagreement point below each."""
    k = RNG.uniform(0.1, 5, 40)
    d_0, d_1 = RNG.uniform(0, 2, 40), RNG.uniform(-2, 2, 40)
    above = RNG.uniform(0.1, 5, 40)
    return {"k": k, "d_0": d_0, "d_1": d_1, "m": d_1 + above + k * d_0 ** (2 if kind == "quadratic" else 1)}


def _search(function: Callable[[float], float], low: float, high: float) -> float:
    return float(minimize_scalar(function, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x)


@pytest.mark.parametrize("kind", ["linear", "quadratic"])
def test_concepts_meet_their_definitions(kind: str, forms: dict[str, ClosedForm]) -> None:
    """Nash by search over the product, the others by bisection along their rays."""
    cells = _random_frontier(kind)
    w, p_0, p_1 = RNG.uniform(0.1, 0.9, 40), RNG.uniform(0.2, 3, 40), RNG.uniform(0.2, 3, 40)
    nash = forms[f"nash {kind}"].numeric()(**cells, w=w)
    ks = forms[f"ks {kind}"].numeric()(**cells)
    equal = forms[f"egalitarian {kind}"].numeric()(**cells, p_0=p_0, p_1=p_1)
    power = 2 if kind == "quadratic" else 1
    for c in range(40):
        m, k, d_0, d_1 = (cells[name][c] for name in ("m", "k", "d_0", "d_1"))

        def best(x: float, m: float = m, k: float = k) -> float:
            return float(m - k * x**power)

        top = ((m - d_1) / k) ** (1 / power)
        bliss = best(d_0)

        def minus_product(
            x: float, c: int = c, d_0: float = d_0, d_1: float = d_1, best: object = best
        ) -> float:
            gain = best(x) - d_1  # type: ignore[operator]
            return (
                float(-w[c] * np.log(x - d_0) - (1 - w[c]) * np.log(gain)) if gain > 0 < x - d_0 else np.inf
            )

        assert nash[c, 0] == pytest.approx(_search(minus_product, d_0, top), abs=1e-6 * top)
        for found, right, up in ((ks, top - d_0, bliss - d_1), (equal, p_0[c], p_1[c])):
            t = brentq(lambda t: best(d_0 + t * right) - d_1 - t * up, 0, 2 * (top - d_0) / right, xtol=1e-15)  # noqa: B023
            np.testing.assert_allclose(found[c], [d_0 + t * right, d_1 + t * up], rtol=1e-10, atol=1e-10)
    for found in (nash, ks, equal):
        np.testing.assert_allclose(
            found[:, 1], cells["m"] - cells["k"] * found[:, 0] ** power, rtol=1e-9, atol=1e-9
        )


def test_offers_leave_the_responder_indifferent(forms: dict[str, ClosedForm]) -> None:
    """Each responder gets its discounted payoff as next proposer, on both frontiers."""
    delta = RNG.uniform(0.05, 0.99, (2, 30))
    for kind, arguments in (("rubinstein", {"s": 3.0}), ("rubinstein quadratic", {"m": 3.0, "k": 0.7})):
        cells = {**arguments, "delta_0": delta[0], "delta_1": delta[1]}
        x, y = forms[kind].numeric()(**cells), forms[f"{kind} second"].numeric()(**cells)
        np.testing.assert_allclose(x[:, 1], delta[1] * y[:, 1], rtol=1e-12)
        np.testing.assert_allclose(y[:, 0], delta[0] * x[:, 0], rtol=1e-12)
        for z in (x, y):
            height = 3 - z[:, 0] if kind == "rubinstein" else 3 - 0.7 * z[:, 0] ** 2
            np.testing.assert_allclose(z[:, 1], height, rtol=1e-12)


def test_outside_options_are_the_fixed_point_of_the_offers(forms: dict[str, ClosedForm]) -> None:
    """Iterate v_i = s - max(delta_j v_j, o_j) from nothing on a grid that reaches all four regimes."""
    delta_0, delta_1, o_0, o_1 = (
        a.ravel()
        for a in np.meshgrid([0.3, 0.8, 0.95], [0.5, 0.9], [0, 0.3, 0.55, 0.7], [0, 0.25, 0.43, 0.6])
    )
    keep = o_0 + o_1 < 1
    delta_0, delta_1, o_0, o_1 = delta_0[keep], delta_1[keep], o_0[keep], o_1[keep]
    v = np.zeros((2, keep.sum()))
    for _ in range(3000):
        v = np.stack([1 - np.maximum(delta_1 * v[1], o_1), 1 - np.maximum(delta_0 * v[0], o_0)])
    cells = {"s": 1, "delta_0": delta_0, "delta_1": delta_1, "o_0": o_0, "o_1": o_1}
    np.testing.assert_allclose(
        forms["outside"].numeric()(**cells), np.stack([v[0], 1 - v[0]], -1), atol=1e-12
    )
    np.testing.assert_allclose(
        forms["outside second"].numeric()(**cells), np.stack([1 - v[1], v[1]], -1), atol=1e-12
    )
    binds = (o_0 > delta_0 * v[0], o_1 > delta_1 * v[1])
    assert {(bool(a), bool(b)) for a, b in zip(*binds, strict=True)} == {
        (False, False),
        (True, False),
        (False, True),
        (True, True),
    }


def test_breakdown_is_the_fixed_point_of_the_offers(forms: dict[str, ClosedForm]) -> None:
    p, b_0, b_1 = 0.15, np.array([0.3, -0.2, 0.6]), np.array([0.1, 0.5, 0.35])
    v = np.zeros((2, 3))
    for _ in range(500):
        v = np.stack([1 - p * b_1 - (1 - p) * v[1], 1 - p * b_0 - (1 - p) * v[0]])
    cells = {"s": 1, "p": p, "b_0": b_0, "b_1": b_1}
    np.testing.assert_allclose(forms["breakdown"].numeric()(**cells)[:, 0], v[0], atol=1e-13)
    np.testing.assert_allclose(forms["breakdown second"].numeric()(**cells)[:, 1], v[1], atol=1e-13)


@pytest.mark.parametrize("outside", [(0.0, 0.0), (0.75, 0.1), (0.1, 0.7), (0.1, 0.89)])
def test_continuous_offers_are_approached_as_the_period_shrinks(
    outside: tuple[float, float], forms: dict[str, ClosedForm]
) -> None:
    """Solve the game with period D by iteration, at two periods, and extrapolate to zero."""
    r, h, g, b = np.array([0.1, 0.25]), 0.3, np.array([0.02, 0.05]), np.array([0.3, 0.1])
    limits = []
    for period in (0.02, 0.01):
        last = np.exp(-(r + h) * period)
        waits = (1 - last) * (g + h * b) / (r + h)
        v = np.zeros(2)
        for _ in range(6000):
            reject = np.maximum(waits + last * v, outside)
            v = 1 - reject[::-1]
        limits.append((v[0] + 1 - v[1]) / 2)
    found = forms["continuous"].numeric()(
        s=1, r_0=r[0], r_1=r[1], h=h, g_0=g[0], g_1=g[1], b_0=b[0], b_1=b[1], o_0=outside[0], o_1=outside[1]
    )
    assert found[0] == pytest.approx(2 * limits[1] - limits[0], abs=3e-5)
    assert found.sum() == pytest.approx(1, abs=1e-15)


def test_threat_form_of_continuous_offers(forms: dict[str, ClosedForm]) -> None:
    """The split about threat_i = (g_i + h b_i)/(r_i + h) with weights r_j + h."""
    form = forms["continuous"].substitute(o_0=sp.Integer(-1000), o_1=sp.Integer(-1000))
    s, r_0, r_1, h, g_0, g_1, b_0, b_1 = (
        form.symbol(name) for name in ("s", "r_0", "r_1", "h", "g_0", "g_1", "b_0", "b_1")
    )
    threat_0, threat_1 = (g_0 + h * b_0) / (r_0 + h), (g_1 + h * b_1) / (r_1 + h)
    expected = threat_0 + (r_1 + h) / (r_0 + r_1 + 2 * h) * (s - threat_0 - threat_1)
    inner = form.expressions[0].args[-1].expr if form.expressions[0].is_Piecewise else form.expressions[0]
    assert sp.simplify(inner - expected) == 0


def test_finite_horizon_is_backward_induction(forms: dict[str, ClosedForm]) -> None:
    value, last = forms["horizon"].numeric(), 0.0
    for offers in range(1, 30):
        last = 2 - 0.85 * last
        assert value(s=2, delta=0.85, N=offers)[0] == pytest.approx(last, rel=1e-13)
    np.testing.assert_array_equal(
        value(s=2, delta=0.85, N=4)[::-1], forms["horizon second"].numeric()(s=2, delta=0.85, N=4)
    )


@pytest.mark.parametrize("players", [2, 3])
def test_random_proposer_is_the_fixed_point_of_the_offers(players: int, forms: dict[str, ClosedForm]) -> None:
    delta, p = np.array([0.9, 0.7, 0.5])[:players], np.array([0.2, 0.5, 0.3])[:players]
    p = p / p.sum()
    v = np.zeros(players)
    for _ in range(3000):
        offered = delta * v
        v = p * (1 - offered.sum() + offered) + (1 - p) * offered
    found = forms[f"random {players}"].numeric()(
        s=1,
        **{f"p_{i}": p[i] for i in range(players - 1)},
        **{f"delta_{i}": delta[i] for i in range(players)},
    )
    np.testing.assert_allclose(found, v, rtol=1e-12)
    np.testing.assert_allclose(v, p / (1 - delta) / (p / (1 - delta)).sum(), rtol=1e-12)


def test_relabelling_the_players_relabels_the_payoffs(forms: dict[str, ClosedForm]) -> None:
    cells = {"s": 1.0, "delta_0": 0.9, "delta_1": 0.7, "o_0": 0.5, "o_1": 0.2}
    swapped = {"s": 1.0, "delta_0": 0.7, "delta_1": 0.9, "o_0": 0.2, "o_1": 0.5}
    first, second = forms["outside"].numeric()(**cells), forms["outside second"].numeric()(**swapped)
    np.testing.assert_allclose(first, second[::-1], rtol=1e-15)


@dataclass(frozen=True)
class Statics:
    """A comparative static with a known value."""

    form: str
    symbol: str
    arguments: dict[str, float]
    expected: tuple[float, float]


BASE = NONE | {"s": 1, "r_0": 0.1, "r_1": 0.1}
STATICS = [
    # The outside option principle: no effect until it binds, then one for one.
    Statics("continuous", "o_1", BASE | {"o_1": 0.45}, (0.0, 0.0)),
    Statics("continuous", "o_1", BASE | {"o_1": 0.55}, (-1.0, 1.0)),
    Statics("continuous", "o_0", BASE | {"o_0": 0.55}, (1.0, -1.0)),
    # The same payoff on breakdown, at hazard h: h / (r_0 + r_1 + 2h), always.
    Statics("continuous", "b_0", BASE | {"h": 0.4, "b_0": 0.1}, (0.4, -0.4)),
    # A flow while talks last: 1 / (r_0 + r_1 + 2h).
    Statics("continuous", "g_0", BASE | {"g_0": 0.01}, (5.0, -5.0)),
    # A disagreement payoff on a line moves the split by half.
    Statics("ks linear", "d_0", {"m": 1, "k": 1, "d_0": 0.2, "d_1": 0}, (0.5, -0.5)),
    Statics("nash linear", "d_0", {"m": 1, "k": 1, "d_0": 0.2, "d_1": 0, "w": 0.3}, (0.7, -0.7)),
]


@pytest.mark.parametrize("case", STATICS, ids=lambda c: f"{c.form}-{c.symbol}-{c.expected[0]}")
def test_comparative_statics(case: Statics, forms: dict[str, ClosedForm]) -> None:
    slope = forms[case.form].derivative(case.symbol).numeric()(**case.arguments)
    np.testing.assert_allclose(slope, case.expected, atol=1e-14)


SAMPLES: dict[str, dict[str, float]] = {
    "nash quadratic": {"m": 4, "k": 1.2, "d_0": 0.3, "d_1": 0.4, "w": 0.4},
    "rubinstein quadratic": {"m": 4, "k": 1.2, "delta_0": 0.8, "delta_1": 0.6},
    "outside": {"s": 1, "delta_0": 0.8, "delta_1": 0.6, "o_0": 0.6, "o_1": 0.1},
    "breakdown": {"s": 1, "p": 0.3, "b_0": 0.1, "b_1": 0.2},
    "random 2": {"s": 1, "p_0": 0.3, "delta_0": 0.8, "delta_1": 0.6},
}


@pytest.mark.dear("nash quadratic")
@pytest.mark.parametrize("name", SAMPLES)
def test_derivatives_match_differences(name: str, forms: dict[str, ClosedForm]) -> None:
    form, at = forms[name], SAMPLES[name]
    value, step = form.numeric(), 1e-6
    for symbol in (next(iter(at)), list(at)[-1]):
        ahead, behind = value(**{**at, symbol: at[symbol] + step}), value(**{**at, symbol: at[symbol] - step})
        exact = form.derivative(symbol).numeric()(**at)
        np.testing.assert_allclose(exact, (ahead - behind) / (2 * step), rtol=1e-7, atol=1e-8)


def test_latex_is_balanced_and_names_both_players(forms: dict[str, ClosedForm]) -> None:
    for form in forms.values():
        text = form.to_latex()
        assert text.count("{") == text.count("}")
        assert text.count("\\begin") == text.count("\\end")
        assert "x_{0} &=" in text
        assert form.source


def test_latex_of_a_derivative() -> None:
    text = symbolic.rubinstein().derivative("s").to_latex()
    assert text == (
        "\\begin{aligned}\n"
        "\\partial x_{0} / \\partial s &= \\frac{1 - \\delta_{1}}{1 - \\delta_{0} \\delta_{1}} \\\\\n"
        "\\partial x_{1} / \\partial s &= \\frac{\\delta_{1} \\left(1 - \\delta_{0}\\right)}"
        "{1 - \\delta_{0} \\delta_{1}}\n"
        "\\end{aligned}"
    )


def test_substitution_stays_exact() -> None:
    form = symbolic.rubinstein().substitute(s=1, delta_0=Fraction(9, 10), delta_1=Fraction(4, 5))
    assert form.expressions == (sp.Rational(5, 7), sp.Rational(2, 7))
    assert form.symbols == ()
    np.testing.assert_allclose(form.numeric()(), [5 / 7, 2 / 7], rtol=1e-15)
    common = sp.Symbol("delta", positive=True)
    both = symbolic.rubinstein().substitute(delta_0=common, delta_1=common)
    assert sp.simplify(both.expressions[0] - both.symbol("s") / (1 + common)) == 0
    assert common in both.symbols


def test_numbers_outside_the_assumptions_are_not_answered() -> None:
    value = symbolic.outside_options().numeric()
    cells = {
        "s": 1,
        "delta_0": [0.9, 1.1, 0.9, 0.9],
        "delta_1": 0.9,
        "o_0": [0.0, 0.0, 0.7, -0.1],
        "o_1": 0.4,
    }
    payoffs = value(**cells)
    assert np.isfinite(payoffs[0]).all()
    assert np.isnan(payoffs[1:]).all()


def test_bad_arguments_are_refused_by_name() -> None:
    form = symbolic.rubinstein()
    with pytest.raises(InvalidInput, match="must be s, delta_0, delta_1; got s"):
        form.numeric()(s=1)
    with pytest.raises(InvalidInput, match="must be one of s, delta_0, delta_1; got 'gamma'"):
        form.derivative("gamma")
    with pytest.raises(InvalidInput, match="`delta_0` must be a number or a sympy expression; got a string"):
        form.substitute(delta_0="__import__('os')")
    with pytest.raises(InvalidInput, match="must meet the assumptions"):
        form.substitute(delta_0=2)
    with pytest.raises(InvalidInput, match="`s` must be finite"):
        form.numeric()(s=np.nan, delta_0=0.5, delta_1=0.5)
    with pytest.raises(InvalidInput, match="`proposer` must be a player"):
        symbolic.rubinstein(proposer=2)
    with pytest.raises(InvalidInput, match="`players` must be an integer from 2 to 6"):
        symbolic.random_proposer(players=1)


def test_a_frontier_without_a_closed_form_says_so() -> None:
    x, d_0, d_1 = sp.symbols("x d_0 d_1", nonnegative=True)
    quintic = symbolic.SymbolicFrontier(
        payoff=x, best=1 - x**5 - x**2, disagreement=(d_0, d_1), symbols=(), example={d_0: 0, d_1: 0}
    )
    with pytest.raises(Unsolved, match="no closed form found on the frontier"):
        symbolic.nash(quintic)


def test_sympy_is_imported_only_when_a_form_is_derived() -> None:
    code = "import sys, bargaining.exact.symbolic; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=".").returncode == 0


CELLS = 50


def _pie(d: ArrayLike = (0.0, 0.0)) -> Problem:
    return Problem(TransferableSurplus(1.0), d)


def test_concepts_of_the_library_agree(forms: dict[str, ClosedForm]) -> None:
    """A batch of parabolas, solved numerically and by formula."""
    cells = _random_frontier("quadratic")
    m, k, d = cells["m"], cells["k"], np.stack((cells["d_0"], cells["d_1"]), axis=-1)
    frontier = Frontier(
        lambda x: m - k * x**2, np.zeros(40), np.sqrt((m + 3) / k), derivative=lambda x: -2 * k * x
    )
    problem = Problem(frontier, d)
    pairs = (
        (nash(problem, weights=[0.3, 0.7]), forms["nash quadratic"].numeric()(**cells, w=0.3)),
        (kalai_smorodinsky(problem), forms["ks quadratic"].numeric()(**cells)),
        (
            egalitarian(problem, weights=[0.6, 0.4]),
            forms["egalitarian quadratic"].numeric()(**cells, p_0=0.6, p_1=0.4),
        ),
    )
    for found, formula in pairs:
        np.testing.assert_allclose(found.payoffs, formula, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("proposer", [0, 1])
def test_alternating_offers_of_the_library_agree(proposer: int, forms: dict[str, ClosedForm]) -> None:
    suffix = " second" if proposer else ""
    delta, o = RNG.uniform(0.05, 0.99, (CELLS, 2)), RNG.dirichlet([1, 1, 1], CELLS)[:, :2]
    named = {"s": 1.0, "delta_0": delta[:, 0], "delta_1": delta[:, 1]}
    plain = AlternatingOffers(delta, proposer=proposer)(_pie())
    np.testing.assert_allclose(plain.payoffs, forms[f"rubinstein{suffix}"].numeric()(**named), rtol=1e-11)
    leaving = AlternatingOffers(delta, outside=o, proposer=proposer)(_pie())
    formula = forms[f"outside{suffix}"].numeric()(**named, o_0=o[:, 0], o_1=o[:, 1])
    np.testing.assert_allclose(leaving.payoffs, formula, rtol=1e-11)
    risk = AlternatingOffers(1.0, breakdown=0.2, breakdown_payoffs=[0.3, 0.1], proposer=proposer)(_pie())
    formula = forms[f"breakdown{suffix}"].numeric()(s=1, p=0.2, b_0=0.3, b_1=0.1)
    np.testing.assert_allclose(risk.payoffs, formula, rtol=1e-11)
    for horizon in (1, 2, 7):
        last = AlternatingOffers(0.85, horizon=horizon, proposer=proposer)(_pie())
        formula = forms[f"horizon{suffix}"].numeric()(s=1, delta=0.85, N=horizon)
        np.testing.assert_allclose(last.payoffs, formula, atol=1e-14)


def test_the_continuous_limit_of_the_library_agrees(forms: dict[str, ClosedForm]) -> None:
    r, h, g, b, o = (
        RNG.uniform(0.01, 0.5, (CELLS, 2)),
        RNG.uniform(0, 1, CELLS),
        RNG.uniform(0, 0.01, (CELLS, 2)),
        RNG.uniform(-0.2, 0.4, (CELLS, 2)),
        RNG.dirichlet([1, 1, 1], CELLS)[:, :2],
    )
    found = ContinuousOffers(r, inside=g, breakdown=h, breakdown_payoffs=b, outside=o)(_pie())
    pairs = {"r": r, "g": g, "b": b, "o": o}
    named = {f"{letter}_{i}": array[:, i] for letter, array in pairs.items() for i in (0, 1)}
    formula = forms["continuous"].numeric()(s=1, h=h, **named)
    good = np.isfinite(formula[:, 0]) & np.asarray(found.ok)
    assert good.mean() > 0.6
    np.testing.assert_allclose(found.payoffs[good], formula[good], rtol=1e-11)


def test_random_proposers_of_the_library_agree(forms: dict[str, ClosedForm]) -> None:
    delta, p = [0.9, 0.7, 0.5], [0.2, 0.5, 0.3]
    found = RandomProposer(p, delta)(Problem(TransferableSurplus(2.0, players=3), [0.0, 0.0, 0.0]))
    named = {f"delta_{i}": delta[i] for i in range(3)} | {"p_0": p[0], "p_1": p[1]}
    np.testing.assert_allclose(found.payoffs, forms["random 3"].numeric()(s=2.0, **named), rtol=1e-12)
