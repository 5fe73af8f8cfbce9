"""Projects that home could build: the share of its exports to the partner that each can redirect, date and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bargaining.authoring import Floats, Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Shown):
    """A project that adds to the redirectable share.

    Attributes
    ----------
    name : str
    lead_time : float
        Years from the decision to use.
    cost : float
        Capital, spent at the decision, in the unit of the flows.
    share : mapping from sector to float
        The increase of the redirectable share of each sector's exports to the partner.
    """

    name: str
    lead_time: float
    cost: float
    share: Mapping[str, float]


def together(chosen: tuple[Project, ...]) -> tuple[Floats, dict[str, Floats]]:
    """Return the dates at which projects begun today open, and the shares by sector before the first and after each."""
    dates = np.unique([project.lead_time for project in chosen])
    sectors = dict.fromkeys(sector for project in chosen for sector in project.share)
    built = [[project for project in chosen if project.lead_time <= date] for date in (0.0, *dates.tolist())]
    return dates, {
        sector: np.array([sum(project.share.get(sector, 0.0) for project in some) for some in built])
        for sector in sectors
    }
