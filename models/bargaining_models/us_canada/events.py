"""Events since November 2024, and the predictions of the models the day before.

A measure is a change of tariffs on some sectors of one or more exporters. The model that predicts it has two moves. The
mover, who knows the economy, changes its tariffs or not. Then the target, if the change is a threat, an order or a
tariff on it alone, answers with the same average change on the same sectors or does nothing, whichever leaves its real
income higher. The prediction is that the tariffs are changed if the mover's real income, after that answer, is higher
than before; whether the answer came is scored too. The tariffs before are those of the latest day in the package's
figures, with the measures carried out since.

For talks the prediction is that of bargaining with complete information: the two agree at once. Published figures are
compared with the change of the same figure in the model since the end of 2024, if they compare years.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from bargaining.authoring import Floats, Shown
from bargaining_models._figures import read
from bargaining_models.parameters import Parameters, load
from bargaining_models.trade import Environment, TradeEquilibrium, TradeModel
from bargaining_models.us_canada.baseline import check_unit

COLUMNS = (
    "event_id", "date", "event", "actor", "target", "kind", "outcome", "outcome_value", "outcome_unit",
    "outcome_period", "carried_out", "source",
)  # fmt: skip
STEPS = ("event_id", "importer", "exporter", "sector", "value", "coverage", "coverage_unit", "year", "source")
FOLDER = Path(__file__).parent.parent / "data"
NEXT = datetime.timedelta(days=1)
REPLY = datetime.timedelta(days=120)
"""A reply within so long of a threat or a tariff is an answer to it."""
TALKS = ("talks", "review")
ANSWERED = ("threat", "order", "tariff")
WITHIN = 2.0
"""A figure counts as a hit if the model has its sign, and its size within this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Shown):
    """A change of tariffs: points of percent on a part of what an importer buys of a sector of an exporter.

    Attributes
    ----------
    points : float
        Percentage points on the goods covered.
    coverage : float
        A share of the trade of the sector, or USD bn a year of all sectors named by "goods".
    money : bool
        Which of the two.
    """

    importer: str
    exporter: str
    sector: str
    points: float
    coverage: float
    money: bool
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Shown):
    """One dated event, with its outcome as published; `steps` are empty if it cannot be expressed in tariffs."""

    name: str
    date: datetime.date
    what: str
    actor: str
    target: str
    kind: str
    outcome: str
    figure: float | None
    figure_unit: str
    period: str
    carried_out: str
    steps: tuple[Step, ...]
    source: str

    @property
    def happened(self) -> bool | None:
        """Whether it was carried out; None if that is not known, or it was postponed."""
        if self.carried_out.startswith("yes"):
            return True
        return False if self.carried_out in ("no", "no order found") else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Shown):
    """The prediction of the model for an event, and whether it was right.

    Attributes
    ----------
    event : Event
    mover, target : float or None
        Changes of real income, USD bn a year, after the answer; the target is a single exporter.
    answered, replied : bool or None
        Whether the target gains by an answer in kind, and whether it did answer, if the measure was carried out.
    predicted : str
        In words.
    hit : bool or None
        None if the model makes no prediction for such an event, or its outcome is not known.
    stands : bool or None
        Whether the prediction would be the same with the answer that came.
    why : str
        Why it is not scored, or the figure of the model.
    """

    event: Event
    mover: float | None = None
    target: float | None = None
    answered: bool | None = None
    replied: bool | None = None
    stands: bool | None = None
    predicted: str = ""
    hit: bool | None = None
    why: str = ""


def events() -> tuple[Event, ...]:
    """Read the events of this package, in the order of their dates.

    Examples
    --------
    >>> first = events()[0]
    >>> first.date.isoformat(), first.kind, first.happened
    ('2024-11-25', 'threat', True)
    """
    steps: dict[str, list[Step]] = {}
    for row in read(FOLDER, "event_measures.csv", STEPS):
        names = {name: row.text(name) for name in ("importer", "exporter", "sector", "source")}
        step = Step(
            **names,
            points=row.number_in("value", -1e3, 1e3),
            coverage=row.number_in("coverage", 0.0, 1e5),
            money=row.one_of("coverage_unit", ("share of trade", "USD bn")) == "USD bn",
        )
        steps.setdefault(row.text("event_id"), []).append(step)
    found = []
    for row in read(FOLDER, "events.csv", COLUMNS):
        texts = ("actor", "target", "kind", "outcome", "carried_out", "source")
        event = Event(
            **{name: row.cells[name] for name in texts},
            name=row.text("event_id"),
            date=datetime.date.fromisoformat(row.text("date")),
            what=row.text("event"),
            figure=row.number_in("outcome_value", -1e6, 1e6) if row.cells["outcome_value"] else None,
            figure_unit=row.cells["outcome_unit"],
            period=row.cells["outcome_period"],
            steps=tuple(steps.get(row.text("event_id"), ())),
        )
        found.append(event)
    return tuple(found)


