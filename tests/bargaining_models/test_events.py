"""Events: the steps and the gains, against the plain program; the scores, against what the file says happened."""

import csv
from pathlib import Path

import numpy as np
import pytest

import bargaining_models
from bargaining_models.paper.study import Study
from bargaining_models.paper.tables import TABLES, stored
from bargaining_models.us_canada.events import Scorer, events
from plain_trade import PlainTrade

DATA = Path(bargaining_models.__file__).parent / "data"
REGIONS = ["USA", "CAN", "CHN", "ROW"]


@pytest.fixture(scope="module")
def scorer():
    return Scorer()


@pytest.fixture(scope="module")
def plain():
    return PlainTrade(DATA, np.full(11, 5.0))


def raised(scorer, event, tariffs, *, swap=False):
    """Add the steps of an event, straight from the file and the table of flows."""
    tariffs, sectors = tariffs.copy(), list(scorer.model.sectors)
    with open(DATA / "event_measures.csv", newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if row["event_id"] == event.name]
    flows = scorer.parameters.flows.values
    for row in rows:
        i, j = REGIONS.index(row["importer"]), REGIONS.index(row["exporter"])
        which = range(9) if row["sector"] == "goods" else [sectors.index(row["sector"])]
        share = float(row["coverage"])
        if row["coverage_unit"] == "USD bn":
            like = [r for r in rows if all(r[key] == row[key] for key in ("sector", "value", "coverage"))]
            share /= sum(flows[i, REGIONS.index(r["exporter"]), k] for r in like for k in which)
        for k in which:
            at = (j, i, k) if swap else (i, j, k)
            tariffs[at] = max(tariffs[at] + float(row["value"]) / 100 * min(share, 1.0), 0.0)
    return tariffs


def test_gains_and_answers_are_those_of_the_plain_program(scorer, plain):
    """Those of the stored table too."""
    income, checked = scorer.model.economy.income, 0
    for event, row in zip(events(), stored("T12").records(), strict=True):
        score = scorer.score(event)
        if score.mover is None:
            assert row["mover"] is None
            continue
        before = scorer.before(event)
        start = plain.welfare(before)
        after = raised(scorer, event, before)
        change = (plain.welfare(after) - start) / 100 * income
        partners = {step.exporter for step in event.steps}
        mover, target = REGIONS.index(event.steps[0].importer), REGIONS.index(min(partners))
        if event.kind in ("threat", "order", "tariff") and len(partners) == 1:
            answered = (plain.welfare(raised(scorer, event, after, swap=True)) - start) / 100 * income
            assert score.answered == (answered[target] > change[target])
            change = answered if score.answered else change
        else:
            assert score.answered is None
        assert (event.date.isoformat(), score.mover) == (row["date"], pytest.approx(change[mover], abs=1e-6))
        assert row["mover"] == pytest.approx(change[mover], abs=1e-6)
        if row["target"] is not None:
            assert row["target"] == pytest.approx(change[target], abs=1e-6)
        assert (score.predicted == "carried out") == (change[mover] > 0)
        checked += 1
    assert checked > 20


def test_rates_before_an_event_are_those_of_the_latest_day_with_measures_since(scorer):
    by_name = {event.name: event for event in events()}
    first = scorer.before(by_name["2024-11-25-USA-threat"])
    np.testing.assert_array_equal(first, scorer.start)
    # The three days of March are in the list of dates like all others.
    relief = scorer.before(by_name["2025-03-07-USA-relief"])
    np.testing.assert_array_equal(relief, scorer.environment.at("2025-03-05").tariffs(scorer.model))
    metals = scorer.before(by_name["2025-03-12-USA-tariff"])
    np.testing.assert_array_equal(metals, scorer.environment.at("2025-03-10").tariffs(scorer.model))
    # Canada's and China's own days too: China's measure of August and Canada's relief of September 2025 are in.
    autumn = scorer.before(by_name["2025-10-14-USA-tariff"])
    np.testing.assert_array_equal(autumn, scorer.environment.at("2025-10-12").tariffs(scorer.model))
    # What was carried out on the same day or the day before comes on top.
    reply = scorer.before(by_name["2025-03-04-CAN-reply"])
    start = scorer.environment.at("2025-03-02").tariffs(scorer.model)
    np.testing.assert_allclose(reply, raised(scorer, by_name["2025-03-04-USA-tariff"], start), atol=1e-15)


def test_scores_compare_with_what_happened(scorer):
    scores = scorer.scores()
    assert len(scores) == 48
    for score in scores:
        event = score.event
        if event.kind in ("talks", "review"):
            assert score.hit is not True
        elif event.steps and event.carried_out in ("no", "no order found"):
            assert score.hit == (score.predicted == "not carried out")
        elif event.steps and event.carried_out.startswith("yes"):
            assert score.hit == (score.predicted == "carried out")
        elif event.kind != "outcome":
            assert score.hit is None
            assert score.why
    assert any(score.hit is False for score in scores)


def test_answers_compare_with_what_happened(scorer, plain):
    """Canada answered in March 2025 and not in August, the reverse of what the model says."""
    found = {score.event.name: score for score in scorer.scores() if score.replied is not None}
    assert {name[:14]: (s.answered, s.replied) for name, s in found.items()} == {
        "2024-11-25-USA": (False, True),
        "2025-03-04-USA": (False, True),
        "2025-03-20-CHN": (False, False),
        "2025-07-10-USA": (True, False),
        "2025-08-01-USA": (True, False),
        "2025-08-14-CHN": (False, False),
    }
    for score in found.values():
        start = scorer.before(score.event)
        came = raised(scorer, score.event, start)
        if score.replied:
            came = raised(scorer, score.event, came, swap=True)
        gain = (plain.welfare(came) - plain.welfare(start))[REGIONS.index(score.event.actor)]
        assert score.stands == ((gain > 0) == (score.predicted == "carried out"))


def test_the_table_counts_every_event():
    table = TABLES["T12"](Study())
    assert len(table.rows) == 48
    words = next(note for note in table.notes if note.startswith("Hits"))
    assert "0 of 4 to the US, 2 of 2 to China; 4 hits" in next(
        n for n in table.notes if n.startswith("Answers")
    )
    scored = [row[-1] for row in table.rows]
    of = [int(part.split(" of ")[1].rstrip(".")) for part in words.split("; ")]
    assert sum(of[:-1]) == sum(score != "not scored" for score in scored)
    assert of[-1] == 48
    hits = [int(part.split(" of ")[0].split()[-1]) for part in words.split("; ")]
    assert sum(hits[:-1]) == scored.count("hit")
