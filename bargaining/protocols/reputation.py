"""Bargaining between two reputations for obstinacy (Abreu and Gul 2000), with exit (Compte and Jehiel 2002).

Each player is either normal or, with a small probability, committed to one demand for ever. Normal players hide behind
that demand, and talks become a war of attrition in which reputations grow until someone concedes. As commitment becomes
improbable the division has a limit (Kambe 1999).

*Demands* may be chosen, with several committed types on each side. The first player announces a_1, and the second
replies a_2 or accepts. A demand is worth the less the more often it is imitated, so each player's mixture is that at
the level at which its chances sum to 1. All the second player's committed types are arrays along the last axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arguments import answer_of, listed, player_index
from bargaining._arrays import EPS, SMALLEST, Floats, fill, owned, per_player, real, record, within
from bargaining._calls import suggesting
from bargaining._names import Names, numbered, titles
from bargaining._rich import Result, Shown
from bargaining.division import Division, describe, judged, told
from bargaining.errors import InvalidInput, Status, plain
from bargaining.protocols._seats import UNLABELLED, take_seats

_PROMISED = 1e-10  # of the pie: closed forms lose digits where rates nearly agree


@record(kw_only=False)
class ReputationalBargaining(Shown):
    r"""A pie of 1, two incompatible demands, and uncertainty whether each player is committed to hers.

    Player :math:`i` is committed to its demand :math:`a_i` with prior probability :math:`z_i` and
    normal otherwise. Normal players discount at the rate :math:`r_i`.

    Parameters
    ----------
    demands : array_like, shape (*batch, 2)
        What the committed type of each player insists on, as a share of the pie; :math:`a_1+a_2>1`.
    rates : array_like, shape (*batch, 2)
        Discount rates per unit of time, not negative, and positive for at least one player.
    priors : array_like, shape (*batch, 2)
        Probability that the player is committed, strictly between 0 and 1. A game has the same answer in a batch and
        alone, up to rounding.
    outside : array_like, shape (*batch, 2), or pair with None, optional
        Payoffs if somebody leaves the talks for good; both players then get theirs. None in place of a player's entry:
        that player may not leave, and gets 0 if the other does. The sum must be below 1.
    players : sequence of str, optional
        Names of the players, in the order of entries; by default those by which parameters are given.

    Notes
    -----
    Timing:

    1. Nature draws each player's type. Both demands are on the table.
    2. Time runs continuously. At every moment a normal player may concede, that is accept the
       other's demand and get :math:`1-a_j`; leave, where that is allowed; or hold out.
    3. A committed player only ever holds out. The first concession or departure ends the talks.

    If leaving pays nobody more than conceding, :math:`o_i \le 1-a_j`, the equilibrium is unique
    (proposition `reputation-unique`) and the options do not matter. Each player concedes at the constant rate
    :math:`\lambda_i = r_j (1-a_i)/(a_1+a_2-1)`, which keeps the other indifferent; both become known to be committed
    at the same horizon :math:`T = \min_i -\ln z_i/\lambda_i`, and the player who would have needed longer concedes
    at 0 with probability :math:`F_i(0) = 1 - z_i e^{\lambda_i T}`.

    If :math:`o_i > 1-a_j`, player i would rather leave than concede, and payoffs jump. For one player i only, a normal
    j concedes at 0, and i leaves a committed one (proposition `reputation-one-exit`). For both, normal players divide
    as under complete information, at :math:`\min(\max(r_j/(r_1+r_2), o_i), 1-o_j)`, and leave committed ones
    (proposition `reputation-both-exit`).

    If one rate is 0, the other player concedes at once. If one prior is close to 0, it is its owner who concedes at 0.

    References
    ----------
    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Compte, O. and Jehiel, P. (2002). On the role of outside options in bargaining with obstinate parties.
    *Econometrica* 70(4), 1477-1517. doi:10.1111/1468-0262.00339

    Examples
    --------
    >>> from bargaining import ReputationalBargaining
    >>> talks = ReputationalBargaining((0.6, 0.6), (0.1, 0.2), (0.05, 0.05))()
    >>> talks.payoffs.round(7).tolist(), talks.initial_concession.round(7).tolist()
    ([0.5552786, 0.4], [0.0, 0.7763932])
    >>> round(float(talks.horizon), 7)
    7.4893307

    An option of .45 beats conceding to a demand of .6, and player 1 gives way:

    >>> ReputationalBargaining((0.6, 0.6), (0.1, 0.2), 0.05, outside=(0.45, None))().payoffs
    array([0.5925, 0.4   ])
    """

    demands: ArrayLike
    rates: ArrayLike
    priors: ArrayLike
    outside: object = field(default=None, kw_only=True)
    players: Names | None = field(default=None, kw_only=True, metadata=UNLABELLED)
    _game: _Game = field(init=False, repr=False)

    def __post_init__(self) -> None:
        take_seats(self, "demands", "rates", "priors", "outside", count=2)
        a, r, z = _checked_demands(self.demands, self.rates, self.priors)
        options, received = checked_outside(self.outside, a)
        if self.outside is not None:
            a, r, z = (np.broadcast_to(x, options.shape) for x in (a, r, z))
        object.__setattr__(self, "_game", _Game(a, r, z, options, received))

    def __call__(self) -> ReputationalOutcome:
        """Return the equilibrium of every game of the batch."""
        initial, horizon, payoffs, leaves = concessions(*self._game)
        return ReputationalOutcome(
            payoffs=payoffs,
            initial_concession=initial,
            horizon=np.asarray(horizon),
            leaves=np.broadcast_to(owned(leaves), payoffs.shape),
            game=self._game,
            parameters=describe(self).parameters,
            player_names=tuple(self.players or numbered(2)),
        )


@record
class ReputationalOutcome(Result):
    """The equilibrium of `ReputationalBargaining`, per game of the batch.

    Attributes
    ----------
    payoffs : ndarray, shape (*batch, 2)
        Each player's expected payoff at time 0 if she is normal.
    initial_concession : ndarray, shape (*batch, 2)
        Probability, over its types, that the player gives up its demand at time 0.
    horizon : ndarray, shape batch
        The date from which both are known to be committed if nobody has conceded.
    leaves : ndarray of bool, shape (*batch, 2)
        Whether the player would rather leave than concede, which cancels the other's reputation.
    game : named tuple
        Its `demands`, `rates`, `priors` and options, checked and of one shape.
    parameters : mapping
        The parameters of the game, by name, as numbers, functions and read-only arrays.
    method : str
        The name in tables.
    player_names : tuple of str
        The names given with the parameters, or the numbers 0 and 1 as strings.
    """

    payoffs: Floats
    initial_concession: Floats
    horizon: Floats
    leaves: NDArray[np.bool_]
    game: _Game
    parameters: Mapping[str, Any]
    method: str = "reputational bargaining"
    player_names: tuple[str, ...] = ("0", "1")
    _by_player: ClassVar = ("payoffs", "initial_concession", "leaves")

    @property
    def concession_rates(self) -> Floats:
        """Rate of concession after time 0, per unit of time, shape (*batch, 2); 0 where talks end at once."""
        a, r = self.game.demands, self.game.rates
        rates = r[..., ::-1] * (1 - a) / (a.sum(axis=-1, keepdims=True) - 1)
        return np.where(self.leaves.any(axis=-1, keepdims=True), 0.0, rates)

    @property
    def status(self) -> Status | NDArray[np.int8]:
        """OK where the `residual` is below 1e-10, INACCURATE elsewhere."""
        status = np.where(self.residual <= _PROMISED, Status.OK, Status.INACCURATE).astype(np.int8)
        return status if status.ndim else Status(int(status))

    def concession(self, time: ArrayLike) -> Floats:
        """Return F_i(t), the probability over types that player i has given up its demand by `time`.

        Parameters
        ----------
        time : array_like, shape s
            Times, not negative.

        Returns
        -------
        ndarray, shape (*batch, *s, 2)
        """
        passed, _, axes = self._times(time)
        kept = 1 - np.expand_dims(self.initial_concession, axes)
        return np.asarray(1 - kept * np.exp(-np.expand_dims(self.concession_rates, axes) * passed))

    def reputation(self, time: ArrayLike) -> Floats:
        """Return the probability that i is committed given that it has not given up by `time`.

        In the war of attrition it grows at the rate of concession, to 1 at the horizon. Parameters and shape are those
        of `concession`.
        """
        _, left, axes = self._times(time)
        grown = np.exp(-np.expand_dims(self.concession_rates, axes) * left)
        at_once = np.where(self.initial_concession > 0, 1.0, self.game.priors)
        ends = self.leaves.any(axis=-1, keepdims=True)
        return np.where(np.expand_dims(ends, axes), np.expand_dims(at_once, axes), grown)

    def _times(self, time: ArrayLike) -> tuple[Floats, Floats, tuple[int, ...]]:
        """Return the times passed and left until the horizon, (*batch, *s, 1), and the axes of s."""
        t = within(real(time, "time"), "time", 0.0, np.inf)
        axes = tuple(range(self.horizon.ndim, self.horizon.ndim + t.ndim))
        horizon = np.expand_dims(self.horizon, axes)
        passed = np.minimum(t, horizon)
        return passed[..., None], (horizon - passed)[..., None], axes

    @property
    def impasse(self) -> Floats:
        """Probability, shape batch, that the pie is never divided because both hold out for ever or one leaves."""
        z1, z2 = self.game.priors[..., 0], self.game.priors[..., 1]
        first, second = self.leaves[..., 0], self.leaves[..., 1]
        return np.asarray(np.select([first & second, first, second], [z1 + z2 - z1 * z2, z2, z1], z1 * z2))

    @property
    def delay(self) -> Floats:
        """Expected time of the division, shape batch, over types and given that there is one."""
        never = self.game.priors.prod(axis=-1)
        undecided = (1 - self.initial_concession).prod(axis=-1)
        waiting = (
            undecided * _annuity(self.concession_rates.sum(axis=-1), self.horizon) - never * self.horizon
        )
        return np.asarray(np.maximum(waiting, 0.0) / (1 - never))

    @property
    def commitment_payoffs(self) -> Floats:
        """Expected payoffs at 0 of committed players, shape (*batch, 2), at their own discount rates."""
        F, speed = self.initial_concession[..., ::-1], self.concession_rates[..., ::-1]
        won = F + (1 - F) * speed * _annuity(speed + self.game.rates, self.horizon[..., None])
        left = (1 - self.game.priors[..., ::-1]) * self.game.received
        return np.where(self.leaves[..., ::-1], left, self.game.demands * won)

    @property
    def cost(self) -> Floats:
        """Part of the pie, shape batch, lost to delay, departures and impasse: 1 less all types' payoffs."""
        z = self.game.priors
        return np.asarray(1 - ((1 - z) * self.payoffs + z * self.commitment_payoffs).sum(axis=-1))

    @property
    def residual(self) -> Floats:
        r"""Worst violation, shape batch, of the conditions of equilibrium.

        In the war of attrition: a normal player is indifferent between all dates of concession in :math:`(0, T]`, no
        normal type is left at the horizon, and at most one player concedes at 0. If somebody leaves: the gain from
        conceding or leaving at 0, and the distance of payoffs from those that concessions at 0 and then the options
        give.
        """
        leaves = self.leaves.any(axis=-1)
        return np.where(leaves, self._departure_residual(), self._war_residual())

    def _departure_residual(self) -> Floats:
        a, gives_up = self.game.demands, self.initial_concession
        expected = _departure_payoffs(self.game, self.leaves, gives_up)
        normal = np.where(self.leaves[..., ::-1], 1 - self.game.priors, 0.0)  # of all types
        better = np.maximum(1 - a[..., ::-1], self.game.received) - self.payoffs
        gaps = [np.abs(self.payoffs - expected), np.abs(gives_up - normal), np.maximum(better, 0.0)]
        return np.asarray(np.max(gaps, axis=0).max(axis=-1))

    def _war_residual(self) -> Floats:
        a, r = self.game.demands, self.game.rates
        F, speed = self.initial_concession[..., ::-1], self.concession_rates[..., ::-1]
        worst = self.initial_concession.min(axis=-1)
        for part in (0.0, 0.25, 0.5, 1.0):
            t = part * self.horizon[..., None]
            won = a * (F + (1 - F) * speed * _annuity(speed + r, t))
            yielded = (1 - a[..., ::-1]) * (1 - F) * np.exp(-(speed + r) * t)
            worst = np.maximum(worst, np.abs(won + yielded - self.payoffs).max(axis=-1))
        left = (1 - F) * np.exp(-speed * self.horizon[..., None]) - self.game.priors[..., ::-1]
        return np.asarray(np.maximum(worst, np.abs(left).max(axis=-1)))


