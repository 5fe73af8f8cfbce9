"""How patient players must be to sustain a profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import choice, flag, listed
from bargaining._arrays import Floats, real, record, within
from bargaining._arrays import discounts as valid_discounts
from bargaining._calls import suggesting
from bargaining._names import titles
from bargaining._rational import floats
from bargaining._rich import Result, number
from bargaining.equilibria.repeated.joint import (
    EDGE,
    Stage,
    deviations,
    floors_of,
    least_spread,
    of_joint,
    outside_of,
    payoff_range,
)
from bargaining.equilibria.repeated.public import corners, search
from bargaining.equilibria.sets.several.inner import sustains
from bargaining.errors import InvalidInput, NotApplicable, Status, Unsolved, plain
from bargaining.games.monitoring import Monitoring, check_monitoring
from bargaining.games.normal_form import Game, Profile, best_replies, require_game
from bargaining.games.repeated import Exit, RepeatedGame, exit_rows, own_index

if TYPE_CHECKING:
    from bargaining.equilibria.repeated.payoff_set import PayoffSet

WIDTH = 2.0**-40  # at which bisection stops, if nothing else is said
PATIENT = 1 - 2.0**-20  # the highest discount factor tried if there is no formula
_WORK = 1000  # structures solved for one payoff set: about half a second
_GRID = 64  # discount factors looked at where the set of good ones may have gaps
_SLACK = 1e-11  # of the payoff range: threats of payoff sets, and answers of programs, are floats
_DOUBT = 3e-10  # error of a threshold that this slack may lead to
_DENOMINATOR = 1000  # of recognised rationals; one number in 5000 is as close to one by chance
_TRIED = 0.9, 0.99  # where bisection under signals begins; the sets of more patient players take long
_WIDTH = 1e-5  # of the bracket at which it stops
_TOLERANCES = (1e-3, 1e-5)  # of the payoff sets there: the finer one is used if the coarser does not decide
_BUDGET = 100_000_000  # of units of work that one such set may take: some seconds
Discount = Fraction | float


@record
class CriticalDiscount(Result):
    r"""The discount factors at which a profile can be played for ever.

    Attributes
    ----------
    discount : float
        The lowest of them. If the profile can never be sustained, it is at least 1: the root of the incentive
        constraint, or infinite.
    exact : Fraction or None
        The same number exactly; None if it is irrational or not known. If `proved` is false it was recognised as the
        only simple rational (denominator at most 1000) within the accuracy of the search.
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
        Whether `discount` is proved in exact arithmetic. If not, it comes from payoff sets or linear programs in
        floats, or depends on an incomplete list of stage equilibria (then it is an upper bound).
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
    _path: _Path | None = field(default=None, repr=False)
    _tolerance: float = field(default=WIDTH, repr=False)

    def __repr__(self) -> str:
        least = self.discount if self.exact is None else self.exact
        who = ", ".join(
            f"{who} {number(d)}" for who, d in zip(titles(self.player_names), self.by_player, strict=True)
        )
        proved = "proved" if self.proved else "not proved" if self.ok else "INACCURATE"
        return f"<CriticalDiscount {least} ({who}), {proved}>"

    @property
    def residual(self) -> float:
        """By how much `discount` may be too high: the width of `bracket`."""
        low, high = self.bracket
        return 0.0 if low == high else high - low

    @property
    def status(self) -> Status:
        """INACCURATE if `residual` is above the tolerance asked for; else OK, also for what can never be sustained."""
        return Status.OK if self.residual <= self._tolerance else Status.INACCURATE

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

    *Monitoring.* Grim punishments and transfers lead to linear programs, whose answer is good to about 1e-10. With
    transfers no profile that needs a discount factor above 1 - 1e-6 is said to be sustainable. With optimal punishments
    and no transfers the payoff set is bounded from both sides at one discount factor after the other: `bracket` is then
    1e-5 wide, or wider if the two sides do not decide, `threat` is NaN, and `by_player` repeats `discount`, since the
    constraints of all players share one signal.

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
    path = _Path(game, game.profile(profile), exit, _width(tolerance))
    return _answer(path, punishment, monitoring, transfers)


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
    known = [
        game.profile(profile, f"profiles[{k}]")
        for k, profile in enumerate(listed(profiles, "profiles", "a list of profiles"))
    ]
    if not known:
        raise InvalidInput("`profiles` must hold at least one profile; got none.")
    shape = (len(known),) if shape is None else shape
    leaving = exit.batch_shape if isinstance(exit, Exit) else ()
    try:
        numbers = np.broadcast_to(np.arange(len(known)).reshape(shape), np.broadcast_shapes(shape, leaving))
    except ValueError:
        raise InvalidInput(f"`profiles`, {shape}, must broadcast against `exit`, batch {leaving}.") from None
    out, paths = np.empty(numbers.shape, dtype=object), dict[tuple[int, ...], _Path]()
    for index in np.ndindex(*numbers.shape):
        actions, own = known[numbers[index]], own_index(index, leaving)
        if own not in paths:
            paths[own] = _Path(game, actions, exit.at(own) if isinstance(exit, Exit) else exit, width)
        out[index] = _answer(replace(paths[own], profile=actions), punishment, monitoring, transfers)
    return out


