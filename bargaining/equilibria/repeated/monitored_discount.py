r"""How patient players must be to play a profile if actions are seen only through a signal.

*Without transfers* the question is whether some perfect public equilibrium plays the profile a in its first period:
it cannot be played for ever, because bad signals must be followed by another profile.

*Grim punishment.* After each signal y players continue, or with probability x(y) play a stage equilibrium e for ever.
Then :math:`v_i - e_i = (1-\delta)(g_i(a) - e_i) / (1 - \delta + \delta E[x])`, and with
:math:`q = \frac{\delta}{1-\delta} x` no deviation pays if

.. math:: (g_i(a) - g_i(b, a_{-i})) (1 + E[q \mid a])
          + (g_i(a) - e_i) \sum_y (p(y \mid b, a_{-i}) - p(y \mid a))\, q(y) \ge 0,

linear in q whatever the discount factor is. So the lowest one has the least :math:`t = \max_y q(y)`, a linear program
in rationals, and is :math:`t / (1 + t)`.

*Optimal punishment.* The set of equilibrium payoffs grows with a common discount factor. It is bounded from both sides:
a can be played if continuations in the inner set sustain it, and cannot if none in the outer set do. Bisection follows.

*With transfers* a can be played for ever: the least liquidity that sustains it is a linear program (`joint_payoffs`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from bargaining._rational import Rationals, maximise
from bargaining.equilibria.repeated._hyperplanes.image import sustains
from bargaining.equilibria.repeated._patience import Path
from bargaining.equilibria.repeated.joint import curves_of, deterred, joint_payoffs, outside_of
from bargaining.equilibria.repeated.public import corners, search
from bargaining.errors import NotApplicable, Unsolved
from bargaining.games.monitoring import Monitoring
from bargaining.games.normal_form import other_actions
from bargaining.games.repeated import RepeatedGame

# where bisection begins; the sets of more patient players take long
_TRIED = Fraction(9, 10), Fraction(99, 100)
_WIDTH = 1e-5  # of the bracket at which halving stops
_TOLERANCES = (1e-3, 1e-5)  # of the payoff sets: the finer one is used if the coarser does not decide
_BUDGET = 100_000_000  # of units of work that one set may take: some seconds
_ROUNDING = Fraction(1, 2**60)  # beyond the digits of a float
_ZERO, _ONE = Fraction(0), Fraction(1)
Found = tuple[Fraction | float | None, tuple[float, float], tuple[Fraction, ...] | None]
"""The lowest discount factor (None: there is none; a float if it is not exact), the bracket around it, the threats."""


def transferable(
    path: Path,
    profile: tuple[int, ...],
    monitoring: Monitoring | None,
    stages: Sequence[Sequence[Fraction]] | None,
) -> Found:
    """Return the threshold for a profile for ever with transfers; with grim punishment if stages are given."""
    game = path.game
    if stages is None:
        found = joint_payoffs(game, monitoring=monitoring, exit=path.exit)
        value, exact = found._critical(profile)
        step = None if value is None else found.at(value)
        return _told(value, exact), _point(value), None if step is None else step.threat
    threat = tuple(min(column) for column in zip(*stages, strict=True))
    least, exact = _reverting(path, profile, monitoring, threat)
    value = None if least is None else least / (1 + least)
    return _told(value, exact), _point(value), threat


def _reverting(
    path: Path, profile: tuple[int, ...], monitoring: Monitoring | None, threat: Sequence[Fraction]
) -> tuple[Fraction | None, bool]:
    r"""Return the least :math:`r = \delta / (1 - \delta)`, and whether it is exact; None if there is none.

    Who stays gets :math:`g_i + E[s_i]` now and keeps at least v_i: in units of one period, a player who may leave stays
    if :math:`g_i + E[s_i] + r v_i \ge (1 + r) o_i`. The floor on claims is lower, the higher r is, and so is the
    least r that it allows: the answer is where the two are the same.
    """
    outside, who = outside_of(path.game, path.exit)
    below = _ZERO if outside is None else max(threat[i] - outside[i] for i in who)

    def allowed(reward: Fraction) -> Fraction | None:
        floors = [
            outside[i] - reward * (low - outside[i]) if outside is not None and i in who else None
            for i, low in enumerate(threat)
        ]
        _, curves = curves_of(path.game, monitoring, floors, [profile])
        pieces = curves[profile][0] if profile in curves else []
        worth = [(piece.start, piece.value - sum(threat, _ZERO)) for piece in pieces]
        return min(
            (stake / value if stake else _ZERO for stake, value in worth if value > 0 or not stake),
            default=None,
        )

    high = allowed(_ZERO)
    low = high if high is None or below <= 0 else allowed(high)
    while high is not None and low is not None and high - low > _ROUNDING * high:
        above, under = allowed(low), allowed(high)
        assert above is not None
        assert under is not None
        share = (above - low) / (above - low + high - under)  # exact where both are linear
        middle = low + (high - low) * share
        at = allowed(middle)
        assert at is not None
        low, high = max(low, min(middle, at)), min(high, max(middle, at))
    return high, high == low


def grim(
    path: Path, profile: tuple[int, ...], monitoring: Monitoring, stages: Sequence[Sequence[Fraction]]
) -> Found:
    """Return the best over the stage equilibria that may follow bad signals, each for ever."""
    best: Found = (None, _point(None), None)
    for stage in stages:
        least = _least(path, profile, monitoring, stage)
        if least is not None:
            value = least / (1 + least)
            if best[0] is None or value < best[0]:
                best = (value, _point(value), tuple(stage))
    return best


def _least(
    path: Path, profile: tuple[int, ...], monitoring: Monitoring, stage: Sequence[Fraction]
) -> Fraction | None:
    """Return the least t; None if no probabilities of punishment deter everybody from deviating."""
    game, chances = path.game, monitoring.exact[profile]
    count = len(chances)
    rows, limits = [], []
    for i in range(game.players):
        spared = path.payoffs[i] - stage[i]
        for _, other in other_actions(game, profile, i):
            gain = game.exact_payoff(other, i) - path.payoffs[i]
            rows.append(_and_zero(gain * chances - spared * (monitoring.exact[other] - chances)))
            limits.append(-gain)
        if path.exit is not None and i in path.exit.who:
            own = path.exit.exact[i, i]
            rows.append(_and_zero((own - stage[i]) * chances))
            limits.append(path.payoffs[i] - own)
    for y in range(count):
        row = np.full(count + 1, _ZERO)
        row[y], row[-1] = _ONE, -_ONE
        rows.append(row)
        limits.append(_ZERO)
    goal = np.full(count + 1, _ZERO)
    goal[-1] = -_ONE
    found = maximise(goal, np.array(rows), np.array(limits))
    return None if found is None else -found.value


def optimal(path: Path, profile: tuple[int, ...], monitoring: Monitoring) -> Found:
    """Bisect between discount factors at which no equilibrium, and some equilibrium, begins with the profile."""
    if path.game.players != 2:
        raise NotApplicable(
            f"Optimal punishments without transfers need the payoff set, which is for two players; the game has "
            f'{path.game.players}. Use `transfers=True` or punishment="stage".'
        )
    if path.exit is not None and len(path.exit.who) == 1:
        raise NotApplicable(
            "Where one player alone may leave, more patience can hurt; see `payoff_set` at each discount factor."
        )
    if not deterred(path.game, monitoring, profile):
        return None, _point(None), None
    low, high = _ZERO, None
    for tried in _TRIED:
        begins = _begins(path, profile, monitoring, tried)
        if begins:
            high = tried
            break
        if begins is False:
            low = tried
    if high is None:
        raise Unsolved(
            f"At the discount factor {float(_TRIED[-1])} no equilibrium that begins with the profile was found; more "
            "patience was not tried."
        )
    if _begins(path, profile, monitoring, _ZERO):
        return _ZERO, (0.0, 0.0), None
    while high - low > _WIDTH:
        middle = (low + high) / 2
        begins = _begins(path, profile, monitoring, middle)
        if begins is None:
            break
        low, high = (low, middle) if begins else (middle, high)
    return float(high), (float(low), float(high)), None


def _begins(path: Path, profile: tuple[int, ...], monitoring: Monitoring, discount: Fraction) -> bool | None:
    """Say whether some equilibrium begins with the profile; None if the two sides are too far apart to tell."""
    game = path.game
    given = np.array([discount] * game.players, dtype=object)
    repeated = RepeatedGame(game, given, exit=path.exit, monitoring=monitoring)
    row = int(np.ravel_multi_index(profile, game.shape))
    for tolerance in _TOLERANCES:
        found = search(repeated, tolerance, _BUDGET)
        profiles = found.outer.profiles
        if not found.outer.filled.any() or not sustains(profiles, row, corners(found)):
            return False
        if found.play is not None and sustains(profiles, row, found.play.payoffs):
            return True
    return None


def _and_zero(row: Rationals) -> Rationals:
    return np.concatenate([row, np.array([_ZERO])])


def _told(value: Fraction | None, exact: bool) -> Fraction | float | None:
    """Return the number in the type that says whether it is exact."""
    return value if exact or value is None else float(value)


def _point(value: Fraction | None) -> tuple[float, float]:
    return (np.inf, np.inf) if value is None else (float(value), float(value))