def _annuity(rate: Floats, time: Floats) -> Floats:
    """Return the integral of exp(-rate s) over s in [0, time], also at a rate of 0."""
    scaled = rate * time
    safe = np.where(scaled > 0, scaled, 1.0)
    return np.asarray(time * np.where(scaled > 0, -np.expm1(-safe) / safe, 1.0))


@suggesting
def kambe_limit(rates: ArrayLike, *, exponents: ArrayLike = (1.0, 1.0)) -> Floats:
    r"""Return the division as the probabilities of commitment vanish and every demand can be made.

    With priors :math:`z_i = z^{k_i}` and :math:`z \to 0`, a player is not the one to concede at 0 iff
    its demand satisfies :math:`k_i r_i (1-a_j) \le k_j r_j (1-a_i)`. So i secures

    .. math:: x_i = \frac{k_j r_j}{k_1 r_1 + k_2 r_2}

    by demanding it, whatever the other demands, and the two add up to the pie.

    Parameters
    ----------
    rates : array_like, shape (*batch, 2)
        Discount rates, not both zero.
    exponents : array_like, shape (*batch, 2), default (1, 1)
        The positive :math:`k_i`; equal ones give Rubinstein's division :math:`r_j/(r_1+r_2)`.

    Returns
    -------
    ndarray, shape (*batch, 2)

    References
    ----------
    Kambe, S. (1999). Bargaining with imperfect commitment. *Games and Economic Behavior* 28(2), 217-237.
    doi:10.1006/game.1998.0700

    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Examples
    --------
    >>> from bargaining import kambe_limit
    >>> kambe_limit((0.1, 0.05)).round(7).tolist()
    [0.3333333, 0.6666667]
    """
    powers = within(per_player(exponents, "exponents", 2), "exponents", 0.0, np.inf, ends="()")
    (r, of_rates), (k, of_powers) = np.frexp(_checked_rates(rates)), np.frexp(powers)
    power = of_rates + of_powers
    speed = np.ldexp(r * k, power - power.max(axis=-1, keepdims=True))  # the products may overflow
    return np.asarray(speed[..., ::-1] / speed.sum(axis=-1, keepdims=True))


