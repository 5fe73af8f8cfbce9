"""The paper's tables, one function each."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bargaining.tables import Column, Table
from bargaining_models.paper.claims import verdicts
from bargaining_models.paper.study import DISCOUNTS, ELASTICITIES, SHARES, Study
from bargaining_models.us_canada.deal import Deal, Reading, readings
from bargaining_models.us_canada.tariff_war import RATES
from bargaining_models.us_canada.thresholds import (
    Margin,
    first_crossing,
    gain_from_leaving,
    gain_from_refusing,
    gain_from_walking_out,
    paid_to_canada,
    us_loss_from_war,
)

NOISE = 1e-9  # money and percent below this are rounding errors of the solver
OUTCOMES = (
    ("agreement", "Free trade"),
    ("status_quo", "Tariffs of 2025-26"),
    ("war", "Tariff war"),
    ("exit", "Exit"),
)
COUNTRIES = ("Canada", "US")
SAME_AS_NASH = ("Kalai-Smorodinsky", "Egalitarian")  # where any transfer is possible


def headline(study: Study) -> Table:
    """The transfer by reading and redirectable share, the China route open or closed under the agreement."""
    deals = {"open": study.uncapped, "closed": study.closed_route}
    shown = [reading for reading in readings() if reading.name not in SAME_AS_NASH]
    divisions = [
        (route, deal, reading, reading.divide(deal)) for route, deal in deals.items() for reading in shown
    ]
    rows = [
        {"route": route, "reading": reading.name}
        | {f"{r:g}": _clean(transfer) for r, transfer in zip(SHARES, deal.transfer(division), strict=True)}
        for route, deal, reading, division in divisions
    ]
    columns = [Column("route", title="China route"), Column("reading", title="The alternative is")]
    return Table(
        rows,
        columns=columns + [Column(f"{r:g}", title=f"r = {r:g}") for r in SHARES],
        caption="What Canada pays the US for free trade, USD bn a year (negative: the US pays)",
        label="tab:headline",
        digits=3,
        notes=study.notes(
            *(float(np.max(division.residual)) for *_, division in divisions),
            study.uncapped.war.residual.max(),
            Route="whether an agreement leaves the China route open or closes it",
            Timing="as in T2 and T2-closed; with transfers Kalai-Smorodinsky and egalitarian divide as Nash does",
        ),
    )


def payoffs(study: Study, measure: str) -> Table:
    """T1: what each outcome is worth, by redirectable share, with and without capacity caps."""
    rows = [
        {"capacity": caps, "r": float(r)}
        | {
            f"{outcome}_{country}": _clean(getattr(getattr(deal, outcome), measure)[k, c])
            for outcome, _ in OUTCOMES
            for c, country in enumerate(COUNTRIES)
        }
        for caps, deal in (("unlimited", study.uncapped), ("capped", study.capped))
        for k, r in enumerate(SHARES)
    ]
    unit = "%" if measure == "percent" else study.uncapped.agreement.unit
    columns = [Column("capacity"), Column("r")] + [
        Column(f"{outcome}_{country}", title=country, unit=unit, group=title)
        for outcome, title in OUTCOMES
        for country in COUNTRIES
    ]
    what = "percent of real income" if measure == "percent" else "USD bn of 2023 a year"
    return Table(
        rows,
        columns=columns,
        caption=f"What each outcome is worth, {what}, by redirectable share r",
        label=f"tab:payoffs-{measure}",
        notes=study.notes(
            *(
                getattr(deal, outcome).residual.max()
                for deal in (study.uncapped, study.capped)
                for outcome, _ in OUTCOMES
            ),
            Payoffs="change of real income against free trade at r = 0"
            + ("" if measure == "percent" else ", times GDP"),
            Outcomes="free trade between the two; the 2025-26 tariffs of both sides (sector rates before CUSMA "
            "exemptions); the Nash equilibrium in tariffs; goods trade between the two closed",
        ),
    )


def splits(study: Study, deal: Deal, label: str, variant: str) -> Table:
    """T2: how the money of an agreement is divided, under each reading of the alternative."""
    rows = [row for reading in readings() for row in _split_rows(deal, reading)]
    columns = [
        Column("reading", title="Concept or protocol"),
        Column("r"),
        Column("payoff", title="payoff", unit="USD bn", group="Canada"),
        Column("gain", title="gain on war", unit="USD bn", group="Canada"),
        Column("share", title="share of surplus", unit="%", group="Canada"),
        Column("transfer", title="Canada to US", unit="USD bn", group="Transfer"),
        Column("change", title="change of payoff", unit="USD bn", group="From r = 0"),
        Column("from_threat", title="due to threat", unit="%", group="From r = 0"),
    ]
    timings = {
        reading.timing: [r.name for r in readings() if r.timing == reading.timing] for reading in readings()
    }
    return Table(
        rows,
        columns=columns,
        caption=f"The division of an agreement by redirectable share r: {variant}",
        label=f"tab:{label}",
        notes=study.notes(
            *(float(np.max(reading.divide(deal).residual)) for reading in readings()),
            deal.war.residual.max(),
            Timing="; ".join(f"{' / '.join(names)}: {timing}" for timing, names in timings.items()),
            Talks="r is in use under the tariffs of 2025-26 too"
            if deal.route_survives
            else "r is not in use while talks last, except where it is the inside option",
            Surplus="what free trade adds to the tariff war at the same r, both countries together",
            **{
                "Due to threat": "the part of the change of Canada's payoff that is a smaller transfer; the rest is "
                "China trade that raises income by itself"
            },
            **{"Discount rate": "5 percent a year for both"},
        ),
    )


def _split_rows(deal: Deal, reading: Reading) -> Iterator[dict[str, Any]]:
    division = reading.divide(deal).raise_if_failed()
    transfer, share = deal.transfer(division), deal.share(division)
    payoff = division.payoffs[:, 0]
    change, conceded = payoff - payoff[0], transfer[0] - transfer
    for k, r in enumerate(SHARES):
        yield {
            "reading": reading.name,
            "r": float(r),
            "payoff": _clean(payoff[k]),
            "gain": _clean(payoff[k] - deal.war.money[k, 0]),
            "share": _clean(100 * share[k]),
            "transfer": _clean(transfer[k]),
            "change": _clean(change[k]),
            "from_threat": None if abs(change[k]) < NOISE else _clean(100 * conceded[k] / change[k]),
        }


def thresholds(study: Study) -> Table:
    """T3: the redirectable shares at which something changes, by elasticities and capacity."""
    questions: tuple[tuple[str, Margin, bool], ...] = (
        ("the US loses from the tariff war", us_loss_from_war, True),
        ("leaving beats the tariff war for Canada", gain_from_leaving, True),
        ("walking out into the war binds, China route open", gain_from_walking_out, True),
        ("walking out into the war binds, China route closed by the deal", gain_from_walking_out, False),
        ("leaving beats the Nash division for Canada", gain_from_refusing, True),
        ("the US pays Canada, China route open", paid_to_canada, True),
        ("the US pays Canada, China route closed by the deal", paid_to_canada, False),
    )
    cases = [(elasticities, capped) for elasticities in ELASTICITIES for capped in (False, True)]
    rows = [
        {"question": name}
        | {
            f"{elasticities}_{capped}": first_crossing(
                study.thresholds_deal(elasticities, capped, route), margin
            ).value
            for elasticities, capped in cases
        }
        for name, margin, route in questions
    ]
    columns = [Column("question", title="Smallest r from which")] + [
        Column(f"{elasticities}_{capped}", title="capped" if capped else "unlimited", group=elasticities)
        for elasticities, capped in cases
    ]
    linear = study.linear_model
    residual = max(study.thresholds_deal(*case, True).war.residual.max() for case in cases)
    return Table(
        rows,
        columns=columns,
        caption="Thresholds in the redirectable share r; 0: at every r; none: at no r up to 1",
        label="tab:thresholds",
        notes=study.notes(
            residual,
            Search="first change of sign on a grid of step 0.05, refined to 1e-6",
            **{
                "Linear tariff model": f"at the same export ratio, US to Canada, of {linear.exports[1]:.3f} the "
                f"US stops gaining from a war at r = {linear.threshold():.3f}; with third countries and inputs it "
                "loses at once"
            },
        )
        | {"Elasticities": "by column group"},
    )


def critical_discounts(study: Study) -> Table:
    """T5: how patient each country must be for free trade to enforce itself, by redirectable share."""
    rows = []
    for r, game in study.tariff_games.items():
        row: dict[str, Any] = {"r": r}
        cases = {
            "optimal": game.critical_discount().by_player,
            "exit": game.critical_discount(leave=True).by_player,
            "war": game.critical_under_war(),
            "linear": study.linear_model.redirect(r).critical_discounts(),
        }
        for case, values in cases.items():
            row |= {f"{case}_{country}": float(v) for country, v in zip(COUNTRIES, values, strict=True)}
        rows.append(row)
    groups = {
        "optimal": "Harshest punishment",
        "exit": "Either may leave",
        "war": "Tariff war for ever",
        "linear": "Linear model, war",
    }
    columns = [Column("r")] + [
        Column(f"{case}_{country}", title=country, group=title)
        for case, title in groups.items()
        for country in COUNTRIES
    ]
    return Table(
        rows,
        columns=columns,
        caption="The discount factor per year that each country needs to keep free trade",
        label="tab:critical-discounts",
        digits=3,
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Game=f"each year both set one rate of {len(RATES)} from 0 to {RATES[-1]:.0%}; 1 or more: never",
            Punishment="the lowest payoff of the deviator in any equilibrium; the border closed for good where either "
            "may leave; the Nash equilibrium in rates for ever",
        ),
    )


def self_enforcing(study: Study) -> Table:
    """T6: the Nash division of what the two can enforce by themselves, by patience and redirectable share."""
    rows, bounds = [], []
    for discount in DISCOUNTS:
        for r, game in study.tariff_games.items():
            row: dict[str, Any] = {"discount": discount, "r": r}
            bounds.append(game.payoff_set(discount).stats.bound)
            for leave, case in ((False, "stay"), (True, "leave")):
                division = game.self_enforcing(discount, leave=leave).raise_if_failed()
                row |= {f"{case}_{c}": float(x) for c, x in zip(COUNTRIES, division.payoffs, strict=True)}
                paid = game.with_transfers(discount, leave=leave).raise_if_failed()
                row[f"{case}_transfer"] = _clean(game.transfer(paid))
            rows.append(row)
    columns = [Column("discount", title="discount factor"), Column("r")]
    for case, title in (("stay", "Neither may leave"), ("leave", "Either may leave")):
        columns += [Column(f"{case}_{c}", title=c, unit="%", group=title) for c in COUNTRIES]
        columns.append(Column(f"{case}_transfer", title="transfer", unit="USD bn", group=title))
    return Table(
        rows,
        columns=columns,
        caption="Self-enforcing agreements: the Nash division of the equilibrium payoffs of the repeated tariff game",
        label="tab:self-enforcing",
        notes=study.notes(
            *bounds,
            **{
                "Payoffs": "percent of real income against free trade at r = 0, without transfers",
                "Transfer": "what Canada pays the US where money may be paid every year, against free trade at r",
                "Disagreement": "each country's lowest equilibrium payoff at the same discount factor",
            },
        ),
    )


def claims(study: Study) -> Table:
    """T4: the story's claims, the model's verdicts, the figures, and what they hang on."""
    columns = [
        Column("claim", title="Claim"),
        Column("verdict", title="Verdict"),
        Column("figures", title="Figures"),
        Column("assumption", title="Hangs on"),
    ]
    return Table(
        [claim.as_row() for claim in verdicts(study)],
        columns=columns,
        caption="The claims of the story and what the model says",
        label="tab:claims",
        notes=study.notes(study.uncapped.war.residual.max()),
    )


def _clean(value: float) -> float:
    """Return 0 for a rounding error of the solver."""
    return 0.0 if abs(value) < NOISE else float(value)


TABLES: dict[str, Callable[[Study], Table]] = {
    "headline": headline,
    "T1": lambda study: payoffs(study, "percent"),
    "T1-money": lambda study: payoffs(study, "money"),
    "T2": lambda study: splits(study, study.uncapped, "splits", "unlimited capacity, China route open"),
    "T2-capped": lambda study: splits(study, study.capped, "splits-capped", "capped, China route open"),
    "T2-closed": lambda study: splits(
        study, study.closed_route, "splits-closed", "unlimited capacity, China route closed by the agreement"
    ),
    "T3": thresholds,
    "T4": claims,
    "T5": critical_discounts,
    "T6": self_enforcing,
}
