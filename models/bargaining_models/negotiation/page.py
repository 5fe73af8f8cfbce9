"""The page on two countries in talks, and on what an alternative is worth to one: `bargaining negotiate` prints it.

Three tables: what home pays for free trade and how much of it the alternative takes away, by what happens without an
agreement; the tariffs that the two agree on if nothing is paid; and what the payment depends on. A fourth has bands.
Each number comes with its unit, date, source, definition and the call that gives it: `Sheet.numbers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bargaining import BayesianProblem, neutral, second_best
from bargaining.authoring import Floats, Shown, real
from bargaining.errors import InvalidInput, Status
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.deal import applicable
from bargaining_models.negotiation.draws import headline_draws
from bargaining_models.negotiation.negotiation import FLOWS, Negotiation
from bargaining_models.negotiation.roles import MEANINGS, region
from bargaining_models.negotiation.tariff_war import first_years
from bargaining_models.trade import Environment
from bargaining_models.trade.data import DEFICITS
from bargaining_models.trade.folders import structure
from bargaining_models.uncertainty import LEVELS, AnyPrior, Prior, elasticity_priors

UNION = ("EU", "European Union")
OWN = ("USA", "CAN", "CHN")
"""The countries of the structure wiod2011."""
BASE = "base"
REVENUE = (1.1, 1.5)
"""What a dollar of tariff revenue may count to the partner's government; the last makes it a hard type."""
PRIORS = ("wiod2011", "icio2019")
LABELS = ("Without an agreement", "Route", "Assumption", "")
"""Titles of columns that say what a row is about."""
CLOSURE = Prior(name="deficits", distribution="discrete", parameters=range(len(DEFICITS)))
"""Which of them a draw has: trade balanced, or deficits that stay, in world value added or as shares of income."""
IMPORTS = (
    "from dataclasses import replace; import numpy as np; from bargaining import nash; "
    "from bargaining_models import Negotiation; from bargaining_models.negotiation.page import sampled; "
    "from bargaining_models.negotiation.tariff_war import first_years"
)
"""What the calls of `Sheet.numbers` take for granted."""
DEFINITIONS = {
    "tab:headline": "docs/theory/the-deal.md",
    "tab:agreed-tariffs": "docs/theory/tariff-games.md",
    "tab:assumptions": "docs/how-to/your-own-pair.md",
    "tab:page-bands": "docs/how-to/reproduce-the-paper.md",
    "tab:leverage": "docs/theory/power.md",
}
"""Where the documentation says what the numbers of a table are."""
LONG = 200  # characters of a note
LARGEST = 50  # regions times sectors: the first years of more take minutes


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet(Shown):
    """One table of the page, and where its numbers come from.

    Attributes
    ----------
    table : Table
    talks : Negotiation
    calls : mapping from (row, column name) to str
        Statements, the last one an expression with the number as its value, after `IMPORTS`.
    more : mapping from (row, column name) to dict
        Of numbers that were drawn, the sampling error, how many draws there are, and how often there is no deal.
    """

    table: Table
    talks: Negotiation
    calls: Mapping[tuple[int, str], str]
    more: Mapping[tuple[int, str], dict[str, Any]]

    def numbers(self) -> list[dict[str, Any]]:
        """Return a record for each number of the table that has a call; a drawn one has its median and its band."""
        found, data = [], self.talks.model.data
        about = {"date": self.talks.tariffs_in_words, "year": data.year, "source": data.source}
        about["definition"] = DEFINITIONS[self.table.label]
        for (k, name), call in self.calls.items():
            row = self.table.records()[k]
            column = next(one for one in self.table.columns if one.name == name)
            label = ", ".join(str(row[one.name]) for one in self.table.columns if one.title in LABELS)
            value = {"value": row[name]}
            if isinstance(row[name], tuple):
                low, middle, high = row[name]
                value = {"value": middle, "band": [low, high], "levels": [LEVELS[0], LEVELS[-1]]}
            if value["value"] is not None:
                heading = f"{column.group}: {column.heading}" if column.group else column.heading
                where = {"row": label, "column": heading, "unit": column.unit}
                found.append(where | value | self.more.get((k, name), {}) | about | {"call": call})
        return found


