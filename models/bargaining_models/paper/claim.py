"""A claim of the story and what a model says of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bargaining.authoring import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Shown):
    """A claim of the story and what the computation says of it.

    Attributes
    ----------
    claim, verdict, figures, assumption : str
        The claim in the story's words; "holds", "fails" or under which reading; the numbers that decide; the assumption
        whose change would change the verdict.
    """

    claim: str
    verdict: str
    figures: str
    assumption: str

    def as_row(self) -> dict[str, str]:
        """Return the four texts by name."""
        return asdict(self)
