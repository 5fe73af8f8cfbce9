"""Screening a buyer with a private outside option (Board and Pycia 2014), or without one (the Coase conjecture)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of, function
from bargaining._arrays import (
    LARGEST,
    SMALLEST,
    Floats,
    distribution,
    fill,
    real,
    record,
    returned,
    scalar,
    spread,
    within,
)
from bargaining._calls import suggesting
from bargaining._names import Names, unique_names
from bargaining._rich import Result, Shown
from bargaining.division import ACCURACY, describe, judged
from bargaining.errors import InvalidInput, Status, plain
from bargaining.feasible._root import decreasing_root
from bargaining.protocols._seats import UNLABELLED
from bargaining.protocols.hold_up import peaks, shortfall

_GRID = 4001  # points: a peak narrower than 1 part in 4000 can be missed, as the notes say
_ACCURACY = 1e-9  # of the range of profits
_LEVELS = np.array([0.999, 0.9, 0.5, 0.1, 1e-3, 1e-6, 1e-12])  # of who buys: between them gains are added up
_ROUNDS = 1_000_000  # of offers to two types: some seconds


@record
class ScreeningOutcome(Result):
    """The price and who buys.

    Attributes
    ----------
    price : float
        The seller's price; the lowest if several are equally good.
    prices : ndarray, shape (m,)
        All prices that are equally good: several mean several equilibria. Of an interval of them, the ends.
    profit : float
        The seller's expected payoff.
    trade : float
        Probability that the buyer accepts; otherwise it leaves in the first period.
    gain : float
        The buyer's expected payoff above its outside option.
    residual : float
        The gain in profit from another price, over the range of profits; or the distance of profit,
        trade and gain from those that the price gives.
    status : Status
        OK, or INACCURATE.
    parameters : mapping
        What the game was told, by name, as numbers, functions and read-only arrays.
    method : str
        What it is called in tables.
    player_names : tuple of str
        The names of the two: first the seller.
    """

    player_names: tuple[str, ...]
    price: float
    prices: Floats
    profit: float
    trade: float
    gain: float
    residual: float
    status: Status
    parameters: Mapping[str, Any]
    method: str = "screening with an outside option"


@record(kw_only=False)
class OutsideOptionScreening(Shown):
    r"""A seller without commitment faces a buyer whose value and outside option are private.

    Parameters
    ----------
    survival : callable
        :math:`S(u) = P(v-w > u)` of the net value, the buyer's value less its outside option; vectorised
        and decreasing.
    lower, upper : float
        Where the net value lies: S(lower) = 1 and S(upper) = 0. `lower` may be negative.
    cost : float, default 0
        The seller's cost or reservation payoff, below `upper`.
    players : sequence of str, default ("seller", "buyer")
        Names of the two.

    Notes
    -----
    Timing, with a common or differing discount factor below 1:

    1. Nature draws the buyer's value v and outside option :math:`w > 0`, in present value; only the buyer
       learns them.
    2. In each period the seller asks a price. The buyer accepts it; or leaves, and gets w; or waits.
    3. Payoffs are discounted per period waited.

    In the unique equilibrium the seller asks the price of a monopolist who sells to the net value,
    :math:`\max_p (p-c) S(p)`, in every period; the buyer accepts at once if :math:`v-w \ge p` and leaves at once
    otherwise (proposition `screening-one-price`), however short the period and however small :math:`w > 0`. At
    :math:`w = 0` the price falls over time; see `TwoTypeScreening`.

    Local maxima are bracketed on a grid of 4001 prices and narrowed down by values, to about 1e-8 of the range at a
    smooth peak; a peak between neighbouring points can be missed.

    References
    ----------
    Board, S. and Pycia, M. (2014). Outside options and the failure of the Coase conjecture. *American Economic
    Review* 104(2), 656-671. doi:10.1257/aer.104.2.656

    Examples
    --------
    A value uniform on [0, 1] and an outside option of .2:

    >>> from bargaining import OutsideOptionScreening
    >>> round(OutsideOptionScreening(lambda u: 1 - (u + 0.2), -0.2, 0.8)().price, 6)
    0.4
    """

    survival: Callable[[Floats], ArrayLike]
    lower: float
    upper: float
    cost: float = field(default=0.0, kw_only=True)
    players: Names = field(default=("seller", "buyer"), kw_only=True, metadata=UNLABELLED)

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", unique_names(self.players, "players", 2))
        lower, upper, cost = (
            scalar(x, n) for x, n in ((self.lower, "lower"), (self.upper, "upper"), (self.cost, "cost"))
        )
        if not lower < upper:
            raise InvalidInput(f"`lower` must be below `upper`; got {plain(lower)} and {plain(upper)}.")
        if not cost < upper:
            raise InvalidInput(
                f"`cost` must be below `upper`, {plain(upper)}; got {plain(cost)}. No trade is worth making."
            )
        fill(self, lower=lower, upper=upper, cost=cost)
        function(self.survival, "survival")
        self._probe()

    def _probe(self) -> None:
        s = self._survival(np.linspace(self.lower, self.upper, 257))
        if abs(s[0] - 1) > 1e-9 or abs(s[-1]) > 1e-9 or (np.diff(s) > 1e-12).any():
            raise InvalidInput(
                f"`survival` must fall from 1 at `lower` to 0 at `upper`; it goes from {s[0]:.9g} to {s[-1]:.9g}"
                + ("." if (np.diff(s) <= 1e-12).all() else ", and rises in between.")
            )

    def _survival(self, u: Floats) -> Floats:
        inside = np.clip(u, self.lower, self.upper)
        value = returned(self.survival(inside), "survival")
        if value.shape != inside.shape or not np.isfinite(value).all():
            raise InvalidInput(
                "`survival` must return one finite number per entry. Vectorise it and check its range."
            )
        return value

    def profit(self, price: ArrayLike) -> Floats:
        """Return (p - c) S(p)."""
        p = real(price, "price")
        sold = np.where(p < self.lower, 1.0, np.where(p > self.upper, 0.0, self._survival(p)))
        return np.asarray((p - self.cost) * sold)

    def __call__(self) -> ScreeningOutcome:
        """Return the equilibrium price, and all others that are equally good."""
        prices = peaks(self.profit, np.linspace(max(self.lower, self.cost), self.upper, _GRID))
        price = float(prices[0])
        profit, trade, gain = self._brings(price)
        outcome = ScreeningOutcome(
            player_names=tuple(self.players),
            price=price,
            prices=prices,
            profit=profit,
            trade=trade,
            gain=gain,
            residual=0.0,
            status=Status.OK,
            parameters=describe(self).parameters,
        )
        return self.check(outcome)

    def check(self, outcome: ScreeningOutcome) -> ScreeningOutcome:
        """Return an outcome with `residual` and `status` computed anew from its price and payoffs."""
        answer_of(outcome, "outcome", ScreeningOutcome)
        low = max(self.lower, self.cost)
        if not low <= outcome.price <= self.upper:
            return judged(outcome, _ACCURACY, np.inf)
        profit, trade, gain = self._brings(outcome.price)
        scale = max(profit + gain, float(np.finfo(float).tiny))
        return judged(
            outcome,
            _ACCURACY,
            shortfall(self.profit, outcome.price, low, self.upper, count=_GRID),
            abs(outcome.profit - profit) / scale,
            abs(outcome.trade - trade),
            abs(outcome.gain - gain) / scale,
            *(shortfall(self.profit, float(tie), low, self.upper, count=65) for tie in outcome.prices),
        )

    def _brings(self, price: float) -> tuple[float, float, float]:
        """Return the profit, the probability of trade and the buyer's gain at a price."""
        from scipy.integrate import quad

        def survival(u: float) -> float:
            return float(self._survival(np.asarray(u)))

        ends = self._quantiles(price)
        precise: dict[str, Any] = {"limit": 200, "epsabs": 0.0, "epsrel": 1e-12, "full_output": True}
        gains = [quad(survival, a, b, **precise)[0] for a, b in pairwise(ends)]
        return float(self.profit(price)), survival(price), float(sum(gains))

    def _quantiles(self, price: float) -> Floats:
        """Return values between which the survival above a price falls, however far the rest of the range reaches."""
        low, high = np.full(_LEVELS.size, price), np.full(_LEVELS.size, self.upper)
        levels = _LEVELS * self._survival(low)
        ends, _ = decreasing_root(lambda u: self._survival(u) - levels, low, high)
        return np.unique(np.concatenate([[price], ends, [self.upper]]))


