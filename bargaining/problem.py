"""A bargaining problem: the payoffs that can be agreed on, and those without an agreement."""

from __future__ import annotations

from itertools import islice
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import is_sequence, listed, player_index
from bargaining._arrays import (
    EPS,
    LARGEST,
    SMALLEST,
    ArrayLike,
    ByPlayer,
    Floats,
    by_player,
    fill,
    per_player,
    real,
    record,
    returned,
)
from bargaining._names import Names, are_given, carried, unique_names
from bargaining._rich import SHOWN, Card, Shown, number
from bargaining.errors import InvalidInput, Status, with_article
from bargaining.feasible.base import FeasibleSet, is_feasible_set
from bargaining.feasible.surplus import TransferableSurplus

_LINE = 200  # the longest code that a problem prints as


@record(init=False)
class Problem(Shown):
    """A feasible set and a disagreement point (S, d).

    Parameters
    ----------
    feasible : FeasibleSet, PayoffSet, Game or array_like of shape (m, n)
        The feasible payoffs: `TransferableSurplus`, `Polytope`, `Frontier` or anything that
        answers `support`, `ray`, `ideal` and `contains`. Points mean the lotteries over them, `Polytope(points)`, and
        the columns of a DataFrame name the players. Whatever has a method ``problem(disagreement)``, such as a `Game`
        or a `PayoffSet`, stands for the set of that problem.
    disagreement : array_like, shape (..., n)
        Payoffs without an agreement, in the unit of the set's payoffs. May be left out where ``feasible.problem()``
        has a default. Leading axes are a batch of problems and
        broadcast against the batch of `feasible`. What has labels, such as a mapping of names to payoffs or a pandas
        Series, names the players.
    players : sequence of str, optional
        Names of the players; by default those that `disagreement` carries, or else their numbers. Answers, tables,
        pictures and messages use them, and everything with an entry per player may then be given by name.

    Attributes
    ----------
    player_names : tuple of str
        The names, or the numbers 0, 1, ... as strings.

    Raises
    ------
    InvalidInput
        If `disagreement` is not finite with one entry per player, or does not broadcast.

    Notes
    -----
    A disagreement point outside the set, or on its frontier, is not an error: it makes the status of an answer
    EMPTY or DEGENERATE, cell by cell.

    Examples
    --------
    >>> from bargaining import Problem, TransferableSurplus
    >>> Problem(TransferableSurplus(1.0), [0.0, 0.2])
    Problem(TransferableSurplus(1.0), [0.0, 0.2])

    Points, and games that know their threat:

    >>> from bargaining import Game
    >>> Problem([[0, 0], [4, 0], [0, 1]], [0, 0]).ideal
    array([4., 1.])
    >>> Problem(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])).disagreement
    array([3., 3.])

    Names make no difference to numbers:

    >>> from bargaining import nash
    >>> trade = Problem(TransferableSurplus(1.0), {"Canada": 0.0, "US": 0.2})
    >>> nash(trade, weights={"US": 0.75, "Canada": 0.25}).to_series()
    player
    Canada    0.2
    US        0.8
    Name: nash(weights=[0.25, 0.75]), dtype: float64
    """

    feasible: FeasibleSet
    disagreement: Floats
    player_names: tuple[str, ...]

    def __init__(
        self,
        feasible: FeasibleSet | Bargained | ArrayLike,
        disagreement: ByPlayer | None = None,
        *,
        players: Names | None = None,
    ) -> None:
        feasible, disagreement, players = _opened(feasible, disagreement, players)
        if not is_feasible_set(feasible):
            raise InvalidInput(
                f"`feasible` must answer support, ray, ideal and contains; got {with_article(feasible)}. "
                f"Wrap points in `Polytope` or an amount in `TransferableSurplus`."
            )
        names = unique_names(_names(disagreement, feasible, players), "players", feasible.players)
        point = per_player(cast("ArrayLike", disagreement), "disagreement", names, payoffs=True)
        try:
            np.broadcast_shapes(point.shape[:-1], feasible.batch_shape)
        except ValueError:
            raise InvalidInput(
                f"`disagreement` must broadcast against the batch {feasible.batch_shape} of `feasible`; got a batch "
                f"{point.shape[:-1]}."
            ) from None
        fill(self, feasible=feasible, disagreement=point, player_names=names)

    def __repr__(self) -> str:
        code = as_code(self)
        if len(code) <= _LINE and "\n" not in code:
            return code
        batch = f", batch {self.batch_shape}" if self.batch_shape else ""
        return f"<Problem of {self.players} players over a {type(self.feasible).__name__}{batch}>"

    def _card(self) -> Card:
        """Return a row for each player, or for each cell of a batch."""
        title = f"Problem over a {type(self.feasible).__name__}"
        d, ideal = np.broadcast_arrays(self.disagreement, self.ideal)
        if self.batch_shape:
            heads = ["cell", *(f"disagreement of {name}" for name in self.player_names)]
            rows = [
                [str(place), *map(number, d[place])] for place in islice(np.ndindex(*self.batch_shape), SHOWN)
            ]
            return Card(title=title, heads=heads, rows=rows, notes=[f"batch of shape {self.batch_shape}"])
        rows = [[name, number(d[k]), number(ideal[k])] for k, name in enumerate(self.player_names)]
        return Card(title=title, heads=["player", "disagreement", "ideal"], rows=rows)

    @property
    def players(self) -> int:
        """Number of players n."""
        return self.feasible.players

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch: () for a single problem."""
        return np.broadcast_shapes(self.disagreement.shape[:-1], self.feasible.batch_shape)

    @property
    def ideal(self) -> Floats:
        """Each player's best payoff over the feasible x >= d: the utopia point, shape (..., n)."""
        best = self.feasible.ideal(self.disagreement)
        return np.broadcast_to(best, (*self.batch_shape, self.players))

    def gains_status(self, ideal: Floats) -> NDArray[np.int8]:
        """Say of each cell whether everyone can gain (OK), not everyone (DEGENERATE), or nothing is feasible.

        FAILED where gains are below 1e-290, or payoffs above 1e304: floats do not hold what is done with them.
        """
        if type(ideal) is not np.ndarray or ideal.dtype != np.float64:
            ideal = returned(ideal, "ideal")
        by_player(ideal, "ideal", self.players)
        gain = ideal - self.disagreement
        finite = np.isfinite(ideal)
        size = 16 * EPS * (np.abs(np.where(finite, ideal, 0.0)) + np.abs(self.disagreement))
        # sums and shares would not be right
        beyond = (np.abs(ideal) > 1e4 * LARGEST) | ((gain > 0) & (gain < SMALLEST))
        usual = (gain > size) & ~beyond
        if usual.all():
            return np.zeros(usual.shape[:-1], dtype=np.int8)  # OK
        status = np.where((gain > size).all(axis=-1), Status.OK, Status.DEGENERATE)
        status = np.where(beyond.any(axis=-1), Status.FAILED, status)
        if not finite.all():
            status = np.where(np.isposinf(ideal).any(axis=-1), Status.UNBOUNDED, status)
            status = np.where(np.isneginf(ideal).any(axis=-1), Status.EMPTY, status)
            status = np.where(np.isnan(ideal).any(axis=-1), Status.FAILED, status)
        return status.astype(np.int8)

    def rescale(self, scale: ArrayLike, shift: ArrayLike = 0.0) -> Problem:
        """Return the problem in other units: every payoff x becomes scale * x + shift, player by player.

        Parameters
        ----------
        scale, shift : array_like, shape (n,)
            One entry per player, or one for all; `scale` is positive.

        Raises
        ------
        InvalidInput
            If an entry of `scale` is not positive, or payoffs become too large or too small for floats.

        Examples
        --------
        >>> from bargaining import Polytope, Problem, nash
        >>> nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0]).rescale([1, 100], [0, 7])).payoffs
        array([ 2., 57.])
        """
        from bargaining.feasible.transform import rescaled

        a, b = (_vector(v, name, self.player_names) for v, name in ((scale, "scale"), (shift, "shift")))
        if not (a >= SMALLEST).all():
            raise InvalidInput(
                f"`scale` must be positive, {SMALLEST:g} at least; got {a.tolist()}. Payoffs keep their order."
            )
        with np.errstate(over="ignore"):
            moved = self.disagreement * a + b
        return Problem(rescaled(self.feasible, a, b), moved, players=self.player_names)

    def relabel(self, order: ArrayLike) -> Problem:
        """Return the problem with the players in another order: player i is the one who was order[i].

        Parameters
        ----------
        order : array_like of int, shape (n,)
            A permutation of the players, by number or name. Names go with the players.

        Raises
        ------
        InvalidInput
            If `order` is not a permutation of the players.

        Examples
        --------
        >>> from bargaining import Polytope, Problem, nash
        >>> nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0]).relabel([1, 0])).payoffs
        array([0.5, 2. ])
        """
        from bargaining.feasible.transform import relabelled

        given = listed(order, "order", "a list of players")
        places = [player_index(k, "order", self.player_names) for k in given]
        if sorted(places) != list(range(self.players)):
            raise InvalidInput(
                f"`order` must name each of the players 0 to {self.players - 1} once; got {order!r}."
            )
        names = [self.player_names[k] for k in places] if are_given(self.player_names) else None
        return Problem(
            relabelled(self.feasible, np.array(places, dtype=np.intp)),
            self.disagreement[..., places],
            players=names,
        )

    def restrict(self) -> Problem:
        """Return the problem restricted to the agreements that give everyone at least the disagreement payoff.

        Examples
        --------
        >>> from bargaining import Problem, TransferableSurplus, kalai_smorodinsky
        >>> kalai_smorodinsky(Problem(TransferableSurplus(1), [0.2, 0]).restrict()).payoffs
        array([0.6, 0.4])
        """
        from bargaining.feasible.transform import restricted

        kept = restricted(self.feasible, self.disagreement)
        return Problem(kept, self.disagreement, players=self.player_names)


