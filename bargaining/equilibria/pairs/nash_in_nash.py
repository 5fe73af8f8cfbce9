"""Many pairs bargain at once, each taking the other contracts as given (Nash-in-Nash).

*All pairs* are solved for by Newton's method on their first-order conditions, where the gains are smooth. Pair k's
condition is F_k = w g_1' g_2 + (1 - w) g_2' g_1 = 0, with derivatives by differences over a small part of the scale on
which its gains change. The result is only a candidate: kinks, bounds and second peaks are seen when each contract is
compared with its pair's Nash solution.

*One pair* needs only values of its two gains. For concave gains the contracts that give both a gain form an interval,
and the logarithm of the weighted product, N(x) = w ln g_1(x) + (1 - w) ln g_2(x), is concave on it. A bracket is
narrowed to the neighbours of the highest of a few points: of the smaller gain until both gain somewhere, then of N. As
soon as the gains are smooth in the bracket, the peak is the root of w g_1' g_2 + (1 - w) g_2' g_1 of their
interpolants; if they never are, it is a kink, found to the next float.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function, listed, whole
from bargaining._arrays import LARGEST, Floats, fill, per_player, real, record, scalar, within
from bargaining._calls import suggesting
from bargaining._rich import Result, Shown, number, point
from bargaining.division import describe
from bargaining.errors import InvalidInput, Status, plain

if TYPE_CHECKING:
    import pandas as pd


Gains = Callable[[float, Floats], ArrayLike]

_ALIKE = 1e-13  # allowed difference between gains computed from numbers and from arrays, as a share of a gain


@record
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


_NEWTON_STEPS = 12  # Newton's method has converged, or will not
_OWN = 1e-3  # of the scale of the gains: a fourth-order difference is good to 1e-12 and rounds at 1e-13
_OTHERS = 1e-4  # differences to both sides are good to 1e-8 and round at 1e-9
_DONE = 1e-9  # of that scale: the step after one so short is rounding
_FURTHEST = 0.5  # of a range: a longer step leaves what the slopes know


def newton(pairs: Pairs, starts: Floats, scale: Floats) -> tuple[Floats, Floats, list[int]]:
    """Return contracts near each start, how the pairs' solutions depend on each other there, and the steps taken.

    Starts (s, k) leave every pair a gain; `scale` (s, k) is over how much of a contract the gains change. Contracts (s,
    k) are NaN where the method did not settle between the bounds; slopes (s, k, k) are those of pair k's Nash solution
    in the contract of pair l, 0 where k = l.
    """
    (count, size), own = starts.shape, np.arange(starts.shape[1])
    contracts, slopes, steps = np.full(starts.shape, np.nan), np.zeros((count, size, size)), [0] * count
    sides = np.hstack([np.zeros((size, 1)), -np.eye(size), np.eye(size)])
    x, change, rows = starts, scale, np.arange(count)
    for step in range(1, _NEWTON_STEPS + 1):
        room = np.minimum(x - pairs.lower, pairs.upper - x) / 4
        h, side = np.minimum(_OWN * change, room), np.minimum(_OTHERS * change, room)
        columns = x[:, :, None] + side[:, :, None] * sides
        conditions, now = _conditions(pairs, columns.swapaxes(0, 1), h.T[:, :, None])
        now, (here, below, above) = now.T, np.split(conditions.swapaxes(0, 1), [1, 1 + size], axis=2)
        jacobian = (above - below) / (2 * side[:, None])
        # NaN, where a gain was not positive, is not below 0 either.
        fine = (h > 1e-6 * change).all(axis=1) & (jacobian[:, own, own] < 0).all(axis=1)
        fine &= np.isfinite(jacobian).all(axis=(1, 2))
        rows, x, now, jacobian = rows[fine], x[fine], now[fine], jacobian[fine]
        try:
            move = np.linalg.solve(jacobian, -here[fine])[..., 0]
        except np.linalg.LinAlgError:
            break
        length = np.abs(move / now).max(axis=1, initial=0.0)
        x = x + move / np.maximum(length / _FURTHEST, 1.0)[:, None]
        inside = ((x > pairs.lower) & (x < pairs.upper)).all(axis=1)
        for row in np.flatnonzero(inside & (length <= _DONE)):
            contracts[rows[row]], steps[rows[row]] = x[row], step
            slopes[rows[row]] = np.eye(size) - jacobian[row] / jacobian[row, own, own, None]
        going = inside & (length > _DONE)
        rows, x, change = rows[going], x[going], now[going]
        if not len(rows):
            break
    return contracts, slopes, steps


def _conditions(pairs: Pairs, x: Floats, h: Floats) -> tuple[Floats, Floats]:
    """Return the conditions at contracts x, (k, s, c), and the scale on which gains change at the first c, (k, s)."""
    size = len(pairs)
    steps = np.eye(size)[:, :, None, None, None] * (h[..., None] * [-2, -1, 1, 2])
    gains = pairs.gains((x[..., None] + steps).reshape(size, size, -1))
    gains = np.moveaxis(gains.reshape(size, 2, *x.shape[1:], 4), -1, 0)
    level = (4 * (gains[1] + gains[2]) - gains[0] - gains[3]) / 6
    slope = (8 * (gains[2] - gains[1]) - (gains[3] - gains[0])) / (12 * h[:, None])
    rising = pairs.weights[:, :, None, None] * slope
    condition = rising[:, 0] * level[:, 1] + rising[:, 1] * level[:, 0]
    condition[(gains <= 0).any(axis=(0, 2))] = np.nan
    change = np.abs(level[..., 0] / slope[..., 0]).min(axis=1)
    return condition, np.minimum(change, pairs.ranges[:, None])


Both = Callable[[Floats], Floats]
"""From contracts, (m,), to the gains of the two, (2, m)."""

_SCAN = 33  # contracts looked at in the whole range
_NODES = 13  # and in a bracket, where smooth gains of ordinary curvature are interpolated to rounding
_LEVELS = 80  # brackets, each a quarter of the last: from any range to the next float
_NARROW = 1e-6  # of the range: rounding hides the curvature within
_SMOOTH = 2e-14  # what the last coefficients of an interpolant of smooth gains leave, over the largest
_EPS = float(np.finfo(float).eps)

_ANGLES = np.arange(_NODES) * np.pi / (_NODES - 1)
_POINTS = -np.cos(_ANGLES)
_COSINES = np.cos(np.outer(np.arange(_NODES), np.pi - _ANGLES))
_ENDS = np.where(np.arange(_NODES) % (_NODES - 1) == 0, 0.5, 1.0)
_COEFFICIENTS = 2 / (_NODES - 1) * _ENDS[:, None] * _COSINES * _ENDS  # from values at the points, ascending


class Reply(NamedTuple):
    """The contract with the largest product of gains; where there is nothing to gain, of the largest smaller gain."""

    contract: float
    agree: bool
    concave: bool
    """Whether the gains seen could be concave functions: if they are and the two do not agree, no contract would do."""


def reply(both: Both, weights: Floats, low: float, high: float) -> Reply:
    """Return what a pair agrees on in [low, high]."""
    nodes = np.linspace(low, high, _SCAN)
    gains, agree, concave = both(nodes), False, True
    scale = np.maximum(np.abs(gains).max(axis=1, keepdims=True), np.finfo(float).tiny)
    for _ in range(_LEVELS):
        positive = (gains > 0).all(axis=0)
        agree = agree or bool(positive.any())
        if agree:
            heights = np.where(positive, weights @ np.log(np.where(positive, gains, 1.0)), -np.inf)
        else:
            narrow = nodes[-1] - nodes[0] <= _NARROW * (high - low)
            concave = concave and (narrow or all(_concave(nodes, each) for each in gains / scale))
            heights = (gains / scale).min(axis=0)
        top = int(np.argmax(heights))
        a, b = float(nodes[max(top - 1, 0)]), float(nodes[min(top + 1, len(nodes) - 1)])
        best = float(nodes[top])
        if b - a <= 4 * _EPS * max(abs(a), abs(b)):
            break
        # Even steps have the highest point among them, so that what leaves both a gain is not lost again.
        steps = _POINTS if agree else np.linspace(-1.0, 1.0, _NODES)
        nodes = np.clip((a + b) / 2 + (b - a) / 2 * steps, a, b)
        gains = both(nodes)
        if agree and (root := _stationary(gains, weights, (a, b), (low, high))) is not None:
            return Reply(root, agree, concave)
    return Reply(best, agree, concave)


def _concave(nodes: Floats, values: Floats) -> bool:
    """Say whether no value, at most 1, lies below the chord of its neighbours by more than rounding."""
    slopes = np.diff(values) / np.diff(nodes)
    return bool((np.diff(slopes) <= 32 * _EPS / np.diff(nodes).min()).all())


def _stationary(
    gains: Floats, weights: Floats, bracket: tuple[float, float], limits: tuple[float, float]
) -> float | None:
    """Return the peak between the brackets if the gains are smooth there: where the product's slope changes sign.

    At a limit where the product falls inwards that is the limit itself.
    """
    from numpy.polynomial.chebyshev import chebder, chebmul, chebval
    from scipy.optimize import brentq

    coefficients = _COEFFICIENTS @ gains.T
    if (np.abs(coefficients[-2:]).max(axis=0) > _SMOOTH * np.abs(gains).max(axis=1)).any():
        return None
    first, second = coefficients.T
    series = weights[0] * chebmul(chebder(first), second) + weights[1] * chebmul(chebder(second), first)

    def slope(t: float) -> float:
        return float(chebval(t, series))

    # Rounding can put a peak just beside the bracket; beyond a limit it may not lie.
    (a, b), ends = bracket, [-1.05, 1.05]
    for side, (at, limit) in enumerate(zip(bracket, limits, strict=True)):
        if at == limit:
            ends[side] = 2.0 * side - 1
            if slope(ends[side]) * ends[side] >= 0:
                return limit
    if not slope(ends[0]) > 0 > slope(ends[1]):
        return None
    root = brentq(slope, *ends, xtol=1e-16, rtol=8.9e-16)
    return float(min(max((a + b) / 2 + (b - a) / 2 * root, limits[0]), limits[1]))


_COARSE = 17  # contracts that each pair looks at before Newton's method begins
_SAME = 1e-6  # contracts nearer than this part of their ranges are one solution
_SETTLED = 1e-13  # of the ranges: another round of bargaining changes no more than this
_ROUNDING = 1e-10  # of the ranges: below this rounding can be why a round brings contracts no closer
_SLOW = 0.3  # ratio of successive changes above which a root of the replies is looked for
_STEP = 1e-5  # of the ranges: by how much contracts are moved to see how replies change
_ACCURACY = 1e-9  # of the ranges: an answer with a larger residual is computed again


@record
class NashInNash(Result):
    """Contracts of which each is the Nash solution of its pair, given the others.

    Attributes
    ----------
    contracts : ndarray of shape (k,)
        One contract per pair; NaN where the pair has nothing to gain, given the others.
    gains : ndarray of shape (k, 2)
        The gains of both sides of each pair from their agreement; NaN where the pair has nothing to gain.
    solutions : ndarray of shape (s, k)
        The different equilibria reached from the given starts; the first is `contracts`. Several rows show that there
        are several equilibria; one row does not prove that there is only one.
    modulus : float
        The largest effect of changes of the other contracts on a pair's Nash solution, near `contracts`, each relative
        to its range (the largest row sum of the derivatives). Below 1 the point is isolated and repeated bargaining
        returns to it.
    status : Status
        OK: `contracts` are an equilibrium. EMPTY: given the others' contracts, no contract gives both sides of some
        pair a gain; this is shown for concave gains. INACCURATE: no equilibrium was reached. FAILED: for some pair no
        contract with gains for both was found, but its gains are not concave, so there may be one.
    residual : float
        The largest distance of a contract from its pair's Nash solution, given the others, over the range of contracts.
    sweeps : int
        Rounds of bargaining, or steps of Newton's method, until `contracts` was reached.
    parameters : mapping
        The `starts` and the limit of `sweeps` that were used.
    deals : tuple of str
        The names of the pairs, or the numbers 0, 1, ... as strings.
    """

    contracts: Floats
    gains: Floats
    solutions: Floats
    modulus: float
    status: Status
    residual: float
    sweeps: int
    parameters: Mapping[str, Any]
    deals: tuple[str, ...] = ()

    def __repr__(self) -> str:
        contracts = point(self.contracts, self.deals)
        return f"<NashInNash: contracts {contracts}, residual {number(self.residual, 2)}, {self.status.name}>"

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas DataFrame: a row for each pair, its contract and what either side gains."""
        import pandas as pd

        table = pd.DataFrame(
            {"contract": self.contracts, "first": self.gains[:, 0], "second": self.gains[:, 1]}
        )
        return table.set_axis(pd.Index(self.deals, name="deal"))