@suggesting
def screen_types(
    values: ArrayLike,
    outside: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    cost: float = 0.0,
    players: Names = ("seller", "buyer"),
) -> ScreeningOutcome:
    """Solve `OutsideOptionScreening` for finitely many types of the buyer; exact.

    Parameters
    ----------
    values, outside : array_like, shape (m,)
        Each type's value v and outside option w; the options must be positive.
    probabilities : array_like, shape (m,), optional
        Probability of each type; equal by default.
    cost : float, default 0
        The seller's cost.
    players : sequence of str, default ("seller", "buyer")
        Names of the two.

    Returns
    -------
    ScreeningOutcome
        The best price is the net value v - w of some type, or `cost` if no type is worth selling to.

    Examples
    --------
    A strong type, with an option of .5, and a weak one, with .1, who both value the good at 1:

    >>> from bargaining import screen_types
    >>> screen_types([1.0, 1.0], [0.5, 0.1], [0.7, 0.3]).price
    0.5
    >>> screen_types([1.0, 1.0], [0.5, 0.1], [0.3, 0.7]).price
    0.9
    """
    v = real(values, "values", ndim=1)
    w = within(real(outside, "outside", ndim=1), "outside", 0.0, np.inf, ends="()")
    if v.shape != w.shape:
        raise InvalidInput(f"`outside` must have one entry per value ({v.size}); got {w.size}.")
    chances = spread(distribution(probabilities, "probabilities", v.size), "probabilities", v.shape)
    c, net = scalar(cost, "cost"), v - w
    prices = np.unique(np.append(net[net > c], c))
    order = np.argsort(-net)
    at_least = np.append(0.0, np.cumsum(chances[order]))
    sold = at_least[np.searchsorted(-net[order], -prices, side="right")]
    profits = (prices - c) * sold
    best = profits >= profits.max() - 1e-14 * max(float(np.ptp(profits)), np.finfo(float).tiny)
    price = float(prices[best][0])
    buys = net >= price
    outcome = ScreeningOutcome(
        player_names=unique_names(players, "players", 2),
        price=price,
        prices=prices[best],
        profit=float(profits.max()),
        trade=float(chances[buys].sum()),
        gain=float(chances[buys] @ (net[buys] - price)),
        residual=0.0,
        status=Status.OK,
        parameters=describe("screen_types", values=v, outside=w, probabilities=chances, cost=c).parameters,
    )
    scale = max(float(np.ptp(profits)), np.finfo(float).tiny)
    return judged(outcome, ACCURACY, abs(outcome.profit - (price - c) * outcome.trade) / scale)


