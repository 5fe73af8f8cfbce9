"""Divisions as formulas, with their assumptions; they can be printed, differentiated and evaluated.

A frontier may be given by a formula too; a division on it satisfies a condition. Formulas are simplified for reading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._arrays import Floats, real
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, Unsolved

if TYPE_CHECKING:
    import sympy as sp

_LONG = 12  # symbols; factoring several roots takes seconds and rarely shortens


def tidy(expression: sp.Expr, about: sp.Expr | None = None) -> sp.Expr:
    """Return an equal expression fit to be printed.

    A ratio of polynomials is factored, as a gain over `about` if one is given; roots are tidied inside and,
    in a short formula, treated as symbols; cases are merged into one level and tidied one by one.
    """
    import sympy as sp

    if expression.has(sp.Piecewise):
        pieces = sp.piecewise_fold(expression)
        if not pieces.is_Piecewise:
            return tidy(pieces)
        return sp.Piecewise(*((tidy(e), tidy_condition(c)) for e, c in pieces.args))
    if about is not None:
        return about + tidy(expression - about)
    powers = (part for part in expression.atoms(sp.Pow) if not part.exp.is_Integer)
    roots = {part: sp.Dummy(f"r{k}", positive=True) for k, part in enumerate(sorted(powers, key=str))}
    shielded = expression.xreplace(roots)
    if not shielded.is_rational_function() or (roots and length(shielded) > _LONG):
        return expression
    back = {symbol: tidy(root.base) ** root.exp for root, symbol in roots.items()}
    return min(_ratio(shielded), shielded, key=length).xreplace(back)


def length(expression: sp.Expr) -> int:
    """Return the number of symbols in the written formula."""
    import sympy as sp

    return sum(part.is_Symbol for part in sp.preorder_traversal(expression))


def tidy_condition(condition: sp.Basic) -> sp.Basic:
    """Return an equal condition with tidy right sides."""
    import sympy as sp

    return condition.replace(
        lambda part: isinstance(part, sp.Rel), lambda part: part.func(part.lhs, tidy(part.rhs))
    )


def _ratio(expression: sp.Expr, *, collect: bool = True) -> sp.Expr:
    """Return a factored ratio of polynomials, each sum with the sign that has more plus terms."""
    import sympy as sp

    sign, factors = sp.Integer(1), []
    for factor in sp.Mul.make_args(sp.factor(expression)):
        base, power = factor.as_base_exp()
        if base.is_Add and power.is_Integer and _balance(base) < (0, 0):
            base, sign = -base, sign * (-1) ** power
        factors.append((base, power))
    sign *= sp.Mul(*(base**power for base, power in factors if base.is_Number))
    factors = [(base, power) for base, power in factors if not base.is_Number]
    sums = [k for k, (base, power) in enumerate(factors) if base.is_Add and power == 1]
    if sign.is_negative and sums:  # put a remaining minus sign where it is least disturbing
        k = min(sums, key=lambda k: _balance(factors[k][0])[::-1])
        sign, factors[k] = -sign, (-factors[k][0], 1)
    return sign * sp.Mul(*((_collected(base) if collect else base) ** power for base, power in factors))


def _balance(total: sp.Expr) -> tuple[int, int]:
    """Return how many more plus than minus terms a sum has, and the sign of its constant term."""
    constant = next((-1 if term.is_negative else 1 for term in total.args if term.is_Number), 0)
    return sum(-1 if term.could_extract_minus_sign() else 1 for term in total.args), constant


def _collected(total: sp.Expr) -> sp.Expr:
    """Return a sum collected in the symbols that shorten it most, one after the other."""
    import sympy as sp

    while total.is_Add:
        collected = [sp.collect(total, symbol, _signed) for symbol in sorted(total.free_symbols, key=str)]
        shortest = min([total, *collected], key=length)
        if length(shortest) == length(total):
            break
        total = shortest
    return total


def _signed(coefficient: sp.Expr) -> sp.Expr:
    return _ratio(coefficient, collect=False) if coefficient.is_Add else coefficient


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
        One admissible rational value for each symbol above, disagreement payoffs included. If an
        equation has several roots, the one that is individually rational at the example is taken; by concavity
        there is only one, and it stays in the interior as the parameters vary.
    assumptions : tuple of sympy.Rel, optional
        Assumptions besides the signs of the symbols and d lying below the frontier.

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
    """Return the payoffs of the division that satisfies a condition.

    The condition is zero at player 0's payoff, and `other` is player 1's payoff there, both in terms of
    `frontier.payoff`; `example` has values of the symbols that are not in the frontier, `floors` are least payoffs if
    not those of disagreement. A parameter in which `best` is linear is first traded for player 0's ideal payoff, in
    which the roots of the usual conditions are short.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm(Shown):
    """The players' payoffs as sympy expressions, with the domain on which they hold.

    Parameters
    ----------
    expressions : tuple of sympy.Expr
        One per player.
    symbols : tuple of sympy.Symbol
        The symbols in the expressions, in the order of the definition. Signs are declared on the
        symbols themselves.
    assumptions : tuple of sympy.Rel
        Further assumptions.
    labels : tuple of str
        LaTeX of the left sides.
    source : str
        Definition solved, its timing, and citation.

    Examples
    --------
    >>> from bargaining.exact.symbolic import rubinstein
    >>> form = rubinstein()
    >>> print(form.to_latex())
    \\begin{aligned}
    x_{0} &= \\frac{s \\left(1 - \\delta_{1}\\right)}{1 - \\delta_{0} \\delta_{1}} \\\\
    x_{1} &= \\frac{\\delta_{1} s \\left(1 - \\delta_{0}\\right)}{1 - \\delta_{0} \\delta_{1}}
    \\end{aligned}
    >>> form.numeric()(s=1, delta_0=0.9, delta_1=[0.8, 0.9])
    array([[0.71428571, 0.28571429],
           [0.52631579, 0.47368421]])
    """

    expressions: tuple[sp.Expr, ...]
    symbols: tuple[sp.Symbol, ...]
    assumptions: tuple[sp.Basic, ...]
    labels: tuple[str, ...]
    source: str

    def symbol(self, name: str) -> sp.Symbol:
        """Return the symbol called `name`."""
        for symbol in self.symbols:
            if symbol.name == name:
                return symbol
        raise InvalidInput(f"`name` must be one of {self._names()}; got {name!r}.")

    def to_latex(self) -> str:
        """Return the formulas as an ``aligned`` block, one line per player."""
        from sympy.printing.latex import LatexPrinter

        class PlusFirst(LatexPrinter):  # type: ignore[misc]
            def _as_ordered_terms(self, expr: sp.Add, order: str | None = None) -> list[sp.Expr]:
                terms = super()._as_ordered_terms(expr, order=order)
                return sorted(terms, key=lambda term: bool(term.could_extract_minus_sign()))

        printer = PlusFirst()
        lines = [
            f"{label} &= {printer.doprint(e)}" for label, e in zip(self.labels, self.expressions, strict=True)
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def derivative(self, symbol: str | sp.Symbol) -> ClosedForm:
        """Return the comparative statics: each payoff's partial derivative in one parameter.

        Where cases meet the payoffs have a kink; the derivative is that of the case whose condition
        holds there.
        """
        import sympy as sp

        by = self.symbol(symbol) if isinstance(symbol, str) else self.symbol(symbol.name)
        changed = tuple(tidy(sp.diff(e, by)) for e in self.expressions)
        labels = tuple(f"\\partial {label} / \\partial {sp.latex(by)}" for label in self.labels)
        return replace(self, expressions=changed, labels=labels)

    def substitute(self, **values: Any) -> ClosedForm:
        """Return the formulas with some symbols replaced by numbers or other sympy expressions.

        Strings are refused: they would have to be parsed. Floats stay floats; pass
        ``sympy.Rational(1, 3)`` or a `Fraction` to stay exact.
        """
        import sympy as sp

        if strings := [name for name, value in values.items() if isinstance(value, str | bytes)]:
            raise InvalidInput(f"`{strings[0]}` must be a number or a sympy expression; got a string.")
        new = {self.symbol(name): sp.sympify(value, strict=True) for name, value in values.items()}
        fixed = tuple(tidy(e.subs(new, simultaneous=True)) for e in self.expressions)
        conditions = self.assumptions + tuple(c for symbol in new for c in _signs(symbol))
        left = tuple(c for c in (c.subs(new, simultaneous=True) for c in conditions) if c != sp.true)
        if sp.false in left:
            raise InvalidInput(f"values must meet the assumptions of the formula; got {values}.")
        free = set().union(*(e.free_symbols for e in (*fixed, *left)))
        kept = [symbol for symbol in self.symbols if symbol not in new]
        added = sorted(free - set(kept), key=str)
        return replace(self, expressions=fixed, assumptions=left, symbols=(*kept, *added))

    def numeric(self) -> Callable[..., Floats]:
        """Return the formulas as a vectorised function of the symbols' names.

        Its arguments are keywords, broadcast against each other; its answer has the players on a
        new last axis, and NaN where an assumption fails.
        """
        import sympy as sp

        conditions = [c for symbol in self.symbols for c in _signs(symbol)] + list(self.assumptions)
        payoffs = [sp.lambdify(self.symbols, e, modules="numpy") for e in self.expressions]
        holds = [sp.lambdify(self.symbols, c, modules="numpy") for c in conditions]

        def evaluate(**values: Any) -> Floats:
            given = self._arguments(values)
            shape = np.broadcast_shapes(*(array.shape for array in given))
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                each = [np.broadcast_to(f(*given), shape) for f in payoffs]
                inside = np.ones(shape, dtype=bool)
                for condition in holds:
                    inside &= condition(*given)
            return np.where(inside[..., None], np.stack(each, axis=-1), np.nan)

        return evaluate

    def _arguments(self, values: dict[str, Any]) -> list[Floats]:
        names = [symbol.name for symbol in self.symbols]
        if sorted(names) != sorted(values):
            raise InvalidInput(
                f"arguments must be {self._names()}; got {', '.join(sorted(values)) or 'none'}."
            )
        return [real(values[name], name) for name in names]

    def _names(self) -> str:
        return ", ".join(symbol.name for symbol in self.symbols)


def _signs(symbol: sp.Symbol) -> list[sp.Basic]:
    """Return a symbol's declared sign as a condition on a symbol without one."""
    import sympy as sp

    if symbol.is_positive:
        return [sp.StrictGreaterThan(symbol, 0, evaluate=False)]
    return [sp.GreaterThan(symbol, 0, evaluate=False)] if symbol.is_nonnegative else []
