"""Exact answers on polytopes of rational points, as certificates find them."""

from __future__ import annotations

from typing import Any

from bargaining import Polytope
from bargaining.errors import Status
from bargaining.exact import certify
from bargaining.exact.certificate import Claim
from bargaining.exact.registry import certifier_of


def exact(concept: str, points: Any, d: Any, *, free_disposal: bool = False, **parameters: Any) -> Any:
    """Return the exact answer that a claim is compared with, or the name of the status where there is none."""
    certify._fill()
    claim = Claim(
        feasible=Polytope(points, free_disposal=free_disposal),
        batch=(),
        cell=(),
        disagreement=list(d),
        payoffs=[0.0, 0.0],
        status=Status.OK,
        parameters=parameters,
        tolerance=1e-12,
        method=concept,
    )
    certifier = certifier_of(concept, Polytope)
    assert certifier is not None
    proof = certifier(claim)
    return proof.exact or proof.statement.partition("(")[2].partition(")")[0]
