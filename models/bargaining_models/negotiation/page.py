"""The page on two countries in talks, and on what an alternative is worth to one: `bargaining negotiate` prints it.

Three tables: what home pays for free trade and how much of it the alternative takes away, by what happens without an
agreement; the tariffs that the two agree on if nothing is paid; and what the payment hangs on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bargaining import BayesianProblem, neutral, second_best
from bargaining.authoring import Floats, real
from bargaining.errors import InvalidInput, Status
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.draws import headline_draws
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import MEANINGS, region
from bargaining_models.negotiation.tariff_war import first_years
from bargaining_models.trade import Environment
from bargaining_models.trade.folders import structure
from bargaining_models.uncertainty import LEVELS, elasticity_priors

OWN = ("USA", "CAN", "CHN")
"""The countries of the structure wiod2011."""
BASE = "base"
REVENUE = (1.1, 1.5)
"""What a dollar of tariff revenue may count to the partner's government; the last makes it a hard type."""
PRIORS = ("wiod2011", "icio2019")
ENDS = ("low", "median", "high")
LARGEST = 50  # regions times sectors: the first years of more take minutes


def page(
    home: str,
    partner: str,
    *,
    alternative: str | None = None,
    date: str | None = None,
    r: Sequence[float] = (0.0, 0.10, 0.15),
    data: str | None = None,
    draws: int = 0,
    progress: bool = False,
) -> list[Table]:
    """Return what home pays for free trade, the tariffs agreed on if nothing is paid, and what the payment hangs on.

    With `draws`, also how often there is a deal, and in which bands the payment lies.

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
        A structure of this package, or a folder; by default "wiod2011" for the US, Canada and China, else "icio2019".
    draws : int, default 0
        Of the elasticities of the structure; 0 leaves the bands out.
    progress : bool, default False
        Whether to show a bar while drawing.

    Raises
    ------
    InvalidInput
        If a country is unknown, or a day is given for a pair of which the US is not one: no tariffs between them are
        known by date. If bands are asked for in a folder of one's own.

    Examples
    --------
    >>> tables = page("Canada", "US", r=[0, 0.1])
    >>> tables[1].records()[0]["capacity_partner"].__round__(1)  # percent: the US tariff that Canada accepts
    5.8
    """
    codes: dict[str, Any] = {"home": home, "partner": partner, "alternative": alternative}
    if data in (None, "icio2019"):
        known = structure("icio2019").regions
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
    talks, *other = (
        Negotiation(**codes, data=data, tariffs=None if date == BASE else date, meaning=meaning)
        for meaning in (MEANINGS if codes["alternative"] is not None else MEANINGS[:1])
    )
    named = dict(zip(MEANINGS, (talks, *other), strict=False))
    shares = r if other else (0.0,)
    tables = [leverage(named, shares), agreed_tariffs(named, shares), assumptions(talks, max(shares))]
    if draws:
        tables.append(sampled(talks, data, shares, draws, progress=progress))
    return tables


def leverage(named: Mapping[str, Negotiation], r: Sequence[float]) -> Table:
    """Return home's payment by what happens without an agreement, and how it changes by what `r` means."""
    tables = {meaning: talks.headline(r=np.union1d(r, [0.0])) for meaning, talks in named.items()}
    talks, first = named[MEANINGS[0]], tables[MEANINGS[0]]
    columns = [*first.columns[:3], replace(first.columns[3], title="r = 0", group="Payment")]
    rows = [
        row | {"what": str(row["what"]).replace("answered in", "in")} for row in first.records()
    ]  # 100 columns
    for column in first.columns:
        for meaning, table in tables.items():
            if column.name.startswith("change"):
                columns.append(replace(column, name=f"{meaning}_{column.name}", title=meaning))
                for row, cells in zip(rows, table.records(), strict=True):
                    row[columns[-1].name] = cells[column.name]
    notes = dict(note.removesuffix(".").split(": ", 1) for note in first.notes)
    if len(named) > 1:
        notes["r"] = "; ".join(one.meaning_in_words() for one in named.values())
        if talks.caps is not None:  # by sector, as far as the figures know of ports, pipelines and plants
            sold = talks.model.economy.flows[talks.places[1], talks.places[0]] * talks.model.goods
            most = (np.minimum(talks.caps, 1.0) * sold).sum() / sold.sum()
            notes["r"] += f". Known capacity allows r = {most:.2f}"
    return replace(
        first,
        rows=tuple(tuple(row[column.name] for column in columns) for row in rows),
        columns=tuple(columns),
        caption=first.caption + _answer(talks, rows, max(r)),
        notes=tuple(f"{name}: {text}." for name, text in notes.items()),
    )


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


