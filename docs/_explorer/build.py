"""Write the explorer of the theory, one page that needs no network: `make explorer`.

`theory.js` divides by closed forms while somebody drags. What has none is computed here on a grid, in `figures.json`:
payoff sets of repeated games by patience and exit, and what two countries have in each outcome of a negotiation over
tariffs, or lose if one ends its trade with the other, for every pair that the data know. With `--compute` the figures
are computed anew.
"""

import json
import sys
from itertools import permutations, product
from pathlib import Path
from typing import Any

import numpy as np

from bargaining import Exit, Game, Polytope, RepeatedGame, Status, __version__, nash, payoff_set
from bargaining_models.negotiation import Negotiation
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.tariff_war import TariffGame
from bargaining_models.trade import TradeModel

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
DISCOUNTS = tuple(k / 20 for k in range(20))
SHARES = np.arange(7) / 20
DAY = "2026-08-19"  # the last whose tariffs are known
RATES = (0.0, 0.05, 0.1, 0.15, 0.2)
ROUTES = {"cut": "open", "reserve": "contingent"}
TARIFFS = "Tariffs of Canada and the US"

# Name: payoffs of both, what each may have after leaving, and the lines of Python that make the game.
MATRICES: dict[str, tuple[Any, Any, tuple[float, ...]]] = {
    "Prisoner's dilemma": ([[3, 0], [5, 1]], [[3, 5], [0, 1]], (0, 0.5, 1, 1.5, 2, 2.5)),
    "Battle of the sexes": ([[3, 0], [0, 2]], [[2, 0], [0, 3]], (0, 0.5, 1, 1.5, 2, 2.5)),
    "Cournot, quantities 3, 4, 6": (
        [[18, 15, 9], [20, 16, 8], [18, 12, 0]],
        [[18, 20, 18], [15, 16, 12], [9, 8, 0]],
        (4, 8, 12, 14, 16, 17),
    ),
}


def talks(home: str, partner: str) -> Negotiation:
    """Return the negotiation of a pair, with the defaults of `bargaining negotiate`."""
    alternative = None if "CHN" in (home, partner) else "CHN"
    return Negotiation(**sources(home, partner), home=home, partner=partner, alternative=alternative)


def sources(home: str, partner: str) -> dict[str, str | None]:
    """Return the figures and the day of tariffs that `bargaining negotiate` takes for a pair."""
    own = {home, partner} <= {"USA", "CAN", "CHN"}
    return {"data": "wiod2011" if own else "icio2019", "tariffs": DAY if "USA" in (home, partner) else None}


def pair(home: str, partner: str, shares: Any = SHARES) -> dict[str, Any]:
    """Return what home and the partner have in each outcome, money a year by r, and their tariffs in percent.

    Also what both lose if the partner ends their trade in goods, with the route in use and in reserve.
    """
    one = talks(home, partner)
    shares = shares if one.roles.alternative else np.zeros(1)
    deal = Deal.at(one, r=shares)
    cuts = {name: one.threat(r=shares, route=route) for name, route in ROUTES.items()}
    deal.raise_if_failed()
    players = one.roles.players
    agreed = one.model.bargained_tariffs(players, given=one.free, lower=0.0)
    known = agreed.status not in (Status.EMPTY, Status.DEGENERATE)
    figures = {
        "open": deal.agreement.money,
        "closed": deal.without_route().agreement.money,
        "talks": deal.status_quo.money,
        "idle": deal.idle.money,
        "war": deal.war.money,
        "exit": deal.exit.money,
        "rates": 100 * deal.war.rates,
    }
    return {
        **sources(home, partner),
        "names": one.roles.names,
        "unit": deal.agreement.unit,
        "income": one.worth().round(2).tolist(),
        "agreed": np.round([100 * agreed.of(*players), 100 * agreed.of(*players[::-1])], 2).tolist()
        if known
        else None,
        **{name: np.reshape(value, (-1, 2)).round(4).tolist() for name, value in figures.items()},
        **{
            name: np.column_stack([cut.loss_money, cut.cost_money]).round(6).tolist()
            for name, cut in cuts.items()
        },
    }


def games() -> dict[str, tuple[Game, tuple[Any, Any], str]]:
    """Return each game, the options of both players to leave for, and the Python that makes it."""
    made: dict[str, tuple[Game, tuple[Any, Any], str]] = {}
    for name, (first, second, options) in MATRICES.items():
        made[name] = Game(first, second), (options, options), f"game = Game({first}, {second})"
    tariffs = TariffGame.at(talks("CAN", "USA"), rates=RATES)
    options = tuple(((tariffs.war * part).round(2) + 0.0).tolist() for part in (3.0, 1.5, 1.0, 0.8, 0.5, 0.0))
    code = (
        "from bargaining_models.negotiation import Negotiation\n"
        "from bargaining_models.negotiation.tariff_war import TariffGame\n\n"
        f'talks = Negotiation(data="wiod2011", home="Canada", partner="US", alternative="China", tariffs="{DAY}")\n'
        f"game = TariffGame.at(talks, rates={list(RATES)}).stage"
    )
    made[TARIFFS] = (tariffs.stage, tuple(zip(*options, strict=True)), code)
    return made


def enforceable(game: Game, discount: float, options: tuple[float, float] | None) -> dict[str, Any] | None:
    """Return corners, threat and Nash split of what can be enforced; None where nothing can."""
    found = payoff_set(RepeatedGame(game, discount, exit=None if options is None else Exit(options)))
    if found.status == Status.EMPTY:
        return None
    found.raise_if_failed()
    division = nash(found.problem())
    points = {"corners": found.vertices, "threat": found.threat}
    rounded = {name: np.round(value, 4).tolist() for name, value in points.items()}
    return rounded | {"split": division.payoffs.round(4).tolist() if division.ok else None}


def payoff_sets_of(name: str) -> dict[str, Any]:
    """Return the sets of a game by discount factor, without exit and by the options of the two."""
    game, options, code = games()[name]
    exits = [None, *product(*options)]
    return {
        "code": code,
        "unit": "% of real income" if name == TARIFFS else None,
        "players": list(game.player_names),
        "options": options,
        "hull": Polytope(game.payoffs.reshape(-1, 2)).vertices.round(4).tolist(),
        "sets": [[enforceable(game, discount, pair) for pair in exits] for discount in DISCOUNTS],
    }


def figures() -> dict[str, Any]:
    """Compute all figures of the page; takes five to ten minutes."""
    *regions, _ = TradeModel.from_structure("icio2019").regions  # the last is the rest of the world
    return {
        "version": __version__,
        "discounts": DISCOUNTS,
        "shares": SHARES.tolist(),
        "day": DAY,
        "games": {name: payoff_sets_of(name) for name in games()},
        "pairs": {f"{home}-{partner}": pair(home, partner) for home, partner in permutations(regions, 2)},
    }


def page(stored: str) -> str:
    """Return the page as HTML, with its scripts, the figures and the charting library within it."""
    from vl_convert import javascript_bundle

    licence = (HERE / "vega-licence.txt").read_text(encoding="utf-8")
    parts = {
        "CHARTS": f"/*\n{licence}*/\n" + javascript_bundle().replace("</script", r"<\/script"),
        "FIGURES": stored,
        **{name.upper(): (HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("theory", "page")},
    }
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"/*{name}*/", part)
    return text


def main(path: Path, *, compute: bool) -> None:
    """Write the page."""
    if compute:
        FIGURES.write_text(json.dumps(figures(), separators=(",", ":")) + "\n", encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(FIGURES.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--compute"]
    main(Path(words[0] if words else "build/explorer.html"), compute="--compute" in sys.argv)
