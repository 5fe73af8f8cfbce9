r"""The payoffs that tariffs reach, as a feasible set for every concept of the library.

A point of the set is a vector of payoffs that some rates of the players (and payments between them, if `inside`) give,
or anything below it. Each question is a small program in the rates. It is solved by sequential quadratic programming
with exact gradients (one adjoint solve for all players and rates), and finished by Newton's method on the conditions of
optimality,

    sum_k mu_k grad u_k = 0 over the rates that are not at a bound,

whose multipliers `mu` are the weights (support), the weights over gains (product), or the multipliers of constraints
(ray, ideal). The result is a local optimum; it is not proved to be global.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Shown, choice, real
from bargaining.errors import InvalidInput, NotApplicable
from bargaining_models.trade.instruments import rates_of
from bargaining_models.trade.payoffs import Payoffs

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel

MEASURES = ("percent", "log", "income", "gdp")
DIFFERENCE = 1e-5  # of rates and payments, relative to their units
SMALL = 1e-7  # of the largest multiplier: below, a constraint does not bind
NEWTON_STEPS = 12  # from a point of the frontier nearby: each doubles the digits
REGIMES = 5  # of rates at bounds and binding floors, before a program is solved separately
NEARBY = 0.3  # of the effect of a rate of .1: how far above a floor a known point may be as a start
ALIKE = 0.99  # cosine: from a known point in so similar a direction Newton's method converges
CLOSE = 1e-5  # of the conditions: from here a step with the previous curvature gains five digits
DONE = 1e-14  # of the conditions: a few roundings
SETTLED = 1e-13  # of the conditions of many programs at once: their path needs no more
SOLVED = 1e-6  # of the conditions: with more the point is not an optimum
SIMILAR = 0.7  # cosine: a search may start from so similar a direction
CLIMBS = 3  # searches for one best sum, each from the end of the previous one
POLISHED = 1e-11  # of the conditions, from a known point: more means that another constraint binds there
PRICES = 1e-14  # accuracy of the angle of prices at which a rate meets its bound
SLIVER = 1e-10  # of that angle: if two bounds are met closer than this, rounding decides their order
NOWHERE = -1e9  # payoffs for the search where there is no equilibrium
LOWEST = -0.6  # of a rate: larger subsidies cost more than the whole income
HIGHEST = 20.0  # of a rate: at higher rates there is no trade to tax
MOST_PAID = 0.5  # of the least income among the players: the largest payment
PAYMENT = 1e-3  # of world value added: the unit of payments in a program, about the value of a rate of .1

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum(Shown):
    """The end of a program: variables, payoffs, multipliers, and the violation of the conditions."""

    variables: Floats
    payoffs: Floats
    multipliers: Floats
    residual: float
    concave: bool


_Known = tuple[Optimum, Floats | None]
"""A player's best point above a floor, and the curvature used in the steps towards it."""


class _Program:
    """What is maximised, and the part of the conditions of optimality that depends on it.

    `guess` gives the multipliers that violate the conditions least, and which constraints bind; a constraint may bind
    if its slack is at most `room`, in the scale of payoffs.
    """

    __slots__ = ()

    def guess(self, payoffs: Floats, slopes: Floats, scale: Floats, room: float) -> tuple[Floats, Mask]:
        raise NotImplementedError

    def renewed(self, payoffs: Floats, multipliers: Floats) -> Floats:
        """The multipliers at new payoffs, where payoffs determine them."""
        return multipliers

    def bend(self, payoffs: Floats) -> Floats:
        """The second derivative of what is maximised in each payoff."""
        return 0.0 * payoffs

    def off(self, payoffs: Floats, multipliers: Floats, active: Mask, scale: Floats) -> float:
        """The slack of binding constraints and the violation of constraints, over the scale."""
        return -np.inf

    def border(self, payoffs: Floats, multipliers: Floats, active: Mask) -> tuple[Floats, Floats]:
        """The columns of further variables in the binding constraints, and the right side of the linearised ones."""
        return np.empty((0, 0)), np.empty(0)