def agreed_tariffs(named: Mapping[str, Negotiation], r: Sequence[float]) -> Table:
    """Return the tariffs on each other that the two agree on about the war if nothing is paid and none is a subsidy."""
    talks, columns, residuals = named[MEANINGS[0]], [Column("r")], [0.0]
    rows = [{"r": share} for share in real(r, "r", ndim=1).tolist()]
    for meaning, one in named.items():
        for part, name in zip(("home", "partner"), one.roles.names, strict=False):
            columns.append(Column(f"{meaning}_{part}", title=name, unit="%", group=f"Tariff, {meaning}"))
        for row in rows:
            pair = one.roles.players
            agreement = one.model.bargained_tariffs(
                pair, given=one.free, costs=one.route(row["r"]), lower=0.0
            )
            if agreement.status == Status.FAILED:
                agreement.raise_if_failed()
            if agreement.status not in (Status.EMPTY, Status.DEGENERATE):
                residuals.append(agreement.residual)
                rates = (100.0 * agreement.of(*pair), 100.0 * agreement.of(*pair[::-1]))
                row |= dict(zip((column.name for column in columns[-2:]), rates, strict=True))
    return Table(
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


def assumptions(talks: Negotiation, r: float) -> Table:
    """Return the payment about a tariff war under other assumptions, one at a time, and who gains from the war."""
    (home, partner, *_), unit = talks.roles.said, talks.model.data.unit or "money"
    shares, rows, gains = [0.0, r], list[dict[str, Any]](), dict[str, Floats]()
    residuals, unsolved = [0.0], list[str]()
    for what, gain, residual in _gains(talks, shares):
        if not np.isfinite(gain).all():
            unsolved.append(what)
            continue
        gains[what] = gain
        residuals.append(residual)
        paid = np.where(gain.sum(axis=-1) > 0.0, (gain[:, 0] - gain[:, 1]) / 2.0, np.nan)
        row = {"what": what, "war": -gain[0, 1], "paid": paid[0]}
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
    return Table(
        rows,
        columns=columns,
        caption=f"What the payment about a tariff war hangs on, and what {partner} gains in the war",
        label="tab:assumptions",
        digits=3,
        notes=notes | {"Largest residual": max(residuals)},
        missing="no deal",
    )


def sampled(
    talks: Negotiation, structure: str, r: Sequence[float], draws: int, *, progress: bool = False
) -> Table:
    """Return bands of the payment and of its change over drawn elasticities, and how often there is no deal.

    A draw without a deal pays nothing: its leverage counts as lost.
    """
    named = [share for share in r if share > 0.0]
    found = headline_draws(
        talks, {"elasticities": elasticity_priors(structure)}, draws=draws, shares=named, progress=progress
    )
    solved, rows = found.isel(draw=(found["status"] == Status.OK).values), list[dict[str, Any]]()
    for what in solved["disagreement"].values.tolist():
        for route in solved["route"].values.tolist() if named else ["open"]:
            cells = solved.sel(disagreement=what, route=route)
            paid = np.ma.filled(np.ma.masked_invalid(cells["transfer"].values), np.nan)  # (draws, shares)
            none = np.isnan(paid)
            first = np.where(none[:, 0], 0.0, paid[:, 0])
            row = {"what": what, "route": route} | dict(zip(ENDS, np.quantile(first, LEVELS), strict=True))
            if named:
                with np.errstate(divide="ignore", invalid="ignore"):
                    lost = np.where(none[:, -1], 100.0, 100.0 * (first - paid[:, -1]) / np.abs(first))
                row |= {f"lost_{end}": x for end, x in zip(ENDS, np.quantile(lost, LEVELS), strict=True)}
            row |= {f"none_{k}": share for k, share in enumerate(100.0 * none.mean(axis=0))}
            rows.append(row)
    unit = talks.model.data.unit or "money"
    columns = [Column("what", title="Without an agreement"), Column("route", title="Route in the deal")]
    columns += [Column(end, unit=unit, group="Payment, r = 0") for end in ENDS]
    if named:
        columns += [
            Column(f"lost_{end}", title=end, unit="%", group=f"Lost, r = {named[-1]:g}") for end in ENDS
        ]
    for k, share in enumerate([0.0, *named]):
        columns.append(Column(f"none_{k}", title=f"r = {share:g}", unit="%", group="No deal"))
    count = solved.sizes["draw"]
    return Table(
        rows,
        columns=columns,
        caption=f"How sure that is: {' and '.join(talks.roles.said[:2])}, 5, 50 and 95 percent of draws",
        label="tab:page-bands",
        digits=3,
        notes={
            "Draws": f"{count} of elasticities by sector; {draws - count} could not be solved",
            "No deal": "in what part of the draws both together have more without an agreement: nothing is paid, and "
            f"all leverage counts as lost. Sampling error at most {50.0 / np.sqrt(count):.1f} points",
        },
    )


_BASE = "as above"


def _counts(talks: Negotiation, weight: float) -> str:
    return f"a dollar of tariff revenue counts {weight:g} to {talks.roles.said[1]}"


def _gains(talks: Negotiation, shares: Sequence[float]) -> Iterator[tuple[str, Floats, float]]:
    """Yield assumptions, what home and the partner gain by free trade over the war at each share, and the residual.

    Gains, (S, 2), are NaN where there is no answer, or it would take minutes.
    """
    model, partner = talks.model, talks.roles.partner
    cases = {_BASE: model}
    cases |= {_counts(talks, weight): model.with_objectives({partner: weight}) for weight in REVENUE}
    for deficits, words in (("fixed", "in world value added"), ("share", "as shares of income")):
        cases[f"deficits stay, {words}"] = replace(model, deficits=deficits).with_data(model.data)
    low = model.data.with_terms(model.data.tariffs, np.full(len(model.sectors), 2.0))
    cases["elasticities of 2 in every sector"] = model.with_data(low)
    for what, other in cases.items():
        one = talks.on(other)
        agreement, war = one.payoffs(r=shares), one.war(r=shares)
        yield what, agreement.money - war.money, float(np.max([agreement.residual, war.residual]))
    small = model.economy.added.size <= LARGEST
    years = [first_years(talks, share) for share in shares] if small else []
    yield (
        "first years: factors stay in their sectors",
        np.array([one.gains if one.ok else np.full(2, np.nan) for one in years] or [np.full(2, np.nan)]),
        max((one.residual for one in years), default=0.0),
    )
