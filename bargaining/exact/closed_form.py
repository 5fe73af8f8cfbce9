"""A division as a formula: what it is, what it assumes, and how to print, differentiate and evaluate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining._arrays import Floats, real
from bargaining._rich import Shown
from bargaining.errors import InvalidInput
from bargaining.exact._formulas import tidy

if TYPE_CHECKING:
    import sympy as sp


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm(Shown):
    """The players' payoffs as sympy expressions, with the domain on which they hold.

    Parameters
    ----------
    expressions : tuple of sympy.Expr
        One per player.
    symbols : tuple of sympy.Symbol
        What the expressions depend on, in the order of the definition. Signs are declared on the
        symbols themselves.
    assumptions : tuple of sympy.Rel
        What must hold besides.
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
