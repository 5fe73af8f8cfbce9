"""Investment in an outside option before the talks: the reverse of the hold-up problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import answer_of
from bargaining._arrays import Floats, fill, real, record, returned, scalar, within
from bargaining._calls import suggesting
from bargaining._names import Names, unique_names
from bargaining._rich import Shown
from bargaining.division import Division, describe, judged
from bargaining.errors import InvalidInput, Status, plain

Objective = Callable[[Floats], Floats]

_WITHIN = 1e-3  # of the range: local maxima of the grid this far below the best are narrowed down
_TIE = 1e-12  # of the range: values this close count as equally good
_POINTS = 65  # of a bracket, which each round divides by 32
_ROUNDS = 12  # from a grid of thousands to neighbouring floats, also beside a jump


def peaks(objective: Objective, grid: Floats) -> Floats:
    """Return every maximiser found, in ascending order; of an interval of maximisers the first and last on the grid.

    The vectorised objective may have kinks and jumps; a peak narrower than the spacing of the grid can be missed.
    Values at a smooth peak differ from the largest by rounding within about 1e-8 of the range, to which it is found.
    """
    values = objective(grid)
    scale = max(float(np.ptp(values)), np.finfo(float).tiny)
    before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], -np.inf)
    level = (values == before) & (values == after)  # inside an interval of equally good points
    rises = (values >= before) & (values >= after) & ~level & (values >= values.max() - _WITHIN * scale)
    places = np.array(sorted({_narrowed(objective, grid, int(n)) for n in np.flatnonzero(rises)}))
    heights = objective(places)
    ties: Floats = places[heights >= heights.max() - _TIE * scale]
    return ties


def _narrowed(objective: Objective, grid: Floats, n: int) -> float:
    """Return the best point between the neighbours of grid[n]."""
    low, best, high = grid[max(n - 1, 0)], grid[n], grid[min(n + 1, grid.size - 1)]
    for _ in range(_ROUNDS):
        points = np.unique(np.append(np.linspace(low, high, _POINTS), best))
        values = objective(points)
        k = int(np.flatnonzero(points == best)[0])
        k = int(values.argmax()) if values.max() > values[k] else k
        low, best, high = points[max(k - 1, 0)], points[k], points[min(k + 1, points.size - 1)]
    return float(best)


def shortfall(objective: Objective, x: float, low: float, high: float, *, count: int) -> float:
    """Return by how much one of many points of [low, high] is better than `x`, over the range of the objective.

    The points are spread evenly, and closer and closer to x.
    """
    if not low <= x <= high:
        return np.inf
    halves = 2.0 ** -np.arange(1, 41)  # down to 1e-12 of the interval
    even = low + (high - low) * (np.arange(count) + 0.5) / count
    close = np.clip(np.concatenate([x + (high - x) * halves, x - (x - low) * halves]), low, high)
    values = objective(np.concatenate([[x, low, high], even, close]))
    return float(values.max() - values[0]) / max(float(np.ptp(values)), np.finfo(float).tiny)


Rule = Callable[[Floats], ArrayLike]


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that shows as the call that made it, and can be pickled."""

    name: str
    function: Callable[..., ArrayLike]
    parameters: tuple[float, ...]

    def __repr__(self) -> str:
        return self.name

    def __call__(self, option: Floats) -> ArrayLike:
        return self.function(option, *self.parameters)


def itself(investment: Floats) -> Floats:
    """Return the cost of an investment that is counted in what it costs."""
    return investment


_GRID = 4001  # points: a peak narrower than 1 part in 4000 can be missed, as the notes say
_ACCURACY = 1e-9  # of the range of payoffs


@suggesting
def split_the_difference(weight: float) -> Rule:
    r"""Return the rule :math:`o \mapsto o + w(1-o)`: the option is the disagreement payoff (Nash).

    Parameters
    ----------
    weight : float
        The owner's bargaining weight w, between 0 and 1.

    Returns
    -------
    callable
        From an option, as a part of the pie, to the owner's payoff; vectorised.

    Examples
    --------
    >>> from bargaining import split_the_difference
    >>> round(split_the_difference(0.4)(0.3), 10)
    0.58
    """
    w = float(within(real(weight, "weight", ndim=0), "weight", 0.0, 1.0))
    return _Rule(f"split_the_difference({plain(w)})", _split, (w,))


def _split(option: Floats, weight: float) -> Floats:
    return option + weight * (1 - option)