@record
class ScreeningPath(Result):
    """Offers, purchases and beliefs on the path of `TwoTypeScreening`.

    Attributes
    ----------
    prices : ndarray, shape (rounds,)
        The price in each period; the last is the low value.
    accepts : ndarray, shape (rounds,)
        Probability, at the start, that the buyer accepts in each period.
    beliefs : ndarray, shape (rounds,)
        Probability of the high type before each offer.
    thresholds : ndarray, shape (m,)
        Beliefs above which one more round of screening pays; below the first the seller asks the
        low value at once.
    profit : float
        The seller's payoff.
    payoffs : ndarray, shape (2,)
        The low and the high type's payoff.
    residual : float
        The largest gain from deviating: of the seller to another number of rounds, of the high type to
        another period, over the high value; or the distance of beliefs and payoffs from those that prices and purchases
        imply.
    status : Status
        OK, or INACCURATE.
    parameters : mapping
        What the game was told, by name, as numbers, functions and read-only arrays.
    method : str
        What it is called in tables.
    player_names : tuple of str
        The names of the two: first the seller.
    """

    player_names: tuple[str, ...]
    prices: Floats
    accepts: Floats
    beliefs: Floats
    thresholds: Floats
    profit: float
    payoffs: Floats
    parameters: Mapping[str, Any]
    residual: float = 0.0
    status: Status = Status.OK
    method: str = "two-type screening"


