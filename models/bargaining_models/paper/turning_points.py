"""Thresholds in the redirectable share: T3."""

from __future__ import annotations

from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.thresholds import (
    Margin,
    first_crossing,
    gain_from_leaving,
    gain_from_refusing,
    gain_from_walking_out,
    paid_to_home,
    partner_loss_from_war,
)
from bargaining_models.paper.study import MEANT, Study

QUESTIONS: tuple[tuple[str, Margin, bool], ...] = (
    ("the US loses from the tariff war", partner_loss_from_war, True),
    ("leaving beats the tariff war for Canada", gain_from_leaving, True),
    ("walking out into the war binds, China route open", gain_from_walking_out, True),
    ("walking out into the war binds, China route closed by the deal", gain_from_walking_out, False),
    ("leaving beats the Nash division for Canada", gain_from_refusing, True),
    ("the US pays Canada, China route open", paid_to_home, True),
    ("the US pays Canada, China route closed by the deal", paid_to_home, False),
)


def thresholds(study: Study) -> Table:
    """T3: the redirectable shares at which something changes, by elasticities and capacity."""
    cases = [(elasticities, capped) for elasticities in study.sets for capped in (False, True)]
    rows: list[dict[str, str | float | None]] = []
    for name, margin, route in QUESTIONS:
        deals = {f"{e}_{capped}": study.thresholds_deal(e, capped, route) for e, capped in cases}
        rows.append(
            {"question": name} | {key: first_crossing(deal, margin).value for key, deal in deals.items()}
        )
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
        | {
            "Elasticities": "; ".join(MEANT[name] for name in study.sets if name in MEANT),
            "Capped": "each sector redirects at most what its ports, pipelines and plants could carry",
            "Binds": "Canada would have more in the war than by offers that nobody can walk out of",
        },
    )
