r"""Optimal tariffs and Nash tariffs: every rate is best for its owner, given the others.

The first-order conditions are `G_k = d ln W_owner(k) / d s_k = 0`, each derivative by the implicit function
theorem. They are solved together: Newton steps in the block of each player's own rates, differenced, and made
uphill where the payoff is not concave; then Broyden's method. What is found is checked for second order, and
against deviations over a grid.

Payoffs need not be concave, and with all rates infinite (autarky) there always is another equilibrium of the
unbounded game: no search proves that a finite one is the only one. The spread over several starts is the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bargaining.authoring import Floats, Result, choice, listed, owning, real, whole, within
from bargaining.errors import InvalidInput, Status
from bargaining_models.trade.equilibrium import TradeEquilibrium, by_name
from bargaining_models.trade.instruments import Rates
from bargaining_models.trade.links import rate_on
from bargaining_models.trade.payoffs import Payoffs
from bargaining_models.trade.solve import chunks, slopes, tariff_slopes, worth

if TYPE_CHECKING:
    import xarray as xr

    from bargaining_models.trade.model import TradeModel

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
ROUGH = 1e-6  # a deviation that loses a hundred times as much need not be known any better
NOTHING = 1e-8  # of log welfare per unit of a rate: the largest residual of a first-order condition
CLIMBS = 3  # of one player whose deviation on the grid is better than the local maximum
FEW = 8  # rates that one line shows
SAME = 1e-8  # rates from all starts of a batch
DONE = 1e-13  # of log welfare per unit of a rate: rounding


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TariffEquilibrium(Result):
    """Rates of which each is best for its owner.

    Attributes
    ----------
    rates : (K,) array
    labels : tuple of tuple of str
        What each rate is on: (player,), (player, partner), (player, sector) or (player, partner, sector).
    players : tuple of str
    by, base : str
        The strategies, as asked for.
    tariffs : (N, N, J) array
        All tariffs in force.
    percent : (N,) array
        Change of real income of all regions against the base of the model.
    gains : (n,) array
        The same of the players against the tariffs given, before any of these rates is set.
    marginal : float
        Largest absolute derivative of a player's real income in a rate of its own, percent per unit.
    curvature : (n,) array
        Largest eigenvalue of the second derivatives of each player's real income in its own rates, percent per unit
        squared: negative at a strict local maximum.
    regret : float
        Largest gain of a player, in percent, from another rate on a grid of log(1 + rate) from -0.2 to 5: each of its
        rates alone, and all of them at once; at least 0.
    formula : (K,) array
        The approximate rates `sum E_ij / sum theta_j (1 - pi_ij) E_ij` (Lashkaripour 2021), sums over the partners
        i that a rate falls on and all sectors j, E the owner's exports there and pi its shares of spending there,
        at the flows that these rates lead to. Exact for one of two countries with one sector and no inputs, if the
        other taxes nothing.
    starts : (S, K) array
        Where the search started from.
    found : (S, K) array
        Where it came to from each start; NaN where nowhere.
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
    by: str
    base: str
    tariffs: Floats
    percent: Floats
    gains: Floats
    marginal: float
    curvature: Floats
    regret: float
    formula: Floats
    starts: Floats
    found: Floats
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
        names = [" on ".join(label) for label in self.labels]
        rates = (
            by_name(self.rates, names) if len(names) <= FEW else f"{len(names)} of {', '.join(self.players)}"
        )
        income = by_name(self.percent, self.equilibrium.regions)
        return f"TariffEquilibrium(rates: {rates}; real income, %: {income}; {self.status})"

    @property
    def spread(self) -> float:
        """The distance between the solutions from different starts; 0 if there is one start, NaN if none was found."""
        good = self.found[np.isfinite(self.found).all(axis=1)]
        return float(np.ptp(good, axis=0).max()) if len(good) else float("nan")

    def of(self, *label: str) -> float:
        """Return the rate on one flow: `of("USA")`, `of("USA", "CAN")`."""
        return rate_on(label, self.labels, self.rates)

    def to_xarray(self) -> xr.Dataset:
        """Return the rates by flow, and real income by region."""
        import xarray as xr

        names = [" on ".join(label) for label in self.labels]
        return xr.Dataset(
            {
                "rate": (("rate_on",), self.rates, {"unit": "fraction"}),
                "formula": (("rate_on",), self.formula, {"unit": "fraction"}),
                "real_income": (("region",), self.percent, {"unit": "percent"}),
                "curvature": (("player",), self.curvature, {"unit": "percent"}),
            },
            coords={
                "rate_on": names,
                "region": list(self.equilibrium.regions),
                "player": list(self.players),
            },
            attrs={"by": self.by, "base": self.base, "status": self.status.name, "regret": self.regret},
        )