@dataclass(frozen=True, slots=True, eq=False)
class _Product(_Program):
    """The product of the gains over an origin, with weights as exponents."""

    origin: Floats
    weights: Floats

    def guess(self, payoffs: Floats, slopes: Floats, scale: Floats, room: float) -> tuple[Floats, Mask]:
        return self.renewed(payoffs, self.weights), np.zeros(len(payoffs), dtype=bool)

    def renewed(self, payoffs: Floats, multipliers: Floats) -> Floats:
        return np.asarray(self.weights / (payoffs - self.origin))

    def bend(self, payoffs: Floats) -> Floats:
        return np.asarray(-(self.weights / (payoffs - self.origin) ** 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Sum(_Program):
    """The weighted sum of payoffs above a floor; -inf is no floor."""

    weights: Floats
    floor: Floats

    @property
    def floors(self) -> Mask:
        """Which floors matter: the floor of a player who alone has weight does not."""
        alone = (self.weights > 0.0) & (np.count_nonzero(self.weights) == 1)
        return np.asarray(np.isfinite(self.floor) & ~alone)

    def guess(self, payoffs: Floats, slopes: Floats, scale: Floats, room: float) -> tuple[Floats, Mask]:
        from scipy.optimize import nnls

        tight = self.floors & (payoffs - self.floor < room * scale)
        multipliers = np.zeros(len(payoffs))
        if tight.any():
            found, _ = nnls((slopes[tight] / scale[tight, None]).T, -self.weights @ slopes)
            multipliers[tight] = found / scale[tight]
        active = tight & (multipliers > SMALL * (self.weights + multipliers).max())
        return self.weights + np.where(active, multipliers, 0.0), active

    def off(self, payoffs: Floats, multipliers: Floats, active: Mask, scale: Floats) -> float:
        gap = (payoffs - self.floor) / scale
        gap = np.where(self.floors, np.where(active, np.abs(gap), -gap), 0.0)
        added = (multipliers - self.weights) * scale
        return max(float(gap.max()), -float(added.min() / np.abs(multipliers * scale).max()))

    def border(self, payoffs: Floats, multipliers: Floats, active: Mask) -> tuple[Floats, Floats]:
        return np.empty((int(active.sum()), 0)), -(payoffs - self.floor)[active]


@dataclass(frozen=True, slots=True, eq=False)
class _Ray(_Program):
    """The number of steps from an origin in a direction."""

    origin: Floats
    direction: Floats

    def reached(self, payoffs: Floats) -> float:
        """How many steps leave nobody who gains by them with more than the payoffs."""
        up = self.direction > 0.0
        return float(((payoffs - self.origin)[up] / self.direction[up]).min())

    def guess(self, payoffs: Floats, slopes: Floats, scale: Floats, room: float) -> tuple[Floats, Mask]:
        from scipy.optimize import nnls

        tight = payoffs - self.origin - self.reached(payoffs) * self.direction < room * scale
        multipliers = np.zeros(len(payoffs))
        if not tight.any():  # no equilibrium there
            return multipliers + np.nan, tight
        # Stationarity, and the condition with the largest weight: multipliers add up to one along the direction.
        weight = 1e3
        rows = (slopes[tight] / scale[tight, None]).T
        unit = (self.direction / scale)[tight]
        matrix = np.vstack([rows, weight * unit / unit.max()])
        found, _ = nnls(matrix, np.append(np.zeros(len(rows)), weight / unit.max()))
        multipliers[tight] = found / scale[tight]
        active = tight & (multipliers * scale > SMALL * (multipliers * scale).max())
        multipliers = np.where(active, multipliers, 0.0)
        return multipliers / (multipliers @ self.direction), active

    def off(self, payoffs: Floats, multipliers: Floats, active: Mask, scale: Floats) -> float:
        if not active.any():
            return -np.inf
        d, along = self.direction / scale, (payoffs - self.origin) / scale
        t = float(along[active] @ d[active]) / max(float(d[active] @ d[active]), 1e-300)
        gap = along - t * d
        return float(np.where(active, np.abs(gap), -gap).max())

    def border(self, payoffs: Floats, multipliers: Floats, active: Mask) -> tuple[Floats, Floats]:
        d, gains = self.direction[active], (payoffs - self.origin)[active]
        t = float(gains @ d / (d @ d)) if d.any() else 0.0
        return -d[:, None], np.append(t * d - gains, 1.0 - multipliers[active] @ d)


class TariffPayoffs:
    """The payoffs of n regions under tariffs that they agree on, with free disposal.

    It has the methods of a feasible set: `support`, `ray`, `ideal`, `contains`, and `product`. Players are the regions,
    in the order given; payoffs are in the chosen `measure`.

    Parameters
    ----------
    model : TradeModel
    players : sequence of str
    by, base, against, sectors, agreements, given, costs
        As in `TradeModel.nash_tariffs`; by default rates only fall on the other players.
    lower : float
        The lowest rate: -inf allows subsidies of imports (of up to 60 percent), 0 does not.
    inside : bool
        Whether the players may also pay each other, within the equilibrium, up to half of the least income.
    measure : {"percent", "log", "income", "gdp"}
        Change of real income in percent; 100 times its log; or that percent of base income, or of GDP, in money.

    Examples
    --------
    >>> from bargaining import Problem, kalai_smorodinsky
    >>> from bargaining_models.parameters import load
    >>> from bargaining_models.trade import TradeModel
    >>> model = TradeModel.from_parameters(load())
    >>> payoffs = TariffPayoffs(model, ["USA", "CAN"])
    >>> war = model.nash_tariffs(["USA", "CAN"], against="players")
    >>> division = kalai_smorodinsky(Problem(payoffs, war.percent[:2]))
    >>> payoffs.rates_at(division.payoffs).round(4)
    array([ 0.0086, -0.0329])
    """

    def __init__(
        self,
        model: TradeModel,
        players: Sequence[str],
        *,
        by: str = "partner",
        base: str = "replace",
        against: str | Sequence[str] = "players",
        sectors: str | Sequence[str] = "goods",
        agreements: Iterable[tuple[str, str]] = (),
        given: Any = None,
        costs: ArrayLike | None = None,
        lower: float = -np.inf,
        inside: bool = False,
        measure: str = "percent",
    ) -> None:
        self.measure = choice(measure, "measure", MEASURES)
        self.rates = rates_of(model, players, by, base, against, sectors, agreements, given, costs)
        if len(self.rates.players) < 2:
            raise InvalidInput(f"`players` must be at least two regions; got {list(self.rates.players)}.")
        if not isinstance(lower, int | float | np.floating) or not lower < HIGHEST:
            raise InvalidInput(f"`lower` must be a rate, -inf for any above -1; got {lower!r}.")
        self.model, self.inside, self._lower = model, bool(inside), float(lower)
        self._payoffs = Payoffs(model, self.rates)
        self._unit = PAYMENT * model.economy.factor.sum()
        lowest = np.maximum(self.rates.lowest() + 0.02, max(LOWEST, float(lower)))
        most = MOST_PAID * model.economy.income[self.rates.places].min() / self._unit
        self._low = np.concatenate([lowest, np.full(self._payments, -most)])
        self._high = np.concatenate([np.full(self.rates.size, HIGHEST), np.full(self._payments, most)])
        self._start = np.clip(np.zeros(self.size), self._low, self._high)
        self._known: list[Optimum] = []
        self._best: dict[bytes, list[Optimum]] = {}
        self._bests: list[list[_Known]] = []
        self._last: tuple[bytes, Floats, Floats] | None = None

    @property
    def players(self) -> int:
        """Number of players n."""
        return len(self.rates.players)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """One set."""
        return ()

    @property
    def disposes_freely(self) -> bool:
        """Lower payoffs are also in the set."""
        return True

    @property
    def _payments(self) -> int:
        return self.players - 1 if self.inside else 0

    @property
    def size(self) -> int:
        """Number of variables: rates, then what each player but the last receives."""
        return self.rates.size + self._payments

    def paid(self, variables: Floats) -> Floats | None:
        """The payments to each player (..., n), in the unit of the flows; None without payments."""
        if not self.inside:
            return None
        received = variables[..., self.rates.size :] * self._unit
        return np.concatenate([received, -received.sum(axis=-1, keepdims=True)], axis=-1)

    def values(self, variables: Floats) -> tuple[Floats, Floats]:
        """Payoffs (B, n) and their derivatives (B, n, V) at variables (B, V)."""
        found = self._payoffs.all_slopes(variables[:, : self.rates.size], self.paid(variables))
        slopes = found.slopes
        if self.inside:
            money = self._unit * (found.money[:, :, :-1] - found.money[:, :, -1:])
            slopes = np.concatenate([slopes, money], axis=2)
        if self.measure == "log":
            return 100.0 * found.log_welfare, 100.0 * slopes
        worth = self.worth / 100.0 if self.measure != "percent" else np.ones(self.players)
        level = 100.0 * np.exp(found.log_welfare)
        return worth * (level - 100.0), (worth * level)[..., None] * slopes

    @property
    def worth(self) -> Floats:
        """The money value of 100 percent of each player's real income, (n,)."""
        if self.measure == "gdp":
            if self.model.data.gdp is None:
                raise InvalidInput(
                    "`measure` cannot be 'gdp': the figures have no GDP. Give `gdp`, or take 'income'."
                )
            return self.model.data.gdp[self.rates.places]
        return self.model.economy.income[self.rates.places]

    def in_measure(self, percent: Floats) -> Floats:
        """Turn percent of real income of the players (..., n) into the measure of this set."""
        if self.measure == "percent":
            return percent
        if self.measure == "log":
            return np.asarray(100.0 * np.log1p(percent / 100.0))
        return np.asarray(percent / 100.0 * self.worth)

    def _one(self, variables: Floats) -> tuple[Floats, Floats]:
        """Payoffs and derivatives at one vector, kept because a program asks for them several times in a row."""
        key = variables.tobytes()
        if self._last is None or self._last[0] != key:
            payoffs, slopes = self.values(variables[None])
            if not (np.isfinite(payoffs).all() and np.isfinite(slopes).all()):
                payoffs, slopes = np.full_like(payoffs, NOWHERE), np.zeros_like(slopes)
            self._last = (key, payoffs[0], slopes[0])
        return self._last[1], self._last[2]

    # The methods of a feasible set.

    def support(self, weights: ArrayLike) -> tuple[Floats, Floats]:
        """Return max sum(weights * x) over the set and a point where it is attained."""
        given = real(weights, "weights")
        rows = [self._support(row) for row in given.reshape(-1, self.players)]
        value = np.array([row[0] for row in rows]).reshape(given.shape[:-1])
        return value, np.stack([row[1] for row in rows]).reshape(given.shape)

    def support_above(self, weights: ArrayLike, floor: ArrayLike) -> Floats:
        """Return a point with the best weighted sum over the x >= floor, for one cell; NaN where there is none."""
        low, best = real(floor, "floor", finite=False, ndim=1), real(weights, "weights", ndim=1)
        above = [one for one in self._known if ((one.payoffs - low) / self.scale >= -POLISHED).all()]
        above = above or self._ends(low) or []
        if not above:
            return np.full(self.players, np.nan)
        start = max(above, key=lambda one: float(best @ one.payoffs))
        found = self._end(best, low, start.variables)
        return found.payoffs if found.residual <= SOLVED else np.full(self.players, np.nan)

    def ray(self, origin: ArrayLike, direction: ArrayLike) -> Floats:
        """Return the largest t with origin + t * direction in the set; -inf where the line misses it."""
        o, d = np.broadcast_arrays(real(origin, "origin"), real(direction, "direction"))
        pairs = zip(o.reshape(-1, self.players), d.reshape(-1, self.players), strict=True)
        return np.array([self._ray(a, b) for a, b in pairs]).reshape(o.shape[:-1])

    def ideal(self, floor: ArrayLike) -> Floats:
        """Return each player's best payoff over the x >= floor in the set; -inf where there is no such x."""
        given = real(floor, "floor", finite=False)
        rows = [self._ideal(row) for row in given.reshape(-1, self.players)]
        return np.stack(rows).reshape(given.shape)

    def contains(self, x: ArrayLike, *, tol: float = 1e-12) -> Mask:
        """Say whether x is in the set, up to `tol` times its size."""
        return np.asarray(self.ray(x, np.ones(self.players)) >= -max(tol, 1e-12) * self.scale.max())

    def ideal_slopes(self, floor: ArrayLike) -> tuple[Floats, Floats]:
        """Return the ideal payoffs above floors (B, n), and their derivatives in the entries of the floor, (B, n, n).

        The cost of one player's floor to another player is the floor's multiplier. All programs take Newton steps
        together, from the nearest known answers; those that fail are solved separately.
        """
        floors = real(floor, "floor", ndim=2)
        best, slopes = np.full(floors.shape, -np.inf), np.full((*floors.shape, self.players), np.nan)
        if not self._bests:
            self._bests = [[(end, None)] for end in self._ends(floors[0]) or []]
        found: list[_Known | None] = [None] * floors.size
        if self._bests:
            found = self._together(floors)
        for b in range(len(floors)):
            here = found[b * self.players : (b + 1) * self.players]
            if None in here:
                ends = self._ends(floors[b])
                if ends is None:
                    continue
                here = [(end, None) if one is None else one for one, end in zip(here, ends, strict=True)]
            for k, known in enumerate(here):
                assert known is not None
                self._bests[k].append(known)
                one = known[0]
                best[b, k], slopes[b, k] = one.payoffs[k], -one.multipliers / one.multipliers[k]
                slopes[b, k, k] = 0.0
        return best, slopes

    def _together(self, floors: Floats) -> list[_Known | None]:
        """Each player's best point above each floor, from known ones nearby; None where Newton's method fails.

        Also return the curvature for the steps: that of the known point is used as long as steps gain digits.
        """
        n, size, scale, count = self.players, self.size, self.scale, floors.size
        best, floor = np.tile(np.arange(n), len(floors)), np.repeat(floors, n, axis=0)
        other = best[:, None] != np.arange(n)
        starts: list[_Known] = []
        for row, k in enumerate(best):
            away = (np.stack([one.payoffs for one, _ in self._bests[k]]) - floor[row]) / scale
            starts.append(self._bests[k][int(np.argmin(np.abs(away[:, other[row]]).max(axis=1)))])
        x = np.stack([one.variables for one, _ in starts])
        multipliers = np.stack([one.multipliers for one, _ in starts])
        binds, free = multipliers > 0.0, ~np.stack([self._bound(one) for one, _ in starts])
        curved = np.stack([np.full((size, size), np.nan) if h is None else h for _, h in starts])
        left = np.arange(count)
        found: list[_Known | None] = [None] * count
        for _ in range(REGIMES):
            x, payoffs, multipliers, pull, least, curved = self._newton_together(
                floor[left], x, multipliers, binds, free, curved, other[left]
            )
            # The next regime corrects bounds and floors that were wrong in this one.
            below, above = x < self._low, x > self._high
            loose, inwards = multipliers < 0.0, ~free & (self._inward(x, pull) > 0.0)
            broken = other[left] & ~binds & ((floor[left] - payoffs) / scale > POLISHED)
            wrong = (below | above | inwards).any(axis=1) | (loose | broken).any(axis=1)
            for c in np.flatnonzero(~wrong & (least <= POLISHED)):
                one = Optimum(
                    variables=x[c],
                    payoffs=payoffs[c],
                    multipliers=multipliers[c],
                    residual=float(least[c]),
                    concave=True,
                )
                found[left[c]] = (one, curved[c])
            again = wrong & np.isfinite(least)
            if not again.any():
                break
            free, binds = ((free & ~below & ~above) | inwards)[again], ((binds & ~loose) | broken)[again]
            x, multipliers = np.clip(x, self._low, self._high)[again], np.maximum(multipliers, 0.0)[again]
            left, curved = left[again], curved[again]
        return found

    def _newton_together(
        self,
        floor: Floats,
        x: Floats,
        multipliers: Floats,
        binds: Mask,
        free: Mask,
        curved: Floats,
        other: Mask,
    ) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
        """Newton's method for given rates at bounds and given binding floors, each cell separately.

        Returns variables, payoffs, multipliers, slopes of the sum, the violation of the conditions, and the curvature,
        which is recomputed where steps no longer gain a digit.
        """
        n, size, count = self.players, self.size, len(x)
        moving = np.concatenate([free, binds & other], axis=1)
        matrix = np.zeros((count, size + n, size + n))
        matrix[:, :size, :size] = curved
        stale = np.asarray(np.isnan(curved).any(axis=(1, 2)))
        least = np.full(count, np.inf)
        kept = [x.copy(), np.full((count, n), np.nan), multipliers.copy(), 0.0 * x]
        x, multipliers, left = x.copy(), multipliers.copy(), np.arange(count)
        for _ in range(NEWTON_STEPS):
            here, weights = x[left], multipliers[left]
            reached, slopes = self.values(here)
            pull, gap = np.einsum("ck,ckv->cv", weights, slopes), floor[left] - reached
            steep = np.abs(pull) / np.einsum("ck,ckv->cv", np.abs(weights), np.abs(slopes))
            short = np.abs(gap) / self.scale * (binds & other)[left]
            worst = np.maximum(np.where(free[left], steep, 0.0).max(axis=1), short.max(axis=1))
            better = np.asarray(worst < least[left])
            slow = np.asarray((worst > least[left] / 10.0) & (worst > POLISHED))
            for old, now in zip(kept, (here, reached, weights, pull), strict=True):
                old[left[better]] = now[better]
            least[left[better]] = worst[better]
            going = np.asarray(better & (worst > SETTLED))
            left, slopes, pull, gap, weights = (part[going] for part in (left, slopes, pull, gap, weights))
            if not len(left):
                break
            bend = np.asarray(stale[left] | slow[going])
            if bend.any():
                moved = (here[going][bend, None] + DIFFERENCE * np.eye(size)).reshape(-1, size)
                second = self.values(moved)[1].reshape(-1, size, n, size) - slopes[bend, None]
                bent = np.einsum("ck,cwkv->cwv", weights[bend], second / DIFFERENCE)
                matrix[left[bend], :size, :size] = (bent + bent.swapaxes(1, 2)) / 2.0
                stale[left] = False
            matrix[left, :size, size:], matrix[left, size:, :size] = slopes.swapaxes(1, 2), slopes
            on = moving[left]
            whole = np.where(on[:, :, None] & on[:, None], matrix[left], np.eye(size + n))
            right = np.where(on, np.hstack([-pull, gap]), 0.0)
            try:
                step = np.linalg.solve(whole, right[..., None])[..., 0]
            except np.linalg.LinAlgError:
                break
            step *= 0.1 / np.maximum(np.abs(step[:, :size]).max(axis=1, keepdims=True), 0.1)
            x[left] += step[:, :size]
            multipliers[left] += step[:, size:]
        x, payoffs, multipliers, pull = kept
        return x, payoffs, multipliers, pull, least, matrix[:, :size, :size]

    def moving_prices(self, floor: ArrayLike) -> Floats:
        """Return intervals of prices, (k, 2, 2), on which the best point of two players above a floor moves smoothly.

        They run from the best point for the first player to that for the second. A piece ends where a rate meets a
        bound; while all rates are at bounds, the best point does not depend on prices.

        Raises
        ------
        NotApplicable
            If the frontier above the floor bends inwards.
        """
        ends = self._ends(real(floor, "floor", ndim=1))
        if ends is None or self.players != 2:
            return np.empty((0, 2, 2))
        scale = self.scale
        angles = [float(np.arctan2(*(end.multipliers * scale)[::-1])) for end in ends]

        def prices(angle: float) -> Floats:
            return np.array([np.cos(angle), np.sin(angle)]) / scale

        def best(angle: float) -> Optimum:
            return self._supported(prices(angle))

        def pieces(first: float, last: float, left: Optimum, right: Optimum) -> list[tuple[float, float]]:
            changed = self._bound(left) != self._bound(right)
            if changed.any():
                rate = int(np.argmax(changed))
                place = self._passes(best, rate, first, last)
                before, after = max(place - PRICES, first), min(place + PRICES, last)
                return [*pieces(first, before, left, best(before)), *pieces(after, last, best(after), right)]
            return [] if self._bound(left).all() or last <= first + SLIVER else [(first, last)]

        middle = (angles[0] + angles[1]) / 2.0
        half = best(middle)
        # the other's payoff at each one's best point
        low = np.array([ends[1].payoffs[0], ends[0].payoffs[1]])
        inwards = angles[1] < angles[0] - SLIVER or ((half.payoffs - low) / scale < -SLIVER).any()
        if inwards or not all(one.concave for one in (*ends, half)):
            raise NotApplicable(
                "The payoffs that these tariffs reach are not convex: above the disagreement point the frontier bends "
                "inwards, and lotteries over agreements do better. Take `bargained_tariffs(..., lotteries=True)`, or a "
                "concept that bears it, such as kalai_smorodinsky."
            )
        found = pieces(angles[0], middle, ends[0], half)
        for first, last in pieces(middle, angles[1], half, ends[1]):
            if found and first == found[-1][1]:  # one piece, cut by a point in its middle
                first = found.pop()[0]
            found.append((first, last))
        return np.array([[prices(first), prices(last)] for first, last in found]).reshape(-1, 2, 2)

    def _passes(self, best: Callable[[float], Optimum], rate: int, first: float, last: float) -> float:
        """Return the angle of prices at which a rate meets its bound, or leaves it."""
        from scipy.optimize import brentq

        scale = self.scale

        def room(angle: float) -> float:
            one = best(angle)
            away = min(one.variables[rate] - self._low[rate], self._high[rate] - one.variables[rate])
            pull = one.multipliers @ self._one(one.variables)[1][:, rate] / (one.multipliers @ scale)
            return float(away) if away > 0.0 else -abs(float(pull))

        return float(brentq(room, first, last, xtol=PRICES, rtol=4.0 * np.finfo(float).eps))

    def _bound(self, found: Optimum) -> Mask:
        """Which variables are at a bound."""
        return np.asarray((found.variables <= self._low) | (found.variables >= self._high))

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises prod((x - origin)**weights), and its residual; NaN where nobody can gain."""
        shape = np.broadcast_shapes(np.shape(origin), np.shape(weights))
        o, w = (np.broadcast_to(a, shape).reshape(-1, self.players) for a in (origin, weights))
        found = [self._product(a, b) for a, b in zip(o, w, strict=True)]
        points = np.stack([a if one is None else one.payoffs for a, one in zip(o, found, strict=True)])
        residual = np.array([np.nan if one is None else one.residual for one in found])
        return points.reshape(shape), residual.reshape(shape[:-1])

    def optimum_at(self, payoffs: ArrayLike) -> Optimum:
        """Return the optimum that reaches a payoff vector on the frontier."""
        x = real(payoffs, "payoffs", ndim=1)
        scale = self.scale
        for known in reversed(self._known):
            if np.abs((known.payoffs - x) / scale).max() <= 1e-9:
                return known
        self._ray(x - scale, scale)
        return self._known[-1]

    def cut_short(self, found: Optimum) -> tuple[str, ...]:
        """Which rates and payments ended at a bound of the search only: the optimum may lie beyond it."""
        x, edge = found.variables, 1e-6
        chosen = np.append(np.full(self.rates.size, self._lower >= LOWEST), np.zeros(self._payments, bool))
        at = ((x <= self._low + edge) & ~chosen) | (x >= self._high - edge)
        names = [f"rate of {' on '.join(label)}" for label in self.rates.labels]
        names += [f"payment of {player}" for player in self.rates.players[: self._payments]]
        return tuple(name for name, ended in zip(names, at, strict=True) if ended)

    def rates_at(self, payoffs: ArrayLike) -> Floats:
        """Return the rates (K,) that reach a payoff vector on the frontier."""
        return self.optimum_at(payoffs).variables[: self.rates.size]

    def frontier(self, floor: ArrayLike, points: int = 33) -> list[Optimum]:
        """Points along the frontier of two players above `floor`, from the best of the first to the best of the second.

        Those between lie on rays from the floor at equal angles, so that parts of the frontier which maximise no
        weighted sum are included. Empty if not both can gain.
        """
        if self.players != 2:
            raise InvalidInput(f"`players` must be two for a frontier; got {self.players}.")
        low = real(floor, "floor", ndim=1)
        ends = self._ends(low)
        if ends is None:
            return []
        reach = np.array([end.payoffs[k] for k, end in enumerate(ends)]) - low
        if not (reach > 0.0).all():
            return []
        between = []
        for angle in np.linspace(0.0, np.pi / 2.0, points)[1:-1]:
            self._ray(low, reach * np.array([np.cos(angle), np.sin(angle)]))
            between.append(self._known[-1])
        return [ends[0], *between, ends[1]]

    # The programs.

    @property
    def scale(self) -> Floats:
        """The effect of a rate of .1 on each player, the scale of payoffs in programs."""
        return np.asarray(0.1 * np.abs(self._one(self._start)[1]).max(axis=1))

    def _remember(self, found: Optimum) -> Optimum:
        self._known.append(found)
        return found

    def _support(self, weights: Floats) -> tuple[float, Floats]:
        if (weights < 0.0).any():
            return float("inf"), np.full(self.players, np.nan)
        found = self._supported(weights)
        if not (found.residual <= SOLVED and found.concave):  # the conditions also hold at saddle points
            return float("nan"), np.full(self.players, np.nan)
        return float(weights @ found.payoffs), found.payoffs

    def _supported(self, weights: Floats) -> Optimum:
        scale = self.scale
        program = _Sum(weights, np.full(self.players, -np.inf))
        near, start = self._nearest(lambda known: known.multipliers * scale, weights * scale)
        if near:
            found = self._polish(start, program)
            if found.residual <= POLISHED and found.concave:
                return self._remember(found)
        for _ in range(CLIMBS):
            start = self._climb_sum(start, program)
            found = self._polish(start, program)
            if found.residual <= SOLVED:
                break
        return self._remember(found)

    def _nearest(self, side: Callable[[Optimum], Floats], wanted: Floats) -> tuple[bool, Floats]:
        """The start: the known point of the most similar direction, and whether it is near."""
        best, start = -1.0, self._start
        for known in self._known:
            given = side(known)
            size = np.linalg.norm(given) * np.linalg.norm(wanted)
            alike = float(given @ wanted / size) if size > 0.0 else -1.0
            if alike > best:
                best, start = alike, known.variables
        return best >= ALIKE, start if best >= SIMILAR else self._start

    def _ray(self, origin: Floats, direction: Floats) -> float:
        if not (direction >= 0.0).all():
            return self._ray_down(origin, direction)
        scale = self.scale
        up = direction > 0.0
        if not up.any():
            return float("inf") if self._ray(origin, scale) >= 0.0 else float("-inf")
        program = _Ray(origin, direction)
        step = float((direction / scale)[up].max())  # t of 1 / step moves the fastest player by its scale

        def gaps(v: Floats) -> Floats:
            return np.asarray((self._one(v[:-1])[0] - origin - v[-1] / step * direction) / scale)

        def slopes(v: Floats) -> Floats:
            last = -(direction / step / scale)[:, None]
            return np.concatenate([self._one(v[:-1])[1] / scale[:, None], last], axis=1)

        near, x = self._nearest(lambda known: (known.payoffs - origin) / scale, direction / scale)
        if near:
            found = self._polish(x, program, room=1.0)
            if found.residual <= POLISHED and found.concave:
                self._remember(found)
                return program.reached(found.payoffs)
        for again in (False, True):
            first = program.reached(self._one(x)[0]) * step
            v = self._climb(
                np.append(x, first),
                lambda v: (-v[-1], -np.eye(len(v))[-1]),
                constraints=(gaps, slopes),
            )
            found = self._polish(v[:-1], program)
            if found.residual <= POLISHED and program.reached(found.payoffs) * step >= first - 1e-9:
                break
            # The search failed: start again from the point of equal gains.
            if again or (direction == scale).all() or not self._ray(origin, scale) > 0.0:
                break
            x = self._known[-1].variables
        self._remember(found)
        return program.reached(found.payoffs) if found.residual <= SOLVED else float("nan")

    def _ray_down(self, origin: Floats, direction: Floats) -> float:
        """The last t at which the point is in the set, by bisection, for a direction that hurts somebody."""
        from scipy.optimize import brentq

        ones = self.scale

        def inside(t: float) -> float:
            return self._ray(origin + t * direction, ones)

        size = 4.0 * float((ones / np.maximum(np.abs(direction), 1e-300)).max())
        grid = np.linspace(-size, size, 17)
        seen = [inside(t) for t in grid]
        within = [k for k, value in enumerate(seen) if value >= 0.0]
        if not within:
            return float("-inf")
        last = within[-1]
        if last == len(grid) - 1:
            return float(grid[-1])
        return float(brentq(inside, grid[last], grid[last + 1], xtol=1e-13, rtol=1e-14))

    def _ideal(self, floor: Floats) -> Floats:
        ends = self._ends(floor)
        if ends is None:
            return np.full(self.players, -np.inf)
        return np.array([end.payoffs[k] for k, end in enumerate(ends)])

    def _ends(self, floor: Floats) -> list[Optimum] | None:
        """Each player's best point above a floor; None if no point is above it."""
        key = floor.tobytes()
        if key not in self._best:
            ends = [self._near_end(k, floor) for k in range(self.players)]
            if None in ends:
                scale, bound = self.scale, np.isfinite(floor)
                if bound.any() and not self._ray(np.where(bound, floor, -1e6 * scale), scale) >= -1e-9:
                    return None
                inside = self._known[-1].variables if bound.any() else self._start
                axes = np.eye(self.players)
                ends = [
                    self._end(axes[k], floor, inside) if end is None else end for k, end in enumerate(ends)
                ]
            self._best[key] = [end for end in ends if end is not None]
        return self._best[key]

    def _near_end(self, k: int, floor: Floats) -> Optimum | None:
        """A player's best point above a floor, by Newton's method from a known point just above the floor."""
        others = np.isfinite(floor) & (np.arange(self.players) != k)
        if not (self._known and others.any()):
            return None
        scale = self.scale
        away = [np.abs((known.payoffs - floor) / scale)[others].max() for known in self._known]
        if not min(away) <= NEARBY:
            return None
        start = self._known[int(np.argmin(away))].variables
        found = self._polish(start, _Sum(np.eye(self.players)[k], floor), room=1.0)
        if not (found.residual <= POLISHED and found.payoffs[k] >= floor[k]):
            return None
        return self._remember(found)

    def _end(self, weights: Floats, floor: Floats, inside: Floats) -> Optimum:
        """The best weighted sum above a floor, from a point above the floor."""
        program = _Sum(weights, floor)
        return self._remember(self._polish(self._climb_sum(inside, program), program))

    def _climb_sum(self, start: Floats, program: _Sum) -> Floats:
        weights, others, scale = program.weights, program.floors, self.scale
        size = float((weights * scale).sum()) or 1.0

        def gaps(x: Floats) -> Floats:
            return np.asarray(((self._one(x)[0] - program.floor) / scale)[others])

        def slopes(x: Floats) -> Floats:
            return np.asarray((self._one(x)[1] / scale[:, None])[others])

        return self._climb(
            start,
            lambda x: (-(weights @ self._one(x)[0]) / size, -(weights @ self._one(x)[1]) / size),
            constraints=(gaps, slopes) if others.any() else None,
        )

    def _product(self, origin: Floats, weights: Floats) -> Optimum | None:
        scale = self.scale
        if not self._ray(origin, scale) > 1e-9:
            return None
        start = self._known[-1].variables

        def objective(x: Floats) -> tuple[float, Floats]:
            payoffs, slopes = self._one(x)
            gains = payoffs - origin
            if not (gains > 0.0).all():
                return np.inf, np.zeros(len(x))
            return -float(weights @ np.log(gains / scale)), -(weights / gains) @ slopes

        variables = self._climb(start, objective)
        return self._remember(self._polish(variables, _Product(origin, weights)))

    def _climb(self, start: Floats, objective: Any, constraints: Any = None) -> Floats:
        """Minimise an objective with gradient under constraints >= 0 and the bounds, starting from `start`."""
        from scipy.optimize import Bounds, minimize

        extra = len(start) - self.size
        bounds = Bounds(
            np.append(self._low, np.full(extra, -np.inf)), np.append(self._high, np.full(extra, np.inf))
        )
        listed = (
            () if constraints is None else ({"type": "ineq", "fun": constraints[0], "jac": constraints[1]},)
        )
        with np.errstate(all="ignore"):
            found = minimize(
                objective,
                start,
                jac=True,
                bounds=bounds,
                constraints=listed,
                method="SLSQP",
                options={"ftol": 1e-11, "maxiter": 200},
            )
        return np.asarray(found.x if np.isfinite(found.x).all() else start)

    def _polish(self, variables: Floats, program: _Program, *, room: float = 1e-4) -> Optimum:
        """Newton's method on the first-order conditions, from a point that nearly satisfies them.

        A constraint counts as binding if its slack is at most `room`, in the scale of payoffs, and it has a multiplier.
        """
        x = np.clip(variables, self._low, self._high)
        edge = 1e-6  # SLSQP ends on a bound, up to rounding
        scale = self.scale
        payoffs, slopes = self._one(x)
        multipliers, active = program.guess(payoffs, slopes, scale, room)
        pull = multipliers @ slopes
        free = ~(((x <= self._low + edge) & (pull < 0.0)) | ((x >= self._high - edge) & (pull > 0.0)))
        x = np.where(free, x, np.where(pull < 0.0, self._low, self._high))
        payoffs, slopes = self._one(x)
        free |= self._inward(x, multipliers @ slopes) > 0.0
        curved, second = np.zeros((self.size, self.size)), None
        least, kept = np.inf, None
        for _ in range(NEWTON_STEPS):
            multipliers = program.renewed(payoffs, multipliers)
            residual = self._steep(x, slopes, multipliers, free, scale)
            residual = max(residual, program.off(payoffs, multipliers, active, scale))
            if not residual < least:
                break
            least, kept = residual, (x, payoffs, slopes, multipliers)
            if second is None or residual > CLOSE:
                moved = x + DIFFERENCE * np.eye(self.size)
                second = (self.values(moved)[1] - slopes) / DIFFERENCE  # (V, n, V)
            curved = np.einsum("k,vkw->vw", multipliers, second)
            curved = (curved + curved.T) / 2.0
            if residual < DONE or not np.isfinite(curved).all():
                break
            bent = curved + (slopes * program.bend(payoffs)[:, None]).T @ slopes
            columns, right = program.border(payoffs, multipliers, active)
            step, change = _newton_step(multipliers @ slopes, slopes, bent, columns, right, free, active)
            if not np.isfinite(step).all():
                break
            step *= min(1.0, 0.1 / max(np.abs(step).max(), 1e-300))
            x = np.clip(x + step, self._low, self._high)
            multipliers = multipliers + change
            payoffs, slopes = self._one(x)
        if kept is None:
            return Optimum(
                variables=x, payoffs=payoffs, multipliers=multipliers, residual=float("nan"), concave=False
            )
        x, payoffs, slopes, multipliers = kept
        within = curved[np.ix_(free, free)]
        known = bool(np.isfinite(within).all())
        concave = known and bool(not free.any() or np.linalg.eigvalsh(within)[-1] < 0.0)
        return Optimum(variables=x, payoffs=payoffs, multipliers=multipliers, residual=least, concave=concave)

    def _inward(self, x: Floats, pull: Floats) -> Floats:
        """The derivative of the sum of payoffs inwards from each bound; 0 for variables not at bounds."""
        return np.asarray(np.where(x <= self._low, pull, np.where(x >= self._high, -pull, 0.0)))

    def _steep(self, x: Floats, slopes: Floats, multipliers: Floats, free: Mask, scale: Floats) -> float:
        """The relative size of slopes that do not cancel or that point inwards at a bound; negative multipliers."""
        # If only one player counts, only its slopes can cancel: they are compared with those at the start.
        size = np.maximum(np.abs(multipliers) @ np.abs(slopes), np.abs(multipliers) @ scale / 0.1)
        pull = multipliers @ slopes / size
        steep = np.where(free, np.abs(pull), self._inward(x, pull)).max()
        return float(max(steep, -(multipliers * scale).min() / np.abs(multipliers * scale).max()))


def _newton_step(
    pull: Floats, slopes: Floats, curved: Floats, columns: Floats, right: Floats, free: Mask, active: Mask
) -> tuple[Floats, Floats]:
    """The step in variables and multipliers that solves the linearised conditions; NaN where there is none."""
    here = slopes[np.ix_(active, free)]
    k, both = int(free.sum()), int(free.sum() + active.sum())
    whole = np.zeros((k + len(right), k + len(right)))
    whole[:k, :k] = curved[np.ix_(free, free)]
    whole[:k, k:both], whole[k:both, :k] = here.T, here
    whole[k:both, both:], whole[both:, k:both] = columns, -columns.T
    step, change = np.zeros(len(free)), np.zeros(len(active))
    try:
        solved = np.linalg.solve(whole, np.append(-pull[free], right))
    except np.linalg.LinAlgError:
        return step + np.nan, change
    step[free], change[active] = solved[:k], solved[k:both]
    return step, change
