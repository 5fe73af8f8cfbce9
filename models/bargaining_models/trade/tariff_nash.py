r"""Optimal tariffs and Nash tariffs: every rate is best for its owner, given the others.

The first-order conditions are `G_k = d ln W_owner(k) / d s_k = 0`, each derivative by the implicit function theorem.
They are solved together: Newton steps in the block of each player's own rates, differenced, and made uphill where the
payoff is not concave; then Broyden's method. What is found is checked for second order, and against deviations over a
grid.

Payoffs need not be concave, and with all rates infinite (autarky) there always is another equilibrium of the unbounded
game: no search proves that a finite one is the only one. The spread over several starts is the evidence.

*Strategies* are vectors of rates. A rate is one number that a region sets on a set of links: on all goods of all
partners ("uniform"), of one partner ("partner"), on one sector of all partners ("sector", most-favoured nation), or on
one sector of one partner ("partner and sector"). It is the rate itself ("replace"), or is added to what is in force
("add").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining.authoring import Floats, Result, Shown, choice, listed, real, record, whole, within
from bargaining.errors import InvalidInput, Status
from bargaining_models.trade.conditions import Point, broyden_step, chunks, slopes, tariff_slopes, worth
from bargaining_models.trade.data import check_rates
from bargaining_models.trade.equilibrium import ACCURACY, TradeEquilibrium, by_name
from bargaining_models.trade.links import distinct, in_pairs, rate_on, sectors_of

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel


BY = ("uniform", "partner", "sector", "partner and sector")
BASE = ("replace", "add")


@record
class Rates(Shown):
    """K rates of n players."""

    players: tuple[str, ...]
    places: NDArray[np.intp]  # (n,) where each player stands among the regions
    owners: NDArray[np.intp]  # (K,) the player who sets each rate
    # (player,), (player, partner), (player, sector) or (player, partner, sector) that each rate is on
    labels: tuple[tuple[str, ...], ...]
    links: NDArray[np.intp]  # (N, N, J) which rate falls on each link; -1: none
    given: Floats  # (N, N, J), or (B, N, N, J) of B scenarios: the tariffs where no rate falls, and below added rates
    added: bool  # whether rates are added to `given`
    costs: Floats | None = None  # (N, N, J), or (B, N, N, J): hats of trade cost in force

    @property
    def size(self) -> int:
        """Number of rates K."""
        return len(self.owners)

    @property
    def varied(self) -> bool:
        """Whether there are several scenarios."""
        return self.given.ndim == 4 or (self.costs is not None and self.costs.ndim == 4)

    def take(self, scenarios: NDArray[np.intp]) -> Rates:
        """Return the same rates in some of the scenarios, (B,); where there is one scenario, in that."""
        if not self.varied:
            return self
        given = self.given[scenarios] if self.given.ndim == 4 else self.given
        costs = self.costs[scenarios] if self.costs is not None and self.costs.ndim == 4 else self.costs
        return replace(self, given=given, costs=costs)

    def tariffs(self, rates: Floats) -> Floats:
        """Tariffs (*batch, N, N, J) under rates (*batch, K)."""
        set_here = self.links >= 0
        on_links = rates[..., np.maximum(self.links, 0)]
        if self.added:
            return np.asarray(self.given + np.where(set_here, on_links, 0.0))
        return np.where(set_here, on_links, self.given)

    def gather(self, slopes: Floats) -> Floats:
        """From derivatives in the tariffs of links (..., J, N, N) to derivatives in rates (..., K)."""
        where = np.moveaxis(self.links, -1, 0).ravel()
        inside = np.flatnonzero(where >= 0)
        order = inside[np.argsort(where[inside], kind="stable")]
        starts = np.searchsorted(where[order], np.arange(self.size))
        flat = slopes.reshape(*slopes.shape[:-3], -1)[..., order]
        return np.asarray(np.add.reduceat(flat, starts, axis=-1))

    def lowest(self) -> Floats:
        """The rate at which each link would be subsidised whole, (K,): rates stay above."""
        if not self.added:
            return np.full(self.size, -1.0)
        return np.array([-1.0 - self.given[..., self.links == k].min() for k in range(self.size)])

    def in_force(self) -> Floats:
        """The rates now in force, weighted equally over links, (K,); 0 where they are added."""
        if self.added:
            return np.zeros(self.size)
        return np.array([self.given[self.links == k].mean() for k in range(self.size)])


def rates_of(
    model: TradeModel,
    players: Sequence[str] | None,
    by: str = "uniform",
    base: str = "replace",
    against: str | Sequence[str] = "all",
    sectors: str | Sequence[str] = "goods",
    agreements: Iterable[tuple[str, str]] = (),
    given: Any = None,
    costs: ArrayLike | None = None,
) -> Rates:
    """Lay out the rates that `players` set; `TradeModel.nash_tariffs` describes the arguments."""
    regions = model.regions
    choice(by, "by", BY)
    choice(base, "base", BASE)
    found = distinct(regions if players is None else players, "players", "player", regions)
    if not found:
        raise InvalidInput("`players` must name at least one region; got none.")
    places = np.array(found, dtype=np.intp)
    names = tuple(regions[k] for k in places)
    some = _sectors(model, sectors)
    partners = _partners(names, regions, against)
    free = set()
    for pair in in_pairs(agreements, "agreements", regions):
        a, b = (regions.index(name) for name in pair)
        free |= {(a, b), (b, a)}
    flows = model.economy.flows
    links = np.full(flows.shape, -1, dtype=np.intp)
    owners: list[int] = []
    labels: list[tuple[str, ...]] = []

    for player, name in enumerate(names):
        home = places[player]
        others = [i for i in partners if i != home and (home, i) not in free]
        if not others:
            raise InvalidInput(
                f"`players` must each have somebody to tax; {name} has nobody. Check `against` and `agreements`."
            )
        every = [(i, j) for i in others for j in some]
        falls_on: dict[str, list[tuple[tuple[str, ...], list[tuple[int, int]]]]] = {
            "uniform": [((name,), every)],
            "partner": [((name, regions[i]), [(i, j) for j in some]) for i in others],
            "sector": [((name, model.sectors[j]), [(i, j) for i in others]) for j in some],
            "partner and sector": [((name, regions[i], model.sectors[j]), [(i, j)]) for i, j in every],
        }
        for label, where in falls_on[by]:  # of exporters and sectors
            if any(flows[home, i, j] > 0.0 for i, j in where):
                for i, j in where:
                    links[home, i, j] = len(owners)
                owners.append(player)
                labels.append(label)
            elif by in ("uniform", "partner"):
                raise InvalidInput(
                    f"`players` cannot set a tariff where nothing is traded; {' on '.join(label)} has no imports of "
                    f"the sectors asked for. Leave it out, or merge regions with `aggregate`."
                )
    idle = sorted(set(range(len(names))) - set(owners))
    if idle:
        raise InvalidInput(
            f"`players` must each import something that they may tax; {names[idle[0]]} imports nothing in the "
            f"sectors asked for. Leave it out."
        )
    now, hats = tariffs_given(model, given), None
    if costs is not None:
        hats = real(costs, "costs", finite=False)
        if hats.shape != now.shape:
            raise InvalidInput(f"`costs` must be one array of shape {now.shape}; got {hats.shape}.")
    return Rates(
        players=names,
        places=places,
        owners=np.array(owners, dtype=np.intp),
        labels=tuple(labels),
        links=links,
        given=now,
        added=base == "add",
        costs=hats,
    )


def tariffs_given(model: TradeModel, given: Any) -> Floats:
    """Tariffs that somebody gave as an array or an environment; None: those of the base."""
    if given is None:
        return model.economy.tariffs
    if hasattr(given, "tariffs") and hasattr(given, "at"):
        given = given.tariffs(model)
    array = real(given, "given")
    if array.shape != model.economy.shares.shape:
        raise InvalidInput(
            f"`given` must be one array of tariffs, shape {model.economy.shares.shape}; got shape {array.shape}."
        )
    check_rates(array, model.regions, model.sectors)
    return array


def _sectors(model: TradeModel, sectors: str | Sequence[str]) -> list[int]:
    found = sectors_of(model.sectors, model.goods, sectors)
    if not found and not isinstance(sectors, str):
        raise InvalidInput("`sectors` must name at least one sector; got none.")
    return found


def _partners(names: tuple[str, ...], regions: tuple[str, ...], against: str | Sequence[str]) -> list[int]:
    if isinstance(against, str):
        choice(against, "against", ("all", "players"))
        against = regions if against == "all" else names
    return distinct(against, "against", "region", regions)


class Payoffs:
    """What n players maximise as a function of their K rates: real income, counted with the weights of the model."""

    def __init__(self, model: TradeModel, rates: Rates) -> None:
        self.model, self.rates, self.solver = model, rates, model.solver

    def take(self, scenarios: NDArray[np.intp]) -> Payoffs:
        """Return the payoffs in some of the scenarios, (B,), one for each row of rates."""
        return Payoffs(self.model, self.rates.take(scenarios))

    def points(self, values: Floats, paid: Floats | None = None) -> Point:
        """The equilibria at rates (B, K), and at what the players receive, (B, n)."""
        tariffs = self.rates.tariffs(values)
        costs = None if self.rates.costs is None else np.broadcast_to(self.rates.costs, tariffs.shape)
        received = None
        if paid is not None:
            received = np.zeros((len(values), len(self.model.regions)))
            received[:, self.rates.places] = paid
        return self.solver.solve(self.solver.system.cells(tariffs, costs, received))

    def log_objective(self, values: Floats) -> Floats:
        """Log objectives of the players, (B, n); NaN where there is no equilibrium."""
        return self._objective(self.points(values))

    def _objective(self, at: Point) -> Floats:
        with np.errstate(all="ignore"):
            good = (at.violations() <= ACCURACY) & at.makes_sense
            return np.where(good[:, None], at.log_objective()[:, self.rates.places], np.nan)

    def all_slopes(self, values: Floats, paid: Floats | None = None) -> tuple[Floats, Floats, Floats]:
        """Log objectives of the players (B, n), and their derivatives.

        Those in all rates, (B, n, K), and in what each player receives, (B, n, n), in units of world value added.
        """
        at, places = self.points(values, paid), self.rates.places
        slopes, money = [], []
        with np.errstate(all="ignore"):
            for part in chunks(at, len(places) * self.solver.system.shares.size):
                units = worth(part, places, weighted=True)
                slopes.append(self.rates.gather(tariff_slopes(part, units)))
                money.append(units.money[:, places].swapaxes(1, 2))
        return self._objective(at), np.concatenate(slopes), np.concatenate(money)

    def own_slopes(self, values: Floats) -> tuple[Floats, Floats]:
        """Log objectives of the players (B, n), and the derivative in each rate of its owner's, (B, K)."""
        at, places = self.points(values), self.rates.places
        slopes = []
        with np.errstate(all="ignore"):
            for part in chunks(at):
                of_links = np.zeros_like(part.cells.gross)
                of_links[:, :, places] = tariff_slopes(
                    part, worth(part, places, weighted=True), places
                ).swapaxes(1, 2)
                slopes.append(self.rates.gather(of_links))
        return self._objective(at), np.concatenate(slopes)


