"""How patient players must be to sustain a profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bargaining._arguments import choice, flag, listed
from bargaining._arrays import Floats, owning, real, within
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rational import floats
from bargaining._rich import Shown, number
from bargaining.equilibria.repeated._patience import PATIENT, WIDTH, Path, halve, holds, recognised, threat
from bargaining.errors import InvalidInput, NotApplicable
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, Profile, require_game
from bargaining.games.repeated import Exit, own_index

_GRID = 64  # discount factors looked at where the set of good ones may have gaps


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CriticalDiscount(Shown):
    r"""The discount factors at which a profile can be played for ever.

    Attributes
    ----------
    discount : float
        The lowest of them. If the profile can never be sustained, it is at least 1: the root of the incentive
        constraint, or infinite.
    exact : Fraction or None
        The same number exactly; None if it is irrational or not known. If `proved` is false it was recognised as the
        only simple rational (denominator at most 1000) within the accuracy of the bisection at which the profile is
        sustained.
    bracket : tuple of two floats
        The profile is not sustained at the first and sustained at the second, up to 1e-11 of the payoffs;
        both are `discount` where a formula gives it.
    intervals : ndarray of shape (k, 2)
        All discount factors in [0, 1) that sustain the profile, as closed-open intervals.
    by_player : ndarray of shape (n,)
        The lowest discount factor at which each player's own constraint holds, with the punishment that is
        available at that discount factor; the largest of them is `discount`. If `monotone` is false, the root of the
        constraint given the threats at `discount`.
    threat : ndarray of shape (n,)
        The average payoff after a deviation, by deviator, at `discount`.
    monotone : bool
        Whether theory implies that more patience never hurts. If not, `intervals` was found on a grid and an
        interval shorter than 1/64 may be missing.
    proved : bool
        Whether `discount` is proved in exact arithmetic. If not, it is the end of a bisection over payoff
        sets in floats, or depends on an incomplete list of stage equilibria (then it is an upper bound).
    punishment : str
        ``"optimal"``, ``"stage"`` or ``"exit"`` (the players part).
    player_names : tuple of str
        Those of the game: the order of `by_player` and `threat`.
    """

    discount: float
    exact: Fraction | None
    bracket: tuple[float, float]
    intervals: Floats
    by_player: Floats
    threat: Floats
    monotone: bool
    proved: bool
    punishment: str
    player_names: tuple[str, ...] = ()
    _path: Path | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        least = self.discount if self.exact is None else self.exact
        who = ", ".join(
            f"{who} {number(d)}" for who, d in zip(titles(self.player_names), self.by_player, strict=True)
        )
        proved = "proved" if self.proved else "not proved"
        return f"<CriticalDiscount {least} ({who}), {proved}>"

    @property
    def sustainable(self) -> bool:
        """Whether any discount factor below 1 sustains the profile."""
        return len(self.intervals) > 0


@suggesting
def critical_discount(
    game: Game,
    profile: Profile,
    *,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
    punishment: Literal["optimal", "stage"] = "optimal",
    monitoring: Monitoring | None = None,
    transfers: bool = False,
    tolerance: float = WIDTH,
) -> CriticalDiscount:
    r"""Return the discount factors, common to the players, at which a profile can be played for ever.

    If actions are seen only through a signal, and no money is paid, bad signals must be followed by another profile.
    Then it returns the discount factors at which some perfect public equilibrium *begins* with the profile.

    Playing a for ever is an equilibrium path if nobody gains by one deviation and the punishment after it:

    .. math:: (1 - \delta)\, [c_i(a) - g_i(a)] \le \delta\, [g_i(a) - P_i]
              \quad \Longleftrightarrow \quad \delta \ge \frac{c_i(a) - g_i(a)}{c_i(a) - P_i},

    where :math:`c_i` is the best deviation payoff and :math:`P_i` the average payoff that punishes i. A player
    who gains nothing by a deviation needs no punishment.

    Parameters
    ----------
    game : Game
        The stage game.
    profile : sequence of int or str, or mapping from players to them
        The actions a, one per player, by number or name.
    exit : Exit, optional
        The right to leave, one exit (no batch).
    punishment : {"optimal", "stage"}
        ``"optimal"``: P_i is i's lowest equilibrium payoff, at the same discount factor, in pure actions
        with public randomisation. ``"stage"``: reversion for ever to i's worst stage equilibrium, mixed ones included;
        with exit, players who prefer leaving to this equilibrium leave, with those who then want to join
        them, and P is the payoff of leaving. A mixed equilibrium can be harsher than every punishment in pure
        actions. With monitoring, bad signals are followed, with some probability, by one stage equilibrium
        for ever, chosen optimally; with transfers, a player who does not pay is punished by her worst one.
    monitoring : Monitoring, optional
        The public signal of the actions; by default the actions are seen.
    transfers : bool, default False
        Whether the players may pay each other, or burn money, before each period. Then the profile is played for ever,
        also if another one would give more.
    tolerance : float in (0, 1), default 2**-40
        The width at which bisection stops, if actions are seen and there is no formula.

    Returns
    -------
    CriticalDiscount

    Raises
    ------
    InvalidInput
        If the profile is not in the game, or the exit is for another number of players or a batch.
    NotApplicable
        If there is no stage equilibrium to revert to, or who leaves it goes in circles; or if `punishment` is
        "optimal", the game does not have two players and not all may leave; or, with monitoring, if only one
        player may leave.
    Unsolved
        If a payoff set that the search needs is too inaccurate.

    Notes
    -----
    *Exit by two or more* with payoffs o: leaving together is an equilibrium, so a player who may leave is
    punished with exactly o_i, and staying requires :math:`g_i(a) \ge o_i`. If all may leave, this determines all
    threats, and the answer is a formula.

    *Without exit* the threat falls as patience grows, since the set of equilibrium payoffs, convex by public
    randomisation, grows with a common discount factor (Abreu, Pearce & Stacchetti 1990). No threat is below the
    pure minmax, which gives a lower bound. If the payoff set at the bound has that threat, the bound is
    the answer and is exact; otherwise the answer is found by bisection. With one-sided exit monotonicity is not known,
    since the threat to leave must itself be credible, and the intervals are searched for on a grid.

    *Monitoring.* Grim punishments and transfers lead to linear programs in rationals, so that the answer is exact. With
    transfers it can be irrational: then `exact` is None, and `discount` is rounded to the nearest float. With
    optimal punishments and no transfers the payoff set is bounded from both sides at one discount factor after the
    other: `bracket` is then 1e-5 wide, or wider if the two sides do not decide, `threat` is NaN, and `by_player`
    repeats `discount`, since the constraints of all players share one signal.

    References
    ----------
    Abreu, D. (1988). On the theory of infinitely repeated games with discounting. *Econometrica* 56(2), 383-396.
    doi:10.2307/1911077

    Abreu, D., Pearce, D. and Stacchetti, E. (1990). Toward a theory of discounted repeated games with imperfect
    monitoring. *Econometrica* 58(5), 1041-1063. doi:10.2307/2938299

    Examples
    --------
    >>> from fractions import Fraction
    >>> from bargaining import Exit, Game, critical_discount
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> critical_discount(prisoners, (0, 0)).exact
    Fraction(1, 7)
    >>> critical_discount(prisoners, (0, 0), exit=Exit([5, 5])).exact
    Fraction(1, 5)

    Partners who see one report, good with chance .9 if both work, .5 if one does and .25 if none does:

    >>> import numpy as np
    >>> from bargaining import Monitoring
    >>> partners = Game([[2, -1], [3, 0]], [[2, 3], [-1, 0]])
    >>> report = Monitoring(Fraction(1, 20) * np.array([[[18, 2], [10, 10]], [[10, 10], [5, 15]]]))
    >>> critical_discount(partners, (0, 0), monitoring=report, punishment="stage").exact
    Fraction(10, 17)
    """
    require_game(game)
    path = Path.of(game, game.profile(profile), exit, width=_width(tolerance))
    return _found(path, punishment, monitoring, transfers)


@suggesting
def critical_discounts(
    game: Game,
    profiles: Sequence[Profile] | NDArray[np.integer[Any]],
    *,
    exit: Exit | None = None,  # noqa: A002 (the field's word)
    punishment: Literal["optimal", "stage"] = "optimal",
    monitoring: Monitoring | None = None,
    transfers: bool = False,
    tolerance: float = WIDTH,
) -> NDArray[np.object_]:
    """Return the results of `critical_discount` for many profiles and exits.

    Parameters
    ----------
    game : Game
        The stage game.
    profiles : sequence of profiles, or ndarray of int, of shape (..., n)
        Each as for `critical_discount`.
    exit : Exit, optional
        Its batch is broadcast against the profiles.
    punishment, monitoring, transfers, tolerance
        As for `critical_discount`.

    Returns
    -------
    ndarray of CriticalDiscount
        Of the shape of profiles and exits together.

    Raises
    ------
    InvalidInput
        If shapes do not fit, or as `critical_discount` does.
    NotApplicable
        As `critical_discount` does.
    Unsolved
        As `critical_discount` does.

    Notes
    -----
    For each exit, all profiles share the computed payoff sets.

    Examples
    --------
    >>> from bargaining import Exit, Game, critical_discounts
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> found = critical_discounts(prisoners, [(0, 0), (1, 1)], exit=Exit([[[1, 1]], [[3, 3]], [[5, 5]]]))
    >>> [[str(cell.exact) for cell in row] for row in found]
    [['1/9', '0'], ['1/7', '0'], ['1/5', 'None']]
    """
    require_game(game)
    width, shape = _width(tolerance), None
    if isinstance(profiles, np.ndarray) and profiles.dtype.kind in "iu" and profiles.ndim > 0:
        shape, profiles = profiles.shape[:-1], profiles.reshape(-1, profiles.shape[-1]).tolist()
    given = listed(profiles, "profiles", "a list of profiles")
    if not given:
        raise InvalidInput("`profiles` must hold at least one profile; got none.")
    known = [game.profile(profile, f"profiles[{k}]") for k, profile in enumerate(given)]
    shape = (len(known),) if shape is None else shape
    leaving = exit.batch_shape if isinstance(exit, Exit) else ()
    try:
        numbers = np.broadcast_to(np.arange(len(known)).reshape(shape), np.broadcast_shapes(shape, leaving))
    except ValueError:
        raise InvalidInput(f"`profiles`, {shape}, must broadcast against `exit`, batch {leaving}.") from None
    out, paths = np.empty(numbers.shape, dtype=object), dict[tuple[int, ...], Path]()
    for index in np.ndindex(*numbers.shape):
        actions, own = known[numbers[index]], own_index(index, leaving)
        if own not in paths:
            paths[own] = Path.of(game, actions, exit.at(own) if isinstance(exit, Exit) else exit, width=width)
        out[index] = _found(paths[own].of_profile(actions), punishment, monitoring, transfers)
    return out


def _width(tolerance: float) -> float:
    return float(within(real(tolerance, "tolerance", ndim=0), "tolerance", 0.0, 1.0, ends="()"))


def _found(path: Path, punishment: str, monitoring: Monitoring | None, transfers: bool) -> CriticalDiscount:
    choice(punishment, "punishment", ("optimal", "stage"))
    check_monitoring(path.game, monitoring)
    if flag(transfers, "transfers") or (monitoring is not None and not monitoring.is_perfect):
        return _through(path, path.profile, monitoring, punishment, bool(transfers))
    if punishment == "stage":
        return _stage(path)
    if path.exit is not None and len(path.exit.who) == path.game.players and path.outside is not None:
        return _formula(path, path.outside, punishment="exit", proved=True)
    if path.game.players != 2:
        raise NotApplicable(
            f"Optimal punishments need the payoff set, which is for two players; the game has {path.game.players}. "
            'Use punishment="stage".'
        )
    return _bisected(path) if path.exit is None else _searched(path)


def _through(
    path: Path, profile: tuple[int, ...], monitoring: Monitoring | None, punishment: str, transfers: bool
) -> CriticalDiscount:
    """Return the answer with monitoring or transfers."""
    from bargaining.equilibria.repeated import monitored_discount as through

    stages, complete = None, True
    if punishment == "stage":
        stages, complete, rational = _reverted(path)
        complete = complete and rational
    if transfers:
        value, bracket, threat = through.transferable(path, profile, monitoring, stages)
    else:
        assert monitoring is not None
        if stages is None:
            value, bracket, threat = through.optimal(path, profile, monitoring)
        else:
            value, bracket, threat = through.grim(path, profile, monitoring, stages)
    least = np.inf if value is None else float(value)
    exact = value if isinstance(value, Fraction) and complete else None
    return CriticalDiscount(
        discount=least,
        exact=exact,
        bracket=bracket,
        intervals=np.array([[least, 1.0]] if least < 1 else []).reshape(-1, 2),
        by_player=np.full(path.game.players, least),
        threat=np.full(path.game.players, np.nan) if threat is None else floats(list(threat)),
        monotone=True,
        proved=complete and (transfers or value is None or exact is not None),
        punishment=punishment,
        player_names=path.game.player_names,
    )


def _formula(path: Path, threat: Sequence[Fraction], *, punishment: str, proved: bool) -> CriticalDiscount:
    """Return the answer when the threat is the same at every discount factor."""
    roots = path.needs(threat)
    exact = None if None in roots else max(root for root in roots if root is not None)
    if not path.stays():
        exact = None
    value = np.inf if exact is None else float(exact)
    return CriticalDiscount(
        discount=value,
        exact=exact,
        bracket=(value, value),
        intervals=np.array([[value, 1.0]] if exact is not None and exact < 1 else []).reshape(-1, 2),
        by_player=np.array([np.inf if root is None else float(root) for root in roots]),
        threat=floats(list(threat)),
        monotone=True,
        proved=proved,
        punishment=punishment,
        player_names=path.game.player_names,
        _path=path,
    )


def _stage(path: Path) -> CriticalDiscount:
    """Revert for ever to the stage equilibrium that is worst for the deviator."""
    after, complete, rational = _reverted(path)
    threat = [min(column) for column in zip(*after, strict=True)]
    answer = _formula(path, threat, punishment="stage", proved=complete)
    return answer if rational else replace(answer, exact=None, proved=False)


def _reverted(path: Path) -> tuple[list[tuple[Fraction, ...]], bool, bool]:
    """Return the payoffs of reversion to stage equilibria, whether there are no others, and whether all are exact."""
    from bargaining.equilibria.stage.equilibria import stage_equilibria

    found = stage_equilibria(path.game)
    if not len(found):
        raise NotApplicable(
            "The stage game has no equilibrium to revert to that was found; see `stage_equilibria`."
        )
    after = [_after(path, payoffs) for payoffs in found.exact_payoffs]
    kept = [payoffs for payoffs in after if payoffs is not None]
    if not kept:
        raise NotApplicable(
            "No stage equilibrium is a punishment: who wants to leave depends on who else leaves, and their choices "
            "go in circles." + (' Use punishment="optimal".' if path.game.players == 2 else "")
        )
    rational = not any(found.regret)  # equilibria of three and more players can be irrational
    return kept, found.complete and len(kept) == len(after), rational


def _after(path: Path, payoffs: tuple[Fraction, ...]) -> tuple[Fraction, ...] | None:
    """Return the payoffs of reversion to an equilibrium if players may leave; None if their choices go in circles.

    First leaves who prefers it to the equilibrium. Where payoffs depend on who left, others may then want to join
    them, and some of them rather stay: one after the other changes, until nobody wants to.
    """
    if path.exit is None:
        return payoffs
    own, seen = path.exit.exact, set[frozenset[int]]()

    def worth(leavers: frozenset[int], i: int) -> Fraction:
        return sum((own[k, i] for k in leavers), Fraction(0)) / len(leavers) if leavers else payoffs[i]

    leaving = frozenset(i for i in path.exit.who if own[i, i] > payoffs[i])
    while leaving not in seen:
        seen.add(leaving)
        changes = [i for i in path.exit.who if worth(leaving ^ {i}, i) > worth(leaving, i)]
        if not changes:
            return tuple(worth(leaving, i) for i in range(path.game.players))
        leaving ^= {changes[0]}
    return None


def _bisected(path: Path) -> CriticalDiscount:
    """Find the threshold if more patience never hurts: try the bound by the pure minmax, then bisect."""
    floor = [min(path.best[..., i].ravel()) for i in range(path.game.players)]
    bound = _formula(path, floor, punishment="optimal", proved=True)
    if not bound.sustainable or bound.discount == 0:
        return bound
    assert bound.exact is not None
    if holds(path, bound.exact):
        return _each(path, bound)
    if bound.discount >= PATIENT or not holds(path, Fraction(PATIENT)):
        return _numeric(path, [])
    bracket = halve(path, bound.discount, PATIENT)
    return _each(path, _numeric(path, [[recognised(path, bracket), 1.0]], bracket=bracket))


def _each(path: Path, found: CriticalDiscount) -> CriticalDiscount:
    """Find each player's own threshold: with the threats at `discount`, unless less patience makes them weaker."""
    needs = found.by_player.copy()
    for i, need in enumerate(needs.tolist()):
        if 0.0 < need < found.discount and not holds(path, Fraction(need), i):
            needs[i] = min(halve(path, need, found.discount, i)[1], found.discount)
    return replace(found, by_player=needs)


