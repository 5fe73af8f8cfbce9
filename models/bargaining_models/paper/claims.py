"""The claims of the story: what is counted for each, over the whole of the paper's tables, and the verdict.

A claim has one event. Its cases are rows of tables, at every r, patience, protocol and route that these have; the event
holds in a case or not, and each case has a size. Counts and sizes are computed, also in worlds that are drawn; verdicts
are written by hand and say no number that is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.authoring import Floats, Shown
from bargaining.errors import BargainingError, Status
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.thresholds import first_crossing, gain_from_refusing
from bargaining_models.paper.bands import FOLDER, read_rows, tail, write_rows
from bargaining_models.paper.pivot_game import SHOWN
from bargaining_models.paper.pivot_game_study import WORTHWHILE
from bargaining_models.paper.pivot_study import PRIOR, YEARS
from bargaining_models.paper.study import LATEST, NOISE, Study, clean, words
from bargaining_models.paper.worlds import STRUCTURES, DrawnStudy, world_priors
from bargaining_models.parameters import Parameters
from bargaining_models.uncertainty import LEVELS, uncertainty

if TYPE_CHECKING:
    import xarray as xr

Row = dict[str, Any]
Rows = Callable[[Study, str], list[Row]]
Cases = Iterable[tuple[bool, float]]
COUNTS = "claim_counts.csv"
TALKED = (0.10, 0.15)  # "10-15% of key exports"
OBJECTIVES = (
    "canola access",
    "Cedar LNG",
    "LNG Canada phase 2",
)  # of approvals and gas; no project of minerals is known
HALF, QUARTER, TWENTIETH = 0.5, 0.25, 0.05  # what counts as much of the leverage, as some, and as a little


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Shown):
    """A claim of the story.

    Attributes
    ----------
    claim, verdict, assumption : str
        In the story's words; what the computation says of it; what would change that.
    event, size : str
        What is counted; what the size of a case is, and its unit.
    tables : str
        Where the cases are.
    cases : callable
        From a study, and a function from a study and the name of a table to its rows, to pairs of whether the event
        holds and the size.
    """

    claim: str
    verdict: str
    assumption: str
    event: str
    size: str
    tables: str
    cases: Callable[[Study, Rows], Cases]

    def counted(self, study: Study, rows: Rows) -> tuple[int, int, tuple[float, float]]:
        """Return in how many cases the event holds, of how many, and the least and the largest size."""
        holds, sizes = zip(*self.cases(study, rows), strict=True)
        return int(sum(holds)), len(holds), (clean(min(sizes)), clean(max(sizes)))


def dependence(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """The share of the US in exports of goods, in goods both ways, and in exports with services."""
    us, canada = (study.parameters.regions.index(name) for name in ("USA", "CAN"))
    goods, everything = study.goods_flows, study.parameters.flows.values.sum(axis=-1)
    for flows in (goods, goods + goods.T, everything):
        share = flows[us, canada] / (flows[:, canada].sum() - flows[canada, canada])
        yield bool(share > 0.7), 100.0 * float(share)


def pressure(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """What the war is worth to the US against free trade, at every r, by elasticities."""
    for name in study.sets:
        deal = study.thresholds_deal(name, False, True)
        for change in (deal.war.percent - deal.agreement.percent)[:, 1].tolist():
            yield change >= 0.0, change


def erosion(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What part of the transfer is lost by division; all of it where there is no agreement."""
    for table in ("T2", "T2-capped", "T2-closed"):
        for found in _by(rows(study, table), "reading").values():
            at = {row["r"]: row["transfer"] for row in found}
            lost = [1.0 - (at[r] or 0.0) / at[0.0] for r in TALKED]
            yield min(lost) > NOISE, 100.0 * lost[-1]