def nash_tariffs(
    model: TradeModel, rates: Rates, *, starts: Sequence[Any] = ("formula", 0.0, 0.4), grid: int = 17
) -> TariffEquilibrium:
    """Find rates of which each player's are best given the others'; `TradeModel.nash_tariffs` describes them."""
    points, payoffs, hats = whole(grid, "grid", 3, MOST_POINTS), Payoffs(model, rates), rates.costs
    formula = formula_rates(payoffs)
    begin = _starts(starts, rates, formula)
    before = model.solve(tariffs=rates.given, costs=hats)
    found, off = _search(payoffs, begin)
    values = _most_exact(found, off)
    marginal = regret = float("nan")
    curvature = np.full(len(rates.players), np.nan)
    status = Status.FAILED
    solved = values is not None
    for _ in range(CLIMBS):
        if values is None:
            break
        level = np.exp(payoffs.log_welfare(values[None])[0])
        _, own = payoffs.own_slopes(values[None])
        marginal = float(np.abs(100.0 * level[rates.owners] * own[0]).max())
        near = payoffs.based_at(values)
        curvature = 100.0 * level * _curvature(near, values)
        gains, deviations = _deviations(near, values[None], points)
        regret = float((100.0 * level * np.expm1(gains[0])).max())
        good = marginal <= MARGINAL and regret <= REGRET and bool((curvature < 0.0).all())
        status = Status.OK if good else Status.INACCURATE
        if len(rates.players) > 1 or regret <= REGRET:
            break
        # One player alone: go on from the better rates.
        more, off = _search(payoffs, deviations[0])
        higher = _most_exact(more, off)
        found, begin = np.concatenate([found, more]), np.concatenate([begin, deviations[0]])
        if higher is None:
            break
        values = higher
    values = np.zeros(rates.size) if values is None else values
    tariffs = rates.tariffs(values)
    answer = model.solve(tariffs=tariffs, costs=hats, highest=np.inf)
    if answer.status != Status.OK:
        status = Status.FAILED if not solved else Status.INACCURATE
    lost = 1.0 if solved else np.nan
    return TariffEquilibrium(
        rates=values * lost,
        labels=rates.labels,
        players=rates.players,
        by=rates.by,
        base="add" if rates.added else "replace",
        tariffs=tariffs * lost,
        percent=answer.welfare * lost,
        gains=lost
        * 100.0
        * ((1.0 + answer.welfare[rates.places] / 100.0) / (1.0 + before.welfare[rates.places] / 100.0) - 1.0),
        marginal=marginal,
        curvature=curvature,
        regret=regret,
        formula=formula,
        starts=begin,
        found=found,
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
            units = worth(some, places)
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
    rates = payoffs.rates
    theta = payoffs.solver.system.theta
    partners = np.zeros((rates.size, rates.links.shape[1]), dtype=bool)
    for importer, exporter, sector in np.argwhere(rates.links >= 0):
        partners[rates.links[importer, exporter, sector], exporter] = True
    values = rates.in_force()
    with np.errstate(all="ignore"):
        for _ in range(FORMULA_STEPS):
            at = payoffs.points(values[None], tolerance=ROUGH)
            flows, shares = at.flows[0], at.shares[0]  # (J, importers, exporters)
            new = np.empty(rates.size)
            for k in range(rates.size):
                home = rates.places[rates.owners[k]]
                exports = flows[:, partners[k], home]
                foreign = 1.0 - shares[:, partners[k], home]
                new[k] = exports.sum() / (theta * foreign * exports).sum()
            if rates.added:
                new -= [rates.given[rates.links == k].mean() for k in range(rates.size)]
            new = np.where(np.isfinite(new), np.minimum(new, GRID[1]), 0.0)
            if np.abs(new - values).max() <= ROUGH:
                break
            values = new
    return values


def _search(payoffs: Payoffs, begin: Floats) -> tuple[Floats, Floats]:
    """The solution of the first-order conditions from each start (S, K), NaN if none, and how far they are off."""
    with np.errstate(all="ignore"):
        found = _solve(payoffs, begin)
        _, slopes = payoffs.own_slopes(np.nan_to_num(found))
        off = np.where(np.isfinite(found).all(axis=1), np.abs(slopes).max(axis=1), np.inf)
    off[~(off < NOTHING)] = np.inf
    found[np.isinf(off)] = np.nan
    return found, off


def _most_exact(found: Floats, off: Floats) -> Floats | None:
    best = int(np.argmin(off))
    return found[best] if np.isfinite(off[best]) else None


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
    count, size = (
        len(rates.costs if rates.costs is not None and rates.costs.ndim == 4 else rates.given),
        rates.size,
    )
    begin = np.tile([np.broadcast_to(one, (size,)) for one in starts], (count, 1))
    own = Payoffs(model, rates)
    found, off = _search(
        own.take(np.repeat(np.arange(count), len(starts))), np.maximum(begin, rates.lowest() + 0.05)
    )
    found, off = found.reshape(count, -1, size), off.reshape(count, -1)
    values = found[np.arange(count), off.argmin(axis=1)]
    solved = np.flatnonzero(np.isfinite(values).all(axis=1))
    marginal, regret = np.full(count, np.nan), np.full(count, np.nan)
    if len(solved):
        some = own.take(solved)
        here, slopes = some.own_slopes(values[solved])
        level = 100.0 * np.exp(here)
        marginal[solved] = np.abs(level[:, rates.owners] * slopes).max(axis=1)
        regret[solved] = (level * np.expm1(_deviations(some, values[solved], points)[0])).max(axis=1)
    status = np.where(np.maximum(marginal, regret) <= REGRET, Status.OK, Status.INACCURATE)
    status[np.isnan(marginal)] = Status.FAILED
    return TariffWars(
        rates=values,
        marginal=marginal,
        regret=regret,
        unique=np.asarray(np.isfinite(off).all(axis=1) & (np.ptp(found, axis=1).max(axis=1) < SAME)),
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


def _own_blocks(payoffs: Payoffs, values: Floats, slopes: Floats) -> Floats:
    """Differences of each player's own slopes in its own rates, (B, K, K) with blocks on the diagonal.

    All players move at once, each one of its rates: what others' rates do to a slope is small beside one's own, and
    only steers the search.
    """
    rates = payoffs.rates
    order = np.array([np.count_nonzero(rates.owners[:k] == rates.owners[k]) for k in range(rates.size)])
    rounds = int(order.max()) + 1
    moved = values[:, None] + DIFFERENCE * (order == np.arange(rounds)[:, None])
    scenarios = np.repeat(np.arange(len(values)), rounds)
    _, after = payoffs.take(scenarios).own_slopes(moved.reshape(-1, rates.size))
    change = (after.reshape(len(values), rounds, -1) - slopes[:, None]) / DIFFERENCE
    blocks = np.zeros((len(values), rates.size, rates.size))
    for k in range(rates.size):
        mine = rates.owners == rates.owners[k]
        blocks[:, mine, k] = change[:, order[k]][:, mine]
    return blocks


def _uphill(blocks: Floats) -> Floats:
    """The nearest matrices that point uphill: symmetric parts whose eigenvalues are minus their size."""
    values, vectors = np.linalg.eigh((blocks + blocks.swapaxes(1, 2)) / 2.0)
    least = 1e-3 * np.abs(values).max(axis=1, keepdims=True)
    return np.asarray(-(vectors * np.maximum(np.abs(values), least)[:, None]) @ vectors.swapaxes(1, 2))


def _shortened(steps: Any) -> Floats:
    """Return steps no longer than `LONGEST` in any rate."""
    longest = np.abs(steps).max(axis=1, keepdims=True)
    return np.asarray(steps * (LONGEST / np.maximum(longest, LONGEST)))


def _solve(payoffs: Payoffs, begin: Floats) -> Floats:
    """Solve the first-order conditions from each start, (S, K); where it fails, whatever was last."""
    values, low = begin.copy(), payoffs.rates.lowest()
    _, slopes = payoffs.own_slopes(values)
    matrix = np.zeros((len(values), values.shape[1], values.shape[1]))
    far = np.arange(len(values))
    for _ in range(NEWTON_STEPS):
        blocks = _own_blocks(payoffs.take(far), values[far], slopes[far])
        good = np.isfinite(blocks).all(axis=(1, 2))
        far, blocks = far[good], blocks[good]
        if not len(far):
            break
        top = np.linalg.eigvalsh((blocks + blocks.swapaxes(1, 2)) / 2.0)[:, -1]
        matrix[far] = np.where((top < 0.0)[:, None, None], blocks, _uphill(blocks))
        steps = _shortened(-np.linalg.solve(matrix[far], slopes[far][..., None])[..., 0])
        values[far] = np.maximum(values[far] + steps, (values[far] + low) / 2.0)
        _, slopes[far] = payoffs.take(far).own_slopes(values[far])
        far = far[(np.abs(steps).max(axis=1) > NEAR) | (top >= 0.0)]
        if not len(far):
            break
    inverse = np.full_like(matrix, np.nan)
    fine = np.isfinite(matrix).all(axis=(1, 2)) & (np.abs(matrix).max(axis=(1, 2)) > 0.0)
    inverse[fine] = np.linalg.inv(matrix[fine])
    left = np.flatnonzero(fine & np.isfinite(slopes).all(axis=1))
    least = np.abs(slopes).max(axis=1)
    best = values.copy()
    if len(left) and not payoffs.rates.varied:  # the following equilibria are nearby: solve from there
        payoffs = payoffs.based_at(values[left[int(np.argmin(least[left]))]])
    for _ in range(BROYDEN_STEPS):
        left = left[np.abs(slopes[left]).max(axis=1) > DONE]
        if not len(left):
            break
        steps = _shortened(-np.matmul(inverse[left], slopes[left][..., None])[..., 0])
        new = np.maximum(values[left] + steps, (values[left] + low) / 2.0)
        steps = new - values[left]
        values[left] = new
        _, after = payoffs.take(left).own_slopes(new)
        change = after - slopes[left]
        slopes[left] = after
        worst = np.abs(after).max(axis=1)
        better = worst < least[left]
        best[left[better]], least[left[better]] = values[left[better]], worst[better]
        # Broyden's good update of the inverse.
        moved = np.matmul(inverse[left], change[..., None])[..., 0]
        scale = (steps * moved).sum(axis=1)
        row = np.matmul(steps[:, None], inverse[left])
        inverse[left] += ((steps - moved) / scale[:, None])[..., None] * row
        # Near rounding the first step without progress is the last.
        left = left[np.isfinite(worst) & (better | (worst > 1e-11))]
    return best


def _curvature(payoffs: Payoffs, values: Floats) -> Floats:
    """Largest eigenvalue of each player's own second derivatives of log welfare, (n,)."""
    rates = payoffs.rates
    answer = np.empty(len(rates.players))
    for player in range(len(rates.players)):
        mine = np.flatnonzero(rates.owners == player)
        steps = DIFFERENCE * np.eye(rates.size)[mine]
        _, ends = payoffs.own_slopes(np.concatenate([values + steps, values - steps]), [player])
        half = len(mine)
        matrix = ((ends[:half] - ends[half:]) / (2.0 * DIFFERENCE))[:, mine]
        answer[player] = np.linalg.eigvalsh((matrix + matrix.T) / 2.0)[-1]
    return answer


def _deviations(payoffs: Payoffs, values: Floats, points: int) -> tuple[Floats, Floats]:
    """Each player's largest gain in log welfare on the grid, (B, n), at least 0, and the rates of it, (B, n, K).

    It moves each of its rates (B, K) alone, and all of them at once.
    """
    rates, count = payoffs.rates, len(values)
    grid = np.tile(np.expm1(np.linspace(np.log1p(GRID[0]), np.log1p(GRID[1]), points)), count)
    cells, here = np.repeat(np.arange(count), points), payoffs.log_welfare(values)
    some, stay = payoffs.take(cells), values[cells]
    gains, best = np.zeros(here.shape), np.repeat(values[:, None], here.shape[1], axis=1)
    for player in range(here.shape[1]):
        mine = rates.owners == player
        alone = [np.arange(rates.size) == k for k in np.flatnonzero(mine)]
        for move in alone if len(alone) == 1 else [*alone, mine]:
            tried = np.maximum(np.where(move, grid[:, None], stay), (rates.lowest() + stay) / 2.0)
            rough = some.log_welfare(tried, tolerance=ROUGH)[:, player] - here[cells, player]
            close = np.flatnonzero(rough > -100.0 * ROUGH)
            gain: Floats = np.full(len(tried), -np.inf)
            if len(close):
                exact = some.take(close).log_welfare(tried[close])[:, player]
                gain[close] = np.nan_to_num(exact - here[cells[close], player], nan=-np.inf)
            gain = gain.reshape(count, points)
            better = gain.max(axis=1) > gains[:, player]
            gains[better, player] = gain.max(axis=1)[better]
            best[better, player] = tried.reshape(count, points, -1)[better, gain.argmax(axis=1)[better]]
    return gains, best
