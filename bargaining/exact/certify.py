"""Certificates: proved bounds on the distance between a computed answer and the exact one.

Where the exact answer is rational it is computed in rationals, from the exact data, and compared. Elsewhere a box is
proved to contain it, or a decreasing condition to have opposite signs on both sides of the answer. Certifiers are
registered by the name of the method and the class of the set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from importlib import import_module
from math import inf, isfinite, nextafter
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from bargaining._arrays import scalar
from bargaining._calls import suggesting
from bargaining._rich import Shown
from bargaining.division import ACCURACY, Division
from bargaining.errors import InvalidInput, NotApplicable, Status, with_article
from bargaining.feasible.transform import Cell, set_of_cell
from bargaining.games.kinds import kind_of, known, loaded

if TYPE_CHECKING:
    from bargaining.equilibria.payoff_set import PayoffBounds, StochasticPayoffBounds
    from bargaining.equilibria.repeated.payoff_set import PayoffSet
    from bargaining.equilibria.repeated.public import PublicPayoffSet
    from bargaining.equilibria.stochastic.payoff_sets import StochasticPayoffSets
    from bargaining.exact.set_certificate import PayoffCertificate, PublicCertificate, StochasticCertificate


Weights = tuple[Fraction, ...]
Number = float | Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate(Shown):
    """A proof of how accurate an answer is.

    Attributes
    ----------
    exact : tuple of Fraction, or None
        The exact payoffs, where they are rational.
    bound : float
        The largest possible error of a payoff, relative to the player's range of gains; inf if nothing is proved.
    tolerance : float
        The required accuracy, plus the error due to rounding the data to floats.
    statement : str
        The proved statement and its premises, in one sentence.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, certify, nash
    >>> certificate = certify(nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])))
    >>> certificate.holds, certificate.exact
    (True, (Fraction(2, 1), Fraction(1, 2)))
    """

    exact: tuple[Fraction, ...] | None
    bound: float
    tolerance: float
    statement: str

    @property
    def holds(self) -> bool:
        """Whether the proved bound meets the tolerance."""
        return self.bound <= self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One cell of a division to be checked: the argument of a certifier."""

    division: Division  # the whole batch
    feasible: Any  # of the type that the certifier was registered for
    batch: tuple[int, ...]
    cell: tuple[int, ...]
    disagreement: list[Number]
    payoffs: list[Number]
    status: Status
    parameters: Mapping[str, Any]  # for the whole batch; `given` and `at_cell` return those of the cell
    tolerance: float  # the required relative accuracy
    method: str

    @property
    def finite(self) -> bool:
        """Whether there are payoffs."""
        return all(isfinite(x) for x in self.payoffs)

    def weights(self) -> Weights:
        """Return the weights as rationals that sum to exactly one; equal where the division has none."""
        if self.parameters.get("weights") is None:
            return (Fraction(1, len(self.payoffs)),) * len(self.payoffs)
        each = [Fraction(w) for w in self.given("weights", one_each=True)]
        return tuple(w / sum(each) for w in each)

    def given(self, name: str, *, one_each: bool = False) -> Any:
        """Return a parameter of the method in this cell, as plain numbers: one, or one for each player."""
        if name not in self.parameters:
            raise InvalidInput(
                f"`parameters` of the division must have {name!r}, which {self.method} depends on; got "
                f"{', '.join(map(repr, self.parameters)) or 'none'}."
            )
        return self.at_cell(self.parameters[name], one_each=one_each)

    def power(self) -> float:
        """Return the p of Yu's solution; NotApplicable if it is not 1, 2 or infinity."""
        power = float(self.given("p"))
        if power not in (1, 2, inf):
            raise NotApplicable(f"{self.method} is certified with p = 1, 2 and infinity only. {_RESIDUAL}")
        return power

    def at_cell(self, value: Any, *, one_each: bool = False) -> Any:
        """Return the part of a batched array that belongs to this cell, as plain numbers."""
        shape = (*self.batch, len(self.payoffs)) if one_each else self.batch
        return np.broadcast_to(value, shape)[self.cell].tolist()


def compare(
    claim: Claim, exact: tuple[Fraction, ...] | None, status: Status, ranges: tuple[Fraction, ...], what: str
) -> Certificate:
    """Return the certificate that compares a claim with the exact answer.

    Parameters
    ----------
    exact : tuple of Fraction or None
        The exact payoffs; None where there is no answer, and then the status is certified.
    status : Status
        The exact status.
    ranges : tuple of Fraction
        The unit of each player's error; positive.
    what : str
        The subject of the statement.
    """
    if exact is None:
        agreed = claim.status == status
        verdict = "as computed" if agreed else f"but {claim.status.name} was computed"
        statement = f"{what}: there is no answer ({status.name}), {verdict}."
        return Certificate(
            exact=None, bound=0.0 if agreed else inf, tolerance=claim.tolerance, statement=statement
        )
    proof = enclose(claim, exact, exact, ranges, what)
    how = f"{claim.status.name} was computed"
    if claim.finite:
        how = f"the payoffs are within {proof.bound:.2g} of it, over the gains"
    return replace(proof, exact=exact, statement=f"{what}: the exact answer is rational; {how}.")


