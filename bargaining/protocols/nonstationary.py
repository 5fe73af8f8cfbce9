"""Continuous offers when the pie, the flows and the options change with time.

Time is cut into pieces on which every primitive is a polynomial up to the desired accuracy; kinks and jumps are ends of
pieces. So under a fixed regime (agreement, a binding outside option, delay) the payoffs on a piece are integrals of
polynomials, a regime ends at a root of a polynomial, and there is no step size. Functions on a piece are represented
by their values at Chebyshev points, which include the ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, is_sequence
from bargaining._arrays import Floats, owning, per_player, real, scalar, within
from bargaining._names import Names
from bargaining._rich import Shown
from bargaining.division import Division, judged, told
from bargaining.errors import InvalidInput, Status, Unsolved, plain
from bargaining.protocols._seats import take_seats

_DEGREE = 16  # of the polynomials: of higher ones the integrals round as much as they gain
_NODES = chebyshev.chebpts2(_DEGREE + 1)
_COEFFICIENTS = np.linalg.inv(chebyshev.chebvander(_NODES, _DEGREE))
"""Values at the nodes to Chebyshev coefficients."""
_SLOPES = chebyshev.chebvander(_NODES, _DEGREE - 1) @ chebyshev.chebder(_COEFFICIENTS)
_REMAINING = -chebyshev.chebvander(_NODES, _DEGREE + 1) @ chebyshev.chebint(_COEFFICIENTS, lbnd=1)
"""Values at the nodes to the integrals from each node to 1."""

_PIE, _HAZARD, _FLOW, _OUTSIDE = 0, 1, slice(2, 4), slice(4, 6)  # places in the values of `_Terms`
_ROUNDING = 1e-11  # of the pie and the payoffs: ten times what integrals of a piece lose to rounding
_SPAN = 2.0  # longest piece, in units of one over the mean rate with the hazard
_CROWD = 4000  # pieces: a function that needs more is not piecewise smooth
_NARROW = 2.0**-22  # of a piece: what cutting does not resolve up to here is a kink or a jump
_CLOSER = 1 / 64  # of a piece: where a regime holds for less, its half is examined by itself
_SHORTEST = 1e-9  # of time, relative: a shorter regime counts as a single moment
_TAIL = 1e-12  # discount factor below which later payoffs no longer matter
_PROMISED = (
    1e-8  # of the pie: the residual, computed at other nodes, which notice kinks of the user's functions
)
_RESOLVED = 1e-12  # of the primitives: the polynomials' error on a piece
_LONGEST = 1e3  # mean waits

OfTime = float | Callable[[float], float]
"""A constant, or a function of time; functions that accept arrays are faster."""


class Regime(IntEnum):
    """The regime at a moment."""

    AGREE = 0
    FIRST_BOUND = 1
    SECOND_BOUND = 2
    DELAY = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """Regimes, (m,), on adjacent pieces of time between edges, (m + 1,), and payoffs at the nodes, (m, 17, 2)."""

    edges: Floats
    regimes: NDArray[np.int8]
    payoffs: Floats


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
        basis = chebyshev.chebvander((2 * when - a - b) / (b - a), _DEGREE).reshape(*when.shape, -1)
        return np.asarray(np.einsum("...j,...jk->...k", basis, _COEFFICIENTS @ self._path.payoffs[k]))

    def agree_at(self, t: ArrayLike) -> NDArray[np.bool_]:
        """Say whether they agree at once when talks have reached time t."""
        return np.asarray(self.regimes[self._find(t)[1]] != Regime.DELAY)

    @property
    def delay(self) -> float:
        """The time of agreement when talks start at 0; inf if it lies beyond `until` or any peak will do."""
        first = np.flatnonzero(self.regimes != Regime.DELAY)
        return float(self.edges[first[0]]) if len(first) else np.inf

    def _find(self, t: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
        when = real(t, "t")
        times = when[:, None] if when.ndim == 1 else when  # a list is not one of players
        within(times, "t", 0.0, self.until)
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
    _terms: _Terms = field(init=False, repr=False)
    _kinks: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        take_seats(self, "rates", "inside", "breakdown_payoffs", "outside", count=2)
        rates = within(per_player(self.rates, "rates", 2), "rates", 0.0, np.inf, ends="[)")
        if rates.ndim != 1:
            raise InvalidInput(f"`rates` must be a pair of numbers; got shape {rates.shape}.")
        terms = _Terms(
            rates,
            _Primitive.of(self.surplus, "surplus"),
            _Primitive.of(self.breakdown, "breakdown", negative=False),
            _pair(self.inside, "inside"),
            _pair(self.breakdown_payoffs, "breakdown_payoffs"),
            _pair(self.outside, "outside", optional=True),
        )
        kinks: Any = () if self.kinks is None else self.kinks
        empty = is_sequence(kinks) and not len(kinks)
        known = np.array([]) if empty else real(kinks, "kinks", ndim=1)
        if (known < 0).any():
            raise InvalidInput(f"`kinks` must be times from 0 on; got {plain(known.min())}. Drop it.")
        object.__setattr__(self, "_terms", terms)
        object.__setattr__(self, "_kinks", np.unique(known))
        if self.until is not None:
            within(real(scalar(self.until, "until"), "until"), "until", 0.0, np.inf, ends="()")

    def __call__(self) -> OfferPath:
        """Return payoffs and regimes from t = 0 to `until`."""
        terms = self._terms
        rate = float(terms.rates.mean() + terms(np.zeros(1))[0, _HAZARD])
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
            low, high = (_walk(terms, late, last).payoffs[0, 0] for last in (least, most))
            tail = float(np.abs(low - high).max() / terms.surplus(late[:1])[0])
            if tail <= 10 * _TAIL:
                break
            horizon *= 2
        path = _walk(terms, edges, middle)
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
        return judged(path, _PROMISED, _defect(self._terms, path._path) + path.tail, distance)

    def _edges(self, until: float, horizon: float, rate: float) -> tuple[Floats, Floats]:
        """Return the ends of the pieces, finer up to `until`, and every kink."""
        known = self._kinks[self._kinks < horizon]
        start = self._terms(np.linspace(0, until, 17))  # for sizes alone
        scale = np.abs(start).max(axis=0)
        scale[_HAZARD] += rate
        scale[_FLOW] += rate * scale[_PIE]
        scale[_OUTSIDE] = scale[_PIE]
        slowest = float(self._terms.rates.min())

        def allowed(a: Floats) -> Floats:
            return np.asarray(_RESOLVED * np.exp(slowest * np.maximum(a - until, 0))[:, None] * scale)

        edges = np.concatenate([np.linspace(0, until, 17), [horizon], known])
        edges, kinks = _mesh(self._terms, np.unique(edges), allowed)
        return edges, np.union1d(known, kinks)


def _horizon(terms: _Terms, until: float, rate: float) -> float:
    """Return a time at which the discounted pie is negligible."""
    today = terms(np.array([0.0, until]))[:, _PIE].max()
    length = -np.log(_TAIL) / rate
    before = np.inf

    def left(length: float) -> float:
        """Return the logarithm of the pie that waiting for so long leaves, over that of today."""
        end = np.array([until + length])
        nodes, weights = legendre.leggauss(16)
        hazard = terms.breakdown(_times(np.array([until]), end, nodes)) @ weights
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


def _last(terms: _Terms, horizon: float) -> tuple[Floats, Floats, Floats]:
    """Return the least, the stationary and the largest payoffs of player 0 at the horizon."""
    v = terms(np.array([np.nextafter(horizon, 0)]))[0]
    rho = terms.rates + v[_HAZARD]
    flows = v[2:4]
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(flows == 0, 0.0, flows / rho)
    if not alone.sum() < v[_PIE]:
        if not np.isfinite(alone).all():
            raise InvalidInput(
                "`inside` must be 0 at late times for a player with `rates` 0; "
                f"got a flow at t = {plain(horizon)}."
            )
        return alone, alone, alone
    floor = np.minimum(alone, 0.0)
    for i in terms.may_leave:
        floor[i] = v[_OUTSIDE][i]
    agreed = alone[0] + rho[1] / rho.sum() * (v[_PIE] - alone.sum())
    shares = (floor[0], min(max(agreed, floor[0]), v[_PIE] - floor[1]), v[_PIE] - floor[1])
    low, middle, high = (np.array([x, v[_PIE] - x]) for x in shares)
    return low, middle, high


@dataclass(frozen=True, slots=True)
class _Primitive:
    """A parameter that is a number or a function of time, checked wherever it is evaluated."""

    name: str
    value: float | Callable[..., ArrayLike]
    negative: bool

    @classmethod
    def of(cls, value: object, name: str, *, negative: bool = True) -> _Primitive:
        """Return the checked parameter."""
        if callable(value):
            return cls(name, value, negative)
        number = real(value, name)  # type: ignore[arg-type]
        if number.ndim:
            raise InvalidInput(f"`{name}` must be a number or a function of time; got shape {number.shape}.")
        if not negative and number < 0:
            raise InvalidInput(f"`{name}` must not be negative; got {plain(float(number))}.")
        return cls(name, float(number), negative)

    def __call__(self, times: Floats) -> Floats:
        """Return the values at these times, in their shape."""
        if not callable(self.value):
            return np.full(times.shape, self.value)
        flat = times.ravel()
        with np.errstate(all="ignore"):  # what is not finite is reported with its time
            try:
                values = np.asarray(self.value(flat), dtype=np.float64)
            except Exception:  # whatever a function of one number raises on an array
                values = np.empty(0)
            middle = len(flat) // 2
            if values.shape != flat.shape or not np.isclose(
                values[middle], self._single(float(flat[middle])), 1e-12, 0.0
            ):
                values = np.array([self._single(t) for t in flat.tolist()])
        bad = ~np.isfinite(values) | ((values < 0) & (not self.negative))
        if bad.any():
            k = int(np.argmax(bad))
            wanted = "finite" if self.negative else "finite and not negative"
            raise InvalidInput(
                f"`{self.name}` must be {wanted} at every time; got {plain(values[k])} at t = {plain(flat[k])}. "
                f"Repair the function there."
            )
        return values.reshape(times.shape)

    def _single(self, time: float) -> float:
        assert callable(self.value)
        try:
            value = self.value(time)
        except (ArithmeticError, ValueError) as error:
            raise InvalidInput(f"`{self.name}` has no value at t = {plain(time)}: {error}.") from None
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise InvalidInput(
                f"`{self.name}` must return a number at each time; got {value!r} at t = {time:g}."
            ) from None


_Pair = tuple[_Primitive | None, _Primitive | None]


def _pair(value: object, name: str, *, optional: bool = False) -> _Pair:
    """Return two parameters, one per player, from a pair of numbers or functions; None: no entry."""
    entries = ((None, None) if optional else (0.0, 0.0)) if value is None else value
    if callable(entries) or not isinstance(entries, tuple | list | np.ndarray) or len(entries) != 2:
        raise InvalidInput(
            f"`{name}` must be a pair, one number or function of time per player; got {value!r}."
        )
    first, second = (None if entry is None else _Primitive.of(entry, name) for entry in entries)
    if not optional and (first is None or second is None):
        raise InvalidInput(f"`{name}` must have an entry for each player; got {value!r}. Give 0 for none.")
    return first, second


class _Terms(NamedTuple):
    """The primitives as functions of time: the pie, the flow payoffs of talking, and the payoffs of leaving."""

    rates: Floats
    surplus: _Primitive
    breakdown: _Primitive
    inside: _Pair
    breakdown_payoffs: _Pair
    outside: _Pair

    @property
    def may_leave(self) -> list[int]:
        """Players with an outside option."""
        return [i for i in range(2) if self.outside[i] is not None]

    def __call__(self, t: Floats) -> Floats:
        """Return pie, hazard, flow while talking (inside plus breakdown) and outside options, (..., 6)."""

        def both(entries: _Pair) -> Floats:
            return np.stack([np.zeros(t.shape) if entry is None else entry(t) for entry in entries], axis=-1)

        pie, hazard, options = self.surplus(t), self.breakdown(t), both(self.outside)
        flows = both(self.inside) + hazard[..., None] * both(self.breakdown_payoffs)
        if (pie <= 0).any():
            where = np.unravel_index(np.argmin(pie), pie.shape)
            raise InvalidInput(
                f"`surplus` must be positive at every time; got {plain(pie[where])} at t = {plain(t[where])}. "
                f"Where nothing is left to share, end the talks by a hazard."
            )
        excess = options.sum(axis=-1) - pie - 1e-12 * (np.abs(options).sum(axis=-1) + pie)
        if self.may_leave and (excess > 0).any():
            where = np.unravel_index(np.argmax(excess), pie.shape)
            raise InvalidInput(
                f"`outside` must add up to no more than `surplus` at every time; got "
                f"{plain(options[where].sum())} against {plain(pie[where])} at t = {plain(t[where])}. "
                f"Where leaving beats every agreement there is nothing to negotiate."
            )
        return np.concatenate([pie[..., None], hazard[..., None], flows, options], axis=-1)


def _times(a: Floats, b: Floats, nodes: Floats = _NODES) -> Floats:
    """Return the nodes moved to each piece [a, b), shape (..., count)."""
    a, b = a[..., None], b[..., None]
    return np.clip((a + b) / 2 + (b - a) / 2 * nodes, np.nextafter(a, b), np.nextafter(b, a))


def _mesh(terms: _Terms, edges: Floats, allowed: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Cut [edges[0], edges[-1]] into pieces on which polynomials represent the terms.

    A piece is resolved when its last coefficients are within `allowed(start of the piece)`, one bound per function, and
    it is short enough for exponentials of the rates. Pieces that cutting does not resolve hold a kink or a jump: it is
    located, and cutting starts again with an edge there.

    Returns
    -------
    edges, kinks : numpy.ndarray
        The ends of the pieces, and those at which a primitive has a kink or a jump.
    """
    for _ in range(3):
        leaves, stuck = _halved(terms, edges, allowed)
        if not len(stuck):
            break
        runs = np.split(stuck, np.flatnonzero(stuck[1:, 0] > stuck[:-1, 1]) + 1)
        edges = np.union1d(edges, [_locate(terms, run[0, 0], run[-1, 1]) for run in runs])
    a, b = leaves[:-1], leaves[1:]
    values = terms(_times(a, b))
    size, half = np.abs(values).max(axis=1), (b - a)[:, None] / 2
    slopes = np.stack([_SLOPES[0] @ values, _SLOPES[-1] @ values]) / half
    length, size = np.minimum(half[1:], half[:-1]), np.maximum(size[1:], size[:-1])
    breaks = np.abs(values[1:, 0] - values[:-1, -1]) > 1e-9 * size
    breaks |= np.abs(slopes[0, 1:] - slopes[1, :-1]) * length > 1e-7 * size
    return leaves, a[1:][breaks.any(axis=1)]


