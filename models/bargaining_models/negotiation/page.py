"""What an alternative is worth to any country in talks with another: the tables that `bargaining negotiate` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bargaining.authoring import real
from bargaining.errors import InvalidInput
from bargaining.tables.table import Column, Table
from bargaining_models.negotiation.negotiation import Negotiation
from bargaining_models.negotiation.roles import region
from bargaining_models.negotiation.routes import MEANINGS
from bargaining_models.trade import Environment
from bargaining_models.trade.folders import structure

OWN = ("USA", "CAN", "CHN")
"""The countries of the structure wiod2011."""
BASE = "base"
NAMES = ("r", "home", "partner", "gain_home", "gain_partner")


def page(
    home: str,
    partner: str,
    *,
    alternative: str | None = None,
    date: str | None = None,
    r: Sequence[float] = (0.0, 0.10, 0.15),
    data: str | None = None,
) -> list[Table]:
    """Return what home pays for free trade, by what `r` means, and the tariffs they agree on if nothing is paid.

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

    Raises
    ------
    InvalidInput
        If a country is unknown, or a day is given for a pair of which the US is not one: no tariffs between them are
        known by date.

    Examples
    --------
    >>> tables = page("Canada", "US", r=[0, 0.1])
    >>> tables[2].records()[0]["partner"].__round__(1)  # percent: the US tariff that Canada accepts
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
    talks, *other = (
        Negotiation(**codes, data=data, tariffs=None if date == BASE else date, meaning=meaning)
        for meaning in (MEANINGS if codes["alternative"] is not None else MEANINGS[:1])
    )
    tables = [one.headline(r=r) for one in (talks, *other)]
    return [*tables, unpaid(talks, r if other else (0.0,))]


def unpaid(talks: Negotiation, r: Sequence[float]) -> Table:
    """Return the tariffs on each other that the two agree on about the war if nothing is paid and none is a subsidy."""
    roles, rows, residuals = talks.roles, list[dict[str, Any]](), [0.0]
    home, partner = roles.players
    for share in real(r, "r", ndim=1).tolist():
        found = talks.model.bargained_tariffs(
            [home, partner], given=talks.free, costs=talks.route(share), lower=0.0
        )
        cells: list[float | None] = [None] * 4
        if np.isfinite(found.rates).all():
            residuals.append(found.residual)
            cells = [100.0 * found.of(home, partner), 100.0 * found.of(partner, home), *found.gains.tolist()]
        rows.append(dict(zip(NAMES, (share, *cells), strict=True)))
    groups = ("Tariff on the other", "Tariff on the other", "Gain on the war", "Gain on the war")
    titles = (*roles.names[:2], *roles.names[:2])
    columns = [
        Column(name, title=title, unit="%", group=group)
        for name, title, group in zip(NAMES[1:], titles, groups, strict=True)
    ]
    return Table(
        rows,
        columns=[Column("r"), *columns],
        caption=f"The tariffs that {roles.said[0]} and {roles.said[1]} agree on if nothing is paid",
        label="tab:unpaid",
        digits=3,
        notes={
            "Tariffs": "on all goods; the Nash solution in real income about the tariff war, without subsidies. "
            f"Of others: {talks.tariffs_in_words}",
            "Largest residual": max(residuals),
        },
    )
