"""Imperfect public monitoring in the limit of patience: scores by direction, and rank conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import instance
from bargaining._arrays import owning
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rational import Rationals, floats, maximise, rational
from bargaining._rich import Card, Shown
from bargaining.equilibria._plane.lottery import Pair, hull
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.equilibria.repeated._monitored.liquidity import (
    Curve,
    Piece,
    Tangent,
    breakpoints,
    envelope,
    piece_at,
)
from bargaining.equilibria.repeated.joint import deterred, played
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible._polygon import clip
from bargaining.games.monitoring import Monitoring, Rank, check_monitoring
from bargaining.games.normal_form import Game, other_actions

Profile = tuple[int, ...]
_ZERO, _ONE = Fraction(0), Fraction(1)


class Score(NamedTuple):
    """The highest payoff of patient players in a direction.

    Attributes
    ----------
    value : Fraction or None
        The score; None if no profile can be sustained at all.
    profile : tuple of int, or None
        The profile that attains it.
    """

    value: Fraction | None
    profile: Profile | None


@suggesting
def patient_score(game: Game, direction: ArrayLike, *, monitoring: Monitoring | None = None) -> Score:
    r"""Return the score of Fudenberg and Levine (1994) in a direction, in rationals.

    .. math:: k^*(n) = \max_a \max_{x} \{ n \cdot v : v = g(a) + E[x \mid a],\;
              v_i \ge g_i(b, a_{-i}) + E[x_i \mid b, a_{-i}],\; n \cdot x(y) \le 0 \text{ for all } y \}

    At every discount factor that all players share, no equilibrium payoff lies beyond: :math:`n \cdot v \le k^*(n)`
    (proposition `monitoring-scores`).

    Parameters
    ----------
    game : Game
        Any number of players.
    direction : array_like of shape (n,)
        The direction n, not zero.
    monitoring : Monitoring, optional
        What is seen of the actions; by default the actions themselves.

    Returns
    -------
    Score

    Notes
    -----
    Pure actions, a linear program in rationals for each profile. Mixed actions can raise scores.

    References
    ----------
    Fudenberg, D. and Levine, D. (1994). Efficiency and observability with long-run and short-run players. *Journal of
    Economic Theory* 62(1), 103-135. doi:10.1006/jeth.1994.1006

    Examples
    --------
    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from bargaining import Game, Monitoring, patient_score
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> patient_score(partners, [1, 1], monitoring=report)
    Score(value=Fraction(7, 2), profile=(0, 0))
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    normal = rational(direction, "direction", ndim=1)
    if normal.shape != (game.players,) or not normal.any():
        raise InvalidInput(
            f"`direction` must be {game.players} numbers, one a player and not all zero; got {direction!r}."
        )
    return _score(_Scores(game, monitoring), normal)


def _score(scores: _Scores, normal: Rationals) -> Score:
    best = Score(None, None)
    for profile in scores.sustained:
        value = scores.score(profile, normal)
        if best.value is None or value > best.value:
            best = Score(value, profile)
    return best


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatientPayoffs(PayoffPolygon):
    r"""The payoffs of patient players under imperfect public monitoring: :math:`\{v : n \cdot v \le k^*(n)` for all n}.

    Attributes
    ----------
    game : Game
    monitoring : Monitoring or None
        None if actions are seen.
    vertices : ndarray of shape (m, 2)
        Counter-clockwise, from the lowest of the leftmost.
    exact : tuple of pairs of Fraction
        The vertices as rationals.
    faces : tuple of ((Fraction, Fraction), Score)
        Directions and scores whose half-planes are the set.
    reached : bool
        Whether the set has a nonempty interior. Then every interior payoff is an equilibrium payoff of players who are
        patient enough. Otherwise the set only contains all equilibrium payoffs.
    threat : ndarray of shape (2,)
        The lowest payoff of each player in the set; NaN if it is empty.
    status : Status
        OK, or EMPTY.
    reason : str
        Why it is empty.
    scale : float
        The larger of the players' ranges of stage payoffs.
    """

    game: Game
    monitoring: Monitoring | None
    exact: tuple[Pair, ...]
    faces: tuple[tuple[Pair, Score], ...] = field(repr=False)
    reached: bool

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.game.player_names


