"""Bounds of games certified from both sides: two players' polygons as payoff sets are, others by their own proofs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from bargaining._arguments import instance, whole
from bargaining.equilibria._plane.generation import floats
from bargaining.equilibria._plane.lottery import Pair
from bargaining.equilibria._plane.polygon import distances
from bargaining.equilibria._plane.rationals import DEFAULT, Rationals
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.equilibria.sets.rows import Scaled
from bargaining.equilibria.sets.search import Enclosure
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.errors import NotApplicable
from bargaining.exact.public_certificate import certify_public_payoff_set
from bargaining.exact.set_certificate import PayoffCertificate, StochasticCertificate, fields_of, two_sided
from bargaining.exact.several_certificate import certify_several, past
from bargaining.games.stochastic import StochasticGame

_MANY = 300  # vertices beyond which their equations take too long
_UNKNOWN = "Only bounds that `payoff_bounds` has returned can be proved: it keeps how they were found."


def certify_payoff_bounds(
    found: PayoffBounds, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffCertificate:
    """Prove both sides of the bounds of a repeated game; see `certify`, which takes the same.

    Examples
    --------
    >>> import numpy as np
    >>> from bargaining import Game, RepeatedGame, payoff_bounds
    >>> given = 2 - np.indices((2, 2, 2)).sum(axis=0) + 1  # by three who may give 1 each, worth .6 to everybody
    >>> game = Game(*(0.6 * given - (1 - np.indices((2, 2, 2))[i]) for i in range(3)))
    >>> proof = certify_payoff_bounds(payoff_bounds(RepeatedGame(game, 0.8)))
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    sides, repeated = instance(found, "found", PayoffBounds)._found, found.repeated
    tolerance = found.tolerance if tolerance is None else tolerance
    if sides is None or repeated is None:
        raise NotApplicable(_UNKNOWN)
    if sides.outer.profiles.limits is not None:
        return certify_public_payoff_set(found, tolerance=tolerance, budget=budget)
    game = StochasticGame.from_repeated(repeated)
    proof = certify_stochastic_payoff_bounds(
        StochasticPayoffBounds(game=game, bounds=(found,), _found=sides), tolerance=tolerance, budget=budget
    )
    proved = {name: getattr(proof, name) for name in ("inner", "outer", "bound")}
    vertices = proof.vertices[0] if proof.vertices else ()
    return PayoffCertificate(**fields_of(tolerance, proof.statement, **proved, vertices=vertices))


def certify_stochastic_payoff_bounds(
    found: StochasticPayoffBounds, *, tolerance: float | None = None, budget: int | None = None
) -> StochasticCertificate:
    """Prove both sides of the bounds of a stochastic game; see `certify`, which takes the same.

    Examples
    --------
    >>> from bargaining import Game, StochasticGame, payoff_bounds
    >>> good, bad = Game([[9, 1], [10, 3]], [[9, 10], [1, 3]]), Game([[4, 0], [5, 1]], [[4, 5], [0, 1]])
    >>> worsens = [[[0.9, 0.1], [0.5, 0.5]], [[0.5, 0.5], [0.2, 0.8]]]
    >>> bounds = payoff_bounds(StochasticGame([good, bad], [worsens, [0.3, 0.7]], 0.9))
    >>> proof = certify_stochastic_payoff_bounds(bounds)
    >>> proof.inner, proof.outer, proof.holds
    (True, True, True)
    """
    sides, tolerance = found._found, found.bounds[0].tolerance if tolerance is None else tolerance
    units = DEFAULT if budget is None else whole(budget, "budget", 1)
    if sides is None:
        raise NotApplicable(_UNKNOWN)
    if not isinstance(sides, Enclosure):
        return certify_several(found, sides, tolerance, units)
    if sides.inner is None:
        return StochasticCertificate(**fields_of(tolerance, "Nothing is proved: no inner sets were found."))
    scaled = Scaled.of(found.game)
    sets = [some * scaled.size + scaled.low for some in sides.inner]
    return StochasticCertificate(
        **two_sided(found.game, sets, tolerance, budget, lambda made: _off(found, made.data, made.vertices))
    )


def _off(found: StochasticPayoffBounds, data: Rationals, vertices: Sequence[Sequence[Pair]]) -> float:
    """Return how far the inner sets and threats that were given are from what rational sets prove."""
    low, size = (np.array([float(x) for x in pair]) for pair in (data.low, data.size))
    out = 0.0
    for some, rational in zip(found.bounds, vertices, strict=True):
        if not rational:
            out = inf if len(some.inner) else out
            continue
        exact = np.array(floats(rational))
        if len(some.inner):
            out = max(out, float(distances((some.inner - low) / size, exact).max()))
        out = max(out, past(some, exact, low, size))
    return out
