"""The claims of the story: where each holds, read off the paper's other tables over the whole of their ranges."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bargaining.authoring import Shown
from bargaining_models.negotiation.deal import Deal
from bargaining_models.negotiation.thresholds import (
    GRID,
    first_crossing,
    gain_from_refusing,
    partner_loss_from_war,
)
from bargaining_models.negotiation.triangle import gain_from_the_clause
from bargaining_models.paper.bands import chance
from bargaining_models.paper.pivot_game import SHOWN
from bargaining_models.paper.pivot_game_study import PATIENCE, PATIENT, WORTHWHILE
from bargaining_models.paper.pivot_study import PRIOR, YEARS
from bargaining_models.paper.study import LATEST, NOISE, Study

Row = dict[str, Any]
Rows = Callable[[str], list[Row]]
Judge = Callable[[Study, Rows], "Claim"]
HOURS = 8766.0  # a year
TALKED = (0.10, 0.15)  # "10-15% of key exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Shown):
    """A claim of the story and what the computation says of it.

    Attributes
    ----------
    claim, verdict, assumption : str
        The claim in the story's words; where it holds and where it fails; what would change that.
    figures : str or callable
        The numbers behind it, over the whole range looked at; or what computes them, if it takes long.
    tables : str
        The tables from which the numbers are taken.
    chance : str
        In how many of the draws behind T0 the verdict holds; empty if the draws do not determine it.
    """

    claim: str
    verdict: str
    assumption: str
    figures: str | Callable[[], str]
    tables: str
    chance: str = ""

    def as_row(self) -> dict[str, str]:
        """Return the texts by name."""
        return asdict(self) | {"figures": self.figures if isinstance(self.figures, str) else self.figures()}


def verdicts(study: Study, rows: Rows) -> list[Claim]:
    """Return the claims that the models can judge.

    Parameters
    ----------
    study : Study
    rows : callable
        From a table's name to its rows, each a dict by column.
    """
    return [judge(study, rows) for judge in judges()]


def verdicts_at(study: Study, rows: Rows) -> list[str | None]:
    """Return the verdict on each claim at the tariffs of a later study; None for claims that name their dates."""
    return [None if judge in NAMING_DATES else judge(study, rows).verdict for judge in judges()]


def judges() -> tuple[Judge, ...]:
    """Return the functions that judge the claims, in the order of T4."""
    return (
        dependence, pressure, erosion, leaving_for_good, suicide, threat, by_the_hour, construction, bluff, envoy,
        political, decoupling, credible, early, right_to_leave, escalation, paid, china_first,
    )  # fmt: skip


def dependence(study: Study, _: Rows) -> Claim:
    """Over 70% of Canada's trade goes to the US."""
    shares = {}
    for what, flows in (("goods", study.goods_flows), ("all", study.parameters.flows.values.sum(axis=-1))):
        us, canada = (study.parameters.regions.index(name) for name in ("USA", "CAN"))
        out, home = (
            flows[:, canada].sum() - flows[canada, canada],
            flows[canada].sum() - flows[canada, canada],
        )
        shares[what] = flows[us, canada] / out
        shares[f"{what}, both ways"] = (flows[us, canada] + flows[canada, us]) / (out + home)
    held = {name: share > 0.7 for name, share in shares.items()}
    balanced = float(study.baseline.payoffs().partner_share)
    return Claim(
        claim="Over 70% of Canada's trade goes to the US",
        verdict=f"{_holds(held['goods'])} for exports of goods; {_holds(held['goods, both ways'])} for goods both "
        f"ways; {_holds(held['all'])} for exports of goods and services",
        assumption="trade of 2023; the share of goods exports fell to 71.7% in 2025",
        figures=f"{shares['goods']:.1%} of goods exports, {shares['goods, both ways']:.1%} of goods trade both ways, "
        f"{shares['all']:.1%} of exports with services; {balanced:.1%} of exports in the model's base, where trade is "
        "balanced",
        tables="figures",
    )


