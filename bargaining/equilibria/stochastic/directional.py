"""All Markov equilibria of games whose states have a direction, solved from the last state backwards."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from math import isqrt
from typing import Any

import numpy as np

from bargaining._arguments import whole
from bargaining._calls import suggesting
from bargaining._rational import Rationals
from bargaining.equilibria.stage.equilibria import stage_equilibria
from bargaining.equilibria.stochastic._markov import compile_game
from bargaining.equilibria.stochastic.markov import MarkovEquilibria, flat, stationary
from bargaining.errors import InvalidInput, NotApplicable, Status
from bargaining.games.normal_form import Game, best_replies
from bargaining.games.stochastic import StochasticGame, require_stochastic

_ACCURACY = 1e-12  # the largest regret of a listed equilibrium, as in `markov_equilibria`
_BITS = 200  # accuracy of the square roots in mixed strategies

Strategies = tuple[tuple[Fraction, ...], ...]
Values = tuple[Fraction, ...]
Local = tuple[list[tuple[Strategies, Values]], bool]
"""The equilibria of one state, given the values that follow, each with its values; and whether these are all."""


@suggesting
def directional_equilibria(game: StochasticGame, *, limit: int = 10_000) -> MarkovEquilibria:
    r"""Return all stationary equilibria of a stochastic game in which no state is reached again once it is left.

    Given the values of the states that may follow, play in a state is a game of its own. All its equilibria are
    computed, from the last states backwards, for each combination of equilibria in the states that follow.

    Parameters
    ----------
    game : StochasticGame
        Any number of players, who cannot leave. A state may follow itself, but no two states may lead to each
        other, whatever is played.
    limit : int, default 10,000
        The largest number of equilibria to keep: their number multiplies from state to state.

    Returns
    -------
    MarkovEquilibria
        `complete` says whether these are all. It is false if the limit was reached, if some state has infinitely many
        equilibria, or if the probability of staying in a state depends on actions and the state has more than two
        players or more than two actions each: then its pure equilibria are listed. `starts` and `failed` are 0.

    Raises
    ------
    InvalidInput
        If two states may lead to each other.
    NotApplicable
        If somebody may leave; make leaving an action that leads to a state of its own.

    Notes
    -----
    Let p(a) be the probability of staying in state s and :math:`N_i(a) = (1-\delta_i) g_i(a) + \delta_i \sum_{s' \ne s}
    P(s' \mid a) V_i(s')`. If p is constant, the equilibria are those of the stage game with payoffs N, with the values
    :math:`N_i / (1 - \delta_i p)`. Otherwise action r, played for ever, gives :math:`N_{ir}(y) / (1 - \delta_i p_r(y))`
    against a mixture y, and a player with two actions uses both if these are equal: a quadratic equation in y.
    All computations are in rationals; square roots are computed to 200 bits.

    References
    ----------
    Iskhakov, F., Rust, J. and Schjerning, B. (2016). Recursive lexicographical search: finding all Markov perfect
    equilibria of finite state directional dynamic games. *Review of Economic Studies* 83(2), 658-703.
    doi:10.1093/restud/rdv046

    Examples
    --------
    Two firms may each build a plant or wait; only one plant is profitable. A firm that builds alone has it for good:

    >>> from bargaining import Game, StochasticGame, directional_equilibria
    >>> before = Game([[0, 0], [0, 0]], [[0, 0], [0, 0]])
    >>> after = [Game([[one]], [[other]]) for one, other in ((3, 0), (0, 3), (-1, -1))]
    >>> builds = [[[1, 0, 0, 0], [0, 0, 1, 0]], [[0, 1, 0, 0], [0, 0, 0, 1]]]
    >>> stays = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    >>> found = directional_equilibria(StochasticGame([before, *after], [builds, *stays], 0.5))
    >>> found.complete, sorted(one.values[0].round(4).tolist() for one in found)
    (True, [[0.0, 0.0], [0.0, 1.5], [1.5, 0.0]])
    """
    require_stochastic(game)
    whole(limit, "limit", 1)
    if any(right is not None for right in game.exits):
        raise NotApplicable(
            "`game` must give nobody the right to leave here; make leaving an action that leads to a state of its own."
        )
    laws = [game.exact_transition(s) for s in range(len(game))]
    order, arrays = _order(game, laws), compile_game(game)
    solved: dict[tuple[Any, ...], Local] = {}
    found: list[dict[int, tuple[Strategies, Values]]] = [{}]
    complete = True
    for s in order:
        ahead = [k for k in range(len(game)) if k != s and laws[s][..., k].any()]
        longer = []
        for chosen in found:
            after = {k: chosen[k][1] for k in ahead}
            key = (s, *(after[k] for k in ahead))
            if key not in solved:
                solved[key] = _state(game, s, laws[s], after)
            local, every = solved[key]
            complete &= every
            longer += [{**chosen, s: one} for one in local]
        complete &= len(longer) <= limit
        found = longer[:limit]
    profiles = []
    for chosen in found:
        strategies = [[[float(p) for p in own] for own in chosen[s][0]] for s in range(len(game))]
        profiles.append(stationary(game, arrays, flat(game, strategies, None)))
    profiles = [one for one in profiles if one.regret <= _ACCURACY]
    return MarkovEquilibria(
        profiles=tuple(profiles),
        complete=complete and len(profiles) == len(found),
        starts=0,
        failed=0,
        status=Status.OK if profiles else Status.FAILED,
    )


def _order(game: StochasticGame, laws: list[Rationals]) -> list[int]:
    """Return the states in an order such that each comes after all states to which it may lead."""
    leads = {s: {k for k in range(len(game)) if k != s and law[..., k].any()} for s, law in enumerate(laws)}
    try:
        return list(TopologicalSorter(leads).static_order())
    except CycleError as error:
        circle = " -> ".join(game.states[s] for s in reversed(error.args[1]))
        raise InvalidInput(
            "`game` must be directional: no state may be reached again once it is left; but these lead to each "
            f"other: {circle}. For such games see `markov_equilibria`."
        ) from None


def _state(game: StochasticGame, s: int, law: Rationals, after: dict[int, Values]) -> Local:
    """Return the equilibria of one state, given the values of those that may follow."""
    shape, n, delta = game.shape(s), game.players, game.exact_discounts
    stay = law[..., s]
    worth = (1 - delta) * game.games[s].exact
    for k, values in after.items():
        worth = worth + law[..., k, None] * (delta * np.array(values, object))
    if (stay == stay.flat[0]).all():
        stage = Game(*(worth[..., i] for i in range(n)))
        found = stage_equilibria(stage)
        left = [1 - delta[i] * stay.flat[0] for i in range(n)]
        local = [
            (strategies, tuple(payoff / part for payoff, part in zip(payoffs, left, strict=True)))
            for strategies, payoffs in zip(found.exact, found.exact_payoffs, strict=True)
        ]
        return local, bool(found.complete and found.finite)
    left_over = 1 - delta * stay[..., None]
    local = [*_pure(worth, left_over)]
    if shape != (2, 2):
        return local, False
    mixed, every = _mixed(worth, left_over)
    return local + mixed, every


def _pure(worth: Rationals, left: Rationals) -> Iterator[tuple[Strategies, Values]]:
    """Yield the pure equilibria: nobody gains by playing another action for ever."""
    values = worth / left
    for profile in map(tuple, np.argwhere((values == best_replies(values)).all(axis=-1)).tolist()):
        own = (
            tuple(Fraction(b == a) for b in range(k)) for a, k in zip(profile, values.shape[:-1], strict=True)
        )
        yield tuple(own), tuple(values[profile])


def _mixed(worth: Rationals, left: Rationals) -> Local:
    """Return the equilibria of two players in which both mix their two actions, and whether there are no others."""
    roots: list[list[Fraction]] = []
    every = True
    for i in (0, 1):  # the other player's mixture that makes player i indifferent
        n, d = (np.moveaxis(part[..., i], i, 0) for part in (worth, left))
        (a, b), (e, f) = ((n[r, 0], n[r, 1] - n[r, 0]) for r in (0, 1))
        (g, h), (k, m) = ((d[r, 0], d[r, 1] - d[r, 0]) for r in (0, 1))
        # (a + b y)(k + m y) = (e + f y)(g + h y)
        some = _roots(b * m - f * h, a * m + b * k - e * h - f * g, a * k - e * g)
        every &= some is not None and 0 not in some and 1 not in some
        roots.append([y for y in some or [] if 0 < y < 1])
    out: list[tuple[Strategies, Values]] = []
    for y in roots[0]:
        for x in roots[1]:
            values = []
            for i, other in ((0, y), (1, x)):
                n, d = (np.moveaxis(part[..., i], i, 0)[0] for part in (worth, left))
                values.append((n[0] + other * (n[1] - n[0])) / (d[0] + other * (d[1] - d[0])))
            out.append((((1 - x, x), (1 - y, y)), tuple(values)))
    return out, every


def _roots(a: Fraction, b: Fraction, c: Fraction) -> list[Fraction] | None:
    """Return the distinct roots of a y^2 + b y + c; None if every number is a root."""
    if not a:
        return ([-c / b] if b else []) if b or c else None
    square = b * b - 4 * a * c
    if square < 0:
        return []
    # sqrt(p / q) = sqrt(p q) / q, exact if it is rational
    root = Fraction(isqrt(square.numerator * square.denominator << 2 * _BITS), square.denominator << _BITS)
    return sorted({(-b - root) / (2 * a), (-b + root) / (2 * a)})
