"""Weak renegotiation-proofness: cooperation with punishments that the players would not agree to cancel."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bargaining._arrays import Floats, record
from bargaining._calls import suggesting
from bargaining._rational import Rationals, floats
from bargaining._rich import Shown
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.feasible.points import undominated_at
from bargaining.games.normal_form import Game, Profile, best_replies, require_game
from bargaining.games.repeated import RepeatedGame, require_repeated


@record
class RenegotiationProof(Shown):
    """Whether a profile can be played for ever with punishments that the players would not agree to cancel.

    Attributes
    ----------
    sustained : bool or None
        True: an equilibrium is given. False: there is none in pure actions. None: the necessary conditions
        hold, but no equilibrium of the simple kind described in `renegotiation_proof` was found.
    payoffs : ndarray of shape (2,)
        Average payoffs on the path.
    punishments : ndarray of int, shape (2, 2)
        Row i: the actions played while player i is punished; -1 if she need not be.
    punishment_payoffs : ndarray of shape (2, 2)
        Row i: the average payoffs when the punishment of i starts; NaN if there is none.
    forgiven : ndarray of shape (2,)
        The probability, after each period of the punishment of i, that play returns to the path.
    player_names : tuple of str
        The names of the players, or their numbers.
    """

    sustained: bool | None
    payoffs: Floats
    punishments: NDArray[np.intp]
    punishment_payoffs: Floats
    forgiven: Floats
    player_names: tuple[str, ...]
    _by_player: ClassVar = ("payoffs", "forgiven")


@suggesting
def renegotiation_proof(game: RepeatedGame, profile: Profile) -> RenegotiationProof:
    r"""Say whether a profile, played for ever, is a weakly renegotiation-proof equilibrium path.

    An equilibrium is weakly renegotiation-proof if no two of its continuation payoffs are strictly Pareto ranked:
    then the players never agree to exchange one continuation for another.

    Parameters
    ----------
    game : RepeatedGame
        Two players with one discount factor, without exit and not a batch.
    profile : sequence of int or str, or mapping from players to them
        The actions a on the path, with payoffs v = g(a).

    Returns
    -------
    RenegotiationProof

    Raises
    ------
    NotApplicable
        If there are not two players, the discount factors differ, or somebody may leave.

    Notes
    -----
    *Sufficient.* Punish player i by repeating one profile :math:`a^i`, returning to the path after each period with a
    probability given by a public lottery, so that the payoff of the punishment is :math:`p^i = (1-\mu) g(a^i) + \mu v`
    with
    :math:`0 \le \mu \le \delta`. It is an equilibrium, and weakly renegotiation-proof, if

    - :math:`g_j(a^i) \ge v_j`: the other gains by punishing;
    - :math:`c_i(a^i) = p^i_i`: i takes the punishment rather than restart it (a smaller
      :math:`\mu` is impossible and a larger one milder for i and worse for j);
    - :math:`(1-\delta) c_i(a) + \delta p^i_i \le v_i`: i keeps to the path;
    - :math:`(1-\delta) c_j(a^i) + \delta p^j_j \le p^i_j`: j keeps to punishing.

    All pairs :math:`(a^0, a^1)` are tried. A player who is never tempted on the path or while punishing needs none.

    *Necessary.* In any such equilibrium let p be i's worst continuation (and among those j's best), starting with
    the profile :math:`a^i`. No deviation there is punished more harshly, so :math:`c_i(a^i) \le p_i`. What follows
    is no worse for i, so no better for j, and :math:`g_j(a^i) \ge p_j \ge v_j` (Farrell and Maskin 1989). At a
    given discount factor moreover :math:`p_i \le (1-\delta) g_i(a^i) + \delta \max_b g_i(b)` and
    :math:`\delta p_i \le v_i - (1-\delta) c_i(a)`. If no profile meets these for a player with something to gain
    on the path, the answer is no.

    Decided in exact arithmetic on payoffs and discount factor as given.

    References
    ----------
    Farrell, J. and Maskin, E. (1989). Renegotiation in repeated games. *Games and Economic Behavior* 1(4), 327-360.

    van Damme, E. (1989). Renegotiation-proof equilibria in repeated prisoners' dilemma. *Journal of Economic Theory*
    47(1), 206-217.

    Examples
    --------
    >>> from bargaining import Game, RepeatedGame, renegotiation_proof
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = renegotiation_proof(RepeatedGame(prisoners, 0.5), (0, 0))
    >>> found.sustained, found.punishments.tolist(), found.punishment_payoffs.tolist()
    (True, [[0, 1], [1, 0]], [[3.0, 9.75], [9.75, 3.0]])
    """
    delta, actions = _discount(game), game.game.profile(profile)
    exact, best = game.game.exact.reshape(-1, 2), best_replies(game.game.exact).reshape(-1, 2)
    row = int(np.ravel_multi_index(actions, game.game.shape))
    path, tempted = exact[row], best[row]
    options, possible = [], True
    for own, other in ((0, 1), (1, 0)):
        others_gain = exact[:, other] >= path[other]
        keeps = (1 - delta) * tempted[own] + delta * best[:, own] <= path[own]
        if tempted[own] == path[own]:
            options.append([_Option(None, path, tempted, Fraction(1))])
        else:
            options.append([])
            highest = (1 - delta) * exact[:, own] + delta * exact[:, own].max()
            possible &= bool(delta > 0 and (others_gain & (best[:, own] <= highest) & keeps).any())
        for k in np.flatnonzero(others_gain & keeps).tolist():
            gain, rise = best[k, own] - exact[k, own], path[own] - exact[k, own]
            if gain <= max(delta * rise, 0):
                back = gain / rise if gain else Fraction(0)
                options[own].append(_Option(k, (1 - back) * exact[k] + back * path, best[k], back))
    found = next(
        (
            pair
            for pair in product(*options)
            if _carries_out(1, pair[0], pair[1], delta) and _carries_out(0, pair[1], pair[0], delta)
        ),
        (),
    )
    profiles, pays, forgiven = np.full((2, 2), -1), np.full((2, 2), np.nan), np.full(2, np.nan)
    for i, option in enumerate(found):
        if option.row is not None:
            profiles[i], pays[i] = np.unravel_index(option.row, game.game.shape), floats(option.payoffs)
            # p = (1 - d) g + d [(1 - q) p + q v] gives the weight on v as d q / (1 - d + d q).
            rest = delta * (1 - option.back)
            forgiven[i] = float((1 - delta) * option.back / rest) if rest else float(option.back > 0)
    return RenegotiationProof(
        sustained=True if found else None if possible else False,
        payoffs=floats(path),
        punishments=profiles,
        punishment_payoffs=pays,
        forgiven=forgiven,
        player_names=game.player_names,
    )


class _Option(NamedTuple):
    """A way to punish a player: the profile, its payoffs, the best deviations from it, and the weight on the path."""

    row: int | None  # None: she is never punished
    payoffs: Rationals
    best: Rationals
    back: Fraction


def _carries_out(player: int, punishing: _Option, own: _Option, delta: Fraction) -> bool:
    """Say whether a player carries out the punishment of the other, given her own punishment."""
    if punishing.row is None:
        return True
    later = delta if own.row is not None else 0
    kept = (1 - later) * punishing.best[player] + later * own.payoffs[player]
    return bool(kept <= punishing.payoffs[player])


@suggesting
def patient_renegotiation_proof(game: Game) -> Floats:
    r"""Return the payoffs that are weakly renegotiation-proof for patient players, as boxes.

    A feasible :math:`v` is an equilibrium payoff of this kind for all discount factors close enough to 1 if
    there are profiles :math:`a^0, a^1` with

    .. math:: c_i(a^i) < v_i \quad \text{and} \quad g_j(a^i) \ge v_j, \quad j \ne i,

    and for none if these conditions fail with a weak inequality too (Farrell & Maskin 1989, Theorem 1; here in
    pure actions).

    Parameters
    ----------
    game : Game
        A stage game for two players.

    Returns
    -------
    ndarray of shape (k, 2, 2)
        Boxes, none inside another: entry `[k, 0]` is the lower corner (not included in the first condition) and
        `[k, 1]` the upper one. The payoffs are the points of `game.feasible()` in their union.

    Examples
    --------
    In the prisoners' dilemma everything above the minmax qualifies:

    >>> from bargaining import Game, patient_renegotiation_proof
    >>> patient_renegotiation_proof(Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])).tolist()
    [[[3.0, 3.0], [10.0, 10.0]]]
    """
    require_game(game)
    _two(game)
    payoffs, best = game.payoffs.reshape(-1, 2), game.deviations().reshape(-1, 2)
    # Undominated pairs: the payoff to which a player is held, and that of the other.
    every = [np.stack((best[:, i], payoffs[:, 1 - i]), axis=1) for i in (0, 1)]
    sides = [pairs[undominated_at(pairs * [-1.0, 1.0])] for pairs in every]
    boxes = [
        ((low[0], low[1]), (high[1], high[0]))
        for low, high in (((a[0], b[0]), (a[1], b[1])) for a in sides[0].tolist() for b in sides[1].tolist())
        if high[1] > low[0] and high[0] > low[1]
    ]
    return np.array(boxes).reshape(-1, 2, 2)


def _two(game: Game) -> None:
    if game.players != 2:
        raise NotApplicable(f"Renegotiation-proofness is for two players here; the game has {game.players}.")


def _discount(game: RepeatedGame) -> Fraction:
    require_repeated(game)
    game.require_seen("renegotiation_proof")
    _two(game.game)
    if game.exit is not None:
        raise NotApplicable("Renegotiation-proofness is defined here without the right to leave.")
    if game.batch_shape:
        raise InvalidInput("`game` must be a single game; take one of the batch with `.at(index)`.")
    given = set(game.exact_discounts.tolist())
    if len(given) > 1:
        raise NotApplicable(f"`discounts` must be the same for both; got {game.discounts.tolist()}.")
    discount: Fraction = given.pop()
    return discount