class Bargained(Protocol):
    """An object with a bargaining problem of its own: a game, a set of equilibrium payoffs."""

    def problem(self, disagreement: Any = None) -> Problem:
        """Return the problem, by default with the object's own disagreement point."""
        ...


def _opened(feasible: Any, disagreement: Any, players: Names | None) -> tuple[Any, Any, Names | None]:
    """Return the set that is meant, the disagreement point and the names, where they are known."""
    if is_feasible_set(feasible):
        if disagreement is None:
            raise InvalidInput(
                f"`disagreement` must say what the players get without an agreement; got none. Write "
                f"Problem(feasible, {[0] * feasible.players})."
            )
        if isinstance(feasible, TransferableSurplus) and (count := _count(disagreement)) > 1:
            feasible = feasible.among(count)
        return feasible, disagreement, players
    if callable(getattr(feasible, "problem", None)) and not isinstance(feasible, type):
        whole = feasible.problem(disagreement)
        known = whole.player_names if are_given(whole.player_names) else None
        return whole.feasible, whole.disagreement, known if players is None else players
    if isinstance(disagreement, FeasibleSet):
        raise InvalidInput(
            f"`feasible` must come before `disagreement`; got {with_article(disagreement)} second. "
            "Write Problem(feasible, disagreement)."
        )
    if isinstance(feasible, int | float) and not isinstance(feasible, bool):
        raise InvalidInput(
            f"`feasible` must be a set; got the number {feasible!r}. To share that amount write "
            f"TransferableSurplus({feasible!r})."
        )
    if disagreement is not None and (is_sequence(feasible) or hasattr(feasible, "columns")):
        from bargaining.feasible.polytope import Polytope

        names = carried(feasible) if hasattr(feasible, "columns") and players is None else players
        return Polytope(feasible), disagreement, names
    return feasible, disagreement, players


