"""The war of attrition between two reputations: its closed form over a batch, and checks of its arguments."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bargaining._arrays import Floats, per_player, real, within
from bargaining.errors import InvalidInput, plain


class Concession(NamedTuple):
    """Initial mass and horizon of the concessions, and the expected payoffs of the normal types."""

    initial: Floats
    horizon: Floats
    payoffs: Floats


def war_of_attrition(demands: Floats, rates: Floats, priors: Floats) -> Concession:
    """Solve games of shape (*batch, 2): L_i = r_j (1 - a_i) / (a_1 + a_2 - 1), T = min -ln z_i / L_i.

    With u_i = r_j (1 - a_i), player 2 would need longer iff u_2 ln z_1 > u_1 ln z_2, and the weak side w then keeps
    1 - F_w(0) = exp(ln z_w - u_w ln z_s / u_s) against the strong side s.
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
    return Concession(initial, horizon, initial[..., ::-1] * conflict[..., None] + rest[..., ::-1])


class Game(NamedTuple):
    """Checked primitives of one shape (*batch, 2)."""

    demands: Floats
    rates: Floats
    priors: Floats
    options: Floats | None  # payoff of the player who leaves, -inf for one who may not
    received: Floats  # payoffs of both, whoever leaves


def agreement(rates: Floats, received: Floats) -> Floats:
    """Return the division under complete information between players who both may leave, (..., 2)."""
    other = rates[..., ::-1]
    return np.asarray(np.clip(other / rates.sum(axis=-1, keepdims=True), received, 1 - received[..., ::-1]))


def departure_payoffs(game: Game, leaves: NDArray[np.bool_], gives_up: Floats) -> Floats:
    """Return normal types' payoffs where somebody leaves, from the probabilities that each gives up at 0, (..., 2)."""
    a, o, conceded = game.demands, game.received, gives_up[..., ::-1]
    met = np.where(leaves.all(axis=-1, keepdims=True), agreement(game.rates, o), a)  # from a normal opponent
    return np.where(leaves, conceded * met + (1 - conceded) * o, 1 - a[..., ::-1])


def with_departures(solved: Concession, game: Game, leaves: NDArray[np.bool_]) -> Concession:
    """Overwrite the results of games in which somebody would rather leave than concede."""
    gone = np.asarray(leaves.any(axis=-1, keepdims=True))
    initial = np.where(leaves[..., ::-1], 1 - game.priors, 0.0)
    return Concession(
        initial=np.where(gone, initial, solved.initial),
        horizon=np.where(gone[..., 0], 0.0, solved.horizon),
        payoffs=np.where(gone, departure_payoffs(game, leaves, initial), solved.payoffs),
    )


def checked_game(demands: ArrayLike, rates: ArrayLike, priors: ArrayLike, outside: object) -> Game:
    """Return the primitives as arrays of one shape, or raise an error."""
    a, r, z = checked_demands(demands, rates, priors)
    if outside is None:
        return Game(a, r, z, None, np.zeros(2))
    options, received = checked_outside(outside, a)
    a, r, z = (np.broadcast_to(x, options.shape) for x in (a, r, z))
    return Game(a, r, z, options, received)


def checked_demands(demands: ArrayLike, rates: ArrayLike, priors: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return demands that conflict, rates and priors, of one common shape."""
    a, r, z = _open_unit(demands, "demands"), checked_rates(rates), _open_unit(priors, "priors")
    total = a[..., 0] + a[..., 1]
    if not total.min() > 1:
        where = tuple(int(k) for k in np.argwhere(total <= 1)[0])
        at = f" at index {where}" if where else ""
        raise InvalidInput(
            f"`demands` must conflict, a_1 + a_2 > 1; got {a[where].tolist()}{at}. "
            f"Demands that fit are simply agreed: raise one, or drop the game."
        )
    if a.shape == r.shape == z.shape:
        return a, r, z
    try:
        a, r, z = np.broadcast_arrays(a, r, z)
    except ValueError:
        raise InvalidInput(
            f"`demands`, `rates` and `priors` must broadcast; got shapes {a.shape}, {r.shape}, {z.shape}."
        ) from None
    return a, r, z


def _open_unit(value: ArrayLike, name: str) -> Floats:
    """Return numbers strictly between 0 and 1, checked by two reductions unless there is an error to report."""
    array = per_player(value, name, 2)
    if array.min() > 0 and array.max() < 1:
        return array
    return within(array, name, 0.0, 1.0, ends="()")


def checked_rates(value: ArrayLike) -> Floats:
    """Return discount rates, not negative and not both zero."""
    rates = per_player(value, "rates", 2)
    if rates.min() > 0:
        return rates
    within(rates, "rates", 0.0, np.inf, ends="[)")
    if not rates.max(axis=-1).min() > 0:
        raise InvalidInput(
            "`rates` must be positive for at least one player; got 0 for both. Nobody would ever concede."
        )
    return rates


def checked_outside(value: object, demands: Floats) -> tuple[Floats, Floats]:
    """Return the payoffs of leaving: of the one who leaves (-inf: may not leave), and of both."""
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
    _check_options(options, received, demands)
    return options, received


def _check_options(options: Floats, received: Floats, demands: Floats) -> None:
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