MARGINAL, REGRET = 1e-9, 1e-8  # values that count as zero: percent per unit of a rate, and percent
# of deviations, even in log(1 + rate): from a subsidy of a fifth to the end of nearly all trade
GRID = -0.2, 5.0
MOST_POINTS = 10_000  # of a grid: each is a solution of the model
HIGHEST = 1e3  # of a rate to start from: at higher ones there is no trade to tax
LONGEST = 0.15  # of a step in any rate: beyond, curvature is that of another region
ANSWER, ANSWER_ERROR = 1e-3, 1e-9  # of a rate, and what its fourth power and rounding leave of a difference
DIFFERENCE = 1e-4  # of a rate: slopes are exact, so that their differences are good to about 1e-9
NEAR = 0.1  # where curvature hardly changes any more and Broyden's method takes over
NEWTON_STEPS, BROYDEN_STEPS, FORMULA_STEPS = 40, 60, 30  # limits: each method ends when its steps are small
ROUGH = 1e-6  # of a rate by the formula, which is approximate
NOTHING = 1e-8  # of log welfare per unit of a rate: the largest residual of a first-order condition
CLIMBS = 3  # of one player whose deviation on the grid is better than the local maximum
FEW = 8  # rates that one line shows
SAME = 1e-8  # rates from all starts of a batch
DONE = 1e-13  # of log welfare per unit of a rate: rounding


