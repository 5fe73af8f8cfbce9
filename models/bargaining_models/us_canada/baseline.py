"""The strategic picture in one shot: what each outcome of the relation is worth to Canada and the US.

Strategies are tariffs: one rate of the US on all Canadian goods and one of Canada on all US goods,
added to the base tariffs (zero between the two). Payoffs are percent of real income against the base
of the trade model, and the same percent of GDP in money. Players are Canada, 0, and the US, 1.

The redirectable share `r` is what Canada could sell to China of each goods sector's exports to the
US (`TradeModel.redirect`). It is a cut of trade cost, so it raises income with no tariff at all;
`change` separates that gain from the smaller exposure to the tariff.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import choice
from bargaining._arrays import Floats, owning, real, within
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, Status
from bargaining_models.negotiation._tariff_nash import Side, TariffGame
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import TradeModel
from bargaining_models.us_canada.outcomes import Change, Outcome, TariffWar

__all__ = ["PLAYERS", "Baseline", "Change", "Outcome", "Share", "TariffWar"]

PLAYERS = ("CAN", "USA")
CANADA, US, CHINA = "CAN", "USA", "CHN"
LINKS = ((CANADA, US), (US, CANADA))  # importer, exporter, in the order of the players

Share = ArrayLike | Mapping[str, ArrayLike]


class _Options(TypedDict):
    r: Share
    capped: bool
    route: bool


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline(Shown):
    """Outcomes of the relation on a trade model with regions CAN, USA and CHN.

    Every method takes `r`, the redirectable share in [0, 1]: a number, an array, or a mapping from
    sector to either (0 for the sectors left out); `capped`, whether the capacity caps of the figures
    limit it; and `route`, whether the China route is open at all in this outcome (False is r = 0).
    Shapes broadcast.

    `friction` are further cost hats of trade, (N, N, J), that apply in every outcome; by default none.

    Examples
    --------
    >>> baseline = Baseline.from_parameters()
    >>> baseline.payoffs(0.25).percent.round(2)
    array([-1.65,  0.03])
    >>> war = baseline.war(r=[0, 0.15])
    >>> war.percent.round(3)
    array([[-0.855, -0.008],
           [-0.473, -0.013]])
    >>> war.rates.round(3)
    array([[0.102, 0.134],
           [0.102, 0.128]])
    >>> bool(war.unique.all())
    True
    >>> baseline.leave().money.round(0), baseline.leave().unit
    (array([-90., -78.]), 'USD bn of 2023')
    """

    parameters: Parameters
    model: TradeModel
    friction: Floats | float = 1.0

    @classmethod
    def from_parameters(
        cls, parameters: Parameters | None = None, *, elasticities: str = "uniform5"
    ) -> Baseline:
        """Build the trade model from figures, by default those of this package.

        Raises
        ------
        InvalidInput
            If the figures lack one of the three regions or the elasticities.
        """
        figures = load() if parameters is None else parameters
        for region in (CANADA, US, CHINA):
            choice(region, "region", figures.regions)
        return cls(parameters=figures, model=TradeModel.from_parameters(figures, elasticities=elasticities))

    def payoffs(
        self,
        us_tariff: ArrayLike = 0.0,
        canada_tariff: ArrayLike = 0.0,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Outcome:
        """Outcome of a pair of rates: 0 and 0 is the agreement, 0.25 the US rate of 25 percent.

        Raises
        ------
        InvalidInput
            If a rate is -1 or less, `r` is outside [0, 1], or a sector of `r` is unknown or not goods.
        """
        us, canada = _rates(us_tariff, "us_tariff"), _rates(canada_tariff, "canada_tariff")
        costs = self._route(r, capped, route)
        try:
            rates = np.stack(np.broadcast_arrays(canada, us, np.zeros(costs.shape[:-3]))[:2], axis=-1)
        except ValueError:
            raise InvalidInput(
                f"`us_tariff`, `canada_tariff` and `r` must broadcast; got shapes {us.shape}, {canada.shape} and "
                f"{costs.shape[:-3]}. Insert axes of length 1."
            ) from None
        return self._outcome(self.game.tariffs(rates), costs)

    def schedule(self, *names: str, r: Share = 0.0, capped: bool = False, route: bool = True) -> Outcome:
        """Outcome of one or more schedules of sector rates, added up: `schedule("us_2025_26", "canada_2025_26")`.

        Raises
        ------
        InvalidInput
            If a name is not one of `parameters.schedules`.
        """
        tariffs = self.model.economy.tariffs
        for name in names:
            choice(name, "names", tuple(self.parameters.schedules))
            tariffs = tariffs + self.parameters.schedules[name].values / 100.0
        return self._outcome(tariffs, self._route(r, capped, route))

    def leave(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> Outcome:
        """Outcome of ending the relation: goods trade between the two closed in both directions.

        It is the limit of a prohibitive trade cost, exactly; services trade goes on.
        """
        costs = self._route(r, capped, route) * self.model.closed(LINKS)
        return self._outcome(self.model.economy.tariffs, costs)

    def war(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> TariffWar:
        """Outcome of the tariff war: each rate is best against the other, a Nash equilibrium in rates.

        Returns
        -------
        TariffWar
            With rates, `marginal` and `regret`, the evidence on uniqueness, and `status`: INACCURATE also
            where `marginal` or `regret` exceeds 1e-8, FAILED (and NaN) where a best response lies off the
            grid of rates from -0.2 to 5.

        Notes
        -----
        Both choose at once, once, knowing `r` and the figures. A rate is the same on all goods.
        """
        costs = self._route(r, capped, route)
        batch = costs.shape[:-3]
        nash = self.game.equilibrium(costs.reshape(-1, *costs.shape[-3:]))
        rates = nash.rates.reshape(*batch, 2)
        lost = np.asarray(np.isnan(rates).any(axis=-1))[..., None, None, None]
        outcome = self._outcome(self.game.tariffs(np.nan_to_num(rates)), np.where(lost, np.inf, costs))
        status = np.maximum(nash.status.reshape(batch), np.asarray(outcome.status))
        fields = {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}
        return TariffWar(
            **fields | {"status": status if batch else Status(int(status))},
            rates=rates,
            marginal=nash.marginal.reshape(batch),
            regret=nash.regret.reshape(batch),
            unique=nash.unique.reshape(batch),
        )

    def stage_payoffs(
        self,
        us_rates: ArrayLike,
        canada_rates: ArrayLike,
        *,
        r: Share = 0.0,
        capped: bool = False,
        route: bool = True,
    ) -> Floats:
        """Payoffs of the game in which each side picks a rate from a list.

        Parameters
        ----------
        us_rates : (A,) array_like
        canada_rates : (C,) array_like
        r, capped, route
            See the class.

        Returns
        -------
        (*batch, C, A, 2) array
            Percent of real income of Canada and of the US. Canada, player 0, chooses the row, the US the
            column. NaN where there is no equilibrium.
        """
        us, canada = _rates(us_rates, "us_rates", ndim=1), _rates(canada_rates, "canada_rates", ndim=1)
        costs = self._route(r, capped, route)[..., None, None, :, :, :]
        return self.game.welfare(np.stack(np.meshgrid(canada, us, indexing="ij"), axis=-1), costs)

    def change(self, outcome: Callable[..., Outcome], *, r: Share, capped: bool = False) -> Change:
        """Split what `r` does to an outcome into China trade itself and exposure to the US.

        Parameters
        ----------
        outcome : callable
            A method of this object, or a function of `r` and `capped` that calls one.
        r, capped
            See the class.

        Examples
        --------
        >>> baseline = Baseline.from_parameters()
        >>> change = baseline.change(baseline.war, r=0.15)
        >>> bool(np.allclose(change.total, change.china_trade + change.exposure))
        True
        """
        total = outcome(r=r, capped=capped).percent - outcome(r=0.0, capped=capped).percent
        china_trade = self.payoffs(r=r, capped=capped).percent - self.payoffs().percent
        return Change(total=total, china_trade=china_trade, exposure=total - china_trade)

    def outcomes(self, *, r: Share = 0.0, capped: bool = False, route: bool = True) -> dict[str, Outcome]:
        """All outcomes by name, from the agreement to leaving; the schedule has the measures of both sides."""
        options: _Options = {"r": r, "capped": capped, "route": route}
        return {
            "agreement": self.payoffs(**options),
            "2025-26 schedule": self.schedule("us_2025_26", "canada_2025_26", **options),
            "US 25 percent": self.payoffs(0.25, **options),
            "US 100 percent": self.payoffs(1.0, **options),
            "tariff war": self.war(**options),
            "exit": self.leave(**options),
        }

    @property
    def game(self) -> TariffGame:
        """The tariff game on the trade model: Canada on US goods, the US on Canadian goods."""
        base = self.model.economy.tariffs
        sides = [
            Side(region=self.model.regions.index(a), direction=self.model.tariffs({(a, b): 1.0}) - base)
            for a, b in LINKS
        ]
        return TariffGame(model=self.model, sides=(sides[0], sides[1]))

    def _route(self, r: Share, capped: bool, route: bool) -> Floats:
        """Cost hats of the China route, (*batch, N, N, J)."""
        for name, value in (("capped", capped), ("route", route)):
            if not isinstance(value, bool | np.bool_):
                raise InvalidInput(f"`{name}` must be True or False; got {value!r}.")
        share = r if isinstance(r, Mapping) else within(real(r, "r"), "r", 0.0, 1.0)
        caps = self.parameters.caps.values if capped else None
        costs = self.model.redirect(share, exporter=CANADA, market=US, target=CHINA, caps=caps)
        hats: Floats = (costs if route else np.ones_like(costs)) * self.friction
        return hats

    def _outcome(self, tariffs: Floats, costs: Floats) -> Outcome:
        answer = self.model.solve(tariffs=tariffs, costs=costs)
        places = [self.model.regions.index(region) for region in PLAYERS]
        percent = answer.welfare[..., places]
        exports = answer.flows[..., :, places[0], :][..., self.model.goods].sum(axis=-1)
        abroad = exports.sum(axis=-1) - exports[..., places[0]]
        return Outcome(
            percent=percent,
            money=percent / 100.0 * self.parameters.gdp.values[places],
            unit=f"{self.parameters.gdp.unit} of {self.parameters.gdp.year}",
            us_share=exports[..., places[1]] / abroad,
            residual=answer.residual,
            status=answer.status,
            equilibrium=answer,
        )


def _rates(value: ArrayLike, name: str, *, ndim: int | None = None) -> Floats:
    rates = real(value, name, ndim=ndim)
    if (rates <= -1.0).any():
        raise InvalidInput(
            f"`{name}` must be above -1, a subsidy of the whole price; got {rates.min():.17g}. "
            f"Give rates as fractions, 0.25 for 25 percent."
        )
    return rates