def _halved(terms: _Terms, edges: Floats, allowed: Callable[[Floats], Floats]) -> tuple[Floats, Floats]:
    """Halve pieces until they are resolved; return all edges and the pieces, (m, 2), that never were."""
    narrow, leaves, stuck = _NARROW * np.diff(edges).max(), [edges], [np.empty((0, 2))]
    a, b = edges[:-1], edges[1:]
    while len(a):
        values = terms(_times(a, b))
        rough = (np.abs(_COEFFICIENTS[-3:] @ values).max(axis=-2) > allowed(a)).any(axis=-1)
        fast = (terms.rates.mean() + values[..., _HAZARD].max(axis=-1)) * (b - a) > _SPAN
        tiny = rough & (b - a < narrow)
        stuck.append(np.stack([a, b], axis=-1)[tiny])
        cut = (rough | fast) & ~tiny
        a, b = a[cut], b[cut]
        if len(a) > _CROWD and rough.any():
            raise Unsolved(
                f"The functions of time are too rough between t = {a[0]:.6g} and t = {b[-1]:.6g}: no polynomials of "
                f"degree {_DEGREE} follow them. Smooth them, or give `kinks`."
            )
        if len(a) > _CROWD:
            raise InvalidInput(
                f"`breakdown` must leave at most {_CROWD * _SPAN:g} mean waits ahead; it rises to "
                f"{values[..., _HAZARD].max():g}. Choose a smaller `until`."
            )
        middle = (a + b) / 2
        leaves.append(middle)
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
    pieces = np.concatenate(stuck)
    return np.unique(np.concatenate(leaves)), pieces[np.argsort(pieces[:, 0])]


