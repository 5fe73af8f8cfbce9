"""Formulas for divisions, which sympy derives from the conditions that define them.

Payoffs are for players 0 and 1. Every function states its conditions, solves them with sympy and returns a
`ClosedForm`; no formula is copied from a book. Use them in papers and as an independent check of the numerical solvers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bargaining._arguments import player_index
from bargaining.errors import InvalidInput
from bargaining.exact.closed_form import (
    ClosedForm,
    SymbolicFrontier,
    divide,
    length,
    linear_frontier,
    quadratic_frontier,
    surplus_frontier,
    tidy,
    tidy_condition,
)

if TYPE_CHECKING:
    import sympy as sp

__all__ = [
    "ClosedForm",
    "SymbolicFrontier",
    "breakdown",
    "continuous_offers",
    "egalitarian",
    "finite_horizon",
    "kalai_smorodinsky",
    "linear_frontier",
    "nash",
    "outside_options",
    "quadratic_frontier",
    "random_proposer",
    "rubinstein",
    "surplus_frontier",
]


def nash(frontier: SymbolicFrontier) -> ClosedForm:
    """Return the Nash solution with weight w for player 0 and 1 - w for player 1.

    Solves the first-order condition of w log(x0 - d0) + (1 - w) log(f(x0) - d1),

        w (f(x0) - d1) + (1 - w) (x0 - d0) f'(x0) = 0.
    """
    import sympy as sp

    x, (d_0, d_1), w = frontier.payoff, frontier.disagreement, sp.Symbol("w", positive=True)
    slope = sp.diff(frontier.best, x)
    condition = w * (frontier.best - d_1) + (1 - w) * (x - d_0) * slope
    pair = divide(frontier, condition, d_1 - (1 - w) / w * (x - d_0) * slope, {w: sp.Rational(2, 5)})
    source = "Maximiser of (x0 - d0)^w (x1 - d1)^(1 - w). Nash (1950); Kalai (1977, IJGT)."
    return _on_frontier(frontier, pair, (w,), (w < 1,), source)


def kalai_smorodinsky(frontier: SymbolicFrontier) -> ClosedForm:
    """Return the Kalai-Smorodinsky solution: gains in proportion to the ideal gains.

    The ideal point over x >= d is (f⁻¹(d1), f(d0)); the solution is where the ray to it from d meets the
    frontier.
    """
    x, (d_0, d_1) = frontier.payoff, frontier.disagreement
    slope = (frontier.at(d_0) - d_1) / (frontier.ideal(d_1) - d_0)
    pair = divide(frontier, frontier.best - d_1 - slope * (x - d_0), d_1 + slope * (x - d_0), {})
    source = (
        "Frontier point on the segment from d to the ideal point over x >= d. Kalai and Smorodinsky (1975)."
    )
    return _on_frontier(frontier, pair, (), (), source)


def egalitarian(frontier: SymbolicFrontier) -> ClosedForm:
    """Return the proportional solution: gains in the proportion p0 : p1, egalitarian when equal."""
    import sympy as sp

    x, (d_0, d_1), p = frontier.payoff, frontier.disagreement, sp.symbols("p_0 p_1", positive=True)
    ray = d_1 + p[1] / p[0] * (x - d_0)
    pair = divide(frontier, frontier.best - ray, ray, {p[0]: 2, p[1]: 3})
    return _on_frontier(frontier, pair, p, (), "Frontier point d + t (p0, p1). Kalai (1977, Econometrica).")


def rubinstein(frontier: SymbolicFrontier | None = None, *, proposer: int = 0) -> ClosedForm:
    """Return the division when players alternate offers for ever and discount by delta_0, delta_1.

    Timing: `proposer` offers at once; after a rejection the other offers one period later. Payoffs without agreement
    are zero. With x the division when 0 proposes and y when 1 does, each responder is indifferent, x1 = delta_1 y1 and
    y0 = delta_0 x0, and both divisions are on the frontier. Without a `frontier` a surplus s is divided.
    """
    import sympy as sp

    first, delta = player_index(proposer, "proposer", 2), sp.symbols("delta_0 delta_1", positive=True)
    frontier = surplus_frontier() if frontier is None else frontier
    x, nothing = frontier.payoff, dict.fromkeys(frontier.disagreement, sp.Integer(0))
    counter = frontier.at(delta[0] * x)
    example = {delta[0]: sp.Rational(4, 5), delta[1]: sp.Rational(9, 10), **nothing}
    own, kept = divide(
        frontier, frontier.best - delta[1] * counter, delta[1] * counter, example, floors=(0, 0)
    )
    # The division when 1 proposes: 0 gets delta_0 x0, and x1 = delta_1 y1.
    pair = (own, kept) if first == 0 else (tidy(delta[0] * own), tidy(kept / delta[1]))
    return _form(
        pair,
        (*frontier.symbols, *delta),
        (*(c.subs(nothing) for c in frontier.assumptions), frontier.at(0) > 0, delta[0] < 1, delta[1] < 1),
        f"Alternating offers without end, player {first} first. Rubinstein (1982).",
    )


def outside_options(*, proposer: int = 0) -> ClosedForm:
    """Return the division when the responder, having rejected, may also leave and take o_i.

    Leaving ends the talks, and then the other player gets its own option. Let v_i be player i's payoff as proposer:

        v_0 = s - max(delta_1 v_1, o_1),    v_1 = s - max(delta_0 v_0, o_0).

    Each combination of options that bind is solved as a linear system; exactly one is consistent
    when o_0 + o_1 < s. The option has no effect until it binds.
    """
    import sympy as sp

    i = player_index(proposer, "proposer", 2)
    j = 1 - i
    s, *v = sp.symbols("s v_0 v_1", positive=True)
    delta, o = sp.symbols("delta_0 delta_1", positive=True), sp.symbols("o_0 o_1", nonnegative=True)

    def solve(binding: tuple[bool, bool]) -> tuple[sp.Expr, sp.Basic]:
        kept = [o[k] if binding[k] else delta[k] * v[k] for k in (0, 1)]
        found = sp.solve([v[0] - s + kept[1], v[1] - s + kept[0]], v, dict=True)[0]
        # o_k - delta_k v_k increases in o_k, so it has the sign of o_k minus its root.
        limit = [sp.solve(o[k] - delta[k] * found[v[k]], o[k])[0] for k in (0, 1)]
        consistent = (o[k] > limit[k] if binding[k] else o[k] <= limit[k] for k in (0, 1))
        payoff = min(s - tidy(s - found[v[i]]), tidy(found[v[i]]), key=length)
        return payoff, tidy_condition(sp.And(*consistent))

    neither, own, other = (solve(case) for case in ((False, False), (i == 0, i == 1), (j == 0, j == 1)))
    cases = [(neither[0], neither[1]), (own[0], own[1]), (other[0], True)]
    payoffs = {i: sp.Piecewise(*cases), j: sp.Piecewise(*((tidy(s - e), c) for e, c in cases))}
    return _form(
        (payoffs[0], payoffs[1]),
        (s, *delta, *o),
        (delta[0] < 1, delta[1] < 1, o[0] + o[1] < s),
        f"Alternating offers, player {i} first; the responder may leave after rejecting. "
        "Binmore, Shaked and Sutton (1989); Muthoo (1999, ch. 5).",
    )


def breakdown(*, proposer: int = 0) -> ClosedForm:
    """Return the division when talks break down with probability p after each rejection.

    There is no discounting. Breakdown pays b_0, b_1; otherwise the responder offers next: v_i = s - p b_j - (1 - p) v_j
    for both i, where v_i is player i's payoff as proposer.
    """
    import sympy as sp

    i = player_index(proposer, "proposer", 2)
    s, p, *v = sp.symbols("s p v_0 v_1", positive=True)
    b = sp.symbols("b_0 b_1", real=True)
    equations = [v[k] - s + p * b[1 - k] + (1 - p) * v[1 - k] for k in (0, 1)]
    kept = sp.solve(equations, v, dict=True)[0][v[i]]
    payoffs = {i: tidy(kept), 1 - i: tidy(s - kept)}
    return _form(
        (payoffs[0], payoffs[1]),
        (s, p, *b),
        (p < 1, b[0] + b[1] < s),
        f"Alternating offers with risk of breakdown, player {i} first. Binmore, Rubinstein and Wolinsky (1986).",
    )


def continuous_offers() -> ClosedForm:
    """Return the limit of alternating offers as the period shrinks to zero, with flows, breakdown and outside options.

    Player i discounts at rate r_i and gets a flow g_i while talks last. Talks break down at hazard h and then pay b_i;
    a responder may leave and take o_i. A player who rejects gets the value of the flow and the breakdown during one
    period D, the integral of exp(-(r_i + h) t) (g_i + h b_i), and then v_i as proposer. The indifference equations are
    solved for a period D, and then D goes to zero. Outside options bound the limit from below and above. The flow, the
    breakdown payoff and the outside option play three different roles.
    """
    import sympy as sp

    s, *r = sp.symbols("s r_0 r_1", positive=True)
    h = sp.Symbol("h", nonnegative=True)
    g, b, o = (sp.symbols(f"{letter}_0 {letter}_1", real=True) for letter in "gbo")
    x = _limit_of_offers(s, h, r, g, b)
    y = tidy(s - x)
    first = sp.Piecewise((o[0], o[0] > x), (s - o[1], o[1] > y), (x, True))
    second = sp.Piecewise((s - o[0], o[0] > x), (o[1], o[1] > y), (y, True))
    threats = [(g[k] + h * b[k]) / (r[k] + h) for k in (0, 1)]
    return _form(
        (first, second),
        (s, *r, h, *g, *b, *o),
        (threats[0] + threats[1] < s, o[0] + o[1] < s),
        "Limit of alternating offers as the period shrinks: rates r, flows g while talks last, breakdown at "
        "hazard h paying b, responders' outside options o. Cf. Muthoo (1999, chs. 3-6).",
    )


def _limit_of_offers(s: Any, h: Any, r: Any, g: Any, b: Any) -> Any:
    """Return player 0's payoff as the period goes to zero, without outside options."""
    import sympy as sp

    period, t = sp.symbols("D t", positive=True)
    lasts = [sp.exp(-(r[k] + h) * period) for k in (0, 1)]
    waits = [sp.integrate(sp.exp(-(r[k] + h) * t) * (g[k] + h * b[k]), (t, 0, period)) for k in (0, 1)]
    v, last, wait = (sp.symbols(f"{letter}_0 {letter}_1") for letter in ("v", "E", "W"))
    equations = [v[k] - s + wait[1 - k] + last[1 - k] * v[1 - k] for k in (0, 1)]
    kept = sp.solve(equations, v, dict=True)[0][v[0]]
    top, bottom = (
        e.subs({wait[0]: waits[0], wait[1]: waits[1], last[0]: lasts[0], last[1]: lasts[1]})
        for e in sp.fraction(sp.together(kept))
    )
    # Both vanish at D = 0: the limit is the ratio of their derivatives there.
    ratio = sp.diff(top, period).subs(period, 0) / sp.diff(bottom, period).subs(period, 0)
    return tidy(ratio)


