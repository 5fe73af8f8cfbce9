"""Results with a part for each state of a stochastic game."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bargaining._arguments import index
from bargaining._rich import Result
from bargaining.errors import Status
from bargaining.games.stochastic import StochasticGame

Part = TypeVar("Part", bound=Result)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByState(Result, Mapping[str, Part]):
    """A mapping of the states' names to their parts."""

    game: StochasticGame

    @property
    @abstractmethod
    def _parts(self) -> tuple[Part, ...]:
        """The parts in the order of the states."""

    def __getitem__(self, state: str) -> Part:
        if state not in self.game.states:
            raise KeyError(f"There is no state {state!r}; the states are {', '.join(self.game.states)}.")
        return self._parts[self.game.states.index(state)]

    def __iter__(self) -> Iterator[str]:
        return iter(self.game.states)

    def __len__(self) -> int:
        return len(self._parts)

    def at(self, state: int) -> Part:
        """Return the part of a state given by its number."""
        return self._parts[index(state, "state", "state", len(self))]

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the players, or their numbers."""
        return self.game.player_names

    @property
    def status(self) -> Status:
        """OK where the parts of all states are, or else the status of the first that is not."""
        return next((part.status for part in self._parts if part.status is not Status.OK), Status.OK)
