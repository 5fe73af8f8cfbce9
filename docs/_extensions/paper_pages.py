"""Write the claims and the events of the paper, as they are stored, for the pages that include them."""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from bargaining_models.paper.claims import CLAIMS
from bargaining_models.paper.tables import stored


def claims() -> str:
    """Return each claim of table T4 with its words, its verdict, what that depends on, and what T4-figures counts."""
    parts, links = [], {claim.claim: claim.link.split() for claim in CLAIMS}
    for row, counts in zip(stored("T4").records(), stored("T4-figures").records(), strict=True):
        parts.append(f"## {row['claim']}\n\n**{row['verdict']}**\n\n")
        words = f"“{row['words']}”, " if row["words"] else ""
        seen = " ".join(f"([source]({link}))" for link in links[row["claim"]])
        parts.append(f"Words\n: {words}{row['by']}. {seen}\n\n")
        parts.append(f"Counted\n: {_sentence(counts['event'])} Read off {counts['tables']}.\n\n")
        for year, date in (("2023", "2023"), ("later", "19 August 2026")):
            low, high = counts[f"{year}_size"]
            drawn = f" In drawn worlds: {counts[f'{year}_drawn']}." if counts[f"{year}_drawn"] else ""
            parts.append(
                f"At the tariffs of {date}\n: Holds in {counts[f'{year}_holds']}; {counts['what']}: {low:.2g} to "
                f"{high:.2g}.{drawn}\n\n"
            )
        parts.append(f"Depends on\n: {_sentence(row['assumption'])}\n\n")
    return "".join(parts)


def events() -> str:
    """Return each event of table T12 with what the model said, what happened and the score."""
    parts = []
    for date, event, mover, target, predicted, happened, answer, score in stored("T12").rows:
        gains = [
            f"{name} {gain:+.1f}" for name, gain in (("mover", mover), ("target", target)) if gain is not None
        ]
        said = "; ".join([str(predicted), *(["USD bn a year: " + ", ".join(gains)] if gains else [])])
        asked = score != "not scored" or gains  # else the text says why the model was not asked
        lead = f"The model: {said}." if asked else _sentence(said)
        parts.append(f"{date}, {event}\n")
        reply = f" The answer that it expected was {answer}." if answer else ""
        parts.append(
            f": **{_sentence(score)}** {lead} What happened: {happened or 'nothing more'}.{reply}\n\n"
        )
    return "".join(parts)


def _sentence(text: object) -> str:
    return f"{str(text)[0].upper()}{str(text)[1:].rstrip('.')}."


def write(app: Sphinx, config: Config) -> None:
    """Write what the pages include, and leave it alone if it would not change."""
    for name, text in (("claims", claims()), ("events", events())):
        path = Path(app.srcdir, "reference", "generated", f"{name}.txt")
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, object]:
    """Write the texts before Sphinx reads the pages."""
    app.connect("config-inited", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