@record
class TariffEquilibrium(Result):
    """Rates of which each is best for its owner.

    Attributes
    ----------
    rates : (K,) array
    labels : tuple of tuple of str
        What each rate is on: (player,), (player, partner), (player, sector) or (player, partner, sector).
    players : tuple of str
    tariffs : (N, N, J) array
        All tariffs in force.
    percent : (N,) array
        Change of real income of all regions against the base of the model.
    gains : (n,) array
        Of what the players maximise, percent, against the tariffs given, before any of these rates is set.
    marginal : float
        Largest absolute derivative of what a player maximises in a rate of its own, percent per unit.
    curvature : (n,) array
        Largest eigenvalue of the second derivatives of what each player maximises in its own rates, percent per unit
        squared: negative at a strict local maximum.
    regret : float
        Largest gain of a player, in percent, from another rate on a grid of log(1 + rate) from -0.2 to 5: each of its
        rates alone, and all of them at once; at least 0.
    formula : (K,) array
        The approximate rates `sum E_ij / sum theta_j (1 - pi_ij) E_ij` (Lashkaripour 2021), sums over the partners
        i that a rate falls on and all sectors j, E the owner's exports there and pi its shares of spending there,
        at the flows that these rates lead to. Exact for one of two countries with one sector and no inputs, if the
        other taxes nothing.
    spread : float
        The distance between the solutions from different starts; 0 if there is one start, NaN if none was found.
    status : Status
        OK if `marginal` is at most 1e-9, `curvature` negative and `regret` at most 1e-8; INACCURATE if not; FAILED (and
        NaN) if no start led to rates that meet the first-order conditions.
    equilibrium : TradeEquilibrium
        Everything at these rates.

    Notes
    -----
    Players choose at once, once, knowing the figures. `spread` says how far apart the answers from different starts
    are. One answer from all is evidence of one equilibrium with finite rates, not a proof of it.
    """

    rates: Floats
    labels: tuple[tuple[str, ...], ...]
    players: tuple[str, ...]
    tariffs: Floats
    percent: Floats
    gains: Floats
    marginal: float
    curvature: Floats
    regret: float
    formula: Floats
    spread: float
    status: Status
    equilibrium: TradeEquilibrium
    _slopes_of: partial[Any] | None = field(default=None, repr=False)

    def _slopes(self, wrt: str) -> tuple[Floats, Floats, dict[str, list[str] | None]]:
        """Return derivatives of the rates, their error by rounding, and their axes: what `sensitivity` asks."""
        choice(wrt, "wrt", ("tariffs", "costs", "elasticities"))
        if self._slopes_of is None or self.status == Status.FAILED:
            raise InvalidInput("`result` must be rates that were found; its status is FAILED.")
        values, doubt = self._slopes_of(wrt)
        axes: dict[str, list[str] | None] = {"rate_on": [" on ".join(label) for label in self.labels]}
        if wrt != "elasticities":
            values = np.moveaxis(values, 1, -1)
            axes |= {"importer": list(self.equilibrium.regions), "exporter": list(self.equilibrium.regions)}
        axes["sector"] = list(self.equilibrium.sectors)
        error = doubt * np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True)
        return values, np.broadcast_to(error, values.shape), axes

    def __repr__(self) -> str:
        income, rates = by_name(self.percent, self.equilibrium.regions), rates_in_words(self)
        return f"TariffEquilibrium(rates: {rates}; real income, %: {income}; {self.status})"

    def of(self, *label: str) -> float:
        """Return the rate on one flow: `of("USA")`, `of("USA", "CAN")`."""
        return rate_on(label, self.labels, self.rates)


