"""Imperfect public monitoring in the limit of patience: scores by direction, and rank conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bargaining._arguments import instance
from bargaining._arrays import Floats, real, record
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rational import solve
from bargaining._rich import Card, Shown, table
from bargaining.equilibria.payoff_polygon import PayoffPolygon
from bargaining.equilibria.repeated.joint import (
    ROUNDING,
    Curve,
    Envelope,
    deviations,
    payoff_range,
    rising_chain,
)
from bargaining.equilibria.sets.bounds import hull, simplified
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.feasible._facets import LinearProgram, optimise
from bargaining.feasible._polygon import clip
from bargaining.games.monitoring import Monitoring, Rank, check_monitoring
from bargaining.games.normal_form import Game, other_actions, profile_name

Profile = tuple[int, ...]
Pair = tuple[float, float]
_MERGE = 1e-9  # of the payoff range: vertices that are closer are one


class Score(NamedTuple):
    """The highest payoff of patient players in a direction.

    Attributes
    ----------
    value : float or None
        The score, to about 1e-10 of the payoff range; None if no profile can be sustained at all.
    profile : tuple of int, or None
        The profile that attains it.
    """

    value: float | None
    profile: Profile | None


@suggesting
def patient_score(game: Game, direction: ArrayLike, *, monitoring: Monitoring | None = None) -> Score:
    r"""Return the score of Fudenberg and Levine (1994) in a direction.

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
    Pure actions, a linear program for each profile. Mixed actions can raise scores.

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
    >>> score = patient_score(partners, [1, 1], monitoring=report)
    >>> round(score.value, 10), score.profile
    (3.5, (0, 0))
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    normal = real(direction, "direction", ndim=1)
    if normal.shape != (game.players,) or not normal.any():
        raise InvalidInput(
            f"`direction` must be {game.players} numbers, one a player and not all zero; got {direction!r}."
        )
    return _score(_Scores(game, monitoring), normal)


def _score(scores: _Scores, normal: Floats) -> Score:
    every = [(scores.score(profile, normal), profile) for profile in scores.sustained]
    return Score(*max(every, key=lambda pair: pair[0])) if every else Score(None, None)


@record
class PatientPayoffs(PayoffPolygon):
    r"""The payoffs of patient players under imperfect public monitoring: :math:`\{v : n \cdot v \le k^*(n)` for all n}.

    Attributes
    ----------
    game : Game
    monitoring : Monitoring or None
        None if actions are seen.
    faces : tuple of ((float, float), Score)
        Directions and scores whose half-planes are the set.
    reached : bool
        Whether the set has a nonempty interior. Then every interior payoff is an equilibrium payoff of players who are
        patient enough. Otherwise the set only contains all equilibrium payoffs.
    vertices, threat, status, reason, scale
        As for `PayoffSet`; the status is OK or EMPTY.
    """

    game: Game
    monitoring: Monitoring | None
    faces: tuple[tuple[Pair, Score], ...] = field(repr=False)
    reached: bool

    @property
    def player_names(self) -> tuple[str, ...]:
        """The names of the two players; their numbers where they have none."""
        return self.game.player_names


@suggesting
def patient_payoffs(game: Game, *, monitoring: Monitoring | None = None) -> PatientPayoffs:
    r"""Return the payoffs of two patient players, in the limit of a common discount factor.

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
    its kinks, at those where the best profile changes, and at the axes, determine Q, to about 1e-9 of the payoff
    range. At the axes the score may be lower than near them.

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
    >>> (found.vertices.round(6) + 0.0).tolist()
    [[0.0, 0.0], [2.299517, 0.541063], [1.75, 1.75], [0.541063, 2.299517]]
    """
    instance(game, "game", Game)
    check_monitoring(game, monitoring)
    if game.players != 2:
        raise NotApplicable(
            f"The set is computed for two players only; got {game.players}. Use `patient_score`."
        )
    scores = _Scores(game, monitoring)
    faces = list(_faces(scores)) if scores.sustained else []
    corners = _within(faces, payoff_range(game)) if faces else np.empty((0, 2))
    reason = ""
    if not scores.sustained:
        reason = "No profile of pure actions can be sustained: some deviation pays and cannot be noticed."
    elif not len(corners):
        reason = "The half-planes of the scores have no point in common."
    return PatientPayoffs(
        game=game,
        monitoring=monitoring,
        vertices=corners,
        faces=tuple(faces),
        reached=len(corners) > 2,
        threat=corners.min(axis=0) if len(corners) else np.full(2, np.nan),
        status=Status.OK if len(corners) else Status.EMPTY,
        reason=reason,
        scale=float(np.ptp(game.payoffs.reshape(-1, 2), axis=0).max()),
    )


