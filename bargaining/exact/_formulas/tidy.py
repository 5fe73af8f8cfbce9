"""Formulas in the shape one would write by hand: factored, compact, with few minus signs."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    shielded, roots = _shield(expression)
    if not shielded.is_rational_function() or (roots and length(shielded) > _LONG):
        return expression
    return min(_ratio(shielded), shielded, key=length).xreplace(roots)


def length(expression: sp.Expr) -> int:
    """Return how many symbols one has to write."""
    import sympy as sp

    return sum(part.is_Symbol for part in sp.preorder_traversal(expression))


def tidy_condition(condition: sp.Basic) -> sp.Basic:
    """Return an equal condition with tidy right sides."""
    import sympy as sp

    if isinstance(condition, sp.And):
        return sp.And(*(tidy_condition(part) for part in condition.args))
    return condition.func(condition.lhs, tidy(condition.rhs)) if isinstance(condition, sp.Rel) else condition


def _shield(expression: sp.Expr) -> tuple[sp.Expr, dict[sp.Dummy, sp.Expr]]:
    """Return the expression with outermost roots replaced by symbols, and the roots, tidied inside."""
    import sympy as sp

    roots: dict[sp.Expr, sp.Dummy] = {}
    walk = sp.preorder_traversal(expression)
    for part in walk:
        if part.is_Pow and not part.exp.is_Integer:
            roots[part] = sp.Dummy(f"r{len(roots)}", positive=True)
            walk.skip()
    back = {symbol: tidy(root.base) ** root.exp for root, symbol in roots.items()}
    return expression.xreplace(roots), back


def _ratio(expression: sp.Expr, *, compact: bool = True) -> sp.Expr:
    """Return a factored ratio of polynomials, each sum with the sign that has more plus terms."""
    import sympy as sp

    sign, factors = 1, []
    for factor, power in _factors(sp.factor(expression)):
        if _lead(factor) < 0:
            factor, sign = -factor, -sign if power % 2 else sign
        if factor != 1:
            factors.append((factor, power))
    sums = [k for k, (factor, power) in enumerate(factors) if factor.is_Add and power == 1]
    if sign < 0 and sums:  # put a minus sign that is left over where it does least harm
        k = min(sums, key=lambda k: _balance(factors[k][0]))
        sign, factors[k] = 1, (-factors[k][0], 1)
    return sign * sp.Mul(*((_compact(f) if compact else f) ** e for f, e in factors))


def _factors(expression: sp.Expr) -> list[tuple[sp.Expr, sp.Integer]]:
    """Return the factors of a ratio and their integer powers."""
    import sympy as sp

    found = []
    for side, turn in zip(sp.fraction(expression), (1, -1), strict=True):
        for factor in sp.Mul.make_args(side):
            base, exponent = factor.as_base_exp() if not factor.is_Number else (factor, sp.Integer(1))
            found.append((base, exponent * turn) if exponent.is_Integer else (factor, sp.Integer(turn)))
    return found


def _balance(total: sp.Expr) -> tuple[int, int]:
    """Return the sign of the constant term of a sum, and how many more plus than minus terms it has."""
    constant = next((-1 if term.is_negative else 1 for term in total.args if term.is_Number), 0)
    return constant, sum(-1 if term.could_extract_minus_sign() else 1 for term in total.args)


def _lead(factor: sp.Expr) -> int:
    """Return -1 for a negative number or a sum with more minus terms; a tie goes to the constant term."""
    if factor.is_Number:
        return -1 if factor.is_negative else 1
    constant, balance = _balance(factor) if factor.is_Add else (1, 1)
    decisive = balance or constant
    return (decisive > 0) - (decisive < 0)


def _compact(total: sp.Expr) -> sp.Expr:
    """Return a sum collected in the symbols that shorten it most, one after the other."""
    import sympy as sp

    while total.is_Add:
        found = [sp.collect(total, symbol, _signed) for symbol in sorted(total.free_symbols, key=str)]
        shortest = min([total, *found], key=length)
        if length(shortest) == length(total):
            break
        total = shortest
    return total


def _signed(coefficient: sp.Expr) -> sp.Expr:
    return _ratio(coefficient, compact=False) if coefficient.is_Add else coefficient