def rates_in_words(result: Any) -> str:
    """Write the rates of a result after what they are on; of many only whose they are."""
    names = [" on ".join(label) for label in result.labels]
    return (
        by_name(result.rates, names) if len(names) <= FEW else f"{len(names)} of {', '.join(result.players)}"
    )


def nash_tariffs(
    model: TradeModel, rates: Rates, *, starts: Sequence[Any] = ("formula", 0.0, 0.4), grid: int = 17
) -> TariffEquilibrium:
    """Find rates of which each player's are best given the others'; `TradeModel.nash_tariffs` describes them."""
    points, payoffs = whole(grid, "grid", 3, MOST_POINTS), Payoffs(model, rates)
    formula = formula_rates(payoffs)
    start = _starts(starts, rates, formula)
    marginal = regret = float("nan")
    curvature, values = np.full(len(rates.players), np.nan), np.full(rates.size, np.nan)
    reached: list[Floats] = []
    for _ in range(CLIMBS):
        found, error = _search(payoffs, start)
        reached += list(found[np.isfinite(found).all(axis=1)])
        if not np.isfinite(found).any():
            break
        values = found[error.argmin()]
        marginals, regrets, deviations = _certificate(payoffs, values[None], points)
        marginal, regret, start = float(marginals[0]), float(regrets[0]), deviations[0]
        curvature = 100.0 * np.exp(payoffs.log_objective(values[None])[0]) * _curvature(payoffs, values)
        if len(rates.players) > 1 or regret <= REGRET:
            break  # one player alone goes on from rates that are better
    solved = bool(np.isfinite(values).all())
    spread = float(np.ptp(reached, axis=0).max()) if reached else float("nan")
    good = marginal <= MARGINAL and regret <= REGRET and bool((curvature < 0.0).all())
    status = Status.OK if good else Status.INACCURATE
    tariffs = rates.tariffs(np.nan_to_num(values))
    before, answer = (
        model.solve(tariffs=t, costs=rates.costs, highest=np.inf) for t in (rates.given, tariffs)
    )
    if not solved:
        status = Status.FAILED
    elif answer.status != Status.OK:
        status = Status.INACCURATE
    lost = 1.0 if solved else np.nan
    own = 1.0 + model.solver.system.premium
    level, base = ((own + result.objective / 100.0)[rates.places] for result in (answer, before))
    return TariffEquilibrium(
        rates=values,
        labels=rates.labels,
        players=rates.players,
        tariffs=tariffs * lost,
        percent=answer.welfare * lost,
        gains=100.0 * lost * (level / base - 1.0),
        marginal=marginal,
        curvature=curvature,
        regret=regret,
        formula=formula,
        spread=spread,
        status=status,
        equilibrium=answer,
        _slopes_of=partial(_answers, payoffs, values),
    )