def pressure(study: Study, _: Rows) -> Claim:
    """US pressure assumed dependence: a tariff war hurts Canada and not the US."""
    deals = {name: study.thresholds_deal(name, False, True) for name in study.sets}
    lost = {name: deal.war.percent - deal.agreement.percent for name, deal in deals.items()}
    us = np.array([found[:, 1] for found in lost.values()])
    dated = Deal.at(study.baseline_with(study.elasticities, LATEST), r=GRID)
    later = (dated.war.percent - dated.agreement.percent)[0]
    turns = first_crossing(dated, partner_loss_from_war).value
    return Claim(
        claim="US pressure assumed dependence: a tariff war hurts only Canada",
        verdict=f"{_holds(bool((us >= 0).all()))} at the tariffs of 2023, at every r under all elasticities; "
        f"{_holds(bool(later[1] >= 0))} at r = 0 at those of August 2026, which others pay too",
        assumption="both set Nash tariffs",
        figures="war against free trade at the same r, in percent of real income: "
        f"Canada {lost[study.elasticities][0, 0]:+.2f} at r = 0, the US "
        f"{us.min():+.3f} to {us.max():+.3f} over r from 0 to 1 and the elasticities; at the tariffs of August 2026 "
        f"Canada {later[0]:+.2f}, the US {later[1]:+.3f} at r = 0, which loses "
        + ("at no r" if turns is None else f"from r = {turns:.2f}"),
        tables="T1, T3, T3-2026",
        chance=f"the US loses: {chance('the US loses from the war')}",
    )


NAMING_DATES = (dependence, pressure)
"""Claims that name their dates: at the tariffs of another there is no other verdict."""


def erosion(_: Study, rows: Rows) -> Claim:
    """A credible 10-15% erodes US leverage: what the US extracts in the deal."""
    lost: dict[tuple[str, str], list[float]] = {}
    for table, route in (("T2", "open"), ("T2-capped", "open, capped"), ("T2-closed", "closed")):
        for reading, found in _by(rows(table), "reading").items():
            at = {row["r"]: row["transfer"] for row in found}
            lost[reading, route] = [1 - (at[r] or 0.0) / at[0.0] for r in TALKED]  # None: no agreement
    still = [f"{name} ({route})" for (name, route), parts in lost.items() if min(parts) < NOISE]
    moved = {key: parts for key, parts in lost.items() if min(parts) >= NOISE}
    nash = "; ".join(
        f"Nash, route {route}: {_span(lost['Nash', route], '{:.0%}')}"
        for route in ("open", "open, capped", "closed")
    )
    return Claim(
        claim="If Canada can redirect 10-15% of key exports, US leverage erodes",
        verdict=f"holds in {len(moved)} of {len(lost)} divisions, by {_span(_flat(moved), '{:.0%}')}; fails for "
        "outside options that do not bind",
        assumption="what follows if talks fail; whether the deal closes the route",
        figures=f"part of the transfer lost at r = 0.10 to 0.15: {nash}; nothing: {', '.join(still) or 'nowhere'}",
        tables="T2, T2-capped, T2-closed; dates and disagreements: T0",
        chance=f"Nash: {chance('leverage erodes')}",
    )


def leaving_for_good(study: Study, rows: Rows) -> Claim:
    """The same claim where the alternative is the right to leave for good."""
    (found,) = (row for row in rows("T3") if row["question"] == "leaving beats the Nash division for Canada")
    binding = [value for key, value in found.items() if key != "question" and value is not None]
    short = first_crossing(study.thresholds_deal(study.elasticities, False, True), gain_from_refusing).margin
    return Claim(
        claim="The same, if the alternative is the right to leave for good",
        verdict="fails: the option binds at no r up to 1, under any elasticities, capped or not"
        if not binding
        else f"holds beyond r = {_span(binding, '{:.2f}')}, where the option binds",
        assumption="outside option protocol: an option worse than the deal is no threat",
        figures=f"at r = 0 leaving is worth USD {-short:.0f} bn a year less than the deal",
        tables="T3",
        chance=f"does not bind: {chance('leaving does not bind')}",
    )


def suicide(study: Study, _: Rows) -> Claim:
    """Leaving the US market would be economic suicide."""
    deals = [study.thresholds_deal(name, False, True) for name in study.sets]
    worse = all(bool((deal.exit.percent[:, 0] < deal.war.percent[:, 0]).all()) for deal in deals)
    lost = {
        name: (deal.exit.percent - deal.agreement.percent)[:, 0]
        for name, deal in zip(study.sets, deals, strict=True)
    }
    own = ", ".join(
        f"{name} {loss[0]:+.1f} at r = 0 and {loss[-1]:+.1f} at r = 1" for name, loss in lost.items()
    )
    return Claim(
        claim="Leaving the US market would be economic suicide",
        verdict=f"{_holds(worse)} in that leaving is worse than the war at every r and under all elasticities; cost "
        f"{_span([-x for x in _flat(lost)], '{:.1f}')}% of income",
        assumption="long run; only goods trade is closed",
        figures=f"goods border closed, against free trade at the same r, percent of Canada's real income: {own}",
        tables="T1, T3",
        chance=f"worse than the war: {chance('leaving is worse than the war')}",
    )


