"""Continuous offers when the pie, the flows and the options change with time.

Time is cut into pieces on which every primitive is a polynomial up to the desired accuracy; kinks and jumps are ends of
pieces. So under a fixed regime (agreement, a binding outside option, delay) the payoffs on a piece are integrals of
polynomials, a regime ends at a root of a polynomial, and there is no step size. Functions on a piece are represented
by their values at Chebyshev points, which include the ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import chebyshev, legendre
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, is_sequence
from bargaining._arrays import Floats, per_player, real, record, scalar, within
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
_AGREE, _BOUND, _DELAY = 0, (1, 2), 3  # regimes: agreement, a binding option of player 0 or 1, waiting
_ROUNDING = 1e-11  # of the pie and the payoffs: ten times what integrals of a piece lose to rounding
_RESOLVED = 1e-12  # of the primitives: the polynomials' error on a piece
_SPAN = 2.0  # longest piece, in units of one over the mean rate with the hazard
_CROWD = 4000  # pieces: a function that needs more is not piecewise smooth
_NARROW = 2.0**-24  # of the longest piece: what cutting does not resolve up to here is a kink or a jump
_CUT = 0.49  # where a piece is cut: no even share, so that round dates of kinks are inside of pieces
_SHORTEST = 1e-9  # of time, relative: a shorter regime counts as a single moment
_TAIL = 1e-12  # discount factor below which later payoffs no longer matter
_PROMISED = 1e-8  # of the pie: the residual
_LONGEST = 1e3  # mean waits

OfTime = float | Callable[[float], float]
"""A constant, or a function of time; functions that accept arrays are faster."""


@record
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
    _edges: Floats = field(repr=False)
    _regimes: NDArray[np.int8] = field(repr=False)
    _nodes: Floats = field(repr=False)

    def payoffs_at(self, t: ArrayLike) -> Floats:
        """Return the payoffs if talks have reached time t, shape (..., 2); at a jump, the payoffs just after it."""
        when, k = self._find(t)
        a, b = self._edges[k], self._edges[k + 1]
        basis = chebyshev.chebvander((2 * when - a - b) / (b - a), _DEGREE).reshape(*when.shape, -1)
        return np.asarray(np.einsum("...j,...jk->...k", basis, _COEFFICIENTS @ self._nodes[k]))

    def agree_at(self, t: ArrayLike) -> NDArray[np.bool_]:
        """Say whether they agree at once when talks have reached time t."""
        return np.asarray(self._regimes[self._find(t)[1]] != _DELAY)

    @property
    def delay(self) -> float:
        """The time of agreement when talks start at 0; inf if it lies beyond `until` or any peak will do."""
        first = self._edges[:-1][self._regimes != _DELAY][:1]
        return float(first[0]) if len(first) and first[0] < self.until else np.inf

    def _find(self, t: ArrayLike) -> tuple[Floats, NDArray[np.intp]]:
        when = real(t, "t")
        times = when[:, None] if when.ndim == 1 else when  # a list is not one of players
        within(times, "t", 0.0, self.until)
        last = np.searchsorted(self._edges, self.until) - 1
        return when, np.minimum(np.searchsorted(self._edges, when, side="right") - 1, last)


@record(kw_only=False)
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
        Names of the players, in the order of entries; by default those by which parameters are given.

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
    two extremes at `until`; T is raised until it is below 1e-11. Where an option ends waits of a patient player, or
    peaks rise for ever before one who does not discount, the two may stay apart, and the status is INACCURATE. That
    agreement at T is no worse than waiting from then on is assumed, unless flows alone exceed the pie.

    *Error.* The primitives are approximated between kinks by polynomials of degree 16 to 1e-12, switches of regime are
    polynomial roots, and integrals are exact up to rounding. `residual`, the tail plus the violations of the defining
    conditions at other nodes, over the pie, bounds the error at t = 0; the status is INACCURATE above 1e-8. Where
    payoffs touch the pie or an option at a switch, its date is known to the root of that error: to about 1e-5.

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
            edges, kinks = _mesh(terms, until, horizon, self._kinks)
            least, middle, most = _last(terms, horizon)
            late = edges[np.searchsorted(edges, until) :]
            low, high = (_walk(terms, late, last)[2][0, 0] for last in (least, most))
            tail = float(np.abs(low - high).max() / terms.surplus(late[:1])[0])
            if tail <= 10 * _TAIL:
                break
            horizon *= 2
        edges, regimes, payoffs = _walk(terms, edges, middle)
        kinks = np.union1d(kinks, edges[1:-1][regimes[1:] != regimes[:-1]])
        answer = OfferPath(
            payoffs=payoffs[0, 0],
            status=Status.OK,
            method="NonstationaryOffers",
            residual=0.0,
            until=until,
            kinks=kinks[(kinks > 0) & (kinks <= until)],
            tail=tail,
            horizon=horizon,
            _edges=edges,
            _regimes=regimes,
            _nodes=payoffs,
        )
        return self.check(told(answer, self))

    def check(self, path: OfferPath) -> OfferPath:
        """Return a path with `residual` and `status` computed anew from its payoffs at every time.

        The residual is the sum of the violations of the defining conditions and the tail, over the pie at t = 0, or the
        distance of `payoffs` from the beginning of the path.
        """
        answer_of(path, "path", OfferPath)
        distance = np.abs(path.payoffs - path._nodes[0, 0]) / self._terms.surplus(np.zeros(1))
        return judged(
            path,
            _PROMISED,
            _defect(self._terms, path._edges, path._regimes, path._nodes) + path.tail,
            distance,
        )


def _horizon(terms: _Terms, until: float, rate: float) -> float:
    """Return a time at which the discounted pie is negligible."""
    nodes, weights = legendre.leggauss(16)
    start, before, length = np.array([until]), np.inf, 2.0**-10 / rate
    today = np.log(terms(np.array([0.0, until]))[:, _PIE].max())
    while True:
        end = start + length
        hazard = float(terms.breakdown(_times(start, end, nodes))[0] @ weights) / 2
        left = float(np.log(terms.surplus(end)[0]) - today - (terms.rates.mean() + hazard) * length)
        if left <= np.log(_TAIL):
            return float(end[0])
        if (left >= before and length * rate > -np.log(_TAIL)) or end[0] > 1e6 * (until + 1 / rate):
            raise InvalidInput(
                f"`surplus` must grow more slowly than it is discounted; got {plain(terms.surplus(end)[0])} at "
                f"t = {plain(end[0])}, against mean `rates` of {terms.rates.mean():g}. Lower its growth or raise the "
                f"rates."
            )
        before, length = left, 2 * length


def _last(terms: _Terms, horizon: float) -> tuple[Floats, Floats, Floats]:
    """Return the least, the stationary and the largest payoffs of player 0 at the horizon."""
    v = terms(np.array([np.nextafter(horizon, 0)]))[0]
    pie, flows, rho = v[_PIE], v[_FLOW], terms.rates + v[_HAZARD]
    with np.errstate(divide="ignore", invalid="ignore"):
        alone = np.where(flows == 0, 0.0, flows / rho)
    if not np.isfinite(alone).all():
        raise InvalidInput(
            f"`inside` must be 0 at late times for a player with `rates` 0; got a flow at t = {plain(horizon)}."
        )
    if alone.sum() >= pie:
        return alone, alone, alone
    least = np.minimum(alone, 0.0)
    for i in terms.may_leave:
        least[i] = v[_OUTSIDE][i]
    agreed = alone[0] + rho[1] / rho.sum() * (pie - alone.sum())
    low, middle, high = np.clip([-np.inf, agreed, np.inf], least[0], pie - least[1])
    return np.array([low, pie - low]), np.array([middle, pie - middle]), np.array([high, pie - high])


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
            k = len(flat) // 2
            if values.shape != flat.shape or not np.isclose(
                values[k], self._single(float(flat[k])), 1e-12, 0.0
            ):
                values = np.array([self._single(t) for t in flat.tolist()])
        bad = ~np.isfinite(values) | ((values < 0) & (not self.negative))
        if bad.any():
            k = int(np.argmax(bad))
            raise InvalidInput(
                f"`{self.name}` must be finite{'' if self.negative else ' and not negative'} at every time; got "
                f"{plain(values[k])} at t = {plain(flat[k])}. Repair the function there."
            )
        return values.reshape(times.shape)

    def _single(self, time: float) -> float:
        try:
            value = self.value(time)  # type: ignore[operator]
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


def _mesh(terms: _Terms, until: float, horizon: float, known: Floats) -> tuple[Floats, Floats]:
    """Return ends of pieces up to the horizon on which polynomials represent the terms, and their kinks and jumps.

    Pieces that cutting does not resolve hold a kink or a jump: it is located, and cutting starts again with an edge
    there.
    """
    kinks = known[known < horizon]
    start = np.append(until * np.linspace(0, 1, 17) ** 1.01, horizon)  # no round dates: see `_CUT`
    for _ in range(3):
        edges, stuck = _resolved(terms, np.union1d(start, kinks), until)
        if not len(stuck):
            break
        runs = np.split(stuck, np.flatnonzero(stuck[1:, 0] > stuck[:-1, 1]) + 1)
        kinks = np.union1d(kinks, [_locate(terms, run[0, 0], run[-1, 1]) for run in runs])
    return edges, kinks


def _resolved(terms: _Terms, edges: Floats, until: float) -> tuple[Floats, Floats]:
    """Cut pieces until they are resolved; return all edges and the pieces, (m, 2), that never were.

    A piece is resolved when the last coefficients are small against pie and rates, and it is short enough for
    exponentials of the rates. Errors after `until` are discounted.
    """
    narrow, leaves, stuck = _NARROW * np.diff(edges).max(), [edges], [np.empty((0, 2))]
    a, b = edges[:-1], edges[1:]
    while len(a):
        values = terms(_times(a, b))
        scale = np.abs(values).max(axis=-2)
        pace = terms.rates.mean() + scale[:, _HAZARD]
        scale[:, _OUTSIDE] = scale[:, [_PIE]]
        scale[:, _FLOW] += pace[:, None] * scale[:, [_PIE]]
        scale[:, _HAZARD] = pace
        scale *= _RESOLVED * np.exp(terms.rates.min() * np.maximum(a - until, 0))[:, None]
        rough = (np.abs(_COEFFICIENTS[-3:] @ values).max(axis=-2) > scale).any(axis=-1)
        tiny = rough & (b - a < narrow)
        stuck.append(np.stack([a, b], axis=-1)[tiny])
        cut = (rough | (pace * (b - a) > _SPAN)) & ~tiny
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
        middle = a + _CUT * (b - a)
        leaves.append(middle)
        a, b = np.concatenate([a, middle]), np.concatenate([middle, b])
    pieces = np.concatenate(stuck)
    return np.unique(np.concatenate(leaves)), pieces[np.argsort(pieces[:, 0])]


def _locate(terms: _Terms, a: float, b: float) -> float:
    """Return the first float beyond a jump in a tiny [a, b], else where the lines from both sides meet."""
    width = b - a
    left, start, end, right = terms(np.array([max(a - width, 0.0), a, b, b + width]))
    before, after = start - left, right - end
    jumps = np.abs(end - start) > 10 * (np.abs(before) + np.abs(after)) + 1e-12 * (
        np.abs(start) + np.abs(end)
    )
    if not jumps.any():
        turn = before - after
        k = int(np.argmax(np.abs(turn) / (np.abs(start) + np.abs(end) + 1e-300)))
        meet = a + width * (end[k] - start[k] - after[k]) / turn[k] if turn[k] else (a + b) / 2
        return float(np.clip(meet, a, b))
    k = int(np.argmax(jumps))
    while a < (middle := (a + b) / 2) < b:
        value = terms(np.array([middle]))[0, k]
        a, b = (a, middle) if abs(value - start[k]) > abs(value - end[k]) else (middle, b)
    return b


def _walk(terms: _Terms, edges: Floats, last: Floats) -> tuple[Floats, NDArray[np.int8], Floats]:
    """Follow payoffs back from `last` at the end of the last piece, cutting a piece where its regime ends.

    Returns the ends of the pieces, (m + 1,), their regimes, (m,), and payoffs at their nodes, (m, 17, 2).
    """
    pieces, after = list(pairwise(edges.tolist())), last
    starts, regimes, paths = [edges[-1]], list[int](), list[Floats]()
    while pieces:
        a, b = pieces.pop()
        values, half, candidates = terms(_times(np.array(a), np.array(b))), (b - a) / 2, []
        for regime, end in _ends(terms, after, values[-1]):
            payoffs = _follow(terms, half, values, regime, end)
            since = _holds_since(terms, half, values, regime, payoffs)
            candidates.append((regime, payoffs))
            if since < 1.0 - 1e-9:
                break
        if (
            b - a > _SHORTEST * b and since > -1.0
        ):  # where it holds for little, half of the piece may show more
            middle = b - (1 - since) * half if since < 0.97 else (a + b) / 2
            pieces += [(a, middle), (middle, b)]
            continue
        regime, payoffs = candidates[-1 if since == -1.0 else 0]
        after = payoffs[0]
        starts.append(a)
        regimes.append(regime)
        paths.append(payoffs)
    return np.array(starts[::-1]), np.array(regimes[::-1], dtype=np.int8), np.array(paths[::-1])


def _holds_since(terms: _Terms, half: float, v: Floats, regime: int, payoffs: Floats) -> float:
    """Return the place in [-1, 1] back to which no condition of the regime is violated; 1: nowhere."""
    length = min(half, 1 / float((terms.rates.mean() + v[:, _HAZARD]).max()))
    slopes = _SLOPES @ (payoffs - payoffs[0]) / half  # of constants: exactly 0
    size, since = np.abs(payoffs).sum(axis=-1).max() + v[:, _PIE].max(), -1.0
    for condition in _conditions(terms, regime, v, payoffs, slopes, np.full(len(v), length))[1]:
        coefficients = _COEFFICIENTS @ (condition / size)
        if coefficients[0] - np.abs(coefficients[1:]).sum() >= -_ROUNDING:
            continue
        roots = chebyshev.chebroots(chebyshev.chebtrim(coefficients, 1e-16 * np.abs(coefficients).max()))
        inside = (np.abs(roots.imag) < 1e-9) & (np.abs(roots.real) < 1)  # double roots split
        ends = np.array([-1.0, *np.sort(roots.real[inside]), 1.0])
        between = np.linspace(ends[:-1], ends[1:], 9)
        negative = chebyshev.chebval(between, coefficients).min(axis=0) < -_ROUNDING
        since = max(since, float(ends[1:][negative].max(initial=-1.0)))
    return since


def _back(half: float, rate: Floats, push: Floats, end: float) -> Floats:
    """Solve z' = rate z - push backwards from z = `end` at the end of a piece; return z at the nodes."""
    growth = np.exp(half * (_REMAINING @ rate))
    return np.asarray((end + half * (_REMAINING @ (growth * push))) / growth)


