"""Write the explorer, one page that needs no network: `make explorer`.

`figures.json` holds what the library computes on a grid: what each outcome is worth to Canada and the US, by the
tariffs in force, the set of elasticities and the redirectable share r; and what the two can enforce, by r and the
discount factor. The page shows them and divides as the library does: with transfers every division is a formula in
these figures. With `--stored` the figures are not computed anew.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from bargaining import __version__
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.paper.study import ELASTICITIES
from bargaining_models.parameters import load
from bargaining_models.us_canada.baseline import SCHEDULES

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
SHARES = np.arange(31) / 100
DISCOUNTS = tuple(k / 10 for k in range(1, 10))
DAYS = ("2024-12-31", "2025-08-07", "2026-02-20", "2026-04-06", "2026-08-19")


def talks(case: str, elasticities: str) -> Negotiation:
    """Return the negotiation under the schedules of the paper, or under the tariffs in force on a day."""
    force: dict[str, Any] = {"status_quo": SCHEDULES} if case == "paper" else {"tariffs": case}
    return Negotiation(
        data=load(), home="Canada", partner="US", alternative="China", elasticities=elasticities, **force
    )


def outcomes(case: str, elasticities: str, shares: Any = SHARES) -> dict[str, Any]:
    """Return the money of each outcome, USD bn a year; those that do not depend on r once."""
    deal = Deal.at(talks(case, elasticities), r=shares)
    worth = {
        "open": deal.agreement.money,
        "closed": deal.without_route().agreement.money,
        "talks": deal.status_quo.money,
        "idle": deal.idle.money,
        "war": deal.war.money,
        "exit": deal.exit.money,
    }
    return {
        name: np.broadcast_to(money, (*np.shape(shares), 2)).round(4).tolist()
        for name, money in worth.items()
    }


def enforceable(share: float, discounts: tuple[float, ...] = DISCOUNTS) -> dict[str, Any]:
    """Return what the two can enforce at one r: corners and Nash split by discount factor, without and with exit."""
    game = TariffGame.at(talks("paper", ELASTICITIES[0]), r=share)
    found: dict[str, Any] = {"free": game.stage.payoffs[game.free_trade].round(4).tolist()}
    for name, leave in (("stay", False), ("leave", True)):
        found[name] = []
        for discount in discounts:
            division = game.self_enforcing(discount, leave=leave)
            division.raise_if_failed()
            corners = game.payoff_set(discount, leave=leave)
            found[name].append(
                {
                    "corners": corners.vertices.round(4).tolist(),
                    "threat": corners.threat.round(4).tolist(),
                    "split": division.payoffs.round(4).tolist(),
                }
            )
        found[f"critical_{name}"] = round(game.critical_discount(leave=leave).discount, 4)
    return found


def figures() -> dict[str, Any]:
    """Compute all figures of the page; takes a minute or two."""
    cases = {case: {name: outcomes(case, name) for name in ELASTICITIES} for case in ("paper", *DAYS)}
    return {
        "version": __version__,
        "shares": SHARES.tolist(),
        "discounts": list(DISCOUNTS),
        "cases": cases,
        "sets": [enforceable(float(share)) for share in SHARES],
    }


def page(stored: str) -> str:
    """Return the page as HTML, with the figures and the charting library within it."""
    from vl_convert import javascript_bundle

    text = (HERE / "page.html").read_text(encoding="utf-8")
    charts = javascript_bundle().replace("</script", r"<\/script")
    return text.replace("/*CHARTS*/", charts).replace("/*FIGURES*/", stored)


def main(path: Path, *, compute: bool) -> None:
    """Write the page."""
    if compute:
        FIGURES.write_text(json.dumps(figures(), separators=(",", ":")) + "\n", encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(FIGURES.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--stored"]
    main(Path(words[0] if words else "build/explorer.html"), compute="--stored" not in sys.argv)