def threat(study: Study, _: Rows) -> Claim:
    """For every threat there is a viable alternative: the threat of 100%."""
    deal = study.thresholds_deal(study.elasticities, False, True)
    bare = study.baseline.payoffs(1.0, r=deal.r).percent
    blow = bare[:, 0] - deal.agreement.percent[:, 0]
    at = {r: int(np.argmin(np.abs(np.asarray(deal.r) - r))) for r in (0.15, 0.30)}
    softer = {r: 1 - blow[k] / blow[0] for r, k in at.items()}
    return Claim(
        claim="For every threat there is a viable alternative: 100% on all goods",
        verdict=("holds in part: " if (blow < 0).all() else "holds from some r on: ")
        + f"the blow is {_span(softer.values(), '{:.0%}')} softer at r = 0.15 to 0.30, "
        f"{1 - (blow / blow[0]).min():.0%} at most",
        assumption="no retaliation; against free trade at the same r",
        figures=f"Canada {bare[0, 0]:+.2f}% at r = 0; against free trade at the same r "
        + ", ".join(f"{blow[k]:+.2f}% at r = {r:.2f}" for r, k in at.items())
        + f"; the US itself {bare[0, 1]:+.3f}%",
        tables="figures of T1's model",
    )


def by_the_hour(_: Study, rows: Rows) -> Claim:
    """US leverage erodes by the hour."""
    steady = f"15% steadily over {YEARS:g} years"
    priced = _priced(rows, lambda path: path == steady)
    parts = [part for _, part, _ in priced]
    hourly = [1e6 * fall / (YEARS * HOURS) for *_, fall in priced]
    waits = _waiting(rows)
    return Claim(
        claim="US leverage erodes by the hour",
        verdict=f"holds in part: terms improve with time, but {_span(parts, '{:.0%}')} of the effect is priced in "
        "today; "
        + ("waiting costs Canada on every path" if max(waits) < 0 else "waiting pays Canada on some paths"),
        assumption="both know the path; offers without pause",
        figures=f"{steady}, over protocols and routes: the yearly transfer falls by USD {_span(hourly, '{:.1f}')} "
        f"thousand an hour on average; waiting for the last capacity is worth USD {_span(waits, '{:+.2f}')} bn a year "
        "to Canada, over all paths",
        tables="T7",
    )


def construction(_: Study, rows: Rows) -> Claim:
    """A viable alternative under construction."""
    found = _priced(rows, lambda path: " in " in path, moving=False)
    moved = [part for _, part, _ in found if part is not None]
    return Claim(
        claim="A viable alternative under construction already counts",
        verdict=f"holds in {len(moved)} of {len(found)} cases, {_span(moved, '{:.0%}')} of the effect before the first "
        "shipment; fails where walking out does not bind",
        assumption="the date is known and certain",
        figures=f"{len(found)} paths, protocols and routes; the transfer never moves in "
        + ("; ".join(case for case, part, _ in found if part is None) or "none"),
        tables="T7",
    )


def bluff(_: Study, rows: Rows) -> Claim:
    """They called our bluff."""
    called = {war: [row["threshold"] for row in found] for war, found in _by(rows("T8"), "war").items()}
    true = [row["threshold"] for row in rows("T8") if row["threshold"] > PRIOR]  # at it the US is indifferent
    conceded = [row["claim"] for row in rows("T8") if row["threshold"] <= PRIOR]
    return Claim(
        claim="They called our bluff",
        verdict=f"holds at belief {PRIOR:g} in {len(true)} of {len(rows('T8'))} cases, where {_span(true, '{:.0%}')} "
        f"of claims are true; fails for some claims of r = {_span(conceded, '{:g}')}",
        assumption="how long a called claim is tested",
        figures="the US concedes from belief "
        + ", ".join(f"{_span(found, '{:.2f}')} if tested by {war:g} year(s)" for war, found in called.items())
        + "; 0: whatever it believes",
        tables="T8",
    )