@record(kw_only=False)
class TwoTypeScreening(Shown):
    r"""A seller makes all the offers, for ever, to a buyer of high or low value who has no outside option.

    Parameters
    ----------
    values : array_like, shape (2,)
        The low and the high value, :math:`0 < v_L < v_H`. In a division of a pie of 1, the most that the responder is
        willing to give: 1 less the payoff from holding out, strong type first.
    prior : float
        Probability of the high value, strictly between 0 and 1.
    discounts : float
        Common discount factor per period, strictly between 0 and 1.
    players : sequence of str, default ("seller", "buyer")
        Names of the two.

    Notes
    -----
    Timing:

    1. Nature draws the value; only the buyer learns it.
    2. In each period the seller asks a price; the buyer accepts, which ends the game, or waits.

    With n rounds still to go before :math:`v_L` is asked, a high type is indifferent at
    :math:`p_n = v_H - \delta^n (v_H - v_L)`, and high types accept until their odds are at a threshold. The
    equilibrium is unique except at a threshold (proposition `screening-two-values`); it ends after finitely many
    rounds, and as :math:`\delta \to 1` the first price tends to :math:`v_L` (the Coase conjecture).

    References
    ----------
    Fudenberg, D., Levine, D. and Tirole, J. (1985). Infinite-horizon models of bargaining with one-sided incomplete
    information. In *Game-Theoretic Models of Bargaining*, Cambridge University Press, 73-98.

    Hart, O. (1989). Bargaining and strikes. *Quarterly Journal of Economics* 104(1), 25-43. doi:10.2307/2937833

    Examples
    --------
    >>> from bargaining import TwoTypeScreening
    >>> path = TwoTypeScreening((1.0, 2.0), 0.7, 0.9)()
    >>> path.prices.round(4), path.thresholds.round(4)
    (array([1.1, 1. ]), array([0.5   , 0.7632]))
    """

    values: ArrayLike
    prior: float
    discounts: float
    players: Names = field(default=("seller", "buyer"), kw_only=True, metadata=UNLABELLED)

    def __post_init__(self) -> None:
        object.__setattr__(self, "players", unique_names(self.players, "players", 2))
        values = within(real(self.values, "values", ndim=1), "values", 0.0, np.inf, ends="()")
        if values.shape != (2,) or not values[0] < values[1]:
            raise InvalidInput(f"`values` must be a pair, the low value first; got {values.tolist()}.")
        if values[0] < SMALLEST * values[1]:
            raise InvalidInput(
                f"`values` must differ by a factor of {1 / SMALLEST:g} at most; got {values.tolist()}."
            )
        prior = within(np.asarray(scalar(self.prior, "prior")), "prior", 0.0, 1.0, ends="()")
        delta = within(np.asarray(scalar(self.discounts, "discounts")), "discounts", 0.0, 1.0, ends="()")
        fill(self, values=values, prior=float(prior), discounts=float(delta))

    def __call__(self) -> ScreeningPath:
        """Return the path from the prior, and the belief thresholds up to it and one beyond."""
        low, high = np.asarray(self.values).tolist()
        odds, delta = self.prior / (1 - self.prior), self.discounts
        cuts, _ = self._cuts()
        rounds = int(np.searchsorted(cuts, odds, side="right")) - 1
        reached = np.array([odds, *cuts[:rounds][::-1]])
        prices = high - delta ** np.arange(rounds, -1, -1.0) * (high - low)
        prices[-1] = low
        sold = np.append(-np.diff(reached), 1.0 + reached[-1]) / (1 + odds)
        path = ScreeningPath(
            player_names=tuple(self.players),
            prices=prices,
            accepts=sold,
            beliefs=reached / (1 + reached),
            thresholds=1 / (1 + 1 / cuts[1:]),  # also where the odds are infinite
            profit=float((prices * sold) @ delta ** np.arange(rounds + 1.0)),
            payoffs=np.array([0.0, high - prices[0]]),
            parameters=describe(self).parameters,
        )
        return self.check(path)

    def check(self, path: ScreeningPath) -> ScreeningPath:
        """Return a path with `residual` and `status` computed anew from its prices, purchases and payoffs."""
        answer_of(path, "path", ScreeningPath)
        low, high = np.asarray(self.values).tolist()
        odds, delta, rounds = self.prior / (1 - self.prior), self.discounts, path.prices.size - 1
        cuts, worths = self._cuts(path.thresholds.size)
        if cuts[-1] <= odds or rounds >= cuts.size:
            return judged(path, ACCURACY, np.inf)
        n = np.flatnonzero(cuts[:-1] <= odds) + 1
        plans = (odds - cuts[n - 1]) * (high - delta**n * (high - low)) + delta * worths[n - 1]  # W_n(odds)
        discounts = delta ** np.arange(rounds + 1.0)
        expected = float((path.prices * path.accepts) @ discounts)
        reached = np.array([odds, *cuts[:rounds][::-1]])
        left = np.cumsum(path.accepts[::-1])[::-1]  # who has not bought, before each offer
        gaps = [
            max(low, plans.max() / (1 + odds)) - expected,
            abs(path.profit - expected),
            np.ptp(discounts * (high - path.prices)),
            abs(path.prices[-1] - low),
            *np.abs(path.payoffs - [0.0, high - path.prices[0]]),
        ]
        odd = [
            np.abs(path.beliefs - 1 + (1 - self.prior) / left),  # all low types buy last
            np.abs(path.beliefs - reached / (1 + reached)),
            np.abs(path.thresholds - 1 / (1 + 1 / cuts[1:])),
            abs(path.accepts.sum() - 1),
        ]
        return judged(path, ACCURACY, *(gap / high for gap in gaps), *odd)

    def _cuts(self, count: int | None = None) -> tuple[Floats, Floats]:
        r"""Return the thresholds x_n, in odds, and :math:`W_n(x_n)`: so many after the first, or one beyond the prior.

        The seller takes n more rounds from odds x in :math:`(x_n, x_{n+1})`, with the payoff per low type
        :math:`W_n(x) = (x - x_{n-1}) p_n + \delta W_{n-1}(x_{n-1})` and :math:`W_0(x) = (1+x) v_L`. As
        :math:`W_n(x_n) = W_{n-1}(x_n)`, with prices that differ by :math:`\delta^{n-1} (1-\delta) (v_H - v_L)`,

        .. math:: x_n - x_{n-1} = \frac{W_{n-1}(x_{n-1})}{\delta^{n-1} (v_H - v_L)}, \quad
                  W_n(x_n) = \frac{v_H W_{n-1}(x_{n-1})}{\delta^{n-1} (v_H - v_L)}.
        """
        low, high = np.asarray(self.values).tolist()
        odds = self.prior / (1 - self.prior)
        cuts, worths, size = [0.0], [low], high - low
        while len(cuts) <= count if count is not None else cuts[-1] <= odds:
            if len(cuts) > _ROUNDS:
                raise InvalidInput(
                    f"`values`, `prior` and `discounts` must lead to at most {_ROUNDS:,} rounds; got {[low, high]}, "
                    f"{plain(self.prior)} and {plain(self.discounts)}. Raise the low value or lower `discounts`."
                )
            far = worths[-1] > size * LARGEST
            cuts.append(np.inf if far else cuts[-1] + worths[-1] / size)
            worths.append(np.inf if far else high * (worths[-1] / size))
            size *= self.discounts
        return np.array(cuts), np.array(worths)