def _width(tolerance: float) -> float:
    return float(within(real(tolerance, "tolerance", ndim=0), "tolerance", 0.0, 1.0, ends="()"))


@dataclass(frozen=True, slots=True)
class _Path:
    """A profile played for ever: its payoffs, the best deviations, and the exit."""

    game: Game
    profile: tuple[int, ...]
    exit: Exit | None
    width: float
    sets: dict[Discount, PayoffSet] = field(default_factory=dict)  # payoff sets, by discount factor

    @property
    def payoffs(self) -> list[Fraction]:
        """What each player gets."""
        return [self.game.exact_payoff(self.profile, i) for i in range(self.game.players)]

    @property
    def deviation(self) -> list[Fraction]:
        """What each player's best deviation pays."""
        return [self.game.exact_best(self.profile, i) for i in range(self.game.players)]

    @property
    def stays(self) -> bool:
        """Whether nobody would rather leave than play the profile for ever."""
        leave = self.exit
        return leave is None or all(self.payoffs[i] >= leave.exact[i, i] for i in leave.who)

    def roots(self, threat: Sequence[Discount]) -> list[Discount]:
        """Return the root of each player's constraint; infinite if she has none."""
        out: list[Discount] = []
        for get, tempt, low in zip(self.payoffs, self.deviation, threat, strict=True):
            root = (tempt - get) / (tempt - Fraction(low)) if tempt > low else np.inf
            out.append(Fraction(0) if tempt == get else root)
        return out

    def payoff_set(self, discount: Discount) -> PayoffSet:
        """Return the equilibrium payoffs at a discount factor."""
        from bargaining.equilibria.repeated.payoff_set import seen_payoff_set

        if discount not in self.sets:
            patience = np.array([discount] * self.game.players, dtype=object)
            self.sets[discount] = seen_payoff_set(RepeatedGame(self.game, patience, exit=self.exit))
        return self.sets[discount]

    def sustained(self, discount: Discount, player: int | None = None) -> bool | None:
        """Return whether nobody gains by a deviation that is punished by the lowest payoffs, or the player does not.

        The set contains all equilibrium payoffs, so no threat is below its own. A set that generates itself lies
        within the bound of it, so no threat is higher by more. With exit the second argument requires credible threats
        to leave. An inaccurate set so gives bounds on threats; None if the answer is not the same at both.
        """
        found = self.payoff_set(discount) if self.stays else None
        if found is None or found.status is Status.EMPTY:
            return False
        spread = np.ptp(self.game.payoffs.reshape(-1, self.game.players), axis=0)
        scale, delta = np.where(spread > 0, spread, 1.0), float(discount)
        error = 0.0
        if found.status is not Status.OK:
            error = found.stats.bound if self.exit is None and found.stats.attained else np.inf
        gain = floats([c - g for c, g in zip(self.deviation, self.payoffs, strict=True)])
        answers = set()
        for low in (found.threat, found.threat + error * scale):
            slack = delta * (floats(self.payoffs) - low) - (1 - delta) * gain
            keeps = (gain == 0) | (slack >= -_SLACK * scale)
            answers.add(bool(keeps.all() if player is None else keeps[player]))
        return answers.pop() if len(answers) == 1 else None

    def bisect(self, start: Discount, end: Discount, player: int | None = None) -> tuple[float, float]:
        """Narrow a bracket between whose ends the answer changes, until a set takes long, as where it collapses."""
        return bisect(
            partial(self.sustained, player=player),
            float(start),
            float(end),
            self.width,
            rises=bool(self.sustained(end, player)),
            slow=lambda d: d in self.sets and self.sets[d].stats.solves > _WORK,
        )