def envoy(_: Study, rows: Rows) -> Claim:
    """The envoy makes it credible."""
    ratios = [row["ratio"] for row in rows("T8")]
    weak, strong = ([row[f"stake_{who}"] for row in rows("T8")] for who in ("weak", "strong"))
    return Claim(
        claim="The envoy makes it credible",
        verdict="fails for a visit, which costs both the same; holds for steps that cost a strong Canada less than "
        f"{_span(ratios, '{:.2f}')} of a bluffer's cost"
        if max(ratios) < 1
        else "holds: in some case even for a step that costs both the same",
        assumption="what the step costs whom",
        figures=f"being believed is worth USD {_span(strong, '{:.2f}')} bn a year to a strong Canada, "
        f"{_span(weak, '{:.2f}')} to a bluffer",
        tables="T8",
    )


def political(study: Study, rows: Rows) -> Claim:
    """China's market is itself political."""
    lasting, revocable = study.timing.lasting_chain, study.timing.revocable_chain
    talks = []
    for never, before, after in _three(rows, lasting, revocable):
        if abs(never - before) > NOISE:
            talks.append((after - before) / (never - before))
    games = {}
    for row in rows("T10-patience"):
        bare = study.pivot_game.terms("none", row["discount"], leave=False).transfer[0]
        games[row["discount"]] = (row["revocable_transfer"] - row["lasting_transfer"]) / (
            bare - row["lasting_transfer"]
        )
    parts = [*talks, *games.values()]
    most = max(games, key=lambda d: games[d])
    closing, reopening = (study.timing.fact(f"china_{name}_rate") for name in ("closure", "reopening"))
    return Claim(
        claim="China's market is itself political",
        verdict=f"holds: the risk takes {_span(parts, '{:.0%}')} of the leverage, most where Canada must build"
        if min(parts) > 0 and max(parts) < 1
        else "fails for some patience or protocol",
        assumption="closures come at a constant rate, whatever is agreed; patience",
        figures=f"closes at {closing:g}, reopens at {reopening:g} a year; an alternative that comes by itself loses "
        f"{_span(talks, '{:.0%}')}, one that Canada builds {_span(games.values(), '{:.0%}')}, most at a patience of "
        f"{most:g} a year",
        tables="T7, T10-patience",
    )


def decoupling(_: Study, rows: Rows) -> Claim:
    """The US may answer by decoupling."""
    cases: dict[tuple[str, float], dict[str, Row]] = {}
    for row in rows("T7-answers"):
        cases.setdefault((row["route"], row["hazard"]), {})[row["answer"]] = row
    best = {max(found, key=lambda name: found[name]["us"]) for found in cases.values()}
    worth = [found["replace first"]["us"] - found["rush"]["us"] for found in cases.values()]
    itself = [found["replace first"]["transfer"] - found["replace first"]["us"] for found in cases.values()]
    return Claim(
        claim="The US may answer by decoupling",
        verdict=f"fails in all {len(cases)} cases: the US does best to settle at once"
        if best == {"rush"}
        else f"holds in some cases: the US does best to {' or '.join(sorted(best))}",
        assumption="replacing Canada costs the US as much as a more expensive trade route would; this alone decides",
        figures=f"to replace first instead of settling is worth USD {_span(worth, '{:+.1f}')} bn a year to the US, of "
        f"which it loses {_span(itself, '{:.1f}')} because its own imports cost more",
        tables="T7-answers",
    )


def credible(study: Study, rows: Rows) -> Claim:
    """Canada can credibly redirect 10-15%: it would build that much by its own choice."""
    game = study.pivot_game
    from_on = {}
    for name in SHOWN:
        enough = [row[f"{name}_war"] >= 100 * WORTHWHILE for row in rows("T10-patience")]
        from_on[name] = next(
            (row["discount"] for k, row in enumerate(rows("T10-patience")) if all(enough[k:])), None
        )
    lasting, revocable = ([from_on[n] for n in SHOWN if n.startswith(w)] for w in ("lasting", "revocable"))
    return Claim(
        claim="Canada can credibly redirect 10-15% of its exports",
        verdict=f"holds from a patience of {_ends(lasting)} a year if the market stays open, {_ends(revocable)} if "
        "China may close it",
        assumption="capacity costs what Trans Mountain did",
        figures=lambda: (
            f"at a patience of {PATIENT:g} it builds {WORTHWHILE:.0%} only if China closes at a rate of "
            f"{game.tolerated_closure:.2f} a year or less, or capacity costs {game.tolerated_capital:.0%} of what it "
            "does"
        ),
        tables="T10-patience, T10-sensitivity",
    )