def _ends(terms: _Terms, after: Floats, v: Floats) -> list[tuple[int, Floats]]:
    """Return regimes that can hold just before a moment with their payoffs there, from the payoffs just after it.

    If the pie drops, an agreement just before avoids the drop. Each player proposes with probability one half, so each
    gets her reservation or the rest of the pie with equal probability. Regimes in which an option binds come first.
    Where an option ends the wait and does not bind before, they agree from what it leaves to the other.
    """
    before, pie, rounding = after, v[_PIE], _ROUNDING * float(v[_PIE] + np.abs(after).sum())
    options = np.array([v[_OUTSIDE][i] if i in terms.may_leave else -np.inf for i in range(2)])
    reserved = np.maximum(options, after)
    if after.sum() < pie - rounding and reserved.sum() <= pie:
        before = (reserved + pie - reserved[::-1]) / 2
    for i in range(2):
        if before[i] < options[i] - rounding:
            before = _agreed(options[i], i, v)
    held = [(i, _agreed(options[i], i, v)) for i in range(2) if before[i] <= options[i] + rounding]
    ends = [(_BOUND[i], end) for i, end in held]
    if before.sum() <= pie + rounding:
        ends.append((_AGREE, before))
    return [*ends, (_DELAY, before), *((_AGREE, end) for _, end in held)]