def _count(disagreement: Any) -> int:
    """Return how many players have an entry, or 0 for a number."""
    labels = carried(disagreement)
    if labels is not None:
        return len(labels)
    array = real(disagreement, "disagreement", payoffs=True)
    return array.shape[-1] if array.ndim else 0


def _names(disagreement: Any, feasible: FeasibleSet, players: Names | None) -> Names | None:
    """Return the names given, or else those that the disagreement point carries; one entry for all carries none."""
    if players is not None:
        return players
    labels = carried(disagreement)
    return labels if labels and len(labels) == feasible.players else None


def as_code(problem: Problem) -> str:
    """Return a problem as code that can be pasted."""
    names = f", players={problem.player_names!r}" if are_given(problem.player_names) else ""
    return f"Problem({problem.feasible!r}, {problem.disagreement.tolist()}{names})"


def frontier_of(problem: Problem, angles: int) -> Floats:
    """Return how far two players can go from d in each direction of gains, corners of the set included."""
    d, ideal = problem.disagreement, problem.ideal
    gains = ideal - d
    if not (np.isfinite(gains).all() and (gains > 0).all()):
        return np.empty((0, 2))
    turns = np.linspace(0.0, np.pi / 2, angles)
    directions = np.column_stack([np.cos(turns), np.sin(turns)])
    far = problem.feasible.ray(d, directions * gains)
    reached = np.isfinite(far)
    # No ray meets a corner of a thin set exactly: corners are taken as they are.
    corners = problem.feasible.support(directions / gains)[1]
    above = (corners - d) / gains
    inside = np.isfinite(above).all(axis=-1) & (above >= 0).all(axis=-1) & (above > 0).any(axis=-1)
    edge = np.vstack([corners[inside], d + (far[:, None] * directions * gains)[reached]])
    turns = np.concatenate([np.arctan2(above[inside, 1], above[inside, 0]), turns[reached]])
    ordered: Floats = edge[np.unique(turns, return_index=True)[1]]
    return ordered


def pareto_part(edge: Floats) -> Floats:
    """Return the part of a boundary, from player 0's side to player 1's, between the best points of the two."""
    if not len(edge):
        return edge
    first = len(edge) - 1 - int(edge[::-1, 0].argmax())
    return edge[first : max(first, int(edge[:, 1].argmax())) + 1]


def _vector(value: ArrayLike, name: str, players: Names) -> Floats:
    array = per_player(value, name, players, payoffs=True)
    if array.ndim != 1:
        raise InvalidInput(f"`{name}` must have one entry per player; got shape {array.shape}.")
    return array


def require_problem(problem: object) -> None:
    """Raise an error if `problem` is not a `Problem`."""
    if not isinstance(problem, Problem):
        raise InvalidInput(f"`problem` must be a Problem; got {with_article(problem)}. {_made_of(problem)}")


def require_one_problem(problem: Problem) -> None:
    """Raise an error if `problem` is not a single `Problem`."""
    require_problem(problem)
    if problem.batch_shape:
        raise InvalidInput(
            f"`problem` must be one problem; got a batch {problem.batch_shape}. Pass its cells one by one."
        )


def _made_of(value: object) -> str:
    """Return how a problem is made of what was given instead."""
    if callable(getattr(value, "problem", None)):
        return "It has one: call its method `.problem()`."
    if hasattr(value, "discounts") and hasattr(value, "players"):
        return "What its players can enforce has one: payoff_set(game).problem()."
    return "Say what happens without an agreement: Problem(feasible, disagreement)."
