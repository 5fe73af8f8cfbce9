r"""Tariffs that regions agree on: any concept of the library over the payoffs that tariffs reach.

Without payments the rates are the agreement: a subsidy of imports is what one side pays the other. Payments can be
made within the equilibrium (`transfers="inside"`), or money may count one for one (`transfers="money"`): then rates
maximise the sum of money, and the concept divides it.

A point of the feasible set is a vector of payoffs that some rates of the players (and payments between them, if
`inside`) give, or anything below it. Each question is one program in the rates x and a number of steps t,

    max  sum_k w_k u_k(x)  or  sum_k w_k log(u_k(x) - o_k)  or  t    subject to  u(x) >= o + t d,

for the best weighted sum above a floor, the largest product of gains, and the end of a ray. It is solved by sequential
quadratic programming with exact gradients (one adjoint solve for all players and rates); then a root of the conditions
of optimality is taken from there,

    sum_k mu_k grad u_k = 0 over the rates that are not at a bound,

whose multipliers `mu` are the weights, or the weights over gains, and the multipliers of binding constraints. The
result is a local optimum; it is not proved to be global.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining import Method, Problem, TransferableSurplus, continuous_raiffa, nash, yu
from bargaining.authoring import Floats, Result, Shown, choice, real, record
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining_models.trade.equilibrium import TradeEquilibrium, by_name
from bargaining_models.trade.links import rate_on
from bargaining_models.trade.tariff_nash import (
    Payoffs,
    TariffEquilibrium,
    nash_tariffs,
    rates_in_words,
    rates_of,
)

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel


MEASURES = ("percent", "log", "income", "gdp")
DIFFERENCE = 1e-5  # of rates and payments, relative to their units
SMALL = 1e-7  # of the largest multiplier: below, a constraint does not bind
SOLVED = 1e-6  # of the conditions: with more the point is not an optimum
EDGE = 1e-6  # of a rate: how near a bound the search ends on it
ROOM = 1e-4  # of the scale of payoffs: a constraint with less slack may bind
NOWHERE = -1e9  # payoffs for the search where there is no equilibrium
LOWEST = -0.6  # of a rate: larger subsidies cost more than the whole income
HIGHEST = 20.0  # of a rate: at higher rates there is no trade to tax
MOST_PAID = 0.5  # of the least income among the players: the largest payment
STARTS = (0.0, 0.1, -0.1)  # rates from which the end of a ray is looked for, until one is a maximum
FLAT = 1e-6  # of the largest curvature: where rates and payments do the same, differences leave so much
PAYMENT = 1e-3  # of world value added: the unit of payments in a program, about the value of a rate of .1

Mask = NDArray[np.bool_]
FOLLOWED = (
    "Concepts that follow the whole frontier (Yu except at p = infinity, Perles-Maschler, continuous Raiffa) do not "
    "apply to the payoffs that tariffs reach: it may bend inwards. Take nash, egalitarian, kalai_smorodinsky or "
    "equal_loss, or divide a `Polytope` of payoffs at rates of your own."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Optimum(Shown):
    """The end of a program: variables, payoffs, multipliers, and the violation of the conditions.

    `concave` says whether the sum of payoffs with the multipliers as weights is locally concave; `maximum` asks this of
    directions in which binding constraints go on to bind alone: where it fails the point is a saddle.
    """

    variables: Floats
    payoffs: Floats
    multipliers: Floats
    residual: float
    concave: bool
    maximum: bool


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
        log, slopes, money = self._payoffs.all_slopes(variables[:, : self.rates.size], self.paid(variables))
        if self.inside:
            slopes = np.concatenate([slopes, self._unit * (money[:, :, :-1] - money[:, :, -1:])], axis=2)
        if self.measure == "log":
            return 100.0 * log, 100.0 * slopes
        worth = self.worth / 100.0 if self.measure != "percent" else np.ones(self.players)
        level = 100.0 * np.exp(log)
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
        """Return max sum(weights * x) over the set and a point where it is attained; NaN where none was found."""
        given = real(weights, "weights")
        value, points = np.full(given.shape[:-1], np.inf), np.full(given.shape, np.nan)
        for cell in np.ndindex(value.shape):
            if (given[cell] >= 0.0).all():
                found = self._sum(given[cell], np.full(self.players, -np.inf))
                good = found.residual <= SOLVED and found.concave  # the conditions also hold at saddle points
                points[cell] = found.payoffs if good else np.nan
                value[cell] = given[cell] @ points[cell]
        return value, points

    def ray(self, origin: ArrayLike, direction: ArrayLike) -> Floats:
        """Return the largest t with origin + t * direction in the set; -inf where the line misses it.

        Raises
        ------
        NotApplicable
            If the direction hurts somebody.
        """
        o, d = np.broadcast_arrays(real(origin, "origin"), real(direction, "direction"))
        if (d < 0.0).any():
            raise NotApplicable(
                "`direction` must hurt nobody where payoffs are those of tariffs: along others the set is not searched."
            )
        pairs = zip(o.reshape(-1, self.players), d.reshape(-1, self.players), strict=True)
        return np.array([self._ray(a, b)[0] for a, b in pairs]).reshape(o.shape[:-1])

    def ideal(self, floor: ArrayLike) -> Floats:
        """Return each player's best payoff over the x >= floor in the set; -inf where there is no such x."""
        given = real(floor, "floor", finite=False)
        best = np.full(given.shape, -np.inf)
        for cell in np.ndindex(given.shape[:-1]):
            inside = self._inside(given[cell])
            if inside is not None:
                axes = np.eye(self.players)
                best[cell] = [self._sum(axes[k], given[cell], inside).payoffs[k] for k in range(self.players)]
        return best

    def contains(self, x: ArrayLike, *, tol: float = 1e-12) -> Mask:
        """Say whether x is in the set, up to `tol` times its size."""
        return np.asarray(self.ray(x, np.ones(self.players)) >= -max(tol, 1e-12) * self.scale.max())

    def product(self, origin: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Return the point that maximises prod((x - origin)**weights), and its residual; NaN where nobody can gain."""
        shape = np.broadcast_shapes(np.shape(origin), np.shape(weights))
        o, w = (np.broadcast_to(a, shape) for a in (origin, weights))
        points, residual = np.array(o, dtype=float), np.full(shape[:-1], np.nan)
        for cell in np.ndindex(shape[:-1]):
            reached, inside = self._ray(o[cell], self.scale)
            if reached > 1e-9:
                found = self._solved(inside.variables, weights=w[cell], origin=o[cell], logs=True)
                points[cell], residual[cell] = found.payoffs, found.residual
        return points, residual

    def whole_frontier(self, floor: ArrayLike) -> NoReturn:
        """Refuse, by name, concepts that follow a whole frontier."""
        raise NotApplicable(FOLLOWED)

    def optimum_at(self, payoffs: ArrayLike) -> Optimum:
        """Return the optimum that reaches a payoff vector on the frontier."""
        x, scale = real(payoffs, "payoffs", ndim=1), self.scale
        for known in reversed(self._known):
            if np.abs((known.payoffs - x) / scale).max() <= 1e-9:
                return known
        return self._ray(x - scale, scale)[1]

    def cut_short(self, found: Optimum) -> tuple[str, ...]:
        """Which rates and payments ended at a bound of the search only: the optimum may lie beyond it."""
        x = found.variables
        chosen = np.append(np.full(self.rates.size, self._lower >= LOWEST), np.zeros(self._payments, bool))
        at = ((x <= self._low + EDGE) & ~chosen) | (x >= self._high - EDGE)
        names = [f"rate of {' on '.join(label)}" for label in self.rates.labels]
        names += [f"payment of {player}" for player in self.rates.players[: self._payments]]
        return tuple(name for name, ended in zip(names, at, strict=True) if ended)

    def rates_at(self, payoffs: ArrayLike) -> Floats:
        """Return the rates (K,) that reach a payoff vector on the frontier."""
        return self.optimum_at(payoffs).variables[: self.rates.size]

    # The programs.

    @cached_property
    def scale(self) -> Floats:
        """The effect of a rate of .1 on each player, the scale of payoffs in programs."""
        return np.asarray(0.1 * np.abs(self._one(self._start)[1]).max(axis=1))

    def _sum(self, weights: Floats, floor: Floats, start: Floats | None = None) -> Optimum:
        """The best weighted sum above a floor; the floor of who alone counts does not matter."""
        alone = (weights > 0.0) & (np.count_nonzero(weights) == 1)
        origin = np.where(alone, -np.inf, floor)
        return self._solved(self._start if start is None else start, weights=weights, origin=origin)

    def _inside(self, floor: Floats) -> Floats | None:
        """Variables that give everybody the floor; None if none do."""
        limited = np.isfinite(floor)
        if not limited.any():
            return self._start
        reached, found = self._ray(np.where(limited, floor, -1e6 * self.scale), self.scale)
        return found.variables if reached >= -1e-9 else None

    def _ray(self, origin: Floats, direction: Floats) -> tuple[float, Optimum]:
        """The steps to the end of a ray, and the optimum there; NaN if the search ends at saddles from every start."""
        if not direction.any():
            reached, found = self._ray(origin, self.scale)
            return (np.inf if reached >= 0.0 else -np.inf), found
        up = direction > 0.0
        for rate in STARTS:
            start = np.clip(
                self._start + rate * (np.arange(self.size) < self.rates.size), self._low, self._high
            )
            found = self._solved(start, origin=origin, direction=direction)
            if found.residual <= SOLVED and found.maximum:
                return float(((found.payoffs - origin)[up] / direction[up]).min()), found
        return np.nan, found

    def _solved(
        self,
        start: Floats,
        *,
        origin: Floats,
        weights: Floats | None = None,
        direction: Floats | None = None,
        logs: bool = False,
    ) -> Optimum:
        """The optimum found from a start: sequential quadratic programming, then a root of the conditions.

        Variables v are those of the set and the number of steps, 0 without a direction. Payoffs are in their scale, a
        unit step moves the fastest by its scale, and a unit of the sum weighs all.
        """
        from scipy.linalg import null_space
        from scipy.optimize import Bounds, minimize, nnls, root

        scale, none = self.scale, np.zeros(self.players)
        along = none if direction is None else direction / scale
        worth = none if weights is None else weights if logs else weights * scale
        unit = 1.0 if logs else float(worth.sum()) or 1.0
        worth, base, along = worth / unit, origin / scale, along / (along.max() or 1.0)
        bound, far = np.isfinite(base) & (not logs), np.inf if along.any() else 0.0
        low, high = np.append(self._low, -far), np.append(self._high, far)

        def slack_at(v: Floats) -> tuple[Floats, Floats]:
            payoffs, slopes = self._one(v[:-1])
            return payoffs / scale - base - v[-1] * along, np.column_stack([slopes / scale[:, None], -along])

        def outer(slack: Floats) -> Floats:
            return np.asarray(worth / slack if logs else worth)

        def gradient(v: Floats, price: Floats) -> Floats:
            """Of what is maximised, and of payoffs at the prices of their constraints."""
            slack, slopes = slack_at(v)
            return np.asarray(
                (outer(slack) + price) @ slopes + along.any() * (np.arange(len(v)) == self.size)
            )

        def loss(v: Floats) -> float:
            slack, _ = slack_at(v)
            if logs:
                return -float(worth @ np.log(slack)) if (slack > 0.0).all() else np.inf
            return -float(v[-1] + worth @ (self._one(v[:-1])[0] / scale))

        def with_steps(x: Floats) -> Floats:
            """Add the number of steps that leaves nobody who gains by them with more than the payoffs."""
            up, slack = along > 0.0, slack_at(np.append(x, 0.0))[0]
            return np.append(x, (slack[up] / along[up]).min() if up.any() else 0.0)

        binding = {"fun": lambda v: slack_at(v)[0][bound], "jac": lambda v: slack_at(v)[1][bound]}
        with np.errstate(all="ignore"):
            climbed = minimize(
                loss,
                with_steps(start),
                jac=lambda v: -gradient(v, none),
                bounds=Bounds(low, high),
                constraints={"type": "ineq", **binding} if bound.any() else (),
                method="SLSQP",
                options={"ftol": 1e-11, "maxiter": 200},
            ).x
        v = with_steps(
            np.clip(climbed if np.isfinite(climbed).all() else np.append(start, 0.0), low, high)[:-1]
        )

        # The multipliers of constraints that violate the conditions least, that of the steps before all.
        slack, slopes = slack_at(v)
        price, tight = none.copy(), bound & (slack < ROOM)
        inner = (v > low + EDGE) & (v < high - EDGE)
        heavy = np.where(np.arange(len(v)) < self.size, 1.0, 1e3)[inner]
        if tight.any() and inner.any():
            wanted = -gradient(v, none)[inner] * heavy
            price[tight] = nnls((slopes[tight][:, inner] * heavy).T, wanted)[0]
        price *= price > SMALL * (outer(slack) + price).max()
        active, pull = price > 0.0, gradient(v, price)
        free = (low < high) & ~(((v <= low + EDGE) & (pull < 0.0)) | ((v >= high - EDGE) & (pull > 0.0)))
        v = np.where(free, v, np.where(pull < 0.0, low, high))
        count, size = int(free.sum()), float(np.abs(outer(slack) + price).sum())

        def point(z: Floats) -> tuple[Floats, Floats]:
            here, paid = v.copy(), none.copy()
            here[free], paid[active] = np.clip(z[:count], low[free], high[free]), z[count:] * size
            return here, paid

        def gaps(z: Floats) -> Floats:
            here, paid = point(z)
            return np.append(gradient(here, paid)[free] / size, slack_at(here)[0][active])

        def optimum(v: Floats, price: Floats) -> Optimum:
            slack, slopes = slack_at(v)
            x, slopes, multipliers = v[:-1], slopes[:, :-1], outer(slack) + price
            off = np.where(price > 0.0, np.abs(slack), -slack)[bound].max(initial=-np.inf)
            # If only one player counts, only its slopes can cancel: they are compared with those at the start.
            largest = np.maximum(np.abs(multipliers) @ np.abs(slopes), np.abs(multipliers).sum() / 0.1)
            pull, inside = multipliers @ slopes / largest, free[:-1]
            inward = np.where(x <= self._low, pull, np.where(x >= self._high, -pull, 0.0))
            steep = np.where(inside, np.abs(pull), inward).max()
            ends = self.values(x + DIFFERENCE * np.eye(self.size))[1] / scale[:, None]  # (V, n, V)
            curved = np.einsum("k,vkw->vw", multipliers, ends - slopes)[np.ix_(inside, inside)] / DIFFERENCE
            # What binding payoffs leave of the rates: they stay in the proportions of the direction.
            fixed = np.column_stack([slopes[active][:, inside], -along[active]])
            tangent = null_space(fixed)[:-1] if active.any() else np.eye(len(curved))
            return Optimum(
                variables=x,
                payoffs=self._one(x)[0],
                multipliers=multipliers
                * (unit if direction is None else 1.0 / (direction / scale).max())
                / scale,
                residual=float(max(steep, -multipliers.min() / np.abs(multipliers).max(), off)),
                concave=_negative(curved),
                maximum=_negative(tangent.T @ curved @ tangent, FLAT),
            )

        start = np.append(v[free], price[active] / size)
        with np.errstate(all="ignore"):
            ends = [start, root(gaps, start, tol=1e-13).x] if len(start) else [start]
        optima = [optimum(*point(np.asarray(z))) for z in ends]
        found = min(optima, key=lambda one: np.nan_to_num(one.residual, nan=np.inf))
        self._known.append(found)
        return found


def _negative(matrix: Floats, flat: float = 0.0) -> bool:
    """Whether a quadratic form is negative in every direction that there is, up to a part of its largest curvature."""
    if not np.isfinite(matrix).all():
        return False
    curvature = np.linalg.eigvalsh((matrix + matrix.T) / 2.0)
    return bool((curvature < flat * np.abs(curvature).max(initial=0.0)).all())


ACCURACY = 1e-9  # of the first-order conditions, relative; rounding is 1e-13


@record
class BargainedTariffs(Result):
    """An agreement on tariffs.

    Attributes
    ----------
    players : tuple of str
    rates : (K,) array
    labels : tuple of tuple of str
        What each rate is on: (player, partner), or with a sector.
    tariffs : (N, N, J) array
    percent : (N,) array
        Change of real income of all regions against the base of the model; of the rates alone if `transfers` is
        "money".
    payoffs : (n,) array
        What the players get, payments counted, in `measure`.
    disagreement : (n,) array
        What they have without an agreement, in `measure`.
    payment : (n,) array
        What each player receives: in the unit of the flows ("inside"), or in money ("money"); zeros without.
    measure : {"percent", "log", "income", "gdp"}
        The unit of payoffs; see `TariffPayoffs`.
    multipliers : (n,) array
        Weights at which the sum of payoffs is at its best there: the frontier's slope between k and l is -m_k / m_l.
    concave : bool
        Whether the sum with these weights is locally concave in the rates.
    residual : float
        How far the first-order conditions are from holding, relative.
    division : Division
        What the concept said.
    status : Status
        OK; INACCURATE if a residual is above 1e-9, or the search ended at a bound of its own; DEGENERATE if not all can
        gain; EMPTY, FAILED.
    limits : tuple of str
        The rates and payments that ended at a bound of the search: a rate of -0.6 or 20, a payment of half of the least
        income. What is maximised goes on rising beyond. The sum of percents with payments does: a unit of money is more
        percent of a small income, however much was paid already.
    equilibrium : TradeEquilibrium or None
        Everything at these rates; None where there is no agreement.
    """

    players: tuple[str, ...]
    rates: Floats
    labels: tuple[tuple[str, ...], ...]
    tariffs: Floats
    percent: Floats
    payoffs: Floats
    disagreement: Floats
    payment: Floats
    measure: str
    multipliers: Floats
    concave: bool
    residual: float
    division: Division
    status: Status
    equilibrium: TradeEquilibrium | None
    limits: tuple[str, ...] = ()

    def __repr__(self) -> str:
        rates, payoffs = rates_in_words(self), by_name(self.payoffs, self.players)
        return f"BargainedTariffs(rates: {rates}; {self.measure}: {payoffs}; {self.status})"

    @property
    def gains(self) -> Floats:
        """Each player's gain over the disagreement, (n,), in `measure`."""
        return np.asarray(self.payoffs - self.disagreement)

    def of(self, *label: str) -> float:
        """Return the rate on one flow: `of("USA", "CAN")`."""
        return rate_on(label, self.labels, self.rates)


def bargained_tariffs(
    model: TradeModel,
    players: Sequence[str],
    *,
    method: Method = nash,
    disagreement: Any = "war",
    lower: float = -np.inf,
    transfers: str | None = None,
    measure: str | None = None,
    **layout: Any,
) -> BargainedTariffs:
    """Divide the payoffs that tariffs reach; `TradeModel.bargained_tariffs` and `rates_of` describe the arguments."""
    if model.economy.revenue_weights is not None:
        raise NotApplicable(
            "Tariffs are bargained over in real income: take the model without `with_objectives`."
        )
    if transfers is not None:
        choice(transfers, "transfers", ("inside", "money"))
    if measure is None:
        measure = "income" if transfers == "money" else "percent"
    if transfers == "money" and measure not in ("income", "gdp"):
        raise InvalidInput(
            f"`measure` must be 'income' or 'gdp' where money is paid one for one; got {measure!r}."
        )
    if not callable(method):
        raise InvalidInput(f"`method` must be a concept such as bargaining.nash; got {method!r}.")
    payoffs = TariffPayoffs(
        model, players, lower=lower, inside=transfers == "inside", measure=measure, **layout
    )
    threat = _disagreement(model, payoffs, disagreement)
    feasible: Any = payoffs
    found: Optimum | None = None
    if transfers == "money":  # rates maximise the sum, and money divides it
        total, best = payoffs.support(np.ones(payoffs.players))
        if np.isnan(total):
            raise Unsolved(
                "No rates were found at which the sum of money is at its largest. Take `transfers='inside'`, or fewer "
                "rates."
            )
        feasible, found = TransferableSurplus(float(total)), payoffs.optimum_at(best)
    division, status = _divided(payoffs, feasible, threat, method)
    apart = 0.0
    if found is None and status is Status.OK:
        found = payoffs.optimum_at(division.payoffs)
        apart = float(np.abs(found.payoffs - division.payoffs).max() / payoffs.scale.max())
    if found is not None and status is Status.OK:
        fine = max(found.residual, apart) <= ACCURACY and not payoffs.cut_short(found)
        status = Status.OK if fine else Status.INACCURATE
    payment = None
    if transfers == "money" and found is not None:
        payment = division.payoffs - found.payoffs
    return _packed(payoffs, threat, division, found, status, payment=payment)


def _disagreement(model: TradeModel, payoffs: TariffPayoffs, given: Any) -> Floats:
    """The players' payoffs without an agreement, in the measure of the set."""
    places = payoffs.rates.places
    if isinstance(given, str):
        choice(given, "disagreement", ("war",))
        war = nash_tariffs(model, payoffs.rates)
        if war.status is not Status.OK:
            raise InvalidInput(
                f"`disagreement` cannot be 'war': no Nash tariffs were certified (status {war.status.name}). Give the "
                f"payoffs of what happens without an agreement."
            )
        return payoffs.in_measure(war.percent[places])
    if isinstance(given, TariffEquilibrium):
        return payoffs.in_measure(given.percent[places])
    if isinstance(given, TradeEquilibrium):
        if given.welfare.ndim != 1:
            raise InvalidInput(
                f"`disagreement` must be one equilibrium; got a batch of shape {given.welfare.shape[:-1]}."
            )
        return payoffs.in_measure(given.raise_if_failed().welfare[places])
    if isinstance(given, Mapping):
        for name in payoffs.rates.players:
            if name not in given:
                raise InvalidInput(f"`disagreement` must name every player; {name} is missing.")
        given = [given[name] for name in payoffs.rates.players]
    array = real(given, "disagreement")
    if array.shape != (payoffs.players,):
        raise InvalidInput(
            f"`disagreement` must be 'war', an equilibrium, or one payoff a player ({payoffs.players}); got shape "
            f"{array.shape}."
        )
    return array


def _divided(
    payoffs: TariffPayoffs, feasible: Any, threat: Floats, method: Method
) -> tuple[Division, Status]:
    """Return the division of a set by the user's concept; a residual within this model's accuracy is fine."""
    concept, options = (method.func, method.keywords) if isinstance(method, partial) else (method, {})
    if feasible is payoffs and (
        concept is continuous_raiffa or (concept is yu and options.get("p") != np.inf)
    ):
        raise NotApplicable(FOLLOWED)  # it would ask for a thousand points
    division = method(Problem(feasible, threat, players=payoffs.rates.players))
    if not isinstance(division, Division):
        raise InvalidInput(f"`method` must return a division, as `nash` does; got {division!r}.")
    status = Status(int(np.asarray(division.status)))
    fine = status is Status.INACCURATE and float(np.asarray(division.residual)) <= ACCURACY
    return division, Status.OK if fine else status


def _packed(
    payoffs: TariffPayoffs,
    threat: Floats,
    division: Division,
    found: Optimum | None,
    status: Status,
    *,
    payment: Floats | None = None,
) -> BargainedTariffs:
    """Return the agreement at an optimum; NaN where there is none. Money paid one for one is outside of the model."""
    rates, model = payoffs.rates, payoffs.model
    nothing, received = np.full(payoffs.players, np.nan), np.zeros(len(model.regions))
    values, answer = np.full(rates.size, np.nan), None
    if found is not None:
        values = found.variables[: rates.size]
        inside = payoffs.paid(found.variables)
        received[rates.places] = 0.0 if inside is None else inside
        answer = model.solve(
            tariffs=rates.tariffs(values), costs=rates.costs, transfers=received, highest=np.inf
        )
        status = status if answer.status == Status.OK else Status.INACCURATE
        payment = received[rates.places] if payment is None else payment
    return BargainedTariffs(
        players=rates.players,
        labels=rates.labels,
        disagreement=threat,
        measure=payoffs.measure,
        division=division,
        rates=values,
        tariffs=np.full(rates.given.shape, np.nan) if answer is None else answer.tariffs,
        percent=np.full(len(received), np.nan) if answer is None else answer.welfare,
        payoffs=np.asarray(division.payoffs),
        payment=nothing if payment is None else payment,
        multipliers=nothing if found is None else found.multipliers,
        concave=found is not None and found.concave,
        residual=float("nan") if found is None else max(found.residual, float(np.asarray(division.residual))),
        status=status,
        equilibrium=answer,
        limits=() if found is None else payoffs.cut_short(found),
    )
