"""The bargaining problem of one pair, and the gains of all pairs at many contracts at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function
from bargaining._arrays import LARGEST, Floats, fill, owning, real, scalar, within
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, plain

Gains = Callable[[float, Floats], ArrayLike]

_ALIKE = 1e-13  # allowed difference between gains computed from numbers and from arrays, as a share of a gain


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BilateralDeal(Shown):
    r"""One pair bargains over one number x, say a price, given the contracts of all pairs.

    Parameters
    ----------
    gains : callable
        ``gains(x, contracts)`` returns the gains of both sides from the agreement x, ``(first, second)``, given the
        contracts of all pairs: an array with one contract per pair, whose entry for this pair is x. Gains must be
        finite on the whole range. Functions that also accept arrays for x and for every entry of `contracts`, as NumPy
        formulas do, are several times faster.
    lower, upper : float
        The range of contracts.
    weight : float, default 0.5
        The bargaining weight of the first player, in (0, 1).

    Notes
    -----
    The gains must be concave in x between the bounds, or at least their weighted product must have a single peak there.

    Examples
    --------
    A price x that one pays the other out of a surplus of 1, whatever the other contracts:

    >>> from bargaining import BilateralDeal
    >>> BilateralDeal(gains=lambda x, contracts: (1 - x, x), lower=0.0, upper=1.0).weight
    0.5
    """

    gains: Gains
    lower: float
    upper: float
    weight: float = 0.5

    def __post_init__(self) -> None:
        function(self.gains, "gains", "x and the contracts")
        lower, upper = (
            float(within(np.asarray(scalar(value, name)), name, -LARGEST, LARGEST))
            for value, name in ((self.lower, "lower"), (self.upper, "upper"))
        )
        if not lower < upper:
            raise InvalidInput(f"`lower` must be below `upper`; got {lower:g} and {upper:g}.")
        weight = within(real(self.weight, "weight", ndim=0), "weight", 0.0, 1.0, ends="()")
        fill(self, lower=lower, upper=upper, weight=float(weight))


class Pairs:
    """All deals: their bounds and weights as arrays, and their gains at many contracts at once."""

    def __init__(self, deals: list[BilateralDeal]) -> None:
        self.deals = deals
        self.lower = np.array([deal.lower for deal in deals])
        self.upper = np.array([deal.upper for deal in deals])
        self.ranges = self.upper - self.lower
        self.weights = np.array([(deal.weight, 1 - deal.weight) for deal in deals])
        """Of the first and of the second, (k, 2)."""
        self.scale = np.ones((len(deals), 2))
        """By which gains are divided, so that their products neither overflow nor vanish: powers of 2."""
        # whether gains take arrays; None: not asked yet
        self._at_once: list[bool | None] = [None] * len(deals)

    def __len__(self) -> int:
        return len(self.deals)

    def measure(self, starts: Floats) -> None:
        """Set the scale to the size of the largest gains at some contracts, (s, k)."""
        points = np.broadcast_to(starts.T, (len(self), *starts.T.shape))
        largest = np.abs(self.gains(points)).max(axis=2)
        self.scale = np.where(largest > 0, np.exp2(np.frexp(largest)[1] - 1.0), 1.0)

    def gains(self, points: Floats) -> Floats:
        """Return the gains of each pair, (k, 2, m), at its own points, (k, k, m): pair, contract, point."""
        return np.array([self.gains_of(k, own) for k, own in enumerate(points)])

    def gains_of(self, k: int, points: Floats) -> Floats:
        """Return the gains of pair k, (2, m), at the points, (k, m)."""
        gains = np.empty((2, points.shape[1]))
        self._write(k, points, gains)
        if not np.isfinite(gains).all():
            at = int(np.argmin(np.isfinite(gains).all(axis=0)))
            raise InvalidInput(
                f"`gains` must be finite; got {gains[:, at].tolist()} of deal {k} at x = {plain(points[k, at])}. "
                "Give the pair bounds between which they are."
            )
        gains /= self.scale[k, :, None]
        return gains

    def of_pair(self, k: int, contracts: Floats) -> Callable[[Floats], Floats]:
        """Return the gains of pair k as a function of its own contracts, (m,), the others given."""

        def both(own: Floats) -> Floats:
            columns = np.repeat(contracts[:, None], len(own), axis=1)
            columns[k] = own
            return self.gains_of(k, columns)

        return both

    def agree_at(self, contracts: Floats, gains: Floats) -> bool:
        """Say whether the pairs' gains at some contracts, (k,), asked as numbers, are these, (k, 2).

        Where they are not, numbers alone are asked from then on.
        """
        alike = True
        for k, at_once in enumerate(self._at_once):
            if at_once and not _same(gains[k] * self.scale[k], self._single(k, contracts)):
                self._at_once[k] = alike = False
        return alike

    def _write(self, k: int, points: Floats, into: Floats) -> None:
        """Write the gains of pair k at the points in each column."""
        if self._at_once[k] is None:
            self._at_once[k] = self._takes_arrays(k, points, into)
            if self._at_once[k]:
                return
        if self._at_once[k]:
            into[0], into[1] = self.deals[k].gains(points[k], points)  # type: ignore[misc, str-unpack]
        else:
            for column, point in enumerate(np.ascontiguousarray(points.T)):
                into[:, column] = self._single(k, point)

    def _takes_arrays(self, k: int, points: Floats, into: Floats) -> bool:
        """Say whether the gains map an array of contracts as they map each, shown at one column, and write them."""
        if points.shape[1] < 2:
            return False
        column = points.shape[1] // 2
        single = self._single(k, points[:, column].copy())
        try:
            into[0], into[1] = self.deals[k].gains(points[k].copy(), points.copy())  # type: ignore[misc, str-unpack]
        except Exception:  # whatever a function of one number raises on an array
            return False
        return _same(into[:, column], single)

    def _single(self, k: int, contracts: Floats) -> Floats:
        value = self.deals[k].gains(float(contracts[k]), contracts)
        gains = real(value, "gains", finite=False)
        if gains.shape != (2,):
            raise InvalidInput(f"`gains` must return two numbers, one for each; got shape {gains.shape}.")
        return gains


def _same(one: Floats, other: Floats) -> bool:
    """Say whether gains are the same, up to what sums in another order may round."""
    return bool((np.abs(one - other) <= _ALIKE * np.abs(other)).all())