def _answers(payoffs: Payoffs, values: Floats, wrt: str) -> tuple[Floats, float]:
    r"""Return how rates (K,) answer the "tariffs" that are given, "costs" or "elasticities"; and the relative error.

    By the implicit function theorem on the first-order conditions G(s, t) = 0: :math:`s_t = -G_s^{-1} G_t`. All of G's
    derivatives are second ones of welfare, one of them in a rate, so that K changes of rates give both: G_s from how
    the slopes in rates answer them, G_t from how those in t do. They are differences of fourth order.
    """
    rates, places = payoffs.rates, payoffs.rates.places.tolist()
    owner, k = rates.owners, np.arange(rates.size)
    moves = ANSWER * np.array([1.0, -1.0, 2.0, -2.0])[:, None, None] * np.eye(rates.size)
    at = payoffs.points((values + moves).reshape(-1, rates.size))
    own, other = [], []
    with np.errstate(all="ignore"):
        for some in chunks(at, 2 * len(places) * payoffs.solver.system.shares.size):
            units = worth(some, places, weighted=True)
            of_links = tariff_slopes(some, units)
            own.append(rates.gather(of_links))
            other.append(of_links if wrt == "tariffs" else slopes(some, units, wrt))

    def difference(parts: list[Floats]) -> Floats:
        """The change of owner k's slopes as rate k moves, (K, players, ...)."""
        near, back, far, far_back = np.split(np.concatenate(parts), 4)
        return np.asarray((8.0 * (near - back) - (far - far_back)) / (12.0 * ANSWER))

    matrix = difference(own)[:, owner, k].T  # of the condition of one rate in another
    right = difference(other)[k, owner]
    if wrt == "tariffs" and not rates.added:
        right[:, np.moveaxis(rates.links, -1, 0) >= 0] = 0.0
    answer = -np.linalg.solve(matrix, right.reshape(rates.size, -1))
    return np.asarray(answer.reshape(right.shape)), ANSWER_ERROR * float(np.linalg.cond(matrix))