def bisect(
    test: Callable[[float], bool | None],
    low: float,
    high: float,
    width: float,
    *,
    rises: bool = True,
    slow: Callable[[float], bool] = lambda _: False,
) -> tuple[float, float]:
    """Narrow a bracket to a width; the test holds at its upper end if it `rises`, and else at its lower one.

    It stops early where the test is undecided (None), and after one that was slow.
    """
    if test(low) is rises:
        return low, low
    while high - low > width:
        middle = (low + high) / 2
        if (holds := test(middle)) is None:
            break
        low, high = (low, middle) if holds is rises else (middle, high)
        if slow(middle):
            break
    return low, high


def _simple(low: float, high: float, doubt: float, test: Callable[[Fraction], bool | None]) -> Discount:
    """Return the simple rational in a narrow bracket at which the test holds, or else the upper end."""
    simple = Fraction(high).limit_denominator(_DENOMINATOR)
    close = high - low <= doubt and low - doubt <= simple <= high + doubt
    return simple if close and test(simple) else high


def _answer(path: _Path, punishment: str, monitoring: Monitoring | None, transfers: bool) -> CriticalDiscount:
    choice(punishment, "punishment", ("optimal", "stage"))
    check_monitoring(path.game, monitoring)
    rows = exit_rows(path.game, path.exit)
    hidden = monitoring is not None and not monitoring.is_perfect
    if flag(transfers, "transfers") or hidden:
        return _programmed(path, monitoring, punishment, bool(transfers))
    if punishment == "stage":
        after, complete, rational = _reverted(path)
        answer = _formula(
            path, [min(column) for column in zip(*after, strict=True)], "stage", proved=complete
        )
        return answer if rational else replace(answer, exact=None, proved=False)
    if path.exit is not None and len(path.exit.who) == path.game.players and len(rows) == 1:
        return _formula(path, rows.pop(), "exit", proved=True)
    if path.game.players != 2:
        raise NotApplicable(
            f"Optimal punishments need the payoff set, which is for two players; the game has {path.game.players}. "
            'Use punishment="stage".'
        )
    return _optimal(path)


def _result(path: _Path, value: Discount, punishment: str, **more: Any) -> CriticalDiscount:
    """Return an answer; one discount factor for all players, and all above it, if nothing else is said."""
    least, players = float(value), path.game.players
    fields = {
        "exact": value if isinstance(value, Fraction) else None,
        "bracket": (least, least),
        "intervals": np.array([[least, 1.0]] if least < 1 else []).reshape(-1, 2),
        "by_player": np.full(players, least),
        "threat": np.full(players, np.nan),
        "monotone": True,
        "proved": False,
        "player_names": path.game.player_names,
        "_tolerance": path.width,
    }
    return CriticalDiscount(discount=least, punishment=punishment, **fields | more)


def _formula(path: _Path, threat: Sequence[Fraction], punishment: str, *, proved: bool) -> CriticalDiscount:
    """Return the answer when the threat is the same at every discount factor."""
    roots = path.roots(threat)
    return _result(
        path,
        max(roots) if path.stays else np.inf,
        punishment,
        by_player=floats(roots),
        threat=floats(list(threat)),
        proved=proved,
        _path=path,
    )


def _reverted(path: _Path) -> tuple[list[tuple[Fraction, ...]], bool, bool]:
    """Return the payoffs of reversion to stage equilibria, whether there are no others, and whether all are exact."""
    from bargaining.equilibria.stage.equilibria import stage_equilibria

    stages = stage_equilibria(path.game)
    if not len(stages):
        raise NotApplicable(
            "The stage game has no equilibrium to revert to that was found; see `stage_equilibria`."
        )
    after = [_after(path, payoffs) for payoffs in stages.exact_payoffs]
    credible = [payoffs for payoffs in after if payoffs is not None]
    if not credible:
        raise NotApplicable(
            "No stage equilibrium is a punishment: who wants to leave depends on who else leaves, and their choices "
            "go in circles." + (' Use punishment="optimal".' if path.game.players == 2 else "")
        )
    rational = not any(stages.regret)  # equilibria of three and more players can be irrational
    return credible, stages.complete and len(credible) == len(after), rational


def _after(path: _Path, payoffs: tuple[Fraction, ...]) -> tuple[Fraction, ...] | None:
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