def _locate(terms: _Terms, a: float, b: float) -> float:
    """Return the first float beyond a jump in a tiny [a, b], else where the lines from both sides meet."""
    width = b - a
    left, start, end, right = terms(np.array([max(a - width, 0.0), a, b, b + width]))
    before, after = (start - left) / width, (right - end) / width
    steep = (np.abs(before) + np.abs(after)) * width + 1e-12 * (np.abs(start) + np.abs(end))
    jumps = np.abs(end - start) > 10 * steep
    if not jumps.any():
        turn = before - after
        k = int(np.argmax(np.abs(turn) / (np.abs(before) + np.abs(after) + 1e-300)))
        meet = (a + b) / 2 if turn[k] == 0 else (end[k] - start[k] + before[k] * a - after[k] * b) / turn[k]
        return float(np.clip(meet, a, b))
    k = int(np.argmax(jumps))
    while a < (middle := (a + b) / 2) < b:
        value = terms(np.array([middle]))[0, k]
        a, b = (a, middle) if abs(value - start[k]) > abs(value - end[k]) else (middle, b)
    return b


def _walk(terms: _Terms, edges: Floats, last: Floats) -> Trajectory:
    """Follow payoffs back from `last` at the end of the last piece, cutting a piece where its regime ends."""
    pieces, after = list(pairwise(edges.tolist())), last
    starts, regimes, paths = [edges[-1]], list[Regime](), list[Floats]()
    while pieces:
        a, b = pieces.pop()
        values, half = terms(_times(np.array(a), np.array(b))), (b - a) / 2
        candidates = list[tuple[float, Regime, Floats]]()
        for regime, payoffs in _candidates(terms, half, values, after):
            since = _holds_since(_tests(terms, half, values, regime, payoffs))
            candidates.append((since, regime, payoffs))
            if since < 1.0 - 1e-9:
                break
        if b - a > _SHORTEST * b and since > -1.0:
            middle = b - (1 - since) * half if since < 1 - 2 * _CLOSER else (a + b) / 2
            pieces += [(a, middle), (middle, b)]
            continue
        _, regime, path = candidates[-1 if since == -1.0 else 0]
        starts.append(a)
        regimes.append(regime)
        paths.append(path)
        after = path[0]
    return Trajectory(np.array(starts[::-1]), np.array(regimes[::-1], dtype=np.int8), np.array(paths[::-1]))