def _searched(path: Path) -> CriticalDiscount:
    """Try a grid of discount factors and bisect wherever the answer changes."""
    grid = [*(k / _GRID for k in range(_GRID)), PATIENT]
    good = [holds(path, Fraction(delta)) for delta in grid]
    intervals: list[list[Fraction | float]] = [[0.0, 1.0]] if good[0] else []
    first = (0.0, 0.0)
    for k in range(1, len(grid)):
        if good[k] == good[k - 1]:
            continue
        bracket = halve(path, grid[k - 1], grid[k])
        if good[k]:
            first = first if intervals else bracket
            intervals.append([recognised(path, bracket), 1.0])
        else:
            intervals[-1][1] = bracket[0]
    return _numeric(path, intervals, bracket=first, monotone=False)


def _numeric(
    path: Path,
    intervals: list[list[Fraction | float]],
    *,
    bracket: tuple[float, float] = (np.inf, np.inf),
    monotone: bool = True,
) -> CriticalDiscount:
    value = intervals[0][0] if intervals else np.inf
    lowest = threat(path, Fraction(value if intervals else PATIENT))
    if lowest is None:
        lowest = np.full(path.game.players, np.nan)
        roots: list[Fraction | None] = [None] * path.game.players
    else:
        roots = path.needs([Fraction(float(x)) for x in lowest])
    return CriticalDiscount(
        discount=float(value),
        exact=value if isinstance(value, Fraction) else None,
        bracket=bracket,
        intervals=np.array(intervals, dtype=float).reshape(-1, 2),
        by_player=np.array([np.inf if root is None else float(root) for root in roots]),
        threat=lowest,
        monotone=monotone,
        proved=False,
        punishment="optimal",
        player_names=path.game.player_names,
        _path=path,
    )