def _optimal(path: _Path) -> CriticalDiscount:
    """Try discount factors and bisect wherever the answer changes.

    If more patience never hurts, these are the bound by the pure minmax and the highest one; else a grid.
    """
    monotone, grid = path.exit is None, [*(Fraction(k, _GRID) for k in range(_GRID)), Fraction(PATIENT)]
    if monotone:
        best = best_replies(path.game.exact)
        bound = _formula(path, [best[..., i].min() for i in range(2)], "optimal", proved=True)
        if bound.exact is None or not 0 < bound.exact < 1:
            return bound
        if path.sustained(bound.exact):
            return _by_player(path, bound)
        grid = [bound.exact, Fraction(PATIENT)][: 1 + (bound.exact < PATIENT)]
    good = [path.sustained(discount) for discount in grid]
    if None in good:
        at = plain(float(grid[good.index(None)]))
        raise Unsolved(f"The payoff set at the discount factor {at} is not accurate enough.")
    edges: list[Discount] = [grid[0]] if good[0] else []
    brackets = [(0.0, 0.0)] if good[0] else []
    for (start, before), (end, holds) in pairwise(zip(grid, good, strict=True)):
        if holds != before:
            low, high = path.bisect(start, end)
            brackets.append((low, high))
            edges.append(_simple(low, high, _DOUBT, path.sustained) if holds else low)
    edges += [1.0] * bool(good[-1])
    found = path.payoff_set(edges[0] if edges else PATIENT)
    empty = found.status is Status.EMPTY
    answer = _result(
        path,
        edges[0] if edges else np.inf,
        "optimal",
        bracket=[*brackets, (np.inf, np.inf)][0],
        intervals=floats(edges).reshape(-1, 2),
        by_player=np.full(2, np.inf) if empty else floats(path.roots(found.threat.tolist())),
        threat=found.threat,
        monotone=monotone,
        _path=path,
    )
    return _by_player(path, answer) if monotone and edges else answer


def _by_player(path: _Path, found: CriticalDiscount) -> CriticalDiscount:
    """Find each player's own threshold: with the threats at `discount`, unless less patience makes them weaker."""
    needs = found.by_player.copy()
    for i, need in enumerate(needs.tolist()):
        if 0.0 < need < found.discount and not path.sustained(need, i):
            needs[i] = path.bisect(need, found.discount, i)[1]
    return replace(found, by_player=needs)


def _programmed(
    path: _Path, monitoring: Monitoring | None, punishment: str, transfers: bool
) -> CriticalDiscount:
    """Return the answer with monitoring or transfers."""
    complete, threat = True, np.full(path.game.players, np.nan)
    if punishment == "stage":
        after, complete, rational = _reverted(path)
        stages, complete = [floats(list(payoffs)) for payoffs in after], complete and rational
        if transfers:
            worst = np.min(stages, axis=0)
            value, threat = _for_ever(path, monitoring, lambda _: worst), worst
        else:
            value, k = min((_grim(path, monitoring, stage), k) for k, stage in enumerate(stages))
            threat = stages[k] if value < np.inf else threat
    elif transfers:
        at = of_joint(path.game, monitoring, path.exit).at
        value = _for_ever(path, monitoring, lambda d: None if (account := at(d)) is None else account.threat)
        account = at(value) if value < np.inf else None
        threat = threat if account is None else account.threat
    else:
        bracket = _begins_from(path, monitoring)
        return _result(path, bracket[1], punishment, bracket=bracket, _tolerance=_WIDTH)
    simple = _simple(value, value, _SLACK, lambda _: True) if value < 1 and complete else value
    return _result(path, simple, punishment, threat=threat)


def _for_ever(path: _Path, monitoring: Monitoring | None, threat: Callable[[float], Floats | None]) -> float:
    r"""Return the least discount factor at which the profile can be played for ever with transfers, by bisection.

    The threats v at each discount factor, None where there are none, must not be higher at a higher one. Who stays gets
    :math:`g_i + E[s_i]` now and keeps at least v_i: in units of one period, with :math:`r = \delta / (1 - \delta)`, a
    player who may leave stays if :math:`g_i + E[s_i] + r v_i \ge (1 + r) o_i`. What the profile itself gives, not the
    largest joint payoff, less the threats, must be worth what is at stake.
    """
    game, outside = path.game, outside_of(path.game, path.exit)
    through = Monitoring.perfect(game) if monitoring is None else monitoring

    def holds(discount: float) -> bool:
        low, reward = threat(discount), discount / (1 - discount)
        if low is None:
            return False
        staying = None if outside is None else np.array(outside) - reward * (low - outside)
        stage = Stage(game, through, path.profile, floors_of(path.exit, staying, game.players))
        goal = reward * np.tile(stage.chances, game.players)
        best = stage.maximise(goal, reward + 1.0)
        if best is None:
            return False
        spare = goal @ best[:-1] - (reward + 1.0) * best[-1]
        return bool(spare + reward * (game.payoffs[path.profile].sum() - low.sum()) / stage.unit >= -EDGE)

    return bisect(holds, 0.0, PATIENT, 2.0**-52)[1] if holds(PATIENT) else np.inf