def _tests(terms: _Terms, half: float, v: Floats, regime: Regime, payoffs: Floats) -> Floats:
    """Return, over the size of the payoffs, what is not negative at the nodes where the regime holds, (17, k)."""
    length = min(half, 1 / float((terms.rates.mean() + v[:, _HAZARD]).max()))
    slopes = _SLOPES @ (payoffs - payoffs[0]) / half  # of constants: exactly 0
    size = np.abs(payoffs).sum(axis=-1).max() + v[:, _PIE].max()
    positive = _conditions(terms, regime, v, payoffs, slopes, np.full(len(v), length))[1]
    return np.asarray(np.stack(positive, axis=-1) / size)


def _holds_since(tests: Floats) -> float:
    """Return the place in [-1, 1] back to which no polynomial, by its values at the nodes, is negative; 1: nowhere."""
    since = -1.0
    for coefficients in (_COEFFICIENTS @ tests).T:
        if coefficients[0] - np.abs(coefficients[1:]).sum() >= -_ROUNDING:
            continue
        roots = chebyshev.chebroots(chebyshev.chebtrim(coefficients, 1e-16 * np.abs(coefficients).max()))
        inside = (np.abs(roots.imag) < 1e-9) & (np.abs(roots.real) < 1)  # double roots split
        ends = [-1.0, *np.sort(roots.real[inside]).tolist(), 1.0]
        for left, right in reversed(list(pairwise(ends))):
            if chebyshev.chebval(np.linspace(left, right, 9), coefficients).min() < -_ROUNDING:
                since = max(since, right)
                break
    return since


