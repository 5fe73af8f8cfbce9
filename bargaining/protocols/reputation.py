"""Bargaining between two reputations for obstinacy (Abreu and Gul 2000), with exit (Compte and Jehiel 2002).

Each player is either normal or, with a small probability, committed to one demand for ever. Normal
players hide behind that demand, and talks become a war of attrition in which reputations grow until
someone concedes. As commitment becomes improbable the division has a limit (Kambe 1999).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, owned, owning, per_player, real, within
from bargaining._calls import suggesting
from bargaining._names import Names, numbered
from bargaining._rich import Result, Shown
from bargaining.division import describe
from bargaining.errors import InvalidInput, Status, plain
from bargaining.protocols._seats import UNLABELLED, take_seats

_PROMISED = 1e-10  # of the pie: closed forms lose digits where rates nearly agree


@owning
@dataclass(frozen=True, slots=True, eq=False)
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
        Names of the players, in the order of parameters with an entry per player; by default those of parameters given
        by name.

    Notes
    -----
    Timing:

    1. Nature draws each player's type. Both demands are on the table.
    2. Time runs continuously. At every moment a normal player may concede, that is accept the
       other's demand and get :math:`1-a_j`; leave, where that is allowed; or hold out.
    3. A committed player only ever holds out. The first concession or departure ends the talks.

    If leaving pays nobody more than conceding, :math:`o_i \le 1-a_j`, the equilibrium is unique
    (proposition `reputation-unique`) and the options do not matter. From time 0 on each player concedes at the
    constant rate that keeps the other indifferent,

    .. math:: \lambda_i = r_j \frac{1-a_i}{a_1+a_2-1},

    both become known to be committed at the same horizon :math:`T = \min_i -\ln z_i/\lambda_i`, and
    the player who would have needed longer concedes at 0 with probability
    :math:`F_i(0) = 1 - z_i e^{\lambda_i T}`.
    So :math:`F_i(t) = 1-(1-F_i(0)) e^{-\lambda_i t}`, and a normal player expects
    :math:`F_j(0) a_i + (1-F_j(0))(1-a_j)`.

    If :math:`o_i > 1-a_j`, player i would rather leave than concede, and j's reputation is worthless:

    * for one player i only: i never concedes at any date, since leaving then pays more. So all that j can
      wait for is i's departure, which pays j no more than conceding; conceding at 0 beats conceding
      later, and normal j concedes at 0. Whoever holds out after 0 is committed, and i leaves. Each step removes
      strictly worse strategies, so nothing else is an equilibrium. Player i's own posture survives,
      because j cannot do better than concede to it: a normal j yields :math:`a_i`, and i expects
      :math:`(1-z_j) a_i + z_j o_i`. That is so in this game, in which nobody makes counter-offers; where they
      can be made, Compte and Jehiel (2002) find both postures cancelled also in this case;
    * for both: each normal player reveals itself at once and two normal players divide the pie as
      under complete information, at the limit of alternating offers with those outside options,
      :math:`\min(\max(r_j/(r_1+r_2), o_i), 1-o_j)`; a normal player leaves a committed one. This
      case rests on Compte and Jehiel (2002).

    An option below :math:`1-a_j` changes nothing; above it payoffs jump.

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


@owning
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain Python values."""
        names = ("payoffs", "initial_concession", "concession_rates", "horizon", "leaves")
        arrays = {name: getattr(self, name).tolist() for name in names}
        return {
            "method": self.method,
            "players": list(self.player_names),
            "status": np.where(self.ok, Status.OK.name, Status.INACCURATE.name).tolist(),
            **arrays,
            "residual": self.residual.tolist(),
        }

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