def early(_: Study, rows: Rows) -> Claim:
    """The US should settle before the alternative is there."""
    bare = {row["discount"]: row["wait_US"] for row in rows("T10") if row["alternative"] == "none"}
    own = [row for row in rows("T10") if row["alternative"] != "none"]
    settle = max(max(row["wait_US"], row["wait_Canada"]) for row in own) < 0
    urgent = [row for row in own if row["wait_US"] < bare[row["discount"]] - NOISE]
    more = [row["wait_US"] - bare[row["discount"]] for row in own]
    return Claim(
        claim="The US must settle before the alternative is built",
        verdict=(
            "fails as said: both lose by waiting, "
            if settle
            else "holds in part: not everybody loses by waiting, "
        )
        + f"but the alternative adds to the US's loss in only {len(urgent)} of {len(own)} cases",
        assumption="transfers every year; both know what Canada will build",
        figures=f"a year of war first costs the US USD {_span([-row['wait_US'] for row in own], '{:.2f}')} bn a year; "
        f"the alternative changes that by {_span([-x for x in more], '{:+.2f}')}",
        tables="T10",
    )


def right_to_leave(_: Study, rows: Rows) -> Claim:
    """The right to leave is leverage."""
    found = rows("T10")
    worth = [row["right"] for row in found]
    alone = [abs(row[f"alone_{who}"] - row["stay_transfer"]) for row in found for who in ("Canada", "US")]

    def figures() -> str:
        both = [row["leave_transfer"] - row["stay_transfer"] for row in rows("T6")]
        return (
            f"worth to Canada, both leaving, USD bn a year: {_span(worth, '{:+.2f}')}; without an alternative that is "
            f"built the transfer moves by {_span(both, '{:+.2f}')} over r and patience"
        )

    return Claim(
        claim="The right to walk away is leverage while the alternative is built",
        verdict=(
            "fails if only one may leave; " if max(alone) < NOISE else "holds even if only one may leave; "
        )
        + f"if both leave at once it holds for Canada in {sum(x > 0 for x in worth)} of {len(worth)} cases",
        assumption="leaving together is weakly dominated",
        figures=figures,
        tables="T6, T10",
    )


def escalation(study: Study, rows: Rows) -> Claim:
    """The US may answer by escalation that holds back what Canada builds."""
    at = {(row["discount"], row["alternative"]): row["stay_transfer"] for row in rows("T10")}
    back = {
        d: (at[d, "revocable, blocked"] - at[d, "revocable"]) / (at[d, "none"] - at[d, "revocable"])
        for d in PATIENCE
    }

    def figures() -> str:
        changed = {row["changed"]: row["stay"] for row in rows("T10-sensitivity")}
        lost = at[PATIENT, "none"] - changed["nothing"]
        blocks = {
            name.rpartition(" ")[2]: (stay - changed["nothing"]) / lost
            for name, stay in changed.items()
            if name.startswith("escalation blocks")
        }
        return f"at a patience of {PATIENT:g}: " + ", ".join(
            f"{part:.0%} if it blocks {name}" for name, part in blocks.items()
        )

    wars = [study.pivot_game.war("revocable, blocked", d) for d in PATIENCE]
    used = any(own[1][-1] > 0 for war in wars for own in war.strategies)
    return Claim(
        claim="The US may answer by escalation that holds Canada back",
        verdict=("holds" if used else "holds as a threat never carried out")
        + f": wins back {', '.join(f'{part:.0%}' for part in back.values())} of the leverage lost at patience "
        + ", ".join(f"{d:g}" for d in back),
        assumption="how much tariffs delay completion",
        figures=figures,
        tables="T10, T10-sensitivity",
    )


