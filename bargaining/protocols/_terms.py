"""The primitives of continuous offers as functions of time, and on pieces of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bargaining._arrays import Floats
from bargaining.errors import InvalidInput
from bargaining.protocols._mesh import rule, times
from bargaining.protocols._paths import Path

PIE, HAZARD, FLOW, OUTSIDE = 0, 1, slice(2, 4), slice(4, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The primitives: what can be shared, and what talking and leaving bring, as functions of time."""

    rates: Floats
    surplus: Path
    inside: tuple[Path, Path]
    breakdown: Path
    breakdown_payoffs: tuple[Path, Path]
    outside: tuple[Path | None, Path | None]

    @property
    def may_leave(self) -> list[int]:
        """Players with an outside option."""
        return [i for i in range(2) if self.outside[i] is not None]

    def __call__(self, t: Floats) -> Floats:
        """Return pie, hazard, flow while talking (inside plus breakdown) and outside options, (..., 6)."""
        hazard = self.breakdown(t)
        flows = [self.inside[i](t) + hazard * self.breakdown_payoffs[i](t) for i in range(2)]
        options = [np.zeros(t.shape) if each is None else each(t) for each in self.outside]
        values = np.stack([self.surplus(t), hazard, *flows, *options], axis=-1)
        self._check(t, values)
        return values

    def _check(self, t: Floats, values: Floats) -> None:
        pie, options = values[..., PIE], values[..., OUTSIDE]
        if (pie <= 0).any():
            where = np.unravel_index(np.argmin(pie), pie.shape)
            raise InvalidInput(
                f"`surplus` must be positive at every time; got {pie[where]:.17g} at t = {t[where]:.17g}. "
                f"Where nothing is left to share, end the talks by a hazard."
            )
        excess = options.sum(axis=-1) - pie - 1e-12 * (np.abs(options).sum(axis=-1) + pie)
        if self.may_leave and (excess > 0).any():
            where = np.unravel_index(np.argmax(excess), pie.shape)
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` at every time; got "
                f"{options[where].sum():.17g} against {pie[where]:.17g} at t = {t[where]:.17g}. "
                f"Where leaving beats every agreement there is nothing to negotiate."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Adjacent pieces of time: values and time derivatives of the primitives at the nodes, (m, 16, 6)."""

    a: Floats
    b: Floats
    values: Floats
    slopes: Floats

    @property
    def half(self) -> Floats:
        """Half the lengths, (m, 1)."""
        half: Floats = ((self.b - self.a) / 2)[:, None]
        return half

    def breaks(self) -> Floats:
        """Return the ends of pieces at which a primitive jumps or changes its slope."""
        values, slopes = (np.einsum("en,mnk->mek", rule().ends, each) for each in (self.values, self.slopes))
        near = np.abs(self.values).max(axis=1)
        gap = np.abs(values[1:, 0] - values[:-1, 1]) > 1e-9 * np.maximum(near[1:], near[:-1])
        length = np.minimum(self.half[1:], self.half[:-1])
        bend = np.abs(slopes[1:, 0] - slopes[:-1, 1]) * length > 1e-7 * np.maximum(near[1:], near[:-1])
        breaks: Floats = self.a[1:][(gap | bend).any(axis=1)]
        return breaks

    def part(self, start: int, stop: int | None) -> Block:
        """Return some of the pieces."""
        keep = slice(start, stop)
        return Block(self.a[keep], self.b[keep], self.values[keep], self.slopes[keep])


def sample(terms: Terms, edges: Floats) -> Block:
    """Return the pieces between the edges, primitives evaluated in one go."""
    a, b = edges[:-1], edges[1:]
    values = terms(times(a, b, rule().nodes))
    slopes = rule().derivative @ (values - values[:, :1])  # of a constant: exactly 0
    return Block(a, b, values, slopes / ((b - a)[:, None, None] / 2))