@suggesting
def patient_payoffs(game: Game, *, monitoring: Monitoring | None = None) -> PatientPayoffs:
    r"""Return the payoffs of two patient players, in the limit of a common discount factor, exactly.

    The set :math:`Q = \{v : n \cdot v \le k^*(n) \text{ for all } n\}` of the scores of `patient_score`. The
    equilibrium payoffs at any common discount factor lie in it, and fill it as patience grows if its interior is not
    empty.

    Parameters
    ----------
    game : Game
        Two players.
    monitoring : Monitoring, optional
        What is seen of the actions; by default the actions themselves.

    Returns
    -------
    PatientPayoffs

    Raises
    ------
    NotApplicable
        If there are not two players; see `patient_score` for more.

    Notes
    -----
    Within a quadrant of directions the score of each profile is concave and piecewise linear, since with
    :math:`z_i = |n_i| x_i` only the right-hand sides of its program depend on n, and linearly. So the half-planes at
    its kinks, at those where the best profile changes, and at the axes, determine Q, in rationals. At the
    axes the score may be lower than near them.

    Pure actions. Mixed actions can raise scores, for example if punishment requires a mixed minmax.

    References
    ----------
    Fudenberg, D. and Levine, D. (1994). Efficiency and observability with long-run and short-run players. *Journal of
    Economic Theory* 62(1), 103-135. doi:10.1006/jeth.1994.1006

    Fudenberg, D., Levine, D. and Maskin, E. (1994). The folk theorem with imperfect public information.
    *Econometrica* 62(5), 997-1039. doi:10.2307/2951505

    Examples
    --------
    >>> from fractions import Fraction
    >>> import numpy as np
    >>> from bargaining import Game, Monitoring, patient_payoffs
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> found = patient_payoffs(partners, monitoring=report)
    >>> [tuple(map(str, vertex)) for vertex in found.exact]
    [('0', '0'), ('476/207', '112/207'), ('7/4', '7/4'), ('112/207', '476/207')]
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    if game.players != 2:
        raise NotApplicable(
            f"The set is computed for two players only; got {game.players}. Use `patient_score`."
        )
    scores = _Scores(game, monitoring)
    faces = list(_faces(scores)) if scores.sustained else []
    corners = _within(faces)
    vertices = floats(corners).reshape(-1, 2)
    reason = ""
    if not scores.sustained:
        reason = "No profile of pure actions can be sustained: some deviation pays and cannot be noticed."
    elif not corners:
        reason = "The half-planes of the scores have no point in common."
    return PatientPayoffs(
        game=game,
        monitoring=monitoring,
        vertices=vertices,
        exact=corners,
        faces=tuple(faces),
        reached=len(corners) > 2,
        threat=vertices.min(axis=0) if corners else np.full(2, np.nan),
        status=Status.OK if corners else Status.EMPTY,
        reason=reason,
        scale=float(np.ptp(game.payoffs.reshape(-1, 2), axis=0).max()),
    )


class _Scores:
    """The programs of all profiles, with the continuations of each player split into parts that are not negative."""

    def __init__(self, game: Game, monitoring: Monitoring | None) -> None:
        through = Monitoring.perfect(game) if monitoring is None else monitoring
        self.game, self.exact, self.chances = game, game.exact, through.exact
        self.sustained = [profile for profile in np.ndindex(*game.shape) if deterred(game, through, profile)]

    def deviations(self, profile: Profile, player: int) -> Iterator[tuple[Rationals, Fraction]]:
        """Yield for each deviation the change of signal probabilities, and the bound on continuation payoffs."""
        for _, other in other_actions(self.game, profile, player):
            gain = self.exact[other][player] - self.exact[profile][player]
            yield self.chances[other] - self.chances[profile], -gain

    def score(self, profile: Profile, normal: Rationals) -> Fraction:
        """Return the score of a profile in any direction; players of weight zero set no bounds."""
        weighted = [i for i in range(self.game.players) if normal[i]]
        signs = [1 if normal[i] > 0 else -1 for i in weighted]
        value, _ = self._program(profile, weighted, signs, [abs(normal[i]) for i in weighted])
        return sum((normal[i] * self.exact[profile][i] for i in weighted), _ZERO) + value

    def curve(self, profile: Profile, signs: tuple[int, int]) -> Curve:
        """Return the score of a profile as a function of t on a quadrant of directions, ((1 - t) s_0, t s_1)."""
        today = [sign * payoff for sign, payoff in zip(signs, self.exact[profile], strict=True)]

        def tangent(t: Fraction) -> Tangent:
            value, (first, second) = self._program(profile, [0, 1], signs, [1 - t, t])
            return Tangent(t, (1 - t) * today[0] + t * today[1] + value, today[1] - today[0] + second - first)

        ends = tangent(_ZERO), tangent(_ONE)
        points = [ends[0].place, *breakpoints(*ends, tangent), ends[1].place]
        return [
            Piece(s, first, (last - first) / (t - s), profile) for (s, first), (t, last) in pairwise(points)
        ]

    def _program(
        self, profile: Profile, players: Sequence[int], signs: Sequence[int], weights: Sequence[Fraction]
    ) -> tuple[Fraction, list[Fraction]]:
        """Return the most of E sum s_i z_i over sum s_i z_i(y) <= 0 that keeps players from deviating.

        And by how much it rises with the weight of each player.
        """
        p, count = self.chances[profile], self.chances.shape[-1]
        size = len(players) * count
        rows, limits, owners = [], [], []
        for y in range(count):
            row = np.full(2 * size, _ZERO)
            for k, sign in enumerate(signs):
                row[k * count + y], row[size + k * count + y] = Fraction(sign), Fraction(-sign)
            rows.append(row)
        for k, player in enumerate(players):
            for change, limit in self.deviations(profile, player):
                row = np.full(2 * size, _ZERO)
                row[k * count : (k + 1) * count] = change
                row[size + k * count : size + (k + 1) * count] = -change
                rows.append(row)
                limits.append(limit)
                owners.append(k)
        goal = np.tile(p, len(players)) * np.repeat(np.array(signs, dtype=object), count)
        right = [_ZERO] * count + [weights[k] * limit for k, limit in zip(owners, limits, strict=True)]
        found = maximise(np.concatenate([goal, -goal]), np.array(rows), np.array(right))
        assert found is not None  # whether a player can be deterred does not depend on the direction
        rises = [_ZERO] * len(players)
        for k, limit, multiplier in zip(owners, limits, found.multipliers[count:], strict=True):
            rises[k] += limit * multiplier
        return found.value, rises


def _faces(scores: _Scores) -> Iterator[tuple[Pair, Score]]:
    """Yield directions whose half-planes are the set, with their scores."""
    for i in (0, 1):
        for sign in (1, -1):
            normal = np.full(2, _ZERO)
            normal[i] = Fraction(sign)
            yield (normal[0], normal[1]), _score(scores, normal)
    for signs in ((1, 1), (-1, 1), (-1, -1), (1, -1)):
        curves = [scores.curve(profile, signs) for profile in scores.sustained]
        for t, value, *_ in envelope(curves):
            if 0 < t < 1:  # at an axis the curve has the limit, not the score
                pieces = [piece for curve in curves if (piece := piece_at(curve, t)) is not None]
                best = next(piece.owner for piece in pieces if piece.at(t) == value)
                yield ((1 - t) * signs[0], t * signs[1]), Score(value, best)


def _within(faces: Sequence[tuple[Pair, Score]]) -> tuple[Pair, ...]:
    """Return the corners of the intersection of half-planes, the first four of which are a box."""
    if not faces:
        return ()
    (right, left, top, bottom) = (score.value for _, score in faces[:4])
    assert right is not None and left is not None and top is not None and bottom is not None  # noqa: PT018
    if right < -left or top < -bottom:
        return ()
    corners: list[Pair] = [(-left, -bottom), (right, -bottom), (right, top), (-left, top)]
    for normal, score in faces[4:]:
        assert score.value is not None
        corners = clip(corners, normal, score.value)
    return tuple(corners[k] for k in hull(corners))


@owning
@dataclass(frozen=True, slots=True, kw_only=True)
class RankFailure(Shown):
    """Deviations that the signal cannot distinguish.

    Attributes
    ----------
    profile : tuple of int
        The profile that all others keep to.
    players : tuple of int
        One player, or the pair.
    rank : Rank
        The rank and the full rank.
    reason : str
        Which deviations look alike.
    """

    profile: Profile
    players: tuple[int, ...]
    rank: Rank
    reason: str


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FullRank(Shown):
    """Whether the signal distinguishes deviations.

    Attributes
    ----------
    individual : bool
        Whether the deviations of each player can be distinguished, at every pure profile.
    pairwise : bool
        Whether, at every pure profile, the deviations of any two players can be distinguished from each other.
    failures : tuple of RankFailure
        The profiles and players for which not, and why.
    """

    individual: bool
    pairwise: bool
    failures: tuple[RankFailure, ...]

    @property
    def folk_theorem(self) -> bool:
        """Whether both hold.

        Then patient players who may mix can have every payoff in the interior of the feasible ones above the minmax
        (proposition `monitoring-folk`). The condition is sufficient, not necessary.
        """
        return self.individual and self.pairwise

    def _card(self) -> Card:
        """Return a row for each failure."""
        rows = [
            [
                str(each.profile),
                ", ".join(map(str, each.players)),
                f"{each.rank.rank} of {each.rank.full}",
                each.reason,
            ]
            for each in self.failures
        ]
        return Card(
            title="Full rank" if rows else "Full rank at every profile",
            heads=["profile", "players", "rank", "look alike"],
            rows=rows or [["every", "all", "full", "none"]],
        )


@suggesting
def full_rank(game: Game, monitoring: Monitoring) -> FullRank:
    """Say at which pure profiles deviations can be distinguished; where they cannot, say which look alike.

    Parameters
    ----------
    game : Game
        The stage game, for the names of its actions.
    monitoring : Monitoring
        What is seen of the actions.

    Returns
    -------
    FullRank

    Notes
    -----
    *Individual* full rank at a profile: the rows of signal probabilities after each action of a player, while the
    others keep to the profile, are linearly independent. *Pairwise*: those of two players together are independent,
    apart from the common row of the profile. Decided in rationals.

    References
    ----------
    Fudenberg, D., Levine, D. and Maskin, E. (1994). The folk theorem with imperfect public information.
    *Econometrica* 62(5), 997-1039. doi:10.2307/2951505

    Examples
    --------
    >>> from bargaining import Game, Monitoring, full_rank
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]], actions=[["work", "shirk"]] * 2)
    >>> report = Monitoring([[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.25, 0.75]]])
    >>> found = full_rank(partners, report)
    >>> found.individual, found.pairwise
    (True, False)
    >>> found.failures[0].reason
    'player 0 playing shirk looks like player 1 playing shirk'
    """
    instance(game, "game", Game)
    check_monitoring(game, instance(monitoring, "monitoring", Monitoring))
    groups = [*((i,) for i in range(game.players)), *combinations(range(game.players), 2)]
    failures = []
    for profile in np.ndindex(*game.shape):
        for players in groups:
            rank = monitoring.pairwise_full_rank(profile, players)
            if not rank.holds:
                reason = _alike(game, monitoring, profile, players)
                failures.append(RankFailure(profile=profile, players=players, rank=rank, reason=reason))
    return FullRank(
        individual=all(len(each.players) > 1 for each in failures),
        pairwise=all(len(each.players) == 1 for each in failures),
        failures=tuple(failures),
    )


def _alike(game: Game, monitoring: Monitoring, profile: Profile, players: Sequence[int]) -> str:
    """Return mixtures of deviations that lead to the same signal probabilities."""
    rows, names = [monitoring.exact[profile]], [f"everybody keeping to {played(game, profile)}"]
    for i in players:
        for action, other in other_actions(game, profile, i):
            rows.append(monitoring.exact[other])
            names.append(f"{titles(game.player_names)[i]} playing {game.actions[i][action]}")
    sizes = len(rows)
    # The largest sum of positive weights, at most one, of a combination that vanishes.
    matrix = np.array(rows).T
    both = np.hstack([matrix, -matrix])
    limits = np.concatenate([np.full(2 * len(both), _ZERO), [_ONE]])
    goal = np.concatenate([np.full(sizes, _ONE), np.full(sizes, _ZERO)])
    for least in range(sizes):  # a row that takes part must not cancel itself
        bar = np.full((1, 2 * sizes), _ZERO)
        bar[0, sizes + least] = _ONE
        system = np.vstack([both, -both, goal[None], bar])
        found = maximise(
            np.concatenate([np.eye(sizes, dtype=object)[least], np.full(sizes, 0)]) * _ONE,
            system,
            np.concatenate([limits, [_ZERO]]),
        )
        assert found is not None
        weights = np.array(found.solution[:sizes]) - np.array(found.solution[sizes:])
        if found.value > 0 and weights.any():
            total = sum(weight for weight in weights if weight > 0)
            sides = [
                " and ".join(
                    name if abs(weight) == total else f"{abs(weight) / total} of {name}"
                    for weight, name in zip(weights, names, strict=True)
                    if sign * weight > 0
                )
                for sign in (1, -1)
            ]
            return f"{sides[0]} looks like {sides[1]}"
    raise AssertionError("rows that depend on each other have a combination that vanishes")