def paid(study: Study, rows: Rows) -> Claim:
    """China's market is itself political: China has to be paid to open it."""
    found = {
        name: [row for row in some if row["r"] > 0]
        for name, some in _by(rows("T11"), "reading").items()
        if any(row["China"] for row in some)
    }
    signs = {name: {bool(row["China"] > 0) for row in some} for name, some in found.items()}
    gets = [name for name, sign in signs.items() if sign == {True}]
    gives = [name for name, sign in signs.items() if sign == {False}]
    turns = [name for name in signs if name not in gets and name not in gives]
    most = max((row for some in found.values() for row in some), key=lambda row: float(row["part"]))

    def figures() -> str:
        clause = first_crossing(study.wide_triangle, gain_from_the_clause).value
        return (
            f"China is paid: {', '.join(gets)}; pays: {', '.join(gives)}; either: {', '.join(turns) or 'none'}; "
            f"most by {most['reading']} at r = {most['r']:g}; to rule the route out pays "
            + ("at no r" if clause is None else f"from r = {clause:.2f}")
        )

    return Claim(
        claim="China's market is itself political: China has to be paid to open it",
        verdict=f"holds in {len(gets)} of {len(found)} readings, up to {most['part']:.0f}% of the route's worth; fails "
        f"in {len(gives)}" + (f"; {len(turns)} depends on r" if turns else ""),
        assumption="China's buyers gain too",
        figures=figures,
        tables="T11, T11-core",
    )


def china_first(_: Study, rows: Rows) -> Claim:
    """Canada should sign with China first."""
    at = {(row["reading"], row["r"]): row for row in rows("T11") if row["r"] > 0}
    change = {
        who: [at["China first", r][who] - at["US first", r][who] for name, r in at if name == "US first"]
        for who in ("CAN", "USA", "CHN")
    }
    pays, lowers = min(change["CAN"]) > 0, max(change["USA"]) < 0
    return Claim(
        claim="Canada should sign with China first",
        verdict=(
            "holds at every r" if pays else "fails at every r" if max(change["CAN"]) < 0 else "depends on r"
        )
        + (": the US gets less, but China takes more than that" if lowers and not pays else ""),
        assumption="each pair bargains once, and its payment is sunk for the second pair",
        figures="China first instead of the US first, USD bn a year: "
        + ", ".join(
            f"{name} {_span(change[who], '{:+.2f}')}"
            for who, name in (("CAN", "Canada"), ("USA", "the US"), ("CHN", "China"))
        ),
        tables="T11",
    )


def _priced(
    rows: Rows, chosen: Callable[[str], bool], *, moving: bool = True
) -> list[tuple[str, Any, float]]:
    """Return, by path, protocol and route, what part of the fall of the transfer is there today, and what is to come.

    The part is None where the path never moves the transfer; such cases are left out if `moving`. Where they never
    agree there is no part.
    """
    never = {row["reading"]: row for row in rows("T7") if row["path"] == "none"}
    found = []
    for row in rows("T7"):
        if not chosen(row["path"]):
            continue
        for route in ("open", "closed"):
            start, today, done = (
                never[row["reading"]][f"{route}_today"],
                row[f"{route}_today"],
                row[f"{route}_open"],
            )
            if today is None or done is None:  # they never agree, or have no surplus later
                continue
            moves = abs(start - done) > NOISE
            if moves or not moving:
                part = (start - today) / (start - done) if moves else None
                found.append((f"{row['reading']}, {row['path']}, route {route}", part, today - done))
    return found


def _waiting(rows: Rows) -> list[float]:
    """Return what Canada gains by waiting for the last capacity, over paths, protocols and routes."""
    return [
        row[f"{route}_wait_0"]
        for row in rows("T7")
        for route in ("open", "closed")
        if row[f"{route}_wait_0"] is not None
    ]


def _three(rows: Rows, *paths: str) -> list[tuple[float, ...]]:
    """Return the transfers agreed today with no alternative and along each path, by protocol and route."""
    at = {(row["path"], row["reading"]): row for row in rows("T7")}
    found = [
        tuple(at[path, reading][f"{route}_today"] for path in ("none", *paths))
        for path, reading in at
        if path == "none"
        for route in ("open", "closed")
    ]
    return [one for one in found if None not in one]


def _by(rows: list[Row], key: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return groups


def _flat(groups: dict[Any, Any]) -> list[float]:
    return [float(x) for some in groups.values() for x in some]


def _span(values: Iterable[float], form: str) -> str:
    """Return the least and the largest value, as one string if they print alike."""
    listed = list(values)
    if not listed:
        return "none"
    low, high = form.format(min(listed)), form.format(max(listed))
    return low if low == high else f"{low} to {high}"


def _ends(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return _span(known, "{:g}") + (" (or none)" if len(known) < len(values) else "")


def _holds(true: bool) -> str:
    return "holds" if true else "fails"
