r"""Payoffs and constraints written in cvxpy as arguments of a `ConvexProgram`; cvxpy itself is not imported.

The variables are stacked into one decision z. Affine expressions are evaluated once: their gradients are constant.
Equations E z = e are solved for some entries of z in terms of the others. This leaves
{y : rows y <= limits, h(y) <= 0}, where each row with a single entry is a bound, and the domains of the payoffs (of a
root, a logarithm) are constraints too. The search starts at the centre of the largest ball within the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from bargaining._arguments import is_sequence
from bargaining._arrays import Floats, short
from bargaining.errors import InvalidInput

ZERO = 1e-12  # of an equation's largest entry: below it the equation follows from others
RECENT = 64  # decisions whose gradients are kept: cvxpy takes a millisecond each; a third are needed again
EQUATIONS = ("Equality", "Zero")
INEQUALITIES = ("Inequality", "NonPos", "NonNeg")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Read:
    """The arguments of a `ConvexProgram`, and how its decision y gives the variables: z = origin + basis y."""

    arguments: dict[str, Any]
    origin: Floats
    basis: Floats


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


def read(payoffs: Any, constraints: Sequence[Any]) -> Read:
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
    origin, basis, start, rows, limits, bends = stack.reduced(equal, most)
    for name, each in (("payoffs", worth), ("constraints", bends)):
        for one in each:
            if one.is_pwl() and not one.is_affine():
                raise InvalidInput(
                    f"`{name}` must be smooth; got {short(one)}, which has kinks. Put a variable t in its place, with "
                    "a constraint for each piece: t <= piece."
                )
    single = np.count_nonzero(rows, axis=1) == 1
    low, high = np.full(start.size, -np.inf), np.full(start.size, np.inf)
    for row, limit in zip(rows[single], limits[single], strict=True):
        k = int(np.argmax(row != 0))
        if row[k] > 0:
            high[k] = min(high[k], limit / row[k])
        else:
            low[k] = max(low[k], limit / row[k])
    values, slopes = stack.functions(worth, origin, basis)
    arguments = {"utilities": values, "jacobian": slopes, "lower": low, "upper": high, "start": start}
    if not single.all():
        arguments |= {"matrix": rows[~single], "limits": limits[~single]}
    if bends:
        bent, bent_slopes = stack.functions(bends, origin, basis)
        arguments |= {"constraints": bent, "constraint_jacobian": bent_slopes}
    return Read(arguments=arguments, origin=origin, basis=basis)


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
        self, expressions: Sequence[Any], origin: Floats, basis: Floats
    ) -> tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]:
        """Return values and gradients as functions of y; only nonlinear ones are evaluated by cvxpy."""
        bent = np.array([not one.is_affine() for one in expressions])
        asked = [one for one in expressions if not one.is_affine()]
        rows = np.repeat(bent, [one.size for one in expressions])
        slope = np.zeros((rows.size, basis.shape[1]))
        slope[~rows] = self.slopes([one for one in expressions if one.is_affine()], origin) @ basis
        level = np.zeros(rows.size)
        level[~rows] = self.values([one for one in expressions if one.is_affine()], origin)

        def values(y: Floats) -> Floats:
            found = level + slope @ y
            if asked:
                found[rows] = self.values(asked, origin + basis @ y)
            return found

        @lru_cache(maxsize=RECENT)
        def bending(key: bytes) -> Floats:
            return self.slopes(asked, origin + basis @ np.frombuffer(key)) @ basis

        def slopes(y: Floats) -> Floats:
            found = slope.copy()
            if asked:
                found[rows] = bending(np.asarray(y, dtype=float).tobytes())
            return found

        return values, slopes

    def reduced(
        self, equal: list[Any], most: list[Any]
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, list[Any]]:
        """Return origin, basis, starting point, the rows and limits of y, and the nonlinear constraints."""
        from scipy.linalg import qr, solve
        from scipy.optimize import linprog

        nowhere, lines = np.zeros(self.ends[-1]), [one for one in most if one.is_affine()]
        matrix, right = self.slopes(equal, nowhere), -self.values(equal, nowhere)
        if np.isnan(right).any() or np.isnan(self.values(lines, nowhere)).any():
            raise InvalidInput(
                "`constraints` must have values; give every cvxpy.Parameter its `value` first."
            )
        origin, basis = nowhere, np.eye(nowhere.size)
        if len(matrix):
            _, upper, order = qr(matrix, mode="economic", pivoting=True)
            size = np.abs(np.diag(upper))
            rank = int((size > ZERO * max(float(size[0]), 1e-300)).sum())
            bound, free = np.sort(order[:rank]), np.sort(order[rank:])
            _, _, rows = qr(matrix.T, mode="economic", pivoting=True)
            kept = rows[:rank]
            solved = solve(
                matrix[np.ix_(kept, bound)], np.column_stack((right[kept], -matrix[np.ix_(kept, free)]))
            )
            origin, basis = np.zeros(nowhere.size), np.zeros((nowhere.size, free.size))
            origin[bound], basis[bound], basis[free] = solved[:, 0], solved[:, 1:], np.eye(free.size)
            if (np.abs(matrix @ origin - right) > 1e-9 * (1.0 + np.abs(right))).any():
                raise InvalidInput(
                    "`constraints` must be met by some decision; the equations contradict each other."
                )
            if not free.size:
                raise InvalidInput("`constraints` must leave a choice; the equations fix every variable.")
        rows, limits = self.slopes(lines, nowhere) @ basis, -self.values(lines, origin)
        rows[np.abs(rows) <= ZERO * np.abs(rows).max(axis=1, initial=0.0, keepdims=True)] = 0.0
        idle = ~rows.any(axis=1)
        if (limits[idle] < -1e-9 * (1.0 + np.abs(origin).max())).any():
            raise InvalidInput("`constraints` must be met by some decision; no decision meets all of them.")
        rows, limits = rows[~idle], limits[~idle]
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        found = linprog(
            -np.eye(rows.shape[1] + 1)[-1],
            A_ub=np.hstack((rows, length)),
            b_ub=limits,
            bounds=[(None, None)] * rows.shape[1] + [(None, 1.0)],
        )
        if not (found.success and found.x[-1] > 1e-9):
            raise InvalidInput(
                "`constraints` must leave room: inequalities that hold with equality throughout are to be written as "
                "equations, and some decision must meet all of them."
            )
        return origin, basis, found.x[:-1], rows, limits, [one for one in most if not one.is_affine()]