def finite_horizon(*, proposer: int = 0) -> ClosedForm:
    """Return the division when at most N offers are made and both discount by delta.

    By backward induction, with n offers left the proposer gets v(n) = s - delta v(n - 1), and v(0) = 0. The recurrence
    is solved for v(N).
    """
    import sympy as sp

    i = player_index(proposer, "proposer", 2)
    s, delta = sp.symbols("s delta", positive=True)
    offers, v = sp.Symbol("N", integer=True, positive=True), sp.Function("v")
    kept = sp.rsolve(v(offers) - s + delta * v(offers - 1), v(offers), {v(0): 0})
    payoffs = {i: tidy(kept), 1 - i: tidy(s - kept)}
    return _form(
        (payoffs[0], payoffs[1]),
        (s, delta, offers),
        (delta < 1,),
        f"N alternating offers, player {i} first. Ståhl (1972).",
    )


def random_proposer(*, players: int = 2) -> ClosedForm:
    """Return expected payoffs when each period one player is drawn to propose and all must agree.

    Player i proposes with probability p_i and discounts by delta_i. The proposer gives every other player its
    discounted payoff: V_i = p_i (s - sum_{j != i} delta_j V_j) + (1 - p_i) delta_i V_i, that is (1 - delta_i) V_i = p_i
    R with R = s - sum_j delta_j V_j. Payoffs are before the draw.
    """
    import sympy as sp

    if isinstance(players, bool) or not isinstance(players, int) or not 2 <= players <= 6:
        raise InvalidInput(f"`players` must be an integer from 2 to 6; got {players!r}.")
    everyone = range(players)
    s, rest, *v = sp.symbols(["s", "R", *(f"V_{i}" for i in everyone)], positive=True)
    p = sp.symbols([f"p_{i}" for i in everyone], nonnegative=True)
    delta = sp.symbols([f"delta_{i}" for i in everyone], positive=True)
    last = 1 - sum(p[:-1])
    payoffs = [tidy(sp.solve(v[i] - delta[i] * v[i] - p[i] * rest, v[i])[0]) for i in everyone]
    # Since the p_i add up to one, s = R + sum_j delta_j V_j = sum_j (p_j R + delta_j V_j).
    parts = [tidy(p[j] * rest + delta[j] * payoffs[j]) for j in everyone]
    left = s / sum(part / rest for part in parts)
    return _form(
        tuple(payoff.subs(rest, left).subs(p[-1], last) for payoff in payoffs),
        (s, *p[:-1], *delta),
        (*(d < 1 for d in delta), sum(p[:-1]) <= 1),
        "Random proposer, unanimity; the last player proposes with the remaining probability.",
    )


def _on_frontier(
    frontier: SymbolicFrontier,
    pair: tuple[sp.Expr, sp.Expr],
    symbols: tuple[sp.Symbol, ...],
    assumptions: tuple[sp.Basic, ...],
    source: str,
) -> ClosedForm:
    d_0, d_1 = frontier.disagreement
    conditions = (*frontier.assumptions, d_1 < frontier.at(d_0), *assumptions)
    unknown = (d for d in (d_0, d_1) if d.is_Symbol)
    return _form(pair, (*frontier.symbols, *unknown, *symbols), conditions, source)


def _form(
    payoffs: tuple[sp.Expr, ...],
    symbols: tuple[sp.Symbol, ...],
    assumptions: tuple[sp.Basic, ...],
    source: str,
) -> ClosedForm:
    import sympy as sp

    kept = tuple(a for a in assumptions if a != sp.true)
    labels = tuple(f"x_{{{k}}}" for k in range(len(payoffs)))
    return ClosedForm(expressions=payoffs, symbols=symbols, assumptions=kept, labels=labels, source=source)