class _Run(NamedTuple):
    """The result of one start."""

    contracts: Floats
    slopes: Floats | None
    """Of each pair's solution in the others' contracts, where they are known."""
    sweeps: int
    replies: tuple[Reply, ...]
    """What each pair agreed on in turn; empty where they were found together."""
    residual: float
    gains: Floats


@suggesting
def nash_in_nash(
    deals: Sequence[BilateralDeal] | Mapping[str, BilateralDeal],
    *,
    starts: ArrayLike | None = None,
    sweeps: int = 500,
) -> NashInNash:
    r"""Return contracts of which each is its pair's Nash solution, given all others.

    Pair k solves, with the others' contracts :math:`x_{-k}` fixed, and not renegotiated if the pair fails to agree,

    .. math:: x_k \in \arg\max_{x} \; g^1_k(x, x_{-k})^{w_k}\, g^2_k(x, x_{-k})^{1 - w_k}.

    Parameters
    ----------
    deals : sequence of BilateralDeal, or mapping of names to them
        The pairs. Names, as ``deals`` of the result, make no difference to numbers.
    starts : array_like of shape (s, k), optional
        Contracts to start from; by default the middle of all ranges and points near both ends.
    sweeps : int, default 500
        Rounds of bargaining at most, from each start.

    Returns
    -------
    NashInNash

    Raises
    ------
    InvalidInput
        If there is no deal, a start lies outside the ranges, or `gains` returns anything but two finite numbers.

    Notes
    -----
    If the gains are smooth, all first-order conditions are solved together by Newton's method with derivatives by
    differences, after one round in which each pair tries 17 contracts. The solution is accepted if each contract is its
    pair's Nash solution. Otherwise the pairs bargain in turn. Each maximises its product: the
    interval on which both gain is found by maximising the smaller gain, and the peak by narrowing a bracket, until the
    gains are smooth in it, or to the next float if the peak is a kink. If rounds of bargaining converge slowly,
    `scipy.optimize.root` is tried on the replies. Contracts are accurate to about 1e-12 of their range for gains that
    are smooth over it, to 1e-10 for gains that bend sharply, and up to rounding at kinks. If gains are not concave, a
    peak or an interval can be missed.

    References
    ----------
    Horn, H. and Wolinsky, A. (1988). Bilateral monopolies and incentives for merger. *RAND Journal of Economics*
    19(3), 408-419. doi:10.2307/2555664

    Collard-Wexler, A., Gowrisankaran, G. and Lee, R. S. (2019). "Nash-in-Nash" bargaining: a microfoundation for
    applied work. *Journal of Political Economy* 127(1), 163-195. doi:10.1086/700729

    Examples
    --------
    Two suppliers each sell to one of two Cournot competitors, at input prices w; inverse demand 1 - q1 - q2:

    >>> from bargaining import BilateralDeal, nash_in_nash
    >>> def pair(own, other):
    ...     def gains(w, prices):
    ...         quantity = (1 - 2 * w + prices[other]) / 3
    ...         return w * quantity, quantity**2
    ...     return BilateralDeal(gains=gains, lower=0.0, upper=0.5)
    >>> nash_in_nash([pair(0, 1), pair(1, 0)]).contracts.round(10)
    array([0.14285714, 0.14285714])
    """
    values = list(deals.values()) if isinstance(deals, Mapping) else deals
    members = listed(values, "deals", "a list of BilateralDeal")
    whole(sweeps, "sweeps", 1)
    if not members or not all(isinstance(deal, BilateralDeal) for deal in members):
        raise InvalidInput(f"`deals` must be one or more BilateralDeal; got {deals!r}.")
    pairs = Pairs(members)
    points = _starts(starts, pairs)
    pairs.measure(points)
    with np.errstate(all="ignore"):
        while True:
            runs = _runs(pairs, points, sweeps)
            best = min(runs, key=_rank)
            if pairs.agree_at(best.contracts, best.gains):
                break
        return _packed(
            pairs,
            runs,
            best,
            parameters=describe("nash_in_nash", starts=points, sweeps=sweeps).parameters,
            deals=tuple(map(str, deals if isinstance(deals, Mapping) else range(len(pairs)))),
        )


