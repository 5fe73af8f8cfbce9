"""Many pairs bargain at once, each taking the other contracts as given: Nash solutions in Nash equilibrium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function, listed, whole
from bargaining._arrays import Floats, per_player, real, scalar, within
from bargaining.errors import InvalidInput, Status

Gains = Callable[[float, Floats], ArrayLike]

_GRID = 33  # points at which a pair's product of gains is looked at before the peak is solved for
_NODES = 12  # and at which its gains are interpolated around the peak
_ACCURACY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BilateralDeal:
    r"""One pair bargains over one number x, say a price, given the contracts of all pairs.

    Parameters
    ----------
    gains : callable
        ``gains(x, contracts)`` returns what each of the two gets from the agreement x over having none,
        ``(first, second)``, when the other pairs keep theirs: an array with one contract a pair, of which the
        pair's own entry is to be ignored.
    lower, upper : float
        The contracts the pair may choose from.
    weight : float, default 0.5
        The bargaining weight of the first of the two, in (0, 1).

    Notes
    -----
    The weighted product of the gains must have one peak between the bounds, as it has for concave gains.

    Examples
    --------
    A price x that one pays the other out of a surplus of 1, whatever the other contracts:

    >>> BilateralDeal(gains=lambda x, contracts: (1 - x, x), lower=0.0, upper=1.0).weight
    0.5
    """

    gains: Gains
    lower: float
    upper: float
    weight: float = 0.5

    def __post_init__(self) -> None:
        function(self.gains, "gains", "x and the contracts")
        lower, upper = scalar(self.lower, "lower"), scalar(self.upper, "upper")
        if not lower < upper:
            raise InvalidInput(f"`lower` must be below `upper`; got {lower:g} and {upper:g}.")
        within(real(self.weight, "weight", ndim=0), "weight", 0.0, 1.0, ends="()")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NashInNash:
    """Contracts of which each is the Nash solution of its pair, given the others.

    Attributes
    ----------
    contracts : ndarray of shape (k,)
        One contract a pair; NaN where the pair has nothing to gain, given the rest.
    gains : ndarray of shape (k, 2)
        What the two of each pair gain over having no agreement.
    solutions : ndarray of shape (s, k)
        The different fixed points reached from the starts tried; the first is `contracts`. One row does not
        prove that there is only one.
    modulus : float
        How far a change of one contract moves the Nash solutions of the others at most, near `contracts`
        (the largest row sum of the derivatives). Below 1 the point is isolated and repeated bargaining
        returns to it.
    status : Status
        OK; EMPTY if some pair has nothing to gain; INACCURATE if no fixed point was reached.
    residual : float
        The largest distance of a contract from its pair's Nash solution, over the range of contracts.
    sweeps : int
        Rounds of bargaining until `contracts` was reached.
    """

    contracts: Floats
    gains: Floats
    solutions: Floats
    modulus: float
    status: Status
    residual: float
    sweeps: int


def nash_in_nash(
    deals: Sequence[BilateralDeal], *, starts: ArrayLike | None = None, sweeps: int = 500
) -> NashInNash:
    r"""Return contracts that are each pair's Nash solution when all other contracts are given.

    Pair k solves, with the others' contracts :math:`x_{-k}` fixed and not renegotiated should it fail,

    .. math:: x_k \in \arg\max_{x} \; g^1_k(x, x_{-k})^{w_k}\, g^2_k(x, x_{-k})^{1 - w_k}.

    Parameters
    ----------
    deals : sequence of BilateralDeal
        The pairs.
    starts : array_like of shape (s, k), optional
        Contracts to start from; by default the middle of the ranges and a point near either end of all.
    sweeps : int, default 500
        Rounds of bargaining at most, from each start.

    Returns
    -------
    NashInNash

    Raises
    ------
    InvalidInput
        If there is no deal, a start lies outside the ranges, or `gains` returns anything but two numbers.

    Notes
    -----
    In each round the pairs bargain in turn. The peak of a pair's product is the root of its first-order
    condition, with the derivatives of the gains' Chebyshev interpolants around the peak; contracts are good to
    about 1e-12 of their range for smooth gains.

    References
    ----------
    Horn, H. and Wolinsky, A. (1988). Bilateral monopolies and incentives for merger. *RAND Journal of
    Economics* 19, 408-419.

    Collard-Wexler, A., Gowrisankaran, G. and Lee, R. S. (2019). "Nash-in-Nash" bargaining: a microfoundation
    for applied work. *Journal of Political Economy* 127, 163-195.

    Examples
    --------
    Two suppliers each sell to one of two Cournot competitors, at input prices w; inverse demand 1 - q1 - q2:

    >>> def pair(own, other):
    ...     def gains(w, prices):
    ...         quantity = (1 - 2 * w + prices[other]) / 3
    ...         return w * quantity, quantity**2
    ...     return BilateralDeal(gains=gains, lower=0.0, upper=0.5)
    >>> nash_in_nash([pair(0, 1), pair(1, 0)]).contracts.round(10)
    array([0.14285714, 0.14285714])
    """
    pairs = listed(deals, "deals", "a list of BilateralDeal")
    whole(sweeps, "sweeps", 1)
    if not pairs or not all(isinstance(pair, BilateralDeal) for pair in pairs):
        raise InvalidInput(f"`deals` must be one or more BilateralDeal; got {deals!r}.")
    lower, upper = np.array([p.lower for p in pairs], float), np.array([p.upper for p in pairs], float)
    points = _starts(starts, lower, upper)
    runs = [_run(pairs, point, sweeps) for point in points]
    reached = [(x, used) for x, used in runs if np.isfinite(x).all()]
    if not reached:
        return _nothing(pairs, runs[0])
    contracts, used = reached[0]
    replies = np.array([_nash(pair, k, contracts) for k, pair in enumerate(pairs)])
    residual = float((np.abs(replies - contracts) / (upper - lower)).max())
    return NashInNash(
        contracts=contracts,
        gains=np.array([_gains(pair, x, contracts) for pair, x in zip(pairs, contracts, strict=True)]),
        solutions=_distinct([x for x, _ in reached], upper - lower),
        modulus=_modulus(pairs, contracts),
        status=Status.OK if residual <= _ACCURACY else Status.INACCURATE,
        residual=residual,
        sweeps=used,
    )


def _starts(starts: ArrayLike | None, lower: Floats, upper: Floats) -> Floats:
    if starts is None:
        return lower + np.array([[0.5], [0.01], [0.99]]) * (upper - lower)
    points = per_player(starts, "starts", lower.size).reshape(-1, lower.size)
    outside = (points < lower) | (points > upper)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        raise InvalidInput(
            f"`starts` must lie within each deal's range; got {points[row, k]:g} for deal {k}, "
            f"which has [{lower[k]:g}, {upper[k]:g}]."
        )
    return points


def _run(pairs: list[BilateralDeal], start: Floats, sweeps: int) -> tuple[Floats, int]:
    contracts = start.copy()
    ranges = np.array([pair.upper - pair.lower for pair in pairs])
    for sweep in range(1, sweeps + 1):
        before = contracts.copy()
        for k, pair in enumerate(pairs):
            contracts[k] = _nash(pair, k, contracts)
            if np.isnan(contracts[k]):
                return contracts, sweep
        if (np.abs(contracts - before) <= 1e-13 * ranges).all():
            break
    return contracts, sweep


def _gains(pair: BilateralDeal, x: float, contracts: Floats) -> Floats:
    gains = real(pair.gains(float(x), contracts), "gains")
    if gains.shape != (2,):
        raise InvalidInput(f"`gains` must return two numbers, one for each; got shape {gains.shape}.")
    return gains


def _nash(pair: BilateralDeal, index: int, contracts: Floats) -> float:
    """Return the Nash solution of one pair; NaN if no contract on the grid leaves both a gain."""
    weights = np.array([pair.weight, 1.0 - pair.weight])
    given = contracts.copy()

    def gains(x: float) -> Floats:
        given[index] = x
        return _gains(pair, x, given)

    def product(x: float) -> float:
        both = gains(x)
        return float(weights @ np.log(both)) if (both > 0).all() else -np.inf

    grid = np.linspace(pair.lower, pair.upper, _GRID)
    heights = [product(x) for x in grid]
    top = int(np.argmax(heights))
    if heights[top] == -np.inf:
        return np.nan
    ends = float(grid[max(top - 1, 0)]), float(grid[min(top + 1, _GRID - 1)])
    root = _stationary(gains, weights, *ends)
    return max(ends, key=product) if root is None else root


def _stationary(gains: Callable[[float], Floats], weights: Floats, low: float, high: float) -> float | None:
    """Return the zero of the product's derivative, or None if the product is monotone between the points.

    The derivative is taken of the gains' interpolants and cleared of denominators: it needs no logarithm.
    """
    from numpy.polynomial import Chebyshev
    from scipy.optimize import brentq

    angles = (np.arange(_NODES) + 0.5) * np.pi / _NODES
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angles)
    values = np.array([gains(float(x)) for x in nodes])
    first, second = (Chebyshev.fit(nodes, column, _NODES - 1, domain=[low, high]) for column in values.T)
    slope = weights[0] * first.deriv() * second + weights[1] * second.deriv() * first
    if not slope(low) > 0 > slope(high):
        return None
    return float(brentq(slope, low, high, xtol=1e-16 * (high - low), rtol=8.9e-16))


def _distinct(points: list[Floats], ranges: Floats) -> Floats:
    kept: list[Floats] = []
    for point in points:
        if all((np.abs(point - other) > 1e-6 * ranges).any() for other in kept):
            kept.append(point)
    return np.array(kept)


def _modulus(pairs: list[BilateralDeal], contracts: Floats) -> float:
    """Differentiate each Nash solution by the other contracts and return the largest row sum."""
    total = np.zeros(len(pairs))
    for k, moved in enumerate(pairs):
        step = 1e-4 * (moved.upper - moved.lower)
        sides = np.clip(contracts[k] + np.array([-step, step]), moved.lower, moved.upper)
        around = np.tile(contracts, (2, 1))
        around[:, k] = sides
        for i, pair in enumerate(pairs):
            if i != k:
                replies = [_nash(pair, i, point) for point in around]
                total[i] += abs(replies[1] - replies[0]) / (sides[1] - sides[0])
    return float(total.max())


def _nothing(pairs: list[BilateralDeal], run: tuple[Floats, int]) -> NashInNash:
    contracts, used = run
    return NashInNash(
        contracts=contracts,
        gains=np.full((len(pairs), 2), np.nan),
        solutions=np.empty((0, len(pairs))),
        modulus=np.nan,
        status=Status.EMPTY,
        residual=np.nan,
        sweeps=used,
    )