class _Game(NamedTuple):
    """Checked primitives of one shape (*batch, 2)."""

    demands: Floats
    rates: Floats
    priors: Floats
    options: Floats  # payoff of the player who leaves, -inf for one who may not
    received: Floats  # payoffs of both, whoever leaves


def concessions(
    demands: Floats, rates: Floats, priors: Floats, options: Floats, received: Floats
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return masses at 0, horizons, normal types' payoffs, and who would rather leave than concede.

    L_i = r_j (1 - a_i) / (a_1 + a_2 - 1), T = min -ln z_i / L_i. With u_i = r_j (1 - a_i), player 2 would need longer
    iff u_2 ln z_1 > u_1 ln z_2, and the weak side w then keeps 1 - F_w(0) = exp(ln z_w - u_w ln z_s / u_s) against the
    strong side s.
    """
    rest, logs = 1 - demands, np.log(priors)
    conflict = demands[..., 0] + demands[..., 1] - 1
    u1, u2 = rates[..., 1] * rest[..., 0], rates[..., 0] * rest[..., 1]
    lead = u2 * logs[..., 0] - u1 * logs[..., 1]
    second_weak = lead > 0
    strong = np.where(second_weak, u1, u2)
    mass = -np.expm1(-np.abs(lead) / strong)
    initial = np.stack([np.where(second_weak, 0.0, mass), np.where(second_weak, mass, 0.0)], axis=-1)
    horizon = -np.where(second_weak, logs[..., 0], logs[..., 1]) * conflict / strong
    payoffs = initial[..., ::-1] * conflict[..., None] + rest[..., ::-1]
    leaves = np.asarray(options > rest[..., ::-1])
    if np.any(leaves):
        gone: NDArray[np.bool_] = np.any(leaves, axis=-1, keepdims=True)
        initial = np.where(gone, np.where(leaves[..., ::-1], 1 - priors, 0.0), initial)
        horizon = np.where(gone[..., 0], 0.0, horizon)
        payoffs = np.where(
            gone,
            _departure_payoffs(_Game(demands, rates, priors, options, received), leaves, initial),
            payoffs,
        )
    return initial, horizon, payoffs, leaves


def agreement(rates: Floats, received: Floats) -> Floats:
    """Return the division under complete information between players who both may leave, (..., 2)."""
    other = rates[..., ::-1]
    return np.asarray(np.clip(other / rates.sum(axis=-1, keepdims=True), received, 1 - received[..., ::-1]))


def _departure_payoffs(game: _Game, leaves: NDArray[np.bool_], gives_up: Floats) -> Floats:
    """Return normal types' payoffs where somebody leaves, from the probabilities that each gives up at 0, (..., 2)."""
    a, o, conceded = game.demands, game.received, gives_up[..., ::-1]
    met = np.where(leaves.all(axis=-1, keepdims=True), agreement(game.rates, o), a)  # from a normal opponent
    return np.where(leaves, conceded * met + (1 - conceded) * o, 1 - a[..., ::-1])


def _checked_demands(
    demands: ArrayLike, rates: ArrayLike, priors: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return demands that conflict, rates and priors, of one common shape."""
    a, z = (
        within(per_player(value, name, 2), name, 0.0, 1.0, ends="()")
        for value, name in ((demands, "demands"), (priors, "priors"))
    )
    r = _checked_rates(rates)
    total = a[..., 0] + a[..., 1]
    if not total.min() > 1:
        where = tuple(int(k) for k in np.argwhere(total <= 1)[0])
        at = f" at index {where}" if where else ""
        raise InvalidInput(
            f"`demands` must conflict, a_1 + a_2 > 1; got {a[where].tolist()}{at}. "
            f"Demands that fit are simply agreed: raise one, or drop the game."
        )
    try:
        a, r, z = np.broadcast_arrays(a, r, z)
    except ValueError:
        raise InvalidInput(
            f"`demands`, `rates` and `priors` must broadcast; got shapes {a.shape}, {r.shape}, {z.shape}."
        ) from None
    return a, r, z


def _checked_rates(value: ArrayLike) -> Floats:
    """Return discount rates, not negative and not both zero."""
    rates = within(per_player(value, "rates", 2), "rates", 0.0, np.inf, ends="[)")
    if not rates.max(axis=-1).min() > 0:
        raise InvalidInput(
            "`rates` must be positive for at least one player; got 0 for both. Nobody would ever concede."
        )
    return rates


def checked_outside(value: object, demands: Floats) -> tuple[Floats, Floats]:
    """Return the payoffs of leaving: of the one who leaves (-inf: may not leave), and of both."""
    if value is None:
        return np.full(2, -np.inf), np.zeros(2)
    if isinstance(value, list | tuple) and len(value) == 2 and any(entry is None for entry in value):
        columns = [np.asarray(-np.inf) if entry is None else real(entry, "outside") for entry in value]
    else:
        array = per_player(value, "outside", 2)  # type: ignore[arg-type]
        columns = [array[..., 0], array[..., 1]]
    try:
        first, second, _ = np.broadcast_arrays(*columns, demands[..., 0])
    except ValueError:
        raise InvalidInput(
            f"`outside` must broadcast against the games; got shapes {[c.shape for c in columns]} "
            f"against {demands.shape[:-1]}."
        ) from None
    options = np.stack([first, second], axis=-1)
    received = within(np.where(np.isneginf(options), 0.0, options), "outside", 0.0, 1.0)
    total = received.sum(axis=-1)
    if total.max() >= 1:
        raise InvalidInput(
            f"`outside` must leave something to bargain over, o_1 + o_2 < 1; got {plain(total.max())}. "
            f"Lower the options."
        )
    above = options >= demands
    if above.any():
        where = tuple(int(k) for k in np.argwhere(above)[0])
        raise InvalidInput(
            f"`outside` must be below the player's own demand; got {plain(options[where])} at index {where}. "
            f"A player who can leave with more than it asks for does not bargain: raise the demand."
        )
    return options, received


_ACCURACY = 1e-10  # of the pie: three nested roots, each near rounding


@record(kw_only=False)
class ReputationalDemands(Shown):
    r"""Each player may be committed to any of several demands; normal players choose which to imitate.

    Parameters
    ----------
    demands : pair of array_like, shapes (K_0,) and (K_1,)
        The committed types' demands of each player, as shares of a pie of 1; distinct.
    rates : array_like, shape (2,)
        Positive discount rates per unit of time; one is at most 1e12 times the other.
    priors : pair of array_like, shapes (K_0,) and (K_1,)
        Probability of each committed type; 1e-290 at least, and together below 1 for each player.
    first : int, default 0
        The player who announces first; by name too, if the players have names.
    players : sequence of str, optional
        Names of the players, in the order of entries; by default those by which parameters are given.

    Notes
    -----
    Timing, for `first` = 0:

    1. Player 0 announces one of its demands :math:`a_0`; a committed type announces its own.
    2. Player 1 accepts, or announces one of its own. A committed type accepts if its demand fits,
       :math:`a_1 \le 1-a_0`, and announces it otherwise.
    3. The war of attrition of `ReputationalBargaining` follows, with priors updated by Bayes' rule.

    Normal players mix so that every demand they use gives the same payoff. All sequential equilibria give the same
    distribution over outcomes (proposition `reputation-demands`). Strategies can differ where a player concedes at 0
    in any case: here player 1 then accepts instead of making a demand first.

    As the types become dense and the priors vanish, at exponential rates, the division tends to `kambe_limit`
    (proposition `reputation-limit` for equal rates).

    References
    ----------
    Abreu, D. and Gul, F. (2000). Bargaining and reputation. *Econometrica* 68(1), 85-117. doi:10.1111/1468-0262.00094

    Examples
    --------
    >>> from bargaining import ReputationalDemands
    >>> talks = ReputationalDemands(([0.5, 0.6], [0.5, 0.6, 0.7]), (0.1, 0.1), ([0.02, 0.02], [0.01] * 3))()
    >>> bool(talks.residual < 1e-10)
    True
    """

    demands: Sequence[ArrayLike]
    rates: ArrayLike
    priors: Sequence[ArrayLike]
    first: int | str = field(default=0, kw_only=True)
    players: Names | None = field(default=None, kw_only=True)
    _types: tuple[tuple[Floats, Floats], tuple[Floats, Floats]] = field(init=False, repr=False)
    _rates: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        take_seats(self, "demands", "rates", "priors", player="first", count=2)
        rates = within(real(self.rates, "rates", ndim=1), "rates", 0.0, np.inf, ends="()")
        within(rates, "rates", SMALLEST, 1 / SMALLEST)
        if rates.shape != (2,):
            raise InvalidInput(f"`rates` must have one entry per player (2); got shape {rates.shape}.")
        if rates.max() > _APART * rates.min():
            raise InvalidInput(
                f"`rates` must differ by a factor of {_APART:g} at most; got {rates.tolist()}. A player so impatient "
                "concedes at once."
            )
        pairs = []
        for name in ("demands", "priors"):
            pairs.append(listed(getattr(self, name), name, "a pair, one list per player"))
            if len(pairs[-1]) != 2:
                raise InvalidInput(f"`{name}` must be a pair, one list per player; got {len(pairs[-1])}.")
            object.__setattr__(self, name, tuple(pairs[-1]))
        names = titles(self.players or numbered(2))
        types = tuple(_checked_types(a, z, who) for a, z, who in zip(*pairs, names, strict=True))
        fill(self, _types=types, _rates=rates)
        object.__setattr__(self, "first", self._first)

    @property
    def _first(self) -> int:
        return player_index(self.first, "first", 2)

    def __call__(self) -> DemandOutcome:
        """Return the equilibrium announcements and replies, and the expected payoffs of normal players."""
        (own, masses), _ = self._sides()
        demands, normal = self._demands(own), float(1 - masses.sum())
        least = np.maximum(masses / (masses + normal), _TINY)  # beliefs if the normal player always says so
        ranges = [(d.worth(z), d.worth(1.0)) for d, z in zip(demands, least.tolist(), strict=True)]

        def chances(level: float) -> Floats:
            """Return the probabilities at which every announcement is worth the level."""
            pairs = zip(demands, least.tolist(), ranges, strict=True)
            return masses / normal * (1 / np.array([d.belief(level, z, *ends) for d, z, ends in pairs]) - 1)

        announced = _mixture(chances, min(low for low, _ in ranges), max(high for _, high in ranges))
        beliefs = masses / (masses + normal * announced)
        replies = np.array([d.replies(z) for d, z in zip(demands, beliefs.tolist(), strict=True)])
        return told(self._assess(announced, replies, np.maximum(1 - replies.sum(axis=1), 0.0)), self)

    def check(self, outcome: DemandOutcome) -> DemandOutcome:
        """Return an outcome with `residual` and `status` computed anew from its payoffs and strategies.

        The residual is the most that a normal player could gain by another announcement or reply, or the distance of
        payoffs and beliefs from those that the strategies imply.
        """
        answer_of(outcome, "outcome", DemandOutcome)
        again = self._assess(outcome.announcements, outcome.replies, outcome.acceptance)
        odd = (np.abs(x - y) for x, y in zip(outcome.beliefs, again.beliefs, strict=True))
        return judged(outcome, _ACCURACY, again.residual, np.abs(outcome.payoffs - again.payoffs), *odd)

    def _sides(self) -> list[tuple[Floats, Floats]]:
        """Return demands and priors of the first player, then of the second."""
        return [self._types[self._first], self._types[1 - self._first]]

    def _demands(self, own: Floats) -> list[_Demand]:
        _, (rivals, masses) = self._sides()
        rates = self._rates[[self._first, 1 - self._first]]
        return [_Demand(a, rivals, masses, rates) for a in own.tolist()]

    def _assess(self, announced: Floats, replies: Floats, acceptance: Floats) -> DemandOutcome:
        """Compute every action's payoff from the wars of attrition themselves, and the gains from deviating."""
        (own, masses), (rivals, rival_masses) = self._sides()
        normal, other_normal = 1 - masses.sum(), 1 - rival_masses.sum()
        beliefs = masses / (masses + normal * announced)
        committed = rival_masses / (rival_masses + other_normal * replies)
        a, z = (
            np.stack(np.broadcast_arrays(x[:, None], y), axis=-1)
            for x, y in ((own, rivals), (beliefs, committed))
        )
        fits = a.sum(axis=-1, keepdims=True) - 1 <= FIT  # then the second accepts
        rates = self._rates[[self._first, 1 - self._first]]
        war = concessions(np.where(fits, 0.9, a), rates, z, np.full(2, -np.inf), np.zeros(2))[2]
        firsts, seconds = np.moveaxis(np.where(fits, np.stack([own, 1 - own], axis=-1)[:, None], war), -1, 0)
        best = np.maximum(1 - own, seconds.max(axis=1))
        value = acceptance * (1 - own) + (replies * seconds).sum(axis=1)
        worth = firsts @ rival_masses + other_normal * (acceptance * own + (replies * firsts).sum(axis=1))
        payoffs = np.array([announced @ worth, (masses + normal * announced) @ value])
        outcome = DemandOutcome(
            payoffs=payoffs[::-1] if self._first else payoffs,
            announcements=announced,
            replies=replies,
            acceptance=acceptance,
            beliefs=(beliefs, committed),
            residual=0.0,
            status=Status.OK,
            method="ReputationalDemands",
            first=self._first,
        )
        gains = np.abs(best - value), worth - payoffs[0]
        sums = abs(announced.sum() - 1), np.abs(acceptance + replies.sum(axis=1) - 1)
        return judged(
            outcome, _ACCURACY, *gains, *sums, *(-odds for odds in (announced, replies, acceptance))
        )


def _checked_types(demands: ArrayLike, priors: ArrayLike, player: str) -> tuple[Floats, Floats]:
    a, z = real(demands, "demands", ndim=1), real(priors, "priors", ndim=1)
    for array, name in ((a, "demands"), (z, "priors")):
        bad = (array <= 0) | (array >= 1)
        if bad.any():
            raise InvalidInput(
                f"`{name}` must lie in (0, 1); got {plain(array[bad][0])} for a type of {player}. "
                f"Drop that type, or move it inside."
            )
    if a.shape != z.shape:
        raise InvalidInput(
            f"`priors` must have one entry per demand; got {z.size} for {a.size} demands of {player}."
        )
    if np.unique(a).size < a.size:
        raise InvalidInput(f"`demands` must be distinct; got {a.tolist()} for {player}. Add up their priors.")
    if z.min() < SMALLEST:
        raise InvalidInput(
            f"`priors` must be {SMALLEST:g} at least; got {plain(z.min())} for {player}. Drop that type."
        )
    if z.sum() >= 1:
        raise InvalidInput(
            f"`priors` must sum to less than 1; got {plain(z.sum())} for {player}. Leave room for the normal type."
        )
    return a, z


@record
class DemandOutcome(Division):
    """The equilibrium of `ReputationalDemands`; `first` announces, `second` is the other player.

    Attributes
    ----------
    payoffs : ndarray, shape (2,)
        Each player's expected payoff if she is normal, before the announcements.
    announcements : ndarray, shape (K,)
        Probability with which the normal first player makes each of its demands.
    replies : ndarray, shape (K, L)
        Probability with which the normal second player answers each announcement with each demand.
    acceptance : ndarray, shape (K,)
        Probability with which it accepts instead.
    beliefs : tuple of ndarray, shapes (K,) and (K, L)
        Probability that the first, then the second player is committed once it has spoken.
    residual : float
        The most that a normal player could gain by another announcement or reply.
    status : Status
        OK if the residual is below 1e-10.
    first : int
        The player who announces first.
    """

    announcements: Floats
    replies: Floats
    acceptance: Floats
    beliefs: tuple[Floats, Floats]
    first: int


_APART = 1e12  # beyond it exponents of the ratio of rates overflow
_LARGEST = 700.0  # logarithm: that of the largest float is 709
_TINY = float(np.finfo(float).tiny)
_NEXT = 4 * EPS  # the relative accuracy of every root
_NEAR = 1e-13  # relative: levels this close are the same but for rounding
FIT = 1e-12  # demands that sum to at most 1 and this much are taken to fit


class _Demand:
    """What follows one demand `own` of the first player, as a function of the belief that it is committed.

    `rivals` and `masses` are the second player's committed demands and their probabilities.
    """

    def __init__(self, own: float, rivals: Floats, masses: Floats, rates: Floats) -> None:
        self.own, self.rivals, self.masses, self.normal = own, rivals, masses, float(1 - masses.sum())
        self.conflict = np.maximum(own + rivals - 1, 0.0)
        self.fought = self.conflict > FIT
        self.exponents = rates[0] * (1 - rivals) / (rates[1] * (1 - own))

    def replies(self, belief: float) -> Floats:
        """Return the probabilities of a normal second player's replies; otherwise it accepts."""
        if not self.fought.any():
            return np.zeros(self.rivals.shape)
        most = float(self.conflict.max())
        mixed = self._mixing(most, belief)
        return (
            mixed
            if mixed.sum() <= 1
            else _mixture(lambda lost: self._mixing(lost, belief), belief * most, most)
        )

    def _mixing(self, lost: float, belief: float) -> Floats:
        """Return the probability of each reply that makes all of them pay the same.

        With the greediest reply at conflict D, a gain of D - `lost` over conceding from a reply at
        conflict D_k requires that the first player holds out at 0 with probability
        1 - (D - lost) / D_k. Its surviving reputation is the belief over that, and the reply's own
        reputation must match it: y^(1 / exponent).
        """
        conflict = np.where(self.fought, self.conflict, 1.0)
        holds_out = np.maximum((lost - (self.conflict.max() - conflict)) / conflict, belief)
        growth = np.minimum(self.exponents * np.log(holds_out / belief), _LARGEST)
        return np.asarray(np.where(self.fought, self.masses / self.normal * np.expm1(growth), 0.0))

    def worth(self, belief: float) -> float:
        """Return a normal first player's payoff from announcing this demand: she is never conceded to at 0."""
        replies, yields = self.replies(belief), np.where(self.fought, 1 - self.rivals, self.own)
        met = max(1 - float(replies.sum()), 0.0) * self.own + float(replies @ yields)
        return float(self.masses @ yields) + self.normal * met

    def belief(self, level: float, least: float, low: float, high: float) -> float:
        """Return the belief at which it is worth `level`, or the nearest: it is worth `low` at `least`, `high` at 1."""
        from scipy.optimize import brentq

        if level <= low:
            return least
        if level >= high:
            return 1.0
        gap = lambda log_belief: self.worth(float(np.exp(log_belief))) - level  # noqa: E731
        return float(np.exp(brentq(gap, np.log(least), 0.0, xtol=_NEXT, rtol=_NEXT)))


def _mixture(chances: Callable[[float], Floats], low: float, high: float) -> Floats:
    """Return the chances, monotone functions of a level in [low, high], that sum to 1.

    They may jump, or change by much from one float to the next. Each is then between its values on both sides of the
    level, and the demand is worth that level.
    """
    from scipy.optimize import brentq

    def excess(log_level: float) -> float:  # of nearly 1: a single chance of 1 may round down
        return float(chances(float(np.exp(log_level))).sum()) - (1 - _NEXT)

    ends = np.log(np.maximum([low * (1 - _NEAR), high * (1 + _NEAR)], _TINY))
    level = float(np.exp(brentq(excess, *ends, xtol=_NEAR / 8, rtol=_NEXT)))
    below, above = chances(level * (1 - _NEAR)), chances(level * (1 + _NEAR))
    first, second = float(below.sum()), float(above.sum())
    weight = min(max((1 - second) / (first - second), 0.0), 1.0) if first != second else 1.0
    mixed = weight * below + (1 - weight) * above
    return np.asarray(mixed / mixed.sum())