def formula_rates(payoffs: Payoffs) -> Floats:
    """The approximation of Lashkaripour (2021), (K,), at the flows that it leads to itself."""
    rates, theta = payoffs.rates, payoffs.solver.system.theta[..., None]
    on = np.array([(rates.links == k).any(axis=(0, 2)) for k in range(rates.size)]).T  # which exporters
    below = np.array([rates.given[rates.links == k].mean() for k in range(rates.size)])
    home, values = rates.places[rates.owners], rates.in_force()
    with np.errstate(all="ignore"):
        for _ in range(FORMULA_STEPS):
            at = payoffs.points(values[None])
            exports = at.flows[0][:, :, home] * on  # (J, importers, K)
            new = exports.sum(axis=(0, 1)) / (theta * (1.0 - at.shares[0][:, :, home]) * exports).sum(
                axis=(0, 1)
            )
            new = new - below if rates.added else new
            new, before = np.where(np.isfinite(new), np.minimum(new, GRID[1]), 0.0), values
            values = new
            if np.abs(new - before).max() <= ROUGH:
                break
    return values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffWars(Result):
    """Best rates, given the others', in each of B scenarios.

    Attributes
    ----------
    rates : (B, K) array
        NaN where no start leads to rates that meet the first-order conditions.
    marginal, regret : (B,) array
        As for `TariffEquilibrium`, the regret over `points` of the grid.
    unique : (B,) array of bool
        Whether all starts lead to the same rates.
    status : (B,) int8 array
        OK, INACCURATE (marginal or regret above 1e-8) or FAILED.
    """

    rates: Floats
    marginal: Floats
    regret: Floats
    unique: NDArray[np.bool_]
    status: NDArray[np.int8]


