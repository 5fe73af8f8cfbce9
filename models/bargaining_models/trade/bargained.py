"""Tariffs that regions agree on: any concept of the library over the payoffs that tariffs reach.

Without payments the rates are the agreement: a subsidy of imports is what one side pays the other. Payments can be
made within the equilibrium (`transfers="inside"`), or money may count one for one (`transfers="money"`): then rates
maximise the sum of money, and the concept divides it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining import Method, Problem, TransferableSurplus, continuous_raiffa, nash, yu
from bargaining.authoring import Floats, Result, choice, owning, real
from bargaining.division import Division
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved
from bargaining_models.trade.equilibrium import TradeEquilibrium, by_name
from bargaining_models.trade.links import rate_on
from bargaining_models.trade.tariff_nash import TariffEquilibrium, nash_tariffs, rates_in_words
from bargaining_models.trade.tariff_set import FOLLOWED, Optimum, TariffPayoffs

if TYPE_CHECKING:
    from bargaining_models.trade.model import TradeModel

ACCURACY = 1e-9  # of the first-order conditions, relative; rounding is 1e-13


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