def _back(half: float, rate: Floats, push: Floats, end: float) -> Floats:
    """Solve z' = rate z - push backwards from z = `end` at the end of a piece; return z at the nodes."""
    growth = np.exp(half * (_REMAINING @ rate))
    return np.asarray((end + half * (_REMAINING @ (growth * push))) / growth)


def _cross(terms: _Terms, after: Floats, end: Floats) -> Floats:
    """Return payoffs just before a moment from those just after it, where the primitives may jump.

    If the pie drops, an agreement just before avoids the drop. Each player proposes with probability one half, so each
    gets her reservation or the rest of the pie with equal probability.
    """
    payoffs, rounding = after, _rounding(after, end)
    options = np.array([end[_OUTSIDE][i] if i in terms.may_leave else -np.inf for i in range(2)])
    if payoffs.sum() < end[_PIE] - rounding:
        reserved = np.maximum(options, payoffs)
        if reserved.sum() <= end[_PIE]:
            payoffs = (reserved + end[_PIE] - reserved[::-1]) / 2
    for i in range(2):
        if payoffs[i] < options[i] - rounding:
            payoffs = _agreed(options, i, end)
    return payoffs


def _rounding(payoffs: Floats, end: Floats) -> float:
    return _ROUNDING * float(end[_PIE] + np.abs(payoffs).sum())