def tariff_wars(
    model: TradeModel, rates: Rates, starts: Sequence[Any] = (0.0, 0.2, 0.4), *, points: int = 33
) -> TariffWars:
    """Find best rates in each scenario of `rates`, by the search of `nash_tariffs` from each start."""
    varied = rates.costs if rates.costs is not None and rates.costs.ndim == 4 else rates.given
    count, size, payoffs = len(varied), rates.size, Payoffs(model, rates)
    begin = np.tile(_starts(starts, rates, np.zeros(size)), (count, 1))
    solutions, _ = _search(payoffs.take(np.repeat(np.arange(count), len(starts))), begin)
    solutions = solutions.reshape(count, -1, size)
    met = np.asarray(np.isfinite(solutions).all(axis=2))
    values = solutions[np.arange(count), met.argmax(axis=1)]
    solved = np.flatnonzero(met.any(axis=1))
    marginal, regret = np.full((2, count), np.nan)
    if len(solved):
        marginal[solved], regret[solved], _ = _certificate(payoffs.take(solved), values[solved], points)
    status = np.where(np.maximum(marginal, regret) <= REGRET, Status.OK, Status.INACCURATE)
    status[np.isnan(marginal)] = Status.FAILED
    return TariffWars(
        rates=values,
        marginal=marginal,
        regret=regret,
        unique=np.asarray(np.all(met, axis=1) & (np.ptp(solutions, axis=1).max(axis=1) < SAME)),
        status=status.astype(np.int8),
    )


def _starts(starts: Sequence[Any], rates: Rates, formula: Floats) -> Floats:
    """Rates (S, K) to start from: "formula", one number for all, or one a rate."""
    given = [] if isinstance(starts, str) else listed(starts, "starts", "a list of starts")
    if not given:
        raise InvalidInput(f"`starts` must be a list of starts, such as ['formula', 0, 0.4]; got {starts!r}.")
    rows = []
    for entry in given:
        if isinstance(entry, str):
            if entry != "formula":
                raise InvalidInput(f"`starts` must hold 'formula' or rates; got {entry!r}.")
            rows.append(formula)
            continue
        row = within(real(entry, "starts"), "starts", -HIGHEST, HIGHEST)
        if row.shape not in ((), (rates.size,)):
            raise InvalidInput(
                f"`starts` must hold 'formula', one rate for all, or {rates.size} rates; got shape {row.shape}."
            )
        rows.append(np.broadcast_to(row, (rates.size,)))
    return np.maximum(np.stack(rows), rates.lowest() + 0.05)


def _search(payoffs: Payoffs, begin: Floats) -> tuple[Floats, Floats]:
    """Solve the first-order conditions from each start, (S, K), NaN where that leads nowhere; return residuals too.

    Steps of Newton's method in the block of each player's own rates come first, uphill where a payoff is not concave;
    near a solution, where curvature hardly changes any more, Broyden's method takes over.
    """
    values, low = begin.copy(), payoffs.rates.lowest()
    inverse = np.full((*values.shape, values.shape[1]), np.nan)
    far = np.arange(len(values))
    with np.errstate(all="ignore"):
        for _ in range(NEWTON_STEPS):
            blocks, slopes = _own_blocks(payoffs.take(far), values[far])
            good = np.isfinite(blocks).all(axis=(1, 2))
            far, blocks, slopes = far[good], blocks[good], slopes[good]
            if not len(far):
                break
            curvature, vectors = np.linalg.eigh((blocks + blocks.swapaxes(1, 2)) / 2.0)
            least = 1e-3 * np.abs(curvature).max(axis=1, keepdims=True)
            uphill = -(vectors * np.maximum(np.abs(curvature), least)[:, None]) @ vectors.swapaxes(1, 2)
            convex = curvature[:, -1] >= 0.0
            inverse[far] = np.linalg.inv(np.where(convex[:, None, None], uphill, blocks))
            steps = -np.matmul(inverse[far], slopes[..., None])[..., 0]
            longest = np.abs(steps).max(axis=1, keepdims=True)
            steps *= LONGEST / np.maximum(longest, LONGEST)
            values[far] = np.maximum(values[far] + steps, (values[far] + low) / 2.0)
            far = far[(longest[:, 0] > NEAR) | convex]
            if not len(far):
                break
        active, x, past = np.arange(len(values)), values.copy(), list[Floats]()
        off = np.full(len(values), np.inf)
        for _ in range(BROYDEN_STEPS):
            _, slopes = payoffs.take(active).own_slopes(x)
            worst = np.abs(slopes).max(axis=1)
            better = worst < off[active]
            values[active[better]], off[active[better]] = x[better], worst[better]
            # Near rounding the first step without progress is the last.
            rest = (worst > DONE) & (better | (worst > 1e-11))
            active, x, slopes, past = active[rest], x[rest], slopes[rest], [step[rest] for step in past]
            if not len(active):
                break
            x = x + broyden_step(-np.matmul(inverse[active], slopes[..., None])[..., 0], past)
    values[~(off < NOTHING)] = np.nan
    return values, off