def _agreed(payoff: Floats, i: int, v: Floats) -> Floats:
    """Return an agreement that gives player i this payoff."""
    return np.stack([payoff, v[..., _PIE] - payoff][:: 1 - 2 * i], axis=-1)


def _follow(terms: _Terms, half: float, v: Floats, regime: int, end: Floats) -> Floats:
    """Return the payoffs of a regime at the nodes of a piece from those at its end.

    While they agree, y = x_0 - x_1 solves y' = R y - (r_1 - r_0) pie / 2 - flow_0 + flow_1, R the mean of r + hazard.
    """
    rates = terms.rates
    if regime == _DELAY:
        waits = [_back(half, rates[i] + v[:, _HAZARD], v[:, 2 + i], float(end[i])) for i in range(2)]
        return np.stack(waits, axis=-1)
    if regime != _AGREE:
        i = _BOUND.index(regime)
        return _agreed(v[:, _OUTSIDE][:, i], i, v)
    push = (rates[1] - rates[0]) / 2 * v[:, _PIE] + v[:, 2] - v[:, 3]
    y = _back(half, rates.mean() + v[:, _HAZARD], push, float(end[0] - end[1]))
    return np.stack([v[:, _PIE] + y, v[:, _PIE] - y], axis=-1) / 2


def _conditions(
    terms: _Terms, regime: int, v: Floats, x: Floats, slopes: Floats, length: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return what is 0 and what is not negative under a regime, for payoffs x with these slopes, in money.

    Waiting a moment costs a player (r + hazard) x - x' - flow per unit of time, here over a time of the given length.
    """
    cost = ((terms.rates + v[..., [_HAZARD]]) * x - slopes - v[..., _FLOW]) * length[..., None]
    excess, gain = x.sum(axis=-1) - v[..., _PIE], x - v[..., _OUTSIDE]
    options = [gain[..., i] for i in terms.may_leave]
    if regime == _DELAY:
        return [cost[..., 0], cost[..., 1]], [excess, *options]
    if regime == _AGREE:
        return [excess, (cost[..., 0] - cost[..., 1]) / 2], [cost.sum(axis=-1), *options]
    i = _BOUND.index(regime)
    return [excess, gain[..., i]], [cost[..., i], (cost[..., i] - cost[..., 1 - i]) / 2, *options]


def _defect(terms: _Terms, edges: Floats, regimes: NDArray[np.int8], payoffs: Floats) -> float:
    """Return the violations of the conditions on all pieces, discounted to t = 0 and added up, over the pie at 0.

    The functions are evaluated anew, at other nodes than those that the payoffs were computed from. At the end of a
    piece payoffs are those that the next piece leads to.
    """
    nodes, weights = legendre.leggauss(24)
    a, b = edges[:-1], edges[1:]
    half, values, worst = (b - a) / 2, terms(_times(a, b, nodes)), []
    at_nodes = chebyshev.chebvander(nodes, _DEGREE) @ _COEFFICIENTS
    x, slopes = at_nodes @ payoffs, at_nodes @ _SLOPES @ payoffs / half[:, None, None]
    ends = terms(np.nextafter(b, a))
    for k, regime in enumerate(regimes):
        length = np.full(len(nodes), 2 * half[k])
        zero, positive = _conditions(terms, regime, values[k], x[k], slopes[k], length)
        gaps = [*np.abs(zero), *np.negative(positive), np.zeros(len(nodes))]
        following = payoffs[k + 1, 0] if k + 1 < len(half) else payoffs[k, -1]
        jumps = [end - payoffs[k, -1] for each, end in _ends(terms, following, ends[k]) if each == regime]
        worst.append(float(np.max(gaps)) + min((float(np.abs(jump).max()) for jump in jumps), default=np.inf))
    slowest = np.where(regimes == _DELAY, terms.rates.min(), terms.rates.mean())
    passed = half * ((slowest[:, None] + values[..., _HAZARD]) @ weights)
    discounts = np.exp(-np.concatenate([[0.0], np.cumsum(passed)[:-1]]))
    return float(discounts @ worst) / float(values[0, 0, _PIE])
