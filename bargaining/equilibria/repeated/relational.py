"""Relational contracts: promised bonuses that are paid to preserve the relationship."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import function
from bargaining._arrays import Floats, real, scalar, within
from bargaining._arrays import discounts as discounts_of
from bargaining._calls import suggesting
from bargaining._rich import Result
from bargaining.equilibria.repeated.joint import least_spread
from bargaining.errors import InvalidInput, Status

_NODES = 256  # points of the first grid over the range of efforts
_HALVINGS = 60  # a float has 53 digits
_SAME = 1e-7  # of the range of efforts: values alone tell the efficient one to about 1e-8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelationalContract(Result):
    """The best contract that two parties can enforce by the threat to part.

    Attributes
    ----------
    effort : float
        The effort sustained; NaN if none is.
    surplus : float
        The joint payoff per period: at that effort, or `outside` if they part.
    bonus : float
        The promised pay that no court enforces, per period.
    slack : float
        The value of the future less the temptation, per period:
        discount * (surplus - outside) - (1 - discount) * bonus. Zero where the future limits effort.
    status : Status
        OK; EMPTY if no effort can be sustained and the parties take `outside`.
    first_best : bool
        Whether the effort is the efficient one, up to 1e-7 of the range.
    """

    effort: float
    surplus: float
    bonus: float
    slack: float
    status: Status
    first_best: bool


@suggesting
def relational_contract(
    surplus: Callable[[float], float],
    temptation: Callable[[float], float],
    discounts: float,
    *,
    lower: float,
    upper: float,
    outside: float = 0.0,
) -> RelationalContract:
    r"""Return the most productive self-enforcing effort in a relationship with transfers.

    .. math:: \max_e S(e) \quad \text{such that} \quad (1 - \delta)\, T(e) \le \delta\, [S(e) - O].

    Parameters
    ----------
    surplus : callable
        The joint payoff per period S(e), concave.
    temptation : callable
        T(e): the largest payment that no court enforces, convex. With an observed effort of cost c(e)
        and no enforceable pay for it, T = c; with noisy output see `bonus_spread`.
    discounts : float
        The common discount factor per period, in [0, 1).
    lower, upper : float
        The range of efforts.
    outside : float, default 0
        O: the joint payoff per period after they part for good.

    Returns
    -------
    RelationalContract

    Raises
    ------
    InvalidInput
        If the discount factor or the range is out of its domain, or a function returns no number.

    Notes
    -----
    In each period effort is chosen, then the bonus is paid or not. If somebody breaks the agreement, the relationship
    ends. Stationary contracts lose nothing, and the division of the surplus, by the fixed pay, does not affect which
    efforts can be enforced (Levin 2003). The constraint's slack is concave, so the efforts that can be sustained are an
    interval; the answer is its point nearest the efficient effort, which is accurate to about 1e-8 of the range (the
    surplus, to 1e-16).

    References
    ----------
    Levin, J. (2003). Relational incentive contracts. *American Economic Review* 93(3), 835-857.
    doi:10.1257/000282803322157115

    Examples
    --------
    Output equal to effort at cost e^2 / 2; the efficient effort is 1:

    >>> from bargaining import relational_contract
    >>> contract = relational_contract(
    ...     lambda e: e - e**2 / 2, lambda e: e**2 / 2, 0.4, lower=0, upper=2, outside=0.05)
    >>> round(contract.effort, 7)
    0.7464102
    """
    delta = float(discounts_of(scalar(discounts, "discounts"), 1)[0])
    low, high = scalar(lower, "lower"), scalar(upper, "upper")
    if not low < high:
        raise InvalidInput(f"`lower` must be below `upper`; got {low:g} and {high:g}.")
    alternative = scalar(outside, "outside")
    function(surplus, "surplus", "effort")
    function(temptation, "temptation", "effort")

    def total(e: float) -> float:
        return scalar(surplus(e), "surplus")

    def slack(e: float) -> float:
        return delta * (total(e) - alternative) - (1 - delta) * scalar(temptation(e), "temptation")

    best = effort = _argmax(total, low, high)
    if slack(best) < 0:
        effort = _argmax(slack, low, high)
        least, beyond = min(slack(effort), 0.0), best
        grid = np.linspace(low, high, 9).tolist()
        if least < -1e-14 * float(np.ptp([[total(e), slack(e)] for e in grid])):
            return RelationalContract(
                effort=np.nan,
                surplus=alternative,
                bonus=0.0,
                slack=np.nan,
                status=Status.EMPTY,
                first_best=False,
            )
        for _ in range(_HALVINGS):
            middle = (effort + beyond) / 2
            effort, beyond = (middle, beyond) if slack(middle) >= least else (effort, middle)
    return RelationalContract(
        effort=effort,
        surplus=total(effort),
        bonus=scalar(temptation(effort), "temptation"),
        slack=slack(effort),
        status=Status.OK,
        first_best=abs(effort - best) <= _SAME * (high - low),
    )


def _argmax(height: Callable[[float], float], low: float, high: float) -> float:
    """Return the peak of a concave function: a grid, then golden sections around its best point."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(low, high, _NODES)
    top = int(np.argmax([height(e) for e in grid.tolist()]))
    around = float(grid[max(top - 1, 0)]), float(grid[min(top + 1, _NODES - 1)])
    options = {"xatol": 1e-13 * (high - low)}
    found = minimize_scalar(lambda e: -height(float(e)), bounds=around, method="bounded", options=options)
    return max((float(found.x), float(grid[top]), *around), key=height)


@suggesting
def bonus_spread(probabilities: ArrayLike, costs: ArrayLike) -> Floats:
    r"""Return the least spread of pay that makes each effort optimal if only noisy output is observed.

    For effort e, over pay plans w that depend on output,

    .. math:: T_e = \min_w \; (\max_y w_y - \min_y w_y) \quad \text{such that} \quad
              \sum_y (p_{ey} - p_{ky}) w_y \ge c_e - c_k \text{ for all } k.

    Parameters
    ----------
    probabilities : array_like of shape (k, m)
        Row e: the distribution of output under effort e.
    costs : array_like of shape (k,)
        The cost of each effort.

    Returns
    -------
    ndarray of shape (k,)
        The spread, by effort; infinite for an effort that no plan induces. It is the temptation in
        `relational_contract`.

    Notes
    -----
    Only the spread of a plan matters for the temptation, since the fixed pay is free (Levin 2003). There is one linear
    program for each effort.

    Examples
    --------
    Two outputs and two efforts: the good output is 40 points likelier after effort, which costs 1.

    >>> from bargaining import bonus_spread
    >>> bonus_spread([[0.7, 0.3], [0.3, 0.7]], [0, 1])
    array([0. , 2.5])
    """
    table = real(probabilities, "probabilities", ndim=2)
    within(table, "probabilities", 0.0, 1.0)
    if (np.abs(table.sum(axis=1) - 1.0) > 1e-9).any():
        raise InvalidInput(
            f"`probabilities` must sum to 1 in each row; got sums {table.sum(axis=1).tolist()}."
        )
    price = real(costs, "costs", ndim=1, payoffs=True)
    if price.size != len(table):
        raise InvalidInput(f"`costs` must have one entry per effort ({len(table)}); got {price.size}.")
    unit = float(np.ptp(price)) or 1.0
    return np.array(
        [
            unit * least_spread(np.delete(table, e, 0) - own, (np.delete(price, e) - price[e]) / unit)
            for e, own in enumerate(table)
        ]
    )