def _own_blocks(payoffs: Payoffs, values: Floats) -> tuple[Floats, Floats]:
    """Differences of each player's own slopes in its own rates, (B, K, K) with blocks on the diagonal; the slopes.

    All players move at once, each one of its rates: what others' rates do to a slope is small beside one's own, and
    only steers the search.
    """
    owners = payoffs.rates.owners
    order = np.array([np.count_nonzero(owners[:k] == owners[k]) for k in range(len(owners))])
    moves = np.vstack([0.0 * order, order == np.arange(order.max() + 1)[:, None]])
    cells = np.repeat(np.arange(len(values)), len(moves))
    _, slopes = payoffs.take(cells).own_slopes((values[:, None] + DIFFERENCE * moves).reshape(len(cells), -1))
    slopes = slopes.reshape(len(values), len(moves), -1)
    change = (slopes[:, 1:] - slopes[:, :1]) / DIFFERENCE
    return np.where(owners[:, None] == owners, change[:, order].swapaxes(1, 2), 0.0), slopes[:, 0]


def _curvature(payoffs: Payoffs, values: Floats) -> Floats:
    """Largest eigenvalue of each player's second derivatives of log welfare in its own rates, (n,)."""
    rates, steps = payoffs.rates, DIFFERENCE * np.eye(payoffs.rates.size)
    up, down = np.split(payoffs.own_slopes(values + np.vstack([steps, -steps]))[1], 2)
    matrix, players = (up - down) / (2.0 * DIFFERENCE), range(len(rates.players))
    blocks = [matrix[np.ix_(own, own)] for own in (rates.owners == k for k in players)]
    return np.array([np.linalg.eigvalsh((block + block.T) / 2.0)[-1] for block in blocks])


def _certificate(payoffs: Payoffs, values: Floats, points: int) -> tuple[Floats, Floats, Floats]:
    """The largest own slope and the largest gain of a player on the grid, (B,), in percent; the rates of gains.

    Each moves each of its rates (B, K) alone, and all of them at once; the best of these, or none, is (B, n, K).
    """
    rates, count = payoffs.rates, len(values)
    welfare, slopes = payoffs.own_slopes(values)
    level, here = 100.0 * np.exp(welfare), payoffs.log_objective(values)
    grid = np.tile(np.expm1(np.linspace(np.log1p(GRID[0]), np.log1p(GRID[1]), points)), count)
    cells = np.repeat(np.arange(count), points)
    varied, stay = payoffs.take(cells), values[cells]
    gains, best = np.zeros(here.shape), np.repeat(values[:, None], here.shape[1], axis=1)
    for player in range(here.shape[1]):
        mine = rates.owners == player
        alone = [np.arange(rates.size) == k for k in np.flatnonzero(mine)]
        for move in alone if len(alone) == 1 else [*alone, mine]:
            tried = np.maximum(np.where(move, grid[:, None], stay), (rates.lowest() + stay) / 2.0)
            gain = varied.log_objective(tried)[:, player] - here[cells, player]
            gain = np.nan_to_num(gain, nan=-np.inf).reshape(count, points)
            better = gain.max(axis=1) > gains[:, player]
            gains[better, player] = gain.max(axis=1)[better]
            best[better, player] = tried.reshape(count, points, -1)[better, gain.argmax(axis=1)[better]]
    marginal = np.abs(level[:, rates.owners] * slopes).max(axis=1)
    return marginal, (level * np.expm1(gains)).max(axis=1), best