def diversion(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """The same where that part of what is sold to the US in fact goes elsewhere."""
    for row in rows(study, "headline"):
        lost = [1.0 - (row[f"diverted_{r:g}"] or 0.0) / row["0"] for r in TALKED]
        yield min(lost) > HALF, 100.0 * lost[-1]


def leaving_for_good(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """Whether leaving beats the Nash division at some r, and by how much at r = 0."""
    for name, capped in product(study.sets, (False, True)):
        found = first_crossing(study.thresholds_deal(name, capped, True), gain_from_refusing)
        yield found.value is not None, found.margin


def suicide(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """What closing the border costs Canada, at every r, by elasticities."""
    for name in study.sets:
        deal = study.thresholds_deal(name, False, True)
        lost = (deal.agreement.percent - deal.exit.percent)[:, 0]
        yield from zip((deal.exit.percent < deal.war.percent)[:, 0].tolist(), lost.tolist(), strict=True)


def threat(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """By what part a US tariff of 100 percent hurts less, at every r above 0."""
    deal = study.thresholds_deal(study.elasticities, False, True)
    blow = (study.baseline.payoffs(1.0, r=deal.r).percent - deal.agreement.percent)[:, 0]
    for softer in (1.0 - blow[1:] / blow[0]).tolist():
        yield softer >= HALF, 100.0 * softer


def by_the_hour(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What part of the fall of the transfer is there on the first day, where r grows steadily."""
    for _, part in _priced(rows(study, "T7"), lambda path: "steadily" in path):
        if part is not None:
            yield part < HALF, 100.0 * part


def construction(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """The same where capacity opens at a date; 0 where the path never moves the transfer."""
    for _, part in _priced(rows(study, "T7"), lambda path: " in " in path):
        yield part is not None, 100.0 * (part or 0.0)


def bluff(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """The belief from which the US concedes to a claim."""
    for row in rows(study, "T8"):
        yield row["threshold"] > PRIOR, row["threshold"]  # at it the US is indifferent


def envoy(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """The most that a step may cost a strong Canada for each dollar that it costs a bluffer."""
    for row in rows(study, "T8"):
        yield row["ratio"] >= 1.0, row["ratio"]


def political(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What part of the leverage the risk of a closure takes, in talks and where Canada builds."""
    at = {(row["path"], row["reading"]): row for row in rows(study, "T7")}
    lasting, revocable = study.timing.lasting_chain, study.timing.revocable_chain
    for (path, reading), route in product(at, ("open", "closed")):
        if path == "none":
            paid = [at[p, reading][f"{route}_today"] for p in (path, lasting, revocable)]
            if None not in paid and abs(paid[0] - paid[1]) > NOISE:
                part = (paid[2] - paid[1]) / (paid[0] - paid[1])
                yield part >= QUARTER, 100.0 * part
    for row in rows(study, "T10-patience"):
        bare = study.pivot_game.terms("none", row["discount"], leave=False).transfer[0]
        part = (row["revocable_transfer"] - row["lasting_transfer"]) / (bare - row["lasting_transfer"])
        yield part >= QUARTER, 100.0 * part


def decoupling(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What the US gains by replacing its suppliers, at the better of two dates, over settling at once."""
    for found in _by(rows(study, "T7-answers"), "route", "hazard").values():
        us = {row["answer"]: row["us"] for row in found}
        gain = max(value for answer, value in us.items() if answer != "rush") - us["rush"]
        yield gain > 0.0, gain


def credible(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """How far Canada builds in the war by its own choice, by patience and alternative."""
    for row, name in product(rows(study, "T10-patience"), SHOWN):
        yield row[f"{name}_war"] >= 100.0 * WORTHWHILE, row[f"{name}_war"]


def early(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What the alternative adds to what a year of war costs the US."""
    bare = {row["discount"]: row["wait_US"] for row in rows(study, "T10") if row["alternative"] == "none"}
    for row in rows(study, "T10"):
        if row["alternative"] != "none":
            more = bare[row["discount"]] - row["wait_US"]
            yield more > NOISE, more


def right_to_leave(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What the right to leave adds to Canada's payoff, if Canada alone has it and if both have it."""
    for row in rows(study, "T10"):
        for worth in (row["stay_transfer"] - row["alone_Canada"], row["right"]):
            yield worth > NOISE, worth


def escalation(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What part of the leverage lost the US wins back by holding completion back, by patience."""
    for found in _by(rows(study, "T10"), "discount").values():
        paid = {row["alternative"]: row["stay_transfer"] for row in found}
        back = (paid["revocable, blocked"] - paid["revocable"]) / (paid["none"] - paid["revocable"])
        yield back >= HALF, 100.0 * back


def china_is_paid(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What China gets of the worth of the route, by reading and r; readings in which it bargains."""
    for found in _by(rows(study, "T11"), "reading").values():
        if any(row["China"] for row in found):
            for row in found:
                if row["r"] > 0.0:
                    yield row["China"] > 0.0, row["part"]


def china_first(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What Canada gains by signing with China first instead of the US."""
    at = {(row["reading"], row["r"]): row["CAN"] for row in rows(study, "T11")}
    for reading, r in at:
        if reading == "US first" and r > 0.0:
            gain = at["China first", r] - at[reading, r]
            yield gain > NOISE, gain


def objectives(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What part of the transfer about the war a project takes, by project and route."""
    (paid,) = (row["transfer"] for row in rows(study, "T2") if (row["reading"], row["r"]) == ("Nash", 0.0))
    for row in rows(study, "T9"):
        if row["project"] in OBJECTIVES:
            part = row["nash_leverage"] / paid
            yield part >= TWENTIETH, 100.0 * part


def _priced(rows: list[Row], chosen: Callable[[str], bool]) -> Iterator[tuple[str, float | None]]:
    """Yield path by path, protocol and route, what part of the fall of the transfer is there today.

    None where the path never moves the transfer; left out where they never agree, or have no surplus later.
    """
    never = {row["reading"]: row for row in rows if row["path"] == "none"}
    for row, route in product(rows, ("open", "closed")):
        start, today, done = (
            never[row["reading"]][f"{route}_today"], row[f"{route}_today"], row[f"{route}_open"],
        )  # fmt: skip
        if chosen(row["path"]) and today is not None and done is not None:
            yield row["path"], (start - today) / (start - done) if abs(start - done) > NOISE else None


def _by(rows: list[Row], *keys: str) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


CLAIMS = (
    Claim(
        claim="Over 70% of Canada's trade goes to the US",
        verdict="Holds for exports of goods. It fails once imports or services are counted.",
        assumption="trade of 2023; the share of goods exports fell to 71.7% in 2025",
        event="the US has more than 70%, of exports of goods, of goods both ways, of exports with services",
        size="its share, %",
        tables="figures",
        cases=dependence,
    ),
    Claim(
        claim="US pressure assumed dependence: a tariff war hurts only Canada",
        verdict="Fails at the tariffs of 2023: the US loses a little too. At those of August 2026, which others pay as "
        "well, the US gains while r is small.",
        assumption="both set Nash tariffs",
        event="the US does not lose by the war, against free trade at the same r, from 0 to 1, by elasticities",
        size="its change, % of real income",
        tables="T1, T3",
        cases=pressure,
    ),
    Claim(
        claim="If Canada can redirect 10-15% of key exports, US leverage erodes",
        verdict="Holds where r is capacity, in most divisions and by much less than half in most of them. It fails for "
        "outside options that do not bind.",
        assumption="what follows if talks fail; whether the deal closes the route",
        event="Canada pays less at r = .10 and .15 than at r = 0, by division; no agreement counts as all lost",
        size="part lost at r = .15, %",
        tables="T2, T2-capped, T2-closed; dates and disagreements: T0",
        cases=erosion,
    ),
    Claim(
        claim="The same, read literally: 10-15% of what is sold to the US goes elsewhere",
        verdict="Out of reach with the capacity that is known. If it were in reach, most of the leverage would go in "
        "about half of the divisions.",
        assumption="the capacity that it takes, several times the caps of the figures (T1-r)",
        event="Canada pays less than half at r = .10 and .15, where r is diverted, by division",
        size="part lost at r = .15, %",
        tables="headline, T1-r",
        cases=diversion,
    ),
    Claim(
        claim="The same, if the alternative is the right to leave for good",
        verdict="Fails: an outside option that is worse than the deal is no threat.",
        assumption="outside option protocol",
        event="leaving is better for Canada than the Nash division at some r up to 1, by elasticities and caps",
        size="worth of leaving over the deal at r = 0, USD bn a year",
        tables="T3",
        cases=leaving_for_good,
    ),
    Claim(
        claim="Leaving the US market would be economic suicide",
        verdict="Holds in that leaving is worse than the war. What it costs is some years of growth, not an economy.",
        assumption="long run; only goods trade is closed",
        event="a closed border is worse for Canada than the war, at every r from 0 to 1, by elasticities",
        size="its cost, % of real income",
        tables="T1, T3",
        cases=suicide,
    ),
    Claim(
        claim="For every threat there is a viable alternative: 100% on all goods",
        verdict="Holds in part: the blow is softer at every r, and at none by half.",
        assumption="no retaliation; against free trade at the same r",
        event="a US tariff of 100% costs Canada at most half of what it does at r = 0, at every r above 0",
        size="by how much less, %",
        tables="figures of T1's model",
        cases=threat,
    ),
    Claim(
        claim="US leverage erodes by the hour",
        verdict="Fails as said: it erodes overnight. Who foresees the path prices most of the fall in at once.",
        assumption="both know the path; offers without pause",
        event=f"less than half of the fall is there on the first day, where r grows steadily over {YEARS:g} years, by "
        "protocol and route",
        size="part there on the first day, %",
        tables="T7",
        cases=by_the_hour,
    ),
    Claim(
        claim="A viable alternative under construction already counts",
        verdict="Holds for nearly all of its effect, before the first shipment. It fails where walking out does not "
        "bind.",
        assumption="the date is known and certain",
        event="Canada pays less today because capacity will open, by path, protocol and route",
        size="part of the effect that is there today, %",
        tables="T7",
        cases=construction,
    ),
    Claim(
        claim="They called our bluff",
        verdict="Holds in most cases. It fails for small claims that are tested for long.",
        assumption="how long a called claim is tested",
        event=f"the US calls at a belief of {PRIOR:g}, by claim, years of war and route",
        size="belief from which it concedes",
        tables="T8",
        cases=bluff,
    ),
    Claim(
        claim="The envoy makes it credible",
        verdict="Fails for a visit, which costs both the same. A step convinces if it costs a bluffer more.",
        assumption="what the step costs whom",
        event="a step that costs a strong Canada as much as a bluffer proves something, by claim, years and route",
        size="most that it may cost the strong, part of the bluffer's cost",
        tables="T8",
        cases=envoy,
    ),
    Claim(
        claim="China's market is itself political",
        verdict="Holds: the risk of a closure takes a part of the leverage, never all of it; most where Canada must "
        "build.",
        assumption="closures come at a constant rate, whatever is agreed; patience",
        event="the risk takes a quarter of the leverage or more, by protocol, route and patience",
        size="part taken, %",
        tables="T7, T10-patience",
        cases=political,
    ),
    Claim(
        claim="The US may answer by decoupling",
        verdict="Fails: the US does best to settle at once.",
        assumption="replacing Canada costs the US as much as a dearer trade route would; this alone decides",
        event="the US has more by replacing its suppliers than by settling at once, by route and risk of breakdown",
        size="its gain, USD bn a year",
        tables="T7-answers",
        cases=decoupling,
    ),
    Claim(
        claim="Canada can credibly redirect 10-15% of its exports",
        verdict="Holds only for a very patient Canada: one that discounts a year by little more than a twentieth.",
        assumption="capacity costs what Trans Mountain did",
        event="Canada builds to 10% or more in the war, by patience from .6 to .99 and alternative",
        size="r that it builds to, %",
        tables="T10-patience, T10-sensitivity",
        cases=credible,
    ),
    Claim(
        claim="The US must settle before the alternative is built",
        verdict="Fails as said: both lose by waiting, but the alternative seldom adds to what the US loses.",
        assumption="transfers every year; both know what Canada will build",
        event="a year of war costs the US more than without an alternative, by patience and alternative",
        size="how much more, USD bn a year",
        tables="T10",
        cases=early,
    ),
    Claim(
        claim="The right to walk away is leverage while the alternative is built",
        verdict="Fails if one alone may leave. It holds for Canada where both leave at the same moment, each because "
        "the other does.",
        assumption="leaving together is weakly dominated",
        event="the right adds to Canada's payoff, if Canada alone has it and if both have it, by patience and "
        "alternative",
        size="its worth, USD bn a year",
        tables="T6, T10",
        cases=right_to_leave,
    ),
    Claim(
        claim="The US may answer by escalation that holds Canada back",
        verdict="Holds for patient countries, as a threat that is never carried out.",
        assumption="how much tariffs delay completion",
        event="it wins back half of the leverage lost or more, by patience",
        size="part won back, %",
        tables="T10, T10-sensitivity",
        cases=escalation,
    ),
    Claim(
        claim="China's market is itself political: China has to be paid to open it",
        verdict="Fails in most readings: China's buyers gain too, and China pays, or is paid next to nothing. Only "
        "values that credit it for what others would do without it have it paid.",
        assumption="China's buyers gain too",
        event="China is paid, by who bargains when and by r",
        size="its part of the route's worth, %",
        tables="T11",
        cases=china_is_paid,
    ),
    Claim(
        claim="Canada should sign with China first",
        verdict="Fails: the US gets less, but China takes more than that.",
        assumption="each pair bargains once, and its payment is sunk for the second pair",
        event="Canada has more by signing with China first, at every r",
        size="its gain, USD bn a year",
        tables="T11",
        cases=china_first,
    ),
    Claim(
        claim="Approvals, gas terminals and mineral terms build the alternative",
        verdict="Fails for each of the three objectives: an approval or a terminal takes about a hundredth of the "
        "leverage, and terms for minerals do not exist yet. Pork still pays China's tariff of 25 percent.",
        assumption="capacity and lead times as published",
        event="one project takes a twentieth or more of what the US gets about the war, by project and route",
        size="part taken, %",
        tables="T9, T2",
        cases=objectives,
    ),
)


def claims_table(study: Study) -> Table:
    """T4: the story's claims, the verdict on each, and what that depends on."""
    columns = [Column("claim", title="Claim"), Column("verdict", title="Verdict")]
    columns.append(Column("assumption", title="Depends on"))
    return Table(
        [{column.name: getattr(claim, column.name) for column in columns} for claim in CLAIMS],
        columns=columns,
        caption="The claims of the story, and the verdicts",
        label="tab:claims",
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Verdicts="written by hand; T4-figures has what is counted for each",
            **words("War", "Nash", "Capped", "Route"),
            Words="leverage: what the US gets for free trade; a division, case or reading: a way to bargain in the "
            "tables; leaving, exit: closing the goods border for good; patience: what a year counts in parts of the "
            "year before it; belief: the chance that the US gives to Canada's being able to do what it claims",
        ),
    )


def counts_table(study: Study, rows: Rows) -> Table:
    """T4-figures: the event that is counted for each claim, its cases at both dates, and in worlds that are drawn."""
    drawn = {(row["environment"], row["claim"]): row for row in read_rows(FOLDER / COUNTS)}
    listed = []
    for claim in CLAIMS:
        line: Row = {"claim": claim.claim, "event": claim.event, "what": claim.size, "tables": claim.tables}
        for year, where, environment in (("2023", study, "2023"), ("later", study.latest, LATEST)):
            holds, count, size = claim.counted(where, rows)
            found = drawn.get((environment, claim.claim))
            line |= {
                f"{year}_holds": f"{holds} of {count}",
                f"{year}_size": size,
                f"{year}_drawn": "" if found is None else _drawn_words(found),
            }
        listed.append(line)
    columns = [Column("claim", title="Claim"), Column("event", title="What is counted")]
    for year, title in (("2023", "Tariffs of 2023"), ("later", f"Tariffs of {LATEST}")):
        columns.append(Column(f"{year}_holds", title="holds in", group=title))
        columns.append(Column(f"{year}_size", title="sizes", group=title))
        columns.append(Column(f"{year}_drawn", title="in drawn worlds", group=title))
    columns += [Column("what", title="Size of a case"), Column("tables", title="Tables")]
    return Table(
        [{column.name: line[column.name] for column in columns} for line in listed],
        columns=columns,
        caption="The claims of the story: what is counted",
        label="tab:claim-figures",
        digits=2,
        notes=study.notes(
            study.uncapped.war.residual.max(),
            Sizes="the least and the largest over all cases, whether the event holds there or not",
            **{
                "In drawn worlds": "median count [5th, 95th percentile] of cases in which the event holds, by world; "
                "the mean part of cases, with the standard error of that mean. Worlds are drawn independently in each "
                "of four structures: elasticities, caps, prices, costs and lead times of projects, China's rates, what "
                "the US can replace"
            },
            **words("War", "Nash", "Capped", "Route"),
        ),
    )


def _drawn_words(row: Mapping[str, str]) -> str:
    count, low, high, of = (float(row[name]) for name in ("median", "low", "high", "of"))
    share, error = (100.0 * float(row[name]) for name in ("share", "error"))
    counts = f"{count:.0f} [{low:.0f}, {high:.0f}] of {of:.0f}"
    return f"{counts}; {share:.0f} ± {error:.1g}% of cases, {row['draws']} worlds"


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimDraw(Shown):
    """In how many cases each claim's event holds, and of how many, as a function of what is drawn of a world."""

    parameters: Parameters
    structure: str
    day: str | None
    rows: Rows

    def __call__(self, **given: Any) -> Mapping[str, Any]:
        """Count in one world; a claim whose tables cannot be computed there is masked."""
        study = DrawnStudy(self.parameters, self.structure, given, tariffs=self.day)
        found = [self._counted(claim, study) for claim in CLAIMS]
        return {
            name: np.ma.masked_invalid([one[k] for one in found]) for k, name in enumerate(("holds", "of"))
        }

    def _counted(self, claim: Claim, study: Study) -> tuple[float, float]:
        try:
            holds, count, _ = claim.counted(study, self.rows)
        except (
            BargainingError,
            TypeError,
            ValueError,
            ZeroDivisionError,
        ):  # a number that it needs is missing
            return np.nan, np.nan
        return float(holds), float(count)


def draw_claims(
    parameters: Parameters, environment: str, structure: str, rows: Rows, draws: int, **options: Any
) -> xr.Dataset:
    """Count in worlds of one structure, from a random stream of its own; see `uncertainty` for the options."""
    model = ClaimDraw(
        parameters=parameters,
        structure=structure,
        day=None if environment == "2023" else environment,
        rows=rows,
    )
    seed = 1 + list(STRUCTURES).index(structure)
    return uncertainty(model, world_priors(structure, parameters), draws=draws, seed=seed, **options)


def store_counts(found: Mapping[str, Mapping[str, xr.Dataset]], folder: Path = FOLDER) -> None:
    """Write the counts over the worlds of all structures, by date and claim."""
    write_rows(
        folder / COUNTS,
        [
            row
            for environment, parts in found.items()
            for row in _count_rows(environment, list(parts.values()))
        ],
    )


def _count_rows(environment: str, parts: Sequence[xr.Dataset]) -> Iterator[dict[str, Any]]:
    solved = np.concatenate([one["status"].values == Status.OK for one in parts])
    holds, of = (np.concatenate([one[name].values for one in parts])[solved] for name in ("holds", "of"))
    for k, claim in enumerate(CLAIMS):
        known: Floats = holds[:, k][np.isfinite(holds[:, k])]
        if not len(known):
            continue
        share = known / of[:, k][np.isfinite(holds[:, k])]
        low, median, high = np.quantile(known, LEVELS)
        yield {
            "environment": environment,
            "claim": claim.claim,
            "median": f"{median:g}",
            "low": f"{low:g}",
            "high": f"{high:g}",
            "of": f"{np.nanmedian(of[:, k]):g}",
            "share": f"{share.mean():.6g}",
            "error": f"{share.std(ddof=1) / np.sqrt(len(share)) if len(share) > 1 else 0.0:.6g}",
            "draws": len(known),
            "failed": len(solved) - len(known),
            **tail("cases of the tables", "claims"),
        }