class Scorer:
    """Judges events on a trade model, with the tariffs of the day before.

    Parameters
    ----------
    parameters : Parameters, optional
        The figures; by default those of this package.
    elasticities : str, default "uniform5"

    Examples
    --------
    >>> scorer = Scorer()
    >>> threat = scorer.score(scorer.events[0])
    >>> threat.predicted, threat.hit
    ('carried out', True)
    """

    def __init__(self, parameters: Parameters | None = None, *, elasticities: str = "uniform5") -> None:
        self.parameters = load() if parameters is None else parameters
        check_unit(self.parameters)
        self.model = TradeModel.from_parameters(self.parameters, elasticities=elasticities)
        self.environment = Environment.shipped()
        self.canada, self.us = (self.model.regions.index(name) for name in ("CAN", "USA"))
        self.events = events()
        self.residual = 0.0

    def scores(self) -> tuple[Score, ...]:
        """Judge all events."""
        return tuple(map(self.score, self.events))

    @cached_property
    def start(self) -> Floats:
        """The tariffs at the end of 2024."""
        return self.environment.at(self.environment.dates[0]).tariffs(self.model)

    def score(self, event: Event) -> Score:
        """Judge one event. In talks with complete information the two agree at once, and in no case did they."""
        if event.kind in TALKS:
            if event.carried_out == "yes" and "meet" in event.what:
                return Score(event=event, why="a meeting, not what came of it")
            return Score(event=event, predicted="agreement at once", hit=False)
        if event.kind == "outcome":
            return self._figure(event)
        if not event.steps:
            return Score(event=event, why="no rate that a model could take can be given")
        return self._measure(event)

    def before(self, event: Event) -> Floats:
        """Return the tariffs before an event: those of the latest day, with the measures carried out since.

        Rates of a day include the measures of the next one.
        """
        dates = self.environment.dates
        day = max((one for one in dates if one + NEXT < event.date), default=dates[0])
        tariffs = self.environment.at(day).tariffs(self.model)
        for earlier in self.events:
            if earlier.name == event.name:
                break
            if earlier.happened and earlier.kind not in ("threat", "order") and earlier.date > day + NEXT:
                tariffs = np.maximum(tariffs + self._change(earlier), 0.0)
        return tariffs

    def _change(self, event: Event) -> Floats:
        """Return by how much average rates rise, (N, N, J): points times the share of trade covered.

        Amounts of money are divided among all exporters that the same step concerns.
        """
        regions, sectors, flows = self.model.regions, self.model.sectors, self.parameters.flows.values
        change = np.zeros_like(self.start)
        traded: dict[Step, float] = {}
        places = {}
        for step in event.steps:
            goods = self.model.goods if step.sector == "goods" else sectors.index(step.sector)
            places[step] = regions.index(step.importer), regions.index(step.exporter), goods
            what = replace(step, importer="", exporter="", source="")
            traded[what] = traded.get(what, 0.0) + float(flows[places[step]].sum())
        for step, where in places.items():
            share = step.coverage
            if step.money:
                share /= traded[replace(step, importer="", exporter="", source="")]
            change[where] += step.points / 100.0 * min(share, 1.0)
        return change

    def _measure(self, event: Event) -> Score:
        before, change, regions = self.before(event), self._change(event), self.model.regions
        answers = [np.maximum(before + change, 0.0)]
        exporters = sorted({step.exporter for step in event.steps})
        mover, target = regions.index(event.steps[0].importer), regions.index(exporters[0])
        if event.kind in ANSWERED and len(exporters) == 1:  # the same average changes on the same sectors
            answers.append(answers[0] + change.swapaxes(0, 1))
        solved = self._solved(np.stack([before, *answers]))
        gains = (solved.welfare[1:] - solved.welfare[0]) / 100.0 * self.model.economy.income
        answered = bool(gains[1, target] > gains[0, target]) if len(answers) > 1 else None
        final, happened = gains[int(answered or 0)], event.happened
        taken = bool(final[mover] > 0.0)
        replied = self._replied(event) if answered is not None and happened else None
        return Score(
            event=event,
            mover=float(final[mover]),
            target=float(final[target]) if len(exporters) == 1 else None,
            answered=answered,
            replied=replied,
            stands=None if replied is None else bool(gains[int(replied), mover] > 0.0) == taken,
            predicted="carried out" if taken else "not carried out",
            hit=None if happened is None else taken == happened,
            why="" if happened is not None else f"outcome: {event.carried_out}",
        )

    def _replied(self, event: Event) -> bool:
        """Return whether the target replied."""
        return any(
            other.kind == "reply"
            and (other.actor, other.target) == (event.target, event.actor)
            and other.happened is True
            and event.date <= other.date <= event.date + REPLY
            for other in self.events
        )

    def _figure(self, event: Event) -> Score:
        """Compare a published figure with the change of the same figure in the model since the end of 2024."""
        figure, after = event.figure, self.before(event)
        if figure is not None and event.figure_unit == "percent" and "tariff" in event.outcome:
            sold = self._sold(after)[self.us]
            ours = float(100.0 * (sold * after[self.us, self.canada, self.model.goods]).sum() / sold.sum())
            said = f"{ours:.1f} percent after trade has adjusted"
        elif figure is not None and "share" in event.outcome and len(event.period) == len("2025"):
            figure -= 100.0 * self.parameters.facts["canada_us_export_share_2024"].value
            now, then = (self._sold(when).sum(axis=-1) for when in (after, self.start))
            parts = (sold[self.us] / np.delete(sold, self.canada).sum() for sold in (now, then))
            ours = float(100.0 * np.subtract(*parts))
            said = f"{ours:+.1f} points since the end of 2024, observed {figure:+.1f}"
        elif figure is not None and "year on year" in event.figure_unit:
            first, last = (float(self._sold(when)[self.us].sum()) for when in (self.start, after))
            ours = 100.0 * (last / first - 1.0)
            said = f"{ours:+.1f} percent since the end of 2024"
        else:
            return Score(event=event, why="compares months or quarters, in which stocks and prices move too")
        return Score(event=event, predicted=said, hit=bool(1.0 / WITHIN <= ours / figure <= WITHIN))

    def _solved(self, tariffs: Floats) -> TradeEquilibrium:
        solved = self.model.solve(tariffs=tariffs)
        self.residual = max(self.residual, float(np.max(solved.residual)))
        return solved

    def _sold(self, tariffs: Floats) -> Floats:
        """Return Canada's sales of goods, by importer and sector, in the unit of the flows."""
        return np.asarray(self._solved(tariffs).flows)[:, self.canada, self.model.goods]
