"""Continuous offers when the pie, the flows and the options change with time.

Payoffs and regimes along the path of offers are functions of time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, is_sequence
from bargaining._arrays import Floats, owning, per_player, real, scalar, within
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import Division, judged, told
from bargaining.errors import InvalidInput, Status, plain
from bargaining.protocols._regimes import (
    COEFFICIENTS,
    DEGREE,
    FLOW,
    HAZARD,
    OUTSIDE,
    PIE,
    Primitive,
    Regime,
    Terms,
    Trajectory,
    defect,
    mesh,
    pair,
    times,
    walk,
)
from bargaining.protocols._seats import take_seats


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfferPath(Division):
    """Payoffs as functions of time; `payoffs` are those at t = 0.

    Attributes
    ----------
    until : float
        The last time for which the answer is given.
    kinks : numpy.ndarray
        Times up to `until` at which a primitive has a kink or jumps, or the regime changes.
    tail : float
        By how much the division at `horizon` can change the payoffs at `until`, over the pie.
    horizon : float
        The time from which payoffs were computed backwards.
    """

    until: float
    kinks: Floats
    tail: float
    horizon: float
    _path: Trajectory = field(repr=False)

    @property
    def edges(self) -> Floats:
        """Times up to `until` between which one regime holds and the payoffs are polynomials, (m + 1,)."""
        return self._path.edges[: len(self.regimes) + 1]

    @property
    def regimes(self) -> NDArray[np.int8]:
        """0 agreement, 1 and 2 agreement where player 0's or 1's outside option binds, 3 delay: (m,)."""
        return self._path.regimes[self._path.edges[:-1] < self.until]

    def payoffs_at(self, t: ArrayLike) -> Floats:
        """Return the payoffs if talks have reached time t, shape (..., 2); at a jump, the payoffs just after it."""
        when, k = self._find(t)
        a, b = self.edges[k], self.edges[k + 1]
        basis = chebyshev.chebvander((2 * when - a - b) / (b - a), DEGREE).reshape(*when.shape, -1)
        values: Floats = np.einsum("...j,...jk->...k", basis, COEFFICIENTS @ self._path.payoffs[k])
        return values

    def shares_at(self, t: ArrayLike) -> Floats:
        """Return each player's part of the sum of payoffs at time t: of the pie, where they agree."""
        payoffs = self.payoffs_at(t)
        shares: Floats = payoffs / payoffs.sum(axis=-1, keepdims=True)
        return shares

    def agree_at(self, t: ArrayLike) -> NDArray[np.bool_]:
        """Say whether they agree at once when talks have reached time t."""
        agree: NDArray[np.bool_] = self.regimes[self._find(t)[1]] != Regime.DELAY
        return agree

    @property
    def delay(self) -> float:
        """The time of agreement when talks start at 0; inf if it lies beyond `until` or any peak will do."""
        first = np.flatnonzero(self.regimes != Regime.DELAY)
        return float(self.edges[first[0]]) if len(first) else np.inf

    def _find(self, t: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
        when = within(real(t, "t"), "t", 0.0, self.until)
        k = np.searchsorted(self.edges, when, side="right") - 1
        return when, np.minimum(k, len(self.regimes) - 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values."""
        return {
            **Division.to_dict(self),
            "until": self.until,
            "kinks": self.kinks.tolist(),
            "edges": self.edges.tolist(),
            "regimes": [Regime(k).name for k in self.regimes.tolist()],
            "delay": self.delay,
        }


OfTime = float | Callable[[float], float]
"""A constant, or a function of time; functions that accept arrays are faster."""

_TAIL = 1e-12  # discount factor below which later payoffs no longer matter
_PROMISED = (
    1e-8  # of the pie: the residual, computed at other nodes, which notice kinks of the user's functions
)
_RESOLVED = 1e-12  # of the primitives: the polynomials' error on a piece
_LONGEST = 1e3  # mean waits


@owning
@dataclass(frozen=True, slots=True, eq=False)
class NonstationaryOffers(Shown):
    r"""Two players, offers without pause, and primitives that change with time (Coles and Muthoo).

    Let :math:`\pi(t)` be the surplus, :math:`r_i` the rates, :math:`L(t)` the breakdown hazard, and
    :math:`f_i = g_i + L b_i` what player i gets while talks last. Where they agree at once, :math:`x_0 + x_1 = \pi` and
    waiting a moment costs both the same:

    .. math:: (r_0 + L) x_0 - x_0' - f_0 = (r_1 + L) x_1 - x_1' - f_1 =: m / 2, \qquad m \ge 0.

    If m would be negative they wait: :math:`x_i' = (r_i + L) x_i - f_i` and :math:`x_0 + x_1 \ge \pi`. A player
    who may leave gets at least :math:`o_i(t)` at each moment. Where this binds, :math:`x_i = o_i` and the other gets
    :math:`\pi - o_i`, as long as waiting has a cost for i that is at least as large as for the other.

    Parameters
    ----------
    rates : array_like (2,)
        Discount rates :math:`r_i \ge 0` per unit of time.
    surplus : float or function of time
        The pie, positive.
    inside : pair of floats or functions, optional
        Flows :math:`g_i` received while talks last.
    breakdown : float or function, default 0
        Hazard :math:`L \ge 0` at which talks break down.
    breakdown_payoffs : pair of floats or functions, optional
        Payoffs :math:`b_i` at a breakdown.
    outside : pair of floats, functions or None, optional
        Payoffs :math:`o_i` of leaving; None: that player may not leave, and gets 0 if the other does.
    kinks : sequence of float, optional
        Known times of kinks and jumps. Others are searched for; a feature much shorter than
        2 / mean rate, or than a sixteenth of `until`, can be missed unless it is given.
    until : float, optional
        The last time for which an answer is wanted. By default the last of `kinks`, or 1 / mean rate
        if that is later. At most 1,000 mean waits: of one over the mean rate with the hazard at t = 0.
    players : sequence of str, optional
        Names of the players, in the order of parameters with an entry per player; by default those of parameters given
        by name.

    Raises
    ------
    InvalidInput
        If rates are negative or do not discount, a function is NaN or infinite at some time, the
        pie is not positive, options exceed the pie, or the pie outgrows the discounting.

    Notes
    -----
    Timing, in a period of length dt at time t:

    1. Each player proposes with probability one half (strict alternation has the same limit, except
       just before a drop of the pie, where it depends on whose turn it is).
    2. The other accepts, and they share :math:`\pi(t)`; or rejects, and may then leave: each gets :math:`o_i(t)`.
    3. Otherwise talks break down with probability L dt, with payoffs :math:`b_i(t)`, or last, with
       flows :math:`g_i(t)` dt, and the next period begins. Payoffs are discounted at :math:`r_i`.

    The payoffs are the limit as dt goes to 0 (propositions `nonstationary-limit` and `nonstationary-kinks`). From a
    given division at a last date equilibrium is unique, by backward induction.

    *Infinite horizon.* Payoffs are computed backwards from a date T at which the steady state is assumed, and also from
    the two extreme divisions at T, in which one player gets the least possible. `tail` is the difference between the
    two extremes at `until`; T is raised until it is below 1e-12. One assumption cannot be checked from finitely many
    values: that agreement at T is no worse than waiting from then on, unless flows alone exceed the pie.
    Where an option ends waits of a patient player, the two extremes may stay apart: payoffs then depend on the last
    date however late it is, and the status is INACCURATE.

    *A rate of 0* (proposition `nonstationary-patient`). Without a hazard, flows and options a player who does not
    discount gets the highest pie, if that comes back for ever, and the other nothing. Peaks that rise for ever leave
    a `tail`, and the status is INACCURATE unless they do so by less than 1e-8.

    *Error.* There is no step size: the primitives are approximated between kinks by polynomials of degree 16 to 1e-12,
    switches of regime are polynomial roots, and integrals are exact up to rounding. `residual` is the tail plus the
    violations of the defining conditions, computed with the functions themselves at other nodes and discounted
    to t = 0, over the pie. It bounds the error at t = 0. Where payoffs touch the pie or an option at a switch, its date
    is known to the root of the error of payoffs: to about 1e-5.

    References
    ----------
    .. [1] Coles, M. G. and Muthoo, A. (2003). Bargaining in a non-stationary environment. *Journal of Economic
       Theory* 109(1), 70-89.

    .. [2] Muthoo, A. (1999). *Bargaining Theory with Applications*. Cambridge University Press.
       doi:10.1017/CBO9780511751691

    Examples
    --------
    A pie that grows at rate g: player 0 gets :math:`(r_1 - g) / (r_0 + r_1 - 2 g)` of it.

    >>> import numpy as np
    >>> from bargaining import NonstationaryOffers
    >>> path = NonstationaryOffers([0.1, 0.2], surplus=lambda t: np.exp(0.05 * t))()
    >>> path.payoffs.round(10)
    array([0.75, 0.25])

    An alternative under construction, worth .7 to player 0 from t = 2 on, is priced from the start:

    >>> built = NonstationaryOffers([0.1, 0.1], surplus=1, outside=(lambda t: 0.7 if t >= 2 else 0.0, None))()
    >>> float(built.payoffs[0].round(7)), 0.5 + 0.2 * float(np.exp(-0.2).round(7))
    (0.6637462, 0.66374616)
    """

    rates: ArrayLike
    surplus: OfTime = field(kw_only=True)
    inside: Sequence[OfTime] | None = field(default=None, kw_only=True)
    breakdown: OfTime = field(default=0.0, kw_only=True)
    breakdown_payoffs: Sequence[OfTime] | None = field(default=None, kw_only=True)
    outside: Sequence[OfTime | None] | None = field(default=None, kw_only=True)
    kinks: ArrayLike | None = field(default=None, kw_only=True)
    until: float | None = field(default=None, kw_only=True)
    players: Names | None = field(default=None, kw_only=True)
    _terms: Terms = field(init=False, repr=False)
    _kinks: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        take_seats(self, "rates", "inside", "breakdown_payoffs", "outside", count=2)
        rates = within(per_player(self.rates, "rates", 2), "rates", 0.0, np.inf, ends="[)")
        if rates.ndim != 1:
            raise InvalidInput(f"`rates` must be a pair of numbers; got shape {rates.shape}.")
        terms = Terms(
            rates=rates,
            surplus=Primitive.of(self.surplus, "surplus"),
            inside=pair(self.inside, "inside"),
            breakdown=Primitive.of(self.breakdown, "breakdown", negative=False),
            breakdown_payoffs=pair(self.breakdown_payoffs, "breakdown_payoffs"),
            outside=pair(self.outside, "outside", optional=True),
        )
        known = (
            np.array([])
            if self.kinks is None or (is_sequence(self.kinks) and not len(self.kinks))  # type: ignore[arg-type]
            else real(self.kinks, "kinks", ndim=1)
        )
        object.__setattr__(self, "_terms", terms)
        if (known < 0).any():
            raise InvalidInput(f"`kinks` must be times from 0 on; got {plain(known.min())}. Drop it.")
        object.__setattr__(self, "_kinks", np.unique(known))
        if self.until is not None:
            within(real(scalar(self.until, "until"), "until"), "until", 0.0, np.inf, ends="()")

    def __call__(self) -> OfferPath:
        """Return payoffs and regimes from t = 0 to `until`."""
        terms = self._terms
        rate = float(terms.rates.mean() + terms(np.zeros(1))[0, HAZARD])
        if rate == 0:
            raise InvalidInput(
                "`rates` must not both be 0 unless `breakdown` is positive at t = 0: nothing hurries."
            )
        until = self.until or max(1 / rate, float(self._kinks.max(initial=0.0)))
        if not rate * until <= _LONGEST:
            raise InvalidInput(
                f"`until` must be at most {_LONGEST:g} over the mean of `rates` with `breakdown`; got {until:g} at "
                f"{rate:g}. Choose a smaller one."
            )
        horizon = _horizon(terms, until, rate)
        for _ in range(4):
            edges, kinks = self._edges(until, horizon, rate)
            least, middle, most = _last(terms, horizon)
            late = edges[np.searchsorted(edges, until) :]
            low, high = (walk(terms, late, last).payoffs[0, 0] for last in (least, most))
            tail = float(np.abs(low - high).max() / terms.surplus(late[:1])[0])
            if tail <= 10 * _TAIL:
                break
            horizon *= 2
        path = walk(terms, edges, middle)
        switches = path.edges[1:-1][path.regimes[1:] != path.regimes[:-1]]
        kinks = np.union1d(kinks, switches)
        answer = OfferPath(
            payoffs=path.payoffs[0, 0],
            status=Status.OK,
            method="NonstationaryOffers",
            residual=0.0,
            until=until,
            kinks=kinks[(kinks > 0) & (kinks <= until)],
            tail=tail,
            horizon=horizon,
            _path=path,
        )
        return self.check(told(answer, self))

    def check(self, path: OfferPath) -> OfferPath:
        """Return a path with `residual` and `status` computed anew from its payoffs at every time.

        The answer may be one of this protocol, or a changed one. The residual is the sum of the violations of the
        defining conditions and the tail, over the pie at t = 0, or the distance of `payoffs` from the beginning of the
        path.
        """
        answer_of(path, "path", OfferPath)
        distance = np.abs(path.payoffs - path._path.payoffs[0, 0]) / self._terms.surplus(np.zeros(1))
        return judged(path, _PROMISED, defect(self._terms, path._path) + path.tail, distance)

    def _edges(self, until: float, horizon: float, rate: float) -> tuple[Floats, Floats]:
        """Return the ends of the pieces, finer up to `until`, and every kink."""
        known = self._kinks[self._kinks < horizon]
        start = self._terms(np.linspace(0, until, 17))  # for sizes alone
        scale = np.abs(start).max(axis=0)
        scale[HAZARD] += rate
        scale[FLOW] += rate * scale[PIE]
        scale[OUTSIDE] = scale[PIE]
        slowest = float(self._terms.rates.min())

        def allowed(a: Floats) -> Floats:
            error: Floats = _RESOLVED * np.exp(slowest * np.maximum(a - until, 0))[:, None] * scale
            return error

        edges = np.concatenate([np.linspace(0, until, 17), [horizon], known])
        edges, kinks = mesh(self._terms, np.unique(edges), allowed)
        return edges, np.union1d(known, kinks)


def _horizon(terms: Terms, until: float, rate: float) -> float:
    """Return a time at which the discounted pie is negligible."""
    today = terms(np.array([0.0, until]))[:, PIE].max()
    length = -np.log(_TAIL) / rate
    before = np.inf

    def left(length: float) -> float:
        """Return the logarithm of the pie that waiting for so long leaves, over that of today."""
        end = np.array([until + length])
        nodes, weights = legendre.leggauss(16)
        hazard = terms.breakdown(times(np.array([until]), end, nodes)) @ weights
        waited = terms.rates.mean() * length + float(hazard[0]) * length / 2
        return float(np.log(terms.surplus(end)[0] / today) - waited)

    while True:
        end = until + length
        if (after := left(length)) <= np.log(_TAIL):
            while left(length / 2) <= np.log(_TAIL):  # the hazard has risen
                length /= 2
            return float(until + length)
        if after >= before or end > 1e6 * (until + 1 / rate):
            break
        before = after
        length *= 2
    raise InvalidInput(
        f"`surplus` must grow more slowly than it is discounted; got {plain(terms.surplus(np.array([end]))[0])} at "
        f"t = {plain(end)}, against mean `rates` of {terms.rates.mean():g}. Lower its growth or raise the rates."
    )


def _last(terms: Terms, horizon: float) -> tuple[Floats, Floats, Floats]:
    """Return the least, the stationary and the largest payoffs of player 0 at the horizon."""
    v = terms(np.array([np.nextafter(horizon, 0)]))[0]
    rho = terms.rates + v[HAZARD]
    flows = v[2:4]
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(flows == 0, 0.0, flows / rho)
    if not alone.sum() < v[PIE]:
        if not np.isfinite(alone).all():
            raise InvalidInput(
                "`inside` must be 0 at late times for a player with `rates` 0; "
                f"got a flow at t = {plain(horizon)}."
            )
        return alone, alone, alone
    floor = np.minimum(alone, 0.0)
    for i in terms.may_leave:
        floor[i] = v[OUTSIDE][i]
    agreed = alone[0] + rho[1] / rho.sum() * (v[PIE] - alone.sum())
    shares = (floor[0], min(max(agreed, floor[0]), v[PIE] - floor[1]), v[PIE] - floor[1])
    low, middle, high = (np.array([x, v[PIE] - x]) for x in shares)
    return low, middle, high