def page(home: str, partner: str, **options: Any) -> list[Table]:
    """Return the tables of `sheets`, whose arguments these are.

    Examples
    --------
    >>> tables = page("Canada", "US", r=[0, 0.1])
    >>> tables[1].records()[0]["capacity_partner"].__round__(1)  # percent: the US tariff that Canada accepts
    5.8
    """
    return [sheet.table for sheet in sheets(home, partner, **options)]


def sheets(
    home: str,
    partner: str,
    *,
    alternative: str | None = None,
    date: str | None = None,
    r: Sequence[float] = (0.0, 0.10, 0.15),
    data: str | None = None,
    draws: int = 0,
    notions: bool = False,
    progress: bool = False,
) -> list[Sheet]:
    """Return what home pays for free trade, the tariffs agreed on if nothing is paid, what the payment depends on.

    With `draws`, also in which bands the payment lies, and how often there is no deal.

    Parameters
    ----------
    home, partner, alternative : str
        Countries, by code or everyday name. By default the alternative is China, unless it is one of the two.
    date : str, optional
        The day whose tariffs are in force; by default the last known one where the US is one of the two, else, or if
        "base", those of the figures.
    r : sequence of float
        Redirectable shares.
    data : str, optional
        A structure of this package, or a folder; by default "wiod2014" for the EU, "wiod2011" for the US, Canada and
        China, else "icio2019".
    draws : int, default 0
        Of the elasticities of the structure, and of whether deficits stay; 0 leaves the bands out.
    notions : bool, default False
        Whether to return instead what the partner can ask for not ending trade, `Negotiation.leverage`.
    progress : bool, default False
        Whether to show a bar while drawing.

    Raises
    ------
    InvalidInput
        If a country is unknown, or a day is given for a pair of which the US is not one: no tariffs between them are
        known by date. If bands are asked for in a folder of one's own.
    """
    codes: dict[str, Any] = {"home": home, "partner": partner, "alternative": alternative}
    if data is None and any(str(name).removeprefix("the ") in UNION for name in codes.values()):
        data = "wiod2014"
    if data in (None, *FLOWS):
        known = structure(data or "icio2019").regions
        codes = {part: name and region(name, part, known) for part, name in codes.items()}
    if codes["alternative"] is None and "CHN" not in codes.values():
        codes["alternative"] = "CHN"
    us = "USA" in codes.values() and codes["alternative"] != "USA"
    if date not in (None, BASE) and not us:
        raise InvalidInput(
            f"`date` must be left out for {home} and {partner}: the package knows tariffs by date of the US, and of "
            f"Canada and China with it. Give your own: Negotiation(..., tariffs=Environment.from_csv(file).at(date))."
        )
    if date is None and us:
        date = Environment.shipped().dates[-1].isoformat()
    if data is None:
        data = "wiod2011" if set(codes.values()) <= {*OWN, None} else "icio2019"
    if draws and data not in PRIORS:
        raise InvalidInput(
            f"`draws` must be 0 for `data` other than {' and '.join(PRIORS)}, whose elasticities have priors; got "
            f"{draws} and {data!r}. With priors of your own call `headline_draws`."
        )
    named, begin = dict[str, Negotiation](), dict[str, str]()
    for meaning in MEANINGS if codes["alternative"] is not None else MEANINGS[:1]:
        options = codes | {"data": data, "tariffs": None if date == BASE else date, "meaning": meaning}
        given = ", ".join(f"{name}={value!r}" for name, value in options.items() if value is not None)
        named[meaning], begin[meaning] = Negotiation(**options), f"talks = Negotiation({given}); "
    shares = [float(share) for share in r] if len(named) > 1 else [0.0]
    talks, first = named[MEANINGS[0]], begin[MEANINGS[0]]
    if notions:
        table = talks.leverage(shares)
        calls = {
            (k, column.name): f"{first}talks.leverage({shares}).records()[{k}][{column.name!r}]"
            for k in range(len(table.rows))
            for column in table.columns[2:]
        }
        return [Sheet(table=table, talks=talks, calls=calls, more={})]
    found = [
        leverage(named, shares, begin),
        agreed_tariffs(named, shares, begin),
        assumptions(talks, max(shares), first),
    ]
    return found + ([sampled(talks, data, shares, draws, first, progress=progress)] if draws else [])


