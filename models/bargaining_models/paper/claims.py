"""The claims of the story, each with the model's verdict, its figures and what it hangs on."""

from __future__ import annotations

from bargaining import nash
from bargaining_models.negotiation.thresholds import first_crossing, gain_from_leaving, gain_from_refusing
from bargaining_models.paper.claim import Claim
from bargaining_models.paper.pivot_game_claims import strategic_verdicts
from bargaining_models.paper.study import SHARES, Study
from bargaining_models.paper.timing_claims import timing_verdicts
from bargaining_models.paper.triangle_claims import triangle_verdicts


def verdicts(study: Study) -> list[Claim]:
    """Return the claims that the models can judge, computed from `study`."""
    return [
        dependence(study),
        pressure(study),
        erosion(study),
        erosion_by_leaving(study),
        suicide(study),
        threat(study),
        *timing_verdicts(study),
        *strategic_verdicts(study),
        *triangle_verdicts(study),
    ]


def dependence(study: Study) -> Claim:
    """Over 70% of Canada's trade goes to the US."""
    us, canada = (study.parameters.regions.index(name) for name in ("USA", "CAN"))
    flows = study.goods_flows
    exports, imports = (
        flows[:, canada].sum() - flows[canada, canada],
        flows[canada].sum() - flows[canada, canada],
    )
    of_exports = flows[us, canada] / exports
    of_trade = (flows[us, canada] + flows[canada, us]) / (exports + imports)
    balanced = float(study.baseline.payoffs().partner_share)
    return Claim(
        claim="Over 70% of Canada's trade goes to the US",
        verdict=f"{_holds(of_exports > 0.7)} for goods exports, {_holds(of_trade > 0.7)} for goods trade both ways",
        figures=f"{of_exports:.1%} of exports, {of_trade:.1%} of exports and imports; {balanced:.1%} of exports in the "
        "model's base, where trade is balanced",
        assumption="trade flows of the base year; the share of exports fell to 71.7% in 2025",
    )


def pressure(study: Study) -> Claim:
    """US pressure assumed dependence: a tariff war hurts Canada and not the US."""
    war = study.uncapped.war
    canada, us = war.percent[0]
    return Claim(
        claim="US pressure assumed dependence: a tariff war hurts only Canada",
        verdict="holds" if us >= 0 else "fails: both lose, Canada far more",
        figures=f"war at r = 0: Canada {canada:+.2f}%, US {us:+.3f}% of real income (USD {war.money[0, 1]:+.1f} bn); "
        f"rates {war.rates[0, 1]:.1%} and {war.rates[0, 0]:.1%}",
        assumption="both sides set their Nash tariffs; trade elasticities",
    )


def erosion(study: Study) -> Claim:
    """A credible 10-15% erodes US leverage: what the US extracts in the deal."""
    deal = study.uncapped
    open_route, closed = (d.transfer(nash(d.problem())) for d in (deal, study.closed_route))
    at = [list(SHARES).index(r) for r in (0.10, 0.15)]
    kept = ", ".join(f"r = {SHARES[k]:g}: {open_route[k]:.1f} ({closed[k]:.1f})" for k in (0, *at))
    lost = [1 - open_route[k] / open_route[0] for k in at]
    gone = [1 - closed[k] / closed[0] for k in at]
    return Claim(
        claim="If Canada can redirect 10-15% of key exports, US leverage erodes",
        verdict="holds where the alternative is what happens while talks stall or break down"
        if min(lost) > 0
        else "fails",
        figures=f"Nash transfer Canada to US, USD bn, route open (closed by the deal): {kept}; leverage lost "
        f"{lost[0]:.0%} to {lost[1]:.0%} ({gone[0]:.0%} to {gone[1]:.0%})",
        assumption="the tariff war is the disagreement; redirection is possible in every sector at no fixed cost",
    )


def erosion_by_leaving(study: Study) -> Claim:
    """The same claim where the alternative is the right to leave for good."""
    deal = study.thresholds_deal(study.elasticities, False, True)
    binds = first_crossing(deal, gain_from_refusing)
    return Claim(
        claim="The same, if the alternative is the right to leave for good",
        verdict="fails: the option never binds, so it moves nothing"
        if binds.value is None
        else "holds beyond the threshold",
        figures=f"at r = 0 leaving is worth USD {-binds.margin:.0f} bn a year less than the deal; "
        + (
            "no r up to 1 closes the gap"
            if binds.value is None
            else f"the gap closes at r = {binds.value:.2f}"
        ),
        assumption="outside option protocol: an option that is worse than the deal is no threat",
    )


def suicide(study: Study) -> Claim:
    """Leaving the US market would be economic suicide."""
    deal = study.thresholds_deal(study.elasticities, False, True)
    better = first_crossing(deal, gain_from_leaving)
    leave, war = study.uncapped.exit.percent[:, 0], study.uncapped.war.percent[:, 0]
    k = list(SHARES).index(0.15)
    return Claim(
        claim="Leaving the US market would be economic suicide",
        verdict="holds: leaving is worse than the war at every r"
        if better.value is None
        else "fails beyond the threshold",
        figures=f"goods border closed: {leave[0]:+.1f}% of Canada's real income at r = 0, {leave[k]:+.1f}% at "
        f"r = 0.15; against {war[0]:+.2f}% and {war[k]:+.2f}% in the war",
        assumption="long-run adjustment; only goods trade is closed; no cost of transition",
    )


def threat(study: Study) -> Claim:
    """For every threat there is a viable alternative: the threat of 100%."""
    bare = study.baseline.payoffs(1.0, r=SHARES).percent
    k = list(SHARES).index(0.15)
    return Claim(
        claim="For every threat there is a viable alternative: 100% on all goods",
        verdict="holds in part: the alternative softens the blow" if bare[k, 0] < 0 else "holds",
        figures=f"Canada {bare[0, 0]:+.2f}% at r = 0, {bare[k, 0]:+.2f}% at r = 0.15, {bare[-1, 0]:+.2f}% at "
        f"r = 0.30; the US itself {bare[0, 1]:+.3f}%",
        assumption="no retaliation; redirection at constant elasticity",
    )


def _holds(true: bool) -> str:
    return "holds" if true else "fails"
