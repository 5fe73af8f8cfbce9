"""Certificates: how far a computed answer is from the exact one, proved rather than estimated.

Where the exact answer is rational it is computed in rationals, from the data as they are, and compared.
Elsewhere a condition that can only fall is seen to change sign on both sides of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from math import inf, nextafter
from typing import Any

import numpy as np

from bargaining.division import ACCURACY, Division
from bargaining.errors import InvalidInput, NotApplicable, Status

Weights = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A proof of how accurate an answer is.

    Attributes
    ----------
    exact : tuple of Fraction, or None
        The exact payoffs, where they are rational.
    bound : float
        No payoff errs by more than this, relative to that player's range of gains; inf if nothing is proved.
    tolerance : float
        The accuracy asked for, with what rounding the data to floats already costs.
    statement : str
        What is proved, and on which premises, in one sentence.
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
    """One cell of a division, ready to be checked: what a certifier gets.

    Attributes
    ----------
    feasible : FeasibleSet
        The set, of the type the certifier was registered for.
    batch : tuple of int
        The shape of the batch.
    cell : tuple of int
        The cell of the batch.
    disagreement, payoffs : list of float
        Of that cell.
    status : Status
        Of that cell.
    parameters : dict
        The concept's parameters, from its label.
    tolerance : float
        The relative accuracy asked for.
    method : str
        The label.
    """

    feasible: Any
    batch: tuple[int, ...]
    cell: tuple[int, ...]
    disagreement: list[float]
    payoffs: list[float]
    status: Status
    parameters: dict[str, Any]
    tolerance: float
    method: str

    def weights(self) -> Weights:
        """Return the weights as rationals that sum to exactly one; equal unless the label has others."""
        players = len(self.payoffs)
        given = self.parameters.get("weights")
        if given is None:
            return (Fraction(1, players),) * players
        if isinstance(given, str):
            raise NotApplicable(
                f"the weights of {self.method} are too many for its label; solve the cell alone."
            )
        each = [Fraction(w) for w in self.at_cell(given, one_each=True)]
        return tuple(w / sum(each) for w in each)

    def at_cell(self, value: Any, *, one_each: bool = False) -> Any:
        """Return the part of a batched array that belongs to this cell, as plain numbers."""
        shape = (*self.batch, len(self.payoffs)) if one_each else self.batch
        return np.broadcast_to(value, shape)[self.cell].tolist()


Certifier = Callable[[Claim], Certificate]
_CERTIFIERS: dict[tuple[str, type], Certifier] = {}
_ELSEWHERE = {"PayoffSet": ("bargaining.exact.payoff_certificate", "certify_payoff_set")}


def register(method: str, feasible: type) -> Callable[[Certifier], Certifier]:
    """Make a function the certifier of a method on a representation; the most specific type wins.

    Parameters
    ----------
    method : str
        The name a division's `method` starts with.
    feasible : type
        The class of feasible sets.
    """

    def add(certifier: Certifier) -> Certifier:
        _CERTIFIERS[method, feasible] = certifier
        return certifier

    return add


def certify(result: Any, *, tolerance: float = ACCURACY, cell: tuple[int, ...] = ()) -> Certificate:
    """Prove how far a computed answer is from the exact one.

    Parameters
    ----------
    result : Division or PayoffSet
        What to check. Nothing of it is trusted but the problem it answers.
    tolerance : float, default 1e-12
        The relative accuracy asked for. Data of size m and range of gains g carry an error of 64 m / g
        roundings in addition.
    cell : tuple of int, optional
        Which cell of a batch.

    Returns
    -------
    Certificate
        `.exact` holds the payoffs in rationals where they are, `.bound` the proved error and `.statement` what
        was proved; `.holds` says whether the bound meets the tolerance.

    Raises
    ------
    NotApplicable
        If no certifier is known for the method on this feasible set.
    InvalidInput
        If `cell` does not name one cell.

    Notes
    -----
    On a `Polytope` and a `TransferableSurplus` the answer is compared with the exact one, for the data as the
    set holds them. On a `Frontier` the proof rests on `function` and `derivative` being right to four
    units in the last place, decreasing and concave; without a derivative it uses chords alone, and
    proves no more than about 1e-8 where the division is at a smooth optimum.

    Examples
    --------
    >>> from bargaining import Polytope, Problem, nash
    >>> proof = certify(nash(Problem(Polytope([[0, 0], [4, 0], [0, 1]]), [0, 0])))
    >>> proof.exact
    (Fraction(2, 1), Fraction(1, 2))
    >>> proof.holds
    True
    """
    if not isinstance(result, Division):
        return _certify_other(result, tolerance)
    if result.problem is None:
        raise NotApplicable(f"{result.method} carries its own primitives; there is no certifier for it.")
    from bargaining.exact import _certifiers  # noqa: F401  (fills the table)

    claim = _claim(result, cell, tolerance)
    name = claim.method.partition("(")[0]
    for kind in type(claim.feasible).__mro__:
        if (name, kind) in _CERTIFIERS:
            return _CERTIFIERS[name, kind](claim)
    known = sorted(method for method, kind in _CERTIFIERS if isinstance(claim.feasible, kind))
    raise NotApplicable(
        f"no certifier for {name} on {type(claim.feasible).__name__}; known there: {', '.join(known) or 'none'}."
    )


def _certify_other(result: Any, tolerance: float) -> Certificate:
    kind = type(result).__name__
    if kind not in _ELSEWHERE:
        raise InvalidInput(f"`result` must be a Division or a PayoffSet; got a {kind}.")
    module, name = _ELSEWHERE[kind]
    proof: Certificate = getattr(import_module(module), name)(result, tolerance=tolerance)
    return proof


def _claim(division: Division, cell: tuple[int, ...], tolerance: float) -> Claim:
    problem = division.problem
    batch = division.payoffs.shape[:-1]
    if (
        problem is None
        or len(cell) != len(batch)
        or not all(0 <= k < m for k, m in zip(cell, batch, strict=True))
    ):
        raise InvalidInput(f"`cell` must name one cell of the batch {batch}; got {cell!r}.")
    d = np.broadcast_to(problem.disagreement, division.payoffs.shape)[cell].tolist()
    return Claim(
        feasible=problem.feasible,
        batch=batch,
        cell=cell,
        disagreement=d,
        payoffs=division.payoffs[cell].tolist(),
        status=Status(int(np.broadcast_to(division.status, batch)[cell])),
        parameters=_parameters(division.method),
        tolerance=tolerance,
        method=division.method,
    )


def _parameters(label: str) -> dict[str, Any]:
    """Return what a label such as ``nash(weights=[0.25, 0.75])`` records: numbers and lists, read as JSON."""
    found: dict[str, Any] = {}
    decoder = json.JSONDecoder()
    for match in re.finditer(r"(\w+)=", label):
        try:
            found[match[1]] = decoder.raw_decode(label, match.end())[0]
        except json.JSONDecodeError:
            found[match[1]] = label[match.end() :].rstrip(")")
    return found


def compare(
    claim: Claim, exact: tuple[Fraction, ...] | None, status: Status, ranges: tuple[Fraction, ...], what: str
) -> Certificate:
    """Return the certificate that sets a claim beside the exact answer.

    Parameters
    ----------
    exact : tuple of Fraction or None
        The exact payoffs; None where there is no answer, and then the status is what is certified.
    status : Status
        How the exact problem ends.
    ranges : tuple of Fraction
        What each player's error is relative to; positive.
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
    if not np.isfinite(claim.payoffs).all():
        statement = f"{what}: the exact answer is rational, but {claim.status.name} was computed."
        return Certificate(exact=exact, bound=inf, tolerance=claim.tolerance, statement=statement)
    errors = (abs(Fraction(x) - e) / r for x, e, r in zip(claim.payoffs, exact, ranges, strict=True))
    bound = above(max(errors))
    sizes = (
        max(abs(e), abs(Fraction(d))) / r for e, d, r in zip(exact, claim.disagreement, ranges, strict=True)
    )
    allowed = claim.tolerance + 64 * float(np.finfo(float).eps) * float(max(sizes))
    statement = (
        f"{what}: the exact answer is rational; the payoffs are within {bound:.2g} of it, over the gains."
    )
    return Certificate(exact=exact, bound=bound, tolerance=allowed, statement=statement)


def above(value: Fraction) -> float:
    """Return a float that is at least `value`."""
    try:
        return 0.0 if value == 0 else nextafter(float(value), inf)
    except OverflowError:
        return inf