def leverage(named: Mapping[str, Negotiation], r: Sequence[float], begin: Mapping[str, str]) -> Sheet:
    """Return home's payment by what happens without an agreement, and how it changes by what `r` means."""
    tables = {meaning: talks.headline(r=np.union1d(r, [0.0])) for meaning, talks in named.items()}
    talks, first = named[MEANINGS[0]], tables[MEANINGS[0]]
    columns = [*first.columns[:3], replace(first.columns[3], title="r = 0", group="Level")]
    rows = [
        row | {"what": str(row["what"]).replace("answered in", "in")} for row in first.records()
    ]  # 100 columns
    for column in first.columns:
        for meaning, table in tables.items():
            if column.name.startswith("change"):
                columns.append(replace(column, name=f"{meaning}_{column.name}", title=meaning))
                for row, cells in zip(rows, table.records(), strict=True):
                    row[columns[-1].name] = cells[column.name]
    calls = dict[tuple[int, str], str]()
    shares = np.union1d(r, [0.0]).tolist()
    threats = applicable(talks)
    for k, threat in enumerate([*[None] * (len(rows) - len(threats)), *threats]):
        for column in columns[1:]:
            start = begin.get(column.name.partition("_")[0], begin[MEANINGS[0]])
            if threat is None:
                start += f"paid = talks.exports(talks.payoffs(r={shares}))[:, {k}]; "
            else:
                start += (
                    f"deal = talks.deal({shares}); paid = deal.transfer(nash(deal.problem({threat!r}))); "
                )
            ends = {"value_0": "paid[0]"}
            for side, part in enumerate(("home", "partner")):
                ends[part] = f"(deal.threat({threat!r})[0] - deal.agreement.money[0])[{side}]"
            place = column.name.rpartition("_")[2]
            calls[k, column.name] = start + ends.get(
                column.name, f"100 * (paid[{place}] - paid[0]) / abs(paid[0])"
            )
            if rows[k][column.name] == "":
                del calls[k, column.name]
    notes = dict(note.removesuffix(".").split(": ", 1) for note in first.notes)
    if len(notes["Data"]) > LONG:
        notes["Data"] = (
            notes["Data"].partition(";")[0] + "; sources and the call behind each number: --format json"
        )
    (home, partner, *_), (own, other) = talks.roles.said, 100.0 * talks.war().rates
    war = f"each sets its best tariff on the other, at r = 0 {home} {own:.1f}% and {partner} {other:.1f}%"
    notes = {"Rows": notes.pop("Rows"), "War": war, **notes}
    if len(named) > 1:
        notes["r"] = "; ".join(one.meaning_in_words() for one in named.values())
        if talks.caps is not None:  # by sector, as far as the figures know of ports, pipelines and plants
            sold = talks.model.economy.flows[talks.places[1], talks.places[0]] * talks.model.goods
            most = (np.minimum(talks.caps, 1.0) * sold).sum() / sold.sum()
            notes["r"] += f". Known capacity allows r = {most:.2f}"
    table = replace(
        first,
        rows=tuple(tuple(row[column.name] for column in columns) for row in rows),
        columns=tuple(columns),
        caption=first.caption + _answer(talks, rows, max(r)),
        notes=tuple(f"{name}: {text}." for name, text in notes.items()),
    )
    return Sheet(table=table, talks=talks, calls=calls, more={})


