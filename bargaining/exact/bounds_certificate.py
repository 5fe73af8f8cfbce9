r"""Bounds of stochastic games certified from both sides; each state has faces of its own.

*Inner.* Rational sets lie within their image under the operator, so that all of the image is attained by equilibria.

*Outer.* See `outer_levels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import inf

import numpy as np

from bargaining._arguments import instance, whole
from bargaining.equilibria._plane.generation import Generation, floats, generate, repaired
from bargaining.equilibria._plane.lottery import Pair, hull
from bargaining.equilibria._plane.polygon import distances
from bargaining.equilibria._plane.rationals import DEFAULT, Rationals, Spent, Work
from bargaining.equilibria.repeated._hyperplanes.refinement import Several
from bargaining.equilibria.repeated.supporting_hyperplanes import PayoffBounds
from bargaining.equilibria.sets.search import Enclosure
from bargaining.equilibria.stochastic.payoff_bounds import StochasticPayoffBounds
from bargaining.errors import NotApplicable
from bargaining.exact.outer_levels import OuterLevels, floats_of, outer_levels
from bargaining.exact.public_certificate import certify_public_payoff_set, past
from bargaining.exact.set_certificate import PayoffCertificate, StochasticCertificate, fields_of
from bargaining.exact.several_certificate import certify_several, off_nothing
from bargaining.games.stochastic import StochasticGame

_MANY = 300  # vertices beyond which their equations take too long
_UNKNOWN = "Only bounds that `payoff_bounds` has returned can be proved: it keeps how they were found."


def certify_payoff_bounds(
    found: PayoffBounds, *, tolerance: float | None = None, budget: int | None = None
) -> PayoffCertificate:
    """Prove both sides of the bounds of a repeated game; see `certify`, which takes the same.

    Examples
    --------
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
    if not isinstance(sides, Several):
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
    data, work, spent = Rationals(found.game), Work(units), ""
    made: Generation | str = "the `budget` is spent"
    levels: OuterLevels | None = None
    try:
        made = _inside(data, sides, work)
        levels = outer_levels(data, sides.outer if isinstance(made, str) else floats_of(made.vertices), work)
    except Spent:
        spent = f" The `budget` of {units} units is spent: give a larger one."
    if levels is not None and [len(some) > 0 for some in sides.outer] != [
        some is not None for some in levels.levels
    ]:
        levels = None
    empty = levels is not None and not any(some is not None for some in levels.levels)
    vertices = () if isinstance(made, str) else made.vertices
    bound = inf
    if vertices and levels is not None:
        bound = max(levels.beyond(floats_of(vertices)), _off(found, data, vertices))
    inner = any(map(len, vertices)) or empty
    count = sum(map(len, vertices))
    inside = f"{count} rational vertices in {len(found)} states generate themselves, checked exactly."
    if not count:
        inside = "" if empty else f"Nothing is proved from inside: {made}."
    outside = "Nothing is proved from outside."
    if empty:
        outside = "No profile can be sustained in any state: the outer sets vanish."
    elif levels is not None:
        faces = len(levels.fan) * sum(some is not None for some in levels.levels)
        outside = f"The operator maps {faces} faces into themselves, checked exactly"
        outside += f"; they reach {bound:.1e} of the range beyond the vertices at most." if count else "."
    return StochasticCertificate(
        **fields_of(
            tolerance,
            f"{inside} {outside}{spent}".strip(),
            inner=inner,
            outer=levels is not None,
            bound=off_nothing(found) if empty else bound,
            vertices=tuple(tuple(data.back(vertex) for vertex in some) for some in vertices),
        )
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


def _inside(data: Rationals, found: Enclosure, work: Work) -> Generation | str:
    """Return rational vertices that generate themselves, close to the inner sets."""
    if found.inner is None or not any(map(len, found.inner)):
        return "no inner sets were found"
    if sum(map(len, found.inner)) <= _MANY:
        low, size = (np.array([float(x) for x in pair]) for pair in (data.low, data.size))
        made = generate(data.game, [some * size + low for some in found.inner], work)
        if not isinstance(made, str):
            return made
    near = [[(Fraction(x), Fraction(y)) for x, y in some.tolist()] for some in found.inner]
    sets = tuple(tuple(some[k] for k in hull(some)) for some in near)
    mended = repaired(Generation(data, sets, ((),) * len(sets), exact=False), work)
    return "the inner sets lie within their image up to rounding only" if mended is None else mended
