"""The claims of the story: what is counted for each, over the whole of the paper's tables, and the verdict.

A claim has one event. Its cases are rows of tables, at every r, patience, protocol and route that these have; the event
holds in a case or not, and each case has a size. Counts and sizes are computed, also in worlds that are drawn; verdicts
are written by hand and say no number that is counted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bargaining.authoring import Shown
from bargaining.errors import BargainingError, Status
from bargaining.tables.table import Table
from bargaining_models.negotiation.headline import NOISE, clean, first_crossing, gain_from_refusing
from bargaining_models.paper.bands import FOLDER, read_rows, tail, write_rows
from bargaining_models.paper.pivot_game import SHOWN, WORTHWHILE, PivotGameStudy
from bargaining_models.paper.study import LATEST, STRUCTURES, DrawnStudy, Study, world_priors
from bargaining_models.paper.timing import PRIOR, YEARS, PivotStudy
from bargaining_models.parameters import Parameters
from bargaining_models.uncertainty import LEVELS, uncertainty
from bargaining_models.us_canada.events import TALKS, WITHIN, Score, Scorer

if TYPE_CHECKING:
    import xarray as xr


GROUPS = {
    "threats and orders": ("threat", "order"),
    "tariffs": ("tariff",),
    "replies": ("reply",),
    "reliefs": ("relief",),
    "talks": TALKS,
    "figures": ("outcome",),
}


def events_table(study: Study) -> Table:
    """Return a row for each event, misses included, with the count of hits by kind in the notes."""
    scorer, rows = Scorer(study.parameters, elasticities=study.elasticities), []
    scores = scorer.scores()
    for score in scores:
        event, who = score.event, score.event.actor
        if event.target:
            who = f"{who} on {event.target}"
        happened = event.carried_out
        if event.kind == "outcome" and event.figure is not None:
            happened = f"{event.outcome}: {event.figure:g} {event.figure_unit}"
        elif event.kind in TALKS:
            happened = event.outcome or ("no agreement" if score.hit is False else happened)
        answer = {None: "", True: "; answered in kind", False: "; not answered"}[score.answered]
        rows.append(
            {
                "date": event.date.isoformat(),
                "event": f"{who}: {event.what}",
                "mover": score.mover,
                "target": score.target,
                "predicted": (score.predicted or score.why) + answer,
                "happened": happened,
                "answer": ""
                if score.replied is None
                else "right"
                if score.replied == score.answered
                else "wrong",
                "score": {None: "not scored", True: "hit", False: "miss"}[score.hit],
            }
        )
    return study.table(
        "T12",
        rows,
        scorer,
        hits="; ".join(_counts(scores)),
        benchmark=_benchmark(scores),
        answers=_answers(scores),
        within=WITHIN,
    )


def _benchmark(scores: Sequence[Score]) -> str:
    """Return a sentence that compares the model's hits with those of a rule that uses no information."""
    scored = [score for score in scores if score.mover is not None and score.hit is not None]
    hits, happened = sum(bool(s.hit) for s in scored), sum(bool(s.event.happened) for s in scored)
    always = f'who says "carried out" each time has {happened} right'
    return f"of {len(scored)} measures the model has {hits} right; {always}"


def _answers(scores: Sequence[Score]) -> str:
    """Return how many of the answers that were predicted came, and which hits would be misses with those that came."""
    known = [score for score in scores if score.replied is not None]
    wrong = [s for s in known if s.replied != s.answered]
    words = []
    for actor, name in (("USA", "the US"), ("CHN", "China")):
        count, missed = (sum(score.event.actor == actor for score in some) for some in (known, wrong))
        words.append(f"{count - missed} of {count} to {name}")
    hits = [s for s in wrong if s.hit]
    turned = sum(not score.stands for score in hits)
    return (
        f"{', '.join(words)}; {len(hits)} hits foresee the measure and not the answer, and with the answer that came "
        f"{turned} of these would be misses"
    )


def _counts(scores: Sequence[Score]) -> Iterator[str]:
    """Yield how many of the scored events of each kind are hits."""
    for name, kinds in GROUPS.items():
        scored = [score for score in scores if score.event.kind in kinds and score.hit is not None]
        yield f"{name} {sum(score.hit is True for score in scored)} of {len(scored)}"
    yield f"not scored {sum(score.hit is None for score in scores)} of {len(scores)}"


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
    """A claim of the story."""

    claim: str  # what the story says
    verdict: str  # what the computation says of it
    assumption: str  # what would change that
    event: str  # what is counted
    size: str  # of a case, and its unit
    tables: str  # where the cases are
    cases: Callable[
        [Study, Rows], Cases
    ]  # from a study and the rows of its tables: does the event hold, and the size
    words: str = ""  # as it was said
    by: str = "as told in the story"  # by whom and when
    link: str = ""  # the pages where that was seen

    def counted(self, study: Study, rows: Rows) -> tuple[int, int, tuple[float, float]]:
        """Return in how many cases the event holds, of how many, and the least and the largest size."""
        holds, sizes = zip(*self.cases(study, rows), strict=True)
        return int(sum(holds)), len(holds), (clean(min(sizes)), clean(max(sizes)))