def _answer(talks: Negotiation, rows: Sequence[Mapping[str, Any]], r: float) -> str:
    """What the largest r takes of the payment about a tariff war, as a sentence; nothing where it takes nothing."""
    war = next(row for row in rows if row["what"] == "tariff war")
    changes = [war[name] for name in war if "_change" in name][-2:]
    if r == 0.0 or not (war["value_0"] or 0.0) > 0.0 or not all((change or 0.0) < 0.0 for change in changes):
        return ""
    (home, partner, other), taken = talks.roles.said, [f"{-change:.0f}% of it" for change in changes]
    return (
        f". In a tariff war, a route to {other} with room for {100 * r:g}% of what {home} sells {partner} takes "
        f"{taken[0]}; if {100 * r:g}% of those sales really go elsewhere, {taken[1]}"
    )


def agreed_tariffs(named: Mapping[str, Negotiation], r: Sequence[float], begin: Mapping[str, str]) -> Sheet:
    """Return the tariffs on each other that the two agree on about the war if nothing is paid and none is a subsidy."""
    talks, columns, residuals = named[MEANINGS[0]], [Column("r")], [0.0]
    rows, calls = [{"r": share} for share in real(r, "r", ndim=1).tolist()], dict[tuple[int, str], str]()
    for meaning, one in named.items():
        for part, name in zip(("home", "partner"), one.roles.names, strict=False):
            columns.append(Column(f"{meaning}_{part}", title=name, unit="%", group=f"Tariff, {meaning}"))
        for k, row in enumerate(rows):
            pair = one.roles.players
            for column, link in zip(columns[-2:], (pair, pair[::-1]), strict=True):
                calls[k, column.name] = begin[meaning] + (
                    f"agreed = talks.model.bargained_tariffs({list(pair)}, given=talks.free, "
                    f"costs=talks.route({row['r']}), lower=0.0); 100 * agreed.of{link}"
                )
            agreement = one.model.bargained_tariffs(
                pair, given=one.free, costs=one.route(row["r"]), lower=0.0
            )
            if agreement.status == Status.FAILED:
                agreement.raise_if_failed()
            if agreement.status not in (Status.EMPTY, Status.DEGENERATE):
                residuals.append(agreement.residual)
                rates = (100.0 * agreement.of(*pair), 100.0 * agreement.of(*pair[::-1]))
                row |= dict(zip((column.name for column in columns[-2:]), rates, strict=True))
    table = Table(
        rows,
        columns=columns,
        caption=f"The tariffs that {' and '.join(talks.roles.said[:2])} set on each other if nothing is paid",
        label="tab:agreed-tariffs",
        digits=3,
        notes={
            "Tariffs": "on all goods; the Nash solution in real income about the tariff war, without subsidies. "
            f"Of others: {talks.tariffs_in_words}",
            "Largest residual": max(residuals),
        },
        missing="no deal",
    )
    return Sheet(table=table, talks=talks, calls=calls, more={})