class _Scores:
    r"""The programs of all profiles, in units of the payoff range, above each player's lowest payoff.

    With :math:`s_i = \pm 1` the signs of a direction and :math:`z_i = |n_i| x_i`, the score of a profile is the least
    of :math:`\sum_i |n_i| \rho_i` over the multipliers of its program, which do not depend on :math:`|n|`: with
    :math:`\mu_y` on :math:`\sum_i s_i z_i(y) \le 0` and :math:`\lambda_b` on deviations, whose gain is
    :math:`d_b`, :math:`\rho_i = s_i g_i(a) - \sum_b d_b \lambda_b`, where
    :math:`s_i \mu_y + \sum_b (p(y \mid b) - p(y \mid a)) \lambda_b = s_i p(y \mid a)` for each player and signal.
    """

    def __init__(self, game: Game, monitoring: Monitoring | None) -> None:
        through = Monitoring.perfect(game) if monitoring is None else monitoring
        self.game, self.chances, self.unit = game, through.probabilities, payoff_range(game)
        self.low = game.payoffs.reshape(-1, game.players).min(axis=0)
        every, ones = range(game.players), np.ones(game.players)
        profiles = np.ndindex(*game.shape)
        self.sustained = [each for each in profiles if self.prices(each, every, ones, ones) is not None]

    def prices(
        self, profile: Profile, players: Sequence[int], signs: Floats, weights: Floats
    ) -> Floats | None:
        """Return the multipliers' rho of these players that minimises weights . rho; None if some deviation pays."""
        p, count = self.chances[profile], self.chances.shape[-1]
        owners, changes, gains = deviations(self.game, self.chances, profile)
        weighted = np.isin(owners, players)
        owners, changes = np.searchsorted(players, owners[weighted]), changes[weighted]
        gains = gains[weighted] / self.unit
        owned = (np.eye(len(players))[owners][:, :, None] * changes[:, None]).reshape(
            -1, len(players) * count
        )
        goal = np.append(np.zeros(count), weights[owners] * gains)
        found = optimise(
            LinearProgram(
                objective=goal,
                matrix=np.vstack((np.kron(signs, np.eye(count)), owned)).T,
                limits=np.kron(signs, p),
                lower=np.zeros(len(goal)),
                equalities=len(players) * count,
            )
        )
        if found.status is not Status.OK:  # the multipliers are never contradictory, only unbounded
            return None
        loss = np.bincount(owners, found.point[count:] * gains, len(players))
        above = (self.game.payoffs[profile] - self.low) / self.unit
        return np.asarray(signs * above[list(players)] - loss)

    def value(self, score: float, normal: Floats) -> float:
        """Return a score in payoffs."""
        return float(self.unit * score + normal @ self.low)

    def score(self, profile: Profile, normal: Floats) -> float:
        """Return the score of a profile in any direction; players of weight zero set no bounds."""
        weighted = np.flatnonzero(normal)
        weights = np.abs(normal[weighted])
        prices = self.prices(profile, weighted.tolist(), np.sign(normal[weighted]), weights / weights.max())
        assert prices is not None
        return self.value(float(weights @ prices), normal)

    def curve(self, profile: Profile, signs: Floats) -> Curve:
        """Return the score of a profile as a function of t on a quadrant of directions, ((1 - t) s_0, t s_1)."""

        def support(direction: Floats) -> Floats:
            prices = self.prices(profile, [0, 1], signs, direction * [-1.0, 1.0])
            assert prices is not None
            return prices * [1.0, -1.0]

        chain = rising_chain(support) * [1.0, -1.0]
        steps = np.abs(np.diff(chain, axis=0))
        kinks = np.concatenate(([0.0], steps[:, 0] / steps.sum(axis=1), [1.0]))
        ends = np.vstack((chain, chain[-1]))
        return Curve(np.column_stack((kinks, (1 - kinks) * ends[:, 0] + kinks * ends[:, 1])), profile)


def _faces(scores: _Scores) -> Iterator[tuple[Pair, Score]]:
    """Yield directions whose half-planes are the set, with their scores: first those of the axes."""
    for axis in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)):
        yield axis, _score(scores, np.array(axis))
    for signs in ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)):
        envelope = Envelope((scores.curve(profile, np.array(signs)) for profile in scores.sustained), 1.0)
        for t in envelope.knots:
            if _MERGE < t < 1 - _MERGE:  # at an axis the curve has the limit, not the score
                line = envelope.at(t)
                normal = (1 - t) * signs[0], t * signs[1]
                yield normal, Score(scores.value(line.value, np.array(normal)), line.owner)


def _within(faces: Sequence[tuple[Pair, Score]], unit: float) -> Floats:
    """Return the vertices of the intersection of half-planes, the first four of which are a box."""
    bounds = [(normal, value) for normal, (value, _) in faces if value is not None]
    right, left, top, bottom = (bound for _, bound in bounds[:4])
    if min(right + left, top + bottom) < -ROUNDING * unit:
        return np.empty((0, 2))
    right, top = max(right, -left), max(top, -bottom)
    corners: list[Pair] = [(-left, -bottom), (right, -bottom), (right, top), (-left, top)]
    for normal, bound in bounds[4:]:
        least = min(normal[0] * x + normal[1] * y for x, y in corners)
        if least > bound + ROUNDING * unit:
            return np.empty((0, 2))
        corners = clip(corners, normal, max(bound, least))
    points = 0.0 + np.array(corners)
    points = points[hull(points)]
    return points[simplified(points, _MERGE * unit)]


@record(eq=True)
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


@record
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
        return table("Full rank" if self.failures else "Full rank at every profile", self.failures)


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
    rows, names = [monitoring.exact[profile]], [f"everybody keeping to {profile_name(game, profile)}"]
    for i in players:
        for action, other in other_actions(game, profile, i):
            rows.append(monitoring.exact[other])
            names.append(f"{titles(game.player_names)[i]} playing {game.actions[i][action]}")
    matrix = np.array(rows)
    # The first row that depends on those before it; all rows have the sum one, so that both sides have one sum.
    for k in range(1, len(rows)):
        before = matrix[:k]
        mixture = np.array(solve(before @ before.T, before @ matrix[k]), dtype=object)
        if (mixture @ before == matrix[k]).all():
            break
    weights = [-share for share in mixture] + [Fraction(1)]
    total = sum(weight for weight in weights if weight > 0)
    sides = dict[bool, list[str]]()
    for weight, name in zip(weights, names, strict=False):
        if weight:
            share = abs(weight / total)
            sides.setdefault(weight > 0, []).append(name if share == 1 else f"{share} of {name}")
    return " looks like ".join(" and ".join(each) for each in sides.values())