@suggesting
def deal_me_out(share: float) -> Rule:
    r"""Return the rule :math:`o \mapsto \max(s, o)`: the option counts only where it binds.

    Parameters
    ----------
    share : float
        The owner's share s without an option, between 0 and 1.

    Returns
    -------
    callable
        From an option, as a part of the pie, to the owner's payoff; vectorised.

    References
    ----------
    Binmore, K., Shaked, A. and Sutton, J. (1989). An outside option experiment. *Quarterly Journal of Economics*
    104(4), 753-770. doi:10.2307/2937866

    Examples
    --------
    >>> from bargaining import deal_me_out
    >>> [float(deal_me_out(0.4)(option)) for option in (0.3, 0.5)]
    [0.4, 0.5]
    """
    s = float(within(real(share, "share", ndim=0), "share", 0.0, 1.0))
    return _Rule(f"deal_me_out({plain(s)})", np.maximum, (s,))


@suggesting
def risk_of_breakdown(rates: ArrayLike, breakdown: float) -> Rule:
    r"""Return the rule of frequent offers if talks break down at a hazard rate and the option is then taken.

    With :math:`\theta = L o/(r_1+L)` the owner gets :math:`\theta + (1-\theta)(r_2+L)/(r_1+r_2+2L)`.

    Parameters
    ----------
    rates : array_like, shape (2,)
        Discount rates, the owner's first; positive.
    breakdown : float
        Rate of breakdown L, not negative.

    Returns
    -------
    callable
        From an option, as a part of the pie, to the owner's payoff; vectorised.

    Examples
    --------
    >>> from bargaining import risk_of_breakdown
    >>> round(float(risk_of_breakdown([0.05, 0.05], 0.5)(0.105)), 4)
    0.5477
    """
    r = within(real(rates, "rates", ndim=1), "rates", 0.0, np.inf, ends="()")
    if r.shape != (2,):
        raise InvalidInput(f"`rates` must have one entry per player (2); got shape {r.shape}.")
    own, other = r.tolist()
    risk = float(within(real(breakdown, "breakdown", ndim=0), "breakdown", 0.0, np.inf, ends="[)"))
    name = f"risk_of_breakdown([{plain(own)}, {plain(other)}], {plain(risk)})"
    return _Rule(name, _at_risk, (own, other, risk))


def _at_risk(option: Floats, own: float, other: float, risk: float) -> Floats:
    threat = risk / (own + risk) * option
    return np.asarray(threat + (1 - threat) * (other + risk) / (own + other + 2 * risk))