def _starts(starts: ArrayLike | None, pairs: Pairs) -> Floats:
    lower, upper = pairs.lower, pairs.upper
    if starts is None:
        middle_and_ends: Floats = lower + np.array([[0.5], [0.01], [0.99]]) * (upper - lower)
        return middle_and_ends
    points = per_player(starts, "starts", lower.size).reshape(-1, lower.size)
    outside = (points < lower) | (points > upper)
    if outside.any():
        row, k = np.argwhere(outside)[0]
        raise InvalidInput(
            f"`starts` must lie within each deal's range; got {points[row, k]:g} for deal {k}, "
            f"which has [{lower[k]:g}, {upper[k]:g}]."
        )
    return points


def _rank(run: _Run) -> tuple[bool, float]:
    """Order runs: first those that reached an equilibrium, in the given order, then by the distance from one."""
    return not all(each.agree for each in run.replies), run.residual if run.residual > _ACCURACY else 0.0


def _runs(pairs: Pairs, points: Floats, sweeps: int) -> list[_Run]:
    """Return the result of each start: by Newton's method if it is accepted, otherwise by rounds of bargaining."""
    runs: list[_Run] = []
    for start, x, slopes, steps in zip(points, *newton(pairs, *_coarse(pairs, points)), strict=True):
        run = None
        if steps and steps < sweeps:
            known = next((each for each in runs if _near(pairs, each.contracts, x)), None)
            residual, gains = (known.residual, known.gains) if known else _residual(pairs, x)
            run = _Run(x, slopes, steps + 1, (), residual, gains)
        if run is None or run.residual > _ACCURACY:
            run = _bargained(pairs, start, sweeps)
        runs.append(run)
    return runs