def _agreed(payoffs: Floats, i: int, v: Floats) -> Floats:
    """Return an agreement that gives player i what these payoffs do."""
    return np.stack([payoffs[..., i], v[..., _PIE] - payoffs[..., i]][:: 1 - 2 * i], axis=-1)


def _binding(terms: _Terms, payoffs: Floats, end: Floats) -> list[int]:
    """Return the players who get no more than their option."""
    return [i for i in terms.may_leave if payoffs[i] <= end[_OUTSIDE][i] + _rounding(payoffs, end)]


def _candidates(terms: _Terms, half: float, v: Floats, after: Floats) -> Iterator[tuple[Regime, Floats]]:
    """Yield regimes that can hold before the end of a piece with their payoffs, the binding ones first.

    Where an option ends the wait and does not bind before, they agree from what it leaves to the other.
    """
    rates, before = terms.rates, _cross(terms, after, v[-1])
    binding = _binding(terms, before, v[-1])

    def agree(payoffs: Floats) -> tuple[Regime, Floats]:
        """Solve for y = x_0 - x_1: y' = R y - (r_1 - r_0) pie / 2 - flow_0 + flow_1, R the mean of r + hazard."""
        push = (rates[1] - rates[0]) / 2 * v[:, _PIE] + v[:, 2] - v[:, 3]
        y = _back(half, rates.mean() + v[:, _HAZARD], push, float(payoffs[0] - payoffs[1]))
        return Regime.AGREE, np.stack([v[:, _PIE] + y, v[:, _PIE] - y], axis=-1) / 2

    for i in binding:
        yield Regime(1 + i), _agreed(v[:, _OUTSIDE], i, v)
    if before.sum() <= v[-1, _PIE] + _rounding(before, v[-1]):
        yield agree(before)
    waits = [_back(half, rates[i] + v[:, _HAZARD], v[:, 2 + i], float(before[i])) for i in range(2)]
    yield Regime.DELAY, np.stack(waits, axis=-1)
    for i in binding:
        yield agree(_agreed(before, i, v[-1]))


