"""Certificates: proved bounds on the distance between a computed answer and the exact one.

Where the exact answer is rational it is computed in rationals, from the exact data, and compared.
Elsewhere a decreasing condition is shown to have opposite signs on both sides of the answer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from bargaining._arrays import scalar
from bargaining._calls import suggesting
from bargaining.division import ACCURACY, Division
from bargaining.errors import InvalidInput, NotApplicable, Status, with_article
from bargaining.exact.certificate import (
    Certificate,
    Claim,
    certifier_of,
    compare,
    enclose,
    register,
    why_not,
)
from bargaining.feasible.transform import Cell, set_of_cell
from bargaining.games.kinds import kind_of, known, loaded

if TYPE_CHECKING:
    from bargaining.equilibria.payoff_set import PayoffBounds, StochasticPayoffBounds
    from bargaining.equilibria.repeated.payoff_set import PayoffSet
    from bargaining.equilibria.repeated.public import PublicPayoffSet
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.exact.set_certificate import PayoffCertificate, PublicCertificate, StochasticCertificate

__all__ = ["Certificate", "Claim", "certify", "compare", "enclose", "register"]


@overload
def certify(
    result: Division, *, tolerance: float | None = ..., cell: tuple[int, ...] = ...
) -> Certificate: ...
@overload
def certify(
    result: PublicPayoffSet, *, tolerance: float | None = ..., budget: int | None = ...
) -> PublicCertificate: ...
@overload
def certify(
    result: PayoffSet | PayoffBounds, *, tolerance: float | None = ..., budget: int | None = ...
) -> PayoffCertificate: ...
@overload
def certify(
    result: StochasticPayoffSets | StochasticPayoffBounds,
    *,
    tolerance: float | None = ...,
    budget: int | None = ...,
) -> StochasticCertificate: ...
@suggesting
def certify(
    result: Division
    | PayoffSet
    | PublicPayoffSet
    | PayoffBounds
    | StochasticPayoffSets
    | StochasticPayoffBounds,
    *,
    tolerance: float | None = None,
    cell: tuple[int, ...] = (),
    budget: int | None = None,
) -> Certificate | PayoffCertificate | PublicCertificate | StochasticCertificate:
    """Prove how far a computed answer is from the exact one.

    Parameters
    ----------
    result : Division, PayoffSet, PublicPayoffSet, StochasticPayoffSets, or bounds
        The answer to check; of a division only its problem, method and payoffs are used. Bounds are those that
        `payoff_bounds` returned, which keep how they were found.
    tolerance : float, optional
        The required relative accuracy: for payoff sets and bounds by default the one with which they were computed, for
        divisions 1e-12. For data of size m and range of gains g, 64 m / g roundings are allowed in addition.
    cell : tuple of int, optional
        Which cell of a batch.
    budget : int, optional
        For payoff sets, the units of work after which to give up and report what has been proved: one per vertex
        computed in rationals, or per bound of a profile and a face. 30 million by default, about half a minute.

    Returns
    -------
    Certificate
        ``.exact`` has the exact payoffs where they are rational, ``.bound`` the proved bound on the error and
        ``.statement`` the proved statement; ``.holds`` says whether the bound meets the tolerance.
    PayoffCertificate, PublicCertificate or StochasticCertificate
        The same for payoff sets, whose ``.vertices`` are rational.

    Raises
    ------
    NotApplicable
        If no certifier is known for the method on this feasible set; the message says why.
    InvalidInput
        If `cell` does not name one cell.

    Notes
    -----
    On a `Polytope` and a `TransferableSurplus` the answer is compared with the exact one, for the data in the set, or,
    if that is not rational, with a box of rationals that contains it. On a `Frontier` the proof assumes that
    `function` is decreasing and concave, and that `function` and `derivative` are right to four units in the last
    place. Without a derivative it uses only chords, and the bound is no better than about 1e-8 if the division is at a
    smooth optimum. What has no certifier still has a `residual`, computed anew from the payoffs.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, certify, nash
    >>> proof = certify(nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])))
    >>> proof.exact
    (Fraction(2, 1), Fraction(1, 2))
    >>> proof.holds
    True
    """
    if tolerance is not None:
        tolerance = scalar(tolerance, "tolerance")
    if not isinstance(result, Division):
        if cell != ():
            raise InvalidInput(
                f"`cell` is for a batch of divisions; got {cell!r} with a {type(result).__name__}."
            )
        return _certify_other(result, tolerance, budget)
    if budget is not None:
        raise InvalidInput(f"`budget` is for payoff sets; got {budget!r} with a Division.")
    if result.problem is None:
        raise NotApplicable(
            f"{result.method} is not the answer to a `Problem`; there is no certifier for it."
        )
    _fill()
    claim = _claim(result, cell, ACCURACY if tolerance is None else tolerance)
    name = claim.method.partition("(")[0]
    certifier = certifier_of(name, type(claim.feasible))
    if certifier is None:
        raise NotApplicable(why_not(name, claim.feasible))
    return certifier(claim)


def _fill() -> None:
    """Import the modules that register certifiers."""
    for room in ("polytopes", "frontiers"):
        import_module(f"bargaining.exact._concepts.{room}")


def _certify_other(
    result: Any, tolerance: float | None, budget: int | None
) -> PayoffCertificate | PublicCertificate | StochasticCertificate:
    kind = kind_of(result, "result")
    if kind is None or kind.certificate is None:
        raise InvalidInput(
            f"`result` must be a Division or one of {', '.join(known('result'))}; got {with_article(result)}. "
            "Pass what a concept or `payoff_set` returned, as in certify(nash(problem))."
        )
    proof: PayoffCertificate | PublicCertificate | StochasticCertificate = loaded(kind.certificate)(
        result, tolerance=tolerance, budget=budget
    )
    return proof


def _claim(division: Division, cell: tuple[int, ...], tolerance: float) -> Claim:
    problem = division.problem
    batch = division.payoffs.shape[:-1]
    if (
        problem is None
        or not isinstance(cell, tuple)
        or len(cell) != len(batch)
        or not all(isinstance(k, int | np.integer) and 0 <= k < m for k, m in zip(cell, batch, strict=True))
    ):
        raise InvalidInput(f"`cell` must name one cell of the batch {batch}; got {cell!r}.")
    d = np.broadcast_to(problem.disagreement, division.payoffs.shape)[cell].tolist()
    feasible = set_of_cell(problem.feasible, cell, batch)
    return Claim(
        feasible=feasible.within if isinstance(feasible, Cell) else feasible,
        batch=batch,
        cell=cell,
        disagreement=d,
        payoffs=division.payoffs[cell].tolist(),
        status=Status(int(np.broadcast_to(division.status, batch)[cell])),
        parameters=division.parameters,
        tolerance=tolerance,
        method=division.method,
    )