def assumptions(talks: Negotiation, r: float, begin: str) -> Sheet:
    """Return the payment about a tariff war under other assumptions, one at a time, and who gains from the war."""
    (home, partner, *_), unit = talks.roles.said, talks.model.data.unit or "money"
    shares, rows, gains = [0.0, r], list[dict[str, Any]](), dict[str, Floats]()
    residuals, unsolved = [0.0], list[str]()
    calls = dict[tuple[int, str], str]()
    for what, gain, residual, call in _gains(talks, shares):
        if not np.isfinite(gain).all():
            unsolved.append(what)
            continue
        gains[what] = gain
        residuals.append(residual)
        paid = np.where(gain.sum(axis=-1) > 0.0, (gain[:, 0] - gain[:, 1]) / 2.0, np.nan)
        row = {"what": what, "war": -gain[0, 1], "paid": paid[0]}
        for name, end in (
            ("war", "-gains[0, 1]"),
            ("paid", "(gains[0, 0] - gains[0, 1]) / 2"),
            ("change", "100 * ((gains[1, 0] - gains[1, 1]) / (gains[0, 0] - gains[0, 1]) - 1)"),
        ):
            if r or name != "change":
                calls[len(rows), name] = f"{begin}{call}; {end}"
        rows.append(row | ({"change": 100.0 * (paid[1] / paid[0] - 1.0)} if r and paid[0] > 0.0 else {}))
    columns = [
        Column("what", title="Assumption"),
        Column("war", title=f"War, {talks.roles.names[1]}", unit=unit),
        Column("paid", title="Payment, r = 0", unit=unit),
        *([Column("change", title=f"r = {r:g}", unit="%")] if r else []),
    ]
    notes: dict[str, Any] = {"r": "capacity"} if r else {}
    notes["A row with weights"] = f"counts dollars as the government of {partner} does"
    if {_BASE, _counts(talks, REVENUE[-1])} <= set(gains):
        soft, hard = (gains[what][0] for what in (_BASE, _counts(talks, REVENUE[-1])))
        least = (soft[1] - hard[1]) / (hard[0] + soft[1])
        if soft.sum() > 0.0 and 0.0 < least < 1.0:
            rare = BayesianProblem(  # the type of 1.5 is so rare that the last offer excludes it
                np.stack((soft, hard), axis=-1)[None, :, None],
                ([1.0], [1.0 - least / 2, least / 2]),
                transfers=True,
            )
            refusals = [1.0 - rule(rare).outcomes[0, 0, 1] for rule in (neutral, second_best)]
            notes["Type unknown"] = (
                f"a last offer of {home} excludes the type of {REVENUE[-1]:g} (row above) if its chance is below "
                f"{least:.2f}; at {least / 2:.2f} it refuses always, in the neutral solution {refusals[0]:.2f}, in the "
                f"best procedure {refusals[1]:.2f}"
            )
    if unsolved:
        notes["Not computed"] = "; ".join(unsolved)
    table = Table(
        rows,
        columns=columns,
        caption=f"What the payment about a tariff war depends on, and what {partner} gains in the war",
        label="tab:assumptions",
        digits=3,
        notes=notes | {"Largest residual": max(residuals)},
        missing="no deal",
    )
    return Sheet(table=table, talks=talks, calls=calls, more={})


def sampled(
    talks: Negotiation,
    structure: str,
    r: Sequence[float],
    draws: int,
    begin: str = "",
    *,
    progress: bool = False,
) -> Sheet:
    """Return bands of the payment and of the leverage lost over drawn elasticities and deficits.

    A draw without a deal pays nothing: its leverage counts as lost.
    """
    named = [share for share in r if share > 0.0]
    priors: dict[str, AnyPrior] = {"elasticities": elasticity_priors(structure), "deficits": CLOSURE}
    found = headline_draws(talks, priors, draws=draws, shares=named, progress=progress)
    solved, rows = found.isel(draw=(found["status"] == Status.OK).values), list[dict[str, Any]]()
    count, more, calls = (
        solved.sizes["draw"],
        dict[tuple[int, str], dict[str, Any]](),
        dict[tuple[int, str], str](),
    )
    call = f"{begin}sheet = sampled(talks, {structure!r}, {list(r)}, {draws}); "
    for what in solved["disagreement"].values.tolist():
        for route in solved["route"].values.tolist() if named else ["open"]:
            cells = solved.sel(disagreement=what, route=route)
            paid = np.ma.filled(np.ma.masked_invalid(cells["transfer"].values), np.nan)  # (draws, shares)
            row: dict[str, Any] = {"what": what.replace("answered in", "in"), "route": route}
            first = np.nan_to_num(paid[:, 0])
            for k, none in enumerate(np.isnan(paid).T):
                with np.errstate(divide="ignore", invalid="ignore"):
                    lost = np.where(none, 100.0, 100.0 * (first - paid[:, k]) / np.abs(first))
                values, name = lost if k else first, f"lost_{k}" if k else "paid"
                row[f"none_{k}"] = 100.0 * none.mean()
                if k and row["paid"][0] < 0.0 < row["paid"][2]:
                    continue  # percent of what may be nothing
                row[name] = tuple(np.quantile(values, LEVELS).tolist())
                around = 0.5 + np.array([-0.5, 0.5]) / np.sqrt(count)  # a standard error to each side
                error = float(np.ptp(np.quantile(values, np.clip(around, 0.0, 1.0)))) / 2.0
                more[len(rows), name] = {"error": error, "draws": count, "no deal": none.mean()}
                calls[len(rows), name] = f"{call}sheet.table.records()[{len(rows)}][{name!r}][1]"
            rows.append(row)
    unit = talks.model.data.unit or "money"
    columns = [Column("what", title=LABELS[0]), Column("route", title=LABELS[1])]
    for k, share in enumerate([0.0, *named]):
        group = f"Lost, r = {share:g}" if k else "Payment, r = 0"
        columns.append(
            Column(f"lost_{k}" if k else "paid", title="median", unit="%" if k else unit, group=group)
        )
        columns.append(Column(f"none_{k}", title="none", unit="%", group=group))
    errors = {name: max(cell["error"] for (_, own), cell in more.items() if own == name) for _, name in more}
    sizes = [f"{errors.pop('paid'):.2g} {unit}", *(f"{error:.2g} points" for error in errors.values())]
    table = Table(
        rows,
        columns=columns,
        caption=f"How sure that is: {' and '.join(talks.roles.said[:2])}, median and 5 to 95 percent of draws",
        label="tab:page-bands",
        digits=2,
        notes={
            "Draws": f"{count} of elasticities by sector, and of whether trade is balanced or deficits stay, in world "
            f"value added or as shares of income; {draws - count} could not be solved",
            "Route": "whether the deal leaves it open",
            "None": "in what part of the draws there is no deal, as both together have more without: nothing is paid, "
            "and all leverage counts as lost",
            "Sampling errors": f"of medians at most {', '.join(sizes)}, in the order of the columns; of the frequency "
            f"of no deal at most {50.0 / np.sqrt(count):.1f} points",
        },
    )
    return Sheet(table=table, talks=talks, calls=calls, more=more)


