"""What is proved about payoff sets: that what lies inside is an equilibrium, and that nothing lies outside."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSidedCertificate:
    """What is proved from inside and from outside.

    Attributes
    ----------
    inner : bool
        Whether the rational vertices generate themselves, so that all of them are equilibrium payoffs.
    outer : bool
        Whether it is proved that no equilibrium payoff lies farther outside than `bound`.
    bound : float
        No equilibrium payoff lies farther beyond a face of the inner set, of its state in a stochastic game, and no
        set that was certified, nor its threat, is farther from the inner one, as a share of each player's payoff
        range; infinity if nothing is proved.
    exact : bool
        Whether the vertices solve the equations of the sets exactly, rather than lie inside them by a tiny inset.
    tolerance : float
        The accuracy asked for.
    statement : str
        What is proved, in words.
    vertices : tuple
        The inner vertices, rational, counter-clockwise.
    """

    inner: bool
    outer: bool
    bound: float
    exact: bool
    tolerance: float
    statement: str
    vertices: tuple[Any, ...]

    @property
    def holds(self) -> bool:
        """Whether both sides are proved and the bound meets the tolerance."""
        return self.inner and self.outer and self.bound <= self.tolerance

    @classmethod
    def unproved(cls, why: str, tolerance: float) -> Self:
        """Return the certificate of sets about which nothing was proved."""
        statement = f"Not proved from inside: {why}. The game may lie on a knife edge that rounding decides."
        return cls(
            inner=False,
            outer=False,
            bound=inf,
            exact=False,
            tolerance=tolerance,
            statement=statement,
            vertices=(),
        )