def dependence(study: Study, _: Rows) -> Iterator[tuple[bool, float]]:
    """The share of the US in exports of goods, in goods both ways, and in exports with services."""
    us, canada = (study.parameters.regions.index(name) for name in ("USA", "CAN"))
    traded = study.parameters.flows.values
    goods, everything = (flows.sum(axis=-1) for flows in (traded[..., study.parameters.goods], traded))
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
            paid = {row["r"]: row["transfer"] or 0.0 for row in found}
            lost = [1.0 - paid[r] / paid[0.0] for r in TALKED]
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
    lasting, revocable = PivotStudy.lasting_chain, PivotStudy.revocable_chain
    for (path, reading), route in product(at, ("open", "closed")):
        if path == "none":
            paid = [at[p, reading][f"{route}_today"] for p in (path, lasting, revocable)]
            if None not in paid and abs(paid[0] - paid[1]) > NOISE:
                part = (paid[2] - paid[1]) / (paid[0] - paid[1])
                yield part >= QUARTER, 100.0 * part
    for row in rows(study, "T10-patience"):
        bare = study.once(PivotGameStudy).terms("none", row["discount"], leave=False).transfer[0]
        part = (row["revocable_transfer"] - row["lasting_transfer"]) / (bare - row["lasting_transfer"])
        yield part >= QUARTER, 100.0 * part


def decoupling(study: Study, rows: Rows) -> Iterator[tuple[bool, float]]:
    """What the US gains by replacing its suppliers, at the better of two dates, over settling at once."""
    for found in _by(rows(study, "T7-answers"), "route", "breakdown").values():
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


def _claims() -> Iterator[Claim]:
    """Read the claims."""
    file = Path(__file__).with_name("claims.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(file)["claim"]:
        event = entry["event"].format(prior=PRIOR, years=YEARS)
        yield Claim(**entry | {"event": event, "cases": globals()[entry["cases"]]})


CLAIMS = tuple(_claims())


def claims_table(study: Study) -> Table:
    """T4: the story's claims, the verdict on each, and what that depends on."""
    return study.table(
        "T4",
        [
            {name: getattr(claim, name) for name in ("claim", "words", "by", "verdict", "assumption")}
            for claim in CLAIMS
        ],
        study.uncapped.war,
    )


def counts_table(study: Study, rows: Rows) -> Table:
    """T4-figures: the event that is counted for each claim, its cases at both dates, and in worlds that are drawn."""
    drawn = {(row["environment"], row["claim"]): row for row in read_rows(FOLDER / COUNTS)}
    listed = []
    for claim in CLAIMS:
        line: Row = {"claim": claim.claim, "event": claim.event, "what": claim.size, "tables": claim.tables}
        for year, where, environment in (("2023", study, "2023"), ("later", study.latest, LATEST)):
            holds, count, size = claim.counted(where, rows)
            line |= {f"{year}_holds": f"{holds} of {count}", f"{year}_size": size, f"{year}_drawn": ""}
            row = drawn.get((environment, claim.claim))
            if row is not None:
                number = {
                    name: float(row[name]) for name in ("median", "low", "high", "of", "share", "error")
                }
                line[f"{year}_drawn"] = (
                    "{median:.0f} [{low:.0f}, {high:.0f}] of {of:.0f}; ".format(**number)
                    + f"{100.0 * number['share']:.2g} ± {round(100.0 * number['error'], 9):.1g}% of cases, "
                    f"{row['draws']} worlds"
                )
        listed.append(line)
    return study.table("T4-figures", listed, study.uncapped.war)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClaimDraw(Shown):
    """In how many cases each claim's event holds, and of how many, as a function of what is drawn of a world."""

    parameters: Parameters
    structure: str
    day: str | None
    rows: Rows

    def __call__(self, **given: Any) -> Mapping[str, Any]:
        """Count in one world; a claim whose tables cannot be computed there is masked."""
        study, found = DrawnStudy(self.parameters, self.structure, given, tariffs=self.day), []
        for claim in CLAIMS:
            try:
                holds, count, _ = claim.counted(study, self.rows)
            except (
                BargainingError,
                TypeError,
                ValueError,
                ZeroDivisionError,
            ):  # a number that it needs is missing
                holds, count = None, None
            found.append((holds, count))
        numbers = np.ma.masked_invalid(np.array(found, dtype=float))
        return {"holds": numbers[:, 0], "of": numbers[:, 1]}


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
    listed: list[dict[str, Any]] = []
    for environment, parts in found.items():
        solved = np.concatenate([one["status"].values == Status.OK for one in parts.values()])
        numbers = [
            np.concatenate([one[name].values for one in parts.values()])[solved] for name in ("holds", "of")
        ]
        for claim, holds, of in zip(CLAIMS, numbers[0].T, numbers[1].T, strict=True):
            known = np.isfinite(holds)
            if known.any():
                shares, (low, median, high) = holds[known] / of[known], np.quantile(holds[known], LEVELS)
                error = shares.std(ddof=1) / np.sqrt(len(shares)) if len(shares) > 1 else 0.0
                row = {"environment": environment, "claim": claim.claim}
                row |= {
                    "median": f"{median:g}",
                    "low": f"{low:g}",
                    "high": f"{high:g}",
                    "of": f"{of[known].max():g}",
                }
                row |= {"share": f"{shares.mean():.6g}", "error": f"{error:.6g}"}
                counts = {"draws": int(known.sum()), "failed": int((~known).sum())}
                listed.append(row | counts | tail("cases of the tables", "claims"))
    write_rows(folder / COUNTS, listed)