_BASE = "as above"


def _counts(talks: Negotiation, weight: float) -> str:
    return f"a dollar of tariff revenue counts {weight:g} to {talks.roles.said[1]}"


def _gains(talks: Negotiation, shares: Sequence[float]) -> Iterator[tuple[str, Floats, float, str]]:
    """Yield assumptions, what home and the partner gain by free trade over the war at each share, residual and call.

    Gains, (S, 2), are NaN where there is no answer, or it would take minutes.
    """
    model, partner, data = talks.model, talks.roles.partner, "talks.model.data"
    cases = {_BASE: (model, "talks.model")}
    for weight in REVENUE:
        counting = model.with_objectives({partner: weight})
        cases[_counts(talks, weight)] = counting, f"talks.model.with_objectives({{{partner!r}: {weight}}})"
    for deficits, words in (("fixed", "in world value added"), ("share", "as shares of income")):
        call = f"replace(talks.model, deficits={deficits!r}).with_data({data})"
        cases[f"deficits stay, {words}"] = replace(model, deficits=deficits).with_data(model.data), call
    low = model.data.with_terms(model.data.tariffs, np.full(len(model.sectors), 2.0))
    call = f"talks.model.with_data({data}.with_terms({data}.tariffs, np.full({len(model.sectors)}, 2.0)))"
    cases["elasticities of 2 in every sector"] = model.with_data(low), call
    for what, (other, call) in cases.items():
        one = talks.on(other)
        agreement, war = one.payoffs(r=shares), one.war(r=shares)
        residual = float(np.max([agreement.residual, war.residual]))
        call = f"one = talks.on({call}); gains = one.payoffs(r={shares}).money - one.war(r={shares}).money"
        yield what, agreement.money - war.money, residual, call
    small = model.economy.added.size <= LARGEST
    years = [first_years(talks, share) for share in shares] if small else []
    yield (
        "first years: factors stay in their sectors",
        np.array([one.gains if one.ok else np.full(2, np.nan) for one in years] or [np.full(2, np.nan)]),
        max((one.residual for one in years), default=0.0),
        f"gains = np.array([first_years(talks, r).gains for r in {shares}])",
    )