@record(kw_only=False)
class HoldUp(Shown):
    r"""The owner invests k in an outside option o(k), then the pie of 1 is divided by a known rule.

    Parameters
    ----------
    outside : callable
        The option's value as a function of investment; vectorised; values from 0 to 1.
    rule : callable
        The owner's payoff from the talks as a function of the option; vectorised. Any protocol can be
        used, for instance ``lambda o: AlternatingOffers(d, outside=(o, None))(problem).payoffs[..., 0]``.
    upper : float
        Largest investment considered, positive.
    cost : callable, optional
        Cost of investing k, vectorised; k itself by default.
    players : sequence of str, default ("owner", "other")
        Names of the two.

    Notes
    -----
    Timing:

    1. The owner invests k, which costs :math:`c(k)`, is sunk, and is seen by the other.
    2. The talks divide the pie; the owner gets :math:`x(o(k))` and the other the rest. In equilibrium
       the option is not taken.

    The owner solves :math:`\max_k x(o(k)) - c(k)`. Since the option is not taken, all of :math:`c(k)` is wasted.
    Local maxima are bracketed on a grid that is dense near 0 and narrowed down by values, to about 1e-8 of `upper` at a
    smooth peak; one between neighbouring points of the grid (1 part in 4000) can be missed.

    References
    ----------
    Grout, P. A. (1984). Investment and wages in the absence of binding contracts: a Nash bargaining approach.
    *Econometrica* 52(2), 449-460. doi:10.2307/1911498

    de Meza, D. and Lockwood, B. (1998). Does asset ownership always motivate managers? Outside options and the
    property rights theory of the firm. *Quarterly Journal of Economics* 113(2), 361-386. doi:10.1162/003355398555621

    Examples
    --------
    >>> import numpy as np
    >>> from bargaining import HoldUp, deal_me_out, split_the_difference
    >>> HoldUp(np.sqrt, split_the_difference(0.4), 1.0)().investment.round(6).tolist()
    0.09
    >>> HoldUp(np.sqrt, deal_me_out(0.4), 1.0)().investment.tolist()
    0.0
    """

    outside: Callable[[Floats], ArrayLike]
    rule: Rule
    upper: float
    cost: Callable[[Floats], ArrayLike] = field(default=itself, kw_only=True)
    players: Names = field(default=("owner", "other"), kw_only=True)

    def __post_init__(self) -> None:
        upper = scalar(self.upper, "upper")
        if upper <= 0:
            raise InvalidInput(f"`upper` must be positive; got {plain(upper)}. It bounds the investment.")
        fill(self, upper=upper, players=unique_names(self.players, "players", 2))
        for name in ("outside", "rule", "cost"):
            if not callable(getattr(self, name)):
                cure = " Take `split_the_difference`, `deal_me_out` or `risk_of_breakdown`." * (
                    name == "rule"
                )
                raise InvalidInput(f"`{name}` must be a function; got {getattr(self, name)!r}.{cure}")

    def net(self, investment: ArrayLike) -> Floats:
        """Return the owner's payoff net of the cost of `investment`."""
        k = real(investment, "investment")
        option = _values(self.outside, "outside", k, k)
        bad = (option < 0) | (option > 1)
        if bad.any():
            raise InvalidInput(
                f"`outside` must lie in [0, 1], a part of the pie; got {plain(option[bad][0])} at investment "
                f"{plain(k[bad][0])}. Measure it in pies, or lower `upper`."
            )
        return np.asarray(_values(self.rule, "rule", option, k) - _values(self.cost, "cost", k, k))

    def __call__(self) -> HoldUpOutcome:
        """Return the best investment, and all others that are equally good."""
        best = peaks(self.net, self.upper * np.linspace(0, 1, _GRID) ** 2)
        k = best[:1].reshape(())
        outcome = HoldUpOutcome(
            investment=k,
            ties=best,
            payoffs=self._payoffs(k),
            outside=np.asarray(self.outside(k), dtype=float),
            residual=0.0,
            status=Status.OK,
            method="HoldUp",
            parameters=describe(self).parameters,
        )
        return self.check(outcome)

    def check(self, outcome: HoldUpOutcome) -> HoldUpOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs and investment."""
        answer_of(outcome, "outcome", HoldUpOutcome)
        k = np.asarray(outcome.investment, dtype=float)
        if not 0 <= float(k) <= self.upper:
            return judged(outcome, _ACCURACY, np.inf)
        return judged(
            outcome,
            _ACCURACY,
            shortfall(self.net, float(k), 0.0, self.upper, count=_GRID),
            np.abs(outcome.payoffs - self._payoffs(k)),
            np.abs(outcome.outside - np.asarray(self.outside(k), dtype=float)),
            *(shortfall(self.net, float(tie), 0.0, self.upper, count=65) for tie in outcome.ties),
        )

    def _payoffs(self, k: Floats) -> Floats:
        own, cost = float(self.net(k)), float(np.asarray(self.cost(k)))
        return np.array([own, 1 - own - cost])


def _values(function: Callable[[Floats], ArrayLike], name: str, at: Floats, k: Floats) -> Floats:
    try:
        array = returned(function(at), name)
    except TypeError as error:  # as math.sqrt does
        raise InvalidInput(
            f"`{name}` must take an array; it raised a TypeError ({error}). Use functions of NumPy, or "
            f"np.vectorize({name})."
        ) from None
    if array.shape != k.shape:
        try:
            array = np.broadcast_to(array, k.shape)
        except ValueError:
            raise InvalidInput(
                f"`{name}` must return one value per entry; got shape {array.shape} for {k.shape}. Vectorise it."
            ) from None
    if not np.isfinite(array).all():
        bad = k[~np.isfinite(array)] if k.ndim else k
        raise InvalidInput(
            f"`{name}` must return finite values; it does not at investment {plain(np.ravel(bad)[0])}."
        )
    return array


@record
class HoldUpOutcome(Division):
    """The owner's best investment.

    Attributes
    ----------
    investment : ndarray, shape ()
        The smallest best investment.
    ties : ndarray, shape (m,)
        All candidates that are equally good: several mean several equilibria. Of an interval of them, the ends.
    payoffs : ndarray, shape (2,)
        The owner's net payoff and the other's. They sum to 1 less the cost, which is wasted.
    outside : ndarray, shape ()
        The option's value.
    residual : float
        The gain from another investment to the owner, over the range of her payoff; or the distance of payoffs
        and option from those that the investment gives.
    status : Status
    """

    investment: Floats
    ties: Floats
    outside: Floats
