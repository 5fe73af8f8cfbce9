"""Many pairs bargain at once, each taking the other contracts as given (Nash-in-Nash)."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import listed, whole
from bargaining._arrays import Floats, owning, per_player
from bargaining._calls import suggesting
from bargaining._rich import Result
from bargaining.division import describe
from bargaining.equilibria.pairs._system import Reply, newton, reply
from bargaining.equilibria.pairs.deal import BilateralDeal, Pairs
from bargaining.errors import InvalidInput, Status

if TYPE_CHECKING:
    import pandas as pd

_COARSE = 17  # contracts that each pair looks at before Newton's method begins
_SAME = 1e-6  # contracts nearer than this part of their ranges are one solution
_SETTLED = 1e-13  # of the ranges: another round of bargaining changes no more than this
_ROUNDING = 1e-10  # of the ranges: below this rounding can be why a round brings contracts no closer
_SLOW = 0.3  # ratio of successive changes above which a root of the replies is looked for
# rounds after which contracts that still change as much as after half of them are cycling
_PATIENCE, _CIRCLES = 64, 0.9
_STEP = 1e-5  # of the ranges: by how much contracts are moved to see how replies change
_ACCURACY = 1e-9  # of the ranges: an answer with a larger residual is computed again


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    _deals: tuple[BilateralDeal, ...] = field(default=(), repr=False)

    def __getstate__(self) -> list[Any]:
        """Leave deals behind if their gains are functions that do not travel, such as a lambda."""
        try:
            kept = pickle.dumps(self._deals) and self._deals
        except (pickle.PicklingError, AttributeError, TypeError):
            kept = ()
        return [kept if each.name == "_deals" else getattr(self, each.name) for each in fields(self)]

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
            _deals=tuple(members),
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
    contracts, change, earlier = start.copy(), np.inf, np.inf
    for sweep in range(1, sweeps + 1):
        before, last = contracts.copy(), change
        replies = tuple(_reply(pairs, k, contracts) for k in range(len(pairs)))
        change = float((np.abs(contracts - before) / pairs.ranges).max())
        if change <= _SETTLED or (change <= _ROUNDING and change >= last / 2):
            break
        if sweep >= 4 and sweep & (sweep - 1) == 0:  # a power of 2
            if sweep >= _PATIENCE and change > _CIRCLES * earlier:
                break
            earlier = change
            if change > _SLOW * last and all(each.agree for each in replies):
                contracts = _jumped(pairs, contracts)
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
    found = reply(pairs.of_pair(k, contracts), pairs.weights[k], float(pairs.lower[k]), float(pairs.upper[k]))
    contracts[k] = found.contract
    return found


def _replies(pairs: Pairs, contracts: Floats) -> Floats:
    """Return every pair's Nash solution given the others' contracts; NaN where it has none."""
    replies = [_reply(pairs, k, contracts.copy()) for k in range(len(pairs))]
    return np.array([each.contract if each.agree else np.nan for each in replies])


def _jumped(pairs: Pairs, contracts: Floats) -> Floats:
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