def enclose(
    claim: Claim,
    low: tuple[Fraction, ...],
    high: tuple[Fraction, ...],
    ranges: tuple[Fraction, ...],
    what: str,
) -> Certificate:
    """Return the certificate that compares a claim with a box proved to contain the exact answer.

    `low` and `high` are the least and the largest payoffs that the answer can have, `ranges` what each player's error
    is relative to; `what` is the subject of the statement.
    """
    bound, allowed = inf, claim.tolerance
    if claim.finite:
        sides = zip(claim.payoffs, low, high, ranges, strict=True)
        bound = above(max(max(abs(Fraction(x) - a), abs(Fraction(x) - b)) / r for x, a, b, r in sides))
        allowed = allowance(claim, high, ranges)
    statement = (
        f"{what}: the exact answer is enclosed; the payoffs are within {bound:.2g} of it, over the gains."
    )
    return Certificate(exact=None, bound=bound, tolerance=allowed, statement=statement)


def allowance(claim: Claim, payoffs: tuple[Fraction, ...], ranges: tuple[Fraction, ...]) -> float:
    """Return the tolerance plus 64 roundings of the data over the range of gains."""
    sizes = (
        max(abs(x), abs(Fraction(d))) / r for x, d, r in zip(payoffs, claim.disagreement, ranges, strict=True)
    )
    return claim.tolerance + 64 * float(np.finfo(float).eps) * float(max(sizes))


def above(value: Fraction) -> float:
    """Return a float that is at least `value`."""
    try:
        return 0.0 if value == 0 else nextafter(float(value), inf)
    except OverflowError:
        return inf


Certifier = Callable[[Claim], Certificate]
"""Proves how far the payoffs of a claim are from the exact ones."""

_CERTIFIERS: dict[tuple[str, type], Certifier] = {}
_WRAPPED = "certify the answer to the problem before it is rescaled, relabelled or restricted."
_REASONS = {
    "ConvexProgram": "nothing is proved about programs.",
    "FreeDisposalHull": "nothing is proved about sets that are not convex.",
    "Union": "nothing is proved about sets that are not convex.",
    "Image": _WRAPPED,
    "Restricted": _WRAPPED,
    "raiffa": "its steps are not taken in rationals.",
    "continuous_raiffa": "its path is not followed in rationals.",
}
"""Why a concept, or a representation, has no certifier."""
_NOBODY = "none was registered; add one with `bargaining.exact.certify.register`, or describe the set as a Polytope."
_RESIDUAL = "The `residual` of the division says by how much the payoffs violate their definition."


def register(method: str, feasible: type) -> Callable[[Certifier], Certifier]:
    """Make a function the certifier of a method on a class of sets; the most specific class is used.

    The name of a division's method begins with `method`.
    """

    def add(certifier: Certifier) -> Certifier:
        _CERTIFIERS[method, feasible] = certifier
        return certifier

    return add


def certifier_of(name: str, feasible: type) -> Certifier | None:
    """Return the certifier of a method on a representation; None if there is none."""
    known = ((name, kind) for kind in feasible.__mro__)
    return next((_CERTIFIERS[key] for key in known if key in _CERTIFIERS), None)


def why_not(name: str, feasible: Any) -> str:
    """Say that there is no certifier of a method on a set, why, and which methods have one there."""
    known = sorted(method for method, kind in _CERTIFIERS if isinstance(feasible, kind))
    represented = type(feasible).__name__
    reason = _REASONS.get(name) or _REASONS.get(represented) or _NOBODY
    return f"no certifier for {name} on {represented}: {reason} Known there: {', '.join(known) or 'none'}. {_RESIDUAL}"


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
    if that is not rational, with a box of rationals that contains it. Of a `second_best` mechanism rounded multipliers
    prove the sum from above and a mechanism in rationals from below; data within rounding of fractions with
    denominators up to a million are taken for these. On a `Frontier` the proof assumes that `function` is decreasing
    and concave, and that `function` and `derivative` are right to four units in the last
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
    for room in ("polytopes", "frontiers", "mechanisms"):
        import_module(f"bargaining.exact._concepts.{room}")


def _certify_other(
    result: Any, tolerance: float | None, budget: int | None
) -> PayoffCertificate | PublicCertificate | StochasticCertificate:
    kind = kind_of(result, "result")
    if kind is None or kind.certificate is None:
        able = ", ".join(known("result", "certificate"))
        raise InvalidInput(
            f"`result` must be a Division or one of {able}; got {with_article(result)}. Pass "
            "what a concept or `payoff_set` returned, as in certify(nash(problem))."
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
        division=division,
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