def _coarse(pairs: Pairs, starts: Floats) -> tuple[Floats, Floats]:
    """Return the best of a few contracts for each pair in turn, (s, k), and the scale on which its gains change."""
    contracts, size, count = starts.copy(), len(pairs), len(starts)
    change, rows, spacing = np.empty((count, size)), np.arange(count), pairs.ranges / (_COARSE - 1)
    for k in range(size):
        columns = np.repeat(contracts.T[:, :, None], _COARSE, axis=2)
        columns[k] = nodes = np.linspace(pairs.lower[k], pairs.upper[k], _COARSE)
        gains = pairs.gains_of(k, columns.reshape(size, -1)).reshape(2, count, _COARSE)
        heights = (np.log(np.maximum(gains, 0.0)) * pairs.weights[k][:, None, None]).sum(axis=0)
        top = np.minimum(np.maximum(heights.argmax(axis=1), 1), _COARSE - 2)
        around, here = gains[:, rows, top + 1] - gains[:, rows, top - 1], gains[:, rows, top]
        change[:, k] = np.abs(here / around).min(axis=0) * 2 * spacing[k]
        low, mid, high = heights[rows, top - 1], heights[rows, top], heights[rows, top + 1]
        shift = (low - high) / (low - 2 * mid + high) / 2
        contracts[:, k] = nodes[top] + np.where(np.abs(shift) < 1, shift, 0.0) * spacing[k]
    return contracts, np.fmin(change, pairs.ranges)  # constant gains of zero have no scale


