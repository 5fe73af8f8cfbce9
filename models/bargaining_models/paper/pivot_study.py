"""Common inputs of the tables of timing: the paths, chains and projects, each solved once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from bargaining.authoring import Floats, real
from bargaining_models.negotiation.bluff import Claim, HoldOut
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.growth import Growth, line
from bargaining_models.negotiation.pivot import Pivot, PivotDivision, partner_answers, without_suppliers
from bargaining_models.negotiation.pivot_chain import PivotChain, open_and_close
from bargaining_models.negotiation.pivot_investment import Investment
from bargaining_models.negotiation.projects import Project, together
from bargaining_models.us_canada.baseline import Baseline
from bargaining_models.us_canada.projects import projects

SHARE, LARGE = 0.15, 0.30  # that of the headline, and twice that
YEARS = 5.0  # until capacity opens, unless another date is named
BREAKDOWN = 0.5  # a year, as in `deal.BREAKDOWNS`
PRIOR = 0.3  # assumption: that home can redirect the share
OBSTINATE = (0.05, 0.05)  # assumption: chances that home, or the partner, never gives way
POSTURES = (None, 0.85)  # the Nash terms of r = 0; a part of the surplus
ROUTES = ((True, "open"), (False, "closed"))
PROGRAMME = ("canola access", "drag-reducing agents", "Cedar LNG", "pumping stations", "LNG Canada phase 2")
T = TypeVar("T")


class PivotStudy:
    """The models of timing on one baseline.

    Parameters
    ----------
    baseline : Baseline
    deal : Deal
        At increasing shares, 0 first; `SHARE` and `LARGE` among them.
    """

    main_path = f"{SHARE:.0%} in {YEARS:g} years"
    lasting_chain = f"{SHARE:.0%} at rate {1 / YEARS:g} a year"
    revocable_chain = f"{SHARE:.0%} at rate {1 / YEARS:g} a year, revocable by China"

    def __init__(self, baseline: Baseline, deal: Deal) -> None:
        self.baseline = baseline
        self.shares = real(deal.r, "deal.r", ndim=1)  # type: ignore[arg-type]
        self.deals = _by_route(deal, lambda own: own)

    def fact(self, name: str) -> float:
        """Return a figure."""
        return self.baseline.parameters.fact(name).value

    @property
    def wars(self) -> tuple[float, float]:
        """Years of tariff war that a call may start: the figure, and three times as long."""
        short = self.fact("called_bluff_war")
        return short, 3 * short

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """The projects of the figures."""
        return projects(self.baseline.parameters)

    @cached_property
    def investments(self) -> dict[str, dict[bool, Investment]]:
        """Each project and the deal, by name and route."""
        solved = {project.name: Investment.solve(self.baseline, project) for project in self.projects}
        return {name: {True: one, False: one.without_route()} for name, one in solved.items()}

    @cached_property
    def paths(self) -> dict[str, dict[bool, Pivot]]:
        """Talks along each path, by name and route."""
        dates, shares = together(tuple(p for p in self.projects if p.name in PROGRAMME))
        return {
            "none": self._in_steps([], (0,)),
            f"{SHARE:.0%} in 1 year": self._step(SHARE, 1.0),
            self.main_path: self._step(SHARE, YEARS),
            f"{SHARE:.0%} in 7 years": self._step(SHARE, 7.0),
            f"{SHARE:.0%} steadily over {YEARS:g} years": _by_route(
                Deal.at(self.baseline, r=line(SHARE)),
                lambda deal: Pivot(growth=Growth.in_a_line(deal, YEARS)),
            ),
            f"{LARGE:.0%} in {YEARS:g} years": self._step(LARGE, YEARS),
            "projects": _by_route(
                Deal.at(self.baseline, r=shares),
                lambda deal: Pivot(growth=Growth.in_steps(deal, dates)),
            ),
        }

    def _step(self, share: float, date: float) -> dict[bool, Pivot]:
        return self._in_steps([date], (0, self._place(share)))

    def _in_steps(self, dates: ArrayLike, stages: Sequence[int]) -> dict[bool, Pivot]:
        return {
            route: Pivot(growth=Growth.in_steps(deal, dates, stages=stages))
            for route, deal in self.deals.items()
        }

    def _place(self, share: float) -> int:
        return int(np.argmin(np.abs(self.shares - share)))

    @cached_property
    def chains(self) -> dict[str, dict[bool, PivotChain]]:
        """Talks while the alternative opens at random, for good or revocably, by name and route."""
        deal = Deal.at(self.baseline, r=[0.0, SHARE, 0.0])
        rates = {"closing": self.fact("china_closure_rate"), "reopening": self.fact("china_reopening_rate")}
        moves = {
            self.lasting_chain: open_and_close(opening=1 / YEARS),
            self.revocable_chain: open_and_close(opening=1 / YEARS, **rates),
        }
        deals = _by_route(deal, lambda own: own)
        return {
            name: {route: PivotChain(deal=own, moves=one) for route, own in deals.items()}
            for name, one in moves.items()
        }

    def answers(self, route: bool, breakdown: float) -> dict[str, tuple[PivotDivision, float]]:
        """Return the outcome of each response of the US to the main path."""
        deal = Deal.at(self._replaced, r=[0.0, SHARE], route_survives=route)
        return partner_answers(
            self.paths[self.main_path][route],
            Pivot(growth=Growth.in_steps(deal, [YEARS])),
            breakdown=breakdown,
            replacing=self.fact("us_replacement_rate"),
            wait=YEARS,
        )

    @cached_property
    def _replaced(self) -> Baseline:
        """The outcomes when US buyers have turned away from Canada."""
        return without_suppliers(self.baseline, self.fact("us_replaceable"))

    def claimed(self, route: bool) -> Floats:
        """Return the shares above 0 at which the two together have more by an agreement than by the war."""
        deal = self.deals[route]
        return np.asarray(self.shares[1:][(deal.total - deal.war.money.sum(axis=-1))[1:] > 0.0])

    def claim(self, route: bool, share: float, war: float) -> Claim:
        """Return the claim that a share can be redirected."""
        return Claim(deal=self._pairs[self._place(share)][route], war=war)

    @cached_property
    def _pairs(self) -> dict[int, dict[bool, Deal]]:
        """The deals at no share and one of the others, by its number and route."""
        return {
            k: _by_route(Deal.at(self.baseline, r=self.shares[[0, k]]), lambda own: own)
            for k in range(1, len(self.shares))
        }

    def hold_out(self, route: bool, partner_demand: float | None) -> HoldOut:
        """Return the hold-out at every share above 0."""
        return HoldOut(deal=self.deals[route], priors=OBSTINATE, partner_demand=partner_demand)


def _by_route(deal: Deal, make: Callable[[Deal], T]) -> dict[bool, T]:
    """Make something of a deal, and of the same deal where an agreement closes the route."""
    return {True: make(deal), False: make(deal.without_route())}
