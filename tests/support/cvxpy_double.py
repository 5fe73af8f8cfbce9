"""A double of cvxpy: the attributes that are asked for, where it need not be installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

IDS = count()
NO_SIGNS = {"nonneg": False, "nonpos": False, "pos": False, "neg": False, "bounds": None, "integer": False}


@dataclass(eq=False)
class Expression:
    """A function of some variables with its gradient, and what the rules of convexity say of it."""

    at: Callable[[], np.ndarray]
    slope: Callable[[], dict[Any, np.ndarray]]  # by variable, of shape (entries of the variable, size)
    size: int
    known: list[Variable]
    shape: tuple[int, ...] = ()
    curve: str = "affine"
    domain: list[Rule] = field(default_factory=list)

    def variables(self) -> list[Variable]:
        return self.known

    @property
    def value(self) -> Any:
        return None if any(one.given is None for one in self.known) else self.at()

    @property
    def grad(self) -> dict[Any, np.ndarray]:
        return self.slope()

    def is_affine(self) -> bool:
        return self.curve == "affine"

    def is_pwl(self) -> bool:
        return self.curve in ("affine", "kinked")

    def is_concave(self) -> bool:
        return self.curve in ("affine", "concave")

    def __getitem__(self, k: int) -> Expression:
        def rows() -> dict[Any, np.ndarray]:
            return {one: s[:, [k]] for one, s in self.slope().items()}

        return Expression(lambda: self.at().ravel()[[k]], rows, 1, self.known, curve=self.curve)

    def __add__(self, other: Any) -> Expression:
        if not isinstance(other, Expression):
            return Expression(
                lambda: self.at() + other, self.slope, self.size, self.known, self.shape, self.curve
            )
        every = list(dict.fromkeys([*self.known, *other.known]))

        def rows() -> dict[Any, np.ndarray]:
            mine, theirs = self.slope(), other.slope()
            return {one: mine.get(one, 0.0) + theirs.get(one, 0.0) for one in every}

        curve = self.curve if other.curve == "affine" else other.curve
        return Expression(
            lambda: self.at() + other.at(),
            rows,
            self.size,
            every,
            self.shape,
            curve,
            self.domain + other.domain,
        )

    def __neg__(self) -> Expression:
        return self * -1.0

    def __sub__(self, other: Any) -> Expression:
        return self + -other

    def __mul__(self, by: float) -> Expression:
        def rows() -> dict[Any, np.ndarray]:
            return {one: by * s for one, s in self.slope().items()}

        flipped = {"concave": "convex", "convex": "concave"}
        curve = flipped.get(self.curve, self.curve) if by < 0 else self.curve
        return Expression(lambda: by * self.at(), rows, self.size, self.known, self.shape, curve, self.domain)

    __rmul__ = __mul__

    def __le__(self, other: Any) -> Rule:
        return Inequality(self, other)

    def __ge__(self, other: float) -> Rule:
        return Inequality(-self, -other)

    def __eq__(self, other: object) -> Any:
        return Equality(self, other) if isinstance(other, float | int) else self is other

    __hash__ = object.__hash__


class Variable(Expression):
    """Entries that are chosen."""

    def __init__(self, size: int, **signs: Any) -> None:
        super().__init__(lambda: self.given, lambda: {self: np.eye(size)}, size, [self], (size,))
        self.id, self.given, self.attributes = next(IDS), None, NO_SIGNS | signs

    def save_value(self, value: Any) -> None:
        self.given = value

    def name(self) -> str:
        return f"var{self.id}"


@dataclass(eq=False)
class Rule:
    """A constraint."""

    left: Expression
    right: Any
    dual_variables: tuple[()] = ()

    @property
    def args(self) -> list[Any]:
        return [self.left, self.right]

    def is_dcp(self) -> bool:
        return self.left.curve != "concave"

    def variables(self) -> list[Variable]:
        return self.left.known


class Inequality(Rule):
    pass


class Equality(Rule):
    pass


class Double:
    """The part of cvxpy that these tests need."""

    Variable = Variable

    @staticmethod
    def sqrt(x: Expression) -> Expression:
        def rows() -> dict[Any, np.ndarray]:
            return {one: s / (2 * np.sqrt(x.at())) for one, s in x.slope().items()}

        return Expression(lambda: np.sqrt(x.at()), rows, 1, x.known, curve="concave", domain=[x >= 0])

    @staticmethod
    def sum_squares(x: Expression) -> Expression:
        def rows() -> dict[Any, np.ndarray]:
            return {one: s @ (2 * x.at())[:, None] for one, s in x.slope().items()}

        return Expression(lambda: (x.at() ** 2).sum(keepdims=True), rows, 1, x.known, curve="convex")

    @staticmethod
    def abs(x: Expression) -> Expression:
        return Expression(lambda: np.abs(x.at()), x.slope, 1, x.known, curve="kinked")
