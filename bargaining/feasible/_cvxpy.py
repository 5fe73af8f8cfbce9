r"""Payoffs and constraints written in cvxpy as arguments of a `ConvexProgram`; cvxpy itself is not imported.

The variables are stacked into one decision z. Affine expressions are evaluated once: their gradients are constant.
The constraints are {z : rows z <= limits, h(z) <= 0}: an equation is two rows, each other row with a single entry is a
bound, and the domains of the payoffs (of a root, a logarithm) are constraints too. The search starts at the centre of
the largest ball within the inequalities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from bargaining._arguments import is_sequence
from bargaining._arrays import Floats, short
from bargaining.errors import InvalidInput

RECENT = 64  # decisions whose gradients are kept: cvxpy takes a millisecond each; a third are needed again
EQUATIONS = ("Equality", "Zero")
INEQUALITIES = ("Inequality", "NonPos", "NonNeg")


def is_constraint(thing: Any) -> bool:
    """Whether this is a constraint of cvxpy, judged by its attributes."""
    return hasattr(thing, "is_dcp") and hasattr(thing, "dual_variables") and hasattr(thing, "args")


def is_expression(thing: Any) -> bool:
    """Whether this is an expression of cvxpy, judged by its attributes."""
    return hasattr(thing, "is_concave") and hasattr(thing, "variables")


def payoffs_of(constraints: Sequence[Any]) -> Any:
    """Return the only variable of the constraints, the payoffs, which has an entry for each player."""
    known = {one.id: one for rule in constraints for one in (rule.variables() if is_constraint(rule) else [])}
    if len(known) == 1:
        return next(iter(known.values()))
    names = ", ".join(one.name() for one in known.values())
    raise InvalidInput(
        f"`feasible` must have one variable, the payoffs, if it is a list of constraints; got {names or 'none'}. Say "
        "what the payoffs are: ConvexProgram.from_cvxpy([first, second], constraints)."
    )


def read(payoffs: Any, constraints: Sequence[Any]) -> dict[str, Any]:
    """Return payoffs and constraints as arrays and functions; see `ConvexProgram.from_cvxpy`."""
    worth = _payoffs(payoffs)
    if not is_sequence(constraints) or not all(map(is_constraint, constraints)):
        raise InvalidInput(
            f"`constraints` must be a list of constraints of cvxpy; got {short(constraints)}. Write [x <= 1, ...]."
        )
    for k, one in enumerate(constraints):
        if not one.is_dcp():
            raise InvalidInput(f"`constraints[{k}]` must be convex by cvxpy's rules; got {short(one)}.")
    domains = [rule for one in worth for rule in one.domain]
    stack = _Stack([*worth, *constraints, *domains])
    equal: list[Any] = []
    most = [*stack.bounds()]
    for k, one in enumerate([*constraints, *domains]):
        kind, name = type(one).__name__, f"constraints[{k}]" if k < len(constraints) else "payoffs"
        if kind not in EQUATIONS + INEQUALITIES:
            raise InvalidInput(
                f"`{name}` must be an equation or an inequality; got {kind}. Write cones out: cvxpy.norm(x) <= t."
            )
        side = one.args[0] - one.args[1] if len(one.args) == 2 else one.args[0]
        (equal if kind in EQUATIONS else most).append(-side if kind == "NonNeg" else side)
    bends = [one for one in most if not one.is_affine()]
    rows, limits, start = stack.rows(equal, [one for one in most if one.is_affine()])
    for name, each in (("payoffs", worth), ("constraints", bends)):
        for one in each:
            if one.is_pwl() and not one.is_affine():
                raise InvalidInput(
                    f"`{name}` must be smooth; got {short(one)}, which has kinks. Put a variable t in its place, with "
                    "a constraint for each piece: t <= piece."
                )
    single = (np.count_nonzero(rows, axis=1) == 1) & (
        np.arange(len(rows)) < len(rows) - 2 * sum(one.size for one in equal)
    )
    low, high = np.full(start.size, -np.inf), np.full(start.size, np.inf)
    for row, limit in zip(rows[single], limits[single], strict=True):
        k = int(np.argmax(row != 0))
        if row[k] > 0:
            high[k] = min(high[k], limit / row[k])
        else:
            low[k] = max(low[k], limit / row[k])
    values, slopes = stack.functions(worth)
    arguments = {"utilities": values, "jacobian": slopes, "lower": low, "upper": high, "start": start}
    if not single.all():
        arguments |= {"matrix": rows[~single], "limits": limits[~single]}
    if bends:
        bent, bent_slopes = stack.functions(bends)
        arguments |= {"constraints": bent, "constraint_jacobian": bent_slopes}
    return arguments


def _payoffs(payoffs: Any) -> list[Any]:
    """Return one concave expression per player."""
    given = [payoffs] if is_expression(payoffs) else payoffs
    if not is_sequence(given) or not len(given) or not all(map(is_expression, given)):
        raise InvalidInput(
            f"`payoffs` must be an expression of cvxpy for each player; got {short(payoffs)}. For a number write "
            "cvxpy.Constant."
        )
    each = [one if one.size == 1 else one[k] for one in given for k in range(one.size)]
    for k, one in enumerate(each):
        if not one.is_concave():
            raise InvalidInput(
                f"`payoffs[{k}]` must be concave by cvxpy's rules; got {short(one)}. Payoffs that are not make a set "
                "that may not be convex."
            )
    return each


class _Stack:
    """The variables of some expressions, one after the other, each column by column as cvxpy has them."""

    def __init__(self, things: Sequence[Any]) -> None:
        known = {one.id: one for thing in things for one in thing.variables()}
        self.variables = [known[key] for key in sorted(known)]
        for one in self.variables:
            odd = [
                name
                for name, set_ in one.attributes.items()
                if set_ and name not in ("nonneg", "nonpos", "pos", "neg", "bounds")
            ]
            if odd:
                raise InvalidInput(
                    f"`constraints` must have real variables; {one.name()} is {odd[0]}. Drop the attribute, or "
                    "write it as constraints."
                )
        self.ends = np.cumsum([0, *(one.size for one in self.variables)])
        if not self.variables:
            raise InvalidInput("`payoffs` must depend on a variable of cvxpy; got constants alone.")

    def bounds(self) -> list[Any]:
        """Return the constraints in the attributes of variables, as expressions that must be at most 0."""
        said = []
        for one in self.variables:
            signs = one.attributes
            if signs["nonneg"] or signs["pos"]:
                said.append(-one)
            if signs["nonpos"] or signs["neg"]:
                said.append(one)
            low, high = signs.get("bounds") or (None, None)
            for sign, bound in ((-1.0, low), (1.0, high)):
                limits = np.broadcast_to(np.inf if bound is None else np.asarray(bound), one.shape)
                for place in np.argwhere(np.isfinite(limits)):
                    entry = one[tuple(map(int, place))] if one.shape else one
                    said.append(sign * (entry - float(limits[tuple(place)])))
        return said

    def at(self, z: Floats, asked: Callable[[], Any]) -> Any:
        """Return an answer at a decision, and leave the variables as they were."""
        before = [one.value for one in self.variables]
        try:
            for one, start, end in zip(self.variables, self.ends[:-1], self.ends[1:], strict=True):
                one.save_value(z[start:end].reshape(one.shape, order="F"))
            with np.errstate(all="ignore"):
                return asked()
        finally:
            for one, value in zip(self.variables, before, strict=True):
                one.save_value(value)

    def values(self, expressions: Sequence[Any], z: Floats) -> Floats:
        """Return the values at a decision, NaN where there are none."""
        found = self.at(z, lambda: [one.value for one in expressions])
        flat = [
            np.full(one.size, np.nan) if value is None else np.asarray(value, dtype=float).ravel(order="F")
            for one, value in zip(expressions, found, strict=True)
        ]
        return np.concatenate([*flat, np.empty(0)])

    def slopes(self, expressions: Sequence[Any], z: Floats) -> Floats:
        """Return the gradients at a decision, a row for each value; NaN where there are none."""
        rows = [np.zeros((one.size, self.ends[-1])) for one in expressions]
        for row, found in zip(rows, self.at(z, lambda: [one.grad for one in expressions]), strict=True):
            for one, start, end in zip(self.variables, self.ends[:-1], self.ends[1:], strict=True):
                if one in found:
                    slope = found[one]
                    dense = slope.toarray() if hasattr(slope, "toarray") else slope
                    row[:, start:end] = np.nan if dense is None else np.reshape(dense, (end - start, -1)).T
        return np.concatenate([*rows, np.empty((0, self.ends[-1]))])

    def functions(
        self, expressions: Sequence[Any]
    ) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
        """Return values and gradients as functions of the decision; only nonlinear ones are evaluated by cvxpy."""
        asked = [one for one in expressions if not one.is_affine()]
        rows = np.repeat([not one.is_affine() for one in expressions], [one.size for one in expressions])
        lines, nowhere = [one for one in expressions if one.is_affine()], np.zeros(self.ends[-1])
        slope, level = np.zeros((rows.size, nowhere.size)), np.zeros(rows.size)
        slope[~rows], level[~rows] = self.slopes(lines, nowhere), self.values(lines, nowhere)

        def values(z: Floats) -> Floats:
            found = level + slope @ z
            if asked:
                found[rows] = self.values(asked, z)
            return found

        @lru_cache(maxsize=RECENT)
        def bending(key: bytes) -> Floats:
            return self.slopes(asked, np.frombuffer(key))

        def slopes(z: Floats) -> Floats:
            found = slope.copy()
            if asked:
                found[rows] = bending(np.asarray(z, dtype=float).tobytes())
            return found

        return values, slopes

    def rows(self, equal: list[Any], most: list[Any]) -> tuple[Floats, Floats, Floats]:
        """Return the linear constraints as rows and limits, equations twice, and a decision with room in the others."""
        from scipy.optimize import linprog

        nowhere = np.zeros(self.ends[-1])
        (matrix, right), (above, limits) = (
            (self.slopes(sides, nowhere), -self.values(sides, nowhere)) for sides in (equal, most)
        )
        if np.isnan(right).any() or np.isnan(limits).any():
            raise InvalidInput(
                "`constraints` must have values; give every cvxpy.Parameter its `value` first."
            )
        length = np.linalg.norm(above, axis=1, keepdims=True)
        found = linprog(
            -np.eye(nowhere.size + 1)[-1],
            A_ub=np.hstack((above, length)),
            b_ub=limits,
            A_eq=np.hstack((matrix, np.zeros((len(matrix), 1)))) if len(matrix) else None,
            b_eq=right if len(matrix) else None,
            bounds=[(None, None)] * nowhere.size + [(None, 1.0)],
        )
        if found.status == 2:
            raise InvalidInput(
                "`constraints` must be met by some decision; the equations contradict each other."
            )
        if not (found.success and found.x[-1] > 1e-9):
            raise InvalidInput(
                "`constraints` must leave room: some decision must meet all of them, and inequalities that hold with "
                "equality throughout are to be written as equations."
            )
        return np.vstack((above, matrix, -matrix)), np.concatenate((limits, right, -right)), found.x[:-1]
