"""Sets seen in other units, under other names or above a floor, undone in rationals.

`Problem.rescale`, `relabel` and `restrict` wrap a set that they cannot rewrite. A claim about the wrapped set is turned
into one about the set within: the players are put into its order, which no concept minds; units and floors compose to
a single `View`, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from bargaining.exact.certificate import Certificate, Claim, Number, View
from bargaining.feasible.base import FeasibleSet
from bargaining.feasible.transform import Relabelled, Rescaled, Restricted

Vector = tuple[Fraction, ...]

ROUNDINGS = Fraction(4, 2**52)  # relative: those of two changes of units


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """A claim about the innermost set, and where each of the given players is among its players."""

    claim: Claim
    places: tuple[int, ...]

    def back(self, proof: Certificate) -> Certificate:
        """Return a proof about the claim with the players in the order they were given."""
        exact = None if proof.exact is None else tuple(proof.exact[k] for k in self.places)
        return replace(proof, exact=exact)


def unwrap(claim: Claim) -> Unwrapped | None:
    """Return a claim about the set within the wrappers; None if there are none."""
    if not isinstance(claim.feasible, Rescaled | Relabelled | Restricted):
        return None
    n = len(claim.payoffs)
    feasible: FeasibleSet = claim.feasible
    view = View(scale=(Fraction(1),) * n, shift=(Fraction(0),) * n, floor=None)
    places = tuple(range(n))  # among the set's players, of each player given
    while isinstance(feasible, Rescaled | Relabelled | Restricted):
        if isinstance(feasible, Relabelled):
            places = tuple(int(feasible.order[k]) for k in places)
        else:
            view = _through(feasible, view, claim, places)
        feasible = feasible.within
    order = [places.index(k) for k in range(n)]
    inner = replace(
        claim,
        feasible=feasible,
        view=_turned(view, claim, order),
        disagreement=[claim.disagreement[k] for k in order],
        payoffs=[claim.payoffs[k] for k in order],
        parameters=_reordered(claim, order),
    )
    return Unwrapped(claim=inner, places=places)


def _through(feasible: Rescaled | Restricted, view: View, claim: Claim, places: tuple[int, ...]) -> View:
    """Return the view of the set within, given that of its wrapper."""
    if isinstance(feasible, Restricted):
        bound = _affine(_given(claim, feasible.floor, places), view)
        return replace(view, floor=bound if view.floor is None else tuple(map(max, view.floor, bound)))
    shift = _affine(_given(claim, feasible.shift, places), view)
    scale = _given(claim, feasible.scale, places)
    return replace(view, scale=tuple(a * v for a, v in zip(view.scale, scale, strict=True)), shift=shift)


def _affine(vector: Vector, view: View) -> Vector:
    return tuple(a * v + b for a, v, b in zip(view.scale, vector, view.shift, strict=True))


def _turned(view: View, claim: Claim, order: list[int]) -> View:
    """Return the view with the players in another order."""
    floor = None if view.floor is None else _lowered(view.floor, claim.disagreement, view.shift)
    turned = [None if v is None else tuple(v[k] for k in order) for v in (view.scale, view.shift, floor)]
    return View(scale=turned[0] or (), shift=turned[1] or (), floor=turned[2])


def _lowered(floor: Vector, disagreement: list[Number], shift: Vector) -> Vector:
    """Return the floor, at d where it is a few roundings above: units changed after `restrict()` leave it there."""
    found = []
    for f, x, b in zip(floor, disagreement, shift, strict=True):
        d = Fraction(x)
        near = d < f <= d + ROUNDINGS * (abs(d) + abs(b) + abs(d - b))
        found.append(d if near else f)
    return tuple(found)


def _given(claim: Claim, vector: Any, places: tuple[int, ...]) -> Vector:
    """Return a vector over the players of a wrapped set in the order of those given."""
    values = claim.at_cell(vector, one_each=True)
    return tuple(Fraction(values[k]) for k in places)


def _reordered(claim: Claim, order: list[int]) -> dict[str, Any]:
    """Return the parameters for players in another order."""
    found = dict(claim.parameters)
    for name in ("weights", "reference"):
        if found.get(name) is not None:
            values = claim.given(name, one_each=True)
            found[name] = [values[k] for k in order]
    if "player" in found:
        found["player"] = order.index(claim.given("player"))
    return found
