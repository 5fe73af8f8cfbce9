"""The war of attrition under complete information, with a right to leave instead of yielding."""

from __future__ import annotations

from dataclasses import field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, is_sequence, player_index
from bargaining._arrays import Floats, per_player, record, scalar, within
from bargaining._names import Names, numbered, ordered, titles
from bargaining._rich import Shown
from bargaining.division import ACCURACY, Division, judged, told
from bargaining.errors import InvalidInput, NotApplicable, Status, plain
from bargaining.protocols._seats import take_seats

_PAIRS = ("win", "lose", "rates", "costs")


@record(kw_only=False)
class WarOfAttrition(Shown):
    r"""Two players hold out at a cost; the first to give up gets little, the other much.

    Parameters
    ----------
    win : array_like, shape (2,)
        Payoff of player i, undiscounted, if the other yields first.
    lose : array_like, shape (2,)
        Payoff of player i if it yields first, below `win`.
    rates : array_like, shape (2,), optional
        Discount rates per unit of time, not negative; 0 by default.
    costs : array_like, shape (2,), optional
        Cost of holding out per unit of time, not negative; 0 by default.
    exits : array_like, shape (2, 2), optional
        ``exits[i]`` are both players' payoffs if player i leaves instead of yielding.
    players : sequence of str, optional
        Names of the players, in the order of entries; by default those by which parameters are given. By name, `exits`
        has an entry for each leaver, and in it one for each player.

    Notes
    -----
    Timing:

    1. Time runs continuously. At every moment each player holds out, yields, or, with `exits`,
       leaves. Whoever is first ends the war; if both yield at once, both get `lose`.
    2. Payoffs are discounted to time 0 and net of the costs of holding out until then.

    Giving up means the better of yielding and leaving, worth :math:`y_i`. Let :math:`w_i` be player i's
    payoff when j gives up: `win` if j yields, ``exits[j][i]`` if j would rather leave. If
    :math:`w_i < y_i`, waiting for j has no value and i gives up at once. If :math:`w_i > y_i`, i is
    indifferent between giving up now and a moment later iff j gives up at the rate

    .. math:: \lambda_j = \frac{r_i y_i + c_i}{w_i - y_i}.

    If both can gain by waiting, there is a family of subgame-perfect equilibria: one player gives up at 0 with any
    probability :math:`m < 1`, after that both give up at these rates; as :math:`m \to 1` they tend to the two in
    which one player gives up at once (proposition `attrition-all`). So every payoff from :math:`y_i` to :math:`w_i`
    is possible. The call returns the one that does not depend on the date, :math:`m = 0`, by default. It is fragile:
    random changes of payoffs leave only the pure ones (Georgiadis, Kim and Kwon 2021).

    References
    ----------
    Hendricks, K., Weiss, A. and Wilson, C. (1988). The war of attrition in continuous time with complete information.
    *International Economic Review* 29(4), 663-680. doi:10.2307/2526827

    Georgiadis, G., Kim, Y. and Kwon, H. D. (2021). The absence of attrition in a war of attrition under complete
    information. arXiv:2110.12013. doi:10.48550/arXiv.2110.12013

    Examples
    --------
    >>> from bargaining import WarOfAttrition
    >>> war = WarOfAttrition(win=(10.0, 10.0), lose=(0.0, 0.0), costs=(1.0, 2.0))
    >>> war().hazards.tolist(), war().payoffs.tolist(), round(war().delay, 7)
    ([0.2, 0.1], [0.0, 0.0], 3.3333333)
    >>> war.equilibria().tolist()
    [[0.0, 10.0], [0.0, 10.0]]
    """

    win: ArrayLike
    lose: ArrayLike
    rates: ArrayLike = field(default=0.0, kw_only=True)
    costs: ArrayLike = field(default=0.0, kw_only=True)
    exits: ArrayLike | None = field(default=None, kw_only=True)
    players: Names | None = field(default=None, kw_only=True)
    _state: _State = field(init=False, repr=False)

    def __post_init__(self) -> None:
        exits: Any = self.exits
        if hasattr(exits, "columns"):  # of pandas, a row for each leaver
            object.__setattr__(self, "exits", exits.T.to_dict())
        take_seats(self, *_PAIRS, "exits", count=2)
        object.__setattr__(self, "_state", _checked(self, self.players or numbered(2)))

    @property
    def leaves(self) -> NDArray[np.bool_]:
        """Whether each player would leave rather than yield, shape (2,)."""
        return self._state.leaves

    @property
    def yields_at_once(self) -> NDArray[np.bool_]:
        """Whether a player gains nothing when the other leaves, and gives up at once if she loses by that; (2,)."""
        return np.asarray(self._state.gain <= 0)

    def __call__(self, *, mass: float = 0.0, weak: int | str = 0) -> AttritionOutcome:
        """Return the equilibrium in which player `weak`, a number or a name, gives up at 0 with probability `mass`.

        Raises
        ------
        NotApplicable
            If a player gains nothing by waiting: then there is no mixed equilibrium; see `equilibria`.
        """
        if self.yields_at_once.any():
            raise NotApplicable(
                "With these `exits` a player gains nothing by waiting, so nobody mixes over time. "
                "The payoffs are in `equilibria()`."
            )
        share = float(within(np.asarray(scalar(mass, "mass")), "mass", 0.0, 1.0, ends="[)"))
        loser = player_index(weak, "weak", self.players or 2)
        state, initial = self._state, np.where(np.arange(2) == loser, share, 0.0)
        hazards = state.pace[::-1] / state.gain[::-1]
        outcome = AttritionOutcome(
            payoffs=state.floor + initial[::-1] * state.gain,
            status=Status.OK,
            method="WarOfAttrition",
            residual=0.0,
            hazards=hazards,
            initial=initial,
            delay=float((1 - initial).prod() / hazards.sum()),
        )
        return self.check(told(outcome, self, mass=share, weak=loser))

    def check(self, outcome: AttritionOutcome) -> AttritionOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs, hazards and masses at 0."""
        answer_of(outcome, "outcome", AttritionOutcome)
        hazards, initial = outcome.hazards, outcome.initial
        dates = np.array([[0.0], [0.1], [1.0], [10.0]]) / hazards.sum()
        apart = np.abs(_value(self._state, hazards, initial, dates) - outcome.payoffs)
        return judged(
            outcome,
            ACCURACY,
            apart / np.abs(self._state.gain).max(),
            initial.min(),  # at most one gives up at 0
            np.maximum(-initial, initial - 1),
        )

    def equilibria(self) -> Floats:
        """Return the lowest and highest equilibrium payoff of each player, shape (2, 2).

        One player's best is the other's worst. A player who loses by waiting gives up at once; if both do, one of them
        gives up at 0, and the ends are the payoffs of the two cases.
        """
        floor, win = self._state.floor, self._state.floor + self._state.gain
        loses = self._state.gain < 0
        if loses.any() and not self.yields_at_once.all():
            floor = win = np.where(loses, floor, win)
        return np.stack([np.minimum(floor, win), np.maximum(floor, win)], axis=-1)


class _State(NamedTuple):
    """Payoff of giving up, the gain if the other does first, the cost of a moment's delay, and who would leave."""

    floor: Floats
    gain: Floats
    pace: Floats
    rates: Floats
    costs: Floats
    leaves: NDArray[np.bool_]


