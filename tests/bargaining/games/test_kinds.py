"""A kind of game is one row: `payoff_set`, `certify`, `plot`, files and `bargaining solve` know it from there."""

from dataclasses import dataclass

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bargaining import Game, Table, certify, payoff_set, plot
from bargaining.cli.answers import answers
from bargaining.descriptions import parse_description
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games import kinds
from bargaining.games.kinds import GameKind, register


@dataclass(frozen=True)
class Dictator:
    pie: float


@dataclass(frozen=True)
class Share:
    payoffs: tuple[float, float]


def test_a_toy_kind_of_game_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_KINDS", kinds._KINDS.copy())
    with pytest.raises(InvalidInput, match="`game` must be a RepeatedGame or a StochasticGame; got Dictator"):
        payoff_set(Dictator(3.0))  # type: ignore[call-overload]
    register(GameKind(game=Dictator, payoffs=lambda game: Share((game.pie, 0.0)), result=Share))
    found = payoff_set(Dictator(3.0))  # type: ignore[call-overload]
    assert found == Share((3.0, 0.0))
    with pytest.raises(
        InvalidInput, match=r"`result` must be a Division or one of PayoffSet, [^;]*; got a Share"
    ):
        certify(found)
    with pytest.raises(NotApplicable, match="got a Share"):
        plot(found)

    def proved(share: Share, *, tolerance: float, budget: int | None) -> tuple[Share, float, int | None]:
        return share, tolerance, budget

    def draw(share: Share, ax: Axes) -> None:
        ax.plot(*share.payoffs, marker="o")

    def read(entries: dict[str, float], stage: Game | None) -> Dictator:
        assert stage is None
        return Dictator(entries["pie"])

    def tables(game: Dictator, methods: object, title: str) -> list[Table]:
        return [Table([[game.pie]], columns=["pie"], caption=title)]

    row = GameKind(
        game=Dictator,
        payoffs=lambda _: found,
        result=Share,
        certificate=proved,
        picture=draw,
        table="dictator",
        reader=read,
        answers=tables,
    )
    register(row)
    described = parse_description(b"[dictator]\npie = 3.0\n")
    assert described.subject == Dictator(3.0)
    assert answers(described)[0].to_text().splitlines()[-1].strip() == "3"
    with pytest.raises(InvalidInput, match="must describe one game; got the tables repeated and dictator"):
        parse_description(b"[dictator]\npie = 3.0\n[repeated]\n[game]\n")
    assert certify(found, tolerance=0.5, budget=7) == (found, 0.5, 7)
    assert len(plot(found, ax=Figure().add_subplot()).lines) == 1