def _conditions(
    terms: _Terms, regime: Regime, v: Floats, x: Floats, slopes: Floats, length: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return what is 0 and what is not negative under a regime, for payoffs x with these slopes, in money.

    Waiting a moment costs a player (r + hazard) x - x' - flow per unit of time, here over a time of the given length.
    """
    cost = ((terms.rates + v[..., [_HAZARD]]) * x - slopes - v[..., _FLOW]) * length[..., None]
    excess, surplus = x.sum(axis=-1) - v[..., _PIE], x - v[..., _OUTSIDE]
    options = [surplus[..., i] for i in terms.may_leave]
    if regime == Regime.DELAY:
        return [cost[..., 0], cost[..., 1]], [excess, *options]
    if regime == Regime.AGREE:
        return [excess, (cost[..., 0] - cost[..., 1]) / 2], [cost.sum(axis=-1), *options]
    i = regime - Regime.FIRST_BOUND
    own, other = cost[..., i], cost[..., 1 - i]
    return [excess, surplus[..., i]], [own, (own - other) / 2, *options]


def _defect(terms: _Terms, path: Trajectory) -> float:
    """Return the violations of the conditions on all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated anew, at other nodes than those that the payoffs were computed from.
    """
    nodes, weights = legendre.leggauss(24)
    a, b = path.edges[:-1], path.edges[1:]
    values, length = terms(_times(a, b, nodes)), np.broadcast_to((b - a)[:, None], (len(a), len(nodes)))
    at_nodes = chebyshev.chebvander(nodes, _DEGREE) @ _COEFFICIENTS
    x = at_nodes @ path.payoffs
    slopes = at_nodes @ _SLOPES @ path.payoffs / (b - a)[:, None, None] * 2
    worst = np.zeros(len(a))
    for regime in Regime:
        k = path.regimes == regime
        zero, positive = _conditions(terms, regime, values[k], x[k], slopes[k], length[k])
        worst[k] = np.max([*np.abs(zero), *np.negative(positive)], axis=0).max(axis=-1, initial=0.0)
    for k, end in enumerate(terms(np.nextafter(b[:-1], a[:-1]))):
        worst[k] += np.abs(
            _before(terms, path.payoffs[k + 1, 0], end, path.regimes[k]) - path.payoffs[k, -1]
        ).max()
    slowest = np.where(path.regimes == Regime.DELAY, terms.rates.min(), terms.rates.mean())
    passed = (b - a) / 2 * ((slowest[:, None] + values[..., _HAZARD]) @ weights)
    discounts = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    return float(discounts @ worst) / float(values[0, 0, _PIE])


def _before(terms: _Terms, after: Floats, end: Floats, regime: int) -> Floats:
    """Return payoffs just before a moment; an option that just binds ends delay even if the other prefers it."""
    payoffs = _cross(terms, after, end)
    if regime != Regime.DELAY and payoffs.sum() > end[_PIE]:
        for i in _binding(terms, payoffs, end):
            return _agreed(payoffs, i, end)
    return payoffs