def _checked(war: WarOfAttrition, names: Names) -> _State:
    win, lose, rates, costs = (per_player(getattr(war, name), name, 2) for name in _PAIRS)
    for array, name in zip((win, lose, rates, costs), _PAIRS, strict=True):
        if array.shape != (2,):
            raise InvalidInput(f"`{name}` must have one entry per player (2); got shape {array.shape}.")
    within(rates, "rates", 0.0, np.inf, ends="[)")
    within(costs, "costs", 0.0, np.inf, ends="[)")
    if not (win > lose).all():
        i = int(np.argmin(win - lose))
        raise InvalidInput(
            f"`win` must be above `lose`; got {plain(win[i])} and {plain(lose[i])} for {titles(names)[i]}. "
            f"With nothing to win there is no war."
        )
    floor, gain, leaves = lose, win - lose, np.zeros(2, dtype=bool)
    if war.exits is not None:
        given: Any = war.exits
        table = [ordered(row, "exits", names) for row in given] if is_sequence(given) else given
        exits = per_player(table, "exits", 2)
        if exits.shape != (2, 2):
            raise InvalidInput(f"`exits` must have shape (2, 2), a row per leaver; got {exits.shape}.")
        leaves = np.diag(exits) > lose
        floor = np.where(leaves, np.diag(exits), lose)
        gain = np.where(leaves[::-1], np.diag(exits[::-1]), win) - floor
    pace = rates * floor + costs
    if not (pace > 0).all():
        i = int(np.argmin(pace))
        raise InvalidInput(
            f"`rates` and `costs` must make waiting costly to both; a moment costs "
            f"{titles(names)[i]} {plain(pace[i])}. Give it a cost, or a positive rate and a positive payoff to delay."
        )
    return _State(floor, gain, pace, rates, costs, leaves)


@record
class AttritionOutcome(Division):
    """One equilibrium of `WarOfAttrition`; its `payoffs` are expected at time 0.

    Attributes
    ----------
    hazards : ndarray, shape (2,)
        Rate at which each player gives up after time 0.
    initial : ndarray, shape (2,)
        Probability with which each gives up at 0.
    delay : float
        Expected length of the war.
    residual : float
        The largest difference between the payoff of giving up at some date and the payoffs, over the larger prize.
    """

    hazards: Floats
    initial: Floats
    delay: float


def _value(state: _State, hazards: Floats, initial: Floats, time: Floats) -> Floats:
    """Return what each player expects at 0 from giving up at `time` against the other's strategy."""
    mass, rate = initial[::-1], state.rates + hazards[::-1]
    discount = np.exp(-rate * time)
    at_war = (1 - discount) / rate  # expected and discounted
    win = state.floor + state.gain
    held = (hazards[::-1] * win - state.costs) * at_war + discount * state.floor
    return np.asarray(mass * win + (1 - mass) * held)
