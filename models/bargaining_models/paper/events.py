"""T12: what happened since November 2024, and what the models would have said the day before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bargaining import Table
from bargaining_models.paper.study import Study
from bargaining_models.us_canada.events import TALKS, WITHIN, Score, Scorer

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