def _bargained(pairs: Pairs, start: Floats, sweeps: int) -> _Run:
    """Let the pairs bargain in turn until their contracts converge."""
    contracts, change = start.copy(), np.inf
    for sweep in range(1, sweeps + 1):
        before, last = contracts.copy(), change
        replies = tuple(_reply(pairs, k, contracts) for k in range(len(pairs)))
        change = float((np.abs(contracts - before) / pairs.ranges).max())
        if change <= _SETTLED or (change <= _ROUNDING and change >= last / 2):
            break
        slow = change > _SLOW * last and all(each.agree for each in replies)
        if slow and sweep >= 4 and sweep & (sweep - 1) == 0:  # a power of 2
            contracts = _fixed_point(pairs, contracts)
    residual, gains = _residual(pairs, contracts)
    return _Run(contracts, None, sweep, replies, residual, gains)


def _residual(pairs: Pairs, contracts: Floats) -> tuple[float, Floats]:
    """Return how far the farthest contract is from its pair's Nash solution, and the gains of all, (k, 2)."""
    gains = pairs.gains(np.tile(contracts[:, None], (len(pairs), 1, 1)))[:, :, 0]
    if not (gains > 0).all():
        return np.inf, gains
    return float(
        np.nan_to_num(np.abs(_replies(pairs, contracts) - contracts) / pairs.ranges, nan=np.inf).max()
    ), gains


