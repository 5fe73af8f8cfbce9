"""A profile played for ever: whether players are patient enough for it at a given discount factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from bargaining._arrays import Floats
from bargaining._rational import Rationals, floats
from bargaining.errors import Status, Unsolved, plain
from bargaining.games.normal_form import Game, best_replies
from bargaining.games.repeated import Exit, RepeatedGame, exit_rows

if TYPE_CHECKING:
    from bargaining.equilibria.repeated.payoff_set import PayoffSet

PATIENT = 1 - 2.0**-20  # the highest discount factor tried if there is no formula
WIDTH = 2.0**-40  # at which halving stops, if nothing else is said
_WORK = 1000  # structures solved for one payoff set: about half a second
_DENOMINATOR = 1000  # of recognised rationals; one number in 5000 is as close to one by chance
_DOUBT = 3e-10  # possible error of a threshold due to the slack in threats
_SLACK = 1e-11  # of the payoff range: threats of payoff sets are floats


@dataclass(frozen=True, slots=True)
class Path:
    """A profile played for ever: its payoffs, the best deviations, and the exit."""

    game: Game
    payoffs: tuple[Fraction, ...]
    deviation: tuple[Fraction, ...]
    best: Rationals  # best deviation payoffs of all profiles
    exit: Exit | None
    outside: tuple[Fraction, ...] | None  # payoffs after exit, where they do not depend on who leaves
    profile: tuple[int, ...]
    width: float = WIDTH
    known: dict[Fraction, PayoffSet] = field(default_factory=dict)  # payoff sets, by discount factor

    @classmethod
    def of(cls, game: Game, profile: tuple[int, ...], leave: Exit | None, *, width: float = WIDTH) -> Path:
        exact = game.exact
        best, rows = best_replies(exact), exit_rows(game, leave)
        outside = rows.pop() if len(rows) == 1 else None
        return cls(game, tuple(exact[profile]), tuple(best[profile]), best, leave, outside, profile, width)

    def of_profile(self, profile: tuple[int, ...]) -> Path:
        """Return another profile of the same game played for ever; the two share computed payoff sets."""
        payoffs = tuple(self.game.exact_payoff(profile, i) for i in range(self.game.players))
        return replace(self, payoffs=payoffs, deviation=tuple(self.best[profile]), profile=profile)

    @property
    def scale(self) -> Floats:
        """The range of each player's payoffs."""
        spread = np.ptp(self.game.payoffs.reshape(-1, self.game.players), axis=0)
        return np.where(spread > 0, spread, 1.0)

    def stays(self) -> bool:
        """Whether nobody would rather leave than play the profile for ever."""
        if self.exit is None:
            return True
        own = self.exit.exact
        return all(self.payoffs[i] >= own[i, i] for i in self.exit.who)

    def needs(self, threat: Sequence[Fraction]) -> list[Fraction | None]:
        """Return the root of each player's constraint; None if it has none."""
        roots: list[Fraction | None] = []
        for get, tempt, punished in zip(self.payoffs, self.deviation, threat, strict=True):
            if tempt == get:
                roots.append(Fraction(0))
            else:
                roots.append((tempt - get) / (tempt - punished) if tempt > punished else None)
        return roots


def halve(path: Path, low: float, high: float, player: int | None = None) -> tuple[float, float]:
    """Narrow a bracket at one end of which the profile is sustained, or one player keeps to it.

    Just below a threshold at which the whole payoff set collapses, the iteration converges slowly: bisection stops
    when one more payoff set would take seconds.
    """
    sustained = holds(path, Fraction(high), player)
    work = 0
    while high - low > path.width and work < _WORK:
        middle = (low + high) / 2
        answer, work = probe(path, Fraction(middle), player)
        low, high = (low, middle) if answer == sustained else (middle, high)
    return low, high


def recognised(path: Path, bracket: tuple[float, float]) -> Fraction | float:
    """Return the simple rational in a bracket, if it is the only one and the profile is sustained there."""
    low, high = bracket
    simple = Fraction(high).limit_denominator(_DENOMINATOR)
    close = low - _DOUBT <= simple <= high + _DOUBT
    if close and high - low <= _DOUBT and holds(path, simple):
        return simple
    return high


def holds(path: Path, discount: Fraction, player: int | None = None) -> bool:
    """Say whether the profile can be played for ever at a discount factor, by the payoff set's threat."""
    return probe(path, discount, player)[0]


def probe(path: Path, discount: Fraction, player: int | None = None) -> tuple[bool, int]:
    """Return the answer, for all players or for one of them, and the work that it took.

    An inaccurate payoff set gives bounds on the threats, which are enough if the answer is the same at both ends.
    """
    if not path.stays():
        return False, 0
    found = _payoff_set(path, discount)
    if found.status is Status.EMPTY:
        return False, found.stats.solves
    harshest, mildest = (_keeps(path, float(discount), low, player) for low in _threats(path, found))
    if harshest != mildest:
        raise _inaccurate(discount)
    return harshest, found.stats.solves


def threat(path: Path, discount: Fraction) -> Floats | None:
    """Return the lowest payoffs of the payoff set, None if it is empty."""
    found = _payoff_set(path, discount)
    if found.status is Status.INACCURATE:
        raise _inaccurate(discount)
    return None if found.status is Status.EMPTY else found.threat


def _keeps(path: Path, delta: float, lowest: Floats, player: int | None) -> bool:
    """Whether nobody gains by a deviation that is punished by these payoffs, or the player does not."""
    gain = floats([c - g for c, g in zip(path.deviation, path.payoffs, strict=True)])
    slack = delta * (floats(path.payoffs) - lowest) - (1 - delta) * gain
    keeps = (gain == 0) | (slack >= -_SLACK * path.scale)
    return bool(keeps.all() if player is None else keeps[player])


def _threats(path: Path, found: PayoffSet) -> tuple[Floats, Floats]:
    """Return lower and upper bounds on the threats.

    The set contains every equilibrium payoff, so no threat is below its own. A set that generates itself lies within
    the bound of it, so no threat is higher by more. With exit the second argument requires credible threats to leave.
    """
    if found.status is Status.OK:
        return found.threat, found.threat
    off = found.stats.bound if path.exit is None and found.stats.attained else np.inf
    return found.threat, found.threat + off * path.scale


def _payoff_set(path: Path, discount: Fraction) -> PayoffSet:
    from bargaining.equilibria.repeated.payoff_set import seen_payoff_set

    if discount not in path.known:
        given = np.array([discount] * path.game.players, dtype=object)
        path.known[discount] = seen_payoff_set(RepeatedGame(path.game, given, exit=path.exit))
    return path.known[discount]


def _inaccurate(discount: Fraction) -> Unsolved:
    at = float(discount)
    return Unsolved(f"The payoff set at the discount factor {plain(at)} is not accurate enough.")