def _grim(path: _Path, monitoring: Monitoring | None, stage: Floats) -> float:
    r"""Return the least discount factor if a stage equilibrium e for ever may follow bad signals; infinite if none.

    If e follows a signal y with probability x(y), and :math:`q = \frac{\delta}{1-\delta} x`, no deviation pays if

    .. math:: (g_i(a) - g_i(b, a_{-i})) (1 + E[q \mid a])
              + (g_i(a) - e_i) \sum_y (p(y \mid b, a_{-i}) - p(y \mid a))\, q(y) \ge 0,

    linear in q whatever the discount factor is: the least :math:`t = \max_y q(y)` gives :math:`t / (1 + t)`.
    """
    game, profile, unit = path.game, path.profile, payoff_range(path.game)
    assert monitoring is not None
    chances, spared = monitoring.probabilities[profile], game.payoffs[profile] - stage
    owners, changes, gains = deviations(game, monitoring.probabilities, profile)
    rows, limits = [gains[:, None] * chances - spared[owners, None] * changes], [-gains]
    if path.exit is not None:
        stays = list(path.exit.who)
        own = np.diag(path.exit.payoffs)[stays]
        rows.append(np.outer(own - stage[stays], chances))
        limits.append(game.payoffs[profile][stays] - own)
    odds = least_spread(np.vstack(rows) / unit, np.concatenate(limits) / unit)
    return odds / (1 + odds) if odds < np.inf else np.inf


def _begins_from(path: _Path, monitoring: Monitoring | None) -> tuple[float, float]:
    """Bisect between discount factors at which no equilibrium, and some equilibrium, begins with the profile."""
    game, profile = path.game, path.profile
    assert monitoring is not None
    if game.players != 2:
        raise NotApplicable(
            f"Optimal punishments without transfers need the payoff set, which is for two players; the game has "
            f'{game.players}. Use `transfers=True` or punishment="stage".'
        )
    if path.exit is not None and len(path.exit.who) == 1:
        raise NotApplicable(
            "Where one player alone may leave, more patience can hurt; see `payoff_set` at each discount factor."
        )
    row = int(np.ravel_multi_index(profile, game.shape))

    @cache
    def begins(discount: float) -> bool | None:
        repeated = RepeatedGame(game, discount, exit=path.exit, monitoring=monitoring)
        for tolerance in _TOLERANCES:
            found = search(repeated, tolerance, _BUDGET)
            profiles = found.outer.profiles
            if not found.outer.filled.any() or not sustains(profiles, row, corners(found)):
                return False
            if found.play is not None and sustains(profiles, row, found.play.payoffs):
                return True
        return None  # the two sides are too far apart

    if Stage(game, monitoring, profile, [None, None]).curves() is None:
        return np.inf, np.inf
    low = 0.0
    for tried in _TRIED:
        if (answer := begins(tried)) is True:
            return bisect(begins, low, tried, _WIDTH)
        low = low if answer is None else tried
    raise Unsolved(
        f"At the discount factor {_TRIED[-1]} no equilibrium that begins with the profile was found; more "
        "patience was not tried."
    )


@suggesting
def critical_exit(game: Game, profile: Profile, discounts: ArrayLike) -> Floats:
    r"""Return the outside option of each player above which a profile cannot be played for ever.

    When all may leave and get o, the profile a is sustained if and only if for each player

    .. math:: o_i \le g_i(a) - \frac{1 - \delta_i}{\delta_i}\, [c_i(a) - g_i(a)].

    Parameters
    ----------
    game : Game
        The stage game.
    profile : sequence of int or str, or mapping from players to them
        The actions a, one per player.
    discounts : array_like of shape (*batch, n), or one number
        Discount factors in [0, 1).

    Returns
    -------
    ndarray of shape (*batch, n)
        The right-hand side; minus infinity for an impatient player (discount factor 0) who gains by deviating.

    Notes
    -----
    As in `critical_discount`, leaving is how deviations are punished: a lower outside option is a harsher
    punishment, so only a rise of o can break cooperation.

    Examples
    --------
    >>> from bargaining import Game, critical_exit
    >>> prisoners = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]])
    >>> critical_exit(prisoners, (0, 0), 0.2)
    array([5., 5.])
    """
    require_game(game)
    actions, patience = game.profile(profile), valid_discounts(discounts, game.player_names)
    gain = game.deviations()[actions] - game.payoffs[actions]
    with np.errstate(divide="ignore", over="ignore"):
        limits = game.payoffs[actions] - gain * np.where(gain > 0, (1 - patience) / patience, 0.0)
    return np.asarray(limits)
