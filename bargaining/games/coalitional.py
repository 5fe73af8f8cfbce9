"""Coalitional games with transferable utility, and values that divide the worth of the grand coalition."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import factorial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import listed
from bargaining._arrays import ArrayLike, Floats, per_player, record
from bargaining._calls import suggesting
from bargaining._names import meant, series
from bargaining._rational import Rationals, floats, fractions, maximise, rank, rational
from bargaining._rich import SHOWN, Card, Shown, brief
from bargaining.errors import InvalidInput, NotApplicable

if TYPE_CHECKING:
    import pandas as pd

Worth = Mapping[Any, Any] | Callable[[frozenset[Any]], Any]

_LARGEST = 12  # 2^12 coalitions: a nucleolus takes minutes beyond


@record
class Allocation(Shown):
    """A division of the worth of the grand coalition.

    Attributes
    ----------
    players : tuple
        The players, in the order of `payoffs`.
    payoffs : ndarray of shape (n,)
        What each player gets: the exact shares, rounded once.
    exact : tuple of Fraction
        The shares in exact arithmetic, from the worths taken at their exact values.
    excess : Fraction
        The largest excess :math:`v(S) - x(S)` over proper coalitions; zero or less means the core.
    method : str
        The name of the value.
    """

    players: tuple[Hashable, ...]
    payoffs: Floats
    exact: tuple[Fraction, ...]
    excess: Fraction
    method: str

    def payoff(self, player: Hashable) -> Fraction:
        """Return the exact share of one player.

        Examples
        --------
        >>> from bargaining import CoalitionalGame
        >>> CoalitionalGame(["Canada", "US"], {("Canada", "US"): 10}).shapley().payoff("US")
        Fraction(5, 1)
        """
        if player not in self.players:
            raise InvalidInput(
                f"`player` must be one of {self.players}; got {player!r}.{_meant([player], self.players)}"
            )
        return self.exact[self.players.index(player)]

    def to_series(self) -> pd.Series[Any]:
        """Return the payoffs as a pandas Series with the players as its index."""
        return series(self.payoffs, list(map(str, self.players)), self.method)

    @property
    def in_core(self) -> bool:
        """Whether no coalition can do better on its own."""
        return self.excess <= 0


class CoalitionalGame(Shown):
    r"""A transferable-utility game :math:`(N, v)`.

    Parameters
    ----------
    players : sequence of hashable
        The players' names, at least two and at most 12.
    worth : mapping or callable
        What each coalition can get on its own. A mapping from collections of players (tuples,
        frozensets, a bare name for a single player) to numbers, where missing coalitions are worth 0;
        or a function of a frozenset of players. The empty coalition is worth 0; the function is not called for it.

    Raises
    ------
    InvalidInput
        If players repeat, a coalition contains somebody else or is given twice, or a worth is not a finite number.

    Examples
    --------
    Two partners compete for a third player's trade:

    >>> from bargaining import CoalitionalGame
    >>> game = CoalitionalGame(["Canada", "US", "China"], {
    ...     ("Canada", "US"): 10, ("Canada", "China"): 6, ("Canada", "US", "China"): 12})
    >>> game.shapley().exact
    (Fraction(20, 3), Fraction(11, 3), Fraction(5, 3))
    >>> game.nucleolus().payoffs
    array([8., 3., 1.])
    """

    __slots__ = ("_worth", "players")

    @suggesting
    def __init__(self, players: Sequence[Hashable], worth: Worth) -> None:
        names = tuple(listed(players, "players", "a list of names"))
        if not 2 <= len(names) <= _LARGEST:
            raise InvalidInput(f"`players` must be 2 to {_LARGEST} names; got {len(names)}.")
        if not all(isinstance(name, Hashable) for name in names):
            raise InvalidInput(f"`players` must be hashable; got {names!r}. Write lists as tuples.")
        if len(set(names)) < len(names):
            raise InvalidInput(f"`players` must differ; got {names!r}.")
        self.players = names
        if callable(worth):
            coalitions = map(self._names, range(1, 2 ** len(names)))
            values = rational([worth(coalition) for coalition in coalitions], "worth", ndim=1)
            self._worth = fractions(np.append(0, values))
            return
        self._worth = fractions(np.zeros(2 ** len(names), dtype=int))
        named: set[int] = set()
        if not isinstance(worth, Mapping):
            raise InvalidInput(f"`worth` must be a mapping or a function of coalitions; got {worth!r}.")
        for coalition, value in worth.items():
            mask = self._mask(coalition, "worth")
            if mask in named:
                raise InvalidInput(f"`worth` names the coalition {coalition!r} twice; keep one of them.")
            named.add(mask)
            self._worth[mask] = rational(value, f"worth[{coalition!r}]", ndim=0)[()]
        if self._worth[0] != 0:
            raise InvalidInput(f"`worth` of the empty coalition must be 0; got {self._worth[0]}.")

    def __repr__(self) -> str:
        return f"<CoalitionalGame of {len(self.players)} players, worth {float(self._worth[-1]):g}>"

    def _card(self) -> Card:
        """Return a row for each coalition."""
        masks = range(1, min(2 ** len(self.players), SHOWN * SHOWN))
        rows = [[", ".join(sorted(map(str, self._names(mask)))), brief(self._worth[mask])] for mask in masks]
        return Card(title="Coalitional game", heads=["coalition", "worth"], rows=rows)

    def worth(self, coalition: Iterable[Hashable] | Hashable) -> Fraction:
        """Return the worth of a coalition, as given."""
        value: Fraction = self._worth[self._mask(coalition)]
        return value

    def _names(self, mask: int) -> frozenset[Hashable]:
        return frozenset(name for i, name in enumerate(self.players) if mask >> i & 1)

    def _mask(self, coalition: Iterable[Hashable] | Hashable, argument: str = "coalition") -> int:
        one = isinstance(coalition, Hashable) and (isinstance(coalition, str) or coalition in self.players)
        members = list(coalition) if isinstance(coalition, Iterable) and not one else [coalition]
        if not all(isinstance(name, Hashable) and name in self.players for name in members):
            raise InvalidInput(
                f"`{argument}` must name players among {self.players}, several in a tuple; got {coalition!r}."
                f"{_meant(members, self.players)}"
            )
        return sum(1 << self.players.index(name) for name in set(members))

    def shapley(self) -> Allocation:
        r"""Return the Shapley value: the average marginal contribution over orders of arrival.

        .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|!\,(n - |S| - 1)!}{n!}\,[v(S \cup i) - v(S)].

        References
        ----------
        Shapley, L. S. (1953b). A value for n-person games. In *Contributions to the Theory of Games II*, Princeton
        University Press, 307-317. doi:10.1515/9781400881970-018
        """
        n, worth = len(self.players), self._worth
        weights = [Fraction(factorial(k) * factorial(n - k - 1), factorial(n)) for k in range(n)]
        shares = [Fraction(0)] * n
        for mask, members in enumerate(_members(n)):
            for i in np.flatnonzero(members == 0):
                shares[i] += weights[mask.bit_count()] * (worth[mask | 1 << i] - worth[mask])
        return self._allocation(shares, "shapley")

    def nucleolus(self) -> Allocation:
        r"""Return the nucleolus: the imputation whose excesses, sorted from the largest, are least.

        Raises
        ------
        NotApplicable
            If no imputation exists: the players are worth more alone than together.

        Notes
        -----
        A sequence of linear programs (Maschler, Peleg & Shapley 1979), each solved exactly: minimise the largest
        excess of the free coalitions, fix the coalitions that bind in every optimum (those with a positive multiplier)
        and those that they determine, and repeat.

        References
        ----------
        Schmeidler, D. (1969). The nucleolus of a characteristic function game. *SIAM Journal on Applied Mathematics*
        17(6), 1163-1170. doi:10.1137/0117107
        """
        n = len(self.players)
        alone = np.array([self._worth[1 << i] for i in range(n)], dtype=object)
        if self._worth[-1] < alone.sum():
            raise NotApplicable(
                f"The nucleolus divides at least what players get alone, {float(alone.sum()):g}; the grand "
                f"coalition is worth {float(self._worth[-1]):g}."
            )
        extra = _lexicographic(self._worth - _members(n) @ alone, n)
        return self._allocation((alone + extra).tolist(), "nucleolus")

    def least_core(self) -> Fraction:
        """Return the least possible largest excess of a proper coalition; the core is empty if positive.

        As in the definition of the core, players may get less than they are worth alone.
        """
        # Minimise e over x(S) + e >= v(S), x(N) = v(N). The dual has balanced weights of coalitions: they sum to 1,
        # with the same total weight on each player.
        n = len(self.players)
        proper = _members(n)[1:-1]
        equal = np.vstack(
            [np.column_stack([proper.T, -np.ones(n, dtype=int)]), np.append(np.ones(len(proper), int), 0)]
        )
        system = fractions(np.vstack([equal, -equal]))
        right = fractions(np.array([0] * n + [1] + [0] * n + [-1]))
        dual = maximise(np.append(self._worth[1:-1], -self._worth[-1]), system, right)
        assert dual is not None  # equal weights on the single players are balanced
        return dual.value

    def core_is_empty(self) -> bool:
        """Say whether no division satisfies every coalition (Bondareva 1963, Shapley 1967)."""
        return bool(self.least_core() > 0)

    def excess(self, payoffs: ArrayLike) -> Fraction:
        """Return the largest excess of a proper coalition at these payoffs: at most 0 in the core."""
        per_player(payoffs, "payoffs", len(self.players))
        shares = rational(payoffs, "payoffs", ndim=1).tolist()
        return self._excess(shares)

    def _excess(self, shares: Sequence[Fraction]) -> Fraction:
        held = _members(len(self.players)) @ np.array(shares, dtype=object)
        largest: Fraction = max((self._worth - held)[1:-1])
        return largest

    def in_core(self, payoffs: ArrayLike) -> bool:
        """Say whether these payoffs divide the whole worth and no coalition can do better on its own.

        The test is exact: pass `Fraction` payoffs where floats cannot hold the shares.
        """
        total = sum(rational(payoffs, "payoffs", ndim=1).tolist())
        return self.excess(payoffs) <= 0 and total == self._worth[-1]

    def _allocation(self, shares: list[Fraction], method: str) -> Allocation:
        return Allocation(
            players=self.players,
            payoffs=floats(shares),
            exact=tuple(shares),
            excess=self._excess(shares),
            method=method,
        )


def _meant(members: list[Any], players: tuple[Hashable, ...]) -> str:
    """Return "Did you mean ...?" with a player of a similar name."""
    strange = (name for name in members if isinstance(name, Hashable) and name not in players)
    questions = (meant(name, list(map(str, players))) for name in strange)
    return next(filter(None, questions), "")


def _members(players: int) -> NDArray[np.int64]:
    """Return who is in each coalition, a row for each of the 2^n."""
    return np.arange(2**players)[:, None] >> np.arange(players) & 1


def _lexicographic(excess: Rationals, players: int) -> Rationals:
    """Divide excess[-1] among non-negative shares y so that the sorted excesses are least.

    Variables are y and t, where -t bounds the excesses of the free coalitions, shifted by `lift` so that
    both signs of t are reached.
    """
    members = _members(players)
    lift = max(excess) - min(excess) + excess[-1] + 1
    totals, fixed, free = excess.copy(), [len(excess) - 1], list(range(1, len(excess) - 1))
    goal = fractions(np.array([0] * players + [1]))
    while True:
        # y(S) = its total where fixed; t <= lift otherwise, and where nothing is free.
        rows = [[*members[mask], 0] for mask in fixed] + [[*-members[mask], 0] for mask in fixed]
        bounds = [*totals[fixed], *-totals[fixed], *(lift - excess[free])]
        rows += [[*-members[mask], 1] for mask in free]
        if not free:
            rows, bounds = [*rows, [*members[0], 1]], [*bounds, lift]
        program = maximise(goal, fractions(np.array(rows)), np.array(bounds, dtype=object))
        assert program is not None  # the last division remains feasible
        if not free or rank(members[fixed].tolist()) == players:
            return np.array(program.solution[:players], dtype=object)
        tight = [
            mask for mask, weight in zip(free, program.multipliers[-len(free) :], strict=True) if weight > 0
        ]
        totals[tight] = excess[tight] + (program.value - lift)
        fixed += tight
        span = rank(members[fixed].tolist())
        free = [mask for mask in free if rank(members[[*fixed, mask]].tolist()) > span]