def _reply(pairs: Pairs, k: int, contracts: Floats) -> Reply:
    """Write what pair k agrees on, given the others' contracts, into `contracts`."""
    answer = reply(
        pairs.of_pair(k, contracts), pairs.weights[k], float(pairs.lower[k]), float(pairs.upper[k])
    )
    contracts[k] = answer.contract
    return answer


def _replies(pairs: Pairs, contracts: Floats) -> Floats:
    """Return every pair's Nash solution given the others' contracts; NaN where it has none."""
    replies = [_reply(pairs, k, contracts.copy()) for k in range(len(pairs))]
    return np.array([each.contract if each.agree else np.nan for each in replies])


def _fixed_point(pairs: Pairs, contracts: Floats) -> Floats:
    """Return a fixed point of the replies near `contracts`, or whatever comes closer to one by half."""
    from scipy.optimize import root

    def miss(at: Floats) -> Floats:
        return np.asarray((_replies(pairs, np.clip(at, pairs.lower, pairs.upper)) - at) / pairs.ranges)

    moved = np.clip(root(miss, contracts, tol=_SETTLED).x, pairs.lower, pairs.upper)
    return moved if np.abs(miss(moved)).max() < np.abs(miss(contracts)).max() / 2 else contracts


def _slopes_by_replies(pairs: Pairs, contracts: Floats) -> Floats:
    """Return the derivatives of each pair's Nash solution in the others' contracts, by differences, (k, k)."""
    slopes = np.zeros((len(pairs), len(pairs)))
    for moved, step in enumerate(_STEP * pairs.ranges):
        sides = np.tile(contracts, (2, 1))
        ends = np.clip(contracts[moved] + [-step, step], pairs.lower[moved], pairs.upper[moved])
        sides[:, moved] = ends
        slopes[:, moved] = (_replies(pairs, sides[1]) - _replies(pairs, sides[0])) / (ends[1] - ends[0])
    np.fill_diagonal(slopes, 0.0)
    return slopes


def _near(pairs: Pairs, one: Floats, other: Floats) -> bool:
    return bool((np.abs(one - other) <= _SAME * pairs.ranges).all())


def _packed(pairs: Pairs, runs: list[_Run], best: _Run, **more: Any) -> NashInNash:
    empty = np.array([not each.agree for each in best.replies] or [False] * len(pairs))
    contracts, gains = np.where(empty, np.nan, best.contracts), best.gains * pairs.scale
    gains[empty] = np.nan
    if empty.any():
        solutions, modulus, residual = np.empty((0, len(pairs))), np.nan, np.nan
        proven = all(each.agree or each.concave for run in runs for each in run.replies)
        status = Status.EMPTY if proven else Status.FAILED
    else:
        solutions, residual = best.contracts[None], best.residual
        for run in runs:
            if run.residual <= _ACCURACY and not any(_near(pairs, run.contracts, x) for x in solutions):
                solutions = np.vstack([solutions, run.contracts])
        slopes = _slopes_by_replies(pairs, best.contracts) if best.slopes is None else best.slopes
        modulus = float((np.abs(slopes) * pairs.ranges / pairs.ranges[:, None]).sum(axis=1).max())
        status = Status.OK if residual <= _ACCURACY else Status.INACCURATE
    return NashInNash(
        contracts=contracts,
        gains=gains,
        solutions=solutions,
        modulus=modulus,
        status=status,
        residual=residual,
        sweeps=best.sweeps,
        **more,
    )
