"""Frontiers given by a formula, and the search for the division on one that meets a condition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bargaining.errors import Unsolved
from bargaining.exact._formulas.tidy import length, tidy

if TYPE_CHECKING:
    import sympy as sp


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolicFrontier:
    """The payoffs {(x0, x1) : x1 <= best(x0)}, with `best` decreasing and concave above `disagreement`.

    Parameters
    ----------
    payoff : sympy.Symbol
        Player 0's payoff, x0.
    best : sympy.Expr
        The most player 1 can then get.
    disagreement : tuple of two sympy.Symbol or number
        Each player's payoff without agreement.
    symbols : tuple of sympy.Symbol
        Parameters of `best`.
    example : mapping
        One admissible rational value for each symbol above, disagreement payoffs included. Where an
        equation has several roots, the one that is a division at the example is taken; by concavity
        there is only one, and it cannot leave the interior as the parameters vary.
    assumptions : tuple of sympy.Rel, optional
        What must hold besides the signs of the symbols and d lying below the frontier.

    Examples
    --------
    >>> import sympy as sp
    >>> from bargaining.exact.symbolic import nash
    >>> x, c = sp.symbols("x c", positive=True)
    >>> ellipse = SymbolicFrontier(
    ...     payoff=x,
    ...     best=c * sp.sqrt(1 - x**2),
    ...     disagreement=(sp.Integer(0), sp.Integer(0)),
    ...     symbols=(c,),
    ...     example={c: 1},
    ... )
    >>> nash(ellipse).expressions
    (sqrt(w), c*sqrt(1 - w))
    """

    payoff: sp.Symbol
    best: sp.Expr
    disagreement: tuple[sp.Expr, sp.Expr]
    symbols: tuple[sp.Symbol, ...]
    example: Mapping[sp.Symbol, Any]
    assumptions: tuple[sp.Basic, ...] = ()

    def at(self, payoff: Any) -> sp.Expr:
        """Return the most player 1 can get when player 0 gets `payoff`."""
        return self.best.subs(self.payoff, payoff)

    def ideal(self, floor: Any) -> sp.Expr:
        """Return the most player 0 can get when player 1 gets `floor`."""
        return _only_root(self, self.best - floor, self.example, floor=floor, inside=False)


def linear_frontier() -> SymbolicFrontier:
    """Return the frontier x1 = m - k x0, k > 0."""
    import sympy as sp

    x, m, d_0, d_1 = sp.symbols("x m d_0 d_1", real=True)
    k = sp.Symbol("k", positive=True)
    return SymbolicFrontier(
        payoff=x,
        best=m - k * x,
        disagreement=(d_0, d_1),
        symbols=(m, k),
        example={m: 5, k: 2, d_0: 1, d_1: 1},
    )


def quadratic_frontier() -> SymbolicFrontier:
    """Return the frontier x1 = m - k x0², k > 0, for x0 >= 0."""
    import sympy as sp

    x, d_0 = sp.symbols("x d_0", nonnegative=True)
    m, d_1 = sp.symbols("m d_1", real=True)
    k = sp.Symbol("k", positive=True)
    return SymbolicFrontier(
        payoff=x,
        best=m - k * x**2,
        disagreement=(d_0, d_1),
        symbols=(m, k),
        example={m: 9, k: 2, d_0: 1, d_1: 1},
    )


def surplus_frontier() -> SymbolicFrontier:
    """Return the frontier x1 = s - x0 of a divisible surplus s > 0."""
    import sympy as sp

    s = sp.Symbol("s", positive=True)
    x, d_0, d_1 = sp.symbols("x d_0 d_1", real=True)
    return SymbolicFrontier(
        payoff=x, best=s - x, disagreement=(d_0, d_1), symbols=(s,), example={s: 1, d_0: 0, d_1: 0}
    )


def divide(
    frontier: SymbolicFrontier,
    condition: sp.Expr,
    other: sp.Expr,
    example: Mapping[Any, Any],
    *,
    floors: tuple[Any, Any] | None = None,
) -> tuple[sp.Expr, sp.Expr]:
    """Return the payoffs of the division that meets a condition.

    Parameters
    ----------
    condition, other : sympy.Expr
        What vanishes at player 0's payoff, and player 1's payoff there, both in terms of `frontier.payoff`.
    example : mapping
        Values of the symbols the frontier does not know.
    floors : tuple, optional
        Least payoffs; the disagreement payoffs unless given.

    Notes
    -----
    A parameter in which `best` is linear is first traded for player 0's ideal payoff, in which the roots
    of the usual conditions are short.
    """
    import sympy as sp

    floors = frontier.disagreement if floors is None else floors
    ideal, values = frontier.ideal(floors[1]), {**frontier.example, **example}
    signs = {"positive": True} if frontier.payoff.is_nonnegative else {"real": True}
    symbol = sp.Dummy("a", **signs)
    trade = _trade(frontier, symbol, floors[1])
    values[symbol] = ideal.subs(values)
    payoff = _only_root(frontier, sp.factor(condition.subs(trade)), values, floor=floors[1], above=floors[0])
    payoff = tidy(payoff)
    seconds = [e.subs(frontier.payoff, payoff).subs(trade) for e in (other, frontier.best)]
    pair = (payoff.subs(symbol, ideal), tidy(min(seconds, key=length)).subs(symbol, ideal))
    about = [e if e.is_rational_function() else None for e in pair]
    return tuple(e if a is None else tidy(e, f) for e, a, f in zip(pair, about, floors, strict=True))


def _trade(frontier: SymbolicFrontier, ideal: sp.Symbol, floor: Any) -> dict[sp.Symbol, sp.Expr]:
    """Return one parameter of the frontier in terms of player 0's ideal payoff, if one is linear in it."""
    import sympy as sp

    at_ideal = frontier.at(ideal) - floor
    for symbol in frontier.symbols:
        slope = sp.diff(at_ideal, symbol)
        if slope == 0 or slope.has(symbol):
            continue
        traded = sp.cancel(symbol - at_ideal / slope)
        if traded.has(ideal):
            return {symbol: traded}
    return {}


def _only_root(
    frontier: SymbolicFrontier,
    condition: sp.Expr,
    values: Mapping[Any, Any],
    *,
    floor: Any,
    above: Any = None,
    inside: bool = True,
) -> sp.Expr:
    """Return the root that is a division at the example: above player 0's floor, and above or at player 1's."""
    import sympy as sp

    unknown = sp.Dummy("x", real=True)
    try:
        roots = sp.solve(condition.subs(frontier.payoff, unknown), unknown)
    except NotImplementedError:
        roots = []
    low = frontier.disagreement[0] if above is None else above

    def fits(root: sp.Expr) -> bool:
        own = sp.sympify(root).subs(values)
        gains = [sp.simplify(g.subs(values)) for g in (own - low, frontier.at(own) - floor)]
        if not all(g.is_real for g in gains) or not gains[0] > 0:
            return False
        return bool(gains[1] > 0 if inside else gains[1] == 0)

    found = [root for root in roots if fits(root)]
    if len(found) != 1:
        raise Unsolved(
            f"no closed form found on the frontier {frontier.best}: {len(found)} roots are divisions at "
            f"{dict(frontier.example)}. Solve that problem numerically."
        )
    return found[0]
